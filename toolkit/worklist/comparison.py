"""The second look that needs other lines: a duplicate's original, the interval before a frequency denial.

In three steps, so that a set which holds only some claims of a patient can be compared with the
others later: the rows `asked`, the services `given`, and what comparing them adds.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import Claims, text
from toolkit.denials.second_look import of_service, turns_on_service
from toolkit.denials.services import covered_again, frequency_of, is_drug, service_of
from toolkit.worklist.keys import NO_DAY, Coded, coded, combined, keys_at, keys_of, positions, taken

_GIVEN = ["patient", "service", "service_from", "billed_cents"]


def second_looks(claims: Claims, rows: pd.DataFrame, netted: pd.Series) -> pd.Series:
    """Return the warnings of each row, with those that turn on its service or on other lines.

    `rows` have denial_key, claim_key, line_key, procedure_code, service_from, program,
    denial_category, reason and second_look; `netted` says which claims are taken back. Only the
    rows whose category or reason can have such a warning are looked at again. Returns ids, one
    space between.
    """
    part = asked(rows, claims, netted)
    if part.empty:
        return rows["second_look"]
    more = compared(part, given(claims, netted, part["patient"].dropna().unique()))
    more = more.set_axis(part.index).reindex(rows.index, fill_value="")
    return rows["second_look"].add(" " + more).str.strip()


def asked(
    rows: pd.DataFrame,
    claims: Claims,
    netted: pd.Series | np.ndarray,
    *,
    places: tuple[np.ndarray, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Return the rows of a worklist that can have a warning which turns on service or other lines.

    One row per such row, its index and order kept: denial_key, claim_key, line_key,
    procedure_code, service_from, program, denial_category and reason as there; patient, service
    and billed_cents as `given` has them for the same line or claim, and no patient where it has
    none of it. `places` are the rows' places in the tables of claims and lines, where known.
    """
    turns_on = turns_on_service()
    again = rows["reason"].isin(turns_on["reason"])
    again |= rows["denial_category"].isin(turns_on["denial_category"])
    if places is None:
        places = (
            positions(keys_of(rows["claim_key"]), keys_of(claims.claims["claim_key"])),
            positions(keys_of(rows["line_key"]), keys_of(claims.claim_lines["line_key"])),
        )
    at = np.flatnonzero(again)
    part = rows.iloc[at]
    claim, line = places[0][at], places[1][at]
    own = _services(claims, claim, line, part["line_key"].isna().to_numpy())
    stands = own.known & ~taken(np.asarray(netted, dtype=bool), claim, True)
    names = ["denial_key", "claim_key", "line_key", "procedure_code", "service_from", "program",
             "denial_category", "reason"]  # fmt: skip
    return part[names].assign(
        patient=text(keys_at(own.patients, np.where(stands, own.patient, -1))),
        service=own.service.array("text"),
        billed_cents=own.billed,
    )


def given(
    claims: Claims,
    netted: pd.Series | np.ndarray,
    patients: pd.Series | None = None,
    *,
    claim_of: np.ndarray | None = None,
) -> pa.Table:
    """Return the services given, one row per line and per claim: of these patients, or of all.

    `place` is the key of the line, or of the claim, and `on_line` says which; `patient` is the member
    number, else our own number; `service` the procedure code, else the revenue code, or the whole claim;
    `paid` whether anything was paid. Netted claims are left out,
    and what lacks a patient, a service, a day or a charge. `claim_of` is the place of each line's
    claim in the claims, where it is known.
    """
    netted = np.asarray(netted, dtype=bool)
    concerned = ~netted
    if patients is not None:
        whose = pa.array(patients, pa.large_string(), from_pandas=True)
        every = _patients(claims.claims)
        concerned &= pc.is_in(every, value_set=whose).to_numpy(zero_copy_only=False)
    claim_keys = keys_of(claims.claims["claim_key"])
    if claim_of is None:
        claim_of = positions(keys_of(claims.claim_lines["claim_key"]), claim_keys)
    claim = np.flatnonzero(concerned)
    line = np.flatnonzero(taken(concerned, claim_of, False))
    on_line = np.arange(len(claim) + len(line)) >= len(claim)
    found = _services(
        claims,
        np.concatenate([claim, claim_of[line]]),
        np.concatenate([np.full(len(claim), -1), line]),
        ~on_line,
    )
    places = pa.concat_arrays([claim_keys, keys_of(claims.claim_lines["line_key"])])
    place = np.concatenate([claim, len(claim_keys) + line])
    at = np.flatnonzero(found.known)
    columns = {
        "place": keys_at(places, place[at]),
        "on_line": pa.array(on_line[at]),
        "patient": keys_at(found.patients, found.patient[at]),
        "service": found.service.take(at).arrow(),
        "procedure_code": found.procedure_code.take(at).arrow(),
        "service_from": pa.array(found.day[at]),
        "billed_cents": pa.array(found.billed[at]),
        "paid": pa.array(found.paid[at]),
    }
    return pa.table(columns)


def turns_on_others(asked: pd.DataFrame) -> bool:
    """Say whether any of these rows needs the services given; the others turn on their own service."""
    turns_on = turns_on_service()
    duplicates = asked["denial_category"].isin(turns_on["original"])
    return bool(duplicates.any() or asked["reason"].isin(turns_on["interval"]).any())


def compared(asked: pd.DataFrame, given: pa.Table) -> pd.Series:
    """Return the ids to add to `second_look`, one space between, in the order asked.

    Index: denial_key; '' where there is nothing to add. The services given to a patient may come
    from many sets: all of them, the asked rows' own too, and none twice.
    """
    facts = {
        name: coded(asked[name])
        for name in ("denial_category", "reason", "program", "procedure_code")
    }
    facts |= {"original": _originals(asked, given), "interval": _intervals(asked, given)}
    number, first = combined(facts.values())
    columns = [[*column.values, None] for column in facts.values()]
    codes = [column.code[first].tolist() for column in facts.values()]
    words = [
        _more(*(values[at] for values, at in zip(columns, row, strict=True)))
        for row in zip(*codes, strict=True)
    ]
    return pd.Series(Coded(number, words).array("text"), index=asked["denial_key"])


@lru_cache(maxsize=100_000)
def _more(denial_category, reason, program, procedure_code, original, interval) -> str:
    return " ".join(
        of_service(
            denial_category=denial_category,
            reason=reason,
            program=program,
            drug=is_drug(procedure_code),
            service=service_of(procedure_code),
            original=original,
            interval=interval,
        )
    )


def _patients(claims: pd.DataFrame) -> pa.Array:
    """Return the patient of each claim: the member number, else our own number."""
    member = keys_of(claims["member_id"])
    named = pc.fill_null(pc.not_equal(member, _word("")), False)
    return pc.if_else(named, member, keys_of(claims["patient_control_number"]))


class _Services(NamedTuple):
    """What was given on each of some lines, or by a whole claim; `patient` is a place in `patients`."""

    patients: pa.Array
    patient: np.ndarray
    service: Coded
    procedure_code: Coded
    day: np.ndarray
    billed: pd.arrays.IntegerArray
    paid: np.ndarray

    @property
    def known(self) -> np.ndarray:
        """Which of them have a patient, a service, a day and a charge."""
        named = self.patients.is_valid().to_numpy(zero_copy_only=False)
        return (
            taken(named, self.patient, False)
            & (self.service.code >= 0)
            & ~np.isnat(self.day)
            & ~np.asarray(self.billed.isna())
        )


def _services(
    claims: Claims, claim: np.ndarray, line: np.ndarray, on_claim: np.ndarray
) -> _Services:
    """Return what was given on each of these lines, or by the whole claim.

    By their places in the tables; nothing is known where the place is -1.
    """
    lines = claims.claim_lines
    whole = np.where(on_claim, claim, -1)
    code, revenue = (coded(lines[name]).take(line) for name in ("procedure_code", "revenue_code"))
    words = ["claim", *code.values, *(f"revenue {value}" for value in revenue.values)]
    by_revenue = np.where(revenue.code < 0, -1, 1 + len(code.values) + revenue.code)
    service = np.where(whole >= 0, 0, np.where(code.code < 0, by_revenue, 1 + code.code))
    day = taken(claims.claims["service_from"].to_numpy("datetime64[us]"), claim, NO_DAY)
    own = taken(lines["service_from"].to_numpy("datetime64[us]"), line, NO_DAY)
    billed, paid = (
        _cents(lines[name].array, line, claims.claims[name].array, whole)
        for name in ("billed_cents", "paid_cents")
    )
    return _Services(
        _patients(claims.claims), claim, Coded(service, words), code,
        np.where(np.isnat(own), day, own), billed, paid.to_numpy("int64", na_value=0) > 0,
    )  # fmt: skip


def _word(says: str) -> pa.Scalar:
    return pa.scalar(says, pa.large_string())


def _cents(of_line, line: np.ndarray, of_claim, whole: np.ndarray) -> pd.arrays.IntegerArray:
    """Return the line's own cents; the claim's for a whole claim only."""
    found = of_line.take(line, allow_fill=True)
    found[whole >= 0] = of_claim.take(whole[whole >= 0])
    return found


def _near(asked: pd.DataFrame, given: pa.Table) -> pd.DataFrame:
    """Return the services that were given to the patients of the rows asked."""
    patients = keys_of(asked["patient"].dropna().drop_duplicates())
    of_them = pc.is_in(given["patient"].cast(pa.large_string()), value_set=patients)
    some = given.filter(of_them)
    plain = {
        one.name: one.type.value_type if pa.types.is_dictionary(one.type) else one.type
        for one in some.schema
    }
    return some.cast(pa.schema(plain)).to_pandas()


def _originals(asked: pd.DataFrame, services: pa.Table) -> Coded:
    """Return for each duplicate whether the same service is paid, unpaid or nowhere in the files.

    The same: patient, code (or the whole claim), day and charge; another line or claim.
    """
    mine = np.flatnonzero(asked["denial_category"].isin(turns_on_service()["original"]))
    found = np.full(len(asked), -1)
    told = Coded(found, ["none", "unpaid", "paid"])
    if not len(mine):
        return told
    part = asked.iloc[mine]
    given = _near(part, services)
    columns = [coded(pd.concat([part[name], given[name]])) for name in _GIVEN]
    on_line = np.concatenate([part["line_key"].notna(), given["on_line"]])
    number, first = combined([*columns, Coded(on_line.astype("int8"), [False, True])])
    own, other = number[: len(part)], number[len(part) :]
    paid = given["paid"].to_numpy()
    # How many have the same, and how many of them are paid, without the row's own line or claim.
    place = positions(
        keys_of(part["line_key"].fillna(part["claim_key"])),
        keys_of(given["place"]),
    )
    itself = taken(other, place, -1) == own
    count = np.bincount(other, minlength=len(first))[own] - itself
    count_paid = np.bincount(other[paid], minlength=len(first))[own]
    count_paid -= itself & taken(paid, place, False)
    found[mine] = np.where(count_paid > 0, 2, np.where(count > 0, 1, 0))
    return told


def _intervals(asked: pd.DataFrame, services: pa.Table) -> Coded:
    """Return for each denial for frequency whether the months of its rule had passed.

    Counted from the last paid line before it of a code under the same rule: passed, sooner, unknown
    where the files hold none, none where no rule is on file for the code.
    """
    mine = np.flatnonzero(asked["reason"].isin(turns_on_service()["interval"]))
    found = np.full(len(asked), -1)
    told = Coded(found, ["none", "unknown", "sooner", "passed"])
    if not len(mine):
        return told
    rule = _rules(asked["procedure_code"].iloc[mine])
    found[mine] = np.where(rule.code < 0, 0, 1)
    ruled = (rule.code >= 0) & asked["service_from"].iloc[mine].notna().to_numpy()
    mine, rule = mine[ruled], rule.take(np.flatnonzero(ruled))
    part = asked.iloc[mine]
    given = _near(part, services.filter(services["paid"]))
    of_paid = _rules(given["procedure_code"])
    given = given[of_paid.code >= 0]
    of_paid = of_paid.take(np.flatnonzero(of_paid.code >= 0))
    if part.empty or given.empty:
        return told
    patient = coded(pd.concat([part["patient"], given["patient"]]))
    words = list(dict.fromkeys([*rule.values, *of_paid.values]))
    rules = [np.array([words.index(one) for one in r.values])[r.code] for r in (rule, of_paid)]
    number, _ = combined([patient, Coded(np.concatenate(rules), words)])
    own, other = number[: len(part)], number[len(part) :]
    # The last paid line before each: in one order of patient and rule, and of days within them.
    day, last = _day_numbers(part["service_from"]), _day_numbers(given["service_from"])
    low = min(day.min(), last.min())
    span = max(day.max(), last.max()) - low + 1
    order = np.argsort(other * span + last - low, kind="stable")
    at = np.searchsorted((other * span + last - low)[order], own * span + day - low) - 1
    before = np.where(at < 0, -1, order[at])
    there = np.flatnonzero((before >= 0) & (taken(other, before, -1) == own))
    since = last[before[there]].astype("datetime64[D]").tolist()
    again = [
        _covered_again(words[one], one_day)
        for one, one_day in zip(rules[0][there].tolist(), since, strict=True)
    ]
    passed = day[there] >= np.array(again, dtype="datetime64[D]").astype("int64")
    found[mine[there]] = np.where(passed, 3, 2)
    return told


_covered_again = lru_cache(maxsize=100_000)(covered_again)


def _rules(codes: pd.Series) -> Coded:
    """Return the rule on file for each service: the first code of its frequency, by numbers."""
    services = coded(codes)
    rules, place = {}, []
    for code in services.values:
        frequency = frequency_of(code) if code else None
        if frequency is None or frequency.months is None:
            place.append(-1)
        else:
            place.append(rules.setdefault(frequency.codes[0], len(rules)))
    return Coded(np.array([*place, -1])[services.code], list(rules))


def _day_numbers(days: pd.Series) -> np.ndarray:
    return days.to_numpy("datetime64[D]").astype("int64")

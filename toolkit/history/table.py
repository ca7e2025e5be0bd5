"""The history of every claim that canonical tables mention more than once, and what stands of a denial.

Claims that are mentioned once, nearly all of them, cost a count of their numbers; the others are told
apart and folded one account number at a time, in plain Python. Every rule looks at one account number
only, so tables parted by it give the same answer as the whole.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.adjudication import statuses
from toolkit.claims.restated import PLACEHOLDER
from toolkit.claims.tables import Claims, conform
from toolkit.denials.codes import plb_reasons
from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Account, Denied, Outcome, account, outcomes
from toolkit.history.identity import ClaimIdentity, LineIdentity


@dataclass(frozen=True, eq=False)
class Histories:
    """The accounts that files mention more than once, or with a reversal.

    By place in the table of claims: `undone` are reversals and decisions that were taken back,
    `review` reversals whose amounts are positive and that take back nothing on file, `decides` the
    claims that hold a decision. `shared` counts the claims under each placeholder number.
    """

    accounts: tuple[Account, ...]
    undone: np.ndarray
    review: np.ndarray
    reversal: np.ndarray
    shared: tuple[tuple[int, int], ...] = ()
    billed: np.ndarray = field(default_factory=lambda: np.empty(0))

    def outcomes(self, rows: "Rows") -> "Stands":
        """Return what stands of each denied row."""
        size = len(rows.claim)
        stands = Stands(
            shown=np.ones(size, dtype=bool),
            state=np.where(_at(self.review, rows.claim), "review", "open").astype(object),
            decided_by=rows.claim.copy(),
            because=np.full(size, "", dtype=object),
            cents=rows.cents.copy(),
        )
        if not self.accounts or not size:
            return stands
        mentioned = np.zeros(max(len(self.undone), 1), dtype=bool)
        mentioned[[one.place for known in self.accounts for c in known.claims for one in c]] = True
        at = np.flatnonzero(_at(mentioned, rows.claim))
        here: dict[int, list[tuple[tuple[int, int], int]]] = {}
        for n, claim, line in zip(
            at.tolist(), rows.claim[at].tolist(), rows.line[at].tolist(), strict=True
        ):
            here.setdefault(claim, []).append(((claim, line), n))
        for known in self.accounts:
            places = [spot for c in known.claims for one in c for spot in here.get(one.place, ())]
            if not places or (len(known.claims) == 1 and len(known.claims[0]) == 1):
                continue
            denied = {
                place: Denied(
                    None if rows.unknown[n] else int(rows.cents[n]), bool(rows.is_copy[n])
                )
                for place, n in places
            }
            found = outcomes(known, denied)
            for place, n in places:
                if place in found:
                    stands.put(n, found[place])
        return stands


@dataclass(frozen=True, eq=False)
class Rows:
    """Denied places, one entry each: claim and line by place (-1: no line), cents and whether unknown,
    and whether the reason is that it is a copy.
    """

    claim: np.ndarray
    line: np.ndarray
    cents: np.ndarray
    unknown: np.ndarray
    is_copy: np.ndarray


@dataclass(frozen=True, eq=False)
class Stands:
    """What stands of each denied row, in the order of the rows (see `toolkit.history.fold.Outcome`)."""

    shown: np.ndarray
    state: np.ndarray
    decided_by: np.ndarray
    because: np.ndarray
    cents: np.ndarray

    def put(self, n: int, found: Outcome) -> None:
        """Set what stands of one row."""
        self.shown[n], self.state[n], self.because[n] = found.shown, found.state, found.because
        self.decided_by[n] = found.decided_by
        if found.cents is not None and found.state not in _KEEPS_DENIED:
            self.cents[n] = found.cents


# What is no longer open keeps the dollars that were denied; its stake is zero.
_KEEPS_DENIED = frozenset({"paid_later", "superseded", "reversed", "duplicate", "closed"})


def histories(claims: Claims, taken_back: Mapping[str, int] | None = None) -> Histories:
    """Return the histories of the tables' claims.

    `taken_back` is what `taken_back_by` returns of all files, where the tables are a part of them.
    """
    table = claims.claims
    reversal = table["is_reversal"].to_numpy(dtype=bool, na_value=False)
    nothing = np.zeros(len(table), dtype=bool)
    if taken_back is None:
        taken_back = taken_back_by(claims.provider_adjustments)
    at, number, shared = mentioned(table, taken_back)
    if not len(at):
        return Histories((), nothing, nothing.copy(), reversal, shared)
    decisions = decisions_of(claims, at)
    groups: dict[int, list[Decision]] = {}
    for of, one in zip(number.tolist(), decisions, strict=True):
        groups.setdefault(of, []).append(one)
    known = tuple(account(some, taken_back) for some in groups.values())
    undone, review = reversal.copy(), nothing.copy()
    place = {one.place: one for one in decisions}
    for one in known:
        for its, target in one.reversals.items():
            if target is not None:
                undone[target.place] = True
            elif is_positive(place[its]):
                review[its] = True
    return Histories(known, undone & ~review, review, reversal, shared)


def taken_back_by(table: pd.DataFrame) -> dict[str, int]:
    """Return the cents that provider adjustments take back, by the claim number that they name."""
    codes = {code for code, about in plb_reasons().items() if about.effect in _TAKE_BACK}
    mine = table[table["reason_code"].isin(codes) & table["reference_id"].notna()]
    if mine.empty:
        return {}
    found: dict[str, int] = {}
    for reference, cents in zip(mine["reference_id"], mine["amount_cents"].fillna(0), strict=True):
        for number in dict.fromkeys((reference, *reference.split())):
            found[number] = found.get(number, 0) + int(cents)
    return {number: cents for number, cents in found.items() if cents > 0}


_TAKE_BACK = frozenset({"recovery", "balance"})


def is_positive(one: Decision) -> bool:
    """Return whether a reversal states its amounts as the payment that it takes back, not negated."""
    if one.billed:
        return one.billed > 0
    total = sum(cents for _, cents in one.amounts())
    return total > 0


def mentioned(
    table: pd.DataFrame, numbers: Collection[str] = ()
) -> tuple[np.ndarray, np.ndarray, tuple[tuple[int, int], ...]]:
    """Return the claims whose number is met more than once or with a reversal, and their numbers.

    So are those that have one of `numbers`.

    Third, the placeholder numbers: the first claim of each, and how many it has.
    """
    reversal = table["is_reversal"].to_numpy(dtype=bool, na_value=False)
    ours = pd.factorize(table["patient_control_number"])[0].astype(np.int64)
    if (ours < 0).any():
        theirs = pd.factorize(table["payer_claim_control_number"])[0].astype(np.int64)
        ours = np.where((ours < 0) & (theirs >= 0), ours.max(initial=-1) + 1 + theirs, ours)
    count = np.bincount(ours[ours >= 0], minlength=int(ours.max(initial=-1)) + 1)
    size = np.append(count, 1)[ours]
    named = np.zeros(len(table), dtype=bool)
    for name in ("patient_control_number", "payer_claim_control_number") if numbers else ():
        named |= table[name].isin(list(numbers)).to_numpy(dtype=bool, na_value=False)
    at = np.flatnonzero(((size > 1) & (ours >= 0)) | reversal | named)
    number = np.where(ours[at] < 0, -1 - at, ours[at])
    many = size[at] > PLACEHOLDER
    shared = []
    if many.any():
        first = pd.Series(at[many]).groupby(number[many]).agg(["first", "size"])
        shared = [(int(one), int(size)) for one, size in first.itertuples(index=False)]
        at, number = at[~many], number[~many]
    return at, number, tuple(shared)


def decisions_of(claims: Claims, at: np.ndarray) -> list[Decision]:
    """Return the claims at these places as decisions, in the same order."""
    table = claims.claims.iloc[at]
    source = dict(zip(claims.files["file_id"], claims.files["source"], strict=True))
    about = statuses(table["claim_status"])
    keys = pa.array(claims.claims["claim_key"]).take(pa.array(at))
    lines = _lines(claims, keys)
    reasons = _by_owner(_reasons(claims, keys))
    columns = {name: _plain(table[name]) for name in (
        "file_id", "row", "patient_control_number", "payer_claim_control_number",
        "original_reference", "frequency_code", "payer_id", "payer_name", "service_from",
        "service_to", "notice_date", "remittance_date", "billed_cents", "paid_cents",
        "claim_status", "is_reversal", "claim_filing_indicator",
    )}  # fmt: skip
    found = []
    for n, place in enumerate(at.tolist()):
        row = {name: values[n] for name, values in columns.items()}
        kind = source.get(row["file_id"]) or "export"
        number, original = row["payer_claim_control_number"], row["original_reference"]
        its_reasons = tuple(reasons.get((n, -1), ()))
        its_lines = tuple(
            replace_reasons(line, tuple(reasons.get((n, line.place), ())))
            for line in lines.get(n, ())
        )
        day = row["remittance_date"] if kind == "remittance" else (
            row["notice_date"] or row["remittance_date"])  # fmt: skip
        stated = bool(its_reasons or any(line.reasons for line in its_lines))
        stated |= day is not None and (
            row["paid_cents"] is not None or row["claim_status"] is not None
        )
        found.append(
            Decision(
                place=place,
                identity=ClaimIdentity(
                    account=row["patient_control_number"],
                    payer_numbers=frozenset(x for x in (number, original) if x),
                    payer_id=row["payer_id"],
                    payer_name=row["payer_name"],
                    service_from=row["service_from"],
                    service_to=row["service_to"],
                    coverage=row["claim_filing_indicator"],
                ),
                source=kind,
                file=row["file_id"] or "",
                number=number,
                refers_to=original,
                frequency=(row["frequency_code"] or "")[-1:],
                day=day,
                reverses=bool(row["is_reversal"]),
                decides=bool(about.decided[n]) and (kind != "export" or stated),
                forwards=bool(about.elsewhere[n]),
                billed=row["billed_cents"],
                paid=row["paid_cents"],
                lines=its_lines,
                reasons=its_reasons,
                tie=(row["file_id"] or "", row["row"] or 0, place),
            )
        )
    return found


def replace_reasons(line: Line, reasons: tuple) -> Line:
    """Return the line with these reasons."""
    return Line(place=line.place, identity=line.identity, paid=line.paid, reasons=reasons)


def _lines(claims: Claims, keys: pa.Array) -> dict[int, list[Line]]:
    """Return the lines of the claims with these keys, by the claim's place among the keys."""
    table = claims.claim_lines
    owner = _owners(table["claim_key"], keys)
    at = np.flatnonzero(owner >= 0)
    names = (
        "line_control_number", "procedure_code", "modifiers", "revenue_code", "service_from",
        "billed_cents", "paid_cents",
    )  # fmt: skip
    columns = [_plain(table[name].iloc[at]) for name in names]
    found: dict[int, list[Line]] = {}
    for place, of, control, procedure, modifiers, revenue, day, billed, paid in zip(
        at.tolist(), owner[at].tolist(), *columns, strict=True
    ):
        identity = LineIdentity(
            control_number=control,
            procedure_code=procedure,
            modifiers=modifiers,
            revenue_code=revenue,
            service_from=day,
            billed_cents=None if billed is None else abs(billed),
        )
        found.setdefault(of, []).append(Line(place=place, identity=identity, paid=paid))
    return found


def _reasons(claims: Claims, keys: pa.Array) -> list[tuple[tuple[int, int], tuple[str, Any]]]:
    table = claims.adjustments
    owner = _owners(table["claim_key"], keys)
    at = np.flatnonzero(owner >= 0)
    line = _owners(table["line_key"].iloc[at], pa.array(claims.claim_lines["line_key"]))
    columns = [_plain(table[name].iloc[at]) for name in ("group_code", "carc", "amount_cents")]
    return [
        ((of, its), (f"{group or ''}-{carc or ''}", cents))
        for of, its, group, carc, cents in zip(
            owner[at].tolist(), line.tolist(), *columns, strict=True
        )
    ]


def _by_owner(pairs: list) -> dict:
    found: dict = {}
    for owner, value in pairs:
        found.setdefault(owner, []).append(value)
    return found


def _owners(column: pd.Series, keys: pa.Array) -> np.ndarray:
    """Return for each key its place among the keys, -1 where it has none."""
    values = pa.array(column)
    found = pc.index_in(_text(values), value_set=_text(keys))
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    place = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    missing = column.isna().to_numpy()
    return np.where(missing, -1, place)


def _text(values: pa.Array) -> pa.Array:
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return values.cast(pa.large_string())


def _plain(column: pd.Series) -> list:
    """Return a column as plain Python: None if missing, days as dates, whole cents."""
    if str(column.dtype).startswith("datetime"):
        return (
            [None if day is pd.NaT else day.date() for day in column.dt.to_pydatetime()]
            if len(column)
            else []
        )
    return [None if missing else value for value, missing in zip(
        column.tolist(), column.isna().tolist(), strict=True)]  # fmt: skip


def _at(flags: np.ndarray, place: np.ndarray) -> np.ndarray:
    inside = (place >= 0) & (place < len(flags))
    return np.where(inside, flags[np.where(inside, place, 0)] if len(flags) else False, False)


# --- findings -------------------------------------------------------------------------------------


def _takes_payment(known: Account, target: Decision, reversal: Decision) -> bool:
    """Return whether a payment was taken back by a reversal and no decision follows."""
    if (target.paid or 0) <= 0:
        return False
    [order] = [order for order in known.claims if target in order]
    after = order[order.index(reversal) :]
    return not any(one.decides and not one.reverses for one in after) and not any(
        one.day == reversal.day and one is not target and one.decides and not one.reverses
        for one in order
    )


_SAYS = {
    "payment_reversed": "a reversal takes this payment back, and these files have no new decision on the claim: find the notice, because its deadline may be running",
    "reversal_without_claim": "a reversal (status 22) takes back a decision that is not in these files, and is not counted otherwise: add the earlier remittance",
    "reversal_positive": "a reversal (status 22) has positive amounts, not amounts taken back; check the payer's portal",
    "reversal_for_review": "a reversal (status 22) has positive amounts and no earlier decision of the claim "
    "is in these files, so it may be a denial; it is shown for review",
    "payment_taken_back": "a provider adjustment (PLB) takes this payment back, and no reversal explains it: find the notice, because its deadline may be running",
    "claim_match_unsure": "the claim could be one of several with the same account number, so it was not matched: state payer and service dates in both files",
    "line_match_unsure": "a line could be one of several lines in an earlier decision, so it was not matched, and both count: state control numbers, or dates and charges",
    "account_shared": "so many claims have this account number that it must be a placeholder; none of them was matched with another",
}


def noted(claims: Claims, known: Histories) -> Claims:
    """Return the tables with the findings of their histories; the claim's value is never repeated."""
    rows: list[tuple[int, str, str]] = []
    for one in known.accounts:
        places = {d.place: d for order in one.claims for d in order}
        for its, target in one.reversals.items():
            positive = is_positive(places[its])
            if target is None:
                code = "reversal_for_review" if positive else "reversal_without_claim"
                rows.append((its, code, "claim_status"))
            elif positive:
                rows.append((its, "reversal_positive", "billed"))
            if target is not None and _takes_payment(one, target, places[its]):
                rows.append((its, "payment_reversed", "paid"))
        rows += [(place, "payment_taken_back", "paid") for place in one.taken_back]
        rows += [(place, "claim_match_unsure", "patient_control_number") for place in one.unsure]
        rows += [(place, "line_match_unsure", "line") for place in one.unsure_lines]
    rows += [(first, "account_shared", "patient_control_number") for first, _ in known.shared]
    if not rows:
        return claims
    at = [place for place, _, _ in rows]
    table = claims.claims.iloc[at]
    name = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    found = pd.DataFrame(
        {
            "file": [name.get(one, "") for one in table["file_id"]],
            "file_id": table["file_id"].to_numpy(),
            "row": table["row"].array,
            "column": [column for _, _, column in rows],
            "code": [code for _, code, _ in rows],
            "says": [_SAYS[code] for _, code, _ in rows],
        }
    )
    every = pd.concat([claims.findings, conform(found, "findings")], ignore_index=True)
    return replace(claims, findings=every)

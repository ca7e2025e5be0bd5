"""The second look that needs other lines: a duplicate's original, the interval before a frequency denial."""

import numpy as np
import pandas as pd

from toolkit.claims.tables import Claims
from toolkit.denials.second_look import of_service, turns_on_service
from toolkit.denials.services import covered_again, frequency_of, is_drug, service_of
from toolkit.keys import ask

_COMPARED = ("denial_category", "reason", "program", "drug", "service", "original", "interval")


def second_looks(claims: Claims, rows: pd.DataFrame, netted: pd.Series) -> pd.Series:
    """Return the warnings of each row, with those that turn on its service or on other lines.

    `rows` have claim_key, line_key, procedure_code, service_from, program, denial_category, reason
    and second_look; `netted` says which claims are taken back. Only the rows whose category or
    reason can have such a warning are looked at again. Returns ids, one space between.
    """
    found = rows["second_look"]
    turns_on = turns_on_service()
    again = rows["reason"].isin(turns_on["reason"])
    again |= rows["denial_category"].isin(turns_on["denial_category"])
    if not again.any():
        return found
    part = rows[again]
    given = _given(claims, part["claim_key"], netted)
    facts = part[["denial_category", "reason", "program"]].assign(
        original=_originals(part, given), interval=_intervals(part, given)
    )

    def kind(procedure_code):
        return {"drug": is_drug(procedure_code), "service": service_of(procedure_code)}

    facts = facts.join(ask(part, ["procedure_code"], kind))

    def question(**facts):
        return {"more": " ".join(of_service(**facts))}

    more = ask(facts, _COMPARED, question)["more"]
    return found.add((" " + more).reindex(found.index, fill_value="")).str.strip()


def _given(claims: Claims, asked: pd.Series, netted: pd.Series) -> pd.DataFrame:
    """Return the services given to the patients of the claims asked, one row per line and per claim.

    `patient` is the member number, else our own number; `service` the procedure code, else the
    revenue code, or the whole claim; `paid` whether anything was paid. Netted claims are left out.
    """
    claim = claims.claims
    patient = claim["member_id"].where(
        claim["member_id"].fillna("").ne(""), claim["patient_control_number"]
    )
    concerned = patient.isin(patient[claim["claim_key"].isin(asked)].dropna())
    claim = claim.assign(patient=patient)[concerned & ~netted]
    whole = claim.assign(line_key=pd.NA, procedure_code=pd.NA, service="claim")
    lines = claims.claim_lines[claims.claim_lines["claim_key"].isin(claim["claim_key"])].merge(
        claim[["claim_key", "patient", "service_from"]], on="claim_key", suffixes=("", "_claim")
    )
    lines["service_from"] = lines["service_from"].fillna(lines["service_from_claim"])
    lines["service"] = lines["procedure_code"].fillna("revenue " + lines["revenue_code"])
    names = ["claim_key", "line_key", "patient", "service", "procedure_code", "service_from",
             "billed_cents", "paid_cents"]  # fmt: skip
    given = pd.concat([whole[names], lines[names]], ignore_index=True)
    given = given.dropna(subset=["patient", "service", "service_from", "billed_cents"])
    return given.assign(paid=given["paid_cents"].gt(0).fillna(False).astype(bool))


def _originals(rows: pd.DataFrame, given: pd.DataFrame) -> pd.Series:
    """Return for each duplicate whether the same service is paid, unpaid or nowhere in the files.

    The same: patient, code (or the whole claim), day and charge; another line or claim.
    """
    found = pd.Series(pd.NA, index=rows.index, dtype="object")
    asked = rows[rows["denial_category"].isin(turns_on_service()["original"])]
    if asked.empty:
        return found
    mine = asked[["claim_key", "line_key"]].reset_index()
    mine["on_line"] = mine["line_key"].notna()
    same_service = ["patient", "service", "service_from", "billed_cents"]
    on_line = given["line_key"].notna()
    of_line = given[on_line].merge(mine[mine["on_line"]][["index", "line_key"]], on="line_key")
    of_claim = given[~on_line].merge(mine[~mine["on_line"]][["index", "claim_key"]], on="claim_key")
    pairs = pd.concat(
        [
            of_line.merge(given[on_line], on=same_service, suffixes=("", "_other")),
            of_claim.merge(given[~on_line], on=same_service, suffixes=("", "_other")),
        ]
    )
    same = (
        pairs["line_key"]
        .fillna(pairs["claim_key"])
        .eq(pairs["line_key_other"].fillna(pairs["claim_key_other"]))
    )
    paid = pairs[~same].groupby("index")["paid_other"].any()
    found[asked.index] = "none"
    found[paid.index] = np.where(paid, "paid", "unpaid")
    return found


def _intervals(rows: pd.DataFrame, given: pd.DataFrame) -> pd.Series:
    """Return for each denial for frequency whether the months of its rule had passed.

    Counted from the last paid line before it of a code under the same rule: passed, sooner, unknown
    where the files hold none, none where no rule is on file for the code.
    """
    found = pd.Series(pd.NA, index=rows.index, dtype="object")
    asked = rows[rows["reason"].isin(turns_on_service()["interval"])]
    if asked.empty:
        return found

    def rule(procedure_code):
        frequency = frequency_of(procedure_code) if procedure_code else None
        months = frequency is not None and frequency.months is not None
        return {"rule": frequency.codes[0] if months else None}

    mine = asked[["line_key", "service_from"]].reset_index()
    mine["rule"] = ask(asked, ["procedure_code"], rule)["rule"].to_numpy()
    ruled = mine[mine["rule"].notna()]
    found[asked.index] = "none"
    found[ruled["index"]] = "unknown"
    paid = given[given["paid"] & given["procedure_code"].notna()]
    paid = paid.assign(rule=ask(paid, ["procedure_code"], rule)["rule"])
    paid = paid[paid["rule"].notna()][["patient", "rule", "service_from"]]
    who = given[given["line_key"].notna()].set_index("line_key")["patient"]
    ruled = ruled.assign(patient=ruled["line_key"].map(who))
    pairs = ruled.merge(paid.rename(columns={"service_from": "last"}), on=["patient", "rule"])
    last = (
        pairs[pairs["last"] < pairs["service_from"]]
        .groupby("index")[["rule", "service_from", "last"]]
        .agg({"rule": "first", "service_from": "first", "last": "max"})
    )

    def again(rule, last):
        return {"again": covered_again(rule, last)}

    if len(last):
        day = pd.to_datetime(ask(last, ["rule", "last"], again)["again"])
        found[last.index] = np.where(last["service_from"] >= day, "passed", "sooner")
    return found

"""From canonical tables to the worklist: one row per denial, with dates and reasons.

What the law and the codes say is asked once per distinct combination of facts, in plain Python,
and joined back. Nothing of it is said again here.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from toolkit.claims.payers import Payer
from toolkit.claims.tables import DTYPES, Claims
from toolkit.comparison import second_looks
from toolkit.denials import classify, normalize_text
from toolkit.keys import ask, each
from toolkit.law import Contract, turns_on
from toolkit.questions import (
    Question,
    code_question,
    contract_question,
    payer_question,
    step_question,
)
from toolkit.worklist import WORKLIST


@dataclass(frozen=True, eq=False)
class Brain:
    """The questions of one triage; kept over the parts of a big file, it asks each key once."""

    payer: Question
    code: Question
    contract: Question
    step: Question


def brain(
    *, as_of: date, payers: Iterable[Payer] = (), contracts: Iterable[Contract] = ()
) -> Brain:
    """Return the questions that a triage asks, as the payer table and the contracts answer them."""
    contracts = tuple(contracts)
    return Brain(
        payer_question(payers),
        code_question(),
        contract_question(contracts),
        step_question(contracts, as_of=as_of),
    )


def triage(
    claims: Claims,
    *,
    as_of: date,
    payers: Iterable[Payer] = (),
    contracts: Iterable[Contract] = (),
) -> pd.DataFrame:
    """Return the worklist: one row per denied service line, or per claim-level denial.

    Columns are WORKLIST, in order; money in whole cents; rows in the order of the files. Reversed
    claims and their reversals are netted and do not appear. `denied_cents` splits the claim's
    denied dollars by row and never repeats them. Sources: the rules of `toolkit.denials` and
    `toolkit.law`, each row naming the entry that decided.
    """
    return triaged(claims, brain(as_of=as_of, payers=payers, contracts=contracts))


def triaged(claims: Claims, asked: Brain) -> pd.DataFrame:
    """Return the worklist of `triage` by questions that may have been asked before."""
    whose = _programs(claims.claims, asked.payer)
    denials = _denials(claims, whose, asked.code)
    rows = _rows(claims, whose, denials)
    rows["second_look"] = second_looks(claims, rows, _netted(claims.claims))
    rows = rows.join(_events(claims, rows))
    rows = _dates(rows, asked)
    return pd.DataFrame({c.name: rows[c.name].astype(DTYPES[c.kind]) for c in WORKLIST})


def classified_adjustments(claims: Claims, *, payers: Iterable[Payer] = ()) -> pd.DataFrame:
    """Return one row per adjustment (claim, line, group code, CARC netted) with its classification.

    The dollars of every adjustment that is not netted away, denial or not; for reconciliation.
    """
    return _classified(claims, _programs(claims.claims, payer_question(payers)), code_question())


def _programs(claims: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return program and contract status per claim (index: claim_key), with where from."""
    return ask(claims, question.keys, question).set_index(claims["claim_key"])


def _netted(claims: pd.DataFrame) -> pd.Series:
    """Return which claims are reversals, or are taken back by a later one.

    A reversal takes back the last claim before it with the same numbers and the same charge; the
    correction that follows it stands. Only the claims that share their numbers with a reversal
    are walked one by one.
    """
    reversal = claims["is_reversal"].fillna(False).astype(bool)
    netted = reversal.copy()
    if not reversal.any():
        return netted
    names = ["payer_claim_control_number", "patient_control_number"]
    walked = (
        claims[names]
        .fillna("")
        .assign(charge=claims["billed_cents"].abs().fillna(-1), reversal=reversal)
    )
    key = [*names, "charge"]
    walked = walked[walked.groupby(key)["reversal"].transform("any")]
    day = claims.loc[walked.index, "remittance_date"]
    standing: dict[tuple, list] = {}
    for at, *numbers, charge, takes_back in walked.loc[
        day.sort_values(kind="stable", na_position="first").index
    ].itertuples(name=None):
        before = standing.setdefault((*numbers, charge), [])
        if not takes_back:
            before.append(at)
        elif before:
            netted[before.pop()] = True
    return netted


def _classified(claims: Claims, whose: pd.DataFrame, question: Question) -> pd.DataFrame:
    found = claims.adjustments[claims.adjustments["group_code"].ne("CR")].copy()
    netted = claims.claims.loc[_netted(claims.claims), "claim_key"]
    if len(netted):
        found = found[~found["claim_key"].isin(netted)].copy()
    found["place"] = found["line_key"].fillna(found["claim_key"] + "-c")
    found["text"] = each(found["denial_text"], normalize_text).astype("str")
    keys = ["claim_key", "line_key", "place", "group_code", "carc", "text"]
    unknown = found["amount_cents"].isna()
    found = (
        found.assign(amount_cents=found["amount_cents"].fillna(0), unknown=unknown)
        .groupby(keys, dropna=False, sort=False, as_index=False)
        .agg(
            amount_cents=("amount_cents", "sum"),
            unknown=("unknown", "any"),
            row=("row", "first"),
            file_id=("file_id", "first"),
        )
    )
    found = found[found["amount_cents"].ne(0) | found["unknown"]]
    found["rarcs"] = _remarks(claims.remark_codes, found)
    paid = claims.claim_lines.set_index("line_key")["paid_cents"]
    alone = found.groupby("place")["carc"].transform("size").eq(1)
    found["unpaid_alone"] = alone & found["line_key"].map(paid).eq(0).fillna(False)
    found["program"] = found["claim_key"].map(whose["program"])
    return found.join(ask(found, question.keys, question).astype({"is_denial": bool}))


def _joined(texts: pd.Series, by: pd.Series) -> pd.Series:
    """Return the texts of each group with one space between, in order (index: the group)."""
    nth = texts.groupby(by).cumcount()
    joined = texts[nth.eq(0)].set_axis(by[nth.eq(0)])
    for place in range(1, nth.nunique()):
        more = texts[nth.eq(place)].set_axis(by[nth.eq(place)])
        joined.loc[more.index] = joined.loc[more.index] + " " + more
    return joined


def _remarks(remarks: pd.DataFrame, found: pd.DataFrame) -> pd.Series:
    """Return the remark codes of each adjustment's line and of its claim, sorted, as one text."""
    if remarks.empty:
        return pd.Series("", index=found.index, dtype="str")
    on_claim = remarks.loc[remarks["line_key"].isna(), ["claim_key", "rarc"]]
    on_line = remarks.loc[remarks["line_key"].notna(), ["line_key", "rarc"]]
    wanted = found[["claim_key", "line_key", "place"]].drop_duplicates("place")
    both = pd.concat([wanted.merge(on_claim, on="claim_key"), wanted.merge(on_line, on="line_key")])
    both = both[["place", "rarc"]].drop_duplicates().sort_values("rarc", ignore_index=True)
    return found["place"].map(_joined(both["rarc"], both["place"])).fillna("").astype("str")


def _denials(claims: Claims, whose: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return one row per denied line or claim: its primary reason, its dollars, its other reasons."""
    found = _classified(claims, whose, question)
    found = found[found["is_denial"] & (found["amount_cents"].gt(0) | found["unknown"])]
    found = found.sort_values(["amount_cents", "rank"], ascending=[False, True], kind="stable")
    found["code"] = (found["group_code"].fillna("") + "-" + found["carc"].fillna("")).str.strip("-")
    place = found.groupby("place", sort=False)
    rest = found[place.cumcount().gt(0)]
    primary = found.drop_duplicates("place").set_index("place")
    primary["denied_cents"] = place["amount_cents"].sum()
    primary.loc[place["unknown"].all(), "denied_cents"] = pd.NA
    primary["other_reasons"] = _joined(rest["code"], rest["place"])
    primary["other_reasons"] = primary["other_reasons"].fillna("")
    return _with_silent(claims, primary)


def _with_silent(claims: Claims, primary: pd.DataFrame) -> pd.DataFrame:
    """Add the claims that their status calls denied and that no adjustment explains."""
    silent = claims.claims[claims.claims["claim_status"].eq("4")]
    if silent.empty:
        return primary
    silent = silent[~_netted(claims.claims)[silent.index]]
    explained = primary["claim_key"][primary["claim_key"].isin(silent["claim_key"])]
    silent = silent[~silent["claim_key"].isin(explained)]
    if silent.empty:
        return primary
    asked = classify(None, None, ())
    names = [name for name in asked.__struct_fields__ if name not in ("warnings", "decided_by")]
    more = pd.DataFrame(
        {
            "claim_key": silent["claim_key"],
            "file_id": silent["file_id"],
            "row": silent["row"],
            "denied_cents": (silent["billed_cents"] - silent["paid_cents"]),
            "other_reasons": "",
            "rarcs": "",
            "decided_by": "claim status 4",
            "second_look": "",
            **{name: getattr(asked, name) for name in names},
        }
    )
    more = more.assign(is_denial=True, denial_category="unclassified", route="review")
    return pd.concat([primary, more.set_index(silent["claim_key"] + "-c")])


def _rows(claims: Claims, whose: pd.DataFrame, denials: pd.DataFrame) -> pd.DataFrame:
    rows = (
        denials.drop(columns=["program"], errors="ignore").rename_axis("denial_key").reset_index()
    )
    rows = rows.merge(whose.reset_index(), on="claim_key", how="left")
    claim = claims.claims[
        [
            "claim_key",
            "patient_control_number",
            "payer_claim_control_number",
            "payer_id",
            "payer_name",
            "plan_name",
            "facility",
            "owner",
            "stage",
            "case_status",
            "service_from",
            "billed_cents",
            "paid_cents",
            "notice_date",
            "notice_received",
            "remittance_date",
        ]
    ]
    line = claims.claim_lines[
        ["line_key", "procedure_code", "service_from", "billed_cents", "paid_cents"]
    ]
    rows = rows.merge(claim, on="claim_key", how="left").merge(
        line, on="line_key", how="left", suffixes=("", "_line")
    )
    on_line = rows["line_key"].notna()
    for name in ("service_from", "billed_cents", "paid_cents"):
        rows[name] = rows[f"{name}_line"].where(on_line & rows[f"{name}_line"].notna(), rows[name])
    rows["stage"] = rows["stage"].fillna("payment")
    order = pd.Series(range(len(claims.claims)), index=claims.claims["claim_key"])
    rows["order"] = rows["claim_key"].map(order)
    return rows.sort_values(["order", "denial_key"], kind="stable").reset_index(drop=True)


def _events(claims: Claims, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the last appeal event of each row (index of `rows`): on its line, or on its claim."""
    events = claims.appeal_events
    events = events.assign(
        day=events[["filed_on", "decided_on"]].max(axis=1), filed=True
    ).sort_values("day", kind="stable", na_position="first")
    names = ["level", "filed_on", "decided_on", "outcome", "recovered_cents", "filed", "day"]
    on_line = events[events["line_key"].notna()].drop_duplicates("line_key", keep="last")
    on_claim = events[events["line_key"].isna()].drop_duplicates("claim_key", keep="last")
    of_line = on_line.set_index("line_key")[names].reindex(rows["line_key"]).set_axis(rows.index)
    of_claim = (
        on_claim.set_index("claim_key")[names].reindex(rows["claim_key"]).set_axis(rows.index)
    )
    later = of_line["filed"].isna() | (of_claim["day"] > of_line["day"])
    last = of_line.where(~later, of_claim)
    last["filed"] = last["filed"].notna()
    return last.drop(columns="day").rename(columns={"level": "last_level"})


def _dates(rows: pd.DataFrame, asked: Brain) -> pd.DataFrame:
    from_notice = rows["notice_date"].notna()
    rows["notice_from"] = np.select(
        [from_notice, rows["remittance_date"].notna()], ["notice_date", "remittance_date"], ""
    )
    rows["notice_date"] = rows["notice_date"].where(from_notice, rows["remittance_date"])
    rows = rows.join(ask(rows, asked.contract.keys, asked.contract))
    facts = _step_facts(rows, asked.step.keys)
    rows = rows.drop(columns=["appealable"]).join(ask(facts, asked.step.keys, asked.step))
    decided = rows["from_decision"].astype(bool)
    rows["notice_from"] = rows["notice_from"].mask(decided, "decided_on")
    rows["notice_date"] = rows["notice_date"].mask(decided, rows["decided_on"])
    rows["notice_received"] = rows["notice_received"].mask(decided)
    by_contract = rows["by_contract"].astype(bool) & rows["route"].eq("appeal")
    rows["route"] = rows["route"].mask(by_contract, "contract_dispute")
    return rows


def _step_facts(rows: pd.DataFrame, keys: tuple[str, ...]) -> pd.DataFrame:
    """Return the facts of the next step, without those that cannot change it: the keys stay few."""
    facts = rows.reindex(columns=keys)
    facts["amount"] = rows["denied_cents"] // 100
    facts["closed"] = rows["case_status"].eq("closed").fillna(False).astype(bool)
    appealable = rows["appealable"].astype("boolean").fillna(True).astype(bool)
    facts["why_not"] = rows["why_not"].mask(appealable)
    facts["program_gap"] = rows["program_gap"].where(rows["program"].isna())
    for program in facts["program"].unique():
        mine = facts["program"].isna() if pd.isna(program) else facts["program"].eq(program)
        matters = turns_on(_none(program))
        if "denial_category" not in matters:
            facts.loc[mine, "denial_category"] = pd.NA
        idle = [name for name in ("amount", "nature", "state_window") if name not in matters]
        facts.loc[mine, idle] = pd.NA
    # Once an appeal is filed, its decision is the notice; amount and nature choose the level that
    # follows a decision; nothing of this matters for what was won or still waits.
    goes_on = facts["outcome"].notna() & ~facts["outcome"].isin(["overturned", "withdrawn"])
    facts.loc[~goes_on, ["amount", "nature"]] = pd.NA
    facts.loc[~goes_on, "decided_on"] = pd.NaT
    facts.loc[facts["filed"], ["notice_date", "notice_received"]] = pd.NaT
    return facts


def _none(cell: Any) -> Any:
    return None if pd.isna(cell) else cell


class _Callable(ModuleType):
    """A module that is its one function: `toolkit.triage(...)` works whoever imported it first."""

    def __call__(self, *given: Any, **named: Any) -> pd.DataFrame:
        return triage(*given, **named)


sys.modules[__name__].__class__ = _Callable

"""The payers' decisions in the remittances, as one history per account number."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from toolkit.balance.bills import plain_number
from toolkit.balance.definitions import definitions
from toolkit.cases.recorded import RecordedCase, with_recorded
from toolkit.claims.adjudication import repeated, stated_of, statuses
from toolkit.claims.providers import foreign_claims, own_claims
from toolkit.claims.restated import PLACEHOLDER, latest
from toolkit.claims.tables import Claims
from toolkit.history import settled, taken_back_by
from toolkit.history.decisions import Decision
from toolkit.history.fold import Account, Denied, Outcome, Place, Words, account, outcomes, words
from toolkit.history.states import open_states
from toolkit.history.table import decisions_of, histories
from toolkit.hospital import Hospital
from toolkit.worklist.triage import Brain, brain, classified_adjustments, denied_places, triaged

# OA-23 states what payers before this one paid and took off: no reduction of this payer's own.
PRIOR_PAYER = "23"


@dataclass(frozen=True, eq=False)
class Answers:
    """The remittances' decisions, told apart, with what the codes say of their money.

    Every claim is its place in `claims.claims`; a `Place` is a claim and a line. `adjusted` are the
    adjustments of each place: group code, CARC, cents, each once. `denied_share` is what of a place's
    PR adjustments is a denial. `review` are reversals that may be denials, `secondary` claims that
    another payer decided first, `inpatient` those with a remark that only inpatient claims have. By
    the place of a line: `units` and `allowed` cents, where stated. `entered` are state and stake of
    denied places after what people recorded. `resent` and `foreign` are claims that are not among them.
    """

    claims: Claims
    histories: tuple["AccountHistory", ...]
    denied: Mapping[Place, Denied]
    adjusted: Mapping[Place, list[tuple[str, str, int]]]
    denied_share: Mapping[Place, int]
    review: frozenset[int]
    secondary: frozenset[int]
    inpatient: frozenset[int]
    units: Mapping[int, float]
    allowed: Mapping[int, int]
    entered: Mapping[Place, tuple[str, int]]
    resent: pd.DataFrame
    foreign: pd.DataFrame

    def where(self, place: int) -> tuple[str, int]:
        """Return file and row of a claim."""
        return where(self.claims, place)


@dataclass(frozen=True, eq=False)
class AccountHistory:
    """The decisions under one account number, and what stands of each of their places."""

    number: str
    known: Account
    found: Mapping[Place, Outcome]
    words: Words


def where(claims: Claims, place: int) -> tuple[str, int]:
    """Return file and row of a claim by its place in the table."""
    row = claims.claims.iloc[place]
    names = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    return names.get(row["file_id"], ""), int(row["row"])


def answers_of(
    given: Claims, hospital: Hospital, *, as_of: date, recorded: Sequence[RecordedCase] = ()
) -> Answers:
    """Return the decisions of remittances as they were read, each file whole.

    A remittance that was sent twice counts once; other providers' claims do not count. `recorded` is
    what people entered, as `toolkit.cases.recorded_at` gives it.
    """
    foreign = foreign_claims(given, hospital.providers)
    own = own_claims(given, hospital.providers)
    once = latest(own)
    again = own.claims[~own.claims["claim_key"].isin(set(once.claims["claim_key"]))]
    claims = with_recorded(settled(once), recorded)
    asked = brain(as_of=as_of, hospital=hospital)
    denied = denied_places(claims, asked)
    flags = histories(claims)
    turn = statuses(claims.claims["claim_status"])
    adjusted = _adjusted(claims)
    return Answers(
        claims=claims,
        histories=tuple(_histories(claims, denied)),
        denied=denied,
        adjusted=adjusted,
        denied_share=_denied_share(claims, hospital),
        review=frozenset(np.flatnonzero(flags.review).tolist()),
        secondary=frozenset(np.flatnonzero(turn.secondary).tolist()),
        inpatient=_inpatient(claims),
        units=_stated(claims.claim_lines["units"]),
        allowed=_stated(claims.claim_lines["allowed_cents"]),
        entered=_entered(claims, asked),
        resent=_with_file(again, given),
        foreign=_with_file(given.claims[foreign], given),
    )


def _with_file(table: pd.DataFrame, claims: Claims) -> pd.DataFrame:
    names = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    return table.assign(file=table["file_id"].map(names))


def _histories(claims: Claims, denied: Mapping[Place, Denied]) -> Iterable[AccountHistory]:
    every = decisions_of(claims, np.arange(len(claims.claims)))
    groups: dict[str, list[Decision]] = defaultdict(list)
    for one in every:
        groups[plain_number(one.identity.account)].append(one)
    taken = taken_back_by(claims.provider_adjustments)
    for number, some in groups.items():
        # Without a number, or under a placeholder, nothing ties two decisions.
        parts = [some] if number and len(some) <= PLACEHOLDER else [[one] for one in some]
        for part in parts:
            known = account(part, taken)
            mine = {one.place for one in part}
            here = {place: denied[place] for place in _places(part) if place in denied}
            found = outcomes(known, here, every=True) if mine else {}
            yield AccountHistory(number, known, found, words(known, here, found))


def _places(decisions: Iterable[Decision]) -> Iterable[Place]:
    for one in decisions:
        yield one.place, -1
        for line in one.lines:
            yield one.place, line.place


def _adjusted(claims: Claims) -> dict[Place, list[tuple[str, str, int]]]:
    """Return the adjustments of each place; those of a claim that its lines repeat count once."""
    stated, pairs = stated_of(claims)
    kept = stated.without(repeated(stated, np.ones(len(claims.claims), dtype=bool)))
    found: dict[Place, list[tuple[str, str, int]]] = defaultdict(list)
    for claim, line, code, cents in zip(
        kept.claim.tolist(),
        kept.line.tolist(),
        kept.code.tolist(),
        kept.amount.tolist(),
        strict=True,
    ):
        group, carc = pairs[code]
        found[claim, line].append((group or "", carc or "", cents))
    return found


def _denied_share(claims: Claims, hospital: Hospital) -> dict[Place, int]:
    """Return what of each place's PR adjustments is a denial, in cents."""
    table = classified_adjustments(claims, hospital=hospital)
    table = table[table["is_denial"] & table["group_code"].eq("PR")]
    claim = {key: at for at, key in enumerate(claims.claims["claim_key"])}
    line = {key: at for at, key in enumerate(claims.claim_lines["line_key"])}
    found: dict[Place, int] = defaultdict(int)
    for key, its, cents in zip(
        table["claim_key"], table["line_key"], table["amount_cents"].fillna(0), strict=True
    ):
        found[claim[key], line[its] if isinstance(its, str) else -1] += int(cents)
    return found


def _inpatient(claims: Claims) -> frozenset[int]:
    remarks = claims.remark_codes
    keys = set(remarks.loc[remarks["found_in"].isin(definitions().inpatient.remarks), "claim_key"])
    return frozenset(np.flatnonzero(claims.claims["claim_key"].isin(keys)).tolist())


def _stated(column: pd.Series) -> dict[int, Any]:
    """Return what a column states, by place."""
    at = np.flatnonzero(column.notna())
    return dict(zip(at.tolist(), column.iloc[at].tolist(), strict=True))


def _entered(claims: Claims, asked: Brain) -> dict[Place, tuple[str, int]]:
    """Return state and cents of the worklist's rows, where people recorded something at all."""
    if not len(claims.recorded_events):
        return {}
    rows = triaged(claims, asked, looks=False)
    claim = {key: at for at, key in enumerate(claims.claims["claim_key"])}
    line = {key: at for at, key in enumerate(claims.claim_lines["line_key"])}
    return {
        (claim[of], line[its] if isinstance(its, str) else -1): (state, int(cents))
        for of, its, state, cents in zip(
            rows["claim_key"], rows["line_key"], rows["state"], rows["denied_cents"].fillna(0),
            strict=True,
        )
    }  # fmt: skip


def is_open(state: str) -> bool:
    """Return whether something is left to do in a state."""
    return state in open_states()

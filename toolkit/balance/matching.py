"""Which payer's claim, and which row of the tracker, is which billed claim."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np
import pandas as pd

from toolkit.balance.answers import AccountHistory, Answers
from toolkit.balance.bills import Bill, plain_number
from toolkit.claims.export.layouts import CLOSED
from toolkit.claims.tables import Claims
from toolkit.history.decisions import Decision
from toolkit.history.identity import ClaimIdentity, same_claim, same_payer
from toolkit.history.table import decisions_of

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class Family:
    """One payer's claim of an account: its decisions in order, and the account's history."""

    order: tuple[Decision, ...]
    of: AccountHistory

    @property
    def decides(self) -> list[Decision]:
        """The decisions in it that are not reversals."""
        return [one for one in self.order if one.decides and not one.reverses]


@dataclass(frozen=True, eq=False)
class Matched:
    """What belongs to each bill, by its place; what belongs to none, and what could be of several."""

    of_bill: Mapping[int, list]
    of_none: tuple
    unsure: tuple


def families(answers: Answers, bills: Sequence[Bill]) -> Matched:
    """Return the payers' claims of each billed claim.

    Our number and the days of service tie them. Where that leaves several billed claims, the only one
    of the same charge is taken, else the only one of the same payer: names are spelled in many ways,
    charges agree to the cent. A payer that no bill names (a secondary payer) answers the account's
    only claim, or the only one that nobody else answers.
    """
    every = [Family(order, one) for one in answers.histories for order in one.known.claims]
    return _matched(every, bills, _number_of_family, _sides_of_family)


def _number_of_family(family: Family) -> str:
    return family.of.number


def _sides_of_family(family: Family) -> list[tuple[ClaimIdentity, int | None]]:
    return [(one.identity, None if one.billed is None else abs(one.billed)) for one in family.order]


def _matched(
    every: Iterable[_T],
    bills: Sequence[Bill],
    number_of: Callable[[_T], str],
    sides_of: Callable[[_T], list[tuple[ClaimIdentity, int | None]]],
) -> Matched:
    places: dict[str, list[int]] = defaultdict(list)
    for at, bill in enumerate(bills):
        if not bill.standing:
            places[bill.number].append(at)
    of_number: dict[str, list[_T]] = defaultdict(list)
    of_bill: dict[int, list[_T]] = defaultdict(list)
    of_none, unsure = [], []
    for one in every:
        number = number_of(one)
        if number and number in places:
            of_number[number].append(one)
        else:
            of_none.append(one)
    for number, some in of_number.items():
        here = [(at, bills[at]) for at in places[number]]
        waiting = []
        for one in some:
            fits = _same_days(here, sides_of(one))
            sure = _sure(fits, sides_of(one))
            if sure is not None:
                of_bill[sure].append(one)
            else:
                waiting.append((one, fits))
        taken = {at for at, _ in here if at in of_bill}
        for one, fits in waiting:
            free = [(at, bill) for at, bill in fits if at not in taken]
            if len(free) == 1 and not _of_payer(fits, sides_of(one)):
                of_bill[free[0][0]].append(one)
            else:
                (unsure if fits else of_none).append(one)
    return Matched(of_bill, tuple(of_none), tuple(unsure))


def _same_days(here: list, sides: list) -> list:
    """Return the bills whose days of service do not contradict; the payer is not asked."""
    return [
        (at, bill)
        for at, bill in here
        if any(
            same_claim(_days(bill.identity), _days(identity)) != "other" for identity, _ in sides
        )
    ]


def _days(identity: ClaimIdentity) -> ClaimIdentity:
    """Return the identity without number and payer."""
    return msgspec.structs.replace(
        identity, account="", payer_id=None, payer_name=None, payer_numbers=frozenset()
    )


def _of_payer(fits: list, sides: list) -> list:
    return [
        (at, bill)
        for at, bill in fits
        if any(same_payer(bill.identity, identity) for identity, _ in sides)
    ]


def _sure(fits: list, sides: list) -> int | None:
    """Return the place of the one bill that it is; None if it could be several."""
    if len(fits) == 1:
        return fits[0][0]
    charges = {charge for _, charge in sides if charge is not None}
    same = [(at, bill) for at, bill in fits if bill.charge in charges]
    same = [one for one in same if not _other_id(one[1], sides)]
    named = _of_payer(same or fits, sides)
    for some in (same, named):
        if len(some) == 1:
            return some[0][0]
    return None


def _other_id(bill: Bill, sides: list) -> bool:
    """Return whether the payer ids differ: another payer, whatever the charge."""
    ids = {identity.payer_id for identity, _ in sides} - {None}
    return bool(ids) and bill.identity.payer_id is not None and bill.identity.payer_id not in ids


# --- the tracker ------------------------------------------------------------------------------------


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of the tracker: where it is, and whether the hospital still works on it.

    `is_closed` is None if the tracker does not say.
    """

    file: str
    row: int
    number: str
    identity: ClaimIdentity
    billed: int | None
    denied: int | None
    is_closed: bool | None

    def __repr__(self) -> str:
        return "Case(...)"


_CLOSES = frozenset({"overturned", "withdrawn"})


def cases(tracker: Claims | None) -> list[Case]:
    """Return the claims of a tracker. A won or withdrawn appeal closes one whose status is not stated."""
    if tracker is None or not len(tracker.claims):
        return []
    table, events = tracker.claims, tracker.appeal_events
    won = set(events.loc[events["outcome"].isin(_CLOSES), "claim_key"])
    denied = tracker.adjustments.groupby("claim_key")["amount_cents"].sum(min_count=1)
    names = dict(zip(tracker.files["file_id"], tracker.files["file"], strict=True))
    every = decisions_of(tracker, np.arange(len(table)))
    found = []
    for one, key, status, file_id, row in zip(
        every, table["claim_key"], table["case_status"], table["file_id"], table["row"], strict=True
    ):
        closed = status in CLOSED if isinstance(status, str) else (True if key in won else None)
        amount = denied.get(key)
        found.append(
            Case(
                file=names.get(file_id, ""),
                row=int(row),
                number=plain_number(one.identity.account),
                identity=one.identity,
                billed=one.billed,
                denied=None if pd.isna(amount) else int(amount),
                is_closed=closed,
            )
        )
    return found


def tracked(known: Sequence[Case], bills: Sequence[Bill]) -> Matched:
    """Return the tracker's claims of each billed claim."""
    return _matched(known, bills, _number_of_case, _sides_of_case)


def _number_of_case(case: Case) -> str:
    return case.number


def _sides_of_case(case: Case) -> list[tuple[ClaimIdentity, int | None]]:
    # A tracker often states the denied amount only: of a claim denied in full it is the charge.
    return [(case.identity, case.billed), (case.identity, case.denied)]

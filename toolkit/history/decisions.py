"""Decisions of payers on one account number: which are of one claim, in what order, and which take
another back.

Everything here is plain Python on the few claims that files mention more than once.
"""

from collections.abc import Sequence
from datetime import date

import msgspec

from toolkit.history.identity import ClaimIdentity, LineIdentity, same_claim

_VOID, _REPLACES = "8", "7"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a decision. `place` is its row in the table of lines; money in whole cents.

    `reasons` are its adjustments: group code with CARC, and cents.
    """

    place: int
    identity: LineIdentity
    paid: int | None = None
    reasons: tuple[tuple[str, int | None], ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of a claim by one file: an adjudication, a reversal, or what an export repeats.

    `place` is its row in the table of claims, `source` the kind of file, `day` when it was decided.
    `decides` is False for a claim that was only billed, is pending, or was sent on (`forwards`).
    """

    place: int
    identity: ClaimIdentity
    source: str = "remittance"
    number: str | None = None
    refers_to: str | None = None
    frequency: str = ""
    day: date | None = None
    reverses: bool = False
    decides: bool = True
    forwards: bool = False
    billed: int | None = None
    paid: int | None = None
    lines: tuple[Line, ...] = ()
    reasons: tuple[tuple[str, int | None], ...] = ()
    file: str = ""
    tie: tuple = ()  # what tells decisions of one day apart: never the order in which files were given

    @property
    def voids(self) -> bool:
        """Whether the claim was sent to cancel an earlier one (frequency code 8)."""
        return self.frequency == _VOID

    @property
    def replaces(self) -> bool:
        """Whether the claim was sent to replace an earlier one (frequency code 7)."""
        return self.frequency == _REPLACES

    def amounts(self) -> tuple[tuple[str, int], ...]:
        """Return every reason with its cents, of the claim and of its lines, sorted."""
        every = (*self.reasons, *(one for line in self.lines for one in line.reasons))
        return tuple(sorted((pair, cents or 0) for pair, cents in every))


def families(decisions: Sequence[Decision]) -> tuple[list[list[Decision]], list[Decision]]:
    """Return the decisions claim by claim, and those that could be of more than one claim.

    Does not depend on the order in which they are given.
    """
    found: list[list[Decision]] = []
    unsure: list[Decision] = []
    for one in sorted(decisions, key=_most_stated_first):
        sure, maybe = [], []
        for family in found:
            matches = {same_claim(other.identity, one.identity) for other in family}
            linked = any(_linked(one, other) for other in family)
            if not linked and any(_before_service(one, other) for other in family):
                continue
            if linked or (matches == {"same"}):
                sure.append(family)
            elif "other" not in matches or "same" in matches:
                maybe.append(family)
        fits = sure or maybe
        if len(fits) == 1:
            fits[0].append(one)
        elif fits:
            unsure.append(one)
            found.append([one])
        else:
            found.append([one])
    return found, unsure


def _before_service(one: Decision, other: Decision) -> bool:
    """Return whether one of two was decided before the other one's service was given."""
    return any(
        a.day is not None
        and b.identity.service_from is not None
        and a.identity.service_from is None
        and a.day < b.identity.service_from
        for a, b in ((one, other), (other, one))
    )


def _most_stated_first(one: Decision) -> tuple:
    who = one.identity
    stated = (who.payer_id, who.payer_name, who.service_from, one.number)
    return (sum(fact is None for fact in stated), one.day or date.max, one.tie)


def _linked(one: Decision, other: Decision) -> bool:
    """Return whether the payer's numbers tie the two, where no payer id contradicts them."""
    ids = one.identity.payer_id, other.identity.payer_id
    return bool(one.identity.payer_numbers & other.identity.payer_numbers) and (
        None in ids or ids[0] == ids[1]
    )


def in_order(family: Sequence[Decision]) -> list[Decision]:
    """Return the decisions of a claim, the oldest first.

    By day; what has none restates what was known and goes first. On one day: what another one refers
    to goes before it, the original before its replacement, a remittance before an export; of two
    files the one that pays less comes last, so that nothing is taken for paid by chance; in a file
    what comes first goes first.
    """
    paid: dict[tuple, int] = {}
    for one in sorted(family, key=lambda one: one.tie):
        if not one.reverses:
            paid[one.day, one.file] = one.paid or 0
    return sorted(
        family,
        key=lambda one: (
            one.day or date.min,
            *_rank(one),
            _SOURCES.get(one.source, 0),
            -paid.get((one.day, one.file), 0),
            one.tie,
        ),
    )


_SOURCES = {"remittance": 0, "fhir": 1, "export": 2}


def _rank(one: Decision) -> tuple[int, int]:
    return ({_REPLACES: 1, _VOID: 2}.get(one.frequency, 0), int(one.refers_to is not None))


def taken_back(family: Sequence[Decision]) -> dict[int, Decision | None]:
    """Return for each reversal (by its place) the decision that it takes back; None: none of these.

    Each decision is taken back once, by the reversal that fits it best: the same number or a
    reference to it, the same reasons and payment, decided before it; of several the latest.
    """
    ordered = in_order(family)
    free = [one for one in ordered if not one.reverses]
    found: dict[int, Decision | None] = {}
    for reversal in (one for one in ordered if one.reverses):
        corrected = any(one.day == reversal.day and one.tie > reversal.tie for one in free)
        scored = [
            (score, at)
            for at, one in enumerate(free)
            if (score := _fit(reversal, one, corrected)) is not None
        ]
        if not scored:
            found[reversal.place] = None
            continue
        _, at = max(scored)
        found[reversal.place] = free.pop(at)
    return found


def _fit(reversal: Decision, one: Decision, corrected: bool) -> tuple | None:
    """Return how well a reversal fits a decision, more being better; None if it does not.

    `corrected` says that a decision of the same day follows the reversal. In one remittance a
    correction may come before its reversal: there, only equal reasons tell what is taken back.
    """
    if reversal.day is not None and one.day is not None and one.day > reversal.day:
        return None
    referred = reversal.refers_to is not None and reversal.refers_to == one.number
    numbered = reversal.number is not None and reversal.number == one.number
    charge = reversal.billed is not None and _size(reversal.billed) == _size(one.billed)
    if not (charge or referred or (numbered and None in (reversal.billed, one.billed))):
        return None
    said = _negated(reversal)
    mirrored = said == one.amounts()
    paid = _size(reversal.paid) == _size(one.paid)
    earlier = one.day is None or reversal.day is None or one.day < reversal.day
    before = one.tie < reversal.tie
    if not (earlier or mirrored or (before and (not said or corrected))):
        return None
    return (
        referred,
        mirrored and paid,
        earlier,
        paid,
        mirrored,
        numbered,
        one.day or date.min,
        before,
        one.tie,
    )


def _negated(reversal: Decision) -> tuple[tuple[str, int], ...]:
    """Return a reversal's reasons as those of what it takes back; some payers leave out the signs."""
    sign = 1 if (reversal.billed or 0) > 0 else -1
    return tuple(sorted((pair, sign * cents) for pair, cents in reversal.amounts()))


def _size(cents: int | None) -> int | None:
    return None if cents is None else abs(cents)

"""Whether two statements speak of the same claim, and of the same line of it.

A claim is known by our account number, the payer's control numbers, the payer and the days of
service; a line by its control number, else by procedure, modifiers, day and charge. Payers are
respelled, ids are added, lines are reordered and numbers change when a claim is sent again, so each
fact counts only as far as both sides state it. What could be either of two is never taken for one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal

import msgspec

# "same": what both state settles it; "maybe": nothing contradicts it, too little is stated.
Match = Literal["same", "maybe", "other"]

_NOT_LETTERS = re.compile(r"[\W_]+")


class ClaimIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a claim's identity; nothing where it is not stated.

    `payer_numbers` are the payer's control numbers: its own and the one that it refers to (REF F8);
    `coverage` is the claim filing indicator: one payer may cover a patient twice.
    """

    account: str | None = None
    payer_numbers: frozenset[str] = frozenset()
    payer_id: str | None = None
    payer_name: str | None = None
    service_from: date | None = None
    service_to: date | None = None
    coverage: str | None = None

    def __repr__(self) -> str:
        return "ClaimIdentity(...)"  # its numbers may identify a patient


class LineIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a service line's identity; money in whole cents without its sign."""

    control_number: str | None = None
    procedure_code: str | None = None
    modifiers: str | None = None
    revenue_code: str | None = None
    service_from: date | None = None
    billed_cents: int | None = None

    def __repr__(self) -> str:
        return "LineIdentity(...)"


def same_claim(one: ClaimIdentity, other: ClaimIdentity) -> Match:
    """Return whether two statements are of one claim with one payer.

    The payer's control number settles what our account number and the payer's id do not contradict.
    Two payer ids are two payers, whatever their names; a name counts where an id is missing.
    """
    if _differ(one.account, other.account):
        return "other"
    if _differ(_bare(one.payer_id), _bare(other.payer_id)):
        return "other"
    if one.payer_numbers & other.payer_numbers:
        return "same"  # also where a corrected claim changes the days
    if one.account is None or other.account is None or _days_apart(one, other):
        return "other"
    if _differ(one.coverage, other.coverage):
        return "other"
    payer = _same_payer(one, other)
    if payer is False:
        return "other"
    days = one.service_from is not None and other.service_from is not None
    return "same" if payer or days else "maybe"


def same_payer(one: ClaimIdentity, other: ClaimIdentity) -> bool | None:
    """Return whether two statements name one payer; None if one of them names none."""
    if one.payer_numbers & other.payer_numbers and not _differ(
        _bare(one.payer_id), _bare(other.payer_id)
    ):
        return True
    if _differ(one.coverage, other.coverage):
        return False
    return _same_payer(one, other)


def same_line(one: LineIdentity, other: LineIdentity) -> Match:
    """Return whether two statements are of one line of the same claim.

    A control number settles it where it agrees; where it differs the claim may have been sent again.
    """
    if one.control_number is not None and one.control_number == other.control_number:
        return "same" if one.procedure_code == other.procedure_code else "maybe"
    if _differ(one.procedure_code, other.procedure_code):
        return "other"
    if _differ(one.service_from, other.service_from) or _differ(
        one.billed_cents, other.billed_cents
    ):
        return "other"
    if one.procedure_code is None and other.procedure_code is None:
        if _differ(one.revenue_code, other.revenue_code):
            return "other"
        known = one.revenue_code is not None and other.revenue_code is not None
    else:
        known = one.procedure_code is not None and other.procedure_code is not None
        if _differ(one.modifiers, other.modifiers):
            return "other"
    both = one.service_from is not None and other.service_from is not None
    both |= one.billed_cents is not None and other.billed_cents is not None
    return "same" if known and both and one.modifiers == other.modifiers else "maybe"


class Pairs(msgspec.Struct, frozen=True):
    """Lines of two statements that are the same, and those of the second that could be several."""

    pairs: tuple[tuple[int, int], ...]
    unsure: frozenset[int] = frozenset()


def paired(before: Sequence[LineIdentity], after: Sequence[LineIdentity]) -> Pairs:
    """Return which lines of `after` are which lines of `before`, by their places.

    Lines that cannot be told apart are paired in their order where both sides have as many of them;
    else none of them is paired and those of `after` are `unsure`.
    """
    if len(before) == len(after) and list(before) == list(after):
        return Pairs(tuple((at, at) for at in range(len(after))))
    free_before, free_after = set(range(len(before))), set(range(len(after)))
    found: list[tuple[int, int]] = []
    unsure: set[int] = set()

    def take(one: int, other: int) -> None:
        found.append((one, other))
        free_before.discard(one)
        free_after.discard(other)

    numbered = {
        line.control_number: at for at, line in enumerate(before) if line.control_number is not None
    }
    for at, line in enumerate(after):
        mate = None if line.control_number is None else numbered.get(line.control_number)
        if mate in free_before and same_line(before[mate], line) == "same":
            take(mate, at)
    for wanted in (("same",), ("same", "maybe")):
        for mine, theirs in _alike(before, after, free_before, free_after, wanted):
            if len(mine) == len(theirs):
                for one, other in zip(mine, theirs, strict=True):
                    take(one, other)
                unsure.difference_update(theirs)
            else:
                unsure.update(theirs)
    return Pairs(tuple(sorted(found)), frozenset(unsure))


def _alike(
    before: Sequence[LineIdentity],
    after: Sequence[LineIdentity],
    free_before: Iterable[int],
    free_after: Iterable[int],
    wanted: tuple[str, ...],
) -> list[tuple[list[int], list[int]]]:
    """Return groups of lines that cannot be told apart: places on either side, in order."""
    mates: dict[int, list[int]] = {
        other: [
            one for one in sorted(free_before) if same_line(before[one], after[other]) in wanted
        ]
        for other in sorted(free_after)
    }
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for other, ones in mates.items():
        if ones:
            groups[tuple(ones)].append(other)
    seen = [one for ones in groups for one in ones]
    return [
        (list(ones), others) if all(seen.count(one) == 1 for one in ones) else ([], others)
        for ones, others in groups.items()
    ]


def _bare(payer_id: str | None) -> str | None:
    """Return a payer's id without leading zeros, which spreadsheets lose, and without case."""
    return None if payer_id is None else (payer_id.strip().lstrip("0") or "0").casefold()


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _days_apart(one: ClaimIdentity, other: ClaimIdentity) -> bool:
    """Return whether both state their days of service and have none in common."""
    if one.service_from is None or other.service_from is None:
        return False
    first, last = one.service_from, one.service_to or one.service_from
    return (other.service_to or other.service_from) < first or other.service_from > last


def _same_payer(one: ClaimIdentity, other: ClaimIdentity) -> bool | None:
    if one.payer_id is not None and other.payer_id is not None:
        return _bare(one.payer_id) == _bare(other.payer_id)
    if one.payer_name is None or other.payer_name is None:
        return None
    return spelled_alike(one.payer_name) == spelled_alike(other.payer_name)


def spelled_alike(name: str) -> str:
    """Return a name without case and punctuation."""
    return _NOT_LETTERS.sub(" ", name).strip().casefold()

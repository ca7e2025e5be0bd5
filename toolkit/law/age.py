"""How well and how lately the rules are known: their marks, and whose look at the law is too old."""

from collections.abc import Iterator
from datetime import date
from functools import cache

import msgspec

from toolkit.law.calendar import count
from toolkit.law.model import Program, Span, StateRules
from toolkit.rules import RULES, Sourced, read

MARKS = ("V", "V2", "M")


class _Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    stale_after: Span
    says: str


@cache
def _verification() -> _Verification:
    return read(RULES / "verification.yaml", _Verification)


def clocks(rules: Program | StateRules) -> Iterator[tuple[str, str, Sourced]]:
    """Give every rule of a program's or state's clocks with its level and what it is: filing, decision ..."""
    for level in rules.levels:
        for rule in level.filing:
            yield level.id, "filing", rule
        for rule in level.decision:
            yield level.id, "decision", rule
        if level.automatic:
            yield level.id, "automatic", level.automatic
        if level.by_terms:
            yield level.id, "by_terms", level.by_terms
        if level.forwarded:
            yield level.id, "forwarded", level.forwarded
        for one in level.processes:
            if one.floor:
                yield level.id, "floor", one.floor.filing


def marks(rules: Program | StateRules) -> dict[str, int]:
    """Return how many rules of these clocks have each mark, the best first."""
    found = [rule.status for _, _, rule in clocks(rules)]
    return {mark: found.count(mark) for mark in MARKS}


def stale(citation: str, verified_on: str, today: date) -> tuple[str, ...]:
    """Return the warning that a rule was looked at too long ago; () where the look is recent enough."""
    rule = _verification()
    last = count(date.fromisoformat(verified_on), rule.stale_after, "last_day_of_month")
    return (f"{citation} {rule.says} ({verified_on}).",) if today > last else ()

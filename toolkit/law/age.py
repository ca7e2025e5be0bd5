"""The marks of the rules, how long ago each was verified, and which need to be read again."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any

import msgspec

from toolkit.law.calendar import count, holidays
from toolkit.law.decision import DecisionDue
from toolkit.law.events import events
from toolkit.law.filing import Deadline
from toolkit.law.model import Program, Span, StateRules, program
from toolkit.law.thresholds import Threshold, thresholds
from toolkit.rules import RULES, Sourced, read

MARKS = ("V", "V2", "M")


class _Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    stale_after: Span
    says: str


@cache
def _verification() -> _Verification:
    return read(RULES / "verification.yaml", _Verification)


def clocks(rules: Program | StateRules) -> Iterator[tuple[str, str, Sourced]]:
    """Yield (level, kind of clock, rule) for every rule of a program's or state's clocks."""
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


def sourced(value: Any) -> Iterator[Sourced]:
    """Yield every part of a value that carries a citation, a source and a mark, the value itself first."""
    if isinstance(value, Sourced):
        yield value
    if isinstance(value, tuple | list):
        for one in value:
            yield from sourced(one)
    elif hasattr(value, "__struct_fields__"):
        for name in value.__struct_fields__:
            yield from sourced(getattr(value, name))


def beside(rules: Program | StateRules) -> Iterator[tuple[str, str, Sourced]]:
    """Yield the other rules on file, in the form of `clocks`: standing, what is owed, parts of rules."""
    seen = {id(rule) for _, _, rule in clocks(rules)}
    for level in rules.levels:
        for name in level.__struct_fields__:
            for one in sourced(getattr(level, name)):
                if id(one) not in seen:
                    yield level.id, name, one
    for name in rules.__struct_fields__:
        if name != "levels":
            for one in sourced(getattr(rules, name)):
                yield ", ".join(getattr(one, "levels", ())), name, one


def shared() -> Iterator[tuple[str, str, Sourced]]:
    """Yield the rules that every program shares, in the form of `clocks`: amounts, holidays, interruptions."""
    found = thresholds()
    for year in found.years:
        yield str(year.year), "amount in controversy", _of_year(year, found.citation)
    for one in (found.unknown_year, found.together):
        yield "", "amount in controversy", one
    yield "", "holidays", holidays()
    for event in events():
        for one in (event, *event.closed):
            yield event.event, "interruption", one


def _of_year(year: Threshold, citation: str) -> Sourced:
    return Sourced(
        citation=f"amount in controversy of {year.year} ({citation})",
        source=year.source,
        verified_on=year.verified_on.isoformat(),
        status=year.status,
    )


def marks(rules: Program | StateRules) -> dict[str, int]:
    """Return the number of these rules per mark, the best mark first."""
    found = [rule.status for _, _, rule in clocks(rules)]
    return {mark: found.count(mark) for mark in MARKS}


def stale_behind(found: Deadline | DecisionDue, today: date) -> tuple[str, ...]:
    """Return a warning for each rule behind an answer that was verified too long ago.

    Behind it are its own rule, those that its steps and who may file cite, what is owed after a favorable
    decision, and for a deadline the amounts in controversy of its days and the holidays.
    """
    rules = program(found.program, found.jurisdiction or None)
    level = next((one for one in rules.levels if one.id == found.level), None)
    on_file = [*sourced(level), *sourced(rules.standing), *(one for _, _, one in shared())]
    cited = {found.citation, *(step.citation for step in found.steps)}
    looks = {found.citation: found.verified_on}
    if isinstance(found, DecisionDue):
        said = " ".join(found.if_favorable)
        cited |= {one.citation for one in (level.effectuation if level else ()) if one.says in said}
    else:
        cited |= {holidays().citation}
        if found.standing:
            cited |= set(found.standing.citation.split("; ")) | {found.standing.citation}
        if level and level.amount_in_controversy:
            years = {step.date.year for step in found.steps}
            cited |= {
                one.citation for key, _, one in shared() if key.isdigit() and int(key) in years
            }
    for one in on_file:
        if one.citation in cited:
            looks[one.citation] = min(looks.get(one.citation, one.verified_on), one.verified_on)
    return tuple(text for citation, day in looks.items() for text in stale(citation, day, today))


def stale(citation: str, verified_on: str, today: date) -> tuple[str, ...]:
    """Return a warning if a rule was verified too long ago; () if it is recent enough."""
    rule = _verification()
    last = count(date.fromisoformat(verified_on), rule.stale_after, "last_day_of_month")
    return (f"{citation} {rule.says} ({verified_on}).",) if today > last else ()

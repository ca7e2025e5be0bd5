"""The clock of a denial: the facts of a case that its deadline depends on, without the days.

Only this module says which facts a level's answer depends on.
"""

from functools import cache
from typing import Literal

import msgspec

from toolkit.errors import RefusedError
from toolkit.law.contract import Contract
from toolkit.law.filing import CaseFacts, fitting, in_process, window_of
from toolkit.law.model import (
    FilingRule,
    Level,
    Program,
    Span,
    Standing,
    program,
    programs,
    states,
)
from toolkit.law.standing import standing
from toolkit.law.thresholds import telling_dollars

Source = Literal["notice", "decision", "filing"]


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A level of appeal with the facts that its own rules depend on; only the day is missing.

    `source` says which day starts it: the notice's, that of the last decision, or that on which the last
    appeal was filed; None if no day does. `amount` (whole
    dollars), `state_window`, `contract`, `jurisdiction` and `last_outcome` are None if no rule
    depends on them, so that equal clocks have equal answers on equal days.
    """

    program: str
    level: str
    stage: str
    filer: str
    source: Source | None
    amount: int | None = None
    state_window: int | None = None
    contract: Contract | None = None
    jurisdiction: str | None = None
    last_outcome: str | None = None


def clock_of(
    rules: Program,
    level: Level,
    *,
    stage: str,
    filer: str,
    source: Source | None,
    amount: int | None,
    state_window: int | None,
    contract: Contract | None,
    jurisdiction: str | None,
    last_outcome: str | None,
) -> Clock:
    """Return the clock of a level, without the facts that none of its rules depends on."""
    if amount is not None:
        amount = max(amount, 0) if amounts_of(rules.program, level.id, jurisdiction) else None
    by_state = any(rule.state_window for rule in _filing(level))
    return Clock(
        program=rules.program,
        level=level.id,
        stage=stage,
        filer=filer,
        source=source,
        amount=amount,
        state_window=state_window if by_state else None,
        contract=contract if refusing(rules, level, stage, filer) else None,
        jurisdiction=jurisdiction if by_jurisdiction(rules.program) else None,
        last_outcome=last_outcome if _asks_outcome(level) else None,
    )


@cache
def amounts_of(program_id: str, level_id: str, jurisdiction: str | None = None) -> tuple[int, ...]:
    """Return the whole-dollar amounts at which the level's answer may change, in order.

    Between two of them it does not, so bulk work asks with the one at or below an amount. Empty
    where no rule of the level looks at the amount.
    """
    level = program(program_id, jurisdiction).level(level_id)
    found = {rule.minimum_amount.dollars for rule in _filing(level) if rule.minimum_amount}
    if level.amount_in_controversy:
        found |= telling_dollars(level.amount_in_controversy)
    return tuple(sorted(found))


def _asks_outcome(level: Level) -> bool:
    """Return whether a rule of the level depends on how the level before ended."""
    return bool(level.forwarded) or any(rule.after for rule in level.filing)


def _filing(level: Level) -> tuple[FilingRule, ...]:
    """Return a level's filing rules, and the federal bounds for states whose own rules are not on file."""
    return (*level.filing, *(one.floor.filing for one in level.processes if one.floor))


@cache
def barred_categories(program_id: str | None) -> frozenset[str]:
    """Return the denial categories that a program gives no appeal for; empty if no rules are on file."""
    rules = program(program_id).no_appeal if program_id in programs() else ()
    return frozenset(category for rule in rules for category in rule.denial_categories)


@cache
def by_jurisdiction(program_id: str) -> bool:
    """Return whether a program's rules depend on the state whose law governs the plan."""
    levels = program(program_id).levels
    own = (rules.program for state in states().values() for rules in state.programs)
    bounded = (one.floor or one.jurisdictions for level in levels for one in level.processes)
    return any(bounded) or program_id in own


def refusing(rules: Program, level: Level, stage: str, filer: str) -> Standing | None:
    """Return the rule by which this filer has no appeal at the level and stage, or None."""
    for rule in rules.standing:
        if level.id in rule.levels and rule.when.holds(stage, filer, False) and not rule.may_file:
            return rule
    return None


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A filing rule that a clock may follow; without a `window` it refuses, on any of its days, or is
    open-ended.

    `level` is the clock's level as the rule's process and jurisdiction have it.
    """

    level: Level
    rule: FilingRule
    window: Span | None


def ways(clock: Clock) -> tuple[Way, ...]:
    """Return the filing rules that fit the clock, each with its window.

    None if no day changes the answer: nothing is filed, or nobody may file. A clock that a contract
    may give its dates has none here: ask `dated`.
    """
    rules = program(clock.program, clock.jurisdiction)
    level = rules.level(clock.level)
    who = standing(rules, clock.level, stage=clock.stage, filer=clock.filer)
    facts = CaseFacts(
        notice=None,
        received=None,
        effective=None,
        stage=clock.stage,
        filer=clock.filer,
        expedited=False,
        amount=clock.amount,
        state_window=clock.state_window,
        care="not_stated",
        last_outcome=clock.last_outcome,
    )
    if (who and who.may_file is False) or level.by_terms:
        return ()
    try:
        level.check_stage(clock.stage)
        rules.check_expedited(level, clock.stage, clock.filer, False)
        level, _ = in_process(rules, level, who, facts, None, clock.jurisdiction)
    except RefusedError:
        return ()
    if level.needs_no_filing(clock.last_outcome):
        return ()
    meant = fitting(level, facts)
    if any(rule.selected_by == "effective" for rule in meant[:1]):
        return ()
    found = []
    for rule in meant:
        try:
            window = None if rule.open_ended else window_of(level, rule, facts)
        except RefusedError:
            window = None
        found.append(Way(level=level, rule=rule, window=window))
    return tuple(found)

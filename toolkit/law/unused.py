"""Which of the given facts no rule of a level depends on, so that none is ignored silently."""

from collections.abc import Iterable

from toolkit.law.contract import Contract
from toolkit.law.filing import level_of
from toolkit.law.model import Level, Program, known_jurisdiction, program


def unused_for_filing(
    program_id: str,
    level_id: str,
    given: Iterable[str],
    *,
    contract: Contract | None = None,
    jurisdiction: str | None = None,
) -> tuple[str, ...]:
    """Return the given facts, by their names in `filing_deadline`, that its answer does not depend on."""
    rules = program(program_id, known_jurisdiction(jurisdiction))
    level = level_of(rules, level_id, contract)
    by_contract = bool(contract) and (bool(level.by_terms) or level not in rules.levels)
    filing = contract.filing if contract and by_contract else level.filing
    clocks = [one for rule in filing for one in (rule, *rule.readings)]
    starts = {one.starts for one in clocks} | {rule.selected_by for rule in filing}
    used = {
        "stage": _asks_stage(rules, level) or any(one.when.stages for one in clocks),
        "amount": level.asks_amount,
        "care": any(one.when.care for one in clocks),
        "process": _has_states(level),
        "last_outcome": bool(level.forwarded) or any(rule.after for rule in filing),
        "jurisdiction": _has_states(level),
        "state_window": any(rule.state_window for rule in filing),
        "effective_date": "effective" in starts
        or any(rule.never_before_effective for rule in filing),
        "received": "receipt" in starts,
        "contract": by_contract,
    }
    return tuple(name for name in given if not used[name])


def unused_for_decision(
    program_id: str, level_id: str, given: Iterable[str], *, jurisdiction: str | None = None
) -> tuple[str, ...]:
    """Return the given facts, by their names in `decision_due`, that its answer does not depend on."""
    rules = program(program_id, known_jurisdiction(jurisdiction))
    level = rules.level(level_id)
    clocks = level.decision
    starts = {rule.starts for rule in clocks}
    used = {
        "stage": _asks_stage(rules, level)
        or any(one.when.stages for one in (*clocks, *level.effectuation)),
        "levels": any(rule.plan_levels for rule in clocks),
        "multiemployer": any(rule.multiemployer is not None for rule in clocks),
        "service": any(rule.service for rule in clocks),
        "state": any(rule.states for rule in clocks),
        "jurisdiction": _has_states(level),
        "plan_appeal_date": "plan_appeal" in starts,
        "case_file_date": "case_file" in starts,
        "selection_date": "selection" in starts,
        "board_meeting": "board_meeting" in starts,
        "notice_date": any(rule.days_to_ask_left_out for rule in clocks),
    }
    return tuple(name for name in given if not used[name])


def _has_states(level: Level) -> bool:
    """Return whether the level is a state's own, or has a process that each state defines itself."""
    return bool(level.jurisdiction or level.processes)


def _asks_stage(rules: Program, level: Level) -> bool:
    """Return whether the stage decides who may file at the level, or what can be expedited there."""
    stages = [(one.levels, one.when.stages) for one in rules.standing]
    stages += [(one.levels, one.stages) for one in rules.not_expedited]
    return any(level.id in levels and named for levels, named in stages)

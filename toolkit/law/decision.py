"""When the decider owes its answer, and what a missed clock means."""

from datetime import date

import msgspec

from toolkit.errors import MissingFactError, NoRuleError, RefusedError, RulesError
from toolkit.law.calendar import count
from toolkit.law.filing import Step
from toolkit.law.model import DecisionRule, Level, program


class DecisionDue(msgspec.Struct, frozen=True, kw_only=True):
    """The decider's clock: the last day of its answer, counted from its receipt of the request."""

    program: str
    level: str
    decider: str
    decision_due: date
    citation: str
    applies_from: date
    source: str
    verified_on: str
    status: str
    steps: tuple[Step, ...]
    if_missed: str
    if_favorable: tuple[str, ...]
    warnings: tuple[str, ...]

    def _repr_html_(self) -> str:
        from toolkit.law.ledger import ledger_html

        return ledger_html(self)


def decision_due(
    program_id: str,
    level_id: str,
    *,
    request_received: date,
    stage: str | None = None,
    expedited: bool = False,
    extended: bool = False,
    levels: str | None = None,
    service: str | None = None,
    state: str | None = None,
) -> DecisionDue:
    """Return the day the decision is due, with what a missed clock means.

    Raises NoRuleError where no clock on file covers the request, MissingFactError where the stage
    decides and is not given; `levels` is 'one' or 'two' internal levels of the plan, `service` a kind of
    service and `state` its two letters, where the clock depends on them. Hours are counted as whole calendar days, as no time of day is known.
    """
    level = program(program_id).level(level_id)
    if not level.decision:
        raise NoRuleError(
            f"{level.name}: no decision clock is on file.", needs=("a decision clock",)
        )
    dated = [
        rule
        for rule in level.decision
        if rule.applies_from <= request_received
        and (rule.applies_until is None or request_received <= rule.applies_until)
    ]
    if not dated:
        first = min(rule.applies_from for rule in level.decision)
        raise NoRuleError(
            f"{level.name}: the decision clocks on file begin {first}; "
            f"none covers {request_received}.",
            needs=("a rule that covers the day",),
        )
    dated = _of_service(level, dated, service, state)
    fits = [rule for rule in dated if rule.when.holds(stage, None, expedited)]
    if not fits:
        stages = sorted({one for rule in dated for one in rule.when.stages})
        raise MissingFactError(
            f"{level.name}: the clock depends on the stage.",
            needs=(f"the stage: {', '.join(stages)}",),
        )
    if any(rule.plan_levels for rule in fits):
        if levels is None:
            raise MissingFactError(
                f"{level.name}: the clock depends on how many levels the plan has.",
                needs=("the plan's levels of internal appeal: one or two",),
            )
        fits = [rule for rule in fits if rule.plan_levels in (None, levels)]
    if len(fits) > 1:
        raise RulesError(
            f"{program_id}, {level_id}: two decision clocks on file cover the same facts"
        )
    rule = fits[0]
    if rule.due is None:
        raise RefusedError(f"{level.name}: {rule.says} ({rule.citation})")
    due = count(request_received, rule.due)
    steps = [
        Step(request_received, f"request received by {level.decider}", rule.citation),
        Step(due, f"{rule.due.count} {rule.due.unit.replace('_', ' ')} from then", rule.citation),
    ]
    steps[1:1] = [
        Step(count(request_received, part.due), part.says, f"{part.citation}; mark {part.status}")
        for part in rule.parts
    ]
    if extended:
        if rule.extension is None:
            raise RefusedError(f"{level.name}: this clock has no extension. ({rule.citation})")
        due = count(due, rule.extension)
        steps.append(
            Step(due, f"extended by {rule.extension.count} {rule.extension.unit}", rule.citation)
        )
    warnings = [rule.says] if rule.says else []
    if rule.due.unit == "hours":
        warnings.append(
            f"The clock is {rule.due.count} hours from the time of receipt; shown is the calendar "
            f"day on which they end."
        )
    if rule.status == "M":
        warnings.append(f"{rule.citation} is on file from memory (mark M), not verified.")
    return DecisionDue(
        program=program_id,
        level=level_id,
        decider=level.decider,
        decision_due=due,
        citation=rule.citation,
        applies_from=rule.applies_from,
        source=rule.source,
        verified_on=rule.verified_on,
        status=rule.status,
        steps=tuple(steps),
        if_missed=rule.if_missed,
        if_favorable=tuple(
            f"{one.says} ({one.citation}; mark {one.status})"
            for one in level.effectuation
            if one.when.holds(stage, None, expedited)
        ),
        warnings=tuple(warnings),
    )


def _of_service(
    level: Level, rules: list[DecisionRule], service: str | None, state: str | None
) -> list[DecisionRule]:
    """Return the rules for the kind of service in the state; refuse where either decides and is unknown."""
    services = sorted({rule.service for rule in rules if rule.service})
    if not services:
        return rules
    if service is None:
        raise MissingFactError(
            f"{level.name}: the clock depends on the kind of service.",
            needs=(f"the kind of service: {', '.join(services)}",),
        )
    rules = [rule for rule in rules if rule.service == service]
    if not rules:
        raise NoRuleError(
            f"{level.name}: no rule for this kind of service covers the day.",
            needs=(f"a kind of service that one covers: {', '.join(services)}",),
        )
    states = sorted({one for rule in rules for one in rule.states})
    if not states:
        return rules
    if state is None:
        raise MissingFactError(
            f"{level.name}: the clock depends on the state where the service is given.",
            needs=(f"the state (it applies in {', '.join(states)})",),
        )
    rules = [rule for rule in rules if state in rule.states]
    if not rules:
        raise RefusedError(f"{level.name}: applies only in {', '.join(states)}.")
    return rules

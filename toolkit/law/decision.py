"""When a decision is due, and what a missed deadline means."""

from collections.abc import Mapping
from datetime import date

import msgspec

from toolkit.errors import MissingFactError, NoRuleError, RefusedError, RulesError, UsageError
from toolkit.law.calendar import count
from toolkit.law.filing import ITSELF_EXPEDITED, STANDARD_CLOCK, Step, check_days
from toolkit.law.model import (
    DecisionRule,
    Level,
    Meetings,
    Span,
    check_words,
    known_jurisdiction,
    program,
)
from toolkit.law.wording import ANCHORS, SERVICES, span

FARTHEST = 366  # days from a request to the start of its clock; more is a typing error
BOARD_OF_ANOTHER_PLAN = (
    "The board's meeting is not used: only a multiemployer plan has "
    "one. If the plan is one, give --multiemployer; its clock differs."
)
NO_EFFECTUATION = "No effectuation clock is on file for this decision."


class DecisionDue(msgspec.Struct, frozen=True, kw_only=True):
    """When a decision is due, from the day the clock starts."""

    program: str
    level: str
    filed_with: str
    decided_by: str
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
    jurisdiction: str = ""

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
    multiemployer: bool = False,
    plan_appeal_date: date | None = None,
    case_file_date: date | None = None,
    selection_date: date | None = None,
    board_meeting: date | None = None,
    notice_date: date | None = None,
    jurisdiction: str | None = None,
) -> DecisionDue:
    """Return the day the decision is due, and what it means if it is late.

    `request_received` is the day the decider received the request. A clock that starts on another
    day requires it: `plan_appeal_date`, the day the plan appeal was filed; `case_file_date`, the day
    the decider received the case file or the records it asked for; `selection_date`, the day the IDR entity
    was selected; `board_meeting`, the meeting at which a multiemployer plan's board decides.
    `notice_date` is the date of the notice before the request; `levels` is 'one' or 'two' internal
    levels of the plan, `service` a kind of service and `state` its two letters, where the clock
    depends on them, `jurisdiction` the two letters of the state whose law governs the plan. Hours are counted as whole calendar days, as no time of day is known.

    Raises NoRuleError if no clock on file covers the request, MissingFactError where the stage or
    the day on which the clock starts is not given, RefusedError where the request cannot be expedited,
    UsageError where a word is not one of those named, the state is none, or the board's meeting is
    further off than the one that decides can be.
    """
    check_words(stage=stage, service=service, levels=levels)
    if request_received is None:
        raise UsageError("the day the request was received is needed (request_received)")
    check_days(
        request_received,
        plan_appeal_date,
        case_file_date,
        selection_date,
        board_meeting,
        notice_date,
    )
    state, jurisdiction = known_jurisdiction(state, "the state"), known_jurisdiction(jurisdiction)
    rules = program(program_id, jurisdiction)
    level = rules.level(level_id)
    level.check_stage(stage)
    rules.check_expedited(level, stage, None, expedited)
    if not level.decision:
        raise NoRuleError(
            f"{level.name}: no decision clock is on file.", needs=("a decision clock",)
        )
    dated = _of_service(level, service)
    dated = _covering(level, dated, request_received, service)
    dated = _of_state(level, dated, state)
    fits = _of_stage(level, dated, stage, expedited)
    fits = [rule for rule in fits if rule.multiemployer in (None, multiemployer)]
    if any(rule.plan_levels for rule in fits):
        if levels is None:
            raise MissingFactError(
                f"{level.name}: the clock depends on how many levels the plan has.",
                needs=(
                    "the plan's levels of internal appeal: one or two",
                    *_whether_multiemployer(level),
                ),
            )
        fits = [rule for rule in fits if rule.plan_levels in (None, levels)]
    if not fits:
        raise NoRuleError(
            f"{level.name}: no clock on file covers this kind of plan.",
            needs=(
                "the plan's levels of internal appeal: one or two",
                *_whether_multiemployer(level),
            ),
        )
    if len(fits) > 1:
        raise RulesError(
            f"{program_id}, {level_id}: two decision clocks on file cover the same facts"
        )
    rule = fits[0]
    days = {
        "request": request_received,
        "plan_appeal": plan_appeal_date,
        "case_file": case_file_date,
        "selection": selection_date,
        "board_meeting": board_meeting,
    }
    start = _start(level, rule, days, request_received, extended)
    if rule.days_to_ask_left_out and notice_date:
        needs = (f"the date of the {level.notice}", ANCHORS[rule.starts])
        if notice_date < start:
            raise RefusedError(
                "the notice is dated before the plan appeal, so it can't be the decision on that appeal.",
                needs=needs,
            )
        if notice_date > request_received:
            raise RefusedError(
                "the notice is dated after the request, so the request can't be about it.",
                needs=needs,
            )
    due = count(start, rule.due)
    by = (rule.citation, rule.status)
    steps = [Step(request_received, f"request received by {level.decider}", *by)]
    if rule.starts != "request":
        steps.append(Step(start, f"the clock starts: {ANCHORS[rule.starts]}", *by))
    steps += [
        Step(count(start, part.due), part.says, part.citation, part.status) for part in rule.parts
    ]
    steps.append(Step(due, f"{span(rule.due)} from then", *by))
    steps.sort(key=lambda step: step.date)
    warnings = [rule.says] if rule.says else []
    unread = level.floor_of(jurisdiction)
    warnings += [unread.floor.decision] if unread and unread.floor else []
    if board_meeting and not multiemployer and any(one.multiemployer for one in level.decision):
        warnings.append(BOARD_OF_ANOTHER_PLAN)
    if expedited and level.always_expedited:
        warnings.append(ITSELF_EXPEDITED)
    elif expedited and not rule.when.expedited:
        if stage is None:
            rules.check_stage_to_expedite(level, None)
        warnings.append(STANDARD_CLOCK)
    if rule.days_to_ask_left_out:
        due, notes = _without_the_days_to_ask(
            level, rule, due, request_received, notice_date, steps
        )
        warnings += notes
    if extended and not rule.meetings:  # a board that extends its time decides a meeting later
        if rule.extension is None:
            raise RefusedError(
                f"{level.name}: this clock has no extension. ({rule.citation})",
                needs=("the clock without --extended",),
            )
        due = count(due, rule.extension)
        what = f"extended by {span(rule.extension)}"
        steps.append(Step(due, what, *by))
    if rule.due.unit == "hours":
        warnings.append(
            f"The clock is {rule.due.count} hours from the time of receipt; shown is the calendar "
            f"day on which they end."
        )
    if rule.status == "M":
        warnings.append(f"{rule.citation} was entered from memory (mark M) and is not verified.")
    return DecisionDue(
        program=program_id,
        level=level_id,
        filed_with=level.filed_with or level.decider,
        decided_by=level.decider,
        decision_due=due,
        citation=rule.citation,
        applies_from=rule.applies_from,
        source=rule.source,
        verified_on=rule.verified_on,
        status=rule.status,
        steps=tuple(steps),
        if_missed=rule.if_missed,
        if_favorable=_if_favorable(level, stage, expedited),
        warnings=tuple(warnings),
        jurisdiction=level.jurisdiction,
    )


def _if_favorable(level: Level, stage: str | None, expedited: bool) -> tuple[str, ...]:
    """Return what the payer owes after a favorable decision, or a note that no effectuation clock is on file."""
    found = tuple(
        f"{one.says} ({one.citation}; mark {one.status})"
        for one in level.effectuation
        if one.when.holds(stage, None, expedited)
    )
    return found or (NO_EFFECTUATION,)


def _whether_multiemployer(level: Level) -> tuple[str, ...]:
    """Return the question to ask where a multiemployer plan has a different clock; () if there is none."""
    apart = any(rule.multiemployer for rule in level.decision)
    return ("whether it is a multiemployer plan whose board meets at least quarterly",) * apart


def _start(
    level: Level,
    rule: DecisionRule,
    days: Mapping[str, date | None],
    requested: date,
    extended: bool,
) -> date:
    """Return the day the clock starts; refuse if it is missing or impossible."""
    start, what = days[rule.starts], ANCHORS[rule.starts]
    if start is None:
        raise MissingFactError(
            f"{level.name}: the clock starts on {what}, and that day is not given. ({rule.citation})",
            needs=(what,),
        )
    if rule.starts != "board_meeting" and abs((start - requested).days) > FARTHEST:
        raise RefusedError(
            f"{what} is more than a year from the request: one of the two dates is wrong.",
            needs=(what, "the day the request was received"),
        )
    if rule.starts == "plan_appeal" and start > requested:
        raise RefusedError(
            "the plan appeal is dated after the request for a hearing: one of the two dates is wrong.",
            needs=(what, "the day the request was received"),
        )
    if rule.starts in ("case_file", "selection") and start < requested:
        raise RefusedError(
            f"{what} is before the request: one of the two dates is wrong.",
            needs=(what, "the day the request was received"),
        )
    if rule.meetings and rule.meeting_too_near:
        too_near = rule.meeting_too_near
        _check_meeting(level, rule, rule.meetings, too_near, requested, start, extended)
    return start


def _check_meeting(
    level: Level,
    rule: DecisionRule,
    meetings: Meetings,
    too_near: Span,
    requested: date,
    meeting: date,
    extended: bool,
) -> None:
    """Refuse a meeting that is too soon to decide the request, or later than the one that must decide it."""
    soonest = count(requested, too_near)
    if meeting <= soonest:
        raise MissingFactError(
            f"{level.name}: the request came too close to this meeting; "
            f"the board decides it at the next one. ({rule.citation})",
            needs=(f"{ANCHORS[rule.starts]}: the one after this",),
        )
    apart = meetings.apart
    last = count(soonest, apart)
    if extended:
        last = count(last, apart)
    if meeting > last:
        which = "third" if extended else "second"
        near, far = too_near.count, apart.count * (1 + extended)
        raise UsageError(
            f"{level.name}: the board's meeting is too far off. The board meets at least quarterly, at "
            f"most about {apart.count} days apart, and decides at its {which} meeting after the request "
            f"at the latest: no more than {near + far} days after it. ({meetings.citation})"
        )


def _without_the_days_to_ask(
    level: Level,
    rule: DecisionRule,
    due: date,
    requested: date,
    notice: date | None,
    steps: list[Step],
) -> tuple[date, list[str]]:
    """Return the due date without the days from the notice to the request, and a note about them."""
    if notice is None and due >= requested:
        return due, [
            f"The days from the {level.notice} to the request do not count: give that notice's date, "
            f"and the decision is due so many days later."
        ]
    if notice is None:
        raise MissingFactError(
            f"{level.name}: the days from the {level.notice} to the request do not count, and the "
            f"notice's date is not known. ({rule.citation})",
            needs=(f"the date of the {level.notice}, before the request",),
        )
    asked = (requested - notice).days
    due += requested - notice
    if due < requested:
        raise RefusedError(
            f"{level.name}: with these dates the time to decide ended before the request came. "
            f"({rule.citation})",
            needs=(f"the date of the {level.notice}", ANCHORS[rule.starts]),
        )
    what = f"the {asked} day{'' if asked == 1 else 's'} from the {level.notice} to the request do not count"
    steps.append(Step(due, what, rule.citation, rule.status))
    return due, []


def _of_service(level: Level, service: str | None) -> list[DecisionRule]:
    """Return the level's rules for the kind of service; refuse if the clock depends on it and it is unknown."""
    services = sorted({rule.service for rule in level.decision if rule.service})
    if not services:
        return list(level.decision)
    if service is None:
        raise MissingFactError(
            f"{level.name}: the clock depends on the kind of service.",
            needs=(f"the kind of service: {', '.join(services)}",),
        )
    return [rule for rule in level.decision if rule.service == service]


def _covering(
    level: Level, rules: list[DecisionRule], day: date, service: str | None
) -> list[DecisionRule]:
    """Return the rules that cover the day; if none does, refuse and say from when to when they do."""
    dated = [
        rule
        for rule in rules
        if rule.applies_from <= day and (rule.applies_until is None or day <= rule.applies_until)
    ]
    if dated:
        return dated
    first = min(rule.applies_from for rule in rules)
    ends = [rule.applies_until for rule in rules if rule.applies_until is not None]
    last = f" and end {max(ends)}" if len(ends) == len(rules) else ""
    if service and any(rule.service for rule in rules):
        raise NoRuleError(
            f"{level.name}: no rule for this kind of service covers the day. For {SERVICES[service]} "
            f"the clocks begin {first}{last}, by the day the request is received.",
            needs=(f"a request received from {first} {f'to {max(ends)}' if last else 'on'}",),
        )
    raise NoRuleError(
        f"{level.name}: the decision clocks on file begin {first}{last}; none covers the day.",
        needs=("a rule that covers the day",),
    )


def _of_state(level: Level, rules: list[DecisionRule], state: str | None) -> list[DecisionRule]:
    """Return the rules that apply in the state; refuse if the state is needed and unknown, or has none."""
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
        raise RefusedError(
            f"{level.name}: applies only in {', '.join(states)}.",
            needs=("a service given in one of these states",),
        )
    return rules


def _of_stage(
    level: Level, rules: list[DecisionRule], stage: str | None, expedited: bool
) -> list[DecisionRule]:
    """Return the rules for the stage; refuse if the stage is needed and unknown, or has no clock."""
    fits = [rule for rule in rules if rule.when.holds(stage, None, expedited)]
    if fits:
        return fits
    meant = [rule for rule in rules if rule.when.expedited in (None, expedited)]
    stages = sorted({one for rule in meant for one in rule.when.stages})
    if stage is None and stages:
        raise MissingFactError(
            f"{level.name}: the clock depends on the stage.",
            needs=(f"the stage: {', '.join(stages)}",),
        )
    kind = "expedited clock" if expedited else "clock"
    raise NoRuleError(
        f"{level.name}: no {kind} on file covers this stage on that day.",
        needs=(f"a stage that has one: {', '.join(stages)}",) if stages else (),
    )

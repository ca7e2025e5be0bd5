"""The filing deadline of one level of appeal, with the reason for every day."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec
from msgspec.structs import replace

from toolkit.errors import (
    BelowAmountError,
    MissingFactError,
    NoRuleError,
    RefusedError,
    RulesError,
    UsageError,
)
from toolkit.law.calendar import (
    count,
    next_day_neither_weekend_nor_dated_holiday,
    next_working_day,
    off_day,
    previous_working_day,
)
from toolkit.law.contract import Contract
from toolkit.law.events import Closing, closed_days, events_of, resumed
from toolkit.law.model import (
    FEDERAL_PROCESSES,
    Automatic,
    FilingRule,
    Forwarded,
    Level,
    LevelProcess,
    MinimumAmount,
    Program,
    Reading,
    Span,
    check_words,
    jurisdictions,
    known_jurisdiction,
    program,
    rules_after,
)
from toolkit.law.standing import Answer, party, standing
from toolkit.law.thresholds import amount_warnings, last_day_that_counts, thresholds
from toolkit.law.wording import MARKS, STARTS, UNITS
from toolkit.rules.words import capital

SAFE_PRACTICE = "safe practice of this toolkit"
MOST_DOLLARS = 10**13  # the most that a file of claims may state of one amount
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)


class Step(msgspec.Struct, frozen=True):
    """One dated step on the way to a deadline, with the rule that makes it and that rule's mark.

    A safe practice is not a rule and has no mark.
    """

    date: date
    what: str
    citation: str
    status: str = ""


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """When and where a level of appeal must be filed, and why.

    `last_filing_date` is the last lawful day under the rule; `file_by` is the deadline under the
    strictest defensible reading, moved back to a business day. Both are None if nothing has to
    be filed. Where the rule gives no last day, `last_filing_date` is None, and `file_by` too where
    nothing says what is safe. `by_hour` is the hour by which to file on these days.
    `about_amount` is what the level's own rules ask of the amount in dispute, which the
    warnings say too. `status` is the weakest mark of the rule and of the steps that moved a date: V read
    at the source, V2 second-hand, M from memory.
    """

    program: str
    level: str
    level_name: str
    filed_with: str
    decided_by: str
    last_filing_date: date | None
    file_by: date | None
    filed_when: str | None
    citation: str
    applies_from: date | None
    source: str
    verified_on: str
    status: str
    steps: tuple[Step, ...]
    standing: Answer | None
    warnings: tuple[str, ...]
    about_amount: tuple[str, ...] = ()
    not_before: date | None = None
    nothing_to_file: bool = False
    by_hour: str | None = None
    jurisdiction: str = ""

    def _repr_html_(self) -> str:
        from toolkit.law.ledger import ledger_html

        return ledger_html(self)


ITSELF_EXPEDITED = "This level is itself expedited; --expedited changes nothing."
STANDARD_CLOCK = (
    "No expedited clock is on file for this level: the date "
    "is the standard one, for a case that was expedited before."
)


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one case: the days, who files, and whatever a rule may depend on."""

    notice: date | None
    received: date | None
    effective: date | None
    stage: str | None
    filer: str | None
    expedited: bool
    amount: float | None
    state_window: int | None
    care: str
    last_outcome: str | None = None


def filing_deadline(
    program_id: str,
    level_id: str,
    *,
    notice_date: date | None = None,
    earliest_notice: date | None = None,
    received: date | None = None,
    stage: str | None = None,
    filer: str | None = None,
    expedited: bool = False,
    amount: float | None = None,
    state_window: int | None = None,
    effective_date: date | None = None,
    care: str | None = None,
    last_outcome: str | None = None,
    process: str | None = None,
    jurisdiction: str | None = None,
    contract: Contract | None = None,
) -> Deadline:
    """Return the last day to ask for a level of appeal, with its steps and citations.

    `notice_date` is the date printed on the notice (for `claim_filing`, the date of service);
    `earliest_notice` an earlier day that somebody may read as the notice's: `file_by` is counted from
    it, `last_filing_date` from the notice date;
    `received` the documented day of receipt, which a presumption yields to; `amount` is in
    dollars, `state_window` in calendar days, `care` is one of `CARE` (VA community care),
    `process` one of `PROCESSES` where a level has several, `jurisdiction` the two letters of the
    state whose law governs the plan (none for a self-funded one): its own rules come before the
    program's, and where they are not on file the least that federal law makes every state give does,
    `last_outcome` how the level before ended, and
    `contract` the terms that give a contract dispute its dates. Where the clock starts at a receipt
    that is not known and nothing is presumed, both dates are counted from the notice's date, the
    earliest possible start. Raises NoRuleError if no rule on file covers the day, MissingFactError
    where the rule turns on a fact that is not given, RefusedError where this filer has no appeal, no such
    request can be made at the stage or the request cannot be expedited, UsageError where the amount is
    not a number of dollars, a day not a date or a word not one of those named. A filer whose standing is not settled gets the date, with a warning that says so.
    Source: `rules/programs/<program>.yaml`.
    """
    check_amount(amount)
    if state_window is not None and type(state_window) is not int:
        raise UsageError("the state's window must be a whole number of days")
    check_words(stage=stage, filer=filer, care=care, process=process, outcome=last_outcome)
    check_days(notice_date, earliest_notice, received, effective_date)
    where = known_jurisdiction(jurisdiction)
    jurisdiction = None if process in FEDERAL_PROCESSES else where
    rules = program(program_id, jurisdiction)
    level = level_of(rules, level_id, contract)
    level.check_stage(stage)
    level.check_process(process, where)
    rules.check_expedited(level, stage, filer, expedited)
    if contract and level not in rules.levels:
        who = party(filer, contract.filing[0])
    else:
        who = standing(rules, level_id, stage=stage, filer=filer, expedited=expedited)
    if who and who.may_file is False:
        why = f"{who.says} ({who.citation})"
        raise RefusedError(why, needs=_instead(rules, who) or who.way_on)
    about = (contract.program, contract.level) if contract else (program_id, level_id)
    if about != (program_id, level_id) and (level.by_terms or about[1] == level_id):
        raise RefusedError(
            "the contract given is for another program or level.",
            needs=("the contract of this program and level",),
        )
    if level.by_terms and contract:
        level = replace(level, by_terms=None, filing=contract.filing)
    if level.by_terms:
        raise MissingFactError(
            f"{level.by_terms.says} ({level.by_terms.citation})", needs=level.by_terms.needs
        )
    facts = CaseFacts(
        notice=notice_date,
        received=received,
        effective=effective_date,
        stage=stage,
        filer=filer,
        expedited=expedited,
        amount=amount,
        state_window=state_window,
        care=care or "not_stated",
        last_outcome=last_outcome,
    )
    level, about_process = in_process(rules, level, who, facts, process, jurisdiction)
    process = "state" if level.jurisdiction else process
    by_itself = level.automatic or level.forwarded
    if by_itself and level.needs_no_filing(last_outcome):
        return _nothing_to_file(rules, level, by_itself, who, facts)
    if notice_date and received and received < notice_date:
        raise RefusedError(
            "the day of receipt is before the notice date: one of the two is wrong.",
            needs=("the notice's date", "the day it was received"),
        )
    rule = _select(rules, level, facts)
    _check_effective(rule, facts)
    if rule.open_ended:
        return _marked(_open_ended(rules, level, rule, who, facts))
    found = _deadline(rules, level, rule, who, facts)
    found = replace(found, warnings=(*found.warnings, *_as_expedited(rules, level, rule, facts)))
    found = replace(found, warnings=(*found.warnings, *about_process))
    found = _no_later(
        _put_off(found, process, facts.received), rules, level, who, facts, earliest_notice, process
    )
    return _marked(_kept_open(found))


def check_amount(amount: float | None) -> None:
    """Raise UsageError for an amount in dispute that is not a number of dollars."""
    if amount is None:
        return
    number = isinstance(amount, int | float | Decimal) and not isinstance(amount, bool)
    if not number or not isfinite(amount) or not 0 <= amount <= MOST_DOLLARS:
        raise UsageError(f"the amount in dispute must be dollars from 0 to {MOST_DOLLARS:,}")


def check_days(*days: date | None) -> None:
    """Raise UsageError for a day that is not a date, RefusedError for one that no current claim can have."""
    if any(day is not None and (type(day) is not date) for day in days):
        raise UsageError("each day must be a datetime.date")
    if any(day is not None and not FIRST_DAY <= day <= LAST_DAY for day in days):
        raise RefusedError(
            "a day given is too far in the past or future to belong to a claim.",
            needs=(f"days from {FIRST_DAY} to {LAST_DAY}",),
        )


def _check_effective(rule: FilingRule, facts: CaseFacts) -> None:
    """Refuse an effective date before the notice, where the clock is counted from that day."""
    counted = [one.starts for one in (rule, *rule.readings)]
    begun = facts.received or facts.notice
    if "effective" in counted and facts.effective and begun and facts.effective < begun:
        raise RefusedError(
            "the effective date is before the notice or its receipt: one of the dates is wrong.",
            needs=(_DAYS["effective"], _DAYS["notice"]),
        )


def _marked(found: Deadline) -> Deadline:
    """Return the deadline with the weakest mark behind its dates, and a warning for rules from memory."""
    steps = {step.citation: step.status for step in found.steps if step.citation != SAFE_PRACTICE}
    from_memory = [citation for citation, mark in steps.items() if mark == "M"]
    if found.status == "M" and found.citation not in from_memory:
        from_memory.insert(0, found.citation)
    told = tuple(
        f"{citation} was entered from memory (mark M) and is not verified: read it before you rely on this date."
        for citation in from_memory
    )
    status = _weakest(found.status, *(step.status for step in found.steps if step.status))
    return replace(found, status=status, warnings=(*found.warnings, *told))


def _weakest(*marks: str) -> str:
    return max(marks, key=tuple(MARKS).index)


def _as_expedited(
    rules: Program, level: Level, rule: FilingRule, facts: CaseFacts
) -> tuple[str, ...]:
    """Return notes for an expedited request that the standard clock answers."""
    if not facts.expedited or rule.when.expedited:
        return ()
    if level.always_expedited:
        return (ITSELF_EXPEDITED,)
    if facts.stage is None:
        rules.check_stage_to_expedite(level, facts.filer)
    if any(one.when.expedited for one in level.decision):
        return ("The time to file is the same for an expedited request; the decision is faster.",)
    return (STANDARD_CLOCK,)


def _no_later(
    found: Deadline,
    rules: Program,
    level: Level,
    who: Answer | None,
    facts: CaseFacts,
    earliest_notice: date | None,
    process: str | None,
) -> Deadline:
    """Return the deadline with `file_by` counted from the earliest notice, if that is earlier."""
    if earliest_notice is None or found.file_by is None:
        return found
    facts = replace(facts, notice=earliest_notice)
    try:
        safe = _deadline(rules, level, _select(rules, level, facts), who, facts)
    except RefusedError:  # no rule covers that day, so nobody counts from it
        return found
    safe = _put_off(safe, process, facts.received)
    if safe.file_by is None:
        return found
    by = max(safe.file_by, found.not_before) if found.not_before else safe.file_by
    if by >= found.file_by:
        return found
    weak = [one for one in safe.steps if one.status == "M" and one.citation != safe.citation]
    what = f"earliest reading: {earliest_notice.isoformat()} is taken as the notice date"
    step = Step(by, what, safe.citation, safe.status)
    warnings = found.warnings
    if by != safe.file_by:
        warnings += (
            "Counted from the earlier day that may be read as the notice date, the window ends before "
            "the one counted from the notice opens, so the first day of the later window is given.",
        )
    return replace(found, file_by=by, steps=(*found.steps, *weak, step), warnings=warnings)


def _instead(rules: Program, who: Answer) -> tuple[str, ...]:
    if not who.instead:
        return ()
    other = rules.level(who.instead)
    return other.by_terms.needs if other.by_terms else (f"the level {other.id}",)


def level_of(rules: Program, level_id: str, contract: Contract | None) -> Level:
    """Return the level, or for a dispute that only a contract defines, a level made of its terms."""
    known = {level.id for level in rules.levels}
    if contract is None or level_id in known or level_id != contract.level:
        return rules.level(level_id)
    return Level(
        id=level_id,
        name="Dispute under the provider's contract",
        decider="the payer, under the contract",
        place="side",
        notice="payment decision",
        filing=contract.filing,
    )


def _nothing_to_file(
    rules: Program, level: Level, auto: Automatic | Forwarded, who: Answer | None, facts: CaseFacts
) -> Deadline:
    steps = (
        (Step(facts.notice, f"{level.notice}: {auto.says}", auto.citation, auto.status),)
        if facts.notice
        else ()
    )
    return Deadline(
        program=rules.program,
        level=level.id,
        level_name=level.name,
        filed_with=level.filed_with or level.decider,
        decided_by=level.decider,
        last_filing_date=None,
        file_by=None,
        filed_when=None,
        citation=auto.citation,
        applies_from=None,
        source=auto.source,
        verified_on=auto.verified_on,
        status=auto.status,
        steps=steps,
        standing=who if who and who.may_file else None,  # nobody files: nothing has to be settled
        warnings=(auto.says,),
        nothing_to_file=True,
    )


def _select(rules: Program, level: Level, facts: CaseFacts) -> FilingRule:
    if not level.filing:
        raise NoRuleError(
            f"{level.name}: nothing is filed at this level; it only has a decision clock.",
            needs=("a level that is filed",),
        )
    meant = fitting(level, facts)
    if not meant:
        raise MissingFactError(
            f"{level.name}: no rule on file fits these facts.", needs=("the stage, or the filer",)
        )
    day = facts.effective if meant[0].selected_by == "effective" else facts.notice
    if day is None and len(meant) == 1 and meant[0].selected_by != "effective":
        day = facts.received  # one rule only: the day that selects it cannot change the answer
    if day is None and len(meant) == 1 and meant[0].open_ended:
        return meant[0]
    if day is None:
        raise MissingFactError(
            f"{level.name}: the day that selects the rule is unknown.",
            needs=(_DAYS[meant[0].selected_by],),
        )
    fits = [
        rule
        for rule in meant
        if rule.applies_from <= day and (rule.applies_until is None or day <= rule.applies_until)
    ]
    if len(fits) > 1:
        raise RulesError(f"{rules.program}, {level.id}: two rules on file cover the same day")
    if not fits:
        first = min(rule.applies_from for rule in meant)
        ends = [rule.applies_until for rule in meant if rule.applies_until is not None]
        last = f" and end {max(ends)}" if len(ends) == len(meant) else ""
        raise NoRuleError(
            f"{level.name}: the rules on file begin {first}{last}; none covers the day.",
            needs=("a rule that covers the day",),
        )
    return fits[0]


def fitting(level: Level, facts: CaseFacts) -> list[FilingRule]:
    """Return the level's filing rules that fit the facts of a case, regardless of its days."""
    case = (facts.stage, facts.filer, facts.expedited, facts.care)
    return [
        rule for rule in rules_after(level.filing, facts.last_outcome) if rule.when.holds(*case)
    ]


_DAYS = {
    "notice": "the notice's date",
    "service": "the date of service",
    "effective": "the effective date (of discharge or of the end of services)",
}


def _start(rule: FilingRule | Reading, presumed: date | None, facts: CaseFacts) -> date | None:
    if rule.starts == "receipt":
        return facts.received or presumed
    return facts.effective if rule.starts == "effective" else facts.notice


def _open_ended(
    rules: Program, level: Level, rule: FilingRule, who: Answer | None, facts: CaseFacts
) -> Deadline:
    """Return the deadline where no text gives a last day; `file_by` is the safe day of its readings."""
    start, steps = facts.notice, []
    if start:
        steps.append(Step(start, f"date of the {rule.notice}", rule.citation, rule.status))
    meant = [
        one
        for one in rule.readings
        if start and one.when.holds(facts.stage, facts.filer, facts.expedited, facts.care)
    ]
    file_by = None
    if start and meant:
        ends = [(count(start, one.window, rule.no_corresponding_day), one) for one in meant]
        end, by = min(ends, key=lambda one: one[0])
        steps.append(Step(end, f"safe reading: {by.says}", by.citation, by.status))
        file_by = _on_a_working_day(end, steps)
    about = f"The rules on file give no last day. {rule.why}".strip()
    return _by_rule(
        rules, level, rule, who, steps,
        last_filing_date=None,
        file_by=file_by,
        warnings=(about, *_cautions(rule, who, facts, earliest=False)),
    )  # fmt: skip


def _by_rule(
    rules: Program,
    level: Level,
    rule: FilingRule,
    who: Answer | None,
    steps: list[Step],
    **found: Any,
) -> Deadline:
    """Return the deadline under a filing rule, with the steps to its dates."""
    return Deadline(
        program=rules.program,
        level=level.id,
        level_name=level.name,
        filed_with=rule.filed_with or level.filed_with or level.decider,
        decided_by=level.decider,
        filed_when=rule.filed_when,
        citation=rule.citation,
        applies_from=rule.applies_from,
        source=rule.source,
        verified_on=rule.verified_on,
        status=rule.status,
        steps=tuple(steps),
        standing=who,
        jurisdiction=level.jurisdiction,
        **found,
    )


def _on_a_working_day(day: date, steps: list[Step]) -> date:
    """Return the day, moved back to a working day, and add the step."""
    moved = previous_working_day(day)
    if moved != day:
        what = (
            f"{day.isoformat()} is not a working day ({off_day(day)}): file so that it arrives on the "
            "working day before"
        )
        steps.append(Step(moved, what, SAFE_PRACTICE))
    return moved


def _deadline(
    rules: Program, level: Level, rule: FilingRule, who: Answer | None, facts: CaseFacts
) -> Deadline:
    window = window_of(level, rule, facts)
    presumed = None
    if rule.presumption and facts.notice:
        presumed = facts.notice + timedelta(rule.presumption.days)
    start = _start(rule, presumed, facts)
    earliest = start is None and rule.starts == "receipt"
    if earliest:  # it can't have been received before its date
        start = facts.notice
    if start is None:
        raise MissingFactError(
            f"{level.name}: the day the clock starts is unknown.", needs=(_missing(rule),)
        )
    steps = _opening(level, rule, presumed, facts, earliest)
    end = count(start, window, rule.no_corresponding_day)
    begins = STARTS["notice" if earliest else rule.starts]
    if rule.runs_from == "filing" and rule.notice:
        begins = "that day"
    hour = f", by {rule.by_hour}" if rule.by_hour else ""
    steps.append(Step(end, f"{_words(window)} from {begins}{hour}", rule.citation, rule.status))
    end = _tolled(rules, level, start, end, window, rule, steps)
    last, practice = rolled(end, rule, steps, closed_days(rules.program, level.id))
    if last != end:
        last = _tolled(rules, level, start, last, window, rule, steps, from_day=end)
    if rule.never_before_effective and facts.effective and facts.effective > last:
        last = facts.effective
        what = "the effective date, which is later"
        steps.append(Step(last, what, rule.citation, rule.status))
    file_by = _file_by(end, window, rule, presumed, facts, steps)
    # The notice may be of the old year and its presumed receipt of the new one: it can be filed at once.
    first = facts.received or min(start, facts.notice or start)
    file_by = _while_the_amount_counts(level, first, file_by, facts, steps)
    about_amount = _about_amount(level, rule, first, last, facts)
    opens = rule.opens and count(start, rule.opens, rule.no_corresponding_day)
    if opens:
        what = "not before this day: an earlier request is premature"
        steps.append(Step(opens, what, rule.citation, rule.status))
    if facts.notice:
        for mark in rule.milestones:
            day = facts.notice + timedelta(days=mark.day - 1)
            steps.append(Step(day, f"day {mark.day}: {mark.what}", rule.citation, rule.status))
    return _by_rule(
        rules, level, rule, who, steps,
        last_filing_date=last,
        file_by=file_by,
        not_before=opens,
        about_amount=about_amount,
        by_hour=rule.by_hour,
        warnings=(*practice, *about_amount, *_cautions(rule, who, facts, earliest)),
    )  # fmt: skip


def window_of(level: Level, rule: FilingRule, facts: CaseFacts) -> Span:
    """Return the rule's window; refuse if a fact that it depends on is unknown."""
    least = rule.minimum_amount
    if least and facts.amount is not None and facts.amount < least.dollars:
        raise BelowAmountError(
            f"{level.name}: needs at least ${least.dollars:,} in dispute; below that "
            f"the previous decision is final. ({least.citation}) {_together(least)}".rstrip(),
            needs=(f"claims that count together, of at least ${least.dollars:,}",)
            if least.together
            else (),
        )
    if rule.never_before_effective and facts.effective is None:
        raise MissingFactError(
            f"{level.name}: the deadline depends on the day the action takes effect.",
            needs=("the effective date of the action",),
        )
    if rule.window:
        return rule.window
    bounds = rule.state_window
    assert bounds is not None, "a filing rule has one of window, state_window"
    if facts.state_window is None or not bounds.least <= facts.state_window <= bounds.most:
        raise MissingFactError(
            f"{level.name}: each state sets the window, between {bounds.least} and {bounds.most} "
            f"calendar days. ({rule.citation})",
            needs=(f"the state's window in days, {bounds.least} to {bounds.most} (payers.csv)",),
        )
    return Span(count=facts.state_window, unit="days")


def _missing(rule: FilingRule) -> str:
    if rule.starts != "receipt":
        return _DAYS[rule.starts]
    if rule.presumption:
        return "the notice's date or the day it was received"
    return "the day the notice was received (nothing is presumed here)"


def _tolled(
    rules: Program,
    level: Level,
    start: date,
    end: date,
    window: Span,
    rule: FilingRule,
    steps: list[Step],
    from_day: date | None = None,
) -> date:
    """Return the end without the days that did not count, and add the step.

    The interruptions on file are of federal clocks: they move no state's. Where the last day rolled to
    this end `from_day`, only what began between the two is left out: the rest was before.
    """
    if level.jurisdiction:
        return end
    for event, _ in events_of(rules.program, level.id):
        still = event.stood_still
        if not still or (from_day and from_day >= still.first):
            continue
        moved = resumed(still, start, end, window, rule.no_corresponding_day)
        if moved:
            end, again = moved
            what = f"{event.says}: the clock ran again from {again}"
            steps.append(Step(end, what, event.citation, event.status))
    return end


def _put_off(found: Deadline, process: str | None, received: date | None) -> Deadline:
    """Return the deadline as events postponed it; the earlier day if the process is unknown.

    Where the receipt is not known, a later one may end after the days that are put off, and so before
    the day to which these are: then the first such day is given.
    """
    for event, moved in events_of(found.program, found.level):
        off = event.put_off
        if not (off and found.last_filing_date and off.first <= found.last_filing_date <= off.last):
            continue
        if moved.process and process is None:
            said = (
                f"The last day depends on the process (--process), which is unknown: {off.until} under "
                f"{moved.process}, {found.last_filing_date} under another; the earlier one is given. "
                f"{capital(event.says)} ({event.citation})."
            )
            found = replace(found, warnings=(*found.warnings, said))
        elif moved.process in (None, process):
            until, says = off.until, event.says
            if received is None:
                until = min(until, off.last + timedelta(days=1))
                says += f"; the receipt date is unknown, and from {until.isoformat()} on it is not postponed"
            step = Step(until, says, event.citation, event.status)
            by = previous_working_day(until)
            found = replace(found, last_filing_date=until, file_by=by, steps=(*found.steps, step))
    return found


def _kept_open(found: Deadline) -> Deadline:
    """Return the deadline with `file_by` on a day when the office is open to receive."""
    closed = closed_days(found.program, found.level)
    last = found.last_filing_date
    if not found.file_by or not last or not closed.keys() & {found.file_by, last}:
        return found
    says, closing = closed.get(found.file_by) or closed[last]
    by = found.file_by
    while by in closed or off_day(by):
        by -= timedelta(1)
    steps = found.steps
    if by != found.file_by:
        what = f"{says}: file before"
        steps = (*steps, Step(by, what, closing.citation, closing.status))
    told = f"{capital(says)} ({closing.citation})"
    if found.last_filing_date in closed:
        told += "; none of the texts read says that this extends the last day"
    told += "."
    return replace(found, file_by=by, steps=steps, warnings=(*found.warnings, told))


def in_process(
    rules: Program,
    level: Level,
    who: Answer | None,
    facts: CaseFacts,
    process: str | None,
    jurisdiction: str | None,
) -> tuple[Level, tuple[str, ...]]:
    """Return the level as its process defines it, with notes; refuse a process that is not counted.

    Where the law of the jurisdiction is not on file, the level is the least that every state has to
    give. A question for the state's own day (`process` state) is refused then, and the refusal names
    that safe day.
    """
    if level.jurisdiction and process in (None, "state"):  # the state's own law is on file
        return level, ()
    several: dict[str | None, LevelProcess] = {one.process: one for one in level.processes}
    name = jurisdictions().get(jurisdiction or "", "")
    if process is not None and process not in several:
        raise RefusedError(
            f"{level.name}: there is only one process.", needs=("the same, without --process",)
        )
    chosen = several.get(process) or level.without_its_own(jurisdiction)
    if process == "state" and (other := level.without_its_own(jurisdiction)):
        raise RefusedError(
            f"{name} has no process of its own that counts. {other.says} ({other.citation})",
            needs=(f"the process: {' or '.join(FEDERAL_PROCESSES)}",),
        )
    least, said = level, ""
    unread = level.floor_of(jurisdiction)
    if unread and unread.floor:
        said = f"{name}: "
        least = replace(
            level,
            filing=(unread.floor.filing, *(one for one in level.filing if one.after)),
            filed_with=unread.floor.filed_with,
            jurisdiction=jurisdiction,
        )
    if chosen and not chosen.counted:
        safe = _safe_day(rules, least, who, facts) if unread else ""
        raise RefusedError(f"{said}{chosen.says} ({chosen.citation}){safe}", needs=chosen.needs)
    if process is not None and chosen and chosen.filed_with:
        least = replace(least, filed_with=chosen.filed_with)
    told = chosen or unread
    return least, (f"{said}{told.says} ({told.citation}; mark {told.status})",) if told else ()


def _safe_day(rules: Program, level: Level, who: Answer | None, facts: CaseFacts) -> str:
    """Return a sentence with the safe day under the shortest window every state must give; '' if none is known."""
    try:
        found = _deadline(rules, level, _select(rules, level, facts), who, facts)
    except RefusedError:
        return ""
    return f" A request by or for the patient that arrives by {found.file_by} is in time under it."


def rolled(
    end: date, rule: FilingRule, steps: list[Step], closed: Mapping[date, tuple[str, Closing]]
) -> tuple[date, tuple[str, ...]]:
    """Return the last lawful day, and a warning about roll-overs that deciders are only believed to apply."""
    if rule.roll is None:
        return end, ()
    later = _ROLLS[rule.roll.to](end)
    met = []
    while rule.roll.nonworkdays and later in closed:
        met.append((later, *closed[later]))
        later = _ROLLS[rule.roll.to](later + timedelta(1))
    if later == end:
        return end, ()
    if rule.roll.force == "law":
        why = [off_day(end) or "", *dict.fromkeys(says for _, says, _ in met)]
        what = f"{'; '.join(filter(None, why))}: the last day moves to the next working day"
        # Each order has a mark of its own, beside the law that makes it count.
        steps += [Step(day, says, closing.citation, closing.status) for day, says, closing in met]
        steps.append(Step(later, what, rule.roll.citation, rule.roll.status))
        return later, ()
    return end, (
        f"The last day is not a working day ({off_day(end)}). Deciders are believed to accept {later} instead, but "
        "that is unverified: do not rely on it.",
    )


def _file_by(
    end: date,
    window: Span,
    rule: FilingRule,
    presumed: date | None,
    facts: CaseFacts,
    steps: list[Step],
) -> date:
    """Return the day under the strictest defensible reading, on a working day, and add its steps."""
    earliest, what, by = end, "", None
    if rule.presumption and facts.received and presumed and presumed < facts.received:
        early = count(presumed, window, rule.no_corresponding_day)
        if early < earliest:
            earliest, by = early, rule.presumption
            what = (
                f"earliest reading: receipt presumed {rule.presumption.days} days after the "
                f"notice's date, although a later receipt is documented"
            )
    for reading in rule.readings:
        begins = _start(reading, presumed, facts)
        if begins and reading.when.holds(facts.stage, facts.filer, facts.expedited, facts.care):
            early = count(begins, reading.window, rule.no_corresponding_day)
            if early < earliest:
                earliest, by = early, reading
                what = f"earliest reading: {reading.says}"
    begun = facts.received or facts.notice
    if (
        begun and earliest < begun <= end
    ):  # nothing can be filed before the notice, whatever a reading says
        earliest = begun
    if by:
        steps.append(Step(earliest, what, by.citation, by.status))
    file_by = previous_working_day(earliest)
    if begun and file_by < begun <= earliest:  # nothing can be filed before there is a notice
        file_by = earliest
    else:
        file_by = _on_a_working_day(earliest, steps)
    return file_by


def _cautions(
    rule: FilingRule,
    who: Answer | None,
    facts: CaseFacts,
    earliest: bool,
) -> list[str]:
    told = list(rule.warnings)
    if earliest:
        told.append(
            "The day of receipt is unknown and none is presumed here: both dates are "
            "counted from the notice date, the earliest possible start. A documented later receipt moves them."
        )
    if facts.notice is None and rule.presumption:
        told.append("The notice date is not given: the clock is counted from the receipt alone.")
    if who and who.may_file is None:
        told.append(who.says)
    return told


def _together(least: MinimumAmount) -> str:
    """Return when several claims count together toward an amount, if a source says so; '' otherwise."""
    return f"{least.together.says} ({least.together.citation})" if least.together else ""


def _about_amount(
    level: Level, rule: FilingRule, first: date, last: date, facts: CaseFacts
) -> tuple[str, ...]:
    """Return the amount in dispute that the level's own rules require, in words."""
    told = ()
    least = rule.minimum_amount
    if least:
        lacks = "" if facts.amount is not None else "; no amount is given"
        told = (f"Requires at least ${least.dollars:,} in dispute{lacks}. ({least.citation})",)
    if level.amount_in_controversy:
        kind = level.amount_in_controversy
        told += amount_warnings(kind, first=first, last=last, amount=facts.amount)
    return told


_ROLLS = {
    "next_working_day": next_working_day,
    "next_day_neither_weekend_nor_dated_holiday": next_day_neither_weekend_nor_dated_holiday,
}


def _while_the_amount_counts(
    level: Level, first: date, file_by: date, facts: CaseFacts, steps: list[Step]
) -> date:
    """Return `file_by`, moved back to the last day on which the amount in dispute suffices."""
    if not level.amount_in_controversy or facts.amount is None:
        return file_by
    found = last_day_that_counts(
        level.amount_in_controversy, first=first, last=file_by, amount=facts.amount
    )
    if found is None:
        return file_by
    day, why, citation = found
    on_file = {one.year: one.status for one in thresholds().years}
    unread = thresholds().unknown_year.status
    mark = _weakest(*(on_file.get(year, unread) for year in (day.year, day.year + 1)))
    # The mark is that of the amounts: the statute that asks for them was read.
    amounts = f"amounts in controversy of {day.year} and {day.year + 1} ({citation})"
    steps.append(Step(day, why, amounts, mark))
    if previous_working_day(day) < first:  # nothing can be filed before there is a notice
        return day
    return _on_a_working_day(day, steps)


def _opening(
    level: Level, rule: FilingRule, presumed: date | None, facts: CaseFacts, earliest: bool
) -> list[Step]:
    steps = []
    if facts.notice:
        what = f"date of the {rule.notice or level.notice}"
        steps.append(Step(facts.notice, what, rule.citation, rule.status))
    if rule.starts == "effective" and facts.effective:
        steps.append(Step(facts.effective, "effective date", rule.citation, rule.status))
    if rule.starts == "receipt" and facts.received:
        what = "received, as documented"
        steps.append(Step(facts.received, what, rule.citation, rule.status))
    elif earliest and facts.notice:
        what = "receipt unknown and not presumed: the earliest possible start is the notice date"
        steps.append(Step(facts.notice, what, rule.citation, rule.status))
    elif rule.starts == "receipt" and rule.presumption and presumed:
        by = rule.presumption
        what = f"presumed received {by.days} day{'' if by.days == 1 else 's'} after its date"
        steps.append(Step(presumed, what, by.citation, by.status))
    return steps


def _words(span: Span) -> str:
    unit = UNITS[span.unit]
    text = f"{span.count} {unit}{'' if span.count == 1 else 's'}"
    return text + (", the first day counted," if span.first_day_counts else "")

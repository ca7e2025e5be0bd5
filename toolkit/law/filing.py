"""The filing deadline of one level of appeal, with the reason for every day."""

from datetime import date, timedelta

import msgspec

from toolkit.errors import MissingFactError, NoRuleError, RefusedError, RulesError
from toolkit.law.calendar import count, next_working_day, off_day, previous_working_day
from toolkit.law.model import FilingRule, Level, Program, Reading, Span, program
from toolkit.law.standing import Answer, standing
from toolkit.law.thresholds import amount_warnings


class Step(msgspec.Struct, frozen=True):
    """One dated step on the way to a deadline, with the rule that makes it."""

    date: date
    what: str
    citation: str


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """When a level of appeal must be filed, and why.

    `last_filing_date` is the last lawful day under the rule on file; `file_by` the earliest
    reading that can be defended, moved back to a working day. Both are None where nothing has to
    be filed. `status` is the rule's mark: V read at the source, V2 second-hand, M from memory.
    """

    program: str
    level: str
    level_name: str
    decider: str
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
    nothing_to_file: bool = False


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    notice: date | None
    received: date | None
    effective: date | None
    stage: str | None
    filer: str | None
    expedited: bool
    amount: float | None


def filing_deadline(
    program_id: str,
    level_id: str,
    *,
    notice_date: date | None = None,
    received: date | None = None,
    stage: str | None = None,
    filer: str | None = None,
    expedited: bool = False,
    amount: float | None = None,
    effective_date: date | None = None,
) -> Deadline:
    """Return the last day to ask for a level of appeal, with its steps and citations.

    `notice_date` is the date printed on the notice (for `claim_filing`, the date of service);
    `received` the documented day of receipt, which a presumption yields to; `amount` is in
    dollars. Raises NoRuleError where no rule on file covers the day, MissingFactError where the
    rule turns on a fact that is not given, RefusedError where this filer has no appeal.
    Source: `rules/programs/<program>.yaml`.
    """
    rules = program(program_id)
    level = rules.level(level_id)
    who = standing(rules, level_id, stage=stage, filer=filer, expedited=expedited)
    if who and who.may_file is False:
        raise RefusedError(f"{who.says} ({who.citation})", needs=_instead(rules, who))
    if level.by_terms:
        raise MissingFactError(
            f"{level.by_terms.says} ({level.by_terms.citation})", needs=level.by_terms.needs
        )
    facts = _Facts(
        notice=notice_date,
        received=received,
        effective=effective_date,
        stage=stage,
        filer=filer,
        expedited=expedited,
        amount=amount,
    )
    if level.automatic:
        return _nothing_to_file(rules, level, who, facts)
    if notice_date and received and received < notice_date:
        raise RefusedError(
            "the day of receipt lies before the notice's date: one of the two is wrong.",
            needs=("the notice's date", "the day it was received"),
        )
    return _deadline(rules, level, _select(rules, level, facts), who, facts)


def _instead(rules: Program, who: Answer) -> tuple[str, ...]:
    if not who.instead:
        return ()
    other = rules.level(who.instead)
    return other.by_terms.needs if other.by_terms else (f"the level {other.id}",)


def _nothing_to_file(rules: Program, level: Level, who: Answer | None, facts: _Facts) -> Deadline:
    auto = level.automatic
    steps = (
        (Step(facts.notice, f"{level.notice}: {auto.says}", auto.citation),) if facts.notice else ()
    )
    return Deadline(
        program=rules.program,
        level=level.id,
        level_name=level.name,
        decider=level.decider,
        last_filing_date=None,
        file_by=None,
        filed_when=None,
        citation=auto.citation,
        applies_from=None,
        source=auto.source,
        verified_on=auto.verified_on,
        status=auto.status,
        steps=steps,
        standing=who,
        warnings=(auto.says,),
        nothing_to_file=True,
    )


def _select(rules: Program, level: Level, facts: _Facts) -> FilingRule:
    if not level.filing:
        raise NoRuleError(
            f"{level.name}: nothing is filed at this level; it has a decision clock only.",
            needs=("a level that is filed",),
        )
    meant = [
        rule for rule in level.filing if rule.when.holds(facts.stage, facts.filer, facts.expedited)
    ]
    if not meant:
        raise MissingFactError(
            f"{level.name}: no rule on file fits these facts.", needs=("the stage, or the filer",)
        )
    day = facts.effective if meant[0].selected_by == "effective" else facts.notice
    if day is None and len(meant) == 1 and meant[0].selected_by != "effective":
        day = facts.received  # one rule only: the day that selects it cannot change the answer
    if day is None:
        raise MissingFactError(
            f"{level.name}: the day that selects the rule is not known.",
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
        raise NoRuleError(
            f"{level.name}: the rules on file begin {first}; none covers {day}.",
            needs=("a rule that covers the day",),
        )
    return fits[0]


_DAYS = {
    "notice": "the notice's date",
    "service": "the date of service",
    "effective": "the effective date (of discharge or of the end of services)",
}
_FROM = {
    "notice": "the notice's date",
    "receipt": "receipt",
    "service": "the date of service",
    "effective": "the effective date",
}


def _start(rule: FilingRule | Reading, presumed: date | None, facts: _Facts) -> date | None:
    if rule.starts == "receipt":
        return facts.received or presumed
    return facts.effective if rule.starts == "effective" else facts.notice


def _deadline(
    rules: Program, level: Level, rule: FilingRule, who: Answer | None, facts: _Facts
) -> Deadline:
    presumed = (
        facts.notice + timedelta(days=rule.presumption.days)
        if rule.presumption and facts.notice
        else None
    )
    start = _start(rule, presumed, facts)
    if start is None:
        needs = {
            "receipt": "the day the notice was received (nothing is presumed here)"
            if not rule.presumption
            else "the notice's date or the day it was received",
        }
        raise MissingFactError(
            f"{level.name}: the day the clock starts is not known.",
            needs=(needs.get(rule.starts, _DAYS.get(rule.starts, "")),),
        )

    steps = _opening(level, rule, presumed, facts)
    end = count(start, rule.window, rule.no_corresponding_day)
    steps.append(Step(end, f"{_words(rule.window)} from {_FROM[rule.starts]}", rule.citation))
    warnings = list(rule.warnings)
    last, rolled = end, rule.roll and next_working_day(end)
    if rolled and rolled != end:
        why = f"{off_day(end)}: the last day moves to the next working day"
        if rule.roll.force == "law":
            last = rolled
            steps.append(Step(rolled, why, rule.roll.citation))
        else:
            warnings.append(
                f"The last day is a {off_day(end)}. Deciders are believed to take {rolled} instead, "
                f"which is unverified: do not rely on it."
            )

    readings = [(end, "", rule.citation)]
    if facts.received and presumed and presumed < facts.received:
        early = count(presumed, rule.window, rule.no_corresponding_day)
        what = (
            f"earliest reading: receipt presumed {rule.presumption.days} days after the notice's "
            f"date, although a later receipt is documented"
        )
        readings.append((early, what, rule.presumption.citation))
    for reading in rule.readings:
        begins = _start(reading, presumed, facts)
        if begins and reading.when.holds(facts.stage, facts.filer, facts.expedited):
            early = count(begins, reading.window, rule.no_corresponding_day)
            readings.append((early, f"earliest reading: {reading.says}", reading.citation))
    earliest, what, citation = min(readings, key=lambda one: one[0])
    if what:
        steps.append(Step(earliest, what, citation))
    file_by = previous_working_day(earliest)
    if file_by != earliest:
        steps.append(
            Step(
                file_by,
                f"{earliest} is a {off_day(earliest)}: be there on the working day before",
                "safe practice of this toolkit",
            )
        )
    steps += [
        Step(facts.notice + timedelta(days=m.day - 1), f"day {m.day}: {m.what}", rule.citation)
        for m in rule.milestones
        if facts.notice
    ]
    if level.amount_in_controversy:
        warnings += amount_warnings(
            level.amount_in_controversy, first=start, last=last, amount=facts.amount
        )
    if facts.notice is None and rule.presumption:
        warnings.append(
            "The notice's date is not given: the clock is counted from the receipt alone."
        )
    if rule.status == "M":
        warnings.append(
            f"{rule.citation} is on file from memory (mark M), not verified: read it before you rely on this date."
        )
    if who and who.may_file is None:
        warnings.append(who.says)
    return Deadline(
        program=rules.program,
        level=level.id,
        level_name=level.name,
        decider=level.decider,
        last_filing_date=last,
        file_by=file_by,
        filed_when=rule.filed_when,
        citation=rule.citation,
        applies_from=rule.applies_from,
        source=rule.source,
        verified_on=rule.verified_on,
        status=rule.status,
        steps=tuple(steps),
        standing=who,
        warnings=tuple(warnings),
    )


def _opening(level: Level, rule: FilingRule, presumed: date | None, facts: _Facts) -> list[Step]:
    steps = []
    if facts.notice:
        steps.append(Step(facts.notice, f"date of the {level.notice}", rule.citation))
    if rule.starts == "effective" and facts.effective:
        steps.append(Step(facts.effective, "effective date", rule.citation))
    if rule.starts == "receipt" and facts.received:
        steps.append(Step(facts.received, "received, as documented", rule.citation))
    elif rule.starts == "receipt":
        what = f"presumed received {rule.presumption.days} days after its date"
        steps.append(Step(presumed, what, rule.presumption.citation))
    return steps


def _words(span: Span) -> str:
    unit = {"days": "calendar day", "months": "calendar month", "years": "calendar year"}.get(
        span.unit, span.unit.rstrip("s")
    )
    text = f"{span.count} {unit}{'' if span.count == 1 else 's'}"
    return text + (", the first day counted," if span.first_day_counts else "")

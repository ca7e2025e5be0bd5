"""Proof that the cases would notice a mistake: every near-misreading of every rule fails one.

For each rule on file this makes the mistakes that people make (a day more or less, months for
days, no presumption, the postmark for the receipt, a weekend that rolls or does not, the first day
counted or not, a neighboring program's rule, the old rule after its change), and of what is around
it: from which day a clock runs, what a favorable decision obliges to, who may file with which paper,
the amounts in controversy of each year, the interruptions, with whom to file, who decides and what
follows. It asks the signed cases. A misreading that no case notices fails here: add the case that
tells the two apart, from the rule's own text. The counts by kind end the run (`conftest.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import chain
from types import SimpleNamespace

import pytest
from msgspec.structs import replace
from test_law import Case, cases, check
from test_pathways import (
    LEVELS,
    PATHWAYS,
    STANDING,
    asked_of,
    check_begins,
    check_level,
    check_standing,
    named,
)

import toolkit.law.decision
import toolkit.law.events
import toolkit.law.filing
import toolkit.law.model
import toolkit.law.pathway
import toolkit.law.thresholds
from toolkit.errors import MissingFactError, ToolkitError
from toolkit.law import on_file, program, programs
from toolkit.law.events import Event, Moved, closed_days, events, events_of
from toolkit.law.model import (
    FILERS,
    STAGES,
    DecisionRule,
    Effectuation,
    FilingRule,
    HospitalFilesAs,
    Level,
    OnFile,
    Outcome,
    Presumption,
    Program,
    Roll,
    Span,
    Standing,
    StateRules,
    When,
    state_rules,
)
from toolkit.law.standing import standing
from toolkit.law.thresholds import Thresholds, thresholds

SOURCED = {"citation": "x", "source": "x", "verified_on": "2026-01-01", "status": "M"}
DAY = timedelta(days=1)
OUTCOMES: tuple[str, ...] = Outcome.__args__

# A case and how it is asked; by the file that it asks and level, so that a misreading asks its own alone.
Asked = tuple[Callable[[object], None], object]


def _index() -> dict[str, dict[str, list[Asked]]]:
    found: dict[str, dict[str, list[Asked]]] = defaultdict(lambda: defaultdict(list))
    for param in cases():
        case: Case = param.values[0]
        found[asked_of(case.given)][case.given.level].append((check, case))
    for case in LEVELS:
        found[named(case)][case.level].append((check_level, case))
    return found


ASKED = _index()
BEGUN = {named(one.levels[0]): [(check_begins, case) for case in one.begins] for one in PATHWAYS}
STANDINGS = defaultdict(list)
for _case in STANDING:
    STANDINGS[named(_case)].append(_case)


def noticed(asked: Iterable[Asked], *, kind: str = "") -> bool:
    """Say whether one of the cases fails under the misreading in force.

    That a day is asked for does not tell one anchor from another: a case that gives both does.
    """
    return any(fails(how, case, dates_alone=kind == "anchors") for how, case in asked)


def fails(how: Callable[[object], None], case: object, *, dates_alone: bool = False) -> bool:
    """Say whether the case fails: another answer, or a refusal; a crash is no answer and goes on."""
    try:
        how(case)
    except MissingFactError:
        return not dates_alone
    except (AssertionError, ToolkitError, pytest.fail.Exception):
        return True
    return False


def spans(span: Span) -> Iterator[tuple[str, Span]]:
    """The ways to get a count of time wrong."""
    yield "one more", replace(span, count=span.count + 1)
    yield "one less", replace(span, count=span.count - 1)
    if span.unit in ("days", "business_days"):
        yield (
            "the first day counted or not",
            replace(span, first_day_counts=not span.first_day_counts),
        )
    if span.unit == "days" and span.count >= 28:
        yield "months for days", Span(count=round(span.count / 30), unit="months")
        yield "business days", replace(span, unit="business_days")
    if span.unit == "months":
        yield "days for months", Span(count=30 * span.count, unit="days")
    if span.unit == "years":
        yield "365 days for a year", Span(count=365 * span.count, unit="days")
    if span.unit == "business_days":
        yield "calendar days", replace(span, unit="days")
    if span.unit == "hours":
        yield "days for hours", Span(count=span.count, unit="days")


def of_filing(rule: FilingRule, level: Level) -> Iterator[tuple[str, FilingRule]]:
    """The ways to misread one filing rule."""
    if rule.after:
        yield "after any outcome", replace(rule, after=())
    if rule.filed_with:
        yield "filed with the level's own", replace(rule, filed_with="")
    if rule.open_ended:
        yield (
            "a window that is not there",
            replace(rule, open_ended=False, window=Span(count=60, unit="days")),
        )
        yield from of_readings(rule)
        return
    if rule.window:
        for what, span in spans(rule.window):
            day = rule.no_corresponding_day or (
                "last_day_of_month" if span.unit == "months" else None
            )
            yield what, replace(rule, window=span, no_corresponding_day=day)
    if rule.state_window:
        for name, by in (("least", 1), ("least", -1), ("most", 1), ("most", -1)):
            bounds = rule.state_window
            wrong = replace(bounds, **{name: getattr(bounds, name) + by})
            yield f"state window, {name} {by:+}", replace(rule, state_window=wrong)
    if rule.opens:
        for by in (1, -1):
            wrong = replace(rule.opens, count=rule.opens.count + by)
            yield f"opens {by:+}", replace(rule, opens=wrong)
    if rule.presumption:
        for days in (0, rule.presumption.days - 1, rule.presumption.days + 1):
            wrong = replace(rule.presumption, days=days)
            yield f"{days} days for the mail", replace(rule, presumption=wrong)
        yield "no presumption, from the notice", replace(rule, presumption=None, starts="notice")
        yield (
            "no rebuttal of the presumption",
            replace(
                rule,
                presumption=None,
                starts="notice",
                window=replace(rule.window, count=rule.window.count + rule.presumption.days),
            ),
        )
    elif rule.starts in ("notice", "receipt"):
        five = Presumption(days=5, **SOURCED)
        yield "a presumption that is not there", replace(rule, starts="receipt", presumption=five)
    other = "postmarked" if rule.filed_when == "received" else "received"
    yield f"filed when {other}", replace(rule, filed_when=other)
    rolls = ("next_working_day", "next_day_neither_weekend_nor_dated_holiday")
    for to in rolls:
        wrong = Roll(to=to, force="law", **SOURCED)
        counted_in_working_days = rule.window and rule.window.unit == "business_days"
        unrolled = not rule.roll or rule.roll.force == "practice"
        if (unrolled and not counted_in_working_days) or (
            rule.roll and rule.roll.to != to == rolls[0]
        ):
            yield f"rolls to {to}", replace(rule, roll=wrong)
    if rule.roll and rule.roll.force == "law":
        yield "does not roll", replace(rule, roll=None)
        closed = replace(rule.roll, nonworkdays=not rule.roll.nonworkdays)
        yield "nonworkdays by executive order", replace(rule, roll=closed)
    yield from of_readings(rule)
    if rule.never_before_effective:
        yield "the effective date forgotten", replace(rule, never_before_effective=False)
    if rule.minimum_amount:
        for by in (1, -1):
            least = rule.minimum_amount
            wrong = replace(least, dollars=least.dollars + by)
            yield f"minimum amount {by:+}", replace(rule, minimum_amount=wrong)
    swap = {"last_day_of_month": "first_of_next_month", "first_of_next_month": "last_day_of_month"}
    if rule.no_corresponding_day:
        wrong = swap[rule.no_corresponding_day]
        yield f"no such day: {wrong}", replace(rule, no_corresponding_day=wrong)


def of_readings(rule: FilingRule) -> Iterator[tuple[str, FilingRule]]:
    """The ways to misread the other readings of a filing rule."""
    for at, reading in enumerate(rule.readings):
        others = rule.readings[:at] + rule.readings[at + 1 :]
        yield "another reading forgotten", replace(rule, readings=others)
        for by in (1, -1):
            window = replace(reading.window, count=reading.window.count + by)
            wrong = (*others, replace(reading, window=window))
            yield f"another reading {by:+}", replace(rule, readings=wrong)


def anchors_of_filing(rule: FilingRule) -> Iterator[tuple[str, FilingRule]]:
    """The days from which a filing clock may be taken to run; the notice of a service is its date."""
    if rule.open_ended:  # its readings run from the one day that there is
        return
    same = {"notice", "service"}
    for starts in ("receipt", "notice", "service", "effective"):
        if starts != rule.starts and not {starts, rule.starts} <= same:
            yield f"from the {starts}", replace(rule, starts=starts)
        for at, reading in enumerate(rule.readings):
            if starts != reading.starts and not {starts, reading.starts} <= same:
                readings = list(rule.readings)
                readings[at] = replace(reading, starts=starts)
                yield f"another reading from the {starts}", replace(rule, readings=tuple(readings))


def anchors_of_decision(rule: DecisionRule) -> Iterator[tuple[str, DecisionRule]]:
    """The days from which a decision clock may be taken to run."""
    if rule.due is None:
        return
    for starts in ("request", "plan_appeal", "case_file", "selection", "board_meeting"):
        if starts != rule.starts:
            near = BOARD if starts == "board_meeting" else dict.fromkeys(BOARD)
            yield f"from the {starts}", replace(rule, starts=starts, **near)
    if rule.days_to_ask_left_out:
        yield "the days to ask are counted", replace(rule, days_to_ask_left_out=False)
    elif rule.starts == "plan_appeal":
        yield "the days to ask are left out", replace(rule, days_to_ask_left_out=True)
    if rule.meeting_too_near:
        for by in (1, -1):
            wrong = replace(rule.meeting_too_near, count=rule.meeting_too_near.count + by)
            yield f"too near a meeting {by:+}", replace(rule, meeting_too_near=wrong)
            apart = replace(rule.meetings.apart, count=rule.meetings.apart.count + by)
            wrong = replace(rule.meetings, apart=apart)
            yield f"meetings apart {by:+}", replace(rule, meetings=wrong)


BOARD = {
    name: getattr(rule, name)
    for level in program("commercial_plan").levels
    for rule in level.decision
    if rule.meetings
    for name in ("meeting_too_near", "meetings")
}


def changes(level: Level) -> Iterator[tuple[str, Level]]:
    """The ways to misdate a change of a level's filing or decision rules."""
    for clock in ("filing", "decision"):
        rules = getattr(level, clock)
        for at, new in enumerate(rules):
            for before, old in enumerate(rules):
                if old.applies_until is None or old.applies_until + DAY != new.applies_from:
                    continue
                if clock == "decision" and old.when != new.when:
                    continue
                for by in (DAY, -DAY):
                    moved = list(rules)
                    moved[at] = replace(new, applies_from=new.applies_from + by)
                    moved[before] = replace(old, applies_until=old.applies_until + by)
                    yield (
                        f"{clock} changed {by.days:+} day",
                        replace(level, **{clock: tuple(moved)}),
                    )
                stale = list(rules)
                stale[at] = replace(old, applies_from=new.applies_from, applies_until=None)
                yield (
                    f"the old {clock} rule after its change",
                    replace(level, **{clock: tuple(stale)}),
                )


def of_decision(rule: DecisionRule) -> Iterator[tuple[str, DecisionRule]]:
    """The ways to misread one decision clock."""
    if rule.due is None:
        yield "a clock where there is none", replace(rule, due=Span(count=72, unit="hours"))
        return
    for what, span in spans(rule.due):
        if span.unit != "months" and not (
            rule.due.unit == "hours" and abs(span.count - rule.due.count) == 1
        ):
            yield what, replace(rule, due=span)
    if rule.due.unit == "hours":
        for by in (24, -24):
            yield f"{by:+} hours", replace(rule, due=replace(rule.due, count=rule.due.count + by))
    for at, part in enumerate(rule.parts):
        others = rule.parts[:at] + rule.parts[at + 1 :]
        for by in (1, -1):
            wrong = replace(part, due=replace(part.due, count=part.due.count + by))
            yield f"part {by:+}", replace(rule, parts=(*others, wrong))
        yield "a part forgotten", replace(rule, parts=others)
    for state in rule.states:
        others = tuple(one for one in rule.states if one != state)
        yield f"{state} forgotten", replace(rule, states=others)
    if rule.states:
        yield "in every state", replace(rule, states=())
    if rule.service:
        yield "for every service", replace(rule, service=None)
    if rule.extension:
        for by in (1, -1):
            wrong = replace(rule.extension, count=rule.extension.count + by)
            yield f"extension {by:+}", replace(rule, extension=wrong)


def conditions(when: When) -> Iterator[tuple[str, When]]:
    """The ways to get wrong for which facts a rule holds."""
    for name in ("stages", "filers", "not_filers", "care"):
        facts = getattr(when, name)
        for one in facts:
            others = tuple(other for other in facts if other != one)
            if others:
                yield f"not for {one}", replace(when, **{name: others})
        if facts:
            yield f"whatever the {name}", replace(when, **{name: ()})
    for name, known in (("stages", STAGES), ("filers", FILERS)):
        facts = getattr(when, name)
        for one in known if facts else ():
            if one not in facts:
                yield f"for {one} too", replace(when, **{name: (*facts, one)})
    if when.expedited is not None:
        yield "expedited for standard", replace(when, expedited=not when.expedited)
        yield "expedited or not", replace(when, expedited=None)


def conditions_of_filing(rule: FilingRule) -> Iterator[tuple[str, FilingRule]]:
    """The ways to get wrong for which requests a filing rule, or another reading of it, is."""
    for what, when in conditions(rule.when):
        yield what, replace(rule, when=when)
    for at, reading in enumerate(rule.readings):
        for what, when in conditions(reading.when):
            readings = list(rule.readings)
            readings[at] = replace(reading, when=when)
            yield f"another reading {what}", replace(rule, readings=tuple(readings))


def conditions_of_decision(rule: DecisionRule) -> Iterator[tuple[str, DecisionRule]]:
    """The ways to get wrong for which requests a decision clock is."""
    for what, when in conditions(rule.when):
        yield what, replace(rule, when=when)
    if rule.plan_levels:
        other = {"one": "two", "two": "one"}[rule.plan_levels]
        yield f"for plans of {other}", replace(rule, plan_levels=other)
        yield "whatever the plan's levels", replace(rule, plan_levels=None)
    if rule.multiemployer is not None:
        yield "the other kind of plan", replace(rule, multiemployer=not rule.multiemployer)
        yield "of any kind of plan", replace(rule, multiemployer=None)


EVENTS = ("receipt of the request", "receipt of the notice", "the notice", "the decision")


def of_effectuation(one: Effectuation) -> Iterator[tuple[str, Effectuation]]:
    """The ways to misread how soon, from which day and for whom a favorable decision is carried out."""
    for what, when in conditions(one.when):
        yield what, replace(one, when=when)
    for by in (1, -1):
        within = replace(one.within, count=one.within.count + by)
        old, new = (f"{span.count} {span.unit}" for span in (one.within, within))
        yield f"{by:+}", replace(one, within=within, says=one.says.replace(old, new))
    unit = {"hours": "days", "days": "hours"}[one.within.unit]
    old, new = (f"{one.within.count} {name}" for name in (one.within.unit, unit))
    yield unit, replace(one, says=one.says.replace(old, new))
    day = next((day for day in EVENTS if day in one.says), None)
    assert day, f"{one.citation}: does not say from which of {EVENTS} it runs"
    for other in EVENTS:
        if other != day:
            yield f"from {other}", replace(one, says=one.says.replace(day, other))


def effectuations(level: Level) -> Iterator[tuple[str, Level]]:
    """The ways to misread what a favorable decision at a level obliges to."""
    for at, one in enumerate(level.effectuation):
        others = level.effectuation[:at], level.effectuation[at + 1 :]
        yield f"{one.citation}: forgotten", replace(level, effectuation=(*others[0], *others[1]))
        for what, wrong in of_effectuation(one):
            entries = (*others[0], wrong, *others[1])
            yield f"{one.citation}: {what}", unchecked(level, effectuation=entries)


def of_standing(rule: Standing, rules: Program) -> Iterator[tuple[str, Standing]]:
    """The ways to get standing wrong, with and without each fact it turns on."""
    yield "may file turned around", replace(rule, may_file=not rule.may_file)
    for at, paper in enumerate(rule.papers):
        papers = rule.papers[:at] + rule.papers[at + 1 :]
        yield f"without {paper}", replace(rule, papers=papers)
    yield "one paper more", replace(rule, papers=(*rule.papers, "a signature of the patient"))
    if rule.instead:
        yield "no other way named", replace(rule, instead=None)
    for level in rules.levels:
        if level.id in rule.levels and len(rule.levels) > 1:
            others = tuple(one for one in rule.levels if one != level.id)
            yield f"not at {level.id}", replace(rule, levels=others)
        elif level.id not in rule.levels and (level.filing or level.by_terms):
            yield f"at {level.id} too", replace(rule, levels=(*rule.levels, level.id))
    for what, when in conditions(rule.when):
        yield what, replace(rule, when=when)
    if not rule.when.stages:
        for stage in STAGES:
            yield f"for {stage} alone", replace(rule, when=replace(rule.when, stages=(stage,)))


def standings(rules: Program) -> Iterator[tuple[str, Program]]:
    """The ways to misread who may file; what changes no answer is left out."""
    right = who_may_file(rules)
    for at, rule in enumerate(rules.standing):
        name = f"{', '.join(rule.when.filers)} at {rule.levels[0]} ({rule.citation})"
        before, after = rules.standing[:at], rules.standing[at + 1 :]
        wrong = [("forgotten", (*before, *after))]
        wrong += [(what, (*before, one, *after)) for what, one in of_standing(rule, rules)]
        for what, all_of in wrong:
            misread = replace(rules, standing=all_of)
            if who_may_file(misread) != right:
                yield f"{name}: {what}", misread


def who_may_file(rules: Program) -> list[tuple]:
    """Return the answer for every level, filer and stage, without its words."""
    found = (
        standing(rules, level.id, stage=stage, filer=filer)
        for level in rules.levels
        if level.filing or level.by_terms
        for filer in FILERS
        for stage in (*STAGES, None)
    )
    return [(one.may_file, one.papers, one.instead, one.citation) for one in found]


def follows(level: Level, rules: Program) -> Iterator[tuple[str, Level]]:
    """The ways to misread what follows an outcome of a level."""
    if level.place == "before" or any(one.place == "ladder" for one in rules.levels):
        for name in ("after", "after_clinical"):
            now = getattr(level, name)
            for outcome in OUTCOMES if name == "after" else now:
                if outcome in now:
                    others = {key: value for key, value in now.items() if key != outcome}
                    yield f"{name} {outcome}: nothing", replace(level, **{name: others})
                for other in rules.levels:
                    if now.get(outcome) != other.id:
                        wrong = now | {outcome: other.id}
                        yield f"{name} {outcome}: {other.id}", replace(level, **{name: wrong})
    if level.forwarded:
        yield "not forwarded", replace(level, forwarded=None)
        for outcome in OUTCOMES:
            if outcome not in level.forwarded.after:
                after = (*level.forwarded.after, outcome)
                wrong = replace(level.forwarded, after=after)
                yield f"forwarded when {outcome}", replace(level, forwarded=wrong)
    if level.automatic:
        filed = program("part_d").level("reconsideration").filing
        yield "to be filed", replace(level, automatic=None, filing=filed)
    if level.by_terms:
        filed = program("medicare_advantage").level("reconsideration").filing
        yield "with a date in law", replace(level, by_terms=None, filing=filed)


def deciders(at: int, rules: Program) -> Iterator[tuple[str, Level]]:
    """The ways to misread with whom a level is filed and who decides it."""
    level = rules.levels[at]
    if level.by_terms:
        return  # no answer names them: the contract does
    if level.filed_with:
        yield "filed with the decider", replace(level, filed_with="")
        swapped = {"filed_with": level.decider, "decider": level.filed_with}
        yield "filed with and decided by swapped", replace(level, **swapped)
    for other in (*rules.levels[max(at - 1, 0) : at], *rules.levels[at + 1 : at + 2]):
        if other.decider != level.decider:
            yield f"decided by that of {other.id}", replace(level, decider=other.decider)
            yield f"filed with that of {other.id}", replace(level, filed_with=other.decider)


def begins(rules: Program) -> Iterator[tuple[str, Program]]:
    """The ways to misread where a denial begins: as whom the hospital files, at which level, if at all."""
    first = next((one for one in rules.levels if one.place == "ladder"), None)
    for what, ways in of_hospital(rules.hospital_files_as) if first else ():
        if filed_as(rules, ways, first) != filed_as(rules, rules.hospital_files_as, first):
            yield what, replace(rules, hospital_files_as=ways)
    for at, level in enumerate(rules.levels[: rules.levels.index(first) + 1] if first else ()):
        place = "side" if level is first else "ladder"
        wrong = unchecked(level, place=place)
        levels = (*rules.levels[:at], wrong, *rules.levels[at + 1 :])
        if wrong != level:
            yield f"{level.id} on the {place}", replace(rules, levels=levels)
    for at in range(len(rules.no_appeal)):
        others = rules.no_appeal[:at] + rules.no_appeal[at + 1 :]
        yield "an appeal where there is none", replace(rules, no_appeal=others)
    for one in rules.within:
        others = tuple(other for other in rules.within if other != one)
        yield f"not within {one}", replace(rules, within=others)
    if rules.opened_by:
        yield "within any program", replace(rules, within=programs())
        for code in rules.opened_by.remarks:
            others = tuple(other for other in rules.opened_by.remarks if other != code)
            wrong = replace(rules.opened_by, remarks=others)
            yield f"not opened by {code}", replace(rules, opened_by=wrong)
        wrong = replace(rules.opened_by, remarks=(*rules.opened_by.remarks, "N830"))
        yield "opened by N830", replace(rules, opened_by=wrong)


def begins_of_state(rules: StateRules) -> Iterator[tuple[str, StateRules]]:
    """The ways to misread as whom the hospital files at a level of a state's law."""
    for at, level in enumerate(rules.levels):
        now = level.hospital_files_as
        for what, ways in [("as elsewhere", None), *of_hospital(now)] if now else ():
            if ways is None or filed_as(rules, ways, level) != filed_as(rules, now, level):
                wrong = replace(level, hospital_files_as=ways)
                levels = (*rules.levels[:at], wrong, *rules.levels[at + 1 :])
                yield f"{level.id}: {what}", replace(rules, levels=levels)


def runs_from(rules: Program | StateRules) -> Iterator[tuple[str, Program | StateRules]]:
    """The ways to misread that a clock starts with the filing before it, not with its decision."""
    for at, level in enumerate(rules.levels):
        filing = tuple(replace(rule, runs_from="decision") for rule in level.filing)
        wrong = replace(level, filing=filing)
        counted = any(
            rule.window or rule.readings for rule in level.filing if rule.runs_from == "filing"
        )
        if counted:
            levels = (*rules.levels[:at], wrong, *rules.levels[at + 1 :])
            yield f"{level.id}: from the decision before", replace(rules, levels=levels)


def filed_as(rules: Program, ways: HospitalFilesAs, first: Level) -> list[tuple]:
    """Return what is said of the hospital at the first level, by stage and contract."""
    said = []
    for stage in STAGES:
        after = ("payment", "concurrent") if ways.concurrent_as_after else ("payment",)
        before = ways.before_service if stage not in after else None
        for filer in (before or ways.contracted, before or ways.not_contracted):
            who = standing(rules, first.id, stage=stage, filer=filer)
            said.append((who.may_file, who.says, not before and ways.needs_contract_status))
    return said


def of_hospital(ways: HospitalFilesAs) -> Iterator[tuple[str, HospitalFilesAs]]:
    """The ways to misread as whom a hospital files."""
    status = not ways.needs_contract_status
    yield "the contract matters or not", replace(ways, needs_contract_status=status)
    if ways.contracted != ways.not_contracted:
        swapped = {"contracted": ways.not_contracted, "not_contracted": ways.contracted}
        yield "contracted and not swapped", replace(ways, **swapped)
        for name in ("contracted", "not_contracted"):
            yield f"{name} as the other", replace(ways, **{name: swapped[name]})
    late = not ways.concurrent_as_after
    yield "during the service as after it, or not", replace(ways, concurrent_as_after=late)
    if ways.before_service:
        yield "before the service as after it", replace(ways, before_service=None)
    else:
        for filer in ("treating_physician", "representative"):
            if filer not in (ways.contracted, ways.not_contracted):
                wrong = replace(ways, before_service=filer)
                yield f"{filer} before the service", wrong


def of_not_expedited(rules: Program) -> Iterator[tuple[str, Program]]:
    """The ways to misread what cannot be expedited."""
    for at, one in enumerate(rules.not_expedited):
        before, after = rules.not_expedited[:at], rules.not_expedited[at + 1 :]
        yield "what cannot be expedited is", replace(rules, not_expedited=(*before, *after))
        for level in one.levels if len(one.levels) > 1 else ():
            levels = tuple(other for other in one.levels if other != level)
            wrong = replace(one, levels=levels)
            yield (
                f"{level} can be expedited",
                replace(rules, not_expedited=(*before, wrong, *after)),
            )
        for stage in STAGES:
            if stage not in one.stages:
                wrong = replace(one, stages=(*one.stages, stage))
                yield (
                    f"{stage} cannot be expedited",
                    replace(rules, not_expedited=(*before, wrong, *after)),
                )


def neighbors(name: str, level: Level) -> Iterator[tuple[str, Level]]:
    """The same level's rules of another program, where they would give another answer."""
    for other in programs():
        for theirs in program(other).levels:
            if other != name and theirs.id == level.id and theirs.filing and level.filing:
                yield f"the rule of {other}", replace(level, filing=theirs.filing)


CLOCKS = (
    ("filing", "filing", of_filing),
    ("anchors", "filing", lambda rule, _: anchors_of_filing(rule)),
    ("decision", "decision", lambda rule, _: of_decision(rule)),
    ("anchors", "decision", lambda rule, _: anchors_of_decision(rule)),
    ("conditions", "filing", lambda rule, _: conditions_of_filing(rule)),
    ("conditions", "decision", lambda rule, _: conditions_of_decision(rule)),
)


def of_level(rules: Program, at: int) -> Iterator[tuple[str, str, Level]]:
    """Every misreading of a level: its kind, what it is, the wrong level."""
    level = rules.levels[at]
    for kind, clock, make in CLOCKS:
        entries = getattr(level, clock)
        for number, rule in enumerate(entries):
            for what, wrong in make(rule, level):
                all_of = (*entries[:number], wrong, *entries[number + 1 :])
                text = f"{clock} from {rule.applies_from} {rule.citation}: {what}"
                if tells(rules, level, rule, what):
                    yield kind, text, replace(level, **{clock: all_of})
    if level.stages:
        yield "conditions", "of any stage", replace(level, stages=())
    for day in {"notice", "effective"} - {rule.selected_by for rule in level.filing}:
        if any(rule.applies_until for rule in level.filing):
            wrong = tuple(replace(rule, selected_by=day) for rule in level.filing)
            yield "anchors", f"filing selected by the {day}", replace(level, filing=wrong)
    for what, wrong in changes(level):
        yield "changes", what, wrong
    for what, wrong in neighbors(rules.program, level):
        yield "neighbors", what, wrong
    barred = [f"for {stage} too" for one in rules.not_expedited for stage in one.stages]
    for what, wrong in effectuations(level):
        if not what.endswith(tuple(barred)):  # such a request is refused before that
            yield "effectuation", what, wrong
    for what, wrong in follows(level, rules):
        yield "after", what, wrong
    for what, wrong in of_processes(level):
        yield "processes", what, wrong
    for what, wrong in deciders(at, rules):
        yield "filed with, decided by", what, wrong
    if level.amount_in_controversy:
        other = {"alj_hearing": "judicial_review", "judicial_review": "alj_hearing"}
        for kind in (None, other[level.amount_in_controversy]):
            text = f"the amount in controversy of {kind}"
            yield "thresholds", text, replace(level, amount_in_controversy=kind)
    elif rules.program in thresholds().governs and any(of_weeks(one) for one in level.filing):
        wrong = replace(level, amount_in_controversy="alj_hearing")
        yield "thresholds", "an amount in controversy", wrong


def of_weeks(rule: FilingRule) -> bool:
    """Say whether the clock is long enough to cross New Year on a working day."""
    return bool(rule.window) and (rule.window.unit != "days" or rule.window.count >= 28)


def tells(rules: Program, level: Level, rule: FilingRule | DecisionRule, what: str) -> bool:
    """Say whether a misreading changes an answer: not where the program shuts it out elsewhere."""
    if what.startswith("nonworkdays"):
        return bool(closed_days(rules.program, level.id))
    readings = getattr(rule, "readings", ())
    if what == "another reading -1" and any(one.starts == "effective" for one in readings):
        return (
            False  # nothing is filed before the notice, which comes the day before at the earliest
        )
    filer = next((one for one in FILERS if what.endswith(f"for {one} too")), None)
    if filer and standing(rules, level.id, stage=None, filer=filer).may_file is False:
        return False
    refused = {s for one in rules.not_expedited if level.id in one.levels for s in one.stages}
    if rule.when.expedited and what in {f"for {stage} too" for stage in refused}:
        return False
    return not (what == "expedited or not" and rule.when.stages and {*rule.when.stages} <= refused)


def misreadings(one: OnFile) -> Iterator[tuple[str, str, Program | StateRules, Iterable[Asked]]]:
    """Every misreading of a program's or a state's file: its kind, what it is, the wrong one, whom to ask."""
    rules, mine = one.rules, ASKED[one.id]
    for at, level in enumerate(rules.levels):
        for kind, what, wrong in of_level(rules, at):
            if wrong != level:
                levels = (*rules.levels[:at], wrong, *rules.levels[at + 1 :])
                text = f"{level.id}: {what}"
                yield kind, text, replace(rules, levels=levels), mine[level.id]
    for what, wrong in of_not_expedited(rules):
        yield "conditions", what, wrong, chain.from_iterable(mine.values())
    for what, wrong in standings(rules):
        asked = [
            (lambda case, of=wrong: check_standing(case, of), case) for case in STANDINGS[one.id]
        ]
        yield "standing", what, wrong, asked
    for what, wrong in runs_from(rules):
        yield "next step", what, wrong, BEGUN[one.id]
    for what, wrong in begins_of_state(rules) if one.jurisdiction else begins(rules):
        yield "next step", what, wrong, BEGUN[one.id]


def of_processes(level: Level) -> Iterator[tuple[str, Level]]:
    """The ways to misread what bounds the processes of a level."""
    for at, one in enumerate(level.processes):
        others = [
            (
                f"{where} forgotten",
                replace(one, jurisdictions=tuple({*one.jurisdictions} - {where})),
            )
            for where in one.jurisdictions
        ]
        if one.floor:
            others += [
                (f"floor: {what}", replace(one, floor=replace(one.floor, filing=wrong)))
                for what, wrong in of_floor(one.floor.filing, level)
            ]
            others.append(("no floor", replace(one, floor=None)))
        for what, wrong in others:
            entries = (*level.processes[:at], wrong, *level.processes[at + 1 :])
            yield what, replace(level, processes=entries)


def of_floor(rule: FilingRule, level: Level) -> Iterator[tuple[str, FilingRule]]:
    """The ways to misread the least that every state gives; no event moves a state's clock."""
    for what, wrong in chain(of_filing(rule, level), anchors_of_filing(rule)):
        if not what.startswith("nonworkdays"):
            yield what, wrong


def unchecked(level: Level, **changes) -> Level:
    """Return the level with changes that the model would refuse, or the level where it does."""
    try:
        return replace(level, **changes)
    except ValueError:
        return level


def of_event(event: Event) -> Iterator[tuple[str, Event]]:
    """The ways to misread an interruption."""
    still, off = event.stood_still, event.put_off
    if still:
        for name in ("first", "last"):
            for by in (DAY, -DAY):
                wrong = replace(still, **{name: getattr(still, name) + by})
                yield f"{name} {by.days:+}", replace(event, stood_still=wrong)
        for name in ("at_most_days", "at_most_days_if_running"):
            for by in (1, -1):
                wrong = replace(still, **{name: getattr(still, name) + by})
                yield f"{name} {by:+}", replace(event, stood_still=wrong)
    if off:
        for name in ("first", "last", "until"):
            # Four months never end on the day before July 1, 2026: nobody can tell that one apart.
            for by in (DAY,) if name == "first" else (DAY, -DAY):
                wrong = replace(off, **{name: getattr(off, name) + by})
                yield f"{name} {by.days:+}", replace(event, put_off=wrong)
    for at, closing in enumerate(event.closed):
        for day in closing.days:
            for by in (DAY, -DAY, None):
                days = [one for one in closing.days if one != day] + ([day + by] if by else [])
                wrong = replace(closing, days=tuple(days))
                closed = (*event.closed[:at], wrong, *event.closed[at + 1 :])
                text = f"{by.days:+}" if by else "forgotten"
                yield f"{day} {text}", replace(event, closed=closed)
    for what, moves in of_moves(event.moves):
        yield what, replace(event, moves=moves)
    if any(moved.process for moved in event.moves):
        every = tuple(replace(moved, process=None) for moved in event.moves)
        yield "under every process", replace(event, moves=every)


def of_moves(moves: tuple[Moved, ...]) -> Iterator[tuple[str, tuple[Moved, ...]]]:
    """The ways to misread which levels an event moves: one less, and any other that is filed."""
    for name in programs():
        at = next((at for at, one in enumerate(moves) if one.program == name), None)
        now = moves[at].levels if at is not None else ()
        for level in program(name).levels:
            if level.id in now:
                levels = tuple(one for one in now if one != level.id)
                wrong = [replace(moves[at], levels=levels)]
                text = f"not {name} {level.id}"
            elif level.filing:
                process = next((one.process for one in moves if one.process), None)
                wrong = [Moved(program=name, levels=(level.id,), process=process)]
                wrong += [moves[at]] if at is not None else []
                text = f"{name} {level.id} too"
            else:
                continue
            others = [one for one in moves if one.program != name]
            yield text, (*others, *wrong)


def tellable(right: Event, wrong: Event) -> bool:
    """Say whether a date can tell two events apart.

    A process is asked of levels that have one only, and a clock that is younger than the event does
    not run in it.
    """
    more = {one for one in moved_by(wrong) if one not in moved_by(right)}
    levels = [program(name).level(level) for name, level in more]
    if any(one.process for one in right.moves) and not all(one.processes for one in levels):
        return False
    still = right.stood_still
    begin = [min(rule.applies_from for rule in one.filing) for one in levels]
    return not (still and begin and min(begin) > still.last)


def moved_by(event: Event) -> set[tuple[str, str]]:
    """Return the programs and levels that an event moves."""
    return {(one.program, level) for one in event.moves for level in one.levels}


@pytest.mark.parametrize("one", on_file(), ids=lambda one: one.id)
def test_every_near_misreading_of_a_rule_fails_some_case(one, monkeypatch, record_property):
    name, state = one.program, one.jurisdiction
    force, made, unnoticed = SimpleNamespace(rules=one.rules), Counter(), []

    def misread(of: str, jurisdiction: str | None = None) -> Program:
        own = state_rules(of, jurisdiction)
        if of != name or (state and jurisdiction != state):
            return program(of, jurisdiction)
        if state:
            return force.rules.over(program(name), state)
        return own.over(force.rules, jurisdiction) if own else force.rules

    for module in (
        toolkit.law.filing,
        toolkit.law.decision,
        toolkit.law.pathway,
        toolkit.law.model,
    ):
        monkeypatch.setattr(module, "program", misread)
    for kind, what, wrong, asked in misreadings(one):
        force.rules = wrong
        made[kind] += 1
        if not noticed(asked, kind=kind):
            unnoticed.append(f"{kind}: {what}")
    record_property("misreadings", dict(made))
    assert made.total() > 10
    assert not unnoticed, f"{len(unnoticed)} of {made.total()}:\n" + "\n".join(unnoticed)


def of_thresholds(right: Thresholds) -> Iterator[tuple[str, Thresholds]]:
    """The ways to misread the amounts in controversy."""
    years = right.years
    for at, one in enumerate(years):
        for kind in ("alj_hearing", "judicial_review"):
            for by in (1, -1):
                wrong = replace(one, **{kind: getattr(one, kind) + by})
                text = f"{kind} of {one.year} {by:+}"
                yield text, replace(right, years=(*years[:at], wrong, *years[at + 1 :]))
        yield f"{one.year} forgotten", replace(right, years=(*years[:at], *years[at + 1 :]))
        for by in (1, -1):
            if one.year + by not in {other.year for other in years}:
                wrong = replace(one, year=one.year + by)
                text = f"{one.year} for {one.year + by}"
                yield text, replace(right, years=(*years[:at], wrong, *years[at + 1 :]))
    for by in (1, -1):
        moved = tuple(replace(one, year=one.year + by) for one in years)
        yield f"of the year {by:+}", replace(right, years=moved)
    for before, after in zip(years, years[1:], strict=False):
        if before.year + 1 == after.year and before.alj_hearing < after.alj_hearing:
            stale = tuple(
                replace(before, year=after.year) if one is after else one for one in years
            )
            yield f"no rise in {after.year}", replace(right, years=stale)
    for times in (1, 3):
        wrong = replace(right.unknown_year, times=times)
        yield f"a year not on file within {times} times", replace(right, unknown_year=wrong)


def test_every_near_misreading_of_a_threshold_across_years_fails_some_case(
    monkeypatch, record_property
):
    asked = [one for levels in ASKED.values() for level in levels.values() for one in level]
    gated = [(how, case) for how, case in asked if how is check and of_amounts(case)]
    right, made, unnoticed = thresholds(), 0, []
    for what, wrong in of_thresholds(right):
        monkeypatch.setattr(toolkit.law.thresholds, "thresholds", lambda wrong=wrong: wrong)
        made += 1
        if not noticed(gated):
            unnoticed.append(what)
    monkeypatch.setattr(toolkit.law.thresholds, "thresholds", thresholds)
    moved = toolkit.law.thresholds.last_day_that_counts
    for what, wrong in (
        ("not moved to December 31", lambda *_, **__: None),
        # One day later is New Year's Day, a holiday, and so the same day.
        *((f"moved {by.days:+} days", later(moved, by)) for by in (2 * DAY, -DAY)),
    ):
        monkeypatch.setattr(toolkit.law.filing, "last_day_that_counts", wrong)
        made += 1
        if not noticed(gated):
            unnoticed.append(what)
    record_property("misreadings", {"thresholds": made})
    assert not unnoticed, "\n".join(unnoticed)


def of_amounts(case: Case) -> bool:
    """Say whether the case is of a level with an amount in controversy."""
    levels = program(case.given.program).levels if case.given.program in programs() else ()
    return any(one.id == case.given.level and one.amount_in_controversy for one in levels)


def later(moved: Callable, by: timedelta) -> Callable:
    """Return the last day that counts, misread by so many days."""

    def misread(*args, **kwargs):
        found = moved(*args, **kwargs)
        return found and (found[0] + by, *found[1:])

    return misread


@pytest.mark.parametrize("at", range(len(events())), ids=[one.event for one in events()])
def test_every_near_misreading_of_an_event_fails_some_case(
    at, monkeypatch, record_property, request
):
    on_file = events()

    def forget() -> None:
        events_of.cache_clear()
        closed_days.cache_clear()

    request.addfinalizer(forget)
    right, made, unnoticed = on_file[at], 0, []
    for what, wrong in (*of_event(right), ("forgotten", None)):
        if wrong and not tellable(right, wrong):
            continue
        kept = (*on_file[:at], *([wrong] if wrong else []), *on_file[at + 1 :])
        monkeypatch.setattr(toolkit.law.events, "events", lambda kept=kept: kept)
        forget()
        moved = moved_by(right) | (moved_by(wrong) if wrong else set())
        made += 1
        if not noticed(one for name, level in moved for one in ASKED[name][level]):
            unnoticed.append(what)
    record_property("misreadings", {"events": made})
    assert not unnoticed, f"{len(unnoticed)} of {made}:\n" + "\n".join(unnoticed)

"""Proof that the cases would notice a mistake: every near-misreading of every rule fails one.

For each rule on file this makes the mistakes that people make (a day more or less, months for
days, no presumption, the postmark for the receipt, a weekend that rolls or does not, the first day
counted or not, a neighboring program's rule, the old rule after its change) and asks the signed
cases. A misreading that no case notices fails here: add the case that tells the two apart.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace
from test_law import Case, cases, check

import toolkit.law.decision
import toolkit.law.events
import toolkit.law.filing
import toolkit.law.thresholds
from toolkit.law import on_file, program, programs
from toolkit.law.events import Event, events
from toolkit.law.model import (
    DecisionRule,
    Effectuation,
    FilingRule,
    Level,
    OnFile,
    Presumption,
    Program,
    Roll,
    Span,
    Standing,
    state_rules,
)
from toolkit.law.thresholds import Thresholds, thresholds

SOURCED = {"citation": "x", "source": "x", "verified_on": "2026-01-01", "status": "M"}
DAY = timedelta(days=1)

ALL = [param.values[0] for param in cases()]


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
    if rule.starts == "receipt" and not rule.presumption:
        yield "from the notice", replace(rule, starts="notice")
    if rule.starts == "notice":
        yield "from the receipt", replace(rule, starts="receipt")
    for name in ("filers", "not_filers"):
        named = getattr(rule.when, name)
        for filer in named:
            wrong = replace(rule.when, **{name: tuple(one for one in named if one != filer)})
            yield f"{name} without {filer}", replace(rule, when=wrong)
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
    for at, reading in enumerate(rule.readings):
        others = rule.readings[:at] + rule.readings[at + 1 :]
        yield "another reading forgotten", replace(rule, readings=others)
        for by in (1, -1):
            window = replace(reading.window, count=reading.window.count + by)
            wrong = (*others, replace(reading, window=window))
            yield f"another reading {by:+}", replace(rule, readings=wrong)
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
    anchors = {"request", "plan_appeal", "case_file", "selection", "board_meeting"}
    for anchor in sorted(anchors - {rule.starts}) if rule.starts != "request" else ("case_file",):
        yield f"counted from {anchor}", replace(rule, starts=anchor)
    if rule.days_to_ask_left_out:
        yield "the days to ask are counted", replace(rule, days_to_ask_left_out=False)
    if rule.meeting_too_near:
        for by in (1, -1):
            near = rule.meeting_too_near
            wrong = replace(near, count=near.count + by)
            yield f"too near a meeting {by:+}", replace(rule, meeting_too_near=wrong)


def of_effectuation(one: Effectuation) -> Iterator[tuple[str, Effectuation]]:
    """The ways to misread how soon a favorable decision is carried out."""
    if one.when.expedited is not None:
        wrong = replace(one.when, expedited=not one.when.expedited)
        yield "expedited for standard", replace(one, when=wrong)
        yield "expedited or not", replace(one, when=replace(one.when, expedited=None))


def of_standing(rule: Standing) -> Iterator[tuple[str, Standing]]:
    """The ways to get standing wrong."""
    yield "may file turned around", replace(rule, may_file=not rule.may_file)
    for at in range(len(rule.papers)):
        papers = rule.papers[:at] + rule.papers[at + 1 :]
        yield "a paper forgotten", replace(rule, papers=papers)


def neighbors(name: str, level: Level) -> Iterator[tuple[str, Level]]:
    """The same level's rules of another program, where they would give another answer."""
    for other in programs():
        for theirs in program(other).levels:
            if other != name and theirs.id == level.id and theirs.filing and level.filing:
                yield f"the rule of {other}", replace(level, filing=theirs.filing)


def misreadings(rules: Program) -> Iterator[tuple[str, str | None, Program]]:
    """Every misreading of a program's file: its level (None: any), what it is, the wrong program."""
    for at, level in enumerate(rules.levels):
        wrong_levels = list(changes(level)) + list(neighbors(rules.program, level))
        for clock, make in (("filing", lambda r: of_filing(r, level)), ("decision", of_decision)):  # noqa: B023
            for number, rule in enumerate(getattr(level, clock)):
                for what, wrong in make(rule):
                    one = list(getattr(level, clock))
                    one[number] = wrong
                    text = f"{clock} from {rule.applies_from} {rule.citation}: {what}"
                    wrong_levels.append((text, replace(level, **{clock: tuple(one)})))
        for number, one in enumerate(level.effectuation):
            for what, wrong in of_effectuation(one):
                entries = (*level.effectuation[:number], wrong, *level.effectuation[number + 1 :])
                text = f"effectuation {one.citation}: {what}"
                wrong_levels.append((text, unchecked(level, effectuation=entries)))
        if level.amount_in_controversy:
            wrong_levels.append(
                ("the amount in controversy forgotten", replace(level, amount_in_controversy=None))
            )
        if level.forwarded:
            wrong_levels.append(("not forwarded", replace(level, forwarded=None)))
        wrong_levels += of_processes(level)
        for what, wrong in wrong_levels:
            levels = (*rules.levels[:at], wrong, *rules.levels[at + 1 :])
            yield f"{level.id}: {what}", level.id, replace(rules, levels=levels)
    for at in range(len(rules.not_expedited)):
        others = rules.not_expedited[:at] + rules.not_expedited[at + 1 :]
        yield "what cannot be expedited is", None, replace(rules, not_expedited=others)
    for at, standing in enumerate(rules.standing):
        for what, wrong in of_standing(standing):
            all_of = (*rules.standing[:at], wrong, *rules.standing[at + 1 :])
            text = f"standing of {', '.join(standing.when.filers)} at {standing.levels[0]}: {what}"
            yield text, None, replace(rules, standing=all_of)


def of_processes(level: Level) -> Iterator[tuple[str, Level]]:
    """The ways to misread what bounds the processes of a level."""
    for at, one in enumerate(level.processes):
        others = [
            (
                f"{where} forgotten",
                replace(one, jurisdictions=tuple(set(one.jurisdictions) - {where})),
            )
            for where in one.jurisdictions
        ]
        if one.floor:
            others += [
                (f"floor: {what}", replace(one, floor=replace(one.floor, filing=wrong)))
                for what, wrong in of_filing(one.floor.filing, level)
            ]
            others.append(("no floor", replace(one, floor=None)))
        for what, wrong in others:
            yield (
                what,
                replace(
                    level, processes=(*level.processes[:at], wrong, *level.processes[at + 1 :])
                ),
            )


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
    for day in event.closed:
        for by in (DAY, -DAY):
            closed = tuple(one + by if one == day else one for one in event.closed)
            yield f"{day} {by.days:+}", replace(event, closed=closed)
    if any(moved.process for moved in event.moves):
        every = tuple(replace(moved, process=None) for moved in event.moves)
        yield "under every process", replace(event, moves=every)


def noticed(case: Case) -> bool:
    """Say whether the case fails under the misreading in force."""
    try:
        check(case)
    except Exception:  # whatever goes wrong, somebody notices
        return True
    except BaseException as failed:  # pytest's own failures are no Exception
        if type(failed).__name__ != "Failed":
            raise
        return True
    return False


def asks(case: Case, one: OnFile) -> bool:
    """Say whether the case asks the file: a state's, or the program's where the state's has no say."""
    own = state_rules(case.given.program, case.given.jurisdiction)
    levels = {level.id for level in own.levels} if own else set()
    ruled_by_state = case.given.level in levels and case.given.process in (None, "state")
    return (case.given.jurisdiction if ruled_by_state else "") == one.jurisdiction


def same_answers(right: Program, wrong: Program, level: str | None) -> bool:
    """Say whether two programs cannot be told apart: the misreading is none."""
    return level is not None and right.level(level) == wrong.level(level)


@pytest.mark.parametrize("one", on_file(), ids=lambda one: one.id)
def test_every_near_misreading_of_a_rule_fails_some_case(one, monkeypatch):
    name, state = one.program, one.jurisdiction
    rules = program(name, state)
    mine = [case for case in ALL if case.given.program == name and asks(case, one)]
    unnoticed, made = [], 0
    for what, level, read in misreadings(one.rules):
        wrong = read.over(program(name), state) if state else read
        if same_answers(rules, wrong, level):
            continue
        made += 1
        for module in (toolkit.law.filing, toolkit.law.decision):
            monkeypatch.setattr(module, "program", lambda *_, wrong=wrong: wrong)
        if not any(noticed(case) for case in mine if level in (None, case.given.level)):
            unnoticed.append(what)
    assert made > 10
    assert not unnoticed, f"{len(unnoticed)} of {made}:\n" + "\n".join(unnoticed)


def test_every_near_misreading_of_a_threshold_across_years_fails_some_case(monkeypatch):
    right = thresholds()
    at = {one.year: place for place, one in enumerate(right.years)}
    dollars = [("alj_hearing", 2025), ("alj_hearing", 2026)]
    dollars += [("judicial_review", 2026), ("judicial_review", 2027)]
    asked = [case for case in ALL if case.given.amount is not None]
    for kind, year in dollars:
        for by in (1, -1):
            old = right.years[at[year]]
            years = list(right.years)
            years[at[year]] = replace(old, **{kind: getattr(old, kind) + by})
            wrong: Thresholds = replace(right, years=tuple(years))
            monkeypatch.setattr(toolkit.law.thresholds, "thresholds", lambda wrong=wrong: wrong)
            assert any(map(noticed, asked)), f"{kind} of {year} {by:+}"


@pytest.mark.parametrize("at", range(len(events())), ids=[one.event for one in events()])
def test_every_near_misreading_of_an_event_fails_some_case(at, monkeypatch):
    on_file = events()
    wrong_events = [*of_event(on_file[at]), ("forgotten", None)]
    unnoticed = []
    for what, wrong in wrong_events:
        kept = (*on_file[:at], *([wrong] if wrong else []), *on_file[at + 1 :])
        monkeypatch.setattr(toolkit.law.events, "events", lambda kept=kept: kept)
        moved = {(one.program, level) for one in on_file[at].moves for level in one.levels}
        if not any(noticed(c) for c in ALL if (c.given.program, c.given.level) in moved):
            unnoticed.append(what)
    assert not unnoticed, "\n".join(unnoticed)

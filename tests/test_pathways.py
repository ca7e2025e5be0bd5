"""Who may file, who decides and what follows, from cases that a compliance officer can read and sign.

`cases/standing` says of every level, filer and stage who may file and with which paper;
`cases/pathways` says of every level whom to ask, who decides and what follows each outcome, and of
every program where a denial begins.
"""

from datetime import date
from itertools import product
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from test_law import Given, answer, cases

from toolkit.law import next_step, on_file, program
from toolkit.law.model import FILERS, STAGES, Outcome, Program, state_rules
from toolkit.law.standing import standing
from toolkit.rules import read

CASES = Path(__file__).parent / "cases"
NOTHING = ("no rule on file says what comes next", "no appeal pathway in the rules")
OUTCOMES: tuple[str, ...] = Outcome.__args__


class Who(msgspec.Struct, forbid_unknown_fields=True):
    may_file: Literal["yes", "no", "not on file"]
    papers: tuple[str, ...] = ()  # a text that each paper holds, in their order
    instead: str | None = None
    because: str = ""


class StandingCase(msgspec.Struct, forbid_unknown_fields=True):
    """Filers at levels; `stages` are every stage and none where they are not named ('none': not stated)."""

    case: str
    program: str
    levels: tuple[str, ...]
    filers: tuple[str, ...]
    expect: Who
    jurisdiction: str = ""  # a state whose own law says it
    stages: tuple[str, ...] = (*STAGES, "none")

    def asked(self) -> list[tuple[str, str, str]]:
        return list(product(self.levels, self.filers, self.stages))


class LevelCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A level: with whom it is filed, who decides, and the level that follows each outcome.

    An outcome that is not named has nothing on file; `after_clinical` are those that differ where
    the denial is a clinical one.
    """

    case: str
    program: str
    level: str
    jurisdiction: str = ""  # a state whose own law the level is
    filed_with: str = ""
    decided_by: str = ""
    after: dict[Outcome, str] = {}
    after_clinical: dict[Outcome, str] = {}


class Facts(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    program: str
    stage: str = "payment"
    contracted: str | None = None
    denial_category: str = ""
    remarks: tuple[str, ...] = ()
    jurisdiction: str | None = None
    last_level: str | None = None  # the appeal before, with how and when it ended
    outcome: str | None = None  # upheld where there was one and nothing is said
    filed_on: date | None = None
    decided_on: date | None = None  # the notice's date where nothing is said of the appeal's days
    amount: int | None = None
    state_window: int | None = None
    notice_date: date = date(2026, 9, 1)
    received: date = date(2026, 9, 1)


class Next(msgspec.Struct, forbid_unknown_fields=True):
    state: str
    level: str | None = None
    program: str | None = None  # where it is not the one that is given
    filer: str | None = None  # as whom the hospital files, or would
    asked: str | None = None  # the level whose standing says so, where it leads to another
    gap: str = ""  # what is said to be missing holds this
    last_filing_date: date | None = None  # and the days, where one is given
    file_by: date | None = None
    not_before: date | None = None
    filed_with: str | None = None

    def days(self) -> tuple[date | None, ...]:
        return self.last_filing_date, self.file_by, self.not_before


class FirstCase(msgspec.Struct, forbid_unknown_fields=True):
    """Where a denial begins, or goes on after a level that ended, and by when."""

    case: str
    given: Facts
    expect: Next


class Pathway(msgspec.Struct, forbid_unknown_fields=True):
    levels: tuple[LevelCase, ...]
    begins: tuple[FirstCase, ...]


STANDING: tuple[StandingCase, ...] = tuple(
    case
    for path in sorted((CASES / "standing").glob("*.yaml"))
    for case in read(path, tuple[StandingCase, ...])
)
PATHWAYS = [read(path, Pathway) for path in sorted((CASES / "pathways").glob("*.yaml"))]
LEVELS: tuple[LevelCase, ...] = tuple(case for one in PATHWAYS for case in one.levels)
BEGINS: tuple[FirstCase, ...] = tuple(case for one in PATHWAYS for case in one.begins)


def asked_of(given: Given) -> str:
    """Return the id of the file that a case asks: a state's, or the program's where it has no say."""
    own = state_rules(given.program, given.jurisdiction)
    of_state = own and given.level in {level.id for level in own.levels}
    if of_state and given.process in (None, "state"):
        return f"{given.program} ({given.jurisdiction})"
    return given.program


def named(case: StandingCase | LevelCase) -> str:
    """Return the id of the file that a case is about."""
    return f"{case.program} ({case.jurisdiction})" if case.jurisdiction else case.program


ASKED = {
    (asked_of(param.values[0].given), param.values[0].given.level): param.values[0]
    for param in cases()
    if not param.values[0].expect.refused
    and not param.values[0].expect.usage
    and param.values[0].given.last_outcome != "missed"  # whose request may go to somebody else
}


def check_standing(case: StandingCase, rules: Program) -> None:
    """Ask who may file at every level, filer and stage of the case, and hold the answers to it."""
    expect = case.expect
    for level, filer, stage in case.asked():
        found = standing(rules, level, stage=None if stage == "none" else stage, filer=filer)
        may_file = {True: "yes", False: "no", None: "not on file"}[found.may_file]
        assert (may_file, found.instead, found.citation) == (
            expect.may_file,
            expect.instead,
            expect.because,
        ), (level, filer, stage)
        assert len(found.papers) == len(expect.papers)
        assert all(text in one for text, one in zip(expect.papers, found.papers, strict=True))


def check_level(case: LevelCase) -> None:
    """Ask whom to file with, who decides and what follows, and hold the answers to the case."""
    asked = ASKED.get((named(case), case.level))
    assert bool(asked) == bool(case.decided_by), "a level that gives an answer names who decides"
    if asked:
        found = answer(asked)
        assert (found.filed_with, found.decided_by) == (
            case.filed_with or case.decided_by,
            case.decided_by,
        )
    for nature, after in (
        ("administrative", case.after),
        ("clinical", case.after | case.after_clinical),
    ):
        for outcome in OUTCOMES:
            found = next_step(
                case.program,
                jurisdiction=case.jurisdiction or None,
                last_level=case.level,
                filed=True,
                outcome=outcome,
                filed_on=date(2026, 3, 10),
                decided_on=None if outcome == "missed" else date(2026, 6, 1),
                contracted="not_contracted",
                nature=nature,
                amount=5000,
                state_window=120,
            )
            nothing = any(text in found.gap for text in NOTHING)
            assert nothing == (outcome not in after), outcome
            assert nothing or found.level == after[outcome], outcome
            assert nothing or found.state != "gap", (outcome, found.gap)


def check_begins(case: FirstCase) -> None:
    """Ask what to do first on a denial, and hold the answer to the case."""
    facts = {name: getattr(case.given, name) for name in case.given.__struct_fields__}
    if case.given.last_level:
        facts |= {"filed": True, "outcome": case.given.outcome or "upheld"}
        if not (case.given.filed_on or case.given.decided_on):
            facts["decided_on"] = case.given.notice_date
    found = next_step(facts.pop("program"), **facts)
    expect = case.expect
    assert (found.state, found.level) == (expect.state, expect.level)
    assert expect.gap in found.gap
    if any(expect.days()):
        deadline = found.deadline
        assert (deadline.last_filing_date, deadline.file_by, deadline.not_before) == expect.days()
    if expect.filed_with:
        assert found.deadline.filed_with == expect.filed_with
    if expect.filer:
        level = expect.asked or expect.level
        rules = program(expect.program or case.given.program, case.given.jurisdiction)
        who = standing(rules, level, stage=case.given.stage, filer=expect.filer)
        assert found.standing.startswith(who.says)


@pytest.mark.parametrize("case", STANDING, ids=lambda one: f"{named(one)}: {one.case}")
def test_who_may_file(case):
    check_standing(case, program(case.program, case.jurisdiction))


@pytest.mark.parametrize("case", LEVELS, ids=lambda one: f"{named(one)}: {one.case}")
def test_who_decides_a_level_and_what_follows(case):
    check_level(case)


@pytest.mark.parametrize("case", BEGINS, ids=lambda one: f"{one.given.program}: {one.case}")
def test_where_a_denial_begins(case):
    check_begins(case)


@pytest.mark.parametrize("one", on_file(), ids=lambda one: one.id)
def test_no_clock_after_a_missed_decision_starts_with_its_notice(one):
    rules = program(one.program, one.jurisdiction or None)
    for level in rules.levels:
        if following := level.after.get("missed"):
            assert rules.level(following).starts_with("missed") != "decision", following


@pytest.mark.parametrize("one", on_file(), ids=lambda one: one.id)
def test_every_level_filer_and_stage_has_one_standing_case_and_every_level_a_pathway(one):
    asked = [key for case in STANDING if named(case) == one.id for key in case.asked()]
    filed = [level.id for level in one.rules.levels if level.filing or level.by_terms]
    assert sorted(asked) == sorted(product(filed, FILERS, (*STAGES, "none")))
    levels = sorted(case.level for case in LEVELS if named(case) == one.id)
    assert levels == sorted(level.id for level in one.rules.levels)

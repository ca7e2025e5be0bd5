"""The law, from cases that a compliance officer can read and sign."""

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from toolkit.errors import InputError, RefusedError, RulesError, UsageError
from toolkit.law import (
    decision_due,
    filing_deadline,
    ladder,
    next_step,
    on_file,
    program,
    program_named,
    programs,
    read_contract,
    read_contracts,
    turns_on,
)
from toolkit.law.calendar import federal_holidays, off_day
from toolkit.law.events import closed_days, events
from toolkit.law.model import states
from toolkit.law.thresholds import thresholds
from toolkit.rules import read

CASES = Path(__file__).parent / "cases" / "deadlines"


class Given(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    program: str
    level: str
    notice_date: date | None = None
    earliest_notice: date | None = None
    received: date | None = None
    effective_date: date | None = None
    stage: str | None = None
    filer: str | None = None
    expedited: bool = False
    amount: float | None = None
    state_window: int | None = None
    care: str | None = None
    last_outcome: str | None = None
    levels: str | None = None
    multiemployer: bool = False
    process: str | None = None
    jurisdiction: str | None = None
    service: str | None = None
    state: str | None = None
    request_received: date | None = None
    plan_appeal_date: date | None = None
    case_file_date: date | None = None
    selection_date: date | None = None
    board_meeting: date | None = None
    extended: bool | None = None

    def facts(self) -> dict:
        only_decisions = () if self.request_received else ("multiemployer",)
        apart = ("program", "level", *only_decisions)
        names = [name for name in self.__struct_fields__ if name not in apart]
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Expect(msgspec.Struct, forbid_unknown_fields=True):
    last_filing_date: date | None = None
    file_by: date | None = None
    not_before: date | None = None
    decision_due: date | None = None
    filed_when: str | None = None
    because: str | None = None
    nothing_to_file: bool = False
    refused: str | None = None
    usage: str | None = None  # a usage error that says this
    needs: tuple[str, ...] = ()
    warned: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    may_file: bool | None = None
    steps: tuple[date, ...] = ()
    if_missed: str = ""
    if_favorable: str | None = None  # a text that the only entry holds; "" where there is none
    filed_with: str | None = None
    decided_by: str | None = None
    status: str | None = None  # the weakest mark behind the dates
    said: tuple[str, ...] = ()  # texts of steps


class Case(msgspec.Struct, forbid_unknown_fields=True):
    case: str
    given: Given
    expect: Expect


def cases() -> list:
    return [
        pytest.param(case, id=f"{path.stem}: {case.case}")
        for path in sorted(CASES.glob("*.yaml"))
        for case in read(path, tuple[Case, ...])
    ]


def answer(case: Case):
    facts = case.given.facts()
    if "request_received" in facts:
        return decision_due(case.given.program, case.given.level, **facts)
    return filing_deadline(case.given.program, case.given.level, **facts)


@pytest.mark.parametrize("case", cases())
def test_the_case_holds(case):
    check(case)


def check(case: Case) -> None:
    """Ask the law what the case gives, and hold the answer to what it expects."""
    expect = case.expect
    if expect.usage:
        with pytest.raises(UsageError, match=expect.usage):
            answer(case)
        return
    if expect.refused:
        with pytest.raises(RefusedError) as refused:
            answer(case)
        assert expect.refused in str(refused.value)
        for need in expect.needs:
            assert any(need in one for one in refused.value.needs), refused.value.needs
        return
    found = answer(case)
    assert found.citation == expect.because
    for text in expect.warned:
        assert any(text in one for one in found.warnings), found.warnings
    assert expect.status in (None, found.status)
    for text in expect.said:
        assert any(text in step.what for step in found.steps), found.steps
    assert expect.filed_with in (None, found.filed_with)
    assert expect.decided_by in (None, found.decided_by)
    if expect.decision_due:
        if expect.if_favorable is not None:
            assert len(found.if_favorable) == bool(expect.if_favorable), found.if_favorable
            assert expect.if_favorable in "".join(found.if_favorable)
        assert found.decision_due == expect.decision_due
        assert expect.if_missed in found.if_missed
        for day in expect.steps:
            assert day in {step.date for step in found.steps}
        return
    assert found.nothing_to_file == expect.nothing_to_file
    assert (found.last_filing_date, found.file_by) == (expect.last_filing_date, expect.file_by)
    assert found.not_before == expect.not_before
    assert expect.filed_when in (None, found.filed_when)
    assert expect.may_file is None or found.standing.may_file == expect.may_file
    for paper in expect.papers:
        assert any(paper in one for one in found.standing.papers)
    for day in expect.steps:
        assert day in {step.date for step in found.steps}
    if found.file_by:
        assert found.file_by in {step.date for step in found.steps}


def test_every_rule_on_file_decides_some_case():
    asked = {one.id: set() for one in on_file()}
    for param in cases():
        case = param.values[0]
        if not case.expect.refused and not case.expect.usage:
            found = answer(case)
            clock = "decision" if case.expect.decision_due else "filing"
            where = f" ({found.jurisdiction})" if found.jurisdiction in states() else ""
            asked[case.given.program + where].add(
                (case.given.level, clock, found.citation, case.given.stage, case.given.expedited)
            )
    for name in asked:
        for level in next(one.rules for one in on_file() if one.id == name).levels:
            for clock, rules in (("filing", level.filing), ("decision", level.decision)):
                for rule in rules:
                    assert any(
                        (level.id, clock, rule.citation) == one[:3]
                        and rule.when.holds(one[3], None, one[4])
                        or (level.id, clock, rule.citation) == one[:3]
                        and not rule.when.stages
                        for one in asked[name]
                    ), f"{name} {level.id} {clock} {rule.citation}: no case asks it"


def filing_rules():
    return [
        (one, level.id, rule)
        for one in on_file()
        for level in one.rules.levels
        for rule in level.filing
    ]


def facts(one, level, rule) -> dict:
    """Facts that a rule may turn on, beside its days."""
    several = program(one.program, one.jurisdiction).level(level).processes
    return {
        "jurisdiction": one.jurisdiction or None,
        "filer": rule.when.filers[0] if one.jurisdiction and rule.when.filers else None,
        "expedited": bool(rule.when.expedited),
        "last_outcome": rule.after[0] if rule.after else None,
        "amount": 5000,
        "state_window": 100,
        "care": rule.when.care[-1] if rule.when.care else None,
        "process": several[0].process if several else None,
    }


@given(
    which=st.sampled_from([one for one in filing_rules() if not one[2].open_ended]),
    day=st.dates(date(2017, 1, 1), date(2035, 12, 31)),
    later=st.integers(0, 400),
    late=st.integers(0, 60),
)
def test_a_later_notice_never_has_an_earlier_deadline_and_file_by_is_a_working_day(
    which, day, later, late
):
    one, level, rule = which
    rules = program(one.program, one.jurisdiction).level(level).filing
    day = max(day, min(rule.applies_from for rule in rules))

    def ask(start):
        return filing_deadline(
            one.program,
            level,
            notice_date=start,
            received=start + timedelta(days=late),
            effective_date=start + timedelta(days=late + late // 2),
            **facts(one, level, rule),
        )

    first, second = ask(day), ask(day + timedelta(days=later))
    for found, start in ((first, day), (second, day + timedelta(days=later))):
        assert found.file_by <= found.last_filing_date
        begun = start + timedelta(days=late)  # nothing can be filed before it
        assert off_day(found.file_by) is None or found.file_by - begun <= timedelta(days=2)
        assert found.not_before is None or found.not_before <= found.file_by
    if first.citation == second.citation:
        assert first.last_filing_date <= second.last_filing_date
        assert first.file_by <= second.file_by


def test_no_two_rules_of_a_level_cover_the_same_facts():
    for one, level, rule in filing_rules():
        day = rule.applies_until or rule.applies_from
        found = filing_deadline(
            one.program,
            level,
            notice_date=day,
            received=day,
            effective_date=day,
            **facts(one, level, rule),
        )
        assert found.citation == rule.citation


def test_amounts_in_controversy_come_from_one_ratio():
    for one in thresholds().years:
        low = max(one.alj_hearing / 100 - 0.05, one.judicial_review / 1000 - 0.005)
        high = min(one.alj_hearing / 100 + 0.05, one.judicial_review / 1000 + 0.005)
        assert low <= high, one.year


def test_observed_holidays_are_kept_too():
    assert federal_holidays(2026)[date(2026, 7, 3)] == "Independence Day (observed)"
    assert federal_holidays(2021)[date(2021, 12, 31)] == "New Year's Day (observed)"
    assert date(2020, 6, 19) not in federal_holidays(2020)
    assert federal_holidays(2026)[date(2026, 10, 12)] == "Columbus Day"


def test_a_ladder_begins_with_the_first_decision_and_ends_with_the_side_clocks():
    places = [level.place for level in ladder("medicare_advantage")]
    assert places == sorted(places, key=("before", "ladder", "side").index)


NOTICE = {"notice_date": date(2026, 10, 1)}


@pytest.mark.parametrize(
    ("facts", "state", "level"),
    [
        ({"contracted": "not_contracted", **NOTICE}, "file", "reconsideration"),
        ({"contracted": "contracted", **NOTICE}, "gap", "contract_dispute"),
        ({**NOTICE}, "gap", None),
        ({"stage": "pre_service", **NOTICE}, "file", "reconsideration"),
        (
            {"stage": "prior_authorization", "contracted": "contracted", **NOTICE},
            "file",
            "reconsideration",
        ),
        ({"contracted": "not_contracted"}, "gap", "reconsideration"),
        (
            {"contracted": "not_contracted", "last_level": "reconsideration", "filed": True},
            "waiting",
            "reconsideration",
        ),
        (
            {
                "contracted": "not_contracted",
                "last_level": "reconsideration",
                "filed": True,
                "outcome": "upheld",
                "decided_on": date(2026, 11, 2),
            },
            "nothing_to_file",
            "ire_review",
        ),
        (
            {
                "contracted": "not_contracted",
                "last_level": "reconsideration",
                "filed": True,
                "outcome": "dismissed",
                "decided_on": date(2026, 11, 2),
            },
            "file",
            "dismissal_review",
        ),
        (
            {
                "contracted": "not_contracted",
                "last_level": "reconsideration",
                "filed": True,
                "outcome": "overturned",
            },
            "done",
            "reconsideration",
        ),
        ({"last_level": "reconsideration", "filed": True}, "waiting", "reconsideration"),
        ({"filed": True}, "waiting", None),
        (
            {
                "contracted": "not_contracted",
                "last_level": "redetermination",
                "filed": True,
                "outcome": "upheld",
            },
            "gap",
            None,
        ),
    ],
)
def test_the_next_step_of_a_medicare_advantage_denial(facts, state, level):
    found = next_step("medicare_advantage", **facts)
    assert (found.state, found.level) == (state, level)
    assert found.gap if state == "gap" else not found.gap


DECIDED = {"filed": True, "decided_on": date(2026, 11, 2), **NOTICE}


@pytest.mark.parametrize(
    ("name", "last", "outcome", "state", "level"),
    [
        ("part_d", "redetermination", "missed", "nothing_to_file", "reconsideration"),
        ("part_d", "redetermination", "upheld", "file", "reconsideration"),
        ("part_d", "redetermination", "dismissed", "file", "dismissal_review"),
        ("original_medicare", "redetermination", "dismissed", "file", "dismissal_review"),
        ("original_medicare", "reconsideration", "dismissed", "file", "qic_dismissal_review"),
        ("original_medicare", "alj_hearing", "dismissed", "file", "council_review"),
    ],
)
def test_a_missed_clock_and_a_dismissal_have_their_way_on(name, last, outcome, state, level):
    found = next_step(name, stage="pre_service", last_level=last, outcome=outcome, **DECIDED)
    assert (found.state, found.level) == (state, level)
    assert found.why


def test_an_amount_that_next_year_no_longer_reaches_moves_the_safe_day_of_the_worklist_too():
    facts = {"last_level": "reconsideration", "outcome": "upheld", "filed": True, **NOTICE}
    found = next_step("original_medicare", decided_on=date(2025, 11, 20), amount=190, **facts)
    assert found.deadline.file_by == date(2025, 12, 31)
    assert "amount" in turns_on("original_medicare")


@pytest.mark.parametrize("name", ["commercial_plan", "fehb", None])
@pytest.mark.parametrize("remark", ["N876", "N877"])
def test_a_remark_of_the_no_surprises_act_opens_negotiation_with_its_clock(name, remark):
    facts = {"received": date(2026, 9, 8), "remarks": ("M16", remark)}
    found = next_step(name, **facts)
    assert (found.state, found.level) == ("file", "open_negotiation")
    assert found.deadline.last_filing_date == date(2026, 10, 20)
    after = {"last_level": "open_negotiation", "outcome": "missed", "filed": True}
    found = next_step(name, filed_on=date(2026, 9, 10), **after, **facts)
    assert (found.state, found.level) == ("file", "idr_initiation")


def test_a_remark_of_the_act_changes_nothing_for_a_contracted_hospital_or_another_program():
    facts = {"received": date(2026, 9, 8), "remarks": ("N877",)}
    assert next_step("commercial_plan", contracted="contracted", **facts).level != (
        "open_negotiation"
    )
    assert next_step("original_medicare", **facts).level == "redetermination"
    facts["remarks"] = ("N830",)
    assert next_step("commercial_plan", **facts).level == "internal_appeal"


def test_other_remarks_of_the_act_open_negotiation_of_a_payment_and_not_of_a_denial():
    facts = {"received": date(2026, 9, 8)}

    def level(*remarks: str, payment: bool = True, name: str | None = "commercial_plan") -> str:
        return next_step(name, remarks=remarks, initial_payment=payment, **facts).level

    for remark in program("no_surprises").opened_by.payments.remarks:
        assert level(remark) == level("M16", remark, name="fehb") == "open_negotiation"
        assert level(remark, payment=False) == "internal_appeal"
        assert level(remark, name="original_medicare") == "redetermination"
        for other in program("no_surprises").opened_by.payments.unless:
            assert level(remark, other) == "internal_appeal"
    assert level("N877", "N871") == "open_negotiation"


CONTRACT = """\
contract: Provider agreement of 2024
payer_name: Plan A
program: medicare_advantage
level: contract_dispute
filing:
  - applies_from: 2024-01-01
    window: {count: 90, unit: days}
    starts: notice
    filed_when: received
    citation: Provider agreement, section 7.3
    source: the signed agreement
    verified_on: 2026-11-02
    status: V
"""


def test_a_contract_dispute_has_the_dates_of_the_contract_and_cites_its_section(tmp_path):
    path = tmp_path / "plan_a.yaml"
    path.write_text(CONTRACT)
    (terms,) = read_contracts(tmp_path).contracts
    found = filing_deadline(
        "medicare_advantage", "contract_dispute", notice_date=date(2026, 8, 3), contract=terms
    )
    assert (found.last_filing_date, found.file_by) == (date(2026, 11, 1), date(2026, 10, 30))
    assert found.citation == "Provider agreement, section 7.3"
    step = next_step("medicare_advantage", contracted="contracted", contract=terms, **NOTICE)
    assert (step.state, step.level) == ("file", "contract_dispute")
    assert step.deadline.last_filing_date == date(2026, 12, 30)
    with pytest.raises(RefusedError):
        filing_deadline(
            "medicare_advantage",
            "reconsideration",
            contract=terms,
            filer="contracted_provider",
            stage="payment",
            **NOTICE,
        )


@pytest.mark.parametrize(
    ("name", "route"),
    [("commercial_plan", "authorization"), ("medicaid_managed_care", "written consent")],
)
def test_a_contracted_hospital_disputes_by_its_contract_and_knows_the_members_route(
    tmp_path, name, route
):
    gap = next_step(name, contracted="contracted", **NOTICE)
    assert (gap.state, gap.level) == ("gap", "contract_dispute")
    assert "the contract's dispute window" in gap.gap and route in gap.standing
    path = tmp_path / "plan.yaml"
    path.write_text(CONTRACT.replace("medicare_advantage", name))
    (terms,) = read_contracts(tmp_path).contracts
    step = next_step(name, contracted="contracted", contract=terms, **NOTICE)
    assert (step.state, step.level) == ("file", "contract_dispute")
    assert step.deadline.last_filing_date == date(2026, 12, 30) and route in step.standing
    for other in ({"contracted": "not_contracted"}, {"stage": "pre_service"}):
        member = next_step(name, contract=terms, **(NOTICE | other))
        assert member.state == "file" and route in member.standing


@pytest.mark.parametrize("name", [*programs(), "workers_compensation"])
def test_a_contract_of_any_program_can_be_read_and_stops_no_next_step(tmp_path, name):
    path = tmp_path / "plan.yaml"
    path.write_text(CONTRACT.replace("medicare_advantage", name))
    (terms,) = read_contracts(tmp_path).contracts
    for contracted in ("contracted", "not_contracted", None):
        for stage in ("payment", "pre_service"):
            found = next_step(name, contracted=contracted, stage=stage, contract=terms, **NOTICE)
            assert found.state in ("file", "gap", "no_appeal_right")


def test_a_network_provider_of_tricare_goes_by_its_contract(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text(CONTRACT.replace("medicare_advantage", "tricare"))
    (terms,) = read_contracts(tmp_path).contracts
    step = next_step("tricare", contracted="contracted", contract=terms, **NOTICE)
    assert (step.state, step.level) == ("file", "contract_dispute")
    assert step.deadline.citation == "Provider agreement, section 7.3"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("program: medicare_advantage", "program: medicare_advantag", "unknown program"),
        ("level: contract_dispute", "level: contract_disput", "expected contract_dispute"),
        ("payer_name: Plan A", "", "names its payer"),
        ("level: contract_dispute", "level: reconsideration", "the law sets this level's dates"),
        ("    citation: Provider agreement, section 7.3\n", "", "citation"),
        ("unit: days", "unit: fortnights", "unit"),
        ("starts: notice", "starts: service", "a count of days from the notice"),
        (
            "window: {count: 90, unit: days}",
            "state_window: {least: 30, most: 90}",
            "a count of days",
        ),
        ("count: 90", "count: 99999999", "between 1 and 9,999"),
    ],
)
def test_a_careless_contract_file_is_refused_and_in_a_folder_left_out(tmp_path, old, new, problem):
    path = tmp_path / "plan_a.yaml"
    path.write_text(CONTRACT.replace(old, new))
    with pytest.raises(InputError, match=problem):
        read_contract(path)
    (tmp_path / "plan_b.yaml").write_text(CONTRACT)
    found = read_contracts(tmp_path)
    assert [one.payer_name for one in found.contracts] == ["Plan A"]
    (said,) = found.not_read
    assert said.startswith("plan_a.yaml") and problem in said


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        ("applies_from: 2024-01-01", "applies_from: 2029-01-01", "a rule that covers the day"),
        ("starts: notice", "starts: effective", "effective date"),
        ("starts: notice", "starts: notice\n    when: {filers: [enrollee]}", "the filer"),
    ],
)
def test_a_contract_that_covers_no_such_day_or_filer_leaves_a_gap(tmp_path, old, new, lacks):
    path = tmp_path / "plan_a.yaml"
    path.write_text(CONTRACT.replace(old, new))
    terms = read_contract(path)
    step = next_step("medicare_advantage", contracted="contracted", contract=terms, **NOTICE)
    assert (step.state, step.level) == ("gap", "contract_dispute")
    assert lacks in step.gap


def test_two_rules_of_a_contract_for_one_day_leave_a_gap(tmp_path):
    path = tmp_path / "plan_a.yaml"
    path.write_text(CONTRACT + CONTRACT.partition("filing:\n")[2])
    step = next_step(
        "commercial_plan", contracted="contracted", **NOTICE,
        contract=replace(read_contract(path), program="commercial_plan"),
    )  # fmt: skip
    assert (step.state, step.level) == ("gap", "contract_dispute")
    assert "two rules" in step.gap


def test_a_rule_of_a_contract_may_name_the_filer_and_the_stage(tmp_path):
    path = tmp_path / "plan_a.yaml"
    path.write_text(
        CONTRACT.replace(
            "starts: notice",
            "starts: notice\n    when: {filers: [contracted_provider], stages: [payment]}",
        )
    )
    step = next_step(
        "medicare_advantage", contracted="contracted", contract=read_contract(path), **NOTICE
    )
    assert step.deadline.last_filing_date == date(2026, 12, 30)


def test_a_late_request_has_its_paragraph_where_the_law_knows_good_cause():
    for name in programs():
        for one in program(name).good_cause:
            assert one.citation.split(";")[0].split("(")[0] in one.request or not one.request


def test_a_favorable_decision_says_when_it_is_carried_out():
    found = decision_due(
        "medicare_advantage", "reconsideration", request_received=date(2026, 3, 2), stage="payment"
    )
    assert len(found.if_favorable) == 1 and "60 days" in found.if_favorable[0]


def test_what_a_favorable_decision_obliges_to_is_said_in_the_days_on_file():
    for name in programs():
        for level in program(name).levels:
            for one in level.effectuation:
                assert f"{one.within.count} {one.within.unit}" in one.says, (name, level.id)


def test_before_the_service_the_treating_physician_files_with_notice_to_the_enrollee():
    found = next_step("medicare_advantage", stage="pre_service", **NOTICE)
    assert "treating physician" in found.standing and "notice to the enrollee" in found.standing


def test_an_unknown_program_gives_a_gap_and_no_date():
    found = next_step(None, **NOTICE)
    assert found.state == "gap" and "payers.csv" in found.gap and found.deadline is None


def test_a_postal_workers_plan_goes_by_the_rules_of_federal_employees():
    for word in ("PSHB", "pshb", "Postal Service Health Benefits Program"):
        assert program_named(word) == "fehb"


def test_an_event_moves_levels_and_processes_that_are_on_file():
    for event in events():
        for moved in event.moves:
            levels = [program(moved.program).level(level) for level in moved.levels]
            assert moved.process is None or all(
                moved.process in {one.process for one in level.processes} for level in levels
            )


def test_an_order_that_closes_federal_offices_reaches_every_roll_that_counts_it():
    counted = {
        (name, level.id)
        for name in programs()
        for level in program(name).levels
        for rule in level.filing
        if rule.roll and rule.roll.nonworkdays
    }
    assert counted and all(closed_days(*one) for one in counted)
    for one, level, rule in filing_rules():
        if rule.open_ended:  # no last day that could roll
            continue
        law = rule.roll and (rule.roll.force, rule.roll.to) == ("law", "next_working_day")
        assert bool(law) == ((one.program, level) in counted), (one.id, level)


def test_a_late_filed_original_medicare_claim_has_no_appeal():
    found = next_step("original_medicare", denial_category="timely_filing", **NOTICE)
    assert found.state == "no_appeal_right" and "405.926" in found.why


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", "a key appears twice"),
        ("citation: x\nsource: y\nverified_on: 2026-01-01\nstatus: V\nextra: z\n", "unknown field"),
        ("citation: x\nverified_on: 2026-01-01\nstatus: V\n", "source"),
        ("citation: x\nsource: ''\nverified_on: 2026-01-01\nstatus: V\n", "source is empty"),
        ("citation: x\nsource: y\nverified_on: lately\nstatus: V\n", "verified_on"),
        ("citation: x\nsource: y\nverified_on: 2026-01-01\nstatus: maybe\n", "status"),
        ("citation: [x\n", "is not YAML"),
    ],
)
def test_the_loader_refuses_a_careless_rule(tmp_path, text, problem):
    from toolkit.rules import Sourced

    path = tmp_path / "rule.yaml"
    path.write_text(text)
    with pytest.raises(RulesError, match=problem):
        read(path, Sourced)


def test_the_loader_reads_text_as_text(tmp_path):
    path = tmp_path / "codes.yaml"
    path.write_text("code: 0450\nstate: NO\nday: 2026-01-15\n")
    assert read(path, dict[str, str]) == {"code": "0450", "state": "NO", "day": "2026-01-15"}


@pytest.mark.parametrize(
    ("earlier", "process", "file_by"),
    [
        # both last days were put off; a later receipt would end on 2026-08-04 and not be put off
        (date(2026, 3, 14), "federal_hhs", date(2026, 8, 4)),
        (date(2026, 2, 10), "federal_hhs", date(2026, 6, 10)),  # the earlier one fell before July
        (date(2026, 3, 14), "federal_private", date(2026, 7, 14)),
    ],
)
def test_the_earliest_notice_is_put_off_like_any_other(earlier, process, file_by):
    days = {"notice_date": date(2026, 3, 16), "earliest_notice": earlier}
    found = filing_deadline("commercial_plan", "external_review", process=process, **days)
    assert found.file_by == file_by


def test_the_earliest_notice_asks_for_no_process_where_the_notice_does_not_turn_on_it():
    days = {"notice_date": date(2026, 4, 6), "earliest_notice": date(2026, 4, 2)}
    found = filing_deadline("commercial_plan", "external_review", **days)
    assert (found.last_filing_date, found.file_by) == (date(2026, 8, 6), date(2026, 7, 31))

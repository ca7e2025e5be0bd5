"""What is given and does not fit: words, days, amounts and options, in Python, on the command line, in bulk."""

import json
from datetime import date

import pandas as pd
import pytest
from test_triage import MA, TODAY, UNKNOWN, claims

from toolkit.cli import main
from toolkit.errors import RefusedError, UsageError
from toolkit.law import (
    FILERS,
    STAGES,
    decision_due,
    filing_deadline,
    next_step,
    program,
    programs,
    read_contracts,
)
from toolkit.law.ledger import ledger_html, ledger_text
from toolkit.law.model import jurisdictions
from toolkit.rules.words import capital
from toolkit.worklist.triage import triage

DAY = date(2026, 3, 3)
FILING = "deadline --program original_medicare --level redetermination --notice-date 2026-03-03"
DECISION = (
    "decision-due --program original_medicare --level prior_authorization "
    "--request-received 2026-03-03"
)
LEVELS = [(name, level) for name in programs() for level in program(name).levels]


def run(capsys, words: str) -> tuple[int, dict]:
    """The exit code and the JSON answer of a command."""
    capsys.readouterr()
    code = main([*words.split(), "--json"])
    return code, json.loads(capsys.readouterr().out)


def asked(name: str, level: str, **facts):
    days = {"notice_date": DAY, "received": DAY, "effective_date": DAY, "state_window": 100}
    return filing_deadline(name, level, **days, **facts)


# ---- what can be expedited


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[f"{n} {one.id}" for n, one in LEVELS])
def test_an_expedited_request_is_refused_with_the_way_on_or_never_answered_in_silence(name, level):
    own = {rule.citation for rule in level.filing if rule.when.expedited}
    for stage in (None, *STAGES):
        try:
            found = asked(name, level.id, stage=stage, expedited=True)
        except RefusedError as refused:
            assert refused.needs, refused
            continue
        said = any("expedited" in one for one in found.warnings)
        assert found.citation in own or found.nothing_to_file or said, (stage, found)


# ---- who may file


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[f"{n} {one.id}" for n, one in LEVELS])
def test_a_date_is_given_to_a_filer_who_may_file_or_with_a_note_that_it_is_not_settled(name, level):
    for filer in FILERS:
        try:
            found = asked(name, level.id, filer=filer)
        except RefusedError as refused:
            assert refused.needs, refused
            continue
        noted = any("not settled by the rules on file" in one for one in found.warnings)
        assert found.nothing_to_file or found.standing.may_file or noted, filer


TERMS = """\
contract: Provider agreement of 2024
payer_name: Plan A
program: fehb
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


def test_a_dispute_that_only_a_contract_knows_is_that_of_the_provider_it_binds(tmp_path):
    (tmp_path / "plan_a.yaml").write_text(TERMS)
    (terms,) = read_contracts(tmp_path).contracts
    ask = {"notice_date": DAY, "contract": terms}
    found = filing_deadline("fehb", "contract_dispute", filer="contracted_provider", **ask)
    assert found.last_filing_date == date(2026, 6, 1) and found.standing.may_file
    for filer in ("enrollee", "non_contract_provider", "assignee"):
        with pytest.raises(RefusedError, match="that of the contracted provider") as refused:
            filing_deadline("fehb", "contract_dispute", filer=filer, **ask)
        assert refused.value.needs


def test_a_tricare_network_provider_without_a_contract_file_has_the_gap_that_its_terms_fill():
    found = next_step("tricare", contracted="contracted", notice_date=DAY)
    assert (found.state, found.level) == ("gap", "contract_dispute")
    assert "the contract's dispute window" in found.gap


# ---- words, days, amounts


@pytest.mark.parametrize(
    "facts",
    [
        {"stage": "later"},
        {"filer": "hospital"},
        {"care": "urgent"},
        {"process": "federal"},
        {"amount": float("nan")},
        {"amount": float("inf")},
        {"amount": -5},
        {"amount": 1e300},
    ],
)
def test_a_word_or_an_amount_that_the_rules_do_not_know_is_a_usage_error(facts):
    with pytest.raises(UsageError):
        filing_deadline("original_medicare", "redetermination", notice_date=DAY, **facts)


@pytest.mark.parametrize(
    "facts", [{"stage": "later"}, {"service": "x"}, {"levels": "three"}, {"state": "ZZ"}]
)
def test_a_word_that_no_decision_clock_knows_is_a_usage_error(facts):
    with pytest.raises(UsageError):
        decision_due("original_medicare", "redetermination", request_received=DAY, **facts)


def test_the_states_are_fifty_with_the_district_and_the_five_territories():
    assert len(jurisdictions()) == 56
    assert {"DC", "PR", "GU", "VI", "AS", "MP"} <= set(jurisdictions())
    of_rules = {
        state
        for _, level in LEVELS
        for rule in level.decision
        for state in rule.states
    }  # fmt: skip
    assert of_rules <= set(jurisdictions())


@pytest.mark.parametrize("state", ["ZZ", "OHIO", "O", "12"])
def test_a_state_that_is_none_is_a_usage_error_on_the_command_line(capsys, state):
    code, found = run(capsys, f"{DECISION} --service wiser --state {state}")
    assert code == 2 and "two letters" in found["error"]


@pytest.mark.parametrize("amount", ["1e300", "-0.01", "nan"])
def test_an_absurd_amount_is_a_usage_error_on_the_command_line(capsys, amount):
    with pytest.raises(SystemExit) as stopped:
        main([*FILING.split(), f"--amount={amount}"])
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    "words",
    [
        FILING.replace("2026-03-03", "9999-12-30"),
        FILING.replace("2026-03-03", "0001-01-01"),
        FILING + " --received 2026-03-01",
        DECISION.replace("2026-03-03", "9999-12-30") + " --service wiser --state OH",
        FILING + " --expedited",
        FILING + " --process federal_hhs",
    ],
)
def test_what_does_not_go_together_is_refused_with_the_way_on(capsys, words):
    code, found = run(capsys, words)
    assert code == 3 and found["needs"], found


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"notice_date": pd.Timestamp("2250-01-01")}, "too far off"),
        ({"notice_date": pd.Timestamp("1850-01-01")}, "too far off"),
        ({"notice_date": date(1985, 1, 1)}, "the rules on file begin"),
        ({"stage": "later"}, "the stage is not one of"),
        ({"notice_received": date(2026, 9, 1)}, "lies before the notice's date"),
    ],
)
def test_in_bulk_such_a_row_has_no_date_and_says_what_to_correct(facts, says):
    given = MA | {"notice_date": date(2026, 10, 1)} | facts
    given["remittance_date"] = given["notice_date"]
    good = MA | {"notice_date": date(2026, 10, 1)}
    found = triage(claims(given, good), as_of=TODAY, hospital=UNKNOWN)
    bad, other = found.to_dict("records")
    assert bad["due"] == "no_date" and says in bad["gap"] and pd.isna(bad["file_by"])
    assert other["due"] != "no_date"  # one row stops no other


# ---- options that are not used


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (FILING + " --care authorized --state-window 90", "--care, --state-window"),
        (FILING + " --effective-date 2026-03-04 --amount 5", "--amount, --effective-date"),
        (FILING + " --stage payment", "--stage"),
        (
            "deadline --program tricare --level reconsideration --notice-date 2026-03-03 "
            "--received 2026-03-04",
            "--received",
        ),
        (
            "decision-due --program original_medicare --level redetermination "
            "--request-received 2026-03-03 --state OH --multiemployer",
            "--multiemployer, --state",
        ),
        (
            "decision-due --program fehb --level reconsideration --request-received 2026-03-03 "
            "--levels one --board-meeting 2026-04-01",
            "--levels, --board-meeting",
        ),
    ],
)
def test_an_option_that_no_rule_of_the_level_looks_at_is_said(capsys, words, said):
    code, found = run(capsys, words)
    assert code == 0
    assert f"Not used: {said}. No rule of this level looks at that." in found["warnings"]


@pytest.mark.parametrize(
    "words",
    [
        FILING + " --received 2026-03-04",
        "deadline --program original_medicare --level alj_hearing --notice-date 2026-03-03 --amount 500",
        "deadline --program va_community_care --level claim_filing --notice-date 2026-03-03 --care authorized",
        "deadline --program original_medicare --level qio_termination --received 2026-03-03 "
        "--effective-date 2026-03-05",
        "deadline --program medicaid_managed_care --level state_fair_hearing --notice-date 2026-03-03 "
        "--state-window 120",
        "deadline --program medicare_advantage --level reconsideration --notice-date 2026-03-03 --stage payment",
        DECISION + " --service wiser --state OH",
        "decision-due --program commercial_plan --level internal_appeal --request-received 2026-03-03 "
        "--stage payment --multiemployer --board-meeting 2026-04-20 --levels one",
    ],
)
def test_an_option_that_the_answer_turns_on_is_not_called_unused(capsys, words):
    code, found = run(capsys, words)
    assert code == 0
    assert not any("Not used" in one for one in found["warnings"])


# ---- marks and sentences


@pytest.mark.parametrize(("name", "level"), LEVELS, ids=[f"{n} {one.id}" for n, one in LEVELS])
def test_every_step_of_a_date_has_its_mark_unless_it_is_a_safe_practice(name, level):
    if not level.filing:
        return
    found = asked(name, level.id, care="authorized" if name == "va_community_care" else None)
    marks = ["V", "V2", "M"]
    for step in found.steps:
        assert step.status in marks or step.citation == "safe practice of this toolkit"
    weakest = max((step.status for step in found.steps if step.status), key=marks.index)
    assert marks.index(found.status) >= marks.index(weakest)
    assert f"[{found.citation}; " in ledger_text(found)


def test_a_page_says_the_mark_of_the_rule_and_of_the_weakest_step():
    found = filing_deadline("original_medicare", "council_review", notice_date=date(2024, 10, 20))
    assert "mark V; the weakest mark of a step is M" in ledger_text(found)
    assert "the weakest mark of a step is M" in ledger_html(found)


def test_a_sentence_begins_with_a_capital_and_keeps_every_other_letter():
    assert capital("the HHS-administered process") == "The HHS-administered process"
    days = {"notice_date": date(2026, 3, 16)}
    found = filing_deadline("commercial_plan", "external_review", **days)
    assert any("The HHS-administered external review" in one for one in found.warnings)

"""What is given and does not fit: words, days, amounts and options, in Python, on the command line, in bulk."""

import json
from datetime import UTC, date, datetime

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
    standing,
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
        noted = any("rules on file do not settle" in one for one in found.warnings)
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
        with pytest.raises(RefusedError, match="Only the contracted provider") as refused:
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
        {"amount": "200"},
        {"amount": True},
        {"state_window": 100.5},
        {"last_outcome": "lost"},
        {"received": "2026-03-05"},
        {"effective_date": datetime(2026, 3, 5, 12, tzinfo=UTC)},
    ],
)
def test_a_word_or_an_amount_that_the_rules_do_not_know_is_a_usage_error(facts):
    with pytest.raises(UsageError):
        filing_deadline("original_medicare", "redetermination", notice_date=DAY, **facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"stage": "later"}, {"service": "x"}, {"levels": "three"}, {"state": "ZZ"},
        {"request_received": None}, {"request_received": "2026-03-03"}, {"case_file_date": "soon"},
    ],
)  # fmt: skip
def test_a_word_or_a_day_that_no_decision_clock_knows_is_a_usage_error(facts):
    with pytest.raises(UsageError):
        decision_due("original_medicare", "redetermination", **{"request_received": DAY} | facts)


@pytest.mark.parametrize("facts", [{"contracted": "maybe"}, {"outcome": "lost"}])
def test_a_word_that_the_next_step_does_not_know_is_a_usage_error(facts):
    with pytest.raises(UsageError, match=next(iter(facts))):
        next_step("original_medicare", notice_date=DAY, **facts)


@pytest.mark.parametrize(
    ("name", "level", "days"),
    [
        ("original_medicare", "redetermination", {"notice_date": date(2005, 10, 2)}),
        ("part_d", "redetermination", {"notice_date": date(2005, 10, 2)}),
        ("original_medicare", "qio_discharge",
         {"notice_date": date(2026, 3, 12), "effective_date": date(2026, 3, 10)}),
    ],
)  # fmt: skip
def test_a_refusal_never_repeats_a_day_of_the_claim(name, level, days):
    with pytest.raises(RefusedError) as refused:
        filing_deadline(name, level, **days)
    said = " ".join((str(refused.value), *refused.value.needs))
    assert not any(day.isoformat() in said for day in days.values())
    step = next_step(name, **{key: day for key, day in days.items() if key == "notice_date"})
    assert not any(day.isoformat() in step.gap for day in days.values())


def test_a_refusal_of_a_clock_never_repeats_a_day_of_the_claim():
    for facts in (
        {"request_received": date(2001, 3, 2)},
        {"request_received": date(2026, 3, 2), "plan_appeal_date": date(2026, 2, 2),
         "notice_date": date(2026, 1, 20)},
    ):  # fmt: skip
        with pytest.raises(RefusedError) as refused:
            decision_due("medicaid_managed_care", "state_fair_hearing", **facts)
        said = " ".join((str(refused.value), *refused.value.needs))
        assert not any(day.isoformat() in said for day in facts.values())


@pytest.mark.parametrize(("name", "level"), LEVELS)
def test_a_refusal_never_offers_a_filer_that_it_would_refuse(name, level):
    if not level.filing or level.always_expedited:
        return
    for stage in level.stages or STAGES:
        for filer in FILERS:
            found = standing(program(name), level.id, stage=stage, filer=filer)
            for way in found.way_on:
                for other in way.removeprefix("a filer who may: ").split(", "):
                    assert standing(program(name), level.id, stage=stage, filer=other).may_file


def test_too_little_in_dispute_names_the_way_on_and_ends_the_case():
    with pytest.raises(RefusedError) as refused:
        filing_deadline("tricare", "formal_review", notice_date=DAY, amount=20)
    assert refused.value.needs == ("claims that count together, of at least $50",)
    found = next_step(
        "tricare", contracted="not_contracted", last_level="reconsideration", filed=True,
        outcome="upheld", decided_on=DAY, amount=20,
    )  # fmt: skip
    assert (found.state, found.level) == ("no_appeal_right", "formal_review")


def test_from_memory_is_said_of_the_amounts_and_not_of_the_statute_that_asks_for_them():
    found = filing_deadline(
        "original_medicare", "judicial_review", notice_date=date(2022, 12, 1), amount=1760
    )
    (said,) = [one for one in found.warnings if "was entered from memory" in one]
    assert found.status == "M" and said.startswith("amounts in controversy of 2022 and 2023")


def test_a_board_s_meeting_of_another_plan_is_said_not_to_be_used(capsys):
    words = (
        "decision-due --program commercial_plan --level internal_appeal --stage payment --levels one "
        "--request-received 2026-03-02"
    )
    for more, said in (
        ("", False),
        (" --board-meeting 2026-04-13", True),
        (" --board-meeting 2026-04-13 --multiemployer", False),
    ):
        _, found = run(capsys, words + more)
        told = [one for one in found["warnings"] if one.startswith("The board's meeting is not")]
        assert bool(told) == said, more


def test_a_ladder_says_of_a_state_that_its_law_is_not_on_file(capsys):
    for where, says in (
        ("CA", "California: A deadline is computed only for states"),
        ("TX", "Texas: The HHS"),
    ):
        _, found = run(capsys, f"ladder --program commercial_plan --jurisdiction {where}")
        said = {level["id"]: level["of_state"] for level in found["levels"]}
        assert said["external_review"].startswith(says) and not said["internal_appeal"]
    for where in ("", " --jurisdiction NY"):
        _, found = run(capsys, f"ladder --program commercial_plan{where}")
        assert not any(level["of_state"] for level in found["levels"])


def test_a_ladder_says_for_which_plans_a_decision_clock_is(capsys):
    assert main("ladder --program commercial_plan".split()) == 0
    shown = capsys.readouterr().out
    for words in ("plans with one internal level", "plans with two internal levels",
                  "not a multiemployer plan", "decision in 5 calendar days",
                  "after: not decided in time"):  # fmt: skip
        assert words in shown
    assert main("ladder --program original_medicare".split()) == 0
    shown = capsys.readouterr().out
    assert "2 business days" in shown and "1 calendar day from" in shown
    assert "wiser" not in shown and "business_days" not in shown


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
        ({"notice_date": pd.Timestamp("2250-01-01")}, "too far in the past or future"),
        ({"notice_date": pd.Timestamp("1850-01-01")}, "too far in the past or future"),
        ({"notice_date": date(1985, 1, 1)}, "the rules on file begin"),
        ({"stage": "later"}, "the stage is not one of"),
        ({"notice_received": date(2026, 9, 1)}, "is before the notice date"),
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
    assert f"Not used: {said}. No rule of this level depends on it." in found["warnings"]


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
        "deadline --program fehb --level opm_review --notice-date 2026-03-03 --last-outcome missed",
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

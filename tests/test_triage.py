"""Triage: one row per denial, every answer asked once per distinct combination of facts."""

import stat
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from toolkit.claims.reading import read
from toolkit.claims.tables import DTYPES, Claims, concat, conform
from toolkit.errors import InputError, RefusedError, UsageError
from toolkit.hospital import Hospital, sample_hospital
from toolkit.hospital.hospital import SAMPLE_PAYERS as SAMPLE
from toolkit.hospital.payers import Payer, PayerBook, claim_filing_indicators, read_payers
from toolkit.law import Contract, dated, next_step
from toolkit.law.model import FilingRule, Span
from toolkit.worklist import DUE, WORKLIST, dollars, find_denial, summary, tally, write_worklist
from toolkit.worklist.files import arrow_of, arrow_schema, exact_dollars
from toolkit.worklist.keys import Coded, ask, coded, combined, keys_of, positions
from toolkit.worklist.questions import CLOCK_FACTS, Steps
from toolkit.worklist.table import WorklistColumn
from toolkit.worklist.triage import (
    brain,
    classified_adjustments,
    triage,
    triaged,
    triaged_with_comparison,
)

UNKNOWN = Hospital.unknown()

TODAY = date(2026, 11, 23)
MA = {"program": "medicare_advantage", "contracted": "not_contracted"}


def claims(*rows: dict) -> Claims:
    """One claim with one line a row; `adjustments` and `rarcs` hang on the line, events on the claim."""
    tables = {name: [] for name in ("claims", "claim_lines", "adjustments", "remarks", "events")}
    for number, row in enumerate(rows, 1):
        key, line = f"f-{number:06d}", f"f-{number:06d}-001"
        place = {"claim_key": key, "file_id": "f", "row": number + 1}
        names = {
            "patient_control_number": f"PCN{number}",
            "payer_claim_control_number": f"ICN{number}",
            "payer_name": "Plan A",
            "billed_cents": 10000,
            "paid_cents": 0,
        }
        own = {k: v for k, v in row.items() if k not in ("adjustments", "rarcs", "event", "line")}
        tables["claims"].append(place | names | own)
        tables["claim_lines"].append(
            place | {"line_key": line, "billed_cents": 10000, "paid_cents": 0} | row.get("line", {})
        )
        for at, (group, carc, cents) in enumerate(row.get("adjustments", [("CO", "50", 10000)])):
            tables["adjustments"].append(
                place
                | {
                    "adjustment_key": f"{key}-a{at}",
                    "line_key": line,
                    "adjustment_level": "line",
                    "group_code": group,
                    "carc": carc,
                    "amount_cents": cents,
                }
            )
        for rarc in row.get("rarcs", []):
            tables["remarks"].append(place | {"line_key": line, "rarc": rarc, "found_in": "LQ"})
        if "event" in row:
            tables["events"].append(place | row["event"])
    return Claims(
        claims=conform(_dates(tables["claims"]), "claims"),
        claim_lines=conform(_dates(tables["claim_lines"]), "claim_lines"),
        adjustments=conform(pd.DataFrame(tables["adjustments"]), "adjustments"),
        remark_codes=conform(pd.DataFrame(tables["remarks"]), "remark_codes"),
        appeal_events=conform(_dates(tables["events"]), "appeal_events"),
    )


def _dates(rows: list[dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for name in frame.columns:
        if name.endswith("_on") or name in ("notice_date", "notice_received", "remittance_date"):
            frame[name] = pd.to_datetime(frame[name])
    return frame


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("row", "due", "level"),
    [
        (MA | {"notice_date": ago(70)}, "overdue", "reconsideration"),
        (MA | {"notice_date": ago(63)}, "past_safe_date", "reconsideration"),
        (MA | {"notice_date": ago(56)}, "due_this_week", "reconsideration"),
        (MA | {"notice_date": ago(10)}, "due_later", "reconsideration"),
        (MA | {"remittance_date": ago(10)}, "due_later", "reconsideration"),
        (MA, "no_date", "reconsideration"),
        ({"notice_date": ago(10)}, "no_date", None),
        ({"program": "medicare_advantage", "notice_date": ago(10)}, "no_date", None),
        (
            {"program": "medicare_advantage", "contracted": "contracted", "notice_date": ago(9)},
            "no_date",
            "contract_dispute",
        ),
        (
            {"program": "original_medicare", "notice_date": ago(130)},
            "overdue",
            "redetermination",
        ),
        (
            {"program": "original_medicare", "notice_date": ago(124)},
            "due_this_week",
            "redetermination",
        ),
        (
            MA
            | {"notice_date": ago(40), "event": {"level": "reconsideration", "filed_on": ago(9)}},
            "awaiting_decision",
            "reconsideration",
        ),
        (
            MA
            | {
                "notice_date": ago(90),
                "event": {
                    "level": "reconsideration",
                    "filed_on": ago(80),
                    "decided_on": ago(9),
                    "outcome": "upheld",
                },
            },
            "nothing_to_file",
            "ire_review",
        ),
        (
            {
                "program": "original_medicare",
                "notice_date": ago(200),
                "event": {
                    "level": "redetermination",
                    "filed_on": ago(180),
                    "decided_on": ago(100),
                    "outcome": "upheld",
                },
            },
            "due_later",
            "reconsideration",
        ),
        (
            MA
            | {
                "notice_date": ago(90),
                "event": {
                    "level": "reconsideration",
                    "filed_on": ago(80),
                    "decided_on": ago(9),
                    "outcome": "overturned",
                },
            },
            "closed",
            "reconsideration",
        ),
        (MA | {"notice_date": ago(70), "case_status": "closed"}, "closed", "reconsideration"),
        (MA | {"notice_date": ago(10), "rarcs": ["MA130"]}, "no_appeal_right", "reconsideration"),
        (
            MA | {"notice_date": ago(10), "adjustments": [("PR", "204", 10000)]},
            "no_appeal_right",
            "reconsideration",
        ),
        (
            {
                "program": "original_medicare",
                "notice_date": ago(10),
                "adjustments": [("CO", "29", 10000)],
            },
            "no_appeal_right",
            None,
        ),
        ({"program": "workers_compensation", "notice_date": ago(10)}, "no_date", None),
        (
            {"notice_date": ago(30), "event": {"level": "reconsideration", "filed_on": ago(3)}},
            "awaiting_decision",
            "reconsideration",
        ),
    ],
)
def test_a_denial_is_in_the_due_state_that_its_facts_give(row, due, level):
    found = triage(claims(row), as_of=TODAY, hospital=UNKNOWN)
    assert len(found) == 1
    assert found["due"].iloc[0] == due
    assert (None if pd.isna(found["level"].iloc[0]) else found["level"].iloc[0]) == level
    assert (found["gap"].iloc[0] != "") == (due == "no_date")
    dated = due in ("overdue", "past_safe_date", "due_this_week", "due_later")
    assert found["file_by"].notna().iloc[0] == dated
    assert due in DUE


def test_due_today_is_not_overdue_and_the_day_after_is():
    found = triage(
        claims(MA | {"notice_date": date(2026, 9, 18)}), as_of=date(2026, 11, 22), hospital=UNKNOWN
    )
    assert found["last_filing_date"].iloc[0] == pd.Timestamp("2026-11-22")
    assert found["due"].iloc[0] == "past_safe_date"
    later = triage(claims(MA | {"notice_date": date(2026, 9, 18)}), as_of=TODAY, hospital=UNKNOWN)
    assert later["due"].iloc[0] == "overdue"


def test_the_export_s_notice_comes_before_the_remittance():
    row = MA | {"notice_date": ago(20), "remittance_date": ago(50), "notice_received": ago(18)}
    found = triage(claims(row), as_of=TODAY, hospital=UNKNOWN).iloc[0]
    assert (found["notice_from"], found["notice_date"]) == ("notice_date", pd.Timestamp(ago(20)))
    assert found["last_filing_date"] == pd.Timestamp(ago(18) + timedelta(days=60))


def test_the_decision_starts_the_next_clock():
    event = {
        "level": "reconsideration",
        "filed_on": ago(80),
        "decided_on": ago(9),
        "outcome": "dismissed",
    }
    found = triage(
        claims(MA | {"notice_date": ago(100), "event": event}), as_of=TODAY, hospital=UNKNOWN
    ).iloc[0]
    assert (found["level"], found["notice_from"]) == ("dismissal_review", "decided_on")
    assert found["notice_date"] == pd.Timestamp(ago(9))


def test_the_open_negotiation_notice_starts_the_clock_of_idr_not_the_end_of_the_negotiation():
    event = {
        "level": "open_negotiation",
        "filed_on": date(2026, 3, 10),
        "decided_on": date(2026, 4, 21),
        "outcome": "upheld",
    }
    row = {"program": "no_surprises", "contracted": "not_contracted", "notice_date": ago(400)}
    found = triage(claims(row | {"event": event}), as_of=TODAY, hospital=UNKNOWN).iloc[0]
    assert (found["level"], found["notice_from"]) == ("idr_initiation", "filed_on")
    assert found["notice_date"] == pd.Timestamp("2026-03-10")
    assert found["last_filing_date"] == pd.Timestamp("2026-04-24")
    unsent = row | {"event": event | {"filed_on": None}}
    found = triage(claims(unsent), as_of=TODAY, hospital=UNKNOWN).iloc[0]
    assert (found["due"], found["level"]) == ("no_date", "idr_initiation")
    assert found["gap"].startswith("the date of the last filing is missing")


def test_a_line_has_one_row_with_its_largest_reason_and_its_dollars_once():
    row = MA | {
        "notice_date": ago(10),
        "adjustments": [("CO", "45", 2000), ("CO", "16", 3000), ("CO", "50", 5000)],
    }
    found = triage(claims(row), as_of=TODAY, hospital=UNKNOWN)
    assert len(found) == 1
    first = found.iloc[0]
    assert (first["carc"], first["denied_cents"], first["other_reasons"]) == ("50", 8000, "CO-16")


def test_equal_amounts_go_to_the_reason_that_ranks_first():
    row = {"adjustments": [("CO", "50", 4000), ("CO", "29", 4000)]}
    assert (
        triage(claims(row), as_of=TODAY, hospital=UNKNOWN)["denial_category"].iloc[0]
        == "timely_filing"
    )


def test_cost_share_and_contractual_write_offs_are_no_denials():
    row = {"paid_cents": 5000, "adjustments": [("PR", "1", 3000), ("CO", "45", 2000)]}
    assert triage(claims(row), as_of=TODAY, hospital=UNKNOWN).empty


def test_an_unpaid_line_with_only_a_contractual_adjustment_is_looked_at():
    found = triage(claims({"adjustments": [("CO", "45", 10000)]}), as_of=TODAY, hospital=UNKNOWN)
    assert found["reason"].tolist() == ["possible_underpayment"]


def test_a_denied_claim_without_an_adjustment_is_not_lost():
    row = MA | {"claim_status": "4", "adjustments": [], "notice_date": ago(10)}
    found = triage(claims(row), as_of=TODAY, hospital=UNKNOWN).iloc[0]
    assert (found["denial_category"], found["decided_by"]) == ("unclassified", "claim status 4")
    assert found["denied_cents"] == 10000


def test_a_reversal_takes_back_the_claim_before_it_and_the_correction_stands():
    same = {"payer_claim_control_number": "X", "patient_control_number": "P"}
    taken_back = same | {"remittance_date": ago(60)}
    reversal = same | {"remittance_date": ago(30), "is_reversal": True, "billed_cents": -10000}
    correction = same | {"remittance_date": ago(30)}
    found = triage(claims(taken_back, reversal, correction), as_of=TODAY, hospital=UNKNOWN)
    assert found["claim_key"].tolist() == ["f-000003"]
    alone = triage(claims(reversal, correction), as_of=TODAY, hospital=UNKNOWN)
    assert alone["claim_key"].tolist() == ["f-000002"]


def test_dollars_are_split_by_adjustment_and_never_repeated():
    rows = [
        {"adjustments": [("CO", "45", 2000), ("CO", "16", 3000), ("CO", "50", 5000)]},
        {"adjustments": [("PR", "1", 500), ("CO", "197", 9500)]},
    ]
    made = claims(*rows)
    by_adjustment = classified_adjustments(made, hospital=UNKNOWN)
    assert by_adjustment["amount_cents"].sum() == 20000
    denied = by_adjustment.loc[by_adjustment["is_denial"], "amount_cents"].sum()
    assert denied == triage(made, as_of=TODAY, hospital=UNKNOWN)["denied_cents"].sum() == 17500


def test_no_claims_give_an_empty_worklist_with_every_column():
    found = triage(Claims(), as_of=TODAY, hospital=UNKNOWN)
    assert found.empty and list(found) == [c.name for c in WORKLIST]
    assert summary(tally(found), findings=0)["denials"] == 0


def test_a_question_is_asked_once_per_distinct_key():
    asked = []

    def question(code, day):
        asked.append((code, day))
        return {"answer": f"{code}/{day}"}

    frame = pd.DataFrame(
        {"code": ["a", None, "a", None], "day": pd.to_datetime(["2026-01-01", None] * 2)},
        index=[7, 8, 9, 10],
    )
    found = ask(frame, ["code", "day"], question)
    assert asked == [("a", date(2026, 1, 1)), (None, None)]
    assert found["answer"].tolist() == ["a/2026-01-01", "None/None"] * 2
    assert found.index.tolist() == [7, 8, 9, 10]


def test_the_bulk_answer_is_the_scalar_answer():
    rows = [
        {
            "program": name,
            "contracted": status,
            "notice_date": ago(days),
            "stage": stage,
        }
        for name in ("original_medicare", "medicare_advantage", "part_d")
        for status in ("contracted", "not_contracted")
        for stage in ("payment", "pre_service")
        for days in (3, 61, 130)
    ]
    found = triage(claims(*rows), as_of=TODAY, hospital=UNKNOWN)
    for row, (_, got) in zip(rows, found.iterrows(), strict=True):
        step = next_step(
            row["program"],
            stage=row["stage"],
            contracted=row["contracted"],
            notice_date=row["notice_date"],
            denial_category="medical_necessity",
        )
        if step.state == "file":
            assert got["file_by"] == pd.Timestamp(step.deadline.file_by)
            assert got["last_filing_date"] == pd.Timestamp(step.deadline.last_filing_date)
        else:
            assert pd.isna(got["file_by"])
        assert got["gap"] == step.gap


# ---- whose claim it is


def test_a_payer_s_name_alone_never_gives_a_program():
    found = PayerBook(()).answer(
        indicator=None,
        stated_program=None,
        stated_contracted=None,
        payer_id=None,
        payer_name="Medicare Advantage of Ohio",
        plan_name="Medicare Part A",
    )
    assert found.program is None and "payers.csv" in found.gap


@pytest.mark.parametrize(
    ("exported", "listed", "program", "stated_in"),
    [
        ("commercial_plan", "no_surprises", "no_surprises", "payers.csv"),
        ("fehb", "no_surprises", "no_surprises", "payers.csv"),
        ("no_surprises", "commercial_plan", "no_surprises", "export"),
        ("medicare_advantage", "no_surprises", None, ""),
    ],
)
def test_the_no_surprises_act_goes_before_the_plan_whose_claim_it_governs(
    exported, listed, program, stated_in
):
    found = PayerBook((Payer(payer_name="Plan A", program=listed),)).answer(
        indicator=None,
        stated_program=exported,
        stated_contracted="not_contracted",
        payer_id=None,
        payer_name="Plan A",
        plan_name=None,
    )
    assert (found.program, found.program_from) == (program, stated_in)
    assert bool(found.gap) == (program is None)


def test_the_row_for_the_plan_comes_before_the_row_for_the_payer():
    book = PayerBook(
        (
            Payer(payer_name="Plan A", program="commercial_plan", contracted="contracted"),
            Payer(payer_name="Plan A", plan_name="Gold MA", program="medicare_advantage"),
        )
    )
    ask_plan = {"indicator": None, "stated_program": None, "stated_contracted": None}
    one = book.answer(**ask_plan, payer_id=None, payer_name="PLAN-A", plan_name="gold ma")
    other = book.answer(**ask_plan, payer_id=None, payer_name="Plan A", plan_name=None)
    assert (one.program, other.program) == ("medicare_advantage", "commercial_plan")


def test_two_sources_that_disagree_give_a_gap_and_no_date():
    payers = (Payer(payer_name="Plan A", program="medicare_advantage", contracted="contracted"),)
    made = claims({"claim_filing_indicator": "MB", "notice_date": ago(10)})
    found = triage(made, as_of=TODAY, hospital=replace(UNKNOWN, payers=payers)).iloc[0]
    assert found["due"] == "no_date" and pd.isna(found["program"])
    assert "claim_filing_indicator and payers.csv name different programs" in found["gap"]


def test_the_claim_filing_indicator_states_a_program_or_says_what_it_is():
    found = triage(
        claims({"claim_filing_indicator": "MB", "notice_date": ago(10)}),
        as_of=TODAY,
        hospital=UNKNOWN,
    )
    assert found["program"].tolist() == ["original_medicare"]
    found = triage(
        claims({"claim_filing_indicator": "HM", "notice_date": ago(10)}),
        as_of=TODAY,
        hospital=UNKNOWN,
    )
    assert "health maintenance organization" in found["gap"].iloc[0]
    assert len(claim_filing_indicators()) > 15


def test_the_sample_payer_table_reads():
    assert len(sample_hospital().payers) > 5


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("P1,Plan A,,no_such_program,yes,,,", "row 2, program"),
        ("P1,Plan A,,part_d,perhaps,,,", "row 2, contracted"),
        ("P1,Plan A,,part_d,yes,partly,,", "row 2, funding"),
        ("P1,Plan A,,part_d,yes,,,lately", "row 2, address_verified_on"),
        (",,,part_d,yes,,,", "row 2: has no payer"),
        ("P1,Plan A,,part_d,yes,,,\nP1,Plan B,,part_d,yes,,,", "row 3: the same payer"),
    ],
)
def test_a_payer_table_with_a_mistake_says_the_row_and_the_column(tmp_path, row, problem):
    path = tmp_path / "payers.csv"
    head = "payer_id,payer_name,plan_name,program,contracted,funding,appeals_address,"
    path.write_text(f"{head}address_verified_on\n{row}\n")
    with pytest.raises(InputError, match=problem) as error:
        read_payers(path)
    assert "Plan A" not in str(error.value)


# ---- the worklist's files


def test_a_worklist_file_is_private_exact_and_free_of_formulas(tmp_path):
    made = claims(
        MA | {"notice_date": ago(10), "payer_name": "=1+1", "adjustments": [("CO", "50", 123456)]}
    )
    found = triage(made, as_of=TODAY, hospital=UNKNOWN)
    for suffix in (".csv", ".parquet"):
        path = write_worklist(found, tmp_path / f"w{suffix}")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    csv = pd.read_csv(tmp_path / "w.csv", dtype=str).iloc[0]
    assert (csv["denied"], csv["payer_name"], csv["file_by"][:2]) == ("1234.56", "'=1+1", "20")
    parquet = pd.read_parquet(tmp_path / "w.parquet").iloc[0]
    assert parquet["denied"] == Decimal("1234.56") and parquet["payer_name"] == "=1+1"
    assert not list(tmp_path.glob(".*"))


def test_a_worklist_goes_to_no_other_kind_of_file(tmp_path):
    with pytest.raises(UsageError):
        write_worklist(triage(Claims(), as_of=TODAY, hospital=UNKNOWN), Path(tmp_path / "w.txt"))


def test_a_denial_is_found_by_its_keys_and_its_numbers_and_never_repeated_in_a_message():
    made = claims(MA, MA | {"patient_control_number": "TWICE"}, {"patient_control_number": "TWICE"})
    found = triage(made, as_of=TODAY, hospital=UNKNOWN)
    assert find_denial(found, "PCN1") == find_denial(found, "f-000001") == "f-000001-001"
    with pytest.raises(RefusedError) as refused:
        find_denial(found, "TWICE")
    assert len(refused.value.needs) == 2 and "TWICE" not in str(refused.value)
    with pytest.raises(UsageError) as error:
        find_denial(found, "SECRET-NUMBER")
    assert "SECRET" not in str(error.value)


def test_the_summary_adds_up():
    rows = [MA | {"notice_date": ago(days)} for days in (3, 63, 70)] + [{}]
    made = claims(*rows, {"adjustments": [("CO", "ZZ9", 700)]})
    found = triage(made, as_of=TODAY, hospital=UNKNOWN)
    told = summary(tally(found), findings=len(made.findings))
    assert sum(one["denials"] for one in told["by_due"].values()) == told["denials"] == 5
    cents = sum(Decimal(one["denied"]) for one in told["by_due"].values())
    assert cents == Decimal(told["denied"]) == Decimal("407.00")
    assert [one["code"] for one in told["unclassified"]] == ["CO-ZZ9"]


def test_dollars_are_exact():
    assert [dollars(n) for n in (0, 5, -5, 123456, None)] == [
        "0.00",
        "0.05",
        "-0.05",
        "1234.56",
        "",
    ]


def test_triage_leaves_its_input_as_it_was():
    made = claims(MA | {"notice_date": ago(10)})
    before = replace(made, claims=made.claims.copy(), adjustments=made.adjustments.copy())
    triage(made, as_of=TODAY, hospital=UNKNOWN)
    pd.testing.assert_frame_equal(made.claims, before.claims)
    pd.testing.assert_frame_equal(made.adjustments, before.adjustments)


def test_a_file_given_twice_counts_once_and_is_said():
    once = read(SAMPLE.parent / "exports" / "generic.csv")
    twice = concat([once, once])
    assert len(twice.claims) == len(once.claims)
    assert twice.findings["code"].tolist()[-1] == "file_given_twice"
    assert len(twice.findings) == len(once.findings) + 1


def test_the_contract_of_the_payer_dates_a_contracted_denial():
    terms = Contract(
        contract="Agreement",
        payer_name="plan a",
        program="medicare_advantage",
        level="contract_dispute",
        filing=(
            FilingRule(
                applies_from=date(2024, 1, 1),
                window=Span(count=90, unit="days"),
                starts="notice",
                filed_when="received",
                citation="Agreement, section 7.3",
                source="the signed agreement",
                verified_on="2026-11-02",
                status="V",
            ),
        ),
    )
    row = MA | {"contracted": "contracted", "notice_date": ago(30)}
    made = claims(row, row | {"payer_name": "Plan B"})
    found = triage(made, as_of=TODAY, hospital=replace(UNKNOWN, contracts=(terms,)))
    assert found["due"].tolist() == ["due_later", "no_date"]
    assert found["citation"].iloc[0] == "Agreement, section 7.3"
    assert found["route"].tolist() == ["contract_dispute"] * 2


def test_the_state_s_window_is_entered_once_in_the_payer_table():
    event = {
        "level": "appeal",
        "filed_on": ago(60),
        "decided_on": ago(20),
        "outcome": "upheld",
    }
    row = {"program": "medicaid_managed_care", "notice_date": ago(90), "event": event}
    found = triage(claims(row), as_of=TODAY, hospital=UNKNOWN).iloc[0]
    assert found["due"] == "no_date" and "payers.csv" in found["gap"]
    payers = (Payer(payer_name="Plan A", program="medicaid_managed_care", state_window=120),)
    found = triage(claims(row), as_of=TODAY, hospital=replace(UNKNOWN, payers=payers)).iloc[0]
    assert found["last_filing_date"] == pd.Timestamp(ago(20) + timedelta(days=120))


def test_a_payer_table_without_the_optional_column_reads_and_a_bad_window_is_told(tmp_path):
    path = tmp_path / "payers.csv"
    head = "payer_id,payer_name,plan_name,program,contracted,funding,appeals_address,"
    path.write_text(f"{head}address_verified_on,state_window\nP1,A,,tricare,yes,,,,ninety\n")
    with pytest.raises(InputError, match="row 2, state_window"):
        read_payers(path)


def test_a_folder_or_a_pattern_is_read_and_its_broken_files_are_left_out_and_told(tmp_path):
    good = SAMPLE.parent / "exports" / "generic.csv"
    (tmp_path / "a.csv").write_bytes(good.read_bytes())
    (tmp_path / "b.csv").write_bytes(b"")
    (tmp_path / ".hidden.csv").write_bytes(b"x")
    (tmp_path / "deep").mkdir()
    remit = SAMPLE.parent / "remits" / "quirks" / "q01_baseline.835"
    (tmp_path / "deep" / "c.835").write_bytes(remit.read_bytes())
    found = read(tmp_path)
    assert set(found.files["file"]) == {"a.csv", "c.835"}
    left_out = found.findings[found.findings["code"].eq("file_not_read")]
    assert left_out["file"].tolist() == ["b.csv"] and "empty" in left_out["says"].iloc[0]
    assert read(tmp_path / "*.csv").files["file"].tolist() == ["a.csv"]


def test_a_file_that_was_named_stops_the_reading_and_an_empty_folder_says_so(tmp_path):
    (tmp_path / "b.csv").write_bytes(b"")
    for path in (tmp_path / "b.csv", tmp_path, tmp_path / "*.parquet"):
        with pytest.raises(InputError):
            read(path)


# --- by numbers, and over parts ------------------------------------------------------------------

MIXED = [
    MA | {"notice_date": ago(10), "rarcs": ["N115", "M76"]},
    {"program": "original_medicare", "remittance_date": ago(70), "stage": "pre_service"},
    MA | {"adjustments": [("CO", "197", 4000), ("PR", "50", 6000), (None, "16", 6000)]},
    {"program": "part_d", "event": {"level": "redetermination", "filed_on": ago(9)}},
    {"claim_status": "4", "adjustments": []},
    MA | {"adjustments": [("CO", "18", 10000)], "member_id": "M1", "case_status": "closed"},
    {"adjustments": [("CO", "45", 10000)]},
    {"adjustments": [("CO", "ZZ9", None)], "payer_name": "Plan B", "notice_date": ago(40)},
]


def piece(made: Claims, keys: list[str]) -> Claims:
    """The claims of these keys, and what hangs on them."""
    tables = ("claims", "claim_lines", "adjustments", "remark_codes", "appeal_events")
    held = {name: getattr(made, name) for name in tables}
    return Claims(
        **{name: t[t["claim_key"].isin(keys)].reset_index(drop=True) for name, t in held.items()}
    )


def test_parts_triaged_with_one_brain_are_the_whole_and_nothing_is_asked_twice(monkeypatch):
    made = claims(*MIXED, *MIXED[::-1])
    whole = triage(made, as_of=TODAY, hospital=UNKNOWN)
    questions = brain(as_of=TODAY, hospital=UNKNOWN)
    asked = []
    for name in ("payer", "code", "contract", "clock", "dated", "answer"):
        memory = questions.memory(name)

        def heard(question=memory._question, name=name, **facts):
            asked.append((name, *facts.values()))
            return question(**facts)

        monkeypatch.setattr(memory, "_question", heard)
    keys = made.claims["claim_key"].tolist()
    for size in (3, 5, len(keys)):
        parts = [
            triaged(piece(made, keys[at : at + size]), questions)
            for at in range(0, len(keys), size)
        ]
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole)
    assert len(asked) == len(set(asked)) > 10


def test_a_memory_that_begins_again_answers_the_same(monkeypatch):
    made = claims(*MIXED)
    whole = triage(made, as_of=TODAY, hospital=UNKNOWN)
    monkeypatch.setattr("toolkit.worklist.memory._REMEMBERED", 2)
    monkeypatch.setattr("toolkit.worklist.memory._REMEMBERED_TEXTS", 0)
    monkeypatch.setattr("toolkit.worklist.memory._REMEMBERED_STEPS", 2)
    questions = brain(as_of=TODAY, hospital=UNKNOWN)
    for _ in range(3):
        pd.testing.assert_frame_equal(triaged(made, questions), whole)
    for key in made.claims["claim_key"]:
        mine = whole[whole["claim_key"].eq(key)].reset_index(drop=True)
        pd.testing.assert_frame_equal(triaged(piece(made, [key]), questions), mine)


def test_categories_hold_the_same_texts_and_each_text_once():
    made = claims(*MIXED)
    whole = triage(made, as_of=TODAY, hospital=UNKNOWN)
    found = triaged(made, brain(as_of=TODAY, hospital=UNKNOWN), categories=True)
    texts = {column.name for column in WORKLIST if column.kind == "text"}
    keys = {"denial_key", "claim_key", "line_key"}
    numbers = {"patient_control_number", "payer_claim_control_number"}
    assert set(found.select_dtypes("category")) == texts - keys - numbers
    for name in found.select_dtypes("category"):
        assert set(found[name].cat.categories) == set(whole[name].dropna())
        assert found[name].cat.categories.is_unique
    pd.testing.assert_frame_equal(found.astype(whole.dtypes.to_dict()), whole)


def test_a_column_that_the_table_declares_needs_no_other_list(monkeypatch):
    waits = {"level": "redetermination", "filed_on": ago(9), "received_on": ago(8)}
    made = claims(MA, {"program": "original_medicare", "member_id": "M1", "event": waits})
    declared = {
        "member_id": ("text", "claim"),
        "received_on": ("date", "appeal"),
        "jurisdiction": ("text", "payer"),
        "rank": ("count", "code"),
        "from_decision": ("flag", "step"),
        "waits": ("text", "state"),
    }
    more = [WorklistColumn(name, kind, "", source=of) for name, (kind, of) in declared.items()]
    monkeypatch.setattr("toolkit.worklist.triage.WORKLIST", (*WORKLIST, *more))
    found = triage(made, as_of=TODAY, hospital=UNKNOWN)
    assert list(found.columns[-len(more) :]) == list(declared)
    assert found["member_id"].tolist()[1] == "M1"
    assert found["received_on"].isna().tolist() == [True, False]
    assert found["received_on"].dt.date.tolist()[1] == waits["received_on"]
    assert found["jurisdiction"].isna().all() and found["rank"].gt(0).all()
    assert not found["from_decision"].any()
    assert found["waits"].str.startswith("decision due").tolist() == [False, True]


def test_a_part_s_table_holds_what_its_frame_does():
    made = claims(*MIXED, {"billed_cents": -1, "line": {"billed_cents": None}})
    listed, _, _ = triaged_with_comparison(made, brain(as_of=TODAY, hospital=UNKNOWN))
    table, of_frame = listed.table(), arrow_of(listed.frame())
    assert table.cast(of_frame.schema).equals(of_frame)
    assert of_frame.schema.equals(arrow_schema())
    assert Decimal("-0.01") in table["billed"].to_pylist()


def test_cents_become_exact_dollars_with_their_sign_and_what_is_missing():
    cents = pa.array([7, None, -1, 12_345, 10**17])
    exact = [None, Decimal("-0.01"), Decimal("123.45"), Decimal(10**15)]
    assert exact_dollars(cents[1:]).to_pylist() == exact
    with pytest.raises(OverflowError):
        exact_dollars(pa.array([-(10**18)]))


def test_a_part_is_answered_by_its_own_answers_alone():
    questions = brain(as_of=TODAY, hospital=UNKNOWN)

    def answers(*values: str) -> tuple[list, int]:
        facts = {key: Coded(np.full(len(values), -1), []) for key in questions.code.keys}
        facts["carc"] = Coded(np.arange(len(values)), list(values))
        found = questions.ask("code", facts)
        return found.of("decided_by").plain(), len(found.table["decided_by"].values)

    every, many = answers("50", "29", "197", "16")
    assert many == len(set(every)) > 1
    assert answers("29") == ([every[1]], 1)


def test_the_lines_of_a_claim_stand_in_the_order_of_their_keys():
    made = claims(*({"notice_date": ago(10)} for _ in range(13)), MA)
    lines = made.claim_lines.assign(
        claim_key=["f-000001"] * 13 + ["f-000014"],
        line_key=[f"f-000001-{n + 1}" for n in range(13)] + ["f-000014-1"],
    )
    adjustments = made.adjustments.assign(
        claim_key=lines["claim_key"], line_key=lines["line_key"].where(lines.index != 5)
    )
    moved = replace(made, claim_lines=lines, adjustments=adjustments)
    found = triage(moved, as_of=TODAY, hospital=UNKNOWN)
    first = found["claim_key"].eq("f-000001")
    keys = found.loc[first, "denial_key"].tolist()
    assert keys == sorted(keys) and len(keys) == 13
    assert "f-000001-c" in keys and keys.index("f-000001-10") < keys.index("f-000001-2")
    assert found["denial_key"].iloc[-1] == "f-000014-1"


def test_an_adjustment_whose_line_or_claim_is_in_no_table_is_not_lost():
    made = claims({"notice_date": ago(10)}, {"notice_date": ago(10)}, {})
    adjustments = made.adjustments.assign(
        line_key=["f-000001-009", "f-000002-001", None], claim_key=["f-000001", "f-000002", "gone"]
    )
    found = triage(replace(made, adjustments=adjustments), as_of=TODAY, hospital=UNKNOWN)
    assert found["denial_key"].tolist() == ["f-000001-009", "f-000002-001", "gone-c"]
    assert found["denied_cents"].tolist() == [10000] * 3
    assert found["billed_cents"].isna().tolist() == [False, False, True]
    assert found["due"].iloc[2] == "no_date" and pd.isna(found["program"].iloc[2])


def test_the_order_of_the_tables_below_the_claims_changes_no_row():
    made = claims(*MIXED)
    tables = ("claim_lines", "remark_codes", "appeal_events")
    turned = replace(made, **{n: getattr(made, n)[::-1].reset_index(drop=True) for n in tables})
    pd.testing.assert_frame_equal(
        triage(turned, as_of=TODAY, hospital=UNKNOWN), triage(made, as_of=TODAY, hospital=UNKNOWN)
    )


def test_a_key_has_its_place_among_the_known_ones_in_whatever_order_they_come():
    known = keys_of(pd.Series(["a", "b", "c", "d"], dtype="str"))
    for keys, expected in [
        (["a", "a", "b", "c", "c", "d"], [0, 0, 1, 2, 2, 3]),
        (["d", "a", "a"], [3, 0, 0]),
        (["a", None, "z"], [0, -1, -1]),
        (["z", "a"], [-1, 0]),
        ([], []),
    ]:
        assert positions(keys_of(pd.Series(keys, dtype="str")), known).tolist() == expected


@pytest.mark.parametrize("width", [1, 40, 4000])
def test_a_combination_has_one_number_however_many_columns_there_are(width):
    dice = np.random.default_rng(width)
    columns = [Coded(dice.integers(-1, width, 300), range(width)) for _ in range(17)]
    number, first = combined(columns)
    rows = list(zip(*(column.code.tolist() for column in columns), strict=True))
    seen: dict[tuple, int] = {}
    assert number.tolist() == [seen.setdefault(row, len(seen)) for row in rows]
    assert first.tolist() == [rows.index(row) for row in seen]


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("text", pd.Series(["b", None, "a", "b", ""], dtype="str")),
        ("text", pd.Series(["b", None, "a", "b", ""], dtype="category")),
        ("date", pd.Series(pd.to_datetime(["2026-01-02", None, "1950-12-31"])).astype(DTYPES["date"])),
        ("count", pd.Series([3, None, -1, 3], dtype="Int64")),
        ("flag", pd.Series([True, None, False], dtype="boolean")),
    ],
)  # fmt: skip
def test_a_column_by_numbers_is_written_out_as_it_was(kind, column):
    found = coded(column)
    assert len(set(found.values)) == len(found.values)
    written = pd.Series(found.array(kind))
    pd.testing.assert_series_equal(written, column.astype(DTYPES[kind]))
    turned = np.array([-1, *range(len(column))[::-1]])
    there = pd.Series(found.take(turned).array(kind))
    expected = column.astype(DTYPES[kind]).reindex(turned).reset_index(drop=True)
    pd.testing.assert_series_equal(there, expected)


def test_a_remark_of_the_no_surprises_act_opens_its_negotiation():
    who = {
        "program": "commercial_plan",
        "contracted": "not_contracted",
        "notice_date": "2026-11-02",
        "notice_received": "2026-11-02",
    }
    made = claims(who | {"rarcs": ["N876"]}, who | {"rarcs": ["N115"]})
    found = triage(made, as_of=date(2026, 11, 27), hospital=Hospital.unknown())
    assert found["level"].tolist() == ["open_negotiation", "internal_appeal"]
    # 30 business days, the day of receipt the first; Veterans Day and Thanksgiving do not count
    assert str(found["last_filing_date"].iloc[0])[:10] == "2026-12-15"


def test_a_review_that_is_filed_with_the_plan_starts_its_decision_clock_at_the_reviewer():
    plan = {"program": "commercial_plan", "contracted": "not_contracted"}
    made = claims(
        plan | {"event": {"level": "external_review", "filed_on": "2026-10-01"}},
        {
            "program": "original_medicare",
            "event": {"level": "redetermination", "filed_on": "2026-10-01"},
        },
    )
    found = triage(made, as_of=date(2026, 11, 27), hospital=Hospital.unknown())
    assert found["state"].tolist() == ["awaiting_decision"] * 2
    assert found["decision_due"].isna().tolist() == [True, False]
    assert "receives it; record that day" in found["why"].iloc[0]


ACT = {"program": "commercial_plan", "contracted": "not_contracted", "notice_date": "2026-11-02",
       "notice_received": "2026-11-02", "paid_cents": 4000, "rarcs": ["N877"],
       "line": {"paid_cents": 4000}, "adjustments": [("CO", "45", 5000), ("PR", "2", 1000)]}  # fmt: skip


def test_an_initial_payment_under_the_no_surprises_act_is_a_row_without_denied_dollars():
    denied = ACT | {"paid_cents": 0, "line": {"paid_cents": 0}, "rarcs": ["N876"],
                    "adjustments": [("CO", "50", 10000)]}  # fmt: skip
    made = claims(
        ACT,
        denied,
        ACT | {"contracted": "contracted"},
        ACT | {"program": "original_medicare"},
        ACT | {"rarcs": ["N115"]},
        ACT | {"adjustments": [("PR", "1", 6000)]},
        ACT | {"program": "fehb", "contracted": None, "rarcs": ["N115", "N877"]},
        ACT | {"adjustments": [("CO", "45", 2000), ("CO", "50", 4000)]},
        ACT | {"rarcs": ["N864"], "program": "no_surprises"},
        ACT | {"rarcs": ["N864", "N871"]},
    )
    found = triage(made, as_of=date(2026, 11, 27), hospital=UNKNOWN)
    assert found["claim_key"].str[-1].tolist() == ["1", "2", "7", "8", "9"]
    assert found["level"].tolist() == ["open_negotiation"] * 5
    assert {str(day)[:10] for day in found["last_filing_date"]} == {"2026-12-15"}
    assert found["denied_cents"].isna().tolist() == [True, False, True, False, True]
    assert found["denied_cents"].sum() == 14_000
    first = found.iloc[0]
    assert (first["denial_category"], first["reason"]) == ("pricing", "initial_payment")
    assert (first["carc"], first["route"], first["due"]) == ("45", "appeal", "due_later")
    assert "no amount is denied: $40.00 was paid of a charge of $100.00" in first["why"]
    assert "no amount is denied" not in found["why"].iloc[1]
    counted = summary(tally(found), findings=0)
    assert (counted["denied"], counted["without_amount"]) == ("140.00", 3)


def test_an_initial_payment_leaves_what_was_denied_before_as_it_stood():
    same = {"payer_claim_control_number": "X", "patient_control_number": "P"}
    before = ACT | same | {
        "remittance_date": "2026-09-01", "notice_date": None, "notice_received": None,
        "paid_cents": 0, "line": {"paid_cents": 0}, "rarcs": [],
        "adjustments": [("CO", "197", 10000)],
    }  # fmt: skip
    paid = (
        ACT | same | {"remittance_date": "2026-10-05", "notice_date": None, "notice_received": None}
    )
    plain = triage(claims(before, paid | {"rarcs": []}), as_of=TODAY, hospital=UNKNOWN)
    found = triage(claims(before, paid), as_of=TODAY, hospital=UNKNOWN)
    old = found[found["carc"].eq("197")]
    pd.testing.assert_frame_equal(old.reset_index(drop=True), plain, check_dtype=False)
    assert old["state"].tolist() == ["paid_later"]
    new = found[found["carc"].eq("45")].iloc[0]
    assert (new["state"], new["due"], new["level"]) == ("open", "overdue", "open_negotiation")
    # a later final payment settles it, and a payment that was taken back is gone
    final = ACT | same | {"remittance_date": "2026-11-05", "rarcs": ["N875"], "notice_date": None,
                          "notice_received": None, "paid_cents": 9000, "line": {"paid_cents": 9000},
                          "adjustments": [("PR", "2", 1000)]}  # fmt: skip
    settled = triage(claims(paid, final), as_of=TODAY, hospital=UNKNOWN)
    assert settled["due"].tolist() == ["closed"]
    reversal = same | {"remittance_date": "2026-11-05", "is_reversal": True, "billed_cents": -10000,
                       "paid_cents": -4000, "adjustments": []}  # fmt: skip
    gone = triage(claims(paid, reversal), as_of=TODAY, hospital=UNKNOWN)
    assert gone[["due", "state"]].to_numpy().tolist() == [["closed", "reversed"]]


def test_a_clock_on_which_nobody_may_file_is_asked_once_whatever_the_day(monkeypatch):
    asked = []

    def heard(clock, day, *days, **more):
        asked.append(day)
        return dated(clock, day, *days, **more)

    monkeypatch.setattr("toolkit.worklist.questions.dated", heard)
    steps = Steps(UNKNOWN, as_of=TODAY)
    facts = dict.fromkeys(CLOCK_FACTS) | {"filed": False, "stage": "payment"}
    facts |= {"program": "medicare_advantage", "denial_category": "", "nature": ""}
    refused, open_ = (
        steps.clock.of(**facts | {"contracted": status})["clock"]
        for status in ("contracted", "not_contracted")
    )
    days = [date(2026, 1, 5) + timedelta(n) for n in range(20)]
    first, *others = (steps.dated.of(refused, day, None, None)["step"] for day in days)
    assert set(others) == {first} and len(asked) == 1
    assert len({steps.dated.of(open_, day, None, None)["step"] for day in days}) == len(days)
    # A day that no claim can have, and a receipt before its notice, are asked for themselves.
    for day, received in ((date(2300, 1, 5), None), (days[1], days[0]), (None, None)):
        assert steps.dated.of(refused, day, received, None)["step"] != first

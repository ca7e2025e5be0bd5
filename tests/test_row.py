"""The row is the row: worklist, desk, its ledger, and report say the same of every denial."""

from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from toolkit.bulk import Book, gather, triage_book
from toolkit.cases import CaseStore, Fact, case_from, one_history, record_event, recorded_at
from toolkit.claims import read
from toolkit.desk.case_view import files_of, look_at
from toolkit.desk.caseload import open_caseload
from toolkit.hospital import read_hospital
from toolkit.reports import Source
from toolkit.reports.explore import open_exploration
from toolkit.reports.source import parcel
from toolkit.worklist import DUE
from toolkit.worklist.triage import triage

TODAY = date(2026, 3, 2)
NOW = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
HEADS = (
    "Claim Number,Payer,Payer ID,Service From,Procedure Code,Group Code,CARC,Denied Amount,Notice Date,"
    "Billed Amount,Paid Amount,Case Status,Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome"
)
ROWS = """\
OVER,Old Medicare,M1,2025-05-05,70551,CO,50,500.00,2025-06-01,500.00,0.00,Open,,,,
SAFE,Old Medicare,M1,2025-09-05,70551,CO,50,500.00,2025-10-26,500.00,0.00,Open,,,,
WEEK,Old Medicare,M1,2025-09-05,70551,CO,50,500.00,2025-10-30,500.00,0.00,Open,,,,
LATER,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
WAITS,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-01-20,500.00,0.00,Open,redetermination,2026-02-01,,
LOST,Old Medicare,M1,2025-09-05,70551,CO,50,500.00,2025-10-01,500.00,0.00,Open,redetermination,2025-11-01,2026-01-10,Upheld
WON,Old Medicare,M1,2025-09-05,70551,CO,50,500.00,2025-10-01,500.00,0.00,Open,redetermination,2025-11-01,2026-01-10,Overturned
NOBODY,Unheard Plan,U1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
CONTRACT,Bound Plan,B1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
WINDOW,State Plan,S1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
SHUT,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Closed,,,,
PAID,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-01-20,500.00,0.00,Open,,,,
PAID,Old Medicare,M1,2026-01-05,70551,CO,45,100.00,2026-02-20,500.00,400.00,Open,,,,
AGAIN,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-01-20,500.00,0.00,Open,,,,
AGAIN,Old Medicare,M1,2026-01-05,70551,CO,97,500.00,2026-02-20,500.00,0.00,Open,,,,
FILED,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
STATED,Unheard Plan,U1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
WROTE,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
PART,Old Medicare,M1,2026-01-05,70551,CO,50,500.00,2026-02-01,500.00,0.00,Open,,,,
"""
PAYERS = """\
payer_name,payer_id,program,contracted,state_window
Old Medicare,M1,original_medicare,no,
Bound Plan,B1,medicare_advantage,yes,
State Plan,S1,medicaid_managed_care,no,45
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    local = tmp_path / "local"
    (local / "contracts").mkdir(parents=True)
    (local / "payers.csv").write_text(PAYERS)
    (local / "contracts" / "bound.yaml").write_text(TERMS)
    (tmp_path / "export.csv").write_text(f"{HEADS}\n{ROWS}")
    return tmp_path


TERMS = """\
contract: Provider agreement of 2024
payer_name: Bound Plan
program: medicare_advantage
level: contract_dispute
filing:
  - applies_from: 2024-01-01
    window: {count: 90, unit: days}
    starts: notice
    filed_when: received
    citation: Provider agreement, section 7.3
    source: the signed agreement
    verified_on: 2026-01-02
    status: V
"""


def worked(place: Path) -> Path:
    """Record a filing, a write-off and a payment, and state a fact; return the store."""
    store = place / "local" / "cases.sqlite"
    hospital = read_hospital(place / "local")
    claims = one_history(read(place / "export.csv"), hospital=hospital, recorded=())
    worklist = triage(claims, as_of=TODAY, hospital=hospital)
    of = worklist.set_index("patient_control_number")["denial_key"]

    with CaseStore(store) as cases:
        by = {"who": "ana", "now": NOW}

        def case(number: str):
            return cases.resume(case_from(claims, worklist, of[number], hospital=hospital))

        record_event(cases, case("FILED"), "filed", day=date(2026, 2, 20), as_of=TODAY,
                     level="redetermination", **by)  # fmt: skip
        record_event(cases, case("WROTE"), "written_off", day=date(2026, 2, 20), as_of=TODAY, **by)
        record_event(cases, case("PART"), "paid", day=date(2026, 2, 20), as_of=TODAY,
                     amount_cents=20000, **by)  # fmt: skip
        stated = case("STATED")
        facts = {
            "program": Fact("original_medicare", "entered by the analyst", TODAY),
            "contracted": Fact("not_contracted", "entered by the analyst", TODAY),
            "notice_date": Fact(date(2026, 1, 15), "entered by the analyst", TODAY),
        }
        cases.enter(stated.case_key, facts, identity=stated.identity, **by)
    return store


NAMES = (
    "denial_key", "program", "contracted", "level", "notice_date", "last_filing_date", "file_by",
    "days_left", "due", "state", "state_from", "decision_due", "route", "denied_cents", "gap", "why",
    "standing", "second_look", "program_from",
)  # fmt: skip


def plain(worklist: pd.DataFrame) -> dict[str, dict]:
    """Return the rows by denial key, days as text."""
    frame = worklist[list(NAMES)].astype("object")
    frame = frame.where(frame.notna(), None)
    return {
        row["denial_key"]: {
            name: str(value)[:10] if hasattr(value, "year") else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    }


def test_every_way_to_a_row_gives_the_same_row(place):
    store = worked(place)
    hospital = read_hospital(place / "local")
    export = place / "export.csv"
    recorded = recorded_at(store)
    claims = one_history(read(export), hospital=hospital, recorded=recorded)
    worklist = triage(claims, as_of=TODAY, hospital=hospital)
    want = plain(worklist)
    known = worklist.set_index("patient_control_number")
    assert set(DUE) - {"no_appeal_right", "nothing_to_file"} == set(worklist["due"])
    assert known.loc["FILED", ["due", "state"]].tolist() == ["awaiting_decision"] * 2
    assert str(known.loc["FILED", "decision_due"])[:10] == "2026-04-21"  # 60 days, 405.950(a)
    assert known.loc["WROTE", ["due", "state", "state_from"]].tolist() == [
        "closed", "closed", "recorded",
    ]  # fmt: skip
    assert known.loc["PART", "denied_cents"] == 30000
    assert known.loc["STATED", "program_from"] == "entered by the analyst"
    assert known.loc["CONTRACT", "level"] == "contract_dispute"
    assert known.loc["PAID", "state"] == "paid_later"
    assert known.loc["AGAIN", "carc"] == "97"

    # the same in parts, by processes
    book = Book.at(place / "book")
    found = gather([export], book, engine="pandas", piece_rows=3)
    with triage_book(
        book, found.files, as_of=TODAY, hospital=hospital, recorded=recorded, engine="pandas",
        findings=found.findings, part_rows=2,
    ) as run:  # fmt: skip
        parts = pd.concat([one.to_pandas() for one in run.tables()], ignore_index=True)
    parts["denied_cents"] = (parts["denied"].astype(float) * 100).round().astype("Int64")
    assert plain(parts) == want

    # the desk: its list, and each case
    caseload = open_caseload(export, root=place, store=store, hospital=hospital, as_of=TODAY)
    assert plain(caseload.rows()) == want
    for key, row in want.items():
        view, _ = look_at(caseload, files_of(caseload, key), store=store)
        assert {name: said for name, said in plain(pd.DataFrame([view.row]))[key].items()} == row
        if view.deadline is not None:
            said = [str(view.deadline.last_filing_date), str(view.deadline.file_by)]
            assert said == [row["last_filing_date"], row["file_by"]], row

    # reports and the explore notebook count these rows
    facts = parcel(Source.of("export", claims, worklist, TODAY)).facts
    assert facts.count() == len(want)
    for due in DUE:
        rows = [row for row in want.values() if row["due"] == due]
        assert facts.count(due) == len(rows)
        assert facts.cents(due) == sum(row["denied_cents"] for row in rows)
    seen = open_exploration(str(export), as_of=str(TODAY), hospital=hospital, store=store)
    assert seen.page.facts.count() == len(want)
    assert seen.page.facts.cents() == sum(row["denied_cents"] for row in want.values())

"""The amount in controversy is the case's: the same in the worklist at once, in parts, and on the desk."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read
from toolkit.claims.tables import conform
from toolkit.desk.case_view import files_of, look_at
from toolkit.desk.caseload import open_caseload
from toolkit.history import settled
from toolkit.hospital import Hospital, read_hospital
from toolkit.law import amount_levels, disputed_at, filing_deadline, next_step
from toolkit.worklist import triage_rows
from toolkit.worklist.triage import triage

TODAY = date(2026, 11, 23)
HEADS = (
    "Claim Number,Payer,Service From,Procedure Code,Group Code,CARC,Denied Amount,Notice Date,Billed Amount,"
    "Paid Amount,Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome,Recovered Amount"
)
LOST = "reconsideration,2026-08-01,2026-10-01,Upheld,"
ROWS = f"""\
THREE,Old Medicare,2026-01-05,70551,CO,50,90.00,2026-02-01,90.00,0.00,{LOST}
THREE,Old Medicare,2026-01-05,70552,CO,50,90.00,2026-02-01,90.00,0.00,{LOST}
THREE,Old Medicare,2026-01-05,70553,CO,50,90.00,2026-02-01,90.00,0.00,{LOST}
ONE,Old Medicare,2026-01-05,70551,CO,50,90.00,2026-02-01,90.00,0.00,{LOST}
PAID,Old Medicare,2026-01-05,70551,CO,50,150.00,2026-02-01,150.00,0.00,{LOST}
PAID,Old Medicare,2026-01-05,70552,CO,50,150.00,2026-02-01,150.00,0.00,,,,,
PAID,Old Medicare,2026-01-05,70552,CO,45,20.00,2026-03-01,150.00,130.00,,,,,
TWIN1,Old Medicare,2026-01-05,70551,CO,50,150.00,2026-02-01,150.00,0.00,{LOST}
TWIN2,Old Medicare,2026-01-05,70551,CO,50,150.00,2026-02-01,150.00,0.00,{LOST}
MORE,Old Medicare,2026-01-05,70551,CO,50,150.00,2026-02-01,150.00,0.00,{LOST}
MORE,Old Medicare,2026-01-05,70552,CO,50,150.00,2026-02-01,150.00,0.00,redetermination,2026-03-01,2026-10-01,Upheld,
BACK,Old Medicare,2026-01-05,70551,CO,50,300.00,2026-02-01,300.00,0.00,reconsideration,2026-08-01,2026-10-01,Partly overturned,120.00
NETTED,Old Medicare,2026-01-05,70551,CO,50,180.00,2026-02-01,300.00,120.00,reconsideration,2026-08-01,2026-10-01,Partly overturned,120.00
UPDATED,Old Medicare,2026-01-05,70551,CO,50,300.00,2026-02-01,300.00,120.00,reconsideration,2026-08-01,2026-10-01,Partly overturned,120.00
UNSAID,Old Medicare,2026-01-05,70551,CO,50,150.00,2026-02-01,150.00,0.00,{LOST}
UNSAID,Old Medicare,2026-01-05,70552,CO,50,,2026-02-01,150.00,0.00,{LOST}
FRESH,Old Medicare,2026-09-05,70551,CO,50,500.00,2026-10-20,500.00,0.00,,,,,
SMALL,Forces Plan,2026-01-05,70551,CO,96,30.00,2026-02-01,30.00,0.00,{LOST}
SMALL,Forces Plan,2026-01-05,70552,CO,96,30.00,2026-02-01,30.00,0.00,{LOST}
TINY,Forces Plan,2026-01-05,70552,CO,96,30.00,2026-02-01,30.00,0.00,{LOST}
"""
PAYERS = """\
payer_name,program,contracted
Old Medicare,original_medicare,no
Forces Plan,tricare,no
"""
# Claim and procedure, and the cents that its case is about; what is left out has none.
WANT = {
    ("THREE", "70551"): 27_000, ("THREE", "70552"): 27_000, ("THREE", "70553"): 27_000,
    ("ONE", "70551"): 9_000, ("PAID", "70551"): 15_000,
    ("TWIN1", "70551"): 15_000, ("TWIN2", "70551"): 15_000,  # claims are not added up
    ("MORE", "70551"): 15_000,  # its other line is one level lower
    ("BACK", "70551"): 18_000, ("NETTED", "70551"): 18_000, ("UPDATED", "70551"): 18_000,
    ("SMALL", "70551"): 6_000, ("SMALL", "70552"): 6_000, ("TINY", "70552"): 3_000,
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "payers.csv").write_text(PAYERS)
    (tmp_path / "export.csv").write_text(f"{HEADS}\n{ROWS}")
    return tmp_path


@pytest.fixture
def rows(place) -> pd.DataFrame:
    claims = settled(read(place / "export.csv"))
    return triage(claims, as_of=TODAY, hospital=read_hospital(place / "local"))


def by_line(rows: pd.DataFrame, name: str) -> dict[tuple[str, str], object]:
    keys = zip(rows["patient_control_number"], rows["procedure_code"], strict=True)
    return dict(zip(keys, rows[name], strict=True))


def test_the_amount_is_that_of_the_open_denials_of_a_claim_at_a_level(rows):
    found = by_line(rows, "in_controversy_cents")
    assert {key: cents for key, cents in found.items() if not pd.isna(cents)} == WANT
    assert rows["denied_cents"].sum() == 278_000  # a line's denied dollars stay its own


def test_the_reasons_say_the_sum_and_whether_it_is_enough(rows):
    why = by_line(rows, "why")
    said = why["THREE", "70551"]
    assert "in controversy: $270.00, 3 open denials of the claim together" in said
    assert "A request filed in 2026 needs at least $200 in controversy" in said
    assert "below it" not in said
    said = why["TWIN1", "70551"]
    assert "in controversy: $150.00, this denial alone" in said
    assert (
        "below it, and a request with it alone will be dismissed. Claims are not combined" in said
    )
    assert "42 CFR 405.1006" in said
    assert "1 of 2 open denials of the claim state no amount" in why["UNSAID", "70551"]
    for key in (("FRESH", "70551"), ("MORE", "70552"), ("PAID", "70552")):
        assert "in controversy" not in why[key]
    due = by_line(rows, "due")
    assert (due["SMALL", "70551"], due["TINY", "70552"]) == ("due_later", "no_appeal_right")
    assert "related claims, count together" in why["TINY", "70552"]


def test_the_scalar_answer_to_the_amount_of_the_case_is_that_of_the_worklist(rows):
    some = rows[rows["in_controversy_cents"].notna()]
    assert len(some) == len(WANT)
    for row in some.to_dict("records"):
        amount = row["in_controversy_cents"] // 100
        asked = {
            "last_level": row["last_level"], "outcome": row["outcome"], "filed": True,
            "decided_on": row["decided_on"].date(), "nature": row["nature"],
            "denial_category": row["denial_category"], "contracted": row["contracted"],
        }  # fmt: skip
        step = next_step(row["program"], amount=amount, **asked)
        assert (step.level, row["why"].startswith(step.why)) == (row["level"], True)
        if row["due"] == "no_appeal_right":
            assert step.state == "no_appeal_right"
            continue
        found = filing_deadline(
            row["program"], row["level"], notice_date=row["decided_on"].date(), amount=amount,
            stage="payment", filer="assignee",
        )  # fmt: skip
        assert (found.last_filing_date, found.file_by) == (
            row["last_filing_date"].date(), row["file_by"].date(),
        )  # fmt: skip
        assert set(found.about_amount) <= set(found.warnings) and found.about_amount


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_parts_and_processes_know_the_same_amounts(place, rows, engine):
    book = Book.at(place / "book")
    found = gather([place / "export.csv"], book, engine="pandas", piece_rows=2)
    with triage_book(
        book, found.files, as_of=TODAY, hospital=read_hospital(place / "local"), engine=engine,
        jobs=2, findings=found.findings, part_rows=2,
    ) as run:  # fmt: skip
        parts = pd.concat([one.to_pandas() for one in run.tables()], ignore_index=True)
    for name in ("level", "due", "why"):
        assert by_line(parts, name) == by_line(rows, name)
    dollars = by_line(parts, "in_controversy")
    assert {key: int(one * 100) for key, one in dollars.items() if one is not None} == WANT


def test_the_desk_asks_with_the_same_amount(place, rows):
    hospital = read_hospital(place / "local")
    store = place / "local" / "cases.sqlite"
    caseload = open_caseload(
        place / "export.csv", root=place, store=store, hospital=hospital, as_of=TODAY
    )
    assert by_line(caseload.rows(), "in_controversy_cents") == by_line(rows, "in_controversy_cents")
    keys = by_line(rows, "denial_key")
    enough, _ = look_at(caseload, files_of(caseload, keys["THREE", "70552"]), store=store)
    below, _ = look_at(caseload, files_of(caseload, keys["TWIN1", "70551"]), store=store)
    assert not any("below it" in one for one in enough.warnings)
    assert any("below it" in one for one in below.warnings)


def test_what_was_recorded_as_paid_is_no_longer_in_controversy(place):
    hospital = read_hospital(place / "local")
    claims = settled(read(place / "export.csv"))
    keys = by_line(triage(claims, as_of=TODAY, hospital=hospital), "claim_key")
    paid = pd.DataFrame(
        [{"claim_key": keys["THREE", "70551"], "event": "paid", "day": pd.Timestamp("2026-10-20"),
          "amount_cents": 10_000}]
    )  # fmt: skip
    claims = replace(claims, recorded_events=conform(paid, "recorded_events"))
    found = triage(claims, as_of=TODAY, hospital=hospital)
    # the payment closes the first line and takes $10 off the second
    cents = by_line(found, "in_controversy_cents")
    assert pd.isna(cents["THREE", "70551"])
    assert cents["THREE", "70552"] == cents["THREE", "70553"] == 17_000
    assert "$170.00, 2 open denials" in by_line(found, "why")["THREE", "70552"]


def test_a_claim_that_two_files_decide_line_by_line_is_one_case(place):
    heads, first = f"{HEADS}\n", ROWS.splitlines()[0]
    other = first.replace("70551", "70552")
    (place / "more.csv").write_text(f"{heads}{first}\n")
    (place / "next.csv").write_text(f"{heads}{other}\n")
    claims = settled(read([place / "more.csv", place / "next.csv"]))
    found = triage(claims, as_of=TODAY, hospital=read_hospital(place / "local"))
    assert found["in_controversy_cents"].tolist() == [18_000, 18_000]


def test_where_every_row_is_a_case_of_its_own_a_row_s_amount_is_the_case_s(place, rows):
    alone = rows[rows["patient_control_number"].isin(["ONE", "TWIN1", "TINY", "FRESH"])]
    facts = alone[
        ["program", "contracted", "group_code", "carc", "denied_cents", "notice_date", "last_level",
         "filed_on", "decided_on", "outcome"]
    ].copy()  # fmt: skip
    facts["notice_date"] = "2026-02-01"
    found = triage_rows(facts, as_of=TODAY, hospital=Hospital.unknown())
    undated = alone["outcome"].isna().to_numpy()
    for name in ("level", "due", "file_by"):
        assert found[name].astype("object")[~undated].tolist() == (
            alone[name].astype("object")[~undated].tolist()
        )
    assert all("below it" in one for one in found["why"][:2])


def test_only_levels_with_an_amount_of_their_own_are_asked_for_one():
    assert {"alj_hearing", "judicial_review"} <= amount_levels("original_medicare")
    assert "redetermination" not in amount_levels("original_medicare")
    assert amount_levels("commercial_plan") == amount_levels(None) == frozenset()
    lost = {"nature": "technical", "denial_category": "non_covered"}
    about = ("original_medicare", "redetermination", "upheld")
    assert disputed_at(*about, **lost) is None
    assert disputed_at("original_medicare", "reconsideration", "upheld", **lost) == "alj_hearing"
    assert disputed_at("tricare", "reconsideration", "upheld", **lost) == "formal_review"
    clinical = lost | {"nature": "clinical"}
    assert disputed_at("tricare", "reconsideration", "upheld", **clinical) is None
    late = lost | {"denial_category": "timely_filing"}
    assert disputed_at("original_medicare", "reconsideration", "upheld", **late) is None
    assert disputed_at("original_medicare", None, None, **lost) is None

"""One hospital is asked for by all that triages, and the worklist and the desk show the same dates."""

import inspect
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import toolkit
from toolkit.bulk import gather, triage_book
from toolkit.bulk.book import Book
from toolkit.bulk.inputs import run_on
from toolkit.cases import case_from
from toolkit.claims import own_claims, read
from toolkit.cli import main
from toolkit.desk import open_desk
from toolkit.desk.caseload import open_caseload
from toolkit.desk.compact import CompactClaims, CompactTable
from toolkit.errors import InputError
from toolkit.hospital import Hospital, Sender, read_hospital, read_sender, sample_hospital
from toolkit.law import programs
from toolkit.reports import open_exploration
from toolkit.worklist import triage_files, triage_rows
from toolkit.worklist.row_files import totals
from toolkit.worklist.rows import Asker, asker
from toolkit.worklist.triage import brain, classified_adjustments, triage

TODAY = date(2026, 11, 23)
SENTINEL = "ZZSENTINEL"
PAYERS = """payer_name,program,contracted,state_window,appeals_address,jurisdiction
Amber Plan,medicare_advantage,yes,,"PO Box 1, Exampleville",
Birch Trust,medicaid_managed_care,,120,,
Cedar Health,medicare_advantage,no,,,
Dune Mutual,commercial_plan,no,,,NY
"""
CONTRACT = """contract: Provider agreement of 2024
payer_name: Amber Plan
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
SENDER = """name: Example General Hospital
npi: 1000000012
address: |
  100 Example Way
  Springfield, ST 00000
phone: 555-0100
signer:
  name: Sam Placeholder, MD
  title: Physician advisor
"""
# One denial each: by a contract's terms, by a state's window, by the program's own rule, by a
# remittance alone, and by the law of the plan's state.
ROWS = """Claim Number,Payer,Reason Code (CARC),Group Code,Denied Amount,Notice Date,Remittance Date,Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome
A-1,Amber Plan,50,CO,100.00,2026-10-20,2026-10-20,,,,
A-2,Birch Trust,50,CO,200.00,2026-07-01,2026-07-01,appeal,2026-07-20,2026-09-01,upheld
A-3,Cedar Health,50,CO,300.00,2026-10-20,2026-10-20,,,,
A-4,Cedar Health,50,CO,400.00,,2026-10-20,,,,
A-5,Dune Mutual,50,CO,500.00,2026-03-02,2026-03-02,internal_appeal,2026-04-01,2026-10-01,upheld
"""
DATES = ["level", "last_filing_date", "file_by", "due"]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A project whose hospital has payers, a contract and a sender; its notebooks are where we work."""
    (tmp_path / "notebooks").mkdir()
    local = tmp_path / "local"
    (local / "contracts").mkdir(parents=True)
    (local / "payers.csv").write_text(PAYERS, encoding="utf-8")
    (local / "contracts" / "amber.yaml").write_text(CONTRACT, encoding="utf-8")
    (local / "hospital.yaml").write_text(SENDER, encoding="utf-8")
    (tmp_path / "export.csv").write_text(ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def dates(row) -> list:
    """Return level and dates as plain values, whatever holds them."""
    found = [row[name] for name in DATES]
    return [None if pd.isna(one) else str(one).partition(" ")[0] for one in found]


# --- one object, required ------------------------------------------------------------------------

ASKS = [
    triage, brain, classified_adjustments, triage_book, run_on, triage_rows, triage_files, totals,
    Asker, asker, case_from, open_caseload, open_desk, open_exploration,
]  # fmt: skip


@pytest.mark.parametrize("call", ASKS, ids=lambda call: call.__name__)
def test_nobody_can_forget_the_hospital(call):
    asked = inspect.signature(call).parameters
    assert asked["hospital"].kind is inspect.Parameter.KEYWORD_ONLY
    assert asked["hospital"].default is inspect.Parameter.empty
    assert not {"payers", "contracts", "providers"} & set(asked)


def test_a_hospital_has_no_field_with_a_default():
    with pytest.raises(TypeError, match="missing 7 required"):
        Hospital()


def test_a_hospital_is_read_from_the_project_s_local_folder_also_from_its_notebooks(place):
    found = read_hospital()
    assert [one.payer_name for one in found.payers] == [
        "Amber Plan", "Birch Trust", "Cedar Health", "Dune Mutual",
    ]  # fmt: skip
    assert [one.jurisdiction for one in found.payers] == ["", "", "", "NY"]
    assert [one.contract for one in found.contracts] == ["Provider agreement of 2024"]
    assert found.sender.name == "Example General Hospital"
    assert found.layouts == place / "local" / "layouts"
    assert read_hospital(place / "local") == toolkit.read_hospital() == found


def test_a_folder_with_nothing_in_it_gives_a_hospital_of_which_nothing_is_known(tmp_path):
    assert read_hospital(tmp_path) == replace(Hospital.unknown(), layouts=tmp_path / "layouts")


def test_another_payer_table_and_other_contracts_take_the_place_of_those_in_local(place):
    table = place / "others.csv"
    table.write_text("payer_id,program,Contact\nP9,tricare,x\n", encoding="utf-8")
    (place / "none").mkdir()
    found = read_hospital(payers=table, contracts=place / "none")
    assert [one.payer_id for one in found.payers] == ["P9"] and found.contracts == ()
    assert found.payer_columns_not_read == ("Contact",)
    with pytest.raises(InputError, match="absent: is not a folder"):
        read_hospital(contracts=place / "absent")


@pytest.mark.parametrize("program", [*programs(), "workers_compensation"])
def test_a_contract_of_any_program_or_a_broken_one_stops_no_worklist(place, capsys, program):
    folder = place / "local" / "contracts"
    terms = CONTRACT.replace("medicare_advantage", program)
    (folder / "amber.yaml").write_text(terms, encoding="utf-8")
    broken = {
        "text": "hello", "half": "a: [", "level": terms.replace("contract_dispute", "appeal"),
        "later": terms.replace("2024-01-01", "2029-01-01").replace("Amber", "Birch"),
        "long": terms.replace("count: 90", "count: 99999999"),
    }  # fmt: skip
    for name, words in broken.items():
        (folder / f"{name}.yaml").write_text(words, encoding="utf-8")
    (folder / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (place / "local" / "payers.csv").write_text(
        f"payer_name,program,contracted\nAmber Plan,{program},yes\nBirch Trust,{program},yes\n",
        encoding="utf-8",
    )
    out = place / "worklist.csv"
    words = ["worklist", str(place / "export.csv"), "--as-of", "2026-11-23", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    said = capsys.readouterr().err
    for name in ("text", "half", "level", "long", "bytes"):
        assert f"contract skipped: {name}.yaml" in said
    assert "amber.yaml" not in said and "later.yaml" not in said
    found = pd.read_csv(out, dtype="str", keep_default_na=False)
    assert len(found) == len(ROWS.splitlines()) - 1
    amber = found[found["payer_name"].eq("Amber Plan")].iloc[0]
    if program in ("medicare_advantage", "medicaid_managed_care", "commercial_plan"):
        assert (amber["level"], amber["route"]) == ("contract_dispute", "contract_dispute")
        assert amber["last_filing_date"] == "2027-01-18"  # 90 days


@pytest.mark.parametrize(
    "program", ["medicare_advantage", "medicaid_managed_care", "commercial_plan"]
)
def test_without_its_terms_a_contracted_denial_says_what_to_fill_in(place, program):
    (place / "local" / "contracts" / "amber.yaml").unlink()
    table = place / "local" / "payers.csv"
    table.write_text(f"payer_name,program,contracted\nAmber Plan,{program},yes\n")
    rows = triage(read(place / "export.csv"), as_of=TODAY, hospital=read_hospital())
    found = rows[rows["payer_name"].eq("Amber Plan")].iloc[0]
    assert (found["level"], found["due"]) == ("contract_dispute", "no_date")
    assert "the contract's dispute window and its section" in found["gap"]


def test_a_contract_names_its_program_by_name_too(place):
    path = place / "local" / "contracts" / "amber.yaml"
    path.write_text(CONTRACT.replace("medicare_advantage", "Medicare Advantage"), encoding="utf-8")
    assert read_hospital().contracts[0].program == "medicare_advantage"


def test_the_sample_has_its_own_hospital(place):
    found = sample_hospital()
    assert len(found.payers) == 11 and found.contracts == () and found.sender == Sender()


# --- the sender ----------------------------------------------------------------------------------


def test_the_sender_is_stated_once_and_files_and_people_come_first(place):
    hospital = read_hospital()
    claims = read(place / "export.csv")
    worklist = triage(claims, as_of=TODAY, hospital=hospital)
    key = worklist["denial_key"].iloc[0]
    case = case_from(claims, worklist, key, hospital=hospital)
    assert case.value("hospital_name") == "Example General Hospital"
    assert case.value("hospital_address") == "100 Example Way\nSpringfield, ST 00000"
    assert case.value("signer_phone") == "555-0100"
    assert case.facts["signer_name"].source == "local/hospital.yaml"
    assert case.facts["plan_address"].source == "payers.csv column appeals_address"
    stated = replace(claims, claims=claims.claims.assign(facility="Example North Campus"))
    assert case_from(stated, worklist, key, hospital=hospital).value("hospital_name") == (
        "Example North Campus"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"npi: {SENTINEL}\n", "npi is not an NPI"),
        (f"nme: {SENTINEL}\n", "unknown field `nme`"),
        (f"name: [{SENTINEL}]\n", "name"),
    ],
)
def test_a_sender_that_is_wrong_is_refused_without_its_values(text, says, tmp_path):
    path = tmp_path / "hospital.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_sender(path)
    assert says in str(error.value) and "hospital.yaml" in str(error.value)
    assert SENTINEL not in str(error.value)


# --- the same dates everywhere -------------------------------------------------------------------


@pytest.fixture
def worklist(place) -> pd.DataFrame:
    hospital = read_hospital()
    claims = own_claims(read(place / "export.csv"), hospital.providers)
    return triage(claims, as_of=TODAY, hospital=hospital).set_index("patient_control_number")


def test_contract_state_window_and_jurisdiction_date_the_worklist(worklist):
    assert worklist["level"].tolist() == [
        "contract_dispute", "state_fair_hearing", "reconsideration", "reconsideration",
        "external_review",
    ]  # fmt: skip
    assert dates(worklist.loc["A-1"])[1] == "2027-01-18"
    assert dates(worklist.loc["A-2"])[1] == "2026-12-30"
    assert dates(worklist.loc["A-5"])[1] == "2026-11-30"  # New York gives a hospital 60 days
    assert "Ins. Law 4914(b)(1)" in worklist.loc["A-5", "citation"]
    assert worklist["last_filing_date"].notna().all()


def at_desk(place: Path):
    desk = open_desk(place / "export.csv", hospital="local", as_of=TODAY)
    assert desk.caseload is not None, desk.notice.text
    return desk


@pytest.mark.parametrize("claim", ["A-1", "A-2", "A-3", "A-4", "A-5"])
def test_worklist_desk_and_the_desk_s_ledger_agree(place, worklist, claim):
    desk, row = at_desk(place), worklist.loc[claim]
    desk.pick(row["denial_key"])
    assert dates(desk.view.row) == dates(row)
    deadline = desk.view.deadline
    assert [deadline.level, str(deadline.last_filing_date), str(deadline.file_by)] == dates(row)[:3]
    shown = desk.caseload.rows().set_index("patient_control_number")
    assert dates(shown.loc[claim]) == dates(row)


@pytest.mark.parametrize(("claim", "days"), [("A-1", 90), ("A-2", 0), ("A-3", 65), ("A-5", 0)])
def test_a_row_that_a_person_corrects_still_goes_by_contract_state_window_and_jurisdiction(
    place, worklist, claim, days
):
    desk = at_desk(place)
    desk.pick(worklist.loc[claim, "denial_key"])
    desk.enter("notice_date", "2026-11-02")
    row, deadline = desk.view.row, desk.view.deadline
    assert row["level"] == worklist.loc[claim, "level"] == deadline.level
    assert row["last_filing_date"].date() == deadline.last_filing_date
    assert row["file_by"].date() == deadline.file_by
    expected = date(2026, 11, 2) + pd.Timedelta(days=days)
    if not days:  # the decision starts the clock, whatever the notice's date
        expected = worklist.loc[claim, "last_filing_date"].date()
    assert deadline.last_filing_date == expected


def test_a_program_that_a_person_states_counts_before_the_payer_table(place, worklist):
    desk = at_desk(place)
    desk.pick(worklist.loc["A-3", "denial_key"])
    desk.enter("program", "tricare")
    row, deadline = desk.view.row, desk.view.deadline
    assert (row["program"], row["program_from"], row["gap"]) == (
        "tricare", "entered by the analyst", "",
    )  # fmt: skip
    assert (deadline.program, deadline.level) == ("tricare", row["level"])
    assert deadline.last_filing_date == row["last_filing_date"].date()


def test_the_earliest_notice_moves_file_by_in_the_worklist_and_at_the_desk_alike(place, worklist):
    desk = at_desk(place)
    caseload = desk.caseload
    told = caseload.claims.table("claims")
    told["earliest_remittance_date"] = told["remittance_date"] - pd.Timedelta(days=7)
    claims = replace(caseload.claims.whole(), claims=told)
    found = triage(claims, as_of=TODAY, hospital=caseload.hospital)
    desk.caseload = replace(
        caseload, claims=CompactClaims.of(claims), worklist=CompactTable.of(found)
    )
    row = found.set_index("patient_control_number").loc["A-4"]
    before = worklist.loc["A-4"]
    assert row["file_by"] < before["file_by"]
    assert row["last_filing_date"] == before["last_filing_date"]
    assert "2026-10-13 is taken as the notice date" in row["why"]
    desk.pick(row["denial_key"])
    assert desk.view.deadline.file_by == row["file_by"].date()
    assert desk.view.deadline.last_filing_date == row["last_filing_date"].date()


def test_command_line_book_and_exploration_show_the_same_dates(place, worklist, capsys):
    wanted = [dates(row) for _, row in worklist.iterrows()]
    for engine in ("pandas", "duckdb"):
        out = place / f"{engine}.parquet"
        words = ["worklist", str(place / "export.csv"), "--as-of", "2026-11-23", "--json"]
        assert main([*words, "--engine", engine, "--out", str(out)]) == 0
        assert [dates(row) for _, row in pd.read_parquet(out).iterrows()] == wanted
    book = Book.at(place / "book")
    found = gather([place / "export.csv"], book)
    given = {"as_of": TODAY, "hospital": read_hospital(), "engine": "pandas"}
    with triage_book(book, found.files, **given) as run:
        run.write(place / "book.parquet")
    assert [dates(row) for _, row in pd.read_parquet(place / "book.parquet").iterrows()] == wanted
    explored = open_exploration(
        str(place / "export.csv"), as_of="2026-11-23", hospital=read_hospital()
    )
    rows = explored.page.facts.frame(f"SELECT {', '.join(DATES)} FROM denials")
    assert sorted(map(str, (dates(row) for _, row in rows.iterrows()))) == sorted(map(str, wanted))
    capsys.readouterr()


def test_the_command_line_takes_contracts_from_a_folder_of_one_s_own(place, capsys):
    elsewhere = place / "terms"
    elsewhere.mkdir()
    out = place / "worklist.csv"
    words = ["worklist", str(place / "export.csv"), "--as-of", "2026-11-23", "--json"]
    words += ["--out", str(out), "--contracts"]
    assert main([*words, str(elsewhere)]) == 0
    assert pd.read_csv(out)["due"].iloc[0] == "no_date"
    (elsewhere / "amber.yaml").write_text(CONTRACT.replace("90", "60"), encoding="utf-8")
    assert main([*words, str(elsewhere)]) == 0
    assert pd.read_csv(out)["last_filing_date"].iloc[0] == "2026-12-19"
    capsys.readouterr()
    assert main([*words, str(place / "absent")]) == 4
    assert "absent: is not a folder" in json.loads(capsys.readouterr().out)["error"]

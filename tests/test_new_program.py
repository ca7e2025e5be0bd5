"""One file adds a program: its id and its names are accepted wherever a program is named."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import InputError, RulesError
from toolkit.hospital import coverage_names, program_of, read_payers
from toolkit.hospital.payers import claim_filing_indicators
from toolkit.law import model, program, program_named, program_names, programs
from toolkit.rules import RULES

NEW = """program: harbor_health
name: Harbor Health Act (Title One)
short_name: Harbor Health
also_called: [HHA Plan]
governing_law: 1 CFR 1

hospital_files_as: {contracted: assignee, not_contracted: assignee, needs_contract_status: false}

denial_notes:
  - denial_categories: [duplicate]
    says: The Harbor Health Act speaks of duplicates.
    citation: 1 CFR 1.2
    source: a test
    verified_on: 2026-11-23
    status: M

not_modelled:
  - Everything else

levels:
  - id: harbor_review
    name: Harbor board review
    decider: the harbor board
    place: ladder
    notice: notice of denial
    filing:
      - applies_from: 2020-01-01
        window: {count: 77, unit: days}
        starts: notice
        filed_when: received
        citation: 1 CFR 1.3
        source: a test
        verified_on: 2026-11-23
        status: M
    after: {upheld: harbor_review}
standing: []
"""
WORDS = ["harbor_health", "Harbor Health Act (Title One)", "HARBOR HEALTH", "hha plan"]
# 77 days after the notice of 2026-10-20, a Tuesday, and after the decision of 2026-11-02, a Monday.
LAST, AFTER = "2027-01-05", "2027-01-18"

_ROW = "Claim Number,Payer,Plan,Program,Reason Code (CARC),Group Code,Denied Amount,Notice Date,Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """Give a folder with a copy of the package to which the program has been added, by one file."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(RULES.parent, folder / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "toolkit" / "rules" / "programs" / "harbor_health.yaml"
    path.write_text(NEW, encoding="utf-8")
    return folder


def run(copy: Path, *words: str) -> str:
    settings = os.environ | {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(copy / "cache")}
    done = subprocess.run(
        [sys.executable, *words], cwd=copy, env=settings, capture_output=True, text=True,
        encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def toolkit(copy: Path, *words: str) -> dict:
    return json.loads(run(copy, "-m", "toolkit", *words, "--json"))


@pytest.mark.parametrize("word", WORDS)
def test_the_command_line_takes_the_program_by_its_id_and_its_names(copy, word):
    named = ["--program", word]
    dated = [*named, "--level", "harbor_review", "--notice-date", "2026-10-20"]
    found = toolkit(copy, "deadline", *dated)
    assert (found["program"], found["last_filing_date"]) == ("harbor_health", LAST)
    assert toolkit(copy, "ladder", *named)["levels"][0]["id"] == "harbor_review"
    found = toolkit(copy, "classify", "--group", "CO", "--carc", "18", *named)
    assert "The Harbor Health Act speaks of duplicates." in str(found["warnings"])


def worklist(copy: Path, table: str, rows: list[str]) -> list[dict]:
    """Return the worklist of some rows, with this payer table."""
    (copy / "payers.csv").write_text(table, encoding="utf-8")
    (copy / "export.csv").write_text(_ROW + "\n".join(rows) + "\n", encoding="utf-8")
    words = ["worklist", "export.csv", "--as-of", "2026-11-23", "--payers", "payers.csv"]
    toolkit(copy, *words, "--out", "worklist.csv")
    show = "import csv, json; print(json.dumps(list(csv.DictReader(open('worklist.csv')))))"
    return json.loads(run(copy, "-c", show))


def test_a_payer_table_names_the_program_by_its_id_and_its_names(copy):
    table = "payer_name,program\n" + "".join(
        f"Payer {at},{word}\n" for at, word in enumerate(WORDS)
    )
    rows = [f"A-{at},Payer {at},,,50,CO,10.00,2026-10-20,,,," for at in range(len(WORDS))]
    found = worklist(copy, table, rows)
    assert [row["program"] for row in found] == ["harbor_health"] * len(WORDS)
    assert [row["last_filing_date"][:10] for row in found] == [LAST] * len(WORDS)


def test_an_export_names_program_plan_and_level_by_id_and_names(copy):
    rows = []
    for at, word in enumerate(WORDS):
        rows.append(f"P-{at},Payer,,{word},50,CO,10.00,2026-10-20,,,,")
        rows.append(f"Q-{at},Payer,{word},,50,CO,10.00,2026-10-20,,,,")
    for at, level in enumerate(("harbor_review", "Harbor board review")):
        rows.append(
            f"L-{at},Payer,,hha plan,50,CO,10.00,2026-10-20,{level},2026-10-22,2026-11-02,upheld"
        )
    found = worklist(copy, "payer_name,program\nAnother,tricare\n", rows)
    assert {row["program"] for row in found} == {"harbor_health"}
    assert [row["last_filing_date"][:10] for row in found] == [LAST] * 8 + [AFTER] * 2


def test_frames_letters_and_reports_know_the_program_too(copy):
    script = """
import pandas as pd
from datetime import date
from toolkit.worklist import triage_rows
from toolkit.hospital import Hospital
from toolkit.letters.facts import fact_types
from toolkit.worklist.wording import plain
from toolkit.worklist.accessor import classify_frame
words = ["harbor_health", "Harbor Health Act (Title One)", "HARBOR HEALTH", "hha plan"]
rows = pd.DataFrame({"program": words, "carc": "50", "notice_date": "2026-10-20"})
found = triage_rows(rows, as_of=date(2026, 11, 23), hospital=Hospital.unknown())
print(sorted(set(found["program"])), found["last_filing_date"].astype(str).unique().tolist())
print(fact_types()["program"].choices["harbor_health"], "/", plain("harbor_health"))
print(classify_frame(rows.head(1))["findings"].tolist())
"""
    assert run(copy, "-c", script).splitlines() == [
        f"['harbor_health'] ['{LAST}']",
        "Harbor Health / Harbor Health",
        "['']",
    ]


# --- the names themselves ------------------------------------------------------------------------


@pytest.mark.parametrize("name", programs())
def test_a_program_is_found_by_everything_that_it_is_called(name):
    rules = program(name)
    for word in filter(None, (name, rules.name, rules.short_name, *rules.also_called)):
        assert program_named(word) == program_named(word.upper()) == name
        assert program_of(word) == name


def test_two_programs_are_never_called_the_same(monkeypatch):
    twice = (*program_names(), model.ProgramName(program="x", name="TriCare", levels=()))
    monkeypatch.setattr(model, "program_names", lambda: twice)
    with pytest.raises(RulesError, match="names two programs"):
        model._named.__wrapped__()


def test_other_coverage_has_no_rules_and_no_program_is_listed_with_it():
    other = set(coverage_names()) - set(programs())
    assert "workers_compensation" in other and set(programs()) < set(coverage_names())
    listed = (RULES / "payers" / "other_coverage.yaml").read_text(encoding="utf-8")
    assert not [name for name in programs() if f"id: {name}," in listed]


def test_every_program_of_a_claim_filing_indicator_is_one_that_a_payer_can_have():
    named = {one.program for one in claim_filing_indicators().values() if one.program}
    assert named <= set(coverage_names())


def test_no_list_of_programs_stands_beside_the_rules():
    """A rule, layout or word list that names every program would have to be edited for a new one."""
    listing = []
    for path in sorted(RULES.parent.rglob("*")):
        if path.suffix not in (".py", ".yaml", ".csv") or path.parent == RULES / "programs":
            continue
        text = path.read_text(encoding="utf-8")
        if all(name in text for name in programs()):
            listing.append(path.relative_to(RULES.parent).as_posix())
    assert listing == []


def test_a_payer_table_with_a_program_that_is_none_is_refused_with_the_ids_that_there_are(tmp_path):
    path = tmp_path / "payers.csv"
    path.write_text("payer_name,program\nX,Managed Care\n", encoding="utf-8")
    with pytest.raises(
        InputError, match=r"row 2, program: is none of .*va_community_care"
    ) as error:
        read_payers(path)
    assert "Managed Care" not in str(error.value)

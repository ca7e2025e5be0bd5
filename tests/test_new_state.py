"""One file adds a state: its law is asked by command line, ladder, worklist, desk and page alike."""

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from toolkit.rules import RULES
from toolkit.worklist.questions import state_question

SOURCED = """citation: Col. Harbor Code 7
            source: a test
            verified_on: 2026-11-28
            status: M"""
# An invented law of Colorado: 77 days from the notice, and ten days to decide.
NEW = f"""jurisdiction: CO
name: Colorado

programs:
  - program: commercial_plan
    governing_law: Col. Harbor Code
    not_modelled: [Everything else of Colorado]
    levels:
      - id: external_review
        name: Harbor review
        decider: the harbor board
        filed_with: the harbor master
        place: ladder
        notice: final denial
        filing:
          - applies_from: 2020-01-01
            window: {{count: 77, unit: days}}
            starts: notice
            filed_when: postmarked
            {SOURCED}
        decision:
          - applies_from: 2020-01-01
            due: {{count: 10, unit: days}}
            if_missed: Ask the harbor master.
            {SOURCED}
    standing: []
"""
# 77 days after the notice of 2026-10-20, a Tuesday.
LAST = "2027-01-05"
ASKED = ["--program", "commercial_plan", "--level", "external_review"]


def copied(folder: Path, text: str) -> Path:
    """Return a folder with a copy of the package to which the state has been added, by one file."""
    shutil.copytree(RULES.parent, folder / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "toolkit" / "rules" / "states" / "co.yaml"
    assert not path.exists()
    path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    return copied(tmp_path_factory.mktemp("copy"), NEW)


def run(copy: Path, *words: str) -> subprocess.CompletedProcess:
    settings = os.environ | {"PYTHONPATH": str(copy), "XDG_CACHE_HOME": str(copy / "cache")}
    return subprocess.run(
        [sys.executable, *words], cwd=copy, env=settings, capture_output=True, text=True,
        encoding="utf-8", timeout=120,
    )  # fmt: skip


def toolkit(copy: Path, *words: str) -> dict:
    done = run(copy, "-m", "toolkit", *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_command_line_counts_by_the_state_law(copy):
    dated = [*ASKED, "--notice-date", "2026-10-20", "--jurisdiction", "co"]
    found = toolkit(copy, "deadline", *dated)
    assert (found["last_filing_date"], found["jurisdiction"]) == (LAST, "CO")
    assert (found["filed_with"], found["decided_by"]) == ("the harbor master", "the harbor board")
    assert toolkit(copy, "deadline", *dated, "--process", "state") == found
    federal = toolkit(copy, "deadline", *dated, "--process", "federal_private")
    assert (federal["citation"], federal["jurisdiction"]) == ("45 CFR 147.136(d)(2)(i)", "")
    due = ["decision-due", *ASKED, "--request-received", "2026-10-20", "--jurisdiction", "CO"]
    assert toolkit(copy, *due)["decision_due"] == "2026-10-30"


def test_ladder_and_law_show_the_state_law_beside_the_federal(copy):
    found = toolkit(copy, "ladder", "--program", "commercial_plan", "--jurisdiction", "CO")
    names = {level["id"]: level["name"] for level in found["levels"]}
    assert (names["external_review"], names["internal_appeal"]) == (
        "Harbor review",
        "Internal appeal",
    )
    assert "Everything else of Colorado" in found["not_modelled"]
    found = toolkit(copy, "law", "--age")
    mine = [rule for rule in found["rules"] if rule["jurisdiction"] == "CO"]
    assert {rule["clock"] for rule in mine} == {"filing", "decision"}
    assert found["marks"]["commercial_plan (CO)"] == {"V": 0, "V2": 0, "M": 2}


def test_a_payer_of_the_state_has_its_review_as_the_next_step(copy):
    (copy / "payers.csv").write_text(
        "payer_name,program,contracted,funding,jurisdiction\n"
        "Inside,commercial_plan,no,insured,CO\nOutside,commercial_plan,no,self_funded,\n"
    )
    head = "Claim Number,Payer,Reason Code (CARC),Group Code,Denied Amount,Notice Date,Appeal Level,Appeal Filed,Appeal Decided,Appeal Outcome\n"
    rows = "".join(
        f"{payer}-1,{payer},50,CO,10.00,2026-03-02,internal_appeal,2026-04-01,2026-10-20,upheld\n"
        for payer in ("Inside", "Outside")
    )
    (copy / "export.csv").write_text(head + rows)
    words = ["worklist", "export.csv", "--as-of", "2026-11-23", "--payers", "payers.csv"]
    toolkit(copy, *words, "--out", "worklist.csv")
    show = "import csv, json; print(json.dumps(list(csv.DictReader(open('worklist.csv')))))"
    found = {row["payer_name"]: row for row in json.loads(run(copy, "-c", show).stdout)}
    assert {row["level"] for row in found.values()} == {"external_review"}
    assert found["Inside"]["citation"] == "Col. Harbor Code 7"
    assert found["Inside"]["last_filing_date"][:10] == LAST
    assert found["Outside"]["citation"] == "45 CFR 147.136(d)(2)(i)"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count: 77", "count: many", "line {line}:"),
        ("starts: notice", "starts: noon", "line {line}:"),
        ("filed_with:", "filled_with:", "line {line}:"),
        ("name: Colorado", "name: Colorado\nname: Again", "line 3:"),
        ("programs:", "programs: [", "is not YAML"),
        ("jurisdiction: CO", "jurisdiction: NY", "not the state of the file's name"),
        ("program: commercial_plan", "program: harbor_plan", "one of its programs is not on file"),
        ("id: external_review", "id: harbor_review", "a level that commercial_plan does not have"),
        ("standing: []", "standing: [{levels: [internal_appeal], may_file: true, says: x, citation: x, source: x, verified_on: 2026-11-28, status: M}]", "at a level that it does not define"),
    ],
)  # fmt: skip
def test_a_broken_file_of_a_state_is_refused_with_its_name_and_line(tmp_path, old, new, said):
    assert NEW.count(old) == 1
    line = NEW[: NEW.index(old)].count("\n") + 1
    copy = copied(tmp_path, NEW.replace(old, new))
    words = ["deadline", *ASKED, "--notice-date", "2026-10-20"]
    done = run(copy, "-m", "toolkit", *words, "--jurisdiction", "CO")
    assert done.returncode == 1
    assert "rules/states/co.yaml" in done.stderr and said.format(line=line) in done.stderr
    # What other states and federal law say is answered as before.
    assert toolkit(copy, *words, "--jurisdiction", "NY")["jurisdiction"] == "NY"
    assert toolkit(copy, *words)["jurisdiction"] == ""


def test_a_program_does_not_state_the_law_of_a_state(tmp_path):
    copy = copied(tmp_path, NEW)
    path = copy / "toolkit" / "rules" / "programs" / "commercial_plan.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "    name: External review\n", "    name: External review\n    jurisdiction: CO\n"
        )
    )
    done = run(copy, "-m", "toolkit", "deadline", *ASKED, "--notice-date", "2026-10-20")
    assert done.returncode == 1 and "a state's law is a file of rules/states" in done.stderr


def test_a_review_that_waits_is_due_by_the_clock_of_its_state():
    asked = {
        "standing": "open", "filed": True, "program": "commercial_plan", "level": "external_review",
        "stage": "payment", "requested": date(2026, 3, 2),
    }  # fmt: skip
    question = state_question()
    due = {
        where: question(**asked, received=True, jurisdiction=where)["decision_due"]
        for where in (None, "NY", "CO")
    }
    assert due == {None: date(2026, 4, 16), "NY": date(2026, 4, 1), "CO": date(2026, 4, 16)}
    not_there = question(**asked, received=False, jurisdiction="NY")
    assert not_there["decision_due"] is None
    assert "an external appeal agent that New York" in not_there["waits"]

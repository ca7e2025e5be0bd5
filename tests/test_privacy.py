"""Patient data never leaks: planted values are found only where they belong.

An export and a remittance with sentinel values go through every command and every notebook, good
runs and failing ones. Then everything they left is searched: standard output and error, file
names, executed notebooks, HTML, manifests, temporary folders. The worklist, the report's workbook,
the letter and the case store may hold them; nothing else may.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from toolkit.cli import main

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"
MARK = "zqsent"
PERSONAL = {
    "Claim Number": "ZQSENT0001",
    "Payer Claim Number": "ZQSENTICN1",
    "Patient Name": "ZQSENTLAST, ZQSENTFIRST",
    "Member ID": "ZQSENTMEMBER",
    "Denial Reason": "Step therapy not met for ZQSENTNAME",
}
AS_OF = "2026-11-23"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of its own for home, temporary files and outputs, with the planted files."""
    here = tmp_path_factory.mktemp("privacy")
    for name in ("home", "tmp", "out", "in"):
        (here / name).mkdir()
    with (SAMPLES / "tour" / "denial.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    good = rows[0] | PERSONAL
    write(here / "in" / "good.csv", [good])
    bad = good | {
        "Service From": "ZQSENTDATE",
        "Billed Amount": "ZQSENTMONEY",
        "Reason Code (CARC)": "ZQSENT",
    }
    write(here / "in" / "bad_row.csv", [good, bad])
    write(here / "in" / NAMED, every_field(rows[0]))
    write(here / "in" / "no_column.csv", [{"ZQSENTHEADING": 1, "Patient Name": "ZQSENTLAST"}])
    (here / "in" / "empty.xlsx").write_bytes(b"ZQSENT is no workbook")
    text = (SAMPLES / "remits" / "quirks" / "q01_baseline.835").read_text(encoding="utf-8")
    remit = planted(text)
    (here / "in" / "good.835").write_text(remit, encoding="utf-8")
    (here / "in" / "cut.835").write_text(remit[: remit.index("CAS") + 6], encoding="utf-8")
    (here / "in" / "not.835").write_text("ZQSENT is no remittance", encoding="utf-8")
    facts = (SAMPLES / "tour" / "facts.yaml").read_text(encoding="utf-8")
    (here / "in" / "facts.yaml").write_text(facts.replace("Dana Reyes, MD", "ZQSENTDOCTOR, MD"))
    (here / "in" / "bad_facts.yaml").write_text("filer: ZQSENTFILER\nno_such_fact: ZQSENT\n")
    return here


NAMED = "Doe_Jane_ZQSENTFILE.csv"
# What reports group by, and what has to be read for there to be a denial; all other fields are planted.
NOT_PLANTED = {
    "Facility", "Contracted", "Case Status", "Stage", "Financial Class", "Group Code", "Birth Date",
    "Service From", "Service To", "Billed Amount", "Paid Amount", "Denied Amount", "Remittance Date",
    "Notice Date", "Notice Received",
}  # fmt: skip


def every_field(row: dict) -> list[dict]:
    """A file of a patient's name: one row with a sentinel in every field, two of a self-pay plan."""
    planted_ = {k: v if k in NOT_PLANTED else f"ZQSENT{k.upper()}" for k, v in row.items()}
    payer = {"Payer": "SELF PAY ZQSENT JANE"}
    person = row | payer | {"Payer ID": "", "Patient Name": "ZQSENTLAST, JANE"}
    return [
        planted_ | payer,
        person | {"Claim Number": "ZQSENT2"},
        person | {"Claim Number": "ZQSENT3"},
    ]


def write(path: Path, rows: list[dict]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def planted(text: str) -> str:
    """The remittance with a sentinel for the account, the claim number, the name and the member."""
    segments = text.split("~")
    for at, segment in enumerate(segments):
        parts = segment.strip().split("*")
        if parts[0] == "CLP":
            parts[1], parts[7] = "ZQSENTPCN", "ZQSENTICN"
        elif parts[:2] == ["NM1", "QC"]:
            parts += [""] * (10 - len(parts))
            parts[3], parts[4], parts[8], parts[9] = "ZQSENTLAST", "ZQSENTFIRST", "MI", "ZQSENTID"
        else:
            continue
        segments[at] = "*".join(parts)
    return "~".join(segments)


def run(place: Path, *words: str) -> tuple[int, str]:
    """Run one command in the folder; return its exit code and all that it printed."""
    environment = {
        **os.environ,
        "HOME": str(place / "home"),
        "TMPDIR": str(place / "tmp"),
        "MPLCONFIGDIR": str(place / "home" / "mpl"),
        "IPYTHONDIR": str(place / "home" / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(place / "home" / "runtime"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", *words],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    return done.returncode, done.stdout + done.stderr


def left_behind(place: Path, *, belongs: tuple[str, ...] = ()) -> list[str]:
    """Return the files below the folder, but for its inputs, that hold a planted value."""
    found = []
    for path in place.rglob("*"):
        inside = path.relative_to(place)
        if inside.parts[0] == "in" or path.is_dir():
            continue
        if MARK in str(inside).lower():
            found.append(f"name of {inside}")
        if not inside.name.endswith(belongs or ("\0",)) and MARK in contents(path):
            found.append(str(inside))
    return found


def contents(path: Path) -> str:
    """Return the file's text in lower case, unpacked where it is packed."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv().lower()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            return "".join(packed.read(n).decode("latin-1") for n in packed.namelist()).lower()
    return path.read_bytes().decode("latin-1").lower()


GOOD = [
    ("read", "in/good.csv", "in/good.835"),
    ("read", "in/bad_row.csv", "--json"),
    ("worklist", "in/good.csv", "in/good.835", "--as-of", AS_OF, "--out", "out/w.xlsx"),
    ("worklist", "in/bad_row.csv", "--as-of", AS_OF, "--out", "out/w.csv", "--json"),
    ("worklist", "in/good.835", "--as-of", AS_OF, "--out", "out/w.parquet"),
    ("draft", "in/good.csv", "--claim", "ZQSENT0001", "--as-of", AS_OF, "--out", "out/letter.docx")
    + ("--facts", "in/facts.yaml", "--payers", str(SAMPLES / "payers.csv")),
    ("record", "in/good.csv", "--claim", "ZQSENT0001", "--as-of", AS_OF, "--date", AS_OF)
    + ("--event", "note", "--proof", "ZQSENT0001 called", "--store", "out/s.sqlite"),
]
OUTPUTS = ("w.xlsx", "w.csv", "w.parquet", "letter.docx", "letter.record.json", "s.sqlite")
FAILING = [
    (("read", "in/no_column.csv"), 4),
    (("read", "in/empty.xlsx"), 4),
    (("read", "in/cut.835"), 4),
    (("read", "in/not.835"), 4),
    (("worklist", "in/good.csv", "--out", "out/w.txt"), 2),
    (("record", "in/good.csv", "--from", "in/empty.xlsx", "--store", "out/s.sqlite"), 4),
    (("worklist", "in/no_column.csv", "--out", "out/none.csv"), 4),
    (("report", "in/cut.835"), 4),
    (("draft", "in/good.csv", "--claim", "ZQSENTNOBODY", "--out", "out/no.docx"), 2),
    (("draft", "in/good.csv", "--claim", "ZQSENT0001", "--as-of", AS_OF, "--out", "out/no.pdf"), 3),
    (
        ("draft", "in/good.csv", "--claim", "ZQSENT0001", "--as-of", AS_OF, "--out", "out/no.pdf")
        + ("--facts", "in/bad_facts.yaml"),
        2,
    ),
    (
        ("record", "in/good.csv", "--claim", "ZQSENT0001", "--as-of", AS_OF, "--date", "1999-01-01")
        + ("--event", "note", "--proof", "ZQSENT0001 called", "--store", "out/s.sqlite"),
        3,
    ),
]


def test_the_planted_remittance_reads(place):
    code, said = run(place, "read", "in/good.835", "--json")
    assert code == 0 and '"claims": 1' in said


@pytest.mark.parametrize("words", GOOD, ids=lambda words: " ".join(words[:2]))
def test_a_command_tells_no_planted_value(place, words):
    code, said = run(place, *words)
    assert (code, MARK in said.lower()) == (0, False), said[:300]
    assert left_behind(place, belongs=OUTPUTS) == []


def test_the_reading_back_of_a_workbook_tells_no_planted_value(place):
    files = ("in/good.csv", "in/good.835")
    assert run(place, "worklist", *files, "--as-of", AS_OF, "--out", "out/w.xlsx")[0] == 0
    words = ("--from", "out/w.xlsx", "--as-of", AS_OF, "--store", "out/s.sqlite")
    code, said = run(place, "record", *files, *words)
    assert (code, MARK in said.lower()) == (0, False), said[:300]
    assert left_behind(place, belongs=OUTPUTS) == []


def test_the_verification_of_a_letter_tells_no_planted_value(place):
    draft = next(words for words in GOOD if words[0] == "draft")
    assert run(place, *draft)[0] == 0
    code, said = run(place, "verify", "out/letter.docx")
    assert (code, MARK in said.lower()) == (0, False), said[:300]
    assert left_behind(place, belongs=OUTPUTS) == []


def test_a_manifest_of_letters_tells_no_planted_value(place):
    words = ("draft", "in/good.csv", "--all", "--as-of", AS_OF, "--out", "out/all")
    code, said = run(
        place, *words, "--facts", "in/facts.yaml", "--payers", str(SAMPLES / "payers.csv")
    )
    folder = place / "out" / "all"
    manifest = contents(folder / "manifest.json")
    assert (code, MARK in said.lower(), MARK in manifest) == (0, False, False)
    assert '"state": "written"' in manifest and not any(MARK in p.name for p in folder.iterdir())
    shutil.rmtree(folder)


EVERY = [
    ("read",),
    ("read", "--json"),
    ("worklist", "--as-of", AS_OF, "--out", "out/w.csv"),
    ("worklist", "--as-of", AS_OF, "--out", "out/w.xlsx", "--engine", "duckdb", "--json"),
    ("history", "--as-of", AS_OF, "--claim", "ZQSENT2"),
    ("checklist", "--as-of", AS_OF, "--claim", "ZQSENT2"),
    ("map", "--out", "out/map.yaml"),
    ("balance", "in/good.835", "--out", "out/w.xlsx", "--json"),
    ("gather", "--book", "out/book"),
    ("draft", "--all", "--as-of", AS_OF, "--out", "out/letters"),
]


@pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words[:2]))
def test_no_field_and_no_name_of_a_file_is_told(place, words, capsys, monkeypatch):
    """The screen names the file as whoever typed it; nothing that is kept does."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(place / "tmp"))
    code = main([words[0], f"in/{NAMED}", *words[1:]])
    said = "".join(capsys.readouterr())
    assert (code, MARK in said.replace(NAMED, "").lower()) == (0, False), said[:300]
    shutil.rmtree(place / "out" / "book", ignore_errors=True)  # it holds what was read
    assert left_behind(place, belongs=OUTPUTS) == []


def test_what_a_killed_run_leaves_goes_with_the_next_command(place, capsys, monkeypatch):
    words = [
        "worklist",
        "in/good.csv",
        "--as-of",
        AS_OF,
        "--engine",
        "duckdb",
        "--out",
        "out/w.csv",
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "toolkit", *words], cwd=place, stdout=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(place / "tmp"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    while child.poll() is None and not list((place / "tmp").glob("denial-run-*/denial-book-*")):
        time.sleep(0.01)
    child.kill()
    child.wait()
    for path in (place / "tmp").iterdir():
        os.utime(path, (1, 1))
    monkeypatch.chdir(place)
    monkeypatch.setattr(tempfile, "tempdir", str(place / "tmp"))
    assert main(["read", "in/good.csv"]) == 0
    capsys.readouterr()
    assert list((place / "tmp").iterdir()) == []
    assert left_behind(place, belongs=OUTPUTS) == []


@pytest.mark.parametrize(("words", "exits"), FAILING, ids=lambda words: str(words)[:40])
def test_a_failing_command_tells_no_planted_value(place, words, exits):
    code, said = run(place, *words)
    assert code == exits, said[:300]
    assert MARK not in said.lower()
    assert left_behind(place, belongs=OUTPUTS) == []


def test_the_outputs_that_may_hold_them_do_and_are_private(place):
    run(place, "worklist", "in/good.csv", "--as-of", AS_OF, "--out", "out/w.xlsx")
    path = place / "out" / "w.xlsx"
    assert MARK in contents(path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("source", "kind"),
    [(NAMED, "plan"), ("bad_row.csv", "overdue"), ("good.835", "prevention")],
)
def test_reports_hold_planted_values_only_in_the_workbook(place, source, kind):
    """Every other kind is looked through in test_reports.py."""
    words = ("report", kind, f"in/{source}", "--as-of", AS_OF, "--out", "out/reports")
    by = ("--by", "payer") if source == NAMED else ()
    code, said = run(place, *words, *by, "--format", "html,xlsx,ipynb", "--json")
    assert (code, MARK in said.lower()) == (0, False), said[:300]
    made = sorted(p.suffix for p in (place / "out" / "reports" / AS_OF).iterdir())
    assert {".html", ".xlsx", ".ipynb", ".json"} <= set(made)
    assert left_behind(place, belongs=(*OUTPUTS, "-export.xlsx", "-export-self-pay.xlsx")) == []


@pytest.mark.parametrize("broken", [False, True])
def test_the_drafting_notebook_keeps_no_planted_value(place, broken):
    """Executed as papermill executes it, with the widgets' state off, and once failing."""
    export = place / "in" / ("good.csv" if not broken else "no_column.csv")
    script = (
        "import papermill\n"
        "try:\n"
        f"    papermill.execute_notebook({str(ROOT / 'notebooks' / 'draft_letters.ipynb')!r},\n"
        "        'out/draft.ipynb', progress_bar=False, store_widget_state=False,\n"
        f"        parameters={{'export': {str(export)!r}, 'as_of': '{AS_OF}',\n"
        "                    'store': 'out/cases.sqlite'})\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
    )
    environment = {**os.environ, "HOME": str(place / "home"), "TMPDIR": str(place / "tmp")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == ""
    assert MARK not in (done.stdout + done.stderr).lower()
    belongs = (
        "w.xlsx",
        "w.csv",
        "w.parquet",
        "letter.docx",
        "letter.record.json",
        "-export.xlsx",
        "-export-self-pay.xlsx",
        ".sqlite",
    )
    assert left_behind(place, belongs=belongs) == []

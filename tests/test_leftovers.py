"""What is put aside goes with the run, or is swept by the next one; and what is stored is told, and removed."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from toolkit import outputs
from toolkit.bulk import Book, gather
from toolkit.cli import main
from toolkit.cli.stored import KEPT
from toolkit.outputs import leftovers

EXPORT = Path(__file__).parents[1] / "data" / "samples" / "tour" / "denial.csv"
AS_OF = "2026-11-23"


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Give the temporary files of this test a folder of their own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def killed(path: Path) -> Path:
    """Make what a run that was killed some time ago left: marked, with a lock that nobody holds."""
    if path.suffix:
        path.write_text("ZQSENT")
    else:
        path.mkdir()
        (path / ".lock").touch()
        (path / "rows.arrow").write_text("ZQSENT")
    os.utime(path, (1, 1))
    return path


def test_a_run_has_one_folder_that_all_it_starts_uses_and_that_goes_with_it(temporary, monkeypatch):
    monkeypatch.setenv("TMPDIR", "before")
    with leftovers.run_folder() as own:
        assert own.parent == temporary and own.stat().st_mode & 0o077 == 0
        assert os.environ["TMPDIR"] == tempfile.gettempdir() == str(own)
        (own / "deep").mkdir()
        (own / "deep" / "x").touch()
    assert list(temporary.iterdir()) == []
    assert os.environ["TMPDIR"] == "before" and tempfile.gettempdir() == str(temporary)


def test_what_killed_runs_left_is_swept_and_what_a_run_holds_is_not(temporary, tmp_path):
    killed(temporary / "denial-run-old")
    killed(temporary / "another-program")
    killed(tmp_path / ".denial-abc.docx")
    with leftovers.run_folder() as other, outputs.whole(tmp_path / "held.csv") as held:
        os.utime(other, (1, 1))
        os.utime(held, (1, 1))
        with leftovers.run_folder(), outputs.whole(tmp_path / "w.csv") as path:
            path.write_text("done")
            assert held.exists() and other.exists()
        held.write_text("done")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["held.csv", "tmp", "w.csv"]
    assert [path.name for path in temporary.iterdir()] == ["another-program"]


def test_a_command_that_reads_claims_sweeps_and_leaves_nothing(temporary, tmp_path, capsys):
    killed(temporary / "denial-run-old")
    words = ["worklist", str(EXPORT), "--as-of", AS_OF, "--out", str(tmp_path / "w.xlsx"), "--json"]
    for engine in ("pandas", "duckdb"):
        assert main([*words, "--engine", engine]) == 0
        assert list(temporary.iterdir()) == []
    capsys.readouterr()


# --------------------------------------------------------------------------------------------- purge


@pytest.fixture
def stored(tmp_path, temporary, monkeypatch):
    """A hospital's folder with something of every kind that is kept."""
    monkeypatch.chdir(tmp_path)
    for folder in ("local/documents", "reports/letters/2026-01-31", "reports/mine"):
        (tmp_path / folder).mkdir(parents=True)
    for file in (
        "local/payers.csv", "local/cases.sqlite", "local/cases.sqlite-wal", "local/documents/ab12.pdf",
        "reports/letters/2026-01-31/x.docx", "reports/mine/notes.txt",
    ):  # fmt: skip
        (tmp_path / file).write_text("x")
    for day in ("2026-01-31", "2026-11-01"):
        folder = tmp_path / "reports" / day
        folder.mkdir()
        (folder / "a.html").write_text("x")
        entry = {"files": {"a.html": "", "../../local/payers.csv": ""}}
        (folder / "manifest.json").write_text(json.dumps({"reports": [entry]}))
    (tmp_path / "reports" / "2026-11-01" / "mine.xlsx").write_text("x")
    killed(tmp_path / "reports" / "2026-11-01" / ".denial-abc.html")
    killed(temporary / "denial-run-old")
    gather([EXPORT], Book.at(tmp_path / "book"), engine="pandas")
    return tmp_path


def purge(capsys, *words: str) -> tuple[int, dict]:
    code = main(["purge", "--as-of", AS_OF, "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_purge_alone_lists_what_is_stored_and_removes_nothing(stored, capsys):
    before = files(stored)
    code, said = purge(capsys, "--book", "book")
    assert code == 0 and said["would_remove"] == said["removed"] == []
    assert {one["what"]: one["files"] for one in said["stored"]} == {
        "leftovers": 2, "reports": 4, "letters": 1, "documents": 1, "cases": 2, "book": 1,
    }  # fmt: skip
    assert files(stored) == before


def test_purge_needs_a_yes_and_a_dry_run_says_what_would_go(stored, capsys):
    before = files(stored)
    code, said = purge(capsys, "cases")
    assert code == 3 and said["needs"] == ["--yes, after looking at --dry-run"]
    code, said = purge(capsys, "cases", "documents", "--dry-run", "--yes")
    assert code == 0 and said["removed"] == []
    assert [Path(one).name for one in said["would_remove"]] == [
        "ab12.pdf", "cases.sqlite", "cases.sqlite-wal",
    ]  # fmt: skip
    assert files(stored) == before


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        (["leftovers"], {"tmp/denial-run-old/.lock", "tmp/denial-run-old/rows.arrow", "reports/2026-11-01/.denial-abc.html"}),
        (["reports", "letters", "--older-than", "90"],
         {"reports/2026-01-31/a.html", "reports/2026-01-31/manifest.json", "reports/letters/2026-01-31/x.docx"}),
        (["cases"], {"local/cases.sqlite", "local/cases.sqlite-wal"}),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else "",
)  # fmt: skip
def test_purge_removes_what_it_is_told_and_nothing_else(stored, capsys, words, gone):
    before = files(stored)
    code, said = purge(capsys, *words, "--yes")
    assert (code, before - files(stored)) == (0, gone)
    assert files(stored) <= before and len(said["removed"]) >= 2
    assert not (stored / "reports" / "2026-01-31").exists() or "letters" not in words


def test_purge_removes_a_book_and_no_other_folder(stored, capsys):
    assert purge(capsys, "book", "--book", "local", "--yes")[0] == 2
    assert purge(capsys, "book", "--yes")[0] == 2
    assert purge(capsys, "everything", "--yes")[0] == 2
    assert purge(capsys, "cases", "--older-than", "3", "--yes")[0] == 2
    assert purge(capsys, "book", "--book", "book", "--yes")[0] == 0
    assert not (stored / "book").exists() and (stored / "local" / "payers.csv").exists()


def test_the_page_on_privacy_says_what_is_stored_as_purge_does():
    page = (Path(__file__).parents[1] / "docs" / "privacy.md").read_text(encoding="utf-8")
    for kept in KEPT:
        row = f"| `{kept.word}` | {kept.what} | {kept.where} | {kept.by} | {kept.until} |"
        assert row in page

"""From an export to a finished letter: triage, the facts file, the draft on the command line."""

import json
from pathlib import Path

import pytest
from pypdf import PdfReader

from toolkit.cli import main
from toolkit.rules import load_yaml

HERE = Path(__file__).parent
TOUR = HERE.parent / "data" / "samples" / "tour"
CASES = load_yaml(HERE / "cases" / "letters" / "from_an_export.yaml")["cases"]


@pytest.fixture(scope="module")
def command() -> list[str]:
    return [
        "draft", str(TOUR / "ten_denials.csv"), "--as-of", "2026-11-23",
        "--payers", str(TOUR.parent / "payers.csv"), "--facts", str(TOUR / "ten_facts.yaml"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def written(command, tmp_path_factory) -> dict[str, Path]:
    """The letters of all ten denials, by claim number, written in one go."""
    folder = tmp_path_factory.mktemp("ten")
    none = ["--store", str(folder / "none.sqlite")]
    assert main([*command, *none, "--all", "--out", str(folder / "out"), "--format", "pdf"]) == 0
    made = json.loads((folder / "out" / "manifest.json").read_text())["denials"]
    assert [one["state"] for one in made] == ["written"] * 10
    claims = [f"SYN{number:09d}" for number in range(101, 111)]
    return {claim: folder / "out" / one["file"] for claim, one in zip(claims, made, strict=True)}


@pytest.mark.parametrize("one", CASES, ids=lambda one: one["case"])
def test_a_denial_of_an_export_becomes_a_finished_letter(one, written):
    pages = [page.extract_text() for page in PdfReader(written[one["claim"]]).pages]
    text = " ".join(" ".join(pages).split()).replace("\u00a0", " ")
    for said in one["says"]:
        assert said in text, (said, text)
    for unsaid in one.get("says_not", ()):
        assert unsaid not in text, unsaid
    member = f"TEST38049{7500 + int(one['claim'][-3:])}"
    assert all(member in page for page in pages)  # every page can be found again


def test_the_hospitals_letterhead_is_written_edited_and_used(
    tmp_path, command, capsys, monkeypatch
):
    from docx import Document

    monkeypatch.chdir(tmp_path)
    letterhead = tmp_path / "local" / "letterhead.docx"
    assert main(["draft", "--new-template", str(letterhead)]) == 0
    assert "{{ letter }}: the whole letter" in capsys.readouterr().out
    assert main(["draft", "--new-template", str(letterhead)]) == 2  # never over one that is edited
    document = Document(str(letterhead))
    document.sections[0].header.paragraphs[0].text = "Seen by the lake"
    document.save(str(letterhead))
    command = [*command, "--claim", "SYN000000102"]
    assert main([*command, "--out", "letter.docx"]) == 0, capsys.readouterr().err
    assert "Seen by the lake" in Document("letter.docx").sections[0].header.paragraphs[0].text
    assert main(["verify", "letter.docx"]) == 0
    document.paragraphs[0].text = "{{ nobody }}"
    document.save(str(letterhead))
    capsys.readouterr()
    assert main([*command, "--out", "other.docx"]) == 4
    assert "letterhead.docx: paragraph 1: there is no field {{ nobody }}" in capsys.readouterr().err
    assert not Path("other.docx").exists()
    assert main([*command, "--out", "a.pdf", "--template", str(letterhead)]) == 2
    assert main(["draft", "--claim", "x"]) == 2


def test_the_patients_own_letter_is_on_no_letterhead(tmp_path):
    from docx import Document
    from test_letters import letter_of

    from toolkit import letters
    from toolkit.letters.template import make_template

    own = make_template(tmp_path / "own.docx")
    document = Document(str(own))
    document.sections[0].header.paragraphs[0].text = "Maple Harbor"
    document.save(str(own))
    letter = letter_of({"filer": "enrollee", "patient_address": "12 Sample Road"})
    assert not letter.on_letterhead and letter_of().on_letterhead
    path = letters.write(letter, tmp_path / "a.docx", template=own)
    assert "Maple Harbor" not in Document(str(path)).sections[0].header.paragraphs[0].text

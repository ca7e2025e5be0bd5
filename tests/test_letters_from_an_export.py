"""From an export to a finished letter: triage, the facts file, the draft on the command line."""

import csv
from pathlib import Path

import pytest
from pypdf import PdfReader

from toolkit.cli import main
from toolkit.rules import load_yaml

HERE = Path(__file__).parent
SAMPLE = HERE.parent / "data" / "samples" / "tour" / "denial.csv"
BOOK = load_yaml(HERE / "cases" / "letters" / "from_an_export.yaml")


def _export(folder: Path, row: dict) -> Path:
    with SAMPLE.open(newline="") as lines:
        (first,) = csv.DictReader(lines)
    path = folder / "export.csv"
    with path.open("w", newline="") as out:
        rows = csv.DictWriter(out, [*first])
        rows.writeheader()
        rows.writerow({**first, **row})
    (folder / "payers.csv").write_text("payer_name,program\n")
    return path


def _facts(folder: Path, entered: dict) -> Path:
    import json

    chart = {**BOOK["sender"], **(BOOK[entered["chart"]] if "chart" in entered else {})}
    values = {**chart, **{name: value for name, value in entered.items() if name != "chart"}}
    path = folder / "facts.yaml"
    path.write_text("\n".join(f"{name}: {json.dumps(value)}" for name, value in values.items()))
    return path


@pytest.mark.parametrize("one", BOOK["cases"], ids=lambda one: one["case"])
def test_a_denial_of_an_export_becomes_a_finished_letter(one, tmp_path, capsys):
    export = _export(tmp_path, one["row"])
    facts = _facts(tmp_path, one["entered"])
    command = ["draft", str(export), "--claim", "SYN000000001", "--as-of", "2026-11-23"]
    command += ["--payers", str(tmp_path / "payers.csv"), "--facts", str(facts)]
    command += ["--kind", one["kind"]] if "kind" in one else []
    code = main([*command, "--out", str(tmp_path / "letter.pdf")])
    assert code == 0, capsys.readouterr().err
    pages = [page.extract_text() for page in PdfReader(tmp_path / "letter.pdf").pages]
    text = " ".join(" ".join(pages).split()).replace("\u00a0", " ")
    for said in one["says"]:
        assert said in text, (said, text)
    for unsaid in one.get("says_not", ()):
        assert unsaid not in text, unsaid
    assert all("TEST380497508" in page for page in pages)  # every page can be found again


def test_the_hospitals_letterhead_is_written_edited_and_used(tmp_path, capsys, monkeypatch):
    from docx import Document

    monkeypatch.chdir(tmp_path)
    letterhead = tmp_path / "local" / "letterhead.docx"
    assert main(["draft", "--new-template", str(letterhead)]) == 0
    assert "{{ letter }}: the whole letter" in capsys.readouterr().out
    assert main(["draft", "--new-template", str(letterhead)]) == 2  # never over one that is edited
    document = Document(str(letterhead))
    document.sections[0].header.paragraphs[0].text = "Seen by the lake"
    document.save(str(letterhead))
    one = BOOK["cases"][0]
    export, facts = _export(tmp_path, one["row"]), _facts(tmp_path, one["entered"])
    command = ["draft", str(export), "--claim", "SYN000000001", "--as-of", "2026-11-23"]
    command += ["--payers", str(tmp_path / "payers.csv"), "--facts", str(facts)]
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

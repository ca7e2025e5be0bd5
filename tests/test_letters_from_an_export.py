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

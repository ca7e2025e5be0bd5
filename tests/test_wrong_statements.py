"""Statements that are common on denials and wrong stand in no text of ours: rules, pages, help."""

import json
import re
from argparse import ArgumentParser
from functools import cache
from pathlib import Path

import pytest

from toolkit.rules import RULES, load_yaml, read_markdown

ROOT = Path(__file__).parents[1]
ROWS = load_yaml(Path(__file__).parent / "cases" / "letters" / "wrong_statements.yaml")
# A row that names programs speaks of those alone.
OF_MEDICARE_ADVANTAGE = [
    row for row in ROWS if "medicare_advantage" in row.get("programs", ["medicare_advantage"])
]

# Words that payers write, which we read and do not say.
PAYERS_WORDS = {"denials/phrases.yaml", "denials/roles.yaml", "denials/topics.yaml"}


def strings(value) -> list[str]:
    if isinstance(value, str):
        return [" ".join(value.split())]
    inner = value.values() if isinstance(value, dict) else value or ()
    return [text for one in inner for text in strings(one)]


def of_rule_file(path: Path) -> list[str]:
    if path.suffix == ".yaml":
        return strings(load_yaml(path))
    if path.suffix == ".csv":
        import csv

        with path.open(encoding="utf-8", newline="") as lines:
            return [cell for row in csv.reader(lines) for cell in row]
    front, body = read_markdown(path, dict)
    return [*strings(front), *of_markdown(body)]


def of_markdown(text: str) -> list[str]:
    """Paragraphs, and each line of a table, list or code by itself."""
    units = []
    for block in re.split(r"\n\s*\n", text):
        parts = re.split(r"\n(?=\s*(?:[-|*#>$]|\d+\.))", block)
        units += [" ".join(part.split()) for part in parts]
    return units


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Every text that users see, with the place where it stands."""
    found = []
    for path in sorted(RULES.rglob("*")):
        where = path.relative_to(RULES).as_posix()
        if path.suffix in (".yaml", ".csv", ".md") and where not in PAYERS_WORDS:
            found += [(where, text) for text in of_rule_file(path)]
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        where = path.relative_to(ROOT).as_posix()
        found += [(where, text) for text in of_markdown(path.read_text(encoding="utf-8"))]
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                found += [(path.name, text) for text in of_markdown("".join(cell["source"]))]
    return (*found, *helps())


def helps() -> list[tuple[str, str]]:
    from toolkit.cli.parser import parser_of

    parser = parser_of()
    commands = next(
        action.choices
        for action in parser._actions
        if isinstance(action.choices, dict)
        and all(isinstance(one, ArgumentParser) for one in action.choices.values())
    )
    return [
        (f"toolkit {name} --help".replace("  ", " "), " ".join(one.format_help().split()))
        for name, one in (("", parser), *commands.items())
    ]


def pattern(row: dict, name: str) -> re.Pattern:
    return re.compile(row.get(name, row["pattern"]), re.IGNORECASE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["wrong"][:60])
def test_a_wrong_statement_stands_in_no_text_that_users_see(row):
    wrong = pattern(row, "anywhere")
    assert [(where, text) for where, text in texts() if wrong.search(text)] == []


@pytest.mark.parametrize("row", OF_MEDICARE_ADVANTAGE, ids=lambda row: row["wrong"][:60])
def test_the_rules_of_medicare_advantage_are_held_to_the_measure_of_its_letters(row):
    wrong = pattern(row, "pattern")
    for where, text in texts():
        if where == "programs/medicare_advantage.yaml":
            assert not wrong.search(text), text


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["wrong"][:60])
def test_each_pattern_catches_its_own_wrong_example_and_lets_the_true_one_pass(row):
    assert pattern(row, "pattern").search(row["example"])
    assert pattern(row, "anywhere").search(row.get("anywhere_example", row["example"]))
    assert ("anywhere" in row) == ("anywhere_example" in row)
    assert not pattern(row, "anywhere").search(row.get("true", ""))


@pytest.mark.parametrize(
    "folder",
    ["programs", "letters", "authorities", "denials", "docs/", "toolkit deadline", ".ipynb"],
)
def test_the_texts_come_from_every_place_that_users_read(folder):
    assert any(folder in where for where, _ in texts())


def test_a_wrong_statement_put_into_any_kind_of_file_would_be_found(tmp_path):
    said = "Most step-therapy denials are usually overturned."
    wrong = next(row for row in ROWS if row["wrong"] == "a success rate")
    for name, content in (
        ("rule.yaml", f"levels:\n  - why: >\n      {said}\n"),
        ("codes.csv", f"code,says\n1,{said}\n"),
        ("clause.md", f"---\nid: x\n---\nA sentence.\n{said}\n"),
    ):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        assert any(pattern(wrong, "anywhere").search(text) for text in of_rule_file(path)), name
    for markdown in (f"# Title\n\n{said}", f"| a | b |\n|---|---|\n| x | {said} |", f"- {said}"):
        assert any(pattern(wrong, "anywhere").search(text) for text in of_markdown(markdown))

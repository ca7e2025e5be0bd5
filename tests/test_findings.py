"""Findings for people: one of a kind, the worst first, each saying what it does to the numbers."""

import ast
import json
from pathlib import Path

import pandas as pd
import pytest

from toolkit.claims import read
from toolkit.claims.export.cells import PROBLEMS
from toolkit.claims.findings import SEVERITIES, effects, lines, summarized, together
from toolkit.claims.tables import conform
from toolkit.cli import main
from toolkit.errors import ToolkitError

ROOT = Path(__file__).parents[1]
TOOLKIT = ROOT / "toolkit"
HEADS = "Claim Number,Payer,Reason Code,Group Code,Denied Amount,Denial Date\n"


def literals() -> set[str]:
    found = set()
    for folder in ("claims", "bulk", "cases", "history", "metrics"):
        for path in (TOOLKIT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {
                n.value
                for n in ast.walk(tree)
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
    return found


def test_every_kind_on_record_is_one_that_a_reader_gives():
    assert set(effects()) - literals() == set()


def test_every_problem_of_a_cell_says_what_it_does_to_the_numbers():
    assert set(PROBLEMS) - set(effects()) == set()


@pytest.mark.parametrize("folder", [ROOT / "data" / "samples", Path(__file__).parent / "data"])
def test_every_kind_that_any_sample_gives_says_what_it_does_to_the_numbers(folder):
    known, met = set(effects()), set()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix in (".md", ".yaml", ".py", ".csv.gz"):
            continue
        try:
            met |= set(read(path).findings["code"])
        except ToolkitError:
            continue
    assert met
    assert met - known == set()


def table(*rows: tuple) -> pd.DataFrame:
    names = ["file", "row", "column", "code", "says", "count"]
    return conform(pd.DataFrame(rows, columns=names), "findings")


def test_a_kind_is_told_once_with_its_count_and_first_rows_the_worst_first():
    kinds = summarized(table(
        ("a.csv", 9, "", "totals_row", "2 rows with totals of other rows, left out; this is the first", 2),
        *(("a.csv", row, "", "ragged_row", "has 3 cells", None) for row in (8, 3, 5, 4, 7, 6)),
        ("b.csv", 2, "", "ragged_row", "has 9 cells", None),
    ))  # fmt: skip
    assert [(k.code, k.count, k.rows, k.files) for k in kinds] == [
        ("ragged_row", 7, (2, 3, 4, 5, 6), ("a.csv", "b.csv")),
        ("totals_row", 2, (9,), ("a.csv",)),
    ]
    assert kinds[1].says == "with totals of other rows, left out"
    assert kinds[0].severity == SEVERITIES[0]


def test_the_kinds_of_parts_add_up_to_those_of_the_whole():
    every = table(
        *(
            ("a.csv", n, "units", ("not_a_number", "scientific")[n % 2], "x", None)
            for n in range(40)
        )
    )
    parts = [summarized(every.iloc[at : at + 7]) for at in range(0, 40, 7)]
    assert together(parts) == summarized(every)


def test_a_kind_nobody_described_is_shown_all_the_same():
    [kind] = summarized(table(("a.csv", 1, "", "brand_new", "says something", None)))
    assert kind.severity == "asks"
    assert lines([kind]) == ["says something (first in row 1). See the rows that it names."]


def test_thousands_of_bad_cells_are_one_line_in_every_answer(tmp_path, capsys):
    path = tmp_path / "a.csv"
    body = "".join(f"A{n},Elm,50,CO,soon,2026-13-45\n" for n in range(3000))
    path.write_text(HEADS + body, encoding="utf-8")
    for engine in ("pandas", "duckdb"):
        out = tmp_path / "w.csv"
        assert main(["worklist", str(path), "--as-of", "2026-10-01", "--out", str(out),
                     "--engine", engine, "--json"]) == 0  # fmt: skip
        answer = json.loads(capsys.readouterr().out)
        bad = {one["code"]: one for one in answer["findings_list"]}
        assert bad["not_money"]["count"] == bad["impossible_date"]["count"] == 3000
        assert bad["not_money"]["rows"] == [2, 3, 4, 5, 6]
        assert answer["denied"] is None
        assert len(answer["findings_list"]) < 8
        assert [one["severity"] for one in answer["findings_list"]] == sorted(
            (one["severity"] for one in answer["findings_list"]), key=SEVERITIES.index
        )
    assert main(["read", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {"code", "column", "says", "effect", "severity", "count", "rows", "files"} == set(
        found[0]
    )

"""Files as people really have them: what comes of each, asked through the command line."""

import csv
import html
import json
import re
from pathlib import Path

import pytest
import yaml

from toolkit.cli import main

FIELD = Path(__file__).parent / "data" / "field"
CASES = [
    pytest.param(folder, case, id=case["id"])
    for folder in (FIELD, FIELD / "guard")
    for case in yaml.safe_load((folder / "cases.yaml").read_text(encoding="utf-8"))
]


@pytest.fixture
def told(capsys):
    """Give a function that runs a command and returns its exit code and its JSON."""

    def run(*words) -> tuple[int, dict]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out = capsys.readouterr().out
        return code, json.loads(out) if "--json" in words and out.strip() else {}

    return run


def cents(text: str) -> int:
    return round(float(text.replace(",", "")) * 100) if text else 0


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_a_file_of_the_field_gives_what_is_right(folder, case, told, tmp_path):
    files = [folder / name for name in case["files"]]
    expect = dict(case["expect"])
    asks = {"text": _text, "cli": _command, "report": _report}.get(case["asks"], _rows)
    wrong = asks(files, case, expect, told, tmp_path)
    assert not wrong, wrong


def _text(files, case, expect, told, folder) -> list[str]:
    _, found = told("classify", "--text", files[0].read_text(encoding="utf-8"), "--json")
    return _differs("denial_category", found["denial_category"], expect["text_category"])


def _command(files, case, expect, told, folder) -> list[str]:
    code, _ = told(*(word.format(file=files[0], tmp=folder) for word in expect["cli"]))
    return _differs("exit code", code, expect["rc"])


def _report(files, case, expect, told, folder) -> list[str]:
    told("report", "outcomes", files[0], "--as-of", case["as_of"], "--format", "html",
         "--out", folder, "--json")  # fmt: skip
    [page] = [path for path in folder.rglob("*.html") if "outcomes" in path.name]
    text = re.sub(r"<(script|style).*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))
    return [] if expect["html_has"] in text else ["the report does not say it"]


def _rows(files, case, expect, told, folder) -> list[str]:
    _, read = told("read", *files, "--json")
    wrong = []
    for name, value in expect.pop("json", {}).items():
        wrong += _differs(name, read.get(name), value)
    for name, key in (("n_claims", "claims"), ("appeals", "appeal_events")):
        if name in expect:
            wrong += _differs(key, read[key], expect.pop(name))
    if "plb_cents" in expect:
        total = cents(read["provider_adjustments_total"])
        wrong += _differs("provider adjustments", total, expect.pop("plb_cents"))
    if case["asks"] == "read":
        return wrong
    for engine in ("pandas", "duckdb"):
        out = folder / f"{engine}.csv"
        code, said = told("worklist", *files, "--as-of", case["as_of"], "--out", out,
                          "--engine", engine, "--json")  # fmt: skip
        wrong += _differs("exit code", code, 0)
        with out.open(encoding="utf-8-sig", newline="") as file:
            wrong += [
                f"{engine}: {one}" for one in _worklist(list(csv.DictReader(file)), said, expect)
            ]
    return wrong


def _worklist(rows: list[dict], said: dict, expect: dict) -> list[str]:
    wrong = []
    for what, value in expect.items():
        wrong += _CHECKS[what](rows, said, value)
    return wrong


def _differs(what: str, found, wanted) -> list[str]:
    return [] if found == wanted else [f"{what} {found}, not {wanted}"]


def _all_rows(rows, said, wanted) -> list[str]:
    wrong = []
    for want in wanted:
        fits = [row for row in rows if all(_is(row, name, value) for name, value in want.items())]
        wrong += [] if fits else [f"no row {want}"]
    return wrong


def _is(row: dict, name: str, value) -> bool:
    return cents(row["denied"]) == value if name == "denied_cents" else row[name] == value


def _notice(rows, number: str) -> str:
    return next((r["notice_date"] for r in rows if r["patient_control_number"] == number), "no row")


_CHECKS = {
    "open_denials": lambda rows, said, n: _differs(
        "open denials", sum(row["due"] != "closed" for row in rows), n
    ),
    "denied_cents": lambda rows, said, n: _differs(
        "denied", sum(cents(row["denied"]) for row in rows), n
    ),
    "denied_min_cents": lambda rows, said, n: (
        [] if sum(cents(row["denied"]) for row in rows) >= n else ["denied is less"]
    ),
    "rows": _all_rows,
    "claims": _all_rows,
    "not_denied": lambda rows, said, numbers: [
        f"{row['patient_control_number']} is a denial"
        for row in rows
        if row["patient_control_number"] in numbers and row["due"] != "closed"
    ],
    "ids": lambda rows, said, numbers: [
        f"no claim {one}" for one in numbers if one not in {r["patient_control_number"] for r in rows}
    ],
    "dates": lambda rows, said, days: [
        one for number, day in days.items() for one in _differs(number, _notice(rows, number), day)
    ],
    "dates_not": lambda rows, said, days: [
        f"{number} read as {day}" for number, day in days.items() if _notice(rows, number) == day
    ],
    "json_not": lambda rows, said, values: [
        f"{name} {value}" for name, value in values.items() if str(said.get(name)) == value
    ],
}  # fmt: skip

"""Reports in batch: one each by payer or facility, nothing made twice, nothing written over, nothing left."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from reports_sources import AS_OF, SENTINEL, Rows, source

from toolkit import outputs
from toolkit.claims import Claims
from toolkit.cli import main
from toolkit.errors import InputError, ReportError
from toolkit.metrics import Effort, assumed
from toolkit.metrics.facts import without_persons
from toolkit.reports import manifest, run, run_reports, words
from toolkit.reports.groups import Groups
from toolkit.reports.source import Source, frame, parcel

KINDS = ["overdue"]
ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def without_studies(monkeypatch):
    """Leave out the statistics where no report names a table of them: what is placed turns on none."""
    prepare = run.prepare

    def quick(folder, facts, names):
        names = list(names)
        if names:
            prepare(folder, facts, names)

    monkeypatch.setattr(run, "prepare", quick)


def made(out: Path, one: Source, **asked) -> list[Path]:
    """Make the workbooks only, in which no kernel has a part."""
    asked = {"formats": ("xlsx",), "progress": False} | asked
    return run_reports(asked.pop("kinds", KINDS), [one], as_of=AS_OF, out=out, **asked)


def entries(folder: Path) -> list[dict]:
    return json.loads((folder / "manifest.json").read_text("utf-8"))["reports"]


def given_rows(rows: int) -> Rows:
    """Return a source of payers that are told apart by their names."""
    given = source(rows=rows)
    unnumbered = pd.Series(None, index=given.worklist.index, dtype="str")
    return replace(given, worklist=given.worklist.assign(payer_id=unnumbered))


@pytest.fixture(scope="module")
def whole() -> Source:
    return given_rows(120).source


# ------------------------------------------------------------------------------------- one report each


@pytest.mark.parametrize("by", ["payer", "facility"])
def test_groups_hold_each_denial_and_appeal_of_the_whole_once(whole, by):
    groups = Groups(whole, by)
    parts = [groups.one(key) for key in groups.names]
    assert len(parts) == {"payer": 4, "facility": 2}[by]
    groups.check(parcel(one).facts for one in parts)
    for name in ("worklist", "appeals", "numbers"):
        assert sum(len(getattr(one, name)) for one in parts) == len(getattr(whole, name))
    with pytest.raises(ReportError, match=f"by {by} do not add up to the whole: denials: "):
        groups.check(parcel(one).facts for one in parts[1:])


def test_a_source_without_denials_has_no_payer_to_report_on(tmp_path):
    given = given_rows(5)
    nothing = Source.of("x", Claims(), given.worklist.iloc[:0], AS_OF)
    with pytest.raises(ReportError, match="x: no denial and no appeal, so there is no payer"):
        made(tmp_path / "out", nothing, one_each="payer")
    assert not (tmp_path / "out").exists()


def test_the_bridge_of_groups_adds_up_to_that_of_the_whole():
    from toolkit.hospital import Hospital
    from toolkit.metrics import tables
    from toolkit.reports.page import sample_claims
    from toolkit.worklist.triage import triage

    claims = sample_claims(AS_OF)
    worklist = triage(claims, as_of=AS_OF, hospital=Hospital.unknown())
    one = Source.of("x", claims, worklist, AS_OF)
    groups = Groups(one, "payer")
    assert len(groups.names) > 1
    parts = pd.concat([tables.bridge(parcel(groups.one(key)).facts) for key in groups.names])
    sums = parts.groupby("step")[["adjustments", "cents"]].sum()
    assert sums.equals(
        tables.bridge(parcel(one).facts).groupby("step")[["adjustments", "cents"]].sum()
    )


def test_each_payer_gets_a_report_and_one_that_fails_stops_no_other(whole, tmp_path, monkeypatch):
    agreed = run.agree

    def fails(given, by):
        if given.facts.names("payer_name", given.facts.payers)[1:] == ["Aster Advantage"]:
            raise ReportError("the numbers do not agree")
        return agreed(given, by)

    monkeypatch.setattr(run, "agree", fails)
    with pytest.raises(ReportError, match="1 of 4 reports failed: synthetic-aster-adv") as stopped:
        made(tmp_path, whole, one_each="payer")
    assert set(stopped.value.answer["failed"]) == {"synthetic-aster-advantage"}
    folder = tmp_path / AS_OF.isoformat()
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "overdue_cases-synthetic-blue-ridge-co.xlsx",
        "overdue_cases-synthetic-northwind-health.xlsx",
        "overdue_cases-synthetic-state-medicaid-plan.xlsx",
    ]
    assert json.loads((folder / "manifest.json").read_text())["failed"].keys() == {
        "synthetic-aster-advantage"
    }
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.xlsx")}
    monkeypatch.setattr(run, "agree", agreed)
    assert len(made(tmp_path, whole, one_each="payer")) == 5
    assert {path: path.stat().st_mtime_ns for path in before} == before  # only what failed was made
    assert sum(one["denials"] for one in entries(folder)) == 120


def test_the_command_says_what_failed_and_what_stands(tmp_path, monkeypatch, capsys):
    def fails(*_):
        raise ReportError("the numbers do not agree")

    monkeypatch.setattr(run, "agree", fails)
    export = str(ROOT / "data" / "samples" / "tour" / "denial.csv")
    words_ = ["report", "overdue", export, "--by", "payer", "--format", "xlsx"]
    assert main([*words_, "--out", str(tmp_path / "r"), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["error"].endswith("the numbers do not agree. No report was written.")
    assert not (tmp_path / "r").exists()


# -------------------------------------------------------------------- what is done, and what was restated


def test_what_is_done_and_unchanged_is_kept_and_nothing_is_written_over(whole, tmp_path):
    first = made(tmp_path, whole)
    again = made(tmp_path, whole)
    assert again == first
    other = made(tmp_path, whole, by="facility")
    assert [path.name for path in other] == ["overdue_cases-synthetic-2.xlsx", "manifest.json"]
    [entry, second] = entries(first[0].parent)
    assert entry["source"] == second["source"] == "synthetic"
    assert entry["made_from"]["asked"]["by"] == "payer"
    first[0].write_bytes(b"edited")
    third = made(tmp_path, whole)
    assert third[0].name == "overdue_cases-synthetic-3.xlsx"
    assert first[0].read_bytes() == b"edited"


def test_a_batch_that_is_ended_leaves_what_is_finished_and_goes_on_from_there(
    whole, tmp_path, monkeypatch
):
    plan, planned = run._plan, []

    def until(asked, one, *more):
        planned.append(one.name)
        if len(planned) == 3:
            raise KeyboardInterrupt
        plan(asked, one, *more)

    with monkeypatch.context() as patched:
        patched.setattr(run, "_plan", until)
        with pytest.raises(KeyboardInterrupt):
            made(tmp_path, whole, one_each="payer")
    folder = tmp_path / AS_OF.isoformat()
    stands = {path: path.stat().st_mtime_ns for path in folder.glob("*.xlsx")}
    assert [one["source"] for one in entries(folder)] == sorted(planned[:2])
    assert len(stands) == 2
    made(tmp_path, whole, one_each="payer")
    assert len(entries(folder)) == len(list(folder.glob("*.xlsx"))) == 4
    assert {path: path.stat().st_mtime_ns for path in stands} == stands


def test_a_batch_that_does_not_add_up_takes_back_what_it_placed(whole, tmp_path, monkeypatch):
    def differs(*_):
        raise ReportError("the reports by payer do not add up to the whole")

    monkeypatch.setattr(Groups, "check", differs)
    with pytest.raises(ReportError, match="do not add up"):
        made(tmp_path, whole, one_each="payer")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("rows", "what people recorded, the payers or the contracts changed"),
        ("files", "other files"),
    ],
)
def test_a_restated_number_says_what_was_and_why(whole, tmp_path, change, why):
    [_, before] = made(tmp_path / "before", whole)
    given = given_rows(110)
    if change == "files":
        claims = replace(given.claims, files=given.claims.files.assign(file_id="ee12cd34"))
        given = replace(given, claims=claims)
    written = made(tmp_path / "now", given.source, before=before)
    said = json.loads(written[-1].read_text())["restated"]
    [one] = [row for row in said if row["metric"] == "overdue"]
    assert one["before"] != one["now"]
    assert one["why"][0] == why
    assert words.restated(one).startswith("overdue, synthetic: Overdue: ")
    assert made(tmp_path / "same", whole, before=before)
    assert (
        json.loads((tmp_path / "same" / AS_OF.isoformat() / "manifest.json").read_text())[
            "restated"
        ]
        == []
    )


def test_another_cost_of_work_makes_the_report_anew(whole, tmp_path):
    made(tmp_path, whole)
    dearer = Effort(
        **{name: getattr(assumed(), name) for name in Effort.__struct_fields__} | {"fee": 9}
    )
    assert "-2" in made(tmp_path, whole, effort=dearer)[0].name


def test_what_is_no_manifest_is_refused_before_the_work(whole, tmp_path):
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(InputError, match=r"x.json: expected the manifest.json"):
        made(tmp_path / "out", whole, before=tmp_path / "x.json")
    assert manifest.earlier(tmp_path) == []


# ----------------------------------------------------------------------------- a set is placed whole


def test_a_disk_that_fails_while_a_set_is_placed_leaves_none_of_it(whole, tmp_path, monkeypatch):
    put, calls = outputs.put_new, []

    def fails(*paths):
        calls.append(paths)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(*paths)

    made(tmp_path, whole, kinds=["definitions"])
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(outputs, "put_new", fails)
    with pytest.raises(OSError):
        made(tmp_path, whole, one_each="facility")
    assert sorted(tmp_path.rglob("*")) == before
    assert len(entries(tmp_path / AS_OF.isoformat())) == 1


def test_a_full_disk_is_told_in_words_whatever_library_met_it(monkeypatch, tmp_path, capsys):
    from xlsxwriter.exceptions import FileCreateError

    def full(*_, **__):
        raise FileCreateError(OSError(errno.ENOSPC, "No space left on device"))

    monkeypatch.setattr("toolkit.reports.worked_list.write_worked_list", full)
    export = str(ROOT / "data" / "samples" / "tour" / "denial.csv")
    assert main(["worklist", export, "--out", str(tmp_path / "w.xlsx")]) == 1
    assert "the disk is full" in capsys.readouterr().err


def test_a_report_that_ends_by_a_signal_leaves_nothing_behind(tmp_path):
    """SIGTERM while kernels run, as a scheduler's time limit sends it."""
    folder, out = tmp_path / "tmp", tmp_path / "out"
    folder.mkdir()
    export = ROOT / "data" / "samples" / "exports" / "generic.csv"
    child = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "report", "overdue", str(export), "--out", str(out)],
        env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    until = time.monotonic() + 60
    while not list(folder.glob("*/denial-report-*/kernel-*")) and time.monotonic() < until:
        time.sleep(0.02)
    assert list(folder.glob("*/denial-report-*/kernel-*"))
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) == 128 + signal.SIGTERM
    assert not list(folder.rglob("*"))
    assert not out.exists()


# ------------------------------------------------------------------------- names, shared reports, pages


@pytest.mark.parametrize(
    ("payer", "shown"),
    [
        (f"SELF PAY {SENTINEL} JANE", "Self-pay"),
        (f"{SENTINEL}, guarantor", "Self-pay"),
        (f"{SENTINEL} Jane", "Self-pay"),  # the patient's own name
        ("Patience Health Plan", "Patience Health Plan"),
    ],
)
def test_a_payer_that_is_a_person_is_never_named(payer, shown):
    given = given_rows(6)
    worklist = given.worklist.assign(payer_name=payer)
    claims = replace(
        given.claims,
        claims=given.claims.claims.assign(payer_name=payer, patient_name=f"JANE, {SENTINEL}"),
    )
    masked, listed = without_persons(claims, worklist)
    in_parts = worklist.astype({"payer_name": "category"})  # as the parts of a big file have it
    assert set(without_persons(claims, in_parts)[1]["payer_name"]) == {shown}
    assert set(masked.claims["payer_name"]) == set(listed["payer_name"]) == {shown}
    assert set(claims.claims["payer_name"]) == {payer}  # the worklist's own stay as they are


def test_no_page_and_no_group_names_a_person():
    given = given_rows(40)
    names = given.worklist["payer_name"].where(given.worklist.index > 4, f"Self-pay {SENTINEL}")
    claims = replace(given.claims, claims=given.claims.claims.assign(payer_name=names.to_numpy()))
    one = Source.of("x", claims, given.worklist.assign(payer_name=names), AS_OF)
    assert "Self-pay" in Groups(one, "payer").names.values()
    seen = parcel(one)
    shown = [*seen.facts.payers.values(), *seen.urgent["payer_name"]]
    assert not any(SENTINEL in name for name in shown)
    assert frame(one.worklist)["payer_name"].str.contains(SENTINEL).any()


def test_a_finding_names_a_file_by_its_id_and_leaves_other_words_alone():
    given = given_rows(6)
    names = given.claims.findings.assign(
        file="s.csv", says="s.csv is in payers.csv; see s.csv, row 3"
    )
    claims = replace(given.claims, findings=names, files=given.claims.files.assign(file="s.csv"))
    seen = parcel(Source.of("x", claims, given.worklist, AS_OF))
    assert set(seen.findings["says"]) == {
        "file ab12cd34 is in payers.csv; see file ab12cd34, row 3"
    }
    assert "file" not in seen.files and "file" not in seen.findings


def test_a_report_to_share_lists_no_claim(whole, tmp_path):
    path, _ = made(tmp_path, whole, kinds=["plan"], share=True)
    book = openpyxl.load_workbook(path)
    assert {"Plan", "Findings"} & set(book.sheetnames) == set()
    cells = [
        str(c) for sheet in book for row in sheet.iter_rows(values_only=True) for c in row if c
    ]
    assert not [c for c in cells if SENTINEL in c or re.search(r"ab12cd34-\d", c) or ".csv" in c]


def test_a_page_to_share_lists_no_claim(whole, tmp_path):
    from toolkit.reports import defined, overdue, weekly
    from toolkit.reports.page import Page
    from toolkit.reports.prepared import prepare
    from toolkit.reports.source import unpack

    whole.pack(tmp_path, share=True)
    given = unpack(tmp_path)
    prepare(tmp_path, given.facts, ["plan", "shrunk"])
    page = Page(given, "x", "payer", by_hand=False)
    said = "".join(
        [page.about("A report"), overdue.cases(page), weekly.cases(page), defined.moves(page),
         page.findings()]
    )  # fmt: skip
    assert "Made to be shared" in said
    assert not re.search(r"ab12cd34-\d", said)


def test_the_plan_has_an_account_number_for_each_of_its_appeals(tmp_path):
    given = source(rows=300)
    short = Source.of("x", given.claims, given.worklist, AS_OF, most=20)  # as a list that is cut
    path, _ = made(tmp_path, short, kinds=["plan"])
    sheet = openpyxl.load_workbook(path)["Plan"]
    rows = list(sheet.iter_rows(values_only=True))
    head = next(n for n, row in enumerate(rows) if "Patient control number" in row)
    at = rows[head].index("Patient control number")
    assert len(rows) - head - 1 == 20
    assert all(row[at].startswith(SENTINEL) for row in rows[head + 1 :])

"""The benchmarks do what they say: equal work, equal answers, a page from the figures. No timing."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks import analyst, page, remittances, rows, rows_read, starts, worklists
from benchmarks.answers import digest_of
from benchmarks.measure import ROOT, Taken, command, work
from benchmarks.naive import applied, looped
from benchmarks.plan import SCALES, DifferentAnswersError, Job, Result, check_same, ratio
from benchmarks.reach import broken, reaches
from benchmarks.remit_data import write_remittance
from benchmarks.rows_data import as_csv, write
from benchmarks.suite import measured
from toolkit.worklist.rows import asker

ROWS = 700
AS_OF = date.fromisoformat(starts.AS_OF)
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("rows")
    write(folder / "rows.parquet", rows=ROWS, seed=3)
    as_csv(folder / "rows.parquet", folder / "rows.csv")
    return {kind: str(folder / f"rows.{kind}") for kind in rows_read.KINDS}


@pytest.fixture(scope="module")
def by_row(files) -> dict:
    """The totals by the scalar functions, row after row: what all others must equal."""
    return rows_read.told_of(applied(rows_read.frame_of(files["csv"], rows_read.COLUMNS), AS_OF))


def done(running) -> dict:
    """Return the answer of a piece of work, done in this process."""
    with pytest.raises(StopIteration) as ended:
        while True:
            next(running)
    return ended.value.value


@pytest.mark.parametrize("kind", rows_read.KINDS)
@pytest.mark.parametrize("name", ["vectorized", "totals", "again", "kernel"])
def test_every_way_of_the_rows_job_gives_the_table_of_the_scalar_functions(
    files, by_row, name, kind
):
    assert by_row["rows"] == ROWS
    assert done(getattr(rows, name)(files[kind])) == by_row


def test_a_loop_that_remembers_gives_the_table_of_the_scalar_functions(files, by_row):
    assert (
        rows_read.told_of(looped(rows_read.frame_of(files["parquet"], rows_read.COLUMNS), AS_OF))
        == by_row
    )


def test_the_rows_that_are_compared_hold_every_due_state_that_unasked_facts_can_bring(files):
    frame = rows_read.frame_of(files["parquet"], rows_read.COLUMNS)
    lookup = analyst.tables(rows_read.codes_of(files["parquet"]))
    due = set(analyst.vectorized(frame, lookup, AS_OF)["due"])
    assert {
        "overdue",
        "due_later",
        "awaiting_decision",
        "closed",
        "no_date",
        "no_appeal_right",
    } <= due


def test_every_row_is_written_with_its_answers(files, tmp_path):
    for kind, path in files.items():
        found = done(rows.annotated(path, str(tmp_path / f"{kind}.parquet")))
        assert found["rows"] == ROWS
        assert done(rows.rewritten(path, str(tmp_path / "again.parquet")))["rows"] == ROWS
    assert list(tmp_path.iterdir()) == []


def test_the_floor_decodes_every_column_that_the_job_reads(files):
    for path in files.values():
        assert done(rows.floor(path))["rows"] == done(rows.polars_decode(path))["rows"] == ROWS


def test_a_frame_comes_back_whole_with_few_answers_or_with_all(files):
    from benchmarks.frames import ours

    few, every = (done(ours(files["parquet"], few=few)) for few in (True, False))
    assert few["rows"] == ROWS
    assert few["digest"] == every["digest"]


def test_the_questions_of_a_file_are_counted(files):
    found = done(rows.questions(files["parquet"]))
    assert found["rows"] == ROWS and found["days_at_once"] > ROWS
    assert found["questions"]["all"] == sum(found["questions"].values()) // 2


def test_rows_to_totals_ask_what_their_facts_can_come_to_and_no_more(tmp_path):
    """A gate, on a count: half a million rows cost few more questions than a tenth of them."""
    asked = {}
    for size in (50_000, 500_000):
        write(tmp_path / "rows.parquet", rows=size, seed=1)
        asker.cache_clear()
        done(rows.totals(str(tmp_path / "rows.parquet")))
        asked[size] = asker(as_of=AS_OF, hospital=rows.UNKNOWN).questions
    assert asked[500_000]["all"] < 9_000  # 7,500: 6,000 codes and texts, 1,100 clocks, 400 days
    assert asked[500_000]["all"] < 1.5 * asked[50_000]["all"]


@pytest.mark.parametrize("more", [False, True])
def test_a_made_remittance_is_read_whole_and_balances(tmp_path, more):
    from toolkit.claims import read

    path = tmp_path / "made.835"
    services = write_remittance(path, size=30_000, more=more)
    claims = read(path)
    assert len(claims.claim_lines) == services
    assert len(claims.findings) == 0
    lines = claims.claim_lines
    adjusted = claims.adjustments["amount_cents"].sum()
    assert lines["billed_cents"].sum() - lines["paid_cents"].sum() == adjusted
    assert done(remittances.streamed(str(path)))["rows"] == services


def test_a_worklist_has_one_digest_whatever_the_kind_of_file_it_was_made_from(tmp_path):
    from toolkit.claims import read as read_claims
    from toolkit.claims import write_sample
    from toolkit.hospital import sample_hospital
    from toolkit.worklist import write_worklist
    from toolkit.worklist.triage import triage

    digests = set()
    for kind in ("csv", "parquet"):
        path = write_sample(tmp_path / f"s.{kind}", rows=300, seed=1, as_of=AS_OF) or (
            tmp_path / f"s.{kind}"
        )
        found = triage(read_claims(tmp_path / f"s.{kind}"), as_of=AS_OF,
                       hospital=sample_hospital())  # fmt: skip
        out = write_worklist(found, tmp_path / f"w-{kind}.parquet")
        digests.add(done(worklists.written(str(out), whole=True))["digest"])
        assert path
    assert len(digests) == 1


def test_a_case_has_the_same_due_state_whether_its_facts_were_asked_before_or_not():
    first, again = done(starts.case(60)), done(starts.case_again(60))
    assert first == again
    assert sum(first["due"].values()) == 60


# --- measuring -----------------------------------------------------------------------------------


def test_work_is_done_in_a_process_of_its_own_and_its_answer_comes_back(tmp_path):
    path = tmp_path / "made.835"
    services = write_remittance(path, size=5_000)
    taken = work("benchmarks.remittances:streamed", path=str(path))
    assert not taken.why_not
    assert taken.answer["rows"] == services
    assert 0 < taken.seconds <= taken.whole
    assert taken.peak > 10_000_000


def test_the_memory_of_child_processes_counts():
    import sys

    child = "import time; held = bytearray(b'x') * 90_000_000; time.sleep(0.8)"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    taken = command([sys.executable, "-c", parent])
    assert not taken.why_not
    assert taken.peak > 90_000_000


def test_a_command_that_fails_is_no_figure_and_says_nothing_of_this_machine():
    import sys

    said = f"import sys; sys.exit('no such thing in {ROOT}')"
    taken = command([sys.executable, "-c", said])
    assert taken.fault
    assert taken.why_not.startswith("no such thing")
    assert str(ROOT) not in taken.why_not


def test_what_is_not_installed_is_told_and_is_no_figure(tmp_path):
    taken = work("benchmarks.worklists:written", path=str(tmp_path / "none.parquet"), whole=False)
    assert taken.why_not == "the command wrote no worklist"
    assert not taken.fault


def run_of(seconds: float, digest: str = "", **answer) -> Taken:
    return Taken(
        seconds=seconds, whole=seconds, cpu=seconds, peak=10**8, extra=10**6,
        answer={"digest": digest, "rows": 10, **answer},
    )  # fmt: skip


def job_of(key: str, run=None, **more) -> Job:
    given = {"part": "rows", "says": key, "size": 10, "rounds": 3} | more
    return Job(key=key, run=run or (lambda: run_of(1.0)), **given)


def test_the_jobs_of_a_size_take_turns():
    order = []

    def runs(key):
        return lambda: order.append(key) or run_of(1.0)

    measured([job_of("a", runs("a")), job_of("b", runs("b"), rounds=2), job_of("c", runs("c"))])
    assert order == ["a", "b", "c", "a", "b", "c", "a", "c"]


def test_a_job_that_cannot_run_is_tried_once():
    tried = []
    result = measured([job_of("a", lambda: tried.append(1) or Taken(why_not="no Java"))])[0]
    assert len(tried) == 1
    assert result.why_not == "no Java"


def test_answers_that_differ_are_refused():
    results = measured(
        [
            job_of("a", lambda: run_of(1.0, "one"), same="totals"),
            job_of("b", lambda: run_of(1.0, "two"), same="totals"),
        ]
    )
    with pytest.raises(DifferentAnswersError, match="a"):
        check_same(results)


def test_equal_answers_are_counted():
    jobs = [job_of(key, lambda: run_of(1.0, "one"), same="totals") for key in "ab"]
    assert check_same(measured(jobs)) == 6


def test_a_ratio_of_cpu_is_taken_within_each_round_and_scaled_work_is_scaled():
    slow = Result(job_of("naive", stands_for=100), [run_of(2.0), run_of(4.0)])
    fast = Result(job_of("ours"), [run_of(1.0), run_of(1.0)])
    assert ratio(slow, fast) == (300, 200, 400)
    assert ratio(slow, fast, less=50) == (250, 150, 350)
    assert slow.median("seconds") == 300


def test_a_digest_knows_no_order_and_no_kind_of_number():
    import numpy as np

    one = [("a", None, np.int64(3)), ("b", "x", 4)]
    other = [("b", "x", 4), ("a", float("nan"), 3)]
    assert digest_of(one) == digest_of(other) != digest_of([("a", None, 4), ("b", "x", 4)])


# --- the page ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jobs(tmp_path_factory) -> list[Job]:
    """Every job of the default and of the full run; none of them is run."""
    folder = tmp_path_factory.mktemp("jobs")
    modules = (starts, rows, worklists, remittances)
    return [
        job
        for scale in (SCALES["default"], SCALES["full"])
        for module in modules
        for job in module.jobs(folder, scale)
    ]


def test_every_figure_to_reach_names_jobs_that_are_measured(jobs):
    there = {(job.part, job.key, job.size) for job in jobs}
    for reach in reaches():
        assert (reach.part, reach.key, reach.at) in there, reach.id
        assert not reach.over or (reach.part, reach.over, reach.at) in there, reach.id


def test_every_floor_is_a_job_of_the_same_size(jobs):
    there = {(job.part, job.key, job.size) for job in jobs}
    assert all((job.part, job.floor, job.size) in there for job in jobs if job.floor)


@pytest.fixture(scope="module")
def told(jobs) -> dict:
    """What a run tells, had every job taken a second, and edi-835-parser been away."""
    more = {"bytes": 10**6, "frame_bytes": 10**8, "questions": {"day": 5, "all": 5},
            "days_at_once": 7, "rows": 10**6,
            "task_cpu": 1.0, "bytes_in": 10**9, "shuffled": 10**6, "spilled": 0}  # fmt: skip
    results = []
    for job in {(job.part, job.key, job.size): job for job in jobs}.values():
        away = job.key == "peer"
        run = Taken(why_not="edi-835-parser is not installed") if away else run_of(1.0, **more)
        results.append(Result(job, [run]))
    return {
        "machine": {"cpu": "a processor", "cores": 2, "memory_gb": 8.0, "system": "a system",
                    "python": "3.11", "java": "17", "packages": {"pandas": "3"}, "load_before": 0.0},
        "date": "2026-11-24", "scale": "full", "minutes": 1.0, "answers_compared": 9,
        "jobs": [result.plain() for result in results],
        "ratios": page.ratios(results),
    }  # fmt: skip


def test_the_page_is_written_between_its_markers_and_the_rest_stays(told, tmp_path):
    for name in ("performance.md", "scale.md"):
        shutil.copy(DOCS / name, tmp_path / name)
    for _ in range(2):  # a second time it is the same
        written = page.write(told, tmp_path)
    assert [path.name for path in written] == ["performance.json", "performance.md", "scale.md"]
    assert json.loads(written[0].read_text())["date"] == "2026-11-24"
    for name in ("performance.md", "scale.md"):
        before, after = (folder / name for folder in (DOCS, tmp_path))
        assert outside(before.read_text()) == outside(after.read_text())
    figures = (tmp_path / "performance.md").read_text()
    assert "Measured 2026-11-24 on 2 cores (a processor)" in figures
    assert "no figure: edi-835-parser is not installed" in figures
    assert (tmp_path / "scale.md").read_text().count("core-hours for a billion rows") == 1


def outside(text: str) -> list[str]:
    """Return the lines that people wrote: those outside the markers."""
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("<!-- ") and "written by make bench" in line:
            inside = True
        if not inside:
            kept.append(line)
        if line.startswith("<!-- ") and line.endswith(": end -->"):
            inside = False
    return kept


def test_a_figure_that_is_missed_is_told_beside_its_reason(told):
    reach = next(one for one in reaches() if one.id == "help")
    assert not reach.reached((1.0, 1.0, 1.0))
    assert reach.reached((0.1, 0.1, 9.0))
    lines = page.figures(told).splitlines()
    line = next(line for line in lines if line.startswith(f"| {reach.says} |"))
    assert f"**not reached.** {reach.why}".strip() in line


def test_a_gate_that_is_not_held_is_named_and_a_figure_that_was_not_measured_breaks_none(told):
    assert broken(told) == []  # every ratio of this run is 1
    gated = [reach for reach in reaches() if reach.gate is not None]
    assert {reach.what for reach in gated} <= {"ratio", "questions_per_million"}
    dear = [
        one | {"median": 99.0} if one["key"] == "ours_duckdb_csv" else one for one in told["ratios"]
    ]
    (line,) = broken(told | {"ratios": dear})
    assert line.startswith("totals of 10 million rows, CSV") and "99" in line
    assert broken(told | {"ratios": [], "jobs": []}) == []


def test_a_figure_that_was_not_measured_is_no_success(told):
    less = told | {"jobs": [job for job in told["jobs"] if job["key"] != "help"]}
    lines = page.figures(less).splitlines()
    line = next(line for line in lines if line.startswith("| `toolkit --help`, whole process"))
    assert line.endswith("| not in this run |  |")


def test_a_page_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="figures"):
        page.between("# Performance\n", "figures", "text")


def test_the_tables_of_the_pages_are_those_of_the_figures_on_file():
    """The page and the JSON beside it come from the same run."""
    kept = DOCS / "performance.json"
    assert kept.exists(), "make bench ARGS=--write"
    on_file = json.loads(kept.read_text())
    assert page.figures(on_file) in (DOCS / "performance.md").read_text()


def test_taken_can_be_replaced_but_not_changed():
    taken = run_of(1.0)
    assert replace(taken, seconds=2.0).seconds == 2.0
    with pytest.raises(AttributeError):
        taken.seconds = 2.0


def test_no_path_of_a_machine_stands_in_a_page():
    for name in ("performance.md", "scale.md", "performance.json"):
        text = (DOCS / name).read_text()
        assert str(Path.home()) + "/" not in text
        assert str(ROOT) not in text


@pytest.mark.spark
@pytest.mark.parametrize("name", ["by_hand", "ours"])
def test_spark_by_hand_and_ours_give_the_table_of_the_scalar_functions(files, by_row, name):
    from benchmarks import spark

    found = done(getattr(spark, name)(files["parquet"]))
    assert {key: found[key] for key in by_row} == by_row
    assert found["task_cpu"] > 0

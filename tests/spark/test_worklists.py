"""The worklist on Spark: the parts that processes do, done by Spark's tasks."""

import sys
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from toolkit.bulk.inputs import run_on
from toolkit.claims import read, write_sample
from toolkit.cli import main
from toolkit.history import settled
from toolkit.hospital import sample_hospital
from toolkit.worklist import summary, tally, write_worklist
from toolkit.worklist.triage import triage

pytestmark = pytest.mark.spark

DAY = date(2026, 11, 1)
PUBLIC = Path(__file__).parents[2] / "data" / "samples" / "remits" / "public"


def in_parts(paths: list[Path], engine: str, out: Path):
    """Return the worklist of an engine, and its summary."""
    with run_on(paths, as_of=DAY, hospital=sample_hospital(), engine=engine) as run:
        run.write(out)
        return pq.read_table(out), run.summary()


def at_once(paths: list[Path], out: Path):
    """Return the worklist of the files read in one go, and its summary."""
    claims = settled(read(paths))
    worklist = triage(claims, as_of=DAY, hospital=sample_hospital())
    write_worklist(worklist, out)
    said = summary(tally(worklist), findings=len(claims.findings))
    return pq.read_table(out), said


def assert_equal(found, expected) -> None:
    """Check two worklists row by row, column by column, and their summaries."""
    assert found[0].schema == expected[0].schema
    assert found[0].num_rows == expected[0].num_rows
    for name in expected[0].column_names:
        one, other = (table[name].combine_chunks() for table in (found[0], expected[0]))
        assert one.equals(other), name
    assert found[1] == expected[1]


def test_spark_gives_the_worklist_of_exports_and_remittances(tmp_path):
    write_sample(tmp_path / "a.csv", rows=3000, seed=2, as_of=DAY)
    write_sample(tmp_path / "b.parquet", rows=3000, seed=3, as_of=DAY)
    files = [tmp_path / "a.csv", tmp_path / "b.parquet", PUBLIC]
    assert_equal(
        in_parts(files, "spark", tmp_path / "s.parquet"), at_once(files, tmp_path / "o.parquet")
    )


def test_all_engines_give_the_same_worklist_of_a_million_rows(tmp_path):
    write_sample(tmp_path / "a.csv", rows=1_000_000, seed=1, as_of=DAY)
    expected = at_once([tmp_path / "a.csv"], tmp_path / "pandas.parquet")
    assert expected[0].num_rows > 700_000
    for engine in ("duckdb", "spark"):
        found = in_parts([tmp_path / "a.csv"], engine, tmp_path / f"{engine}.parquet")
        assert_equal(found, expected)
        del found


def test_the_command_takes_the_engine_spark(tmp_path, capsys):
    write_sample(tmp_path / "a.parquet", rows=300, seed=2, as_of=DAY)
    words = ["worklist", str(tmp_path / "a.parquet"), "--as-of", "2026-11-01", "--json"]
    for engine in ("spark", "pandas"):
        assert main([*words, "--engine", engine, "--out", str(tmp_path / f"{engine}.csv")]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert len(said) == 2
    assert (tmp_path / "spark.csv").read_bytes() == (tmp_path / "pandas.csv").read_bytes()


def test_without_pyspark_or_java_the_command_says_what_to_install(tmp_path, monkeypatch, capsys):
    write_sample(tmp_path / "a.parquet", rows=50, seed=2, as_of=DAY)
    words = ["worklist", str(tmp_path / "a.parquet"), "--engine", "spark"]
    words += ["--out", str(tmp_path / "w.csv")]
    # Another test's session would be used as it is.
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert main(words) == 2
    assert "Java 17" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "pyspark", None)
    assert main(words) == 2
    assert "denial-toolkit[spark]" in capsys.readouterr().err
    assert not (tmp_path / "w.csv").exists()

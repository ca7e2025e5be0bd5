"""A sample export to its worklist: the command on each engine, against DuckDB's decode of the file."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from benchmarks.measure import NotHereError, Taken, command, work
from benchmarks.plan import Job, Scale, path_of
from benchmarks.starts import AS_OF, PAYERS, toolkit

MEMORY_ENGINE = 1_000_000  # the most rows that `--engine pandas` is given
MONTH = 12
SPARK_LEAST = 100_000  # below it a Spark session is all that would be timed


def prepare(folder: Path, scale: Scale) -> None:
    """Write the sample exports, CSV and Parquet, and a month more of the largest."""
    from toolkit.sample import write_sample

    as_of = date.fromisoformat(AS_OF)
    for rows in scale.sampled:
        for kind in ("csv", "parquet"):
            write_sample(folder / f"sample-{rows}.{kind}", rows=rows, seed=1, as_of=as_of)
    write_sample(folder / "month.csv", rows=max(scale.sampled) // MONTH, seed=2, as_of=as_of)


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return the floor and the command on every engine, for both kinds of file; then what is kept."""
    found = []

    def add(key: str, says: str, rows: int, run, rounds: int, **more) -> None:
        found.append(Job("worklists", key, says, rows, run, rounds=rounds, **more))

    for rows in scale.sampled:
        seldom = scale.rounds if rows <= 100_000 else scale.rare
        for kind in ("csv", "parquet"):
            path = folder / f"sample-{rows}.{kind}"
            name = {"csv": "CSV", "parquet": "Parquet"}[kind]
            add(f"floor_{kind}", f"DuckDB decodes the columns, {name}: the floor", rows,
                lambda path=path: work("benchmarks.worklists:floor", path=str(path)),
                scale.rounds)  # fmt: skip
            for key, says in (("polars", "polars decodes"), ("pandas", "pandas reads")):
                add(f"{key}_decodes_{kind}", f"{says} the columns, {name}", rows,
                    lambda path=path, key=key: work(f"benchmarks.worklists:{key}_decodes", path=str(path)),
                    seldom, floor=f"floor_{kind}")  # fmt: skip
            for engine in _engines(rows, kind, scale):
                add(f"{engine}_{kind}", f"`toolkit worklist --engine {engine}`, {name}", rows,
                    lambda path=path, engine=engine: worklist(path, engine),
                    1 if engine == "spark" else seldom, same="worklist", floor=f"floor_{kind}",
                    )  # fmt: skip
        add("report", "`toolkit report overdue`, CSV", rows,
            lambda rows=rows: report(folder / f"sample-{rows}.csv"), seldom, floor="floor_csv")  # fmt: skip
    rows = max(scale.sampled)
    big, month = folder / f"sample-{rows}.csv", folder / "month.csv"
    add("month_alone", f"`toolkit gather` of {rows // MONTH:,} rows into a new book", rows,
        lambda: gathered(month), scale.rare)  # fmt: skip
    add("month_added", "the same rows, added to a book of so many", rows,
        lambda: gathered(month, after=big), scale.rare, floor="month_alone")  # fmt: skip
    return found


def _engines(rows: int, kind: str, scale: Scale) -> list[str]:
    """Return the engines that are given so many rows: Spark's start takes longer than small files.

    `auto` is what a user gets who names none: at once or in parts, by the size of the file.
    """
    found = ["auto", "duckdb"] if kind == "csv" else ["duckdb"]
    if rows <= MEMORY_ENGINE:
        found.insert(-1, "pandas")
    if SPARK_LEAST <= rows <= scale.heavy and kind == "parquet":
        found.append("spark")
    return found


def worklist(path: Path, engine: str) -> Taken:
    """Run the command as a user does, look at what it wrote, and take it away."""
    out = path.with_name(f"{path.stem}-{path.suffix[1:]}-{engine}.parquet")
    words = ["worklist", str(path), "--as-of", AS_OF, "--payers", str(PAYERS), "--out", str(out)]
    taken = command([*toolkit(), *words, "--engine", engine])
    if taken.why_not:
        return taken
    answer = work("benchmarks.worklists:written", path=str(out), whole=out.exists())
    if out.is_dir():
        for part in sorted(out.rglob("*"), reverse=True):
            part.rmdir() if part.is_dir() else part.unlink()
        out.rmdir()
    else:
        out.unlink(missing_ok=True)
    return replace(taken, answer=answer.answer, why_not=answer.why_not, fault=bool(answer.why_not))


def gathered(month: Path, *, after: Path | None = None) -> Taken:
    """Bring an export into a book: a new one, or one that holds `after`."""
    book = month.with_name("book")
    for path in (after, month) if after else (month,):
        taken = command([*toolkit(), "gather", str(path), "--book", str(book)])
        if taken.why_not:
            break
    shutil.rmtree(book, ignore_errors=True)
    return taken


def report(path: Path) -> Taken:
    """Make a report of an export, and throw it away."""
    out = path.with_name("reports")
    words = ["report", "overdue", str(path), "--as-of", AS_OF, "--payers", str(PAYERS)]
    words += ["--format", "html", "--out", str(out)]
    taken = command([*toolkit(), *words])
    shutil.rmtree(out, ignore_errors=True)
    return taken


def floor(path: str) -> Iterator[None]:
    """Decode every column that the toolkit reads of an export, and use each value once."""
    import duckdb

    from benchmarks.answers import decode

    connection = duckdb.connect()
    wanted = _wanted(path)
    yield
    rows = decode(connection, path, wanted)
    yield
    return {"rows": rows, "columns": len(wanted)}


def polars_decodes(path: str) -> Iterator[None]:
    """Decode the same columns by polars."""
    from benchmarks.answers import decode_by_polars

    wanted = _wanted(path)
    yield
    rows = decode_by_polars(path, wanted)
    yield
    return {"rows": rows, "columns": len(wanted)}


def pandas_decodes(path: str) -> Iterator[None]:
    """Read the same columns by pandas: cells of a CSV as text."""
    import pandas as pd

    wanted = _wanted(path)
    yield
    if path.endswith("csv"):
        frame = pd.read_csv(path, usecols=wanted, dtype="str", keep_default_na=False)
    else:
        frame = pd.read_parquet(path, columns=wanted)
    yield
    return {"rows": len(frame), "columns": len(wanted)}


def _wanted(path: str) -> list[str]:
    """Return the headings that a worklist is made of: all but names, birth dates and members."""
    import duckdb

    reader = "read_csv" if path.endswith("csv") else "read_parquet"
    more = ", all_varchar = true" if path.endswith("csv") else ""
    found = duckdb.sql(f"SELECT * FROM {reader}('{path}'{more}) LIMIT 0").columns
    personal = {"Patient Name", "Birth Date", "Member ID", "Provider NPI", "Diagnosis Code"}
    return [name for name in found if name not in personal]


def written(path: str, whole: bool) -> Iterator[None]:
    """Return rows, dollars and a digest of a worklist, whatever the order of its rows."""
    import duckdb

    from benchmarks.answers import digest_of

    if not whole:
        raise NotHereError("the command wrote no worklist")
    source = path if Path(path).is_file() else path_of(Path(path), "**/*.parquet")
    yield
    columns = "denial_category, due, route, level, file_by, last_filing_date, notice_date"
    query = (
        f"SELECT {columns}, count(*), sum(denied), min(patient_control_number), "
        f"max(patient_control_number), min(why), max(decided_by) "
        f"FROM read_parquet('{source}') GROUP BY ALL"
    )
    found = duckdb.sql(query).fetchall()
    yield
    rows = sum(row[7] for row in found)
    return {"rows": rows, "digest": digest_of(found), "bytes": _size(Path(path))}


def _size(path: Path) -> int:
    paths = [path] if path.is_file() else path.rglob("*.parquet")
    return sum(one.stat().st_size for one in paths)

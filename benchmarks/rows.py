"""A file in which every row is one denial, to a table of payer, category, month and due state.

The floor is DuckDB decoding the same columns; the competitors are the same job by `apply`, by a
loop that remembers, by merges as a good analyst writes them, and by hand-written Spark SQL. All of
them must give the same table, to the row and the cent.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import frames, spark
from benchmarks.measure import work
from benchmarks.naive import DENIED
from benchmarks.plan import Job, Scale, path_of
from benchmarks.rows_data import as_csv, write
from benchmarks.rows_read import BY, COLUMNS, KINDS, chunks, codes_of, frame_of, told_of
from benchmarks.starts import AS_OF
from toolkit.hospital import Hospital

UNKNOWN = Hospital.unknown()

LOOP = 200_000  # the most rows that the loop is given


def prepare(folder: Path, scale: Scale) -> None:
    """Write the files, each as CSV and as Parquet."""
    for rows in scale.sizes:
        parquet = folder / f"rows-{rows}.parquet"
        write(parquet, rows=rows, seed=1)
        as_csv(parquet, parquet.with_suffix(".csv"))


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return the floor, ours on every engine, and the competitors, by size; then the frame jobs."""
    found: list[Job] = []
    for rows in scale.sizes:
        found += _of_size(folder, scale, rows)
    return [
        *found,
        *frames.jobs(folder, scale),
        *spark.jobs(folder, scale),
        *_questions(folder, scale),
    ]


def _of_size(folder: Path, scale: Scale, rows: int) -> list[Job]:
    heavy = rows <= scale.heavy
    rounds = scale.rounds if rows <= scale.heavy else scale.rare
    seldom = scale.rounds if rows < 1_000_000 else scale.rare
    now_and_then = scale.rounds if rows == scale.heavy else scale.rare
    found = []

    def add(key: str, says: str, target: str, kind: str, rounds: int, same="totals", **more: Any):
        given = {"path": path_of(folder, f"rows-{rows}.{kind}"), **more.pop("given", {})}
        found.append(
            Job(
                "rows", key, says, rows, lambda: work(f"benchmarks.{target}", **given),
                same=same, rounds=rounds, **more,
            )
        )  # fmt: skip

    for kind in KINDS:
        name = {"csv": "CSV", "parquet": "Parquet"}[kind]
        over = {"floor": f"floor_{kind}"}
        add(f"floor_{kind}", f"DuckDB decodes the columns, {name}: the floor", "rows:floor", kind,
            rounds, same="")  # fmt: skip
        add(
            f"ours_duckdb_{kind}",
            f"**ours, {name}, by the kernel in threads**",
            "rows:totals",
            kind,
            rounds,
            **over,
        )
        add(f"polars_{kind}", f"polars decodes the columns, {name}", "rows:polars_decode", kind, seldom,
            same="", **over)  # fmt: skip
        add(f"ours_again_{kind}", f"ours, {name}, a second time in one process", "rows:again", kind,
            seldom, **over)  # fmt: skip
        add(f"ours_annotated_{kind}", f"ours, every row with its answers to Parquet, from {name}",
            "rows:annotated", kind, seldom, same="", given={"out": path_of(folder, "annotated.parquet")},
            **over)  # fmt: skip
        add(f"rewritten_{kind}", f"that result read and written again by Arrow, from {name}",
            "rows:rewritten", kind, seldom, same="", given={"out": path_of(folder, "again.parquet")},
            **over)  # fmt: skip
        if heavy:
            add(f"ours_pandas_{kind}", f"ours, pandas kernel in chunks, {name}", "rows:kernel", kind,
                seldom, **over)  # fmt: skip
    if heavy:
        add("vectorized", "pandas, merge and merge_asof by hand, CSV", "rows:vectorized", "csv",
            seldom, floor="floor_csv")  # fmt: skip
        timed = min(rows, scale.naive)
        add("naive", "pandas, `apply(axis=1)`, CSV", "rows:naive", "csv", now_and_then,
            same="totals" if timed == rows else "", given={"rows": timed},
            stands_for=rows / timed, floor="floor_csv")  # fmt: skip
        timed = min(rows, LOOP)
        add("loop", "a Python loop that remembers, CSV", "rows:loop", "csv", seldom,
            same="totals" if timed == rows else "", given={"rows": timed},
            stands_for=rows / timed, floor="floor_csv")  # fmt: skip
    return found


def _questions(folder: Path, scale: Scale) -> list[Job]:
    return [
        Job(
            "questions", "questions", "questions asked in plain Python, all answers wanted", rows,
            lambda rows=rows: work(
                "benchmarks.rows:questions", path=path_of(folder, f"rows-{rows}.parquet")
            ),
            rounds=1,
        )
        for rows in scale.sizes
        if rows <= scale.heavy
    ]  # fmt: skip


# --- the jobs ------------------------------------------------------------------------------------


def floor(path: str) -> Iterator[None]:
    """Decode the columns that the job reads."""
    import duckdb

    from benchmarks.answers import decode

    connection = duckdb.connect()
    yield
    rows = decode(connection, path, COLUMNS)
    yield
    return {"rows": rows, "columns": len(COLUMNS), "bytes": Path(path).stat().st_size}


def polars_decode(path: str) -> Iterator[None]:
    """Decode the same columns by polars; cells of a CSV are text, as for the floor."""
    from benchmarks.answers import decode_by_polars

    yield
    rows = decode_by_polars(path, COLUMNS)
    yield
    return {"rows": rows, "columns": len(COLUMNS)}


def totals(path: str) -> Iterator[None]:
    """Ours, the file's totals, by the kernel in threads; nothing was asked before."""
    return (yield from _totals(path, before=False))


def again(path: str) -> Iterator[None]:
    """The same in a process that has done it once."""
    return (yield from _totals(path, before=True))


def _totals(path: str, *, before: bool) -> Iterator[None]:
    from toolkit.worklist import totals as of_files

    as_of = date.fromisoformat(AS_OF)
    if before:
        of_files(path, by=BY, as_of=as_of, hospital=UNKNOWN)
    yield
    found = of_files(path, by=BY, as_of=as_of, hospital=UNKNOWN)
    yield
    found["month"] = found["month"].dt.strftime("%Y-%m")
    return told_of(found)


def annotated(path: str, out: str) -> Iterator[None]:
    """Ours: every row with all its answers, written as Parquet."""
    from toolkit.worklist import triage_files

    as_of = date.fromisoformat(AS_OF)
    yield
    written = triage_files(path, out, as_of=as_of, hospital=UNKNOWN)
    yield
    size = Path(out).stat().st_size
    Path(out).unlink()
    return {"rows": written.rows, "bytes_out": size}


def rewritten(path: str, out: str) -> Iterator[None]:
    """Read and write what `annotated` writes, in the same groups and with the same compression."""
    import pyarrow.parquet as pq

    from toolkit.worklist import triage_files

    made = str(Path(out).with_suffix(".made.parquet"))
    triage_files(path, made, as_of=date.fromisoformat(AS_OF), hospital=UNKNOWN)
    yield
    file = pq.ParquetFile(made)
    codec = file.metadata.row_group(0).column(0).compression.lower()
    with pq.ParquetWriter(out, file.schema_arrow, compression=codec) as writer:
        for group in range(file.num_row_groups):
            writer.write_table(file.read_row_group(group))
    yield
    rows = file.metadata.num_rows
    file.close()
    Path(made).unlink()
    Path(out).unlink()
    return {"rows": rows}


def naive(path: str, rows: int) -> Iterator[None]:
    """Scalar functions by `apply`, on the first rows."""
    from benchmarks.naive import applied

    frame = frame_of(path, COLUMNS, rows)
    applied(frame.head(200), date.fromisoformat(AS_OF))
    yield
    found = applied(frame, date.fromisoformat(AS_OF))
    yield
    return told_of(found)


def loop(path: str, rows: int) -> Iterator[None]:
    """Scalar functions in a loop with memory, on the first rows, with the reading of the file."""
    from benchmarks.naive import looped

    yield
    found = looped(frame_of(path, COLUMNS, rows), date.fromisoformat(AS_OF))
    yield
    return told_of(found)


def vectorized(path: str) -> Iterator[None]:
    """Merges and date arithmetic, with the reading of the file; the lookup tables lie ready."""
    from benchmarks import analyst

    lookup = analyst.tables(codes_of(path))
    yield
    frame = frame_of(path, COLUMNS)
    found = analyst.vectorized(frame, lookup, date.fromisoformat(AS_OF))
    yield
    return told_of(found)


def kernel(path: str) -> Iterator[None]:
    """Ours on pandas: chunk by chunk through the kernel, each chunk's totals added up."""
    import pandas as pd

    from toolkit.worklist import triage_rows

    as_of = date.fromisoformat(AS_OF)
    yield
    parts = []
    for chunk in chunks(path):
        out = triage_rows(
            chunk, as_of=as_of, columns=("denial_category", "notice_date", "due"), hospital=UNKNOWN
        )
        month = out["notice_date"].to_numpy().astype("datetime64[M]")
        out["month"] = pd.Series(month.astype("datetime64[s]"), index=out.index)
        by = out.groupby(list(BY), dropna=False, observed=True)[DENIED].agg(["size", "sum"])
        parts.append(by.reset_index().astype({"denial_category": "str", "due": "str"}))
    found = pd.concat(parts).groupby(list(BY), dropna=False).sum().reset_index()
    found["month"] = found["month"].dt.strftime("%Y-%m")
    yield
    return told_of(found)


def questions(path: str) -> Iterator[None]:
    """Count how often each question is asked in plain Python over a whole file, for all answers."""
    from toolkit.worklist import triage_rows
    from toolkit.worklist.rows import asker

    as_of = date.fromisoformat(AS_OF)
    asked = asker(as_of=as_of, hospital=UNKNOWN)
    yield
    rows = 0
    for chunk in chunks(path):
        triage_rows(chunk, as_of=as_of, hospital=UNKNOWN)
        rows += len(chunk)
    yield
    return {"rows": rows, "questions": asked.questions, "days_at_once": asked.days_at_once}

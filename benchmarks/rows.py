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
from benchmarks.naive import ASKED, DENIED
from benchmarks.plan import Job, Scale, path_of
from benchmarks.rows_data import as_csv, write
from benchmarks.starts import AS_OF
from toolkit.hospital import Hospital

UNKNOWN = Hospital.unknown()

MONEY = "denied"
COLUMNS = (*ASKED, MONEY)
DAYS = (
    "notice_date",
    "notice_received",
    "remittance_date",
    "service_from",
    "filed_on",
    "decided_on",
)
KINDS = ("csv", "parquet")
LOOP = 200_000  # the most rows that the loop is given
BY = ("payer_name", "denial_category", "month", "due")


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


# --- reading -------------------------------------------------------------------------------------


def frame_of(path: str, columns: tuple[str, ...] | None = None, rows: int | None = None) -> Any:
    """Return a file as an analyst has it in pandas: text `str`, days `datetime64[us]`, whole cents."""
    import pandas as pd
    import pyarrow.parquet as pq

    if path.endswith("csv"):
        frame = pd.read_csv(path, nrows=rows, **_csv(path, columns))
        days = [name for name in DAYS if name in frame]
        frame[days] = frame[days].apply(pd.to_datetime, format="%Y-%m-%d").astype("datetime64[us]")
        return _in_cents(frame)
    there = pq.ParquetFile(path).schema_arrow.names
    names = [name for name in there if columns is None or name in columns]
    table = pq.read_table(path, columns=names)
    return _pandas(table if rows is None else table.slice(0, rows))


def _csv(path: str, columns: tuple[str, ...] | None) -> dict[str, Any]:
    """Return the words of `read_csv`: texts as texts, an empty cell missing, dollars as numbers."""
    import pandas as pd

    head = pd.read_csv(path, nrows=0).columns
    names = [name for name in head if columns is None or name in columns]
    kinds = {name: "float64" if name == MONEY else "str" for name in names}
    return {"usecols": names, "dtype": kinds, "keep_default_na": False, "na_values": [""]}


def _in_cents(frame: Any) -> Any:
    frame[DENIED] = (frame.pop(MONEY) * 100).round().astype("int64")
    return frame


def _pandas(table: Any) -> Any:
    """Return an Arrow table as pandas: exact decimals become whole cents before they are objects."""
    import pyarrow as pa
    import pyarrow.compute as pc

    hundred = pa.scalar(100, pa.decimal128(3, 0))
    cents = pc.multiply(table[MONEY], hundred).cast(pa.int64())
    table = table.drop_columns([MONEY]).append_column(DENIED, cents)
    for name in set(DAYS) & set(table.column_names):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.timestamp("us")))
    return table.to_pandas()


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
    return _told(found)


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
    return _told(found)


def loop(path: str, rows: int) -> Iterator[None]:
    """Scalar functions in a loop with memory, on the first rows, with the reading of the file."""
    from benchmarks.naive import looped

    yield
    found = looped(frame_of(path, COLUMNS, rows), date.fromisoformat(AS_OF))
    yield
    return _told(found)


def vectorized(path: str) -> Iterator[None]:
    """Merges and date arithmetic, with the reading of the file; the lookup tables lie ready."""
    from benchmarks import analyst

    lookup = analyst.tables(_codes(path))
    yield
    frame = frame_of(path, COLUMNS)
    found = analyst.vectorized(frame, lookup, date.fromisoformat(AS_OF))
    yield
    return _told(found)


def _codes(path: str) -> Any:
    """Return the distinct codes of a file, for the analyst's code map."""
    import duckdb

    names = ", ".join(f"coalesce({name}, '') AS {name}" for name in ("group_code", "carc", "rarcs"))
    more = ", all_varchar = true" if path.endswith("csv") else ""
    reader = "read_csv" if path.endswith("csv") else "read_parquet"
    return duckdb.sql(f"SELECT DISTINCT {names} FROM {reader}('{path}'{more})").df()


def _told(found: Any) -> dict[str, Any]:
    """Return groups, rows, cents and the digest of a table of totals: BY, then rows and cents."""
    from benchmarks.answers import digest_of

    names = [*BY, *[name for name in found.columns if name not in BY][:2]]
    found = found[names].astype(object)
    rows = list(found.itertuples(index=False, name=None))
    return {
        "groups": len(rows),
        "rows": int(found.iloc[:, len(BY)].sum()),
        "cents": int(found.iloc[:, len(BY) + 1].sum()),
        "digest": digest_of(rows),
    }


CHUNK = 500_000


def _chunks(path: str) -> Iterator[Any]:
    """Give a file as frames of CHUNK rows, in as little memory as pandas and Arrow know how."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.endswith("csv"):
        yield from map(_in_cents, pd.read_csv(path, chunksize=CHUNK, **_csv(path, COLUMNS)))
        return
    file = pq.ParquetFile(path)
    names = [name for name in file.schema_arrow.names if name in COLUMNS]
    for batch in file.iter_batches(CHUNK, columns=names):
        yield _pandas(pa.Table.from_batches([batch]))


def kernel(path: str) -> Iterator[None]:
    """Ours on pandas: chunk by chunk through the kernel, each chunk's totals added up."""
    import pandas as pd

    from toolkit.worklist import triage_rows

    as_of = date.fromisoformat(AS_OF)
    yield
    parts = []
    for chunk in _chunks(path):
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
    return _told(found)


def questions(path: str) -> Iterator[None]:
    """Count how often each question is asked in plain Python over a whole file, for all answers."""
    from toolkit.worklist import triage_rows
    from toolkit.worklist.rows import asker

    as_of = date.fromisoformat(AS_OF)
    asked = asker(as_of=as_of, hospital=UNKNOWN)
    yield
    rows = 0
    for chunk in _chunks(path):
        triage_rows(chunk, as_of=as_of, hospital=UNKNOWN)
        rows += len(chunk)
    yield
    return {"rows": rows, "questions": asked.questions, "days_at_once": asked.days_at_once}

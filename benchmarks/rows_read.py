"""The file of denials as each competitor reads it, and the table of totals as it is compared."""

from collections.abc import Iterator
from typing import Any

from benchmarks.naive import ASKED, DENIED

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
BY = ("payer_name", "denial_category", "month", "due")


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


CHUNK = 500_000


def chunks(path: str) -> Iterator[Any]:
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


def codes_of(path: str) -> Any:
    """Return the distinct codes of a file, for the analyst's code map."""
    import duckdb

    names = ", ".join(f"coalesce({name}, '') AS {name}" for name in ("group_code", "carc", "rarcs"))
    more = ", all_varchar = true" if path.endswith("csv") else ""
    reader = "read_csv" if path.endswith("csv") else "read_parquet"
    return duckdb.sql(f"SELECT DISTINCT {names} FROM {reader}('{path}'{more})").df()


def told_of(found: Any) -> dict[str, Any]:
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

"""The answers of competitors, in one form, so that they can be compared; and the floor's decode."""

import hashlib
from collections.abc import Iterable
from typing import Any


def digest_of(rows: Iterable[Iterable[Any]]) -> str:
    """Return a digest of a table's rows, the same whatever their order and kinds of number."""
    lines = sorted("\x1f".join(map(_cell, row)) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return str(value)
    return str(int(value))


def decode(connection: Any, path: str, columns: Iterable[str]) -> int:
    """Let DuckDB read and decode some columns of a file; return the number of rows.

    Of every value something is asked that needs the value itself and costs next to nothing (the
    length of a text, the sum of numbers): a bare count or a greatest value would be answered from
    a Parquet file's own statistics. Cells of a CSV are text, as the toolkit reads them.
    """
    if path.endswith("csv"):
        source = f"read_csv('{path}', header = true, all_varchar = true)"
    else:
        source = f"read_parquet('{path}')"
    kinds = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    each = [_touched(name, kind) for name, kind, *_ in kinds if name in set(columns)]
    return connection.execute(f"SELECT count(*), {', '.join(each)} FROM {source}").fetchone()[0]


def _touched(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return f'max(strlen("{name}"))'
    if kind == "DATE":
        return f"max(\"{name}\" - DATE '2000-01-01')"
    if kind.startswith("TIMESTAMP"):
        return f'max(epoch_ms("{name}"))'
    return f'count_if("{name}")' if kind == "BOOLEAN" else f'sum("{name}")'


def decode_by_polars(path: str, columns: Iterable[str]) -> int:
    """Let polars read and decode some columns of a file, all of them at once; return the rows."""
    import polars as pl

    wanted = [*columns]
    if path.endswith("csv"):
        source = pl.scan_csv(path, infer_schema=False)
    else:
        source = pl.scan_parquet(path)
    there = source.collect_schema().names()
    return source.select([name for name in wanted if name in there]).collect().height

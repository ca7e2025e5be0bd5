"""The worklist's files: Parquet and CSV. The workbook is `toolkit.reports.worked_list`'s.

A worklist file holds account numbers: it is written readable by its owner only.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.errors import UsageError
from toolkit.outputs import whole
from toolkit.worklist.table import REPEATED, WORKLIST

if TYPE_CHECKING:
    import pyarrow as pa

# In a file the amounts are dollars with two decimals, exact; in memory they are whole cents.
DOLLARS = {c.name: c.name.removesuffix("_cents") for c in WORKLIST if c.kind == "cents"}


def write_worklist(worklist: pd.DataFrame, path: Path) -> Path:
    """Write the worklist as .parquet or .csv: whole or not at all, owner only.

    Amounts are dollars with two decimals. In CSV a text that a spreadsheet would take for a
    formula is written with an apostrophe before it.
    """
    return write_tables([arrow_of(worklist)], path)


def write_tables(tables: "Iterable[pa.Table]", path: Path) -> Path:
    """Write the parts of a worklist, one after the other, as one file: see `write_worklist`."""
    writers = {".parquet": _parquet, ".csv": _csv}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError("the worklist's file ends in .parquet or .csv")
    with whole(path) as temporary:
        write(tables, temporary)
    return path


def arrow_of(worklist: pd.DataFrame) -> "pa.Table":
    """Return the worklist as it stands in a Parquet file: dollars exact, days as dates.

    Text columns that are categories stay so, as dictionaries.
    """
    import pyarrow as pa

    table = pa.Table.from_pandas(worklist, preserve_index=False).replace_schema_metadata(None)
    for cents, name in DOLLARS.items():
        at = table.schema.get_field_index(cents)
        table = table.set_column(at, name, exact_dollars(table.column(at).combine_chunks()))
    days = [c.name for c in WORKLIST if c.kind == "date"]
    for name in days:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(at).cast(pa.date32()))
    return table


def exact_dollars(cents: "pa.Array") -> "pa.Array":
    """Return whole cents as dollars with two decimals."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = pa.decimal128(18, 2)
    number = pc.fill_null(cents, 0).to_numpy(zero_copy_only=False)
    if len(number) and max(int(number.max()), -int(number.min())) >= 10**18:
        raise OverflowError("an amount has more than 18 digits")
    # A decimal is its digits as a number of 128 bits: the cents, and their sign once more.
    digits = np.empty((len(number), 2), dtype="<i8")
    digits[:, 0], digits[:, 1] = number, number >> 63
    known = None
    if cents.null_count:
        valid = cents.is_valid().to_numpy(zero_copy_only=False)
        known = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, len(number), [known, pa.py_buffer(digits)])


def arrow_schema() -> "pa.Schema":
    """Return the schema of a worklist's Parquet file."""
    import pyarrow as pa

    kinds = {
        "text": pa.large_string(), "date": pa.date32(), "cents": pa.decimal128(18, 2),
        "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
    }  # fmt: skip
    return pa.schema([(DOLLARS.get(c.name, c.name), kinds[c.kind]) for c in WORKLIST])


def _parquet(tables: "Iterable[pa.Table]", path: Path) -> None:
    writer = None
    try:
        for table in tables:
            # Texts may come as dictionaries: they are written as such, and are texts to any reader.
            if writer is None:
                writer = _parquet_writer(path, table.schema)
            writer.write_table(table.cast(writer.schema))
        if writer is None:
            writer = _parquet_writer(path, arrow_schema())
    finally:
        if writer is not None:
            writer.close()


def _parquet_writer(path: Path, schema: "pa.Schema"):
    """Return a writer that looks for repetition where there is any, and for bounds of what is no text."""
    import pyarrow.parquet as pq

    texts = {c.name for c in WORKLIST if c.kind == "text"}
    lists: Any = {  # of columns, which its types do not know of
        "use_dictionary": sorted(REPEATED),
        "write_statistics": [name for name in schema.names if name not in texts],
    }
    return pq.ParquetWriter(path, schema, store_schema=False, **lists)


def _csv(tables: "Iterable[pa.Table]", path: Path) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(DOLLARS.get(c.name, c.name) for c in WORKLIST)
        for table in tables:
            columns = [_cells(table.column(at), c.kind) for at, c in enumerate(WORKLIST)]
            write.writerows(zip(*columns, strict=True))


def _cells(column: "pa.ChunkedArray", kind: str) -> list:
    """Return a column's cells as a CSV has them; a text that is like a formula behind an apostrophe."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "flag":
        column = pc.if_else(column, "True", "False")
    elif kind != "text":
        column = column if kind == "number" else column.cast(pa.string())
    elif pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kind == "text" and not pa.types.is_null(column.type):
        risky = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
        if pc.any(risky).as_py():
            column = column.cast(pa.large_string())
            mark, end = (pa.scalar(text, pa.large_string()) for text in ("'", ""))
            marked = pc.binary_join_element_wise(mark, column, end)
            column = pc.if_else(pc.fill_null(risky, False), marked, column)
    return column.to_pylist()

"""Frames kept as compact Arrow tables: what a page maps, and takes the rows of a few cases from.

A text that many rows share is there once, and an empty column takes no room. What is taken out is a frame
again, with the types it had.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims import Claims

_NUMBERS = ("patient_control_number", "payer_claim_control_number")
_PLAIN = b"plain"  # in the metadata of a table: its schema before it was made compact
_LOOKED_AT = 2_000  # rows that say whether a column has few texts
_FEW = 8  # rows at least that share a text, on average


@dataclass(frozen=True, eq=False)
class CompactTable:
    """One frame. Its rows are known by their places, from 0."""

    table: pa.Table

    @classmethod
    def of(cls, frame: pd.DataFrame) -> "CompactTable":
        """Return the frame as a compact table."""
        categories = frame.select_dtypes("category").columns
        plain = pa.Schema.from_pandas(
            frame.iloc[:0].astype(dict.fromkeys(categories, "str")), preserve_index=False
        )
        table = pa.Table.from_pandas(frame, preserve_index=False)
        columns = [_compact(column.combine_chunks()) for column in table.columns]
        made = pa.Table.from_arrays(columns, names=table.column_names)
        return cls(made.replace_schema_metadata({_PLAIN: plain.serialize().to_pybytes()}))

    def write(self, path: Path) -> None:
        """Write the table to a file that can be mapped."""
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, self.table.schema) as out:
            out.write_table(self.table)

    @classmethod
    def mapped(cls, path: Path) -> "CompactTable":
        """Return the table of a file without reading it: pages of memory come as they are asked for."""
        with pa.memory_map(str(path)) as file:
            return cls(pa.ipc.open_file(file).read_all())

    def __len__(self) -> int:
        return self.table.num_rows

    def frame(
        self, at: np.ndarray | None = None, *, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows at these places (None: all) as a frame, whose index is the places."""
        plain = pa.ipc.read_schema(pa.py_buffer(self.table.schema.metadata[_PLAIN]))
        table = self.table
        if columns is not None:
            table = table.select(columns)
            plain = pa.schema([plain.field(name) for name in columns], metadata=plain.metadata)
        if at is not None:
            table = table.take(pa.array(at, pa.int64()))
        found = table.cast(plain).to_pandas()
        return found if at is None else found.set_axis(pd.Index(at))

    def column(self, name: str) -> pd.Series:
        """Return a column as a frame has it."""
        return self.frame(columns=[name])[name]

    def numbered(self, name: str) -> tuple[np.ndarray, list[str]]:
        """Return a column of texts as a number for each row and the text of each number, '' for none."""
        column = self.table[name].combine_chunks()
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.large_string()).dictionary_encode()
        texts = column.dictionary.to_pylist()
        numbers = column.indices.cast(pa.int32())
        if column.null_count:
            if "" not in texts:
                texts.append("")
            numbers = numbers.fill_null(texts.index(""))
        return numbers.to_numpy(zero_copy_only=False).copy(), texts

    def places(self, name: str, texts: Iterable[str]) -> np.ndarray:
        """Return where a column of texts has one of these."""
        wanted = pa.array(sorted(set(texts)), pa.large_string())
        found = pc.is_in(self.table[name].cast(pa.large_string()), value_set=wanted)
        return np.flatnonzero(found.to_numpy())


def _compact(column: pa.Array) -> pa.Array:
    """Return a column with each text once, if many rows share it, and without room if it is empty."""
    if len(column) and column.null_count == len(column):
        return pa.nulls(len(column))
    if not pa.types.is_large_string(column.type):
        return column
    seen = column.slice(0, _LOOKED_AT)
    if pc.count_distinct(seen).as_py() * _FEW > len(seen):
        return column
    return column.dictionary_encode()


@dataclass(frozen=True, eq=False)
class CompactClaims:
    """The canonical tables of a caseload."""

    tables: dict[str, CompactTable]

    @classmethod
    def of(cls, claims: Claims) -> "CompactClaims":
        """Return the claims as compact tables."""
        return cls({one.name: CompactTable.of(getattr(claims, one.name)) for one in fields(Claims)})

    def __len__(self) -> int:
        """Return how many claims there are."""
        return len(self.tables["claims"])

    def whole(self) -> Claims:
        """Return all tables as frames."""
        return Claims(**{name: table.frame() for name, table in self.tables.items()})

    def numbers(self) -> Claims:
        """Return the claims with nothing but their numbers: ours and the payer's."""
        return Claims(claims=self.tables["claims"].frame(columns=_NUMBERS))

    def table(self, name: str) -> pd.DataFrame:
        """Return one table as a frame."""
        return self.tables[name].frame()

    def only(self, claim_keys: Iterable[str]) -> Claims:
        """Return the tables of some claims alone; a table that says nothing of claims is whole."""
        keys = set(claim_keys)
        return Claims(
            **{
                name: table.frame(table.places("claim_key", keys))
                if "claim_key" in table.table.column_names
                else table.frame()
                for name, table in self.tables.items()
            }
        )

    def of_accounts(self, claim_keys: Iterable[str]) -> Claims:
        """Return the tables of all claims that share an account number with these claims."""
        keys = set(claim_keys)
        claims = self.tables["claims"]
        numbers = claims.frame(claims.places("claim_key", keys), columns=["patient_control_number"])
        numbers = set(numbers["patient_control_number"].dropna())
        at = claims.places("patient_control_number", numbers)
        return self.only(keys.union(claims.frame(at, columns=["claim_key"])["claim_key"]))

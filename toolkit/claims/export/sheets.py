"""An export's cells in one form, whatever the file: distinct texts and where they stand.

A column becomes `Cells`: each different content once, as text, and for every row the number of its
content. All that follows looks at a content once, however many rows hold it.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.evidence import UNDECIDED, Decisions
from toolkit.claims.export.grids import Note
from toolkit.claims.export.headings import find_headings, wanted
from toolkit.claims.export.layouts import Layout, Match, letters
from toolkit.errors import ExportError

_ARROW_BYTES = 1 << 30  # text beyond this needs 64-bit offsets


class Texts(Sequence):
    """Distinct texts as Arrow holds them; they become Python's where one by one they are checked."""

    def __init__(self, array: pa.Array) -> None:
        self.array = array

    @cached_property
    def _list(self) -> list[str]:
        return self.array.to_pylist()

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, at):
        return self._list[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._list)

    def __contains__(self, value: object) -> bool:
        return value in self._list


@dataclass(frozen=True)
class Cells:
    """One column: `values` are its distinct contents, `codes` their number by row, -1 for none."""

    codes: np.ndarray
    values: Sequence

    @property
    def texts(self) -> pa.Array:
        """The contents of a column of texts, as Arrow holds them."""
        return arrow_texts(self.values)


def arrow_texts(values: Sequence[str]) -> pa.Array:
    """Return texts as Arrow holds them."""
    if isinstance(values, Texts):
        return values.array.cast(pa.large_string())
    return pa.array(values, pa.large_string())


def laid_out(column: pa.Array | pa.ChunkedArray) -> Any:
    """Return a column in a layout that every function of Arrow takes, with the same cells.

    Texts that are views, or bytes of UTF-8 (as older engines write texts in Parquet), become plain
    texts; codes without a sign (as polars writes categories) get one; fractions of less than 64 bits
    are what they print as. Bytes of anything else stay.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        unsigned = pa.types.is_unsigned_integer(kind.index_type)
        if not unsigned and not _is_view_or_bytes(kind.value_type):
            return column
        if isinstance(column, pa.ChunkedArray):
            parts = [laid_out(one) for one in column.chunks]
            if len({part.type for part in parts}) == 1:
                return pa.chunked_array(parts)
            return laid_out(
                column.cast(kind.value_type)
            )  # bytes that are texts in some chunks only
        places = column.indices.cast(pa.int64())
        return pa.DictionaryArray.from_arrays(places, laid_out(column.dictionary))
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        return column.cast(pa.string()).cast(pa.float64())
    if not _is_view_or_bytes(kind):
        return column
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:
        return column


def _is_view_or_bytes(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string_view(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )


@dataclass(frozen=True)
class Sheet:
    """The mapped columns of an export, one entry per data row.

    `columns` maps a position in the heading row to its cells, `rows` are row numbers as a
    spreadsheet shows them, `notes` are findings about the file itself. `decisions` say what whole
    columns of the file mean: which come day first, and whose amounts have the other sign.
    """

    file_id: str
    match: Match
    headings: list[str]
    columns: dict[int, Cells]
    rows: np.ndarray
    serial_dates: bool
    notes: list[Note]
    decisions: Decisions = UNDECIDED
    epoch_1904: bool = False


# Marks by which spreadsheets are told that a cell is text: ="0012", '0012, and ' before = + - @.
_PROOF = r'^="([^"]*)"$'
_APOSTROPHE = r"^'([=+\-@].*|[^\s']*[0-9][^\s']*)$"


def cells_of(
    texts: pa.Array, codes: np.ndarray, missing: frozenset[str], *, differ: bool = False
) -> Cells:
    """Return cells with blanks and proof marks gone, equal texts joined, words for 'none' gone.

    What was a number in one row and the same text in another is one content. `differ` says that no
    two of the texts are equal.
    """
    given = texts.cast(pa.large_string())
    trimmed = _without_marks(pc.utf8_trim_whitespace(given))
    none = pa.array(["", *sorted(missing)], pa.large_string())
    # No word for 'none' is longer than the longest of them: only short texts are looked up.
    longest = max(map(len, missing), default=0)
    short = pc.fill_null(pc.less_equal(pc.binary_length(trimmed), 4 * longest), True)
    at = np.flatnonzero(short.to_numpy(zero_copy_only=False))
    few = trimmed.take(pa.array(at))
    hit = pc.or_(pc.is_in(pc.utf8_lower(few), value_set=none), pc.is_null(few))
    gone = np.zeros(len(trimmed), dtype=bool)
    gone[at] = hit.to_numpy(zero_copy_only=False)
    if not gone.any() and trimmed.equals(given) and (differ or _all_differ(given)):
        return Cells(codes, Texts(texts))
    kept = pc.if_else(
        pa.array(gone), pa.scalar(None, pa.large_string()), trimmed
    ).dictionary_encode()
    remap = pc.fill_null(kept.indices, -1).to_numpy(zero_copy_only=False)
    return Cells(np.append(remap, -1).astype(np.int32)[codes], Texts(kept.dictionary))


def _all_differ(texts: pa.Array) -> bool:
    return pc.count_distinct(texts).as_py() == len(texts)


def _without_marks(texts: pa.Array) -> pa.Array:
    for pattern in (_PROOF, _APOSTROPHE):
        if pc.any(pc.starts_with(texts, pattern[1])).as_py():
            texts = pc.replace_substring_regex(texts, pattern, r"\1")
    return texts


def _missing(chosen: Layout) -> frozenset[str]:
    return frozenset(word.casefold() for word in chosen.missing)


def sheet_of(
    match: Match, headings: list[str], table: pa.Table, rows: np.ndarray, *,
    file_id: str, notes: Iterable[Note] = (), serial_dates: bool = False,
    decisions: Decisions = UNDECIDED, epoch_1904: bool = False,
) -> Sheet:  # fmt: skip
    """Return the sheet of Arrow columns whose names are positions of the headings, all rows in it."""
    missing = _missing(match.layout)
    raw = {}
    for position in wanted(match):
        try:
            raw[position] = _arrow_cells(table[str(position)], missing)
        except (pa.ArrowException, TypeError):
            raise ExportError(
                f"column {letters(position)}: has neither text, numbers nor dates; write it as one of these"
            ) from None
    return Sheet(file_id, match, headings, raw, rows, serial_dates, [*notes], decisions, epoch_1904)


def without_blank_rows(sheet: Sheet) -> Sheet:
    """Return the sheet without rows that hold nothing in any column that is read."""
    filled = np.zeros(len(sheet.rows), dtype=bool)
    for cells in sheet.columns.values():
        filled |= cells.codes >= 0
    if filled.all():
        return sheet
    columns = {p: Cells(c.codes[filled], c.values) for p, c in sheet.columns.items()}
    return replace(sheet, columns=columns, rows=sheet.rows[filled])


def column_labels(headings: list[str], positions: Iterable[int]) -> list[str]:
    """Return how a person finds the columns: their headings, or their letters where they have none."""
    return [headings[p].strip() or f"column {letters(p)}" for p in positions]


def open_parquet(path: Path, layout: str | None) -> tuple[Match, list[str], list[str]]:
    """Return a Parquet file's match, its headings, and the names of the wanted columns."""
    import pyarrow.parquet as pq

    try:
        headings = list(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowException, OSError):
        raise damaged(path) from None
    headings += [name for name in _folders(path) if name not in headings]
    found = find_headings([headings], layout=layout, where=path.name)
    names = [headings[i] for i in wanted(found.match)]
    if len(set(names)) < len(names):
        raise ExportError(f"{path.name}: two columns have the same name; rename one of them")
    return found.match, headings, names


def with_folders(table: pa.Table, path: Path) -> pa.Table:
    """Return the table with the columns that partitioned Parquet keeps in its folders' names."""
    for name, value in _folders(path).items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), pa.string()))
    return table


def _folders(path: Path) -> dict[str, str]:
    parts = [part.partition("=") for part in path.parent.parts]
    return {
        unquote(name): unquote(value)
        for name, mark, value in parts
        if mark and name and value != "__HIVE_DEFAULT_PARTITION__"
    }


def damaged(path: Path) -> ExportError:
    """Return the refusal of a Parquet file that cannot be read."""
    return ExportError(f"{path.name}: is damaged or not a complete Parquet file; export it again")


def _arrow_cells(column: pa.ChunkedArray, missing: frozenset[str]) -> Cells:
    column = laid_out(column)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        column = _joined(column)
    kind = column.type
    differ = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if pa.types.is_dictionary(kind):
        column = column.unify_dictionaries()
        differ = column.num_chunks > 1  # then made anew, of texts that differ
    else:
        if pa.types.is_string(kind) and column.nbytes >= _ARROW_BYTES:
            column = column.cast(pa.large_string())
        column = pa.chunked_array([column.combine_chunks()]) if column.num_chunks != 1 else column
        column = column.dictionary_encode()
    if not column.num_chunks:
        return Cells(np.empty(0, dtype=np.int32), [])
    codes = [pc.fill_null(c.indices, -1).to_numpy(zero_copy_only=False) for c in column.chunks]
    texts = _arrow_texts(column.chunk(0).dictionary)
    whole = np.concatenate(codes).astype(np.int32, copy=False)
    return cells_of(texts, whole, missing, differ=differ)


def _joined(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return lists as texts, their entries one after the other; an entry that is missing is left out."""
    column = column.cast(pa.list_(pa.string()))
    if not pc.list_flatten(column).null_count:
        return pc.binary_join(column, " ")
    texts = [
        None if one is None else " ".join(entry for entry in one if entry is not None)
        for one in column.to_pylist()
    ]
    return pa.chunked_array([pa.array(texts, pa.string())])


def coded_column(cells: Cells) -> pa.DictionaryArray:
    """Return a column of cells as Arrow holds it: its contents once, and their numbers."""
    codes = pa.array(cells.codes, pa.int32(), mask=cells.codes < 0)
    return pa.DictionaryArray.from_arrays(codes, cells.texts.cast(pa.string()))


def compacted(table: pa.Table) -> pa.Table:
    """Return a table whose coded columns have only those contents that a row has."""
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(at, field.name, coded_column(_coded_cells(table[at])))
    return table


def coded_sheet(
    match: Match, headings: list[str], table: pa.Table, rows: np.ndarray, *,
    file_id: str, serial_dates: bool = False, decisions: Decisions = UNDECIDED,
    epoch_1904: bool = False,
) -> Sheet:  # fmt: skip
    """Return the sheet of columns that `coded_column` made, without rows that hold nothing."""
    columns = {position: _coded_cells(table[str(position)]) for position in wanted(match)}
    found = Sheet(file_id, match, headings, columns, rows, serial_dates, [], decisions, epoch_1904)
    return without_blank_rows(found)


def _coded_cells(column: pa.ChunkedArray) -> Cells:
    """Return the cells of a coded column, with only those contents that a row has."""
    if column.num_chunks > 1:
        column = pa.chunked_array([column.unify_dictionaries().combine_chunks()])
    if not len(column):
        return Cells(np.empty(0, dtype=np.int32), [])
    chunk = column.chunk(0)
    codes = chunk.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    used = np.zeros(len(chunk.dictionary) + 1, dtype=bool)
    used[codes] = True
    if used[:-1].all():
        return Cells(codes, Texts(chunk.dictionary))
    at = np.flatnonzero(used[:-1])
    place = np.full(len(used), -1, dtype=np.int32)
    place[at] = np.arange(len(at))
    return Cells(place[codes], Texts(chunk.dictionary.take(pa.array(at))))


def _arrow_texts(values: pa.Array) -> pa.Array:
    kind = values.type
    if pa.types.is_floating(kind):
        return pa.array([cell_text(v) for v in values.to_pylist()], pa.string())
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "yes", "no")
    if pa.types.is_timestamp(kind):
        values = pc.local_timestamp(values) if kind.tz else values
    elif not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_date(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        raise TypeError("neither text, number nor date")
    return pc.cast(values, pa.large_string() if pa.types.is_large_string(kind) else pa.string())


def cell_text(value) -> str:
    """Return a spreadsheet cell as text: whole numbers without a fraction, dates in ISO form."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # A spreadsheet keeps 15 digits; beyond them stands only the dust of binary fractions.
        return "" if value != value else f"{value:.15g}"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value)

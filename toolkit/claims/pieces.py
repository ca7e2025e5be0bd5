"""An export read piece by piece: each piece is small, together they are all of it, in its order.

A piece is an Arrow table of the columns that the layout knows, named by their position in the
headings, with `row` (its place below the piece's first row, from 0) and `account` (a number that
is equal for rows of the same claim number, so that a claim is never read in two halves).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.claims import sheets
from toolkit.claims.columns import Notes, read_columns
from toolkit.claims.layouts import Match
from toolkit.errors import ExportError

PIECE_BYTES = 8 << 20
PIECE_ROWS = 24_000
_ACCOUNT = ("patient_control_number", "payer_claim_control_number")


@dataclass(frozen=True)
class Opened:
    """An export whose headings were read and whose rows were not; it may be sent to a process."""

    path: Path
    kind: str  # csv, parquet or xlsx
    file_id: str
    match: Match
    headings: list[str]
    first_row: int  # of the rows below the headings, as a spreadsheet numbers them
    notes: tuple[tuple, ...] = ()
    csv: sheets.Csv | None = None
    columns: tuple[str, ...] = ()  # of a Parquet file

    @property
    def serial_dates(self) -> bool:
        """True where a date may be a spreadsheet's number."""
        return self.kind == "xlsx"


@dataclass(frozen=True)
class Place:
    """Where a piece or some pieces stand: bytes of a CSV, a row group of a Parquet file, or all."""

    start: int = 0
    end: int | None = None


def open_export(path: Path, *, layout: str | None) -> Opened:
    """Return an export ready to be read in pieces; `ExportError` as `read_export` raises it."""
    kind, head = sheets.kind_of(path)
    if kind == "csv":
        opened = sheets.open_csv(path, head, layout)
        first = opened.match.row + 1
        return Opened(path, kind, opened.file_id, opened.match, opened.headings, first, opened.notes, opened)  # fmt: skip
    if kind == "parquet":
        match, headings, names = sheets.open_parquet(path, layout)
        file_id = sheets.file_id_of(path)
        return Opened(path, kind, file_id, match, headings, 2, columns=tuple(names))
    sheet = sheets.read_sheet(path, layout=layout)
    first = sheet.match.row + 1
    return Opened(path, kind, sheet.file_id, sheet.match, sheet.headings, first, tuple(sheet.notes))


def places(opened: Opened, *, size: int = PIECE_BYTES) -> Iterator[Place]:
    """Return where the pieces of an export stand, found without reading its cells."""
    if opened.kind == "csv":
        yield from _cuts(opened, size)
    elif opened.kind == "parquet":
        try:
            groups = pq.ParquetFile(opened.path).num_row_groups
        except (pa.ArrowException, OSError):
            raise sheets.damaged(opened.path) from None
        yield from (Place(group, group + 1) for group in range(groups))
    else:
        yield Place()


class NotCut(Exception):
    """The file's quotes are such that it cannot be cut by its bytes: `whole` reads it."""


def whole(opened: Opened) -> Place:
    """Return the place of all rows of an export, however big."""
    return Place(opened.csv.offset if opened.csv else 0, None)


def pieces(
    opened: Opened, place: Place, *, rows: int = PIECE_ROWS
) -> Iterator[tuple[pa.Table, int, list[tuple[int, int]]]]:
    """Return the pieces at a place: the table, how many rows it spans, and its ragged rows.

    A ragged row is (its place in the piece, from 0; its cells): it is left out of the table.
    Raises NotCut.
    """
    if opened.kind == "csv":
        if place.end is not None and not _plain_quotes(opened, place):
            raise NotCut
        table, numbers, bad = sheets.read_csv(
            opened.path, opened.csv, place.start, place.end, threads=False
        )
        if table is None:
            return
        spans = len(numbers) + len(bad)
        ragged = [(number - 1, cells) for number, cells in bad]
        if place.end is not None:
            yield _piece(opened, table, numbers - 1), spans, ragged
            return
        # A file that cannot be cut by its bytes was read whole.
        for start in range(0, max(spans, 1), rows):
            here = (numbers > start) & (numbers <= start + rows)
            part = table.filter(pa.array(here))
            mine = [(n - start, cells) for n, cells in ragged if start <= n < start + rows]
            yield (
                _piece(opened, part, numbers[here] - 1 - start),
                min(rows, spans - start),
                mine,
            )
    elif opened.kind == "parquet":
        file = pq.ParquetFile(opened.path)
        there = [name for name in opened.columns if name in file.schema_arrow.names]
        try:
            for batch in file.iter_batches(rows, row_groups=[place.start], columns=there):
                table = sheets.with_folders(pa.Table.from_batches([batch]), opened.path)
                table = table.select(list(opened.columns))
                positions = [str(p) for p in sheets.wanted(opened.match)]
                table = table.rename_columns(positions)
                yield _piece(opened, table, np.arange(len(table))), len(table), []
        except (pa.ArrowException, OSError):
            raise sheets.damaged(opened.path) from None
    else:
        sheet = sheets.read_sheet(opened.path, layout=opened.match.layout)
        texts = {
            str(position): pa.array(cells.values, pa.string()).take(
                pa.array(cells.codes, mask=cells.codes < 0)
            )
            for position, cells in sheet.columns.items()
        }
        table, numbers = pa.table(texts), sheet.rows - opened.first_row
        for start in range(0, len(table), rows):
            part, mine = table.slice(start, rows), numbers[start : start + rows]
            before = numbers[start - 1] + 1 if start else 0
            yield _piece(opened, part, mine - before), int(mine[-1] + 1 - before), []


def sheet_of(opened: Opened, table: pa.Table, rows: np.ndarray) -> sheets.Sheet:
    """Return the sheet of some rows of an export, which hold all rows of their claims."""
    try:
        return sheets.sheet_of(
            opened.match, opened.headings, table, rows,
            file_id=opened.file_id, serial_dates=opened.serial_dates,
        )  # fmt: skip
    except ExportError as error:
        raise ExportError(f"{opened.path.name}, {error}") from None


def _piece(opened: Opened, table: pa.Table, rows: np.ndarray) -> pa.Table:
    table = table.append_column("row", pa.array(rows.astype(np.int32)))
    return table.append_column("account", pa.array(_accounts(opened, table)))


def _accounts(opened: Opened, table: pa.Table) -> np.ndarray:
    """Return a number per row for its claim number: ours, else the payer's; 0 where it has none."""
    ours = {name: at for name, at in opened.match.positions.items() if name in _ACCOUNT}
    only = msgspec.structs.replace(opened.match, positions=ours, leave_out={})
    sheet = sheets.sheet_of(
        only, opened.headings, table, np.arange(len(table)), file_id="", blank_rows=True
    )
    columns = read_columns(sheet, Notes("", sheet))
    accounts = np.zeros(len(table), dtype=np.uint64)
    for name in reversed(_ACCOUNT):
        if name in columns:
            cells = columns[name]
            numbers = numbers_of(cells.values)
            stated = cells.codes >= 0
            accounts[stated] = numbers[cells.codes[stated]]
    return accounts


def numbers_of(texts: list[str]) -> np.ndarray:
    """Return a 64-bit number for each text, the same in every process."""
    if not len(texts):
        return np.empty(0, dtype=np.uint64)
    return pd.util.hash_array(np.array(texts, dtype=object), categorize=False)


def _cuts(opened: Opened, size: int) -> Iterator[Place]:
    """Return places in a CSV that end with a row; one place for all where none can be told.

    A line break inside quotes ends no row. Where every quote opens or closes a cell, as writers
    set them, an even number of them stands before each true end; `pieces` looks whether they do.
    """
    csv = opened.csv
    assert csv is not None
    found: list[Place] = []
    start, rest = csv.offset, b""
    with opened.path.open("rb") as file:
        file.seek(csv.offset)
        while block := file.read(size):
            data = rest + block
            end = last_end(data) if csv.codec in ("utf-8", "cp1252") else None
            if end is None:
                if len(data) < 8 * size and csv.codec in ("utf-8", "cp1252"):
                    rest = data  # a cell of many lines: look on
                    continue
                found = []
                break
            found.append(Place(start, start + end))
            start, rest = start + end, data[end:]
        else:
            if rest:
                found.append(Place(start, start + len(rest)))
    yield from found or [whole(opened)]


def last_end(data: bytes) -> int | None:
    """Return the offset after the last row end of a CSV's bytes, or None where none is in sight."""
    odd = data.count(b'"') % 2
    at = len(data)
    for _ in range(2000):
        before = data.rfind(b"\n", 0, at)
        if before < 0:
            return None
        odd ^= data.count(b'"', before, at) % 2
        if not odd:
            return before + 1
        at = before
    return None


def _plain_quotes(opened: Opened, place: Place) -> bool:
    with opened.path.open("rb") as file:
        file.seek(place.start)
        return plain_quotes(file.read(place.end - place.start), opened.csv.delimiter)


def plain_quotes(data: bytes, delimiter: str) -> bool:
    """Say whether every quote opens or closes a cell, or is doubled inside one."""
    if b'"' not in data:
        return True
    signs = np.frombuffer(data, dtype=np.uint8)
    quotes = np.flatnonzero(signs == ord('"'))
    edge = np.zeros(256, dtype=bool)
    edge[[ord(delimiter), ord("\n"), ord("\r"), ord('"')]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    starts = (opening == 0) | edge[signs[np.maximum(opening - 1, 0)]]
    last = len(signs) - 1
    ends = (closing == last) | edge[signs[np.minimum(closing + 1, last)]]
    return len(quotes) % 2 == 0 and bool(starts.all() and ends.all())

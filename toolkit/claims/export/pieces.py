"""An export read piece by piece: each piece is small, together they are all of it, in its order.

A piece is an Arrow table of the columns that are read, named by their position in the headings, with
`row` (its place below the piece's first row, from 0) and `account` (a number that is equal for rows
of the same claim number, so that a claim is never read in two halves). An export that is read at
once is read by the same lines: it is one piece.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.claims.export import delimited, sheets, web_tables, workbooks
from toolkit.claims.export.columns import Notes, read_columns
from toolkit.claims.export.continued import continue_rows
from toolkit.claims.export.evidence import Decisions, Evidence, decide, evidence_of, notes_of
from toolkit.claims.export.file_kinds import kind_of
from toolkit.claims.export.grids import Grid, Note, Tally, tally
from toolkit.claims.export.headings import HEADING_ROWS, find_headings, wanted
from toolkit.claims.export.layouts import COLUMNS, Match
from toolkit.claims.identity import hash_of, id_of, part_hash
from toolkit.errors import ExportError

PIECE_BYTES = 24 << 20
PIECE_ROWS = 100_000
_ACCOUNT = ("patient_control_number", "payer_claim_control_number")


@dataclass(frozen=True)
class Opened:
    """A table of an export whose headings were read and whose rows were not.

    `table` counts the tables of a workbook or a page, `of` says how many it has; `name` is what a
    message calls it. It may be sent to a process.
    """

    path: Path
    name: str
    kind: str  # csv, parquet, xlsx or page
    sha256: str
    match: Match
    headings: list[str]
    first_row: int  # of the rows below the headings, as a spreadsheet numbers them
    notes: tuple[Note, ...] = ()
    csv: delimited.Csv | None = None
    columns: tuple[str, ...] = ()  # of a Parquet file
    table: int = 0
    serial_dates: bool = False
    epoch_1904: bool = False
    decisions: Decisions = Decisions()

    @property
    def file_id(self) -> str:
        """The short id that begins our keys."""
        return id_of(self.sha256)


@dataclass(frozen=True)
class Place:
    """Where some pieces are: bytes of a CSV, row groups of a Parquet file, or all."""

    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class Piece:
    """Some rows of an export: the table, the rows it spans, what they show, and findings on them.

    The table's columns are positions of the headings, each coded (`sheets.coded_column`), then `row`
    and `account`.

    `spans` counts blank rows and rows left out too; a note's row counts from 0 at the piece's first,
    and so does a tally's.
    """

    table: pa.Table
    spans: int
    evidence: Evidence = Evidence()
    notes: list[Note] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)


class NotCut(Exception):
    """The file cannot be read in parts by themselves: `whole` reads it."""


def open_exports(path: Path, *, layout: str | None) -> list[Opened]:
    """Return the tables of an export ready to be read: one, or one for each sheet that fits a layout.

    Raises ExportError if the file is damaged, or no table of it has headings that a layout knows.
    """
    kind, head = kind_of(path)
    sha256 = hash_of(path)
    if kind == "csv":
        csv = delimited.open_csv(path, head, layout)
        first = csv.match.row + 1
        return [
            Opened(path, path.name, kind, sha256, csv.match, csv.headings, first, csv.notes, csv)
        ]
    if kind == "parquet":
        match, headings, names = sheets.open_parquet(path, layout)
        return [Opened(path, path.name, kind, sha256, match, headings, 2, columns=tuple(names))]
    return _open_grids(path, kind, sha256, layout)


def places(opened: Opened, *, size: int = PIECE_BYTES, rows: int = PIECE_ROWS) -> Iterator[Place]:
    """Return where the pieces of an export are, found without reading its cells."""
    if opened.kind == "csv":
        yield from _cuts(opened, size)
    elif opened.kind == "parquet":
        yield from _row_groups(opened, rows)
    else:
        yield whole(opened)


def whole(opened: Opened) -> Place:
    """Return the place of all rows of an export, however big."""
    return Place(opened.csv.offset if opened.csv else 0, None)


def pieces(opened: Opened, place: Place, *, rows: int = PIECE_ROWS) -> Iterator[Piece]:
    """Return the pieces at a place. Raises NotCut if rows need what is outside the place."""
    if opened.kind == "parquet" and place.end is not None:
        for table in _parquet_batches(opened, place, rows):
            yield _piece(opened, Piece(table, len(table)), np.arange(len(table)), alone=False)
        return
    found = _rows(opened, place)
    yield from _cut(_piece(opened, *found, alone=place.end is None), rows)


def _rows(opened: Opened, place: Place) -> tuple[Piece, np.ndarray]:
    """Return the rows at a place as they are in the file, and their places in it from 0."""
    if opened.kind == "csv":
        return _csv_rows(opened, place)
    return _parquet_whole(opened) if opened.kind == "parquet" else _grid_rows(opened)


@dataclass(frozen=True)
class Whole:
    """All rows of a table: its cells without blank rows, how many rows it spans, and findings."""

    sheet: sheets.Sheet
    spans: int
    blank: int
    notes: list[Note]
    tallies: list[Tally]


def read_whole(opened: Opened) -> Whole:
    """Return all rows of a table at once, as `pieces` would give them one after the other."""
    rows, numbers = _rows(opened, whole(opened))
    first = opened.first_row
    sheet = _raw_sheet(opened, rows.table, numbers.astype(np.int64) + first)
    found = continue_rows(sheet)
    decisions = decide(opened.match.layout, evidence_of(opened.match, found.columns))
    sheet = replace(sheet, columns=found.columns, decisions=decisions)
    kept = sheets.without_blank_rows(sheet)
    notes = [(row + first, *rest) for row, *rest in rows.notes]
    tallies = [replace(one, first=one.first + first) for one in rows.tallies]
    return Whole(
        kept, rows.spans, len(sheet.rows) - len(kept.rows),
        [*opened.notes, *notes_of(decisions), *notes], [*tallies, *found.tallies],
    )  # fmt: skip


def sheet_of(opened: Opened, table: pa.Table, rows: np.ndarray) -> sheets.Sheet:
    """Return the sheet of some rows of pieces, which hold all rows of their claims."""
    return sheets.coded_sheet(
        opened.match, opened.headings, table, rows, file_id=opened.file_id,
        serial_dates=opened.serial_dates, decisions=opened.decisions,
        epoch_1904=opened.epoch_1904,
    )  # fmt: skip


def _raw_sheet(opened: Opened, table: pa.Table, rows: np.ndarray) -> sheets.Sheet:
    """Return the sheet of rows as the file has them, blank ones too."""
    try:
        return sheets.sheet_of(
            opened.match, opened.headings, table, rows, file_id=opened.file_id,
            serial_dates=opened.serial_dates, decisions=opened.decisions,
            epoch_1904=opened.epoch_1904,
        )  # fmt: skip
    except ExportError as error:
        raise ExportError(f"{opened.name}, {error}") from None


def no_rows(opened: Opened) -> ExportError:
    """Return the refusal of an export whose headings have no row below them."""
    return ExportError(
        f"{opened.name}, row {opened.match.row}: headings without rows below them; export it again with its rows"
    )


# ----------------------------------------------------------------------- the rows of each kind of file


def _csv_rows(opened: Opened, place: Place) -> tuple[Piece, np.ndarray]:
    csv = opened.csv
    assert csv is not None
    found = delimited.read_csv(opened.path, csv, place.start, place.end, threads=place.end is None)
    if found is None:
        raise NotCut
    notes = [(row - 1, *rest) for row, *rest in found.notes]
    tallies = [replace(one, first=one.first - 1) for one in found.tallies]
    return Piece(found.table, found.records, notes=notes, tallies=tallies), found.numbers - 1


def _parquet_batches(opened: Opened, place: Place, rows: int) -> Iterator[pa.Table]:
    try:
        file = pq.ParquetFile(opened.path)
        there = [name for name in opened.columns if name in file.schema_arrow.names]
        groups = range(place.start, place.end)
        for batch in file.iter_batches(rows, row_groups=groups, columns=there):
            yield _as_positions(opened, pa.Table.from_batches([batch]))
    except (pa.ArrowException, OSError):
        raise sheets.damaged(opened.path) from None


def _parquet_whole(opened: Opened) -> tuple[Piece, np.ndarray]:
    try:
        schema = pq.read_schema(opened.path)
        there = [name for name in opened.columns if name in schema.names]
        texts = [name for name in there if pa.types.is_string(schema.field(name).type)]
        table = pq.read_table(opened.path, columns=there, read_dictionary=texts, partitioning=None)
    except (pa.ArrowException, OSError):
        raise sheets.damaged(opened.path) from None
    table = _as_positions(opened, table)
    return Piece(table, len(table)), np.arange(len(table))


def _as_positions(opened: Opened, table: pa.Table) -> pa.Table:
    table = sheets.with_folders(table, opened.path).select(list(opened.columns))
    return table.rename_columns([str(p) for p in wanted(opened.match)])


def _grids(path: Path, kind: str) -> list[Grid]:
    return {"xlsx": workbooks.grids, "page": web_tables.grids}[kind](path)


def _open_grids(path: Path, kind: str, sha256: str, layout: str | None) -> list[Opened]:
    """Return the tables that fit a layout; the others are named in a note on the first."""
    grids = _grids(path, kind)
    found: list[Opened] = []
    refused: list[tuple[Grid, ExportError]] = []
    for at, grid in enumerate(grids):
        name = f"{path.name}, {grid.name}" if len(grids) > 1 else path.name
        try:
            heads = find_headings(grid.rows[:HEADING_ROWS], layout=layout, where=name)
        except ExportError as error:
            refused.append((grid, error))
            continue
        found.append(Opened(
            path, name, kind, part_hash(sha256, at) if found else sha256,
            heads.match, heads.headings, grid.first_row + heads.match.row,
            (*heads.notes, *grid.notes), table=at, serial_dates=grid.serial_dates, epoch_1904=grid.epoch_1904,
        ))  # fmt: skip
    if not any(any(any(row) for row in grid.rows) for grid in grids):
        raise ExportError(f"{path.name}: the workbook has no rows; export it again")
    if not found:
        raise refused[0][1]
    note = _tables_note(grids, [grid for grid, _ in refused])
    if note:
        found[0] = replace(found[0], notes=(*found[0].notes, note))
    return found


def _tables_note(grids: list[Grid], refused: list[Grid]) -> Note | None:
    """Return what is told of a file with several tables: which were read, and which were not."""
    unread = [grid for grid in refused if any(any(row) for row in grid.rows)]
    hidden = [grid for grid in grids if grid.hidden and grid not in refused]
    if not unread and not hidden:
        return None
    said = []
    if unread:
        names = ", ".join(f"{grid.name} (rows: {len(grid.rows):,})" for grid in unread)
        said.append(f"not read, because no layout knows their headings: {names}")
    if hidden:
        said.append(f"read although hidden: {', '.join(grid.name for grid in hidden)}")
    code = "sheets_not_read" if unread else "hidden_sheet_read"
    return None, "", code, "; ".join(said)


def _grid_rows(opened: Opened) -> tuple[Piece, np.ndarray]:
    grid = _grids(opened.path, opened.kind)[opened.table]
    head, count = opened.match.row, len(opened.headings)
    body = grid.rows[head:]
    beside = [
        number
        for number, cells in enumerate(body)
        if len(cells) > count and any(cell.strip() for cell in cells[count:])
    ]
    rows = [cells[:count] + [""] * (count - len(cells)) for cells in body]
    _fill_merged(opened, grid, rows)
    positions = wanted(opened.match)
    table = pa.table({str(p): pa.array([row[p] for row in rows], pa.string()) for p in positions})
    says = "with cells to the right of the last heading, which were not read"
    tallies = [tally(beside, "", "cells_beside", says)] if beside else []
    return Piece(table, len(body), tallies=tallies), np.arange(len(body))


def _fill_merged(opened: Opened, grid: Grid, rows: list[list[str]]) -> None:
    """Give every row below a merged cell its text, in place; an amount is said once, of the first."""
    kinds = {p: COLUMNS[column][0] for column, ps in opened.match.positions.items() for p in ps}
    for top, left, bottom, right in grid.merged:
        if left != right or kinds.get(left, "money") in ("money", "number"):
            continue
        first = top - opened.match.row
        if 0 <= first < len(rows):
            for row in rows[first + 1 : bottom - opened.match.row + 1]:
                row[left] = row[left] or rows[first][left]


# --------------------------------------------------------------------------------------------- pieces


def _piece(opened: Opened, rows: Piece, numbers: np.ndarray, *, alone: bool) -> Piece:
    """Return rows as a piece: rows that continue the one above filled, and what the columns show."""
    sheet = _raw_sheet(opened, rows.table, numbers)
    found = continue_rows(sheet)
    if found.headless and not alone:
        raise NotCut
    cells = {str(p): sheets.coded_column(found.columns[p]) for p in wanted(opened.match)}
    table = pa.table({**cells, "row": pa.array(numbers.astype(np.int32))})
    table = table.append_column("account", pa.array(_accounts(opened, found.columns, numbers)))
    evidence = evidence_of(opened.match, found.columns)
    return Piece(table, rows.spans, evidence, rows.notes, [*rows.tallies, *found.tallies])


def _cut(piece: Piece, rows: int) -> Iterator[Piece]:
    """Return a piece as pieces of so many rows; the first has the evidence and tallies of all."""
    if piece.spans <= rows:
        yield piece
        return
    numbers = piece.table["row"].to_numpy()
    for start in range(0, piece.spans, rows):
        here = (numbers >= start) & (numbers < start + rows)
        table = sheets.compacted(piece.table.filter(pa.array(here)))
        at = table.schema.get_field_index("row")
        table = table.set_column(at, "row", pa.array((numbers[here] - start).astype(np.int32)))
        notes = [(row - start, *rest) for row, *rest in piece.notes if start <= row < start + rows]
        spans = min(rows, piece.spans - start)
        if start:
            yield Piece(table, spans, notes=notes)
        else:
            yield Piece(table, spans, piece.evidence, notes, piece.tallies)


def _accounts(opened: Opened, columns: dict[int, sheets.Cells], rows: np.ndarray) -> np.ndarray:
    """Return a number per row for its claim number: ours, else the payer's; 0 if it has none."""
    ours = {name: at for name, at in opened.match.positions.items() if name in _ACCOUNT}
    only = msgspec.structs.replace(opened.match, positions=ours, leave_out={}, adjustments=())
    cells = {p: columns[p] for ps in ours.values() for p in ps}
    sheet = sheets.Sheet("", only, opened.headings, cells, rows, False, [])
    read = read_columns(sheet, Notes("", sheet))
    accounts = np.zeros(len(rows), dtype=np.uint64)
    for name in reversed(_ACCOUNT):
        if name in read:
            numbers = numbers_of(list(read[name].values))
            stated = read[name].codes >= 0
            accounts[stated] = numbers[read[name].codes[stated]]
    return accounts


def numbers_of(texts: list[str]) -> np.ndarray:
    """Return a 64-bit number for each text, the same in every process."""
    if not len(texts):
        return np.empty(0, dtype=np.uint64)
    return pd.util.hash_array(np.array(texts, dtype=object), categorize=False)


# ------------------------------------------------------------------------------------- where to cut


def _row_groups(opened: Opened, rows: int) -> Iterator[Place]:
    """Return row groups of a Parquet file, small ones together."""
    try:
        about = pq.read_metadata(opened.path)
    except (pa.ArrowException, OSError):
        raise sheets.damaged(opened.path) from None
    start, held = 0, 0
    for group in range(about.num_row_groups):
        size = about.row_group(group).num_rows
        if held and held + size > rows:
            yield Place(start, group)
            start, held = group, 0
        held += size
    yield Place(start, about.num_row_groups)


def _cuts(opened: Opened, size: int) -> Iterator[Place]:
    """Return places in a CSV that end with a row; one place for all where none can be told.

    A line break inside quotes ends no row. Where every quote opens or closes a cell, as writers
    set them, an even number of them comes before each true end; `pieces` looks whether they do.
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


def last_end(data: bytes, quotes: np.ndarray | None = None) -> int | None:
    """Return the offset after the last row end of a CSV's bytes, or None if none is in sight.

    `quotes` are the places of its quotes, where they are known.
    """
    odd = (_quotes(data) if quotes is None else len(quotes)) % 2
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


def _quotes(data: bytes) -> int:
    """Return how many quotes there are, which are nearly as many as cells: counted by comparing bytes."""
    signs, block = np.frombuffer(data, dtype=np.uint8), 1 << 18
    return sum(
        int(np.count_nonzero(signs[at : at + block] == ord('"')))
        for at in range(0, len(signs), block)
    )

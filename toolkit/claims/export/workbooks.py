"""Workbooks (XLSX, XLSM, old XLS) become grids: every sheet, all cells as text.

A workbook's own words about its size are not believed. What its parts unpack to and how far its
cells reach is looked at first, in bounded memory: the fast reader makes room for every cell up to the
farthest, so one stray cell in the last column of the last row would ask it for 500 GB. Such a sheet
is read cell by cell instead, and the stray cells are counted in a finding.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from toolkit.claims.export.grids import Grid, Note
from toolkit.claims.export.sheets import cell_text
from toolkit.errors import ExportError

_CHUNK = 1 << 20
_MOST_PARTS = 20_000
_MOST_BYTES = 3 << 30  # of all parts, unpacked
_MOST_SHARED = 1 << 29  # of the texts that sheets share
_MOST_CELLS = 40_000_000  # of a sheet, as far as it reaches
_ALWAYS_DENSE = 3_000_000
_MOST_SPARSE = 1_000_000  # cells that are there, where they are read one by one
_GAP_ROWS, _GAP_COLUMNS = 1_000, 50  # farther away from the table a cell is a stray one

_COLUMN = re.compile(rb'\br="([A-Z]{2,3})[0-9]')
_ROW = re.compile(rb'<(?:[A-Za-z]+:)?row\b[^>]*?\br="([0-9]{1,7})"')
_NUMBER = re.compile(
    rb"<(?:[A-Za-z]+:)?c\b(?=[^>]*\br=\"([A-Z]{1,3})([0-9]{1,7})\")(?=[^>]*\bs=\"([0-9]+)\")"
    rb"(?![^>]*\bt=\"[^n])[^>]*>\s*<(?:[A-Za-z]+:)?v>([0-9]+)</"
)
_ZEROS = re.compile(r"0{2,20}")
_CELL = re.compile(rb"<(?:[A-Za-z]+:)?c[\s>/]")
# What zipfile and the XML parser raise; RuntimeError where a part is compressed by an unknown method.
_BROKEN = (
    zipfile.BadZipFile, ElementTree.ParseError, KeyError, EOFError, OSError, RuntimeError, ValueError,
)  # fmt: skip
_RELATED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class _Extent:
    """How far a sheet's cells reach, and how many there are."""

    rows: int
    columns: int
    cells: int
    padded: tuple[tuple[int, int, str], ...] = ()  # row, column, text of numbers shown with zeros

    @property
    def is_dense(self) -> bool:
        """True where room for every cell up to the farthest is plausible."""
        area = self.rows * self.columns
        return area <= _ALWAYS_DENSE or area <= 30 * self.cells


def grids(path: Path) -> list[Grid]:
    """Return every sheet of a workbook, in its order, as a grid.

    Raises ExportError if the file is damaged, protected, or larger than a workbook can sensibly be.
    """
    with path.open("rb") as file:
        zipped = file.read(2) == b"PK"
    if not zipped:
        return _read_old(path)
    try:
        with zipfile.ZipFile(path) as parts:
            _refuse_monsters(path, parts)
            sheets, epoch_1904 = _sheets_of(parts)
            widths = _widths_of(parts)
            extents = {
                at: _extent(path, parts, name, widths) for at, name in enumerate(sheets) if name
            }
    except _BROKEN:
        raise _damaged(path) from None
    for at, extent in extents.items():
        if extent.is_dense and extent.rows * extent.columns > _MOST_CELLS:
            raise ExportError(
                f"{path.name}, sheet {at + 1}: reaches over {extent.rows:,} rows and "
                f"{extent.columns:,} columns; save the sheet as CSV"
            )
    return _read(path, extents, epoch_1904=epoch_1904)


def _read_old(path: Path) -> list[Grid]:
    """Return the sheets of an old .xls, whose form itself limits how far they reach."""
    try:
        return _read(path, {}, epoch_1904=False)
    except ExportError:
        raise ExportError(
            f"{path.name}: is an old .xls or a password-protected workbook, and cannot be read; "
            "save it as .xlsx without a password"
        ) from None


def _read(path: Path, extents: dict[int, _Extent], *, epoch_1904: bool) -> list[Grid]:
    sparse = {at for at, extent in extents.items() if not extent.is_dense}
    found = [] if sparse and len(sparse) == len(extents) else _dense(path, sparse)
    if not found:
        found = [("", False, None)] * len(extents)
    out = []
    for at, (_, hidden, rows) in enumerate(found):
        notes: tuple[Note, ...] = ()
        merged: tuple[tuple[int, int, int, int], ...] = ()
        if at in sparse:
            rows, notes = _sparse(path, at, extents[at])
        elif rows is not None:
            rows, merged = rows
        for row, column, text in extents[at].padded if rows and at in extents else ():
            if row < len(rows) and column < len(rows[row]):
                rows[row][column] = text
        name = f"sheet {at + 1}" if len(found) > 1 else ""
        out.append(
            Grid(
                rows or [], name, serial_dates=True, epoch_1904=epoch_1904, merged=merged,
                hidden=hidden, notes=notes,
            )
        )  # fmt: skip
    return out


def _dense(path: Path, without: set[int]) -> list[tuple[str, bool, Any]]:
    """Return each sheet's name, whether it is hidden, and its (rows, merged cells)."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        found = []
        for at, about in enumerate(book.sheets_metadata):
            hidden = "Visible" not in str(about.visible) or "Very" in str(about.visible)
            body = None if at in without else _cells(book.get_sheet_by_index(at))
            found.append((about.name, hidden, body))
        return found
    except python_calamine.PasswordError:
        raise ExportError(f"{path.name}: is protected by a password; save it without one") from None
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException:  # the reader's own errors, and its panics, may hold a cell's content
        raise _damaged(path) from None


def _cells(sheet) -> tuple[list[list[str]], tuple]:
    rows = [[cell_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    merged = tuple((*first, *last) for first, last in sheet.merged_cell_ranges or ())
    return rows, merged


# --------------------------------------------------------------- what the parts say before it is read


def _refuse_monsters(path: Path, parts: zipfile.ZipFile) -> None:
    """Refuse what unpacks to more than a workbook can sensibly hold, or is encrypted."""
    about = parts.infolist()
    names = {one.filename for one in about}
    if "xl/workbook.xml" not in names:
        raise ExportError(
            f"{path.name}: is a zip file and not an .xlsx workbook; save it again as .xlsx"
        )
    if any(one.flag_bits & 1 for one in about):
        raise ExportError(f"{path.name}: is protected by a password; save it without one")
    shared = sum(one.file_size for one in about if one.filename.endswith("sharedStrings.xml"))
    if (
        len(about) > _MOST_PARTS
        or sum(one.file_size for one in about) > _MOST_BYTES
        or shared > _MOST_SHARED
    ):
        raise ExportError(
            f"{path.name}: unpacks to far more than a normal workbook; save its table as CSV"
        )


def _sheets_of(parts: zipfile.ZipFile) -> tuple[list[str], bool]:
    """Return the part of each sheet in the workbook's order ('' for a chart), and its date system."""
    book = _small_xml(parts, "xl/workbook.xml")
    related = _small_xml(parts, "xl/_rels/workbook.xml.rels")
    target = {one.get("Id"): one.get("Target", "") for one in related}
    names = set(parts.namelist())
    sheets = []
    for one in book.iter():
        if _tag(one) == "sheet" and one.get("name") is not None:
            place = target.get(one.get(_RELATED), "")
            place = place.lstrip("/") if place.startswith("/") else f"xl/{place}"
            sheets.append(place if place in names and "worksheets" in place else "")
    epoch = any(
        _tag(one) == "workbookPr" and one.get("date1904") in ("1", "true") for one in book.iter()
    )
    return sheets, epoch


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _small_xml(parts: zipfile.ZipFile, name: str) -> ElementTree.Element:
    with parts.open(name) as part:
        data = part.read(1 << 22)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("a workbook has no document type")
    return ElementTree.fromstring(data)


def _widths_of(parts: zipfile.ZipFile) -> dict[int, int]:
    """Return the styles whose number format is nothing but zeros: 00000000 shows 123450 as 00123450."""
    if "xl/styles.xml" not in parts.namelist():
        return {}
    styles = _small_xml(parts, "xl/styles.xml")
    formats = {
        one.get("numFmtId"): len(one.get("formatCode", ""))
        for one in styles.iter()
        if _tag(one) == "numFmt" and _ZEROS.fullmatch(one.get("formatCode", ""))
    }
    cells = next((one for one in styles.iter() if _tag(one) == "cellXfs"), ())
    widths = {at: formats.get(one.get("numFmtId")) for at, one in enumerate(cells)}
    return {at: width for at, width in widths.items() if width}


def _padded(data: bytes, widths: dict[int, int]) -> Iterator[tuple[int, int, str]]:
    """Give the numbers of a sheet that are shown with leading zeros, as they are shown."""
    for column, row, style, digits in _NUMBER.findall(data):
        width = widths.get(int(style))
        if width and len(digits) < width:
            yield int(row) - 1, _number(column) - 1, digits.decode().zfill(width)


def _extent(path: Path, parts: zipfile.ZipFile, name: str, widths: dict[int, int]) -> _Extent:
    """Return how far a sheet's cells reach, from the cells themselves."""
    padded: list[tuple[int, int, str]] = []
    columns: set[bytes] = set()
    rows, numbered, cells, read = 0, 0, 0, 0
    for data in _overlapping(parts, name):
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise _damaged(path)
        columns |= set(_COLUMN.findall(data))
        numbered = max(numbered, max(map(int, _ROW.findall(data)), default=0))
        rows += data.count(b"<row") + data.count(b":row ")
        cells += len(_CELL.findall(data))
        if widths:
            padded += _padded(data, widths)
        read += len(data)
        if read > _MOST_BYTES:
            raise _damaged(path)
    across = max(map(_number, columns), default=26)
    return _Extent(max(rows, numbered), across, cells, tuple(padded))


def _overlapping(parts: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Give a part's bytes in chunks that each end with a whole tag."""
    rest = b""
    with parts.open(name) as part:
        while block := part.read(_CHUNK):
            data = rest + block
            end = data.rfind(b"</c>") + 4 if b"</c>" in data else data.rfind(b">") + 1
            if end == 0 and len(data) > 8 * _CHUNK:
                raise ValueError("a tag has no end")
            yield data[:end]
            rest = data[end:]
    if rest:
        yield rest


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _damaged(path: Path) -> ExportError:
    return ExportError(f"{path.name}: is damaged or not an .xlsx workbook; save it again as .xlsx")


# ------------------------------------------------------------------------------- read cell by cell


def _sparse(path: Path, at: int, extent: _Extent) -> tuple[list[list[str]], tuple[Note, ...]]:
    """Return a sheet's rows without its stray cells, and the note that counts these."""
    import openpyxl

    if extent.cells > _MOST_SPARSE:
        raise ExportError(
            f"{path.name}, sheet {at + 1}: a cell far away from the table makes it too large to read; "
            "delete what is below and to the right of the table, or save it as CSV"
        )
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheet = book.worksheets[at]
            sheet.reset_dimensions()
            filled = _filled(sheet)
        finally:
            book.close()
    except Exception:  # the reader's own errors may hold a cell's content
        raise _damaged(path) from None
    width = _edge({column for _, cells in filled for column in cells}, _GAP_COLUMNS)
    last = _edge({row for row, _ in filled}, _GAP_ROWS)
    rows: list[list[str]] = [[] for _ in range(last)]
    stray = 0
    for row, cells in filled:
        if row >= last:
            stray += len(cells)
            continue
        stray += sum(column >= width for column in cells)
        rows[row] = [cells.get(column, "") for column in range(width)]
    if not stray:
        return rows, ()
    says = (
        f"has {stray:,} cells far away from its table, which were not read: delete them if they are "
        "left over from something else"
    )
    return rows, ((None, "", "stray_cells", says),)


def _filled(sheet) -> list[tuple[int, dict[int, str]]]:
    """Return (row, {column: text}) of the rows that hold anything, both from 0."""
    found = []
    for number, row in enumerate(islice(sheet.iter_rows(values_only=True), 1 << 20)):
        cells = {
            at: text
            for at, cell in enumerate(row)
            if cell is not None and (text := cell_text(cell))
        }
        if cells:
            found.append((number, cells))
    return found


def _edge(places: set[int], gap: int) -> int:
    """Return where the table ends: before the first gap that is wider than tables have."""
    edge = 0
    for place in sorted(places):
        if place - edge > gap:
            break
        edge = place + 1
    return edge

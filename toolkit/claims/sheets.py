"""An export's cells, read from CSV, XLSX or Parquet into one form: distinct texts and where they stand.

Whatever the file, a column becomes `Cells`: each different content once, as text, and for every row
the number of its content. All that follows looks at a content once, however many rows hold it.
"""

import codecs
import csv
import datetime as dt
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.layouts import Layout, Match, choose, letters, plain
from toolkit.errors import ExportError

HEADING_ROWS = 20
_DELIMITERS = (",", "\t", ";", "|")
_HEAD_BYTES = 1 << 18
_CHUNK_BYTES = 1 << 23
_ARROW_BYTES = 1 << 30  # text beyond this needs 64-bit offsets
_ZIP, _PARQUET, _OLE, _PDF = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0", b"%PDF"
_TOTALS = r"^\W*(grand|sub|sum|overall|report)?\W*totals?\b[^0-9]*$"
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<head", b"<body")


@dataclass(frozen=True)
class Cells:
    """One column: `values` are its distinct contents, `codes` their number by row, -1 for none."""

    codes: np.ndarray
    values: list


@dataclass(frozen=True)
class Sheet:
    """The mapped columns of an export, one entry per data row.

    `columns` maps a position in the heading row to its cells, `rows` are row numbers as a
    spreadsheet shows them, `notes` are (row or None, column, code, says) about the file itself.
    """

    file_id: str
    match: Match
    headings: list[str]
    columns: dict[int, Cells]
    rows: np.ndarray
    serial_dates: bool
    notes: list[tuple]


def read_sheet(path: Path, *, layout: str | None) -> Sheet:
    """Return the cells of the columns that a layout knows.

    The file's bytes, not its name, say what it is; a name that says otherwise is refused with
    `ExportError`, as is a file that is damaged, has no known headings, or has no rows.
    """
    kind, head = kind_of(path)
    sheet = {"parquet": _parquet, "xlsx": _xlsx, "csv": _csv}[kind](path, head, layout)
    if not len(sheet.rows):
        raise no_rows(path, sheet.match)
    return sheet


def no_rows(path: Path, match: Match) -> ExportError:
    """Return the refusal of an export whose headings have no row below them."""
    return ExportError(
        f"{path.name}, row {match.row}: headings with no row below them; export it again with its rows"
    )


def kind_of(path: Path) -> tuple[str, bytes]:
    """Return what an export is (csv, xlsx or parquet) by its bytes, and the first of them."""
    if not path.is_file():
        raise ExportError(f"{path.name}: there is no such file")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.strip():
        raise ExportError(f"{path.name}: the file is empty; export it again")
    return _kind(head, path), head


def cells_of(texts: pa.Array, codes: np.ndarray, missing: frozenset[str]) -> Cells:
    """Return cells with blanks trimmed, equal texts joined and the layout's words for 'none' gone."""
    trimmed = pc.utf8_trim_whitespace(texts.cast(pa.large_string()))
    none = pa.array(["", *sorted(missing)], pa.large_string())
    gone = pc.or_(pc.is_in(pc.utf8_lower(trimmed), value_set=none), pc.is_null(trimmed))
    if not pc.any(gone).as_py() and trimmed.equals(texts.cast(pa.large_string())):
        return Cells(codes, texts.to_pylist())
    kept = pc.if_else(gone, pa.scalar(None, pa.large_string()), trimmed).dictionary_encode()
    remap = pc.fill_null(kept.indices, -1).to_numpy(zero_copy_only=False)
    return Cells(np.append(remap, -1).astype(np.int32)[codes], kept.dictionary.to_pylist())


def _kind(head: bytes, path: Path) -> str:
    suffix = path.suffix.lower()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    found = (
        "parquet" if head.startswith(_PARQUET)
        else "xlsx" if head.startswith(_ZIP)
        else "old" if head.startswith(_OLE)
        else "PDF" if head.startswith(_PDF)
        else "page" if start.startswith(_MARKUP)
        else "835" if start.startswith(b"isa") and not start[3:4].isalnum() and b"gs" in head[:200].lower()
        else "csv"
    )  # fmt: skip
    help_text = {
        "old": "is an old .xls or a password-protected workbook; save it as .xlsx without a password",
        "PDF": "is a PDF; export the table as CSV or XLSX",
        "page": "is a web page or XML, not a table; open it in a spreadsheet and save it as CSV or XLSX",
        "835": "is an X12 file, not an export; read it as a remittance",
    }
    if found in help_text:
        raise ExportError(f"{path.name}: {help_text[found]}")
    expected = {
        ".csv": "csv",
        ".txt": "csv",
        ".tsv": "csv",
        ".xlsx": "xlsx",
        ".xlsm": "xlsx",
        ".parquet": "parquet",
    }
    if suffix in expected and expected[suffix] != found:
        say = {
            "csv": "a text file",
            "xlsx": "a workbook or a zip file",
            "parquet": "a Parquet file",
        }
        raise ExportError(
            f"{path.name}: is named {suffix} but holds {say[found]}; "
            "export it again, or give it the ending of what it is"
        )
    return found


def _finish(
    match: Match, headings: list[str], raw: dict[int, Cells], rows: np.ndarray, *,
    file_id: str, serial_dates: bool, notes: list[tuple],
) -> Sheet:  # fmt: skip
    """Leave out blank rows, which spreadsheets keep below their tables."""
    known = [raw[p].codes for p in sorted(raw)]
    filled = np.zeros(len(rows), dtype=bool)
    for codes in known:
        filled |= codes >= 0
    if not filled.all():
        raw = {p: Cells(c.codes[filled], c.values) for p, c in raw.items()}
        rows = rows[filled]
    return Sheet(file_id, match, headings, raw, rows, serial_dates, notes)


def wanted(match: Match) -> list[int]:
    """Return the positions of the columns that a layout reads."""
    return sorted({p for ps in match.positions.values() for p in ps} | set(match.leave_out))


def _missing(chosen: Layout) -> frozenset[str]:
    return frozenset(word.casefold() for word in chosen.missing)


def file_id_of(path: Path) -> str:
    """Return the first eight hex digits of the SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:8]


# ------------------------------------------------------------------------------------------- CSV


@dataclass(frozen=True)
class Csv:
    """How the bytes of one CSV are read: its headings, and where and as what its rows begin."""

    file_id: str
    match: Match
    headings: list[str]
    delimiter: str
    codec: str
    offset: int  # of the first data row
    notes: tuple[tuple, ...] = ()

    @property
    def wanted(self) -> list[int]:
        """The positions of the columns that a layout knows."""
        return wanted(self.match)


def open_csv(path: Path, head: bytes, layout: str | None) -> Csv:
    """Return how a CSV is read; `head` is its beginning. The whole file is looked through once."""
    file_id, encoding, notes = _encoding(path, head)
    skip = {"utf-8-sig": 3, "utf-16": 2}.get(encoding, 0)
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    if encoding == "utf-16":
        codec = "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    text = codecs.getincrementaldecoder(codec)().decode(head[skip:])
    match, headings, delimiter, used = _csv_headings(text, path, layout)
    offset = skip + len(text[:used].encode(codec))
    return Csv(file_id, match, headings, delimiter, codec, offset, tuple(notes))


def read_csv(
    path: Path, opened: Csv, start: int, end: int | None = None, *, threads: bool = True
) -> tuple[pa.Table | None, np.ndarray, list[tuple[int, int]]]:
    """Return the wanted columns of a CSV's rows between two offsets, as text.

    With them the number of each row, from 1 at `start`, and (number, cells) of the rows left out
    because they have more or fewer cells than the headings.
    """
    import pyarrow.csv as pacsv

    labels = [str(i) for i in range(len(opened.headings))]
    bad: list[tuple[int, int]] = []

    def skip_row(row) -> str:
        bad.append((row.number, row.actual_columns))
        return "skip"

    def parse(handler) -> pa.Table:
        with pa.OSFile(str(path)) as file:
            file.seek(start)
            given = file if end is None else pa.BufferReader(file.read_buffer(end - start))
            return pacsv.read_csv(
                given,
                read_options=pacsv.ReadOptions(
                    column_names=labels, encoding=opened.codec, block_size=_CHUNK_BYTES,
                    use_threads=threads and handler is None,
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=opened.delimiter, newlines_in_values=True, ignore_empty_lines=False,
                    invalid_row_handler=handler,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(labels, pa.string()),
                    include_columns=[str(i) for i in opened.wanted],
                    strings_can_be_null=False,
                ),
            )  # fmt: skip

    if (path.stat().st_size if end is None else end) <= start:
        return None, np.empty(0, dtype=np.int64), bad
    try:
        table = parse(None)
    except pa.ArrowInvalid:  # its text holds the row: read again, noting only the row's number
        try:
            table = parse(skip_row)
        except pa.ArrowInvalid:
            parted = opened.delimiter.replace(chr(9), "tab")
            raise ExportError(
                f"{path.name}: cannot be read as a table of cells parted by '{parted}'; "
                "export it again as CSV"
            ) from None
    numbers = np.arange(1, table.num_rows + len(bad) + 1)
    if bad:
        numbers = np.delete(numbers, [number - 1 for number, _ in bad])
    return table, numbers, bad


def ragged(row: int, cells: int, opened: Csv) -> tuple:
    """Return the note about a row that has more or fewer cells than the headings."""
    return (
        row, "", "ragged_row",
        f"has {cells} cells where the headings have {len(opened.headings)}; the row is left out: "
        "mend it in the export (often a separator inside an unquoted text)",
    )  # fmt: skip


def _csv(path: Path, head: bytes, layout: str | None) -> Sheet:
    opened = open_csv(path, head, layout)
    table, numbers, bad = read_csv(path, opened, opened.offset)
    rows = numbers + opened.match.row
    notes = [*opened.notes]
    notes += [ragged(number + opened.match.row, cells, opened) for number, cells in bad]
    return sheet_of(opened.match, opened.headings, table, rows, file_id=opened.file_id, notes=notes)


def sheet_of(
    match: Match, headings: list[str], table: pa.Table | None, rows: np.ndarray, *,
    file_id: str, notes: Iterable[tuple] = (), serial_dates: bool = False, blank_rows: bool = False,
) -> Sheet:  # fmt: skip
    """Return the sheet of Arrow columns whose names are positions of the headings.

    Rows without any cell are left out, unless `blank_rows`.
    """
    missing = _missing(match.layout)
    raw = {}
    for position in wanted(match) if table is not None else ():
        try:
            raw[position] = _arrow_cells(table[str(position)], missing)
        except (pa.ArrowException, TypeError):
            raise ExportError(
                f"column {letters(position)}: holds neither text, numbers nor dates; "
                "write it as one of these"
            ) from None
    if blank_rows:
        return Sheet(file_id, match, headings, raw, rows, serial_dates, [*notes])
    return _finish(
        match, headings, raw, rows, file_id=file_id, serial_dates=serial_dates, notes=[*notes]
    )


def _encoding(path: Path, head: bytes) -> tuple[str, str, list[tuple]]:
    """Return the file's id, its encoding, and a note where that had to be assumed."""
    digest = hashlib.sha256()
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    bom = head.startswith(codecs.BOM_UTF8)
    utf8: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
    controls = False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            if not utf16 and b"\x00" in chunk:
                controls = True
            if utf8 and not utf16 and not (chunk.isascii() and not utf8.getstate()[0]):
                try:
                    utf8.decode(chunk)
                except UnicodeDecodeError:
                    utf8 = None
    odd = sum(head.count(bytes([c])) for c in (*range(1, 9), *range(14, 26)))
    file_id = digest.hexdigest()[:8]
    if not utf16 and (controls or odd > len(head) // 100):
        raise ExportError(f"{path.name}: is not text but some other kind of file; export it as CSV")
    if utf16:
        return file_id, "utf-16", []
    if utf8:
        return file_id, "utf-8-sig" if bom else "utf-8", []
    note = (
        None, "", "encoding",
        "is not UTF-8 and was read as Windows text (cp1252): look at accented letters, "
        "or export it as 'CSV UTF-8'",
    )  # fmt: skip
    with path.open("rb") as file:
        decoder = codecs.getincrementaldecoder("cp1252")()
        try:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
        except UnicodeDecodeError:
            raise ExportError(
                f"{path.name}: is neither UTF-8 nor Windows text; export it as 'CSV UTF-8'"
            ) from None
    return file_id, "cp1252", [note]


def _csv_headings(text: str, path: Path, layout: str | None) -> tuple[Match, list[str], str, int]:
    """Return the match, the headings, the delimiter, and how much text stands up to the data."""
    readings = []
    for delimiter in _DELIMITERS:
        rows, ends = _first_records(text, delimiter)
        known = 0
        try:
            match = choose(rows, name=layout, where=path.name)
            known = sum(len(p) for p in match.positions.values())
        except ExportError as error:
            match = error
        widest = max((len(r) for r in rows), default=0)
        readings.append(
            (known, widest, -_DELIMITERS.index(delimiter), delimiter, match, rows, ends)
        )
    *_, delimiter, match, rows, ends = max(readings, key=lambda r: r[:3])
    if isinstance(match, ExportError):
        raise match
    return match, rows[match.row - 1], delimiter, ends[match.row - 1]


def _first_records(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    consumed = 0

    def lines():
        nonlocal consumed
        for line in io.StringIO(text, newline=""):
            consumed += len(line)
            yield line

    rows, ends = [], []
    try:
        for row in csv.reader(lines(), delimiter=delimiter):
            rows.append(row)
            ends.append(consumed)
            if len(rows) == HEADING_ROWS:
                break
    except csv.Error:
        pass  # what was read so far decides; the file's other rows are read by another parser
    return rows, ends


# ---------------------------------------------------------------------------------------- Parquet


def open_parquet(path: Path, layout: str | None) -> tuple[Match, list[str], list[str]]:
    """Return a Parquet file's match, its headings, and the names of the wanted columns."""
    import pyarrow.parquet as pq

    try:
        headings = list(pq.ParquetFile(path).schema_arrow.names)
    except (pa.ArrowException, OSError):
        raise damaged(path) from None
    headings += [name for name in _folders(path) if name not in headings]
    match = choose([headings], name=layout, where=path.name)
    names = [headings[i] for i in wanted(match)]
    if len(set(names)) < len(names):
        raise ExportError(f"{path.name}: two columns have one name; rename one of them")
    return match, headings, names


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
    return ExportError(f"{path.name}: is damaged or not a whole Parquet file; export it again")


def _parquet(path: Path, head: bytes, layout: str | None) -> Sheet:
    import pyarrow.parquet as pq

    match, headings, names = open_parquet(path, layout)
    try:
        file = pq.ParquetFile(path)
        there = [n for n in names if n in file.schema_arrow.names]
        text = [n for n in there if pa.types.is_string(file.schema_arrow.field(n).type)]
        table = pq.read_table(path, columns=there, read_dictionary=text, partitioning=None)
    except (pa.ArrowException, OSError):
        raise damaged(path) from None
    table = with_folders(table, path).select(names).rename_columns([str(p) for p in wanted(match)])
    rows = np.arange(table.num_rows) + 2
    try:
        return sheet_of(match, headings, table, rows, file_id=file_id_of(path))
    except ExportError as error:
        raise ExportError(f"{path.name}, {error}") from None


def _arrow_cells(column: pa.ChunkedArray, missing: frozenset[str]) -> Cells:
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        column = pc.binary_join(column, " ")
        kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.unify_dictionaries()
    else:
        if pa.types.is_string(kind) and column.nbytes >= _ARROW_BYTES:
            column = column.cast(pa.large_string())
        column = pa.chunked_array([column.combine_chunks()]) if column.num_chunks != 1 else column
        column = column.dictionary_encode()
    if not column.num_chunks:
        return Cells(np.empty(0, dtype=np.int32), [])
    codes = [pc.fill_null(c.indices, -1).to_numpy(zero_copy_only=False) for c in column.chunks]
    texts = _arrow_texts(column.chunk(0).dictionary)
    return cells_of(texts, np.concatenate(codes).astype(np.int32), missing)


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


# ------------------------------------------------------------------------------------------- XLSX


def _xlsx(path: Path, head: bytes, layout: str | None) -> Sheet:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        count = len(book.sheet_names)
        sheets = [book.get_sheet_by_index(i) for i in range(count)]
        heads = [_sheet_rows(s, HEADING_ROWS) for s in sheets]
    except Exception:  # the reader's own errors may hold a cell's content
        raise ExportError(
            f"{path.name}: is damaged or not an .xlsx workbook; save it again as .xlsx"
        ) from None
    if not any(any(any(row) for row in rows) for rows in heads):
        raise ExportError(f"{path.name}: the workbook has no rows; export it again")
    index, match = _choose_sheet(heads, path, layout)
    notes = []
    if count > 1:
        notes.append(
            (None, "", "sheet_read",
             f"sheet {index + 1} of {count} was read; the other sheets were not: keep what must "
             "be read in one sheet")
        )  # fmt: skip
    headings = heads[index][match.row - 1]
    body = sheets[index].to_python(skip_empty_area=False)[match.row :]
    positions = wanted(match)
    missing = _missing(match.layout)
    by_column = dict(enumerate(zip(*body, strict=True))) if body else {}
    raw = {}
    for position in positions if body else ():
        cells = np.empty(len(body), dtype=object)
        cells[:] = by_column[position]
        codes, values = pd.factorize(cells)
        raw[position] = cells_of(
            pa.array([cell_text(v) for v in values], pa.string()), codes.astype(np.int32), missing
        )
    rows = np.arange(len(body)) + match.row + 1
    return _finish(
        match, headings, raw, rows, file_id=file_id_of(path), serial_dates=True, notes=notes
    )


def _sheet_rows(sheet, count: int) -> list[list[str]]:
    return [
        [cell_text(c) for c in row] for row in sheet.to_python(skip_empty_area=False, nrows=count)
    ]


def _choose_sheet(heads: list, path: Path, layout: str | None) -> tuple[int, Match]:
    fits, refused = [], []
    for index, rows in enumerate(heads):
        where = path.name if len(heads) == 1 else f"{path.name}, sheet {index + 1}"
        try:
            fits.append((index, choose(rows, name=layout, where=where)))
        except ExportError as error:
            refused.append(error)
        if fits and fits[0][0] == 0:
            return fits[0]
    if not fits:
        raise refused[0]
    if len(fits) > 1:
        at = " and ".join(str(index + 1) for index, _ in fits)
        raise ExportError(
            f"{path.name}: the headings of sheets {at} fit, and the first sheet's do not; "
            "put the sheet to read first"
        )
    return fits[0]


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


def words_at(cells: Cells, words: frozenset[str]) -> np.ndarray:
    """Return which rows hold one of the normalized words."""
    return _rows_where(cells, [plain(v) in words for v in cells.values])


def totals_at(cells: Cells) -> np.ndarray:
    """Return which rows hold the word of a sum, such as `Total` or `Grand total:`."""
    values = pa.array(cells.values, pa.large_string())
    return _rows_where(cells, pc.match_substring_regex(values, _TOTALS, ignore_case=True))


def headings_at(cells: Cells, headings: list[str]) -> np.ndarray:
    """Return which rows hold a heading in place of a content."""
    known = pa.array({h.strip().casefold() for h in headings} - {""}, pa.large_string())
    values = pc.utf8_lower(pa.array(cells.values, pa.large_string()))
    return _rows_where(cells, pc.is_in(values, value_set=known))


def _rows_where(cells: Cells, hit) -> np.ndarray:
    return np.append(np.asarray(hit, dtype=bool), False)[cells.codes]

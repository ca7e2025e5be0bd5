"""A CSV's bytes become rows of cells: nothing is swallowed, and a row that can be mended is mended.

Rows are counted here by their line ends, apart from the parser that reads them; where the two
differ the file is refused. A quote that is not closed, or that closes rows later, is refused with
its row, since everything behind it would become one cell.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.claims.export.cells import read_date, read_money
from toolkit.claims.export.grids import Note, Tally, tally
from toolkit.claims.export.headings import HEADING_ROWS, Found, find_headings, wanted
from toolkit.claims.export.layouts import COLUMNS, Match
from toolkit.errors import ExportError

_DELIMITERS = (",", "\t", ";", "|")
_CHUNK_BYTES = 1 << 23
_PARSED_AT_ONCE = (
    1 << 20
)  # what stays in the processor's cache; a longer row is read by the other way
_LINE_ENDS = frozenset(b"\r\n")
_BLANK = re.compile(rb"[\r\n]*")
csv.field_size_limit(1 << 27)


@dataclass(frozen=True)
class Csv:
    """How the bytes of one CSV are read: its headings, and where and as what its rows begin."""

    match: Match
    headings: list[str]
    delimiter: str
    codec: str
    offset: int  # of the first data row
    notes: tuple[Note, ...] = ()

    @property
    def wanted(self) -> list[int]:
        """The positions of the columns that a layout knows."""
        return wanted(self.match)


@dataclass(frozen=True)
class TextRows:
    """Rows of a CSV: the wanted columns as text, each row's number from 1, how many there were.

    Rows in `notes` and `tallies` are such numbers. `records` counts every record between
    the two offsets, blank ones and those left out too.
    """

    table: pa.Table
    numbers: np.ndarray
    records: int
    notes: list[Note]
    tallies: list[Tally]


def open_csv(path: Path, head: bytes, layout: str | None) -> Csv:
    """Return how a CSV is read; `head` is its beginning. The whole file is looked through once."""
    codec, skip, notes = _codec(path, head)
    text = codecs.getincrementaldecoder(codec)().decode(head[skip:])
    found, delimiter, used = _headings(text, path, layout)
    offset = skip + len(text[:used].encode(codec))
    notes += found.notes
    return Csv(found.match, found.headings, delimiter, codec, offset, tuple(notes))


def read_csv(
    path: Path, opened: Csv, start: int, end: int | None = None, *, threads: bool = True
) -> TextRows | None:
    """Return the wanted columns of a CSV's rows between two offsets, as text.

    None if quotes are out of place before an `end`: such rows are read only with all others.
    Raises ExportError if a quote swallows rows, or where the rows counted by their ends are
    not those that were read.
    """
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(-1 if end is None else end - start)
    if opened.codec != "utf-8":
        data = data.decode(opened.codec).encode("utf-8")
    lines = _lines(data, opened.delimiter)
    if lines is not None and _BLANK.fullmatch(data):
        return TextRows(_empty(opened), np.empty(0, dtype=np.int64), lines.records, [], [])
    if lines is not None:
        _refuse_swallowed(path, opened, _multi_line(data, lines))
        found = _by_arrow(path, opened, data, lines.records, threads=threads)
    elif end is not None:
        return None
    else:
        found = _by_hand(path, opened, data)
    read = len(found.numbers) + len(found.notes)
    if found.records != read:
        raise ExportError(
            f"{path.name}: {found.records:,} rows were counted by line ends and {read:,} "
            "were read; export it again, and report this file's kind"
        )
    return found


def _empty(opened: Csv) -> pa.Table:
    return pa.table({str(i): pa.array([], pa.string()) for i in opened.wanted})


# ---------------------------------------------------------------------------------- the two parsers


def _by_arrow(path: Path, opened: Csv, data: bytes, records: int, *, threads: bool) -> TextRows:
    """Return the rows; those of another length are read one by one."""
    import pyarrow.csv as pacsv

    labels = [str(i) for i in range(len(opened.headings))]
    odd: list[tuple[int, str]] = []

    def set_aside(row) -> str:
        odd.append((row.number, row.text))
        return "skip"

    def parse(handler: Callable | None) -> pa.Table:
        return pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(
                column_names=labels, block_size=max(_PARSED_AT_ONCE, len(data) if handler else 0),
                use_threads=threads and handler is None,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=opened.delimiter, newlines_in_values=True, ignore_empty_lines=False,
                invalid_row_handler=handler,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(labels, pa.string()),
                include_columns=[str(i) for i in opened.wanted],
                strings_can_be_null=False, check_utf8=False,  # `_codec` looked the file through
            ),
        )  # fmt: skip

    try:
        table = parse(None)
    except pa.ArrowInvalid:  # its text holds the row: read again, setting aside the odd rows
        try:
            table = parse(set_aside)
        except pa.ArrowInvalid:
            raise _no_table(path, opened) from None
    numbers = np.arange(1, table.num_rows + len(odd) + 1)
    numbers = np.delete(numbers, [number - 1 for number, _ in odd])
    parsed = [(number, _record(text, opened.delimiter)) for number, text in odd]
    return _with_mended(opened, table, numbers, records, parsed)


def _by_hand(path: Path, opened: Csv, data: bytes) -> TextRows:
    """Return the rows of bytes whose quotes are out of place."""
    rows, odd, records = [], [], 0
    numbers = []
    for number, text, cells in _records(data.decode("utf-8"), opened.delimiter):
        records = number
        if "\n" in text.rstrip("\r\n"):
            _refuse_swallowed(path, opened, [(number, text)])
        if len(cells) == len(opened.headings) or not cells:
            rows.append(cells or [""] * len(opened.headings))
            numbers.append(number)
        else:
            odd.append((number, cells))
    return _with_mended(
        opened, _table(opened, rows), np.array(numbers, dtype=np.int64), records, odd
    )


def _records(text: str, delimiter: str) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each record's number, its own text and its cells."""
    held: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            held.append(line)
            yield line

    for number, cells in enumerate(csv.reader(lines(), delimiter=delimiter), start=1):
        yield number, "".join(held), cells
        held.clear()


def _record(text: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])


def _table(opened: Csv, rows: list[list[str]]) -> pa.Table:
    return pa.table(
        {str(i): pa.array([row[i] for row in rows], pa.string()) for i in opened.wanted}
    )


def _no_table(path: Path, opened: Csv) -> ExportError:
    parted = opened.delimiter.replace(chr(9), "tab")
    return ExportError(
        f"{path.name}: cannot be read as a table of cells separated by '{parted}'; "
        "export it again as CSV"
    )


# ------------------------------------------------------------------------- rows of another length


def _with_mended(
    opened: Csv, table: pa.Table, numbers: np.ndarray, records: int, odd: list[tuple[int, list[str]]]
) -> TextRows:  # fmt: skip
    """Return the rows with those odd ones that can be read, and findings on all of the odd ones."""
    count, mended, notes = len(opened.headings), {}, []
    for number, cells in odd:
        row = mend(cells, opened.headings, opened.match)
        if row is None:
            notes.append((number, "", "ragged_row", _ragged(len(cells), count)))
        else:
            mended[number] = row
    if mended:
        table = pa.concat_tables([table, _table(opened, list(mended.values()))])
        numbers = np.concatenate([numbers, np.array(list(mended), dtype=np.int64)])
        order = np.argsort(numbers, kind="stable")
        table, numbers = table.take(pa.array(order)), numbers[order]
    short = [number for number, cells in odd if number in mended and len(cells) < count]
    long = [number for number, cells in odd if number in mended and len(cells) > count]
    tallies = [
        tally(rows, "", code, says)
        for rows, code, says in ((short, "short_row", _SHORT), (long, "long_row", _LONG))
        if rows
    ]
    return TextRows(table, numbers, records, notes, tallies)


_SHORT = "shorter than the headings, with blanks added at the end"
_LONG = "longer than the headings, with the extra cells added to the last cell"


def _ragged(cells: int, headings: int) -> str:
    return f"has {cells} cells, but the headings have {headings}; the row is left out: correct it in the export (often a separator inside an unquoted text)"


def mend(cells: list[str], headings: list[str], match: Match) -> list[str] | None:
    """Return a row of another length with as many cells as the headings, or None.

    A short row ends early: blanks follow. What a long row has too many belongs to its last cell (an
    unquoted separator in a note), or is blank. Where dates and amounts then do not read as such, the
    separator stood elsewhere and the row cannot be mended.
    """
    count = len(headings)
    if len(cells) < 2:
        return None
    if len(cells) < count:
        row = [*cells, *[""] * (count - len(cells))]
    elif not any(cell.strip() for cell in cells[count:]):
        row = cells[:count]
    else:
        row = [*cells[: count - 1], ",".join(cells[count - 1 :])]
    return row if _reads(row, match) else None


def _reads(row: list[str], match: Match) -> bool:
    """Return whether the row's dates and amounts are such."""
    for column, positions in match.positions.items():
        kind = COLUMNS[column][0]
        if kind not in ("date", "money"):
            continue
        for position in positions:
            text = row[position].strip()
            if not text or text.casefold() in match.layout.missing:
                continue
            problem = read_money(text)[1] if kind == "money" else _date_problem(text)
            if problem in ("not_money", "not_a_date"):
                return False
    return True


def _date_problem(text: str) -> str:
    return read_date(text, order="either", birth=False)[1]


# ------------------------------------------------------------------------------- what quotes swallow


def _refuse_swallowed(path: Path, opened: Csv, records) -> None:
    """Refuse the file where a cell of several lines holds what are rows of their own."""
    for number, text in records:
        if _swallows(text, opened):
            lines = text.rstrip("\r\n").count("\n") + 1
            raise ExportError(
                f"{path.name}, row {number + opened.match.row}: a quote combines {lines:,} "
                "lines, so rows would be lost; close the quote in that row, double it, or delete it"
            )


def _swallows(text: str, opened: Csv) -> bool:
    """Return whether a record of several lines holds rows of their own, or never closes its quote."""
    lines = text.rstrip("\r\n").split("\n")
    rows = [_is_row(line.rstrip("\r"), opened) for line in lines]
    if any(rows[1:-1]) or all(rows):
        return True
    try:
        list(csv.reader(io.StringIO(text, newline=""), delimiter=opened.delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _is_row(line: str, opened: Csv) -> bool:
    """Return whether a line has as many cells as the headings, with dates and amounts in their places."""
    cells, width = line.split(opened.delimiter), len(opened.headings)
    if len(cells) < width or width < 2:
        return False
    typed = [
        p for column, ps in opened.match.positions.items() for p in ps
        if COLUMNS[column][0] in ("date", "money")
    ]  # fmt: skip
    if not typed:
        return width >= 4
    some = any(cells[p].strip(' "') for p in typed)
    return some and _reads([cell.strip('"') for cell in cells], opened.match)


@dataclass(frozen=True)
class _Lines:
    """Where the lines of some bytes end: how many records there are, and which ends are in quotes.

    `at` are the offsets of the ends, kept only if some are `inside` quotes.
    """

    records: int
    at: np.ndarray
    inside: np.ndarray


def quotes_of(data: bytes) -> np.ndarray:
    """Return the places of the quotes."""
    found, at = [], data.find(b'"')
    while at >= 0 and len(found) * 500 < len(data):
        found.append(at)
        at = data.find(b'"', at + 1)
    if at < 0:
        return np.array(found, dtype=np.int64)
    # Many are found faster by arrays, block by block, in the processor's cache.
    signs = np.frombuffer(data, dtype=np.uint8)
    blocks = range(0, len(signs), _BLOCK_BYTES)
    mark = ord('"')
    return np.concatenate(
        [np.flatnonzero(signs[at : at + _BLOCK_BYTES] == mark) + at for at in blocks]
    )


def plain_quotes(data: bytes | memoryview, quotes: np.ndarray, delimiter: str) -> bool:
    """Return whether every quote opens or closes a cell, or is doubled inside one.

    `quotes` are the places of the quotes in the data.
    """
    signs = np.frombuffer(data, dtype=np.uint8)
    in_place = _in_place(signs, quotes[::2], quotes[1::2], _edges(delimiter))
    return len(quotes) % 2 == 0 and in_place


def _edges(delimiter: str) -> np.ndarray:
    """Return which signs may be beside a quote that opens or closes a cell."""
    edge = np.zeros(256, dtype=bool)
    edge[[ord(delimiter), ord("\n"), ord("\r"), ord('"')]] = True
    return edge


def _in_place(
    signs: np.ndarray, opening: np.ndarray, closing: np.ndarray, edge: np.ndarray
) -> bool:
    """Return whether the quotes that open and close cells have an edge before or after them."""
    last = len(signs) - 1
    starts = edge[signs[np.maximum(opening - 1, 0)]] | (opening == 0)
    stops = edge[signs[np.minimum(closing + 1, last)]] | (closing == last)
    return bool(starts.all() and stops.all())


def _lines(data: bytes, delimiter: str) -> _Lines | None:
    """Return where the lines end; None if quotes are out of place, so that this is not known.

    Block by block, so that what is looked at stays in the processor's cache.
    """
    signs, edge = np.frombuffer(data, dtype=np.uint8), _edges(delimiter)
    # Of an old Mac: a return is an end of its own where no line feed follows.
    returns = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
    quoted = b'"' in data
    open_, found, within, some = 0, [], [], False
    for start in range(0, len(signs), _BLOCK_BYTES):
        block = signs[start : start + _BLOCK_BYTES]
        ends = block == ord("\n")
        if returns:
            following = signs[start + 1 : start + 1 + len(block)]
            alone = block == ord("\r")
            alone[: len(following)] &= following != ord("\n")
            ends |= alone
        at = np.flatnonzero(ends)
        inside = np.zeros(len(at), dtype=bool)
        if quoted:
            quotes = np.flatnonzero(block == ord('"'))
            inside = (np.searchsorted(quotes, at) + open_) % 2 == 1
            opening, closing = quotes[open_::2] + start, quotes[1 - open_ :: 2] + start
            open_ = (open_ + len(quotes)) % 2
            if not _in_place(signs, opening, closing, edge):
                return None
        some = some or bool(inside.any())
        found.append(at + start)
        within.append(inside)
    if open_:
        return None
    inside = np.concatenate(within) if within else np.zeros(0, dtype=bool)
    records = int((~inside).sum()) + int(bool(data) and data[-1] not in _LINE_ENDS)
    return _Lines(records, np.concatenate(found) if some else np.zeros(0, dtype=np.int64), inside)


_BLOCK_BYTES = 1 << 19


def _multi_line(data: bytes, lines: _Lines) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the records that have a line end inside quotes."""
    at, inside = lines.at, lines.inside
    if not inside.any():
        return
    ends = np.flatnonzero(~inside)  # by their place among the line ends
    record = np.unique(np.searchsorted(ends, np.flatnonzero(inside)))
    for number in record.tolist():
        start = int(at[ends[number - 1]]) + 1 if number else 0
        end = int(at[ends[number]]) + 1 if number < len(ends) else len(data)
        yield number + 1, data[start:end].decode("utf-8")


# ------------------------------------------------------------------------- encoding and headings


def _codec(path: Path, head: bytes) -> tuple[str, int, list[Note]]:
    """Return the file's encoding, the length of its mark, and a note where it had to be assumed."""
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if head.startswith(mark):
            if codec != "utf-8" or _decodes(path, "utf-8"):
                return codec, len(mark), []
            return "cp1252", len(mark), [_assumed(path)]
    if b"\x00" in head:
        return _utf16(head, path), 0, []
    if _odd(head) > len(head) // 100:
        raise _not_text(path)
    if _decodes(path, "utf-8", nul=False):
        return "utf-8", 0, []
    return "cp1252", 0, [_assumed(path)]


def _utf16(head: bytes, path: Path) -> str:
    """Return which UTF-16 a text without a mark is: of plain text every other byte is 0."""
    some = np.frombuffer(head[: len(head) // 2 * 2], dtype=np.uint8).reshape(-1, 2)
    zero = (some == 0).mean(axis=0)
    for codec, here, other in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        if zero[here] > 0.6 and zero[other] < 0.01 and _decodes(path, codec):
            return codec
    raise _not_text(path)


def _odd(head: bytes) -> int:
    return sum(head.count(bytes([c])) for c in (*range(1, 9), *range(14, 26)))


def _decodes(path: Path, codec: str, *, nul: bool = True) -> bool:
    """Return whether a file is text of an encoding.

    Raises ExportError, with `nul` False, if it holds a byte 0, which no text has.
    """
    decoder, fits = codecs.getincrementaldecoder(codec)(), True
    for chunk in _chunks(path):
        if not nul and b"\x00" in chunk:
            raise _not_text(path)
        if codec == "utf-8" and chunk.isascii() and not decoder.getstate()[0]:
            continue
        fits = fits and _decoded(decoder, chunk)
        if nul and not fits:
            return False
    return fits and _decoded(decoder, b"", final=True)


def _decoded(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final=final)
    except UnicodeDecodeError:
        return False
    return True


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _not_text(path: Path) -> ExportError:
    return ExportError(f"{path.name}: is not a text file; export it as CSV")


def _assumed(path: Path) -> Note:
    if not _decodes(path, "cp1252"):
        raise ExportError(
            f"{path.name}: is neither UTF-8 nor Windows text; export it as 'CSV UTF-8'"
        )
    return (
        None, "", "encoding",
        "is not UTF-8 and was read as Windows text (cp1252): check accented letters, or export it as 'CSV UTF-8'",
    )  # fmt: skip


def _headings(text: str, path: Path, layout: str | None) -> tuple[Found, str, int]:
    """Return the headings, the delimiter, and how much text there is up to the data."""
    readings = []
    parted = {delimiter: _first_records(text, delimiter) for delimiter in _DELIMITERS}
    of_cells = {one for one, (rows, _) in parted.items() if any(len(row) > 1 for row in rows)}
    for delimiter in of_cells or parted:
        rows, ends = parted[delimiter]
        known = 0
        try:
            found = find_headings(rows, layout=layout, where=path.name)
            known = sum(len(p) for p in found.match.positions.values())
        except ExportError as error:
            found = error
        widest = max((len(r) for r in rows), default=0)
        readings.append((known, widest, -_DELIMITERS.index(delimiter), delimiter, found, ends))
    *_, delimiter, found, ends = max(readings, key=lambda r: r[:3])
    if isinstance(found, ExportError):
        raise found
    return found, delimiter, ends[found.match.row - 1]


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

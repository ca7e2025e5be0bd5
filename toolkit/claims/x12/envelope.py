"""Cut the bytes of an X12 file into interchanges, each read with its own delimiters.

Files on the road differ from the standard in ways that cost money when they are read as they
are: two interchanges with different delimiters in one file, lines wrapped at a fixed width, a
terminator on the next line, a byte order mark, blanks before the ISA. What leaves this module is
clean: neighbors with the same delimiters joined, no line break that is not a terminator, no
empty segment, and for every segment its number in the file as it was received.
"""

import codecs
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from toolkit.errors import RemittanceError

BLANKS = b" \t\r\n\x00\x1a\x0b\x0c"
_BREAKS = b"\r\n"
_ASK_AGAIN = "ask the payer or clearinghouse for the file as they sent it"


class Finding(NamedTuple):
    """One thing that is wrong in a file: where, its kind, and what to do. Never a value."""

    row: int | None
    column: str
    code: str
    says: str


class Delimiters(NamedTuple):
    """The delimiters of one interchange, one byte each; `repetition` may be absent."""

    element: bytes
    component: bytes
    segment: bytes
    repetition: bytes | None


@dataclass(frozen=True)
class Cut:
    """Where a file stops in the middle of a segment; that segment is not among those given."""

    row: int
    segment_id: str
    ends_transaction: bool  # it is the SE, GE or IEA, so no claim stands in it or after it


@dataclass(frozen=True)
class Batch:
    """Neighboring interchanges with the same delimiters and version, ready for the parser."""

    data: bytes  # UTF-8, every segment ended by delimiters.segment
    delimiters: Delimiters
    version: str  # '5010' or '4010': the spec to read it with
    layouts: tuple[str, ...]  # X12 version as GS08 says it
    bare: bool  # no ISA: the file begins with GS or ST
    starts: np.ndarray  # offset of each segment in data
    rows: np.ndarray  # number of each segment in the file, from 1

    def segment_ids(self) -> np.ndarray:
        """Return each segment's identifier as three bytes, padded with blanks."""
        data = np.frombuffer(self.data + b"   ", dtype=np.uint8)
        ids = data[self.starts[:, None] + np.arange(3)]
        short = np.isin(ids, [self.delimiters.element[0], self.delimiters.segment[0]])
        ids[np.logical_or.accumulate(short, axis=1)] = ord(" ")
        return np.ascontiguousarray(ids).view("S3").ravel()


@dataclass(frozen=True)
class Envelope:
    """The whole file: its batches in order, what was found on the way, where it was cut."""

    batches: tuple[Batch, ...]
    findings: tuple[Finding, ...]
    cut: Cut | None


@dataclass(frozen=True)
class Piece:
    """Some neighboring segments of one batch, clean and whole; `rows` as in `Batch`."""

    batch: int
    data: bytes
    rows: np.ndarray
    ends_batch: bool


@dataclass(frozen=True)
class _Interchange:
    start: int
    end: int
    delimiters: Delimiters
    version: str
    layouts: tuple[str, ...]
    bare: bool
    first_row: int
    rows: int  # segments to read: one that was cut off at the end of the file is not among them
    tail: bool = False  # its last segment is not ended


@dataclass(frozen=True)
class Head:
    """What all interchanges of a batch share; `swaps` are delimiters that have to be replaced."""

    delimiters: Delimiters
    version: str
    layouts: tuple[str, ...]
    bare: bool
    parts: tuple[_Interchange, ...]
    latin: bool = False
    swaps: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(frozen=True)
class Survey:
    """A file gone through once: where its interchanges are, what was found, where it was cut."""

    text: bytes | mmap.mmap
    heads: tuple[Head, ...]
    findings: tuple[Finding, ...]
    cut: Cut | None


def is_x12(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of an X12 file (ISA, GS or ST)."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) & ~1].decode("utf-16", "ignore").encode()
    head = head.removeprefix(codecs.BOM_UTF8).lstrip(BLANKS)
    flat = head.translate(None, _BREAKS)
    return bool(_begins_isa(flat) or _BARE_START.match(flat))


def open_envelope(data: bytes, name: str) -> Envelope:
    """Return the file's interchanges, cleaned; `name` is only for messages.

    Raises `RemittanceError` when there is no interchange whose delimiters can be read.
    """
    found = survey(data, name)
    together: dict[int, list[Piece]] = {}
    for piece in pieces(found, len(data) + 1):
        together.setdefault(piece.batch, []).append(piece)
    batches = []
    for number, parts in together.items():
        head = found.heads[number]
        text = b"".join(part.data for part in parts)
        ends = np.flatnonzero(np.frombuffer(text, dtype=np.uint8) == head.delimiters.segment[0])
        starts = np.concatenate(([0], ends[:-1] + 1)).astype(np.int64)
        rows = np.concatenate([part.rows for part in parts])
        batches.append(
            Batch(text, head.delimiters, head.version, head.layouts, head.bare, starts, rows)
        )
    return Envelope(tuple(batches), found.findings, found.cut)


def survey(data: bytes | mmap.mmap, name: str, size: int = 1 << 22) -> Survey:
    """Go through the file's bytes once and say what `pieces` will give; no more than `size` at once.

    Raises `RemittanceError` when there is no interchange whose delimiters can be read.
    """
    findings: list[Finding] = []
    text, start, stop = _plain(data, findings)
    if start >= stop:
        raise RemittanceError(f"{name}: the file is empty; {_ASK_AGAIN}.")
    parts, valid = _interchanges(text, start, stop, name, findings, size)
    cut, parts = _cut_tail(text, parts, size)
    heads: list[Head] = []
    for first, last in _runs(parts):
        group = tuple(parts[first:last])
        one = group[0]
        layouts = tuple(dict.fromkeys(v for part in group for v in part.layouts))
        head = Head(one.delimiters, one.version, layouts, one.bare, group)
        if not all(valid[first:last]) and not _is_utf8(text, group, size):
            head = _latin(text, head, findings, size)
        if head.bare:
            findings.append(
                Finding(
                    1,
                    "ISA",
                    "no_interchange_header",
                    "the file has no ISA; its delimiters were read from its first segment, and nothing shows who sent it or whether it is complete",
                )
            )
        heads.append(head)
    return Survey(text, tuple(heads), tuple(findings), cut)


def pieces(found: Survey, size: int) -> Iterator[Piece]:
    """Give the file's segments in pieces of about `size` bytes, each within one batch."""
    for number, head in enumerate(found.heads):
        pending: list[tuple[bytes, np.ndarray]] = []
        held = 0
        for part in head.parts:
            for data, rows in _segments(found.text, part, head, size):
                if held and held + len(data) > size:
                    yield _piece(number, pending, ends_batch=False)
                    pending, held = [], 0
                pending.append((data, rows))
                held += len(data)
        yield _piece(number, pending, ends_batch=True)


def _piece(number: int, pending: list[tuple[bytes, np.ndarray]], *, ends_batch: bool) -> Piece:
    data = b"".join(data for data, _ in pending)
    rows = [rows for _, rows in pending] or [np.zeros(0, dtype=np.int64)]
    return Piece(number, data, np.concatenate(rows), ends_batch)


# ISA is the one segment of fixed width: its separators stand at fixed places.
_ISA = re.compile(
    rb"ISA(?P<e>[^A-Za-z0-9\r\n]).{2}(?P=e).{10}(?P=e).{2}(?P=e).{10}(?P=e).{2}(?P=e).{15}(?P=e)"
    rb".{2}(?P=e).{15}(?P=e).{6}(?P=e).{4}(?P=e)(?P<repetition>.)(?P=e)(?P<version>\d{5})(?P=e)"
    rb".{9}(?P=e).(?P=e).(?P=e)(?P<component>[^\r\n])",
    re.DOTALL,
)
_BARE_START = re.compile(rb"(?:ST([^A-Za-z0-9\s])\d{3}\1|GS([^A-Za-z0-9\s])[A-Z]{2}\2)")
_NEXT_ISA = re.compile(rb"ISA([^A-Za-z0-9\s])..\1.{10}\1..\1", re.DOTALL)
_AFTER_ISA = (b"GS", b"TA1", b"ISA", b"ISB", b"IEA", b"ST")


def _plain(data: bytes | mmap.mmap, findings: list[Finding]) -> tuple[bytes | mmap.mmap, int, int]:
    """Return the text and where it begins and ends without byte order mark, blanks and padding."""
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        data = data[:].decode("utf-16", "replace").encode()
        findings.append(
            Finding(None, "file", "utf_16", "the file was saved as UTF-16 and was read that way")
        )
    start, stop = 0, len(data)
    for _ in range(2):
        start += 3 * (data[start : start + 3] == codecs.BOM_UTF8)
        start = _BLANK_RUN.match(data, start).end()
    while stop > start and data[stop - 1] in (0, 26):
        stop -= 1
    return data, start, stop


def _interchanges(
    text: bytes | mmap.mmap,
    start: int,
    stop: int,
    name: str,
    findings: list[Finding],
    size: int,
) -> tuple[list[_Interchange], list[bool]]:
    """Return the interchanges, and for each whether it is plain ASCII."""
    position = _first_start(text, start, stop, name, findings)
    parts: list[_Interchange] = []
    plain: list[bool] = []
    row = 1
    while position < stop:
        part, ascii_only = _interchange(text, position, stop, row, name, size)
        parts.append(part)
        plain.append(ascii_only)
        row += part.rows
        position = _BLANK_RUN.match(text, part.end, stop).end()
        if position < stop and not _begins_isa(_flat(text, position, 4)):
            after = _NEXT_ISA.search(text, position, stop)
            findings.append(
                Finding(
                    row,
                    "IEA",
                    "text_after_the_end",
                    "there is text after the end of an interchange; it was not read, so check whether it contains claims",
                )
            )
            position = after.start() if after else stop
    return parts, plain


_BLANK_RUN = re.compile(rb"[ \t\r\n\x00\x1a\x0b\x0c]*")


def _flat(text: bytes | mmap.mmap, position: int, length: int) -> bytes:
    return text[position : position + 4 * length].translate(None, _BREAKS)[:length]


def _begins_isa(flat: bytes) -> bool:
    return flat.startswith(b"ISA") and len(flat) > 3 and not flat[3:4].isalnum()


def _first_start(
    text: bytes | mmap.mmap, start: int, stop: int, name: str, findings: list[Finding]
) -> int:
    flat = _flat(text, start, 16)
    if _begins_isa(flat) or _BARE_START.match(flat):
        return start
    found = _NEXT_ISA.search(text, start, stop)
    if found is None:
        what = _what_it_is(text[start : min(start + 4096, stop)])
        raise RemittanceError(
            f"{name}, row 1, ISA01: {what}; an X12 835 remittance begins with an ISA segment. Use the file as the payer or clearinghouse sent it."
        )
    findings.append(
        Finding(
            1, "ISA", "text_before_the_start", "there is text before the first ISA; it was not read"
        )
    )
    return found.start()


_LOOKS = (
    (b"PK\x03\x04", "this is a ZIP archive or a workbook (unpack it, or read it as an export)"),
    (b"\x1f\x8b", "this is a gzip archive (unpack it first)"),
    (b"%PDF", "this is a PDF"),
    (b"PAR1", "this is a Parquet file (read it as an export)"),
    (b"UNA", "this is an EDIFACT file"),
    (b"UNB", "this is an EDIFACT file"),
    (b"MSH", "this is an HL7 message"),
    (b"<", "this is XML or HTML"),
    (b"{", "this is JSON"),
)


def _what_it_is(text: bytes) -> str:
    for head, says in _LOOKS:
        if text.startswith(head):
            return says
    if any(byte < 9 for byte in text[:4096]):
        return "this is a binary file"
    return "this is not an X12 file (a CSV is read as an export)"


def _interchange(
    text: bytes | mmap.mmap, start: int, stop: int, row: int, name: str, size: int
) -> tuple[_Interchange, bool]:
    """Return the interchange that begins at `start`, and whether it is plain ASCII."""
    bare = not _begins_isa(_flat(text, start, 4))
    delimiters, stated = (
        _bare_delimiters(text, start) if bare else _read_isa(text, start, row, name)
    )
    end = _end(text, start, stop, delimiters, size)
    # Every terminator counts, so that in a file with one segment to a line, the row is the line.
    rows, ascii_only, tail = 0, True, False
    layouts: dict[str, None] = {}
    for data in _clean(text, start, end, delimiters.segment, size):
        tail = not data.endswith(delimiters.segment)
        rows += data.count(delimiters.segment) + tail
        ascii_only = ascii_only and data.isascii()
        layouts |= dict.fromkeys(_layouts(data, delimiters))
    version = "4010" if any(v.startswith("00401") for v in tuple(layouts) or (stated,)) else "5010"
    return (
        _Interchange(start, end, delimiters, version, tuple(layouts), bare, row, rows, tail),
        ascii_only,
    )


def _read_isa(text: bytes | mmap.mmap, start: int, row: int, name: str) -> tuple[Delimiters, str]:
    """Return the delimiters and the version (ISA12) that an ISA states."""
    match = _ISA.match(text, start)
    if match:
        element, component = match["e"], match["component"]
        repetition, version, after = match["repetition"], match["version"], match.end()
    else:
        element, component, repetition, version, after = _read_loose_isa(text, start, row, name)
    # A terminator is never a letter or digit: if the next byte that is no line break is one, the
    # line break itself ends the segment; if not, it does, wherever the lines are broken.
    break_end = _BREAK_RUN.match(text, after).end()
    following = text[break_end : break_end + 1]
    by_line = break_end > after and (following.isalnum() or not following)
    segment = b"\n" if by_line else following
    known = repetition if not repetition.isalnum() and repetition not in b" " + _BREAKS else None
    delimiters = Delimiters(element, component, segment, known)
    if not segment or segment.isalnum() or len({element, component, segment}) < 3:
        raise _isa_error(name, row)
    return delimiters, version.decode("ascii", "replace")


_BREAK_RUN = re.compile(rb"[\r\n]*")


def _read_loose_isa(text: bytes, start: int, row: int, name: str) -> tuple[bytes, ...]:
    """Read an ISA that is wrapped or has lost its padding, by its sixteen separators."""
    flat, places = bytearray(), []
    for place in range(start, min(len(text), start + 600)):
        if text[place] not in _BREAKS:
            flat.append(text[place])
            places.append(place)
            if len(flat) == 160:
                break
    element = bytes(flat[3:4])
    fields = bytes(flat).split(element, 16) if element and not element.isalnum() else []
    if len(fields) < 17 or len(fields[16]) < 2 or not re.fullmatch(rb"\d{5}", fields[12]):
        raise _isa_error(name, row)
    after = len(flat) - len(fields[16]) + 1
    tail = bytes(flat[after:]).lstrip(b" ")
    if not tail[:1].isalnum():
        tail = tail[1:].lstrip(b" ")
    if tail and not tail.startswith(_AFTER_ISA):
        raise _isa_error(name, row)
    return element, fields[16][:1], fields[11][:1] or b" ", fields[12], places[after - 1] + 1


def _isa_error(name: str, row: int) -> RemittanceError:
    return RemittanceError(
        f"{name}, row {row}, ISA: the interchange header is short or broken, so the file's "
        f"delimiters cannot be read; {_ASK_AGAIN}."
    )


def _bare_delimiters(text: bytes | mmap.mmap, start: int) -> tuple[Delimiters, str]:
    """Return the delimiters of a file without an ISA, from its ST (or GS) and its SVC."""
    head = text[start : start + 4000]
    flat = head.translate(None, _BREAKS)
    element = flat[2:3]
    e = re.escape(element)
    first = re.compile(rb"(?:ST|GS)" + e + rb"[\w .\-/" + e + rb"]*", re.DOTALL).match(head)
    ending = head[first.end() : first.end() + 8].lstrip(_BREAKS)[:1] if first else b""
    segment = b"\n" if not ending or ending.isalnum() else ending
    part = re.search(rb"SVC" + e + rb"[A-Z0-9]{2}([^A-Za-z0-9\s.])", text)
    component = part[1] if part and part[1] not in element + segment else b":"
    return Delimiters(element, component, segment, None), ""


@lru_cache(maxsize=64)
def _end_pattern(element: bytes, segment: bytes) -> re.Pattern:
    """Match the IEA, wherever a line break falls in it, or the place of the next ISA."""
    e, breaks = re.escape(element), rb"[\r\n]*"
    terminator = rb"[\r\n]" if segment == b"\n" else re.escape(segment)
    iea, isa = breaks.join([b"I", b"E", b"A", e]), breaks.join([b"I", b"S", b"A"])
    return re.compile(
        terminator + rb"[ \t\r\n]*"
        rb"(?:" + iea + rb"[\d \r\n]*" + e + rb"[\d \r\n]*(?:" + terminator + rb")?"
        rb"|(?=" + isa + rb"[^A-Za-z0-9\r\n]))"
    )


def _end(text: bytes | mmap.mmap, start: int, stop: int, delimiters: Delimiters, size: int) -> int:
    """Return the place after the interchange; the text is looked at in windows."""
    pattern = _end_pattern(delimiters.element, delimiters.segment)
    longest = 600  # of an IEA, with every line break that may stand in it
    at, step = start, max(size, 4 * longest)
    while True:
        edge = min(at + step, stop)
        match = pattern.search(text, at, edge)
        if edge == stop:
            return match.end() if match else stop
        if match and match.end() < edge - longest:
            return match.end()
        if match:  # it may go on behind the window
            step *= 2
        else:
            at, step = edge - longest, max(size, 4 * longest)
            forget(text, start, at)


def forget(text: bytes | mmap.mmap, start: int, stop: int) -> None:
    """Give the memory of a part of a mapped file back; the file keeps it."""
    if isinstance(text, mmap.mmap) and hasattr(text, "madvise"):
        page = mmap.PAGESIZE
        first = -(-start // page) * page
        if stop // page * page > first:
            text.madvise(mmap.MADV_DONTNEED, first, stop // page * page - first)


def _clean(
    text: bytes | mmap.mmap, start: int, end: int, segment: bytes, size: int
) -> Iterator[bytes]:
    """Give an interchange in pieces of whole segments without line breaks that end nothing."""
    at, step = start, size
    while at < end:
        stop = min(at + step, end)
        if stop < end:
            stop = _after_segment(text, at, stop, segment)
            if stop <= at:  # one segment longer than the piece
                step *= 2
                continue
            if _BLANK_RUN.match(text, stop, end).end() >= end:
                stop = end  # what is left are blanks after the last segment
        data = text[at:stop]
        if segment == b"\n":
            if b"\r" in data:
                data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        elif b"\n" in data or b"\r" in data:
            data = data.translate(None, _BREAKS)
        if at > start:
            data = data.lstrip(b" \t")
        if _indented(data, segment):
            data = re.sub(re.escape(segment) + rb"[ \t]+", lambda _: segment, data)
        if stop == end:
            stripped = data.rstrip(BLANKS)
            data = stripped + segment if segment == b"\n" and data.endswith(b"\n") else stripped
        forget(text, at, stop)
        at, step = stop, size
        if data:
            yield data


def _indented(data: bytes, segment: bytes) -> bool:
    """Return whether a blank follows a terminator, as in a file indented for reading."""
    text = np.frombuffer(data, dtype=np.uint8)
    after = text[1:] == 32
    if b"\t" in data:
        after |= text[1:] == 9
    after &= text[:-1] == segment[0]
    return bool(after.any())


def _after_segment(text: bytes | mmap.mmap, at: int, stop: int, segment: bytes) -> int:
    """Return the place after the last terminator in a stretch, or its begin if there is none."""
    place = text.rfind(segment, at, stop)
    if segment == b"\n":
        place = max(place, text.rfind(b"\r", at, stop))
        if text[place : place + 2] == b"\r\n":
            place += 1
    return place + 1 if place >= at else at


def _segments(
    text: bytes | mmap.mmap, part: _Interchange, head: Head, size: int
) -> Iterator[tuple[bytes, np.ndarray]]:
    """Give an interchange's segments with their row numbers, without the empty ones, as UTF-8."""
    own, terminator = part.delimiters.segment, head.delimiters.segment
    left, row = part.rows, part.first_row
    for data in _clean(text, part.start, part.end, own, size):
        if not left:
            return
        for old, new in head.swaps:
            data = data.replace(old, new)
        if not data.endswith(terminator):
            data += terminator
        ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == terminator[0])
        if len(ends) > left:  # the last one was cut off
            ends = ends[:left]
            data = data[: ends[-1] + 1]
        rows = row + np.arange(len(ends), dtype=np.int64)
        left, row = left - len(ends), row + len(ends)
        whole = np.diff(ends, prepend=-1) > 1
        if not whole.all():
            data = re.sub(
                rb"(?:\A|(?<=" + re.escape(terminator) + rb"))" + re.escape(terminator), b"", data
            )
            rows = rows[whole]
        yield (data.decode("latin-1").encode("utf-8") if head.latin else data), rows


def _layouts(data: bytes, delimiters: Delimiters) -> tuple[str, ...]:
    pattern = _layout_pattern(delimiters.element, delimiters.segment)
    if data.startswith(b"GS"):
        data = delimiters.segment + data
    return tuple(dict.fromkeys(v.decode() for v in pattern.findall(data)))


@lru_cache(maxsize=64)
def _layout_pattern(element: bytes, segment: bytes) -> re.Pattern:
    e, t = re.escape(element), re.escape(segment)
    field = rb"[^" + e + t + rb"]*" + e
    return re.compile(t + rb"GS" + e + field * 7 + rb"(\d{5,6}[A-Z0-9]{0,6})[" + t + rb"]")


_CLOSED_BY = {b"SE": (b"ST", 2), b"GE": (b"GS", 6), b"IEA": (b"ISA", 13)}


def _cut_tail(
    text: bytes | mmap.mmap, parts: list[_Interchange], size: int
) -> tuple[Cut | None, list[_Interchange]]:
    """Take the last segment of the file away when it is not whole, and say where it was cut."""
    if not parts:
        return None, parts
    last = parts[-1]
    if not last.tail:
        return None, parts
    element, _, terminator, _ = last.delimiters
    opened: dict[bytes, bytes] = {}
    tail, segments = b"", 0
    for data in _clean(text, last.start, last.end, terminator, size):
        head, _, tail = data.rpartition(terminator)
        segments += data.count(terminator)
        for opener, _ in _CLOSED_BY.values():
            place = (terminator + head).rfind(terminator + opener + element)
            if place >= 0:
                opened[opener] = head[place:].split(terminator, 1)[0]
    if not tail:
        return None, parts
    fields = [field.strip() for field in tail.split(element)]
    if fields[0] in _CLOSED_BY and len(fields) == 3:
        # Many senders leave out the very last terminator; the control number shows it is whole.
        opener, number = _CLOSED_BY[fields[0]]
        stated = opened.get(opener, b"").split(element)
        if len(stated) > number and stated[number].strip() == fields[2]:
            return None, parts
    row = last.first_row + last.rows - 1
    name = fields[0].decode("ascii", "replace") if len(fields) > 1 else ""
    cut = Cut(
        row, name if re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", name) else "", name in {"SE", "GE", "IEA"}
    )
    if not segments:
        return cut, parts[:-1]
    return cut, [*parts[:-1], replace(last, rows=last.rows - 1)]


def _runs(parts: list[_Interchange]) -> Iterator[tuple[int, int]]:
    """Give first and last + 1 of neighbors with the same delimiters and version."""
    first = 0
    for at in range(1, len(parts) + 1):
        if at == len(parts) or _key(parts[at]) != _key(parts[first]):
            yield first, at
            first = at


def _key(part: _Interchange) -> tuple:
    return part.delimiters, part.version, part.bare


def _is_utf8(text: bytes | mmap.mmap, parts: tuple[_Interchange, ...], size: int) -> bool:
    return _not_utf8(text, Head(parts[0].delimiters, "", (), False, parts), size) is None


def _not_utf8(text: bytes | mmap.mmap, head: Head, size: int) -> int | None:
    """Return the row of the first segment that is not UTF-8, or None."""
    for part in head.parts:
        for data, rows in _segments(text, part, head, size):
            try:  # a segment ends in ASCII here, so no letter stands across two pieces
                data.decode("utf-8")
            except UnicodeDecodeError as error:
                before = data.count(head.delimiters.segment, 0, error.start)
                return int(rows[min(before, len(rows) - 1)])
    return None


def _latin(text: bytes | mmap.mmap, head: Head, findings: list[Finding], size: int) -> Head:
    """Return the head of a batch that is no UTF-8: read as Latin-1, which is a finding."""
    # A delimiter outside ASCII would become two bytes: give such a one a control byte of its own.
    used: set[int] = set()
    for part in head.parts:
        for data, _ in _segments(text, part, head, size):
            used.update(data)
    free = iter(bytes([b]) for b in range(1, 32) if b not in b"\t\r\n" and b not in used)
    swaps = {d: next(free) for d in head.delimiters if d and d[0] > 127}
    delimiters = Delimiters(*(swaps.get(d, d) if d else d for d in head.delimiters))
    head = replace(head, delimiters=delimiters, swaps=tuple(swaps.items()))
    row = _not_utf8(text, head, size)
    if row is None:
        return head
    findings.append(
        Finding(
            row,
            "file",
            "not_utf_8",
            "the text is not UTF-8 from this segment on; it was read as Latin-1, so check names with accents before you use them in a letter",
        )
    )
    return replace(head, latin=True)

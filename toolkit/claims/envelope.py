"""Cut the bytes of an X12 file into interchanges, each read with its own delimiters.

Files on the road differ from the standard in ways that cost money when they are read as they
are: two interchanges with different delimiters in one file, lines wrapped at a fixed width, a
terminator on the next line, a byte order mark, blanks before the ISA. What leaves this module is
clean: neighbors with the same delimiters joined, no line break that is not a terminator, no
empty segment, and for every segment its number in the file as it was received.
"""

import codecs
import re
from dataclasses import dataclass
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
class _Interchange:
    data: bytes
    delimiters: Delimiters
    version: str
    layouts: tuple[str, ...]
    bare: bool
    first_row: int
    rows: int


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
    findings: list[Finding] = []
    text = _plain(data, findings)
    if not text:
        raise RemittanceError(f"{name}: the file is empty; {_ASK_AGAIN}.")
    parts = _interchanges(text, name, findings)
    cut, parts = _cut_tail(parts, findings)
    batches: list[Batch] = []
    group: list[_Interchange] = []
    for part in parts:
        if group and _key(group[-1]) != _key(part):
            batches.append(_batch(group, findings))
            group = []
        group.append(part)
    if group:
        batches.append(_batch(group, findings))
    return Envelope(tuple(batches), tuple(findings), cut)


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


def _plain(data: bytes, findings: list[Finding]) -> bytes:
    """Return the bytes without byte order mark, leading blanks and padding at the end."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
        findings.append(
            Finding(None, "file", "utf_16", "the file was saved as UTF-16; it was read as such")
        )
    bare = data.removeprefix(codecs.BOM_UTF8).lstrip(BLANKS)
    return bare.removeprefix(codecs.BOM_UTF8).rstrip(b"\x00\x1a")


def _interchanges(text: bytes, name: str, findings: list[Finding]) -> list[_Interchange]:
    position = _first_start(text, name, findings)
    parts: list[_Interchange] = []
    row = 1
    while position < len(text):
        part, position = _interchange(text, position, row, name)
        parts.append(part)
        row += part.rows
        position = _BLANK_RUN.match(text, position).end()
        if position < len(text) and not _begins_isa(_flat(text, position, 4)):
            after = _NEXT_ISA.search(text, position)
            findings.append(
                Finding(
                    row,
                    "IEA",
                    "text_after_the_end",
                    "there is text after the end of an interchange; it was not read, so look "
                    "whether it holds claims",
                )
            )
            position = after.start() if after else len(text)
    return parts


_BLANK_RUN = re.compile(rb"[ \t\r\n\x00\x1a\x0b\x0c]*")


def _flat(text: bytes, position: int, length: int) -> bytes:
    return text[position : position + 4 * length].translate(None, _BREAKS)[:length]


def _begins_isa(flat: bytes) -> bool:
    return flat.startswith(b"ISA") and len(flat) > 3 and not flat[3:4].isalnum()


def _first_start(text: bytes, name: str, findings: list[Finding]) -> int:
    flat = _flat(text, 0, 16)
    if _begins_isa(flat) or _BARE_START.match(flat):
        return 0
    found = _NEXT_ISA.search(text)
    if found is None:
        raise RemittanceError(
            f"{name}, row 1, ISA01: {_what_it_is(text)}; an X12 835 remittance begins with an ISA "
            "segment. Give the file as the payer or clearinghouse sent it."
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


def _interchange(text: bytes, start: int, row: int, name: str) -> tuple[_Interchange, int]:
    """Return the interchange that begins at `start`, and the place after it."""
    bare = not _begins_isa(_flat(text, start, 4))
    delimiters, stated = _bare_delimiters(text) if bare else _read_isa(text, start, row, name)
    end = _end(text, start, delimiters)
    data = _clean(text[start:end], delimiters.segment)
    # Every terminator counts, so that in a file with one segment to a line, the row is the line.
    rows = data.count(delimiters.segment) + (not data.endswith(delimiters.segment))
    layouts = _layouts(delimiters.segment + data if bare else data, delimiters)
    version = "4010" if any(v.startswith("00401") for v in layouts or (stated,)) else "5010"
    return _Interchange(data, delimiters, version, layouts, bare, row, rows), end


def _read_isa(text: bytes, start: int, row: int, name: str) -> tuple[Delimiters, str]:
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


def _bare_delimiters(text: bytes) -> tuple[Delimiters, str]:
    """Return the delimiters of a file without an ISA, from its ST (or GS) and its SVC."""
    flat = text[:4000].translate(None, _BREAKS)
    element = flat[2:3]
    e = re.escape(element)
    first = re.compile(rb"(?:ST|GS)" + e + rb"[\w .\-/" + e + rb"]*", re.DOTALL).match(text)
    ending = text[first.end() : first.end() + 8].lstrip(_BREAKS)[:1] if first else b""
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


def _end(text: bytes, start: int, delimiters: Delimiters) -> int:
    match = _end_pattern(delimiters.element, delimiters.segment).search(text, start)
    return match.end() if match else len(text)


def _clean(data: bytes, segment: bytes) -> bytes:
    if segment == b"\n":
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    elif b"\n" in data or b"\r" in data:
        data = data.translate(None, _BREAKS)
    if segment + b" " in data or segment + b"\t" in data:  # indented for reading
        data = re.sub(re.escape(segment) + rb"[ \t]+", lambda _: segment, data)
    stripped = data.rstrip(BLANKS)
    return stripped + segment if segment == b"\n" and data.endswith(b"\n") else stripped


def _layouts(data: bytes, delimiters: Delimiters) -> tuple[str, ...]:
    pattern = _layout_pattern(delimiters.element, delimiters.segment)
    return tuple(dict.fromkeys(v.decode() for v in pattern.findall(data)))


@lru_cache(maxsize=64)
def _layout_pattern(element: bytes, segment: bytes) -> re.Pattern:
    e, t = re.escape(element), re.escape(segment)
    field = rb"[^" + e + t + rb"]*" + e
    return re.compile(t + rb"GS" + e + field * 7 + rb"(\d{5,6}[A-Z0-9]{0,6})[" + t + rb"]")


_CLOSED_BY = {b"SE": (b"ST", 2), b"GE": (b"GS", 6), b"IEA": (b"ISA", 13)}


def _cut_tail(
    parts: list[_Interchange], findings: list[Finding]
) -> tuple[Cut | None, list[_Interchange]]:
    """Take the last segment of the file away when it is not whole, and say where it was cut."""
    if not parts:
        return None, parts
    last = parts[-1]
    element, _, terminator, _ = last.delimiters
    if last.data.endswith(terminator):
        return None, parts
    head, _, tail = last.data.rpartition(terminator)
    fields = [field.strip() for field in tail.split(element)]
    if fields[0] in _CLOSED_BY and len(fields) == 3:
        # Many senders leave out the very last terminator; the control number shows it is whole.
        opener, number = _CLOSED_BY[fields[0]]
        start = (terminator + head).rfind(terminator + opener + element)
        opened = head[start:].split(terminator, 1)[0].split(element) if start >= 0 else []
        if len(opened) > number and opened[number].strip() == fields[2]:
            return None, parts
    row = last.first_row + last.rows - 1
    name = fields[0].decode("ascii", "replace") if len(fields) > 1 else ""
    cut = Cut(
        row, name if re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", name) else "", name in {"SE", "GE", "IEA"}
    )
    if not head:
        return cut, parts[:-1]
    kept = _Interchange(
        head + terminator,
        last.delimiters,
        last.version,
        last.layouts,
        last.bare,
        last.first_row,
        last.rows - 1,
    )
    return cut, [*parts[:-1], kept]


def _key(part: _Interchange) -> tuple:
    return part.delimiters, part.version, part.bare


def _batch(parts: list[_Interchange], findings: list[Finding]) -> Batch:
    """Join interchanges, number their segments and leave out the empty ones."""
    delimiters = parts[0].delimiters
    terminator = delimiters.segment
    data = b"".join(p.data if p.data.endswith(terminator) else p.data + terminator for p in parts)
    data, delimiters = _utf8(data, delimiters, parts[0].first_row, findings)
    terminator = delimiters.segment
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == terminator[0])
    starts = np.concatenate(([0], ends[:-1] + 1)).astype(np.int64)
    rows = parts[0].first_row + np.arange(len(ends), dtype=np.int64)
    whole = ends > starts
    if not whole.all():
        lengths = (ends - starts + 1)[whole]
        data = re.sub(
            rb"(?:\A|(?<=" + re.escape(terminator) + rb"))" + re.escape(terminator), b"", data
        )
        starts = np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64)
        rows = rows[whole]
    if parts[0].bare:
        findings.append(
            Finding(
                1,
                "ISA",
                "no_interchange_header",
                "the file has no ISA; its delimiters were read from its first segment, and nothing "
                "shows who sent it or whether it is whole",
            )
        )
    layouts = tuple(dict.fromkeys(v for p in parts for v in p.layouts))
    return Batch(data, delimiters, parts[0].version, layouts, parts[0].bare, starts, rows)


def _utf8(
    data: bytes, delimiters: Delimiters, first_row: int, findings: list[Finding]
) -> tuple[bytes, Delimiters]:
    """Return the text as UTF-8: as it stands, or else read as Latin-1, which is a finding."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return data, delimiters
    # A delimiter outside ASCII would become two bytes: give such a one a control byte of its own.
    free = iter(bytes([b]) for b in range(1, 32) if b not in b"\t\r\n" and b not in data)
    swapped = []
    for delimiter in delimiters:
        if delimiter and delimiter[0] > 127:
            data = data.replace(delimiter, new := next(free))
            delimiter = new
        swapped.append(delimiter)
    delimiters = Delimiters(*swapped)
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        row = first_row + data.count(delimiters.segment, 0, error.start)
        findings.append(
            Finding(
                row,
                "file",
                "not_utf_8",
                "the text is not UTF-8 from this segment on; it was read as Latin-1, so look at "
                "names with accents before they go into a letter",
            )
        )
        data = data.decode("latin-1").encode("utf-8")
    return data, delimiters

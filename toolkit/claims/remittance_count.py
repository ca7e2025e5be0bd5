"""Count what stands in the bytes of an X12 file, apart from the parser: a check that nothing is lost.

It knows delimiters and nothing else of the reader: segments are what stands between terminators,
claims are those that begin with CLP, and their payments are added up as they are printed.
"""

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from toolkit.claims.envelope import BLANKS, Delimiters, Survey, forget

_SIZE = 1 << 20


@dataclass
class Counted:
    """Segments, claims and payments of a file; `outside` is what stands before or after interchanges.

    `paid` are whole cents; None where a CLP04 is no plain amount.
    """

    segments: int = 0
    claims: int = 0
    paid: int | None = 0
    outside: int = 0
    claims_outside: int = 0


def counted(found: Survey) -> Counted:
    """Return what the bytes of a file hold, by the delimiters of each of its interchanges."""
    count = Counted()
    parts = sorted((part for head in found.heads for part in head.parts), key=lambda p: p.start)
    for at, part in enumerate(parts):
        stop = parts[at + 1].start if at + 1 < len(parts) else len(found.text)
        rest = Counted()
        for into, begin, end in ((count, part.start, part.end), (rest, part.end, stop)):
            for data in _whole_segments(found.text, begin, end, part.delimiters.segment):
                _add(into, data, part.delimiters)
        count.outside += rest.segments
        count.claims_outside += rest.claims
    return count


def _whole_segments(
    text: bytes | mmap.mmap, start: int, stop: int, terminator: bytes
) -> Iterator[bytes]:
    """Give a stretch of the text in pieces that end with a terminator, the last one as it ends."""
    size = _SIZE
    while start < stop:
        end = min(start + size, stop)
        if end < stop:
            end = text.rfind(terminator, start, end) + 1
            if end <= start:  # one segment longer than the piece
                size *= 2
                continue
        yield text[start:end] if end < stop else text[start:end].rstrip(BLANKS)
        forget(text, start, end)
        start, size = end, _SIZE


def _add(count: Counted, data: bytes, delimiters: Delimiters) -> None:
    data = (
        data.replace(b"\r", b"\n") if delimiters.segment == b"\n" else data.translate(None, b"\r\n")
    )
    count.segments += sum(map(bool, map(_stripped, data.split(delimiters.segment))))
    paid = _claim(delimiters.element, delimiters.segment).findall(data)
    count.claims += len(paid)
    cents = [*map(_cents, paid)]
    if count.paid is not None:
        count.paid = None if None in cents else count.paid + sum(cents)


def _stripped(segment: bytes) -> bytes:
    return segment.strip(b" \t\n")


@lru_cache(maxsize=64)
def _claim(element: bytes, terminator: bytes) -> re.Pattern:
    """Match a CLP from its begin to its fourth element."""
    e, t = re.escape(element), re.escape(terminator)
    field = rb"[^" + e + t + rb"]*"
    rest = rb"(?:" + e + field + rb"){3}(?:" + e + rb"(" + field + rb"))"
    return re.compile(rb"(?:\A|" + t + rb")[ \t\n]*CLP(?=[" + e + t + rb"]|\Z)(?:" + rest + rb")?")


@lru_cache(maxsize=65536)
def _cents(printed: bytes) -> int | None:
    """Return an amount as whole cents; None where it is no plain amount."""
    found = re.fullmatch(rb"\s*(-?)(\d{0,15})(?:\.(\d{0,2}))?\s*", printed)
    if not found or not (found[2] or found[3]):
        return None
    cents = int(found[2] or 0) * 100 + int((found[3] or b"").ljust(2, b"0"))
    return -cents if found[1] else cents

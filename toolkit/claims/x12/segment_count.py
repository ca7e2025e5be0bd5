"""Count what stands in the bytes of an X12 file, apart from the parser: a check that nothing is lost.

It knows delimiters and nothing else of the reader: segments are what stands between terminators,
claims are those that begin with CLP, and their payments are added up as they are printed.
"""

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from toolkit.claims.x12.envelope import BLANKS, Delimiters, Survey, forget

_SIZE = 1 << 20


@dataclass
class Counted:
    """Segments, claims and payments of a file; `outside` is what stands before or after interchanges.

    `paid` are whole cents; None if a CLP04 is no plain amount.
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
    element, terminator = delimiters.element, delimiters.segment
    data = data.replace(b"\r", b"\n") if terminator == b"\n" else data.translate(None, b"\r\n")
    blanks = _blanks(terminator)
    if blanks.search(data):
        data = blanks.sub(terminator, data)
    data = terminator + data.lstrip(b" \t\n" + terminator)
    if not data.endswith(terminator):
        data += terminator
    count.segments += data.count(terminator) - 1
    claims = data.split(terminator + b"CLP" + element)[1:]
    bare = data.count(terminator + b"CLP" + terminator)
    count.claims += len(claims) + bare
    if count.paid is not None:
        cents = [_paid(claim.split(terminator, 1)[0], element) for claim in claims]
        count.paid = None if bare or None in cents else count.paid + sum(cents)


@lru_cache(maxsize=64)
def _blanks(terminator: bytes) -> re.Pattern:
    """Match a terminator with the blanks and empty segments behind it."""
    t = re.escape(terminator)
    return re.compile(t + rb"[ \t\n" + t + rb"]+")


def _paid(claim: bytes, element: bytes) -> int | None:
    """Return the payment (CLP04) of what follows the identifier of a CLP."""
    fields = claim.split(element, 4)
    return _cents(fields[3]) if len(fields) > 3 else None


def _cents(printed: bytes) -> int | None:
    """Return an amount as whole cents; None if it is no plain amount."""
    whole, _, part = printed.partition(b".")
    if whole.isdigit() and len(part) == 2 and part.isdigit():
        return int(whole + part)
    if whole.isdigit() and not part:
        return int(whole) * 100
    found = _AMOUNT.fullmatch(printed)
    if not found or not (found[2] or found[3]):
        return None
    cents = int(found[2] or 0) * 100 + int((found[3] or b"").ljust(2, b"0"))
    return -cents if found[1] else cents


_AMOUNT = re.compile(rb"\s*(-?)(\d{0,15})(?:\.(\d{0,2}))?\s*")

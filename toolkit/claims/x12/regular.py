"""Read segments of an 835 that are just as X12 writes them, by whole columns.

A block of bytes is cut into segments and elements at once. What the spec says of a segment (where
it may stand, how often, how long its elements are, which codes and numbers they hold) is asked
of all segments of a kind together. A segment that passes is *plain*: the parser would have read
it without a word, and its values are taken from here. Any other is left to the parser; when in
doubt, a segment is not plain.
"""

import json
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.x12.elements import TABLES, spec
from toolkit.claims.x12.envelope import Delimiters

_PAD = 16  # bytes before and after the text, so that eight can be taken at any place of it
_MASK = np.array([(1 << 8 * n) - 1 for n in range(9)], dtype="u8")  # the first n bytes of eight
_ONES = np.uint64(0x0101010101010101)

# Segments that open a loop; the others stand in the loop that was opened last.
LOOPS = ("", "interchange", "group", "transaction", "1000A", "1000B", "2000", "2100", "2110", "end")
_LOOP = {name: number for number, name in enumerate(LOOPS)}
TRANSACTION, LINE_HEAD, CLAIM, LINE, END = (
    _LOOP[name] for name in ("transaction", "2000", "2100", "2110", "end")
)
# Which loops may have been open where a segment opens or ends one.
_AFTER = {
    "N1PR": ("transaction",),
    "N1PE": ("1000A",),
    "LX": ("1000B", "2100", "2110"),
    "CLP": ("2000", "2100", "2110"),
    "SVC": ("2100", "2110"),
    "PLB": ("1000B", "2100", "2110", "end"),
    "SE": ("1000B", "2100", "2110", "end"),
}
BOUNDS = ("ISA", "GS", "ST", "GE", "IEA")


def _word(text: str | bytes) -> int:
    raw = text.encode() if isinstance(text, str) else text
    return int.from_bytes(raw, "little")


@dataclass(frozen=True)
class Place:
    """One occurrence of the spec: a segment at its place in a loop."""

    loop: str
    name: str
    segment: str
    order: int
    most: int | None
    required: bool
    qualifier: tuple[int, np.ndarray] | None
    codes: tuple[tuple[int, np.ndarray], ...]


@dataclass(frozen=True)
class Rules:
    """What the spec of one version says, as it is asked here."""

    ids: np.ndarray  # words of the identifiers, sorted
    names: tuple[str, ...]  # in that order
    elements: dict[str, dict[int, dict[str, Any]]]
    places: dict[tuple[str, str], tuple[Place, ...]]
    required: dict[str, tuple[Place, ...]]
    kinds: dict[str, dict[str, str]]  # table -> column -> text, cents, number or date
    lengths: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]  # least, most, needed

    def number(self, name: str) -> int:
        """Return the number that stands for a segment identifier in `Block.kind`."""
        return self.names.index(name)


def _codes(values: list[str]) -> np.ndarray:
    return np.array(sorted(_word(v) for v in values if len(v) <= 8), dtype="u8")


@lru_cache(maxsize=2)
def rules(version: str) -> Rules:
    """Return the rules of '5010' or '4010'."""
    own = json.loads(spec(version).to_json())
    names = sorted(set(own["segments"]) | {"IEA", "GE", "SE"}, key=_word)
    places: dict[tuple[str, str], list[Place]] = {}
    required: dict[str, list[Place]] = {}
    for loop, about in own["loops"].items():
        for name, one in about["occurrences"].items():
            qualifier = one.get("qualifier")
            place = Place(
                loop,
                name,
                one["segment"],
                one["pos"],
                one.get("max"),
                one.get("usage") == "required",
                (qualifier["element"], _codes(qualifier["codes"])) if qualifier else None,
                tuple((int(n), _codes(codes)) for n, codes in one.get("codes", {}).items()),
            )
            places.setdefault((loop, place.segment), []).append(place)
            if place.required and place.segment != about["trigger"]["segment"]:
                required.setdefault(loop, []).append(place)
    return Rules(
        np.array([_word(n) for n in names], dtype="u8"),
        tuple(names),
        {
            segment: {int(n): element for n, element in about["elements"].items()}
            for segment, about in own["segments"].items()
        },
        {key: tuple(found) for key, found in places.items()},
        {key: tuple(found) for key, found in required.items()},
        {table: _kinds(schema) for table, schema in spec(version).schema().items()},
        {name: _lengths(own["segments"].get(name, {"elements": {}})["elements"]) for name in names},
    )


def _lengths(elements: dict[str, dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least and greatest length of each element, and which must be there."""
    count = max(map(int, elements), default=0)
    least, most = np.ones(count, dtype="i4"), np.zeros(count, dtype="i4")
    needed = np.zeros(count, dtype=bool)
    for number, one in elements.items():
        at = int(number) - 1
        needed[at] = one.get("required", False)
        least[at] = one.get("min", 1)
        most[at] = 1 << 20 if "composite" in one else one.get("max", 0)
    return least, most, needed


def _kinds(schema: pa.Schema) -> dict[str, str]:
    """Return what each column of a table of the spec holds: text, cents, number or date."""
    kinds = {}
    for one in schema:
        if pa.types.is_decimal(one.type):
            counted = one.name.startswith(("quantity", "units"))
            kinds[one.name] = "number" if counted else "cents"
        elif pa.types.is_date(one.type):
            kinds[one.name] = "date"
        elif pa.types.is_binary(one.type):
            kinds[one.name] = "text"
    return kinds


@dataclass
class Block:
    """Some neighboring segments of a file, cut into elements; each array has one entry a segment.

    `ends` are the places of all element separators and terminators, `first` the number among them
    of the one after the identifier, `count` how many elements follow it.
    """

    data: bytes  # padded
    delimiters: Delimiters
    rows: np.ndarray
    ends: np.ndarray
    at: np.ndarray  # offset of the segment in `data`
    first: np.ndarray
    count: np.ndarray
    kind: np.ndarray  # number of the identifier, -1 for one that the spec does not know
    components: np.ndarray  # places of the component separators
    eights: np.ndarray = field(repr=False)  # the text as numbers of eight bytes
    blanks: bool  # there may be blanks around a value
    limit: int  # offset after the last segment

    def __len__(self) -> int:
        return len(self.rows)

    def bytes_of(self, segment: int) -> bytes:
        """Return one segment with its terminator."""
        stop = self.at[segment + 1] if segment + 1 < len(self) else self.limit
        return self.data[self.at[segment] : stop]

    def word(self, start: np.ndarray, length: np.ndarray | None = None) -> np.ndarray:
        """Return eight bytes from each place on as one number, those after `length` as 0."""
        place, turn = start >> 3, ((start & 7) << 3).astype("u8")
        low = self.eights.take(place) >> turn
        high = (self.eights.take(place + 1) << np.uint64(1)) << (np.uint64(63) - turn)
        if length is None:
            return low | high
        return (low | high) & _MASK.take(length, mode="clip")

    def text(self, start: np.ndarray, length: np.ndarray, there: np.ndarray | None) -> pa.Array:
        """Return text without blanks around it; empty is missing. Places must ascend.

        With `there`, the answer has a row for each of its entries: the number of the value, or -1.
        """
        count = len(start)
        offsets = np.empty(2 * count + 1, dtype="i8")
        offsets[:-1:2], offsets[1::2] = start, start + length
        offsets[-1] = offsets[-2] if count else 0
        cells = pa.LargeStringArray.from_buffers(
            2 * count, pa.py_buffer(offsets), pa.py_buffer(self.data)
        )
        if there is None:
            which, empty = np.arange(0, 2 * count, 2), length <= 0
        elif count:
            which, empty = 2 * there, (there < 0) | (length.take(there) <= 0)
        else:
            return pa.nulls(len(there), pa.large_string())
        if empty.all():
            return pa.nulls(len(which), pa.large_string())
        text = cells.take(pa.array(which, mask=empty))
        if self.blanks:
            text = pc.utf8_trim_whitespace(text)
            text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)
        return text

    def head(self, count: int) -> "Block":
        """Return the first segments."""
        if count == len(self):
            return self
        per_segment = ("rows", "at", "first", "count", "kind")
        own = {name: getattr(self, name)[:count] for name in per_segment}
        return replace(self, **own, limit=int(self.at[count]))


@dataclass
class Kind:
    """All segments of one identifier: their numbers, and begin and length of each element."""

    segments: np.ndarray
    start: np.ndarray  # one row per element, from 1 on; one column per segment
    length: np.ndarray
    values: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    parts: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)

    def element(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return begin and length of an element; one that is not there has length 0."""
        if number <= len(self.start):
            return self.start[number - 1], self.length[number - 1]
        nothing = np.zeros(len(self.segments), dtype="i4")
        return nothing + _PAD, nothing

    def head(self, count: int) -> "Kind":
        """Return those among the first segments."""
        own = int(np.searchsorted(self.segments, count))
        if own == len(self.segments):
            return self
        pairs = (
            {key: (one[:own], two[:own]) for key, (one, two) in found.items()}
            for found in (self.values, self.parts)
        )
        return Kind(self.segments[:own], self.start[:, :own], self.length[:, :own], *pairs)


def _kind(block: Block, segments: np.ndarray) -> Kind:
    count = block.count.take(segments)
    most = int(count.max())
    first = block.first.take(segments)
    numbers = first + np.arange(most + 1, dtype="i4")[:, None]
    np.minimum(numbers, first + count, out=numbers)
    ends = block.ends.take(numbers)
    length = ends[1:] - ends[:-1] - 1
    np.maximum(length, 0, out=length)
    return Kind(segments, ends[:-1] + 1, length)


def split(data: bytes, rows: np.ndarray, delimiters: Delimiters, about: Rules) -> Block:
    """Cut clean bytes (every segment ended) into segments and elements."""
    padded = b"".join((b"\0" * _PAD, data, b"\0" * (_PAD + -len(data) % 8)))
    every = np.frombuffer(padded, dtype="u1")
    text = every[_PAD : _PAD + len(data)]
    element, component, terminator = (d[0] for d in delimiters[:3])
    ended = text == terminator
    marked = text == element
    marked |= ended
    ends = np.flatnonzero(marked).astype("i4")
    last = np.flatnonzero(ended.take(ends)).astype("i4")
    components = np.flatnonzero(text == component).astype("i4") + _PAD
    ends += _PAD
    first = np.concatenate((np.zeros(1, dtype="i4"), last[:-1] + 1))
    at = np.concatenate((np.full(1, _PAD, dtype="i4"), ends.take(last[:-1]) + 1))
    blanks = not data.isascii() or any(d and d[0] <= 32 for d in delimiters)
    if not blanks:
        blanks = bool((every.take(ends - 1) <= 32).any() or (every.take(ends + 1) <= 32).any())
    block = Block(
        padded, delimiters, rows, ends, at, first, last - first, at, components,
        np.frombuffer(padded, dtype="<u8"), blanks, _PAD + len(data),
    )  # fmt: skip
    length = ends.take(first) - at
    named = block.word(at, length)
    kind = np.searchsorted(about.ids, named).clip(max=len(about.ids) - 1)
    known = (about.ids.take(kind) == named) & (length <= 3)
    block.kind = np.where(known, kind, -1).astype("i1")
    return block


# --- numbers and dates --------------------------------------------------------------------------


def _digits(word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eight characters as a number, and whether they are digits; the first is lowest."""
    low = word - np.uint64(0x30) * _ONES
    high = (low + np.uint64(0x76) * _ONES) | low | word
    good = ((high & (np.uint64(0x80) * _ONES)) == 0) & (
        (word & (np.uint64(0xF0) * _ONES)) == np.uint64(0x30) * _ONES
    )
    low = (low * np.uint64(10) + (low >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    low = (low * np.uint64(100) + (low >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    low = (low * np.uint64(10000) + (low >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    return low.astype("i8"), good


def hundredths(
    block: Block, start: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers times 100, and which are plain: at most two decimals and 14 digits."""
    negative = np.frombuffer(block.data, "u1").take(start) == ord("-")
    negative &= length > 0
    begin, size = start + negative, length - negative
    short = size <= 8
    word = block.word(begin + size - 8)  # the last character is the highest byte
    fill = _MASK.take((8 - size).clip(0, 8))
    word = (word & ~fill) | (np.uint64(0x30) * _ONES & fill)
    zero = np.uint64(0x30)
    value = np.zeros(len(start), dtype="i8")
    good = np.zeros(len(start), dtype=bool)
    left = short & (size > 0)
    for decimals in (2, 1, 0):
        at = np.uint64(8 * (7 - decimals))
        pointed = left & (((word >> at) & np.uint64(0xFF)) == ord(".")) & (size > 1)
        if pointed.any():
            own = word[pointed]
            behind = own & ~_MASK[8 - decimals]
            before = (own & _MASK[7 - decimals]) << np.uint64(8)
            number, fine = _digits(behind | before | zero)
            value[pointed], good[pointed] = number * 10 ** (2 - decimals), fine
            left &= ~pointed
    if left.any():
        number, fine = _digits(word[left])
        value[left], good[left] = number * 100, fine
    for n in np.flatnonzero(~short & (size <= 18)):
        text = block.data[begin[n] : begin[n] + size[n]]
        whole, point, part = text.partition(b".")
        if (whole + part).isdigit() and len(part) <= 2 and len(whole) <= 12:
            value[n] = int(whole or b"0") * 100 + int(part.ljust(2, b"0") or b"0")
            good[n] = True
    return np.where(negative, -value, value), good


def _calendar() -> tuple[np.ndarray, np.ndarray]:
    days = np.arange("1900-01-01", "2100-01-01", dtype="datetime64[D]")
    months = days.astype("datetime64[M]")
    year = days.astype("datetime64[Y]").astype("i8") + 1970
    month = months.astype("i8") % 12
    day = (days - months).astype("i8")
    table = np.full(200 * 372, np.datetime64("NaT"), dtype="datetime64[us]")
    table[(year - 1900) * 372 + month * 31 + day] = days
    return table, ~np.isnat(table)


_DAYS, _REAL = _calendar()


def dates(block: Block, start: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return days, and which are plain: CCYYMMDD between 1900 and 2099."""
    number, good = _digits(block.word(start))
    year, rest = np.divmod(number, 10000)
    month, day = np.divmod(rest, 100)
    good &= (length == 8) & (year >= 1900) & (year < 2100) & (month >= 1) & (month <= 12)
    good &= (day >= 1) & (day <= 31)
    place = np.where(good, (year - 1900) * 372 + (month - 1) * 31 + day - 1, 0)
    return _DAYS[place], good & _REAL[place]


# --- which segments are plain -------------------------------------------------------------------


@dataclass
class Judged:
    """What was seen of each segment of a block."""

    mark: np.ndarray  # the segment that opened its loop
    loop: np.ndarray  # number of that loop
    set: np.ndarray  # transaction it belongs to: number of the ST in the block, -1 for one before
    inside: np.ndarray  # stands in a transaction
    unit: np.ndarray  # number of its unit: an envelope's segment, a head, a claim, an end
    unit_starts: np.ndarray
    claim_unit: np.ndarray  # per unit
    odd: np.ndarray  # per unit: not plain
    upset: np.ndarray  # per segment: from here to its transaction's end the order is not X12's
    kinds: dict[str, Kind]
    by_place: dict[tuple[str, str], np.ndarray]  # loop and name of the occurrence
    last_loop: int
    owners: dict[str, np.ndarray] = field(default_factory=dict, repr=False)  # as `owner` gave them

    def owner(self, name: str) -> np.ndarray:
        """Return for each segment the last one of an identifier before it or at it, or -1."""
        if name not in self.owners:
            owner = np.full(len(self.mark), -1, dtype="i4")
            owner[self.starts(name)] = self.starts(name)
            self.owners[name] = np.maximum.accumulate(owner)
        return self.owners[name]

    def starts(self, name: str) -> np.ndarray:
        """Return the segments of an identifier."""
        return self.kinds[name].segments if name in self.kinds else np.zeros(0, dtype="i4")

    def head(self, count: int) -> "Judged":
        """Return what was seen of the first segments, which end with a unit."""
        units = int(self.unit[count])
        per_segment = ("mark", "loop", "set", "inside", "unit", "upset")
        per_unit = ("unit_starts", "claim_unit", "odd")
        own = {name: getattr(self, name)[:count] for name in per_segment}
        own |= {name: getattr(self, name)[:units] for name in per_unit}
        kinds = {name: kind.head(count) for name, kind in self.kinds.items()}
        places = {key: found[found < count] for key, found in self.by_place.items()}
        kept = {name: kind for name, kind in kinds.items() if len(kind.segments)}
        return replace(
            self, **own, kinds=kept, by_place=places, last_loop=int(self.loop[count - 1]), owners={}
        )


def judge(block: Block, about: Rules, *, loop: int, inside: bool) -> Judged:
    """Say which segments are plain; `loop` and `inside` are where the block before left off."""
    n = len(block)
    order = np.argsort(block.kind, kind="stable").astype("i4")
    bounds = np.searchsorted(block.kind.take(order), np.arange(len(about.names) + 1))
    kinds = {
        name: _kind(block, order[bounds[at] : bounds[at + 1]])
        for at, name in enumerate(about.names)
        if bounds[at + 1] > bounds[at]
    }
    nothing = np.zeros(0, dtype="i4")

    def those(name: str) -> np.ndarray:
        return kinds[name].segments if name in kinds else nothing

    opened = np.full(n, -1, dtype="i1")
    payers = those("N1")
    party = block.word(*kinds["N1"].element(1)) if len(payers) else nothing
    upset = np.zeros(n, dtype=bool)
    for name, number in (
        ("ISA", _LOOP["interchange"]),
        ("GS", _LOOP["group"]),
        ("GE", _LOOP["interchange"]),
        ("IEA", 0),
        ("ST", TRANSACTION),
        ("LX", LINE_HEAD),
        ("CLP", CLAIM),
        ("SVC", LINE),
        ("PLB", END),
        ("SE", END),
    ):
        opened[those(name)] = number
    opened[payers[party == _word("PR")]] = _LOOP["1000A"]
    opened[payers[party == _word("PE")]] = _LOOP["1000B"]
    marks = np.flatnonzero(opened >= 0)
    before = np.concatenate(([loop], opened[marks][:-1])) if len(marks) else nothing
    for group, after in (
        (payers[party == _word("PR")], _AFTER["N1PR"]),
        (payers[party == _word("PE")], _AFTER["N1PE"]),
        *((those(name), _AFTER[name]) for name in ("LX", "CLP", "SVC", "PLB", "SE")),
    ):
        if len(group):
            was = before[np.searchsorted(marks, group)]
            upset[group[~np.isin(was, [_LOOP[one] for one in after])]] = True
    every = np.arange(n, dtype="i4")
    mark = np.maximum.accumulate(np.where(opened >= 0, every, np.int32(-1)))
    here = np.where(mark >= 0, opened.take(mark), np.int8(loop))

    # A transaction reaches from its ST to the next ST or segment of the envelope.
    edge = np.zeros(n, dtype=bool)
    for name in BOUNDS:
        edge[those(name)] = True
    starts = np.zeros(n, dtype=bool)
    starts[those("ST")] = True
    edges = np.maximum.accumulate(np.where(edge, every, np.int32(-1)))
    within = np.where(edges >= 0, starts.take(edges), inside)
    number = np.cumsum(starts, dtype="i4") - 1

    unit_start = edge | ~within
    unit_start[those("LX")] = True
    claims = those("CLP")
    lines_heads = (here[claims - 1] == LINE_HEAD) & (claims > 0)
    unit_start[claims[~lines_heads]] = True
    ending = np.sort(np.concatenate((those("PLB"), those("SE"))))
    first_end = ending[(ending == 0) | (here[ending - 1] != END)]
    unit_start[first_end] = True
    unit_start[:1] = True
    unit_starts = np.flatnonzero(unit_start)
    unit = np.cumsum(unit_start, dtype="i4") - 1
    first_kind = block.kind[unit_starts]
    claim_unit = within[unit_starts] & np.isin(
        first_kind, [about.number("LX"), about.number("CLP")]
    )

    bad = block.kind < 0
    # An identifier that X12 does not know changes nothing around it; a known one elsewhere may.
    by_place: dict[tuple[str, str], np.ndarray] = {}
    place_order = np.full(n, -1, dtype="i4")
    composed = 0
    for name, kind in kinds.items():
        composed += _judge_elements(block, about, name, kind, bad)
        if name in BOUNDS or name in ("SE", "TA1"):
            continue
        if name == "PLB":
            by_place["transaction", "provider_adjustment"] = kind.segments
            continue
        loops = here.take(kind.segments)
        for where in np.flatnonzero(np.bincount(loops, minlength=len(LOOPS))):
            mine = np.flatnonzero(loops == where)
            places = about.places.get((LOOPS[where], name), ())
            if not places or where == 0:
                upset[kind.segments[mine]] = True
                continue
            left = len(mine)
            for place in places:
                own = mine
                if place.qualifier:
                    start, length = kind.element(place.qualifier[0])
                    said = block.word(start[mine], length[mine])
                    own = mine[_listed(said, place.qualifier[1])]
                left -= len(own)
                if not len(own):
                    continue
                segments = kind.segments[own]
                by_place[place.loop, place.name] = segments
                place_order[segments] = place.order
                for element, codes in place.codes:
                    start, length = kind.element(element)
                    start, length = start[own], length[own]
                    listed = _listed(block.word(start, length), codes) & (length <= 8)
                    bad[segments[~listed & (length > 0)]] = True
                if place.most and len(segments) > place.most:
                    of = mark.take(segments)
                    bad[segments[place.most :][of[place.most :] == of[: -place.most]]] = True
            if left:
                bad[kind.segments[mine[place_order[kind.segments[mine]] < 0]]] = True
    composed += len(those("ISA"))  # ISA16 is the component separator itself
    if composed != len(block.components):
        cell = np.searchsorted(block.ends, block.components)
        holder = np.searchsorted(block.first, cell, side="right") - 1
        allowed = {about.number(one) for one in ("ISA", "SVC", "PLB")}
        bad[holder[~np.isin(block.kind[holder], list(allowed))]] = True
        for name in ("SVC", "PLB"):
            if name in kinds:
                _judge_strays(block, about, name, kinds[name], bad)
    same = np.concatenate(([False], mark[1:] == mark[:-1])) if n else nothing
    later = np.concatenate(([0], place_order[:-1])) if n else nothing
    bad |= same & (place_order >= 0) & (place_order < later)
    for where, places in about.required.items():
        if where not in _LOOP or where in ("interchange", "group"):
            continue
        openers = marks[opened[marks] == _LOOP[where]]
        for place in places:
            has = np.zeros(n, dtype=bool)
            found = by_place.get((place.loop, place.name), nothing)
            has[mark[found]] = True
            bad[openers[~has[openers]]] = True
    lines = those("SVC")
    owner = np.maximum.accumulate(np.where(opened == CLAIM, every, np.int32(-1)))[lines]
    bad[lines[999:][owner[999:] == owner[:-999]]] = True

    # After a segment out of its order, nothing in the transaction is sure to stand where it seems.
    first_upset = np.full(number[-1] + 2 if n else 1, n, dtype="i4")
    where = np.flatnonzero(upset & within)
    np.minimum.at(first_upset, number[where] + 1, unit_starts[unit[where]])
    after_se = np.concatenate(([False], block.kind[:-1] == about.number("SE"))) if n else nothing
    stray = np.flatnonzero(after_se & within & ~edge)
    np.minimum.at(first_upset, number[stray] + 1, unit_starts[unit[stray]])
    upset = within & (every >= first_upset.take(number + 1))
    odd = np.zeros(len(unit_starts), dtype=bool)
    odd[unit[np.flatnonzero(bad | upset)]] = True
    return Judged(
        mark, here, number, within, unit, unit_starts, claim_unit, odd, upset,
        kinds, by_place, int(here[-1]) if n else loop,
    )  # fmt: skip


def _judge_elements(block: Block, about: Rules, name: str, kind: Kind, bad: np.ndarray) -> int:
    """Mark the segments with an element that is not as the spec has it; count the separators in
    elements that may be composite."""
    elements = about.elements.get(name, {})
    highest = len(kind.start)
    least, most, needed = about.lengths[name]
    if highest < len(least):
        wrong = np.full(len(kind.segments), bool(needed[highest:].any()))
    else:
        wrong = np.zeros(len(kind.segments), dtype=bool)
    known = min(highest, len(least))
    length = kind.length[:known]
    off = length > most[:known, None]
    off |= (length < least[:known, None]) & (length > 0)
    off[needed[:known]] |= length[needed[:known]] == 0
    wrong |= off.any(axis=0)
    if highest > known:
        wrong |= block.count.take(kind.segments) > known
    composed = 0
    for element, one in elements.items():
        if element > highest:
            continue
        start, length = kind.element(element)
        if "composite" in one:
            composed += _judge_parts(block, one["composite"], kind, element, wrong)
            continue
        if one.get("type") == "R" or (one.get("type") == "DT" and name != "ISA"):
            if not length.any():
                continue
            read = hundredths if one["type"] == "R" else dates
            value, good = read(block, start, length)
            good &= length > 0
            wrong |= ~good & (length > 0)
            kind.values[element] = (value, good)
        else:
            _judge_value(block, one, start, length, wrong)
    bad[kind.segments[wrong]] = True
    return composed


def _judge_parts(
    block: Block, composite: dict[str, dict], kind: Kind, element: int, wrong: np.ndarray
) -> int:
    """Judge the components of an element; return how many separators stand in it."""
    start, length = kind.element(element)
    if not length.any():
        return 0
    separators = block.components
    low = np.searchsorted(separators, start)
    high = np.searchsorted(separators, start + length)
    kind.parts[element] = (low, high)
    wrong |= high - low >= len(composite)
    for number in range(1, len(composite) + 1):
        one = composite[str(number)]
        begin, size = _part(block, kind, element, number)
        off = (size > one["max"]) | ((size < one["min"]) & (size > 0))
        if one.get("required"):
            off |= size == 0
        _judge_value(block, one, begin, size, off)
        wrong |= off & (length > 0)
    return int((high - low).sum())


def _part(block: Block, kind: Kind, element: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return begin and length of a component of an element."""
    start, length = kind.element(element)
    if element not in kind.parts:
        return start, length if number == 1 else np.zeros_like(length)
    low, high = kind.parts[element]
    separators = np.append(block.components, 0)
    there = high - low >= number - 1
    stop = start + length
    if number > 1:
        start = np.where(there, separators.take(low + number - 2, mode="clip") + 1, stop)
    more = high - low >= number
    stop = np.where(more, separators.take(low + number - 1, mode="clip"), stop)
    return start, stop - start


def _judge_strays(block: Block, about: Rules, name: str, kind: Kind, bad: np.ndarray) -> None:
    """Mark the segments with a component separator in an element that has no components."""
    total = np.searchsorted(block.components, kind.start[-1] + kind.length[-1])
    total = total - np.searchsorted(block.components, block.at.take(kind.segments))
    for low, high in kind.parts.values():
        total = total - (high - low)
    bad[kind.segments[total > 0]] = True


def _judge_value(
    block: Block, one: dict[str, Any], start: np.ndarray, length: np.ndarray, wrong: np.ndarray
) -> None:
    """Mark the values whose type or code is not as the spec has it."""
    kind, codes = one.get("type"), one.get("codes")
    if kind in ("AN", "ID") and not codes:
        return
    there = length > 0
    if kind not in ("AN", "ID"):
        wrong |= there & ~_all_digits(block, start, length)
    if codes:
        listed = _listed(block.word(start, length), _code_words(tuple(codes)))
        off = there & ~(listed & (length <= 8))
        for n in np.flatnonzero(off & (length > 8)):
            text = block.data[start[n] : start[n] + length[n]]
            off[n] = text not in {code.encode() for code in codes}
        wrong |= off


@lru_cache(maxsize=256)
def _code_words(codes: tuple[str, ...]) -> np.ndarray:
    return _codes(list(codes))


def _listed(words: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Say which words are among a few."""
    found = np.zeros(len(words), dtype=bool)
    for code in codes:
        found |= words == code
    return found


def _all_digits(block: Block, start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Say which values are one to eight digits, or nine."""
    fill = ~_MASK.take(length, mode="clip") & (np.uint64(0x30) * _ONES)
    _, good = _digits(block.word(start, length) | fill)
    every = np.frombuffer(block.data, "u1")
    last = every.take(start + 8, mode="clip")
    return good & ((length <= 8) | ((length == 9) & (last >= 0x30) & (last <= 0x39)))


# --- tables -------------------------------------------------------------------------------------

_OPENERS = {
    "payments": ("ST", "transaction"),
    "claims": ("CLP", "2100"),
    "services": ("SVC", "2110"),
}
_STACKED = {
    "adjustments": ("claim_adjustment", "service_adjustment"),
    "provider_adjustments": ("provider_adjustment",),
    "outpatient": ("outpatient_adjudication_information",),
    "inpatient": ("inpatient_adjudication_information",),
}


def tables(
    block: Block, judged: Judged, about: Rules, use: np.ndarray, names: tuple[str, ...]
) -> dict[str, dict[str, pa.Array]]:
    """Return the named tables of the spec from the segments to use, typed as `typed` has them.

    `at` is the segment's place in the block; `claim_at` and `service_at` those of the CLP and SVC
    that it belongs to, -1 where it belongs to none.
    """
    own = {}
    for name in names:
        columns = about.kinds[name]
        if name in _OPENERS:
            own[name] = _opened(block, judged, name, TABLES[name]["columns"], columns, use)
        elif name in _STACKED or "segment" in TABLES[name]:
            own[name] = _repeated(block, judged, name, columns, use)
    return own


def _typed(
    block: Block,
    kind: Kind | None,
    where: np.ndarray | None,
    column: dict[str, Any],
    holds: str,
    count: int,
) -> pa.Array:
    """Return an element's values: of all segments of the kind, or of those numbered (-1: none)."""
    if kind is None:
        return pa.nulls(count, _ARROW[holds])
    element, part = column["element"], column.get("component")
    if holds == "text":
        if element > len(kind.start):
            return pa.nulls(count, _ARROW[holds])
        start, length = _part(block, kind, element, part) if part else kind.element(element)
        return block.text(start, length, where)
    found = kind.values.get(element)
    if found is None:
        return pa.nulls(count, _ARROW[holds])
    value, good = found
    if where is not None:
        value, good = value.take(where, mode="clip"), good.take(where, mode="clip") & (where >= 0)
    if holds == "number":
        value = value / 100
    return pa.array(value, _ARROW[holds], mask=~good)


_ARROW = {
    "text": pa.large_string(),
    "cents": pa.int64(),
    "number": pa.float64(),
    "date": pa.timestamp("us"),
}


def _opened(
    block: Block,
    judged: Judged,
    name: str,
    columns: dict[str, dict],
    holds: dict[str, str],
    use: np.ndarray,
) -> dict[str, pa.Array]:
    """Return one row per loop, with the first value that stands in it for each column."""
    opener, loop = _OPENERS[name]
    kind = judged.kinds.get(opener)
    segments = kind.segments if kind else np.zeros(0, dtype="i4")
    own = np.flatnonzero(use.take(segments))
    rows = segments[own]
    place_of = np.full(len(block) + 1, -1, dtype="i4")
    place_of[rows] = np.arange(len(rows), dtype="i4")
    everything = None if len(own) == len(segments) else own
    sources: dict[tuple, np.ndarray | None] = {}
    made: dict[str, pa.Array] = {}
    for column, about in columns.items():
        segment = about.get("segment") or "NM1"
        where = tuple(about.get("where", {}).items())
        key = (about.get("loop", loop), about.get("occurrence"), segment, where)
        if key not in sources:
            sources[key] = (
                everything
                if segment == opener
                else _first(block, judged, key, len(rows), place_of, loop)
            )
        of = judged.kinds.get(segment)
        made[column] = _typed(block, of, sources[key], about, holds[column], len(rows))
    made["at"] = pa.array(rows, pa.int64())
    if name == "services":
        made["claim_at"] = pa.array(judged.owner("CLP").take(rows), pa.int64())
    return made


def _first(
    block: Block, judged: Judged, key: tuple, count: int, place_of: np.ndarray, loop: str
) -> np.ndarray:
    """Return for each row the first segment of a kind in its loop: its number in the kind, or -1."""
    where_loop, occurrence, segment, where = key
    first = np.full(count, -1, dtype="i4")
    kind = judged.kinds.get(segment)
    if kind is None:
        return first
    if occurrence:
        found = judged.by_place.get((where_loop, occurrence))
        if found is None:
            return first
        own = np.searchsorted(kind.segments, found)
    else:
        own = np.flatnonzero(judged.loop.take(kind.segments) == _LOOP[where_loop])
        for element, value in where:
            start, length = kind.element(int(element))
            said = block.word(start[own], length[own])
            own = own[(said == _word(value)) & (length[own] == len(value))]
    segments = kind.segments[own]
    owner = judged.mark if where_loop == loop else judged.owner("ST")  # a loop of the head
    place = place_of.take(owner.take(segments))
    own, place = own[place >= 0], place[place >= 0]
    first[place[::-1]] = own[::-1]
    return first


def _repeated(
    block: Block, judged: Judged, name: str, holds: dict[str, str], use: np.ndarray
) -> dict[str, pa.Array]:
    """Return one row per repetition in a segment that says anything, in the order of the file."""
    segment = TABLES[name]["segment"]
    kind = judged.kinds.get(segment)
    if kind is None:
        own = np.zeros(0, dtype="i4")
    else:
        keep = use.take(kind.segments)
        if segment != "PLB":
            loops = judged.loop.take(kind.segments)
            keep &= np.isin(loops, [_LOOP[one] for one in TABLES[name]["loops"]])
        own = np.flatnonzero(keep)
    single, repeated = _stems(name)
    numbers = sorted(repeated) or [1]
    pairs = []
    for n in numbers:
        said = np.zeros(len(own), dtype=bool)
        for about in repeated.get(n, {}).values():
            if kind is not None:
                said |= kind.element(about["element"])[1].take(own) > 0
        pairs.append(own[said] if repeated else own)
    order = np.concatenate(
        [pair.astype("i8") * 8 + n for pair, n in zip(pairs, numbers, strict=True)]
    )
    sort = np.argsort(order, kind="stable") if any(map(len, pairs[1:])) else None
    if sort is not None:
        order = order[sort]
    where = order // 8
    made: dict[str, pa.Array] = {
        column: _typed(block, kind, where, about, holds[column], len(where))
        for column, about in single.items()
    }
    for stem in repeated.get(1, {}):
        parts = [
            _typed(block, kind, pair, repeated[n][stem], holds[f"{stem}_{n}"], len(pair))
            for pair, n in zip(pairs, numbers, strict=True)
            if len(pair)
        ]
        values = pa.concat_arrays(parts) if parts else pa.nulls(0, _ARROW[holds[f"{stem}_1"]])
        made[stem] = values if sort is None else values.take(pa.array(sort))
    at = kind.segments.take(where) if kind is not None else where
    made["at"] = pa.array(at, pa.int64())
    made["n"] = pa.array(order % 8, pa.int64())
    if segment != "PLB":
        claim, line = judged.owner("CLP").take(at), judged.owner("SVC").take(at)
        made["claim_at"] = pa.array(claim, pa.int64())
        if "2110" in TABLES[name]["loops"]:
            made["service_at"] = pa.array(np.where(line > claim, line, -1), pa.int64())
    return made


@lru_cache(maxsize=16)
def _stems(name: str) -> tuple[dict[str, dict], dict[int, dict[str, dict]]]:
    """Return a table's columns: those that stand once, and the others by their number."""
    single: dict[str, dict] = {}
    repeated: dict[int, dict[str, dict]] = {}
    for column, about in TABLES[name]["columns"].items():
        stem, _, number = column.rpartition("_")
        if number.isdigit():
            repeated.setdefault(int(number), {})[stem] = about
        else:
            single[column] = about
    return single, repeated

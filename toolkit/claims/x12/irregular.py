"""Give the parser the segments of an 835 that are not plain, and take back what it read and found.

Only what the parser needs is given: the envelope, head and end of a transaction that holds
something odd, and its odd claims under the LX they belong to. Counts in the trailers are restated
for what was left out, so that the parser finds one wrong exactly where it is wrong in the file.
"""

import re
from dataclasses import dataclass, field

import numpy as np
import oxedi
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.x12.elements import SCALE, TABLES, spec
from toolkit.claims.x12.envelope import Head
from toolkit.claims.x12.regular import Block, Judged, Rules

_ENVELOPE = ("ISA", "GS", "ST", "SE", "GE", "IEA")
_COUNT = re.compile(rb"\d{1,9}")


@dataclass(frozen=True)
class Trail:
    """The state of the envelope between two parts: what is open, and what was counted in it."""

    segments: int = 0  # of the batch, before the part
    isa: bytes = b""
    gs: bytes = b""
    head: bytes = b""  # of the open transaction: from its ST to its first LX, CLP, PLB or SE
    line_head: bytes = b""  # the last LX, with TS3 and TS2
    groups: int = 0
    sets: int = 0
    set_begin: int = 0
    remittance: bool = True  # the open transaction is an 835


@dataclass
class Followed:
    """The envelope of one part: whether it is plain, and what each closing segment should count."""

    trail: Trail  # at the end of the part
    odd: bool = False
    counts: dict[int, int] = field(default_factory=dict)  # SE, GE or IEA -> true count
    wrong: list[int] = field(default_factory=list)  # ST (-1: one before the part) or SE
    remittance: np.ndarray | None = None  # per set of the part, the one before it last


def follow(block: Block, judged: Judged, about: Rules, trail: Trail, *, goes_on: bool) -> Followed:
    """Go through the envelope's segments of a part."""
    element = block.delimiters.element
    places = [judged.kinds[n].segments for n in _ENVELOPE if n in judged.kinds]
    envelope = np.sort(np.concatenate(places)) if places else np.zeros(0, dtype="i4")
    envelope = envelope[envelope < len(block)]
    own = [about.number(name) for name in _ENVELOPE]
    odd = bool((~judged.inside[: len(block)] & ~np.isin(block.kind, own)).any())
    counts: dict[int, int] = {}
    kinds: list[bool] = []
    isa, gs = trail.isa, trail.gs
    opened = {
        b"ISA": isa.rstrip(block.delimiters.segment).split(element) if isa else None,
        b"GS": gs.rstrip(block.delimiters.segment).split(element) if gs else None,
        b"ST": trail.head.split(block.delimiters.segment, 1)[0].split(element)
        if trail.head
        else None,
    }
    groups, sets, begin = trail.groups, trail.sets, trail.set_begin
    last_set = -1
    wrong: list[int] = []
    for at in envelope.tolist():
        raw = block.bytes_of(at)
        fields = raw[:-1].split(element)
        name = fields[0]
        if name != b"SE" and opened[b"ST"] is not None:
            wrong.append(last_set)  # a transaction without an end
        if name == b"ISA":
            odd |= opened[b"ISA"] is not None
            isa, groups, opened = raw, 0, {b"ISA": fields, b"GS": None, b"ST": None}
        elif name == b"GS":
            odd |= opened[b"ISA"] is None or opened[b"GS"] is not None
            gs, sets, groups = raw, 0, groups + 1
            opened[b"ISA"] = opened[b"ISA"] or []
            opened |= {b"GS": fields, b"ST": None}
        elif name == b"ST":
            odd |= opened[b"GS"] is None or opened[b"ST"] is not None
            if opened[b"GS"] is None:  # the parser opens a group of its own
                wrong.append(at)
                sets, opened[b"GS"] = 0, []
            sets, begin, last_set = sets + 1, trail.segments + at, at
            opened[b"ST"] = fields
            kinds.append(len(fields) > 1 and fields[1] == b"835")
        else:
            opener, number, count = {
                b"SE": (b"ST", 2, trail.segments + at - begin + 1),
                b"GE": (b"GS", 6, sets),
                b"IEA": (b"ISA", 13, groups),
            }[name]
            counts[at] = count
            was = opened[opener]
            off = (
                was is None
                or len(was) <= number
                or len(fields) != 3
                or fields[2] != was[number]
                or not _COUNT.fullmatch(fields[1])
                or int(fields[1]) != count
                or (name == b"GE" and opened[b"ST"] is not None)
                or (name == b"IEA" and opened[b"GS"] is not None)
            )
            odd |= off
            if off and name == b"SE":
                wrong.append(at)
            opened[opener] = None
            if name == b"IEA":
                isa = b""
            if name == b"GE":
                gs = b""
    n = len(block)
    inside = goes_on
    head, line_head = (trail.head, trail.line_head) if inside else (b"", b"")
    if inside and last_set >= 0:
        first = judged.unit_starts[judged.unit[last_set]]
        head = _unit(block, judged, judged.unit[first])
        line_head = b""
    if inside and "LX" in judged.kinds:
        heads = judged.kinds["LX"].segments
        heads = heads[(heads < n) & (heads > last_set)]
        if len(heads):
            line_head = _line_head(block, judged, int(heads[-1]))
    if not goes_on and opened[b"ST"] is not None:
        wrong.append(last_set)
    remittance = kinds[-1] if kinds else trail.remittance
    return Followed(
        Trail(
            trail.segments + n, isa, gs, head, line_head, groups, sets, begin, remittance
        ),
        odd,
        counts,
        wrong,
        np.array([*kinds, trail.remittance], dtype=bool),
    )  # fmt: skip


def _unit(block: Block, judged: Judged, unit: int) -> bytes:
    first, last = _reach(block, judged, unit)
    return b"".join(block.bytes_of(at) for at in range(first, last))


def _reach(block: Block, judged: Judged, unit: int) -> tuple[int, int]:
    starts = judged.unit_starts
    last = int(starts[unit + 1]) if unit + 1 < len(starts) else len(block)
    return int(starts[unit]), min(last, len(block))


def _line_head(block: Block, judged: Judged, at: int) -> bytes:
    """Return an LX with the TS3 and TS2 behind it."""
    stop = at + 1
    while stop < len(block) and judged.mark[stop] == at:
        stop += 1
    return b"".join(block.bytes_of(one) for one in range(at, stop))


@dataclass
class _Fed:
    """What the parser is given, segment by segment, and where each stands in the part (or -1)."""

    segments: list[bytes] = field(default_factory=list)
    at: list[int] = field(default_factory=list)

    def add(self, block: Block, first: int, last: int) -> None:
        self.segments += [block.bytes_of(one) for one in range(first, last)]
        self.at += range(first, last)

    def copy(self, data: bytes, terminator: bytes) -> None:
        parts = [part + terminator for part in data.split(terminator)[:-1]]
        self.segments += parts
        self.at += [-1] * len(parts)


@dataclass(frozen=True)
class Diagnostic:
    """One diagnostic of the parser: its kind, its place in the part, and the parser's rule."""

    kind: str
    at: int  # place in the part; its length for the segment after it
    element: int | None
    component: int | None
    rule: str


@dataclass(frozen=True)
class Odd:
    """What the parser read of a part: its own tables, filtered, and its diagnostics."""

    tables: dict[str, pa.Table]
    diagnostics: list[Diagnostic]


def read_odd(
    block: Block,
    judged: Judged,
    about: Rules,
    head: Head,
    trail: Trail,
    followed: Followed,
    odd_sets: np.ndarray,
    odd_frames: np.ndarray,
    *,
    ends_batch: bool,
) -> Odd:
    """Return what the parser makes of the odd segments of a part.

    `odd_sets` and `odd_frames` say for each transaction of the part (the one before it last)
    whether anything in it, or its head or end, is odd.
    """
    fed = _feed(block, judged, about, trail, followed, odd_sets, ends_batch=ends_batch)
    data = b"".join(fed.segments)
    result = oxedi.parse(data, spec(head.version), oxedi.Delimiters(*head.delimiters))
    places = np.array(fed.at, dtype="i8")
    return Odd(
        _tables(result, places, judged, odd_sets, odd_frames),
        _diagnostics(result.diagnostics, places, block, judged, odd_sets, ends_batch, head.bare),
    )


def _feed(
    block: Block,
    judged: Judged,
    about: Rules,
    trail: Trail,
    followed: Followed,
    odd_sets: np.ndarray,
    *,
    ends_batch: bool,
) -> _Fed:
    fed = _Fed()
    terminator, element = block.delimiters.segment, block.delimiters.element
    fed.copy(trail.isa + trail.gs + trail.head, terminator)
    begun = {b"SE": len(fed.at) - trail.head.count(terminator)}
    counted = {b"GE": bool(trail.head), b"IEA": bool(trail.gs)}
    line_head, line_head_fed = trail.line_head, False
    n = len(block)
    line_kind = about.number("LX")
    for unit in range(len(judged.unit_starts)):
        first, last = _reach(block, judged, unit)
        if first >= n:
            break
        inside = judged.inside[first]
        if inside and judged.claim_unit[unit] and not odd_sets[judged.set[first]]:
            continue
        name = _id(block, element, first)
        if not inside:
            if name in (b"GE", b"IEA"):
                _restated(fed, block, first, int(counted[name]), followed, element)
                counted[name] = 0  # a transaction may follow without a GS
            else:
                fed.add(block, first, last)
            counted |= {b"ISA": {b"IEA": 0}, b"GS": {b"GE": 0}}.get(name, {})
            if name == b"GS":
                counted[b"IEA"] += 1
            continue
        if name == b"ST":
            begun[b"SE"] = len(fed.at)
            counted[b"GE"] += 1
            line_head, line_head_fed = b"", False
        whole = odd_sets[judged.set[first]]
        if whole and judged.claim_unit[unit]:
            if block.kind[first] == line_kind:
                line_head, line_head_fed = _line_head(block, judged, first), bool(judged.odd[unit])
            elif judged.odd[unit] and not line_head_fed:
                fed.copy(line_head, terminator)
                line_head_fed = True
            if judged.odd[unit]:
                fed.add(block, first, last)
            continue
        for at in range(first, last):
            if not whole and first < at < last - 1:
                continue
            own = _id(block, element, at)
            if own == b"SE":
                _restated(fed, block, at, len(fed.at) - begun[b"SE"] + 1, followed, element)
            elif whole or own == b"ST":
                fed.add(block, at, at + 1)
    if not ends_batch:  # close what goes on in the next part; nothing found there counts
        for name, number in ((b"SE", b"1"), (b"GE", b"1"), (b"IEA", b"1")):
            fed.copy(element.join([name, number, b"1"]) + terminator, terminator)
    return fed


def _id(block: Block, element: bytes, at: int) -> bytes:
    begin = int(block.at[at])
    return block.data[begin : begin + 4].split(element)[0].split(block.delimiters.segment)[0]


def _restated(
    fed: _Fed, block: Block, at: int, count: int, followed: Followed, element: bytes
) -> None:
    """Feed a closing segment with the count of what was fed, if its own count is right."""
    raw = block.bytes_of(at)
    fields = raw[:-1].split(element)
    if len(fields) > 1 and _COUNT.fullmatch(fields[1]):
        right = int(fields[1]) == followed.counts.get(at)
        fields[1] = b"%0*d" % (len(fields[1]), count if right else count + 1)
        raw = element.join(fields) + raw[-1:]
    fed.segments.append(raw)
    fed.at.append(at)


_LOOP_NAME = re.compile(r'loop "([^"]+)"')
_OUTER = re.compile(r'loop "(?:group|interchange)"')
_CLOSES = {"RequiredOccurrenceMissing", "RequiredLoopMissing"}


def _diagnostics(
    found: list,
    places: np.ndarray,
    block: Block,
    judged: Judged,
    odd_sets: np.ndarray,
    ends_batch: bool,
    bare: bool,
) -> list[Diagnostic]:
    kept = []
    for one in found:
        at = one.segment
        if at is None:
            if not ends_batch:
                continue
            place = belongs = len(block) - 1
        else:
            place = belongs = int(places[at])
            loop = _LOOP_NAME.search(one.rule)
            outer = loop and loop[1] in ("transaction", "group", "interchange")
            if one.kind in _CLOSES and not outer and at:
                belongs = int(places[at - 1])
                place = belongs + 1 if belongs >= 0 else -1
        if place < 0 or (bare and one.kind == "ImplicitLoop" and at == 0):
            continue
        # A transaction that is plain, or no 835, was not given whole; its envelope always is.
        unclosed = at is None and one.kind == "UnterminatedLoop" and _OUTER.search(one.rule)
        if not unclosed and judged.inside[belongs] and not odd_sets[judged.set[belongs]]:
            continue
        kept.append(Diagnostic(one.kind, place, one.element, one.component, one.rule))
    return kept


_PARENTS = {"claim": "claims", "service": "services"}


def _tables(
    result: oxedi.Result,
    places: np.ndarray,
    judged: Judged,
    odd_sets: np.ndarray,
    odd_frames: np.ndarray,
) -> dict[str, pa.Table]:
    own = {name: pa.table(result.tables[name]) for name in result.tables}
    at = {name: places[table["segment"].to_numpy()] for name, table in own.items()}
    kept: dict[str, pa.Table] = {}
    payments = at["payments"]
    for name, table in own.items():
        here = at[name]
        payment = payments if name == "payments" else payments[table["payment"].to_numpy()]
        wanted = (here >= 0) & judged.inside[here]
        which = judged.set[here]
        chosen = odd_frames if name in ("payments", "provider_adjustments") else odd_sets
        wanted &= chosen[which]
        # A row of a transaction that was opened without its ST is no remittance's.
        wanted &= _opens_set(judged, payment)
        columns = dict(zip(table.column_names, table.columns, strict=True))
        for key, parent in _PARENTS.items():
            if key in columns and parent != name:
                refs = pc.fill_null(columns[key], -1).to_numpy()
                owner = np.where(refs >= 0, at[parent][refs], -1) if len(at[parent]) else refs
                columns[f"{key}_at"] = pa.array(owner, pa.int64())
        columns["at"] = pa.array(here, pa.int64())
        kept[name] = pa.table(columns).filter(pa.array(wanted)).combine_chunks()
    return kept


def _opens_set(judged: Judged, payment: np.ndarray) -> np.ndarray:
    """Say which payments begin with an ST; one in a part before (-1) does."""
    starts = judged.kinds["ST"].segments if "ST" in judged.kinds else np.zeros(0, dtype="i4")
    return (payment < 0) | np.isin(payment, starts)


def typed(
    table: pa.Table, name: str, holds: dict[str, str]
) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """Return a table of the parser as `regular.tables` has them.

    Also the kind of amount that could not become whole cents, by column: 1 finer than a cent, 2
    too large.
    """
    parts = TABLES[name]["columns"]
    numbers = sorted({int(c.rpartition("_")[2]) for c in parts if c.rpartition("_")[2].isdigit()})
    if name in ("adjustments", "provider_adjustments", "outpatient", "inpatient"):
        table = _stacked(table, name, numbers)
        holds = {c.rpartition("_")[0] if c[-1:].isdigit() else c: kind for c, kind in holds.items()}
    elif "segment" in TABLES[name]:
        table = table.append_column("n", pa.array(np.ones(len(table), dtype="i8")))
    off: dict[str, np.ndarray] = {}
    columns = {}
    for column in table.column_names:
        values = table[column].combine_chunks()
        kind = holds.get(column)
        if kind == "text":
            columns[column] = _clean(values)
        elif kind == "cents":
            columns[column], off[column] = _cents(values)
        elif kind == "number":
            columns[column] = values.cast(pa.float64())
        elif kind == "date":
            columns[column] = values.cast(pa.timestamp("us"))
        elif column in ("at", "n", "claim_at", "service_at"):
            columns[column] = values
    return pa.table(columns), off


def _clean(values: pa.Array) -> pa.Array:
    """Return text without blanks around it; empty is missing."""
    text = pc.utf8_trim_whitespace(values.cast(pa.large_string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.large_string()), text)


def _cents(decimals: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return exact whole cents, and what could not become any: 1 finer than a cent, 2 too large.

    The decimals are 128-bit whole numbers of millionths; they are divided as whole numbers.
    """
    missing = decimals.is_null().to_numpy(zero_copy_only=False)
    words = np.frombuffer(decimals.buffers()[1] or b"", dtype="<i8")
    words = words[2 * decimals.offset : 2 * (decimals.offset + len(decimals))].reshape(-1, 2)
    low, high = words[:, 0], words[:, 1]
    cents, rest = np.divmod(low, 10 ** (SCALE - 2))
    huge = (high != low >> 63) & ~missing
    uneven = (rest != 0) & ~missing & ~huge
    off = np.where(huge, 2, np.where(uneven, 1, 0))
    return pa.array(cents, pa.int64(), mask=missing | (off > 0)), off


def _stacked(table: pa.Table, name: str, numbers: list[int]) -> pa.Table:
    """Return one row per repetition that says anything, in the order of the file."""
    stems = {c.rpartition("_")[0] for c in TABLES[name]["columns"] if c[-1:].isdigit()}
    keep = [
        c
        for c in ("at", "claim_at", "service_at", *TABLES[name]["columns"])
        if not c[-1:].isdigit() and c in table.column_names
    ]
    parts = []
    for n in numbers:
        said = None
        for stem in sorted(stems):
            column = table[f"{stem}_{n}"]
            here = pc.is_valid(column)
            if pa.types.is_binary(column.type):
                here = pc.and_kleene(here, pc.greater(pc.fill_null(pc.binary_length(column), 0), 0))
            said = here if said is None else pc.or_(said, here)
        columns = {c: table[c] for c in keep}
        columns |= {stem: table[f"{stem}_{n}"] for stem in sorted(stems)}
        columns["n"] = pa.array(np.full(len(table), n))
        parts.append(pa.table(columns).filter(said))
    return pa.concat_tables(parts)

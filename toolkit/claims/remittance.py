"""Read X12 835 remittances (5010 and 4010) into the canonical tables.

A file is read in parts of whole claims, so that its size costs no memory. The bytes are cleaned
and cut into interchanges by `envelope`; segments that are just as X12 writes them are read by
`remittance_plain`, all others by the parser (`remittance_odd`), with the tables of
`remittance_spec`; here they become `Claims`. Money goes from the text of the file to whole cents,
never through a float. What does not fit, does not balance or was not understood becomes a finding.

**Where a truncated file stops being readable.** A transaction without its SE is cut off, and its
missing part is what an appeal would miss: the denial that was never read. So the file is refused
when it shows that something *is* missing: it stops in the middle of a segment of a claim, before
its first claim, with a last claim that does not add up, or with payments (CLP04, less PLB) that do
not reach the total it announces (BPR02). Earlier remittances in it are not read either: the whole
file will come, under another `file_id`, and they would be counted twice. When what was read is
whole and adds up, and only the trailer is gone, the claims are given with the finding
'truncated': denied claims pay nothing, so no total can prove that none came after the last one.

Amounts: 'allowed' is AMT B6 of a line. AMT AU of a claim is the charge considered for payment
("coverage amount"), not the allowed amount (X12 RFI 1937), so a claim's allowed amount is the sum
of its lines where every line states it, and else missing.
"""

import hashlib
import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.envelope import Survey, pieces, survey
from toolkit.claims.remittance_odd import Diagnostic, Odd, Trail, follow, read_odd, typed
from toolkit.claims.remittance_plain import Block, Judged, judge, rules, split, tables
from toolkit.claims.remittance_spec import segment_ids
from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.errors import RemittanceError

# What else comes with an ISA, in our own words.
_OTHER_SETS = {
    "270": "an eligibility question (270)",
    "271": "an eligibility answer (271)",
    "276": "a claim status question (276)",
    "277": "a claim status answer (277)",
    "278": "an authorization request or answer (278)",
    "820": "a premium payment (820)",
    "834": "an enrollment (834)",
    "837": "a batch of claims (837)",
    "997": "an acknowledgment (997)",
    "999": "an acknowledgment (999)",
}

_AGAIN = "ask the payer or clearinghouse for the whole file and read that instead"

# Parser diagnostic -> our code and words. The parser's own sentences quote values: never used.
_DIAGNOSTICS = {
    "UnknownSegment": (
        "segment_not_read",
        "this segment does not belong where it stands and was not read; look at the payer's portal",
    ),
    "ImplicitLoop": (
        "segment_out_of_place",
        "the segment that should open this part is missing; what follows was read without it",
    ),
    "UnterminatedLoop": ("not_closed", "the file ends without this closing segment"),
    "ControlCountMismatch": (
        "count_differs",
        "the count stated here is not what the file holds; something may be missing or doubled",
    ),
    "ControlElementMissing": ("element_missing", "a control number or count is missing here"),
    "ControlNumberMismatch": (
        "control_number_differs",
        "the control number of the closing segment is not that of the opening one",
    ),
    "RequiredElementMissing": ("element_missing", "a required element is missing or empty"),
    "TypeMismatch": (
        "not_readable",
        "this is not a number or date as X12 writes them; it was left empty",
    ),
    "ValueDropped": ("not_readable", "this could not be read and was left empty"),
    "CompositeShape": ("parts_differ", "this element has not the parts that X12 gives it"),
    "LengthOutOfRange": ("length_out_of_range", "this is shorter or longer than X12 allows"),
    "CodeNotInList": ("code_not_listed", "this code is not one that X12 lists here"),
    "RequiredOccurrenceMissing": (
        "segment_missing",
        "a required segment is missing before this one",
    ),
    "RequiredLoopMissing": ("segment_missing", "a required part is missing before this segment"),
    "OccurrenceOverMax": ("too_many", "this segment comes more often than X12 allows"),
    "LoopOverMax": ("too_many", "this part comes more often than X12 allows"),
    "OutOfOrder": ("out_of_order", "this segment comes later than X12 places it; it was read"),
    "UnknownOccurrence": ("qualifier_not_listed", "X12 does not list this qualifier here"),
}
_BALANCE = {
    "CLP": (
        "CLP03",
        "claim_does_not_balance",
        "charge less payment is not the sum of the claim's adjustments",
    ),
    "SVC": (
        "SVC02",
        "line_does_not_balance",
        "charge less payment is not the sum of the line's adjustments",
    ),
    "BPR": (
        "BPR02",
        "payment_does_not_balance",
        "the total is not the sum of the claim payments less provider adjustments",
    ),
}
_ENVELOPE_IDS = {"ISA", "IEA", "GS", "GE", "ST", "SE", "TA1"}


def read_remittance(path: Path) -> Claims:
    """Return what an X12 835 file holds, as canonical tables.

    Grain: one claim per CLP, one line per SVC, one adjustment per CAS triplet (all six, claim and
    line level), one remark per code of LQ (HE), MOA and MIA. `row` is the segment's number in the
    file (ISA is 1). Money is whole cents as printed, so reversals are negative. Line dates come
    from DTM 472, or 150 and 151, or else the claim's own; claim dates from DTM 232 and 233, or
    else the span of its lines. `units` is the count billed (SVC07) where the payer changed it,
    else the count paid (SVC05). Raises `RemittanceError` (exit code 4) when the file is not an
    835 or is visibly cut off; every smaller defect is a row of `findings`.
    """
    parts = list(stream_remittance(path))
    if len(parts) == 1:
        return parts[0]
    whole = {
        name: pd.concat([getattr(part, name) for part in parts], ignore_index=True)
        for name in TABLES
    }
    whole["findings"] = _in_order(whole["findings"])
    return Claims(**whole)


def stream_remittance(path: Path, *, claims_at_once: int = 20_000) -> Iterator[Claims]:
    """Give what `read_remittance` returns in parts of at most so many claims, in the file's order.

    A transaction whose segments stand out of order is given whole, however many claims it has.
    A part holds whole claims, so its lines, adjustments and remark codes have their claim in it.
    Findings come with the part in which they show; the row of `files` comes with the last part.
    The parts count only together: when the file turns out to be cut off or no 835,
    `RemittanceError` is raised instead of the last part, and those before are to be thrown away.
    """
    path = Path(path)
    with _text(path) as (data, file_id):
        reader = _Reader(path.name, file_id, survey(data, path.name), claims_at_once)
        yield from reader.parts()


def read_references_and_amounts(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every REF and every AMT of a remittance's claims and lines, with its qualifier.

    Grain: one row per segment; keys as in `Claims` (`line_key` missing at claim level). The
    columns `reference` (personal: authorization and policy numbers) and `amount_cents` hold the
    value. Raises as `read_remittance` does where the file is not an 835.
    """
    path = Path(path)
    found: dict[str, list[pd.DataFrame]] = {"references": [], "amounts": []}
    with _text(path) as (data, file_id):
        reader = _Reader(path.name, file_id, survey(data, path.name), 20_000)
        for part in reader.read(with_references=True):
            for name, column in (("references", "reference"), ("amounts", "amount_cents")):
                table = part.tables[name]
                found[name].append(
                    pd.DataFrame(
                        {
                            **_keys(part, table),
                            "line_key": _line_key(part, table),
                            "qualifier": _series(_of(table, "qualifier")),
                            column: _series(_of(table, "value"))
                            if name == "references"
                            else _cents(part, "amounts", "value", "AMT02"),
                        }
                    )
                )
    references, amounts = (pd.concat(frames, ignore_index=True) for frames in found.values())
    return references, amounts


def totals(claims: Claims) -> dict[str, Any]:
    """Return the totals that `toolkit read` shows for remittances: counts, and money as text.

    `adjustments` counts CAS triplets; `by_group_code` sums them by group code and CARC;
    `remark_codes` counts each code of LQ, MOA and MIA. Findings never hold a claim's value.
    """
    adjustments = claims.adjustments
    code = adjustments["group_code"].fillna("") + "-" + adjustments["carc"].fillna("")
    by_code = adjustments["amount_cents"].groupby(code).sum()
    findings = claims.findings[["row", "column", "code", "says"]].astype("object")
    return {
        "claims": len(claims.claims),
        "billed": _money(claims.claims["billed_cents"].sum()),
        "paid": _money(claims.claims["paid_cents"].sum()),
        "adjustments": len(adjustments),
        "adjustment_total": _money(adjustments["amount_cents"].sum()),
        "by_group_code": {str(key): _money(cents) for key, cents in by_code.items()},
        "provider_adjustments_total": _money(claims.provider_adjustments["amount_cents"].sum()),
        "remark_codes": {
            str(rarc): int(count)
            for rarc, count in claims.remark_codes["rarc"].value_counts().sort_index().items()
        },
        "service_lines": len(claims.claim_lines),
        "transactions": int(claims.files["transactions"].sum()),
        "findings": findings.where(findings.notna(), None).to_dict("records"),
    }


def _money(cents: int) -> str:
    cents = int(cents)
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


# --- from bytes to tables -----------------------------------------------------------------------

_PIECE = 1 << 21  # bytes that are looked at together


@contextmanager
def _text(path: Path) -> Iterator[tuple[bytes | mmap.mmap, str]]:
    """Give the bytes of a file, not read into memory, and the file's id."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise RemittanceError(
            f"{path.name}: the file cannot be opened ({type(error).__name__}); check the path and "
            "who may read it."
        ) from None
    with file:
        file_id = hashlib.file_digest(file, "sha256").hexdigest()[:8]
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # empty, or nothing that can be mapped
            file.seek(0)
            data = file.read()
        yield data, file_id


@dataclass
class _Payment:
    """The open transaction of a part's end: what the next part needs of it."""

    frame: pd.DataFrame  # one row
    paid: int | None = 0  # so far; None when an amount is missing
    provider: int | None = 0
    claims: int = 0
    last_claim_off: Any = 0


@dataclass(frozen=True)
class _Open:
    """A transaction without its SE: where it began and stopped, and what it holds."""

    number: int
    last_row: int
    claims: int
    last_claim_off: Any
    off: Any


@dataclass
class _Part:
    """The tables of one part, and what goes with them."""

    file_id: str
    tables: dict[str, pa.Table]  # parents counted from 0 in the part
    rows: np.ndarray
    claim_keys: pa.Array
    line_keys: pa.Array
    found: list[pd.DataFrame] = field(default_factory=list)
    unclean: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)

    begins: np.ndarray | None = None  # of its remittances: place of the ST, -1 for one before
    closed: np.ndarray | None = None
    last_rows: np.ndarray | None = None
    payment: np.ndarray | None = None  # of each claim: which of those remittances
    provider_payment: np.ndarray | None = None
    goes_on: bool = False  # the last of them is not all here

    def same(self, count: int) -> pd.Series:
        """Return the file's id as a column."""
        return _series(pa.repeat(pa.scalar(self.file_id, pa.large_string()), count))

    def find(self, rows: Any, column: str, code: str, says: str) -> None:
        """Add the finding once for each row number given."""
        if len(rows):
            self.found.append(_found(rows, column, code, says))


_CLAIM_TABLES = (
    "claims", "services", "adjustments", "remarks", "outpatient", "inpatient",
)  # fmt: skip
_FRAME_TABLES = ("payments", "provider_adjustments")


class _Reader:
    """Reads one file part by part; between two parts it holds what goes over from one to the next."""

    def __init__(self, name: str, file_id: str, found: Survey, claims_at_once: int) -> None:
        self.name, self.file_id, self.survey = name, file_id, found
        self.claims_at_once = max(claims_at_once, 1)
        self.claims = self.payments = self.remittances = 0
        self.loop, self.inside = 0, False
        self.trail = Trail()
        self.open: _Payment | None = None
        self.unclosed: list[_Open] = []
        self.others: list[tuple[int, str]] = []
        self.digests: set[bytes] = set()
        self.body: Any = None  # digest of the open transaction so far
        self.repeats = 0
        self.first_repeat: int | None = None
        self.told: set[tuple] = set()

    # The file is gone through in pieces; a part ends before a claim, LX or segment of the envelope.

    def parts(self) -> Iterator[Claims]:
        """Give the parts as canonical tables, the last one with the row of `files`."""
        held: Claims | None = None
        for part in self.read():
            if held is not None:
                yield held
            held = self._claims_of(part)
        yield self._last(held or Claims())

    def read(self, *, with_references: bool = False) -> Iterator[_Part]:
        """Give the parts; afterwards all that concerns the whole file is known."""
        names = _CLAIM_TABLES + (("references", "amounts") if with_references else ())
        size = max(4096, min(_PIECE, 2000 * self.claims_at_once))
        rest, rest_rows = b"", np.zeros(0, dtype="i8")
        batch = -1
        for piece in pieces(self.survey, size):
            head = self.survey.heads[piece.batch]
            if piece.batch != batch:
                batch, self.trail, self.loop, self.inside = piece.batch, Trail(), 0, False
            data, rows = rest + piece.data, np.concatenate((rest_rows, piece.rows))
            about = rules(head.version)
            while len(rows):
                block = split(data, rows, head.delimiters, about)
                judged = judge(block, about, loop=self.loop, inside=self.inside)
                cut = self._cut(block, judged, whole=piece.ends_batch)
                if cut is None:
                    break
                ends = piece.ends_batch and cut == len(block)
                yield self._part(block.head(cut), judged, about, head, names, ends_batch=ends)
                data = data[int(block.at[cut] - block.at[0]) :] if cut < len(block) else b""
                rows = rows[cut:]
            rest, rest_rows = data, rows

    def _cut(self, block: Block, judged: Judged, *, whole: bool) -> int | None:
        """Return how many segments make the next part, or None when it is not all there."""
        starts = judged.unit_starts
        may = (judged.claim_unit | ~judged.inside[starts]) & ~judged.upset[starts]
        if "ST" in judged.kinds:
            may |= np.isin(starts, judged.kinds["ST"].segments)
        before = np.cumsum(judged.claim_unit) - judged.claim_unit  # claims before each unit
        places = starts[may & (starts > 0) & (before <= self.claims_at_once)]
        claims = int(judged.claim_unit.sum())
        if whole and claims <= self.claims_at_once:
            return len(block)
        if len(places):
            return int(places[-1])
        more = starts[may & (starts > 0)]
        if len(more):
            return int(more[0])
        return len(block) if whole else None

    def _part(
        self,
        block: Block,
        judged: Judged,
        about: Any,
        head: Any,
        names: tuple[str, ...],
        *,
        ends_batch: bool,
    ) -> _Part:
        n = len(block)
        goes_on = False  # the last transaction, in the next part
        if n < len(judged.mark):
            goes_on = bool(judged.inside[n]) and n not in judged.starts("ST")
            judged = judged.head(n)
        followed = follow(block, judged, about, self.trail, goes_on=goes_on)
        is_remittance = followed.remittance
        odd_units = judged.odd.copy()
        odd_units[judged.unit[[at for at in followed.wrong if at >= 0]]] = True
        unit_set = judged.set[judged.unit_starts]
        unit_inside = judged.inside[judged.unit_starts]
        odd_sets = np.zeros(len(is_remittance), dtype=bool)
        odd_sets[unit_set[odd_units & unit_inside]] = True
        odd_frames = np.zeros(len(is_remittance), dtype=bool)
        odd_frames[unit_set[odd_units & unit_inside & ~judged.claim_unit]] = True
        if -1 in followed.wrong:
            odd_sets[-1] = odd_frames[-1] = True
        odd_sets &= is_remittance
        odd_frames &= is_remittance
        trail_open = bool(followed.trail.isa or followed.trail.gs or followed.trail.head)
        odd: Odd | None = None
        if (
            odd_sets.any()
            or followed.odd
            or (odd_units & ~unit_inside).any()
            or (ends_batch and trail_open)
        ):
            odd = read_odd(
                block, judged, about, head, self.trail, followed, odd_sets, odd_frames,
                ends_batch=ends_batch,
            )  # fmt: skip

        mine = judged.inside & is_remittance[judged.set]
        plain = mine & ~odd_units[judged.unit]
        framed = mine & ~odd_frames[judged.set]
        own = tables(block, judged, about, plain, names)
        own |= tables(block, judged, about, framed, _FRAME_TABLES)
        unclean: dict[tuple[str, str], list[tuple[int, int]]] = {}
        if odd is not None:
            own = _merged(own, odd, about, block, unclean)
        part = self._placed(own, block, judged, unclean)
        if odd is not None:
            part.found.append(_diagnostics(odd.diagnostics, block, judged))
        self._sets(part, block, judged, followed.remittance, going_on=goes_on)
        self.trail = followed.trail
        self.loop, self.inside = judged.last_loop, goes_on
        return part

    def _placed(
        self, own: dict[str, pa.Table], block: Block, judged: Judged, unclean: dict
    ) -> _Part:
        """Return the tables with parents as numbers of rows, and the keys of claims and lines."""
        at = {name: own[name]["at"].to_numpy() for name in ("claims", "services")}
        claims = len(at["claims"])
        count = np.arange(self.claims + 1, self.claims + claims + 1)
        claim_keys = _numbered(pa.scalar(self.file_id, pa.large_string()), count, 6)
        self.claims += claims
        owner = np.searchsorted(at["claims"], own["services"]["claim_at"].to_numpy())
        ordinal = np.arange(1, len(owner) + 1) - np.searchsorted(owner, owner)
        line_keys = _numbered(claim_keys.take(pa.array(owner)), ordinal, 3)
        placed = {}
        for name, table in own.items():
            columns = dict(zip(table.column_names, table.columns, strict=True))
            for key, parent in (("claim", "claims"), ("service", "services")):
                if f"{key}_at" in columns:
                    refs = columns.pop(f"{key}_at").to_numpy()
                    columns[key] = pa.array(np.searchsorted(at[parent], refs), mask=refs < 0)
            placed[name] = pa.table(columns)
        return _Part(self.file_id, placed, block.rows, claim_keys, line_keys, [], unclean)

    def _sets(
        self,
        part: _Part,
        block: Block,
        judged: Judged,
        remittance: np.ndarray,
        *,
        going_on: bool,
    ) -> None:
        """Note which payment each claim belongs to, what each transaction repeats and which is none."""
        starts = judged.starts("ST")
        carried = bool(judged.inside[0]) and not (len(starts) and starts[0] == 0)
        begins = np.concatenate(([-1], starts)) if carried else starts
        kinds = np.concatenate((remittance[-1:], remittance[:-1])) if carried else remittance[:-1]
        n = len(block)
        outside = np.flatnonzero(~judged.inside)
        bounds = np.sort(np.concatenate((starts, outside, [n])))
        stops = bounds[np.searchsorted(bounds, begins, side="right")] - 1
        ends = np.append(judged.starts("SE"), n + 1)
        closed = ends[np.searchsorted(ends, begins)] <= stops
        for place, (begin, stop, kind) in enumerate(zip(begins, stops, kinds, strict=True)):
            goes_on = going_on and place == len(begins) - 1
            self._digest(block, int(begin), int(stop), bool(closed[place]), goes_on)
            if begin >= 0 and not kind:
                self.others.append((int(block.rows[begin]), _set_kind(block, int(begin))))
                part.find(
                    [block.rows[begin]],
                    "ST01",
                    "not_a_remittance",
                    "this transaction is not a remittance (835) and was not read",
                )
        keep = kinds.astype(bool)
        self.remittances += int(keep[begins >= 0].sum())
        part.begins, part.closed = begins[keep], closed[keep]
        part.last_rows = block.rows[stops[keep]] if n else stops[keep]
        part.goes_on = bool(going_on and len(keep) and keep[-1])
        claims = part.tables["claims"]["at"].to_numpy()
        part.payment = np.searchsorted(part.begins, claims, side="right") - 1
        provider = part.tables["provider_adjustments"]["at"].to_numpy()
        part.provider_payment = np.searchsorted(part.begins, provider, side="right") - 1

    def _digest(self, block: Block, begin: int, stop: int, closed: bool, goes_on: bool) -> None:
        """Find whole transactions that stand earlier in the file, word for word."""
        if begin >= 0:
            self.body = hashlib.blake2b(digest_size=16)
            self.body_row = int(block.rows[begin])
        first = begin + 1
        last = len(block) if goes_on else stop
        low = int(block.at[first]) if first < len(block) else block.limit
        high = int(block.at[last]) if last < len(block) else block.limit
        self.body.update(memoryview(block.data)[low : max(low, high)])
        if not goes_on and closed:
            digest = self.body.digest()
            if digest in self.digests:
                self.repeats += 1
                self.first_repeat = self.first_repeat or self.body_row
            self.digests.add(digest)

    def _claims_of(self, part: _Part) -> Claims:
        payments, amounts = self._payments(part), _claim_amounts(part)
        lines, adjustments = _lines(part), _adjustments(part)
        remarks, provider = _remarks(part), _provider_adjustments(part)
        self._check_balances(part, payments, amounts, lines, adjustments, provider)
        claims = _claims(part, payments, amounts, lines)
        return Claims(
            claims=conform(claims, "claims"),
            claim_lines=conform(_drop_ids(lines), "claim_lines"),
            adjustments=conform(_drop_ids(adjustments), "adjustments"),
            remark_codes=conform(remarks, "remark_codes"),
            provider_adjustments=conform(_drop_ids(provider), "provider_adjustments"),
            findings=self._findings(part.found),
        )

    def _payments(self, part: _Part) -> pd.DataFrame:
        """Return one row per transaction of the part, the one from the part before first."""
        frame = _payments(part).assign(
            closed=part.closed[part.begins >= 0], last_row=part.last_rows[part.begins >= 0]
        )
        if len(part.begins) and part.begins[0] < 0:
            carried = self.open.frame.assign(closed=part.closed[0], last_row=part.last_rows[0])
            frame = pd.concat([carried, frame], ignore_index=True) if len(frame) else carried
        return frame

    def _check_balances(
        self,
        part: _Part,
        payments: pd.DataFrame,
        claims: pd.DataFrame,
        lines: pd.DataFrame,
        adjustments: pd.DataFrame,
        provider: pd.DataFrame,
    ) -> None:
        """Find what does not add up: lines, claims (835 guide, balancing), then payments."""
        claim_off = _off(claims, _sum(adjustments, "claim", claims))
        for frame, segment, off in (
            (lines, "SVC", _off(lines, _sum(adjustments, "service", lines))),
            (claims, "CLP", claim_off),
        ):
            rows = frame["row"]
            part.find(rows[(off != 0).fillna(False).to_numpy()], *_BALANCE[segment])
        if not len(payments):
            return
        paid = _sum(claims, "payment", payments, "paid_cents")
        gave = _sum(provider, "payment", payments)
        number = np.bincount(claims["payment"].to_numpy("i8"), minlength=len(payments))
        last = np.full(len(payments), -1, dtype="i8")
        last[claims["payment"].to_numpy("i8")] = np.arange(len(claims))
        was = self.open if part.begins[0] < 0 else None
        if was is not None:
            paid[0] = pd.NA if was.paid is None else paid[0] + was.paid
            gave[0] = pd.NA if was.provider is None else gave[0] + was.provider
        off = payments["amount_cents"] - paid + gave
        done = np.ones(len(payments), dtype=bool)
        done[-1] = not part.goes_on
        wrong = (off != 0).fillna(False).to_numpy() & done
        part.find((payments["row"] + 1)[wrong], *_BALANCE["BPR"])

        def ending(place: int) -> tuple[int, Any]:
            carried = was if place == 0 else None
            count = int(number[place]) + (carried.claims if carried else 0)
            if last[place] >= 0:
                return count, claim_off[last[place]]
            return count, carried.last_claim_off if carried else 0

        for place in np.flatnonzero(done & ~payments["closed"].to_numpy(dtype=bool)):
            count, claim_left = ending(place)
            number_in_file = self.payments + int(place) - (was is not None)
            last_row = int(payments["last_row"].iloc[place])
            self.unclosed.append(_Open(number_in_file, last_row, count, claim_left, off[place]))
        self.payments += len(payments) - (was is not None)
        self.open = None
        if part.goes_on:
            count, claim_left = ending(len(payments) - 1)
            self.open = _Payment(
                payments.iloc[[-1]].reset_index(drop=True),
                None if pd.isna(paid.iloc[-1]) else int(paid.iloc[-1]),
                None if pd.isna(gave.iloc[-1]) else int(gave.iloc[-1]),
                count,
                claim_left,
            )

    def _last(self, part: Claims) -> Claims:
        """Return the last part with all that is known only at the end; refuse what is cut off."""
        if not self.remittances:
            raise _not_a_remittance(self.name, self.others)
        found = _check_ends(self)
        if self.repeats:
            found.append(
                _found(
                    [self.first_repeat],
                    "ST",
                    "repeated_transactions",
                    f"{self.repeats} transactions, this one first, repeat an earlier one word for "
                    "word; their claims are counted each time, so look whether the file was put "
                    "together twice",
                )
            )
        for one in self.survey.findings:
            found.append(_found([one.row], one.column, one.code, one.says))
        layouts = dict.fromkeys(v for head in self.survey.heads for v in head.layouts)
        files = {
            "file": self.name,
            "file_id": self.file_id,
            "source": "remittance",
            "layout": " ".join(layouts) or None,
            "rows_read": self.claims,
            "transactions": self.remittances,
        }
        findings = [part.findings, self._findings(found)]
        own = {name: getattr(part, name) for name in TABLES}
        own["findings"] = _in_order(
            pd.concat([one for one in findings if len(one)] or findings[:1], ignore_index=True)
        )
        own["files"] = conform(pd.DataFrame(files, index=[0]), "files")
        return Claims(**own)

    def _findings(self, found: list[pd.DataFrame]) -> pd.DataFrame:
        """Return findings as their table, each place and code once in the file."""
        if not found:
            return conform({}, "findings")
        findings = pd.concat(found, ignore_index=True).drop_duplicates(["row", "column", "code"])
        keys = list(findings[["row", "column", "code"]].itertuples(index=False, name=None))
        findings = findings[[key not in self.told for key in keys]]
        self.told.update(keys)
        findings = findings.assign(file=self.name, file_id=self.file_id)
        return _in_order(conform(findings, "findings"))


def _in_order(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.sort_values("row", kind="stable", na_position="first", ignore_index=True)


def _merged(
    own: dict[str, pa.Table],
    odd: Odd,
    about: Any,
    block: Block,
    unclean: dict[tuple[str, str], list[tuple[int, int]]],
) -> dict[str, pa.Table]:
    """Return the plain tables and the parser's as one, in the order of the file."""
    merged = {}
    for name, table in own.items():
        other, off = typed(odd.tables[name], name, about.kinds[name])
        at = other["at"].to_numpy()
        for column, kinds in off.items():
            where = np.flatnonzero(kinds)
            if len(where):
                unclean[name, column] = [(int(at[n]), int(kinds[n])) for n in where]
        if len(other):
            table = pa.concat_tables([table, other.select(table.column_names).cast(table.schema)])
            keys = [("at", "ascending"), ("n", "ascending")]
            table = table.sort_by(keys if "n" in table.column_names else keys[:1]).combine_chunks()
        merged[name] = table
    return merged


def _numbered(prefix: Any, ordinals: np.ndarray, width: int, mark: str = "-") -> pa.Array:
    """Return prefix + mark + ordinal, the ordinal padded with zeros."""
    digits = pc.utf8_lpad(pa.array(ordinals, pa.int64()).cast(pa.large_string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, pa.scalar(mark, pa.large_string()))


def _set_kind(block: Block, at: int) -> str:
    fields = block.bytes_of(at)[:-1].split(block.delimiters.element)
    return fields[1][:9].decode("utf-8", "replace") if len(fields) > 1 else ""


def _not_a_remittance(name: str, others: list[tuple[int, str]]) -> RemittanceError:
    if not others:
        return RemittanceError(
            f"{name}, row 1, ST01: the file has an X12 envelope and no transaction in it; {_AGAIN}."
        )
    row, kind = others[0]
    what = _OTHER_SETS.get(kind, "another kind of X12 transaction")
    return RemittanceError(
        f"{name}, row {row}, ST01: this is {what}, not a remittance (835); give the 835 file that "
        "came with the payment."
    )


# --- findings -----------------------------------------------------------------------------------


def _found(rows: Any, column: Any, code: Any, says: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"row": pd.array(list(rows), dtype="Int64")})
    return frame.assign(column=column, code=code, says=says)


_QUOTED_ID = re.compile(r'"([A-Z][A-Z0-9]{1,2})"')


def _diagnostics(diagnostics: list[Diagnostic], block: Block, judged: Judged) -> pd.DataFrame:
    """Return the parser's diagnostics as findings, in our words and without their values."""
    known = segment_ids() | _ENVELOPE_IDS
    element = block.delimiters.element
    rows: list[tuple[int, str, str, str]] = []
    for diagnostic in diagnostics:
        kind, place = diagnostic.kind, diagnostic.at
        here = block.bytes_of(place)[:-1] if place < len(block) else b""
        segment = here.split(element, 1)[0][:3].decode("ascii", "replace").strip()
        segment = segment if segment in known else "segment"
        code, says = _DIAGNOSTICS.get(kind, ("not_as_x12", "this is not as X12 writes it"))
        column = segment
        if kind == "BalanceMismatch":
            if segment == "BPR":
                continue  # _check_balances has all claims of the transaction
            column, code, says = _BALANCE.get(segment, _BALANCE["CLP"])
        elif kind in {"RequiredOccurrenceMissing", "RequiredLoopMissing", "UnterminatedLoop"}:
            # The missing segment's id is all we take from the parser's sentence, if it is one.
            column = next((i for i in _QUOTED_ID.findall(diagnostic.rule) if i in known), segment)
            if kind == "UnterminatedLoop" and column == "SE":
                continue  # _check_ends decides on a transaction that is cut off
        elif diagnostic.element:
            column = f"{segment}{diagnostic.element:02d}"
            column += f"-{diagnostic.component}" if diagnostic.component else ""
        row = block.rows[place] if place < len(block) else block.rows[-1] + 1
        rows.append((int(row), column, code, says))
    return _found(*zip(*rows, strict=True)) if rows else _found([], [], [], [])


def _off(frame: pd.DataFrame, adjusted: pd.Series) -> pd.Series:
    """Return charge less payment less adjustments; missing where one of them is unknown."""
    return frame["billed_cents"] - frame["paid_cents"] - adjusted


def _sum(
    frame: pd.DataFrame, key: str, over: pd.DataFrame, column: str = "amount_cents"
) -> pd.Series:
    """Return the column's sum for each row of `over`: 0 with none, missing with one unknown."""
    within = frame[frame[key].notna()]
    places, amounts = within[key].to_numpy(dtype="int64"), within[column]
    sums, unknown = np.zeros(len(over), dtype="int64"), np.zeros(len(over), dtype=bool)
    np.add.at(sums, places, amounts.fillna(0).to_numpy(dtype="int64"))
    unknown[places[amounts.isna().to_numpy()]] = True
    return pd.Series(pd.arrays.IntegerArray(sums, unknown))


def _check_ends(reader: _Reader) -> list[pd.DataFrame]:
    """Refuse a file that shows that claims are missing; find one that merely lacks its trailer."""
    cut = reader.survey.cut
    found: list[pd.DataFrame] = []
    for one in reader.unclosed:
        last = cut is not None and one.number == reader.payments - 1
        inside = last and not cut.ends_transaction
        row = cut.row if inside else one.last_row
        if inside:
            column, why = cut.segment_id or "segment", "in the middle of a segment"
        elif not one.claims:
            column, why = "CLP", "before its first claim"
        elif not _is_zero(one.last_claim_off):
            column, why = "CLP03", "inside a claim that does not add up"
        elif not _is_zero(one.off):
            column, why = "BPR02", "before its payments reach the announced total"
        else:
            truncated = _found(
                [cut.row if last else row],
                cut.segment_id if last else "SE",
                "truncated",
                "the file is cut off here: the end of the remittance is missing. What was read is "
                f"whole and adds up, but denied claims may have followed; {_AGAIN}",
            )
            found.insert(0, truncated)  # the first of its row
            continue
        raise RemittanceError(
            f"{reader.name}, row {row}, {column}: the remittance is cut off here, {why}, so claims "
            f"are missing or half read; {_AGAIN}."
        )
    if cut is not None and not reader.unclosed:
        found.append(
            _found(
                [cut.row],
                cut.segment_id or "segment",
                "truncated",
                "the file is cut off in the middle of this segment, after its last whole "
                f"remittance; more may have followed, so {_AGAIN}",
            )
        )
    return found


def _is_zero(cents: Any) -> bool:
    return not pd.isna(cents) and int(cents) == 0


# --- from tables of segments to ours -------------------------------------------------------------


def _of(table: pa.Table, column: str) -> pa.Array:
    """Return a column in one piece."""
    chunks = table[column].chunks
    return chunks[0] if len(chunks) == 1 else table[column].combine_chunks()


def _series(array: pa.Array) -> pd.Series:
    return pd.Series(pd.array(array, dtype=_STR))


_STR = pd.StringDtype("pyarrow", na_value=np.nan)


def _upper(table: pa.Table, column: str) -> pa.Array:
    return pc.utf8_upper(_of(table, column))


def _code(table: pa.Table, column: str) -> pd.Series:
    return _series(_upper(table, column))


def _date(table: pa.Table, column: str) -> pd.Series:
    return pd.Series(_of(table, column).to_numpy(zero_copy_only=False))


def _cents(part: _Part, of: str, column: str, element: str) -> pd.Series:
    """Return whole cents; an amount finer than a cent, or too large, is a finding and missing."""
    for at, kind in part.unclean.get((of, column), ()):
        code, says = _UNCLEAN[kind]
        part.find([part.rows[at]], element, code, says)
    return _whole(_of(part.tables[of], column))


_UNCLEAN = {
    1: ("part_of_a_cent", "the amount is finer than a cent; it was left empty"),
    2: ("amount_too_large", "the amount cannot be true; it was left empty"),
}


def _whole(values: pa.Array) -> pd.Series:
    missing = values.is_null().to_numpy(zero_copy_only=False)
    whole = pc.fill_null(values, 1).to_numpy(zero_copy_only=False) if missing.any() else values
    return pd.Series(pd.arrays.IntegerArray(np.array(whole, dtype="i8"), missing.copy()))


def _rows(part: _Part, table: pa.Table) -> pd.Series:
    return pd.Series(part.rows[_of(table, "at").to_numpy()])


def _keys(part: _Part, table: pa.Table) -> dict[str, Any]:
    return {
        "claim_key": _series(part.claim_keys.take(_of(table, "claim"))),
        "file_id": part.same(len(table)),
        "row": _rows(part, table),
    }


def _line_key(part: _Part, table: pa.Table) -> pd.Series:
    return _series(part.line_keys.take(_of(table, "service")))


def _drop_ids(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[c for c in ("payment", "claim", "service") if c in frame])


def _payments(part: _Part) -> pd.DataFrame:
    """One row per transaction that begins here: who pays whom, when, and how much in all."""
    table = part.tables["payments"]
    kind = _code(table, "payee_id_kind")
    return pd.DataFrame(
        {
            "row": _rows(part, table),
            "amount_cents": _cents(part, "payments", "amount", "BPR02"),
            "remittance_date": _date(table, "production_date").fillna(_date(table, "payment_date")),
            "payer_id": _series(
                pc.coalesce(
                    _of(table, "payer_id"), _of(table, "payer_id_2u"), _of(table, "payer_id_naic")
                )
            ),
            "payer_name": _series(_of(table, "payer_name")),
            "provider_name": _series(_of(table, "payee_name")),
            "provider_npi": _series(_of(table, "payee_id")).where(kind == "XX"),
        }
    )


def _claim_amounts(part: _Part) -> pd.DataFrame:
    """One row per claim: its transaction and its money."""
    return pd.DataFrame(
        {
            "payment": part.payment,
            "row": _rows(part, part.tables["claims"]),
            "billed_cents": _cents(part, "claims", "billed", "CLP03"),
            "paid_cents": _cents(part, "claims", "paid", "CLP04"),
            "patient_responsibility_cents": _cents(
                part, "claims", "patient_responsibility", "CLP05"
            ),
        }
    )


# The payer's numbers for a patient. Never 34, the social security number.
_MEMBER_KINDS = pa.array(["MI", "HN", "MR", "II"], pa.large_string())
_NONE = pa.scalar(None, pa.large_string())


def _claims(
    part: _Part, payments: pd.DataFrame, amounts: pd.DataFrame, lines: pd.DataFrame
) -> pd.DataFrame:
    table = part.tables["claims"]
    place = pa.array(part.payment)
    status = _code(table, "claim_status")
    days_from, days_to = _span(lines, len(amounts))
    first, last = _date(table, "statement_from"), _date(table, "statement_to")
    members = [
        pc.if_else(
            pc.is_in(pc.fill_null(_upper(table, f"{who}_id_kind"), ""), _MEMBER_KINDS),
            _of(table, f"{who}_id"),
            _NONE,
        )
        for who in ("patient", "insured")
    ]
    shared = {
        name: _series(pa.array(payments[name], pa.large_string(), from_pandas=True).take(place))
        for name in ("payer_id", "payer_name", "provider_name", "provider_npi")
    }
    return pd.DataFrame(
        {
            "claim_key": _series(part.claim_keys),
            "file_id": part.same(len(amounts)),
            "row": amounts["row"],
            "patient_control_number": _series(_of(table, "patient_control_number")),
            "payer_claim_control_number": _series(_of(table, "payer_claim_control_number")),
            "patient_name": _series(pc.coalesce(_name(table, "patient"), _name(table, "insured"))),
            "member_id": _series(pc.coalesce(*members)),
            "plan_name": _series(_of(table, "contract_class")),
            "claim_filing_indicator": _code(table, "claim_filing_indicator"),
            "claim_status": status,
            "is_reversal": (status == "22").astype("boolean").mask(status.isna()),
            # A first day without a last one is the last one too (835 guide, DTM 232).
            "service_from": first.fillna(days_from),
            "service_to": last.fillna(first).fillna(days_to),
            "remittance_date": payments["remittance_date"].to_numpy()[part.payment],
            "claim_received": _date(table, "claim_received"),
            "billed_cents": amounts["billed_cents"],
            "allowed_cents": _sum(lines, "claim", amounts, "allowed_cents").mask(
                ~np.isin(np.arange(len(amounts)), lines["claim"].to_numpy())
            ),
            "paid_cents": amounts["paid_cents"],
            "patient_responsibility_cents": amounts["patient_responsibility_cents"],
            **shared,
        }
    )


def _span(lines: pd.DataFrame, claims: int) -> tuple[pd.Series, pd.Series]:
    """Return the first and last day of each claim's lines; missing where no line has one."""
    spans = []
    for column, pick, none in (
        ("service_from", np.minimum, np.iinfo("i8").max),
        ("service_to", np.maximum, np.iinfo("i8").min),
    ):
        days = lines[column].to_numpy().astype("datetime64[us]")
        number = np.where(np.isnat(days), none, days.astype("i8"))
        best = np.full(claims, none)
        pick.at(best, lines["claim"].to_numpy(), number)
        best[best == none] = np.iinfo("i8").min  # as numpy writes a missing date
        spans.append(pd.Series(best.view("datetime64[us]")))
    return spans[0], spans[1]


def _name(table: pa.Table, who: str) -> pa.Array:
    """Return 'last, first'; whichever there is, when there is one."""
    return _joined([_of(table, f"{who}_last"), _of(table, f"{who}_first")], ", ")


def _joined(parts: list[pa.Array], between: str) -> pa.Array:
    """Return what each row has of the parts, in one; missing where it has nothing."""
    joined = parts[0]
    for part in parts[1:]:
        if part.null_count == len(part):
            continue
        # Not with null_handling="skip": that drops the rows in which nothing is said.
        both = pc.binary_join_element_wise(joined, part, pa.scalar(between, pa.large_string()))
        joined = pc.coalesce(both, joined, part)
    return joined


# Kinds of SVC01 that are no procedure: revenue codes, drug and device numbers.
_NOT_PROCEDURES = pa.array(["NU", "N4", "N6", "UI"], pa.large_string())


def _lines(part: _Part) -> pd.DataFrame:
    table = part.tables["services"]
    kind, code = pc.fill_null(_upper(table, "code_kind"), ""), _upper(table, "code")
    revenue = pc.coalesce(pc.if_else(pc.equal(kind, "NU"), code, _NONE), _of(table, "revenue_code"))
    if revenue.null_count < len(revenue):
        revenue = pc.replace_substring_regex(revenue, r"^(\d{3})$", r"0\1")
    modifiers = _joined([_upper(table, f"modifier_{n}") for n in range(1, 5)], " ")
    first = _date(table, "service_date").fillna(_date(table, "period_from"))
    last = _date(table, "service_date").fillna(_date(table, "period_to")).fillna(first)
    no_date = first.isna() & last.isna()
    if no_date.any():
        # A line without dates has those of its claim (835 guide, DTM of the service line).
        claims = part.tables["claims"].take(_of(table, "claim"))
        claim_first = _date(claims, "statement_from")
        claim_last = _date(claims, "statement_to").fillna(claim_first)
        first, last = first.mask(no_date, claim_first), last.mask(no_date, claim_last)
    return pd.DataFrame(
        {
            "claim": _of(table, "claim").to_numpy(),
            "line_key": _series(part.line_keys),
            **_keys(part, table),
            "line_control_number": _series(_of(table, "line_control_number")),
            "service_from": first,
            "service_to": last,
            "procedure_code": _series(pc.if_else(pc.is_in(kind, _NOT_PROCEDURES), _NONE, code)),
            "modifiers": _series(modifiers),
            "revenue_code": _series(revenue),
            "units": _number(pc.coalesce(_of(table, "units_billed"), _of(table, "units_paid"))),
            "billed_cents": _cents(part, "services", "billed", "SVC02"),
            "allowed_cents": _cents(part, "services", "allowed", "AMT02"),
            "paid_cents": _cents(part, "services", "paid", "SVC03"),
        }
    )


def _number(values: pa.Array) -> pd.Series:
    missing = values.is_null().to_numpy(zero_copy_only=False)
    # Under a missing number stands 0, as pandas has it nowhere visible.
    numbers = pc.fill_null(values, 0.0).to_numpy(zero_copy_only=False)
    return pd.Series(pd.arrays.FloatingArray(np.array(numbers), missing.copy()))


def _adjustments(part: _Part) -> pd.DataFrame:
    table = part.tables["adjustments"]
    claim = _of(table, "claim").to_numpy()
    # Lines follow their claim, so the adjustments of a claim stand together.
    ordinal = np.arange(1, len(claim) + 1) - np.searchsorted(claim, claim)
    keys = _keys(part, table)
    carc = _upper(table, "carc")
    if pc.any(pc.starts_with(carc, "0")).as_py():
        carc = pc.replace_substring_regex(carc, "^0+(.)", r"\1")
    amount = _cents(part, "adjustments", "amount", "CAS")
    part.find(
        keys["row"][carc.is_null().to_numpy(zero_copy_only=False)],
        "CAS",
        "adjustment_without_reason",
        "an adjustment here has an amount and no reason code; it cannot be classified",
    )
    lineless = _of(table, "service").is_null()
    claim_keys = part.claim_keys.take(pa.array(claim))
    level = pc.if_else(lineless, *(pa.scalar(one, pa.large_string()) for one in ("claim", "line")))
    return pd.DataFrame(
        {
            "claim": claim,
            "service": _whole(_of(table, "service")),
            "adjustment_key": _series(_numbered(claim_keys, ordinal, 3, "-a")),
            **keys,
            "line_key": _line_key(part, table),
            "adjustment_level": _series(level),
            "group_code": _code(table, "group_code"),
            "carc": _series(carc),
            "amount_cents": amount,
            "quantity": _number(_of(table, "quantity")),
        }
    )


def _remarks(part: _Part) -> pd.DataFrame:
    """One row per remark code: LQ of the lines, MOA and MIA of the claims."""
    lq = part.tables["remarks"]
    kind = _code(lq, "qualifier")
    lines = pd.DataFrame(
        {
            **_keys(part, lq),
            "line_key": _line_key(part, lq),
            "rarc": _code(lq, "value"),
            "found_in": "LQ",
        }
    )
    other = (kind != "HE").to_numpy()
    part.find(
        lines["row"][other],
        "LQ01",
        "not_a_remark_code",
        "this code is of another list than remittance advice remark codes; it was not read",
    )
    parts = [lines[~other] if other.any() else lines]
    for name, found_in in (("outpatient", "MOA"), ("inpatient", "MIA")):
        table = part.tables[name]
        if len(table):
            frame = {**_keys(part, table), "rarc": _code(table, "remark"), "found_in": found_in}
            parts.append(pd.DataFrame(frame))
    if len(parts) == 1:
        remarks = parts[0]
    else:
        remarks = pd.concat(parts, ignore_index=True).sort_values("row", kind="stable")
    missing = remarks["rarc"].isna()
    return remarks[~missing] if missing.any() else remarks


def _provider_adjustments(part: _Part) -> pd.DataFrame:
    table = part.tables["provider_adjustments"]
    return pd.DataFrame(
        {
            "payment": part.provider_payment,
            "file_id": part.same(len(table)),
            "row": _rows(part, table),
            "provider_id": _series(_of(table, "provider_id")),
            "fiscal_period_end": _date(table, "fiscal_period_end"),
            "reason_code": _code(table, "reason_code"),
            "reference_id": _series(_of(table, "reference_id")),
            "amount_cents": _cents(part, "provider_adjustments", "amount", "PLB"),
        }
    )


def _drop_ids(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[c for c in ("payment", "claim", "service") if c in frame])

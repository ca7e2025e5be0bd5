"""Read X12 835 remittances (5010 and 4010) into the canonical tables.

A file is read in parts of whole claims, so that its size costs no memory. The bytes are cleaned
and cut into interchanges by `envelope`; segments that are just as X12 writes them are read by
`regular`, all others by the parser (`irregular`), with the tables of `elements`; here they become `Claims`. Money goes from the text of the file to whole cents,
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.claims import adjudication
from toolkit.claims.adjudication import Stated, money_of, numbered
from toolkit.claims.contents import contents, total
from toolkit.claims.identity import id_of
from toolkit.claims.tables import TABLES, Claims, conform, empty, same, text, whole
from toolkit.claims.x12 import remittance_tables as made
from toolkit.claims.x12.elements import segment_ids
from toolkit.claims.x12.envelope import Survey, pieces, survey
from toolkit.claims.x12.irregular import Diagnostic, Odd, Trail, follow, read_odd, typed
from toolkit.claims.x12.parties import Names, parties
from toolkit.claims.x12.regular import Block, Judged, judge, rules, split, tables
from toolkit.claims.x12.remittance_tables import Columns, Found, Money, Part, Payments
from toolkit.claims.x12.segment_count import Counted, counted
from toolkit.denials.codes import MASKED, shown
from toolkit.errors import RemittanceError, not_opened

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
        "this segment is out of place and was not read; check the payer's portal",
    ),
    "ImplicitLoop": (
        "segment_out_of_place",
        "the segment that should start this part is missing; the following segments were read without it",
    ),
    "UnterminatedLoop": ("not_closed", "the file ends without this closing segment"),
    "ControlCountMismatch": (
        "count_differs",
        "the count stated here is not the count in the file; something may be missing or duplicated",
    ),
    "ControlElementMissing": ("element_missing", "a control number or count is missing here"),
    "ControlNumberMismatch": (
        "control_number_differs",
        "the control numbers of the closing and opening segments differ",
    ),
    "RequiredElementMissing": ("element_missing", "a required element is missing or empty"),
    "TypeMismatch": (
        "not_readable",
        "this is not a number or date as X12 writes them; it was left empty",
    ),
    "ValueDropped": ("not_readable", "this could not be read and was left empty"),
    "CompositeShape": (
        "parts_differ",
        "this element does not have the components that X12 defines",
    ),
    "LengthOutOfRange": ("length_out_of_range", "this is shorter or longer than X12 allows"),
    "CodeNotInList": ("code_not_listed", "X12 does not list this code here"),
    "RequiredOccurrenceMissing": (
        "segment_missing",
        "a required segment is missing before this one",
    ),
    "RequiredLoopMissing": ("segment_missing", "a required part is missing before this segment"),
    "OccurrenceOverMax": ("too_many", "this segment appears more often than X12 allows"),
    "LoopOverMax": ("too_many", "this part appears more often than X12 allows"),
    "OutOfOrder": ("out_of_order", "this segment is later than X12 allows; it was read"),
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
    with _text(path) as (data, sha256):
        reader = _Reader(path.name, sha256, survey(data, path.name), claims_at_once)
        yield from reader.parts()


def read_references_and_amounts(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every REF and every AMT of a remittance's claims and lines, with its qualifier.

    Grain: one row per segment; keys as in `Claims` (`line_key` missing at claim level). The
    columns `reference` (personal: authorization and policy numbers) and `amount_cents` hold the
    value. Raises as `read_remittance` does where the file is not an 835.
    """
    path = Path(path)
    found: dict[str, list[pd.DataFrame]] = {"references": [], "amounts": []}
    with _text(path) as (data, sha256):
        reader = _Reader(path.name, sha256, survey(data, path.name), 20_000)
        for part in reader.read(with_references=True):
            for name, column in (("references", "reference"), ("amounts", "amount_cents")):
                table = part.tables[name]
                value = (
                    text(table["value"])
                    if name == "references"
                    else made.money(part, "amounts", "value", "AMT02").column()
                )
                own = {
                    **made.keys(part, table),
                    "row": made.rows_of(part, table),
                    "line_key": made.line_key(part, table),
                    "qualifier": text(table["qualifier"]),
                    column: value,
                }
                found[name].append(pd.DataFrame(own, copy=False))
    references, amounts = (pd.concat(frames, ignore_index=True) for frames in found.values())
    return references, amounts


def totals(claims: Claims) -> dict[str, Any]:
    """Return what `toolkit read` shows of remittances: their contents, and how segments add up.

    `adjustments` counts CAS triplets. `segments` are counted in the file's bytes, and those not read
    are named in findings.
    """
    files = claims.files
    return contents(claims) | {
        "provider_adjustments_total": total(claims.provider_adjustments["amount_cents"]),
        "transactions": int(files["transactions"].sum()),
        "segments": int(files["segments"].sum()),
        "segments_not_read": int(files["segments_not_read"].sum()),
    }


# --- from bytes to tables -----------------------------------------------------------------------

_PIECE = 1 << 21  # bytes that are looked at together


@contextmanager
def _text(path: Path) -> Iterator[tuple[bytes | mmap.mmap, str]]:
    """Give the bytes of a file, not read into memory, and the file's id."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise RemittanceError(
            f"{path.name}: the file cannot be opened ({not_opened(error)}); check the path and "
            "who may read it."
        ) from None
    with file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # empty, or nothing that can be mapped
            file.seek(0)
            data = file.read()
        yield data, sha256


@dataclass
class _Payment:
    """The open transaction of a part's end: what the next part needs of it."""

    head: Payments  # one row
    paid: Money  # so far
    provider: Money
    claims: int
    last_claim_off: int | None  # None when an amount is missing


@dataclass(frozen=True)
class _Open:
    """A transaction without its SE: where it began and stopped, and what it holds."""

    number: int
    last_row: int
    claims: int
    last_claim_off: int | None
    off: int | None


_CLAIM_TABLES = (
    "claims", "services", "adjustments", "remarks", "outpatient", "inpatient",
)  # fmt: skip
_FRAME_TABLES = ("payments", "provider_adjustments")


class _Reader:
    """Reads one file part by part; between two parts it holds what goes over from one to the next."""

    def __init__(self, name: str, sha256: str, found: Survey, claims_at_once: int) -> None:
        self.name, self.sha256, self.survey = name, sha256, found
        self.file_id = id_of(sha256)
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
        self.names: Names = {}  # payer and payee named again in the open transaction
        self.handled = self.unread = 0  # segments
        self.lost = 0  # claims that are in no table
        self.paid: int | None = 0
        self.kinds: dict[tuple[str, str], list[int]] = {}  # finding -> first row, how many

    # The file is gone through in pieces; a part ends before a claim, LX or segment of the envelope.

    def parts(self) -> Iterator[Claims]:
        """Give the parts as canonical tables, the last one with the row of `files`."""
        held: Claims | None = None
        for part in self.read():
            if held is not None:
                yield held
            held = self._claims_of(part)
        yield self._last(held or Claims())

    def read(self, *, with_references: bool = False) -> Iterator[Part]:
        """Give the parts; afterward all that concerns the whole file is known."""
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
            more = True
            while more and len(rows):
                block = split(data, rows, head.delimiters, about)
                judged = judge(block, about, loop=self.loop, inside=self.inside)
                cut = self._cut(block, judged, whole=piece.ends_batch)
                if cut is None:
                    break
                ends = piece.ends_batch and cut == len(block)
                # What is left of a piece mostly has no end before the next one is there.
                more = piece.ends_batch or int(judged.claim_unit.sum()) > self.claims_at_once
                part = self._part(block.head(cut), judged, about, head, names, ends_batch=ends)
                data = data[int(block.at[cut] - block.at[0]) :] if cut < len(block) else b""
                rows = rows[cut:].copy()
                del block, judged  # not held while the part becomes tables
                yield part
                del part
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
    ) -> Part:
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
            own = _merged(own, odd, about, unclean)
        part = self._placed(own, block, judged, unclean)
        if odd is not None:
            part.found += _diagnostics(odd.diagnostics, block)
            self.unread += sum(one.kind == "UnknownSegment" for one in odd.diagnostics)
        self._account_for(part, block, judged, mine)
        part.parties = parties(block, judged, about, self.names, goes_on=goes_on)
        self.names = part.parties.last
        self._sets(part, block, judged, followed.remittance, going_on=goes_on)
        self.trail = followed.trail
        self.loop, self.inside = judged.last_loop, goes_on
        return part

    def _placed(self, own: dict[str, Columns], block: Block, judged: Judged, unclean: dict) -> Part:
        """Return the tables with parents as numbers of rows, and the keys of claims and lines."""
        at = {name: own[name]["at"].to_numpy() for name in ("claims", "services")}
        claims = len(at["claims"])
        count = np.arange(self.claims + 1, self.claims + claims + 1)
        claim_keys = made.numbered(pa.scalar(self.file_id, pa.large_string()), count, 6)
        self.claims += claims
        owner = np.searchsorted(at["claims"], own["services"]["claim_at"].to_numpy())
        ordinal = np.arange(1, len(owner) + 1) - np.searchsorted(owner, owner)
        line_keys = made.numbered(claim_keys.take(pa.array(owner)), ordinal, 3)
        placed = {}
        for name, table in own.items():
            columns = dict(table)
            for key, parent in (("claim", "claims"), ("service", "services")):
                if f"{key}_at" in columns:
                    refs = columns.pop(f"{key}_at").to_numpy()
                    columns[key] = pa.array(np.searchsorted(at[parent], refs), mask=refs < 0)
            placed[name] = columns
        return Part(self.file_id, placed, block.rows, claim_keys, line_keys, [], unclean)

    def _account_for(self, part: Part, block: Block, judged: Judged, mine: np.ndarray) -> None:
        """Count the segments of a part, and find the claims that are in no table."""
        self.handled += len(block)
        self.unread += int((judged.inside & ~mine).sum())
        claims = judged.starts("CLP")
        lost = claims[~np.isin(claims, part.tables["claims"]["at"].to_numpy())]
        self.lost += len(lost)
        # Those of a transaction that is no remittance are found with it.
        part.find(
            block.rows[lost[mine[lost] | ~judged.inside[lost]]],
            "CLP",
            "claim_not_read",
            "this claim is where no claim can be, and was not read; none of its money is counted",
        )

    def _sets(
        self,
        part: Part,
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
                    block.rows[[begin]],
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
            self.body = hashlib.sha256()
            self.body_row = int(block.rows[begin])
        first = begin + 1
        last = len(block) if goes_on else stop
        low = int(block.at[first]) if first < len(block) else block.limit
        high = int(block.at[last]) if last < len(block) else block.limit
        self.body.update(memoryview(block.data)[low : max(low, high)])
        if not goes_on and closed:
            digest = self.body.digest()[:16]
            if digest in self.digests:
                self.repeats += 1
                self.first_repeat = self.first_repeat or self.body_row
            self.digests.add(digest)

    def _claims_of(self, part: Part) -> Claims:
        payments = self._payments(part)
        amounts, owed = made.claim_amounts(part)
        lines, line_amounts, span = made.lines(part)
        adjustments, adjusted, of_claim, of_line = made.adjustments(part)
        remarks = made.remarks(part)
        provider, provided = made.provider_adjustments(part)
        line_off = line_amounts.off(made.summed(adjusted, of_line, len(line_amounts.row)))
        claim_off = amounts.off(made.summed(adjusted, of_claim, len(amounts.row)))
        for row, segment, off in (
            (line_amounts.row, "SVC", line_off),
            (amounts.row, "CLP", claim_off),
        ):
            part.find(row[(off.cents != 0) & ~off.missing], *_BALANCE[segment])
        self._check_payments(part, payments, amounts.paid, provided, claim_off)
        claims = made.claims(part, payments, amounts, owed, line_amounts, span)
        self._note(part, payments, claims, lines, adjustments, remarks, of_claim, of_line)
        if self.paid is not None:
            known = not amounts.paid.missing.any()
            self.paid = self.paid + int(amounts.paid.cents.sum()) if known else None
        return Claims(
            claims=claims,
            claim_lines=lines,
            adjustments=adjustments,
            remark_codes=remarks,
            provider_adjustments=provider,
            findings=self._findings(part.found),
        )

    def _note(
        self,
        part: Part,
        payments: Payments,
        claims: pd.DataFrame,
        lines: pd.DataFrame,
        adjustments: pd.DataFrame,
        remarks: pd.DataFrame,
        of_claim: np.ndarray,
        of_line: np.ndarray,
    ) -> None:
        """Note what triage will count otherwise than it is printed, for one finding of each kind."""
        code, pairs = numbered(*(pa.array(adjustments[name]) for name in ("group_code", "carc")))
        cents = adjustments["amount_cents"]
        stated = Stated(
            of_claim, of_line, code, cents.to_numpy("int64", na_value=0), cents.isna().to_numpy(),
            *money_of(claims), *money_of(lines),
        )  # fmt: skip
        rows = claims["row"].to_numpy("int64")
        reversal = claims["is_reversal"].to_numpy(bool, na_value=False)
        for kind in adjudication.seen(
            claims["claim_status"], reversal, stated, pairs, remittance=True
        ):
            self._count(adjudication.column_of(kind.code), kind.code, rows[kind.claims])
        self._count("N1", "payer_named_again", np.array(part.parties.rows, dtype="i8"))
        begun = payments.row[~np.isnat(payments.earliest) & np.isin(payments.row, part.rows)]
        self._count("BPR16", "payment_date_earlier", begun + 1)
        strange = np.array([MASKED in (shown("group_code", g), shown("carc", c)) for g, c in pairs])
        if strange.any():
            self._count(
                "CAS", "code_not_well_formed", adjustments["row"].to_numpy("int64")[strange[code]]
            )
        place, words = pd.factorize(remarks["rarc"])
        strange = np.array([shown("rarc", word) == MASKED for word in words])
        if strange.any():
            self._count(
                "LQ02", "code_not_well_formed", remarks["row"].to_numpy("int64")[strange[place]]
            )

    def _count(self, column: str, code: str, rows: np.ndarray) -> None:
        if len(rows):
            seen = self.kinds.setdefault((column, code), [int(rows[0]), 0])
            seen[1] += len(rows)

    def _payments(self, part: Part) -> Payments:
        """Return the transactions of the part, the one from the part before first."""
        payments = made.payments(part)
        carried = bool(len(part.begins)) and part.begins[0] < 0
        return payments.after(self.open.head) if carried else payments

    def _check_payments(
        self, part: Part, payments: Payments, claim_paid: Money, provided: Money, claim_off: Money
    ) -> None:
        """Find the payments that do not add up (835 guide, balancing); note those without an SE."""
        count = len(payments.row)
        if not count:
            return
        paid = made.summed(claim_paid, part.payment, count)
        gave = made.summed(provided, part.provider_payment, count)
        number = np.bincount(part.payment, minlength=count)
        last = np.full(count, -1, dtype="i8")
        last[part.payment] = np.arange(len(part.payment))
        was = self.open if part.begins[0] < 0 else None
        if was is not None:
            for sums, before in ((paid, was.paid), (gave, was.provider)):
                sums.cents[0] += before.cents[0]
                sums.missing[0] |= before.missing[0]
            number[0] += was.claims
        off = Money(
            payments.amount.cents - paid.cents + gave.cents,
            payments.amount.missing | paid.missing | gave.missing,
        )
        done = np.ones(count, dtype=bool)
        done[-1] = not part.goes_on
        # A claim or adjustment without an amount adds nothing, so the total still has to be reached.
        wrong = (off.cents != 0) & ~payments.amount.missing & done
        part.find((payments.row + 1)[wrong], *_BALANCE["BPR"])

        def last_off(place: int) -> int | None:
            if last[place] >= 0:
                return claim_off.at(last[place])
            return was.last_claim_off if was is not None and place == 0 else 0

        carried = int(was is not None)
        for place in np.flatnonzero(done & ~part.closed):
            self.unclosed.append(
                _Open(
                    self.payments + int(place) - carried,
                    int(part.last_rows[place]),
                    int(number[place]),
                    last_off(place),
                    off.at(place),
                )
            )
        self.payments += count - carried
        self.open = None
        if part.goes_on:
            self.open = _Payment(
                payments.last(), paid.last(), gave.last(), int(number[-1]), last_off(count - 1)
            )

    def _last(self, part: Claims) -> Claims:
        """Return the last part with all that is known only at the end; refuse what is cut off."""
        if not self.remittances:
            raise _not_a_remittance(self.name, self.others)
        found = _check_ends(self)
        count = counted(self.survey)
        _check_counts(self, count)
        found += [_kind_found(*kind, *seen) for kind, seen in self.kinds.items()]
        if count.claims_outside:
            found.append(
                Found([None], "CLP", "claim_not_read", _OUTSIDE.format(count.claims_outside))
            )
        if self.repeats:
            found.append(
                Found(
                    [self.first_repeat],
                    "ST",
                    "repeated_transactions",
                    f"{self.repeats} transactions, this one first, repeat an earlier one exactly; their claims are counted each time, so check whether the file was combined twice",
                )
            )
        for one in self.survey.findings:
            found.append(Found([one.row], one.column, one.code, one.says))
        layouts = dict.fromkeys(v for head in self.survey.heads for v in head.layouts)
        files = {
            "file": self.name,
            "file_id": self.file_id,
            "sha256": self.sha256,
            "source": "remittance",
            "layout": " ".join(layouts) or None,
            "rows_read": self.claims,
            "transactions": self.remittances,
            "segments": count.segments + count.outside,
            "segments_not_read": self.unread + count.outside + count.segments - self.handled,
        }
        findings = [part.findings, self._findings(found)]
        own = {name: getattr(part, name) for name in TABLES}
        own["findings"] = _in_order(
            pd.concat([one for one in findings if len(one)] or findings[:1], ignore_index=True)
        )
        own["files"] = conform(pd.DataFrame(files, index=[0]), "files")
        return Claims(**own)

    def _findings(self, found: list[Found]) -> pd.DataFrame:
        """Return findings as their table, each place and code once in the file."""
        kept: list[tuple] = []
        for rows, column, code, says in found:
            for row in rows:
                if (row, column, code) not in self.told:
                    self.told.add((row, column, code))
                    kept.append((row, column, code, says))
        if not kept:
            return empty("findings")
        kept.sort(key=lambda one: -1 if one[0] is None else one[0])
        rows, *words = zip(*kept, strict=True)
        return conform(
            {
                "file": same(self.name, len(kept)),
                "file_id": same(self.file_id, len(kept)),
                "row": whole(
                    np.array([row or 0 for row in rows]), np.array([row is None for row in rows])
                ),
                **{
                    name: text(pa.array(values, pa.large_string()))
                    for name, values in zip(("column", "code", "says"), words, strict=True)
                },
            },
            "findings",
        )


# What is found in several places, in the row of the first of them.
_KINDS = {
    "payer_named_again": (
        "payer or payee are named again between claims, as in combined files ({} times, here "
        "first); the claims that follow are theirs"
    ),
    "payment_date_earlier": (
        "the payment date (BPR16) is before the production date (DTM 405), in {} of the transactions, "
        "here first; the production date is the notice date, and file_by counts from the earlier date"
    ),
    "code_not_well_formed": (
        "the value here does not have the form of a code ({} times, here first); it could be any text, so it is shown as ? and classified as an unknown code"
    ),
}
_OUTSIDE = "claims (CLP) before or after the file's interchanges, which were not read: {:,}"


def _kind_found(column: str, code: str, row: int, count: int) -> Found:
    says = _KINDS[code].format(f"{count:,}") if code in _KINDS else adjudication.says(code, count)
    return Found([row], column, code, says)


def _in_order(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.sort_values("row", kind="stable", na_position="first", ignore_index=True)


def _merged(
    own: dict[str, Columns],
    odd: Odd,
    about: Any,
    unclean: dict[tuple[str, str], list[tuple[int, int]]],
) -> dict[str, Columns]:
    """Return the plain tables and the parser's as one, in the order of the file."""
    merged = dict(own)
    for name, columns in own.items():
        if not len(odd.tables[name]):
            continue
        other, off = typed(odd.tables[name], name, about.kinds[name])
        at = other["at"].to_numpy()
        for column, kinds in off.items():
            where = np.flatnonzero(kinds)
            if len(where):
                unclean[name, column] = [(int(at[n]), int(kinds[n])) for n in where]
        if len(other):
            table = pa.table(columns)
            table = pa.concat_tables([table, other.select(table.column_names).cast(table.schema)])
            keys = [("at", "ascending"), ("n", "ascending")]
            table = table.sort_by(keys if "n" in table.column_names else keys[:1])
            merged[name] = {c: table[c].combine_chunks() for c in table.column_names}
    return merged


def _set_kind(block: Block, at: int) -> str:
    fields = block.bytes_of(at)[:-1].split(block.delimiters.element)
    return fields[1][:9].decode("utf-8", "replace") if len(fields) > 1 else ""


def _not_a_remittance(name: str, others: list[tuple[int, str]]) -> RemittanceError:
    if not others:
        return RemittanceError(
            f"{name}, row 1, ST01: the file has an X12 envelope but no transaction; {_AGAIN}."
        )
    row, kind = others[0]
    what = _OTHER_SETS.get(kind, "another kind of X12 transaction")
    return RemittanceError(
        f"{name}, row {row}, ST01: this is {what}, not a remittance (835); give the 835 file that "
        "came with the payment."
    )


# --- findings -----------------------------------------------------------------------------------


_QUOTED_ID = re.compile(r'"([A-Z][A-Z0-9]{1,2})"')


def _diagnostics(diagnostics: list[Diagnostic], block: Block) -> list[Found]:
    """Return the parser's diagnostics as findings, in our words and without their values."""
    known = segment_ids() | _ENVELOPE_IDS
    element = block.delimiters.element
    found: list[Found] = []
    for diagnostic in diagnostics:
        kind, place = diagnostic.kind, diagnostic.at
        here = block.bytes_of(place)[:-1] if place < len(block) else b""
        segment = here.split(element, 1)[0][:3].decode("ascii", "replace").strip()
        segment = segment if segment in known else "segment"
        code, says = _DIAGNOSTICS.get(kind, ("not_as_x12", "this is not as X12 defines it"))
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
        found.append(Found([int(row)], column, code, says))
    return found


def _check_counts(reader: _Reader, count: Counted) -> None:
    """Refuse a file whose bytes hold other segments, claims or payments than were read of it."""
    cut = reader.survey.cut is not None
    wrong: tuple[str, str] | None = None
    if count.segments - reader.handled not in ({0, 1} if cut else {0}):
        wrong = (
            "segments",
            f"{count.segments:,} segments are in it, but {reader.handled:,} were read",
        )
    elif count.claims - reader.claims - reader.lost not in ({0, 1} if cut else {0}):
        read = reader.claims + reader.lost
        wrong = "CLP", f"{count.claims:,} claims are in it, but {read:,} were read"
    elif (
        not (cut or reader.lost or None in (count.paid, reader.paid)) and count.paid != reader.paid
    ):
        wrong = "CLP04", "a second reading gives a different total of claim payments"
    if wrong:
        raise RemittanceError(
            f"{reader.name}, {wrong[0]}: the file does not add up: {wrong[1]}; {_AGAIN}."
        )


def _check_ends(reader: _Reader) -> list[Found]:
    """Refuse a file that shows that claims are missing; find one that merely lacks its trailer."""
    cut = reader.survey.cut
    found: list[Found] = []
    for one in reader.unclosed:
        last = cut is not None and one.number == reader.payments - 1
        inside = last and not cut.ends_transaction
        row = cut.row if inside else one.last_row
        if inside:
            column, why = cut.segment_id or "segment", "in the middle of a segment"
        elif not one.claims:
            column, why = "CLP", "before its first claim"
        elif one.last_claim_off != 0:
            column, why = "CLP03", "inside a claim that does not add up"
        elif one.off != 0:
            column, why = "BPR02", "before its payments reach the announced total"
        else:
            truncated = Found(
                [cut.row if last else row],
                cut.segment_id if last else "SE",
                "truncated",
                "the file is cut off here: the end of the remittance is missing. The part that was read is complete and adds up, but denied claims may have followed; {_AGAIN}",
            )
            found.insert(0, truncated)  # the first of its row
            continue
        raise RemittanceError(
            f"{reader.name}, row {row}, {column}: the remittance is cut off here, {why}, so claims are missing or incomplete; {_AGAIN}."
        )
    if cut is not None and not reader.unclosed:
        found.append(
            Found(
                [cut.row],
                cut.segment_id or "segment",
                "truncated",
                "the file is cut off in the middle of this segment, after its last whole "
                f"remittance; more may have followed, so {_AGAIN}",
            )
        )
    return found

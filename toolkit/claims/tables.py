"""The canonical tables that every export and every remittance becomes.

One place says which columns there are, of what type, and what they mean; readers fill them,
everything else reads them. Text is `str` (missing is nan), dates are `datetime64[us]` at midnight,
money is whole cents in nullable `Int64` (the unit is in the name), counts are `Int64`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError

Kind = Literal["text", "date", "cents", "count", "number", "flag"]

DTYPES: dict[Kind, str] = {
    "text": "str",
    "date": "datetime64[us]",
    "cents": "Int64",
    "count": "Int64",
    "number": "Float64",
    "flag": "boolean",
}
_TYPES = {kind: pd.api.types.pandas_dtype(name) for kind, name in DTYPES.items()}


@dataclass(frozen=True)
class Column:
    """One column of a canonical table: its name, kind and meaning in the field's words."""

    name: str
    kind: Kind
    says: str
    personal: bool = False  # may identify a patient: never in logs, notebooks, manifests


def _columns(*rows: tuple) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_KEYS = _columns(
    (
        "claim_key",
        "text",
        "our key for the claim, without any claim value: file_id + '-' + the row where it first appears (in an 835, its ordinal)",
    ),
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file's bytes"),
    (
        "row",
        "count",
        "where it is in the file: the row of the sheet or CSV (the heading is row 1), or the segment number in an 835",
    ),
)

CLAIMS = _KEYS + _columns(
    ("patient_control_number", "text", "ours (CLP01)", True),
    ("payer_claim_control_number", "text", "theirs, the ICN (CLP07)", True),
    (
        "original_reference",
        "text",
        "the payer's number of the claim that this one corrects or takes back (REF F8)",
        True,
    ),
    ("frequency_code", "text", "1 original, 7 replacement, 8 void (CLP09, type of bill)"),
    ("patient_name", "text", "last name, first name", True),
    ("member_id", "text", "the patient's number with the payer", True),
    ("birth_date", "date", "the patient's", True),
    ("payer_id", "text", "the payer's identifier (N104 or REF of 1000A; an export's payer id)"),
    ("payer_name", "text", "the payer as the file names it"),
    ("plan_name", "text", "the plan or financial class as the file names it"),
    ("program", "text", "program id where the file itself states it; never derived from a name"),
    ("claim_filing_indicator", "text", "CLP06"),
    ("contracted", "text", "'contracted' or 'not_contracted' where the file states it"),
    ("facility", "text", "where the service was given, as the file names it"),
    ("provider_name", "text", "the payee or billing provider"),
    ("provider_npi", "text", "its NPI"),
    ("claim_status", "text", "CLP02, or the export's status"),
    ("is_reversal", "flag", "claim status 22: takes back an earlier payment"),
    ("service_from", "date", "first day of service"),
    ("service_to", "date", "last day of service"),
    ("remittance_date", "date", "production date of the remittance (DTM 405, otherwise BPR16)"),
    (
        "earliest_remittance_date",
        "date",
        "payment date (BPR16) where it is before the production date: file_by is counted from it",
    ),
    ("notice_date", "date", "date on the denial notice, where an export has it"),
    ("notice_received", "date", "day the notice was received, where it is documented"),
    ("claim_received", "date", "day the payer received the claim (DTM 050)"),
    ("billed_cents", "cents", "total charge (CLP03)"),
    ("allowed_cents", "cents", "allowed amount, where stated (AMT B6 and like it)"),
    ("paid_cents", "cents", "claim payment (CLP04)"),
    ("patient_responsibility_cents", "cents", "CLP05"),
    (
        "case_status",
        "text",
        "open, closed, paid, written_off or zero_balance in the hospital's own system; all but the first are closed",
    ),
    ("owner", "text", "work queue or team that holds the case"),
    (
        "stage",
        "text",
        "pre_service, prior_authorization, payment, part_b_drug or concurrent, where the file states it",
    ),
    ("entered", "text", "columns that a person entered instead of the file; separated by a space"),
)

CLAIM_LINES = (
    _columns(
        ("line_key", "text", "our key for the line: claim_key + '-' + its ordinal in the claim"),
    )
    + _KEYS
    + _columns(
        ("line_control_number", "text", "REF 6R", True),
        ("service_from", "date", "first day of service"),
        ("service_to", "date", "last day of service"),
        ("procedure_code", "text", "CPT or HCPCS, upper case"),
        ("modifiers", "text", "modifiers in order, one space between"),
        ("revenue_code", "text", "four digits, leading zero kept"),
        ("diagnosis_code", "text", "principal diagnosis, where an export has it"),
        ("units", "number", "units of service"),
        ("billed_cents", "cents", "line charge (SVC02)"),
        ("allowed_cents", "cents", "line allowed amount, where stated"),
        ("paid_cents", "cents", "line payment (SVC03)"),
    )
)

ADJUSTMENTS = (
    _columns(
        (
            "adjustment_key",
            "text",
            "our key for the adjustment: claim_key + '-a' + its ordinal in the claim",
        ),
    )
    + _KEYS
    + _columns(
        ("line_key", "text", "the line it is on; missing for a claim-level adjustment"),
        ("adjustment_level", "text", "'claim' or 'line'"),
        ("group_code", "text", "CO, PR, OA, PI or CR, upper case"),
        ("carc", "text", "claim adjustment reason code, no leading zeros, upper case"),
        ("amount_cents", "cents", "the adjustment's amount"),
        ("quantity", "number", "the adjustment's quantity"),
        ("denial_text", "text", "free-text reason, where an export has one", True),
    )
)

REMARK_CODES = _KEYS + _columns(
    ("line_key", "text", "the line it is on; missing for a claim-level remark"),
    ("rarc", "text", "remittance advice remark code, upper case"),
    ("found_in", "text", "'LQ', 'MOA', 'MIA', 'export' or 'fhir'"),
)

PROVIDER_ADJUSTMENTS = _columns(
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file's bytes"),
    ("row", "count", "segment number in the 835"),
    ("provider_id", "text", "PLB01"),
    ("fiscal_period_end", "date", "PLB02"),
    ("reason_code", "text", "PLB03-1"),
    ("reference_id", "text", "PLB03-2: often a claim number", True),
    ("amount_cents", "cents", "as printed: a positive amount reduces the payment"),
)

APPEAL_EVENTS = _KEYS + _columns(
    ("line_key", "text", "the line it concerns; missing where it concerns the claim"),
    ("level", "text", "level id, if the file's word is known; otherwise missing, with a finding"),
    ("filed_on", "date", "day the appeal was filed"),
    ("received_on", "date", "day the decider received it, where somebody recorded it"),
    ("decided_on", "date", "day of the decision"),
    (
        "outcome",
        "text",
        "overturned, partly_overturned, upheld, dismissed, withdrawn; missing while undecided",
    ),
    ("recovered_cents", "cents", "paid after the decision, where stated"),
)

RECORDED_EVENTS = _columns(
    ("claim_key", "text", "our key for the claim"),
    ("line_key", "text", "the line it concerns; missing where it concerns the claim"),
    ("entry", "count", "number of the entry in the case store"),
    ("event", "text", "what happened: an id of `rules/history/events.yaml`"),
    ("day", "date", "day on which it happened"),
    ("level", "text", "level of appeal, where it has one"),
    ("outcome", "text", "of a decision: as in `appeal_events`"),
    ("amount_cents", "cents", "amount paid, awarded or written off, where stated"),
    ("who", "text", "who recorded it"),
    ("entered_at", "text", "when it was recorded (UTC)"),
    ("proof", "text", "what proves it, or the words of a note", True),
)

REJECTIONS = _columns(
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file's bytes"),
    ("row", "count", "segment number in the file"),
    ("kind", "text", "277CA, 277, 277 request, 277 pending, 999, 997 or TA1"),
    ("transaction", "count", "ordinal of the transaction in the file; missing for a TA1"),
    (
        "level",
        "text",
        "of a 277: source, receiver, provider, claim or line; of a 999: group, transaction, segment or element; of a TA1: interchange",
    ),
    ("claim", "count", "ordinal of the claim in the file; missing above the claim and in a 999"),
    (
        "standing",
        "text",
        "accepted, rejected, partly, forwarded, not_found, decided, pending, asked, error or unknown",
    ),
    ("category_code", "text", "claim status category (STC01-1)"),
    ("category_says", "text", "the same in our own words"),
    ("status_codes", "text", "claim status codes (STC01-2 and its repeats), one space between"),
    ("status_says", "text", "the same in our own words, if known"),
    ("entity_codes", "text", "whom the status concerns (STC01-3)"),
    ("billed_cents", "cents", "charge of the claim (STC04)"),
    (
        "unlisted_rejected",
        "count",
        "claims (transactions of a 999, 1 for an interchange) that it rejects without listing them",
    ),
    ("unlisted_accepted", "count", "the same of those that it accepts"),
    (
        "unlisted_rejected_cents",
        "cents",
        "charge of the claims rejected and not listed, where stated",
    ),
    ("segment", "text", "segment with the error (IK301)"),
    ("place", "count", "its number in the transaction (IK302)"),
    ("loop", "text", "its loop (IK303)"),
    ("element", "text", "element and component with the error (IK401)"),
    ("error_code", "text", "IK304, IK403, IK501, AK901 or TA104"),
    ("error_says", "text", "the same in our own words"),
)

FINDINGS = _columns(
    ("file", "text", "name of the file"),
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file's bytes"),
    ("row", "count", "where it is in the file; missing if it concerns the whole file"),
    ("column", "text", "our column name, or the segment and element of an 835"),
    ("code", "text", "short stable id of the kind of finding"),
    ("count", "count", "how many rows it covers, if more than the one it names"),
    ("says", "text", "what is wrong and what to do, without the claim's value"),
)

FILES = _columns(
    ("file", "text", "name of the file"),
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file's bytes"),
    ("sha256", "text", "the whole hash, which says whether two files are the same"),
    (
        "source",
        "text",
        "'export', 'remittance', 'rejections', 'fhir', or 'notice' for a case made from a letter",
    ),
    ("layout", "text", "layout id of an export, X12 version of an 835 or 277"),
    ("rows_read", "count", "data rows of an export, claims of an 835"),
    ("transactions", "count", "ST segments of an 835; missing for an export"),
    (
        "rows_in",
        "count",
        "rows of an export below its headings, counted separately from the parser",
    ),
    ("rows_left_out", "count", "rows among these that are not in any table; a finding names each"),
    ("rows_blank", "count", "rows among these without a value in any column that is read"),
    ("denied_in_cents", "cents", "sum of the denied amounts in all rows of an export"),
    ("denied_left_out_cents", "cents", "of that, rows that are not in any table"),
    ("denied_repeated_cents", "cents", "of that, rows that repeat an adjustment that counts once"),
    ("columns", "text", "our column and the export headings from which it was read, as JSON"),
    ("columns_not_read", "text", "the other headings, as JSON"),
    ("segments", "count", "segments of an 835, counted in its bytes, separately from the parser"),
    ("segments_not_read", "count", "segments among these that were not read; findings name them"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "claims": CLAIMS,
    "claim_lines": CLAIM_LINES,
    "adjustments": ADJUSTMENTS,
    "remark_codes": REMARK_CODES,
    "provider_adjustments": PROVIDER_ADJUSTMENTS,
    "appeal_events": APPEAL_EVENTS,
    "recorded_events": RECORDED_EVENTS,
    "rejections": REJECTIONS,
    "findings": FINDINGS,
    "files": FILES,
}


def conform(frame: pd.DataFrame | dict, table: str) -> pd.DataFrame:
    """Return the frame with exactly the table's columns, in order and of its types.

    Columns that are absent come back empty; a column that the table does not know is an error
    of the caller. Arrays that have the table's types already are taken as they are, not copied.
    """
    columns = TABLES[table]
    count = None if isinstance(frame, pd.DataFrame) else _typed(frame, columns)
    if count is None:
        frame = pd.DataFrame(frame)
        count = len(frame)
    unknown = set(frame) - {c.name for c in columns}
    if unknown:
        raise KeyError(f"{table}: no column {sorted(unknown)}")
    if isinstance(frame, dict):
        filled = {c.name: frame.get(c.name) for c in columns}
        for c in columns:
            if filled[c.name] is None:
                filled[c.name] = _nothing(c.kind, count)
        return pd.DataFrame(filled, copy=False)
    return pd.DataFrame(
        {
            c.name: (
                frame[c.name].astype(_TYPES[c.kind])
                if c.name in frame
                else pd.Series(_nothing(c.kind, count), index=frame.index)
            )
            for c in columns
        },
        index=frame.index,
    ).reset_index(drop=True)


def texts(values, codes: np.ndarray) -> pd.api.extensions.ExtensionArray:
    """Return a text column from its distinct values and their number by row, -1 for none."""
    if not isinstance(values, pa.Array):
        values = pa.array(values, pa.large_string())
    missing = codes < 0
    return text(values.take(pa.array(codes, mask=missing if missing.any() else None)))


def text(values: pa.Array) -> pd.api.extensions.ExtensionArray:
    """Return the texts as a text column, without looking at each again."""
    return pd.array(values, dtype=_TYPES["text"])


def among(keys: pd.Series, known: Iterable[str]) -> np.ndarray:
    """Return which rows of a text column hold one of the known texts; a missing one does not."""
    column = pa.chunked_array(pa.array(keys)) if len(keys) else pa.chunked_array([], pa.string())
    values = known if isinstance(known, pd.Series) else pa.array(list(known), pa.large_string())
    values = pa.array(values).drop_null()
    found = pc.is_in(column.cast(pa.large_string()), value_set=values.cast(pa.large_string()))
    return found.to_numpy(zero_copy_only=False)


def dollars(cents: int) -> str:
    """Return cents as dollars with two decimals, as text."""
    cents = int(cents)
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def same(value: str, count: int) -> pd.api.extensions.ExtensionArray:
    """Return a text column that says the same in every row."""
    return text(pa.repeat(pa.scalar(value, pa.large_string()), count))


def whole(numbers: np.ndarray, missing: np.ndarray | None = None) -> pd.arrays.IntegerArray:
    """Return a column of cents or counts; what stands below `missing` does not matter."""
    if missing is None:
        missing = np.zeros(len(numbers), dtype=bool)
    return pd.arrays.IntegerArray(numbers.astype(np.int64, copy=False), missing)


def _typed(given: dict, columns: tuple[Column, ...]) -> int | None:
    """Return how many rows the arrays have; None unless all are arrays of the table's types."""
    kinds = {c.name: _TYPES[c.kind] for c in columns}
    arrays = (np.ndarray, pd.api.extensions.ExtensionArray)
    if not given:
        return 0
    if not all(isinstance(v, arrays) and v.dtype == kinds.get(name) for name, v in given.items()):
        return None
    counts = {len(v) for v in given.values()}
    return counts.pop() if len(counts) == 1 else None


def _nothing(kind: Kind, count: int):
    """Return a column in which every row is missing."""
    if kind == "text":
        return text(pa.nulls(count, pa.large_string()))
    if kind == "date":
        return np.full(count, np.datetime64("NaT"), dtype="datetime64[us]")
    missing = np.ones(count, dtype=bool)
    if kind == "number":
        return pd.arrays.FloatingArray(np.zeros(count), missing)
    if kind == "flag":
        return pd.arrays.BooleanArray(np.zeros(count, dtype=bool), missing)
    return whole(np.zeros(count, dtype=np.int64), missing)


def empty(table: str) -> pd.DataFrame:
    """Return the table with its columns and no row."""
    return _empty(table).copy(deep=False)


@lru_cache(maxsize=len(TABLES))
def _empty(table: str) -> pd.DataFrame:
    return conform({}, table)


def _empty_field(table: str):
    return field(default_factory=lambda: empty(table))


@dataclass(frozen=True)
class Claims:
    """What one or more files hold, as canonical tables (grain: see each table's columns)."""

    claims: pd.DataFrame = _empty_field("claims")
    claim_lines: pd.DataFrame = _empty_field("claim_lines")
    adjustments: pd.DataFrame = _empty_field("adjustments")
    remark_codes: pd.DataFrame = _empty_field("remark_codes")
    provider_adjustments: pd.DataFrame = _empty_field("provider_adjustments")
    appeal_events: pd.DataFrame = _empty_field("appeal_events")
    recorded_events: pd.DataFrame = _empty_field("recorded_events")  # from the case store, no file
    rejections: pd.DataFrame = _empty_field("rejections")  # never among the denials
    findings: pd.DataFrame = _empty_field("findings")
    files: pd.DataFrame = _empty_field("files")

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {len(getattr(self, name)):,}" for name in TABLES)
        return f"Claims({counts})"


def concat(parts: list[Claims]) -> Claims:
    """Return several files' tables as one; a file given twice is read once, with a finding."""
    seen: dict[str, str] = {}
    kept, again = [], []
    for part in parts:
        of = dict(zip(part.files["file_id"], part.files["sha256"].fillna(""), strict=True))
        if any(seen.get(file_id, sha256) != sha256 for file_id, sha256 in of.items()):
            raise InputError("two different files have the same short id; read them separately")
        if of.keys() & seen.keys():
            again.append(part.files[["file", "file_id"]])
        else:
            kept.append(part)
        seen |= of
    tables = {
        name: pd.concat([getattr(p, name) for p in kept], ignore_index=True)
        if kept
        else empty(name)
        for name in TABLES
    }
    if again:
        told = pd.concat(again).assign(
            code="file_given_twice",
            says="the same content was already read under this or another name; it counts once",
        )
        tables["findings"] = pd.concat(
            [tables["findings"], conform(told, "findings")], ignore_index=True
        )
    return Claims(**tables)

"""Make canonical tables of what the segments of an 835 hold.

Each table is made once, of whole typed columns: Arrow for text, numpy for money, counts and days.
Checks are made on those columns, before there is a frame.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import conform, same, text, texts, whole
from toolkit.claims.x12.parties import PAYEE, PAYER, Parties

Columns = dict[str, pa.Array]


class Money(NamedTuple):
    """Whole cents by row, and where they are missing; there the number means nothing."""

    cents: np.ndarray
    missing: np.ndarray

    def column(self) -> pd.arrays.IntegerArray:
        """Return the column of a table."""
        return whole(self.cents, self.missing)

    def at(self, place: int) -> int | None:
        """Return one amount, None if it is missing."""
        return None if self.missing[place] else int(self.cents[place])

    def last(self) -> "Money":
        """Return the last row, without holding the others."""
        return Money(self.cents[[-1]], self.missing[[-1]])


class Found(NamedTuple):
    """The same finding in some rows (None: the file)."""

    rows: list[int | None]
    column: str
    code: str
    says: str


@dataclass
class Part:
    """The tables of one part, and what goes with them."""

    file_id: str
    tables: dict[str, Columns]  # parents counted from 0 in the part
    rows: np.ndarray
    claim_keys: pa.Array
    line_keys: pa.Array
    found: list[Found] = field(default_factory=list)
    unclean: dict[tuple[str, str], list[tuple[int, int]]] = field(default_factory=dict)

    begins: np.ndarray | None = None  # of its remittances: place of the ST, -1 for one before
    closed: np.ndarray | None = None
    last_rows: np.ndarray | None = None
    payment: np.ndarray | None = None  # of each claim: which of those remittances
    provider_payment: np.ndarray | None = None
    goes_on: bool = False  # the last of them is not all here
    parties: Parties = field(default_factory=Parties)

    def find(self, rows: np.ndarray, column: str, code: str, says: str) -> None:
        """Add the finding once for each row number given."""
        if len(rows):
            self.found.append(Found([int(row) for row in rows], column, code, says))


def numbered(
    prefix: pa.Array | pa.Scalar, ordinals: np.ndarray, width: int, mark: str = "-"
) -> pa.Array:
    """Return prefix + mark + ordinal, the ordinal padded with zeros."""
    digits = pc.utf8_lpad(pa.array(ordinals, pa.int64()).cast(pa.large_string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, pa.scalar(mark, pa.large_string()))


def upper(table: Columns, column: str) -> pa.Array:
    """Return a column of codes in capitals."""
    return table[column] if nothing(table[column]) else pc.utf8_upper(table[column])


def nothing(values: pa.Array) -> bool:
    """Return whether every value is missing."""
    return values.null_count == len(values)


def days(*columns: pa.Array) -> np.ndarray:
    """Return the first of the columns that has a day, row by row."""
    found = pc.coalesce(*columns) if len(columns) > 1 else columns[0]
    return np.array(found.to_numpy(zero_copy_only=False), dtype="datetime64[us]")


def money(part: Part, of: str, column: str, element: str) -> Money:
    """Return whole cents; an amount finer than a cent, or too large, is a finding and missing."""
    for at, kind in part.unclean.get((of, column), ()):
        code, says = _UNCLEAN[kind]
        part.find(part.rows[[at]], element, code, says)
    return Money(*_numbers(part.tables[of][column], "i8"))


_UNCLEAN = {
    1: ("part_of_a_cent", "the amount has a fraction of a cent; it was left empty"),
    2: ("amount_too_large", "the amount is impossible; it was left empty"),
}


def _numbers(values: pa.Array, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    missing = np.array(values.is_null().to_numpy(zero_copy_only=False))
    full = pc.fill_null(values, 0) if values.null_count else values
    return np.array(full.to_numpy(zero_copy_only=False), dtype=dtype), missing


def number(values: pa.Array) -> pd.arrays.FloatingArray:
    """Return a column of numbers that are not money."""
    return pd.arrays.FloatingArray(*_numbers(values, "f8"))


def rows_of(part: Part, table: Columns) -> np.ndarray:
    """Return the segment number of each row."""
    return part.rows[table["at"].to_numpy()]


def keys(part: Part, table: Columns) -> dict[str, pd.api.extensions.ExtensionArray]:
    """Return the columns that every table of claims begins with."""
    return {
        "claim_key": text(part.claim_keys.take(table["claim"])),
        "file_id": same(part.file_id, len(table["at"])),
        "row": whole(rows_of(part, table)),
    }


def line_key(part: Part, table: Columns) -> pd.api.extensions.ExtensionArray:
    """Return the key of the line that each row stands on."""
    return text(part.line_keys.take(table["service"]))


def summed(amounts: Money, places: np.ndarray, count: int) -> Money:
    """Return the sum at each place (-1: none): 0 with nothing there, missing with one unknown."""
    sums, unknown = np.zeros(count, dtype="i8"), np.zeros(count, dtype=bool)
    there = places >= 0
    np.add.at(sums, places[there], np.where(amounts.missing, 0, amounts.cents)[there])
    unknown[places[there & amounts.missing]] = True
    return Money(sums, unknown)


@dataclass(frozen=True)
class Payments:
    """One row per transaction: who pays whom, when, and how much in all."""

    row: np.ndarray
    amount: Money
    day: np.ndarray  # production date (DTM 405), else the payment date (BPR16)
    earliest: np.ndarray  # the payment date where it is the earlier of the two
    names: Columns

    def last(self) -> "Payments":
        """Return the last row, without holding the others."""
        at = [len(self.row) - 1]
        names = {name: values.take(pa.array(at)) for name, values in self.names.items()}
        return Payments(self.row[at], self.amount.last(), self.day[at], self.earliest[at], names)

    def after(self, first: "Payments") -> "Payments":
        """Return both, the first first."""
        pairs = zip(first.amount, self.amount, strict=True)
        return Payments(
            np.concatenate((first.row, self.row)),
            Money(*(np.concatenate(pair) for pair in pairs)),
            np.concatenate((first.day, self.day)),
            np.concatenate((first.earliest, self.earliest)),
            {n: pa.concat_arrays([first.names[n], self.names[n]]) for n in self.names},
        )


def payments(part: Part) -> Payments:
    """Return the transactions that begin in the part."""
    table = part.tables["payments"]
    names = {
        "payer_id": pc.coalesce(table["payer_id"], table["payer_id_2u"], table["payer_id_naic"]),
        "payer_name": table["payer_name"],
        "provider_name": table["payee_name"],
        "provider_npi": pc.if_else(
            pc.equal(upper(table, "payee_id_kind"), "XX"), table["payee_id"], _NONE
        ),
    }
    amount = money(part, "payments", "amount", "BPR02")
    day, paid = days(table["production_date"], table["payment_date"]), days(table["payment_date"])
    earliest = np.where(paid < day, paid, np.datetime64("NaT", "us"))  # never true of a missing day
    return Payments(rows_of(part, table), amount, day, earliest, names)


@dataclass(frozen=True)
class Amounts:
    """The money of claims or lines, the row each stands in, and what each belongs to."""

    row: np.ndarray
    billed: Money
    paid: Money
    owner: np.ndarray
    allowed: Money | None = None

    def off(self, adjusted: Money) -> Money:
        """Return charge less payment less adjustments; missing where one of them is unknown."""
        return Money(
            self.billed.cents - self.paid.cents - adjusted.cents,
            self.billed.missing | self.paid.missing | adjusted.missing,
        )


# The payer's numbers for a patient. Never 34, the social security number.
_MEMBER_KINDS = pa.array(["MI", "HN", "MR", "II"], pa.large_string())
_NONE = pa.scalar(None, pa.large_string())


def claim_amounts(part: Part) -> tuple[Amounts, Money]:
    """Return the money of each claim and, apart, what its patient owes."""
    billed = money(part, "claims", "billed", "CLP03")
    paid = money(part, "claims", "paid", "CLP04")
    owed = money(part, "claims", "patient_responsibility", "CLP05")
    return Amounts(rows_of(part, part.tables["claims"]), billed, paid, part.payment), owed


def claims(
    part: Part,
    paid: Payments,
    amounts: Amounts,
    owed: Money,
    line_amounts: Amounts,
    span: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:
    """Return the claims; `span` are the first and the last day of each line."""
    table = part.tables["claims"]
    count = len(amounts.row)
    payment = pa.array(part.payment)
    status = upper(table, "claim_status")
    first, last = _span(*span, line_amounts.owner, count)
    members = [
        pc.if_else(
            pc.is_in(pc.fill_null(upper(table, f"{who}_id_kind"), ""), _MEMBER_KINDS),
            table[f"{who}_id"],
            _NONE,
        )
        for who in ("patient", "insured")
    ]
    reversal = pc.equal(status, "22")
    allowed = summed(line_amounts.allowed, line_amounts.owner, count)
    lines = np.bincount(line_amounts.owner, minlength=count)
    return conform(
        {
            "claim_key": text(part.claim_keys),
            "file_id": same(part.file_id, count),
            "row": whole(amounts.row),
            "patient_control_number": text(table["patient_control_number"]),
            "payer_claim_control_number": text(table["payer_claim_control_number"]),
            "original_reference": text(table["original_reference"]),
            "frequency_code": text(upper(table, "frequency_code")),
            "patient_name": text(pc.coalesce(_name(table, "patient"), _name(table, "insured"))),
            "member_id": text(pc.coalesce(*members)),
            "plan_name": text(table["contract_class"]),
            "claim_filing_indicator": text(upper(table, "claim_filing_indicator")),
            "claim_status": text(status),
            "is_reversal": pd.arrays.BooleanArray(
                np.array(pc.fill_null(reversal, False).to_numpy(zero_copy_only=False), dtype=bool),
                np.array(reversal.is_null().to_numpy(zero_copy_only=False)),
            ),
            # A first day without a last one is the last one too (835 guide, DTM 232).
            "service_from": days(table["statement_from"], first),
            "service_to": days(table["statement_to"], table["statement_from"], last),
            "remittance_date": paid.day[part.payment],
            "earliest_remittance_date": paid.earliest[part.payment],
            "claim_received": days(table["claim_received"]),
            "billed_cents": amounts.billed.column(),
            "allowed_cents": whole(allowed.cents, allowed.missing | (lines == 0)),
            "paid_cents": amounts.paid.column(),
            "patient_responsibility_cents": owed.column(),
            **_parties(part, {name: values.take(payment) for name, values in paid.names.items()}),
        },
        "claims",
    )


def _parties(part: Part, names: Columns) -> dict[str, pd.api.extensions.ExtensionArray]:
    """Return payer and payee of each claim: its transaction's, or one named between the claims."""
    found = part.parties
    if not found.of_claim:
        return {name: text(values) for name, values in names.items()}
    at = part.tables["claims"]["at"].to_numpy()
    number = np.array([found.of_claim.get(place, -1) for place in at.tolist()])
    own = {}
    for name in (*PAYER, *PAYEE):
        mine = np.array([name in one for one in found.named])[number] & (number >= 0)
        values = pa.array([one.get(name) for one in found.named], pa.large_string())
        given = values.take(pa.array(number, mask=~mine))
        own[name] = text(pc.if_else(pa.array(mine), given, names[name]))
    return own


def _span(
    first: np.ndarray, last: np.ndarray, owner: np.ndarray, claims: int
) -> tuple[pa.Array, pa.Array]:
    """Return the first and last day of each claim's lines; missing where no line has one."""
    spans = []
    for given, pick, none in (
        (first, np.minimum, np.iinfo("i8").max),
        (last, np.maximum, np.iinfo("i8").min),
    ):
        number = np.where(np.isnat(given), none, given.view("i8"))
        best = np.full(claims, none)
        pick.at(best, owner, number)
        spans.append(pa.array(best, pa.int64(), mask=best == none).cast(pa.timestamp("us")))
    return spans[0], spans[1]


def _name(table: Columns, who: str) -> pa.Array:
    """Return 'last, first'; whichever there is, when there is one."""
    return _joined([table[f"{who}_last"], table[f"{who}_first"]], ", ")


def _joined(parts: list[pa.Array], between: str) -> pa.Array:
    """Return what each row has of the parts, in one; missing where it has nothing."""
    joined = parts[0]
    for part in parts[1:]:
        if nothing(part):
            continue
        # Not with null_handling="skip": that drops the rows in which nothing is said.
        both = pc.binary_join_element_wise(joined, part, pa.scalar(between, pa.large_string()))
        joined = pc.coalesce(both, joined, part)
    return joined


# Kinds of SVC01 that are no procedure: revenue codes, drug and device numbers.
_NOT_PROCEDURES = pa.array(["NU", "N4", "N6", "UI"], pa.large_string())


def lines(part: Part) -> tuple[pd.DataFrame, Amounts, tuple[np.ndarray, np.ndarray]]:
    """Return the lines, their money, and the first and last day of each."""
    table = part.tables["services"]
    kind, code = pc.fill_null(upper(table, "code_kind"), ""), upper(table, "code")
    revenue = pc.coalesce(pc.if_else(pc.equal(kind, "NU"), code, _NONE), table["revenue_code"])
    if not nothing(revenue):
        revenue = pc.replace_substring_regex(revenue, r"^(\d{3})$", r"0\1")
    modifiers = _joined([upper(table, f"modifier_{n}") for n in range(1, 5)], " ")
    first = days(table["service_date"], table["period_from"])
    last = days(table["service_date"], table["period_to"])
    last = np.where(np.isnat(last), first, last)
    no_date = np.isnat(first) & np.isnat(last)
    if no_date.any():
        # A line without dates has those of its claim (835 guide, DTM of the service line).
        head, owner = part.tables["claims"], table["claim"].to_numpy()
        claim_first = days(head["statement_from"])[owner]
        claim_last = days(head["statement_to"], head["statement_from"])[owner]
        first = np.where(no_date, claim_first, first)
        last = np.where(no_date, claim_last, last)
    billed = money(part, "services", "billed", "SVC02")
    allowed = money(part, "services", "allowed", "AMT02")
    paid = money(part, "services", "paid", "SVC03")
    amounts = Amounts(rows_of(part, table), billed, paid, table["claim"].to_numpy(), allowed)
    frame = conform(
        {
            "line_key": text(part.line_keys),
            **keys(part, table),
            "line_control_number": text(table["line_control_number"]),
            "service_from": first,
            "service_to": last,
            "procedure_code": text(pc.if_else(pc.is_in(kind, _NOT_PROCEDURES), _NONE, code)),
            "modifiers": text(modifiers),
            "revenue_code": text(revenue),
            "units": number(pc.coalesce(table["units_billed"], table["units_paid"])),
            "billed_cents": billed.column(),
            "allowed_cents": allowed.column(),
            "paid_cents": paid.column(),
        },
        "claim_lines",
    )
    return frame, amounts, (first, last)


def adjustments(part: Part) -> tuple[pd.DataFrame, Money, np.ndarray, np.ndarray]:
    """Return the adjustments, their money, and the claim and line (-1: none) of each."""
    table = part.tables["adjustments"]
    claim = table["claim"].to_numpy()
    line, lineless = _numbers(table["service"], "i8")
    # Lines follow their claim, so the adjustments of a claim stand together.
    ordinal = np.arange(1, len(claim) + 1) - np.searchsorted(claim, claim)
    carc = upper(table, "carc")
    if pc.any(pc.starts_with(carc, "0")).as_py():
        carc = pc.replace_substring_regex(carc, "^0+(.)", r"\1")
    amount = money(part, "adjustments", "amount", "CAS")
    if carc.null_count:
        part.find(
            rows_of(part, table)[carc.is_null().to_numpy(zero_copy_only=False)],
            "CAS",
            "adjustment_without_reason",
            "an adjustment here has an amount but no reason code; it cannot be classified",
        )
    claim_keys = part.claim_keys.take(table["claim"])
    frame = conform(
        {
            "adjustment_key": text(numbered(claim_keys, ordinal, 3, "-a")),
            "claim_key": text(claim_keys),
            "file_id": same(part.file_id, len(claim)),
            "row": whole(rows_of(part, table)),
            "line_key": line_key(part, table),
            "adjustment_level": texts(["claim", "line"], (~lineless).astype("i8")),
            "group_code": text(upper(table, "group_code")),
            "carc": text(carc),
            "amount_cents": amount.column(),
            "quantity": number(table["quantity"]),
        },
        "adjustments",
    )
    return frame, amount, claim, np.where(lineless, -1, line)


def remarks(part: Part) -> pd.DataFrame:
    """Return one row per remark code: LQ of the lines, MOA and MIA of the claims."""
    lq = part.tables["remarks"]
    ours = pc.fill_null(pc.equal(upper(lq, "qualifier"), "HE"), False)
    ours = ours.to_numpy(zero_copy_only=False)
    if not ours.all():
        part.find(
            rows_of(part, lq)[~ours],
            "LQ01",
            "not_a_remark_code",
            "this code is not from the list of remittance advice remark codes; it was not read",
        )
    parts = [(lq, upper(lq, "value"), lq["service"], ours)]
    for name in ("outpatient", "inpatient"):
        table = part.tables[name]
        count = len(table["at"])
        every = np.ones(count, dtype=bool)
        parts.append((table, upper(table, "remark"), pa.nulls(count, pa.int64()), every))
    code = pa.concat_arrays([values for _, values, _, _ in parts])
    kept = np.concatenate([own for _, _, _, own in parts])
    kept &= code.is_valid().to_numpy(zero_copy_only=False)
    source = np.repeat(np.arange(3), [len(own) for _, _, _, own in parts])
    row = np.concatenate([rows_of(part, table) for table, _, _, _ in parts])
    order = np.flatnonzero(kept)
    order = order[np.argsort(row[order], kind="stable")]
    taken = pa.array(order)
    claim = pa.concat_arrays([table["claim"] for table, _, _, _ in parts]).take(taken)
    line = pa.concat_arrays([service for _, _, service, _ in parts]).take(taken)
    return conform(
        {
            "claim_key": text(part.claim_keys.take(claim)),
            "file_id": same(part.file_id, len(order)),
            "row": whole(row[order]),
            "line_key": text(part.line_keys.take(line)),
            "rarc": text(code.take(taken)),
            "found_in": texts(["LQ", "MOA", "MIA"], source[order]),
        },
        "remark_codes",
    )


def provider_adjustments(part: Part) -> tuple[pd.DataFrame, Money]:
    """Return the adjustments of the payment itself, and their money."""
    table = part.tables["provider_adjustments"]
    amount = money(part, "provider_adjustments", "amount", "PLB")
    frame = conform(
        {
            "file_id": same(part.file_id, len(table["at"])),
            "row": whole(rows_of(part, table)),
            "provider_id": text(table["provider_id"]),
            "fiscal_period_end": days(table["fiscal_period_end"]),
            "reason_code": text(upper(table, "reason_code")),
            "reference_id": text(table["reference_id"]),
            "amount_cents": amount.column(),
        },
        "provider_adjustments",
    )
    return frame, amount

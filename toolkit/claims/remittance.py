"""Read X12 835 remittances (5010 and 4010) into the canonical tables.

The bytes are cleaned and cut into interchanges by `envelope`, parsed by oxedi with the tables of
`remittance_spec`, and turned into `Claims` here; nothing else in the toolkit knows the parser.
Money goes from the text of the file to decimals and from there to whole cents, never through a
float. What does not fit, does not balance or was not understood becomes a finding.

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
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import oxedi
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.envelope import Batch, Cut, Envelope, open_envelope
from toolkit.claims.remittance_spec import REMARKS, SCALE, TRIPLETS, segment_ids, spec
from toolkit.claims.tables import Claims, conform
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
    path = Path(path)
    file = _read(path)
    payments, claims, lines = _payments(file), _claim_amounts(file), _lines(file)
    adjustments, remarks = _adjustments(file), _remarks(file)
    provider = _provider_adjustments(file)
    _check_balances(file, payments, claims, lines, adjustments, provider)
    _check_ends(file, payments, claims, adjustments, provider)
    about = {"file": path.name, "file_id": file.file_id}
    return Claims(
        claims=conform(_claims(file, payments, claims, lines), "claims"),
        claim_lines=conform(_drop_ids(lines), "claim_lines"),
        adjustments=conform(_drop_ids(adjustments), "adjustments"),
        remark_codes=conform(remarks, "remark_codes"),
        provider_adjustments=conform(_drop_ids(provider), "provider_adjustments"),
        findings=conform(_findings(file).assign(**about), "findings"),
        files=conform(
            pd.DataFrame(
                {
                    **about,
                    "source": "remittance",
                    "layout": " ".join(file.layouts) or None,
                    "rows_read": len(claims),
                    "transactions": len(payments),
                },
                index=[0],
            ),
            "files",
        ),
    )


def read_references_and_amounts(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return every REF and every AMT of a remittance's claims and lines, with its qualifier.

    Grain: one row per segment; keys as in `Claims` (`line_key` missing at claim level). The
    columns `reference` (personal: authorization and policy numbers) and `amount_cents` hold the
    value. Raises as `read_remittance` does where the file is not an 835.
    """
    file = _read(Path(path))
    references, amounts = file.tables["references"], file.tables["amounts"]
    return (
        pd.DataFrame(
            {
                **_keys(file, references),
                "line_key": _line_key(file, references),
                "qualifier": _text(references, "qualifier"),
                "reference": _text(references, "value"),
            }
        ),
        pd.DataFrame(
            {
                **_keys(file, amounts),
                "line_key": _line_key(file, amounts),
                "qualifier": _text(amounts, "qualifier"),
                "amount_cents": _cents(file, amounts, "value", "AMT02"),
            }
        ),
    )


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


# --- from bytes to the parser's tables ----------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """The parser's tables of all batches as one, and what goes with them."""

    name: str
    file_id: str
    tables: dict[str, pa.Table]  # 'row' is the segment number in the file, ids are dense
    claim_keys: pa.Array
    line_keys: pa.Array
    layouts: tuple[str, ...]
    cut: Cut | None
    found: list[pd.DataFrame]  # findings, grown while the tables are made

    def find(self, rows: Any, column: str, code: str, says: str) -> None:
        """Add the finding once for each row number given."""
        if len(rows):
            self.found.append(_found(rows, column, code, says))


def _read(path: Path) -> _File:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RemittanceError(
            f"{path.name}: the file cannot be opened ({type(error).__name__}); check the path and "
            "who may read it."
        ) from None
    envelope = open_envelope(data, path.name)
    tables, found = _parse(envelope, path.name)
    file_id = hashlib.sha256(data).hexdigest()[:8]
    count = np.arange(1, len(tables["claims"]) + 1)
    claim_keys = _numbered(pa.array([file_id] * len(count), pa.string()), count, 6)
    parent = tables["services"]["claim"].to_numpy()
    ordinal = np.arange(1, len(parent) + 1) - np.searchsorted(parent, parent)
    line_keys = _numbered(claim_keys.take(pa.array(parent)), ordinal, 3)
    layouts = tuple(dict.fromkeys(v for batch in envelope.batches for v in batch.layouts))
    file = _File(path.name, file_id, tables, claim_keys, line_keys, layouts, envelope.cut, found)
    for finding in envelope.findings:
        file.find([finding.row], finding.column, finding.code, finding.says)
    return file


def _numbered(prefix: pa.Array, ordinals: np.ndarray, width: int, mark: str = "-") -> pa.Array:
    """Return prefix + mark + ordinal, the ordinal padded with zeros."""
    digits = pc.utf8_lpad(pa.array(ordinals, pa.int64()).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, mark)


@dataclass(frozen=True)
class _Transactions:
    """The transactions of one batch: index of the ST and of the last segment, closed by SE or not."""

    ids: np.ndarray
    first: np.ndarray
    last: np.ndarray
    closed: np.ndarray
    kinds: tuple[str, ...]  # ST01


def _transactions(batch: Batch) -> _Transactions:
    ids = batch.segment_ids()
    first = np.flatnonzero(ids == b"ST ")
    bounds = np.flatnonzero(np.isin(ids, [b"ST ", b"GE ", b"GS ", b"ISA", b"IEA"]))
    bounds = np.append(bounds, len(ids))
    last = bounds[np.searchsorted(bounds, first, side="right")] - 1
    ends = np.append(np.flatnonzero(ids == b"SE "), len(ids))
    closed = ends[np.searchsorted(ends, first)] <= last
    data, element = batch.data, batch.delimiters.element
    stop = element + batch.delimiters.segment
    kinds = tuple(
        re.split(b"[" + re.escape(stop) + b"]", data[at + 3 : at + 12], maxsplit=1)[0].decode()
        for at in batch.starts[first]
    )
    return _Transactions(ids, first, last, closed, kinds)


def _parse(envelope: Envelope, name: str) -> tuple[dict[str, pa.Table], list[pd.DataFrame]]:
    """Return the tables of all batches as one, and what the parser found."""
    parts: dict[str, list[pa.Table]] = {}
    found: list[pd.DataFrame] = []
    others: list[tuple[int, str]] = []
    seen: set[bytes] = set()
    repeats: list[int] = []
    bases = {"payment": 0, "claim": 0, "service": 0}
    read = [(batch, _transactions(batch)) for batch in envelope.batches]
    if not any("835" in transactions.kinds for _, transactions in read):
        raise _not_a_remittance(name, [o for pair in read for o in _others(*pair)])
    for batch, transactions in read:
        result = oxedi.parse(batch.data, spec(batch.version), oxedi.Delimiters(*batch.delimiters))
        tables = {table: pa.table(result.tables[table]) for table in result.tables}
        others += _others(batch, transactions)
        found.append(_diagnostics(result.diagnostics, batch, transactions))
        repeats += _repeats(batch, transactions, seen)
        for table, rows in _placed(tables, batch, transactions, bases).items():
            parts.setdefault(table, []).append(rows)
        for key, table in _PARENTS.items():
            bases[key] += len(tables[table])
    tables = _dense({table: pa.concat_tables(rows) for table, rows in parts.items()})
    for row, _ in others:
        found.append(
            _found(
                [row],
                "ST01",
                "not_a_remittance",
                "this transaction is not a remittance (835) and was not read",
            )
        )
    if repeats:
        found.append(
            _found(
                repeats[:1],
                "ST",
                "repeated_transactions",
                f"{len(repeats)} transactions, this one first, repeat an earlier one word for "
                "word; their claims are counted each time, so look whether the file was put "
                "together twice",
            )
        )
    return tables, found


_PARENTS = {"payment": "payments", "claim": "claims", "service": "services"}


def _others(batch: Batch, transactions: _Transactions) -> list[tuple[int, str]]:
    """Return row and kind of each transaction that is no 835."""
    return [
        (int(batch.rows[at]), kind)
        for at, kind in zip(transactions.first, transactions.kinds, strict=True)
        if kind != "835"
    ]


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


def _repeats(batch: Batch, transactions: _Transactions, seen: set[bytes]) -> list[int]:
    """Return the rows of whole transactions that stand earlier in the file, word for word."""
    rows = []
    bounds = np.append(batch.starts, len(batch.data))
    for first, last, closed in zip(
        transactions.first, transactions.last, transactions.closed, strict=True
    ):
        if closed:
            body = batch.data[bounds[first + 1] : bounds[last]]
            digest = hashlib.blake2b(body, digest_size=16).digest()
            if digest in seen:
                rows.append(int(batch.rows[first]))
            seen.add(digest)
    return rows


def _placed(
    tables: dict[str, pa.Table], batch: Batch, transactions: _Transactions, bases: dict[str, int]
) -> dict[str, pa.Table]:
    """Return the rows of the remittances, with segment numbers and ids that hold for the file."""
    payments = tables["payments"]
    opened = payments["segment"].to_numpy()
    at = np.searchsorted(transactions.first, opened).clip(max=max(len(transactions.first) - 1, 0))
    real = np.isin(opened, transactions.first)
    is_835 = real & np.array([kind == "835" for kind in transactions.kinds], dtype=bool)[at]
    tables["payments"] = (
        payments.append_column("payment", payments["row"])
        .append_column("closed", pa.array(transactions.closed[at]))
        .append_column("last_row", pa.array(batch.rows[transactions.last[at]]))
    )
    placed = {}
    for table, rows in tables.items():
        rows = rows.filter(pa.array(is_835[rows["payment"].to_numpy()])) if len(rows) else rows
        columns = dict(zip(rows.column_names, rows.columns, strict=True))
        columns["segment"] = pa.array(batch.rows[rows["segment"].to_numpy()])
        for key, parent in _PARENTS.items():
            own = "row" if parent == table else key
            if own in columns:
                columns[own] = pc.add(columns[own], bases[key])
        placed[table] = pa.table(columns)
    return placed


def _dense(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Return the tables with parents counted from 0, whatever was left out between them."""
    dense = {}
    for table, rows in tables.items():
        columns = dict(zip(rows.column_names, rows.columns, strict=True))
        for key, parent in _PARENTS.items():
            if key in columns and parent != table:
                ids = pc.fill_null(columns[key], -1).to_numpy()
                places = np.searchsorted(tables[parent]["row"].to_numpy(), ids)
                columns[key] = pa.array(places, mask=ids < 0)
        if table == "payments":
            columns["payment"] = pa.array(np.arange(len(rows)))
        dense[table] = pa.table(columns).combine_chunks()
    return dense


# --- findings -----------------------------------------------------------------------------------


def _found(rows: Any, column: Any, code: Any, says: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"row": pd.array(list(rows), dtype="Int64")})
    return frame.assign(column=column, code=code, says=says)


_QUOTED_ID = re.compile(r'"([A-Z][A-Z0-9]{1,2})"')


def _diagnostics(diagnostics: list, batch: Batch, transactions: _Transactions) -> pd.DataFrame:
    """Return the parser's diagnostics as findings, in our words and without their values."""
    opened, last = transactions.first.tolist(), transactions.last.tolist()
    known = segment_ids() | _ENVELOPE_IDS
    rows: list[tuple[int, str, str, str]] = []
    for diagnostic in diagnostics:
        kind, at = diagnostic.kind, diagnostic.segment
        inside = bisect_right(opened, at or 0) - 1
        if inside >= 0 and (at or 0) <= last[inside] and transactions.kinds[inside] != "835":
            continue  # 'not_a_remittance' has said so
        if batch.bare and kind == "ImplicitLoop" and at == 0:
            continue  # 'no_interchange_header' has said so
        place = len(transactions.ids) - 1 if at is None else at
        segment = transactions.ids[place].decode("ascii", "replace").strip()
        segment = segment if segment in known else "segment"
        code, says = _DIAGNOSTICS.get(kind, ("not_as_x12", "this is not as X12 writes it"))
        column = segment
        if kind == "BalanceMismatch":
            column, code, says = _BALANCE.get(segment, _BALANCE["CLP"])
        elif kind in {"RequiredOccurrenceMissing", "RequiredLoopMissing", "UnterminatedLoop"}:
            # The missing segment's id is all we take from the parser's sentence, if it is one.
            column = next((i for i in _QUOTED_ID.findall(diagnostic.rule) if i in known), segment)
            if kind == "UnterminatedLoop" and column == "SE":
                continue  # _check_ends decides on a transaction that is cut off
        elif diagnostic.element:
            column = f"{segment}{diagnostic.element:02d}"
            column += f"-{diagnostic.component}" if diagnostic.component else ""
        rows.append((int(batch.rows[place]), column, code, says))
    return _found(*zip(*rows, strict=True)) if rows else _found([], [], [], [])


def _findings(file: _File) -> pd.DataFrame:
    findings = pd.concat(file.found, ignore_index=True).drop_duplicates(["row", "column", "code"])
    return findings.sort_values("row", kind="stable", na_position="first", ignore_index=True)


def _check_balances(
    file: _File,
    payments: pd.DataFrame,
    claims: pd.DataFrame,
    lines: pd.DataFrame,
    adjustments: pd.DataFrame,
    provider: pd.DataFrame,
) -> None:
    """Find what does not add up: lines, claims (835 guide, balancing), then payments."""
    for frame, segment, off in (
        (lines, "SVC", _off(lines, _sum(adjustments, "service", lines))),
        (claims, "CLP", _off(claims, _sum(adjustments, "claim", claims))),
        (payments, "BPR", _payment_off(payments, claims, provider)),
    ):
        rows = frame["row"] if segment != "BPR" else frame["row"] + 1
        file.find(rows[(off != 0).fillna(False)], *_BALANCE[segment])


def _off(frame: pd.DataFrame, adjusted: pd.Series) -> pd.Series:
    """Return charge less payment less adjustments; missing where one of them is unknown."""
    return frame["billed_cents"] - frame["paid_cents"] - adjusted


def _payment_off(payments: pd.DataFrame, claims: pd.DataFrame, provider: pd.DataFrame) -> pd.Series:
    paid = _sum(claims, "payment", payments, "paid_cents")
    return payments["amount_cents"] - paid + _sum(provider, "payment", payments)


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


def _check_ends(
    file: _File,
    payments: pd.DataFrame,
    claims: pd.DataFrame,
    adjustments: pd.DataFrame,
    provider: pd.DataFrame,
) -> None:
    """Refuse a file that shows that claims are missing; find one that merely lacks its trailer."""
    cut = file.cut
    open_payments = payments[~payments["closed"]]
    if cut is None and not len(open_payments):
        return
    last = len(payments) - 1
    claim_off = _off(claims, _sum(adjustments, "claim", claims))
    payment_off = _payment_off(payments, claims, provider)
    for payment in open_payments.index:
        own = claims.index[claims["payment"] == payment]
        inside = cut is not None and payment == last and not cut.ends_transaction
        row = cut.row if inside else int(payments["last_row"][payment])
        if inside:
            column, why = cut.segment_id or "segment", "in the middle of a segment"
        elif not len(own):
            column, why = "CLP", "before its first claim"
        elif not _is_zero(claim_off[own[-1]]):
            column, why = "CLP03", "inside a claim that does not add up"
        elif not _is_zero(payment_off[payment]):
            column, why = "BPR02", "before its payments reach the announced total"
        else:
            where = cut.row if cut is not None and payment == last else row
            truncated = _found(
                [where],
                cut.segment_id if cut is not None and payment == last else "SE",
                "truncated",
                "the file is cut off here: the end of the remittance is missing. What was read is "
                f"whole and adds up, but denied claims may have followed; {_AGAIN}",
            )
            file.found.insert(0, truncated)  # the first of its row
            continue
        raise RemittanceError(
            f"{file.name}, row {row}, {column}: the remittance is cut off here, {why}, so claims "
            f"are missing or half read; {_AGAIN}."
        )
    if cut is not None and not len(open_payments):
        file.find(
            [cut.row],
            cut.segment_id or "segment",
            "truncated",
            "the file is cut off in the middle of this segment, after its last whole remittance; "
            f"more may have followed, so {_AGAIN}",
        )


def _is_zero(cents: Any) -> bool:
    return not pd.isna(cents) and int(cents) == 0


# --- from the parser's tables to ours -----------------------------------------------------------


def _clean(table: pa.Table, column: str) -> pa.Array:
    """Return a text column without blanks around it; empty is missing."""
    text = pc.utf8_trim_whitespace(table[column].combine_chunks().cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _series(array: pa.Array) -> pd.Series:
    return array.to_pandas().astype("str")


def _text(table: pa.Table, column: str) -> pd.Series:
    return _series(_clean(table, column))


def _code(table: pa.Table, column: str) -> pd.Series:
    return _series(pc.utf8_upper(_clean(table, column)))


def _date(table: pa.Table, column: str) -> pd.Series:
    return table[column].cast(pa.timestamp("us")).to_pandas()


def _cents(file: _File, table: pa.Table, column: str, element: str) -> pd.Series:
    """Return exact whole cents; an amount finer than a cent is a finding, and missing.

    The decimals are 128-bit whole numbers of millionths; they are divided as whole numbers.
    """
    decimals = table[column].combine_chunks()
    missing = decimals.is_null().to_numpy(zero_copy_only=False)
    words = np.frombuffer(decimals.buffers()[1] or b"", dtype="<i8")
    words = words[2 * decimals.offset : 2 * (decimals.offset + len(decimals))].reshape(-1, 2)
    low, high = words[:, 0], words[:, 1]
    cents, rest = np.divmod(low, 10 ** (SCALE - 2))
    uneven, huge = (rest != 0) & ~missing, (high != low >> 63) & ~missing
    rows = table["segment"].to_numpy()
    file.find(
        rows[uneven & ~huge],
        element,
        "part_of_a_cent",
        "the amount is finer than a cent; it was left empty",
    )
    file.find(
        rows[huge], element, "amount_too_large", "the amount cannot be true; it was left empty"
    )
    return pd.Series(pd.arrays.IntegerArray(cents.copy(), missing | uneven | huge))


def _keys(file: _File, table: pa.Table) -> dict[str, Any]:
    return {
        "claim_key": _series(file.claim_keys.take(table["claim"].combine_chunks())),
        "file_id": file.file_id,
        "row": table["segment"].to_pandas(),
    }


def _line_key(file: _File, table: pa.Table) -> pd.Series:
    return _series(file.line_keys.take(table["service"].combine_chunks()))


def _drop_ids(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[c for c in ("payment", "claim", "service") if c in frame])


def _payments(file: _File) -> pd.DataFrame:
    """One row per transaction: who pays whom, when, and how much in all."""
    table = file.tables["payments"]
    kind = _code(table, "payee_id_kind")
    return pd.DataFrame(
        {
            "row": table["segment"].to_pandas(),
            "last_row": table["last_row"].to_pandas(),
            "closed": table["closed"].to_pandas(),
            "amount_cents": _cents(file, table, "amount", "BPR02"),
            "remittance_date": _date(table, "production_date").fillna(_date(table, "payment_date")),
            "payer_id": _text(table, "payer_id")
            .fillna(_text(table, "payer_id_2u"))
            .fillna(_text(table, "payer_id_naic")),
            "payer_name": _text(table, "payer_name"),
            "provider_name": _text(table, "payee_name"),
            "provider_npi": _text(table, "payee_id").where(kind == "XX"),
        }
    )


def _claim_amounts(file: _File) -> pd.DataFrame:
    """One row per claim: its transaction and its money."""
    table = file.tables["claims"]
    return pd.DataFrame(
        {
            "payment": table["payment"].to_pandas(),
            "row": table["segment"].to_pandas(),
            "billed_cents": _cents(file, table, "billed", "CLP03"),
            "paid_cents": _cents(file, table, "paid", "CLP04"),
            "patient_responsibility_cents": _cents(file, table, "patient_responsibility", "CLP05"),
        }
    )


# The payer's numbers for a patient. Never 34, the social security number.
_MEMBER_KINDS = ["MI", "HN", "MR", "II"]


def _claims(
    file: _File, payments: pd.DataFrame, amounts: pd.DataFrame, lines: pd.DataFrame
) -> pd.DataFrame:
    table = file.tables["claims"]
    shared = payments[
        ["remittance_date", "payer_id", "payer_name", "provider_name", "provider_npi"]
    ].take(amounts["payment"])
    status = _code(table, "claim_status")
    days = lines.groupby("claim").agg({"service_from": "min", "service_to": "max"})
    days = days.reindex(amounts.index)
    first, last = _date(table, "statement_from"), _date(table, "statement_to")
    members = {
        who: _text(table, f"{who}_id").where(_code(table, f"{who}_id_kind").isin(_MEMBER_KINDS))
        for who in ("patient", "insured")
    }
    return pd.DataFrame(
        {
            "claim_key": _series(file.claim_keys),
            "file_id": file.file_id,
            "row": amounts["row"],
            "patient_control_number": _text(table, "patient_control_number"),
            "payer_claim_control_number": _text(table, "payer_claim_control_number"),
            "patient_name": _name(table, "patient").fillna(_name(table, "insured")),
            "member_id": members["patient"].fillna(members["insured"]),
            "plan_name": _text(table, "contract_class"),
            "claim_filing_indicator": _code(table, "claim_filing_indicator"),
            "claim_status": status,
            "is_reversal": (status == "22").astype("boolean").mask(status.isna()),
            # A first day without a last one is the last one too (835 guide, DTM 232).
            "service_from": first.fillna(days["service_from"]),
            "service_to": last.fillna(first).fillna(days["service_to"]),
            "claim_received": _date(table, "claim_received"),
            "billed_cents": amounts["billed_cents"],
            "allowed_cents": _sum(lines, "claim", amounts, "allowed_cents").mask(
                ~amounts.index.isin(lines["claim"])
            ),
            "paid_cents": amounts["paid_cents"],
            "patient_responsibility_cents": amounts["patient_responsibility_cents"],
            **{column: shared[column].to_numpy() for column in shared},
        }
    )


def _name(table: pa.Table, who: str) -> pd.Series:
    """Return 'last, first'; whichever there is, when there is one."""
    parts = [_clean(table, f"{who}_last"), _clean(table, f"{who}_first")]
    joined = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return _series(pc.if_else(pc.equal(joined, ""), pa.scalar(None, pa.string()), joined))


# Kinds of SVC01 that are no procedure: revenue codes, drug and device numbers.
_NOT_PROCEDURES = ["NU", "N4", "N6", "UI"]


def _lines(file: _File) -> pd.DataFrame:
    table = file.tables["services"]
    kind, code = _code(table, "code_kind"), _code(table, "code")
    revenue = code.where(kind == "NU").fillna(_text(table, "revenue_code"))
    modifiers = pc.binary_join_element_wise(
        *[pc.utf8_upper(_clean(table, f"modifier_{n}")) for n in range(1, 5)],
        " ",
        null_handling="skip",
    )
    claims = file.tables["claims"].take(table["claim"].combine_chunks())
    first = _date(table, "service_date").fillna(_date(table, "period_from"))
    last = _date(table, "service_date").fillna(_date(table, "period_to")).fillna(first)
    # A line without dates has those of its claim (835 guide, DTM of the service line).
    claim_first = _date(claims, "statement_from")
    claim_last = _date(claims, "statement_to").fillna(claim_first)
    no_date = first.isna() & last.isna()
    units = _text_number(table, "units_billed").fillna(_text_number(table, "units_paid"))
    return pd.DataFrame(
        {
            "claim": table["claim"].to_pandas(),
            "line_key": _series(file.line_keys),
            **_keys(file, table),
            "line_control_number": _text(table, "line_control_number"),
            "service_from": first.mask(no_date, claim_first),
            "service_to": last.mask(no_date, claim_last),
            "procedure_code": code.mask(kind.isin(_NOT_PROCEDURES)),
            "modifiers": _series(
                pc.if_else(pc.equal(modifiers, ""), pa.scalar(None, pa.string()), modifiers)
            ),
            "revenue_code": revenue.where(
                ~revenue.str.fullmatch(r"\d{3}").fillna(False), "0" + revenue
            ),
            "units": units,
            "billed_cents": _cents(file, table, "billed", "SVC02"),
            "allowed_cents": _cents(file, table, "allowed", "AMT02"),
            "paid_cents": _cents(file, table, "paid", "SVC03"),
        }
    )


def _text_number(table: pa.Table, column: str) -> pd.Series:
    return table[column].cast(pa.float64()).to_pandas().astype("Float64")


def _stacked(table: pa.Table, keep: list[str], repeated: list[str], numbers: range) -> pa.Table:
    """Return one row per repetition that says anything, in the order of the file."""
    parts = []
    for n in numbers:
        said = None
        for name in repeated:
            column = table[f"{name}_{n}"]
            here = pc.is_valid(column)
            if pa.types.is_binary(column.type):
                here = pc.and_kleene(here, pc.greater(pc.fill_null(pc.binary_length(column), 0), 0))
            said = here if said is None else pc.or_(said, here)
        columns = {name: table[name] for name in keep}
        columns |= {name: table[f"{name}_{n}"] for name in repeated}
        columns["n"] = pa.array(np.full(len(table), n))
        parts.append(pa.table(columns).filter(said))
    return (
        pa.concat_tables(parts)
        .sort_by([("segment", "ascending"), ("n", "ascending")])
        .combine_chunks()
    )


def _adjustments(file: _File) -> pd.DataFrame:
    table = _stacked(
        file.tables["adjustments"],
        ["segment", "claim", "service", "group_code"],
        ["carc", "amount", "quantity"],
        TRIPLETS,
    )
    claim = table["claim"].to_numpy()
    # Lines follow their claim, so the adjustments of a claim stand together.
    ordinal = np.arange(1, len(claim) + 1) - np.searchsorted(claim, claim)
    keys = _keys(file, table)
    carc = _series(pc.replace_substring_regex(_upper(table, "carc"), "^0+(.)", r"\1"))
    amount = _cents(file, table, "amount", "CAS")
    file.find(
        keys["row"][carc.isna()],
        "CAS",
        "adjustment_without_reason",
        "an adjustment here has an amount and no reason code; it cannot be classified",
    )
    service = table["service"].to_pandas().astype("Int64")
    return pd.DataFrame(
        {
            "claim": claim,
            "service": service,
            "adjustment_key": _series(
                _numbered(file.claim_keys.take(pa.array(claim)), ordinal, 3, "-a")
            ),
            **keys,
            "line_key": _line_key(file, table),
            "adjustment_level": pd.Series(np.where(service.isna(), "claim", "line")),
            "group_code": _code(table, "group_code"),
            "carc": carc,
            "amount_cents": amount,
            "quantity": _text_number(table, "quantity"),
        }
    )


def _upper(table: pa.Table, column: str) -> pa.Array:
    return pc.utf8_upper(_clean(table, column))


def _remarks(file: _File) -> pd.DataFrame:
    """One row per remark code: LQ of the lines, MOA and MIA of the claims."""
    lq = file.tables["remarks"]
    kind = _code(lq, "qualifier")
    parts = [
        pd.DataFrame(
            {
                **_keys(file, lq),
                "line_key": _line_key(file, lq),
                "rarc": _code(lq, "value"),
                "found_in": "LQ",
            }
        )[kind == "HE"]
    ]
    file.find(
        lq["segment"].to_pandas()[kind != "HE"],
        "LQ01",
        "not_a_remark_code",
        "this code is of another list than remittance advice remark codes; it was not read",
    )
    for name, found_in in (("outpatient", "MOA"), ("inpatient", "MIA")):
        table = _stacked(file.tables[name], ["segment", "claim"], ["remark"], REMARKS)
        frame = {**_keys(file, table), "rarc": _code(table, "remark"), "found_in": found_in}
        parts.append(pd.DataFrame(frame))
    remarks = pd.concat(parts, ignore_index=True)
    return remarks[remarks["rarc"].notna()].sort_values("row", kind="stable")


def _provider_adjustments(file: _File) -> pd.DataFrame:
    table = _stacked(
        file.tables["provider_adjustments"],
        ["segment", "payment", "provider_id", "fiscal_period_end"],
        ["reason_code", "reference_id", "amount"],
        TRIPLETS,
    )
    return pd.DataFrame(
        {
            "payment": table["payment"].to_pandas(),
            "file_id": file.file_id,
            "row": table["segment"].to_pandas(),
            "provider_id": _text(table, "provider_id"),
            "fiscal_period_end": _date(table, "fiscal_period_end"),
            "reason_code": _code(table, "reason_code"),
            "reference_id": _text(table, "reference_id"),
            "amount_cents": _cents(file, table, "amount", "PLB"),
        }
    )

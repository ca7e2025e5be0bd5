"""An export's rows become claims, lines, adjustments, remark codes and appeal events.

Rows are only ever grouped by numbers that stand for distinct contents, so the work is the same
however long the contents are.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from toolkit.claims.columns import NOTHING, Notes
from toolkit.claims.layouts import COLUMNS, Layout
from toolkit.claims.sheets import Cells
from toolkit.claims.tables import conform

# Facts of the claim that an export row repeats; `first` row that has one decides.
_CLAIM_FACTS = (
    "payer_claim_control_number", "patient_name", "member_id", "birth_date", "payer_id",
    "payer_name", "plan_name", "program", "claim_filing_indicator", "contracted", "facility",
    "provider_name", "provider_npi", "claim_status", "remittance_date", "notice_date",
    "notice_received", "claim_received", "claim_billed", "claim_paid", "patient_responsibility",
    "case_status", "owner", "stage",
)  # fmt: skip
# A row of the same claim number that differs in one of these is another decision of the payer, as
# another CLP segment would be: its appeal has its own clock.
_DECISION_FACTS = (
    "payer_claim_control_number",
    "notice_date",
    "notice_received",
    "remittance_date",
)
_LINE_FACTS = (
    "line_control_number", "service_from", "service_to", "procedure_code", "modifiers",
    "revenue_code", "diagnosis_code", "units", "billed", "allowed", "paid",
)  # fmt: skip


_ADJUSTMENT_FACTS = {
    "group_code": "group_code",
    "carc": "carc",
    "denied_amount": "amount_cents",
    "quantity": "quantity",
    "denial_text": "denial_text",
}
_EVENT_FACTS = {
    "appeal_level": "level",
    "appeal_filed": "filed_on",
    "appeal_decided": "decided_on",
    "appeal_outcome": "outcome",
    "recovered": "recovered_cents",
}


@dataclass(frozen=True)
class Rows:
    """An export's denial rows and where each belongs.

    `columns` are typed cells, `rows` row numbers of the file; `claim` and `line` count from 0 by
    first appearance, `line` is -1 for a row that speaks of the whole claim.
    """

    columns: dict[str, Cells]
    rows: np.ndarray
    claim: np.ndarray
    line: np.ndarray
    file_id: str


def place(columns: dict[str, Cells], rows: np.ndarray, *, chosen: Layout, file_id: str) -> Rows:
    """Return the rows with the claim and the line that each belongs to."""
    claim = _claims_of(columns)
    return Rows(columns, rows, claim, _lines_of(chosen, columns, claim), file_id)


def tables(placed: Rows, notes: Notes) -> dict[str, pd.DataFrame]:
    """Return the canonical tables of the rows; rows that contradict or repeat are noted."""
    claims = _claim_table(placed, notes)
    lines = _line_table(placed, notes)
    claims = _with_line_sums(claims, lines)
    adjustment, event = _adjustment_of(placed), _event_of(placed)
    whole = _grouped(adjustment, event, codes_of(placed.columns, "rarc", len(placed.rows)))
    notes.add(
        placed.rows[_repeats(whole)], "", "repeated_row",
        "says what an earlier row says and was counted once; where it is a second line of the same "
        "service, add the line number to the export",
    )  # fmt: skip
    keys = claims["claim_key"].array, lines["line_key"].array
    return {
        "claims": claims,
        "claim_lines": lines,
        "adjustments": _adjustment_table(placed, adjustment, *keys),
        "remark_codes": _remark_table(placed, *keys),
        "appeal_events": _event_table(placed, event, *keys),
    }


def one_of(cells: Cells, words: tuple[str, ...]) -> np.ndarray:
    """Return which rows hold one of the words, as they stand."""
    return np.array([v in words for v in cells.values] + [False])[cells.codes]


def _grouped(*parts: np.ndarray) -> np.ndarray:
    """Return one number per row that is equal where all parts are equal; parts count from -1."""
    group = np.zeros(len(parts[0]), dtype=np.int64)
    for part in parts:
        width = int(part.max(initial=-1)) + 2
        group, _ = pd.factorize(group * width + part + 1)
        group = group.astype(np.int64)
    return group


def codes_of(columns: dict[str, Cells], column: str, count: int) -> np.ndarray:
    """Return a column's codes by row; -1 throughout where the export does not have it."""
    return columns[column].codes.astype(np.int64) if column in columns else np.full(count, -1)


def _claims_of(columns: dict[str, Cells]) -> np.ndarray:
    """Return each row's claim, numbered by first appearance."""
    count = len(next(iter(columns.values())).codes)
    account = codes_of(columns, "patient_control_number", count)
    icn = codes_of(columns, "payer_claim_control_number", count)
    payer = _grouped(codes_of(columns, "payer_id", count), codes_of(columns, "payer_name", count))
    # without our own number the payer's is the claim's
    number = np.where(account >= 0, account, account.max(initial=-1) + 1 + icn)
    claim = _grouped(number, payer)
    for column in _DECISION_FACTS:
        if column in columns:
            claim = _grouped(claim, _spread(codes_of(columns, column, count), claim))
    return claim


def _spread(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return the codes; where a group has only one, its blank rows take it."""
    first = _first(codes, group)
    single = np.ones(len(first), dtype=bool)
    single[group[(codes >= 0) & (codes != first[group])]] = False
    return np.where((codes < 0) & single[group], first[group], codes)


def _first(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return each group's first code that is not missing."""
    first = np.full(int(group.max(initial=-1)) + 1, -1, dtype=np.int64)
    at = np.flatnonzero(codes >= 0)[::-1]
    first[group[at]] = codes[at]  # the last to be written is the first in the file
    return first


def _lines_of(chosen: Layout, columns: dict[str, Cells], claim: np.ndarray) -> np.ndarray:
    """Return each row's line, numbered by first appearance over the file; -1 for none."""
    count = len(claim)
    number = codes_of(columns, "line_number", count)
    if "line_number" in columns and chosen.claim_line_numbers:
        whole = one_of(columns["line_number"], chosen.claim_line_numbers)
    else:
        whole = np.zeros(count, dtype=bool)
    service = _grouped(
        *(
            codes_of(columns, c, count)
            for c in ("procedure_code", "modifiers", "revenue_code", "service_from")
        )
    )
    named = (codes_of(columns, "procedure_code", count) >= 0) | (
        codes_of(columns, "revenue_code", count) >= 0
    )
    at_line = ((number >= 0) | named) & ~whole
    key = np.where(number >= 0, number, number.max(initial=-1) + 1 + service)
    line = np.full(count, -1, dtype=np.int64)
    line[at_line] = _grouped(claim[at_line], key[at_line])
    return line


def _text(cells: Cells, codes: np.ndarray) -> pd.Series:
    values = pd.array([*cells.values, None], dtype="str")
    return pd.Series(values.take(np.where(codes < 0, len(cells.values), codes)))


def days_of(cells: Cells, codes: np.ndarray) -> np.ndarray:
    """Return whole numbers (days, cents) by code; NOTHING where there is none."""
    return np.array([*cells.values, NOTHING], dtype=np.int64)[codes]


def _dates(days: np.ndarray) -> np.ndarray:
    stamps = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[us]")
    known = days != NOTHING
    stamps[known] = days[known].astype("datetime64[D]").astype("datetime64[us]")
    return stamps


def _ints(values: np.ndarray) -> pd.array:
    missing = values == NOTHING
    return pd.arrays.IntegerArray(np.where(missing, 0, values), missing)


def _typed(columns: dict[str, Cells], column: str, codes: np.ndarray):
    kind = COLUMNS[column][0]
    if kind == "date":
        return _dates(days_of(columns[column], codes))
    if kind == "money":
        return _ints(days_of(columns[column], codes))
    if kind == "number":
        values = np.array([*columns[column].values, np.nan], dtype=float)[codes]
        return pd.arrays.FloatingArray(np.nan_to_num(values), np.isnan(values))
    return _text(columns[column], codes)


def _facts(columns, names, rows, group, notes, *, of: str) -> dict[str, np.ndarray]:
    """Return each group's first code by column, noting rows that say otherwise."""
    found = {}
    for column in names:
        if column not in columns:
            continue
        codes = columns[column].codes.astype(np.int64)
        found[column] = first = _first(codes, group)
        differs = (codes >= 0) & (codes != first[group])
        notes.add(
            rows[differs], column, "differs",
            f"{column} differs from an earlier row of the same {of}; the first was taken",
        )  # fmt: skip
    return found


def _claim_table(placed: Rows, notes: Notes) -> pd.DataFrame:
    """Return one row per claim."""
    columns, rows, claim, file_id = placed.columns, placed.rows, placed.claim, placed.file_id
    at_line = placed.line >= 0
    total = int(claim.max(initial=-1)) + 1
    first_row = _first(np.arange(len(rows)), claim)
    facts = _facts(columns, _CLAIM_FACTS, rows, claim, notes, of="claim")
    if "case_status" in facts:  # one open row keeps a claim open: nothing is lost by looking again
        cells = columns["case_status"]
        if "open" in cells.values:
            facts["case_status"][claim[cells.codes == cells.values.index("open")]] = (
                cells.values.index("open")
            )
    out: dict = {
        "claim_key": _numbered(file_id, np.arange(1, total + 1)),
        "file_id": [file_id] * total,
        "row": rows[first_row],
    }
    if "patient_control_number" in columns:
        account = columns["patient_control_number"]
        out["patient_control_number"] = _text(account, account.codes[first_row])
    money = {
        "claim_billed": "billed_cents",
        "claim_paid": "paid_cents",
        "patient_responsibility": "patient_responsibility_cents",
    }
    for column, codes in facts.items():
        out[money.get(column, column)] = _typed(columns, column, codes)
    for column, pick in (("service_from", np.minimum), ("service_to", np.maximum)):
        source = column if column in columns else "service_from"
        if source in columns:
            out[column] = _dates(
                _extreme(days_of(columns[source], columns[source].codes), claim, total, pick)
            )
    for column, target in (
        ("billed", "billed_cents"),
        ("paid", "paid_cents"),
        ("allowed", "allowed_cents"),
    ):
        # A row without a line speaks of the claim.
        if column in columns and target not in out:
            own = np.where(at_line, -1, columns[column].codes)
            out[target] = _typed(columns, column, _first(own, claim))
    status = out.get("claim_status")
    out["is_reversal"] = [False] * total if status is None else (status == "22").fillna(False)
    return conform(pd.DataFrame(out), "claims")


def _with_line_sums(claims: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the claims with charge and payment summed from the lines where the file has no total.

    An export of denials may leave out a claim's paid lines, so this is the sum of the lines on file.
    A line without an amount leaves the claim's sum unknown.
    """
    filled = {}
    for column in ("billed_cents", "paid_cents"):
        grouped = lines.groupby("claim_key", sort=False)[column]
        sums = grouped.sum(min_count=1).where(grouped.count() == grouped.size())
        filled[column] = claims[column].fillna(claims["claim_key"].map(sums).astype("Int64"))
    return claims.assign(**filled)


def _extreme(days: np.ndarray, group: np.ndarray, total: int, pick) -> np.ndarray:
    known = days != NOTHING
    start = np.iinfo(np.int64).max if pick is np.minimum else NOTHING
    out = np.full(total, start, dtype=np.int64)
    pick.at(out, group[known], days[known])
    return np.where(out == np.iinfo(np.int64).max, NOTHING, out)


def _numbered(prefix, numbers: np.ndarray, mark: str = "") -> pd.Series:
    return pd.Series(prefix + f"-{mark}" + pd.Series(numbers).astype("str"), dtype="str")


def _ordinal(group: np.ndarray) -> np.ndarray:
    """Return each entry's place within its group, from 1, in order of appearance."""
    return pd.Series(group).groupby(group, sort=False).cumcount().to_numpy() + 1


def _line_table(placed: Rows, notes: Notes) -> pd.DataFrame:
    """Return one row per claim line."""
    columns, file_id, at_line = placed.columns, placed.file_id, placed.line >= 0
    rows, claim, line = placed.rows[at_line], placed.claim[at_line], placed.line[at_line]
    mine = {c: Cells(v.codes[at_line], v.values) for c, v in columns.items() if c in _LINE_FACTS}
    first_row = _first(np.arange(len(rows)), line)
    facts = _facts(mine, _LINE_FACTS, rows, line, notes, of="line")
    owner = claim[first_row]
    claim_keys = _numbered(file_id, owner + 1)
    line_keys = claim_keys + "-" + pd.Series(_ordinal(owner)).astype("str")
    out = {
        "line_key": line_keys,
        "claim_key": claim_keys,
        "file_id": [file_id] * len(owner),
        "row": rows[first_row],
    }
    money = {"billed": "billed_cents", "allowed": "allowed_cents", "paid": "paid_cents"}
    for column, codes in facts.items():
        out[money.get(column, column)] = _typed(mine, column, codes)
    if "service_to" not in out and "service_from" in out:
        out["service_to"] = out["service_from"]
    return conform(pd.DataFrame(out), "claim_lines")


def _repeats(group: np.ndarray) -> np.ndarray:
    return pd.Series(group).duplicated().to_numpy()


def _base(placed: Rows, at: np.ndarray, claim_keys, line_keys) -> dict:
    """Return the keys of rows as the tables below the line have them."""
    lines = placed.line[at]
    known = len(line_keys) > 0
    return {
        "claim_key": claim_keys.take(placed.claim[at]),
        "file_id": np.full(len(at), placed.file_id, dtype=object),
        "row": placed.rows[at],
        "line_key": line_keys.take(lines, allow_fill=True) if known else [None] * len(at),
    }


def _adjustment_of(placed: Rows) -> np.ndarray:
    count = len(placed.rows)
    facts = (codes_of(placed.columns, c, count) for c in _ADJUSTMENT_FACTS)
    return _grouped(placed.claim, placed.line, *facts)


def _adjustment_table(placed: Rows, adjustment, claim_keys, line_keys) -> pd.DataFrame:
    """Return one row per adjustment, however many rows repeat it with another remark or appeal."""
    count = len(placed.rows)
    stated = np.logical_or.reduce(
        [codes_of(placed.columns, c, count) >= 0 for c in _ADJUSTMENT_FACTS if c != "quantity"]
    )
    once = np.flatnonzero(stated & ~_repeats(np.where(stated, adjustment, -1)))
    out = _base(placed, once, claim_keys, line_keys)
    ordinal = pd.Series(_ordinal(placed.claim[once])).astype("str")
    out["adjustment_key"] = pd.Series(out["claim_key"], dtype="str") + "-a" + ordinal
    out["adjustment_level"] = pd.array(["line", "claim"], dtype="str").take(
        (placed.line[once] < 0).astype(np.int64)
    )
    out |= _named(placed, _ADJUSTMENT_FACTS, once)
    return conform(pd.DataFrame(out), "adjustments")


def _remark_table(placed: Rows, claim_keys, line_keys) -> pd.DataFrame:
    """Return one row per remark code of a line, or of a claim where the row names no line."""
    cells = placed.columns.get("rarc")
    if cells is None or not cells.values:
        return conform({}, "remark_codes")
    # A cell may hold several codes. Distinct cells are split once and laid out by counting.
    parts = [value.split() for value in cells.values]
    number, names = pd.factorize(np.array([code for cell in parts for code in cell], dtype=object))
    sizes = np.array([len(cell) for cell in parts])
    starts = np.cumsum(sizes) - sizes
    have = np.flatnonzero(cells.codes >= 0)
    cell = cells.codes[have]
    at = np.repeat(have, sizes[cell])
    within = np.arange(len(at)) - np.repeat(np.cumsum(sizes[cell]) - sizes[cell], sizes[cell])
    code = number[np.repeat(starts[cell], sizes[cell]) + within]
    first = ~_repeats(_grouped(placed.claim[at], placed.line[at], code))
    out = _base(placed, at[first], claim_keys, line_keys)
    out["rarc"] = pd.array(list(names), dtype="str").take(code[first])
    out["found_in"] = np.full(len(out["rarc"]), "export", dtype=object)
    return conform(pd.DataFrame(out), "remark_codes")


def _event_of(placed: Rows) -> np.ndarray:
    count = len(placed.rows)
    facts = (codes_of(placed.columns, c, count) for c in (*_EVENT_FACTS, "appeal_stated"))
    return _grouped(placed.claim, placed.line, *facts)


def _event_table(placed: Rows, event, claim_keys, line_keys) -> pd.DataFrame:
    """Return one row per appeal of a line, or of a claim where the row names no line."""
    columns, count = placed.columns, len(placed.rows)
    stated = np.logical_or.reduce(
        [
            codes_of(columns, c, count) >= 0
            for c in ("appeal_stated", "appeal_filed", "appeal_decided")
        ]
    )
    outcome = columns.get("appeal_outcome")
    if outcome is not None:  # 'pending' alone does not say that anything was filed
        decided = np.array([v != "undecided" for v in outcome.values] + [False])
        stated |= decided[outcome.codes]
    once = np.flatnonzero(stated & ~_repeats(np.where(stated, event, -1)))
    out = _base(placed, once, claim_keys, line_keys) | _named(placed, _EVENT_FACTS, once)
    if "outcome" in out:
        out["outcome"] = out["outcome"].where(out["outcome"] != "undecided")
    return conform(pd.DataFrame(out), "appeal_events")


def _named(placed: Rows, facts: dict[str, str], at: np.ndarray) -> dict:
    return {
        ours: _typed(placed.columns, column, placed.columns[column].codes[at])
        for column, ours in facts.items()
        if column in placed.columns
    }

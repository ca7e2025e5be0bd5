"""An export's rows become claims, lines, adjustments, remark codes and appeal events.

Rows are only ever compared by the numbers of their contents, so the work is the same however long
the contents are. A row is compared with the row that leads its group; only those that differ from
it are looked at again, and they are few, since the rows of a claim mostly stand together.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.columns import NOTHING, Notes
from toolkit.claims.export.layouts import COLUMNS, Layout
from toolkit.claims.export.sheets import Cells
from toolkit.claims.tables import conform, same, text, texts, whole

# Facts of the claim that an export row repeats; `first` row that has one decides.
_CLAIM_FACTS = (
    "payer_claim_control_number", "original_reference", "frequency_code", "patient_name", "member_id", "birth_date", "payer_id",
    "payer_name", "plan_name", "program", "claim_filing_indicator", "contracted", "facility",
    "provider_name", "provider_npi", "claim_status", "remittance_date", "notice_date",
    "notice_received", "claim_received", "claim_billed", "claim_paid", "patient_responsibility",
    "case_status", "owner", "stage",
)  # fmt: skip
_PAYER = ("payer_id", "payer_name")
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
# Without a line number these tell one line from another.
_SERVICE = ("procedure_code", "modifiers", "revenue_code", "service_from")

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
_DAY = 86_400_000_000  # microseconds


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
    claims = _claim_columns(placed, notes)
    lines, owner = _line_columns(placed, claims["claim_key"], notes)
    claims |= _line_sums(claims, lines, owner)
    # of one line, or of one claim where they name no line
    spot, adjustment = _adjustments(placed)
    repeats = _led(adjustment, *_codes(placed.columns, (*_EVENT_FACTS, "appeal_stated", "rarc")))
    notes.count(
        placed.rows[repeats != np.arange(len(repeats))], "", "repeated_row",
        "repeating an earlier row, counted once; if one is a second line of the same service, add the line number to the export",
    )  # fmt: skip
    keys = claims["claim_key"], lines["line_key"]
    return {
        "claims": conform(claims, "claims"),
        "claim_lines": conform(lines, "claim_lines"),
        "adjustments": _adjustment_table(placed, adjustment, *keys),
        "remark_codes": _remark_table(placed, spot, *keys),
        "appeal_events": _event_table(placed, spot, *keys),
    }


def one_of(cells: Cells, words: tuple[str, ...]) -> np.ndarray:
    """Return which rows hold one of the words, as they stand."""
    return np.array([v in words for v in cells.values] + [False])[cells.codes]


def codes_of(columns: dict[str, Cells], column: str, count: int) -> np.ndarray:
    """Return a column's codes by row; -1 throughout where the export does not have it."""
    return columns[column].codes.astype(np.int64) if column in columns else np.full(count, -1)


def days_of(cells: Cells, codes: np.ndarray, *, missing: int = NOTHING) -> np.ndarray:
    """Return whole numbers (days, cents) by code; `missing` where there is none."""
    return np.append(_numbers(cells), missing)[codes]


def repeated_cents(placed: Rows) -> int:
    """Return the denied cents of rows that repeat an adjustment, which is counted once."""
    cells = placed.columns.get("denied_amount")
    if cells is None:
        return 0
    again = _adjustments(placed)[1] != np.arange(len(placed.rows))
    return int(days_of(cells, cells.codes, missing=0)[again].sum())


def _adjustments(placed: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the first of its line or claim, and the first of its adjustment."""
    spot = _led(_starts(placed.claim)[placed.claim], placed.line)
    return spot, _led(spot, *_codes(placed.columns, _ADJUSTMENT_FACTS))


def _numbers(cells: Cells) -> np.ndarray:
    return np.asarray(cells.values, dtype=np.int64)


# ---------------------------------------------------------------------------------- groups of rows


def _codes(columns: dict[str, Cells], names) -> list[np.ndarray]:
    """Return the codes of those columns that the export has."""
    return [columns[c].codes for c in names if c in columns]


def _led(lead: np.ndarray, *parts: np.ndarray) -> np.ndarray:
    """Return for each row the first row that is equal to it in `lead` and in all parts.

    `lead` is such an answer itself, of coarser groups; parts count from -1.
    """
    lead = lead.copy()
    rest = np.flatnonzero(lead != np.arange(len(lead)))  # rows that an earlier one speaks for
    for part in parts:
        apart = rest[part[rest] != part[lead[rest]]]
        if len(apart):
            width = int(part.max(initial=-1)) + 2
            lead[apart] = apart[_first_equal(lead[apart] * width + part[apart] + 1)]
            rest = rest[lead[rest] != rest]
    return lead


def _first_equal(keys: np.ndarray) -> np.ndarray:
    """Return for each key, none negative, the place where it stands first."""
    top = int(keys.max(initial=-1)) + 1
    if top > 4 * len(keys):
        keys, distinct = pd.factorize(keys)
        top = len(distinct)
    first = np.empty(top, dtype=np.int64)
    first[keys[::-1]] = np.arange(len(keys))[::-1]  # the last to be written is the first
    return first[keys]


def _numbered(lead: np.ndarray) -> np.ndarray:
    """Return the groups' numbers by row, from 0 by first appearance."""
    return (np.cumsum(lead == np.arange(len(lead))) - 1)[lead]


def _starts(group: np.ndarray) -> np.ndarray:
    """Return where each group, numbered by first appearance, has its first row."""
    return np.flatnonzero(np.diff(np.maximum.accumulate(group), prepend=-1))


def _places(group: np.ndarray) -> np.ndarray:
    """Return each entry's place within its group, from 1, in order of appearance."""
    order = None
    if (group[1:] < group[:-1]).any():
        order = np.argsort(group, kind="stable")
        group = group[order]
    at = np.arange(len(group))
    start = np.where(np.diff(group, prepend=-1) != 0, at, 0)
    within = at - np.maximum.accumulate(start) + 1
    if order is None:
        return within
    places = np.empty_like(within)
    places[order] = within
    return places


def _claims_of(columns: dict[str, Cells]) -> np.ndarray:
    """Return each row's claim, numbered by first appearance."""
    count = len(next(iter(columns.values())).codes)
    account = codes_of(columns, "patient_control_number", count)
    icn = codes_of(columns, "payer_claim_control_number", count)
    # without our own number the payer's is the claim's
    number = np.where(account >= 0, account, account.max(initial=-1) + 1 + icn)
    lost = (account < 0) & (icn < 0)  # its number was lost: a claim by itself
    number[lost] = number.max(initial=-1) + 1 + np.arange(lost.sum())
    lead = _led(_first_equal(number + 1), *_codes(columns, _PAYER))
    if "claim_status" in columns:  # a reversal and what it makes room for are two decisions
        lead = _led(lead, one_of(columns["claim_status"], ("22",)).astype(np.int64))
    for codes in _codes(columns, _DECISION_FACTS):
        lead = _led(lead, _spread(codes, lead))
    return _numbered(lead)


def _spread(codes: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Return the codes; where a group has only one, its blank rows take it."""
    if (codes >= 0).all():
        return codes
    first = codes.copy()  # by the row that leads
    rest = np.flatnonzero(lead != np.arange(len(lead)))
    said, by = codes[rest], lead[rest]
    _fill(first, by, said)
    several = by[(said >= 0) & (said != first[by])]
    first[several] = -1  # their rows keep what they say themselves
    return np.where(codes < 0, first[lead], codes)


def _fill(first: np.ndarray, group: np.ndarray, codes: np.ndarray) -> None:
    """Give each group that has no code yet the first of these, in place."""
    at = np.flatnonzero((codes >= 0) & (first[group] < 0))[::-1]
    first[group[at]] = codes[at]  # the last to be written is the first in the file


def _lines_of(chosen: Layout, columns: dict[str, Cells], claim: np.ndarray) -> np.ndarray:
    """Return each row's line, numbered by first appearance over the file; -1 for none."""
    count = len(claim)
    numbered = np.zeros(count, dtype=bool)
    at_line = np.zeros(count, dtype=bool)
    for codes in _codes(columns, ("procedure_code", "revenue_code")):
        at_line |= codes >= 0
    if "line_number" in columns:
        numbered = columns["line_number"].codes >= 0
        at_line |= numbered
        if chosen.claim_line_numbers:
            at_line &= ~one_of(columns["line_number"], chosen.claim_line_numbers)
    at = np.flatnonzero(at_line)
    parts = [codes[at] for codes in _codes(columns, ("line_number",))]
    by_number = numbered[at]
    if not by_number.all():
        parts += [np.where(by_number, -1, codes[at]) for codes in _codes(columns, _SERVICE)]
    line = np.full(count, -1, dtype=np.int64)
    line[at] = _numbered(_led(_first_equal(claim[at]), *parts))
    return line


# ----------------------------------------------------------------------------------- typed columns


def _typed(columns: dict[str, Cells], column: str, codes: np.ndarray):
    """Return what the codes stand for, of the type that the canonical tables have."""
    kind, cells = COLUMNS[column][0], columns[column]
    if kind == "date":
        return _dates(days_of(cells, codes))
    if kind == "money":
        return whole(np.append(_numbers(cells), 0)[codes], codes < 0)
    if kind == "number":
        values = np.nan_to_num(np.array([*cells.values, 0.0], dtype=float))
        return pd.arrays.FloatingArray(values[codes], codes < 0)
    return texts(cells.texts, codes)


def _dates(days: np.ndarray) -> np.ndarray:
    missing = days == NOTHING
    stamps = (np.where(missing, 0, days) * _DAY).view("datetime64[us]")
    stamps[missing] = np.datetime64("NaT")
    return stamps


def _keyed(keys, numbers: np.ndarray, mark: str = ""):
    """Return keys with '-', the mark and a small number behind them."""
    count = int(numbers.max(initial=0)) + 1
    ends = pa.array([f"{mark}{n}" for n in range(count)], pa.large_string())
    return _joined(pa.array(keys), ends.take(pa.array(numbers)))


def _joined(left, right: pa.Array):
    return text(pc.binary_join_element_wise(left, right, pa.scalar("-", pa.large_string())))


def _facts(columns, names, rows, group, starts, notes, *, of: str) -> dict[str, np.ndarray]:
    """Return each group's first code by column, noting rows that say otherwise."""
    found = {}
    again = np.ones(len(rows), dtype=bool)
    again[starts] = False
    again = np.flatnonzero(again)
    by = group[again]
    for column in names:
        if column not in columns:
            continue
        codes = columns[column].codes
        found[column] = first = codes[starts]
        said = codes[again]
        _fill(first, by, said)
        differs = (said >= 0) & (said != first[by])
        notes.add(
            rows[again[differs]], column, "differs",
            f"{column} differs from an earlier row of the same {of}; the first was used",
        )  # fmt: skip
    return found


# ------------------------------------------------------------------------------------------ tables


def _claim_columns(placed: Rows, notes: Notes) -> dict:
    """Return the columns of the claims, one row per claim."""
    columns, rows, claim, file_id = placed.columns, placed.rows, placed.claim, placed.file_id
    starts = _starts(claim)
    facts = _facts(columns, _CLAIM_FACTS, rows, claim, starts, notes, of="claim")
    if "case_status" in facts:  # one open row keeps a claim open: nothing is lost by looking again
        cells = columns["case_status"]
        if "open" in cells.values:
            facts["case_status"][claim[cells.codes == cells.values.index("open")]] = (
                cells.values.index("open")
            )
    numbers = pc.cast(pa.array(rows[starts]), pa.large_string())
    out: dict = {
        "claim_key": _joined(pa.scalar(file_id, pa.large_string()), numbers),
        "file_id": same(file_id, len(starts)),
        "row": whole(rows[starts]),
    }
    if "patient_control_number" in columns:
        account = columns["patient_control_number"]
        out["patient_control_number"] = texts(account.texts, account.codes[starts])
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
            days = days_of(columns[source], columns[source].codes)
            out[column] = _dates(_extreme(days, claim, len(starts), pick))
    # A row without a line speaks of the claim.
    bare = np.flatnonzero(placed.line < 0)
    for column, target in (
        ("billed", "billed_cents"),
        ("paid", "paid_cents"),
        ("allowed", "allowed_cents"),
    ):
        if column in columns and target not in out:
            own = np.full(len(starts), -1, dtype=np.int64)
            _fill(own, claim[bare], columns[column].codes[bare])
            out[target] = _typed(columns, column, own)
    reversal = np.zeros(len(starts), dtype=bool)
    if "claim_status" in facts:
        reversal = one_of(Cells(facts["claim_status"], columns["claim_status"].values), ("22",))
    out["is_reversal"] = pd.arrays.BooleanArray(reversal, np.zeros(len(starts), dtype=bool))
    return out


def _line_sums(claims: dict, lines: dict, owner: np.ndarray) -> dict:
    """Return charge and payment of the claims, summed from the lines where the file has no total.

    An export of denials may leave out a claim's paid lines, so this is the sum of the lines on file.
    A line without an amount leaves the claim's sum unknown. `owner` is the claim of each line.
    """
    count = len(claims["claim_key"])
    lines_of = np.bincount(owner, minlength=count)
    filled = {}
    for column in ("billed_cents", "paid_cents"):
        if column not in lines:
            continue
        missing = lines[column].isna()
        sums = np.zeros(count, dtype=np.int64)
        np.add.at(sums, owner, lines[column].to_numpy(dtype=np.int64, na_value=0))
        known = (lines_of > 0) & (np.bincount(owner[missing], minlength=count) == 0)
        if column in claims:
            lacking = claims[column].isna()
            own = claims[column].to_numpy(dtype=np.int64, na_value=0)
            sums, known = np.where(lacking, sums, own), known | ~lacking
        filled[column] = whole(sums, ~known)
    return filled


def _extreme(days: np.ndarray, group: np.ndarray, total: int, pick) -> np.ndarray:
    known = days != NOTHING
    start = np.iinfo(np.int64).max if pick is np.minimum else NOTHING
    out = np.full(total, start, dtype=np.int64)
    pick.at(out, group[known], days[known])
    return np.where(out == np.iinfo(np.int64).max, NOTHING, out)


def _line_columns(placed: Rows, claim_keys, notes: Notes) -> tuple[dict, np.ndarray]:
    """Return the columns of the claim lines, one row per line, and the claim of each."""
    at = np.flatnonzero(placed.line >= 0)
    rows, claim, line = placed.rows[at], placed.claim[at], placed.line[at]
    mine = {
        c: Cells(placed.columns[c].codes[at], placed.columns[c].values)
        for c in _LINE_FACTS
        if c in placed.columns
    }
    starts = _starts(line)
    facts = _facts(mine, _LINE_FACTS, rows, line, starts, notes, of="line")
    owner = claim[starts]
    keys = claim_keys.take(owner)
    out = {
        "line_key": _keyed(keys, _places(owner)),
        "claim_key": keys,
        "file_id": same(placed.file_id, len(owner)),
        "row": whole(rows[starts]),
    }
    money = {"billed": "billed_cents", "allowed": "allowed_cents", "paid": "paid_cents"}
    for column, codes in facts.items():
        out[money.get(column, column)] = _typed(mine, column, codes)
    if "service_to" not in out and "service_from" in out:
        out["service_to"] = out["service_from"].copy()
    return out, owner


def _base(placed: Rows, at: np.ndarray, claim_keys, line_keys) -> dict:
    """Return the keys of rows as the tables below the line have them."""
    lines = placed.line[at]
    return {
        "claim_key": claim_keys.take(placed.claim[at]),
        "file_id": same(placed.file_id, len(at)),
        "row": whole(placed.rows[at]),
        "line_key": texts(pa.array(line_keys), lines),
    }


def _adjustment_table(placed: Rows, adjustment, claim_keys, line_keys) -> pd.DataFrame:
    """Return one row per adjustment, however many rows repeat it with another remark or appeal."""
    stated = np.zeros(len(placed.rows), dtype=bool)
    for codes in _codes(placed.columns, (c for c in _ADJUSTMENT_FACTS if c != "quantity")):
        stated |= codes >= 0
    once = np.flatnonzero(stated & (adjustment == np.arange(len(adjustment))))
    out = _base(placed, once, claim_keys, line_keys)
    out["adjustment_key"] = _keyed(out["claim_key"], _places(placed.claim[once]), "a")
    out["adjustment_level"] = texts(["line", "claim"], (placed.line[once] < 0).astype(np.int64))
    out |= _named(placed.columns, _ADJUSTMENT_FACTS, once)
    return conform(out, "adjustments")


def _remark_table(placed: Rows, spot, claim_keys, line_keys) -> pd.DataFrame:
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
    first = np.flatnonzero(_led(_first_equal(spot[at]), code) == np.arange(len(at)))
    out = _base(placed, at[first], claim_keys, line_keys)
    out["rarc"] = texts(list(names), code[first])
    out["found_in"] = same("export", len(first))
    return conform(out, "remark_codes")


def _event_table(placed: Rows, spot, claim_keys, line_keys) -> pd.DataFrame:
    """Return one row per appeal of a line, or of a claim where the row names no line."""
    columns = dict(placed.columns)
    stated = np.zeros(len(placed.rows), dtype=bool)
    for codes in _codes(columns, ("appeal_stated", "appeal_filed", "appeal_decided")):
        stated |= codes >= 0
    facts = _codes(columns, (*_EVENT_FACTS, "appeal_stated"))
    if "appeal_outcome" in columns:  # 'pending' alone does not say that anything was filed
        outcome = columns["appeal_outcome"]
        decided = np.where(one_of(outcome, ("undecided",)), -1, outcome.codes)
        stated |= decided >= 0
        columns["appeal_outcome"] = Cells(decided, outcome.values)
    at = np.flatnonzero(stated)
    lead = _led(_first_equal(spot[at]), *(codes[at] for codes in facts))
    once = at[lead == np.arange(len(at))]
    out = _base(placed, once, claim_keys, line_keys) | _named(columns, _EVENT_FACTS, once)
    return conform(out, "appeal_events")


def _named(columns: dict[str, Cells], facts: dict[str, str], at: np.ndarray) -> dict:
    return {
        ours: _typed(columns, column, columns[column].codes[at])
        for column, ours in facts.items()
        if column in columns
    }

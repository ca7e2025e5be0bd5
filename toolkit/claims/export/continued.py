"""Rows that continue the one above: a grouped report names the claim on its first row only."""

from dataclasses import dataclass

import numpy as np

from toolkit.claims.export.furniture import headings_at, sums, sums_at
from toolkit.claims.export.grids import Tally, tally
from toolkit.claims.export.sheets import Cells, Sheet

_NUMBERS = ("patient_control_number", "payer_claim_control_number")
_FILLED = (*_NUMBERS, "payer_id", "payer_name")
# A row that says otherwise in one of these is of another claim, whose number is missing.
_SAME = (
    "payer_id", "payer_name", "patient_name", "patient_last_name", "member_id", "plan_name", "financial_class",
    "program", "notice_date", "notice_received", "remittance_date", "claim_status",
)  # fmt: skip
_REASONS = ("carc", "rarc", "denial_text", "procedure_code", "revenue_code")


@dataclass(frozen=True)
class Continued:
    """A sheet's columns with the claim filled in where rows continue the one above.

    `filled` are positions that changed. `headless` is true where the first rows continue a row that
    is not there.
    """

    columns: dict[int, Cells]
    filled: tuple[int, ...]
    headless: bool
    tallies: list[Tally]


def continue_rows(sheet: Sheet) -> Continued:
    """Return the columns with claim number and payer taken from the row above where it goes on.

    A row goes on if it has a reason or a service, no claim number, leaves blank what the last row with
    a number says of the claim, and contradicts none of it. A row that is all but its number filled
    lacks one. A blank row, a total or any other row between ends the group.
    """
    columns = sheet.columns
    named = _filled(sheet, _NUMBERS)
    if named.all() or not len(named):
        return Continued(columns, (), False, [])
    for position in _positions(sheet, _NUMBERS):
        named &= ~(sums(columns[position]) | headings_at(columns[position], sheet.headings))
    candidate = ~_filled(sheet, _NUMBERS) & _filled(sheet, _REASONS)
    candidate &= ~sums_at(sheet, candidate)
    place = np.arange(len(named))
    leader = np.maximum.accumulate(np.where(named, place, -1))
    ended = np.maximum.accumulate(np.where(~named & ~candidate, place, -1))
    goes_on = candidate & (leader > ended)
    says, blank = np.zeros(len(named), dtype=bool), np.zeros(len(named), dtype=bool)
    for position in _positions(sheet, _SAME):
        codes = columns[position].codes
        above = codes[leader]
        goes_on &= (codes < 0) | (codes == above)
        says |= above >= 0
        blank |= (above >= 0) & (codes < 0)
    goes_on &= blank | ~says
    headless = bool((candidate & (leader < 0) & (ended < 0)).any())
    if not goes_on.any():
        return Continued(columns, (), headless, [])
    out, filled = dict(columns), []
    for position in _positions(sheet, _FILLED):
        cells = columns[position]
        codes = np.where(goes_on & (cells.codes < 0), cells.codes[leader], cells.codes)
        out[position] = Cells(codes.astype(cells.codes.dtype), cells.values)
        filled.append(position)
    says = "without a claim number, read as lines of the claim in the row above"
    found = tally(sheet.rows[goes_on], "patient_control_number", "continued_row", says)
    return Continued(out, tuple(filled), headless, [found])


def _positions(sheet: Sheet, names: tuple[str, ...]) -> list[int]:
    return [p for name in names for p in sheet.match.positions.get(name, ())]


def _filled(sheet: Sheet, names: tuple[str, ...]) -> np.ndarray:
    """Return which rows have a cell in one of the columns."""
    found = np.zeros(len(sheet.rows), dtype=bool)
    for position in _positions(sheet, names):
        found |= sheet.columns[position].codes >= 0
    return found

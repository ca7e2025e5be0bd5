"""Read what was billed, row by row: nothing is merged, so that every row's charge can be counted.

The reader of exports makes one claim of all rows that speak of it. A balance has to see a claim that
was billed twice as two rows, and to add up the charges as they are in the file.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.claims.export.assembly import days_of
from toolkit.claims.export.columns import NOTHING, Notes, read_columns
from toolkit.claims.export.exports import rows_of_claims
from toolkit.claims.export.pieces import Opened, open_exports, read_whole
from toolkit.claims.export.sheets import Cells, Sheet
from toolkit.claims.reading import sources
from toolkit.claims.tables import empty
from toolkit.errors import ExportError

_TEXTS = (
    "patient_control_number", "payer_claim_control_number", "original_reference", "frequency_code",
    "payer_id", "payer_name", "provider_npi", "line_number", "line_control_number",
    "procedure_code", "modifiers", "revenue_code",
)  # fmt: skip
_DATES = ("service_from", "service_to", "billed_on", "claim_received")
_CHARGES = ("claim_billed", "billed")
# A row with one of these speaks of a service line, not of the whole claim.
_OF_A_LINE = ("line_number", "line_control_number", "procedure_code", "revenue_code")


@dataclass(frozen=True, eq=False)
class Billed:
    """The rows of billing files.

    `rows` has one row per row of the files that bills something: `file`, `row`, the facts of the
    claim and its line, `claim_billed_cents` (of the whole claim) and `billed_cents` (of the row).
    `without_number` are rows with a charge and no claim number. `findings` as of any export.
    """

    rows: pd.DataFrame
    without_number: pd.DataFrame
    findings: pd.DataFrame

    def __repr__(self) -> str:
        return f"Billed({len(self.rows):,} rows)"


def read_billed(paths: Path | str | Iterable[Path | str], *, layout: str | None = None) -> Billed:
    """Return the rows of billing exports, every one as it is in its file.

    Raises InputError for a file that cannot be read or has no column of charges.
    """
    found: list[tuple[pd.DataFrame, pd.DataFrame]] = []
    findings = [empty("findings")]
    with sources(paths) as (given, broken):
        if broken:
            raise broken[0][1]
        for one in given:
            for opened in open_exports(one.path, layout=layout):
                rows, notes = _read_table(opened)
                found.append(rows)
                findings.append(notes.table())
    return Billed(
        rows=pd.concat([rows for rows, _ in found], ignore_index=True),
        without_number=pd.concat([rest for _, rest in found], ignore_index=True),
        findings=pd.concat(findings, ignore_index=True),
    )


def _read_table(opened: Opened) -> tuple[tuple[pd.DataFrame, pd.DataFrame], Notes]:
    if not set(_CHARGES) & set(opened.match.positions):
        raise ExportError(f"{opened.name}: no column of charges; add Total Charges")
    whole = read_whole(opened)
    notes = Notes(opened.name, whole.sheet)
    notes.add_all(whole.notes)
    notes.tallies += whole.tallies
    columns = read_columns(whole.sheet, notes)
    keep = rows_of_claims(whole.sheet, columns, notes)
    frame = _frame(whole.sheet, columns).assign(file=opened.name)
    charged = frame[["claim_billed_cents", "billed_cents"]].notna().any(axis=1)
    return (frame[keep], frame[charged & _nameless(whole.sheet, notes)]), notes


def _nameless(sheet: Sheet, notes: Notes) -> np.ndarray:
    """Return the rows that were left out because they have no claim number, not as a sum or banner."""
    rows = [part[0] for part in notes.parts if part[2] == "no_claim_number"]
    return np.isin(sheet.rows, np.concatenate(rows) if rows else [])


def _frame(sheet: Sheet, columns: dict[str, Cells]) -> pd.DataFrame:
    size = len(sheet.rows)
    found: dict = {"row": pd.array(sheet.rows, dtype="Int64")}
    for name in _TEXTS:
        found[name] = _texts(columns.get(name), size)
    for name in _DATES:
        found[name] = _days(columns.get(name), size)
    for name in _CHARGES:
        found[f"{name}_cents"] = _cents(columns.get(name), size)
    found["of_a_line"] = np.any([pd.notna(found[name]) for name in _OF_A_LINE], axis=0)
    return pd.DataFrame(found)


def _texts(cells: Cells | None, size: int) -> pd.Series:
    if cells is None:
        return pd.Series([None] * size, dtype="str")
    return pd.Series(np.array([*cells.values, None], dtype=object)[cells.codes], dtype="str")


def _days(cells: Cells | None, size: int) -> np.ndarray:
    if cells is None:
        return np.full(size, np.datetime64("NaT"), dtype="datetime64[us]")
    days = days_of(cells, cells.codes)
    found = np.where(days == NOTHING, 0, days).astype("datetime64[D]").astype("datetime64[us]")
    found[days == NOTHING] = np.datetime64("NaT")
    return found


def _cents(cells: Cells | None, size: int) -> pd.Series:
    if cells is None:
        return pd.Series([pd.NA] * size, dtype="Int64")
    cents = days_of(cells, cells.codes)
    return pd.Series(pd.arrays.IntegerArray(np.where(cents == NOTHING, 0, cents), cents == NOTHING))

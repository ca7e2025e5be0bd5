"""Read a denial export (CSV, XLSX, Parquet) into the canonical tables.

An export row is one denial: one adjustment on a claim or on a claim line, with the appeal that was
filed against it. A bad cell or row becomes a finding and stops nothing; a file that is not what it
claims, or that lacks a column without which nothing can be said, raises `ExportError`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from toolkit.claims.assembly import codes_of, days_of, one_of, place, tables
from toolkit.claims.columns import NOTHING, Notes, read_columns
from toolkit.claims.layouts import COLUMNS, Match, notes_on
from toolkit.claims.sheets import Cells, Sheet, headings_at, read_sheet, totals_at, words_at
from toolkit.claims.tables import Claims, conform
from toolkit.errors import ExportError


@dataclass(frozen=True)
class Tally:
    """A finding that is told once for many rows: how many, the first, and its words.

    `says` has `{rows}` where the count stands. Tallies of parts of a file add up to the file's.
    """

    column: str
    code: str
    says: str
    rows: int
    first: int


def read_export(path: Path, *, layout: str | None = None) -> Claims:
    """Return what a denial export holds, as canonical tables with findings.

    Without a `layout` the one whose headings fit best is taken; `ExportError` says what to do where
    none fits, two fit equally well, or the file cannot be read. Grain: see `tables`.
    """
    path = Path(path)
    sheet = read_sheet(path, layout=layout)
    notes = Notes(path.name, sheet)
    found, tallies = read_rows(sheet, notes)
    if not len(found["claims"]):
        raise no_denial(path)
    note_file(sheet.match, tallies, notes)
    files = file_row(path.name, sheet.file_id, sheet.match, rows=len(sheet.rows))
    files.attrs["columns"] = {
        column: [sheet.headings[p] for p in sheet.match.positions[column]]
        for column in COLUMNS
        if column in sheet.match.positions
    }
    return Claims(**found, findings=notes.table(), files=files)


def read_rows(sheet: Sheet, notes: Notes) -> tuple[dict[str, pd.DataFrame], list[Tally]]:
    """Return the canonical tables of a sheet's rows, or of a part of them, and what adds up.

    A part holds all rows of its claims; findings about single rows go to `notes`.
    """
    columns = read_columns(sheet, notes)
    tallies: list[Tally] = []
    columns, rows = _denial_rows(sheet, columns, notes, tallies)
    placed = place(columns, rows, chosen=sheet.match.layout, file_id=sheet.file_id)
    found = tables(placed, notes)
    _check_dates(columns, rows, notes)
    _note_gaps(columns, rows, tallies)
    return found, tallies


def no_denial(path: Path) -> ExportError:
    """Return the refusal of a file none of whose rows is a denial."""
    return ExportError(
        f"{path.name}: no row below the headings is a denial with a claim number; export it again"
    )


def file_row(name: str, file_id: str, match: Match, *, rows: int) -> pd.DataFrame:
    """Return the row of `files` that tells of an export."""
    return conform(
        {
            "file": [name], "file_id": [file_id], "source": ["export"],
            "layout": [match.layout.id], "rows_read": [rows],
        },
        "files",
    )  # fmt: skip


def note_file(match: Match, tallies: Iterable[Tally], notes: Notes) -> None:
    """Note what concerns the file as a whole: columns that are wanted, and what adds up."""
    for need in match.layout.wanted:
        if not set(need.any_of) & set(match.positions):
            notes.add(
                [None],
                need.any_of[0],
                "no_column",
                f"no column for {' or '.join(need.any_of)}: {need.because}",
            )
    for row, column, code, says in notes_on(match):
        notes.add([row], column, code, says)
    for one in _added(tallies):
        rows = "1 row" if one.rows == 1 else f"{one.rows:,} rows"
        notes.add([one.first], one.column, one.code, one.says.format(rows=rows))


def _added(tallies: Iterable[Tally]) -> list[Tally]:
    total: dict[tuple[str, str, str], Tally] = {}
    for one in tallies:
        key = (one.column, one.code, one.says)
        other = total.get(key, replace(one, rows=0))
        total[key] = replace(one, rows=one.rows + other.rows, first=min(one.first, other.first))
    return list(total.values())


def totals(claims: Claims) -> dict:
    """Return the totals of an export, as `toolkit read --json` shows them; money is text.

    `columns` maps our columns to the headings they were read from; it is empty for tables that no
    longer know the file they came from.
    """
    adjustments = claims.adjustments
    by_code = adjustments.groupby(
        [adjustments["group_code"].fillna("?"), adjustments["carc"].fillna("?")]
    )["amount_cents"].sum()
    findings = claims.findings[["row", "column", "code", "says"]].astype(object)
    return {
        "layout": " ".join(claims.files["layout"].dropna().unique()),
        "rows": int(claims.files["rows_read"].sum()),
        "claims": len(claims.claims),
        "service_lines": len(claims.claim_lines),
        "adjustments": len(adjustments),
        "billed": _dollars(claims.claims["billed_cents"].sum()),
        "paid": _dollars(claims.claims["paid_cents"].sum()),
        "adjustment_total": _dollars(adjustments["amount_cents"].sum()),
        "by_group_code": {f"{g}-{c}": _dollars(v) for (g, c), v in by_code.items()},
        "remark_codes": {
            k: int(v) for k, v in claims.remark_codes["rarc"].value_counts().sort_index().items()
        },
        "appeal_events": len(claims.appeal_events),
        "columns": dict(claims.files.attrs.get("columns", {})),
        "findings": findings.where(findings.notna(), None).to_dict("records"),
    }


def _dollars(cents: int) -> str:
    sign, cents = ("-" if cents < 0 else ""), abs(int(cents))
    return f"{sign}{cents // 100}.{cents % 100:02d}"


def _denial_rows(
    sheet: Sheet, columns: dict[str, Cells], notes: Notes, tallies: list[Tally]
) -> tuple[dict[str, Cells], np.ndarray]:
    """Leave out rows that are no denial: totals, rows without a claim number, other records."""
    chosen, count = sheet.match.layout, len(sheet.rows)
    keep = np.ones(count, dtype=bool)
    for position, words in sheet.match.leave_out.items():
        hit = words_at(sheet.columns[position], words) & keep
        if hit.any():
            heading = sheet.headings[position].replace("{", "").replace("}", "")
            says = f"left out by layout {chosen.id} as no denial on file (column {heading})"
            tallies.append(_tally(sheet.rows[hit], "", "not_a_denial_record", says))
            keep &= ~hit
    numbers = [
        columns[c] for c in ("patient_control_number", "payer_claim_control_number") if c in columns
    ]
    summing = np.zeros(count, dtype=bool)
    nameless = np.logical_and.reduce([c.codes < 0 for c in numbers])
    for cells in numbers:
        summing |= totals_at(cells)
        again = headings_at(cells, sheet.headings) & keep
        notes.add(
            sheet.rows[again], "", "heading_again",
            "repeats the headings and was left out: two exports seem to stand in one file",
        )  # fmt: skip
        keep &= ~again
    if nameless.any():
        for cells in sheet.columns.values():
            summing |= nameless & totals_at(cells)
    if "line_number" in columns and chosen.total_line_numbers:
        summing |= one_of(columns["line_number"], chosen.total_line_numbers)
    notes.add(sheet.rows[summing & keep], "", "totals_row", "sums up other rows and was left out")
    keep &= ~summing
    notes.add(
        sheet.rows[nameless & keep], "patient_control_number", "no_claim_number",
        "has no claim number and was left out: give it one, or delete the row",
    )  # fmt: skip
    keep &= ~nameless
    if keep.all():
        return columns, sheet.rows
    return {c: Cells(v.codes[keep], v.values) for c, v in columns.items()}, sheet.rows[keep]


def _tally(rows: np.ndarray, column: str, code: str, says: str) -> Tally:
    return Tally(column, code, f"{{rows}} {says}; this is the first", len(rows), int(rows[0]))


def _check_dates(columns, rows, notes) -> None:
    for earlier, later in (
        ("service_from", "service_to"), ("notice_date", "notice_received"), ("appeal_filed", "appeal_decided"),
    ):  # fmt: skip
        if earlier in columns and later in columns:
            a = days_of(columns[earlier], columns[earlier].codes)
            b = days_of(columns[later], columns[later].codes)
            notes.add(
                rows[(a != NOTHING) & (b != NOTHING) & (b < a)], later, "dates_out_of_order",
                f"{later} is before {earlier}; both were kept: correct one",
            )  # fmt: skip


def _note_gaps(columns: dict[str, Cells], rows: np.ndarray, tallies: list[Tally]) -> None:
    """Count the rows in which something is lacking, to be told once."""
    if "denied_amount" in columns:
        lacking = columns["denied_amount"].codes < 0
        if lacking.any():
            says = "without a denied amount, which add nothing to the amounts at stake"
            tallies.append(_tally(rows[lacking], "denied_amount", "no_amount", says))
    if "plan_name" in columns:
        silent = (columns["plan_name"].codes >= 0) & (codes_of(columns, "program", len(rows)) < 0)
        if silent.any():
            says = (
                "whose plan or financial class states no program: state the programs in payers.csv"
            )
            tallies.append(_tally(rows[silent], "program", "program_not_stated", says))

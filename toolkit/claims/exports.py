"""Read a denial export (CSV, XLSX, Parquet) into the canonical tables.

An export row is one denial: one adjustment on a claim or on a claim line, with the appeal that was
filed against it. A bad cell or row becomes a finding and stops nothing; a file that is not what it
claims, or that lacks a column without which nothing can be said, raises `ExportError`.
"""

from pathlib import Path

import numpy as np

from toolkit.claims.assembly import codes_of, days_of, one_of, place, tables
from toolkit.claims.columns import NOTHING, Notes, read_columns
from toolkit.claims.layouts import COLUMNS
from toolkit.claims.sheets import Cells, Sheet, headings_at, read_sheet, totals_at, words_at
from toolkit.claims.tables import Claims, conform
from toolkit.errors import ExportError


def read_export(path: Path, *, layout: str | None = None) -> Claims:
    """Return what a denial export holds, as canonical tables with findings.

    Without a `layout` the one whose headings fit best is taken; `ExportError` says what to do where
    none fits, two fit equally well, or the file cannot be read. Grain: see `tables`.
    """
    path = Path(path)
    sheet = read_sheet(path, layout=layout)
    notes = Notes(path.name, sheet)
    columns = read_columns(sheet, notes)
    columns, rows = _denial_rows(sheet, columns, notes)
    if not len(rows):
        raise ExportError(
            f"{path.name}: no row below the headings is a denial with a claim number; export it again"
        )
    placed = place(columns, rows, chosen=sheet.match.layout, file_id=sheet.file_id)
    found = tables(placed, notes)
    _check_dates(columns, rows, notes)
    _note_gaps(sheet, columns, rows, notes)
    files = conform(
        {
            "file": [path.name], "file_id": [sheet.file_id], "source": ["export"],
            "layout": [sheet.match.layout.id], "rows_read": [len(sheet.rows)],
        },
        "files",
    )  # fmt: skip
    files.attrs["columns"] = {
        column: [sheet.headings[p] for p in sheet.match.positions[column]]
        for column in COLUMNS
        if column in sheet.match.positions
    }
    return Claims(**found, findings=notes.table(), files=files)


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
    sheet: Sheet, columns: dict[str, Cells], notes: Notes
) -> tuple[dict[str, Cells], np.ndarray]:
    """Leave out rows that are no denial: totals, rows without a claim number, other records."""
    chosen, count = sheet.match.layout, len(sheet.rows)
    keep = np.ones(count, dtype=bool)
    for position, words in sheet.match.leave_out.items():
        hit = words_at(sheet.columns[position], words) & keep
        if hit.any():
            notes.add(
                [int(sheet.rows[hit][0])], "", "not_a_denial_record",
                f"{_rows(hit)} left out by layout {chosen.id} as no denial on file "
                f"(column {sheet.headings[position]}); this is the first",
            )  # fmt: skip
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


def _rows(hit: np.ndarray) -> str:
    count = int(hit.sum())
    return "1 row" if count == 1 else f"{count:,} rows"


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


def _note_gaps(sheet: Sheet, columns, rows, notes) -> None:
    """Note what the export as a whole does not say, once per gap."""
    for need in sheet.match.layout.wanted:
        if not set(need.any_of) & set(sheet.match.positions):
            notes.add(
                [None],
                need.any_of[0],
                "no_column",
                f"no column for {' or '.join(need.any_of)}: {need.because}",
            )
    if "denied_amount" in columns:
        lacking = columns["denied_amount"].codes < 0
        if lacking.any():
            notes.add(
                [int(rows[lacking][0])], "denied_amount", "no_amount",
                f"no denied amount in {_rows(lacking)}, which adds nothing to the amounts "
                "at stake; this is the first",
            )  # fmt: skip
    if "plan_name" in columns:
        silent = (columns["plan_name"].codes >= 0) & (codes_of(columns, "program", len(rows)) < 0)
        if silent.any():
            notes.add(
                [int(rows[silent][0])], "program", "program_not_stated",
                f"no program stated by the plan or financial class in {_rows(silent)}; "
                "this is the first: state the programs in payers.csv",
            )  # fmt: skip

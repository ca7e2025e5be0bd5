"""Read a denial export (CSV, XLSX, Parquet) into the canonical tables.

An export row is one denial: one adjustment on a claim or on a claim line, with the appeal that was
filed against it. A bad cell or row becomes a finding and stops nothing; a file that is not what it
claims, or that lacks a column without which nothing can be said, raises `ExportError`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from toolkit.claims.contents import contents
from toolkit.claims.export.appeals import filed_words, read_appeals
from toolkit.claims.export.assembly import (
    Rows,
    codes_of,
    days_of,
    one_of,
    place,
    repeated_cents,
    tables,
)
from toolkit.claims.export.columns import NOTHING, Notes, filled, read_column, read_columns, recoded
from toolkit.claims.export.furniture import banners_at, headings_at, sums, sums_at, words_at
from toolkit.claims.export.grids import added
from toolkit.claims.export.headings import wanted
from toolkit.claims.export.layouts import COLUMNS, Match, notes_on, plain, word_table
from toolkit.claims.export.pieces import Opened, no_rows, open_exports, read_whole
from toolkit.claims.export.reasons import has_code, with_reasons
from toolkit.claims.export.sheets import Cells, Sheet, column_labels
from toolkit.claims.tables import Claims, concat, conform, dollars, same, whole
from toolkit.errors import ExportError

_BLANK = r"\s\p{Z}\x{1c}-\x{1f}\x{85}"
_SEVERAL_WORDS = f"[^{_BLANK}][{_BLANK}]+[^{_BLANK}]"
_NUMBERS = ("patient_control_number", "payer_claim_control_number")
_REASONS = ("carc", "rarc", "denial_text", "procedure_code", "revenue_code", "service_from")


def read_export(path: Path, *, layout: str | None = None) -> Claims:
    """Return what a denial export holds, as canonical tables with findings.

    Without a `layout` the one whose headings fit best is taken; `ExportError` says what to do where
    none fits, two fit equally well, or the file cannot be read. Of a workbook every sheet that fits a
    layout is read. Grain: see `tables`.
    """
    opened = open_exports(Path(path), layout=layout)
    found = [_read_table(one) for one in opened]
    if not any(len(one.claims) for one in found):
        raise no_denial(opened[0].name)
    return found[0] if len(found) == 1 else concat(found)


def _read_table(opened: Opened) -> Claims:
    whole = read_whole(opened)
    if not len(whole.sheet.rows):
        raise no_rows(opened)
    notes = Notes(opened.name, whole.sheet)
    notes.add_all(whole.notes)
    notes.tallies += whole.tallies
    found = read_rows(whole.sheet, notes)
    note_file(opened.match, notes)
    ragged = sum(one[2] == "ragged_row" for one in whole.notes)
    counts = found.as_row(len(whole.sheet.rows) + ragged)
    counts |= {"rows_in": whole.spans, "rows_blank": whole.blank}
    files = file_row(opened, found.unused, rows=len(whole.sheet.rows), **counts)
    return Claims(**found.tables, findings=notes.table(), files=files)


@dataclass(frozen=True)
class RowsRead:
    """The canonical tables of a sheet's rows, and how rows and denied dollars add up to them.

    `rows_out` counts the rows that are in the tables; `unused` are positions of columns that turned
    out to be about something else.
    """

    tables: dict[str, pd.DataFrame]
    rows_out: int
    unused: set[int]
    denied_in: int
    denied_left_out: int
    denied_repeated: int

    def as_row(self, rows: int) -> dict[str, int]:
        """Return the counts as columns of `files`, of so many rows given."""
        return {
            "rows_left_out": rows - self.rows_out,
            "denied_in_cents": self.denied_in,
            "denied_left_out_cents": self.denied_left_out,
            "denied_repeated_cents": self.denied_repeated,
        }


def no_denial(name: str) -> ExportError:
    """Return the refusal of a file none of whose rows is a denial."""
    return ExportError(
        f"{name}: no row below the headings is a denial with a claim number; export it again"
    )


def file_row(opened: Opened, unused: Iterable[int] = (), **counts: int) -> pd.DataFrame:
    """Return the row of `files` that describes a table of an export; `counts` are columns of it."""
    rows = counts.pop("rows")
    read = {
        column: column_labels(opened.headings, opened.match.positions[column])
        for column in COLUMNS
        if column in opened.match.positions
    }
    not_read = column_labels(opened.headings, _not_read(opened, unused))
    texts = {
        "file": opened.name, "file_id": opened.file_id, "sha256": opened.sha256, "source": "export",
        "layout": opened.match.layout.id, "columns": json.dumps(read),
        "columns_not_read": json.dumps(not_read),
    }  # fmt: skip
    numbers = {"rows_read": rows, **counts}
    return conform(
        {name: same(value, 1) for name, value in texts.items()}
        | {name: whole(np.array([value])) for name, value in numbers.items()},
        "files",
    )


def _not_read(opened: Opened, unused: Iterable[int]) -> list[int]:
    """Return the positions of the columns that are not read, or were not used after all."""
    read = set(wanted(opened.match)) - set(unused)
    return [p for p in range(len(opened.headings)) if p not in read and opened.headings[p].strip()]


def note_file(match: Match, notes: Notes) -> None:
    """Note what concerns the file as a whole: columns that are wanted, and what adds up."""
    for need in match.layout.wanted:
        if not set(need.any_of) & set(match.positions):
            notes.add(
                [None],
                need.any_of[0],
                "no_column",
                f"no column for {' or '.join(need.any_of)}: {need.because}",
            )
    notes.add_all(notes_on(match))
    notes.add_counted(added(notes.tallies))


def read_rows(sheet: Sheet, notes: Notes) -> RowsRead:
    """Return the canonical tables of a sheet's rows, or of a part of them.

    A part holds all rows of its claims. Findings go to `notes`; what adds up over parts to its
    tallies. Raises ExportError if the dollars in the tables are not those of the rows.
    """
    sheet, filed = filed_words(sheet)
    columns = read_columns(sheet, notes)
    unused = read_appeals(columns, filed, sheet, notes)
    columns |= _stated_denials(sheet, columns)
    about_rows = Notes("", replace(sheet, notes=[]))
    keep = _denials(sheet, columns, about_rows)
    notes.forget(sheet.rows[~keep])  # the cells of a total or a banner are none of a denial
    notes.parts += about_rows.parts
    notes.tallies += about_rows.tallies
    kept, columns = _only(sheet, columns, keep)
    read = with_reasons(columns, kept, notes)
    placed = place(read.columns, read.rows, chosen=sheet.match.layout, file_id=sheet.file_id)
    found = tables(placed, notes)
    _check_dates(read.columns, read.rows, notes)
    _note_gaps(read.columns, read.rows, notes)
    counts = _dollars_of(sheet, keep, placed, found)
    return RowsRead(found, int(keep.sum()), unused, *counts)


def _stated_denials(sheet: Sheet, columns: dict[str, Cells]) -> dict[str, Cells]:
    """Return the reasons in words, where a row states none that of its status if it says denied."""
    status = columns.get("claim_status")
    if status is None:
        return {}
    table = word_table(sheet.match.layout, "claim_status")
    denied = [
        table.get(plain(value)) == "denied" and not value.isdigit() for value in status.values
    ]
    said = recoded(status, [v if d else None for v, d in zip(status.values, denied, strict=True)])
    reasons = ("carc", "rarc", "denial_text", "denied_amount")
    beside = [p for one in sheet.match.adjustments for p in one.values()]
    silent = ~_written(sheet, reasons) if not sheet.match.is_billing else said.codes >= 0
    for position in beside:
        silent &= sheet.columns[position].codes < 0
    words = Cells(np.where(silent, said.codes, -1), said.values)
    if not (words.codes >= 0).any():
        return {}
    own = columns.get("denial_text")
    return {"denial_text": words if own is None else filled(own, words)}


def _only(
    sheet: Sheet, columns: dict[str, Cells], keep: np.ndarray
) -> tuple[Sheet, dict[str, Cells]]:
    """Return the rows that stay."""
    if keep.all():
        return sheet, columns
    raw = {p: Cells(c.codes[keep], c.values) for p, c in sheet.columns.items()}
    typed = {name: Cells(c.codes[keep], c.values) for name, c in columns.items()}
    return replace(sheet, columns=raw, rows=sheet.rows[keep]), typed


def totals(claims: Claims) -> dict:
    """Return what `toolkit read` shows of an export: its contents, and how rows and dollars add up.

    `columns` maps our columns to the headings they were read from; `columns_not_read` are the other
    headings. `rows_in` is `rows_out` + `rows_left_out` + `rows_blank`, and `denied_in` likewise.
    """
    files, held = claims.files, contents(claims)
    cents = {
        name: int(files[f"{name}_cents"].sum())
        for name in ("denied_in", "denied_left_out", "denied_repeated")
    }
    is_stated = held["adjustment_total"] is not None or any(cents.values())
    return {
        "layout": " ".join(files["layout"].dropna().unique()),
        "rows": int(files["rows_read"].sum()),
        **held,
        "appeal_events": len(claims.appeal_events),
        **_accounts(files),
        **{name: dollars(value) if is_stated else None for name, value in cents.items()},
    }


def _accounts(files: pd.DataFrame) -> dict:
    """Return how the rows of the files add up, and which columns were read."""
    count = {name: int(files[name].sum()) for name in ("rows_in", "rows_left_out", "rows_blank")}
    columns: dict[str, list[str]] = {}
    for one in files["columns"].dropna():
        for column, headings in json.loads(one).items():
            columns[column] = list(dict.fromkeys([*columns.get(column, []), *headings]))
    not_read = [h for one in files["columns_not_read"].dropna() for h in json.loads(one)]
    return {
        "rows_in": count["rows_in"],
        "rows_out": count["rows_in"] - count["rows_left_out"] - count["rows_blank"],
        "rows_left_out": count["rows_left_out"],
        "rows_blank": count["rows_blank"],
        "columns": columns,
        "columns_not_read": list(dict.fromkeys(not_read)),
    }


# ------------------------------------------------------------------- rows that are not denials


def _denials(sheet: Sheet, columns: dict[str, Cells], notes: Notes) -> np.ndarray:
    """Return which rows stay as denials; those that do not are noted."""
    return _leave(
        rows_of_claims(sheet, columns, notes), _not_denied(sheet, columns), sheet, notes,
        "status_not_denied",
        "with a claim status of paid or pending, a reason in words and no denied amount, left out because they are not denials",
    )  # fmt: skip


def rows_of_claims(sheet: Sheet, columns: dict[str, Cells], notes: Notes) -> np.ndarray:
    """Return which rows are of a claim; others are noted: totals, banners, other records."""
    keep = np.ones(len(sheet.rows), dtype=bool)
    for position, words in sheet.match.leave_out.items():
        heading = column_labels(sheet.headings, [position])[0]
        keep = _leave(
            keep, words_at(sheet.columns[position], words, plain), sheet, notes,
            "not_a_denial_record",
            f"left out by layout {sheet.match.layout.id} as no denial on file (column {heading})",
        )  # fmt: skip
    numbers = [columns[c] for c in _NUMBERS if c in columns]
    nameless = np.logical_and.reduce([cells.codes < 0 for cells in numbers])
    lost = nameless & _written(sheet, _NUMBERS)
    nameless &= ~lost
    again = np.zeros(len(keep), dtype=bool)
    for cells in numbers:
        again |= headings_at(cells, sheet.headings)
    says = "repeating the headings, left out: the file seems to contain two exports"
    keep = _leave(keep, again, sheet, notes, "heading_again", says)
    keep = _leave(keep, _sums(sheet, columns, numbers, nameless), sheet, notes, "totals_row",
                  "with totals of other rows, left out")  # fmt: skip
    says = "with a banner or a page break, left out"
    keep = _leave(keep, banners_at(sheet, nameless), sheet, notes, "banner_row", says)
    notes.add(
        sheet.rows[nameless & keep], "patient_control_number", "no_claim_number",
        "has no claim number and was left out: give it one, or delete the row",
    )  # fmt: skip
    return keep & ~nameless


def _leave(
    keep: np.ndarray, hit: np.ndarray, sheet: Sheet, notes: Notes, code: str, says: str
) -> np.ndarray:
    """Return which rows are kept without those that are hit, which are counted in one finding."""
    hit = hit & keep
    notes.count(sheet.rows[hit], "", code, says)
    return keep & ~hit


def _written(sheet: Sheet, names: Iterable[str]) -> np.ndarray:
    """Return which rows have anything in one of our columns, readable or not."""
    found = np.zeros(len(sheet.rows), dtype=bool)
    for name in names:
        for position in sheet.match.positions.get(name, ()):
            found |= sheet.columns[position].codes >= 0
    return found


def _sums(
    sheet: Sheet, columns: dict[str, Cells], numbers: list[Cells], nameless: np.ndarray
) -> np.ndarray:
    found = sums_at(sheet, nameless)
    for cells in numbers:
        found |= sums(cells)
    if not sheet.match.is_billing:
        found |= _in_words(sheet) & ~_written(sheet, _REASONS)
    chosen = sheet.match.layout
    if "line_number" in columns and chosen.total_line_numbers:
        found |= one_of(columns["line_number"], chosen.total_line_numbers)
    return found


def _in_words(sheet: Sheet) -> np.ndarray:
    """Return which rows have several words where a claim's number belongs."""
    found = np.zeros(len(sheet.rows), dtype=bool)
    for name in _NUMBERS:
        for position in sheet.match.positions.get(name, ()):
            cells = sheet.columns[position]
            values = cells.texts
            words = pc.match_substring_regex(values, _SEVERAL_WORDS)
            found |= np.append(words.to_numpy(zero_copy_only=False), False)[cells.codes]
    return found


def _not_denied(sheet: Sheet, columns: dict[str, Cells]) -> np.ndarray:
    """Return which rows the payer has not denied: their status says so, and no code or amount denies.

    A code or a denied amount outweighs the status, which may be that of another line, or our own.
    """
    count = len(sheet.rows)
    status = columns.get("claim_status")
    if status is None or sheet.match.is_billing:
        return np.zeros(count, dtype=bool)
    table = word_table(sheet.match.layout, "claim_status")
    said = [table.get(plain(value)) in ("paid", "pending") for value in status.values]
    hit = np.array([*said, False])[status.codes]
    if not hit.any():
        return hit
    for name in (
        "denied_amount",
        "appeal_filed",
        "appeal_decided",
        "appeal_outcome",
        "appeal_stated",
        "rarc",
    ):
        if name in columns:
            hit &= columns[name].codes < 0
    places = [p for n in ("carc", "denial_text") for p in sheet.match.positions.get(n, ())]
    places += [
        p
        for one in sheet.match.adjustments
        for n, p in one.items()
        if n in ("carc", "denied_amount")
    ]
    for position in places:
        cells = sheet.columns[position]
        coded = [bool(has_code(value)) for value in cells.values]
        hit &= ~np.array([*coded, False])[cells.codes]
    return hit


# ------------------------------------------------------------------------------------ what adds up


def _dollars_of(
    sheet: Sheet, keep: np.ndarray, placed: Rows, found: dict[str, pd.DataFrame]
) -> tuple[int, int, int]:
    """Return the cents of all rows' denied amounts, of those left out, and of those that repeat.

    What is in the tables and these must be all of them: they are added up here from the cells as
    they were read, apart from the tables.
    """
    given = np.zeros(len(sheet.rows), dtype=np.int64)
    places = [*sheet.match.positions.get("denied_amount", ())]
    places += [one["denied_amount"] for one in sheet.match.adjustments if "denied_amount" in one]
    for position in places:
        raw = sheet.columns[position]
        quiet = Notes("", replace(sheet, notes=[]))
        cells = read_column("denied_amount", raw, sheet, quiet)
        given += days_of(cells, cells.codes, missing=0)
    denied_in, left_out = int(given.sum()), int(given[~keep].sum())
    repeated = repeated_cents(placed)
    out = int(found["adjustments"]["amount_cents"].sum())
    if denied_in != left_out + repeated + out:
        raise ExportError(
            f"the denied amounts of the rows do not add up to the amounts that were read (first row "
            f"{sheet.rows[0]}); export it again, and report this file's kind"
        )
    return denied_in, left_out, repeated


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


def _note_gaps(columns: dict[str, Cells], rows: np.ndarray, notes: Notes) -> None:
    """Count the rows in which something is lacking, to be told once."""
    if "denied_amount" in columns:
        lacking = columns["denied_amount"].codes < 0
        if "amount_shared" in columns:
            lacking &= columns["amount_shared"].codes < 0
        says = "without a denied amount, which add nothing to the amount at stake"
        notes.count(rows[lacking], "denied_amount", "no_amount", says)
        negative = days_of(columns["denied_amount"], columns["denied_amount"].codes, missing=0) < 0
        says = "with a negative denied amount: money taken back, not a denial"
        notes.count(rows[negative], "denied_amount", "negative_amount", says)
        nought = days_of(columns["denied_amount"], columns["denied_amount"].codes) == 0
        if "carc" in columns:
            nought &= columns["carc"].codes >= 0
        says = "with a reason code and a denied amount of 0.00: not a denial"
        notes.count(rows[nought], "denied_amount", "zero_amount", says)
    if "plan_name" in columns:
        silent = (columns["plan_name"].codes >= 0) & (codes_of(columns, "program", len(rows)) < 0)
        says = "whose plan or financial class does not state a program: state the programs in payers.csv"
        notes.count(rows[silent], "program", "program_not_stated", says)

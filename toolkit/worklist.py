"""The worklist: its columns, what its due states mean, its summary, and its files.

A worklist file holds account numbers: it is written readable by its owner only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.claims import tables as canonical
from toolkit.claims.tables import Column
from toolkit.denials.codes import shown
from toolkit.errors import RefusedError, UsageError
from toolkit.keys import coded, combined
from toolkit.outputs import whole

if TYPE_CHECKING:
    import pyarrow as pa


def _columns(*rows: tuple) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


WORKLIST = _columns(
    ("denial_key", "text", "our key: the line's, or the claim's + '-c' for a claim-level denial"),
    ("claim_key", "text", "our key for the claim"),
    ("line_key", "text", "our key for the line; missing for a claim-level denial"),
    ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file"),
    ("row", "count", "where it stands in the file"),
    ("patient_control_number", "text", "ours (CLP01)", True),
    ("payer_claim_control_number", "text", "theirs (CLP07)", True),
    ("payer_id", "text", "the payer's identifier"),
    ("payer_name", "text", "the payer as the file names it"),
    ("plan_name", "text", "the plan or financial class as the file names it"),
    ("program", "text", "program id; missing where nothing states it"),
    ("program_from", "text", "claim_filing_indicator, export or payers.csv"),
    ("contracted", "text", "contracted, not_contracted; missing where nothing states it"),
    ("contracted_from", "text", "export or payers.csv"),
    ("facility", "text", "where the service was given"),
    ("owner", "text", "work queue or team"),
    ("service_from", "date", "first day of service"),
    ("procedure_code", "text", "CPT or HCPCS"),
    ("stage", "text", "payment unless the file states another: a billed claim is a payment matter"),
    ("group_code", "text", "of the primary adjustment"),
    ("carc", "text", "of the primary adjustment"),
    ("rarcs", "text", "remark codes on the line and the claim, sorted, one space between"),
    ("denial_category", "text", "our grouping"),
    ("reason", "text", "finer than the category"),
    ("route", "text", "what to do first"),
    ("nature", "text", "clinical or technical"),
    ("preventable", "text", "yes, partly or no, as the code's rule has it"),
    ("liability", "text", "provider, patient or other"),
    ("confidence", "text", "high, medium, low or inferred"),
    ("decided_by", "text", "the entry that chose the category"),
    (
        "second_look",
        "text",
        "ids of what does not fit together, one space between; '' where all fits",
    ),
    ("appealable", "flag", "whether this denial can be appealed by the provider"),
    ("billed_cents", "cents", "charge of the line, or of the claim for a claim-level denial"),
    ("paid_cents", "cents", "paid on the same"),
    (
        "denied_cents",
        "cents",
        "sum of this row's denial adjustments; never repeated on another row",
    ),
    (
        "in_controversy_cents",
        "cents",
        "amount in controversy at `level`: the claim's open denials that go there together, less what was "
        "paid back; repeated on each of them, missing where the level's rules look at none",
    ),
    ("other_reasons", "text", "group and CARC of the row's other denial adjustments"),
    ("level", "text", "level to file next, or that waits for a decision"),
    ("notice_date", "date", "the day whose notice starts the clock"),
    (
        "notice_from",
        "text",
        "notice_date, remittance_date, decided_on, or filed_on where the clock starts with that",
    ),
    ("notice_received", "date", "documented receipt of that notice"),
    ("last_filing_date", "date", "last lawful day"),
    ("file_by", "date", "earliest defensible reading, on a working day"),
    ("filed_when", "text", "received or postmarked"),
    ("citation", "text", "of the filing rule"),
    (
        "rule_status",
        "text",
        "weakest mark behind the dates: V read at the source, V2 second-hand, M from memory",
    ),
    ("days_left", "count", "file_by minus the as-of date"),
    ("due", "text", "see DUE"),
    ("state", "text", "what stands now: see rules/history/states.yaml"),
    (
        "state_from",
        "text",
        "what decided the state: decision (the row's own), appeal, case_status, or the file and row of a later decision",
    ),
    ("decision_due", "date", "day on which the payer's decision on the filed appeal is due"),
    ("standing", "text", "who may file and with which paper"),
    ("gap", "text", "what is missing for a date, and what to fill in"),
    ("why", "text", "the steps of the date, or why there is none"),
    ("last_level", "text", "level of the last appeal on file"),
    ("filed_on", "date", "day it was filed"),
    ("decided_on", "date", "day it was decided"),
    ("outcome", "text", "its outcome"),
    ("recovered_cents", "cents", "paid after it"),
)

DUE = {
    "overdue": "the last filing date has passed",
    "past_safe_date": "file_by has passed, the last filing date has not",
    "due_this_week": "file_by is today or within the next six days",
    "due_later": "file_by is later",
    "awaiting_decision": "filed, no decision yet",
    "no_date": "a fact or a rule is missing: see the gap",
    "no_appeal_right": "this denial cannot be appealed by the provider",
    "nothing_to_file": "the case moves by itself",
    "closed": "won, withdrawn, or closed in the hospital's own system",
}

# In a file the amounts are dollars with two decimals, exact; in memory they are whole cents.
_DOLLARS = {c.name: c.name.removesuffix("_cents") for c in WORKLIST if c.kind == "cents"}


def dollars(cents: int | None) -> str:
    """Return whole cents as a plain text of dollars with two decimals; nothing for None."""
    if cents is None or cents is pd.NA:
        return ""
    return canonical.dollars(cents)


@dataclass(frozen=True)
class Tally:
    """What a worklist, or a part of it, adds to the summary: counts and cents by group."""

    by_due: pd.DataFrame
    by_gap: pd.DataFrame
    by_code: pd.DataFrame


_COUNTS = ("size", "sum", "unknown")


def tally(worklist: pd.DataFrame) -> Tally:
    """Return counts by due state, by gap and payer, and by unknown code.

    `size` counts denials, `sum` adds up their cents, `unknown` counts those that state none.
    """
    gaps = worklist[worklist["due"].eq("no_date")]
    new = worklist[worklist["denial_category"].eq("unclassified")]
    codes = _counted(new, ["group_code", "carc"])
    for name in ("group_code", "carc"):  # what has not the form of a code may be any text
        codes[name] = pd.array([shown(name, one) or None for one in codes[name]], dtype="str")
    return Tally(
        _counted(worklist, ["due"]), _counted(gaps, ["gap", "payer_name"]), _added([codes])
    )


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Return the tally of the whole from those of its parts."""
    parts = list(tallies)
    names = [one.name for one in fields(Tally)]
    return Tally(*(_added([getattr(part, name) for part in parts]) for name in names))


def _counted(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    columns = [coded(rows[key]) for key in keys]
    number, first = combined(columns)
    cents = np.zeros(len(first), dtype="int64")
    np.add.at(cents, number, rows["denied_cents"].fillna(0).to_numpy(dtype="int64"))
    unknown = rows["denied_cents"].isna().to_numpy(dtype=bool)
    found = {
        key: column.take(first).array("text") for key, column in zip(keys, columns, strict=True)
    }
    counts = {
        "size": np.bincount(number, minlength=len(first)),
        "sum": cents,
        "unknown": np.bincount(number[unknown], minlength=len(first)),
    }
    return pd.DataFrame(found | counts)


def _added(parts: list[pd.DataFrame]) -> pd.DataFrame:
    keys = [name for name in parts[0] if name not in _COUNTS]
    whole = pd.concat(parts, ignore_index=True)
    return whole.groupby(keys, dropna=False, as_index=False)[list(_COUNTS)].sum()


def _amounts(size: int, cents: int, unknown: int) -> dict[str, Any]:
    """Return how many denials, their dollars (None where none states any), and how many state none."""
    known = dollars(cents) if unknown < size or not size else None
    found = {"denials": int(size), "denied": known}
    return found | ({"without_amount": int(unknown)} if unknown else {})


def summary(counted: Tally, *, findings: int) -> dict[str, Any]:
    """Return counts and dollars by due state, the gaps to fill in, and the codes nobody knows.

    Dollars are text, None where no denial states any; `without_amount` counts those that state none.
    Every row of the worklist is in exactly one due state.
    """
    by_due = counted.by_due.set_index("due")
    by_gap = counted.by_gap.sort_values(["gap", "payer_name"], kind="stable")
    by_gap = by_gap.sort_values("size", ascending=False, kind="stable")
    return {
        **_amounts(*(int(by_due[name].sum()) for name in _COUNTS)),
        "by_due": {
            due: _amounts(row["size"], row["sum"], row["unknown"])
            for due, row in by_due.reindex([due for due in DUE if due in by_due.index]).iterrows()
        },
        "gaps": [
            {
                "fill_in": gap,
                "payer": None if pd.isna(payer) else payer,
                **_amounts(*counts),
            }
            for gap, payer, *counts in by_gap.itertuples(index=False)
        ],
        "unclassified": [
            {
                "code": "-".join(part for part in code if not pd.isna(part)),
                **_amounts(size, cents, unknown),
            }
            for *code, size, cents, unknown in counted.by_code.sort_values(
                ["group_code", "carc"], kind="stable"
            ).itertuples(index=False)
        ],
        "findings": findings,
    }


def find_denial(worklist: pd.DataFrame, number: str) -> str:
    """Return the denial key that a claim key, denial key or claim number means.

    Several denials on the claim: refused, with their keys. The number itself is never repeated.
    """
    names = [
        "denial_key",
        "claim_key",
        "patient_control_number",
        "payer_claim_control_number",
    ]
    for name in names:
        found = worklist.loc[worklist[name].eq(number), "denial_key"]
        if len(found) == 1:
            return found.iloc[0]
        if len(found):
            keys = tuple(f"--claim {key}" for key in found)
            raise RefusedError("the claim has several denials; name one of them.", needs=keys)
    raise UsageError("no denial with that key or number is in the export (--claim)")


def write_worklist(worklist: pd.DataFrame, path: Path) -> Path:
    """Write the worklist as .parquet, .csv or .xlsx: whole or not at all, owner only.

    Amounts are dollars with two decimals. In CSV a text that a spreadsheet would take for a
    formula is written with an apostrophe before it.
    """
    return write_tables([arrow_of(worklist)], path)


def write_tables(tables: "Iterable[pa.Table]", path: Path) -> Path:
    """Write the parts of a worklist, one after the other, as one file: see `write_worklist`."""
    writers = {".parquet": _parquet, ".csv": _csv, ".xlsx": _xlsx}
    write = writers.get(path.suffix.lower())
    if write is None:
        raise UsageError("--out ends in none of .parquet, .csv, .xlsx")
    with whole(path) as temporary:
        write(tables, temporary)
    return path


def arrow_of(worklist: pd.DataFrame) -> "pa.Table":
    """Return the worklist as it stands in a Parquet file: dollars exact, days as dates.

    Text columns that are categories stay so, as dictionaries.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.Table.from_pandas(worklist, preserve_index=False).replace_schema_metadata(None)
    cent = pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))
    for cents, name in _DOLLARS.items():
        at = table.schema.get_field_index(cents)
        whole = table.column(at).cast(pa.decimal128(19, 0))
        exact = pc.multiply(whole, cent)
        table = table.set_column(at, name, exact.cast(pa.decimal128(18, 2)))
    days = [c.name for c in WORKLIST if c.kind == "date"]
    for name in days:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(at).cast(pa.date32()))
    return table


def arrow_schema() -> "pa.Schema":
    """Return the schema of a worklist's Parquet file."""
    import pyarrow as pa

    kinds = {
        "text": pa.large_string(), "date": pa.date32(), "cents": pa.decimal128(18, 2),
        "count": pa.int64(), "number": pa.float64(), "flag": pa.bool_(),
    }  # fmt: skip
    return pa.schema([(_DOLLARS.get(c.name, c.name), kinds[c.kind]) for c in WORKLIST])


def _parquet(tables: "Iterable[pa.Table]", path: Path) -> None:
    import pyarrow.parquet as pq

    writer = None
    try:
        for table in tables:
            # Texts may come as dictionaries: they are written as such, and are texts to any reader.
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, store_schema=False)
            writer.write_table(table.cast(writer.schema))
        if writer is None:
            writer = pq.ParquetWriter(path, arrow_schema(), store_schema=False)
    finally:
        if writer is not None:
            writer.close()


def _csv(tables: "Iterable[pa.Table]", path: Path) -> None:
    import csv

    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow(_DOLLARS.get(c.name, c.name) for c in WORKLIST)
        for table in tables:
            columns = [_cells(table.column(at), c.kind) for at, c in enumerate(WORKLIST)]
            write.writerows(zip(*columns, strict=True))


def _cells(column: "pa.ChunkedArray", kind: str) -> list:
    """Return a column's cells as a CSV has them; a text that is like a formula behind an apostrophe."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind == "flag":
        column = pc.if_else(column, "True", "False")
    elif kind != "text":
        column = column if kind == "number" else column.cast(pa.string())
    elif pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if kind == "text" and not pa.types.is_null(column.type):
        risky = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
        if pc.any(risky).as_py():
            column = column.cast(pa.large_string())
            mark, end = (pa.scalar(text, pa.large_string()) for text in ("'", ""))
            marked = pc.binary_join_element_wise(mark, column, end)
            column = pc.if_else(pc.fill_null(risky, False), marked, column)
    return column.to_pylist()


_SHEET_ROWS = 1_048_575  # below the headings


def _xlsx(tables: "Iterable[pa.Table]", path: Path) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(
        path, {"strings_to_formulas": False, "strings_to_urls": False, "constant_memory": True}
    )
    head = book.add_format({"bold": True, "bottom": 1})
    money = book.add_format({"num_format": "#,##0.00"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Worklist")
    sheet.freeze_panes(1, 1)
    for at, column in enumerate(WORKLIST):
        sheet.set_column(at, at, 14 if column.kind != "text" else 18)
    sheet.write_row(0, 0, [_DOLLARS.get(c.name, c.name) for c in WORKLIST], head)
    number = 0
    for table in tables:
        columns = [table.column(at).to_pylist() for at in range(len(WORKLIST))]
        for cells in zip(*columns, strict=True):  # a sheet is written row by row
            number += 1
            if number > _SHEET_ROWS:
                raise UsageError(
                    f"the worklist has more than {_SHEET_ROWS:,} rows, which no sheet holds; "
                    "write it as .parquet or .csv (--out)"
                )
            for at, (cell, column) in enumerate(zip(cells, WORKLIST, strict=True)):
                if cell is None:
                    continue
                if column.kind == "date":
                    sheet.write_datetime(number, at, cell, day)
                elif column.kind == "cents":
                    sheet.write_number(number, at, float(cell), money)
                elif column.kind == "text":
                    sheet.write_string(number, at, cell)
                else:
                    sheet.write(number, at, cell)
    sheet.autofilter(0, 0, max(number, 1), len(WORKLIST) - 1)
    book.close()

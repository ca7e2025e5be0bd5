"""The workbook that an analyst works from: what can still be won first, what to do, and room for what was done.

Its columns keep the names of the worklist (`toolkit.worklist.table`) in the cells of the head, where a
number format shows the heading in words. The columns that are not in view stand in hidden groups, each
behind the one that it explains. `toolkit record --from` reads back what was filled in.
"""

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.cases import Case, Fact, event_rules
from toolkit.claims.tables import Claims, Column
from toolkit.denials.services import service_of
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.letters.checklist import documents_of, steps_of
from toolkit.metrics import Facts, FactTables, facts_of
from toolkit.outputs import whole
from toolkit.reports.workbook import WORK
from toolkit.rules.words import capital
from toolkit.worklist import DOLLARS, ENTRIES, OWNER_LISTED, WORKLIST
from toolkit.worklist.keys import ask

SHEET_ROWS = 1_048_575  # below the head

# The columns in view, each with those behind it. Columns that are named nowhere stand behind the last.
IN_VIEW: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("patient_control_number",
     ("payer_claim_control_number", "service_from", "procedure_code", "facility", "stage")),
    ("payer_name",
     ("payer_id", "plan_name", "program", "program_from", "contracted", "contracted_from")),
    ("denial_category",
     ("reason", "group_code", "carc", "rarcs", "other_reasons", "nature", "preventable", "liability",
      "confidence", "decided_by", "second_look", "appealable")),
    ("denied", ("billed", "paid", "in_controversy")),
    ("expected", ()),
    ("due", ("gap", "why", "standing")),
    ("days_left", ()),
    ("file_by", ()),
    ("last_filing_date",
     ("filed_when", "citation", "rule_status", "notice_date", "notice_from", "notice_received")),
    ("route",
     ("level", "state", "state_from", "decision_due", "last_level", "filed_on", "decided_on", "outcome",
      "recovered")),
    ("next_action", ()),
    ("checklist", ()),
    ("owner", (OWNER_LISTED,)),
    ("status", ()),
    ("status_date", ("status_outcome", "status_amount")),
    ("notes", ("earlier_notes", "denial_key", "claim_key", "line_key", "file_id", "row")),
)  # fmt: skip

# What the workbook has beside the worklist and what people enter.
BESIDE = (
    Column("expected", "cents", "at stake x the rate of winning, shrunk x what wins brought back; "
           "blank where no decided appeal says what to expect, or no appeal is open"),
    Column("next_action", "text", "the first step of the checklist"),
    Column("checklist", "text", "the steps in order and the documents needed, as toolkit checklist has them"),
    Column(OWNER_LISTED, "text", "the owner when the workbook was written"),
    Column("earlier_notes", "text", "notes recorded before, the last one first", True),
)  # fmt: skip

# The headings that the reports' worklist does not have, or has longer, each with its width.
_HEADINGS = {
    "expected": ("Expected back", 11), "next_action": ("Next action", 44), "checklist": ("Checklist", 12),
    "status": ("Status", 18), "status_date": ("Status date", 10), "status_outcome": ("Outcome decided", 17),
    "status_amount": ("Amount", 12), "notes": ("Notes", 30), "earlier_notes": ("Earlier notes", 40),
    OWNER_LISTED: ("Owner as listed", 14), "days_left": ("Days left", 6),
}  # fmt: skip
# Columns in view that are narrower here.
_WIDTHS = {
    "payer_name": 23, "owner": 15, "patient_control_number": 15, "denied": 11, "due": 15, "file_by": 10,
    "last_filing_date": 10, "route": 17, "denial_category": 21,
}  # fmt: skip
_WRAPPED = ("next_action", "notes")
_LINE = 13.5  # points of a row with one line

# What can still be won comes first; then what lacks a date or goes another way, what waits, what is late.
_AHEAD = ("past_safe_date", "due_this_week", "due_later")
_OTHER_WAYS = (
    "corrected_claim", "send_records", "reopening", "other_payer", "retro_authorization",
    "contract_dispute", "review",
)  # fmt: skip
_WAITS = ("awaiting_decision", "nothing_to_file")

_NO_OWNER = "No owner"
_FOOT = "&LPatient data: keep inside the hospital&R&P of &N"
_LISTS = "Lists"


@dataclass(frozen=True, eq=False)
class Beside:
    """What the workbook needs of some claims and their worklist, apart from its rows.

    `codes`: denial_key and revenue_code. `notes`: claim_key, line_key and the words of each note.
    """

    facts: FactTables
    codes: pd.DataFrame
    notes: pd.DataFrame


def beside_of(claims: Claims, worklist: pd.DataFrame, as_of: date) -> Beside:
    """Return what the workbook needs of these claims; of parts, each gives its own."""
    lines = claims.claim_lines[["claim_key", "line_key", "revenue_code"]]
    own = worklist[["denial_key", "claim_key", "line_key"]].merge(
        lines.drop(columns="claim_key").dropna(subset="line_key"), on="line_key", how="left"
    )
    first = lines.drop_duplicates("claim_key").set_index("claim_key")["revenue_code"]
    codes = own["revenue_code"].where(own["line_key"].notna(), own["claim_key"].map(first))
    said = claims.recorded_events
    said = said[said["event"].eq("note") & said["proof"].notna()]
    said = said.sort_values("entry", ascending=False)
    return Beside(
        facts_of(claims, worklist, as_of=as_of)[0],
        own[["denial_key"]].assign(revenue_code=codes.array),
        said[["claim_key", "line_key", "proof"]].reset_index(drop=True),
    )


def write_worked_list(
    tables: Iterable[pa.Table],
    beside: Iterable[Beside],
    path: Path,
    *,
    as_of: date,
    hospital: Hospital,
    by_owner: bool = False,
) -> None:
    """Write the worklist as a workbook to work from; whole or not at all, readable by its owner only.

    `tables` are the rows as `toolkit.worklist.arrow_of` gives them. With `by_owner` each owner has a
    sheet, and no row stands on two. Raises UsageError where a sheet cannot hold the rows.
    """
    rows = _together(tables)
    more = _beside(rows, list(beside), as_of=as_of, hospital=hospital)
    order = _order(rows, more)
    rows, more = rows.take(pa.array(order)), more.iloc[order]
    owners = sorted({one for one in more[OWNER_LISTED].dropna() if one.strip()}, key=str.casefold)
    with whole(path) as temporary:
        _write(temporary, rows, more, owners, as_of=as_of, by_owner=by_owner)


def _together(tables: Iterable[pa.Table]) -> pa.Table:
    """Return the rows as one table, as long as a sheet holds them."""
    held, count = [], 0
    for table in tables:
        count += len(table)
        if count > SHEET_ROWS:
            raise UsageError(
                f"the worklist has more than {SHEET_ROWS:,} rows, which no sheet holds; "
                "write it as .parquet or .csv (--out)"
            )
        held.append(table)
    if not held:
        from toolkit.worklist import arrow_schema

        return arrow_schema().empty_table()
    return pa.concat_tables(held, promote_options="permissive").unify_dictionaries()


# --- what stands beside the worklist's own columns ------------------------------------------------


_KEYS = (
    "program", "contracted", "stage", "level", "reason", "route", "denial_category", "state", "due", "gap",
    "filed_when", "because", "procedure_code", "revenue_code", "jurisdiction",
)  # fmt: skip


def _beside(
    rows: pa.Table, parts: Sequence[Beside], *, as_of: date, hospital: Hospital
) -> pd.DataFrame:
    names = [
        "denial_key", "claim_key", "line_key", "payer_id", "payer_name", "plan_name", "owner", "why",
        "procedure_code", *(name for name in _KEYS if name in rows.column_names),
    ]  # fmt: skip
    frame = rows.select(list(dict.fromkeys(names))).to_pandas()
    keys = frame["denial_key"].astype("str")
    revenue = pd.concat(
        [part.codes for part in parts] or [pd.DataFrame({"denial_key": [], "revenue_code": []})]
    )
    frame["revenue_code"] = keys.map(revenue.set_index("denial_key")["revenue_code"]).array
    steps = _checklists(frame, hospital, as_of)
    return pd.DataFrame(
        {
            "expected": keys.map(_expected(parts, as_of)),
            "next_action": steps["next_action"],
            "checklist": steps["checklist"],
            OWNER_LISTED: frame["owner"].astype("str"),
            "earlier_notes": _notes(frame, parts),
        }
    )


def _expected(parts: Sequence[Beside], as_of: date) -> pd.Series:
    """Return the dollars expected of each denial that an appeal can still bring back, by its key."""
    from toolkit.metrics.studies import expected

    if not parts:
        return pd.Series(dtype="float64")
    found = expected(Facts.of_parts((part.facts for part in parts), as_of=as_of))
    return (found.set_index("denial_key")["expected_cents"] / 100).round(2)


def _checklists(frame: pd.DataFrame, hospital: Hospital, as_of: date) -> pd.DataFrame:
    """Return the first step and the checklist of each row, asked once per distinct key."""

    def governed(payer_id, payer_name, plan_name) -> dict:
        entry = hospital.payer(payer_id, payer_name, plan_name)
        return {"jurisdiction": entry.jurisdiction or None if entry else None}

    def family(procedure_code, revenue_code) -> dict:
        known = bool(service_of(procedure_code, revenue_code))
        return {
            "procedure": procedure_code if known else None,
            "revenue": revenue_code if known else None,
        }

    payer = ask(frame, ("payer_id", "payer_name", "plan_name"), governed)
    codes = ask(frame, ("procedure_code", "revenue_code"), family)
    frame = frame.assign(
        because=frame["why"].notna().map({True: "see the column why", False: None}),
        jurisdiction=payer["jurisdiction"],
        procedure_code=codes["procedure"],
        revenue_code=codes["revenue"],
    )
    return ask(frame, _KEYS, partial(_checklist, as_of))


def _checklist(as_of: date, *, because: str | None, **known: str | None) -> dict[str, str]:
    """Return the steps of a denial without its days, which stand in columns of their own."""
    given = {"why": because, **known}
    case = Case("", {name: Fact(value, "triage") for name, value in given.items() if value})
    steps = [one.do for one in steps_of(case)]
    papers = [f"{one.what} (from: {one.holder})" for one in documents_of(case, as_of=as_of)]
    lines = [f"{n}. {do}" for n, do in enumerate(steps, 1)]
    return {
        "next_action": steps[0] if steps else "",
        "checklist": "\n".join([*lines, "Documents:", *(f"- {one}" for one in papers)]),
    }


def _notes(frame: pd.DataFrame, parts: Sequence[Beside]) -> pd.Series:
    """Return the notes of each denial's claim, those of other lines left out."""
    notes = [part.notes for part in parts if len(part.notes)]
    if not notes:
        return pd.Series(None, index=frame.index, dtype="str")
    every = pd.concat(notes)
    mine = frame[["denial_key", "claim_key", "line_key"]].astype("str")
    found = mine.merge(every, on="claim_key", suffixes=("", "_said"))
    found = found[found["line_key_said"].isna() | found["line_key_said"].eq(found["line_key"])]
    said = found.groupby("denial_key", sort=False)["proof"].agg("\n".join)
    return mine["denial_key"].map(said)


def _order(rows: pa.Table, more: pd.DataFrame) -> np.ndarray:
    """Return the places of the rows in the order in which they are worked."""
    names = ["due", "route", "file_by", "denied", "denial_key"]
    frame = rows.select(names).to_pandas()
    due, route = frame["due"].astype("str"), frame["route"].astype("str")
    late = due.eq("overdue")
    other = due.isin(("no_date", "no_appeal_right")) & (due.eq("no_date") | route.isin(_OTHER_WAYS))
    rank = np.select(
        [due.isin(_AHEAD), other, due.isin(_WAITS), late, due.ne("closed")], [0, 1, 2, 3, 4], 5
    )
    sorted_by = pd.DataFrame(
        {
            "rank": rank,
            "expected": -more["expected"].to_numpy("float64"),
            "file_by": pd.to_datetime(frame["file_by"]),
            "denied": -frame["denied"].astype("float64"),
            "key": frame["denial_key"].astype("str"),
        }
    )
    return sorted_by.sort_values(list(sorted_by), kind="stable").index.to_numpy()


# --- the workbook ---------------------------------------------------------------------------------


def columns() -> tuple[tuple[Column, bool], ...]:
    """Return the workbook's columns in order, each with whether it is in view."""
    own = [Column(DOLLARS.get(c.name, c.name), c.kind, c.says, c.personal) for c in WORKLIST]
    known = {c.name: c for c in (*own, *ENTRIES, *BESIDE)}
    found = [(name, at == 0) for view, behind in IN_VIEW for at, name in enumerate((view, *behind))]
    named = {name for name, _ in found}
    return tuple(
        (known[name], seen) for name, seen in (*found, *((one, False) for one in known if one not in named))
    )  # fmt: skip


def _heading(column: Column) -> tuple[str, int]:
    """Return a column's heading and width, as the reports' worklist has them where it has the column."""
    of_reports = {DOLLARS.get(name, name): (heading, width) for name, heading, _, width, _ in WORK}
    plain = (capital(column.name.replace("_", " ")), 16)
    heading, width = _HEADINGS.get(column.name) or of_reports.get(column.name, plain)
    return heading, _WIDTHS.get(column.name, width)


def _write(
    path: Path,
    rows: pa.Table,
    more: pd.DataFrame,
    owners: Sequence[str],
    *,
    as_of: date,
    by_owner: bool,
) -> None:
    import xlsxwriter

    options = {
        "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "constant_memory": True,
    }  # fmt: skip
    with ExitStack() as stack:
        book = stack.enter_context(xlsxwriter.Workbook(path, options))
        made = datetime.combine(as_of, time(), tzinfo=UTC)
        book.set_properties({"title": f"Worklist as of {as_of.isoformat()}", "created": made})
        forms = _forms(book)
        chosen = columns()
        listed = more[OWNER_LISTED].fillna("").str.strip()
        groups: list[tuple[str, np.ndarray | None]] = [("Worklist", None)]
        if by_owner:
            of_owner = [(owner, np.flatnonzero(listed.eq(owner))) for owner in (*owners, "")]
            held = [(owner or _NO_OWNER, at) for owner, at in of_owner if len(at)]
            names = _sheet_names([owner for owner, _ in held])
            groups = [(name, at) for name, (_, at) in zip(names, held, strict=True)]
        for name, at in groups or [("Worklist", None)]:
            held = rows if at is None else rows.take(pa.array(at))
            beside = more if at is None else more.iloc[at]
            _sheet(book, forms, name, chosen, held, beside, owners)
        _about(book, forms, chosen, rows, as_of)
        if owners:
            sheet = book.add_worksheet(_LISTS)
            for place, owner in enumerate(owners):
                sheet.write_string(place, 0, owner)
            sheet.hide()


def _sheet_names(names: Sequence[str]) -> list[str]:
    """Return a name for each sheet that Excel takes and that no other sheet has."""
    found: list[str] = []
    taken = {"about", _LISTS.lower(), "history"}
    for name in names:
        base = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", name).strip().strip("'")[:31] or "Owner"
        one, number = base, 1
        while one.casefold() in taken:
            number += 1
            one = f"{base[: 31 - len(str(number)) - 1]} {number}"
        taken.add(one.casefold())
        found.append(one)
    return found


def _sheet(
    book: Any,
    forms: dict[str, Any],
    name: str,
    chosen: Sequence[tuple[Column, bool]],
    rows: pa.Table,
    more: pd.DataFrame,
    owners: Sequence[str],
) -> None:
    sheet = book.add_worksheet(name)
    filled = {c.name for c in ENTRIES} | {"owner"}
    for at, (column, seen) in enumerate(chosen):
        heading, width = _heading(column)
        look = "entry" if column.name in filled else "plain"
        form = forms[look, _looks(column)]
        behind = at + 1 < len(chosen) and not chosen[at + 1][1]
        options = {"collapsed": behind} if seen else {"level": 1, "hidden": True}
        sheet.set_column(at, at, width, form, options)
        shown = book.add_format(
            forms["head"] | {"num_format": f';;;"{heading}"'}
            | ({"bg_color": "#fff2cc"} if look == "entry" else {})
        )  # fmt: skip
        sheet.write_string(0, at, column.name, shown)
    # The sign that opens a group stands at the column before it, which the group explains.
    sheet.outline_settings(True, True, False, False)
    sheet.set_row(0, 32)
    sheet.freeze_panes(1, 1)
    number = 0
    action = [column.name for column, _ in chosen].index("next_action")
    wide = _heading(chosen[action][0])[1]
    for cells in _cells(rows, more, chosen):
        number += 1
        if (lines := _lines(cells[action], wide)) > 1:
            sheet.set_row(number, _LINE * lines)
        for at, (cell, (column, _)) in enumerate(zip(cells, chosen, strict=True)):
            if cell is None or cell == "":
                continue
            look = "entry" if column.name in filled else "plain"
            _put(sheet, number, at, cell, column, forms[look, _looks(column)])
    last = max(number, 1)
    sheet.autofilter(0, 0, last, len(chosen) - 1)
    place = {column.name: at for at, (column, _) in enumerate(chosen)}
    _validate(sheet, place, last, owners)
    for due, form in (("overdue", "late"), ("past_safe_date", "soon"), ("due_this_week", "soon")):
        rule = {"type": "cell", "criteria": "==", "value": f'"{due}"', "format": forms[form]}
        sheet.conditional_format(1, place["due"], last, place["due"], rule)
    sheet.set_landscape()
    sheet.set_paper(1)  # letter
    sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer(_FOOT)


@cache
def _lines(words: str, wide: int) -> int:
    """Return how many lines of that many letters the words take."""
    return len(textwrap.wrap(words, wide))


def _cells(
    rows: pa.Table, more: pd.DataFrame, chosen: Sequence[tuple[Column, bool]]
) -> Iterator[tuple]:
    """Give the cells row by row, some thousand rows at a time."""
    own = set(rows.column_names)
    for start in range(0, len(rows), 5_000):
        part, beside = rows.slice(start, 5_000), more.iloc[start : start + 5_000]
        blank = [None] * len(part)
        held = [
            part[c.name].to_pylist()
            if c.name in own
            else beside[c.name].astype("object").where(beside[c.name].notna(), None).tolist()
            if c.name in beside
            else blank
            for c, _ in chosen
        ]
        yield from zip(*held, strict=True)


def _looks(column: Column) -> str:
    return "wrap" if column.name in _WRAPPED else column.kind


_LONGEST = 32_767  # letters that a cell holds


def _put(sheet: Any, row: int, at: int, cell: Any, column: Column, form: Any) -> None:
    if column.kind == "date":
        sheet.write_datetime(row, at, cell, form)
    elif column.kind == "flag":
        sheet.write_boolean(row, at, cell, form)
    elif column.kind == "text":
        sheet.write_string(row, at, str(cell)[:_LONGEST], form)
    else:
        sheet.write_number(row, at, float(cell), form)


def _validate(sheet: Any, place: dict[str, int], last: int, owners: Sequence[str]) -> None:
    """Give the columns that people fill in their drop-downs and their kinds."""
    rules = event_rules()
    done = [event for event in rules.events if event != "note"]
    some: dict[str, dict[str, Any]] = {
        "status": {"validate": "list", "source": done},
        "status_outcome": {"validate": "list", "source": list(rules.outcomes)},
        "status_date": {
            "validate": "date", "criteria": ">=", "value": date(2000, 1, 1),
            "error_message": "A date, such as 2026-03-02.",
        },
        "status_amount": {
            "validate": "decimal", "criteria": ">", "value": 0,
            "error_message": "Dollars above zero.",
        },
    }  # fmt: skip
    if owners:  # another may be typed
        source = f"={_LISTS}!$A$1:$A${len(owners)}"
        some["owner"] = {"validate": "list", "source": source, "show_error": False}
    for name, rule in some.items():
        sheet.data_validation(1, place[name], last, place[name], rule)


_WORKING = (
    "The worklist is sorted by what can still be won: first what has its day ahead, most expected dollars "
    "first, then by the day to file by. What lacks a date or goes another way follows, then what waits for a "
    "decision, what is overdue, and what is closed.",
    "Use the plus signs above the columns to open the details behind each.",
    "Yellow columns are yours: owner, status, status date, outcome and amount (behind the status date), notes. "
    "A status is an event at the row's level (behind the route) and needs its date.",
    "toolkit record EXPORT --from THIS FILE reads them back: each once, however often it is read. Sorting, "
    "filtering and deleting rows do no harm, as long as the column denial_key stays.",
    "Patient data: this workbook holds patient account and payer claim numbers. Keep it inside the hospital.",
)  # fmt: skip


def _about(
    book: Any, forms: dict[str, Any], chosen: Sequence[tuple[Column, bool]], rows: pa.Table, as_of: date
) -> None:  # fmt: skip
    sheet = book.add_worksheet("About")
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 26)
    sheet.set_column(2, 2, 100)
    write: Callable[..., Any] = partial(sheet.write_string)
    write(0, 0, "Worklist as of", forms["bold"])
    write(0, 1, as_of.isoformat())
    write(1, 0, "Denials", forms["bold"])
    sheet.write_number(1, 1, len(rows), forms["count"])
    for at, words in enumerate(_WORKING, 3):
        write(at, 0, words)
    head = 4 + len(_WORKING)
    for at, words in enumerate(("Heading", "Column", "Meaning")):
        write(head, at, words, forms["bold"])
    for at, (column, _) in enumerate(chosen, head + 1):
        write(at, 0, _heading(column)[0])
        write(at, 1, column.name)
        write(at, 2, column.says)
    sheet.set_landscape()
    sheet.set_paper(1)
    sheet.fit_to_pages(1, 0)


def _forms(book: Any) -> dict[Any, Any]:
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
    # A quote prefix keeps text text when somebody edits the cell: '=1+1' stays what it is.
    text = base | {"quote_prefix": True}
    kinds = {
        "text": text | {"align": "left", "indent": 1}, "wrap": text | {"text_wrap": True, "align": "left", "indent": 1}, "flag": base,
        "date": base | {"num_format": "yyyy-mm-dd", "align": "center"},
        "cents": base | {"num_format": "#,##0.00"}, "count": base | {"num_format": "0"},
        "number": base,
    }  # fmt: skip
    entry = {"bg_color": "#fffaeb", "border": 1, "border_color": "#e0d8c0"}
    made: dict[Any, Any] = {}
    for kind, look in kinds.items():
        made["plain", kind] = book.add_format(look)
        made["entry", kind] = book.add_format(look | entry)
    return made | {
        "head": base
        | {"bold": True, "bg_color": "#e9eef3", "bottom": 1, "text_wrap": True, "valign": "vcenter"},
        "bold": book.add_format({"bold": True}),
        "count": book.add_format({"num_format": "#,##0", "align": "left"}),
        "late": book.add_format({"font_color": "#9c0006", "bg_color": "#ffd7d7"}),
        "soon": book.add_format({"font_color": "#7a4b00", "bg_color": "#ffeccc"}),
    }  # fmt: skip

"""Read back the workbook of a worklist: what people filled in becomes entries of the store, each once.

A row is of the denial whose key it holds, wherever it was sorted to. What cannot be entered is named by
its place and its column and never dropped in silence. No message repeats a cell.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.cases.case import Case, Fact, cases_from
from toolkit.cases.events import check_still_open, record_event
from toolkit.cases.identity import plain
from toolkit.cases.picking import pick_case
from toolkit.cases.recordable import event_rules
from toolkit.cases.store import CaseStore
from toolkit.claims.export.cells import read_date
from toolkit.claims.export.workbooks import grids
from toolkit.claims.tables import Claims, dollars
from toolkit.errors import InputError, RefusedError, UsageError
from toolkit.hospital import Hospital
from toolkit.worklist import DOLLARS, ENTRIES, OWNER_LISTED

# What a row is known by, and what it has to hold to be read back; the order of columns is free.
_KEY = "denial_key"
_NEEDED = (_KEY, "level", "owner", OWNER_LISTED, *(column.name for column in ENTRIES))
# What the worklist says today is held against these cells; another day alone changes none of them.
_COMPARED = ("payer_name", "route", "level", "state", "file_by", "last_filing_date", "denied")
_DOLLARS = {dollar: cents for cents, dollar in DOLLARS.items()}
# What a file states and no day changes: a cell that says otherwise was edited, or is of another file.
_STATED = (
    "patient_control_number", "payer_claim_control_number", "payer_name", "program", "service_from",
    "procedure_code", "carc", "denied", "billed",
)  # fmt: skip


@dataclass(frozen=True)
class WorkedRow:
    """One row of the workbook, as text: its place, the key of its denial, and its cells by column."""

    place: str
    key: str
    cells: dict[str, str]

    def __repr__(self) -> str:
        return f"WorkedRow({self.place})"  # the cells may be a patient's

    @property
    def is_worked(self) -> bool:
        """True where somebody filled something in."""
        filled = any(self.cells[column.name] for column in ENTRIES)
        return filled or self.cells["owner"] != self.cells[OWNER_LISTED]


@dataclass
class ReadBack:
    """What came of reading a workbook back; every list names the place and the key of a row.

    `recorded` are entries made now, `already` counts those that were there; `changed` are rows with
    entries of which the worklist says something else by now, `edited` are rows with other cells changed
    than those to be filled in, which nothing is entered of, and `not_taken` is what was not entered.
    """

    rows: int = 0
    worked: int = 0
    already: int = 0
    recorded: list[dict] = field(default_factory=list)
    changed: list[dict] = field(default_factory=list)
    edited: list[dict] = field(default_factory=list)
    not_taken: list[dict] = field(default_factory=list)


def worked_rows(path: Path) -> Iterator[WorkedRow]:
    """Give the rows of every sheet that has the worklist's columns.

    Raises InputError where no sheet has them, or the file is no workbook that can be read.
    """
    if not path.is_file():
        raise InputError(f"{path.name}: no file is there")
    lacking: set[str] | None = None
    found = False
    for sheet in grids(path):
        head = [cell.strip() for cell in sheet.rows[0]] if sheet.rows else []
        if _KEY not in head:
            continue
        lacking = {name for name in _NEEDED if name not in head}
        if lacking:
            break
        found = True
        for number, row in enumerate(sheet.rows[1:], sheet.first_row + 1):
            cells = {
                name: text.strip() for name, text in zip(head, row, strict=False) if name
            }  # fmt: skip
            if any(cells.values()):
                where = f"{sheet.name}, row {number}" if sheet.name else f"row {number}"
                yield WorkedRow(where, cells.get(_KEY, ""), dict.fromkeys(_NEEDED, "") | cells)
    if lacking or not found:
        columns = ", ".join(sorted(lacking or {_KEY}))
        raise InputError(
            f"{path.name}: is not the workbook of a worklist: no column {columns} in the first row"
        )


def read_back(
    store: CaseStore,
    rows: Sequence[WorkedRow],
    *,
    claims: Claims,
    of_files: pd.DataFrame,
    worklist: pd.DataFrame,
    hospital: Hospital,
    as_of: date,
    who: str,
    now: datetime,
) -> ReadBack:
    """Enter what people filled in into these rows: events, notes, owners; return what came of it.

    `of_files` is the worklist as the files alone have it, with its `claims`; `worklist` the one with what
    was recorded. A status is an event at the row's level; a note without a status date is of `as_of`.
    """
    found = ReadBack(rows=len(rows))
    worked = list({(r.key, *sorted(r.cells.items())): r for r in rows if r.is_worked}.values())
    found.worked = len(worked)
    listed, keys = {row.key for row in rows}, {row.key for row in worked}
    known, today = (_by_key(frame[frame[_KEY].isin(listed)]) for frame in (of_files, worklist))
    mine = of_files[of_files[_KEY].isin(keys)]
    for row in rows:
        if row.key in known and (
            cells := _differs(row, _STATED, known[row.key], today.get(row.key, {}))
        ):
            found.edited.append(_at(row, columns=cells))
    cases = dict(zip(mine[_KEY], cases_from(claims, mine, hospital=hospital), strict=True))
    split = _split(worked, known)
    for row in worked:
        case = cases.get(row.key)
        if case is None:
            says = "no denial of these files has this key; name the files that the worklist was made of"
            found.not_taken.append(_at(row, column=_KEY, why=says))
            continue
        entered = len(found.recorded)
        try:
            case = pick_case(store, case, who=who, now=now)
        except RefusedError as refused:
            found.not_taken.append(
                _at(row, column=_KEY, why=str(refused), needs=list(refused.needs))
            )
            continue
        event = partial(_event, store, case, row, as_of=as_of, who=who, now=now)
        steps: list[tuple[str, Callable[[], dict | None]]] = [
            ("owner", partial(
                _owner, store, case, row, today.get(row.key, {}), split, as_of=as_of, who=who, now=now)),
            ("status", partial(event, known[row.key])),
            ("notes", partial(_note, store, case, row, as_of=as_of, who=who, now=now)),
        ]  # fmt: skip
        for column, step in steps:
            if not _is_filled(row, column):
                continue
            try:
                made = step()
            except (RefusedError, UsageError) as error:
                needs = list(error.needs) if isinstance(error, RefusedError) else []
                found.not_taken.append(_at(row, column=column, why=str(error), needs=needs))
                continue
            if made is None:
                found.already += 1
            else:
                found.recorded.append(_at(row, **made))
        other = _differs(row, _COMPARED, today.get(row.key, {}))
        if len(found.recorded) > entered and other:
            found.changed.append(_at(row, columns=other))
    return found


def _at(row: WorkedRow, **more: object) -> dict:
    return {"where": row.place, "denial_key": row.key, **more}


def _is_filled(row: WorkedRow, column: str) -> bool:
    if column == "owner":
        return row.cells["owner"] != row.cells[OWNER_LISTED]
    if column == "notes":
        return bool(row.cells["notes"])
    return any(row.cells[one.name] for one in ENTRIES if one.name != "notes")


def _by_key(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        row[_KEY]: {str(name): plain(cell) for name, cell in row.items()}
        for row in rows.to_dict("records")
    }


def _split(worked: Sequence[WorkedRow], known: dict[str, dict[str, Any]]) -> frozenset[str]:
    """Return the claims to which rows give several owners: a claim has one."""
    owners: dict[str, set[str]] = {}
    for row in worked:
        if _is_filled(row, "owner") and row.key in known:
            owners.setdefault(known[row.key]["claim_key"], set()).add(row.cells["owner"])
    return frozenset(claim for claim, some in owners.items() if len(some) > 1)


def _owner(
    store: CaseStore,
    case: Case,
    row: WorkedRow,
    today: dict[str, Any],
    split: frozenset[str],
    *,
    as_of: date,
    who: str,
    now: datetime,
) -> dict | None:
    owner = row.cells["owner"]
    if not owner:
        raise UsageError("the owner was taken away and none put in its place")
    if not owner.isprintable() or len(owner) > 200:
        raise UsageError("an owner is a name in one line")
    if today.get("claim_key") in split:
        raise UsageError("rows of one claim name several owners: a claim has one")
    if today.get("owner") == owner:
        return None
    fact = Fact(owner, "entered in the workbook of a worklist", as_of)
    entry = store.enter(
        case.case_key, {"owner": fact}, identity=case.identity, who=who, now=now
    )  # fmt: skip
    return {"what": "owner", "entry": entry}


def _event(
    store: CaseStore,
    case: Case,
    row: WorkedRow,
    known: dict[str, Any],
    *,
    as_of: date,
    who: str,
    now: datetime,
) -> dict | None:
    event = _word(row, "status")
    rules = event_rules().events
    if event == "note" or event not in rules:
        raise UsageError(f"status is one of {', '.join(one for one in rules if one != 'note')}")
    day = _day(row)
    if day is None:
        raise UsageError("a status needs its status_date")
    level = row.cells["level"] if "level" in rules[event].needs else ""
    outcome, cents = _word(row, "status_outcome"), _cents(row)
    stated = (event, level, day, outcome, cents)
    for one in store.events(case.case_key):
        if (one.event, one.level, one.day, one.outcome, one.amount_cents) == stated:
            return None
    if event == "filed":
        check_still_open(known["state"], known["state_from"])
    made = record_event(
        store, case, event, day=day, as_of=as_of, who=who, now=now, level=level, outcome=outcome,
        amount_cents=cents,
    )  # fmt: skip
    return {"what": event, "entry": made.entry}


def _note(
    store: CaseStore, case: Case, row: WorkedRow, *, as_of: date, who: str, now: datetime
) -> dict | None:
    words = row.cells["notes"]
    if any(one.event == "note" and one.proof == words for one in store.events(case.case_key)):
        return None
    made = record_event(
        store, case, "note", day=_day(row) or as_of, as_of=as_of, who=who, now=now, proof=words
    )
    return {"what": "note", "entry": made.entry}


def _day(row: WorkedRow) -> date | None:
    text = row.cells["status_date"]
    if not text:
        return None
    days, problem = read_date(text, order="month_first", birth=False, epoch=None)
    if problem:
        raise UsageError("status_date is not a date, such as 2026-03-02 or 3/2/2026")
    return date(1970, 1, 1) + timedelta(days=days)


def _word(row: WorkedRow, column: str) -> str:
    """Return a word of a list, also as people type it: 'Records sent' is records_sent."""
    return "_".join(row.cells[column].casefold().split())


def _cents(row: WorkedRow) -> int | None:
    text = row.cells["status_amount"].replace(",", "").removeprefix("$")
    if not text:
        return None
    try:
        cents = Decimal(text) * 100
        if cents.is_finite() and cents == int(cents) and 0 < cents < 10**13:
            return int(cents)
    except InvalidOperation:
        pass
    raise UsageError("status_amount is dollars above zero, with at most two decimals")


def _differs(row: WorkedRow, names: Sequence[str], *known: dict[str, Any]) -> list[str]:
    """Return the columns in which the row is as none of these rows of a worklist."""
    return [
        name
        for name in names
        if name in row.cells and row.cells[name] not in {_shown(one, name) for one in known}
    ]


def _shown(known: dict[str, Any], name: str) -> str:
    """Return a cell of the worklist as the workbook has it, as text."""
    if name in _DOLLARS:
        cents = known.get(_DOLLARS[name])
        return "" if cents is None else f"{float(dollars(cents)):.15g}"
    value = known.get(name)
    return "" if value is None else str(value).strip()

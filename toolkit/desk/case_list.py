"""The caseload on the screen: a table with search, filters and sorting, a page of it at a time."""

from collections.abc import Callable
from datetime import date
from typing import Any

import ipywidgets as w
import numpy as np
import pandas as pd

from toolkit.desk import blocks
from toolkit.desk.case_table import CaseTable
from toolkit.desk.caseload import Caseload
from toolkit.desk.listing import NEXT, SORTS, Listing
from toolkit.desk.widgets import Notice, field, hooked, html, show
from toolkit.worklist.wording import DUE, count, dollars, plain

PAGE = 25
# Heading, and the order that it is the heading of.
COLUMNS = {
    "account": "Account",
    "due": "Due",
    "last_filing_date": "Last filing date",
    "file_by": "File by (safe date)",
    "payer": "Payer",
    "category": "Category",
    "denied": "Denied",
    "standing": "Standing",
    "owner": "Owner",
    "work": "Work",
}
_AMOUNTS = (100, 500, 1_000, 5_000, 10_000, 50_000, 100_000)  # dollars denied, from which on
_WORK = {"letter": "letter written", "facts": "begun", "maybe": "entries to check"}


class CaseList:
    """Filters, table and pages over a caseload; `pick` is called with a denial key."""

    def __init__(self, pick: Callable[[str], None], notice: Notice):
        self._caseload: Caseload | None = None
        self._listing: Listing | None = None
        self._found = np.empty(0, dtype="int64")
        self._at = 0
        self._quiet = False
        self._pick = pick
        self.due = ""
        self.by, self.down = NEXT, False
        changed = notice.guards(self._changed)
        self.order = field(
            w.Dropdown(
                description="Order",
                options=[
                    ("next to expire", NEXT),
                    *((f"by {COLUMNS[name].lower()}", name) for name in SORTS if name != NEXT),
                ],
            ),
            "dd-order",
        )
        self.payer = self._filter_by("Payer")
        self.category = self._filter_by("Category")
        self.owner = self._filter_by("Owner")
        self.denied = field(
            w.Dropdown(
                description="Denied",
                options=[
                    ("any amount", None),
                    *((f"${one:,} or more", one * 100) for one in _AMOUNTS),
                ],
            ),
            "dd-denied-filter",
        )
        self.letter = field(
            w.Dropdown(
                description="Letter",
                options=[
                    ("any", ""),
                    ("a letter exists for it", "ready"),
                    ("work has begun", "begun"),
                ],
            ),
            "dd-letter-filter",
        )
        self.search = field(
            w.Text(
                description="Search",
                placeholder="account, claim number, key or procedure code",
                continuous_update=True,
            ),
            "dd-search",
        )
        self._filters = {
            control: control.value
            for control in (
                self.search, self.payer, self.category, self.owner, self.denied, self.letter,
            )
        }  # fmt: skip
        for control in self._filters:
            control.observe(changed, "value")
        self.clear = hooked(w.Button(description="Clear filters"), "dd-clear-filters")
        self.clear.on_click(notice.guards(lambda _: self._clear()))
        self.order.observe(notice.guards(self._ordered), "value")
        self.summary = html("dd-summary")
        self.table = CaseTable(notice.guards(self.act))
        row = hooked(w.HBox((*self._filters, self.order, self.clear)), "dd-row")
        self.widget = hooked(w.VBox([self.summary, row, self.table]), "dd-list-part")

    @staticmethod
    def _filter_by(name: str) -> w.Dropdown:
        options = [(f"every {name.lower()}", "")]
        return field(w.Dropdown(description=name, options=options), f"dd-{name.lower()}")

    def put(self, caseload: Caseload, *, keep: bool = False) -> None:
        """Show this caseload from the start: every open case, the next to expire first.

        `keep`: it is the same caseload counted anew; filters and order stay as they are.
        """
        self._caseload, self._listing = caseload, Listing(caseload)
        if not keep:
            self.due, self.by, self.down = "", NEXT, False
        self._offer(keep=keep)
        self._show(at=0)

    def again(self, caseload: Caseload, rows: list[pd.DataFrame]) -> None:
        """Show the caseload with these rows changed; filters, order and page stay as they are."""
        self._caseload = caseload
        if rows:
            self._listing.put(pd.concat(rows))
        self._show(at=self._at)

    def keys(self) -> list[str]:
        """Return the denial keys that pass the filters, in order."""
        return self._listing.keys(self._found) if self._listing else []

    def place(self, denial_key: str) -> int:
        """Return which of the cases that pass the filters this is, from 0; -1 where it is none of them."""
        if self._listing is None:
            return -1
        found = np.flatnonzero(self._found == self._listing.place(denial_key))
        return int(found[0]) if len(found) else -1

    def key_at(self, place: int) -> str | None:
        """Return the denial key of the case at this place in order; None beyond the ends."""
        if not 0 <= place < len(self._found):
            return None
        return self._listing.keys(self._found[place : place + 1])[0]

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that the page shows, as the table shows them."""
        return self.table.shown.get("rows", [])

    def act(self, pressed: dict[str, Any]) -> None:
        """Do what was pressed in the table (see `CaseTable`)."""
        does = pressed.get("do")
        if does == "open":
            self._pick(str(pressed["key"]))
        elif does == "due":
            self.due = "" if pressed["due"] == self.due else str(pressed["due"])
            self._show(at=0)
        elif does == "sort" and pressed["by"] in SORTS:
            self.down = self.by == pressed["by"] and not self.down
            self.by = pressed["by"]
            self._set_order()
            self._show(at=0)
        elif does == "page":
            last = max(0, len(self._found) - 1) // PAGE * PAGE
            to = {"first": 0, "previous": self._at - PAGE, "next": self._at + PAGE, "last": last}
            self._at = min(max(0, to.get(pressed["to"], self._at)), last)
            self._fill()

    def focus(self, denial_key: str) -> None:
        """Put the keyboard on the row of this denial."""
        self.table.focus_row(denial_key)

    def _offer(self, *, keep: bool) -> None:
        listing = self._listing
        offered = (
            (self.payer, "payer", [(name, name) for name in listing.values("payer_name")]),
            (
                self.category,
                "category",
                [(plain(name), name) for name in listing.values("denial_category")],
            ),
            (self.owner, "owner", [(name, name) for name in listing.values("owner")]),
        )
        self._quiet = True
        try:
            for control, name, options in offered:
                before = control.value if keep else ""
                control.options = [(f"every {name}", ""), *options]
                control.value = before if before in {value for _, value in options} else ""
            if not keep:
                self._unset()
            self.order.value = self.by
        finally:
            self._quiet = False
        show(self.owner, len(self.owner.options) > 1)

    def _unset(self) -> None:
        for control, nothing in self._filters.items():
            control.value = nothing

    def _clear(self) -> None:
        """Let every case through again, in the order as it is."""
        self._quiet = True
        try:
            self._unset()
        finally:
            self._quiet = False
        self.due = ""
        self._show(at=0)
        self.search.focus()

    def _set_order(self) -> None:
        self._quiet = True
        try:
            self.order.value = self.by
        finally:
            self._quiet = False

    def _ordered(self, change: dict) -> None:
        if not self._quiet and self._listing is not None:
            self.by, self.down = change["new"], False
            self._show(at=0)

    def _changed(self, _: object) -> None:
        if not self._quiet and self._listing is not None:
            self._show(at=0)

    def _show(self, *, at: int) -> None:
        listing = self._listing
        equal = {
            "payer_name": self.payer.value,
            "denial_category": self.category.value,
            "owner": self.owner.value,
        }
        passing = listing.passing(
            equal={name: value for name, value in equal.items() if value},
            search=self.search.value,
            keys=set(self._caseload.begun) if self.letter.value == "begun" else None,
            least=self.denied.value,
        )
        if self.letter.value == "ready":
            passing = listing.having(passing, "letter")
        self._counts = listing.counts("due", passing)
        if self.due:
            found = listing.only(passing, "due", self.due)
        else:
            found = listing.without(passing, "due", "closed")
        self._found = listing.ordered(found, self.by, down=self.down)
        self._at = min(at, max(0, len(self._found) - 1) // PAGE * PAGE)
        self.summary.value = blocks.summary(self._caseload)
        filtered = self.due or any(one.value != nothing for one, nothing in self._filters.items())
        self.clear.disabled = not filtered
        self._fill()

    def _fill(self) -> None:
        page = self._found[self._at : self._at + PAGE]
        begun = self._caseload.begun
        rows = [self._listing.row(at) for at in page]
        self.table.shown = {
            "label": "Cases",
            "badges": self._badges(),
            "heads": [
                {"id": name, "label": label, "sort": self._sort(name)}
                for name, label in COLUMNS.items()
            ],
            "rows": [
                _row(row, begun.get(row["denial_key"], ""), self._caseload.as_of) for row in rows
            ],
            "says": self._says(len(page)),
            "first": self._at == 0,
            "last": self._at + PAGE >= len(self._found),
        }

    def _sort(self, name: str) -> str | None:
        if name not in SORTS:
            return None
        if name != self.by:
            return "none"
        return "descending" if self.down else "ascending"

    def _badges(self) -> list[dict[str, Any]]:
        counts = self._counts
        is_open = sum(number for due, number in counts.items() if due != "closed")
        found = [{"due": "", "label": "Open", "count": f"{is_open:,}", "tone": "calm"}]
        found += [
            {
                "due": due,
                "label": DUE[due].partition(":")[0],
                "count": f"{counts[due]:,}",
                "tone": blocks.tone(due),
            }
            for due in DUE
            if due in counts
        ]
        return [one | {"on": one["due"] == self.due} for one in found]

    def _says(self, on_page: int) -> str:
        total = len(self._found)
        if total:
            money = dollars(self._listing.denied(self._found))
            return (
                f"{self._at + 1:,} to {self._at + on_page:,} of {count(total, 'case')}, "
                f"{money} denied"
            )
        if not self._listing.size:
            return "No open cases: what was read holds no denial."
        if set(self._listing.counts("due")) == {"closed"}:
            return "No open cases: every denial in what was read is closed."
        return "No cases match these filters."


def _row(row: dict[str, Any], begun: str, as_of: date) -> dict[str, Any]:
    """Return a row as the table shows it: its account number and its cells, as texts."""
    account = row["patient_control_number"] or row["payer_claim_control_number"]
    passed = row["due"] == "past_safe_date"
    cells = [
        {"text": DUE[row["due"]].partition(":")[0], "tone": blocks.tone(row["due"])},
        _last_day(row, as_of),
        {
            "text": blocks.short_day(row["file_by"]),
            "under": "already past" if passed else "",
            "marked": passed,
        },
        {"text": row["payer_name"]},
        {"text": plain(row["denial_category"]), "under": row["procedure_code"]},
        {"text": "not stated" if row["denied_cents"] is None else dollars(row["denied_cents"])},
        {"text": blocks.CONTRACT.get(row["contracted"], ""), "under": blocks.papers(row["standing"])},
        {"text": row["owner"]},
        {"text": _WORK.get(begun, "letter ready" if row["letter"] else "")},
    ]  # fmt: skip
    return {"key": row["denial_key"], "account": account or f"row {row['row']}", "cells": cells}


def _last_day(row: dict[str, Any], as_of: date) -> dict[str, Any]:
    last = row["last_filing_date"]
    if row["due"] == "awaiting_decision":
        due = row["decision_due"]
        text = f"decision due {blocks.short_day(due)}" if due else "decision: day unknown"
        late = bool(due and due < as_of)
        return {"text": text, "under": "overdue by the payer" if late else "", "marked": late}
    if last is None:
        return {"text": "—"}
    left = (last - as_of).days
    says = {0: "today", 1: "1 day left"}.get(left, f"{left:,} days left" if left > 0 else "passed")
    return {"text": blocks.short_day(last), "under": says, "marked": left <= 0}

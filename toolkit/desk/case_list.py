"""The list of open cases: the most urgent first, with filters, a page at a time."""

from collections.abc import Callable

import ipywidgets as w
import pandas as pd

from toolkit.desk import blocks
from toolkit.desk.docket import Docket
from toolkit.desk.widgets import Notice, field, hooked, html, show
from toolkit.reports.words import DUE, count, plain

PAGE = 10
_OPEN = "every open case"
_NUMBERS = ("claim_key", "denial_key", "patient_control_number", "payer_claim_control_number")


class Row:
    """One line of the list: a button with the account number, and the case in short."""

    def __init__(self, pick: Callable[[str], None]):
        self.denial_key = ""
        self.open = w.Button(description="", tooltip="Open this case")
        self.text = html()
        self.widget = hooked(w.HBox([self.open, self.text]), "dd-case")
        self.open.on_click(lambda _: pick(self.denial_key))

    def put(self, row: dict | None, begun: str = "") -> None:
        """Show this row of the worklist, or nothing."""
        show(self.widget, row is not None)
        if row is None:
            self.denial_key, self.open.description, self.text.value = "", "", ""
            return
        self.denial_key = row["denial_key"]
        number = blocks.words(row["patient_control_number"])
        number = number or blocks.words(row["payer_claim_control_number"])
        self.open.description = number or f"row {row['row']}"
        self.text.value = blocks.list_row(row, begun)


class CaseList:
    """Filters, rows and pages over a docket; `pick` is called with a denial key."""

    def __init__(self, pick: Callable[[str], None], notice: Notice):
        self._docket: Docket | None = None
        self._frame = pd.DataFrame()
        self._found = pd.DataFrame()
        self._at = 0
        self._quiet = False
        changed = notice.guards(self._changed)
        self.due = field(w.Dropdown(description="Due", options=[(_OPEN, "")]), "dd-due")
        self.payer = field(
            w.Dropdown(description="Payer", options=[("every payer", "")]), "dd-payer"
        )
        self.category = field(
            w.Dropdown(description="Category", options=[("every category", "")]), "dd-category"
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
                placeholder="account, claim number or key",
                continuous_update=True,
            ),
            "dd-search",
        )
        for control in (self.due, self.payer, self.category, self.letter, self.search):
            control.observe(changed, "value")
        self.summary = html("dd-summary")
        self.head = html("dd-head")
        self.head.value = blocks.list_head()
        self.rows = [Row(notice.guards(pick)) for _ in range(PAGE)]
        self.previous = w.Button(description="Previous page")
        self.next = w.Button(description="Next page")
        self.previous.on_click(notice.guards(lambda _: self._turn(-1)))
        self.next.on_click(notice.guards(lambda _: self._turn(1)))
        self.shown = html("dd-shown")
        filters = hooked(
            w.HBox([self.due, self.payer, self.category, self.letter, self.search]), "dd-row"
        )
        pager = hooked(w.HBox([self.previous, self.next, self.shown]), "dd-line")
        self.widget = hooked(
            w.VBox([self.summary, filters, self.head, *(row.widget for row in self.rows), pager]),
            "dd-list-part",
        )

    def put(self, docket: Docket, *, keep: bool = False) -> None:
        """Show this docket; `keep` leaves filters and page as they are."""
        self._docket = docket
        self._frame = docket.sorted()
        self.summary.value = blocks.summary(docket, self._frame)
        self._quiet = True
        try:
            self._offer(keep)
        finally:
            self._quiet = False
        self._filter(keep)

    def keys(self) -> list[str]:
        """Return the denial keys that pass the filters, in order."""
        return list(self._found["denial_key"]) if len(self._found) else []

    def _offer(self, keep: bool) -> None:
        frame = self._frame
        counts = frame["due"].value_counts()
        due = [(_OPEN, "")] + [
            (f"{DUE[name].partition(':')[0]} ({counts[name]:,})", name)
            for name in DUE
            if name in counts
        ]
        payers = sorted(frame["payer_name"].dropna().unique(), key=str.casefold)
        categories = sorted(frame["denial_category"].dropna().unique())
        for control, options in (
            (self.due, due),
            (self.payer, [("every payer", ""), *((name, name) for name in payers)]),
            (self.category, [("every category", ""), *((plain(c), c) for c in categories)]),
        ):
            before = control.value
            control.options = options
            control.value = before if keep and before in [v for _, v in options] else ""
        if not keep:
            self.letter.value = self.search.value = ""

    def _changed(self, _: object) -> None:
        if not self._quiet and self._docket is not None:
            self._filter(keep=False)

    def _filter(self, keep: bool) -> None:
        frame = self._frame
        kept = frame["due"].eq(self.due.value) if self.due.value else frame["due"].ne("closed")
        if self.payer.value:
            kept &= frame["payer_name"].eq(self.payer.value)
        if self.category.value:
            kept &= frame["denial_category"].eq(self.category.value)
        if self.letter.value == "ready":
            kept &= frame["letter"].ne("")
        elif self.letter.value == "begun":
            kept &= frame["denial_key"].isin(set(self._docket.begun))
        sought = self.search.value.strip()
        if sought:
            hit = pd.Series(False, index=frame.index)
            for name in _NUMBERS:
                hit |= frame[name].str.contains(sought, case=False, regex=False, na=False)
            kept &= hit
        self._found = frame.loc[kept.astype(bool)]
        last = max(0, (len(self._found) - 1) // PAGE * PAGE)
        self._at = min(self._at, last) if keep else 0
        self._fill()

    def _turn(self, by: int) -> None:
        self._at = max(0, self._at + by * PAGE)
        self._fill()

    def _fill(self) -> None:
        page = self._found.iloc[self._at : self._at + PAGE].to_dict("records")
        begun = self._docket.begun
        for row, found in zip(self.rows, page + [None] * (PAGE - len(page)), strict=True):
            row.put(found, begun.get(found["denial_key"], "") if found else "")
        total = len(self._found)
        self.previous.disabled = self._at == 0
        self.next.disabled = self._at + PAGE >= total
        show(self.head, bool(page))
        self.shown.value = (
            f'<div class="dd-block" role="status">{self._says(total, len(page))}</div>'
        )

    def _says(self, total: int, on_page: int) -> str:
        if total:
            return f"{self._at + 1:,} to {self._at + on_page:,} of {count(total, 'case')}"
        if self._frame.empty:
            return blocks.note("What was read holds no denial.", title="No open cases.")
        if self._frame["due"].eq("closed").all():
            says = "Every denial in what was read is closed. The filter Due shows them."
            return blocks.note(says, title="No open cases.")
        return blocks.note("No case passes these filters; set one of them back.")

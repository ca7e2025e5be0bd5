"""The criteria of the case as a grid, and the form that enters what the record does not meet."""

import json
from collections.abc import Callable, Iterable
from datetime import date
from html import escape

import ipywidgets as w

from toolkit.desk import blocks
from toolkit.desk.case_view import CaseView
from toolkit.desk.widgets import Notice, Waiting, close, field, hooked, html, show
from toolkit.errors import UsageError
from toolkit.letters import grid_of
from toolkit.letters.criteria import UNMET
from toolkit.letters.facts import fact_types, rows
from toolkit.letters.grid import Requirement

HEADS = ("Requirement", "State", "Fact", "Document", "Page", "Date", "Clinician's reason")
_STATES = {"met": ("met", "good"), "not_met": ("not met", "bad"), "not_known": ("not known", "gap")}

# Called with the case's key, the fact's name and its value; returns when the store has it.
Enter = Callable[[str, str, object], None]


class CriteriaPart:
    """The grid of a case; `enter` puts what the record does not meet into the store.

    The form is made for its case and no other.
    """

    def __init__(self, enter: Enter, notice: Notice):
        self._enter = enter
        self._guard = notice.guards
        self._stated: list[dict[str, str]] = []  # what the record was found not to meet
        self.grid: tuple[Requirement, ...] = ()
        self.table = html("dd-criteria")
        self.begin = hooked(
            w.Checkbox(description="The record does not meet a criterion", indent=False),
            "dd-unmet-begin",
        )
        self.begin.observe(lambda _: show(self.form, self.begin.value), "value")
        self.form = w.VBox()
        show(self.form, False)
        self.widget = hooked(
            w.VBox([self.table, self.begin, notice.widget, self.form]),
            "dd-criteria-part",
            "dd-part",
        )
        self._make("", [])

    def _make(self, case_key: str, options: list[tuple[str, str]]) -> None:
        """Make the form for this case: text typed for another never comes with it."""
        guard = self._guard
        for old in self.form.children:
            close(old)
        self.criterion = field(
            w.Dropdown(description="Criterion", options=options), "dd-wide", "dd-unmet-criterion"
        )
        self.page = field(
            w.Text(description="Where the record says so", continuous_update=False),
            "dd-unmet-page",
        )
        self.reason = field(
            w.Text(description="Clinician's reason, if there is one", continuous_update=False),
            "dd-wide",
            "dd-unmet-reason",
        )
        self.save = hooked(w.Button(description="Enter as not met"), "dd-main", "dd-unmet-save")
        self.take_back = hooked(w.Button(description="Take it back"), "dd-unmet-back")
        self.criterion.observe(guard(lambda _: self._offer()), "value")
        self.save.on_click(guard(lambda _: self._save(case_key)))
        self.take_back.on_click(guard(lambda _: self._save(case_key, back=True)))
        buttons = hooked(w.HBox([self.save, self.take_back]), "dd-line")
        fields = hooked(w.HBox([self.criterion, self.page, self.reason]), "dd-row")
        self.form.children = (fields, buttons)
        self._waiting = Waiting(self.page, self.reason)
        self._offer()

    def unsaved(self) -> dict[str, object]:
        """Return what was typed and not entered, by the label of its field."""
        return self._waiting.unsaved() if self.begin.value else {}

    def put(self, view: CaseView, *, as_of: date, afresh: bool = False) -> None:
        """Show the criteria of this case as they stand; nothing where it does not turn on criteria."""
        attached: dict[str, list[str]] = {}
        for one in view.documents:
            attached.setdefault(one.kind, []).append(one.name)
        self.grid = grid_of(view.case, as_of=as_of, attached=attached)
        self.table.value = f'<div class="dd-block">{_shown(self.grid)}</div>' if self.grid else ""
        show(self.widget, bool(self.grid))
        value = view.case.value(UNMET)
        before = self._stated
        self._stated = [
            {name: str(cell) for name, cell in row.items()}
            for row in rows(value, fact_types()[UNMET])
        ]
        options = [(one.says, one.id) for one in self.grid if one.id]
        show(self.begin, bool(options))
        if afresh:
            self.begin.value = False
        if afresh or options != list(self.criterion.options):
            self._make(view.case.case_key, options)
        elif self._stated != before:  # what is typed and not entered yet stays
            self._offer()

    def _offer(self) -> None:
        """Show what was entered of the criterion that is chosen."""
        row = next((one for one in self._stated if one["criterion"] == self.criterion.value), None)
        self.page.value = row.get("page", "") if row else ""
        self.reason.value = row.get("reason", "") if row else ""
        show(self.take_back, row is not None)
        self._waiting.saved()

    def _save(self, case_key: str, *, back: bool = False) -> None:
        if not self.criterion.value:
            raise UsageError("Choose the criterion first.")
        kept = [one for one in self._stated if one["criterion"] != self.criterion.value]
        if not back:
            row = {
                "criterion": self.criterion.value,
                "page": self.page.value.strip(),
                "reason": self.reason.value.strip(),
            }
            kept.append({name: text for name, text in row.items() if text})
        self._enter(case_key, UNMET, json.dumps(kept, ensure_ascii=False) if kept else "")


def _shown(grid: Iterable[Requirement]) -> str:
    found = tuple(grid)
    needed = [one for one in found if one.depth == 0 and not one.optional]
    counts = [sum(one.state == state for one in needed) for state in _STATES]
    said = ", ".join(
        f"{number} {name}" for number, (name, _) in zip(counts, _STATES.values(), strict=True)
    )
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in HEADS)
    body = "".join(map(_row, found))
    return (
        f"{blocks.heading('The criteria')}<p class='dd-small'>{len(needed)} needed: {escape(said)}. What is not known is "
        "asked for and never taken as not met.</p>"
        '<div class="dd-scroll" tabindex="0" role="region" aria-label="Criteria of the case">'
        f'<table class="dd-grid" role="table"><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _row(one: Requirement) -> str:
    words, tone = _STATES[one.state]
    under = "".join(f"<small>{escape(text)}</small>" for text in (one.citation, one.note) if text)
    wanted = f"<small>still to find: {escape('; '.join(one.wanted))}</small>" if one.wanted else ""
    look_for = f"<small>look for: {escape('; '.join(one.look_for))}</small>" if one.look_for else ""
    cells = (
        f'<span class="dd-badge dd-{tone}">{words}</span>',
        _lines(one.facts) + wanted,
        _lines(one.documents) + look_for,
        _lines(one.pages),
        _lines(one.days),
        _lines((one.reason,) if one.reason else ()),
    )
    kind = ' class="dd-group"' if one.is_group else ""
    shown = "".join(
        f'<td role="cell" data-label="{escape(name)}">{cell}</td>'
        for name, cell in zip(HEADS[1:], cells, strict=True)
    )
    return (
        f'<tr role="row"{kind}><th role="rowheader" scope="row" class="dd-depth-{min(one.depth, 3)}">'
        f"{escape(one.says)}{under}</th>{shown}</tr>"
    )


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"<div><bdi>{escape(text)}</bdi></div>" for text in texts)

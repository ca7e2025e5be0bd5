"""What happened to the claim: its history, and the form that records, corrects and takes back an event."""

import re
from collections.abc import Callable
from datetime import date
from html import escape
from typing import Any

import ipywidgets as w

from toolkit.cases import EventEntry, event_rules, levels_of
from toolkit.desk import blocks
from toolkit.desk.case_view import CaseView
from toolkit.desk.days import read_day_of, typed_day
from toolkit.desk.widgets import NEEDED, Notice, Waiting, close, field, hooked, html, show
from toolkit.errors import RefusedError, UsageError
from toolkit.letters.facts import fact_types, typed
from toolkit.rules.words import capital
from toolkit.worklist import dollars
from toolkit.worklist.wording import plain

_TAKEN_BACK = "entered by mistake, taken back"
# What the command line's options are called on the screen.
_OPTION = re.compile(r"\(?--(event|level|outcome|amount|proof|date|correct)\b\)?")
_LABELS = {
    "event": "Event",
    "level": "Level",
    "outcome": "Outcome",
    "amount": "Amount",
    "proof": "Proof or words",
    "date": "Date",
    "correct": "correct entry",
}

# Called with the event and its fields.
Record = Callable[..., None]


def on_screen(text: str) -> str:
    """Return a message of the command line with its options as the form calls them."""
    return _OPTION.sub(lambda found: _LABELS[found[1]], text)


class RecordPart:
    """History and form of the case that is open. The form is made for its case and no other."""

    def __init__(self, record: Record, notice: Notice):
        self._record = record
        self._notice = notice
        self._view: CaseView | None = None
        self._corrects: EventEntry | None = None
        self.history = html("dd-history")
        self.body = hooked(w.VBox(), "dd-record-form")
        self.head = html()
        self.head.value = f'<div class="dd-block">{blocks.heading("Record what happened")}</div>'
        form = hooked(w.VBox([self.head, self.body, notice.widget]), "dd-record")
        self.widget = hooked(w.HBox([self.history, form]), "dd-columns", "dd-part")

    @property
    def shown(self) -> tuple[EventEntry, ...]:
        """The recorded events that the history shows."""
        return self._view.events if self._view else ()

    def put(self, view: CaseView, events: list[dict[str, Any]], *, keep: bool = False) -> None:
        """Show the history of a case, or of one with a new event, and an empty form.

        `keep`: what somebody else has recorded is shown, and what is typed here stays.
        """
        self._view = view
        self.history.value = blocks.history(events)
        if keep and (self.unsaved() or self._corrects):
            self.entries.options = _entries(view)
            self._arrange()
        else:
            self._make()

    def _make(self) -> None:
        self._corrects = None
        for old in self.body.children:
            close(old)
        view = self._view
        rules = event_rules()
        waits = view.row["due"] == "awaiting_decision"
        names = list(rules.events)
        self.event = field(
            w.Dropdown(
                description="Event",
                options=[(plain(name), name) for name in names],
                value="decided" if waits else "filed",
            ),
            "dd-record-event",
        )
        self.says = html("dd-record-says")
        self.day = self._text("Date", "dd-record-day", "MM/DD/YYYY")
        levels = {
            name: (one.name if one is not None else plain(name))
            for name, one in levels_of(view.case).items()
        }
        self.level = field(
            w.Dropdown(
                description="Level",
                options=[("not stated", ""), *((says, name) for name, says in levels.items())],
                value="",
            ),
            "dd-record-level",
        )
        self.outcome = field(
            w.Dropdown(
                description="Outcome",
                options=[("not stated", ""), *((plain(one), one) for one in rules.outcomes)],
                value="",
            ),
            "dd-record-outcome",
        )
        self.amount = self._text("Amount in dollars", "dd-record-amount", "125.00")
        self.proof = self._text("Proof or words", "dd-record-proof", "fax confirmation, page …")
        self.save = hooked(w.Button(description="Record"), "dd-main", "dd-record-save")
        self.cancel = hooked(w.Button(description="Do not correct"), "dd-record-cancel")
        self.entries = field(
            w.Dropdown(
                description="Recorded entries",
                options=_entries(view),
            ),
            "dd-record-entries",
        )
        self.correct = hooked(w.Button(description="Correct it"), "dd-record-correct")
        self.take_back = hooked(w.Button(description="Take it back"), "dd-record-back")
        guard = self._notice.guards
        key = view.case.case_key
        self.event.observe(guard(lambda _: self._event_chosen()), "value")
        self.save.on_click(guard(lambda _: self._save(key)))
        self.cancel.on_click(guard(lambda _: self._make()))
        self.correct.on_click(guard(lambda _: self._begin_correction()))
        self.take_back.on_click(guard(lambda _: self._take_back(key)))
        event = w.VBox([self.event, self.says])
        fields = (event, self.day, self.level, self.outcome, self.amount, self.proof)
        entries = (self.entries, self.correct, self.take_back)
        self._rest = hooked(w.HBox(entries), "dd-row")
        self.body.children = (
            hooked(w.VBox(fields), "dd-fields"),
            hooked(w.HBox([self.save, self.cancel]), "dd-line"),
            self._rest,
        )
        self._waiting = Waiting(self.day, self.amount, self.proof)
        self._event_chosen()

    def unsaved(self) -> dict[str, object]:
        """Return what was typed and not recorded, by the label of its field."""
        return self._waiting.unsaved()

    def _event_chosen(self) -> None:
        """Offer the level that the event is probably of, unless an entry is being corrected."""
        if self._corrects is None:
            level = self._level_of(self.event.value)
            self.level.value = level if level in dict(self._choices(self.level)) else ""
        self._arrange()

    def _level_of(self, event: str) -> str:
        """Return the level at which a request is filed next; of what comes after it, the last one filed."""
        view = self._view
        following = blocks.words(view.row["level"])
        if event == "filed":
            return following
        recorded = sorted(view.events, key=lambda one: (one.day, one.entry))
        known = [one.level for one in (*view.case.events, *recorded) if one.level]
        is_needed = "level" in event_rules().events[event].needs
        return known[-1] if known else following if is_needed else ""

    @staticmethod
    def _text(label: str, name: str, hint: str) -> w.Text:
        return field(w.Text(description=label, placeholder=hint, continuous_update=False), name)

    def _arrange(self) -> None:
        rule = event_rules().events[self.event.value]
        self.says.value = f'<div class="dd-block">{escape(capital(rule.says))}</div>'
        named = {
            "level": self.level,
            "outcome": self.outcome,
            "amount": self.amount,
            "proof": self.proof,
        }
        for name, control in named.items():
            show(control, name in (*rule.needs, *rule.allows))
            label = _LABELS[name] if name != "amount" else "Amount in dollars"
            control.description = label + NEEDED if name in rule.needs else label
        self.day.description = f"Date{NEEDED}"
        correcting = self._corrects is not None
        show(self.cancel, correcting)
        show(self._rest, bool(self._view.events) and not correcting)
        self.save.description = (
            f"Record in place of entry {self._corrects.entry}" if correcting else "Record"
        )

    def _chosen(self) -> EventEntry:
        return next(one for one in self._view.events if one.entry == self.entries.value)

    def _begin_correction(self) -> None:
        one = self._chosen()
        self._corrects = one
        self.event.value = one.event
        self.day.value = typed_day(one.day)
        self.level.value = one.level if one.level in dict(self._choices(self.level)) else ""
        self.outcome.value = one.outcome
        self.amount.value = "" if one.amount_cents is None else dollars(one.amount_cents)
        self.proof.value = one.proof
        self._waiting.saved()
        self._arrange()
        self.day.focus()

    @staticmethod
    def _choices(control: w.Dropdown) -> list[tuple[str, str]]:
        return [(value, label) for label, value in control.options]

    def _take_back(self, case_key: str) -> None:
        self._check_case(case_key)
        one = self._chosen()
        self._send("note", day=None, proof=_TAKEN_BACK, corrects=one.entry)

    def _check_case(self, case_key: str) -> None:
        """Refuse a button of the form that was made for the case before."""
        if case_key != self._view.case.case_key:
            raise UsageError("This form belongs to another case. Nothing was recorded.")

    def _save(self, case_key: str) -> None:
        self._check_case(case_key)
        rule = event_rules().events[self.event.value]
        takes = {*rule.needs, *rule.allows}
        given: dict[str, Any] = {
            "level": self.level.value,
            "outcome": self.outcome.value,
            "amount_cents": self._cents(),
            "proof": self.proof.value.strip(),
        }
        kept = {
            name: value
            for name, value in given.items()
            if value not in ("", None) and name.removesuffix("_cents") in takes
        }
        if not self.day.value.strip():
            raise UsageError("Date: the day on which it happened is needed. Nothing was recorded.")
        corrects = self._corrects.entry if self._corrects else None
        self._send(
            self.event.value, day=read_day_of("Date", self.day.value), corrects=corrects, **kept
        )

    def _cents(self) -> int | None:
        if not self.amount.value.strip():
            return None
        try:
            return int(typed(self.amount.value, _MONEY))
        except ValueError as error:
            raise UsageError(f"Amount: {error}. Nothing was recorded.") from None

    def _send(self, event: str, *, day: date | None, **fields: Any) -> None:
        try:
            self._record(event, day=day, **fields)
        except RefusedError as error:
            said = capital(on_screen(str(error)))
            raise RefusedError(said, tuple(on_screen(one) for one in error.needs)) from None
        except UsageError as error:
            raise UsageError(capital(on_screen(str(error)))) from None


_MONEY = fact_types()["denied_cents"]  # any amount in dollars


def _entries(view: CaseView) -> list[tuple[str, int]]:
    return [(_entry(one), one.entry) for one in view.events]


def _entry(one: EventEntry) -> str:
    level = f", {plain(one.level)}" if one.level else ""
    return f"{one.entry}: {plain(one.event)}{level}, {one.day:%m/%d/%Y}, by {one.who}"

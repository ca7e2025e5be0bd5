"""The form: one field for each fact that a letter can use, under headings, saved as it is left."""

from collections.abc import Callable
from datetime import date
from html import escape

import ipywidgets as w

from toolkit.cases import Case, Fact
from toolkit.desk.docket import is_entered
from toolkit.desk.widgets import Notice, close, field, hooked, html, show
from toolkit.errors import StoreError, UsageError
from toolkit.letters import Need
from toolkit.rules.words import capital
from toolkit.worklist import dollars

_OLDEST = 1900  # a year typed digit by digit passes through 0002, 0020 and 0202


class Field:
    """One fact: its control, and a note under it that says where the value comes from."""

    def __init__(self, need: Need, enter: Callable[[str, object], None]):
        self.need = need
        self._enter = enter
        self._quiet = False
        self.control = self._control()
        self.note = html()
        classes = ["dd-fact", f"dd-fact-{need.name}"]
        classes += ["dd-long"] if need.kind == "long text" else []
        self.widget = hooked(w.VBox([self.control, self.note]), *classes)
        self.control.observe(self._changed, "value")

    def _control(self) -> w.DOMWidget:
        label = self.need.label
        if self.need.kind == "choice":
            options = [
                ("not entered", ""),
                *((says, key) for key, says in self.need.choices.items()),
            ]
            made = w.Dropdown(description=label, options=options, value="")
        elif self.need.kind == "date":
            made = w.DatePicker(description=label)
        elif self.need.kind == "long text":
            made = w.Textarea(description=label, continuous_update=False, rows=3)
        else:
            made = w.Text(description=label, continuous_update=False)
        return field(made)

    def put(self, fact: Fact | None, needed: bool) -> None:
        """Show the fact as it is on file, and whether the letter still needs it."""
        self._quiet = True
        try:
            self._set(fact)
        finally:
            self._quiet = False
        self.control.description = f"{self.need.label} (needed)" if needed else self.need.label
        (self.control.add_class if needed else self.control.remove_class)("dd-needed")
        self.note.value = self._note(fact)

    def wrong(self, says: str) -> None:
        """Say under the field what is wrong with what was entered."""
        self.note.value = f'<div class="dd-block dd-wrong" role="alert">{escape(says)}</div>'

    def _set(self, fact: Fact | None) -> None:
        value = fact.value if fact else None
        if self.need.kind == "date":
            self.control.value = value if isinstance(value, date) else None
        elif self.need.kind == "choice":
            known = {key for _, key in self.control.options}
            if value and value not in known:
                self.control.options = [
                    *self.control.options,
                    (str(value).replace("_", " "), value),
                ]
            self.control.value = value or ""
        elif self.need.kind == "money":
            self.control.value = dollars(value) if isinstance(value, int) else ""
        else:
            self.control.value = "" if value is None else str(value)

    def _note(self, fact: Fact | None) -> str:
        if fact is None:
            said = self.need.help
            if self.need.when:
                said += f". Needed if: {self.need.when}"
        elif is_entered(fact):
            said = f"entered{f' on {fact.as_of}' if fact.as_of else ''}, saved"
        else:
            said = f"from: {fact.source}{f', as of {fact.as_of}' if fact.as_of else ''}"
        return f'<div class="dd-block">{escape(capital(said))}</div>'

    def _changed(self, change: dict) -> None:
        value = change["new"]
        if self._quiet or (isinstance(value, date) and value.year < _OLDEST):
            return
        try:
            self._enter(self.need.name, value)
        except (UsageError, StoreError) as error:
            self.wrong(str(error))


class FactsForm:
    """The fields of some facts, one group at a time; every field is asked for by its label.

    Only what the letter of these facts can use is shown: what it needs, what is known, and with
    'every fact' the rest.
    """

    def __init__(
        self, enter: Callable[[str, object], None], notice: Notice, *, groups: bool = True
    ):
        self._enter = enter
        self._guards = notice.guards
        self._needs: tuple[Need, ...] = ()
        self._case: Case | None = None
        self._missing: set[str] = set()
        self._group = ""
        self.fields: dict[str, Field] = {}
        self.buttons: dict[str, w.Button] = {}
        self._grouped = groups
        self.groups = hooked(w.HBox(), "dd-groups")
        self.body = hooked(w.VBox(), "dd-fields")
        self.every = w.Checkbox(description="Show every fact the letter can use", indent=False)
        self.every.observe(self._guards(lambda _: self._arrange()), "value")
        self.next = hooked(w.Button(description="Next missing fact"), "dd-next-missing")
        self.next.on_click(self._guards(lambda _: self._to_missing()))
        tools = hooked(w.HBox([self.next, self.every]), "dd-line")
        parts = [self.groups, self.body, tools] if groups else [self.body]
        self.widget = hooked(w.VBox(parts), "dd-form")

    def ask(self, needs: tuple[Need, ...]) -> None:
        """Ask for these facts; the same as before keeps the fields."""
        if needs == self._needs:
            return
        for old in (*self.fields.values(), *self.buttons.values()):
            close(getattr(old, "widget", old))
        self.fields, self.buttons, self._needs, self._group = {}, {}, needs, ""
        for group in dict.fromkeys(need.group for need in needs) if self._grouped else ():
            button = w.Button(description=group)
            button.on_click(self._guards(lambda _, group=group: self.open(group)))
            self.buttons[group] = button
        self.groups.children = tuple(self.buttons.values())
        if not self._grouped:
            self._make(needs)

    def put(self, case: Case, missing: set[str], *, afresh: bool = False) -> None:
        """Show the case's facts; `afresh`: another case, begin where something is missing."""
        self._case, self._missing = case, missing
        if afresh or self._group not in self.buttons:
            groups = list(self.buttons)
            waiting = [need.group for need in self._needs if need.name in missing]
            self._group = (waiting or groups or [""])[0]
        self._arrange()

    def open(self, group: str) -> None:
        """Show the fields of this group."""
        self._group = group
        self._arrange()

    def _make(self, needs: tuple[Need, ...]) -> None:
        made = {
            need.name: Field(need, self._enter) for need in needs if need.name not in self.fields
        }
        self.fields |= made
        order = [need.name for need in self._needs if need.name in self.fields]
        self.body.children = tuple(self.fields[name].widget for name in order)

    def _arrange(self) -> None:
        if self._case is None:
            return
        if self._grouped:
            mine = tuple(need for need in self._needs if need.group == self._group)
            if any(need.name not in self.fields for need in mine):
                self._make(mine)
        for name, one in self.fields.items():
            fact = self._case.facts.get(name)
            one.put(fact, name in self._missing)
            here = not self._grouped or one.need.group == self._group
            used = one.need.required or name in self._missing or fact is not None
            show(one.widget, here and (used or self.every.value or not self._grouped))
        for group, button in self.buttons.items():
            lacking = sum(
                need.group == group and need.name in self._missing for need in self._needs
            )
            button.description = f"{group}: {lacking} missing" if lacking else group
            (button.add_class if group == self._group else button.remove_class)("dd-chosen")
            button.tooltip = "shown below" if group == self._group else f"show the facts of {group}"
        self.next.disabled = not any(need.name in self._missing for need in self._needs)

    def _to_missing(self) -> None:
        first = next((need for need in self._needs if need.name in self._missing), None)
        if first:
            self.open(first.group)
            self.fields[first.name].control.focus()

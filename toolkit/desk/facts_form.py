"""The form: one field for each fact that a letter can use, under headings, saved as it is left."""

from collections.abc import Callable
from datetime import date
from html import escape

import ipywidgets as w

from toolkit.cases import Case, Fact
from toolkit.desk import blocks
from toolkit.desk.caseload import is_entered
from toolkit.desk.days import doubt, read_day, typed_day
from toolkit.desk.widgets import NEEDED, Notice, close, field, hooked, html, show
from toolkit.errors import ChangedError, ToolkitError, UsageError
from toolkit.letters import Need
from toolkit.letters.facts import printed, table_lines
from toolkit.rules.words import capital
from toolkit.worklist import dollars

# Called with the case's key, the fact's name and its value; returns when the store has it.
Enter = Callable[[str, str, object], None]


class _UnlikelyError(UsageError):
    """The value can be read, and is saved when it is confirmed."""


class Field:
    """One fact of one case: its control, and a note under it that says where the value comes from.

    A field is made for its case and never shows another. Text that the store did not take stays in
    the control, marked, with what is wrong with it and the buttons that save it all the same or drop it.
    """

    def __init__(self, need: Need, case_key: str, enter: Enter, settled: Callable[[str], None]):
        self.need = need
        self.unsaved = False
        self._case_key = case_key
        self._enter = enter
        self._settled = settled
        self._quiet = False
        self._fact: Fact | None = None
        self._doubts: dict[str, object] = {}
        self.control = self._control()
        self.note = html()
        self.answers: w.HBox | None = None  # made when it is first needed
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
        elif self.need.kind in ("long text", "table"):
            made = w.Textarea(description=label, continuous_update=False, rows=3)
        else:
            hint = "MM/DD/YYYY" if self.need.kind == "date" else ""
            made = w.Text(description=label, placeholder=hint, continuous_update=False)
        return field(made)

    def put(self, fact: Fact | None, needed: bool, **held: object) -> None:
        """Show the fact as the store has it, and whether the letter still needs it.

        Text that is not saved stays. `held` is what a day is held against (see `doubt`).
        """
        self._fact = fact
        self._doubts = held
        self.control.description = self.need.label + NEEDED if needed else self.need.label
        (self.control.add_class if needed else self.control.remove_class)("dd-needed")
        if not self.unsaved:
            self._put_value(fact)
            self.note.value = self._note(fact)

    def refuse(self, says: str, *, again: bool = True) -> None:
        """Mark what was entered as not saved, and say why; the button `drop` stands beside it.

        `again`: so does `save`, because the same could be saved all the same.
        """
        self.unsaved = True
        self.widget.add_class("dd-unsaved")
        said = f"Not saved: {says}"
        self.note.value = f'<div class="dd-block dd-wrong" role="alert">{escape(said)}</div>'
        if self.answers is None:
            self.save = hooked(w.Button(description="Save it all the same"), "dd-save-again")
            self.drop = hooked(w.Button(description="Drop it"), "dd-drop")
            for button in (self.save, self.drop):
                button.tooltip = f"{button.description}: {self.need.label}"
            self.save.on_click(lambda _: self._send(self.control.value, sure=True))
            self.drop.on_click(lambda _: self._dropped())
            self.answers = hooked(w.HBox([self.save, self.drop]), "dd-line")
            self.widget.children = (self.control, self.note, self.answers)
        show(self.answers, True)
        show(self.save, again)

    def _dropped(self) -> None:
        self._shown_as_stored()
        self._settled(self.need.name)

    def _shown_as_stored(self) -> None:
        self.unsaved = False
        self.widget.remove_class("dd-unsaved")
        if self.answers is not None:
            show(self.answers, False)
        self._put_value(self._fact)
        self.note.value = self._note(self._fact)

    def _put_value(self, fact: Fact | None) -> None:
        value = fact.value if fact else None
        self._quiet = True
        try:
            if self.need.kind == "date":
                self.control.value = typed_day(value if isinstance(value, date) else None)
            elif self.need.kind == "choice":
                known = {key for _, key in self.control.options}
                if value and value not in known:
                    self.control.options = [
                        *self.control.options,
                        (str(value).replace("_", " "), value),
                    ]
                self.control.value = value or ""
            elif self.need.kind == "table":
                self.control.value = table_lines(self.need.name, value)
            elif self.need.kind == "money":
                self.control.value = dollars(value) if isinstance(value, int) else ""
            else:
                self.control.value = "" if value is None else str(value)
        finally:
            self._quiet = False

    def _note(self, fact: Fact | None) -> str:
        if fact is None:
            said = f"{self.need.help} (from: {self.need.holder})"
            if self.need.when:
                said += f". Needed if: {self.need.when}"
        elif is_entered(fact):
            said = f"entered{f' on {blocks.short_day(fact.as_of)}' if fact.as_of else ''}, saved"
        else:
            as_of = f", as of {blocks.short_day(fact.as_of)}" if fact.as_of else ""
            said = f"from: {fact.source}{as_of}"
        if fact is not None and isinstance(fact.value, date):
            said = f"{blocks.day(fact.value)}; {said}"
        return f'<div class="dd-block">{escape(capital(said))}</div>'

    def _changed(self, change: dict) -> None:
        if not self._quiet:
            self._send(change["new"], sure=False)

    def _send(self, raw: object, *, sure: bool) -> None:
        try:
            value = self._read(raw, sure=sure)
            self.unsaved = (
                True  # until the store has said that it has it, whatever is shown between
            )
            self._enter(self._case_key, self.need.name, value)
        except ChangedError as error:
            stored = "nothing" if self._fact is None else printed(self.need.name, self._fact.value)
            self.refuse(f"{error} In the store now: {stored}")
        except UsageError as error:
            self.refuse(str(error), again=isinstance(error, _UnlikelyError))
        except ToolkitError as error:
            self.refuse(str(error))
        except BaseException:
            self.refuse("an internal error, named in the message of this part")
            raise
        else:
            self._shown_as_stored()
        finally:
            self._settled(self.need.name)

    def _read(self, raw: object, *, sure: bool) -> object:
        if self.need.kind != "date" or not str(raw).strip():
            return raw
        day = read_day(str(raw))
        unlikely = doubt(self.need.name, day, today=date.today(), **self._doubts)
        if unlikely and not sure:
            raise _UnlikelyError(
                f"{blocks.day(day)}: {unlikely}. Correct it, or save it all the same"
            )
        return day


class FactsForm:
    """The fields of some facts, one group at a time; every field is asked for by its label.

    Only what the letter of these facts can use is shown: what it needs, what is known, and with
    'every fact' the rest. `settled` is called with a fact's name when what was typed is dealt with.
    """

    def __init__(
        self,
        enter: Enter,
        notice: Notice,
        settled: Callable[[str], None],
        *,
        groups: bool = True,
    ):
        self._enter = enter
        self._settled = settled
        self._guards = notice.guards
        self._needs: tuple[Need, ...] = ()
        self._key = ""
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
        for part in (self.groups, tools):
            show(part, groups)
        self.widget = hooked(w.VBox([self.groups, self.body, tools]), "dd-form")

    @property
    def unsaved(self) -> list[Field]:
        """The fields that hold text which the store did not take."""
        return [one for one in self.fields.values() if one.unsaved]

    def ask(self, needs: tuple[Need, ...], case_key: str) -> None:
        """Ask for these facts of this case; only the same of both keeps the fields."""
        if (needs, case_key) == (self._needs, self._key):
            return
        waiting = {} if case_key != self._key else {one.need.name: one for one in self.unsaved}
        for name, one in self.fields.items():
            if name not in waiting:
                close(one.widget)
        for button in self.buttons.values():
            close(button)
        self.fields, self.buttons, self._group = waiting, {}, ""
        self._needs, self._key = needs, case_key
        self.body.children = tuple(one.widget for one in waiting.values())
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
            need.name: Field(need, self._key, self._enter, self._settled)
            for need in needs
            if need.name not in self.fields
        }
        self.fields |= made
        order = [need.name for need in self._needs if need.name in self.fields]
        order += [
            name for name in self.fields if name not in order
        ]  # unsaved, and asked for no more
        self.body.children = tuple(self.fields[name].widget for name in order)

    def _arrange(self) -> None:
        if self._case is None:
            return
        if self._grouped:
            mine = tuple(need for need in self._needs if need.group == self._group)
            if any(need.name not in self.fields for need in mine):
                self._make(mine)
        days = {
            "service": self._case.value("service_date"),
            "notice": self._case.value("notice_date"),
            "received": self._case.value("notice_received"),
        }
        held = {
            **{name: day if isinstance(day, date) else None for name, day in days.items()},
            "early": self._case.value("stage") in ("pre_service", "prior_authorization"),
        }
        for name, one in self.fields.items():
            fact = self._case.facts.get(name)
            one.put(fact, name in self._missing, **held)
            here = not self._grouped or one.need.group == self._group or one.unsaved
            used = one.need.required or name in self._missing or fact is not None or one.unsaved
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

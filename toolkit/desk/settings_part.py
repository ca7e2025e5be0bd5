"""What is stated once: a payer's program, contract, window and address, and who sends the letters."""

from collections.abc import Callable
from datetime import date

import ipywidgets as w
import pandas as pd

from toolkit.desk import blocks
from toolkit.desk.caseload import Caseload
from toolkit.desk.days import read_day_of, typed_day
from toolkit.desk.widgets import Leaving, Notice, Waiting, close, field, hooked, html
from toolkit.errors import UsageError
from toolkit.hospital import Hospital, Payer, Sender, Signer, coverage_names
from toolkit.worklist.wording import count

_CONTRACT = [
    ("not stated", ""),
    ("under contract", "contracted"),
    ("no contract", "not_contracted"),
]
_FUNDING = [("not stated", ""), ("insured", "insured"), ("self-funded", "self_funded")]
_CHECKED = "Address checked on"
_EVERY_PLAN = "every plan of this payer"


class SettingsPart:
    """One form for a payer and one for the sender; each is made for what it shows and nothing else."""

    def __init__(
        self,
        save_payer: Callable[[Payer], None],
        save_sender: Callable[[Sender], None],
        notice: Notice,
    ):
        self._save_payer, self._save_sender = save_payer, save_sender
        self._notice, self._guards = notice, notice.guards
        self._quiet = False
        self._blocked = ""
        self._leaving = Leaving()
        self._of_payer, self._of_sender = Waiting(), Waiting()
        self._shown: tuple[tuple[str, str] | None, str] = (None, "")  # payer and plan of the form
        self._counted: list[tuple[tuple[str, str], int, int]] = []  # (id, name), denials, gaps
        self._plans: dict[tuple[str, str], list[str]] = {}
        self._hospital = Hospital.unknown()
        self.note = html()
        self.payer = field(w.Dropdown(description="Payer", options=[]), "dd-set-payer")
        self.plan = field(w.Dropdown(description="Plan", options=[]), "dd-set-plan")
        self.payer.observe(self._guards(lambda _: self._chosen()), "value")
        self.plan.observe(self._guards(lambda _: self._plan_chosen()), "value")
        self.form = hooked(w.VBox(), "dd-payer-form")
        self.sender_form = hooked(w.VBox(), "dd-sender-form")
        payers = w.VBox(
            [
                _head("A payer: stated once, for all its claims"),
                hooked(w.HBox([self.payer, self.plan]), "dd-row"),
                self.form,
            ]
        )
        sender = w.VBox([_head("Who sends the letters"), self.sender_form])
        self.widget = hooked(
            w.VBox([self.note, notice.widget, hooked(w.HBox([payers, sender]), "dd-columns")]),
            "dd-settings",
        )

    def put(
        self,
        caseload: Caseload,
        *,
        blocked: str,
        payer: tuple[str, str] | None = None,
        plan: str = "",
        keep_sender: bool = False,
    ) -> None:
        """Show the caseload's payers, this one first, and the sender.

        `blocked` says why nothing can be saved here. `keep_sender` leaves the sender's form as it is.
        """
        self._hospital = caseload.hospital
        self._blocked = blocked
        says = blocked or (
            "What is stated here goes to the hospital's own files (payers.csv, hospital.yaml) and counts "
            "for worklist, reports and letters, too. What a claim itself states comes first."
        )
        self.note.value = blocks.note(says, tone="gap" if blocked else "calm")
        self._read_payers(caseload)
        self._quiet = True
        try:
            self.payer.options = [
                (_payer_label(one, number, gap), one) for one, number, gap in self._counted
            ]
            names = [one for one, *_ in self._counted]
            self.payer.value = payer if payer in names else (names[0] if names else None)
        finally:
            self._quiet = False
        self._offer_plans(plan)
        if not keep_sender:
            self._make_sender(caseload.hospital.sender)

    def unsaved(self) -> dict[str, object]:
        """Return what was stated and not saved, by the label of its field."""
        return self._of_payer.unsaved() | self._of_sender.unsaved()

    def _read_payers(self, caseload: Caseload) -> None:
        names = ["payer_id", "payer_name", "plan_name"]
        frame = caseload.worklist.frame(columns=[*names, "program"])
        frame = frame[names].fillna("").assign(gap=frame["program"].isna())
        frame = frame.loc[frame["payer_id"].ne("") | frame["payer_name"].ne("")]
        groups = frame.groupby(["payer_id", "payer_name"], sort=False)["gap"].agg(["size", "sum"])
        groups = groups.sort_values(["sum", "size"], ascending=False, kind="stable")
        self._counted = [(key, int(row["size"]), int(row["sum"])) for key, row in groups.iterrows()]
        pairs = frame.drop_duplicates(["payer_id", "payer_name", "plan_name"])
        self._plans = {}
        for row in pairs.itertuples():
            if row.plan_name:
                self._plans.setdefault((row.payer_id, row.payer_name), []).append(row.plan_name)

    def _chosen(self) -> None:
        if not self._quiet:
            self._leave_payer()
            self._offer_plans("")

    def _offer_plans(self, plan: str) -> None:
        plans = sorted(self._plans.get(self.payer.value, []), key=str.casefold)
        self._quiet = True
        try:
            self.plan.options = [(_EVERY_PLAN, ""), *((one, one) for one in plans)]
            self.plan.value = plan if plan in plans else ""
        finally:
            self._quiet = False
        self._make()

    def _plan_chosen(self) -> None:
        if not self._quiet:
            self._leave_payer()
            self._make()

    def _leave_payer(self) -> None:
        """Stay with the payer and plan of the form where something of it is not saved (see `Leaving`)."""
        try:
            self._leaving.check(self._of_payer.unsaved())
        except UsageError:
            self._quiet = True
            self.payer.value, self.plan.value = self._shown
            self._quiet = False
            raise
        self._notice.clear()

    def _make(self) -> None:
        """Make the form of this payer and plan: text typed for another never comes with it."""
        for old in self.form.children:
            close(old)
        if self.payer.value is None:
            self.form.children = ()
            self._of_payer = Waiting()
            return
        payer_id, payer_name = self.payer.value
        plan = self.plan.value
        self._shown = (self.payer.value, plan)
        known = self._hospital.payer(payer_id or None, payer_name or None, plan or None)
        stated = known if known is not None and known.plan_name == plan else Payer()
        programs = [("not stated", ""), *((name, one) for one, name in coverage_names().items())]
        self.program = _choice("Program", programs, stated.program)
        self.contracted = _choice("Contract with the hospital", _CONTRACT, stated.contracted)
        self.funding = _choice("Funding", _FUNDING, stated.funding)
        window = "" if stated.state_window is None else str(stated.state_window)
        self.window = _text("Days to ask for a fair hearing (Medicaid)", window)
        self.jurisdiction = _text("State whose law governs the plan", stated.jurisdiction, "NY")
        self.address = field(
            w.Textarea(
                description="Address for appeals",
                value=stated.appeals_address,
                continuous_update=False,
                rows=3,
            ),
            "dd-long",
        )
        self.verified = _text(_CHECKED, typed_day(stated.address_verified_on), "MM/DD/YYYY")
        self.save = hooked(w.Button(description="Save this payer"), "dd-main", "dd-save-payer")
        self.save.disabled = bool(self._blocked)
        self.save.on_click(self._guards(lambda _: self._save(payer_id, payer_name, plan)))
        fields = (self.program, self.contracted, self.funding, self.window, self.jurisdiction,
                  self.verified, self.address)  # fmt: skip
        self.form.children = (
            hooked(w.VBox(fields), "dd-fields"),
            hooked(w.HBox([self.save]), "dd-line"),
        )
        self._of_payer = Waiting(*fields)

    def _save(self, payer_id: str, payer_name: str, plan: str) -> None:
        window = self.window.value.strip()
        if window and not window.isdigit():
            raise UsageError("The state's days are a whole number. Nothing was saved.")
        self._save_payer(
            Payer(
                payer_id=payer_id,
                payer_name=payer_name,
                plan_name=plan,
                program=self.program.value,
                contracted=self.contracted.value,
                funding=self.funding.value,
                appeals_address=self.address.value.strip(),
                address_verified_on=_day_of(self.verified.value),
                state_window=int(window) if window else None,
                jurisdiction=self.jurisdiction.value.strip().upper(),
            )
        )

    def _make_sender(self, sender: Sender) -> None:
        for old in self.sender_form.children:
            close(old)
        signer = sender.signer
        self.sender = {
            "name": _text("Hospital, as on the letterhead", sender.name),
            "npi": _text("Hospital's NPI", sender.npi),
            "phone": _text("Telephone", sender.phone),
            "fax": _text("Fax", sender.fax),
            "address": field(
                w.Textarea(
                    description="Address", value=sender.address, continuous_update=False, rows=3
                ),
                "dd-long",
            ),
        }
        self.signer = {
            "name": _text("Who signs", signer.name),
            "title": _text("Title", signer.title),
            "npi": _text("Signer's NPI", signer.npi),
            "phone": _text("Signer's telephone", signer.phone),
        }
        self.save_sender = hooked(w.Button(description="Save the sender"), "dd-main", "dd-save-sender")  # fmt: skip
        self.save_sender.disabled = bool(self._blocked)
        self.save_sender.on_click(self._guards(lambda _: self._sender()))
        fields = (*self.sender.values(), *self.signer.values())
        self.sender_form.children = (
            hooked(w.VBox(fields), "dd-fields"),
            hooked(w.HBox([self.save_sender]), "dd-line"),
        )
        self._of_sender = Waiting(*fields)

    def _sender(self) -> None:
        values = {name: one.value.strip() for name, one in self.sender.items()}
        signer = {name: one.value.strip() for name, one in self.signer.items()}
        try:
            self._save_sender(Sender(**values, signer=Signer(**signer)))
        except ValueError as error:
            raise UsageError(f"{error}. Nothing was saved.") from None
        self._of_sender.saved()


def _head(text: str) -> w.HTML:
    made = html()
    made.value = f'<div class="dd-block"><h2>{text}</h2></div>'
    return made


def _text(label: str, value: str, hint: str = "") -> w.Text:
    return field(w.Text(description=label, value=value, placeholder=hint, continuous_update=False))


def _choice(label: str, options: list[tuple[str, str]], value: str) -> w.Dropdown:
    return field(w.Dropdown(description=label, options=options, value=value))


def _day_of(text: str) -> date | None:
    if not text.strip():
        return None
    day = read_day_of(_CHECKED, text)
    if day > date.today():
        raise UsageError(f"{_CHECKED}: this day is still to come. Nothing was saved.")
    return day


def _payer_label(payer: tuple[str, str], number: int, gap: int) -> str:
    says = f"; {gap:,} without a program" if gap else ""
    return f"{payer[1] or payer[0]} ({count(number, 'denial')}{says})"


def payer_of(row: dict) -> tuple[str, str]:
    """Return the id and the name of a row's payer, '' where it has none."""
    return tuple(
        "" if pd.isna(row[name]) else str(row[name]) for name in ("payer_id", "payer_name")
    )

"""The desk itself: from an export to a case to a letter on file."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import ipywidgets as w

from toolkit.cases import DATE_FACTS, CaseStore
from toolkit.desk import blocks, places
from toolkit.desk.case_list import CaseList
from toolkit.desk.docket import SAMPLE, Docket, check_store, open_docket
from toolkit.desk.facts_form import FactsForm
from toolkit.desk.letter_part import LetterPart
from toolkit.desk.matter import Matter, attach, enter_fact, open_matter
from toolkit.desk.widgets import Notice, field, hooked, html, show
from toolkit.errors import ChangedError, StoreError, UsageError
from toolkit.hospital import Hospital
from toolkit.law.ics import write_ics
from toolkit.letters import Need, needs, write
from toolkit.letters.facts import fact_types
from toolkit.letters.writing import digest
from toolkit.outputs import private_folder

# Counted by the law from the facts behind the date; asked for only where no date can be counted.
_COUNTED = ("last_filing_date", "file_by")


def open_desk(
    export: str | Path | Iterable[Path] | None = None,
    *,
    hospital: Hospital | Path | str,
    as_of: date | str | None = None,
    store: Path | str | None = None,
    who: str | None = None,
) -> "Desk":
    """Return the desk, to be shown as the last line of a notebook cell.

    `export` is "sample", a path or several (exports, 835 remittances); without it the desk offers
    what lies in data/incoming. `hospital`: the hospital, or the folder that describes it, which is
    read anew whenever something is opened.
    `as_of`: the day from which days are counted (default: today). `store`: the file or
    the PostgreSQL URL that keeps everything entered (default: local/cases.sqlite). `who`: who enters it
    (default: the login name). The desk shows what could not be read.
    """
    desk = Desk(hospital=hospital, as_of=as_of, store=store, who=who)
    if export is not None:
        desk.open(export)
    return desk


class Desk:
    """The widgets and what they do; every method can be called without a browser."""

    def __init__(
        self,
        *,
        hospital: Hospital | Path | str,
        as_of: date | str | None = None,
        store: Path | str | None = None,
        who: str | None = None,
    ):
        self.root = places.home()
        self.store = store or places.store_path(self.root)
        self.who = who or places.analyst()
        self.docket: Docket | None = None
        self.matter: Matter | None = None
        self._hospital = hospital
        self._as_of = as_of
        self._key = ""
        self._kind: str | None = None
        self.notice = Notice("dd-notice-top")
        self.letter_notice = Notice("dd-notice-letter")
        self._build()

    def _build(self) -> None:
        guard = self.notice.guards
        self.title = html("dd-title")
        self.title.value = blocks.style() + (
            '<div class="dd-block"><h1>Denial desk</h1><p>Pick a case, fill in what is missing, read '
            "the letter, save it. Everything entered is saved at once.</p></div>"
        )
        self.files = field(w.Dropdown(description="Export or remittance"), "dd-wide", "dd-files")
        self.path = field(
            w.Text(
                description="Or the path of a file",
                placeholder="data/incoming/export.csv",
                continuous_update=False,
            ),
            "dd-wide",
            "dd-path",
        )
        self.open_button = hooked(w.Button(description="Open"), "dd-main", "dd-open")
        self.open_button.on_click(guard(lambda _: self._open_chosen()))
        self.source = hooked(w.HBox([self.files, self.path, self.open_button]), "dd-row")
        self._offer_files()
        self.welcome = html("dd-welcome")
        self.welcome.value = blocks.note(
            "Choose a file above and press Open. Put your exports and 835 files into data/incoming: "
            "nothing there leaves this machine.",
            title="Nothing is open yet.",
        )
        self.cases = CaseList(self.pick, self.notice)
        self._build_case(guard)
        self.view = hooked(
            w.VBox(
                [
                    self.title,
                    self.source,
                    self.notice.widget,
                    self.welcome,
                    self.cases.widget,
                    self.case,
                ]
            ),
            "dd-desk",
        )
        self._show("welcome")

    def _build_case(self, guard) -> None:
        self.back = hooked(w.Button(description="All open cases"), "dd-back")
        self.back.on_click(guard(lambda _: self.close_case()))
        self.previous = w.Button(description="Previous case")
        self.next = w.Button(description="Next case")
        self.previous.on_click(guard(lambda _: self._step(-1)))
        self.next.on_click(guard(lambda _: self._step(1)))
        self.head = html("dd-case-head-part")
        self._build_attach(guard)
        self.denied = html("dd-denied")
        self.ledger = html("dd-ledger")
        self.cautions = html("dd-cautions")
        self.date_form = FactsForm(self._enter_date_fact, self.notice, groups=False)
        self.date_form.ask(tuple(_need(name) for name in DATE_FACTS))
        self.correct = hooked(
            w.Checkbox(description="State or correct the facts behind the date", indent=False),
            "dd-correct",
        )
        self.correct.observe(lambda _: show(self.date_form.widget, self.correct.value), "value")
        self.form = FactsForm(self._enter_fact, self.letter_notice)
        self.form_head = html()
        self.letter = LetterPart(self.choose_kind, self.save, self.letter_notice)
        self.calendar = hooked(w.Button(description="Save calendar"), "dd-save-calendar")
        self.calendar.tooltip = "The days of this case, for Outlook or Google Calendar"
        self.calendar.on_click(guard(lambda _: self.save_calendar()))
        beside = hooked(w.HBox([self.calendar, self.correct]), "dd-line")
        dates = hooked(w.VBox([self.ledger, beside, self.date_form.widget]), "dd-dates")
        self.facts = hooked(w.VBox([self.form_head, self.form.widget]), "dd-facts-part")
        self.case = hooked(
            w.VBox(
                [
                    hooked(w.HBox([self.back, self.previous, self.next]), "dd-line"),
                    self.head,
                    self.attach_part,
                    hooked(w.HBox([w.VBox([self.denied, self.cautions]), dates]), "dd-columns"),
                    hooked(w.VBox([self.letter.kind]), "dd-part"),
                    hooked(w.HBox([self.facts, self.letter.widget]), "dd-columns"),
                ]
            ),
            "dd-case-part",
        )

    def _build_attach(self, guard) -> None:
        self.attach_notice = html()
        self.candidates = field(w.Dropdown(description="Entries"), "dd-wide", "dd-candidates")
        self.attach_button = hooked(w.Button(description="They are of this claim"), "dd-attach")
        self.apart_button = hooked(w.Button(description="This is another claim"), "dd-apart")
        self.attach_button.on_click(guard(lambda _: self.attach(self.candidates.value)))
        self.apart_button.on_click(guard(lambda _: self.attach(self.matter.case.case_key)))
        answers = hooked(
            w.HBox([self.candidates, self.attach_button, self.apart_button]), "dd-line"
        )
        self.attach_part = hooked(w.VBox([self.attach_notice, answers]), "dd-attach-part")

    def _offer_files(self) -> None:
        found = places.incoming(self.root)
        options: list[tuple[str, object]] = [("the synthetic sample", SAMPLE)]
        options += [(f"data/incoming/{path.name}", path) for path in found]
        if len(found) > 1:
            options.append((f"all {len(found)} files of data/incoming", found))
        self.files.options = options
        self.files.value = SAMPLE

    def _show_source(self, chosen: str | Path | Iterable[Path]) -> None:
        """Let the fields above name what is open."""
        self._offer_files()
        offered = [value for _, value in self.files.options]
        path = chosen
        if isinstance(chosen, str | Path) and str(chosen).strip().lower() != SAMPLE:
            path = places.found(Path(chosen), self.root)
        if path in offered:
            self.files.value, self.path.value = path, ""
        elif isinstance(path, Path):
            self.path.value = places.shown(path, self.root)

    def _show(self, part: str) -> None:
        show(self.welcome, part == "welcome")
        show(self.cases.widget, part == "list")
        show(self.case, part == "case")

    # ---- what the analyst does

    def open(self, chosen: str | Path | Iterable[Path]) -> None:
        """Open the sample, a file or several; what cannot be read is shown in one line."""
        self.notice.clear()
        with self.notice.catching():
            check_store(self.store)
            self.docket = open_docket(
                chosen, root=self.root, store=self.store, hospital=self._hospital, as_of=self._day()
            )
            self.matter, self._key = None, ""
            self._show_source(chosen)
            self.cases.put(self.docket)
            self._show("list")

    def pick(self, denial_key: str) -> None:
        """Open this case."""
        self._kind = None
        self.notice.clear()
        self.letter_notice.clear()
        self._refresh(denial_key, afresh=True)
        self._show("case")
        self.back.focus()

    def close_case(self) -> None:
        """Go back to the list, where the case now stands as it was left."""
        self.cases.put(self.docket, keep=True)
        self.notice.clear()
        self._show("list")
        row = next((row for row in self.cases.rows if row.denial_key == self._key), None)
        if row:
            row.open.focus()

    def choose_kind(self, kind_id: str) -> None:
        """Draft this kind of letter, or none."""
        self._kind = kind_id
        self.letter_notice.clear()
        self._refresh(self._key)

    def enter(self, name: str, raw: object) -> None:
        """Put one fact on file at once, and draft again; raises UsageError in words for the user."""
        try:
            enter_fact(
                self.matter, name, raw, store=self.store, who=self.who, now=datetime.now(UTC)
            )
        except ChangedError:
            self._refresh(self._key)  # what the other one entered is shown; then it can be repeated
            raise
        if self._key not in self.docket.begun:
            self.docket = self.docket.marked(self._key, "facts")
        self.letter_notice.clear()
        self._refresh(self._key)

    def attach(self, case_key: str) -> None:
        """Bring this case's entries to the claim; with the claim's own key, they are another claim's."""
        attach(self.matter, case_key, store=self.store, who=self.who, now=datetime.now(UTC))
        if case_key != self.matter.case.case_key:
            self.docket = self.docket.marked(self._key, "facts")
        self._refresh(self._key, afresh=True)

    def save(self, ending: str) -> Path | None:
        """Write the letter as docx or pdf, keep its hash, and say where it is."""
        letter = self.matter.letter
        draft = self.letter.as_draft.value and not letter.complete
        folder = private_folder(places.letters_folder(self.root, self.docket.as_of))
        path = self._free(folder, ending, draft)
        write(letter, path, draft=draft)
        with CaseStore(self.store) as cases:
            cases.record_letter(
                self.matter.case.case_key,
                kind=letter.kind,
                sha256=digest(path),
                file_type=ending,
                letter_date=letter.as_of,
                is_draft=draft,
                who=self.who,
                now=datetime.now(UTC),
            )
        self.docket = self.docket.marked(self._key, "letter")
        self._refresh(self._key)
        self.letter_notice.done(f"Saved: {places.shown(path, self.root)}")
        return path

    def save_calendar(self) -> Path:
        """Write the days of the case for Outlook or Google Calendar, and say where they are."""
        deadline = self.matter.deadline
        folder = private_folder(places.letters_folder(self.root, self.docket.as_of))
        path = folder / f"{self._key}.ics"
        title = f"Appeal clock: {deadline.level_name}"
        write_ics([deadline], path, title=title, made_at=datetime.now(UTC), case=self._key)
        self.notice.done(f"Saved: {places.shown(path, self.root)}")
        return path

    def _free(self, folder: Path, ending: str, draft: bool) -> Path:
        """Return where to write: never over a file that somebody has changed since we wrote it."""
        ours = {entry.sha256 for entry in self.matter.written}
        name = f"{self._key}-draft" if draft else self._key
        path, number = folder / f"{name}.{ending}", 1
        while path.exists() and digest(path) not in ours:
            number += 1
            path = folder / f"{name}-{number}.{ending}"
        return path

    # ---- how the desk follows

    def _open_chosen(self) -> None:
        typed = self.path.value.strip()
        self.open(Path(typed) if typed else self.files.value)

    def _step(self, by: int) -> None:
        keys = self.cases.keys()
        at = keys.index(self._key) + by if self._key in keys else 0
        if 0 <= at < len(keys):
            self.pick(keys[at])

    def _day(self) -> date:
        if self._as_of is None:
            return date.today()
        if isinstance(self._as_of, date):
            return self._as_of
        try:
            return date.fromisoformat(self._as_of)
        except ValueError:
            raise UsageError("as_of is a date such as 2026-03-31") from None

    def _enter_fact(self, name: str, raw: object) -> None:
        self._entered(self.letter_notice, name, raw)

    def _enter_date_fact(self, name: str, raw: object) -> None:
        self._entered(self.notice, name, raw)

    def _entered(self, notice: Notice, name: str, raw: object) -> None:
        # What is wrong with a value is told beside its field; anything else in the notice.
        wrong = None
        with notice.catching():
            try:
                self.enter(name, raw)
            except UsageError as error:
                wrong = error
            except StoreError as error:  # said in both places: what the field shows is not saved
                wrong = error
                raise
        if wrong:
            raise wrong

    def _refresh(self, denial_key: str, *, afresh: bool = False) -> None:
        self.matter, self.docket = open_matter(
            self.docket, denial_key, store=self.store, kind_id=self._kind
        )
        self._key = denial_key
        matter = self.matter
        self.head.value = blocks.case_head(matter.row)
        self.attach_notice.value = f'<div class="dd-block">{blocks.candidates(matter)}</div>'
        self.candidates.options = [
            (blocks.candidate(one), one.case_key) for one in matter.candidates
        ]
        if matter.candidates:
            self.candidates.value = matter.candidates[0].case_key
        show(self.attach_part, bool(matter.candidates))
        self.denied.value = blocks.denied(matter)
        self.ledger.value = blocks.ledger(matter, self.docket.as_of)
        show(self.calendar, bool(matter.deadline and matter.deadline.last_filing_date))
        self.cautions.value = blocks.cautions(matter)
        # A refusal turns on who files: that is what to look at first.
        missing = {one.name for one in matter.letter.missing} if matter.letter else {"filer"}
        if afresh:
            self.correct.value = matter.row["due"] == "no_date"
            show(self.date_form.widget, self.correct.value)
        self.date_form.put(matter.case, missing & set(DATE_FACTS))
        asked = self._asked(matter)
        self.form.ask(asked)
        self.form.put(matter.case, missing, afresh=afresh)
        show(self.facts, bool(asked))
        self.form_head.value = f'<div class="dd-block">{blocks.heading("The facts")}</div>'
        self.letter.put(matter)
        keys = self.cases.keys()
        at = keys.index(denial_key) if denial_key in keys else -1
        self.previous.disabled = at <= 0
        self.next.disabled = not 0 <= at < len(keys) - 1

    @staticmethod
    def _asked(matter: Matter) -> tuple[Need, ...]:
        if matter.kind is None:
            return ()
        apart = set(DATE_FACTS)
        if matter.deadline is not None and matter.deadline.last_filing_date:
            apart |= set(_COUNTED)
        return tuple(one for one in needs(matter.kind) if one.name not in apart)

    # ---- how a notebook shows it

    def _repr_mimebundle_(self, **options: object) -> dict:
        shown = self.view._repr_mimebundle_(**options)
        # What a notebook file keeps of the desk says nothing of any case.
        return shown | {"text/plain": repr(self)}

    def __repr__(self) -> str:
        return "The denial desk (run the cell again to see it)"


def _need(name: str) -> Need:
    known = fact_types()[name]
    return Need(
        name=name,
        label=known.label,
        kind=known.kind,
        group=known.group,
        required=False,
        help=known.help,
        choices=known.choices,
    )

"""The desk itself: from an export to a case to a letter on file."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import ipywidgets as w

from toolkit import letters
from toolkit.cases import DATE_FACTS, CaseStore, DocumentEntry, problem_with
from toolkit.claims.notice import Notice as Letter
from toolkit.claims.notice import Proposal
from toolkit.desk import blocks, places
from toolkit.desk.case_list import CaseList
from toolkit.desk.case_view import (
    CaseView,
    attach,
    enter_fact,
    files_of,
    history,
    look_at,
    record,
    with_kind,
)
from toolkit.desk.caseload import (
    Caseload,
    check_store,
    open_caseload,
    triaged_caseload,
    with_letter_cases,
    with_work,
)
from toolkit.desk.criteria_part import CriteriaPart
from toolkit.desk.documents_part import (
    DocumentsPart,
    NewCasePart,
    attach_file,
    make_case,
    read_kept,
    read_upload,
)
from toolkit.desk.facts_form import FactsForm
from toolkit.desk.guard import Guard
from toolkit.desk.letter_part import LetterPart
from toolkit.desk.record_part import RecordPart
from toolkit.desk.settings_part import SettingsPart, payer_of
from toolkit.desk.shared import Choice, Rows, remember, remembered
from toolkit.desk.source_part import SourcePart
from toolkit.desk.transfer import Download
from toolkit.desk.widgets import Leaving, Notice, close, field, hooked, html, show
from toolkit.errors import ChangedError, RefusedError, StoreError, ToolkitError, UsageError
from toolkit.hospital import Hospital, Payer, Sender, read_hospital, save_payer, save_sender
from toolkit.hospital.places import letterhead
from toolkit.law.ics import write_ics
from toolkit.letters import Letter as DraftedLetter
from toolkit.letters import LetterKind, Need, confirmed, needs
from toolkit.letters.exhibits import title_of
from toolkit.letters.facts import fact_types
from toolkit.outputs import digest, private_folder

# Counted by the law from the facts behind the date; asked for only where no date can be counted.


def open_desk(
    export: "str | Path | Iterable[Path] | Frame | None" = None,
    *,
    hospital: Hospital | Path | str,
    as_of: date | str | None = None,
    store: Path | str | None = None,
    who: str | None = None,
) -> "Desk":
    """Return the desk, to be shown as the last line of a notebook cell.

    `export` is "sample", a path or several (exports, 835 remittances), or a pandas, polars or Arrow
    frame of denials, whose columns are read as an export's are; without it the desk offers what is in
    data/incoming. In the app, what was opened last counts before it. `hospital`: the
    hospital, or the folder that describes it, which is read anew whenever something is opened.
    `as_of`: the day from which days are counted (default: today). `store`: the file or
    the PostgreSQL URL that keeps everything entered (default: local/cases.sqlite). `who`: who enters it
    (default: the login name). The desk shows what could not be read.
    """
    desk = Desk(hospital=hospital, as_of=as_of, store=store, who=who)
    if last := remembered():
        desk.open_again(last)
    elif export is not None:
        desk.open(export)
    return desk


class Desk:
    """The widgets and what they do; every method can be called without a browser."""

    _newest: ClassVar[list["Desk"]] = []  # the last one that was opened in this kernel

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
        self.caseload: Caseload | None = None
        self.view: CaseView | None = None
        self._hospital = hospital
        self._as_of = as_of
        self._kind: str | None = None
        self._stores: set[str] = set()  # those that were opened, and are known to have been there
        self._asked_of: tuple[LetterKind, tuple[Need, ...]] | None = None
        self._listed: dict[str, object] = {}  # the rows that the table has, where they were entered
        self._leaving = Leaving()
        self.guard = Guard(self.look, self._left)
        self.notice = Notice("dd-notice-top", shown=lambda: self.guard.show("dd-notice-top"))
        self.store_notice = Notice("dd-notice-store")
        self.new_notice = Notice("dd-notice-new")
        self._build()
        before, self._newest[:] = tuple(self._newest), [self]
        for older in before:  # when a cell is run again, its page goes before the new desk is there
            if older.guard.was_left:
                older.close()

    def _build(self) -> None:
        guard = self.notice.guards
        self.title = html("dd-title")
        self.title.value = blocks.style() + (
            '<div class="dd-block"><h1>Denial desk</h1><p>Pick a case, fill in what is missing, read '
            "the letter, record what happened. A field says <i>saved</i> when the case store has it."
            "</p></div>"
        )
        self.source = SourcePart(
            self.root,
            self.notice,
            day=self._as_of,
            store=self.store,
            open_it=self._leave_for(self._open),
        )
        self.settings_button = hooked(w.Button(description="Payers and sender"), "dd-open-settings")
        self.settings_button.on_click(guard(self._leave_for(lambda _: self.open_settings())))
        self.source.row.children += (self.settings_button,)
        self.welcome = html("dd-welcome")
        self.welcome.value = blocks.note(
            "Choose a file above, or upload one, and press Open. Uploads, and your exports and 835 files, "
            "are in data/incoming: nothing there leaves this machine.",
            title="Nothing is open yet.",
        )
        self.cases = CaseList(self.pick, self.notice)
        self.new_case = NewCasePart(self.read_letter, self.make_case, self.new_notice)
        # What is not on the screen yet is made when it is first needed: the list comes sooner.
        self.case = hooked(w.VBox(), "dd-case-part")
        self.settings = hooked(w.VBox(), "dd-settings-part")
        parts = (self.guard, self.title, self.source.widget, self.store_notice.widget, self.notice.widget,
                 self.welcome, self.cases.widget, self.new_case.widget, self.case, self.settings)  # fmt: skip
        self.box = hooked(w.VBox(parts), "dd-desk")
        self._show("welcome")

    def _build_case(self) -> None:
        """Make the screen of a case, at the first one."""
        if self.case.children:
            return
        self.date_notice = Notice("dd-notice-date")
        self.record_notice = Notice("dd-notice-record")
        self.letter_notice = Notice("dd-notice-letter")
        self.document_notice = Notice("dd-notice-document")
        self.criteria_notice = Notice("dd-notice-criteria")
        guard = self.notice.guards
        self.back = hooked(w.Button(description="Back to the list"), "dd-back")
        self.back.on_click(guard(self._leave_for(lambda _: self.close_case())))
        self.previous = w.Button(description="Previous case")
        self.next = w.Button(description="Next case")
        self.previous.on_click(guard(self._leave_for(lambda _: self._step(-1))))
        self.next.on_click(guard(self._leave_for(lambda _: self._step(1))))
        self.of_payer = hooked(w.Button(description="Payer settings"), "dd-of-payer")
        self.of_payer.tooltip = (
            "Program, contract, window and address, for all claims of this payer"
        )
        to_payer = self._leave_for(lambda _: self.open_settings(payer_of(self.view.row)))
        self.of_payer.on_click(guard(to_payer))
        self.head = html("dd-case-head-part")
        self._build_changed(guard)
        self._build_attach(guard)
        self.denied = html("dd-denied")
        self.ledger = html("dd-ledger")
        self.cautions = html("dd-cautions")
        settled = self.guard.settled
        self.date_form = FactsForm(self._enter_date_fact, self.date_notice, settled, groups=False)
        self.correct = hooked(
            w.Checkbox(description="State or correct the facts behind the date", indent=False),
            "dd-correct",
        )
        self.correct.observe(lambda _: show(self.date_form.widget, self.correct.value), "value")
        self.form = FactsForm(self._enter_fact, self.letter_notice, settled)
        self.form_head = html()
        self.form_head.value = f'<div class="dd-block">{blocks.heading("The facts")}</div>'
        self.record = RecordPart(self.record_event, self.record_notice)
        self.documents = DocumentsPart(
            self.attach_document, self.show_document, self.confirm, self.document_notice
        )
        self.criteria = CriteriaPart(self._enter_criterion, self.criteria_notice)
        self.letter = LetterPart(self.choose_kind, self.save, self.save_packet, self.letter_notice)
        self.calendar = hooked(w.Button(description="Save calendar"), "dd-save-calendar")
        self.calendar.tooltip = "The days of this case, for Outlook or Google Calendar"
        self.calendar.on_click(self.date_notice.guards(lambda _: self.save_calendar()))
        self.calendar_file = Download(self.date_notice)
        beside = hooked(w.HBox([self.calendar, self.calendar_file, self.correct]), "dd-line")
        dates = hooked(
            w.VBox([self.ledger, beside, self.date_notice.widget, self.date_form.widget]),
            "dd-dates",
        )
        self.facts = hooked(w.VBox([self.form_head, self.form.widget]), "dd-facts-part")
        steps = hooked(w.HBox([self.back, self.previous, self.next, self.of_payer]), "dd-line")
        self.case.children = (
            steps,
            self.head,
            self.changed_part,
            self.attach_part,
            hooked(w.HBox([w.VBox([self.denied, self.cautions]), dates]), "dd-columns"),
            self.record.widget,
            self.documents.widget,
            self.criteria.widget,
            hooked(w.VBox([self.letter.kind, self.letter.not_offered]), "dd-part"),
            hooked(w.HBox([self.facts, self.letter.widget]), "dd-columns"),
        )

    def _build_changed(self, guard) -> None:
        self.changed = html()
        self.show_changed = hooked(w.Button(description="Show the case as it is now"), "dd-show-changed")  # fmt: skip
        self.show_changed.on_click(guard(lambda _: self._refresh()))
        self.changed_part = hooked(w.VBox([self.changed, self.show_changed]), "dd-changed")

    def _build_attach(self, guard) -> None:
        self.attach_notice = html()
        self.candidates = field(w.Dropdown(description="Entries"), "dd-wide", "dd-candidates")
        self.attach_button = hooked(w.Button(description="They are of this claim"), "dd-attach")
        self.apart_button = hooked(w.Button(description="This is another claim"), "dd-apart")
        self.attach_button.on_click(guard(lambda _: self.attach(self.candidates.value)))
        self.apart_button.on_click(guard(lambda _: self.attach(self.view.case.case_key)))
        answers = hooked(
            w.HBox([self.candidates, self.attach_button, self.apart_button]), "dd-line"
        )
        self.attach_part = hooked(w.VBox([self.attach_notice, answers]), "dd-attach-part")

    def _build_settings(self) -> None:
        """Make the screen of payers and sender, when it is first asked for."""
        if self.settings.children:
            return
        self.settings_notice = Notice("dd-notice-settings")
        guard = self.notice.guards
        self.settings_form = SettingsPart(self.save_payer, self.save_sender, self.settings_notice)
        self.leave_settings = hooked(w.Button(description="Back"), "dd-leave-settings")
        self.leave_settings.on_click(guard(self._leave_for(lambda _: self._leave_settings())))
        self.settings.children = (
            hooked(w.HBox([self.leave_settings]), "dd-line"),
            self.settings_form.widget,
        )

    def _show(self, part: str) -> None:
        show(self.welcome, part == "welcome")
        show(self.cases.widget, part == "list")
        show(self.new_case.widget, part == "list")
        show(self.case, part == "case")
        show(self.settings, part == "settings")
        show(self.settings_button, self.caseload is not None and part != "settings")

    def _leave_for(self, step: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return the step so that it leaves nothing unsaved behind in silence (see `Leaving`)."""

        def leave(given: Any) -> None:
            self._leaving.check(self._unsaved())
            self.notice.clear()
            step(given)

        return leave

    def _unsaved(self) -> dict[str, object]:
        """Return what the screen holds that is not saved, by the label of its field."""
        if self.settings.layout.display != "none":
            return self.settings_form.unsaved()
        if self.case.layout.display == "none":
            return {}
        fields = (*self.date_form.unsaved, *self.form.unsaved)
        found: dict[str, object] = {one.need.label: one.control.value for one in fields}
        for part in (self.record, self.documents, self.criteria):
            found |= part.unsaved()
        return found

    # ---- what the analyst does

    def open(self, chosen: "str | Path | Iterable[Path] | Frame") -> None:
        """Open the sample, a file, several or a frame; what cannot be read is shown in one line."""
        with self.notice.catching():
            self._open(Choice(_given(chosen), self._as_of, self.store))

    def open_again(self, last: Choice) -> None:
        """Open what was opened last in the app."""
        self._stores.add(str(last.store))
        self.source.put_day_and_store(last)
        self._open(last)

    def pick(self, denial_key: str) -> None:
        """Open this case."""
        self._kind = None
        self._open_case(denial_key)

    def _open_case(self, denial_key: str) -> None:
        """Show this case, with the kind of letter that was chosen for it."""
        self._build_case()
        for notice in (
            self.notice, self.date_notice, self.record_notice, self.letter_notice, self.document_notice,
            self.criteria_notice,
        ):  # fmt: skip
            notice.clear()
        files = files_of(self.caseload, denial_key)
        self.view, self.caseload = look_at(
            self.caseload, files, store=self.store, kind_id=self._kind
        )
        self._put(afresh=True)
        self._show("case")
        self.back.focus()

    def close_case(self) -> None:
        """Go back to the list, where each case stands as it was left, by whomever."""
        self.notice.clear()
        with self.notice.catching():
            self._follow_others()
        self._relist()
        self._show("list")
        self.cases.focus(self._key)

    def choose_kind(self, kind_id: str) -> None:
        """Draft this kind of letter, or none."""
        self._kind = kind_id
        self.letter_notice.clear()
        self.view = with_kind(self.view, kind_id, as_of=self.caseload.as_of)
        self._put()

    def enter(
        self, name: str, raw: object, *, case_key: str | None = None, source: str = ""
    ) -> None:
        """Put one fact into the store, then draft again; returns only when the store has it.

        `case_key` names the case that the fact is for, `source` where it is from, if not typed. Raises UsageError in words for the user where
        the value is of the wrong kind or the case is not the one that is open.
        """
        self._check_case(case_key)
        now = datetime.now(UTC)
        try:
            entered = enter_fact(
                self.view, name, raw, store=self.store, who=self.who, now=now, source=source
            )
        except ChangedError:
            self._refresh()  # what the other one entered is shown; then it can be repeated
            raise
        is_new = entered is not self.view
        self.view = entered
        if is_new:
            self.store_notice.clear()
            self._mark("facts")
        # It is saved: what goes wrong from here on is said, but is no reason to enter it again.
        with (self.date_notice if name in DATE_FACTS else self.letter_notice).catching():
            if name in DATE_FACTS:
                self._refresh()
                return
            self.view = with_kind(self.view, self._kind, as_of=self.caseload.as_of)
        self._put()

    def record_event(self, event: str, *, day: date | None = None, **fields: object) -> None:
        """Record what happened to the claim; `day`: today where it is None (see `record_event`)."""
        self.record_notice.clear()
        by = {"store": self.store, "who": self.who, "now": datetime.now(UTC)}
        as_of = self.caseload.as_of
        try:
            made = record(self.view, event, day=day or as_of, as_of=as_of, **by, **fields)
        except ChangedError:
            self._refresh()
            raise
        self._mark("facts")
        self._refresh(recorded=True)
        self.record_notice.done(f"Saved: entry {made.entry}. {blocks.now_stands(self.view)}")

    def attach(self, case_key: str) -> None:
        """Bring this case's entries to the claim; with the claim's own key, they are another claim's."""
        attach(self.view, case_key, store=self.store, who=self.who, now=datetime.now(UTC))
        if case_key != self.view.case.case_key:
            self._mark("facts")
        self.view, self.caseload = look_at(self.caseload, self.view.files, store=self.store)
        self._put(afresh=True)

    # ---- documents and letters

    def attach_document(
        self, case_key: str, name: str, content: bytes, what: str, from_whom: str
    ) -> Letter | None:
        """Attach a file to the case; return what it proposes where it is a letter of the payer."""
        self._check_case(case_key)
        self.document_notice.clear()
        try:
            entry, letter, problem = attach_file(
                self.view, name, content, what=what, from_whom=from_whom,
                folder=self._documents(), as_of=self.caseload.as_of, **self._by(),
            )  # fmt: skip
        except ChangedError:
            self._refresh()
            raise
        self._mark("facts")
        self._refresh()
        if problem:
            self.document_notice.problem(
                f"Attached as entry {entry.entry}, and not read: {problem}"
            )
        else:
            self.document_notice.done(f"Attached: entry {entry.entry}.")
        return letter

    def show_document(self, case_key: str, document: DocumentEntry) -> Letter:
        """Return what an attached letter proposes."""
        self._check_case(case_key)
        self.document_notice.clear()
        return read_kept(document, folder=self._documents(), as_of=self.caseload.as_of)

    def confirm(self, case_key: str, proposal: Proposal, file: str) -> None:
        """Enter one proposal of a letter as a fact, with its page and quotation as its source."""
        self.document_notice.clear()
        facts = confirmed([proposal], file=file, as_of=self.caseload.as_of)
        for name, fact in facts.items():
            self.enter(name, fact.value, case_key=case_key, source=fact.source)
        self.document_notice.done(f"Saved: {proposal.says}.")

    def read_letter(self, name: str, content: bytes) -> Letter:
        """Return what a letter proposes whose claim is in no file; nothing is kept."""
        self.new_notice.clear()
        return read_upload(name, content, as_of=self.caseload.as_of)

    def make_case(
        self, name: str, content: bytes, letter: Letter, proposals: Iterable[Proposal]
    ) -> None:
        """Make a case of a letter and of what was confirmed in it, and open it."""
        self.new_notice.clear()
        if self.caseload.is_sample:
            raise UsageError(
                "This is the synthetic sample: open a file of your own to add a case to it."
            )
        before = self.caseload
        make_case(
            name, content, letter, confirmed(proposals, file=letter.file, as_of=before.as_of),
            folder=self._documents(), hospital=before.hospital, as_of=before.as_of, **self._by(),
        )  # fmt: skip
        self._list(with_work(with_letter_cases(before, self.store), self.store), keep=True)
        files, worklist = self.caseload.claims.table("files"), self.caseload.worklist
        made = files.loc[files["sha256"].eq(letter.sha256), "file_id"]
        mine = worklist.frame(worklist.places("file_id", made), columns=["denial_key"])
        for denial_key in mine["denial_key"]:
            self.pick(denial_key)
            return
        self.new_notice.done(
            "Saved: the letter and what was confirmed went to the case of its claim."
        )

    def _documents(self) -> Path:
        return places.documents_folder(self.root)

    def _by(self) -> dict[str, object]:
        return {"store": self.store, "who": self.who, "now": datetime.now(UTC)}

    def open_settings(self, payer: tuple[str, str] | None = None) -> None:
        """Show what is stated once: payers, with this one first, and the sender."""
        self._build_settings()
        self.settings_notice.clear()
        self.settings_form.put(self.caseload, blocked=self._settings_blocked(), payer=payer)
        self._show("settings")
        self.leave_settings.focus()

    def save_payer(self, payer: Payer) -> None:
        """Write the payer into the hospital's payer table and count every date anew."""
        save_payer(self._folder() / "payers.csv", payer)
        self._count_anew()
        named = (payer.payer_id, payer.payer_name)
        self.settings_form.put(
            self.caseload, blocked="", payer=named, plan=payer.plan_name, keep_sender=True
        )
        self.settings_notice.done("Saved in payers.csv; every date was counted anew.")

    def save_sender(self, sender: Sender) -> None:
        """Write the sender into the hospital's own file; the letters take it from there."""
        save_sender(self._folder() / "hospital.yaml", sender)
        hospital = read_hospital(self._folder())
        self.caseload = replace(self.caseload, hospital=hospital)
        self.settings_notice.done("Saved in hospital.yaml; letters take it from there.")

    def close(self) -> None:
        """Close the widgets and let go of the claims; the desk cannot be used again."""
        close(self.box)
        self.caseload = self.view = None

    def look(self) -> None:
        """Say what somebody else has entered on the open case since it was last shown."""
        if self.view is None or self.case.layout.display == "none":
            return
        with self.store_notice.catching(), CaseStore(self.store, made=True) as cases:
            changes = cases.changed_since(self.view.case.case_key, self.view.seen)
            if self.store_notice.text:
                self.store_notice.clear()
            self._show_changes(changes)

    def save(self, ending: str) -> Path:
        """Write the letter as docx or pdf, keep its hash, and say where it is."""
        template = letterhead() if ending == "docx" else None

        def write(letter: DraftedLetter, path: Path, draft: bool) -> list[str]:
            letters.write(letter, path, draft=draft, template=template)
            return []

        return self._saved(self.view.letter, self._key, ending, write)

    def save_packet(self) -> Path:
        """Write the letter with the chosen exhibits as one PDF, keep its hash, and say where it is."""
        folder = self._documents()
        chosen = self.letter.chosen(self.view)
        if wrong := [
            f"{one.name}: {says}" for one in chosen if (says := problem_with(one, folder))
        ]:
            raise RefusedError("An exhibit cannot be put into the packet.", needs=tuple(wrong))
        titles = {folder / one.kept_as: title_of(one.name) for one in chosen}
        case = letters.with_exhibits(self.view.case, titles, titles=titles)
        letter = letters.draft(case, self.view.kind, as_of=self.caseload.as_of)

        def write(letter: DraftedLetter, path: Path, draft: bool) -> list[str]:
            return letters.write_packet(letter, path, draft=draft)[1]

        return self._saved(letter, f"{self._key}-packet", "pdf", write)

    def _saved(
        self,
        letter: DraftedLetter,
        name: str,
        ending: str,
        write: Callable[[DraftedLetter, Path, bool], list[str]],
    ) -> Path:
        """Write a letter, enter it on the case, offer it, and say where it is and what `write` warns of."""
        draft = self.letter.as_draft.value and not letter.complete
        folder = private_folder(places.letters_folder(self.root, self.caseload.as_of))
        path = self._free(folder, name, ending, draft)
        warnings = write(letter, path, draft)
        with CaseStore(self.store, made=True) as cases:
            cases.record_letter(
                self.view.case.case_key,
                kind=letter.kind,
                sha256=digest(path),
                file_type=ending,
                letter_date=letter.as_of,
                is_draft=draft,
                who=self.who,
                now=datetime.now(UTC),
            )
        self._mark("letter")
        self._refresh()
        self.letter.file.offer(path)
        self.letter_notice.done(f"Saved: {places.shown(path, self.root)}", warnings)
        return path

    def save_calendar(self) -> Path:
        """Write the days of the case for Outlook or Google Calendar, and say where they are."""
        deadline = self.view.deadline
        folder = private_folder(places.letters_folder(self.root, self.caseload.as_of))
        path = folder / f"{self._key}.ics"
        title = f"Appeal clock: {deadline.level_name}"
        write_ics([deadline], path, title=title, made_at=datetime.now(UTC), case=self._key)
        self.calendar_file.offer(path)
        self.date_notice.done(f"Saved: {places.shown(path, self.root)}")
        return path

    def _free(self, folder: Path, name: str, ending: str, draft: bool) -> Path:
        """Return where to write: never over a file that somebody has changed since we wrote it."""
        ours = {entry.sha256 for entry in self.view.written}
        name = f"{name}-draft" if draft else name
        path, number = folder / f"{name}.{ending}", 1
        while path.exists() and digest(path) not in ours:
            number += 1
            path = folder / f"{name}-{number}.{ending}"
        return path

    # ---- how the desk follows

    def _left(self) -> None:
        """Close a desk that no page shows any more, once its cell has opened another."""
        if self._newest != [self]:
            self.close()

    def _open(self, choice: Choice) -> None:
        """Open what was chosen; where that fails, what was open stays, with its day and its store."""
        self.notice.clear()
        self.store_notice.clear()
        with self.notice.catching():
            check_store(choice.store, made=str(choice.store) in self._stores)
            self._stores.add(str(choice.store))
            caseload = open_caseload(
                choice.chosen,
                root=self.root,
                store=choice.store,
                hospital=self._hospital,
                as_of=_day(choice.as_of),
            )
            self.store, self._as_of = choice.store, choice.as_of
            self.source.put(choice.chosen)
            self._list(caseload)
            remember(choice)

    def _step(self, by: int) -> None:
        at = self.cases.place(self._key)
        key = self.cases.key_at(at + by if at >= 0 else 0)
        if key is not None:
            self.pick(key)

    @property
    def _key(self) -> str:
        return self.view.files.denial_key if self.view else ""

    def _list(self, caseload: Caseload, *, keep: bool = False) -> None:
        """Show this caseload's table from the start; `keep`: with its filters and its order."""
        self.caseload, self.view = caseload, None
        self._listed = dict(caseload.changed)
        self.cases.put(caseload, keep=keep)
        self._show("list")

    def _relist(self) -> None:
        """Bring the rows that have changed to the table."""
        rows = self.caseload.changed
        changed = [row for key, row in rows.items() if self._listed.get(key) is not row]
        self._listed = dict(rows)
        self.cases.again(self.caseload, changed)

    def _follow_others(self) -> None:
        """Bring in what others have entered since on cases that are not open here."""
        with CaseStore(self.store, made=True) as cases:
            changed = set(cases.cases_changed_since(self.caseload.seen))
            newest = cases.newest()
        changed -= {self.view.case.case_key} if self.view else set()
        if changed:
            self.caseload = with_work(self.caseload, self.store, changed=changed)
        else:
            self.caseload = replace(self.caseload, seen=newest)

    def _mark(self, begun: str) -> None:
        if begun == "letter" or self.caseload.begun.get(self._key) != "letter":
            self.caseload = self.caseload.marked(self._key, begun)

    def _check_case(self, case_key: str | None) -> None:
        if case_key not in (None, self.view.case.case_key):
            raise UsageError("this field belongs to another case than the one that is open")

    def _enter_fact(self, case_key: str, name: str, raw: object) -> None:
        self._entered(self.letter_notice, case_key, name, raw)

    def _enter_date_fact(self, case_key: str, name: str, raw: object) -> None:
        self._entered(self.date_notice, case_key, name, raw)

    def _enter_criterion(self, case_key: str, name: str, raw: object) -> None:
        self.criteria_notice.clear()
        self.enter(name, raw, case_key=case_key)
        self.criteria_notice.done("Saved.")

    def _entered(self, notice: Notice, case_key: str, name: str, raw: object) -> None:
        """Enter a fact; what goes wrong is said beside its field, and what is no fault of it above, too."""
        notice.clear()
        try:
            self.enter(name, raw, case_key=case_key)
        except UsageError:
            raise
        except Exception as error:
            with notice.catching():
                raise
            if isinstance(error, ToolkitError):
                raise
            raise StoreError("an internal error, named above") from None

    def _refresh(self, *, recorded: bool = False) -> None:
        """Read the case anew from the store, and show it; text that is not saved stays."""
        self.view, self.caseload = look_at(
            self.caseload, self.view.files, store=self.store, kind_id=self._kind
        )
        self._put(recorded=recorded)

    def _put(self, *, afresh: bool = False, recorded: bool = False) -> None:
        """Show the case; `afresh`: another than before, `recorded`: with a new event."""
        view = self.view
        self.head.value = blocks.case_head(view.row)
        self._show_changes(())
        self.attach_notice.value = f'<div class="dd-block">{blocks.candidates(view)}</div>'
        self.candidates.options = [(blocks.candidate(one), one.case_key) for one in view.candidates]
        if view.candidates:
            self.candidates.value = view.candidates[0].case_key
        show(self.attach_part, bool(view.candidates))
        self.denied.value = blocks.denied(view)
        self.ledger.value = blocks.ledger(view, self.caseload.as_of)
        show(self.calendar, bool(view.deadline and view.deadline.last_filing_date))
        self.cautions.value = blocks.cautions(view)
        # A refusal turns on who files: that is what to look at first, where it is not known.
        missing = {"filer"} - set(view.case.facts)
        if view.letter:
            missing = {one.name for one in view.letter.missing}
        key = view.case.case_key
        if afresh:
            self.calendar_file.offer(None)
            self.letter.file.offer(None)
            self.correct.value = view.row["due"] == "no_date"
            show(self.date_form.widget, self.correct.value)
        self.date_form.ask(tuple(_need(name) for name in DATE_FACTS), key)
        self.date_form.put(view.case, missing & set(DATE_FACTS))
        asked = self._asked(view)
        self.form.ask(asked, key)
        self.form.put(view.case, missing, afresh=afresh)
        show(self.facts, bool(asked))
        self.documents.put(view, folder=self._documents(), as_of=self.caseload.as_of, afresh=afresh)
        self.criteria.put(view, as_of=self.caseload.as_of, afresh=afresh)
        if afresh or recorded or view.events != self.record.shown:
            keep = not (afresh or recorded)
            self.record.put(view, history(view, self.caseload), keep=keep)
        self.letter.put(view, self.caseload.as_of)
        at = self.cases.place(self._key)
        self.previous.disabled = at <= 0
        self.next.disabled = at < 0 or self.cases.key_at(at + 1) is None

    def _show_changes(self, changes: tuple) -> None:
        self.changed.value = blocks.changed(changes)
        show(self.changed_part, bool(changes))

    def _settings_blocked(self) -> str:
        if self.caseload.is_sample:
            return (
                "This is the synthetic sample: its payers are invented, and nothing is saved for them. "
                "Open a file of your own to state what is known of its payers."
            )
        if isinstance(self._hospital, Hospital):
            return "This desk was opened with a hospital that has no folder: nothing can be saved."
        return ""

    def _folder(self) -> Path:
        if blocked := self._settings_blocked():
            raise UsageError(blocked)
        return places.hospital_folder(self._hospital, self.root)

    def _count_anew(self) -> None:
        key = self._key
        before = self.caseload
        caseload = triaged_caseload(
            before.name,
            before.claims,
            hospital=read_hospital(self._folder()),
            as_of=before.as_of,
            store=self.store,
        )
        self._list(caseload, keep=True)
        if key:
            self._open_case(key)
        self._show("settings")

    def _leave_settings(self) -> None:
        if self.view is not None:
            self._open_case(self._key)
        else:
            self._show("list")
            self.settings_button.focus()

    def _asked(self, view: CaseView) -> tuple[Need, ...]:
        """Return what the letter of a case asks for; of the kind that was asked about last, at once."""
        if view.kind is None:
            return ()
        if self._asked_of is None or self._asked_of[0] is not view.kind:
            apart = set(DATE_FACTS)
            found = tuple(one for one in needs(view.kind) if one.name not in apart)
            self._asked_of = (view.kind, found)
        return self._asked_of[1]

    # ---- how a notebook shows it

    def _repr_mimebundle_(self, **options: object) -> dict:
        shown = self.box._repr_mimebundle_(**options)
        # What a notebook file keeps of the desk says nothing of any case.
        return shown | {"text/plain": repr(self)}

    def __repr__(self) -> str:
        return "The denial desk (run the cell again to see it)"


class Frame(Protocol):
    """A frame of pandas, polars or Arrow: what can be given as an Arrow stream."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def _given(chosen: "str | Path | Iterable[Path] | Frame") -> str | Path | tuple[Path, ...] | Rows:
    if hasattr(chosen, "__arrow_c_stream__"):
        return Rows.of(chosen)
    return chosen if isinstance(chosen, str | Path) else tuple(chosen)


def _day(as_of: date | str | None) -> date:
    if as_of is None:
        return date.today()
    if isinstance(as_of, date):
        return as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        raise UsageError("as_of is a date such as 2026-03-31") from None


def _need(name: str) -> Need:
    known = fact_types()[name]
    return Need(
        name=name,
        label=known.label,
        kind=known.kind,
        holder=known.holder,
        why=known.why,
        group=known.group,
        required=False,
        help=known.help,
        choices=known.choices,
    )

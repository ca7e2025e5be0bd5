"""Documents of a case: attach, list, and confirm line by line what a payer's letter proposes."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w
from msgspec.structs import replace

from toolkit.cases import (
    CaseStore,
    DocumentEntry,
    Fact,
    attach_document,
    local_time,
    problem_with,
)
from toolkit.claims.notice import Notice as Letter
from toolkit.claims.notice import Proposal, read_notice, says_of
from toolkit.claims.notice.kinds import UNKNOWN, notice_kinds
from toolkit.claims.notice.proposal import shown
from toolkit.desk import blocks, places
from toolkit.desk.case_view import CaseView
from toolkit.desk.transfer import Upload
from toolkit.desk.widgets import Notice, close, field, hooked, html, show
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.letters import case_of_notice, documents_of
from toolkit.letters.facts import fact_types, printed
from toolkit.rules.words import capital
from toolkit.worklist.wording import count, plain

LETTER = "letter of the payer"
_ACCEPTED = ".pdf,.docx,.txt,.png,.jpg,.jpeg,.tif,.tiff"


# ---- what is done, without a widget


def attach_file(
    view: CaseView,
    name: str,
    content: bytes,
    *,
    what: str,
    from_whom: str,
    folder: Path,
    store: Path | str,
    as_of: date,
    who: str,
    now: datetime,
) -> tuple[DocumentEntry, Letter | None, str]:
    """Attach a file to the case; return its entry, and of a payer's letter what it proposes.

    The third is why a letter could not be read, '' where it was: it is attached all the same.
    """
    letter, problem = None, ""
    with tempfile.TemporaryDirectory(prefix="denial-upload-") as place:  # mode 0700
        path = Path(place) / places.clean_name(name)
        path.write_bytes(content)
        if what == LETTER:
            try:
                letter = read_notice(path, as_of=as_of)
            except InputError as error:
                problem = str(error)
        with CaseStore(store, made=True) as cases:
            entry = attach_document(
                cases, view.case, path, folder=folder, name=path.name, from_whom=from_whom,
                kind=letter.kind if letter else what, pages=letter.pages if letter else None,
                after=view.seen, who=who, now=now,
            )  # fmt: skip
    return entry, letter, problem


def read_kept(document: DocumentEntry, *, folder: Path, as_of: date) -> Letter:
    """Return what an attached letter proposes. Raises InputError where it is gone or was changed."""
    if problem := problem_with(document, folder):
        raise InputError(f"{document.name}: {problem}")
    letter = read_notice(folder / document.kept_as, as_of=as_of)
    return replace(letter, file=document.name)


def make_case(
    name: str,
    content: bytes,
    letter: Letter,
    facts: Mapping[str, Fact],
    *,
    folder: Path,
    store: Path | str,
    hospital: Hospital,
    as_of: date,
    who: str,
    now: datetime,
) -> str:
    """Make a case of a letter whose claim is in no file (see `case_of_notice`); return its key."""
    with tempfile.TemporaryDirectory(prefix="denial-upload-") as place:
        path = Path(place) / places.clean_name(name)
        path.write_bytes(content)
        with CaseStore(store, made=True) as cases:
            return case_of_notice(
                cases, letter, path, facts, folder=folder, hospital=hospital, as_of=as_of,
                who=who, now=now,
            )  # fmt: skip


def read_upload(name: str, content: bytes, *, as_of: date) -> Letter:
    """Return what an uploaded letter proposes; nothing is kept."""
    with tempfile.TemporaryDirectory(prefix="denial-upload-") as place:
        path = Path(place) / places.clean_name(name)
        path.write_bytes(content)
        return read_notice(path, as_of=as_of)


# ---- the proposals as rows


class ProposalTable:
    """One row for each value that a letter proposes, with Confirm and Leave; nothing is entered by itself.

    `of_case`: of the case that is open, where `confirm` puts the value into the store; then it is no
    longer left here, but corrected in its field.
    """

    def __init__(
        self, confirm: Callable[[Proposal, str], None], notice: Notice, *, of_case: bool = True
    ):
        self._confirm, self._notice, self._of_case = confirm, notice, of_case
        self.letter: Letter | None = None
        self.answers: dict[int, str] = {}
        self._buttons: dict[int, tuple[w.Button, w.Button]] = {}
        self.head = html("dd-proposals-head")
        self.rows = hooked(w.VBox(), "dd-proposals")
        self.widget = hooked(w.VBox([self.head, self.rows]), "dd-proposals-part")
        self.put(None)

    def put(self, letter: Letter | None) -> None:
        """Show what this letter proposes, all of it still to be answered; None: no letter."""
        for row in self.rows.children:
            close(row)
        self.letter, self.answers, self._buttons = letter, {}, {}
        self.rows.children = (
            () if letter is None else tuple(map(self._row, range(len(letter.proposals))))
        )
        level = 3 if self._of_case else 2  # the case has a heading of its own above its parts
        self.head.value = (
            "" if letter is None else f'<div class="dd-block">{_about(letter, level=level)}</div>'
        )
        show(self.widget, letter is not None)

    def chosen(self) -> list[Proposal]:
        """Return the proposals that were confirmed."""
        every = self.letter.proposals if self.letter else ()
        return [one for at, one in enumerate(every) if self.answers.get(at) == "confirmed"]

    def confirm(self, at: int) -> None:
        """Confirm a row; where the letter gives other values for the fact, they are left."""
        one = self.letter.proposals[at]
        if not one.enters:
            raise UsageError(
                f"{capital(one.says)} is for information only and is not stored as a fact."
            )
        self._confirm(one, self.letter.file)
        for other, proposal in enumerate(self.letter.proposals):
            if proposal.enters == one.enters and other != at:
                self._answer(other, "left")
        self._answer(at, "confirmed")

    def leave(self, at: int) -> None:
        """Leave a row: its value is not entered."""
        if self._of_case and self.answers.get(at) == "confirmed":
            raise UsageError("It was entered when it was confirmed: correct it in its field.")
        self._answer(at, "left")

    def _answer(self, at: int, answer: str) -> None:
        self.answers[at] = answer
        if at in self._buttons:
            confirm, leave = self._buttons[at]
            confirm.disabled = answer == "confirmed"
            confirm.description = "Confirmed" if answer == "confirmed" else "Confirm"
            leave.description = "Left" if answer == "left" else "Leave"
            leave.disabled = answer == "left" or (self._of_case and answer == "confirmed")

    def _row(self, at: int) -> w.HBox:
        one = self.letter.proposals[at]
        said = html("dd-proposal")
        said.value = f'<div class="dd-block">{_said(one)}</div>'
        if not one.enters:
            return hooked(w.HBox([said]), "dd-line")
        confirm = hooked(w.Button(description="Confirm"), "dd-confirm")
        leave = hooked(w.Button(description="Leave"), "dd-leave")
        confirm.tooltip = f"Enter {one.says}, with its page and quotation"
        leave.tooltip = f"Do not enter {one.says}"
        guard = self._notice.guards
        confirm.on_click(guard(lambda _, at=at: self.confirm(at)))
        leave.on_click(guard(lambda _, at=at: self.leave(at)))
        self._buttons[at] = (confirm, leave)
        return hooked(w.HBox([said, confirm, leave]), "dd-line")


def _said(one: Proposal) -> str:
    doubt = "" if one.certain else ' <span class="dd-badge dd-soon">not certain</span>'
    others = ", ".join(_value(one, other) for other in one.also_found)
    also = f"<small>the letter also gives: {escape(others)}</small>" if others else ""
    return (
        f"<b>{escape(capital(one.says))}:</b> <bdi>{escape(_value(one, one.value))}</bdi>{doubt}"
        f"<small>page {one.page}: “<bdi>{escape(one.quotation)}</bdi>”</small>{also}"
    )


def _value(one: Proposal, value: str | date | int) -> str:
    """Return a value as the desk shows it: days as they are typed, choices and kinds in words."""
    if isinstance(value, date):
        return f"{value:%m/%d/%Y}"
    if one.name == "kind":
        return blocks.kind_of_document(str(value))
    if one.name == "denial_category":
        return plain(str(value))
    if fact_types().get(one.enters, _ANY).kind in ("choice", "money"):
        return printed(one.enters, value)
    text = shown(one.name, value)
    return f"${text}" if one.is_money else text.replace("\n", ", ")


_ANY = fact_types()["patient_control_number"]  # a fact that is plain text


def _about(letter: Letter, *, level: int) -> str:
    missing = ", ".join(says_of(one) for one in letter.not_found)
    notes = [one.says + (f" (page {one.page})" if one.page else "") for one in letter.findings]
    if missing:
        notes.append(f"not found in the letter: {missing}")
    title = f"{letter.file}: {blocks.kind_of_document(letter.kind)}, {count(letter.pages, 'page')}."
    return blocks.heading("What the letter says", level=level) + blocks.note(
        "Nothing of it is entered until you confirm it.", title=title, items=notes
    )


# ---- the parts of the screen


class ChosenFile:
    """A field that takes one file, which is kept in memory until it is taken."""

    def __init__(self, label: str, notice: Notice, *classes: str):
        self._folder = tempfile.TemporaryDirectory(prefix="denial-upload-")  # mode 0700
        self._file: tuple[str, bytes] | None = None
        folder = Path(self._folder.name)
        self._label = label
        upload = Upload(label, folder, self._came, notice, accept=_ACCEPTED)
        self.widget = hooked(upload, *classes)

    def _came(self, path: Path) -> None:
        self._file = (path.name, path.read_bytes())
        path.unlink()
        self.widget.says = f"Chosen: {path.name}"

    def taken(self) -> tuple[str, bytes]:
        """Return the name and the bytes of the file; UsageError where none was chosen."""
        if self._file is None:
            raise UsageError("Choose a file first.")
        return self._file

    def unsaved(self) -> dict[str, object]:
        """Return the name of a file that was chosen and not taken, by the label of the field."""
        return {self._label: self._file[0]} if self._file else {}

    def clear(self) -> None:
        """Forget the file, and one that is still coming."""
        self._file = None
        self.widget.forget()
        self.widget.says = ""


class DocumentsPart:
    """The documents of the case that is open, and what its letters propose.

    `attach(case_key, name, content, what, from_whom)` and `show(case_key, document)` return the letter
    that was read, or None; `confirm(case_key, proposal, file)` enters one proposal.
    """

    def __init__(
        self,
        attach: Callable[[str, str, bytes, str, str], Letter | None],
        read: Callable[[str, DocumentEntry], Letter],
        confirm: Callable[[str, Proposal, str], None],
        notice: Notice,
    ):
        self._attach, self._read, self._confirm = attach, read, confirm
        self._key = ""
        self._documents: tuple[DocumentEntry, ...] = ()
        guard = notice.guards
        self.head = html("dd-documents")
        self.upload = ChosenFile("Choose a file", notice, "dd-document-file")
        self.what = field(
            w.Dropdown(description="What it is", options=[LETTER]), "dd-document-what"
        )
        self.whom = field(
            w.Text(
                description="From whom",
                placeholder="payer, chart, physician …",
                continuous_update=False,
            ),
            "dd-document-whom",
        )
        self.add = hooked(w.Button(description="Attach"), "dd-main", "dd-document-attach")
        self.add.on_click(guard(lambda _: self.attach()))
        self.letters = field(w.Dropdown(description="Letters of the payer"), "dd-document-letters")
        self.open = hooked(w.Button(description="Show what it says"), "dd-document-show")
        self.open.on_click(guard(lambda _: self.show_letter()))
        self.again = hooked(w.HBox([self.letters, self.open]), "dd-line")
        self.table = ProposalTable(self._confirm_one, notice)
        fields = hooked(w.HBox([self.upload.widget, self.what, self.whom, self.add]), "dd-row")
        self.widget = hooked(
            w.VBox([self.head, fields, notice.widget, self.again, self.table.widget]),
            "dd-documents-part", "dd-part",
        )  # fmt: skip

    def put(self, view: CaseView, *, folder: Path, as_of: date, afresh: bool) -> None:
        """Show the documents of a case; `afresh`: of another case than before."""
        self._key = view.case.case_key
        if not afresh and view.documents == self._documents:
            return
        self._documents = view.documents
        self.head.value = f'<div class="dd-block">{_list(view.documents, folder)}</div>'
        wanted = [one.what for one in documents_of(view.case, as_of=as_of)[1:]]
        self.what.options = [LETTER, *dict.fromkeys(wanted), "other document"]
        kinds = {one.kind for one in notice_kinds()} | {LETTER, UNKNOWN}
        letters = [one for one in view.documents if one.kind in kinds]
        self.letters.options = [(one.name, one.sha256) for one in letters]
        if letters:
            self.letters.value = letters[-1].sha256
        show(self.again, bool(letters))
        if afresh:
            self.upload.clear()
            self.whom.value = ""
            self.table.put(None)

    def unsaved(self) -> dict[str, object]:
        """Return the file that was chosen and not attached, by the label of its field."""
        return self.upload.unsaved()

    def attach(self) -> None:
        """Attach the chosen file, and show what it proposes where it is a letter."""
        name, content = self.upload.taken()
        letter = self._attach(self._key, name, content, self.what.value, self.whom.value.strip())
        self.upload.clear()
        self.table.put(letter)

    def show_letter(self) -> None:
        """Show again what an attached letter proposes."""
        document = next(one for one in self._documents if one.sha256 == self.letters.value)
        self.table.put(self._read(self._key, document))

    def _confirm_one(self, one: Proposal, file: str) -> None:
        self._confirm(self._key, one, file)


class NewCasePart:
    """A letter whose claim is in no file: what it proposes, and a case made of what is confirmed.

    `read(name, content)` reads a letter, `make(name, content, letter, proposals)` makes the case.
    """

    def __init__(
        self,
        read: Callable[[str, bytes], Letter],
        make: Callable[[str, bytes, Letter, Iterable[Proposal]], None],
        notice: Notice,
    ):
        self._read, self._make = read, make
        self._file: tuple[str, bytes] | None = None
        guard = notice.guards
        self.begin = hooked(
            w.Checkbox(description="A letter whose claim is in none of the files", indent=False),
            "dd-new-begin",
        )
        self.begin.observe(lambda _: show(self.body, self.begin.value), "value")
        self.upload = ChosenFile("Choose the letter", notice, "dd-new-file")
        self.look = hooked(w.Button(description="Read it"), "dd-main", "dd-new-read")
        self.look.on_click(guard(lambda _: self.read()))
        self.make = hooked(
            w.Button(description="Make a case of what is confirmed"), "dd-main", "dd-new-make"
        )
        self.make.on_click(guard(lambda _: self.make_case()))
        self.table = ProposalTable(lambda one, file: None, notice, of_case=False)
        self.body = hooked(
            w.VBox(
                [
                    hooked(w.HBox([self.upload.widget, self.look]), "dd-line"),
                    self.table.widget,
                    self.make,
                ]
            ),
            "dd-new-body",
        )
        self.widget = hooked(
            w.VBox([self.begin, notice.widget, self.body]), "dd-new-case", "dd-part"
        )
        self.clear()

    def clear(self) -> None:
        """Show nothing but the question whether there is such a letter."""
        self._file = None
        self.upload.clear()
        self.table.put(None)
        self.begin.value = False
        show(self.body, False)
        show(self.make, False)

    def read(self) -> None:
        """Read the chosen letter and show what it proposes."""
        name, content = self.upload.taken()
        self.table.put(self._read(name, content))
        self._file = (name, content)
        show(self.make, True)

    def make_case(self) -> None:
        """Make a case of the confirmed rows."""
        if self._file is None or self.table.letter is None:
            raise UsageError("Read a letter first.")
        chosen = self.table.chosen()
        if not chosen:
            raise UsageError("Confirm what is right in the letter first; nothing was entered.")
        self._make(*self._file, self.table.letter, chosen)
        self.clear()


def _list(documents: tuple[DocumentEntry, ...], folder: Path) -> str:
    """Return the documents as a table: what each is, its pages and hash, from whom, and what is wrong."""
    head = blocks.heading("Documents")
    if not documents:
        return head + "<p>None is attached yet.</p>"
    rows: list[str] = []
    for one in documents:
        problem = problem_with(one, folder)
        wrong = f'<br><span class="dd-badge dd-bad">{escape(problem)}</span>' if problem else ""
        cells: list[Any] = [
            f"<bdi>{escape(one.name)}</bdi>{wrong}", escape(capital(blocks.kind_of_document(one.kind))), one.pages or "—",
            f"<code>{one.sha256[:12]}</code>", escape(one.from_whom) or "—",
            f"{escape(one.who)}, {local_time(one.entered_at)}",
        ]  # fmt: skip
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    heads = "".join(
        f'<th scope="col">{one}</th>'
        for one in ("Document", "What it is", "Pages", "SHA-256", "From", "Attached")
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'{head}<table class="dd-documents-table"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'

"""The letter's part of the desk: its kind, how it reads now, what is missing, and saving it, alone or as a packet."""

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import ipywidgets as w

from toolkit.cases import DocumentEntry
from toolkit.desk import blocks
from toolkit.desk.case_view import CaseView
from toolkit.desk.transfer import Download
from toolkit.desk.widgets import Notice, close, field, hooked, html, show
from toolkit.letters import Offer, offers
from toolkit.letters.exhibits import IMAGES


class LetterPart:
    """Preview, missing facts and the buttons that save.

    `save` is called with docx or pdf, `save_packet` for the letter with the exhibits that are `chosen`.
    """

    def __init__(
        self,
        choose: Callable[[str], None],
        save: Callable[[str], None],
        save_packet: Callable[[], None],
        notice: Notice,
    ):
        self._quiet = False
        self._choose = choose
        self.kind = field(w.Dropdown(description="Kind of letter", options=_options(())), "dd-kind")
        self.kind.observe(notice.guards(self._chosen), "value")
        self.not_offered = html("dd-not-offered")
        self.missing = html("dd-missing")
        self.preview = html("dd-preview")
        self.written = html("dd-written")
        self.as_draft = hooked(
            w.Checkbox(description="Save as a draft with a watermark", indent=False), "dd-as-draft"
        )
        self.docx = hooked(w.Button(description="Save DOCX"), "dd-main", "dd-save-docx")
        self.pdf = hooked(w.Button(description="Save PDF"), "dd-main", "dd-save-pdf")
        self.docx.on_click(notice.guards(lambda _: save("docx")))
        self.pdf.on_click(notice.guards(lambda _: save("pdf")))
        self.packet = hooked(w.Button(description="Save packet (PDF)"), "dd-main", "dd-save-packet")
        self.packet.tooltip = "Contents, letter and exhibits in one PDF, every page numbered"
        self.packet.on_click(notice.guards(lambda _: save_packet()))
        self.file = Download(notice)  # the letter or packet that was saved last
        buttons = (self.docx, self.pdf, self.packet, self.file, self.as_draft)
        self.save = hooked(w.HBox(buttons), "dd-line")
        self.exhibits_head = html("dd-exhibits-head")
        self.exhibits_head.value = '<div class="dd-block">Exhibits in the packet:</div>'
        self.boxes: dict[
            str, w.Checkbox
        ] = {}  # an attached document's hash, and whether it goes along
        self.exhibits = hooked(w.VBox([self.exhibits_head]), "dd-exhibits")
        parts = (self.missing, self.save, self.exhibits, notice.widget, self.written, self.preview)
        self.widget = hooked(w.VBox(parts), "dd-paper")

    def chosen(self, view: CaseView) -> tuple[DocumentEntry, ...]:
        """Return the attached documents that go into the packet, in the order in which they came."""
        return tuple(
            one for one in view.documents if (box := self.boxes.get(one.sha256)) and box.value
        )

    def put(self, view: CaseView, as_of: date) -> None:
        """Show the letter of this case, the kinds that are possible on this day, and why others are not."""
        offered = offers(view.case, as_of=as_of)
        self._quiet = True
        try:
            self.kind.options = _options(offered)
            self.kind.value = view.kind.id if view.kind else ""
        finally:
            self._quiet = False
        self.not_offered.value = blocks.not_offered(offered)
        letter = view.letter
        self.missing.value = blocks.missing(letter)
        self.preview.value = blocks.preview(view)
        self.written.value = blocks.written(view)
        self._offer(view.documents)
        show(self.save, letter is not None)
        show(self.exhibits, letter is not None and bool(view.documents))
        show(self.as_draft, letter is not None and not letter.complete)
        if letter is not None and letter.complete:
            self.as_draft.value = False

    def _offer(self, documents: tuple[DocumentEntry, ...]) -> None:
        """Offer each attached document as an exhibit; what can be put into a PDF is chosen at first."""
        hashes = [one.sha256 for one in documents]
        if hashes == list(self.boxes):
            return
        for sha256 in set(self.boxes) - set(hashes):
            close(self.boxes.pop(sha256))
        self.boxes = {one.sha256: self.boxes.get(one.sha256) or _box(one) for one in documents}
        self.exhibits.children = (self.exhibits_head, *self.boxes.values())

    def _chosen(self, change: dict) -> None:
        if not self._quiet:
            self._choose(change["new"])


def _box(one: DocumentEntry) -> w.Checkbox:
    fits = Path(one.kept_as).suffix.lower() in (".pdf", *IMAGES)
    label = blocks.document(one)
    return hooked(w.Checkbox(description=label, indent=False, value=fits), "dd-exhibit")


def _options(offered: Iterable[Offer]) -> list[tuple[str, str]]:
    """Return the choices of a case: the kinds that are possible first, the others marked."""
    possible = [(one.title, one.kind) for one in offered if not one.refused]
    others = [(f"{one.title} (not for this case)", one.kind) for one in offered if one.refused]
    return [("no letter", ""), *possible, *others]

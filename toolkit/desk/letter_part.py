"""The letter's part of the desk: its kind, how it reads now, what is missing, and saving it."""

from collections.abc import Callable, Iterable
from datetime import date

import ipywidgets as w

from toolkit.desk import blocks
from toolkit.desk.case_view import CaseView
from toolkit.desk.transfer import Download
from toolkit.desk.widgets import Notice, field, hooked, html, show
from toolkit.letters import Offer, offers


class LetterPart:
    """Preview, missing facts and the buttons that save; `save` is called with docx or pdf."""

    def __init__(self, choose: Callable[[str], None], save: Callable[[str], None], notice: Notice):
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
        self.file = Download(notice)  # the letter that was saved last
        self.save = hooked(w.HBox([self.docx, self.pdf, self.file, self.as_draft]), "dd-line")
        self.widget = hooked(
            w.VBox([self.missing, self.save, notice.widget, self.written, self.preview]), "dd-paper"
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
        show(self.save, letter is not None)
        show(self.as_draft, letter is not None and not letter.complete)
        if letter is not None and letter.complete:
            self.as_draft.value = False

    def _chosen(self, change: dict) -> None:
        if not self._quiet:
            self._choose(change["new"])


def _options(offered: Iterable[Offer]) -> list[tuple[str, str]]:
    """Return the choices of a case: the kinds that are possible first, the others marked."""
    possible = [(one.title, one.kind) for one in offered if not one.refused]
    others = [(f"{one.title} (not for this case)", one.kind) for one in offered if one.refused]
    return [("no letter", ""), *possible, *others]

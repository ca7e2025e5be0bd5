"""A letter as plain texts and lists, the one form that every template is filled from."""

import re
from collections.abc import Iterable
from datetime import date
from unicodedata import bidirectional

from toolkit.letters.facts import in_words
from toolkit.letters.letter import Letter, Section, Sentence

DRAFT = "DRAFT"
CLOSING = "Sincerely,"
ENCLOSURES = "Enclosures"


def layout(letter: Letter, *, draft: bool) -> dict:
    """Return the letter for a template: every text literal, every gap marked.

    Each sentence is a list of runs `{"text", "gap", "rtl"}` (see `runs`).
    """
    return {
        "draft": DRAFT if draft else "",
        "gaps": [need.label for need in letter.missing] if draft else [],
        "name": _lines(letter.sender[:1]),
        "sender": _lines(letter.sender[1:]),
        "date": in_words(letter.as_of),
        "day": day_of(letter.as_of),
        "sent_by": [runs(s) for s in letter.sent_by],
        "addressee": _lines(letter.addressee),
        "subject": letter.subject,
        "reference": [{"label": r.label, "value": runs(r.value)} for r in letter.reference],
        "salutation": letter.salutation,
        "sections": [_section(section) for section in letter.sections],
        "closing": CLOSING,
        "signature": [runs(s) for s in letter.signature],
        "enclosures-heading": ENCLOSURES,
        "enclosures": [runs(s) for s in letter.enclosures],
        "copies": [runs(s) for s in letter.copies],
        "footer": footer(letter),
    }


def day_of(day: date) -> dict[str, int]:
    """Return a date as the typesetter takes it."""
    return {"year": day.year, "month": day.month, "day": day.day}


def _section(section: Section) -> dict:
    return {
        "heading": heading(section),
        "paragraphs": [
            {"style": p.style, "runs": _joined([runs(s) for s in p.sentences])}
            for p in section.paragraphs
        ],
        "columns": list(section.table.columns) if section.table else [],
        "widths": widths(section),
        "rows": [[runs(cell) for cell in row] for row in section.table.rows]
        if section.table
        else [],
    }


def widths(section: Section) -> list[float]:
    """Return how wide the columns of the section's table are: citations are short, accounts are long."""
    cited = section.table and all(
        segment.role == "cite" for row in section.table.rows for segment in row[1].segments
    )
    return [1.15, 0.8, 1.25] if cited else [1.0, 1.45, 0.75]


_PAGE_NUMBERS = (
    "payer_claim_control_number",
    "authorization_number",
    "appeal_number",
    "patient_control_number",
)


def footer(letter: Letter) -> str:
    """Return what stands at the foot of every page: the date, and two numbers by which it is found again."""
    numbers = [_number(letter, ("member_id",)), _number(letter, _PAGE_NUMBERS)]
    return "  ·  ".join([in_words(letter.as_of), *filter(None, numbers)])


def _number(letter: Letter, names: tuple[str, ...]) -> str:
    """Return the first of these numbers that is known, with its label."""
    for name in names:
        for line in letter.reference:
            gap = any(segment.role == "missing" for segment in line.value.segments)
            if line.value.prints(name) and not gap:
                return f"{line.label} {line.value.text}"
    return ""


def heading(section: Section) -> str:
    """Return the heading with its number, or an empty text."""
    if section.heading is None:
        return ""
    text = _curled(section.heading.text)
    return f"{section.number}. {text}" if section.number else text


def runs(sentence: Sentence) -> list[dict]:
    """Return the sentence as runs of text, as few as there can be: a typesetter's time is in their number.

    `gap` says that a fact is missing there. `rtl` says of a fact that it holds a script written from
    right to left: it is set apart, so that the punctuation and the figures beside it stay in place.
    """
    found: list[dict] = []
    for s in sentence.segments:
        own = _POLISHED.get(s.role)
        rtl = own is None and is_right_to_left(s.text)
        _add(found, own(s.text) if own else s.text, gap=s.role == "missing", rtl=rtl)
    return found


def _add(found: list[dict], text: str, *, gap: bool = False, rtl: bool = False) -> None:
    """Add a text to runs: to the last one if both are plain."""
    if found and not (gap or rtl or found[-1]["gap"] or found[-1]["rtl"]):
        found[-1]["text"] += text
    else:
        found.append({"text": text, "gap": gap, "rtl": rtl})


def right_to_left(sentences: Iterable[Sentence]) -> set[str]:
    """Return the texts in sentences that are set from right to left, one for each printed line."""
    texts = {s.text for one in sentences for s in one.segments if s.role not in _POLISHED}
    found = (line for text in texts if not text.isascii() for line in text.split("\n"))
    return {line for line in found if is_right_to_left(line)}


def is_right_to_left(text: str) -> bool:
    """Say whether a text holds letters that are written from right to left."""
    return not text.isascii() and any(bidirectional(char) in ("R", "AL") for char in text)


def _curled(own: str) -> str:
    """Return our own words with typographic apostrophes; facts and quotes stay as they are."""
    return own.replace("'", "’")


def _tied(citation: str) -> str:
    """Return the citation so that no line ends between the title, CFR and the section."""
    return re.sub(r"(\d+) (CFR|U\.S\.C\.) ", "\\1\N{NO-BREAK SPACE}\\2\N{NO-BREAK SPACE}", citation)


_POLISHED = {"cite": _tied, "text": _curled}  # our own words


def _joined(sentences: list[list[dict]]) -> list[dict]:
    found: list[dict] = []
    for sentence in sentences:
        if found:
            _add(found, " ")
        for run in sentence:
            _add(found, **run)
    return found


def _lines(sentences: tuple[Sentence, ...]) -> list[list[dict]]:
    """Return one list of runs per printed line: an address holds several."""
    lines: list[list[dict]] = []
    for sentence in sentences:
        lines.append([])
        for run in runs(sentence):
            first, *rest = run["text"].split("\n")
            lines[-1].append({**run, "text": first})
            lines += [[{**run, "text": text}] for text in rest]
    return lines

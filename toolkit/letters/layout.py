"""A letter as plain texts and lists, the one form that every template is filled from."""

import re

from toolkit.letters.facts import in_words
from toolkit.letters.letter import Letter, Section, Sentence

DRAFT = "DRAFT"
SALUTATION = "To the physician reviewer:"
CLOSING = "Sincerely,"
COLUMNS = ("Medicare’s criterion", "Authority", "Where the record shows it")


def layout(letter: Letter, *, draft: bool) -> dict:
    """Return the letter for a template: every text literal, every gap marked.

    Each sentence is a list of runs `{"text", "role"}`; the roles are those of a Segment.
    """
    return {
        "draft": DRAFT if draft else "",
        "gaps": [need.label for need in letter.missing] if draft else [],
        "name": _lines(letter.sender[:1]),
        "sender": _lines(letter.sender[1:]),
        "date": in_words(letter.as_of),
        "sent_by": [runs(s) for s in letter.sent_by],
        "addressee": _lines(letter.addressee),
        "subject": letter.subject,
        "reference": [{"label": r.label, "value": runs(r.value)} for r in letter.reference],
        "salutation": SALUTATION,
        "sections": [_section(section) for section in letter.sections],
        "closing": CLOSING,
        "signature": [runs(s) for s in letter.signature],
        "enclosures": [runs(s) for s in letter.enclosures],
        "copies": [runs(s) for s in letter.copies],
        "columns": list(COLUMNS),
        "footer": f"{letter.subject}, {in_words(letter.as_of)}",
    }


def _section(section: Section) -> dict:
    return {
        "heading": heading(section),
        "paragraphs": [
            {"style": p.style, "runs": _joined([runs(s) for s in p.sentences])}
            for p in section.paragraphs
        ],
        "criteria": [
            {
                "criterion": runs(row.criterion),
                "authority": runs(row.authority),
                "record": runs(row.record),
            }
            for row in section.criteria
        ],
    }


def heading(section: Section) -> str:
    """Return the heading with its number, or an empty text."""
    if section.heading is None:
        return ""
    text = _curled(section.heading.text)
    return f"{section.number}. {text}" if section.number else text


def runs(sentence: Sentence) -> list[dict]:
    """Return the sentence as runs of text with their roles."""
    polish = {"cite": _tied, "text": _curled}
    return [{"text": polish.get(s.role, str)(s.text), "role": s.role} for s in sentence.segments]


def _curled(own: str) -> str:
    """Return our own words with typographic apostrophes; facts and quotes stay as they are."""
    return own.replace("'", "’")


def _tied(citation: str) -> str:
    """Return the citation so that no line ends between the title, CFR and the section."""
    return re.sub(r"(\d+) (CFR|U\.S\.C\.) ", "\\1\N{NO-BREAK SPACE}\\2\N{NO-BREAK SPACE}", citation)


def _joined(sentences: list[list[dict]]) -> list[dict]:
    found: list[dict] = []
    for sentence in sentences:
        if found:
            found.append({"text": " ", "role": "text"})
        found += sentence
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

"""A letter as HTML for the desk: escaped, in explicit colors, each sentence with its proof.

Every rule of style stands on the element itself, because a notebook's theme would color the rest.
"""

from html import escape

from toolkit.letters.facts import in_words
from toolkit.letters.layout import CLOSING, ENCLOSURES, heading, is_right_to_left
from toolkit.letters.letter import Letter, Section, Segment, Sentence
from toolkit.letters.proof import proof

_INK, _PAPER, _QUIET, _RULE = "#1b1f24", "#ffffff", "#57606a", "#d0d7de"
_ARTICLE = (
    f"background:{_PAPER};color:{_INK};border:1px solid {_RULE};border-radius:4px;"
    "padding:48px 56px;max-width:720px;margin:8px auto;"
    "font:15px/1.55 Georgia,'Times New Roman',serif;box-sizing:border-box;position:relative"
)
_GAP = "background:#fff3bf;color:#6b4400;border-bottom:2px solid #b35900;padding:0 2px"
_CELL = f"border-top:1px solid {_RULE};padding:6px 10px 6px 0;vertical-align:top;color:{_INK}"
_HEAD = f"color:{_INK};font-size:15px;font-weight:700;margin:22px 0 6px"
# The proof is the sentence's description, and the same text is drawn below it.
_SHOWN_PROOF = """<style>
.letter .bound:hover, .letter .bound:focus { background: #fff3bf; }
.letter .bound:focus-visible { outline: 2px solid #1f4e79; outline-offset: 1px; }
.letter .bound:is(:hover, :focus)::after {
  content: attr(aria-description); display: block; position: absolute; left: 24px; right: 24px;
  z-index: 2; margin-top: 2px; padding: 8px 12px; background: #1b1f24; color: #ffffff;
  border-radius: 4px; font: 13px/1.45 Arial, Helvetica, sans-serif; white-space: pre-line; }
.letter.hushed .bound::after { display: none !important; }
@media print { .letter .bound::after { display: none !important; } }
</style>"""
_DRAFT = (
    "background:#fff1f0;color:#8a1c12;border:1px solid #cf222e;border-radius:4px;"
    "padding:8px 12px;margin:0 0 20px;font:14px/1.45 Arial,Helvetica,sans-serif"
)


def as_html(letter: Letter, *, draft: bool | None = None) -> str:
    """Return the letter as one HTML element.

    What binds a sentence, its facts and its authorities, is shown below it while the pointer or the
    keyboard is on it, and a screen reader reads it after the sentence.
    """
    is_draft = not letter.complete if draft is None else draft
    parts = [f'<article lang="en-US" class="letter" style="{_ARTICLE}">{_SHOWN_PROOF}']
    if is_draft:
        gaps = ", ".join(escape(need.label) for need in letter.missing)
        still = f" Still missing: {gaps}." if gaps else ""
        parts.append(
            f'<div class="draft" style="{_DRAFT}"><b>DRAFT.</b> Not to be sent.{still}</div>'
        )
    parts.append(_sender(letter))
    parts.append(f'<p style="margin:0 0 14px;color:{_INK}">{escape(in_words(letter.as_of))}</p>')
    parts.append(f'<p style="margin:0 0 4px;color:{_INK}">{_spans(letter.sent_by)}</p>')
    parts.append(f'<p style="margin:0 0 18px;color:{_INK}">{_spans(letter.addressee, "<br>")}</p>')
    parts.append(_reference(letter))
    parts.append(f'<p style="margin:18px 0 10px;color:{_INK}">{escape(letter.salutation)}</p>')
    parts += [_section(section) for section in letter.sections]
    parts.append(f'<p style="margin:18px 0 44px;color:{_INK}">{CLOSING}</p>')
    parts.append(f'<p style="margin:0 0 22px;color:{_INK}">{_spans(letter.signature, "<br>")}</p>')
    items = "".join(
        f'<li style="margin:2px 0;color:{_INK}">{_span(s)}</li>' for s in letter.enclosures
    )
    parts.append(f'<div style="color:{_INK};font-size:14px">')
    if items:
        parts.append(f"<b>{ENCLOSURES}</b>")
        parts.append(f'<ol style="margin:4px 0 8px;padding-left:22px">{items}</ol>')
    if letter.copies:
        parts.append(f"Copy: {_spans(letter.copies, '; ')}")
    parts.append("</div></article>")
    return "".join(parts)


def proof_html(letter: Letter, *, sha256: str = "") -> str:
    """Return the proof of the letter as one HTML element."""
    page = proof(letter, sha256=sha256)
    style = _ARTICLE.replace("max-width:720px", "max-width:960px").replace("15px/1.55", "13px/1.5")
    parts = [f'<article lang="en-US" class="proof" style="{style}">']
    parts.append(f'<h2 style="{_HEAD};margin-top:0">{escape(page["title"])}</h2>')
    parts.append(f'<p style="color:#8a1c12;margin:0 0 10px"><b>{escape(page["internal"])}</b></p>')
    warnings = "".join(
        f'<li style="margin:3px 0;color:{_INK}">{_lines(w)}</li>' for w in page["warnings"]
    )
    parts.append(f'<h3 style="{_HEAD}">Before sending</h3><ul style="color:{_INK}">{warnings}</ul>')
    rows = [
        (_lines(row["text"]), row["role"], "<br>".join(_lines(says) for says in row["proof"]))
        for row in page["sentences"]
    ]
    parts.append(f'<h3 style="{_HEAD}">Each sentence, its role, and what binds it</h3>')
    parts.append(_table(("Sentence", "Role", "Bound to"), rows))
    rows = [
        tuple(_lines(s[k]) for k in ("citation", "gist", "mark", "copy", "verified_on", "source"))
        for s in page["sources"]
    ]
    parts.append(f'<h3 style="{_HEAD}">Sources of this letter</h3>')
    heads = ("Citation", "What it says", "Mark", "Copy of", "Verified on", "Source")
    parts.append(_table(heads, rows))
    if page["evidence"]:
        keys = ("guideline", "says", "mark", "verified_on", "source")
        rows = [tuple(_lines(one[key]) for key in keys) for one in page["evidence"]]
        parts.append(f'<h3 style="{_HEAD}">Clinical evidence, which is not law</h3>')
        heads = ("Guideline", "What it says", "Mark", "Verified on", "Source")
        parts.append(_table(heads, rows))
    marks = "<br>".join(escape(mark) for mark in page["marks"])
    parts.append(f'<p style="color:{_QUIET};margin:12px 0 0">{marks}</p></article>')
    return "".join(parts)


def _sender(letter: Letter) -> str:
    name, rest = letter.sender[:1], letter.sender[1:]
    return (
        f'<header style="border-bottom:2px solid #1f4e79;padding-bottom:10px;margin-bottom:22px">'
        f'<div style="font-size:20px;color:#1f4e79;font-weight:700">{_spans(name)}</div>'
        f'<div style="font-size:13px;color:{_QUIET}">{_spans(rest, "<br>")}</div></header>'
    )


def _reference(letter: Letter) -> str:
    rows = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:400;color:{_QUIET};'
        f'padding:1px 18px 1px 0;vertical-align:top">{escape(line.label)}</th>'
        f'<td style="color:{_INK};padding:1px 0">{_span(line.value)}</td></tr>'
        for line in letter.reference
    )
    return (
        f'<div style="border-left:3px solid #1f4e79;padding:2px 0 2px 14px;color:{_INK}">'
        f"<b>RE: {escape(letter.subject)}</b>"
        f'<table style="border-collapse:collapse;margin-top:4px;font-size:14px;'
        f'background:{_PAPER}">{rows}</table></div>'
    )


def _section(section: Section) -> str:
    parts = []
    if section.heading:
        says = "\n".join(binding.short for binding in section.heading.bindings)
        title = _bound(escape(heading(section)), says)
        parts.append(f'<h3 style="{_HEAD}">{title}</h3>')
    items: list[str] = []
    for paragraph in section.paragraphs:
        inner = " ".join(_span(sentence) for sentence in paragraph.sentences)
        if paragraph.style == "text":
            parts += _list(items)
            parts.append(f'<p style="margin:0 0 10px;color:{_INK}">{inner}</p>')
        else:
            items.append(f'<li style="margin:4px 0;color:{_INK}">{inner}</li>')
    parts += _list(items)
    if section.table:
        rows = [tuple(_span(cell) for cell in row) for row in section.table.rows]
        parts.append(_table(section.table.columns, rows))
    return f'<section data-clause="{escape(section.clause)}">{"".join(parts)}</section>'


def _list(items: list[str]) -> list[str]:
    if not items:
        return []
    found = [f'<ol style="margin:0 0 10px;padding-left:24px">{"".join(items)}</ol>']
    items.clear()
    return found


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(
        f'<th scope="col" style="text-align:left;color:{_QUIET};font-weight:400;'
        f'padding:4px 10px 4px 0">{escape(h)}</th>'
        for h in heads
    )
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f'<table style="border-collapse:collapse;width:100%;font-size:13.5px;background:{_PAPER};'
        f'border-bottom:1px solid {_RULE};margin:6px 0 12px"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _span(sentence: Sentence) -> str:
    inner = "".join(_segment(segment) for segment in sentence.segments)
    return _bound(inner, sentence.proof)


def _bound(inner: str, says: str) -> str:
    """Return a sentence that shows what binds it, a line each, under the pointer and the keyboard."""
    said = escape(says, quote=True)
    return f'<span class="bound" tabindex="0" aria-description="{said}">{inner}</span>'


def _segment(segment: Segment) -> str:
    text = _lines(segment.text)
    if segment.role == "missing":
        return f'<mark style="{_GAP}">{text}</mark>'
    return f"<bdi>{text}</bdi>" if is_right_to_left(segment.text) else text


def _spans(sentences: tuple[Sentence, ...], joint: str = " ") -> str:
    return joint.join(_span(sentence) for sentence in sentences)


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")

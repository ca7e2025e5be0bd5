"""Blocks of a report's page: every text is escaped, every block says its own colors."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

STYLE = Path(__file__).parent / "template" / "report.css"


class Block(str):
    """HTML that a notebook shows as it stands; made only by the functions of this module."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        # A notebook stores the plain text beside the HTML; once is enough.
        return "(a block of the report)"


NOTHING = Block("")  # the page then drops the heading above it, too


def block(*parts: str) -> Block:
    """Return blocks as one."""
    return Block(f'<div class="report">{"".join(parts)}</div>')


def style() -> str:
    """Return the style sheet, for a notebook that is run by hand."""
    return f"<style>{STYLE.read_text(encoding='utf-8')}</style>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph; `kind` is '', 'lead', 'note', 'empty' or 'warning'."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return a heading below the section's own."""
    return f"<h3>{escape(text)}</h3>"


def items(texts: Iterable[str]) -> str:
    """Return a list."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def facts(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and values as a definition list."""
    inner = "".join(f"<div><dt>{escape(n)}</dt><dd>{escape(v)}</dd></div>" for n, v in rows)
    return f'<dl class="facts">{inner}</dl>'


def cards(rows: Sequence[tuple[str, str, str, str]]) -> str:
    """Return headline figures: label, value, what stands below it, and a tone ('', 'bad', 'soon')."""
    inner = "".join(
        f'<div class="card {tone}"><div class="label">{escape(label)}</div>'
        f'<div class="value">{escape(shown)}</div><div class="below">{escape(below)}</div></div>'
        for label, shown, below, tone in rows
    )
    lines = -(-len(rows) // 5)
    per_line = -(-len(rows) // lines)  # six figures are two lines of three, not five and one
    return f'<div class="cards" style="--per-line:{per_line}">{inner}</div>'


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str,
    right: Sequence[int] = (),
    keep: Sequence[int] = (),
    total: Sequence[str] | None = None,
    tones: Sequence[str] | None = None,
    kind: str = "",
) -> str:
    """Return a table; `right` are columns of figures, `keep` columns that do not wrap.

    `total` is the last row; `tones` colors each row, '', 'bad' or 'soon'.
    """
    side = [
        ' class="n"' if i in right else ' class="k"' if i in keep else ""
        for i in range(len(headings))
    ]
    head = "".join(
        f'<th scope="col"{s}>{escape(h)}</th>' for h, s in zip(headings, side, strict=True)
    )
    tones = tones or [""] * len(rows)
    body = "".join(
        (f'<tr class="{tone}">' if tone else "<tr>")
        + "".join(f"<td{s}>{escape(c)}</td>" for c, s in zip(row, side, strict=True))
        + "</tr>"
        for row, tone in zip(rows, tones, strict=True)
    )
    foot = ""
    if total:
        cells = "".join(f"<td{s}>{escape(c)}</td>" for c, s in zip(total, side, strict=True))
        foot = f"<tfoot><tr>{cells}</tr></tfoot>"
    return (
        f'<div class="scroll"><table class="{kind}"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )

"""Write a letter as DOCX, PDF or Markdown: whole or not at all, for its owner only."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import RefusedError, UsageError
from toolkit.letters.layout import layout
from toolkit.letters.letter import Letter
from toolkit.letters.markdown import as_markdown, proof_markdown
from toolkit.letters.proof import proof
from toolkit.letters.record import digest, write_record
from toolkit.letters.typesetting import fitted, typeset
from toolkit.outputs import whole

_TYPES = {".docx": "docx", ".pdf": "pdf", ".md": "md"}


def write(
    letter: Letter,
    path: Path | str,
    *,
    draft: bool = False,
    template: Path | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write the letter as the path's suffix says (.docx, .pdf, .md), its record beside it; return the path.

    `draft` puts a watermark on every page and marks what is missing; without it, an incomplete
    letter raises RefusedError whose `needs` are the labels of the missing facts. `template` is a
    Word template that the hospital has edited; it serves for .docx only. `more` goes into the
    record.
    """
    path = Path(path)
    kind = _file_type(path, (".docx", ".pdf", ".md"))
    if template is not None and kind != "docx":
        raise UsageError("A Word template serves for .docx only.")
    check_complete(letter, draft=draft)
    with whole(path) as temporary:
        temporary.write_bytes(_content(letter, kind, draft=draft, template=template))
    write_record(letter, path, draft=draft, **(more or {}))
    return path


def check_complete(letter: Letter, *, draft: bool) -> None:
    """Refuse a letter that lacks facts and is not to be a draft."""
    if not draft and not letter.complete:
        raise RefusedError(
            "The letter is not complete; fill in what is missing, or write it as a draft.",
            needs=tuple(need.asked for need in letter.missing),
        )


def write_proof(letter: Letter, path: Path | str, *, letter_file: Path | None = None) -> Path:
    """Write the proof of the letter as .pdf or .md: a file of its own, for the sender only.

    With `letter_file` the proof names the SHA-256 of the letter that it belongs to.
    """
    path = Path(path)
    kind = _file_type(path, (".pdf", ".md"))
    sha256 = digest(letter_file) if letter_file else ""
    if kind == "md":
        content = proof_markdown(letter, sha256=sha256).encode()
    else:
        content = typeset("proof", proof(letter, sha256=sha256))
    with whole(path) as temporary:
        temporary.write_bytes(content)
    return path


def _file_type(path: Path, allowed: tuple[str, ...]) -> str:
    suffix = path.suffix.lower()
    if suffix not in allowed:
        raise UsageError(f"The file's name ends in {' or '.join(allowed)}.")
    return _TYPES[suffix]


def _content(letter: Letter, kind: str, *, draft: bool, template: Path | None) -> bytes:
    if kind == "md":
        return as_markdown(letter, draft=draft).encode()
    page = layout(letter, draft=draft)
    return typeset("letter", fitted(page)) if kind == "pdf" else _word(page, template)


def _word(page: dict, template: Path | None) -> bytes:
    from docxtpl import DocxTemplate

    from toolkit.letters.template import TEMPLATE, settled

    document = DocxTemplate(template or TEMPLATE)
    document.render(_word_context(page), autoescape=True)
    buffer = io.BytesIO()
    document.save(buffer)
    return settled(buffer.getvalue())


def _word_context(page: dict) -> dict:
    small = {"size": 20, "color": "57606A"}
    return {
        "draft": page["draft"],
        "gaps": ", ".join(page["gaps"]),
        "name": _rich(page["name"], size=36, bold=True, color="1F4E79"),
        "sender": _rich(page["sender"], joint="  ·  ", size=19, color="57606A"),
        "date": page["date"],
        "sent_by": _rich(page["sent_by"], **small),
        "addressee": _rich(page["addressee"]),
        "subject": page["subject"],
        "reference": [
            {"label": r["label"], "value": _rich([r["value"]], size=21)} for r in page["reference"]
        ],
        "salutation": page["salutation"],
        "sections": [_word_section(section) for section in page["sections"]],
        "closing": page["closing"],
        "signature": _rich(page["signature"]),
        "enclosures": [_rich([e], size=20) for e in page["enclosures"]],
        "copies": _rich(page["copies"], joint="; ", size=20) if page["copies"] else "",
        "footer": page["footer"],
    }


def _word_section(section: dict) -> dict:
    paragraphs, number = [], 0
    for paragraph in section["paragraphs"]:
        number = 0 if paragraph["style"] == "text" else number + 1
        lead = {"text": "", "item": "•", "number": f"{number}."}[paragraph["style"]]
        paragraphs.append({"lead": lead, "text": _rich([paragraph["runs"]])})
    return {
        "heading": section["heading"],
        "paragraphs": paragraphs,
        "columns": section["columns"],
        "rows": [
            {name: _rich([cell], size=20) for name, cell in zip("abc", row, strict=True)}
            for row in section["rows"]
        ],
    }


def _rich(lines: list[list[dict]], *, joint: str = "\n", **style: object):
    """Return lines of runs as Word runs; a gap is highlighted, every other text is literal."""
    from docxtpl import RichText

    from toolkit.letters.template import FONT

    text = RichText()
    for i, line in enumerate(lines):
        if i:
            text.add(joint, font=FONT, **style)
        for run in line:
            gap = {"highlight": "#fff3bf", "color": "6B4400"} if run["role"] == "missing" else {}
            more = {**style, **gap}
            if run["rtl"]:  # a mark on both sides keeps what stands beside it in its place
                text.add("\N{LEFT-TO-RIGHT MARK}", font=FONT, **style)
                text.add(run["text"], font=FONT, rtl=True, **more)
                text.add("\N{LEFT-TO-RIGHT MARK}", font=FONT, **style)
            else:
                text.add(run["text"], font=FONT, **more)
    return text

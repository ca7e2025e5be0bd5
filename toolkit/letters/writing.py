"""Write a letter as DOCX, PDF or Markdown: whole or not at all, for its owner only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import RefusedError, UsageError
from toolkit.letters.comparing import as_printed
from toolkit.letters.layout import layout
from toolkit.letters.letter import Letter
from toolkit.letters.markdown import as_markdown, proof_markdown
from toolkit.letters.proof import proof
from toolkit.letters.reading import blocks_of
from toolkit.letters.record import record_of, write_record
from toolkit.letters.template import TEMPLATE
from toolkit.letters.typesetting import typeset
from toolkit.letters.word import fill
from toolkit.outputs import digest, whole

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
    Word template that the hospital has edited; it serves for .docx only, and not for a letter of the
    patient's own. `more` goes into the record.
    """
    path = Path(path)
    kind = _file_type(path, (".docx", ".pdf", ".md"))
    if template is not None and kind != "docx":
        raise UsageError("A Word template serves for .docx only.")
    check_complete(letter, draft=draft)
    template = template if letter.on_letterhead else None
    record = record_of(letter, draft=draft) | dict(more or {})
    with whole(path) as temporary:
        temporary.write_bytes(_content(letter, kind, draft=draft, template=template))
        if template is not None:
            record = as_printed(record, blocks_of(temporary))
        write_record(record, path, content=temporary)
    return path


def check_complete(letter: Letter, *, draft: bool) -> None:
    """Refuse a letter that lacks facts and is not to be a draft."""
    if not draft and not letter.complete:
        says = "The letter is not complete; fill in what is missing, or write it as a draft."
        raise RefusedError(
            f"{letter.late} {says}".strip(),
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
    return typeset("letter", page) if kind == "pdf" else fill(page, template or TEMPLATE)

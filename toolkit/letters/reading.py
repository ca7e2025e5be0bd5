"""The words of a letter that was written, as they are read back from DOCX, PDF or Markdown.

A letter is read as blocks: a paragraph, a cell or a heading; of a PDF, a page. What Word keeps of a
tracked change is read as if it had been accepted.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, UsageError

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Text that is not of the letter: what was moved away, and the second form of a drawing.
_SKIPPED = {f"{_W}moveFrom", f"{_W}del", f"{_W}pPr", f"{_W}rPr", f"{_W}instrText", _FALLBACK}
_BREAKS = {f"{_W}br", f"{_W}cr", f"{_W}tab", f"{_W}noBreakHyphen", f"{_W}softHyphen"}
_DIRECTIONS = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # which pypdf puts in
_PARTS = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml")


def blocks_of(path: Path, *, pages: tuple[int, int] | None = None) -> list[str]:
    """Return the blocks of a letter; `pages`, first and last from 1, are those of a PDF that hold it.

    Raises UsageError for another ending, InputError where the file cannot be read as what it is.
    """
    readers = {".docx": _word, ".pdf": _pdf, ".md": _markdown}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path.name}: a letter's name ends in {' or '.join(readers)}")
    if not path.is_file():
        raise InputError(f"{path.name}: there is no such file")
    try:
        found = _pdf(path, pages) if reader is _pdf else reader(path)
    except InputError:
        raise
    except Exception as error:  # each library has its own ways to fail on a damaged file
        raise InputError(
            f"{path.name}: cannot be read as {path.suffix.lower()} ({type(error).__name__})"
        ) from None
    return [block for block in found if block.strip()]


def _word(path: Path) -> list[str]:
    from lxml import etree

    strict = etree.XMLParser(resolve_entities=False, no_network=True)
    found: list[str] = []
    with zipfile.ZipFile(path) as parts:
        names = [name for name in parts.namelist() if _PARTS.fullmatch(name)]
        if "word/document.xml" not in names:
            raise InputError(f"{path.name}: not a Word document")
        for name in sorted(names, key=lambda one: (one != "word/document.xml", one)):
            root = etree.fromstring(parts.read(name), strict)
            found += "".join(_words(root)).split("\n\n")
    return found


def _words(element: Any) -> Iterator[str]:
    """Yield the texts of an element; a paragraph ends in two line breaks."""
    if element.tag in _SKIPPED or not isinstance(element.tag, str):
        return
    if element.tag == f"{_W}t":
        yield element.text or ""
    elif element.tag in _BREAKS:
        yield {f"{_W}tab": "\t", f"{_W}noBreakHyphen": "-", f"{_W}softHyphen": ""}.get(
            element.tag, "\n"
        )
    else:
        for child in element:
            yield from _words(child)
        if element.tag == f"{_W}p":
            yield "\n\n"


def _pdf(path: Path, pages: tuple[int, int] | None = None) -> list[str]:
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted:
        raise InputError(f"{path.name}: the PDF is encrypted; save it without a password")
    first, last = pages or (1, len(reader.pages))
    wanted = range(first - 1, min(last, len(reader.pages)))
    return [_DIRECTIONS.sub("", reader.pages[n].extract_text()) for n in wanted]


def _markdown(path: Path) -> list[str]:
    import mistune

    parse = mistune.create_markdown(renderer=None, plugins=["table"])
    found: list[str] = []
    for token in parse(path.read_text(encoding="utf-8")):
        found += _blocks(token)
    return found


_BLOCKS = {"paragraph", "heading", "block_text", "table_cell", "block_code", "block_html"}


def _blocks(token: dict[str, Any]) -> Iterator[str]:
    if token["type"] in _BLOCKS:
        yield _plain(token)
    else:
        for child in token.get("children", ()):
            yield from _blocks(child)


def _plain(token: dict[str, Any]) -> str:
    if token["type"] in ("linebreak", "softbreak", "inline_html"):
        return "\n"
    if "children" in token:
        return "".join(_plain(child) for child in token["children"])
    return token.get("raw", "")

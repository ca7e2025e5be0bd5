"""The text of a denial letter, page by page: PDF, Word, plain text, or an image read by tesseract."""

import io
import re
import shutil
import subprocess
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import InputError, not_opened

_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
_MOST_PAGES = 200
_MOST_BYTES = 64 << 20
_FEW = 25  # letters and digits: a page with fewer and a picture on it is a scan
_SECONDS = 120  # for tesseract, a page
_NO_TESSERACT = "its pages are scanned, and reading them needs tesseract, which is not installed here; install tesseract, or ask the payer for the letter as text"
_SOFT_HYPHEN = re.compile("\u00ad\n?|[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Page(NamedTuple):
    """A page of a letter: its number, its text in reading order, and the text as it stands side by side.

    `aligned` keeps columns apart by spaces, '' if the file does not say where its words stand.
    `scanned`: read from a picture, so that letters may be wrong.
    """

    number: int
    text: str
    aligned: str = ""
    scanned: bool = False


class Pages(NamedTuple):
    """The pages of a letter that could be read, how many it has, and the numbers of those that could not."""

    pages: tuple[Page, ...]
    count: int
    not_read: tuple[int, ...] = ()


def is_document(path: Path) -> bool:
    """Return whether a file is a PDF, a Word document or a picture, by its bytes."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return False
    return b"%PDF-" in head or head.startswith(_IMAGES) or _is_word(path, head)


def read_pages(path: Path) -> Pages:
    """Return the text of a letter, page by page.

    Raises InputError in words for the user where nothing can be read: a file that is empty, damaged
    or protected by a password, or a scan where tesseract is not installed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    if not content.strip(b"\x00\t\r\n\x0c "):
        raise InputError(f"{path.name}: is empty")
    if len(content) > _MOST_BYTES:
        raise InputError(f"{path.name}: is larger than 64 MB; a letter is not")
    if b"%PDF-" in content[:1024]:
        found = _pdf(path, content)
    elif content.startswith(_IMAGES):
        found = _picture(path, content)
    elif _is_word(path, content):
        found = Pages((Page(1, _plain(_word(path, content))),), 1)
    else:
        texts = _decoded(path, content).split("\x0c")
        pages = (Page(at, _plain(one)) for at, one in enumerate(texts, 1))
        found = Pages(tuple(page for page in pages if page.text), len(texts))
    if not any(page.text for page in found.pages):
        raise InputError(f"{path.name}: contains no readable text")
    return found


def _plain(text: str) -> str:
    """Return a page's text with ligatures and odd spaces as plain ones, and no invisible marks."""
    text = _SOFT_HYPHEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFKC", text).replace("\t", "    ")
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


# ---- PDF


def _pdf(path: Path, content: bytes) -> Pages:
    import logging

    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # what it says may hold a letter's words
    try:
        reader = PdfReader(io.BytesIO(content))
        locked = reader.is_encrypted and not reader.decrypt("")
        every = [] if locked else [*reader.pages[:_MOST_PAGES]]
        count = 0 if locked else len(reader.pages)
    except Exception as error:  # whatever a damaged file makes of its reader; its text is not ours
        if type(error).__name__ in ("DependencyError", "FileNotDecryptedError"):
            locked = True
        else:
            raise InputError(
                f"{path.name}: is damaged, or not a complete PDF; save it again"
            ) from None
    if locked:
        raise InputError(
            f"{path.name}: is protected by a password; save a copy without it, and read that"
        )
    pages, not_read, scans = [], [*range(len(every) + 1, count + 1)], False
    for number, one in enumerate(every, 1):
        page, is_scan = _pdf_page(number, one)
        scans |= is_scan
        if page is not None:
            pages.append(page)
        else:
            not_read.append(number)
    if scans and not any(page.text for page in pages):
        raise InputError(f"{path.name}: {_NO_TESSERACT}")
    return Pages(tuple(pages), count, tuple(sorted(not_read)))


def _pdf_page(number: int, page: Any) -> tuple[Page | None, bool]:
    """Return a page, None if it cannot be read, and whether that is for want of tesseract."""
    try:
        text = _plain(page.extract_text() or "")
        aligned = _plain(page.extract_text(extraction_mode="layout") or "") if text else ""
    except Exception:  # a page whose fonts or drawing are damaged
        return None, False
    if len(re.findall(r"\w", text)) >= _FEW:
        return Page(number, text, aligned), False
    try:
        pictures = [one.data for one in page.images]
    except Exception:
        pictures = []
    if not pictures:
        return Page(number, text, aligned), False
    read = [_tesseract(one) for one in pictures]
    if None in read:
        return (Page(number, text, aligned) if text else None), True
    seen = _plain("\n".join([text, *(one or "" for one in read)]))
    return (Page(number, seen, seen, scanned=True), False) if seen else (None, False)


# ---- pictures


def _picture(path: Path, content: bytes) -> Pages:
    frames = list(_frames(path, content))
    read = [_tesseract(one) for one in frames]
    if None in read:
        raise InputError(f"{path.name}: {_NO_TESSERACT}")
    texts = [_plain(one or "") for one in read]
    pages = tuple(Page(n, one, one, scanned=True) for n, one in enumerate(texts, 1) if one)
    return Pages(pages, len(texts), tuple(n for n, one in enumerate(texts, 1) if not one))


def _frames(path: Path, content: bytes) -> Iterator[bytes]:
    """Give each page of a picture (a TIFF has several) as PNG."""
    from PIL import Image, ImageSequence

    try:
        with Image.open(io.BytesIO(content)) as picture:
            for at, frame in enumerate(ImageSequence.Iterator(picture)):
                if at == _MOST_PAGES:
                    return
                made = io.BytesIO()
                frame.convert("L").save(made, format="PNG")
                yield made.getvalue()
    except Exception:
        raise InputError(f"{path.name}: is a damaged picture; scan it again") from None


def _tesseract(picture: bytes) -> str | None:
    """Return the words of a picture, '' if there are none, None if tesseract is not installed."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "stdin", "stdout"], input=picture, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


# ---- Word and plain text


def _is_word(path: Path, content: bytes) -> bool:
    if not content.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(path) as parts:
            return "word/document.xml" in parts.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def _word(path: Path, content: bytes) -> str:
    """Return a Word document's paragraphs and table rows in their order; cells apart by spaces."""
    from docx import Document
    from docx.table import Table

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            if sum(one.file_size for one in parts.infolist()) > _MOST_BYTES:
                raise ValueError
        document = Document(io.BytesIO(content))
        lines = [one.text for section in document.sections for one in section.header.paragraphs]
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                for row in block.rows:
                    cells = {cell._tc: " ".join(cell.text.split()) for cell in row.cells}
                    lines.append("    ".join(cells.values()))  # a merged cell comes once
            else:
                lines.append(block.text)
    except Exception:
        raise InputError(f"{path.name}: is damaged, or not a complete Word document") from None
    return "\n".join(lines)


def _decoded(path: Path, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    if b"\x00" in content or content.startswith(b"PK\x03\x04"):
        raise InputError(f"{path.name}: is not text, a PDF, a Word file or a picture")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")

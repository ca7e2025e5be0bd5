"""A packet: contents, the letter, and each exhibit with its cover sheet, in one PDF.

Every page carries its number, of how many, and the claim's identifiers. An exhibit's page is drawn,
smaller where it has to be, onto a page of its own above the foot, so nothing of it is covered; notes and
filled-in fields are drawn as they look. Its links, scripts and attached files are left behind.
"""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import InputError, RefusedError, UsageError
from toolkit.letters.exhibits import IMAGES, Exhibit
from toolkit.letters.facts import in_words
from toolkit.letters.layout import layout
from toolkit.letters.letter import Letter
from toolkit.letters.record import record_of, write_record
from toolkit.letters.typesetting import placed
from toolkit.letters.writing import check_complete
from toolkit.outputs import whole

MANY_PAGES = 500  # more than portals and fax machines are likely to take
_FOOT = 0.55 * 72  # points at the foot of an exhibit's page that are kept for the identifiers
_EDGE = 0.25 * 72
_INCHES = (8.5 * 72, 11 * 72)


class Sheets(msgspec.Struct, frozen=True):
    """An exhibit as pages: those of a PDF, or a page of text that is typeset."""

    exhibit: Exhibit
    sha256: str
    pages: tuple[Any, ...] = ()  # pages of pypdf
    text: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"Sheets({self.exhibit!r}, {len(self.pages)} pages)"


def write_packet(
    letter: Letter, path: Path | str, *, draft: bool = False
) -> tuple[Path, list[str]]:
    """Write the letter with its exhibits as one PDF, its record beside it; return the path and warnings.

    Raises RefusedError where an exhibit cannot be put in: it is missing, encrypted, or neither a PDF
    nor a picture nor a 277CA that accepts the claim.
    """
    path = Path(path)
    if path.suffix.lower() != ".pdf":
        raise UsageError("A packet is a PDF: the file's name ends in .pdf.")
    check_complete(letter, draft=draft)
    sheets = _sheets(letter)
    page = layout(letter, draft=draft)
    data = {
        "letter": page,
        "identifiers": page["reference"][:_FIRST_LINES],
        "exhibits": [_described(each) for each in sheets],
    }
    marks = ["contents", "start", "end", *(f"exhibit-{n}" for n in range(len(sheets)))]
    ours, found = placed("packet", data, standards=("ua-1",))
    at = [found[mark]["page"] for mark in marks]
    content, count, lost = _bound(ours, sheets, at)
    packet = {
        "pages": count,
        "letter_pages": [at[1], at[2]],
        "exhibits": [
            {
                "label": each.exhibit.label,
                "title": each.exhibit.title,
                "file": each.exhibit.file.name if each.exhibit.file else "",
                "sha256": each.sha256,
                "first_page": first,
            }
            for each, first in zip(sheets, at[3:], strict=True)
        ],
    }
    with whole(path) as temporary:
        temporary.write_bytes(content)
        record = {**record_of(letter, draft=draft), "packet": packet}
        write_record(record, path, content=temporary)
    return path, [*lost, *_warnings(letter, sheets, count)]


_FIRST_LINES = 8  # of the reference block: patient, numbers, notice, service


def _warnings(letter: Letter, sheets: list[Sheets], count: int) -> Iterator[str]:
    for each in sheets:
        if len(each.pages) >= MANY_PAGES:
            yield (
                f"{each.exhibit.label} has {len(each.pages):,} pages; send the pages that the letter "
                "cites, or ask how the payer takes so many."
            )
    if count >= MANY_PAGES:
        yield f"The packet has {count:,} pages; many portals and fax machines take fewer."
    without = [one.label for one in letter.exhibits if one.file is None]
    if without:
        yield f"Not in the packet, as no file is named: {', '.join(without)}."
    papers = len(letter.enclosures) - len(letter.exhibits)
    if papers:
        yield (
            f"The letter encloses {papers} more paper{'' if papers == 1 else 's'} than its exhibits, the "
            "first of its list: add each as an exhibit, or send it along."
        )


def _described(each: Sheets) -> dict[str, Any]:
    if each.text:
        sizes = [{"wide": False, "text": each.text}]
    else:
        sizes = [{"wide": _wide(page), "text": None} for page in each.pages]
    return {
        "label": each.exhibit.label,
        "title": each.exhibit.title,
        "line": each.exhibit.line,
        "pages": sizes,
    }


# --- reading exhibits ---------------------------------------------------------------------------


def _sheets(letter: Letter) -> list[Sheets]:
    found: list[Sheets] = []
    wrong: list[str] = []
    for exhibit in letter.exhibits:
        if exhibit.file is None:
            continue
        try:
            found.append(_read(exhibit, letter))
        except RefusedError as error:
            wrong.append(f"{exhibit.label}: {error}")
    if wrong:
        raise RefusedError("An exhibit cannot be put into the packet.", needs=tuple(wrong))
    return found


def _read(exhibit: Exhibit, letter: Letter) -> Sheets:
    path = Path(str(exhibit.file))
    if not path.is_file():
        raise RefusedError(f"{path.name} is not there")
    data = path.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    if not data:
        raise RefusedError(f"{path.name} is empty")
    if b"%PDF-" in data[:1024]:
        return Sheets(exhibit, sha256, _pdf_pages(data, path.name))
    if data.lstrip()[:3] == b"ISA":
        return Sheets(exhibit, sha256, text=_acceptance(path, sha256, letter))
    if path.suffix.lower() in IMAGES:
        return Sheets(exhibit, sha256, _pdf_pages(_picture(data, path.name), path.name))
    raise RefusedError(
        f"{path.name} is not a PDF or a picture (PNG, JPEG, TIFF); save or print it as PDF"
    )


def _pdf_pages(data: bytes, name: str) -> tuple[Any, ...]:
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise RefusedError(f"{name} is encrypted; save it as a PDF without a password")
        pages = tuple(reader.pages)
        for page in pages:
            _size(page)
            page.get_contents()
    except RefusedError:
        raise
    except Exception as error:  # a damaged PDF fails in as many ways as there are
        raise RefusedError(
            f"{name} cannot be read as a PDF ({type(error).__name__}); print it to a new PDF"
        ) from None
    if not pages:
        raise RefusedError(f"{name} has no page")
    return pages


def _picture(data: bytes, name: str) -> bytes:
    """Return a picture, or the pages of a fax, as PDF: upright, on white, without what a camera wrote."""
    from PIL import Image, ImageOps, ImageSequence

    frames = []
    try:
        with Image.open(io.BytesIO(data)) as opened:
            for frame in ImageSequence.Iterator(opened):
                upright = ImageOps.exif_transpose(frame.copy())
                if upright.mode in ("RGBA", "LA", "P", "PA"):
                    upright = upright.convert("RGBA")
                    paper = Image.new("RGBA", upright.size, "white")
                    upright = Image.alpha_composite(paper, upright)
                grey = upright.mode in ("1", "L")
                frames.append(upright if grey else upright.convert("RGB"))
        out = io.BytesIO()
        first, *more = frames
        across = max(first.size) / 11
        first.save(out, "PDF", save_all=True, append_images=more, resolution=across, quality=92)
    except Exception as error:  # damaged, of a size that is no picture's, or of an odd kind
        raise RefusedError(
            f"{name} cannot be read as a picture ({type(error).__name__}); save it again as PNG or PDF"
        ) from None
    return out.getvalue()


def _acceptance(path: Path, sha256: str, letter: Letter) -> dict[str, Any]:
    """Return the page that an accepted 277CA gives: this claim's status alone, nobody else's."""
    from toolkit.claims.x12.acceptances import acceptance_of

    if letter.issue != "timely_filing":
        raise RefusedError(
            f"{path.name} proves that a claim was filed, which this letter does not argue"
        )
    try:
        said = acceptance_of(path, letter.account)
    except InputError as error:
        raise RefusedError(str(error)) from None
    dollars = "" if said.billed_cents is None else f"${said.billed_cents / 100:,.2f}"
    rows = [
        ("Payer", said.payer),
        ("Our account (TRN02)", letter.account),
        ("Payer’s claim number (REF 1K)", said.payer_claim_control_number),
        ("Date of the status (STC02)", in_words(said.status_day) if said.status_day else ""),
        ("Category (STC01-1)", f"{said.category_code}: {said.says}"),
        ("Status (STC01-2)", said.status_codes),
        ("Charge (STC04)", dollars),
    ]
    return {
        "title": "Claim acknowledgment (277CA)",
        "says": "The payer’s acknowledgment accepts this claim. Its status, as the transaction states it:",
        "rows": [list(row) for row in rows if row[1]],
        "source": f"Read from the X12 277CA as received; SHA-256 of the file {sha256}.",
    }


# --- drawing them -------------------------------------------------------------------------------


def _bound(ours: bytes, sheets: list[Sheets], at: list[int]) -> tuple[bytes, int, list[str]]:
    """Return our pages with each exhibit drawn onto its own, how many there are, and what was not drawn."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(ours)))
    starts = at[3:]
    lost: list[str] = []
    for each, first in zip(sheets, starts, strict=True):
        for n, page in enumerate(each.pages):
            try:
                if notes := _draw(page, writer.pages[first + n]):
                    lost.append(
                        f"{each.exhibit.label}, page {n + 1}: {notes} note{'' if notes == 1 else 's'} "
                        "without a look of their own are not shown; print the file to a new PDF."
                    )
            except Exception as error:
                name = each.exhibit.file.name if each.exhibit.file else ""
                raise RefusedError(
                    "An exhibit cannot be put into the packet.",
                    needs=(
                        f"{each.exhibit.label}: page {n + 1} of {name} cannot be drawn "
                        f"({type(error).__name__}); print it to a new PDF",
                    ),
                ) from None
    for title, page in (
        ("Contents", at[0]),
        ("Letter", at[1]),
        *((each.exhibit.line, first) for each, first in zip(sheets, starts, strict=True)),
    ):
        writer.add_outline_item(title=title, page_number=page - 1)
    # Our pages keep to PDF/UA; the exhibits are as others made them, so the packet does not claim it.
    writer.root_object.pop("/Metadata", None)
    writer.page_mode = "/UseOutlines"
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue(), len(writer.pages), lost


def _draw(page: Any, onto: Any) -> int:
    """Draw a page above the foot of another, upright and as large as there is room.

    Returns how many of its notes could not be drawn.
    """
    from pypdf import Transformation

    lost = _flatten(page)
    width, height, left, bottom = _size(page)
    turned = Transformation().translate(-left, -bottom).rotate(-page.rotation)
    back = {0: (0, 0), 90: (0, width), 180: (width, height), 270: (height, 0)}[page.rotation % 360]
    if page.rotation % 180:
        width, height = height, width
    across, down = reversed(_INCHES) if width > height else _INCHES
    scale = min((across - 2 * _EDGE) / width, (down - _FOOT - _EDGE) / height, 1.0)
    right = (across - width * scale) / 2
    up = _FOOT + (down - _FOOT - _EDGE - height * scale) / 2
    upright = turned.translate(*back).scale(scale).translate(right, up)
    for box in ("/TrimBox", "/ArtBox", "/BleedBox"):  # the page is cut to what a reader shows
        page.pop(box, None)
    page.trimbox = page.cropbox
    onto.merge_transformed_page(page, upright, over=False)
    return lost


def _size(page: Any) -> tuple[float, float, float, float]:
    """Return width, height, left and bottom of what a reader shows of the page, before its rotation."""
    box = page.cropbox
    width, height = float(box.width), float(box.height)
    if not (1 <= width <= 20_000 and 1 <= height <= 20_000):
        raise ValueError("a page without a size")
    return width, height, float(box.left), float(box.bottom)


def _wide(page: Any) -> bool:
    width, height, _, _ = _size(page)
    return (height > width) if page.rotation % 180 else (width > height)


_HIDDEN = 2 | 32  # flags of an annotation that is not shown


def _flatten(page: Any) -> int:
    """Draw the annotations of a page into it as they look; return how many have no look to be drawn."""
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    found = page.pop("/Annots", None)
    notes = [each.get_object() for each in (found.get_object() if found is not None else ())]
    shown = [note for note in notes if _is_shown(note)]
    drawn = [(note, look) for note in shown if (look := _look(note)) is not None]
    lost = sum("/AP" not in note and note.get("/Subtype") != "/Widget" for note in shown)
    if not drawn:
        return lost
    kept = page.get("/Resources", DictionaryObject()).get_object()
    resources = DictionaryObject(kept)
    forms = DictionaryObject(resources.get("/XObject", DictionaryObject()).get_object())
    contents = page.get_contents()
    parts = [b"q\n", b"" if contents is None else contents.get_data(), b"\nQ\n"]
    for n, (note, look) in enumerate(drawn):
        name = NameObject(f"/ToolkitNote{n}")
        forms[name] = look.indirect_reference or look
        numbers = " ".join(f"{number:.4f}" for number in _matrix(look, note["/Rect"]))
        parts.append(f"q {numbers} cm {name} Do Q\n".encode())
    resources[NameObject("/XObject")] = forms
    page[NameObject("/Resources")] = resources
    stream = DecodedStreamObject()
    stream.set_data(b"".join(parts))
    page[NameObject("/Contents")] = stream
    return lost


def _is_shown(note: Any) -> bool:
    """Say whether an annotation is a mark on the page: not hidden, no link and no pop-up."""
    return not int(note.get("/F", 0)) & _HIDDEN and note.get("/Subtype") not in ("/Link", "/Popup")


def _look(note: Any) -> Any:
    """Return how an annotation looks, as a drawing, if it says so."""
    look = note["/AP"].get_object().get("/N") if "/AP" in note else None
    look = look.get_object() if look is not None else None
    if look is not None and "/BBox" not in look:  # one look for each state of a checkbox
        look = look.get(note.get("/AS", "/Off"))
        look = look.get_object() if look is not None else None
    return look


def _matrix(look: Any, rectangle: Any) -> tuple[float, ...]:
    """Return what brings the drawing's box, by its own matrix, onto the annotation's rectangle."""
    a, b, c, d, e, f = (float(x) for x in look.get("/Matrix", (1, 0, 0, 1, 0, 0)))
    x0, y0, x1, y1 = (float(x) for x in look["/BBox"])
    corners = [(a * x + c * y + e, b * x + d * y + f) for x in (x0, x1) for y in (y0, y1)]
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    low, high = min(y for _, y in corners), max(y for _, y in corners)
    r0, s0, r1, s1 = (float(x) for x in rectangle)
    r0, r1, s0, s1 = min(r0, r1), max(r0, r1), min(s0, s1), max(s0, s1)
    wide = (r1 - r0) / (right - left) if right > left else 1.0
    high_by = (s1 - s0) / (high - low) if high > low else 1.0
    return wide, 0.0, 0.0, high_by, r0 - left * wide, s0 - low * high_by

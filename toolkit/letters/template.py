"""The Word template of the letters; a hospital edits its own copy in Word.

Run `python -m toolkit.letters.template` after a change here: the same code gives the same bytes.
"""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent / "letter.docx"
_NAVY, _QUIET, _RULE = "1F4E79", "57606A", "C9D1D9"
_FONT = "Times New Roman"  # on every machine, or a font of the same widths
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_IDENTIFIERS = re.compile(r"\{\{\s*(r\s+)?identifiers\s*\}\}")


def make_template(path: Path = TEMPLATE) -> Path:
    """Write the template, byte for byte the same each time."""
    from docx import Document
    from docx.shared import Inches, Pt

    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Inches(8.5), Inches(11)
    section.left_margin = section.right_margin = Inches(1)
    section.top_margin, section.bottom_margin = Inches(0.8), Inches(0.8)
    normal = document.styles["Normal"]
    _set_font(normal)
    normal.font.size = Pt(11)
    normal.paragraph_format.space_after = Pt(5)
    normal.paragraph_format.line_spacing = 1.05
    heading = document.styles["Heading 1"]
    _set_font(heading)
    heading.font.size, heading.font.bold, heading.font.color.rgb = Pt(11.5), True, _rgb(_NAVY)
    name = document.add_paragraph()
    name.paragraph_format.space_after = Pt(0)
    _run(name, "{{ name }}", size=18, bold=True, color=_NAVY)
    rule = document.add_paragraph()
    rule.paragraph_format.space_after = Pt(14)
    _run(rule, "{{ sender }}", size=9.5, color=_QUIET)
    _border(rule, "bottom", 12, _NAVY)
    document.add_paragraph("{{ letter }}")
    document.core_properties.title = "Letter"
    document.core_properties.author = ""
    document.core_properties.comments = ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_settled(_saved(_with_frame(document))))
    return path


def completed(content: bytes) -> bytes:
    """Return a template in which each page has a header, and a foot with the claim's identifiers.

    What the template has of its own stays; where its footer names the identifiers, nothing is added.
    """
    from docx import Document

    return _saved(_with_frame(Document(io.BytesIO(content))))


def _with_frame(document: Any) -> Any:
    even = document.settings.odd_and_even_pages_header_footer
    for n, section in enumerate(document.sections):
        kinds = [(section.header, section.footer)]
        if section.different_first_page_header_footer:
            kinds.append((section.first_page_header, section.first_page_footer))
        if even:
            kinds.append((section.even_page_header, section.even_page_footer))
        for header, footer in kinds:
            if n and header.is_linked_to_previous and footer.is_linked_to_previous:
                continue
            for each in (header, footer):
                if n == 0 and each.is_linked_to_previous:  # there is none
                    each.is_linked_to_previous = False
            if not any(_names_identifiers(each) for each in (header, footer)):
                width = section.page_width - section.left_margin - section.right_margin
                _add_foot(footer, width)
    return document


def _names_identifiers(part: Any) -> bool:
    texts = (text.text or "" for text in part._element.iter(f"{{{_W}}}t"))
    return bool(_IDENTIFIERS.search("".join(texts)))


def _add_foot(footer: Any, width: int) -> None:
    from docx.enum.text import WD_TAB_ALIGNMENT

    first = footer.paragraphs[0] if footer.paragraphs else None
    empty = first is not None and not first.text and len(footer._element) == 1
    line = first if empty else footer.add_paragraph()
    line.paragraph_format.tab_stops.add_tab_stop(width, WD_TAB_ALIGNMENT.RIGHT)
    _border(line, "top", 4, _RULE)
    _run(line, "{{ identifiers }}\tPage ", size=9, color=_QUIET)
    _field(line, "PAGE")
    _run(line, " of ", size=9, color=_QUIET)
    _field(line, "NUMPAGES")


def _saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _settled(content: bytes) -> bytes:
    """Return the same DOCX with fixed times inside."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            data = source.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", b"2000-01-01T00:00:00", data)
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            target.writestr(entry, data)
    return out.getvalue()


def _set_font(style: Any) -> None:
    """Give a style our font for every script, in the place of its theme's."""
    style.font.name = _FONT
    fonts = style.element.rPr.rFonts
    for name in list(fonts.attrib):
        if name.endswith("Theme"):
            del fonts.attrib[name]
    for name in ("ascii", "hAnsi", "cs"):
        fonts.set(f"{{{_W}}}{name}", _FONT)


def _run(paragraph: Any, text: str, *, size: float | None = None, bold=False, color=None) -> Any:
    from docx.shared import Pt

    run = paragraph.add_run(text)
    run.font.bold = bold or None
    if size:
        run.font.size = Pt(size)
    if color:
        run.font.color.rgb = _rgb(color)
    return run


def _rgb(color: str) -> Any:
    from docx.shared import RGBColor

    return RGBColor.from_string(color)


def _element(tag: str, **attributes: str) -> Any:
    from docx.oxml import OxmlElement

    element = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        element.set(f"{{{_W}}}{name}", value)
    return element


def _border(paragraph: Any, side: str, size: int, color: str, space: int = 4) -> None:
    borders = _element("pBdr")
    borders.append(_element(side, val="single", sz=str(size), space=str(space), color=color))
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


def _field(paragraph: Any, name: str) -> None:
    for kind in ("begin", None, "separate", "text", "end"):
        run = _run(paragraph, "1" if kind == "text" else "", size=9, color=_QUIET)
        if kind is None:
            code = _element("instrText")
            code.text = f" {name} "
            run._r.append(code)
        elif kind != "text":
            run._r.append(_element("fldChar", fldCharType=kind))


if __name__ == "__main__":
    make_template()

"""Make the Word template of the letters; a hospital may then edit it in Word.

Run `python -m toolkit.letters.template` after a change here: the same code gives the same bytes.
"""

import io
import re
import zipfile
from pathlib import Path

TEMPLATE = Path(__file__).parent / "letter.docx"
_NAVY, _QUIET = "1F4E79", "57606A"
FONT = "Times New Roman"  # on every machine, or a font of the same widths
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
# Word's own form of a watermark: a text path behind the text, in the header of every page.
_WATERMARK = """
<w:p xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
     xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
 <w:pPr><w:spacing w:after="0"/></w:pPr>
 <w:r><w:rPr><w:b/><w:color w:val="B3261E"/><w:sz w:val="18"/></w:rPr>
  <w:t>{{ draft }}: not to be sent</w:t></w:r>
 <w:r><w:pict>
  <v:shapetype id="_x0000_t136" coordsize="21600,21600" o:spt="136" adj="10800"
    path="m@7,l@8,m@5,21600l@6,21600e">
   <v:formulas><v:f eqn="sum #0 0 10800"/><v:f eqn="prod #0 2 1"/><v:f eqn="sum 21600 0 @1"/>
    <v:f eqn="sum 0 0 @2"/><v:f eqn="sum 21600 0 @3"/><v:f eqn="if @0 @3 0"/>
    <v:f eqn="if @0 21600 @1"/><v:f eqn="if @0 0 @2"/><v:f eqn="if @0 @4 21600"/>
    <v:f eqn="mid @5 @6"/><v:f eqn="mid @8 @5"/><v:f eqn="mid @7 @8"/><v:f eqn="mid @6 @7"/>
    <v:f eqn="sum @6 0 @5"/></v:formulas>
   <v:path textpathok="t" o:connecttype="custom"
     o:connectlocs="@9,0;@10,10800;@11,21600;@12,10800" o:connectangles="270,180,90,0"/>
   <v:textpath on="t" fitshape="t"/>
  </v:shapetype>
  <v:shape id="PowerPlusWaterMarkObject1" o:spid="_x0000_s2049" type="#_x0000_t136"
    alt="Draft watermark"
    style="position:absolute;margin-left:0;margin-top:0;width:440pt;height:165pt;rotation:315;z-index:-251658752;mso-position-horizontal:center;mso-position-horizontal-relative:margin;mso-position-vertical:center;mso-position-vertical-relative:margin"
    fillcolor="#e8b7b2" stroked="f">
   <v:fill opacity=".5"/>
   <v:textpath style="font-family:&quot;Arial&quot;;font-size:1pt" string="{{ draft }}"/>
  </v:shape>
 </w:pict></w:r>
</w:p>
"""


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
    normal.font.name, normal.font.size = FONT, Pt(11)
    normal.paragraph_format.space_after = Pt(5)
    normal.paragraph_format.line_spacing = 1.05
    _header(section)
    _footer(section)
    _body(document)
    document.core_properties.title = "Letter"
    document.core_properties.author = ""
    document.core_properties.comments = ""
    buffer = io.BytesIO()
    document.save(buffer)
    path.write_bytes(settled(buffer.getvalue()))
    return path


def settled(content: bytes) -> bytes:
    """Return the same DOCX with fixed times inside, so that equal letters are equal files."""
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


def _header(section) -> None:
    from docx.oxml import parse_xml

    header = section.header
    header.is_linked_to_previous = False
    first = header.paragraphs[0]
    first.text = "{%p if draft %}"
    first._p.addnext(parse_xml(_WATERMARK))
    header.add_paragraph("{%p endif %}")


def _footer(section) -> None:
    from docx.enum.text import WD_TAB_ALIGNMENT
    from docx.shared import Inches

    footer = section.footer
    footer.is_linked_to_previous = False
    line = footer.paragraphs[0]
    for stop in list(line.paragraph_format.tab_stops):
        stop.clear()
    line.paragraph_format.tab_stops.add_tab_stop(Inches(6.5), WD_TAB_ALIGNMENT.RIGHT)
    _border(line, "top", 4, "C9D1D9")
    _run(line, "{{ footer }}\tPage ", size=9, color=_QUIET)
    _field(line, "PAGE")
    _run(line, " of ", size=9, color=_QUIET)
    _field(line, "NUMPAGES")


def _body(document) -> None:
    from docx.shared import Inches, Pt

    def line(text: str, *, after: float = 5, before: float = 0, **font):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(after)
        paragraph.paragraph_format.space_before = Pt(before)
        _run(paragraph, text, **font)
        return paragraph

    line("{{r name }}", after=0, size=18, bold=True, color=_NAVY)
    rule = line("{{r sender }}", after=14, size=9.5, color=_QUIET)
    _border(rule, "bottom", 12, _NAVY)
    line("{%p if gaps %}")
    line("Draft, not to be sent. Still missing: {{ gaps }}.", size=9.5, color="8A1C12")
    line("{%p endif %}")
    line("{{ date }}", after=8)
    line("{{r sent_by }}", after=8, size=10, color=_QUIET)
    line("{{r addressee }}", after=12)
    _reference_table(document)
    line("{{ salutation }}", before=12, after=8)
    line("{%p for section in sections %}")
    line("{%p if section.heading %}")
    heading = document.add_paragraph(style="Heading 1")
    heading.paragraph_format.space_before, heading.paragraph_format.space_after = Pt(10), Pt(3)
    heading.paragraph_format.keep_with_next = True
    _run(heading, "{{ section.heading }}", size=11.5, bold=True, color=_NAVY)
    line("{%p endif %}")
    line("{%p for p in section.paragraphs %}")
    line("{%p if p.lead %}")
    item = line("{{ p.lead }}\t{{r p.text }}", after=4)
    item.paragraph_format.left_indent = Inches(0.28)
    item.paragraph_format.first_line_indent = Inches(-0.28)
    item.paragraph_format.tab_stops.add_tab_stop(Inches(0.28))
    line("{%p else %}")
    line("{{r p.text }}")
    line("{%p endif %}")
    line("{%p endfor %}")
    line("{%p if section.rows %}")
    _criteria_table(document)
    line("", after=0, size=4)
    line("{%p endif %}")
    line("{%p endfor %}")
    line("{{ closing }}", before=6, after=28).paragraph_format.keep_with_next = True
    signature = line("{{r signature }}", after=14)
    _border(signature, "top", 4, _QUIET)
    signature.paragraph_format.right_indent = Inches(2.9)
    signature.paragraph_format.keep_together = True
    line(
        "Enclosures", after=2, size=10, bold=True, color=_NAVY
    ).paragraph_format.keep_with_next = True
    line("{%p for e in enclosures %}")
    item = line("{{ loop.index }}.\t{{r e }}", after=2, size=10)
    item.paragraph_format.left_indent = Inches(0.28)
    item.paragraph_format.first_line_indent = Inches(-0.28)
    item.paragraph_format.tab_stops.add_tab_stop(Inches(0.28))
    line("{%p endfor %}")
    line("{%p if copies %}")
    line("Copy: {{r copies }}", before=6, size=10)
    line("{%p endif %}")


def _reference_table(document) -> None:
    from docx.shared import Inches

    table = document.add_table(rows=4, cols=2)
    widths = (Inches(1.35), Inches(5.0))
    texts = (
        ("", ""),
        ("{%tr for r in reference %}", ""),
        ("{{ r.label }}", "{{r r.value }}"),
        ("{%tr endfor %}", ""),
    )
    _fill(table, texts, widths, size=10.5, first_color=_QUIET)
    subject = table.rows[0].cells[0].merge(table.rows[0].cells[1])
    _run(subject.paragraphs[0], "RE: {{ subject }}", size=11.5, bold=True)
    borders = _element("tblBorders")
    borders.append(_element("left", val="single", sz="18", space="0", color=_NAVY))
    table._tbl.tblPr.append(borders)


def _criteria_table(document) -> None:
    from docx.shared import Inches

    table = document.add_table(rows=4, cols=3)
    widths = (Inches(2.3), Inches(1.6), Inches(2.6))
    texts = (
        tuple(f"{{{{ section.columns[{n}] }}}}" for n in range(3)),
        ("{%tr for row in section.rows %}", "", ""),
        ("{{r row.a }}", "{{r row.b }}", "{{r row.c }}"),
        ("{%tr endfor %}", "", ""),
    )
    _fill(table, texts, widths, size=10)
    for cell in table.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.font.bold = True
            run.font.color.rgb = _rgb(_NAVY)
    _repeat(table.rows[0])
    for row in (table.rows[0], table.rows[2]):
        _whole_row(row)
    _table_borders(table)


def _fill(table, texts, widths, *, size: float, first_color: str | None = None) -> None:
    from docx.shared import Pt

    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for row, cells in zip(table.rows, texts, strict=True):
        for i, (cell, text, width) in enumerate(zip(row.cells, cells, widths, strict=True)):
            cell.width = width
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(1)
            paragraph.paragraph_format.space_before = Pt(1)
            if text:
                _run(paragraph, text, size=size, color=first_color if i == 0 else None)


def _run(paragraph, text: str, *, size: float | None = None, bold=False, color=None):
    from docx.shared import Pt

    run = paragraph.add_run(text)
    run.font.name = FONT
    run.font.bold = bold or None
    if size:
        run.font.size = Pt(size)
    if color:
        run.font.color.rgb = _rgb(color)
    return run


def _rgb(color: str):
    from docx.shared import RGBColor

    return RGBColor.from_string(color)


def _element(tag: str, **attributes: str):
    from docx.oxml import OxmlElement

    element = OxmlElement(f"w:{tag}")
    for name, value in attributes.items():
        element.set(f"{{{_W}}}{name}", value)
    return element


def _border(paragraph, side: str, size: int, color: str, space: int = 4) -> None:
    borders = _element("pBdr")
    borders.append(_element(side, val="single", sz=str(size), space=str(space), color=color))
    properties = paragraph._p.get_or_add_pPr()
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:rPr"
    )


def _table_borders(table) -> None:
    borders = _element("tblBorders")
    borders.append(_element("top", val="single", sz="8", space="0", color=_NAVY))
    borders.append(_element("bottom", val="single", sz="8", space="0", color=_NAVY))
    borders.append(_element("insideH", val="single", sz="4", space="0", color="C9D1D9"))
    table._tbl.tblPr.append(borders)


def _repeat(row) -> None:
    row._tr.get_or_add_trPr().append(_element("tblHeader", val="true"))


def _whole_row(row) -> None:
    row._tr.get_or_add_trPr().append(_element("cantSplit", val="true"))


def _field(paragraph, name: str) -> None:
    from docx.shared import Pt

    for kind in ("begin", None, "separate", "text", "end"):
        run = paragraph.add_run("1" if kind == "text" else "")
        run.font.size, run.font.name = Pt(9), FONT
        run.font.color.rgb = _rgb(_QUIET)
        if kind is None:
            code = _element("instrText")
            code.text = f" {name} "
            run._r.append(code)
        elif kind != "text":
            run._r.append(_element("fldChar", fldCharType=kind))


if __name__ == "__main__":
    make_template()

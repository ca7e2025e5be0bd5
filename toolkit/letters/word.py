"""A letter as DOCX: a Word template with fields, which a hospital may edit in Word, filled.

A field is written {{ name }} in the text of the template, its header or its footer. The template is
read once: what it holds around its fields is kept as it is, with its styles, header and footer. What
is put in is text and nothing else, whatever signs it holds.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from toolkit.errors import InputError, not_opened
from toolkit.letters.layout import DRAFT

INLINE = {
    "name": "the sender's name",
    "sender": "the sender's address and numbers, in one line",
    "date": "the letter's date",
    "sent_by": "how it is sent",
    "addressee": "whom it is written to, line by line",
    "subject": "what it is about",
    "salutation": "the salutation",
    "closing": "the closing words",
    "signature": "who signs, line by line",
    "copies": "who gets a copy",
    "identifiers": "the date and the claim's numbers, for the foot of each page",
}
BLOCKS = {
    "letter": "the whole letter, from its date to its enclosures",
    "reference": "the subject and the claim's numbers, as a table",
    "body": "the sections of the letter",
    "enclosures": "the list of enclosures and copies",
}
_ONE_OF = ("letter", "body")  # without one of them the letter would not be in it
_NAVY, _QUIET, _RULE = "1F4E79", "57606A", "C9D1D9"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_NO_WORDS = (f"{{{_W}}}rPr", f"{{{_W}}}t")  # what a run may hold and still print nothing
_FIELD = re.compile(r"\{\{\s*(?:r\s+)?([A-Za-z_]\w*)\s*\}\}")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{\{|\{%")
_PROPERTIES = "docProps/core.xml"
_PARTS = re.compile(r"word/(document|header\d*|footer\d*)\.xml")
_HOLE = re.compile(
    "<w:r>(?P<props><w:rPr>(?:(?!</?w:rPr>).)*</w:rPr>|<w:rPr/>)?<w:t>\ue000(?P<name>\\w+)\ue001</w:t></w:r>"
    "|<w:p><w:r><w:t>\ue002(?P<block>\\w+)\ue003</w:t></w:r></w:p>",
    re.DOTALL,
)


class Hole(msgspec.Struct, frozen=True):
    """Where a field stands: a stretch of a line with its format, or a paragraph of its own."""

    name: str
    props: str = ""


class WordTemplate(msgspec.Struct, frozen=True):
    """A template that was read: its parts, cut where the fields stand."""

    file: str
    parts: dict[str, tuple[str | Hole, ...]]
    drafts: dict[str, tuple[str | Hole, ...]]  # the same with a watermark in each header
    rest: dict[str, bytes]  # the other parts that a letter changes
    packed: bytes  # the ZIP of what no letter changes
    heading: str  # the id of the style of headings, '' where the template has none


def fill(page: dict, template: Path) -> bytes:
    """Return the DOCX of a letter's layout; equal letters are equal files.

    Raises InputError where the template cannot be read or has a field that nobody knows, with its place.
    """
    return filled(page, template_of(template))


def template_of(path: Path) -> WordTemplate:
    """Return a template that was read; raises InputError naming what is wrong with it, and where."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    return _read(path.name, content)


# --- reading a template -------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _read(name: str, content: bytes) -> WordTemplate:
    from lxml import etree

    from toolkit.letters.template import completed

    try:
        found = _unpacked(completed(content))
    except Exception as error:  # no ZIP, no Word document, damaged: python-docx fails in many ways
        raise InputError(f"{name}: not a Word document ({type(error).__name__})") from None
    strict = etree.XMLParser(resolve_entities=False, no_network=True)
    parts, drafts, wrong = {}, {}, []
    fields: set[str] = set()
    for part in [one for one in found if _PARTS.fullmatch(one)]:
        root = etree.fromstring(found.pop(part), strict)
        where = "" if "document" in part else f"the {re.sub(r'[^a-z]', '', Path(part).stem)}, "
        fields |= _cut_out(root, where, wrong)
        parts[part] = _pieces(root)
        if "header" in part:
            root.append(etree.fromstring(_WATERMARK))
        drafts[part] = _pieces(root)
    if not wrong and not fields & set(_ONE_OF):
        wrong.append("the field {{ letter }} is missing; put it where the letter should go")
    if wrong:
        known = ", ".join((*BLOCKS, *INLINE))
        raise InputError(f"{name}: {'; '.join(wrong)}. The fields are {known}.")
    heading = _heading_style(found.get("word/styles.xml", b""))
    of_letter = {name: found.pop(name) for name in (_PROPERTIES,) if name in found}
    return WordTemplate(name, parts, drafts, of_letter, _packed(found), heading)


def _unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        first = sorted(source.namelist(), key=lambda n: (n != "[Content_Types].xml", n))
        return {name: source.read(name) for name in first}


def _heading_style(styles: bytes) -> str:
    """Return the id of the first heading's style: it has another one in each language of Word."""
    for style in re.findall(rb"<w:style [^>]*>.*?</w:style>", styles, re.DOTALL):
        if re.search(rb'<w:name w:val="heading 1"/>', style, re.IGNORECASE):
            return re.search(rb'w:styleId="([^"]*)"', style)[1].decode()  # type: ignore[index]
    return ""


def _cut_out(root: Any, where: str, wrong: list[str]) -> set[str]:
    """Put a hole in the place of each field; add what is wrong with it, and where."""
    fields: set[str] = set()
    for number, paragraph in enumerate(list(root.iter(f"{{{_W}}}p")), 1):
        texts = [t for t in paragraph.iter(f"{{{_W}}}t") if _of(t) is paragraph]
        whole_text = "".join(t.text or "" for t in texts)
        found = []
        for tag in _TAG.finditer(whole_text):
            field = _FIELD.fullmatch(tag[0])
            place = f"{where}paragraph {number}"
            if field is None:
                wrong.append(f"{place}: {tag[0][:40]} is not a field; a field is {{{{ name }}}}")
            elif field[1] not in INLINE and field[1] not in BLOCKS:
                wrong.append(f"{place}: there is no field {{{{ {field[1]} }}}}")
            elif field[1] in BLOCKS and (where or whole_text.strip() != tag[0]):
                wrong.append(f"{place}: {tag[0]} stands alone in a paragraph of the text")
            else:
                fields.add(field[1])
                found.append((tag.start(), tag.end(), field[1]))
        for start, end, name in reversed(found):
            if name in BLOCKS:
                _replace_by_block(paragraph, name)
            else:
                _replace_by_hole(texts, start, end, name)
    return fields


def _of(text: Any) -> Any:
    """Return the paragraph that a text belongs to: a text box has paragraphs inside a paragraph."""
    return next(one for one in text.iterancestors() if one.tag == f"{{{_W}}}p")


def _replace_by_block(paragraph: Any, name: str) -> None:
    from lxml import etree

    hole = etree.SubElement(paragraph.getparent(), f"{{{_W}}}p")
    run = etree.SubElement(hole, f"{{{_W}}}r")
    etree.SubElement(run, f"{{{_W}}}t").text = f"\ue002{name}\ue003"
    paragraph.getparent().replace(paragraph, hole)


def _replace_by_hole(texts: list[Any], start: int, end: int, name: str) -> None:
    """Cut a field out of the texts over which Word has spread it; its hole has the first one's format."""
    from lxml import etree

    at = 0
    for text in texts:
        words = text.text or ""
        first, last = max(start - at, 0), min(end - at, len(words))
        if first < len(words) and last > 0 and first < last:
            text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            if at <= start:
                run = text.getparent()
                rest = deepcopy(run)
                behind = list(rest)[list(run).index(text)]
                text.text, behind.text = words[:first], words[last:]
                for one in list(run)[list(run).index(text) + 1 :]:
                    run.remove(one)
                for one in list(rest)[: list(rest).index(behind)]:
                    if one.tag != f"{{{_W}}}rPr":
                        rest.remove(one)
                hole = etree.Element(f"{{{_W}}}r")
                if (props := run.find(f"{{{_W}}}rPr")) is not None:
                    hole.append(deepcopy(props))
                    for change in hole.iter(f"{{{_W}}}rPrChange"):
                        change.getparent().remove(change)
                etree.SubElement(hole, f"{{{_W}}}t").text = f"\ue000{name}\ue001"
                run.addnext(rest)
                run.addnext(hole)
                for one in (run, rest):
                    if not any(each.text or each.tag not in _NO_WORDS for each in one):
                        one.getparent().remove(one)
            else:
                text.text = words[:first] + words[last:]
        at += len(words)


def _pieces(root: Any) -> tuple[str | Hole, ...]:
    from lxml import etree

    xml = etree.tostring(root, encoding="unicode")
    found: list[str | Hole] = []
    end = 0
    for match in _HOLE.finditer(xml):
        found.append(xml[end : match.start()])
        found.append(Hole(match["name"] or match["block"], match["props"] or ""))
        end = match.end()
    return (*found, xml[end:])


# --- filling it ---------------------------------------------------------------------------------


def filled(page: dict, template: WordTemplate) -> bytes:
    """Return the DOCX of a letter's layout in a template that was read."""
    parts = template.drafts if page["draft"] else template.parts
    blocks = _blocks(page, template.heading)
    lines = _lines(page)
    found = {name: _properties(content, page) for name, content in template.rest.items()}
    for name, content in parts.items():
        xml = "".join(
            piece
            if isinstance(piece, str)
            else blocks[piece.name]()
            if piece.name in blocks
            else _joined(lines[piece.name], piece.props)
            for piece in content
        )
        found[name] = f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{xml}'.encode()
    return _packed(found, template.packed)


def _packed(parts: dict[str, bytes], before: bytes = b"") -> bytes:
    """Return a ZIP of the parts, after those that are packed already; equal parts are equal bytes."""
    out = io.BytesIO(before)
    with zipfile.ZipFile(out, "a") as target:
        for name, content in sorted(parts.items(), key=_types_first):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            target.writestr(entry, content, compresslevel=3)
    return out.getvalue()


def _types_first(part: tuple[str, bytes]) -> tuple[bool, str]:
    return part[0] != "[Content_Types].xml", part[0]


def _properties(content: bytes, page: dict) -> bytes:
    """Return the document's properties with the letter's title, and no time of writing."""
    title = escape(page["subject"]).encode()
    content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", b"2000-01-01T00:00:00", content)
    return re.sub(
        rb"<dc:title>.*?</dc:title>|<dc:title/>", lambda _: b"<dc:title>" + title + b"</dc:title>", content
    )  # fmt: skip


def _lines(page: dict) -> dict[str, list[list[dict]]]:
    """Return the lines of each field that stands in a line."""
    text = {name: page[name] for name in ("date", "subject", "salutation", "closing")}
    text["identifiers"] = page["footer"]
    return {
        "name": page["name"],
        "sender": [_between(page["sender"], "  ·  ")],
        "sent_by": page["sent_by"],
        "addressee": page["addressee"],
        "signature": page["signature"],
        "copies": [_between(page["copies"], "; ")],
    } | {name: [[_plain(words)]] for name, words in text.items()}


def _plain(words: str) -> dict:
    return {"text": words, "gap": False, "rtl": False}


def _between(lines: list[list[dict]], joint: str) -> list[dict]:
    found: list[dict] = []
    for line in lines:
        found += ([_plain(joint)] if found else []) + line
    return found


_MARK = "\N{LEFT-TO-RIGHT MARK}"


def _joined(lines: Iterable[list[dict]], props: str) -> str:
    """Return lines of runs in a format; a gap is marked, and every other text is literal."""
    return _run("\n", props).join("".join(_runs(line, props)) for line in lines)


def _runs(line: list[dict], props: str) -> Iterator[str]:
    for run in line:
        if run["gap"]:
            yield _run(run["text"], _props(color="6B4400", shade="FFF3BF"))
        elif run["rtl"]:  # a mark on both sides keeps what stands beside it in its place
            yield _run(_MARK, props) + _run(run["text"], _rightward(props)) + _run(_MARK, props)
        else:
            yield _run(run["text"], props)


def _rightward(props: str) -> str:
    """Return the format with the mark of a script from right to left, where Word wants it."""
    inside = re.sub(r"^<w:rPr/?>|</w:rPr>$", "", props)
    behind = re.search(r"<w:(cs|em|lang|eastAsianLayout|specVanish|oMath|rPrChange)\b", inside)
    at = behind.start() if behind else len(inside)
    return f"<w:rPr>{inside[:at]}<w:rtl/>{inside[at:]}</w:rPr>"


_BREAKS = {"\n": "<w:br/>", "\t": "<w:tab/>"}


def _run(text: str, props: str = "") -> str:
    found = "".join(
        _BREAKS.get(piece) or f'<w:t xml:space="preserve">{escape(piece)}</w:t>'
        for piece in re.split("([\n\t])", text)
        if piece
    )
    return f"<w:r>{props}{found}</w:r>" if found else ""


def _props(*, bold: bool = False, color: str = "", size: float = 0, shade: str = "") -> str:
    """Return the format of a run, in the order that Word wants."""
    found = "<w:b/>" if bold else ""
    found += f'<w:color w:val="{color}"/>' if color else ""
    found += f'<w:sz w:val="{size * 2:.0f}"/><w:szCs w:val="{size * 2:.0f}"/>' if size else ""
    found += f'<w:shd w:val="clear" w:color="auto" w:fill="{shade}"/>' if shade else ""
    return f"<w:rPr>{found}</w:rPr>" if found else ""


# --- the letter itself --------------------------------------------------------------------------

_AFTER_TABLE = '<w:p><w:pPr><w:spacing w:before="0" w:after="0" w:line="120" w:lineRule="exact"/></w:pPr></w:p>'
_ITEM = '<w:tabs><w:tab w:val="left" w:pos="403"/></w:tabs>'
_HANGING = '<w:ind w:left="403" w:hanging="403"/>'
_SMALL = _props(size=10)
_SMALL_QUIET = _props(size=10, color=_QUIET)
_SMALL_HEAD = _props(size=10, bold=True, color=_NAVY)


def _blocks(page: dict, heading: str) -> dict[str, Callable[[], str]]:
    return {
        "letter": lambda: "".join(_letter(page, heading)),
        "reference": lambda: _reference(page),
        "body": lambda: "".join(_section(one, heading) for one in page["sections"]),
        "enclosures": lambda: "".join(_enclosures(page)),
    }


def _letter(page: dict, heading: str) -> Iterator[str]:
    if page["gaps"]:
        words = f"Draft, not to be sent. Still missing: {', '.join(page['gaps'])}."
        yield _paragraph(_run(words, _props(size=9.5, color="8A1C12")))
    yield _paragraph(_run(page["date"]), after=8)
    if page["sent_by"]:
        yield _paragraph(_joined(page["sent_by"], _SMALL_QUIET), after=8)
    yield _paragraph(_joined(page["addressee"], ""), after=12)
    yield _reference(page)
    yield _paragraph(_run(page["salutation"]), before=12, after=8)
    last = len(page["sections"]) - 1
    for n, one in enumerate(page["sections"]):
        yield _section(one, heading, stays=n == last)
    yield _paragraph(_run(page["closing"]), before=6, after=28, stays=True)
    rule = f'<w:pBdr><w:top w:val="single" w:sz="4" w:space="4" w:color="{_QUIET}"/></w:pBdr>'
    yield _paragraph(
        _joined(page["signature"], ""),
        after=14, border=rule, indent='<w:ind w:right="4176"/>', together=True,
    )  # fmt: skip
    yield from _enclosures(page)


def _section(section: dict, heading: str, *, stays: bool = False) -> str:
    """Return a section; `stays`: its last paragraph stands on the page of what follows."""
    found: list[str] = []
    if section["heading"]:
        style = f'<w:pStyle w:val="{heading}"/>' if heading else ""
        props = "" if heading else _props(bold=True)
        found.append(
            _paragraph(_run(section["heading"], props), before=10, after=3, style=style, stays=True)
        )
    number = 0
    paragraphs = section["paragraphs"]
    for n, paragraph in enumerate(paragraphs):
        keeps = (stays or bool(section["rows"])) and n == len(paragraphs) - 1
        number = 0 if paragraph["style"] == "text" else number + 1
        words = _joined([paragraph["runs"]], "")
        if paragraph["style"] == "text":
            found.append(_paragraph(words, stays=keeps))
        else:
            lead = "•" if paragraph["style"] == "item" else f"{number}."
            found.append(_item(lead, words, after=4, stays=keeps))
    if section["rows"]:
        found.append(_rows(section))
        found.append(_AFTER_TABLE)
    return "".join(found)


def _enclosures(page: dict) -> Iterator[str]:
    if page["enclosures"]:
        yield _paragraph(_run(page["enclosures-heading"], _SMALL_HEAD), after=2, stays=True)
    for n, one in enumerate(page["enclosures"], 1):
        yield _item(f"{n}.", _joined([one], _SMALL), props=_SMALL, after=2)
    if page["copies"]:
        words = _run("Copy: ", _SMALL) + _joined([_between(page["copies"], "; ")], _SMALL)
        yield _paragraph(words, before=6)


def _item(lead: str, words: str, *, props: str = "", after: float, stays: bool = False) -> str:
    return _paragraph(
        _run(f"{lead}\t", props) + words, after=after, tabs=_ITEM, indent=_HANGING, stays=stays
    )


def _paragraph(
    runs: str,
    *,
    before: float = 0,
    after: float = 5,
    style: str = "",
    border: str = "",
    tabs: str = "",
    indent: str = "",
    stays: bool = False,
    together: bool = False,
) -> str:
    """Return a paragraph with its format in the order that Word wants; spaces in points."""
    spacing = f'<w:spacing w:before="{before * 20:.0f}" w:after="{after * 20:.0f}"/>'
    keep = "<w:keepNext/>" if stays else ""
    keep += "<w:keepLines/>" if together else ""
    return f"<w:p><w:pPr>{style}{keep}{border}{tabs}{spacing}{indent}</w:pPr>{runs}</w:p>"


def _reference(page: dict) -> str:
    subject = _run(f"RE: {page['subject']}", _props(size=11.5, bold=True))
    rows = [_row([(subject, 9144, 2)])]
    for line in page["reference"]:
        label = _run(line["label"], _props(size=10.5, color=_QUIET))
        value = _joined([line["value"]], _props(size=10.5))
        rows.append(_row([(label, 1944, 1), (value, 7200, 1)]))
    bar = f'<w:left w:val="single" w:sz="18" w:space="0" w:color="{_NAVY}"/>'
    return _table(rows, (1944, 7200), bar)


def _rows(section: dict) -> str:
    across = sum(section["widths"])
    widths = [round(9360 * width / across) for width in section["widths"]]
    head = _props(size=10, bold=True, color=_NAVY)
    titles = [(_run(t, head), w, 1) for t, w in zip(section["columns"], widths, strict=True)]
    rows = [_row(titles, heads=True)]
    for cells in section["rows"]:
        rows.append(
            _row([(_joined([c], _SMALL), w, 1) for c, w in zip(cells, widths, strict=True)])
        )
    edge = f'w:val="single" w:sz="8" w:space="0" w:color="{_NAVY}"'
    inner = f'<w:insideH w:val="single" w:sz="4" w:space="0" w:color="{_RULE}"/>'
    return _table(rows, widths, f"<w:top {edge}/><w:bottom {edge}/>{inner}")


def _table(rows: list[str], widths: Iterable[int], borders: str) -> str:
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblBorders>{borders}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>{grid}</w:tblGrid>{"".join(rows)}</w:tbl>'
    )


def _row(cells: list[tuple[str, int, int]], *, heads: bool = False) -> str:
    found = "".join(
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>'
        + (f'<w:gridSpan w:val="{span}"/>' if span > 1 else "")
        + f"</w:tcPr>{_paragraph(runs, before=1, after=1)}</w:tc>"
        for runs, width, span in cells
    )
    head = "<w:tblHeader/>" if heads else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{found}</w:tr>"


# Word's own form of a watermark: a text path behind the text, in the header of every page.
_WATERMARK = f"""
<w:p xmlns:w="{_W}"
     xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office">
 <w:pPr><w:spacing w:after="0"/></w:pPr>
 <w:r><w:rPr><w:b/><w:color w:val="B3261E"/><w:sz w:val="18"/></w:rPr>
  <w:t>{DRAFT}: not to be sent</w:t></w:r>
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
   <v:textpath style="font-family:&quot;Arial&quot;;font-size:1pt" string="{DRAFT}"/>
  </v:shape>
 </w:pict></w:r>
</w:p>
"""

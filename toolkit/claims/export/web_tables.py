"""Tables of web pages and of 2003 XML workbooks, which many systems write and name .xls, become grids."""

import re
from pathlib import Path

from lxml import etree, html

from toolkit.claims.export.grids import Grid
from toolkit.errors import ExportError

_MOST_BYTES = 256 << 20
_MOST_CELLS = 20_000_000
_MOST_SPAN = 100_000
_MARKUP = (b"<!doctype html", b"<html", b"<table", b"<head", b"<body", b"<meta", b"<div", b"<style")
_SPREADSHEET = b"urn:schemas-microsoft-com:office:spreadsheet"
_BLANKS = re.compile(r"[\s\xa0]+")


def is_web_table(head: bytes) -> bool:
    """Return whether a file begins as a web page or as a 2003 XML workbook."""
    start = _plain(head).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(_MARKUP) or (start.startswith(b"<?xml") and _is_markup(start))


def grids(path: Path) -> list[Grid]:
    """Return the tables of a page, or the sheets of a 2003 XML workbook, as grids.

    A table that only arranges other tables is left out. Raises ExportError if there is none, or the
    file is damaged or too large.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ExportError(f"{path.name}: is too large for a web page; export the table as CSV")
    data = path.read_bytes()
    try:
        if _SPREADSHEET in _plain(data[: 1 << 16]).lower():
            found, kind = _sheets(data), "sheet"
        else:
            found, kind = _tables(data), "table"
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, RecursionError):
        raise ExportError(
            f"{path.name}: cannot be read as a page with a table; export the table as CSV"
        ) from None
    found = [(rows, merged) for rows, merged in found if any(any(row) for row in rows)]
    if not found:
        raise ExportError(
            f"{path.name}: is a web page or XML without a table; export the table as CSV or XLSX"
        )
    return [
        Grid(rows, f"{kind} {at}" if len(found) > 1 else "", merged=tuple(merged))
        for at, (rows, merged) in enumerate(found, start=1)
    ]


def _plain(head: bytes) -> bytes:
    """Return the beginning of a text without the zero bytes that UTF-16 puts between its letters."""
    return head.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").replace(b"\x00", b"")


def _is_markup(start: bytes) -> bool:
    return _SPREADSHEET in start or any(mark in start[:2000] for mark in (b"<html", b"<table"))


def _tables(data: bytes) -> list[tuple]:
    parser = html.HTMLParser(no_network=True, huge_tree=False, remove_comments=True)
    page = html.document_fromstring(data, parser=parser)
    etree.strip_elements(page, "script", "style", with_tail=False)
    leaves = [table for table in page.iter("table") if table.find(".//table") is None]
    return [_laid_out(_rows_of(table)) for table in leaves]


def _rows_of(table) -> list[list[tuple[str, int, int]]]:
    """Return each row's cells as (text, columns, rows) that the cell fills."""
    return [
        [
            (_text(cell), _span(cell.get("colspan")), _span(cell.get("rowspan")))
            for cell in row
            if cell.tag in ("td", "th")
        ]
        for row in table.iter("tr")
    ]


def _text(cell) -> str:
    for line in cell.iter("br", "p", "div"):
        line.tail = f" {line.tail or ''}"
    return _BLANKS.sub(" ", "".join(cell.itertext())).strip()


def _span(said: str | None) -> int:
    return max(1, min(int(said), _MOST_SPAN)) if said and said.strip().isdigit() else 1


def _sheets(data: bytes) -> list[tuple]:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, recover=True, load_dtd=False
    )
    book = etree.fromstring(data, parser=parser)
    found = []
    for sheet in book.iter("{*}Worksheet"):
        rows: list[list[tuple[str, int, int]]] = []
        for row in sheet.iter("{*}Row"):
            at = _span(_said(row, "Index")) if _said(row, "Index") else len(rows) + 1
            if at - len(rows) > _MOST_SPAN:
                raise ValueError("a row is far away")
            rows += [[] for _ in range(at - 1 - len(rows))]
            rows.append(_cells_of(row))
        found.append(_laid_out(rows))
    return found


def _cells_of(row) -> list[tuple[str, int, int]]:
    cells: list[tuple[str, int, int]] = []
    width = 0
    for cell in row.iter("{*}Cell"):
        index = _said(cell, "Index")
        gap = _span(index) - 1 - width if index else 0
        cells += [("", 1, 1)] * max(0, gap)
        across = _span(_said(cell, "MergeAcross")) + 1 if _said(cell, "MergeAcross") else 1
        down = _span(_said(cell, "MergeDown")) + 1 if _said(cell, "MergeDown") else 1
        text = "".join("".join(part.itertext()) for part in cell.iter("{*}Data"))
        cells.append((_BLANKS.sub(" ", text).strip(), across, down))
        width += max(0, gap) + across
    return cells


def _said(element, name: str) -> str | None:
    return next((v for k, v in element.attrib.items() if k.rpartition("}")[2] == name), None)


def _laid_out(rows: list[list[tuple[str, int, int]]]) -> tuple[list[list[str]], list[tuple]]:
    """Return the rows with each cell in its column, and the ranges that cells fill."""
    out: list[list[str]] = []
    merged = []
    below: dict[int, int] = {}  # column -> last row that a cell from above fills
    count = 0
    for top, cells in enumerate(rows):
        line: list[str] = []
        for text, across, down in cells:
            while below.get(len(line), -1) >= top:
                line.append("")
            left = len(line)
            count += across
            if count > _MOST_CELLS:
                raise ValueError("more cells than a page holds")
            line += [text, *[""] * (across - 1)]
            if across > 1 or down > 1:
                bottom = min(top + down, len(rows)) - 1
                merged.append((top, left, bottom, left + across - 1))
                if down > 1:
                    below |= dict.fromkeys(range(left, left + across), bottom)
        out.append(line)
    return out, merged

"""A table as it is in a file, before any of its headings is known: rows of cells, all as text.

Workbooks, web pages and text files that no fast reader can be trusted with all become grids, so
that headings, short rows, totals and the like are judged in one place whatever the format.
"""

from dataclasses import dataclass

# (row or None, column, code, says): a finding about the file itself, see `toolkit.claims.columns.Notes`.
Note = tuple[int | None, str, str, str]


@dataclass(frozen=True)
class Grid:
    """One table of a file: a sheet of a workbook, a table of a page, or the lines of a text.

    `rows` may be of different lengths. `name` says which table it is ('sheet 2', 'table 1') without
    the file's own words, which may name a patient; it is empty where the file has only one.
    `first_row` is the number a person sees beside `rows[0]`. `merged` are ranges of merged cells as
    (top, left, bottom, right), counted from 0 within `rows`; only the first cell holds the text.
    `hidden` is true for a sheet that a person does not see.
    """

    rows: list[list[str]]
    name: str = ""
    first_row: int = 1
    serial_dates: bool = False
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden: bool = False
    notes: tuple[Note, ...] = ()

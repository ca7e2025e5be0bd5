"""A table as it is in a file, before any of its headings is known: rows of cells, all as text.

Workbooks, web pages and text files that no fast reader can be trusted with all become grids, so
that headings, short rows, totals and the like are judged in one place whatever the format.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

# (row or None, column, code, says): a finding about the file itself, see `toolkit.claims.export.columns.Notes`.
Note = tuple[int | None, str, str, str]


@dataclass(frozen=True)
class Tally:
    """A finding that is given once for many rows: how many, the first, and its words.

    `says` has `{rows}` where the count goes. Tallies of parts of a file add up to the file's.
    """

    column: str
    code: str
    says: str
    rows: int
    first: int

    @property
    def note(self) -> Note:
        """The finding as it is shown, on the first of its rows."""
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return self.first, self.column, self.code, self.says.format(rows=rows)


def tally(rows: Sequence[int], column: str, code: str, says: str) -> Tally:
    """Return the tally of some rows, of which there is at least one; `says` follows the count."""
    said = says.replace("{", "").replace("}", "")
    return Tally(column, code, f"{{rows}} {said}; this is the first", len(rows), int(rows[0]))


def added(tallies: Iterable[Tally]) -> list[Tally]:
    """Return tallies of parts added up."""
    total: dict[tuple[str, str, str], Tally] = {}
    for one in tallies:
        key = (one.column, one.code, one.says)
        other = total.get(key, replace(one, rows=0))
        total[key] = replace(one, rows=one.rows + other.rows, first=min(one.first, other.first))
    return list(total.values())


@dataclass(frozen=True)
class Grid:
    """One table of a file: a sheet of a workbook, a table of a page, or the lines of a text.

    `rows` may be of different lengths. `name` says which table it is ('sheet 2', 'table 1') without
    the file's own words, which may name a patient; it is empty if the file has only one.
    `first_row` is the number a person sees beside `rows[0]`. `serial_dates` says that a date may be a
    count of days, since 1904 where `epoch_1904`. `merged` are ranges of merged cells as
    (top, left, bottom, right), counted from 0 within `rows`; only the first cell holds the text.
    `hidden` is true for a sheet that a person does not see.
    """

    rows: list[list[str]]
    name: str = ""
    first_row: int = 1
    serial_dates: bool = False
    epoch_1904: bool = False
    merged: tuple[tuple[int, int, int, int], ...] = ()
    hidden: bool = False
    notes: tuple[Note, ...] = ()

"""The hospital's own small tables (payers.csv, providers.csv): headings, rows and their cells."""

import csv
import io
from pathlib import Path

from toolkit.errors import InputError
from toolkit.hospital.heading_words import keys


def read_table(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the headings of a small CSV of the hospital's own, and its rows with their numbers.

    Cells may be separated by commas, semicolons or tabs. Rows without any cell are left out.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
    except csv.Error:
        raise InputError(
            f"{path.name}, row {reader.line_num}: a quote is not closed; close or delete it"
        ) from None
    filled = [(number, row) for number, row in rows if any(cell.strip() for cell in row)]
    if not filled:
        raise InputError(f"{path.name}: has no rows; give it headings, and a row for each entry")
    return filled[0][1], filled[1:]


def columns_of(
    headings: list[str], names: tuple[str, ...], file: str
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the places of our columns among the headings, and the headings that are none of them."""
    wanted = {keys(name)[0]: name for name in names}
    places: dict[str, int] = {}
    others = []
    for place, heading in enumerate(headings):
        name = next((wanted[key] for key in keys(heading) if key in wanted), None)
        if name is None:
            others.append(heading.strip())
        elif name in places:
            raise InputError(f"{file}, row 1: two columns are called {name}; delete or rename one")
        else:
            places[name] = place
    return places, tuple(filter(None, others))


def cell_at(row: list[str], place: int | None) -> str:
    """Return a cell without blanks around it; '' if the row or the table does not have it."""
    return row[place].strip() if place is not None and place < len(row) else ""

"""Rows of a report that are not claims: totals, banners, repeated headings, page ends."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.sheets import Cells, Sheet

# A claim number has none of these words; a row that has one where its number would be sums up others.
_SUMS = (
    r"(?i)\b(sub|grand)?[\s\-_]*totals?\b|^\W*(sum|count|average|avg|mean|overall)\b"
    r"|^\W*(number|no\.?|#)\s+of\b|\b(records?|rows?|claims?|denials?)\s*:?\s*\d+\s*$"
)
_ENDS = (
    r"(?i)^\W*page\s+\d+(\s+of\s+\d+)?\W*$|^\W*(printed|report run|run date|run time|generated|created|end of)\b"
    r"|^\W*(confidential|filters? applied|parameters?)\b"
)


def sums_at(sheet: Sheet, among: np.ndarray) -> np.ndarray:
    """Return which of the rows `among` hold the word of a sum in any of their cells that are read."""
    found = np.zeros(len(sheet.rows), dtype=bool)
    if among.any():
        for cells in sheet.columns.values():
            found |= sums(cells)
    return found & among


def sums(cells: Cells) -> np.ndarray:
    """Return which rows hold the word of a sum, such as `Total: 2 claims` or `Grand total`."""
    return _rows_where(cells, _matches(cells, _SUMS))


def banners_at(sheet: Sheet, nameless: np.ndarray) -> np.ndarray:
    """Return which rows are a banner or a page end: one cell of words and nothing else.

    `nameless` rows are banners with any one cell; a row whose only cell is in the claim number's
    place is one if that cell has several words and no digit, or is a page end.
    """
    filled = np.zeros(len(sheet.rows), dtype=np.int64)
    for cells in sheet.columns.values():
        filled += cells.codes >= 0
    found = nameless & (filled == 1)
    alone = ~nameless & (filled == 1)
    if not (filled <= 2).any():
        return found
    ends = np.zeros(len(sheet.rows), dtype=bool)
    for cells in sheet.columns.values():
        ends |= _rows_where(cells, _matches(cells, _ENDS))
        if alone.any():
            words = _matches(cells, r"^[^0-9]*[A-Za-z]+[^0-9A-Za-z]+[A-Za-z]+[^0-9]*$")
            found |= alone & _rows_where(cells, words)
    return found | (ends & (filled <= 2))


def words_at(cells: Cells, words: frozenset[str], normal) -> np.ndarray:
    """Return which rows hold one of the words, as `normal` writes them."""
    return _rows_where(cells, [normal(value) in words for value in cells.values])


def headings_at(cells: Cells, headings: list[str]) -> np.ndarray:
    """Return which rows hold a heading in place of a content."""
    known = pa.array({h.strip().casefold() for h in headings} - {""}, pa.large_string())
    values = pc.utf8_lower(cells.texts)
    return _rows_where(cells, pc.is_in(values, value_set=known))


def _matches(cells: Cells, pattern: str) -> pa.Array:
    return pc.match_substring_regex(cells.texts, pattern)


def _rows_where(cells: Cells, hit) -> np.ndarray:
    return np.append(np.asarray(hit, dtype=bool), False)[cells.codes]

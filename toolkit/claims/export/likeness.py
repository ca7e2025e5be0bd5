"""Which of our columns a heading that no layout knows may stand for: proposals, never read as such."""

from collections.abc import Collection
from typing import NamedTuple

from rapidfuzz import fuzz, process

from toolkit.claims.export.layouts import COLUMNS, Layout
from toolkit.hospital.heading_words import keys

LIKELY = 80  # of 100: from here on a heading is worth a person's look


class Guess(NamedTuple):
    """A column that a heading may stand for, the heading that it is like, and how like of 100."""

    column: str
    heading: str
    score: int


def likely(chosen: Layout, heading: str, *, columns: Collection[str] = COLUMNS) -> list[Guess]:
    """Return the columns that a heading may stand for, the likeliest first, one guess a column.

    Headings are compared with their abbreviations written out and their words in any order.
    """
    known = {
        listed: (column, _words(listed))
        for table in (chosen.columns, chosen.from_memory)
        for column, headings in table.items()
        if column in columns
        for listed in headings
    }
    found = process.extract(
        _words(heading),
        {listed: words for listed, (_, words) in known.items()},
        scorer=fuzz.token_sort_ratio,
        score_cutoff=LIKELY,
        limit=None,
    )
    best: dict[str, Guess] = {}
    for _, score, listed in found:  # the best come first
        column = known[listed][0]
        best.setdefault(column, Guess(column, listed, round(score)))
    return list(best.values())


def _words(heading: str) -> str:
    return " ".join(
        word for key in keys(heading)[-1:] for word in (*key.words, *sorted(key.anywhere))
    )

"""Which of our columns a heading that no layout knows may stand for: proposals, never read as such."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from rapidfuzz import fuzz, process

from toolkit.hospital.heading_words import keys

LIKELY = 80  # of 100: from here on a heading is worth a person's look


class Guess(NamedTuple):
    """A column that a heading may stand for, the heading that it is like, and how like of 100."""

    column: str
    heading: str
    score: int


def likely(
    listed: Iterable[tuple[str, str]], heading: str, *, columns: Collection[str] | None = None
) -> list[Guess]:
    """Return the columns that a heading may stand for, the likeliest first, one guess a column.

    `listed` are the known headings, each after its column (`Layout.listed`); of these `columns` alone
    where they are given.

    Headings are compared with their abbreviations written out and their words in any order.
    """
    known = {
        known_as: (column, _words(known_as))
        for column, known_as in listed
        if columns is None or column in columns
    }
    found = process.extract(
        _words(heading),
        {known_as: words for known_as, (_, words) in known.items()},
        scorer=fuzz.token_sort_ratio,
        score_cutoff=LIKELY,
        limit=None,
    )
    best: dict[str, Guess] = {}
    for _, score, known_as in found:  # the best come first
        column = known[known_as][0]
        best.setdefault(column, Guess(column, known_as, round(score)))
    return list(best.values())


def _words(heading: str) -> str:
    return " ".join(
        word for key in keys(heading)[-1:] for word in (*key.words, *sorted(key.anywhere))
    )

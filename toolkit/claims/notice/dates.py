"""Days in running text: where they stand, and the other day that a numeric date could be."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Literal, NamedTuple

_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_MONTH = rf"(?:{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _NAMES)}|sept)\.?"
_NTH = r"(?:st|nd|rd|th)?"
_ISO = re.compile(r"(?<![\w/.-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\w/-])")
_NUMERIC = re.compile(
    r"(?<![\w/.-])(\d{1,2})\s?([/.-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\w/-]|\.\d)"
)
_US = re.compile(rf"(?<!\w)({_MONTH})\s*(\d{{1,2}}){_NTH}\s*,?\s+(\d{{4}})(?!\w)", re.IGNORECASE)
_DAY_FIRST = re.compile(
    rf"(?<!\w)(\d{{1,2}}){_NTH}(?:\s+(?:day\s+)?of)?[\s-]+({_MONTH})[\s,-]+(\d{{4}}|\d{{2}})(?!\w)",
    re.IGNORECASE,
)
_SPAN = re.compile(r"\s*(?:-|–|—|to|through|thru|until|and)\s*", re.IGNORECASE)

Order = Literal["month_first", "day_first", "mixed", ""]


class Found(NamedTuple):
    """A day in a text and where it stands; `other` is the day that it could be as well."""

    day: date
    start: int
    end: int
    other: date | None = None


class Dates(NamedTuple):
    """The days of a text in their order, and how many dates in it cannot be."""

    found: tuple[Found, ...]
    impossible: int


def order_of(texts: Iterable[str]) -> Order:
    """Return which comes first in the numeric dates of a letter: 'mixed' for both, '' if none says.

    A date whose first number is above 12 can only be day first, one whose second is can only be month
    first; so does one that the letter writes in words too.
    """
    texts = list(texts)
    worded = {one.day for text in texts for one in find_dates(text, "").found if one.other is None}
    seen: set[Order] = set()
    for text in texts:
        for match in _NUMERIC.finditer(text):
            first, second, year = int(match[1]), int(match[3]), _year(match[4])
            month_first, day_first = _day(year, first, second), _day(year, second, first)
            if month_first and not day_first:
                seen.add("month_first")
            elif day_first and not month_first:
                seen.add("day_first")
            elif month_first != day_first and {month_first, day_first} & worded:
                seen.add("month_first" if month_first in worded else "day_first")
    if len(seen) > 1:
        return "mixed"
    return seen.pop() if seen else ""


def find_dates(text: str, order: Order) -> Dates:
    """Return the days of a text. A numeric date that fits both orders has the other day beside it,
    unless `order` (that of the whole letter) settles it: month first, as US letters write them,
    where nothing says which.
    """
    found: dict[int, Found] = {}
    impossible = 0
    worded = [(m, _year(m[3]), _month(m[1]), int(m[2])) for m in _US.finditer(text)]
    worded += [(m, _year(m[3]), _month(m[2]), int(m[1])) for m in _DAY_FIRST.finditer(text)]
    worded += [(m, int(m[1]), int(m[2]), int(m[3])) for m in _ISO.finditer(text)]
    for match, year, month, number in worded:
        day = _day(year, month, number)
        impossible += day is None
        if day and not any(one.start <= match.start() < one.end for one in found.values()):
            found[match.start()] = Found(day, match.start(), match.end())
    for match in _NUMERIC.finditer(text):
        first, second, year = int(match[1]), int(match[3]), _year(match[4])
        days = {"month_first": _day(year, first, second), "day_first": _day(year, second, first)}
        meant = days["day_first" if order == "day_first" else "month_first"]
        other = days["month_first" if order == "day_first" else "day_first"]
        if meant is None:
            meant, other = other, None
        if meant is None:
            impossible += 1
            continue
        settled = order in ("month_first", "day_first") or meant == other
        found[match.start()] = Found(meant, match.start(), match.end(), None if settled else other)
    return Dates(tuple(found[at] for at in sorted(found)), impossible)


def ranges(text: str, dates: tuple[Found, ...]) -> dict[int, Found]:
    """Return the last day of each range of days ("03/01/2026 - 03/05/2026"), by where it begins."""
    found = {}
    for one, following in zip(dates, dates[1:], strict=False):
        if _SPAN.fullmatch(text[one.end : following.start]) and following.day >= one.day:
            found[one.start] = following
    return found


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _month(text: str) -> int:
    return next(at for at, name in enumerate(_NAMES, 1) if name[:3] == text[:3].lower())


def _day(year: int, month: int, number: int) -> date | None:
    try:
        day = date(year, month, number)
    except ValueError:
        return None
    return day if 1900 <= year < 2100 else None

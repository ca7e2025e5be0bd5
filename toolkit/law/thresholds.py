"""Amounts in controversy, by the calendar year in which a request is filed."""

from datetime import date, timedelta
from functools import cache

import msgspec

from toolkit.rules import RULES, read


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whole dollars that must be in dispute for requests filed in `year`."""

    year: int
    alj_hearing: int
    judicial_review: int
    source: str
    verified_on: date
    status: str


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every year on file."""

    citation: str
    governs: tuple[str, ...]
    years: tuple[Threshold, ...]


@cache
def thresholds() -> Thresholds:
    """Return the amounts in controversy on file."""
    return read(RULES / "thresholds" / "amount_in_controversy.yaml", Thresholds)


def amount_warnings(kind: str, *, first: date, last: date, amount: float | None) -> tuple[str, ...]:
    """Return what to know of the amount in dispute for a request filed between the two days.

    The threshold is that of the year of filing: where the window crosses 31 December, both years
    are told.
    """
    by_year = {one.year: one for one in thresholds().years}
    said = []
    for year in range(first.year, last.year + 1):
        if year not in by_year:
            said.append(
                f"No amount in controversy is on file for requests filed in {year}: look it up."
            )
            continue
        on_file = by_year[year]
        dollars = getattr(on_file, kind)
        mark = " (from memory, not verified)" if on_file.status == "M" else ""
        text = (
            f"A request filed in {year} needs at least ${dollars:,} in controversy{mark}: "
            f"{on_file.source}."
        )
        if amount is not None and amount < dollars:
            text += " The amount given is below it: aggregate with similar claims, or it will be dismissed."
        said.append(text)
    return tuple(said)


def last_day_that_counts(
    kind: str, *, first: date, last: date, amount: float
) -> tuple[date, str, str] | None:
    """Return the last day between the two on which `amount` is enough, why, and the citation.

    None where no threshold rises past the amount in that time. The day is a 31 December: the
    threshold is that of the year in which the request is filed.
    """
    by_year = {one.year: one for one in thresholds().years}
    for year in range(first.year, last.year):
        if year not in by_year or year + 1 not in by_year:
            continue
        now, then = (getattr(by_year[one], kind) for one in (year, year + 1))
        if now <= amount < then:
            why = (
                f"last day on which the amount in dispute is enough: ${now:,} for requests filed in "
                f"{year}, ${then:,} from the day after ({by_year[year + 1].source})"
            )
            return date(year + 1, 1, 1) - timedelta(days=1), why, thresholds().citation
    return None

"""Amounts in controversy, by the calendar year in which a request is filed."""

from datetime import date
from functools import cache

import msgspec

from toolkit.law.model import Together
from toolkit.rules import RULES, Sourced, read


class Threshold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whole dollars that must be in dispute for requests filed in `year`."""

    year: int
    alj_hearing: int
    judicial_review: int
    source: str
    verified_on: date
    status: str


class UnknownYear(Sourced, frozen=True, kw_only=True):
    """The factor by which an unknown year's amount may differ from the nearest known one."""

    times: int


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every year on file."""

    citation: str
    governs: tuple[str, ...]
    unknown_year: UnknownYear
    together: Together
    years: tuple[Threshold, ...]


@cache
def thresholds() -> Thresholds:
    """Return the amounts in controversy on file."""
    return read(RULES / "thresholds" / "amount_in_controversy.yaml", Thresholds)


def between(kind: str, year: int) -> tuple[int, int]:
    """Return the lowest and highest amount the year may require; equal if the year is on file."""
    on_file = {one.year: getattr(one, kind) for one in thresholds().years}
    if year in on_file:
        return on_file[year], on_file[year]
    nearest = [max((one for one in on_file if one < year), default=None)]
    nearest += [min((one for one in on_file if one > year), default=None)]
    dollars = [on_file[one] for one in nearest if one is not None]
    times = thresholds().unknown_year.times
    return min(dollars) // times, max(dollars) * times


def telling_dollars(kind: str) -> frozenset[int]:
    """Return the amounts at which an answer may change, including those of unknown years."""
    on_file = [one.year for one in thresholds().years]
    return frozenset(
        dollars
        for year in range(min(on_file) - 1, max(on_file) + 2)
        for dollars in between(kind, year)
    )


def amount_warnings(kind: str, *, first: date, last: date, amount: float | None) -> tuple[str, ...]:
    """Return warnings about the amount in dispute for a request filed between the two days.

    The threshold is that of the year of filing: where the window crosses 31 December, both years
    are named.
    """
    by_year = {one.year: one for one in thresholds().years}
    said = []
    for year in range(first.year, last.year + 1):
        least, most = between(kind, year)
        if year not in by_year:
            text = f"No amount in controversy is on file for requests filed in {year}: look it up."
            if amount is not None and amount >= most:
                text += f" An amount from ${most:,} is assumed to be enough."
            elif year > first.year:
                text += (
                    f" One below ${most:,} may be too little then: file before January 1, {year}."
                )
            else:
                text += f" One below ${most:,} may be too little."
            said.append(text)
            continue
        on_file = by_year[year]
        mark = " (from memory, not verified)" if on_file.status == "M" else ""
        text = (
            f"A request filed in {year} needs at least ${least:,} in controversy{mark}: "
            f"{on_file.source}."
        )
        if amount is not None and amount < least:
            together = thresholds().together
            text += (
                f" The amount given is below it, and a request with it alone will be dismissed. {together.says} "
                f"({together.citation}; mark {together.status})"
            )
        said.append(text)
    return tuple(said)


def last_day_that_counts(
    kind: str, *, first: date, last: date, amount: float
) -> tuple[date, str, str] | None:
    """Return the last day between the two on which `amount` certainly suffices, why, and the citation.

    None if no threshold can rise past the amount in that time. The day is a 31 December: the
    threshold is that of the year in which the request is filed. A year that is not on file may require
    anything in the range of `between`.
    """
    for year in range(first.year, last.year):
        least, most = between(kind, year)[0], between(kind, year + 1)[1]
        if least <= amount < most:
            return date(year, 12, 31), _why_not_later(kind, year), thresholds().citation
    return None


def _why_not_later(kind: str, year: int) -> str:
    """Return why a request should be filed by the end of the year."""
    by_year = {one.year: one for one in thresholds().years}
    now, then = by_year.get(year), by_year.get(year + 1)
    if now and then:
        return (
            f"last day on which the amount in dispute is enough: ${getattr(now, kind):,} for requests "
            f"filed in {year}, ${getattr(then, kind):,} from the day after ({then.source})"
        )
    if now:
        return (
            f"last day on which the amount in dispute is certainly enough: ${getattr(now, kind):,} for "
            f"requests filed in {year}; the amount of {year + 1} is not on file and may be more"
        )
    if then:
        return (
            f"last day before ${getattr(then, kind):,} is needed ({then.source}); the amount of {year} "
            f"is not on file and may be less"
        )
    return f"last day of {year}: neither its amount nor that of {year + 1} is on file, and that may be more"

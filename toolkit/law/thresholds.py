"""Amounts in controversy, by the calendar year in which a request is filed."""

from datetime import date
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

"""Working days and counted time: federal holidays as dated data, months without a corresponding day."""

from calendar import monthrange
from datetime import date, timedelta
from functools import cache

import msgspec

from toolkit.errors import RulesError
from toolkit.law.model import NoCorrespondingDay, Span
from toolkit.rules import RULES, Sourced, read

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)


class _Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    month: int
    day: int | None = None
    weekday: str | None = None
    nth: int | None = None
    first_year: int = 1971

    def on(self, year: int) -> date:
        if self.day:
            return date(year, self.month, self.day)
        if self.weekday is None or self.nth is None:
            raise ValueError("a holiday has a day, or a weekday and which one of its month")
        wanted = _WEEKDAYS.index(self.weekday)
        if self.nth > 0:
            first = date(year, self.month, 1)
            return first + timedelta(days=(wanted - first.weekday()) % 7 + 7 * (self.nth - 1))
        last = date(year, self.month, monthrange(year, self.month)[1])
        return last - timedelta(days=(last.weekday() - wanted) % 7)


class _Calendar(Sourced, frozen=True, kw_only=True):
    holidays: tuple[_Holiday, ...]


@cache
def holidays() -> _Calendar:
    """Return the calendar of federal holidays, with its source."""
    return read(RULES / "calendars" / "federal_holidays.yaml", _Calendar)


@cache
def federal_holidays(year: int) -> dict[date, str]:
    """Return the days of the year kept as federal holidays, dated and observed, with their names."""
    days: dict[date, str] = {}
    for holiday in holidays().holidays:
        for of_year in (
            year - 1,
            year,
            year + 1,
        ):  # 1 January is observed in the year before at times
            if of_year < holiday.first_year:
                continue
            dated = holiday.on(of_year)
            observed = dated + {5: -_DAY, 6: _DAY}.get(dated.weekday(), timedelta())
            if dated.year == year:
                days[dated] = holiday.name
            if observed.year == year and observed != dated:
                days[observed] = f"{holiday.name} (observed)"
    return days


def off_day(day: date) -> str | None:
    """Return why the day is not a working day (Saturday, Sunday, the holiday's name), or None."""
    if day.weekday() >= 5:
        return _WEEKDAYS[day.weekday()].capitalize()
    return federal_holidays(day.year).get(day)


def is_dated_holiday(day: date) -> bool:
    """Return whether the law names this very day a holiday; an observed day is not one."""
    name = federal_holidays(day.year).get(day)
    return bool(name) and not name.endswith("(observed)")


def next_day_neither_weekend_nor_dated_holiday(day: date) -> date:
    """Return the day itself, or the first after it that is neither a weekend day nor a dated holiday."""
    while day.weekday() >= 5 or is_dated_holiday(day):
        day += _DAY
    return day


def next_working_day(day: date) -> date:
    """Return the day itself, or the first working day after it."""
    while off_day(day):
        day += _DAY
    return day


def previous_working_day(day: date) -> date:
    """Return the day itself, or the last working day before it."""
    while off_day(day):
        day -= _DAY
    return day


def count(
    start: date,
    span: Span,
    no_corresponding_day: NoCorrespondingDay | None = None,
) -> date:
    """Return the last day of a span that begins on `start`.

    The start is day 0 unless the span's first day counts. Hours become whole calendar days, as no
    time of day is known. Months and years end on the corresponding day; if the month has no such
    day, the rule must say which day is meant.
    """
    if span.unit == "days":
        return start + timedelta(span.count - span.first_day_counts)
    if span.unit == "hours":
        return start + timedelta(days=-(-span.count // 24))
    if span.unit == "business_days":
        day = start if span.first_day_counts else start + _DAY
        for _ in range(span.count - 1):
            day = next_working_day(day) + _DAY
        return next_working_day(day)
    months = span.count * (12 if span.unit == "years" else 1)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    month += 1
    last = monthrange(year, month)[1]
    if start.day <= last:
        return date(year, month, start.day)
    if no_corresponding_day == "last_day_of_month":
        return date(year, month, last)
    if no_corresponding_day == "first_of_next_month":
        return date(year, month, last) + _DAY
    raise RulesError("a rule counts months and does not say what a month with no such day means")

"""Days as people type them: read when the field is left, and questioned where they cannot be meant."""

import re
from datetime import date

from toolkit.errors import UsageError

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
_NUMBERS = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_WORDS = re.compile(r"([a-z]{3,9})\.? +(\d{1,2}),? +(\d{4})")
# Days that can only be known once they have come.
_OF_A_NOTICE = ("notice_date", "notice_received")
_YEARS = 366  # days


def read_day_of(label: str, text: str) -> date:
    """Return the day in a field (see `read_day`); what is wrong names the field."""
    try:
        return read_day(text)
    except UsageError as error:
        raise UsageError(f"{label}: {error}") from None


def read_day(text: str) -> date:
    """Return the day that a text names: 03/31/2026 (month first), 2026-03-31 or Mar 31, 2026.

    Raises UsageError in words for the user, without the text.
    """
    said = " ".join(text.split()).casefold()
    if found := _ISO.fullmatch(said):
        year, month, day = found.groups()
    elif found := _NUMBERS.fullmatch(said):
        month, day, year = found.groups()
    elif found := _WORDS.fullmatch(said):
        name, day, year = found.groups()
        month = next((at for at, full in enumerate(_MONTHS, 1) if full.startswith(name)), 0)
    else:
        raise UsageError("a date is such as 03/31/2026, with its four-digit year")
    try:
        known = date(int(year), int(month), int(day))
    except ValueError:
        raise UsageError("there is no such day: month, day and year, such as 03/31/2026") from None
    if known.year < 1900:
        raise UsageError("the year is before 1900")
    return known


def typed_day(day: date | None) -> str:
    """Return a day as a field shows it: 03/31/2026; '' for none."""
    return f"{day:%m/%d/%Y}" if day else ""


def doubt(
    name: str,
    day: date,
    *,
    service: date | None,
    early: bool,
    notice: date | None,
    received: date | None,
    today: date,
) -> str:
    """Return why a day is unlikely for a fact, '' where nothing speaks against it.

    `early`: the denial came before the service, and so may its notice. `notice` and `received`: the
    day of the notice and the day it came, as they are known.
    """
    if name in _OF_A_NOTICE:
        if day > today:
            return "this day is still to come"
        if service and day < service and not early:
            return "this day is before the service"
        if name == "notice_received" and notice and day < notice:
            return "this day is before the day of the notice"
        if name == "notice_date" and received and day > received:
            return "this day is after the day the notice was received"
    if name == "birth_date" and day > (service or today):
        return "this day is after the service"
    if (day - today).days > _YEARS:
        return "this day is more than a year ahead"
    if name != "birth_date" and (today - day).days > 20 * _YEARS:
        return "this day is more than twenty years back"
    return ""

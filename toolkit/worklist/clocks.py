"""Many days at once on one clock: the array form of `toolkit.law.dated`.

The rules are law's own objects, and every day is counted, moved and cut by law's own functions,
asked once per distinct day and kept in tables. What is not plain is left to the scalar code: a day
that an event touches, a receipt before the notice, terms of a contract, a rule that says something
this form does not know.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

import numpy as np
from msgspec.structs import fields

from toolkit.law import Clock, ways
from toolkit.law.calendar import count, previous_working_day
from toolkit.law.clock import Way
from toolkit.law.events import closed_days, events_of
from toolkit.law.filing import rolled
from toolkit.law.model import FilingRule
from toolkit.law.thresholds import last_day_that_counts

EPOCH = date(1970, 1, 1)
NO_DAY = np.iinfo(np.int32).min

# Days of the tables; a clock starts at least thirty years before their end.
_FIRST = (date(1890, 1, 1) - EPOCH).days
_DAYS = (date(2140, 1, 1) - EPOCH).days - _FIRST
_LAST_START = (date(2110, 1, 1) - EPOCH).days

# What this form reads of a rule; a rule that states anything else is left to the scalar code.
_READ = frozenset({
    "applies_from", "applies_until", "when", "window", "state_window", "never_before_effective",
    "minimum_amount", "starts", "presumption", "no_corresponding_day", "roll", "readings",
    "selected_by",
})  # fmt: skip
# What changes no date, though it is said beside it.
_SAID = frozenset({
    "filed_when", "by_hour", "opens", "milestones", "warnings", "why", "notice", "citation",
    "source", "verified_on", "status", "after", "runs_from", "filed_with",
})  # fmt: skip


@dataclass(frozen=True)
class Dated:
    """What a clock says on many days: `way` is a number for how, -1 where the scalar code is asked.

    Days of one way took the same steps, and have one answer but for their dates: `last` and `safe` are
    `last_filing_date` and `file_by`, in days from 1970-01-01, the least int32 where there is none.
    The numbers of ways are the clock's own, and stay.
    """

    way: np.ndarray
    last: np.ndarray
    safe: np.ndarray


class Clocks:
    """The array form, with the tables of days that it has asked for so far."""

    def __init__(self) -> None:
        self._tables: dict[Hashable, np.ndarray] = {}
        self._ways: dict[Clock, tuple[Way, ...]] = {}
        self._steps: dict[Clock, dict[Hashable, int]] = {}

    def on(self, clock: Clock, days: np.ndarray, received: np.ndarray) -> Dated:
        """Return what the clock says where it starts on `days`, received on `received` (or NO_DAY)."""
        size = len(days)
        found = Dated(
            np.full(size, -1, np.int32), np.full(size, NO_DAY, np.int32), np.full(size, NO_DAY, np.int32)
        )  # fmt: skip
        if clock.contract is not None:
            return found
        known = (days > _FIRST) & (days < _LAST_START)
        known &= (received == NO_DAY) | ((received >= days) & (received < _LAST_START))
        if clock not in self._ways:
            self._ways[clock] = ways(clock)
            self._steps[clock] = {"any day": 0}
        mine = self._ways[clock]
        if not mine:  # no day changes the answer
            found.way[known] = 0
            return found
        covered = np.zeros(size, np.int8)
        for number, way in enumerate(mine):
            on = days >= _number(way.rule.applies_from)
            if way.rule.applies_until is not None:
                on &= days <= _number(way.rule.applies_until)
            covered += on
            at = np.flatnonzero(on & known)
            if len(at) and _plain(way.rule):
                self._by(clock, number, way, at, days[at], received[at], found)
        found.way[covered != 1] = -1
        return found

    def _by(
        self,
        clock: Clock,
        number: int,
        way: Way,
        at: np.ndarray,
        days: np.ndarray,
        received: np.ndarray,
        found: Dated,
    ) -> None:
        """Fill in the answers of one rule."""
        if way.window is None:
            found.way[at] = self._way(clock, (number,))
            return
        rule, level = way.rule, way.level
        there = received != NO_DAY
        presumed = days + np.int32(rule.presumption.days) if rule.presumption else None

        def start(starts: str) -> np.ndarray:
            """Return the days on which a window begins; the notice's where no receipt is known."""
            if starts != "receipt":
                return days
            return np.where(there, received, days if presumed is None else presumed)

        begins = start(rule.starts)
        end = self._counted(begins, way.window, rule)
        last = self._moved(("rolled", rule.roll), lambda day: rolled(day, rule, [], {})[0], end)
        earliest, reading_that_decides = end, np.zeros(len(at), np.int32)

        def read(early: np.ndarray, holds: np.ndarray | bool, which: int) -> None:
            nonlocal earliest
            earlier = holds & (early < earliest)
            earliest = np.where(earlier, early, earliest)
            reading_that_decides[earlier] = which

        if presumed is not None:
            early = self._counted(presumed, way.window, rule)
            read(early, there & (presumed < received), 1)
        for which, reading in enumerate(rule.readings, 2):
            if reading.when.holds(clock.stage, clock.filer, False):
                early = self._counted(start(reading.starts), reading.window, rule)
                known = there if reading.starts == "receipt" and presumed is None else True
                read(early, known, which)
        begun = np.where(there, received, days)
        earliest = np.where((earliest < begun) & (begun <= end), begun, earliest)
        safe = self._before(earliest)
        safe = np.where((safe < begun) & (begun <= earliest), earliest, safe)
        years = np.zeros(len(at), np.int32)
        threshold = level.amount_in_controversy
        if threshold and clock.amount is not None:
            first = np.where(there, received, np.minimum(begins, days))
            safe, years = self._while_enough(threshold, clock.amount, first, safe)
        calm = np.flatnonzero(_untouched(clock, rule, begins, end, last, safe))
        # The steps that were taken, as one number: what is said beside the dates turns on them.
        steps = ((years * 32 + reading_that_decides) * 2 + there) * 2 + (last != end)
        taken, place = np.unique(steps[calm], return_inverse=True)
        ways_taken = [self._way(clock, (number, one)) for one in taken.tolist()]
        at = at[calm]
        found.way[at] = np.array(ways_taken, np.int32)[place]
        found.last[at], found.safe[at] = last[calm], safe[calm]

    def _way(self, clock: Clock, steps: Hashable) -> int:
        known = self._steps[clock]
        return known.setdefault(steps, len(known))

    # --- tables ----------------------------------------------------------------------------------

    def _moved(self, key: Hashable, move: Callable[[date], date], days: np.ndarray) -> np.ndarray:
        """Return the day that each day becomes, asked once per distinct day."""
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = np.full(_DAYS, NO_DAY, np.int32)
        places = days - np.int32(_FIRST)
        found = table[places]
        missing = found == NO_DAY
        if missing.any():
            new = np.unique(places[missing])
            table[new] = [
                (move(EPOCH + timedelta(days=day + _FIRST)) - EPOCH).days for day in new.tolist()
            ]
            found = table[places]
        return found

    def _counted(self, days: np.ndarray, span, rule: FilingRule) -> np.ndarray:
        shorter = rule.no_corresponding_day
        return self._moved((span, shorter), lambda day: count(day, span, shorter), days)

    def _before(self, days: np.ndarray) -> np.ndarray:
        return self._moved("previous working day", previous_working_day, days)

    def _while_enough(
        self, threshold: str, amount: int, first: np.ndarray, safe: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the days moved to the last one on which the amount is enough, and its year or 0.

        It turns on the years alone.
        """
        years = [days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
                 for days in (first, safe)]  # fmt: skip
        both, place = np.unique(years[0] * 10_000 + years[1], return_inverse=True)
        moved = []
        for pair in both.tolist():
            begin, end = divmod(pair, 10_000)
            day = last_day_that_counts(
                threshold, first=date(begin, 1, 1), last=date(end, 1, 1), amount=amount
            )  # fmt: skip
            moved.append(_number(day[0]) if day else NO_DAY)
        day = np.array(moved, np.int32)[place]
        before = self._before(np.where(day == NO_DAY, safe, day))
        before = np.where(before < first, day, before)
        year = day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int32) + 1970
        there = day != NO_DAY
        return np.where(there, before, safe), np.where(there, year, 0)


def _plain(rule: FilingRule) -> bool:
    """Say whether a rule states nothing but what this form reads, or what moves no date."""
    starts = {rule.starts, *(reading.starts for reading in rule.readings)}
    if not starts <= {"receipt", "notice", "service"}:
        return False
    return all(getattr(rule, name) == default for name, default in _unread().items())


@cache
def _unread() -> dict[str, Any]:
    """Return the fields of a rule that this form doesn't know, with their defaults."""
    return {one.name: one.default for one in fields(FilingRule) if one.name not in _READ | _SAID}


def _untouched(
    clock: Clock,
    rule: FilingRule,
    begins: np.ndarray,
    end: np.ndarray,
    last: np.ndarray,
    safe: np.ndarray,
) -> np.ndarray:
    """Say which of the days no dated event moves: neither what is counted nor what is counted to."""
    calm = np.ones(len(end), bool)
    for event, _ in events_of(clock.program, clock.level):
        if event.stood_still:
            after, before = _number(event.stood_still.last), _number(event.stood_still.first)
            calm &= (begins > after) | (np.maximum(end, last) < before)
        if event.put_off:
            calm &= (last < _number(event.put_off.first)) | (last > _number(event.put_off.last))
    for day in map(_number, closed_days(clock.program, clock.level)):
        calm &= (last != day) & (safe != day)
        if rule.roll and rule.roll.nonworkdays:  # a day that it may roll over
            calm &= (end > day) | (last < day)
    return calm


def _number(day: date) -> int:
    return (day - EPOCH).days

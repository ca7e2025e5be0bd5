"""Interruptions of clocks as dated data: days that did not count, postponed deadlines, closed offices.

One file an event in `rules/events`: what it moves, from when, until when.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache

import msgspec

from toolkit.errors import RulesError
from toolkit.law.calendar import count
from toolkit.law.model import NoCorrespondingDay, Process, Span
from toolkit.rules import RULES, Sourced, names, read


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of an event without a citation of its own."""


class Moved(_Strict, frozen=True, kw_only=True):
    """Which levels of a program an event moves, and under which process of theirs (None: any)."""

    program: str
    levels: tuple[str, ...]
    process: Process | None = None


class StoodStill(_Strict, frozen=True, kw_only=True):
    """Days from `first` to `last` that did not count, up to a maximum for one clock.

    `at_most_days` holds for a clock that began in that time, `at_most_days_if_running` for one that
    ran when it began or began on its first day.
    """

    first: date
    last: date
    at_most_days: int
    at_most_days_if_running: int


class PutOff(_Strict, frozen=True, kw_only=True):
    """Deadlines from `first` to `last` were postponed to one day."""

    first: date
    last: date
    until: date


class Closing(Sourced, frozen=True, kw_only=True):
    """Days on which offices were closed, by one order."""

    days: tuple[date, ...]


class Event(Sourced, frozen=True, kw_only=True):
    """An event that moved clocks; one of `stood_still`, `put_off` and `closed`.

    `closed` are days on which nobody was there to receive: nobody is advised to file on them, and
    they make a last day later only if the rule's roll counts `nonworkdays`.
    """

    event: str
    name: str
    moves: tuple[Moved, ...]
    stood_still: StoodStill | None = None
    put_off: PutOff | None = None
    closed: tuple[Closing, ...] = ()
    says: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.stood_still) + bool(self.put_off) + bool(self.closed) != 1:
            raise ValueError("an event has one of stood_still, put_off, closed")


@cache
def events() -> tuple[Event, ...]:
    """Return every event on file, by the name of its file."""
    found = []
    for name in names("events"):
        one = read(RULES / "events" / f"{name}.yaml", Event)
        if one.event != name:
            raise RulesError(f"rules/events/{name}.yaml names a different event inside")
        found.append(one)
    return tuple(found)


@cache
def events_of(program_id: str, level_id: str) -> tuple[tuple[Event, Moved], ...]:
    """Return the events that move this level's clock, each with its entry for the level."""
    return tuple(
        (event, moved)
        for event in events()
        for moved in event.moves
        if moved.program == program_id and level_id in moved.levels
    )


@cache
def closed_days(program_id: str, level_id: str) -> Mapping[date, tuple[str, Closing]]:
    """Return the days on which this level's office was closed, each with what happened and the order."""
    return {
        day: (event.says, closing)
        for event, _ in events_of(program_id, level_id)
        for closing in event.closed
        for day in closing.days
    }


def resumed(
    still: StoodStill,
    start: date,
    end: date,
    window: Span,
    no_corresponding_day: NoCorrespondingDay | None,
) -> tuple[date, date] | None:
    """Return the last day with the days left out and the day the clock ran again; None if untouched."""
    if start > still.last or end < still.first:
        return None
    began_inside = start > still.first
    most = still.at_most_days if began_inside else still.at_most_days_if_running
    begins = max(start, still.first)
    again = min(still.last, begins + timedelta(days=most))
    if began_inside:
        return count(again, window, no_corresponding_day), again
    return end + (again - begins), again

"""The array form of a clock says what the scalar one says: every clock on every day of the years on file."""

from datetime import date, timedelta
from itertools import product

import numpy as np

from toolkit.law import (
    FILERS,
    STAGES,
    Clock,
    amounts_of,
    dated,
    jurisdictions,
    program,
    programs,
    standing,
    ways,
)
from toolkit.law.clock import by_jurisdiction
from toolkit.worklist.clocks import EPOCH, NO_DAY, Clocks

FIRST, LAST = date(2010, 1, 1), date(2030, 12, 31)
DAYS = np.arange((FIRST - EPOCH).days, (LAST - EPOCH).days + 1, dtype=np.int32)
# Days from the notice to its receipt; None: no receipt is known. One before the notice is refused.
RECEIPTS = (None, 0, 5, -1, 3, 4, 6, 10, 40, None, 1)
STATE_WINDOWS = (None, 30, 90, 120)


def _clocks() -> dict[tuple, list[Clock]]:
    """Return every clock that the rules give, by what their dates come from."""
    found: dict[tuple, list[Clock]] = {}
    for name in programs():
        for level in program(name).levels:
            amounts = amounts_of(name, level.id)
            facts = {
                "stage": STAGES,
                "filer": FILERS,
                "amount": [None, *([min(amounts) - 1, *amounts] if amounts else ())],
                "state_window": STATE_WINDOWS
                if any(r.state_window for r in level.filing)
                else [None],
                "last_outcome": (None, *level.forwarded.after) if level.forwarded else [None],
                "jurisdiction": [None, *jurisdictions()] if by_jurisdiction(name) else [None],
            }
            for values in product(*facts.values()):
                given = dict(zip(facts, values, strict=True))
                clock = Clock(program=name, level=level.id, source="notice", **given)
                found.setdefault(_kin(clock), []).append(clock)
    return found


def _kin(clock: Clock) -> tuple:
    """Return what the dates of a clock come from: equal for clocks that only say it otherwise."""
    rules = program(clock.program, clock.jurisdiction)
    who = standing(rules, clock.level, stage=clock.stage, filer=clock.filer)
    mine = tuple((way.rule, way.window, bool(way.level.jurisdiction)) for way in ways(clock))
    refused = who is not None and who.may_file is False
    return clock.program, clock.level, clock.amount, mine, refused, clock.last_outcome


def _number(day: date | None) -> int:
    return NO_DAY if day is None else (day - EPOCH).days


def _free_of_days(step) -> tuple:
    """Return what a step says but for its dates and the words that hold them."""
    deadline = step.deadline
    said = deadline and (
        deadline.filed_when,
        deadline.citation,
        deadline.status,
        deadline.applies_from,
    )
    return step.state, step.level, step.standing, step.gap, said or step.why


def test_every_clock_has_the_scalar_answers_on_every_day():
    clocks, kins, compared, by_array = Clocks(), _clocks(), 0, 0
    for at, kin in enumerate(kins.values()):
        clock = kin[at % len(kin)]
        shift = [RECEIPTS[(day + at) % len(RECEIPTS)] for day in range(len(DAYS))]
        received = np.array(
            [
                NO_DAY if by is None else day + by
                for day, by in zip(DAYS.tolist(), shift, strict=True)
            ],
            np.int32,
        )
        found = clocks.on(clock, DAYS, received)
        said: dict[int, tuple] = {}
        rows = list(zip(DAYS.tolist(), shift, found.way, found.last, found.safe, strict=True))
        # Clocks of one rule with other amounts, and those that no day moves, share out the days.
        step = 1 if ways(clock) and clock.amount is None else 4
        for day, by, way, last, safe in rows[at % step :: step]:
            if way < 0:
                continue
            notice = EPOCH + timedelta(days=day)
            step = dated(clock, notice, None if by is None else notice + timedelta(days=by))
            dates = (
                step.deadline and step.deadline.last_filing_date,
                step.deadline and step.deadline.file_by,
            )
            assert (last, safe) == tuple(map(_number, dates)), (clock, notice, by)
            assert said.setdefault(way, _free_of_days(step)) == _free_of_days(step), (clock, notice)
            compared += 1
        by_array += int((found.way >= 0).sum())
    assert compared > 500_000 and by_array > 0.8 * len(DAYS) * len(kins)

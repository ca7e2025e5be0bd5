"""What each row needs next and by when, asked once per distinct facts, then put to its day.

A row's facts without days come to an end or to a clock; the amount is asked only where the clock's own
rules look at it. A day is put to a clock last: many at once where the clock's rules are plain
(`toolkit.worklist.clocks`), else one by one. What is said beside the dates (`why`) is composed where
it is asked for.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace

from toolkit.claims.export.cells import NOTHING
from toolkit.claims.export.layouts import CLOSED, NO_OUTCOME
from toolkit.claims.tables import Kind
from toolkit.hospital import Hospital
from toolkit.law import Clock, NextStep, amounts_of, dated, resolve
from toolkit.worklist import facts
from toolkit.worklist.answers import Answer, AnswerTable
from toolkit.worklist.clocks import Clocks, Dated
from toolkit.worklist.columns import EPOCH, FIRST_DAY, NO_DAY, WRONG, since_epoch
from toolkit.worklist.numbering import Column, Combinations, Entries, Numbered, Values
from toolkit.worklist.questions import SOON, due_of, step_answer
from toolkit.worklist.row import NO_RECEIPT, RECEIPT_ALONE, Readings, Row, days_between
from toolkit.worklist.row_codes import RowCodes
from toolkit.worklist.row_payers import RowPayers
from toolkit.worklist.table import answers_of

STEP = answers_of("step")

# What a step says whatever its day, and what is asked of its day.
_FIXED: dict[str, Kind] = {
    name: kind
    for name, kind in answers_of(
        "step", from_decision="flag", from_filing="flag", by_contract="flag"
    ).items()
    if name not in ("last_filing_date", "file_by", "days_left", "due", "why")
}

# The day of the last appeal that starts a clock, by the kind of its state.
_STARTED = {2: "decided_on", 3: "filed_on"}
_KINDS = {"notice": 1, "decision": 2, "filing": 3}

_AHEAD = 1_000_000  # up to so many steps, days are answered before they are asked for
_BARRED = "barred by the code"  # stands for the code's own words, so that steps stay few
_NOT_ASKED, _OF_THE_CODE = -2, -1  # of `why`: nobody asked so far; the code's own words


@dataclass(frozen=True)
class _State:
    """What the facts of a row come to before its day: an end, or a clock."""

    step: NextStep | Clock
    barred: bool
    closed: bool
    gap: str | None

    @property
    def clock(self) -> Clock | None:
        return self.step if isinstance(self.step, Clock) else None

    @property
    def kind(self) -> int:
        """Which day it turns on: 0 none, 1 the notice's, of the last appeal 2 its decision's or 3 its filing's."""
        source = self.clock and self.clock.source
        return _KINDS[source] if source else 0

    @property
    def amounts(self) -> tuple[int, ...]:
        """The amounts that its level's rules look at, in whole dollars."""
        clock = self.clock
        return amounts_of(clock.program, clock.level, clock.jurisdiction) if clock else ()


@dataclass(frozen=True)
class _Made:
    """Steps that are made now, an entry each: the same columns that are kept of them."""

    fixed: np.ndarray
    last: np.ndarray
    safe: np.ndarray
    due: np.ndarray
    why: np.ndarray
    variant: np.ndarray
    day: np.ndarray


class RowSteps:
    """The steps met so far, by number: what is next, and by when."""

    def __init__(
        self,
        read: Readings,
        payers: RowPayers,
        codes: RowCodes,
        *,
        as_of: date,
        hospital: Hospital,
        asked: Counter[str],
        lock: RLock,
    ) -> None:
        self._read, self._payers, self._codes = read, payers, codes
        self._as_of, self._hospital, self._asked, self._lock = as_of, hospital, asked, lock
        self._clocks = Clocks()

        self._state_of = Combinations(8, self._ask_state, lock)
        self._sided_of = Combinations(2, self._ask_sided, lock)
        self._states: Entries[_State] = Entries()
        self._state_numbers: dict[tuple, int] = {}
        self._kind, self._by_amount = Column(np.int8), Column(np.int8)

        self._variant_of = Numbered(2, lock)  # of a state and how its receipt lies
        self._step_of = Combinations(2, self._ask_steps, lock)  # of a variant and a day
        self._fixed = AnswerTable(_FIXED)
        self._of_way: dict[tuple[int, int], tuple[int, bool, int, int]] = {}
        self._due_words, self._why_words = Values(), Values()
        self._columns = {name: Column() for name in _Made.__dataclass_fields__}

    @property
    def size(self) -> int:
        """How much is kept, in answers."""
        return self._columns["fixed"].size

    def numbers(self, row: Row, payer: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Return the number of each row's step; `payer` and `code` are those of what it turns on."""
        event = row.event()
        state = self._state_of.of([
            (self._payers.group.take(payer), len(self._payers.facts)),
            (self._codes.group.take(code), len(self._codes.groups)),
            row.codes("stage"), row.codes("case_status"), event.level, event.outcome,
            event.filed, row.unread_day(),
        ])  # fmt: skip
        state = self._with_amounts(row, state)
        kind = self._kind.take(state)
        notice = row.notice()
        started = notice * (kind == 1)
        for number, column in _STARTED.items():
            by_this = kind == number
            if by_this.any():
                started += row.days(column) * by_this
        day = self._read.days.codes(started)
        lies = row.receipts(kind, notice, day)
        variant = self._variant_of.of([(state, len(self._states)), lies])
        return self._step_of.of(
            [(variant, len(self._variant_of.entries)), (day, len(self._read.days))]
        )

    def _ask_state(self, new: np.ndarray) -> list[int]:
        return [self._state(*key) for key in new.tolist()]

    def _state(
        self,
        payer: int,
        code: int,
        stage: int,
        status: int,
        level: int,
        outcome: int,
        filed: int,
        unread: int,
    ) -> int:
        self._asked["clock"] += 1
        given = self._payers.facts[payer]
        program = given["program"]
        category, nature, barred = self._codes.groups[code]
        cells = self._read.cells
        stage_word, stage_problem = cells["stage"].entries[stage]
        outcome_word, outcome_problem = cells["outcome"].entries[outcome]
        level_id, _ = facts.level_of(program, cells["last_level"].value(level))
        happened = {
            "last_level": level_id,
            "filed": bool(filed),
            "outcome": None if outcome_word in NO_OUTCOME else outcome_word,
        }
        gap = given["program_gap"]
        wrong = ("stage", stage_problem) if stage_problem else ("outcome", outcome_problem)
        wrong = wrong if wrong[1] else _unread_day(unread)
        if wrong:  # the date turns on a cell that cannot be read
            program, gap = None, facts.finding(*wrong)
            happened = {"last_level": None, "filed": False, "outcome": None}
        contract = given["contract"]
        step = resolve(
            program,
            stage=stage_word or "payment",
            contracted=given["contracted"],
            denial_category=category,
            nature=nature,
            state_window=given["state_window"],
            jurisdiction=given["jurisdiction"],
            contract=None if contract is None else self._hospital.contracts[contract],
            **happened,
        )
        closed = cells["case_status"].value(status) in CLOSED
        return self._state_number(_State(step, barred, closed, None if program else gap))

    def _state_number(self, state: _State) -> int:
        key = (state.step, state.barred, state.closed, state.gap)
        number = self._state_numbers.get(key)
        if number is None:
            number = self._state_numbers[key] = self._states.add(state)
            self._kind.append(state.kind)
            clock = state.clock
            self._by_amount.append(
                clock is not None and clock.amount is None and state.amounts != ()
            )
        return number

    def _with_amounts(self, row: Row, state: np.ndarray) -> np.ndarray:
        """Return the states with their amounts, where a rule of the level looks at it."""
        at = np.flatnonzero(self._by_amount.take(state))
        if not len(at) or row.amount is None:
            return state
        cents, mine = row.cents_at(at), state[at]
        sides = np.zeros(len(at), np.int32)
        for number in pd.unique(mine).tolist():
            here = mine == number
            amounts = self._states[number].amounts
            sides[here] = np.searchsorted(amounts, cents[here] // 100, side="right") + 1
        sides[cents == NOTHING] = 0
        state[at] = self._sided_of.of([(mine, len(self._states)), (sides, int(sides.max()) + 1)])
        return state

    def _ask_sided(self, new: np.ndarray) -> list[int]:
        found = []
        for number, side in new.tolist():
            state = self._states[number]
            if side and state.clock:
                amount = (0, *state.amounts)[side - 1]
                clock = replace(state.clock, amount=amount)
                state = _State(clock, state.barred, state.closed, state.gap)
            found.append(self._state_number(state))
        return found

    def _ask_steps(self, new: np.ndarray) -> np.ndarray:
        """Return the numbers of steps: of each variant and day, with the days that others have met."""
        found = np.empty(len(new), np.int32)
        order = np.argsort(new[:, 0], kind="stable")
        variants, first = np.unique(new[order, 0], return_index=True)
        for variant, at in zip(variants.tolist(), np.split(order, first[1:]), strict=True):
            days = new[at, 1]
            more = self._more_days(variant, days)
            numbers = self._dated(variant, np.concatenate([days, more]), len(days))
            found[at] = numbers[: len(days)]
            if len(more):
                pairs = np.column_stack([np.full(len(more), variant), more])
                there = numbers[len(days) :] > 0
                self._step_of.put(pairs[there], numbers[len(days) :][there])
        return found

    def _more_days(self, variant: int, days: np.ndarray) -> np.ndarray:
        """Return the days that a variant may be asked for next; arrays answer them all for nothing."""
        state, lies = self._variant_of.entries[variant]
        few = self._step_of.dense and self.size < _AHEAD
        if not few or not self._states[state].kind or lies == RECEIPT_ALONE:
            return np.empty(0, np.int64)
        known = np.arange(2, len(self._read.days))
        pairs = np.column_stack([np.full(len(known), variant), known])
        known = known[~self._step_of.met(pairs)]
        return known[~np.isin(known, days)]

    def _dated(self, variant: int, codes: np.ndarray, asked: int) -> np.ndarray:
        """Return the numbers of the steps of a variant on some days, of which the first are asked.

        The others are answered where arrays do it; 0 stands for those that are not.
        """
        number, lies = self._variant_of.entries[variant]
        state, size = self._states[number], len(codes)
        made = _Made(
            fixed=np.zeros(size, np.int32),
            last=np.full(size, NO_DAY, np.int32),
            safe=np.full(size, NO_DAY, np.int32),
            due=np.zeros(size, np.int32),
            why=np.full(size, _NOT_ASKED, np.int32),
            variant=np.full(size, variant, np.int32),
            day=codes.astype(np.int32),
        )
        done = np.zeros(size, bool)
        if state.clock and lies != RECEIPT_ALONE:
            days = self._read.days.since_epoch[codes]
            received = np.full(size, NO_DAY, np.int32)
            if lies != NO_RECEIPT:
                received = np.where(days == NO_DAY, NO_DAY, days + np.int32(days_between(lies)))
            found = self._clocks.on(state.clock, days, received)
            done = found.way >= 0
            for way in np.unique(found.way[done]).tolist():
                at = np.flatnonzero(found.way == way)
                has_dates = self._by_way(number, way, int(codes[at[0]]), lies, at, made)
                if has_dates:
                    self._put_dates(at, found, made)
            self._asked["days at once"] += int(done.sum())
        for at in np.flatnonzero(~done[:asked]).tolist():
            answer = self._answer(state, self._next(state, int(codes[at]), lies))
            made.fixed[at] = self._fixed.number(answer)
            for days, name in ((made.last, "last_filing_date"), (made.safe, "file_by")):
                days[at] = NO_DAY if answer[name] is None else (answer[name] - EPOCH).days
            made.due[at] = self._due_words.number(answer["due"])
            made.why[at] = self._why_number(answer)
            done[at] = True
        numbers, first = np.zeros(size, np.int32), self.size
        numbers[done] = np.arange(first, first + int(done.sum()))
        for name, column in self._columns.items():
            column.extend(getattr(made, name)[done])
        return numbers

    def _by_way(
        self, number: int, way: int, code: int, lies: int, at: np.ndarray, made: _Made
    ) -> bool:
        """Fill in what the steps of one way of a clock say whatever the day, and say whether they have dates.

        It is asked once, on the day `code`.
        """
        kept = self._of_way.get((number, way))
        if kept is None:
            step = self._next(self._states[number], code, lies)
            answer = self._answer(self._states[number], step)
            has_dates = answer["last_filing_date"] is not None
            due = self._due_words.number(answer["due"])
            # Without a deadline no words hold a date.
            of_day = step.deadline is not None and answer["why"] != _BARRED
            why = _NOT_ASKED if of_day else self._why_number(answer)
            kept = self._of_way[number, way] = self._fixed.number(answer), has_dates, due, why
        made.fixed[at], has_dates, made.due[at], made.why[at] = kept
        return has_dates

    def _put_dates(self, at: np.ndarray, found: Dated, made: _Made) -> None:
        made.last[at], made.safe[at] = found.last[at], found.safe[at]
        made.due[at] = self._due(found.last[at], found.safe[at])

    def _due(self, last: np.ndarray, safe: np.ndarray) -> np.ndarray:
        """Return the due states of steps with dates: they turn on how near the dates are."""
        today = (self._as_of - EPOCH).days
        near = [np.clip(days - today, -1, SOON) for days in (last, safe)]
        pairs, place = np.unique((near[0] + 1) * (SOON + 2) + near[1] + 1, return_inverse=True)
        said = []
        for pair in pairs.tolist():
            last_day, safe_day = (
                self._as_of + timedelta(days=one - 1) for one in divmod(pair, SOON + 2)
            )
            said.append(self._due_words.number(due_of("file", last_day, safe_day, self._as_of)))
        return np.array(said, np.int32).take(place)

    def _next(self, state: _State, code: int, lies: int) -> NextStep:
        """Return what is next of a state on a day, as the law says it."""
        if isinstance(state.step, NextStep):
            return state.step
        self._asked["day"] += 1
        number = int(self._read.days.since_epoch[code])
        day = None if number == NO_DAY else EPOCH + timedelta(days=number)
        if lies == RECEIPT_ALONE:
            return dated(state.step, None, day)
        if lies == NO_RECEIPT or day is None:
            return dated(state.step, day)
        return dated(state.step, day, day + timedelta(days=days_between(lies)))

    def _answer(self, state: _State, step: NextStep) -> dict[str, Any]:
        return step_answer(
            step,
            why_not=_BARRED if state.barred else None,
            closed=state.closed,
            gap=state.gap,
            as_of=self._as_of,
        )

    def _why_number(self, answer: Mapping[str, Any]) -> int:
        why = answer["why"]
        return _OF_THE_CODE if why == _BARRED else self._why_words.number(why)

    # --- what is said of rows --------------------------------------------------------------------

    def answer(self, name: str, step: np.ndarray) -> Answer:
        """Return one column of the steps by their numbers; of `why` see there."""
        if name == "due":
            return Answer("text", self._columns["due"].take(step), self._due_words.list)
        if name in ("last_filing_date", "file_by"):
            return Answer("date", self._columns["last" if name[0] == "l" else "safe"].take(step))
        if name == "days_left":
            safe = self._columns["safe"].take(step)
            left = safe - np.int32((self._as_of - EPOCH).days)
            return Answer("count", np.where(safe == NO_DAY, NO_DAY, left))
        return self._fixed.answer(name, self._columns["fixed"].take(step))

    def by_contract(self, step: np.ndarray) -> np.ndarray:
        """Say which steps are an appeal by the contract's own terms."""
        return self._fixed.flags("by_contract", self._columns["fixed"].take(step))

    def why(self, step: np.ndarray, code: np.ndarray) -> Answer:
        """Return the reasons, composed now; where the code leaves no appeal, they are the code's."""
        whys = self._columns["why"]
        values = whys.take(step)
        new = pd.unique(step[values == _NOT_ASKED])
        if len(new):
            with self._lock:
                new = new[whys.take(new) == _NOT_ASKED]
                of = (self._columns[name].take(new).tolist() for name in ("variant", "day"))
                whys.put(new, [self._composed(*one) for one in zip(*of, strict=True)])
            values = whys.take(step)
        of_code = np.flatnonzero(values == _OF_THE_CODE)
        if len(of_code):
            with self._lock:
                said = self._codes.answers.values["why_not"].list
                table = np.array([self._why_words.number(word) for word in said], np.int32)
            values[of_code] = table.take(self._codes.answers.columns["why_not"].take(code[of_code]))
        return Answer("text", values, self._why_words.list)

    def _composed(self, variant: int, code: int) -> int:
        number, lies = self._variant_of.entries[variant]
        state = self._states[number]
        return self._why_number(self._answer(state, self._next(state, code, lies)))

    def notice_date(self, row: Row, step: np.ndarray) -> Answer:
        """Return the day whose notice started each row's clock: of an appeal, its decision's or filing's."""
        days = row.notice()
        for _, column, started in self._started(step):
            if started.any():
                days = days + (row.days(column) - days) * started
        return Answer("date", since_epoch(days))

    def notice_from(self, row: Row, step: np.ndarray) -> Answer:
        """Return the column that this day is from."""
        source = row.notice_source()
        for number, _, started in self._started(step):
            source = np.where(started, np.int32(number + 1), source)
        words = ("", "notice_date", "remittance_date", *_STARTED.values())
        return Answer("text", source, words)

    def _started(self, step: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
        """Give the columns of days of an appeal that started clocks, each with its kind and the rows."""
        fixed = self._columns["fixed"].take(step)
        for flag, number in (("from_decision", 2), ("from_filing", 3)):
            yield number, _STARTED[number], self._fixed.flags(flag, fixed)


def _unread_day(number: int) -> tuple[str, str] | None:
    """Return the column and kind of a day that cannot be read (see `Row.unread_day`)."""
    if not number:
        return None
    at, wrong = divmod(number, FIRST_DAY)
    return ("notice_date", "remittance_date", "notice_received")[at], WRONG[wrong]

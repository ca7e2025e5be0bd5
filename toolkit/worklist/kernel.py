"""The triage of denial rows as every engine asks it: columns in, columns of answers out.

Each column's distinct cells are read once and become numbers; the numbers of the facts that a
question turns on become one number, and the question is asked once per distinct one, in plain
Python. A day is put to a clock last: many days at once where the clock's rules are plain
(`toolkit.worklist.clocks`), else one by one. What is said beside the dates (`why`) is composed where
it is asked for. Threads share all of it, and look up without waiting.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
from msgspec.structs import replace

from toolkit.claims.export.cells import NOTHING
from toolkit.claims.export.layouts import CLOSED, NO_OUTCOME
from toolkit.denials import classify
from toolkit.denials.classify import Denial
from toolkit.denials.second_look import programs_looked_at, second_look, turns_on_service
from toolkit.hospital import Hospital
from toolkit.law import (
    Clock,
    NextStep,
    amounts_of,
    barred_categories,
    dated,
    programs,
    resolve,
    turns_on,
)
from toolkit.worklist import facts
from toolkit.worklist.accessor import FINDINGS, findings_of
from toolkit.worklist.clocks import Clocks
from toolkit.worklist.columns import (
    EPOCH,
    FIRST_DAY,
    NO_DAY,
    WRONG,
    Cells,
    Days,
    since_epoch,
)
from toolkit.worklist.numbering import Column, Combinations, Words
from toolkit.worklist.questions import SOON, contract_question, due_of, payer_question, step_answer
from toolkit.worklist.row import NO_RECEIPT, RECEIPT_ALONE, Row, Services, days_between
from toolkit.worklist.table import answers_of

_WHO, _STEP = answers_of("payer"), answers_of("step")
_CODE = {name: kind for name, kind in answers_of("code").items() if name != "second_look"}

# Every answer with its kind (see `toolkit.claims.tables.DTYPES`), in the order of the columns.
ANSWERS: dict[str, str] = answers_of("payer", "code", "notice", "step") | {"findings": "text"}

# What a step says whatever its day, and what is asked of its day.
_FIXED = {
    name: kind
    for name, kind in _STEP.items()
    if name not in ("last_filing_date", "file_by", "days_left", "due", "why")
} | dict.fromkeys(("from_decision", "from_filing", "by_contract"), "flag")
_OF_STEP = {"route", "notice_date", "notice_from"} | set(_STEP)
_OF_CODE = set(_CODE) | {"second_look", "findings"}

# The day of the last appeal that starts a clock, by the kind of its state.
_STARTED = {2: "decided_on", 3: "filed_on"}

_AHEAD = 1_000_000  # up to so many steps, days are answered before they are asked for
_BARRED = "barred by the code"  # stands for the code's own words, so that steps stay few
_NOT_ASKED, _OF_THE_CODE = -2, -1  # of `why`: nobody asked so far; the code's own words


@dataclass(frozen=True)
class Answer:
    """One column of answers: `kind` is that of ANSWERS.

    `values` are places in `words` for text (-1: missing), days from 1970-01-01 for dates and counts
    (the least int32: missing), and booleans for flags. `words` may hold more than the values use.
    """

    kind: str
    values: np.ndarray
    words: list[str] | tuple[str, ...] = ()

    def narrow(self) -> tuple[np.ndarray, list[str]]:
        """Return a text's values and words without the words that no value uses."""
        seen = np.zeros(len(self.words) + 1, dtype=bool)
        seen[self.values] = True  # -1 is the last
        used = np.flatnonzero(seen[:-1])
        size = len(used)
        kind = np.int8 if size < 1 << 7 else np.int16 if size < 1 << 15 else np.int32
        place = np.full(len(seen), -1, dtype=kind)
        place[used] = np.arange(size)
        return place.take(self.values), [self.words[at] for at in used.tolist()]


class _Kept:
    """The answers to one question so far, column by column; number 0 is never given."""

    def __init__(self, kinds: Mapping[str, str]) -> None:
        self.kinds = dict(kinds)
        self.columns = {
            name: Column(np.int8 if kind == "flag" else np.int32) for name, kind in kinds.items()
        }
        self.words = {name: Words() for name, kind in kinds.items() if kind == "text"}

    @property
    def size(self) -> int:
        return next(iter(self.columns.values())).size

    def add(self, answer: Mapping[str, Any]) -> int:
        """Return the number of a new answer; hold the lock for it."""
        number = self.size
        for name, kind in self.kinds.items():
            value = answer[name]
            self.columns[name].append(
                self.words[name].number(value) if kind == "text" else bool(value)
            )
        return number

    def answer(self, name: str, numbers: np.ndarray) -> Answer:
        values = self.columns[name].take(numbers)
        if self.kinds[name] == "flag":
            return Answer("flag", values.astype(bool))
        return Answer("text", values, self.words[name].list)

    def flags(self, name: str, numbers: np.ndarray) -> np.ndarray:
        return self.columns[name].take(numbers).astype(bool)


@dataclass(frozen=True)
class _State:
    """What the facts of a row come to before its day: an end, or a clock."""

    step: NextStep | Clock
    barred: bool
    closed: bool
    gap: str | None

    @property
    def kind(self) -> int:
        """Which day it turns on: 0 none, 1 the notice's, of the last appeal 2 its decision's or 3 its filing's."""
        if isinstance(self.step, NextStep):
            return 0
        return {None: 0, "notice": 1, "decision": 2, "filing": 3}[self.step.source]

    @property
    def amounts(self) -> tuple[int, ...]:
        if isinstance(self.step, NextStep):
            return ()
        return amounts_of(self.step.program, self.step.level, self.step.jurisdiction)


class Kernel:
    """The questions of one triage with all that was asked; any number of threads may use it.

    `asked` counts what was asked in plain Python, by question.
    """

    def __init__(self, *, as_of: date, hospital: Hospital, asked: Counter[str]) -> None:
        self._as_of, self._hospital, self._asked = as_of, hospital, asked
        self._payer = payer_question(hospital).of
        self._contract = contract_question(hospital).of
        self._lock = lock = RLock()
        names = (
            *facts.WHO,
            *facts.WHAT,
            "stage",
            "case_status",
            "last_level",
            "outcome",
        )
        self.cells = {name: Cells(name, lock) for name in names}
        self.days = Days(lock)
        self._clocks = Clocks()

        def numbers(parts: int) -> tuple[list[tuple[int, ...]], Combinations]:
            """Return combinations that are only numbered, and a list of these from number 1."""
            met: list[tuple[int, ...]] = [(0,) * parts]

            def number(new: np.ndarray) -> range:
                met.extend(map(tuple, new.tolist()))
                return range(len(met) - len(new), len(met))

            return met, Combinations(parts, number, lock)

        self._who_of = Combinations(len(facts.WHO), self._ask_who, lock)
        self._who_facts: list[dict[str, Any]] = [{}]
        self._who_class, self._who_barring, self._who_looked = Column(), Column(), Column()
        self._who_classes: dict[tuple, int] = {}
        self._barring: list[str | None] = [None]  # programs that give some denials no appeal
        self.who = _Kept(_WHO | {"findings": "text"})

        self._pairs, self._pair_of = numbers(3)
        self._code_of = Combinations(2, self._ask_code, lock)
        self._barred_of = Combinations(2, self._ask_barred, lock)
        self._denials: list[tuple[Denial | None, tuple[int, ...], dict[str, Any]]]
        self._denials = [(None, (), {})]
        self._code_class, self._code_service = Column(), Column(np.int8)
        self._code_may_be_barred, self._code_looked = Column(bool), Column(bool)
        self._code_classes: list[tuple] = [()]
        self.code = _Kept(_CODE | {"why_not": "text", "findings": "text"})

        self.services = Services(lock)
        self._look_of = Combinations(3, self._ask_look, lock)
        self.look = _Kept({"second_look": "text"})
        self._looked = ("", *sorted(programs_looked_at()))

        self._state_of = Combinations(8, self._ask_state, lock)
        self._sided_of = Combinations(2, self._ask_sided, lock)
        self._states: list[_State | None] = [None]
        self._state_numbers: dict[tuple, int] = {}
        self._kind, self._by_amount = Column(np.int8), Column(np.int8)

        self._variants, self._variant_of = numbers(2)  # of a state and how its receipt lies
        self._place_of = Combinations(2, self._ask_places, lock)  # of a variant and a day
        self.fixed = _Kept(_FIXED)
        self._fixed_numbers: dict[tuple, int] = {}
        self._of_way: dict[tuple[int, int], tuple[int, bool, int, int]] = {}
        self._due_words, self._why_words = Words(), Words()
        self._places = {
            name: Column() for name in ("fixed", "last", "safe", "due", "why", "variant", "day")
        }

    @property
    def size(self) -> int:
        """How much is kept, in answers."""
        return self._places["fixed"].size + self.code.size + len(self._pairs) + self.look.size

    # --- the parts -------------------------------------------------------------------------------

    def answers(self, columns: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Answer]:
        """Return the wanted answers to rows, whose facts are columns of pandas or of Arrow."""
        wanted = list(wanted)
        found: dict[str, Answer] = {}
        row = Row(columns, self)
        who = self._who_of.of([row.codes(name) for name in facts.WHO])
        code = step = None
        if set(wanted) & (_OF_STEP | _OF_CODE):
            code = self._code_numbers(row, who)
        if set(wanted) & _OF_STEP:
            step = self._step(row, who, code)
        for name in wanted:
            if name in _WHO:
                found[name] = self.who.answer(name, who)
            elif name == "second_look":
                found[name] = self._second_look(row, who, code)
            elif name == "route":
                found[name] = self._route(code, step)
            elif name in _CODE:
                found[name] = self.code.answer(name, code)
            elif name == "why":
                found[name] = self._why(code, step)
            elif name in _STEP:
                found[name] = self._of_step(name, step)
            elif name == "notice_date":
                found[name] = self._notice_date(row, step)
            elif name == "notice_from":
                found[name] = self._notice_from(row, step)
            else:
                found[name] = self._unread(row, who, code)
        return found

    # --- who -------------------------------------------------------------------------------------

    def _ask_who(self, new: np.ndarray) -> list[int]:
        return [self._who(tuple(key)) for key in new.tolist()]

    def _who(self, key: tuple[int, ...]) -> int:
        self._asked["payer"] += 1
        read = {n: self.cells[n].entries[k] for n, k in zip(facts.WHO, key, strict=True)}
        stated = {name: value for name, (value, _) in read.items()}
        answer = self._payer(**stated)
        names = {name: stated[name] for name in ("payer_id", "payer_name", "plan_name")}
        bound = self._contract(program=answer["program"], **names)
        answer["findings"] = "; ".join(
            _finding(n, wrong) for n, (_, wrong) in read.items() if wrong
        )
        program = answer["program"]
        given = {
            "program": program,
            "contracted": answer["contracted"],
            **{
                name: answer[name] if name in turns_on(program) else None
                for name in ("state_window", "jurisdiction")
            },
            "contract": bound["contract"],
            "program_gap": None if program else answer["program_gap"],
        }
        barring = program if barred_categories(program) else None
        if barring not in self._barring:
            self._barring.append(barring)
        classes = self._who_classes
        self._who_facts.append(given)
        self._who_class.append(classes.setdefault(tuple(given.values()), len(self._who_facts) - 1))
        self._who_barring.append(self._barring.index(barring))
        self._who_looked.append(self._looked.index(program) if program in self._looked else 0)
        return self.who.add(answer)

    # --- codes and texts -------------------------------------------------------------------------

    def _code_numbers(self, row: Row, who: np.ndarray) -> np.ndarray:
        pair = self._pair_of.of([row.codes(name) for name in facts.WHAT[:3]])
        code = self._code_of.of([(pair, len(self._pairs)), row.codes("denial_text")])
        # A program matters only where it gives such a denial no appeal.
        barring = self._who_barring.take(who)
        at = np.flatnonzero(self._code_may_be_barred.take(code) & (barring > 0))
        if len(at):
            parts = [(code[at], len(self._denials)), (barring[at], len(self._barring))]
            code[at] = self._barred_of.of(parts)
        return code

    def _ask_code(self, new: np.ndarray) -> list[int]:
        return [self._code((*self._pairs[pair], text), None) for pair, text in new.tolist()]

    def _ask_barred(self, new: np.ndarray) -> list[int]:
        found = []
        for code, barring in new.tolist():
            denial, keys, _ = self._denials[code]
            program = self._barring[barring]
            barred = denial.denial_category in barred_categories(program)
            found.append(self._code(keys, program) if barred else code)
        return found

    def _code(self, keys: tuple[int, ...], program: str | None) -> int:
        self._asked["code"] += 1
        cells = [self.cells[n].value(k) for n, k in zip(facts.WHAT, keys, strict=True)]
        given = dict(zip(("group_code", "carc", "rarcs", "text"), cells, strict=True))
        given["rarcs"] = tuple((given["rarcs"] or "").split())
        denial = classify(**given, program=program)
        self._denials.append((denial, keys, given))
        self._code_looked.append(bool(programs_looked_at(denial.reason)))
        self._code_may_be_barred.append(denial.denial_category in _barred_anywhere())
        answer = {name: getattr(denial, name) for name in (*_CODE, "why_not")}
        answer["findings"] = "; ".join(_code_findings(*cells))
        on = turns_on_service()
        by_service = any(answer[name] in on[name] for name in ("denial_category", "reason"))
        self._code_service.append(by_service)
        category = denial.denial_category if denial.denial_category in _barred_anywhere() else ""
        key = (category, denial.nature, not denial.appealable)
        if key not in self._code_classes:
            self._code_classes.append(key)
        self._code_class.append(self._code_classes.index(key))
        return self.code.add(answer)

    def _second_look(self, row: Row, who: np.ndarray, code: np.ndarray) -> Answer:
        service, kinds = row.services()
        service = np.where(self._code_service.take(code), service, 0)
        looked = np.where(self._code_looked.take(code), self._who_looked.take(who), 0)
        numbers = self._look_of.of(
            [(code, len(self._denials)), (service, kinds), (looked, len(self._looked))]
        )
        return self.look.answer("second_look", numbers)

    def _ask_look(self, new: np.ndarray) -> list[int]:
        found = []
        for code, service, looked in new.tolist():
            self._asked["second look"] += 1
            denial, _, given = self._denials[code]
            looks = second_look(
                denial,
                **given | {"rarcs": " ".join(given["rarcs"])},
                procedure_code=self.services.codes[service],
                program=self._looked[looked] or None,
            )
            found.append(self.look.add({"second_look": " ".join(look.id for look in looks)}))
        return found

    # --- what is next, and by when ---------------------------------------------------------------

    def _step(self, row: Row, who: np.ndarray, code: np.ndarray) -> np.ndarray:
        """Return the number of each row's step, which is one of `_places`."""
        event = row.event()
        state = self._state_of.of([
            (self._who_class.take(who), len(self._who_facts)),
            (self._code_class.take(code), len(self._code_classes)),
            row.codes("stage"), row.codes("case_status"), event.level, event.outcome,
            event.filed, row.unread_day(),
        ])  # fmt: skip
        state = self._with_amounts(row, state)
        kind = self._kind.take(state)
        notice = row.notice()[0]
        day = np.where(kind == 1, self.days.codes(notice), np.int32(1))
        for number, column in _STARTED.items():
            started = kind == number
            if started.any():
                day[started] = self.days.codes(row.days(column)[started])
        lies = row.receipts(kind, notice, day)
        variant = self._variant_of.of([(state, len(self._states)), lies])
        return self._place_of.of([(variant, len(self._variants)), (day, len(self.days))])

    def _ask_state(self, new: np.ndarray) -> list[int]:
        return [self._state(*key) for key in new.tolist()]

    def _state(self, who, code, stage, status, level, outcome, filed, unread) -> int:
        self._asked["clock"] += 1
        given = self._who_facts[who]
        program = given["program"]
        category, nature, barred = self._code_classes[code]
        stage, stage_problem = self.cells["stage"].entries[stage]
        outcome, outcome_problem = self.cells["outcome"].entries[outcome]
        level = facts.level_of(program, self.cells["last_level"].value(level))[0]
        happened = {
            "last_level": level,
            "filed": bool(filed),
            "outcome": None if outcome in NO_OUTCOME else outcome,
        }
        gap = given["program_gap"]
        wrong = ("stage", stage_problem) if stage_problem else ("outcome", outcome_problem)
        wrong = wrong if wrong[1] else _unread_day(unread)
        if wrong:  # the date turns on a cell that cannot be read
            program, gap = None, _finding(*wrong)
            happened = {"last_level": None, "filed": False, "outcome": None}
        contract = given["contract"]
        step = resolve(
            program,
            stage=stage or "payment",
            contracted=given["contracted"],
            denial_category=category,
            nature=nature,
            state_window=given["state_window"],
            jurisdiction=given["jurisdiction"],
            contract=None if contract is None else self._hospital.contracts[contract],
            **happened,
        )
        closed = self.cells["case_status"].value(status) in CLOSED
        return self._state_number(_State(step, barred, closed, None if program else gap))

    def _state_number(self, state: _State) -> int:
        key = (state.step, state.barred, state.closed, state.gap)
        number = self._state_numbers.get(key)
        if number is None:
            number = self._state_numbers[key] = len(self._states)
            self._states.append(state)
            self._kind.append(state.kind)
            asks = bool(state.amounts) and state.step.amount is None
            self._by_amount.append(asks)
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
            if side:
                amount = (0, *state.amounts)[side - 1]
                step = replace(state.step, amount=amount)
                state = _State(step, state.barred, state.closed, state.gap)
            found.append(self._state_number(state))
        return found

    def _ask_places(self, new: np.ndarray) -> np.ndarray:
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
                self._place_of.put(pairs[there], numbers[len(days) :][there])
        return found

    def _more_days(self, variant: int, days: np.ndarray) -> np.ndarray:
        """Return the days that a variant may be asked for next; arrays answer them all for nothing."""
        state, lies = self._variants[variant]
        few = self._place_of.dense and self._places["fixed"].size < _AHEAD
        if not few or not self._states[state].kind or lies == RECEIPT_ALONE:
            return np.empty(0, np.int64)
        known = np.arange(2, len(self.days))
        pairs = np.column_stack([np.full(len(known), variant), known])
        known = known[~self._place_of.met(pairs)]
        return known[~np.isin(known, days)]

    def _dated(self, variant: int, codes: np.ndarray, asked: int) -> np.ndarray:
        """Return the numbers of the steps of a variant on some days, of which the first are asked.

        The others are answered where arrays do it; 0 stands for those that are not.
        """
        number, lies = self._variants[variant]
        state, size = self._states[number], len(codes)
        made = {name: np.zeros(size, np.int32) for name in ("fixed", "due")}
        made |= {name: np.full(size, NO_DAY, np.int32) for name in ("last", "safe")}
        made["why"] = np.full(size, _NOT_ASKED, np.int32)
        made["variant"], made["day"] = np.full(size, variant, np.int32), codes.astype(np.int32)
        done = np.zeros(size, bool)
        if state.kind and lies != RECEIPT_ALONE:
            days = self.days.since_epoch[codes]
            received = np.full(size, NO_DAY, np.int32)
            if lies != NO_RECEIPT:
                received = np.where(days == NO_DAY, NO_DAY, days + np.int32(days_between(lies)))
            found = self._clocks.on(state.step, days, received)
            done = found.way >= 0
            for way in np.unique(found.way[done]).tolist():
                at = np.flatnonzero(found.way == way)
                self._by_way(number, way, int(codes[at[0]]), lies, at, found, made)
            self._asked["days at once"] += int(done.sum())
        for at in np.flatnonzero(~done[:asked]).tolist():
            answer = self._answer(state, self._next(state, int(codes[at]), lies))
            made["fixed"][at] = self._fixed_number(answer)
            for name, day in (("last", "last_filing_date"), ("safe", "file_by")):
                made[name][at] = NO_DAY if answer[day] is None else (answer[day] - EPOCH).days
            made["due"][at] = self._due_words.number(answer["due"])
            made["why"][at] = self._why_number(answer)
            done[at] = True
        numbers, first = np.zeros(size, np.int32), self._places["fixed"].size
        numbers[done] = np.arange(first, first + int(done.sum()))
        for name, values in made.items():
            self._places[name].extend(values[done])
        return numbers

    def _by_way(self, number, way, code, lies, at, found, made) -> None:
        """Fill in the steps of one way of a clock: what it says whatever the day is asked once."""
        kept = self._of_way.get((number, way))
        if kept is None:
            step = self._next(self._states[number], code, lies)
            answer = self._answer(self._states[number], step)
            has_dates = answer["last_filing_date"] is not None
            due = self._due_words.number(answer["due"])
            # Without a deadline no words hold a date.
            of_day = step.deadline is not None and answer["why"] != _BARRED
            why = _NOT_ASKED if of_day else self._why_number(answer)
            kept = self._of_way[number, way] = self._fixed_number(answer), has_dates, due, why
        made["fixed"][at], has_dates, made["due"][at], made["why"][at] = kept
        if has_dates:
            made["last"][at], made["safe"][at] = found.last[at], found.safe[at]
            made["due"][at] = self._due(found.last[at], found.safe[at])

    def _due(self, last: np.ndarray, safe: np.ndarray) -> np.ndarray:
        """Return the due states of steps with dates: they turn on how near the dates are."""
        today = (self._as_of - EPOCH).days
        near = [np.clip(days - today, -1, SOON) for days in (last, safe)]
        pairs, place = np.unique((near[0] + 1) * (SOON + 2) + near[1] + 1, return_inverse=True)
        said = []
        for pair in pairs.tolist():
            days = [self._as_of + timedelta(days=one - 1) for one in divmod(pair, SOON + 2)]
            said.append(self._due_words.number(due_of("file", *days, self._as_of)))
        return np.array(said, np.int32).take(place)

    def _next(self, state: _State, code: int, lies: int) -> NextStep:
        """Return what is next of a state on a day, as the law says it."""
        if not state.kind:
            return state.step
        self._asked["day"] += 1
        number = int(self.days.since_epoch[code])
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

    def _fixed_number(self, answer: Mapping[str, Any]) -> int:
        key = tuple(answer[name] for name in _FIXED)
        if key not in self._fixed_numbers:
            self._fixed_numbers[key] = self.fixed.add(answer)
        return self._fixed_numbers[key]

    def _why_number(self, answer: Mapping[str, Any]) -> int:
        why = answer["why"]
        return _OF_THE_CODE if why == _BARRED else self._why_words.number(why)

    # --- what rows say ---------------------------------------------------------------------------

    def _of_step(self, name: str, step: np.ndarray) -> Answer:
        if name == "due":
            return Answer("text", self._places["due"].take(step), self._due_words.list)
        if name in ("last_filing_date", "file_by"):
            return Answer("date", self._places["last" if name[0] == "l" else "safe"].take(step))
        if name == "days_left":
            safe = self._places["safe"].take(step)
            left = safe - np.int32((self._as_of - EPOCH).days)
            return Answer("count", np.where(safe == NO_DAY, NO_DAY, left))
        return self.fixed.answer(name, self._places["fixed"].take(step))

    def _route(self, code: np.ndarray, step: np.ndarray) -> Answer:
        """Return the routes; an appeal by the contract's own terms is a contract dispute."""
        found = self.code.answer("route", code)
        by_contract = self.fixed.flags("by_contract", self._places["fixed"].take(step))
        if by_contract.any():
            with self._lock:
                words = self.code.words["route"]
                appeal, dispute = words.number("appeal"), words.number("contract_dispute")
            found.values[by_contract & (found.values == appeal)] = dispute
        return found

    def _why(self, code: np.ndarray, step: np.ndarray) -> Answer:
        """Return the reasons, composed now; where the code leaves no appeal, they are the code's."""
        whys = self._places["why"]
        values = whys.take(step)
        new = pd.unique(step[values == _NOT_ASKED])
        if len(new):
            with self._lock:
                new = new[whys.take(new) == _NOT_ASKED]
                of = (self._places[name].take(new).tolist() for name in ("variant", "day"))
                whys.put(new, [self._composed(*one) for one in zip(*of, strict=True)])
            values = whys.take(step)
        of_code = np.flatnonzero(values == _OF_THE_CODE)
        if len(of_code):
            with self._lock:
                said = self.code.words["why_not"].list
                table = np.array([self._why_words.number(word) for word in said], np.int32)
            values[of_code] = table.take(self.code.columns["why_not"].take(code[of_code]))
        return Answer("text", values, self._why_words.list)

    def _composed(self, variant: int, code: int) -> int:
        number, lies = self._variants[variant]
        state = self._states[number]
        return self._why_number(self._answer(state, self._next(state, code, lies)))

    def _started(self, step: np.ndarray) -> Iterator[tuple[int, str, np.ndarray]]:
        """Give the columns of days of an appeal that started clocks, each with its kind and the rows."""
        fixed = self._places["fixed"].take(step)
        for flag, number in (("from_decision", 2), ("from_filing", 3)):
            yield number, _STARTED[number], self.fixed.flags(flag, fixed)

    def _notice_date(self, row: Row, step: np.ndarray) -> Answer:
        days, _ = row.notice()
        for _, column, started in self._started(step):
            if started.any():
                days = np.where(started, row.days(column), days)
        return Answer("date", since_epoch(days))

    def _notice_from(self, row: Row, step: np.ndarray) -> Answer:
        _, source = row.notice()
        for number, _, started in self._started(step):
            source = np.where(started, np.int32(number + 1), source)
        words = ("", "notice_date", "remittance_date", *_STARTED.values())
        return Answer("text", source, words)

    def _unread(self, row: Row, who: np.ndarray, code: np.ndarray) -> Answer:
        """Return what could not be read, by column: never what a cell says."""
        said = [
            (kept.columns["findings"].take(numbers), kept.words["findings"].list)
            for kept, numbers in ((self.who, who), (self.code, code))
        ]
        said += [(codes, [_finding(name, wrong) for wrong in kinds])
                 for name, codes, kinds in row.unread()]  # fmt: skip
        if "last_level" in row.columns:
            program = self.who.columns["program"].take(who) + 1
            names = (None, *self.who.words["program"].list)
            level, levels = row.codes("last_level")
            pairs, number = np.unique(program * np.int64(levels) + level, return_inverse=True)
            says = []
            for pair in pairs.tolist():
                whose, at = divmod(pair, levels)
                word = self.cells["last_level"].value(at)
                says.append(_finding("last_level", facts.level_of(names[whose], word)[1]))
            said.insert(min(len(said), 2 + row.before_level), (number, says))
        return _joined_texts(said, row.size)


@cache
def _barred_anywhere() -> frozenset[str]:
    return frozenset(category for name in programs() for category in barred_categories(name))


def _finding(column: str, problem: str) -> str:
    return f"{column}: {facts.SAYS[problem]}" if problem else ""


def _unread_day(number: int) -> tuple[str, str] | None:
    """Return the column and kind of a day that cannot be read (see `Row.unread_day`)."""
    if not number:
        return None
    at, wrong = divmod(number, FIRST_DAY)
    return ("notice_date", "remittance_date", "notice_received")[at], WRONG[wrong]


def _code_findings(*cells: str | None) -> list[str]:
    given = dict(zip(facts.WHAT, cells, strict=True))
    found = findings_of(given | {"program": None, "procedure_code": None})
    return [f"{column}: {FINDINGS[code]}" for column, code in found]


def _joined_texts(said: list[tuple[np.ndarray, list[str]]], size: int) -> Answer:
    """Return the texts of several columns as one, parted by semicolons."""
    said = [(codes, says) for codes, says in said if any(says)]
    number, texts = np.zeros(size, np.int64), [""]
    for codes, says in said:
        pairs, number = np.unique(number * len(says) + codes, return_inverse=True)
        both = [divmod(pair, len(says)) for pair in pairs.tolist()]
        texts = ["; ".join(filter(None, (texts[left], says[right]))) for left, right in both]
    words = Words()
    table = np.array([words.number(text) for text in texts], np.int32)
    return Answer("text", table.take(number), words.list)

"""Totals of files of denial rows: counts and cents by answers, columns and months, in one pass."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.cells import NOTHING
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.worklist import facts, rows
from toolkit.worklist.answers import ANSWERS, Answer
from toolkit.worklist.columns import EPOCH, NO_DAY, cents_of, listed_cells
from toolkit.worklist.numbering import Combinations, Numbered, Values
from toolkit.worklist.row_parts import Task, batches
from toolkit.worklist.row_runs import ARROW_KINDS, Run, jobs_for, run
from toolkit.worklist.row_sources import TEXTS, cast, opened, united

_MONTHS = "month"
_SUMS = ("denials", "denied_cents", "no_amount", "bad_amount")


@dataclass(frozen=True)
class _TotalsRun(Run):
    groups: "_Groups" = field(kw_only=True)


# Sums by group number: arrays by the names of `_SUMS`; those that are all zeros may be left out.
_Sums = dict[str, np.ndarray]


def _add(given: _TotalsRun, task: Task) -> _Sums:
    """Return the sums of the rows of a task, by group."""
    groups = given.groups
    wanted = set(facts.FACTS) - set(given.asked.idle)
    if "second_look" not in given.answers:
        wanted.discard("procedure_code")  # no other answer turns on it
    wanted |= {name for name in groups.by if name not in ANSWERS and name != _MONTHS}
    may_skip = frozenset({"remittance_date"} - set(groups.by))
    sums: _Sums = {}
    for part in task.parts:
        for table in batches(given.files[part.file], part, wanted, may_skip=may_skip):
            if len(table):
                _more(sums, groups.sums(table, given.answers_to(table)))
    return sums


def _more(sums: _Sums, others: _Sums) -> None:
    """Add to sums; either may know more groups."""
    for name, more in others.items():
        found = sums.setdefault(name, more)
        if found is not more:
            less, sums[name] = sorted((found, more), key=len)
            sums[name][: len(less)] += less


class _Groups:
    """The groups of totals, numbered as they are met; threads share them."""

    def __init__(self, by: tuple[str, ...], schema: pa.Schema) -> None:
        self.by, self._schema, self._lock = by, schema, RLock()
        self._values = [_GroupValues(self._lock) for _ in by]
        # Without columns all rows are of one group.
        self._of = Numbered(max(len(by), 1), self._lock)

    def sums(self, table: pa.Table, answers: dict[str, Answer]) -> _Sums:
        """Return counts and cents of some rows, by group."""
        none = (np.zeros(len(table), np.int32), 1)
        parts = []
        for name, values in zip(self.by, self._values, strict=True):
            if name == _MONTHS:
                parts.append(values.of_days(answers["notice_date"].values, months=True))
            elif name in answers:
                parts.append(values.of_answer(answers[name]))
            elif name in table.column_names:
                cells = cast(table[name], self._schema.field(name).type)
                parts.append(values.of_cells(*listed_cells(cells)))
            else:
                parts.append(none)
        group = self._of.of(parts or [none]).astype(np.intp)
        amount = next((name for name in facts.AMOUNT if name in table.column_names), None)
        if amount is None:
            cents, wrong = np.full(len(table), NOTHING), np.zeros(len(table), np.int8)
        else:
            cents, wrong = cents_of(table[amount], dollars=amount == "denied")
        found = {"denials": np.bincount(group)}
        missing = cents == NOTHING
        if missing.any():
            cents = np.where(missing, 0, cents)
            found["no_amount"] = np.bincount(group[missing])
        if wrong.any():
            found["bad_amount"] = np.bincount(group[wrong > 0])
        return found | {"denied_cents": _summed(group, cents)}

    def table(self, sums: _Sums) -> pa.Table:
        """Return the totals, one row per group, sorted by the columns of the groups."""
        size = len(self._of.entries) if self.by else 2
        columns = {name: np.zeros(size, np.int64) for name in _SUMS}
        _more(columns, sums)
        kept = np.flatnonzero(columns["denials"]) if self.by else np.array([1])
        places, order = [], np.arange(len(kept))
        for at, (name, values) in enumerate(zip(self.by, self._values, strict=True)):
            met = self._of.entries.part(at).take(kept - 1)
            places.append((pa.array(values.values, self._kind(name)), met - 1))
        for values, place in reversed(places):
            order = order.take(np.argsort(_ranks(values).take(place.take(order)), kind="stable"))
        groups = [
            values.take(pa.array(place.take(order), mask=place.take(order) < 0))
            for values, place in places
        ]
        kept = kept.take(order)
        return pa.table(
            [*groups, *(pa.array(columns[name].take(kept)) for name in _SUMS)],
            names=[*self.by, *_SUMS],
        )

    def _kind(self, name: str) -> pa.DataType:
        if name == _MONTHS:
            return pa.date32()
        kind = ARROW_KINDS[ANSWERS[name]] if name in ANSWERS else self._schema.field(name).type
        return pa.string() if kind == TEXTS or pa.types.is_nested(kind) else kind


def _ranks(values: pa.Array) -> np.ndarray:
    """Return the ranks of values, and last that of none, which is the greatest."""
    ranks = pc.rank(values, tiebreaker="dense").to_numpy().astype(np.int32)
    return np.append(ranks, np.int32(len(ranks) + 1))


def _summed(group: np.ndarray, cents: np.ndarray) -> np.ndarray:
    """Return the sum of cents by group, exactly."""
    most = max(abs(int(cents.max(initial=0))), abs(int(cents.min(initial=0))))
    if most * len(cents) < 1 << 53:  # floats hold such sums exactly
        return np.bincount(group, weights=cents).astype(np.int64)
    found = np.zeros(int(group.max()) + 1, np.int64)
    np.add.at(found, group, cents)
    return found


class _GroupValues:
    """The values of one column of groups: 0 is missing, the others from 1, as they are met."""

    def __init__(self, lock: RLock) -> None:
        self._known, self._lock = Values(), lock
        self._days = Combinations(1, self._new_days, lock)
        self._months = Combinations(1, self._new_months, lock)
        self._words = _Words((), self._of_words(()))

    @property
    def values(self) -> list[Any]:
        return self._known.list

    def of_cells(self, places: np.ndarray, values: list) -> tuple[np.ndarray, int]:
        """Return the number of each row's cell, and how many numbers there are."""
        return self._taken(places, values)

    def of_answer(self, answer: Answer) -> tuple[np.ndarray, int]:
        if answer.kind == "text":
            known = self._words
            if known.words is not answer.words:  # a kernel adds to its words and keeps their places
                known = self._words = _Words(answer.words, self._of_words(answer.words))
            return self._learned(known.numbers, answer.values + 1, len(answer.words) + 1)
        if answer.kind == "flag":
            return self._taken(answer.values.astype(np.int8), [False, True])
        if answer.kind == "date":
            return self.of_days(answer.values)
        places, values = pd.factorize(answer.values)
        return self._taken(places, [None if one == NO_DAY else one for one in values.tolist()])

    def of_days(self, days: np.ndarray, *, months: bool = False) -> tuple[np.ndarray, int]:
        """Return the numbers of days, or of the first days of their months."""
        place = (days + np.int32(_BEFORE)) * (days != NO_DAY)
        return self._learned(self._months if months else self._days, place, 1 << 18)

    def _learned(
        self, numbers: Combinations, places: np.ndarray, size: int
    ) -> tuple[np.ndarray, int]:
        # What is learned is one more than the number, as 0 is not met.
        return numbers.of([(places, size)]) - np.int32(1), len(self.values) + 1

    def _taken(self, places: np.ndarray, values: list[Any]) -> tuple[np.ndarray, int]:
        with self._lock:
            table = np.array([*map(self._number, values), 0], np.int32)
        return table.take(places), len(self.values) + 1

    def _number(self, value: Any) -> int:
        return self._known.number(value) + 1

    def _of_words(self, words: Sequence[str]) -> Combinations:
        def new(places: np.ndarray) -> list[int]:
            return [
                1 + self._number(words[place - 1] if place else None)
                for place in places[:, 0].tolist()
            ]

        return Combinations(1, new, self._lock)

    def _new_days(self, new: np.ndarray) -> list[int]:
        return [
            1 + self._number(EPOCH + timedelta(days=day - _BEFORE) if day else None)
            for day in new[:, 0].tolist()
        ]

    def _new_months(self, new: np.ndarray) -> list[int]:
        days = [
            EPOCH + timedelta(days=day - _BEFORE) if day else None for day in new[:, 0].tolist()
        ]
        return [1 + self._number(day.replace(day=1) if day else None) for day in days]


@dataclass(frozen=True)
class _Words:
    """The words of an answer, and the numbers of their places; place 0 is none."""

    words: Sequence[str]
    numbers: Combinations


_BEFORE = 100_000  # days before 1970 that a day's place begins


def totals(
    paths: Path | str | Iterable[Path | str],
    *,
    by: Iterable[str],
    as_of: date,
    hospital: Hospital,
    memory: str | None = None,
    jobs: int | None = None,
) -> pd.DataFrame:
    """Return counts and whole cents of the rows of files: one row per combination of `by`.

    `by` names answers, columns of the rows, and `month` (the first day of the month of the notice
    that counts). Columns: those of `by`, `denials`, `denied_cents`, `no_amount` (rows without an
    amount) and `bad_amount` (rows with one that cannot be read). Sorted by `by`. `attrs["notes"]`
    tells of files whose columns differ, and of those of a folder that cannot be opened. The files
    are read once. `memory`, `jobs` and errors are those of `triage_files`.
    """
    by = tuple(by)
    files, notes = opened(paths)
    jobs, schema = jobs_for(jobs, memory), united(files)
    if not set(by) <= {*ANSWERS, _MONTHS, *schema.names}:
        raise UsageError("by: names a column that is neither an answer nor in the rows")
    names = {"notice_date" if name == _MONTHS else name for name in by} & set(ANSWERS)
    groups = _Groups(by, schema)
    asked = rows.asker(as_of=as_of, hospital=hospital)
    given = _TotalsRun(files, asked, tuple(names), schema, groups=groups)
    sums: _Sums = {}

    def begin() -> Callable:
        sums.clear()
        return partial(_more, sums)

    run(given, jobs, _add, begin)
    frame = _framed(groups.table(sums))
    frame.attrs["notes"] = notes
    return frame


def _framed(table: pa.Table) -> pd.DataFrame:
    """Return a small table as the house holds frames: str, datetime64[us], Int64."""
    frame = table.to_pandas(date_as_object=False)
    for column in frame.columns:
        if pd.api.types.is_integer_dtype(frame[column]):
            frame[column] = frame[column].astype("Int64")
        elif frame[column].dtype.kind == "M":
            frame[column] = frame[column].astype("datetime64[us]")
        elif frame[column].dtype == bool:
            frame[column] = frame[column].astype("boolean")
    return frame

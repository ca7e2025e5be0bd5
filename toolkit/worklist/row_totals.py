"""Totals of files of denial rows: counts and cents by answers, columns and months, in one pass."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
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
_DAYS = {*facts.DAYS, "filed_on"}
_SUMS = ("denials", "denied_cents", "no_amount", "bad_amount")


@dataclass(frozen=True)
class _TotalsRun(Run):
    groups: "_Groups" = field(kw_only=True)


def _add(given: _TotalsRun, task: Task) -> np.ndarray:
    """Return the sums of the rows of a task, by group."""
    groups = given.groups
    wanted = set(facts.FACTS) - set(given.asked.idle)
    if "second_look" not in given.answers:
        wanted.discard("procedure_code")  # no other answer turns on it
    wanted |= {name for name in groups.by if name not in ANSWERS and name != _MONTHS}
    may_skip = frozenset({"remittance_date"} - set(groups.by))
    sums = np.zeros((len(_SUMS), 0), np.int64)
    for part in task.parts:
        file, days = given.files[part.file], given.days_of(part.file)
        for table in batches(file, part, wanted, days, may_skip=may_skip):
            if len(table):
                sums = _more(sums, groups.sums(table, given.answers_to(table)))
    return sums


def _more(sums: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the sums of both; either may know more groups."""
    if sums.shape[1] < others.shape[1]:
        sums, others = others, sums
    sums[:, : others.shape[1]] += others
    return sums


class _Groups:
    """The groups of totals, numbered as they are met; threads share them."""

    def __init__(self, by: tuple[str, ...], schema: pa.Schema) -> None:
        self.by, self._schema, self._lock = by, schema, RLock()
        self._values = [_GroupValues(self._lock) for _ in by]
        self._of = Numbered(len(by), self._lock)

    def sums(self, table: pa.Table, answers: dict[str, Answer]) -> np.ndarray:
        """Return counts and cents of some rows (see `_SUMS`), by group."""
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
                parts.append((np.zeros(len(table), np.int32), 1))
        group = self._of.of(parts) if parts else np.ones(len(table), np.int32)
        amount = next((name for name in facts.AMOUNT if name in table.column_names), None)
        if amount is None:
            cents, wrong = np.full(len(table), NOTHING), np.zeros(len(table), np.int8)
        else:
            cents, wrong = cents_of(table[amount], dollars=amount == "denied")
        missing = cents == NOTHING
        if missing.any():
            cents = np.where(missing, 0, cents)
        size = max(len(self._of.entries), 2)
        found = np.zeros((len(_SUMS), size), np.int64)
        found[0] = np.bincount(group, minlength=size)
        found[1] = _summed(group, cents, size)
        for at, which in ((2, missing), (3, wrong > 0)):
            if which.any():
                found[at] = np.bincount(group[which], minlength=size)
        return found

    def table(self, sums: np.ndarray) -> pa.Table:
        """Return the totals: one row per group."""
        if not self.by:
            sums = _more(sums, np.zeros((len(_SUMS), 2), np.int64))
            return pa.table({name: sums[at, 1:2] for at, name in enumerate(_SUMS)})
        met = np.array([*self._of.entries], np.int64).reshape(-1, len(self.by))
        columns = []
        for at, (name, values) in enumerate(zip(self.by, self._values, strict=True)):
            places = pa.array(met[:, at] - 1, mask=met[:, at] == 0)
            kind = self._kind(name)
            columns.append(pa.array(values.values, kind).take(places))
        sums = _more(sums, np.zeros((len(_SUMS), len(self._of.entries)), np.int64))
        return pa.table([*columns, *map(pa.array, sums[:, 1:])], names=[*self.by, *_SUMS])

    def _kind(self, name: str) -> pa.DataType:
        if name == _MONTHS:
            return pa.date32()
        kind = ARROW_KINDS[ANSWERS[name]] if name in ANSWERS else self._schema.field(name).type
        return pa.string() if kind == TEXTS or pa.types.is_nested(kind) else kind


def _summed(group: np.ndarray, cents: np.ndarray, size: int) -> np.ndarray:
    """Return the sum of cents by group, exactly."""
    most = max(abs(int(cents.max(initial=0))), abs(int(cents.min(initial=0))))
    if most * len(cents) < 1 << 53:  # floats hold such sums exactly
        return np.bincount(group, weights=cents, minlength=size).astype(np.int64)
    found = np.zeros(size, np.int64)
    np.add.at(found, group, cents)
    return found


class _GroupValues:
    """The values of one column of groups: 0 is missing, the others from 1, as they are met."""

    def __init__(self, lock: RLock) -> None:
        self._known, self._lock = Values(), lock
        self._days = Combinations(1, self._new_days, lock)
        self._months = Combinations(1, self._new_months, lock)

    @property
    def values(self) -> list[Any]:
        return self._known.list

    def of_cells(self, places: np.ndarray, values: list) -> tuple[np.ndarray, int]:
        """Return the number of each row's cell, and how many numbers there are."""
        return self._taken(places, values)

    def of_answer(self, answer: Answer) -> tuple[np.ndarray, int]:
        if answer.kind == "text":
            return self._taken(*answer.narrow())
        if answer.kind == "flag":
            return self._taken(answer.values.astype(np.int8), [False, True])
        if answer.kind == "date":
            return self.of_days(answer.values)
        places, values = pd.factorize(answer.values)
        return self._taken(places, [None if one == NO_DAY else one for one in values.tolist()])

    def of_days(self, days: np.ndarray, *, months: bool = False) -> tuple[np.ndarray, int]:
        """Return the numbers of days, or of the first days of their months."""
        learned = self._months if months else self._days
        place = np.where(days == NO_DAY, 0, days + np.int32(_BEFORE))
        # What is learned is one more than the number, as 0 is not met.
        return learned.of([(place, 1 << 18)]) - 1, len(self.values) + 1

    def _taken(self, places: np.ndarray, values: list[Any]) -> tuple[np.ndarray, int]:
        with self._lock:
            table = np.array([*map(self._number, values), 0], np.int32)
        return table.take(places), len(self.values) + 1

    def _number(self, value: Any) -> int:
        return self._known.number(value) + 1

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
    given.days.update((at, set(file.schema.names) & _DAYS - set(by))
                      for at, file in enumerate(files) if file.offset is not None)  # fmt: skip
    sums = np.zeros((len(_SUMS), 0), np.int64)

    def begin() -> Callable:
        nonlocal sums
        sums = np.zeros((len(_SUMS), 0), np.int64)
        return done

    def done(more: np.ndarray) -> None:
        nonlocal sums
        sums = _more(sums, more)

    run(given, jobs, _add, begin)
    table = groups.table(sums)
    if by:
        places = [f"g{at}" for at in range(len(by))]
        table = table.rename_columns([*places, *_SUMS])
        table = table.filter(pc.greater(table["denials"], 0))
        table = table.sort_by([(place, "ascending") for place in places])
        table = table.rename_columns([*by, *_SUMS])
    frame = _framed(table)
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

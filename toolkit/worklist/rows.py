"""The triage of rows that a pandas frame or an Arrow table holds, by the kernel."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.worklist import facts
from toolkit.worklist.answers import ANSWERS, Answer
from toolkit.worklist.columns import NO_DAY
from toolkit.worklist.kernel import Kernel
from toolkit.worklist.numbering import Values

_KEPT = 4_000_000  # past so many answers all is forgotten: what is kept has a bound


class Asker:
    """The questions of one triage with what was asked so far; threads may share it."""

    def __init__(self, *, as_of: date, hospital: Hospital) -> None:
        # Who pays is looked up in the payer table and the contracts alone.
        looked_up = hospital.payers or hospital.contracts
        self.idle = () if looked_up else ("payer_id", "payer_name", "plan_name")
        self._given = {"as_of": as_of, "hospital": hospital}
        self._asked: Counter[str] = Counter()
        self._lock = Lock()
        self._kernel = self._begun()

    def _begun(self) -> Kernel:
        return Kernel(**self._given, asked=self._asked)

    def answers(self, columns: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Answer]:
        """Return the wanted answers to rows, whose facts are columns of pandas or of Arrow."""
        with self._lock:
            if self._kernel.size > _KEPT:
                self._kernel = self._begun()
            kernel = self._kernel
        return kernel.answers(
            {name: column for name, column in columns.items() if name not in self.idle}, wanted
        )

    @property
    def questions(self) -> dict[str, int]:
        """How often each question was asked in plain Python so far, and `all` of them together."""
        found = {name: count for name, count in self._asked.items() if name != "days at once"}
        return dict(sorted(found.items())) | {"all": sum(found.values())}

    @property
    def days_at_once(self) -> int:
        """How many days were put to a clock by arrays so far."""
        return self._asked["days at once"]


# --- pandas --------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def asker(*, as_of: date, hospital: Hospital) -> Asker:
    """Return the asker of these arguments: the one of before, with what it was asked, if there is."""
    return Asker(as_of=as_of, hospital=hospital)


def wanted(columns: Iterable[str] | None) -> tuple[str, ...]:
    """Return the answers that are asked for, in their order; refuse a name that is none."""
    if columns is None:
        return tuple(ANSWERS)
    if isinstance(columns, str):
        columns = (columns,)
    asked = set(columns)
    if strange := asked - set(ANSWERS):
        raise UsageError(
            f"columns: {len(strange)} of the names are not answers; the answers are {', '.join(ANSWERS)}"
        )
    return tuple(name for name in ANSWERS if name in asked)


def there(names: Iterable[str]) -> tuple[str, ...]:
    """Return which of a frame's columns are facts; refuse a frame that holds no reason."""
    names = list(map(str, names))
    found = tuple(name for name in facts.FACTS if name in names)
    if not set(facts.REASONS) & set(found):
        raise UsageError(
            f"the rows have no column {', '.join(facts.REASONS[:-1])} or {facts.REASONS[-1]}; "
            f"columns read: {', '.join(facts.FACTS)}. Rename yours to these."
        )
    twice = [name for name in found if names.count(name) > 1]
    if twice:
        raise UsageError(f"the rows have the column {twice[0]} twice")
    return found


# So many rows are numbered at once: what is held beside the frame has a bound.
_BLOCK = 400_000


def triage_frame(frame: pd.DataFrame, asked: Asker, names: tuple[str, ...]) -> pd.DataFrame:
    """Return the frame with the answers `names`, in its order and with its index."""
    facts_there = there(frame.columns)
    if len(frame) <= _BLOCK * 3 // 2:
        found = asked.answers({name: frame[name] for name in facts_there}, names)
    else:
        parts = []
        for start in range(0, len(frame), _BLOCK):
            part = frame.iloc[start : start + _BLOCK]
            parts.append(asked.answers({name: part[name] for name in facts_there}, names))
        found = {name: joined([part.pop(name) for part in parts]) for name in names}
    added = {name: to_pandas(found.pop(name)) for name in names}
    out = frame.copy(deep=False)
    new = {}
    for name, values in added.items():
        if name in out.columns:
            out[name] = pd.Series(values, index=out.index, copy=False)
        else:
            new[name] = values
    return pd.concat([out, pd.DataFrame(new, index=out.index, copy=False)], axis=1) if new else out


def joined(parts: list[Answer]) -> Answer:
    """Return answers to parts of the rows as one."""
    kind = parts[0].kind
    if kind != "text":
        return Answer(kind, np.concatenate([part.values for part in parts]))
    if all(part.words is parts[0].words for part in parts):
        return Answer(kind, np.concatenate([part.values for part in parts]), parts[0].words)
    words, values = Values(), []
    for part in parts:
        places, said = part.narrow()
        table = np.array([*map(words.number, said), -1], np.int32)
        values.append(table.take(places))
    return Answer(kind, np.concatenate(values), words.list)


def to_pandas(answer: Answer) -> Any:
    """Return an answer as pandas holds it: categories, datetime64[us], Int64 or bool."""
    if answer.kind == "text":
        values, words = answer.narrow()
        return pd.Categorical.from_codes(values, pd.Index(words, dtype="str"), validate=False)
    if answer.kind == "flag":
        return answer.values
    missing = answer.values == NO_DAY
    if answer.kind == "date":
        days = answer.values.astype("datetime64[D]").astype("datetime64[us]")
        days[missing] = np.datetime64("NaT")
        return days
    values = answer.values.astype(np.int64)
    values[missing] = 0
    return pd.arrays.IntegerArray(values, missing)


def to_arrow(answer: Answer, *, plain: bool = False) -> pa.Array:
    """Return an answer as Arrow holds it: a dictionary of texts (`plain`: texts), date32, int32, bool."""
    if answer.kind == "flag":
        return pa.array(answer.values)
    if answer.kind == "text":
        values, words = answer.narrow()
        missing = values < 0
        places = pa.array(values, pa.int32(), mask=missing if missing.any() else None)
        if plain:
            return pa.array(words, pa.string()).take(places)
        return pa.DictionaryArray.from_arrays(places, pa.array(words, pa.string()))
    values = pa.array(answer.values, pa.int32(), mask=answer.values == NO_DAY)
    return values.cast(pa.date32()) if answer.kind == "date" else values


def triage_table(table: pa.Table, asked: Asker, names: tuple[str, ...]) -> pa.Table:
    """Return the Arrow table with the answers `names`, in its order; texts are dictionaries."""
    found = there(table.column_names)
    answers = asked.answers({name: table[name] for name in found}, names)
    for name in names:
        values = to_arrow(answers.pop(name))
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, values)
        else:
            table = table.append_column(name, values)
    return table

"""Ask a plain-Python question once per distinct key, and join the answers back.

This is how what the law and the codes say reaches a frame: decided in one place, one fact at a
time, and never said again in the language of columns.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import DTYPES, Kind, text
from toolkit.worklist.numbering import firsts, mixed

NO_DAY = np.datetime64("NaT", "us")


def ask(
    frame: pd.DataFrame,
    keys: Iterable[str],
    question: Callable[..., dict[str, Any]],
    *,
    categories: bool = False,
) -> pd.DataFrame:
    """Ask a plain-Python question once per distinct combination of keys; join the answers back.

    `question` takes the keys as keyword arguments (missing is None, dates are `date`) and returns
    a dict; the result has the frame's index and one column per key of that dict. With `categories`
    its texts are categories, which join ten times as quickly.
    """
    keys = list(keys)
    if frame.empty:  # asked once of nothing, to know the columns
        table = _table([question(**dict.fromkeys(keys))], question)
        return table.iloc[:0].set_axis(frame.index)
    columns = [coded(frame[key]) for key in keys]
    number, first = combined(columns)
    plain = [column.take(first).plain() for column in columns]
    answers = [
        question(**dict(zip(keys, values, strict=True))) for values in zip(*plain, strict=True)
    ]
    table = _table(answers, question)
    if categories:
        texts = table.select_dtypes("str").columns
        table = table.astype(dict.fromkeys(texts, "category"))
    return table.take(number).set_index(frame.index)


def _table(answers: list[dict[str, Any]], question: Callable[..., dict[str, Any]]) -> pd.DataFrame:
    """Return the answers as a frame: of the kinds that the question declares, if it does."""
    kinds = getattr(question, "answers", None)
    if kinds is None:
        return pd.DataFrame(answers)
    table = {}
    for name, kind in kinds.items():
        values, dtype = [answer[name] for answer in answers], DTYPES[kind]
        days = kind == "date"
        table[name] = (
            pd.to_datetime(values).astype(dtype)
            if days
            else pd.Series(values, dtype=cast(Any, dtype))
        )
    return pd.DataFrame(table)


def each(column: pd.Series, change: Callable[[Any], str | None]) -> pd.Series:
    """Return the column with every distinct value changed once, as categories; missing stays so."""
    number, distinct = pd.factorize(column)
    changed = pd.Series([*(change(value) for value in distinct), None], dtype="str")
    place, words = pd.factorize(changed)
    return pd.Series(pd.Categorical.from_codes(place[number], words), index=column.index)


# --- columns by numbers --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Coded:
    """A column by numbers: which of `values` each row has; -1 is missing.

    `values` are plain Python: texts, days, whole numbers or flags. Numbers are taken, compared and
    sorted ten times as quickly as texts, and the texts are written out once, at the end.
    """

    code: np.ndarray
    values: Sequence[Any]

    def take(self, at: np.ndarray) -> "Coded":
        """Return the column at these places; -1 is missing."""
        return Coded(taken(self.code, at, -1), self.values)

    def only(self, where: np.ndarray) -> "Coded":
        """Return the column with nothing outside `where`."""
        return Coded(np.where(where, self.code, -1), self.values)

    def filled(self, value: Any) -> "Coded":
        """Return the column with `value` where it is missing."""
        return self.with_value(self.code < 0, value)

    def with_value(self, where: np.ndarray, value: Any) -> "Coded":
        """Return the column with `value` in these rows."""
        if not where.any():
            return self
        if value in self.values:
            return Coded(np.where(where, self.values.index(value), self.code), self.values)
        return Coded(np.where(where, len(self.values), self.code), [*self.values, value])

    def otherwise(self, other: "Coded") -> "Coded":
        """Return the column with another's values where it is missing."""
        both = self.followed(other)
        return Coded(np.where(self.code < 0, both.code[len(self.code) :], self.code), both.values)

    def isin(self, values: Container[Any]) -> np.ndarray:
        """Return which rows have one of these values; a missing one has none."""
        return np.array([*(value in values for value in self.values), False], dtype=bool)[self.code]

    def followed(self, after: "Coded") -> "Coded":
        """Return one column after the other."""
        values = list(self.values)
        number = {value: at for at, value in enumerate(values)}
        for value in after.values:
            if value not in number:
                number[value] = len(values)
                values.append(value)
        code = np.array([*map(number.get, after.values), -1], dtype="int64")[after.code]
        return Coded(np.concatenate([self.code, code]), values)

    def by_letters(self) -> np.ndarray:
        """Return the place of each row's text in the order of their letters; -1 for a missing one."""
        place = {value: at for at, value in enumerate(sorted(set(self.values)))}
        return np.array([*(place[value] for value in self.values), -1])[self.code]

    def used(self) -> "Coded":
        """Return the same column with only the values that it has, each once."""
        there = np.zeros(len(self.values) + 1, dtype=bool)
        there[self.code] = True
        at = np.flatnonzero(there[:-1])
        values = [*map(self.values.__getitem__, at.tolist())]
        number = dict.fromkeys(values)
        place = np.full(len(there), -1, dtype="int32")
        if len(number) == len(values):
            place[at] = np.arange(len(at))
        else:
            number = {value: n for n, value in enumerate(number)}
            place[at] = [*map(number.__getitem__, values)]
        return Coded(place[self.code], [*number])

    def value(self, row: int) -> Any:
        """Return what one row has; None where it is missing."""
        code = int(self.code[row])
        return self.values[code] if code >= 0 else None

    def plain(self) -> list[Any]:
        """Return what each row has, in plain Python; None where it is missing."""
        return [*map([*self.values, None].__getitem__, self.code.tolist())]

    def array(self, kind: Kind, *, categories: bool = False) -> Any:
        """Return the cells as a column's array of that kind; texts as categories, if asked for."""
        if kind == "text":
            if categories:
                found = self.used()
                return pd.Categorical.from_codes(found.code, pd.Index(found.values, dtype="str"))
            words = self.arrow()
            return text(words.dictionary.take(words.indices))
        if kind == "date":
            return np.array([*self.values, None], dtype="datetime64[us]")[self.code]
        values = np.array([*self.values, 0], dtype=bool if kind == "flag" else "int64")
        array = pd.arrays.BooleanArray if kind == "flag" else pd.arrays.IntegerArray
        return array(values[self.code], self.code < 0)

    def arrow(self) -> pa.DictionaryArray:
        """Return a column of texts as Arrow holds one: the texts that it has, and their numbers."""
        found = self.used()
        texts = pa.array(found.values, pa.large_string())
        return pa.DictionaryArray.from_arrays(_places(found.code), texts)


def coded(column: pd.Series) -> Coded:
    """Return a column of few distinct values by numbers: texts, days, whole numbers or flags."""
    if column.dtype.kind == "M":
        code, distinct = pd.factorize(column.to_numpy())
        return Coded(code, distinct.astype("datetime64[D]").tolist())
    if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        words = _whole(pa.array(column))
        if not pa.types.is_dictionary(words.type):
            words = words.dictionary_encode()
        code = words.indices.cast(pa.int32()).fill_null(-1).to_numpy()
        return Coded(code, words.dictionary.to_pylist())
    code, distinct = pd.factorize(column)
    return Coded(code, distinct.tolist())


def taken(values: np.ndarray, at: np.ndarray, missing: Any) -> np.ndarray:
    """Return the values at these places; `missing` where the place is -1."""
    if not len(values):
        return np.full(len(at), missing, dtype=values.dtype)
    found = values[at]
    outside = at < 0
    if outside.any():
        found[outside] = missing
    return found


def combined(columns: Iterable[Coded]) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each row's combination, in order of first appearance, and those rows."""
    number = mixed((column.code, len(column.values)) for column in columns)
    return number, firsts(number)


# --- text keys -----------------------------------------------------------------------------------


def keys_of(column: pd.Series) -> pa.Array:
    """Return a column of text keys as one Arrow array."""
    found = _whole(pa.array(column))
    return found if pa.types.is_large_string(found.type) else found.cast(pa.large_string())


def keys_at(keys: pa.Array, at: np.ndarray) -> pa.Array:
    """Return the keys at these places; missing where the place is -1."""
    return keys.take(_places(at))


def _places(at: np.ndarray) -> pa.Array:
    missing = at < 0
    return pa.array(at, mask=missing if missing.any() else None)


def positions(keys: pa.Array, known: pa.Array) -> np.ndarray:
    """Return for each key its place among the known ones; -1 where it is missing or unknown."""
    if not len(keys):
        return np.empty(0, dtype="int64")
    if keys.null_count:
        return _sought(keys, known)
    # A file comes in order: mostly its keys, without what repeats the row before, are the known.
    starts = np.ones(len(keys), dtype=bool)
    starts[1:] = pc.not_equal(keys[1:], keys[:-1]).to_numpy(zero_copy_only=False)
    run = np.cumsum(starts) - 1
    if len(run) > run[-1] + 1:
        keys = keys.take(pa.array(np.flatnonzero(starts)))
    if len(keys) == len(known) and keys.equals(known):
        return run
    return _sought(keys, known)[run]


def _sought(keys: pa.Array, known: pa.Array) -> np.ndarray:
    found = pc.index_in(keys, value_set=known, skip_nulls=known.null_count == 0)
    return found.fill_null(-1).to_numpy().astype("int64")


def _whole(found: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(found, pa.ChunkedArray):
        if pa.types.is_dictionary(found.type):
            found = found.unify_dictionaries()
        found = found.combine_chunks()
    return found

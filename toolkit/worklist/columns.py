"""The columns of rows as numbers: cells, days and amounts, of pandas or of Arrow.

Each distinct cell is read once (`toolkit.worklist.facts`). Nothing here knows a question.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from itertools import repeat
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.cells import NOTHING, PROBLEMS, read_moneys
from toolkit.claims.export.sheets import arrow_texts, laid_out
from toolkit.worklist import facts

EPOCH = date(1970, 1, 1)
NO_DAY = np.iinfo(np.int32).min

# A day's number: 0 is none, the next ones say what is wrong with the cell, the rest are days.
WRONG = ("", *sorted(PROBLEMS))
FIRST_DAY = 100
_DAY_ZERO = (date(1900, 1, 1) - EPOCH).days - FIRST_DAY
_LAST_DAY = (date(2099, 12, 31) - EPOCH).days - _DAY_ZERO
MONEY = ("not_money", "too_many_decimals")


def listed_cells(column: Any) -> tuple[np.ndarray, list]:
    """Return each row's place among the distinct cells (-1: missing), and these as a list."""
    place, values = distinct_cells(column)
    return place, values.to_pylist() if isinstance(values, pa.Array) else list(values)


def distinct_cells(column: Any) -> tuple[np.ndarray, Any]:
    """Return each row's place among the distinct cells (-1: missing), and these as Python values.

    Takes a pandas Series or an Arrow column. Texts come back as an Arrow array.
    """
    if isinstance(column, pd.Series):
        kind = column.dtype
        if isinstance(kind, pd.CategoricalDtype):
            values = column.cat.categories
            if len(values) <= max(len(column), 1000):
                return column.cat.codes.to_numpy(), _plain(values)
        elif kind.kind != "O" and not isinstance(kind, pd.StringDtype | pd.ArrowDtype):
            place, values = pd.factorize(column)
            return place, _plain(values)
        column = _as_arrow(column)
    column = laid_out(column)
    if isinstance(column, pa.ChunkedArray):
        column = column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column
        if not column.num_chunks:
            column = _none_of(column.type)
        elif column.num_chunks == 1:
            column = column.chunk(0)
        else:
            column = pa.concat_arrays(column.chunks)
    if pa.types.is_nested(column.type):  # a list of remark codes is no key
        column = pa.array([facts.text_of(one) for one in column.to_pylist()], pa.large_string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return _filled(column.indices, -1), column.dictionary


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _none_of(kind: pa.DataType) -> pa.Array:
    return pa.nulls(0, kind.value_type if pa.types.is_dictionary(kind) else kind)


def _filled(column: pa.Array, none: int) -> np.ndarray:
    """Return an Arrow array of numbers with `none` where it has no value."""
    if not column.null_count:
        return column.to_numpy()
    kind = np.dtype(column.type.to_pandas_dtype())
    values = np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column)]
    there = np.unpackbits(np.frombuffer(column.buffers()[0], np.uint8), bitorder="little")
    there = there[column.offset : column.offset + len(column)]
    # A multiplication costs a fraction of a choice; what goes round comes back with the sum.
    found = values - kind.type(none)
    found *= there
    found += kind.type(none)
    return found


def _as_arrow(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    """Return a column of texts or of Python objects as Arrow holds it; of mixed ones, their texts."""
    try:
        return pa.Array.from_pandas(column)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,  # raised for a column of mixed objects: its cells' texts are used
        OverflowError,
    ):
        return pa.array([facts.text_of(value) for value in column.array], pa.large_string())


def _plain(values: pd.Index) -> list:
    if values.dtype in (np.float32, np.float16):
        return list(map(float, values.astype(str)))  # as they print
    return values.tolist() if isinstance(values, pd.Index) else list(values)


_REMEMBERED = 1_000_000  # cells of a column; past so many all are forgotten


def _known(known: Mapping[Any, int], values: list, new: Callable[[Any], int]) -> list[int]:
    """Return the numbers of values, of which those that are not known are asked."""
    found = list(map(known.get, values, repeat(-1)))
    if -1 in found:
        return [
            new(value) if number < 0 else number
            for value, number in zip(values, found, strict=True)
        ]
    return found


class Cells:
    """The distinct cells of one column that were read so far: number 0 is an empty one."""

    def __init__(self, name: str, lock: RLock) -> None:
        self.name, self._read, self._lock = name, facts.READERS[name], lock
        self.entries: list[facts.Read] = [(None, "")]
        self._of_entry: dict[facts.Read, int] = {(None, ""): 0}
        self._of_cell: dict[Any, int] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def numbers(self, column: Any) -> np.ndarray:
        """Return the number of each row's cell; equal readings have one number."""
        if self.name == "denial_text":
            place, values = distinct_cells(column)
            if isinstance(values, pa.Array) and not pa.types.is_binary(values.type):
                return self._texts(values).take(place)
        place, values = listed_cells(column)
        return self._table(values).take(place)

    def _table(self, values: list) -> np.ndarray:
        """Return the numbers of distinct cells, and last that of an empty one, whose place is -1."""
        return np.array([*_known(self._of_cell, values, self._number), 0], dtype=np.int32)

    def _texts(self, values: pa.Array) -> np.ndarray:
        """Return the same of denial texts, of which most differ only by their longer numbers."""
        places, few = distinct_cells(_long_numbers_alike(values.cast(pa.large_string())))
        return np.append(self._table(few.to_pylist()).take(places), np.int32(0))

    def _number(self, value: Any) -> int:
        text = facts.text_of(value)
        text = facts.text_key(text) if self.name == "denial_text" else text
        entry = self._read(text) if text else (None, "")
        with self._lock:
            found = self._of_entry.get(entry)
            if found is None:
                found = len(self.entries)
                self.entries.append(entry)
                self._of_entry[entry] = found
            if len(self._of_cell) > _REMEMBERED:
                self._of_cell.clear()
            self._of_cell[value] = found
        return found

    def value(self, number: int) -> Any:
        return self.entries[number][0]


def _long_numbers_alike(texts: pa.Array) -> pa.Array:
    """Return texts with zeros for the digits of numbers of five and more: few are then different.

    They read the same, as `toolkit.worklist.facts.text_key` says.
    """
    validity, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return texts
    starts = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    signs = np.frombuffer(data, np.uint8)[starts[0] : starts[-1]]
    digit = (signs - np.uint8(ord("0"))) < 10
    # Runs of digits and of other signs; the beginning of a text begins one too.
    begins = np.empty(len(signs) + 1, bool)
    begins[0] = begins[-1] = True
    np.not_equal(digit[1:], digit[:-1], out=begins[1:-1])
    begins[starts - starts[0]] = True
    edges = np.flatnonzero(begins)
    sizes = np.diff(edges)
    long = digit[edges[:-1]] & (sizes >= 5)
    changed = np.where(np.repeat(long, sizes), np.uint8(ord("0")), signs)
    buffers = [validity, pa.py_buffer(np.append(np.zeros(texts.offset, np.int64), starts - starts[0])),
               pa.py_buffer(changed)]  # fmt: skip
    return pa.Array.from_buffers(texts.type, len(texts), buffers, offset=texts.offset)


def _day_number(value: Any) -> int:
    day, problem = facts.read_day(value)
    return WRONG.index(problem) if problem else 0 if day is None else day - _DAY_ZERO


def _native_days(column: Any) -> np.ndarray | None:
    """Return the numbers of a column that holds dates; None where it holds something else."""
    if isinstance(column, pd.Series):
        if column.dtype.kind == "M" and not isinstance(column.dtype, pd.ArrowDtype):
            if column.dt.tz is not None:
                column = column.dt.tz_localize(None)  # the day that the clock on the wall showed
            # NaT is the least int64, which is NOTHING
            return _numbered(column.to_numpy().astype("datetime64[D]").astype(np.int64), NOTHING)
        if column.dtype.kind in "OM" and not isinstance(column.dtype, pd.CategoricalDtype):
            column = _as_arrow(column)
    if isinstance(column, pa.Array | pa.ChunkedArray):
        kind = column.type
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            column = pc.local_timestamp(column)
        if pa.types.is_timestamp(kind) or pa.types.is_date64(kind):
            column = pc.floor_temporal(column, unit="day").cast(pa.timestamp("s")).cast(pa.date32())
        elif not pa.types.is_date32(kind):
            return None
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        days = [_filled(chunk.cast(pa.int32()), NO_DAY) for chunk in chunks]
        days = days or [np.empty(0, np.int32)]  # a table of no batch has no chunk
        return _numbered(np.concatenate(days) if len(days) != 1 else days[0], NO_DAY)
    return None


def _numbered(days: np.ndarray, none: int) -> np.ndarray:
    """Return the numbers of days from 1970-01-01; `none` stands for no day."""
    # What lies before the first day goes round and is a great number, as what stands for no day.
    off = days - days.dtype.type(_DAY_ZERO + FIRST_DAY)
    within = off.view(f"u{off.itemsize}") <= _LAST_DAY - FIRST_DAY
    off += FIRST_DAY
    off *= within
    wrong = ~within
    wrong &= days != none
    if wrong.any():
        off[wrong] = WRONG.index("date_out_of_range")
    return off.astype(np.int32, copy=False)


def day_of(number: int) -> date | None:
    """Return the day that a number stands for; None for one that is none."""
    return EPOCH + timedelta(days=number + _DAY_ZERO) if number >= FIRST_DAY else None


def since_epoch(numbers: np.ndarray) -> np.ndarray:
    """Return days from 1970-01-01; the least int32 where a number is no day."""
    found = numbers + np.int32(_DAY_ZERO - NO_DAY)  # goes round, and comes back with the next sum
    found *= numbers >= FIRST_DAY
    found += np.int32(NO_DAY)
    return found


class Days:
    """The days of cells, and codes of those that were met: 1 is no day, the others from 2."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock
        self._of_text: dict[str, int] = {}
        self._code = np.zeros(_LAST_DAY + 1, np.int32)
        self._code[:FIRST_DAY] = 1
        self.since_epoch = np.array([NO_DAY, NO_DAY], np.int32)  # by code

    def __len__(self) -> int:
        return len(self.since_epoch)

    def numbers(self, column: Any) -> np.ndarray:
        """Return the number of each row's day (see `FIRST_DAY`); a time of day is dropped."""
        days = _native_days(column)
        if days is not None:
            return days
        place, values = distinct_cells(column)
        if isinstance(values, pa.Array) and _is_text(values.type):
            table = _known(self._of_text, values.to_pylist(), self._number)
        else:
            table = [_day_number(value) for value in values]
        return np.array([*table, 0], dtype=np.int32).take(place)

    def _number(self, text: str) -> int:
        found = _day_number(text)
        with self._lock:
            if len(self._of_text) > _REMEMBERED:
                self._of_text.clear()
            self._of_text[text] = found
        return found

    def codes(self, numbers: np.ndarray) -> np.ndarray:
        """Return the codes of days by their numbers."""
        found = self._code.take(numbers)
        if len(found) and not found.min():
            with self._lock:
                new = np.unique(numbers[found == 0])
                new = new[self._code[new] == 0]
                first = len(self.since_epoch)
                self.since_epoch = np.append(self.since_epoch, since_epoch(new))
                self._code[new] = np.arange(first, first + len(new))
            found = self._code.take(numbers)
        return found


def cents_of(column: Any, *, dollars: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return whole cents (NOTHING: missing) and 0 or the place (from 1) in the kinds of finding."""
    if isinstance(column, pd.Series):
        column = _as_arrow(column)
    exact = _exact_cents(column, dollars=dollars)
    exact = _plain_cents(column, dollars=dollars) if exact is None else exact
    if exact is not None:
        return exact, np.zeros(len(exact), dtype=np.int8)
    place, values = listed_cells(column)
    texts = [facts.text_of(value) for value in values]
    cents = np.full(len(texts) + 1, NOTHING, dtype=np.int64)
    wrong = np.zeros(len(texts) + 1, dtype=np.int8)
    there = [at for at, text in enumerate(texts) if text]
    read, problems = read_moneys(arrow_texts([texts[at] for at in there]))
    if not dollars:  # a count of cents that is written with decimals has parts of a cent
        whole = (read != NOTHING) & (read % 100 == 0)
        parts = np.flatnonzero(~whole & (read != NOTHING)).tolist()
        problems = problems | dict.fromkeys(parts, "too_many_decimals")
        read = np.where(whole, read // 100, NOTHING)
    cents[there] = read
    for at, problem in problems.items():
        wrong[there[at]] = MONEY.index(problem) + 1
    return cents[place], wrong[place]


def _exact_cents(column: pa.Array | pa.ChunkedArray, *, dollars: bool) -> np.ndarray | None:
    """Return the cents of a column of whole numbers or of decimals; None for any other."""
    kind = column.type
    if pa.types.is_decimal128(kind) and kind.precision <= 18 and 0 <= kind.scale <= 2:
        if not dollars and kind.scale:
            return None
        column = pa.chunked_array([column]) if isinstance(column, pa.Array) else column
        cents = np.concatenate([_low_words(chunk) for chunk in column.chunks] or [_NONE])
        return _times(cents, 10 ** (2 - kind.scale) if dollars else 1)
    if pa.types.is_integer(kind) and kind.bit_width < 64 or pa.types.is_int64(kind):
        cents = column.cast(pa.int64()).fill_null(NOTHING).to_numpy()
        return _times(cents, 100 if dollars else 1)
    return None


_NONE = np.empty(0, np.int64)


def _low_words(column: pa.Array) -> np.ndarray:
    """Return the unscaled numbers of decimals of up to 18 digits: the lower half of each."""
    words = np.frombuffer(column.buffers()[1] or b"", np.int64)[::2]
    words = words[column.offset : column.offset + len(column)]
    if not column.null_count:
        return words
    return np.where(column.is_null().to_numpy(zero_copy_only=False), NOTHING, words)


def _times(cents: np.ndarray, factor: int) -> np.ndarray | None:
    """Return the amounts times a factor; None where one of them would go round."""
    if factor == 1:
        return cents
    there = cents != NOTHING
    if (np.abs(cents, where=there, out=np.zeros_like(cents)) > (1 << 62) // factor).any():
        return None
    return np.where(there, cents * factor, NOTHING)


def _plain_cents(column: pa.Array | pa.ChunkedArray, *, dollars: bool) -> np.ndarray | None:
    """Return the cents of texts that are all dollars in plain digits; None for any other."""
    if not dollars or not _is_text(column.type):
        return None
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found = [_plain_cents_of(chunk) for chunk in chunks]
    known = [cents for cents in found if cents is not None]
    return np.concatenate(known or [_NONE]) if len(known) == len(found) else None


def _plain_cents_of(texts: pa.Array) -> np.ndarray | None:
    data = texts.buffers()[2]
    signs = np.frombuffer(data or b"", np.uint8)
    if ((signs - np.uint8(ord("-"))) > ord("9") - ord("-")).any() or (signs == ord("/")).any():
        return None  # of the signs from - to 9 a slash is in no number
    longest = pc.max(pc.binary_length(texts)).as_py()
    if longest is None or longest > _EXACT:
        return None if longest else np.full(len(texts), NOTHING)
    try:
        dollars = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    dollars = dollars.fill_null(0.0).to_numpy()
    hundredfold = np.rint(dollars * 100)
    if (hundredfold / 100 != dollars).any() or (np.abs(hundredfold) > 10**15).any():
        return None  # parts of a cent, or more than is exact
    cents = hundredfold.astype(np.int64)
    if texts.null_count:
        cents[texts.is_null().to_numpy(zero_copy_only=False)] = NOTHING
    return cents


# Two amounts of up to so many signs, of which 15 are digits, are never the same binary fraction.
_EXACT = 16

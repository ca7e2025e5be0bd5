"""Numbers for combinations of numbers, and what is kept by number.

`mixed` numbers the combinations of one batch. `Combinations` gives them numbers that stay from batch to
batch, learned as they come and shared by threads; number 0 is never given: it says that a combination
was not met so far. Every bulk question asks once per distinct key by these: the rows of frames and files
(`toolkit.worklist.kernel`) and the tables of claims (`toolkit.worklist.memory`).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import islice, repeat
from math import prod
from threading import RLock
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

# Up to so many places a table is kept, which answers in two nanoseconds; beyond it, a dictionary.
DENSE = 1 << 23

# The parts of combinations: numbers of each row, and how many numbers there can be.
Parts = Sequence[tuple[np.ndarray, int]]

T = TypeVar("T")


def mixed(parts: Iterable[tuple[np.ndarray, int]]) -> np.ndarray:
    """Return one number for each combination of parts, in order of first appearance; -1 is a part too."""
    code, size = np.zeros(0, np.int64), 0
    for part, values in parts:
        width = values + 1
        if not size:
            code, size = part.astype("int64") + 1, width
            continue
        if size * width > np.iinfo("int64").max // 2:
            code, seen = pd.factorize(code)
            size = len(seen)
        code = code * width
        code += part
        code += 1
        size *= width
    return pd.factorize(code)[0]


def firsts(number: np.ndarray) -> np.ndarray:
    """Return the first row of each number; the numbers are 0 and on, none left out."""
    first = np.empty(number.max() + 1 if len(number) else 0, dtype="int64")
    # Of several values for one place the last one stays, so the rows are walked from the end.
    first[number[::-1]] = np.arange(len(number) - 1, -1, -1)
    return first


class Combinations:
    """The number of each combination of parts. `ask` gives numbers (from 1) to new combinations.

    It is called with an array of the parts of each new combination, a row each, by one thread at a
    time. A thread that only looks up waits for nobody.
    """

    def __init__(
        self, parts: int, ask: Callable[[np.ndarray], Sequence[int] | np.ndarray], lock: RLock
    ) -> None:
        self._ask, self._lock = ask, lock
        self._state = _State((1,) * parts)

    def of(self, parts: Parts) -> np.ndarray:
        """Return the number of each row's combination."""
        while True:
            state = self._state
            if not state.holds(size for _, size in parts):
                self._grow([size for _, size in parts])
                continue
            columns = [part for part, _ in parts]
            if state.table is not None:
                code = state.packed(columns)
                found = state.table.take(code)
                if not len(found) or found.min():
                    return found
                new = state.parts(pd.unique(code[found == 0]))
            else:
                place, distinct = state.distinct(columns)
                numbers = state.numbers(distinct)
                if numbers.all():
                    return numbers.take(place)
                new = distinct[numbers == 0]
            self._learn(new)

    def put(self, parts: np.ndarray, numbers: np.ndarray) -> None:
        """Note the numbers of combinations that nobody asked for yet; hold the lock for it."""
        self._grow((parts.max(axis=0, initial=0) + 1).tolist())
        self._state.note(parts, numbers)

    def met(self, parts: np.ndarray) -> np.ndarray:
        """Say which combinations have a number; hold the lock for it."""
        self._grow((parts.max(axis=0, initial=0) + 1).tolist())
        return self._state.numbers(parts) > 0

    @property
    def dense(self) -> bool:
        """Whether the combinations are in a table, so that more of them cost next to nothing."""
        return self._state.table is not None

    def _learn(self, parts: np.ndarray) -> None:
        with self._lock:
            parts = parts[~self.met(parts)]  # another thread may have asked
            if len(parts):
                numbers = np.asarray(self._ask(parts), np.int32)
                self._state.note(parts, numbers)

    def _grow(self, sizes: Sequence[int]) -> None:
        with self._lock:
            old = self._state
            if old.holds(sizes):
                return
            # Little more than now: the fewer empty places a table has, the more of it is in the cache.
            caps = tuple(
                cap if size <= cap else size + size // 16
                for size, cap in zip(sizes, old.caps, strict=True)
            )
            # The state is set before it is filled: who looks up meanwhile asks, and waits here.
            self._state = _State(caps)
            self._state.note(*old.known())


class _State:
    """What is known of combinations whose parts are below `caps`: a table, or a dictionary."""

    def __init__(self, caps: tuple[int, ...]) -> None:
        self.caps, self.width = caps, prod(caps)
        self.table = np.zeros(self.width, np.int32) if self.width <= DENSE else None
        self._of: dict[Any, int] = {}

    def holds(self, sizes: Iterable[int]) -> bool:
        return all(size <= cap for size, cap in zip(sizes, self.caps, strict=True))

    def packed(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        """Return one number for the parts of each row; a cap of 1 adds nothing."""
        kind = np.int32 if self.width < 1 << 31 else np.int64
        code = None
        for part, cap in zip(columns, self.caps, strict=True):
            if cap == 1:
                continue
            if code is None:
                code = part.astype(kind)
            else:
                code *= kind(cap)
                code += part
        return np.zeros(len(columns[0]), np.int32) if code is None else code

    def parts(self, codes: np.ndarray) -> np.ndarray:
        """Return the parts of packed numbers, a row each."""
        rest, columns = codes.astype(np.int64), []
        for cap in reversed(self.caps):
            rest, part = np.divmod(rest, cap)
            columns.append(part)
        return np.stack(columns[::-1], axis=1)

    def distinct(self, columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the place of each row among the distinct combinations, and these, a row each."""
        if self.width < _WIDE:
            place, codes = pd.factorize(self.packed(columns))
            return place, self.parts(codes)
        # So many numbers that their product is none: those of the rows are numbered first.
        place = mixed(zip(columns, self.caps, strict=True))
        first = firsts(place)
        return place, np.column_stack([column[first].astype(np.int64) for column in columns])

    def numbers(self, parts: np.ndarray) -> np.ndarray:
        """Return the numbers of combinations, a row each; 0 for one that is not known."""
        if self.table is not None:
            return self.table.take(self.packed(list(parts.T)))
        keys = self._keys(parts)
        return np.fromiter(map(self._of.get, keys, repeat(0)), np.int32, len(keys))

    def note(self, parts: np.ndarray, numbers: np.ndarray) -> None:
        if self.table is not None:
            self.table[self.packed(list(parts.T))] = numbers
        else:
            self._of.update(zip(self._keys(parts), numbers.tolist(), strict=True))

    def known(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the combinations that have numbers, a row each, and these."""
        if self.table is not None:
            codes = np.flatnonzero(self.table)
            return self.parts(codes), self.table[codes]
        numbers = np.fromiter(self._of.values(), np.int32, len(self._of))
        if self.width < _WIDE:
            return self.parts(np.fromiter(self._of, np.int64, len(self._of))), numbers
        return np.array(list(self._of), np.int64).reshape(-1, len(self.caps)), numbers

    def _keys(self, parts: np.ndarray) -> list:
        if self.width < _WIDE:
            return self.packed(list(parts.T)).tolist()
        return list(map(tuple, parts.tolist()))


_WIDE = 1 << 62


class Column:
    """A number for each number from 1, added one after another; that of 0 is 0."""

    def __init__(self, kind: type = np.int32) -> None:
        self._data, self.size = np.zeros(1024, kind), 1

    def append(self, value: int) -> None:
        """Add a number at the end; hold the lock for it."""
        if self.size == len(self._data):
            self._widen(self.size + 1)
        self._data[self.size] = value
        self.size += 1

    def extend(self, values: np.ndarray) -> None:
        """Add numbers at the end; hold the lock for it."""
        end = self.size + len(values)
        if end > len(self._data):
            self._widen(end)
        self._data[self.size : end] = values
        self.size = end

    def _widen(self, size: int) -> None:
        wider = np.zeros(max(size, 2 * len(self._data)), self._data.dtype)
        wider[: self.size] = self._data[: self.size]
        self._data = wider

    def put(self, at: np.ndarray, values: np.ndarray | Sequence[int]) -> None:
        """Put other numbers in these places; hold the lock for it."""
        self._data[at] = values

    def take(self, at: np.ndarray) -> np.ndarray:
        """Return the numbers in these places."""
        return self._data.take(at)

    def added(self) -> np.ndarray:
        """Return the numbers that were added, from that of 1 on."""
        return self._data[1 : self.size]


class Values:
    """Values by number, each once, in the order in which they came; -1 is none."""

    def __init__(self, values: Sequence[Hashable] = ()) -> None:
        self.list: list[Any] = list(values)
        self._of: dict[Hashable, int] = {value: at for at, value in enumerate(values)}

    def number(self, value: Hashable | None) -> int:
        """Return the number of a value; hold the lock for it."""
        if value is None:
            return -1
        found = self._of.setdefault(value, len(self._of))
        if found == len(self.list):
            self.list.append(value)
        return found

    def numbers(self, values: Iterable[Hashable | None]) -> list[int]:
        """Return the numbers of values; hold the lock for it."""
        known = self._of
        found = [-1 if one is None else known.setdefault(one, len(known)) for one in values]
        self.list.extend(islice(known, len(self.list), None))
        return found


class Entries(Generic[T]):
    """Entries by number from 1, added one after another; `len` is how many numbers there can be."""

    def __init__(self) -> None:
        self._list: list[T] = []

    def __len__(self) -> int:
        return len(self._list) + 1

    def __iter__(self) -> Iterator[T]:
        return iter(self._list)

    def __getitem__(self, number: int) -> T:
        return self._list[number - 1]

    def add(self, entry: T) -> int:
        """Return the number of a new entry; hold the lock for it."""
        self._list.append(entry)
        return len(self._list)


class Numbered(Combinations):
    """Combinations that are only numbered, and listed by their numbers."""

    def __init__(self, parts: int, lock: RLock) -> None:
        super().__init__(parts, self._number, lock)
        self.entries = Listed(parts)

    def _number(self, new: np.ndarray) -> np.ndarray:
        first = len(self.entries)
        self.entries.extend(new)
        return np.arange(first, first + len(new))


class Listed:
    """Combinations by number from 1; `len` is how many numbers there can be."""

    def __init__(self, parts: int) -> None:
        self._columns = [Column() for _ in range(parts)]

    def __len__(self) -> int:
        return self._columns[0].size

    def __getitem__(self, number: int) -> tuple[int, ...]:
        return tuple(map(int, self.taken(np.array(number))))

    def taken(self, numbers: np.ndarray) -> list[np.ndarray]:
        """Return each part of some combinations by their numbers."""
        return [column.take(numbers) for column in self._columns]

    def extend(self, parts: np.ndarray) -> None:
        """Add combinations at the end, a row each; hold the lock for it."""
        for column, values in zip(self._columns, parts.T, strict=True):
            column.extend(values)

    def part(self, at: int) -> np.ndarray:
        """Return one part of all combinations, from that of number 1 on."""
        return self._columns[at].added()

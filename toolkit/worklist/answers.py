"""Answers as columns: which a triage of rows gives, how one batch holds them, and what is kept of each question."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.claims.tables import Kind
from toolkit.worklist.numbering import Column, Values
from toolkit.worklist.table import answers_of

# Every answer with its kind (see `toolkit.claims.tables.DTYPES`), in the order of the columns.
ANSWERS: dict[str, Kind] = answers_of("payer", "code", "notice", "step", findings="text")


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


class AnswerTable:
    """The answers to one question so far, column by column; number 0 is never given."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = dict(kinds)
        self.columns = {name: Column() for name in kinds}
        self.values = {
            name: Values((False, True) if kind == "flag" else ()) for name, kind in kinds.items()
        }
        self._of: dict[tuple, int] = {}

    @property
    def size(self) -> int:
        return next(iter(self.columns.values())).size

    def add(self, answer: Mapping[str, Any]) -> int:
        """Return the number of a new answer; hold the lock for it."""
        return self.extend([answer])[0]

    def extend(self, answers: Iterable[Mapping[str, Any]]) -> range:
        """Return the numbers of new answers; hold the lock for it."""
        first = self.size
        cells: dict[str, list] = {name: [] for name in self.columns}
        for answer in answers:
            for name, column in cells.items():
                column.append(answer[name])
        for name, column in self.columns.items():
            column.extend(np.array(self.values[name].numbers(cells[name]), np.int32))
        return range(first, self.size)

    def number(self, answer: Mapping[str, Any]) -> int:
        """Return the number of an answer, which equal ones share; hold the lock for it."""
        return self.numbers([answer])[0]

    def numbers(self, answers: Sequence[Mapping[str, Any]]) -> list[int]:
        """Return the numbers of answers, which equal ones share; hold the lock for it."""
        size, found = self.size, []
        new: list[tuple] = []
        for answer in answers:
            cells = tuple(map(answer.__getitem__, self.columns))
            number = self._of.get(cells)
            if number is None:
                number = self._of[cells] = size + len(new)
                new.append(cells)
            found.append(number)
        if new:
            for name, cells in zip(self.columns, zip(*new, strict=True), strict=True):
                self.columns[name].extend(np.array(self.values[name].numbers(cells), np.int32))
        return found

    def answer(self, name: str, numbers: np.ndarray) -> Answer:
        """Return a text or a flag of the answers by their numbers."""
        if self.kinds[name] == "flag":
            return Answer("flag", self.flags(name, numbers))
        return Answer("text", self.columns[name].take(numbers), self.values[name].list)

    def flags(self, name: str, numbers: np.ndarray) -> np.ndarray:
        return self.columns[name].take(numbers) > 0


def joined_texts(columns: list[tuple[np.ndarray, list[str]]], size: int) -> Answer:
    """Return the texts of several columns as one, parted by semicolons."""
    number, texts = np.zeros(size, np.int64), [""]
    for codes, words in columns:
        if not any(words):
            continue
        pairs, number = np.unique(number * len(words) + codes, return_inverse=True)
        both = [divmod(pair, len(words)) for pair in pairs.tolist()]
        texts = ["; ".join(filter(None, (texts[left], words[right]))) for left, right in both]
    distinct = Values()
    table = np.array([distinct.number(text) for text in texts], np.int32)
    return Answer("text", table.take(number), distinct.list)

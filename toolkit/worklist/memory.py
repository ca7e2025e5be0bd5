"""The questions that the tables of claims ask, remembered over the parts of a big file.

Keys are numbered by the kernel's own numbering (`toolkit.worklist.numbering`), and answers kept in its
table (`toolkit.worklist.answers`). What differs is what a fact is: the kernel reads cells of text, whose
numbers stay; here a fact is a value of a canonical table, whose numbers are new in each part (`Coded`),
so that values are numbered first. And a part asks its whole key at once, where the kernel asks a chain of
smaller ones, each by the numbers of the one before.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from toolkit.denials import normalize_text
from toolkit.hospital import Hospital
from toolkit.worklist.answers import AnswerTable
from toolkit.worklist.keys import NO_DAY, Coded, coded, combined
from toolkit.worklist.numbering import Combinations, Values
from toolkit.worklist.questions import (
    Question,
    Steps,
    code_question,
    contract_question,
    payer_question,
    state_question,
)

# What remembered answers may cost: past this many keys a memory begins again.
_REMEMBERED = 150_000
# Free texts may be as many as the rows: past this many they are forgotten.
_REMEMBERED_TEXTS = 200_000
# So may the days of a file: past this many clocks and steps they are asked anew.
_REMEMBERED_STEPS = 150_000
_OF_STEPS = ("clock", "dated", "answer")


class Answered(NamedTuple):
    """The answers to a question: each row's number, and the answers by number, a column each."""

    number: np.ndarray
    table: dict[str, Coded]

    def of(self, name: str) -> Coded:
        """Return one column of the answers, for each row."""
        return self.table[name].take(self.number)

    def take(self, at: np.ndarray) -> "Answered":
        """Return the answers to the rows at these places."""
        return Answered(self.number[at], self.table)


class Memory:
    """A question with what it has answered so far: a further part asks what is new.

    Each distinct answer is held once, and the values in it once each; after `_REMEMBERED` keys all is
    forgotten, so that a run of any length stays small.
    """

    def __init__(self, question: Question, lock: RLock) -> None:
        self._question: Callable[..., dict[str, Any]] = question.of
        self.keys, self._kinds, self._lock = question.keys, question.answers, lock
        self._forget()

    def _forget(self) -> None:
        self._count = 0
        self._values = tuple(Values() for _ in self.keys)
        self._number_of = Combinations(len(self.keys), self._ask, self._lock)
        self._answers = AnswerTable(self._kinds)

    def ask(self, facts: Mapping[str, Coded]) -> Answered:
        """Return the answers to each row's facts; hold the lock for it."""
        if self._count > _REMEMBERED:
            self._forget()
        columns = [facts[key] for key in self.keys]
        row, first = combined(columns)
        parts = []
        for column, known in zip(columns, self._values, strict=True):
            few = column.take(first).used()
            place = np.array([*known.numbers(few.values), -1], dtype="int32") + 1
            parts.append((place[few.code], len(known.list) + 1))
        answers, place = np.unique(self._number_of.of(parts), return_inverse=True)
        table = {  # of these rows alone: what else was answered would be walked at every step from here
            name: Coded(column.take(answers), self._answers.values[name].list).used()
            for name, column in self._answers.columns.items()
        }
        return Answered(place.astype("int32")[row], table)

    def _ask(self, new: np.ndarray) -> list[int]:
        """Return the numbers of the answers to new combinations of facts, a row each."""
        self._count += len(new)
        columns = [
            Coded(column - 1, known.list).plain()
            for column, known in zip(new.T, self._values, strict=True)
        ]
        return self._answers.numbers(
            [
                self._question(**dict(zip(self.keys, facts, strict=True)))
                for facts in zip(*columns, strict=True)
            ]
        )


@dataclass(frozen=True, eq=False)
class Brain:
    """The questions of one triage; kept over the parts of a big file, it asks each key once.

    Any number of threads may use it: one asks at a time, and the others find what it asked.
    """

    payer: Question
    code: Question
    contract: Question
    steps: Steps
    state: Question
    _memories: dict[str, Memory] = field(default_factory=dict, repr=False)
    _texts: dict[str, str] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def memory(self, name: str) -> Memory:
        """Return the memory of one of the questions."""
        if name not in self._memories:
            owner = self.steps if name in _OF_STEPS else self
            self._memories[name] = Memory(getattr(owner, name), self._lock)
        return self._memories[name]

    def ask(self, name: str, facts: Mapping[str, Coded]) -> Answered:
        """Return the answers to a question, for each row of its facts."""
        with self._lock:
            return self.memory(name).ask(facts)

    def ask_step(self, facts: Mapping[str, Coded], days: Mapping[str, np.ndarray]) -> Answered:
        """Return what is next by when: the clock of each row's facts, put to those days that it looks at."""
        with self._lock:
            if self.steps.size > _REMEMBERED_STEPS:
                self.steps.forget()
                for name in _OF_STEPS:
                    self._memories.pop(name, None)
            clocks = self.memory("clock").ask(facts)
            starts = clocks.of("starts")
            notice = starts.isin({"notice"})
            day = days["notice_date"]
            for source, name in (("decision", "decided_on"), ("filing", "filed_on")):
                day = np.where(starts.isin({source}), days[name], day)
            put = {
                "clock": clocks.of("clock"),
                "day": days_only(day, starts.code >= 0),
                "received": days_only(days["notice_received"], notice),
                "earliest_notice": days_only(days["earliest_notice"], notice),
            }
            step = self.memory("dated").ask(put).of("step")
            return self.memory("answer").ask(dict(facts) | {"step": step})

    def normalized(self, given: Coded) -> Coded:
        """Return free texts as the codes' question reads them, each changed once."""
        number: dict[str, int] = {}
        place = []
        with self._lock:
            if len(self._texts) > _REMEMBERED_TEXTS:
                self._texts.clear()
            for said in given.values:
                plain = self._texts.get(said)
                if plain is None:
                    plain = self._texts[said] = normalize_text(said)
                place.append(number.setdefault(plain, len(number)))
        return Coded(np.array([*place, -1], dtype="int32")[given.code], list(number))


def brain(*, as_of: date, hospital: Hospital) -> Brain:
    """Return the questions that a triage asks, as the hospital's payers and contracts answer them."""
    return Brain(
        payer_question(hospital),
        code_question(),
        contract_question(hospital),
        Steps(hospital, as_of=as_of),
        state_question(),
    )


def days_only(days: np.ndarray, where: np.ndarray) -> Coded:
    """Return the days by numbers, and none outside `where`."""
    return coded(pd.Series(np.where(where, days, NO_DAY)))

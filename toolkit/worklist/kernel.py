"""The triage of denial rows as every engine asks it: columns in, columns of answers out.

Each column's distinct cells are read once and become numbers; the numbers of the facts that a
question turns on become one number, and the question is asked once per distinct one, in plain
Python: who pays (`row_payers`), what the codes say (`row_codes`), what is next and by when
(`row_steps`). Threads share all of it, and look up without waiting.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np

from toolkit.hospital import Hospital
from toolkit.worklist import facts
from toolkit.worklist.answers import ANSWERS, Answer, joined_texts
from toolkit.worklist.row import Readings, Row
from toolkit.worklist.row_codes import CODE, RowCodes
from toolkit.worklist.row_payers import RowPayers
from toolkit.worklist.row_steps import STEP, RowSteps

__all__ = ["ANSWERS", "Answer", "Kernel"]


class Kernel:
    """The questions of one triage with all that was asked; any number of threads may use it.

    `asked` counts what was asked in plain Python, by question.
    """

    def __init__(self, *, as_of: date, hospital: Hospital, asked: Counter[str]) -> None:
        self.lock = lock = RLock()
        self.read = read = Readings(lock)
        self.payers = RowPayers(read, hospital=hospital, asked=asked, lock=lock)
        self.codes = RowCodes(read, self.payers, asked=asked, lock=lock)
        self.steps = RowSteps(
            read, self.payers, self.codes, as_of=as_of, hospital=hospital, asked=asked, lock=lock
        )

    @property
    def size(self) -> int:
        """How much is kept, in answers."""
        return self.steps.size + self.codes.size

    def answers(self, columns: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Answer]:
        """Return the wanted answers to rows, whose facts are columns of pandas or of Arrow."""
        batch = _Batch(Row(columns, self.read), self)
        return {name: batch.answer(name) for name in wanted}


class _Batch:
    """The rows of one batch with the numbers of their answers, each asked when it is first needed."""

    def __init__(self, row: Row, kernel: Kernel) -> None:
        self._row, self._kernel = row, kernel

    @cached_property
    def _payer(self) -> np.ndarray:
        return self._kernel.payers.numbers(self._row)

    @cached_property
    def _code(self) -> np.ndarray:
        return self._kernel.codes.numbers(self._row, self._payer)

    @cached_property
    def _step(self) -> np.ndarray:
        return self._kernel.steps.numbers(self._row, self._payer, self._code)

    def answer(self, name: str) -> Answer:
        """Return one column of answers."""
        kernel = self._kernel
        if name == "findings":
            return self._findings()
        if name == "second_look":
            return kernel.codes.second_look(self._row, self._payer, self._code)
        if name == "route":
            return self._route()
        if name in CODE:
            return kernel.codes.answers.answer(name, self._code)
        if name == "why":
            return kernel.steps.why(self._step, self._code)
        if name in STEP:
            return kernel.steps.answer(name, self._step)
        if name == "notice_date":
            return kernel.steps.notice_date(self._row, self._step)
        if name == "notice_from":
            return kernel.steps.notice_from(self._row, self._step)
        return kernel.payers.answers.answer(name, self._payer)

    def _route(self) -> Answer:
        """Return the routes; an appeal by the contract's own terms is a contract dispute."""
        codes = self._kernel.codes.answers
        found = codes.answer("route", self._code)
        by_contract = self._kernel.steps.by_contract(self._step)
        if by_contract.any():
            with self._kernel.lock:
                words = codes.values["route"]
                appeal, dispute = words.number("appeal"), words.number("contract_dispute")
            found.values[by_contract & (found.values == appeal)] = dispute
        return found

    def _findings(self) -> Answer:
        """Return what could not be read, by column: never what a cell says."""
        row = self._row
        said = [
            (table.columns["findings"].take(numbers), table.values["findings"].list)
            for table, numbers in (
                (self._kernel.payers.answers, self._payer),
                (self._kernel.codes.answers, self._code),
            )
        ]
        said += map(_in_words, row.unread_words())
        if "last_level" in row.columns:
            said.append(self._unread_level())
        said += map(_in_words, row.unread_days_and_amount())
        return joined_texts(said, row.size)

    def _unread_level(self) -> tuple[np.ndarray, list[str]]:
        """Return the levels that could not be read: a kind for each row, and the kinds in words."""
        payers = self._kernel.payers.answers
        program = payers.columns["program"].take(self._payer) + 1
        names = (None, *payers.values["program"].list)
        level, levels = self._row.codes("last_level")
        pairs, number = np.unique(program * np.int64(levels) + level, return_inverse=True)
        words = []
        for pair in pairs.tolist():
            whose, at = divmod(pair, levels)
            word = self._kernel.read.cells["last_level"].value(at)
            words.append(facts.finding("last_level", facts.level_of(names[whose], word)[1]))
        return number, words


def _in_words(unread: tuple[str, np.ndarray, list[str]]) -> tuple[np.ndarray, list[str]]:
    column, codes, kinds = unread
    return codes, [facts.finding(column, kind) for kind in kinds]

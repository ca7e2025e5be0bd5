"""What the codes and the text of each row say, asked once per distinct code; and the second look.

A code is asked without its program first, and again only where the program gives such a denial no appeal.
"""

from collections import Counter
from functools import cache
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from toolkit.claims.tables import Kind
from toolkit.denials import classify
from toolkit.denials.classify import Denial
from toolkit.denials.second_look import programs_looked_at, second_look, turns_on_service
from toolkit.law import barred_categories, programs
from toolkit.worklist import facts
from toolkit.worklist.accessor import FINDINGS, findings_of
from toolkit.worklist.answers import Answer, AnswerTable
from toolkit.worklist.numbering import Column, Combinations, Entries, Numbered
from toolkit.worklist.row import Readings, Row
from toolkit.worklist.row_payers import RowPayers
from toolkit.worklist.table import answers_of

CODE: dict[str, Kind] = {
    name: kind for name, kind in answers_of("code").items() if name != "second_look"
}


class _Asked(NamedTuple):
    """One classification: the numbers of its cells, and the denial that it is."""

    cells: tuple[int, ...]
    denial: Denial


class RowCodes:
    """The codes met so far, by number; `answers` are the worklist's columns, why not, and findings.

    Codes that no step tells apart are of one `group`, a place in `groups`: category, nature, and
    whether there is no appeal.
    """

    def __init__(
        self, read: Readings, payers: RowPayers, *, asked: Counter[str], lock: RLock
    ) -> None:
        self._read, self._payers, self._asked = read, payers, asked
        # Of a reason and its remarks; the few groups come last, so that the tables are small.
        self._pair_of = Numbered(2, lock)
        self._number_of = Combinations(3, self._ask, lock)
        self._barred_of = Combinations(2, self._ask_barred, lock)
        self._entries: Entries[_Asked] = Entries()
        self._by_service = Column(np.int8)
        self._may_be_barred, self._looked = Column(bool), Column(bool)
        self.group = Column()
        self.groups: list[tuple] = [()]
        self.answers = AnswerTable({**CODE, "why_not": "text", "findings": "text"})
        self._look_of = Combinations(3, self._ask_look, lock)
        self._looks = AnswerTable({"second_look": "text"})

    @property
    def size(self) -> int:
        """How much is kept, in answers."""
        return self.answers.size + len(self._pair_of.entries) + self._looks.size

    def numbers(self, row: Row, payer: np.ndarray) -> np.ndarray:
        """Return the number of what each row's codes and text say; `payer` are the payers' numbers."""
        group, carc, rarcs, text = (row.codes(name) for name in facts.WHAT)
        pair = self._pair_of.of([carc, rarcs])
        code = self._number_of.of([(pair, len(self._pair_of.entries)), group, text])
        # A program matters only where it gives such a denial no appeal.
        barring = self._payers.barring.take(payer)
        at = np.flatnonzero(self._may_be_barred.take(code) & (barring > 0))
        if len(at):
            parts = [
                (code[at], len(self._entries)),
                (barring[at], len(self._payers.programs_barring)),
            ]
            code[at] = self._barred_of.of(parts)
        return code

    def _ask(self, new: np.ndarray) -> range:
        carc, rarcs = self._pair_of.entries.taken(new[:, 0])
        cells = np.column_stack([new[:, 1], carc, rarcs, new[:, 2]])
        return self.answers.extend(self._answer(tuple(one), None) for one in cells.tolist())

    def _ask_barred(self, new: np.ndarray) -> list[int]:
        found = []
        for code, barring in new.tolist():
            entry, program = self._entries[code], self._payers.programs_barring[barring]
            barred = entry.denial.denial_category in barred_categories(program)
            if barred:
                code = self.answers.add(self._answer(entry.cells, program))
            found.append(code)
        return found

    def _said(self, keys: tuple[int, ...]) -> list[str | None]:
        """Return what cells say by their numbers: group code, reason, remarks, text."""
        return [self._read.cells[n].value(k) for n, k in zip(facts.WHAT, keys, strict=True)]

    def _answer(self, keys: tuple[int, ...], program: str | None) -> dict[str, Any]:
        self._asked["code"] += 1
        group_code, carc, rarcs, text = cells = self._said(keys)
        remarks = tuple((rarcs or "").split())
        denial = classify(group_code, carc, remarks, text=text, program=program)
        self._entries.add(_Asked(keys, denial))
        self._looked.append(bool(programs_looked_at(denial.reason)))
        self._may_be_barred.append(denial.denial_category in _barred_anywhere())
        answer = {name: getattr(denial, name) for name in (*CODE, "why_not")}
        answer["findings"] = "; ".join(_findings(*cells))
        on = turns_on_service()
        by_service = any(answer[name] in on[name] for name in ("denial_category", "reason"))
        self._by_service.append(by_service)
        category = denial.denial_category if denial.denial_category in _barred_anywhere() else ""
        group = (category, denial.nature, not denial.appealable)
        if group not in self.groups:
            self.groups.append(group)
        self.group.append(self.groups.index(group))
        return answer

    def second_look(self, row: Row, payer: np.ndarray, code: np.ndarray) -> Answer:
        """Return what does not fit together in each row."""
        service, kinds = row.services()
        service = np.where(self._by_service.take(code), service, 0)
        looked = np.where(self._looked.take(code), self._payers.looked.take(payer), 0)
        numbers = self._look_of.of(
            [
                (code, len(self._entries)),
                (service, kinds),
                (looked, len(self._payers.programs_looked)),
            ]
        )
        return self._looks.answer("second_look", numbers)

    def _ask_look(self, new: np.ndarray) -> list[int]:
        found = []
        for code, service, looked in new.tolist():
            self._asked["second look"] += 1
            entry = self._entries[code]
            group_code, carc, rarcs, text = self._said(entry.cells)
            looks = second_look(
                entry.denial,
                group_code=group_code,
                carc=carc,
                rarcs=rarcs or "",
                text=text,
                procedure_code=self._read.services.codes[service],
                program=self._payers.programs_looked[looked] or None,
            )
            answer = {"second_look": " ".join(look.id for look in looks)}
            found.append(self._looks.add(answer))
        return found


@cache
def _barred_anywhere() -> frozenset[str]:
    return frozenset(category for name in programs() for category in barred_categories(name))


def _findings(*cells: str | None) -> list[str]:
    given = dict(zip(facts.WHAT, cells, strict=True))
    found = findings_of(given | {"program": None, "procedure_code": None})
    return [f"{column}: {FINDINGS[code]}" for column, code in found]

"""Who pays each row: its program, contract status and contract, asked once per distinct payer cells."""

from collections import Counter
from threading import RLock
from typing import Any

import numpy as np

from toolkit.denials.second_look import programs_looked_at
from toolkit.hospital import Hospital
from toolkit.law import barred_categories, turns_on
from toolkit.worklist import facts
from toolkit.worklist.answers import AnswerTable
from toolkit.worklist.numbering import Column, Combinations, Entries
from toolkit.worklist.questions import contract_question, payer_question
from toolkit.worklist.row import Readings, Row
from toolkit.worklist.table import answers_of


class RowPayers:
    """The payers met so far, by number; `answers` are the worklist's columns and findings.

    Payers that no step tells apart are of one `group`, a number of `facts`. `barring` is the place in
    `programs_barring` of a program that gives some denials no appeal, `looked` that in
    `programs_looked` of one that a second look asks for; 0 is none.
    """

    def __init__(
        self, read: Readings, *, hospital: Hospital, asked: Counter[str], lock: RLock
    ) -> None:
        self._read, self._asked = read, asked
        self._payer = payer_question(hospital).of
        self._contract = contract_question(hospital).of
        self._number_of = Combinations(len(facts.WHO), self._ask, lock)
        self._groups: dict[tuple, int] = {}
        self.facts: Entries[dict[str, Any]] = Entries()
        self.group, self.barring, self.looked = Column(), Column(), Column()
        self.programs_barring: list[str] = [""]
        self.programs_looked = ("", *sorted(programs_looked_at()))
        self.answers = AnswerTable(answers_of("payer", findings="text"))

    def numbers(self, row: Row) -> np.ndarray:
        """Return the number of each row's payer."""
        return self._number_of.of([row.codes(name) for name in facts.WHO])

    def _ask(self, new: np.ndarray) -> list[int]:
        return [self._answer(tuple(key)) for key in new.tolist()]

    def _answer(self, key: tuple[int, ...]) -> int:
        self._asked["payer"] += 1
        read = {n: self._read.cells[n].entries[k] for n, k in zip(facts.WHO, key, strict=True)}
        stated = {name: value for name, (value, _) in read.items()}
        answer = self._payer(**stated)
        names = {name: stated[name] for name in ("payer_id", "payer_name", "plan_name")}
        bound = self._contract(program=answer["program"], **names)
        answer["findings"] = "; ".join(
            facts.finding(n, wrong) for n, (_, wrong) in read.items() if wrong
        )
        program = answer["program"]
        given = {
            "program": program,
            "contracted": answer["contracted"],
            **{
                name: answer[name] if name in turns_on(program) else None
                for name in ("state_window", "jurisdiction")
            },
            "contract": bound["contract"],
            "program_gap": None if program else answer["program_gap"],
        }
        barring = program if program and barred_categories(program) else ""
        if barring not in self.programs_barring:
            self.programs_barring.append(barring)
        number = self.facts.add(given)
        self.group.append(self._groups.setdefault(tuple(given.values()), number))
        self.barring.append(self.programs_barring.index(barring))
        looked = self.programs_looked
        self.looked.append(looked.index(program) if program in looked else 0)
        return self.answers.add(answer)

"""The rows of one batch as numbers, each column made when it is first needed."""

from collections.abc import Mapping
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.claims.export.layouts import NO_OUTCOME
from toolkit.claims.export.sheets import laid_out
from toolkit.denials.services import is_drug, service_of
from toolkit.worklist import facts
from toolkit.worklist.columns import (
    FIRST_DAY,
    MONEY,
    WRONG,
    Cells,
    Days,
    cents_of,
    listed_cells,
)

# How the receipt lies to the notice; from FIRST_GAP on it is the days between (`days_between`).
NO_RECEIPT, RECEIPT_ALONE, FIRST_GAP = 0, 1, 2


def days_between(lies: int) -> int:
    """Return the days from the notice to its receipt."""
    half, odd = divmod(lies - FIRST_GAP, 2)
    return -half - 1 if odd else half


class Services:
    """Kinds of service: whether a drug, and the family. A code matters only by what it is one of."""

    def __init__(self, lock: RLock) -> None:
        self._lock, self._of_entry = lock, {}
        self.codes: list[str | None] = []  # one of each kind
        self.number(None)

    def numbers(self, column: Any) -> np.ndarray:
        place, values = listed_cells(column)
        table = [self.number(facts.text_of(value) or None) for value in values]
        return np.array([*table, 0], dtype=np.int32).take(place)

    def number(self, procedure_code: str | None) -> int:
        entry = (is_drug(procedure_code), service_of(procedure_code))
        with self._lock:
            found = self._of_entry.get(entry)
            if found is None:
                found = len(self.codes)
                self.codes.append(procedure_code)
                self._of_entry[entry] = found
        return found


class Readings:
    """What was read so far, and has a number: the cells of each column, days, kinds of services."""

    def __init__(self, lock: RLock) -> None:
        names = (*facts.WHO, *facts.WHAT, "stage", "case_status", "last_level", "outcome")
        self.cells = {name: Cells(name, lock) for name in names}
        self.days = Days(lock)
        self.services = Services(lock)


class Row:
    """The rows' columns as numbers, each made when it is first needed."""

    def __init__(self, columns: Mapping[str, Any], read: Readings) -> None:
        self._read = read
        self.columns = {
            name: column if isinstance(column, pd.Series) else laid_out(column)
            for name, column in columns.items()
        }
        self.size = len(next(iter(columns.values())))
        self._made: dict[str, Any] = {}

    def codes(self, name: str) -> tuple[np.ndarray, int]:
        """Return the number of each cell and how many there are; a column that is away is empty."""
        if name not in self.columns:
            return self._zeros(), 1
        cells = self._read.cells[name]
        if name not in self._made:
            self._made[name] = cells.numbers(self.columns[name])
        return self._made[name], len(cells)

    def _zeros(self) -> np.ndarray:
        if "" not in self._made:
            self._made[""] = np.zeros(self.size, np.int32)
        return self._made[""]

    def days(self, name: str) -> np.ndarray:
        if name not in self.columns:
            return self._zeros()
        if name not in self._made:
            self._made[name] = self._read.days.numbers(self.columns[name])
        return self._made[name]

    def services(self) -> tuple[np.ndarray, int]:
        services = self._read.services
        there = "procedure_code" in self.columns
        codes = services.numbers(self.columns["procedure_code"]) if there else self._zeros()
        return codes, len(services.codes)

    def notice(self) -> np.ndarray:
        """Return the day of the notice, else of the remittance.

        A notice date that cannot be read is not replaced by the remittance's.
        """
        if "notice" not in self._made:
            days = self.days("notice_date")
            if "remittance_date" in self.columns and not days.all():
                days = days + self.days("remittance_date") * (days == 0)
            self._made["notice"] = days
        return self._made["notice"]

    def notice_source(self) -> np.ndarray:
        """Return which of both states the day of the notice: 1, 2 or 0 for none."""
        stated = self.days("notice_date")
        remitted = (stated == 0) & (self.notice() >= FIRST_DAY)
        return (stated >= FIRST_DAY).astype(np.int32) + remitted * np.int32(2)

    def event(self) -> "_Event":
        if "event" not in self._made:
            self._made["event"] = _Event(self, self._read)
        return self._made["event"]

    def unread_day(self) -> tuple[np.ndarray, int]:
        """Return the day of each row that its date turns on and that cannot be read; 0 is none.

        A hundred stands for each of notice_date, remittance_date and notice_received, and what is
        over for what is wrong with it.
        """
        notice = self.notice()
        received = self.days("notice_received")
        wrong = [_wrong(notice), _wrong(received)]
        if not any(one.any() for one in wrong):
            return self._zeros(), 1
        of_notice = np.where(self.days("notice_date") > 0, notice, notice + FIRST_DAY)
        found = np.where(wrong[1], received + 2 * FIRST_DAY, 0)
        found = np.where(wrong[0], of_notice, found)
        found[self.event().filed[0] > 0] = 0
        return found.astype(np.int32), 3 * FIRST_DAY

    def receipts(
        self, kind: np.ndarray, notice: np.ndarray, day: np.ndarray
    ) -> tuple[np.ndarray, int]:
        """Return how the receipt lies to the notice; where it is alone, it becomes the day."""
        if "notice_received" not in self.columns:
            return self._zeros(), 1
        received = self.days("notice_received")
        at = np.flatnonzero((received >= FIRST_DAY) & (kind == 1))
        if not len(at):
            return self._zeros(), 1
        gap = received[at] - notice[at]
        lies = np.where(gap < 0, -2 * gap - 1, 2 * gap) + FIRST_GAP
        alone = notice[at] < FIRST_DAY
        lies[alone] = RECEIPT_ALONE
        day[at[alone]] = self._read.days.codes(received[at[alone]])
        found = np.zeros(self.size, np.int32)
        found[at] = lies
        return found, int(lies.max()) + 1

    @property
    def amount(self) -> str | None:
        return next((name for name in facts.AMOUNT if name in self.columns), None)

    def cents_at(self, at: np.ndarray) -> np.ndarray:
        """Return the whole cents of some of the rows, of which the amount's column is there."""
        assert self.amount is not None
        column = self.columns[self.amount]
        part = column.iloc[at] if isinstance(column, pd.Series) else column.take(pa.array(at))
        return cents_of(part, dollars=self.amount == "denied")[0]

    def unread_words(self) -> list[tuple[str, np.ndarray, list[str]]]:
        """Return which words could not be read: column, a kind for each row, the kinds."""
        return [
            (name, self.codes(name)[0], [wrong for _, wrong in self._read.cells[name].entries])
            for name in ("stage", "case_status", "outcome")
        ]

    def unread_days_and_amount(self) -> list[tuple[str, np.ndarray, list[str]]]:
        """Return the same of days and of the amount, where they matter."""
        found = []
        filed = self.event().stated
        matters = {"notice_date": ~filed, "notice_received": ~filed}
        matters["remittance_date"] = ~filed & (self.days("notice_date") == 0)
        if "outcome" in self.columns:
            matters["decided_on"] = self.codes("outcome")[0] > 0
        for name in facts.DAYS:
            if name in self.columns:
                days = self.days(name)
                wrong = _wrong(days)
                wrong = wrong & matters[name] if name in matters else wrong
                found.append((name, np.where(wrong, days, 0), list(WRONG)))
        if self.amount is not None:
            kinds = cents_of(self.columns[self.amount], dollars=self.amount == "denied")[1]
            found.append((self.amount, kinds.astype(np.int32), ["", *MONEY]))
        return found


def _wrong(days: np.ndarray) -> np.ndarray:
    """Say which numbers of days stand for a cell that cannot be read: those from 1 to 99."""
    return (days - np.int32(1)).view(np.uint32) < FIRST_DAY - 1


class _Event:
    """The last appeal of each row: its level and outcome, and whether anything was filed."""

    def __init__(self, row: Row, read: Readings) -> None:
        level, levels = row.codes("last_level")
        outcome, outcomes = row.codes("outcome")
        self.stated = level > 0  # an appeal, whatever its outcome
        if "decided_on" in row.columns:
            self.stated |= row.days("decided_on") > 0
        if "filed_on" in row.columns:
            self.stated |= row.days("filed_on") > 0
        entries = read.cells["outcome"].entries
        decides = np.array(
            [bool(wrong) or value not in {None, *NO_OUTCOME} for value, wrong in entries]
        )
        filed = self.stated | decides.take(outcome)
        self.filed = filed.astype(np.int32), 2
        self.level = level * filed, levels
        self.outcome = outcome * filed, outcomes

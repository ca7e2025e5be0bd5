"""The rows of the caseload's table as columns: searched, filtered and sorted without looking at a row."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from toolkit.desk.caseload import Caseload, with_letters

# The columns that the table shows, or that it is searched, filtered and sorted by: numbers of the claim,
# of which each row has its own, and texts that many rows share.
_NUMBERS = ("denial_key", "claim_key", "patient_control_number", "payer_claim_control_number")
_TEXTS = (
    "payer_name", "owner", "denial_category", "procedure_code", "contracted", "level", "standing", "due",
    "letter",
)  # fmt: skip
_DAYS = ("last_filing_date", "file_by", "decision_due")
NEXT = "next"  # to expire
SORTS = (NEXT, "account", "due", "last_filing_date", "file_by", "payer", "category", "denied", "owner")  # fmt: skip
# In the order of the next to expire: what can still be filed in time, by its last filing date.
_RANKS = {
    "past_safe_date": 0,
    "due_this_week": 0,
    "due_later": 0,
    "no_date": 1,
    "overdue": 2,
    "awaiting_decision": 3,
    "nothing_to_file": 4,
    "no_appeal_right": 5,
    "closed": 6,
}
_NEVER = np.iinfo("int64").max


class _Texts:
    """A column of texts that many rows share: each text once, and its number for each row."""

    def __init__(self, numbers: np.ndarray, names: list[str]):
        self.numbers = numbers
        self._number_of = {str(name): at for at, name in enumerate(names)}
        self._names = list(self._number_of)

    def __getitem__(self, at: int) -> str:
        return self._names[self.numbers[at]]

    def put(self, at: np.ndarray, texts: pd.Series) -> None:
        """Let the rows at these positions have these texts."""
        for one, text in zip(at, texts.fillna(""), strict=True):
            self.numbers[one] = self._number_of.setdefault(str(text), len(self._number_of))
        self._names = list(self._number_of)

    def equal(self, text: str) -> np.ndarray:
        """Return which rows have this text."""
        return self.numbers == self._number_of.get(text, -1)

    def counts(self, at: np.ndarray | None) -> dict[str, int]:
        """Return how many rows (of these) have each text."""
        numbers = self.numbers if at is None else self.numbers[at]
        found = np.bincount(numbers, minlength=len(self._names)).tolist()
        return {name: number for name, number in zip(self._names, found, strict=True) if number}

    def ranks(self, rank_of: Mapping[str, int] | None = None) -> np.ndarray:
        """Return a rank for each row: of these, or as the texts are sorted, '' last."""
        if rank_of is None:
            names = sorted(self._names, key=lambda text: (text == "", text.casefold()))
            rank_of = {name: at for at, name in enumerate(names)}
        # A text that no row has (any more) needs no rank.
        return np.array([rank_of.get(name, 0) for name in self._names], dtype="int64")[self.numbers]

    def holding(self, text: str) -> np.ndarray:
        """Return which rows have a text with this one in it, in capitals or not."""
        sought = text.casefold()
        return np.array([sought in name.casefold() for name in self._names])[self.numbers]


class Listing:
    """A caseload's rows, to be asked for the positions that pass and for what a row shows."""

    def __init__(self, caseload: Caseload):
        worklist = caseload.worklist
        self.as_of = caseload.as_of
        self.size = len(worklist)
        self._numbers = {name: worklist.column(name).fillna("") for name in _NUMBERS}
        self._texts = {name: _Texts(*worklist.numbered(name)) for name in _TEXTS}
        days = worklist.frame(columns=_DAYS)
        self._columns: dict[str, np.ndarray] = {name: _days(days[name]) for name in _DAYS}
        self._columns["denied_cents"] = _cents(worklist.column("denied_cents"))
        self._rows = worklist.column("row")
        self._ranks: dict[str, np.ndarray] = {}
        for rows in (caseload.stated, *caseload.changed.values()):
            if rows is not None:
                self.put(rows)

    def put(self, rows: pd.DataFrame) -> None:
        """Show these rows of the worklist in place of what was there of the same denials."""
        rows = with_letters(rows, as_of=self.as_of)
        at = pd.Index(self._numbers["denial_key"]).get_indexer(rows["denial_key"])
        for name, column in self._texts.items():
            column.put(at, rows[name])
        for name in _DAYS:
            self._columns[name][at] = _days(rows[name])
        self._columns["denied_cents"][at] = _cents(rows["denied_cents"])
        self._ranks.clear()

    def place(self, denial_key: str) -> int:
        """Return the position of a denial; -1 where it is not among them."""
        found = np.flatnonzero(self._numbers["denial_key"].eq(denial_key))
        return int(found[0]) if len(found) else -1

    def values(self, name: str) -> list[str]:
        """Return the distinct values of a column of texts, without ''."""
        return sorted(set(self.counts(name)) - {""}, key=str.casefold)

    def counts(self, name: str, at: np.ndarray | None = None) -> Mapping[str, int]:
        """Return how many rows (of these) have each value of a column of texts."""
        return self._texts[name].counts(at)

    def denied(self, at: np.ndarray) -> int:
        """Return the denied cents of these rows."""
        cents = self._columns["denied_cents"][at]
        return int(cents[cents >= 0].sum())

    def passing(
        self,
        *,
        equal: Mapping[str, str],
        search: str = "",
        keys: set[str] | None = None,
        least: int | None = None,
    ) -> np.ndarray:
        """Return the positions whose columns have these values, whose numbers hold the text, and,
        with `keys`, that are among these denials, with `least`, of at least so many denied cents.
        """
        kept = np.ones(self.size, dtype=bool)
        for name, value in equal.items():
            kept &= self._texts[name].equal(value)
        if least is not None:
            kept &= self._columns["denied_cents"] >= least
        if keys is not None:
            kept &= self._numbers["denial_key"].isin(keys).to_numpy(bool)
        if sought := search.strip():
            kept &= self._holding(sought)
        return np.flatnonzero(kept)

    def only(self, at: np.ndarray, name: str, value: str) -> np.ndarray:
        """Return those of the positions whose column has this value."""
        return at[self._texts[name].equal(value)[at]]

    def without(self, at: np.ndarray, name: str, value: str) -> np.ndarray:
        """Return those of the positions whose column does not have this value."""
        return at[~self._texts[name].equal(value)[at]]

    def having(self, at: np.ndarray, name: str) -> np.ndarray:
        """Return those of the positions whose column says something."""
        return self.without(at, name, "")

    def ordered(self, at: np.ndarray, by: str, *, down: bool = False) -> np.ndarray:
        """Return the positions in the order of a column; equal ones as in the next to expire."""
        if by == NEXT:
            return at[np.argsort(self._rank(NEXT)[at], kind="stable")]
        first, second = self._rank(by)[at], self._rank(NEXT)[at]
        if down:
            first = np.where(first == _NEVER, _NEVER, -first)
        return at[np.lexsort((second, first))]

    def keys(self, at: np.ndarray) -> list[str]:
        """Return the denial keys at these positions."""
        return self._numbers["denial_key"].iloc[at].tolist()

    def row(self, at: int) -> dict[str, Any]:
        """Return what the table shows of a row: texts, days (None where unknown) and cents."""
        found: dict[str, Any] = {name: self._texts[name][at] for name in _TEXTS}
        found |= {name: column.iat[at] for name, column in self._numbers.items()}
        found["row"] = self._rows.iat[at]
        for name in _DAYS:
            days = int(self._columns[name][at])
            found[name] = None if days == _NEVER else date.fromordinal(days)
        cents = int(self._columns["denied_cents"][at])
        return found | {"denied_cents": None if cents < 0 else cents}

    def _holding(self, text: str) -> np.ndarray:
        """Return which rows have the text in one of their numbers, in capitals or not."""
        found = self._texts["procedure_code"].holding(text)
        for column in self._numbers.values():
            found = found | column.str.contains(text, case=False, regex=False).to_numpy(bool)
        return found

    def _rank(self, by: str) -> np.ndarray:
        if by not in self._ranks:
            self._ranks[by] = self._ranked(by)
        return self._ranks[by]

    def _ranked(self, by: str) -> np.ndarray:
        column = self._columns
        if by == NEXT:
            rank = self._texts["due"].ranks(_RANKS)
            day = np.where(rank == 3, column["decision_due"], column["last_filing_date"])
            # Of what is too late, the latest first: a late request needs a reason.
            day = np.where(rank == 2, -day, day)
            order = np.lexsort((-column["denied_cents"], column["file_by"], day, rank))
            found = np.empty(self.size, dtype="int64")
            found[order] = np.arange(self.size)
            return found
        name = {
            "account": "patient_control_number",
            "payer": "payer_name",
            "category": "denial_category",
            "denied": "denied_cents",
        }.get(by, by)
        if name == "due":
            return self._texts[name].ranks(_RANKS_OF_DUE)
        if name in self._texts:
            return self._texts[name].ranks()
        if name in self._numbers:
            numbers, names = pd.factorize(self._numbers[name])
            return _Texts(numbers, list(names)).ranks()
        return column[name]


_RANKS_OF_DUE = {
    due: at
    for at, due in enumerate(
        ("past_safe_date", "due_this_week", "due_later", "overdue", "no_date", "awaiting_decision",
         "nothing_to_file", "no_appeal_right", "closed")
    )
}  # fmt: skip


def _days(column: pd.Series) -> np.ndarray:
    """Return days as their proleptic ordinals; what is unknown comes after every day."""
    days = column.to_numpy("datetime64[D]")
    unknown = np.isnat(days)
    found = days.astype("int64") + date(1970, 1, 1).toordinal()
    found[unknown] = _NEVER
    return found


def _cents(column: pd.Series) -> np.ndarray:
    return column.fillna(-1).to_numpy("int64", copy=True)

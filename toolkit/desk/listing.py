"""The rows of the caseload's table as columns: searched, filtered and sorted without looking at a row."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from toolkit.desk.caseload import Caseload, with_letters

# The columns that the table shows, or that it is searched, filtered and sorted by.
_TEXTS = (
    "denial_key", "claim_key", "patient_control_number", "payer_claim_control_number", "payer_name",
    "owner", "denial_category", "procedure_code", "contracted", "level", "standing", "due", "letter",
)  # fmt: skip
_DAYS = ("last_filing_date", "file_by", "decision_due")
_SOUGHT = (
    "denial_key", "claim_key", "patient_control_number", "payer_claim_control_number",
    "procedure_code",
)  # fmt: skip
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


class Listing:
    """A caseload's rows, to be asked for the positions that pass and for what a row shows."""

    def __init__(self, caseload: Caseload):
        frame = caseload.rows()
        self.as_of = caseload.as_of
        self.size = len(frame)
        self._columns: dict[str, np.ndarray] = {
            name: _texts(frame[name]) for name in (*_TEXTS,)
        } | {name: _days(frame[name]) for name in _DAYS}
        self._columns["denied_cents"] = _cents(frame["denied_cents"])
        self._columns["row"] = frame["row"].to_numpy(object)
        self._at = {key: at for at, key in enumerate(self._columns["denial_key"])}
        self._sought: pd.Series | None = None
        self._ranks: dict[str, np.ndarray] = {}

    def put(self, row: pd.DataFrame) -> None:
        """Show this row of the worklist (a frame of one row) in place of the one before."""
        row = with_letters(row)
        at = self._at[row["denial_key"].iloc[0]]
        for name in _TEXTS:
            self._columns[name][at] = _texts(row[name])[0]
        for name in _DAYS:
            self._columns[name][at] = _days(row[name])[0]
        self._columns["denied_cents"][at] = _cents(row["denied_cents"])[0]
        self._ranks.clear()

    def values(self, name: str) -> list[str]:
        """Return the distinct values of a column of texts, without ''."""
        return sorted(set(self._columns[name]) - {""}, key=str.casefold)

    def counts(self, name: str, at: np.ndarray | None = None) -> Mapping[str, int]:
        """Return how many rows (of these) have each value of a column."""
        column = self._columns[name] if at is None else self._columns[name][at]
        return pd.Series(column).value_counts().to_dict()

    def denied(self, at: np.ndarray) -> int:
        """Return the denied cents of these rows."""
        cents = self._columns["denied_cents"][at]
        return int(cents[cents >= 0].sum())

    def passing(
        self, *, equal: Mapping[str, str], search: str = "", keys: set[str] | None = None
    ) -> np.ndarray:
        """Return the positions whose columns have these values, whose numbers hold the text, and,
        with `keys`, that are among these denials.
        """
        kept = np.ones(self.size, dtype=bool)
        for name, value in equal.items():
            kept &= self._columns[name] == value
        if keys is not None:
            some = np.zeros(self.size, dtype=bool)
            some[[self._at[key] for key in keys if key in self._at]] = True
            kept &= some
        if sought := search.strip().casefold():
            kept &= self._numbers().str.contains(sought, regex=False).to_numpy(bool)
        return np.flatnonzero(kept)

    def only(self, at: np.ndarray, name: str, value: str) -> np.ndarray:
        """Return those of the positions whose column has this value."""
        return at[self._columns[name][at] == value]

    def without(self, at: np.ndarray, name: str, value: str) -> np.ndarray:
        """Return those of the positions whose column does not have this value."""
        return at[self._columns[name][at] != value]

    def having(self, at: np.ndarray, name: str) -> np.ndarray:
        """Return those of the positions whose column says something."""
        return at[self._columns[name][at] != ""]

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
        return list(self._columns["denial_key"][at])

    def row(self, at: int) -> dict[str, Any]:
        """Return what the table shows of a row: texts, days (None where unknown) and cents."""
        found = {name: self._columns[name][at] for name in (*_TEXTS, "row")}
        for name in _DAYS:
            days = int(self._columns[name][at])
            found[name] = None if days == _NEVER else date.fromordinal(days)
        cents = int(self._columns["denied_cents"][at])
        return found | {"denied_cents": None if cents < 0 else cents}

    def _numbers(self) -> pd.Series:
        if self._sought is None:
            parts = [pd.Series(self._columns[name], dtype="str") for name in _SOUGHT]
            joined = parts[0].str.cat(parts[1:], sep="\n")
            self._sought = joined.str.casefold()
        return self._sought

    def _rank(self, by: str) -> np.ndarray:
        if by not in self._ranks:
            self._ranks[by] = self._ranked(by)
        return self._ranks[by]

    def _ranked(self, by: str) -> np.ndarray:
        column = self._columns
        if by == NEXT:
            due = column["due"]
            rank = pd.Series(due).map(_RANKS).to_numpy("int64")
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
            return pd.Series(column[name]).map(_RANKS_OF_DUE).to_numpy("int64")
        if name in _TEXTS:
            values = sorted(set(column[name]), key=lambda text: (text == "", text.casefold()))
            place = {value: at for at, value in enumerate(values)}
            return pd.Series(column[name]).map(place).to_numpy("int64")
        return column[name]


_RANKS_OF_DUE = {
    due: at
    for at, due in enumerate(
        ("past_safe_date", "due_this_week", "due_later", "overdue", "no_date", "awaiting_decision",
         "nothing_to_file", "no_appeal_right", "closed")
    )
}  # fmt: skip


def _texts(column: pd.Series) -> np.ndarray:
    return column.astype(object).where(column.notna(), "").to_numpy(object, copy=True)


def _days(column: pd.Series) -> np.ndarray:
    """Return days as their proleptic ordinals; what is unknown comes after every day."""
    days = column.to_numpy("datetime64[D]")
    unknown = np.isnat(days)
    found = days.astype("int64") + date(1970, 1, 1).toordinal()
    found[unknown] = _NEVER
    return found


def _cents(column: pd.Series) -> np.ndarray:
    return column.fillna(-1).to_numpy("int64", copy=True)

"""What the metrics count on: denials and appeals in groups, and the day on which they are seen.

A ledger holds no row of a denial, so it is as small for ten million of them as for ten thousand:
it is made part by part and added up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from toolkit.claims.tables import TABLES as CLAIM_TABLES
from toolkit.claims.tables import Claims
from toolkit.metrics.disputes import appeals
from toolkit.metrics.groups import CUTS, TABLES, added, counted, distinct_keys

DUES = (
    "overdue",
    "past_safe_date",
    "due_this_week",
    "due_later",
    "no_date",
    "awaiting_decision",
    "no_appeal_right",
    "nothing_to_file",
    "closed",
)

# Columns that may identify a patient, wherever they stand.
PERSONAL = frozenset(c.name for table in CLAIM_TABLES.values() for c in table if c.personal)

_AT_ONCE = 16  # ledgers held before they are added up


@dataclass(frozen=True, eq=False)
class Ledger:
    """One source's denials and appeals, grouped and counted as of a day.

    `tables` are those of `toolkit.metrics.groups.TABLES`; none holds a column that may identify a
    patient. `distinct` is the number of distinct denials, to compare with those counted.
    """

    as_of: date
    tables: Mapping[str, pd.DataFrame]
    distinct: int

    @property
    def denials(self) -> pd.DataFrame:
        """The denials by due state and by what became of them."""
        return self.tables["denials"]

    @property
    def appeals(self) -> pd.DataFrame:
        """The appeals by outcome."""
        return self.tables["appeals"]

    @property
    def days(self) -> pd.DataFrame:
        """The appeals by the days they took, on each clock."""
        return self.tables["days"]

    def due(self, *states: str) -> pd.DataFrame:
        """Return the groups of denials in these due states."""
        return self.denials[self.denials["due"].isin(states)]

    def count(self, *states: str) -> int:
        """Return how many denials are in these due states; with none named, in all."""
        return int((self.due(*states) if states else self.denials)["denials"].sum())

    def cents(self, *states: str) -> int:
        """Return the known denied amounts in these due states; with none named, in all."""
        return int((self.due(*states) if states else self.denials)["cents"].sum())

    @property
    def filed(self) -> int:
        """How many appeals are on file."""
        return int(self.appeals["appeals"].sum())

    def where(self, column: str, *names: str) -> "Ledger":
        """Return the denials and appeals whose `column` is one of these names.

        `column` is one of CUTS. What comes back is cut: it knows its denials, appeals and days,
        neither the other tables nor its distinct denials, and cannot be cut again.
        """
        if column not in CUTS:
            raise ValueError(f"a ledger is cut by {', '.join(CUTS)}")
        cut = {}
        for name in ("denials", "appeals", "days"):
            table = self.tables[f"{name}_by"]
            held = table["cut"].eq(column) & table["name"].isin(names)
            cut[name] = table[held].drop(columns=["cut", "name"])
        return replace(self, tables=cut)

    def added(self, others: Iterable["Ledger"]) -> "Ledger":
        """Return this ledger and the others as one: see `add_up`."""
        return add_up([self, *others])


def open_ledger(claims: Claims, worklist: pd.DataFrame, *, as_of: date) -> Ledger:
    """Return the ledger of one source, or of a part that holds every row of its claims."""
    return ledger_of(worklist, appeals(claims, worklist), as_of=as_of)


def ledger_of(worklist: pd.DataFrame, disputes: pd.DataFrame, *, as_of: date) -> Ledger:
    """Return the ledger of these denials and appeals, one row each."""
    return Ledger(as_of, counted(worklist, disputes, as_of), distinct_keys(worklist))


def add_up(parts: Iterable[Ledger]) -> Ledger:
    """Return the ledger of all parts together, in whatever order they come, exact to the cent.

    A claim's rows must all be in one part. Parts are taken as they come, a few held at a time.
    Raises ValueError where there is no part, or where two are of different days.
    """
    held: list[Ledger] = []
    for part in parts:
        held.append(part)
        if len(held) == _AT_ONCE:
            held = [_sum(held)]
    if not held:
        raise ValueError("there is no ledger to add up")
    return held[0] if len(held) == 1 else _sum(held)


def _sum(ledgers: list[Ledger]) -> Ledger:
    if len({one.as_of for one in ledgers}) > 1:
        raise ValueError("ledgers of different days do not add up")
    tables = {name: added([one.tables[name] for one in ledgers], name) for name in TABLES}
    return Ledger(ledgers[0].as_of, tables, sum(one.distinct for one in ledgers))

"""What to file this week: the most expected net recovery within each owner's minutes and the dates.

Each case has its minutes, its week to be filed in at the latest, and what is expected of it after its
cost. Of each owner's cases those are taken whose sum is largest while for every week the minutes of
what is due by then fit into the weeks until then. Greedy by dollars a minute is near the best; scipy's
`milp` finds the best where there are not too many cases.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from toolkit.metrics.parcel import NOT_STATED, Facts
from toolkit.metrics.studies import expected

WEEKS = 4  # planned ahead; what is due later may be done in the last of them
_EXACT = 1_500  # cases of one owner, up to which the best plan is looked for
_SECONDS = 10  # for one owner

COLUMNS = (
    "denial_key", "claim_key", "payer", "category", "owner", "due", "program", "level", "file_by",
    "last_filing_date", "stake_cents", "rate", "few", "minutes", "cost_cents", "expected_cents",
    "net_cents", "due_week", "do_week", "taken", "method",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Cases:
    """One owner's cases: minutes, value, and the week by which each must be filed, from 0."""

    minutes: np.ndarray
    value: np.ndarray
    week: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """The cases by value a minute, best first."""
        return np.argsort(-self.value / self.minutes, kind="stable")


def plan(facts: Facts) -> pd.DataFrame:
    """Return the open denials to be appealed, with what is taken into the next four weeks and when.

    Columns: COLUMNS. `do_week` is 0 for this week and missing for what is not taken; `method` is how the
    owner's plan was found. No row where no decided appeal says what to expect.
    """
    rows = expected(facts)
    rows = rows[rows["due"] != "awaiting_decision"].reset_index(drop=True)
    effort = facts.effort
    rows["minutes"] = rows["route"].map(effort.minutes_of).astype("int64")
    rows["cost_cents"] = rows["route"].map(effort.cents_of).astype("int64")
    rows["expected_cents"] = rows["expected_cents"].round().astype("int64")
    rows["net_cents"] = rows["expected_cents"] - rows["cost_cents"]
    rows["due_week"] = weeks_left(rows["file_by"], facts.as_of)
    rows["owner"] = rows["owner"].fillna("").replace("", NOT_STATED)
    rows["taken"], rows["method"] = False, ""
    rows["do_week"] = pd.array([None] * len(rows), dtype="Int64")
    for _, mine in rows[rows["net_cents"] > 0].groupby("owner"):
        cases = _Cases(*(mine[name].to_numpy() for name in ("minutes", "net_cents", "due_week")))
        taken, method = best(cases, effort.weekly_minutes)
        at = mine.index[taken]
        rows.loc[mine.index, "method"] = method
        rows.loc[at, "taken"] = True
        rows.loc[at, "do_week"] = in_weeks(rows.loc[at], effort.weekly_minutes)
    rows["few"] = rows["few"].astype("boolean")
    order = rows.assign(
        last=rows["do_week"].fillna(WEEKS + 1), worth=-rows["net_cents"]
    ).sort_values(["last", "owner", "worth", "denial_key"], kind="stable")
    return order[list(COLUMNS)].reset_index(drop=True)


def weeks_left(file_by: pd.Series, as_of: date) -> pd.Series:
    """Return the week from the day on, 0 for the next seven days, in which each date falls."""
    days = (pd.to_datetime(file_by) - pd.Timestamp(as_of)).dt.days
    return (days // 7).clip(0, WEEKS - 1).fillna(WEEKS - 1).astype("int64")


def fits(taken: np.ndarray, cases: _Cases, weekly: int) -> bool:
    """Return whether what is due by the end of each week fits into the minutes until then."""
    used = np.cumsum(np.bincount(cases.week[taken], cases.minutes[taken], WEEKS))
    return bool((used <= weekly * np.arange(1, WEEKS + 1)).all())


def greedy(cases: _Cases, weekly: int) -> np.ndarray:
    """Return the cases taken one by one, most value a minute first, as long as all still fits."""
    room = weekly * np.arange(1, WEEKS + 1, dtype="int64")
    taken = np.zeros(len(cases.value), dtype=bool)
    for n in cases.order:
        if cases.minutes[n] <= room[cases.week[n] :].min():
            taken[n] = True
            room[cases.week[n] :] -= cases.minutes[n]
    return taken


def best(cases: _Cases, weekly: int) -> tuple[np.ndarray, str]:
    """Return the cases to take and how they were found: everything, the best plan, or greedy."""
    first = greedy(cases, weekly)
    if first.all():
        return first, "all"
    if len(cases.value) > _EXACT:
        return first, "greedy"
    from scipy.optimize import Bounds, LinearConstraint, milp

    by_week = [np.where(cases.week <= week, cases.minutes, 0) for week in range(WEEKS)]
    found = milp(
        -cases.value.astype("float64"),
        constraints=LinearConstraint(
            np.array(by_week), ub=weekly * np.arange(1, WEEKS + 1, dtype="float64")
        ),
        integrality=np.ones(len(cases.value)),
        bounds=Bounds(0, 1),
        options={"time_limit": _SECONDS, "mip_rel_gap": 1e-4},
    )
    if found.x is None:
        return first, "greedy"
    exact = found.x > 0.5
    if not fits(exact, cases, weekly):
        return first, "greedy"
    better = cases.value[exact].sum() > cases.value[first].sum()
    return exact if better else first, "best" if found.status == 0 else "greedy"


def in_weeks(taken: pd.DataFrame, weekly: int) -> pd.Series:
    """Return the week in which each case taken is done: what is due first, then most dollars a minute."""
    order = taken.assign(
        worth=-taken["net_cents"] / taken["minutes"]
    ).sort_values(["due_week", "worth", "denial_key"], kind="stable")  # fmt: skip
    before = order["minutes"].cumsum() - order["minutes"]
    week = (before // max(weekly, 1)).clip(upper=order["due_week"])
    return week.astype("Int64").reindex(taken.index)

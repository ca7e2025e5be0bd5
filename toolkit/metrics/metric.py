"""What a metric is: a number that carries its own definition."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from importlib import import_module
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

# Fewer cases than this and a rate or a median is labeled "small n": one case more or less moves a
# rate by more than three points. Ours; published standards give no number.
SMALL_N = 30

# The standard normal quantile for a two-sided 95 % interval.
_Z95 = 1.959963984540054

_MODULES = ("work", "outcomes")


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a metric counts, over what, at which grain, on which date, without what, by whose word.

    `unit` is denials, appeals, cents, ratio or days. `mark` is V (the source was read), V2
    (second-hand, named source), M (from memory) or own (the toolkit's own definition).
    """

    id: str
    name: str
    numerator: str
    denominator: str
    unit: str
    grain: str
    date_basis: str
    exclusions: str
    source: str
    mark: str
    caveat: str


@dataclass(frozen=True, kw_only=True)
class Metric(Definition):
    """One metric's value with its definition.

    `count` and `out_of` are the numbers behind the value (cents where the unit is cents or the
    ratio is one of dollars). `low` and `high` are the 95 % Wilson interval of a share. `n` is the
    number of cases that the value rests on, `censored` the number of cases still open, `left_out`
    the number set aside because a fact is missing. The value is None where there is nothing to
    count: no appeal decided is not an overturn rate of zero.
    """

    value: int | float | None
    count: int
    out_of: int | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    censored: int | None = None
    left_out: int | None = None

    @property
    def small(self) -> bool:
        """True where a rate or a number of days rests on fewer than `SMALL_N` cases."""
        return self.n is not None and self.n < SMALL_N


def metric(**words: str) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., Metric]]:
    """Turn a function that gives `value`, `count` ... into one that gives a `Metric`."""

    def define(function: Callable[..., dict[str, Any]]) -> Callable[..., Metric]:
        definition = Definition(id=function.__name__, **words)
        said = {f.name: getattr(definition, f.name) for f in fields(Definition)}

        @wraps(function)
        def measure(ledger: Any) -> Metric:
            return Metric(**said, **function(ledger))

        measure.definition = definition
        return measure

    return define


def measures() -> tuple[Callable[..., Metric], ...]:
    """Return every metric's function, in the order in which the modules state them."""
    found = []
    for name in _MODULES:
        module = import_module(f"toolkit.metrics.{name}")
        found += [
            f for f in vars(module).values() if isinstance(f, Callable) and hasattr(f, "definition")
        ]
    return tuple(found)


def definitions() -> tuple[Definition, ...]:
    """Return the table of metrics: one definition per metric, built from the modules."""
    return tuple(f.definition for f in measures())


def wilson(count: int, out_of: int) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % Wilson score interval of a share; (None, None) where there is no case.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22:209. It stays inside 0 to 1 and holds for the
    small counts of one payer's appeals, where the plain normal interval does not.

    >>> [round(bound, 4) for bound in wilson(3, 10)]
    [0.1078, 0.6032]
    """
    if not out_of:
        return None, None
    share, z2 = count / out_of, _Z95**2
    middle = (share + z2 / (2 * out_of)) / (1 + z2 / out_of)
    reach = _Z95 * sqrt(share * (1 - share) / out_of + z2 / (4 * out_of**2)) / (1 + z2 / out_of)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def days_by_which(share: float, done: pd.Series, waiting: pd.Series | None = None) -> int | None:
    """Return the first day by which `share` of the cases are done; None where it is not reached.

    `done` holds the days that finished cases took, `waiting` the days that open cases have waited
    so far. Open cases count as censored (product-limit estimate, Kaplan and Meier 1958): leaving
    them out would make every slow payer look quick.

    >>> days_by_which(0.5, pd.Series([10, 20, 30]))
    20
    >>> days_by_which(0.5, pd.Series([10, 20, 30]), pd.Series([25, 25, 25]))
    30
    """
    return day_reached(share, _tally(done), None if waiting is None else _tally(waiting))


def day_reached(share: float, done: pd.Series, waiting: pd.Series | None = None) -> int | None:
    """Return what `days_by_which` does, of cases that are counted: how many (value) by days (index).

    >>> day_reached(0.5, pd.Series([1, 2], index=[10, 20]))
    20
    """
    done = done.groupby(level=0).sum()
    if done.empty:
        return None
    days, ended = done.index.to_numpy(dtype="int64"), done.to_numpy(dtype="int64")
    every = done if waiting is None else pd.concat([done, waiting]).groupby(level=0).sum()
    before = np.concatenate([[0], np.cumsum(every.to_numpy(dtype="int64"))])
    place = np.searchsorted(every.index.to_numpy(dtype="int64"), days, side="left")
    at_risk = before[-1] - before[place]
    open_share = np.cumprod(1 - ended / at_risk)
    reached = np.flatnonzero(open_share <= 1 - share + 1e-12)
    return int(days[reached[0]]) if reached.size else None


def _tally(days: pd.Series) -> pd.Series:
    return days.dropna().astype("int64").value_counts()

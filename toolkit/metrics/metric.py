"""What a metric is: a number that carries its own definition. The table of them is `rules/metrics.yaml`."""

from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec

from toolkit.errors import UsageError
from toolkit.rules import RULES, read

if TYPE_CHECKING:
    from toolkit.metrics.parcel import Facts

# Fewer cases than this and a rate or a median is labeled "small n": one case more or less moves a
# rate by more than three points. Ours; published standards give no number. For a rate of dollars
# the cases are how many equal claims its dollars are worth: a few large claims are few cases.
SMALL_N = 30

Table = Literal["denials", "submissions", "claims", "lines"]
Unit = Literal["denials", "appeals", "claims", "cents", "ratio", "days"]


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One metric as `rules/metrics.yaml` states it."""

    name: str
    from_table: Table
    kind: Literal[
        "count", "dollars", "share", "dollar_share", "prior_rate", "days", "mean_days", "breakeven",
        "study",
    ]  # fmt: skip
    unit: Unit
    direction: Literal["up", "down", "none"]
    numerator: str
    denominator: str = ""
    grain: str = ""
    date_basis: str = ""
    exclusions: str = ""
    source: str = "toolkit definition"
    mark: Literal["V", "V2", "M", "own"] = "own"
    caveat: str = ""
    where: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    amount: str = ""
    of_amount: str = ""
    known: str = ""
    without: str = ""
    weight: str = ""
    of_weight: str = ""
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    share: float | None = None
    example: float | None = None


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    grain: str
    date_basis: str


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sets: dict[str, dict[str, str]]
    defaults: dict[str, _Words]
    metrics: dict[str, dict[str, Row]]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a metric counts, over what, at which grain, on which date, without what, by whose word.

    `unit` is denials, appeals, claims, cents, ratio or days; `direction` is up or down, which way is good, or
    none. `mark` is V (the source was read), V2 (second-hand, named source), M (from memory) or own
    (the toolkit's own definition).
    """

    id: str
    name: str
    numerator: str
    denominator: str
    unit: str
    direction: str
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
    ratio is one of dollars, which `dollars` says). `low` and `high` are its 95 % interval: Wilson's of
    a share, by claim of a rate of dollars, and of days and studied values where `Facts.studies`
    holds one. `n` is the number of cases that the value rests on,
    `worth` how many equal claims the dollars of a rate are worth, `censored` the number of cases
    still open, `otherwise` of those that ended in another way, `left_out` the number set aside
    because a fact is missing. The value is None if there is nothing to count (no appeal decided is
    not an overturn rate of zero), and where `withheld` says why it is not shown.
    """

    value: int | float | None
    count: int
    out_of: int | None = None
    n: int | None = None
    low: float | None = None
    high: float | None = None
    censored: int | None = None
    otherwise: int | None = None
    left_out: int | None = None
    worth: float | None = None
    dollars: bool = False
    withheld: str = ""

    @property
    def small(self) -> bool:
        """True where a rate or a number of days rests on fewer than `SMALL_N` cases."""
        cases = self.n if self.worth is None else self.worth
        return cases is not None and cases < SMALL_N


@dataclass(frozen=True)
class Measure:
    """One metric, asked of facts: `measure(facts)` returns a `Metric`."""

    definition: Definition
    row: Row
    group: str

    @property
    def __name__(self) -> str:
        return self.definition.id

    @property
    def clock(self) -> tuple:
        """What a metric of days counts, and from when to when."""
        row = self.row
        return (row.from_table, row.of, row.where, row.waiting, row.otherwise, row.from_, row.to)

    def __call__(self, facts: "Facts") -> Metric:
        """Return the metric of all the facts."""
        return facts.measure((self,))[None][0]

    def metric(self, **found) -> Metric:
        """Return the value with its definition."""
        said = {f.name: getattr(self.definition, f.name) for f in fields(Definition)}
        return Metric(**said, **found)


@cache
def _file() -> _File:
    return read(RULES / "metrics.yaml", _File)


def condition(table: str, names: tuple[str, ...]) -> str:
    """Return the sets of a table, all of which a row has to be in, as one condition in SQL."""
    sets = _file().sets[table]
    return " AND ".join(f"({sets[name]})" for name in names) or "true"


@cache
def measures() -> tuple[Measure, ...]:
    """Return every metric, in the order of their table."""
    found = []
    for group, rows in _file().metrics.items():
        for name, row in rows.items():
            usual = _file().defaults[row.from_table]
            words = {
                f.name: getattr(row, f.name) for f in fields(Definition) if f.name not in ("id",)
            }
            words["grain"] = words["grain"] or usual.grain
            words["date_basis"] = words["date_basis"] or usual.date_basis
            found.append(Measure(Definition(id=name, **words), row, group))
    return tuple(found)


def named(*names: str) -> tuple[Measure, ...]:
    """Return the metrics of these names; raise UsageError for one that there is not."""
    known = {one.definition.id: one for one in measures()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(f"no metric named {', '.join(unknown)}; there are: {', '.join(known)}")
    return tuple(known[name] for name in names)


def definitions() -> tuple[Definition, ...]:
    """Return the table of metrics: one definition per metric."""
    return tuple(one.definition for one in measures())


class Group:
    """The metrics of one group by name: `work.overdue(facts)`."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Measure:
        for one in measures():
            if one.group == self.__name__ and one.definition.id == name:
                return one
        raise AttributeError(f"no metric named {name} in {self.__name__}")

    def __dir__(self) -> list[str]:
        return [one.definition.id for one in measures() if one.group == self.__name__]


work = Group("work")
outcomes = Group("outcomes")
rates = Group("rates")

"""The facts of a source, opened: what every number of a report is a sum over.

The facts are Parquet files in a folder, or tables in memory; DuckDB adds them up. No column of them
may identify a patient.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from toolkit.claims.tables import TABLES as CLAIM_TABLES
from toolkit.claims.tables import Claims
from toolkit.metrics.effort import Effort, assumed
from toolkit.metrics.facts import TABLES, FactTables, facts_of
from toolkit.metrics.metric import Measure, Metric, condition
from toolkit.metrics.statements import NOT_READ
from toolkit.metrics.statistics import day_reached, ratio_interval, totals_interval, wilson
from toolkit.worklist import DUE

if TYPE_CHECKING:
    import duckdb

# A denial is in one of these on the report's day: those of the worklist, and one that reports tell
# apart from waiting.
DUES = tuple(
    one for due in DUE for one in ((due, NOT_READ) if due == "awaiting_decision" else (due,))
)

NOT_STATED = "(not stated)"

# Columns that may identify a patient, wherever they stand.
PERSONAL = frozenset(c.name for table in CLAIM_TABLES.values() for c in table if c.personal)

# What stands between the two keys of a pair.
PAIR = "\x1f"

# What reports cut denials and appeals by, and the column of the facts that it is.
CUTS = {
    "payer_name": "payer", "facility": "facility", "program": "program", "level": "level",
    "denial_category": "denial_category", "owner": "owner", "route": "route",
    "payer_and_category": f"payer || '{PAIR}' || coalesce(denial_category, '')",
}  # fmt: skip

# The cuts that each table of facts can be made by; a metric of another table is left out of the others.
_CUT_BY = {
    "denials": frozenset(CUTS),
    "submissions": frozenset(CUTS) - {"route"},
    "claims": frozenset({"payer_name", "facility"}),
    "lines": frozenset({"payer_name", "facility"}),
    "bridge": frozenset(),
}

# What `ratio_interval` is given where there is no claim.
_NO_CLAIM = (0, 0.0, 0.0, 0.0, 0.0, 0.0)

_WITHHELD = "a denial that was won or paid states no recovered amount"
_NO_MONTHS = "the files do not hold all claims of the 3 months before"
_NO_CLAIMS = "no file holds all the claims that it is counted over"
_NO_STUDY = "too few appeals won with a stated amount to learn from"

# A value that was studied in the parent: what it is, its interval, how many cases it rests on.
Studied = tuple[float | None, float | None, float | None, int | None]


class Facts:
    """One source's denials, appeals and claims by month, as of a day.

    Made by `of` from tables in memory, by `of_parts` from several, by `opened` from Parquet files.
    `whole` are the facts that these are a group of: what appeals bring back is learned from all of them.
    """

    def __init__(
        self, db: "duckdb.DuckDBPyConnection", as_of: date, effort: Effort | None = None
    ) -> None:
        self.db, self.as_of, self.effort = db, as_of, effort or assumed()
        self.whole = self
        self.learned: Any = None  # by `toolkit.metrics.studies`, once
        self.studies: dict[tuple[str, str, str], Studied] = {}
        self._clocks: dict[tuple[str, tuple], list[tuple]] = {}
        for name, value in (
            ("as_of", f"DATE '{as_of.isoformat()}'"),
            ("report_month", f"DATE '{self.month.isoformat()}'"),
            ("filing_cost", f"{self.effort.cents_of('appeal')}::BIGINT"),
        ):
            db.execute(f"SET VARIABLE {name} = {value}")
            db.execute(f"CREATE OR REPLACE MACRO {name}() AS getvariable('{name}')")

    @property
    def month(self) -> date:
        """The first day of the last month that is complete on the day of the report."""
        ended = self.as_of + timedelta(days=1)
        return (ended.replace(day=1) - timedelta(days=1)).replace(day=1)

    @classmethod
    def of(cls, tables: FactTables, *, as_of: date) -> "Facts":
        """Return the facts of these tables."""
        db = _database()
        for name in TABLES:
            db.register(name, getattr(tables, name))
        return cls(db, as_of)

    @classmethod
    def of_parts(cls, parts: Iterable[FactTables], *, as_of: date) -> "Facts":
        """Return the facts of several parts; all rows of a claim number are in one of them.

        Raises ValueError if there is no part.
        """
        held = list(parts)
        if not held:
            raise ValueError("there is no part to add up")
        every = {name: [getattr(part, name) for part in held] for name in TABLES}
        tables = {name: pa.concat_tables(some) for name, some in every.items()}
        return cls.of(FactTables(**tables), as_of=as_of)

    @classmethod
    def opened(cls, folder: Path, *, as_of: date, effort: Effort | None = None) -> "Facts":
        """Return the facts that stand as `<table>.parquet` in a folder."""
        db = _database()
        for name in TABLES:
            path = str(folder / f"{name}.parquet").replace("'", "''")
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        return cls(db, as_of, effort)

    def rows(self, query: str, *given: Any) -> list[tuple]:
        """Return the rows of a query over the facts' tables."""
        return self.db.execute(query, list(given)).fetchall()

    def frame(self, query: str, *given: Any) -> pd.DataFrame:
        """Return the answer to a query over the facts' tables as a frame."""
        return self.db.execute(query, list(given)).df()

    def one(self, query: str, *given: Any) -> Any:
        """Return the single value of a query."""
        [(found,)] = self.rows(query, *given)
        return found

    @cached_property
    def _by_due(self) -> dict[str, tuple[int, int]]:
        found = self.rows(
            "SELECT due, count(*), coalesce(sum(denied_cents), 0) FROM denials GROUP BY due"
        )
        return {due: (int(count), int(cents)) for due, count, cents in found}

    def count(self, *states: str) -> int:
        """Return how many denials are in these due states; with none named, in all."""
        return sum(self._by_due.get(due, (0, 0))[0] for due in states or self._by_due)

    def cents(self, *states: str) -> int:
        """Return the known denied amounts in these due states; with none named, in all."""
        return sum(self._by_due.get(due, (0, 0))[1] for due in states or self._by_due)

    @cached_property
    def filed(self) -> int:
        """How many appeals are on file, those of no denial here too."""
        return self.one("SELECT count(*) FROM submissions")

    @cached_property
    def distinct(self) -> int:
        """How many distinct denials there are; a key that is not its claim's own is not counted."""
        return self.one(
            "SELECT count(DISTINCT denial_key) FROM denials WHERE denial_key = claim_key "
            "OR starts_with(denial_key, claim_key || '-')"
        )

    @cached_property
    def payers(self) -> dict[str, str]:
        """The payers by key, each with the one name that it is shown by.

        A payer is its id, and its name the one it has most often; two ids of one name are told apart
        by the id. A payer without an id is its name.
        """
        found = self.rows(
            "SELECT payer, payer_name, sum(n) FROM ("
            "SELECT payer, payer_name, count(*) AS n FROM denials GROUP BY ALL UNION ALL "
            "SELECT payer, payer_name, count(*) FROM submissions GROUP BY ALL UNION ALL "
            "SELECT payer, payer_name, count(*) FROM claims GROUP BY ALL) "
            "WHERE payer <> '' GROUP BY ALL ORDER BY sum(n) DESC, payer_name"
        )
        names: dict[str, str] = {"": NOT_STATED}
        for key, name, _ in found:
            names.setdefault(key, name or key)
        shared = Counter(name for key, name in names.items() if key)
        return {
            key: name if shared[name] < 2 else f"{name} ({_id(key)})" for key, name in names.items()
        }

    def names(self, column: str, keys: Iterable[str | None]) -> list[str]:
        """Return what groups of a cut are shown by."""
        if column == "payer_name":
            return [self.payers.get(key or "", key or NOT_STATED) for key in keys]
        if column == "payer_and_category":
            pairs = [(key or PAIR).split(PAIR) for key in keys]
            return [f"{self.payers.get(a, a or NOT_STATED)}: {b or NOT_STATED}" for a, b in pairs]
        return [key or NOT_STATED for key in keys]

    def sizes(self, column: str, table: str, amount: str, sets: Sequence[str]) -> list[str]:
        """Return the groups of a cut, most dollars first; those without a row of the sets left out."""
        key = f"coalesce({_cut(column)}, '')"
        found = self.rows(
            f"SELECT {key} FROM {table} WHERE {condition(table, tuple(sets))} GROUP BY 1 "
            f"ORDER BY coalesce(sum({amount}), 0) DESC, count(*) DESC, 1"
        )
        return [name for (name,) in found]

    def measure(
        self, measures: Sequence[Measure], *, by: str | None = None, among: Sequence[str] = ()
    ) -> dict[Any, tuple[Metric, ...]]:
        """Return the metrics of each group: key -> one `Metric` per measure, in their order.

        Without `by` there is one group, None. With `by`, a column of CUTS, there is one for each key
        `among`, and None for what is in none of them, where there is any.
        """
        groups = [*among, None] if by else [None]
        if by:
            _cut(by)  # there is such a cut, or it raises
            shown = pa.table({"g": pa.array(list(among), pa.string())})
            self.db.register("shown_groups", shown)
        found: dict[Any, dict[str, Metric]] = {group: {} for group in groups}
        for table in TABLES:
            mine = [one for one in measures if one.row.from_table == table]
            if mine and (not by or by in _CUT_BY[table]):
                for group, values in self._sums(table, mine, by or "").items():
                    found[group] |= values
        for one in measures:
            if one.row.kind == "study":
                for group, studied in self._studied(one.definition.id, by, groups).items():
                    found[group][one.definition.id] = one.metric(**_studied(studied))
        import duckdb

        with suppress(duckdb.CatalogException):
            self.db.unregister("shown_groups")
        return {
            group: tuple(
                values.get(one.definition.id) or one.metric(**_nothing(one)) for one in measures
            )
            for group, values in found.items()
            if values or not by or group is not None
        }

    def _sums(self, table: str, measures: list[Measure], by: str) -> dict:
        """Return the metrics of one table by group."""
        plain = [one for one in measures if one.row.kind not in ("days", "study")]
        found: dict[Any, dict[str, Metric]] = {}
        if plain:
            parts = [f"{sql}" for one in plain for sql in _aggregates(one)]
            clustered = self._clusters(table, [m for m in plain if _by_claim(m)], by)
            for group, *values in self.rows(
                f"SELECT g, {', '.join(parts)} FROM {_grouped(table, by)} GROUP BY g"
            ):
                rest = iter(values)
                mine = found.setdefault(group, {})
                for one in plain:
                    got = [next(rest) for _ in _aggregates(one)]
                    spread = clustered.get((group, one.definition.id))
                    mine[one.definition.id] = one.metric(**_value(one, got, spread))
                    if one.row.kind == "breakeven":
                        mine[one.definition.id] = one.metric(**self._breakeven(got))
        timed = [one for one in measures if one.row.kind == "days"]
        for group, values in self._days(table, timed, by).items():
            found.setdefault(group, {}).update(values)
        return found

    def _clusters(self, table: str, measures: list[Measure], by: str) -> dict:
        """Return what the interval of each rate needs: sums by claim, squared and crossed."""
        if not measures:
            return {}
        # Most claims have one row, which is its own sum.
        of_row = ", ".join(
            f"(CASE WHEN {_known_dollars(one)} THEN {part} END)::DOUBLE AS x{n}, "
            f"(CASE WHEN {_known_dollars(one)} THEN {whole} END)::DOUBLE AS y{n}"
            for n, one in enumerate(measures)
            for part, whole in [_dollar_parts(one)]
        )
        columns = [f"{letter}{n}" for n in range(len(measures)) for letter in "xy"]
        added = ", ".join(f"sum({name}) AS {name}" for name in columns)
        sums = ", ".join(
            f"count(*) FILTER (y{n} > 0), "
            + ", ".join(
                f"coalesce(sum({what}) FILTER (y{n} > 0), 0)"
                for what in (f"x{n}", f"y{n}", f"x{n} * x{n}", f"x{n} * y{n}", f"y{n} * y{n}")
            )
            for n in range(len(measures))
        )
        found = {}
        for group, *values in self.rows(
            f"WITH each AS (SELECT g, claim_key, alone, {of_row} FROM {_grouped(table, by)}) "
            f"SELECT g, {sums} FROM (SELECT g, {', '.join(columns)} FROM each WHERE alone "
            f"UNION ALL SELECT g, {added} FROM each WHERE NOT alone GROUP BY g, claim_key) GROUP BY g"
        ):
            for n, one in enumerate(measures):
                found[group, one.definition.id] = values[6 * n : 6 * n + 6]
        return found

    def _studied(self, name: str, by: str | None, groups: Sequence[Any]) -> dict[Any, Studied]:
        """Return what was studied of each group; a group without an open denial has nothing to expect."""
        whole = self.studies.get((name, "", ""))
        if whole is None:
            return {}
        if not by:
            return {None: whole}
        of_cut = {
            key: one for (id_, cut, key), one in self.studies.items() if (id_, cut) == (name, by)
        }
        if not of_cut and whole[0]:
            return {}
        shown = {
            key: of_cut.get(key or "", (0, 0, 0, whole[3])) for key in groups if key is not None
        }
        rest = sum(one[0] or 0 for key, one in of_cut.items() if key not in shown)
        return shown | {None: (rest, None, None, whole[3])}

    def _breakeven(self, got: list) -> dict[str, Any]:
        """Return the stake at which an appeal's expected return is its cost: cost over overturn rate."""
        won, decided = (int(one) for one in got)
        cost, (low, high) = self.effort.cents_of("appeal"), wilson(won, decided)
        return {
            "value": round(cost * decided / won) if won else None, "count": won, "out_of": decided,
            "n": decided, "low": round(cost / high) if won and high else None,
            "high": round(cost / low) if won and low else None,
        }  # fmt: skip

    def _days(self, table: str, measures: list[Measure], by: str) -> dict:
        """Return the days by which a share of the cases is done, by group; of one clock asked once."""
        counts: dict[tuple, list[tuple]] = {}
        found: dict[Any, dict[str, Metric]] = {}
        for one in measures:
            if one.clock not in counts:
                counts[one.clock] = self._clock(table, one, _grouped(table, by))
            by_group: dict[Any, dict[str, dict[int, int]]] = {}
            for group, what, days, count in counts[one.clock]:
                mine = by_group.setdefault(
                    group, {"done": {}, "otherwise": {}, "waiting": {}, "": {}}
                )
                mine[what or ""][int(days or 0)] = int(count)
            for group, mine in by_group.items():
                studied = self.studies.get((one.definition.id, by, group or ""))
                _, low, high, _ = studied if studied and bool(by) == (group is not None) else _NONE
                found.setdefault(group, {})[one.definition.id] = one.metric(
                    low=low,
                    high=high,
                    value=day_reached(
                        one.row.share, mine["done"], mine["waiting"], mine["otherwise"]
                    ),
                    count=sum(mine["done"].values()),
                    n=sum(mine["done"].values()),
                    censored=sum(mine["waiting"].values()),
                    otherwise=sum(mine["otherwise"].values()),
                    left_out=sum(mine[""].values()),
                )
        return found

    def clocks(self, one: Measure, by: str | None = None) -> list[tuple]:
        """Return the cases of a metric of days: group, done, waiting or otherwise, days, how many.

        Two metrics of one clock, which differ in the share alone, have the same.
        """
        key, table = f"coalesce({_cut(by)}, '')" if by else "''", one.row.from_table
        if (key, one.clock) not in self._clocks:
            rows = f"(SELECT *, {key} AS g FROM {table})"
            self._clocks[key, one.clock] = self._clock(table, one, rows)
        return self._clocks[key, one.clock]

    def _clock(self, table: str, one: Measure, rows: str) -> list[tuple]:
        """Return how many cases of each group are done, waiting or ended otherwise, by days."""
        row = one.row
        done, waiting, other = (
            condition(table, some) if some else "false"
            for some in (row.where, row.waiting, row.otherwise)
        )
        return self.rows(
            f"SELECT g, CASE WHEN {done} THEN 'done' WHEN {other} THEN 'otherwise' "
            f"WHEN {waiting} THEN 'waiting' END AS what, "
            f"CASE WHEN {done} OR {other} THEN {row.to} - {row.from_} "
            f"WHEN {waiting} THEN as_of() - {row.from_} END AS days, count(*) "
            f"FROM {rows} WHERE {condition(table, row.of)} "
            f"AND ({done} OR {other} OR {waiting} OR {_touched(one)}) GROUP BY ALL"
        )


def open_facts(claims: Claims, worklist: pd.DataFrame, *, as_of: date) -> Facts:
    """Return the facts of one source, or of a part that holds every row of its claim numbers."""
    return Facts.of(facts_of(claims, worklist, as_of=as_of)[0], as_of=as_of)


def stated(names: pd.Series) -> pd.Series:
    """Return the names with one word for those that the file does not give."""
    return names.astype("str").fillna(NOT_STATED).replace("", NOT_STATED)


_NONE: Studied = (None, None, None, None)


def _studied(studied: Studied) -> dict[str, Any]:
    value, low, high, n = studied
    whole = None if value is None else round(value)
    return {
        "value": whole, "count": whole or 0, "n": n,
        "low": None if low is None else round(low), "high": None if high is None else round(high),
        "withheld": _NO_STUDY if value is None else "",
    }  # fmt: skip


def _database() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    )


def can_cut(one: Measure, column: str) -> bool:
    """Return whether a metric can be told by the groups of this cut."""
    return column in _CUT_BY[one.row.from_table]


def _id(key: str) -> str:
    return "no payer ID" if key.startswith("=") else key


def _cut(column: str) -> str:
    if column not in CUTS:
        raise ValueError(f"facts are cut by {', '.join(CUTS)}")
    return CUTS[column]


def _grouped(table: str, by: str) -> str:
    """Return the rows of a table, each with its group `g`: one of `shown_groups`, or none."""
    if not by:
        return f"(SELECT *, NULL AS g FROM {table})"
    return f"(FROM {table} LEFT JOIN shown_groups ON g = coalesce({_cut(by)}, ''))"


def _by_claim(one: Measure) -> bool:
    """Return whether a rate's cases hang together by claim: dollars, and the lines of a claim."""
    row = one.row
    return row.kind == "dollar_share" or (row.kind == "share" and row.from_table == "denials")


def _touched(one: Measure) -> str:
    """Return which cases left out of a clock are to be counted: those that ended somehow."""
    if one.row.from_table == "submissions":
        return "stage IN ('decided', 'dismissed', 'withdrawn')"
    return "appealed"


def _known_dollars(one: Measure) -> str:
    row = one.row
    of = condition(row.from_table, row.of)
    if not row.amount:
        return of
    return f"{of} AND {row.amount} IS NOT NULL AND {row.of_amount} IS NOT NULL"


def _dollar_parts(one: Measure) -> tuple[str, str]:
    row = one.row
    where = condition(row.from_table, row.where)
    return f"CASE WHEN {where} THEN {row.amount or 1} ELSE 0 END", row.of_amount or "1"


def _aggregates(one: Measure) -> list[str]:
    """Return what is added up for a metric, in SQL."""
    row = one.row
    where, of = condition(row.from_table, row.where), condition(row.from_table, row.of)
    if row.kind == "count":
        return [f"count(*) FILTER ({where})"]
    if row.kind == "dollars":
        known = f"({row.known or row.amount})"
        return [
            f"coalesce(sum({row.amount}) FILTER ({where}), 0)",
            f"count(*) FILTER ({where} AND {known} IS NULL)",
            f"coalesce(sum({known}) FILTER ({where}), 0)",
        ]
    if row.kind == "prior_rate":
        before = "month >= report_month() - INTERVAL 3 MONTH AND month < report_month()"
        return [
            *(
                f"coalesce(sum({what}) FILTER ({of} AND {where} AND month = report_month()), 0)"
                for what in (row.weight, f"{row.weight}::HUGEINT * {row.weight}")
            ),
            *(
                f"coalesce(sum({what}) FILTER ({of} AND {before}), 0)"
                for what in (row.of_weight, f"{row.of_weight}::HUGEINT * {row.of_weight}")
            ),
            f"count(*) FILTER ({of} AND {before} AND {row.of_weight} > 0)",
            f"count(DISTINCT month) FILTER ({of} AND {before})",
            f"count(*) FILTER ({of} AND month = report_month())",
        ]
    if row.kind == "mean_days":
        return [
            f"coalesce(sum({row.to} - {row.from_}) FILTER ({of} AND {where}), 0)",
            f"count(*) FILTER ({of} AND {where})",
        ]
    if row.kind == "share" and row.weight:
        return [
            f"coalesce(sum({row.weight}) FILTER ({of} AND {where}), 0)",
            f"coalesce(sum({row.of_weight}) FILTER ({of}), 0)",
        ]
    if row.kind in ("share", "breakeven"):
        return [f"count(*) FILTER ({of} AND {where})", f"count(*) FILTER ({of})"]
    part, whole = _dollar_parts(one)
    known = _known_dollars(one)
    return [
        f"coalesce(sum({part}) FILTER ({known}), 0)",
        f"coalesce(sum({whole}) FILTER ({known}), 0)",
        f"count(*) FILTER ({of}) - count(*) FILTER ({known})",
        f"count(*) FILTER ({of} AND {row.amount} IS NULL AND {row.of_amount} IS NOT NULL)",
    ]


def _value(one: Measure, got: list, spread: list | None) -> dict[str, Any]:
    """Return a metric's fields from what was added up."""
    kind = one.row.kind
    got = [int(value) for value in got]
    if kind == "count":
        return {"value": got[0], "count": got[0]}
    if kind == "dollars":
        cents, unknown, known = got
        return {
            "value": None if unknown and not known else cents,
            "count": cents,
            "left_out": unknown,
        }
    if kind == "prior_rate":
        return _prior_rate(one, *got)
    if kind == "mean_days":
        days, cases = got
        return {"value": round(days / cases, 1) if cases else None, "count": days, "n": cases}
    if kind in ("share", "breakeven"):
        count, out_of = got
        (low, high), worth = wilson(count, out_of), None
        if _by_claim(one):
            (low, high), worth = ratio_interval(*(spread or _NO_CLAIM))
        whole = one.row.from_table in ("claims", "lines")
        return {
            "value": count / out_of if out_of else None, "worth": worth,
            "withheld": "" if out_of else one.row.without or (_NO_CLAIMS if whole else ""),
            "count": count, "out_of": out_of, "n": out_of, "low": low, "high": high,
        }  # fmt: skip
    cents, out_of, left_out, unknown = got
    spread = spread or _NO_CLAIM
    (low, high), worth = ratio_interval(*spread)
    why = (
        _WITHHELD if unknown else "too few claims for an interval" if out_of and low is None else ""
    )
    if not out_of:
        why = one.row.without or (_NO_CLAIMS if one.row.from_table == "claims" else "")
    shown = bool(out_of) and not why
    return {
        "value": cents / out_of if shown else None,
        "count": cents, "out_of": out_of, "n": int(spread[0]), "left_out": left_out, "worth": worth,
        "low": low if shown else None, "high": high if shown else None, "dollars": True,
        "withheld": why,
    }  # fmt: skip


def _prior_rate(
    one: Measure,
    part: int,
    part2: int,
    before: int,
    before2: int,
    claims: int,
    months: int,
    now: int,
) -> dict[str, Any]:
    """Return a month's sum over the average of the three months before it; withheld without them."""
    dollars = one.row.of_weight.endswith("cents")
    out_of, held = before / 3, months == 3 and bool(now)
    (low, high), worth = totals_interval(part, part2, before, before2)
    shown = held and before > 0 and low is not None and high is not None
    return {
        "value": part / out_of if shown else None, "count": part, "out_of": round(out_of),
        "n": round(claims / 3), "worth": worth / 3 if dollars else None,
        "low": low * 3 if shown else None, "high": high * 3 if shown else None,
        "dollars": dollars, "withheld": "" if held else _NO_MONTHS,
    }  # fmt: skip


def _nothing(one: Measure) -> dict[str, Any]:
    """Return the fields of a metric of no row."""
    if one.row.kind == "study":
        return _studied(_NONE)
    if one.row.kind == "breakeven":
        return {"value": None, "count": 0, "out_of": 0, "n": 0}
    if one.row.kind == "days":
        return {"value": None, "count": 0, "n": 0, "censored": 0, "otherwise": 0, "left_out": 0}
    return _value(one, [0] * len(_aggregates(one)), None)


# Earlier names.
Ledger, open_ledger, add_up = Facts, open_facts, Facts.of_parts

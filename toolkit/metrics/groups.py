"""The grouped tables of a ledger: how rows are counted into them, and how they are added up.

Several small tables, not one with every column: their sizes add up where one's would multiply.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa

# An appeal that ended on its merits; a dismissed or withdrawn one was never decided.
DECIDED = ("overturned", "partly_overturned", "upheld")
WON = ("overturned", "partly_overturned")
OUTCOMES = (*DECIDED, "dismissed", "withdrawn")

NOT_STATED = "(not stated)"

# The columns that reports cut denials and appeals by.
# Any of these says that a denial was appealed; a file may know the day and not the level.
_MARKS_OF_AN_APPEAL = ("last_level", "filed_on", "decided_on", "outcome")
CUTS = ("payer_name", "facility", "program", "level", "denial_category")

# What is missing on an appeal, and what it would complete.
MISSING = {
    "filing date": "days to appeal and to decision",
    "level of appeal": "outcomes by level",
    "outcome of a decided appeal": "overturn rate",
    "decision date of a finished appeal": "days to decision",
    "recovered amount of an appeal that was won": "dollar-weighted overturn rate",
    "a denial on file for the appeal": "dollar-weighted overturn rate",
}

_WHOLE = {pa.int64(): pd.Int64Dtype()}
_DATED = ("overdue", "past_safe_date", "due_this_week", "due_later")
_STATE = ("due", "can_appeal", "appealed")
_END = ("outcome", "decided")
_DAYS = ("clock", "days")
_CUT = ("cut", "name")


@dataclass(frozen=True)
class Grouped:
    """One grouped table: the columns that tell its rows apart, and those that add up."""

    keys: tuple[str, ...]
    sums: tuple[str, ...]


_DENIED = ("denials", "cents", "unknown")
_APPEALED = (
    "appeals", "dispute_cents", "recovered_cents", "recovered_unknown",
    "weighed", "weighed_dispute_cents", "weighed_recovered_cents",
)  # fmt: skip

# `denials`, `cents` of the known amounts and `unknown`, denials without one; `appeals` likewise.
# `weighed` are the decided appeals whose dollars are known on both sides. `days` is missing where
# the clock has no two dates in order. A table `..._by` is the one before it, once for each cut.
TABLES = {
    "denials": Grouped(_STATE, _DENIED),
    "denials_by": Grouped((*_CUT, *_STATE), _DENIED),
    "weeks": Grouped(("week", "due"), _DENIED),
    "gaps": Grouped(("gap", "payer_name"), _DENIED),
    "no_right": Grouped(("group_code", "carc", "reason", "route"), _DENIED),
    "unclassified": Grouped(("group_code", "carc", "rarcs"), _DENIED),
    "rules": Grouped(("program", "level", "citation", "rule_status"), _DENIED),
    "appeals": Grouped(_END, _APPEALED),
    "appeals_by": Grouped((*_CUT, *_END), _APPEALED),
    "days": Grouped(_DAYS, ("appeals",)),
    "days_by": Grouped((*_CUT, *_DAYS), ("appeals",)),
    "missing": Grouped(("missing",), ("appeals",)),
}


def counted(worklist: pd.DataFrame, appeals: pd.DataFrame, as_of: date) -> dict[str, pd.DataFrame]:
    """Return the tables of these denials (one row each) and appeals (one row each), as of a day."""
    rows = {**_denials(worklist), **_appeals(appeals, as_of)}
    held = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in rows.items()}
    return {
        name: _cut(held[name.removesuffix("_by")], table)
        if name.endswith("_by")
        else _grouped(held[name], table)
        for name, table in TABLES.items()
    }


def added(tables: Sequence[pd.DataFrame], name: str) -> pd.DataFrame:
    """Return several parts of one table as one: equal rows added, in the order of the keys."""
    rows = pd.concat(tables, ignore_index=True)
    return _grouped(pa.Table.from_pandas(rows, preserve_index=False), TABLES[name])


def stated(names: pd.Series) -> pd.Series:
    """Return the names with one word for those that the file does not give."""
    return names.astype("str").fillna(NOT_STATED).replace("", NOT_STATED)


def distinct_keys(worklist: pd.DataFrame) -> int:
    """Return how many distinct denials there are; a key that is not its claim's own is not counted.

    A denial's key begins with its claim's, and a claim stands wholly in one part: so no two parts
    hold the same key, and their numbers of distinct keys add up.
    """
    keys, claims = worklist["denial_key"].tolist(), worklist["claim_key"].tolist()
    own = {
        key
        for key, claim in zip(keys, claims, strict=True)
        if key.startswith(claim) and key[len(claim) : len(claim) + 1] in ("", "-")
    }
    return len(own)


def _denials(worklist: pd.DataFrame) -> dict[str, pd.DataFrame]:
    due, cents = _few(worklist["due"]), worklist["denied_cents"]
    can = worklist["appealable"].fillna(False).astype("bool")
    every = pd.DataFrame(
        {
            "due": due,
            "can_appeal": can & worklist["route"].eq("appeal").fillna(False).astype("bool"),
            "appealed": worklist[list(_MARKS_OF_AN_APPEAL)].notna().any(axis=1),
            **{column: _few(worklist[column], all_stated=True) for column in CUTS},
            "denials": 1,
            "cents": cents.fillna(0).astype("int64"),
            "unknown": cents.isna().astype("int64"),
        },
        index=worklist.index,
    )

    def of(mask: pd.Series, *columns: str) -> pd.DataFrame:
        return worklist.loc[mask, list(columns)].join(every.loc[mask, ["due", *_DENIED]])

    dated = of(due.isin(_DATED) & worklist["file_by"].notna(), "file_by")
    day = dated["file_by"]
    dated["week"] = day - pd.to_timedelta(day.dt.day_of_week, unit="D")
    cited = worklist["citation"].notna() & worklist["citation"].ne("")
    return {
        "denials": every,
        "weeks": dated,
        "gaps": of(due.eq("no_date"), "gap", "payer_name"),
        "no_right": of(due.eq("no_appeal_right"), *TABLES["no_right"].keys),
        "unclassified": of(
            worklist["denial_category"].eq("unclassified"), *TABLES["unclassified"].keys
        ),
        "rules": of(cited, *TABLES["rules"].keys),
    }


def _appeals(appeals: pd.DataFrame, as_of: date) -> dict[str, pd.DataFrame]:
    outcome, decided = appeals["outcome"], appeals["decided_on"].notna()
    dispute, recovered = appeals["dispute_cents"], appeals["recovered_cents"]
    # An appeal that was lost brought nothing back, whether the file says so or not.
    back = recovered.where(~(outcome.eq("upheld") & recovered.isna()), 0)
    weighed = outcome.isin(DECIDED) & dispute.notna() & back.notna()
    at_stake = dispute.where(weighed, 0).astype("int64")
    cut = {column: _few(appeals[column], all_stated=True) for column in CUTS}
    every = pd.DataFrame(
        {
            "outcome": _few(outcome),
            "decided": decided,
            **cut,
            "appeals": 1,
            "dispute_cents": dispute.fillna(0).astype("int64"),
            "recovered_cents": recovered.fillna(0).astype("int64"),
            "recovered_unknown": recovered.isna().astype("int64"),
            "weighed": weighed.astype("int64"),
            "weighed_dispute_cents": at_stake,
            "weighed_recovered_cents": np.minimum(at_stake, back.where(weighed, 0).astype("int64")),
        },
        index=appeals.index,
    )
    filed, pending = appeals["filed_on"], outcome.isna() & ~decided
    clocks = {
        "to_appeal": (appeals["is_first"], filed - appeals["denied_on"]),
        "to_decision": (decided, appeals["decided_on"] - filed),
        "waiting": (pending, pd.Timestamp(as_of) - filed),
    }
    runs = [
        pd.DataFrame({column: names[held] for column, names in cut.items()}).assign(
            clock=clock, days=_whole_days(took[held]), appeals=1
        )
        for clock, (held, took) in clocks.items()
    ]
    lacks = (
        filed.isna(),
        appeals["level"].isna(),
        outcome.isna() & decided,
        outcome.notna() & ~decided,
        outcome.isin(WON) & recovered.isna(),
        dispute.isna(),
    )
    missing = {name: int(mask.sum()) for name, mask in zip(MISSING, lacks, strict=True)}
    missing = {name: count for name, count in missing.items() if count}
    return {
        "appeals": every,
        "days": pd.concat(runs, ignore_index=True),
        "missing": pd.DataFrame({"missing": [*missing], "appeals": [*missing.values()]}),
    }


def _whole_days(took: pd.Series) -> pd.Series:
    days = took.dt.days.astype("Int64")
    return days.where((days >= 0).fillna(False).astype("bool"))


def _cut(rows: pa.Table, table: Grouped) -> pd.DataFrame:
    """Return the groups of each cut, one below the other."""
    rest, cuts = table.keys[len(_CUT) :], []
    for column in CUTS:
        found = _sums(rows, (column, *rest), table.sums)
        found = found.set_column(0, "name", found[column].cast(pa.large_string()))
        cuts.append(found.append_column("cut", pa.repeat(column, len(found))))
    return _shaped(pa.concat_tables(cuts), table)


def _grouped(rows: pa.Table, table: Grouped) -> pd.DataFrame:
    """Return one row per distinct combination of the keys, a missing one too, and exact sums."""
    return _shaped(_sums(rows, table.keys, table.sums), table)


def _sums(rows: pa.Table, keys: Sequence[str], sums: Sequence[str]) -> pa.Table:
    found = rows.group_by(list(keys), use_threads=False).aggregate([(s, "sum") for s in sums])
    return found.select([*keys, *(f"{s}_sum" for s in sums)]).rename_columns([*keys, *sums])


def _shaped(found: pa.Table, table: Grouped) -> pd.DataFrame:
    """Return the table with its columns in order and of their types, sorted by its keys."""
    kinds = {"week": pa.timestamp("us"), "days": pa.int64()}
    kinds |= dict.fromkeys(("can_appeal", "appealed", "decided"), pa.bool_())
    kinds |= dict.fromkeys(table.sums, pa.int64())
    names = (*table.keys, *table.sums)
    schema = pa.schema([(name, kinds.get(name, pa.large_string())) for name in names])
    found = found.select(names).cast(schema)
    found = found.sort_by([(key, "ascending") for key in table.keys])
    return found.replace_schema_metadata().to_pandas(types_mapper=_WHOLE.get)


def _few(column: pd.Series, *, all_stated: bool = False) -> pd.Series:
    """Return the column as categories, in order of appearance: numbers are what grouping needs."""
    number, distinct = pd.factorize(column)
    texts = pd.Series([*distinct, None], dtype="str")
    place, names = pd.factorize(stated(texts) if all_stated else texts)
    return pd.Series(pd.Categorical.from_codes(place[number], names), index=column.index)

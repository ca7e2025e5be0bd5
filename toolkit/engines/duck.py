"""The triage of denial rows that DuckDB holds: of its relations, which stay in it.

Every distinct key is asked in plain Python (`toolkit.engines.rows`); the tables of keys with their
answers are joined by `toolkit.engines.joins`. Another engine's rows are joined by the same tables.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from toolkit.engines import facts, joins, rows
from toolkit.engines.joins import DAY_ANSWERS, Source, name
from toolkit.engines.rows import Asker
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.law import telling_amounts

# Beside it the process holds Python, the key tables and buffers of the readers: 0.75 GB in all.
MEMORY = "400MB"

# --- the engine ----------------------------------------------------------------------------------


@contextmanager
def _connected(memory: str, threads: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection of its own that spills to a private folder, which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="toolkit-") as spill:  # made for its owner only
        settings: dict[str, Any] = {
            "memory_limit": memory,
            "temp_directory": spill,
            "preserve_insertion_order": False,
        }
        if threads:
            settings["threads"] = threads
        con = duckdb.connect(config=settings)
        try:
            yield con
        except duckdb.OutOfMemoryException:
            raise UsageError(
                f"the memory limit of {memory} is too small for these rows, although what can be "
                "was written to disk: raise it (memory=)"
            ) from None
        finally:
            con.close()


def _kind(kind: str, column: str) -> str:
    """Return the kind of a column (see `Source`) by its type in DuckDB."""
    if kind == "VARCHAR" or kind.startswith("ENUM"):
        return "text"
    if kind == "DATE":
        return "date"
    if kind.startswith("TIMESTAMP"):
        return "timestamp"
    if kind.endswith("[]"):
        return "list"
    if column in facts.AMOUNT:
        whole_number = kind in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT",
                                "UINTEGER")  # fmt: skip
        if whole_number:
            return "cents" if column == "denied_cents" else "dollars"
        if (
            kind.startswith("DECIMAL")
            and column == "denied"
            and kind.endswith((",2)", ",1)", ",0)"))
        ):
            return "dollars"
    return "other"


class _Rows:
    """Denial rows of a relation: the SQL that gives them, and their columns."""

    def __init__(self, sql: str, types: Mapping[str, str]) -> None:
        rows.there(types)
        kinds = {column: _kind(kind, column) for column, kind in types.items()}
        casts = [
            f"CAST({name(c)} AS DATE) AS {name(c)}"
            for c, kind in kinds.items()
            if kind == "timestamp" and c in facts.FACTS
        ]
        casts += [
            f"CAST({name(c)} AS VARCHAR) AS {name(c)}"
            for c, kind in types.items()
            if kind.startswith("ENUM") and c in facts.FACTS
        ]
        replaced = f" REPLACE ({', '.join(casts)})" if casts else ""
        self.sql = f"(SELECT *{replaced} FROM {sql})" if casts else sql
        self.source = Source({c: "date" if k == "timestamp" else k for c, k in kinds.items()})


# --- key tables ----------------------------------------------------------------------------------


class _Keys:
    """The key tables of one run in the engine, and the asker that fills them."""

    def __init__(self, given: "_Engine", asked: Asker, names: Iterable[str]) -> None:
        self.given, self.asked = given, asked
        self.source = replace(given.source, idle=asked.idle)
        self.names_asked = frozenset(names)
        self.looks = "second_look" in self.names_asked
        self.days = bool(self.names_asked & {*DAY_ANSWERS, "month"})
        self.part: Any = None  # the distinct keys asked so far
        self.days_read: dict[str, Any] = {}
        self.amounts: dict[str, Any] = {}

    def key_columns(self) -> dict[str, str]:
        """Return the columns of a query for the keys of rows, as expressions."""
        columns = dict(self.source.keys())
        if not self.looks:
            columns.pop("procedure_code", None)
        if self.source.amount and self.source.has("outcome"):
            columns["side"] = f"CASE WHEN {self._perhaps()} THEN {self.source.side()} END"
        if self.source.odd_amounts:
            columns["odd_amount"] = self.source.odd_amount()
        if self.days:
            for alias, column in joins.DAY_TABLES.items():
                if column in self.source.kinds:
                    columns[f"raw_{alias}"] = self.source.text(column)
        return columns

    def _perhaps(self) -> str:
        return "TRUE"

    def wanted_keys(self) -> str:
        """Return the same as a list of columns."""
        return ", ".join(f"{e} AS {column}" for column, e in self.key_columns().items())

    def amount_join(self) -> str:
        """Return the join with the amounts that are not plain, for a query of keys alone."""
        return self.source.amount_join(self.names()["amount"]) if self.source.odd_amounts else ""

    def ask(self, part: pa.Table) -> None:
        """Add distinct keys, with their answers, to the key tables."""
        part = part.combine_chunks()
        self._read_amounts(part)
        self._read_days(part)
        found = keyed(self.asked, part)
        self.part = found if self.part is None else pa.concat_tables([self.part, found])
        self._load()

    def _read_amounts(self, part: pa.Table) -> None:
        if "odd_amount" not in part.column_names:
            return
        for text in part["odd_amount"].unique().to_pylist():
            if text is not None and text not in self.amounts:
                cents, wrong = rows.cents_of(
                    pa.array([text]), dollars=self.source.amount == "denied"
                )
                problem = rows._MONEY[wrong[0] - 1] if wrong[0] else ""
                self.amounts[text] = (
                    None if cents[0] == rows.NOTHING else int(cents[0]),
                    rows._finding(self.source.amount, problem),
                )

    def _read_days(self, part: pa.Table) -> None:
        for alias, column in joins.DAY_TABLES.items():
            if f"raw_{alias}" in part.column_names and self.source.kinds[column] != "date":
                for text in part[f"raw_{alias}"].unique().to_pylist():
                    if text is not None and text not in self.days_read:
                        day, _ = facts.read(column, text)
                        self.days_read[text] = day

    def _load(self) -> None:
        con, names = self.given.con, self.names()
        con.register("part", self.part)
        for table, (columns, number, wanted) in key_columns(
            self.part.column_names, self.names_asked
        ).items():
            keys = ", ".join(columns)
            if not number:
                query = f"SELECT DISTINCT {keys} FROM part"
            else:
                kept = self.asked.kept(table, wanted)
                if table == "who":
                    kept = kept.append_column("matters", pa.array(self.asked.amount_matters()))
                con.register("kept", kept)
                answers = "".join(f", a.{c} AS {answer_name(c)}" for c in wanted)
                answers += ", a.matters AS amount_matters" if table == "who" else ""
                query = (
                    f"SELECT p.*{answers} FROM (SELECT DISTINCT {keys} FROM part) p "
                    f"JOIN kept a ON a.at = p.{number}"
                )
            con.execute(f"CREATE OR REPLACE TEMP TABLE {names[table]} AS {query}")
        con.unregister("part")
        for table, data in (
            ("day", day_table(self.days_read)),
            ("amount", amount_table(self.amounts)),
        ):
            con.register("kept", data)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {names[table]} AS FROM kept")
            con.unregister("kept")

    def load_amounts(self) -> None:
        """Make the table of amounts, empty: the first query of keys joins it."""
        table = self.names()["amount"]
        self.given.con.execute(
            f"CREATE TEMP TABLE {table} (raw VARCHAR, cents BIGINT, findings VARCHAR)"
        )

    def names(self) -> dict[str, str]:
        """Return the names of the key tables in the engine."""
        return {table: f"keys_{table}" for table in joins.TABLES}

    def sql(self) -> str:
        return self.source.joins(self.names(), looks=self.looks, days=self.days)


def keyed(asked: Asker, part: pa.Table) -> pa.Table:
    """Return rows of keys with the numbers of their answers."""
    columns = {c: part[c] for c in part.column_names if c in facts.FACTS}
    if "side" in part.column_names:
        sides = part["side"].combine_chunks().fill_null(0).to_numpy()
        cents = np.array([0, 0, *telling_amounts()]) * 100
        columns["denied_cents"] = pa.array(cents[sides], mask=sides == 0)
    numbers = asked.keyed(columns)
    codes, words = numbers.pop("unread")
    out = part.append_column(
        "n_matters", pa.array(asked.amount_matters()).take(pa.array(numbers["who"]))
    )
    for column, values in numbers.items():
        out = out.append_column(f"n_{column}", pa.array(values, pa.int32()))
    return out.append_column("unread_", pa.array(words, pa.string()).take(pa.array(codes)))


def key_columns(
    there: Iterable[str], names: Iterable[str]
) -> dict[str, tuple[list[str], str, list[str]]]:
    """Return for each key table its columns in rows of keys, the number of its answers, and these."""
    there, names = set(there), set(names)
    side = ["CASE WHEN n_matters THEN side END AS side"] if "side" in there else []
    found = {
        "who": (
            [*(c for c in facts.WHO if c in there), "n_who AS who", "n_who_class AS who_class",
             "n_program AS program_number"],
            "who", [c for c in (*joins.WHO_ANSWERS, "findings") if c in names],
        ),
        "what": (
            [*(c for c in facts.WHAT if c in there), "n_what AS what",
             "n_what_class AS what_class", "n_program AS program_number"],
            "what",
            [*(c for c in (*joins.WHAT_ANSWERS, "findings") if c in names),
             *(["why_not"] if "why" in names else [])],
        ),
        "step": (
            [*(c for c in facts.WHEN if c in there), *side, "n_who_class AS who_class",
             "n_what_class AS what_class", "n_step AS step",
             *(["unread_"] if "findings" in names else [])],
            "step",
            [*(c for c in joins.STEP_ANSWERS if c in names),
             *(["from_decision"] if names & {*DAY_ANSWERS, "month"} else []),
             *(["by_contract"] if "route" in names else [])],
        ),
    }  # fmt: skip
    if "second_look" in names:
        if "procedure_code" in there:
            found["service"] = (["procedure_code", "n_kind AS kind"], "", [])
        keys = ["n_what AS what", "n_kind AS kind", "n_look AS look"]
        found["look"] = (keys, "look", ["second_look"])
    return found


def answer_name(column: str) -> str:
    """Return the name of an answer's column in a key table: a fact may have the same name."""
    return column if column in ("from_decision", "by_contract", "matters") else f"{column}_"


def day_table(days: Mapping[str, int | None]) -> pa.Table:
    """Return what each text of a day says."""
    read = pa.array(list(days.values()), pa.int32()).cast(pa.date32())
    return pa.table({"raw": pa.array(list(days), pa.string()), "day": read})


def amount_table(amounts: Mapping[str, tuple[int | None, str]]) -> pa.Table:
    """Return what each amount says that is not written in plain digits."""
    return pa.table(
        {
            "raw": pa.array(list(amounts), pa.string()),
            "cents": pa.array([cents for cents, _ in amounts.values()], pa.int64()),
            "findings": pa.array([says for _, says in amounts.values()], pa.string()),
        }
    )


def _selected(keys: _Keys, names: tuple[str, ...]) -> str:
    """Return the query that gives the rows with their answers, at the end or in a column's place."""
    answers = {
        column: f"{keys.source.answer(column)} AS {name(column, keys.source.dialect)}"
        for column in names
    }
    columns = [
        answers.pop(column) if column in answers else keys.source.quoted(column)
        for column in keys.given.columns
    ]
    listed = ",\n".join([*columns, *answers.values()])
    return f"SELECT {listed}\nFROM {keys.given.sql} s\n{keys.sql()}"


# --- relations, and other engines ----------------------------------------------------------------


def key_tables(
    run: Callable[[str, Mapping[str, pa.Table]], pa.Table],
    source: Source,
    asked: Asker,
    names: Iterable[str],
) -> dict[str, pa.Table]:
    """Return the key tables of rows in an engine, by name (`keys_who` and so on).

    `run` gives the answer to a query over the rows, named `given_rows`, and the tables that go with
    it. Every distinct key of the rows is brought here.
    """
    with _connected(MEMORY, None) as con:
        keys = _Keys(_Engine(con, source), asked, names)
        source = keys.source
        keys.load_amounts()
        amounts = {}
        if source.odd_amounts:
            odd = f"SELECT DISTINCT {source.odd_amount()} AS odd_amount FROM given_rows s"
            keys._read_amounts(run(odd, {}))
            amounts = {"keys_amount": amount_table(keys.amounts)}
        query = f"SELECT DISTINCT {keys.wanted_keys()} FROM given_rows s\n{keys.amount_join()}"
        keys.ask(run(query, amounts))
        used = set(key_columns(keys.part.column_names, keys.names_asked)) | {"day", "amount"}
        return {
            table: con.sql(f"FROM {table}").to_arrow_table()
            for one, table in keys.names().items()
            if one in used
        }


def joined_sql(source: Source, asked: Asker, columns: Iterable[str], names: tuple[str, ...]) -> str:
    """Return the query that gives the rows `given_rows` with their answers."""
    keys = _Keys(_Engine(None, source, tuple(columns)), asked, names)
    return _selected(keys, names)


class _Engine:
    """Rows that another engine holds."""

    def __init__(self, con: Any, source: Source, columns: tuple[str, ...] = ()) -> None:
        self.con, self.source, self.columns, self.sql = con, source, columns, "given_rows"


def triage_relation(
    relation: duckdb.DuckDBPyRelation,
    *,
    as_of: date,
    hospital: Hospital,
    columns: Iterable[str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """Return the relation with the answers, on its own connection; its distinct keys are read now."""
    names = rows.wanted(columns)
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    given = _Rows("given_relation", types)
    cast = relation.query("given_relation", f"SELECT * FROM {given.sql}")
    asked = rows.asker(as_of=as_of, hospital=hospital)
    asked.forget()

    def run(sql: str, tables: Mapping[str, pa.Table]) -> pa.Table:
        keys_amount = tables.get("keys_amount")  # noqa: F841 - the engine finds it by its name
        return cast.query("given_rows", sql).to_arrow_table()

    tables = key_tables(run, given.source, asked, names)
    # The engine finds the tables by the names that they have here, and keeps them with the relation.
    keys_who, keys_what, keys_step = (tables[f"keys_{one}"] for one in ("who", "what", "step"))
    keys_service, keys_look = tables.get("keys_service"), tables.get("keys_look")  # noqa: F841
    keys_day, keys_amount = tables["keys_day"], tables["keys_amount"]  # noqa: F841
    return cast.query("given_rows", joined_sql(given.source, asked, types, names))

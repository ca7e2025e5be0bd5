"""The triage of denial rows in DuckDB: files larger than memory, relations, and totals of them.

Key tables are asked in plain Python (`toolkit.engines.rows`) and joined by `toolkit.engines.joins`.
A sample tells most of the keys ahead; the rows whose keys it did not hold are found by the same
joins and asked afterwards, so that the answers are those of asking for every row.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.claims.payers import Payer
from toolkit.engines import facts, joins, rows
from toolkit.engines.joins import DAY_ANSWERS, Source, name
from toolkit.engines.rows import Asker
from toolkit.errors import InputError, UsageError
from toolkit.law import Contract
from toolkit.outputs import whole

# Beside it the process holds Python, the key tables and buffers of the readers: 0.75 GB in all.
MEMORY = "400MB"

_SAMPLE_ROWS = 400_000
_SLICES, _SLICE_BYTES = 24, 2_000_000


@dataclass(frozen=True)
class Written:
    """A file of annotated rows: where, how many rows, and what to know of the source's files."""

    path: Path
    rows: int
    notes: tuple[str, ...]


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
    """Denial rows that DuckDB reads: the SQL that gives them, and their columns."""

    def __init__(self, con: Any, sql: str, types: Mapping[str, str], notes: tuple[str, ...] = ()):
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
        self.con, self.notes, self.columns = con, notes, tuple(types)
        self.sql = f"(SELECT *{replaced} FROM {sql})" if casts else sql
        self.types = {
            c: "DATE" if kinds[c] == "timestamp" else "VARCHAR" if kind.startswith("ENUM") else kind
            for c, kind in types.items()
        }
        self.source = Source({c: "date" if k == "timestamp" else k for c, k in kinds.items()})

    def of(self, table: str) -> "_Rows":
        """Return other rows of the same kind: a table of keys."""
        other = object.__new__(_Rows)
        other.con, other.notes, other.columns, other.types = self.con, (), self.columns, self.types
        other.sql, other.source = table, self.source
        return other


_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".gz": "csv", ".tsv": "csv", ".txt": "csv"}


def files_of(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    """Return the CSV or Parquet files that paths, folders (also partitioned ones) and patterns mean."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: list[Path] = []
    for path in map(Path, given):
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in _SUFFIXES)
            found += [one for one in inside if not one.name.startswith((".", "_"))]
        elif any(mark in str(path) for mark in "*?[") and not path.exists():
            root = Path(path.anchor) if path.is_absolute() else Path()
            pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
            found += sorted(one for one in root.glob(pattern) if one.is_file())
        else:
            found.append(path)
    found = list(dict.fromkeys(found))
    if not found:
        raise InputError("no file is there; name a file, a folder or a pattern")
    for path in found:
        if not path.is_file():
            raise InputError(f"{path.name}: cannot be opened (no such file)")
    kinds = {_SUFFIXES.get(path.suffix.lower()) for path in found}
    if None in kinds or len(kinds) > 1:
        raise InputError("rows are read from files that are all .parquet or all .csv")
    return found


def _file_rows(con: Any, files: list[Path]) -> _Rows:
    """Return the rows of files as one source; columns are united by name."""
    listed = "[" + ", ".join("'" + str(path).replace("'", "''") + "'" for path in files) + "]"
    parted = any("=" in parent.name for path in files for parent in path.parents)
    hive = ", hive_partitioning=true, hive_types_autocast=false" if parted else ""
    if _SUFFIXES[files[0].suffix.lower()] == "parquet":
        sql = f"read_parquet({listed}, union_by_name=true{hive})"
    else:
        # Every column is text: 016 stays 016, and a month of numbers does not make a column one.
        sql = f"read_csv({listed}, header=true, all_varchar=true, union_by_name=true{hive})"
    try:
        types = {
            row[0]: str(row[1]) for row in con.execute(f"DESCRIBE SELECT * FROM {sql}").fetchall()
        }
    except duckdb.Error as error:
        raise InputError(_broken(con, files, type(error).__name__)) from None
    return _Rows(con, sql, types, _mixed(con, files))


def _broken(con: Any, files: list[Path], kind: str) -> str:
    """Return a message that names the first file that cannot be read by itself."""
    for path in files:
        reader = "read_parquet" if path.suffix.lower() == ".parquet" else "read_csv"
        try:
            con.execute(f"DESCRIBE SELECT * FROM {reader}($1)", [str(path)])
        except duckdb.Error:
            return f"{path.name}: cannot be read as what it is ({kind}); leave it out or export it again"
    return f"the files cannot be read together ({kind}): a column has types that do not fit"


def _mixed(con: Any, files: list[Path]) -> tuple[str, ...]:
    """Return what to know of files whose columns or types are not the same, by column."""
    if len(files) == 1:
        return ()
    seen: dict[str, dict[str, int]] = {}
    for path in files:
        if path.suffix.lower() == ".parquet":
            schema = pq.read_schema(path)
            kinds = dict(zip(schema.names, map(str, schema.types), strict=True))
        else:
            with path.open("rb") as file:
                head = file.readline().decode("utf-8-sig", "replace").strip()
            kinds = dict.fromkeys((part.strip('"') for part in head.split(",")), "text")
        for column, kind in kinds.items():
            if column in facts.FACTS:
                seen.setdefault(column, {}).setdefault(kind, 0)
                seen[column][kind] += 1
    notes = []
    for column, kinds in seen.items():
        lacking = len(files) - sum(kinds.values())
        if lacking:
            notes.append(f"{column}: is no column of {lacking} of {len(files)} files: empty there")
        if len(kinds) > 1:
            notes.append(f"{column}: is of {len(kinds)} types in {len(files)} files: read as text")
    return tuple(notes)


# --- key tables ----------------------------------------------------------------------------------


class _Keys:
    """The key tables of one run in the engine, and the asker that fills them."""

    def __init__(self, given: _Rows, asked: Asker, names: Iterable[str]) -> None:
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

    def of_keys(self, table: str) -> "_Keys":
        """Return the same key tables for rows that are keys themselves."""
        other = _Keys(self.given.of(table), self.asked, self.names_asked)
        other.source = joins.KeySource(self.source.kinds, idle=self.source.idle)
        other.part, other.days_read, other.amounts = self.part, self.days_read, self.amounts
        return other

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

    def missed(self) -> str:
        return self.source.missed(looks=self.looks, days=self.days)


def keyed(asked: Asker, part: pa.Table) -> pa.Table:
    """Return rows of keys with the numbers of their answers."""
    columns = {c: part[c] for c in part.column_names if c in facts.FACTS}
    if "side" in part.column_names:
        sides = part["side"].combine_chunks().fill_null(0).to_numpy()
        cents = np.array([0, 0, *rows.thresholds()]) * 100
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


# --- asking --------------------------------------------------------------------------------------

_PART = 500_000  # so many distinct keys are asked at a time


def _sample(given: _Rows, files: list[Path], folder: Path) -> str | None:
    """Return SQL for rows from all over the files; None where they are few."""
    if _SUFFIXES[files[0].suffix.lower()] == "parquet":
        groups = [
            (path, group)
            for path in files
            for group in range(pq.read_metadata(path).num_row_groups)
        ]
        total = sum(pq.read_metadata(path).num_rows for path in files)
        if total <= 2 * _SAMPLE_ROWS:
            return None
        count = max(1, round(len(groups) * _SAMPLE_ROWS / total))
        picked = [groups[at] for at in np.linspace(0, len(groups) - 1, count).astype(int)]
        parts = []
        for path, group in dict.fromkeys(picked):
            file = pq.ParquetFile(path)
            there = [c for c in file.schema_arrow.names if c in facts.FACTS]
            table = file.read_row_group(group, columns=there)
            parts.append(table.slice(0, 2 * _SAMPLE_ROWS // count))
        out = folder / "sample.parquet"
        given.con.register("sample_data", pa.concat_tables(parts, promote_options="permissive"))
        casts = ", ".join(
            f"CAST({name(c)} AS {kind}) AS {name(c)}"
            for c, kind in given.types.items()
            if c in parts[0].column_names
        )
        given.con.execute(f"CREATE TEMP TABLE sample_rows AS SELECT {casts} FROM sample_data")
        given.con.unregister("sample_data")
        out.unlink(missing_ok=True)
        return "sample_rows"
    size = sum(path.stat().st_size for path in files)
    if size <= 2 * _SLICES * _SLICE_BYTES:
        return None
    parts = []
    for path in files:
        share = max(1, round(_SLICES * path.stat().st_size / size))
        out = folder / f"sample-{len(parts)}.csv"
        _slices(path, out, share)
        parts.append(out)
    listed = "[" + ", ".join(f"'{part}'" for part in parts) + "]"
    return (
        f"read_csv({listed}, header=true, all_varchar=true, union_by_name=true, "
        "ignore_errors=true, null_padding=true)"
    )


def _slices(path: Path, out: Path, count: int) -> None:
    """Write slices of a CSV file, at whole lines, below its headings."""
    size = path.stat().st_size
    with path.open("rb") as source, out.open("wb") as target:
        target.write(source.readline())
        for start in np.linspace(source.tell(), max(size - _SLICE_BYTES, source.tell()), count):
            source.seek(int(start))
            source.readline()
            target.write(source.read(_SLICE_BYTES))
            target.write(source.readline())


def _ask_ahead(keys: _Keys, sample: str | None) -> None:
    """Ask the keys of a sample; of nothing, where there is none, so that the tables are there."""
    keys.load_amounts()
    rows_of = f"SELECT * FROM {sample}" if sample else f"SELECT * FROM {keys.given.sql} LIMIT 0"
    part = keys.given.con.sql(
        f"SELECT DISTINCT {keys.wanted_keys()} FROM ({rows_of}) s\n{keys.amount_join()}"
    ).to_arrow_table()
    keys.ask(part)


def _ask_the_rest(keys: _Keys) -> None:
    """Ask for every row whose keys have not been asked, part by part, until there is none."""
    while True:
        part = keys.given.con.sql(
            f"SELECT DISTINCT {keys.wanted_keys()} FROM {keys.given.sql} s\n{keys.sql()}\n"
            f"WHERE {keys.missed()} LIMIT {_PART}"
        ).to_arrow_table()
        if not part.num_rows:
            return
        keys.ask(part)


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


def triage_files(
    paths: Path | str | Iterable[Path | str],
    out: Path | str,
    *,
    as_of: date,
    payers: Iterable[Payer] = (),
    contracts: Iterable[Contract] = (),
    columns: Iterable[str] | None = None,
    memory: str = MEMORY,
    threads: int | None = None,
) -> Written:
    """Write the rows of CSV or Parquet files, with the answers `columns`, as one Parquet file.

    `paths` are files, folders (partitioned ones too) and patterns; see `toolkit.engines.triage_rows`
    for the columns. The rows are not in the order of the files. The file is written whole or not at
    all, and for its owner only. Raises InputError for a file that cannot be read, UsageError where
    the memory limit is reached.
    """
    names, out = rows.wanted(columns), Path(out)
    asked = rows.asker(as_of=as_of, payers=payers, contracts=contracts)
    asked.forget()
    files = files_of(paths)
    with _connected(memory, threads) as con, tempfile.TemporaryDirectory() as folder:
        keys = _Keys(_file_rows(con, files), asked, names)
        try:
            _ask_ahead(keys, _sample(keys.given, files, Path(folder)))
            _ask_the_rest(keys)
            with whole(out) as temporary:
                query = _selected(keys, names)
                done = con.execute(f"COPY ({query}) TO '{temporary}' (FORMAT parquet)").fetchone()
        except (
            duckdb.InvalidInputException,
            duckdb.ConversionException,
            duckdb.IOException,
        ) as error:
            raise InputError(_broken(con, files, type(error).__name__)) from None
    return Written(out, int(done[0]), keys.given.notes)


def totals(
    paths: Path | str | Iterable[Path | str],
    *,
    by: Iterable[str],
    as_of: date,
    payers: Iterable[Payer] = (),
    contracts: Iterable[Contract] = (),
    memory: str = MEMORY,
    threads: int | None = None,
) -> pd.DataFrame:
    """Return counts and whole cents of the rows of files: one row per combination of `by`.

    `by` names answers, columns of the rows, and `month` (the first day of the month of the notice
    that counts). Columns: those of `by`, `denials`, `denied_cents`, `no_amount` (rows without an
    amount) and `bad_amount` (rows with one that cannot be read). Sorted by `by`. `attrs["notes"]`
    tells of files whose columns differ. The files are read once.
    """
    by = tuple(by)
    asked = rows.asker(as_of=as_of, payers=payers, contracts=contracts)
    asked.forget()
    files = files_of(paths)
    with _connected(memory, threads) as con, tempfile.TemporaryDirectory() as folder:
        given = _file_rows(con, files)
        keys = _Keys(given, asked, by)
        expressions = [_grouped_by(keys.source, column) for column in by]
        try:
            _ask_ahead(keys, _sample(given, files, Path(folder)))
            found = _totals(keys, by, expressions)
        except (
            duckdb.InvalidInputException,
            duckdb.ConversionException,
            duckdb.IOException,
        ) as error:
            raise InputError(_broken(con, files, type(error).__name__)) from None
    found.attrs["notes"] = list(given.notes)
    return found


def _grouped_by(source: Source, column: str) -> str:
    if column == "month":
        return f"date_trunc('month', {source.answer('notice_date')})"
    if column in rows.ANSWERS:
        return source.answer(column)
    if column not in source.kinds:
        raise UsageError("by: names a column that is neither an answer nor in the rows")
    return source.quoted(column)


def _totals(keys: _Keys, by: tuple[str, ...], expressions: list[str]) -> pd.DataFrame:
    """Return the totals: of the rows whose keys are known, and of the others by their keys.

    The others are few groups of equal keys; they are asked, and joined as rows are.
    """
    con, source = keys.given.con, keys.source
    kept = [c for c in by if c != "month" and c not in rows.ANSWERS]
    groups = "".join(f"{e} AS g{at}, " for at, e in enumerate(expressions))
    raw = "".join(f"{source.quoted(c)} AS r{at}, " for at, c in enumerate(kept))
    packed = ", ".join(f"{column} := {e}" for column, e in keys.key_columns().items())
    cents, bad = source.cents(), "FALSE"
    if source.odd_amounts:
        bad = f"{source.odd_amount()} IS NOT NULL AND {cents} IS NULL"
    con.execute(f"""
        CREATE TEMP TABLE found AS
        SELECT {groups}{raw}CASE WHEN {keys.missed()} THEN struct_pack({packed}) END AS missed,
            count(*) AS denials, sum({cents}) AS cents, count({cents}) AS known,
            count(*) FILTER (WHERE {bad}) AS bad
        FROM {keys.given.sql} s
        {keys.sql()}
        GROUP BY ALL
    """)
    known = "".join(f"g{at}, " for at in range(len(by)))
    summed = "sum(denials) AS denials, sum(cents) AS cents, sum(known) AS known, sum(bad) AS bad"
    con.execute(f"CREATE TEMP TABLE done AS SELECT {known}{summed} FROM found "
                f"WHERE missed IS NULL GROUP BY ALL")  # fmt: skip
    if con.execute("SELECT count(*) FROM found WHERE missed IS NOT NULL").fetchone()[0]:
        names = "".join(f"r{at}, " for at in range(len(kept)))
        con.execute(f"""
            CREATE TEMP TABLE others AS
            SELECT {names}missed.*, denials, cents, known FROM found WHERE missed IS NOT NULL
        """)
        rest = keys.of_keys("others")
        _ask_the_rest(rest)
        of_keys = rest.source
        answers = [
            f"s.r{kept.index(column)}" if column in kept else _grouped_by(of_keys, column)
            for column in by
        ]
        cents, known_of, odd = "s.cents", "s.known", "FALSE"
        if of_keys.odd_amounts:  # of one text each: read by now, if it can be
            cents = "CASE WHEN s.odd_amount IS NULL THEN s.cents ELSE s.denials * a.cents END"
            known_of = (
                "CASE WHEN s.odd_amount IS NULL THEN s.known "
                "WHEN a.cents IS NULL THEN 0 ELSE s.denials END"
            )
            odd = "s.odd_amount IS NOT NULL AND a.cents IS NULL"
        groups = "".join(f"{e} AS g{at}, " for at, e in enumerate(answers))
        con.execute(f"""
            INSERT INTO done
            SELECT {groups}sum(s.denials), sum({cents}), sum({known_of}),
                coalesce(sum(s.denials) FILTER (WHERE {odd}), 0)
            FROM others s
            {rest.sql()}
            GROUP BY ALL
        """)
    group = f"GROUP BY {known.rstrip(', ')} ORDER BY {known.rstrip(', ')}" if by else ""
    table = con.sql(f"""
        SELECT {known}CAST(sum(denials) AS BIGINT) AS denials,
            CAST(coalesce(sum(cents), 0) AS BIGINT) AS denied_cents,
            CAST(sum(denials) - sum(known) AS BIGINT) AS no_amount,
            CAST(sum(bad) AS BIGINT) AS bad_amount
        FROM done {group}
    """).to_arrow_table()
    table = table.rename_columns([*by, *table.column_names[len(by) :]])
    return _framed(table)


def _framed(table: pa.Table) -> pd.DataFrame:
    """Return a small table as the house holds frames: str, datetime64[us], Int64."""
    frame = table.to_pandas(date_as_object=False)
    for column in frame.columns:
        if pd.api.types.is_integer_dtype(frame[column]):
            frame[column] = frame[column].astype("Int64")
        elif frame[column].dtype.kind == "M":
            frame[column] = frame[column].astype("datetime64[us]")
        elif frame[column].dtype == bool:
            frame[column] = frame[column].astype("boolean")
    return frame


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
    payers: Iterable[Payer] = (),
    contracts: Iterable[Contract] = (),
    columns: Iterable[str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """Return the relation with the answers, on its own connection; its distinct keys are read now."""
    names = rows.wanted(columns)
    types = dict(zip(relation.columns, map(str, relation.types), strict=True))
    given = _Rows(None, "given_relation", types)
    cast = relation.query("given_relation", f"SELECT * FROM {given.sql}")
    asked = rows.asker(as_of=as_of, payers=payers, contracts=contracts)
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

"""The triage of denial rows in files, part by part, in threads: files may be larger than memory.

A part is a run of row groups of a Parquet file, or bytes of a CSV that end with a row. Every thread
reads parts and puts them to the same kernel (`toolkit.worklist.kernel`), so that nothing is asked twice.
"""

import csv
import gzip
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from toolkit.claims.export.cells import NOTHING
from toolkit.claims.export.delimited import plain_quotes
from toolkit.claims.export.file_kinds import kind_of
from toolkit.claims.export.pieces import NotCut, last_end
from toolkit.claims.export.sheets import with_folders
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.outputs import whole
from toolkit.processes import Threads, cores
from toolkit.worklist import facts, rows
from toolkit.worklist.columns import EPOCH, NO_DAY, cents_of, listed_cells
from toolkit.worklist.kernel import ANSWERS, Answer
from toolkit.worklist.numbering import Combinations

BATCH = 250_000  # rows that are asked, and written, at once
CUT_BYTES = 12_000_000  # of a CSV that are read at once
TASK_ROWS = 250_000
# What is held for all threads, and by each with a batch, about.
SHARED_BYTES, THREAD_BYTES = 250_000_000, 150_000_000

_TEXTS = pa.dictionary(pa.int32(), pa.string())
_MONTHS = "month"
_DAYS = {*facts.DAYS, "filed_on"}
_SUMS = ("denials", "denied_cents", "no_amount", "bad_amount")
_KINDS = {"text": _TEXTS, "date": pa.date32(), "count": pa.int32(), "flag": pa.bool_()}


@dataclass(frozen=True)
class Written:
    """Annotated rows: the file or folder, how many rows, and what to know of the source's files."""

    path: Path
    rows: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    """A file whose columns are known and whose rows were not read."""

    path: Path
    schema: pa.Schema  # of its own columns, and those in its folders' names
    sizes: tuple[int, ...] = ()  # rows of each row group
    names: tuple[str, ...] = ()  # the headings of a CSV
    delimiter: str = ","
    offset: int | None = None  # of the rows of a CSV; None where it is not cut by its bytes


@dataclass(frozen=True)
class _Part:
    """Row groups from `start` to before `end`, or bytes that end with a row; else a whole CSV."""

    file: int
    start: int = 0
    end: int = 0
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Task:
    number: int
    parts: tuple[_Part, ...]


@dataclass(frozen=True)
class _Given:
    """What all threads share."""

    files: tuple[_File, ...]
    asked: rows.Asker
    answers: tuple[str, ...]
    schema: pa.Schema  # of all files together
    groups: "_Groups | None" = None
    # Columns of a CSV that are read as days while all of them are, by file; others stay texts.
    days: dict[int, set[str]] = field(default_factory=dict)


# --- which files ---------------------------------------------------------------------------------

_SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".gz": "csv", ".tsv": "csv", ".txt": "csv"}


def files_of(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    """Return the CSV or Parquet files that paths, folders (also partitioned ones) and patterns mean."""
    return [path for path, _ in _found(paths)]


def _found(paths: Path | str | Iterable[Path | str]) -> list[tuple[Path, bool]]:
    """Return each file, with whether it was named itself."""
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, bool] = {}
    for path in map(Path, given):
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if one.suffix.lower() in _SUFFIXES)
            for one in inside:
                if not one.name.startswith((".", "_")):
                    found.setdefault(one, False)
        elif any(mark in str(path) for mark in "*?[") and not path.exists():
            root = Path(path.anchor) if path.is_absolute() else Path()
            pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
            for one in sorted(one for one in root.glob(pattern) if one.is_file()):
                found.setdefault(one, False)
        else:
            found[path] = True
    if not found:
        raise InputError("no file is there; name a file, a folder or a pattern")
    for path in found:
        if not path.is_file():
            raise InputError(f"{path.name}: cannot be opened (no such file)")
    kinds = {_SUFFIXES.get(path.suffix.lower()) for path in found}
    if None in kinds or len(kinds) > 1:
        raise InputError("rows are read from files that are all .parquet or all .csv")
    return list(found.items())


def _opened(paths: Path | str | Iterable[Path | str]) -> tuple[tuple[_File, ...], list[str]]:
    """Return the files with their columns, and notes on those of a folder that cannot be opened."""
    files, broken = [], []
    for path, named in _found(paths):
        try:
            files.append(_open(path))
        except InputError:
            if named:
                raise
            broken.append(path)
    if not files:
        raise _damaged(broken[0])
    notes = [f"{path.name}: cannot be read and is left out; export it again" for path in broken]
    rows.there({name for file in files for name in file.schema.names})
    for file in files:
        if len(set(file.schema.names)) < len(file.schema.names):
            raise InputError(f"{file.path.name}: two columns have one name; rename one of them")
    return tuple(files), notes + _mixed(files)


def _damaged(path: Path) -> InputError:
    return InputError(f"{path.name}: cannot be read as what it is; leave it out or export it again")


def _open(path: Path) -> _File:
    if path.suffix.lower() != ".gz":
        kind_of(path)  # has the words for a file that is empty, or not what its name says
    try:
        if path.suffix.lower() == ".parquet":
            with pq.ParquetFile(path) as file:
                schema, about = file.schema_arrow, file.metadata
                sizes = [about.row_group(at).num_rows for at in range(about.num_row_groups)]
            return _File(path, _with_folders(schema, path), tuple(sizes))
        names, delimiter, offset = _head(path)
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error, EOFError):
        raise _damaged(path) from None
    if not any(names):
        raise _damaged(path)
    schema = pa.schema([(name, pa.string()) for name in names])
    return _File(path, _with_folders(schema, path), (), tuple(names), delimiter, offset)


def _with_folders(schema: pa.Schema, path: Path) -> pa.Schema:
    return with_folders(schema.remove_metadata().empty_table(), path).schema


def _head(path: Path) -> tuple[list[str], str, int | None]:
    """Return a CSV's headings, what parts its cells, and where its rows begin if it may be cut."""
    zipped = path.suffix.lower() == ".gz"
    with gzip.open(path) if zipped else path.open("rb") as file:
        data = file.read(1 << 20)
    end, odd = 0, 0
    while True:
        at = data.find(b"\n", end)
        if at < 0:
            end = None
            break
        odd ^= data.count(b'"', end, at) % 2
        end = at + 1
        if not odd:
            break
    # Without an end, rows end otherwise: the headings are the first line of what there is.
    head = data[:end] if end else data.splitlines()[0] if data else b""
    text = head.decode("utf-8-sig")
    if "\0" in text:
        raise _damaged(path)
    delimiter = max(",;\t|", key=re.sub('"[^"]*"', "", text).count)
    record = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [""])
    return record, delimiter, None if zipped else end


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return a type as it is told apart from others: how texts are held is no difference."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    texts = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return pa.string() if texts else kind


def _mixed(files: list[_File]) -> list[str]:
    """Return what to know of files whose columns or types are not the same, by column."""
    notes = []
    for column in facts.FACTS:
        kinds = [_plain(f.schema.field(column).type) for f in files if column in f.schema.names]
        if kinds and (lacking := len(files) - len(kinds)):
            notes.append(
                f"{column}: is not a column of {lacking} of {len(files)} files: empty there"
            )
        if len(set(kinds)) > 1:
            notes.append(
                f"{column}: is of {len(set(kinds))} types in {len(files)} files: "
                "each is read as it is there"
            )
    return notes


def _united(files: Iterable[_File]) -> pa.Schema:
    """Return the columns of all files, by name; of types that do not fit, texts."""
    kinds: dict[str, list[pa.DataType]] = {}
    for file in files:
        for one in file.schema:
            kinds.setdefault(one.name, []).append(_plain(one.type))
    fields = [(name, _one_type(name, types)) for name, types in kinds.items()]
    is_text = pa.types.is_string
    return pa.schema([
        (name, _TEXTS if name in facts.FACTS and is_text(kind) else kind) for name, kind in fields
    ])  # fmt: skip


def _one_type(name: str, types: list[pa.DataType]) -> pa.DataType:
    types = [kind for kind in dict.fromkeys(types) if not pa.types.is_null(kind)]
    if len(types) < 2:
        return types[0] if types else pa.string()
    try:
        schemas = [pa.schema([("one", kind)]) for kind in types]
        kind = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return pa.string()
    # An amount or a code never becomes a float.
    return pa.string() if name in facts.FACTS and pa.types.is_floating(kind) else kind


def _cast(column: Any, kind: pa.DataType) -> Any:
    """Return a column in the type that it has in all files together."""
    if column.type == kind:
        return column
    text = pa.types.is_dictionary(kind) or pa.types.is_string(kind)
    if text and pa.types.is_nested(column.type):
        column = pa.array([facts.text_of(one) or None for one in column.to_pylist()], pa.string())
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        return column.cast(pa.string()).dictionary_encode().cast(kind)
    return column.cast(kind)


# --- parts ---------------------------------------------------------------------------------------


def _parts(files: tuple[_File, ...], uncut: set[int]) -> Iterator[tuple[_Part, float]]:
    """Return the parts of the files, each with which share of a task it is."""
    for at, file in enumerate(files):
        if file.path.suffix.lower() != ".parquet":
            if file.offset is None or at in uncut:
                yield _Part(at), file.path.stat().st_size / CUT_BYTES
            else:
                yield from _cuts(at, file)
            continue
        start, held = 0, 0
        for group, size in enumerate(file.sizes):
            if held and held + size > TASK_ROWS:
                yield _Part(at, start, group), held / TASK_ROWS
                start, held = group, 0
            held += size
        if held:
            yield _Part(at, start, len(file.sizes)), held / TASK_ROWS


def _cuts(at: int, file: _File) -> Iterator[tuple[_Part, float]]:
    """Return parts of a CSV that end with a row. Raises NotCut where no end is in sight."""
    rest = b""
    with file.path.open("rb") as source:
        source.seek(file.offset or 0)
        while block := source.read(CUT_BYTES):
            data = rest + block if rest else block
            end = last_end(data)
            if end is None:
                if len(data) > 8 * CUT_BYTES:
                    raise NotCut(at)
                rest = data
                continue
            yield _Part(at, data=data[:end]), end / CUT_BYTES
            rest = data[end:]
    if rest:
        yield _Part(at, data=rest), len(rest) / CUT_BYTES


def _tasks(parts: Iterable[tuple[_Part, float]]) -> Iterator[_Task]:
    """Return tasks of one part, or of several small ones that follow each other."""
    number, held, share = 0, [], 0.0
    for part, size in parts:
        if held and share + size > 1.1:
            yield _Task(number, tuple(held))
            number, held, share = number + 1, [], 0.0
        held.append(part)
        share += size
    if held:
        yield _Task(number, tuple(held))


def _batches(given: _Given, part: _Part, wanted: Iterable[str] | None) -> Iterator[pa.Table]:
    """Return the rows of a part, with the wanted columns that the file has; None: with all."""
    file = given.files[part.file]
    shown = wanted is None or (given.groups is not None and "remittance_date" in given.groups.by)
    wanted = file.schema.names if wanted is None else list(wanted)
    try:
        if file.path.suffix.lower() == ".parquet":
            read = _parquet(file, part, wanted, shown)
        else:
            read = _csv(file, part, wanted, given.days.setdefault(part.file, set()))
        for table in read:
            yield with_folders(table, file.path)
    except (pa.ArrowException, OSError, EOFError):
        raise _damaged(file.path) from None


def _parquet(file: _File, part: _Part, wanted: list[str], shown: bool) -> Iterator[pa.Table]:
    texts = [
        one.name for one in file.schema
        if one.name in facts.FACTS and _plain(one.type) == pa.string()
    ]  # fmt: skip
    with pq.ParquetFile(file.path, read_dictionary=texts) as source:
        there = [name for name in source.schema_arrow.names if name in wanted]
        there = there or source.schema_arrow.names[:1]  # rows are counted by a column at least
        groups = range(part.start, part.end)
        about = [source.metadata.row_group(at) for at in groups]
        if not shown and all(_none_missing(group, "notice_date") for group in about):
            # A remittance's day counts where there is no notice date alone.
            there = [name for name in there if name != "remittance_date"]
        for batch in source.iter_batches(
            BATCH, row_groups=groups, columns=there, use_threads=False
        ):
            yield pa.Table.from_batches([batch])


def _none_missing(group: pq.RowGroupMetaData, name: str) -> bool:
    """Say whether a column of a row group holds a day in every row, by the file's own count."""
    for at in range(group.num_columns):
        column = group.column(at)
        if column.path_in_schema == name and column.physical_type == "INT32":
            return column.is_stats_set and column.statistics.null_count == 0
    return False


def _csv(file: _File, part: _Part, wanted: list[str], days: set[str]) -> Iterator[pa.Table]:
    own = [name for name in file.schema.names if name in wanted] or file.schema.names[:1]
    parse = pacsv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True)
    if part.data is None:
        read = pacsv.ReadOptions(use_threads=False, block_size=CUT_BYTES)
        convert = _as_texts(file.schema.names)
        with pacsv.open_csv(
            file.path, read_options=read, parse_options=parse, convert_options=convert
        ) as source:
            for batch in source:
                table = pa.Table.from_batches([batch])
                yield table.select([name for name in own if name in table.column_names])
        return
    data, names = part.data, file.names
    if not plain_quotes(data, file.delimiter):
        raise NotCut(part.file)
    # As one block that ends with a row: line ends inside of cells are then read as they are.
    parse.newlines_in_values = False
    read = pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names)

    def table(as_days: set[str]) -> pa.Table:
        convert = _as_texts(names, as_days)
        convert.include_columns = [name for name in names if name in own]
        return pacsv.read_csv(
            pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=convert
        )

    hoped = days.copy()  # another thread may take one out
    if hoped:
        try:
            yield table(hoped)
            return
        except pa.ArrowInvalid:
            pass
    found = table(set())
    days -= {name for name in hoped if name in own and not _all_days(found[name])}
    yield found


def _as_texts(names: Iterable[str], days: Iterable[str] = ()) -> pacsv.ConvertOptions:
    """Return how the cells of a CSV are read: as texts, of which facts have few; some as days."""
    kinds = {name: _TEXTS if name in facts.FACTS else pa.string() for name in names}
    kinds |= dict.fromkeys(facts.AMOUNT, pa.string()) | dict.fromkeys(days, pa.date32())
    return pacsv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, null_values=[""],
        quoted_strings_can_be_null=True,
    )  # fmt: skip


def _all_days(column: pa.ChunkedArray) -> bool:
    """Say whether all cells are days as Arrow reads them."""
    try:
        column.unify_dictionaries().cast(pa.string()).cast(pa.date32())
    except pa.ArrowInvalid:
        return False
    return True


# --- what a thread does --------------------------------------------------------------------------


def _asked(given: _Given, table: pa.Table) -> dict[str, Answer]:
    columns = {name: table[name] for name in table.column_names if name in facts.FACTS}
    # A file without a reason is one of denials all the same, and its rows are as many.
    columns.setdefault("carc", pa.nulls(len(table), pa.string()))
    return given.asked.answers(columns, given.answers)


def _answered(given: _Given, task: _Task) -> Iterator[pa.Table]:
    """Return the rows of a task with their answers."""
    schema = _annotated(given)
    for part in task.parts:
        for table in _batches(given, part, None):
            answers = _asked(given, table)
            columns = []
            for one in schema:
                if one.name in answers:
                    columns.append(rows.to_arrow(answers.pop(one.name)))
                elif one.name in table.column_names:
                    columns.append(_cast(table[one.name], one.type))
                else:
                    columns.append(pa.nulls(len(table), one.type))
            yield pa.table(columns, schema=schema)


def _write(folder: Path, given: _Given, task: _Task) -> int:
    """Write the rows of a task with their answers as a file; return how many they are."""
    path, count = folder / f"part-{task.number:05}.parquet", 0
    with _writer(path, _annotated(given)) as out:
        for table in _answered(given, task):
            out.write_table(table, row_group_size=BATCH)
            count += len(table)
    path.chmod(0o600)
    return count


def _held(given: _Given, task: _Task) -> list[pa.Table]:
    return list(_answered(given, task))


def _annotated(given: _Given) -> pa.Schema:
    """Return the columns of the output: an answer stands in its column's place, or at the end."""
    kinds = {name: _KINDS[ANSWERS[name]] for name in given.answers}
    fields = [(one.name, kinds.pop(one.name, one.type)) for one in given.schema]
    return pa.schema([*fields, *kinds.items()])


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Without the schema in the file, its texts are read as texts and not as dictionaries.
    return pq.ParquetWriter(path, schema, store_schema=False)


def _add(given: _Given, task: _Task) -> np.ndarray:
    """Return the sums of the rows of a task, by group."""
    groups = given.groups
    assert groups is not None
    wanted = set(facts.FACTS) - set(given.asked.idle)
    if "second_look" not in given.answers:
        wanted.discard("procedure_code")  # no other answer turns on it
    wanted |= {name for name in groups.by if name not in ANSWERS and name != _MONTHS}
    sums = np.zeros((len(_SUMS), 0), np.int64)
    for part in task.parts:
        for table in _batches(given, part, wanted):
            if len(table):
                sums = _more(sums, groups.sums(table, _asked(given, table)))
    return sums


def _more(sums: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the sums of both; either may know more groups."""
    if sums.shape[1] < others.shape[1]:
        sums, others = others, sums
    sums[:, : others.shape[1]] += others
    return sums


class _Groups:
    """The groups of totals, numbered as they are met; threads share them."""

    def __init__(self, by: tuple[str, ...], schema: pa.Schema) -> None:
        self.by, self._schema, self._lock = by, schema, RLock()
        self._values = [_Values(self._lock) for _ in by]
        self._met: list[np.ndarray] = [np.zeros((1, len(by)), np.int64)]
        self._count = 1
        self._of = Combinations(len(by), self._number, self._lock)

    def _number(self, new: np.ndarray) -> range:
        self._met.append(new)
        self._count += len(new)
        return range(self._count - len(new), self._count)

    def sums(self, table: pa.Table, answers: dict[str, Answer]) -> np.ndarray:
        """Return counts and cents of some rows (see `_SUMS`), by group."""
        parts = []
        for name, values in zip(self.by, self._values, strict=True):
            if name == _MONTHS:
                parts.append(values.of_days(answers["notice_date"].values, months=True))
            elif name in answers:
                parts.append(values.of_answer(answers[name]))
            elif name in table.column_names:
                cells = _cast(table[name], self._schema.field(name).type)
                parts.append(values.of_cells(*listed_cells(cells)))
            else:
                parts.append((np.zeros(len(table), np.int32), 1))
        group = self._of.of(parts) if parts else np.ones(len(table), np.int32)
        amount = next((name for name in facts.AMOUNT if name in table.column_names), None)
        if amount is None:
            cents, wrong = np.full(len(table), NOTHING), np.zeros(len(table), np.int8)
        else:
            cents, wrong = cents_of(table[amount], dollars=amount == "denied")
        missing = cents == NOTHING
        if missing.any():
            cents = np.where(missing, 0, cents)
        size = max(self._count, 2)
        found = np.zeros((len(_SUMS), size), np.int64)
        found[0] = np.bincount(group, minlength=size)
        found[1] = _summed(group, cents, size)
        for at, rows_ in ((2, missing), (3, wrong > 0)):
            if rows_.any():
                found[at] = np.bincount(group[rows_], minlength=size)
        return found

    def table(self, sums: np.ndarray) -> pa.Table:
        """Return the totals: one row per group."""
        if not self.by:
            sums = _more(sums, np.zeros((len(_SUMS), 2), np.int64))
            return pa.table({name: sums[at, 1:2] for at, name in enumerate(_SUMS)})
        met = np.concatenate(self._met)[1:]
        columns = []
        for at, (name, values) in enumerate(zip(self.by, self._values, strict=True)):
            places = pa.array(met[:, at] - 1, mask=met[:, at] == 0)
            kind = self._kind(name)
            columns.append(pa.array(values.list, kind).take(places))
        sums = _more(sums, np.zeros((len(_SUMS), self._count), np.int64))
        return pa.table([*columns, *map(pa.array, sums[:, 1:])], names=[*self.by, *_SUMS])

    def _kind(self, name: str) -> pa.DataType:
        if name == _MONTHS:
            return pa.date32()
        kind = _KINDS[ANSWERS[name]] if name in ANSWERS else self._schema.field(name).type
        return pa.string() if kind == _TEXTS or pa.types.is_nested(kind) else kind


def _summed(group: np.ndarray, cents: np.ndarray, size: int) -> np.ndarray:
    """Return the sum of cents by group, exactly."""
    most = max(abs(int(cents.max(initial=0))), abs(int(cents.min(initial=0))))
    if most * len(cents) < 1 << 53:  # floats hold such sums exactly
        return np.bincount(group, weights=cents, minlength=size).astype(np.int64)
    found = np.zeros(size, np.int64)
    np.add.at(found, group, cents)
    return found


class _Values:
    """The values of one column of groups: 0 is missing, the others from 1, as they are met."""

    def __init__(self, lock: RLock) -> None:
        self.list: list[Any] = []
        self._of: dict[Any, int] = {}
        self._lock = lock
        self._days = Combinations(1, self._new_days, lock)
        self._months = Combinations(1, self._new_months, lock)

    def of_cells(self, places: np.ndarray, values: list) -> tuple[np.ndarray, int]:
        """Return the number of each row's cell, and how many numbers there are."""
        return self._taken(places, values)

    def of_answer(self, answer: Answer) -> tuple[np.ndarray, int]:
        if answer.kind == "text":
            return self._taken(*answer.narrow())
        if answer.kind == "flag":
            return self._taken(answer.values.astype(np.int8), [False, True])
        if answer.kind == "date":
            return self.of_days(answer.values)
        places, values = pd.factorize(answer.values)
        return self._taken(places, [None if one == NO_DAY else one for one in values.tolist()])

    def of_days(self, days: np.ndarray, *, months: bool = False) -> tuple[np.ndarray, int]:
        """Return the numbers of days, or of the first days of their months."""
        learned = self._months if months else self._days
        place = np.where(days == NO_DAY, 0, days + np.int32(_BEFORE))
        # What is learned is one more than the number, as 0 is not met.
        return learned.of([(place, 1 << 18)]) - 1, len(self.list) + 1

    def _taken(self, places: np.ndarray, values: list[Any]) -> tuple[np.ndarray, int]:
        with self._lock:
            table = np.array([*map(self._number, values), 0], np.int32)
        return table.take(places), len(self.list) + 1

    def _number(self, value: Any) -> int:
        if value is None:
            return 0
        found = self._of.get(value)
        if found is None:
            self.list.append(value)
            found = self._of[value] = len(self.list)
        return found

    def _new_days(self, new: np.ndarray) -> list[int]:
        return [
            1 + self._number(EPOCH + timedelta(days=day - _BEFORE) if day else None)
            for day in new[:, 0].tolist()
        ]

    def _new_months(self, new: np.ndarray) -> list[int]:
        days = [
            EPOCH + timedelta(days=day - _BEFORE) if day else None for day in new[:, 0].tolist()
        ]
        return [1 + self._number(day.replace(day=1) if day else None) for day in days]


_BEFORE = 100_000  # days before 1970 that a day's place begins


# --- runs ----------------------------------------------------------------------------------------


def _jobs(jobs: int | None, memory: str | None) -> int:
    """Return how many threads do the work: no more than the memory limit leaves room for."""
    wanted = jobs or cores()
    if memory is None:
        return wanted
    room = (_bytes(memory) - SHARED_BYTES) // THREAD_BYTES
    if room < 1:
        raise UsageError(
            f"the memory limit of {memory} is too small: one thread takes about "
            f"{(SHARED_BYTES + THREAD_BYTES) // 1_000_000} MB with what all share; raise it (memory=)"
        )
    return min(wanted, room)


_UNITS = {"kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4,
          "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}  # fmt: skip


def _bytes(memory: str) -> int:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", memory.lower())
    if not found or found[2] not in _UNITS:
        raise UsageError("memory: is a number and a unit, as in 800MB or 4GB")
    return int(float(found[1]) * _UNITS[found[2]])


def _run(given: _Given, jobs: int, work: Callable, take: Callable[[], Callable]) -> None:
    """Do the work on all parts. `take()` begins anew, and returns what takes (task, answer)."""
    uncut: set[int] = set()
    while True:
        done = take()
        try:
            with Threads(given, jobs=jobs) as threads:
                for _, answer in threads.each(work, _tasks(_parts(given.files, uncut))):
                    done(answer)
            return
        except NotCut as error:  # that file is read from its beginning to its end
            uncut.add(error.args[0])


def triage_files(
    paths: Path | str | Iterable[Path | str],
    out: Path | str,
    *,
    as_of: date,
    hospital: Hospital,
    columns: Iterable[str] | None = None,
    memory: str | None = None,
    jobs: int | None = None,
) -> Written:
    """Write the rows of CSV or Parquet files, with the answers `columns`, as Parquet.

    `paths` are files, folders (partitioned ones too) and patterns; see `toolkit.worklist.triage_rows`
    for the columns. The rows stand in the order of the files. `out` is one file if its name ends
    with .parquet, else a folder of files. It is written whole or not at all, and for its owner
    only. `jobs` threads do it, by default one per core, and fewer where `memory` (as 2GB) has no
    room for them. Raises InputError for a file that cannot be read, UsageError for a memory limit
    that is too small for one process. A file of a folder that cannot be opened is left out, and
    told in the notes.
    """
    names, out = rows.wanted(columns), Path(out)
    files, notes = _opened(paths)
    jobs = _jobs(jobs, memory)
    single = out.suffix.lower() == ".parquet"
    if not single and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise UsageError(f"{out.name}: already exists and is not an empty folder; name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    given = _Given(files, rows.asker(as_of=as_of, hospital=hospital), names, _united(files))
    if single:
        with whole(out) as path:
            count = _one_file(given, jobs, path)
        return Written(out, count, tuple(notes))
    with tempfile.TemporaryDirectory(prefix=".toolkit-", dir=out.parent) as temporary:
        folder = Path(temporary, "parts")
        folder.mkdir(mode=0o700)
        count = _folder(given, jobs, folder)
        if out.is_dir():
            out.rmdir()
        folder.rename(out)
    return Written(out, count, tuple(notes))


def _one_file(given: _Given, jobs: int, path: Path) -> int:
    """Write one file, in the order of the rows, while the next are answered."""
    schema = _annotated(given)
    writers: list[pq.ParquetWriter] = []
    count = 0

    def begin() -> Callable:
        nonlocal count
        while writers:
            writers.pop().close()
        writers.append(_writer(path, schema))
        count = 0
        return done

    def done(tables: list[pa.Table]) -> None:
        nonlocal count
        for table in tables:
            writers[-1].write_table(table, row_group_size=BATCH)
            count += len(table)

    try:
        _run(given, jobs, _held, begin)
    finally:
        for writer in writers:
            writer.close()
    return count


def _folder(given: _Given, jobs: int, folder: Path) -> int:
    """Leave the parts in their folder; there is one at least, so that its columns can be read."""
    counts: list[int] = []

    def begin() -> Callable:
        counts.clear()
        for path in folder.iterdir():
            path.unlink()
        return counts.append

    _run(given, jobs, partial(_write, folder), begin)
    if not counts:
        _write(folder, given, _Task(0, ()))
    return sum(counts)


def totals(
    paths: Path | str | Iterable[Path | str],
    *,
    by: Iterable[str],
    as_of: date,
    hospital: Hospital,
    memory: str | None = None,
    jobs: int | None = None,
) -> pd.DataFrame:
    """Return counts and whole cents of the rows of files: one row per combination of `by`.

    `by` names answers, columns of the rows, and `month` (the first day of the month of the notice
    that counts). Columns: those of `by`, `denials`, `denied_cents`, `no_amount` (rows without an
    amount) and `bad_amount` (rows with one that cannot be read). Sorted by `by`. `attrs["notes"]`
    tells of files whose columns differ, and of those of a folder that cannot be opened. The files
    are read once. `memory`, `jobs` and errors are those of `triage_files`.
    """
    by = tuple(by)
    files, notes = _opened(paths)
    jobs, schema = _jobs(jobs, memory), _united(files)
    if not set(by) <= {*ANSWERS, _MONTHS, *schema.names}:
        raise UsageError("by: names a column that is neither an answer nor in the rows")
    names = {"notice_date" if name == _MONTHS else name for name in by} & set(ANSWERS)
    groups = _Groups(by, schema)
    asked = rows.asker(as_of=as_of, hospital=hospital)
    given = _Given(files, asked, tuple(names), schema, groups)
    given.days.update((at, set(file.schema.names) & _DAYS - set(by))
                      for at, file in enumerate(files) if file.offset is not None)  # fmt: skip
    sums = np.zeros((len(_SUMS), 0), np.int64)

    def begin() -> Callable:
        nonlocal sums
        sums = np.zeros((len(_SUMS), 0), np.int64)
        return done

    def done(more: np.ndarray) -> None:
        nonlocal sums
        sums = _more(sums, more)

    _run(given, jobs, _add, begin)
    table = groups.table(sums)
    if by:
        places = [f"g{at}" for at in range(len(by))]
        table = table.rename_columns([*places, *_SUMS])
        table = table.filter(pc.greater(table["denials"], 0))
        table = table.sort_by([(place, "ascending") for place in places])
        table = table.rename_columns([*by, *_SUMS])
    frame = _framed(table)
    frame.attrs["notes"] = notes
    return frame


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

"""The triage of denial rows in files, part by part, in processes: files may be larger than memory.

A part is a run of row groups of a Parquet file, or bytes of a CSV that end with a row. Each process
asks the kernel of `toolkit.engines.rows` batch by batch, and keeps what it was asked.
"""

import csv
import gzip
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from toolkit.claims.export.delimited import plain_quotes
from toolkit.claims.export.pieces import NotCut, last_end
from toolkit.claims.export.sheets import with_folders
from toolkit.engines import facts, rows
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.outputs import whole
from toolkit.processes import Processes, cores

BATCH = 100_000  # rows that are asked, and written, at once
CUT_BYTES = 24_000_000  # of a CSV that are read at once
TASK_ROWS = 1_000_000
# A process has a start of its own and asks for itself: few rows are quicker without.
ALONE_ROWS, ALONE_BYTES = 1_500_000, 250_000_000
# What one process holds with a batch, about.
PROCESS_BYTES = 400_000_000

_TEXTS = pa.dictionary(pa.int32(), pa.string())
_MONTHS = "month"
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
    delimiter: str = ","
    offset: int | None = None  # of the rows of a CSV; None where it is not cut by its bytes


@dataclass(frozen=True)
class _Part:
    """Row groups from `start` to before `end`, or such bytes; a CSV without an `end` is one part."""

    file: int
    start: int = 0
    end: int | None = None


@dataclass(frozen=True)
class _Task:
    number: int
    parts: tuple[_Part, ...]


@dataclass(frozen=True)
class _Given:
    """What every process needs."""

    files: tuple[_File, ...]
    kernel: dict[str, Any]  # the day and the hospital
    answers: tuple[str, ...]
    schema: pa.Schema  # of all files together
    by: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path)  # of the parts that are written


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
    return _File(path, _with_folders(schema, path), (), delimiter, offset)


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


def _parts(files: tuple[_File, ...], jobs: int, uncut: set[int]) -> Iterator[tuple[_Part, float]]:
    """Return the parts of the files, each with which share of a task it is."""
    total = sum(sum(file.sizes) for file in files)
    rows_each = min(TASK_ROWS, max(BATCH, total // (4 * jobs)))
    for at, file in enumerate(files):
        if file.path.suffix.lower() != ".parquet":
            if file.offset is None or at in uncut:
                yield _Part(at), file.path.stat().st_size / CUT_BYTES
            else:
                yield from _cuts(at, file)
            continue
        start, held = 0, 0
        for group, size in enumerate(file.sizes):
            if held and held + size > rows_each:
                yield _Part(at, start, group), held / rows_each
                start, held = group, 0
            held += size
        if held:
            yield _Part(at, start, len(file.sizes)), held / rows_each


def _cuts(at: int, file: _File) -> Iterator[tuple[_Part, float]]:
    """Return parts of a CSV that end with a row. Raises NotCut where no end is in sight."""
    start, rest = file.offset, b""
    with file.path.open("rb") as source:
        source.seek(start)
        while block := source.read(CUT_BYTES):
            data = rest + block
            end = last_end(data)
            if end is None:
                if len(data) > 8 * CUT_BYTES:
                    raise NotCut(at)
                rest = data
                continue
            yield _Part(at, start, start + end), end / CUT_BYTES
            start, rest = start + end, data[end:]
    if rest:
        yield _Part(at, start, start + len(rest)), len(rest) / CUT_BYTES


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


def _batches(file: _File, part: _Part, wanted: Iterable[str] | None) -> Iterator[pa.Table]:
    """Return the rows of a part, with the wanted columns that the file has; None: with all."""
    wanted = file.schema.names if wanted is None else list(wanted)
    try:
        if file.path.suffix.lower() == ".parquet":
            read = _parquet(file, part, wanted)
        else:
            read = _csv(file, part, wanted)
        for table in read:
            yield with_folders(table, file.path)
    except (pa.ArrowException, OSError, EOFError):
        raise _damaged(file.path) from None


def _parquet(file: _File, part: _Part, wanted: list[str]) -> Iterator[pa.Table]:
    texts = [
        one.name for one in file.schema
        if one.name in facts.FACTS and _plain(one.type) == pa.string()
    ]  # fmt: skip
    with pq.ParquetFile(file.path, read_dictionary=texts) as source:
        there = [name for name in source.schema_arrow.names if name in wanted]
        there = there or source.schema_arrow.names[:1]  # rows are counted by a column at least
        groups = range(part.start, part.end)
        for batch in source.iter_batches(
            BATCH, row_groups=groups, columns=there, use_threads=False
        ):
            yield pa.Table.from_batches([batch])


def _csv(file: _File, part: _Part, wanted: list[str]) -> Iterator[pa.Table]:
    own = [name for name in file.schema.names if name in wanted] or file.schema.names[:1]
    kinds = {name: _TEXTS if name in facts.FACTS else pa.string() for name in file.schema.names}
    convert = pacsv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, null_values=[""],
        quoted_strings_can_be_null=True,
    )  # fmt: skip
    parse = pacsv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True)
    if part.end is None:
        read = pacsv.ReadOptions(use_threads=False, block_size=CUT_BYTES)
        with pacsv.open_csv(
            file.path, read_options=read, parse_options=parse, convert_options=convert
        ) as source:
            for batch in source:
                table = pa.Table.from_batches([batch])
                yield table.select([name for name in own if name in table.column_names])
        return
    with file.path.open("rb") as source:
        source.seek(part.start)
        data = source.read(part.end - part.start)
    if not plain_quotes(data, file.delimiter):
        raise NotCut(part.file)
    names = _head(file.path)[0]
    convert.include_columns = [name for name in names if name in own]
    read = pacsv.ReadOptions(
        use_threads=False, block_size=len(data) + 1, column_names=names,
    )  # fmt: skip
    yield pacsv.read_csv(
        pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=convert
    )


# --- what a process does -------------------------------------------------------------------------


def _asked(given: _Given, table: pa.Table) -> dict[str, rows.Answer]:
    asked = rows.asker(**given.kernel)
    asked.forget()
    columns = {name: table[name] for name in table.column_names if name in facts.FACTS}
    # A file without a reason is one of denials all the same, and its rows are as many.
    columns.setdefault("carc", pa.nulls(len(table), pa.string()))
    return asked.answers(columns, given.answers)


def _write(given: _Given, task: _Task) -> tuple[Path, int]:
    """Write the rows of a task with their answers; return where, and how many they are."""
    path, count = given.folder / f"part-{task.number:05}.parquet", 0
    with _writer(path, _annotated(given)) as out:
        for part in task.parts:
            for table in _batches(given.files[part.file], part, None):
                answers = _asked(given, table)
                columns = []
                for one in out.schema:
                    if one.name in answers:
                        columns.append(rows.to_arrow(answers.pop(one.name)))
                    elif one.name in table.column_names:
                        columns.append(_cast(table[one.name], one.type))
                    else:
                        columns.append(pa.nulls(len(table), one.type))
                out.write_table(pa.table(columns, schema=out.schema), row_group_size=BATCH)
                count += len(table)
    path.chmod(0o600)
    return path, count


def _annotated(given: _Given) -> pa.Schema:
    """Return the columns of the output: an answer stands in its column's place, or at the end."""
    kinds = {name: _KINDS[rows.ANSWERS[name]] for name in given.answers}
    fields = [(one.name, kinds.pop(one.name, one.type)) for one in given.schema]
    return pa.schema([*fields, *kinds.items()])


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Without the schema in the file, its texts are read as texts and not as dictionaries.
    return pq.ParquetWriter(path, schema, store_schema=False)


def _add(given: _Given, task: _Task) -> pa.Table:
    """Return the totals of the rows of a task."""
    wanted = set(facts.FACTS) - set(rows.asker(**given.kernel).idle)
    if "second_look" not in given.answers:
        wanted.discard("procedure_code")  # no other answer turns on it
    wanted |= {name for name in given.by if name not in rows.ANSWERS and name != _MONTHS}
    found = [_no_totals(given)]
    for part in task.parts:
        for table in _batches(given.files[part.file], part, wanted):
            if len(table):
                found.append(_totals(given, table))
    return _added(found, given.by)


def _no_totals(given: _Given) -> pa.Table:
    fields = []
    for name in given.by:
        if name == _MONTHS:
            kind = pa.date32()
        elif name in rows.ANSWERS:
            kind = _KINDS[rows.ANSWERS[name]]
        else:
            kind = given.schema.field(name).type
            kind = pa.string() if pa.types.is_nested(kind) else kind
        fields.append((name, pa.string() if kind == _TEXTS else kind))
    return pa.schema([*fields, *((name, pa.int64()) for name in _SUMS)]).empty_table()


def _totals(given: _Given, table: pa.Table) -> pa.Table:
    kinds = _no_totals(given).schema
    answers = _asked(given, table)
    parts, words = [], []
    for name in given.by:
        if name == _MONTHS:
            codes, values = _of_months(answers["notice_date"])
        elif name in answers:
            codes, values = _of_answer(answers[name])
        elif name in table.column_names:
            codes, values = rows.distinct_cells(_cast(table[name], given.schema.field(name).type))
        else:
            codes, values = np.full(len(table), -1), pa.nulls(0)
        parts.append((codes.astype(np.int64) + 1, len(values) + 1))
        words.append(values)
    if parts:
        number, distinct = rows.numbers(parts)
    else:
        number, distinct = np.zeros(len(table), np.int32), np.zeros((1, 0), np.int64)
    columns = []
    for at, values in enumerate(words):
        places = pa.array(distinct[:, at] - 1, mask=distinct[:, at] == 0)
        columns.append(values.take(places).cast(kinds.field(at).type))
    amount = next((name for name in facts.AMOUNT if name in table.column_names), None)
    if amount is None:
        cents, wrong = np.full(len(table), rows.NOTHING), np.zeros(len(table), np.int8)
    else:
        cents, wrong = rows.cents_of(table[amount], dollars=amount == "denied")
    size, missing = len(distinct), cents == rows.NOTHING
    summed = np.zeros(size, dtype=np.int64)
    np.add.at(summed, number, np.where(missing, 0, cents))
    counts = [np.bincount(number, minlength=size)]
    counts += [np.bincount(number[one], minlength=size) for one in (missing, wrong > 0)]
    columns += map(pa.array, (counts[0], summed, *counts[1:]))
    return pa.table(columns, schema=kinds)


def _of_months(days: rows.Answer) -> tuple[np.ndarray, pa.Array]:
    codes, distinct = pd.factorize(days.values)
    missing = distinct == rows._NO_DAY
    months = distinct.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    return np.where(missing, -1, np.arange(len(distinct)))[codes], pa.array(months)


def _of_answer(answer: rows.Answer) -> tuple[np.ndarray, pa.Array]:
    if answer.kind == "text":
        return answer.values, pa.array(answer.words, pa.string())
    codes, distinct = pd.factorize(answer.values)
    return codes, rows.to_arrow(replace(answer, values=distinct))


def _added(tables: list[pa.Table], by: tuple[str, ...]) -> pa.Table:
    """Return totals of several parts as those of all: one row per combination."""
    table = pa.concat_tables(tables)
    if not by:
        sums = {name: [sum(table[name].to_pylist())] for name in _SUMS}
        return pa.table(sums, schema=table.schema)
    # The groups are named by their places: a name of `by` may be any.
    names = [f"g{at}" for at in range(len(by))]
    table = table.rename_columns([*names, *_SUMS])
    sums = table.group_by(names, use_threads=False).aggregate([(name, "sum") for name in _SUMS])
    sums = sums.select([*names, *(f"{name}_sum" for name in _SUMS)])
    return sums.rename_columns([*by, *_SUMS])


# --- runs ----------------------------------------------------------------------------------------


def _jobs(files: tuple[_File, ...], jobs: int | None, memory: str | None) -> int:
    """Return how many processes do the work: no more than the memory limit leaves room for."""
    few = sum(sum(file.sizes) for file in files) <= ALONE_ROWS
    if files[0].path.suffix.lower() != ".parquet":
        few = sum(file.path.stat().st_size for file in files) <= ALONE_BYTES
    wanted = jobs or (1 if few else cores())
    if memory is None:
        return wanted
    room = _bytes(memory) // PROCESS_BYTES
    if not room:
        raise UsageError(
            f"the memory limit of {memory} is too small: one process takes about "
            f"{PROCESS_BYTES // 1_000_000} MB; raise it (memory=)"
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
            with Processes(given, jobs=jobs) as processes:
                tasks = _tasks(_parts(given.files, jobs, uncut))
                for task, answer in processes.each(work, tasks):
                    done(task, answer)
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

    `paths` are files, folders (partitioned ones too) and patterns; see `toolkit.engines.triage_rows`
    for the columns. The rows stand in the order of the files. `out` is one file if its name ends
    with .parquet, else a folder of files. It is written whole or not at all, and for its owner
    only. `jobs` processes do it, by default one per core, and fewer where `memory` (as 2GB) has no
    room for them. Raises InputError for a file that cannot be read, UsageError for a memory limit
    that is too small for one process. A file of a folder that cannot be opened is left out, and
    told in the notes.
    """
    names, out = rows.wanted(columns), Path(out)
    files, notes = _opened(paths)
    jobs = _jobs(files, jobs, memory)
    single = out.suffix.lower() == ".parquet"
    if not single and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise UsageError(f"{out.name}: already exists and is not an empty folder; name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    kernel = {"as_of": as_of, "hospital": hospital}
    given = _Given(files, kernel, names, _united(files))
    with tempfile.TemporaryDirectory(prefix=".toolkit-", dir=out.parent) as temporary:
        given = replace(given, folder=Path(temporary, "parts"))
        given.folder.mkdir(mode=0o700)
        if single:
            with whole(out) as path:
                count = _one_file(given, jobs, path)
        else:
            count = _folder(given, jobs)
            if out.is_dir():
                out.rmdir()
            given.folder.rename(out)
    return Written(out, count, tuple(notes))


def _one_file(given: _Given, jobs: int, path: Path) -> int:
    """Write one file of the parts, each as soon as those before it are written."""
    schema = _annotated(given)
    texts = [one.name for one in schema if pa.types.is_dictionary(one.type)]
    out, count, state = None, 0, {}

    def begin() -> Callable:
        nonlocal out, count
        if out:
            out.close()
        out, count = _writer(path, schema), 0
        state.clear()
        state["next"] = 0
        return done

    def done(task: _Task, answer: tuple[Path, int]) -> None:
        nonlocal count
        state[task.number] = answer
        while state["next"] in state:
            part, size = state.pop(state["next"])
            with pq.ParquetFile(part, read_dictionary=texts) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group, use_threads=False)
                    out.write_table(table.cast(schema), row_group_size=BATCH)
            part.unlink()
            count += size
            state["next"] += 1

    try:
        _run(given, jobs, _write, begin)
    finally:
        if out:
            out.close()
    return count


def _folder(given: _Given, jobs: int) -> int:
    """Leave the parts in their folder; there is one at least, so that its columns can be read."""
    counts: dict[int, int] = {}

    def begin() -> Callable:
        counts.clear()
        for path in given.folder.iterdir():
            path.unlink()
        return lambda task, answer: counts.update({task.number: answer[1]})

    _run(given, jobs, _write, begin)
    if not counts:
        _write(given, _Task(0, ()))
    return sum(counts.values())


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
    jobs, schema = _jobs(files, jobs, memory), _united(files)
    if not set(by) <= {*rows.ANSWERS, _MONTHS, *schema.names}:
        raise UsageError("by: names a column that is neither an answer nor in the rows")
    names = {"notice_date" if name == _MONTHS else name for name in by} & set(rows.ANSWERS)
    kernel = {"as_of": as_of, "hospital": hospital}
    given = _Given(files, kernel, tuple(names), schema, by)
    found: list[pa.Table] = []

    def begin() -> Callable:
        found[:] = [_no_totals(given)]
        return done

    def done(_: _Task, table: pa.Table) -> None:
        found[:] = [_added([*found, table], by)]
        pa.default_memory_pool().release_unused()

    _run(given, jobs, _add, begin)
    table = _added(found, by)
    if by:
        places = [f"g{at}" for at in range(len(by))]
        table = table.rename_columns([*places, *_SUMS]).sort_by([(p, "ascending") for p in places])
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

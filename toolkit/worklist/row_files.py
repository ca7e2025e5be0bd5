"""The triage of denial rows in files, part by part, in threads: files may be larger than memory.

A part is a run of row groups of a Parquet file, or bytes of a CSV that end with a row. Every thread
reads parts and puts them to the same kernel (`toolkit.worklist.kernel`), so that nothing is asked twice.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.outputs import whole
from toolkit.outputs.leftovers import BESIDE, held, sweep
from toolkit.worklist import rows
from toolkit.worklist.answers import ANSWERS
from toolkit.worklist.row_parts import BATCH, Task, batches
from toolkit.worklist.row_runs import ARROW_KINDS, Run, jobs_for, run
from toolkit.worklist.row_sources import cast, opened, united
from toolkit.worklist.row_totals import totals

__all__ = ["Written", "totals", "triage_files"]


@dataclass(frozen=True)
class Written:
    """Annotated rows: the file or folder, how many rows, and what to know of the source's files."""

    path: Path
    rows: int
    notes: tuple[str, ...]


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
    files, notes = opened(paths)
    jobs = jobs_for(jobs, memory)
    single = out.suffix.lower() == ".parquet"
    if not single and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise UsageError(f"{out.name}: already exists and is not an empty folder; name another")
    out.parent.mkdir(parents=True, exist_ok=True)
    given = Run(files, rows.asker(as_of=as_of, hospital=hospital), names, united(files))
    if single:
        with whole(out) as path:
            count = _one_file(given, jobs, path)
        return Written(out, count, tuple(notes))
    sweep(out.parent)
    with (
        tempfile.TemporaryDirectory(prefix=BESIDE, dir=out.parent) as temporary,
        held(Path(temporary)),
    ):
        folder = Path(temporary, "parts")
        folder.mkdir(mode=0o700)
        count = _folder(given, jobs, folder)
        if out.is_dir():
            out.rmdir()
        folder.rename(out)
    return Written(out, count, tuple(notes))


def _one_file(given: Run, jobs: int, path: Path) -> int:
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
        run(given, jobs, _held, begin)
    finally:
        for writer in writers:
            writer.close()
    return count


def _folder(given: Run, jobs: int, folder: Path) -> int:
    """Leave the parts in their folder; there is one at least, so that its columns can be read."""
    counts: list[int] = []

    def begin() -> Callable:
        counts.clear()
        for path in folder.iterdir():
            path.unlink()
        return counts.append

    run(given, jobs, partial(_write, folder), begin)
    if not counts:
        _write(folder, given, Task(0, ()))
    return sum(counts)


def _answered(given: Run, task: Task) -> Iterator[pa.Table]:
    """Return the rows of a task with their answers."""
    schema = _annotated(given)
    for part in task.parts:
        for table in batches(given.files[part.file], part, None):
            answers = given.answers_to(table)
            columns = []
            for one in schema:
                if one.name in answers:
                    columns.append(rows.to_arrow(answers.pop(one.name)))
                elif one.name in table.column_names:
                    columns.append(cast(table[one.name], one.type))
                else:
                    columns.append(pa.nulls(len(table), one.type))
            yield pa.table(columns, schema=schema)


def _write(folder: Path, given: Run, task: Task) -> int:
    """Write the rows of a task with their answers as a file; return how many they are."""
    path, count = folder / f"part-{task.number:05}.parquet", 0
    with _writer(path, _annotated(given)) as out:
        for table in _answered(given, task):
            out.write_table(table, row_group_size=BATCH)
            count += len(table)
    path.chmod(0o600)
    return count


def _held(given: Run, task: Task) -> list[pa.Table]:
    return list(_answered(given, task))


def _annotated(given: Run) -> pa.Schema:
    """Return the columns of the output: an answer stands in its column's place, or at the end."""
    kinds = {name: ARROW_KINDS[ANSWERS[name]] for name in given.answers}
    fields = [(one.name, kinds.pop(one.name, one.type)) for one in given.schema]
    return pa.schema([*fields, *kinds.items()])


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    # Without the schema in the file, its texts are read as texts and not as dictionaries.
    return pq.ParquetWriter(path, schema, store_schema=False)

"""Parts of files of denial rows: a run of row groups of a Parquet file, or bytes of a CSV that end with a row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from toolkit.claims.export.delimited import plain_quotes, quotes_of
from toolkit.claims.export.pieces import NotCut, last_end
from toolkit.claims.export.sheets import with_folders
from toolkit.worklist import facts
from toolkit.worklist.row_sources import TEXTS, RowFile, damaged, plain_type

BATCH = 250_000  # rows that are asked, and written, at once
CUT_BYTES = 6_000_000  # of a CSV that are read at once
TASK_ROWS = 250_000


@dataclass(frozen=True)
class Part:
    """Row groups from `start` to before `end`; of `data` the bytes before it; else a whole CSV."""

    file: int
    start: int = 0
    end: int = 0
    data: bytes | None = field(default=None, repr=False)
    quotes: np.ndarray | None = field(default=None, repr=False)  # their places in the data


@dataclass(frozen=True)
class Task:
    number: int
    parts: tuple[Part, ...]


def parts_of(files: tuple[RowFile, ...], uncut: set[int]) -> Iterator[tuple[Part, float]]:
    """Return the parts of the files, each with which share of a task it is."""
    for at, file in enumerate(files):
        if file.about is None:
            if file.offset is None or at in uncut:
                yield Part(at), file.path.stat().st_size / CUT_BYTES
            else:
                yield from _cuts(at, file)
            continue
        start, held, groups = 0, 0, file.about.num_row_groups
        for group in range(groups):
            size = file.about.row_group(group).num_rows
            if held and held + size > TASK_ROWS:
                yield Part(at, start, group), held / TASK_ROWS
                start, held = group, 0
            held += size
        if held:
            yield Part(at, start, groups), held / TASK_ROWS


def _cuts(at: int, file: RowFile) -> Iterator[tuple[Part, float]]:
    """Return parts of a CSV that end with a row. Raises NotCut where no end is in sight."""
    start, size = file.offset or 0, CUT_BYTES
    with file.path.open("rb") as source:
        while True:
            source.seek(start)
            data = source.read(size)
            quotes = quotes_of(data)
            end = last_end(data, quotes)
            if end is None and len(data) == size:  # a cell of many lines: look on
                if size >= 8 * CUT_BYTES:
                    raise NotCut(at)
                size *= 2
                continue
            end = end or len(data)
            if not end:
                return
            yield Part(at, end=end, data=data, quotes=quotes[quotes < end]), end / CUT_BYTES
            start, size = start + end, CUT_BYTES


def tasks_of(parts: Iterable[tuple[Part, float]]) -> Iterator[Task]:
    """Return tasks of one part, or of several small ones that follow each other."""
    number, held, share = 0, [], 0.0
    for part, size in parts:
        if held and share + size > 1.1:
            yield Task(number, tuple(held))
            number, held, share = number + 1, [], 0.0
        held.append(part)
        share += size
    if held:
        yield Task(number, tuple(held))


def batches(
    file: RowFile,
    part: Part,
    wanted: Iterable[str] | None,
    *,
    may_skip: frozenset[str] = frozenset(),
) -> Iterator[pa.Table]:
    """Return the rows of a part, with the wanted columns that the file has; None: with all.

    `may_skip` are columns that may be left out where every row has a notice date.
    """
    wanted = file.schema.names if wanted is None else list(wanted)
    try:
        if file.about is not None:
            read = _parquet(file, part, wanted, may_skip)
        else:
            read = _csv(file, part, wanted)
        for table in read:
            yield with_folders(table, file.path)
    except (pa.ArrowException, OSError, EOFError):
        raise damaged(file.path) from None


def _parquet(
    file: RowFile, part: Part, wanted: list[str], may_skip: frozenset[str]
) -> Iterator[pa.Table]:
    texts = [
        one.name for one in file.schema
        if one.name in facts.FACTS and plain_type(one.type) == pa.string()
    ]  # fmt: skip
    with pq.ParquetFile(
        file.path, metadata=file.about, read_dictionary=texts, pre_buffer=False
    ) as source:
        there = [name for name in source.schema_arrow.names if name in wanted]
        there = there or source.schema_arrow.names[:1]  # rows are counted by a column at least
        groups = range(part.start, part.end)
        about = [source.metadata.row_group(at) for at in groups]
        if all(_none_missing(group, "notice_date") for group in about):
            # A remittance's day counts where there is no notice date alone.
            there = [name for name in there if name not in may_skip]
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


def _csv(file: RowFile, part: Part, wanted: list[str]) -> Iterator[pa.Table]:
    own = [name for name in file.schema.names if name in wanted] or file.schema.names[:1]
    parse = pacsv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True)
    if part.data is None or part.quotes is None:
        read = pacsv.ReadOptions(use_threads=False, block_size=CUT_BYTES)
        convert = _as_texts(file.schema.names)
        with pacsv.open_csv(
            file.path, read_options=read, parse_options=parse, convert_options=convert
        ) as source:
            for batch in source:
                table = pa.Table.from_batches([batch])
                yield table.select([name for name in own if name in table.column_names])
        return
    data, names = memoryview(part.data)[: part.end], file.names
    if not plain_quotes(data, part.quotes, file.delimiter):
        raise NotCut(part.file)
    # As one block that ends with a row: line ends inside of cells are then read as they are.
    parse.newlines_in_values = False
    read = pacsv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names)
    convert = _as_texts(names)
    convert.include_columns = [name for name in names if name in own]
    convert.check_utf8 = not part.data.isascii()  # which is UTF-8, and quicker to see
    yield pacsv.read_csv(
        pa.BufferReader(data), read_options=read, parse_options=parse, convert_options=convert
    )


def _as_texts(names: Iterable[str]) -> pacsv.ConvertOptions:
    """Return how the cells of a CSV are read: as texts, of which facts have few."""
    kinds = {name: TEXTS if name in facts.FACTS else pa.string() for name in names}
    kinds |= dict.fromkeys(facts.AMOUNT, pa.string())
    return pacsv.ConvertOptions(
        column_types=kinds, strings_can_be_null=True, null_values=[""],
        quoted_strings_can_be_null=True,
    )  # fmt: skip

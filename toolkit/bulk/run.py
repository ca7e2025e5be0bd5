"""The worklist of a book: its parts done by many workers, put together in the order of the files."""

import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit import worklist
from toolkit.bulk.book import Book, File
from toolkit.bulk.database import database
from toolkit.bulk.kernel import (
    NOTICES,
    Also,
    Bucket,
    Done,
    Given,
    Pieces,
    do_bucket,
    do_notices,
    do_pieces,
)
from toolkit.bulk.workers import workers
from toolkit.cases import RecordedCase
from toolkit.claims.export.columns import Notes
from toolkit.claims.export.exports import no_denial, note_file
from toolkit.claims.export.grids import Tally
from toolkit.claims.export.sheets import Sheet
from toolkit.claims.findings import FindingKind, summarized, together
from toolkit.claims.restated import add_up, told
from toolkit.claims.tables import Claims, conform, empty
from toolkit.history import taken_back_by
from toolkit.hospital import Hospital
from toolkit.worklist import comparison
from toolkit.worklist.comparison import compared
from toolkit.worklist.table import REPEATED

# Rows of exports and claims of remittances in one part of the work: what bounds its memory.
PART_ROWS = 75_000
_SORTED_AT_ONCE = 4_000_000
_COMPARED_AT_ONCE = 2  # parts whose services are looked at together
_SPACE = pa.scalar(" ", pa.large_string())
_SCHEMA = pa.schema(
    [
        field
        if field.name not in REPEATED
        else pa.field(field.name, pa.dictionary(pa.int32(), pa.large_string()))
        for field in [*worklist.arrow_schema(), pa.field("order", pa.int64())]
    ]
)
_FOLDERS = ("parts", "aside", "asked", "given", "findings", "also", "spill")


@dataclass
class Run:
    """A worklist in parts; used with `with`, which removes the parts at the end.

    `findings` is their number, those about files and those about rows; `file_findings` are the
    first kind. `counted` is the worklist's tally, `from_letters` how many denials are in no file.
    """

    given: Given
    counted: worklist.Tally
    denials: int = 0
    findings: int = 0
    set_aside: int = 0
    from_letters: int = 0
    file_findings: pd.DataFrame = field(default_factory=lambda: empty("findings"))
    looks: pd.DataFrame | None = None

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.given.work, ignore_errors=True)

    def write(self, path: Path) -> Path:
        """Write the worklist as .parquet or .csv, in the order of the files."""
        return worklist.write_tables(self.tables(), path)

    def summary(self) -> dict[str, Any]:
        """Return the counts of `toolkit.worklist.summary`."""
        return worklist.summary(
            self.counted, findings=self.findings, from_letters=self.from_letters
        )

    def tables(self) -> Iterator[pa.Table]:
        """Give the worklist as tables, in the order of the files and their claims; letters are last."""
        aside = self._aside()
        waiting = next(aside, None)
        for path in sorted((self.given.work / "parts").glob("pieces-*.arrow")):
            with pa.OSFile(str(path)) as file:
                table = _alike(pa.ipc.open_file(file).read_all())
            last = table["order"][-1].as_py()
            due = []
            while waiting is not None and waiting["order"][0].as_py() <= last:
                upto = int(np.searchsorted(waiting["order"].to_numpy(), last, side="right"))
                due.append(waiting.slice(0, upto))
                waiting = waiting.slice(upto) if upto < len(waiting) else next(aside, None)
            if due:
                table = pa.concat_tables([table, *due]).unify_dictionaries()
                table = table.take(pc.sort_indices(table["order"]))
            parts = ("bucket", path.stem) if due else (path.stem,)
            yield self.looked(table.drop_columns(["order"]), *parts)
        while waiting is not None:
            yield self.looked(waiting.drop_columns(["order"]), "bucket")
            waiting = next(aside, None)
        if self.from_letters:
            with pa.OSFile(str(self.given.work / "parts" / f"{NOTICES}.arrow")) as file:
                yield self.looked(_alike(pa.ipc.open_file(file).read_all()), NOTICES)

    def also(self) -> Iterator[Any]:
        """Give what `also` made of each part, in no order."""
        for path in sorted((self.given.work / "also").glob("*.pickle")):
            yield pickle.loads(path.read_bytes())  # in a folder that only this run writes

    def row_findings(self) -> Iterator[pd.DataFrame]:
        """Give the findings about rows, part by part."""
        for path in sorted((self.given.work / "findings").glob("*.parquet")):
            yield conform(pd.read_parquet(path), "findings")

    def finding_kinds(self) -> list[FindingKind]:
        """Return the kinds of findings of all files and parts, the worst first."""
        parts = (self.file_findings, *self.row_findings())
        return together(summarized(one) for one in parts if len(one))

    def _aside(self) -> Iterator[pa.Table]:
        """Give the rows of the buckets in order; what memory cannot sort is sorted on disk."""
        paths = self.given.work / "parts" / "bucket-*.parquet"
        if not any(paths.parent.glob(paths.name)):
            return
        sorted_at = self.given.work / "sorted.parquet"
        if not sorted_at.exists():
            with database(self.given.work) as db:
                db.execute(
                    f'COPY (SELECT * FROM read_parquet({_text(paths)}) ORDER BY "order", denial_key) '
                    f"TO {_text(sorted_at)} (FORMAT parquet, ROW_GROUP_SIZE 20000)"
                )
        for batch in pq.ParquetFile(sorted_at).iter_batches(16_000):
            yield _alike(pa.Table.from_batches([batch]))

    def looked(self, table: pa.Table, *parts: str) -> pa.Table:
        """Return rows of the worklist with the second looks that turn on other claims.

        `parts` are those that the rows are of, by the beginning of their names; default: any.
        """
        if self.looks is None or not len(self.looks) or not len(table):
            return table
        mine = self.looks[self.looks["part"].str.startswith(parts)] if parts else self.looks
        keys = pa.array(mine["denial_key"], pa.large_string())
        at = pc.index_in(table["denial_key"].cast(pa.large_string()), value_set=keys)
        if at.null_count == len(at):
            return table
        more = pa.array(mine["more"], pa.large_string()).take(at.combine_chunks())
        said = table["second_look"].cast(pa.large_string())
        looks = pc.utf8_trim_whitespace(
            pc.binary_join_element_wise(said, pc.fill_null(more, ""), _SPACE)
        )
        place = table.schema.get_field_index("second_look")
        field = table.schema.field(place)
        return table.set_column(place, field, _typed(looks, field.type))


def triage_book(
    book: Book,
    files: Iterable[File] | None = None,
    *,
    as_of: date,
    hospital: Hospital,
    recorded: Sequence[RecordedCase] = (),
    notices: Sequence[Claims] = (),
    engine: str = "duckdb",
    jobs: int | None = None,
    also: Also | None = None,
    findings: pd.DataFrame | None = None,
    part_rows: int = PART_ROWS,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Run:
    """Return the worklist of the book's files (default: all, oldest first), as parts.

    `recorded` is what people recorded (`toolkit.cases.recorded_at`), `notices` the cases made of
    letters (`toolkit.cases.notices_at`). `also` (a module's function) makes something of each part's claims, worklist and day.
    `engine` is pandas (one thread), duckdb (a thread for each core) or spark. `findings` are
    those that gathering the files gave. `on_progress(stage, done, total)` is called after each task.
    A file none of whose rows is a denial raises InputError, as reading it alone would.
    """
    chosen = tuple(book.files() if files is None else files)
    work = Path(tempfile.mkdtemp(prefix="denial-work-"))  # 0700
    try:
        for name in _FOLDERS:
            (work / name).mkdir()
        rows_aside = _find_several(book, chosen, work)
        buckets = max(1, -(-rows_aside // part_rows))
        taken_back = _taken_back(book, chosen)
        given = Given(
            book, work, chosen, as_of, hospital, buckets, also, taken_back, tuple(recorded),
            tuple(notices),
        )  # fmt: skip
        done = _all_done(given, engine, jobs, on_progress, part_rows, some_aside=rows_aside > 0)
        letters = do_notices(given, frozenset[str]().union(*(one.met for one in done)))
        return _put_together(given, done, letters, findings)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _taken_back(book: Book, files: tuple[File, ...]) -> dict[str, int]:
    """Return the cents that provider adjustments of all remittances take back, by claim number."""
    some = [
        table
        for file in files
        if file.source == "remittance"
        for piece in file.pieces
        if (table := book.read_table("provider_adjustments", file, piece)) is not None
    ]
    return taken_back_by(pd.concat(some, ignore_index=True)) if some else {}


def _all_done(
    given: Given, engine: str, jobs: int | None, on_progress, rows: int, *, some_aside: bool
) -> list[Done]:
    tasks = list(_tasks(given.files, rows))
    total = len(tasks) + (given.buckets if some_aside else 0)
    done: list[Done] = []
    with workers(engine, given, jobs=jobs) as crew:
        for work, some in (
            (do_pieces, tasks),
            (do_bucket, [Bucket(number) for number in range(given.buckets)] if some_aside else []),
        ):
            for _, answer in crew.each(work, some):
                done.append(answer)
                if on_progress:
                    on_progress("parts", len(done), total)
    return done


def _tasks(files: tuple[File, ...], most: int) -> Iterator[Pieces]:
    """Give the pieces in order, small ones together."""
    some: list[tuple[int, int]] = []
    rows, number = 0, 0
    for at, file in enumerate(files):
        for piece in file.pieces:
            if some and rows + piece.rows > most:
                yield Pieces(number, tuple(some))
                some, rows, number = [], 0, number + 1
            some.append((at, piece.number))
            rows += piece.rows
    if some:
        yield Pieces(number, tuple(some))


def _find_several(book: Book, files: tuple[File, ...], work: Path) -> int:
    """Write the account numbers that are met in several pieces, sorted; return a guess of their rows.

    Done for a range of the numbers at a time, so that memory stays bounded.
    """
    pieces = [(file, piece) for file in files for piece in file.pieces]
    stored = [book.read_accounts(file, piece) for file, piece in pieces]
    total = sum(len(one) for one in stored)
    rows = sum(piece.rows for _, piece in pieces)
    ranges = total // _SORTED_AT_ONCE + 1
    edges = np.array([at * 2**64 // ranges for at in range(ranges)], dtype=np.uint64)
    cuts = [[*np.searchsorted(one, edges).tolist(), len(one)] for one in stored]
    found, met = [], 0
    for at in range(ranges):
        some = [one[cut[at] : cut[at + 1]] for one, cut in zip(stored, cuts, strict=True)]
        numbers = np.sort(np.concatenate(some)) if some else np.empty(0, dtype=np.uint64)
        twice = numbers[1:][numbers[1:] == numbers[:-1]]
        found.append(np.unique(twice))
        met += len(twice) + len(found[-1])
    several = np.concatenate(found) if found else np.empty(0, dtype=np.uint64)
    np.save(work / "several.npy", several)
    return int(met * max(1.0, rows / max(total, 1))) if len(several) else 0


def _put_together(
    given: Given, done: list[Done], letters: Done, findings: pd.DataFrame | None
) -> Run:
    done = [*done, letters]
    told_files = [findings] if findings is not None else []
    tallies: dict[str, list[Tally]] = {}
    claims: dict[str, int] = {}
    rows_read: dict[str, int] = {}
    for one in done:
        for file_id, some in one.tallies.items():
            tallies.setdefault(file_id, []).extend(some)
        for file_id, count in one.claims.items():
            claims[file_id] = claims.get(file_id, 0) + count
        for file_id, count in one.rows_read.items():
            rows_read[file_id] = rows_read.get(file_id, 0) + count
    for file in given.files:
        if file.source == "export" and not claims.get(file.file_id):
            raise no_denial(file.name)
        told_files.append(_file_findings(file, tallies.get(file.file_id, [])))
    restated = [one.restated for one in done if one.restated is not None]
    files = pd.concat([file.row() for file in given.files], ignore_index=True)
    if restated:
        told_files.append(told(add_up(restated), files))
    found = pd.concat([one for one in told_files if len(one)] or [empty("findings")])
    counted = [one.counted for one in done if one.counted]
    return Run(
        given,
        worklist.add_up(counted) if counted else worklist.tally(_no_rows()),
        denials=sum(one.denials for one in done),
        findings=len(found) + sum(one.findings for one in done),
        set_aside=sum(one.set_aside for one in done),
        from_letters=letters.denials,
        file_findings=found.reset_index(drop=True),
        looks=_looks(given) if any(one.asked for one in done) else None,
    )


def _no_rows() -> pd.DataFrame:
    return worklist.arrow_schema().empty_table().to_pandas().assign(denied_cents=0)


def _file_findings(file: File, tallies: list[Tally]) -> pd.DataFrame:
    """Return the findings about a file as a whole."""
    if file.match is None:
        notes = pd.DataFrame(file.notes, columns=["row", "column", "code", "says"])
        return conform(notes.assign(file=file.name, file_id=file.file_id), "findings")
    sheet = Sheet(file.file_id, file.match, file.headings, {}, np.empty(0), False, file.notes)
    notes = Notes(file.name, sheet)
    notes.tallies += [*file.tallies, *tallies]
    note_file(file.match, notes)
    return notes.table()


def _looks(given: Given) -> pd.DataFrame:
    """Return the second looks that turn on other claims of the same patient: part, denial_key, more.

    Only the services of patients of whom something is asked are looked at, some patients at a time.
    """
    asked = given.work / "asked" / "*.parquet"
    first = next(asked.parent.glob(asked.name))
    kinds = pd.read_parquet(first).dtypes
    found = []
    pa.default_memory_pool().release_unused()  # what the parts needed is room for this
    with database(given.work) as db:
        db.execute(f"CREATE TABLE asked AS SELECT * FROM read_parquet({_text(asked)})")
        patients = db.sql("SELECT DISTINCT patient FROM asked WHERE patient IS NOT NULL")
        mine = patients.to_arrow_table()["patient"].combine_chunks().cast(pa.large_string())
        create = "CREATE TABLE given AS"
        for some in _given(given.work / "given", mine):
            db.register("services", some)
            db.execute(f"{create} SELECT * FROM services")
            create = "INSERT INTO given"
        [(count,)] = db.execute("SELECT count(*) FROM given").fetchall()
        groups = count // 50_000 + 1
        for group in range(groups):
            here = f"hash(patient) % {groups} = {group}"
            one, others = (
                db.sql(f"SELECT * FROM {table} WHERE {here}").to_arrow_table()
                for table in ("asked", "given")
            )
            if len(one):
                frame = one.to_pandas().astype(kinds)
                told = frame[["part", "denial_key"]]
                told = told.assign(more=compared(frame, others).array)
                found.append(told[told["more"].ne("")])
    looks = pd.concat(found, ignore_index=True)
    return looks[looks["more"].ne("")]


def _given(folder: Path, patients: pa.Array) -> Iterator[pa.Table]:
    """Give the services of these patients, those of several parts at a time; at first none."""
    nothing = comparison.given(Claims(), np.empty(0, dtype=bool))
    plain = pa.schema([
        (one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type)
        for one in nothing.schema
    ])  # fmt: skip
    yield nothing.cast(plain)
    paths = sorted(folder.glob("*.arrow"))
    for start in range(0, len(paths), _COMPARED_AT_ONCE):
        some = []
        for path in paths[start : start + _COMPARED_AT_ONCE]:
            with pa.OSFile(str(path)) as file:
                some.append(pa.ipc.open_file(file).read_all())
        table = pa.concat_tables(some)
        mine = pc.is_in(table["patient"], value_set=patients)
        yield table.filter(mine).cast(plain)


def _alike(table: pa.Table) -> pa.Table:
    """Return a part's table with the same types as every part's: texts that repeat are dictionaries."""
    columns = [
        _typed(table[field.name], field.type)
        for field in _SCHEMA
        if field.name in table.column_names
    ]
    names = [field.name for field in _SCHEMA if field.name in table.column_names]
    return pa.table(columns, names=names)


def _typed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    if not pa.types.is_dictionary(kind) or pa.types.is_dictionary(column.type):
        return column.cast(kind)
    return column.cast(kind.value_type).dictionary_encode().cast(kind)


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"

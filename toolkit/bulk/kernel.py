"""One part of the work on a book: some pieces, or one bucket of the claims that stand in several.

Most claims stand wholly in one piece of one file. Those whose claim number is met in several pieces
(rows far apart, an older month's export, a remittance beside an export) are set aside by their
number into buckets, and each bucket is done by the same lines, all its rows together.
"""

import pickle
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.bulk.book import Book, File, accounts_of, write_arrow
from toolkit.cases.notices import not_met, numbers_met
from toolkit.cases.recorded import RecordedCase, with_recorded
from toolkit.claims.adjudication import noted
from toolkit.claims.export.columns import Notes
from toolkit.claims.export.exports import read_rows
from toolkit.claims.export.grids import Tally
from toolkit.claims.export.pieces import sheet_of
from toolkit.claims.export.sheets import compacted
from toolkit.claims.providers import own_claims
from toolkit.claims.restated import once
from toolkit.claims.tables import TABLES, Claims, conform
from toolkit.history import seen_on, settled_with_histories
from toolkit.hospital import Hospital
from toolkit.worklist.keys import coded
from toolkit.worklist.tallies import tally_of
from toolkit.worklist.triage import Brain, brain, triaged_with_comparison

NOTICES = "notices"  # the part that is of no file

# Makes of a part's claims and worklist, on a day, something small that adds up (for reports).
Also = Callable[[Claims, pd.DataFrame, date], Any]


@dataclass(frozen=True)
class Given:
    """What every part of the work needs: the book, its files in order, and what is asked of them."""

    book: Book
    work: Path  # a private folder for what passes between the parts
    files: tuple[File, ...]
    as_of: date
    hospital: Hospital
    buckets: int = 1
    also: Also | None = None  # what else is made of each part
    taken_back: Mapping[str, int] = field(default_factory=dict)  # cents, by claim number
    recorded: tuple[RecordedCase, ...] = ()
    notices: tuple[Claims, ...] = ()  # cases made of letters, whatever file has their claims


@dataclass(frozen=True)
class Pieces:
    """Some pieces, done together: (place of the file in `files`, number of the piece)."""

    number: int
    pieces: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Bucket:
    """The claims that stand in several pieces, those of one bucket."""

    number: int


@dataclass
class Done:
    """What came of a part of the work; its rows stand in files of the private folder."""

    denials: int = 0
    claims: dict[str, int] = field(default_factory=dict)  # by file
    rows_read: dict[str, int] = field(default_factory=dict)
    tallies: dict[str, list[Tally]] = field(default_factory=dict)
    findings: int = 0
    counted: Any = None  # toolkit.worklist.Tally
    restated: pd.DataFrame | None = None
    set_aside: int = 0  # rows and claims that went into buckets
    asked: int = 0  # denials whose second look turns on other claims
    met: frozenset[str] = frozenset()  # numbers of cases made of letters that claims of it have


def do_pieces(given: Given, task: Pieces) -> Done:
    """Do the claims that stand wholly in one of the pieces; set the others aside."""
    done = Done()
    parts = []
    for at, number in task.pieces:
        file = given.files[at]
        if file.source == "export":
            parts.append(_export_piece(given, file, at, number, task, done))
        else:
            parts.append(_remittance_piece(given, file, at, number, task, done))
    claims = together(parts)
    done.met = numbers_met(given.notices, claims)
    return _finish(given, claims, f"pieces-{task.number:012d}", done)


def do_bucket(given: Given, task: Bucket) -> Done:
    """Do the claims of one bucket: all their rows from all files; each denial counts once."""
    done = Done()
    rows: dict[int, list[pa.Table]] = defaultdict(list)
    tables: dict[int, dict[str, list[pa.Table]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((given.work / "aside").glob("*.arrow")):
        _, table, at, _ = path.stem.split("-")
        with pa.OSFile(str(path)) as file:
            batch = pa.ipc.open_file(file).get_batch(task.number)
        if len(batch):
            found = pa.Table.from_batches([batch])
            (rows[int(at)] if table == "rows" else tables[int(at)][table]).append(found)
    parts = []
    for at in sorted({*rows, *tables}):
        file = given.files[at]
        if at in rows:
            parts.append(export_rows(file, pa.concat_tables(rows[at]), done))
        else:
            found = {
                name: conform(pa.concat_tables(some).to_pandas(), name)
                for name, some in tables[at].items()
            }
            count = len(found.get("claims", ()))
            parts.append(Claims(**found, files=file.row(count, first=False)))
    every = together(parts)
    done.met = numbers_met(given.notices, every)
    claims, done.restated = once(every, order=[file.file_id for file in given.files])
    return _finish(given, claims, f"bucket-{task.number:012d}", done)


def do_notices(given: Given, met: Iterable[str]) -> Done:
    """Do the cases made of letters whose numbers no part has met: they stand after all files."""
    claims = not_met(given.notices, frozenset(met))
    return Done() if claims.claims.empty else _finish(given, claims, NOTICES, Done())


def _export_piece(
    given: Given, file: File, at: int, number: int, task: Pieces, done: Done
) -> Claims:
    piece = next(one for one in file.pieces if one.number == number)
    table = given.book.read_rows(file, piece)
    rows = pa.array(table["row"].to_numpy().astype(np.int64) + piece.first)
    table = table.set_column(table.schema.get_field_index("row"), "row", rows)
    accounts = table["account"].to_numpy()
    aside = _is_aside(given, accounts)
    if aside.any():
        name = f"{task.number:012d}-rows-{at:06d}-{number:012d}"
        _set_aside(given, name, table, accounts, aside)
        done.set_aside += int(aside.sum())
        table = table.filter(pa.array(~aside))
    return export_rows(file, table, done)


def export_rows(file: File, table: pa.Table, done: Done) -> Claims:
    """Return the canonical tables of an export's rows; they hold all rows of their claims."""
    rows = table["row"].to_numpy()
    opened = file.opened
    sheet = sheet_of(opened, table, rows)
    notes = Notes(file.name, sheet)
    done.rows_read[file.file_id] = done.rows_read.get(file.file_id, 0) + len(sheet.rows)
    found = read_rows(sheet, notes).tables
    done.tallies.setdefault(file.file_id, []).extend(notes.tallies)
    done.claims[file.file_id] = done.claims.get(file.file_id, 0) + len(found["claims"])
    return noted(Claims(**found, findings=notes.table(), files=file.row(len(sheet.rows))))


def _remittance_piece(
    given: Given, file: File, at: int, number: int, task: Pieces, done: Done
) -> Claims:
    piece = next(one for one in file.pieces if one.number == number)
    tables = given.book.read_claims(file, piece)
    found = tables.get("claims")
    rows = 0 if found is None else len(found)
    if found is not None and rows:
        accounts = accounts_of(found)
        aside = _is_aside(given, accounts)
        if aside.any():
            tables = _split(given, tables, accounts, aside, f"{task.number:012d}", at, number)
            done.set_aside += int(aside.sum())
            rows -= int(aside.sum())
    return Claims(**tables, files=file.row(rows, first=number == file.pieces[0].number))


def _split(given, tables, accounts, aside, task: str, at: int, number: int) -> dict:
    """Return a remittance's tables without the claims that are set aside."""
    claims = tables["claims"]
    account = pd.Series(accounts, index=claims["claim_key"])
    gone = set(claims.loc[aside, "claim_key"])
    kept = {}
    for name, table in tables.items():
        if "claim_key" not in table:  # what is of the file, or of the provider, stays
            kept[name] = table
            continue
        mine = table["claim_key"].isin(gone).to_numpy()
        if mine.any():
            whose = account.reindex(table["claim_key"]).to_numpy()
            arrow = pa.Table.from_pandas(table, preserve_index=False)
            _set_aside(given, f"{task}-{name}-{at:06d}-{number:012d}", arrow, whose, mine)
        kept[name] = table[~mine].reset_index(drop=True)
    return kept


def _is_aside(given: Given, accounts: np.ndarray) -> np.ndarray:
    """Return which rows' claim numbers are met in several pieces."""
    several = _several(given.work / "several.npy")
    if not len(several):
        return np.zeros(len(accounts), dtype=bool)
    at = np.searchsorted(several, accounts)
    return several[np.minimum(at, len(several) - 1)] == accounts


@lru_cache(maxsize=2)
def _several(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r")


def _set_aside(given: Given, name: str, table: pa.Table, accounts, aside) -> None:
    """Write rows that are set aside: one record batch per bucket, so that a bucket reads its own."""
    at = np.flatnonzero(aside)
    bucket = (accounts[at] % np.uint64(given.buckets)).astype(np.int64)
    order = np.argsort(bucket, kind="stable")
    sorted_rows = table.take(pa.array(at[order])).unify_dictionaries().combine_chunks()
    sorted_rows = compacted(sorted_rows)
    [batch] = sorted_rows.to_batches()
    ends = np.searchsorted(bucket[order], np.arange(given.buckets + 1))

    def batches() -> Iterator[pa.RecordBatch]:
        for start, end in zip(ends[:-1], ends[1:], strict=True):
            yield batch.slice(start, end - start)  # of one dictionary, also where it is empty

    write_arrow(given.work / "aside" / f"{name}.arrow", batches(), sorted_rows.schema)


def together(parts: Sequence[Claims]) -> Claims:
    """Return the parts as one, in the order of the files, without looking for repeated files."""
    if len(parts) == 1:
        return parts[0]
    tables = {}
    for name in TABLES:
        some = [table for part in parts if len(table := getattr(part, name))]
        if some:
            tables[name] = pd.concat(some, ignore_index=True)
    if "files" in tables:  # several pieces of a file
        counts = {"rows_read": "sum", "transactions": "max"}
        names = [name for name in tables["files"] if name not in counts]
        files = tables["files"].groupby(names, sort=False, dropna=False, as_index=False).agg(counts)
        tables["files"] = conform(files, "files")
    return Claims(**tables)


def _finish(given: Given, claims: Claims, name: str, done: Done) -> Done:
    """Triage a part and write what came of it; the order is that of the files and their claims."""
    claims = seen_on(own_claims(claims, given.hospital.providers), given.as_of)
    claims, known = settled_with_histories(claims, given.taken_back)
    claims = seen_on(with_recorded(claims, given.recorded), given.as_of)
    rows, asked, others = triaged_with_comparison(claims, _brain(given), known=known)
    done.denials, done.asked = len(rows), len(asked)
    done.counted = tally_of(rows.cells, rows.cells["denied_cents"])
    if len(rows):
        table = rows.table()
        if name != NOTICES:
            order = _order(given, claims)[rows.claim]
            table = table.append_column("order", pa.array(order))
        if name.startswith("bucket"):
            pq.write_table(table, given.work / "parts" / f"{name}.parquet", store_schema=False)
        else:
            write_arrow(given.work / "parts" / f"{name}.arrow", table)
    if len(others):
        write_arrow(given.work / "given" / f"{name}.arrow", others)
    for kind, frame in (("asked", asked.assign(part=name)), ("findings", claims.findings)):
        if len(frame):
            path = given.work / kind / f"{name}.parquet"
            found = pa.Table.from_pandas(frame, preserve_index=False)
            pq.write_table(found, path, compression="lz4", use_dictionary=False)
    done.findings = len(claims.findings)
    if given.also:
        made = given.also(claims, rows.frame(categories=True), given.as_of)
        (given.work / "also" / f"{name}.pickle").write_bytes(pickle.dumps(made))
    return done


def _order(given: Given, claims: Claims) -> np.ndarray:
    """Return where each claim stands: the file's place, then the claim's row."""
    place = {file.file_id: at for at, file in enumerate(given.files)}
    table = claims.claims
    file_id = coded(table["file_id"])
    files = np.array([place[one] for one in file_id.values], dtype=np.int64)[file_id.code]
    return (files << 40) | table["row"].to_numpy(dtype=np.int64)


_BRAINS: dict[tuple, Brain] = {}
_ONE_BRAIN = Lock()


def _brain(given: Given) -> Brain:
    """Return the questions of this run, kept in this process from part to part."""
    key = (given.as_of, given.hospital)
    with _ONE_BRAIN:
        if key not in _BRAINS:
            _BRAINS.clear()
            _BRAINS[key] = brain(as_of=given.as_of, hospital=given.hospital)
        return _BRAINS[key]

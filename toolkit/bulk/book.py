"""A book: a folder in which the rows of many files stand in pieces, each file read once.

    files/<file_id>.json                       one per file, written when the file is wholly in
    rows/file_id=<id>/part-00000.arrow         the rows of an export, as text, 65,000 or so each
    claims/file_id=<id>/part-00000.parquet     the tables of a remittance, and so for every table

A book holds patient data: only its owner may look into it.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.bulk.sizes import is_book
from toolkit.claims.export.evidence import Decisions
from toolkit.claims.export.exports import file_row
from toolkit.claims.export.grids import Tally
from toolkit.claims.export.layouts import Match
from toolkit.claims.export.pieces import Opened, numbers_of
from toolkit.claims.identity import hash_of, id_of
from toolkit.claims.tables import Claims, conform
from toolkit.errors import InputError
from toolkit.outputs import private_folder, whole

VERSION = 4
# Of a remittance; what concerns a file as a whole stands with its last piece.
CLAIM_TABLES = (
    "claims", "claim_lines", "adjustments", "remark_codes", "provider_adjustments",
    "appeal_events", "rejections",
)  # fmt: skip


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a file: its number, its rows (claims of a remittance), and the file rows it spans."""

    number: int
    rows: int
    first: int = 0  # row of the file at which it begins
    spans: int = 0
    hashes: dict[str, str] = {}  # of its files, by their place in the book


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is wholly in the book. `notes` are findings about it as a whole."""

    version: int = VERSION
    name: str
    sha256: str
    source: str  # export, remittance or rejections
    number: int  # in the order in which files came into the book
    pieces: tuple[Piece, ...]
    match: Match | None = None
    headings: list[str] = []
    serial_dates: bool = False
    epoch_1904: bool = False
    decisions: Decisions = Decisions()
    notes: list[tuple[int | None, str, str, str]] = []
    tallies: list[Tally] = []
    rows_read: int = 0
    transactions: int | None = None
    layout: str = ""

    @property
    def file_id(self) -> str:
        """The short id that begins our keys."""
        return id_of(self.sha256)

    @property
    def opened(self) -> Opened:
        """The export as its pieces are read."""
        assert self.match is not None
        return Opened(
            Path(self.name), self.name, self.source, self.sha256, self.match, self.headings, 0,
            serial_dates=self.serial_dates, epoch_1904=self.epoch_1904, decisions=self.decisions,
        )  # fmt: skip

    def row(self, rows: int | None = None, *, first: bool = True) -> pd.DataFrame:
        """Return the file's row of the table `files`, or that of a part with so many rows read.

        Over the parts, one of which is the `first`, rows and transactions add up to the file's.
        """
        rows = self.rows_read if rows is None else rows
        if self.match is not None:
            return file_row(self.opened, rows=rows)
        given = {
            "file": [self.name], "file_id": [self.file_id], "sha256": [self.sha256], "source": [self.source],
            "layout": [self.layout], "rows_read": [rows],
            "transactions": [self.transactions if first else 0],
        }  # fmt: skip
        return conform(given, "files")


@dataclass(frozen=True)
class Book:
    """An open book folder; `Book.at` creates it if needed.

    One that is not `kept` is of a single run, which alone can touch it: it needs no hashes of its files.
    """

    folder: Path
    kept: bool = True

    @classmethod
    def at(cls, folder: Path, *, kept: bool = True) -> "Book":
        """Return the book in a folder. A folder that holds other things is refused."""
        folder = Path(folder)
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder.name}: a book is a folder, and this is a file")
        if folder.exists() and any(folder.iterdir()) and not is_book(folder):
            raise InputError(f"{folder.name}: holds other files; name an empty folder, or a book")
        private_folder(folder)
        private_folder(folder / "files")
        return cls(folder, kept)

    def files(self) -> list[File]:
        """Return the files in the book, oldest first."""
        found = []
        for path in (self.folder / "files").glob("[!.]*.json"):
            try:
                one = msgspec.json.decode(path.read_bytes(), type=File)
            except msgspec.DecodeError:
                raise InputError(
                    f"{self.folder.name}: the entry {path.name} of the book is damaged; delete it "
                    "and gather the file again"
                ) from None
            if one.version != VERSION:
                raise InputError(
                    f"{self.folder.name}: this book was made by another version of the toolkit; "
                    "gather its files into a new folder"
                )
            found.append(one)
        return sorted(found, key=lambda one: (one.number, one.file_id))

    def add(self, file: File) -> None:
        """Write the entry of a file whose pieces are all there."""
        with whole(self.folder / "files" / f"{file.file_id}.json") as temporary:
            temporary.write_bytes(msgspec.json.encode(file))

    def rows_path(self, file_id: str, number: int) -> Path:
        """Return where a piece of an export's rows stands."""
        return self.folder / "rows" / f"file_id={file_id}" / f"part-{number:05d}.arrow"

    def table_path(self, table: str, file_id: str, number: int) -> Path:
        """Return where a piece of a remittance's table stands."""
        return self.folder / table / f"file_id={file_id}" / f"part-{number:05d}.parquet"

    def accounts_path(self, file_id: str, number: int) -> Path:
        """Return where the sorted numbers of a piece's accounts stand."""
        return self.folder / "accounts" / f"file_id={file_id}" / f"part-{number:05d}.npy"

    def write_rows(self, file_id: str, number: int, table: pa.Table) -> dict[str, str]:
        """Write a piece of an export's rows, and which accounts it has; return the files' hashes."""
        path = self.rows_path(file_id, number)
        private_folder(path.parent)
        write_arrow(path, _narrow(table), compressed=self.kept)
        accounts = self._write_accounts(file_id, number, table["account"].to_numpy())
        return self._hashes([path, accounts])

    def read_rows(self, file: File, piece: Piece) -> pa.Table:
        """Return a piece of an export's rows. Raises InputError if it is not what was written."""
        data = self._whole(self.rows_path(file.file_id, piece.number), file, piece)
        return _with_codes(pa.ipc.open_file(pa.py_buffer(data)).read_all(), lambda _: pa.int32())

    def read_accounts(self, file: File, piece: Piece) -> np.ndarray:
        """Return the sorted numbers of a piece's accounts, not read into memory."""
        path = self.accounts_path(file.file_id, piece.number)
        if not self._is_whole(path, piece):
            raise self._damaged(path, file)
        return np.load(path, mmap_mode="r")

    def holds(self, file: File) -> bool:
        """Return whether all pieces of a file are there, each as it was written."""
        return all(
            self._is_whole(self.folder / place, piece)
            for piece in file.pieces
            for place in piece.hashes
        )

    def _hashes(self, paths: list[Path]) -> dict[str, str]:
        return {
            path.relative_to(self.folder).as_posix(): hash_of(path) if self.kept else ""
            for path in paths
        }

    def _is_whole(self, path: Path, piece: Piece) -> bool:
        place = path.relative_to(self.folder).as_posix()
        if not path.is_file():
            return False
        return hash_of(path) == piece.hashes.get(place) if self.kept else place in piece.hashes

    def _whole(self, path: Path, file: File, piece: Piece) -> bytes:
        place = path.relative_to(self.folder).as_posix()
        data = path.read_bytes() if path.is_file() else b""
        known = piece.hashes.get(place)
        if not data or (self.kept and hashlib.sha256(data).hexdigest() != known):
            raise self._damaged(path, file)
        return data

    def _damaged(self, path: Path, file: File) -> InputError:
        place = path.relative_to(self.folder).as_posix()
        return InputError(
            f"{self.folder.name}: {place} is damaged or gone; gather {file.name} into the book again"
        )

    def write_claims(self, file_id: str, number: int, part: Claims) -> dict[str, str]:
        """Write a piece of a remittance's tables (those with rows), and which accounts it has.

        Returns the files' hashes.
        """
        written = []
        for table in CLAIM_TABLES:
            frame = getattr(part, table)
            if len(frame):
                path = self.table_path(table, file_id, number)
                private_folder(path.parent)
                found = pa.Table.from_pandas(frame, preserve_index=False)
                pq.write_table(found, path, compression="zstd")
                written.append(path)
        written.append(self._write_accounts(file_id, number, accounts_of(part.claims)))
        return self._hashes(written)

    def read_claims(self, file: File, piece: Piece) -> dict[str, pd.DataFrame]:
        """Return a piece of a remittance's tables, those with rows.

        Raises InputError if one is not what was written.
        """
        tables = {name: self.read_table(name, file, piece) for name in CLAIM_TABLES}
        return {name: table for name, table in tables.items() if table is not None}

    def read_table(self, table: str, file: File, piece: Piece) -> pd.DataFrame | None:
        """Return one table of a remittance's piece; None if it has no rows.

        Raises InputError if it is not what was written.
        """
        path = self.table_path(table, file.file_id, piece.number)
        if path.relative_to(self.folder).as_posix() not in piece.hashes:
            return None
        data = pa.BufferReader(self._whole(path, file, piece))
        return conform(pq.read_table(data).to_pandas(), table)

    def _write_accounts(self, file_id: str, number: int, accounts: np.ndarray) -> Path:
        path = self.accounts_path(file_id, number)
        private_folder(path.parent)
        np.save(path, np.unique(accounts[accounts != 0]))
        return path


def accounts_of(claims: pd.DataFrame) -> np.ndarray:
    """Return a number per claim for its claim number: ours, else the payer's; 0 for none."""
    texts = claims["patient_control_number"].fillna(claims["payer_claim_control_number"])
    known = texts.notna().to_numpy()
    numbers = np.zeros(len(claims), dtype=np.uint64)
    numbers[known] = numbers_of(texts[known].tolist())
    return numbers


def _narrow(table: pa.Table) -> pa.Table:
    """Return a table whose codes take no more bytes than they need: most columns have few contents."""

    def kind(contents: int) -> pa.DataType:
        return pa.int8() if contents < 1 << 7 else pa.int16() if contents < 1 << 15 else pa.int32()

    return _with_codes(table, kind)


def _with_codes(table: pa.Table, kind: Callable[[int], pa.DataType]) -> pa.Table:
    """Return a table whose codes have the type that `kind` gives for so many contents."""
    columns = []
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            found = column.combine_chunks()
            codes = found.indices.cast(kind(len(found.dictionary)))
            column = pa.DictionaryArray.from_arrays(codes, found.dictionary)
        columns.append(column)
    return pa.table(columns, names=table.column_names)


def write_arrow(
    path: Path,
    batches: pa.Table | Iterator[pa.RecordBatch],
    schema=None,
    *,
    compressed: bool = True,
) -> None:
    """Write an Arrow file: a table, or one record batch after the other."""
    if isinstance(batches, pa.Table):
        schema, batches = batches.schema, iter(batches.combine_chunks().to_batches())
    options = pa.ipc.IpcWriteOptions(compression="lz4" if compressed else None)
    with (
        pa.OSFile(str(path), "wb") as file,
        pa.ipc.new_file(file, schema, options=options) as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)

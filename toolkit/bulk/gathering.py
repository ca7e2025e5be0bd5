"""Bring files into a book: each is read once, in pieces, by as many workers as there are cores.

A file that is in the book already (by its hash) is not read again; one that was broken off is
begun anew. A broken file stops nothing but itself.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.bulk.book import Book, File, Piece
from toolkit.bulk.workers import workers
from toolkit.claims import rejections, sheets
from toolkit.claims.pieces import (
    PIECE_BYTES,
    PIECE_ROWS,
    NotCut,
    Opened,
    Place,
    open_export,
    pieces,
    places,
    whole,
)
from toolkit.claims.reading import files_of, is_remittance
from toolkit.claims.remittance import stream_remittance
from toolkit.claims.tables import Claims, conform, empty
from toolkit.errors import InputError

# Pieces of a place are numbered from its own number times this; no place has as many.
_PER_PLACE = 10_000


@dataclass
class Gathered:
    """What came of bringing files into a book: the files asked for, and findings about files."""

    files: list[File] = field(default_factory=list)
    findings: pd.DataFrame = field(default_factory=lambda: empty("findings"))
    read: int = 0  # files that were not in the book before


@dataclass(frozen=True)
class _Task:
    """One part of the work: a place of an export, or a whole remittance."""

    path: Path
    at: int  # of the place in the file
    opened: Opened | None = None
    place: Place = Place()
    rows: int = PIECE_ROWS


def gather(
    paths: Sequence[Path],
    book: Book,
    *,
    layout: str | None = None,
    engine: str = "duckdb",
    jobs: int | None = None,
    piece_bytes: int = PIECE_BYTES,
    piece_rows: int = PIECE_ROWS,
    told: Callable[[str, int, int], None] | None = None,
) -> Gathered:
    """Bring files, folders and patterns into the book; return the files, also those there before.

    A file that was named and cannot be read raises InputError; one met in a folder or by a pattern
    is left out with a finding. `told` is called with a file's name, the files done, and of how many.
    """
    there = {file.key: file for file in book.files()}
    given = [(path, one) for path in map(Path, paths) for one in files_of(path)]
    job = _Gathering(book, layout, there, told, len(given), piece_bytes, piece_rows)
    with workers(engine, str(book.folder), jobs=jobs) as crew:
        for task, answer in crew.each(_part, job.tasks(given)):
            job.took(task, answer)
        for _ in range(2):  # files whose bytes could not be cut are read whole, at the end
            for task, answer in crew.each(_part, job.again()):
                job.took(task, answer)
    return job.gathered(given)


class _Gathering:
    """The state of one `gather`: which file waits for which of its places."""

    def __init__(
        self, book: Book, layout: str | None, there: dict[str, File], told, total: int, size: int, rows: int
    ):  # fmt: skip
        self.book, self.layout, self.there, self.told, self.total = book, layout, there, told, total
        self.size, self.rows = size, rows
        self.number = max((file.number for file in there.values()), default=0)
        self.by_path: dict[Path, File] = {}
        self.broken: dict[Path, InputError] = {}
        self.named: set[Path] = set()
        self.waiting: dict[Path, dict[int, Any]] = {}
        self.cut: dict[Path, int | None] = {}  # how many places the file has, once it is known
        self.opened: dict[Path, Opened] = {}
        self.numbers: dict[Path, int] = {}
        self.uncut: list[Path] = []
        self.keys: dict[Path, str] = {}
        self.done = 0

    def tasks(self, given: list[tuple[Path, Path]]) -> Iterator[_Task]:
        """Give the parts of the work, file by file, found while the first are being done."""
        for asked, path in given:
            if path in self.keys:
                continue
            if asked == path:
                self.named.add(path)
            try:
                yield from self._of(path)
            except InputError as error:
                self._fail(path, error)

    def _of(self, path: Path) -> Iterator[_Task]:
        remittance = is_remittance(path)
        opened = None if remittance else open_export(path, layout=self.layout)
        file_id = sheets.file_id_of(path) if opened is None else opened.file_id
        key = f"{file_id}-{path.stat().st_size}"
        known = self.there.get(key) or next(
            (self.by_path[p] for p, k in self.keys.items() if k == key and p in self.by_path), None
        )
        twice = key in self.keys.values()
        self.keys[path] = key
        if known or twice:
            self._end(path)
            return
        for folder in self.book.folder.glob(f"*/file_id={file_id}"):
            shutil.rmtree(folder)  # of a run that was broken off
        self.number += 1
        self.numbers[path] = self.number
        self.waiting[path] = {}
        self.cut[path] = None
        if opened is None:
            self.cut[path] = 1
            yield _Task(path, 0)
            return
        self.opened[path] = opened
        count = 0
        for at, place in enumerate(places(opened, size=self.size)):
            count = at + 1
            yield _Task(path, at, opened, place, self.rows)
        self.cut[path] = count
        self._finish(path)

    def again(self) -> list[_Task]:
        """Return the tasks of the files that must be read whole."""
        paths, self.uncut = self.uncut, []
        for path in paths:
            self.waiting[path], self.cut[path] = {}, 1
            shutil.rmtree(self.book.rows_path(self.opened[path].file_id, 0).parent)
        return [
            _Task(path, 0, self.opened[path], whole(self.opened[path]), self.rows) for path in paths
        ]

    def took(self, task: _Task, answer: Any) -> None:
        """Take the answer of one part of the work."""
        if isinstance(answer, NotCut):
            if task.path not in self.uncut:
                self.uncut.append(task.path)
            return
        if isinstance(answer, InputError):
            self._fail(task.path, answer)
            return
        if task.path in self.broken:
            return
        self.waiting[task.path][task.at] = answer
        self._finish(task.path)

    def _finish(self, path: Path) -> None:
        """Write the book's entry of a file whose places are all there."""
        there = self.waiting.get(path, {})
        if path in self.uncut or path in self.broken or len(there) != self.cut[path]:
            return
        answers = [there[at] for at in sorted(there)]
        del self.waiting[path]
        opened = self.opened.get(path)
        try:
            make = _export_file if opened else _remittance_file
            file = make(path, answers, opened, self.numbers[path], self.keys[path])
        except InputError as error:
            self._fail(path, error)
            return
        self.book.add(file)
        self.by_path[path] = file
        self._end(path)

    def _fail(self, path: Path, error: InputError) -> None:
        if path in self.broken:
            return
        if path in self.named:
            raise error
        self.broken[path] = error
        self._end(path)

    def _end(self, path: Path) -> None:
        self.done += 1
        if self.told:
            self.told(path.name, self.done, self.total)

    def gathered(self, given: list[tuple[Path, Path]]) -> Gathered:
        """Return the files asked for, in the order given, each once, with what is to be told."""
        out = Gathered(read=len(self.by_path))
        of_key = self.there | {file.key: file for file in self.by_path.values()}
        seen: dict[str, Path] = {}
        told: list[dict[str, Any]] = []
        for _, path in given:
            if path in self.broken:
                says = f"left out: {self.broken[path]}"
                told.append({"file": path.name, "code": "file_not_read", "says": says})
                continue
            key = self.keys[path]
            if key in seen:
                says = (
                    "the same bytes were read already under this or another name; they count once"
                )
                told.append(
                    {
                        "file": path.name,
                        "file_id": key[:8],
                        "code": "file_given_twice",
                        "says": says,
                    }
                )
                continue
            seen[key] = path
            out.files.append(of_key[key])
        if told:
            out.findings = conform(pd.DataFrame(told), "findings")
        if self.broken and not out.files:
            raise next(iter(self.broken.values()))
        return out


def _part(folder: str, task: _Task) -> Any:
    """Bring one part of a file into the book; return what its entry has to know, or the refusal."""
    book = Book(Path(folder))
    try:
        if task.opened is None:
            return _remittance_part(book, task.path)
        return _export_part(book, task)
    except (NotCut, InputError) as error:
        return error


def _export_part(book: Book, task: _Task) -> list[tuple[int, int, int, list]]:
    found = []
    opened = task.opened
    assert opened is not None
    for number, (table, spans, ragged) in enumerate(pieces(opened, task.place, rows=task.rows)):
        number += task.at * _PER_PLACE
        book.write_rows(opened.file_id, number, table)
        found.append((number, len(table), spans, ragged))
    return found


def _export_file(path: Path, answers: list, opened: Opened, number: int, key: str) -> File:
    found, notes, row = [], [], opened.first_row
    for at, rows, spans, ragged in (piece for answer in answers for piece in answer):
        found.append(Piece(number=at, rows=rows, first=row, spans=spans))
        if ragged:
            csv = opened.csv
            assert csv is not None
            notes += [sheets.ragged(row + place, cells, csv) for place, cells in ragged]
        row += spans
    if not any(piece.rows for piece in found):
        raise sheets.no_rows(path, opened.match)
    return File(
        name=path.name, file_id=opened.file_id, size=int(key.partition("-")[2]), source="export",
        number=number, pieces=tuple(found), match=opened.match, headings=opened.headings,
        serial_dates=opened.serial_dates, notes=[*opened.notes, *notes],
        layout=opened.match.layout.id,
    )  # fmt: skip


def _remittance_part(book: Book, path: Path) -> list[tuple[int, Claims | int]]:
    """Stream a remittance into the book, whole or not at all."""
    file_id = sheets.file_id_of(path)
    found: list[Any] = []
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if rejections.is_rejections(head):
        parts: Any = [rejections.read_acknowledgment(path)]
    else:
        parts = stream_remittance(path)
    findings, files = [], empty("files")
    for number, part in enumerate(parts):
        book.write_claims(file_id, number, part)
        found.append((number, len(part.claims)))
        findings.append(part.findings)
        files = part.files if len(part.files) else files
    told = pd.concat(findings, ignore_index=True) if findings else empty("findings")
    names = ["row", "column", "code", "says"]
    plain = told[names].astype(object).where(told[names].notna(), None)
    notes = list(plain.itertuples(index=False, name=None))
    return [found, notes, files.astype(object).where(files.notna(), None).to_dict("records")]


def _remittance_file(path: Path, answers: list, opened: None, number: int, key: str) -> File:
    [[found, notes, files]] = answers
    about = files[0]
    return File(
        name=path.name, file_id=about["file_id"], size=int(key.partition("-")[2]),
        source=about["source"], number=number, layout=about["layout"] or "",
        pieces=tuple(Piece(number=at, rows=rows) for at, rows in found), notes=notes,
        rows_read=about["rows_read"] or 0, transactions=about["transactions"],
    )  # fmt: skip

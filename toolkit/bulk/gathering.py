"""Bring files into a book: each is read once, in pieces, by as many workers as there are cores.

A file that is in the book already (by its hash) is not read again; one that was broken off is
begun anew. A broken file stops nothing but itself.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.bulk.book import Book, File, Piece
from toolkit.bulk.workers import workers
from toolkit.claims import fhir
from toolkit.claims.export.evidence import Evidence, decide, notes_of, together
from toolkit.claims.export.grids import Note, Tally, added
from toolkit.claims.export.pieces import (
    PIECE_BYTES,
    PIECE_ROWS,
    NotCut,
    Opened,
    Place,
    no_rows,
    open_exports,
    pieces,
    places,
    whole,
)
from toolkit.claims.identity import hash_of, id_of
from toolkit.claims.reading import Source, is_fhir, is_remittance, sources
from toolkit.claims.tables import conform, empty
from toolkit.errors import InputError

# What Arrow reads, in threads; remittances, workbooks and pages are read by Python.
_BY_ARROW = {".csv", ".tsv", ".txt", ".parquet"}
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
    """One part of the work: a place of a table of an export, or a whole remittance."""

    unit: int
    at: int  # of the place in the table
    path: Path
    opened: Opened | None = None
    place: Place = Place()
    rows: int = PIECE_ROWS


@dataclass
class _Unit:
    """What becomes one entry of the book: a remittance, or a table of an export."""

    path: Path
    key: str
    opened: Opened | None
    number: int = 0  # in the order in which files came into the book
    places: int | None = None  # how many, once it is known
    answers: dict[int, Any] = field(default_factory=dict)
    uncut: bool = False  # its bytes cannot be cut: it is read whole, at the end
    file: File | None = None


def gather(
    paths: Sequence[Path],
    book: Book,
    *,
    layout: str | None = None,
    engine: str = "duckdb",
    jobs: int | None = None,
    piece_bytes: int = PIECE_BYTES,
    piece_rows: int = PIECE_ROWS,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Gathered:
    """Bring files, folders and patterns into the book; return the files, also those there before.

    A file that was named and cannot be read raises InputError; one met in a folder or by a pattern
    is left out with a finding. `on_progress(stage, done, total)` is called
    after each file with its name.
    """
    there = {file.sha256: file for file in book.files()}
    with sources(paths) as (given, broken):
        job = _Gathering(book, layout, there, on_progress, given, piece_bytes, piece_rows)
        job.broken |= dict(broken)
        by_python = [one for one in given if one.path.suffix.lower() not in _BY_ARROW]
        by_processes = len(by_python) > 1
        with workers(engine, book, jobs=jobs, by_processes=by_processes) as crew:
            for task, answer in crew.each(_part, job.tasks()):
                job.took(task, answer)
            for _ in range(2):  # files whose bytes could not be cut are read whole, at the end
                for task, answer in crew.each(_part, job.again()):
                    job.took(task, answer)
        return job.gathered()


class _Gathering:
    """The state of one `gather`: which table of which file waits for which of its places."""

    def __init__(
        self, book: Book, layout: str | None, there: dict[str, File], on_progress, given: list[Source],
        size: int, rows: int,
    ):  # fmt: skip
        self.book, self.layout, self.there, self.on_progress = book, layout, there, on_progress
        self.given, self.total = given, len(given)
        self.size, self.rows = size, rows
        self.number = max((file.number for file in there.values()), default=0)
        self.units: list[_Unit] = []
        self.of_path: dict[Path, list[_Unit]] = {}
        self.broken: dict[Path, InputError] = {}
        self.named = {one.path for one in given if one.named}
        self.done = 0

    def tasks(self) -> Iterator[_Task]:
        """Give the parts of the work, file by file, found while the first are being done."""
        for path in dict.fromkeys(one.path for one in self.given):
            try:
                yield from self._of(path)
            except InputError as error:
                self._fail(path, error)

    def _of(self, path: Path) -> Iterator[_Task]:
        if is_remittance(path) or is_fhir(path):
            units = [_Unit(path, hash_of(path), None)]
        else:
            tables = open_exports(path, layout=self.layout)
            units = [_Unit(path, one.sha256, one) for one in tables]
        for unit in units:  # damaged, or read by another column map: read again, in its old place
            known = self.there.get(unit.key)
            if known and not (self.book.holds(known) and _is_read_alike(known, unit)):
                unit.number = self.there.pop(unit.key).number
        before = {unit.key for unit in self.units} | set(self.there)
        ids = {id_of(key): key for key in before}
        if any(ids.get(id_of(unit.key), unit.key) != unit.key for unit in units):
            raise InputError(f"{path.name}: another file has the same short id; use another book")
        self.of_path[path] = units
        self.units += units
        for unit in units:
            if unit.key not in before:
                yield from self._of_unit(unit)
        if all(unit.key in before for unit in units):
            self._end(path)

    def _of_unit(self, unit: _Unit) -> Iterator[_Task]:
        at_unit = self.units.index(unit)
        self._clear(unit)  # of a run that was broken off
        if not unit.number:
            self.number += 1
            unit.number = self.number
        if unit.opened is None:
            unit.places = 1
            yield _Task(at_unit, 0, unit.path)
            return
        count = 0
        for at, place in enumerate(places(unit.opened, size=self.size, rows=self.rows)):
            count = at + 1
            yield _Task(at_unit, at, unit.path, unit.opened, place, self.rows)
        unit.places = count
        self._finish(unit)

    def _clear(self, unit: _Unit) -> None:
        """Remove pieces that a run left without an entry."""
        for folder in self.book.folder.glob(f"*/file_id={id_of(unit.key)}"):
            shutil.rmtree(folder)

    def again(self) -> list[_Task]:
        """Return the tasks of the tables that must be read whole."""
        tasks = []
        for at, unit in enumerate(self.units):
            if unit.uncut and unit.path not in self.broken:
                self._clear(unit)
                unit.uncut, unit.answers, unit.places = False, {}, 1
                opened = unit.opened
                tasks.append(_Task(at, 0, unit.path, opened, whole(opened), self.rows))
        return tasks

    def took(self, task: _Task, answer: Any) -> None:
        """Take the answer of one part of the work."""
        unit = self.units[task.unit]
        if isinstance(answer, NotCut):
            unit.uncut = True
        elif isinstance(answer, InputError):
            self._fail(task.path, answer)
        elif task.path not in self.broken:
            unit.answers[task.at] = answer
            self._finish(unit)

    def _finish(self, unit: _Unit) -> None:
        """Write the book's entry of a table whose places are all there."""
        ready = len(unit.answers) == unit.places and unit.file is None
        if unit.uncut or unit.path in self.broken or not ready:
            return
        answers = [unit.answers[at] for at in sorted(unit.answers)]
        unit.answers = {}
        try:
            unit.file = (
                _export_file(unit, answers) if unit.opened else _remittance_file(unit, answers)
            )
        except InputError as error:
            self._fail(unit.path, error)
            return
        self.book.add(unit.file)
        if all(one.file or one.key in self.there for one in self.of_path[unit.path]):
            self._end(unit.path)

    def _fail(self, path: Path, error: InputError) -> None:
        if path in self.broken:
            return
        if path in self.named:
            raise error
        self.broken[path] = error
        self._end(path)

    def _end(self, path: Path) -> None:
        self.done += 1
        if self.on_progress:
            self.on_progress(path.name, self.done, self.total)

    def gathered(self) -> Gathered:
        """Return the files asked for, in the order given, each once, with their findings."""
        made = {unit.key: unit.file for unit in self.units if unit.file}
        out = Gathered(read=len({u.path for u in self.units if u.file}))
        of_key = self.there | made
        seen: set[str] = set()
        notes: list[dict[str, Any]] = []
        for path, error in self.broken.items():
            says = f"left out: {error}"
            notes.append({"file": path.name, "code": "file_not_read", "says": says})
        for path in (one.path for one in self.given if one.path not in self.broken):
            for unit in self.of_path[path]:
                if unit.key in seen:
                    says = "the same content was already read under this or another name; it counts once"
                    file_id = id_of(unit.key)
                    notes.append(
                        {
                            "file": path.name,
                            "file_id": file_id,
                            "code": "file_given_twice",
                            "says": says,
                        }
                    )
                    continue
                seen.add(unit.key)
                out.files.append(of_key[unit.key])
        if notes:
            out.findings = conform(pd.DataFrame(notes), "findings")
        if self.broken and not out.files:
            raise next(iter(self.broken.values()))
        return out


def _is_read_alike(file: File, unit: _Unit) -> bool:
    """Return whether a file of the book was read by the layout by which it would be read now."""
    return unit.opened is None or file.match == unit.opened.match


def _part(book: Book, task: _Task) -> Any:
    """Bring one part of a file into the book; return what its entry has to know, or the refusal."""
    try:
        if task.opened is None:
            return _remittance_part(book, task.path)
        return _export_part(book, task)
    except (NotCut, InputError) as error:
        return error


@dataclass(frozen=True)
class _Written:
    """A piece that was written into the book: its number, rows, the rows it spans, what it shows."""

    number: int
    rows: int
    spans: int
    hashes: dict[str, str]
    evidence: Evidence
    notes: list[Note]
    tallies: list[Tally]


def _export_part(book: Book, task: _Task) -> list[_Written]:
    found = []
    opened = task.opened
    assert opened is not None
    for number, piece in enumerate(pieces(opened, task.place, rows=task.rows)):
        number += task.at * _PER_PLACE
        hashes = book.write_rows(opened.file_id, number, piece.table)
        found.append(
            _Written(
                number,
                len(piece.table),
                piece.spans,
                hashes,
                piece.evidence,
                piece.notes,
                piece.tallies,
            )
        )
    return found


def _export_file(unit: _Unit, answers: list[list[_Written]]) -> File:
    opened = unit.opened
    assert opened is not None
    found, notes, tallies, row = [], [], [], opened.first_row
    for one in (piece for answer in answers for piece in answer):
        found.append(
            Piece(number=one.number, rows=one.rows, first=row, spans=one.spans, hashes=one.hashes)
        )
        notes += [(row + place, *rest) for place, *rest in one.notes]
        tallies += [replace(each, first=row + each.first) for each in one.tallies]
        row += one.spans
    if not any(piece.rows for piece in found):
        raise no_rows(opened)
    decisions = decide(opened.match.layout, together(p.evidence for a in answers for p in a))
    return File(
        name=opened.name, sha256=opened.sha256, source="export", number=unit.number, pieces=tuple(found), match=opened.match,
        headings=opened.headings, serial_dates=opened.serial_dates, epoch_1904=opened.epoch_1904, layout=opened.match.layout.id,
        notes=[*opened.notes, *notes_of(decisions), *notes], tallies=added(tallies),
        decisions=decisions,
    )  # fmt: skip


def _remittance_part(book: Book, path: Path) -> list[Any]:
    """Stream a remittance into the book, whole or not at all."""
    from toolkit.claims.x12 import rejections, remittance  # where there is one to read

    file_id = id_of(hash_of(path))
    found: list[Any] = []
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if fhir.is_fhir(head):
        parts: Any = fhir.stream_fhir(path)
    elif rejections.is_rejections(head):
        parts = [rejections.read_acknowledgment(path)]
    else:
        parts = remittance.stream_remittance(path)
    findings, files = [], empty("files")
    for number, part in enumerate(parts):
        found.append((number, len(part.claims), book.write_claims(file_id, number, part)))
        findings.append(part.findings)
        files = part.files if len(part.files) else files
    told = pd.concat(findings, ignore_index=True) if findings else empty("findings")
    names = ["row", "column", "code", "says"]
    plain = told[names].astype(object).where(told[names].notna(), None)
    notes = list(plain.itertuples(index=False, name=None))
    return [found, notes, files.astype(object).where(files.notna(), None).to_dict("records")]


def _remittance_file(unit: _Unit, answers: list) -> File:
    [[found, notes, files]] = answers
    about = files[0]
    return File(
        name=unit.path.name, sha256=unit.key,
        source=about["source"], number=unit.number, layout=about["layout"] or "",
        pieces=tuple(Piece(number=at, rows=rows, hashes=hashes) for at, rows, hashes in found),
        notes=notes,
        rows_read=about["rows_read"] or 0, transactions=about["transactions"],
    )  # fmt: skip

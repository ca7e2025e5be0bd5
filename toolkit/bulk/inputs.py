"""From the words of a command to a run: which book, and how progress is shown."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from toolkit.bulk.book import Book
from toolkit.bulk.gathering import Gathered, gather
from toolkit.bulk.kernel import Also
from toolkit.bulk.run import Run, triage_book
from toolkit.bulk.sizes import is_a_book
from toolkit.cases import RecordedCase
from toolkit.claims.tables import Claims
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital


@contextmanager
def gathered(
    exports: Sequence[Path],
    *,
    book: Path | None,
    layout: str | None = None,
    engine: str = "duckdb",
    progress: bool = False,
) -> Iterator[tuple[Book, Gathered]]:
    """Give the book that the files stand in, and what came of bringing them there.

    Without `book`, and where none of the exports is one, the book is a private folder that is
    removed at the end. A book as an export stands for all its files; `book` adds the exports to
    those that it has.
    """
    _hold_little()
    books = [path for path in exports if is_a_book(path)]
    if len(books) + (book is not None) > 1 or (books and len(exports) > 1):
        raise UsageError("name either one book, or files and the --book to add them to")
    with ExitStack() as stack:
        if books:
            here = Book.at(books[0])
            yield here, _all_of(here, Gathered())
            return
        if book is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="denial-book-")))
            here = Book.at(folder / "book", kept=False)
        else:
            here = Book.at(book)
        with _bar(progress) as on_progress:
            found = gather(exports, here, layout=layout, engine=engine, on_progress=on_progress)
        yield here, found if book is None else _all_of(here, found)


def _hold_little() -> None:
    """Let Arrow use the allocator that gives most memory back, where this build of it has that one."""
    import pyarrow as pa

    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())


def _all_of(book: Book, found: Gathered) -> Gathered:
    files = book.files()
    if not files:
        raise InputError(f"{book.folder.name}: the book holds no file yet; gather some")
    return Gathered(files, found.findings, found.read)


@contextmanager
def run_on(
    exports: Sequence[Path],
    *,
    as_of: date,
    hospital: Hospital,
    recorded: Sequence[RecordedCase] = (),
    notices: Sequence[Claims] = (),
    book: Path | None = None,
    layout: str | None = None,
    engine: str = "duckdb",
    also: Also | None = None,
    progress: bool = False,
) -> Iterator[Run]:
    """Give the worklist of files, folders, patterns or a book, in parts: see `triage_book`."""
    with gathered(exports, book=book, layout=layout, engine=engine, progress=progress) as (
        here,
        found,
    ):
        with _bar(progress) as on_progress:
            run = triage_book(
                here, found.files, as_of=as_of, hospital=hospital, recorded=recorded,
                notices=notices, engine=engine, also=also, findings=found.findings, on_progress=on_progress,
            )  # fmt: skip
        with run:
            yield run


@contextmanager
def _bar(progress: bool) -> Iterator[Any]:
    """Give an `on_progress` that draws a bar on standard error."""
    from tqdm import tqdm

    bar = tqdm(
        disable=not progress, file=sys.stderr, leave=False, desc="reading",
        bar_format="{percentage:3.0f}%|{bar:24}| {n_fmt}/{total_fmt}, {elapsed}  {desc}",
    )  # fmt: skip

    def on_progress(stage: str, done: int, total: int) -> None:
        bar.total = total
        bar.set_description_str(stage)
        bar.update(done - bar.n)

    with bar:
        yield on_progress

"""What the toolkit keeps on this machine: where, by which command, until when; and how it is removed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from toolkit.errors import UsageError

Find = Callable[["Asked"], list[Path]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where to look; `before` is the day before which a set of reports or letters is old."""

    reports: Path
    local: Path
    store: Path
    book: Path | None = None
    before: date | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One kind of thing that is kept: its word, what it is, where, by whom, until when."""

    word: str
    what: str
    where: str
    by: str
    until: str
    find: Find


def _leftovers(asked: Asked) -> list[Path]:
    import tempfile

    from toolkit.outputs.leftovers import BESIDE, RUN, leftovers

    here = {asked.reports, *_folders_in(asked.reports), asked.local, Path.cwd()}
    beside = [path for folder in sorted(here) for path in leftovers(folder, BESIDE)]
    return [*leftovers(Path(tempfile.gettempdir()), RUN), *beside]


def _reports(asked: Asked) -> list[Path]:
    """Return the files that manifests list, and the manifests; what else is in a folder is not ours."""
    return [path for folder in _dated(asked.reports, asked) for path in _listed(folder)]


def _letters(asked: Asked) -> list[Path]:
    folders = _dated(asked.reports / "letters", asked)
    return [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]


def _documents(asked: Asked) -> list[Path]:
    folder = asked.local / "documents"
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _cases(asked: Asked) -> list[Path]:
    # SQLite keeps its journal beside it.
    names = [asked.store.name + end for end in ("", "-wal", "-shm", "-journal")]
    beside = [asked.store.with_name(name) for name in names]
    return [path for path in beside if path.is_file()]


def _book(asked: Asked) -> list[Path]:
    from toolkit.bulk.sizes import is_book

    if asked.book is None:
        return []
    if not asked.book.is_dir() or not is_book(asked.book):
        raise UsageError(f"{asked.book.name}: not a book that toolkit gather made")
    return [asked.book]


KEPT = (
    Kept(
        word="leftovers",
        what="what a run that was killed put aside: rows of claims, unfinished outputs",
        where="denial-run-* in the temporary folder, .denial-* beside outputs",
        by="any command that reads claims, when it is killed",
        until="the next command of the same kind",
        find=_leftovers,
    ),
    Kept(
        word="reports",
        what="HTML, PDF and notebooks without patient data, workbooks with account numbers, the manifest",
        where="reports/DATE, or --out",
        by="report",
        until="you remove them",
        find=_reports,
    ),
    Kept(
        word="letters",
        what="letters with their records: name, member number, diagnosis, account",
        where="reports/letters/DATE from the desk; else where --out says",
        by="desk, draft",
        until="you remove them",
        find=_letters,
    ),
    Kept(
        word="documents",
        what="attached notices, records and other documents",
        where="local/documents, named by their hash",
        by="desk, record",
        until="you remove them",
        find=_documents,
    ),
    Kept(
        word="cases",
        what="what people entered on cases: facts, events, who and when; names of documents",
        where="local/cases.sqlite, or --store",
        by="desk, record",
        until="you remove them; nothing is taken out of it one by one",
        find=_cases,
    ),
    Kept(
        word="book",
        what="every row of the files gathered, with patients and accounts",
        where="--book",
        by="gather, worklist, report",
        until="you remove it",
        find=_book,
    ),
)  # fmt: skip


def remove(path: Path) -> None:
    """Remove a file or a folder, and a folder of reports or letters that is empty then."""
    import shutil

    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if _day_of(path.parent) and not any(path.parent.iterdir()):
        path.parent.rmdir()


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return sum(one.stat().st_size for one in files)


def _listed(folder: Path) -> list[Path]:
    import json

    manifest = folder / "manifest.json"
    try:
        entries = json.loads(manifest.read_text(encoding="utf-8"))["reports"]
        names = {name for one in entries for name in one["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return []
    files = [folder / name for name in sorted(names) if Path(name).name == name]
    return [*(path for path in files if path.is_file()), manifest]


def _dated(folder: Path, asked: Asked) -> list[Path]:
    """Return the folders named by a day, those before the day asked for where one is."""
    days = [(path, _day_of(path)) for path in _folders_in(folder)]
    return [path for path, day in days if day and (asked.before is None or day < asked.before)]


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _day_of(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return None

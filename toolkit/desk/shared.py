"""Caseloads that the pages of one server share: read and triaged once, mapped read-only by each page.

`toolkit desk` makes a folder for them, which only its owner can look into, names it in the
environment, and removes it when the server ends. Without it nothing is shared. What people enter is
not in there: each page adds it from the case store. What was opened last is, for the app's next page.
"""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from toolkit.claims import files_of
from toolkit.desk.compact import CompactTable
from toolkit.desk.environment import IS_APP, SHARED_IN
from toolkit.errors import InputError, UsageError
from toolkit.outputs import whole

KEPT = 4  # caseloads; each other day, file or payer table makes another
_WAIT = 600  # seconds for the page that is reading the same
_TOOLKIT = Path(__file__).parents[1]
_SAID_BY = (".csv", ".yaml", ".yml")  # files in which a hospital says what it knows

Tables = dict[str, CompactTable]


def fingerprint(paths: Iterable[Path], folders: Iterable[Path] | None, *, as_of: date) -> str:
    """Return all that a caseload depends on as one hash: files, what the folders say, day, toolkit.

    Returns '' where that is not known: folders are None, or a file cannot be read.
    """
    if folders is None:
        return ""
    found = hashlib.sha256(as_of.isoformat().encode())
    try:
        said = (one for folder in folders for one in folder.rglob("*") if one.suffix in _SAID_BY)
        given = (one for path in paths for one in files_of(path))
        for path in (*given, *sorted(said)):
            found.update(f"\0{path}\0".encode())
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        for path in sorted(_TOOLKIT.rglob("*")):  # a toolkit that was renewed meanwhile
            if path.suffix in (".py", *_SAID_BY):
                found.update(f"{path.name}{path.stat().st_mtime_ns}".encode())
    except (OSError, InputError):
        return ""  # whoever reads it says what is wrong with it
    return found.hexdigest()


def shared(key: Callable[[], str], make: Callable[[], Tables]) -> Tables:
    """Return the tables of this key, made by `make` where no page has made them yet.

    A page that cannot share, because the disk is full for one, has its own.
    """
    place = os.environ.get(SHARED_IN)
    name = key() if place else ""
    if not place or not name:
        return make()
    folder = Path(place) / name
    made: Tables | None = None
    try:
        with _alone(folder.with_suffix(".lock")):
            if not folder.exists():
                made = make()
                _put(made, folder)
                _forget(folder.parent)
        found = {path.stem: CompactTable.mapped(path) for path in folder.iterdir()}
    except (OSError, sqlite3.Error):
        return make() if made is None else made
    return found


@contextlib.contextmanager
def _alone(path: Path):
    """Let one process in at a time; a process that dies lets go."""
    with contextlib.closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _put(tables: Tables, folder: Path) -> None:
    """Write the tables as one folder, whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as place:
        made = Path(place) / folder.name
        made.mkdir()
        for name, table in tables.items():
            table.write(made / f"{name}.arrow")
        made.rename(folder)


def _forget(folder: Path) -> None:
    """Remove all but the newest; a page that has one open keeps what it has mapped."""
    found = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
    for path in sorted(found, key=lambda one: one.stat().st_mtime_ns)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a frame that a notebook gave: what an export would hold, headings and cells."""

    table: pa.Table

    @classmethod
    def of(cls, frame: Any) -> "Rows":
        """Return the rows of a pandas, polars or Arrow frame. Raises UsageError naming its column."""
        if not isinstance(frame, pd.DataFrame):
            return cls(pa.table(frame))
        try:
            return cls(pa.Table.from_pandas(frame, preserve_index=False))
        except (pa.ArrowException, TypeError):  # its text may hold a claim's value
            raise UsageError(
                f"{_mixed(frame)}: holds values of several kinds; make them text"
            ) from None


def _mixed(frame: pd.DataFrame) -> str:
    """Return the name of the first column that Arrow does not take as one kind of value."""
    for at, name in enumerate(frame.columns):
        try:
            pa.array(frame.iloc[:, at], from_pandas=True)
        except (pa.ArrowException, TypeError):
            return str(name)
    return "a column"


@dataclass(frozen=True)
class Choice:
    """What was opened: "sample", files or rows, as of which day (None: today), with which store."""

    chosen: str | Path | tuple[Path, ...] | Rows
    as_of: date | str | None
    store: Path | str


def remember(choice: Choice) -> None:
    """Keep what was opened for the next page of the app, or for this one when it is loaded again."""
    if (place := _last()) is None or isinstance(choice.chosen, Rows):
        return
    one = {name: _plain(getattr(choice, name)) for name in ("chosen", "as_of", "store")}
    # 0600; a store's URL may hold a password. Where it cannot be written, the next page knows nothing.
    with contextlib.suppress(OSError), whole(place) as temporary:
        temporary.write_text(json.dumps(one), encoding="utf-8")


def remembered() -> Choice | None:
    """Return what was opened last in this app, None in a notebook and at the first page."""
    place = _last()
    if place is None or not place.exists():
        return None
    one = json.loads(place.read_text(encoding="utf-8"))
    as_of = date.fromisoformat(one["as_of"]) if one["as_of"] else None
    return Choice(_back(one["chosen"]), as_of, _back(one["store"]))


def _last() -> Path | None:
    place = os.environ.get(SHARED_IN)
    return Path(place) / "last.json" if place and os.environ.get(IS_APP) else None


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def _back(value: Any) -> Any:
    if isinstance(value, dict):
        return Path(value["path"])
    return tuple(_back(one) for one in value) if isinstance(value, list) else value

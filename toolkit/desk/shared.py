"""Caseloads that the pages of one server share: read and triaged once, mapped read-only by each page.

`toolkit desk` makes a folder for them, which only its owner can look into, names it in the
environment, and removes it when the server ends. Without it nothing is shared. What people enter is
not in there: each page adds it from the case store.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa

from toolkit.claims import Claims, files_of
from toolkit.errors import InputError

SHARED_IN = "TOOLKIT_DESK_SHARED"
_KEPT = 4  # caseloads; each other day, file or payer table makes another
_WAIT = 600  # seconds for the page that is reading the same
_TOOLKIT = Path(__file__).parents[1]
_SAID_BY = (".csv", ".yaml", ".yml")  # files in which a hospital says what it knows

Frames = dict[str, pd.DataFrame]


def fingerprint(paths: Iterable[Path], folders: Iterable[Path] | None, *, as_of: date) -> str:
    """Return all that a caseload depends on as one hash: files, what the folders say, day, toolkit.

    Returns '' where that is not known: folders are None, or a file cannot be read.
    """
    if folders is None:
        return ""
    found = hashlib.sha256(as_of.isoformat().encode())
    try:
        said = (one for folder in folders for one in folder.rglob("*") if one.suffix in _SAID_BY)
        for path in (*(one for path in paths for one in files_of(path)), *sorted(said)):
            found.update(f"\0{path}\0".encode())
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        for path in sorted(_TOOLKIT.rglob("*")):  # a toolkit that was renewed meanwhile
            if path.suffix in (".py", *_SAID_BY):
                found.update(f"{path.name}{path.stat().st_mtime_ns}".encode())
    except (OSError, InputError):
        return ""  # whoever reads it says what is wrong with it
    return found.hexdigest()


def shared(key: Callable[[], str], make: Callable[[], Frames]) -> Frames:
    """Return the frames of this key, made by `make` where no page has made them yet."""
    place = os.environ.get(SHARED_IN)
    name = key() if place else ""
    if not place or not name:
        return make()
    folder = Path(place) / name
    with _alone(folder.with_suffix(".lock")):
        if not folder.exists():
            _put(make(), folder)
            _forget(folder.parent)
    return {path.stem: _mapped(path) for path in folder.iterdir()}


def frames_of(claims: Claims) -> Frames:
    """Return the tables of claims by name."""
    return {one.name: getattr(claims, one.name) for one in fields(Claims)}


def claims_of(frames: Frames) -> Claims:
    """Return claims from such tables."""
    return Claims(**{one.name: frames[one.name] for one in fields(Claims)})


@contextlib.contextmanager
def _alone(path: Path):
    """Let one process in at a time; a process that dies lets go."""
    with contextlib.closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield


def _put(frames: Frames, folder: Path) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent, prefix="."))
    for name, frame in frames.items():
        table = pa.Table.from_pandas(frame)
        with pa.OSFile(str(made / f"{name}.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as out:
            out.write_table(table)
    made.rename(folder)


def _mapped(path: Path) -> pd.DataFrame:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all().to_pandas()


def _forget(folder: Path) -> None:
    """Remove all but the newest; a page that has one open keeps what it has mapped."""
    found = [path for path in folder.iterdir() if path.is_dir()]
    for path in sorted(found, key=lambda one: one.stat().st_mtime_ns)[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)

"""Temporary files are in one private folder per run; what a run that was killed left is swept.

A run holds a lock on what it puts aside, which the system lets go of when the process ends, however it
ends. Whatever bears the toolkit's mark and is not locked is a leftover, and the next run that comes by
removes it.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows: what is a day old is taken for left over
    fcntl = None

RUN = "denial-run-"  # folders, in the temporary folder
BESIDE = ".denial-"  # files and folders, beside what they will become
_LOCK = ".lock"
_OLD_SECONDS = 24 * 3600
_YOUNG_SECONDS = 1  # between making a file and locking it
_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_SIGNALS = ("SIGTERM", "SIGHUP")
_ended = 0


@contextmanager
def run_folder() -> Iterator[Path]:
    """Give the run's temporary folder, which all it starts uses too; it goes with the run.

    Also where SIGTERM or a closed terminal ends the run: then with the exit code that a shell gives.
    """
    import tempfile

    before = tempfile.tempdir, {name: os.environ.get(name) for name in _VARIABLES}
    own = Path(tempfile.mkdtemp(prefix=RUN))  # mode 0700
    lock = _locked(own / _LOCK)
    sweep(own.parent, RUN)
    handlers = _end_well_by_signal()
    os.environ |= dict.fromkeys(_VARIABLES, str(own))
    tempfile.tempdir = str(own)
    try:
        yield own
    finally:
        for name, handler in handlers.items():
            signal.signal(name, handler)
        tempfile.tempdir = before[0]
        for name, value in before[1].items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        os.close(lock)
        _remove(own)
        if _ended:  # whatever a library has made of it
            sys.exit(128 + _ended)


def ended() -> bool:
    """Say whether a signal has ended this run: DuckDB, for one, raises an error of its own then."""
    return _ended > 0


@contextmanager
def held(path: Path) -> Iterator[Path]:
    """Hold the lock on a file or folder of this run while it is written; nobody sweeps it meanwhile."""
    lock = _locked(path if path.is_file() else path / _LOCK)
    try:
        yield path
    finally:
        os.close(lock)
        with suppress(OSError):
            (path / _LOCK).unlink()


def sweep(folder: Path, mark: str = BESIDE) -> list[Path]:
    """Remove what runs that were killed left in a folder, and return what was removed."""
    found = leftovers(folder, mark)
    for path in found:
        _remove(path)
    return found


def leftovers(folder: Path, mark: str = BESIDE) -> list[Path]:
    """Return what bears the toolkit's mark in a folder and that no run holds."""
    with suppress(OSError), os.scandir(folder) as entries:
        marked = [Path(entry.path) for entry in entries if entry.name.startswith(mark)]
        return sorted(path for path in marked if not path.is_symlink() and _is_free(path))
    return []


def _locked(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks: as on Windows
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _is_free(path: Path) -> bool:
    """Say whether nobody holds it; another user's, whose lock cannot be asked, is not ours to remove."""
    lock = path / _LOCK if path.is_dir() else path
    try:
        age = time.time() - path.stat().st_mtime
        if fcntl is None or not lock.exists():
            return age > _OLD_SECONDS
        if age < _YOUNG_SECONDS:
            return False
        handle = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _remove(path: Path) -> None:
    for _ in range(3):  # a process that is ending may still write
        with suppress(FileNotFoundError):
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
        if not path.exists():
            return
        time.sleep(0.1)


def _end_well_by_signal() -> dict[signal.Signals, object]:
    """Let signals that end a process raise SystemExit; return the handlers that were there before."""

    def end(number: int, _: object) -> None:
        global _ended
        _ended = number
        sys.exit(128 + number)

    handlers = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            with suppress(ValueError):  # not the main thread
                handlers[number] = signal.signal(number, end)
    return handlers

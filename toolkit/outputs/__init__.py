"""Outputs are written whole or not at all, and are readable by their owner only."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.outputs.leftovers import BESIDE, held, sweep


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a private temporary path beside `path`; put it in place when the block ends well.

    A block that raises leaves neither the temporary file nor a changed `path`.
    """
    with _beside(path) as temporary:
        yield temporary
        temporary.chmod(0o600)
        temporary.replace(path)


def write_new(path: Path, write: Callable[[Path], Any]) -> Path:
    """Let `write` write a new file, whole or not at all, and return where it is.

    That is `path`, or the same name with a number where there is such a file: none is written over.
    """
    with _beside(path) as temporary:
        write(temporary)
        temporary.chmod(0o600)
        free, number = path, 1
        while True:
            try:
                put_new(temporary, free)
                return free
            except FileExistsError:
                number += 1
                free = path.with_name(f"{path.stem}-{number}{path.suffix}")


def put_new(made: Path, path: Path) -> None:
    """Move a finished file to where no file is; raise FileExistsError where there is one."""
    path.touch(mode=0o600, exist_ok=False)  # it is ours from here on
    try:
        made.replace(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    handle, name = tempfile.mkstemp(prefix=BESIDE, suffix=path.suffix, dir=path.parent)  # mode 0600
    os.close(handle)
    temporary = Path(name)
    try:
        with held(temporary):
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, as hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(path: Path) -> Path:
    """Make the folder, if it is not there, so that only its owner can look into it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path

"""Which file this is: the SHA-256 of its bytes. Our keys begin with the first digits of it.

The whole hash decides whether two files are the same. The short id is for keys that people read; two
files that share it and are not the same are refused, never mixed.
"""

import hashlib
from pathlib import Path

from toolkit.errors import InputError, not_opened

_DIGITS = 16


def hash_of(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, as hex digits."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None


def id_of(sha256: str) -> str:
    """Return the short id of a file: the first sixteen hex digits of its hash."""
    return sha256[:_DIGITS]


def part_hash(sha256: str, part: int) -> str:
    """Return the hash of a further table of a file, as if it were a file of its own."""
    return hashlib.sha256(f"{sha256}/{part}".encode()).hexdigest()

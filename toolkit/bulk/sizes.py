"""Whether files are read at once or in parts, by their size.

A small file is read at once: this module imports nothing of what parts need.
"""

from collections.abc import Sequence
from pathlib import Path

from toolkit.claims.reading import files_of
from toolkit.claims.tables import TABLES

# Up to here a file is read at once: quicker than bringing it into a book, and some 0.6 GB at most.
_AT_ONCE = {".parquet": 12 << 20, ".xlsx": 40 << 20}
_AT_ONCE_TEXT = 64 << 20
_AT_ONCE_ROWS = 400_000  # of Parquet, whose bytes say little of its rows


def engine_for(engine: str, exports: Sequence[Path], book: Path | None) -> str:
    """Return the engine for these files: as asked, or with `auto` by their size.

    `local` is all cores of this machine.
    """
    if engine != "auto":
        return "duckdb" if engine == "local" else engine
    if book is not None or any(is_a_book(path) for path in exports):
        return "duckdb"
    share = sum(_share(one) for path in exports for one in files_of(path) if one.is_file())
    return "pandas" if share <= 1 else "duckdb"


def _share(path: Path) -> float:
    """Return which part of what is read at once a file is."""
    share = path.stat().st_size / _AT_ONCE.get(path.suffix.lower(), _AT_ONCE_TEXT)
    if path.suffix.lower() != ".parquet":
        return share
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return max(share, pq.read_metadata(path).num_rows / _AT_ONCE_ROWS)
    except (pa.ArrowException, OSError):
        return share  # its reader has the words for it


def is_a_book(path: Path) -> bool:
    """Return whether the path is a folder that `gather` made."""
    return path.is_dir() and is_book(path)


def in_parts(engine: str, exports: Sequence[Path], book: Path | None) -> bool:
    """Return whether the files are to be done in parts, and not read at once."""
    return engine != "pandas" or book is not None or any(is_a_book(path) for path in exports)


def is_book(folder: Path) -> bool:
    """Return whether the folder is a book."""
    return (folder / "files").is_dir() and all(
        one.name in {"files", "rows", "accounts", "findings", *TABLES} for one in folder.iterdir()
    )

"""A DuckDB database for one run: in memory up to a limit, beyond it in the run's private folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    import duckdb

MEMORY = "300MB"


@contextmanager
def database(work: Path, *, memory: str = MEMORY) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Give a connection that spills to `work/spill` and loads nothing from anywhere.

    Raises ToolkitError if neither memory nor disk is enough.
    """
    import duckdb

    settings = {
        "memory_limit": memory,
        "temp_directory": str(work / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as connection:
            yield connection
    except duckdb.OutOfMemoryException:
        raise ToolkitError(
            f"what must be sorted or compared takes more than {memory}, even with the disk's help; "
            "nothing was written: do fewer files at once, or make room on the disk of the temporary "
            "folder"
        ) from None

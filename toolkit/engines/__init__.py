"""One triage of denial rows on any engine: pandas, DuckDB, Spark, polars, Arrow.

The rules are asked in plain Python, once per distinct key, whatever holds the rows. An engine is
imported when rows of it are given.
"""

from toolkit import lazy

_WHERE = {
    "triage_rows": "frames",
    "ANSWERS": "rows",
    "FACTS": "facts",
    "triage_files": "files",
    "totals": "files",
    "Written": "files",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

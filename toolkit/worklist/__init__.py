"""The worklist: one row per denial that stands, with its answers; from tables, frames, files or engines.

What the law, the codes and the payers say is asked in plain Python, once per distinct key, whatever
holds the rows. An engine is imported when rows of it are given.
"""

from toolkit import lazy

_WHERE = {
    "ANSWERS": "answers",
    "DUE": "table",
    "FACTS": "facts",
    "WORKLIST": "table",
    "Tally": "tallies",
    "Written": "row_files",
    "add_up": "tallies",
    "answers_of": "table",
    "arrow_of": "files",
    "arrow_schema": "files",
    "classify_frame": "accessor",
    "dollars": "tallies",
    "find_denial": "tallies",
    "summary": "tallies",
    "tally": "tallies",
    "totals": "row_totals",
    "triage_files": "row_files",
    "triage_rows": "frames",
    "write_tables": "files",
    "write_worklist": "files",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

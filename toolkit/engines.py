"""The triage of rows under its name of before: `toolkit.worklist` has it now."""

from toolkit import lazy

_WHERE = {
    "ANSWERS": "answers",
    "FACTS": "facts",
    "Written": "row_files",
    "totals": "row_totals",
    "triage_files": "row_files",
    "triage_rows": "frames",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names("toolkit.worklist", _WHERE)

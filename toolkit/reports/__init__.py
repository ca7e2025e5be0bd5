"""Batch reports: papermill runs, charts, workbooks and the manifest.

A kind of report is one notebook in `notebooks/reports`; its metadata names its file, its title and
the metrics and sheets of its workbook. The folder is the registry. The names below are imported when they are
first used: papermill and matplotlib are heavy.
"""

from toolkit import lazy

_WHERE = {
    "Part": "source",
    "Source": "source",
    "part_of": "source",
    "part_of_run": "source",
    "long_part_of_run": "source",
    "run_reports": "run",
    "ReadBack": "worked_back",
    "read_back": "worked_back",
    "worked_rows": "worked_back",
    "outcomes_by_clause": "learned",
    "records_in": "learned",
    "open_page": "page",
    "timeline_html": "timeline",
    "defined": None,
    "front": None,
    "monthly": None,
    "prevention": None,
    "scorecard": None,
    "weekly": None,
    "overdue": None,
    "outcomes": None,
    "explore": None,
    "open_exploration": "explore",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

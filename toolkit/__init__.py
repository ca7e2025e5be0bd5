"""Denial appeals for US hospitals: categories, pathways, deadlines, letters and reports.

The public names below are imported when they are first used, so that a light command does not
import pandas.
"""

from toolkit import lazy

__version__ = "0.1.0"

_WHERE = {
    "Claims": "claims",
    "read": "claims",
    "write_sample": "sample",
    "classify": "denials",
    "classify_frame": "worklist",
    "filing_deadline": "law",
    "decision_due": "law",
    "ladder": "law",
    "programs": "law",
    "read_contracts": "law",
    "triage": "worklist.triage",
    "triage_rows": "worklist",
    "Hospital": "hospital",
    "read_hospital": "hospital",
    "read_payers": "hospital",
    "Case": "cases",
    "CaseStore": "cases",
    "draft": "letters",
    "run_reports": "reports",
    "open_desk": "desk",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

"""Denial appeals for US hospitals: categories, pathways, deadlines, letters and reports.

The public names below are imported when they are first used, so that a light command never pays
for pandas.
"""

from importlib import import_module

_WHERE = {
    "Claims": "toolkit.claims",
    "read": "toolkit.claims",
    "write_sample": "toolkit.claims",
    "classify": "toolkit.denials",
    "filing_deadline": "toolkit.law",
    "decision_due": "toolkit.law",
    "ladder": "toolkit.law",
    "programs": "toolkit.law",
    "read_contracts": "toolkit.law",
    "triage": "toolkit.triage",
    "read_payers": "toolkit.claims",
    "Case": "toolkit.cases",
    "CaseStore": "toolkit.cases",
    "draft": "toolkit.letters",
    "run_reports": "toolkit.reports",
    "open_desk": "toolkit.desk",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'toolkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__

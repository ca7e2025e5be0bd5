"""Batch reports: papermill runs, charts, workbooks and the manifest.

A kind of report is one notebook in `notebooks/reports`; its metadata names its file, its title and
the sheets of its workbook. The folder is the registry. The names below are imported when they are
first used: papermill and matplotlib are heavy.
"""

from importlib import import_module

_WHERE = {
    "Source": "run",
    "run_reports": "run",
    "open_page": "page",
    "overdue": None,
    "outcomes": None,
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_WHERE[name] or name}")
    return getattr(module, name) if _WHERE[name] else module


def __dir__() -> list[str]:
    return __all__

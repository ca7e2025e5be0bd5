"""Exports (CSV, XLSX, Parquet) and 835 remittances become the same canonical tables, with findings."""

from importlib import import_module

_WHERE = {
    "Claims": "tables",
    "Payer": "payers",
    "concat": "tables",
    "conform": "tables",
    "read": "reading",
    "read_payers": "payers",
    "totals": "reading",
    "write_sample": "sample",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"toolkit.claims.{_WHERE[name]}"), name)
    raise AttributeError(f"module 'toolkit.claims' has no attribute {name!r}")

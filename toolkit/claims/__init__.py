"""Exports (CSV, XLSX, Parquet) and 835 remittances become the same canonical tables, with findings."""

from toolkit import late

_WHERE = {
    "Claims": "tables",
    "Payer": "payers",
    "concat": "tables",
    "conform": "tables",
    "files_of": "reading",
    "foreign_claims": "providers",
    "own_claims": "providers",
    "read": "reading",
    "read_payers": "payers",
    "read_providers": "providers",
    "sources": "reading",
    "totals": "reading",
    "write_sample": "sample",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = late.names(__name__, _WHERE)

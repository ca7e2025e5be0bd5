"""Exports (CSV, XLSX, Parquet) and 835 remittances become the same canonical tables, with findings."""

from typing import Any

from toolkit import late

_WHERE = {
    "Claims": "tables",
    "concat": "tables",
    "conform": "tables",
    "files_of": "reading",
    "foreign_claims": "providers",
    "own_claims": "providers",
    "read": "reading",
    "sources": "reading",
    "totals": "reading",
    "write_sample": "sample",
}

_OF_HOSPITAL = {"Payer": "payers", "read_payers": "payers", "read_providers": "providers"}

__all__ = sorted(_WHERE | _OF_HOSPITAL)
_own, _ = late.names(__name__, _WHERE)
_of_hospital, _ = late.names("toolkit.hospital", _OF_HOSPITAL)


def __getattr__(name: str) -> Any:
    return _of_hospital(name) if name in _OF_HOSPITAL else _own(name)


def __dir__() -> list[str]:
    return __all__

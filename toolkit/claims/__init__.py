"""Read exports and remittances into the same canonical tables, with findings."""

from typing import Any

from toolkit import lazy

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
}

_OF_SAMPLE = {"write_sample": "exports"}
_OF_HOSPITAL = {"Payer": "payers", "read_payers": "payers", "read_providers": "providers"}

__all__ = sorted(_WHERE | _OF_HOSPITAL | _OF_SAMPLE)
_own, _ = lazy.names(__name__, _WHERE)
_of_hospital, _ = lazy.names("toolkit.hospital", _OF_HOSPITAL)
_of_sample, _ = lazy.names("toolkit.sample", _OF_SAMPLE)


def __getattr__(name: str) -> Any:
    if name in _OF_SAMPLE:
        return _of_sample(name)
    return _of_hospital(name) if name in _OF_HOSPITAL else _own(name)


def __dir__() -> list[str]:
    return __all__

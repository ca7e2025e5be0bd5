"""Synthetic denial exports and remittances, with invented payers and patients: for demonstrations, tests and benchmarks."""

from toolkit import lazy

_WHERE = {"write_sample": "exports", "write_remittances": "remittances"}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

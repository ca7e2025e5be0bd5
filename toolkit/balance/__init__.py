"""The balance of a month: every billed claim in one bucket, its charge split to the cent."""

from toolkit import lazy

_WHERE = {"Balance": "month", "balance": "month"}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

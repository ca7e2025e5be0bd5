"""Denial metrics and outcome statistics, each with its numerator, denominator and source.

A metric is one function with one `@metric(...)` above it and one worked example in its docstring;
`definitions()` builds the table of metrics from the modules, so there is no list to keep.
The names are imported when they are first used, so that importing the package stays light.
"""

from toolkit import lazy

_WHERE = {
    "Definition": "metric",
    "Metric": "metric",
    "SMALL_N": "metric",
    "definitions": "metric",
    "measures": "metric",
    "wilson": "metric",
    "Ledger": "ledger",
    "add_up": "ledger",
    "appeals": "disputes",
    "ledger_of": "ledger",
    "open_ledger": "ledger",
    "Check": "reconciliation",
    "reconcile": "reconciliation",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

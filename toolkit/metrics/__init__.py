"""Denial metrics and outcome statistics, each with its numerator, denominator and source.

A metric is one row of `toolkit/rules/metrics.yaml`, with its worked example; it is a sum over the facts of
a source (`toolkit.metrics.facts`), added up by DuckDB. The names are imported when they are first used,
so that importing the package stays light.
"""

from toolkit import lazy

_WHERE = {
    "Definition": "metric",
    "Measure": "metric",
    "Metric": "metric",
    "SMALL_N": "metric",
    "definitions": "metric",
    "measures": "metric",
    "named": "metric",
    "outcomes": "metric",
    "rates": "metric",
    "work": "metric",
    "Effort": "effort",
    "assumed": "effort",
    "effort_in": "effort",
    "wilson": "statistics",
    "FactTables": "facts",
    "facts_of": "facts",
    "Facts": "parcel",
    "open_facts": "parcel",
    "Check": "reconciliation",
    "Outside": "reconciliation",
    "outside": "reconciliation",
    "reconcile": "reconciliation",
    "tables": None,
    "reviews": None,
    # Earlier names.
    "Ledger": "parcel",
    "add_up": "parcel",
    "open_ledger": "parcel",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

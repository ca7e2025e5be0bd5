"""The history of a claim, from all files and people, and its current state."""

from collections.abc import Mapping

from toolkit.claims.tables import Claims
from toolkit.history.appeals import rekeyed
from toolkit.history.joined import joined
from toolkit.history.known import seen_on
from toolkit.history.table import Histories, histories, noted, taken_back_by


def settled(claims: Claims, taken_back: Mapping[str, int] | None = None) -> Claims:
    """Return the tables with each decision once, and the findings from the claims' histories.

    Call it with all rows of the claims' account numbers, before triage. `taken_back` is what
    `taken_back_by` returns for all files, if the tables are only a part of them.
    """
    return settled_with_histories(claims, taken_back)[0]


def settled_with_histories(
    claims: Claims, taken_back: Mapping[str, int] | None = None
) -> tuple[Claims, Histories]:
    """Return what `settled` returns, and the histories, which triage accepts."""
    claims = rekeyed(joined(claims))
    known = histories(claims, taken_back)
    return noted(claims, known), known


__all__ = ["Histories", "seen_on", "settled", "settled_with_histories", "taken_back_by"]

"""What happened to a claim, whichever file or person said so, and what stands now."""

from toolkit.claims.tables import Claims
from toolkit.history.joined import joined
from toolkit.history.table import noted


def settled(claims: Claims) -> Claims:
    """Return the tables in which each decision stands once, with the findings of their histories.

    To be called on all rows of the claims' account numbers, before triage.
    """
    return noted(joined(claims))


__all__ = ["settled"]

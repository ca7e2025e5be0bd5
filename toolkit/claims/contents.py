"""What the canonical tables of one file hold in common, whatever kind of file it was."""

from typing import Any

import pandas as pd

from toolkit.claims.findings import summarized
from toolkit.claims.tables import Claims, dollars
from toolkit.denials.codes import MASKED, shown


def contents(claims: Claims) -> dict[str, Any]:
    """Return the counts and sums that `toolkit read` shows for every kind of claims file.

    Money is text in dollars and cents, and None if no row states any. `by_group_code` sums the
    adjustments by group code and CARC (`CO-45`), `remark_codes` counts each RARC. A code that is
    missing or not in a code's form is `?`: a cell may hold any text, and a text may name a patient.
    """
    adjustments = claims.adjustments
    pairs = _shown(adjustments["group_code"], "group_code") + "-"
    pairs += _shown(adjustments["carc"], "carc")
    by_code = adjustments["amount_cents"].groupby(pairs).sum(min_count=1)
    rarcs = _shown(claims.remark_codes["rarc"], "rarc").value_counts().sort_index()
    return {
        "claims": len(claims.claims),
        "service_lines": len(claims.claim_lines),
        "adjustments": len(adjustments),
        "billed": total(claims.claims["billed_cents"]),
        "paid": total(claims.claims["paid_cents"]),
        "adjustment_total": total(adjustments["amount_cents"]),
        "by_group_code": {pair: _text(cents) for pair, cents in by_code.items()},
        "remark_codes": {rarc: int(count) for rarc, count in rarcs.items()},
        "findings": [one.as_dict() for one in summarized(claims.findings)],
    }


def total(cents: pd.Series) -> str | None:
    """Return the sum of whole cents as dollars; None if there are rows and none states an amount."""
    return _text(cents.sum(min_count=1)) if len(cents) else dollars(0)


def _text(cents: Any) -> str | None:
    return None if pd.isna(cents) else dollars(cents)


def _shown(column: pd.Series, of: str) -> pd.Series:
    """Return the codes of a column as they may be shown."""
    words = {word: shown(of, word) for word in column.dropna().unique()}
    return column.map(words).astype("string").fillna(MASKED)

"""Numbers that must agree before a report leaves the house."""

from dataclasses import dataclass

import pandas as pd

from toolkit.metrics.ledger import DUES, OUTCOMES, Ledger, stated


@dataclass(frozen=True)
class Check:
    """Two ways to the same number; `left` and `right` are counts or whole cents."""

    name: str
    left: int
    right: int
    unit: str

    @property
    def holds(self) -> bool:
        """True where both ways give the same number."""
        return self.left == self.right


def reconcile(ledger: Ledger, *, by: str = "payer_name") -> tuple[Check, ...]:
    """Return the checks that the report prints; each must hold, or the report is not made."""
    worklist, appeals = ledger.worklist, ledger.appeals
    rows, cents = len(worklist), int(worklist["denied_cents"].sum())
    work = worklist.groupby("due")["denied_cents"].agg(["size", "sum"])
    known = work.reindex([d for d in DUES if d in work.index])
    return (
        Check("denials by due state = all denials", int(known["size"].sum()), rows, "denials"),
        Check("dollars by due state = all denied dollars", _sum(known["sum"]), cents, "cents"),
        Check(
            "dollars by category = all denied dollars",
            _by(worklist, "denial_category"),
            cents,
            "cents",
        ),
        Check("dollars by program = all denied dollars", _by(worklist, "program"), cents, "cents"),
        Check(
            f"dollars by {by.removesuffix('_name')} = all denied dollars",
            _by(worklist, by),
            cents,
            "cents",
        ),
        Check("each denial stands once", worklist["denial_key"].nunique(), rows, "denials"),
        Check(
            "appeals by outcome + appeals without one = all appeals",
            int(appeals["outcome"].isin(OUTCOMES).sum()) + int(appeals["outcome"].isna().sum()),
            len(appeals),
            "appeals",
        ),
    )


def _by(worklist: pd.DataFrame, column: str) -> int:
    return _sum(worklist["denied_cents"].groupby(stated(worklist[column])).sum())


def _sum(amounts: pd.Series) -> int:
    return int(amounts.sum()) if len(amounts) else 0

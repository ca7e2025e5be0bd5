"""Numbers that must agree before a report leaves the house."""

from dataclasses import dataclass

from toolkit.metrics.groups import OUTCOMES
from toolkit.metrics.ledger import DUES, Ledger


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
    rows, cents = ledger.count(), ledger.cents()
    appeals = ledger.appeals
    ended = appeals["outcome"].isin(OUTCOMES) | appeals["outcome"].isna()
    return (
        Check("denials by due state = all denials", ledger.count(*DUES), rows, "denials"),
        Check("dollars by due state = all denied dollars", ledger.cents(*DUES), cents, "cents"),
        Check(
            "dollars by category = all denied dollars",
            _by(ledger, "denial_category"),
            cents,
            "cents",
        ),
        Check("dollars by program = all denied dollars", _by(ledger, "program"), cents, "cents"),
        Check(
            f"dollars by {by.removesuffix('_name')} = all denied dollars",
            _by(ledger, by),
            cents,
            "cents",
        ),
        Check("each denial stands once", ledger.distinct, rows, "denials"),
        Check(
            "appeals by outcome + appeals without one = all appeals",
            int(appeals.loc[ended, "appeals"].sum()),
            ledger.filed,
            "appeals",
        ),
    )


def _by(ledger: Ledger, column: str) -> int:
    cut = ledger.tables["denials_by"]
    return int(cut.loc[cut["cut"] == column, "cents"].sum())

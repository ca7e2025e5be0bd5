"""Numbers that must agree before a report leaves the house, counted twice: in the facts, and outside."""

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import pandas as pd

from toolkit.claims.tables import Claims
from toolkit.metrics.parcel import CUTS, DUES, Facts
from toolkit.metrics.statements import NOT_READ, WON
from toolkit.worklist import from_letters


@dataclass(frozen=True)
class Check:
    """Two ways to the same number; `left` and `right` are counts, whole cents or days since 1970.

    `rule` is = where both must be the same, <= where the left one is never above the right one.
    """

    name: str
    left: int
    right: int
    unit: str
    rule: str = "="

    @property
    def holds(self) -> bool:
        """True where the numbers are as the rule says."""
        return self.left <= self.right if self.rule == "<=" else self.left == self.right


@dataclass(frozen=True)
class Outside:
    """What the worklist and the tables say without the facts; of parts it adds up.

    `from_letters` are denials that are in no file, `stated_cents` the denied dollars of the worklist, `won` the appeal rows that were won, and
    `latest` the last day of any event that counts, in days since 1970.
    """

    denials: int = 0
    from_letters: int = 0
    stated_cents: int = 0
    open_denials: int = 0
    appealed: int = 0
    won_cents: int = 0
    latest: int = 0

    def __add__(self, other: "Outside") -> "Outside":
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(Outside)}
        return Outside(**sums | {"latest": max(self.latest, other.latest)})


def outside(claims: Claims, worklist: pd.DataFrame) -> Outside:
    """Return what the worklist and the tables say, counted by pandas row by row of the frames."""
    events = claims.appeal_events
    won = events["outcome"].isin(WON)
    days = [
        events["filed_on"].max(), events["decided_on"].max(), claims.recorded_events["day"].max(),
    ]  # fmt: skip
    known = [np.datetime64(day, "D").astype(int) for day in days if not pd.isna(day)]
    marks = worklist[["last_level", "filed_on", "decided_on", "outcome"]].notna().any(axis=1)
    return Outside(
        denials=len(worklist),
        from_letters=from_letters(claims, worklist),
        stated_cents=int(worklist["denied_cents"].fillna(0).sum()),
        open_denials=int((worklist["due"] != "closed").sum()),
        appealed=int(marks.sum()),
        won_cents=int(events.loc[won, "recovered_cents"].fillna(0).clip(lower=0).sum()),
        latest=int(max(known, default=0)),
    )


def reconcile(
    facts: Facts, *, by: str = "payer_name", told: Outside | None = None
) -> tuple[Check, ...]:
    """Return the checks that the report prints; each must hold, or the report is not made.

    `told` is what the worklist and the tables say without the facts.
    """
    rows, cents = facts.count(), facts.cents()
    checks = [
        Check("denials by due state = all denials", facts.count(*DUES), rows, "denials"),
        Check("dollars by due state = all denied dollars", facts.cents(*DUES), cents, "cents"),
        *(
            Check(f"dollars by {name} = all denied dollars", _by(facts, column), cents, "cents")
            for name, column in (
                ("category", "denial_category"), ("program", "program"), ("route", "route"),
                (by.removesuffix("_name"), by),
            )
        ),
        Check("each denial stands once", facts.distinct, rows, "denials"),
        Check("appeals by outcome = all appeals", _staged(facts), facts.filed, "appeals"),
        Check("recovered dollars <= denied dollars", *_recovered(facts), "cents", "<="),
        Check("recovered dollars of denials = of appeals", *_both(facts), "cents"),
        Check("recovered dollars of appeals not won = 0", _not_won(facts), 0, "cents"),
        Check("denied = recovered + at stake", *_stake(facts), "cents"),
        Check(
            "claims awaiting a decision = those with a pending appeal",
            *_waiting(facts, "awaiting_decision", "stage = 'pending'"),
            "claims",
        ),
        Check(
            "claims with an outcome not read = those with such an appeal",
            *_waiting(facts, NOT_READ, "unread"),
            "claims",
        ),
    ]  # fmt: skip
    if told is not None:
        day = (facts.as_of - date(1970, 1, 1)).days
        checks += [
            Check("denials = rows of the worklist", rows, told.denials, "denials"),
            Check("stated dollars = the worklist's", _stated(facts), told.stated_cents, "cents"),
            Check("denied dollars <= the worklist's", cents, told.stated_cents, "cents", "<="),
            Check(
                "open denials = open rows of the worklist",
                facts.one("SELECT count(*) FROM denials WHERE due <> 'closed'"),
                told.open_denials,
                "denials",
            ),
            Check(
                "rows of the worklist with an appeal <= denials appealed",
                told.appealed,
                facts.one("SELECT count(*) FROM denials WHERE appealed"),
                "denials",
                "<=",
            ),
            Check(
                "recovered dollars <= those that the files state on appeals won",
                facts.one("SELECT coalesce(sum(counted_cents), 0) FROM submissions"),
                told.won_cents,
                "cents",
                "<=",
            ),
            Check("last day of an event <= the report's day", told.latest, day, "days", "<="),
        ]
    return tuple(checks)


def _by(facts: Facts, column: str) -> int:
    found = facts.rows(
        f"SELECT coalesce(sum(denied_cents), 0) FROM denials GROUP BY coalesce({CUTS[column]}, '')"
    )
    return sum(int(cents) for (cents,) in found)


def _staged(facts: Facts) -> int:
    return facts.one(
        "SELECT count(*) FROM submissions WHERE stage IN "
        "('decided', 'dismissed', 'withdrawn', 'pending', 'outcome_not_read')"
    )


def _recovered(facts: Facts) -> tuple[int, int]:
    [(back, denied)] = facts.rows(
        "SELECT coalesce(sum(recovered_cents), 0), coalesce(sum(denied_cents), 0) FROM denials "
        "WHERE denied_cents IS NOT NULL"
    )
    return int(back), int(denied)


def _both(facts: Facts) -> tuple[int, int]:
    return (
        int(facts.one("SELECT coalesce(sum(recovered_cents), 0) FROM denials")),
        int(facts.one("SELECT coalesce(sum(counted_cents), 0) FROM submissions")),
    )


def _not_won(facts: Facts) -> int:
    return int(
        facts.one(
            "SELECT coalesce(sum(counted_cents), 0) FROM submissions "
            f"WHERE outcome IS NULL OR outcome NOT IN {WON}"
        )
    )


def _stake(facts: Facts) -> tuple[int, int]:
    [(denied, rest)] = facts.rows(
        "SELECT coalesce(sum(denied_cents), 0), coalesce(sum(recovered_cents + stake_cents), 0) "
        "FROM denials WHERE stake_cents IS NOT NULL"
    )
    return int(denied), int(rest)


def _stated(facts: Facts) -> int:
    return int(facts.one("SELECT coalesce(sum(stated_cents), 0) FROM denials"))


def _waiting(facts: Facts, due: str, where: str) -> tuple[int, int]:
    """Return the claims in a due state by the denials, and those of them that are so by the appeals, too."""
    waits = f"SELECT DISTINCT claim_key FROM denials WHERE due = '{due}'"
    alike = f"SELECT claim_key FROM submissions WHERE {where}"
    return (
        facts.one(f"SELECT count(*) FROM ({waits})"),
        facts.one(f"SELECT count(*) FROM ({waits}) WHERE claim_key IN ({alike})"),
    )

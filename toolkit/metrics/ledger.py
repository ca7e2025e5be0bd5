"""What the metrics count on: the worklist, the appeals, and the day on which they are seen."""

from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from toolkit.claims.tables import TABLES, Claims

DUES = (
    "overdue",
    "past_safe_date",
    "due_this_week",
    "due_later",
    "no_date",
    "awaiting_decision",
    "no_appeal_right",
    "nothing_to_file",
    "closed",
)

# An appeal that ended on its merits; a dismissed or withdrawn one was never decided.
DECIDED = ("overturned", "partly_overturned", "upheld")
WON = ("overturned", "partly_overturned")
OUTCOMES = (*DECIDED, "dismissed", "withdrawn")

# Columns that may identify a patient, wherever they stand.
PERSONAL = frozenset(c.name for table in TABLES.values() for c in table if c.personal)

NOT_STATED = "(not stated)"

_OF_CLAIM = ["payer_name", "facility", "program"]


@dataclass(frozen=True)
class Ledger:
    """One source's denials (one row per denial) and appeals (one row per appeal), as of a day.

    Neither frame holds a column that may identify a patient.
    """

    worklist: pd.DataFrame
    appeals: pd.DataFrame
    as_of: date

    def where(self, column: str, value: str) -> "Ledger":
        """Return the part of the ledger whose `column` is `value`, in both tables."""
        return replace(
            self,
            worklist=self.worklist[stated(self.worklist[column]) == value],
            appeals=self.appeals[stated(self.appeals[column]) == value],
        )

    def due(self, *states: str) -> pd.DataFrame:
        """Return the denials in these due states."""
        return self.worklist[self.worklist["due"].isin(states)]


def open_ledger(claims: Claims, worklist: pd.DataFrame, *, as_of: date) -> Ledger:
    """Return the ledger of one source, without the columns that may identify a patient."""
    safe = worklist[[c for c in worklist.columns if c not in PERSONAL]]
    return Ledger(safe.reset_index(drop=True), appeals(claims, worklist), as_of)


def appeals(claims: Claims, worklist: pd.DataFrame) -> pd.DataFrame:
    """Return one row per appeal on file, with the denial that it disputes.

    `dispute_cents` is the denied amount of the line, or of all the claim's denials where the
    appeal concerns the claim; missing where no denial is on file for it. `denied_on` is the
    notice (else the remittance) of the denial; `is_first` marks the first appeal of a dispute.
    """
    events = claims.appeal_events.reset_index(drop=True)
    of_line = events[events["line_key"].notna()]
    of_claim = events[events["line_key"].isna()]
    denials = worklist[["claim_key", "line_key", "denial_category", "denied_cents"]]
    # The category of a claim's appeal is that of its largest denial.
    denials = denials.sort_values("denied_cents", ascending=False, kind="stable")

    dispute = pd.concat(
        [
            _disputed(of_line, denials[denials["line_key"].notna()], ["claim_key", "line_key"]),
            _disputed(of_claim, denials, ["claim_key"]),
        ]
    ).reindex(events.index)
    facts = claims.claims.drop_duplicates("claim_key").set_index("claim_key")
    named = worklist.drop_duplicates("claim_key").set_index("claim_key")
    found = pd.DataFrame(
        {
            "claim_key": events["claim_key"],
            "line_key": events["line_key"],
            "file_id": events["file_id"],
            "row": events["row"],
            **{
                # The worklist knows more than the file: the hospital's payer table has been asked.
                c: events["claim_key"].map(named[c]).fillna(events["claim_key"].map(facts[c]))
                for c in _OF_CLAIM
            },
            "denial_category": dispute["denial_category"].astype("str"),
            "dispute_cents": dispute["denied_cents"].astype("Int64"),
            "level": events["level"],
            # Not `map`: it fails on dates where there is no claim at all.
            "denied_on": facts["notice_date"]
            .fillna(facts["remittance_date"])
            .reindex(events["claim_key"])
            .set_axis(events.index),
            "filed_on": events["filed_on"],
            "decided_on": events["decided_on"],
            "outcome": events["outcome"],
            "recovered_cents": events["recovered_cents"],
        }
    )
    order = found.sort_values(["filed_on", "decided_on"], kind="stable")
    turn = order.groupby(["claim_key", "line_key"], dropna=False).cumcount()
    found["is_first"] = turn.reindex(found.index) == 0
    return found


def stated(names: pd.Series) -> pd.Series:
    """Return the names with one word for those that the file does not give."""
    return names.astype("str").fillna(NOT_STATED).replace("", NOT_STATED)


def _disputed(events: pd.DataFrame, denials: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    sums = (
        denials.groupby(keys, as_index=False)
        .agg({"denial_category": "first", "denied_cents": "sum"})
        .astype({"denied_cents": "Int64"})
    )
    return (
        events[keys]
        .reset_index()
        .merge(sums, on=keys, how="left")
        .set_index("index")[["denial_category", "denied_cents"]]
    )

"""What people recorded, as part of the claim's history: appeals beside those of the files, and endings.

The table `recorded_events` holds what was recorded (`rules/history/events.yaml`); it is brought to the
claims by `toolkit.cases`. What it says of an appeal becomes a row of `appeal_events`, or completes the row
that a file has of the same appeal, so that worklist, reports and desk count one appeal once.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.claims.tables import TABLES, Claims, among, conform

# Said by a tracker of some lines of a claim, not by a person: they are closed there.
TRACKER_CLOSED = "closed_in_tracker"
OF_APPEALS = ("filed", "received", "decided", "withdrawn")


def applied(claims: Claims) -> Claims:
    """Return the tables in which the recorded appeals stand among the appeals of the files."""
    mine = claims.recorded_events
    mine = mine[mine["event"].isin(OF_APPEALS)]
    if mine.empty:
        return claims
    mine = mine.sort_values(["day", "entry"], kind="stable")
    table = claims.appeal_events
    theirs = among(table["claim_key"], mine["claim_key"])
    appeals = _rows(table[theirs])
    for event in _rows(mine):
        _apply(event, appeals)
    kept = [table[~theirs], conform(pd.DataFrame(appeals), "appeal_events")]
    return replace(claims, appeal_events=pd.concat(kept, ignore_index=True))


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): value for name, value in row.items()}
        for row in table.astype(object).to_dict("records")
    ]


def _apply(event: dict[str, Any], appeals: list[dict[str, Any]]) -> None:
    """Put one event into the appeals of its claim: complete the one that it is about, or begin one."""
    about = [one for one in appeals if _is_about(event, one)]
    kind, day = event["event"], event["day"]
    if kind == "filed":
        if not any(one["filed_on"] == day for one in about):
            appeals.append(_appeal(event) | {"filed_on": day})
        return
    waiting = [one for one in about if not _known(one["outcome"]) and not _known(one["decided_on"])]
    if kind == "received":
        if waiting:
            waiting[-1]["received_on"] = day
        return
    outcome = "withdrawn" if kind == "withdrawn" else event["outcome"]
    decision = {"decided_on": day, "outcome": outcome, "recovered_cents": event["amount_cents"]}
    if waiting:
        waiting[-1].update(decision)
    elif not any(one["decided_on"] == day for one in about):
        appeals.append(_appeal(event) | decision)


def _is_about(event: dict[str, Any], appeal: dict[str, Any]) -> bool:
    """Return whether an event is about an appeal: the same claim, line and level as far as both say."""
    if event["claim_key"] != appeal["claim_key"]:
        return False
    return all(
        not (_known(event[name]) and _known(appeal[name])) or event[name] == appeal[name]
        for name in ("line_key", "level")
    )


def _appeal(event: dict[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {column.name: None for column in TABLES["appeal_events"]}
    return nothing | {name: event[name] for name in ("claim_key", "line_key", "level")}


def _known(value: Any) -> bool:
    return value is not None and value == value and value is not pd.NA and value is not pd.NaT

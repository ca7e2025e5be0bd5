"""What was known on a day: everything that happened later is left out, once, before anything is counted."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from toolkit.claims.tables import TABLES, Claims, among, conform
from toolkit.law.filing import LAST_DAY

_SAYS = {
    "decided_later": "this decision is later than the date of the worklist or report: it counts from its own date on",
    "appealed_later": "this appeal was filed or decided after the date of the worklist or report: later events are not counted",
}


def seen_on(claims: Claims, day: date) -> Claims:
    """Return the tables as they were known on a day, with a finding for what is later.

    A claim whose notice and remittance are both later is left out, and so is an appeal filed later; a
    day that no claim can have is no later day: its row stays, and says what to correct. An
    appeal decided later is still pending. What a person recorded of a later day is left out.
    Tables without anything later come back as they are.
    """
    now = np.datetime64(day, "us")
    decided = _earliest(claims.claims, "notice_date", "remittance_date")
    late = (decided > now) & (decided <= np.datetime64(LAST_DAY, "us"))  # past that, no day at all
    if late.any():
        claims = _without(_told(claims, claims.claims[late], "decided_later", "notice_date"), late)
    events = claims.appeal_events
    filed, decision = _days(events, "filed_on"), _days(events, "decided_on")
    later, pending = filed > now, decision > now
    if later.any() or pending.any():
        # Of an appeal without a day of filing nothing was known before its decision.
        later |= pending & np.isnat(filed)
        pending &= ~later
        claims = _told(claims, events[later | pending], "appealed_later", "appeal_decided")
        events = events.copy()
        for name in ("decided_on", "outcome", "recovered_cents"):
            events[name] = events[name].mask(pending)
        events = conform(events[~later].reset_index(drop=True), "appeal_events")
        claims = replace(claims, appeal_events=events)
    recorded = claims.recorded_events
    after = _days(recorded, "day") > now
    if after.any():
        claims = replace(claims, recorded_events=recorded[~after].reset_index(drop=True))
    return claims


def _days(table: pd.DataFrame, name: str) -> np.ndarray:
    return table[name].to_numpy("datetime64[us]")


def _earliest(table: pd.DataFrame, *names: str) -> np.ndarray:
    found = _days(table, names[0])
    for name in names[1:]:
        found = np.fmin(found, _days(table, name))  # a missing day is not the earlier one
    return found


def _without(claims: Claims, gone: np.ndarray) -> Claims:
    """Return the tables without these claims and what is below them."""
    keys = set(claims.claims["claim_key"][gone])
    kept = {}
    for name in TABLES:
        table = getattr(claims, name)
        if "claim_key" in table and len(table):
            kept[name] = table[~among(table["claim_key"], keys)].reset_index(drop=True)
    return replace(claims, **kept)


def _told(claims: Claims, rows: pd.DataFrame, code: str, column: str) -> Claims:
    """Return the tables with one finding per row of these; a row without a file has none."""
    rows = rows[rows["file_id"].notna()]
    names = dict(zip(claims.files["file_id"], claims.files["file"], strict=False))
    found = pd.DataFrame(
        {
            "file": [names.get(one, "") for one in rows["file_id"]],
            "file_id": rows["file_id"].to_numpy(),
            "row": rows["row"].array,
            "column": column,
            "code": code,
            "says": _SAYS[code],
        }
    ).drop_duplicates()
    every = pd.concat([claims.findings, conform(found, "findings")], ignore_index=True)
    return replace(claims, findings=every)

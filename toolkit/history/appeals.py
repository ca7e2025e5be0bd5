"""Which decision an appeal is about, where a claim was decided more than once.

An appeal is about the decision that stood on the day it was filed, and about each later one that only
repeats that denial: a payer that sends the same denial again has not decided the appeal.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from toolkit.claims.adjudication import denies
from toolkit.claims.tables import Claims, among, conform
from toolkit.history.decisions import Decision
from toolkit.history.fold import Account, Place, account, spoken_of
from toolkit.history.table import decisions_of, mentioned


def rekeyed(claims: Claims) -> Claims:
    """Return the tables in which each appeal stands on the decision that it is about."""
    events = claims.appeal_events
    if events.empty:
        return claims
    at, number, _ = mentioned(claims.claims)
    keys = claims.claims["claim_key"]
    appealed = among(keys.iloc[at], events["claim_key"])
    mine = np.isin(number, number[appealed])
    if not mine.any():
        return claims
    groups: dict[int, list[Decision]] = {}
    for of, one in zip(number[mine].tolist(), decisions_of(claims, at[mine]), strict=True):
        groups.setdefault(of, []).append(one)
    known = {
        one.place: (found, order)
        for some in groups.values()
        for found in [account(some)]
        for order in found.claims
        for one in order
    }
    place_of = {key: place for place, key in enumerate(keys)}
    line_of = {key: place for place, key in enumerate(claims.claim_lines["line_key"])}
    several = among(events["claim_key"], keys.iloc[list(known)])
    rows = events[several].astype(object).to_dict("records")
    moved = False
    for row in rows:
        claim = place_of[row["claim_key"]]
        found, order = known[claim]
        line = line_of.get(row["line_key"], -1) if isinstance(row["line_key"], str) else -1
        day = row["filed_on"] if not pd.isna(row["filed_on"]) else row["decided_on"]
        if pd.isna(day):
            continue
        place = _about((claim, line), day.date(), found, order)
        if place != (claim, line):
            moved = True
            row["claim_key"] = keys.iloc[place[0]]
            its = claims.claim_lines["line_key"]
            row["line_key"] = its.iloc[place[1]] if place[1] >= 0 else None
    if not moved:
        return claims
    kept = [events[~several], conform(pd.DataFrame(rows), "appeal_events")]
    return replace(claims, appeal_events=pd.concat(kept, ignore_index=True))


def _about(place: Place, day: date, known: Account, order: tuple[Decision, ...]) -> Place:
    """Return the place of the decision that an appeal of this day is about."""
    gone = {target.place for target in known.reversals.values() if target is not None}
    at = next(n for n, one in enumerate(order) if one.place == place[0])
    one, now = order[at], place
    identity = next((line.identity for line in one.lines if line.place == place[1]), None)
    said = _denied(one, [place])
    for other in order[at + 1 :]:
        if other.reverses or not other.decides or other.place in gone:
            continue
        spots = spoken_of(one, place, identity, other)
        its = _denied(other, spots or [])
        if spots is None or not its:
            continue
        stood = other.day is not None and other.day <= day
        if stood or its == said:
            line = spots[0] if place[1] >= 0 else (other.place, -1)
            now = line
    return now


def _denied(one: Decision, spots: list[Place]) -> frozenset[str]:
    """Return the reasons for which a decision denies something at its places."""
    lines = {line.place: line.reasons for line in one.lines}
    if any(line < 0 for _, line in spots):
        every = (*one.reasons, *(reason for reasons in lines.values() for reason in reasons))
    else:
        every = tuple(reason for _, line in spots for reason in lines[line])
    return frozenset(pair for pair, cents in every if denies(*pair.split("-", 1)) and cents != 0)

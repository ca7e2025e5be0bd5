"""What happened to each row since its denial: the last appeal on file, what people recorded, its state now."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from toolkit.claims.export.layouts import CLOSED
from toolkit.history.recorded import OF_APPEALS, TRACKER_CLOSED
from toolkit.law import turns_on
from toolkit.worklist.claim_set import ClaimSet, days_of
from toolkit.worklist.denial_rows import OPEN, DenialRows
from toolkit.worklist.keys import NO_DAY, Coded, coded, keys_of, positions, taken
from toolkit.worklist.memory import Brain, days_only

_SENT = {"corrected_claim_sent": "corrected claim sent", "records_sent": "records sent"}


@dataclass(frozen=True, eq=False)
class LastAppeals:
    """The last appeal on file of each row, on its line or on its claim; missing where there is none.

    `filed` says whether one is known that takes the place of the notice: of which something is known but
    that there is one.
    """

    filed: np.ndarray
    last_level: Coded
    filed_on: np.ndarray
    received_on: np.ndarray
    decided_on: np.ndarray
    outcome: Coded
    recovered_cents: pd.arrays.IntegerArray

    @cached_property
    def goes_on(self) -> np.ndarray:
        """Which rows' last decision leaves something to appeal."""
        return (self.outcome.code >= 0) & ~self.outcome.isin({"overturned", "withdrawn"})


@dataclass(frozen=True, eq=False)
class Recorded:
    """What people recorded of each row beside appeals: whether it was written off, and what was sent.

    `stated_cents` are the denied cents without it.
    """

    written_off: np.ndarray
    sent: Coded
    stated_cents: pd.arrays.IntegerArray


def last_appeals(rows: DenialRows) -> LastAppeals:
    """Return the last appeal on file of each row."""
    events = rows.set_.tables.appeal_events
    at = _last_events(rows.set_, rows)
    filed_on, received_on, decided_on = (
        taken(days_of(events[name]), at, NO_DAY)
        for name in ("filed_on", "received_on", "decided_on")
    )
    level, outcome = coded(events["level"]).take(at), coded(events["outcome"]).take(at)
    # An appeal of which nothing is known but that there is one stops no clock.
    known = (level.code >= 0) | (outcome.code >= 0) | ~np.isnat(filed_on) | ~np.isnat(decided_on)
    recovered = events["recovered_cents"].array.take(at, allow_fill=True)
    return LastAppeals(
        (at >= 0) & known, level, filed_on, received_on, decided_on, outcome, recovered
    )


def _last_events(set_: ClaimSet, rows: DenialRows) -> np.ndarray:
    """Return each row's last appeal event, its place in the table: on its line, or on its claim."""
    events = set_.tables.appeal_events
    none = np.full(len(rows.claim), -1)
    if events.empty:
        return none
    day = np.fmax(days_of(events["filed_on"]), days_of(events["decided_on"]))
    order = np.argsort(day.view("int64"), kind="stable")  # as a number no day comes first
    line_keys = keys_of(events["line_key"])
    on_line = line_keys.is_valid().to_numpy(zero_copy_only=False)
    line = positions(line_keys, set_.line_keys)
    of_line = _last(line, order[on_line[order]], len(set_.line_keys), rows.line)
    of_claim = none
    if not on_line.all():
        claim = positions(keys_of(events["claim_key"]), set_.claim_keys)
        of_claim = _last(claim, order[~on_line[order]], len(set_.claim_keys), rows.claim)
    later = taken(day, of_claim, NO_DAY) > taken(day, of_line, NO_DAY)
    return np.where((of_line < 0) | later, of_claim, of_line)


def _last(number: np.ndarray, order: np.ndarray, size: int, wanted: np.ndarray) -> np.ndarray:
    """Return the last event, in this order, of each line or claim that is wanted."""
    last = np.full(size, -1, dtype="int64")
    order = order[number[order] >= 0]
    last[number[order]] = order  # of several for one place the last one stays
    return taken(last, wanted, -1)


def with_recorded(rows: DenialRows) -> tuple[DenialRows, Recorded]:
    """Return the rows with what people recorded as paid, and what else they recorded.

    A payment lowers what is at stake, of several rows of a claim in their order; what is paid in full
    is not open any more.
    """
    set_, size, stated = rows.set_, len(rows.claim), rows.denied_cents
    closed, sent = np.zeros(size, dtype=bool), np.full(size, -1)
    words: list[str] = []
    events = set_.tables.recorded_events
    events = events[~events["event"].isin(OF_APPEALS)]
    if events.empty or not size:
        return rows, Recorded(closed, Coded(sent, words), stated)
    events = events.sort_values("day", kind="stable")
    claim_of = positions(keys_of(events["claim_key"]), set_.claim_keys)
    line_of = positions(keys_of(events["line_key"]), set_.line_keys)
    no_line = events["line_key"].isna().to_numpy()
    denied, unknown = stated.to_numpy("int64", na_value=0).copy(), stated.isna()
    paid_up = np.zeros(size, dtype=bool)
    paid = rows.cents("paid_cents").to_numpy("int64", na_value=0)
    for n, (event, day, cents) in enumerate(
        zip(events["event"], events["day"], events["amount_cents"], strict=True)
    ):
        at = rows.claim == claim_of[n] if no_line[n] else rows.line == line_of[n]
        at = np.flatnonzero(at & rows.stands.state.isin(OPEN))
        if event in ("written_off", TRACKER_CLOSED) and pd.isna(cents):
            closed[at] = True
        elif event in ("paid", "written_off"):
            left = int(cents)
            if event == "paid":  # what a remittance states already is not paid twice
                left = max(left - int(paid[at].max(initial=0)), 0)
            for row in at[~unknown[at]]:
                part = min(left, denied[row])
                denied[row] -= part
                left -= part
                done = denied[row] == 0
                paid_up[row] |= done and event == "paid"
                closed[row] |= done and event == "written_off"
        elif event in _SENT:
            sent[at] = len(words)
            words.append(f"{_SENT[event]} on {day:%Y-%m-%d} (recorded); the clock runs on")
    state = rows.stands.state.with_value(paid_up, "paid_later")
    stands = replace(rows.stands, state=state, recorded=paid_up)
    done = paid_up | closed
    denied[done] = stated.to_numpy("int64", na_value=0)[done]  # what was denied
    rows = replace(rows, denied_cents=pd.arrays.IntegerArray(denied, unknown), stands=stands)
    return rows, Recorded(closed, Coded(sent, words), stated)


def ended(rows: DenialRows, recorded: Recorded) -> np.ndarray:
    """Say which rows are closed: by the hospital's own system, a person, or what happened since."""
    closed = rows.case_status.isin(CLOSED) | recorded.written_off
    return closed | ~rows.stands.state.isin(OPEN)


def matters(fact: str, program: Coded) -> np.ndarray:
    """Say of each row whether its next step can turn on the fact."""
    programs = [*program.values, None]
    return np.array([fact in turns_on(one) for one in programs], dtype=bool)[program.code]


def states(
    rows: DenialRows, appeal: LastAppeals, recorded: Recorded, asked: Brain
) -> dict[str, Coded]:
    """Return each row's state after its appeals, what decided it, and the payer's clock."""
    waits = appeal.filed & (appeal.outcome.code < 0)
    received = ~np.isnat(appeal.received_on)
    program = rows.payer("program")
    answered = asked.ask(
        "state",
        {
            "standing": rows.stands.state,
            "filed": flag(appeal.filed),
            "outcome": appeal.outcome,
            "closed": flag(rows.case_status.isin(CLOSED)),
            "written_off": flag(recorded.written_off),
            "program": program.only(waits),
            "level": appeal.last_level.only(waits),
            "stage": rows.stage.only(waits),
            "requested": days_only(np.where(received, appeal.received_on, appeal.filed_on), waits),
            "received": flag(received).only(waits),
            "jurisdiction": rows.payer("jurisdiction").only(
                waits & matters("jurisdiction", program)
            ),
        },
    )
    found = {name: answered.of(name) for name in answered.table}
    return found | {"state_from": _state_from(rows, found["state_from"])}


def _state_from(rows: DenialRows, decided_by: Coded) -> Coded:
    """Return what decided each state; where a later decision did, its file and row."""
    stands, tables = rows.stands, rows.set_.tables
    decided_by = decided_by.with_value(stands.recorded, "recorded")
    own = (stands.decided_by == rows.claim) | stands.recorded
    if own.all():
        return decided_by
    at = np.flatnonzero(~own & (stands.decided_by >= 0))
    by = tables.claims.iloc[stands.decided_by[at]]
    name = dict(zip(tables.files["file_id"], tables.files["file"], strict=True))
    sources = [
        f"{name.get(file_id, file_id)}, row {row}"
        for file_id, row in zip(by["file_id"], by["row"], strict=True)
    ]
    words = decided_by.array("text").astype(object)
    still = ~decided_by.isin({"decision"})[at]
    words[at] = np.where(still, words[at], sources)
    return coded(pd.Series(words, dtype="str"))


def flag(values: np.ndarray) -> Coded:
    """Return a column of yes and no by numbers."""
    return Coded(values.astype("int8"), [False, True])

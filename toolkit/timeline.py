"""Everything that happened to one claim, event by event with its source, and what stands now and why."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from toolkit.cases import event_rules
from toolkit.claims.export.layouts import CLOSED
from toolkit.claims.tables import Claims, dollars
from toolkit.errors import UsageError
from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Account, Denied, Outcome, Place, account, outcomes
from toolkit.history.identity import paired
from toolkit.history.recorded import TRACKER_CLOSED
from toolkit.history.states import EventKind, table
from toolkit.history.table import decisions_of, taken_back_by
from toolkit.worklist.triage import INITIAL_PAYMENT, Brain, denied_places, triaged

_NUMBERS = ("claim_key", "patient_control_number", "payer_claim_control_number")


def timeline(claims: Claims, asked: Brain, number: str) -> dict[str, list[dict[str, Any]]]:
    """Return the events of a claim, the oldest first, and what stands of each of its lines.

    `number` is a claim key, a denial key, or either claim number. An event has date, what, line,
    amount (dollars paid; of an appeal, recovered), reasons, and source (file and row, or who); a line
    has its state, what is at stake in dollars, and by what it was decided and why. Raises UsageError,
    without repeating the number, where no claim has it.
    """
    part = _of_account(claims, number)
    at = list(range(len(part.claims)))
    decisions = decisions_of(part, pd.Series(at, dtype="int64").to_numpy())
    known = account(decisions, taken_back_by(part.provider_adjustments))
    denied = denied_places(part, asked)
    found = outcomes(known, denied, every=True)
    worklist = triaged(part, asked)
    names = _Names(part, decisions)
    events = [
        *_decided(known, names, denied),
        *_taken_back(known, names),
        *_appeals(part, names),
        *_recorded(part, names),
        *_closed(part, names),
    ]
    events.sort(key=lambda event: event["date"] or "9999")  # what has no day comes last
    return {"events": events, "lines": _lines(found, events, worklist, part, names)}


def _of_account(claims: Claims, number: str) -> Claims:
    """Return the tables of the account that the number names, with every claim of it."""
    table = claims.claims
    keys = {number, number.removesuffix("-c"), number.rpartition("-")[0]}
    hit = table["claim_key"].isin(keys)
    for name in ("patient_control_number", "payer_claim_control_number"):
        hit |= table[name].eq(number).fillna(False)
    if not hit.any():
        raise UsageError("no claim with that key or number is in the files (--claim)")
    ours = set(table.loc[hit, "patient_control_number"].dropna())
    mine = hit | table["patient_control_number"].isin(ours)
    wanted = set(table.loc[mine, "claim_key"])
    tables = {
        name: frame[frame["claim_key"].isin(wanted)].reset_index(drop=True)
        for name in vars(claims)
        if "claim_key" in (frame := getattr(claims, name))
    }
    return Claims(**tables, provider_adjustments=claims.provider_adjustments, files=claims.files)


class _Names:
    """How lines and sources are shown: by service and place in the claim, by file and row."""

    def __init__(self, part: Claims, decisions: list[Decision]) -> None:
        self.part = part
        self.file = dict(zip(part.files["file_id"], part.files["file"], strict=True))
        self.decision = {one.place: one for one in decisions}
        self.key = {key: at for at, key in enumerate(part.claims["claim_key"])}
        self.line_at = {key: at for at, key in enumerate(part.claim_lines["line_key"])}

    def source(self, frame: pd.DataFrame, at: int) -> str:
        row = frame.iloc[at]
        where = self.file.get(row["file_id"], row["file_id"])
        return where if pd.isna(row["row"]) else f"{where}, row {row['row']}"

    def of_claim(self, place: int) -> str:
        return self.source(self.part.claims, place)

    def line(self, one: Decision, line: Line | None) -> str:
        if line is None:
            return "claim"
        nth = next(n for n, its in enumerate(one.lines, 1) if its is line)
        return f"{nth}: {_service(line)}"

    def place(self, place: Place) -> str:
        one = self.decision[place[0]]
        line = next((line for line in one.lines if line.place == place[1]), None)
        return self.line(one, line)


def _service(line: Line) -> str:
    who = line.identity
    service = who.procedure_code or who.revenue_code or "service"
    return " ".join(x for x in (service, who.modifiers) if x)


def _event(
    day: Any, what: EventKind, line: str, cents: int | None, source: str, **more: Any
) -> dict[str, Any]:
    said = None if day is None or pd.isna(day) else str(day)[:10]
    amount = None if cents is None or pd.isna(cents) else dollars(cents)
    return {"date": said, "what": what, "line": line, "amount": amount, "source": source} | more


def _decided(known: Account, names: _Names, denied: Mapping[Place, Denied]) -> list[dict[str, Any]]:
    found = []
    for order in known.claims:
        for at, one in enumerate(order):
            source = names.of_claim(one.place)
            received = names.part.claims["claim_received"].iloc[one.place]
            if not pd.isna(received):
                found.append(_event(received, "billed", "claim", one.billed, source))
            if not (one.decides or one.reverses or one.forwards):
                found.append(_event(one.day, "billed", "claim", one.billed, source))
                continue
            mine = [its for place, its in denied.items() if place[0] == one.place]
            copy = bool(mine) and all(its.is_copy for its in mine)
            what = "duplicate_of" if copy and at else _what(order, at, known.reversals)
            found += [
                _event(
                    one.day, what, names.line(one, line), paid, source, reasons=_reasons(reasons)
                )
                for line, paid, reasons in _parts(one)
            ]
    return found


def _parts(one: Decision) -> list[tuple[Line | None, int | None, tuple]]:
    """Return the lines of a decision with payment and reasons; the claim where it says something."""
    lines = [(line, line.paid, line.reasons) for line in one.lines]
    if one.reasons or not lines:
        return [(None, None if lines else one.paid, one.reasons), *lines]
    return lines


def _what(
    order: tuple[Decision, ...], at: int, reversals: Mapping[int, Decision | None]
) -> EventKind:
    """Return what kind of event a decision is, by what came before it."""
    one = order[at]
    if one.reverses:
        return "reversed"
    if one.forwards:
        return "forwarded"
    before = [other for other in order[:at] if other.decides and not other.reverses]
    if not before:
        return "adjudicated"
    gone = {target.place for target in reversals.values() if target is not None}
    if one.replaces or one.refers_to or any(other.place in gone for other in before):
        return "corrected"
    mine = [line.identity for line in one.lines]
    again = [
        other
        for other in before
        if None not in (one.number, other.number)
        and one.number != other.number
        and one.day != other.day
        and paired([line.identity for line in other.lines], mine).pairs
    ]
    return "resubmitted" if again else "adjudicated"


def _reasons(reasons: tuple) -> list[str]:
    return [
        pair.strip("-") + ("" if cents is None else f" {dollars(cents)}") for pair, cents in reasons
    ]


def _taken_back(known: Account, names: _Names) -> list[dict[str, Any]]:
    return [
        _event(
            names.decision[place].day, "taken_back", "claim", -cents, "provider adjustment (PLB)"
        )
        for place, cents in known.taken_back.items()
    ]


def _recorded(part: Claims, names: _Names) -> list[dict[str, Any]]:
    """Return what people recorded, each with who and when."""
    rules = event_rules().events
    found = []
    for row in part.recorded_events.astype(object).to_dict("records"):
        one = names.decision[names.key[row["claim_key"]]]
        line = names.line_at.get(row["line_key"], -1)
        if row["event"] == TRACKER_CLOSED:
            place = names.place((one.place, line))
            found.append(_event(None, "closed", place, None, "the export's case status"))
            continue
        source = f"recorded by {row['who']} at {row['entered_at']}, entry {row['entry']}"
        more = {
            name: row[name] for name in ("level", "outcome", "proof") if isinstance(row[name], str)
        }
        what = rules[row["event"]].history
        found.append(
            _event(row["day"], what, names.place((one.place, line)), row["amount_cents"], source,
                   recorded=row["event"], **more)
        )  # fmt: skip
    return found


def _appeals(part: Claims, names: _Names) -> list[dict[str, Any]]:
    """Return the appeals of the files; what a person recorded is told with who did."""
    found = []
    events = part.appeal_events
    told = {
        (claim, event, day)
        for claim, event, day in part.recorded_events[["claim_key", "event", "day"]].itertuples(
            index=False
        )
    }
    for column, ids in (("filed_on", ("filed",)), ("decided_on", ("decided", "withdrawn"))):
        mine = [
            any((claim, event, day) in told for event in ids)
            for claim, day in zip(events["claim_key"], events[column], strict=True)
        ]
        gone = pd.Series(mine, index=events.index, dtype=bool)
        events = events.assign(**{column: events[column].mask(gone)})
        if column == "decided_on":
            events = events.assign(outcome=events["outcome"].mask(gone))
    events = events[events["file_id"].notna()].reset_index(drop=True)
    for at, row in enumerate(events.to_dict("records")):
        one = names.decision[names.key[row["claim_key"]]]
        line = names.line_at.get(row["line_key"]) if isinstance(row["line_key"], str) else None
        where = names.place((one.place, -1 if line is None else line))
        source, level = (
            names.source(events, at),
            row["level"] if isinstance(row["level"], str) else None,
        )
        if not pd.isna(row["filed_on"]) or pd.isna(row["decided_on"]):
            found.append(_event(row["filed_on"], "appeal_filed", where, None, source, level=level))
        outcome = row["outcome"] if isinstance(row["outcome"], str) else None
        if outcome or not pd.isna(row["decided_on"]):
            found.append(
                _event(
                    row["decided_on"], "appeal_decided", where, row["recovered_cents"], source,
                    level=level, outcome=outcome,
                )
            )  # fmt: skip
    return found


def _closed(part: Claims, names: _Names) -> list[dict[str, Any]]:
    closed = part.claims["case_status"].isin(CLOSED)
    return [
        _event(None, "closed", "claim", None, names.of_claim(at))
        for at, is_closed in enumerate(closed)
        if is_closed
    ]


def _lines(
    found: Mapping[Place, Outcome],
    events: list[dict[str, Any]],
    worklist: pd.DataFrame,
    part: Claims,
    names: _Names,
) -> list[dict[str, Any]]:
    """Return what stands of each line: the worklist's row where it has one, else what was decided."""
    rows = worklist.set_index("denial_key")
    says = {step.id: step.says for step in table().steps}
    lines = []
    for place in sorted(found):
        outcome = found[place]
        claim, line = place
        key = (
            part.claims["claim_key"].iloc[claim] + "-c"
            if line < 0
            else part.claim_lines["line_key"].iloc[line]
        )
        if not outcome.shown:
            continue
        state, stake = outcome.state, outcome.cents
        by = names.of_claim(outcome.decided_by)
        because = says.get(outcome.because, "")
        if key in rows.index:
            row = rows.loc[key]
            if row["state"] != outcome.state:
                because = _because(row["state"])
                if row["reason"] == INITIAL_PAYMENT and row["state"] == "open":
                    because = "paid below the charge, which may be negotiated; nothing is denied"
                by = _decided_by(row["state_from"], events, names.place(place))
            state = row["state"]
            stake = None if pd.isna(row["denied_cents"]) else int(row["denied_cents"])
        is_open = table().states[state].is_open == "yes"
        lines.append(
            {
                "line": names.place(place),
                "state": state,
                "stake": None if stake is None else dollars(stake if is_open else 0),
                "decided_by": by,
                "because": because,
            }
        )
    return lines


# Which events decide a state that no decision of the payer decides.
_DECIDE = {
    "appeal": ("appeal_filed", "appeal_decided", "closed"),
    "case_status": ("closed",),
    "recorded": ("closed", "paid"),
}


def _decided_by(whence: str, events: list[dict[str, Any]], line: str) -> str:
    """Return the source of the last event of a line that decides; `whence` where there is none."""
    mine = [
        event["source"]
        for event in events
        if event["what"] in _DECIDE.get(whence, ()) and event["line"] in (line, "claim")
    ]
    return mine[-1] if mine else whence


def _because(state: str) -> str:
    return table().states[state].says

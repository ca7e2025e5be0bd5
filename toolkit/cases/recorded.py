"""Add recorded events to the tables of their claims, for the worklist."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from toolkit.cases.entry import EventEntry, FactEntry
from toolkit.cases.identity import (
    CaseIdentity,
    claim_identity,
    claim_numbers,
    line_identity,
    plain,
)
from toolkit.claims.providers import own_claims
from toolkit.claims.restated import PLACEHOLDER
from toolkit.claims.tables import Claims, conform
from toolkit.history import seen_on, settled
from toolkit.history.appeals import rekeyed
from toolkit.history.identity import ClaimIdentity, LineIdentity, Match, paired, same_claim
from toolkit.history.recorded import OF_APPEALS, applied
from toolkit.hospital import Hospital

if TYPE_CHECKING:  # a store's engine is imported where there is a store
    from toolkit.cases.store import CaseStore

_SAYS = "events were recorded for a claim that may be this one; they do not count until somebody confirms it: record an event on this claim, or open it at the desk, and answer"
_CLAIM = (
    "claim_key", "file_id", "row", "patient_control_number", "payer_claim_control_number",
    "original_reference", "payer_id", "payer_name", "service_from", "service_to", "is_reversal",
    "remittance_date", "notice_date",
)  # fmt: skip
_LINE = (
    "claim_key", "line_key", "line_control_number", "procedure_code", "modifiers", "revenue_code",
    "service_from", "billed_cents",
)  # fmt: skip
_NUMBERS = ("patient_control_number", "payer_claim_control_number", "original_reference")


# The facts of a claim on which its dates turn, and which a person may state or correct.
DATE_FACTS = ("program", "contracted", "stage", "notice_date", "notice_received")
# What a person may state in place of the files, those and who works the claim.
STATED = (*DATE_FACTS, "owner")
# Of these, what is true of the claim whichever decision is on it.
_OF_THE_CLAIM = ("program", "contracted", "owner")


class RecordedCase(msgspec.Struct, frozen=True):
    """A case on which people worked: every identity under which it was seen, the events that stand,
    and what people stated last in place of the files (`STATED`).
    """

    case_key: str
    identities: tuple[CaseIdentity, ...]
    events: tuple[EventEntry, ...] = ()
    facts: tuple[FactEntry, ...] = ()


class _Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of claims that may be a case's, with its lines."""

    claim_key: str
    file_id: str
    row: int | None
    identity: ClaimIdentity
    day: date
    reverses: bool
    lines: tuple[LineIdentity, ...] = ()
    line_keys: tuple[str, ...] = ()


def recorded_at(place: Path | str) -> tuple[RecordedCase, ...]:
    """Return every case that was worked on in the store at a place; none where there is no store."""
    if "://" not in str(place) and not Path(place).exists():
        return ()
    from toolkit.cases.store import CaseStore

    with CaseStore(place) as store:
        return recorded_cases(store)


def recorded_cases(store: "CaseStore", *, claims: Claims | None = None) -> tuple[RecordedCase, ...]:
    """Return every case with events or stated facts; plain values, that processes can be given.

    With `claims`, only the cases that were seen with an account or claim number of one of them.
    """
    keys = None if claims is None else store.cases_with(_looked_up(claims))
    if keys is None:
        every = (*store.all_events(), *store.all_facts())
    else:
        every = tuple(one for key in keys for one in (*store.events(key), *store.facts(key)))
    events: dict[str, list[EventEntry]] = {}
    facts: dict[str, list[FactEntry]] = {}
    for one in every:
        if isinstance(one, EventEntry):
            events.setdefault(one.case_key, []).append(one)
        elif one.name in STATED and one.fact and one.fact.source.startswith("entered"):
            facts.setdefault(one.case_key, []).append(one)
    known = store.identities(keys) if events or facts else {}
    return tuple(
        RecordedCase(key, known[key], tuple(events.get(key, ())), tuple(facts.get(key, ())))
        for key in dict.fromkeys((*events, *facts))
        if key in known
    )


def _looked_up(claims: Claims) -> set[str]:
    """Return the numbers under which the cases of these claims are looked up in a store."""
    rows = _rows(claims.claims, _CLAIM)
    return {number for row in rows for number in claim_numbers(claim_identity(row))}


def _rows(
    table: pd.DataFrame, names: Sequence[str], kept: np.ndarray | slice = slice(None)
) -> list[dict[str, Any]]:
    """Return these columns of a table as plain values, a dict for each of its rows that is kept."""
    columns = [[plain(value) for value in table[name].array[kept].tolist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def one_history(
    claims: Claims,
    *,
    hospital: Hospital,
    recorded: Sequence[RecordedCase],
    as_of: date | None = None,
) -> Claims:
    """Return the tables ready for triage: the hospital's own claims, each decision once, with what
    people recorded.

    The claims of all files together, as `toolkit.claims.read` gives them; `recorded` is what
    `recorded_at` gives. With `as_of` they are as they were known on that day.
    """
    mine = own_claims(claims, hospital.providers)
    if as_of is None:
        return with_recorded(settled(mine), recorded)
    return seen_on(with_recorded(settled(seen_on(mine, as_of)), recorded), as_of)


def with_recorded(claims: Claims, recorded: Sequence[RecordedCase]) -> Claims:
    """Return the tables with what was recorded: one row of `recorded_events` per event that stands,
    and the facts that people stated in place of the files'.

    Recorded appeals stand among `appeal_events` too (`toolkit.history.recorded`). A case is brought
    to a claim only if its identity settles it; where it may be of the claim, the finding
    `recorded_not_matched` says so. Of several decisions of one claim, an event or fact goes with the
    last one up to its day; program and contract status hold for all of them.
    """
    by_number = _decisions(claims, recorded) if recorded else {}
    rows: list[dict[str, Any]] = []
    stated: dict[str, dict[str, Any]] = {}
    unsure: dict[str, _Decision] = {}
    for case in recorded:
        numbers = {one for identity in case.identities for one in _numbers(identity.claim)}
        hits = {d.claim_key: d for number in numbers for d in by_number.get(number, ())}
        matched = [(d, *_match(case, d)) for d in hits.values()]
        same = [(d, line) for d, found, line in matched if found == "same"]
        maybe = [d for d, found, _ in matched if found == "maybe"]
        known = len(hits) <= PLACEHOLDER  # a number of so many claims tells none of them apart
        if same and known and _one_claim([d for d, _ in same]):
            rows += [_row(event, *_at_the_time(same, _begun(event, case))) for event in case.events]
            _state(case, same, stated)
        elif same or maybe:
            first = min(maybe or [d for d, _ in same], key=lambda d: (d.file_id, d.row or 0))
            unsure.setdefault(first.claim_key, first)
    if not rows and not unsure and not stated:
        return claims
    found = claims.recorded_events
    if rows:
        mine = conform(pd.DataFrame(rows), "recorded_events")
        found = pd.concat([found[~found["entry"].isin(mine["entry"])], mine], ignore_index=True)
    claims = applied(
        replace(
            claims,
            claims=_with_facts(claims.claims, stated),
            recorded_events=found,
            findings=_with_findings(claims, unsure.values()),
        )
    )
    return rekeyed(claims) if rows else claims


def _state(
    case: RecordedCase,
    same: list[tuple[_Decision, str | None]],
    stated: dict[str, dict[str, Any]],
) -> None:
    """Add what a person stated on a case, by the key of the claim that it is about."""
    for entry in case.facts:
        if entry.fact is None:
            continue
        day = entry.fact.as_of or date.fromisoformat(entry.entered_at[:10])
        every = [decision for decision, _ in same]
        about = every if entry.name in _OF_THE_CLAIM else [_at_the_time(same, day)[0]]
        for decision in about:
            stated.setdefault(decision.claim_key, {})[entry.name] = entry.fact.value


def _with_facts(table: pd.DataFrame, stated: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return the claims with the facts that people stated, named in the column `entered`."""
    if not stated:
        return table
    said: dict[str, dict[str, Any]] = {
        name: {key: facts[name] for key, facts in stated.items() if name in facts}
        for name in STATED
    }
    said["entered"] = {key: " ".join(sorted(facts)) for key, facts in stated.items()}
    changed = {}
    for name, values in said.items():
        at = table["claim_key"].isin(set(values)).to_numpy(bool)
        if at.any():
            column = table[name].copy()
            new = [values[key] for key in table["claim_key"][at]]
            column[at] = pd.Series(new, dtype=column.dtype).array
            changed[name] = column
    return table.assign(**changed)


def _numbers(claim: ClaimIdentity) -> set[str]:
    return {*claim.payer_numbers, *([claim.account] if claim.account else [])}


def _decisions(claims: Claims, cases: Sequence[RecordedCase]) -> dict[str, list[_Decision]]:
    """Return the claims that have a number of one of the cases, by each of their numbers."""
    wanted = {n for case in cases for one in case.identities for n in _numbers(one.claim)}
    table = claims.claims
    hit = np.zeros(len(table), dtype=bool)
    for name in _NUMBERS:
        hit |= table[name].isin(wanted).to_numpy(bool)
    found: dict[str, list[_Decision]] = {}
    rows = _rows(table, _CLAIM, hit)
    lines = _lines(claims, {row["claim_key"] for row in rows})
    for row in rows:
        one = _decision(row, lines)
        for number in _numbers(one.identity):
            found.setdefault(number, []).append(one)
    return found


def _lines(claims: Claims, keys: set[str]) -> dict[str, list[dict[str, Any]]]:
    table = claims.claim_lines
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(table, _LINE, table["claim_key"].isin(keys).to_numpy(bool)):
        found.setdefault(row["claim_key"], []).append(row)
    return found


def _decision(row: dict[str, Any], lines: dict[str, list[dict[str, Any]]]) -> _Decision:
    mine = lines.get(row["claim_key"], [])
    return _Decision(
        claim_key=row["claim_key"],
        file_id=row["file_id"] or "",
        row=row["row"],
        identity=claim_identity(row),
        day=row["remittance_date"] or row["notice_date"] or date.min,
        reverses=row["is_reversal"] == "yes",
        lines=tuple(line_identity(line) for line in mine),
        line_keys=tuple(line["line_key"] for line in mine),
    )


def _match(case: RecordedCase, decision: _Decision) -> tuple[Match, str | None]:
    """Return whether the case is of this claim, and the key of its line (None: the claim itself)."""
    best: tuple[Match, str | None] = ("other", None)
    for identity in case.identities:
        claim = same_claim(identity.claim, decision.identity)
        if claim == "other":
            continue
        line, key = _match_line(identity, decision)
        if claim == line == "same":
            return "same", key
        if line != "other":
            best = ("maybe", None)
    return best


def _match_line(identity: CaseIdentity, decision: _Decision) -> tuple[Match, str | None]:
    if identity.line_unknown:
        return "maybe", None
    if not identity.lines:
        return "same", None
    if not decision.lines:
        return "maybe", None
    found = paired(identity.lines, decision.lines)
    at = dict(found.pairs).get(identity.turn)
    if at is not None:
        return "same", decision.line_keys[at]
    return ("maybe" if found.unsure else "other"), None


def _one_claim(decisions: list[_Decision]) -> bool:
    """Return whether what one case matches can be decisions of one claim."""
    return all(
        same_claim(one.identity, other.identity) != "other"
        for at, one in enumerate(decisions)
        for other in decisions[:at]
    )


def _at_the_time(
    same: list[tuple[_Decision, str | None]], day: date
) -> tuple[_Decision, str | None]:
    """Return the last decision up to a day, else the first after it; a reversal only if it is all."""
    kept = [one for one in same if not one[0].reverses] or same
    ordered = sorted(kept, key=lambda one: (one[0].day, one[0].file_id, one[0].row or 0))
    before = [one for one in ordered if one[0].day <= day]
    return before[-1] if before else ordered[0]


def _begun(event: EventEntry, case: RecordedCase) -> date:
    """Return the day that says which decision an event is about: of an appeal, that of its filing."""
    if event.event not in OF_APPEALS:
        return event.day
    filed = [
        one.day
        for one in case.events
        if one.event == "filed" and one.level == event.level and one.day <= event.day
    ]
    return max(filed, default=event.day)


def _row(event: EventEntry, decision: _Decision, line_key: str | None) -> dict[str, Any]:
    return {
        "claim_key": decision.claim_key,
        "line_key": line_key,
        "entry": event.entry,
        "event": event.event,
        "day": pd.Timestamp(event.day),
        "level": event.level or None,
        "outcome": event.outcome or None,
        "amount_cents": event.amount_cents,
        "who": event.who,
        "entered_at": event.entered_at,
        "proof": event.proof or None,
    }


def _with_findings(claims: Claims, unsure: Iterable[_Decision]) -> pd.DataFrame:
    names = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    rows = [
        {
            "file": names.get(one.file_id, ""),
            "file_id": one.file_id,
            "row": one.row,
            "column": "patient_control_number",
            "code": "recorded_not_matched",
            "says": _SAYS,
        }
        for one in unsure
    ]
    if not rows:
        return claims.findings
    found = conform(pd.DataFrame(rows), "findings")
    return pd.concat([claims.findings, found], ignore_index=True)

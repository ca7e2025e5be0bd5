"""A case: the facts of one denial, each with its source."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from html import escape
from typing import Any

import msgspec

from toolkit.cases.identity import CaseIdentity, identity_of, key_of, numbers
from toolkit.cases.identity import plain as _value
from toolkit.errors import UsageError
from toolkit.hospital import Hospital


class Fact(msgspec.Struct, frozen=True):
    """One fact of a case, with its source and date."""

    value: str | date | int
    source: str  # '835 CLP07', 'export column notice_date', 'entered by the analyst'
    as_of: date | None = None

    def __repr__(self) -> str:
        return f"Fact(source={self.source!r}, as_of={self.as_of})"  # the value may be a patient's


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of an appeal: filed, decided, or both."""

    level: str
    filed_on: date | None = None
    decided_on: date | None = None
    outcome: str = ""
    recovered_cents: int | None = None
    source: str = ""


class Case(msgspec.Struct, frozen=True):
    """A denial with its facts by name and its appeal events in order of filing.

    `case_key` names the case in the store. It is derived from the claim's numbers, so it is kept out
    of logs, file names and notebooks as they are. `identity` is what the file states of the claim and
    the line; by it the store finds the case again when a payer is respelled or lines change their
    order. `version_1_key` is the key that version 1 of the store gave to the denial, '' if that
    key could mean several lines. `documents` says what was attached to the case: a kind of notice, or a
    document of its checklist.
    """

    case_key: str
    facts: Mapping[str, Fact]
    events: tuple[Event, ...] = ()
    identity: CaseIdentity | None = None
    version_1_key: str = ""
    documents: tuple[str, ...] = ()

    def value(self, name: str) -> str | date | int | None:
        """Return the fact's value, or None if it is unknown."""
        fact = self.facts.get(name)
        return fact.value if fact else None

    def with_facts(self, facts: Mapping[str, Fact]) -> "Case":
        """Return the case with these facts, which replace earlier ones of the same name."""
        return msgspec.structs.replace(self, facts={**self.facts, **facts})

    def without(self, names: Iterable[str]) -> "Case":
        """Return the case with these facts unknown."""
        drop = set(names)
        kept = {name: fact for name, fact in self.facts.items() if name not in drop}
        return msgspec.structs.replace(self, facts=kept)

    def __repr__(self) -> str:
        return f"Case({len(self.facts)} facts, {len(self.events)} events)"

    def _repr_html_(self) -> str:
        """Return which facts are known and from where, and no value: a notebook keeps what it shows."""
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{_origin(fact.source)}</td><td>{fact.as_of or ''}</td></tr>"
            for name, fact in sorted(self.facts.items())
        )
        heads = "".join(f'<th scope="col">{one}</th>' for one in ("Fact", "From", "As of"))
        return (
            f"<p>Case: {len(self.facts)} facts, {len(self.events)} appeal events, {len(self.documents)} "
            f"documents; <code>value(name)</code> gives a value</p><table><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )


def _origin(source: str) -> str:
    """Return where a fact is from: a person, or the files; a source may quote a letter."""
    return "entered" if source.startswith("entered") else "files"


# Fact name, table, column. The first that holds a value wins: what the worklist has decided comes
# before what the file says.
_FROM = (
    ("program", "worklist", "program"),
    ("contracted", "worklist", "contracted"),
    ("stage", "worklist", "stage"),
    ("level", "worklist", "level"),
    ("reason", "worklist", "reason"),
    ("route", "worklist", "route"),
    ("denial_category", "worklist", "denial_category"),
    ("state", "worklist", "state"),
    ("state_from", "worklist", "state_from"),
    ("due", "worklist", "due"),
    ("why", "worklist", "why"),
    ("gap", "worklist", "gap"),
    ("filed_when", "worklist", "filed_when"),
    ("citation", "worklist", "citation"),
    ("decision_due", "worklist", "decision_due"),
    ("outcome", "worklist", "outcome"),
    ("filed_on", "worklist", "filed_on"),
    ("liability", "worklist", "liability"),
    ("group_code", "worklist", "group_code"),
    ("carc", "worklist", "carc"),
    ("rarcs", "worklist", "rarcs"),
    ("procedure_code", "worklist", "procedure_code"),
    ("service_date", "worklist", "service_from"),
    ("notice_date", "worklist", "notice_date"),
    ("notice_received", "worklist", "notice_received"),
    ("last_filing_date", "worklist", "last_filing_date"),
    ("file_by", "worklist", "file_by"),
    ("denied_cents", "worklist", "denied_cents"),
    ("in_controversy_cents", "worklist", "in_controversy_cents"),
    ("billed_cents", "worklist", "billed_cents"),
    ("patient_control_number", "worklist", "patient_control_number"),
    ("payer_claim_control_number", "worklist", "payer_claim_control_number"),
    ("payer_id", "worklist", "payer_id"),
    ("payer_name", "worklist", "payer_name"),
    ("plan_name", "claims", "payer_name"),
    ("service_end", "claim_lines", "service_to"),
    ("service_end", "claims", "service_to"),
    ("hospital_name", "claims", "facility"),
    ("hospital_name", "claims", "provider_name"),
    ("hospital_npi", "claims", "provider_npi"),
    ("patient_name", "claims", "patient_name"),
    ("member_id", "claims", "member_id"),
    ("birth_date", "claims", "birth_date"),
    ("diagnosis_code", "claim_lines", "diagnosis_code"),
    ("revenue_code", "claim_lines", "revenue_code"),
    ("denial_words", "adjustments", "denial_text"),
)
# The elements of an 835 behind our columns, for the source of a fact.
_ELEMENTS = {
    "payer_claim_control_number": "CLP07",
    "patient_control_number": "CLP01",
    "billed_cents": "CLP03",
    "patient_name": "NM1*QC",
    "member_id": "NM1*QC09",
    "payer_name": "N1*PR02",
    "provider_name": "N1*PE02",
    "provider_npi": "N1*PE04",
    "procedure_code": "SVC01",
    "service_from": "DTM",
    "notice_date": "production date",
    "group_code": "CAS01",
    "carc": "CAS02",
    "rarcs": "LQ, MOA, MIA",
}
_DECIDED = {"program", "contracted", "stage", "level", "reason", "route", "denial_category",
            "liability", "last_filing_date", "file_by", "denied_cents", "state", "state_from", "due",
            "why", "citation", "decision_due"}  # fmt: skip


def case_from(claims: Any, worklist: Any, denial_key: str, *, hospital: Hospital) -> Case:
    """Return the case of one row of the worklist, with every fact the files hold on it.

    `claims` are the canonical tables, `worklist` the frame that triage gives. The plan's address for
    appeals comes from the hospital's payer table, and the sender, where the files name none, from
    local/hospital.yaml. Raises UsageError when the worklist has no such denial.
    """
    row = worklist.loc[(worklist["denial_key"] == denial_key).fillna(False)].head(1)
    return case_of(row_of(row), records_of(claims, row["claim_key"]), hospital=hospital)


def row_of(worklist: Any) -> dict:
    """Return the only row of a frame as a dict; raises UsageError where it has none."""
    for row in worklist.to_dict("records"):
        return row
    raise UsageError("The worklist has no such denial; use a denial_key from its rows.")


def cases_from(claims: Any, worklist: Any, *, hospital: Hospital) -> Iterator[Case]:
    """Yield the case of each row of the worklist, as `case_from` gives it; each table is read once."""
    records = records_of(claims, worklist["claim_key"])
    for row in worklist.to_dict("records"):
        yield case_of(row, records, hospital=hospital)


class Records(msgspec.Struct, frozen=True):
    """What the tables hold of some claims: rows by table and claim key, and what kind each file is."""

    rows: Mapping[str, Mapping[str, list[dict]]]
    sources: Mapping[str, str]


def records_of(claims: Any, claim_keys: Iterable[str]) -> Records:
    """Return what the tables hold of these claims, for `case_of`."""
    keys = set(claim_keys)
    names = ("claims", "claim_lines", "adjustments", "appeal_events")
    rows = {name: _by_claim(getattr(claims, name), keys) for name in names}
    sources = dict(zip(claims.files["file_id"], claims.files["source"], strict=True))
    return Records(rows, sources)


def case_of(row: dict, records: Records, *, hospital: Hospital) -> Case:
    """Return the case of one row of the worklist, given as a dict."""
    mine = {name: table.get(row["claim_key"], []) for name, table in records.rows.items()}
    remittance = records.sources.get(row.get("file_id", "")) == "remittance"
    facts = _sender_facts(hospital) | _facts(row, mine, remittance) | _payer_facts(hospital, row)
    claim = next(iter(mine["claims"]), {})
    bare = _bare(claim, [_plain(line) for line in mine["claim_lines"]], row)
    return msgspec.structs.replace(bare, facts=facts, events=_events(mine["appeal_events"], row))


def _facts(row: dict, mine: dict[str, list[dict]], remittance: bool) -> dict[str, Fact]:
    """Return what the worklist and the files say of a denial, by the name of the fact."""
    line = _value(row.get("line_key"))
    lines = mine["claim_lines"]
    own = (one for one in lines if line is not None and _value(one["line_key"]) == line)
    rows = {
        "worklist": row,
        "claims": next(iter(mine["claims"]), {}),
        "claim_lines": next(own, next(iter(lines), {})),
        "adjustments": _denial_adjustment(mine["adjustments"], row),
    }
    facts: dict[str, Fact] = {}
    for name, table, column in _FROM:
        value = _value(rows[table].get(column))
        if value is not None and name not in facts:
            facts[name] = Fact(value, _source(table, column, row, remittance), None)
    return _planned(facts)


def _planned(facts: dict[str, Fact]) -> dict[str, Fact]:
    """Return the facts with the day of a service that was denied in advance as the planned one.

    An export has one column for both: what lies after the notice of a denial in advance was not done yet.
    """
    said = {name: fact.value for name, fact in facts.items()}
    day, notice = said.get("service_date"), said.get("notice_date")
    if said.get("stage") in (None, "payment") or not isinstance(day, date):
        return facts
    if not isinstance(notice, date) or day <= notice:
        return facts
    kept = {n: f for n, f in facts.items() if n not in ("service_date", "service_end")}
    return kept | {"planned_date": facts["service_date"]}


def bare_cases(claims: Any, worklist: Any) -> Iterator[Case]:
    """Yield the case of each row of the worklist with what names it alone: no facts, no events.

    Those of many rows, to be looked up with `CaseStore.find_each`.
    """
    keys = set(worklist["claim_key"])
    of_claim = _by_claim(claims.claims, keys)
    lines = _by_claim(claims.claim_lines, keys)
    for row in worklist.to_dict("records"):
        key = row["claim_key"]
        claim = next(iter(of_claim.get(key, [])), {})
        yield _bare(claim, [_plain(line) for line in lines.get(key, [])], row)


def _by_claim(table: Any, keys: set[str]) -> dict[str, list[dict]]:
    """Return the rows of a table that are of these claims, by the claim's key, in their order."""
    found: dict[str, list[dict]] = {}
    for row in table.loc[table["claim_key"].isin(keys)].to_dict("records"):
        found.setdefault(row["claim_key"], []).append(row)
    return found


def _plain(cells: dict) -> dict:
    return {str(name): _value(value) for name, value in cells.items()}


def _bare(claim: dict, lines: list[dict], row: dict) -> Case:
    identity, codes = _identity(claim, lines, row)
    denial_key = str(row["denial_key"])
    return Case(
        case_key=key_of(identity) if numbers(identity) else f"d-{denial_key}",
        facts={},
        identity=identity,
        version_1_key=_version_1_key(row, identity, codes, denial_key),
    )


def _source(table: str, column: str, row: dict, remittance: bool) -> str:
    if table == "worklist" and column in _DECIDED:
        origin = _value(row.get(f"{column}_from"))
        return f"triage ({origin})" if origin else "triage"
    if column == "notice_date" and (origin := _value(row.get("notice_from"))):
        return f"835 {origin}" if remittance else f"export column {origin}"
    if remittance:
        return f"835 {_ELEMENTS.get(column, column)}"
    return f"export column {column}"


def _denial_adjustment(adjustments: list[dict], row: dict) -> dict:
    """Return the adjustment that the worklist row stands for, else the claim's first with a text."""
    same = adjustments
    for column in ("line_key", "group_code", "carc"):
        wanted = _value(row.get(column))
        if wanted is not None:
            same = [one for one in same if _value(one.get(column)) == wanted] or same
    with_text = [one for one in same if _value(one.get("denial_text")) is not None]
    return next(iter(with_text or same), {})


def _sender_facts(hospital: Hospital) -> dict[str, Fact]:
    stated = hospital.sender.facts()
    return {name: Fact(value, "local/hospital.yaml") for name, value in stated.items()}


def _payer_facts(hospital: Hospital, row: dict) -> dict[str, Fact]:
    """Return what the hospital's payer table states: address, state window, governing state, funding."""
    entry = hospital.payer(
        *(_value(row.get(column)) for column in ("payer_id", "payer_name", "plan_name"))
    )
    if entry is None:
        return {}
    found: dict[str, Fact] = {}
    if entry.appeals_address:
        source = "payers.csv column appeals_address"
        found["plan_address"] = Fact(entry.appeals_address, source, entry.address_verified_on)
    for name in ("state_window", "jurisdiction", "funding"):
        if value := getattr(entry, name):
            found[name] = Fact(value, f"payers.csv column {name}")
    return found


def _events(mine: list[dict], row: dict) -> tuple[Event, ...]:
    line = _value(row.get("line_key"))
    events = []
    for event in mine:
        of_line = _value(event["line_key"])
        if line is not None and of_line is not None and of_line != line:
            continue
        events.append(
            Event(
                level=_value(event["level"]) or "",
                filed_on=_value(event["filed_on"]),
                decided_on=_value(event["decided_on"]),
                outcome=_value(event["outcome"]) or "",
                recovered_cents=_value(event["recovered_cents"]),
                source="export, appeal events",
            )
        )
    return tuple(sorted(events, key=lambda e: (e.filed_on or date.min, e.decided_on or date.min)))


def _identity(claim: dict, lines: list[dict], row: dict) -> tuple[CaseIdentity, list[str | None]]:
    """Return what the files state of the row's claim and line, and the claim's codes line by line."""
    stated = {name: _value(claim.get(name)) for name in _CLAIM_COLUMNS}
    stated |= {name: _value(row.get(name)) for name in _CLAIM_COLUMNS if stated[name] is None}
    key = _value(row.get("line_key"))
    at = next(
        (n for n, line in enumerate(lines) if key is not None and line["line_key"] == key), None
    )
    return identity_of(stated, lines, at), [line["procedure_code"] for line in lines]


_CLAIM_COLUMNS = (
    "patient_control_number", "payer_claim_control_number", "original_reference", "payer_id",
    "payer_name", "service_from", "service_to",
)  # fmt: skip


def _version_1_key(
    row: dict, identity: CaseIdentity, codes: list[str | None], denial_key: str
) -> str:
    """Return the key that version 1 gave to the denial; '' if it could mean another line too."""
    number = _value(row.get("patient_control_number"))
    if number is None:
        return f"d-{denial_key}"
    if identity.line is not None and codes.count(identity.line.procedure_code) > 1:
        return ""
    parts = [_value(row.get(c)) for c in ("payer_id", "payer_name", "service_from")]
    whole_claim = _value(row.get("line_key")) is None
    text = "\x1f".join(
        str(p) for p in (number, *parts, _value(row.get("procedure_code")), 0, whole_claim)
    )
    return "c-" + hashlib.sha256(text.encode()).hexdigest()[:20]

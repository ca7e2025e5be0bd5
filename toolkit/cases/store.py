"""The case store: a log of facts, events and letters to which entries are only added.

Each entry says who made it and when (UTC), and a correction names the entry that it corrects. Entries
that nothing corrects are current. Entries are chained by hash, so that a change is detected. The
log is a SQLite file that only its owner can read, or a PostgreSQL database given by its URL.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from toolkit.cases import log
from toolkit.cases.case import Case, Event, Fact
from toolkit.cases.chain import Verified
from toolkit.cases.database import Database
from toolkit.cases.entry import (
    Candidate,
    DocumentEntry,
    Entry,
    EventEntry,
    FactEntry,
    Found,
    LetterEntry,
    local_time,
)
from toolkit.cases.identity import CaseIdentity, match, numbers
from toolkit.cases.migrations import check_version, migrate
from toolkit.cases.schema import CASE_NUMBERS, ENTRIES
from toolkit.errors import ChangedError, RefusedError, UsageError


class CaseStore:
    """The recorded cases. Open it with `with`; the caller says who writes and what time it is.

    `place` is a file or a PostgreSQL URL. Every writing call takes `after`: the last entry of the
    case that the writer has seen (`last_entry`). Where somebody has added to the case since,
    ChangedError says who, when and what, and nothing is written. Raises StoreError, with a
    plain explanation, if the store cannot be opened, read or written. `made` says that the store was there before: a file
    that is gone is then not made anew.
    """

    def __init__(self, place: Path | str, *, made: bool = False):
        self._database = Database(place, made=made)
        try:
            with self._database.read() as db:
                old = check_version(db, self._database.name)
            if old:
                with self._database.write() as db:
                    if check_version(db, self._database.name):  # not by another process since
                        migrate(db)
            self._database.keep_private()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> "CaseStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; entries are on disk already."""
        self._database.close()

    def __repr__(self) -> str:
        return f"CaseStore({self._database.name})"

    def _repr_html_(self) -> str:
        """Return how much is recorded, and no case's key or value: a notebook keeps what it shows."""
        with self._database.read() as db:
            kinds = db.execute(
                sa.select(ENTRIES.c.kind, sa.func.count()).group_by(ENTRIES.c.kind).order_by("kind")
            ).all()
        counts = [("cases", len(self.keys())), *kinds]
        rows = "".join(f"<tr><td>{name}</td><td>{number}</td></tr>" for name, number in counts)
        return (
            f"<p>{escape(repr(self))}, recorded:</p><table><thead><tr>"
            '<th scope="col">What</th><th scope="col">Number</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )

    # ---- what people enter

    def save(self, case: Case, *, who: str, now: datetime, after: int | None = None) -> int:
        """Add every fact and event of the case that is new or changed; return how many were added."""
        signed = log.signed(who, now)
        with self._database.write() as db:
            self._check_unchanged(db, case.case_key, after)
            of_case = {"case_key": case.case_key} | signed
            _add_identity(db, case.identity, of_case)
            stored = _facts(db, case.case_key)
            added = {name: fact for name, fact in case.facts.items() if stored.get(name) != fact}
            _add_facts(db, added, of_case)
            known = set(_appeals(db, case.case_key))
            new = [event for event in case.events if event not in known]
            for event in new:
                value = msgspec.json.encode(event).decode()
                log.append(
                    db, **of_case, kind="appeal", name="appeal", value_kind="json", value=value
                )
        return len(added) + len(new)

    def enter(
        self,
        case_key: str,
        facts: Mapping[str, Fact],
        *,
        who: str,
        now: datetime,
        after: int | None = None,
        identity: CaseIdentity | None = None,
    ) -> int:
        """Add these facts, all of them or none; return the case's last entry (see `last_entry`).

        `identity`: by which the case is found tomorrow.
        """
        signed = log.signed(who, now)
        with self._database.write() as db:
            self._check_unchanged(db, case_key, after)
            of_case = {"case_key": _key(case_key)} | signed
            _add_identity(db, identity, of_case)
            _add_facts(db, facts, of_case)
            return _last_entry(db, case_key)

    def withdraw(
        self,
        case_key: str,
        name: str,
        *,
        source: str,
        who: str,
        now: datetime,
        after: int | None = None,
        identity: CaseIdentity | None = None,
    ) -> int:
        """Say that a fact is no longer held to be so; its history stays. Returns the last entry."""
        of_case = {"case_key": _key(case_key)} | log.signed(who, now)
        with self._database.write() as db:
            self._check_unchanged(db, case_key, after)
            _add_identity(db, identity, of_case)
            corrects = _standing_facts(db, case_key).get(_key(name))
            log.append(
                db,
                **of_case,
                kind="withdrawn",
                name=name,
                source=source,
                corrects=corrects and corrects["entry"],
            )
            return _last_entry(db, case_key)

    def record(
        self,
        case: Case,
        event: str,
        *,
        day: date,
        who: str,
        now: datetime,
        level: str = "",
        outcome: str = "",
        amount_cents: int | None = None,
        proof: str = "",
        source: str = "entered by hand",
        corrects: int | None = None,
        after: int | None = None,
    ) -> EventEntry:
        """Add an event as it is given and return its entry; `record_event` checks it first."""
        of_case = {"case_key": _key(case.case_key)} | log.signed(who, now)
        with self._database.write() as db:
            self._check_unchanged(db, case.case_key, after)
            if corrects is not None:
                _check_correctable(db, case.case_key, corrects)
            _add_identity(db, case.identity, of_case)
            entry = log.append(
                db,
                **of_case,
                kind="event",
                name=_key(event),
                day=day.isoformat(),
                level=level,
                outcome=outcome,
                amount_cents=amount_cents,
                proof=proof,
                source=source,
                corrects=corrects,
            )
            [row] = [row for row in log.rows_of(db, case.case_key) if row["entry"] == entry]
        return log.event_entry(row)

    def record_document(
        self,
        case: Case,
        *,
        name: str,
        kept_as: str,
        sha256: str,
        kind: str,
        pages: int | None,
        from_whom: str,
        made_case: bool,
        who: str,
        now: datetime,
        after: int | None = None,
    ) -> DocumentEntry:
        """Add a document as it is given and return its entry; `attach_document` keeps its file first."""
        of_case = {"case_key": _key(case.case_key)} | log.signed(who, now)
        value = {
            "name": name, "kept_as": kept_as, "sha256": sha256, "pages": pages,
            "from_whom": from_whom, "made_case": made_case,
        }  # fmt: skip
        with self._database.write() as db:
            self._check_unchanged(db, case.case_key, after)
            _add_identity(db, case.identity, of_case)
            entry = log.append(
                db,
                **of_case,
                kind="document",
                name=_key(kind),
                value_kind="json",
                value=msgspec.json.encode(value).decode(),
            )
        return DocumentEntry(**of_case, **value, entry=entry, kind=kind)

    def documents(self, case_key: str | None) -> tuple[DocumentEntry, ...]:
        """Return the documents of a case (None: of all cases), oldest first."""
        return self._entries(case_key, "document")

    def record_letter(
        self,
        case_key: str,
        *,
        kind: str,
        sha256: str,
        file_type: str,
        letter_date: date,
        who: str,
        now: datetime,
        is_draft: bool = False,
    ) -> None:
        """Add a letter that was written: its kind, the SHA-256 of its bytes, and when."""
        value = {"sha256": sha256, "file_type": file_type, "is_draft": is_draft}
        signed = log.signed(who, now)
        with self._database.write() as db:
            log.append(
                db,
                case_key=_key(case_key),
                **signed,
                kind="letter",
                name=_key(kind),
                value_kind="json",
                value=msgspec.json.encode(value).decode(),
                day=letter_date.isoformat(),
            )

    def attach(self, case_key: str, identity: CaseIdentity, *, who: str, now: datetime) -> None:
        """Say that the case is of this claim and line too; `find` then finds it without asking."""
        signed = log.signed(who, now)
        with self._database.write() as db:
            _add_identity(db, identity, {"case_key": _key(case_key)} | signed)

    # ---- which case

    def find(self, case: Case) -> Found:
        """Return the stored case of today's denial, or the cases that may be it and have to be asked about.

        A case is found under its own key, and by its identity: payers respelled, ids added and lines
        reordered are seen through. What could be either of two is never taken for one.
        """
        with self._database.read() as db:
            return _find(db, case)

    def find_each(self, cases: Iterable[Case]) -> tuple[Found, ...]:
        """Return what `find` returns for each of many cases, with the log read once."""
        with self._database.read() as db:
            known = set(db.execute(sa.select(ENTRIES.c.case_key).distinct()).scalars())
            by_number: dict[str, set[tuple[str, CaseIdentity]]] = {}
            for number, key, value in db.execute(_SEEN):
                by_number.setdefault(number, set()).add((key, log.decoded(value)))
            return tuple(
                _found(db, case, known, _sharing(by_number, case.identity)) for case in cases
            )

    # ---- what stands

    def case(self, case_key: str) -> Case | None:
        """Return the case: the facts that stand, and its events; None if nothing was entered."""
        with self._database.read() as db:
            facts, events = _facts(db, case_key), _all_appeals(db, case_key)
            known = _identities(db, [case_key])
        if not (facts or events or known):
            return None
        return Case(case_key, facts, events, known[-1][1] if known else None)

    def resume(self, case: Case, found: Found | None = None) -> Case:
        """Return today's case under its stored key, with the facts that people entered before.

        What a file says is taken from today's file; what somebody entered stays until it is
        entered anew, and what somebody withdrew stays unknown. `found`: what `find` returned for it.
        """
        with self._database.read() as db:
            key = (found or _find(db, case)).case_key or case.case_key
            rows = list(_standing_facts(db, key).values())
            recorded = [one for one in _all_appeals(db, key) if not _is_among(one, case.events)]
            events = {*case.events, *recorded}
            attached = [log.as_entry(row) for row in log.rows_of(db, key, "document")]
        latest = [log.fact_entry(row) for row in rows]
        entered = {
            entry.name: entry.fact
            for entry in latest
            if entry.fact is not None
            and (entry.fact.source.startswith("entered") or entry.name not in case.facts)
        }
        case = case.without(entry.name for entry in latest if entry.fact is None)
        return msgspec.structs.replace(
            case,
            case_key=key,
            facts={**case.facts, **entered},
            events=_in_order(events),
            documents=tuple(one.kind for one in attached if isinstance(one, DocumentEntry)),
        )

    def keys(self) -> tuple[str, ...]:
        """Return the key of every case, sorted."""
        query = sa.select(ENTRIES.c.case_key).distinct()
        with self._database.read() as db:
            return tuple(sorted(db.execute(query).scalars()))

    def identities(self, keys: Sequence[str] | None = None) -> dict[str, tuple[CaseIdentity, ...]]:
        """Return every identity under which each case (each of these) was seen, by its key."""
        found: dict[str, list[CaseIdentity]] = {}
        with self._database.read() as db:
            for key, identity in _identities(db, keys):
                found.setdefault(key, []).append(identity)
        return {key: tuple(some) for key, some in found.items()}

    # ---- the log

    def history(self, case_key: str, *, name: str | None = None) -> tuple[FactEntry, ...]:
        """Return every entry ever made on the case's facts, oldest first."""
        entries = self._entries(case_key, "fact", "withdrawn")
        return tuple(one for one in entries if name in (None, one.name))

    def events(self, case_key: str, *, every: bool = False) -> tuple[EventEntry, ...]:
        """Return the recorded events that stand, oldest entry first; with `every`, the corrected too."""
        return self._entries(case_key, "event", standing=not every)

    def all_events(self) -> tuple[EventEntry, ...]:
        """Return the recorded events of all cases that stand, oldest entry first."""
        return self._entries(None, "event", standing=True)

    def all_facts(self) -> tuple[FactEntry, ...]:
        """Return the facts of all cases that stand, oldest entry first."""
        return self._facts_of(None)

    def facts(self, case_key: str) -> tuple[FactEntry, ...]:
        """Return the facts of a case that stand, oldest entry first."""
        return self._facts_of(case_key)

    def _facts_of(self, case_key: str | None) -> tuple[FactEntry, ...]:
        every = self._entries(case_key, "fact", "withdrawn", standing=True)
        return tuple(one for one in every if one.fact is not None)

    def letters(self, case_key: str) -> tuple[LetterEntry, ...]:
        """Return every letter written on the case, oldest first."""
        return self._entries(case_key, "letter")

    def entries(self, case_key: str) -> tuple[Entry, ...]:
        """Return everything ever entered on the case, oldest first."""
        return self._entries(case_key)

    def cases_with_letters(self) -> frozenset[str]:
        """Return the key of every case on which a letter was written."""
        query = sa.select(ENTRIES.c.case_key).where(ENTRIES.c.kind == "letter").distinct()
        with self._database.read() as db:
            return frozenset(db.execute(query).scalars())

    def last_entry(self, case_key: str) -> int:
        """Return the number of the case's last entry, 0 if it has none: to be given as `after`."""
        with self._database.read() as db:
            return _last_entry(db, case_key)

    def newest(self) -> int:
        """Return the number of the last entry of all cases, 0 if there is none."""
        with self._database.read() as db:
            return db.execute(sa.select(sa.func.max(ENTRIES.c.entry))).scalar_one() or 0

    def cases_changed_since(self, after: int) -> tuple[str, ...]:
        """Return the key of every case that was worked on after that entry, sorted."""
        query = sa.select(ENTRIES.c.case_key).where(ENTRIES.c.entry > after).distinct()
        with self._database.read() as db:
            return tuple(sorted(db.execute(query).scalars()))

    def cases_with(self, numbers: Collection[str]) -> tuple[str, ...]:
        """Return the key of every case that was seen with one of these numbers, sorted.

        Numbers are as `toolkit.cases.identity.claim_numbers` gives them.
        """
        query = (
            sa.select(ENTRIES.c.case_key)
            .join(CASE_NUMBERS, CASE_NUMBERS.c.entry == ENTRIES.c.entry)
            .where(CASE_NUMBERS.c.number.in_(numbers))
            .distinct()
        )
        with self._database.read() as db:
            return tuple(sorted(db.execute(query).scalars()))

    def changed_since(self, case_key: str, after: int) -> tuple[Entry, ...]:
        """Return what was entered on the case after that entry, oldest first."""
        with self._database.read() as db:
            return _changes(db, case_key, after)

    def verify(self) -> Verified:
        """Return whether every entry is as it was written, by walking the chain of hashes."""
        with self._database.read() as db:
            return log.verify(db)

    def _entries(self, case_key: str | None, *kinds: str, standing: bool = False) -> tuple:
        with self._database.read() as db:
            rows: Any = log.rows_of(db, case_key, *kinds)
            return tuple(log.as_entry(row) for row in (log.standing(rows) if standing else rows))

    def _check_unchanged(self, db: sa.Connection, case_key: str, after: int | None) -> None:
        changes = () if after is None else _changes(db, case_key, after)
        if changes:
            says = "; ".join(
                f"{one.what} by {one.who} on {local_time(one.entered_at)}" for one in changes[-5:]
            )
            raise ChangedError(
                f"nothing was saved: the case was changed since you last looked ({says}).",
                changes,
                changes[-1].entry,
            )


# ---- with a connection


def _key(text: str) -> str:
    if not text:
        raise UsageError("An entry needs a case key and a name.")
    return text


def _last_entry(db: sa.Connection, case_key: str) -> int:
    query = sa.select(sa.func.max(ENTRIES.c.entry)).where(ENTRIES.c.case_key == case_key)
    return db.execute(query).scalar_one() or 0


def _add_identity(db: sa.Connection, identity: CaseIdentity | None, of_case: dict) -> None:
    """Add the identity to the case, unless it has it already."""
    if identity is None:
        return
    columns = log.encoded(identity)
    known = {row["value"] for row in log.rows_of(db, of_case["case_key"], "identity")}
    if columns["value"] not in known:
        log.append(db, **of_case, **columns)


def _add_facts(db: sa.Connection, facts: Mapping[str, Fact], of_case: dict) -> None:
    before = _standing_facts(db, of_case["case_key"])
    for name, fact in facts.items():
        corrects = before.get(_key(name))
        log.append(
            db,
            **of_case,
            **log.fact_columns(fact),
            name=name,
            corrects=corrects and corrects["entry"],
        )


def _standing_facts(db: sa.Connection, case_key: str) -> dict[str, sa.RowMapping]:
    rows = log.standing(log.rows_of(db, case_key, "fact", "withdrawn"))
    return {row["name"]: row for row in rows}


def _facts(db: sa.Connection, case_key: str) -> dict[str, Fact]:
    entries = (log.fact_entry(row) for row in _standing_facts(db, case_key).values())
    return {entry.name: entry.fact for entry in entries if entry.fact is not None}


def _appeals(db: sa.Connection, case_key: str) -> tuple[Event, ...]:
    return tuple(log.appeal_of(row) for row in log.rows_of(db, case_key, "appeal"))


def _all_appeals(db: sa.Connection, case_key: str) -> tuple[Event, ...]:
    """Return the appeals taken over from files and those that the recorded events make up."""
    rows = log.standing(log.rows_of(db, case_key, "event"))
    recorded = [log.event_entry(row) for row in rows]
    filings = [one for one in recorded if one.event in ("filed", "decided") and one.level]
    found = []
    for level in dict.fromkeys(one.level for one in filings):
        filed = [one for one in filings if (one.level, one.event) == (level, "filed")]
        decided = [one for one in filings if (one.level, one.event) == (level, "decided")]
        last = decided[-1] if decided else None
        found.append(
            Event(
                level=level,
                filed_on=filed[-1].day if filed else None,
                decided_on=last.day if last else None,
                outcome=last.outcome if last else "",
                recovered_cents=last.amount_cents if last else None,
                source="recorded",
            )
        )
    return (*_appeals(db, case_key), *found)


def _is_among(appeal: Event, events: tuple[Event, ...]) -> bool:
    """Return whether the files, or the tables that recorded events were brought to, have the appeal."""
    return any(
        one.level == appeal.level
        and (one.filed_on, one.decided_on) == (appeal.filed_on, appeal.decided_on)
        for one in events
    )


def _in_order(events: set[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda e: (e.filed_on or date.min, e.decided_on or date.min)))


def _identities(db: sa.Connection, keys: Sequence[str] | None) -> list[tuple[str, CaseIdentity]]:
    query = sa.select(ENTRIES.c.case_key, ENTRIES.c.value).where(ENTRIES.c.kind == "identity")
    if keys is not None:
        query = query.where(ENTRIES.c.case_key.in_(keys))
    rows = db.execute(query.order_by(ENTRIES.c.entry))
    return [(key, log.decoded(value)) for key, value in rows]


def _find(db: sa.Connection, case: Case) -> Found:
    own = [key for key in (case.case_key, case.version_1_key) if key]
    known = db.execute(sa.select(ENTRIES.c.case_key).where(ENTRIES.c.case_key.in_(own)).distinct())
    query = _SEEN.where(CASE_NUMBERS.c.number.in_(numbers(case.identity) if case.identity else ()))
    seen = {(key, log.decoded(value)) for _, key, value in db.execute(query)}
    return _found(db, case, set(known.scalars()), seen)


_SEEN = sa.select(CASE_NUMBERS.c.number, ENTRIES.c.case_key, ENTRIES.c.value).join(
    ENTRIES, CASE_NUMBERS.c.entry == ENTRIES.c.entry
)


def _found(
    db: sa.Connection, case: Case, known: set[str], seen: set[tuple[str, CaseIdentity]]
) -> Found:
    """Return the stored case; `known`: the keys that are in the store, `seen`: what shares a number."""
    for key in (case.case_key, case.version_1_key):
        if key and key in known:
            return Found(case_key=key)
    if case.identity is None:
        return Found()
    matches: dict[str, set[str]] = {}
    for key, identity in seen:
        matches.setdefault(key, set()).add(match(identity, case.identity))
    same = sorted(key for key, some in matches.items() if "same" in some)
    if len(same) == 1:
        return Found(case_key=same[0])
    maybe = same or sorted(key for key, some in matches.items() if "maybe" in some)
    return Found(candidates=tuple(_candidate(db, key) for key in maybe))


def _sharing(
    by_number: Mapping[str, set[tuple[str, CaseIdentity]]], identity: CaseIdentity | None
) -> set[tuple[str, CaseIdentity]]:
    mine = numbers(identity) if identity else ()
    return {one for number in mine for one in by_number.get(number, ())}


def _candidate(db: sa.Connection, key: str) -> Candidate:
    entries = [log.as_entry(row) for row in log.rows_of(db, key)]
    made = [one for one in entries if type(one) is not Entry] or entries
    last = made[-1]
    return Candidate(case_key=key, entries=len(made), who=last.who, entered_at=last.entered_at)


def _changes(db: sa.Connection, case_key: str, after: int) -> tuple[Entry, ...]:
    query = (
        sa.select(ENTRIES)
        .where(ENTRIES.c.case_key == case_key, ENTRIES.c.entry > after)
        .where(ENTRIES.c.kind != "identity")
        .order_by(ENTRIES.c.entry)
    )
    return tuple(log.as_entry(row) for row in db.execute(query).mappings())


def _check_correctable(db: sa.Connection, case_key: str, corrects: int) -> None:
    events = {row["entry"]: row for row in log.rows_of(db, case_key, "event")}
    if corrects not in events:
        raise RefusedError(
            f"entry {corrects} is not a recorded event of this claim.",
            needs=("the number of one: toolkit history shows them",),
        )
    again = next((row["entry"] for row in events.values() if row["corrects"] == corrects), None)
    if again is not None:
        raise RefusedError(
            f"entry {corrects} was already corrected, by entry {again}.",
            needs=(f"--correct {again}, to correct that one",),
        )

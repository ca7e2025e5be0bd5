"""Append to a case store's log and read it back: one row per entry, chained by hash."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from toolkit.cases.case import Event, Fact
from toolkit.cases.chain import Verified, hash_of, walk
from toolkit.cases.entry import (
    AppealEntry,
    DocumentEntry,
    Entry,
    EventEntry,
    FactEntry,
    LetterEntry,
)
from toolkit.cases.identity import CaseIdentity, numbers
from toolkit.cases.schema import CASE_NUMBERS, ENTRIES
from toolkit.errors import UsageError

_PLAIN = {
    "name": "", "value_kind": "", "value": "", "day": "", "level": "", "outcome": "",
    "amount_cents": None, "proof": "", "source": "", "corrects": None,
}  # fmt: skip


def append(db: sa.Connection, **given: Any) -> int:
    """Add one entry to the log and return its number. The caller holds the write lock."""
    last = db.execute(
        sa.select(ENTRIES.c.entry, ENTRIES.c.hash).order_by(ENTRIES.c.entry.desc()).limit(1)
    ).first()
    row = _PLAIN | given
    row["entry"], row["previous"] = (last.entry + 1, last.hash) if last else (1, "")
    row["hash"] = hash_of(row)
    db.execute(sa.insert(ENTRIES).values(row))
    if row["kind"] == "identity":
        found = [{"number": one, "entry": row["entry"]} for one in numbers(decoded(row["value"]))]
        if found:
            db.execute(sa.insert(CASE_NUMBERS), found)
    return row["entry"]


def encoded(identity: CaseIdentity) -> dict[str, Any]:
    """Return the columns of an entry that holds a case's identity."""
    value = msgspec.json.encode(identity, order="deterministic").decode()
    return {"kind": "identity", "name": "identity", "value_kind": "json", "value": value}


def decoded(value: str) -> CaseIdentity:
    """Return the identity that an entry of kind 'identity' holds."""
    return msgspec.json.decode(value, type=CaseIdentity)


def stamp(now: datetime) -> str:
    """Return a time in UTC as text; a time without an offset is refused."""
    if now.tzinfo is None:
        raise UsageError("The time of an entry needs a UTC offset, as datetime.now(UTC) has.")
    return now.astimezone(UTC).isoformat(timespec="seconds")


def signed(who: str, now: datetime) -> dict[str, str]:
    """Return the columns that say who made an entry, and when."""
    who = " ".join(who.split())
    if not who or len(who) > 200 or not who.isprintable():
        raise UsageError("Every entry names who made it: give a name of at most 200 characters.")
    return {"who": who, "entered_at": stamp(now)}


def fact_columns(fact: Fact) -> dict[str, Any]:
    """Return the columns of an entry that hold a fact."""
    return {
        "kind": "fact",
        "value_kind": {str: "text", int: "count", date: "date"}[type(fact.value)],
        "value": str(fact.value),  # a date in ISO form
        "source": fact.source,
        "day": fact.as_of.isoformat() if fact.as_of else "",
    }


def rows_of(db: sa.Connection, case_key: str | None, *kinds: str) -> Iterable[sa.RowMapping]:
    """Return the rows of a case (None: of all cases), of these kinds, the oldest first."""
    query = sa.select(ENTRIES).order_by(ENTRIES.c.entry)
    if case_key is not None:
        query = query.where(ENTRIES.c.case_key == case_key)
    if kinds:
        query = query.where(ENTRIES.c.kind.in_(kinds))
    return db.execute(query).mappings()


def standing(rows: Iterable[sa.RowMapping]) -> list[sa.RowMapping]:
    """Return the rows that no other of these corrects."""
    rows = list(rows)
    corrected = {row["corrects"] for row in rows}
    return [row for row in rows if row["entry"] not in corrected]


def verify(db: sa.Connection) -> Verified:
    """Return what walking the whole chain finds, and whether cases are looked up as entries say."""
    found = walk(db.execute(sa.select(ENTRIES).order_by(ENTRIES.c.entry)).mappings())
    if found.wrong is None:
        said = {
            (one, row["entry"])
            for row in rows_of(db, None, "identity")
            for one in numbers(decoded(row["value"]))
        }
        differ = said ^ {tuple(row) for row in db.execute(sa.select(CASE_NUMBERS))}
        if differ:
            return msgspec.structs.replace(found, wrong=min(entry for _, entry in differ))
    return found


def as_entry(row: sa.RowMapping) -> Entry:
    """Return a row as what it is: a fact, an event, a letter, a document, an appeal of a file, or another."""
    kind = row["kind"]
    if kind in ("fact", "withdrawn"):
        return fact_entry(row)
    if kind == "event":
        return event_entry(row)
    if kind == "letter":
        value = json.loads(row["value"])
        return LetterEntry(**_common(row), **value, kind=row["name"], letter_date=_day(row["day"]))
    if kind == "document":
        return DocumentEntry(**_common(row), **json.loads(row["value"]), kind=row["name"])
    if kind == "appeal":
        return AppealEntry(**_common(row), appeal=appeal_of(row))
    return Entry(**_common(row))


def fact_entry(row: sa.RowMapping) -> FactEntry:
    """Return a row of kind `fact` or `withdrawn` as the entry of a fact."""
    return FactEntry(**_common(row), name=row["name"], fact=_fact(row), source=row["source"])


def event_entry(row: sa.RowMapping) -> EventEntry:
    """Return a row of kind `event` as the entry of an event."""
    names = ("level", "outcome", "amount_cents", "proof", "source")
    fields = {name: row[name] for name in names}
    return EventEntry(**_common(row), **fields, event=row["name"], day=_day(row["day"]))


def appeal_of(row: sa.RowMapping) -> Event:
    """Return the appeal that a row of kind `appeal` holds."""
    return msgspec.json.decode(row["value"], type=Event)


def _common(row: sa.RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in ("entry", "case_key", "who", "entered_at", "corrects")}


def _fact(row: sa.RowMapping) -> Fact | None:
    if row["kind"] == "withdrawn":
        return None
    read = {"text": str, "count": int, "date": date.fromisoformat}[row["value_kind"]]
    return Fact(read(row["value"]), row["source"], _day(row["day"]) if row["day"] else None)


def _day(text: str) -> date:
    return date.fromisoformat(text)

"""The store of cases: one SQLite file, for its owner only, to which entries are only ever added.

What an analyst enters is never lost: a new value stands beside the earlier ones, a withdrawn one
is an entry too, and every letter written leaves its hash. The file's rollback journal makes an
entry whole or absent after a crash; two processes may have the file open.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import msgspec

from toolkit.cases.case import Case, Event, Fact
from toolkit.errors import InputError, UsageError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  case_key TEXT NOT NULL, name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('text', 'date', 'count', 'withdrawn')),
  value TEXT NOT NULL, source TEXT NOT NULL, as_of TEXT NOT NULL, entered_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS facts_of_case ON facts (case_key, name, entry);
CREATE TABLE IF NOT EXISTS events (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  case_key TEXT NOT NULL, event TEXT NOT NULL, entered_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_case ON events (case_key, entry);
CREATE TABLE IF NOT EXISTS letters (
  entry INTEGER PRIMARY KEY AUTOINCREMENT,
  case_key TEXT NOT NULL, kind TEXT NOT NULL, sha256 TEXT NOT NULL, file_type TEXT NOT NULL,
  is_draft INTEGER NOT NULL, letter_date TEXT NOT NULL, written_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS letters_of_case ON letters (case_key, entry);
"""
_APPEND_ONLY = """
CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END;
"""
_VERSION = 1


class FactEntry(msgspec.Struct, frozen=True):
    """One entry in the history of a fact; `fact` is nothing where it was withdrawn."""

    entry: int
    name: str
    fact: Fact | None
    entered_at: str


class LetterEntry(msgspec.Struct, frozen=True):
    """One letter that was written: its kind, the hash of its bytes, and when."""

    entry: int
    kind: str
    sha256: str
    file_type: str
    is_draft: bool
    letter_date: date
    written_at: str


class CaseStore:
    """The cases on file. Open it with `with`; the caller says what time it is."""

    def __init__(self, path: Path | str):
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # The file is private from its first byte; SQLite gives its journal the same mode.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            self._db.execute("PRAGMA journal_mode = DELETE")  # works on a network drive, unlike WAL
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise InputError(
                    f"{self._path.name}: was written by a newer version of the toolkit; update it"
                )
            if version < _VERSION:
                self._make()
            self._path.chmod(0o600)
        except sqlite3.DatabaseError:
            self._db.close()
            raise InputError(
                f"{self._path.name}: is not a case store; choose another file"
            ) from None
        except InputError:
            self._db.close()
            raise

    def _make(self) -> None:
        with self._writing():
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    self._db.execute(statement)
            for table in ("facts", "events", "letters"):
                for verb in ("UPDATE", "DELETE"):
                    self._db.execute(_APPEND_ONLY.format(table=table, verb=verb))
            self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def __enter__(self) -> "CaseStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; entries are on disk already."""
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")  # waits for the other process
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def save(self, case: Case, *, now: datetime) -> int:
        """Add every fact and event of the case that is new or changed; return how many were added."""
        with self._writing():
            stored = self._current(case.case_key)
            added = [(name, fact) for name, fact in case.facts.items() if stored.get(name) != fact]
            for name, fact in added:
                self._add(case.case_key, name, fact, now)
            known = set(self._events(case.case_key))
            new = [event for event in case.events if event not in known]
            for event in new:
                self._db.execute(
                    "INSERT INTO events (case_key, event, entered_at) VALUES (?, ?, ?)",
                    (case.case_key, msgspec.json.encode(event).decode(), _stamp(now)),
                )
        return len(added) + len(new)

    def enter(self, case_key: str, facts: Mapping[str, Fact], *, now: datetime) -> None:
        """Add these facts, all of them or none."""
        with self._writing():
            for name, fact in facts.items():
                self._add(case_key, name, fact, now)

    def withdraw(self, case_key: str, name: str, *, source: str, now: datetime) -> None:
        """Say that a fact is no longer held to be so; its history stays."""
        with self._writing():
            self._insert(case_key, name, "withdrawn", "", source, None, now)

    def case(self, case_key: str) -> Case | None:
        """Return the case as it stands: the latest entry of each fact, and its events."""
        facts, events = self._current(case_key), self._events(case_key)
        return Case(case_key, facts, events) if facts or events else None

    def resume(self, case: Case) -> Case:
        """Return today's case with the facts that people entered before, theirs first.

        What a file says is taken from today's file; what somebody entered stays until it is
        entered anew, and what somebody withdrew stays unknown.
        """
        latest = self._latest(case.case_key)
        entered = {
            entry.name: entry.fact
            for entry in latest
            if entry.fact is not None
            and (entry.fact.source.startswith("entered") or entry.name not in case.facts)
        }
        case = case.without(entry.name for entry in latest if entry.fact is None)
        events = {*case.events, *self._events(case.case_key)}
        ordered = sorted(events, key=lambda e: (e.filed_on or date.min, e.decided_on or date.min))
        return Case(case.case_key, {**case.facts, **entered}, tuple(ordered))

    def keys(self) -> tuple[str, ...]:
        """Return the key of every case on file, sorted."""
        rows = self._db.execute(
            "SELECT case_key FROM facts UNION SELECT case_key FROM events ORDER BY 1"
        )
        return tuple(key for (key,) in rows)

    def history(self, case_key: str, *, name: str | None = None) -> tuple[FactEntry, ...]:
        """Return every entry ever made on the case's facts, oldest first."""
        rows = self._db.execute(
            "SELECT entry, name, kind, value, source, as_of, entered_at FROM facts"
            " WHERE case_key = ? AND (? IS NULL OR name = ?) ORDER BY entry",
            (case_key, name, name),
        )
        return tuple(FactEntry(r[0], r[1], _fact(*r[2:6]), r[6]) for r in rows)

    def record_letter(
        self,
        case_key: str,
        *,
        kind: str,
        sha256: str,
        file_type: str,
        letter_date: date,
        now: datetime,
        is_draft: bool = False,
    ) -> None:
        """Add a letter that was written: its kind, the SHA-256 of its bytes, and when."""
        with self._writing():
            self._db.execute(
                "INSERT INTO letters (case_key, kind, sha256, file_type, is_draft, letter_date,"
                " written_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (case_key, kind, sha256, file_type, int(is_draft), letter_date.isoformat(),
                 _stamp(now)),
            )  # fmt: skip

    def letters(self, case_key: str) -> tuple[LetterEntry, ...]:
        """Return every letter written on the case, oldest first."""
        rows = self._db.execute(
            "SELECT entry, kind, sha256, file_type, is_draft, letter_date, written_at"
            " FROM letters WHERE case_key = ? ORDER BY entry",
            (case_key,),
        )
        return tuple(
            LetterEntry(r[0], r[1], r[2], r[3], bool(r[4]), date.fromisoformat(r[5]), r[6])
            for r in rows
        )

    def _current(self, case_key: str) -> dict[str, Fact]:
        return {
            entry.name: entry.fact for entry in self._latest(case_key) if entry.fact is not None
        }

    def _latest(self, case_key: str) -> tuple[FactEntry, ...]:
        rows = self._db.execute(
            "SELECT entry, name, kind, value, source, as_of, entered_at FROM facts WHERE entry IN"
            " (SELECT MAX(entry) FROM facts WHERE case_key = ? GROUP BY name) ORDER BY entry",
            (case_key,),
        )
        return tuple(FactEntry(r[0], r[1], _fact(*r[2:6]), r[6]) for r in rows)

    def _events(self, case_key: str) -> tuple[Event, ...]:
        rows = self._db.execute(
            "SELECT event FROM events WHERE case_key = ? ORDER BY entry", (case_key,)
        )
        return tuple(msgspec.json.decode(text, type=Event) for (text,) in rows)

    def _add(self, case_key: str, name: str, fact: Fact, now: datetime) -> None:
        kind = {str: "text", int: "count"}.get(type(fact.value), "date")
        value = fact.value.isoformat() if kind == "date" else str(fact.value)
        self._insert(case_key, name, kind, value, fact.source, fact.as_of, now)

    def _insert(self, case_key, name, kind, value, source, as_of, now) -> None:
        if not case_key or not name:
            raise UsageError("A fact is entered under a case key and a name.")
        day = as_of.isoformat() if as_of else ""
        self._db.execute(
            "INSERT INTO facts (case_key, name, kind, value, source, as_of, entered_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (case_key, name, kind, value, source, day, _stamp(now)),
        )


def _fact(kind: str, value: str, source: str, as_of: str) -> Fact | None:
    if kind == "withdrawn":
        return None
    typed = {"text": str, "count": int, "date": date.fromisoformat}[kind](value)
    return Fact(typed, source, date.fromisoformat(as_of) if as_of else None)


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="seconds")

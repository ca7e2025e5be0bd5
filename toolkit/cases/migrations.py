"""Migrate a case store to the version that this toolkit writes, without losing anything."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from toolkit.cases.identity import CaseIdentity, numbers
from toolkit.cases.log import append, encoded
from toolkit.cases.schema import STORE_VERSION, make_tables
from toolkit.errors import StoreError
from toolkit.history.identity import ClaimIdentity

VERSION = 2
UNKNOWN_WHO = "not recorded (store of version 1)"


def version_of(db: sa.Connection) -> int:
    """Return the store's version; 0 if there is none yet."""
    if db.dialect.name == "sqlite":
        return db.exec_driver_sql("PRAGMA user_version").scalar_one()
    if not sa.inspect(db).has_table(STORE_VERSION.name):
        return 0
    return db.execute(sa.select(sa.func.max(STORE_VERSION.c.version))).scalar_one() or 0


def check_version(db: sa.Connection, name: str) -> bool:
    """Return whether the store has to be migrated; refuse one that is newer, or is not a case store."""
    found = version_of(db)
    if found > VERSION:
        raise StoreError(
            f"{name}: the case store was written by a newer version of the toolkit; update it"
        )
    sqlite = db.dialect.name == "sqlite"
    if sqlite and not found and sa.inspect(db).get_table_names():
        raise StoreError(f"{name}: is not a case store; choose another file")
    return found < VERSION


def migrate(db: sa.Connection) -> None:
    """Make the tables of a new store, or take over what an earlier version wrote."""
    found = version_of(db)
    if found == 0:
        make_tables(db)
    for version in range(max(found, 1), VERSION):
        if found:
            _STEPS[version](db)
    db.execute(sa.insert(STORE_VERSION).values(version=VERSION))
    if db.dialect.name == "sqlite":  # so that an earlier toolkit refuses the file
        db.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _from_version_1(db: sa.Connection) -> None:
    """Copy the facts, events and letters of version 1 into the log; its tables stay as they are."""
    make_tables(db)
    standing: dict[tuple[str, str], int] = {}
    identities: dict[str, dict[str, Any]] = {}
    for table, row in _in_order_of_time(db):
        of_case = {
            "case_key": row["case_key"],
            "who": UNKNOWN_WHO,
            "entered_at": _utc(row.get("entered_at") or row["written_at"]),
        }
        if table == "facts":
            key = (row["case_key"], row["name"])
            standing[key] = append(
                db, **_fact_of_version_1(row), **of_case, corrects=standing.get(key)
            )
            if row["kind"] == "text":
                identities.setdefault(row["case_key"], dict(of_case))[row["name"]] = row["value"]
        elif table == "events":
            append(
                db, **of_case, kind="appeal", name="appeal", value_kind="json", value=row["event"]
            )
        else:
            append(db, **_letter_of_version_1(row), **of_case)
    for known in identities.values():
        _add_identity(db, known)


def _in_order_of_time(db: sa.Connection) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows of the three tables by time; each table keeps its own order, whatever its clock."""
    found = []
    for table, stamp in (("facts", "entered_at"), ("events", "entered_at"), ("letters", "written_at")):  # fmt: skip
        latest = ""
        for row in db.exec_driver_sql(f"SELECT * FROM {table} ORDER BY entry").mappings():
            latest = max(latest, _utc(row[stamp]))
            found.append((latest, table, dict(row)))
    order = {"facts": 0, "events": 1, "letters": 2}
    found.sort(key=lambda one: (one[0], order[one[1]], one[2]["entry"]))
    return [(table, row) for _, table, row in found]


def _fact_of_version_1(row: dict[str, Any]) -> dict[str, Any]:
    withdrawn = row["kind"] == "withdrawn"
    return {
        "kind": "withdrawn" if withdrawn else "fact",
        "name": row["name"],
        "value_kind": "" if withdrawn else row["kind"],
        "value": row["value"],
        "source": row["source"],
        "day": row["as_of"],
    }


def _letter_of_version_1(row: dict[str, Any]) -> dict[str, Any]:
    value = {name: row[name] for name in ("sha256", "file_type")}
    value["is_draft"] = bool(row["is_draft"])
    return {
        "kind": "letter",
        "name": row["kind"],
        "value_kind": "json",
        "value": json.dumps(value),
        "day": row["letter_date"],
    }


def _add_identity(db: sa.Connection, known: dict[str, Any]) -> None:
    """Add what version 1's facts say of the claim, so that the case is found again by its numbers."""
    number = known.get("payer_claim_control_number")
    identity = CaseIdentity(
        claim=ClaimIdentity(
            account=known.get("patient_control_number"),
            payer_numbers=frozenset([number] if number else []),
            payer_id=known.get("payer_id"),
            payer_name=known.get("payer_name"),
        ),
        line_unknown=True,
    )
    if numbers(identity):
        of_case = {name: known[name] for name in ("case_key", "who", "entered_at")}
        append(db, **of_case, **encoded(identity))


def _utc(stamp: str) -> str:
    """Return a time of version 1 in UTC; the desk gave it in this machine's local time."""
    return datetime.fromisoformat(stamp).astimezone(UTC).isoformat(timespec="seconds")


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _from_version_1}

"""The tables of a case store, the same in SQLite and PostgreSQL: rows are only ever added."""

import sqlalchemy as sa

METADATA = sa.MetaData()


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


# One row per entry. `name` is a fact, an event, or a kind of letter; `value_kind` how `value` is
# read back (text, date, count, json); `day` is the fact's, the event's or the letter's.
ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
    _text("case_key"),
    _text("kind"),
    _text("name"),
    _text("value_kind"),
    _text("value"),
    _text("day"),
    _text("level"),
    _text("outcome"),
    sa.Column("amount_cents", sa.BigInteger),
    _text("proof"),
    _text("source"),
    _text("who"),
    _text("entered_at"),
    sa.Column("corrects", sa.Integer),
    _text("previous"),
    _text("hash"),
    sa.Index("entries_of_case", "case_key", "entry"),
    sa.Index("corrected_once", "corrects", unique=True),
)

# The numbers by which a case is looked up: an index of the entries of kind 'identity'.
CASE_NUMBERS = sa.Table(
    "case_numbers",
    METADATA,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("entry", sa.Integer, primary_key=True, autoincrement=False),
)

STORE_VERSION = sa.Table("store_version", METADATA, sa.Column("version", sa.Integer))

APPEND_ONLY = ("entries", "case_numbers")

_SQLITE = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT RAISE(ABORT, 'entries are only added'); END
"""
_POSTGRES_FUNCTION = """
CREATE FUNCTION entries_are_only_added() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'entries are only added' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""
_POSTGRES = """
CREATE TRIGGER {table}_only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION entries_are_only_added()
"""


def make_tables(db: sa.Connection) -> None:
    """Make the tables, and the triggers that refuse to change or delete a row."""
    METADATA.create_all(db)
    if db.dialect.name == "sqlite":
        for table in APPEND_ONLY:
            for verb in ("UPDATE", "DELETE"):
                db.exec_driver_sql(_SQLITE.format(table=table, verb=verb))
        return
    db.exec_driver_sql(_POSTGRES_FUNCTION)
    for table in APPEND_ONLY:
        db.exec_driver_sql(_POSTGRES.format(table=table))

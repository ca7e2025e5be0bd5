"""Narrow facts of a source: one row per denial, per appeal submitted, per claim, and counts of lines.

No column may identify a patient. Parts of a source give facts that are put one below the other: every
number of a report is a sum over them (`toolkit.metrics.parcel`).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import Claims, conform
from toolkit.hospital.payers import SELF_PAY, is_self_pay
from toolkit.metrics.rows import ONCE, Rows, days, months, payers, places, text_at, whole
from toolkit.metrics.statements import FOUND, NOT_READ, OUT, STEPS
from toolkit.worklist.keys import Coded, combined, keys_at, keys_of, taken

if TYPE_CHECKING:
    import duckdb

_A_PERSON_HAS = 50  # claims at most, of one payer


@dataclass(frozen=True, eq=False)
class FactTables:
    """The facts of a source or of a part of it, as Arrow tables.

    `alone` is true of a row that is its claim's only one in the table.
    `denials`: one row per denial of the worklist. `denied_cents` counts a charge that two payers
    deny once, `stake_cents` is what appeals have not brought back, `recovered_cents` what they have;
    where a closed denial was won and the amount is not stated, neither the stake is known nor
    `known_back_cents`. `paid_back_cents` is what the payer paid later without an appeal, and
    `resolved_on` the day a closed denial ended, where either is known.
    `submissions`: one row per appeal, which is a claim, a level, a day of filing and of decision; its
    outcome is derived from its lines, `unread` where one of them has none though the appeal has ended,
    `dispute_cents` is what was still denied when it was filed.
    `claims`: one row per decision of a claim, reversals left out, and the cases made of letters, whose
    claims are in no file: the day, whether anything of it
    was denied, whether that was the claim's first denial, whether it is a rebill. `lines`: service
    lines by month, payer, procedure and denial code, counted. `bridge`: the adjustments that are
    denials of the worklist, and those that are not, by code, payer and facility.

    A payer whose name is a person's, as with self-pay, stands under `SELF_PAY` (`without_persons`).
    """

    denials: pa.Table
    submissions: pa.Table
    claims: pa.Table
    lines: pa.Table
    bridge: pa.Table


TABLES = tuple(one.name for one in fields(FactTables))


def facts_of(
    claims: Claims, worklist: pd.DataFrame, *, as_of: date
) -> tuple[FactTables, pd.DataFrame]:
    """Return the facts of these claims and their worklist, and what was found wrong with amounts.

    All rows of a claim number have to be among them. The findings are rows of FINDINGS.
    """
    from toolkit.history import seen_on  # a notebook that opens facts needs none of it

    claims = seen_on(claims, as_of)
    claims, worklist = without_persons(claims, worklist)
    rows = Rows(claims, worklist)
    with _connected(rows) as db:
        for statement in STEPS:
            db.execute(statement)
        found = {name: db.sql(OUT[name]).to_arrow_table() for name in TABLES}
        wrong = db.sql(FOUND).df()
    tables = FactTables(**{name: _table(name, found[name], rows) for name in TABLES})
    return tables, _findings(wrong, rows)


def without_persons(claims: Claims, worklist: pd.DataFrame) -> tuple[Claims, pd.DataFrame]:
    """Return both with one payer for all whose name says self-pay, or is the patient's own name."""
    table = claims.claims
    payer = table["payer_name"]
    names = {name for name in payer.dropna().unique() if is_self_pay(name)}
    counts = payer.map(payer.value_counts())
    rare = table.loc[counts.le(_A_PERSON_HAS) & table["patient_name"].notna()]
    names |= {
        name
        for name, patient in zip(rare["payer_name"], rare["patient_name"], strict=True)
        if _words(patient) <= _words(name)
    }
    names |= set(worklist.loc[worklist["program"].eq("self_pay"), "payer_name"].dropna().unique())
    if not names:
        return claims, worklist

    def masked(frame: pd.DataFrame) -> pd.DataFrame:
        person = frame["payer_name"].isin(names)
        return frame.assign(
            payer_name=frame["payer_name"].astype("str").mask(person, SELF_PAY),
            payer_id=frame["payer_id"].mask(person),
        )

    return replace(claims, claims=masked(table)), masked(worklist)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w{2,}", text.casefold())) or {text}


@cache
def _database() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})


@contextmanager
def _connected(rows: Rows) -> "Iterator[duckdb.DuckDBPyConnection]":
    """Give a connection of its own, which has the tables of the rows, to this process's database."""
    from toolkit.claims.restated import PLACEHOLDER

    with _database().cursor() as db:
        for name, table in rows.tables(PLACEHOLDER).items():
            db.register(name, table)
        # A number of so many denials is a placeholder: it tells no claims apart.
        db.execute(f"SET VARIABLE placeholder = {PLACEHOLDER}")
        yield db


# --- the answers with their texts ------------------------------------------------------------------

_TEXT, _KEY, _DAY, _CENTS, _FLAG = ONCE, pa.large_string(), pa.date32(), pa.int64(), pa.bool_()
_SCHEMAS = {
    name: pa.schema(dict(columns))
    for name, columns in {
        "denials": (
            ("denial_key", _KEY), ("claim_key", _KEY), ("alone", _FLAG), ("payer", _TEXT), ("payer_name", _TEXT),
            ("facility", _TEXT), ("owner", _TEXT), ("program", _TEXT), ("level", _TEXT),
            ("denial_category", _TEXT), ("reason", _TEXT), ("route", _TEXT), ("preventable", _TEXT),
            ("appealable", _FLAG), ("group_code", _TEXT), ("carc", _TEXT), ("rarcs", _TEXT),
            ("gap", _TEXT), ("citation", _TEXT), ("rule_status", _TEXT), ("due", _TEXT),
            ("state", _TEXT), ("closed_as", _TEXT), ("appealed", _FLAG), ("acted", _FLAG),
            ("lost", _FLAG), ("denied_on", _DAY), ("first_filed_on", _DAY), ("file_by", _DAY),
            ("decision_due", _DAY), ("procedure_code", _TEXT), ("resolved_on", _DAY),
            ("last_filing_date", _DAY), ("billed_cents", _CENTS), ("stated_cents", _CENTS),
            ("denied_cents", _CENTS), ("recovered_cents", _CENTS), ("known_back_cents", _CENTS),
            ("paid_back_cents", _CENTS), ("stake_cents", _CENTS),
        ),
        "submissions": (
            ("claim_key", _KEY), ("alone", _FLAG), ("file_id", _TEXT), ("row", pa.int64()), ("payer", _TEXT),
            ("payer_name", _TEXT), ("facility", _TEXT), ("program", _TEXT), ("owner", _TEXT),
            ("denial_category", _TEXT), ("level", _TEXT), ("denied_on", _DAY), ("filed_on", _DAY),
            ("decided_on", _DAY), ("outcome", _TEXT), ("cash_on", _DAY), ("stage", _TEXT),
            ("unread", _FLAG), ("has_denial", _FLAG), ("lines", pa.int64()), ("is_first", _FLAG),
            ("dispute_cents", _CENTS), ("opens_cents", _CENTS), ("recovered_cents", _CENTS),
            ("counted_cents", _CENTS),
        ),
        "claims": (
            ("claim_key", _KEY), ("alone", _FLAG), ("file_id", _TEXT), ("day", _DAY), ("month", _DAY), ("payer", _TEXT),
            ("payer_name", _TEXT), ("facility", _TEXT), ("source", _TEXT), ("rebill", _FLAG),
            ("denied", _FLAG), ("duplicate", _FLAG), ("secondary", _FLAG), ("zero_paid", _FLAG),
            ("first_decision", _FLAG), ("first_denial", _FLAG), ("billed_cents", _CENTS),
            ("denied_cents", _CENTS), ("one", pa.int32()), ("first_claims", pa.int8()),
            ("first_billed_cents", _CENTS),
        ),
        "lines": (
            ("month", _DAY), ("payer", _TEXT), ("payer_name", _TEXT), ("facility", _TEXT),
            ("source", _TEXT), ("file_id", _TEXT), ("procedure_code", _TEXT), ("modifiers", _TEXT),
            ("carc", _TEXT), ("group_code", _TEXT), ("denied", _FLAG), ("rebill", _FLAG),
            ("lines", pa.int64()), ("billed_cents", _CENTS), ("denied_cents", _CENTS),
        ),
        "bridge": (
            ("step", _TEXT), ("payer", _TEXT), ("facility", _TEXT), ("group_code", _TEXT),
            ("carc", _TEXT), ("adjustments", pa.int64()), ("cents", _CENTS),
        ),
    }.items()
}  # fmt: skip

# What a fact has of its row of the worklist, or of its claim.
_OF_DENIAL = (
    "payer_name", "facility", "owner", "program", "level", "denial_category", "reason", "route",
    "preventable", "group_code", "carc", "rarcs", "gap", "citation", "rule_status", "state",
    "procedure_code",
)  # fmt: skip
_OF_CLAIM = ("payer", "payer_name", "facility", "source", "file_id")


def _denials(rows: Rows, found: pa.Table) -> dict[str, Any]:
    """Return the columns of the denials, which the answers have in the order of their keys."""
    worklist, order, work = rows.worklist, rows.order, rows.work
    unread = work["due"].isin(("awaiting_decision",)) & ~found["pending"].to_numpy()
    return {
        **{name: keys_at(keys_of(worklist[name]), order) for name in ("denial_key", "claim_key")},
        "alone": _alone(rows.claim(worklist)[order]),
        "due": text_at(work["due"].with_value(unread, NOT_READ)),
        "closed_as": text_at(_closed_as(rows)),
        "lost": pa.array(work["outcome"].isin(("upheld", "dismissed", "partly_overturned"))),
        **{name: text_at(work[name]) for name in ("payer", *_OF_DENIAL)},
        **{name: days(worklist[name], order) for name in ("file_by", "decision_due", "last_filing_date")},
        "appealable": pc.fill_null(pa.array(worklist["appealable"], pa.bool_()).take(pa.array(order)), False),
        "billed_cents": whole(worklist["billed_cents"], order),
        "stated_cents": rows.stated_cents,
        "denied_on": pa.array(rows.denied_on),
    }  # fmt: skip


def _closed_as(rows: Rows) -> Coded:
    """Return how each closed denial was closed; nothing for an open one."""
    names = ("due", "state", "state_from", "outcome")
    columns = [*(rows.work[name] for name in names), rows.case_status]
    number, first = combined(columns)
    asked = zip(*(one.take(first).plain() for one in columns), strict=True)
    found = Coded(number, [_closing(*one) for one in asked])
    return found.only(~found.isin((None,))).used()


def _closing(
    due: str | None,
    state: str | None,
    state_from: str | None,
    outcome: str | None,
    case: str | None,
) -> str | None:
    if due != "closed":
        return None
    if state == "paid_later":
        return "paid"
    if outcome in ("overturned", "withdrawn"):
        return outcome
    if case in ("paid", "written_off", "zero_balance"):
        return case
    return "written_off" if state_from == "recorded" else "closed"


def _submissions(rows: Rows, found: pa.Table) -> dict[str, Any]:
    """Return the columns of the appeals: what their denials have, else their claim."""
    claim, denied = _at(found["c"]), found["denied"].to_numpy()
    inside = np.where(claim < len(rows.claims.claims), claim, -1)

    def texts(name: str, at: np.ndarray = inside) -> Coded:
        """Return what the denials have, else what the claim at that place has."""
        of_denials = rows.work[name].take(_at(found[f"at_{name}"]))
        return of_denials.otherwise(rows.claim_texts[name].take(at))

    alone = np.where(denied, -1, inside)  # a payer of denials may be masked: the claim's is no help
    names = texts("payer_name", alone)
    return {
        "claim_key": keys_at(rows.claim_keys, claim),
        "alone": _alone(claim),
        "file_id": text_at(Coded(_at(found["file"]), rows.files.values)),
        "level": text_at(Coded(_at(found["level"]), rows.levels.values)),
        "payer": text_at(payers(texts("payer_id", alone), names)),
        "payer_name": text_at(names),
        "facility": text_at(texts("facility")),
        "program": text_at(texts("program")),
        "owner": text_at(rows.work["owner"].take(_at(found["at_owner"]))),
        "denial_category": text_at(rows.work["denial_category"].take(_at(found["category_n"]))),
        "denied_on": pa.array(rows.noticed).take(places(inside)),
    }


def _claims(rows: Rows, found: pa.Table) -> dict[str, Any]:
    claim = _at(found["c"])
    return {
        "claim_key": keys_at(rows.claim_keys, claim),
        "alone": _alone(claim),
        "month": months(rows.day[claim]),
        **{name: text_at(rows.claim_texts[name].take(claim)) for name in _OF_CLAIM},
    }


def _lines(rows: Rows, found: pa.Table) -> dict[str, Any]:
    claim, line = rows.kinds[1][_at(found["kind"])], rows.services[1][_at(found["service"])]
    return {
        "month": months(rows.day[claim]),
        "rebill": pa.array(rows.rebill[claim]),
        **{name: text_at(rows.claim_texts[name].take(claim)) for name in _OF_CLAIM},
        **{name: text_at(rows.line_texts[name].take(line)) for name in ("procedure_code", "modifiers")},
        **_codes(rows, found),
    }  # fmt: skip


def _bridge(rows: Rows, found: pa.Table) -> dict[str, Any]:
    claim = taken(rows.cuts[1], _at(found["cut"]), -1)
    return {
        "payer": text_at(rows.claim_texts["payer"].take(claim).filled("")),
        "facility": text_at(rows.claim_texts["facility"].take(claim)),
        **_codes(rows, found),
    }


def _codes(rows: Rows, found: pa.Table) -> dict[str, Any]:
    return {
        name: text_at(Coded(_at(found[name]), column.values))
        for name, column in zip(("group_code", "carc"), rows.codes, strict=True)
    }


_WITH_TEXTS = {
    "denials": _denials, "submissions": _submissions, "claims": _claims, "lines": _lines,
    "bridge": _bridge,
}  # fmt: skip


def _table(name: str, found: pa.Table, rows: Rows) -> pa.Table:
    """Return a table of facts: the answers, and the texts that were kept apart."""
    known = _WITH_TEXTS[name](rows, found)
    columns = []
    for field in _SCHEMAS[name]:
        column = known[field.name] if field.name in known else found[field.name].combine_chunks()
        if field.type == ONCE and not pa.types.is_dictionary(column.type):
            column = column.cast(_KEY).dictionary_encode()
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.Table.from_arrays(columns, schema=_SCHEMAS[name])


def _alone(claim: np.ndarray) -> pa.Array:
    """Return which rows are the only one of their claim."""
    return pa.array(np.bincount(claim)[claim] == 1) if len(claim) else pa.array([], pa.bool_())


def _at(column: pa.ChunkedArray) -> np.ndarray:
    """Return numbers as places; -1 is missing."""
    return column.combine_chunks().cast(pa.int64()).fill_null(-1).to_numpy()


# --- what is wrong with amounts --------------------------------------------------------------------

_SAYS = {
    "recovered_repeated": "each line of an appeal states the same recovered amount, which is more than the "
    "lines' own: it counts once, as the claim's",
    "recovered_above_denied": "an appeal states more recovered than was still denied: what is above it is "
    "not counted",
    "recovered_without_win": "a recovered amount is stated on an appeal that is not won: it is not counted "
    "as recovered",
    "appeal_without_denial": "an appeal of something that is not a denial here (paid, a patient's share, a "
    "contractual reduction): it is in no rate",
    "denied_above_billed": "the denied amount is more than the charge: check both",
    "charge_denied_twice": "another payer denied the same charge: its dollars count once",
}


def _findings(found: pd.DataFrame, rows: Rows) -> pd.DataFrame:
    files = rows.claims.files
    names = dict(zip(files["file_id"], files["file"], strict=False))
    of_file = Coded(found["file"].fillna(-1).to_numpy("int64"), rows.files.values).plain()
    told = found.assign(
        file_id=of_file,
        file=[names.get(one, "") for one in of_file],
        column=found["amount"],
        says=found["code"].map(_SAYS),
    ).drop(columns="amount")
    return conform(told, "findings")

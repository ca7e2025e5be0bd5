"""One part of a source as a report needs it: counts, and the first rows of what is listed.

A part holds every row of its claims. It is small, can be made in a process of its own, and parts
add up to the source in whatever order they come.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import APPEAL_EVENTS, FINDINGS, Claims, Column
from toolkit.metrics import Ledger, add_up, appeals, ledger_of
from toolkit.reports import rows
from toolkit.reports.rows import BY_DECISION, BY_PLACE, BY_URGENCY
from toolkit.worklist import WORKLIST

# Rows that a workbook lists where a source comes in parts.
MOST_ROWS = 10_000

URGENT_SHOWN = 40  # rows of each due state on the page

# What the page shows of a denial: its key, no number that may identify a patient.
_SHOWN = [
    "claim_key", "row", "payer_name", "program", "level", "file_by", "last_filing_date",
    "days_left", "denied_cents", "denial_category", "reason", "citation", "rule_status",
    "filed_when", "standing", "due", "denial_key", "rank",
]  # fmt: skip

_CLAIM_KEY = next(c for c in WORKLIST if c.name == "claim_key")
_NUMBERS = [
    c for c in WORKLIST if c.name in ("patient_control_number", "payer_claim_control_number")
]
_APPEALS = (
    *APPEAL_EVENTS,
    *(c for c in WORKLIST if c.name in ("payer_name", "facility", "program", "denial_category")),
    Column("dispute_cents", "cents", "denied amount of the line or claim appealed"),
    Column("denied_on", "date", "notice of the denial, else its remittance"),
)
_KIND = ["file", "file_id", "column", "code", "says"]
_FILE = ["file", "file_id", "source", "layout"]
_LISTS = ("urgent", "worklist", "appeals", "found")
_AT_ONCE = 16  # parts held before they are added up


@dataclass(frozen=True, eq=False)
class Part:
    """What reports need of some of a source's claims, or of all of them.

    Without what may identify a patient: `ledger`; `urgent`, the first `URGENT_SHOWN` denials of
    each urgent state; `findings`, one row per file, column, code and words, with `rows` and the
    `first` of them; `files`. With account numbers, for the workbook: the first `most` rows of
    `worklist` (open denials), `appeals` and `found` (findings).
    """

    ledger: Ledger
    urgent: pa.Table
    findings: pd.DataFrame
    files: pd.DataFrame
    worklist: pa.Table
    appeals: pa.Table
    found: pa.Table
    most: int

    def __getstate__(self) -> dict[str, Any]:
        """Return the part as it travels between processes."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return held | {name: rows.packed(held[name]) for name in _LISTS}

    def __setstate__(self, held: dict[str, Any]) -> None:
        for name, value in held.items():
            known = rows.unpacked(value) if name in _LISTS else value
            object.__setattr__(self, name, known)


def part_of(claims: Claims, worklist: pd.DataFrame, *, as_of: date, most: int = MOST_ROWS) -> Part:
    """Return the part that these claims and their worklist are; all rows of a claim are in it.

    A file and its findings belong to one part only; rows read of the same file add up. `most` is
    how many rows a workbook lists.
    """
    disputes = appeals(claims, worklist)
    denials = rows.ranked(rows.table(worklist, WORKLIST))
    order = rows.in_order(denials, BY_URGENCY)
    order = order[: len(denials) - denials["rank"].null_count]  # those that are open
    found = rows.table(claims.findings, FINDINGS)
    return Part(
        ledger=ledger_of(worklist, disputes, as_of=as_of),
        urgent=rows.small(rows.urgent(denials.select(_SHOWN), order, URGENT_SHOWN), BY_URGENCY),
        findings=_kinds([_counted(claims.findings)]),
        files=_files([claims.files]),
        worklist=rows.small(denials.take(order[:most]), BY_URGENCY),
        appeals=_latest(claims.claims, disputes, most),
        found=rows.first(found, BY_PLACE, most),
        most=most,
    )


def _latest(claims: pd.DataFrame, disputes: pd.DataFrame, most: int) -> pa.Table:
    """Return the latest appeals with the numbers of their claims."""
    latest = rows.first(rows.table(disputes, _APPEALS), BY_DECISION, most)
    held = rows.table(claims, (_CLAIM_KEY, *_NUMBERS))
    place = pc.index_in(latest["claim_key"], held["claim_key"])
    for column in _NUMBERS:
        latest = latest.append_column(column.name, held[column.name].take(place))
    return rows.small(latest, BY_DECISION)


def add_parts(parts: Iterable[Part]) -> Part:
    """Return all parts together, in whatever order they come; a few are held at a time.

    The rows listed are the first of all, as many as the part that lists fewest may list. Raises
    ValueError where there is no part, or where two are of different days.
    """
    held: list[Part] = []
    for part in parts:
        held.append(part)
        if len(held) == _AT_ONCE:
            held = [_sum(held)]
    if not held:
        raise ValueError("there is no part to add up")
    return held[0] if len(held) == 1 else _sum(held)


def _sum(parts: list[Part]) -> Part:
    most = min(part.most for part in parts)

    def listed(name: str, order: rows.Order) -> pa.Table:
        every = rows.together([getattr(part, name) for part in parts])
        return rows.small(rows.first(every, order, most), order)

    urgent = rows.together([part.urgent for part in parts])
    order = rows.in_order(urgent, BY_URGENCY)
    return Part(
        ledger=add_up(part.ledger for part in parts),
        urgent=rows.small(rows.urgent(urgent, order, URGENT_SHOWN), BY_URGENCY),
        findings=_kinds([part.findings for part in parts]),
        files=_files([part.files for part in parts]),
        worklist=listed("worklist", BY_URGENCY),
        appeals=listed("appeals", BY_DECISION),
        found=listed("found", BY_PLACE),
        most=most,
    )


def _counted(findings: pd.DataFrame) -> pd.DataFrame:
    return findings.assign(rows=findings["count"].fillna(1), first=findings["row"])


def _kinds(frames: list[pd.DataFrame]) -> pd.DataFrame:
    found = pd.concat(frames, ignore_index=True)
    sums = found.groupby(_KIND, dropna=False).agg(rows=("rows", "sum"), first=("first", "min"))
    kinds = dict.fromkeys(_KIND, "str") | {"rows": "int64", "first": "Int64"}
    return sums.reset_index().astype(kinds)


def _files(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the files by name, with what was read of each in all parts."""
    files = pd.concat(frames, ignore_index=True)
    counts = ["rows_read", "transactions"]
    sums = files.groupby(_FILE, dropna=False)[counts].sum(min_count=1)
    return sums.reset_index().astype(dict.fromkeys(_FILE, "str") | dict.fromkeys(counts, "Int64"))

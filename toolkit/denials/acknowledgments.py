"""The codes of what comes back before adjudication (277CA, 277, 999, 997, TA1), in our own words.

A claim that a clearinghouse or payer does not accept was never decided: that is a rejection, not a
denial, and no denial rate counts it.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from toolkit.denials.codes import FOLDER, Mark, _by, _Row
from toolkit.errors import RulesError
from toolkit.rules import read_csv

Standing = Literal[
    "accepted", "rejected", "forwarded", "not_found", "decided", "pending", "asked", "error"
]


class StatusCategory(_Row, frozen=True, kw_only=True):
    """A claim status category (STC01-1) and where it leaves the claim."""

    code: str
    says: str = ""
    standing: Standing
    mark: Mark | None = None
    source: str


class StatusCode(_Row, frozen=True, kw_only=True):
    """A claim status code (STC01-2); without words where none are on file."""

    code: str
    says: str = ""
    mark: Mark | None = None
    source: str


class AcknowledgmentCode(_Row, frozen=True, kw_only=True):
    """A code of a 999, 997 or TA1: an error of a part, or the standing of the whole."""

    list: Literal["interchange", "note", "group", "transaction", "segment", "element"]
    code: str
    says: str
    standing: Literal["accepted", "rejected", "partly", "error"]
    mark: Mark


@lru_cache(maxsize=1)
def status_categories() -> Mapping[str, StatusCategory]:
    """Return the claim status categories by code."""
    name = "claim_status_categories.csv"
    return _by("code", read_csv(FOLDER / name, StatusCategory), name)


@lru_cache(maxsize=1)
def status_codes() -> Mapping[str, StatusCode]:
    """Return the claim status codes by code."""
    name = "claim_status_codes.csv"
    return _by("code", read_csv(FOLDER / name, StatusCode), name)


@lru_cache(maxsize=1)
def acknowledgment_codes() -> Mapping[tuple[str, str], AcknowledgmentCode]:
    """Return the codes of a 999, 997 or TA1 by (list, code)."""
    rows = read_csv(FOLDER / "acknowledgment_codes.csv", AcknowledgmentCode)
    table = {(row.list, row.code): row for row in rows}
    if len(table) != len(rows):
        raise RulesError("acknowledgment_codes.csv: a code is listed twice")
    return table

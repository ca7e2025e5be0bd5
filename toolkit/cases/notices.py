"""Cases that were made of payers' letters, as rows of the canonical tables.

Such a case has one row, built of its facts, so that triage, the desk, the checklist and the letters see
it as they see every other denial. `toolkit.letters.received` makes the case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from toolkit.cases.case import Fact
from toolkit.claims.identity import id_of
from toolkit.claims.tables import Claims, concat, conform

if TYPE_CHECKING:  # a store's engine is imported where there is a store
    from toolkit.cases.store import CaseStore

# The facts of a case that its row has, by column.
_CLAIM = {
    "patient_control_number": ("patient_control_number",),
    # Before a claim there is none: the payer finds the request by its own reference.
    "payer_claim_control_number": ("payer_claim_control_number", "authorization_number"),
    "patient_name": ("patient_name",),
    "member_id": ("member_id",),
    "birth_date": ("birth_date",),
    "payer_name": ("plan_name",),
    "program": ("program",),
    "contracted": ("contracted",),
    "facility": ("hospital_name",),
    "service_from": ("service_date", "planned_date"),
    "notice_date": ("notice_date",),
    "notice_received": ("notice_received",),
    "stage": ("stage",),
}
_NUMBERS = ("patient_control_number", "payer_claim_control_number")


def notices_in(store: "CaseStore") -> tuple[Claims, ...]:
    """Return the tables of each case that was made of a letter, whatever file has its claim."""
    return tuple(
        claims_of_notice(
            one.sha256, {fact.name: fact.fact for fact in store.facts(one.case_key) if fact.fact}
        )
        for one in store.documents(None)
        if one.made_case
    )


def notices_at(place: Path | str) -> tuple[Claims, ...]:
    """Return what `notices_in` gives of the store at a place; nothing where there is no store."""
    if "://" not in str(place) and not Path(place).exists():
        return ()
    from toolkit.cases.store import CaseStore

    with CaseStore(place) as store:
        return notices_in(store)


def numbers_met(notices: Sequence[Claims], claims: Claims) -> frozenset[str]:
    """Return the numbers of these cases that a claim of the tables has."""
    wanted = frozenset[str]().union(*(_numbers(one) for one in notices))
    if not wanted:
        return wanted
    known = (claims.claims[name] for name in _NUMBERS)
    return frozenset(one for column in known for one in column[column.isin(wanted)])


def not_met(notices: Sequence[Claims], met: Collection[str]) -> Claims:
    """Return together the tables of the cases that have none of the numbers met in files.

    Where a file has the case's number, its claim is there already, and what was entered comes to it.
    """
    apart = [one for one in notices if _numbers(one).isdisjoint(met)]
    return concat(apart) if apart else Claims()


def _numbers(notice: Claims) -> frozenset[str]:
    return frozenset(notice.claims[list(_NUMBERS)].iloc[0].dropna())


def notices_beside(claims: Claims, store: "CaseStore") -> Claims:
    """Return the tables of the cases that were made of letters and are not in these tables."""
    notices = notices_in(store)
    return not_met(notices, numbers_met(notices, claims))


def with_notices(claims: Claims, notices: Sequence[Claims]) -> Claims:
    """Return the tables with the rows of those cases that are not among them, after their own."""
    beside = not_met(notices, numbers_met(notices, claims))
    return claims if beside.claims.empty else concat([claims, beside])


def claims_of_notice(sha256: str, facts: Mapping[str, Fact]) -> Claims:
    """Return the tables of a case made of a letter: one claim, its line, and its reason in words.

    Its file is called after the hash: the letter's own name may be a patient's.
    """
    file_id = id_of(sha256)
    keys = {"claim_key": f"{file_id}-1", "file_id": file_id, "row": 1}
    claim = {column: _first(facts, names) for column, names in _CLAIM.items()}
    stated = sorted(name for name in ("program", "contracted", "stage", "notice_date", "notice_received") if name in facts)  # fmt: skip
    claim |= {"claim_status": "denied", "entered": " ".join(stated) or None}
    line = {
        "line_key": f"{file_id}-1-1",
        "procedure_code": _first(facts, ("procedure_code",)),
        "diagnosis_code": _first(facts, ("diagnosis_code",)),
        "service_from": claim["service_from"],
    }
    reason = {
        "adjustment_key": f"{file_id}-1-a1",
        "line_key": line["line_key"],
        "adjustment_level": "line",
        "amount_cents": _first(facts, ("denied_cents",)),
        "denial_text": _first(facts, ("denial_words",)),
    }
    about = {
        "file": f"letter {file_id}",
        "file_id": file_id,
        "sha256": sha256,
        "source": "notice",
        "rows_read": 1,
    }
    return Claims(
        claims=_table("claims", keys | claim),
        claim_lines=_table("claim_lines", keys | line),
        adjustments=_table("adjustments", keys | reason),
        files=_table("files", about),
    )


def _first(facts: Mapping[str, Fact], names: Iterable[str]) -> str | date | int | None:
    return next((facts[name].value for name in names if name in facts), None)


def _table(name: str, row: dict[str, Any]) -> pd.DataFrame:
    known = {
        column: [pd.Timestamp(value) if isinstance(value, date) else value]
        for column, value in row.items()
        if value is not None
    }
    return conform(pd.DataFrame(known), name)

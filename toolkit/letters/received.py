"""A payer's letter that was read: what a person confirms of it becomes facts, or a case of its own."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cases.case import Case, Fact, bare_cases
from toolkit.cases.documents import attach_document
from toolkit.cases.notices import claims_of_notice
from toolkit.claims.notice import Notice, Proposal
from toolkit.errors import RefusedError, UsageError
from toolkit.hospital import Hospital
from toolkit.letters.facts import enter, fact_types
from toolkit.worklist.triage import triage

if TYPE_CHECKING:  # a store's engine is imported where there is a store
    from toolkit.cases.store import CaseStore


def confirmed(proposals: Iterable[Proposal], *, file: str, as_of: date) -> dict[str, Fact]:
    """Return the facts that a person confirmed, each with its page and quotation as its source.

    Raises UsageError if a proposal is of no fact, or a fact is confirmed with two values.
    """
    facts: dict[str, Fact] = {}
    for one in proposals:
        if not one.enters:
            raise UsageError(
                f"{one.says}: is for information only and is not a fact of a case; nothing was entered"
            )
        if one.enters in facts:
            raise UsageError(f"{one.says}: two values were confirmed; confirm one")
        source = f"entered from {one.source(file)}"
        facts |= enter(Case("", {}), {one.enters: one.value}, source=source, as_of=as_of).facts
    return facts


def case_of_notice(
    store: "CaseStore",
    notice: Notice,
    path: Path,
    facts: Mapping[str, Fact],
    *,
    folder: Path,
    hospital: Hospital,
    as_of: date,
    who: str,
    now: datetime,
) -> str:
    """Make a case of a letter whose claim is in no file, with the facts that a person confirmed.

    The letter is attached to it. Where a stored case has the letter's number, the letter and the facts go
    to that case. Returns the case's key. Raises RefusedError without a reason and a date: then nothing
    is known that could be worked on.
    """
    lacking = [name for name in ("denial_words", "notice_date") if name not in facts]
    if lacking:
        raise RefusedError(
            "a case needs the reason and the date of its notice; nothing was entered.",
            needs=tuple(f"{fact_types()[name].label}, confirmed or typed" for name in lacking),
        )
    claims = claims_of_notice(notice.sha256, facts)
    rows = triage(claims, as_of=as_of, hospital=hospital)
    case = next(iter(bare_cases(claims, rows)), None)
    if case is None:
        raise RefusedError(
            "as confirmed, the letter does not deny anything; nothing was entered.",
            needs=("the reason in the payer's own words",),
        )
    found = store.find(case)
    if found.candidates:
        raise RefusedError(
            "entries exist for a claim that may be this one.",
            needs=("the letter attached to that case, or the payer's own number confirmed",),
        )
    if found.case_key:
        case = Case(found.case_key, {}, identity=case.identity)
    attach_document(
        store, case, path, folder=folder, kind=notice.kind, pages=notice.pages,
        from_whom="payer", name=notice.file, made_case=found.case_key is None, who=who, now=now,
    )  # fmt: skip
    store.enter(case.case_key, facts, identity=case.identity, who=who, now=now)
    return case.case_key

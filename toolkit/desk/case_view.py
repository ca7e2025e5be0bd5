"""One case on the desk: what triage and the law say of it, and the letter as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.cases import (
    DATE_FACTS,
    Candidate,
    Case,
    CaseStore,
    DocumentEntry,
    EventEntry,
    Fact,
    LetterEntry,
    RecordedCase,
    Records,
    case_of,
    check_still_open,
    record_event,
    recorded_cases,
    records_of,
    row_of,
)
from toolkit.claims import Claims
from toolkit.denials import classify, normalize_text
from toolkit.denials.second_look import look
from toolkit.desk.caseload import Caseload, is_entered, judged, known_of
from toolkit.errors import RefusedError
from toolkit.law import Deadline, filing_deadline, next_step
from toolkit.letters import Letter, LetterKind, draft, enter, kind_of, suggest
from toolkit.timeline import timeline
from toolkit.worklist.triage import INITIAL_PAYMENT, brain

_SAYS_NOTHING = ("", "NaT", "<NA>")


@dataclass(frozen=True)
class OfFiles:
    """What the files alone say of a denial, looked up once as its case is opened.

    `part` are the tables of its whole account, `records` what they hold of its claim, `row` its row of
    the worklist (a frame of one row).
    """

    denial_key: str
    part: Claims
    records: Records
    row: pd.DataFrame
    facts: Mapping[str, Fact]


@dataclass(frozen=True)
class CaseView:
    """A case as the desk shows it.

    `deadline` is missing where no date can be given; `letter` where no kind of letter was chosen, or where one is refused: then
    `refused` says why and what to do instead. `events` are the recorded events that count, `seen` is
    the last entry of the case in the store, `candidates` stored cases that may be of this claim, and
    `documents` what was attached.
    """

    files: OfFiles
    row: dict
    case: Case
    clock: Mapping[str, Any]
    deadline: Deadline | None
    filer: str
    warnings: tuple[str, ...]
    kind: LetterKind | None
    letter: Letter | None
    refused: RefusedError | None
    written: tuple[LetterEntry, ...]
    events: tuple[EventEntry, ...] = ()
    recorded: tuple[RecordedCase, ...] = ()
    seen: int = 0
    candidates: tuple[Candidate, ...] = ()
    documents: tuple[DocumentEntry, ...] = ()


def files_of(caseload: Caseload, denial_key: str) -> OfFiles:
    """Return what the files alone say of a denial."""
    row = caseload.of_file(denial_key)
    part = caseload.claims.of_accounts(row["claim_key"])
    records = records_of(part, row["claim_key"])
    case = case_of(row_of(row), records, hospital=caseload.hospital)
    return OfFiles(denial_key, part, records, row, case.facts)


def look_at(
    caseload: Caseload, files: OfFiles, *, store: Path | str, kind_id: str | None = None
) -> tuple[CaseView, Caseload]:
    """Return the case as it is now, with everything entered before, and the caseload it belongs to.

    `kind_id` names a kind of letter, '' for none; None takes the one that fits.
    """
    key = files.denial_key
    with CaseStore(store, made=True) as cases:
        recorded = recorded_cases(cases, claims=files.part)
        found = judged(caseload, files.row, recorded, files.part)
        row = row_of(found)
        # Once more, so that level and dates are those that follow from what was entered.
        case = case_of(row, files.records, hospital=caseload.hospital)
        of_store = cases.find(case)
        case = cases.resume(case, of_store)
        written = cases.letters(case.case_key)
        events = cases.events(case.case_key)
        seen = cases.last_entry(case.case_key)
        documents = cases.documents(case.case_key)
    if key in caseload.begun:
        caseload = caseload.with_row(found)
    view = CaseView(
        files=files,
        row=row,
        case=case,
        clock=_clock(caseload, row, files.part),
        deadline=None,
        filer="",
        warnings=(),
        kind=None,
        letter=None,
        refused=None,
        written=written,
        events=events,
        recorded=recorded,
        seen=seen,
        candidates=of_store.candidates,
        documents=documents,
    )
    return with_kind(view, kind_id, as_of=caseload.as_of), caseload


def with_kind(view: CaseView, kind_id: str | None, *, as_of: date) -> CaseView:
    """Return the case with its deadline and with the letter of this kind (see `look_at`)."""
    case = view.case
    chosen = None if kind_id is None and _in_time(view.row, as_of) else _kind(case, kind_id)
    deadline, filer = _deadline(view.row, case, chosen, view.clock)
    letter, refused = _letter(case, chosen, as_of)
    warnings = (*_of_codes(view.row, case), *(deadline.warnings if deadline else ()))
    return replace(
        view,
        case=case,
        deadline=deadline,
        filer=filer,
        warnings=tuple(dict.fromkeys(warnings)),
        kind=chosen,
        letter=letter,
        refused=refused,
    )


def enter_fact(
    view: CaseView,
    name: str,
    raw: object,
    *,
    store: Path | str,
    who: str,
    now: datetime,
    source: str = "",
) -> CaseView:
    """Put one fact into the store and return the case with it, as the store confirmed it.

    `source` says where it is from, where that is not what the analyst typed.

    An emptied field goes back to what the file says; emptied again, or where the file says nothing,
    the fact is unknown. The row, its dates and the letter are as before: see `look_at` and `with_kind`.
    Raises UsageError in words for the user where the value is not of the fact's kind, and
    ChangedError, with nothing written, where somebody else has worked on the case meanwhile.
    """
    case = view.case
    of_file = view.files.facts.get(name)
    source = source or "entered by the analyst"
    fact = enter(case, {name: raw}, source=source, as_of=now.astimezone().date()).facts.get(name)
    before = case.facts.get(name)
    if fact is None and is_entered(before):
        fact = of_file
    elif fact is None and (before is None or name in DATE_FACTS):
        return view
    by = {"who": who, "now": now, "after": view.seen, "identity": case.identity}
    with CaseStore(store, made=True) as cases:
        if fact is not None:
            seen = cases.enter(case.case_key, {name: fact}, **by)
            case = case.with_facts({name: fact})
        else:
            source = "withdrawn by the analyst"
            seen = cases.withdraw(case.case_key, name, source=source, **by)
            case = case.without([name])
    return replace(view, case=case, seen=seen)


def attach(view: CaseView, case_key: str, *, store: Path | str, who: str, now: datetime) -> None:
    """Say which stored case this claim's is; its own key: none of those that may be."""
    with CaseStore(store, made=True) as cases:
        cases.attach(case_key, view.case.identity, who=who, now=now)


def record(
    view: CaseView,
    event: str,
    *,
    day: date,
    as_of: date,
    store: Path | str,
    who: str,
    now: datetime,
    **fields: Any,
) -> EventEntry:
    """Record what happened to the claim; `fields` and what is refused as `record_event` has it."""
    if event == "filed":
        row = view.files.row.iloc[0]
        check_still_open(row["state"], row["state_from"])
    with CaseStore(store, made=True) as cases:
        return record_event(
            cases,
            view.case,
            event,
            day=day,
            as_of=as_of,
            who=who,
            now=now,
            after=view.seen,
            **fields,
        )


def history(view: CaseView, caseload: Caseload) -> list[dict[str, Any]]:
    """Return what happened to the claim, event by event, as `toolkit history` shows it."""
    claims = known_of(view.files.part, view.recorded, as_of=caseload.as_of)
    asked = brain(as_of=caseload.as_of, hospital=caseload.hospital)
    return timeline(claims, asked, view.row["claim_key"])["events"]


def _in_time(row: dict, as_of: date) -> bool:
    """Say whether the payer can still decide in time what was filed: nothing is to be sent then."""
    due = _known(row["decision_due"])
    return row["due"] == "awaiting_decision" and due is not None and due >= as_of


def _kind(case: Case, kind_id: str | None) -> LetterKind | None:
    if not kind_id:
        return suggest(case) if kind_id is None else None
    try:
        return kind_of(case, kind_id)
    except RefusedError:  # the program is not known yet: the page asks for it
        return None


def _clock(caseload: Caseload, row: dict, part: Claims) -> dict[str, Any]:
    """Return the facts of the row's dates that are not in the row itself, as triage takes them."""
    hospital = caseload.hospital
    payer = [_known(row[name]) for name in ("payer_id", "payer_name", "plan_name")]
    entry = hospital.payer(*payer)
    mine = part.claims["claim_key"].eq(row["claim_key"])
    return {
        "state_window": entry.state_window if entry else None,
        "jurisdiction": (entry.jurisdiction or None) if entry else None,
        "contract": hospital.contract(_known(row["program"]), *payer),
        "earliest_notice": (
            None
            if _known(row["last_level"]) or _known(row["filed_on"])
            else _known(part.claims.loc[mine, "earliest_remittance_date"].iloc[0])
        ),
    }


def _deadline(
    row: dict, case: Case, chosen: LetterKind | None, clock: Mapping[str, Any]
) -> tuple[Deadline | None, str]:
    """Return the deadline with its steps, and the filer it is for where one was entered."""
    filer = case.value("filer")
    if chosen and chosen.level and filer and row["due"] not in ("closed", "awaiting_decision"):
        try:
            found = filing_deadline(
                chosen.program,
                chosen.level,
                notice_date=case.value("notice_date"),
                received=case.value("notice_received"),
                stage=case.value("stage"),
                filer=filer,
                expedited=case.value("expedited") == "yes",
                amount=_dollars(row),
                **clock,
            )
            return found, str(filer)
        except RefusedError:
            pass  # the letter's own check says who may file instead
    if row["due"] in ("closed", "no_appeal_right", "awaiting_decision", "no_date"):
        return None, ""
    step = next_step(
        _known(row["program"]),
        stage=_known(row["stage"]) or "payment",
        contracted=_known(row["contracted"]),
        denial_category=row["denial_category"],
        nature=row["nature"],
        notice_date=_known(row["notice_date"]),
        received=_known(row["notice_received"]),
        last_level=_known(row["last_level"]),
        filed=any(
            _known(row[name]) for name in ("last_level", "filed_on", "decided_on", "outcome")
        ),
        outcome=_known(row["outcome"]),
        filed_on=_known(row["filed_on"]),
        decided_on=_known(row["decided_on"]),
        amount=_dollars(row),
        remarks=tuple((_known(row["rarcs"]) or "").split()),
        initial_payment=row["reason"] == INITIAL_PAYMENT,
        **clock,
    )
    return step.deadline, ""


def _dollars(row: dict) -> int | None:
    """Return the amount in controversy in whole dollars, as triage asks with it."""
    cents = _known(row["in_controversy_cents"])
    return None if cents is None else max(int(cents) // 100, 0)


def _letter(
    case: Case, chosen: LetterKind | None, as_of: date
) -> tuple[Letter | None, RefusedError | None]:
    if chosen is None:
        return None, None
    try:
        return draft(case, chosen, as_of=as_of), None
    except RefusedError as refused:
        return None, refused


def _of_codes(row: dict, case: Case) -> tuple[str, ...]:
    """Return what the code lists warn of, where they give the category of the worklist, and what
    does not fit together in the denial.
    """
    words = case.value("denial_words")
    denial = classify(
        _known(row["group_code"]),
        _known(row["carc"]),
        tuple((_known(row["rarcs"]) or "").split()),
        text=normalize_text(str(words)) if words else None,
        program=_known(row["program"]),
    )
    own = denial.warnings if denial.denial_category == row["denial_category"] else ()
    return (*own, *(look(name).says for name in (_known(row["second_look"]) or "").split()))


def _known(value):
    """Return a cell as plain Python; nothing where it is empty."""
    if value is None or value != value or str(value) in _SAYS_NOTHING:
        return None
    return value.date() if hasattr(value, "to_pydatetime") else value

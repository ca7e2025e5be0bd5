"""One case on the desk: what triage and the law say of it, and the letter as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from toolkit.cases import (
    DATE_FACTS,
    Candidate,
    Case,
    CaseStore,
    Fact,
    LetterEntry,
    case_from,
    recorded_cases,
)
from toolkit.claims import Claims
from toolkit.denials import classify, normalize_text
from toolkit.denials.second_look import look
from toolkit.desk.docket import Docket, is_entered, judged, only
from toolkit.errors import RefusedError
from toolkit.law import Deadline, filing_deadline, next_step
from toolkit.letters import Letter, LetterKind, draft, enter, kind, suggest
from toolkit.worklist.triage import INITIAL_PAYMENT

_DATES = ("last_filing_date", "file_by")


@dataclass(frozen=True)
class Matter:
    """A case as the desk shows it.

    `of_file` are the facts that the file alone gives. `deadline` is missing where no date can be given; `letter` where no kind of letter was chosen,
    or where one is refused: then `refused` says why and what to do instead. `seen` is the last entry
    of the case in the store, and `candidates` stored cases that may be of this claim.
    """

    row: dict
    case: Case
    of_file: Mapping[str, Fact]
    deadline: Deadline | None
    filer: str
    warnings: tuple[str, ...]
    kind: LetterKind | None
    letter: Letter | None
    refused: RefusedError | None
    written: tuple[LetterEntry, ...]
    seen: int = 0
    candidates: tuple[Candidate, ...] = ()


def open_matter(
    docket: Docket, denial_key: str, *, store: Path, kind_id: str | None = None
) -> tuple[Matter, Docket]:
    """Return the case as it stands, with everything entered before, and the docket it belongs to.

    `kind_id` names a kind of letter, '' for none; None takes the one that fits.
    """
    plain = docket.of_file(denial_key)
    part = only(docket.claims, plain["claim_key"])
    of_file = case_from(part, plain, denial_key, hospital=docket.hospital)
    with CaseStore(store) as cases:
        found = judged(docket, [denial_key], recorded_cases(cases))
        # Once more, so that level and dates are those that follow from what was entered.
        case = cases.resume(case_from(part, found, denial_key, hospital=docket.hospital))
        written = cases.letters(case.case_key)
        seen = cases.last_entry(case.case_key)
        candidates = cases.find(case).candidates
    if denial_key in docket.begun:
        docket = docket.with_row(found)
    row = found.iloc[0].to_dict()
    chosen = _kind(case, kind_id)
    clock = _clock(docket, row, part)
    deadline, filer = _deadline(row, case, chosen, clock)
    case = _with_dates(case, deadline)
    letter, refused = _letter(case, chosen, docket.as_of)
    warnings = (*_of_codes(row, case), *(deadline.warnings if deadline else ()))
    matter = Matter(
        row=row,
        case=case,
        of_file=of_file.facts,
        deadline=deadline,
        filer=filer,
        warnings=tuple(dict.fromkeys(warnings)),
        kind=chosen,
        letter=letter,
        refused=refused,
        written=written,
        seen=seen,
        candidates=candidates,
    )
    return matter, docket


def enter_fact(
    matter: Matter, name: str, raw: object, *, store: Path | str, who: str, now: datetime
) -> None:
    """Put one fact on file. An emptied field goes back to what the file says; emptied again, or
    where the file says nothing, the fact is unknown.

    Raises UsageError in words for the user where the value is not of the fact's kind, and
    ChangedError, with nothing written, where somebody else has worked on the case meanwhile.
    """
    case = matter.case
    fact = enter(case, {name: raw}, as_of=now.astimezone().date()).facts.get(name)
    before = case.facts.get(name)
    by = {"who": who, "now": now, "after": matter.seen, "identity": case.identity}
    with CaseStore(store) as cases:
        if fact is not None:
            cases.enter(case.case_key, {name: fact}, **by)
        elif is_entered(before) and name in matter.of_file:
            cases.enter(case.case_key, {name: matter.of_file[name]}, **by)
        elif before is not None and (is_entered(before) or name not in DATE_FACTS):
            cases.withdraw(case.case_key, name, source="withdrawn by the analyst", **by)


def attach(matter: Matter, case_key: str, *, store: Path | str, who: str, now: datetime) -> None:
    """Say which stored case this claim's is; its own key: none of those that may be."""
    with CaseStore(store) as cases:
        cases.attach(case_key, matter.case.identity, who=who, now=now)


def _kind(case: Case, kind_id: str | None) -> LetterKind | None:
    if kind_id is not None:
        return kind(kind_id) if kind_id else None
    if case.value("level") == "contract_dispute":
        # The letter is then refused, and says what a provider under contract does instead; the
        # patient may still file.
        return suggest(case.without(["level"]))
    return suggest(case)


def _clock(docket: Docket, row: dict, part: Claims) -> dict[str, Any]:
    """Return the facts of the row's dates that are not in the row itself, as triage takes them."""
    hospital = docket.hospital
    payer = [_known(row[name]) for name in ("payer_id", "payer_name", "plan_name")]
    entry = hospital.payer(*payer)
    return {
        "state_window": entry.state_window if entry else None,
        "jurisdiction": (entry.jurisdiction or None) if entry else None,
        "contract": hospital.contract(_known(row["program"]), *payer),
        "earliest_notice": (
            None
            if _known(row["last_level"]) or _known(row["filed_on"])
            else _known(part.claims["earliest_remittance_date"].iloc[0])
        ),
    }


def _deadline(
    row: dict, case: Case, chosen: LetterKind | None, clock: dict[str, Any]
) -> tuple[Deadline | None, str]:
    """Return the deadline with its steps, and the filer it is for where one was entered."""
    filer = case.value("filer")
    if chosen and filer and row["due"] not in ("closed", "awaiting_decision"):
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


def _with_dates(case: Case, deadline: Deadline | None) -> Case:
    if deadline is None or deadline.last_filing_date is None:
        return case
    facts = {
        name: Fact(getattr(deadline, name), f"counted by {deadline.citation}")
        for name in _DATES
        if not is_entered(case.facts.get(name)) and getattr(deadline, name)
    }
    return case.with_facts(facts)


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
    if value is None or value != value or str(value) in ("", "NaT", "<NA>"):
        return None
    return value.date() if hasattr(value, "to_pydatetime") else value

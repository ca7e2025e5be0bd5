"""Record what happened to a claim: what an entry of each event has to hold. No message repeats a value."""

from datetime import date, datetime

import msgspec

from toolkit.cases.case import Case
from toolkit.cases.entry import EventEntry
from toolkit.cases.identity import numbers
from toolkit.cases.recordable import event_rules
from toolkit.cases.store import CaseStore
from toolkit.errors import RefusedError, UsageError
from toolkit.history.states import open_states, table
from toolkit.law import program, programs
from toolkit.law.model import Level

_LONGEST_PROOF = 2000
_BEFORE_SERVICE = ("pre_service", "prior_authorization")


def record_event(
    store: CaseStore,
    case: Case,
    event: str,
    *,
    day: date,
    as_of: date,
    who: str,
    now: datetime,
    level: str = "",
    outcome: str = "",
    amount_cents: int | None = None,
    proof: str = "",
    corrects: int | None = None,
    after: int | None = None,
) -> EventEntry:
    """Check an event against the case, add it to the store and return its entry.

    `case` is the one that `CaseStore.resume` gives; `as_of` is today; `corrects` the entry that this
    one replaces (a note as a correction takes the event back); `after` the last entry seen. Raises
    UsageError where a field is lacking or not of its kind, RefusedError where the event does not fit
    what is known: its day, its level, its amount, or an event that has to be recorded first.
    """
    proof = proof.strip()
    given = {"level": level, "outcome": outcome, "amount": amount_cents, "proof": proof}
    _check_fields(event, given)
    if case.identity is not None and not numbers(case.identity):
        raise RefusedError(
            "the claim has no number by which it could be found in another file.",
            needs=("an account number, or the payer's claim number, in the file",),
        )
    seen = store.last_entry(case.case_key)  # what is checked below is still so when it is written
    standing = store.events(case.case_key)
    recorded = tuple(one for one in standing if one.entry != corrects)
    case = _without_recorded(case, standing)
    _check_day(case, event, day, as_of)
    _check_level(case, level)
    _check_once(recorded, event, level, day, proof)
    _check_order(case, recorded, event, level, day)
    if corrects is not None:
        replaced = [one for one in standing if one.entry == corrects]
        _check_rest(case, recorded, replaced, event, level, day)
    _check_amount(case, recorded, event, amount_cents)
    return store.record(
        case,
        event,
        day=day,
        level=level,
        outcome=outcome,
        amount_cents=amount_cents,
        proof=proof,
        corrects=corrects,
        after=seen if after is None else after,
        who=who,
        now=now,
    )


def check_still_open(state: str, decided_by: str) -> None:
    """Refuse a filing on a denial that the payer's own decisions have settled.

    `state` and `decided_by` are what the files alone say of it (`state`, `state_from` of the worklist).
    """
    if state not in open_states() and state != "closed":
        raise RefusedError(
            f"no part of this denial is open: {table().states[state].says} ({decided_by}). "
            "Nothing was recorded.",
            needs=("a note (--event note), to keep the information",),
        )


def _without_recorded(case: Case, standing: tuple[EventEntry, ...]) -> Case:
    """Return the case with the appeals of its files alone: recorded filings may be among them, too."""
    days = {(one.level, one.day) for one in standing if one.event == "filed"}
    kept = tuple(one for one in case.events if (one.level, one.filed_on) not in days)
    return msgspec.structs.replace(case, events=kept)


def _check_fields(event: str, given: dict) -> None:
    rules = event_rules()
    if event not in rules.events:
        raise UsageError(f"--event must be one of {', '.join(rules.events)}")
    rule = rules.events[event]
    stated = {name for name, value in given.items() if value not in ("", None)}
    lacking = [f"--{name}" for name in rule.needs if name not in stated]
    if lacking:
        raise UsageError(f"the event {event} needs {' and '.join(lacking)}")
    if extra := stated - {*rule.needs, *rule.allows}:
        raise UsageError(f"the event {event} takes no --{sorted(extra)[0]}")
    if given["outcome"] and given["outcome"] not in rules.outcomes:
        raise UsageError(f"--outcome must be one of {', '.join(rules.outcomes)}")
    if given["amount"] is not None and given["amount"] <= 0:
        raise UsageError("--amount must be dollars above zero")
    if len(given["proof"]) > _LONGEST_PROOF or not given["proof"].replace("\n", " ").isprintable():
        raise UsageError(f"--proof must be a text of at most {_LONGEST_PROOF:,} letters")


def _check_day(case: Case, event: str, day: date, as_of: date) -> None:
    if day > as_of:
        raise RefusedError("the date of the event is in the future.", needs=("a date up to today",))
    service = case.value("service_date")
    early = event_rules().events[event].before == "yes" and case.value("stage") in _BEFORE_SERVICE
    if isinstance(service, date) and day < service and not early:
        raise RefusedError(
            "the date of the event is before the service.",
            needs=(
                "a date on or after the service",
                "or, if the file's service date is wrong, that date",
            ),
        )


def _check_level(case: Case, level: str) -> None:
    if level and level not in (known := levels_of(case)):
        raise RefusedError(
            "the program of this claim has no such level (--level).",
            needs=(f"one of {', '.join(known)}",),
        )


def levels_of(case: Case) -> dict[str, Level | None]:
    """Return the levels of the case's program; of all programs, where it is not known."""
    known = case.value("program")
    if known in programs():
        return {one.id: one for one in program(str(known)).levels}
    return {one.id: None for name in programs() for one in program(name).levels}


def _check_once(
    recorded: tuple[EventEntry, ...], event: str, level: str, day: date, proof: str
) -> None:
    for one in recorded:
        same = (one.event, one.level, one.day) == (event, level, day)
        if same and (event != "note" or one.proof == proof):
            raise RefusedError(
                f"the same event is already recorded: entry {one.entry}, by {one.who}.",
                needs=(f"--correct {one.entry}, to change it",),
            )


def _check_order(
    case: Case, recorded: tuple[EventEntry, ...], event: str, level: str, day: date
) -> None:
    """Refuse an event whose filing nobody recorded, or that lies before it.

    A level that a case reaches by itself has no filing.
    """
    first = event_rules().events[event].after
    found = levels_of(case).get(level) if first else None
    if first is None or (found is not None and found.automatic):
        return
    days = _filed_days(case, recorded, first, level)
    if not days:
        raise RefusedError(
            f"no filing at this level is recorded or in the files, so {event} cannot be.",
            needs=(f"--event {first} --level {level} with its date, first",),
        )
    if day < min(days):
        raise RefusedError(
            f"{event} is before the filing at this level.",
            needs=("another --date, or a correction of the filing (--correct)",),
        )


def _filed_days(case: Case, recorded: tuple[EventEntry, ...], event: str, level: str) -> list[date]:
    of_files = [one.filed_on for one in case.events if one.level == level and one.filed_on]
    return of_files + [one.day for one in recorded if (one.event, one.level) == (event, level)]


def _check_rest(
    case: Case,
    recorded: tuple[EventEntry, ...],
    replaced: list[EventEntry],
    event: str,
    level: str,
    day: date,
) -> None:
    """Refuse a correction that leaves another event without the one that it follows."""
    for gone in replaced:
        for one in recorded:
            rule = event_rules().events.get(one.event)
            if rule is None or rule.after != gone.event or one.level != gone.level:
                continue
            days = _filed_days(case, recorded, gone.event, gone.level)
            days += [day] if (event, level) == (gone.event, gone.level) else []
            if not days or one.day < min(days):
                raise RefusedError(
                    f"entry {one.entry} ({one.what}) depends on the entry to be corrected.",
                    needs=(f"--correct {one.entry}, first",),
                )


def _check_amount(
    case: Case, recorded: tuple[EventEntry, ...], event: str, cents: int | None
) -> None:
    charge = case.value("billed_cents")
    if cents is None or not isinstance(charge, int):
        return
    earlier = [one.amount_cents or 0 for one in recorded if one.event == "paid"]
    if cents + (sum(earlier) if event == "paid" else 0) > charge:
        says = "the amount is above the charge."
        if cents <= charge:
            says = "the amount is above the charge, with the payments recorded before."
        raise RefusedError(says, needs=("an --amount in dollars, up to the charge",))

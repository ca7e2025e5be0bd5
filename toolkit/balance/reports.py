"""Reports beside the buckets: claims that are in only one file, or on which the files disagree."""

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec
import pandas as pd

from toolkit.balance.answers import Answers
from toolkit.balance.bills import Bill
from toolkit.balance.definitions import names
from toolkit.balance.matching import Case, Family, Matched
from toolkit.balance.money import Settled


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of a report: its file and row, whole cents (None: not stated), and what else is known.

    `days` are those since it was billed; `other` is the file and row that speaks of it, too.
    """

    file: str
    row: int
    cents: int | None = None
    days: int | None = None
    other: str = ""
    because: str = ""


Reports = dict[str, tuple[Entry, ...]]


def reports(
    bills: Sequence[Bill],
    settled: Mapping[int, Settled],
    matched: Matched,
    tracker: Matched,
    answers: Answers,
    without_number: pd.DataFrame,
    *,
    as_of: date,
) -> Reports:
    """Return every report by its id, each with its claims in the order of files and rows.

    `settled` are the bills of the month; what is in no bill does not depend on the month.
    """
    found: dict[str, list[Entry]] = {name: [] for name in names("reports")}
    for at, one in settled.items():
        bill, split = bills[at], one.split
        if one.bucket == "unanswered":
            days = None if bill.billed_on is None else (as_of - bill.billed_on).days
            found["unanswered_claims"].append(_of_bill(bill, bill.charge, days=days))
        if split.unexplained:
            found["unexplained_claims"].append(_of_bill(bill, split.unexplained))
        again = max(one.paid_again, split.paid - (bill.charge or 0))
        if again > 0 and split.unexplained < 0:
            found["paid_twice"].append(_of_bill(bill, min(again, -split.unexplained)))
        _compare(found, bill, one, tracker.of_bill.get(at, ()))
    for family in matched.of_none:
        paid = _paid(family)
        if family.decides or paid:
            name = "payments_without_claim" if paid else "decisions_without_claim"
            cents = paid or family.order[-1].billed
            found[name].append(_of_family(family, answers, cents))
    found["match_unsure"] += [
        _of_family(family, answers, _paid(family)) for family in matched.unsure
    ]
    found["match_unsure"] += [_of_case(case) for case in tracker.unsure]
    found["tracker_without_claim"] += [_of_case(case) for case in tracker.of_none]
    for name, table in (
        ("foreign_remittances", answers.foreign),
        ("resent_remittances", answers.resent),
    ):
        found[name] += [
            Entry(file=file, row=int(row), cents=None if pd.isna(paid) else int(paid))
            for file, row, paid in zip(
                table["file"], table["row"], table["paid_cents"], strict=True
            )
        ]
    for row in without_number.itertuples():
        cents = row.claim_billed_cents if pd.notna(row.claim_billed_cents) else row.billed_cents
        found["without_number"].append(Entry(file=row.file, row=int(row.row), cents=int(cents)))
    return {
        name: tuple(sorted(some, key=lambda one: (one.file, one.row)))
        for name, some in found.items()
    }


def _compare(
    found: dict[str, list[Entry]], bill: Bill, one: Settled, cases: Sequence[Case]
) -> None:
    """Add where the tracker says otherwise than the remittances."""
    state = closed_in(cases)
    if state and one.open_before and one.bucket != "denied":
        case = next(case for case in cases if case.is_closed)
        found["closed_but_denied"].append(
            _of_bill(bill, one.open_before, other=f"{case.file}, row {case.row}")
        )
    if state is False and one.bucket in ("paid", "recovered"):
        case = next(case for case in cases if case.is_closed is False)
        found["open_but_paid"].append(
            _of_bill(bill, one.split.paid, other=f"{case.file}, row {case.row}")
        )


def closed_in(cases: Sequence[Case]) -> bool | None:
    """Return whether the tracker has closed a claim: one open row keeps it open; None: not stated."""
    said = [case.is_closed for case in cases if case.is_closed is not None]
    return all(said) if said else None


def _of_bill(bill: Bill, cents: int | None, *, days: int | None = None, other: str = "") -> Entry:
    return Entry(file=bill.file, row=bill.row, cents=cents, days=days, other=other)


def _of_family(family: Family, answers: Answers, cents: int | None) -> Entry:
    file, row = answers.where(family.order[-1].place)
    return Entry(file=file, row=row, cents=cents)


def _of_case(case: Case) -> Entry:
    return Entry(file=case.file, row=case.row, cents=case.denied)


def _paid(family: Family) -> int:
    """Return what a payer's claim was paid in all, less what was reversed."""
    gone = {one.place for one in family.of.known.reversals.values() if one is not None}
    return sum(one.paid or 0 for one in family.decides if one.place not in gone)

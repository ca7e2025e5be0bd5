"""What wins: the clauses of the letters that were filed, beside the decisions that came back.

A letter counts once it was decided on the merits at the level that it asked: its case's decision there,
the first on or after its date, of the letter that was written last before the filing, or before the
decision where no filing is known. A share says how often letters with a clause won, and not that the
clause won: which letters hold it is no accident.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from toolkit.cases.entry import EventEntry
from toolkit.errors import InputError
from toolkit.letters.record import read_record
from toolkit.metrics.metric import SMALL_N
from toolkit.metrics.statistics import wilson

WON = ("overturned", "partly_overturned")
ON_THE_MERITS = (*WON, "upheld")
WAITING = "waiting"  # of a letter for which no decision is known
EVERY = ""  # stands for the clause of a row that counts all letters of its issue


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """How a case was decided at a level, and when it was filed there, where that is known."""

    case: str
    level: str
    day: date
    outcome: str
    filed_on: date | None = None


class ClauseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How letters with one clause ended, on one issue and at one payer ('' for all payers).

    `letters` were decided on the merits, `won` of them overturned the denial, wholly or in part
    (`partly`); `low` and `high` are the 95 % Wilson interval of the share. The row without a clause
    (`EVERY`) counts all letters of the issue, to compare with.
    """

    clause: str
    issue: str
    payer: str
    letters: int
    won: int
    partly: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of the letters that won."""
        return self.won / self.letters

    @property
    def too_few(self) -> bool:
        """Whether there are too few letters to compare."""
        return self.letters < SMALL_N

    @property
    def says(self) -> str:
        """The share in words, with its interval, and whether there are too few letters."""
        found = f"{self.won} of {self.letters} won ({self.low:.0%} to {self.high:.0%})"
        return f"{found}; too few to compare" if self.too_few else found


def records_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of the letters in a folder and those below it; what is not one is left out."""
    for path in sorted(Path(folder).rglob("*.record.json")):
        try:
            yield read_record(path)
        except InputError:
            continue


def decisions_recorded(events: Iterable[EventEntry]) -> tuple[Decision, ...]:
    """Return the decisions that people recorded: of the events that stand (`CaseStore.all_events`)."""
    decided: list[EventEntry] = []
    filed: dict[tuple[str, str], list[date]] = {}
    for one in events:
        if one.event == "decided" and one.level and one.outcome:
            decided.append(one)
        elif one.event == "filed" and one.level:
            filed.setdefault((one.case_key, one.level), []).append(one.day)
    return tuple(
        Decision(
            case=one.case_key,
            level=str(one.level),
            day=one.day,
            outcome=str(one.outcome),
            filed_on=max(
                (day for day in filed.get((one.case_key, str(one.level)), ()) if day <= one.day),
                default=None,
            ),
        )
        for one in decided
    )


def decisions_in(
    appeal_events: Iterable[Mapping[str, Any]], case_keys: Mapping[str, Iterable[str]]
) -> tuple[Decision, ...]:
    """Return the decisions that the files report, for each case of their claims.

    `appeal_events` are rows of that table as plain values, `case_keys` the cases by claim key.
    """
    return tuple(
        Decision(
            case=case,
            level=row["level"],
            day=row["decided_on"],
            outcome=row["outcome"],
            filed_on=row["filed_on"],
        )
        for row in appeal_events
        if row["level"] and row["decided_on"] and row["outcome"]
        for case in case_keys.get(row["claim_key"], ())
    )


def outcomes_by_clause(
    records: Iterable[dict[str, Any]], decisions: Iterable[Decision], *, by_payer: bool = False
) -> tuple[ClauseOutcome, ...]:
    """Return one row per clause and issue (and payer) of the letters that were decided on the merits.

    Each issue begins with the row of all its letters; of its clauses, those with most letters come first.
    """
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for record, outcome in ends(records, decisions):
        if outcome in ON_THE_MERITS:
            payer = record["payer"] if by_payer else ""
            for clause in (EVERY, *dict.fromkeys(record["clauses"])):
                counts.setdefault((record["issue"], payer, clause), Counter())[outcome] += 1
    rows = [_row(*key, outcomes) for key, outcomes in counts.items()]
    return tuple(
        sorted(rows, key=lambda r: (r.issue, r.payer, r.clause != EVERY, -r.letters, r.clause))
    )


def _row(issue: str, payer: str, clause: str, outcomes: Counter[str]) -> ClauseOutcome:
    letters, won = outcomes.total(), sum(outcomes[one] for one in WON)
    low, high = wilson(won, letters)
    assert low is not None and high is not None  # a row has a letter
    return ClauseOutcome(
        clause=clause, issue=issue, payer=payer, letters=letters, won=won,
        partly=outcomes["partly_overturned"], low=low, high=high,
    )  # fmt: skip


def ends(
    records: Iterable[dict[str, Any]], decisions: Iterable[Decision]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each letter that asked for a decision, one per case and level, and how it ended.

    A letter for which no decision is known ends as `WAITING`. Drafts are left out, and so is what was
    written after the appeal was filed.
    """
    written: dict[tuple[str, str], list[tuple[date, dict[str, Any]]]] = {}
    for record in records:
        if not record["draft"] and record["level"]:
            key = record["case"], record["level"]
            written.setdefault(key, []).append((date.fromisoformat(record["letter_date"]), record))
    known: dict[tuple[str, str], list[Decision]] = {}
    for one in decisions:
        known.setdefault((one.case, one.level), []).append(one)
    for key, letters in written.items():
        first = min(day for day, _ in letters)
        after = [one for one in known.get(key, []) if one.day >= first]
        if not after:
            yield max(letters, key=lambda one: one[0])[1], WAITING
            continue
        decision = min(after, key=lambda one: one.day)
        until = decision.filed_on or decision.day
        if before := [one for one in letters if one[0] <= until]:
            yield max(before, key=lambda one: one[0])[1], decision.outcome

"""What wins: the clauses of the letters that were written, beside the decisions that came back.

A letter counts once it was decided on the merits at the level that it asked: its case's decision there,
the first on or after its date, of the letter that was written last before it. A share says how often
letters with a clause won, and not that the clause won: which letters hold it is no accident.
"""

from collections.abc import Iterable, Iterator
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


class ClauseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How letters with one clause ended, on one issue and at one payer.

    `letters` were decided on the merits, `won` of them overturned the denial, wholly or in part;
    `low` and `high` are the 95 % Wilson interval of the share.
    """

    clause: str
    issue: str
    payer: str
    letters: int
    won: int
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


def outcomes_by_clause(
    records: Iterable[dict[str, Any]], events: Iterable[EventEntry]
) -> tuple[ClauseOutcome, ...]:
    """Return one row per clause, issue and payer of the letters that were decided on the merits.

    `events` are those that stand in the case store (`CaseStore.all_events`). Rows with most letters
    come first.
    """
    counts: dict[tuple[str, str, str], list[int]] = {}
    for record, outcome in _decided(records, events):
        for clause in dict.fromkeys(record["clauses"]):
            found = counts.setdefault((clause, record["issue"], record["payer"]), [0, 0])
            found[0] += 1
            found[1] += outcome in WON
    rows = []
    for (clause, issue, payer), (letters, won) in counts.items():
        low, high = wilson(won, letters)
        assert low is not None and high is not None  # a row has a letter
        rows.append(
            ClauseOutcome(
                clause=clause, issue=issue, payer=payer,
                letters=letters, won=won, low=low, high=high,
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda r: (-r.letters, r.issue, r.payer, r.clause)))


def _decided(
    records: Iterable[dict[str, Any]], events: Iterable[EventEntry]
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each letter that was decided on the merits, and how: one letter per case and level."""
    written: dict[tuple[str, str], list[tuple[date, dict[str, Any]]]] = {}
    for record in records:
        if not record["draft"] and record["level"]:
            key = record["case"], record["level"]
            written.setdefault(key, []).append((date.fromisoformat(record["letter_date"]), record))
    decisions: dict[tuple[str, str], list[EventEntry]] = {}
    for event in events:
        if event.event == "decided" and event.level:
            decisions.setdefault((event.case_key, event.level), []).append(event)
    for key, letters in written.items():
        first = min(day for day, _ in letters)
        after = [one for one in decisions.get(key, []) if one.day >= first]
        if not after:
            continue
        decision = min(after, key=lambda one: (one.day, one.entry))
        if decision.outcome in ON_THE_MERITS:
            before = [one for one in letters if one[0] <= decision.day]
            yield max(before, key=lambda one: one[0])[1], decision.outcome

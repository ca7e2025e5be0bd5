"""Entries of a case store as values: facts, recorded events, letters. None prints a claim's value."""

from datetime import date, datetime

import msgspec

from toolkit.cases.case import Event, Fact


def local_time(stamp: str) -> str:
    """Return the time of an entry (UTC) as the clock here shows it: Nov 28, 2026 at 3:05 PM EST."""
    at = datetime.fromisoformat(stamp).astimezone()
    half = "AM" if at.hour < 12 else "PM"
    return f"{at:%b} {at.day}, {at.year} at {at.hour % 12 or 12}:{at:%M} {half} {at.tzname()}"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: its number, its case, who made it and when (UTC), and the entry that it corrects."""

    entry: int
    case_key: str
    who: str
    entered_at: str
    corrects: int | None = None

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return "the claim it belongs to"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(entry={self.entry}, what={self.what!r})"


class FactEntry(Entry, frozen=True, kw_only=True):
    """A fact as it was entered; `fact` is None if it was withdrawn."""

    name: str
    fact: Fact | None
    source: str

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return f"fact {self.name}" if self.fact else f"fact {self.name} withdrawn"

    __repr__ = Entry.__repr__


class EventEntry(Entry, frozen=True, kw_only=True):
    """An event that somebody recorded: what happened (see `rules/history/events.yaml`) and on which day.

    `level`, `outcome` and `proof` are '' and `amount_cents` None if they do not apply.
    """

    event: str
    day: date
    level: str = ""
    outcome: str = ""
    amount_cents: int | None = None
    proof: str = ""
    source: str = ""

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return f"event {self.event}" + (f" ({self.level})" if self.level else "")

    __repr__ = Entry.__repr__


class LetterEntry(Entry, frozen=True, kw_only=True):
    """A letter that was written: its kind and the SHA-256 of its bytes."""

    kind: str
    sha256: str
    file_type: str
    is_draft: bool
    letter_date: date

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return f"letter {self.kind}"

    __repr__ = Entry.__repr__


class DocumentEntry(Entry, frozen=True, kw_only=True):
    """A document of the case: what it is called, the SHA-256 of its bytes, and where it is kept.

    `kept_as` is its name in the folder of documents, `pages` None if it has none. `made_case`: the
    case was made of it, because no file had the claim.
    """

    name: str
    kept_as: str
    sha256: str
    kind: str
    pages: int | None = None
    from_whom: str = ""
    made_case: bool = False

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return f"document ({self.kind})"

    __repr__ = Entry.__repr__


class AppealEntry(Entry, frozen=True, kw_only=True):
    """An appeal event that was taken over from a file with its case."""

    appeal: Event

    @property
    def what(self) -> str:
        """What was entered, by name and without its value."""
        return f"appeal from a file ({self.appeal.level})"

    __repr__ = Entry.__repr__


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A case that may be of the claim in question: how many entries it has, and the last one's origin."""

    case_key: str
    entries: int
    who: str
    entered_at: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The stored case of a denial, or the cases that may be it; both empty if nothing was entered."""

    case_key: str | None = None
    candidates: tuple[Candidate, ...] = ()

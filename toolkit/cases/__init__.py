"""One denial as a case: its facts, each with its source, its events, and the store that keeps them."""

from toolkit.cases.case import Case, Event, Fact, case_from
from toolkit.cases.entered import with_facts
from toolkit.cases.store import CaseStore, FactEntry, LetterEntry

__all__ = [
    "Case",
    "CaseStore",
    "Event",
    "Fact",
    "FactEntry",
    "LetterEntry",
    "case_from",
    "with_facts",
]

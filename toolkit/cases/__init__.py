"""One denial as a case: its facts, each with its source, its events, and the store that keeps them.

Names are imported when they are first used: only the store needs a database.
"""

from toolkit import lazy

_WHERE = {
    "DATE_FACTS": "recorded",
    "Candidate": "entry",
    "Case": "case",
    "CaseIdentity": "identity",
    "CaseStore": "store",
    "Entry": "entry",
    "Event": "case",
    "EventEntry": "entry",
    "Fact": "case",
    "FactEntry": "entry",
    "Found": "entry",
    "LetterEntry": "entry",
    "RecordedCase": "recorded",
    "Verified": "chain",
    "bare_cases": "case",
    "case_from": "case",
    "cases_from": "case",
    "check_still_open": "events",
    "event_rules": "events",
    "facts_in": "entered",
    "levels_of": "events",
    "one_history": "recorded",
    "pick_case": "picking",
    "record_event": "events",
    "recorded_at": "recorded",
    "recorded_cases": "recorded",
    "with_facts": "entered",
    "with_recorded": "recorded",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

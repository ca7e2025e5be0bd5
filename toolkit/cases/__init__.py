"""Cases: a denial's facts, each with its source, its events, and the store that keeps them.

Names are imported on first use, because only the store needs a database.
"""

from toolkit import lazy

_WHERE = {
    "DATE_FACTS": "recorded",
    "Candidate": "entry",
    "Case": "case",
    "CaseIdentity": "identity",
    "CaseStore": "store",
    "DocumentEntry": "entry",
    "Entry": "entry",
    "Event": "case",
    "EventEntry": "entry",
    "Fact": "case",
    "FactEntry": "entry",
    "Found": "entry",
    "LetterEntry": "entry",
    "ReadBack": "worked",
    "RecordedCase": "recorded",
    "Verified": "chain",
    "attach_document": "documents",
    "bare_cases": "case",
    "case_from": "case",
    "cases_from": "case",
    "case_of_notice": "notices",
    "check_still_open": "events",
    "confirmed": "notices",
    "event_rules": "recordable",
    "facts_in": "entered",
    "levels_of": "events",
    "not_met": "notices",
    "notices_at": "notices",
    "notices_beside": "notices",
    "notices_in": "notices",
    "numbers_met": "notices",
    "one_history": "recorded",
    "pick_case": "picking",
    "problem_with": "documents",
    "read_back": "worked",
    "record_event": "events",
    "recorded_at": "recorded",
    "recorded_cases": "recorded",
    "with_facts": "entered",
    "with_notices": "notices",
    "with_recorded": "recorded",
    "worked_rows": "worked",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

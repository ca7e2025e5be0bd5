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
    "RecordedCase": "recorded",
    "Records": "case",
    "Verified": "chain",
    "attach_document": "documents",
    "bare_cases": "case",
    "case_from": "case",
    "case_of": "case",
    "cases_from": "case",
    "check_still_open": "events",
    "event_rules": "recordable",
    "levels_of": "events",
    "local_time": "entry",
    "not_met": "notices",
    "notices_at": "notices",
    "notices_beside": "notices",
    "notices_in": "notices",
    "numbers_met": "notices",
    "one_history": "recorded",
    "pick_case": "picking",
    "problem_with": "documents",
    "record_event": "events",
    "recorded_at": "recorded",
    "recorded_cases": "recorded",
    "records_of": "case",
    "row_of": "case",
    "with_notices": "notices",
    "with_recorded": "recorded",
}

__all__ = sorted(_WHERE)
__getattr__, __dir__ = lazy.names(__name__, _WHERE)

"""The facts of one denial row: which columns are read, and what one cell of each says.

A cell is read as an export's is (`toolkit.claims.export.cells`) and a code as `toolkit.denials` reads it,
once per distinct text. A cell that cannot be read is None with the id of a kind of finding; the
words of the findings stand in `SAYS`. Nothing is read as nearly what it says.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from toolkit.claims.export import cells
from toolkit.claims.export.layouts import layout, level_table, plain, word_table
from toolkit.claims.export.sheets import cell_text
from toolkit.denials import codes, normalize_text
from toolkit.hospital.payers import coverage_names
from toolkit.law import program, programs
from toolkit.worklist.accessor import FINDINGS

WHO = ("claim_filing_indicator", "program", "contracted", "payer_id", "payer_name", "plan_name")
WHAT = ("group_code", "carc", "rarcs", "denial_text")
DAYS = ("notice_date", "notice_received", "remittance_date", "decided_on")
EVENT = ("last_level", "filed_on", "decided_on", "outcome")
WHEN = ("stage", "case_status", "notice_date", "notice_received", "remittance_date", *EVENT)
AMOUNT = ("denied_cents", "denied")
FACTS = (*WHO, *WHAT, "procedure_code", *WHEN, *AMOUNT)

# One of these has to be there: without a reason there is no denial to speak of.
REASONS = ("carc", "rarcs", "denial_text")

SAYS = cells.PROBLEMS | FINDINGS

# Words, days and forms as the layout reads them that anybody may shape an export by.
_LAYOUT = "generic"

Read = tuple[Any, str]


@cache
def missing_words() -> frozenset[str]:
    """Return the words, in lower case, that stand for an empty cell."""
    return frozenset(word.casefold() for word in layout(_LAYOUT).missing) | {"", "nat", "<na>"}


def text_of(value: Any) -> str:
    """Return a cell as text, '' for one that is empty or holds a word for nothing."""
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, dt.date):
        text = value.isoformat()
    elif isinstance(value, float):
        text = cell_text(value)
    elif isinstance(value, bytes):
        text = value.decode("utf-8", errors="replace").strip()
    elif isinstance(value, Iterable):
        return " ".join(filter(None, map(text_of, value)))
    else:
        text = "" if value is None else str(value)
    return "" if text.casefold() in missing_words() else text


def _id(text: str) -> Read:
    return cells.read_id(text)


def _program(text: str) -> Read:
    known = text.lower() if text.lower() in coverage_names() else _words("program").get(plain(text))
    return known, "" if known else "unknown_word"


def _group(text: str) -> Read:
    group = codes.read_group(text)
    known = None if group in codes.group_codes() else _words("group_code").get(plain(text))
    return known or group, ""


def _carc(text: str) -> Read:
    group, code = codes.read_carc(text)
    return (f"{group}-{code}" if group and code else code or codes.read_group(text)), ""


def _rarcs(text: str) -> Read:
    found, whole = codes.read_rarcs(text)
    return " ".join((*found, *(() if whole else ("?",)))), ""


def _day(text: str) -> Read:
    day, problem = cells.read_date(text, order="month_first", epoch=None, birth=False)
    return None if problem else day, problem


@cache
def _words(column: str) -> dict[str, str]:
    return word_table(layout(_LAYOUT), column)


def _word(column: str) -> Callable[[str], Read]:
    def read(text: str) -> Read:
        known = _words(column).get(plain(text))
        return known, "" if known else "unknown_word"

    return read


def _as_is(text: str) -> Read:
    return text, ""


READERS: dict[str, Callable[[str], Read]] = {
    "claim_filing_indicator": lambda text: (text.upper(), ""),
    "program": _program,
    "contracted": _word("contracted"),
    "payer_id": _id,
    "payer_name": _as_is,
    "plan_name": _as_is,
    "group_code": _group,
    "carc": _carc,
    "rarcs": _rarcs,
    "denial_text": lambda text: (normalize_text(text), ""),
    "procedure_code": _as_is,
    "stage": _word("stage"),
    "case_status": _word("case_status"),
    "last_level": _as_is,  # which level a word means turns on the program: `level_of`
    "outcome": _word("appeal_outcome"),
    **dict.fromkeys((*DAYS, "filed_on"), _day),
}


def read(column: str, value: Any) -> Read:
    """Return what one cell of a column says, and '' or the id of what is wrong with it.

    Days are counts from 1970-01-01. An empty cell is (None, '').
    """
    text = text_of(value)
    return READERS[column](text) if text else (None, "")


def read_day(value: Any) -> Read:
    """Return what one cell of any column of days says (see `read`)."""
    text = text_of(value)
    return _day(text) if text else (None, "")


def finding(column: str, problem: str) -> str:
    """Return in words what is wrong with a cell of a column; '' for nothing."""
    return f"{column}: {SAYS[problem]}" if problem else ""


def level_of(program_id: str | None, word: str | None) -> Read:
    """Return the level of appeal that a word means in a program; a level's own id is always one."""
    if not word:
        return None, ""
    if program_id in programs() and word in {level.id for level in program(program_id).levels}:
        return word, ""
    found = _levels().get((program_id or "", plain(word)))
    if found:
        return found, ""
    needs = program_id is None and any(plain(word) == known for _, known in _levels())
    return None, "level_needs_program" if needs else "level_not_known"


@cache
def _levels() -> dict[tuple[str, str], str]:
    return level_table(layout(_LAYOUT))


# --- denial texts --------------------------------------------------------------------------------

# Every number becomes one sign when a text is normalized, whatever its digits, except that 1st, 2nd
# and 3rd are words and that a number of up to four digits may be a code. So a text may be a key with
# its longer numbers, and its dates, written alike.
LONG_NUMBER = "[0-9]+/[0-9]+/[0-9]{4,}|[0-9]{5,}"
ANY_NUMBER = "00000"
_LONG_NUMBER = re.compile(LONG_NUMBER)


def text_key(text: str) -> str:
    """Return a denial text with its longer numbers written alike: it normalizes to the same."""
    return _LONG_NUMBER.sub(ANY_NUMBER, text)

"""How due states, ids, counts and amounts are said, on every screen, page and workbook."""

from functools import cache

import pandas as pd

from toolkit.law import program_names

DUE = {
    "overdue": "Overdue",
    "past_safe_date": "Past the safe date",
    "due_this_week": "Due this week",
    "due_later": "Due later",
    "no_date": "No date: something is missing",
    "awaiting_decision": "Awaiting a decision",
    "no_appeal_right": "No appeal right",
    "nothing_to_file": "Nothing to file",
    "closed": "Closed",
}

_SPECIAL = {
    "ire_review": "IRE review",
    "alj_hearing": "ALJ hearing",
    "qio_discharge": "QIO discharge review",
    "qio_termination": "QIO termination review",
    "idr_initiation": "IDR initiation",
    "opm_review": "OPM review",
}


@cache
def _names() -> dict[str, str]:
    """Return the ids whose words are names: those of programs, and levels named by their initials."""
    return {one.program: one.short for one in program_names()} | _SPECIAL


def plain(word: object) -> str:
    """Return an id as words: 'medical_necessity' as 'Medical necessity'."""
    if not isinstance(word, str) or not word:
        return ""
    if word in _names():
        return _names()[word]
    return word[0].upper() + word[1:].replace("_", " ") if "_" in word or word.islower() else word


def dollars(cents: int | None) -> str:
    """Return whole cents as '$1,234.50'; '' where there is no amount."""
    if cents is None or pd.isna(cents):
        return ""
    sign, cents = ("-" if cents < 0 else ""), abs(int(cents))
    return f"{sign}${cents // 100:,}.{cents % 100:02d}"


def count(number: int, noun: str) -> str:
    """Return '1 denial', '2 denials'."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"

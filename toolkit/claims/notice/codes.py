"""Procedure and diagnosis codes of a letter: only if the words or headings beside them say so."""

import re
from collections.abc import Iterator, Sequence

from toolkit.claims.notice.pages import Page
from toolkit.claims.notice.proposal import Proposal, quoted

_PROCEDURE = re.compile(r"(?<![\w.$#/-])(?:\d{5}|\d{4}[FTUM]|[A-V]\d{4})(?![\w/]|[.-]\d)")
_DIAGNOSIS = re.compile(
    r"(?<![\w.-])[A-TV-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4}|[0-9A-Z]{0,4})(?!\w|\.\w)"
)
_SAYS_PROCEDURE = re.compile(
    r"(?<!\w)(?:cpt|hcpcs|procedures?|(?:requested|denied|billed|proposed) (?:services?|items?|procedures?)|(?:services?|items?) (?:requested|denied|billed)|services?/items?|(?:procedure|service|billing|proc|cpt|hcpcs|drug)[ /]*codes?|j-?codes?|codes?)(?!\w)",
    re.IGNORECASE,
)
_SAYS_DIAGNOSIS = re.compile(
    r"(?<!\w)(?:icd(?:-?10)?(?:-cm)?|diagnos[ie]s|dx|diagnosis codes?)(?!\w)", re.IGNORECASE
)
_SAYS_OTHER = re.compile(
    r"(?<!\w)(?:zip|box|revenue|rev|drg|claim|number|no|id|phone|fax|form|remark|reason|denial|group|policy|lcd|ncd|article|"
    r"icd(?:-?10)?|diagnos[ie]s|dx|member|authorization|case|reference|place of service|npi|tax|adjustment)(?!\w)",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?<!\w)(?:drugs?|items?|services?|equipment|supplies|supply|medication|infusion|injection)(?!\w)",
    re.IGNORECASE,
)
_STATE = re.compile(r"(?:,\s*|\s)[A-Z]{2}\.?\s*$")
_REACH = 60


def codes(pages: Sequence[Page], claimed: dict[int, list[tuple[int, int]]]) -> Iterator[Proposal]:
    """Give each procedure and diagnosis code once. `claimed`: the places of other values, by page."""
    seen: set[tuple[str, str]] = set()
    for page in pages:
        for text in dict.fromkeys((page.text, page.aligned)):
            for name, match in _codes_in(text):
                value = match[0].upper()
                taken = text is page.text and any(
                    a <= match.start() < b for a, b in claimed.get(page.number, ())
                )
                if (name, value) in seen or taken:
                    continue
                seen.add((name, value))
                yield Proposal(
                    name=name,
                    says="procedure code" if name == "procedure_code" else "diagnosis code",
                    value=value,
                    page=page.number,
                    quotation=quoted(text, match.start(), match.end()),
                    enters=name,
                )


def _codes_in(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for match in _PROCEDURE.finditer(text):
        said = _said(text, match, _SAYS_PROCEDURE) or _is_hcpcs(text, match)
        if said and not _STATE.search(text[: match.start()][-6:]):
            yield "procedure_code", match
    for match in _DIAGNOSIS.finditer(text):
        if _said(text, match, _SAYS_DIAGNOSIS):
            yield "diagnosis_code", match


def _is_hcpcs(text: str, match: re.Match[str]) -> bool:
    """Return whether a letter and four digits stand where a letter names what was asked for."""
    before = re.split(r"[.!?]\s|\n\s*\n", text[max(0, match.start() - 2 * _REACH) : match.start()])[
        -1
    ]
    return (
        match[0][0].isalpha()
        and bool(_ASKED.search(before))
        and not _SAYS_OTHER.search(before[-20:])
    )


def _said(text: str, match: re.Match[str], says: re.Pattern[str]) -> bool:
    """Return whether the words before a code, or the heading above it, are those of such a code."""
    before = text[max(0, match.start() - _REACH) : match.start()]
    sentence = re.split(r"[.!?]\s|\n\s*\n", before)[-1]
    words = [*says.finditer(sentence)]
    other = [
        m
        for m in _SAYS_OTHER.finditer(sentence)
        if not any(w.start() <= m.start() < w.end() for w in words)
    ]
    if words and (not other or other[-1].start() < words[-1].start()):
        return True
    return _heading_says(text, match, says)


def _heading_says(text: str, match: re.Match[str], says: re.Pattern[str]) -> bool:
    """Return whether the heading of the code's column, a few lines above, names such codes."""
    lines = text[: match.start()].split("\n")
    column = len(lines[-1])
    for line in reversed(lines[-8:-1]):
        cells = [(m.start(), m[0]) for m in re.finditer(r"[^\s|]+(?:[ ][^\s|]+)*", line)]
        if len(cells) < 2 or re.search(r"\d{3}", line):
            continue
        start, words = min(cells, key=lambda cell: abs(cell[0] - column))
        return abs(start - column) <= 10 and bool(says.search(words))
    return False

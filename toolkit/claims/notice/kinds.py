"""What kind of paper a letter is, by its titles and by what its sentences say."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Literal, NamedTuple

import msgspec

from toolkit.claims.notice.sentences import Sentence
from toolkit.rules import RULES, read

UNKNOWN = "unknown"
_TITLE, _SAYS, _MOST_SAYS = 3, 1, 3
_TOP = 25  # lines of the first page, among which a title weighs in full
_BETWEEN = r"[^.;]{0,100}?"


class NoticeKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A kind of notice (`toolkit/rules/notices/kinds.yaml`)."""

    kind: str
    says_of_it: str
    titles: tuple[str, ...]
    says: tuple[str, ...]
    stage: Literal["", "pre_service", "payment"] = ""
    denies: Literal["yes", "no"] = "no"


class Seen(NamedTuple):
    """A kind that a letter may be of: how much speaks for it, and the words that do first."""

    kind: NoticeKind
    weight: int
    evidence: Sentence


@cache
def denials() -> frozenset[str]:
    """Return the kinds of notice that deny something."""
    return frozenset(one.kind for one in notice_kinds() if one.denies == "yes")


@cache
def notice_kinds() -> tuple[NoticeKind, ...]:
    """Return the kinds of notice."""
    return read(RULES / "notices" / "kinds.yaml", tuple[NoticeKind, ...])


@cache
def _pattern(says: str) -> re.Pattern[str]:
    """Return a line of `says` as a pattern: its parts in their order, in one sentence."""
    parts = (
        "(?:" + "|".join(re.escape(one.strip()) for one in part.split("|")) + ")"
        for part in says.split(" > ")
    )
    return re.compile(rf"(?<!\w){_BETWEEN.join(parts)}(?!\w)", re.IGNORECASE)


@cache
def _titles(kind: str) -> re.Pattern[str]:
    titles = next(one.titles for one in notice_kinds() if one.kind == kind)
    any_of = "|".join(sorted((re.escape(one) for one in titles), key=len, reverse=True))
    return re.compile(
        rf"(?:important:?\s+|re:?\s+|subject:?\s+|notice:\s+)?(?:(?:[\w/&-]+\s+){{0,3}}?)(?:{any_of})(?:s|\s*\([\w -]+\)|\s+(?:notice|letter|form|decision|of\b.*|for\b.*|[-–—:]\s*.*))*\.?",
        re.IGNORECASE,
    )


def kinds_of(sentences: Sequence[Sentence]) -> list[Seen]:
    """Return the kinds that a letter may be of, the likeliest first."""
    found = []
    for kind in notice_kinds():
        titles = [
            one for one in sentences if _is_title(one) and _titles(kind.kind).fullmatch(one.words)
        ]
        said = [
            one
            for one in sentences
            if one.told.role != "footer"
            and any(_pattern(says).search(one.words) for says in kind.says)
        ]
        evidence = [*titles, *said]
        if evidence:
            weight = _TITLE * min(len(titles), 2) + _SAYS * min(len(said), _MOST_SAYS)
            found.append(Seen(kind, weight, evidence[0]))
    return sorted(found, key=lambda one: -one.weight)


def _is_title(one: Sentence) -> bool:
    """Return whether a sentence may be a title: a short line without an end, on the first page near the top."""
    words = one.words
    return (
        one.page.number == 1
        and len(words.split()) <= 14
        and one.page.text.count("\n", 0, one.start) < _TOP
    )

"""Which program a letter is under, where its own words say so."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec

from toolkit.claims.notice.proposal import Proposal
from toolkit.claims.notice.sentences import Sentence, each_value
from toolkit.law import program_names
from toolkit.rules import RULES, read


class _Elsewhere(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    elsewhere: tuple[str, ...]


@cache
def _elsewhere() -> re.Pattern[str]:
    return any_of(read(RULES / "notices" / "elsewhere.yaml", _Elsewhere).elsewhere)


@cache
def any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of any of these words, as whole words."""
    parts = sorted((re.escape(one) for one in words), key=len, reverse=True)
    return re.compile(
        rf"(?<![\w-])(?:{'|'.join(parts)})(?!\w)" if parts else r"(?!)", re.IGNORECASE
    )


def program_proposals(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    """Give the program that the letter names; where it names several, each, and none is chosen."""
    counted = [one for one in sentences if not _elsewhere().search(one.words)]
    for strong in (True, False):
        found: dict[str, Sentence] = {}
        for program in program_names():
            words = program.in_letters
            pattern = any_of(words.settle if strong else words.suggest)
            first = next((one for one in counted if pattern.search(one.words)), None)
            if first is not None:
                found[program.program] = first
        if found:
            break
    yield from each_value(
        found,
        name="program",
        says="program",
        certain=strong,
        enters="program",
    )

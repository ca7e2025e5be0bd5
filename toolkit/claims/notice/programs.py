"""Which program a letter is under, where its own words say so."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

import msgspec

from toolkit.claims.notice.proposal import Proposal
from toolkit.claims.notice.sentences import Sentence
from toolkit.law import programs
from toolkit.rules import RULES, read


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    forms: tuple[str, ...]
    words: tuple[str, ...]


class _Programs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    elsewhere: tuple[str, ...]
    programs: dict[str, _Words]


@cache
def _rules() -> _Programs:
    found = read(RULES / "notices" / "programs.yaml", _Programs)
    if unknown := set(found.programs) - set(programs()):
        raise ValueError(f"rules/notices/programs.yaml: no program {', '.join(sorted(unknown))}")
    return found


@cache
def any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of any of these words, as whole words."""
    parts = sorted((re.escape(one) for one in words), key=len, reverse=True)
    return re.compile(
        rf"(?<![\w-])(?:{'|'.join(parts)})(?!\w)" if parts else r"(?!)", re.IGNORECASE
    )


def program_proposals(sentences: Sequence[Sentence]) -> Iterator[Proposal]:
    """Give the program that the letter names; where it names several, each, and none is chosen."""
    rules = _rules()
    counted = [one for one in sentences if not any_of(rules.elsewhere).search(one.words)]
    for strong in (True, False):
        found: dict[str, Sentence] = {}
        for program, words in rules.programs.items():
            pattern = any_of(words.forms if strong else words.words)
            first = next((one for one in counted if pattern.search(one.words)), None)
            if first is not None:
                found[program] = first
        if found:
            break
    for program, one in found.items():
        yield Proposal(
            name="program",
            says="program",
            value=program,
            page=one.page.number,
            quotation=one.quotation,
            certain=len(found) == 1 and strong,
            also_found=tuple(other for other in found if other != program),
            enters="program",
        )

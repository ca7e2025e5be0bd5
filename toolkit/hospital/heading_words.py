"""The words of a heading, written out: `Clm Nbr`, `CLM_NO` and `claimNumber` are claim number.

A heading is compared with a layout's headings word by word and as a whole, never by likeness. The
abbreviations are in `toolkit/rules/headings/words.yaml`.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Literal, NamedTuple

import msgspec

from toolkit.errors import RulesError
from toolkit.rules import RULES, read

_PARTS = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+|\D+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|\w")
_SHORTEST = 2  # letters of an abbreviation inside a word that is run together
_LONGEST = 40  # letters of a word that may be several run together


class Key(NamedTuple):
    """The words of a heading: those whose order counts, and those that may come anywhere."""

    words: tuple[str, ...]
    anywhere: frozenset[str]

    @property
    def number(self) -> str:
        """The number at the end of the heading (`Remark Code 2`), or ''."""
        return self.words[-1] if self.words and self.words[-1].isdigit() else ""

    def without_number(self) -> "Key":
        """Return the key of the heading without the number at its end."""
        return Key(self.words[:-1], self.anywhere) if self.number else self


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where headings or words come from, and how they are known (V, V2 or M)."""

    says: str
    source: str
    verified_on: str
    status: Literal["V", "V2", "M"]


class _Words(Provenance, frozen=True, forbid_unknown_fields=True, kw_only=True):
    words: dict[str, tuple[str, ...]]
    phrases: dict[str, str]
    any_place: tuple[str, ...]
    silent: tuple[str, ...]
    exact_only: tuple[str, ...]
    denial_words: tuple[str, ...]


@cache
def _rules() -> _Words:
    return read(RULES / "headings" / "words.yaml", _Words)


@cache
def _written_out() -> dict[str, tuple[str, ...]]:
    """Return each word and abbreviation with the words that it is short for."""
    table: dict[str, tuple[str, ...]] = {}
    for word, shorts in _rules().words.items():
        for short in (word, *shorts):
            if table.setdefault(short, (word,)) != (word,):
                raise RulesError(f"headings/words.yaml: {short!r} is short for two words")
    for short, phrase in _rules().phrases.items():
        if short in table:
            raise RulesError(f"headings/words.yaml: {short!r} is short for two words")
        table[short] = tuple(phrase.split())
    return table


@lru_cache(maxsize=8192)
def keys(heading: str) -> tuple[Key, ...]:
    """Return the ways to read a heading's words: split at its separators, and at its capitals."""
    text = unicodedata.normalize("NFKC", heading).replace("#", " number ").replace("_", " ")
    plain, camel = [], []
    for part in _PARTS.findall(text):
        plain += _DIGITS.findall(part.casefold())
        camel += [piece.casefold() for piece in _CAMEL.findall(part)]
    return tuple(dict.fromkeys(_key(words) for words in (plain, camel) if words))


@cache
def exact_only() -> frozenset[Key]:
    """Return the keys of headings that are read only as a layout writes them."""
    return frozenset(keys(heading)[0] for heading in _rules().exact_only)


def is_word(word: str) -> bool:
    """Return whether headings use the word, written out."""
    return (word,) in _written_out().values()


def speaks_of_denials(headings: Iterable[str]) -> list[int]:
    """Return the positions of headings that speak of denials or of their reasons."""
    wanted = [
        frozenset(_key(words.split())[0]) | _key(words.split())[1]
        for words in _rules().denial_words
    ]
    return [
        position
        for position, heading in enumerate(headings)
        if any(words <= {*key.words, *key.anywhere} for key in keys(heading) for words in wanted)
    ]


def _key(words: list[str]) -> Key:
    rules = _rules()
    out: list[str] = []
    for word in words:
        out += _written_out().get(word) or _run_together(word) or (word,)
    out = [word for word in out if word not in rules.silent]
    anywhere = frozenset(rules.any_place)
    return Key(tuple(w for w in out if w not in anywhere), anywhere.intersection(out))


@lru_cache(maxsize=8192)
def _run_together(word: str) -> tuple[str, ...] | None:
    """Return the words that make up `word` without a gap (`clmnbr`), if there is just one way."""
    if not word.isalpha() or len(word) > _LONGEST:
        return None
    table = _written_out()
    ways: list[set[tuple[str, ...]]] = [{()}, *(set() for _ in word)]
    for end in range(_SHORTEST, len(word) + 1):
        for start in range(end - _SHORTEST + 1):
            piece = table.get(word[start:end])
            if piece and ways[start]:
                ways[end] |= {(*way, *piece) for way in list(ways[start])[:2]}
    return next(iter(ways[-1])) if len(ways[-1]) == 1 else None

"""Free-text denial reasons: normalize them, and find the phrases on file in them.

Offline and declared: the phrases, their examples and counter-examples are data
(`toolkit/rules/denials/phrases.yaml`); there is no model and no score.
"""

import re
from functools import lru_cache

import msgspec

from toolkit.denials.codes import FOLDER, category_of, check_reason
from toolkit.errors import RulesError
from toolkit.rules import read


class Phrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A phrase of denial reasons, with the examples that it must find and must not find."""

    id: str
    category: str
    reason: str
    says: tuple[str, ...]
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]
    unless_followed_by: tuple[str, ...] = ()


class _Phrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    words: dict[str, str]
    negations: tuple[str, ...]
    linking: tuple[str, ...]
    settled: tuple[str, ...]
    phrases: tuple[Phrase, ...]


# --- normalization -------------------------------------------------------------------------------

# A name is only recognized where a title or a label gives it away; the rest is the reader's care.
_NAME = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr)\.?\s+[A-Z][\w'\-]*(?:\s+[A-Z][\w'\-]*)?"
    r"|\b(?:[Pp]atient|[Mm]ember|[Ee]nrollee|[Ss]ubscriber|[Nn]ame|PATIENT|MEMBER|NAME)"
    r"(?:\s+[Nn]ame)?\s*:\s*[A-Z][a-z'\-]+,?\s+[A-Z][a-z'\-]+"
)
_WORD_NUMBER = re.compile(r"[a-z0-9]*[0-9][a-z0-9]*")
_MONTHS = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
)
_DATE = re.compile(rf"# (?:(?:{_MONTHS}) #(?: #)?)|\b(?:{_MONTHS}) #(?: #)?|#(?: #)+")
_SPACES = re.compile(r"\s+")


def normalize_text(text: str) -> str:
    """Return a denial reason in lower case with numbers, dates and claim numbers as `#`.

    Distinct texts stay few, and a claim's numbers do not travel with the text. A name after a
    title or a label such as `Patient:` goes too. Normalizing twice changes nothing.
    """
    text = _NAME.sub(" ", text).lower()
    text = text.replace("’", "'").replace("can't", "cannot").replace("won't", "will not")
    text = text.replace("n't", " not")
    # A number keeps its place as one sign; the inner marks of dates and amounts go with it.
    text = re.sub(r"(?<=[0-9])[,./:\-](?=[0-9])", "", text)
    text = re.sub(r"[.;:!?]+", " . ", text)
    text = re.sub(r"[^a-z0-9.#]+", " ", text)
    text = _WORD_NUMBER.sub("#", text)
    text = re.sub(r"#+", " # ", text)
    text = _SPACES.sub(" ", text)
    text = _DATE.sub("#", text)
    text = re.sub(r"(?:\. ?)+", ". ", text)
    return text.strip(" .")


# --- phrases -------------------------------------------------------------------------------------


class _Compiled:
    """A phrase with its patterns as regular expressions."""

    __slots__ = ("phrase", "says", "unless")

    def __init__(self, phrase: Phrase, says: re.Pattern, unless: re.Pattern) -> None:
        self.phrase, self.says, self.unless = phrase, says, unless


def _token(token: str, rules: _Phrases, where: str) -> tuple[str, bool]:
    """Return a token's expression with the blank before it, and whether it may be left out."""
    if token == "..":
        stop = "|".join(re.escape(word) for word in rules.negations)
        return rf"(?: (?!(?:{stop})(?![^ ]))[^ .]+){{0,4}}?", False
    optional = token.endswith("?")
    alternatives = []
    for word in token.removesuffix("?").split("|"):
        if word.startswith("{") and word.endswith("}"):
            if word[1:-1] not in rules.words:
                raise RulesError(f"phrases.yaml, {where}: no list of words named {word}")
            alternatives += rules.words[word[1:-1]].split("|")
        else:
            alternatives.append(word)
    parts = [
        re.escape(w.removesuffix("*")).replace("_", " ") + ("[^ .]*" if w.endswith("*") else "")
        for w in alternatives
    ]
    if not all(parts):
        raise RulesError(f"phrases.yaml, {where}: an empty word")
    return rf" (?:{'|'.join(parts)})(?![^ .])", optional


def _pattern(text: str, rules: _Phrases, where: str) -> str:
    parts = []
    for token in text.split():
        expression, optional = _token(token, rules, where)
        parts.append(f"(?:{expression})?" if optional else expression)
    return "".join(parts)


def _any(patterns: tuple[str, ...], rules: _Phrases, where: str) -> re.Pattern:
    return re.compile("|".join(_pattern(p, rules, where) for p in patterns) or r"(?!)")


@lru_cache(maxsize=1)
def phrases() -> tuple[Phrase, ...]:
    """Return the phrases on file, in order."""
    return _rules().phrases


@lru_cache(maxsize=1)
def _rules() -> _Phrases:
    rules = read(FOLDER / "phrases.yaml", _Phrases)
    seen: set[str] = set()
    for phrase in rules.phrases:
        check_reason(phrase.category, phrase.reason, "", f"phrases.yaml, {phrase.id}")
        if phrase.id in seen:
            raise RulesError(f"phrases.yaml: {phrase.id} stands twice")
        if not (phrase.says and phrase.examples and phrase.counter_examples):
            raise RulesError(f"phrases.yaml, {phrase.id}: needs says, examples, counter_examples")
        seen.add(phrase.id)
    return rules


@lru_cache(maxsize=1)
def _compiled() -> tuple[tuple[_Compiled, ...], re.Pattern, re.Pattern, re.Pattern]:
    rules = _rules()
    negation = "|".join(re.escape(w) for w in rules.negations)
    linking = "|".join(re.escape(w) for w in rules.linking)
    return (
        tuple(
            _Compiled(
                p,
                _any(p.says, rules, p.id),
                _any(p.unless_followed_by, rules, p.id),
            )
            for p in rules.phrases
        ),
        re.compile(rf" (?:{negation})(?: (?:{linking})){{0,5}}\Z"),
        re.compile(rf" (?:{negation})\Z"),
        _any(rules.settled, rules, "settled"),
    )


@lru_cache(maxsize=16384)
def _hits(normalized: str) -> tuple[Phrase, ...]:
    compiled, negated, denies, settled = _compiled()
    padded = " " + normalized  # every word has a blank before it
    found = []
    for entry in compiled:
        denied_to = -1  # where the last negated hit of this phrase ended
        for match in entry.says.finditer(padded):
            # "not experimental or unproven": the negation carries over to the second word.
            carried = padded[denied_to : match.start()].strip() in {"or", "nor", "and"}
            if (denied_to >= 0 and carried) or negated.search(padded, 0, match.start()):
                denied_to = match.end()
                continue
            # "... not" followed by "met" is not met, so only a hit that ends otherwise is settled.
            if not denies.search(match[0]) and settled.match(padded, match.end()):
                continue
            if entry.unless.match(padded, match.end()):
                continue
            found.append(entry.phrase)
            break
    return tuple(found)


@lru_cache(maxsize=4096)
def find(text: str) -> tuple[Phrase, ...]:
    """Return the phrases on file that a denial reason holds, the deciding one first.

    Categories stand in the order of taxonomy 4.6 rule 7; within one, the order of the file, finer
    reasons first.
    """
    rank = category_of()
    return tuple(sorted(_hits(normalize_text(text)), key=lambda p: rank[p.category].rank))

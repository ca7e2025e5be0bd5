"""Free-text denial reasons: normalize them, and find known phrases in them.

Offline and declared: short forms, ideas, negations, phrases, examples and counter-examples are data
(`toolkit/rules/denials/phrases.yaml`, whose head says how a phrase is read); there is no model and
no score, and the same text always has the same answer.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import Literal, NamedTuple

import msgspec

from toolkit.denials import codes
from toolkit.denials.codes import FOLDER, category_of, check_reason
from toolkit.denials.codes_in_text import mark_codes, marked_code
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
    unless: tuple[str, ...] = ()
    general: Literal["yes", "no"] = "no"


class _Negation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    cues: tuple[str, ...]
    ends_at: tuple[str, ...]
    no_negation: tuple[str, ...]
    reach: int


class _Phrases(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    near: int
    comma: int
    first_of_all: tuple[str, ...]
    written: dict[str, str]
    unfolded: tuple[str, ...]
    dropped: tuple[str, ...]
    fillers: tuple[str, ...]
    plain_words: tuple[str, ...]
    negation: _Negation
    settled: tuple[str, ...]
    ideas: dict[str, tuple[str, ...]]
    phrases: tuple[Phrase, ...]


Role = Literal["outcome", "reason", "next_step", "footer"]


class _RoleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How sentences of one role are told from others: by their label, their first words, a line."""

    role: Role
    labels: tuple[str, ...] = ()
    heads: Literal["yes", "no"] = "yes"  # a label alone gives its role to the next sentence
    inner: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class _Roles(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    skipped: tuple[str, ...]
    entries: tuple[_RoleEntry, ...]


class _Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A topic that a text may name and say no more about."""

    id: str
    category: str
    reason: str
    names: tuple[str, ...]


class _Topics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    around: tuple[str, ...]
    topics: tuple[_Topic, ...]


class Told(NamedTuple):
    """A sentence of a letter: what it is for ('' if nothing says so), and what it holds.

    `decides` is its place among the sentences of the letter that give a reason, 0 for the one that
    decides; None if it gives none.
    """

    role: Role | Literal[""]
    phrases: tuple[Phrase, ...]
    adjustments: tuple[tuple[str, str], ...]
    rarcs: tuple[str, ...]
    decides: int | None


class Found(NamedTuple):
    """What a text holds: phrases and codes, those that decide first."""

    phrases: tuple[Phrase, ...] = ()
    adjustments: tuple[tuple[str, str], ...] = ()  # (group code or '', CARC)
    rarcs: tuple[str, ...] = ()


# --- normalization -------------------------------------------------------------------------------

# A name is only recognized where a title or a label gives it away; the rest is the reader's care.
_NAME = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr)\.?\s+[A-Z][\w'\-]*(?:\s+[A-Z][\w'\-]*)?"
    r"|\b(?:[Pp]atient|[Mm]ember|[Ee]nrollee|[Ss]ubscriber|[Nn]ame|PATIENT|MEMBER|NAME)"
    r"(?:\s+[Nn]ame)?\s*:\s*[A-Z][a-z'\-]+,?\s+[A-Z][a-z'\-]+"
)
# Two or more capitalized words after one of these may be a name: words that phrases know are not.
_CUED_NAME = re.compile(
    r"\b((?:[Pp]atient|[Mm]ember|[Ee]nrollee|[Ss]ubscriber|[Bb]eneficiary|[Ii]nsured|[Pp]t|[Mm]br)\s+)"
    r"((?:[A-Z][a-z'\-]+|[A-Z]{2,})(?:\s+[A-Z]\.?)?\s+(?:[A-Z][a-z'\-]+|[A-Z]{2,}))\b"
)
_APOSTROPHE = (
    ("’", "'"),
    ("can't", "cannot"),
    ("won't", "will not"),
    ("n't", " not"),
    ("'d", "d"),
    ("w/o", "without"),
    (" & ", " and "),
    (" + ", " and "),
)
_INNER_MARK = re.compile(r"(?<=[0-9])[,./:\-](?=[0-9])")
_CLAUSE = re.compile(r"[,:(]|(?<=\s)-+(?=\s)|[–—]")
_SENTENCE = re.compile(r"[.;!?|]+")
_OTHER = re.compile(r"[^a-z0-9.,#]+")
_ORDINALS = {"1st": "first", "2nd": "second", "3rd": "third"}
_NUMBER = re.compile("[0-9#]")
_WORD_NUMBER = re.compile(r"[a-z0-9]*[0-9][a-z0-9]*")
# Of `icd10`, `mod25` and `30days` the word stays; any other word with a digit is a code or a number.
_WORD_BESIDE = re.compile(
    r"(cpt|icd|hcpcs|ub|cms|hcfa|mod|dx|px|lvl|level|npi|drg|rev|lcd|ncd|auth|pos|line)(?=[0-9])"
)
_UNIT_BESIDE = re.compile(
    r"(?<=[0-9])(days?|d|hrs?|hours?|mos?|months?|yrs?|years?|wks?|units?|visits?)(?![a-z0-9])"
)
_MONTHS = (
    "january|february|march|april|june|july|august|september|october|november|december|"
    "jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec"
)
_DATE = re.compile(rf"(?:\b(?:{_MONTHS}) )?#(?:(?: ,)?(?: (?:{_MONTHS}))? #)*")
_MARKS = re.compile(r"[.,](?: ?[.,])+ ?")
_SPACES = re.compile(r"\s+")
_PARTS = re.compile(r" ([+>]) ")
_OWN_SIGN = re.compile(r"\|\s*(not |~)")
_FORM_WORD = re.compile(r"[a-z]+|#")
_LETTERS = re.compile("[a-z]+")
_MARKED = re.compile(r"(\[(?:[A-Z]{2}-)?[A-Z]{0,2}[0-9]+\])")
_WRAPPED = 60  # a line as long as this goes on in the next, unless that begins a sentence


def normalize_text(text: str) -> str:
    """Return a denial reason in lower case with numbers, dates and claim numbers as `#`.

    Distinct texts stay few, and a claim's numbers do not travel with the text. A name after a
    title, after a label such as `Patient:`, or after `member` where it is no word of a phrase, goes
    too. A full stop parts sentences, a comma clauses. A reason or remark code stays, as `[CO-197]`.
    Normalizing twice changes nothing.
    """
    if not _NUMBER.search(text):
        return _plain(text)
    parts = _MARKED.split(mark_codes(_lines(text)))
    if len(parts) == 1:
        return _plain(text)
    parts[::2] = [_plain(f" {part} ", ends=" ") for part in parts[::2]]
    return _SPACES.sub(" ", " ".join(parts)).strip(" .,")


def _lines(text: str) -> str:
    """Return a text with a full stop where a line ends a sentence without one."""
    if "\n" not in text:
        return text
    lines = [line.strip() for line in text.splitlines()]
    said = []
    for line, following in zip(lines, (*lines[1:], ""), strict=True):
        ends = not following or (
            not following[0].islower()
            and not (line.isupper() and following.isupper() and not _has_label(line, following))
            and (len(line) < _WRAPPED or line[-1:] in ":)")
        )
        said.append(f"{line} ." if line and ends else line)
    return " ".join(said)


def _has_label(*lines: str) -> bool:
    """Return whether a line begins with a label, as "REASON: ..." does."""
    return any(re.match(r"[A-Za-z][A-Za-z /]{0,40}:", line) for line in lines)


def _plain(text: str, ends: str = " .,") -> str:
    text = _NAME.sub(" ", _lines(text))
    text = _CUED_NAME.sub(_without_name, text).lower()
    for mark, instead in _APOSTROPHE:
        if mark in text:
            text = text.replace(mark, instead)
    # A number keeps its place as one sign; the inner marks of dates and amounts go with it.
    text = _INNER_MARK.sub("", text)
    text = _SENTENCE.sub(" . ", text)
    text = _CLAUSE.sub(" , ", text)
    text = _OTHER.sub(" ", text)
    if _NUMBER.search(text):
        for ordinal, word in _ORDINALS.items():
            if ordinal in text:
                text = re.sub(rf"\b{ordinal}\b", word, text)
        text = _WORD_BESIDE.sub(r"\1 ", text)
        text = _UNIT_BESIDE.sub(r" \1", text)
        text = _WORD_NUMBER.sub("#", text).replace("#", " # ")
    text = _SPACES.sub(" ", text)
    text = _MARKS.sub(lambda m: ". " if "." in m[0] else ", ", text)
    text = _DATE.sub("#", text) if "#" in text else text
    return text.strip(ends)


def _without_name(match: re.Match) -> str:
    known = _reader().known
    words = (word.strip(".").lower() for word in match[2].split())
    if any(word in known for word in words if len(word) > 1):
        return match[0]
    return match[1]


# --- words ---------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 14)
def _fold(word: str) -> str:
    """Return a word without the ending that makes a plural or a form of a verb."""
    if len(word) > 4:
        if word.endswith(("ies", "ied")):
            return word[:-3] + "y"
        if word.endswith("sis"):
            word = word[:-2]
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    if len(word) > 5 and word.endswith("ing"):
        word = word[:-3]
    elif len(word) > 4 and word.endswith("ed") and word[-3] != "e":
        word = word[:-2]
    if len(word) > 4 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    return word


def _shortened(word: str, by: int) -> set[str]:
    """Return the word, and all that is left of it without one letter, or two."""
    found = {word}
    for _ in range(by):
        found |= {w[:i] + w[i + 1 :] for w in found for i in range(1, len(w))}
    return found


def _distance(a: str, b: str) -> int:
    """Return how many letters are added, left out, changed or swapped between two words."""
    before, row = [], list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row, earlier = row, [i], before
        for j, y in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        before = last
    return row[-1]


# --- patterns ------------------------------------------------------------------------------------

AFFIRMED, DENIED = 1, 2
_SETTLED, _ROLES_FROM = (
    -1,
    -2,
)  # owners of patterns that are no phrase; an entry of roles has one each
_BOTH = AFFIRMED | DENIED
Form = tuple[str, ...]


class _Pattern(NamedTuple):
    """Parts that stand near one another; where `follows`, a part stands after the one before it."""

    parts: tuple[int, ...]
    follows: tuple[bool, ...]
    owner: int  # the phrase's place in the file; below 0 what settles a clause, or a role
    keeps_off: bool  # an `unless` of its owner


class _Hit(NamedTuple):
    owner: int
    places: frozenset[int]  # the words that it explains
    start: int
    weight: tuple[int, int]  # how many, then how near they stand
    advice: bool  # in a sentence that begins "if"
    rank: int  # of its sentence's role


class _Reader:
    """The phrases on file, made ready to read texts with."""

    def __init__(self, rules: _Phrases, roles: _Roles) -> None:
        self.rules, self.roles = rules, roles
        self.unfolded, self.dropped = frozenset(rules.unfolded), frozenset(rules.dropped)
        self.known_forms: dict[str, Form] = {}
        self.known_ideas: dict[tuple[str, int], dict[Form, int]] = {}
        self.part_number: dict[str, int] = {}
        self.part_forms: list[dict[Form, int]] = []
        self.patterns: list[_Pattern] = []
        for owner, phrase in enumerate(rules.phrases):
            where = f"phrases.yaml, {phrase.id}"
            for says in phrase.says:
                self.patterns.append(self.pattern(says, where, owner, keeps_off=False))
            for says in phrase.unless:
                self.patterns.append(self.pattern(says, where, owner, keeps_off=True))
        for says in rules.settled:
            self.patterns.append(
                self.pattern(says, "phrases.yaml, settled", _SETTLED, keeps_off=False)
            )
        for nth, entry in enumerate(roles.entries):
            owner = _ROLES_FROM - nth
            for says in entry.says:
                self.patterns.append(self.pattern(says, "roles.yaml", owner, keeps_off=False))
            for says in entry.unless:
                self.patterns.append(self.pattern(says, "roles.yaml", owner, keeps_off=True))
        self.general = [phrase.general == "yes" for phrase in rules.phrases]
        self._index()
        self._vocabulary()

    # reading the file

    def stem(self, word: str) -> str:
        return word if word in self.unfolded else _fold(word)

    def form(self, words: str) -> Form:
        kept = (word for word in words.split() if word not in self.dropped)
        return tuple("#" if word == "9" else self.stem(word) for word in kept)

    def pattern(self, text: str, where: str, owner: int, *, keeps_off: bool) -> _Pattern:
        """Return a line of `says` as a pattern: parts between `+` (any order) or `>` (then)."""
        first, *rest = _PARTS.split(text)
        texts = [p.strip() for p in (first, *rest[1::2])]
        parts = [self._part(p, where) for p in texts]
        denied = [any(s & DENIED for s in self.part_forms[n].values()) for n in parts]
        if any(denied):
            # "unable to find the member": what is told of the member may well stand in the negation too.
            parts = [
                n if own or _forms_sign(p) != AFFIRMED else self._part(f"~{p}", where)
                for n, own, p in zip(parts, denied, texts, strict=True)
            ]
        follows = (False, *(mark == ">" for mark in rest[::2]))
        return _Pattern(tuple(parts), follows, owner, keeps_off)

    def _part(self, text: str, where: str) -> int:
        if text not in self.part_number:
            forms: dict[Form, int] = {}
            # `not` and `~` before the first word hold for all of them, unless another has its own.
            first = _forms_sign(text)
            if _OWN_SIGN.search(text):
                first = AFFIRMED
            for one in text.split("|"):
                sign = _forms_sign(one) if first == AFFIRMED else first
                self._take(one.strip(), sign, where, forms, ())
            self.part_number[text] = len(self.part_forms)
            self.part_forms.append(forms)
        return self.part_number[text]

    def _take(
        self, text: str, sign: int, where: str, forms: dict[Form, int], inside: tuple[str, ...]
    ) -> None:
        """Add one alternative, a word, words in a row or an idea, with its sign to the forms."""
        text = text.removeprefix("not ").removeprefix("~").strip()
        if text.isupper():
            for form, own in self._idea(text, sign, where, inside).items():
                forms[form] = forms.get(form, 0) | own
            return
        form = self.known_forms.get(text)
        if form is None:
            form = self.form(text)
            if not form or not all(_FORM_WORD.fullmatch(word) for word in form):
                raise RulesError(f"{where}: no text can hold {text!r}")
            self.known_forms[text] = form
        forms[form] = forms.get(form, 0) | sign

    def _idea(self, name: str, sign: int, where: str, inside: tuple[str, ...]) -> dict[Form, int]:
        """Return the forms of an idea with their signs; phrases use one many times."""
        if (name, sign) not in self.known_ideas:
            if name not in self.rules.ideas or name in inside:
                raise RulesError(f"{where}: no list of words named {name}, or it holds itself")
            forms: dict[Form, int] = {}
            for one in self.rules.ideas[name]:
                own = _forms_sign(one)
                if sign == DENIED and own != _BOTH:
                    own = _BOTH - own
                elif sign == _BOTH:
                    own = _BOTH
                self._take(one, own, where, forms, (*inside, name))
            self.known_ideas[name, sign] = forms
        return self.known_ideas[name, sign]

    def _index(self) -> None:
        self.uses = Counter(w for p in self.part_forms for form in p for w in form)
        numbers: dict[Form, int] = {}
        for forms in self.part_forms:
            for form in forms:
                numbers.setdefault(form, 2 * len(numbers))
        # A form has one key where it is affirmed, and the next where it is denied.
        self.single = {form[0]: key for form, key in numbers.items() if len(form) == 1}
        self.row: dict[Form, int] = {form: key for form, key in numbers.items() if len(form) > 1}
        lengths: dict[str, set[int]] = {}
        for form in self.row:
            lengths.setdefault(form[0], set()).add(len(form))
        self.lengths = {word: tuple(sorted(found)) for word, found in lengths.items()}
        self.keys = [
            frozenset(
                numbers[form] + nth
                for form, sign in forms.items()
                for nth in (0, 1)
                if sign & (AFFIRMED, DENIED)[nth]
            )
            for forms in self.part_forms
        ]
        # A pattern is looked at only where its rarest part stands: words that few phrases use.
        cost = [sum(self.uses[form[0]] for form in forms) for forms in self.part_forms]
        self.by_key: dict[int, list[int]] = {}
        self.unless: dict[int, list[_Pattern]] = {}
        for number, pattern in enumerate(self.patterns):
            if pattern.keeps_off:
                self.unless.setdefault(pattern.owner, []).append(pattern)
                continue
            for key in self.keys[min(pattern.parts, key=lambda n: (cost[n], n))]:
                self.by_key.setdefault(key, []).append(number)

    def _vocabulary(self) -> None:
        rules, negation = self.rules, self.rules.negation
        self.fillers = frozenset(rules.fillers)
        self.written = _by_first((w.split(), to.split()) for w, to in rules.written.items())
        self.cues = _by_first((self.form(c), ()) for c in negation.cues)
        self.ends = _by_first((self.form(c), ()) for c in negation.ends_at)
        self.no_cues = _by_first((self.form(c), ()) for c in negation.no_negation)
        entries = self.roles.entries
        self.skipped = frozenset(self.roles.skipped)
        self.labels, self.inner, self.starts = (
            _by_first(
                ([w for w in words.split() if w not in self.dropped], (nth,))
                for nth, entry in enumerate(entries)
                for words in getattr(entry, name)
            )
            for name in ("labels", "inner", "starts")
        )
        texts = [*rules.written, *rules.written.values(), *rules.fillers, *rules.dropped]
        texts += rules.plain_words
        texts += [*negation.cues, *negation.ends_at, *negation.no_negation]
        texts += [w for e in entries for w in (*e.labels, *e.inner, *e.starts)]
        texts += self.roles.skipped
        words = {w for t in texts for w in t.split()}
        words |= {w for p in self.part_forms for form in p for w in form}
        lines = [line for p in rules.phrases for line in p.says]
        lines += [line for idea in rules.ideas.values() for line in idea]
        lines += [line for entry in entries for line in (*entry.says, *entry.unless)]
        words |= {w for line in lines for w in _LETTERS.findall(line)}
        self.known = frozenset(words | {self.stem(w) for w in words})

    @cached_property
    def spelled(self) -> dict[str, list[str]]:
        """The known words by what is left of them after a slip; made for the first slip."""
        found: dict[str, list[str]] = {}
        for word in sorted(self.known):
            if len(word) >= 5:
                for part in _shortened(word, 2 if len(word) >= 9 else 1):
                    found.setdefault(part, []).append(word)
        return found

    # reading a text

    def word(self, word: str) -> str:
        """Return a word; one that is not known and a slip away from one that is, as that."""
        stem = self.stem(word)
        if word in self.known or stem in self.known or len(word) < 5:
            return word
        if len(stem) < 5:
            stem = word
        slips = 2 if len(stem) >= 9 else 1
        near: dict[str, int] = {}
        for part in _shortened(stem, slips):
            for known in self.spelled.get(part, ()):
                if known not in near and known[0] == stem[0]:
                    near[known] = _distance(stem, known)
        best = min(near.values(), default=9)
        if best > slips:
            return word
        # Of several, the one that the phrases use most.
        return min((k for k, far in near.items() if far == best), key=lambda k: (-self.uses[k], k))


def _forms_sign(text: str) -> int:
    text = text.strip()
    return DENIED if text.startswith("not ") else _BOTH if text.startswith("~") else AFFIRMED


def _by_first(rows: Iterable[tuple]) -> Mapping[str, tuple]:
    """Return rows of words by their first word, the longest first."""
    found: dict[str, list] = {}
    for words, to in rows:
        found.setdefault(words[0], []).append((len(words), tuple(words), tuple(to)))
    return {first: tuple(sorted(rows, reverse=True)) for first, rows in found.items()}


def _row_at(table: Mapping[str, tuple], words: list[str], at: int) -> tuple | None:
    for row in table.get(words[at], ()):
        if row[0] == 1 or tuple(words[at : at + row[0]]) == row[1]:
            return row
    return None


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
            raise RulesError(f"phrases.yaml: {phrase.id} is listed twice")
        if not (phrase.says and phrase.examples and phrase.counter_examples):
            raise RulesError(f"phrases.yaml, {phrase.id}: needs says, examples, counter_examples")
        seen.add(phrase.id)
    for category in rules.first_of_all:
        if category not in category_of():
            raise RulesError(f"phrases.yaml, first_of_all: no category {category}")
    return rules


@lru_cache(maxsize=1)
def _reader() -> _Reader:
    return _Reader(_rules(), read(FOLDER / "roles.yaml", _Roles))


@lru_cache(maxsize=65536)
def _known(word: str) -> str:
    return word if word[0] == "[" else _reader().word(word)


@lru_cache(maxsize=16384)
def _stem(word: str) -> str:
    return word if word[0] == "[" else _reader().stem(word)


# --- finding -------------------------------------------------------------------------------------


class _Read(NamedTuple):
    """A text as its words, each with its place, its clause and whether a negation covers it."""

    words: list[str]
    spelled: list[str]  # the same words before they are folded
    place: list[int]
    clause: list[int]
    sign: list[int]


_FULL_STOP = 1000


def _read(normalized: str, reader: _Reader) -> _Read:
    spelled = _spelled(normalized, reader)
    words = [_stem(w) for w in spelled]  # stems, from here on
    return _places(words, spelled, reader)


def _spelled(normalized: str, reader: _Reader) -> list[str]:
    """Return the words of a normalized text, each as it is known and with short forms written out."""
    raw = [_known(w) for w in normalized.replace(",", " , ").replace(".", " . ").split()]
    spelled: list[str] = []
    at, written = 0, reader.written
    while at < len(raw):
        row = _row_at(written, raw, at) if raw[at] in written else None
        if row is not None:
            spelled += row[2]
            at += row[0]
        else:
            if raw[at] not in reader.dropped:
                spelled.append(raw[at])
            at += 1
    return spelled


def _places(words: list[str], spelled: list[str], reader: _Reader) -> _Read:
    fillers, cues, ends, no_cues = reader.fillers, reader.cues, reader.ends, reader.no_cues
    reach, comma = reader.rules.negation.reach, reader.rules.comma
    place, clause, sign = [], [], []
    here = which = 0
    covered_to, skip_to, cut_done = -1, -1, -1
    for at, word in enumerate(words):
        if word == ".":
            here += _FULL_STOP
            which += 1
            covered_to = -1
        elif word == ",":
            here += comma
            which += 1
            covered_to = -1
        else:
            if word not in fillers:
                here += 1
            if at > cut_done and word in ends and (row := _row_at(ends, words, at)):
                covered_to, cut_done = -1, at + row[0] - 1
                which += 1
        place.append(here)
        clause.append(which)
        sign.append(DENIED if here <= covered_to else AFFIRMED)
        if word in no_cues and (row := _row_at(no_cues, words, at)):
            skip_to = max(skip_to, at + row[0])
        if at >= skip_to and word in cues and (row := _row_at(cues, words, at)):
            covered_to = here + reach + row[0] - 1
    return _Read(words, spelled, place, clause, sign)


def _forms(text: _Read, reader: _Reader) -> dict[int, list[tuple[int, int]]]:
    """Return the forms that stand in a text, by key: first and last word of each place."""
    found: dict[int, list[tuple[int, int]]] = {}
    single, row, lengths, words = reader.single, reader.row, reader.lengths, text.words
    for at, (word, sign) in enumerate(zip(words, text.sign, strict=True)):
        for length in lengths.get(word, ()):
            key = row.get(tuple(words[at : at + length]))
            if key is not None and at + length <= len(words):
                found.setdefault(key + sign - 1, []).append((at, at + length - 1))
        key = single.get(word)
        if key is not None:
            found.setdefault(key + sign - 1, []).append((at, at))
    return found


def _matches(
    pattern: _Pattern, found: dict[int, list[tuple[int, int]]], text: _Read, reader: _Reader
) -> list[tuple[tuple[int, int], ...]]:
    """Return the ways in which a pattern's parts stand near one another in the text."""
    keys = reader.keys
    for part in pattern.parts:
        if keys[part].isdisjoint(found):
            return []
    spans = [
        [span for key in keys[part].intersection(found) for span in found[key]]
        for part in pattern.parts
    ]
    if len(spans) == 1:
        return [(span,) for span in spans[0]]
    place, near, follows = text.place, reader.rules.near, pattern.follows
    ways = []
    for way in product(*spans):
        row = sorted(way)
        if all(
            b[0] > a[1] and place[b[0]] - place[a[1]] <= near
            for a, b in zip(row, row[1:], strict=False)
        ) and all(way[n][0] > way[n - 1][1] for n, then in enumerate(follows) if then):
            ways.append(tuple(row))
    return ways


def _clauses(match: tuple[tuple[int, int], ...], text: _Read) -> set[int]:
    return {text.clause[first] for first, _ in match}


class _Decisions(NamedTuple):
    """The hits of a text that decide, in no order, the rank of each word, and whether a clause is settled."""

    hits: list[_Hit]
    rank: list[int]
    settled: bool


def _decisions(text: _Read, reader: _Reader) -> _Decisions:
    found = _forms(text, reader)
    matched: list[tuple[int, tuple]] = []
    settled: set[int] = set()
    by_key, patterns = reader.by_key, reader.patterns
    for number in {n for key in found if key in by_key for n in by_key[key]}:
        pattern = patterns[number]
        for match in _matches(pattern, found, text, reader):
            if pattern.owner == _SETTLED:
                settled |= _clauses(match, text)
            else:
                matched.append((pattern.owner, match))
    off = {
        owner: [
            match
            for pattern in reader.unless.get(owner, ())
            for match in _matches(pattern, found, text, reader)
        ]
        for owner in {owner for owner, _ in matched}
    }
    rank = _ranks(text, reader, matched, off)
    hits, advice = [], _advice(text)
    for owner, match in matched:
        within = _clauses(match, text)
        if owner < 0 or within & settled or any(within & _clauses(m, text) for m in off[owner]):
            continue
        places = frozenset(at for first, last in match for at in range(first, last + 1))
        first, last = match[0][0], match[-1][1]
        if rank[first] == _NEVER:
            continue
        weight = (len(places), text.place[first] - text.place[last])
        hits.append(_Hit(owner, places, first, weight, first in advice, rank[first]))
    return _Decisions(hits, rank, bool(settled))


@lru_cache(maxsize=65536)
def _found(normalized: str) -> Found:
    """Return the phrases and codes that a normalized text holds, the deciding ones first."""
    reader = _reader()
    text = _read(normalized, reader)
    hits, rank, settled = _decisions(text, reader)
    order = _decided(hits, reader) if hits else []
    owners = dict.fromkeys(hit.owner for hit in order)
    adjustments, rarcs = _codes(text, rank, order[0].rank if order else _LAST)
    phrases = tuple(reader.rules.phrases[owner] for owner in owners)
    if not (phrases or adjustments or rarcs or settled):
        phrases = _topic(text, reader)
    return Found(phrases, adjustments, rarcs)


# --- a topic and nothing else ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def _topics() -> tuple[Mapping[tuple[str, ...], Phrase], Mapping[str, tuple]]:
    """Return the topics by the words of their names, and the words that may stand around one."""
    rules, reader = read(FOLDER / "topics.yaml", _Topics), _reader()
    around = _by_first((reader.form(words), ()) for words in rules.around)
    found: dict[tuple[str, ...], Phrase] = {}
    for topic in rules.topics:
        where = f"topics.yaml, {topic.id}"
        check_reason(topic.category, topic.reason, "", where)
        phrase = Phrase(
            id=topic.id,
            category=topic.category,
            reason=topic.reason,
            says=topic.names,
            examples=topic.names,
            counter_examples=(),
        )
        for name in topic.names:
            words = _spelled(normalize_text(name), reader)
            key = tuple(_stem(word) for word in words)
            if found.setdefault(key, phrase) is not phrase:
                raise RulesError(f"{where}: {name!r} is a name of two topics")
    return found, around


def _topic(text: _Read, reader: _Reader) -> tuple[Phrase, ...]:
    """Return the topic that a text names, where it holds nothing else but the words around one."""
    topics, around = _topics()
    words = [word for word in text.words if word not in ".,"]
    if len(words) > _TOPIC_WORDS:
        return ()
    without, at = [], 0
    while at < len(words):
        row = _row_at(around, words, at)
        if row is None:
            without.append(words[at])
        at += row[0] if row else 1
    for key in (tuple(words), tuple(without)):
        if key in topics:
            return (topics[key],)
    return ()


_TOPIC_WORDS = 8


# --- what a sentence is for ----------------------------------------------------------------------

_RANK = {"outcome": 0, "reason": 1, "": 2, "next_step": 3, "footer": 5}
_LAST = 4
_NEVER = _RANK["footer"]
_ROLE: dict[int, Role | Literal[""]] = {
    0: "outcome", 1: "reason", 2: "", 3: "next_step", _LAST: "footer", _NEVER: "footer",
}  # fmt: skip


def _sentences(text: _Read, reader: _Reader) -> list[range]:
    """Return the sentences of a text, each as the places of its words; a label begins one."""
    words, starts = text.words, [0]
    for at, word in enumerate(words):
        if word == ".":
            starts.append(at + 1)
        elif text.spelled[at] in reader.inner and at and words[at - 1] != ".":
            row = _row_at(reader.inner, text.spelled, at)
            if row is not None and words[at + row[0] : at + row[0] + 1] == [","]:
                starts.append(at)
    ends = [*starts[1:], len(words)]
    parts = (range(a, b) for a, b in zip(starts, ends, strict=True))
    return [part for part in parts if any(words[at] not in ".," for at in part)]


def _ranks(
    text: _Read, reader: _Reader, matched: list[tuple[int, tuple]], off: Mapping[int, list[tuple]]
) -> list[int]:
    """Return for each word how early its sentence decides; one sentence alone has no other role."""
    ranks = [_RANK[""]] * len(text.words)
    sentences = _sentences(text, reader)
    if len(sentences) < 2:
        return ranks
    number = [0] * len(text.words)
    for nth, sentence in enumerate(sentences):
        for at in sentence:
            number[at] = nth
    against = {(o, number[m[0][0]]) for o, found in off.items() if o <= _ROLES_FROM for m in found}
    said: dict[int, set[int]] = {}
    for owner, match in matched:
        place = number[match[0][0]]
        if owner <= _ROLES_FROM and (owner, place) not in against:
            said.setdefault(place, set()).add(_ROLES_FROM - owner)
    carried = ""
    for nth, sentence in enumerate(sentences):
        label, alone = _label(text, sentence, reader)
        entry = min(said.get(nth, set()) | _start(text, sentence, reader), default=None)
        role = label or ("" if entry is None else reader.roles.entries[entry].role)
        if label or role in ("outcome", "reason"):
            carried, role = (label if alone else ""), role
        elif carried == "reason":
            carried, role = "", role if role == "footer" else "reason"
        else:
            role = carried or role
        # "Claims must reach us in 180 days. This one did not." A letter has more than two sentences.
        rank = _LAST if role == "footer" and len(sentences) == 2 else _RANK[role]
        for at in sentence:
            ranks[at] = rank
    return ranks


def _label(text: _Read, sentence: range, reader: _Reader) -> tuple[Role | Literal[""], bool]:
    """Return the role that a sentence's label gives, and whether the label is all of it."""
    row = _row_at(reader.labels, text.spelled, sentence.start)
    if row is None:
        return "", False
    rest = text.words[sentence.start + row[0] : sentence.stop]
    if rest and rest[0] not in ".,":
        return "", False
    entry = reader.roles.entries[row[2][0]]
    return entry.role, entry.heads == "yes" and all(word in ".," for word in rest)


def _start(text: _Read, sentence: range, reader: _Reader) -> set[int]:
    """Return the entries whose first words a sentence begins with."""
    at = sentence.start
    while at < sentence.stop - 1 and text.spelled[at] in reader.skipped:
        at += 1
    row = _row_at(reader.starts, text.spelled, at)
    return {row[2][0]} if row is not None else set()


def _codes(
    text: _Read, rank: list[int], best: int, *, within: range | None = None
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the codes of the sentences that decide no later than the phrases, in their order."""
    among = range(len(text.words)) if within is None else within
    places = [at for at in among if text.words[at][0] == "[" and rank[at] <= best]
    found = [marked_code(text.words[at]) for at in sorted(places, key=lambda at: (rank[at], at))]
    adjustments = (pair for pair in found if pair[0] or pair[1] not in codes.rarcs())
    remarks = (code for group, code in found if not group and code in codes.rarcs())
    return tuple(dict.fromkeys(adjustments)), tuple(dict.fromkeys(remarks))


def _advice(text: _Read) -> frozenset[int]:
    """Return the words after an `if` in its sentence: what to do next, not why it was denied."""
    found, within = [], False
    for at, word in enumerate(text.words):
        within = word != "." and (within or word == "if")
        if within:
            found.append(at)
    return frozenset(found)


def _decided(hits: list[_Hit], reader: _Reader) -> list[_Hit]:
    """Return the hits in the order in which they decide, without those that another explains."""
    rules, general = reader.rules, reader.general
    first = [phrase.category in rules.first_of_all for phrase in rules.phrases]
    kept = [
        hit
        for hit in hits
        if not any(
            o.weight > hit.weight
            and general[o.owner] <= general[hit.owner]
            and hit.places & o.places
            for o in hits
        )
    ]

    def order(hit: _Hit) -> tuple:
        phrase = rules.phrases[hit.owner]
        return (
            hit.advice,
            phrase.category == "not_a_denial",
            hit.rank,
            general[hit.owner],
            not first[hit.owner],
            hit.start,
            -hit.weight[0],
            hit.owner,
        )

    return sorted(kept, key=order)


@lru_cache(maxsize=16384)
def read_text(text: str) -> Found:
    """Return the phrases and the codes that a denial reason holds, the deciding ones first.

    Of several sentences, those that give the reason go first and footers (appeal rights, deadlines)
    count for nothing: `roles.yaml`. Within them the reason named first decides, because a writer
    puts the main reason first. Before it go the categories of `first_of_all`; after it what says
    little by itself (`general`), and what is not a denial. Of two phrases that share a word, the one
    that explains more words is taken.
    """
    return _found(normalize_text(text))


def find(text: str) -> tuple[Phrase, ...]:
    """Return the phrases on file that a denial reason holds, the deciding one first."""
    return read_text(text).phrases


def read_sentences(sentences: Sequence[str]) -> tuple[Told, ...]:
    """Return what each sentence of a letter is for, and the phrases and codes it holds.

    The sentences are read together, as one text: a heading gives its role to the sentence after it.
    Footers (appeal rights, deadlines, addresses) hold nothing.
    """
    reader = _reader()
    spelled: list[str] = []
    ends: list[int] = []
    for sentence in sentences:
        spelled += [*_spelled(normalize_text(sentence), reader), "."]
        ends.append(len(spelled))
    text = _places([_stem(word) for word in spelled], spelled, reader)
    hits, rank, _ = _decisions(text, reader)
    order = _decided(hits, reader)
    told, start = [], 0
    places = [0] * len(spelled)
    for nth, end in enumerate(ends):
        places[start:end] = [nth] * (end - start)
        start = end
    first: dict[int, int] = {}
    for hit in order:
        first.setdefault(places[hit.start], len(first))
    start = 0
    for nth, end in enumerate(ends):
        mine = [hit for hit in order if places[hit.start] == nth]
        owners = dict.fromkeys(hit.owner for hit in mine)
        words = [at for at in range(start, end) if text.words[at] not in ".,"]
        role = _ROLE[min((rank[at] for at in words), default=_RANK[""])]
        adjustments, rarcs = _codes(text, rank, _LAST, within=range(start, end))
        phrases = tuple(reader.rules.phrases[owner] for owner in owners)
        told.append(Told(role, phrases, adjustments, rarcs, first.get(nth)))
        start = end
    return tuple(told)

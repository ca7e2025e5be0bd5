"""The reason and remark codes written in one cell or sentence, and the words that are left.

`CO-16, N290; PR-1`, `197 | 45`, `CO-197 Precertification absent`, `denial code 16 with remark MA130`.
A code that is marked as one (by its group code, by a word such as "reason code", by its own letters)
is read anywhere; a bare number is a code only if nothing but codes stands in the cell, or where a
word or its place before the words says so. Dates, amounts, procedure codes, claim and phone numbers
are not codes. Which words say what is data: `toolkit/rules/denials/codes_in_text.yaml`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import msgspec

from toolkit.denials import codes
from toolkit.rules import read


@dataclass(frozen=True)
class CodesFound:
    """What one cell holds: its codes in their order, and the rest."""

    adjustments: tuple[tuple[str, str], ...] = ()  # (group code or '', CARC)
    rarcs: tuple[str, ...] = ()
    words: str = ""  # what is left when codes, their labels and amounts beside them are taken out
    unread: bool = False  # something is written like a code and could not be read as one


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    labels: frozenset[str]
    remark_labels: frozenset[str]
    neutral: frozenset[str]
    links: frozenset[str]
    then: frozenset[str]
    joins: frozenset[str]
    other_before: frozenset[str]
    other_after: frozenset[str]
    counted: frozenset[str]


@lru_cache(maxsize=1)
def _words() -> _Words:
    return read(codes.FOLDER / "codes_in_text.yaml", _Words)


class _Token(NamedTuple):
    kind: str  # amount, date, status, grouped, group, rarc, letter, number, word, mark, other
    start: int
    end: int
    raw: str
    group: str = ""
    code: str = ""


# Three digits at most: `CO 80202` is a place in Colorado. What follows may not make it a longer
# number, a decimal or an ICD-10 code with its dot; `.0` is what a spreadsheet makes of a number.
_ENDS = r"(?![A-Za-z0-9])(?!\.[0-9])(?![-/][0-9]{4})"
_DIGITS = r"0?(?:[1-9][0-9]{0,2}|0)(?:\.0)?"
_MONTH, _DAY = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12][0-9]|3[01])"
_TOKEN = re.compile(
    rf"""
    (?P<amount>\(?-?\$\s?[0-9][0-9,]*(?:\.[0-9]+)?\)?|\(?-?(?<![A-Za-z0-9])[0-9][0-9,]*\.[0-9]{{2}}\)?(?![0-9.]))
  | (?<![A-Za-z0-9])(?P<date>[0-9]+/[0-9]+/[0-9]{{4,}}|[0-9]{{4}}[\-/.][0-9]{{1,2}}[\-/.][0-9]{{1,2}}
        |(?:{_MONTH}[/\-.]{_DAY}|{_DAY}[/\-.]{_MONTH})[/\-.](?:[0-9]{{4}}|[0-9]{{2}}))(?![A-Za-z0-9])
  | (?<![A-Za-z0-9])(?P<status>[ADEFPR][0-9]{{1,2}}:[0-9]{{1,3}}(?::[A-Z0-9]{{1,3}})?)(?![A-Za-z0-9])
  | (?<![A-Za-z0-9])(?P<grouped>(?P<g>CO|PR|OA|PI|CR)[\s\-*:_/.\#–]{{0,3}}(?:CARC[\s\-:\#]{{0,3}})?
        (?P<gc>[ABDPWY]?{_DIGITS})){_ENDS}
  | (?<![A-Za-z0-9])(?P<group>CO|PR|OA|PI|CR)(?![A-Za-z0-9])
  | (?<![A-Za-z0-9])(?P<rarc>(?P<rl>MA|M|N)[\s\-]?(?P<rd>[0-9]{{1,4}})(?:\.0)?){_ENDS}
  | (?<![A-Za-z0-9])(?P<letter>[ABDPWY][0-9]{{1,2}}){_ENDS}
  | (?<![A-Za-z0-9])(?P<number>{_DIGITS}){_ENDS}
  | (?P<word>[A-Za-z]+(?:['’][A-Za-z]+)?(?![A-Za-z0-9]))
  | (?P<other>[A-Za-z0-9]+)
  | (?P<mark>\S)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BEFORE_CODE = frozenset({"code", "codes", "carc", "reason", "rsn", "adjustment"})
_CODES = frozenset({"grouped", "rarc", "letter", "number"})
_APART = frozenset(",;:|/&+*^()[]{}.-–—=#\"'")


def _tokens(text: str) -> list[_Token]:
    found = []
    for m in _TOKEN.finditer(text):
        kind, group, code = m.lastgroup or "", "", ""
        kind = {"g": "grouped", "gc": "grouped", "rl": "rarc", "rd": "rarc"}.get(kind, kind)
        if m["grouped"]:
            kind, (group, code) = "grouped", codes.read_carc(m["grouped"])
        elif m["rarc"]:
            kind, code = "rarc", "".join(codes.read_rarcs(m["rarc"])[0])
        elif m["letter"] or m["number"]:
            code = codes.read_carc(m[0])[1]
        found.append(_Token(kind, m.start(), m.end(), m[0], group, code))
    return found


class _Cell:
    """The tokens of one text, and which of them are codes, labels of codes, or amounts beside them."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.about = text, _tokens(text), _words()
        self.taken: set[int] = set()
        self.unread = False
        self.groups: dict[int, str] = {}
        self.adjustments: list[tuple[str, str]] = []
        self.rarcs: list[str] = []

    # neighbors

    def word_before(self, at: int) -> str:
        """Return the word right before a token, in lower case; '' if a sentence begins there."""
        for token in reversed(self.tokens[:at]):
            if token.kind == "word":
                return token.raw.lower()
            if token.kind != "mark" or token.raw in ".;!?":
                return ""
        return ""

    def word_after(self, at: int) -> str:
        """Return the word that follows a token with nothing but blanks or a hyphen between."""
        rest = self.tokens[at + 1 : at + 3]
        if rest and rest[0].raw in "-%" and rest[0].start == self.tokens[at].end:
            if rest[0].raw == "%":
                return "percent"
            rest = rest[1:]
        return rest[0].raw.lower() if rest and rest[0].kind == "word" else ""

    def stands_apart(self, at: int) -> bool:
        """Return whether a mark or the end of the text follows a token."""
        following = self.tokens[at + 1 : at + 2]
        return not following or following[0].kind == "mark"

    def label_before(self, at: int) -> str:
        """Return 'carc' or 'rarc' where a word announces a code at this token; '' elsewhere."""
        about, place = self.about, at - 1
        while place >= 0 and (
            self.tokens[place].raw in ":#-–=(\"'." or self.tokens[place].raw.lower() in about.links
        ):
            place -= 1
        if place < 0 or self.tokens[place].kind != "word":
            return ""
        word, plain = self.tokens[place].raw.lower(), False
        if word in ("code", "codes", "cd"):
            plain, place = True, place - 1
            word = self.tokens[place].raw.lower() if place >= 0 else ","
        if word in about.remark_labels:
            return "rarc"
        if plain:
            fits = word in about.labels or word in about.neutral
            marked = place >= 0 and self.tokens[place].kind not in ("word", "other")
            return "carc" if fits or marked else ""
        return "carc" if word in about.labels and word not in ("claim", "group", "grp") else ""

    # decisions

    def is_list(self) -> bool:
        """Return whether nothing but codes, their labels, joining words and amounts stands here."""
        for at, token in enumerate(self.tokens):
            if token.kind in ("amount", "group", *_CODES):
                continue
            if token.kind == "mark" and token.raw in _APART:
                if token.raw in "-–—" and self._between_bare_numbers(at):
                    return False
                continue
            if token.kind != "word" or not self._is_label(token):
                return False
        return any(token.kind in _CODES for token in self.tokens)

    def _is_label(self, token: _Token) -> bool:
        """Return whether a word says nothing beside a code: "codes", "and"; a claim has a number."""
        word = token.raw.lower()
        return word != "claim" and (word in self.about.labels or word in self.about.joins)

    def _between_bare_numbers(self, at: int) -> bool:
        sides = self.tokens[at - 1 : at] + self.tokens[at + 1 : at + 2]
        return len(sides) == 2 and all(token.kind == "number" for token in sides)

    def is_code(self, at: int, *, alone: bool) -> bool:
        """Return whether a token that looks like a code is one; `alone`: the cell holds nothing else."""
        token, about = self.tokens[at], self.about
        listed = token.code in (codes.rarcs() if token.kind == "rarc" else codes.carcs())
        label = self.label_before(at)
        if alone:
            if token.kind in ("number", "letter"):
                return listed and label != "rarc"
            return bool(token.code)
        if not listed:
            self.unread = (
                self.unread or token.kind == "grouped" or (label != "" and token.code != "")
            )
            return False
        if token.kind == "grouped":
            return self.word_after(at) not in about.counted or not token.raw[2].isspace()
        if self.word_after(at) in about.other_after:
            return False
        if label and not (token.kind == "number" and self.word_after(at) in about.counted):
            if token.kind == "number":
                return label == "carc" and self._is_announced(at)
            return True
        if self.word_before(at) in about.other_before:
            return False
        if token.kind == "number":
            return self._continues(at) or self._leads(at)
        # In a sentence, only as the lists write them: `N290`, `MA130`, `B7`; `m15` may be anything.
        return token.raw.isupper() and not re.search(r"[\s-]", token.raw)

    def _is_announced(self, at: int) -> bool:
        """Return whether a labeled number is a code: "code 50 applies", "denied 50 - not necessary"."""
        if self.stands_apart(at) or self.word_after(at) in self.about.then:
            return True
        words = (t.raw.lower() for t in reversed(self.tokens[:at]) if t.kind == "word")
        last = next((word for word in words if word not in self.about.links), "")
        # "Reason: 2 midnights" counts something; "reason 29 time limit" has two digits and no count.
        return last in _BEFORE_CODE and (
            last not in ("reason", "rsn") or len(self.tokens[at].code) > 1
        )

    def _group_before(self, at: int) -> str:
        """Return the group code that a label parts from its reason code: "Group CO, CARC 16"."""
        place = at - 1
        while place >= 0 and (
            self.tokens[place].kind == "mark" or self.tokens[place].raw.lower() in _BEFORE_CODE
        ):
            place -= 1
        if place < 0 or self.tokens[place].kind != "group" or place in self.taken:
            return ""
        self.taken.add(place)
        return self.tokens[place].raw.upper()

    def _continues(self, at: int) -> bool:
        """Return whether a bare number goes on with a list of codes: "codes 16, 45 and 97"."""
        place = at - 1
        while place >= 0 and self.tokens[place].raw.lower() in (
            ",",
            "/",
            "&",
            "+",
            "|",
            ";",
            "and",
        ):
            place -= 1
        goes_on = 0 <= place < at - 1 and place in self.taken
        if not goes_on or self.tokens[place].kind not in _CODES:
            return False
        after = self.word_after(at)
        return self.stands_apart(at) or after in self.about.joins

    def _leads(self, at: int) -> bool:
        """Return whether the text begins with this number as its code: "50 - not necessary"."""
        if any(token.kind != "mark" for token in self.tokens[:at]):
            return False
        following = self.tokens[at + 1 : at + 4]
        if not following:
            return False
        first = following[0]
        if first.kind == "mark":
            words = [t.raw.lower() for t in following[1:] if t.kind == "word"]
            joined = first.raw == "-" and first.start == self.tokens[at].end
            return (
                first.raw in ":-–—=.)|,;"
                and bool(words)
                and not (joined and words[0] in self.about.counted)
            )
        words = [t.raw.lower() for t in following if t.kind == "word"]
        return (
            first.kind == "word"
            and first.raw[0].isupper()
            and len(self.tokens[at].code) > 1
            and not (
                set(words[:2]) & self.about.counted - {"claim", "service", "services", "procedure"}
            )
        )

    def read(self) -> CodesFound:
        """Return the codes and the rest."""
        alone = self.is_list()
        for at, token in enumerate(self.tokens):
            if token.kind not in _CODES:
                continue
            if not self.is_code(at, alone=alone):
                self.unread = self.unread or alone
                continue
            self.taken.add(at)
            if token.kind == "rarc":
                self.rarcs.append(token.code)
            else:
                self.groups[at] = token.group or self._group_before(at)
                self.adjustments.append((self.groups[at], token.code))
        wordless = not any(
            t.kind == "word"
            and (
                t.raw.lower() == "claim"
                or t.raw.lower() not in self.about.labels | self.about.joins
            )
            for t in self.tokens
        )
        if wordless:
            self.unread = self.unread or any(
                at not in self.taken and token.kind in ("other", "date", "status", "group", *_CODES)
                for at, token in enumerate(self.tokens)
            )
        return CodesFound(
            adjustments=tuple(self.adjustments),
            rarcs=tuple(dict.fromkeys(self.rarcs)),
            words=self.left_over(),
            unread=self.unread,
        )

    def _gone(self) -> set[int]:
        """Return the places of the codes, of their labels, and of what only joins codes."""
        gone = set(self.taken)
        for at in sorted(self.taken):
            gone |= self._label_of(at)
        for at, following in pairwise(sorted(self.taken)):
            between = range(at + 1, following)
            if all(
                self.tokens[n].kind == "mark" or self._is_label(self.tokens[n]) for n in between
            ):
                gone |= set(between)
        return gone

    def left_over(self) -> str:
        """Return the text without its codes, their labels, and amounts where only codes stand."""
        if not self.taken:
            return self.text.strip()
        gone = self._gone()
        gone |= {at for at, token in enumerate(self.tokens) if token.kind == "amount"}
        kept = [at for at in range(len(self.tokens)) if at not in gone]
        if not any(
            self.tokens[at].kind in ("word", "other", "date", "status", "number")
            and self.tokens[at].raw.lower() not in self.about.joins | self.about.labels
            for at in kept
        ):
            return ""
        parts, last = [], 0
        for at, token in enumerate(self.tokens):
            if at in gone:
                parts.append(self.text[last : token.start])
                last = token.end
        parts.append(self.text[last:])
        return _tidy(" ".join(parts))

    def marked(self) -> str:
        """Return the text with each code as `[CO-197]`, `[197]` or `[N290]`, without its label."""
        parts, last, gone = [], 0, self._gone()
        for at, token in enumerate(self.tokens):
            if at in gone:
                parts.append(self.text[last : token.start])
                if at in self.taken and token.kind in _CODES:
                    group = self.groups.get(at, "")
                    parts.append(f" [{group + '-' if group else ''}{token.code}] ")
                last = token.end
        return "".join((*parts, self.text[last:]))

    def _label_of(self, at: int) -> set[int]:
        """Return the places of the words that announce a code."""
        found, place = set(), at - 1
        about = self.about
        while place >= 0:
            token = self.tokens[place]
            word = token.raw.lower()
            if (
                token.kind == "mark"
                and token.raw in ":#-–=(\"'"
                or token.kind == "word"
                and (word in about.labels or word in ("code", "codes", "number"))
            ):
                found.add(place)
            else:
                break
            place -= 1
        has_word = any(self.tokens[p].kind == "word" for p in found)
        return found if has_word else set()


_EMPTY = re.compile(r"\(\s*\)|\[\s*\]")


def _tidy(text: str) -> str:
    text = _EMPTY.sub(" ", text)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r"(?: [,;:|])+(?= )", ",", text)
    return text.strip(" ,;:|/-–—=.*&+)]")


@lru_cache(maxsize=65536)
def read_codes(text: str) -> CodesFound:
    """Return the group, reason and remark codes of one cell or sentence, in order, and the words left.

    Grain: one text. `adjustments` are (group code or '', CARC): the group code only if it is
    written beside its code. A bare number is a code only if it is a listed CARC and the cell
    holds codes alone, or where it is announced ("reason code 50", "50 - not necessary"). A code that
    is not on a list is read where the cell holds codes alone, for `classify` to report; in a
    sentence it is `unread`. Source: taxonomy 4.6 rule 8; lists in `toolkit/rules/denials`.
    """
    text = text.strip()
    if not text:
        return CodesFound()
    group, code = codes.read_carc(text)
    if code:
        return CodesFound(adjustments=((group, code),))
    return _Cell(text).read()


MARKED = re.compile(r"\[(?:([A-Z]{2})-)?([A-Z]{0,2}[0-9]+)\]")


def mark_codes(text: str) -> str:
    """Return a text with its codes as `[CO-197]`, `[197]` or `[N290]`; marked codes stay as they are."""
    parts, last = [], 0
    for mark in MARKED.finditer(text):
        parts += [_mark(text[last : mark.start()]), mark[0]]
        last = mark.end()
    return "".join((*parts, _mark(text[last:])))


def _mark(text: str) -> str:
    if not re.search("[0-9]", text):
        return text
    cell = _Cell(text)
    cell.read()
    return cell.marked() if cell.taken else text


def marked_code(word: str) -> tuple[str, str]:
    """Return (group code or '', CARC or remark code) of a marked code; both empty for another word."""
    match = MARKED.fullmatch(word)
    return (match[1] or "", match[2]) if match else ("", "")

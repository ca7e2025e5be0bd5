"""Sentences as clauses write them, and the rule that each one is bound to a fact or an authority.

One sentence stands on one line. `{{ fact }}` prints a fact, `[[authority]]` prints its citation,
`{by: a, b}` binds without printing, `{if: condition}` keeps the sentence only where it holds,
`{in: a, b}` keeps it for some programs only, and `{request}` marks a plain request or courtesy that
claims nothing. A fragment between “ and ” is a fact on its own, or letter for letter an allowed quote
of an authority cited in the same sentence.

A sentence is a fact of the case, a rule of law, an argument or a request. An argument follows from
what it names: the facts and rules that it is bound to are its premises.
"""

import re

import msgspec

from toolkit.letters.authority import authority
from toolkit.letters.conditions import Condition, parse
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.derived import DERIVED, LAW
from toolkit.letters.facts import fact_types

_PIECE = re.compile(r"\{\{ (?P<fact>[a-z][a-z0-9_]*) \}\}|\[\[(?P<cite>[^\[\]]+)\]\]")
_TAG = re.compile(r"\s*\{(?P<word>by|if|in|request)(?:: (?P<rest>[^{}]*))?\}")
_QUOTE = re.compile(r"“([^”]*)”")
_REQUEST = re.compile(r"(Please|If [^.]*, please|Thank you|Sincerely|To the|Dear)\b")
_STRAY = re.compile(r"[{}\[\]\"]|\d+ CFR|U\.S\.C|§|\bNCD \d|\bLCD L")
_LAW = re.compile(
    r"\b(must|shall|requires?|regulations?|statutes?|Medicare covers|CMS|lawful|entitled)\b"
)
_TWO = re.compile(r"[.!?]\s+[A-Z]")


class Part(msgspec.Struct, frozen=True):
    """A stretch of plain text, a fact, a citation, or the mark of a quote's beginning or end."""

    kind: str  # text, fact, cite
    text: str
    quoted: bool = False  # stands between “ and ”


class SentenceForm(msgspec.Struct, frozen=True):
    """A sentence before the facts of a case are put in, with what it is bound to."""

    parts: tuple[Part, ...]
    facts: tuple[str, ...]  # printed or bound
    authorities: tuple[str, ...]  # cited or bound
    quoted: tuple[str, ...]  # authorities whose words it quotes
    when: Condition = ()
    request: bool = False
    programs: tuple[str, ...] = ()  # none: those of its clause
    argues: bool = False  # rests on what it names, beyond what it prints

    @property
    def role(self) -> str:
        """Whether the sentence is a fact, a rule, an argument or a request."""
        rules = bool(self.authorities) or any(name in LAW for name in self.facts)
        facts = any(name not in LAW for name in self.facts)
        if self.request:
            return "request"
        if self.argues or (rules and facts):
            return "argument" if rules else "fact"
        return "rule" if rules else "fact"


def sentence_form(line: str) -> SentenceForm:
    """Return the sentence that a line writes; raises ValueError on one that proves nothing."""
    by: list[str] = []
    programs: tuple[str, ...] = ()
    when: Condition = ()
    request = False
    for tag in _TAG.finditer(line):
        if tag["word"] == "request":
            request = True
        elif tag["word"] == "if":
            when = parse(tag["rest"] or "")
        elif tag["word"] == "in":
            programs = tuple(word.strip() for word in (tag["rest"] or "").split(","))
        else:
            by += [word.strip() for word in (tag["rest"] or "").split(",")]
    text = _TAG.sub("", line).strip()
    parts = _parts(text)
    known = {**fact_types(), **DERIVED}
    facts = [p.text for p in parts if p.kind == "fact"] + [name for name in by if name in known]
    cites = [p.text for p in parts if p.kind == "cite"] + [name for name in by if name not in known]
    _check_names(facts, cites, when)
    _check_words(text, parts, facts, cites, request)
    return SentenceForm(
        parts, _once(facts), _once(cites), _quoted(text, cites), when, request, programs, bool(by)
    )


def argues_law(text: str) -> bool:
    """Say whether a text cites or claims law, or holds the signs of a citation, a quote or a placeholder."""
    return bool(_LAW.search(text) or _STRAY.search(text) or _QUOTE.search(text))


def _parts(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    position = 0
    for match in _PIECE.finditer(text):
        parts += _plain(text, position, match.start())
        kind = "fact" if match["fact"] else "cite"
        parts.append(Part(kind, match[kind], _inside(text[: match.start()])))
        position = match.end()
    return (*parts, *_plain(text, position, len(text)))


def _plain(text: str, start: int, end: int) -> list[Part]:
    quoted = _inside(text[:start])
    found = []
    for piece in re.split("(“|”)", text[start:end]):
        if piece in ("“", "”"):
            quoted = piece == "“"
            found.append(Part("text", piece))
        elif piece:
            found.append(Part("text", piece, quoted))
    return found


def _inside(before: str) -> bool:
    return before.count("“") > before.count("”")


def _check_names(facts: list[str], cites: list[str], when: Condition) -> None:
    known = {**fact_types(), **DERIVED}
    for name in (*facts, *facts_of(when)):
        if name not in known:
            raise ValueError(f"{name} is not in rules/letters/facts.yaml")
    for name in cites:
        authority(name)


def _check_words(text, parts, facts, cites, request) -> None:
    plain = "".join(part.text for part in parts if part.kind == "text")
    own = "".join(part.text for part in parts if part.kind == "text" and not part.quoted)
    start = f"{text[:40]}…"
    ruled = bool(cites) or any(name in LAW for name in facts)
    if _STRAY.search(own):
        raise ValueError(
            f"{start} a citation, a brace or a straight quotation mark is typed by hand"
        )
    if _TWO.search(plain):
        raise ValueError(f"{start} holds two sentences; one stands on one line")
    if request:
        if not _REQUEST.match(text):
            raise ValueError(f"{start} is marked as a request and is none")
        if _LAW.search(own) and not ruled:
            raise ValueError(f"{start} is marked as a request and claims law")
    elif not facts and not cites:
        raise ValueError(f"{start} is bound to no fact and no authority")
    elif _LAW.search(own) and not ruled:
        raise ValueError(f"{start} speaks of law and names no authority")


def _quoted(text: str, cites: list[str]) -> tuple[str, ...]:
    sources = []
    for fragment in _QUOTE.findall(text):
        if re.fullmatch(r"\{\{ [a-z0-9_]+ \}\}", fragment):
            continue
        owner = next(
            (c for c in cites if any(q.text == fragment for q in authority(c).quotes)), None
        )
        if owner is None:
            raise ValueError(f"{fragment[:40]}… is not an allowed quote of what the sentence cites")
        if authority(owner).copy_date == "undated":
            raise ValueError(
                f"{owner}: a quote is printed with the date of its copy; this has none"
            )
        sources.append(owner)
    if text.count("“") != text.count("”"):
        raise ValueError(f"{text[:40]}… has an open quotation mark")
    return _once(sources)


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

"""Clauses: one Markdown file each, whose sentences are bound before any case is seen."""

from functools import cache

import msgspec

from toolkit.errors import RulesError
from toolkit.letters.authority import authority
from toolkit.letters.conditions import Condition, parse
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.rules import RULES, read_markdown

_MARKS = ("V", "V2", "M")
_STYLES = (("- ", "item"), ("1. ", "number"))


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: str
    mark: str
    when: str = ""
    heading: str = ""
    numbered: str = "yes"
    criteria: str = "no"
    authorities: tuple[str, ...] = ()


class ParagraphForm(msgspec.Struct, frozen=True):
    """Sentences that run on, or one item of a list."""

    style: str  # text, item, number
    sentences: tuple[SentenceForm, ...]


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """One argument, request or formality; `mark` is the weakest mark of what it rests on."""

    id: str
    mark: str
    when: Condition
    heading: str
    numbered: bool
    shows_criteria: bool
    authorities: tuple[str, ...]
    paragraphs: tuple[ParagraphForm, ...]


@cache
def clause(name: str) -> Clause:
    """Return the clause on file under this name; raises RulesError naming file and defect."""
    where = f"rules/letters/clauses/{name}.md"
    path = RULES / "letters" / "clauses" / f"{name}.md"
    if not path.is_file():
        raise RulesError(f"{where}: is not on file")
    head, body = read_markdown(path, _Head)
    try:
        return clause_of(head, body, name)
    except ValueError as error:
        raise RulesError(f"{where}: {error}") from None


def clause_of(head: _Head, body: str, name: str) -> Clause:
    """Return the clause that this front matter and body write; raises ValueError on a defect."""
    if head.id != name:
        raise ValueError("the id is not the name of the file")
    paragraphs = _paragraphs(body)
    used = {a for p in paragraphs for s in p.sentences for a in s.authorities}
    if used - set(head.authorities):
        raise ValueError(f"cites {sorted(used - set(head.authorities))}, which the heading lacks")
    if head.criteria != "yes" and set(head.authorities) - used:
        raise ValueError(f"names {sorted(set(head.authorities) - used)} and never uses it")
    weakest = max((_MARKS.index(authority(a).status) for a in head.authorities), default=0)
    if head.mark != _MARKS[weakest]:
        raise ValueError(f"the mark is {_MARKS[weakest]}, that of its weakest authority")
    if head.heading and not head.authorities:
        raise ValueError("a heading claims something: name its authorities")
    return Clause(
        id=head.id,
        mark=head.mark,
        when=parse(head.when),
        heading=head.heading,
        numbered=head.numbered == "yes" and bool(head.heading),
        shows_criteria=head.criteria == "yes",
        authorities=head.authorities,
        paragraphs=paragraphs,
    )


def _paragraphs(body: str) -> tuple[ParagraphForm, ...]:
    found: list[ParagraphForm] = []
    running: list[SentenceForm] = []

    def close() -> None:
        if running:
            found.append(ParagraphForm("text", tuple(running)))
            running.clear()

    for line in body.splitlines():
        style = next((style for lead, style in _STYLES if line.startswith(lead)), "text")
        if not line.strip():
            close()
        elif style == "text":
            running.append(sentence_form(line))
        else:
            close()
            lead = next(lead for lead, named in _STYLES if named == style)
            found.append(ParagraphForm(style, (sentence_form(line.removeprefix(lead)),)))
    close()
    return tuple(found)

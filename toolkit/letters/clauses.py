"""Clauses: an argument, a request or a formality, its sentences bound before any case is seen."""

import msgspec

from toolkit.errors import RulesError
from toolkit.law import program, programs
from toolkit.letters.authority import authority
from toolkit.letters.conditions import Condition, parse
from toolkit.letters.facts import fact_types
from toolkit.letters.forms import SLOTS, ClauseForm, LineForm
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.rules import names

_STYLES = (("- ", "item"), ("1. ", "number"))
CRITERIA = "criteria"
EVIDENCE = "evidence"  # the statements of guidelines that fit, as the items of the clause


class ParagraphForm(msgspec.Struct, frozen=True):
    """Sentences that run on, or one item of a list."""

    style: str  # text, item, number
    sentences: tuple[SentenceForm, ...]


class Line(msgspec.Struct, frozen=True):
    """One line of the reference block, the signature, the enclosures or the copies."""

    label: str
    form: SentenceForm
    when: Condition


def lines(found: tuple[LineForm, ...]) -> tuple[Line, ...]:
    """Return lines with their sentences bound."""
    return tuple(Line(f.label, sentence_form(f.says), parse(f.when)) for f in found)


class Clause(msgspec.Struct, frozen=True, kw_only=True):
    """A clause whose sentences are bound; `programs` are those whose law it may speak of."""

    id: str
    slot: str
    order: int
    acts: tuple[str, ...]
    programs: tuple[str, ...]
    levels: tuple[str, ...]
    issues: tuple[str, ...]
    when: Condition
    heading: str
    numbered: bool
    table: str
    paragraphs: tuple[ParagraphForm, ...]

    def fits(self, act: str, program_id: str, level: str, issue: str) -> bool:
        """Say whether the clause has a place in a letter of this act, program, level and issue."""
        return (
            (not self.acts or act in self.acts)
            and program_id in self.programs
            and (not self.levels or level in self.levels)
            and (not self.issues or issue in self.issues)
        )

    @property
    def place(self) -> tuple[int, int]:
        """Return the order of the clause among the others: its slot, then its order."""
        return SLOTS.index(self.slot), self.order

    def sentences(self, program_id: str) -> tuple[SentenceForm, ...]:
        """Return the sentences that the clause has in a program."""
        return tuple(s for p in self.paragraphs for s in p.sentences if in_program(s, program_id))


def in_program(sentence: SentenceForm, program_id: str) -> bool:
    """Say whether a sentence has a place in the program."""
    return not sentence.programs or program_id in sentence.programs


def bound(form: ClauseForm, *, programs: tuple[str, ...]) -> Clause:
    """Return the clause with its sentences bound; raises ValueError on one that proves nothing.

    `programs` are those of the file that it is in. Every authority governs each program that its
    sentence may be said in.
    """
    own = form.programs or programs
    _check_names(form, programs)
    paragraphs = _paragraphs(form)
    for sentence in (s for p in paragraphs for s in p.sentences):
        if strange := sorted(set(sentence.programs) - set(own)):
            raise ValueError(f"{form.id}: {', '.join(strange)} is no program of the clause")
        for name in sentence.authorities:
            for each in sentence.programs or own:
                if not authority(name).governs(each):
                    raise ValueError(f"{form.id}: {name} does not govern {each}")
    return Clause(
        id=form.id,
        slot=form.slot,
        order=form.order,
        acts=form.acts,
        programs=own,
        levels=form.levels,
        issues=form.issues,
        when=parse(form.when),
        heading=form.heading,
        numbered=form.numbered == "yes" and bool(form.heading),
        table=form.table,
        paragraphs=paragraphs,
    )


def _check_names(form: ClauseForm, of_file: tuple[str, ...]) -> None:
    levels = {one.id for name in programs() for one in program(name).levels}
    for what, said, known in (
        ("act", form.acts, names("letters/acts")),
        ("issue", form.issues, names("letters/issues")),
        ("program of the file", form.programs, of_file),
        ("level", form.levels, levels),
    ):
        if strange := sorted(set(said) - set(known)):
            raise ValueError(f"{form.id}: {', '.join(strange)} is no {what}")
    types = fact_types()
    known = form.table in types and types[form.table].kind == "table"
    if form.table and form.table not in (CRITERIA, EVIDENCE) and not known:
        raise ValueError(f"{form.id}: {form.table} is no table")


def _paragraphs(form: ClauseForm) -> tuple[ParagraphForm, ...]:
    found: list[ParagraphForm] = []
    running: list[SentenceForm] = []

    def close() -> None:
        if running:
            found.append(ParagraphForm("text", tuple(running)))
            running.clear()

    for line in form.text.splitlines():
        style = next((style for lead, style in _STYLES if line.startswith(lead)), "text")
        if not line.strip():
            close()
        elif style == "text":
            running.append(_sentence(line, form))
        else:
            close()
            lead = next(lead for lead, named in _STYLES if named == style)
            found.append(ParagraphForm(style, (_sentence(line.removeprefix(lead), form),)))
    close()
    return tuple(found)


def _sentence(line: str, form: ClauseForm) -> SentenceForm:
    try:
        return sentence_form(line)
    except (ValueError, RulesError) as error:
        raise ValueError(f"{form.id}: {error}") from None

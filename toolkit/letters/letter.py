"""A letter as values: every sentence with what it is bound to, before any layout."""

from datetime import date

import msgspec

from toolkit.letters.authority import Authority
from toolkit.letters.evidence import Statement
from toolkit.letters.exhibits import Exhibit
from toolkit.letters.letter_kind import Need


class Binding(msgspec.Struct, frozen=True):
    """What a sentence rests on: a fact of the case, an authority, a guideline, or a plain request."""

    kind: str  # fact, authority, rule (of the program), evidence, computed, request
    name: str
    says: str  # for people: where the fact comes from, what the authority says
    short: str  # the same without the authority's gist


class Rule(msgspec.Struct, frozen=True):
    """The rule of a program behind a fact that the law gives: citation, gist, source and mark."""

    citation: str
    gist: str
    source: str
    verified_on: str
    status: str


class Segment(msgspec.Struct, frozen=True):
    """A stretch of a sentence: text, a fact, a citation, a quote, or a fact that is missing."""

    text: str
    role: str  # text, fact, cite, quote, evidence, missing
    name: str = ""  # the fact, the authority or the statement that is printed


class Sentence(msgspec.Struct, frozen=True):
    """One sentence with its bindings."""

    segments: tuple[Segment, ...]
    bindings: tuple[Binding, ...]
    role: str  # fact, rule, argument, evidence, request

    def prints(self, name: str) -> bool:
        """Say whether the sentence prints the fact, or its gap."""
        return any(segment.name == name for segment in self.segments)

    @property
    def text(self) -> str:
        """The sentence as it is printed."""
        return "".join(segment.text for segment in self.segments)

    @property
    def proof(self) -> str:
        """What it is bound to, a line each."""
        return "\n".join(binding.says for binding in self.bindings)


class Paragraph(msgspec.Struct, frozen=True):
    """Sentences that run on, or one item of a list; `style` is text, item or number."""

    style: str
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The paragraph as it is printed."""
        return " ".join(sentence.text for sentence in self.sentences)


class Table(msgspec.Struct, frozen=True):
    """A table of three columns: criteria, requirements, what was tried, or denied lines."""

    columns: tuple[str, str, str]
    rows: tuple[tuple[Sentence, Sentence, Sentence], ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A clause as it stands in the letter; `number` is nothing where it carries none."""

    clause: str
    number: int | None
    heading: Sentence | None
    paragraphs: tuple[Paragraph, ...]
    table: Table | None = None


class Reference(msgspec.Struct, frozen=True):
    """One line of the reference block."""

    label: str
    value: Sentence


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A letter of one case: complete, or with the facts it still lacks in `missing`.

    `level`, `issue` and `service` are '' where the letter has none. `late` says that the last day to
    file has passed and no good cause is stated yet, else ''. `warnings` are for the sender and never
    printed in the letter.
    """

    kind: str
    title: str
    program: str
    level: str
    issue: str
    service: str
    payer: str
    account: str
    case_key: str
    as_of: date
    sender: tuple[Sentence, ...]
    sent_by: tuple[Sentence, ...]
    addressee: tuple[Sentence, ...]
    subject: str
    salutation: str
    reference: tuple[Reference, ...]
    sections: tuple[Section, ...]
    on_letterhead: bool  # no: it is the patient's own
    signature: tuple[Sentence, ...]
    enclosures: tuple[Sentence, ...]
    copies: tuple[Sentence, ...]
    exhibits: tuple[Exhibit, ...]
    missing: tuple[Need, ...]
    warnings: tuple[str, ...]
    authorities: tuple[Authority, ...]
    late: str = ""
    rules: tuple[Rule, ...] = ()
    evidence: tuple[Statement, ...] = ()  # apart from law, and never cited as law

    @property
    def complete(self) -> bool:
        """Whether no fact is missing."""
        return not self.missing

    @property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """Every paragraph of the body, in order."""
        return tuple(p for section in self.sections for p in section.paragraphs)

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Every bound sentence of the letter: body, headings, table, reference, enclosures."""
        found = [*self.sender, *self.sent_by, *self.addressee]
        found += [line.value for line in self.reference]
        for section in self.sections:
            found += [section.heading] if section.heading else []
            found += [s for p in section.paragraphs for s in p.sentences]
            for row in section.table.rows if section.table else ():
                found += row
        return (*found, *self.signature, *self.enclosures, *self.copies)

    @property
    def text(self) -> str:
        """Every word of the body, for a search."""
        return "\n".join(sentence.text for sentence in self.sentences)

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"{len(self.missing)} facts missing"
        return f"Letter({self.kind!r}, {len(self.sections)} sections, {state})"

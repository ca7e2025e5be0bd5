"""Draft a letter: choose its clauses by the facts, put the facts in, bind every sentence."""

import re
from collections.abc import Mapping
from datetime import date

from toolkit.cases.case import Case, Fact
from toolkit.errors import NoRuleError, RefusedError
from toolkit.letters.authority import Authority, authority
from toolkit.letters.clauses import Clause
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.conditions import holds
from toolkit.letters.facts import DERIVED, fact_types, in_words, printed
from toolkit.letters.letter import (
    Binding,
    CriterionRow,
    Letter,
    Paragraph,
    Reference,
    Section,
    Segment,
    Sentence,
)
from toolkit.letters.letter_kind import LetterKind, Line, still_needed
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.letters.services import Criterion, Limit
from toolkit.letters.standing import Standing, standing

_REQUEST = "a plain request or courtesy"
_FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def draft(case: Case, kind: LetterKind, *, as_of: date) -> Letter:
    """Return the letter of this kind for the case, dated `as_of`.

    Facts that are missing are listed in `Letter.missing` and stand in the text as marked gaps.
    Raises RefusedError, with what to do instead, when no letter of this kind may be written: the
    case is of another program, level or service, this filer may not file, a criterion is not met,
    or an authority was not yet in force.
    """
    _check_case(case, kind)
    values = {name: fact.value for name, fact in case.facts.items()}
    values.update(_computed(values, kind, as_of))
    who = standing(kind.standing, values)
    for limit in kind.service.limits:
        if limit.is_passed(values):
            raise RefusedError(
                f"{limit.says} ({authority(limit.authority).citation})",
                needs=_asked(limit),
            )
    writer = _Writer(case.facts, values)
    sections = _sections(kind, values, writer)
    letter = Letter(
        kind=kind.id,
        title=kind.title,
        case_key=case.case_key,
        as_of=as_of,
        sender=_sender(values, writer),
        sent_by=_sent_by(values, writer),
        addressee=_each(("{{ plan_name }}", "{{ plan_address }}"), writer),
        subject=kind.subject,
        reference=tuple(
            Reference(line.label, writer.sentence(line.form))
            for line in kind.re
            if holds(line.when, values)
        ),
        sections=sections,
        signature=_lines(kind.signature, values, writer),
        enclosures=_lines(kind.enclosures, values, writer),
        copies=_lines(kind.copies, values, writer),
        missing=still_needed(kind, values),
        warnings=(),
        authorities=(),
    )
    cited = _cited(letter)
    _check_in_force(cited, values, as_of)
    return _with(letter, authorities=cited, warnings=_warnings(case, kind, values, who, cited))


def _asked(limit: Limit) -> tuple[str, ...]:
    """Return the labels of the facts that the limit turns on."""
    names = dict.fromkeys([*((limit.fact,) if limit.fact else ()), *facts_of(limit.when)])
    return tuple(fact_types()[name].label for name in names)


def _with(letter: Letter, **changes: object) -> Letter:
    fields = {name: getattr(letter, name) for name in letter.__struct_fields__}
    return Letter(**{**fields, **changes})


def _check_case(case: Case, kind: LetterKind) -> None:
    program = case.value("program")
    if program not in (kind.program, None):
        raise RefusedError(
            f"This kind of letter is for {kind.program}; the case is of another program.",
            needs=("a kind of letter for the program of the case",),
        )
    if case.value("level") == "contract_dispute":
        # The worklist has seen that the provider is under contract; the filer may say otherwise.
        return
    if case.value("level") not in (kind.level, None):
        raise RefusedError(
            f"This kind of letter is a {kind.level}; the next level of the case is another.",
            needs=("a kind of letter for that level",),
        )
    if case.value("stage") not in (*kind.stages, None):
        raise RefusedError(
            "This kind of letter does not answer a denial at the stage of the case.",
            needs=(f"a stage among {', '.join(kind.stages)}",),
        )
    if case.value("procedure_code") not in (*kind.procedure_codes, None):
        raise RefusedError(
            f"This kind of letter is for procedure code {', '.join(kind.procedure_codes)}.",
            needs=("a kind of letter for the service of the case",),
        )


def _computed(values: Mapping[str, object], kind: LetterKind, as_of: date) -> dict[str, object]:
    last = values.get("last_filing_date")
    return {
        "letter_date": as_of,
        "late": ("yes" if last < as_of else "no") if isinstance(last, date) else None,
        "interval": kind.service.interval_of(values, as_of=as_of),
    }


def _sections(kind: LetterKind, values: dict, writer: "_Writer") -> tuple[Section, ...]:
    found: list[Section] = []
    number = 0
    for clause in kind.clauses:
        if not holds(clause.when, values):
            continue
        number += clause.numbered
        found.append(_section(clause, number if clause.numbered else None, kind, values, writer))
    return tuple(found)


def _section(
    clause: Clause, number: int | None, kind: LetterKind, values: dict, writer: "_Writer"
) -> Section:
    paragraphs = []
    for form in clause.paragraphs:
        kept = tuple(writer.sentence(s) for s in form.sentences if holds(s.when, values))
        if kept:
            paragraphs.append(Paragraph(form.style, kept))
    rows = [
        writer.row(criterion)
        for criterion in (kind.service.criteria if clause.shows_criteria else ())
        if _is_shown(criterion, values)
    ]
    heading = None
    if clause.heading:
        heading = Sentence(
            (Segment(clause.heading, "text"),), tuple(law(a) for a in clause.authorities)
        )
    return Section(
        clause=clause.id,
        number=number,
        heading=heading,
        paragraphs=tuple(paragraphs),
        criteria=tuple(rows),
    )


def _is_shown(criterion: Criterion, values: dict) -> bool:
    known = all(values.get(name) is not None for name in criterion.record.facts)
    return holds(criterion.when, values) and (known or not criterion.optional)


def _lines(lines: tuple[Line, ...], values: dict, writer: "_Writer") -> tuple[Sentence, ...]:
    return tuple(writer.sentence(line.form) for line in lines if holds(line.when, values))


def _each(forms: tuple[str, ...], writer: "_Writer") -> tuple[Sentence, ...]:
    return tuple(writer.sentence(sentence_form(form)) for form in forms)


def _sender(values: Mapping[str, object], writer: "_Writer") -> tuple[Sentence, ...]:
    forms = ["{{ hospital_name }}", "{{ hospital_address }}"]
    forms += ["Fax {{ hospital_fax }}"] if values.get("hospital_fax") else []
    forms += ["NPI {{ hospital_npi }}"] if values.get("hospital_npi") else []
    return _each(tuple(forms), writer)


def _sent_by(values: Mapping[str, object], writer: "_Writer") -> tuple[Sentence, ...]:
    fax = values.get("sent_by") == "fax"
    return _each(("{{ sent_by }} to {{ plan_fax }}" if fax else "{{ sent_by }}",), writer)


class _Writer:
    """Puts the facts of one case into sentences and says what each sentence is bound to."""

    def __init__(self, facts: Mapping[str, Fact], values: Mapping[str, object]):
        self._facts = facts
        self._values = values

    def sentence(self, form: SentenceForm) -> Sentence:
        """Return the sentence with its facts and citations in place."""
        segments: list[Segment] = []
        for i, part in enumerate(form.parts):
            if part.kind == "fact":
                after = "".join(p.text for p in form.parts[i + 1 :] if p.kind == "text")
                segments.append(self._fact(part.text, after))
            elif part.kind == "cite":
                dated = part.text in form.quoted
                segments.append(Segment(citation(authority(part.text), dated=dated), "cite"))
            else:
                segments.append(Segment(part.text, "quote" if part.quoted else "text"))
        bindings = [self._bound(name) for name in form.facts]
        bindings += [law(name) for name in form.authorities]
        if not bindings:
            bindings = [Binding("request", "request", _REQUEST, _REQUEST)]
        return Sentence(tuple(segments), tuple(bindings))

    def row(self, criterion: Criterion) -> CriterionRow:
        """Return one row of the table of criteria."""
        bound = tuple(law(name) for name in criterion.authorities)
        cites = "; ".join(authority(name).citation for name in criterion.authorities)
        return CriterionRow(
            Sentence((Segment(criterion.says, "text"),), bound),
            Sentence((Segment(cites, "cite"),), bound),
            self.sentence(criterion.record),
        )

    def _fact(self, name: str, after: str) -> Segment:
        value = self._values.get(name)
        if value is None:
            known = fact_types().get(name)
            return Segment(f"[{known.label if known else DERIVED[name]}]", "missing")
        text = printed(name, value)
        # The plan's sentence or the chart's clause may end in a period; the letter has its own.
        if after.lstrip("”)").startswith("."):
            text = text.rstrip(".")
        return Segment(text, "fact")

    def _bound(self, name: str) -> Binding:
        if name in DERIVED:
            says = f"computed: {DERIVED[name]}"
            return Binding("computed", name, says, says)
        label = fact_types()[name].label
        fact = self._facts.get(name)
        if fact is None:
            return Binding("fact", name, f"{label}: missing", f"{label}: missing")
        day = f", as of {in_words(fact.as_of)}" if fact.as_of else ""
        says = f"{label}: {fact.source}{day}"
        return Binding("fact", name, says, says)


def law(name: str) -> Binding:
    """Return what binds a sentence to an authority: its citation, mark and gist."""
    found = authority(name)
    short = f"{found.citation} ({found.status})"
    return Binding("authority", name, f"{short}: {found.gist}", short)


def citation(found: Authority, *, dated: bool) -> str:
    """Return the citation as a letter prints it; beside a quote, with the date of the text read."""
    if not dated:
        return found.citation
    if _FULL_DATE.match(found.copy_date):
        return f"{found.citation} (text of {in_words(date.fromisoformat(found.copy_date))})"
    if re.fullmatch(r"\d{4}", found.copy_date):
        return f"{found.citation} ({found.copy_date} text)"
    if re.fullmatch(r"\d{4}-\d{2}", found.copy_date):
        day = date.fromisoformat(f"{found.copy_date}-01")
        return f"{found.citation} (text of {day:%B %Y})"
    return f"{found.citation} (copy: {found.copy_date})"


def _cited(letter: Letter) -> tuple[Authority, ...]:
    ids = [b.name for s in letter.sentences for b in s.bindings if b.kind == "authority"]
    return tuple(authority(name) for name in dict.fromkeys(ids))


def _check_in_force(
    cited: tuple[Authority, ...], values: Mapping[str, object], as_of: date
) -> None:
    noticed = values.get("notice_date")
    day = noticed if isinstance(noticed, date) else as_of
    for each in cited:
        starts = each.effective_from
        if _FULL_DATE.match(starts) and date.fromisoformat(starts) > day:
            raise NoRuleError(
                f"{each.citation} is on file from {starts}; the notice is older, and no letter of"
                " this kind covers it.",
                needs=("the date of the denial notice",),
            )


def _warnings(
    case: Case,
    kind: LetterKind,
    values: Mapping[str, object],
    who: Standing | None,
    cited: tuple[Authority, ...],
) -> tuple[str, ...]:
    found = [who.says] if who else []
    as_of, file_by = values["letter_date"], values.get("file_by")
    if values.get("late") == "yes":
        found.append("The last day to file has passed: the letter asks for an extension.")
    elif isinstance(file_by, date) and file_by < as_of:
        found.append("The safe day to file has passed; the last lawful day has not. Send it today.")
    if case.value("reason") not in (*kind.reasons, None):
        found.append("The worklist gives another reason for the denial than this kind answers.")
    order, evaluation = values.get("order_date"), values.get("evaluation_date")
    if isinstance(order, date) and isinstance(evaluation, date) and order < evaluation:
        found.append("The order is older than the evaluation; the regulation wants it after.")
    found += [a.says for a in kind.advice if holds(a.when, values)]
    found += [
        f"{a.citation} is cited from memory (M): verify it before sending."
        for a in cited
        if a.status == "M"
    ]
    found += [f"{a.citation}: {a.caution}" for a in cited if a.caution]
    return tuple(dict.fromkeys(found))

"""Draft a letter: choose its clauses by the facts, put the facts in, bind every sentence."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import msgspec

from toolkit.cases.case import Case, Fact
from toolkit.errors import NoRuleError, RefusedError
from toolkit.law import program
from toolkit.law.wording import long_day
from toolkit.letters import speech
from toolkit.letters.authority import Authority, authority
from toolkit.letters.clauses import CRITERIA, EVIDENCE, Clause, Line, in_program
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.conditions import holds, parse
from toolkit.letters.criteria import UNMET, Criterion, blocking, shown, unmet
from toolkit.letters.derived import DERIVED, LAW
from toolkit.letters.evidence import Statement, age_limit
from toolkit.letters.exhibits import exhibits_of
from toolkit.letters.facts import fact_types, in_words, is_place, printed, rows
from toolkit.letters.forums import forum, problems
from toolkit.letters.letter import (
    Binding,
    Letter,
    Paragraph,
    Reference,
    Rule,
    Section,
    Segment,
    Sentence,
    Table,
)
from toolkit.letters.letter_kind import (
    PATIENT_SIDE,
    LetterKind,
    criteria,
    frame,
    paper_lines,
    still_needed,
)
from toolkit.letters.permission import Law, ask, check_barriers
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.letters.services import counted, day_of_service, months_between, of_case
from toolkit.outputs import digest

_REQUEST = "a plain request or courtesy"
_FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_CRITERIA = ("Criterion of coverage", "Authority", "Where the record shows it")
_PLACED = ("requirements", "therapies")  # tables whose last column is the place in the record
# The columns of a fact that is a table, as a letter prints them: three each.
_TABLES = {
    "requirements": ("The payer’s requirement", "How it is met", "Where the record shows it"),
    "therapies": ("Tried before", "When, and with what outcome", "Where the record shows it"),
    "denied_lines": ("Service", "Date of service", "Amount denied"),
}


def draft(case: Case, kind: LetterKind, *, as_of: date, folder: Path | None = None) -> Letter:
    """Return the letter of this kind for the case, dated `as_of`.

    Facts that are missing are listed in `Letter.missing` and stand in the text as marked gaps.
    `folder` is where the files of enclosed documents are looked for. Raises RefusedError, with what
    to do instead, when no letter of this kind may be written: what stands of the denial, its route or
    the law does not allow it, this filer may not file, the last day has passed, a criterion that it would argue is not
    met, the facts contradict each other, a fact argues law, or an authority was not yet in force.
    """
    if kind.act.form.speaker == "provider" and case.value("filer") in PATIENT_SIDE:
        case = case.without(["filer"])
    values = {name: fact.value for name, fact in case.facts.items() if name not in DERIVED}
    values |= _computed(values, kind, as_of)
    law = _with_interval(ask(case, kind, as_of=as_of), values, kind)
    values |= law.values
    _check_facts(kind, values, as_of, folder)
    writer = _Writer(case.facts, values, law)
    sections = _sections(kind, values, writer)
    around = frame()
    letter = Letter(
        kind=kind.id,
        title=kind.title,
        program=kind.program,
        level=kind.level,
        issue=kind.issue.id if kind.issue else "",
        service=kind.service.id if kind.service else "",
        payer=str(values.get("plan_name") or ""),
        account=str(values.get("patient_control_number") or ""),
        case_key=case.case_key,
        as_of=as_of,
        sender=_lines(around.sender, values, writer),
        sent_by=_lines(around.sent_by, values, writer),
        addressee=_lines(around.addressee, values, writer),
        subject=_subject(kind, values),
        salutation=kind.salutation,
        reference=tuple(
            Reference(_label(line, kind), writer.sentence(line.form))
            for line in around.reference
            if holds(line.when, values)
        ),
        sections=sections,
        on_letterhead=values.get("filer") != "enrollee",
        signature=_lines(around.signature, values, writer),
        enclosures=(),
        copies=_lines(around.copies, values, writer),
        exhibits=exhibits_of(values, folder),
        missing=still_needed(kind, values),
        late=_late(values),
        warnings=(),
        authorities=(),
    )
    letter = _with_elements(letter, kind, values, writer)
    enclosed = _enclosures(kind, values, writer)
    before = len(enclosed) - len(letter.exhibits)
    enclosures = (*enclosed[:before], *_record(letter, enclosed, writer), *enclosed[before:])
    letter = _with(letter, enclosures=enclosures)
    cited = _cited(letter)
    _check_in_force(cited, values, as_of)
    bound = {b.name for s in letter.sentences for b in s.bindings if b.kind == "rule"}
    used = tuple(dict.fromkeys(rule for name, rule in law.rules.items() if name in bound))
    named = {b.name for s in letter.sentences for b in s.bindings if b.kind == "evidence"}
    evidence = tuple(one for one in kind.evidence if one.id in named)
    warnings = (*_warnings(kind, values, law, cited, used), *_of_evidence(evidence, as_of))
    return _with(letter, authorities=cited, rules=used, evidence=evidence, warnings=warnings)


def _late(values: Mapping[str, object]) -> str:
    """Return that the last day to file has passed, where the good cause of a late request is not stated."""
    last = values.get("last_filing_date")
    if values.get("late") != "yes" or values.get("good_cause") or not isinstance(last, date):
        return ""
    return (
        f"The last day to file was {long_day(last)} ({values['filing_citation']}), and a late request "
        f"needs good cause ({values['good_cause_citation']})."
    )


def _subject(kind: LetterKind, values: Mapping[str, object]) -> str:
    """Return what the letter is about: the request, and the service where it is known."""
    words = values.get("service_words")
    return f"{kind.subject}: {words}" if words else kind.subject


def _label(line: Line, kind: LetterKind) -> str:
    """Return the label of a line: the patient's number is called as the program calls it."""
    if line.form.facts == ("member_id",):
        return forum(kind.program).form.member_number
    return line.label


def _with(letter: Letter, **changes: object) -> Letter:
    fields = {name: getattr(letter, name) for name in letter.__struct_fields__}
    return Letter(**{**fields, **changes})


def _computed(values: Mapping[str, object], kind: LetterKind, as_of: date) -> dict[str, object]:
    rules = program(kind.program)
    level = rules.level(kind.level) if kind.level else None
    decider = re.sub(r" \([^()]*\)", "", level.filed_with or level.decider) if level else ""
    to_payer = not kind.form or kind.form.to == "payer"
    above = (kind.form.reader if kind.form else "") or decider.removeprefix("the ").strip()
    argues = kind.issue is not None and kind.issue.form.criteria == "yes"
    own = bool(kind.issue and kind.issue.form.asks)
    bare = argues and not own and kind.service is None and values.get("requirements") is None
    code = values.get("procedure_code")
    coded = of_case(code, values.get("revenue_code"))
    return {
        "letter_date": as_of,
        **counted(values, kind.service, kind.program, as_of=as_of),
        "service_words": values.get("service_name") or (coded.words(code) if coded else None),
        "issue": kind.issue.id if kind.issue else None,
        "argues": kind.act.form.argues,
        "clinical": kind.issue.form.clinical if kind.issue else "no",
        "days_since_dose": _days_since(values.get("drug_last_dose"), values, as_of),
        "appeal_level": kind.level or None,
        "reader": values.get("plan_name") if to_payer else above,
        "written_to": "payer" if to_payer else "decider",
        "bare": "yes" if bare else "no",
    }


def _days_since(dose: object, values: Mapping[str, object], as_of: date) -> str | None:
    """Return the days from the last dose to the one in dispute; to the letter's date where that is not known."""
    return str((day_of_service(values, as_of) - dose).days) if isinstance(dose, date) else None


def _with_interval(law: Law, values: Mapping[str, object], kind: LetterKind) -> Law:
    """Return the law with the months between covered services, bound to their authority."""
    frequency = months_between(values, kind.program)
    if frequency is None:
        return law
    source = authority(frequency.authority)
    rule = Rule(
        source.citation, frequency.says, source.source, source.verified_on, frequency.status
    )
    more = {"interval_months": str(frequency.months), "interval_citation": source.citation}
    return msgspec.structs.replace(
        law, values=law.values | more, rules=law.rules | dict.fromkeys(more, rule)
    )


# --- what bars a letter -------------------------------------------------------------------------


def _check_facts(
    kind: LetterKind, values: Mapping[str, object], as_of: date, folder: Path | None
) -> None:
    _check_future(values, as_of)
    check_barriers(kind, values, lambda name: authority(name).citation)
    _check_criteria(kind, values)
    _check_requirements(values)
    _check_files(values, folder)
    speech.check(values, _printable(kind))


def _check_criteria(kind: LetterKind, values: Mapping[str, object]) -> None:
    """Refuse a letter that would argue criteria one of which is not met, naming it and what to do."""
    found = criteria(kind)
    _check_unmet(found, values)
    blocked = [one for top in found for one in blocking(top, values)]
    if blocked:
        raise RefusedError(
            " ".join(_not_met(one) for one in blocked),
            needs=tuple(dict.fromkeys(need for one in blocked for need in _asked(one))),
        )


def _not_met(one: Criterion) -> str:
    cited = ", ".join(authority(name).citation for name in one.authorities)
    if one.unmet:
        return f"{one.unmet} ({cited})"
    ways = [part.says for part in one.parts] if one.how in ("any", "at_least") else []
    enough = {
        "any": "none of these is met",
        "at_least": f"fewer than {one.number} of these are met",
    }
    says = f": {enough[one.how]}: {'; '.join(ways)}" if ways else ""
    return f"A criterion of coverage is not met: {one.says}{says} ({cited})."


def _asked(one: Criterion) -> tuple[str, ...]:
    """Return what would change that a criterion is not met: the labels of its facts, or what to look for."""
    names = dict.fromkeys(name for leaf in one.leaves for name in facts_of(leaf.met))
    labels = tuple(fact_types()[name].label for name in names if name not in DERIVED)
    looked_for = tuple(f"in the record: {what}" for leaf in one.leaves for what in leaf.shown_by)
    return labels or looked_for or (one.says,)


def _check_unmet(found: tuple[Criterion, ...], values: Mapping[str, object]) -> None:
    """Refuse a criterion entered as unmet that there is not, or that other facts show as met."""
    named = unmet(values)
    known = {one.id: one for top in found for one in top.every} if found else {}
    if strange := [str(n) for n, name in enumerate(named, 1) if found and name not in known]:
        raise RefusedError(
            "A criterion is entered as not met that the service does not have.",
            needs=(f"{UNMET}, row {', '.join(strange)}: one of {', '.join(known)}",),
        )
    others = {**values, UNMET: None}
    if both := [name for name in named if name in known and known[name].value(others)]:
        raise RefusedError(
            "A criterion is entered as not met, and the facts entered show that it is.",
            needs=tuple(f"{known[name].says}: which of the two the record says" for name in both),
        )


def _check_future(values: Mapping[str, object], as_of: date) -> None:
    """Refuse what would be done after the letter's date: a letter reports what has been."""
    late = [
        known.label
        for name, known in fact_types().items()
        if known.kind == "date" and known.future == "no" and _after(values.get(name), as_of)
    ]
    late += [
        f"{known.label}, row {n}"
        for name, known in fact_types().items()
        if known.kind == "table"
        for n, row in enumerate(rows(values.get(name), known), 1)
        if any(_after(cell, as_of) for cell in row.values())
    ]
    if late:
        raise RefusedError(
            f"The letter of {in_words(as_of)} would report what lies after that day.",
            needs=tuple(f"{label}: a day on or before the letter's" for label in late),
        )


def _after(value: object, as_of: date) -> bool:
    return isinstance(value, date) and value > as_of


def _check_requirements(values: Mapping[str, object]) -> None:
    """Refuse a requirement without its answer, or out of a policy that is not enclosed."""
    types = fact_types()
    enclosed = [
        str(row["name"]).casefold() for row in rows(values.get("documents"), types["documents"])
    ]
    wrong = []
    for n, row in enumerate(rows(values.get("requirements"), types["requirements"]), 1):
        if row["met"] == "met" and not (row.get("fact") and row.get("page")):
            wrong.append(f"row {n}: what the chart says, and where")
        if row["met"] != "met" and not row.get("reason"):
            wrong.append(f"row {n}: the clinician's reason why it need not be met")
        if str(row["policy"]).casefold() not in enclosed:
            wrong.append(f"row {n}: the policy among the documents enclosed, under the same name")
    if wrong:
        raise RefusedError("A requirement of the payer is left without its answer.", needs=wrong)


def _check_files(values: Mapping[str, object], folder: Path | None) -> None:
    """Refuse an enclosure that is not there, or that has changed since it was listed with its hash."""
    lacking = []
    for n, row in enumerate(rows(values.get("documents"), fact_types()["documents"]), 1):
        path = (folder or Path()) / str(row["file"]) if row.get("file") else None
        if path is not None and not path.is_file():
            lacking.append(f"documents, row {n}: a file that is there")
        elif path is not None and row.get("sha256") and str(row["sha256"]).lower() != digest(path):
            lacking.append(f"documents, row {n}: the file as it was listed; its SHA-256 is another")
    if lacking:
        raise RefusedError(
            "A document that the letter encloses is not there, or is not as it was listed.",
            needs=lacking,
        )


def _printable(kind: LetterKind) -> frozenset[str]:
    """Return the facts whose words the letter can print."""
    lines = [line.form for line in (*frame().every, *kind.enclosures)]
    lines += [line.form for line in kind.service.enclosures] if kind.service else []
    forms = [s for c in kind.clauses for s in c.sentences(kind.program)]
    names = {name for form in (*lines, *forms) for name in form.facts}
    names |= {c.table for c in kind.clauses if c.table not in ("", CRITERIA, EVIDENCE)}
    for criterion in criteria(kind):
        names |= {name for one in criterion.every for name in one.facts}
    names |= {name for one in kind.evidence for name in one.fits.facts}
    names |= {name for element in kind.elements for name in element.facts}
    return frozenset(names | {"documents"})


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


# --- what it says -------------------------------------------------------------------------------


def _sections(kind: LetterKind, values: dict, writer: "_Writer") -> tuple[Section, ...]:
    found: list[Section] = []
    number = 0
    for clause in kind.clauses:
        if not holds(clause.when, values):
            continue
        section = _section(clause, number + 1 if clause.numbered else None, kind, values, writer)
        if section.paragraphs or section.table:
            found.append(section)
            number += clause.numbered
    return tuple(found)


def _closed(sentence: Sentence) -> Sentence:
    """Return the sentence with its period, where it ends in a person's own words that lack one."""
    last = sentence.segments[-1]
    known = fact_types().get(last.name) if last.role == "fact" else None
    if known is None or known.kind != "long text" or last.text.endswith((".", "!", "?", "”", ")")):
        return sentence
    return Sentence((*sentence.segments, Segment(".", "text")), sentence.bindings, sentence.role)


def _section(
    clause: Clause, number: int | None, kind: LetterKind, values: dict, writer: "_Writer"
) -> Section:
    paragraphs = []
    for form in clause.paragraphs:
        kept = tuple(
            _closed(writer.sentence(s))
            for s in form.sentences
            if in_program(s, kind.program) and holds(s.when, values)
        )
        if kept:
            paragraphs.append(Paragraph(form.style, kept))
    if clause.table == EVIDENCE:
        found = [writer.evidence(one) for one in kind.evidence if one.is_of(values)]
        paragraphs = [*paragraphs, *found] if found else []
    heading = None
    if clause.heading and paragraphs:
        bindings = dict.fromkeys(b for p in paragraphs for s in p.sentences for b in s.bindings)
        rules = [b for b in bindings if b.kind in ("authority", "rule")]
        heading = Sentence(
            (Segment(clause.heading, "text"),),
            tuple(rules or bindings),
            "argument" if rules else "evidence" if clause.table == EVIDENCE else "fact",
        )
    return Section(
        clause=clause.id,
        number=number,
        heading=heading,
        paragraphs=tuple(paragraphs),
        table=_table(clause, kind, values, writer),
    )


def _table(clause: Clause, kind: LetterKind, values: dict, writer: "_Writer") -> Table | None:
    if clause.table in ("", EVIDENCE):
        return None
    if clause.table == CRITERIA:
        found = [writer.criterion(row) for c in criteria(kind) for row in shown(c, values)]
        return Table(_CRITERIA, tuple(found)) if found else None
    known = fact_types()[clause.table]
    cells = _CELLS[clause.table]
    found = [
        tuple(writer.cell(clause.table, text) for text in cells(row))
        for row in rows(values.get(clause.table), known)
    ]
    return Table(_TABLES[clause.table], tuple(found)) if found else None


def _requirement(row: Mapping[str, object]) -> tuple[str, str, str]:
    answer = row.get("fact") if row["met"] == "met" else row.get("reason")
    lead = {"met": "", "not_met": "Not met: ", "not_applicable": "Does not apply: "}
    return (
        f"“{row['words']}” ({row['policy']})",
        f"{lead[str(row['met'])]}{answer}",
        str(row.get("page") or ""),
    )


def _therapy(row: Mapping[str, object]) -> tuple[str, str, str]:
    start, end = row["started"], row.get("ended")
    span = f"{in_words(start)} to {in_words(end)}" if end else f"since {in_words(start)}"
    return str(row["what"]), f"{span}: {row['outcome']}", str(row["page"])


def _denied(row: Mapping[str, object]) -> tuple[str, str, str]:
    return str(row["service"]), in_words(row["day"]), str(row["amount"])


_CELLS = {"requirements": _requirement, "therapies": _therapy, "denied_lines": _denied}


def _lines(lines: tuple[Line, ...], values: dict, writer: "_Writer") -> tuple[Sentence, ...]:
    return tuple(writer.sentence(line.form) for line in lines if holds(line.when, values))


def _enclosures(kind: LetterKind, values: dict, writer: "_Writer") -> tuple[Sentence, ...]:
    """Return the enclosures: the notice, the papers the law asks for, the documents, what the issue adds."""
    found = list(_lines(frame().enclosures, values, writer))
    found += [writer.sentence(form) for form in paper_lines(kind, values)]
    found += _lines(kind.enclosures, values, writer)
    found += _lines(kind.service.enclosures, values, writer) if kind.service else ()
    found += [writer.cell("documents", exhibit.line) for exhibit in exhibits_of(values, None)]
    return tuple(found)


def _record(
    letter: Letter, enclosed: tuple[Sentence, ...], writer: "_Writer"
) -> tuple[Sentence, ...]:
    """Return one more enclosure: the places in the record that the letter cites and nothing encloses.

    A place that names an exhibit is enclosed as that exhibit.
    """
    listed = {s.name for one in enclosed for s in one.segments if s.role == "fact"}
    found = [s for one in letter.sentences for s in one.segments if is_place(s.name)]
    tables = [section.table for section in letter.sections if section.table]
    found += [
        s for one in tables for row in one.rows for s in row[-1].segments if s.name in _PLACED
    ]
    own = (s for s in found if s.role == "fact" and s.text and s.name not in listed)
    once = {s.text: s for s in own if "exhibit" not in s.text.casefold()}
    return (writer.listed("Medical record: ", tuple(once.values())),) if once else ()


def _with_elements(
    letter: Letter, kind: LetterKind, values: Mapping[str, object], writer: "_Writer"
) -> Letter:
    """Return the letter with each thing that the law wants in it: what no line prints gets one."""
    said = {
        b.name
        for sentence in letter.sentences
        for b in sentence.bindings
        if b.kind in ("fact", "computed", "rule") and sentence.prints(b.name)
    }
    more = [
        Reference(fact_types()[name].label, writer.sentence(sentence_form(f"{{{{ {name} }}}}")))
        for element in kind.elements
        if holds(parse(element.when), values)
        for name in element.facts
        if name not in said
    ]
    return _with(letter, reference=(*letter.reference, *dict.fromkeys(more)))


class _Writer:
    """Puts the facts of one case into sentences and says what each sentence is bound to."""

    def __init__(self, facts: Mapping[str, Fact], values: Mapping[str, object], law: Law):
        self._facts = facts
        self._values = values
        self._law = law

    def sentence(self, form: SentenceForm) -> Sentence:
        """Return the sentence with its facts and citations in place."""
        segments: list[Segment] = []
        for i, part in enumerate(form.parts):
            if part.kind == "fact":
                after = "".join(p.text for p in form.parts[i + 1 :] if p.kind == "text")
                first = not segments and not part.quoted
                segments.append(self._fact(part.text, after, first=first))
            elif part.kind == "cite":
                segments.append(Segment(authority(part.text).citation, "cite", part.text))
            else:
                segments.append(Segment(part.text, "quote" if part.quoted else "text"))
        bindings = [self._bound(name) for name in form.facts]
        bindings += [law(name) for name in form.authorities]
        if not bindings:
            bindings = [Binding("request", "request", _REQUEST, _REQUEST)]
        return Sentence(tuple(segments), tuple(bindings), form.role)

    def criterion(self, criterion: Criterion) -> tuple[Sentence, Sentence, Sentence]:
        """Return one row of the table of criteria."""
        bound = tuple(law(name) for name in criterion.authorities)
        cites = "; ".join(authority(name).citation for name in criterion.authorities)
        # Of several ways none of which is shown yet, the row is a gap.
        gap = Sentence((Segment(f"[{criterion.says}]", "missing", criterion.id),), bound, "rule")
        return (
            Sentence((Segment(criterion.says, "text"),), bound, "rule"),
            Sentence((Segment(cites, "cite"),), bound, "rule"),
            self.sentence(criterion.record) if criterion.record else gap,
        )

    def evidence(self, statement: Statement) -> Paragraph:
        """Return a statement of a guideline as an item, and the sentence that it fits this patient."""
        short = f"{statement.reference} ({statement.status})"
        bound = Binding("evidence", statement.id, f"{short}: {statement.says}", short)
        said = Sentence(
            (
                Segment(f"{statement.reference}: ", "evidence", statement.id),
                Segment(f"{statement.says}.", "text"),
            ),
            (bound,),
            "evidence",
        )
        return Paragraph("item", (said, self.sentence(statement.fits)))

    def listed(self, lead: str, facts: tuple[Segment, ...]) -> Sentence:
        """Return facts that the letter prints elsewhere as one list."""
        between = [part for one in facts for part in (Segment("; ", "text"), one)][1:]
        bound = dict.fromkeys(self._bound(one.name) for one in facts)
        return Sentence((Segment(lead, "text"), *between), tuple(bound), "fact")

    def cell(self, name: str, text: str) -> Sentence:
        """Return a cell of a fact that is a table."""
        return Sentence((Segment(text, "fact", name),), (self._bound(name),), "fact")

    def _fact(self, name: str, after: str, *, first: bool) -> Segment:
        value = self._values.get(name)
        if value is None:
            known = fact_types().get(name)
            return Segment(f"[{known.label if known else DERIVED[name]}]", "missing", name)
        text = printed(name, value)
        if first and (name in LAW or name == "service_words"):
            text = text[:1].upper() + text[1:]
        # The plan's sentence or the chart's clause may end in a period; the letter has its own.
        if after.lstrip("”)").startswith("."):
            text = text.rstrip(".")
        return Segment(text, "cite" if name.endswith("_citation") else "fact", name)

    def _bound(self, name: str) -> Binding:
        rule = self._law.rules.get(name)
        if rule is not None:
            mark = f" ({rule.status})" if rule.status else ""
            return Binding(
                "rule", name, f"{rule.citation}{mark}: {rule.gist}", f"{rule.citation}{mark}"
            )
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
    """Return what binds a sentence to an authority: its citation, mark, the text read, and its gist."""
    found = authority(name)
    short = f"{found.citation} ({found.status})"
    copy = "" if found.copy_date in ("not read", "undated") else f", text of {found.copy_date}"
    return Binding("authority", name, f"{short}{copy}: {found.gist}", short)


def _cited(letter: Letter) -> tuple[Authority, ...]:
    ids = [b.name for s in letter.sentences for b in s.bindings if b.kind == "authority"]
    return tuple(authority(name) for name in dict.fromkeys(ids))


def _warnings(
    kind: LetterKind,
    values: Mapping[str, object],
    law: Law,
    cited: tuple[Authority, ...],
    used: tuple[Rule, ...],
) -> tuple[str, ...]:
    """Return what the sender has to know before sending: broken rules, days, standing, the law's marks."""
    found = [f"Left out, as the file is broken: {one.file}: {one.says}" for one in problems()]
    found += law.warnings
    route = values.get("route")
    if kind.act.form.routes and route in kind.act.form.allows:
        found.append(
            "The first way on of this denial is another: see toolkit checklist before sending."
        )
    if law.who and law.who.papers:
        found.append(f"The law asks this filer for: {'; '.join(law.who.papers)}.")
    if law.who and law.who.may_file is None and values.get("filer") is not None:
        found.append(law.who.says)
    found += [a.says for a in kind.advice if holds(a.when, values)]
    memory = [a.citation for a in (*cited, *used) if a.status == "M"]
    memory = list(dict.fromkeys(memory))
    if memory:
        found.append(f"Cited from memory (M), to be verified before sending: {'; '.join(memory)}.")
    return tuple(dict.fromkeys(found))


def _of_evidence(found: tuple[Statement, ...], as_of: date) -> tuple[str, ...]:
    """Return what the sender has to know of the guidelines: those that are old, or not read."""
    limit = age_limit()
    old = dict.fromkeys(one.edition for one in found if one.is_old(as_of))
    memory = [one.reference for one in found if one.status == "M"]
    says = []
    if old:
        says.append(f"Guidelines older than {limit.years} years; {limit.says}: {'; '.join(old)}.")
    if memory:
        says.append(
            f"Evidence from memory (M), to be verified before sending: {'; '.join(memory)}."
        )
    return tuple(says)

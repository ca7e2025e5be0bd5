"""Kinds of letters: which denial each one answers, its clauses in order, and the facts it uses."""

from functools import cache
from typing import TYPE_CHECKING

import msgspec

from toolkit.errors import RefusedError, RulesError, UsageError
from toolkit.letters.authority import authority
from toolkit.letters.clauses import Clause, clause
from toolkit.letters.conditions import Condition, holds, parse
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.facts import DERIVED, fact_types
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.letters.services import Service, service
from toolkit.letters.standing import standing_rules
from toolkit.rules import RULES, names, read

if TYPE_CHECKING:
    from toolkit.cases import Case

# The letterhead and the address are the same in every letter.
_SENDER = ("hospital_name", "hospital_address", "signer_name", "signer_title", "signer_phone")
_ADDRESSEE = ("plan_name", "plan_address", "sent_by")
# How the desk says a condition on a computed fact.
_COMPUTED = {
    ("late", "yes"): "the last day to file has passed",
    ("late", "no"): "the last day to file has not passed",
    ("interval", "sooner"): "the interval since the last measurement is too short",
}
_MAY_ADD = ("hospital_npi", "hospital_fax", "signer_npi")


class _LineForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    says: str
    label: str = ""
    when: str = ""


class _AdviceForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    says: str
    authorities: tuple[str, ...]
    when: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: str
    title: str
    subject: str
    program: str
    level: str
    stages: tuple[str, ...]
    reasons: tuple[str, ...]
    service: str
    procedure_codes: tuple[str, ...]
    standing: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    re: tuple[_LineForm, ...]
    clauses: tuple[str, ...]
    signature: tuple[_LineForm, ...]
    enclosures: tuple[_LineForm, ...]
    copies: tuple[_LineForm, ...] = ()
    advice: tuple[_AdviceForm, ...] = ()


class Line(msgspec.Struct, frozen=True):
    """One line of the reference block, the signature, the enclosures or the copies."""

    label: str
    form: SentenceForm
    when: Condition


class Advice(msgspec.Struct, frozen=True):
    """What the sender should know; never part of the letter."""

    says: str
    authorities: tuple[str, ...]
    when: Condition


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that a kind of letter can use.

    `required`: every letter of the kind needs it; `when`: in plain words, the cases in which it is
    needed although it is not required everywhere.
    """

    name: str
    label: str
    kind: str
    group: str
    required: bool
    help: str
    choices: dict[str, str] = {}
    when: str = ""


class LetterKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of letter, checked against its clauses, its service and its program."""

    id: str
    title: str
    subject: str
    program: str
    level: str
    stages: tuple[str, ...]
    reasons: tuple[str, ...]
    service: Service
    procedure_codes: tuple[str, ...]
    standing: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    re: tuple[Line, ...]
    clauses: tuple[Clause, ...]
    signature: tuple[Line, ...]
    enclosures: tuple[Line, ...]
    copies: tuple[Line, ...]
    advice: tuple[Advice, ...]


def kinds() -> tuple[LetterKind, ...]:
    """Return every kind of letter."""
    return tuple(kind(name) for name in names("letters/kinds"))


@cache
def kind(name: str) -> LetterKind:
    """Return one kind of letter; raises RulesError naming file and defect."""
    where = f"rules/letters/kinds/{name}.yaml"
    if name not in names("letters/kinds"):
        raise RulesError(f"{where}: is not on file")
    form = read(RULES / "letters" / "kinds" / f"{name}.yaml", _File)
    try:
        found = _kind(form)
        _check(found, name)
    except ValueError as error:
        raise RulesError(f"{where}: {error}") from None
    return found


def _kind(form: _File) -> LetterKind:
    return LetterKind(
        id=form.id,
        title=form.title,
        subject=form.subject,
        program=form.program,
        level=form.level,
        stages=form.stages,
        reasons=form.reasons,
        service=service(form.service),
        procedure_codes=form.procedure_codes,
        standing=form.standing,
        required=(*form.required, *_SENDER, *_ADDRESSEE),
        optional=(*form.optional, *_MAY_ADD),
        re=_lines(form.re),
        clauses=tuple(clause(name) for name in form.clauses),
        signature=_lines(form.signature),
        enclosures=_lines(form.enclosures),
        copies=_lines(form.copies),
        advice=tuple(Advice(a.says, a.authorities, parse(a.when)) for a in form.advice),
    )


def _lines(forms: tuple[_LineForm, ...]) -> tuple[Line, ...]:
    return tuple(Line(f.label, sentence_form(f.says), parse(f.when)) for f in forms)


def _check(found: LetterKind, name: str) -> None:
    if found.id != name:
        raise ValueError("the id is not the name of the file")
    if found.program not in found.service.programs:
        raise ValueError(f"the service {found.service.id} is not one of {found.program}")
    if any(criterion.record is None for criterion in found.service.criteria):
        raise ValueError(f"{found.service.id} has a criterion without the sentence that shows it")
    codes = {code.code for code in found.service.codes}
    if set(found.procedure_codes) - codes:
        raise ValueError("a procedure code is not in its service")
    cited = cites(found)
    for each in (*cited, *(a for advice in found.advice for a in advice.authorities)):
        if not authority(each).governs(found.program):
            raise ValueError(f"{each} does not govern {found.program}")
    for each in cited:
        bridge = authority(each).through.get(found.program)
        if bridge and bridge not in cited:
            raise ValueError(f"{each} reaches {found.program} through {bridge}: cite it too")
    for each in (*found.required, *found.optional):
        if each not in fact_types():
            raise ValueError(f"{each} is not in rules/letters/facts.yaml")
    standing_rules(found.standing)


def cites(found: LetterKind) -> tuple[str, ...]:
    """Return every authority that a letter of the kind can cite."""
    ids = [a for c in found.clauses for a in c.authorities]
    ids += [a for c in found.service.criteria for a in c.authorities]
    return tuple(dict.fromkeys(ids))


def suggest(case: "Case") -> LetterKind | None:
    """Return the kind whose program, level, stage, reason and service fit the case, if there is one."""
    for found in kinds():
        fits = (
            case.value("program") == found.program
            and case.value("level") in (found.level, None)
            and case.value("stage") in (*found.stages, None)
            and case.value("reason") in found.reasons
            and case.value("procedure_code") in found.procedure_codes
        )
        if fits:
            return found
    return None


def kind_of(case: "Case", name: str | None = None) -> LetterKind:
    """Return the kind of letter asked for by its id; with none, or with `appeal`, the one that fits.

    Raises UsageError for an unknown id, RefusedError when none fits the case.
    """
    if name in (None, "", "appeal"):
        found = suggest(case)
        if found is None:
            raise RefusedError(
                "No kind of letter fits this denial.",
                needs=("a kind of letter for its program, level, reason and service",),
            )
        return found
    if name not in names("letters/kinds"):
        raise UsageError(
            f"Unknown kind of letter; the kinds are appeal, {', '.join(names('letters/kinds'))}."
        )
    return kind(name)


def needs(found: LetterKind) -> tuple[Need, ...]:
    """Return every fact that the kind can use, in the order in which they are asked for."""
    wanted = _wanted(found)
    return tuple(
        need(name, required=any(not c for c in conditions), when=_when(conditions))
        for name in fact_types()
        if (conditions := wanted.get(name)) is not None
    )


def need(name: str, *, required: bool, when: str = "") -> Need:
    """Return how one fact is asked for."""
    known = fact_types()[name]
    return Need(
        name=name,
        label=known.label,
        kind=known.kind,
        group=known.group,
        required=required,
        help=known.help,
        choices=known.choices,
        when="" if required else when,
    )


def _wanted(found: LetterKind) -> dict[str, list[Condition]]:
    """Return each fact with the conditions under which a letter cannot do without it.

    A fact with no condition in its list at all is one that a letter uses only where it is known.
    """
    wanted: dict[str, list[Condition]] = {name: [()] for name in found.required}
    for name in found.optional:
        wanted.setdefault(name, [])

    def use(form: SentenceForm, *outer: Condition, may_lack: bool = False) -> None:
        condition = tuple(term for part in (*outer, form.when) for term in part)
        for name in facts_of(condition):
            wanted.setdefault(name, [])
        for name in form.facts:
            known = {t.fact for t in condition if t.how in ("known", "=", "in")}
            given = wanted.setdefault(name, [])
            if not may_lack and name not in known:
                given.append(tuple(t for t in condition if t.how != "known"))

    for each in found.clauses:
        for paragraph in each.paragraphs:
            for sentence in paragraph.sentences:
                use(sentence, each.when)
    for line in (*found.re, *found.signature, *found.enclosures, *found.copies):
        use(line.form, line.when)
    for criterion in found.service.criteria:
        use(criterion.record, criterion.when, may_lack=criterion.optional)
    if found.service.interval:
        rule = found.service.interval
        wanted[rule.last] = [parse(f"{rule.known_by} = performed")]
        for name in rule.counted_to:
            wanted.setdefault(name, [])
    wanted["plan_fax"] = [parse("sent_by = fax")]
    for rule in standing_rules(found.standing):
        for name in facts_of(rule.when):
            wanted.setdefault(name, [])
        for name in rule.needs:
            wanted.setdefault(name, []).append(parse(f"filer = {rule.filer}") + rule.when)
    return wanted


def still_needed(found: LetterKind, values: dict[str, object]) -> tuple[Need, ...]:
    """Return the facts that the letter of these facts cannot do without and that are unknown."""
    missing = [
        name
        for name, conditions in _wanted(found).items()
        if name not in DERIVED
        and values.get(name) is None
        and any(holds(condition, values) for condition in conditions)
    ]
    order = list(fact_types())
    return tuple(need(name, required=True) for name in sorted(missing, key=order.index))


def _when(conditions: list[Condition]) -> str:
    conditions = [c for c in conditions if not any(set(o) < set(c) for o in conditions)]
    return "; or ".join(dict.fromkeys(words for c in conditions if (words := _words(c))))


def _words(condition: Condition) -> str:
    known = fact_types()
    terms = []
    for term in condition:
        if term.fact in DERIVED:
            terms.append(_COMPUTED.get((term.fact, *term.values), DERIVED[term.fact]))
            continue
        label = known[term.fact].label.rstrip("?")
        values = " or ".join(known[term.fact].choices.get(v, v) for v in term.values)
        joint = {"!=": "is not", "known": "is known", "unknown": "is unknown"}.get(term.how)
        terms.append(f"{label} {joint} {values}".strip() if joint else f"{label}: {values}")
    return " and ".join(terms)

"""Kinds of letters: an act, at a level of a program, on an issue and a service, put together from their files."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from toolkit.errors import RefusedError, RulesError, UsageError
from toolkit.law import program, program_of_remarks, programs
from toolkit.law.standing import standing
from toolkit.letters.authority import authority
from toolkit.letters.clauses import CRITERIA, EVIDENCE, Clause, Line, bound, lines
from toolkit.letters.conditions import Condition, holds, parse, plain_terms
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.criteria import UNMET, Criterion, in_program, still_open
from toolkit.letters.derived import DERIVED
from toolkit.letters.evidence import Statement, of_service
from toolkit.letters.facts import fact_types
from toolkit.letters.forms import ClauseForm, LevelForm, LineForm, Required, Strict, where
from toolkit.letters.forums import (
    Act,
    Advice,
    Issue,
    acts,
    forum,
    issue_of,
    issues,
)
from toolkit.letters.matrix import BESIDE, cell
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.letters.services import Service, of_case, services
from toolkit.rules import RULES, read

if TYPE_CHECKING:
    from toolkit.cases import Case

# How the desk says a condition on a computed fact.
_COMPUTED = {
    ("late", "yes"): "the last day to file has passed",
    ("late", "no"): "the last day to file has not passed",
    ("interval", "sooner"): "the interval since the last service is too short",
    ("interval", "passed"): "the interval since the last service has passed",
    ("interval", "no earlier measurement"): "there was no such service before",
    ("axial_dxa", "yes"): "the code is of an axial DXA",
}
PATIENT_SIDE = ("enrollee", "representative", "treating_physician")
# What every letter that argues has: the clinical part is asked for where the denial is clinical.
_EVIDENCE = "Evidence"  # the group of facts that only guidelines ask about
_ALWAYS = ("program", "plan_name", "plan_address", "sent_by", "patient_name", "member_id")


class _Frame(Strict, frozen=True, kw_only=True):
    sender: tuple[LineForm, ...]
    sent_by: tuple[LineForm, ...]
    addressee: tuple[LineForm, ...]
    reference: tuple[LineForm, ...]
    signature: tuple[LineForm, ...]
    enclosures: tuple[LineForm, ...]
    copies: tuple[LineForm, ...]
    argued: tuple[ClauseForm, ...]
    may_use: tuple[str, ...]


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What every letter has around its clauses, and the clauses of all that argue."""

    argued: tuple[Clause, ...]
    sender: tuple[Line, ...]
    sent_by: tuple[Line, ...]
    addressee: tuple[Line, ...]
    reference: tuple[Line, ...]
    signature: tuple[Line, ...]
    enclosures: tuple[Line, ...]
    copies: tuple[Line, ...]
    may_use: tuple[str, ...]

    @property
    def every(self) -> tuple[Line, ...]:
        """All of its lines."""
        parts = (self.sender, self.sent_by, self.addressee, self.reference)
        return tuple(
            line for part in (*parts, self.signature, self.enclosures, self.copies) for line in part
        )


class Paper(Strict, frozen=True, kw_only=True):
    """A paper that the rules of a program ask of a filer, and the fact that says it is there."""

    paper: str
    fact: str
    says: str = ""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One fact that a kind of letter can use.

    `required`: every letter of the kind needs it; `when`: in plain words, the cases in which it is
    needed although it is not required everywhere. `holder` is who has it, `why` why it matters.
    """

    name: str
    label: str
    kind: str
    group: str
    required: bool
    help: str
    holder: str
    why: str
    choices: dict[str, str] = {}
    when: str = ""

    @property
    def asked(self) -> str:
        """What is missing, from whom it comes, and why it matters, in one line."""
        why = f"; {self.why}" if self.why else ""
        return f"{self.name}: {self.label} (from: {self.holder}{why})"


class LetterKind(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One act at one level of one program, on an issue and a service, with all that its letter can say."""

    act: Act
    program: str
    level: str
    form: LevelForm | None
    issue: Issue | None
    service: Service | None
    subject: str
    salutation: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    elements: tuple[Required, ...]
    evidence: tuple[Statement, ...]
    clauses: tuple[Clause, ...]
    enclosures: tuple[Line, ...]
    advice: tuple[Advice, ...]

    @property
    def id(self) -> str:
        """The act, as `--kind` names it."""
        return self.act.id

    @property
    def title(self) -> str:
        """What the kind is called on the screen."""
        return self.act.title

    @property
    def request(self) -> str:
        """What the letter asks for, with its article."""
        return self.form.request if self.form else "this request"

    def __repr__(self) -> str:
        issue = self.issue.id if self.issue else "no issue"
        return f"LetterKind({self.act.id}, {self.program}, {self.level or 'beside'}, {issue})"


@cache
def frame() -> Frame:
    """Return what every letter has around its clauses."""
    found = read(RULES / "letters" / "frame.yaml", _Frame)
    parts = {
        name: lines(getattr(found, name))
        for name in Frame.__struct_fields__
        if name not in ("may_use", "argued")
    }
    argued = tuple(bound(form, programs=programs()) for form in found.argued)
    return Frame(**parts, argued=argued, may_use=found.may_use)


@cache
def papers() -> dict[str, Paper]:
    """Return the papers on file, by the words of the rules that ask for them."""
    found = read(RULES / "letters" / "papers.yaml", tuple[Paper, ...])
    for each in found:
        if each.fact not in fact_types():
            raise RulesError(f"rules/letters/papers.yaml: {each.fact} is no fact")
    return {each.paper: each for each in found}


def kinds() -> tuple[Act, ...]:
    """Return every kind of letter that there is: the acts on file, in the order in which they are offered."""
    return tuple(acts().good.values())


@cache
def compose(
    act_id: str, program_id: str, level: str, issue_id: str = "", service_id: str = ""
) -> LetterKind:
    """Return the kind of letter of an act at a level, on an issue and a service ('' for none).

    Raises RulesError where a file that it needs is broken or cites what does not govern the program.
    """
    act, there = acts().good[act_id], forum(program_id)
    argues = act.form.argues == "yes"
    issue = issues().good[issue_id] if issue_id and argues else None
    service = services().good.get(service_id)
    if not (argues and service and program_id in service.programs and _criteria(issue)):
        service = None
    evidence = of_service(service_id) if issue and issue.form.clinical == "yes" else ()
    form = there.form.levels.get(level)
    pools = [frame().argued] if argues else []
    pools += [act.clauses, there.clauses]
    pools += [issue.clauses] if issue else []
    pools += [service.clauses] if service else []
    chosen: dict[str, Clause] = {}
    for pool in pools:  # a later pool is the narrower one, and its clause takes the place
        for each in pool:
            if each.fits(act_id, program_id, level, issue.id if issue else ""):
                chosen[each.id] = each
    clauses = sorted(chosen.values(), key=lambda one: one.place)
    if service is None:
        clauses = [one for one in clauses if one.table != CRITERIA]
    if not evidence:
        clauses = [one for one in clauses if one.table != EVIDENCE]
    asks = [*_ALWAYS, *act.form.asks, *(issue.form.asks if issue else ())]
    asks += service.asks if service else ()
    found = LetterKind(
        act=act,
        program=program_id,
        level=level,
        form=form,
        issue=issue,
        service=service,
        subject=(form.title if form and argues else "") or act.form.subject,
        salutation=(form.salutation if form else "") or there.form.salutation,
        required=tuple(dict.fromkeys(asks)),
        optional=(*frame().may_use, *act.form.may_use, *(issue.form.may_use if issue else ())),
        elements=form.required if form and act.form.at == "next" else (),
        evidence=evidence,
        clauses=tuple(clauses),
        enclosures=(*act.enclosures, *(issue.enclosures if issue else ())),
        advice=(*act.advice, *there.advice, *(issue.advice if issue else ())),
    )
    if level in where(
        act_id, program_id
    ):  # elsewhere it is refused, and its citations go into no letter
        _check_bridges(found)
    return found


def _criteria(issue: Issue | None) -> bool:
    """Say whether the issue argues the criteria of the service."""
    return issue is not None and issue.form.criteria == "yes"


def _check_bridges(found: LetterKind) -> None:
    """Refuse a kind that cites an authority without the rule by which it governs the program."""
    cited = cites(found)
    for name in cited:
        bridge = authority(name).through.get(found.program)
        if bridge and bridge not in cited:
            raise RulesError(f"{name} reaches {found.program} through {bridge}: cite it too")


def cites(found: LetterKind) -> tuple[str, ...]:
    """Return every authority that a letter of the kind can cite."""
    ids = [a for c in found.clauses for s in c.sentences(found.program) for a in s.authorities]
    if any(c.table == CRITERIA for c in found.clauses):
        ids += [a for c in criteria(found) for one in c.every for a in one.authorities]
    return tuple(dict.fromkeys(ids))


@cache
def criteria(found: LetterKind) -> tuple[Criterion, ...]:
    """Return the criteria of the service that count in the program: all of them are needed."""
    own = found.service.criteria if found.service else ()
    return tuple(kept for one in own if (kept := in_program(one, found.program)))


def program_of(case: "Case") -> str | None:
    """Return the program that governs what comes next: the case's, or the one that a remark code opens.

    A claim of a commercial plan may come under the No Surprises Act; its level is then one of that program.
    """
    name, level = case.value("program"), case.value("level")
    if case.value("contracted") != "contracted":
        opened = program_of_remarks(
            str(name) if name else None, str(case.value("rarcs") or "").split()
        )
        if opened and level in {one.id for one in program(opened).levels}:
            return opened
    return str(name) if name else None


def suggest(case: "Case") -> LetterKind | None:
    """Return the kind that answers the denial first, by its route; None where none does."""
    name = _first_act(case)
    if name is None:
        return None
    try:
        found = kind_of(case, name)
    except (RefusedError, UsageError):
        return None
    return found if cell(name, found.program, found.level).possible else None


def _first_act(case: "Case") -> str | None:
    route, level, state = case.value("route"), case.value("level"), case.value("state")
    program_id = program_of(case)
    if state == "awaiting_decision":
        return "missed_decision"
    if level == "contract_dispute" and case.value("filer") in PATIENT_SIDE:
        return "appeal"
    own = [
        act.id
        for act in acts().good.values()
        if act.form.at == "next" and level in where(act.id, str(program_id))
    ]
    if route in (None, "appeal", "contract_dispute", "retro_authorization", "review"):
        # What is filed at the level that comes next: an external review, a fair hearing, an appeal.
        found = next(
            (name for name in own if name not in ("waiver_of_liability", "representative_cover")),
            None,
        )
        return found or next(iter(answering(case)), "appeal" if route in (None, "appeal") else None)
    return next((act.id for act in acts().good.values() if route in act.form.routes), None)


def answering(case: "Case") -> tuple[str, ...]:
    """Return the acts that are for denials of the case's category alone, and have a place in its program."""
    category, program_id = case.value("denial_category"), str(program_of(case))
    return tuple(
        act.id
        for act in acts().good.values()
        if category in act.form.categories and where(act.id, program_id)
    )


def kind_of(case: "Case", name: str | None = None) -> LetterKind:
    """Return the kind of letter asked for by its act; with none, the one that answers the denial first.

    Raises UsageError for an unknown act, RefusedError where the program of the case is
    unknown or no act answers it.
    """
    if name not in (None, "") and name not in acts().good:
        raise UsageError(f"Unknown kind of letter; the kinds are {', '.join(acts().good)}.")
    program_id = program_of(case)
    if program_id not in programs():
        lacking = case.value("gap") or "program: in payers.csv, in the export, or among the facts"
        raise RefusedError(
            "The program that governs the claim is not known, so no letter can be chosen.",
            needs=(str(lacking),),
        )
    act_id = name or _first_act(case)
    if act_id is None:
        raise RefusedError(
            "No letter answers this denial first.",
            needs=("toolkit checklist, for the steps of the case",),
        )
    service = of_case(case.value("procedure_code"), case.value("revenue_code"))
    issue = issue_of(
        case.value("denial_category"), case.value("reason"), service.id if service else ""
    )
    return compose(
        act_id,
        str(program_id),
        _level(case, acts().good[act_id]),
        issue.id if issue else "",
        service.id if service else "",
    )


def _level(case: "Case", act: Act) -> str:
    """Return the level that the letter is for: the case's, or the first where the act has a place."""
    program_id, level = str(program_of(case)), case.value("level")
    own = where(act.id, program_id)
    if act.form.at == "beside":
        return next(iter(own), BESIDE)
    first = next(iter(own), "") or program(program_id).levels[0].id
    if level is None:
        return first
    if level == "contract_dispute" and level not in own and case.value("filer") in PATIENT_SIDE:
        return first  # the patient's own appeal, which the contract does not touch
    return str(level)


@cache
def needs(found: LetterKind) -> tuple[Need, ...]:
    """Return every fact that the kind can use, in the order in which they are asked for."""
    wanted = {name: list(conditions) for name, conditions in _wanted(found).items()}
    ways = _with_criteria(wanted, found)
    return tuple(
        need(
            name,
            required=any(not c for c in conditions),
            when=_when(conditions) or ways.get(name, ""),
            kind=found,
        )
        for name in fact_types()
        if (conditions := wanted.get(name)) is not None
    )


def need(name: str, *, required: bool, when: str = "", kind: LetterKind | None = None) -> Need:
    """Return how one fact is asked for, from whom, and why it matters."""
    known = fact_types()[name]
    return Need(
        name=name,
        label=known.label,
        kind=known.kind,
        group=known.group,
        required=required,
        help=known.help,
        holder=known.holder,
        why=_why(name, kind) or known.why,
        choices=known.choices,
        when="" if required else when,
    )


@cache
def _why(name: str, kind: LetterKind | None) -> str:
    """Return why the law or a criterion wants a fact, where it does."""
    if kind is None:
        return ""
    for element in kind.elements:
        if name in element.facts:
            return f"the request has to state {element.says} ({element.citation})"
    for criterion in criteria(kind):
        for leaf in criterion.leaves if not (criterion.optional or criterion.when) else ():
            if name in leaf.facts and not (leaf.optional or leaf.when or leaf.among):
                cited = ", ".join(authority(a).citation for a in leaf.authorities)
                return f"it shows a criterion of coverage ({cited})"
    for one in kind.evidence:
        if name in one.facts and fact_types()[name].group == _EVIDENCE:
            return f"a statement of the {one.body} is about patients of whom it is true"
    return ""


@cache
def _wanted(found: LetterKind) -> Mapping[str, Sequence[Condition]]:
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
            known = {t.fact for t in plain_terms(condition) if t.how in ("known", "=", "in")}
            given = wanted.setdefault(name, [])
            if not may_lack and name not in known:
                given.append(condition)

    for each in found.clauses:
        for sentence in each.sentences(found.program):
            use(sentence, each.when)
        if each.table and each.table != CRITERIA:
            wanted.setdefault(each.table, [])
    of_service = found.service.enclosures if found.service else ()
    for line in (*frame().every, *found.enclosures, *of_service):
        use(line.form, line.when)
    for element in found.elements:
        for name in element.facts:
            wanted.setdefault(name, []).append(parse(element.when))
    for statement in found.evidence:
        for name in statement.facts:
            wanted.setdefault(name, [])
    if found.service and found.service.interval:
        rule = found.service.interval
        wanted.setdefault(rule.last, []).append(parse(f"{rule.known_by} = performed"))
        for name in rule.counted_to:
            wanted.setdefault(name, [])
    wanted.setdefault("service_name", []).append(parse("not service_words"))
    if found.level and found.act.form.at == "next":
        for name in ("stage", "filer"):
            wanted.setdefault(name, []).append(())
        wanted.setdefault("expedited", [])
        wanted.setdefault("good_cause", []).append(parse("late = yes"))
        for filer, paper in _papers_of(found):
            wanted.setdefault(paper.fact, []).append(parse(f"filer = {filer}"))
    return wanted


def _with_criteria(wanted: dict[str, list[Condition]], found: LetterKind) -> dict[str, str]:
    """Add the facts of the criteria to those wanted; return, for a fact of one way of several, what it is for.

    Which of them a case cannot do without depends on its facts (`still_open`); here is what can be said
    before they are known.
    """
    ways: dict[str, str] = {}

    def use(one: Criterion, outer: Condition, way: Condition, *, needed: bool) -> None:
        outer, needed = (*outer, *one.when), needed and not one.optional
        inside = (*outer, *way, *one.met)
        known = {t.fact for t in plain_terms(inside) if t.how in ("known", "=", "in")}
        for name in (*facts_of(one.when), *facts_of(one.met)):
            given = wanted.setdefault(name, [])
            if needed and name in facts_of(one.met) and (way or not one.among):
                given.append((*outer, *way))
        for name in one.facts:
            given = wanted.setdefault(name, [])
            if needed and name not in known and (one.met or way or not one.among):
                given.append(inside)
            if one.among:
                ways.setdefault(name, f"this is the way to meet: {one.among}")
        for part in one.parts:
            use(part, outer, (*way, *one.met), needed=needed and one.how != "not")

    for criterion in criteria(found):
        use(criterion, (), (), needed=True)
    if found.service:
        wanted.setdefault(UNMET, [])
    return ways


def _papers_of(found: LetterKind) -> list[tuple[str, Paper]]:
    """Return each filer at the level with the papers that it needs at some stage."""
    rules = program(found.program)
    return [
        (filer, papers()[paper])
        for rule in rules.standing
        if found.level in rule.levels and rule.may_file
        for filer in rule.when.filers
        for paper in rule.papers
        if papers()[paper].fact != found.act.form.paper
    ]


def paper_lines(found: LetterKind, values: dict[str, object]) -> tuple[SentenceForm, ...]:
    """Return the lines of the enclosures for the papers that the law asks of the filer."""
    if not found.level or found.act.form.at != "next":
        return ()
    who = standing(
        program(found.program),
        found.level,
        stage=values.get("stage"),
        filer=values.get("filer"),
        expedited=values.get("expedited") == "yes",
    )
    return tuple(
        sentence_form(papers()[paper].says)
        for paper in (who.papers if who else ())
        if papers()[paper].says and papers()[paper].fact != found.act.form.paper
    )


def still_needed(found: LetterKind, values: dict[str, object]) -> tuple[Need, ...]:
    """Return the facts that the letter of these facts cannot do without and that are unknown."""
    missing = {
        name: ""
        for name, conditions in _wanted(found).items()
        if any(holds(condition, values) for condition in conditions)
    }
    for criterion in criteria(found):
        for one in still_open(criterion, values):
            missing.setdefault(one.fact, one.among)
    missing = {
        name: among
        for name, among in missing.items()
        if name not in DERIVED and values.get(name) is None
    }
    order = list(fact_types())
    found_needs = []
    for name in sorted(missing, key=order.index):
        one = need(name, required=True, kind=found)
        if among := missing[name]:
            one = msgspec.structs.replace(one, why=f"one way is enough for: {among}")
        found_needs.append(one)
    return tuple(found_needs)


def _when(conditions: list[Condition]) -> str:
    conditions = [c for c in conditions if not any(set(o) < set(c) for o in conditions)]
    return "; or ".join(dict.fromkeys(words for c in conditions if (words := in_words(c))))


def in_words(condition: Condition) -> str:
    """Return a condition as people say it: labels and choices in place of names."""
    return " and ".join(
        _term_words(term) if hasattr(term, "how") else " or ".join(map(_term_words, term.terms))
        for term in condition
    )


_JOINTS = {
    "!=": "is not", "known": "is known", "unknown": "is unknown", "begins": "begins with",
    "<": "is below", "<=": "is at most", ">": "is above", ">=": "is at least",
}  # fmt: skip


def _term_words(term) -> str:
    known = fact_types()
    if term.fact in DERIVED:
        joint = _JOINTS.get(term.how, "") if term.how in ("<", "<=", ">", ">=") else ""
        says = f"{DERIVED[term.fact]} {joint} {term.values[0]}" if joint else DERIVED[term.fact]
        return _COMPUTED.get((term.fact, *term.values), says)
    label = known[term.fact].label.rstrip("?")
    others = {name: known[name].label for name in term.values if name in known}
    values = " or ".join(others.get(v) or known[term.fact].choices.get(v, v) for v in term.values)
    joint = _JOINTS.get(term.how)
    return f"{label} {joint} {values}".strip() if joint else f"{label}: {values}"

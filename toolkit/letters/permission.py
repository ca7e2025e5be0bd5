"""Whether a letter may be written: history, route and law are asked first, and a refusal names the way on.

Dates, the level's names, standing, papers and the decider's clock come from the rules of the program
as facts of the letter, each bound to its rule. Nobody types them.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache

import msgspec

from toolkit.cases.case import Case
from toolkit.errors import MissingFactError, RefusedError
from toolkit.history.states import table
from toolkit.law import Deadline, filing_deadline, program, programs
from toolkit.law.calendar import count
from toolkit.law.model import GoodCause, Level, Program, Span
from toolkit.law.standing import Answer, standing
from toolkit.law.wording import long_day, span, starts, window
from toolkit.letters.conditions import holds, parse
from toolkit.letters.forms import Strict
from toolkit.letters.forums import acts, forum
from toolkit.letters.letter import Rule
from toolkit.letters.letter_kind import PATIENT_SIDE, LetterKind, answering, program_of
from toolkit.letters.matrix import cell, rule_of
from toolkit.rules import RULES, read

CLAIM_FILING = "claim_filing"
_ENTERED = ("last_filing_date", "file_by")


class WayOn(Strict, frozen=True, kw_only=True):
    """What to do instead, where a state or a route does not allow a letter."""

    says: str
    needs: tuple[str, ...] = ()


class _Ways(Strict, frozen=True, kw_only=True):
    states: dict[str, WayOn]
    routes: dict[str, WayOn]


class Barrier(Strict, frozen=True, kw_only=True):
    """Facts under which nothing may be written, and what to do about them."""

    id: str
    when: str
    says: str
    needs: tuple[str, ...]
    authority: str = ""
    acts: tuple[str, ...] = ()


class Law(msgspec.Struct, frozen=True, kw_only=True):
    """What history and law say of a letter: its facts, the rules behind them, who may file, warnings."""

    values: dict[str, object]
    rules: dict[str, Rule]
    who: Answer | None = None
    warnings: tuple[str, ...] = ()


@cache
def ways_on() -> _Ways:
    """Return what to do instead, by state and by route."""
    return read(RULES / "letters" / "ways_on.yaml", _Ways)


@cache
def barriers() -> tuple[Barrier, ...]:
    """Return the barriers on file."""
    found = read(RULES / "letters" / "coherence.yaml", tuple[Barrier, ...])
    for each in found:
        parse(each.when)
    return found


def ask(case: Case, kind: LetterKind, *, as_of: date) -> Law:
    """Return what the law says of this letter; raises RefusedError, with the way on, where it may not be."""
    _check_place(case, kind)
    _check_state(case, kind, as_of)
    values, rules = _names_of_law(kind)
    law = Law(values=values, rules=rules)
    if kind.act.form.at == "waiting":
        law = _with_decision(case, law, kind, as_of)
    elif kind.level:
        law = _with_clock(case, kind, law, as_of)
    else:
        law = _with_claim_limit(case, law)
    return law


def _check_place(case: Case, kind: LetterKind) -> None:
    if kind.level == "contract_dispute" and kind.act.id == "appeal":
        _refuse_contracted(case, kind)
    found = cell(kind.act.id, kind.program, kind.level)
    if not found.possible:
        needs = (found.instead,) if found.instead else _at_level(kind)
        raise RefusedError(f"{found.why_not} ({found.citation})", needs=needs)
    if program_of(case) not in (kind.program, None):
        raise RefusedError(
            f"This letter is for {program(kind.program).name}; the case is of another program.",
            needs=("a letter for the program of the case",),
        )
    level = case.value("level")
    if level == "contract_dispute" and kind.act.form.at == "next":
        return  # the patient may appeal what the provider disputes under its contract
    if kind.level and kind.act.form.at != "beside" and level not in (kind.level, None):
        rules = program(kind.program)
        named = {one.id: one.name for one in rules.levels}
        raise RefusedError(
            f"This letter is for {named[kind.level]}; what comes next in this case is "
            f"{named.get(str(level), level)}.",
            needs=(f"a letter for {named.get(str(level), level)} (--kind)",),
        )


def _refuse_contracted(case: Case, kind: LetterKind) -> None:
    """Refuse the appeal of a provider whose contract decides, in the words of the program's rules."""
    rules = program(kind.program)
    for rule in rules.standing:
        if rule.instead == "contract_dispute":
            raise RefusedError(
                f"{rule.says} ({rule.citation})",
                needs=(
                    f"{rules.level(rule.instead).name} (--kind contract_dispute)",
                    "or the patient, or a representative with the patient's paper, as the filer",
                ),
            )


def _at_level(kind: LetterKind) -> tuple[str, ...]:
    """Return the letters that have a place at the level."""
    here = [
        f"{act.title} (--kind {act.id})"
        for act in acts().good.values()
        if cell(act.id, kind.program, kind.level).possible
    ]
    return tuple(here) or ("toolkit checklist, for the steps of the case",)


def _answering(case: Case) -> tuple[str, ...]:
    """Return the way on that the route of a denial names, else the next steps."""
    route = ways_on().routes.get(str(case.value("route")))
    return (
        (route.says, *route.needs) if route else ("toolkit checklist, for the steps of the case",)
    )


def _check_state(case: Case, kind: LetterKind, as_of: date) -> None:
    form = kind.act.form
    state, route = case.value("state"), case.value("route")
    _check_undated_appeal(case, kind)
    if state is not None and state not in form.states:
        way = ways_on().states[str(state)]
        says = table().states[str(state)].says
        due = case.value("decision_due")
        if state == "awaiting_decision" and isinstance(due, date):
            says += f", and its decision is due {long_day(due)}"
        origin = case.value("state_from")
        whence = f" ({origin})" if origin and state != "awaiting_decision" else ""
        raise RefusedError(f"Nothing to write: {says}{whence}.", needs=(way.says, *way.needs))
    of_patient = route == "bill_patient" and _filer(case) in PATIENT_SIDE
    if form.denied_appeal == "no" and case.value("due") == "no_appeal_right" and not of_patient:
        why = str(case.value("why") or "this denial has no appeal").rstrip(".")
        raise RefusedError(
            f"There is no appeal of this denial: {why}.", needs=_other_acts(case, kind)
        )
    if form.denied_appeal == "no":
        _check_category(case, kind)
    category = case.value("denial_category")
    if category is not None and form.categories and category not in form.categories:
        raise RefusedError(
            f"{form.title} does not answer a denial of this category.", needs=_answering(case)
        )
    known = (*form.routes, *form.allows)
    if route is not None and known and route not in known:
        way = ways_on().routes[str(route)]
        raise RefusedError(
            f"{form.title} does not answer this denial: {way.says}",
            needs=way.needs or ("toolkit checklist, for the steps of the case",),
        )


def _check_undated_appeal(case: Case, kind: LetterKind) -> None:
    """Refuse a request at the next level where an appeal is stated without its day: it may be this one."""
    undated = any(not (one.filed_on or one.decided_on or one.outcome) for one in case.events)
    form = kind.act.form
    own = form.at == "next" and "awaiting_decision" not in form.states
    if undated and own and case.value("filed_on") is None:
        raise RefusedError(
            "An appeal of this denial is stated without the day on which it was filed, so this request "
            "may be a second one.",
            needs=(
                "the day it was filed (toolkit record --event filed)",
                "or, if nothing was filed, the status corrected in the export",
            ),
        )


def _check_category(case: Case, kind: LetterKind) -> None:
    for rule in program(kind.program, _jurisdiction(case)).no_appeal:
        if kind.level and case.value("denial_category") in rule.denial_categories:
            raise RefusedError(f"{rule.says} ({rule.citation})", needs=_other_acts(case, kind))


def _other_acts(case: Case, kind: LetterKind) -> tuple[str, ...]:
    """Return the acts that answer the category of the denial outside an appeal, else what its route names."""
    own = tuple(
        f"{acts().good[name].title} (--kind {name})" for name in answering(case) if name != kind.id
    )
    return own or _answering(case)


def _jurisdiction(case: Case) -> str | None:
    found = case.value("jurisdiction")
    return str(found) if found else None


def _plain(text: str) -> str:
    """Return a name of the rules without what stands in parentheses after it."""
    return re.sub(r" \([^()]*\)", "", text)


def _names_of_law(kind: LetterKind) -> tuple[dict[str, object], dict[str, Rule]]:
    """Return the names that the rules give to a level, with the rule each is bound to."""
    rules = program(kind.program)
    values: dict[str, object] = {}
    bound: dict[str, Rule] = {}
    if not kind.level:
        return values, bound
    level = rules.level(kind.level)
    rule = _rule_of(level, rules)
    for name, says in (
        ("request_name", kind.request),
        ("request_joint", kind.form.joint if kind.form else "of"),
        ("notice_name", _plain(level.notice)),
        ("decider", _plain(level.decider)),
        ("filed_with", _plain(level.filed_with or level.decider)),
    ):
        values[name], bound[name] = says, rule
    return values, bound


def _rule_of(level: Level, rules: Program) -> Rule:
    found = rule_of(level)
    says = f"{rules.name}: {level.name}"
    return Rule(found.citation, says, found.source, found.verified_on, found.status)


def _with_clock(case: Case, kind: LetterKind, law: Law, as_of: date) -> Law:
    """Return the law with the clock of the level; refuses a filer, a day or a level that it does not allow."""
    rules = program(kind.program, _jurisdiction(case))
    filer = _filer(case)
    _check_contract(case, rules, filer)
    stage = case.value("stage")
    expedited = case.value("expedited") == "yes"
    who = standing(rules, kind.level, stage=stage, filer=filer, expedited=expedited)
    if filer is None and case.value("contracted") == "contracted" and stage == "payment":
        # Nobody is named yet: the provider's own appeal is refused, the patient's is not.
        who = standing(rules, kind.level, stage=stage, filer=rules.hospital_files_as.contracted)
        who = who if who and who.may_file is False else None
    if who and who.may_file is False:
        raise RefusedError(f"{who.says} ({who.citation})", needs=_instead(rules, who))
    values, bound = dict(law.values), dict(law.rules)
    if who and who.citation:
        values["standing_citation"] = who.citation
        bound["standing_citation"] = Rule(who.citation, who.says, "", "", who.status)
    warnings = list(_typed_days(case))
    deadline = _deadline(case, kind, filer, expedited)
    if deadline is None:
        _by_terms(case, values, bound)
    else:
        _dates(rules, kind.level, deadline, values, bound)
        if deadline.nothing_to_file:
            raise RefusedError(
                f"There is nothing to file: {deadline.warnings[0]} ({deadline.citation})",
                needs=("the decision itself; if it is late, --kind missed_decision",),
            )
        if deadline.not_before and as_of < deadline.not_before:
            raise RefusedError(
                f"It is too early: the window opens on {long_day(deadline.not_before)} "
                f"({deadline.citation}).",
                needs=(f"the same letter, dated {long_day(deadline.not_before)} or later",),
            )
    warnings += _lateness(case, kind, rules, values, bound, as_of)
    _next_level(kind, rules, values, bound)
    due = _decision_clock(rules.level(kind.level), stage, expedited, values, bound)
    if due is not None:
        values["answer_by"], bound["answer_by"] = count(as_of, due), bound["decision_citation"]
    return Law(values=values, rules=bound, who=who, warnings=tuple(warnings))


def _next_level(
    kind: LetterKind, rules: Program, values: dict[str, object], bound: dict[str, Rule]
) -> None:
    """Put in what a denial that is upheld can be followed by, where a party has to ask for it."""
    following = rules.level(kind.level).after.get("upheld")
    form = forum(kind.program).form.levels.get(str(following))
    if form is None or rules.level(str(following)).automatic:
        return
    values["next_request"] = form.request
    bound["next_request"] = _rule_of(rules.level(str(following)), rules)


def _filer(case: Case) -> str | None:
    found = case.value("filer")
    return str(found) if found else None


def _check_contract(case: Case, rules: Program, filer: str | None) -> None:
    """Refuse a filer that the contract status on file contradicts."""
    status, ways = case.value("contracted"), rules.hospital_files_as
    against: tuple[str, ...] = ()
    if status == "contracted":
        assignee = (
            ways.contracted != ways.not_contracted and ways.not_contracted != "representative"
        )
        against = ("non_contract_provider", *(("assignee",) if assignee else ()))
    elif status == "not_contracted":
        against = ("contracted_provider", "network_provider")
    if filer in against:
        under = "under contract" if status == "contracted" else "without a contract"
        raise RefusedError(
            f"The claim says that the provider is {under} with the payer; the filer entered says "
            "otherwise.",
            needs=(
                "the filer that fits, or the contract status corrected in payers.csv or the export",
                *(
                    ("a contract dispute (--kind contract_dispute)",)
                    if status == "contracted"
                    else ()
                ),
            ),
        )


def _instead(rules: Program, who: Answer) -> tuple[str, ...]:
    """Return the level that this filer has instead, else who may file here, as the rules say."""
    if who.instead:
        return (f"{rules.level(who.instead).name} (--kind {who.instead})",)
    return who.way_on or ("toolkit checklist, for the steps of the case",)


def _typed_days(case: Case) -> list[str]:
    """Return a finding where somebody typed a day that only the law gives."""
    return [
        "The last day to file that was typed is not used: it is counted from the notice and its "
        "receipt, by the rule that the letter cites."
        for name in _ENTERED
        if (fact := case.facts.get(name)) and fact.source.startswith("entered")
    ][:1]


def _deadline(case: Case, kind: LetterKind, filer: str | None, expedited: bool) -> Deadline | None:
    """Return the clock; None where a contract gives it, or the notice is not known yet."""
    level = program(kind.program, _jurisdiction(case)).level(kind.level)
    notice, received = case.value("notice_date"), case.value("notice_received")
    if level.by_terms or (notice is None and received is None):
        return None
    cents = case.value("in_controversy_cents")
    cents = case.value("denied_cents") if cents is None else cents
    try:
        return filing_deadline(
            kind.program,
            kind.level,
            notice_date=notice,
            received=received,
            stage=case.value("stage"),
            filer=filer,
            expedited=expedited,
            amount=None if cents is None else max(int(cents), 0) // 100,
            state_window=_number(case.value("state_window")),
            jurisdiction=_jurisdiction(case),
            last_outcome=case.value("outcome"),
        )
    except MissingFactError as error:
        if case.value("stage") is None:
            return None  # the stage is asked for among the facts of the letter
        raise error
    except RefusedError as error:
        instead = "a standard request (expedited: no)" if expedited else "toolkit checklist"
        raise RefusedError(str(error), needs=error.needs or (instead,)) from None


def _number(value: object) -> int | None:
    return int(str(value)) if value is not None else None


def _by_terms(case: Case, values: dict[str, object], bound: dict[str, Rule]) -> None:
    """Take the day that the hospital's own contract gives, where triage found its terms."""
    fact, citation = case.facts.get("last_filing_date"), case.value("citation")
    if fact is None or fact.source.startswith("entered") or not citation:
        return
    values["last_filing_date"] = fact.value
    values["filing_citation"] = citation
    rule = Rule(str(citation), "the terms of the contract on file", "local/contracts", "", "")
    bound["last_filing_date"] = bound["filing_citation"] = rule


def _dates(
    rules: Program, level_id: str, deadline: Deadline, values: dict[str, object], bound: dict
) -> None:
    rule = Rule(
        deadline.citation,
        f"{rules.name}, {deadline.level_name}: the time to file",
        deadline.source,
        deadline.verified_on,
        deadline.status,
    )
    used = next(
        (one for one in rules.level(level_id).filing if one.citation == deadline.citation), None
    )
    found = {
        "last_filing_date": deadline.last_filing_date,
        "file_by": deadline.file_by,
        "filing_citation": deadline.citation,
        "filing_time": f"{window(used)} from {starts(used)}" if used else None,
    }
    for name, value in found.items():
        if value is not None:
            values[name], bound[name] = value, rule


def _lateness(
    case: Case,
    kind: LetterKind,
    rules: Program,
    values: dict[str, object],
    bound: dict[str, Rule],
    as_of: date,
) -> list[str]:
    """Say whether the request is late; refuse one for which the law knows no good cause."""
    last, by = values.get("last_filing_date"), values.get("file_by")
    if not isinstance(last, date):
        return []
    if as_of <= last:
        values["late"] = "no"
        if isinstance(by, date) and by < as_of:
            return ["The safe day to file has passed; the last lawful day has not. Send it today."]
        return []
    cause = _good_cause(rules, kind.level)
    if cause is None or not cause.request:
        says = f" {cause.says} ({cause.citation})" if cause else ""
        raise RefusedError(
            f"The last day to file was {long_day(last)} ({values['filing_citation']}), and no rule "
            f"on file extends it for good cause.{says}",
            needs=("proof of an earlier filing, or of a later receipt of the notice",),
        )
    values["late"] = "yes"
    values["good_cause_citation"] = cause.citation
    values["good_cause_request"] = cause.request.partition(" {reason}")[0]
    rule = Rule(cause.citation, cause.says, cause.source, cause.verified_on, cause.status)
    bound["good_cause_citation"] = bound["good_cause_request"] = rule
    return ["The last day to file has passed: the letter asks for more time."]


def _good_cause(rules: Program, level: str) -> GoodCause | None:
    return next((one for one in rules.good_cause if level in one.levels), None)


def _decision_clock(
    level: Level,
    stage: object,
    expedited: bool,
    values: dict[str, object],
    bound: dict[str, Rule],
) -> Span | None:
    """Return and put in how long the decider has, where one rule alone fits the facts."""
    fits = [
        rule
        for rule in level.decision
        if rule.due
        and rule.starts == "request"
        and rule.applies_until is None
        and rule.plan_levels in (None, "one")
        and not rule.multiemployer
        and rule.when.holds(stage if stage else None, None, expedited)
    ]
    if len(fits) != 1 or (stage is None and fits[0].when.stages):
        return None
    rule = fits[0]
    bound_to = Rule(
        rule.citation, f"the time to decide: {span(rule.due)}", rule.source, rule.verified_on,
        rule.status,
    )  # fmt: skip
    values["decision_time"], values["decision_citation"] = span(rule.due), rule.citation
    values["if_missed"] = _consequence(rule.if_missed)
    for name in ("decision_time", "decision_citation", "if_missed"):
        bound[name] = bound_to
    return rule.due


_ADVICE = re.compile(r"(ask|call|no escalation|the rules here)\b", re.IGNORECASE)


def _consequence(says: str) -> str | None:
    """Return what follows from a late decision as a decider may be told it, without advice and memory."""
    parts = re.split(r"(?<=[.;]) ", says)
    kept = [one for one in parts if not _ADVICE.match(one) and "from memory" not in one]
    return f"{' '.join(kept).rstrip('.;')}." if kept else None


def _with_decision(case: Case, law: Law, kind: LetterKind, as_of: date) -> Law:
    """Return the law with the day the decision was due; refuses a letter before that day has passed."""
    rules = program(kind.program, _jurisdiction(case))
    level = rules.level(kind.level)
    values, bound = dict(law.values), dict(law.rules)
    expedited = case.value("expedited") == "yes"
    _decision_clock(level, case.value("stage"), expedited, values, bound)
    due = _decision_due(case, kind, expedited)
    if due is None:
        raise RefusedError(
            "When the decision is due is not known, so nobody can say that it is late.",
            needs=("the day on which the decider received the request (toolkit record --event "
                   "received), and the stage",),
        )  # fmt: skip
    if as_of <= due:
        raise RefusedError(
            f"The decision is not late: it is due {long_day(due)} "
            f"({values.get('decision_citation', '')}).",
            needs=(f"the same letter after {long_day(due)}",),
        )
    values["decision_due"] = due
    bound["decision_due"] = bound.get("decision_citation") or _rule_of(level, rules)
    return Law(values=values, rules=bound)


def _decision_due(case: Case, kind: LetterKind, expedited: bool) -> date | None:
    from toolkit.law import decision_due

    known = case.value("decision_due")
    if isinstance(known, date):
        return known
    filed = case.value("filed_on")
    if not isinstance(filed, date):
        return None
    try:
        return decision_due(
            kind.program,
            kind.level,
            request_received=filed,
            stage=case.value("stage"),
            expedited=expedited,
            jurisdiction=_jurisdiction(case),
        ).decision_due
    except RefusedError:
        return None


def claim_limit(case: Case) -> Deadline | None:
    """Return the time to file the claim, where the law of the program gives it and the service is known."""
    name, service = case.value("program"), case.value("service_date")
    if name not in programs() or not isinstance(service, date):
        return None
    if CLAIM_FILING not in {one.id for one in program(str(name)).levels}:
        return None
    try:
        return filing_deadline(str(name), CLAIM_FILING, notice_date=service)
    except RefusedError:
        return None


def _with_claim_limit(case: Case, law: Law) -> Law:
    found = claim_limit(case)
    if found is None:
        return law
    rule = Rule(
        found.citation, "the time to file claims", found.source, found.verified_on, found.status
    )
    more = {"claim_limit": found.last_filing_date, "claim_limit_citation": found.citation}
    return Law(values=law.values | more, rules=law.rules | dict.fromkeys(more, rule))


def check_barriers(kind: LetterKind, values: Mapping[str, object], citations) -> None:
    """Refuse facts that cannot all be true, or that the law makes decisive; says what to correct."""
    for each in barriers():
        if each.acts and kind.act.id not in each.acts:
            continue
        if holds(parse(each.when), values):
            cite = f" ({citations(each.authority)})" if each.authority else ""
            raise RefusedError(f"{each.says}{cite}", needs=each.needs)

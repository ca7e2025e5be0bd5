"""What to do about a denial, in order, and the documents it needs: for every denial, letter or not."""

from datetime import date
from pathlib import Path

import msgspec

from toolkit.cases.case import Case
from toolkit.claims.notice.kinds import denials
from toolkit.errors import RefusedError
from toolkit.history.states import open_states, table
from toolkit.law import program, programs
from toolkit.law.model import Level, Program
from toolkit.law.standing import Answer, standing
from toolkit.law.wording import long_day
from toolkit.letters.authority import authority
from toolkit.letters.conditions import judge
from toolkit.letters.criteria import in_program
from toolkit.letters.drafting import draft
from toolkit.letters.facts import fact_types
from toolkit.letters.forums import Issue, acts, issue_of
from toolkit.letters.letter_kind import cites, compose, kind_of, papers, program_of
from toolkit.letters.matrix import BESIDE, cell
from toolkit.letters.permission import claim_limit, ways_on
from toolkit.letters.services import Service, counted, of_case

# Routes on which the claim itself goes again, inside the time to file claims.
_CLAIM_AGAIN = ("corrected_claim", "other_payer")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do: why, by which day (None for no day), and the rule behind it ('' for none)."""

    n: int
    do: str
    why: str
    by: date | None = None
    citation: str = ""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document: what it shows, who has it, and whether what it shows is known already."""

    what: str
    shows: str
    holder: str
    have: bool


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of letter for the case: possible, or why not and what instead."""

    kind: str
    title: str
    refused: str = ""
    needs: tuple[str, ...] = ()


class Checklist(msgspec.Struct, frozen=True, kw_only=True):
    """The ordered steps of a case, its documents, and the letters that it can have."""

    steps: tuple[Step, ...]
    documents: tuple[Document, ...]
    letters: tuple[Offer, ...]


def checklist_of(case: Case, *, as_of: date, folder: Path | None = None) -> Checklist:
    """Return the steps of the case in order, with their days, and the documents it needs.

    Works for every denial: what is not known (the program, the notice) becomes a step of its own.
    """
    return Checklist(
        steps=steps_of(case),
        documents=documents_of(case, as_of=as_of),
        letters=offers(case, as_of=as_of, folder=folder),
    )


def steps_of(case: Case) -> tuple[Step, ...]:
    """Return the steps of the case in order, with their days."""
    _, issue = about(case)
    steps = _ended(case) or (*_open(case, issue), *_filing(case), *_after(case))
    return tuple(
        msgspec.structs.replace(step, n=n) for n, step in enumerate(dict.fromkeys(steps), 1)
    )


def documents_of(case: Case, *, as_of: date) -> tuple[Document, ...]:
    """Return the documents that the case needs, the notice first; `have` where it is there or known."""
    service, issue = about(case)
    return _documents(case, issue, service, as_of)


def about(case: Case) -> tuple[Service | None, Issue | None]:
    """Return the service that a denial is about and what it turns on, each where it is on file."""
    service = of_case(case.value("procedure_code"), case.value("revenue_code"))
    issue = issue_of(
        case.value("denial_category"), case.value("reason"), service.id if service else ""
    )
    return service, issue


def _step(
    do: str, why: str, by: object = None, citation: object = "", *, because: str = ""
) -> Step:
    return Step(
        n=0,
        do=do,
        why=f"{why} ({because})" if because else why,
        by=by if isinstance(by, date) else None,
        citation=str(citation or ""),
    )


# --- steps ---------------------------------------------------------------------------------------


def _ended(case: Case) -> tuple[Step, ...]:
    """Return the one step of a denial on which nothing is open, or that waits for its decision."""
    state = case.value("state")
    if state is None or (state in open_states() and state != "awaiting_decision"):
        return ()
    way, says = ways_on().states[str(state)], table().states[str(state)].says
    because = "" if state == "awaiting_decision" else str(case.value("state_from") or "")
    first = _step(
        way.says[:1].upper() + way.says[1:], says, case.value("decision_due"), because=because
    )
    return (first, *(_step(f"Get {need}", says) for need in way.needs))


def _open(case: Case, issue: Issue | None) -> tuple[Step, ...]:
    """Return the steps before anything is filed: what is lacking, the criteria, the issue, the route."""
    found: list[Step] = []
    name = program_of(case)
    if name not in programs():
        found.append(
            _step(
                "Find out which program governs the claim, and state it in payers.csv",
                "every day, filer and decider follows from it",
            )
        )
    if gap := case.value("gap"):
        found.append(_step(f"Fill in what is lacking: {gap}", "without it no day can be given"))
    clinical = issue is not None and issue.form.clinical == "yes"
    if clinical and name in programs() and cell("criteria_request", str(name), BESIDE).possible:
        kind = compose("criteria_request", str(name), BESIDE)
        found.append(
            _step(
                "Ask for the criteria and the claim file (--kind criteria_request)",
                "an appeal answers the ground that was applied, and the clock runs on meanwhile",
                citation="; ".join(authority(one).citation for one in cites(kind)),
            )
        )
    found += [
        _step(one.do, one.why, citation=authority(one.authority).citation if one.authority else "")
        for one in (issue.form.steps if issue else ())
        if not one.programs or name in one.programs
    ]
    return (*found, *_route(case))


def _route(case: Case) -> tuple[Step, ...]:
    """Return the step that the route of the denial names, with the last day of the claim where it goes again."""
    route = case.value("route")
    way = ways_on().routes.get(str(route))
    if way is None or route == "appeal":  # the filing is a step of its own
        return ()
    limit = claim_limit(case) if route in _CLAIM_AGAIN else None
    by, citation = (limit.file_by, limit.citation) if limit else (None, "")
    why = "what to do first about a denial of this kind"
    return (_step(way.says[:1].upper() + way.says[1:], why, by, citation),)


def _filing(case: Case) -> tuple[Step, ...]:
    """Return the steps of the filing: the paper, the request with its safe day, or why there is none."""
    name, level_id = program_of(case), case.value("level")
    if name not in programs() or case.value("due") == "no_appeal_right":
        why = str(case.value("why") or "")
        return (_step("Do not appeal", why),) if why and name in programs() else ()
    rules = program(str(name), _jurisdiction(case))
    level = next((one for one in rules.levels if one.id == level_id), None)
    if level is None:
        return ()
    last, by = case.value("last_filing_date"), case.value("file_by")
    citation = case.value("citation") or ""
    if level.automatic:
        return (_step(f"File nothing at this level: {level.name}", level.automatic.says,
                      citation=level.automatic.citation),)  # fmt: skip
    found: list[Step] = []
    who = _who(case, rules, level)
    for paper in who.papers if who else ():
        found.append(_step(f"Get the paper: {paper}", who.says, by, who.citation))
    plain = (level.filed_with or level.decider).partition(" (")[0]
    until = f"the last lawful day is {long_day(last)}" if isinstance(last, date) else "no day known"
    how = {"received": "it counts when it is received", "postmarked": "the postmark counts"}
    counts = how.get(str(case.value("filed_when")), "")
    found.append(
        _step(
            f"File: {level.name}, with {plain}",
            f"{until}{f'; {counts}' if counts else ''}",
            by,
            citation,
        )
    )
    found.append(
        _step(
            "Keep the proof of receipt and record it (toolkit record --event filed)",
            "without it the decider may say that nothing came, and no clock runs against it",
        )
    )
    return tuple(found)


def _who(case: Case, rules: Program, level: Level) -> Answer | None:
    """Return what the rules say of the filer: the one entered, else the hospital itself."""
    ways = level.hospital_files_as or rules.hospital_files_as
    stage = str(case.value("stage") or "payment")
    status = case.value("contracted")
    own = ways.contracted if status == "contracted" else ways.not_contracted
    if stage != "payment" and ways.before_service:
        own = ways.before_service
    filer = str(case.value("filer") or own)
    return standing(rules, level.id, stage=stage, filer=filer)


def _jurisdiction(case: Case) -> str | None:
    found = case.value("jurisdiction")
    return str(found) if found else None


def _after(case: Case) -> tuple[Step, ...]:
    """Return what follows the filing: the decider's time, and the level after it."""
    name, level_id = program_of(case), case.value("level")
    if name not in programs() or case.value("due") == "no_appeal_right":
        return ()
    rules = program(str(name), _jurisdiction(case))
    level = next((one for one in rules.levels if one.id == level_id), None)
    if level is None:
        return ()
    found: list[Step] = []
    stage = str(case.value("stage") or "payment")
    fits = [
        rule
        for rule in level.decision
        if rule.due and rule.applies_until is None and rule.when.holds(stage, None, False)
    ]
    if fits:
        rule = fits[0]
        found.append(
            _step(
                "Put the decision's day into the calendar (toolkit decision-due)",
                f"if it is missed: {rule.if_missed}",
                citation=rule.citation,
            )
        )
    if following := level.after.get("upheld"):
        then = rules.level(following)
        says = then.automatic.says if then.automatic else "each level has a clock of its own"
        found.append(_step(f"If the denial is upheld: {then.name}", says,
                           citation=then.automatic.citation if then.automatic else ""))  # fmt: skip
    return tuple(found)


# --- documents -----------------------------------------------------------------------------------


def _documents(
    case: Case, issue: Issue | None, service: Service | None, as_of: date
) -> tuple[Document, ...]:
    name = program_of(case)
    notice = Document(
        what="notice of the denial, all pages",
        shows="the reason, the day, and where and until when to appeal",
        holder="payer",
        have=(case.value("denial_words") is not None and case.value("notice_date") is not None)
        or bool(denials() & set(case.documents)),
    )
    found = [notice, *_papers(case)]
    found += [
        Document(
            what=one.what,
            shows=one.shows,
            holder=one.source,
            have=bool(one.fact) and case.value(one.fact) is not None,
        )
        for one in (issue.form.documents if issue else ())
        if not one.programs or name in one.programs
    ]
    argued = issue is not None and issue.form.criteria == "yes"
    values = {key: fact.value for key, fact in case.facts.items()}
    if service and argued:
        found += _of_criteria(
            service, str(name), values | counted(values, service, str(name), as_of=as_of)
        )
    attached = set(case.documents)
    found = [msgspec.structs.replace(d, have=d.have or d.what in attached) for d in found]
    return tuple({(one.what, one.shows): one for one in found}.values())


def _of_criteria(service: Service, program_id: str, values: dict) -> list[Document]:
    """Return what shows the criteria of the service, each way of several named as one."""
    found: list[Document] = []
    for top in service.criteria:
        own = in_program(top, program_id)
        for one in own.leaves if own and judge(own.when, values) is not False else ():
            if judge(one.when, values) is False or judge(one.met, values) is False:
                continue
            cited = ", ".join(authority(name).citation for name in one.authorities)
            way = f", one way to meet: {one.among}" if one.among else ""
            have = one.is_shown(values) is True
            found += [
                Document(what=what, shows=f"{one.says}{way} ({cited})", holder="chart", have=have)
                for what in one.looked_for
            ]
    return found


def _papers(case: Case) -> list[Document]:
    """Return the papers that the law asks of the filer at the level that comes next."""
    name, level_id = program_of(case), case.value("level")
    if name not in programs() or case.value("due") == "no_appeal_right":
        return []
    rules = program(str(name), _jurisdiction(case))
    level = next((one for one in rules.levels if one.id == level_id), None)
    who = _who(case, rules, level) if level else None
    return [
        Document(
            what=paper,
            shows=f"that this filer may file ({who.citation})",
            holder=fact_types()[papers()[paper].fact].holder,
            have=case.value(papers()[paper].fact) is not None,
        )
        for paper in (who.papers if who else ())
    ]


def offers(case: Case, *, as_of: date, folder: Path | None = None) -> tuple[Offer, ...]:
    """Return each kind of letter in the order of the acts: possible for the case, or why it is not.

    A letter that is possible may still lack facts. `folder` is where enclosed documents are looked for.
    """
    return tuple(_offer(case, name, as_of, folder) for name in acts().good)


def _offer(case: Case, name: str, as_of: date, folder: Path | None) -> Offer:
    title = acts().good[name].title
    try:
        draft(case, kind_of(case, name), as_of=as_of, folder=folder)
    except RefusedError as refused:
        return Offer(kind=name, title=title, refused=str(refused), needs=refused.needs)
    return Offer(kind=name, title=title)

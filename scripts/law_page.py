"""Write docs/law.md from the rules. The same rules always give the same page, byte for byte.

python scripts/law_page.py             writes docs/law.md
python scripts/law_page.py --check     says whether it is stale (exit code 1), writes nothing
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit.law import jurisdictions, ladder, on_file, program, wording
from toolkit.law.age import MARKS, marks, sourced
from toolkit.law.events import Event, events
from toolkit.law.model import (
    DecisionRule,
    FilingRule,
    Floor,
    HospitalFilesAs,
    Level,
    OnFile,
    Program,
    Standing,
    StateRules,
)
from toolkit.law.thresholds import thresholds
from toolkit.rules import Sourced

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "law.md"

_INTRODUCTION = """\
# The rules in full

This page is generated from the files in `toolkit/rules/programs`, `states` and `thresholds` (`make law`); do not edit
it. It shows exactly what the toolkit computes with, and it is not legal advice.

**State law is included only if it has its own section below.** Elsewhere, state filing windows, prompt-pay laws,
state external review and state surprise-billing laws often replace or supplement these rules. If a state sets the
window, the toolkit asks for it and refuses to guess. If federal law sets a minimum that every state must give, that
minimum is a safe day, and is shown as one. Each section below says what else is missing.

## How to read this page

- **Time to file** ends on the *last filing date*, the last lawful day under the rule. The toolkit also gives *file
  by*: the deadline under the strictest defensible reading, moved back to a business day.
- **Applies** is when the rule starts and ends. The notice's date selects the rule unless the row says otherwise. A day
  before the first rule is refused. The first day is the first that the sources confirm; the law itself may be older.
- **Filed when**: *received* means that the decider must have it by then; *postmarked*, that the postmark counts.
- **Mark**: how the rule was verified.
  - **V**: somebody read the text at the named source, on the named day.
  - **V2**: second-hand. A named source that is not the law itself says so.
  - **M**: from memory. Read the law before you rely on it; the toolkit says so beside every date.
- An empty cell means that the rule does not say.
- Receipt is presumed only where this page says so. Elsewhere, if the day of receipt is unknown, both dates count from
  the notice's date, the earliest possible start, and the toolkit says so.
- **Filed with** and **Decided by** are often, but not always, the same. A decision clock names the day from which it
  counts; if that day is not given, the toolkit asks for it.
- Federal holidays follow 5 U.S.C. 6103, on the days on which they are observed. Closures of federal
  offices by executive order (see the interruptions below) and Inauguration Day are not holidays.

To compute a deadline, see `toolkit deadline --help`. To list every rule with its age, use `toolkit law --age`.
"""

_ADDING = """\
## To add or change a rule

Rules are readable YAML, one file per program. A changed rule is a second entry with its own `applies_from`; the old one
gets `applies_until` and stays, because it still governs old notices. Each rule names its citation, its source, the day
somebody checked it (`verified_on`) and its mark. Add cases on both sides of the change to `tests/cases/deadlines` and a
line to `CHANGELOG.md`, and run `make law` to write this page again. No code has to change.
[CONTRIBUTING.md](../CONTRIBUTING.md) has the steps, and says which test fails if you forget one.
"""

# What the tables and lists below say in their own way; what a rule has beside it is listed by name.
_TOLD_LEVEL = {
    "id", "name", "decider", "filed_with", "place", "notice", "always_expedited", "stages", "filing", "automatic", "by_terms",
    "forwarded", "processes", "decision", "effectuation", "amount_in_controversy", "after",
    "after_clinical", "evidence", "escalation", "hospital_files_as", "jurisdiction",
}  # fmt: skip
_TOLD_FILING = {
    "applies_from", "applies_until", "selected_by", "when", "notice", "after", "runs_from", "filed_with",
    "window", "state_window", "open_ended", "opens", "never_before_effective", "minimum_amount", "starts", "presumption",
    "no_corresponding_day", "filed_when", "by_hour", "roll", "readings", "milestones", "warnings",
    "why", "citation", "source", "verified_on", "status",
}  # fmt: skip
_TOLD_DECISION = {
    "applies_from", "applies_until", "when", "plan_levels", "multiemployer", "service", "states",
    "starts", "days_to_ask_left_out", "meeting_too_near", "meetings", "due", "extension", "parts", "if_missed",
    "says", "citation", "source", "verified_on", "status",
}  # fmt: skip
_TOLD_PROGRAM = {
    "program", "name", "short_name", "also_called", "in_letters", "governing_law", "hospital_files_as", "within",
    "opened_by", "levels", "standing", "no_appeal", "not_expedited", "good_cause", "switches", "not_modelled",
}  # fmt: skip


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION, _contents(), *(_section(one) for one in on_file())]
    return "\n".join([*parts, _amounts(), _events(), _ADDING]).rstrip() + "\n"


def _section(one: OnFile) -> str:
    return _state(one) if one.jurisdiction else _program(one.rules)


def _title(one: OnFile) -> str:
    """Return a section's heading: the program's name, after that of the state."""
    name = program(one.program).name
    return f"{jurisdictions()[one.jurisdiction]}: {name}" if one.jurisdiction else name


def _contents() -> str:
    rows = []
    for one in on_file():
        rules = one.rules
        filing = [rule for level in rules.levels for rule in level.filing]
        decision = [rule for level in rules.levels for rule in level.decision]
        counts = marks(rules).values()
        link = f"[{_cell(_title(one))}](#{_anchor(_title(one))})"
        rows.append((link, f"`{one.id}`", rules.governing_law, len(filing), len(decision), *counts))
    head = ("Program", "Its id", "Governing law", "Filing rules", "Decision clocks", *MARKS)
    return (
        f"## Programs\n\n{_table(head, rows, escaped=1)}\n"
        "The last columns count the rules with each mark, including levels that a case reaches automatically "
        "or that a contract governs. `toolkit law --age` gives the same counts, lists everything else in the "
        "rules (who may file, what a decision requires, parts of rules, amounts, holidays, interruptions), and "
        "warns about everything that nobody has checked for more than a year. `toolkit deadline` and `toolkit "
        "decision-due` warn about the rules behind their answer.\n"
    )


def _program(rules: Program) -> str:
    levels = ladder(rules.program)
    parts = [
        f"## {rules.name}",
        f"Id `{rules.program}`. Governing law: {_text(rules.governing_law)}.",
        _names(rules),
        _within(rules),
        _hospital(rules.hospital_files_as),
        "### Not modeled",
        _list(sorted(rules.not_modelled, key=lambda gap: "state" not in gap.lower().split())),
        "### Levels and time to file",
        _ladder(levels),
        _details(rules, levels),
        "### Decision clocks",
        _decisions(levels),
        _effectuation(levels),
        "### Who may file",
        _standing(rules),
        _good_cause(rules),
    ]
    if rules.no_appeal:
        rows = [
            (", ".join(r.denial_categories).replace("_", " "), r.says, r.citation, r.status)
            for r in rules.no_appeal
        ]
        head = ("Denial", "Why there is no appeal", "Rule", "Mark")
        parts += ["### No appeal at all", _table(head, rows)]
    parts.append(_not_expedited(rules))
    if rules.switches:
        rows = [
            (s.applies_from, s.keyed_to, s.says, s.citation, s.status)
            for s in sorted(rules.switches, key=lambda s: s.applies_from)
        ]
        head = ("From", "Selected by", "What changes", "Rule", "Mark")
        parts += ["### What changes on a day", _table(head, rows)]
    parts.append(_list(_others(rules, _TOLD_PROGRAM)))
    parts += ["### Sources", _sources(rules)]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _state(one: OnFile) -> str:
    """Return the section of a state's law, which replaces a program's rules for some levels."""
    rules, levels = one.rules, one.rules.levels
    where = program(one.program).name
    parts = [
        f"## {_title(one)}",
        f"`--program {one.program} --jurisdiction {one.jurisdiction}`; in `payers.csv`, `jurisdiction` "
        f"{one.jurisdiction}. Governing law: {_text(rules.governing_law)}. This section replaces "
        f"the rules of {_text(where)} for these levels; the rest of that program applies.",
        "### Not modeled",
        _list(rules.not_modelled),
        "### Levels and time to file",
        _ladder(levels),
        _details(program(one.program, one.jurisdiction), levels),
        "### Decision clocks",
        _decisions(levels),
        _effectuation(levels),
        "### Who may file",
        _standing(rules),
        _good_cause(rules),
        _not_expedited(rules),
        "### Sources",
        _sources(rules),
    ]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _not_expedited(rules: Program | StateRules) -> str:
    names = {level.id: level.name for level in rules.levels}
    rows = [
        (
            "; ".join(names[one] for one in r.levels),
            ", ".join(wording.STAGES[one] for one in r.stages) or "any",
            ", ".join(wording.FILERS[one] for one in r.filers) or "anyone",
            r.says, names[r.instead] if r.instead else "the standard request", r.citation, r.status,
        )
        for r in rules.not_expedited
    ]  # fmt: skip
    head = ("Level", "Stage", "Who", "Why it cannot be expedited", "Instead", "Rule", "Mark")
    return f"### What cannot be expedited\n\n{_table(head, rows)}" if rows else ""


def _names(rules: Program) -> str:
    """Return the names and the words of letters that mean this program."""
    named = [one for one in (rules.short_name, *rules.also_called) if one and one != rules.name]
    says = [f"Also read as this program: {', '.join(map(_text, named))}."] if named else []
    letters = rules.in_letters
    if letters.settle:
        says += [
            f"A payer's letter is under this program if it says (M): {', '.join(map(_text, letters.settle))}."
        ]
    if letters.suggest:
        words = ", ".join(map(_text, letters.suggest))
        says += [f"So is a letter that says (M), without naming another program: {words}."]
    return "\n\n".join(says)


def _within(rules: Program) -> str:
    """Return whose claims the program governs besides its own, and the remark codes that show it."""
    if not rules.within:
        return ""
    others = ", ".join(program(one).name for one in rules.within)
    text = f"Governs claims of these programs, claim by claim: {_text(others)}."
    if rules.opened_by:
        one = rules.opened_by
        text += f" Remark codes {', '.join(one.remarks)}: {_text(one.says)}{_cited(one)}"
        if also := one.payments:
            text += (
                f" For a payment also {', '.join(also.remarks)}, unless {', '.join(also.unless)}: "
            )
            text += f"{_text(also.says)}{_cited(also)}"
    return text


def _hospital(ways: HospitalFilesAs) -> str:
    with_contract, without = wording.FILERS[ways.contracted], wording.FILERS[ways.not_contracted]
    if with_contract == without:
        return f"For its own claims, a hospital files as {with_contract}."
    asked = " The contract status must be known." if ways.needs_contract_status else ""
    before = ""
    if ways.before_service:
        when = "Before" if ways.concurrent_as_after else "Before and during"
        before = f" {when} the service, {wording.FILERS[ways.before_service]} files."
    return (
        f"For its own claims, a hospital files as {with_contract} if it has a contract, and as "
        f"{without} if it does not.{asked}{before}"
    )


def _ladder(levels: Iterable[Level]) -> str:
    head = ("Level", "Filed with", "Decided by", "Time to file", "Counted from", "Filed when", "Last day on a day off",
            "Applies", "Rule", "Mark")  # fmt: skip
    rows = []
    for level in levels:
        whom = (level.filed_with or level.decider, level.decider)
        named = (f"{level.name} (`{level.id}`){_place(level)}", *whom)
        for rule in level.filing:
            if rule.filed_with:
                named = (named[0], rule.filed_with, level.decider)
            rows.append((
                *named, _window(rule), _counted(rule), rule.filed_when,
                wording.roll(rule.roll) + _cited(rule.roll), _applies(rule), rule.citation, rule.status,
            ))  # fmt: skip
            named = (f"{level.name}, rule for another time or case", *whom)
        if level.automatic:
            one = level.automatic
            rows.append((*named, "nothing to file: the case moves automatically", "", "", "", "", one.citation, one.status))  # fmt: skip
        if level.by_terms:
            one = level.by_terms
            rows.append((*named, "no date in law: see the contract", "", "", "", "", one.citation, one.status))  # fmt: skip
        if not (level.filing or level.automatic or level.by_terms):
            rows.append((*named, "not an appeal; only a decision clock", "", "", "", "", "", ""))  # fmt: skip
    return _table(head, rows)


def _place(level: Level) -> str:
    return {"side": ", outside the ladder", "before": ", before the ladder"}.get(level.place, "")


def _window(rule: FilingRule) -> str:
    only = wording.filing_for(rule)
    text = wording.window(rule)
    if rule.minimum_amount:
        text += f"; only for disputes of at least ${rule.minimum_amount.dollars:,}"
    return f"{text} ({only})" if only else text


def _counted(rule: FilingRule) -> str:
    text = wording.starts(rule)
    if rule.presumption:
        text += (
            f", presumed {rule.presumption.days} days after the notice's date unless shown "
            f"otherwise{_cited(rule.presumption)}"
        )
    elif rule.starts == "receipt":
        text += "; receipt is not presumed"
    return text


def _applies(rule: FilingRule | DecisionRule) -> str:
    text = f"from {rule.applies_from}"
    if rule.applies_until:
        text += f" until {rule.applies_until}"
    if getattr(rule, "selected_by", "notice") != "notice":
        text += {"service": ", by the date of service", "effective": ", by the effective date"}[
            rule.selected_by
        ]
    return text


def _details(rules: Program, levels: Iterable[Level]) -> str:
    names = {level.id: level.name for level in rules.levels}
    blocks = []
    for level in levels:
        said = list(_of_level(level, names))
        for place, rule in enumerate(level.filing, start=1):
            which = f"Rule {place}: " if len(level.filing) > 1 else ""
            said += [f"{which}{one}" for one in _of_rule(rule)]
        blocks.append(f"**{_text(level.name)}**\n\n{_list(said)}")
    return "#### Level by level\n\n" + "\n\n".join(blocks)


def _of_level(level: Level, names: dict[str, str]) -> Iterable[str]:
    yield f"The clock starts with: {level.notice}."
    if level.stages:
        named = ", ".join(wording.STAGES[one] for one in level.stages)
        yield f"Stages of a request at this level: {named}."
    if level.always_expedited:
        yield "This level is always expedited."
    elif not level.has_expedited:
        yield "Requests at this level are never expedited."
    if level.automatic:
        yield f"{level.automatic.says}{_cited(level.automatic)}"
    if level.by_terms:
        yield f"{level.by_terms.says} To be entered: {'; '.join(level.by_terms.needs)}.{_cited(level.by_terms)}"
    if level.forwarded:
        one = level.forwarded
        outcomes = ", ".join(wording.OUTCOMES[how] for how in one.after)
        yield f"Nothing to file after this outcome of the previous level ({outcomes}): {one.says}{_cited(one)}"
    for one in level.processes:
        needs = f" To be entered: {'; '.join(one.needs)}." if one.needs else ""
        counted = "" if one.counted else ", no date is given"
        filed = f", filed with {one.filed_with}" if one.filed_with else ""
        yield f"Process `{one.process}`{counted}{filed}: {one.says}{needs}{_cited(one)}"
        if one.jurisdictions:
            yield f"Jurisdictions without their own valid process: {', '.join(one.jurisdictions)}."
        if one.floor:
            yield from _of_floor(one.floor)
    if level.hospital_files_as:
        yield _hospital(level.hospital_files_as)
    if level.amount_in_controversy:
        yield "Requires an amount in controversy, by the year of filing: see the table below. If the amount meets this year's minimum but not next year's, *file by* is December 31 at the latest."
    if level.evidence:
        yield f"Evidence: {level.evidence}"
    if level.escalation:
        yield f"Escalation: {level.escalation}"
    for after, kind in ((level.after, ""), (level.after_clinical, " (clinical denials)")):
        if after:
            ways = "; ".join(
                f"{wording.OUTCOMES[how]}, {names[where]}" for how, where in after.items()
            )
            yield f"What follows{kind}: {ways}."
    yield from _others(level, _TOLD_LEVEL)


def _of_floor(floor: Floor) -> Iterable[str]:
    """Return the minimum that every state must give: the safe day for a state without its own rules."""
    rule = floor.filing
    yield (
        f"Safe day for a state that has no rules here ({_applies(rule)}): {wording.window(rule)} from "
        f"{_counted(rule)}, {rule.filed_when}, filed with {floor.filed_with}.{_cited(rule)}"
    )
    yield from _of_rule(rule)
    yield floor.decision


def _of_rule(rule: FilingRule) -> Iterable[str]:
    if rule.notice:
        yield f"The clock starts with: {rule.notice}."
    if rule.why:
        yield rule.why
    if rule.minimum_amount:
        least = rule.minimum_amount
        yield f"Applies only to disputes of at least ${least.dollars:,}.{_cited(least)}"
        if least.together:
            yield f"{least.together.says}{_cited(least.together)}"
    for reading in rule.readings:
        only = wording.when(reading.when)
        yield (
            f"Another reading, which *file by* follows{f' ({only})' if only else ''}: {reading.says}: "
            f"{wording.span(reading.window)} from {wording.starts(reading)}.{_cited(reading)}"
        )
    for one in rule.milestones:
        yield f"Day {one.day}: {one.what}."
    yield from (f"Note: {warning}" for warning in rule.warnings)
    yield from _others(rule, _TOLD_FILING)


def _decisions(levels: Iterable[Level]) -> str:
    head = ("Level", "For", "Decision due in", "Counted from", "May be extended by", "If it is missed", "Note", "Applies",
            "Rule", "Mark")  # fmt: skip
    rows = []
    for level in levels:
        for rule in level.decision:
            left_out = f"The days between the {level.notice} and the request do not count." if rule.days_to_ask_left_out else ""  # fmt: skip
            near = f"A request within {wording.span(rule.meeting_too_near)} before the meeting is decided at the next one." if rule.meeting_too_near else ""  # fmt: skip
            if rule.meetings:
                near += f" Meetings are assumed to be at most {wording.span(rule.meetings.apart)} apart.{_cited(rule.meetings)}"  # fmt: skip
            parts = (f"{wording.span(p.due)}: {p.says}{_cited(p)}" for p in rule.parts)
            told = (rule.says, left_out, near, *parts, *_others(rule, _TOLD_DECISION))
            more = " ".join(part for part in told if part)
            rows.append((
                level.name, wording.decision_for(rule) or "every request",
                wording.span(rule.due), wording.ANCHORS[rule.starts],
                wording.span(rule.extension) if rule.extension else "", rule.if_missed, more,
                _applies(rule), rule.citation, rule.status,
            ))  # fmt: skip
    return _table(head, rows) if rows else "No decision clock."


def _effectuation(levels: Iterable[Level]) -> str:
    """Return what the payer must do after a favorable decision, and by when."""
    rows = [
        (
            level.name, wording.when(one.when) or "every decision", wording.span(one.within),
            one.says, one.citation, one.status,
        )
        for level in levels
        for one in level.effectuation
    ]  # fmt: skip
    head = ("Level", "For", "Within", "In words", "Rule", "Mark")
    return f"#### After a favorable decision\n\n{_table(head, rows)}" if rows else ""


def _good_cause(rules: Program | StateRules) -> str:
    """Return when a late request is accepted, and the paragraph that asks for it."""
    names = {level.id: level.name for level in rules.levels}
    blocks = []
    for one in rules.good_cause:
        at = "; ".join(names[level] for level in one.levels)
        said = [f"{one.says}{_cited(one)}", *(f"Circumstance: {c}" for c in one.circumstances)]
        if one.request:
            said.append(f"To ask for it: “{one.request.replace('{reason}', '[the reason]')}”")
        blocks.append(f"**{_text(at)}**\n\n{_list(said)}")
    return "### When a request is late\n\n" + "\n\n".join(blocks) if blocks else ""


def _standing(rules: Program | StateRules) -> str:
    names = {level.id: level.name for level in rules.levels}
    head = ("At", "Who", "Stage", "May file", "With which document", "In words", "Rule", "Mark")
    return _table(head, [_standing_row(rule, names) for rule in rules.standing])


def _standing_row(rule: Standing, names: dict[str, str]) -> tuple[str, ...]:
    who = ", ".join(wording.FILERS[filer] for filer in rule.when.filers) or "anyone"
    stage = ", ".join(wording.STAGES[stage] for stage in rule.when.stages)
    speed = {True: "expedited", False: "standard", None: ""}[rule.when.expedited]
    may = "yes" if rule.may_file else "no"
    if rule.instead:
        may += f"; instead: {names[rule.instead]}"
    return (
        "; ".join(names[level] for level in rule.levels), who,
        "; ".join(part for part in (stage, speed) if part) or "any", may,
        "; ".join(rule.papers), rule.says, rule.citation, rule.status,
    )  # fmt: skip


def _sources(rules: Program | StateRules) -> str:
    """Return every source of the program, once, with the citations that it supports."""
    named: dict[tuple[str, str, str], list[str]] = {}
    for one in sourced(rules):
        named.setdefault((one.source, one.status, one.verified_on), []).append(one.citation)
    rows = [
        (source, "; ".join(dict.fromkeys(citations)), verified_on, status)
        for (source, status, verified_on), citations in named.items()
    ]
    return _table(("Source", "For", "Checked on", "Mark"), rows)


def _amounts() -> str:
    found = thresholds()
    years = {one.year: one for one in found.years}
    rows = []
    for year in range(min(years), max(years) + 1):
        if year in years:
            one = years[year]
            rows.append((year, f"${one.alj_hearing:,}", f"${one.judicial_review:,}", one.source, one.status))  # fmt: skip
        else:
            rows.append((year, "not known", "not known", "", ""))
    unknown = found.unknown_year
    governs = ", ".join(program(one).name for one in found.governs)
    return (
        "## Amounts in controversy, by the year of filing\n\n"
        f"For {_text(governs)}. Rule: {_text(found.citation)}. The calendar year in which the request "
        "is *filed* decides, not the year of the decision: a window that crosses December 31 has two minimums, "
        "and a request delayed into January must meet the new one. If a year's minimum is not known, it is "
        f"reported as missing, never guessed. Only an amount below the nearest known minimum divided by "
        f"{unknown.times} or above it times {unknown.times} is then decided; for anything between, *file by* is "
        "December 31 of the year before at the latest."
        f"{_cited(unknown)}\n\n"
        + f"{_text(found.together.says)} ({_text(found.together.citation)}; {found.together.status})\n\n"
        + _table(("Year of filing", "ALJ hearing", "Judicial review", "Source", "Mark"), rows)
    )


def _events() -> str:
    """Return the events that interrupted deadlines: what each moves, from when, until when."""
    rows = [
        (_moves(event), _when(event), event.says, event.citation, event.source, event.status)
        for event in events()
    ]
    orders = [
        (", ".join(map(str, one.days)), one.citation, one.source, one.status)
        for event in events()
        for one in event.closed
    ]
    head = ("Moves", "When", "What happened", "Rule", "Source", "Mark")
    return (
        "## Interruptions of clocks\n\n"
        "One file per event in `toolkit/rules/events`. A day on which offices were closed moves the last "
        "day if the level's rule says so; otherwise the last day stays, and *file by* avoids the closed day.\n\n"
        + _table(head, rows)
        + "\nThe known orders, which may not be all:\n\n"
        + _table(("Closed on", "Order", "Source", "Mark"), orders)
    )


def _moves(event: Event) -> str:
    said = []
    for moved in event.moves:
        rules = program(moved.program)
        levels = ", ".join(rules.level(level).name for level in moved.levels)
        only = f" ({moved.process} only)" if moved.process else ""
        said.append(f"{rules.short_name or rules.name}: {levels}{only}")
    return "; ".join(said)


def _when(event: Event) -> str:
    still, off = event.stood_still, event.put_off
    if still:
        return (
            f"days from {still.first} to {still.last} did not count, at most {still.at_most_days} for one "
            f"clock ({still.at_most_days_if_running} for one that ran before)"
        )
    if off:
        return f"last days from {off.first} to {off.last} became {off.until}"
    return "closed on " + ", ".join(str(day) for one in event.closed for day in one.days)


def _others(value: object, told: set[str]) -> Iterable[str]:
    """Return the texts of fields that no table shows."""
    for name in value.__struct_fields__:
        if name not in told:
            for text in _said(getattr(value, name)):
                yield f"{name[0].upper()}{name[1:].replace('_', ' ')}: {text}"


def _said(value: object) -> Iterable[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _said(one)
    elif isinstance(value, dict):
        yield from (f"{key}: {text}" for key, one in value.items() for text in _said(one))
    elif hasattr(value, "says"):
        cited = _cited(value) if isinstance(value, Sourced) else ""
        yield f"{value.says}{cited}"
    elif hasattr(value, "__struct_fields__"):
        parts = [t for name in value.__struct_fields__ for t in _said(getattr(value, name))]
        if parts:
            yield "; ".join(parts)


def _cited(one: Sourced | None) -> str:
    return f" ({one.citation}; {one.status})" if one else ""


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {_text(item)}" for item in items)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], *, escaped: int = 0) -> str:
    """Return a Markdown table; the first `escaped` columns are Markdown already."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [str(c) if place < escaped else _cell(str(c)) for place, c in enumerate(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    """Return text that Markdown shows literally."""
    return " ".join(text.split()).replace("<", "&lt;")


def _anchor(name: str) -> str:
    kept = "".join(c for c in name.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is stale."""
    made = page()
    if "--check" in arguments:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != made
        if stale:
            sys.stderr.write("docs/law.md is out of date: run make law\n")
        return int(stale)
    PAGE.write_text(made, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

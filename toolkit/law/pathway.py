"""The ladder of a program, and the next step of a case."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, Literal

import msgspec

from toolkit.errors import BelowAmountError, RefusedError, RulesError
from toolkit.law.clock import (
    Clock,
    amounts_of,
    barred_categories,
    by_jurisdiction,
    clock_of,
    refusing,
)
from toolkit.law.contract import Contract
from toolkit.law.filing import Deadline, filing_deadline
from toolkit.law.model import (
    STAGES,
    HospitalFilesAs,
    Level,
    Program,
    check_words,
    known_jurisdiction,
    program,
    program_of_remarks,
    programs,
    states,
)


class NextStep(msgspec.Struct, frozen=True, kw_only=True):
    """The next step for a denial, for one distinct combination of facts.

    `state` is file (there is a date), waiting (filed and undecided), nothing_to_file (the case
    moves by itself), no_appeal_right, done (won or withdrawn), or gap (a fact or rule is missing;
    `gap` says which and what to fill in). `runs_from` is the day that the deadline starts with: the
    notice's, or of the last appeal its decision's or its filing's; '' if no day does.
    """

    state: str
    level: str | None = None
    deadline: Deadline | None = None
    standing: str = ""
    gap: str = ""
    why: str = ""
    runs_from: Literal["", "notice", "decision", "filing"] = ""


def next_step(
    program_id: str | None,
    *,
    stage: str = "payment",
    contracted: str | None = None,
    denial_category: str = "",
    nature: str = "",
    notice_date: date | None = None,
    earliest_notice: date | None = None,
    received: date | None = None,
    last_level: str | None = None,
    filed: bool = False,
    outcome: str | None = None,
    filed_on: date | None = None,
    decided_on: date | None = None,
    amount: int | None = None,
    state_window: int | None = None,
    contract: Contract | None = None,
    jurisdiction: str | None = None,
    remarks: Iterable[str] = (),
    initial_payment: bool = False,
) -> NextStep:
    """Return what the hospital has to do next on a denial, or what is missing to determine it.

    `contracted` is 'contracted', 'not_contracted' or None (unknown: contracted where there is a
    `contract`); `last_level`, `filed`, `outcome`, `filed_on` and `decided_on` are the last appeal event on
    file: the next clock starts with its decision, or with its filing where the level's rule says so,
    and after a decision that was missed never with a notice; `earliest_notice` is a day before
    the notice date that somebody may read as it (see `filing_deadline`); `amount` is the whole case's, in
    whole dollars (below zero, nothing is in dispute), and needed where `disputed_at` names a level;
    `jurisdiction` is the state whose law governs the plan; `remarks` are the claim's remark codes: where one of them says
    that a hospital without a contract is paid under the No Surprises Act, open negotiation is next;
    `initial_payment`: nothing was denied, but less than the charge was paid. Never guesses: an unknown
    program, contract status or day comes back as a gap. UsageError for a word that is not one of those
    named.
    """
    found = resolve(
        program_id,
        stage=stage,
        contracted=contracted,
        denial_category=denial_category,
        nature=nature,
        last_level=last_level,
        filed=filed,
        outcome=outcome,
        amount=amount,
        state_window=state_window,
        contract=contract,
        jurisdiction=jurisdiction,
        remarks=remarks,
        initial_payment=initial_payment,
    )
    if isinstance(found, NextStep):
        return found
    day, received, earliest = days_of(
        found,
        notice_date=notice_date,
        received=received,
        earliest_notice=earliest_notice,
        filed_on=filed_on,
        decided_on=decided_on,
    )
    return dated(found, day, received, earliest_notice=earliest)


def days_of(
    clock: Clock,
    *,
    notice_date: date | None,
    received: date | None,
    earliest_notice: date | None,
    filed_on: date | None,
    decided_on: date | None,
) -> tuple[date | None, date | None, date | None]:
    """Return the days a clock depends on: the one that starts it, its receipt, the earliest notice."""
    if clock.source == "notice":
        return notice_date, received, earliest_notice
    return decided_on if clock.source == "decision" else filed_on, None, None


def resolve(
    program_id: str | None,
    *,
    stage: str = "payment",
    contracted: str | None = None,
    denial_category: str = "",
    nature: str = "",
    last_level: str | None = None,
    filed: bool = False,
    outcome: str | None = None,
    amount: int | None = None,
    state_window: int | None = None,
    contract: Contract | None = None,
    jurisdiction: str | None = None,
    remarks: Iterable[str] = (),
    initial_payment: bool = False,
) -> NextStep | Clock:
    """Return the clock of a denial, or its NextStep if no day can change it.

    The facts are those of `next_step`, without the days.
    """
    check_words(contracted=contracted, outcome=outcome)
    if filed and outcome is None:
        why = f"{_level_name(program_id, last_level)}: filed, no decision yet"
        return NextStep(state="waiting", level=last_level, why=why)
    if outcome in ("overturned", "withdrawn"):
        why = f"{_level_name(program_id, last_level)}: {outcome}"
        return NextStep(state="done", level=last_level, why=why)
    act = None
    if contracted != "contracted":
        act = program_of_remarks(program_id, remarks, payment=initial_payment)
    if act and (last_level is None or last_level in {one.id for one in program(act).levels}):
        program_id, contracted = act, "not_contracted"
    if program_id is None:
        return NextStep(
            state="gap",
            gap="program unknown: state it in payers.csv or in the export's plan column",
        )
    if program_id not in programs():
        return NextStep(
            state="gap",
            gap=f"the toolkit has no rules for the program {program_id} yet, so it gives no date",
        )
    if stage not in STAGES:
        gap = f"the stage is not one of {', '.join(STAGES)}: correct it"
        return NextStep(state="gap", gap=gap)
    rules = program(program_id, jurisdiction)
    if (
        contract and contracted is None
    ):  # a hospital that entered the contract's terms is contracted
        contracted = "contracted"
    for rule in rules.no_appeal:
        if denial_category in rule.denial_categories:
            return NextStep(state="no_appeal_right", why=f"{rule.says} ({rule.citation})")
    filer = _filer(rules.hospital_files_as, contracted, stage)
    if filer is None:
        return NextStep(
            state="gap",
            gap=(
                "contract status unknown: it decides whether there is an appeal at all; state it in "
                "payers.csv (contracted yes or no) or in the export"
            ),
        )

    first = _first(rules)
    if first is None:
        gap = f"{rules.name}: there is no appeal pathway in the rules; see what is not modeled"
        return NextStep(state="gap", gap=gap)
    level = _where(rules, first, last_level, filed, outcome, nature)
    if isinstance(level, NextStep):
        return level
    source = "notice" if last_level is None else level.starts_with(outcome)
    filer = _filer(level.hospital_files_as or rules.hospital_files_as, contracted, stage) or filer
    clock = clock_of(
        rules,
        level,
        stage=stage,
        filer=filer,
        source=source,
        amount=amount,
        state_window=state_window,
        contract=contract,
        jurisdiction=jurisdiction,
        last_outcome=outcome,
    )
    return clock if source else dated(clock, None)  # no day starts it


def dated(
    clock: Clock,
    day: date | None,
    received: date | None = None,
    *,
    earliest_notice: date | None = None,
) -> NextStep:
    """Return the NextStep of a clock that starts on `day`: the one that its `source` names.

    `received` and `earliest_notice` belong to a notice; both are those of `filing_deadline`.
    """
    rules = program(clock.program, clock.jurisdiction)
    level = rules.level(clock.level)
    if clock.source and day is None and received is None:
        return NextStep(state="gap", level=level.id, gap=_NO_DAY[clock.source])
    days: dict[str, Any] = {
        "notice_date": day,
        "received": received,
        "earliest_notice": earliest_notice,
    }
    try:
        deadline = filing_deadline(
            clock.program,
            level.id,
            **days,
            stage=clock.stage,
            filer=clock.filer,
            amount=clock.amount,
            state_window=clock.state_window,
            jurisdiction=clock.jurisdiction,
            last_outcome=clock.last_outcome,
        )
    except RefusedError as refused:
        return _refused(rules, level, clock, refused, days)
    who = deadline.standing
    paper = f" Paper: {'; '.join(who.papers)}." if who and who.papers else ""
    return NextStep(
        state="nothing_to_file" if deadline.nothing_to_file else "file",
        level=level.id,
        deadline=deadline,
        standing=f"{who.says}{paper}" if who else "",
        why=_told(deadline),
        runs_from=clock.source or "",
    )


def turns_on(program_id: str | None) -> frozenset[str]:
    """Return which of amount, nature, denial_category, state_window, jurisdiction `next_step` depends on.

    Bulk work leaves the others out of its keys, to keep distinct keys few.
    """
    if program_id not in programs():
        return frozenset()
    rules = program(program_id)
    facts = {
        "amount": bool(amount_levels(program_id)),
        "nature": any(level.after_clinical for level in rules.levels),
        "denial_category": bool(barred_categories(program_id)),
        "state_window": any(rule.state_window for level in rules.levels for rule in level.filing),
        "jurisdiction": by_jurisdiction(program_id),
    }
    return frozenset(name for name, matters in facts.items() if matters)


@cache
def amount_levels(program_id: str | None) -> frozenset[str]:
    """Return the levels of a program whose own rules depend on the amount in dispute."""
    levels = program(program_id).levels if program_id in programs() else ()
    return frozenset(level.id for level in levels if level.asks_amount)


def disputed_at(
    program_id: str | None,
    last_level: str | None,
    outcome: str | None,
    nature: str | None,
    denial_category: str | None,
) -> str | None:
    """Return the level to file next if its own rules depend on the amount in dispute, else None."""
    looks = amount_levels(program_id)
    if not looks:
        return None
    rules = program(program_id)
    if any(denial_category in rule.denial_categories for rule in rules.no_appeal):
        return None
    if last_level is None:
        first = _first(rules)
        following = first.id if first else None
    else:
        level = next((one for one in rules.levels if one.id == last_level), None)
        following = level and _following(level, outcome, nature)
    return following if following in looks else None


@cache
def telling_amounts() -> tuple[int, ...]:
    """Return the whole-dollar amounts at which an answer may change, in order.

    Bulk work asks with the one at or below an amount, so that the distinct keys stay few.
    """
    every = (
        amounts_of(name, one.id, state)
        for name in programs()
        for one in program(name).levels
        for state in (None, *states())
    )
    return tuple(sorted({dollars for amounts in every for dollars in amounts}))


def _filer(ways: HospitalFilesAs, contracted: str | None, stage: str) -> str | None:
    after = ("payment", "concurrent") if ways.concurrent_as_after else ("payment",)
    if ways.before_service and stage not in after:
        return ways.before_service
    if contracted is None and ways.needs_contract_status:
        return None
    return ways.contracted if contracted == "contracted" else ways.not_contracted


def _level_name(program_id: str | None, level_id: str | None) -> str:
    """Return the level's name if the program has it, else the id as the file states it."""
    levels = program(program_id).levels if program_id in programs() else ()
    names = {level.id: level.name for level in levels}
    return (level_id and names.get(level_id, level_id)) or "an appeal whose level is not stated"


def _first(rules: Program) -> Level | None:
    for level in rules.levels:
        if level.place == "ladder":
            return level
    return None


_NO_DAY = {
    "notice": "no notice date: fill in the notice or remittance date",
    "decision": "the date of the last decision is missing: it starts the next clock",
    "filing": "the date of the last filing is missing: it starts the next clock",
}


def _where(
    rules: Program,
    first: Level,
    last_level: str | None,
    filed: bool,
    outcome: str | None,
    nature: str | None,
) -> Level | NextStep:
    """Return the level to file next, or the NextStep that ends the matter."""
    if last_level is None and filed:
        return NextStep(state="gap", gap="an appeal was filed without its level: state the level")
    if last_level is None:
        return first
    on_file = {level.id: level for level in rules.levels}
    if last_level not in on_file:
        gap = f"the level of the last appeal is not one of {rules.name}: correct the level or the program"
        return NextStep(state="gap", gap=gap)
    level = on_file[last_level]
    following = _following(level, outcome, nature)
    if following is None:
        gap = f"{level.name}, {outcome}: no rule on file says what comes next"
        return NextStep(state="gap", level=level.id, gap=gap)
    return on_file[following]


def _following(level: Level, outcome: str | None, nature: str | None) -> str | None:
    """Return the level that follows a decision; a clinical denial may take a different one."""
    clinical = level.after_clinical if nature == "clinical" else {}
    after: dict[str, str] = {**level.after, **clinical}
    return after.get(outcome or "")


def _refused(
    rules: Program,
    level: Level,
    clock: Clock,
    refused: RefusedError,
    days: dict[str, date | None],
) -> NextStep:
    """Return the NextStep for a refusal: no appeal at all, another route, or a gap."""
    rule = refusing(rules, level, clock.stage, clock.filer)
    contract = clock.contract
    if rule and contract and contract.level == (rule.instead or contract.level):
        facts: dict[str, Any] = {"stage": clock.stage, "filer": clock.filer, **days}
        try:
            deadline = filing_deadline(rules.program, contract.level, contract=contract, **facts)
        except (RefusedError, RulesError) as missing:
            needs = (
                "; ".join(getattr(missing, "needs", ())) or "what is missing in the contract's file"
            )
            gap = f"the contract gives no date: {str(missing).rstrip('.')}; fill in: {needs}"
            return NextStep(state="gap", level=contract.level, standing=rule.says, gap=gap)
        return NextStep(
            state="file",
            level=contract.level,
            deadline=deadline,
            standing=rule.says,
            why=_told(deadline),
            runs_from=clock.source or "",
        )
    if rule and rule.instead and rules.level(rule.instead).by_terms:
        gap = f"the law gives no date; fill in: {'; '.join(refused.needs)}"
        return NextStep(
            state="gap", level=rule.instead, standing=rule.says, gap=gap, why=str(refused)
        )
    if rule or isinstance(refused, BelowAmountError) or not refused.needs:
        standing = rule.says if rule else ""
        return NextStep(
            state="no_appeal_right", level=level.id, standing=standing, why=str(refused)
        )
    needs = f"; fill in: {'; '.join(refused.needs)}"
    return NextStep(state="gap", level=level.id, gap=f"{str(refused).rstrip('.')}{needs}")


def _told(deadline: Deadline) -> str:
    """Return the steps of a deadline and the amount it requires in one line, or its warnings if it
    has no steps.
    """
    steps = [f"{step.date.isoformat()}: {step.what} ({step.citation})" for step in deadline.steps]
    return "; ".join((*steps, *deadline.about_amount)) or " ".join(deadline.warnings)


def ladder(program_id: str, jurisdiction: str | None = None) -> tuple[Level, ...]:
    """Return every level of a program in order: the ladder first, then the side clocks.

    In a jurisdiction whose own law is known, its levels replace the program's.
    """
    order = {"before": 0, "ladder": 1, "side": 2}
    rules = program(program_id, known_jurisdiction(jurisdiction))
    return tuple(sorted(rules.levels, key=lambda level: order[level.place]))

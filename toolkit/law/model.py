"""The schema of a program's rules: everything that `rules/programs/*.yaml` may say."""

from collections.abc import Container, Iterable
from datetime import date
from functools import cache
from typing import Any, Literal, get_args

import msgspec
from msgspec.structs import replace

from toolkit.errors import (
    MissingFactError,
    NoRuleError,
    RefusedError,
    RulesError,
    UsageError,
)
from toolkit.rules import RULES, Sourced, load_yaml, names, read, read_csv
from toolkit.rules.words import plain

Stage = Literal["pre_service", "prior_authorization", "payment", "part_b_drug", "concurrent"]
Filer = Literal[
    "enrollee",
    "representative",
    "treating_physician",
    "assignee",
    "contracted_provider",
    "non_contract_provider",
    "network_provider",
]
Outcome = Literal["upheld", "partly_overturned", "dismissed", "missed"]
Care = Literal["not_stated", "authorized", "emergency_1725", "emergency_1728"]
Service = Literal["outpatient_department", "wiser"]
NoCorrespondingDay = Literal["last_day_of_month", "first_of_next_month"]
Process = Literal["federal_hhs", "federal_private", "state"]

STAGES: tuple[str, ...] = get_args(Stage)
OUTCOMES: tuple[str, ...] = get_args(Outcome)
FILERS: tuple[str, ...] = get_args(Filer)
CARE: tuple[str, ...] = get_args(Care)[1:]
SERVICES: tuple[str, ...] = get_args(Service)
PROCESSES: tuple[str, ...] = get_args(Process)
FEDERAL_PROCESSES = tuple(one for one in PROCESSES if one != "state")

STANDARD_REQUEST = "the standard request at this level, without --expedited"

_WORDS = {
    "stage": STAGES,
    "contracted": ("contracted", "not_contracted"),
    "outcome": ("overturned", "withdrawn", *OUTCOMES),
    "filer": FILERS,
    "care": CARE,
    "service": SERVICES,
    "process": PROCESSES,
    "levels": ("one", "two"),
}


def check_words(**given: str | None) -> None:
    """Raise UsageError for a fact of a case whose value is not one that the rules know."""
    for name, word in given.items():
        if word is not None and word not in _WORDS[name]:
            raise UsageError(f"{name}: expected one of {', '.join(_WORDS[name])}")


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a rule file without a citation of its own."""


class Span(_Strict, frozen=True, kw_only=True):
    """A count of time. `first_day_counts`: the day the clock starts is day 1, not day 0."""

    count: int
    unit: Literal["hours", "days", "business_days", "months", "years"]
    first_day_counts: bool = False


class When(_Strict, frozen=True, kw_only=True):
    """The facts of a case that select a rule; facts not named do not matter.

    `not_filers` are excluded; a filer who is unknown is not.
    """

    stages: tuple[Stage, ...] = ()
    filers: tuple[Filer, ...] = ()
    not_filers: tuple[Filer, ...] = ()
    expedited: bool | None = None
    care: tuple[Care, ...] = ()  # on whose authority the VA's veteran was treated

    def holds(
        self, stage: str | None, filer: str | None, expedited: bool, care: str = "not_stated"
    ) -> bool:
        """Return whether the rule covers a case with these facts."""
        return (
            (not self.stages or stage in self.stages)
            and (not self.filers or filer in self.filers)
            and filer not in self.not_filers
            and (self.expedited is None or self.expedited == expedited)
            and (not self.care or care in self.care)
        )


class Presumption(Sourced, frozen=True, kw_only=True):
    """Receipt presumed this many calendar days after the notice date, unless shown otherwise."""

    days: int


class Roll(Sourced, frozen=True, kw_only=True):
    """What happens to a last day that is not a working day.

    `force` says whether the rule on file makes the later day lawful (`law`), or only describes
    what deciders are believed to do (`practice`): that is mentioned, never counted on. `nonworkdays`:
    a day on which an executive order closed federal offices is not a working day either.
    """

    to: Literal["next_working_day", "next_day_neither_weekend_nor_dated_holiday"]
    force: Literal["law", "practice"]
    nonworkdays: bool = False


class Reading(Sourced, frozen=True, kw_only=True):
    """Another defensible reading of the window: `file_by` stays on its safe side."""

    says: str
    window: Span
    starts: Literal["receipt", "notice", "service", "effective"]
    when: When = When()


class Milestone(_Strict, frozen=True, kw_only=True):
    """Something that happens on a counted day of the same clock (day 1 is the notice's date)."""

    day: int
    what: str


class StateWindow(_Strict, frozen=True, kw_only=True):
    """A window that each state chooses for itself, inside these bounds (calendar days)."""

    least: int
    most: int


class Together(Sourced, frozen=True, kw_only=True):
    """When several claims count together toward the amount in dispute; never automatically."""

    says: str


class MinimumAmount(Sourced, frozen=True, kw_only=True):
    """Dollars that must be in dispute for this level; below that the previous decision is final."""

    dollars: int
    together: Together | None = None


class FilingRule(Sourced, frozen=True, kw_only=True):
    """How long there is to file, from when, and what counts as filed.

    One of `window`, `state_window` and `open_ended` (no text gives a last day; its `readings` may
    give a safe one). `opens` is the first safe day of a window that does not
    begin at once, counted like it. `never_before_effective`: the last day is the effective date
    where that is later. `notice` names the notice where it is another one than the level's, and
    `filed_with` whom to ask where that is somebody else. `runs_from` is the day of the level before that
    is this clock's notice: its decision's, or that of its own filing. `after` are the outcomes of the
    level before that this rule alone is for; a rule that names none is for the others.
    """

    applies_from: date
    applies_until: date | None = None
    selected_by: Literal["notice", "service", "effective"] = "notice"
    when: When = When()
    notice: str = ""
    after: tuple[Outcome, ...] = ()
    runs_from: Literal["decision", "filing"] = "decision"
    filed_with: str = ""
    window: Span | None = None
    state_window: StateWindow | None = None
    open_ended: bool = False
    opens: Span | None = None
    never_before_effective: bool = False
    minimum_amount: MinimumAmount | None = None
    starts: Literal["receipt", "notice", "service", "effective"]
    presumption: Presumption | None = None
    no_corresponding_day: NoCorrespondingDay | None = None
    filed_when: Literal["received", "postmarked"]
    by_hour: str | None = None
    roll: Roll | None = None
    readings: tuple[Reading, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    warnings: tuple[str, ...] = ()
    why: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.window) + bool(self.state_window) + self.open_ended != 1:
            raise ValueError("a filing rule has one of window, state_window, open_ended")


def rules_after(rules: Iterable[FilingRule], outcome: str | None) -> tuple[FilingRule, ...]:
    """Return the rules for a filing after this outcome of the level before."""
    kept = tuple(rules)
    return tuple(one for one in kept if outcome in one.after) or tuple(
        one for one in kept if not one.after
    )


class Part(Sourced, frozen=True, kw_only=True):
    """An earlier due date within a decision clock, for some requests, with a mark of its own."""

    due: Span
    says: str


class Meetings(Sourced, frozen=True, kw_only=True):
    """The longest time between two meetings of a board."""

    apart: Span


class DecisionRule(Sourced, frozen=True, kw_only=True):
    """How long the decider has, and the day its clock starts (by default, when it receives the request).

    `days_to_ask_left_out`: the days between the notice and the request do not count.
    `meeting_too_near`: a request that came within this span before a meeting goes to the next one,
    `meetings` says how far off that can be.
    """

    applies_from: date
    applies_until: date | None = None
    when: When = When()
    plan_levels: Literal["one", "two"] | None = None  # of internal appeal that the plan has
    multiemployer: bool | None = None  # a plan whose board decides at its quarterly meetings
    starts: Literal["request", "plan_appeal", "case_file", "selection", "board_meeting"] = "request"
    days_to_ask_left_out: bool = False
    meeting_too_near: Span | None = None
    meetings: Meetings | None = None
    service: Service | None = None  # the kind of service that this clock is for; None: any
    states: tuple[str, ...] = ()  # where it applies, as two letters; none: everywhere
    due: Span
    extension: Span | None = None
    parts: tuple[Part, ...] = ()
    if_missed: str
    says: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.starts == "board_meeting") != bool(self.meetings and self.meeting_too_near):
            raise ValueError(
                "a clock that starts at a board's meeting has meeting_too_near and meetings"
            )


class Effectuation(Sourced, frozen=True, kw_only=True):
    """How long the payer has to carry out a favorable decision."""

    when: When = When()
    within: Span
    says: str


class Automatic(Sourced, frozen=True, kw_only=True):
    """Why a level needs no filing: the case moves by itself."""

    says: str


class Forwarded(Sourced, frozen=True, kw_only=True):
    """After which outcomes of the level before the case comes to this one without a filing."""

    after: tuple[Outcome, ...]
    says: str


class NotExpedited(Sourced, frozen=True, kw_only=True):
    """What can't be expedited: requests at these levels, at these stages, by these filers.

    No stage, or no filer, named means any; `instead` is the level to ask at, where it is another one.
    """

    levels: tuple[str, ...]
    stages: tuple[Stage, ...] = ()
    filers: tuple[Filer, ...] = ()
    instead: str | None = None
    says: str

    def bars(self, level_id: str, stage: str | None, filer: str | None) -> bool:
        """Return whether such a request at the level is barred."""
        return (
            level_id in self.levels
            and (not self.stages or stage in self.stages)
            and (not self.filers or filer in self.filers)
        )


class Floor(_Strict, frozen=True, kw_only=True):
    """The shortest window that federal law lets a state give: a safe day where the state's own rule was not read.

    `filing` says how long every state must give at least; `filed_with` is whom to ask for the rest.
    """

    filed_with: str
    filing: FilingRule
    decision: str


class LevelProcess(Sourced, frozen=True, kw_only=True):
    """One of several processes that a level may go through; where it is not `counted`, no date is given.

    `filed_with` is stated where the request goes to somebody else than in the level's other processes;
    `jurisdictions` are those that have this process and none of their own; `floor` bounds a process
    that each state makes for itself.
    """

    process: Process
    counted: bool = True
    filed_with: str = ""
    needs: tuple[str, ...] = ()
    jurisdictions: tuple[str, ...] = ()
    floor: Floor | None = None
    says: str


class ByTerms(Sourced, frozen=True, kw_only=True):
    """Why the law gives a level no date, and what the hospital must enter to get one."""

    says: str
    needs: tuple[str, ...]


class Standing(Sourced, frozen=True, kw_only=True):
    """Who may file at which levels and stages, and with which papers."""

    levels: tuple[str, ...]
    when: When = When()
    may_file: bool
    papers: tuple[str, ...] = ()
    instead: str | None = None
    says: str


class HospitalFilesAs(_Strict, frozen=True, kw_only=True):
    """Which filer a hospital is on its own claims.

    `before_service` is who files for it while the service is not yet given, where nobody is an
    assignee then; the contract does not matter for that filer. `concurrent_as_after`: during the
    service it files as it does after it.
    """

    contracted: Filer
    not_contracted: Filer
    needs_contract_status: bool
    before_service: Filer | None = None
    concurrent_as_after: bool = False


class Level(_Strict, frozen=True, kw_only=True):
    """One level of appeal, or a side clock beside the ladder.

    `filed_with` is stated where the request goes to somebody else than the decider;
    `hospital_files_as` where the hospital is another filer than elsewhere in the program.
    `always_expedited`: the level is itself the expedited way, so that to ask for it changes nothing.
    `stages` are those that a request at the level can be of; none named: any.
    `jurisdiction` is the state whose law the level is, '' for federal law; nobody writes it: the
    levels of a state's file get it from the file.
    """

    id: str
    name: str
    decider: str
    filed_with: str = ""
    place: Literal[
        "ladder", "side", "before"
    ]  # before: the first decision; side: a clock of its own
    notice: str  # what the clock's notice is called
    always_expedited: bool = False
    stages: tuple[Stage, ...] = ()
    filing: tuple[FilingRule, ...] = ()
    automatic: Automatic | None = None
    by_terms: ByTerms | None = None
    forwarded: Forwarded | None = None
    processes: tuple[LevelProcess, ...] = ()
    decision: tuple[DecisionRule, ...] = ()
    effectuation: tuple[Effectuation, ...] = ()
    amount_in_controversy: Literal["alj_hearing", "judicial_review"] | None = None
    after: dict[Outcome, str] = {}
    after_clinical: dict[Outcome, str] = {}  # where a clinical denial takes another way
    evidence: str = ""
    escalation: str = ""
    hospital_files_as: HospitalFilesAs | None = None
    jurisdiction: str = ""

    def __post_init__(self) -> None:
        ways = bool(self.filing) + bool(self.automatic) + bool(self.by_terms)
        if ways > 1 or (ways == 0 and self.place != "before"):
            raise ValueError(f"{self.id}: has one of filing, automatic, by_terms")
        fast = any(rule.when.expedited for rule in self.decision)
        if fast and any(one.when.expedited is None for one in self.effectuation):
            raise ValueError(
                f"{self.id}: an effectuation says whether it is of expedited decisions"
            )

    def needs_no_filing(self, outcome: str | None) -> bool:
        """Return whether the case moves here by itself after this outcome of the level before."""
        return bool(self.automatic or (self.forwarded and outcome in self.forwarded.after))

    def starts_with(self, outcome: str | None) -> Literal["decision", "filing"] | None:
        """Return which day of the level before starts the clock here; None if no day does.

        A missed decision has no date, so nothing is counted from it.
        """
        rules = rules_after(self.filing, outcome)
        if self.needs_no_filing(outcome):
            return None if outcome == "missed" else "decision"
        if rules and all(one.open_ended and not one.readings for one in rules):
            return None
        return "filing" if any(one.runs_from == "filing" for one in rules) else "decision"

    def check_process(self, process: str | None, jurisdiction: str | None) -> None:
        """Raise RefusedError for a process that is not available in the jurisdiction."""
        for one in self.processes:
            if (
                jurisdiction
                and one.process == process
                and one.jurisdictions
                and jurisdiction not in one.jurisdictions
            ):
                raise RefusedError(
                    f"{self.name}: the process {process} is not available in {jurisdictions()[jurisdiction]}. "
                    f"{one.says} ({one.citation}; mark {one.status})",
                    needs=(
                        "the process of the denial notice",
                        "the same without the jurisdiction, if the plan chose the process itself",
                    ),
                )

    def check_stage(self, stage: str | None) -> None:
        """Raise RefusedError for a stage that no request at this level can have."""
        if stage and self.stages and stage not in self.stages:
            raise RefusedError(
                f"{self.name}: no request at this level can have that stage.",
                needs=(f"a stage that it can have: {', '.join(self.stages)}",),
            )

    @property
    def has_expedited(self) -> bool:
        """Return whether a rule on file covers an expedited request at this level."""
        rules = (*self.filing, *self.decision, *self.effectuation)
        return self.always_expedited or any(rule.when.expedited for rule in rules)

    @property
    def asks_amount(self) -> bool:
        """Return whether a rule of the level depends on the amount in dispute."""
        return bool(self.amount_in_controversy or any(rule.minimum_amount for rule in self.filing))

    def floor_of(self, jurisdiction: str | None) -> LevelProcess | None:
        """Return the process that bounds a jurisdiction whose own law is not on file, or None."""
        if not jurisdiction or self.jurisdiction or self.without_its_own(jurisdiction):
            return None
        return next((one for one in self.processes if one.floor), None)

    def without_its_own(self, jurisdiction: str | None) -> LevelProcess | None:
        """Return the process that a jurisdiction without one of its own uses, or None."""
        return next((one for one in self.processes if jurisdiction in one.jurisdictions), None)


class NoAppeal(Sourced, frozen=True, kw_only=True):
    """A kind of denial for which this program gives no appeal."""

    denial_categories: tuple[str, ...]
    says: str


class DenialNote(Sourced, frozen=True, kw_only=True):
    """A note about a kind of denial under this program, apart from its appeal."""

    denial_categories: tuple[str, ...]
    says: str


class OpenedPayments(Sourced, frozen=True, kw_only=True):
    """Remark codes by which a payment below the charge, not a denial, is under a program.

    Not where one of `unless` stands beside them.
    """

    remarks: tuple[str, ...]
    unless: tuple[str, ...] = ()
    says: str


class OpenedBy(Sourced, frozen=True, kw_only=True):
    """Remark codes by which a payer says that a payment or denial is under this program."""

    remarks: tuple[str, ...]
    says: str
    payments: OpenedPayments | None = None

    def holds(self, remarks: set[str], *, payment: bool = False) -> bool:
        """Return whether these remark codes put a denial, or a payment, under the program."""
        if remarks.intersection(self.remarks):
            return True
        also = self.payments if payment else None
        return bool(also and remarks & {*also.remarks} and not remarks & {*also.unless})


class GoodCause(Sourced, frozen=True, kw_only=True):
    """What it takes to have a late request heard, and the paragraph to ask with.

    `request` holds {reason} where the filer's own words go; it is empty if the law on file
    knows no good cause, and `says` says so.
    """

    levels: tuple[str, ...]
    says: str
    circumstances: tuple[str, ...] = ()
    request: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.request and self.request.count("{reason}") != 1:
            raise ValueError("request holds {reason} once")


class Switch(Sourced, frozen=True, kw_only=True):
    """Something other than a clock that changes on a day, and the fact whose day selects it."""

    applies_from: date
    keyed_to: str
    says: str


class InLetters(_Strict, frozen=True, kw_only=True):
    """The words of a payer's letter that say it is under a program.

    `settle`: the name or number of a form, or words that only this program's notices have. `suggest`: names of
    the program, which say so where no word of another program stands in the letter.
    """

    settle: tuple[str, ...] = ()
    suggest: tuple[str, ...] = ()


class Program(_Strict, frozen=True, kw_only=True):
    """The rules of one program.

    `short_name` is its name where space is short (default: `name`); `also_called` are the words of a
    plan or financial class that state this program and no other. `within` are the programs whose
    claims it may govern, claim by claim: with one of them it is no contradiction, and goes first;
    `opened_by` are the remark codes that say so of a claim.
    """

    program: str
    name: str
    short_name: str = ""
    also_called: tuple[str, ...] = ()
    in_letters: InLetters = InLetters()
    governing_law: str
    hospital_files_as: HospitalFilesAs
    within: tuple[str, ...] = ()
    opened_by: OpenedBy | None = None
    levels: tuple[Level, ...]
    standing: tuple[Standing, ...]
    no_appeal: tuple[NoAppeal, ...] = ()
    not_expedited: tuple[NotExpedited, ...] = ()
    denial_notes: tuple[DenialNote, ...] = ()
    good_cause: tuple[GoodCause, ...] = ()
    switches: tuple[Switch, ...] = ()
    not_modelled: tuple[str, ...]

    def __post_init__(self) -> None:
        ids = [level.id for level in self.levels]
        named = {
            target
            for level in self.levels
            for target in (*level.after.values(), *level.after_clinical.values())
        }
        of_levels = (*self.standing, *self.good_cause, *self.not_expedited)
        named |= {one for rule in of_levels for one in rule.levels}
        ways = (*self.standing, *self.not_expedited)
        named |= {rule.instead for rule in ways if rule.instead}
        if len(set(ids)) < len(ids) or named - set(ids):
            raise ValueError(
                f"levels are listed twice or are not on file: {sorted(named - set(ids))}"
            )

    def check_expedited(
        self, level: Level, stage: str | None, filer: str | None, expedited: bool
    ) -> None:
        """Raise RefusedError, with what to do instead, for a request that can't be expedited."""
        if not (expedited or level.always_expedited):
            return
        for one in self.not_expedited:
            if one.bars(level.id, stage, filer):
                elsewhere = one.instead not in (None, level.id)
                way = f"the level {one.instead}" if elsewhere else STANDARD_REQUEST
                why = f"{one.says} ({one.citation}; mark {one.status})"
                raise RefusedError(f"{level.name}: {why}", needs=(way,))
        if not level.has_expedited:
            raise RefusedError(
                f"{level.name}: cannot be expedited: no rule on file "
                "covers an expedited request at this level.",
                needs=(STANDARD_REQUEST,),
            )

    def check_stage_to_expedite(self, level: Level, filer: str | None) -> None:
        """Raise MissingFactError if the stage decides whether a request can be expedited and is unknown.

        For requests that the standard clock answers: an expedited clock of its own says whose it is.
        """
        can = [one for one in STAGES if not self._bars(level, one, filer)]
        if len(can) < len(STAGES):
            raise MissingFactError(
                f"{level.name}: whether this request can be expedited depends on the stage.",
                needs=(f"the stage: {', '.join(can)}", STANDARD_REQUEST),
            )

    def _bars(self, level: Level, stage: str, filer: str | None) -> bool:
        return any(one.bars(level.id, stage, filer) for one in self.not_expedited)

    def level(self, level_id: str) -> Level:
        """Return the level; refuse an unknown one and list those on file."""
        for level in self.levels:
            if level.id == level_id:
                return level
        on_file = ", ".join(level.id for level in self.levels)
        raise NoRuleError(
            f"{self.name} has no level of that name.",
            needs=(f"a level of {self.program}: {on_file}",),
        )


class StateRules(_Strict, frozen=True, kw_only=True):
    """The state law that replaces a program's rules: whole levels, and who may file there.

    For these levels the state's rules replace all of the program's.
    """

    program: str
    governing_law: str
    levels: tuple[Level, ...]
    standing: tuple[Standing, ...]
    not_expedited: tuple[NotExpedited, ...] = ()
    good_cause: tuple[GoodCause, ...] = ()
    not_modelled: tuple[str, ...]

    def over(self, rules: Program, jurisdiction: str) -> Program:
        """Return the program's rules with the state's levels replacing its own."""
        known = {one.id: one for one in rules.levels}
        own = {one.id: _with_the_rest(one, known.get(one.id), jurisdiction) for one in self.levels}
        if set(own) - set(known):
            raise ValueError(f"states a level that {rules.program} does not have")
        named = {
            one
            for rule in (*self.standing, *self.not_expedited, *self.good_cause)
            for one in rule.levels
        }
        if named - set(own):
            raise ValueError("says who may file, or how, at a level that it does not define")
        return replace(
            rules,
            governing_law=f"{self.governing_law}; {rules.governing_law}",
            levels=tuple(own.get(one.id, one) for one in rules.levels),
            standing=(*self.standing, *_elsewhere(rules.standing, own)),
            not_expedited=(*self.not_expedited, *_elsewhere(rules.not_expedited, own)),
            good_cause=(*self.good_cause, *_elsewhere(rules.good_cause, own)),
            not_modelled=(*self.not_modelled, *rules.not_modelled),
        )


def _with_the_rest(own: Level, of_program: Level | None, jurisdiction: str) -> Level:
    """Return a state's level, with the program's rules for outcomes that the state does not cover."""
    said = {outcome for rule in own.filing for outcome in rule.after}
    rest = [one for one in (of_program.filing if of_program else ()) if set(one.after) - said]
    return replace(own, jurisdiction=jurisdiction, filing=(*own.filing, *rest))


def _elsewhere(entries: Iterable[Any], levels: Container[str]) -> tuple[Any, ...]:
    """Return what a program says about other levels than these."""
    kept = ((one, tuple(at for at in one.levels if at not in levels)) for one in entries)
    return tuple(replace(one, levels=others) for one, others in kept if others)


class State(_Strict, frozen=True, kw_only=True):
    """A state's own law: one file of `rules/states`, named by the state's two letters."""

    jurisdiction: str
    name: str
    programs: tuple[StateRules, ...]


class _Code(_Strict, frozen=True, kw_only=True):
    code: str
    name: str


@cache
def jurisdictions() -> dict[str, str]:
    """Return the states, DC and the territories, by their two letters, with their names."""
    return {one.code: one.name for one in read_csv(RULES / "states" / "codes.csv", _Code)}


def known_jurisdiction(text: str | None, what: str = "the jurisdiction") -> str | None:
    """Return a jurisdiction's two letters in capitals, None for none; raises UsageError if there is no such one."""
    found = (text or "").strip().upper() or None
    if found and found not in jurisdictions():
        raise UsageError(
            f"{what} is the two letters of a state, of DC or of a territory, such as NY"
        )
    return found


@cache
def states() -> dict[str, State]:
    """Return the states whose own law is on file, by their two letters."""
    return {one.jurisdiction: one for one in map(_state, names("states"))}


@cache
def _state(name: str) -> State:
    path = RULES / "states" / f"{name}.yaml"
    found = read(path, State)
    if found.jurisdiction.lower() != name or found.jurisdiction not in jurisdictions():
        raise RulesError(
            f"rules/states/{name}.yaml: jurisdiction is not the state of the file's name"
        )
    for own in found.programs:
        if own.program not in programs():
            raise RulesError(f"rules/states/{name}.yaml: one of its programs is not on file")
        try:
            own.over(program(own.program), found.jurisdiction)
        except ValueError as error:
            raise RulesError(f"rules/states/{name}.yaml, {own.program}: {error}") from None
    return found


def state_rules(program_id: str, jurisdiction: str | None) -> StateRules | None:
    """Return the state's own rules for a program's levels; None if none are on file."""
    name = (jurisdiction or "").lower()
    own = _state(name).programs if name in names("states") else ()
    return next((one for one in own if one.program == program_id), None)


def programs() -> tuple[str, ...]:
    """Return the ids of the programs that have rules."""
    return names("programs")


@cache
def program(program_id: str, jurisdiction: str | None = None) -> Program:
    """Return one program's rules, with those of the jurisdiction's own law; refuse an unknown program."""
    if jurisdiction:
        rules, own = program(program_id), state_rules(program_id, jurisdiction)
        return own.over(rules, jurisdiction) if own else rules
    if program_id not in programs():
        raise NoRuleError(
            "no rules are on file for this program.",
            needs=(f"a program on file: {', '.join(programs())}",),
        )
    found = read(RULES / "programs" / f"{program_id}.yaml", Program)
    if found.program != program_id:
        raise NoRuleError("the program's file names a different program inside.")
    if any(level.jurisdiction for level in found.levels):
        raise RulesError(
            f"rules/programs/{program_id}.yaml: a state's law is a file of rules/states"
        )
    return found


class OnFile(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one file: a program's own, or a state's for that program."""

    program: str
    jurisdiction: str = ""
    rules: Program | StateRules

    @property
    def id(self) -> str:
        """The program's id, with the state in parentheses."""
        return f"{self.program} ({self.jurisdiction})" if self.jurisdiction else self.program


def on_file() -> tuple[OnFile, ...]:
    """Return every rule file: the programs' own first, then the states'."""
    own = [OnFile(program=name, rules=program(name)) for name in programs()]
    of_states = [
        OnFile(program=rules.program, jurisdiction=state.jurisdiction, rules=rules)
        for state in states().values()
        for rules in state.programs
    ]
    return (*own, *of_states)


def narrowest(stated: Iterable[str]) -> set[str]:
    """Return the programs, without those within which another of them governs the claim."""
    named = set(stated)
    wider = {one for name in named & set(programs()) for one in program(name).within}
    return named - wider


@cache
def opening_remarks() -> frozenset[str]:
    """Return the remark codes that decide whether a claim or payment is under another program."""
    opened = [one for name in programs() if (one := program(name).opened_by)]
    codes = {code for one in opened for code in one.remarks}
    for one in opened:
        if one.payments:
            codes |= {*one.payments.remarks, *one.payments.unless}
    return frozenset(codes)


def program_of_remarks(
    program_id: str | None, remarks: Iterable[str], *, payment: bool = False
) -> str | None:
    """Return the program that a remark code puts a claim of this program under, or None.

    A claim whose program is not known may be under any. `payment`: nothing was denied, but less than
    the charge was paid.
    """
    found = set(remarks)
    for name in programs() if found else ():
        rules = program(name)
        inside = program_id in (None, name) or program_id in rules.within
        if inside and rules.opened_by and rules.opened_by.holds(found, payment=payment):
            return name
    return None


class LevelName(msgspec.Struct, frozen=True, kw_only=True):
    """A level's id and its name."""

    id: str
    name: str


class ProgramName(msgspec.Struct, frozen=True, kw_only=True):
    """The names of a program and its levels, without their rules."""

    program: str
    name: str
    short_name: str = ""
    also_called: tuple[str, ...] = ()
    in_letters: InLetters = InLetters()
    levels: tuple[LevelName, ...]

    @property
    def short(self) -> str:
        """The name where space is short."""
        return self.short_name or self.name

    @property
    def words(self) -> tuple[str, ...]:
        """All names of the program, its own first."""
        return tuple(filter(None, (self.name, self.short_name, *self.also_called)))


@cache
def program_names() -> tuple[ProgramName, ...]:
    """Return the names of every program that has rules, by id."""
    folder = RULES / "programs"
    return tuple(
        msgspec.convert(load_yaml(folder / f"{one}.yaml"), ProgramName) for one in programs()
    )


@cache
def _named() -> dict[str, str]:
    found: dict[str, str] = {}
    for one in program_names():
        for word in (one.program, *one.words):
            if found.setdefault(plain(word), one.program) != one.program:
                raise RulesError(f"rules/programs: {word!r} names two programs")
    return found


def program_named(text: str) -> str | None:
    """Return the id of the program that an id, a name or another spelling refers to, or None.

    Case, spaces and punctuation do not matter.
    """
    return text if text in programs() else _named().get(plain(text))

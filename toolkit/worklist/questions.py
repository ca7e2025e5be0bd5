"""The questions that bulk work asks: once per distinct key, in plain Python, whatever holds the rows.

Every engine asks these of its distinct keys; none says anything of the law, the codes or the payers
again. A question remembers what it was asked, so that the next part of a big
file asks only what is new.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from toolkit.claims.tables import Kind
from toolkit.denials import classify, rank
from toolkit.denials.second_look import second_look
from toolkit.errors import ToolkitError
from toolkit.history.states import Happened, Standing, fold
from toolkit.hospital import Hospital
from toolkit.law import Clock, NextStep, dated, days_of, decision_due, resolve, ways
from toolkit.law import program as rules_of
from toolkit.law.filing import FIRST_DAY, LAST_DAY
from toolkit.worklist.table import answers_of

# What a remembered answer may cost: past this many keys the oldest are forgotten.
_REMEMBERED = 150_000

# Fewer days than this left to file are this week's.
SOON = 7


@dataclass(frozen=True, eq=False)
class Question:
    """A plain-Python question: the facts it is asked, the kinds of its answers, and who answers.

    `keys` are names of facts, `answers` names with their kind (see `toolkit.claims.tables.DTYPES`).
    Called with the keys as keywords (missing is None, dates are `date`) it returns a dict.
    """

    keys: tuple[str, ...]
    answers: dict[str, Kind]
    of: Callable[..., dict[str, Any]]
    known: dict[tuple, dict[str, Any]] = field(default_factory=dict, repr=False)

    def __call__(self, **facts: Any) -> dict[str, Any]:
        """Return the answer to one combination of facts, asked once."""
        key = tuple(map(facts.get, self.keys))
        answer = self.known.get(key)
        if answer is None:
            if len(self.known) >= _REMEMBERED:
                del self.known[next(iter(self.known))]
            answer = self.known[key] = self.of(**dict(zip(self.keys, key, strict=True)))
        return answer


def payer_question(hospital: Hospital) -> Question:
    """Return the question which program a claim is under, and whether the hospital is contracted."""

    def of(
        claim_filing_indicator, program, contracted, payer_id, payer_name, plan_name, entered=None
    ):
        found = hospital.payer_book.answer(
            indicator=claim_filing_indicator,
            stated_program=program,
            stated_contracted=contracted,
            payer_id=payer_id,
            payer_name=payer_name,
            plan_name=plan_name,
            entered=entered,
        )
        return {
            "program": found.program,
            "program_from": found.program_from,
            "contracted": found.contracted,
            "contracted_from": found.contracted_from,
            "program_gap": found.gap,
            "state_window": found.state_window,
            "jurisdiction": found.jurisdiction,
        }

    keys = (
        "claim_filing_indicator",
        "program",
        "contracted",
        "payer_id",
        "payer_name",
        "plan_name",
        "entered",
    )
    answers = answers_of("payer", program_gap="text", jurisdiction="text", state_window="count")
    return Question(keys, answers, of)


def code_question() -> Question:
    """Return the question what one adjustment is: its category, reason, route, and what is odd of it.

    `text` is normalized (`toolkit.denials.normalize_text`); `rank` orders categories.
    """

    def of(group_code, carc, rarcs, text, program, unpaid_alone):
        given = {"group_code": group_code, "carc": carc, "text": text, "program": program}
        denial = classify(
            group_code,
            carc,
            tuple((rarcs or "").split()),
            text=text,
            program=program,
            unpaid_alone=bool(unpaid_alone),
        )
        looks = second_look(denial, rarcs=rarcs or "", **given)
        names = denial.__struct_fields__
        answer = {name: getattr(denial, name) for name in names if name != "warnings"}
        answer["second_look"] = " ".join(look.id for look in looks)
        return answer | {"rank": rank(denial.denial_category)}

    keys = ("group_code", "carc", "rarcs", "text", "program", "unpaid_alone")
    answers = answers_of("code", why_not="text", appealable="flag", is_denial="flag", rank="count")
    return Question(keys, answers, of)


def contract_question(hospital: Hospital) -> Question:
    """Return the question which contract binds a claim: its place in `hospital.contracts`, or None."""

    def of(program, payer_id, payer_name, plan_name):
        found = hospital.contract(program, payer_id, payer_name, plan_name)
        return {"contract": hospital.contracts.index(found) if found else None}

    return Question(("program", "payer_id", "payer_name", "plan_name"), {"contract": "count"}, of)


class Steps:
    """What a denial needs next, asked in three: which clock, what it says of a day, and of the row.

    What is found is numbered, so that each question is remembered by few and plain facts. `clock` is
    asked once per facts without days, `dated` once per clock and its days, `answer` once per step and
    what else the row says of it.
    """

    def __init__(self, hospital: Hospital, *, as_of: date) -> None:
        self._hospital, self._as_of = hospital, as_of
        self.forget()

    def forget(self) -> None:
        """Begin anew: no number that was given means anything any more."""
        self._found: list[NextStep | Clock] = []
        self._clocks: dict[Clock, int] = {}
        self._resolved: dict[tuple, int] = {}
        self._dated: dict[tuple, int] = {}
        self._refusals: dict[int, int] = {}
        self.clock = Question(CLOCK_FACTS, {"clock": "count", "starts": "text"}, self._of_facts)
        self.dated = Question(
            ("clock", "day", "received", "earliest_notice"), {"step": "count"}, self._of_day
        )
        answers = answers_of("step", from_decision="flag", from_filing="flag", by_contract="flag")
        keys = ("step", "why_not", "closed", "program_gap")
        self.answer = Question(keys, answers, self._of_row)

    @property
    def size(self) -> int:
        """How many clocks and steps are kept."""
        return len(self._found)

    def next(self, facts: dict[str, Any], **days: date | None) -> int:
        """Return the number of what `toolkit.law.next_step` returns, remembered for single cases.

        `contract` is a place in `hospital.contracts`.
        """
        if self.size >= _REMEMBERED:
            self.forget()
        key = tuple(facts.values())
        number = self._resolved.get(key)
        if number is None:
            number = self._resolved[key] = self._resolve(**facts)
        clock = self._found[number]
        if isinstance(clock, NextStep):
            return number
        place = (number, *days_of(clock, **days))
        step = self._dated.get(place)
        if step is None:
            step = self._dated[place] = self._of_day(*place)["step"]
        return step

    def _resolve(self, contract, remarks=None, initial_payment=None, **facts) -> int:
        found = resolve(
            **facts,
            contract=None if contract is None else self._hospital.contracts[contract],
            remarks=tuple((remarks or "").split()),
            initial_payment=bool(initial_payment),
        )
        if isinstance(found, NextStep):
            return self._kept(found)
        if found not in self._clocks:
            self._clocks[found] = self._kept(found)
        return self._clocks[found]

    def _kept(self, found: NextStep | Clock) -> int:
        self._found.append(found)
        return self.size - 1

    def _of_facts(self, program, **facts) -> dict[str, Any]:
        number = self._resolve(program_id=program, **facts)
        found = self._found[number]
        return {"clock": number, "starts": None if isinstance(found, NextStep) else found.source}

    def _of_day(self, clock, day, received, earliest_notice) -> dict[str, Any]:
        found = self._found[clock]
        if isinstance(found, NextStep):
            return {"step": clock}
        given = [one for one in (day, received, earliest_notice) if one]
        plain = day is not None and (received is None or received >= day)
        plain = plain and all(FIRST_DAY <= one <= LAST_DAY for one in given)
        if plain and clock in self._refusals:
            return {"step": self._refusals[clock]}
        step = dated(found, day, received, earliest_notice=earliest_notice)
        number = self._kept(step)
        if plain and step.deadline is None and found.contract is None and not ways(found):
            self._refusals[clock] = number  # whatever the day
        return {"step": number}

    def _of_row(self, step, why_not, closed, program_gap) -> dict[str, Any]:
        return step_answer(
            self._found[step],
            why_not=why_not,
            closed=bool(closed),
            gap=program_gap,
            as_of=self._as_of,
        )


# The facts without days that decide which clock a denial runs on, or that it runs on none.
CLOCK_FACTS = (
    "program", "stage", "contracted", "denial_category", "nature", "last_level", "filed", "outcome",
    "amount", "state_window", "jurisdiction", "contract", "remarks", "initial_payment",
)  # fmt: skip
_DAYS = ("notice_date", "notice_received", "earliest_notice", "filed_on", "decided_on")


def step_question(hospital: Hospital, *, as_of: date) -> Question:
    """Return the question what a denial needs next, by when, and how it stands on the day `as_of`.

    `why_not` is the classification's where the denial cannot be appealed, else None; `closed` where
    the hospital's own system calls the case closed; `gap` what the payer facts lack; `earliest_notice`
    a day before the notice date that somebody may read as the notice: `file_by` is counted from it,
    `last_filing_date` from the notice date. In the answer
    `from_decision` says that the last decision started the clock, `from_filing` that the filing of that
    appeal did, and `by_contract` that an appeal goes by the contract's own terms. `due` is one of `toolkit.worklist.DUE`.
    Bulk work asks the three questions of `Steps`, which this one puts together.
    """
    steps = Steps(hospital, as_of=as_of)

    def of(
        program, contract, notice_date, notice_received, why_not, closed, program_gap,
        earliest_notice=None, filed_on=None, decided_on=None, **facts,
    ):  # fmt: skip
        step = steps.next(
            {"program_id": program, "contract": contract, **facts},
            notice_date=notice_date,
            received=notice_received,
            earliest_notice=earliest_notice,
            filed_on=filed_on,
            decided_on=decided_on,
        )
        gap = program_gap if program is None else None
        return steps.answer.of(step, why_not, closed, gap)

    keys = (*CLOCK_FACTS, *_DAYS, "why_not", "closed", "program_gap")
    return Question(keys, steps.answer.answers, of)


def step_answer(
    found: NextStep,
    *,
    why_not: str | None,
    closed: bool,
    gap: str | None,
    as_of: date,
) -> dict[str, Any]:
    """Return the answer to a step question, given what the law says next.

    `gap` is what the payer facts lack where they give no program.
    """
    deadline = found.deadline
    closed = closed or found.state == "done"
    waiting = found.state == "waiting"
    barred = why_not is not None and not waiting and not closed
    state = "no_appeal_right" if barred else found.state
    dated = deadline if state == "file" and not closed else None
    ruled = dated or (deadline if state == "nothing_to_file" else None)
    file_by = dated.file_by if dated else None
    last = dated.last_filing_date if dated else None
    return {
        "level": found.level,
        "last_filing_date": last,
        "file_by": file_by,
        "filed_when": ruled.filed_when if ruled else None,
        "citation": ruled.citation if ruled else None,
        "rule_status": ruled.status if ruled else None,
        "standing": found.standing,
        "gap": "" if barred else gap if gap and found.gap else found.gap,
        "why": why_not if barred else found.why,
        "appealable": state != "no_appeal_right",
        "days_left": (file_by - as_of).days if file_by else None,
        "due": "closed" if closed else due_of(state, last, file_by, as_of),
        "from_decision": found.runs_from == "decision",
        "from_filing": found.runs_from == "filing",
        "by_contract": found.level == "contract_dispute",
    }


def state_question() -> Question:
    """Return the question what stands of a denial after its appeals, and when a decision is due.

    `standing` is what its claim's decisions leave (`toolkit.history`), `filed` and `outcome` the last
    appeal, `closed` the hospital's own system, `written_off` what a person recorded, `requested` the
    day on which an appeal that waits was received, or else filed. `state_from` says what decided:
    decision, appeal, case_status or recorded; `waits` when a decision is due and what to do if it is
    missed, or why no day is known.
    """

    def of(
        standing,
        filed,
        outcome,
        closed,
        written_off,
        program,
        level,
        stage,
        requested,
        received=False,
        jurisdiction=None,
    ):
        events = [(Happened(event="appeal_filed"), "appeal")] if filed else []
        events += [(Happened(event="appeal_decided", outcome=outcome), "appeal")] if outcome else []
        events += [(Happened(event="closed"), "case_status")] if closed else []
        events += [(Happened(event="closed"), "recorded")] if written_off else []
        now = fold([event for event, _ in events], start=Standing(standing, True))
        decided_by = events[now.decided_by][1] if now.decided_by >= 0 else "decision"
        due, waits = None, ""
        if now.state == "awaiting_decision":
            due, waits = _decided_until(
                program, level, stage, requested, received=bool(received), jurisdiction=jurisdiction
            )
        return {"state": now.state, "state_from": decided_by, "decision_due": due, "waits": waits}

    keys = (
        "standing", "filed", "outcome", "closed", "written_off", "program", "level", "stage",
        "requested", "received", "jurisdiction",
    )  # fmt: skip
    return Question(keys, answers_of("state", waits="text"), of)


def _decided_until(
    program: str | None,
    level: str | None,
    stage: str | None,
    requested: date | None,
    *,
    received: bool,
    jurisdiction: str | None,
) -> tuple[date | None, str]:
    """Return the day on which the decision is due, and that in words.

    Without `received` the day is that of filing: it starts no clock of a decider with whom the appeal
    is not filed, such as a review organization.
    """
    if program is None or level is None or requested is None:
        known = {"program": program, "level": level, "day of filing": requested}
        missing = [name for name, fact in known.items() if fact is None]
        return None, f"when its decision is due is not known: {' and '.join(missing)} missing"
    try:
        rules = rules_of(program, jurisdiction).level(level)
        if not received and rules.filed_with not in (None, "", rules.decider):
            return None, (
                f"when its decision is due is not known: the clock starts when {rules.decider} receives "
                "it; record that day (toolkit record --event received)"
            )
        found = decision_due(
            program, level, request_received=requested, stage=stage, jurisdiction=jurisdiction
        )
    except ToolkitError as error:
        return None, f"when its decision is due is not known: {error}"
    said = (
        f"decision due {found.decision_due} ({found.citation}); if it is missed: {found.if_missed}"
    )
    return found.decision_due, said


def due_of(state: str, last: date | None, file_by: date | None, as_of: date) -> str:
    """Return the due state of an open case (see `toolkit.worklist.DUE`)."""
    named = {"waiting": "awaiting_decision", "gap": "no_date"}
    if state != "file":
        return named.get(state, state)
    if last is not None and last < as_of:
        return "overdue"
    if file_by is not None and file_by < as_of:
        return "past_safe_date"
    if file_by is not None and (file_by - as_of).days < SOON:
        return "due_this_week"
    return "due_later"

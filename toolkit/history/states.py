"""What stands after each event: the decision table of `rules/history/states.yaml`, asked in plain Python."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Literal

import msgspec

from toolkit.rules import RULES, read

EventKind = Literal[
    "billed", "adjudicated", "reversed", "corrected", "paid", "resubmitted", "duplicate_of",
    "forwarded", "appeal_filed", "appeal_decided", "records_sent", "taken_back", "closed", "noted",
]  # fmt: skip


Flag = Literal["yes", "no"]


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a claim line, as far as the decision table looks at it.

    `target` says of a reversal that it takes back the decision that stands; `outcome` is an appeal's.
    """

    event: EventKind
    denies: bool = False
    pays: bool = False
    target: bool = False
    outcome: str = ""


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a step asks of the event and of the line before it; None asks nothing."""

    denies: Flag | None = None
    pays: Flag | None = None
    denied: Flag | None = None
    target: Flag | None = None
    before: tuple[str, ...] | None = None
    outcome: tuple[str, ...] | None = None


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One state of a line: what it means, and whether something is left to do."""

    says: str
    is_open: Flag


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row of the decision table: for which event, when, and the state from then on."""

    id: str
    event: tuple[EventKind, ...] | EventKind
    says: str
    when: When = When()
    state: str | None = None
    keeps: Flag = "no"

    def fits(self, state: str, denied: bool, happened: Happened) -> bool:
        """Return whether the step is about this event of a line in this state."""
        events = (self.event,) if isinstance(self.event, str) else self.event
        when = self.when
        return happened.event in events and all(
            (
                _agrees(when.denies, happened.denies),
                _agrees(when.pays, happened.pays),
                _agrees(when.target, happened.target),
                _agrees(when.denied, denied),
                when.before is None or state in when.before,
                when.outcome is None or happened.outcome in when.outcome,
            )
        )


def _agrees(asked: Flag | None, is_so: bool) -> bool:
    return asked is None or (asked == "yes") == is_so


class SentOn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What says that a decided claim was sent on to another payer."""

    statuses: tuple[str, ...]
    remarks: tuple[str, ...]
    mark: Literal["V", "V2", "M"]
    source: str


class SameDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far apart two statements of one decision may be, where their codes differ."""

    days: int
    mark: Literal["V", "V2", "M"]
    source: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The states that there are, and the steps that lead to them."""

    states: dict[str, State]
    sent_on: SentOn
    same_decision: SameDecision
    steps: tuple[Step, ...]


class Standing(msgspec.Struct, frozen=True):
    """What stands of a line: its state, whether it was ever denied, and which event decided.

    `decided_by` is the place of that event in what was given, -1 for none; `because` the step.
    """

    state: str = ""
    denied: bool = False
    decided_by: int = -1
    because: str = ""


@cache
def table() -> Table:
    """Return the decision table."""
    return read(RULES / "history" / "states.yaml", Table)


@cache
def open_states() -> frozenset[str]:
    """Return the states in which something is left to do."""
    return frozenset(name for name, state in table().states.items() if state.is_open == "yes")


def same_decision() -> SameDecision:
    """Return how far apart two statements of one decision may be, where their codes differ."""
    return table().same_decision


def sent_on() -> SentOn:
    """Return what says that a decided claim was sent on to another payer."""
    return table().sent_on


@lru_cache(maxsize=4096)
def step_of(state: str, denied: bool, happened: Happened, steps: tuple[Step, ...]) -> Step | None:
    """Return the step that an event takes; None if nothing changes."""
    return next((step for step in steps if step.fits(state, denied, happened)), None)


def fold(
    events: Iterable[Happened],
    *,
    start: Standing | None = None,
    steps: tuple[Step, ...] | None = None,
) -> Standing:
    """Return what stands after these events, in their order; default: by the table of the rules."""
    now = start or Standing()
    steps = table().steps if steps is None else steps
    for at, happened in enumerate(events):
        step = step_of(now.state, now.denied, happened, steps)
        denied = now.denied or happened.denies
        if step is None or step.state is None:
            now = Standing(now.state, denied, now.decided_by, now.because)
        else:
            now = Standing(step.state, denied, at, step.id)
    return now

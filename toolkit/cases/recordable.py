"""Which events can be recorded: those of `rules/history/events.yaml`."""

from functools import cache

import msgspec

from toolkit.history.states import EventKind, Flag
from toolkit.rules import RULES, read

FIELDS = ("level", "outcome", "amount", "proof")


class EventRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One event that can be recorded: what it means, and the fields of its entry."""

    says: str
    history: EventKind
    needs: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    before: Flag = "no"
    after: str | None = None

    def __post_init__(self) -> None:
        if unknown := {*self.needs, *self.allows} - set(FIELDS):
            raise ValueError(f"has no field {sorted(unknown)}")


class EventRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The events that can be recorded, by id, and the outcomes of a decision."""

    events: dict[str, EventRule]
    outcomes: tuple[str, ...]


@cache
def event_rules() -> EventRules:
    """Return the events that can be recorded."""
    return read(RULES / "history" / "events.yaml", EventRules)

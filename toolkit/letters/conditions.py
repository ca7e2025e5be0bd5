"""Conditions on facts, as clauses, criteria and standing rules write them.

    fact                    the fact is known
    not fact                it is unknown
    fact = value            it is known and has this value
    fact != value           it is unknown or has another value
    fact in one, other      it is known and has one of these values

Terms are joined by `and`. Nothing else is understood, on purpose.
"""

import re
from collections.abc import Mapping

import msgspec

_TERM = re.compile(
    r"(?P<not>not )?(?P<fact>[a-z][a-z0-9_]*)(?: (?P<how>=|!=|in) (?P<values>[^=]+))?\Z"
)


class Term(msgspec.Struct, frozen=True):
    """One test of one fact."""

    fact: str
    how: str  # known, unknown, =, !=, in
    values: tuple[str, ...] = ()


Condition = tuple[Term, ...]


def parse(text: str) -> Condition:
    """Return the condition's terms; raises ValueError on a word that is not understood."""
    return tuple(_term(part.strip()) for part in text.split(" and ")) if text.strip() else ()


def _term(text: str) -> Term:
    match = _TERM.match(text)
    if not match or (match["not"] and match["how"]):
        raise ValueError(f"the condition {text!r} is not understood")
    if not match["how"]:
        return Term(match["fact"], "unknown" if match["not"] else "known")
    values = tuple(value.strip() for value in match["values"].split(","))
    if match["how"] != "in" and len(values) > 1:
        raise ValueError(f"the condition {text!r} names several values")
    return Term(match["fact"], match["how"], values)


def holds(condition: Condition, values: Mapping[str, object]) -> bool:
    """Say whether every term is true of these values."""
    return all(_true(term, values.get(term.fact)) for term in condition)


def _true(term: Term, value: object) -> bool:
    if term.how == "known":
        return value is not None
    if term.how == "unknown":
        return value is None
    if term.how == "!=":
        return value not in term.values
    return value in term.values


def facts(condition: Condition) -> tuple[str, ...]:
    """Return the facts that the condition asks about."""
    return tuple(term.fact for term in condition)

"""Conditions on facts, as clauses, criteria and coherence rules write them.

    fact                    the fact is known
    not fact                it is unknown
    fact = value            it is known and has this value
    fact != value           it is unknown or has another value
    fact in one, other      it is known and has one of these values
    fact begins one, other  it is known and begins with one of these (a diagnosis code with its category)
    fact < other            both are known, and the first lies before the second, or is less; also
                            <=, > and >=; `other` is a fact, a number or an ISO date

Terms are joined by `and`. Where one of several is enough they stand in parentheses, joined by `or`:
`stage = payment and (filer = enrollee or filer = representative)`. Nothing else is understood, on
purpose.

A clause asks whether a condition holds: what is unknown does not. A criterion asks for a judgment of
three values: a term about a fact that is unknown is neither true nor false.
"""

import operator
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

import msgspec

from toolkit.letters import three_valued

_NAME = r"[a-z][a-z0-9_]*"
_TERM = re.compile(
    rf"(?P<not>not )?(?P<fact>{_NAME})(?: (?P<how>=|!=|<=|>=|<|>|in|begins) (?P<values>[^=<>]+))?\Z"
)
_GROUP = re.compile(r"\(([^()]*)\)\Z")
_AND = re.compile(r" and (?![^()]*\))")
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Term(msgspec.Struct, frozen=True):
    """One test of one fact."""

    fact: str
    how: str  # known, unknown, =, !=, in, begins, <, <=, >, >=
    values: tuple[str, ...] = ()

    def holds(self, values: Mapping[str, object]) -> bool:
        """Say whether the term is true of these values."""
        value = values.get(self.fact)
        if self.how == "known":
            return value is not None
        if self.how == "unknown":
            return value is None
        if self.how == "!=":
            return value not in self.values
        if self.how == "begins":
            return _begins(value, self.values)
        if self.how in _ORDER:
            return _ordered(self.how, value, _other(self.values[0], values))
        return value in self.values

    def judge(self, values: Mapping[str, object]) -> bool | None:
        """Return whether the term is true of these values, or None while a fact of it is unknown."""
        if any(values.get(name) is None for name in self.facts):
            return None
        return self.holds(values)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that the term asks about."""
        more = self.values if self.how in _ORDER else ()
        return (self.fact, *(name for name in more if re.fullmatch(_NAME, name)))


class AnyOf(msgspec.Struct, frozen=True):
    """Terms of which one is enough."""

    terms: tuple[Term, ...]

    def holds(self, values: Mapping[str, object]) -> bool:
        """Say whether one of the terms is true of these values."""
        return any(term.holds(values) for term in self.terms)

    def judge(self, values: Mapping[str, object]) -> bool | None:
        """Return whether one of the terms is true of these values, or None while that is open."""
        return three_valued.any_of(term.judge(values) for term in self.terms)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that the terms ask about."""
        return tuple(name for term in self.terms for name in term.facts)


Condition = tuple[Term | AnyOf, ...]


def parse(text: str) -> Condition:
    """Return the condition's terms; raises ValueError on a word that is not understood."""
    return tuple(_part(part.strip()) for part in _AND.split(text)) if text.strip() else ()


def _part(text: str) -> Term | AnyOf:
    group = _GROUP.match(text)
    if not group:
        return _term(text)
    terms = tuple(_term(part.strip()) for part in group[1].split(" or "))
    if len(terms) < 2:
        raise ValueError(f"the condition {text!r} has parentheses around a single term")
    return AnyOf(terms)


def _term(text: str) -> Term:
    match = _TERM.match(text)
    if not match or (match["not"] and match["how"]) or " or " in text:
        raise ValueError(f"the condition {text!r} is not understood")
    if not match["how"]:
        return Term(match["fact"], "unknown" if match["not"] else "known")
    values = tuple(value.strip() for value in match["values"].split(","))
    if match["how"] not in ("in", "begins") and len(values) > 1:
        raise ValueError(f"the condition {text!r} names several values")
    return Term(match["fact"], match["how"], values)


def holds(condition: Condition, values: Mapping[str, object]) -> bool:
    """Say whether every term is true of these values."""
    return all(term.holds(values) for term in condition)


def judge(condition: Condition, values: Mapping[str, object]) -> bool | None:
    """Return whether every term is true of these values; None while an unknown fact keeps it open."""
    return three_valued.all_of(term.judge(values) for term in condition)


def check_decidable(condition: Condition) -> None:
    """Refuse a condition that takes an unknown fact for an answer (`not fact`): it is asked for instead."""
    terms = [t for part in condition for t in (part.terms if isinstance(part, AnyOf) else (part,))]
    if wrong := [term.fact for term in terms if term.how == "unknown"]:
        raise ValueError(f"not {wrong[0]}: that a fact is unknown decides nothing here")


def _begins(value: object, starts: tuple[str, ...]) -> bool:
    spelled = str(value or "").replace(".", "").upper()
    return any(spelled.startswith(one.replace(".", "").upper()) for one in starts)


def _other(text: str, values: Mapping[str, object]) -> object:
    if re.fullmatch(_NAME, text):
        return values.get(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _ordered(how: str, one: object, other: object) -> bool:
    if isinstance(one, date) and isinstance(other, date):
        return _ORDER[how](one, other)
    try:
        return _ORDER[how](Decimal(str(one)), Decimal(str(other)))
    except InvalidOperation:  # one of the two is unknown, or is no number
        return False


def plain_terms(condition: Condition) -> Iterator[Term]:
    """Yield the terms that have to hold each, without those of which one is enough."""
    return (term for term in condition if isinstance(term, Term))


def facts(condition: Condition) -> tuple[str, ...]:
    """Return the facts that the condition asks about."""
    return tuple(name for term in condition for name in term.facts)

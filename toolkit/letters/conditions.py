"""Conditions on facts, as clauses, criteria and coherence rules write them.

    fact                    the fact is known
    not fact                it is unknown
    fact = value            it is known and has this value
    fact != value           it is unknown or has another value
    fact in one, other      it is known and has one of these values
    fact < other            both are known, and the first lies before the second, or is less; also
                            <=, > and >=; `other` is a fact, a number or an ISO date

Terms are joined by `and`. Where one of several is enough they stand in parentheses, joined by `or`:
`stage = payment and (filer = enrollee or filer = representative)`. Nothing else is understood, on
purpose.
"""

import operator
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

import msgspec

_NAME = r"[a-z][a-z0-9_]*"
_TERM = re.compile(
    rf"(?P<not>not )?(?P<fact>{_NAME})(?: (?P<how>=|!=|<=|>=|<|>|in) (?P<values>[^=<>]+))?\Z"
)
_GROUP = re.compile(r"\(([^()]*)\)\Z")
_AND = re.compile(r" and (?![^()]*\))")
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Term(msgspec.Struct, frozen=True):
    """One test of one fact."""

    fact: str
    how: str  # known, unknown, =, !=, in, <, <=, >, >=
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
        if self.how in _ORDER:
            return _ordered(self.how, value, _other(self.values[0], values))
        return value in self.values

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
    if match["how"] != "in" and len(values) > 1:
        raise ValueError(f"the condition {text!r} names several values")
    return Term(match["fact"], match["how"], values)


def holds(condition: Condition, values: Mapping[str, object]) -> bool:
    """Say whether every term is true of these values."""
    return all(term.holds(values) for term in condition)


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

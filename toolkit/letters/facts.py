"""The facts that letters use: how each is asked for, checked and printed."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

import msgspec
from msgspec.structs import replace

from toolkit.cases.case import Case, Fact
from toolkit.errors import RulesError, UsageError
from toolkit.law import program_names
from toolkit.rules import RULES, read

FactKind = Literal["text", "name", "long text", "date", "choice", "number", "money"]

# Computed from other facts and the rules; a clause may ask about them, nobody enters them.
DERIVED = {
    "letter_date": "the date of the letter",
    "late": "whether the last day to file has passed on the date of the letter",
    "interval": "the months since the last measurement, against the rule's number",
}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]")


class FactType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one fact is asked for: its label, kind, help and choices."""

    name: str
    label: str
    kind: FactKind
    group: str
    help: str
    choices: dict[str, str] = {}
    choices_from: Literal["", "programs"] = ""  # the programs that have rules

    def __post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices or self.choices_from):
            raise ValueError(f"{self.name}: a choice has choices, nothing else has")


@lru_cache(maxsize=1)
def fact_types() -> dict[str, FactType]:
    """Return every fact a letter may use, by name."""
    entries = read(RULES / "letters" / "facts.yaml", tuple[FactType, ...])
    programs = {one.program: one.short for one in program_names()}
    found = {
        entry.name: replace(entry, choices=programs) if entry.choices_from else entry
        for entry in entries
    }
    if len(found) != len(entries) or set(found) & set(DERIVED):
        raise RulesError(
            "rules/letters/facts.yaml: a fact is listed twice or is computed elsewhere"
        )
    return found


def enter(
    case: Case,
    values: Mapping[str, object],
    *,
    source: str = "entered by the analyst",
    as_of: date | None = None,
) -> Case:
    """Return the case with these values entered, checked and typed by the kind of each fact.

    An empty value makes the fact unknown. Raises UsageError naming the facts that cannot be read,
    never their values.
    """
    facts: dict[str, Fact] = {}
    empty: list[str] = []
    wrong: list[str] = []
    for name, raw in values.items():
        known = fact_types().get(name)
        if known is None:
            wrong.append(f"{name}: no letter uses this fact")
        elif raw is None or str(raw).strip() == "":
            empty.append(name)
        else:
            try:
                facts[name] = Fact(typed(raw, known), source, as_of)
            except ValueError as error:
                wrong.append(f"{known.label} ({name}): {error}")
    if wrong:
        raise UsageError("; ".join(wrong))
    return case.without(empty).with_facts(facts)


def typed(raw: object, known: FactType) -> str | date | int:
    """Return the raw value as the fact's kind has it; raises ValueError in words for the user."""
    if known.kind == "date":
        return _date(raw)
    if known.kind == "money":
        return _cents(raw)
    text = plain(str(raw))
    if known.kind == "choice":
        return _choice(text, known)
    if known.kind == "number":
        if not re.fullmatch(r"\d{1,6}(\.\d{1,4})?", text):
            raise ValueError("is a number, with a point for the decimals")
        return text
    return text if known.kind == "long text" else " ".join(text.split())


def _date(raw: object) -> date:
    if isinstance(raw, date):
        return date(raw.year, raw.month, raw.day)
    try:
        return date.fromisoformat(str(raw).strip())
    except ValueError:
        raise ValueError("is a date such as 2026-03-31") from None


def _cents(raw: object) -> int:
    if isinstance(raw, int):
        return raw
    try:
        cents = Decimal(str(raw).strip().lstrip("$").replace(",", "")) * 100
    except InvalidOperation:
        raise ValueError("is an amount such as 125.00") from None
    if not cents.is_finite() or cents != cents.to_integral_value():
        raise ValueError("is an amount with at most two decimals")
    return int(cents)


def _choice(text: str, known: FactType) -> str:
    if text in known.choices:
        return text
    for value, label in known.choices.items():
        if text.casefold() == label.casefold():
            return value
    raise ValueError(f"is one of {', '.join(known.choices)}")


def plain(text: str) -> str:
    """Return the text without characters that no document can print, ends trimmed."""
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def printed(name: str, value: object) -> str:
    """Return the value as a letter prints it: dates and choices in words, cents as dollars."""
    known = fact_types().get(name)
    if isinstance(value, date):
        return in_words(value)
    if known and known.kind == "money":
        return f"${Decimal(int(value)) / 100:,.2f}"
    if known and known.kind == "choice":
        return known.choices.get(str(value), str(value))
    if known and known.kind == "name":
        return _natural(plain(str(value)))
    return plain(str(value))


def _natural(name: str) -> str:
    """Return 'Last, First' of a claim as a letter says it; any other form as it stands."""
    last, comma, first = name.partition(", ")
    return f"{first} {last}" if comma and first and "," not in first else name


def in_words(day: date) -> str:
    """Return the date as American letters write it."""
    return f"{day:%B} {day.day}, {day.year}"

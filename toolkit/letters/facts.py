"""The facts that letters use: how each is asked for, checked and printed."""

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from toolkit.cases.case import Case, Fact
from toolkit.denials.services import CriterionForm
from toolkit.errors import RefusedError, RulesError, UsageError
from toolkit.law import program_names
from toolkit.letters import forms as forms_of
from toolkit.letters.derived import DERIVED
from toolkit.letters.files import families
from toolkit.rules import RULES, read

FactKind = Literal["text", "name", "long text", "date", "choice", "number", "money", "table"]
Holder = Literal[
    "chart", "ordering practitioner", "registration", "billing", "payer", "patient", "sender"
]

_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff\u202a-\u202e\u2066-\u2069]"
)


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One column of a fact that is a table."""

    label: str
    kind: Literal["text", "long text", "date", "choice"] = "text"
    choices: dict[str, str] = {}
    needed: Literal["yes", "no"] = "no"
    words: Literal["ours", "payer"] = "ours"


class FactType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one fact is asked for: its label, kind, help and choices.

    `holder` is who has it, and `why` why a letter needs it. `words`: whether its text is the
    sender's own, in which law and rates have no place, or the payer's, which is quoted. `future`: a
    date that may lie after the letter's.
    """

    name: str
    label: str
    kind: FactKind
    group: str
    help: str
    holder: Holder = msgspec.field(name="from")
    why: str = ""
    choices: dict[str, str] = {}
    choices_from: Literal["", "programs"] = ""  # the programs that have rules
    words: Literal["ours", "payer"] = "ours"
    future: Literal["yes", "no"] = "no"
    columns: dict[str, Column] = {}

    def __post_init__(self) -> None:
        if (self.kind == "choice") != bool(self.choices or self.choices_from):
            raise ValueError(f"{self.name}: a choice has choices, nothing else has")
        if (self.kind == "table") != bool(self.columns):
            raise ValueError(f"{self.name}: a table has columns, nothing else has")


@lru_cache(maxsize=1)
def fact_types() -> dict[str, FactType]:
    """Return every fact a letter may use, by name: the common ones, then those of the single files."""
    programs = {one.program: one.short for one in program_names()}
    found: dict[str, FactType] = {}
    for entry in read(RULES / "letters" / "facts.yaml", tuple[FactType, ...]):
        if entry.name in DERIVED or entry.name in found:
            raise RulesError(
                f"rules/letters/facts.yaml: {entry.name} is declared twice or is computed"
            )
        found[entry.name] = entry
    for (
        entry
    ) in _of_files():  # of two that differ the first counts, and `declared` refuses the other
        if entry.name not in DERIVED:
            found.setdefault(entry.name, entry)
    return {
        name: replace(entry, choices=programs) if entry.choices_from else entry
        for name, entry in found.items()
    }


def declared(facts: tuple[dict[str, Any], ...]) -> tuple[FactType, ...]:
    """Return the facts that a file declares; raises ValueError on one that cannot be read or is another's."""
    try:
        found = msgspec.convert(facts, tuple[FactType, ...], strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"facts: {error}") from None
    check_own(found)
    return found


def check_own(found: tuple[FactType, ...]) -> None:
    """Refuse a fact that is computed, or that another file declares in another way."""
    for one in found:
        if one.name in DERIVED or fact_types()[one.name] != one:
            raise ValueError(f"the fact {one.name} is declared twice or is computed")


def _of_files() -> list[FactType]:
    """Return the facts that acts, forums, issues, guidelines and services declare, and those of bare criteria."""
    forms = [
        form
        for files in (
            forms_of.act_files(),
            forms_of.forum_files(),
            forms_of.issue_files(),
            forms_of.guideline_files(),
        )
        for form in files.good.values()
    ]
    found = []
    for form in (*forms, *families().good.values()):
        try:
            found += msgspec.convert(list(form.facts), list[FactType], strict=False)
        except msgspec.ValidationError:
            continue  # the file is left out, with this said, where its sentences are bound
    for family in families().good.values():
        found += [
            one for criterion in family.leaves for one in criterion_facts(criterion, family.id)
        ]
    return found


def criterion_facts(criterion: CriterionForm, family: str) -> tuple[FactType, ...]:
    """Return the facts that show a criterion without a sentence of its own: a finding, and where it is."""
    if not criterion.asks_finding:
        return ()
    finding, page = criterion_names(criterion, family)
    looked_for = "; ".join(criterion.shown_by)
    return (
        FactType(
            name=finding, label=criterion.says, kind="long text", group="Criteria", holder="chart",
            help=f"what the record says of it, as a clause without a period; look for: {looked_for}",
            why="it shows that a criterion of coverage is met",
        ),
        FactType(
            name=page, label=f"Where the record shows it: {criterion.says}", kind="text",
            group="Criteria", holder="chart", help="for example: progress note, record page 12",
            why="a reviewer looks the criterion up there",
        ),
    )  # fmt: skip


def is_place(name: str) -> bool:
    """Say whether a fact is a place in the record, as the names of those facts say."""
    return name.endswith(("_record", "_page"))


def criterion_names(criterion: CriterionForm, family: str) -> tuple[str, str]:
    """Return the names of the two facts that show a criterion."""
    name = f"{family}_{criterion.id}"
    return name, f"{name}_page"


def enter(
    case: Case,
    values: Mapping[str, object],
    *,
    source: str = "entered by the analyst",
    as_of: date | None = None,
) -> Case:
    """Return the case with these values entered, checked and typed by the kind of each fact.

    An empty value makes the fact unknown. Raises RefusedError where a fact is one that the rules give,
    UsageError where one cannot be read; both name the facts, never their values.
    """
    if given := [name for name in values if name in DERIVED]:
        raise RefusedError(
            "; ".join(f"{name}: {DERIVED[name]} is computed and never typed" for name in given),
            needs=("the facts that it follows from, where one is wrong: notice_date, "
                   "notice_received, stage, filer",),
        )  # fmt: skip
    facts: dict[str, Fact] = {}
    empty: list[str] = []
    wrong: list[str] = []
    for name, raw in values.items():
        known = fact_types().get(name)
        if known is None:
            wrong.append(f"{name}: no letter uses this fact")
        elif raw is None or raw == [] or str(raw).strip() == "":
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
    if known.kind == "table":
        return _table(raw, known)
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


def _table(raw: object, known: FactType) -> str:
    """Return the rows as one JSON text, as a case and its store keep them."""
    try:
        rows = _rows_of(raw, known) if isinstance(raw, str) else raw
    except ValueError:
        raise ValueError("is a list of rows") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("is a list of rows, each `column: value`")
    return json.dumps([_row(row, n, known) for n, row in enumerate(rows, 1)], ensure_ascii=False)


def _rows_of(text: str, known: FactType) -> list[dict[str, str]]:
    """Return the rows of JSON, or of lines whose cells stand in the columns' order between | signs."""
    if text.lstrip().startswith("["):
        return json.loads(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return [
        dict(zip(known.columns, (cell.strip() for cell in line.split("|")), strict=False))
        for line in lines
    ]


def table_lines(name: str, value: object) -> str:
    """Return the rows of a table as lines to be edited: cells in the columns' order between | signs."""
    known = fact_types()[name]
    return "\n".join(
        " | ".join(str(row.get(column, "")) for column in known.columns)
        for row in rows(value, known)
    )


def _row(row: dict, number: int, known: FactType) -> dict[str, str]:
    if strange := sorted(map(str, set(row) - set(known.columns))):
        raise ValueError(f"row {number}: has no column {', '.join(strange)}")
    found: dict[str, str] = {}
    for name, column in known.columns.items():
        text = plain(str(row.get(name) or ""))
        if not text:
            if column.needed == "yes":
                raise ValueError(f"row {number}: {name} is needed")
            continue
        try:
            found[name] = str(_date(text)) if column.kind == "date" else text
            if column.kind == "choice":
                found[name] = _choice(text, column)
        except ValueError as error:
            raise ValueError(f"row {number}, {name}: {error}") from None
    return found


def rows(value: object, known: FactType) -> list[dict[str, str | date]]:
    """Return the rows of a table, dates as dates; none where it is unknown."""
    found: list[dict[str, str | date]] = json.loads(value) if isinstance(value, str) else []
    for row in found:
        for name, column in known.columns.items():
            if column.kind == "date" and name in row:
                row[name] = date.fromisoformat(str(row[name]))
    return found


def _choice(text: str, known: FactType | Column) -> str:
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
    if known and known.kind == "table":
        return "; ".join(str(next(iter(row.values()), "")) for row in rows(value, known))
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

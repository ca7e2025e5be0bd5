"""Families of services: their codes, what the law requires, and what shows it.

One family is one file of `toolkit/rules/services`; the folder is the registry. Letters add to a
family the sentences that print a case's facts (`toolkit.letters.services`); here is what a code
means: which family it belongs to, whether it is a drug, how often it is covered.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from toolkit.errors import RulesError
from toolkit.rules import RULES, names, read

Mark = Literal["V", "V2", "M"]
YesNo = Literal["yes", "no"]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a service's file: what the file does not declare is refused."""


class ServiceCode(_Strict, frozen=True, kw_only=True):
    """One CPT, HCPCS or revenue code number, or a range of them, with our own words for it."""

    code: str
    says: str
    through: str = ""  # last number of a range, inclusive
    drug: YesNo | None = None  # where it differs from the family
    axial_dxa: YesNo = "no"

    @property
    def last(self) -> str:
        """The last number of the range; the code itself where it is one."""
        return self.through or self.code


class CriterionForm(_Strict, frozen=True, kw_only=True):
    """One thing the law asks for, or a group of such things.

    A single criterion has its authorities and either `shown_by` (it is asked for as a finding and a
    page) or `record` (the sentence that shows it). `met` is the condition on facts under which it is
    met; without it, it is met when the record shows it. A group has one of `all`, `any`, `not`, and
    `at_least` with `of`; with `met`, that has to hold besides. `when` says in which cases it is asked for, and `optional` that it is shown
    where it is known and never asked for: both have a place only if everything around is needed
    (in the list itself and in `all`). `unmet` says what to do where it is not met.
    """

    id: str
    says: str
    authorities: tuple[str, ...] = ()
    shown_by: tuple[str, ...] = ()  # in our own words: what to look for in the record
    programs: tuple[str, ...] = ()  # where it is asked in some of the family's programs only
    record: str = ""
    when: str = ""
    met: str = ""
    unmet: str = ""
    optional: YesNo = "no"
    all: tuple["CriterionForm", ...] = ()
    any: tuple["CriterionForm", ...] = ()
    negated: "CriterionForm | None" = msgspec.field(name="not", default=None)
    at_least: int | None = None
    of: tuple["CriterionForm", ...] = ()

    def __post_init__(self) -> None:
        groups = [bool(self.all), bool(self.any), self.negated is not None, bool(self.of)]
        if sum(groups) > 1:
            raise ValueError(f"{self.id}: a group is one of all, any, not, at_least of")
        if (self.at_least is None) == bool(self.of):
            raise ValueError(f"{self.id}: at_least and of belong together")
        if self.at_least is not None and not 1 <= self.at_least <= len(self.of):
            raise ValueError(f"{self.id}: at_least is no number of its parts")
        if any(groups) and self.shown_by:
            raise ValueError(f"{self.id}: a group is shown by its parts")

    @property
    def parts(self) -> tuple["CriterionForm", ...]:
        """The parts of a group; none of a single criterion."""
        return (*self.all, *self.any, *self.of, *([self.negated] if self.negated else []))

    @property
    def leaves(self) -> tuple["CriterionForm", ...]:
        """The single criteria in it: itself where it is no group."""
        return tuple(leaf for one in self.parts for leaf in one.leaves) if self.parts else (self,)

    @property
    def asks_finding(self) -> bool:
        """Whether it is asked for as a finding and a page: it has no sentence and no condition."""
        return not (self.parts or self.record or self.met)

    @property
    def facts(self) -> tuple[str, ...]:
        """What proves it: the facts that its sentence prints, or what to look for in the record."""
        return tuple(dict.fromkeys(_FACT.findall(self.record))) or self.shown_by


class Frequency(_Strict, frozen=True, kw_only=True):
    """How often a service is covered.

    `months`: full months that pass after the month of the last one before the next is covered, the
    month of the last one not counted. `times`: a number of services instead, in the words of `says`.
    """

    codes: tuple[str, ...]
    says: str
    authority: str
    status: Mark  # of the number
    months: int | None = None
    times: int | None = None
    exception: str = ""

    def __post_init__(self) -> None:
        if (self.months is None) == (self.times is None):
            raise ValueError("a frequency has months or times")


class IntervalForm(_Strict, frozen=True, kw_only=True):
    """Which facts of a case tell the months since the last service."""

    known_by: str
    last: str
    counted_to: tuple[str, ...]


class Family(_Strict, frozen=True, kw_only=True):
    """A family of services as its file has it: codes, criteria, frequencies."""

    id: str
    title: str
    programs: tuple[str, ...]
    authorities: tuple[str, ...]
    codes_status: Mark  # of the code numbers
    codes: tuple[ServiceCode, ...] = ()
    revenue_codes: tuple[ServiceCode, ...] = ()
    drug: YesNo = "no"
    criteria: tuple[CriterionForm, ...]
    frequencies: tuple[Frequency, ...] = ()
    cautions: tuple[str, ...] = ()
    interval: IntervalForm | None = None
    # What only letters read (`toolkit.letters.services`): facts of the family's own, those that
    # every letter about it needs, and its arguments.
    facts: tuple[dict[str, Any], ...] = ()
    asks: tuple[str, ...] = ()
    clauses: tuple[dict[str, Any], ...] = ()
    enclosures: tuple[dict[str, str], ...] = ()

    @property
    def leaves(self) -> tuple[CriterionForm, ...]:
        """Every single criterion of the family, those of groups too."""
        return tuple(leaf for one in self.criteria for leaf in one.leaves)


_FACT = re.compile(r"\{\{ ([a-z][a-z0-9_]*) \}\}")


@cache
def family(name: str) -> Family:
    """Return one family of services; raises RulesError when its file is defective."""
    where = f"rules/services/{name}.yaml"
    if name not in names("services"):
        raise RulesError(f"{where}: is not on file")
    found = read(RULES / "services" / f"{name}.yaml", Family)
    if found.id != name:
        raise RulesError(f"{where}: the id is not the name of the file")
    for entry in (*found.codes, *found.revenue_codes):
        low, high = (
            _place(c, revenue=entry in found.revenue_codes) for c in (entry.code, entry.last)
        )
        if low is None or high is None or low[0] != high[0] or low[1] > high[1]:
            raise RulesError(f"{where}: {entry.code} is not a code or a range")
    own = {entry.code for entry in found.codes}  # a range is named by its first number
    for frequency in found.frequencies:
        if strange := set(frequency.codes) - own:
            raise RulesError(
                f"{where}: a frequency names {', '.join(sorted(strange))}, none of its codes"
            )
    return found


@lru_cache(maxsize=1)
def _read_families() -> tuple[Mapping[str, Family], Mapping[str, str]]:
    good: dict[str, Family] = {}
    broken: dict[str, str] = {}
    for name in names("services"):
        try:
            good[name] = family(name)
        except RulesError as error:
            broken[name] = str(error)
    return MappingProxyType(good), MappingProxyType(broken)


def families() -> Mapping[str, Family]:
    """Return every family that can be read, by its id; a broken file does not affect the others."""
    return _read_families()[0]


def codes_twice() -> tuple[str, ...]:
    """Return each code or range that two families claim, with both; it is left out of either."""
    return (*_codes().twice, *_revenue_codes().twice)


def broken_families() -> Mapping[str, str]:
    """Return what is wrong with each family's file that was left out, by its id."""
    return _read_families()[1]


@lru_cache(maxsize=65536)
def service_of(procedure_code: Any, revenue_code: Any = None) -> str:
    """Return the family of a CPT or HCPCS code, else of the revenue code; '' if none has it.

    A code belongs to one family at most. Modifiers after the code and a spreadsheet's `.0` are no
    hindrance; a part of a longer number is never a code.
    """
    place = _place(_spelled(procedure_code))
    found = _codes().find(place) if place else None
    if found is None and (place := _place(_revenue(revenue_code), revenue=True)):
        found = _revenue_codes().find(place)
    return found[1].id if found else ""


@lru_cache(maxsize=65536)
def is_drug(procedure_code: Any) -> Literal["yes", "no", "unknown"]:
    """Return whether a CPT or HCPCS code is a drug or biological; unknown where it is no such code."""
    place = _place(_spelled(procedure_code))
    if place is None:
        return "unknown"
    found = _codes().find(place)
    return (found[0].drug or found[1].drug) if found else "no"


@lru_cache(maxsize=65536)
def frequency_of(procedure_code: Any) -> Frequency | None:
    """Return how often a code is covered, where a family says it."""
    place = _place(_spelled(procedure_code))
    found = _codes().find(place) if place else None
    if found is None:
        return None
    entry, owner = found
    return next((one for one in owner.frequencies if entry.code in one.codes), None)


def covered_again(procedure_code: Any, last: date) -> date | None:
    """Return the first day on which a service is covered again after the last one.

    The month of the last one is not counted, so it is always the first of a month. None if no
    number of months is on file for the code. Source: the authority of the family's frequency.
    """
    frequency = frequency_of(procedure_code)
    if frequency is None or frequency.months is None:
        return None
    month = last.year * 12 + last.month - 1 + frequency.months + 1
    return date(month // 12, month % 12 + 1, 1)


# --- code numbers --------------------------------------------------------------------------------

_Place = tuple[str, int]  # kind of number, and where in its order
_SHAPES = (
    (re.compile(r"(\d{5})"), lambda m: ("", int(m[1]))),
    (re.compile(r"([A-Z])(\d{4})"), lambda m: (m[1], int(m[2]))),
    (re.compile(r"(\d{4})([A-Z])"), lambda m: (f"-{m[2]}", int(m[1]))),
)
_CODE = re.compile(r"\s*([0-9A-Za-z]{5})(?:\.0+)?(?:[^0-9A-Za-z.].*)?\s*")


def _spelled(value: Any) -> str:
    match = _CODE.fullmatch(value if isinstance(value, str) else str(value))
    return match[1].upper() if match else ""


def _revenue(value: Any) -> str:
    text = re.sub(r"\.0+\Z", "", str(value).strip())
    return text.zfill(4) if text.isdigit() and 3 <= len(text) <= 4 else ""


def _place(code: str, *, revenue: bool = False) -> _Place | None:
    if revenue:
        return ("revenue", int(code)) if re.fullmatch(r"\d{4}", code) else None
    for shape, place in _SHAPES:
        if match := shape.fullmatch(code):
            return place(match)
    return None


def _stated_place(code: str, *, revenue: bool) -> _Place:
    place = _place(code, revenue=revenue)
    if place is None:
        raise RulesError(f"rules/services: {code} is not a code that can be read")
    return place


class _Index:
    """Code numbers and ranges in order, for one look-up each; `twice` are those left out."""

    __slots__ = ("_places", "_entries", "twice")

    def __init__(self, entries, *, revenue: bool = False) -> None:
        ordered = sorted(
            (
                (
                    _stated_place(entry.code, revenue=revenue),
                    _stated_place(entry.last, revenue=revenue),
                    entry,
                    owner,
                )
                for entry, owner in entries
            ),
            key=lambda row: row[:2],
        )
        # A code that two families claim leads to neither; every other one is found as before.
        shared: list[tuple[_Place, _Place]] = []
        twice: list[str] = []
        furthest = ordered[0] if ordered else None
        for row in ordered[1:]:
            if furthest and row[0] <= furthest[1]:
                shared.append((row[0], min(row[1], furthest[1])))
                twice.append(f"{row[2].code} stands in {furthest[3].id} and {row[3].id}")
            if furthest is None or row[1] > furthest[1]:
                furthest = row
        self.twice = tuple(twice)
        self._entries = [
            (low, high, *row[2:]) for row in ordered for low, high in _without(row[:2], shared)
        ]
        self._places = [row[0] for row in self._entries]

    def find(self, place: _Place | None) -> tuple[ServiceCode, Family] | None:
        """Return the entry that holds the place, and its family."""
        if place is None:
            return None
        at = bisect_right(self._places, place) - 1
        if at < 0 or place > self._entries[at][1]:
            return None
        return self._entries[at][2:]


def _without(
    span: tuple[_Place, _Place], shared: list[tuple[_Place, _Place]]
) -> list[tuple[_Place, _Place]]:
    """Return what is left of a range of code numbers without those that are shared, in order."""
    low, high = span
    left: list[tuple[_Place, _Place]] = []
    for first, last in sorted(shared):
        if last < low or first > high:
            continue
        if low < first:
            left.append((low, (first[0], first[1] - 1)))
        low = (last[0], last[1] + 1)
    return [*left, (low, high)] if low <= high else left


@lru_cache(maxsize=1)
def _codes() -> _Index:
    return _Index((code, one) for one in families().values() for code in one.codes)


@lru_cache(maxsize=1)
def _revenue_codes() -> _Index:
    rows = ((code, one) for one in families().values() for code in one.revenue_codes)
    return _Index(rows, revenue=True)

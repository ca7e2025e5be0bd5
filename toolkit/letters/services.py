"""Families of services: their codes, what Medicare asks for, and the facts that show it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache

import msgspec

from toolkit.errors import RulesError
from toolkit.letters.authority import authority
from toolkit.letters.conditions import Condition, holds, parse
from toolkit.letters.facts import fact_types
from toolkit.letters.sentences import SentenceForm, sentence_form
from toolkit.rules import RULES, names, read


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class ServiceCode(_Strict, frozen=True):
    """One CPT or HCPCS number with our own words for it."""

    code: str
    says: str
    axial_dxa: str = "no"


class _CriterionForm(_Strict, frozen=True):
    id: str
    says: str
    authorities: tuple[str, ...]
    record: str
    when: str = ""
    optional: str = "no"


class _Interval(_Strict, frozen=True):
    months: int
    known_by: str
    last: str
    counted_to: tuple[str, ...]
    authority: str


class _LimitForm(_Strict, frozen=True):
    when: str
    authority: str
    says: str
    fact: str = ""
    at_least: str = ""
    more_than: str = ""


class _File(_Strict, frozen=True):
    id: str
    title: str
    programs: tuple[str, ...]
    authorities: tuple[str, ...]
    codes: tuple[ServiceCode, ...]
    criteria: tuple[_CriterionForm, ...]
    interval: _Interval | None = None
    limits: tuple[_LimitForm, ...] = ()


class Criterion(msgspec.Struct, frozen=True):
    """One thing the law asks for, its authorities, and the sentence of the record that shows it."""

    id: str
    says: str
    authorities: tuple[str, ...]
    when: Condition
    record: SentenceForm
    optional: bool


class Limit(msgspec.Struct, frozen=True):
    """Facts under which the criteria are not met, and what to do then."""

    when: Condition
    authority: str
    says: str
    fact: str
    at_least: Decimal | None
    more_than: Decimal | None

    def is_passed(self, values: Mapping[str, object]) -> bool:
        """Say whether the facts known run against the limit."""
        if not holds(self.when, values):
            return False
        if not self.fact:
            return True
        if values.get(self.fact) is None:
            return False
        number = Decimal(str(values[self.fact]))
        low = self.at_least is not None and number < self.at_least
        return low or (self.more_than is not None and number <= self.more_than)


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A family of services with its codes, criteria, interval and limits."""

    id: str
    title: str
    programs: tuple[str, ...]
    authorities: tuple[str, ...]
    codes: tuple[ServiceCode, ...]
    criteria: tuple[Criterion, ...]
    interval: _Interval | None
    limits: tuple[Limit, ...]

    def interval_of(self, values: Mapping[str, object], *, as_of: date) -> str | None:
        """Return whether the months since the last service suffice: a word, or nothing if unknown.

        The count begins with the month after the last one, as the rule says: that month itself is
        not counted.
        """
        rule = self.interval
        if rule is None:
            return None
        if values.get(rule.known_by) == "none_on_record":
            return "no earlier measurement"
        last = values.get(rule.last)
        if values.get(rule.known_by) is None or not isinstance(last, date):
            return None
        days = [values.get(name) for name in rule.counted_to]
        day = next((d for d in days if isinstance(d, date)), as_of)
        passed = (day.year - last.year) * 12 + day.month - last.month - 1
        return "passed" if passed >= rule.months else "sooner"


@cache
def service(name: str) -> Service:
    """Return one family of services; raises RulesError when its file is defective."""
    where = f"rules/services/{name}.yaml"
    if name not in names("services"):
        raise RulesError(f"{where}: is not on file")
    form = read(RULES / "services" / f"{name}.yaml", _File)
    try:
        return _service(form, name)
    except ValueError as error:
        raise RulesError(f"{where}: {error}") from None


def _service(form: _File, name: str) -> Service:
    if form.id != name:
        raise ValueError("the id is not the name of the file")
    cited = [*form.authorities, *(a for c in form.criteria for a in c.authorities)]
    cited += [limit.authority for limit in form.limits]
    for each in cited:
        for program in form.programs:
            if not authority(each).governs(program):
                raise ValueError(f"{each} does not govern {program}")
    for limit in form.limits:
        if limit.fact and fact_types()[limit.fact].kind != "number":
            raise ValueError(f"{limit.fact} is no number")
    return Service(
        id=form.id,
        title=form.title,
        programs=form.programs,
        authorities=form.authorities,
        codes=form.codes,
        criteria=tuple(
            Criterion(
                c.id, c.says, c.authorities, parse(c.when), sentence_form(c.record),
                c.optional == "yes",
            )
            for c in form.criteria
        ),
        interval=form.interval,
        limits=tuple(
            Limit(
                parse(x.when), x.authority, x.says, x.fact,
                Decimal(x.at_least) if x.at_least else None,
                Decimal(x.more_than) if x.more_than else None,
            )
            for x in form.limits
        ),
    )  # fmt: skip

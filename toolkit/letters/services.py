"""Families of services: their codes, what Medicare asks for, and the facts that show it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache

import msgspec

from toolkit.denials.services import CriterionForm, Family, IntervalForm, ServiceCode, service_of
from toolkit.letters.authority import authority
from toolkit.letters.clauses import Clause, Line, bound, lines
from toolkit.letters.conditions import Condition, holds, parse
from toolkit.letters.facts import criterion_names, fact_types
from toolkit.letters.files import Files, families
from toolkit.letters.forms import ClauseForm, LineForm
from toolkit.letters.sentences import SentenceForm, sentence_form


class Criterion(msgspec.Struct, frozen=True):
    """One thing the law asks for, its authorities, and the sentence of the record that shows it."""

    id: str
    says: str
    authorities: tuple[str, ...]
    when: Condition
    record: SentenceForm
    optional: bool
    programs: tuple[str, ...]
    shown_by: tuple[str, ...]


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
    interval: IntervalForm | None
    months: int | None  # of the interval, from the family's frequency
    limits: tuple[Limit, ...]
    asks: tuple[str, ...]
    clauses: tuple[Clause, ...]
    enclosures: tuple[Line, ...]
    drug: bool

    def words(self, procedure_code: object) -> str | None:
        """Return what the service is called: by its code, else by the family; None for a drug, which has a name."""
        if self.drug:
            return None
        spelled = str(procedure_code or "").strip().upper()
        own = next((one.says for one in self.codes if one.code == spelled), "")
        title = self.title.partition(" (")[0]
        lowered = title if title[1:2].isupper() else title[:1].lower() + title[1:]
        return own or lowered

    def axial_dxa(self, procedure_code: object) -> str:
        """Return whether a code is of an axial DXA: yes or no."""
        spelled = str(procedure_code or "").strip().upper()
        return next((one.axial_dxa for one in self.codes if one.code == spelled), "no")

    def interval_of(self, values: Mapping[str, object], *, as_of: date) -> str | None:
        """Return whether the months since the last service suffice: a word, or nothing if unknown.

        The count begins with the month after the last one, as the rule says: that month itself is
        not counted.
        """
        rule = self.interval
        if rule is None or self.months is None:
            return None
        if values.get(rule.known_by) == "none_on_record":
            return "no earlier measurement"
        last = values.get(rule.last)
        if values.get(rule.known_by) is None or not isinstance(last, date):
            return None
        days = [values.get(name) for name in rule.counted_to]
        day = next((d for d in days if isinstance(d, date)), as_of)
        passed = (day.year - last.year) * 12 + day.month - last.month - 1
        return "passed" if passed >= self.months else "sooner"


@cache
def services() -> Files:
    """Return the families of services that letters can use; one that is defective is left out."""
    return families().kept(_service)


def service(name: str) -> Service:
    """Return one family of services; raises RulesError when its file is defective."""
    return services().one(name, f"rules/services/{name}.yaml")


def of_case(procedure_code: object, revenue_code: object = None) -> Service | None:
    """Return the family of a code, where letters can use one."""
    return services().good.get(service_of(procedure_code, revenue_code))


def _service(form: Family) -> Service:
    _check_authorities(form)
    if strange := sorted(set(form.asks) - set(fact_types())):
        raise ValueError(f"asks for {', '.join(strange)}, which is no fact")
    for limit in form.limits:
        if limit.fact and fact_types()[limit.fact].kind != "number":
            raise ValueError(f"{limit.fact} is no number")
    months = {f.months for f in form.frequencies}
    if form.interval and (len(months) != 1 or None in months):
        raise ValueError("an interval has one number of months among the frequencies")
    return Service(
        id=form.id,
        title=form.title,
        programs=form.programs,
        authorities=form.authorities,
        codes=form.codes,
        criteria=tuple(
            Criterion(
                c.id, c.says, c.authorities, parse(c.when), sentence_form(_record(c, form.id)),
                c.optional == "yes", c.programs or form.programs, c.shown_by,
            )
            for c in form.criteria
        ),
        interval=form.interval,
        months=months.pop() if form.interval else None,
        limits=tuple(
            Limit(
                parse(x.when), x.authority, x.says, x.fact,
                Decimal(x.at_least) if x.at_least else None,
                Decimal(x.more_than) if x.more_than else None,
            )
            for x in form.limits
        ),
        asks=form.asks,
        drug=form.drug == "yes",
        enclosures=lines(msgspec.convert(form.enclosures, tuple[LineForm, ...], strict=False)),
        clauses=tuple(
            bound(clause, programs=form.programs)
            for clause in msgspec.convert(form.clauses, tuple[ClauseForm, ...], strict=False)
        ),
    )  # fmt: skip


def _record(criterion: CriterionForm, family: str) -> str:
    """Return the sentence that shows a criterion: its own, else the finding and where it is."""
    finding, page = criterion_names(criterion, family)
    return criterion.record or f"{{{{ {finding} }}}} ({{{{ {page} }}}})"


def _check_authorities(form: Family) -> None:
    """Refuse an authority that is not on file, or does not govern the programs it is cited for."""
    cited = [(a, c.programs or form.programs) for c in form.criteria for a in c.authorities]
    cited += [(limit.authority, form.programs) for limit in form.limits]
    for name, programs in cited:
        for program in programs:
            if not authority(name).governs(program):
                raise ValueError(f"{name} does not govern {program}")
    for c in form.criteria:
        if strange := set(c.programs) - set(form.programs):
            raise ValueError(f"{c.id}: {', '.join(sorted(strange))} is no program of the family")
        if not c.authorities or not (c.record or c.shown_by):
            raise ValueError(f"{c.id}: has no authority, or nothing that shows it")
    for name in (*form.authorities, *(f.authority for f in form.frequencies)):
        if not any(authority(name).governs(program) for program in form.programs):
            raise ValueError(f"{name} governs none of its programs")

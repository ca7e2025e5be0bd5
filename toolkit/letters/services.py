"""Families of services: their codes, what Medicare asks for, and the facts that show it."""

from collections.abc import Mapping
from datetime import date
from functools import cache

import msgspec

from toolkit.denials.services import (
    CriterionForm,
    Family,
    Frequency,
    IntervalForm,
    ServiceCode,
    codes_twice,
    covered_again,
    frequency_of,
    is_drug,
    service_of,
)
from toolkit.letters.authority import authority
from toolkit.letters.clauses import Clause, Line, bound, lines
from toolkit.letters.criteria import Criterion, criterion
from toolkit.letters.facts import check_own, criterion_facts, declared, fact_types
from toolkit.letters.files import Broken, Files, families
from toolkit.letters.forms import ClauseForm, LineForm


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A family of services with its codes, criteria and interval; `criteria` are all needed."""

    id: str
    title: str
    programs: tuple[str, ...]
    authorities: tuple[str, ...]
    codes: tuple[ServiceCode, ...]
    criteria: tuple[Criterion, ...]
    interval: IntervalForm | None
    months: int | None  # of the interval, from the family's frequency
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
    found = families().kept(_service)
    shared = tuple(
        Broken("rules/services", f"{says}; it leads to neither") for says in codes_twice()
    )
    return Files(found.good, (*found.broken, *shared))


def service(name: str) -> Service:
    """Return one family of services; raises RulesError when its file is defective."""
    return services().one(name, f"rules/services/{name}.yaml")


def of_case(procedure_code: object, revenue_code: object = None) -> Service | None:
    """Return the family of a code, where letters can use one."""
    return services().good.get(service_of(procedure_code, revenue_code))


def counted(
    values: Mapping[str, object], service: Service | None, program_id: str, *, as_of: date
) -> dict[str, str | None]:
    """Return what criteria ask that nobody enters.

    From the dates: the `interval` since the last service, and the `age`. From the code: whether it `is_drug`, is
    an `axial_dxa`, or an `anticancer` drug.
    """
    code = values.get("procedure_code")
    coded = of_case(code, values.get("revenue_code"))
    return {
        "interval": _interval(values, service, program_id, as_of),
        "age": _age(values, as_of),
        "is_drug": is_drug(code) if code else None,
        "axial_dxa": (coded.axial_dxa(code) if coded else "no") if code else None,
        "anticancer": "yes" if service_of(code) == "anticancer_drugs" else "no",
    }


def months_between(values: Mapping[str, object], program_id: str) -> Frequency | None:
    """Return how often the service is covered, where a rule that governs the program says it in months."""
    found = frequency_of(values.get("procedure_code"))
    if found is None or found.months is None:
        return None
    return found if authority(found.authority).governs(program_id) else None


def _interval(
    values: Mapping[str, object], service: Service | None, program_id: str, as_of: date
) -> str | None:
    """Return whether the months since the last service suffice: by the family's own facts, else by the code's."""
    if service and service.interval:
        return service.interval_of(values, as_of=as_of)
    last = values.get("last_service_date")
    if months_between(values, program_id) is None:
        return None
    again = covered_again(values.get("procedure_code"), last) if isinstance(last, date) else None
    if again is None:
        return None
    return "passed" if day_of_service(values, as_of) >= again else "sooner"


def day_of_service(values: Mapping[str, object], as_of: date) -> date:
    """Return the day of the service, else the planned one, else the letter's."""
    days = [values.get(name) for name in ("service_date", "planned_date")]
    return next((one for one in days if isinstance(one, date)), as_of)


def _age(values: Mapping[str, object], as_of: date) -> str | None:
    """Return the patient's age on the day of the service, as a number in digits."""
    born = values.get("birth_date")
    if not isinstance(born, date):
        return None
    day = day_of_service(values, as_of)
    return str(day.year - born.year - ((day.month, day.day) < (born.month, born.day)))


def _service(form: Family) -> Service:
    _check_authorities(form)
    declared(form.facts)
    check_own(tuple(one for leaf in form.leaves for one in criterion_facts(leaf, form.id)))
    if strange := sorted(set(form.asks) - set(fact_types())):
        raise ValueError(f"asks for {', '.join(strange)}, which is no fact")
    months = {f.months for f in form.frequencies}
    if form.interval and (len(months) != 1 or None in months):
        raise ValueError("an interval has one number of months among the frequencies")
    return Service(
        id=form.id,
        title=form.title,
        programs=form.programs,
        authorities=form.authorities,
        codes=form.codes,
        criteria=tuple(criterion(one, form.id, form.programs) for one in form.criteria),
        interval=form.interval,
        months=months.pop() if form.interval else None,
        asks=form.asks,
        drug=form.drug == "yes",
        enclosures=lines(msgspec.convert(form.enclosures, tuple[LineForm, ...], strict=False)),
        clauses=tuple(
            bound(clause, programs=form.programs)
            for clause in msgspec.convert(form.clauses, tuple[ClauseForm, ...], strict=False)
        ),
    )


def _check_authorities(form: Family) -> None:
    """Refuse an authority that is not on file, or does not govern the programs it is cited for."""
    for one in form.criteria:
        _check_criterion(one, form.programs)
    ids = [one.id for top in form.criteria for one in _every(top)]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"{', '.join(twice)} stands twice among the criteria")
    for name in (*form.authorities, *(f.authority for f in form.frequencies)):
        if not any(authority(name).governs(program) for program in form.programs):
            raise ValueError(f"{name} governs none of its programs")


def _every(form: CriterionForm) -> list[CriterionForm]:
    return [form, *(one for part in form.parts for one in _every(part))]


def _check_criterion(form: CriterionForm, programs: tuple[str, ...]) -> None:
    """Refuse a criterion that cites nothing, or what does not govern, or that nothing shows."""
    own = form.programs or programs
    for name in form.authorities:
        for program in own:
            if not authority(name).governs(program):
                raise ValueError(f"{form.id}: {name} does not govern {program}")
    if not form.says or not form.authorities:
        raise ValueError(f"{form.id}: says nothing, or has no authority")
    if not (form.parts or form.record or form.shown_by or form.met):
        raise ValueError(f"{form.id}: nothing shows it")
    for part in form.parts:
        _check_criterion(part, own)

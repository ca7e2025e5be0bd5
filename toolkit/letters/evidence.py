"""Clinical evidence: what guidelines say of a service, for whom, and how their bodies grade it.

It stands in a letter in a section of its own and is never cited as law. A statement is used only for
the service and the patients that it is about.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache

import msgspec

from toolkit.denials.services import families
from toolkit.letters.conditions import Condition, check_decidable, judge, parse
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.derived import DERIVED
from toolkit.letters.facts import declared, fact_types, in_words
from toolkit.letters.files import Files
from toolkit.letters.forms import GuidelineForm, StatementForm, guideline_files
from toolkit.letters.sentences import SentenceForm, argues_law, sentence_form
from toolkit.rules import RULES, Sourced, line_of, read

_DAY = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class Age(Sourced, frozen=True, kw_only=True):
    """After how many years a guideline is called old, and why."""

    years: int
    says: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement, with the guideline it is of."""

    id: str
    body: str
    title: str
    published: str
    reaffirmed: str
    superseded_by: str
    services: tuple[str, ...]
    says: str
    grade: str
    population: str
    when: Condition
    fits: SentenceForm
    source: str
    verified_on: str
    status: str

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it depends on."""
        return tuple(dict.fromkeys((*facts_of(self.when), *self.fits.facts)))

    @property
    def reference(self) -> str:
        """Body, title, date and grade in one line, as a letter names them."""
        again = f", reaffirmed {_spoken(self.reaffirmed)}" if self.reaffirmed else ""
        return f"{self.body}, {self.title} ({_spoken(self.published)}{again}; {self.grade})"

    @property
    def edition(self) -> str:
        """Body, title and date in one line."""
        return f"{self.body}, {self.title} ({_spoken(self.published)})"

    def is_of(self, values: Mapping[str, object]) -> bool:
        """Say whether the patient is known to be one of those that it is about, and that can be shown."""
        known = all(values.get(name) is not None for name in self.fits.facts)
        return known and judge(self.when, values) is True

    def is_old(self, as_of: date) -> bool:
        """Say whether the last edition or confirmation is older than the age limit."""
        return _years_after(self.reaffirmed or self.published, age_limit().years) < as_of


@cache
def age_limit() -> Age:
    """Return after how many years a guideline is called old."""
    return read(RULES / "letters" / "evidence_age.yaml", Age)


@cache
def guidelines() -> Files:
    """Return the statements of each guideline on file; a file that is defective is left out."""
    return guideline_files().kept(_statements)


def statements() -> tuple[Statement, ...]:
    """Return every statement that can be used, those that a newer edition replaced left out."""
    return tuple(
        one for found in guidelines().good.values() for one in found if not one.superseded_by
    )


def of_service(service: str) -> tuple[Statement, ...]:
    """Return the statements on a family of services, the newest first."""
    found = [one for one in statements() if service in one.services]
    return tuple(sorted(found, key=lambda one: one.reaffirmed or one.published, reverse=True))


def _spoken(day: str) -> str:
    """Return a stated year, month or day as American letters write it."""
    if len(day) == 10:
        return in_words(date.fromisoformat(day))
    return f"{date.fromisoformat(f'{day}-01'):%B %Y}" if len(day) == 7 else day


def _years_after(day: str, years: int) -> date:
    """Return the last day of a stated year, month or day so many years later."""
    year, *rest = (int(part) for part in day.split("-"))
    year += years
    if len(rest) == 2:
        return date(year, rest[0], min(rest[1], 28) if rest[0] == 2 else rest[1])
    month = rest[0] if rest else 12
    return date(year, month, 28)


def _statements(form: GuidelineForm) -> tuple[Statement, ...]:
    found: list[Statement] = []
    _check_guideline(form)
    for n, one in enumerate(form.statements):
        try:
            found.append(_statement(one, form))
            if one.id in {other.id for other in form.statements[:n]}:
                raise ValueError("is there twice")
        except ValueError as error:
            raise ValueError(f"{_line(form, n)}{one.id}: {error}") from None
    return tuple(found)


def _line(form: GuidelineForm, n: int) -> str:
    line = line_of(RULES / "letters" / "evidence" / f"{form.id}.yaml", f"`$.statements[{n}]`")
    return f"line {line}: " if line else ""


def _check_guideline(form: GuidelineForm) -> None:
    for name in ("body", "title", "source"):
        if not getattr(form, name).strip():
            raise ValueError(f"{name} is empty")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", form.verified_on):
        raise ValueError("verified_on is not an ISO date")
    for name in ("published", "reaffirmed"):
        day = getattr(form, name)
        if (day or name == "published") and not _DAY.fullmatch(day):
            raise ValueError(f"{name} is a year, a month (2025-01) or a day (2025-01-14)")
        if day > form.verified_on:
            raise ValueError(f"{name} lies after verified_on")
    if not form.statements:
        raise ValueError("has no statement")
    declared(form.facts)


def _statement(form: StatementForm, guideline: GuidelineForm) -> Statement:
    status = form.status or guideline.status
    if status not in ("V", "V2", "M"):
        raise ValueError("status is one of V, V2, M")
    if strange := sorted(set(form.services) - set(families())):
        raise ValueError(f"{', '.join(strange)} is no family of services")
    for name in ("services", "says", "grade", "population", "when", "fits"):
        if not getattr(form, name):
            raise ValueError(f"{name} is empty")
    if argues_law(form.says):
        raise ValueError("speaks of law or quotes; a statement is evidence, in our own words")
    if form.says.endswith("."):
        raise ValueError("says ends in a period; the letter has its own")
    when, fits = parse(form.when), sentence_form(form.fits)
    check_decidable(when)
    for name in facts_of(when):
        if name not in fact_types() and name not in DERIVED:
            raise ValueError(f"{name} is no fact")
    if fits.authorities or not fits.facts:
        raise ValueError("fits states facts of the patient and cites nothing")
    return Statement(
        id=f"{guideline.id}.{form.id}",
        body=guideline.body,
        title=guideline.title,
        published=guideline.published,
        reaffirmed=guideline.reaffirmed,
        superseded_by=guideline.superseded_by,
        services=form.services,
        says=form.says,
        grade=form.grade,
        population=form.population,
        when=when,
        fits=fits,
        source=form.source or guideline.source,
        verified_on=guideline.verified_on,
        status=status,
    )

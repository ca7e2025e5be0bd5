"""Criteria of coverage as a tree of all, any, not and at least so many, judged with three values.

A criterion is met, not met, or unknown. What is unknown is asked for and never taken as unmet; what is
not met blocks a letter that argues the criteria, and is named.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from toolkit.denials.services import CriterionForm
from toolkit.letters import three_valued
from toolkit.letters.conditions import Condition, check_decidable, judge, parse
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.facts import criterion_names, fact_types, rows
from toolkit.letters.sentences import SentenceForm, sentence_form

UNMET = "unmet_criteria"  # the fact in which a person says what the record does not meet


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion, or a group of criteria (`how`), with its authorities and the sentence that shows it.

    `among` is the group of which it is one way, where one or some are enough.
    """

    id: str
    says: str
    authorities: tuple[str, ...]
    programs: tuple[str, ...]
    when: Condition
    met: Condition
    unmet: str
    record: SentenceForm | None
    shown_by: tuple[str, ...]
    optional: bool
    how: Literal["", "all", "any", "not", "at_least"] = ""
    number: int = 0  # of the parts that are enough
    parts: tuple["Criterion", ...] = ()
    among: str = ""
    plain: bool = False  # whether it is asked for as a finding and a page

    @property
    def every(self) -> Iterator["Criterion"]:
        """It and everything in it."""
        yield self
        for part in self.parts:
            yield from part.every

    @property
    def leaves(self) -> tuple["Criterion", ...]:
        """The single criteria in it."""
        return tuple(one for one in self.every if not one.how)

    @property
    def looked_for(self) -> tuple[str, ...]:
        """What to look for in the record, each as a document of the checklist."""
        return self.shown_by or (f"the page that shows: {self.says}",)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that its sentence prints."""
        return self.record.facts if self.record else ()

    def value(self, values: Mapping[str, object]) -> bool | None:
        """Return whether it is met: True, False, or None while it is not known.

        Where it is not asked for (`when`), nothing is left to be met.
        """
        asked = judge(self.when, values)
        if self.optional:
            return True
        return three_valued.any_of((three_valued.negated(asked), self._own(values)))

    def is_shown(self, values: Mapping[str, object]) -> bool | None:
        """Return the same without `when` and `optional`: whether the record shows it."""
        return self._own(values)

    def _own(self, values: Mapping[str, object]) -> bool | None:
        if self.id in unmet(values):
            return False
        parts = [part.value(values) for part in self.parts]
        if self.how in ("all", "any"):
            found = (three_valued.all_of if self.how == "all" else three_valued.any_of)(parts)
        elif self.how == "not":
            found = three_valued.negated(parts[0])
        elif self.how == "at_least":
            found = three_valued.at_least(self.number, parts)
        else:
            found = True
        known = all(values.get(name) is not None for name in self.facts)
        return three_valued.all_of((found, judge(self.met, values), True if known else None))

    def is_chosen(self, values: Mapping[str, object]) -> bool:
        """Say whether the facts point at this way: a part of its condition is true already."""
        return any(term.judge(values) for term in self.met) or any(
            part.is_chosen(values) for part in self.parts
        )


def criterion(
    form: CriterionForm,
    family: str,
    programs: tuple[str, ...],
    *,
    all_needed: bool = True,
    among: str = "",
) -> Criterion:
    """Return a criterion compiled; raises ValueError on a defect, in words.

    `all_needed` says whether it stands where everything is needed: elsewhere `when` and `optional`
    would say that it is met without being so.
    """
    own = form.programs or programs
    if strange := sorted(set(own) - set(programs)):
        raise ValueError(f"{form.id}: {', '.join(strange)} is no program of what it is in")
    if not all_needed and (form.when or form.optional == "yes"):
        raise ValueError(f"{form.id}: when and optional have no place where one way is enough")
    met = parse(form.met)
    check_decidable(met)
    when = parse(form.when)
    check_decidable(when)
    for name in (*facts_of(met), *facts_of(when)):
        _check_fact(form.id, name)
    how, number = _how(form)
    inner = form.says if how in ("any", "at_least") else among
    return Criterion(
        id=form.id,
        says=form.says,
        authorities=form.authorities,
        programs=own,
        when=when,
        met=met,
        unmet=form.unmet,
        record=_record(form, family),
        shown_by=form.shown_by,
        optional=form.optional == "yes",
        how=how,
        number=number,
        parts=tuple(
            criterion(part, family, own, all_needed=all_needed and how == "all", among=inner)
            for part in form.parts
        ),
        among=among,
        plain=form.asks_finding,
    )


def _check_fact(criterion_id: str, name: str) -> None:
    from toolkit.letters.derived import DERIVED

    if name not in fact_types() and name not in DERIVED:
        raise ValueError(f"{criterion_id}: {name} is no fact")


def _how(form: CriterionForm) -> tuple[Literal["", "all", "any", "not", "at_least"], int]:
    if form.all:
        return "all", len(form.all)
    if form.any:
        return "any", 1
    if form.negated:
        return "not", 0
    return ("at_least", form.at_least or 0) if form.of else ("", 0)


def _record(form: CriterionForm, family: str) -> SentenceForm | None:
    """Return the sentence that shows a criterion: its own, else the finding and where it is."""
    if form.record:
        return sentence_form(form.record)
    if not form.asks_finding:
        return None
    finding, page = criterion_names(form, family)
    return sentence_form(f"{{{{ {finding} }}}} ({{{{ {page} }}}})")


def in_program(one: Criterion, program: str) -> Criterion | None:
    """Return the criterion as it counts in a program; None where it does not."""
    if program not in one.programs:
        return None
    if not one.how:
        return one
    parts = tuple(kept for part in one.parts if (kept := in_program(part, program)))
    return msgspec.structs.replace(one, parts=parts) if parts else None


def unmet(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return the criteria that a person has entered as not met by the record."""
    found = rows(values.get(UNMET), fact_types()[UNMET]) if values.get(UNMET) else []
    return tuple(str(row["criterion"]) for row in found)


class Open(msgspec.Struct, frozen=True):
    """A fact that a criterion is unknown without; `among` says which ways there are besides."""

    fact: str
    among: str = ""


def still_open(one: Criterion, values: Mapping[str, object]) -> tuple[Open, ...]:
    """Return the facts to ask for: those on which the criterion depends and that are unknown.

    A way that is decided, or that nothing depends on any more, is not asked for. Of ways that the
    facts do not point at, only what decides between them is asked.
    """
    if one.value(values) is not None:
        return ()
    asked = judge(one.when, values)
    found = [Open(name) for name in facts_of(one.when) if asked is None]
    if asked is None:
        return _unknown(found, values)
    decided = judge(one.met, values)
    if decided is None:
        found += [Open(name, one.among) for name in facts_of(one.met)]
    if decided or one.is_chosen(values):
        for part in one.parts:
            found += still_open(part, values)
        found += [Open(name, one.among) for name in one.facts]
    return _unknown(found, values)


def _unknown(found: list[Open], values: Mapping[str, object]) -> tuple[Open, ...]:
    return tuple(dict.fromkeys(one for one in found if values.get(one.fact) is None))


def blocking(one: Criterion, values: Mapping[str, object]) -> tuple[Criterion, ...]:
    """Return the criteria because of which it is not met: the innermost of which each blocks alone.

    Of several ways none of which is met, that is the one that the facts point at and that says what
    to do; where there is none, the group.
    """
    if one.value(values) is not False:
        return ()
    if one.id in unmet(values) or not one.how:
        return (one,)
    if one.how == "all":
        return tuple(found for part in one.parts for found in blocking(part, values))
    if one.how == "not" or one.unmet:
        return (one,)
    pointed = [part for part in one.parts if part.is_chosen(values)]
    inner = [found for part in pointed for found in blocking(part, values) if found.unmet]
    return tuple(inner) or (one,)


def shown(one: Criterion, values: Mapping[str, object]) -> tuple[Criterion, ...]:
    """Return the rows of a letter's table: each criterion that is needed, and of several ways those met.

    While none of several ways is met, the ways that the facts point at stand there with their gaps, or
    the group itself.
    """
    if judge(one.when, values) is not True:
        return ()
    if one.optional and one.is_shown(values) is not True:
        return ()
    if one.record or not one.how:
        return (one,) if one.record else ()
    if one.how == "not":
        return ()
    if one.how == "all":
        return tuple(row for part in one.parts for row in shown(part, values))
    met = [part for part in one.parts if part.value(values)]
    ways = met or [part for part in one.parts if part.is_chosen(values)]
    if not ways:
        return (one,)
    return tuple(row for part in ways for row in shown(part, values))

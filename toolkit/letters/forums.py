"""Acts, forums and issues as letters use them: read file by file, sentences bound, defects reported."""

from functools import cache
from typing import Any

import msgspec

from toolkit.law import program, programs
from toolkit.letters import forms
from toolkit.letters.authority import authority
from toolkit.letters.clauses import Clause, Line, bound, lines
from toolkit.letters.conditions import Condition, parse
from toolkit.letters.evidence import guidelines
from toolkit.letters.facts import declared, fact_types
from toolkit.letters.files import Broken, Files
from toolkit.letters.services import services
from toolkit.rules import names


class Advice(msgspec.Struct, frozen=True):
    """What the sender should know; never part of the letter."""

    says: str
    authorities: tuple[str, ...]
    when: Condition


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper does: its form, and its sentences bound."""

    form: forms.ActForm
    clauses: tuple[Clause, ...]
    enclosures: tuple[Line, ...]
    advice: tuple[Advice, ...]

    @property
    def id(self) -> str:
        """The act's name, as `--kind` takes it."""
        return self.form.id

    @property
    def title(self) -> str:
        """What the act is called on the screen."""
        return self.form.title


class Forum(msgspec.Struct, frozen=True, kw_only=True):
    """A program's deciders: what each level is called and what has to be in a request there."""

    form: forms.ForumForm
    clauses: tuple[Clause, ...]
    advice: tuple[Advice, ...]


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What a denial turns on: its arguments, bound, and what else its file says."""

    form: forms.IssueForm
    clauses: tuple[Clause, ...]
    enclosures: tuple[Line, ...]
    advice: tuple[Advice, ...]

    @property
    def id(self) -> str:
        """The issue's name."""
        return self.form.id

    def weight(self, category: object, reason: object, service: str) -> int:
        """Return how closely the issue answers a denial: 0 where it does not."""
        for one in self.form.answers:
            if one.category == category and (not one.services or service in one.services):
                if reason in one.reasons:
                    return 3 if one.services else 2
                if not one.reasons:
                    return 1
        return 0


def _advice(found: tuple[forms.AdviceForm, ...]) -> tuple[Advice, ...]:
    for each in found:
        for name in each.authorities:
            authority(name)
    return tuple(Advice(a.says, a.authorities, parse(a.when)) for a in found)


def _clauses(form: Any, own: tuple[str, ...]) -> tuple[Clause, ...]:
    return tuple(bound(clause, programs=own) for clause in form.clauses)


def _check_facts(form: Any) -> None:
    declared(form.facts)
    names = (*getattr(form, "asks", ()), *getattr(form, "may_use", ()))
    if strange := sorted(set(names) - set(fact_types())):
        raise ValueError(f"{', '.join(strange)} is no fact")


def _act(form: forms.ActForm) -> Act:
    _check_facts(form)
    return Act(
        form=form,
        clauses=_clauses(form, forms.programs_of(form.id)),
        enclosures=lines(form.enclosures),
        advice=_advice(form.advice),
    )


def _forum(form: forms.ForumForm) -> Forum:
    _check_facts(form)
    known = {one.id for one in program(form.program).levels}
    if strange := sorted(set(form.levels) - known):
        raise ValueError(f"{form.program} has no level {', '.join(strange)}")
    at = {name: one.at for name, one in forms.act_files().good.items()}
    said = [*form.beside, *(act for one in form.levels.values() for act in one.acts)]
    said += [act for one in form.never for act in one.acts]
    if strange := sorted(set(said) - set(names("letters/acts"))):
        raise ValueError(f"{', '.join(strange)} is no act")
    if wrong := sorted(act for act in form.beside if at.get(act, "beside") != "beside"):
        raise ValueError(f"{', '.join(wrong)} is for a level, and stands beside them")
    for level in form.levels.values():
        for element in level.required:
            parse(element.when)
            if strange := sorted(set(element.facts) - set(fact_types())):
                raise ValueError(f"{', '.join(strange)} is no fact")
    return Forum(form=form, clauses=_clauses(form, (form.program,)), advice=_advice(form.advice))


def _issue(form: forms.IssueForm) -> Issue:
    _check_facts(form)
    for step in form.steps:
        if step.authority:
            authority(step.authority)
    return Issue(
        form=form,
        clauses=_clauses(form, programs()),
        enclosures=lines(form.enclosures),
        advice=_advice(form.advice),
    )


@cache
def acts() -> Files:
    """Return the acts that letters can use, in the order in which they are offered."""
    found = forms.act_files().kept(_act)
    ordered = sorted(found.good.items(), key=lambda item: item[1].form.order)
    return Files(dict(ordered), found.broken)


@cache
def forums() -> Files:
    """Return the forums that letters can use, by program."""
    return forms.forum_files().kept(_forum)


@cache
def issues() -> Files:
    """Return the issues that letters can use."""
    return forms.issue_files().kept(_issue)


def issue_of(category: object, reason: object, service: str = "") -> Issue | None:
    """Return the issue that answers a denial best: its service, its reason, else its category."""
    found = [(one.weight(category, reason, service), one) for one in issues().good.values()]
    best = max((weight for weight, _ in found), default=0)
    return next((one for weight, one in found if weight == best), None) if best else None


def forum(program_id: str) -> Forum:
    """Return a program's forum; raises RulesError where its file is defective or lacking."""
    return forums().one(program_id, f"rules/letters/forums/{program_id}.yaml")


def problems() -> tuple[Broken, ...]:
    """Return the rule files that letters leave out because they are broken, and why."""
    return tuple(
        Broken(
            one.file if one.file.startswith("rules/") else f"rules/{folder}/{one.file}.yaml",
            one.says,
        )
        for folder, files in (
            ("letters/acts", acts()),
            ("letters/forums", forums()),
            ("letters/issues", issues()),
            ("letters/evidence", guidelines()),
            ("services", services()),
        )
        for one in files.broken
    )

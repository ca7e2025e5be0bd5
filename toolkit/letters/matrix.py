"""Which act has a place at which level of which program, and why it has none elsewhere."""

from collections.abc import Sequence
from functools import cache

import msgspec

from toolkit.errors import RulesError
from toolkit.law import program, programs
from toolkit.law.model import DecisionRule, FilingRule, Level
from toolkit.letters.forms import Never, forum_files, where
from toolkit.letters.forums import Act, acts
from toolkit.rules import Sourced

OF_LEVEL = "the rule of the level"  # stands for its citation in the files of acts and forums
BESIDE = ""  # the level of a paper that is no step of an appeal


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One act at one level: whether it has a place there, and if not, why in law and what instead."""

    act: str
    program: str
    level: str
    why_not: str = ""
    citation: str = ""
    status: str = ""
    instead: str = ""

    @property
    def possible(self) -> bool:
        """Whether a letter of this act can be written at this level."""
        return not self.why_not


@cache
def cell(act_id: str, program_id: str, level_id: str) -> Cell:
    """Return whether an act has a place at a level ('' beside the appeals), and why not."""
    act: Act = acts().good[act_id]
    place = {"act": act_id, "program": program_id, "level": level_id}
    if level_id in where(act_id, program_id):
        return Cell(**place)
    level = program(program_id).level(level_id) if level_id else None
    there = forum_files().good.get(program_id)
    for each in there.never if there else ():
        if act_id in each.acts and level_id in (each.levels or (level_id,)):
            return _because(place, each)
    if level and where(act_id, program_id) and (own := _of_law(level, place)):
        return own
    return _because(place, act.form.elsewhere)


def _because(place: dict[str, str], each: Never) -> Cell:
    citation, status = each.citation, each.status
    if (
        citation == OF_LEVEL
    ):  # what the level is for, its own rule says; else the law of the program
        rules = program(place["program"])
        anywhere = where(place["act"], place["program"])
        level = rules.level(place["level"]) if place["level"] and anywhere else None
        rule = rule_of(level) if level else None
        citation = rule.citation if rule else rules.governing_law
        status = rule.status if rule else each.status
    return Cell(**place, why_not=each.says, citation=citation, status=status, instead=each.instead)


def rule_of(level: Level) -> Sourced:
    """Return the rule that a level is made by: on filing, why nothing is filed, terms, or the time to decide.

    Of several, the first of those that are in force.
    """
    found = _in_force(level.filing) if level.filing else level.automatic or level.by_terms
    return found or _in_force(level.decision)


def _in_force(rules: Sequence[FilingRule] | Sequence[DecisionRule]) -> Sourced:
    return next((one for one in rules if one.applies_until is None), rules[0])


def _of_law(level: Level, place: dict[str, str]) -> Cell | None:
    """Return why nothing is written at a level at all: the case goes there by itself, or it is a court."""
    if level.automatic:
        return Cell(
            **place,
            why_not=level.automatic.says,
            citation=level.automatic.citation,
            status=level.automatic.status,
            instead="the decision; once its day has passed, ask for it (--kind missed_decision)",
        )
    if level.amount_in_controversy == "judicial_review":
        rule = _in_force(level.filing)
        return Cell(
            **place,
            why_not="A civil action is begun by a complaint in court; no letter does it.",
            citation=rule.citation,
            status=rule.status,
            instead="counsel, who files the complaint",
        )
    return None


def levels_of(program_id: str) -> tuple[str, ...]:
    """Return the levels of a program for the matrix: none first, then in the program's order."""
    return (BESIDE, *(one.id for one in program(program_id).levels))


def cells() -> tuple[Cell, ...]:
    """Return every act at every level of every program; raises RulesError where one has no reason."""
    found = tuple(
        cell(act, name, level)
        for name in programs()
        for level in levels_of(name)
        for act in acts().good
    )
    for each in found:
        if not each.possible and not each.citation:
            raise RulesError(
                f"rules/letters/acts/{each.act}.yaml: no reason for {each.program} {each.level}"
            )
    return found

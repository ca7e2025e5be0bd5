"""Who may file at a level and stage, with which documents, and when there is no appeal at all."""

import msgspec

from toolkit.law.model import FILERS, STAGES, FilingRule, Level, Program, Standing, StateRules


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Who may file. `may_file` is None if the rules on file do not say.

    `way_on` says who may file where this filer may not.
    """

    may_file: bool | None
    papers: tuple[str, ...]
    instead: str | None
    says: str
    citation: str
    status: str
    way_on: tuple[str, ...] = ()


def standing(
    program: Program | StateRules,
    level: str,
    *,
    stage: str | None,
    filer: str | None,
    expedited: bool = False,
) -> Answer | None:
    """Return whether this filer may file at this level and stage; None without a filer."""
    if filer is None:
        return None
    of_level = [rule for rule in program.standing if level in rule.levels]
    of_filer = [rule for rule in of_level if not rule.when.filers or filer in rule.when.filers]
    for rule in of_filer:
        if rule.when.holds(stage, filer, expedited):
            able = "" if rule.may_file else _able(of_level, stage, expedited)
            return _answer([rule], able)
    able = _able(of_level, stage, expedited)
    if of_filer and not any(rule.may_file for rule in of_filer):
        return _answer(of_filer, able)  # this does not depend on the stage
    return _not_settled(program, _level(program, level), able, of_filer, stage)


def _level(program: Program | StateRules, level_id: str) -> Level:
    return next(level for level in program.levels if level.id == level_id)


def party(filer: str | None, rule: FilingRule) -> Answer | None:
    """Return whether a filer may dispute under a contract: only the provider it binds may."""
    if filer is None:
        return None
    bound = filer in ("contracted_provider", "network_provider")
    return Answer(
        may_file=bound,
        papers=(),
        instead=None,
        says="Only the contracted provider may dispute under its contract, in its own name.",
        citation=rule.citation,
        status=rule.status,
        way_on=() if bound else ("the level at which this filer has an appeal of its own",),
    )


def _answer(rules: list[Standing], able: str) -> Answer:
    """Return the answer of rules that all agree about a filer."""
    first = rules[0]
    return Answer(
        may_file=first.may_file,
        papers=first.papers,
        instead=next((rule.instead for rule in rules if rule.instead), None),
        says=" ".join(dict.fromkeys(rule.says for rule in rules)),
        citation="; ".join(dict.fromkeys(rule.citation for rule in rules)),
        status="; ".join(dict.fromkeys(rule.status for rule in rules)),
        way_on=(f"a filer who may: {able}",) if able and not first.may_file else (),
    )


def _not_settled(
    program: Program | StateRules,
    level: Level,
    able: str,
    of_filer: list[Standing],
    stage: str | None,
) -> Answer:
    """Return the answer for a filer whose standing the rules do not settle, and what to check."""
    says = "The rules on file do not settle whether this filer may file at this level."
    if stage is None and any(rule.when.stages for rule in of_filer):
        says += " It depends on the stage; name the stage."
    says += f" Before you rely on this date, check it with {level.decider} or in {program.governing_law}."
    if able:
        says += f" The rules name as able to file: {able}."
    return Answer(may_file=None, papers=(), instead=None, says=says, citation="", status="")


def _able(rules: list[Standing], stage: str | None, expedited: bool) -> str:
    """Return the filers that the rules allow at the stage, or at any stage if it is unknown."""
    asked = (stage,) if stage else STAGES
    first = (
        (filer, next((one for one in rules if one.when.holds(at, filer, expedited)), None))
        for filer in FILERS
        for at in asked
    )
    return ", ".join(dict.fromkeys(filer for filer, rule in first if rule and rule.may_file))

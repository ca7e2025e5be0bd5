"""Who may file: which paper a filer needs at a level and stage, and when there is no appeal at all."""

import msgspec

from toolkit.law.model import FILERS, STAGES, FilingRule, Level, Program, Standing, StateRules


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Who may file. `may_file` is None where the rules on file do not say.

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
    """Return what the rules say of this filer at this level and stage; None without a filer."""
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
        return _answer(of_filer, able)  # no stage has to be known for that
    return _not_settled(program, _level(program, level), able, of_filer, stage)


def _level(program: Program | StateRules, level_id: str) -> Level:
    return next(level for level in program.levels if level.id == level_id)


def party(filer: str | None, rule: FilingRule) -> Answer | None:
    """Return what a contract's own rule says of a filer: the provider that it binds may dispute under it."""
    if filer is None:
        return None
    bound = filer in ("contracted_provider", "network_provider")
    return Answer(
        may_file=bound,
        papers=(),
        instead=None,
        says="A dispute under a contract is that of the contracted provider, in its own name.",
        citation=rule.citation,
        status=rule.status,
        way_on=() if bound else ("the level at which this filer has an appeal of its own",),
    )


def _answer(rules: list[Standing], able: str) -> Answer:
    """Return the one answer of rules that all say the same of a filer."""
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
    """Return that nothing on file settles the filer's standing, and what to check."""
    says = "Whether this filer may file at this level is not settled by the rules on file."
    if stage is None and any(rule.when.stages for rule in of_filer):
        says += " It depends on the stage; name the stage."
    says += f" Before you rely on this date, check it with {level.decider} or in {program.governing_law}."
    if able:
        says += f" On file as able to file: {able}."
    return Answer(may_file=None, papers=(), instead=None, says=says, citation="", status="")


def _able(rules: list[Standing], stage: str | None, expedited: bool) -> str:
    """Return the filers that the rules let file at the stage; at some stage where it is not known."""
    asked = (stage,) if stage else STAGES
    first = (
        (filer, next((one for one in rules if one.when.holds(at, filer, expedited)), None))
        for filer in FILERS
        for at in asked
    )
    return ", ".join(dict.fromkeys(filer for filer, rule in first if rule and rule.may_file))

"""Who may file: which paper a filer needs at a level and stage, and when there is no appeal at all."""

import msgspec

from toolkit.law.model import Program, Standing


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Who may file. `may_file` is None where the rules on file do not say."""

    may_file: bool | None
    papers: tuple[str, ...]
    instead: str | None
    says: str
    citation: str
    status: str


def standing(
    program: Program, level: str, *, stage: str | None, filer: str | None, expedited: bool = False
) -> Answer | None:
    """Return what the rules say of this filer at this level and stage; None without a filer."""
    if filer is None:
        return None
    of_filer = [
        rule
        for rule in program.standing
        if level in rule.levels and (not rule.when.filers or filer in rule.when.filers)
    ]
    for rule in of_filer:
        if rule.when.holds(stage, filer, expedited):
            return Answer(
                may_file=rule.may_file,
                papers=rule.papers,
                instead=rule.instead,
                says=rule.says,
                citation=rule.citation,
                status=rule.status,
            )
    if of_filer and not any(rule.may_file for rule in of_filer):
        return _at_no_stage(of_filer)
    return Answer(
        may_file=None,
        papers=(),
        instead=None,
        says=(
            "The rules on file do not say whether this filer may file at this level and stage"
            + ("" if stage else "; name the stage")
            + "."
        ),
        citation="",
        status="",
    )


def _at_no_stage(rules: list[Standing]) -> Answer:
    """Return the answer where every stage's rule refuses the filer: no stage has to be known for that."""
    return Answer(
        may_file=False,
        papers=(),
        instead=next((rule.instead for rule in rules if rule.instead), None),
        says=" ".join(dict.fromkeys(rule.says for rule in rules)),
        citation="; ".join(dict.fromkeys(rule.citation for rule in rules)),
        status="; ".join(dict.fromkeys(rule.status for rule in rules)),
    )

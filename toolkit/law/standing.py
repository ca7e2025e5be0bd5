"""Who may file: which paper a filer needs at a level and stage, and when there is no appeal at all."""

import msgspec

from toolkit.law.model import Program


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
    for rule in program.standing:
        if level in rule.levels and rule.when.holds(stage, filer, expedited):
            return Answer(
                may_file=rule.may_file,
                papers=rule.papers,
                instead=rule.instead,
                says=rule.says,
                citation=rule.citation,
                status=rule.status,
            )
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

"""Who may file, and with which paper: the first rule that fits the filer and the facts decides."""

from collections.abc import Mapping
from functools import cache

import msgspec

from toolkit.errors import RefusedError, RulesError
from toolkit.letters.authority import authority
from toolkit.letters.conditions import Condition, holds, parse
from toolkit.letters.facts import fact_types
from toolkit.rules import RULES, read


class _Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    filer: str
    may_file: str
    says: str
    authorities: tuple[str, ...]
    when: str = ""
    instead: str = ""
    needs: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    program: str
    level: str
    rules: tuple[_Rule, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of filer may do, with which paper, and by which authority."""

    filer: str
    when: Condition
    may_file: bool
    says: str
    instead: str
    needs: tuple[str, ...]
    authorities: tuple[str, ...]


@cache
def standing_rules(name: str) -> tuple[Standing, ...]:
    """Return the rules on file, in the order in which they are tried."""
    where = f"rules/letters/standing/{name}.yaml"
    form = read(RULES / "letters" / "standing" / f"{name}.yaml", _File)
    filers = {*fact_types()["filer"].choices, "unknown"}
    for rule in form.rules:
        if rule.filer not in filers or rule.may_file not in {"yes", "no"} or not rule.authorities:
            raise RulesError(f"{where}: a rule has an unknown filer, no answer or no authority")
        if (rule.may_file == "no") != bool(rule.instead):
            raise RulesError(f"{where}: a refusal says what to do instead, nothing else does")
        if any(not authority(a).governs(form.program) for a in rule.authorities):
            raise RulesError(f"{where}: an authority does not govern {form.program}")
    return tuple(
        Standing(
            filer=rule.filer,
            when=parse(rule.when),
            may_file=rule.may_file == "yes",
            says=rule.says,
            instead=rule.instead,
            needs=rule.needs,
            authorities=rule.authorities,
        )
        for rule in form.rules
    )


def standing(name: str, values: Mapping[str, object]) -> Standing | None:
    """Return the rule that decides for these facts, or nothing while the filer is unknown.

    Raises RefusedError, with what to do instead, when this filer may not file.
    """
    filer = values.get("filer") or "unknown"
    for rule in standing_rules(name):
        if rule.filer == filer and holds(rule.when, values):
            if not rule.may_file:
                cites = ", ".join(authority(a).citation for a in rule.authorities)
                raise RefusedError(f"{rule.says} ({cites})", needs=(rule.instead,))
            return rule
    return None

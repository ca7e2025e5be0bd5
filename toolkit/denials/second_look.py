"""Second look: facts of a denial that contradict each other, with the columns that show it.

The warnings are data (`rules/denials/second_look.yaml`): which facts, with which values, and the
options with the time that each uses up. Warnings that need one denial are found here; those that compare with
other lines of the files get their two facts (`original`, `interval`) from triage.
"""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Literal

from toolkit.denials import codes
from toolkit.denials.classify import Denial
from toolkit.denials.services import is_drug, service_of
from toolkit.errors import RulesError, UsageError
from toolkit.rules import read

FACTS = (
    "group_code",
    "carc",
    "carc_category",
    "carc_final",
    "carc_groups_patient",
    "carc_only_patient",
    "provider_issue",
    "remark_categories",
    "remark_agrees",
    "text_categories",
    "text_agrees",
    "denial_category",
    "reason",
    "route",
    "drug",
    "service",
    "program",
    "original",
    "interval",
    "tracker",
    "sent_on",
)


class WayOn(codes._Row, frozen=True, kw_only=True):
    """One option after a warning, and the time that it uses up."""

    route: str
    says: str
    burns: str


class Look(codes._Row, frozen=True, kw_only=True):
    """One contradiction: its id, the columns that show it, and the options."""

    id: str
    when: dict[str, tuple[str, ...]]
    columns: tuple[str, ...]
    says: str
    routes: tuple[WayOn, ...]
    authorities: tuple[str, ...] = ()
    needs: Literal["denial", "file"] = "denial"
    mark: codes.Mark


@lru_cache(maxsize=1)
def looks() -> Mapping[str, Look]:
    """Return every warning by its id, in the order of the file."""
    found = read(codes.FOLDER / "second_look.yaml", tuple[Look, ...])
    for look in found:
        where = f"second_look.yaml, {look.id}"
        if strange := set(look.when) - set(FACTS):
            raise RulesError(f"{where}: {', '.join(sorted(strange))} is no fact")
        if not (look.when and look.columns and look.routes):
            raise RulesError(f"{where}: needs when, columns and routes")
        for way in look.routes:
            if way.route not in codes.routes():
                raise RulesError(f"{where}: route {way.route} is not in categories.yaml")
    table = {look.id: look for look in found}
    if len(table) != len(found):
        raise RulesError("second_look.yaml: an id is listed twice")
    return MappingProxyType(table)


def second_look(
    denial: Denial,
    *,
    group_code: Any = None,
    carc: Any = None,
    rarcs: Any = (),
    text: str | None = None,
    procedure_code: Any = None,
    program: str | None = None,
    original: Literal["paid", "unpaid", "none"] | None = None,
    interval: Literal["passed", "sooner", "unknown", "none"] | None = None,
) -> tuple[Look, ...]:
    """Return the contradictions in one denial, in the order of the file.

    Takes what `classify` was given, and its answer. `original` says what the files hold of the
    service denied as a duplicate; `interval`, whether the months that the service's frequency asks
    for had passed. A warning names columns, never values. Nothing for what is not a denial.
    """
    if not denial.is_denial:
        return ()
    seen = _facts(denial, group_code, carc, rarcs, text, procedure_code, program)
    seen |= {"original": _one(original), "interval": _one(interval)}
    seen |= dict.fromkeys(_HISTORY, frozenset())  # of the file's history: see `of_history`
    return tuple(look for look, tests in _tests() if all(seen[f] & wanted for f, wanted in tests))


def look(name: str) -> Look:
    """Return one warning by its id; an unknown id is a UsageError."""
    if name not in looks():
        raise UsageError("second look: there is no warning with that id")
    return looks()[name]


def of_service(**facts: str | None) -> tuple[str, ...]:
    """Return the ids of the warnings that turn on the service or on other lines of the files.

    For bulk work, which asks the other warnings with the category: here are those whose `when`
    holds a drug, a service, an original or an interval. `facts` are of FACTS, one value each.
    """
    seen = {name: _one(value) for name, value in facts.items()}
    return tuple(
        look.id
        for look, tests in _tests()
        if any(fact in _SERVICE for fact, _ in tests)
        and all(seen.get(fact, frozenset()) & wanted for fact, wanted in tests)
    )


def of_history(**facts: str | None) -> tuple[str, ...]:
    """Return the ids of the warnings that turn on the claim's history: tracker and sent_on."""
    seen = {name: _one(value) for name, value in facts.items()}
    return tuple(
        look.id
        for look, tests in _tests()
        if any(fact in _HISTORY for fact, _ in tests)
        and all(seen.get(fact, frozenset()) & wanted for fact, wanted in tests)
    )


@lru_cache(maxsize=1)
def turns_on_service() -> Mapping[str, frozenset[str]]:
    """Return for each of `of_service`'s warnings' facts the values that can have one.

    Keys: denial_category, reason, original and interval (the reasons for which each is looked up).
    """
    mine = [look.when for look in looks().values() if _SERVICE & set(look.when)]
    values = {
        fact: frozenset(value for when in mine for value in when.get(fact, ()))
        for fact in ("denial_category", "reason")
    }
    values["interval"] = frozenset(
        value for when in mine if "interval" in when for value in when.get("reason", ())
    )
    values["original"] = frozenset(
        value for when in mine if "original" in when for value in when.get("denial_category", ())
    )
    return MappingProxyType(values)


@lru_cache(maxsize=256)
@cache
def programs_looked_at(reason: str | None = None) -> frozenset[str]:
    """Return the programs that a warning about this reason turns on; without a reason, about any."""
    return frozenset(
        name
        for look in looks().values()
        if reason is None or reason in look.when.get("reason", (reason,))
        for name in look.when.get("program", ())
    )


_SERVICE = frozenset({"drug", "service", "original", "interval"})
_HISTORY = frozenset({"tracker", "sent_on"})


@lru_cache(maxsize=1)
def _tests() -> tuple[tuple[Look, tuple[tuple[str, frozenset[str]], ...]], ...]:
    return tuple(
        (look, tuple((fact, frozenset(values)) for fact, values in look.when.items()))
        for look in looks().values()
    )


def _one(value: str | None) -> frozenset[str]:
    return frozenset((value,)) if value else frozenset()


def _yes_no(value: bool | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset(("yes" if value else "no",))


def _facts(
    denial: Denial,
    group_code: Any,
    carc: Any,
    rarcs: Any,
    text: str | None,
    procedure_code: Any,
    program: str | None,
) -> dict[str, frozenset[str]]:
    prefix, code = codes.read_carc(carc)
    group = codes.read_group(group_code) or prefix
    if group not in codes.group_codes():
        group = prefix
    entry = codes.carcs().get(code)
    remarks = frozenset(
        row.category
        for row in (codes.rarcs().get(r) for r in codes.read_rarcs(rarcs)[0])
        if row is not None and row.over in _FIRM and row.category not in _SAYS_NOTHING
    )
    hits = _find(text) if isinstance(text, str) and text.strip() else ()
    return {
        "group_code": _one(group),
        "carc": _one(code),
        "program": _one(program),
        "denial_category": _one(denial.denial_category),
        "reason": _one(denial.reason),
        "route": _one(denial.route),
        "drug": _one(is_drug(procedure_code)),
        "service": _one(service_of(procedure_code)),
        "provider_issue": _one(codes.category_of()[denial.denial_category].provider_issue),
        "remark_categories": remarks,
        "text_categories": frozenset(hit.category for hit in hits),
        **_of_code(entry, remarks),
        "text_agrees": _yes_no(
            _text_agrees(denial, entry, hits) if entry is not None and hits else None
        ),
    }


def _find(text: str) -> tuple:
    from toolkit.denials.text import find  # where there is text to read: its reader is no light one

    return find(text)


# A remark that explains only the codes that say little alone contradicts none of the others.
_FIRM = frozenset({"any", "all"})
_SAYS_NOTHING = frozenset({"", "not_a_denial", "unclassified"})
# Categories of codes that say little alone: whatever explains them contradicts nothing.
_OPEN = frozenset({"unclassified", "claim_data", "non_covered", "not_a_denial"})


def _of_code(entry: codes.Carc | None, remarks: Iterable[str]) -> dict[str, frozenset[str]]:
    if entry is None:
        names = (
            "carc_category", "carc_final", "carc_groups_patient", "carc_only_patient",
            "remark_agrees",
        )  # fmt: skip
        return dict.fromkeys(names, frozenset())
    groups = entry.usual_group.split()
    return {
        "carc_category": _one(entry.category),
        "carc_final": _yes_no(entry.category not in _OPEN and not entry.needs_remark),
        "carc_groups_patient": _yes_no("PR" in groups),
        "carc_only_patient": _yes_no(groups == ["PR"]),
        "remark_agrees": _yes_no(entry.category in remarks if remarks else None),
    }


def _text_agrees(denial: Denial, entry: codes.Carc, hits: tuple) -> bool:
    # A reason of the same name counts too: "frequency" is one under several categories.
    reasons = codes.category_of()[denial.denial_category].reasons
    said = {denial.denial_category, entry.category}
    return any(hit.category in said or hit.reason in reasons for hit in hits)

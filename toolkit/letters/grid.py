"""The criteria of a case as a grid: each requirement, how it stands, and what in the record shows it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Literal

import msgspec

from toolkit.cases.case import Case
from toolkit.letters.authority import authority
from toolkit.letters.checklist import about
from toolkit.letters.conditions import facts as facts_of
from toolkit.letters.conditions import judge
from toolkit.letters.criteria import UNMET, Criterion, in_program, still_open
from toolkit.letters.derived import COMPUTED, DERIVED
from toolkit.letters.facts import fact_types, in_words, is_place, printed, rows
from toolkit.letters.letter_kind import program_of
from toolkit.letters.services import counted
from toolkit.rules.words import capital

State = Literal["met", "not_met", "not_known"]
_STATES: dict[bool | None, State] = {True: "met", False: "not_met", None: "not_known"}


_ANY_PAGE = ("the page that shows it",)


class Requirement(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the grid: a criterion of the law, or a requirement of the payer's policy.

    `id` is the criterion's name, '' for a requirement of the payer; `depth` is 0 for what is needed by
    itself and more for the parts of a group. `note` says how many of a group are needed, or that it is
    asked for only where it helps. `wanted` names the facts without which it is not known, `look_for` the
    documents to look for while none of `documents` shows it.
    """

    id: str
    says: str
    citation: str
    state: State
    depth: int = 0
    note: str = ""
    is_group: bool = False
    optional: bool = False
    facts: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    look_for: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    reason: str = ""

    def __repr__(self) -> str:
        return f"Requirement({self.id!r}, {self.state})"  # its facts may be a patient's


def grid_of(
    case: Case, *, as_of: date, attached: Mapping[str, Sequence[str]] | None = None
) -> tuple[Requirement, ...]:
    """Return the criteria of the service, each below its group, then the payer's own requirements.

    `attached` are the names of the attached documents by what each is in the checklist. Empty where the
    denial does not turn on criteria, or none are on file for the service in the program.
    """
    values = {name: fact.value for name, fact in case.facts.items() if name not in DERIVED}
    found = [_of_policy(row) for row in _rows("requirements", values)]
    service, issue = about(case)
    if service is None or issue is None or issue.form.criteria != "yes":
        return tuple(found)
    name = str(program_of(case))
    values |= counted(values, service, name, as_of=as_of)
    own = (in_program(one, name) for one in service.criteria)
    maker = _Maker(values, attached or {})
    of_law = (row for one in own if one for row in maker.rows(one))
    return (*of_law, *found)


class _Maker:
    """Makes the rows of criteria from the facts of one case and the documents attached to it."""

    def __init__(self, values: Mapping[str, object], attached: Mapping[str, Sequence[str]]):
        self._values, self._attached = values, attached

    def rows(
        self, one: Criterion, depth: int = 0, said: frozenset[str] = frozenset()
    ) -> Iterator[Requirement]:
        """Yield the row of a criterion and the rows of its parts; nothing where it is not asked for.

        `said` are the facts that the group above names as unknown already.
        """
        values = self._values
        if judge(one.when, values) is False:
            return
        state = one.is_shown(values) if one.optional else one.value(values)
        parts = () if one.how == "not" else one.parts
        wanted = self._wanted(one)
        if one.how in ("any", "at_least"):  # what is met is enough; what is not leads nowhere
            open_ = tuple(part for part in parts if part.value(values) is not False)
            met = tuple(part for part in parts if part.value(values) is True)
            parts = (met if state else open_) or parts
            # What decides between the ways is named once, at the group.
            wanted = frozenset.intersection(*(self._wanted(part) for part in parts))
        elif parts:
            wanted = frozenset()
        yield _row(one, values, self._attached, depth, _STATES[state], wanted - said)
        for part in parts:
            yield from self.rows(part, depth + 1, said | wanted)

    def _wanted(self, one: Criterion) -> frozenset[str]:
        return frozenset(each.fact for each in still_open(one, self._values))


def _row(
    one: Criterion,
    values: Mapping[str, object],
    attached: Mapping[str, Sequence[str]],
    depth: int,
    state: State,
    wanted: frozenset[str],
) -> Requirement:
    asked = [*one.facts, *facts_of(one.met)]
    if one.how == "not":
        asked += [name for part in one.parts[0].every for name in facts_of(part.met)]
    named = tuple(dict.fromkeys(asked))
    unmet = next((row for row in _rows(UNMET, values) if row["criterion"] == one.id), {})
    documents = tuple(name for what in one.looked_for for name in attached.get(what, ()))
    known = [name for name in named if values.get(name) is not None]
    is_group = bool(one.parts) and one.how != "not"
    looked_for = (
        ()
        if is_group or documents or state == "met" or not one.facts
        else one.shown_by or _ANY_PAGE
    )
    return Requirement(
        id=one.id,
        says=one.says,
        citation=", ".join(authority(name).citation for name in one.authorities),
        state=state,
        depth=depth,
        note=_note(one),
        is_group=is_group,
        optional=one.optional,
        facts=tuple(
            _said(name, values, bare=one.plain)
            for name in known
            if not is_place(name) and not isinstance(values[name], date)
        ),
        wanted=tuple(sorted(_label(name) for name in wanted)),
        documents=documents,
        look_for=looked_for,
        pages=tuple(
            str(value)
            for value in [*(values[name] for name in known if is_place(name)), unmet.get("page")]
            if value
        ),
        days=tuple(in_words(day) for name in known if isinstance(day := values[name], date)),
        reason=str(unmet.get("reason") or ""),
    )


def _note(one: Criterion) -> str:
    if one.optional:
        return "asked for only where it helps"
    if one.how == "at_least":
        return f"at least {one.number} of these"
    return {"any": "one of these is enough", "all": "all of these are needed"}.get(one.how, "")


def _label(name: str) -> str:
    return capital(COMPUTED[name]) if name in COMPUTED else fact_types()[name].label


def _said(name: str, values: Mapping[str, object], *, bare: bool) -> str:
    text = printed(name, values[name])
    return text if bare else f"{_label(name)}: {text}"


def _of_policy(row: Mapping[str, object]) -> Requirement:
    met = str(row["met"])
    return Requirement(
        id="",
        says=f"“{row['words']}”",
        citation=str(row["policy"]),
        state="not_met" if met == "not_met" else "met",
        note="does not apply" if met == "not_applicable" else "",
        facts=(str(row["fact"]),) if row.get("fact") else (),
        pages=(str(row["page"]),) if row.get("page") else (),
        reason=str(row.get("reason") or ""),
    )


def _rows(name: str, values: Mapping[str, object]) -> list[dict[str, str | date]]:
    return rows(values.get(name), fact_types()[name])

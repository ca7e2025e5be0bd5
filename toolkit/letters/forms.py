"""What the rule files of letters may say, before their sentences are bound: shapes, nothing else.

An act is what the paper does (an appeal, a request for the criteria ...), a forum is a program and
its levels, an issue is what the denial turns on. Each is one file; so is a service. Facts that only
one of them uses are declared in the same file.
"""

from functools import cache
from typing import Any, Literal

import msgspec

from toolkit.letters.files import Files, of_folder
from toolkit.rules import Sourced

YesNo = Literal["yes", "no"]
Slot = Literal[
    "opening", "denial", "brief", "expedited", "timeliness", "background", "argument",
    "evidence", "requests", "next", "closing",
]  # fmt: skip
SLOTS: tuple[str, ...] = Slot.__args__


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of a rule file: what it does not declare is refused."""


class LineForm(Strict, frozen=True, kw_only=True):
    """One line of the reference block, the signature, the enclosures or the copies."""

    says: str
    label: str = ""
    when: str = ""


class AdviceForm(Strict, frozen=True, kw_only=True):
    """What the sender should know; never part of the letter."""

    says: str
    authorities: tuple[str, ...] = ()
    when: str = ""


class ClauseForm(Strict, frozen=True, kw_only=True):
    """One argument, request or formality: the slot it fills, for which letters, and its sentences.

    What is not named does not matter. A clause of a service comes before one of an issue with the
    same id, that of an issue before a forum's, and a forum's before an act's.
    """

    id: str
    slot: Slot
    text: str
    order: int = 50
    acts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    issues: tuple[str, ...] = ()
    when: str = ""
    heading: str = ""
    numbered: YesNo = "no"
    table: str = ""  # criteria, evidence, or the name of a fact that is a table


class Required(Sourced, frozen=True, kw_only=True):
    """One thing that the law wants in a request at a level, and the facts that state it."""

    says: str
    facts: tuple[str, ...]
    when: str = ""


class Never(Sourced, frozen=True, kw_only=True):
    """Why acts have no place in a program, or at some of its levels."""

    says: str
    acts: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    instead: str = ""


class LevelForm(Strict, frozen=True, kw_only=True):
    """What a request at a level is called, which acts have a place there, and what has to be in it."""

    request: str
    joint: Literal["of", "on", "against"] = "of"  # a redetermination of a decision, a hearing on it
    acts: tuple[str, ...] = ()
    title: str = ""
    salutation: str = ""
    to: Literal["payer", "decider"] = "payer"  # whose name stands in the address
    reader: str = ""  # the decider's name there, if it is not the one of the rules
    required: tuple[Required, ...] = ()


class ForumForm(Strict, frozen=True, kw_only=True):
    """How a program's deciders are written to, and by which acts: at its levels, or beside them.

    `never` says why an act has no place in the program, or at some of its levels.
    """

    program: str
    beside: tuple[str, ...]
    member_number: str  # what the patient's number is called
    salutation: str
    levels: dict[str, LevelForm]
    never: tuple[Never, ...] = ()
    facts: tuple[dict[str, Any], ...] = ()
    clauses: tuple[ClauseForm, ...] = ()
    advice: tuple[AdviceForm, ...] = ()


class ActForm(Strict, frozen=True, kw_only=True):
    """What a paper does, and when it may be written; where it has a place, the forums say.

    `at`: the level it is for is the next one to file (`next`), the one that waits for a decision
    (`waiting`), or none (`beside` the appeals). `where` adds places to those that the forums name, so
    that a new act is one file; `elsewhere` says why there is no other place.
    """

    id: str
    order: int
    title: str
    subject: str
    at: Literal["next", "waiting", "beside"]
    states: tuple[str, ...]
    routes: tuple[str, ...] = ()
    allows: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()  # of denials, where the act answers some only
    denied_appeal: YesNo = "no"  # also where the law gives no appeal
    speaker: Literal["filer", "provider"] = "filer"  # provider: never the patient, whoever appeals
    argues: YesNo = "no"  # whether issue and service bring their arguments
    paper: str = ""  # the fact of the paper of the filer that the letter itself is
    where: dict[str, tuple[str, ...]] = {}
    elsewhere: Never
    asks: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    facts: tuple[dict[str, Any], ...] = ()
    clauses: tuple[ClauseForm, ...]
    enclosures: tuple[LineForm, ...] = ()
    advice: tuple[AdviceForm, ...] = ()


class DocumentForm(Strict, frozen=True, kw_only=True):
    """A document that a case needs: what it shows, and who has it."""

    what: str
    shows: str
    source: str = msgspec.field(name="from")
    fact: str = ""
    programs: tuple[str, ...] = ()


class StepForm(Strict, frozen=True, kw_only=True):
    """One thing to do about a denial, and why."""

    do: str
    why: str
    authority: str = ""
    programs: tuple[str, ...] = ()
    when: str = ""


class Answers(Strict, frozen=True, kw_only=True):
    """A category of denials that an issue answers: some of its reasons, or all where none is named."""

    category: str
    reasons: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class IssueForm(Strict, frozen=True, kw_only=True):
    """What a denial turns on: the denials it answers, its arguments, documents and steps."""

    id: str
    title: str
    answers: tuple[Answers, ...]
    criteria: YesNo = "no"  # whether the service's criteria are argued
    clinical: YesNo = "no"  # whether the denial is of medical necessity
    asks: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    facts: tuple[dict[str, Any], ...] = ()
    clauses: tuple[ClauseForm, ...] = ()
    documents: tuple[DocumentForm, ...] = ()
    steps: tuple[StepForm, ...] = ()
    enclosures: tuple[LineForm, ...] = ()
    advice: tuple[AdviceForm, ...] = ()


class StatementForm(Strict, frozen=True, kw_only=True):
    """One statement of a guideline in our own words: for which patients, and how the body grades it.

    `when` are the facts under which the patient is one of those it is about, and `fits` the sentence
    that says so of this patient. `source` and `status` stand here where they differ from the guideline's.
    """

    id: str
    services: tuple[str, ...]
    says: str
    grade: str
    population: str
    when: str
    fits: str
    source: str = ""
    status: str = ""


class GuidelineForm(Strict, frozen=True, kw_only=True):
    """A guideline of a professional body or a task force, with the statements that letters use.

    It is evidence and never law. `published` is the date of the edition that was read about (a year, a
    month or a day), `reaffirmed` when the body last confirmed it, and `superseded_by` the edition that
    took its place: it is then left out of letters.
    """

    id: str
    body: str
    title: str
    published: str
    source: str
    verified_on: str
    status: Literal["V", "V2", "M"]
    reaffirmed: str = ""
    superseded_by: str = ""
    facts: tuple[dict[str, Any], ...] = ()
    statements: tuple[StatementForm, ...]


@cache
def guideline_files() -> Files:
    """Return the guidelines on file: one file each."""
    return of_folder("evidence", GuidelineForm, lambda form: form.id)


@cache
def act_files() -> Files:
    """Return the acts on file."""
    return of_folder("acts", ActForm, lambda form: form.id)


@cache
def forum_files() -> Files:
    """Return the forums on file: one file a program."""
    return of_folder("forums", ForumForm, lambda form: form.program)


@cache
def issue_files() -> Files:
    """Return the issues on file."""
    return of_folder("issues", IssueForm, lambda form: form.id)


def where(act: str, program_id: str) -> tuple[str, ...]:
    """Return the levels of a program where an act has a place; '' stands for beside them."""
    form, own = forum_files().good.get(program_id), act_files().good.get(act)
    if form is None:
        return ()
    found = [level for level, one in form.levels.items() if act in one.acts]
    found += [""] if act in form.beside else []
    return tuple(dict.fromkeys([*found, *(own.where.get(program_id, ()) if own else ())]))


def programs_of(act: str) -> tuple[str, ...]:
    """Return the programs in which an act has a place."""
    return tuple(name for name in forum_files().good if where(act, name))

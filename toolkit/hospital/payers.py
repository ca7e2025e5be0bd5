"""Which program a claim is under, and whether the hospital is contracted: stated, never guessed.

The claim's own statement (CLP06, the export's plan or financial class column) and the hospital's
payer table are the only sources. If they state nothing or disagree, the answer is a stated gap.
"""

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import InputError, UsageError
from toolkit.hospital.local_tables import cell_at, columns_of, read_table
from toolkit.law import known_jurisdiction, narrowest, program_named, program_names
from toolkit.rules import RULES, read, read_csv

LOCAL = Path("local") / "payers.csv"

# The columns that answers turn on: one of the first two, and one of the second two.
NAMES = ("payer_id", "payer_name")
ANSWERS = ("program", "contracted")
COLUMNS = (
    *NAMES, "plan_name", *ANSWERS, "funding", "appeals_address", "address_verified_on",
    "state_window", "jurisdiction",
)  # fmt: skip
_LONGEST_WINDOW = 366  # days; more is a slip of the pen
# Where a fact comes from that a person stated at the desk or in the case store.
ENTERED = "entered by the analyst"

# What every payer that is the patient, or who answers for the patient, is called outside the worklist:
# hospitals name such plans after the person.
SELF_PAY = "Self-pay"
_SELF_PAY = re.compile(
    r"\b(self[\s_-]*(pay|paid|insured person)|private[\s_-]*pay|patient[\s_-]*(pay|resp\w*|balance)|"
    r"(cash|out[\s_-]*of[\s_-]*pocket)[\s_-]*pay\w*|guarantor|uninsured|no[\s_-]+(insurance|coverage))",
    re.IGNORECASE,
)

_YES_NO = {"yes": "yes", "y": "yes", "true": "yes", "no": "no", "n": "no", "false": "no"}


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """One row of payers.csv: a payer, or one plan of it."""

    payer_id: str = ""
    payer_name: str = ""
    plan_name: str = ""
    program: str = ""
    contracted: str = ""  # contracted, not_contracted or ''
    funding: str = ""  # insured, self_funded or ''
    appeals_address: str = ""
    address_verified_on: date | None = None
    state_window: int | None = None  # days that the state gives for a Medicaid fair hearing
    jurisdiction: str = ""  # state whose law governs the plan, as two letters; none if self-funded


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Program and contract status of one distinct combination of payer facts, with where from."""

    program: str | None
    program_from: str
    contracted: str | None
    contracted_from: str
    gap: str = ""
    state_window: int | None = None
    jurisdiction: str | None = None


class _Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    code: str
    says: str
    mark: str
    program: str | None = None


class _Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: str
    name: str


@cache
def claim_filing_indicators() -> dict[str, _Indicator]:
    """Return CLP06's codes with the program that each states, if it states one."""
    rows = read_csv(RULES / "payers" / "claim_filing_indicators.csv", _Indicator)
    return {row.code: row for row in rows}


@cache
def coverage_names() -> dict[str, str]:
    """Return every id that a payer's program can have, with its name.

    Those are the programs that have rules, and other coverage, for which no date is ever given.
    """
    other = read(RULES / "payers" / "other_coverage.yaml", tuple[_Coverage, ...])
    ruled = {one.program: one.name for one in program_names()}
    return ruled | {one.id: one.name for one in other if one.id not in ruled}


@cache
def _program_cells() -> dict[str, str]:
    """Return what a cell may say for a program that has no rules, compared without its case."""
    return {word.casefold(): one for one, name in coverage_names().items() for word in (one, name)}


def program_of(text: str) -> str | None:
    """Return the id of the program that an id, a name or another spelling of it means, or None."""
    return program_named(text) or _program_cells().get(text.strip().casefold())


def is_self_pay(name: str) -> bool:
    """Say whether a payer's name says that the patient pays, and so may be a person's."""
    return _SELF_PAY.search(name) is not None


class PayerTable(msgspec.Struct, frozen=True, kw_only=True):
    """A payer table: its payers, and the headings of its columns that are not read."""

    payers: tuple[Payer, ...] = ()
    not_read: tuple[str, ...] = ()


def read_payers(path: Path | None = None) -> tuple[Payer, ...]:
    """Return the hospital's payers: those of `path`, else of local/payers.csv, else none.

    One row per payer or per plan of a payer. Raises InputError naming the row and the column.
    """
    return read_payer_table(path).payers


def read_payer_table(path: Path | None = None) -> PayerTable:
    """Return the hospital's payer table with the headings that it has beside ours.

    It needs payer_id or payer_name, and program or contracted; every other column is optional.
    The order, case, spaces and abbreviations of headings do not matter. Raises
    InputError naming the row and the column.
    """
    if path is None:
        return read_payer_table(LOCAL) if LOCAL.exists() else PayerTable()
    headings, rows = read_table(path)
    places, not_read = columns_of(headings, COLUMNS, path.name)
    for wanted in (NAMES, ANSWERS):
        if not set(wanted) & set(places):
            raise InputError(f"{path.name}, row 1: no column {' or '.join(wanted)}; add one")
    seen: dict[tuple[str, str], int] = {}
    payers = []
    for number, row in rows:
        cells = {name: cell_at(row, places.get(name)) for name in COLUMNS}
        payers.append(_payer(cells, path.name, number))
        for key in payer_keys(payers[-1]):
            if key in seen:
                raise InputError(
                    f"{path.name}, row {number}: the same payer and plan as row {seen[key]}; keep one"
                )
            seen[key] = number
    return PayerTable(payers=tuple(payers), not_read=not_read)


def _payer(cells: dict[str, str], file: str, number: int) -> Payer:
    if cells["program"]:
        cells["program"] = _program(cells["program"], file, number)
    words = {
        "contracted": _YES_NO,
        "funding": {"insured": "insured", "self_funded": "self_funded"},
    }
    for column, known in words.items():
        word = cells[column].lower()
        if word and word not in known:
            allowed = ", ".join(sorted(set(known.values())))
            raise InputError(f"{file}, row {number}, {column}: is none of {allowed}")
        cells[column] = known.get(word, "")
    if not cells["payer_id"] and not cells["payer_name"]:
        raise InputError(f"{file}, row {number}: has no payer; fill in payer_id or payer_name")
    verified = cells.pop("address_verified_on")
    try:
        on = date.fromisoformat(verified) if verified else None
    except ValueError:
        raise InputError(
            f"{file}, row {number}, address_verified_on: expected a date as YYYY-MM-DD"
        ) from None
    window = cells.pop("state_window")
    if window and not (window.isdecimal() and 0 < int(window) <= _LONGEST_WINDOW):
        raise InputError(
            f"{file}, row {number}, state_window: expected a whole number of days, 1 to "
            f"{_LONGEST_WINDOW}"
        )
    try:
        cells["jurisdiction"] = known_jurisdiction(cells["jurisdiction"]) or ""
    except UsageError as error:
        raise InputError(f"{file}, row {number}, jurisdiction: {error}") from None
    if cells["jurisdiction"] and cells["funding"] == "self_funded":
        raise InputError(
            f"{file}, row {number}, jurisdiction: no state's law governs a self-funded plan; clear jurisdiction or correct funding"
        )
    status = {"yes": "contracted", "no": "not_contracted", "": ""}[cells.pop("contracted")]
    return Payer(
        **cells,
        contracted=status,
        address_verified_on=on,
        state_window=int(window) if window else None,
    )


def _program(text: str, file: str, number: int) -> str:
    found = program_of(text)
    if found is None:
        allowed = ", ".join(sorted(coverage_names()))
        raise InputError(f"{file}, row {number}, program: is none of {allowed}")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def payer_keys(payer: Any) -> list[tuple[str, str]]:
    """Return what a row of the payer table, or anything like one, is looked up by: id, name, plan."""
    plan = _plain(payer.plan_name)
    keys = []
    if payer.payer_id:
        keys.append((f"id {payer.payer_id.strip().upper()}", plan))
    if payer.payer_name:
        keys.append((f"name {_plain(payer.payer_name)}", plan))
    return keys


class PayerBook:
    """Looks a claim's payer up: by id, then by name; a row for the plan before one for the payer.

    Its rows are the payer table's, or anything else that names payer_id, payer_name and plan_name.
    """

    def __init__(self, rows: tuple[Any, ...]):
        self._rows = {key: row for row in rows for key in payer_keys(row)}

    def find(self, payer_id: str | None, payer_name: str | None, plan: str | None) -> Any | None:
        """Return the payer's row, or None; names match whole, case and punctuation ignored."""
        plan = _plain(plan or "")
        names = []
        if payer_id:
            names.append(f"id {payer_id.strip().upper()}")
        if payer_name:
            names.append(f"name {_plain(payer_name)}")
        for with_plan in dict.fromkeys((plan, "")):
            for name in names:
                if (name, with_plan) in self._rows:
                    return self._rows[name, with_plan]
        return None

    def answer(
        self,
        *,
        indicator: str | None,
        stated_program: str | None,
        stated_contracted: str | None,
        payer_id: str | None,
        payer_name: str | None,
        plan_name: str | None,
        entered: str | None = None,
    ) -> Answer:
        """Return program and contract status as stated, or a gap if nothing states them.

        `entered` names the facts that a person stated (program, contracted): they take precedence.
        """
        row = self.find(payer_id, payer_name, plan_name)
        said = frozenset((entered or "").split())
        if "program" in said:
            indicator = None
        if row and said:
            kept = {name: "" for name in ("program", "contracted") if name in said}
            row = msgspec.structs.replace(row, **kept)
        stated: dict[str, str] = {}
        code = claim_filing_indicators().get((indicator or "").strip().upper())
        if code and code.program:
            stated["claim_filing_indicator"] = code.program
        if stated_program:
            stated[ENTERED if "program" in said else "export"] = stated_program
        if row and row.program:
            stated["payers.csv"] = row.program
        contracted, contracted_from = None, ""
        if row and row.contracted:
            contracted, contracted_from = row.contracted, "payers.csv"
        if stated_contracted:
            if contracted and contracted != stated_contracted:
                return Answer(
                    program=None,
                    program_from="",
                    contracted=None,
                    contracted_from="",
                    gap="payers.csv and the export disagree on the contract status: correct one of them",
                )
            contracted_from = ENTERED if "contracted" in said else "export"
            contracted = stated_contracted
        narrow = narrowest(stated.values())
        stated = {where: one for where, one in stated.items() if one in narrow}
        if len(narrow) > 1:
            gap = f"{' and '.join(stated)} name different programs: correct one of them"
            return Answer(
                program=None,
                program_from="",
                contracted=contracted,
                contracted_from=contracted_from,
                gap=gap,
            )
        if stated:
            return Answer(
                program=next(iter(stated.values())),
                program_from=next(iter(stated)),
                contracted=contracted,
                contracted_from=contracted_from,
                state_window=row.state_window if row else None,
                jurisdiction=row.jurisdiction or None if row else None,
            )
        seen = f"the claim filing indicator says only: {code.says}; " if code else ""
        return Answer(
            program=None,
            program_from="",
            contracted=contracted,
            contracted_from=contracted_from,
            gap=f"program unknown: {seen}state the payer's program in payers.csv",
        )

"""Which program a claim is under, and whether the hospital is contracted: stated, never guessed.

The claim's own statement (CLP06, the export's plan or financial-class column) and the payer table
that the hospital keeps are the only sources. Where they are silent or disagree, the answer is a
stated gap.
"""

import csv
import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import InputError
from toolkit.rules import RULES, read_csv

SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "payers.csv"
LOCAL = Path("local") / "payers.csv"

COLUMNS = (
    "payer_id",
    "payer_name",
    "plan_name",
    "program",
    "contracted",
    "funding",
    "appeals_address",
    "address_verified_on",
)
OPTIONAL = ("state_window",)


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


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Program and contract status of one distinct combination of payer facts, with where from."""

    program: str | None
    program_from: str
    contracted: str | None
    contracted_from: str
    gap: str = ""
    state_window: int | None = None


class _Indicator(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    code: str
    says: str
    mark: str
    program: str | None = None


class _ProgramName(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    program: str
    name: str


@cache
def claim_filing_indicators() -> dict[str, _Indicator]:
    """Return CLP06's codes with the program that each states, if it states one."""
    rows = read_csv(RULES / "payers" / "claim_filing_indicators.csv", _Indicator)
    return {row.code: row for row in rows}


@cache
def program_names() -> dict[str, str]:
    """Return every program id that a payer can have, with its name; not all have rules on file."""
    rows = read_csv(RULES / "payers" / "programs.csv", _ProgramName)
    return {row.program: row.name for row in rows}


def read_payers(path: Path | None = None) -> tuple[Payer, ...]:
    """Return the hospital's payer table: `path`, else local/payers.csv, else an empty one.

    One row per payer or per plan of a payer. Raises InputError naming the row and the column.
    """
    if path is None:
        return read_payers(LOCAL) if LOCAL.exists() else ()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path.name}: cannot be read as UTF-8 text ({type(error).__name__})"
        ) from None
    rows = csv.DictReader(text.splitlines())
    missing = set(COLUMNS) - set(rows.fieldnames or ())
    if missing:
        raise InputError(f"{path.name}, row 1: no column {', '.join(sorted(missing))}; add it")
    payers = tuple(_payer(row, path.name, number) for number, row in enumerate(rows, 2))
    seen: dict[tuple[str, str], int] = {}
    for number, payer in enumerate(payers, 2):
        for key in _keys(payer):
            if key in seen:
                raise InputError(
                    f"{path.name}, row {number}: the same payer and plan as row {seen[key]}; keep one"
                )
            seen[key] = number
    return payers


def _payer(row: dict[str, str], file: str, number: int) -> Payer:
    cells = {name: (row.get(name) or "").strip() for name in (*COLUMNS, *OPTIONAL)}
    words = {
        "program": {"", *program_names()},
        "contracted": {"", "yes", "no"},
        "funding": {"", "insured", "self_funded"},
    }
    for column, allowed in words.items():
        cells[column] = cells[column].lower()
        if cells[column] not in allowed:
            raise InputError(
                f"{file}, row {number}, {column}: is none of {', '.join(sorted(allowed - {''}))}"
            )
    if not cells["payer_id"] and not cells["payer_name"]:
        raise InputError(f"{file}, row {number}: names no payer; fill in payer_id or payer_name")
    verified = cells.pop("address_verified_on")
    try:
        on = date.fromisoformat(verified) if verified else None
    except ValueError:
        raise InputError(f"{file}, row {number}, address_verified_on: is no ISO date") from None
    window = cells.pop("state_window")
    if window and not window.isdigit():
        raise InputError(f"{file}, row {number}, state_window: is no whole number of days")
    status = {"yes": "contracted", "no": "not_contracted", "": ""}[cells.pop("contracted")]
    return Payer(
        **cells,
        contracted=status,
        address_verified_on=on,
        state_window=int(window) if window else None,
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _keys(payer: Any) -> list[tuple[str, str]]:
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
        self._rows = {key: row for row in rows for key in _keys(row)}

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
    ) -> Answer:
        """Return program and contract status as stated; a gap where nothing states them."""
        row = self.find(payer_id, payer_name, plan_name)
        stated: dict[str, str] = {}
        code = claim_filing_indicators().get((indicator or "").strip().upper())
        if code and code.program:
            stated["claim_filing_indicator"] = code.program
        if stated_program:
            stated["export"] = stated_program
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
            contracted, contracted_from = stated_contracted, "export"
        if len(set(stated.values())) > 1:
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
            )
        seen = f"the claim filing indicator says only: {code.says}; " if code else ""
        return Answer(
            program=None,
            program_from="",
            contracted=contracted,
            contracted_from=contracted_from,
            gap=f"program unknown: {seen}state the payer's program in payers.csv",
        )

"""The fee schedules that the hospital loads: what a payer owes for a service, by contract."""

import re
from datetime import date
from pathlib import Path

import msgspec

from toolkit.errors import InputError
from toolkit.hospital.local_tables import cell_at, columns_of, read_table
from toolkit.hospital.places import local_folder

COLUMNS = ("payer", "procedure_code", "modifiers", "amount", "from", "to")
_MONEY = re.compile(r"\$?(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d{1,2}))?")


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a fee schedule: whole cents for one unit of a service, on days of service.

    `payer` is a payer's id or name; `modifiers` are sorted, one blank between; no `until` is no end.
    """

    payer: str
    procedure_code: str
    cents: int
    modifiers: str = ""
    since: date | None = None
    until: date | None = None


def read_fees(path: Path | None = None) -> tuple[Fee, ...]:
    """Return the fee schedule of `path`, else of local/fee_schedule.csv, else none.

    One row per payer, service, modifiers and time. Raises InputError naming the row and the column.
    """
    if path is None:
        ours = local_folder() / "fee_schedule.csv"
        return read_fees(ours) if ours.exists() else ()
    headings, rows = read_table(path)
    places, _ = columns_of(headings, COLUMNS, path.name)
    for needed in ("payer", "procedure_code", "amount"):
        if needed not in places:
            raise InputError(f"{path.name}, row 1: no column {needed}; add it")
    found: list[Fee] = []
    seen: dict[tuple, list[tuple[Fee, int]]] = {}
    for number, row in rows:
        fee = _fee({name: cell_at(row, places.get(name)) for name in COLUMNS}, path.name, number)
        key = (fee.payer.casefold(), fee.procedure_code, fee.modifiers)
        for other, before in seen.setdefault(key, []):
            if _overlap(fee, other):
                raise InputError(
                    f"{path.name}, row {number}: the same service and days as row {before}; keep one"
                )
        seen[key].append((fee, number))
        found.append(fee)
    return tuple(found)


def _fee(cells: dict[str, str], file: str, number: int) -> Fee:
    for needed in ("payer", "procedure_code", "amount"):
        if not cells[needed]:
            raise InputError(f"{file}, row {number}, {needed}: is empty; fill it in")
    money = _MONEY.fullmatch(cells["amount"])
    if not money:
        raise InputError(f"{file}, row {number}, amount: is not an amount such as 1234.50")
    days = []
    for name in ("from", "to"):
        try:
            days.append(date.fromisoformat(cells[name]) if cells[name] else None)
        except ValueError:
            raise InputError(f"{file}, row {number}, {name}: expected YYYY-MM-DD") from None
    return Fee(
        payer=cells["payer"],
        procedure_code=cells["procedure_code"].upper(),
        modifiers=" ".join(sorted(re.split(r"[\s,;]+", cells["modifiers"].upper().strip()))),
        cents=int(money[1].replace(",", "")) * 100 + int((money[2] or "").ljust(2, "0")),
        since=days[0],
        until=days[1],
    )


def _overlap(one: Fee, other: Fee) -> bool:
    return (one.since or date.min) <= (other.until or date.max) and (other.since or date.min) <= (
        one.until or date.max
    )

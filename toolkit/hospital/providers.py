"""The hospital's own billing providers, by their NPI."""

import re
from pathlib import Path

import msgspec

from toolkit.errors import InputError
from toolkit.hospital.local_tables import cell_at, columns_of, read_table

LOCAL = Path("local") / "providers.csv"
COLUMNS = ("npi", "tax_id", "name")
NPI = re.compile(r"[12]\d{9}")


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """One row of providers.csv: a billing provider of the hospital."""

    npi: str
    tax_id: str = ""
    name: str = ""


def read_providers(path: Path | None = None) -> tuple[Provider, ...]:
    """Return the hospital's billing providers: those of `path`, else of local/providers.csv, else none.

    One row per NPI; `npi` alone is needed. Raises InputError naming the row and the column.
    """
    if path is None:
        return read_providers(LOCAL) if LOCAL.exists() else ()
    headings, rows = read_table(path)
    places, _ = columns_of(headings, COLUMNS, path.name)
    if "npi" not in places:
        raise InputError(f"{path.name}, row 1: no column npi; add it")
    found = []
    for number, row in rows:
        cells = {name: cell_at(row, places.get(name)) for name in COLUMNS}
        if not NPI.fullmatch(cells["npi"]):
            raise InputError(f"{path.name}, row {number}, npi: is not an NPI of ten digits")
        found.append(Provider(**cells))
    return tuple(found)

"""What a report notebook gets to read: one source's tables, without what may identify a patient."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from toolkit.claims.tables import Claims
from toolkit.metrics import Ledger, open_ledger

_TABLES = ("worklist", "appeals", "findings", "files")


@dataclass(frozen=True, eq=False)
class Parcel:
    """One source as a report sees it; no column of it may identify a patient."""

    ledger: Ledger
    findings: pd.DataFrame
    files: pd.DataFrame
    note: str
    synthetic: bool

    @property
    def rows_read(self) -> int:
        """The data rows of the exports and the claims of the remittances."""
        return int(self.files["rows_read"].sum())


def parcel(
    claims: Claims, worklist: pd.DataFrame, *, as_of: date, note: str, synthetic: bool
) -> Parcel:
    """Return what a report may see of one source."""
    book = open_ledger(claims, worklist, as_of=as_of)
    return Parcel(book, claims.findings, claims.files, note, synthetic)


def pack(given: Parcel, folder: Path) -> None:
    """Write a parcel as Parquet into a private folder."""
    for name, table in zip(_TABLES, _tables(given), strict=True):
        table.to_parquet(folder / f"{name}.parquet", index=False)
    said = {"note": given.note, "synthetic": given.synthetic}
    (folder / "about.json").write_text(json.dumps(said), encoding="utf-8")


def unpack(folder: Path, *, as_of: date) -> Parcel:
    """Return the parcel that `pack` wrote."""
    worklist, appeals, findings, files = (
        pd.read_parquet(folder / f"{name}.parquet") for name in _TABLES
    )
    said = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    book = Ledger(worklist, appeals, as_of)
    return Parcel(book, findings, files, said["note"], said["synthetic"])


def _tables(given: Parcel) -> Iterable[pd.DataFrame]:
    return given.ledger.worklist, given.ledger.appeals, given.findings, given.files

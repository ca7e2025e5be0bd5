"""What a report notebook gets to read: one source's counts, without what may identify a patient."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from toolkit.metrics import Ledger
from toolkit.metrics.groups import TABLES
from toolkit.reports import rows
from toolkit.reports.part import Part

_LISTS = ("urgent", "findings", "files")


@dataclass(frozen=True, eq=False)
class Parcel:
    """One source as a report sees it; no column of it may identify a patient.

    The tables are those of a `Part`; `most` is how many rows its workbook lists.
    """

    ledger: Ledger
    urgent: pd.DataFrame
    findings: pd.DataFrame
    files: pd.DataFrame
    most: int
    note: str
    synthetic: bool

    @property
    def rows_read(self) -> int:
        """The data rows of the exports and the claims of the remittances."""
        return int(self.files["rows_read"].sum())

    @property
    def found(self) -> int:
        """How many findings there are."""
        return int(self.findings["rows"].sum())


def parcel(part: Part, *, note: str, synthetic: bool) -> Parcel:
    """Return what a report may see of one source."""
    urgent = rows.frame(part.urgent)
    return Parcel(part.ledger, urgent, part.findings, part.files, part.most, note, synthetic)


def pack(given: Parcel, folder: Path) -> None:
    """Write a parcel as Parquet into a private folder."""
    tables = dict(given.ledger.tables) | {name: getattr(given, name) for name in _LISTS}
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    said = {
        "distinct": given.ledger.distinct, "most": given.most, "note": given.note,
        "synthetic": given.synthetic,
    }  # fmt: skip
    (folder / "about.json").write_text(json.dumps(said), encoding="utf-8")


def unpack(folder: Path, *, as_of: date) -> Parcel:
    """Return the parcel that `pack` wrote."""
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in (*TABLES, *_LISTS)}
    said = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    lists = {name: tables.pop(name) for name in _LISTS}
    return Parcel(Ledger(as_of, tables, said.pop("distinct")), **lists, **said)

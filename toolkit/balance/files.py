"""The files of a balance: the billing export, the remittances, a tracker, a fee schedule."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from toolkit.claims.export.billed import Billed, read_billed
from toolkit.claims.reading import read_each
from toolkit.claims.restated import latest
from toolkit.claims.tables import TABLES, Claims, concat
from toolkit.errors import UsageError
from toolkit.hospital.fees import Fee, read_fees


@dataclass(frozen=True, eq=False)
class Files:
    """What the files of a balance hold; `remittances` with every claim of every file."""

    billed: Billed
    remittances: Claims
    tracker: Claims | None
    fees: tuple[Fee, ...]


def read_files(
    paths: Sequence[Path],
    tracker: Path | None = None,
    *,
    fees: Path | None = None,
    layout: str | None = None,
) -> Files:
    """Return what the files hold: the first is the billing export, the others remittances.

    An export among the others is a tracker. `layout` is that of the billing export. Raises UsageError
    without a remittance, InputError for a file that cannot be read.
    """
    billing, *rest = paths
    billed = read_billed(billing, layout=layout)
    claims = read_each(rest) if rest else Claims()
    remittances = _of_source(claims, "remittance")
    if not len(remittances.files):
        raise UsageError("the files include no remittance: toolkit balance BILLING REMIT...")
    exports = _of_source(claims, "export")
    ours = [exports] if len(exports.files) else []
    if tracker is not None:
        ours.append(_of_source(read_each(tracker), "export"))
    return Files(
        billed=billed,
        remittances=remittances,
        tracker=latest(concat(ours)) if ours else None,
        fees=read_fees(fees),
    )


def _of_source(claims: Claims, source: str) -> Claims:
    """Return the tables of the files of one kind, with the findings of files that are of no kind."""
    kinds = claims.files.drop_duplicates("file_id").set_index("file_id")["source"]

    def mine(name: str, table: pd.DataFrame) -> pd.DataFrame:
        kind = table["file_id"].map(kinds)
        keep = kind.eq(source) | (kind.isna() if name == "findings" else False)
        return table[keep.to_numpy(dtype=bool, na_value=False)].reset_index(drop=True)

    tables = {name: getattr(claims, name) for name in TABLES}
    return Claims(**{name: mine(name, x) for name, x in tables.items() if "file_id" in x})

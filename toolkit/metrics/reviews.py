"""Public reviews of denials, to stand beside a hospital's own overturn rates: base rates with their source.

What is public was selected otherwise than what a hospital appeals; every table of it says so.
"""

from datetime import date
from functools import cache
from typing import Literal

import msgspec
import pandas as pd

from toolkit.errors import RulesError
from toolkit.metrics.parcel import Facts
from toolkit.metrics.statistics import wilson
from toolkit.outputs import digest
from toolkit.rules import RULES, read

_FOLDER = RULES / "reviews"
COLUMNS = ("whose", "what", "decided", "overturned", "low", "high")


class Reviews(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a table of public reviews is from, and what it must not be taken for."""

    title: str
    publisher: str
    years: tuple[int, int]
    rows: int
    source: str
    terms: str
    verified_on: date
    mark: Literal["V", "V2", "M"]
    sha256: str
    warning: str

    @property
    def says(self) -> str:
        """The source in one sentence."""
        first, last = self.years
        return f"{self.title}, {first} to {last} ({self.publisher}; {self.terms}) [{self.mark}]"


@cache
def public_reviews() -> tuple[Reviews, pd.DataFrame]:
    """Return the public reviews and their source: year, type, diagnosis, treatment, overturned."""
    [path] = _FOLDER.glob("*.yaml")
    said, table = read(path, Reviews), path.with_suffix(".parquet")
    if digest(table) != said.sha256:
        raise RulesError(f"{table.name}: not the file that {path.name} describes")
    return said, pd.read_parquet(table)


def base_rates(facts: Facts) -> pd.DataFrame:
    """Return public overturn rates by type of review, and beside them those of like denials here.

    Columns: COLUMNS. Here means appeals of medical necessity denials decided on their merits: those of
    external review, and those of the levels before, which the public rates say nothing of.
    """
    _, table = public_reviews()
    rows = [("public", type_, len(mine), int(mine["overturned"].sum())) for type_, mine in table.groupby("type")]  # fmt: skip
    rows.append(("public", "All", len(table), int(table["overturned"].sum())))
    for what, where in (("External review", "="), ("Every other level", "<>")):
        [(decided, won)] = facts.rows(
            "SELECT count(*), count(*) FILTER (outcome IN ('overturned', 'partly_overturned')) "
            "FROM submissions WHERE has_denial AND stage = 'decided' "
            f"AND denial_category = 'medical_necessity' AND level {where} 'external_review'"
        )
        rows.append(("here", what, int(decided), int(won)))
    return pd.DataFrame([(*row, *wilson(row[3], row[2])) for row in rows], columns=list(COLUMNS))

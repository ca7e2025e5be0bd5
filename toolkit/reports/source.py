"""One or more files, read and triaged, that a report is about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

import pandas as pd

from toolkit.bulk.run import Run
from toolkit.claims.tables import DTYPES, Claims
from toolkit.errors import UsageError
from toolkit.reports.part import Part, add_parts, part_of
from toolkit.worklist import WORKLIST

# Excel ends at 1,048,576 rows; long before that a workbook no longer opens in reasonable time.
MOST_ROWS = 200_000


@dataclass(frozen=True, eq=False)
class Source:
    """What a report is about: the counts and the first rows of one or more files.

    `note` says what the reader must know of it. Made by `of` or `of_parts`.
    """

    name: str
    part: Part
    note: str = ""
    synthetic: bool = False

    @property
    def as_of(self) -> date:
        """The day on which the source is seen."""
        return self.part.ledger.as_of

    @classmethod
    def of(
        cls,
        name: str,
        claims: Claims,
        worklist: pd.DataFrame,
        as_of: date,
        note: str = "",
        *,
        synthetic: bool = False,
    ) -> "Source":
        """Return the source of these claims and their worklist."""
        part = part_of(claims, worklist, as_of=as_of, most=MOST_ROWS)
        return cls(name, part, note, synthetic)

    @classmethod
    def of_parts(
        cls,
        name: str,
        parts: Iterable[Part],
        *,
        as_of: date,
        note: str = "",
        synthetic: bool = False,
    ) -> "Source":
        """Return the source that the parts add up to; they are taken as they come.

        Raises UsageError where a part is of another day.
        """
        empty = part_of(Claims(), _no_rows(), as_of=as_of, most=MOST_ROWS)
        total = add_parts(chain([empty], _of_day(name, parts, as_of)))
        return cls(name, total, note, synthetic)

    @classmethod
    def of_run(cls, name: str, run: Run, note: str = "", *, synthetic: bool = False) -> "Source":
        """Return the source of a worklist made in parts, by a run that was told `also=part_of_run`."""
        as_of = run.given.as_of
        told = part_of(Claims(findings=run.file_findings), _no_rows(), as_of=as_of)
        found = cls.of_parts(
            name, chain([told], run.also()), as_of=as_of, note=note, synthetic=synthetic
        )
        listed = replace(found.part, worklist=run.looked(found.part.worklist))
        return replace(found, part=listed)


def part_of_run(claims: Claims, worklist: pd.DataFrame, as_of: date) -> Part:
    """Return the part of a report that one part of a run makes."""
    return part_of(claims, worklist, as_of=as_of)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({c.name: pd.Series(dtype=DTYPES[c.kind]) for c in WORKLIST})


def _of_day(name: str, parts: Iterable[Part], as_of: date) -> Iterator[Part]:
    for part in parts:
        if part.ledger.as_of != as_of:
            raise UsageError(f"{name}: a part of it is seen on another day than the others")
        yield part

"""A worklist's columns by number, before they become a frame or a table of Arrow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.claims.tables import Kind, text
from toolkit.worklist.files import DOLLARS, exact_dollars
from toolkit.worklist.keys import Coded
from toolkit.worklist.table import REPEATED, WorklistColumn


@dataclass(frozen=True, eq=False)
class Listed:
    """The rows of a worklist, column by column: numbers of few texts, or arrays.

    `claim` is the place of each row's claim in the table of claims; -1 for one that it lacks.
    """

    columns: tuple[WorklistColumn, ...]
    cells: Mapping[str, Any]
    claim: np.ndarray

    def __len__(self) -> int:
        return len(self.claim)

    def frame(self, *, categories: bool = False) -> pd.DataFrame:
        """Return the rows as a frame.

        With `categories` the texts are categories, but for the keys and the claim's two numbers; each
        column's are the texts that it has.
        """
        made = {c.name: self._array(c, categories=categories) for c in self.columns}
        return pd.DataFrame(made, copy=False)

    def table(self) -> pa.Table:
        """Return the rows as `toolkit.worklist.arrow_of` returns those of a frame.

        Texts that many rows repeat are dictionaries.
        """
        return pa.table({DOLLARS.get(c.name, c.name): self._column(c) for c in self.columns})

    def _array(self, column: WorklistColumn, *, categories: bool) -> Any:
        cells = self.cells[column.name]
        if isinstance(cells, Coded):
            return cells.array(column.kind, categories=categories)
        return text(cells) if isinstance(cells, pa.Array) else cells

    def _column(self, column: WorklistColumn) -> pa.Array:
        kind, cells = column.kind, self.cells[column.name]
        if isinstance(cells, pa.Array):
            return cells
        if not isinstance(cells, Coded):
            return _arrow_of(cells, kind)
        if kind != "text":
            return _arrow_of(cells.array(kind), kind)
        few = cells.arrow()
        return few if column.name in REPEATED else few.dictionary.take(few.indices)


def _arrow_of(array: Any, kind: Kind) -> pa.Array:
    """Return days, cents, whole numbers or flags as they stand in a file."""
    if kind == "date":
        return pa.array(array.astype("datetime64[D]"), pa.date32())
    found = pa.array(array)
    return exact_dollars(found) if kind == "cents" else found

"""A source cut into one source for each payer or facility; together they are the whole, to the cent."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit.errors import ReportError
from toolkit.metrics import Facts, FactTables
from toolkit.metrics.facts import TABLES
from toolkit.reports.source import Source, packed_facts, urgent_of

# What the groups are made by, and the column of the facts that holds their key.
CUTS = {"payer": "payer", "facility": "facility"}
_NAMED_BY = {"payer": "payer_name", "facility": "facility"}

# What the groups must add up to: each is counted in the whole, and in every group.
_SUMS = {
    "denials": "SELECT count(*) FROM denials",
    "stated dollars": "SELECT coalesce(sum(stated_cents), 0) FROM denials",
    "denied dollars": "SELECT coalesce(sum(denied_cents), 0) FROM denials",
    "dollars at stake": "SELECT coalesce(sum(stake_cents), 0) FROM denials",
    "recovered dollars": "SELECT coalesce(sum(recovered_cents), 0) FROM denials",
    "appeals": "SELECT count(*) FROM submissions",
    "recovered dollars of appeals": "SELECT coalesce(sum(counted_cents), 0) FROM submissions",
}  # fmt: skip


class Groups:
    """A source by payer or facility."""

    def __init__(self, source: Source, by: str) -> None:
        self.source, self.by, self.column = source, by, CUTS[by]
        self.tables = {
            name: pq.read_table(pa.BufferReader(source.facts[name])) for name in TABLES
        }  # fmt: skip

    @cached_property
    def facts(self) -> Facts:
        """The facts of all groups."""
        return Facts.of(FactTables(**self.tables), as_of=self.source.as_of)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The groups with a denial or an appeal, most denied dollars first: key -> name shown."""
        found = self.facts.rows(
            f"SELECT g FROM (SELECT coalesce({self.column}, '') AS g, denied_cents FROM denials "
            f"UNION ALL SELECT coalesce({self.column}, ''), 0 FROM submissions) "
            "GROUP BY 1 ORDER BY coalesce(sum(denied_cents), 0) DESC, 1"
        )
        keys = [key for (key,) in found]
        return dict(zip(keys, self.facts.names(_NAMED_BY[self.by], keys), strict=True))

    def one(self, key: str) -> Source:
        """Return the source of one group."""
        tables = {name: table.filter(self._mine(table, key)) for name, table in self.tables.items()}
        whole = self.source
        listed = whole.worklist.filter(self._held(whole.worklist, tables["denials"], "denial_key"))
        return replace(
            whole,
            facts=packed_facts(FactTables(**tables)),
            told=None,
            group=self.by,
            whose=self.names[key],
            urgent=urgent_of(listed, tables["denials"]),
            worklist=listed,
            numbers=whole.numbers.filter(
                self._held(whole.numbers, tables["denials"], "denial_key")
            ),
            appeals=whole.appeals.filter(
                self._held(whole.appeals, tables["submissions"], "claim_key")
            ),
        )

    def check(self, parts: Iterable[Facts]) -> None:
        """Raise ReportError where the groups, as each report counts its own, do not add up to the whole."""
        added = Counter()
        for part in parts:
            added.update(_totals(part))
        wrong = [
            f"{name}: {added[name]} and {whole}"
            for name, whole in _totals(self.facts).items()
            if added[name] != whole
        ]
        if wrong:
            raise ReportError(
                f"the reports by {self.by} do not add up to the whole: {'; '.join(wrong)}"
            )

    def _mine(self, table: pa.Table, key: str) -> pa.ChunkedArray:
        return pc.equal(pc.fill_null(table[self.column].cast(pa.large_string()), ""), key)

    def _held(self, rows: pa.Table, facts: pa.Table, key: str) -> pa.ChunkedArray:
        keys = facts[key].cast(pa.large_string()).combine_chunks()
        return pc.is_in(rows[key].cast(pa.large_string()), keys)


def _totals(facts: Facts) -> dict[str, int]:
    return {name: int(facts.one(query)) for name, query in _SUMS.items()}

"""The triage of a DuckDB relation: its rows stream as Arrow through the kernel, and come back as one."""

from collections.abc import Iterable
from datetime import date

import duckdb
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.hospital import Hospital
from toolkit.worklist import rows

BATCH = 100_000  # rows that are asked at once


def triage_relation(
    relation: duckdb.DuckDBPyRelation,
    *,
    as_of: date,
    hospital: Hospital,
    columns: Iterable[str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """Return the relation with the answers, on its own connection, in the order of its rows.

    The relation is read now, once; its rows with their answers are held as an Arrow table. Raises
    InputError where the relation itself cannot be read. DuckDB's own words are not repeated: they
    may hold a row.
    """
    names, asked = rows.wanted(columns), rows.asker(as_of=as_of, hospital=hospital)
    rows.there(relation.columns)
    try:
        reader = relation.to_arrow_reader(BATCH)
        tables = [pa.Table.from_batches([], reader.schema)]
        tables += [pa.Table.from_batches([batch]) for batch in reader]
    except (duckdb.Error, pa.ArrowException) as error:
        raise InputError(
            f"the DuckDB relation cannot be read ({type(error).__name__}): run it by itself to see why"
        ) from None
    # The engine finds the table by the name that it has here, and keeps it with the relation. A table
    # of that name in the database would be found first: no database has one of such a name.
    rows_answered_by_the_toolkit = pa.concat_tables(  # noqa: F841
        [rows.triage_table(table, asked, names) for table in tables]
    )
    found = relation.query("rows_given_to_the_toolkit", "FROM rows_answered_by_the_toolkit")
    assert found is not None  # as it is for a statement that is no query
    return found

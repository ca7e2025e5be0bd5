"""One triage for every kind of frame: the same kind comes out, with the same rows.

No engine is imported before a frame of it is given.
"""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from toolkit.errors import UsageError
from toolkit.hospital import Hospital

ACCEPTED = (
    "a pandas DataFrame, a polars DataFrame or LazyFrame, a pyarrow Table or RecordBatch, a DuckDB "
    "relation or a Spark DataFrame"
)


def triage_rows(
    rows: Any,
    *,
    as_of: date,
    hospital: Hospital,
    columns: Iterable[str] | None = None,
) -> Any:
    """Return the same rows in the same kind of frame, with the answers of a triage as columns.

    Each row is one denial. Reads the columns, by canonical name, of
    `toolkit.worklist.facts.FACTS`; at least one of carc, rarcs and denial_text is needed. Cells
    are read as an export's are. `columns` names the answers (default: all of
    `toolkit.worklist.ANSWERS`); fewer are cheaper.

    An answer whose name the frame has already (program, contracted, notice_date) stands in that
    column's place: what was stated, filled from the payer facts; the day whose notice counts. The
    others follow at the end. Texts are categories in pandas, polars and Arrow. pandas keeps index
    and order, polars, Arrow and DuckDB the order; Spark promises none. A DuckDB relation is read when it
    is given, a Spark frame when an action asks.

    A cell that cannot be read is told in `findings`, and where the date turns on it, the date is a
    gap. What needs other rows of a claim or a patient is not done here: reversals are not netted,
    several adjustments of a line stay several rows, no duplicate's original is looked up, and a
    line's payment is not known. The amount in controversy is the row's own denied amount: state the
    case's on every row, or use `toolkit worklist`, which does all of that.

    Raises UsageError for a frame of another kind or without a reason, a column that is none, and an
    engine that is not installed.
    """
    find = _engine(rows)
    if find is None:
        raise UsageError(f"rows: a frame of this kind is not read; give {ACCEPTED}")
    given = {"as_of": as_of, "hospital": hospital}
    return find(rows, columns, given)


def _engine(rows: Any) -> Callable[..., Any] | None:
    """Return who triages a frame, by the package that its type comes from."""
    package = type(rows).__module__.partition(".")[0]
    by_package = {
        "pandas": _pandas, "polars": _polars, "pyarrow": _arrow, "duckdb": _duckdb,
        "_duckdb": _duckdb, "pyspark": _spark,
    }  # fmt: skip
    found = by_package.get(package)
    return found if type(rows).__name__ in _KINDS else None


_KINDS = frozenset({"DataFrame", "LazyFrame", "Table", "RecordBatch", "DuckDBPyRelation"})


def _pandas(frame: Any, columns: Iterable[str] | None, given: dict[str, Any]) -> Any:
    from toolkit.worklist import rows

    return rows.triage_frame(frame, rows.asker(**given), rows.wanted(columns))


def _arrow(table: Any, columns: Iterable[str] | None, given: dict[str, Any]) -> Any:
    import pyarrow as pa

    from toolkit.worklist import rows

    if isinstance(table, pa.RecordBatch):
        whole = _arrow(pa.Table.from_batches([table]), columns, given).combine_chunks()
        batches = whole.to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=whole.schema)
    return rows.triage_table(table, rows.asker(**given), rows.wanted(columns))


def _polars(frame: Any, columns: Iterable[str] | None, given: dict[str, Any]) -> Any:
    import polars as pl

    from toolkit.worklist import rows

    if isinstance(frame, pl.LazyFrame):
        names = rows.wanted(columns)
        schema = _polars_schema(frame.collect_schema(), names)
        return frame.map_batches(
            lambda part: _polars(part, names, given), schema=schema, streamable=False
        )
    names, asked = rows.wanted(columns), rows.asker(**given)
    there = rows.there(frame.columns)
    facts = rows.triage_table(frame.select(there).to_arrow(), asked, names)
    answers = pl.DataFrame(facts.select(list(names)))
    return frame.with_columns(answers.get_columns())


def _polars_schema(schema: Any, names: Iterable[str]) -> Any:
    import polars as pl

    from toolkit.worklist import rows

    kinds = {"text": pl.Categorical(), "date": pl.Date, "flag": pl.Boolean, "count": pl.Int32}
    return pl.Schema({**schema, **{name: kinds[rows.ANSWERS[name]] for name in names}})


def _duckdb(relation: Any, columns: Iterable[str] | None, given: dict[str, Any]) -> Any:
    from toolkit.worklist import relations

    return relations.triage_relation(relation, columns=columns, **given)


def _spark(frame: Any, columns: Iterable[str] | None, given: dict[str, Any]) -> Any:
    from toolkit.worklist import spark

    return spark.triage_frame(frame, columns=columns, **given)

"""The first rows of a list too long to show: kept part by part, in one order over all parts.

Each order tells any two rows apart, so the first rows of all parts are among the first rows of
each, and come out the same whichever way the parts were cut. The rows are Arrow tables while they
travel: texts that repeat stand once in them.
"""

from collections.abc import Iterable, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from toolkit.claims.tables import Column
from toolkit.metrics.tables import OPEN, URGENT

Order = tuple[tuple[str, str], ...]

_UP, _DOWN = "ascending", "descending"

# Missing values come last, either way. `rank` is a due state's place in OPEN.
BY_URGENCY: Order = (
    ("rank", _UP), ("denied_cents", _DOWN), ("file_by", _UP), ("denial_key", _UP)
)  # fmt: skip
BY_DECISION: Order = (
    ("decided_on", _DOWN), ("filed_on", _DOWN), ("file_id", _UP), ("row", _UP), ("claim_key", _UP),
    ("line_key", _UP), ("level", _UP), ("outcome", _UP), ("recovered_cents", _UP),
)  # fmt: skip
BY_PLACE: Order = (
    ("file", _UP), ("file_id", _UP), ("row", _UP), ("column", _UP), ("code", _UP), ("says", _UP)
)  # fmt: skip

_TYPES = {
    "text": pa.large_string(),
    "date": pa.timestamp("us"),
    "cents": pa.int64(),
    "count": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
}
_PANDAS = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_ONCE = pa.dictionary(pa.int32(), pa.large_string())
_NEVER_REPEAT = {
    "denial_key", "claim_key", "line_key", "patient_control_number", "payer_claim_control_number"
}  # fmt: skip
_PACKED = ipc.IpcWriteOptions(compression="zstd", emit_dictionary_deltas=False)


def table(frame: pd.DataFrame, columns: Iterable[Column]) -> pa.Table:
    """Return these columns of the frame as an Arrow table of their kinds."""
    schema = pa.schema([(column.name, _TYPES[column.kind]) for column in columns])
    return pa.Table.from_pandas(
        frame, schema=schema, preserve_index=False
    ).replace_schema_metadata()


def ranked(denials: pa.Table) -> pa.Table:
    """Return the denials with the rank of their due state; missing where they are not open."""
    rank = pc.index_in(denials["due"], pa.array(OPEN, pa.large_string()))
    return denials.append_column("rank", rank)


def in_order(rows: pa.Table, order: Order) -> pa.Array:
    """Return where the rows stand in that order: the place of the first, the second ..."""
    return pc.sort_indices(rows, sort_keys=list(order))


def first(rows: pa.Table, order: Order, most: int) -> pa.Table:
    """Return the first `most` rows in that order."""
    return rows.take(in_order(rows, order)[:most])


def urgent(denials: pa.Table, places: pa.Array, most: int) -> pa.Table:
    """Return the first `most` ranked denials of each urgent state; `places` are those in order."""
    rank = denials["rank"].take(places)
    # In that order the denials of a state stand together.
    begins = [pc.index(rank, n).as_py() for n in range(len(URGENT))]
    counts = [pc.sum(pc.equal(rank, n)).as_py() or 0 for n in range(len(URGENT))]
    held = [places[:0]]
    for begin, count in zip(begins, counts, strict=True):
        held.append(places.slice(max(begin, 0), min(count, most)))
    return denials.take(pa.concat_arrays(held))


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all tables, one below the other."""
    return pa.concat_tables(tables).unify_dictionaries()


def small(rows: pa.Table, order: Order) -> pa.Table:
    """Return the table with each text that repeats standing once, and none that no row holds.

    The texts of the order stay as they are, to be compared, and so do those that never repeat.
    """
    plain = {name for name, _ in order} | _NEVER_REPEAT
    for place, column in enumerate(rows.schema):
        if column.name not in plain and column.type in (pa.large_string(), _ONCE):
            texts = rows[column.name].cast(pa.large_string())
            rows = rows.set_column(place, column.name, texts.dictionary_encode())
    return rows.combine_chunks()


def frame(rows: pa.Table) -> pd.DataFrame:
    """Return the rows as a frame of the house's types."""
    schema = [(c.name, pa.large_string() if c.type == _ONCE else c.type) for c in rows.schema]
    return rows.cast(pa.schema(schema)).to_pandas(types_mapper=_PANDAS.get)


def packed(rows: pa.Table) -> bytes:
    """Return the table as a tenth of its bytes, to send it from process to process."""
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, rows.schema, options=_PACKED) as stream:
        stream.write_table(rows)
    return sink.getvalue().to_pybytes()


def unpacked(given: bytes) -> pa.Table:
    """Return the table that was packed."""
    return ipc.open_stream(given).read_all()

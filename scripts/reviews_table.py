"""Make the table of public reviews from the publisher's CSV: python scripts/reviews_table.py FILE.csv

Only the columns that a base rate needs are kept: no number of a case, no age, no sex.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

OUT = (
    Path(__file__).parents[1] / "toolkit" / "rules" / "reviews" / "california_imr_2001_2016.parquet"
)
_COLUMNS = {
    "year": "report_year", "type": "type", "diagnosis": "diagnosis_category",
    "treatment": "treatment_category",
}  # fmt: skip


def main() -> None:
    """Read the CSV and write the Parquet file."""
    options = csv.ConvertOptions(column_types={"report_year": pa.int16()})
    given = csv.read_csv(sys.argv[1], convert_options=options)
    table = pa.table({name: given[column] for name, column in _COLUMNS.items()})
    overturned = pc.starts_with(given["determination"], "Overturned")
    table = table.append_column("overturned", overturned).sort_by(
        [(name, "ascending") for name in (*_COLUMNS, "overturned")]
    )
    pq.write_table(table, OUT, compression="zstd", compression_level=19)
    sys.stdout.write(f"{len(table):,} reviews, {pc.sum(overturned).as_py():,} overturned\n")


if __name__ == "__main__":
    main()

"""The triage of denial rows in Spark: the kernel of `toolkit.worklist.rows` on every batch of Arrow."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.worklist import rows

# Rows of one batch of Arrow: a batch has a cost of its own, and is held whole.
BATCH = 200_000


def session(*, cores: str = "local[*]", memory: str = "2g") -> Any:
    """Return a Spark session on this machine alone: nothing listens beyond localhost, no page is served.

    Raises UsageError where PySpark or Java is missing, and says what to install.
    """
    _spark()
    _java()
    from pyspark.sql import SparkSession

    # Before the engine starts, and for it alone.
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    folder = tempfile.mkdtemp(prefix="toolkit-spark-")
    return (
        SparkSession.builder.master(cores)
        .appName("denial-toolkit")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", memory)
        .config("spark.ui.enabled", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))
        .config("spark.sql.warehouse.dir", folder)
        .config("spark.local.dir", folder)
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )


def running() -> Any | None:
    """Return the Spark session of this process, if one is running."""
    _spark()
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


def _spark() -> None:
    try:
        import pyspark  # noqa: F401
    except ImportError:
        raise UsageError(
            "Spark is not installed: pip install denial-toolkit[spark], or choose another engine"
        ) from None


def _java() -> None:
    home = os.environ.get("JAVA_HOME")
    here = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if here is None:
        where = (
            "JAVA_HOME points to no Java" if home else "no java is on PATH and JAVA_HOME is not set"
        )
        raise UsageError(
            f"Spark needs Java 17 or newer: {where}; install it, or choose another engine"
        )


def triage_frame(
    frame: Any,
    *,
    as_of: date,
    hospital: Hospital,
    columns: Iterable[str] | None = None,
) -> Any:
    """Return the Spark frame with the answers, made by the kernel on every batch of its rows.

    Nothing is computed before an action asks for it. Each Python worker keeps what it was asked.
    """
    from pyspark.sql.pandas.types import to_arrow_schema
    from pyspark.sql.types import StructType

    names = rows.wanted(columns)
    there = rows.there(frame.columns)
    schema = StructType([frame.schema[c] for c in frame.columns if c not in names])
    kinds = _types()
    out = StructType()
    for column in frame.columns:
        if column in names:
            out = out.add(column, kinds[rows.ANSWERS[column]])
        else:
            out = out.add(schema[column])
    for name in names:
        if name not in frame.columns:
            out = out.add(name, kinds[rows.ANSWERS[name]])
    given = {"as_of": as_of, "hospital": hospital}
    arrow = to_arrow_schema(out)

    def kernel(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        asked = rows.asker(**given)
        for batch in batches:
            found = asked.answers({name: batch.column(name) for name in there}, names)
            made = {name: rows.to_arrow(found.pop(name), plain=True) for name in names}
            arrays = [
                made[field.name] if field.name in made else batch.column(field.name)
                for field in arrow
            ]
            yield pa.RecordBatch.from_arrays(
                [array.cast(field.type) for array, field in zip(arrays, arrow, strict=True)],
                schema=arrow,
            )

    return frame.mapInArrow(kernel, out)


def _types() -> dict[str, Any]:
    from pyspark.sql import types

    return {
        "text": types.StringType(),
        "date": types.DateType(),
        "count": types.IntegerType(),
        "flag": types.BooleanType(),
    }

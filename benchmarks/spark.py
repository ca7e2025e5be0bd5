"""Spark on this machine: ours against hand-written SQL, and what each step costs.

Both run in the same session settings on the same file. What Spark itself counted (CPU of its tasks,
bytes read, shuffled and spilled) is read from its event log afterwards.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.machine import java
from benchmarks.measure import NotHereError, work
from benchmarks.plan import Job, Scale
from benchmarks.starts import AS_OF
from toolkit.hospital import Hospital

UNKNOWN = Hospital.unknown()

LEAST = 100_000  # rows below which only the session's own start would be timed
MEMORY = "3g"
MONEY = "denied"
STEPS = 1_000_000  # the most rows that the steps are taken on, but in a full run


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return the totals by ours and by hand for every size, and the steps for the greatest."""
    found = []
    sizes = [size for size in scale.sizes if LEAST <= size <= scale.heavy] or [scale.sizes[0]]
    for rows in sizes:
        path = str(folder / f"rows-{rows}.parquet")
        rounds = scale.rare
        for key, says, target, over in (
            ("ours_spark_parquet", "ours, Spark local, Parquet", "ours", "spark_sql_parquet"),
            ("spark_sql_parquet", "hand-written Spark SQL, Parquet", "by_hand", "floor_parquet"),
        ):
            found.append(
                Job(
                    "rows", key, says, rows,
                    lambda path=path, target=target: work(f"benchmarks.spark:{target}", path=path),
                    same="totals", rounds=rounds, floor=over,
                )
            )  # fmt: skip
    rows = max([size for size in sizes if size <= STEPS or scale.rare > 1], default=sizes[0])
    path, out = str(folder / f"rows-{rows}.parquet"), str(folder / "spark-out")
    for key, says in (
        ("decode", "Spark reads and decodes the columns"),
        ("pass", "the rows go to Python and come back unchanged"),
        ("totals", "ours: totals"),
        ("annotated", "ours: every row with its answers, written as Parquet"),
    ):
        found.append(
            Job(
                "spark", key, says, rows,
                lambda key=key: work("benchmarks.spark:step", path=path, out=out, step=key),
                rounds=1,
            )
        )  # fmt: skip
    return found


def session(log: str) -> Any:
    """Return a local session that writes its event log to a folder; say what is missing if none."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise NotHereError("pyspark is not installed") from None
    if not java():
        raise NotHereError("there is no Java on this machine") from None
    from toolkit.worklist.spark import BATCH

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else whichever python3 is on the path
    return (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.memory", MEMORY)
        .config("spark.local.dir", log)
        .config("spark.sql.warehouse.dir", log)
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))
        .config("spark.log.level", "ERROR")
        .config("spark.ui.enabled", "false")
        .config("spark.eventLog.enabled", "true")
        .config("spark.eventLog.dir", Path(log, "events").as_uri())
        .config("spark.eventLog.compress", "false")
        .config("spark.sql.shuffle.partitions", "8")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )


def counted(log: str) -> dict[str, float]:
    """Return what Spark's tasks used, from its event log: CPU seconds, bytes in, shuffled, spilled."""
    total = {"task_cpu": 0.0, "bytes_in": 0, "shuffled": 0, "spilled": 0, "bytes_out": 0}
    paths = [path for path in Path(log, "events").rglob("*") if path.is_file()]
    for path in paths:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"SparkListenerTaskEnd"' not in line:
                continue
            used = json.loads(line).get("Task Metrics") or {}
            total["task_cpu"] += used.get("Executor CPU Time", 0) / 1e9
            total["bytes_in"] += used.get("Input Metrics", {}).get("Bytes Read", 0)
            total["bytes_out"] += used.get("Output Metrics", {}).get("Bytes Written", 0)
            total["shuffled"] += used.get("Shuffle Write Metrics", {}).get(
                "Shuffle Bytes Written", 0
            )
            total["spilled"] += used.get("Disk Bytes Spilled", 0)
    return total


def _begun(path: str) -> tuple[Any, str]:
    """Return a session that has done one small job, so that its own start is not timed."""
    log = tempfile.mkdtemp(prefix="bench-spark-")
    Path(log, "events").mkdir()
    try:
        spark = session(log)
    except BaseException:
        shutil.rmtree(log, ignore_errors=True)
        raise
    spark.read.parquet(path).limit(10).count()
    return spark, log


def _ended(spark: Any, log: str) -> dict[str, float]:
    spark.stop()
    found = counted(log)
    shutil.rmtree(log, ignore_errors=True)
    return found


def _grouped(frame: Any) -> Any:
    """Return the totals of an answered Spark frame, as pandas."""
    from pyspark.sql import functions as f

    month = f.date_format("notice_date", "yyyy-MM").alias("month")
    by = frame.groupBy("payer_name", "denial_category", month, "due")
    cents = (f.sum(MONEY) * 100).cast("bigint").alias("sum")
    return by.agg(f.count("*").alias("size"), cents).toArrow().to_pandas()


def ours(path: str) -> Iterator[None]:
    """Ours: `triage_rows` on a Spark frame, grouped."""
    from benchmarks.rows_read import COLUMNS, told_of
    from toolkit.worklist import triage_rows

    spark, log = _begun(path)
    yield
    rows = spark.read.parquet(path).select(*_there(spark, path, COLUMNS))
    answered = triage_rows(
        rows,
        as_of=date.fromisoformat(AS_OF),
        columns=("denial_category", "notice_date", "due"),
        hospital=UNKNOWN,
    )
    found = _grouped(answered)
    yield
    return told_of(found) | _ended(spark, log)


def _there(spark: Any, path: str, columns: tuple[str, ...]) -> list[str]:
    return [name for name in spark.read.parquet(path).columns if name in columns]


def step(path: str, out: str, step: str) -> Iterator[None]:
    """One step of ours by itself, its result thrown away or written."""
    from benchmarks.rows_read import COLUMNS
    from toolkit.worklist import triage_rows

    spark, log = _begun(path)
    yield
    rows = spark.read.parquet(path)
    used = rows.select(*_there(spark, path, COLUMNS))
    as_of = date.fromisoformat(AS_OF)
    if step == "decode":
        used.write.format("noop").mode("overwrite").save()
    elif step == "pass":
        same = used.mapInArrow(lambda batches: batches, used.schema)
        same.write.format("noop").mode("overwrite").save()
    elif step == "totals":
        _grouped(
            triage_rows(
                used,
                as_of=as_of,
                columns=("denial_category", "notice_date", "due"),
                hospital=UNKNOWN,
            )
        )
    else:
        triage_rows(rows, as_of=as_of, hospital=UNKNOWN).write.mode("overwrite").parquet(out)
    yield
    shutil.rmtree(out, ignore_errors=True)
    return _ended(spark, log)


# --- by hand -------------------------------------------------------------------------------------

BY_HAND = """
WITH plain AS (
    SELECT payer_name, coalesce(program, '') AS program, coalesce(contracted, '') AS contracted,
        coalesce(stage, 'payment') AS stage, coalesce(group_code, '') AS group_code,
        coalesce(carc, '') AS carc, coalesce(rarcs, '') AS rarcs,
        coalesce(denial_text, '') AS denial_text, notice_date,
        coalesce(last_level, '') AS last_level, coalesce(outcome, '') AS outcome,
        CASE WHEN last_level IS NULL THEN notice_date ELSE decided_on END AS starts,
        CASE WHEN last_level IS NULL THEN notice_received END AS received,
        cast(denied * 100 AS bigint) AS denied_cents
    FROM denials
), coded AS (
    SELECT /*+ BROADCAST(c), BROADCAST(t) */ p.*,
        coalesce(c.denial_category, t.denial_category) AS denial_category,
        coalesce(c.barred, t.barred) AS barred,
        CASE WHEN last_level = '' THEN '' ELSE coalesce(c.nature, t.nature) END AS nature,
        CASE WHEN last_level = '' THEN 0 ELSE {band} END AS band
    FROM plain p
    LEFT JOIN codes c ON p.group_code = c.group_code AND p.carc = c.carc AND p.rarcs = c.rarcs
        AND (p.carc <> '' OR p.rarcs <> '')
    LEFT JOIN texts t ON p.carc = '' AND p.rarcs = '' AND p.denial_text = t.denial_text
), ruled AS (
    SELECT /*+ BROADCAST(r), BROADCAST(n) */ c.*, n.shut, r.state, r.days, r.months,
        r.working_days, r.rolls, r.safe_days, date_add(starts, r.presumed) AS presumed,
        CASE WHEN r.from_receipt THEN coalesce(received, date_add(starts, r.presumed), starts)
            ELSE starts END AS clock
    FROM coded c
    LEFT JOIN no_appeal n
        ON c.program = n.program AND c.denial_category = n.denial_category
    LEFT JOIN rules r ON c.program = r.program AND c.contracted = r.contracted
        AND c.stage = r.stage AND c.last_level = r.last_level AND c.outcome = r.outcome
        AND c.nature = r.nature AND c.band = r.band AND c.starts BETWEEN r.first_day AND r.until
), counted AS (
    SELECT /*+ BROADCAST(w) */ ruled.*,
        CASE WHEN working_days > 0 THEN w.after_29
            WHEN months > 0 THEN add_months(clock, months) ELSE date_add(clock, days) END AS ends,
        CASE WHEN received > presumed THEN date_add(presumed, days) END AS early,
        date_add(starts, safe_days) AS other,
        coalesce(state, '') <> 'file' OR clock IS NULL OR coalesce(received < starts, false)
            AS undated
    FROM ruled LEFT JOIN days w ON ruled.clock = w.day
), safe AS (
    SELECT *, least(ends, early, other) AS safe_day FROM counted
), stated AS (
    SELECT /*+ BROADCAST(l), BROADCAST(s) */ safe.*,
        CASE WHEN rolls THEN l.next ELSE ends END AS last, s.previous AS file_by
    FROM safe LEFT JOIN days l ON safe.ends = l.day LEFT JOIN days s ON safe.safe_day = s.day
)
SELECT payer_name, denial_category, date_format(
        CASE WHEN last_level <> '' AND outcome NOT IN ('', 'overturned', 'withdrawn')
            AND shut IS NULL AND state IN ('file', 'nothing_to_file') THEN starts
        ELSE notice_date END, 'yyyy-MM') AS month,
    CASE WHEN last_level <> '' AND outcome IN ('overturned', 'withdrawn') THEN 'closed'
        WHEN last_level <> '' AND outcome = '' THEN 'awaiting_decision'
        WHEN barred OR shut IS NOT NULL OR state = 'no_appeal_right' THEN 'no_appeal_right'
        WHEN state = 'nothing_to_file' THEN 'nothing_to_file'
        WHEN undated THEN 'no_date'
        WHEN last < DATE '{as_of}' THEN 'overdue'
        WHEN file_by < DATE '{as_of}' THEN 'past_safe_date'
        WHEN datediff(file_by, DATE '{as_of}') < 7 THEN 'due_this_week'
        ELSE 'due_later' END AS due,
    count(*) AS size, sum(denied_cents) AS sum
FROM stated GROUP BY 1, 2, 3, 4
"""


def by_hand(path: str) -> Iterator[None]:
    """The job as a good analyst writes it in Spark SQL: lookup tables, broadcast joins.

    Denials without a code need the scalar text rules: their distinct texts are collected,
    answered once and joined back, which is the quickest of the ways that were tried.
    """
    import pandas as pd

    from benchmarks import analyst
    from benchmarks.rows_read import codes_of, told_of

    lookup = analyst.tables(codes_of(path))
    rules = lookup["rules"].rename(columns={"from": "first_day"})
    small = {"codes": lookup["codes"], "no_appeal": lookup["no_appeal"], "rules": rules,
             "days": analyst.working_days()}  # fmt: skip
    spark, log = _begun(path)
    with tempfile.TemporaryDirectory() as folder:
        for name, frame in small.items():
            _keep(frame, f"{folder}/{name}.parquet")
        yield
        spark.read.parquet(path).createOrReplaceTempView("denials")
        for name in small:
            spark.read.parquet(f"{folder}/{name}.parquet").createOrReplaceTempView(name)
        words = spark.sql(
            "SELECT DISTINCT coalesce(denial_text, '') AS denial_text FROM denials "
            "WHERE coalesce(carc, '') = '' AND coalesce(rarcs, '') = ''"
        ).toArrow()["denial_text"]
        answers = [(text, *analyst.text_answer(text)) for text in words.to_pylist()]
        texts = pd.DataFrame(answers, columns=["denial_text", *analyst.ANSWERED])
        _keep(texts, f"{folder}/texts.parquet")
        spark.read.parquet(f"{folder}/texts.parquet").createOrReplaceTempView("texts")
        band = " + ".join(f"int(denied_cents >= {at * 100})" for at in analyst.thresholds())
        found = spark.sql(BY_HAND.format(as_of=AS_OF, band=band)).toArrow().to_pandas()
        yield
        return told_of(found) | _ended(spark, log)


def _keep(frame: Any, path: str) -> None:
    """Write a lookup table as an analyst keeps it: days as dates, counts as whole numbers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for at, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            table = table.set_column(at, column.name, table.column(at).cast(pa.date32()))
        elif pa.types.is_floating(column.type) or pa.types.is_int64(column.type):
            table = table.set_column(at, column.name, table.column(at).cast(pa.int32()))
    pq.write_table(table, path)

"""Who does the parts of the work: threads of this process, other processes, or a Spark cluster."""

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from toolkit.errors import UsageError
from toolkit.processes import Processes, Threads, Work, cores


class Spark:
    """Tasks of Spark, whose workers see the same folders as this process.

    A session that runs already (a notebook's, spark-submit's) is used and left; else one of this
    machine is made and stopped.
    """

    def __init__(self, given: Any, *, jobs: int | None = None) -> None:
        from toolkit.worklist import spark

        self._given = given
        self._running = spark.running()
        self._session = self._running or spark.session(cores=f"local[{jobs or cores()}]")

    def __enter__(self) -> "Spark":
        return self

    def __exit__(self, *_: object) -> None:
        if self._running is None:
            self._session.stop()

    def each(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Give (task, answer) when all are done: one Spark task each, by `mapInArrow`."""
        import pyarrow as pa

        tasks = list(tasks)
        if not tasks:
            return
        given = self._given

        def run(batches):
            for batch in batches:
                for raw in batch.column(0).to_pylist():
                    number, task = pickle.loads(raw)
                    answer = pickle.dumps((number, work(given, task)))
                    yield pa.RecordBatch.from_arrays([pa.array([answer], pa.binary())], ["answer"])

        rows = [(pickle.dumps((number, task)),) for number, task in enumerate(tasks)]
        frame = self._session.createDataFrame(rows, "task binary").repartition(len(rows))
        for row in frame.mapInArrow(run, "answer binary").toLocalIterator():
            number, answer = pickle.loads(row.answer)
            yield tasks[number], answer


def workers(
    engine: str, given: Any, *, jobs: int | None = None, by_processes: bool = False
) -> Threads | Processes | Spark:
    """Return who does the work of an engine: pandas in this thread, duckdb in several, or spark.

    Threads share what they have asked; `by_processes` is for work that Python itself does, which only
    one thread can do at a time.
    """
    if engine == "spark":
        return Spark(given, jobs=jobs)
    if engine not in ("pandas", "duckdb"):
        raise UsageError("the engine is one of pandas, duckdb, spark")
    crew = Processes if by_processes else Threads
    return crew(given, jobs=1 if engine == "pandas" else jobs or cores())

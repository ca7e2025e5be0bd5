"""What a benchmark run consists of: jobs, the data they need, and what came out."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Taken


@dataclass(frozen=True)
class Scale:
    """How much a run does: rows of the tables, bytes of the remittances, rounds."""

    name: str
    sizes: tuple[int, ...]  # rows of files and frames
    heavy: int  # the most rows that Spark and whole-frame pandas are given
    sampled: tuple[int, ...]  # rows of a sample export
    remittance: int  # bytes of one large 835
    peer: int  # bytes of the 835 that edi-835-parser reads too
    files: int  # remittances in one call
    naive: int  # rows for what is timed on few rows and scaled
    starts: int  # rounds of the start-up times
    rounds: int  # of everything else
    rare: int  # rounds of what takes minutes


MEGA = 1_000_000
SCALES = {
    "tiny": Scale("tiny", (2_000,), 2_000, (2_000,), 50_000, 20_000, 5, 500, 1, 1, 1),
    "quick": Scale(
        "quick", (10_000, 100_000), 100_000, (10_000,), 10 * MEGA, MEGA, 50, 2_000, 3, 2, 1
    ),
    "default": Scale(
        "default", (10_000, 100_000, MEGA, 10 * MEGA), 10 * MEGA, (10_000, 100_000, MEGA),
        100 * MEGA, 5 * MEGA, 1_000, 5_000, 7, 3, 1,
    ),
    "full": Scale(
        "full", (10_000, 100_000, MEGA, 10 * MEGA, 50 * MEGA), 10 * MEGA,
        (10_000, 100_000, MEGA, 10 * MEGA), 1_000 * MEGA, 5 * MEGA, 1_000, 5_000, 15, 3, 3,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Job:
    """One thing that is measured, in a process of its own.

    `part` and `key` name it, `says` is its line in the table. `run` measures it once. Jobs of one
    part, size and `same` do the same work: their answers' digests must be equal. `stands_for` is
    how many times the work was made smaller (naive code on few rows); figures are multiplied by it.
    """

    part: str
    key: str
    says: str
    size: int
    run: Callable[[], Taken]
    unit: str = "rows"
    same: str = ""
    rounds: int = 3
    stands_for: float = 1.0
    floor: str = ""  # the key of the job that this one is compared with


@dataclass
class Result:
    """A job with the runs that it had, one per round."""

    job: Job
    runs: list[Taken] = field(default_factory=list)

    @property
    def good(self) -> list[Taken]:
        return [run for run in self.runs if not run.why_not]

    @property
    def why_not(self) -> str:
        """Return why there is no figure, '' when there is one."""
        return "" if self.good else next((run.why_not for run in self.runs), "not run")

    def median(self, what: str) -> float:
        """Return the median over the rounds of one field of `Taken`, scaled where it is scaled."""
        factor = self.job.stands_for if what in ("seconds", "cpu") else 1.0
        return statistics.median(getattr(run, what) for run in self.good) * factor

    def spread(self, what: str) -> tuple[float, float]:
        factor = self.job.stands_for if what in ("seconds", "cpu") else 1.0
        seen = [getattr(run, what) * factor for run in self.good]
        return min(seen), max(seen)

    def plain(self) -> dict[str, Any]:
        """Return what a JSON file keeps of it."""
        job = self.job
        kept: dict[str, Any] = {
            "part": job.part, "key": job.key, "says": job.says, "size": job.size, "unit": job.unit,
            "stands_for": job.stands_for, "floor": job.floor, "why_not": self.why_not,
            "rounds": len(self.good),
        }  # fmt: skip
        if self.good:
            for what in ("seconds", "whole", "cpu", "other"):
                kept[what] = round(self.median(what), 4)
            kept["least"], kept["most"] = (round(one, 4) for one in self.spread("seconds"))
            kept["cpu_least"], kept["cpu_most"] = (round(one, 4) for one in self.spread("cpu"))
            kept["peak"], kept["extra"] = (
                max(run.peak for run in self.good),
                max(run.extra for run in self.good),
            )
            kept["answer"] = {
                name: value
                for name, value in self.good[-1].answer.items()
                if not name.startswith("_")
            }
        return kept


def ratio(of: Result, over: Result, *, less: float = 0) -> tuple[float, float, float] | None:
    """Return median, least and most of the ratio of two jobs' CPU seconds, each taken within one round.

    `less` is taken off the first one's.
    """
    pairs = [
        (a.cpu * of.job.stands_for - less, b.cpu * over.job.stands_for)
        for a, b in zip(of.runs, over.runs, strict=False)
        if not a.why_not and not b.why_not
    ]
    found = [a / b for a, b in pairs if b]
    return (statistics.median(found), min(found), max(found)) if found else None


class DifferentAnswersError(Exception):
    """Two jobs that do the same work gave different answers: no figure of theirs means anything."""


def check_same(results: Sequence[Result]) -> int:
    """Raise where two jobs of the same work differ; return how many answers were compared."""
    seen: dict[tuple[str, int, str], tuple[str, str]] = {}
    compared = 0
    for result in results:
        job = result.job
        if not job.same:
            continue
        for run in result.good:
            digest = run.answer.get("digest")
            if not digest:
                raise DifferentAnswersError(f"{job.part}, {job.key}: no digest of its answer")
            first = seen.setdefault((job.part, job.size, job.same), (digest, job.key))
            if first[0] != digest:
                raise DifferentAnswersError(
                    f"{job.part}, {job.size:,}: {job.key} and {first[1]} differ ({job.same})"
                )
            compared += 1
    return compared


def path_of(folder: Path, name: str) -> str:
    """Return a path inside the run's own folder, as text for a job's arguments."""
    return str(folder / name)

"""What was to be reached: read from reach.yaml, compared with what was measured."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from benchmarks.cost import per_million

What = Literal[
    "ratio", "peak_gb", "peak_mb", "per_second", "megabytes_per_second", "extra_share",
    "microseconds", "milliseconds", "seconds", "questions_per_million",
]  # fmt: skip


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure to reach. `over` names the job below the line of a ratio; `why` is told on a miss."""

    id: str
    says: str
    part: str
    key: str
    at: int
    what: What
    unit: str = ""
    over: str = ""
    at_most: float | None = None
    at_least: float | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a figure to reach has one of at_most, at_least")
        if (self.what == "ratio") != bool(self.over):
            raise ValueError("a ratio, and nothing else, names a job in over")

    def reached(self, found: tuple[float, float, float]) -> bool:
        """Say whether the median is on the right side."""
        if self.at_most is not None:
            return found[0] <= self.at_most
        return found[0] >= self.at_least


@cache
def reaches() -> tuple[Reach, ...]:
    """Return every figure to reach, in the order of the file."""
    text = Path(__file__).with_name("reach.yaml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(one, Reach) for one in yaml.safe_load(text))


def value_of(reach: Reach, told: dict[str, Any]) -> tuple[float, float, float] | None:
    """Return the figure (median, least, most) in its own unit, None where the run has none."""
    if reach.what == "ratio":
        for one in told["ratios"]:
            if (one["part"], one["size"], one["key"], one["over"]) == (
                reach.part, reach.at, reach.key, reach.over,
            ):  # fmt: skip
                return one["median"], one["least"], one["most"]
        return None
    for job in told["jobs"]:
        named = (job["part"], job["size"], job["key"]) == (reach.part, reach.at, reach.key)
        if named and not job["why_not"]:
            return _figure(reach.what, job)
    return None


def _figure(what: What, job: dict[str, Any]) -> tuple[float, float, float]:
    answer = job["answer"]
    if what == "questions_per_million":
        return (per_million(job),) * 3
    if what == "peak_gb":
        return (job["peak"] / 1e9,) * 3
    if what == "peak_mb":
        return (job["peak"] / 1e6,) * 3
    if what == "extra_share":
        return (job["extra"] / answer["frame_bytes"],) * 3
    seconds = job["seconds"], job["least"], job["most"]
    if what in ("per_second", "megabytes_per_second"):
        size = answer["bytes"] / 1e6 if what == "megabytes_per_second" else job["size"]
        median, least, most = (size / one for one in seconds)
        return median, most, least
    if what == "microseconds":
        return tuple(one / job["size"] * 1e6 for one in seconds)
    return tuple(one * (1_000 if what == "milliseconds" else 1) for one in seconds)

"""What was to be reached: read from reach.yaml, compared with what was measured."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from benchmarks.cost import per_million

What = Literal[
    "ratio", "peak_gb", "peak_mb", "rows_per_cpu_second", "megabytes_per_cpu_second", "extra_share",
    "microseconds", "milliseconds", "cpu", "cpu_per_million", "questions_per_million",
]  # fmt: skip


class Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure to reach, of CPU time wherever it is one of time.

    `over` names the job below the line of a ratio, `less` the CPU seconds taken off above it. A figure on the wrong
    side of `gate` fails the run. `why` is told on a miss.
    """

    id: str
    says: str
    part: str
    key: str
    at: int
    what: What
    unit: str = ""
    over: str = ""
    less: float = 0
    at_most: float | None = None
    at_least: float | None = None
    gate: float | None = None
    why: str = ""

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a figure to reach has one of at_most, at_least")
        if (self.what == "ratio") != bool(self.over):
            raise ValueError("a ratio, and nothing else, names a job in over")

    def reached(self, found: tuple[float, float, float]) -> bool:
        """Say whether the median is on the right side."""
        return self._beside(found[0], self.at_least if self.at_most is None else self.at_most)

    def is_held(self, found: tuple[float, float, float]) -> bool:
        """Say whether the median is on the right side of the gate."""
        return self.gate is None or self._beside(found[0], self.gate)

    def _beside(self, figure: float, limit: float) -> bool:
        return figure <= limit if self.at_least is None else figure >= limit


@cache
def reaches() -> tuple[Reach, ...]:
    """Return every figure to reach, in the order of the file."""
    text = Path(__file__).with_name("reach.yaml").read_text(encoding="utf-8")
    return tuple(msgspec.convert(one, Reach) for one in yaml.safe_load(text))


def value_of(reach: Reach, told: dict[str, Any]) -> tuple[float, float, float] | None:
    """Return the figure (median, least, most) in its own unit, None where the run has none."""
    if reach.what == "ratio":
        for one in told["ratios"]:
            if (one["part"], one["size"], one["key"], one["over"], one["less"]) == (
                reach.part, reach.at, reach.key, reach.over, reach.less,
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
    spent = job["cpu"], job["cpu_least"], job["cpu_most"]
    if what in ("rows_per_cpu_second", "megabytes_per_cpu_second"):
        size = answer["bytes"] / 1e6 if what == "megabytes_per_cpu_second" else job["size"]
        median, least, most = (size / one for one in spent)
        return median, most, least
    scale = {
        "microseconds": 1e6 / job["size"],
        "cpu_per_million": 1e6 / job["size"],
        "milliseconds": 1e3,
    }
    median, least, most = (one * scale.get(what, 1) for one in spent)
    return median, least, most


def broken(told: dict[str, Any]) -> list[str]:
    """Return the gates that the run did not hold, in words."""
    found = ((reach, value_of(reach, told)) for reach in reaches())
    return [
        f"{reach.says}: {figure[0]:.3g}, and {reach.gate:g} {reach.unit} is the limit"
        for reach, figure in found
        if figure is not None and not reach.is_held(figure)
    ]

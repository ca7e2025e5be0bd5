"""Run one piece of work in a process of its own and say what it took: wall, CPU, memory, other load.

A piece of work is a generator function: what stands before its first `yield` is preparation, what
stands between the first and the second is timed, what comes after only checks the answer. It
returns a dict (`rows`, `digest` and whatever else is worth keeping).

    def work(path):
        frame = pandas.read_parquet(path)
        yield
        answer = frame.groupby("payer_name").size()
        yield
        return {"rows": len(frame), "digest": digest(answer)}

A command is measured whole, from its start to its end.
"""

import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
EVERY = 0.04  # seconds between two looks at the processes
CENSUS = 0.2  # seconds between two searches for new child processes


@dataclass(frozen=True)
class Taken:
    """What one run of one piece of work took.

    `seconds` is wall time of the timed part, `whole` of the process with its start. `cpu` is the
    timed part's user and system seconds of the process and all its children, `peak` their greatest
    memory (resident bytes, pages that several share counted in each), `extra` that less what was
    held when the clock began. `other` is CPU seconds that everything else on the machine used
    meanwhile. `why_not` says why there is no figure, and is '' where there is one; `fault` tells a
    failure from a package that is not there.
    """

    seconds: float = 0.0
    whole: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    extra: int = 0
    other: float = 0.0
    answer: dict[str, Any] = field(default_factory=dict)
    why_not: str = ""
    fault: bool = False


class NotHereError(Exception):
    """A package or a program that a piece of work needs is not on this machine; it says which."""


def work(target: str, *, timeout: float = 3600, **given: Any) -> Taken:
    """Run the generator function `module:name` with `given` in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        note = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "benchmarks.measure", target, json.dumps(given), str(note)]
        whole, watched, code, said = _watched(command, timeout, folder)
        told = json.loads(note.read_text()) if note.exists() else {}
    if code or "answer" not in told:
        away = told.get("not_here", "")
        return Taken(why_not=away or _fault(code, said), fault=not away)
    begins, ends = told["begins"], told["ends"]
    held = told["held"]
    peak = max(watched.peak(begins, ends), told["peak"])
    return Taken(
        seconds=ends - begins,
        whole=whole,
        cpu=max(told["cpu"], watched.cpu(begins, ends)),
        peak=peak,
        extra=max(0, peak - held),
        other=watched.other(begins, ends),
        answer=told["answer"],
    )


def command(words: Sequence[str], *, timeout: float = 3600, accept: Sequence[int] = (0,)) -> Taken:
    """Run a command and measure its whole life; an exit code not in `accept` is no figure."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        whole, watched, code, said = _watched(list(words), timeout, folder)
    if code not in accept:
        return Taken(why_not=_fault(code, said), fault=True)
    return Taken(
        seconds=whole,
        whole=whole,
        cpu=watched.spent,
        peak=watched.peak(0, float("inf")),
        other=watched.other(0, float("inf")),
    )


def _fault(code: int, said: str) -> str:
    """Return the last thing a process said, without any path of this machine."""
    lines = [line for line in said.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {code}"
    for place in (str(ROOT), str(Path.home()), tempfile.gettempdir()):
        last = last.replace(place, "")
    return last[:200]


class _Watched:
    """What the processes of one tree held and used, moment by moment."""

    def __init__(self) -> None:
        self.moments: list[tuple[float, float, int, float]] = []
        self.spent = 0.0  # of the whole tree, once it has ended
        self._of: dict[int, float] = {}
        self._own = psutil.Process()

    def look(self, tree: list[psutil.Process]) -> None:
        held = 0
        for process in tree:
            try:
                with process.oneshot():
                    held += process.memory_info().rss
                    used = process.cpu_times()
                    self._of[process.pid] = used.user + used.system
            except psutil.Error:  # it has ended since
                continue
        self.moments.append((time.monotonic(), sum(self._of.values()), held, self._others()))

    def _others(self) -> float:
        times = psutil.cpu_times()
        idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "steal", 0.0)
        own = self._own.cpu_times()
        busy = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        return busy - sum(self._of.values()) - own.user - own.system

    def _between(self, begins: float, ends: float) -> list[tuple[float, float, int, float]]:
        """Return the moments of a span with the one before it and the one after."""
        first = sum(moment[0] < begins for moment in self.moments)
        last = sum(moment[0] <= ends for moment in self.moments)
        return self.moments[max(0, first - 1) : last + 1]

    def peak(self, begins: float, ends: float) -> int:
        within = [moment[2] for moment in self.moments if begins <= moment[0] <= ends]
        return max(within, default=0)

    def cpu(self, begins: float, ends: float) -> float:
        span = self._between(begins, ends)
        return span[-1][1] - span[0][1] if span else 0.0

    def other(self, begins: float, ends: float) -> float:
        span = self._between(begins, ends)
        return max(0.0, span[-1][3] - span[0][3]) if span else 0.0


def _watched(words: list[str], timeout: float, folder: str) -> tuple[float, _Watched, int, str]:
    """Run a command under the eyes of this process: (seconds, what was seen, exit code, stderr).

    What it keeps for a while goes into `folder`, so that nothing stays behind when it fails.
    """
    watched = _Watched()
    env = {**os.environ, "PYTHONHASHSEED": "0", "TQDM_DISABLE": "1", "TMPDIR": folder}
    before = os.times()
    with tempfile.TemporaryFile() as errors:
        began = time.monotonic()
        process = subprocess.Popen(
            words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=errors
        )
        root = psutil.Process(process.pid)
        tree, counted = [root], began
        wait = 0.002  # a short life is looked at often, a long one seldom
        while True:
            now = time.monotonic()
            if now - counted > CENSUS:
                tree, counted = [root, *_children(root)], now
            watched.look(tree)
            try:
                code = process.wait(timeout=wait)
                break
            except subprocess.TimeoutExpired:
                wait = EVERY if now - began > 0.5 else 0.01
            if now - began > timeout:
                for one in (*_children(root), root):
                    _end(one)
                process.wait()
                return now - began, watched, -1, f"stopped after {timeout:.0f} s"
        whole = time.monotonic() - began
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace")
    after = os.times()  # of the children that have ended
    waited = sum(after[2:4]) - sum(before[2:4])
    seen = watched.moments[-1][1] if watched.moments else 0.0
    watched.spent = max(waited, seen)
    return whole, watched, code, said


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _end(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return


# --- inside the process that works ---------------------------------------------------------------


def main(target: str, given: str, note: str) -> None:
    """Do one piece of work and write what it took beside its answer."""
    module, _, name = target.partition(":")
    try:
        running = getattr(importlib.import_module(module), name)(**json.loads(given))
        next(running)  # preparation
        _let_go()
        held = psutil.Process().memory_info().rss
        reset = _forget_peak()
        used, begins = _spent(), time.monotonic()
        next(running)
        ends, after = time.monotonic(), _spent()
        peak = _own_peak() if reset else psutil.Process().memory_info().rss
        try:
            next(running)
        except StopIteration as ended:
            answer = ended.value or {}
    except NotHereError as missing:
        Path(note).write_text(json.dumps({"not_here": str(missing)}))
        return
    told = {
        "begins": begins,
        "ends": ends,
        "cpu": after - used,
        "held": held,
        "peak": peak,
        "answer": answer,
    }
    Path(note).write_text(json.dumps(told))


def _spent() -> float:
    """Return CPU seconds of this process, exactly, and of its children that have ended."""
    return time.process_time() + sum(os.times()[2:4])


def _let_go() -> None:
    """Give back what preparation no longer needs, or its free pages would hide what work takes."""
    gc.collect()
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)


def _forget_peak() -> bool:
    """Let the kernel count the peak anew from here; say whether it can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _own_peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    # Named as itself, so that what a piece of work raises is the class that is caught here.
    from benchmarks.measure import main as run

    run(*sys.argv[1:])

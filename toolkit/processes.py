"""Processes or threads of this machine that do the parts of some work, with what all parts need."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.connection import wait as wait_for
from threading import Thread
from typing import Any

from toolkit.errors import ToolkitError

# Does a part: of what all parts need, and of the part's own task.
Work = Callable[[Any, Any], Any]


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


_ENDING_SECONDS = 5


def die_with_parent() -> None:
    """Let this process, which another one started, end when that one is gone, however it ended."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def stops(kind: type[BaseException] | None) -> bool:
    """Say whether what was raised asks the process itself to end: a signal, or Ctrl+C."""
    return kind is not None and not issubclass(kind, Exception)


def end(pool: ProcessPoolExecutor, *, at_once: bool) -> None:
    """End the pool's processes: when their tasks are done, or at once."""
    if at_once:
        children = active_children()
        for child in children:
            child.terminate()
        for child in children:
            child.join(_ENDING_SECONDS)
    pool.shutdown(wait=True, cancel_futures=True)


class Processes:
    """Processes of this machine. `given` is what all parts of the work need; it is sent once."""

    def __init__(self, given: Any, *, jobs: int) -> None:
        self._jobs, self._given = jobs, given
        self._pool = None
        if jobs > 1:
            self._pool = ProcessPoolExecutor(
                jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(given,)
            )

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._pool:
            end(self._pool, at_once=stops(kind))

    def each(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Give (task, answer) as they are done; tasks are taken only as workers are free."""
        if self._pool is None:
            for task in tasks:
                yield task, work(self._given, task)
            return
        todo, running = iter(tasks), {}
        try:
            while True:
                while len(running) < 2 * self._jobs:
                    task = next(todo, _END)
                    if task is _END:
                        break
                    running[self._pool.submit(_do, work, task)] = task
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        except BrokenProcessPool:
            raise ToolkitError(
                "a process that did a part of the work ended; is memory short? Nothing was written"
            ) from None


class Threads:
    """Threads of this process: they share `given`, and all that it learns meanwhile."""

    def __init__(self, given: Any, *, jobs: int) -> None:
        self._jobs, self._given = jobs, given
        self._pool = ThreadPoolExecutor(jobs) if jobs > 1 else None

    def __enter__(self) -> "Threads":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def each(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Give (task, answer) in the order of the tasks, which are taken as threads are free."""
        if self._pool is None:
            for task in tasks:
                yield task, work(self._given, task)
            return
        todo, running = iter(tasks), deque()
        while True:
            while len(running) <= self._jobs and (task := next(todo, _END)) is not _END:
                running.append((task, self._pool.submit(work, self._given, task)))
            if not running:
                return
            task, future = running.popleft()
            yield task, future.result()


_END = object()
_given: Any = None


def _begin(given: Any) -> None:
    global _given
    _given = given
    die_with_parent()


def _do(work: Work, task: Any) -> Any:
    import pyarrow as pa

    answer = work(_given, task)
    pa.default_memory_pool().release_unused()  # else each worker keeps its greatest part for good
    return answer

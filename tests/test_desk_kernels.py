"""The app's kernels: the one that waits goes to the next page, and to no other; nothing else keeps one alive."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from toolkit.desk.kernels import ReadyKernels

PAGE = {"kernel_name": "python3", "path": "notebooks"}
LONG_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def started(monkeypatch) -> list[dict]:
    """What kernels were started with; none of them is a process."""
    every: list[dict] = []

    async def start(self, *, kernel_id=None, **options):
        every.append(options)
        name = kernel_id or f"k{len(every)}"
        self._kernels[name] = SimpleNamespace(
            is_alive=lambda: True, last_activity=LONG_AGO, execution_state="idle",
            kernel_name="python3", kernel_spec=SimpleNamespace(metadata={}),
        )  # fmt: skip
        return name

    async def shut_down(self, kernel_id, **_):
        del self._kernels[kernel_id]

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(AsyncMappingKernelManager, "shutdown_kernel", shut_down)
    return every


def manager(**more) -> ReadyKernels:
    return ReadyKernels(ready_path="notebooks", cull_idle_timeout=600, pause=0.01, **more)


def test_each_page_has_a_kernel_alone_and_the_next_is_started_after_a_pause(started):
    async def work():
        kernels = manager()
        kernels.start_ahead()
        first = await kernels.start_kernel(**PAGE)
        second = await kernels.start_kernel(**PAGE)  # before the next one waits
        await asyncio.sleep(0.1)
        assert len(started) == 3, "one waits, however many pages have come"
        third = await kernels.start_kernel(**PAGE)
        return [first, second, third]

    found = asyncio.run(work())
    assert len(set(found)) == 3
    ahead = [bool(one.get("extra_arguments")) for one in started]
    assert ahead[:3] == [True, False, True]


@pytest.mark.parametrize("other", [{"path": "reports"}, {"kernel_name": "ir"}, {"kernel_id": "x"}])
def test_a_kernel_of_another_kind_is_not_the_one_that_waits(started, other):
    async def work():
        kernels = manager()
        kernels.start_ahead()
        await asyncio.sleep(0)
        await kernels.start_kernel(**PAGE | other)
        return await kernels.start_kernel(**PAGE)

    assert asyncio.run(work()) == "k1" and len(started) == 2


def test_a_page_starts_its_own_where_the_one_that_waited_has_died(started):
    async def work():
        kernels = manager()
        kernels.start_ahead()
        await asyncio.sleep(0)
        kernels._kernels["k1"].is_alive = lambda: False
        second = await kernels.start_kernel(**PAGE)
        kernels.start_ahead()
        await asyncio.sleep(0)
        kernels._kernels.clear()
        return second, await kernels.start_kernel(**PAGE)

    assert asyncio.run(work()) == ("k2", "k4")


def test_an_idle_kernel_stays_ended_and_the_one_that_waits_is_ended_only_after_its_page(started):
    async def work():
        kernels = manager()
        kernels.start_ahead()
        await asyncio.sleep(0)
        await kernels.cull_kernels()
        assert set(kernels._kernels) == {"k1"}
        page = await kernels.start_kernel(**PAGE)
        await kernels.cull_kernels()
        assert page in kernels._kernels, "its idle time begins with its page"
        await asyncio.sleep(0.1)
        kernels._kernels[page].last_activity = LONG_AGO
        await kernels.cull_kernels()
        await asyncio.sleep(0.1)
        return set(kernels._kernels)

    assert asyncio.run(work()) == {"k2"} and len(started) == 2

"""The kernels of the app: one for each page, and one more that is ready before its page asks for it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from jupyter_server.utils import ensure_async
from traitlets import Float, Unicode

_READY = "--IPKernelApp.exec_lines=import toolkit.desk.ready"


class ReadyKernels(AsyncMappingKernelManager):
    """Starts a kernel ahead, with the desk imported, and gives it to the next page.

    Every page still has a kernel of its own, which ends with it. Only one waits at a time: it is not ended
    for being idle, and ends with the server as every other does. What Voila says of a page's request in
    the environment of its kernel, this one does not have: the desk asks for none of it.
    """

    ready_name = Unicode("python3", config=True, help="the kind of kernel that is started ahead")
    ready_path = Unicode(config=True, help="the folder of the notebook that it is for")
    pause = Float(
        10, config=True, help="seconds before the next one: the page that opens comes first"
    )

    def __init__(self, **options: Any):
        super().__init__(**options)
        self._ahead: asyncio.Task[str] | None = None
        self._waits = ""  # the id of the kernel that waits

    def start_ahead(self) -> None:
        """Start the kernel that waits, unless there is one."""
        if self._ahead is None:
            self._ahead = asyncio.ensure_future(self._start_ahead())

    async def _start_ahead(self) -> str:
        self._waits = await super().start_kernel(
            kernel_name=self.ready_name, path=self.ready_path, extra_arguments=[_READY]
        )
        return self._waits

    async def start_kernel(self, *, kernel_id: str | None = None, **options: Any) -> str:
        """Return the id of the kernel that waits, where it is of the kind asked for; else of a new one."""
        asked = kernel_id, options.get("kernel_name"), options.get("path")
        if asked == (None, self.ready_name, self.ready_path):
            asyncio.get_running_loop().call_later(self.pause, self.start_ahead)
            if found := await self._taken():
                return found
        return await super().start_kernel(kernel_id=kernel_id, **options)

    async def _taken(self) -> str:
        """Return the id of the kernel that waits, which waits no more; '' where none is alive."""
        if self._ahead is None:
            return ""
        ahead, self._ahead = self._ahead, None
        try:
            found = await ahead
            kernel = self.get_kernel(found)
            is_alive = await ensure_async(kernel.is_alive())
        except Exception as error:  # the page has one of its own then
            self.log.error("The kernel started ahead was lost: %s", type(error).__name__)
            return ""
        finally:
            self._waits = ""
        kernel.last_activity = datetime.now(UTC)  # its idle time begins with its page
        return found if is_alive else ""

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is idle, unless it is the one that waits."""
        if kernel_id != self._waits:
            await super().cull_kernel_if_idle(kernel_id)

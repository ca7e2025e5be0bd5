"""Run report notebooks in this process's kernel, one after the other, and render them.

Nothing private stays behind: the kernel's files are in the run's own folder, and between two notebooks
its names are forgotten.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

from toolkit.errors import ReportError
from toolkit.processes import die_with_parent
from toolkit.reports.blocks import STYLE

# Past this a cell is taken to hang.
_CELL_SECONDS = 600
_HERE = Path(__file__).parent
_kernel: Any = None  # of this process
# What every report imports, read while the parent still counts.
_AHEAD = "from toolkit.reports import defined, front, monthly, overdue, outcomes, page, scorecard, weekly"
_FORGET = "get_ipython().reset(new_session=True)"


def begin(private: str) -> None:
    """Start the kernel of a worker process, with what reports import; its files are in `private`."""
    _without_grammars()
    die_with_parent()
    Finalize(None, _end_kernel, exitpriority=10)
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, _end_with_kernel)
    _keep_signals()
    try:
        _tell_kernel(_started(private), _AHEAD)
    except Exception:
        _end_kernel()  # the first notebook starts it again, and has the words for what is wrong


def make(task: dict[str, Any]) -> dict[str, Any]:
    """Run and render one notebook; return its seconds, or where it stopped and the error's type.

    Runs in a worker process, which alone imports papermill. The answer is plain data: an exception would carry its traceback,
    with a claim's values in it, to the parent's screen.
    """
    _without_grammars()
    for last_try in (False, True):
        try:
            unknown = unknown_parameters(task["notebook"], set(task["parameters"]))
            if unknown:
                return {"cell": None, "error": f"no parameter named {', '.join(sorted(unknown))}"}
            began = time.perf_counter()
            _make(task)
            return {"seconds": time.perf_counter() - began}
        except Exception as error:
            stop = _stop(error)
            # A kernel that dies has lost a race for a port, or its memory to another process: once more.
            _end_kernel()
            if last_try or not stop["kernel_died"]:
                return stop
    raise AssertionError("not reached")


def _without_grammars() -> None:
    # jsonschema imports this, where it is installed, to check IRIs: two seconds of grammar building
    # in every process, for a format that no notebook has. None makes it "not installed" here.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def unknown_parameters(notebook: str, given: set[str]) -> set[str]:
    """Return the names that the notebook's parameters cell does not have.

    papermill accepts them silently, and the notebook runs on its defaults.
    """
    import papermill

    return given - set(papermill.inspect_notebook(notebook))


def _make(task: dict[str, Any]) -> None:
    import nbformat
    import papermill

    kernel = _started(task["private"])
    if kernel.has_kernel:
        _tell_kernel(kernel, _FORGET)
    ran = papermill.execute_notebook(
        task["notebook"],
        None,
        parameters=task["parameters"],
        kernel_name="python3",
        progress_bar=False,
        log_output=False,
        start_timeout=60,
        execution_timeout=_CELL_SECONDS,
        store_widget_state=False,
        km=kernel,
    )
    clean = _scrub(ran, task["about"], task["parameters"])
    if task.get("ipynb"):
        nbformat.write(clean, task["ipynb"])
    Path(task["html"]).write_text(_render(clean, task["title"]), encoding="utf-8")
    if task.get("pdf"):
        from toolkit.reports import pdf

        pdf.print_page(Path(task["html"]), Path(task["pdf"]))


def _started(private: str) -> Any:
    """Return this process's kernel, which whoever tells it something first starts."""
    global _kernel
    if _kernel is None:
        folder = Path(private) / f"kernel-{os.getpid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        _kernel = _private_kernel(folder)()
    return _kernel


def _tell_kernel(kernel: Any, code: str) -> None:
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(code)]
    NotebookClient(nbformat.v4.new_notebook(cells=cells), km=kernel).execute()


def _end_kernel() -> None:
    """End this process's kernel at once, if it has one."""
    global _kernel
    kernel, _kernel = _kernel, None
    if kernel is not None and kernel.has_kernel:
        from jupyter_core.utils import run_sync

        run_sync(kernel.shutdown_kernel)(now=True)


def _end_with_kernel(*_: object) -> None:
    """End this process at once, and its kernel before it: neither writes any more."""
    pid = getattr(getattr(_kernel, "provisioner", None), "pid", None)
    if pid:
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    os._exit(1)


def _keep_signals() -> None:
    """Keep nbclient from taking this process's signals: it would print how it stopped, line by line."""
    from jupyter_core.utils import ensure_event_loop

    def refused(*_: object) -> None:
        raise RuntimeError("this process ends at once, with its kernel")

    ensure_event_loop().add_signal_handler = refused


def _private_kernel(private: Path) -> Callable[[], Any]:
    """Return a kernel manager that encrypts, uses this Python, and keeps its files in `private`."""
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class PrivateKernel(AsyncKernelManager):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            # No folder to look into: the kernel of this Python, not one that the user installed.
            self.kernel_spec_manager = KernelSpecManager(parent=self, kernel_dirs=[])
            self.transport_encryption = "required"
            self.connection_file = str(private / "connection.json")

        async def start_kernel(self, **given: Any) -> None:
            mine = {"IPYTHONDIR": str(private), "MPLBACKEND": "agg"}
            given["env"] = {**os.environ, **(given.get("env") or {}), **mine}
            given["cwd"] = str(private)
            # What a library prints as it dies may hold a value.
            given["stdout"] = given["stderr"] = subprocess.DEVNULL
            await super().start_kernel(**given)

    return PrivateKernel


def _scrub(ran: Any, about: dict[str, str], parameters: dict[str, str]) -> Any:
    """Return the notebook with HTML outputs only, the parameters of this run, and no path or time.

    A parameter that is a path is blank.
    """
    import nbformat

    clean = nbformat.from_dict(ran)
    clean.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "toolkit": about,
        }
    )
    clean.cells = [
        c for c in clean.cells if "injected-parameters" not in c.metadata.get("tags", [])
    ]
    for cell in clean.cells:
        cell.metadata = nbformat.from_dict({"tags": cell.metadata.get("tags", [])})
        if "parameters" in cell.metadata.tags:
            given = parameters | {"folder": ""}
            cell.source = "\n".join(
                f"{name} = {json.dumps(value)}" for name, value in given.items()
            )
        if cell.cell_type == "code":
            shown = [o for o in cell.outputs if o.get("data", {}).get("text/html")]
            cell.outputs = [
                nbformat.v4.new_output("display_data", {"text/html": o.data["text/html"]})
                for o in shown
            ]
            cell.execution_count = None
    clean.cells = [
        cell
        for cell, after in zip(clean.cells, [*clean.cells[1:], None], strict=True)
        if not _heads_nothing(cell, after)
    ]
    return clean


def _heads_nothing(cell: Any, after: Any) -> bool:
    """Tell a heading whose code cell has nothing to show: a section that does not apply."""
    return (
        cell.cell_type == "markdown"
        and after is not None
        and after.cell_type == "code"
        and not after.outputs
    ) and "by-hand" not in cell.metadata.tags


def _render(clean: Any, title: str) -> str:
    page, _ = _exporter().from_notebook_node(
        clean, resources={"report_title": title, "report_style": STYLE.read_text("utf-8")}
    )
    return page


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    return HTMLExporter(
        template_name="template",
        extra_template_basedirs=[str(_HERE)],
        exclude_input=True,
        exclude_anchor_links=True,
        anchor_link_text=" ",
        embed_images=True,
        config=Config(
            TagRemovePreprocessor={"enabled": True, "remove_cell_tags": ["by-hand"]},
        ),
    )


def _stop(error: Exception) -> dict[str, Any]:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, ReportError):  # its words are ours
        return {"cell": None, "error": str(error), "kernel_died": False}
    if isinstance(error, PapermillExecutionError):
        # The cell of injected parameters shifts those after it by one: the count from one fits.
        return {"cell": error.cell_index, "error": _type_name(error.ename), "kernel_died": False}
    died = isinstance(error, DeadKernelError) or "Kernel died" in str(error)
    return {"cell": None, "error": type(error).__name__, "kernel_died": died}


def _type_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,60}", name or "") else "an error"

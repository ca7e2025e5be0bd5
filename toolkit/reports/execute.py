"""Run one report notebook in a kernel of its own and render it; nothing private stays behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

# Past this a cell is taken to hang.
_CELL_SECONDS = 600
_HERE = Path(__file__).parent


def make(task: dict[str, Any]) -> dict[str, Any]:
    """Run and render one notebook; return {} or where it stopped and the error's type.

    Runs in a worker process, which alone imports papermill. The answer is plain data: an exception would carry its traceback,
    with a claim's values in it, to the parent's screen.
    """
    # jsonschema imports this, where it is installed, to check IRIs: two seconds of grammar building
    # in every process, for a format that no notebook has. None makes it "not installed" here.
    sys.modules.setdefault("rfc3987_syntax", None)
    for last_try in (False, True):
        try:
            unknown = unknown_parameters(task["notebook"], set(task["parameters"]))
            if unknown:
                return {"cell": None, "error": f"no parameter named {', '.join(sorted(unknown))}"}
            _make(task)
            return {}
        except Exception as error:
            stop = _stop(error)
            # A kernel that dies at its start has mostly lost a race for a port: once more.
            if last_try or not stop["kernel_died"]:
                return stop
    raise AssertionError("not reached")


def unknown_parameters(notebook: str, given: set[str]) -> set[str]:
    """Return the names that the notebook's parameters cell does not have.

    papermill accepts them silently, and the notebook runs on its defaults.
    """
    import papermill

    return given - set(papermill.inspect_notebook(notebook))


def _make(task: dict[str, Any]) -> None:
    import nbformat
    import papermill

    private = Path(task["private"])
    private.mkdir(mode=0o700, exist_ok=True)
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
        shutdown_kernel="immediate",
        kernel_manager_class=_private_kernel(private),
    )
    clean = _scrub(ran, task["about"], task["parameters"])
    if task.get("ipynb"):
        nbformat.write(clean, task["ipynb"])
    Path(task["html"]).write_text(_render(clean, task["title"]), encoding="utf-8")


def _private_kernel(private: Path) -> type:
    """Return a kernel manager that encrypts, uses this Python, and keeps its files in `private`."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpecManager

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
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    exporter = HTMLExporter(
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
    style = (_HERE / "template" / "report.css").read_text(encoding="utf-8")
    page, _ = exporter.from_notebook_node(
        clean, resources={"report_title": title, "report_style": style}
    )
    return page


def _stop(error: Exception) -> dict[str, Any]:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if isinstance(error, PapermillExecutionError):
        # The cell of injected parameters shifts those after it by one: the count from one fits.
        return {"cell": error.cell_index, "error": _type_name(error.ename), "kernel_died": False}
    died = isinstance(error, DeadKernelError) or "Kernel died" in str(error)
    return {"cell": None, "error": type(error).__name__, "kernel_died": died}


def _type_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]{0,60}", name or "") else "an error"

"""Serve the desk on this machine: as an app by Voila, or in JupyterLab; one process until it is stopped."""

import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toolkit.desk.environment import IS_APP, SHARED_IN
from toolkit.outputs.leftovers import run_folder

NOTEBOOK = Path("notebooks") / "draft_letters.ipynb"
_IDLE = 600  # seconds without a page after which a kernel is ended
_LOOK = 60  # seconds between two looks for such kernels
# The extensions of JupyterLab that the page needs: its widgets, and nothing that others installed.
_WIDGETS = [
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
    "anywidget",
]
# Nothing may come from, or go to, another host: the browser itself keeps to that. The page builds
# its widgets from what the kernel sends, hence 'unsafe-eval' and blob:.
_OWN_HOST_ONLY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "connect-src 'self' ws://127.0.0.1:* ws://localhost:*",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


def serve_app(
    project: Path, *, port: int | None, browser: bool, ready: Callable[[str], Any]
) -> None:
    """Serve the desk as an app until SIGTERM or SIGINT; `ready` is called with its address.

    One kernel per page, ended when its page has gone, and one that waits for the next page
    (`kernels.py`). No Jupyter setting of the user counts here.
    """
    from jupyter_server.serverapp import ServerApp
    from tornado.ioloop import IOLoop
    from traitlets.config import Config

    os.environ |= {"JUPYTER_NO_CONFIG": "1", IS_APP: "1"}
    # Voila looks for its templates on this path.
    ours = [str(Path(__file__).with_name("jupyter")), os.environ.get("JUPYTER_PATH", "")]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, ours))
    settings = {
        "ServerApp.default_url": f"/voila/render/{NOTEBOOK.as_posix()}",
        "ServerApp.jpserver_extensions": {"voila.server_extension": True},
        "ServerApp.tornado_settings": {"headers": {"Content-Security-Policy": _OWN_HOST_ONLY}},
        "ServerApp.log_level": "ERROR",
        "VoilaConfiguration.template": "denial_desk",
        "VoilaConfiguration.allow_template_override": "NO",
        "VoilaConfiguration.allow_theme_override": "NO",
        "VoilaConfiguration.file_allowlist": [],  # the page needs no file of the project
        "VoilaConfiguration.extension_allowlist": _WIDGETS,
        "VoilaExporter.exclude_markdown": True,  # it is about JupyterLab
        "ServerApp.kernel_manager_class": "toolkit.desk.kernels.ReadyKernels",
        "ReadyKernels.ready_path": NOTEBOOK.parent.as_posix(),
        "KernelManager.transport_encryption": "required",
        "MappingKernelManager.cull_idle_timeout": _IDLE,
        "MappingKernelManager.cull_interval": _LOOK,
        "MappingKernelManager.cull_connected": False,
    }
    hooks = {"prelaunch_hook": _with_cookie, "page_config_hook": _with_own_mathjax}

    def initialized(argv: list[str]) -> Any:
        server = ServerApp.instance(config=Config({"VoilaConfiguration": hooks}))
        server.initialize(argv)
        IOLoop.current().add_callback(server.kernel_manager.start_ahead)
        return server

    _serve(initialized, settings, project, port, browser, ready)


def _with_cookie(request: Any, **_: Any) -> None:
    """Give the page the cookie without which its last request, to end its kernel, is refused."""
    _ = request.xsrf_token  # asking for it sets it


def _with_own_mathjax(page: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Let the page take MathJax from Voila's own files, not from a CDN."""
    return page | {"fullMathjaxUrl": None, "mathjaxConfig": None}


def serve_lab(
    project: Path, *, port: int | None, browser: bool, ready: Callable[[str], Any]
) -> None:
    """Serve JupyterLab with the drafting notebook open, the project as its root, until SIGTERM or SIGINT."""
    from jupyterlab.labapp import LabApp

    settings = {
        "LabApp.default_url": f"/lab/tree/{NOTEBOOK.as_posix()}",
        "ServerApp.log_level": "WARN",
        "LabApp.log_level": "WARN",
        "KernelManager.transport_encryption": "auto",  # kernels of other languages may not know it
        "LabApp.news_url": None,
        "LabApp.extension_manager": "readonly",  # the other asks PyPI
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "ContentsManager.pre_save_hook": f"{__name__}.without_widget_state",
    }
    _serve(LabApp.initialize_server, settings, project, port, browser, ready)


def without_widget_state(model: dict, **_: Any) -> None:
    """Take what widgets show out of a notebook that is about to be saved: it may be patient data."""
    if model["type"] == "notebook":
        model["content"]["metadata"].pop("widgets", None)


def _serve(
    initialized: Callable[[list[str]], Any],
    settings: dict[str, Any],
    project: Path,
    port: int | None,
    browser: bool,
    ready: Callable[[str], Any],
) -> None:
    token = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
    settings = settings | {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.allow_remote_access": False,
        "ServerApp.root_dir": str(project),
        "ServerApp.open_browser": browser,
        "ServerApp.answer_yes": True,  # Ctrl+C asks nothing
        "IdentityProvider.token": token,
    }
    if port is not None:
        settings |= {"ServerApp.port": port, "ServerApp.port_retries": 0}
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container
        settings["ServerApp.allow_root"] = True
    _end_by_any_signal()
    with run_folder():  # what this server and its kernels put aside is gone with the server
        os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
        # Arrow's own allocators keep what a kernel has freed; the system's gives it back.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
        os.environ[SHARED_IN] = tempfile.mkdtemp()
        server = initialized([f"--{name}={value}" for name, value in settings.items()])
        ready(f"http://127.0.0.1:{server.port}{server.default_url}?token={token}")
        server.start()


def _end_by_any_signal() -> None:
    """Let Ctrl+C and a closed terminal end the server as SIGTERM does, and all of them before it runs."""

    def end(*_: object) -> None:
        if signal.getsignal(signal.SIGTERM) is end:
            sys.exit(0)
        signal.raise_signal(signal.SIGTERM)  # the server has its own way to stop, with its kernels

    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), end)

"""`toolkit desk`: serve the desk on this computer and open it in the browser."""

import argparse
import sys
from pathlib import Path
from typing import Any

from toolkit.cli.inputs import ROOT
from toolkit.errors import InputError, UsageError

SAYS = "open the desk in the browser, as an app or in JupyterLab"
EXAMPLE = "desk"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--lab", action="store_true", help="in JupyterLab, with the project as its root folder"
    )
    one.add_argument(
        "--port", type=_port, help="port on this machine (default: the first free from 8888)"
    )
    one.add_argument("--no-browser", action="store_true", help="only print the address")


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.desk.serving import NOTEBOOK, serve_app, serve_lab

    project = _project(NOTEBOOK)
    _check_free(options.port)
    serve = serve_lab if options.lab else serve_app
    serve(project, port=options.port, browser=not options.no_browser, ready=_say)
    return {"exit": 0}


def show(answer: dict[str, Any]) -> None:
    return None


def _say(address: str) -> None:
    # The token in it is the key: whoever has the address may work at the desk.
    print(
        f"toolkit: the desk is at {address}\ntoolkit: Ctrl+C ends it", file=sys.stderr, flush=True
    )


def _project(notebook: Path) -> Path:
    """Return the project's folder: the one worked in, else the checkout that this code is from."""
    from toolkit.hospital.places import home

    for folder in (home(), ROOT):
        if (folder / notebook).exists():
            return folder
    raise InputError("the drafting notebook is not here: run from a checkout")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("expected a port from 1 to 65535")
    return int(text)


def _check_free(port: int | None) -> None:
    """Refuse a port that is taken in one line, before anything is started."""
    import socket

    if port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(f"port {port} cannot be used: taken, or not allowed") from None

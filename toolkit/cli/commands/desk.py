"""`toolkit desk`: opens the drafting notebook in the browser."""

import argparse
import os
import sys
from typing import Any

from toolkit.cli.inputs import ROOT
from toolkit.errors import InputError

SAYS = "opens the drafting notebook in the browser"
EXAMPLE = "desk"


def add_arguments(one: argparse.ArgumentParser) -> None:
    """Add none."""


def run(options: argparse.Namespace) -> dict[str, Any]:
    import subprocess

    notebook = ROOT / "notebooks" / "draft_letters.ipynb"
    if not notebook.exists():
        raise InputError("the drafting notebook is not here: run from a checkout")
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container
        command.append("--allow-root")
    return {"exit": subprocess.call(command, env=environment, cwd=ROOT)}


def show(answer: dict[str, Any]) -> None:
    return None

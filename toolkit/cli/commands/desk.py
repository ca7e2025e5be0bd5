"""`toolkit desk`: open the drafting notebook in the browser."""

import argparse
import os
import sys
from typing import Any

from toolkit.cli.inputs import ROOT
from toolkit.errors import InputError

SAYS = "open the drafting notebook in the browser"
EXAMPLE = "desk"


def add_arguments(one: argparse.ArgumentParser) -> None:
    """Add none."""


def run(options: argparse.Namespace) -> dict[str, Any]:
    import subprocess

    notebook = ROOT / "notebooks" / "draft_letters.ipynb"
    if not notebook.exists():
        raise InputError(
            "the drafting notebook is not installed: run this from a checkout of the project"
        )
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    # The project is the root, so that data/incoming and the letters can be reached; nothing is asked
    # of anybody outside.
    command = [sys.executable, "-m", "jupyterlab", str(notebook.relative_to(ROOT))]
    command += [f"--ServerApp.root_dir={ROOT}", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container
        command.append("--allow-root")
    return {"exit": subprocess.call(command, env=environment, cwd=ROOT)}


def show(answer: dict[str, Any]) -> None:
    return None

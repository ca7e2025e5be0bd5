"""`toolkit read`: show what a file holds: totals and findings."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_layout
from toolkit.cli.output import show_json

SAYS = "show what a file holds: totals and findings"
EXAMPLE = "read remit.835 --json"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_layout(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.claims import read, sources, totals

    with sources(options.files) as (given, broken):
        found: dict[str, Any] = {
            one.path.name: totals(read(one.path, layout=options.layout)) for one in given
        }
        found |= {path.name: {"error": str(error)} for path, error in broken}
    return next(iter(found.values())) if len(found) == 1 else {"files": found}


show = show_json

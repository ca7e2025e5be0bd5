"""`toolkit read`: show what a file holds: totals and findings; of a denial letter, what it proposes."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_layout
from toolkit.cli.output import show_json

SAYS = "show what a file holds: totals and findings; of a denial letter, what it proposes"
EXAMPLE = "read remit.835 --json"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_as_of(one)
    add_layout(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.claims import sources

    with sources(options.files) as (given, broken):
        found: dict[str, Any] = {one.path.name: _holds(one.path, options) for one in given}
        found |= {path.name: {"error": str(error)} for path, error in broken}
    return next(iter(found.values())) if len(found) == 1 else {"files": found}


def _holds(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Return what one file holds: tables, or where it is a letter what it proposes."""
    from toolkit.claims import read, totals
    from toolkit.claims.notice import is_document, is_notice, read_notice
    from toolkit.errors import ExportError

    if is_document(path):
        return read_notice(path, as_of=options.as_of).as_dict()
    try:
        return totals(read(path, layout=options.layout))
    except ExportError:
        if not is_notice(path):
            raise
    return read_notice(path, as_of=options.as_of).as_dict()


show = show_json

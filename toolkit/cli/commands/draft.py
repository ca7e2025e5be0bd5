"""`toolkit draft`: one letter; refused with the way on, or with the list of what is missing."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import case_of
from toolkit.cli.output import show_out

SAYS = "one letter; refused with the way on, or with the list of what is missing"
EXAMPLE = "draft export.csv --claim 1a2b3c4d-000012 --facts facts.yaml --out letter.docx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "export",
        nargs="?",
        type=Path,
        metavar="EXPORT",
        help="not needed for a case made of a letter",
    )
    one.add_argument("--claim", required=True, help="our claim key, or the account or claim number")
    one.add_argument(
        "--kind",
        metavar="ACT",
        help="appeal, criteria_request, records_cover ... (docs/letters.md)",
    )
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--facts", type=Path, help="YAML: fact: value")
    one.add_argument("--draft", action="store_true", help="write it incomplete, with a watermark")
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import draft, kind_of, write

    case = case_of(options)
    folder = options.facts.parent if options.facts else None
    letter = draft(case, kind_of(case, options.kind), as_of=options.as_of, folder=folder)
    path = write(letter, options.out, draft=options.draft)
    return {
        "out": str(path),
        "kind": letter.kind,
        "complete": letter.complete,
        "missing": [need.name for need in letter.missing],
        "warnings": list(letter.warnings),
    }


show = show_out

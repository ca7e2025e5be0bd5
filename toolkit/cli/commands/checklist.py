"""`toolkit checklist`: list what to do about a denial, in order, and the documents it needs."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import case_of

SAYS = "list what to do about a denial, in order, and the documents it needs"
EXAMPLE = "checklist export.csv --claim 1a2b3c4d-000012"


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
        "--facts",
        type=Path,
        help="YAML: fact: value; under claims, by claim number, facts of single claims",
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import checklist_of

    case = case_of(options)
    folder = options.facts.parent if options.facts else None
    found = checklist_of(case, as_of=options.as_of, folder=folder)
    return {
        "steps": [
            {"n": s.n, "do": s.do, "why": s.why, "by": s.by, "citation": s.citation}
            for s in found.steps
        ],
        "documents": [
            {"what": d.what, "shows": d.shows, "from": d.holder, "have": d.have}
            for d in found.documents
        ],
        "letters": [
            {"kind": o.kind, "possible": not o.refused, "refused": o.refused, "needs": o.needs}
            for o in found.letters
        ],
    }


def show(answer: dict[str, Any]) -> None:
    """Print the steps, then the documents, then the letters that the case can have."""
    for step in answer["steps"]:
        by = f" (by {step['by']})" if step["by"] else ""
        cited = f" [{step['citation']}]" if step["citation"] else ""
        print(f"{step['n']}. {step['do']}{by}{cited}\n   why: {step['why']}")
    print("Documents:")
    for one in answer["documents"]:
        have = "have" if one["have"] else f"missing; get it from: {one['from']}"
        print(f"  {one['what']} ({have})\n    shows: {one['shows']}")
    possible = [one["kind"] for one in answer["letters"] if one["possible"]]
    print(f"Letters: {', '.join(possible) or 'none'}")

"""`toolkit draft`: one letter; refused with the way on, or with the list of what is missing."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import case_of
from toolkit.cli.output import show_out
from toolkit.errors import UsageError

SAYS = "one letter; refused with the way on, or with the list of what is missing"
EXAMPLE = "draft export.csv --claim 1a2b3c4d-000012 --facts facts.yaml --out letter.docx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("export", type=Path, metavar="EXPORT")
    one.add_argument("--claim", required=True, help="our claim key, or the account or claim number")
    one.add_argument(
        "--kind",
        metavar="ACT",
        help="appeal, criteria_request, records_cover ... (docs/letters.md)",
    )
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--facts", type=Path, help="YAML: fact: value")
    one.add_argument("--draft", action="store_true", help="write it incomplete, with a watermark")
    one.add_argument(
        "--packet", action="store_true", help="one PDF: contents, letter, exhibits, pages numbered"
    )
    one.add_argument(
        "--exhibit",
        type=Path,
        nargs="+",
        action="extend",
        metavar="FILE",
        help="PDF, PNG, JPEG or TIFF; for timely filing also the 277CA that accepts the claim",
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import draft, kind_of, record_path, with_exhibits, write, write_packet

    if options.exhibit and not options.packet:
        raise UsageError("--exhibit puts a file into a packet: give --packet too")
    if options.packet and options.out.suffix.lower() != ".pdf":
        raise UsageError("a packet is a PDF: --out ends in .pdf")
    case = case_of(options)
    if options.exhibit:
        case = with_exhibits(case, options.exhibit)
    folder = options.facts.parent if options.facts else None
    letter = draft(case, kind_of(case, options.kind), as_of=options.as_of, folder=folder)
    warnings = list(letter.warnings)
    if options.packet:
        path, more = write_packet(letter, options.out, draft=options.draft)
        warnings += more
    else:
        path = write(letter, options.out, draft=options.draft)
    return {
        "out": str(path),
        "record": str(record_path(path)),
        "kind": letter.kind,
        "complete": letter.complete,
        "missing": [need.name for need in letter.missing],
        "exhibits": [one.label for one in letter.exhibits],
        "warnings": warnings,
    }


show = show_out

"""`toolkit draft`: write one letter, or all of an export; say what is missing or what to do instead."""

import argparse
import sys
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files, options_given
from toolkit.cli.inputs import case_of, cases_of, check_facts, triaged
from toolkit.cli.output import show_out
from toolkit.errors import UsageError

SAYS = "write one letter, or all of an export; say what is missing or what to do instead"
EXAMPLE = "draft export.csv --claim 1a2b3c4d-000012 --facts facts.yaml --out letter.docx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "export",
        nargs="?",
        type=Path,
        metavar="EXPORT",
        help="not needed for one case made of a letter",
    )
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--claim", help="our claim key, or the account or claim number")
    which.add_argument(
        "--all", action="store_true", help="every letter that lacks nothing, with a manifest"
    )
    which.add_argument(
        "--new-template",
        type=Path,
        metavar="FILE.docx",
        help="write the Word template of the letters, to be edited: local/letterhead.docx",
    )
    one.add_argument(
        "--template",
        type=Path,
        metavar="FILE.docx",
        help="Word template with fields; default: local/letterhead.docx if it is there",
    )
    one.add_argument(
        "--kind",
        metavar="ACT",
        help="appeal, criteria_request, records_cover ... (docs/letters.md)",
    )
    one.add_argument("--out", type=Path, help="file; with --all, folder")
    one.add_argument(
        "--facts",
        type=Path,
        help="YAML: fact: value; under claims, by claim number, facts of single claims",
    )
    one.add_argument(
        "--draft", action="store_true", help="write an incomplete letter, with a watermark"
    )
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
    one.add_argument(
        "--format", choices=("docx", "pdf", "md"), help="of the letters of --all; default: docx"
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    if options.new_template:
        return _new_template(options)
    lacking = [word for word in ("export", "out") if getattr(options, word) is None]
    if lacking:
        raise UsageError(
            f"give {' and '.join({'export': 'EXPORT', 'out': '--out'}[w] for w in lacking)}"
        )
    return _all(options) if options.all else _one(options)


def _new_template(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters.template import make_template
    from toolkit.letters.word import BLOCKS, INLINE

    path = options.new_template
    if path.suffix.lower() != ".docx":
        raise UsageError("--new-template ends in .docx")
    if path.exists():
        raise UsageError(f"{path.name} is there already; move it away to have a new one")
    fields = [f"{{{{ {name} }}}}: {says}" for name, says in (BLOCKS | INLINE).items()]
    return {"out": str(make_template(path)), "fields": fields}


def _template(options: argparse.Namespace, ending: str) -> Path | None:
    """Return the Word template to fill: the one given, else the hospital's own."""
    from toolkit.hospital.places import letterhead

    if ending != "docx":
        if options.template:
            raise UsageError("--template is for letters in Word: .docx")
        return None
    return options.template or letterhead()


def _one(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import draft, kind_of, record_path, with_exhibits, write, write_packet

    if options.format:
        raise UsageError("--format goes with --all; the ending of --out says what one letter is")
    if options.exhibit and not options.packet:
        raise UsageError("--exhibit puts a file into a packet: give --packet too")
    if options.packet and options.template:
        raise UsageError("--template is for letters in Word, and a packet is a PDF")
    if options.packet and options.out.suffix.lower() != ".pdf":
        raise UsageError("a packet is a PDF: --out ends in .pdf")
    case = case_of(options)
    if options.exhibit:
        case = with_exhibits(case, options.exhibit)
    folder = options.facts.parent if options.facts else None
    letter = draft(case, kind_of(case, options.kind), as_of=options.as_of, folder=folder)
    answer: dict[str, Any] = {"out": str(options.out), "record": str(record_path(options.out))}
    answer |= {
        "kind": letter.kind,
        "complete": letter.complete,
        "missing": [need.name for need in letter.missing],
    }
    warnings = list(letter.warnings)
    if options.packet:
        _, more = write_packet(letter, options.out, draft=options.draft)
        answer["exhibits"] = [one.label for one in letter.exhibits]
        warnings += more
    else:
        template = _template(options, options.out.suffix.lower().removeprefix("."))
        write(letter, options.out, draft=options.draft, template=template)
    return answer | {"warnings": warnings}


def _all(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import write_all
    from toolkit.letters.batch import MANIFEST

    if more := options_given(options, "packet", "exhibit", "draft"):
        raise UsageError(f"--all writes finished letters alone: leave out --{' --'.join(more)}")
    if options.out.exists() and not options.out.is_dir():
        raise UsageError("--all writes many files: --out is a folder")
    claims, hospital, worklist = triaged([options.export], options)
    check_facts(options, worklist)
    made = write_all(
        cases_of(options, claims, hospital, worklist),
        options.out,
        as_of=options.as_of,
        total=len(worklist),
        kind=options.kind,
        ending=options.format or "docx",
        template=_template(options, options.format or "docx"),
        facts_folder=options.facts.parent if options.facts else None,
        inputs=dict(zip(claims.files["file_id"], claims.files["sha256"], strict=True)),
        on_progress=_progress,
    )
    return {
        "out": str(options.out),
        "manifest": str(options.out / MANIFEST),
        "denials": len(made["denials"]),
        **made["counts"],
        "no_longer": made["no_longer"],
    }


_STEPS = 20  # lines of progress, at most; so few denials need one alone


def _progress(done: int, total: int) -> None:
    if done == total or (total > _STEPS and done % -(-total // _STEPS) == 0):
        print(f"toolkit: {done:,} of {total:,} denials", file=sys.stderr)


show = show_out

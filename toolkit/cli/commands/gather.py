"""`toolkit gather`: read files into a book, each once, for worklists and reports of any size."""

import argparse
import sys
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_layout

SAYS = "read files into a book, each once, for worklists and reports of any size"
EXAMPLE = "gather remits/ 'exports/2026-*.csv' --book local/book"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--book", type=Path, required=True, help="folder that keeps what was read")
    add_layout(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.inputs import gathered

    with gathered(
        options.exports,
        book=options.book,
        layout=options.layout,
        progress=not options.json and sys.stderr.isatty(),
    ) as (book, found):
        files = book.files()
        told = found.findings[["file", "code", "says"]].to_dict("records")
        of_files: dict[str, int] = {file.name: len(file.notes) for file in files if file.notes}
        return {
            "book": str(options.book),
            "read": found.read,
            "files": len(files),
            "rows": sum(piece.rows for file in files for piece in file.pieces),
            "left_out": [one for one in told if one["code"] == "file_not_read"],
            "given_twice": sum(one["code"] == "file_given_twice" for one in told),
            "findings": of_files,
        }


def show(answer: dict[str, Any]) -> None:
    print(
        f"{answer['book']}: {answer['files']:,} files, {answer['rows']:,} rows and claims; "
        f"{answer['read']:,} files read now"
    )
    for one in answer["left_out"]:
        print(f"  {one['file']}: {one['says']}")
    for name, count in answer["findings"].items():
        print(f"  {name}: findings about the file: {count:,}")

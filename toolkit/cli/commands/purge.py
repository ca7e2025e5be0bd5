"""`toolkit purge`: say what is stored on this machine, and remove it when asked to."""

import argparse
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, positive
from toolkit.cli.stored import KEPT, Asked, remove, size_of
from toolkit.errors import RefusedError, UsageError

SAYS = "say what the toolkit has stored on this machine, and remove it when asked to"
EXAMPLE = "purge reports --older-than 90 --dry-run"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "words",
        nargs="*",
        metavar="[WHAT...]",
        help=f"what to remove: {', '.join(kept.word for kept in KEPT)}; default: nothing, only a list",
    )
    add_as_of(one)
    one.add_argument(
        "--older-than",
        type=positive,
        metavar="DAYS",
        help="only sets of reports and letters of a day that is longer ago",
    )
    one.add_argument("--out", type=Path, default=Path("reports"), help="folder of the reports")
    one.add_argument("--store", type=Path, help="case store; default: local/cases.sqlite")
    one.add_argument("--book", type=Path, help="folder that toolkit gather made")
    one.add_argument("--dry-run", action="store_true", help="remove nothing, list what would be")
    one.add_argument("--yes", action="store_true", help="remove without asking")


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.hospital.places import local_folder

    known = [kept.word for kept in KEPT]
    wrong = [word for word in options.words if word not in known]
    if wrong or options.older_than and set(options.words) - {"reports", "letters"}:
        raise UsageError(
            f"purge knows {', '.join(known)}"
            if wrong
            else "only reports and letters have a day: --older-than is for them"
        )
    if "book" in options.words and options.book is None:
        raise UsageError("purge book needs --book DIR")
    local = local_folder()
    days = options.older_than
    asked = Asked(
        reports=options.out,
        local=local,
        store=options.store or local / "cases.sqlite",
        book=options.book,
        before=options.as_of - timedelta(days=days) if days else None,
    )
    found = {kept: kept.find(asked) for kept in KEPT}
    goes = [path for kept, paths in found.items() if kept.word in options.words for path in paths]
    removes = bool(goes) and not options.dry_run
    stored = [
        {
            "what": kept.word, "holds": kept.what, "where": kept.where, "by": kept.by, "until": kept.until,
            "files": len(paths), "bytes": sum(map(size_of, paths)),
        }
        for kept, paths in found.items()
    ]  # fmt: skip
    answer = {
        "stored": stored,
        "would_remove": [] if removes else [str(path) for path in goes],
        "removed": [],
    }
    if removes:
        _agreed(options, len(goes))
        for path in goes:
            remove(path)
        answer["removed"] = [str(path) for path in goes]
    return answer


def _agreed(options: argparse.Namespace, many: int) -> None:
    """Ask whoever sits there; raise RefusedError where nobody does, or the answer is no."""
    if options.yes:
        return
    asked = f"Remove {many:,} of {', '.join(options.words)} for good? Type yes: "
    if options.json or not sys.stdin.isatty():
        raise RefusedError(
            "nothing was removed: nobody agreed to it", ["--yes, after looking at --dry-run"]
        )
    print(asked, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() != "yes":
        raise RefusedError("nothing was removed")


def show(answer: dict[str, Any]) -> None:
    for one in answer["stored"]:
        print(f"{one['what']}: {one['files']:,} in {one['where']}, {one['bytes'] / 1e6:,.1f} MB")
        print(f"  holds {one['holds']}")
        print(f"  made by {one['by']}; kept until {one['until']}")
    for word, title in (("would_remove", "Would remove"), ("removed", "Removed")):
        for path in answer[word]:
            print(f"{title} {path}")

"""`toolkit verify`: whether a letter still says what its record says."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.errors import RefusedError

SAYS = "whether a letter that was edited still says what its record says"
EXAMPLE = "verify letter.docx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("letter", type=Path, metavar="LETTER", help=".docx, .pdf or .md")
    one.add_argument("--record", type=Path, metavar="FILE", help="default: LETTER's .record.json")


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.letters import record_path, verify

    record = options.record or record_path(options.letter)
    found = verify(options.letter, record)
    answer = {
        "letter": str(options.letter),
        "record": str(record),
        "holds": found.holds,
        "untouched": found.untouched,
        "same": found.same,
        "changed": [{"was": c.was, "now": c.now, "part": c.part} for c in found.changed],
        "removed": list(found.removed),
        "added": list(found.added),
    }
    if found.holds:
        return answer
    counts = {"changed": found.changed, "removed": found.removed, "added": found.added}
    said = ", ".join(f"{len(those)} {what}" for what, those in counts.items() if those)
    raise RefusedError(
        f"The letter no longer says what its record says: {said}.",
        needs=("the facts corrected and the letter drafted again, or the sentences put back",),
        answer=answer,
    )


def show(answer: dict[str, Any]) -> None:
    if answer["holds"]:
        print(f"The letter says what its record says ({answer['same']} lines).")
    for one in answer["changed"]:
        print(f"changed ({one['part']})\n  was: {one['was']}\n  now: {one['now']}")
    for what in ("removed", "added"):
        for text in answer[what]:
            print(f"{what}\n  {text}")

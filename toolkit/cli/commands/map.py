"""`toolkit map`: propose a column map for an export from an unknown system, for you to review."""

import argparse
from pathlib import Path
from typing import Any

SAYS = "propose a column map for an export from an unknown system, for you to review"
EXAMPLE = "map export.csv --out local/layouts/ours.yaml"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument(
        "--out",
        type=Path,
        metavar="FILE.yaml",
        help="write the map here, best as local/layouts/NAME.yaml",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.claims.export.mapping import as_answer, as_yaml, propose, write_map

    proposal = propose(options.file)
    answer = as_answer(proposal)
    if options.out:
        return answer | {"out": str(write_map(proposal, options.out))}
    return answer | {"map": as_yaml(proposal, "NAME")}


def show(answer: dict[str, Any]) -> None:
    if "map" in answer:
        print(answer["map"], end="")
        return
    read = [one for one in answer["columns"] if one["state"] in ("read", "beside")]
    print(f"{answer['out']}: {len(read)} of {len(answer['columns'])} columns of {answer['table']}")
    for needed in answer["lacking"]:
        print(f"  missing: {' or '.join(needed)}")
    for heading in answer["decide"]:
        print(f"  to decide: {heading}")
    print(f"Read it, correct it, then: toolkit read FILE --layout {answer['out']}")

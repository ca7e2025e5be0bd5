"""`toolkit sample`: write a synthetic export; the same seed and date give the same file."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, positive
from toolkit.cli.output import show_out

SAYS = "write a synthetic export; the same seed and date give the same file"
EXAMPLE = "sample --rows 5000 --seed 1 --out export.csv"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("--rows", type=positive, required=True)
    one.add_argument("--seed", type=int, required=True)
    one.add_argument("--out", type=Path, required=True)
    add_as_of(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.sample import write_sample

    path = write_sample(options.out, rows=options.rows, seed=options.seed, as_of=options.as_of)
    return {"out": str(path), "rows": options.rows, "seed": options.seed, "as_of": options.as_of}


show = show_out

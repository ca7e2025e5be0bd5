"""`toolkit worklist`: write one row per denial with category, route, program, level, dates and reasons."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_engine, add_files
from toolkit.cli.inputs import check_ending, run_in_parts, triaged
from toolkit.cli.output import show_out

SAYS = "write one row per denial with category, route, program, level, dates and reasons"
EXAMPLE = "worklist export.csv --out worklist.xlsx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="EXPORT")
    add_as_of(one)
    add_files(one)
    one.add_argument("--out", type=Path, required=True)
    add_engine(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.inputs import engine_for, in_parts
    from toolkit.claims.findings import summarized
    from toolkit.worklist import from_letters, summary, tally, write_worklist

    said = {"out": str(options.out), "as_of": options.as_of}
    check_ending(options.out, (".parquet", ".csv", ".xlsx"))
    engine = engine_for(options.engine, options.exports, options.book)
    if not in_parts(engine, options.exports, options.book):
        claims, _, worklist = triaged(options.exports, options)
        write_worklist(worklist, options.out)
        kinds = summarized(claims.findings)
        counts = summary(
            tally(worklist),
            findings=len(claims.findings),
            from_letters=from_letters(claims, worklist),
        )
        return said | _with_kinds(counts, kinds)
    with run_in_parts(options.exports, engine, options) as run:
        run.write(options.out)
        return said | _with_kinds(run.summary(), run.finding_kinds())


def _with_kinds(answer: dict[str, Any], kinds: list) -> dict[str, Any]:
    return answer | {"findings_list": [one.as_dict() for one in kinds]}


def show(answer: dict[str, Any]) -> None:
    from toolkit.claims.findings import FindingKind, lines

    show_out(answer)
    for line in lines([FindingKind(**one) for one in answer["findings_list"]]):
        print(f"    {line}")

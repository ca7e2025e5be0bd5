"""`toolkit worklist`: write one row per denial with category, route, program, level, dates and reasons."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_engine, add_files
from toolkit.cli.inputs import check_ending, run_in_parts, triaged
from toolkit.cli.output import show_out
from toolkit.errors import UsageError

SAYS = "write one row per denial with category, route, program, level, dates and reasons"
EXAMPLE = "worklist export.csv --out worklist.xlsx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="EXPORT")
    add_as_of(one)
    add_files(one)
    one.add_argument("--out", type=Path, required=True)
    one.add_argument(
        "--by-owner", action="store_true", help="with .xlsx: a sheet for each owner of cases"
    )
    add_engine(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.sizes import engine_for, in_parts
    from toolkit.claims.findings import summarized
    from toolkit.worklist import arrow_of, from_letters, summary, tally, write_worklist

    said = {"out": str(options.out), "as_of": options.as_of}
    check_ending(options.out, (".parquet", ".csv", ".xlsx"))
    workbook = options.out.suffix.lower() == ".xlsx"
    if options.by_owner and not workbook:
        raise UsageError("--by-owner makes sheets: --out has to end in .xlsx")
    engine = engine_for(options.engine, options.exports, options.book)
    if not in_parts(engine, options.exports, options.book):
        claims, hospital, worklist = triaged(options.exports, options)
        if workbook:
            beside = _beside_of()(claims, worklist, options.as_of)
            _write_workbook([arrow_of(worklist)], [beside], hospital, options)
        else:
            write_worklist(worklist, options.out)
        counts = summary(
            tally(worklist),
            findings=len(claims.findings),
            from_letters=from_letters(claims, worklist),
        )
        return said | _with_kinds(counts, summarized(claims.findings))
    also = _beside_of() if workbook else None
    with run_in_parts(options.exports, engine, options, also=also) as run:
        if workbook:
            _write_workbook(run.tables(), run.also(), run.given.hospital, options)
        else:
            run.write(options.out)
        return said | _with_kinds(run.summary(), run.finding_kinds())


def _beside_of() -> Any:
    from toolkit.reports.worked_list import beside_of

    return beside_of


def _write_workbook(
    tables: Iterable, beside: Iterable, hospital: Any, options: argparse.Namespace
) -> None:
    from toolkit.reports.worked_list import write_worked_list

    write_worked_list(
        tables, beside, options.out, as_of=options.as_of, hospital=hospital, by_owner=options.by_owner
    )  # fmt: skip


def _with_kinds(answer: dict[str, Any], kinds: list) -> dict[str, Any]:
    return answer | {"findings_list": [one.as_dict() for one in kinds]}


def show(answer: dict[str, Any]) -> None:
    from toolkit.claims.findings import FindingKind, lines

    show_out(answer)
    for line in lines([FindingKind(**one) for one in answer["findings_list"]]):
        print(f"    {line}")

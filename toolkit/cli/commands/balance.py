"""`toolkit balance`: put every billed claim in one bucket (paid, denied, recovered, lost, unanswered, not ours, resent), to the cent, and list where billing, remittances and tracker differ."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import check_ending, hospital_of, store_of

SAYS = "put every billed claim in one bucket (paid, denied, recovered, lost, unanswered, not ours, resent), to the cent, and list where billing, remittances and tracker differ"
EXAMPLE = "balance billing.csv remits/ --tracker tracker.xlsx --month 2026-03 --out balance.xlsx"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="the billing export, then remittances; any other export is read as the tracker",
    )
    one.add_argument("--tracker", type=Path, help="export of the denial tracker")
    one.add_argument(
        "--month", metavar="YYYY-MM", help="only claims billed in this month; default: all"
    )
    one.add_argument("--fees", type=Path, help="fee schedule; default: local/fee_schedule.csv")
    one.add_argument(
        "--out", type=Path, metavar="FILE.(csv|xlsx|parquet)", help="write one row per billed claim"
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.balance import balance
    from toolkit.balance.files import read_files
    from toolkit.balance.month import ENDINGS
    from toolkit.cases import recorded_at

    if options.out:
        check_ending(options.out, ENDINGS)
    files = read_files(options.files, options.tracker, fees=options.fees, layout=options.layout)
    found = balance(
        files.billed, files.remittances, files.tracker, as_of=options.as_of,
        hospital=hospital_of(options), month=options.month, fees=files.fees,
        recorded=recorded_at(store_of(options)),
    )  # fmt: skip
    if options.out:
        found.write(options.out)
    return found.as_answer() | ({"out": str(options.out)} if options.out else {})


def show(answer: dict[str, Any]) -> None:
    from toolkit.balance.shown import lines

    for line in lines(answer):
        print(line)

"""`toolkit deadline`: compute the last day to file, with the rule behind every step."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import (
    add_jurisdiction,
    add_level,
    dollars,
    iso_date,
    not_used,
    options_given,
    positive,
)

SAYS = "compute the last day to file, with the rule behind every step"
EXAMPLE = "deadline --program original_medicare --level redetermination --notice-date 2026-01-15"


def add_arguments(one: argparse.ArgumentParser) -> None:
    from toolkit.law import CARE, FILERS, OUTCOMES, PROCESSES

    add_level(one)
    one.add_argument("--notice-date", type=iso_date, help="date printed on the notice")
    one.add_argument(
        "--received", type=iso_date, help="documented day on which the notice was received"
    )
    one.add_argument("--filer", choices=FILERS, help="who files")
    one.add_argument(
        "--amount",
        type=dollars,
        help="dollars in controversy: of the claim's denials that go to the level together, less what was "
        "paid since; other claims count only where the request aggregates them",
    )
    one.add_argument("--care", choices=CARE, help="va_community_care: how the care was authorized")
    one.add_argument(
        "--state-window", type=positive, help="days to file, where the state sets them"
    )
    one.add_argument("--effective-date", type=iso_date, help="day the action takes effect")
    one.add_argument(
        "--last-outcome",
        choices=OUTCOMES,
        help="how the level before ended; missed: no decision in time, and --notice-date is "
        "the day of the undecided request",
    )
    one.add_argument(
        "--process", choices=PROCESSES, help="external review: whose process it goes through"
    )
    add_jurisdiction(one)
    one.add_argument("--ics", type=Path, help="write a calendar file (Outlook, Google Calendar)")
    one.add_argument(
        "--contract", type=Path, help="YAML file with a contract's terms (contract_dispute)"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import filing_deadline, read_contract
    from toolkit.law.age import stale_behind
    from toolkit.law.unused import unused_for_filing

    contract = options.contract and read_contract(options.contract)
    found = filing_deadline(
        options.program,
        options.level,
        notice_date=options.notice_date,
        received=options.received,
        stage=options.stage,
        filer=options.filer,
        expedited=options.expedited,
        amount=options.amount,
        state_window=options.state_window,
        effective_date=options.effective_date,
        care=options.care,
        last_outcome=options.last_outcome,
        process=options.process,
        jurisdiction=options.jurisdiction,
        contract=contract,
    )
    old = stale_behind(found, date.today())
    words = ("stage", "received", "amount", "care", "state_window", "effective_date", "process")
    given = options_given(options, *words, "contract", "jurisdiction", "last_outcome")
    left = unused_for_filing(
        options.program,
        options.level,
        given,
        contract=contract,
        jurisdiction=options.jurisdiction,
    )
    found = msgspec.structs.replace(found, warnings=(*found.warnings, *not_used(left), *old))
    if options.ics:
        from toolkit.law.ics import write_ics

        title = f"Appeal clock: {found.level_name}"
        write_ics([found], options.ics, title=title, made_at=datetime.now(UTC))
    return msgspec.to_builtins(found)


def show(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law import Deadline
    from toolkit.law.ledger import ledger_text

    print(ledger_text(msgspec.convert(answer, Deadline)))

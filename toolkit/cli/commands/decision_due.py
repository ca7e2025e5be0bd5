"""`toolkit decision-due`: compute the day the decision is due."""

import argparse
from datetime import date
from typing import Any

from toolkit.cli.arguments import add_jurisdiction, add_level, iso_date, not_used, options_given

SAYS = "compute the day the decision is due"
EXAMPLE = "decision-due --program medicare_advantage --level reconsideration --request-received 2026-01-15 --stage payment"


def add_arguments(one: argparse.ArgumentParser) -> None:
    from toolkit.law import SERVICES

    add_level(one)
    one.add_argument(
        "--request-received",
        type=iso_date,
        required=True,
        help="day the decider received the request",
    )
    one.add_argument(
        "--extended", action="store_true", help="the decider gave notice that it extended its time"
    )
    one.add_argument(
        "--levels", choices=("one", "two"), help="how many levels of internal appeal the plan has"
    )
    one.add_argument("--service", choices=SERVICES, help="kind of service (prior_authorization)")
    add_jurisdiction(one)
    one.add_argument(
        "--state",
        type=str.upper,
        metavar="XX",
        help="state where the service is given, as two letters",
    )
    one.add_argument(
        "--multiemployer",
        action="store_true",
        help="the plan's board decides at quarterly meetings",
    )
    for word, what in (
        ("--plan-appeal-date", "day the plan appeal was filed (Medicaid fair hearing)"),
        ("--case-file-date", "day the decider received the case file or the records it asked for"),
        ("--selection-date", "day the IDR entity was selected"),
        ("--board-meeting", "meeting of a multiemployer plan's board that decides the appeal"),
        ("--notice-date", "date of the notice before the request (Medicaid fair hearing)"),
    ):
        one.add_argument(word, type=iso_date, help=what)


def run(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import decision_due
    from toolkit.law.age import stale_behind
    from toolkit.law.unused import unused_for_decision

    found = decision_due(
        options.program,
        options.level,
        request_received=options.request_received,
        stage=options.stage,
        expedited=options.expedited,
        extended=options.extended,
        levels=options.levels,
        service=options.service,
        state=options.state,
        multiemployer=options.multiemployer,
        plan_appeal_date=options.plan_appeal_date,
        case_file_date=options.case_file_date,
        selection_date=options.selection_date,
        board_meeting=options.board_meeting,
        notice_date=options.notice_date,
        jurisdiction=options.jurisdiction,
    )
    old = stale_behind(found, date.today())
    words = ("stage", "levels", "multiemployer", "service", "state", "plan_appeal_date")
    words += ("case_file_date", "selection_date", "board_meeting", "notice_date", "jurisdiction")
    given = options_given(options, *words)
    where = options.jurisdiction
    left = unused_for_decision(options.program, options.level, given, jurisdiction=where)
    warnings = (*found.warnings, *not_used(left), *old)
    return msgspec.to_builtins(msgspec.structs.replace(found, warnings=warnings))


def show(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law import DecisionDue
    from toolkit.law.ledger import ledger_text

    print(ledger_text(msgspec.convert(answer, DecisionDue)))

"""`toolkit record`: record what happened to a claim in the case store."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import (
    add_as_of,
    add_files,
    cents,
    iso_date,
    options_given,
    positive,
)
from toolkit.cli.inputs import hospital_of, store_of, triaged
from toolkit.errors import InputError, RefusedError, UsageError

SAYS = "record what happened to a claim in the case store"
EXAMPLE = "record export.csv --claim 1a2b3c4d-000012 --event filed --level redetermination --date 2026-03-02"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "exports", nargs="*", type=Path, metavar="EXPORT", help="files; with --from, or a book"
    )
    one.add_argument(
        "--from",
        dest="workbook",
        type=Path,
        metavar="FILE.xlsx",
        help="enter what was filled in into a worklist's workbook, each once",
    )
    one.add_argument("--claim", help="our claim key, or the account or claim number")
    one.add_argument(
        "--event",
        metavar="EVENT",
        help="filed, received, decided, paid, records_sent, corrected_claim_sent, withdrawn, "
        "written_off or note",
    )
    one.add_argument("--date", type=iso_date, help="the day on which it happened")
    one.add_argument("--level", metavar="ID", help="level of the appeal")
    one.add_argument("--outcome", metavar="ID", help="outcome of a decision")
    one.add_argument("--amount", type=cents, metavar="N", help="dollars")
    one.add_argument("--proof", metavar="TEXT", help="what proves it; for a note, its text")
    one.add_argument("--who", metavar="NAME", help="default: your login name")
    one.add_argument("--correct", type=positive, metavar="N", help="number of the entry to replace")
    one.add_argument(
        "--case",
        metavar="KEY",
        help="the case it belongs to, if you are asked; new: none of those listed",
    )
    one.add_argument("--verify", action="store_true", help="check that no entry was changed")
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.cases import CaseStore

    if options.verify:
        return _verified(options)
    if options.workbook:
        return _read_back(options)
    lacking = [f"--{name}" for name in ("claim", "event", "date") if not getattr(options, name)]
    if lacking:
        files = [] if options.exports else ["EXPORT"]
        raise UsageError(f"to record an event, give {', '.join([*files, *lacking])}")
    from toolkit.cases import case_from, check_still_open, pick_case, record_event
    from toolkit.worklist import find_denial

    # What is recorded already is in the store; the case is what the files alone say.
    claims, hospital, worklist = triaged(options.exports, options, recorded=False)
    key = find_denial(worklist, options.claim)
    case = case_from(claims, worklist, key, hospital=hospital)
    if options.event == "filed":
        row = worklist.loc[worklist["denial_key"].eq(key)].iloc[0]
        check_still_open(row["state"], row["state_from"])
    with CaseStore(store_of(options)) as store:
        case = pick_case(store, case, options.case, who=_who(options), now=datetime.now(UTC))
        made = record_event(
            store,
            case,
            options.event,
            day=options.date,
            as_of=options.as_of,
            level=options.level or "",
            outcome=options.outcome or "",
            amount_cents=options.amount,
            proof=options.proof or "",
            corrects=options.correct,
            who=_who(options),
            now=datetime.now(UTC),
        )
    answer = {"entry": made.entry, "event": made.event, "date": made.day, "case": made.case_key}
    answer |= {"at": made.entered_at, "who": made.who}
    more = {"level": made.level, "outcome": made.outcome, "corrects": made.corrects}
    return answer | {name: value for name, value in more.items() if value}


def _read_back(options: argparse.Namespace) -> dict[str, Any]:
    from dataclasses import asdict

    from toolkit.cases import CaseStore
    from toolkit.reports import read_back, worked_rows

    single = ("claim", "event", "date", "level", "outcome", "amount", "proof", "correct", "case")
    if more := options_given(options, *single):
        raise UsageError(f"--from reads the events in the workbook: leave out --{' --'.join(more)}")
    rows = list(worked_rows(options.workbook))
    claims, hospital, of_files = _of_rows(rows, options, recorded=False)
    _, _, worklist = _of_rows(rows, options)
    with CaseStore(store_of(options)) as store:
        found = read_back(
            store,
            rows,
            claims=claims,
            of_files=of_files,
            worklist=worklist,
            hospital=hospital,
            as_of=options.as_of,
            who=_who(options),
            now=datetime.now(UTC),
        )
    answer = asdict(found)
    if found.not_taken:
        raise RefusedError(
            f"{len(found.not_taken):,} cells of the workbook were not entered; all others were.",
            needs=("what not_taken names, corrected in the workbook, and the same command again",),
            answer=answer,
        )
    return answer


def _of_rows(rows: Sequence[Any], options: argparse.Namespace, *, recorded: bool = True) -> tuple:
    """Return the claims of the files, or those in a book that the rows are of, the hospital, the worklist."""
    from toolkit.bulk.sizes import is_a_book

    books = [path for path in options.exports if is_a_book(path)]
    if not books:
        return triaged(options.exports, options, recorded=recorded)
    if len(options.exports) > 1:
        raise UsageError("name either one book or files, not both")
    from toolkit.bulk.account import claims_in
    from toolkit.bulk.book import Book
    from toolkit.cases import notices_at, one_history, recorded_at, with_notices
    from toolkit.worklist.triage import triage

    hospital, place = hospital_of(options), store_of(options)
    names = ("patient_control_number", "payer_claim_control_number")
    numbers = [next((row.cells[n] for n in names if row.cells.get(n)), "") for row in rows]
    claims = with_notices(claims_in(Book.at(books[0]), numbers), notices_at(place))
    known = recorded_at(place) if recorded else ()
    claims = one_history(claims, hospital=hospital, recorded=known, as_of=options.as_of)
    return claims, hospital, triage(claims, as_of=options.as_of, hospital=hospital)


def _verified(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.cases import CaseStore

    place = store_of(options)
    if "://" not in str(place) and not Path(place).exists():
        raise InputError(f"{Path(place).name}: no case store found; name it with --store")
    with CaseStore(place) as store:
        found = store.verify()
    if found.wrong is not None:
        raise RefusedError(
            f"entry {found.wrong} of the case store was changed, or an entry before it is missing.",
            needs=("a backup of the store from before the change",),
        )
    return {"entries": found.entries, "last_hash": found.last_hash}


def _who(options: argparse.Namespace) -> str:
    """Return who makes the entry: the name given, else the login name."""
    import getpass

    try:
        return options.who or getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise UsageError("your login name can't be determined: give --who") from None


def show(answer: dict[str, Any]) -> None:
    if "recorded" in answer:
        print(
            f"{answer['worked']:,} of {answer['rows']:,} rows were worked: "
            f"{len(answer['recorded']):,} entries made, {answer['already']:,} were there already."
        )
        for one in answer["changed"]:
            print(
                f"  {one['where']}: the worklist says otherwise by now: {', '.join(one['columns'])}"
            )
        for one in answer["edited"]:
            columns = ", ".join(one["columns"])
            print(f"  {one['where']}: was edited, which enters nothing: {columns}")
        for one in answer["not_taken"]:
            print(f"  {one['where']}, {one['column']}: not entered: {one['why']}")
        return
    if "entries" in answer:
        print(f"All {answer['entries']:,} entries are unchanged.")
        print(f"Last hash: {answer['last_hash'] or '-'}")
        return
    print(f"Entry {answer['entry']}: {answer['event']} on {answer['date']}, by {answer['who']}")

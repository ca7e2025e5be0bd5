"""`toolkit history`: show everything that happened to a claim, its current state, and why."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import claims_of, hospital_of, store_of
from toolkit.errors import UsageError

SAYS = "show everything that happened to a claim, its current state, and why"
EXAMPLE = "history remits/ export.csv --claim 1a2b3c4d-000012"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="*", type=Path, metavar="EXPORT", help="files, or a book")
    one.add_argument(
        "--claim",
        required=True,
        help="a claim key, or the account or claim number; with a book, the account number",
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.sizes import is_a_book
    from toolkit.timeline import timeline
    from toolkit.worklist.triage import brain

    books = [path for path in options.exports if is_a_book(path)]
    if books and len(options.exports) > 1:
        raise UsageError("name either one book or files, not both")
    if books:
        claims, hospital = _account_in(books[0], options)
    else:
        claims, hospital = claims_of(options.exports, options)
    return timeline(claims, brain(as_of=options.as_of, hospital=hospital), options.claim)


def _account_in(folder: Path, options: argparse.Namespace) -> tuple:
    """Return the claims of one account number in a book or of a letter, what was recorded, and the hospital."""
    from toolkit.bulk.account import claims_in
    from toolkit.bulk.book import Book
    from toolkit.cases import notices_at, one_history, recorded_at, with_notices

    hospital, place = hospital_of(options), store_of(options)
    numbers = ["patient_control_number", "payer_claim_control_number"]
    of_letters = [
        one for one in notices_at(place) if one.claims[numbers].eq(options.claim).any(axis=None)
    ]
    claims = with_notices(claims_in(Book.at(folder), [options.claim]), of_letters)
    if claims.claims.empty:
        raise UsageError("no claim in the book or of a letter has that account number (--claim)")
    found = one_history(claims, hospital=hospital, recorded=recorded_at(place), as_of=options.as_of)
    return found, hospital


def show(answer: dict[str, Any]) -> None:
    for event in answer["events"]:
        amount = f" {event['amount']}" if event["amount"] is not None else ""
        more = " ".join(
            [*event.get("reasons", ()), *(event[k] for k in ("level", "outcome") if event.get(k))]
        )
        day = event["date"] or "no date   "
        print(f"{day}  {event['what']:<14} {event['line']:<16}{amount:>12}  {more}")
        print(f"            {event['source']}")
    print("Current state:")
    for line in answer["lines"]:
        stake = "not stated" if line["stake"] is None else line["stake"]
        print(f"  {line['line']:<16} {line['state']}, at stake {stake}")
        print(f"    {line['because']} ({line['decided_by']})")

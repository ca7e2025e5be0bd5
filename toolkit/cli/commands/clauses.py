"""`toolkit clauses`: how the appeals ended, by the clauses of the letters that were filed."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_files
from toolkit.cli.inputs import claims_of, store_of

SAYS = "show how the appeals ended, by the clauses of the letters that were filed"
EXAMPLE = "clauses tracker.csv --letters letters/"

NO_PROOF = (
    "A share says how often appeals whose letter held the clause won, not that the clause won: "
    "which letters hold it follows from the denial, its record and its payer."
)


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "exports",
        nargs="*",
        type=Path,
        metavar="EXPORT",
        help="files that report decisions; what was recorded in the case store counts anyway",
    )
    one.add_argument(
        "--letters",
        type=Path,
        nargs="+",
        action="extend",
        metavar="DIR",
        help="folders of letters with their records; default: reports/letters, where the desk saves them",
    )
    one.add_argument(
        "--by", choices=("payer",), help="a row for each payer; without it, for all payers together"
    )
    add_as_of(one)
    add_files(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    from collections import Counter

    from toolkit.hospital.places import home
    from toolkit.reports.learned import ends, outcomes_by_clause, records_in

    folders = options.letters or [home() / "reports" / "letters"]
    records = [record for folder in folders for record in records_in(folder)]
    decisions = _decisions(options)
    found = Counter(outcome for _, outcome in ends(records, decisions))
    rows = outcomes_by_clause(records, decisions, by_payer=options.by == "payer")
    return {
        "records": len(records),
        "letters": found.total(),
        "outcomes": dict(sorted(found.items())),
        "clauses": [
            {
                "issue": row.issue,
                "payer": row.payer or None,
                "clause": row.clause or None,
                "letters": row.letters,
                "won": row.won,
                "partly": row.partly,
                "share": round(row.share, 4),
                "low": round(row.low, 4),
                "high": round(row.high, 4),
                "too_few": row.too_few,
                "says": row.says,
            }
            for row in rows
        ],
        "note": NO_PROOF,
    }


def _decisions(options: argparse.Namespace) -> list[Any]:
    """Return the decisions of the case store, and those that the files report."""
    from toolkit.cases import CaseStore
    from toolkit.reports.learned import decisions_recorded

    place = store_of(options)
    found: list[Any] = []
    if "://" in str(place) or Path(place).exists():
        with CaseStore(place) as store:
            found += decisions_recorded(store.all_events())
    if options.exports:
        found += _of_files(options)
    return found


def _of_files(options: argparse.Namespace) -> tuple:
    from contextlib import ExitStack

    from toolkit.cases import CaseStore
    from toolkit.cases.case import bare_cases
    from toolkit.reports.learned import decisions_in
    from toolkit.worklist.triage import triage

    claims, hospital = claims_of(options.exports, options)
    worklist = triage(claims, as_of=options.as_of, hospital=hospital)
    cases = list(bare_cases(claims, worklist))
    keys: dict[str, set[str]] = {}
    place = store_of(options)
    with ExitStack() as stack:
        stored = [None] * len(cases)
        if "://" in str(place) or Path(place).exists():
            store = stack.enter_context(CaseStore(place))
            stored = [one.case_key for one in store.find_each(cases)]
        for claim_key, case, known in zip(worklist["claim_key"], cases, stored, strict=True):
            keys.setdefault(claim_key, set()).add(known or case.case_key)
    events = claims.appeal_events
    rows = events.astype(object).where(events.notna(), None).to_dict("records")
    for row in rows:
        for name in ("filed_on", "decided_on"):
            row[name] = row[name].date() if row[name] is not None else None
    return decisions_in(rows, keys)


def show(answer: dict[str, Any]) -> None:
    """Print the issues, each with the row of all its letters and then its clauses."""
    ended = ", ".join(
        f"{n} {outcome.replace('_', ' ')}" for outcome, n in answer["outcomes"].items()
    )
    print(f"{answer['letters']} letters that asked for a decision: {ended or 'none'}")
    before = None
    for row in answer["clauses"]:
        group = (row["issue"], row["payer"])
        if group != before:
            print(" / ".join(filter(None, (row["issue"] or "no issue", row["payer"]))))
            before = group
        print(f"  {row['clause'] or 'all letters'}: {row['says']}")
    print(answer["note"])

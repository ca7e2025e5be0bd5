"""What commands read: claims with what was recorded of them, the hospital, and where things are kept."""

import argparse
import sys
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError

ROOT = Path(__file__).parents[2]


SAMPLES = ROOT / "data" / "samples"


def triaged(
    files: list[Path],
    options: argparse.Namespace,
    *,
    recorded: bool = True,
    notices: bool = False,
) -> tuple:
    """Return the claims of the files, the hospital, and the worklist (see `claims_of`)."""
    from toolkit.worklist.triage import triage

    claims, hospital = claims_of(files, options, recorded=recorded, notices=notices)
    return claims, hospital, triage(claims, as_of=options.as_of, hospital=hospital)


def case_of(options: argparse.Namespace) -> Any:
    """Return the case that `--claim` names, with what was entered on it and the facts of `--facts`.

    It is of the one export, or was made of a letter.
    """
    from toolkit.cases import case_from, resumed_at, with_facts
    from toolkit.worklist import find_denial

    files = [options.export] if options.export else []
    claims, hospital, worklist = triaged(files, options, notices=True)
    case = case_from(claims, worklist, find_denial(worklist, options.claim), hospital=hospital)
    case = resumed_at(store_of(options), case)
    return with_facts(case, options.facts, as_of=options.as_of) if options.facts else case


def claims_of(
    files: list[Path],
    options: argparse.Namespace,
    *,
    recorded: bool = True,
    notices: bool = False,
) -> tuple:
    """Return the claims of the files, with what was `recorded` of them, and the hospital.

    `notices`: with the cases that were made of letters.
    """
    from toolkit.cases import one_history, recorded_at, with_notices_at
    from toolkit.claims import Claims, read

    hospital = hospital_of(options)
    claims = read(files, layout=options.layout) if files else Claims()
    if notices:
        claims = with_notices_at(claims, store_of(options))
    known = recorded_at(store_of(options)) if recorded else ()
    day = getattr(options, "as_of", None)  # not every command has one
    return one_history(claims, hospital=hospital, recorded=known, as_of=day), hospital


def hospital_of(options: argparse.Namespace, *, sample: bool = False) -> Any:
    """Return the hospital of the options, or the sample's; payer columns and contracts that are not read are named."""
    from toolkit.hospital import read_hospital, sample_hospital

    if sample:
        hospital = sample_hospital(payers=options.payers)
    else:
        hospital = read_hospital(payers=options.payers, contracts=options.contracts)
    for heading in hospital.payer_columns_not_read:
        print(f"toolkit: payer table: the column {heading} is not read", file=sys.stderr)
    for problem in hospital.contracts_not_read:
        print(f"toolkit: contract left out: {problem}", file=sys.stderr)
    return hospital


def run_in_parts(
    exports: list[Path], engine: str, options: argparse.Namespace, also: Any = None
) -> Any:
    """Return the run of files done in parts, to be used with `with`."""
    from toolkit.bulk.inputs import run_on
    from toolkit.cases import recorded_at

    return run_on(
        exports,
        recorded=recorded_at(store_of(options)),
        as_of=options.as_of,
        book=options.book,
        layout=options.layout,
        hospital=hospital_of(options),
        engine=engine,
        also=also,
        progress=not options.json and sys.stderr.isatty(),
    )


def store_of(options: argparse.Namespace) -> Path | str:
    from toolkit.hospital.places import local_folder

    return options.store or local_folder() / "cases.sqlite"


def check_ending(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse another ending now, not after the work."""
    if path.suffix.lower() not in endings:
        raise UsageError(f"--out ends in none of {', '.join(endings)}")

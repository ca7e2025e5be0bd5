"""What commands read: claims with their recorded events, the hospital, and where things are kept."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError

ROOT = Path(__file__).parents[2]


SAMPLES = ROOT / "data" / "samples"


def triaged(files: list[Path], options: argparse.Namespace, *, recorded: bool = True) -> tuple:
    """Return the claims of the files, the hospital, and the worklist (see `claims_of`)."""
    from toolkit.worklist.triage import triage

    claims, hospital = claims_of(files, options, recorded=recorded)
    return claims, hospital, triage(claims, as_of=options.as_of, hospital=hospital)


def case_of(options: argparse.Namespace) -> Any:
    """Return the case that `--claim` names, with what was entered on it and the facts of `--facts`.

    It is of the one export, or was made of a letter.
    """
    from toolkit.worklist import find_denial

    files = [options.export] if options.export else []
    claims, hospital, worklist = triaged(files, options)
    key = find_denial(worklist, options.claim)
    check_facts(options, worklist)
    (pair,) = cases_of(options, claims, hospital, worklist.loc[worklist["denial_key"].eq(key)])
    return pair[1]


def cases_of(
    options: argparse.Namespace, claims: Any, hospital: Any, worklist: Any
) -> Iterator[tuple[str, Any]]:
    """Yield each denial's key and its case, with what people entered at the desk and in `--facts`."""
    from contextlib import ExitStack

    from toolkit.cases import CaseStore, cases_from
    from toolkit.letters import enter

    facts = _facts(options)
    place = store_of(options)
    with ExitStack() as stack:
        store = None
        if "://" in str(place) or Path(place).exists():
            store = stack.enter_context(CaseStore(place))
        cases = cases_from(claims, worklist, hospital=hospital)
        for key, case in zip(worklist["denial_key"], cases, strict=True):
            case = store.resume(case) if store else case
            if stated := facts.of(case):
                case = enter(case, stated, source=facts.source, as_of=options.as_of)
            yield key, case


def _facts(options: argparse.Namespace) -> Any:
    from toolkit.letters.entered import FactsFile, facts_in

    return facts_in(options.facts) if options.facts else FactsFile()


def check_facts(options: argparse.Namespace, worklist: Any) -> None:
    """Refuse a facts file with an entry for a claim that is not in the worklist of the files."""
    columns = worklist[["patient_control_number", "payer_claim_control_number"]]
    _facts(options).check_claims(set(columns.stack().astype(str)))


def claims_of(files: list[Path], options: argparse.Namespace, *, recorded: bool = True) -> tuple:
    """Return the claims of the files and of letters, with what was `recorded` of them, and the hospital.

    A case made of a letter is among them unless its claim is in one of the files.
    """
    from toolkit.cases import notices_at, one_history, recorded_at, with_notices
    from toolkit.claims import Claims, read

    hospital = hospital_of(options)
    claims = read(files, layout=options.layout) if files else Claims()
    claims = with_notices(claims, notices_at(store_of(options)))
    known = recorded_at(store_of(options)) if recorded else ()
    day = getattr(options, "as_of", None)  # not every command has one
    return one_history(claims, hospital=hospital, recorded=known, as_of=day), hospital


def hospital_of(options: argparse.Namespace, *, sample: bool = False) -> Any:
    """Return the hospital that the options name, or the sample's; warn about payer columns and contracts that are not read."""
    from toolkit.hospital import read_hospital, sample_hospital

    if sample:
        hospital = sample_hospital(payers=options.payers)
    else:
        hospital = read_hospital(payers=options.payers, contracts=options.contracts)
    for heading in hospital.payer_columns_not_read:
        print(f"toolkit: payer table: column {heading} is not read", file=sys.stderr)
    for problem in hospital.contracts_not_read:
        print(f"toolkit: contract skipped: {problem}", file=sys.stderr)
    return hospital


def run_in_parts(
    exports: list[Path], engine: str, options: argparse.Namespace, also: Any = None
) -> Any:
    """Return a run that works through the files in parts; use it in a `with` block."""
    from toolkit.bulk.inputs import run_on
    from toolkit.cases import notices_at, recorded_at

    return run_on(
        exports,
        recorded=recorded_at(store_of(options)),
        notices=notices_at(store_of(options)),
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
    """Refuse a file ending that can't be written, before the work starts."""
    if path.suffix.lower() not in endings:
        raise UsageError(f"--out must end in one of {', '.join(endings)}")

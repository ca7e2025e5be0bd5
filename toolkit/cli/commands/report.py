"""`toolkit report`: make the batch reports as HTML and XLSX."""

import argparse
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from toolkit.cli.arguments import add_as_of, add_engine, add_files, positive
from toolkit.cli.inputs import SAMPLES, hospital_of, run_in_parts, triaged
from toolkit.errors import InputError

SAYS = "make the batch reports as HTML and XLSX"
EXAMPLE = "report overdue export.csv"


def add_arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "words",
        nargs="*",
        metavar="[REPORT] [EXPORT...]",
        help="overdue, outcomes, scorecard, denials, prevention, plan, definitions or all; "
        "default: all, on the samples",
    )
    add_as_of(one)
    add_files(one)
    one.add_argument("--out", type=Path, default=Path("reports"))
    one.add_argument(
        "--by", choices=("payer", "facility"), help="one report for each payer or facility"
    )
    one.add_argument(
        "--jobs", type=positive, help="notebooks at once; default: one per core, at most 8"
    )
    one.add_argument(
        "--share",
        action="store_true",
        help="leave out every list of single claims, to send a report outside the department",
    )
    one.add_argument(
        "--diff",
        type=Path,
        metavar="MANIFEST",
        help="manifest.json of an earlier run: say which numbers were restated, and why",
    )
    one.add_argument(
        "--minutes",
        type=positive,
        help="minutes that each owner of cases has in a week; default: local/effort.yaml, else 1800",
    )
    one.add_argument(
        "--format", type=_formats, default=("html", "xlsx"), help="html,xlsx,pdf,ipynb"
    )
    add_engine(one)


def run(options: argparse.Namespace) -> dict[str, Any]:
    import tempfile

    from toolkit.reports import run_reports

    kinds, exports = _kinds(options.words)
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        sources = (
            _given_source(exports, options) if exports else _sample_sources(Path(folder), options)
        )
        written = run_reports(
            kinds,
            sources,
            as_of=options.as_of,
            out=options.out,
            formats=options.format,
            jobs=options.jobs,
            one_each=options.by or "",
            share=options.share,
            before=options.diff,
            effort=_effort(options),
            progress=not options.json,
        )
    answer: dict[str, Any] = {"written": [str(path) for path in written]}
    if options.diff:
        answer["restated"] = json.loads(written[-1].read_text(encoding="utf-8"))["restated"]
    return answer


def _effort(options: argparse.Namespace) -> Any:
    """Return what working a denial takes: the hospital's figures, with the minutes given."""
    import msgspec

    from toolkit.hospital.places import local_folder
    from toolkit.metrics import effort_in

    effort = effort_in(local_folder())
    if options.minutes:
        effort = msgspec.structs.replace(effort, weekly_minutes=options.minutes)
    return effort


def _kinds(words: list[str]) -> tuple[tuple[str, ...], list[Path]]:
    """Return the kinds of report asked for, and the exports that follow them."""
    from toolkit.reports.kinds import kinds

    built = tuple(kinds())
    named = bool(words) and words[0] in ("all", *built)
    asked = (words[0],) if named and words[0] != "all" else built
    return asked, [Path(word) for word in words[named:]]


def _given_source(exports: list[Path], options: argparse.Namespace) -> list:
    from toolkit.bulk.sizes import engine_for, in_parts
    from toolkit.reports import Source, long_part_of_run, part_of_run

    engine = engine_for(options.engine, exports, options.book)
    if in_parts(engine, exports, options.book):
        also = long_part_of_run if options.by else part_of_run
        with run_in_parts(exports, engine, options, also=also) as run:
            return [Source.of_run("export", run)]
    claims, _, worklist = triaged(exports, options)
    return [Source.of("export", claims, worklist, options.as_of)]


def _sample_sources(folder: Path, options: argparse.Namespace) -> list:
    from toolkit.claims import read
    from toolkit.reports import Source
    from toolkit.sample import write_remittances, write_sample
    from toolkit.worklist.triage import triage

    if not SAMPLES.is_dir():
        raise InputError(
            "the sample data is not installed: name an export, or run this from a checkout"
        )
    hospital = hospital_of(options, sample=True)
    export = write_sample(folder / "sample.parquet", rows=5000, seed=1, as_of=options.as_of)
    decided = write_remittances(folder, claims=500, seed=1, as_of=options.as_of)
    sample = read([export, *decided])
    remits, then, note = _sample_remittances()
    return [
        Source.of(
            "sample",
            sample,
            triage(sample, as_of=options.as_of, hospital=hospital),
            options.as_of,
            "A synthetic export of denials, and synthetic remittances of the five months before with all "
            "claims of theirs: no patient, payer or hospital in them is real.",
            synthetic=True,
        ),
        Source.of(
            "remittances",
            remits,
            triage(remits, as_of=then, hospital=hospital),
            then,
            note,
            synthetic=False,
        ),
    ]


def _sample_remittances() -> tuple:
    """Return the public remittances, the day they are reported as of, and a note that says why.

    The professional-fee file is the large one: the day is 30 days after its production. Files
    produced after that day could not have been on the desk then and are left out.
    """
    from toolkit.claims import read
    from toolkit.claims.tables import concat
    from toolkit.history import settled

    files = sorted(p for p in (SAMPLES / "remits" / "public").iterdir() if p.suffix != ".json")
    found = {path: read(path) for path in files}
    produced = {path: one.claims["remittance_date"].max() for path, one in found.items()}
    large = max(files, key=lambda path: path.stat().st_size)
    then = produced[large].date() + timedelta(days=30)
    kept = [path for path in files if produced[path].date() <= then]
    note = (
        f"Public sample remittances; the large one ({large.name}) was produced on "
        f"{produced[large]:%Y-%m-%d}. Their dates are old, so they are reported as of {then}, 30 "
        f"days after its production. Of {len(files)} files, {len(files) - len(kept)} were produced "
        f"later and are left out."
    )
    return settled(concat([found[path] for path in kept])), then, note


def _formats(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def show(answer: dict[str, Any]) -> None:
    from toolkit.reports.words import restated

    for path in answer["written"]:
        print(path)
    for one in answer.get("restated", ()):
        print(f"restated: {restated(one)}")
    if answer.get("restated") == []:
        print("restated: nothing")

"""Time the toolkit side by side with the floor, with naive and with good hand-written code.

    python -m benchmarks.suite [--quick | --full] [--date 2026-11-24] [--parts rows frames]

All data is made on the spot in a folder of its own and removed afterwards. Every job runs in a
process of its own, the jobs of a part in alternation (A B C, A B C), so that a busy minute meets
all of them alike. Jobs that do the same work must give the same answer, or nothing is written.
Prints tables; with `--write` they also go into docs/performance.md, docs/scale.md and
docs/performance.json. A benchmark, never a test: the figures are this machine's at this hour.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType

from benchmarks import page, remittances, rows, starts, worklists
from benchmarks.machine import commit_date, machine
from benchmarks.measure import ROOT
from benchmarks.plan import SCALES, DifferentAnswersError, Job, Result, Scale, check_same
from benchmarks.reach import broken

PARTS: dict[str, ModuleType] = {
    "starts": starts,
    "rows": rows,
    "worklists": worklists,
    "remittances": remittances,
}


def measured(jobs: Sequence[Job], tell=lambda text: None) -> list[Result]:
    """Run every job its number of rounds, the jobs in alternation, sizes one after the other."""
    results = [Result(job) for job in jobs]
    for size in dict.fromkeys((job.part, job.size) for job in jobs):
        of_size = [one for one in results if (one.job.part, one.job.size) == size]
        for number in range(max(one.job.rounds for one in of_size)):
            for result in of_size:
                if number >= result.job.rounds or _hopeless(result):
                    continue
                run = result.job.run()
                result.runs.append(run)
                said = run.why_not or f"{run.seconds * result.job.stands_for:.3f} s"
                tell(f"  {size[0]} {size[1]:>12,}  round {number + 1}  {result.job.key}: {said}")
    return results


def _hopeless(result: Result) -> bool:
    """Say whether the job failed in its first round: it is not tried again."""
    return bool(result.runs) and bool(result.runs[0].why_not)


def run(scale: Scale, parts: Sequence[str], tell=lambda text: None) -> list[Result]:
    """Make the data, measure every part, compare the answers; the data is gone afterwards."""
    results: list[Result] = []
    for name in parts:
        folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        try:
            began = time.monotonic()
            PARTS[name].prepare(folder, scale)
            tell(f"{name}: data made in {time.monotonic() - began:.0f} s")
            results += measured(PARTS[name].jobs(folder, scale), tell)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; return 1 where answers differ or a job failed (then no page is written), or a gate is not held."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_const", dest="scale", const="quick")
    how.add_argument("--full", action="store_const", dest="scale", const="full")
    how.add_argument("--tiny", action="store_const", dest="scale", const="tiny")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--date", type=date.fromisoformat, default=None, help="of the page")
    parser.add_argument("--rare", type=int, help="rounds of what takes minutes (default run: 1)")
    parser.add_argument("--write", action="store_true", help="write the page and the JSON in docs")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    options = parser.parse_args(arguments)
    scale = SCALES[options.scale or "default"]
    if options.rare:
        scale = replace(scale, rare=options.rare)
    began = time.monotonic()
    results = run(scale, options.parts, lambda text: print(text, file=sys.stderr, flush=True))
    try:
        compared, differ = check_same(results), ""
    except DifferentAnswersError as error:
        compared, differ = 0, str(error)
    told = {
        "machine": machine(),
        "date": (options.date or commit_date()).isoformat(),
        "scale": scale.name,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "answers_compared": compared,
        "jobs": [result.plain() for result in results],
        "ratios": page.ratios(results),
    }
    print(page.figures(told))
    if options.json:
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    wrong = [f"answers differ, so no figure means anything: {differ}"] if differ else []
    wrong += [
        f"{one.job.part}, {one.job.size:,}, {one.job.key} failed: {run.why_not}"
        for one in results
        for run in one.runs
        if run.fault
    ]
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong:
        return 1
    if options.write:
        for written in page.write(told, ROOT / "docs"):
            print(f"written: {written.name}")
    dearer = broken(told)
    for line in dearer:
        print(f"dearer than it was: {line}", file=sys.stderr)
    return 1 if dearer else 0


if __name__ == "__main__":
    sys.exit(main())

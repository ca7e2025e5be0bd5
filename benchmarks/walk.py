"""Time the walk from file to worklist on data made on the spot, each part in a process of its own.

    .venv/bin/python benchmarks/walk.py [--rows 1000000] [--runs 3]

Prints medians of several runs with the peak memory of the process. A benchmark, never a test: the
figures are this machine's at this hour; use them to compare one commit with another.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

AS_OF = date(2026, 11, 23)
ROOT = Path(__file__).parents[1]
REMIT = ROOT / "data/samples/remits/public/tastypackets_x12-parser_profee-multiple.edi"


def sample(folder: Path, rows: int) -> float:
    from toolkit.claims import write_sample

    started = time.perf_counter()
    write_sample(folder / "sample.parquet", rows=rows, seed=1, as_of=AS_OF)
    return time.perf_counter() - started


def read(folder: Path, rows: int) -> float:
    from toolkit.claims import read as read_claims

    started = time.perf_counter()
    read_claims(folder / "sample.parquet")
    return time.perf_counter() - started


def triage(folder: Path, rows: int) -> float:
    from toolkit.claims import read as read_claims
    from toolkit.claims import read_payers
    from toolkit.triage import triage as job

    claims = read_claims(folder / "sample.parquet")
    payers = read_payers(ROOT / "data/samples/payers.csv")
    started = time.perf_counter()
    job(claims, as_of=AS_OF, payers=payers)
    return time.perf_counter() - started


def remittance(folder: Path, rows: int) -> float:
    from toolkit.claims import read as read_claims

    path = folder / "large.835"
    if not path.exists():
        path.write_bytes(REMIT.read_bytes() * 70)
    started = time.perf_counter()
    read_claims(path)
    return time.perf_counter() - started


def deadline_command(folder: Path, rows: int) -> float:
    words = "deadline --program part_d --level redetermination --notice-date 2026-03-02"
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "toolkit", *words.split()], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - started


PARTS = {one.__name__: one for one in (sample, read, triage, remittance, deadline_command)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.part:
        seconds = PARTS[options.part](options.folder, options.rows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps([seconds, peak]))
        return
    print(f"{platform.machine()}, Python {platform.python_version()}, {options.rows:,} rows")
    print(f"{'part':<18}{'median s':>10}{'spread s':>12}{'peak MB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            command = [sys.executable, __file__, "--part", part, "--folder", folder]
            command += ["--rows", str(options.rows)]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(options.runs)]
            seconds = [run[0] for run in runs]
            spread = f"{min(seconds):.2f}-{max(seconds):.2f}"
            peak = max(run[1] for run in runs)
            print(f"{part:<18}{statistics.median(seconds):>10.2f}{spread:>12}{peak:>10.0f}")


if __name__ == "__main__":
    main()

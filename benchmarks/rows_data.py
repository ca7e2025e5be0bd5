"""Denial rows as a warehouse holds them, made on the spot: each row is one denial, all of it invented.

    .venv/bin/python benchmarks/rows_data.py --rows 10000000 --out rows.parquet [--csv rows.csv]

22 columns by canonical name: 60 payers under 5 programs, 1,096 notice dates, 15 % of the rows without
a code but with a text (a third of these texts stand once: they hold numbers), 12 % with an appeal on
file. The same rows and seed give the same file.
"""

import argparse
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FIRST_DAY, DAYS = np.datetime64("2023-11-01"), 1_096
GROUP = 250_000  # rows of one part, and of one row group

_PROGRAMS = (
    "original_medicare", "medicare_advantage", "medicaid_managed_care", "commercial_plan", "tricare",
)  # fmt: skip
_FIRST = (
    "Amber",
    "Birch",
    "Cedar",
    "Delta",
    "Ember",
    "Fjord",
    "Grove",
    "Haven",
    "Inlet",
    "Juniper",
)
_LAST = ("Health Plan", "Mutual", "Benefit Trust", "Care Network", "Assurance", "Administrators")
_STAGES = ("payment", "pre_service")
_PHRASES = (
    "Claim was received after the filing limit, ref {n}",
    "No authorization on file for this service, case {n}",
    "Medical records requested on {d} were not received",
    "Service is not medically necessary per policy {p}",
    "Duplicate of claim {n} paid {d}",
    "Coverage ended before the date of service {d}",
    "Procedure code does not match the modifier billed",
    "Other coverage is primary, submit the other payer's EOB {n}",
    "Non covered service under the member's plan",
    "Experimental or investigational service",
    "Diagnosis is not consistent with the procedure",
    "Level of care not supported by the record, review {n}",
    "Payment is bundled with another service of {d}",
    "Please see the letter of {d}",
)
_LEVELS = {
    "original_medicare": ("redetermination", "reconsideration"),
    "medicare_advantage": ("reconsideration", "reconsideration"),
    "medicaid_managed_care": ("appeal", "state_fair_hearing"),
    "commercial_plan": ("internal_appeal", "external_review"),
    "tricare": ("reconsideration", "formal_review"),
}


@cache
def codes() -> tuple[list[str], list[str]]:
    """Return the CARC and RARC codes on file, in the order of the lists."""
    from toolkit.denials import codes as lists

    return list(lists.carcs()), list(lists.rarcs())


def part(rng: np.random.Generator, first: int, count: int) -> pa.Table:
    """Return `count` rows, numbered from `first`."""
    carcs, rarcs = codes()
    payer = rng.integers(0, 60, count)
    program = payer % len(_PROGRAMS)
    day = rng.integers(0, DAYS, count)
    notice = FIRST_DAY + day
    received = notice + 4  # of the payers that state it
    coded = rng.random(count) >= 0.15
    pairs = rng.integers(0, 1_500, count)  # a code map of 1,500 pairs
    carc = (pairs * 7919) % len(carcs)
    rarc = (pairs * 104_729) % len(rarcs)
    filed = rng.random(count) < 0.12
    decided = filed & (rng.random(count) < 0.6)
    filed_on = notice + rng.integers(10, 60, count)
    decided_on = filed_on + rng.integers(20, 60, count)
    # Dollars fall off as charges do; whole cents.
    cents = np.maximum(100, np.exp(rng.normal(6.2, 1.4, count)) * 100).astype(np.int64)
    names = [f"{_FIRST[i % 10]} {_LAST[i // 10]}" for i in range(60)]
    level = rng.integers(0, 2, count)
    levels = [_LEVELS[name][at] for name in _PROGRAMS for at in (0, 1)]
    columns = {
        "claim_number": _numbered(first, count),
        "payer_id": _taken([f"P{i:04d}" for i in range(60)], payer),
        "payer_name": _taken(names, payer),
        "plan_name": _taken([f"{name} {kind}" for name in names for kind in "ABC"], payer * 3 + rng.integers(0, 3, count)),
        "program": _taken(list(_PROGRAMS), program),
        "contracted": _taken(["contracted", "not_contracted"], (payer // 5) % 2),
        "facility": _taken([f"Facility {i:02d}" for i in range(12)], rng.integers(0, 12, count)),
        "service_from": pa.array(notice - rng.integers(15, 90, count)).cast(pa.date32()),
        "procedure_code": _taken([str(70_000 + 37 * i) for i in range(400)], rng.integers(0, 400, count)),
        "stage": _taken(list(_STAGES), (rng.random(count) < 0.1).astype(np.int32)),
        "group_code": _taken(["CO", "PR", "OA", "PI"], rng.choice(4, count, p=[0.8, 0.1, 0.05, 0.05]), coded),
        "carc": _taken(carcs, carc, coded),
        "rarcs": _taken(rarcs, rarc, coded & (pairs >= 250)),
        "denial_text": _texts(rng, count, ~coded),
        "remittance_date": pa.array(notice).cast(pa.date32()),
        "notice_date": pa.array(notice).cast(pa.date32()),
        "notice_received": _days(received, payer % 6 == 0),
        "last_level": _taken(levels, program * 2 + level, filed),
        "filed_on": _days(filed_on, filed),
        "decided_on": _days(decided_on, decided),
        "outcome": _taken(["upheld", "overturned", "partly_overturned"], rng.integers(0, 3, count), decided),
        "denied": _dollars(cents),
    }  # fmt: skip
    return pa.table(columns)


def _taken(words: list[str], places: np.ndarray, there: np.ndarray | None = None) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=None if there is None else ~there)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words)).cast(pa.string())


def _numbered(first: int, count: int) -> pa.Array:
    number = pc.cast(pa.array(np.arange(first, first + count)), pa.string())
    return pc.binary_join_element_wise("SYN", pc.utf8_lpad(number, 11, "0"), "")


def _days(days: np.ndarray, there: np.ndarray) -> pa.Array:
    return pa.array(days, mask=~there).cast(pa.date32())


def _dollars(cents: np.ndarray) -> pa.Array:
    whole = pa.array(cents).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))).cast(
        pa.decimal128(12, 2)
    )


def _texts(rng: np.random.Generator, count: int, there: np.ndarray) -> pa.Array:
    """Return denial reasons: a phrase of few, a third of them with numbers that stand once."""
    out = np.full(count, None, dtype=object)
    at = np.flatnonzero(there)
    phrase = rng.integers(0, len(_PHRASES), len(at))
    number = rng.integers(10**7, 10**8, len(at))
    few = rng.integers(0, 40, len(at))
    unique = rng.random(len(at)) < 0.5
    for place, which, n, p, once in zip(at, phrase, number, few, unique, strict=True):
        mark = str(n) if once else f"{p:02d}"
        day = f"{p % 12 + 1:02d}/{n % 28 + 1 if once else 15:02d}/2025"
        out[place] = _PHRASES[which].format(n=mark, d=day, p=p)
    return pa.array(out, pa.string())


def write(out: Path, *, rows: int, seed: int = 1) -> None:
    """Write `rows` denial rows as Parquet, part by part."""
    rng = np.random.default_rng(seed)
    writer = None
    for first in range(0, rows, GROUP):
        table = part(rng, first, min(GROUP, rows - first))
        writer = writer or pq.ParquetWriter(out, table.schema)
        writer.write_table(table, row_group_size=GROUP)
    writer.close()


def as_csv(source: Path, out: Path) -> None:
    """Write the same rows as CSV."""
    import duckdb

    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT * FROM read_parquet('{source}')) TO '{out}' (HEADER)")


def main() -> None:
    """Write the file that the words of the command line name."""
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--out", type=Path, required=True)
    words.add_argument("--csv", type=Path)
    given = words.parse_args()
    write(given.out, rows=given.rows, seed=given.seed)
    if given.csv:
        as_csv(given.out, given.csv)


if __name__ == "__main__":
    main()

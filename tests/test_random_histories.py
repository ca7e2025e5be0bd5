"""Five hundred random histories: what stands is the truth, however the files are given."""

import random
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from random_histories import histories

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read
from toolkit.history import settled
from toolkit.hospital import Hospital
from toolkit.worklist.triage import triage

DAY = date(2026, 9, 30)
HOSPITAL = Hospital.unknown()
ROUNDS, CLAIMS, MONTHS = 20, 25, 5


def put(folder: Path, texts: list[str]) -> list[Path]:
    paths = []
    for number, text in enumerate(texts):
        paths.append(folder / f"month{number}.835")
        paths[-1].write_text(text)
    return paths


def at_once(paths: list[Path]) -> pd.DataFrame:
    return triage(settled(read(paths)), as_of=DAY, hospital=HOSPITAL)


def rows(worklist: pd.DataFrame) -> list[tuple]:
    """Return account, service, state, and of what is open the cents and the code."""
    found = []
    for row in worklist.itertuples():
        is_open = row.due != "closed"
        found.append(
            (
                row.patient_control_number, row.procedure_code, row.state,
                int(row.denied_cents) if is_open else None, row.carc if is_open else None,
            )
        )  # fmt: skip
    return sorted(found, key=str)


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_what_stands_is_the_truth_in_any_order_of_the_files(seed, tmp_path):
    claims, texts = histories(seed, count=CLAIMS, months=MONTHS)
    paths = put(tmp_path, texts)
    truth = sorted((one for claim in claims for one in claim.truth()), key=str)
    assert rows(at_once(paths)) == truth
    random.Random(seed).shuffle(paths)
    assert rows(at_once(paths)) == truth


@pytest.mark.parametrize("engine", ["pandas", "duckdb"])
def test_months_that_come_one_by_one_give_what_they_give_together(engine, tmp_path):
    claims, texts = histories(900, count=60, months=MONTHS)
    paths = put(tmp_path, texts)
    book = Book.at(tmp_path / "book")
    for path in reversed(paths):
        found = gather([path], book, engine=engine, jobs=2)
    files = book.files()
    with triage_book(
        book, files, as_of=DAY, hospital=HOSPITAL, engine=engine, jobs=2,
        findings=found.findings, part_rows=20,
    ) as run:  # fmt: skip
        told = pd.concat([table.to_pandas() for table in run.tables()], ignore_index=True)
    told["denied_cents"] = (told["denied"].astype(float) * 100).round().astype("Int64")
    truth = sorted((one for claim in claims for one in claim.truth()), key=str)
    assert rows(told) == truth


def test_nothing_at_stake_is_more_than_charge_less_payment(tmp_path):
    _, texts = histories(77, count=80, months=MONTHS)
    worklist = at_once(put(tmp_path, texts))
    still = worklist[worklist["due"].ne("closed")]
    assert (still["denied_cents"] <= still["billed_cents"] - still["paid_cents"]).all()

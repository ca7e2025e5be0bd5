"""Spark gives the answers of pandas, by the kernel on its batches."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest
from engine_rows import AS_OF, HOSPITAL, denial_rows, plain

from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.worklist import ANSWERS, triage_rows

UNKNOWN = Hospital.unknown()

GIVEN = {"as_of": AS_OF, "hospital": HOSPITAL}


@pytest.fixture(scope="module")
def some() -> pd.DataFrame:
    return denial_rows(2_000)


@pytest.fixture(scope="module")
def answered(some) -> pd.DataFrame:
    return triage_rows(some, **GIVEN)


@pytest.fixture(scope="module")
def rows(spark, some):
    """The rows in several parts of no order."""
    table = pa.Table.from_pandas(some.sample(frac=1, random_state=2), preserve_index=False)
    return spark.createDataFrame(table).repartition(3)


def _same(found: pa.Table, answered: pd.DataFrame) -> None:
    found = found.sort_by("row")
    assert found["row"].to_pylist() == answered["row"].tolist()
    for name in ANSWERS:
        assert plain(found[name]) == plain(answered[name]), name


def test_the_kernel_on_batches_has_the_answers_of_pandas(rows, answered):
    found = triage_rows(rows, **GIVEN)
    assert type(found) is type(rows)
    assert found.columns == list(answered.columns)
    _same(found.toArrow(), answered)


def test_days_amounts_and_lists_are_read_in_their_own_types(spark):
    frame = pd.DataFrame(
        {"row": [0, 1], "program": "original_medicare", "contracted": "no", "carc": "50",
         "rarcs": [["N130"], None], "notice_date": [date(2026, 9, 1), None],
         "remittance_date": pd.to_datetime(["2026-08-01 10:00", "2026-08-02 11:00"]),
         "denied_cents": [100, 5]}
    )  # fmt: skip
    expected = triage_rows(frame, as_of=AS_OF, hospital=UNKNOWN)
    sent = spark.createDataFrame(pa.Table.from_pandas(frame, preserve_index=False))
    _same(triage_rows(sent, as_of=AS_OF, hospital=UNKNOWN).toArrow(), expected)


def test_no_rows_are_no_rows_with_the_same_columns(rows, answered):
    found = triage_rows(rows.limit(0), **GIVEN).toArrow()
    assert found.num_rows == 0 and found.column_names == list(answered.columns)


def test_few_answers_are_given_alone(rows, some):
    found = triage_rows(rows, columns=["due"], **GIVEN)
    assert found.columns == [*some.columns, "due"]


def test_rows_without_a_reason_are_refused(rows):
    with pytest.raises(UsageError, match="no column carc"):
        triage_rows(rows.select("row", "program"), **GIVEN)

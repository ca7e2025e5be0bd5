"""A caseload kept compact gives back what it was made of: whole, in part, and from a file."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from toolkit.claims import read
from toolkit.claims.tables import conform
from toolkit.desk.compact import CompactClaims, CompactTable
from toolkit.sample import write_sample

COUNT = 40


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Texts that many rows share, that none share, and none at all, beside every other kind of column."""
    rows = pd.DataFrame(
        {
            "claim_key": [f"f-{n}" for n in range(COUNT)],
            "file_id": "f",
            "payer_name": ["Test Health", None, "", "Other"] * (COUNT // 4),
            "notice_date": pd.to_datetime(["2026-11-02", None] * (COUNT // 2)),
            "billed_cents": [None, 12_345] * (COUNT // 2),
        }
    )
    return conform(rows, "claims")


@pytest.mark.parametrize("rows", [COUNT, 1, 0])
def test_a_frame_comes_back_with_its_types(frame, rows, tmp_path):
    part = frame.iloc[:rows]
    table = CompactTable.of(part)
    pd.testing.assert_frame_equal(table.frame(), part)
    table.write(tmp_path / "one.arrow")
    mapped = CompactTable.mapped(tmp_path / "one.arrow")
    pd.testing.assert_frame_equal(mapped.frame(), part)
    at = np.arange(rows)[::-3]
    pd.testing.assert_frame_equal(mapped.frame(at), part.iloc[at])
    named = ["billed_cents", "payer_name"]
    pd.testing.assert_frame_equal(mapped.frame(at, columns=named), part.iloc[at][named])


def test_a_text_that_is_shared_is_there_once_and_nothing_takes_no_room(frame):
    table = CompactTable.of(frame).table
    assert str(table.schema.field("payer_name").type).startswith("dictionary")
    assert str(table.schema.field("claim_key").type) == "large_string"
    assert table["program"].nbytes == 0


def test_categories_come_back_as_texts(frame):
    coded = frame.assign(payer_name=frame["payer_name"].astype("category"))
    pd.testing.assert_frame_equal(CompactTable.of(coded).frame(), frame)


def test_texts_are_numbered_and_found(frame):
    table = CompactTable.of(frame)
    for name in ("payer_name", "claim_key", "program"):
        numbers, texts = table.numbered(name)
        assert [texts[n] for n in numbers] == frame[name].fillna("").tolist()
        assert len(set(texts)) == len(texts)
    assert table.places("payer_name", ["Other", "Nobody"]).tolist() == list(range(3, COUNT, 4))
    assert table.places("program", ["medicare_advantage"]).tolist() == []
    assert table.places("claim_key", ["f-7", "f-3"]).tolist() == [3, 7]


def test_claims_of_an_account_come_with_all_that_is_below_them(tmp_path):
    claims = read(write_sample(tmp_path / "s.csv", rows=80, seed=3, as_of=date(2026, 11, 23)))
    compact = CompactClaims.of(claims)
    assert len(compact) == len(claims.claims)
    pd.testing.assert_frame_equal(compact.whole().adjustments, claims.adjustments)
    key = claims.claims["claim_key"].iloc[-1]
    account = claims.claims["patient_control_number"].iloc[-1]
    mine = compact.of_accounts([key])
    assert set(mine.claims["patient_control_number"]) == {account}
    keys = set(claims.claims.loc[claims.claims["patient_control_number"].eq(account), "claim_key"])
    for name in ("claim_lines", "adjustments"):
        whole = getattr(claims, name)
        expected = whole.loc[whole["claim_key"].isin(keys)]
        pd.testing.assert_frame_equal(getattr(mine, name), expected)
    pd.testing.assert_frame_equal(mine.files, claims.files)

"""Rows become the same claims, with the same keys, however they stand and however they are cut."""

import csv
import datetime as dt
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toolkit.claims.export import cells
from toolkit.claims.export.columns import NOTHING, Notes
from toolkit.claims.export.exports import read_export, read_rows
from toolkit.claims.export.pieces import open_exports, read_whole
from toolkit.claims.export.sheets import Cells, Sheet, arrow_texts
from toolkit.claims.tables import CLAIMS, DTYPES, TABLES, conform
from toolkit.sample import write_sample

BASE = {"Claim Number": "A1", "CARC": "50", "Procedure Code": "77080"}
ALL_FORMS = frozenset(
    {"iso", "compact", "us", "us_two_digit_year", "day_month_name", "excel_serial"}
)


def write(path: Path, rows: list[dict]) -> Path:
    headings = list(dict.fromkeys(h for row in rows for h in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, headings, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def export(tmp_path: Path, *rows: dict):
    return read_export(write(tmp_path / "export.csv", [BASE | row for row in rows]))


def sample(path: Path, rows: int) -> list[dict]:
    made = write_sample(path, rows=rows, seed=5, as_of=dt.date(2026, 11, 1))
    with made.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def part_of(sheet: Sheet, keep: np.ndarray) -> Sheet:
    """Return the sheet's rows that are kept, with the values that stand in them only."""
    columns = {}
    for position, whole in sheet.columns.items():
        codes = whole.codes[keep]
        kept = np.unique(codes[codes >= 0])
        number = np.full(len(whole.values) + 1, -1, dtype=np.int32)
        number[kept] = np.arange(len(kept))
        columns[position] = Cells(number[codes], [whole.values[i] for i in kept])
    return Sheet(
        file_id=sheet.file_id, match=sheet.match, headings=sheet.headings, columns=columns,
        rows=sheet.rows[keep], serial_dates=sheet.serial_dates, notes=[],
    )  # fmt: skip


def sheet_at(path: Path) -> Sheet:
    """Return the only table of an export as its cells."""
    [opened] = open_exports(path, layout=None)
    return read_whole(opened).sheet


def assembled(sheet: Sheet) -> dict[str, pd.DataFrame]:
    return read_rows(sheet, Notes("export.csv", sheet)).tables


# ------------------------------------------------------------------------------------------- keys


def test_a_claims_key_is_the_row_where_it_first_stands(tmp_path):
    claims = export(
        tmp_path,
        {"Claim Number": "Total"},
        {"Claim Number": "B"},
        {"Claim Number": "A", "CARC": "16"},
        {"Claim Number": "B", "CARC": "45", "Procedure Code": "71260"},
    )
    file_id = claims.files["file_id"].iloc[0]
    assert claims.claims["claim_key"].tolist() == [f"{file_id}-3", f"{file_id}-4"]
    assert claims.claims["row"].tolist() == [3, 4]
    assert claims.claim_lines["line_key"].tolist() == [
        f"{file_id}-3-1",
        f"{file_id}-4-1",
        f"{file_id}-3-2",
    ]
    assert claims.adjustments["adjustment_key"].tolist() == [
        f"{file_id}-3-a1",
        f"{file_id}-4-a1",
        f"{file_id}-3-a2",
    ]


def test_parts_of_a_file_give_the_claims_that_the_whole_gives(tmp_path):
    path = tmp_path / "export.csv"
    sample(path, 600)
    sheet = sheet_at(path)
    whole = assembled(sheet)
    account = sheet.columns[sheet.match.positions["patient_control_number"][0]].codes
    parts = [assembled(part_of(sheet, account % 3 == third)) for third in range(3)]
    for name, frame in whole.items():
        together = pd.concat([part[name] for part in parts])
        order = ["row", "column"] if name == "findings" else ["row"]
        together = together.sort_values(order, kind="stable").reset_index(drop=True)
        expected = frame.sort_values(order, kind="stable").reset_index(drop=True)
        pd.testing.assert_frame_equal(together, expected)
    assert len(whole["claims"]) > 300
    assert (
        whole["claims"]["claim_key"].str.split("-").str[1] == whole["claims"]["row"].astype("str")
    ).all()


def test_claims_whose_rows_stand_apart_are_the_claims_of_rows_that_stand_together(tmp_path):
    rows = sample(tmp_path / "made.csv", 600)
    apart = rows.copy()
    random.Random(1).shuffle(apart)
    found = []
    for order in (rows, apart):
        claims = read_export(write(tmp_path / "export.csv", order))
        keys = ["patient_control_number", "payer_claim_control_number", "notice_date"]
        claim = claims.claims.sort_values(keys).reset_index(drop=True)
        line = claims.claim_lines.merge(claims.claims[["claim_key", keys[0]]], on="claim_key")
        money = line.groupby([keys[0], "procedure_code"], dropna=False)["billed_cents"].sum()
        found.append((claim.drop(columns=["claim_key", "file_id", "row"]), money))
        assert len(claims.adjustments) == 600
    pd.testing.assert_frame_equal(found[0][0], found[1][0])
    pd.testing.assert_series_equal(found[0][1], found[1][1])


def test_no_row_becomes_tables_without_rows(tmp_path):
    sheet = sheet_at(write(tmp_path / "export.csv", [BASE]))
    empty = assembled(part_of(sheet, np.zeros(len(sheet.rows), dtype=bool)))
    for name, frame in empty.items():
        pd.testing.assert_frame_equal(frame, conform({}, name))


# ---------------------------------------------------------------------------------------- columns


def test_two_columns_that_are_both_blank_in_a_row_hold_nothing(tmp_path):
    claims = export(
        tmp_path,
        {"Modifier 1": "26", "Modifier 2": "59", "RARC 1": "N130", "RARC 2": "", "CARC": "16"},
        {"Modifier 1": "", "Modifier 2": "", "RARC 1": "", "RARC 2": ""},
    )
    assert claims.claim_lines["modifiers"].tolist()[0] == "26 59"
    assert claims.claim_lines["modifiers"].isna().tolist() == [False, True]
    assert claims.remark_codes["rarc"].tolist() == ["N130"]
    assert claims.findings["code"].isin(["not_a_modifier", "not_a_rarc", "differs"]).sum() == 0


def test_a_row_without_a_name_does_not_contradict_the_row_with_one(tmp_path):
    claims = export(
        tmp_path,
        {"Patient Last Name": "", "Patient First Name": ""},
        {"Patient Last Name": "Doe", "Patient First Name": "J", "CARC": "16"},
    )
    assert claims.claims["patient_name"].tolist() == ["Doe, J"]
    assert "differs" not in claims.findings["code"].tolist()


def test_a_program_or_group_is_the_same_whichever_column_states_it(tmp_path):
    claims = export(
        tmp_path,
        {"Program": "Medicare Advantage", "Group Code": "CO", "CARC": "16", "Denied Amount": "5"},
        {"Financial Class": "Medicare Advantage", "CARC": "CO-16", "Denied Amount": "5"},
    )
    assert claims.claims["program"].tolist() == ["medicare_advantage"]
    found = claims.findings["code"].tolist()
    assert "differs" not in found
    assert found.count("repeated_row") == 1
    assert len(claims.adjustments) == 1


# ------------------------------------------------------------------------- cells read all at once

DATES = [
    "2026-01-05", "2026/01/05", "2026-01/05", "01/05/2026", "01-05-2026", "12/31/2099",
    "1900-01-01", "1899-12-31", "2100-01-01", "2026-02-29", "2024-02-29", "02/29/2026",
    "2026-13-01", "2026-00-10", "2026-01-00", "00/10/2026", "0000-01-01", "2026-01-5x",
    "1/5/2026", "20260105", "2026-01-05T10:00", "01/05/26", "5-Jan-2026", "45000", "4500000000",
    "２０２６-01-05", "2026–01–05", "ÄÖÜäö", "Jan 5 2026", "",
]  # fmt: skip


@pytest.mark.parametrize("order", ["month_first", "day_first", "mixed"])
@pytest.mark.parametrize("birth", [False, True])
def test_dates_read_at_once_are_the_dates_read_one_by_one(order, birth):
    for texts in (DATES, DATES[:2], DATES[-3:], []):
        days, problems = cells.read_dates(
            arrow_texts(texts), order=order, epoch=cells.EPOCH_1900, birth=birth
        )
        for i, text in enumerate(texts):
            one = cells.read_date(text, order=order, epoch=cells.EPOCH_1900, birth=birth)
            assert (int(days[i]), problems.get(i, "")) == one
        assert set(problems) <= set(range(len(texts)))


def test_every_day_of_two_centuries_is_read_at_once_as_it_is():
    days = [dt.date(1900, 1, 3) + dt.timedelta(n) for n in range(73047)]
    assert days[-1] == dt.date(2099, 12, 31)
    for form, order in (
        ("%Y-%m-%d", "mixed"), ("%m/%d/%Y", "month_first"), ("%d/%m/%Y", "day_first"),
    ):  # fmt: skip
        read, problems = cells.read_dates(
            arrow_texts([day.strftime(form) for day in days]), order=order, epoch=None, birth=False
        )
        assert read.tolist() == [day.toordinal() - cells.EPOCH for day in days]
        assert problems == {}


MONEY = [
    "10.00", "0.05", "00010.10", "9999999999999.99", "99999999999999.99", "10", "-10", "-10.25",
    "10.5", "10.", ".50", "1.234", "12.345.67", "1,234.50", "$5.00", "(5.00)", "-(5.00)", "5.00-",
    "abc", "1a.00", "1 2.00", "é1.00", "...", "1.0a", "10000000000000", "99999999999999", "-0.00",
]  # fmt: skip


def test_amounts_read_at_once_are_the_amounts_read_one_by_one():
    for texts in (MONEY, MONEY[:3], MONEY[5:8], MONEY[18:20], []):
        cents, problems = cells.read_moneys(arrow_texts(texts))
        for i, text in enumerate(texts):
            assert (int(cents[i]), problems.get(i, "")) == cells.read_money(text)
        assert set(problems) <= set(range(len(texts)))
    assert NOTHING in cells.read_moneys(arrow_texts(MONEY))[0]


def test_numbers_read_at_once_are_the_numbers_read_one_by_one():
    for texts in (["1", "A-7"], ["1", "007.0", "1.2E+10", "1.5", "3e+2", "x.0"]):
        ids, problems = cells.read_ids(arrow_texts(texts))
        assert [(v, problems.get(i, "")) for i, v in enumerate(texts if ids is None else ids)] == [
            cells.read_id(text) for text in texts
        ]


# --------------------------------------------------------------------------------------- findings


def test_findings_stand_by_row_and_column_and_the_files_own_come_first(tmp_path):
    sheet = sheet_at(write(tmp_path / "export.csv", [BASE]))
    notes = Notes("export.csv", sheet)
    notes.add(np.array([7, 3]), "units", "b", "says b")
    notes.add([None], "owner", "c", "says c")
    notes.add([3], "carc", "d", "says d")
    notes.add(np.array([3]), "units", "a", "says a")
    notes.add([], "carc", "e", "says e")
    found = notes.table()
    assert found.columns.tolist() == [c.name for c in TABLES["findings"]]
    assert found["row"].isna().tolist() == [True, False, False, False, False]
    assert found["row"].tolist()[1:] == [3, 3, 3, 7]
    assert found["column"].tolist() == ["owner", "carc", "units", "units", "units"]
    assert found["code"].tolist() == ["c", "d", "b", "a", "b"]  # as noted, where all else is equal
    assert found["says"].tolist() == ["says c", "says d", "says b", "says a", "says b"]
    assert set(found["file"]) == {"export.csv"}
    assert set(found["file_id"]) == {sheet.file_id}


def test_a_column_of_bad_cells_is_a_finding_in_every_row(tmp_path):
    claims = export(tmp_path, *({"Units": f"x{n}", "Claim Number": f"C{n}"} for n in range(500)))
    bad = claims.findings[claims.findings["code"] == "not_a_number"]
    assert bad["row"].tolist() == list(range(2, 502))
    assert set(bad["column"]) == {"units"}


# ---------------------------------------------------------------------------------- typed columns


@pytest.mark.parametrize("name", list(TABLES))
def test_columns_that_are_absent_are_there_and_empty(name):
    first = TABLES[name][0].name
    for frame in (pd.DataFrame({first: ["a", "b"]}, index=[5, 9]), {first: ["a", "b"]}):
        made = conform(frame, name)
        assert {c: str(t) for c, t in made.dtypes.items()} == {
            c.name: DTYPES[c.kind] for c in TABLES[name]
        }
        assert made.index.tolist() == [0, 1]
        assert made[first].tolist() == ["a", "b"]
        assert made.drop(columns=first).isna().all(axis=None)


def test_columns_of_other_types_are_changed_and_unknown_ones_refused():
    made = conform({"claim_key": "k", "row": [1, 2], "billed_cents": [1.0, None]}, "claims")
    assert made["claim_key"].tolist() == ["k", "k"]
    assert made["billed_cents"].tolist() == [1, pd.NA]
    assert [str(t) for t in made.dtypes] == [DTYPES[c.kind] for c in CLAIMS]
    for unknown in ({"claim": ["k"]}, {"claim": pd.array(["k"], dtype="str")}):
        with pytest.raises(KeyError, match="claims: no column"):
            conform(unknown, "claims")

"""Denial exports in CSV, XLSX and Parquet become the canonical tables."""

import codecs
import csv
import datetime as dt
import io
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from toolkit.claims.export.exports import read_export, totals
from toolkit.claims.export.layouts import COLUMNS, layout, layouts, level_table, plain, word_table
from toolkit.claims.tables import TABLES, Claims
from toolkit.errors import ExportError
from toolkit.sample import write_sample

SAMPLES = Path(__file__).parents[1] / "data" / "samples" / "exports"
SENTINEL = "ZZSENTINELZZ"
BASE = {
    "Claim Number": "A1",
    "Payer": "Harborlight Health",
    "Financial Class": "Medicare Advantage",
    "Group Code": "CO",
    "CARC": "50",
    "Denied Amount": "10.00",
    "Notice Date": "2026-03-01",
    "Procedure Code": "77080",
}


def text_of(rows: list[dict], *, headings: list[str] | None = None, delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    headings = headings or list(dict.fromkeys(h for row in rows for h in row))
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([[row.get(h, "") for h in headings] for row in rows])
    return out.getvalue()


def csv_of(tmp_path: Path, *rows: dict, name: str = "export.csv") -> Path:
    path = tmp_path / name
    path.write_text(text_of([BASE | row for row in rows]), encoding="utf-8")
    return path


def xlsx_of(path: Path, *sheets: list[list]) -> Path:
    book = xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"})
    for rows in sheets:
        sheet = book.add_worksheet()
        for r, row in enumerate(rows):
            for c, value in enumerate(row):
                sheet.write(r, c, value)
    book.close()
    return path


def codes(claims: Claims) -> list[tuple]:
    found = claims.findings[["row", "column", "code"]].astype(object)
    return [tuple(None if v is pd.NA else v for v in row) for row in found.to_numpy()]


def no_keys(claims: Claims) -> dict[str, pd.DataFrame]:
    keys = ["file_id", "sha256", "claim_key", "line_key", "adjustment_key", "file"]
    return {name: getattr(claims, name).drop(columns=keys, errors="ignore") for name in TABLES}


# ---------------------------------------------------------------------------------------- layouts


def test_no_heading_of_a_layout_stands_for_two_of_our_columns():
    for name in layouts():
        chosen = layout(name)
        seen = {}
        for table in (chosen.columns, chosen.from_memory):
            for column, headings in table.items():
                for heading in headings:
                    assert seen.setdefault(plain(heading), column) == column


def test_our_own_column_names_are_headings_of_every_layout(tmp_path):
    path = tmp_path / "own.csv"
    row = {"patient_control_number": "A1", "carc": "50", "denied_amount": "3.00"}
    path.write_text(text_of([row]), encoding="utf-8")
    for name in ("generic", "clearinghouse", "epic_bdc"):
        assert read_export(path, layout=name).adjustments["amount_cents"].tolist() == [300]
    assert set(row) <= set(COLUMNS)


def test_headings_are_matched_with_case_spaces_and_punctuation_ignored(tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text(
        " CLAIM_Number.,pAyEr:,group_code,reason-code,DENIED  amount\nA1,Someone,CO,16,5.00\n",
        encoding="utf-8",
    )
    claims = read_export(path)
    assert claims.claims["patient_control_number"].tolist() == ["A1"]
    assert claims.adjustments[["group_code", "carc"]].to_numpy().tolist() == [["CO", "16"]]
    assert totals(claims)["columns"]["patient_control_number"] == ["CLAIM_Number."]


def test_headings_that_no_layout_knows_are_refused(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("alpha,beta\n1,2\n", encoding="utf-8")
    with pytest.raises(ExportError, match=r"none\.csv: none of the first 2 rows has headings"):
        read_export(path)


def test_an_unknown_layout_is_refused_with_the_names_on_file(tmp_path):
    path = csv_of(tmp_path, {})
    with pytest.raises(ExportError, match="clearinghouse, .*epic_bdc, .*generic") as error:
        read_export(path, layout=SENTINEL)
    assert SENTINEL not in str(error.value)
    assert error.value.exit_code == 4


def test_a_missing_required_column_is_named_with_what_needs_it(tmp_path):
    path = tmp_path / "lacking.csv"
    path.write_text(
        f"Payer,Group Code,CARC,Denied Amount,Notice Date\n{SENTINEL},CO,50,1,2026-01-01\n",
        encoding="utf-8",
    )
    with pytest.raises(ExportError) as error:
        read_export(path, layout="generic")
    message = str(error.value)
    assert message.startswith(
        "lacking.csv, row 1: layout generic finds no column for patient_control_number"
    )
    assert "'Claim Number'" in message
    assert SENTINEL not in message
    assert "\n" not in message


def test_several_columns_of_remark_codes_and_modifiers_are_one(tmp_path):
    row = {
        "Remark Code 1": "N130",
        "Remark Code 2": "M20, MA01",
        "Modifier 1": "26",
        "Modifier 2": "59",
    }
    claims = read_export(csv_of(tmp_path, row))
    assert claims.remark_codes["rarc"].tolist() == ["N130", "M20", "MA01"]
    assert claims.claim_lines["modifiers"].tolist() == ["26 59"]


# ------------------------------------------------------------------------------------ bad files


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("page.xlsx", b"<html><table><tr><td>" + SENTINEL.encode(), "headings"),
        ("page.csv", b"\xef\xbb\xbf<!DOCTYPE html><p>" + SENTINEL.encode(), "web page"),
        ("text.xlsx", b"Claim Number,CARC\nA1,50\n", "is named .xlsx but holds a text file"),
        ("zip.csv", b"PK\x03\x04" + SENTINEL.encode(), "is named .csv but holds a workbook"),
        ("cut.xlsx", b"PK\x03\x04" + SENTINEL.encode() * 9, "damaged or not an .xlsx workbook"),
        ("cut.parquet", b"PAR1" + SENTINEL.encode() * 9, "damaged or not a complete Parquet file"),
        ("old.xlsx", b"\xd0\xcf\x11\xe0" + bytes(99), "old .xls or a password-protected"),
        ("letter.csv", b"%PDF-1.7 " + SENTINEL.encode(), "is a PDF"),
        ("binary.csv", b"Claim Number,CARC\n\x00\x01\x02" + SENTINEL.encode(), "is not a text file"),
        ("neither.csv", b"Claim Number,CARC\nA\xff\x81,50\n", "neither UTF-8 nor Windows text"),
        ("empty.csv", b"  \n", "the file is empty"),
        ("bare.csv", b"Claim Number,CARC,Denied Amount\n", "headings without rows below"),
        ("remit.csv", b"ISA*00*          *00*          *ZZ*A*ZZ*B*~GS*HP*", "is an X12 file"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_claims_is_refused_in_one_line(tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ExportError) as error:
        read_export(path)
    message = str(error.value)
    assert message.startswith(name)
    assert says in message
    assert SENTINEL not in message
    assert "\n" not in message
    assert error.value.exit_code == 4


def test_a_workbook_without_rows_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"none\.xlsx: the workbook has no rows"):
        read_export(xlsx_of(tmp_path / "none.xlsx", []))
    with pytest.raises(ExportError, match=r"bare\.xlsx, row 1: headings without rows below"):
        read_export(xlsx_of(tmp_path / "bare.xlsx", [list(BASE)]))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ExportError, match=r"gone\.csv: cannot be opened \(no such file\)"):
        read_export(tmp_path / "gone.csv")
    with pytest.raises(ExportError, match=r"july: cannot be opened \(it is a folder\)"):
        read_export(_folder(tmp_path / "july"))


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_refusal_shows_no_cell_not_even_through_the_error_that_caused_it(tmp_path):
    path = tmp_path / "torn.csv"
    path.write_text(f'Claim Number,CARC,Payer\nA1,50,"{SENTINEL}\n' + "x" * 50, encoding="utf-8")
    try:
        read_export(path, layout="generic")
    except ExportError as error:
        assert SENTINEL not in str(error)
        assert error.__cause__ is None
        assert error.__suppress_context__ or error.__context__ is None
    else:
        claims = read_export(path, layout="generic")
        assert not claims.findings.astype(str).apply(lambda c: c.str.contains(SENTINEL)).any().any()


# ------------------------------------------------------------------------------------- text files


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_separator_of_a_text_file_is_found(tmp_path, delimiter):
    path = tmp_path / "export.txt"
    path.write_text(
        text_of([BASE, BASE | {"Claim Number": "A2"}], delimiter=delimiter), encoding="utf-8"
    )
    claims = read_export(path)
    assert claims.claims["patient_control_number"].tolist() == ["A1", "A2"]


@pytest.mark.parametrize(
    ("encoding", "bom", "found"),
    [("utf-8", b"", []), ("utf-8", codecs.BOM_UTF8, []), ("utf-16-le", codecs.BOM_UTF16_LE, []),
     ("cp1252", b"", [(None, "", "encoding")])],
)  # fmt: skip
def test_accented_letters_survive_and_an_assumed_encoding_is_a_finding(
    tmp_path, encoding, bom, found
):
    path = tmp_path / "export.csv"
    rows = [BASE | {"Patient Name": "Testpatient, Zoë", "Facility": "Hôpital – Example"}]
    path.write_bytes(bom + text_of(rows).encode(encoding))
    claims = read_export(path)
    assert claims.claims["patient_name"].tolist() == ["Testpatient, Zoë"]
    assert claims.claims["facility"].tolist() == ["Hôpital – Example"]
    assert codes(claims) == found


def test_a_quoted_newline_is_one_cell_and_rows_are_counted_as_a_spreadsheet_counts_them(tmp_path):
    path = csv_of(
        tmp_path,
        {"Denial Reason": "first line\nsecond line", "Denied Amount": "1"},
        {"Claim Number": "A2", "Denied Amount": "x"},
    )
    claims = read_export(path)
    assert claims.adjustments["denial_text"].tolist()[0] == "first line\nsecond line"
    assert (3, "denied_amount", "not_money") in codes(claims)


def test_a_row_longer_than_what_is_parsed_at_once_is_read_like_the_others(tmp_path):
    words = "not a covered service " * 60_000
    found = read_export(csv_of(tmp_path, {}, {"denial_text": words}, {"denial_text": "short"}))
    assert found.adjustments["denial_text"].tolist()[1:] == [words.strip(), "short"]
    assert found.findings.empty


def test_a_row_with_too_many_or_too_few_cells_is_a_finding_and_the_rest_is_read(tmp_path):
    path = tmp_path / "ragged.csv"
    path.write_text(
        f"Claim Number,CARC,Denied Amount\nA1,50,1\nA2,16,2,{SENTINEL}\n\nA3,18,3\nA4\nA5,22,5\n",
        encoding="utf-8",
    )
    claims = read_export(path, layout="generic")
    assert claims.claims["patient_control_number"].tolist() == ["A1", "A3", "A5"]
    assert claims.claims["row"].tolist() == [2, 5, 7]
    assert [c for c in codes(claims) if c[2] == "ragged_row"] == [
        (3, "", "ragged_row"),
        (6, "", "ragged_row"),
    ]
    assert SENTINEL not in claims.findings.to_csv()


def test_headings_may_stand_below_a_title(tmp_path):
    title = [["Denials", ""], ["as of", "2026-03-01"], []]
    body = [list(BASE), list(BASE.values())]
    book = xlsx_of(tmp_path / "titled.xlsx", title + body)
    text = tmp_path / "titled.csv"
    text.write_text("Denials\nas of,2026-03-01\n\n" + text_of([BASE]), encoding="utf-8")
    for path in (book, text):
        claims = read_export(path)
        assert claims.claims["row"].tolist() == [5]
        assert claims.claims["patient_control_number"].tolist() == ["A1"]


# -------------------------------------------------------------------------------------- workbooks


def test_every_sheet_whose_headings_fit_is_read_and_the_others_are_named(tmp_path):
    body = [list(BASE), list(BASE.values())]
    more = [list(BASE), list((BASE | {"Claim Number": "A2"}).values())]
    other = [["Notes"], ["nothing here"]]
    for sheets in ((body, other), (other, body)):
        claims = read_export(xlsx_of(tmp_path / "one.xlsx", *sheets))
        assert claims.claims["patient_control_number"].tolist() == ["A1"]
        assert codes(claims)[0] == (None, "", "sheets_not_read")
    both = read_export(xlsx_of(tmp_path / "both.xlsx", other, body, more))
    assert both.claims["patient_control_number"].tolist() == ["A1", "A2"]
    assert both.claims["claim_key"].is_unique
    assert both.files["file"].tolist() == ["both.xlsx, sheet 2", "both.xlsx, sheet 3"]
    assert codes(read_export(xlsx_of(tmp_path / "only.xlsx", body))) == []


def test_numbers_of_a_workbook_become_the_codes_that_they_show(tmp_path):
    headings = [
        "Claim Number",
        "CARC",
        "Revenue Code",
        "Procedure Code",
        "Line Number",
        "Denied Amount",
        "Notice Date",
        "Birth Date",
    ]
    row = [12345678, 16.0, 450, 99213, 1, 0.1 + 0.2, 46082, dt.date(1950, 2, 3)]
    claims = read_export(xlsx_of(tmp_path / "numbers.xlsx", [headings, row]))
    assert claims.claims["patient_control_number"].tolist() == ["12345678"]
    assert claims.adjustments["carc"].tolist() == ["16"]
    assert claims.claim_lines[["procedure_code", "revenue_code"]].to_numpy().tolist() == [
        ["99213", "0450"]
    ]
    assert claims.adjustments["amount_cents"].tolist() == [30]
    assert claims.claims["notice_date"].dt.date.tolist() == [dt.date(2026, 3, 1)]
    assert claims.claims["birth_date"].dt.date.tolist() == [dt.date(1950, 2, 3)]


def test_a_spreadsheets_count_of_days_in_a_csv_is_a_date_with_a_finding(tmp_path):
    claims = read_export(csv_of(tmp_path, {"Notice Date": "46082"}))
    assert claims.claims["notice_date"].dt.strftime("%Y-%m-%d").tolist() == ["2026-03-01"]
    assert codes(claims) == [(2, "notice_date", "serial_date")]


def test_a_claim_whose_number_was_rounded_stays_without_a_number(tmp_path):
    rounded = {"Claim Number": "1.23457E+15"}
    claims = read_export(csv_of(tmp_path, rounded, rounded, {"Claim Number": "5E12"}))
    numbers = claims.claims["patient_control_number"]
    assert numbers.fillna("").tolist() == ["", "", "5E12"]
    assert [c for c in codes(claims) if c[0]] == [
        (2, "patient_control_number", "scientific"), (3, "patient_control_number", "scientific"),
    ]  # fmt: skip
    assert claims.adjustments["amount_cents"].sum() == 3000


# ---------------------------------------------------------------------------- the same in all forms


def test_one_sample_gives_equal_tables_as_csv_xlsx_and_parquet(tmp_path):
    forms = {}
    for suffix in ("csv", "xlsx", "parquet"):
        path = write_sample(
            tmp_path / f"sample.{suffix}", rows=400, seed=3, as_of=dt.date(2026, 5, 4)
        )
        forms[suffix] = no_keys(read_export(path))
    for name in TABLES:
        pd.testing.assert_frame_equal(forms["csv"][name], forms["xlsx"][name], obj=name)
        pd.testing.assert_frame_equal(forms["csv"][name], forms["parquet"][name], obj=name)


def test_parquet_types_are_read_as_what_they_are(tmp_path):
    table = pa.table(
        {
            "Claim Number": pa.array([7, 8], pa.int64()),
            "CARC": pa.array([16.0, 50.0]),
            "RARC": pa.array([["N130", "M20"], None]),
            "Denied Amount": pa.array([Decimal("12.50"), Decimal("-0.05")], pa.decimal128(12, 2)),
            "Billed Amount": pa.array([0.1 + 0.2, 1234.5]),
            "Notice Date": pa.array([dt.date(2026, 1, 2), None]),
            "Appeal Filed": pa.array([pd.Timestamp("2026-02-03 04:05"), None]),
            "Contracted": pa.array([True, False]),
            "Payer": pa.array(["a", "b"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "typed.parquet")
    claims = read_export(tmp_path / "typed.parquet")
    assert claims.claims["patient_control_number"].tolist() == ["7", "8"]
    assert claims.adjustments["carc"].tolist() == ["16", "50"]
    assert claims.adjustments["amount_cents"].tolist() == [1250, -5]
    assert claims.claims["billed_cents"].tolist() == [30, 123450]
    assert claims.remark_codes["rarc"].tolist() == ["N130", "M20"]
    assert claims.claims["contracted"].tolist() == ["contracted", "not_contracted"]
    assert claims.appeal_events["filed_on"].dt.date.tolist() == [dt.date(2026, 2, 3)]


@pytest.mark.parametrize("layout", ["small codes", "bytes", "views"])
def test_parquet_texts_are_the_same_in_every_layout(tmp_path, layout):
    table = pa.table({name: [value, None] for name, value in BASE.items()})
    pq.write_table(table, tmp_path / "rows.parquet")
    plain_ones = read_export(tmp_path / "rows.parquet")
    for at, name in enumerate(table.column_names):
        column = table[name].combine_chunks()
        if layout == "small codes":  # as polars writes categories
            coded = column.dictionary_encode()
            column = pa.DictionaryArray.from_arrays(
                coded.indices.cast(pa.uint32()), coded.dictionary
            )
        else:  # bytes are how older engines write texts
            column = column.cast(pa.binary() if layout == "bytes" else pa.string_view())
        table = table.set_column(at, name, column)
    pq.write_table(table, tmp_path / "rows.parquet")
    found = read_export(tmp_path / "rows.parquet")
    assert found.adjustments["carc"].tolist() == ["50"]
    for name in ("claims", "claim_lines", "adjustments"):
        one, other = (getattr(claims, name) for claims in (plain_ones, found))
        keys = [key for key in one if key == "file_id" or key.endswith("_key")]
        pd.testing.assert_frame_equal(one.drop(columns=keys), other.drop(columns=keys), obj=name)


def test_parquet_fractions_of_32_bits_are_what_they_print_as(tmp_path):
    table = pa.table({name: [value] for name, value in BASE.items()})
    at = table.column_names.index("Denied Amount")
    table = table.set_column(at, "Denied Amount", pa.array([1234.56], pa.float32()))
    pq.write_table(table, tmp_path / "rows.parquet")
    assert read_export(tmp_path / "rows.parquet").adjustments["amount_cents"].tolist() == [123_456]


def test_a_parquet_list_of_codes_may_have_an_entry_that_is_missing(tmp_path):
    table = pa.table({name: [value] * 2 for name, value in BASE.items()})
    table = table.append_column("Remark Codes", pa.array([["N130", None, "M76"], ["MA01"]]))
    pq.write_table(table, tmp_path / "rows.parquet")
    remarks = read_export(tmp_path / "rows.parquet").remark_codes
    assert sorted(remarks["rarc"]) == ["M76", "MA01", "N130"]


def test_a_parquet_column_that_is_neither_text_number_nor_date_is_refused(tmp_path):
    table = pa.table({"Claim Number": ["A"], "CARC": ["50"], "Denied Amount": [{"x": SENTINEL}]})
    pq.write_table(table, tmp_path / "nested.parquet")
    with pytest.raises(ExportError, match=r"nested\.parquet, column C: has neither text") as error:
        read_export(tmp_path / "nested.parquet", layout="generic")
    assert SENTINEL not in str(error.value)


def test_every_table_has_the_canonical_columns_and_types():
    claims = read_export(SAMPLES / "generic.csv")
    for name in TABLES:
        empty = getattr(Claims(), name)
        assert getattr(claims, name).dtypes.to_dict() == empty.dtypes.to_dict()


# -------------------------------------------------------------------------------------------- cells


@pytest.mark.parametrize(
    ("text", "day", "problem"),
    [
        ("2026-03-09", "2026-03-09", None),
        ("2026-03-09 23:59:59", "2026-03-09", None),
        ("2026-03-09T23:59:59.123Z", "2026-03-09", None),
        ("3/9/2026", "2026-03-09", None),
        ("03/09/2026 11:59 PM", "2026-03-09", None),
        ("3/9/26", "2026-03-09", None),
        ("3/9/99", "2099-03-09", None),
        ("9-Mar-2026", "2026-03-09", None),
        ("20260309", "2026-03-09", None),
        ("13/9/2026", "2026-09-13", None),
        ("2/29/2026", None, "impossible_date"),
        ("31/31/2026", None, "impossible_date"),
        ("9999-12-31", None, "placeholder_date"),
        ("01/01/1900", None, "placeholder_date"),
        ("12/31/99", None, "placeholder_date"),
        ("0000-00-00", None, "placeholder_date"),
        ("1900-01-01 00:00:00.000", None, "placeholder_date"),
        ("1850-01-01", None, "date_out_of_range"),
        ("03-09-2026", "2026-03-09", None),
        ("9.3.2026", None, "ambiguous_date"),
        ("25.3.2026", "2026-03-25", None),
        ("09-MAR-26", "2026-03-09", None),
        ("09-MAR-26 11.59.59.000000 PM", "2026-03-09", None),
        ("09-MAR-2026 23:59", "2026-03-09", None),
        ("Mar  9 2026 12:00AM", "2026-03-09", None),
        ("March 9, 2026", "2026-03-09", None),
        ("Mon, 9 Mar 2026", "2026-03-09", None),
        ("2026-03-09-12.30.00.000000", "2026-03-09", None),
        ("03092026", "2026-03-09", None),
        ("20260309 1259", "2026-03-09", None),
        ("46090", "2026-03-09", None),
        ("46090.5", "2026-03-09", None),
        ("123456", None, "not_a_date"),
        ("soon", None, "not_a_date"),
        ("N/A", None, None),
    ],
)
def test_a_date_is_read_exactly_or_is_a_finding(tmp_path, text, day, problem):
    claims = read_export(csv_of(tmp_path, {"Notice Date": text}))
    assert claims.claims["notice_date"].dt.strftime("%Y-%m-%d").tolist() == [
        day or pytest.approx(float("nan"), nan_ok=True)
    ]
    about_cells = [one for one in codes(claims) if one[0] and one[2] != "serial_date"]
    assert about_cells == ([(2, "notice_date", problem)] if problem else [])


def test_a_birth_year_of_two_digits_is_not_guessed(tmp_path):
    claims = read_export(csv_of(tmp_path, {"Birth Date": "3/9/31"}))
    assert claims.claims["birth_date"].isna().all()
    assert codes(claims) == [(2, "birth_date", "two_digit_birth_year")]


@pytest.mark.parametrize(
    ("text", "cents", "problem"),
    [
        ("$1,234.50", 123450, None),
        ("(12.00)", -1200, None),
        ("($1,012.00)", -101200, None),
        ("-12", -1200, None),
        ("12.00-", -1200, None),
        ("12.5", 1250, None),
        ("12.500", 1250, None),
        (".07", 7, None),
        ("0.29", 29, None),
        ("9007199254740.93", 900719925474093, None),
        ("12.345", None, "too_many_decimals"),
        ("1.234,50", None, "not_money"),
        ("12,34", None, "not_money"),
        ("1e3", None, "not_money"),
        ("USD 5", 500, None),
        ("5.00 USD", 500, None),
        ("12.00 CR", -1200, None),
        ("12.00DR", 1200, None),
        ("EUR 5", None, "not_money"),
    ],
)
def test_money_is_exact_or_a_finding(tmp_path, text, cents, problem):
    other = {"Claim Number": "A2", "Denied Amount": "7.00"}
    claims = read_export(csv_of(tmp_path, {"Denied Amount": text}, other))
    assert claims.adjustments["amount_cents"].fillna(-1).tolist() == [
        -1 if cents is None else cents,
        700,
    ]
    found = [(2, "denied_amount", problem), (2, "denied_amount", "no_amount")] if problem else []
    told = [one for one in codes(claims) if one[2] not in ("negative_amount", "zero_amount")]
    assert sorted(told) == sorted(found)


@pytest.mark.parametrize(
    ("cell", "group", "carc"),
    [
        ("CO-16", "CO", "16"),
        ("CO16", "CO", "16"),
        ("co 16", "CO", "16"),
        ("CO*16", "CO", "16"),
        ("16", "", "16"),
        ("016", "", "16"),
        ("16.0", "", "16"),
        ("carc16", "", "16"),
        ("PR-B7", "PR", "B7"),
        ("CO-4", "CO", "4"),
        ("CO-45", "CO", "45"),
        ("PR-1", "PR", "1"),
        ("PR-100", "PR", "100"),
        ("a1", "", "A1"),
    ],
)
def test_a_code_cell_is_split_as_a_whole_and_never_by_its_beginning(tmp_path, cell, group, carc):
    claims = read_export(csv_of(tmp_path, {"CARC": cell, "Group Code": ""}))
    assert claims.adjustments["carc"].tolist() == [carc]
    assert claims.adjustments["group_code"].fillna("").tolist() == [group]
    assert codes(claims) == []


@pytest.mark.parametrize("cell", ["XX-16", "CO-1234", "1.6E+5"])
def test_a_cell_that_holds_no_code_is_a_finding(tmp_path, cell):
    claims = read_export(csv_of(tmp_path, {"CARC": cell, "Group Code": ""}))
    assert claims.adjustments["carc"].isna().all()
    assert {c[:2] for c in codes(claims)} == {(2, "carc")}
    assert claims.adjustments["amount_cents"].sum() == 1000


@pytest.mark.parametrize(
    ("cell", "adjustments"),
    [
        ("CO-45 PR-1", [("CO", "45", 1000), ("PR", "1", None)]),
        ("16, 18", [("", "16", 1000), ("", "18", None)]),
        ("PR-3; CO-50", [("PR", "3", None), ("CO", "50", 1000)]),
        ("CO-50 / CO-50", [("CO", "50", 1000)]),
    ],
)
def test_several_codes_of_a_cell_share_its_amount_and_the_first_denial_bears_it(
    tmp_path, cell, adjustments
):
    found = read_export(csv_of(tmp_path, {"CARC": cell, "Group Code": ""})).adjustments
    groups, cents = found["group_code"].fillna(""), found["amount_cents"].astype(object)
    assert (
        list(zip(groups, found["carc"], cents.where(cents.notna(), None), strict=True))
        == adjustments
    )


def test_a_group_code_that_contradicts_the_code_cell_is_a_finding(tmp_path):
    claims = read_export(csv_of(tmp_path, {"CARC": "PR-16", "Group Code": "CO"}))
    assert claims.adjustments[["group_code", "carc"]].to_numpy().tolist() == [["CO", "16"]]
    assert codes(claims) == [(2, "group_code", "group_differs")]


def test_group_codes_may_be_words(tmp_path):
    claims = read_export(csv_of(tmp_path, {"Group Code": "Contractual Obligation"}))
    assert claims.adjustments["group_code"].tolist() == ["CO"]


@pytest.mark.parametrize(
    "cell", ["N130 M20 MA01", "N130,M20,MA01", "n130; m20;ma01", "N130|M20|MA01|N130"]
)
def test_several_remark_codes_in_a_cell_are_parted(tmp_path, cell):
    assert read_export(csv_of(tmp_path, {"RARC": cell})).remark_codes["rarc"].tolist() == [
        "N130",
        "M20",
        "MA01",
    ]


def test_what_is_no_remark_code_is_a_finding_and_the_rest_is_kept(tmp_path):
    claims = read_export(csv_of(tmp_path, {"RARC": "N130 denied"}))
    assert claims.remark_codes["rarc"].tolist() == ["N130"]
    assert codes(claims) == [(2, "rarc", "not_a_rarc")]


@pytest.mark.parametrize(
    ("cell", "code", "modifiers"),
    [
        ("99213-25", "99213", "25"),
        ("99213 25 59", "99213", "25 59"),
        ("hc:99213:25", "99213", "25"),
        ("j0897", "J0897", None),
        ("99213.0", "99213", None),
    ],
)
def test_modifiers_behind_a_procedure_code_are_split_off(tmp_path, cell, code, modifiers):
    lines = read_export(csv_of(tmp_path, {"Procedure Code": cell})).claim_lines
    assert lines["procedure_code"].tolist() == [code]
    assert [None if m != m else m for m in lines["modifiers"]] == [modifiers]


def test_codes_and_numbers_stay_text_with_their_zeros(tmp_path):
    claims = read_export(
        csv_of(
            tmp_path,
            {
                "Claim Number": "0012",
                "Revenue Code": "0450",
                "Member ID": "001",
                "Payer ID": "00010",
            },
        )
    )
    assert claims.claims[
        ["patient_control_number", "member_id", "payer_id"]
    ].to_numpy().tolist() == [["0012", "001", "00010"]]
    assert claims.claim_lines["revenue_code"].tolist() == ["0450"]


# --------------------------------------------------------------------------------- words of a plan


@pytest.mark.parametrize(
    ("word", "program"),
    [
        ("Medicare", "original_medicare"),
        ("MEDICARE ADVANTAGE", "medicare_advantage"),
        ("Medicare HMO", "medicare_advantage"),
        ("Medicare Part D", "part_d"),
        ("Medicaid Managed Care", "medicaid_managed_care"),
        ("Commercial", "commercial_plan"),
        ("Tricare", "tricare"),
    ],
)
def test_a_word_that_states_a_program_is_read(tmp_path, word, program):
    assert read_export(csv_of(tmp_path, {"Financial Class": word})).claims["program"].tolist() == [
        program
    ]


@pytest.mark.parametrize(
    "word",
    [
        "Managed Care",
        "HMO",
        "PPO",
        "Blue Cross",
        "Medicaid",
        "Medicare Something",
        "Harborlight Medicare Advantage",
        "Government",
    ],
)
def test_a_word_that_states_no_program_stays_unread_and_is_noted_once(tmp_path, word):
    claims = read_export(
        csv_of(tmp_path, {"Financial Class": word}, {"Claim Number": "A2", "Financial Class": word})
    )
    assert claims.claims["program"].isna().all()
    assert claims.claims["plan_name"].tolist() == [word, word]
    assert codes(claims) == [(2, "program", "program_not_stated")]
    assert "2 rows" in claims.findings["says"].iloc[0]


def test_ambiguous_words_are_in_no_layout():
    for name in layouts():
        table = word_table(layout(name), "program")
        for word in (
            "Managed Care",
            "HMO",
            "PPO",
            "Blue Cross",
            "Blue Shield",
            "Medicaid",
            "BCBS",
            "Other",
            "Dual",
        ):
            assert plain(word) not in table


def test_plan_and_class_that_state_different_programs_state_none(tmp_path):
    claims = read_export(
        csv_of(tmp_path, {"Financial Class": "Medicare", "Plan": "Medicare Advantage"})
    )
    assert claims.claims["program"].isna().all()
    assert (2, "program", "program_differs") in codes(claims)


def test_a_level_word_means_what_its_program_means_by_it(tmp_path):
    event = {"Appeal Level": "Level 1", "Appeal Filed": "2026-03-20"}
    rows = [
        event | {"Claim Number": f"A{i}", "Financial Class": w}
        for i, w in enumerate(("Medicare", "Medicare Advantage", "Medicare Part D", "Managed Care"))
    ]
    rows.append(
        {"Claim Number": "A9", "Appeal Level": "Redetermination", "Appeal Filed": "2026-03-20"}
    )
    rows.append(
        {
            "Claim Number": "A10",
            "Financial Class": "HMO",
            "Appeal Level": "Internal appeal",
            "Appeal Filed": "2026-03-20",
        }
    )
    claims = read_export(csv_of(tmp_path, *rows))
    levels = [None if v != v else v for v in claims.appeal_events["level"]]
    # Medicare Advantage has no redetermination; without a program "Level 1" could be several levels
    assert levels == [
        "redetermination",
        "reconsideration",
        "redetermination",
        None,
        None,
        "internal_appeal",
    ]
    assert {
        (5, "appeal_level", "level_needs_program"),
        (6, "appeal_level", "level_not_known"),
    } <= set(codes(claims))


def test_every_level_of_a_layout_is_known_by_its_own_id():
    table = level_table(layout("generic"))
    assert table["medicare_advantage", plain("reconsideration")] == "reconsideration"
    assert table["", plain("ire_review")] == "ire_review"
    assert ("", plain("level 1")) not in table
    assert ("", plain("hearing")) in table


def test_words_of_outcome_status_stage_and_contract_become_ours(tmp_path):
    row = {
        "Appeal Outcome": "Fully favorable",
        "Appeal Decided": "2026-04-01",
        "Case Status": "Resolved",
        "Stage": "Prior auth",
        "Contracted": "N",
    }
    claims = read_export(csv_of(tmp_path, row))
    assert claims.appeal_events["outcome"].tolist() == ["overturned"]
    assert claims.claims[["case_status", "stage", "contracted"]].to_numpy().tolist() == [
        ["closed", "prior_authorization", "not_contracted"]
    ]


def test_a_pending_outcome_is_an_undecided_appeal_only_where_one_was_filed(tmp_path):
    rows = [
        {"Appeal Outcome": "Pending", "Appeal Filed": "2026-04-01"},
        {"Claim Number": "A2", "Appeal Outcome": "Pending", "Appeal Filed": ""},
    ]
    claims = read_export(csv_of(tmp_path, *rows))
    assert len(claims.appeal_events) == 1
    assert claims.appeal_events["outcome"].isna().all()
    assert codes(claims) == []


def test_an_unknown_word_is_a_finding_without_the_word(tmp_path):
    claims = read_export(
        csv_of(tmp_path, {"Appeal Outcome": SENTINEL, "Appeal Filed": "2026-04-01"})
    )
    assert codes(claims) == [(2, "appeal_outcome", "unknown_word")]
    assert SENTINEL not in claims.findings.to_csv()


# ------------------------------------------------------------------------------- claims and lines


def test_rows_of_one_claim_become_one_claim_with_its_lines_and_adjustments(tmp_path):
    path = csv_of(
        tmp_path,
        {
            "Line Number": "1",
            "CARC": "50",
            "Billed Amount": "100",
            "Denied Amount": "60",
            "RARC": "N115",
        },
        {
            "Line Number": "1",
            "CARC": "45",
            "Billed Amount": "100",
            "Denied Amount": "40",
            "RARC": "N115",
        },
        {"Claim Number": "B", "Line Number": "1", "Billed Amount": "7", "Denied Amount": "7"},
        {
            "Line Number": "2",
            "Procedure Code": "71260",
            "CARC": "197",
            "Billed Amount": "30",
            "Denied Amount": "30",
        },
    )
    claims = read_export(path)
    file_id = claims.files["file_id"].iloc[0]
    assert claims.claims["claim_key"].tolist() == [f"{file_id}-2", f"{file_id}-4"]
    assert claims.claims["billed_cents"].tolist() == [13000, 700]
    assert claims.claim_lines["line_key"].tolist() == [
        f"{file_id}-2-1",
        f"{file_id}-4-1",
        f"{file_id}-2-2",
    ]
    assert claims.adjustments["adjustment_key"].tolist() == [
        f"{file_id}-2-a1",
        f"{file_id}-2-a2",
        f"{file_id}-4-a1",
        f"{file_id}-2-a3",
    ]
    assert claims.adjustments["line_key"].tolist() == [
        f"{file_id}-2-1",
        f"{file_id}-2-1",
        f"{file_id}-4-1",
        f"{file_id}-2-2",
    ]
    assert claims.remark_codes["rarc"].tolist() == ["N115"]
    assert codes(claims) == []


def test_without_line_numbers_the_service_tells_the_lines_apart(tmp_path):
    path = csv_of(
        tmp_path,
        {"Procedure Code": "77080", "Service Date": "2026-01-05", "CARC": "50"},
        {"Procedure Code": "77080", "Service Date": "2026-01-05", "CARC": "45"},
        {"Procedure Code": "77080", "Service Date": "2026-01-06", "CARC": "50"},
        {"Procedure Code": "", "Service Date": "", "CARC": "29"},
    )
    claims = read_export(path)
    assert len(claims.claims) == 1
    assert len(claims.claim_lines) == 2
    assert claims.adjustments["adjustment_level"].tolist() == ["line", "line", "line", "claim"]
    assert claims.claims["service_from"].dt.date.tolist() == [dt.date(2026, 1, 5)]
    assert claims.claims["service_to"].dt.date.tolist() == [dt.date(2026, 1, 6)]


def test_one_claim_number_with_two_payers_or_two_notices_is_two_decisions(tmp_path):
    path = csv_of(
        tmp_path,
        {"Payer": "First", "CARC": "50"},
        {"Payer": "Second", "CARC": "22"},
        {"Payer": "First", "CARC": "16", "Notice Date": "2026-04-01"},
        {"Payer": "Second", "CARC": "45", "Notice Date": ""},
    )
    claims = read_export(path)
    assert claims.claims["payer_name"].tolist() == ["First", "Second", "First"]
    assert claims.claims["row"].tolist() == [2, 3, 4]
    assert claims.adjustments["claim_key"].str[-1].tolist() == ["2", "3", "4", "3"]


def test_facts_of_a_claim_that_differ_are_findings_and_an_open_row_keeps_it_open(tmp_path):
    claims = read_export(
        csv_of(
            tmp_path,
            {"Case Status": "Closed", "Owner": "a"},
            {"CARC": "16", "Case Status": "Open", "Owner": "b"},
        )
    )
    assert claims.claims[["case_status", "owner"]].to_numpy().tolist() == [["open", "a"]]
    assert codes(claims) == [(3, "case_status", "differs"), (3, "owner", "differs")]


def test_several_appeals_of_one_denial_are_one_adjustment_and_several_events(tmp_path):
    first = {
        "Appeal Level": "Reconsideration",
        "Appeal Filed": "2026-03-10",
        "Appeal Decided": "2026-04-10",
        "Appeal Outcome": "Upheld",
    }
    second = {"Appeal Level": "IRE review", "Appeal Filed": "2026-04-12"}
    claims = read_export(csv_of(tmp_path, first, second))
    assert len(claims.adjustments) == 1
    assert claims.appeal_events["level"].tolist() == ["reconsideration", "ire_review"]
    assert codes(claims) == []


def test_a_repeated_row_is_counted_once_and_noted(tmp_path):
    claims = read_export(csv_of(tmp_path, {}, {}, {"CARC": "16"}))
    assert claims.adjustments["amount_cents"].sum() == 2000
    assert codes(claims) == [(3, "", "repeated_row")]


def test_totals_headings_and_nameless_rows_are_left_out_and_noted(tmp_path):
    path = tmp_path / "export.csv"
    rows = [BASE, dict(zip(BASE, BASE, strict=True)), BASE | {"Claim Number": "Grand Total:", "Denied Amount": "99"}, BASE | {"Claim Number": ""}, dict.fromkeys(BASE, ""), BASE | {"Claim Number": "", "Payer": "Total"}]  # fmt: skip
    path.write_text(text_of(rows), encoding="utf-8")
    claims = read_export(path)
    assert claims.claims["patient_control_number"].tolist() == ["A1"]
    assert {
        (3, "", "heading_again"),
        (4, "", "totals_row"),
        (5, "patient_control_number", "no_claim_number"),
    } <= set(codes(claims))
    assert "2 rows with totals of other rows" in " ".join(claims.findings["says"])
    assert claims.adjustments["amount_cents"].sum() == 1000


def test_an_epic_records_total_line_and_voided_records_are_not_counted():
    claims = read_export(SAMPLES / "epic_bdc.csv")
    assert totals(claims)["adjustment_total"] == "20970.50"
    assert {"totals_row", "not_a_denial_record"} <= set(claims.findings["code"])
    # line 0 of an Epic record is the whole invoice
    assert claims.adjustments["adjustment_level"].tolist() == ["line", "line", "claim"]


def test_what_the_export_does_not_have_at_all_is_said_once(tmp_path):
    path = tmp_path / "thin.csv"
    path.write_text("Claim Number,CARC,Denial Reason\nA1,50,x\nA2,50,y\n", encoding="utf-8")
    claims = read_export(path)
    lacking = ("denied_amount", "financial_class", "notice_date", "payer_name")
    assert [c for c in codes(claims) if c[2] == "no_column"] == [
        (None, column, "no_column") for column in lacking
    ]


def test_dates_in_the_wrong_order_are_findings(tmp_path):
    claims = read_export(csv_of(tmp_path, {"Notice Received": "2026-02-01"}))
    assert codes(claims) == [(2, "notice_received", "dates_out_of_order")]


# ----------------------------------------------------------------------------------------- totals


def test_totals_say_what_an_export_holds():
    found = totals(read_export(SAMPLES / "clearinghouse.csv"))
    assert [(one["code"], one["count"]) for one in found.pop("findings")] == [
        ("negative_amount", 1)
    ]
    assert found == {
        "layout": "clearinghouse",
        "rows": 5,
        "claims": 3,
        "service_lines": 4,
        "adjustments": 5,
        "billed": "1305.40",
        "paid": "0.00",
        "adjustment_total": "1455.40",
        "by_group_code": {"CO-16": "95.40", "CO-197": "1000.00", "CO-45": "-60.00", "CO-B8": "320.00", "PR-2": "100.00"},
        "remark_codes": {"M62": 1, "M76": 1, "MA130": 1, "N130": 1, "N54": 1},
        "appeal_events": 0,
        "rows_in": 5,
        "rows_out": 5,
        "rows_left_out": 0,
        "rows_blank": 0,
        "denied_in": "1455.40",
        "denied_left_out": "0.00",
        "denied_repeated": "0.00",
        "columns_not_read": [],
        "columns": found["columns"],
    }  # fmt: skip


def test_no_cell_ever_reaches_a_finding(tmp_path):
    headings = [c for c in COLUMNS if c not in ("patient_last_name", "patient_first_name")]
    path = tmp_path / "hostile.csv"
    good = dict.fromkeys(headings, "") | {"patient_control_number": "A1"}
    path.write_text(
        text_of(
            [
                dict.fromkeys(headings, SENTINEL),
                good,
                dict.fromkeys(headings, SENTINEL) | {"patient_control_number": "A1"},
            ]
        ),
        encoding="utf-8",
    )
    claims = read_export(path, layout="generic")
    assert len(claims.findings) > 20
    assert SENTINEL not in claims.findings.to_csv()
    assert SENTINEL not in str(totals(claims)["findings"])


def test_keys_hold_no_value_of_the_claim():
    claims = read_export(SAMPLES / "generic.csv")
    file_id = claims.files["file_id"].iloc[0]
    assert claims.claims["claim_key"].str.fullmatch(rf"{file_id}-\d+").all()
    assert claims.claim_lines["line_key"].str.fullmatch(rf"{file_id}-\d+-\d+").all()
    assert claims.adjustments["adjustment_key"].str.fullmatch(rf"{file_id}-\d+-a\d+").all()


def test_an_export_whose_rows_name_no_line_has_claim_level_adjustments_only(tmp_path):
    claims = read_export(
        csv_of(
            tmp_path,
            {
                "Procedure Code": "",
                "RARC": "N130",
                "Appeal Filed": "2026-03-09",
                "Billed Amount": "50",
            },
        )
    )
    assert len(claims.claim_lines) == 0
    assert claims.claims["billed_cents"].tolist() == [5000]
    assert claims.adjustments["adjustment_level"].tolist() == ["claim"]
    for table in (claims.adjustments, claims.remark_codes, claims.appeal_events):
        assert len(table) == 1
        assert table["line_key"].isna().all()


def test_an_export_without_any_denial_row_is_refused(tmp_path):
    path = csv_of(tmp_path, {"Claim Number": "Total"})
    with pytest.raises(ExportError, match=r"export\.csv: no row below the headings is a denial"):
        read_export(path)


def test_a_reversal_is_marked_by_its_claim_status(tmp_path):
    claims = read_export(
        csv_of(tmp_path, {"Claim Status": "22"}, {"Claim Number": "A2", "Claim Status": "4"})
    )
    assert claims.claims["is_reversal"].tolist() == [True, False]


def test_a_number_that_a_workbook_shows_with_leading_zeros_keeps_them(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Claim Number", "Payer", "CARC", "Denied Amount"])
    for number in (123450, 7, 1234567890):
        book.active.append([number, "Elm", "50", 10])
        book.active.cell(book.active.max_row, 1).number_format = "00000000"
    book.save(tmp_path / "padded.xlsx")
    claims = read_export(tmp_path / "padded.xlsx")
    assert claims.claims["patient_control_number"].tolist() == [
        "00123450",
        "00000007",
        "1234567890",
    ]

"""One triage of denial rows on every engine: equal answers, row by row, and equal to those by hand."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from threading import RLock

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_rows import AS_OF, HOSPITAL, by_hand, by_law, denial_rows, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.claims.export.cells import NOTHING, read_money
from toolkit.claims.export.delimited import plain_quotes, quotes_of
from toolkit.denials import normalize_text
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.law import amounts_of, telling_amounts
from toolkit.worklist import (
    ANSWERS,
    FACTS,
    facts,
    row_parts,
    rows,
    totals,
    triage_files,
    triage_rows,
)
from toolkit.worklist.columns import cents_of
from toolkit.worklist.numbering import DENSE, Combinations

UNKNOWN = Hospital.unknown()

GIVEN = {"as_of": AS_OF, "hospital": HOSPITAL}


@pytest.fixture(scope="module")
def some() -> pd.DataFrame:
    return denial_rows(1_500)


@pytest.fixture(scope="module")
def answered(some) -> pd.DataFrame:
    return triage_rows(some, **GIVEN)


def _same(found, answered: pd.DataFrame, *, names=tuple(ANSWERS)) -> None:
    """Check the answers against pandas's, row by row; rows are told apart by their number."""
    order = np.argsort(np.array(plain(found["row"])))
    where = answered.set_index("row")
    numbers = [plain(found["row"])[at] for at in order]
    assert len(numbers) == len(set(numbers))
    for name in names:
        mine = plain(found[name])
        assert [mine[at] for at in order] == plain(where.loc[numbers, name]), name


def test_every_row_has_the_answers_of_asking_by_hand(some, answered):
    for row, found in zip(
        some.to_dict("records"), answered[list(ANSWERS)].to_dict("records"), strict=True
    ):
        for name, value in by_hand(row).items():
            mine = plain([found[name]])[0]
            assert (set(mine.split()) if name == "second_look" else mine) == value, name


def test_a_plain_row_is_what_the_law_and_the_codes_say():
    row = {"program": "original_medicare", "contracted": "not_contracted", "group_code": "CO",
           "carc": "50", "notice_date": date(2026, 9, 1)}  # fmt: skip
    found = triage_rows(pd.DataFrame([row]), as_of=AS_OF, hospital=UNKNOWN).iloc[0]
    denial, step = by_law(row)
    assert found["denial_category"] == denial.denial_category == "medical_necessity"
    assert (found["route"], found["decided_by"]) == (denial.route, denial.decided_by)
    assert found["level"] == step.level == "redetermination"
    assert found["last_filing_date"].date() == step.deadline.last_filing_date
    assert found["file_by"].date() == step.deadline.file_by
    assert found["days_left"] == (step.deadline.file_by - AS_OF).days
    assert (found["citation"], found["why"]) == (step.deadline.citation, step.why)


def test_pandas_keeps_its_index_its_order_and_its_frame(some, answered):
    shuffled = some.sample(frac=1, random_state=3)
    shuffled.index = shuffled.index // 7  # numbers that stand several times
    before = shuffled.copy()
    found = triage_rows(shuffled, **GIVEN)
    pd.testing.assert_frame_equal(shuffled, before)
    pd.testing.assert_index_equal(found.index, before.index)
    assert found["row"].tolist() == before["row"].tolist()
    _same(found, answered)


def test_blocks_of_rows_have_the_answers_of_the_whole(some, answered, monkeypatch):
    monkeypatch.setattr(rows, "_BLOCK", 700)
    _same(triage_rows(some, **GIVEN), answered)


def test_polars_and_arrow_have_the_answers_of_pandas(some, answered):
    table = pa.Table.from_pandas(some, preserve_index=False)
    found = triage_rows(table, **GIVEN)
    assert isinstance(found, pa.Table) and found["row"].equals(table["row"])
    _same(found, answered)
    batch = triage_rows(table.to_batches()[0], **GIVEN)
    assert isinstance(batch, pa.RecordBatch)
    _same(batch, answered)
    frame = triage_rows(pl.from_arrow(table), **GIVEN)
    assert isinstance(frame, pl.DataFrame)
    _same(frame, answered)
    lazy = triage_rows(pl.from_arrow(table).lazy(), **GIVEN)
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(frame) and lazy.collect_schema() == frame.schema


def test_duckdb_has_the_answers_of_pandas(some, answered):
    con = duckdb.connect()
    shuffled = some.sample(frac=1, random_state=5)  # noqa: F841 - the engine finds it by its name
    found = triage_rows(con.sql("FROM shuffled"), **GIVEN)
    assert isinstance(found, duckdb.DuckDBPyRelation)
    _same(found.to_arrow_table(), answered)
    assert con.sql("SHOW TABLES").fetchall() == []


def test_a_relation_has_days_and_a_database_may_have_tables_of_any_name():
    con = duckdb.connect()
    for name in ("answered", "given_rows", "tables", "rows"):
        con.execute(f"CREATE TABLE {name} AS SELECT 'X' AS carc")
    rows_ = con.sql("SELECT '50' AS carc, DATE '2026-09-01' AS notice_date, 5.25 AS denied")
    found = triage_rows(rows_, columns=["denial_category"], as_of=AS_OF, hospital=UNKNOWN)
    assert found.fetchall() == [("50", date(2026, 9, 1), Decimal("5.25"), "medical_necessity")]
    assert con.sql("FROM given_rows").fetchall() == [("X",)]


def test_a_table_of_no_batch_has_no_rows_whatever_its_types():
    coded = pa.dictionary(pa.uint8(), pa.string())
    for code, day, amount in (
        (pa.string(), pa.date32(), pa.decimal128(12, 2)),
        (coded, pa.dictionary(pa.int32(), pa.date32()), pa.float32()),
        (pa.string_view(), pa.timestamp("us", "UTC"), pa.string_view()),
        (pa.binary(), pa.date64(), pa.int64()),
    ):
        schema = pa.schema(
            {"carc": code, "denial_text": code, "notice_date": day, "denied": amount}
        )
        assert triage_rows(pa.Table.from_batches([], schema), **GIVEN).num_rows == 0


def _with_layout(table: pa.Table, layout: str) -> pa.Table:
    """Return the table with its texts in another layout of Arrow's."""

    def of(column: pa.ChunkedArray) -> pa.ChunkedArray:
        if not pa.types.is_string(column.type) and not pa.types.is_large_string(column.type):
            return column
        if layout == "small codes":  # as polars and Spark write categories
            coded = column.dictionary_encode().combine_chunks()
            places = coded.indices.cast(pa.uint16())
            return pa.DictionaryArray.from_arrays(places, coded.dictionary)
        return column.cast(pa.string()).cast(pa.binary() if layout == "bytes" else pa.string_view())

    return pa.table({name: of(table[name]) for name in table.column_names})


@pytest.mark.parametrize("layout", ["small codes", "bytes", "views"])
def test_texts_have_the_same_answers_in_every_layout_of_arrow(some, answered, tmp_path, layout):
    few = pa.Table.from_pandas(some, preserve_index=False).slice(700, 500)
    table = _with_layout(few, layout)
    _same(triage_rows(table, **GIVEN), answered)
    pq.write_table(table, tmp_path / "rows.parquet")
    written = triage_files(tmp_path / "rows.parquet", tmp_path / "out.parquet", **GIVEN)
    _same(pq.read_table(written.path), answered)


def test_polars_categories_have_the_answers_of_texts(some, answered):
    frame = pl.from_pandas(some).with_columns(pl.col(pl.String).cast(pl.Categorical))
    _same(triage_rows(frame, **GIVEN), answered)


@pytest.mark.parametrize("kind", ["float64", "float32", object])
def test_an_amount_of_binary_fractions_is_what_it_prints_as(tmp_path, kind):
    dust = 0.1 + 0.2 if kind != "float32" else 0.3
    frame = pd.DataFrame({"carc": "50", "denied": pd.Series([dust, 1234.56, None], dtype=kind)})
    cents, wrong = cents_of(frame["denied"], dollars=True)
    assert cents.tolist() == [30, 123_456, NOTHING] and not wrong.any()
    frame.to_parquet(tmp_path / "rows.parquet")
    found = totals(tmp_path / "rows.parquet", by=(), as_of=AS_OF, hospital=UNKNOWN)
    assert (found["denied_cents"].item(), found["bad_amount"].item()) == (123_486, 0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("cut", [True, False], ids=["in parts", "at once"])
def test_files_have_the_answers_of_pandas_in_the_order_of_their_rows(
    some, answered, tmp_path, monkeypatch, kind, cut
):
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        some.to_csv(path, index=False)
    else:
        some.to_parquet(path, row_group_size=300)
    if cut:
        _small_parts(monkeypatch)
    written = triage_files(path, tmp_path / "out.parquet", **GIVEN)
    assert written.rows == len(some)
    assert written.path.stat().st_mode & 0o077 == 0
    found = pq.read_table(written.path)
    found = found.set_column(
        found.column_names.index("row"), "row", found["row"].cast(pa.string()).cast(pa.int64())
    )
    assert found["row"].to_pylist() == some["row"].tolist()
    _same(found, answered)


def _small_parts(monkeypatch) -> None:
    """Read files in many parts, and these in several batches."""
    monkeypatch.setattr(row_parts, "BATCH", 100)
    monkeypatch.setattr(row_parts, "TASK_ROWS", 300)
    monkeypatch.setattr(row_parts, "CUT_BYTES", 20_000)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_threads_have_the_answers_of_one(some, answered, tmp_path, monkeypatch, kind):
    path, out = tmp_path / f"rows.{kind}", tmp_path / "out"
    if kind == "csv":
        some.to_csv(path, index=False)
    else:
        some.to_parquet(path, row_group_size=300)
    _small_parts(monkeypatch)
    written = triage_files(path, out, jobs=2, **GIVEN)
    parts = sorted(out.iterdir())
    assert written.rows == len(some) and len(parts) > 1
    assert all(part.stat().st_mode & 0o077 == 0 for part in [out, *parts])
    found = pa.concat_tables(map(pq.read_table, parts))
    numbers = found["row"].cast(pa.string()).cast(pa.int64())
    assert numbers.to_pylist() == some["row"].tolist()
    _same(found.set_column(found.column_names.index("row"), "row", numbers), answered)
    by = ["program", "due", "carc"]
    one, two = (totals(path, by=by, jobs=jobs, **GIVEN) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    with pytest.raises(UsageError, match="not an empty folder"):
        triage_files(path, out, **GIVEN)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("cut", [True, False], ids=["in parts", "at once"])
def test_totals_are_those_of_the_rows(some, answered, tmp_path, monkeypatch, kind, cut):
    path = tmp_path / f"rows.{kind}"
    if kind == "csv":
        some.to_csv(path, index=False)
    else:
        some.to_parquet(path, row_group_size=300)
    if cut:
        _small_parts(monkeypatch)
    by = ["payer_name", "denial_category", "month", "due"]
    found = totals(path, by=by, **GIVEN)
    cents, wrong = cents_of(some["denied"], dollars=True)
    known = cents != NOTHING
    mine = answered.assign(
        month=answered["notice_date"].dt.to_period("M").dt.start_time.astype("datetime64[us]"),
        cents=np.where(known, cents, 0), none=~known, bad=wrong > 0,
    )  # fmt: skip
    mine = mine.groupby(by, dropna=False, observed=True).agg(
        denials=("cents", "size"), denied_cents=("cents", "sum"), no_amount=("none", "sum"),
        bad_amount=("bad", "sum"),
    ).reset_index()  # fmt: skip
    assert _sorted(found, by) == _sorted(mine, by)
    assert found["bad_amount"].sum() > 0


def _sorted(frame: pd.DataFrame, by: list[str]) -> list[tuple]:
    columns = [plain(frame[c]) for c in [*by, "denials", "denied_cents", "no_amount", "bad_amount"]]
    return sorted(zip(*columns, strict=True), key=str)


def test_totals_without_groups_are_one_row(some, tmp_path):
    some.to_parquet(tmp_path / "rows.parquet")
    found = totals(tmp_path / "rows.parquet", by=(), **GIVEN)
    assert found["denials"].tolist() == [len(some)]


# --- kinds of cells ------------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [None, float("nan"), pd.NA, pd.NaT, "", "  ", "N/A"])
def test_every_kind_of_nothing_is_nothing(empty):
    full = {"program": "original_medicare", "contracted": "no", "carc": "50"}
    bare = triage_rows(pd.DataFrame([full]), as_of=AS_OF, hospital=UNKNOWN)
    frame = pd.DataFrame({**{k: [v] for k, v in full.items()},
                          **{k: pd.Series([empty], dtype=object) for k in FACTS if k not in full}})  # fmt: skip
    found = triage_rows(frame, as_of=AS_OF, hospital=UNKNOWN)
    for name in ANSWERS:
        assert plain(found[name]) == plain(bare[name]), name


@pytest.mark.parametrize(
    "day",
    [date(2026, 9, 1), pd.Timestamp("2026-09-01 17:30"), np.datetime64("2026-09-01"), "2026-09-01",
     "20260901", "9/1/2026", pd.Timestamp("2026-09-01 23:30", tz="America/New_York")],
)  # fmt: skip
def test_a_day_is_the_same_day_in_every_type(day):
    row = {
        "program": ["original_medicare"],
        "contracted": ["no"],
        "carc": ["50"],
        "notice_date": [day],
    }
    found = triage_rows(pd.DataFrame(row), as_of=AS_OF, hospital=UNKNOWN)
    assert found["notice_date"].tolist() == [pd.Timestamp("2026-09-01")]
    assert found["due"].tolist() == ["due_later"]


@pytest.mark.parametrize("carc", ["16", " co16", "CO-16", "16.0", 16, 16.0, "016"])
def test_a_code_is_the_same_code_in_every_spelling(carc):
    found = triage_rows(
        pd.DataFrame({"carc": [carc], "rarcs": [["N130", "M76"]]}), as_of=AS_OF, hospital=UNKNOWN
    )
    assert plain(found["decided_by"]) == plain(
        triage_rows(
            pd.DataFrame({"carc": ["16"], "rarcs": ["N130 M76"]}), as_of=AS_OF, hospital=UNKNOWN
        )["decided_by"]
    )


def test_what_cannot_be_read_is_a_gap_and_a_finding_and_is_never_repeated():
    secret = "Testpatient 4711"
    rows_ = pd.DataFrame(
        {"program": ["original_medicare"] * 3, "contracted": ["no"] * 3, "carc": ["50"] * 3,
         "stage": [None, secret, None], "notice_date": [secret, "2026-09-01", "2026-09-01"],
         "remittance_date": ["2026-09-01"] * 3}
    )  # fmt: skip
    found = triage_rows(rows_, as_of=AS_OF, hospital=UNKNOWN)
    assert found["due"].tolist() == ["no_date", "no_date", "due_later"]
    assert found["gap"].str.startswith(("notice_date: ", "stage: ")).tolist() == [True, True, False]
    assert found["file_by"].isna().tolist() == [True, True, False]
    assert [text.partition(":")[0] for text in found["findings"]] == ["notice_date", "stage", ""]
    said = found[[c for c in found if c not in ("stage",)]].drop(columns="remittance_date")
    assert secret not in said.astype(str).to_csv()


def test_no_rows_are_no_rows_with_the_same_columns(some, answered):
    found = triage_rows(some.iloc[:0], **GIVEN)
    assert list(found.columns) == list(answered.columns) and not len(found)
    assert found["file_by"].dtype == answered["file_by"].dtype
    assert triage_rows(pa.Table.from_pandas(some.iloc[:0]), **GIVEN).num_rows == 0
    part = some.iloc[:0]  # noqa: F841
    assert triage_rows(duckdb.connect().sql("FROM part"), **GIVEN).fetchall() == []


@pytest.mark.parametrize(
    "columns", [["carc"], ["denial_text"], ["rarcs", "notice_date", "program"]]
)
def test_columns_that_are_not_there_are_missing_facts(some, columns):
    full = some.assign(**{c: pd.Series(None, index=some.index, dtype="str")
                          for c in FACTS if c in some and c not in columns})  # fmt: skip
    expected = triage_rows(full, **GIVEN)
    few = some[["row", *columns]]
    _same(triage_rows(few, **GIVEN), expected)
    _same(triage_rows(duckdb.connect().sql("FROM few"), **GIVEN).to_arrow_table(), expected)


def test_only_the_answers_that_are_asked_for_are_given(some, answered):
    found = triage_rows(some, columns=["due", "denial_category"], **GIVEN)
    assert [c for c in found if c not in some] == ["denial_category", "due"]
    _same(found, answered, names=("due", "denial_category"))


@pytest.mark.parametrize(
    ("rows_", "columns", "says"),
    [
        (pd.DataFrame({"CARC": ["16"]}), None, "no column carc"),
        (pd.DataFrame({"carc": ["16"]}), ["deadline"], "are not answers"),
        (pd.DataFrame([["16", "50"]], columns=["carc", "carc"]), None, "carc twice"),
        ([{"carc": "16"}], None, "pandas DataFrame"),
        (pd.Series(["16"], name="carc"), None, "Spark DataFrame"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_to_give(rows_, columns, says):
    with pytest.raises(UsageError, match=says):
        triage_rows(rows_, as_of=AS_OF, columns=columns, hospital=UNKNOWN)


# --- files ---------------------------------------------------------------------------------------


def test_months_that_differ_are_united_by_name_and_told(tmp_path):
    day = date(2026, 9, 1)
    frame = {"program": ["original_medicare"], "contracted": ["no"], "carc": ["50"]}
    for month, more in enumerate(
        ({"notice_date": [day]}, {"notice_date": ["2026-09-01"]}, {"remittance_date": [day]})
    ):
        table = pa.table(frame | more | {"row": [month]})
        (tmp_path / f"month={month}").mkdir()
        pq.write_table(table, tmp_path / f"month={month}" / "rows.parquet")
    written = triage_files(
        tmp_path, tmp_path.parent / "united.parquet", as_of=AS_OF, hospital=UNKNOWN
    )
    found = pq.read_table(written.path)
    assert found["last_filing_date"].unique().to_pylist() == [date(2027, 1, 4)]
    assert any("2 types" in note for note in written.notes)
    assert any("is not a column of 1 of 3 files" in note for note in written.notes)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("rows.csv", b" \n", "the file is empty"),
        ("rows.parquet", b"", "the file is empty"),
        ("rows.parquet", b"carc\n50\n", "is named .parquet but holds a text file"),
        ("rows.parquet", b"PAR1" + bytes(99), "cannot be read as what it is"),
    ],
)
def test_a_file_of_rows_is_refused_in_the_words_of_an_export(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    for ask in (
        lambda path: totals(path, by=["due"], **GIVEN),
        lambda path: triage_files(path, tmp_path / "out.parquet", **GIVEN),
    ):
        with pytest.raises(InputError, match=says):
            ask(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_code_that_only_looks_like_a_number_stays_a_code(tmp_path):
    (tmp_path / "rows.csv").write_text("row,carc,denied\n1,16,0.10\n2,4,0.20\n")
    found = totals(tmp_path / "rows.csv", by=["denial_category"], as_of=AS_OF, hospital=UNKNOWN)
    assert found["denied_cents"].sum() == 30
    assert "unclassified" not in found["denial_category"].tolist()


@pytest.mark.parametrize("odd", ["quotes", "zipped", "tabs", "returns"])
def test_a_csv_is_read_however_it_is_written(some, tmp_path, monkeypatch, odd):
    lines = some.assign(note="two\nlines, and more")
    path = tmp_path / ("rows.csv.gz" if odd == "zipped" else "rows.csv")
    parted, ends = ("\t" if odd == "tabs" else ","), ("\r" if odd == "returns" else "\n")
    lines.to_csv(path, index=False, sep=parted, lineterminator=ends, encoding="utf-8-sig")
    if odd == "quotes":  # a sign for inches opens no cell
        text = path.read_text("utf-8").replace("Gold", 'Gold 5" wide')
        path.write_text(text, "utf-8")
        some = some.assign(plan_name=some["plan_name"].str.replace("Gold", 'Gold 5" wide'))
    _small_parts(monkeypatch)
    found = triage_files(path, tmp_path / "out.parquet", **GIVEN)
    table = pq.read_table(found.path)
    assert table["note"].unique().to_pylist() == ["two\nlines, and more"]
    numbers = table["row"].cast(pa.int64())
    assert numbers.to_pylist() == some["row"].tolist()
    _same(table.set_column(table.column_names.index("row"), "row", numbers),
          triage_rows(some, **GIVEN))  # fmt: skip


def test_a_broken_file_of_a_folder_is_told_and_stops_nothing(some, tmp_path):
    some.to_parquet(tmp_path / "good.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    found = totals(tmp_path, by=(), **GIVEN)
    assert found["denials"].tolist() == [len(some)]
    assert [note for note in found.attrs["notes"] if note.startswith("broken.parquet: ")]
    with pytest.raises(InputError, match=r"broken\.parquet"):
        totals([tmp_path, tmp_path / "broken.parquet"], by=(), **GIVEN)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_files_without_rows_are_no_rows_with_the_same_columns(some, answered, tmp_path, kind):
    path, none = tmp_path / f"rows.{kind}", some.iloc[:0]
    none.to_csv(path, index=False) if kind == "csv" else none.to_parquet(path)
    for name in ("out.parquet", "out"):
        written = triage_files(path, tmp_path / name, **GIVEN)
        assert written.rows == 0
        assert pq.read_table(written.path).column_names == list(answered.columns)
    assert not len(totals(path, by=["month", "carc", "days_left"], **GIVEN))
    assert totals(path, by=(), **GIVEN).iloc[0].tolist() == [0, 0, 0, 0]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match=r"broken\.parquet"):
        totals(tmp_path, by=["due"], as_of=AS_OF, hospital=UNKNOWN)
    with pytest.raises(InputError, match="no file is there"):
        totals(tmp_path / "*.csv", by=["due"], as_of=AS_OF, hospital=UNKNOWN)
    with pytest.raises(UsageError, match="no column carc"):
        (tmp_path / "other.csv").write_text("a,b\n1,2\n")
        totals(tmp_path / "other.csv", by=["due"], as_of=AS_OF, hospital=UNKNOWN)


def test_a_memory_limit_that_is_reached_is_said(some, tmp_path):
    some.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(UsageError, match="memory limit"):
        triage_files(tmp_path / "rows.parquet", tmp_path / "out.parquet", memory="1MB", **GIVEN)
    assert not (tmp_path / "out.parquet").exists()


# --- keys ----------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1239# ./,:-stndrd'CONMcode$()", max_size=30))
def test_a_text_with_its_longer_numbers_written_alike_normalizes_to_the_same(text):
    assert normalize_text(facts.text_key(text)) == normalize_text(text)


def test_rows_whose_days_are_nearly_all_different_have_the_answers_of_asking_by_hand():
    count = 1_000
    frame = denial_rows(count, seed=9, bad=0)
    first = date(1990, 1, 1)
    frame["notice_date"] = [(first + timedelta(days=7 * n)).isoformat() for n in range(count)]
    frame["denied"] = [f"{n}.{n % 100:02d}" for n in range(count)]
    found = triage_rows(frame, **GIVEN)
    for row, mine in zip(
        frame.to_dict("records"), found[list(ANSWERS)].to_dict("records"), strict=True
    ):
        for name, value in by_hand(row).items():
            if name != "second_look":
                assert plain([mine[name]])[0] == value, name


def test_only_the_side_of_an_amount_matters_to_the_law():
    row = {"program": "tricare", "contracted": "no", "carc": "50", "last_level": "reconsideration",
           "outcome": "upheld", "decided_on": "2026-09-01"}  # fmt: skip
    limits = amounts_of("tricare", "formal_review")
    cents = sorted({d * 100 + by for d in telling_amounts() for by in (-1, 0, 1)} | {0, -500})
    frame = pd.DataFrame([row | {"denied_cents": one} for one in cents])
    asked = rows.Asker(as_of=AS_OF, hospital=UNKNOWN)
    rows.triage_frame(frame, asked, ("due",))
    # One more for what the level says whatever its day: with enough in dispute, and with too little.
    assert asked.questions["day"] <= len(limits) + 1
    whole = triage_rows(frame, as_of=AS_OF, hospital=UNKNOWN)
    for at, one in enumerate(cents):
        alone = by_hand(row | {"denied": f"{one / 100:.2f}"})
        assert plain(whole["due"])[at] == alone["due"]


@pytest.mark.parametrize(
    "each", [3, 1 << 10, 1 << 20, 1 << 40], ids=["few", "many", "more", "wide"]
)
def test_every_combination_has_one_number_however_many_there_may_be(each):
    rng, met = np.random.default_rng(1), []

    def number(new):
        met.extend(map(tuple, new.tolist()))
        return range(len(met) - len(new) + 1, len(met) + 1)

    combinations = Combinations(3, number, RLock())
    for turn in range(1, 6):  # more and more numbers: what was met stays what it was
        parts = [(rng.integers(0, 4 * turn, 500) * (each // 3), 4 * turn * each) for _ in range(3)]
        found = combinations.of(parts)
        rows_ = zip(*(part.tolist() for part, _ in parts), strict=True)
        assert [met[one - 1] for one in found.tolist()] == list(rows_)
    assert len(set(met)) == len(met)
    assert combinations.dense == (each == 3) and DENSE > 20**3


def test_threads_ask_a_combination_once():
    asked = []

    def number(new):
        asked.extend(new[:, 0].tolist())
        return range(len(asked) - len(new) + 1, len(asked) + 1)

    combinations = Combinations(2, number, RLock())
    parts = [(np.arange(5_000) % 700, 1 << at) for at in range(10, 17)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda part: combinations.of([part, part]), parts * 20))
    assert sorted(asked) == list(range(700))
    assert all((one == found[0]).all() for one in found)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(alphabet="0159.-,$ (e", min_size=1, max_size=9), min_size=1, max_size=4))
def test_amounts_that_are_read_at_once_are_those_that_are_read_one_by_one(texts):
    cents, wrong = cents_of(pa.array(texts), dollars=True)
    for text, one, problem in zip(texts, cents.tolist(), wrong.tolist(), strict=True):
        text = facts.text_of(text)
        expected = read_money(text) if text else (NOTHING, "")
        assert (one, bool(problem)) == (expected[0], bool(expected[1]))


def test_amounts_of_more_digits_than_a_binary_fraction_holds_are_exact():
    texts = [
        "9007199254740993",
        "99999999999999.99",
        "0.12345678901234",
        "9999999999999.99",
        "0000000000000.10",
        None,
    ]
    for some in ([text] for text in texts):
        cents, _ = cents_of(pa.array(some, pa.string()), dollars=True)
        expected = read_money(some[0])[0] if some[0] else NOTHING
        assert cents.tolist() == [expected]


@pytest.mark.parametrize("cells", [1, 40], ids=["few quotes", "many quotes"])
def test_quotes_are_found_and_seen_to_be_in_place(cells):
    line = b'x,"a ""b"", c",' + b"plain," * (2_000 // cells) + b"\n"
    data = line * 10 * cells
    quotes = quotes_of(data)
    assert quotes.tolist() == [at for at, sign in enumerate(data) if sign == ord('"')]
    assert plain_quotes(data, quotes, ",")
    for odd in (data[:-1] + b'"', data[:-1] + b'5" pipe, 6" pipe\n'):
        assert not plain_quotes(odd, quotes_of(odd), ",")


def test_totals_of_very_great_amounts_are_exact(tmp_path):
    great = ["9999999999999.99"] * 7 + ["0.01", "-9999999999999.99"]
    pd.DataFrame({"carc": "50", "denied": great}).to_csv(tmp_path / "rows.csv", index=False)
    found = totals(tmp_path / "rows.csv", by=["carc"], as_of=AS_OF, hospital=UNKNOWN)
    assert found["denied_cents"].tolist() == [6 * 999_999_999_999_999 + 1]


def test_a_million_rows_cost_few_questions():
    """What is asked in plain Python turns on what the facts can come to, not on how many rows there are."""
    frame = denial_rows(4_000, bad=0)
    asked = rows.Asker(as_of=AS_OF, hospital=UNKNOWN)
    few = [name for name in ANSWERS if name != "why"]  # the words of each day are asked by the day
    rows.triage_frame(frame, asked, tuple(few))
    once = asked.questions
    days = pd.Series(pd.date_range("2019-01-01", periods=len(frame)).astype("str"), dtype="str")
    rows.triage_frame(frame.assign(notice_date=days, notice_received=None), asked, tuple(few))
    assert asked.questions["code"] == once["code"] and asked.questions["payer"] == once["payer"]
    new_days = asked.questions["day"] - once["day"]
    assert new_days < len(frame) // 20 and asked.days_at_once > len(frame)
    rows.triage_frame(frame, asked, tuple(few))
    assert asked.questions["day"] == once["day"] + new_days


def test_what_duckdb_says_of_a_row_is_not_repeated():
    secret = "Testpatient 4711"
    con = duckdb.connect()
    con.execute("CREATE TABLE t AS SELECT '50' AS carc, ? AS denied", [secret])
    with pytest.raises(InputError) as error:
        triage_rows(con.sql("SELECT carc, CAST(denied AS INTEGER) AS denied FROM t"), **GIVEN)
    assert secret not in str(error.value) and error.value.__suppress_context__


def test_a_clock_that_starts_with_a_filing_is_counted_from_its_day_in_every_engine():
    row = {"program": "no_surprises", "contracted": "no", "carc": "50", "outcome": "upheld",
           "decided_on": "2026-04-21"}  # fmt: skip
    sent = ["2026-03-10", "03/10/2026", "soon", None]
    frame = pd.DataFrame(
        [
            row | {"last_level": word, "filed_on": day}
            for word in ("open_negotiation", "Open Negotiation")
            for day in sent
        ]
    )
    frame["row"] = range(len(frame))
    found = triage_rows(frame, as_of=AS_OF, hospital=UNKNOWN)
    for at in (0, 1):
        assert plain(found["file_by"])[at] == date(2026, 4, 24)
        assert plain(found["notice_date"])[at] == date(2026, 3, 10)
        assert found["notice_from"].iloc[at] == "filed_on"
    assert found["gap"].iloc[2].startswith("the date of the last filing is missing")
    assert found["gap"].iloc[3] == found["gap"].iloc[2]
    sql = triage_rows(duckdb.connect().sql("FROM frame"), as_of=AS_OF, hospital=UNKNOWN)
    _same(sql.to_arrow_table(), found)


def test_importing_the_engines_imports_no_engine():
    code = (
        "import sys, toolkit.worklist; toolkit.worklist.triage_rows; "
        "print([m for m in ('pandas', 'duckdb', 'polars', 'pyspark') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_spark_that_is_not_installed_is_an_error_that_says_what_to_install(monkeypatch):
    from toolkit.worklist import spark

    monkeypatch.setitem(sys.modules, "pyspark", None)
    with pytest.raises(UsageError, match=r"pip install denial-toolkit\[spark\]"):
        spark.session()


@pytest.mark.parametrize("home", [None, "nowhere"])
def test_java_that_is_not_there_is_an_error_that_says_so(monkeypatch, tmp_path, home):
    from toolkit.worklist import spark

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    if home:
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
    monkeypatch.setattr(spark, "_spark", lambda: None)
    with pytest.raises(UsageError, match="JAVA_HOME" if home else "PATH"):
        spark.session()

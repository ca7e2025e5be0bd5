"""Any size: a book of pieces gives the worklist that reading everything at once gives, row by row."""

import errno
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.bulk import Book, gather, triage_book
from toolkit.bulk import gathering as bulk_gathering
from toolkit.bulk.database import database
from toolkit.claims import read, write_sample
from toolkit.claims.export import pieces
from toolkit.cli import main
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.history import seen_on, settled
from toolkit.hospital import Hospital, sample_hospital
from toolkit.worklist import summary, tally, write_worklist
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()
HOSPITAL = sample_hospital()

DAY = date(2026, 11, 1)
DATA = Path(__file__).parents[1] / "data" / "samples"
SMALL = {"piece_bytes": 40_000, "piece_rows": 150}


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> pd.DataFrame:
    """An export of 2,000 rows, as a frame of its cells."""
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(path, rows=2000, seed=7, as_of=DAY)
    return pd.read_csv(path, dtype="str", keep_default_na=False)


def in_parts(paths, folder: Path, *, engine: str = "pandas", name: str = "parts.parquet", **size):
    """Return the worklist made in parts, with the summary, findings and how much was set aside."""
    sizes = SMALL | size
    part_rows = sizes.pop("part_rows", 400)
    book = Book.at(folder / "book")
    found = gather(paths, book, engine=engine, jobs=2, **sizes)
    with triage_book(
        book, found.files, as_of=DAY, hospital=HOSPITAL, engine=engine, jobs=2,
        findings=found.findings, part_rows=part_rows,
    ) as run:  # fmt: skip
        run.write(folder / name)
        told = sorted(run.file_findings["code"].tolist())
        for some in run.row_findings():
            told += some["code"].tolist()
        return pq.read_table(folder / name), run.summary(), sorted(told), run.set_aside


def at_once(paths, folder: Path, *, name: str = "once.parquet"):
    """Return the worklist of the same files read and triaged in one go."""
    claims = settled(seen_on(read(paths), DAY))
    worklist = triage(claims, as_of=DAY, hospital=HOSPITAL)
    write_worklist(worklist, folder / name)
    said = summary(tally(worklist), findings=len(claims.findings))
    return pq.read_table(folder / name), said, sorted(claims.findings["code"].tolist())


def agree(paths, folder: Path, **given) -> int:
    """Check that both ways say the same, row by row; return how many rows were set aside."""
    parts, said, told, aside = in_parts(paths, folder, **given)
    once, said_once, told_once = at_once(paths, folder)
    assert parts.schema == once.schema
    assert parts.num_rows == once.num_rows
    for name in once.column_names:
        assert parts[name].combine_chunks().equals(once[name].combine_chunks()), name
    assert said == said_once
    assert told == told_once
    return aside


def test_pieces_of_a_csv_give_the_worklist_of_the_whole(sample, tmp_path):
    sample.to_csv(tmp_path / "a.csv", index=False)
    assert agree([tmp_path / "a.csv"], tmp_path) > 0  # a claim is cut by a piece's end


def test_threads_give_the_worklist_of_the_whole(sample, tmp_path):
    sample.to_csv(tmp_path / "a.csv", index=False)
    agree([tmp_path / "a.csv"], tmp_path, engine="duckdb")


def test_rows_of_a_claim_may_stand_far_apart(sample, tmp_path):
    sample.sample(frac=1, random_state=5).to_csv(tmp_path / "a.csv", index=False)
    assert agree([tmp_path / "a.csv"], tmp_path) > 700


@pytest.mark.parametrize("ending", [".parquet", ".xlsx"])
def test_parquet_and_workbooks_are_read_in_pieces_too(sample, tmp_path, ending):
    path = tmp_path / f"a{ending}"
    if ending == ".parquet":
        write_sample(path, rows=1500, seed=8, as_of=DAY)
    else:
        sample.head(900).to_excel(path, index=False)
    agree([path], tmp_path)


@pytest.mark.parametrize(
    "written",
    [
        {"sep": ";"},
        {"sep": "\t", "lineterminator": "\r\n"},
        {"encoding": "utf-16"},
        {"encoding": "utf-8-sig", "quoting": 1},
        {"encoding": "cp1252"},
    ],
    ids=lambda one: "-".join(map(str, one.values())).replace("\t", "tab").replace("\r\n", "crlf"),
)
def test_a_csv_of_any_kind_is_cut_where_a_row_ends(sample, tmp_path, written):
    rows = sample.head(900).copy()
    rows["Denial Reason"] = rows["Denial Reason"].where(rows.index % 7 > 0, 'é first\nsecond, "x"')
    rows.to_csv(tmp_path / "a.csv", index=False, **written)
    agree([tmp_path / "a.csv"], tmp_path)


def test_a_quote_inside_an_unquoted_cell_costs_memory_and_no_row(sample, tmp_path):
    path = tmp_path / "a.csv"
    sample.head(900).to_csv(path, index=False, quoting=0)
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[300] = lines[300].replace("Payment", 'Payment 5" pipe', 1)
    path.write_text("\n".join(lines), encoding="utf-8")
    [opened] = pieces.open_exports(path, layout=None)
    with pytest.raises(pieces.NotCut):
        for place in pieces.places(opened, size=40_000):
            list(pieces.pieces(opened, place))
    agree([path], tmp_path)


def test_ragged_rows_totals_and_blank_rows_are_told_as_in_the_whole(sample, tmp_path):
    path = tmp_path / "a.csv"
    sample.head(900).to_csv(path, index=False)
    lines = path.read_text(encoding="utf-8").split("\n")
    width = lines[0].count(",")
    lines.insert(700, "Grand total" + "," * width)
    lines.insert(500, lines[500] + ",one,two")
    lines.insert(400, "," * width)
    lines.insert(250, lines[0])
    lines.insert(120, lines[120].replace("2026-", "2026/13/", 1))
    path.write_text("\n".join(["Denials of a hospital", *lines]), encoding="utf-8")
    agree([path], tmp_path)


def test_the_sample_folder_with_its_remittances_is_the_same_in_parts(tmp_path):
    folder = tmp_path / "files"
    shutil.copytree(DATA / "remits" / "public", folder)
    shutil.copytree(DATA / "exports", folder / "exports")
    agree([folder], tmp_path, part_rows=100)


def test_a_broken_file_among_many_stops_nothing(sample, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(12):
        part = sample.iloc[number * 60 : (number + 1) * 60]
        part.to_csv(folder / f"f{number:02d}.csv", index=False)
    (folder / "f05.csv").write_bytes(b"PAR1 broken")
    (folder / "f07.parquet").write_bytes(b"PAR1 broken as well")
    parts, said, told, _ = in_parts([folder], tmp_path)
    assert told.count("file_not_read") == 2
    assert agree([folder], tmp_path / "again") >= 0
    assert said["denials"] == parts.num_rows > 300


def test_a_broken_file_that_was_named_stops_the_run_and_leaves_nothing(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")
    with pytest.raises(InputError, match="damaged"):
        in_parts([tmp_path / "a.parquet"], tmp_path)
    assert not list(tmp_path.glob("parts*"))


def test_months_with_other_columns_and_types_stand_beside_each_other(tmp_path):
    write_sample(tmp_path / "jan.parquet", rows=400, seed=1, as_of=DAY)
    table = pq.read_table(tmp_path / "jan.parquet")
    at = table.schema.get_field_index("Denied Amount")
    other = table.set_column(at, "Denied Amount", table["Denied Amount"].cast(pa.float64()))
    other = other.drop_columns(["Owner", "Stage", "Notice Received"])
    numbers = [f"OTHER{number}" for number in range(len(other))]
    other = other.set_column(0, "Claim Number", pa.array(numbers))
    pq.write_table(other, tmp_path / "feb.parquet")
    agree([tmp_path / "jan.parquet", tmp_path / "feb.parquet"], tmp_path)


def test_the_folders_of_partitioned_parquet_are_columns(tmp_path):
    write_sample(tmp_path / "all.parquet", rows=600, seed=4, as_of=DAY)
    table = pq.read_table(tmp_path / "all.parquet")
    pq.write_to_dataset(table, tmp_path / "parts", partition_cols=["Payer", "Plan"])
    parts, said, *_ = in_parts([tmp_path / "parts"], tmp_path)
    once = at_once([tmp_path / "all.parquet"], tmp_path)
    assert said["by_due"] == once[1]["by_due"]
    assert sorted(parts["payer_name"].to_pylist()) == sorted(once[0]["payer_name"].to_pylist())
    agree([tmp_path / "parts"], tmp_path / "again")


def test_a_file_that_is_in_the_book_is_not_read_again(sample, tmp_path, monkeypatch):
    sample.head(300).to_csv(tmp_path / "a.csv", index=False)
    book = Book.at(tmp_path / "book")
    first = gather([tmp_path / "a.csv"], book, engine="pandas")
    assert first.read == 1
    monkeypatch.setattr(bulk_gathering, "pieces", None)  # reading it would fail
    shutil.copy(tmp_path / "a.csv", tmp_path / "b.csv")
    again = gather([tmp_path / "b.csv"], Book.at(tmp_path / "book"), engine="pandas")
    assert (again.read, again.files) == (0, first.files)


def test_a_run_that_was_broken_off_begins_that_file_anew(sample, tmp_path):
    sample.to_csv(tmp_path / "a.csv", index=False)
    book = Book.at(tmp_path / "book")
    gather([tmp_path / "a.csv"], book, engine="pandas", **SMALL)
    entry = next((tmp_path / "book" / "files").glob("*.json"))
    entry.unlink()  # as if stopped before the last piece
    next((tmp_path / "book" / "rows").rglob("*.arrow")).write_bytes(b"half a piece")
    assert gather([tmp_path / "a.csv"], book, engine="pandas", **SMALL).read == 1
    agree([tmp_path / "a.csv"], tmp_path)


def test_a_new_month_needs_only_its_own_file(sample, tmp_path):
    sample.head(1000).to_csv(tmp_path / "jan.csv", index=False)
    sample.tail(1000).to_csv(tmp_path / "feb.csv", index=False)
    book = Book.at(tmp_path / "book")
    gather([tmp_path / "jan.csv"], book, engine="pandas", **SMALL)
    (tmp_path / "jan.csv").rename(tmp_path / "kept.csv")
    found = gather([tmp_path / "feb.csv"], book, engine="pandas", **SMALL)
    assert found.read == 1
    with triage_book(book, as_of=DAY, hospital=HOSPITAL, engine="pandas", part_rows=300) as run:
        run.write(tmp_path / "parts.parquet")
        said = run.summary()
    once, said_once, _ = at_once([tmp_path / "kept.csv", tmp_path / "feb.csv"], tmp_path)
    assert pq.read_table(tmp_path / "parts.parquet").equals(once)
    assert said == said_once


def test_a_folder_with_other_things_is_no_book(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="other files"):
        Book.at(tmp_path)


def test_a_book_is_for_its_owner_only(sample, tmp_path):
    sample.head(50).to_csv(tmp_path / "a.csv", index=False)
    book = Book.at(tmp_path / "book")
    gather([tmp_path / "a.csv"], book, engine="pandas")
    assert (tmp_path / "book").stat().st_mode & 0o077 == 0


def test_parts_may_be_written_as_csv(sample, tmp_path):
    sample.head(400).to_csv(tmp_path / "a.csv", index=False)
    book = Book.at(tmp_path / "book")
    found = gather([tmp_path / "a.csv"], book, engine="pandas", **SMALL)
    worklist = triage(read(tmp_path / "a.csv"), as_of=DAY, hospital=HOSPITAL)
    with triage_book(book, found.files, as_of=DAY, hospital=HOSPITAL, engine="pandas", part_rows=90) as run:  # fmt: skip
        run.write(tmp_path / "parts.csv")
        with pytest.raises(UsageError):
            run.write(tmp_path / "parts.txt")
    write_worklist(worklist, tmp_path / "once.csv")
    assert (tmp_path / "parts.csv").read_bytes() == (tmp_path / "once.csv").read_bytes()


def test_the_private_folder_of_a_run_is_gone_afterwards(sample, tmp_path):
    sample.head(100).to_csv(tmp_path / "a.csv", index=False)
    book = Book.at(tmp_path / "book")
    found = gather([tmp_path / "a.csv"], book, engine="pandas")
    with triage_book(book, found.files, as_of=DAY, engine="pandas", hospital=UNKNOWN) as run:
        work = run.given.work
        assert work.exists()
    assert not work.exists()


def test_account_numbers_are_the_same_in_every_process():
    numbers = pieces.numbers_of(["SYN000000001", "é", ""])
    assert numbers.tolist() == pieces.numbers_of(["SYN000000001", "é", ""]).tolist()
    assert len(set(numbers)) == 3
    assert numbers.dtype == np.uint64


def test_what_does_not_fit_into_the_memory_limit_is_put_on_disk_or_told(tmp_path):
    (tmp_path / "spill").mkdir()
    rows = "SELECT range AS n, md5(range::text) AS t FROM range(400000)"
    with database(tmp_path, memory="60MB") as db:
        found = db.execute(
            f"SELECT t FROM ({rows}) ORDER BY t DESC LIMIT 1 OFFSET 399999"
        ).fetchall()
        assert found[0][0].startswith("0000")
    with pytest.raises(ToolkitError, match="60MB"), database(tmp_path, memory="60MB") as db:
        db.execute(f"SELECT list(t ORDER BY t) FROM ({rows})").fetchall()


def test_a_full_disk_is_told_and_nothing_is_left(sample, tmp_path, monkeypatch, capsys):
    sample.head(100).to_csv(tmp_path / "a.csv", index=False)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr("toolkit.bulk.book.write_arrow", full)
    words = ["worklist", str(tmp_path / "a.csv"), "--book", str(tmp_path / "book")]
    monkeypatch.setattr("toolkit.processes.cores", lambda: 1)
    monkeypatch.setattr("toolkit.bulk.workers.cores", lambda: 1)
    assert main([*words, "--out", str(tmp_path / "w.csv")]) == 1
    assert "disk is full" in capsys.readouterr().err
    assert not (tmp_path / "w.csv").exists()

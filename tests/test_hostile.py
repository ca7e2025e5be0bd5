"""Files that broke readers: the same answer from every engine, or a clear refusal, in bounded time."""

import csv
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toolkit
from toolkit.bulk import Book, gather
from toolkit.claims import read
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.hospital import Hospital

UNKNOWN = Hospital.unknown()

FILES = Path(__file__).parent / "data" / "hostile"
ENGINES = pytest.mark.parametrize("engine", ["pandas", "duckdb"])
DAY = "2026-11-01"
KEYS = ("denial_key", "claim_key", "line_key", "file_id")


PEAKS: dict[Path, int] = {}  # of each run by its folder, in kB

# Runs the command and writes its own peak. What the parent is told on its end (`ru_maxrss`) is no
# smaller than the parent itself: a forked child starts with the parent's pages.
MEASURED = """
import resource, runpy, sys
from pathlib import Path
to = Path(sys.argv.pop(1))
sys.argv[0] = "toolkit"
try:
    runpy.run_module("toolkit", run_name="__main__", alter_sys=True)
finally:
    try:
        said = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    except OSError:  # macOS, which counts bytes
        said = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    to.write_text(said)
"""


def worked(path: Path | list[Path], engine: str, folder: Path) -> tuple[int, list[dict], dict]:
    """Run `toolkit worklist` by itself, held to 20 CPU seconds; return exit code, rows and JSON."""
    out, told, peak = (folder / f"{engine}.{end}" for end in ("csv", "json", "peak"))
    paths = [path] if isinstance(path, Path) else path
    words = [
        "worklist",
        *map(str, paths),
        "--as-of",
        DAY,
        "--engine",
        engine,
        "--out",
        str(out),
        "--json",
    ]
    with told.open("wb") as stdout:
        child = subprocess.Popen(
            [sys.executable, "-c", MEASURED, str(peak), *words],
            stdout=stdout, stderr=subprocess.DEVNULL, cwd=folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)),
        )  # fmt: skip
        child.wait()
    if peak.exists():  # a run that the limit of time ended wrote none
        PEAKS[folder] = int(peak.read_text())
    rows = list(csv.DictReader(out.open(encoding="utf-8-sig", newline=""))) if out.exists() else []
    return child.returncode, rows, json.loads(told.read_text(encoding="utf-8"))


def same(path: Path | list[Path], folder: Path) -> tuple[int, list[dict], dict]:
    """Return what every engine says of a file, which must be the same."""
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    one, other = worked(path, "pandas", folder / "a"), worked(path, "duckdb", folder / "b")
    said = [{k: v for k, v in answer[2].items() if k != "out"} for answer in (one, other)]
    assert (one[0], one[1], said[0]) == (other[0], other[1], said[1])
    return one


@pytest.mark.parametrize(
    ("name", "denials", "denied", "kinds"),
    [
        ("01-number-as-text-xlsx-a.xlsx", 1, "100.00", {"repeated_row"}),
        ("04-stray-quote-gather-crash-q5.csv", 1, "100.00", set()),
        ("05-no-charge-second-look-crash-dup18.csv", 1, "100.00", set()),
        ("07-revenue-code-scientific-rev.csv", 2, "150.00", {"scientific"}),
        ("10-epoch-1904-epoch1904.xlsx", 2, "200.00", set()),
        ("15-parquet-rows-rle2m.parquet", 1, "100.00", {"repeated_row"}),
    ],
)
def test_every_engine_counts_the_same_denials(name, denials, denied, kinds, tmp_path):
    code, rows, answer = same(FILES / name, tmp_path)
    assert (code, answer["denials"], answer["denied"], len(rows)) == (0, denials, denied, denials)
    assert kinds <= {one["code"] for one in answer["findings_list"]}


def test_both_kinds_of_a_day_in_a_1904_workbook_are_the_same_day(tmp_path):
    _, rows, _ = same(FILES / "10-epoch-1904-epoch1904.xlsx", tmp_path)
    assert {row["notice_date"] for row in rows} == {"2026-09-25"}


@ENGINES
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("03-quote-eats-file-open.csv", "row 3: a quote combines 38 lines"),
        ("08-far-cell-cellfar.xlsx", "headings without rows below them"),
    ],
)
def test_what_cannot_be_read_whole_is_refused_with_its_row(name, says, engine, tmp_path):
    code, rows, answer = worked(FILES / name, engine, tmp_path)
    assert code == 4
    assert says in answer["error"]
    assert rows == []


def test_files_are_told_apart_by_their_whole_hash(tmp_path):
    first, second = (FILES / f"02-file-id-32-bits-col{one}.csv" for one in "AB")
    _, rows, answer = same([first, second], tmp_path)
    assert (answer["denials"], answer["denied"]) == (2, "1000.00")
    assert len({row["denial_key"] for row in rows}) == 2


def test_the_first_row_of_a_claim_decides_however_many_pieces_there_are(tmp_path):
    rows = [{"Claim Number": f"C{n}", "Payer": "Elm", "Reason Code": "50", "Facility": "Any", "CPT": "77080",
             "Line": "1", "Denied Amount": "1.00"} for n in range(1200)]  # fmt: skip
    rows[995] |= {"Claim Number": "X1", "Facility": "First"}
    rows[1005] |= {"Claim Number": "X1", "Facility": "Second", "CPT": "99213"}
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    book = Book.at(tmp_path / "book")
    found = gather([tmp_path / "a.parquet"], book, engine="pandas", piece_rows=10)
    assert len(found.files[0].pieces) == 120
    from toolkit.bulk import triage_book
    from toolkit.worklist.triage import triage

    with triage_book(
        book, found.files, as_of=date(2026, 11, 1), engine="pandas", part_rows=10, hospital=UNKNOWN
    ) as run:
        run.write(tmp_path / "out.parquet")
    made = pd.read_parquet(tmp_path / "out.parquet")
    once = triage(read(tmp_path / "a.parquet"), as_of=date(2026, 11, 1), hospital=UNKNOWN)
    [mine] = made[made["patient_control_number"] == "X1"].to_dict("records")
    assert (mine["row"], mine["facility"], mine["procedure_code"]) == (997, "First", "77080")
    assert made["denial_key"].tolist() == once["denial_key"].tolist()


def test_thousands_of_row_groups_are_few_tasks(tmp_path):
    table = pa.table({"Claim Number": [f"C{n}" for n in range(3000)], "CARC": ["50"] * 3000,
                      "Payer": ["Elm"] * 3000, "Denied Amount": ["1.00"] * 3000})  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    book = Book.at(tmp_path / "book")
    found = gather([tmp_path / "a.parquet"], book, engine="pandas")
    assert len(found.files[0].pieces) == 1
    _, _, answer = same(tmp_path / "a.parquet", tmp_path)
    assert answer["denials"] == 3000


# ----------------------------------------------------------------------------------------- workbooks


def book_of(path: Path, *cells: tuple[int, int, object], rows: int = 3) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Claim Number", "Payer", "Reason Code", "Group Code", "Denied Amount"])
    for n in range(rows):
        sheet.append([f"A{n}", "Elm", "50", "CO", 10])
    for row, column, value in cells:
        sheet.cell(row, column, value)
    book.save(path)
    return path


@pytest.mark.parametrize("place", [(1_048_576, 16_384), (900_000, 3), (4, 16_000)])
def test_a_stray_cell_costs_no_memory_and_no_row(place, tmp_path):
    path = book_of(tmp_path / "far.xlsx", (*place, "left over"))
    code, rows, answer = same(path, tmp_path)
    assert (code, answer["denied"]) == (0, "30.00")
    assert len(rows) == 3
    assert max(PEAKS[tmp_path / "a"], PEAKS[tmp_path / "b"]) < 500_000


def rezipped(source: Path, path: Path, part: str, change) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            data = old.read(one.filename)
            new.writestr(one.filename, change(data) if one.filename == part else data)
    return path


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("xl/worksheets/sheet1.xml", lambda data: b'<!DOCTYPE a [<!ENTITY x "yy">]>' + data),
        ("xl/workbook.xml", lambda data: b'<!DOCTYPE a [<!ENTITY x "yy">]>' + data),
        ("xl/worksheets/sheet1.xml", lambda data: data[: len(data) // 2]),
        ("xl/workbook.xml", lambda data: b"not xml"),
        ("xl/worksheets/sheet1.xml", lambda data: b"<worksheet>" + b"<a>" * 200_000),
    ],
)
def test_a_workbook_with_a_part_made_to_harm_is_refused(part, change, tmp_path):
    path = rezipped(book_of(tmp_path / "good.xlsx"), tmp_path / "bad.xlsx", part, change)
    code, _, answer = worked(path, "pandas", tmp_path)
    assert code == 4
    assert answer["error"].startswith("bad.xlsx")


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_read(tmp_path):
    def grown(data: bytes) -> bytes:
        return data.replace(b"</worksheet>", b"<!--" + bytes(300 << 20) + b"--></worksheet>")

    path = rezipped(
        book_of(tmp_path / "a.xlsx"), tmp_path / "bomb.xlsx", "xl/worksheets/sheet1.xml", grown
    )
    code, _, _ = worked(path, "pandas", tmp_path)
    assert code in (0, 4)
    assert PEAKS[tmp_path] < 1_000_000


# -------------------------------------------------------------------------------- YAML, blanks, books


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchor or alias"),
        ("deep.yaml", "[" * 50_000, "deeper than 20 levels"),
        ("big.yaml", "a: b\n" * 300_000, "larger than a megabyte"),
    ],
)  # fmt: skip
def test_a_yaml_that_could_grow_is_refused_at_once(name, text, says, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    export = tmp_path / "a.csv"
    export.write_text(
        "Claim Number,Payer,Reason Code,Denied Amount\nA1,Elm,50,1.00\n", encoding="utf-8"
    )
    for words in (
        [
            "draft",
            str(export),
            "--claim",
            "A1",
            "--facts",
            str(path),
            "--out",
            str(tmp_path / "l.docx"),
        ],
        ["worklist", str(export), "--layout", str(path), "--out", str(tmp_path / "w.csv")],
    ):
        assert main([*words, "--json"]) == 4
        assert says in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    "blank", ["\t", "\u2028", "\x0b", "\r", "\n", "\x1f", "\x1c", "\x85", "\xa0", "\u3000"]
)
def test_whatever_is_blank_to_one_engine_is_blank_to_all(blank):
    rows = pd.DataFrame({"carc": ["197"], "group_code": ["CO"], "notice_date": [blank],
        "remittance_date": ["2026-09-01"], "program": ["original_medicare"], "denied": ["500.00"]})  # fmt: skip
    table = pa.Table.from_pandas(rows, preserve_index=False)
    once = toolkit.triage_rows(rows, as_of=date(2026, 9, 20), hospital=UNKNOWN)["last_filing_date"][
        0
    ]
    other = toolkit.triage_rows(
        duckdb.from_arrow(table), as_of=date(2026, 9, 20), hospital=UNKNOWN
    ).to_arrow_table()
    assert pd.Timestamp(once).date() == other["last_filing_date"][0].as_py() == date(2027, 1, 4)


@pytest.fixture
def book(tmp_path) -> tuple[Path, Path]:
    """A book with one export in it, and the export."""
    export = tmp_path / "a.csv"
    lines = [f"A{n},Elm,50,CO,1.00" for n in range(200)]
    export.write_text(
        "Claim Number,Payer,Reason Code,Group Code,Denied Amount\n" + "\n".join(lines),
        encoding="utf-8",
    )
    gather([export], Book.at(tmp_path / "book"), engine="pandas")
    return tmp_path / "book", export


def harm(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        data[len(data) // 2] ^= 4
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
@pytest.mark.parametrize("what", ["rows/*/*.arrow", "accounts/*/*.npy"])
def test_a_damaged_piece_of_a_book_is_named_and_gathering_mends_it(
    book, what, how, tmp_path, capsys
):
    folder, export = book
    harm(next(folder.glob(what)), how)
    words = ["worklist", str(folder), "--as-of", DAY, "--out", str(tmp_path / "w.csv"), "--json"]
    assert main(words) == 4
    assert (
        "is damaged or gone; gather a.csv into the book again"
        in json.loads(capsys.readouterr().out)["error"]
    )
    assert main(["gather", str(export), "--book", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"] == 1
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["denials"] == 200


def test_a_file_that_a_new_column_map_reads_otherwise_is_read_again_in_its_old_place(
    book, tmp_path
):
    folder, export = book
    later = tmp_path / "b.csv"
    later.write_text(export.read_text(encoding="utf-8").replace("A1,", "B1,"), encoding="utf-8")
    gather([later], Book.at(folder), engine="pandas")
    mapped = tmp_path / "ours.yaml"
    mapped.write_text(
        "id: ours\ncolumns:\n  payer_name: [Payer]\nmoney_sign: as_written\n", encoding="utf-8"
    )
    for again in (1, 0):
        found = gather([export], Book.at(folder), engine="pandas", layout=str(mapped))
        assert found.read == again
    files = Book.at(folder).files()
    assert [(file.name, file.number, file.layout) for file in files] == [
        ("a.csv", 1, "ours"), ("b.csv", 2, "generic"),
    ]  # fmt: skip


def test_what_a_killed_run_leaves_in_a_book_is_no_entry(book):
    folder, _ = book
    (folder / "files" / ".tmpabc.json").write_bytes(b"")
    assert len(Book.at(folder).files()) == 1


def test_a_book_of_another_version_is_refused_in_words(book):
    folder, _ = book
    [entry] = (folder / "files").glob("*.json")
    entry.write_text(re.sub(r'"version":\d+', '"version":1', entry.read_text()))
    with pytest.raises(InputError, match="another version of the toolkit"):
        Book.at(folder).files()


def test_one_bad_file_of_a_folder_stops_no_other(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (
        "03-quote-eats-file-open.csv",
        "04-stray-quote-gather-crash-q5.csv",
        "08-far-cell-cellfar.xlsx",
    ):
        shutil.copy(FILES / name, folder / name)
    for engine in ("pandas", "duckdb"):
        words = [
            "worklist",
            str(folder),
            "--as-of",
            DAY,
            "--engine",
            engine,
            "--out",
            str(tmp_path / "w.csv"),
        ]
        assert main([*words, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["denials"] == 1
        [left] = [one for one in answer["findings_list"] if one["code"] == "file_not_read"]
        assert left["count"] == 2

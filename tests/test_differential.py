"""Random small exports say the same in every format, on every engine, in pieces of any size.

`make differential` runs 500 rounds of each; `make test` a few.
"""

import csv
import io
import os
import tempfile
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from toolkit.bulk import Book, gather, triage_book
from toolkit.claims import read
from toolkit.errors import InputError
from toolkit.history import settled
from toolkit.hospital import Hospital
from toolkit.worklist import write_worklist
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

DAY = date(2026, 11, 1)
ROUNDS = int(os.environ.get("DIFFERENTIAL_ROUNDS", "20"))
rounds = settings(
    max_examples=ROUNDS, deadline=None, suppress_health_check=list(HealthCheck),
    derandomize=ROUNDS < 100, phases=(Phase.explicit, Phase.generate),
)  # fmt: skip
KEYS = ["denial_key", "claim_key", "line_key", "file_id", "row"]

# ------------------------------------------------------------------------------------ random exports

HEADINGS = {
    "number": ("Claim Number", "Account Number", "PCN"),
    "payer": ("Payer", "Payor Name"),
    "class": ("Financial Class",),
    "service": ("Service Date", "DOS"),
    "cpt": ("CPT", "Procedure Code"),
    "billed": ("Billed Amount", "Charges"),
    "paid": ("Paid Amount",),
    "group": ("Group Code",),
    "code": ("Reason Code", "CARC", "Denial Code"),
    "remarks": ("Remark Codes",),
    "amount": ("Denied Amount", "Adjustment Amount"),
    "notice": ("Denial Date", "Notice Date"),
    "filed": ("Appeal Filed",),
    "outcome": ("Appeal Outcome", "Outcome"),
    "status": ("Claim Status",),
    "notes": ("Notes",),
}
NEEDED = ("number", "code")
AMOUNTS = ("100.00", "250.5", "$1,234.50", "(75.00)", "-20.00", "0.00", "12", "30.00-", "")
# The sign of a column is decided for each file, so files that are parts of one may differ in it.
NO_TAKEBACKS = tuple(amount for amount in AMOUNTS if "-" not in amount and "(" not in amount)
DAYS = (
    "2026-09-14",
    "09/14/2026",
    "9/4/26",
    "14-SEP-26",
    "20260914",
    "46279",
    "1900-01-01",
    "soon",
    "",
)
CODES = (
    "50", "CO-97", "CO16 N290", "197 | 45", "CO-45", "16/18", "PR-1", "Lack of medical necessity", "XX-9", "", "18", "B7",
)  # fmt: skip
ODD = (
    '5" pipe',
    'said ""yes""',
    "two\nlines",
    "a, b",
    "\x0b",
    "\u2028",
    "\t",
    "'0012",
    '="0012"',
    "1E+10",
    "é",
)

blank_or = lambda values: st.sampled_from(values)  # noqa: E731


@st.composite
def exports(draw, *, odd: bool, amounts: tuple[str, ...] = AMOUNTS):
    """Return headings and rows of cells; `odd` ones have what people's files have too."""
    optional = [name for name in HEADINGS if name not in NEEDED]
    names = [*NEEDED, *draw(st.lists(st.sampled_from(optional), unique=True))]
    names = draw(st.permutations(names))
    headings = [draw(st.sampled_from(HEADINGS[name])) for name in names]
    rows = []
    for claim in range(draw(st.integers(1, 12))):
        fixed = {
            "number": f"A{draw(st.integers(1, 9))}" if odd else f"A{claim}",
            "payer": draw(st.sampled_from(("Harbor Plan", "Elm Mutual"))),
            "class": draw(st.sampled_from(("Medicare", "Commercial", ""))),
            "service": draw(blank_or(DAYS)), "notice": draw(blank_or(DAYS)),
            "status": draw(st.sampled_from(("Denied", "Paid", "", "4"))),
        }  # fmt: skip
        appeal = {
            "filed": draw(st.sampled_from(("", "2026-10-01", "Yes", "No"))),
            "outcome": draw(st.sampled_from(("", "Upheld", "Won", "Pending", "In progress"))),
        }
        money = {  # the same in every row: of rows that contradict each other the first counts
            "billed": draw(st.sampled_from(("300.00", "150", ""))),
            "paid": draw(st.sampled_from(("0.00", "50.00", ""))),
        }
        for line in range(draw(st.integers(1, 3))):
            row = fixed | {
                "cpt": draw(st.sampled_from(("99213", "77080", "99213-25", ""))),
                "group": draw(st.sampled_from(("CO", "PR", ""))),
                "code": draw(blank_or(CODES)),
                "remarks": draw(st.sampled_from(("", "N130", "M20 MA01"))),
                "amount": draw(blank_or(amounts)),
                "notes": draw(st.sampled_from(("", "called", *(ODD if odd else ())))),
            }
            row |= appeal | money
            if odd and line and draw(st.booleans()):
                row |= {name: "" for name in fixed}
            if odd and draw(st.integers(0, 9)) == 0:
                row[draw(st.sampled_from(names))] = draw(st.sampled_from(ODD))
            rows.append([row[name] for name in names])
    if odd:
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(rows)))
            rows.insert(at, draw(st.sampled_from([
                [""] * len(names), headings, ["Grand total", *[""] * (len(names) - 1)],
                rows[0][:-1], [*rows[0], "more"],
            ])))  # fmt: skip
    return headings, rows


def write_csv(path: Path, headings, rows, *, sep=",", encoding="utf-8", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sep, quoting=quoting, lineterminator="\n")
    writer.writerows([headings, *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def write_raw(path: Path, headings, rows):
    """Write the cells without any quotes, as careless systems do."""
    lines = [",".join(row).replace("\n", " ") for row in [headings, *rows]]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_xlsx(path: Path, headings, rows):
    book = xlsxwriter.Workbook(
        str(path), {"strings_to_numbers": False, "strings_to_formulas": False}
    )
    sheet = book.add_worksheet()
    for at, row in enumerate([headings, *rows]):
        for column, cell in enumerate(row):
            sheet.write_string(at, column, cell)
    book.close()
    return path


def write_parquet(path: Path, headings, rows):
    table = pa.table(
        {h: pa.array([row[at] for row in rows], pa.string()) for at, h in enumerate(headings)}
    )
    pq.write_table(table, path, row_group_size=5)
    return path


def write_html(path: Path, headings, rows):
    import html

    cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in [headings, *rows]]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    path.write_text(f"<html><meta charset=utf-8><table>{body}</table></html>", encoding="utf-8")
    return path


# --------------------------------------------------------------------------------------- two answers


def at_once(paths):
    """Return worklist and findings of the files read at once, or the words of the refusal."""
    try:
        claims = settled(read(paths))
    except InputError as error:
        return str(error), None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "once.parquet"
        write_worklist(triage(claims, as_of=DAY, hospital=UNKNOWN), path)
        return pq.read_table(path), findings_of(claims.findings)


def in_pieces(paths, folder: Path, *, engine: str, size: int, rows: int):
    """Return the same, of the files read in small pieces."""
    try:
        book = Book.at(folder / "book")
        found = gather(paths, book, engine=engine, jobs=2, piece_bytes=size, piece_rows=rows)
        with triage_book(
            book,
            found.files,
            as_of=DAY,
            engine=engine,
            jobs=2,
            findings=found.findings,
            part_rows=9,
            hospital=UNKNOWN,
        ) as run:
            told = [run.file_findings, *run.row_findings()]
            run.write(folder / "out.parquet")
        return pq.read_table(folder / "out.parquet"), findings_of(pd.concat(told))
    except InputError as error:
        return str(error), None


def findings_of(findings: pd.DataFrame) -> list[tuple]:
    some = findings[["row", "column", "code", "says"]].astype(object)
    return sorted(map(tuple, some.where(some.notna(), None).to_numpy().tolist()), key=repr)


def plain(worklist: pa.Table, *without: str) -> list[tuple]:
    kept = [name for name in worklist.column_names if name not in without]
    return [tuple(map(str, row.values())) for row in worklist.select(kept).to_pylist()]


def same(one, other, *without: str) -> None:
    if isinstance(one[0], str) or isinstance(other[0], str):
        assert one[0] == other[0]
        return
    assert plain(one[0], *without) == plain(other[0], *without)


# ------------------------------------------------------------------------------------------- the tests


@rounds
@given(exports(odd=True), st.integers(40, 900), st.integers(1, 9), st.booleans())
def test_pieces_of_any_size_give_the_worklist_and_findings_of_the_whole(export, size, rows, raw):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = (write_raw if raw else write_csv)(folder / "a.csv", *export)
        once = at_once([path])
        parts = in_pieces([path], folder, engine="pandas", size=size, rows=rows)
        same(once, parts)
        assert once[1] == parts[1]


@rounds
@given(exports(odd=False), st.sampled_from([",", "\t", ";", "|"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]), st.integers(1, 9))  # fmt: skip
def test_every_format_of_the_same_cells_gives_the_same_worklist(export, sep, encoding, rows):
    headings, cells = export
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = at_once([write_csv(folder / "a.csv", headings, cells)])
        others = [
            write_csv(
                folder / "b.txt", headings, cells, sep=sep, encoding=encoding, quoting=csv.QUOTE_ALL
            ),
            write_xlsx(folder / "c.xlsx", headings, cells),
            write_parquet(folder / "d.parquet", headings, cells),
            write_html(folder / "e.xls", headings, cells),
        ]
        for at, path in enumerate(others):
            found = at_once([path])
            if isinstance(first[0], str):
                assert isinstance(found[0], str)
                continue
            same(first, found, *KEYS)
            again = folder / str(at)
            again.mkdir()
            same(found, in_pieces([path], again, engine="pandas", size=200, rows=rows))


@rounds
@given(
    exports(odd=False, amounts=NO_TAKEBACKS), st.randoms(use_true_random=False), st.integers(1, 3)
)
def test_shuffled_rows_and_files_split_by_claim_give_the_same_denials(export, random, parts):
    headings, rows = export
    number = next(at for at, h in enumerate(headings) if h in HEADINGS["number"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = at_once([write_csv(folder / "whole.csv", headings, rows)])
        claims = sorted({row[number] for row in rows})
        split = []
        for part in range(parts):
            mine = [row for row in rows if claims.index(row[number]) % parts == part]
            by_claim = random.sample(mine, len(mine))
            by_claim.sort(key=lambda row: claims.index(row[number]))
            if mine:
                split.append(write_csv(folder / f"p{part}.csv", headings, by_claim))
        found = at_once(split)
        if isinstance(whole[0], str) or isinstance(found[0], str):
            return
        without = [*KEYS, "other_reasons", "why"]
        assert sorted(plain(whole[0], *without)) == sorted(plain(found[0], *without))

"""The workbook that an analyst works from, and what was filled in into it read back."""

import json
import re
import zipfile
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

from toolkit.cases import CaseStore, event_rules
from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.reports.worked_back import worked_rows
from toolkit.reports.worked_list import BESIDE, IN_VIEW, SHEET_ROWS, columns, write_worked_list
from toolkit.sample import write_sample
from toolkit.worklist import DOLLARS, ENTRIES, WORKLIST

DAY = "2026-03-02"
PAYERS = str(Path(__file__).parent.parent / "data" / "samples" / "payers.csv")


def run(capsys, *words: object) -> tuple[int, dict]:
    code = main([*map(str, words), "--payers", PAYERS, "--as-of", DAY, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with an export, its worklist, and its workbooks: one, in parts, and by owner."""
    folder = tmp_path_factory.mktemp("worked")
    export = write_sample(folder / "export.csv", rows=260, seed=8, as_of=date.fromisoformat(DAY))
    for name, *more in (
        ("list.parquet",), ("once.xlsx",), ("parts.xlsx", "--engine", "duckdb"),
        ("owners.xlsx", "--by-owner"),
    ):  # fmt: skip
        words = ["worklist", str(export), "--out", str(folder / name), *more]
        store = ["--store", str(folder / "none.sqlite")]
        assert main([*words, *store, "--payers", PAYERS, "--as-of", DAY]) == 0
    return folder


def sheet(path: Path, name: str | int = 0) -> pd.DataFrame:
    return pd.read_excel(path, sheet_name=name, dtype="object", engine="calamine")


def xml(path: Path, part: str = "xl/worksheets/sheet1.xml") -> str:
    with zipfile.ZipFile(path) as parts:
        return parts.read(part).decode()


def test_the_workbook_holds_the_worklist_by_the_names_of_its_columns(made):
    book = sheet(made / "once.xlsx")
    names = [DOLLARS.get(c.name, c.name) for c in WORKLIST]
    assert (
        set(names) | {c.name for c in (*ENTRIES, *BESIDE)} == set(book) and book.columns.is_unique
    )
    table = pd.read_parquet(made / "list.parquet").set_index("denial_key").astype("object")
    same = book.set_index("denial_key").loc[table.index]
    for name in names[1:]:
        left, right = table[name], same[name]
        empty = left.isna() | left.eq("")
        assert right[empty].isna().all(), name
        if name in DOLLARS.values():
            left, right = left.astype("float64"), right.astype("float64")
        elif right[~empty].map(type).eq(datetime).any():
            right = right.map(lambda day: day.date(), na_action="ignore")
        assert (left[~empty] == right[~empty]).all(), name


def test_the_workbook_is_the_same_in_parts(made):
    pd.testing.assert_frame_equal(sheet(made / "once.xlsx"), sheet(made / "parts.xlsx"))


def test_what_can_still_be_won_comes_first_by_expected_value_and_date(made):
    book = sheet(made / "once.xlsx")
    ahead = book["due"].isin(["past_safe_date", "due_this_week", "due_later"])
    count = int(ahead.sum())
    assert 0 < count < len(book) and ahead.iloc[:count].all()
    worth = book["expected"].iloc[:count].astype("float64")
    known = worth.notna()
    assert known.iloc[: known.sum()].all() and worth[known].is_monotonic_decreasing
    assert (worth[known] <= book["denied"].iloc[: known.sum()].astype("float64")).all()
    rest = pd.to_datetime(book["file_by"].iloc[known.sum() : count])
    assert rest.is_monotonic_increasing
    assert book["due"].iloc[-1] == "closed" or "closed" not in set(book["due"])


def test_some_columns_are_in_view_and_the_rest_in_hidden_groups(made):
    cols = re.findall(r"<col [^>]*>", xml(made / "once.xlsx"))
    seen = [one for one in cols if "hidden" not in one]
    shown = sum(
        int(re.search(r'max="(\d+)"', one)[1]) - int(re.search(r'min="(\d+)"', one)[1]) + 1
        for one in seen
    )
    assert shown == len(IN_VIEW) <= 16
    assert all('outlineLevel="1"' in one for one in cols if "hidden" in one)
    assert [name for (name, _) in IN_VIEW] == [c.name for c, in_view in columns() if in_view]


def test_the_workbook_filters_prints_and_offers_choices_without_a_formula(made):
    text = xml(made / "once.xlsx")
    assert "<f>" not in text and "<autoFilter" in text
    assert re.search(r'<pane [^>]*ySplit="1"[^>]*state="frozen"', text)
    assert 'orientation="landscape"' in text and 'fitToHeight="0"' in text
    about = xml(made / "once.xlsx", "xl/workbook.xml")
    assert "_xlnm.Print_Titles" in about
    assert re.findall(r'<sheet name="([^"]*)"', about)[0] == "Worklist" and "activeTab" not in about
    choices = re.findall(r'<dataValidation type="(\w+)".*?<formula1>(.*?)</formula1>', text)
    events = [one for one in event_rules().events if one != "note"]
    assert ("list", f'"{",".join(events)}"') in choices
    assert ("list", f'"{",".join(event_rules().outcomes)}"') in choices
    assert [kind for kind, _ in choices].count("list") == 3  # the owners, too


def test_each_denial_has_the_checklist_that_the_command_gives(made, capsys):
    book = sheet(made / "once.xlsx")
    picked = book.drop_duplicates(["route", "due", "denial_category"])
    assert book["next_action"].notna().all() and len(picked) > 15
    for row in picked.head(12).itertuples():
        words = ["--claim", row.denial_key, "--store", made / "none.sqlite"]
        code, answer = run(capsys, "checklist", made / "export.csv", *words)
        assert code == 0
        steps = [f"{one['n']}. {one['do']}" for one in answer["steps"]]
        papers = [f"- {one['what']} (from: {one['from']})" for one in answer["documents"]]
        assert row.checklist.split("\n") == [*steps, "Documents:", *papers]
        assert row.next_action == answer["steps"][0]["do"]


def test_each_owner_has_a_sheet_and_no_row_is_on_two(made):
    whole = sheet(made / "once.xlsx")
    owners = sheet(made / "owners.xlsx", None)
    listed = {name: rows for name, rows in owners.items() if name not in ("About", "Lists")}
    assert set(listed) == set(whole["owner"].fillna("No owner"))
    keys = pd.concat(listed.values())["denial_key"]
    assert keys.is_unique and set(keys) == set(whole["denial_key"])


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path):
    import pyarrow as pa

    table = pa.table({"row": pa.nulls(SHEET_ROWS // 2 + 1, pa.int64())})
    with pytest.raises(Exception, match=r"1,048,575 rows.*\.parquet or \.csv"):
        write_worked_list(
            [table, table], [], tmp_path / "w.xlsx", as_of=date(2026, 3, 2), hospital=None
        )


# ---- reading it back


def worked(book: pd.DataFrame, path: Path, entries: dict[int, dict], drop: str = "") -> Path:
    """Write the rows of a workbook with what somebody filled in, sorted otherwise, by another program."""
    book = book.copy()
    for at, cells in entries.items():
        for name, cell in cells.items():
            book.loc[at, name] = cell
    book = book.iloc[::-1].drop(columns=drop.split())
    with xlsxwriter.Workbook(path) as file:
        page = file.add_worksheet("Mine")
        day = file.add_format({"num_format": "m/d/yyyy"})
        page.write_row(0, 0, list(book))
        for number, row in enumerate(book.itertuples(index=False), 1):
            for at, cell in enumerate(row):
                if isinstance(cell, date):
                    page.write_datetime(number, at, cell, day)
                elif not pd.isna(cell):
                    page.write(number, at, cell)
    return path


@pytest.fixture
def appeals(made):
    """The workbook, and the places of two rows that an appeal can be filed on."""
    book = sheet(made / "once.xlsx")
    fits = book["route"].eq("appeal") & book["due"].eq("due_later") & book["level"].notna()
    return book, list(book.index[fits][:2])


def test_what_was_filled_in_is_recorded_once_and_the_worklist_has_it(
    made, appeals, tmp_path, capsys
):
    book, (first, second) = appeals
    path = worked(
        book, tmp_path / "worked.xlsx",
        {
            first: {"status": "filed", "status_date": date(2026, 3, 1), "notes": "sent by fax"},
            second: {"notes": "waits for the chart", "owner": "Dana Placeholder"},
        },
    )  # fmt: skip
    store = ["--store", tmp_path / "cases.sqlite"]
    words = ["record", made / "export.csv", "--from", path, "--who", "Sam", *store]
    code, answer = run(capsys, *words)
    assert code == 0 and answer["worked"] == 2 and answer["rows"] == len(book)
    made_of = {(one["denial_key"], one["what"]) for one in answer["recorded"]}
    keys = book["denial_key"]
    assert made_of == {
        (keys[first], "filed"), (keys[first], "note"), (keys[second], "note"), (keys[second], "owner"),
    }  # fmt: skip
    assert not answer["changed"] and not answer["not_taken"] and not answer["edited"]
    code, again = run(capsys, *words)
    assert (code, again["recorded"], again["already"]) == (0, [], 4)
    folder = tmp_path / "book"  # the worklist of a book is read back with the book
    assert main(["gather", str(made / "export.csv"), "--book", str(folder), "--json"]) == 0
    capsys.readouterr()
    code, of_book = run(capsys, "record", folder, *words[2:])
    assert (code, of_book) == (0, again)
    code, _ = run(capsys, "worklist", made / "export.csv", "--out", tmp_path / "next.xlsx", *store)
    following = sheet(tmp_path / "next.xlsx").set_index("denial_key")
    assert code == 0 and following.loc[keys[first], "state"] == "awaiting_decision"
    assert following.loc[keys[first], "earlier_notes"] == "sent by fax"
    assert following.loc[keys[second], "owner"] == "Dana Placeholder"
    assert following.loc[keys[second], "status"] is None or pd.isna(
        following.loc[keys[second], "status"]
    )


def test_what_cannot_be_entered_is_named_and_the_rest_is_entered(made, appeals, tmp_path, capsys):
    book, (first, second) = appeals
    other = next(at for at in book.index if at not in (first, second))
    path = worked(
        book, tmp_path / "worked.xlsx",
        {
            first: {"status": "filed", "notes": "no day is given"},
            second: {"status": "paid", "status_date": "yesterday", "status_amount": 5},
            other: {"denial_key": "0000000000000000-1-1", "notes": "of another export"},
        },
    )  # fmt: skip
    code, answer = run(
        capsys, "record", made / "export.csv", "--from", path, "--who", "Sam", "--store", tmp_path / "s.sqlite"
    )  # fmt: skip
    assert code == 3 and "3 cells" in answer["refused"]
    assert {(one["column"], one["denial_key"]) for one in answer["not_taken"]} == {
        ("status", book.loc[first, "denial_key"]), ("status", book.loc[second, "denial_key"]),
        ("denial_key", "0000000000000000-1-1"),
    }  # fmt: skip
    assert [one["what"] for one in answer["recorded"]] == ["note"]
    assert "yesterday" not in json.dumps(answer) and "no day" not in json.dumps(answer)
    with CaseStore(tmp_path / "s.sqlite") as store:
        assert [one.proof for one in store.all_events()] == ["no day is given"]


def test_a_status_and_its_date_are_read_as_people_type_them(made, appeals, tmp_path, capsys):
    book, (first, second) = appeals
    path = worked(
        book, tmp_path / "worked.xlsx",
        {first: {"status": "Filed", "status_date": "2/27/2026"},
         second: {"status": "Records sent", "status_date": "02/26/26"}},
    )  # fmt: skip
    words = ["record", made / "export.csv", "--from", path, "--store", tmp_path / "s.sqlite"]
    assert [run(capsys, *words)[0] for _ in range(2)] == [0, 0]  # the second time nothing is new
    with CaseStore(tmp_path / "s.sqlite") as store:
        assert {(one.event, one.day) for one in store.all_events()} == {
            ("filed", date(2026, 2, 27)), ("records_sent", date(2026, 2, 26)),
        }  # fmt: skip


def test_a_row_that_changed_since_is_named_and_still_entered(made, appeals, tmp_path, capsys):
    book, (first, _) = appeals
    key = book.loc[first, "denial_key"]
    store = ["--store", tmp_path / "cases.sqlite"]
    level = book.loc[first, "level"]
    code, _ = run(
        capsys, "record", made / "export.csv", "--claim", key, "--event", "filed", "--level", level,
        "--date", "2026-02-27", "--who", "Dana", *store,
    )  # fmt: skip
    assert code == 0
    path = worked(book, tmp_path / "worked.xlsx", {first: {"notes": "called the payer"}})
    code, answer = run(
        capsys, "record", made / "export.csv", "--from", path, "--who", "Sam", *store
    )
    assert code == 0 and [one["what"] for one in answer["recorded"]] == ["note"]
    [changed] = answer["changed"]
    assert changed["denial_key"] == key and "state" in changed["columns"]


def test_a_cell_that_is_not_to_be_filled_in_is_named_and_enters_nothing(
    made, appeals, tmp_path, capsys
):
    book, (first, second) = appeals
    path = worked(
        book, tmp_path / "worked.xlsx",
        {first: {"program": "tricare", "denied": 1.5}, second: {"procedure_code": "99999"}},
    )  # fmt: skip
    words = ["--from", path, "--who", "Sam", "--store", tmp_path / "s.sqlite"]
    code, answer = run(capsys, "record", made / "export.csv", *words)
    assert code == 0 and answer["worked"] == 0 and not answer["recorded"]
    assert {one["denial_key"]: one["columns"] for one in answer["edited"]} == {
        book.loc[first, "denial_key"]: ["program", "denied"],
        book.loc[second, "denial_key"]: ["procedure_code"],
    }


def test_rows_of_one_claim_cannot_have_several_owners(made, tmp_path, capsys):
    book = sheet(made / "once.xlsx")
    claim = book["claim_key"].value_counts().index[0]
    places = list(book.index[book["claim_key"].eq(claim)])[:2]
    assert len(places) == 2
    entries = {at: {"owner": name} for at, name in zip(places, ("Ann", "Bo"), strict=True)}
    path = worked(book, tmp_path / "worked.xlsx", entries)
    code, answer = run(
        capsys, "record", made / "export.csv", "--from", path, "--store", tmp_path / "s.sqlite"
    )
    assert code == 3 and [one["column"] for one in answer["not_taken"]] == ["owner", "owner"]


def test_a_workbook_without_the_columns_is_refused(made, tmp_path):
    book = sheet(made / "once.xlsx")
    path = worked(book.head(2), tmp_path / "worked.xlsx", {}, drop="notes level")
    with pytest.raises(InputError, match="no column level, notes"):
        list(worked_rows(path))
    with pytest.raises(InputError, match="no column denial_key"):
        list(worked_rows(worked(book.head(2), tmp_path / "b.xlsx", {}, drop="denial_key")))


def test_sheets_of_owners_are_read_back_too(made):
    rows = list(worked_rows(made / "owners.xlsx"))
    assert len(rows) == len(sheet(made / "once.xlsx")) and not any(row.is_worked for row in rows)
    assert re.fullmatch(r"sheet \d+, row \d+", rows[0].place)

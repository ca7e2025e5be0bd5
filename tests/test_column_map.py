"""`toolkit map` proposes a column map that people correct: never a value, loadable as it is."""

import csv
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from toolkit.claims.export.exports import read_export, totals
from toolkit.claims.export.layouts import layout
from toolkit.claims.export.mapping import as_answer, as_yaml, kind_of_value, propose, write_map
from toolkit.cli import main
from toolkit.errors import ExportError, UsageError

DATA = Path(__file__).parent / "data" / "layouts"
HEADINGS = [
    "Clm Nbr", "Enc Nbr", "Pyr Nam", "Svc Dt", "Reason Cd", "Grp Cd", "Adj Amt", "Pd Amt", "DOB",
    "Ded Amt", "Denial Catgry Txt", "Reazon Cd", "Location",
]  # fmt: skip
ROWS = [
    ["QX71A", "ZZENC1", "ZZPAYER", "13/02/2026", "50", "CO", "1234.56", "0.00", "1950-03-04", "7.77", "ZZCAT", "ZZ1", "ZZEAST"],
    ["QX71B", "ZZENC2", "ZZPAYER", "05/03/2026", "197", "CO", "2345.67", "0.00", "1951-03-05", "8.88", "ZZCAT", "ZZ2", "ZZWEST"],
    ["QX71C", "ZZENC3", "ZZOTHER", "", "16", "CO", "3456.78", "0.00", "1952-03-06", "", "", "ZZ3", ""],
]  # fmt: skip


def unknown(folder: Path, kind: str = "csv", headings=HEADINGS, rows=ROWS) -> Path:
    path = folder / f"vendor.{kind}"
    if kind == "csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([headings, *rows])
    elif kind == "xlsx":
        with xlsxwriter.Workbook(str(path)) as book:
            sheet = book.add_worksheet()
            for at, row in enumerate([["Denials of the month"], headings, *rows]):
                sheet.write_row(at, 0, row)
    else:
        columns = dict(zip(headings, map(list, zip(*rows, strict=True)), strict=True))
        pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_a_map_says_for_each_heading_what_it_may_be_and_what_its_values_are_like(kind, tmp_path):
    proposal = propose(unknown(tmp_path, kind))
    assert proposal.rows == 3
    assert proposal.heading_row == {"csv": 1, "xlsx": 2, "parquet": 1}[kind]
    of = {c.heading: c for c in proposal.columns}
    assert list(of) == HEADINGS
    assert {h: c.state for h, c in of.items()} == {
        "Clm Nbr": "read", "Enc Nbr": "passed_over", "Pyr Nam": "read", "Svc Dt": "read",
        "Reason Cd": "read", "Grp Cd": "read", "Adj Amt": "read", "Pd Amt": "read", "DOB": "read",
        "Ded Amt": "not_read", "Denial Catgry Txt": "not_read", "Reazon Cd": "decide",
        "Location": "read",
    }  # fmt: skip
    assert of["Clm Nbr"].column == "patient_control_number"
    assert of["Reazon Cd"].column == "carc"
    dates = of["Svc Dt"].values
    assert (dates.kind, dates.filled, dates.different) == ("dates", 0.667, 2)
    assert set(dates.date_forms) == {"DD/MM/YYYY", "MM/DD/YYYY or DD/MM/YYYY"}
    assert (dates.first_month, dates.last_month) == ("2026-02", "2026-03")
    assert of["Adj Amt"].values.kind == "amounts"
    assert of["Clm Nbr"].values.kind == "codes"
    assert (of["Pyr Nam"].values.kind, of["Pyr Nam"].values.different) == ("words", 2)


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_no_value_of_the_file_is_in_what_is_proposed(kind, tmp_path, capsys):
    path = unknown(tmp_path, kind)
    proposal = propose(path)
    said = as_yaml(proposal, "vendor") + json.dumps(as_answer(proposal))
    assert main(["map", str(path)]) == 0
    assert main(["map", str(path), "--json"]) == 0
    printed = capsys.readouterr()
    said += printed.out + printed.err
    for value in {cell for row in ROWS for cell in row if len(cell) > 3 and cell != "0.00"}:
        assert value not in said, value
    assert "1950-03" not in said  # of a birth date not even the month


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_a_map_written_and_read_with_gives_what_a_map_by_hand_gives(kind, tmp_path, capsys):
    path, out = unknown(tmp_path, kind), tmp_path / "local" / "layouts" / "vendor.yaml"
    assert main(["map", str(path), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["out"] == str(out)
    by_hand = tmp_path / "hand.yaml"
    by_hand.write_text(
        "id: vendor\ncolumns_of: none\ncolumns: {patient_control_number: [Clm Nbr], "
        "payer_name: [Pyr Nam], service_from: [Svc Dt], carc: [Reason Cd], group_code: [Grp Cd], "
        "denied_amount: [Adj Amt], paid: [Pd Amt], birth_date: [DOB], facility: [Location]}",
        encoding="utf-8",
    )
    made = []
    for number, chosen in enumerate((out, by_hand)):
        worklist = tmp_path / f"{number}.csv"
        command = ["worklist", str(path), "--as-of", "2026-09-30", "--layout", str(chosen)]
        assert main([*command, "--out", str(worklist)]) == 0
        made.append(pd.read_csv(worklist, dtype=str))
    pd.testing.assert_frame_equal(*made)
    assert len(made[0]) == 3


def test_a_map_in_local_layouts_is_found_by_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = unknown(tmp_path)
    before = read_export(path).files["layout"].tolist()
    write_map(propose(path), Path("local/layouts/vendor.yaml"))
    assert before != ["vendor"]
    assert read_export(path).files["layout"].tolist() == ["vendor"]
    assert layout("vendor").not_read == (
        "Enc Nbr", "Ded Amt", "Denial Catgry Txt", "Reazon Cd"
    )  # fmt: skip


def test_several_adjustments_side_by_side_are_read_with_their_map(tmp_path):
    headings = [
        "Clm Nbr",
        "Payer",
        "Grp Cd 1",
        "Rsn Cd 1",
        "Adj Amt 1",
        "Grp Cd 2",
        "Rsn Cd 2",
        "Adj Amt 2",
    ]
    rows = [["A1", "Example Plan", "CO", "45", "30.00", "CO", "97", "100.00"]]
    path = unknown(tmp_path, headings=headings, rows=rows)
    proposal = propose(path)
    assert [c.state for c in proposal.columns] == ["read"] * 5 + ["beside"] * 3
    out = write_map(proposal, tmp_path / "vendor.yaml")
    assert totals(read_export(path, layout=str(out)))["by_group_code"] == {
        "CO-45": "30.00", "CO-97": "100.00",
    }  # fmt: skip


def test_what_is_lacking_is_said_and_a_map_without_it_is_refused(tmp_path, capsys):
    path = unknown(
        tmp_path, headings=["Clm Nbr", "Payer", "Denyal Reazon"], rows=[["A1", "X", "no auth"]]
    )
    out = tmp_path / "vendor.yaml"
    assert main(["map", str(path), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "missing: carc or denial_text or rarc" in shown
    assert "to decide: Denyal Reazon" in shown
    text = out.read_text(encoding="utf-8")
    assert "# LACKING: carc or denial_text or rarc" in text
    assert '#   denial_text: "Denyal Reazon"' in text
    with pytest.raises(ExportError, match="column C may be denial_text"):
        read_export(path, layout=str(out))


def test_a_billing_exports_map_is_one_of_billing(tmp_path):
    path = unknown(
        tmp_path,
        headings=["Acct", "Svc Dt", "Chgs", "Pmts"],
        rows=[["A1", "2026-01-05", "9.00", "1.00"]],
    )
    out = write_map(propose(path), tmp_path / "vendor.yaml")
    assert layout(out).kind == "billing"
    assert totals(read_export(path, layout=str(out)))["billed"] == "9.00"


def test_headings_with_signs_and_capitals_come_back_from_the_map_as_they_were(tmp_path):
    headings = [
        'Claim "No": #',
        "Payer\tName",
        "Reason-Code",
        "yes",
        "- off",
        "{x}: [y]",
        "é\u2028\x85",
    ]
    path = unknown(
        tmp_path, "parquet", headings=headings, rows=[["A1", "X", "16", "1", "2", "3", "4"]]
    )
    out = write_map(propose(path), tmp_path / "vendor.yaml")
    chosen = layout(out)
    assert chosen.columns["patient_control_number"] == ('Claim "No": #',)
    assert chosen.columns["carc"] == ("Reason-Code",)
    assert set(chosen.not_read) == {"yes", "- off", "{x}: [y]", "é\u2028\x85".strip()}


def test_a_map_is_never_written_over_another(tmp_path):
    path, out = unknown(tmp_path), tmp_path / "vendor.yaml"
    out.write_text("mine")
    with pytest.raises(UsageError, match=r"vendor\.yaml: already exists"):
        write_map(propose(path), out)
    assert out.read_text() == "mine"
    with pytest.raises(UsageError, match="a layout in the package has this name"):
        write_map(propose(path), tmp_path / "generic.yaml")
    with pytest.raises(UsageError, match="must end in .yaml"):
        write_map(propose(path), tmp_path / "vendor.csv")


def test_a_file_without_headings_is_refused_and_none_of_it_shown(tmp_path, capsys):
    path = unknown(
        tmp_path,
        headings=["Roe, Jane", "ZZPAYER", "2026-01-05"],
        rows=[["Doe, John", "ZZPAYER", "2026-01-06"]],
    )
    assert main(["map", str(path)]) == 4
    shown = capsys.readouterr()
    assert "none of the first 2 rows looks like headings" in shown.err
    assert "Roe" not in shown.err + shown.out


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("2026-01-05", ("dates", "YYYY-MM-DD")),
        ("20260105", ("dates", "YYYYMMDD")),
        ("01052026", ("dates", "MMDDYYYY")),
        ("1/25/2026", ("dates", "MM/DD/YYYY")),
        ("25/1/26", ("dates", "DD/MM/YY")),
        ("02/03/2026", ("dates", "MM/DD/YYYY or DD/MM/YYYY")),
        ("25-JAN-2026", ("dates", "with the month's name")),
        ("2026-01-05T10:00:00", ("dates", "YYYY-MM-DD")),
        ("$1,234.50", ("amounts", "")),
        ("(12.00)", ("amounts", "")),
        ("12", ("numbers", "")),
        ("CO-45", ("codes", "")),
        ("CO", ("codes", "")),
        ("N130", ("codes", "")),
        ("ICN5551000001", ("ids", "")),
        ("Not medically necessary", ("words", "")),
    ],
)  # fmt: skip
def test_the_kind_of_a_value_is_told_from_its_form(text, kind):
    assert kind_of_value(text) == kind

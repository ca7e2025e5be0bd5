"""The accessor and the exploration: any frame classified, and what is denied shown."""

import json
import re
import subprocess
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

import toolkit.worklist.accessor as accessor
from toolkit.claims import read
from toolkit.denials import classify, normalize_text
from toolkit.denials.official import official_text, official_texts
from toolkit.errors import InputError, UsageError
from toolkit.hospital import Hospital
from toolkit.metrics import tables
from toolkit.reports import explore, monthly, open_exploration, words
from toolkit.worklist.accessor import classify_frame
from toolkit.worklist.triage import triage

UNKNOWN = Hospital.unknown()

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "data" / "samples" / "remits"
NOTEBOOK = ROOT / "notebooks" / "explore_denials.ipynb"
BLOCKS = (
    "about", "trend", "what", "payers", "heat", "changes", "services", "amounts", "drill",
    "second_looks", "unclassified", "rejections",
)  # fmt: skip


# --- the accessor --------------------------------------------------------------------------------


def test_the_accessor_and_the_function_and_the_scalar_give_one_answer():
    frame = pd.DataFrame(
        {
            "group_code": ["CO", "PR", "CO", "OA", "CO"],
            "carc": ["16", "1", "50", "18", "B8"],
            "rarcs": ["MA130", None, "N115 M25", "", None],
            "denial_text": [None, None, "not medically necessary", None, None],
            "procedure_code": ["77080", None, "99214", None, "77080"],
            "program": ["original_medicare", None, "medicare_advantage", None, None],
        },
        index=[7, 7, "b", "c", "d"],
    )
    before = frame.copy()
    found = frame.denials.classify()
    assert found.equals(classify_frame(frame)) and frame.equals(before)
    assert list(found.index) == list(frame.index)
    for (_, row), (_, cells) in zip(found.iterrows(), frame.iterrows(), strict=True):
        given = {k: None if pd.isna(v) else v for k, v in cells.items()}
        one = classify(
            given["group_code"], given["carc"], given["rarcs"] or "",
            text=normalize_text(given["denial_text"]) if given["denial_text"] else None,
            program=given["program"],
        )  # fmt: skip
        for name in ("denial_category", "reason", "route", "decided_by", "appealable", "is_denial"):
            assert row[name] == getattr(one, name)
    assert found["second_look"].tolist()[-1] == "step-therapy-no-drug"
    assert found["hardness"].tolist()[2] == "hard"


@pytest.mark.parametrize(
    "carc", [["16", "16"], ["16.0", "CO-16"], [16, 16], [16.0, None], [" co16 ", "carc 16"]]
)
def test_the_spellings_of_a_spreadsheet_are_understood(carc):
    found = pd.DataFrame({"group_code": [" co", "CO"], "carc": carc}).denials.classify()
    assert found["denial_category"].iloc[0] == "claim_data"
    assert found["findings"].iloc[0] == ""


def test_a_list_of_remark_codes_is_read_as_the_same_text():
    lists = pd.DataFrame({"carc": ["16", "16"], "rarcs": [["M51", "ma-130"], None]})
    texts = pd.DataFrame({"carc": ["16", "16"], "rarcs": ["M51, MA130", ""]})
    names = ["denial_category", "route", "decided_by"]
    assert lists.denials.classify()[names].equals(texts.denials.classify()[names])


def test_a_cell_that_cannot_be_read_is_a_finding_with_its_row_and_column():
    frame = pd.DataFrame(
        {
            "group_code": ["CO", "ZEBRA", "CO", "CO", "CO", "16"],
            "carc": ["16", "16", "QUENTIN", "999", None, None],
            "rarcs": ["M51", "", "", "", "", "PELICAN"],
            "program": ["original_medicare", "OTTER", None, None, None, None],
        }
    )
    found = frame.denials.classify()
    told = {(f["row"], f["column"], f["code"]) for f in found.attrs["findings"]}
    assert {
        (2, "group_code", "not_a_group"),
        (2, "program", "not_a_program"),
        (3, "carc", "not_a_code"),
        (4, "carc", "not_on_file"),
        (5, "carc", "no_reason"),
        (6, "rarcs", "part_not_read"),
    } <= told
    assert found["findings"].iloc[0] == ""
    whole = found.to_csv() + str(found.attrs)
    for value in ("ZEBRA", "QUENTIN", "PELICAN", "OTTER"):
        assert value not in whole


def test_codes_in_each_other_s_column_are_understood_without_a_finding():
    found = pd.DataFrame({"group_code": ["16"], "carc": ["CO"]}).denials.classify()
    assert found["denial_category"].tolist() == ["claim_data"]
    assert found.attrs["findings"] == []


def test_a_frame_without_the_columns_has_no_accessor():
    frame = pd.DataFrame({"group_code": ["CO"], "reason": ["16"]})
    assert not hasattr(frame, "denials")
    with pytest.raises(AttributeError, match="no column carc or denial_text"):
        frame.denials.classify()


def test_an_empty_frame_gives_the_columns():
    full = pd.DataFrame({"carc": ["16"]}).denials.classify()
    empty = pd.DataFrame({"carc": []}).denials.classify()
    assert list(empty) == list(full) and empty.empty


def test_a_procedure_code_is_asked_by_its_family(monkeypatch):
    asked = []
    answer = accessor._answer
    monkeypatch.setattr(accessor, "_answer", lambda **k: asked.append(k) or answer(**k))
    codes = [f"{n:05d}" for n in range(27000, 27400)] + ["77080", "77085", "J3490", "J0897"]
    pd.DataFrame({"carc": "B8", "procedure_code": codes}).denials.classify()
    assert len(asked) == 3  # no family, bone mass, a drug


# --- official wording ----------------------------------------------------------------------------


def test_the_official_wording_is_read_from_the_user_s_own_file_only(tmp_path):
    path = tmp_path / "official_codes.csv"
    assert official_text("carc", "16", path=path) == ""
    path.write_text("list,code,text\nCARC,CO-16,first wording\nrarc,MA-130,second\n")
    assert official_text("carc", "16.0", path=path) == "first wording"
    assert official_texts("CO", "16", ("MA130", "N1"), path=path) == {
        "16": "first wording",
        "MA130": "second",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("list,code\ncarc,16\n", "has no column text"),
        ("list,code,text\nzebra,16,x\n", "row 2: list is one of"),
        ("list,code,text\ncarc,zebra,x\n", "row 2: code or text is empty"),
        (b"list,code,text\ncarc,16,\xff\n", "cannot be read"),
    ],
)
def test_a_defective_file_of_official_codes_says_row_and_column(tmp_path, text, says):
    path = tmp_path / "official_codes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=says) as refused:
        official_text("carc", "16", path=path)
    assert "zebra" not in str(refused.value)


def test_no_official_wording_is_in_the_project():
    held = subprocess.run(
        ["git", "check-ignore", "local/official_codes.csv"], cwd=ROOT, capture_output=True
    )
    assert held.returncode in (0, 128)  # ignored, or no git here
    assert not list(ROOT.glob("toolkit/**/official_codes*"))


# --- the exploration -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    return open_exploration("sample", as_of="2026-03-02", hospital=UNKNOWN)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_block_shows_the_sample(sample, name):
    shown = getattr(explore, name)(sample)
    assert "nan" not in re.sub(r"data:image[^\"]*", "", shown).lower().split()
    for alt in re.findall(r"<img[^>]*>", shown):
        assert re.search(r'alt="[A-Z].{30,}"', alt)


def test_every_way_of_cutting_adds_up_to_the_denials(sample):
    facts = sample.page.facts
    total = words.dollars(facts.cents())
    for block in (explore.what, explore.payers, explore.services, explore.amounts):
        assert total in re.search(r"<tfoot>.*?</tfoot>", block(sample))[0]
    cells = re.search(r"<tfoot>(.*?)</tfoot>", explore.heat(sample))[1]
    dollars = [
        round(float(one.replace(",", "")) * 100) for one in re.findall(r"\$([\d,.]+)", cells)
    ]
    assert sum(dollars) == facts.cents()
    assert (
        tables.by_code(facts)["denials"].sum()
        == tables.by_size(facts)["denials"].sum()
        == facts.count()
    )


def test_the_months_are_those_of_the_reports_and_none_is_left_out(sample):
    shown = re.findall(r"<td>([A-Z][a-z]+ \d{4})</td>", explore.trend(sample))
    months = pd.to_datetime(shown, format="%B %Y").to_series()
    assert months.iloc[-1] == pd.Timestamp(sample.page.facts.month)
    assert months.diff().dropna().dt.days.between(28, 31).all()
    of_reports = tables.by_month(sample.page.facts, 24)
    assert set(of_reports["month"]) <= set(months)


def test_what_changed_is_what_the_monthly_report_says(sample):
    assert monthly.changed(sample.page) in explore.changes(sample)
    assert "the workbook has all" not in explore.changes(sample)


@pytest.mark.parametrize(
    "only",
    [
        {"category": "Medical necessity"},
        {"category": "medical_necessity", "due": "Due later"},
        {"payer": "Harborlight Health", "month": "2026-01"},
        {"route": "appeal"},
        {"code": "CO-50"},
    ],
    ids=lambda one: "-".join(one),
)
def test_a_drill_down_lists_rows_by_our_key_that_add_up(sample, only):
    shown = explore.drill(sample, **only)
    rows = shown.partition("<tbody>")[2] if "month" in only else shown.rpartition("<tbody>")[2]
    keys = re.findall(r">([0-9a-f]{16}-[^<]+)<", rows)
    facts = sample.page.facts
    named = {key: name for key, name in facts.payers.items() if name == only.get("payer")}
    chosen = {"category": "medical_necessity"} if "category" in only else {}
    chosen |= {"due": "due_later"} if "due" in only else {}
    chosen |= {"payer": next(iter(named))} if named else {}
    chosen |= {name: only[name] for name in ("month", "route", "code") if name in only}
    sums = tables.sums_of(facts, chosen)
    assert len(keys) == min(int(sums.denials), 40) > 0
    assert f"{int(sums.denials):,} denial" in shown and words.dollars(int(sums.denied)) in shown


def test_a_value_that_no_denial_has_is_refused_with_those_there_are(sample):
    with pytest.raises(
        UsageError, match=r"no denial has this category; there are: .*Authorization"
    ):
        explore.drill(sample, category="Nothing")
    with pytest.raises(UsageError, match="pick denials by payer, category"):
        explore.drill(sample, patient="x")
    assert "No denial has all of these" in explore.drill(sample, month="2024-07", due="due_later")
    with pytest.raises(UsageError, match="as_of is a date"):
        open_exploration("sample", as_of="March", hospital=UNKNOWN)


def test_the_day_chosen_leaves_out_what_is_later(tmp_path):
    path = SAMPLES / "quirks" / "q01_baseline.835"
    before = open_exploration(str(path), as_of="2000-01-01", hospital=UNKNOWN)
    assert before.page.facts.count() == 0 and "There are no denials" in explore.about(before)


def test_the_public_remittances_are_explored():
    found = open_exploration(str(SAMPLES / "public"), as_of="2026-03-02", hospital=UNKNOWN)
    shown = {name: getattr(explore, name)(found) for name in BLOCKS}
    assert found.page.facts.count() and "$" in shown["what"]
    assert "No 277 or 999 file" in shown["rejections"]


def test_rejections_among_the_files_are_shown_and_counted_nowhere(tmp_path):
    for path in (SAMPLES / "quirks" / "q01_baseline.835",):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    alone = open_exploration(str(tmp_path), as_of="2026-03-02", hospital=UNKNOWN)
    for path in (SAMPLES / "public-277").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    both = open_exploration(str(tmp_path), as_of="2026-03-02", hospital=UNKNOWN)
    assert both.page.facts.count() == alone.page.facts.count()
    assert explore.trend(both) == explore.trend(alone)
    assert "A7 562" in explore.rejections(both)
    assert explore.what(both) == explore.what(alone)


def test_files_without_a_denial_are_said_so(tmp_path):
    path = SAMPLES / "public-277" / "imsweb_x12-parser_x12_277CA_rejected.txt"
    found = open_exploration(str(path), as_of="2026-03-02", hospital=UNKNOWN)
    for name in ("trend", "what", "payers", "heat", "services", "amounts"):
        assert "There are no denials." in getattr(explore, name)(found)
    assert "nothing can be called changed" in explore.changes(found)


VALUES = ("ZEBRA1", "OTTER", "PELICAN7", "WOMBAT")


def written(folder: Path) -> Path:
    path = folder / "export.csv"
    path.write_text(
        "Claim Number,Patient Name,Member ID,Payer,Service From,Procedure Code,Billed Amount,"
        "Paid Amount,Group Code,Reason Code (CARC),Denied Amount,Denial Reason,Remittance Date\n"
        "ZEBRA1,OTTER JANE,PELICAN7,Plan,2026-01-05,77080,200.00,0.00,CO,B8,200.00,"
        "WOMBAT asked,2026-02-20\n"
    )
    return path


def test_no_patient_s_number_or_name_is_shown(tmp_path):
    path = written(tmp_path)
    found = open_exploration(str(path), as_of="2026-03-02", hospital=UNKNOWN)
    shown = "".join(getattr(explore, name)(found) for name in BLOCKS) + found.page.findings()
    for value in VALUES:
        assert value not in shown
    assert "step therapy" in explore.second_looks(found)


def test_a_folder_without_files_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file found"):
        open_exploration(str(tmp_path), as_of="2026-03-02", hospital=UNKNOWN)


# --- the notebook --------------------------------------------------------------------------------


def test_the_notebook_calls_and_keeps_nothing():
    book = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in code)
    assert sum("parameters" in cell["metadata"].get("tags", ()) for cell in code) == 1
    text = "\n".join("".join(cell["source"]) for cell in code)
    assert "def " not in text and "lambda" not in text and "for " not in text
    for name in BLOCKS:
        assert f"explore.{name}(found" in text


def test_the_notebook_runs_by_papermill_on_own_data_and_no_value_leaves_it(tmp_path, monkeypatch):
    import papermill

    monkeypatch.chdir(ROOT)
    path = written(tmp_path)
    given = {"source": str(path), "as_of": "2026-03-02", "category": "Medical necessity"}
    made = tmp_path / "made.ipynb"
    papermill.execute_notebook(
        str(NOTEBOOK), str(made), parameters=given, progress_bar=False, cwd=str(ROOT)
    )
    book = made.read_text(encoding="utf-8")
    assert "Row by row" in book and "1 denial, $200.00 denied" in book
    for value in VALUES:
        assert value not in book


def test_the_exploration_shows_the_denials_of_the_worklist():
    path = SAMPLES / "quirks" / "q01_baseline.835"
    found = open_exploration(str(path), as_of="2026-03-02", hospital=UNKNOWN)
    rows = triage(read(path), as_of=date(2026, 3, 2), hospital=UNKNOWN)
    assert found.page.facts.count() == len(rows)

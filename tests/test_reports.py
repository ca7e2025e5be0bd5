"""The batch reports: whole or absent, private, self-contained, and readable when there is nothing."""

import json
import os
import re
import stat
import tempfile
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import openpyxl
import pandas as pd
import pytest
from reports_sources import AS_OF, SENTINEL, quiet_source, source

from toolkit.errors import ReportError, UsageError
from toolkit.metrics import measures, tables, work
from toolkit.reports import charts, execute, kinds, overdue, pdf, run_reports, words, workbook
from toolkit.reports import page as page_module
from toolkit.reports.page import Page
from toolkit.reports.prepared import PREPARED

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks" / "reports").glob("*.ipynb"))
QUIET = [
    "overdue",
    "outcomes",
]  # run on a source with nothing to say; the others in test_report_numbers
FAILING_VALUE = "ZQXFAILING"
pytestmark = pytest.mark.xdist_group("reports")  # its reports are made once


class _Page(HTMLParser):
    """What a page asks for, and what it says."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[str] = []
        self.images: list[dict] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))

    def handle_data(self, data):
        if self.lasttag != "style":
            self.said.append(data)


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """Give every temporary file of this module's processes one folder that can be looked into."""
    folder = tmp_path_factory.mktemp("temporary")
    before = os.environ.get("TMPDIR"), tempfile.tempdir
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    yield folder
    os.environ.pop("TMPDIR") if before[0] is None else os.environ.update(TMPDIR=before[0])
    tempfile.tempdir = before[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory, temporary):
    """Run every kind on a busy source, and two on a quiet one, once for all tests."""
    out = tmp_path_factory.mktemp("out")
    written = [
        path
        for kinds_, one in ((["all"], source()), (QUIET, quiet_source()))
        for path in run_reports(
            kinds_, [one.source], as_of=AS_OF, out=out, formats=("html", "xlsx", "ipynb"),
            progress=False,
        )
    ]  # fmt: skip
    return {path.name: path for path in written}


@pytest.fixture(scope="module")
def pages(made):
    return {name: p.read_text("utf-8") for name, p in made.items() if p.suffix == ".html"}


def test_each_kind_on_each_source_is_written_under_the_date_with_a_manifest(made):
    names = {
        f"{kind}-{name}.{suffix}"
        for kind in (notebook.stem for notebook in NOTEBOOKS)
        for name in ("synthetic", "quiet")
        if name == "synthetic" or kind in ("overdue_cases", "appeal_outcomes")
        for suffix in ("html", "xlsx", "ipynb")
    }
    assert set(made) == names | {"manifest.json"}
    assert {path.parent.name for path in made.values()} == {"2026-03-02"}


def test_outputs_are_readable_by_their_owner_only(made):
    for path in made.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made["manifest.json"].parent.stat().st_mode) == 0o700


def test_no_personal_value_is_in_a_page_a_notebook_or_the_manifest(made):
    for path in made.values():
        if path.suffix != ".xlsx":
            assert SENTINEL not in path.read_text("utf-8"), path.name


def test_a_run_leaves_nothing_in_the_temporary_folder_or_beside_its_outputs(made, temporary):
    assert not list(temporary.rglob("*"))
    assert set(made["manifest.json"].parent.iterdir()) == set(made.values())


def test_an_executed_notebook_keeps_no_path_parameter_or_widget_state(made):
    for path in made.values():
        if path.suffix == ".ipynb":
            notebook = nbformat.read(path, as_version=4)
            nbformat.validate(notebook)
            assert set(notebook.metadata) == {"kernelspec", "language_info", "toolkit"}
            tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
            assert "injected-parameters" not in tags
            assert "/" + "tmp" not in path.read_text("utf-8")


def test_a_page_asks_for_nothing_from_outside_and_runs_no_script(pages):
    for text in pages.values():
        assert not {"script", "link", "iframe", "object", "base"} & set(_Page(text).tags)
        assert not re.search(r"(src|srcset|data|action)=.?https?:|url\(|@import", text)
        [policy] = re.findall(r'<meta[^>]*"Content-Security-Policy"[^>]*>', text)
        assert "default-src 'none';" in policy and "script-src" not in policy
        assert text.index(policy) < text.index("<style>")


def test_every_chart_says_its_message_in_words(pages):
    images = [image for text in pages.values() for image in _Page(text).images]
    assert len(images) >= 4
    for image in images:
        assert len(image["alt"].split()) >= 8
        assert image["src"].startswith("data:image/png;base64,")


def test_a_page_shows_no_code_and_no_missing_value_mark(pages):
    for name, text in pages.items():
        said = " ".join(_Page(text).said)
        assert "open_page" not in said
        assert not re.search(r"\b(nan|NaN|NaT|None)\b|<NA>", said), name


def test_the_headline_of_the_page_is_that_of_the_metrics(pages):
    book = source().parcel.facts
    said = " ".join(_Page(pages["overdue_cases-synthetic.html"]).said)
    late, money = work.overdue_appeals(book).value, work.overdue_appeals_dollars(book).value
    assert f"{late} appeals worth {words.dollars(money)} are past the last day to file" in said
    assert f"{work.overdue_other_routes(book).value} denials past that day go another route" in said
    assert words.dollars(work.denied_dollars(book).value) in said
    assert "Synthetic data" in said


def test_names_in_the_file_are_shown_as_text_never_as_markup(pages):
    assert "Blue &lt;Ridge&gt; &amp; Co" in pages["overdue_cases-synthetic.html"]
    assert "<Ridge>" not in pages["overdue_cases-synthetic.html"]


def test_a_source_without_appeals_says_so_and_shows_no_empty_section(pages):
    text = pages["appeal_outcomes-quiet.html"]
    assert "no appeal events on file" in text
    assert "verturn rates" not in text
    assert "numbers that agree" in text


def test_a_source_with_nothing_overdue_reads_well(pages):
    text = pages["overdue_cases-quiet.html"]
    assert "no appeal with a known date is past its last day to file" in text
    assert "No denial with a known date is overdue, past the safe date or due this week." in text
    assert "Nothing is missing: every open denial has its date." in text
    assert "No row of the files gave cause for a finding." in text


def test_a_source_whose_dates_are_all_unknown_is_not_said_to_have_nothing_due():
    one = source(rows=40)
    unknown = one.worklist.assign(due="no_date", file_by=pd.NaT, gap="program unknown")
    given = replace(one, worklist=unknown).parcel
    said = overdue.summary(Page(given, one.name, "payer", by_hand=False))
    assert "no denial has a known date to file by" in said
    assert "40 denials have no date" in said
    assert "falls due" not in said


def test_the_manifest_names_inputs_and_counts(made):
    said = json.loads(made["manifest.json"].read_text("utf-8"))
    entry = next(
        e for e in said["reports"] if e["report"] == "overdue" and e["source"] == "synthetic"
    )
    assert entry["denials"] == 400
    assert entry["findings"] == 3
    assert entry["inputs"][0]["file_id"] == "ab12cd34"
    assert set(entry["files"]) == {
        f"overdue_cases-synthetic.{s}" for s in ("html", "xlsx", "ipynb")
    }
    assert len(said["reports"]) == len(NOTEBOOKS) + len(QUIET)
    assert "papermill" in said["versions"]


def test_a_later_run_keeps_the_manifest_entries_of_reports_that_still_stand(made):
    folder = made["manifest.json"].parent
    run_reports(
        ["overdue"], [source("third", rows=30).source], as_of=AS_OF, out=folder.parent,
        formats=("xlsx",), progress=False,
    )  # fmt: skip
    (folder / "overdue_cases-third.xlsx").unlink()
    run_reports(
        ["overdue"], [source("fourth", rows=30).source], as_of=AS_OF, out=folder.parent,
        formats=("xlsx",), progress=False,
    )  # fmt: skip
    (folder / "overdue_cases-fourth.xlsx").unlink()
    said = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert [e["source"] for e in said["reports"] if e["report"] == "overdue"] == [
        "fourth", "quiet", "synthetic",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """Notebooks that show a value and stop, and one whose parameters cell lacks a name."""
    folder = tmp_path_factory.mktemp("failing")
    raises = (
        "import sys\nimport pandas as pd\n"
        "found = pd.read_parquet(folder + '/denials.parquet')['payer_name'].iloc[0]\n"
        "print(found); print(found, file=sys.stderr)\n"
        "raise ValueError(found)"
    )
    names = "folder = ''\nas_of = ''\nsource = ''\nby = ''"
    for kind, parameters, code in (
        ("stops", names, raises),
        ("lacks", names.replace("by = ''", ""), "1"),
    ):
        said = {"kind": kind, "title": kind, "metrics": ["overdue"], "sheets": ["about"]}
        cells = [
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(code),
        ]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = nbformat.v4.new_notebook(
            cells=cells, metadata={"toolkit": said, "kernelspec": kernel}
        )
        nbformat.write(notebook, folder / f"{kind}.ipynb")
    return folder


def test_a_notebook_that_fails_leaves_its_cell_and_error_type_and_nothing_else(
    failing, temporary, tmp_path, monkeypatch, capfd
):
    monkeypatch.setattr(kinds, "_FOLDERS", (failing,))
    one = source(rows=30)
    one = replace(one, worklist=one.worklist.assign(payer_name=FAILING_VALUE))
    with pytest.raises(ReportError) as stopped:
        run_reports(["all"], [one.source], as_of=AS_OF, out=tmp_path / "out")
    assert str(stopped.value) == (
        "lacks-synthetic: its notebook stopped: no parameter named by; "
        "stops-synthetic: cell 2 stopped: ValueError. No report was written."
    )
    assert stopped.value.__cause__ is None
    shown = capfd.readouterr()
    assert FAILING_VALUE not in shown.out + shown.err
    assert not list(tmp_path.rglob("*"))
    assert not list(temporary.rglob("*"))


def test_a_notebook_that_cannot_even_be_inspected_stops_with_its_error_type(tmp_path):
    broken = tmp_path / "broken.ipynb"
    broken.write_text(f"{{{FAILING_VALUE}")
    stop = execute.make({"notebook": str(broken), "parameters": {"folder": ""}})
    assert stop["cell"] is None
    assert FAILING_VALUE not in stop["error"]


def test_a_kernel_that_dies_at_its_start_is_tried_once_more(monkeypatch):
    from nbclient.exceptions import DeadKernelError

    tries = []

    def die_once(task):
        tries.append(task)
        if len(tries) == 1:
            raise DeadKernelError("Kernel died")

    monkeypatch.setattr(execute, "_make", die_once)
    assert list(execute.make({"notebook": str(NOTEBOOKS[0]), "parameters": {}})) == ["seconds"]
    assert len(tries) == 2


def test_numbers_that_do_not_agree_stop_the_run_before_a_file_is_written(tmp_path):
    one = source(rows=30)
    twice = replace(one, worklist=one.worklist.assign(denial_key="same"))
    with pytest.raises(ReportError, match="each denial stands once: 0 and 30 denials"):
        run_reports(["all"], [twice.source], as_of=AS_OF, out=tmp_path / "out", progress=False)
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kinds": ["nothing"]}, "overdue"),
        ({"formats": ("docx",)}, "html, xlsx, pdf, ipynb"),
        ({"by": "patient"}, "payer, facility"),
        ({"jobs": 0}, "1 or more"),
        ({"sources": []}, "no source"),
        ({"sources": [source("A b", rows=5).source, source("a-b", rows=5).source]}, "same name"),
    ],
)
def test_a_wrong_call_is_told_what_is_right(wrong, says, tmp_path):
    call = {"kinds": ["all"], "sources": [source(rows=5).source]} | wrong
    with pytest.raises(UsageError, match=says):
        run_reports(call.pop("kinds"), call.pop("sources"), as_of=AS_OF, out=tmp_path, **call)


def test_a_machine_without_chromium_is_told_the_command_that_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(ReportError, match="apt install chromium"):
        run_reports(["all"], [source(rows=5).source], as_of=AS_OF, out=tmp_path, formats=("pdf",))


def _workbook(tmp_path, one, kind="overdue", by="payer"):
    path = tmp_path / "book.xlsx"
    workbook.write(
        path, kind=kinds.kinds()[kind], source=one.source, given=one.parcel, name=one.name, by=by
    )
    return openpyxl.load_workbook(path)


def test_text_that_looks_like_a_formula_stays_text_in_the_workbook(tmp_path):
    for start in "=+-@\t":
        one = source(rows=12)
        hostile = f"{start}cmd|' /C calc'!A0"
        one = replace(
            one, worklist=one.worklist.assign(payer_name=hostile, patient_control_number=hostile)
        )
        book = _workbook(tmp_path, one)
        cells = [c for sheet in book for row in sheet.iter_rows() for c in row if c.value]
        held = [c for c in cells if c.value == hostile]
        assert held
        assert {c.data_type for c in held} == {"s"}
        assert all(c.quotePrefix for c in held)
        assert not [c for c in cells if c.data_type == "f" or c.hyperlink]


def test_the_workbook_gives_an_analyst_dates_amounts_and_account_numbers(tmp_path):
    one = source(rows=80)
    book = _workbook(tmp_path, one)
    assert {"About", "Headline", "Worklist", "By payer", "What to fill in", "Findings",
            "Definitions"} <= set(book.sheetnames)  # fmt: skip
    sheet = book["Worklist"]
    assert "patient account" in sheet["A1"].value
    headings = [c.value for c in sheet[2]]
    rows = [dict(zip(headings, (c.value for c in row), strict=True)) for row in sheet.iter_rows(3)]
    open_ = one.worklist[one.worklist["due"].isin(tables.OPEN)]
    assert len(rows) == len(open_)
    assert round(sum(r["Denied"] for r in rows) * 100) == open_["denied_cents"].sum()
    assert rows[0]["Due"] == "Overdue"
    assert rows[0]["File by"].year in (2025, 2026)
    assert all(SENTINEL in r["Patient control number"] for r in rows)
    assert sheet.freeze_panes == "B3"
    assert sheet.auto_filter.ref


def test_account_numbers_stand_on_the_worklist_and_appeals_sheets_only(tmp_path):
    for kind, allowed in (("overdue", "Worklist"), ("outcomes", "Appeals"), ("plan", "Plan")):
        book = _workbook(tmp_path, source(rows=60), kind)
        found = {
            sheet.title
            for sheet in book
            for row in sheet.iter_rows(values_only=True)
            if any(SENTINEL in str(value) for value in row)
        }
        assert found == {allowed}


def test_a_workbook_of_nothing_says_so_on_each_sheet(tmp_path):
    book = _workbook(tmp_path, quiet_source(), "outcomes", by="facility")
    assert "By facility" in book.sheetnames
    for name in ("Appeals", "By facility", "What to fill in"):
        said = " ".join(str(c.value) for row in book[name].iter_rows() for c in row if c.value)
        assert "There are no appeal events." in said


def test_a_chart_without_words_is_refused():
    from matplotlib.figure import Figure

    with pytest.raises(ValueError, match="alternative text"):
        charts.figure_html(Figure(), " ")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_report_notebook_calls_and_holds_no_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) <= 16
    for cell in code:
        assert not cell.outputs
        assert cell.execution_count is None
        assert not re.search(r"^\s*(def|class|for|lambda)\b", cell.source, re.MULTILINE)
    tagged = [c for c in code if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1


@pytest.fixture(scope="module")
def one_sample():
    """Make the sample of the notebooks run by hand once."""
    before, page_module._sample = page_module._sample, cache(page_module._sample)
    yield
    page_module._sample = before


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_report_notebook_runs_by_hand_on_a_sample_of_its_own(path, one_sample):
    names: dict = {}
    shown = []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            *before, last = cell.source.strip().split("\n")
            exec("\n".join(before), names)
            if "parameters" in cell.metadata.get("tags", []):
                exec(last, names)
            else:
                shown.append(eval(last, names)._repr_html_())
    assert shown[0].startswith('<div class="report"><style>')
    assert "Synthetic data" in shown[0]
    assert all(shown[1:])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_notebook_is_a_kind_whose_sheets_and_metrics_exist(path):
    [kind] = [one for one in kinds.kinds().values() if one.file == path.stem]
    assert set(kind.sheets) <= set(workbook.SHEETS)
    assert {"about", "findings", "definitions"} <= set(kind.sheets)
    assert set(kind.prepares) <= set(PREPARED)
    known = {one.definition.id for one in measures()}
    assert kind.metrics and set(kind.metrics) <= known
    assert len(set(kind.metrics)) == len(kind.metrics)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"metrics": ["overdue", "overdoo"]}, "no metric named overdoo; there are: denials,"),
        ({"metrics": "work"}, "Expected `array`"),
        ({"sheets": ["about", "sheet7"]}, "no sheet named sheet7; there are: about,"),
        ({"prepares": ["plans"]}, "no table to prepare named plans; there are: differences,"),
    ],
)
def test_a_notebook_that_names_what_there_is_not_is_refused(wrong, says, tmp_path, monkeypatch):
    said = {"kind": "new", "title": "New", "metrics": ["overdue"], "sheets": ["about"]} | wrong
    notebook = nbformat.v4.new_notebook(metadata={"toolkit": said})
    nbformat.write(notebook, tmp_path / "new.ipynb")
    monkeypatch.setattr(kinds, "_FOLDERS", (tmp_path,))
    with pytest.raises(ReportError, match="new.ipynb: metadata.toolkit") as refused:
        run_reports(["all"], [source(rows=5).source], as_of=AS_OF, out=tmp_path / "out")
    assert says in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_an_executed_notebook_says_the_parameters_that_it_ran_with(made):
    notebook = nbformat.read(made["overdue_cases-quiet.ipynb"], as_version=4)
    [cell] = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    given: dict = {}
    exec(cell.source, given)
    assert {n: given[n] for n in ("folder", "as_of", "source", "by")} == {
        "folder": "", "as_of": "2026-03-02", "source": "quiet", "by": "payer",
    }  # fmt: skip

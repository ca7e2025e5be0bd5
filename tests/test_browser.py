"""The desk as an app, and the notebooks in JupyterLab, driven in a real Chromium. A missing Chromium fails, with the command that helps."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import sys
import time
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from docx import Document
from playwright.sync_api import expect
from pypdf import PdfReader

from toolkit.sample import write_sample

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import desk_picture as driver  # noqa: E402  # the script that takes the desk's picture drives the same Lab

REPORTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "notebooks").rglob("*.ipynb")
    if path.stem != "draft_letters" and ".ipynb_checkpoints" not in path.parts
)
# Those that every run opens by hand; the others are run by papermill in it, and by hand in a long one.
OFTEN = ("explore_denials", "overdue_cases")
TYPED = {"signer_name": "Zelda Typedname, MD", "category_finding": "a typed finding"}

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return driver.project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def lab(place):
    # A user's own settings may ask for what must not be saved.
    saving = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}
    with driver.lab(place, settings=saving) as running:
        yield running


@pytest.fixture(scope="module")
def chromium():
    with driver.browser() as started:
        yield started


@pytest.fixture
def page(chromium):
    opened = chromium.new_page(viewport={"width": 1280, "height": 1000})
    opened.set_default_timeout(driver.PATIENCE)
    yield opened
    opened.close()


def fits(page) -> bool:
    """Nothing of the desk stands out over its right edge, but what can be scrolled or is only read aloud."""
    return page.locator(".dd-desk").evaluate(
        """desk => {
            const edge = desk.getBoundingClientRect().right + 1;
            return [...desk.querySelectorAll('*')].filter(node => node.offsetParent)
                .filter(node => !node.closest('.dd-say, .law-scroll, .dd-scroll'))
                .filter(node => getComputedStyle(node.closest('thead') ?? node).clipPath === 'none')
                .every(node => node.getBoundingClientRect().right <= edge);
        }"""
    )


def test_a_letter_is_drafted_from_the_list_to_the_files_in_a_real_browser(lab, page, place):
    notebook = "notebooks/draft_letters.ipynb"
    driver.run_all(page, lab, notebook)
    expect(page.locator(".dd-case:visible")).to_have_count(25)
    assert fits(page)
    driver.pick_dexa(page)
    account = page.locator(".dd-case-head dd").first.inner_text()
    facts = driver.facts(date.today()) | TYPED  # noqa: DTZ011  # as the notebook does
    driver.fill_in(page, facts)
    expect(page.locator(".dd-missing")).to_contain_text("Nothing is missing")
    expect(page.locator(".dd-preview .letter")).to_contain_text("Zelda Typedname, MD")
    assert fits(page)
    nameless = page.locator(".dd-desk").evaluate(
        """desk => [...desk.querySelectorAll('input, select, textarea, button')]
            .filter(node => node.offsetParent)
            .filter(node => !(node.textContent.trim() && node.tagName === 'BUTTON')
                && ![...(node.labels ?? [])].some(label => label.textContent.trim())).length"""
    )
    assert nameless == 0

    for ending in ("docx", "pdf"):
        page.get_by_role("button", name=f"Save {ending.upper()}").click()
        saved = page.locator(".dd-notice-letter")
        expect(saved).to_contain_text(re.compile(rf"Saved: reports/letters/\S+\.{ending}"))
        path = place / re.search(r"Saved: (\S+)", saved.inner_text())[1]
        words = _docx(path) if ending == "docx" else _pdf(path)
        assert "Zelda Typedname, MD" in words and "a typed finding" in words
        assert account not in path.name and "Zelda" not in str(path)

    page.set_viewport_size({"width": 1000, "height": 900})
    assert fits(page)
    page.locator(".lm-MenuBar-item", has_text=re.compile("^File$")).click()
    page.locator('.lm-Menu-item[data-command="docmanager:save"]').first.click()
    expect(page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")).to_have_count(0)
    kept = (place / notebook).read_text(encoding="utf-8")
    assert "widgets" not in json.loads(kept)["metadata"]
    assert [cell["execution_count"] for cell in json.loads(kept)["cells"] if "outputs" in cell]
    everything_else = kept + lab.log.read_text(encoding="utf-8", errors="replace")
    for value in (account, "Zelda", "a typed finding", "Testpatient", "Harborlight"):
        assert value not in everything_else
    assert (place / "local" / "cases.sqlite").exists()


def a_case(page, at: int = 0) -> None:
    """Open a case of the list by the keyboard."""
    row = page.locator(".dd-open-case").nth(at)
    expect(row).to_be_visible()
    row.press("Enter")
    expect(page.locator(".dd-case-head h2")).to_be_visible()


def correct_dates(page):
    """Show the facts behind the date, and return the field of the notice's date with its note."""
    box = page.locator(".dd-correct input")
    if not box.is_checked():
        box.check()
    fact = page.locator(".dd-fact-notice_date")
    expect(fact).to_be_visible()
    return fact, fact.locator("input")


def entries(place: Path) -> list[tuple]:
    """What the case store of a project holds: kind, name and value of each entry."""
    store = place / "local" / "cases.sqlite"
    if not store.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as db:
        return db.execute("SELECT kind, name, value FROM entries ORDER BY entry").fetchall()


SEEN_UNGUARDED = """
setInterval(() => {
  const shown = document.querySelector(".dd-desk .dd-open-case");
  if (shown && !shown.closest("[data-dd-guarded]")) window.seenUnguarded = true;
}, 5);
"""


def test_a_date_typed_digit_by_digit_is_stored_once_and_only_when_it_is_a_day(chromium, tmp_path):
    place = driver.project(tmp_path)
    with driver.lab(place) as running:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.add_init_script(SEEN_UNGUARDED)
        driver.run_all(page, running, "notebooks/draft_letters.ipynb")
        a_case(page)
        assert not page.evaluate("window.seenUnguarded"), "text typed at once would not be marked"
        fact, control = correct_dates(page)
        before = control.input_value()
        control.fill("")
        page.keyboard.type("02/31/2026")
        expect(fact).to_have_class(re.compile("dd-typed"))
        control.blur()
        expect(fact).to_contain_text("Not saved: there is no such day")
        expect(fact).not_to_have_class(re.compile("dd-typed"))
        assert control.input_value() == "02/31/2026" and entries(place) == []
        fact.get_by_role("button", name="Drop it").click()
        expect(control).to_have_value(before)
        month, day, year = before.split("/")
        control.fill("")
        page.keyboard.type(f"{int(month)}/{int(day)}/{year}")
        control.blur()
        expect(fact.locator(".widget-html")).to_contain_text(driver.SAVED)
        made = [one for one in entries(place) if one[0] == "fact"]
        assert made == [("fact", "notice_date", f"{year}-{month}-{day}")]
        page.close()


def test_keys_typed_on_the_desk_never_reach_the_notebook(lab, page):
    driver.run_all(page, lab, "notebooks/draft_letters.ipynb")
    expect(page.locator(".dd-desk[data-dd-guarded]")).to_have_count(1)
    kinds = [cell.get_attribute("class") for cell in page.locator(".jp-Cell").all()]
    count = len(kinds)
    for target in ("button.dd-open", "button.dd-badge", ".dd-open-case", ".dd-desk h1"):
        at = page.locator(target).first
        at.click() if target.endswith("h1") else at.focus()
        assert page.evaluate("document.querySelector('.dd-desk').contains(document.activeElement)")
        page.keyboard.type("Eddy dd xx yy m aabb 00")
        page.keyboard.press("Shift+M")
        expect(page.locator(".jp-Cell")).to_have_count(count)
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        expect(page.locator(".dd-desk")).to_have_count(1)
    after = [cell.get_attribute("class") for cell in page.locator(".jp-Cell").all()]
    types = [
        [re.findall(r"jp-(?:Code|Markdown|Raw)Cell", one) for one in some]
        for some in (kinds, after)
    ]
    assert types[0] == types[1]


def test_the_app_goes_from_a_file_to_a_filing_with_no_outside_request_and_ends_with_its_kernels(
    chromium, tmp_path
):
    place = driver.project(tmp_path)
    export = tmp_path / "the export.csv"
    day = date.today()  # noqa: DTZ011  # as the desk does
    write_sample(export, rows=60, seed=7, as_of=day)
    asked: list[str] = []
    errors: list[str] = []
    with driver.desk(place) as running:
        page = chromium.new_page(viewport={"width": 600, "height": 1000}, color_scheme="dark")
        page.set_default_timeout(driver.PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))

        page.goto(running.app, wait_until="commit")
        rows = page.locator(".dd-open-case")
        expect(rows.first).to_be_visible()
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.dd-desk')).colorScheme")
            == "dark"
        )
        assert violations(page) == [] and fits(page) and page.title() == "Denial desk"

        page.locator(".dd-more input").check()
        page.locator(".dd-incoming-file input").set_input_files(export)
        expect(page.locator(".dd-notice-top")).to_contain_text("Press Open")
        assert (place / "data" / "incoming" / export.name).read_bytes() == export.read_bytes()
        summary = page.locator(".dd-summary")
        page.locator("button.dd-open").click()
        expect(summary).to_contain_text(f"{export.name}:")
        page.locator(".dd-files select").select_option("the synthetic sample")
        page.locator("button.dd-open").click()
        expect(summary).to_contain_text("The synthetic sample")

        # The case that expires next, of those that have a letter and are not past their last day.
        letters = page.get_by_role("combobox", name="Letter", exact=True)
        letters.select_option("a letter exists for it")
        badge = page.get_by_role("button", name=re.compile("^Due this week"))
        badge.press("Enter")
        expect(badge).to_have_attribute("aria-pressed", "true")
        account = rows.first.inner_text()
        a_case(page)
        driver.enter(page, "signer_name", TYPED["signer_name"])
        expect(page.locator(".dd-preview .letter")).to_contain_text(TYPED["signer_name"])
        draft = page.locator(".dd-as-draft input")
        if draft.is_visible():
            draft.check()
        page.locator("button.dd-save-docx").click()
        expect(page.locator(".dd-notice-letter")).to_contain_text("Saved")
        with page.expect_download() as download:
            page.locator(".dd-paper .dd-download button").click()
        got = Path(download.value.path())
        (saved,) = (place / "reports" / "letters").rglob("*.docx")
        assert download.value.suggested_filename == saved.name
        assert got.read_bytes() == saved.read_bytes()
        assert TYPED["signer_name"] in _docx(saved)
        assert violations(page) == [] and fits(page)
        page.locator("button.dd-of-payer").click()
        expect(page.locator(".dd-payer-form .dd-fields")).to_be_visible()
        assert violations(page) == [] and fits(page)
        page.locator("button.dd-leave-settings").click()

        typed = page.locator(".dd-record-day input")
        typed.fill(day.strftime("%m/%d/%Y"))
        typed.blur()
        page.locator("button.dd-record-save").click()
        expect(page.locator(".dd-notice-record")).to_contain_text("awaiting a decision")
        wait_until(page, lambda: len(kernels_of(running)) == 2, "no kernel waits for the next page")
        before = kernel_of(page, running)
        (waits,) = set(kernels_of(running)) - {before}
        page.reload(wait_until="commit")
        expect(rows.first).to_be_visible()
        assert kernel_of(page, running) == waits
        page.locator(".dd-search input").fill(account)
        row = page.locator(".dd-case", has_text="Awaiting a decision")
        expect(row.first).to_contain_text(account)
        wait_until(
            page, lambda: before not in kernels_of(running), "the first page's kernel still runs"
        )

        assert len(kernels_of(running)) <= 2
        kernels, shared = kernels_of(running), list(running.log.parent.glob("denial-run-*/*"))
        running.server.terminate()
        assert running.server.wait(timeout=driver.PATIENCE / 1000) == 0
        assert shared and not list(running.log.parent.glob("denial-run-*"))
        wait_until(page, lambda: not any(map(runs, kernels)), "a kernel outlived the server")
        said = running.log.read_text(encoding="utf-8", errors="replace")
        page.close()
    web = [urlsplit(url) for url in asked if not url.startswith(("data:", "blob:"))]
    assert len(web) > 20 and {one.scheme for one in web} == {"http", "ws"}
    assert {one.netloc for one in web} == {f"127.0.0.1:{running.port}"}
    assert not any("Content Security Policy" in error for error in errors), errors
    assert f"http://127.0.0.1:{running.port}/" in said
    for value in (account, TYPED["signer_name"], "Harborlight", export.name):
        assert value not in said


def runs(process: int) -> bool:
    """Say whether a process is there and is not only a name in the table."""
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[
            0
        ] != "Z"
    except OSError:
        return False


def test_a_dead_kernel_is_said_on_the_page_and_what_was_typed_stays_marked(chromium, tmp_path):
    place = driver.project(tmp_path)
    with driver.lab(place) as running:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        driver.run_all(page, running, "notebooks/draft_letters.ipynb")
        driver.pick_dexa(page)
        driver.enter(page, "signer_name", "Zelda Typedname, MD")
        confirmed = entries(place)
        page.locator(".dd-record-proof input").fill("a note for no button yet")
        fact = page.locator(".dd-fact-signer_title")
        fact.locator("input").click()
        page.keyboard.type("Physician adv")
        (kernel,) = kernels_of(running)
        os.kill(kernel, signal.SIGKILL)
        banner = page.locator(".dd-lost-banner")
        expect(banner).to_be_visible()
        expect(banner).to_contain_text("does not answer: nothing can be saved")
        expect(banner).to_contain_text("2 fields hold text that is not saved")
        dialog = page.locator(".jp-Dialog")
        expect(dialog.or_(banner).first).to_be_visible()
        if dialog.count():
            dialog.get_by_role("button").last.click()
        expect(fact).to_have_class(re.compile("dd-typed"))
        expect(fact).not_to_contain_text("saved.")
        assert fact.locator("input").input_value() == "Physician adv"
        assert fact.locator("input").get_attribute("readonly") is not None
        able = page.locator(".dd-desk").locator("button:visible:enabled, select:visible:enabled")
        expect(able).to_have_count(0)
        # A new kernel in its place does not know this desk: the page goes on saying so.
        expect(driver.idle(page)).to_be_visible()
        expect(banner).to_be_visible()
        assert (
            entries(place) == confirmed
            and ("fact", "signer_name", "Zelda Typedname, MD") in confirmed
        )
        driver.press_run_all(page)
        expect(page.locator(".dd-lost-banner:visible")).to_have_count(0)
        begun = page.get_by_role("combobox", name="Letter", exact=True)
        begun.select_option("work has begun")
        expect(page.locator(".dd-shown")).to_contain_text("1 to 1 of 1 case")
        a_case(page)
        saved = page.locator(".dd-fact-signer_name input")
        expect(saved).to_have_value("Zelda Typedname, MD")
        page.close()


def kernels_of(running) -> list[int]:
    """The process ids of the kernels that a server has started and that run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == running.server.pid and state != "Z":
                command = (stat.parent / "cmdline").read_bytes()
                if b"ipykernel" in command:
                    found.append(int(stat.parent.name))
    return found


def kernel_of(page, running) -> int:
    """The process id of the kernel that a page of the app has; another may wait for the next page."""
    asked = "() => JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"
    name = page.evaluate(asked).encode()
    (kernel,) = (
        one for one in kernels_of(running) if name in Path(f"/proc/{one}/cmdline").read_bytes()
    )
    return kernel


def wait_until(page, holds, says: str) -> None:
    """Wait, as long as a page is waited for, until this holds."""
    end = time.monotonic() + driver.PATIENCE / 1000
    while not holds():
        assert time.monotonic() < end, says
        page.wait_for_timeout(200)


def test_two_tabs_on_one_case_show_each_other_s_entries_and_write_over_none(chromium, tmp_path):
    place = driver.project(tmp_path)
    with driver.lab(place) as running:
        tabs = [chromium.new_page(viewport={"width": 1280, "height": 1000}) for _ in range(2)]
        for page in tabs:
            driver.run_all(page, running, "notebooks/draft_letters.ipynb")
            driver.pick_dexa(page)
        one, other = tabs
        driver.enter(other, "signer_name", "From the other tab")
        expect(one.locator(".dd-changed")).to_contain_text("Somebody else has changed this case")
        fact = one.locator(".dd-fact-signer_name")
        fact.locator("input").fill("From this tab")
        fact.locator("input").blur()
        expect(fact).to_contain_text("In the store now: From the other tab")
        assert fact.locator("input").input_value() == "From this tab"
        names = [value for kind, name, value in entries(place) if name == "signer_name"]
        assert names == ["From the other tab"]
        fact.get_by_role("button", name="Save it all the same").click()
        expect(fact.locator(".widget-html")).to_contain_text(driver.SAVED)
        names = [value for kind, name, value in entries(place) if name == "signer_name"]
        assert names == ["From the other tab", "From this tab"]
        for page in tabs:
            page.close()


def test_a_case_is_found_filed_and_seen_waiting_by_the_keyboard_alone(chromium, tmp_path):
    place = driver.project(tmp_path)
    with driver.lab(place) as running:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        driver.run_all(page, running, "notebooks/draft_letters.ipynb")
        rows = page.locator(".dd-open-case")
        expect(rows.first).to_be_visible()
        says = page.locator(".dd-shown")
        rows.first.focus()
        page.keyboard.press("ArrowDown")
        expect(rows.nth(1)).to_be_focused()
        page.keyboard.press("PageDown")
        expect(says).to_contain_text("26 to 50")
        expect(rows.first).to_be_focused()
        page.keyboard.press("PageUp")
        expect(says).to_contain_text("1 to 25")
        heading = page.get_by_role("columnheader", name="Denied")
        heading.get_by_role("button").press("Enter")
        expect(heading).to_have_attribute("aria-sort", "ascending")
        expect(heading.get_by_role("button")).to_be_focused()
        badge = page.get_by_role("button", name=re.compile("^Due this week"))
        badge.press("Enter")
        expect(badge).to_have_attribute("aria-pressed", "true")
        expect(badge).to_be_focused()
        account = rows.first.inner_text()
        rows.first.press("Enter")
        expect(page.locator(".dd-back button, button.dd-back")).to_be_focused()
        day = date.today().strftime("%m/%d/%Y")  # noqa: DTZ011  # as the notebook does
        typed = page.locator(".dd-record-day input")
        typed.fill(day)
        typed.blur()
        page.locator("button.dd-record-save").press("Enter")
        notice = page.locator(".dd-notice-record")
        expect(notice).to_contain_text("awaiting a decision")
        page.locator("button.dd-back").press("Enter")
        badge.press("Enter")
        page.locator(".dd-search input").fill(account)
        row = page.locator(".dd-case", has_text="Awaiting a decision")
        expect(row.first).to_contain_text(account)
        assert any(kind == "event" and name == "filed" for kind, name, _ in entries(place))
        page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_violation_on_any_screen_and_nothing_is_cut_off_or_faint(
    chromium, tmp_path, theme
):
    dark = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}
    with driver.lab(
        driver.project(tmp_path), settings=dark if theme == "dark" else None
    ) as running:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        driver.run_all(page, running, "notebooks/draft_letters.ipynb")
        expect(page.locator(".dd-open-case").first).to_be_visible()
        found = {"list": violations(page), "list cut off": not fits(page)}
        driver.pick_dexa(page)
        correct_dates(page)
        found |= {"case": violations(page), "case cut off": not fits(page)}
        found["proof"] = proof_shown_by_the_keyboard(page)
        found["case faint"], looked_at = page.locator(".dd-desk").evaluate(_FAINT)
        page.locator("button.dd-of-payer").click()
        expect(page.locator(".dd-payer-form .dd-fields")).to_be_visible()
        found |= {"settings": violations(page), "settings cut off": not fits(page)}
        page.close()
    assert {name: what for name, what in found.items() if what} == {} and looked_at > 100


def proof_shown_by_the_keyboard(page) -> list[str]:
    """What is wrong with how a sentence of the letter shows what binds it, where only keys are pressed."""
    shown = "getComputedStyle(document.activeElement, '::after').display"
    sentences = page.locator(".dd-preview .bound")
    sentences.nth(20).focus()
    found = [page.evaluate(shown)]
    page.keyboard.press("ArrowDown")
    expect(sentences.nth(21)).to_be_focused()
    found.append(page.evaluate(shown))
    page.keyboard.press("Escape")
    found.append(page.evaluate(shown))
    page.keyboard.press("ArrowUp")
    found.append(page.evaluate(shown))
    return [] if found == ["block", "block", "none", "block"] else found


def violations(page) -> list[str]:
    """What axe finds wrong with the desk (WCAG 2, A and AA, and best practice), by rule and place."""
    answer = Axe().run(page, context=".dd-desk").response
    return [
        f"{one['id']}: {node['target']} {node.get('failureSummary', '')[:200]}"
        for one in answer["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    "notebook",
    [
        pytest.param(one, marks=[] if Path(one).stem in OFTEN else pytest.mark.long)
        for one in REPORTS
    ],
)
def test_a_notebook_runs_by_hand_without_an_error(lab, page, notebook):
    driver.run_all(page, lab, notebook)
    assert page.locator(".jp-OutputArea-output").count() > 1


def test_every_other_notebook_is_among_those_run():
    assert {"notebooks/reports/overdue_cases.ipynb", "notebooks/explore_denials.ipynb"} <= set(
        REPORTS
    )


def test_a_missing_chromium_fails_with_the_command_that_helps(monkeypatch):
    monkeypatch.setattr(driver.chromium, "find", lambda: "")
    with pytest.raises(driver.chromium.NoChromiumError, match="chromium.py --install"):
        driver.browser().__enter__()


# The texts of the desk whose contrast with what lies behind them is below 4.5 (WCAG AA).
_FAINT = """desk => {
    const parse = text => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const color = parse(getComputedStyle(node).backgroundColor);
            if ((color[3] ?? 1) > 0.5) return color;
        }
        return [255, 255, 255];
    };
    const own = node => [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    const seen = [...desk.querySelectorAll('*')]
        .filter(node => node.offsetParent && own(node) && !node.disabled && node.tagName !== 'OPTION')
        .map(node => {
            const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.className, node.tagName];
        });
    const faint = seen.filter(([ratio]) => ratio < 4.5)
        .map(([ratio, name, tag]) => `${tag}.${name}: ${ratio.toFixed(2)}`);
    return [faint, seen.length];
}"""


def _docx(path: Path) -> str:
    document = Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


def _pdf(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(path).pages).split())

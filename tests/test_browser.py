"""The notebooks in JupyterLab, driven in a real Chromium. A missing Chromium fails, with the command that helps."""

import json
import re
import sys
from datetime import date
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import expect
from pypdf import PdfReader

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import desk_picture as driver  # noqa: E402  # the script that takes the desk's picture drives the same Lab

REPORTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "notebooks").rglob("*.ipynb")
    if path.stem != "draft_letters" and ".ipynb_checkpoints" not in path.parts
)
TYPED = {"signer_name": "Zelda Typedname, MD", "category_finding": "a typed finding"}

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return driver.project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def lab(place):
    with driver.lab(place) as running:
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
    """Nothing of the desk stands out over its right edge."""
    return page.locator(".dd-desk").evaluate(
        """desk => {
            const edge = desk.getBoundingClientRect().right + 1;
            return [...desk.querySelectorAll('*')].filter(node => node.offsetParent)
                .filter(node => !node.closest('.dd-say'))
                .every(node => node.getBoundingClientRect().right <= edge);
        }"""
    )


def test_a_letter_is_drafted_from_the_list_to_the_files_in_a_real_browser(lab, page, place):
    notebook = "notebooks/draft_letters.ipynb"
    driver.run_all(page, lab, notebook)
    expect(page.locator(".dd-case:visible")).to_have_count(10, timeout=driver.PATIENCE)
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


def test_every_text_of_the_desk_stands_out_in_lab_s_dark_theme(chromium, tmp_path):
    dark = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}
    with driver.lab(driver.project(tmp_path), settings=dark) as running:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        driver.run_all(page, running, "notebooks/draft_letters.ipynb")
        driver.pick_dexa(page)
        faint, looked_at = page.locator(".dd-desk").evaluate(_FAINT)
        page.close()
    assert faint == [] and looked_at > 100


@pytest.mark.parametrize("notebook", REPORTS)
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

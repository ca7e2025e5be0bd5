"""Take docs/pictures/desk.png: the desk with the DEXA case open, on synthetic data only.

    python3 scripts/setup.py pictures      (make pictures)

Here too is how `toolkit desk` is started and driven in a Chromium, which the browser tests use as well:
a server of its own with its own settings, so that nothing of the user's own Jupyter is read or
changed, and notebooks copied to a folder of their own, so that the checkout stays as it is.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import chromium
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "pictures" / "desk.png"
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
DEXA = "SYN000000001"  # the account of the sample's DEXA case
PATIENCE = 120_000  # milliseconds; a busy machine with two cores is slow, not wrong
expect.set_options(timeout=PATIENCE)
SAVED = re.compile(r"entered.*, saved$", re.IGNORECASE)  # beside a field that the store has
ERROR = '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"]'
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "checkForUpdates": False,
        "doNotDisturbMode": True,
        "fetchNews": "false",
    },
    # Every cell stays in the page, so that each can be asked whether it has run.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}


def facts(today: date) -> dict[str, str]:
    """Return what the sample does not know of its DEXA case. Invented, every word."""
    evaluated, ordered, waived = (
        (today - timedelta(days=days)).isoformat() for days in (125, 124, 3)
    )
    return {
        "hospital_address": "100 Example Way\nSpringfield, ST 00000",
        "signer_name": "Sam Placeholder, MD",
        "signer_title": "Physician advisor",
        "signer_phone": "555-0100",
        "sent_by": "certified_mail",
        "filer": "non_contract_provider",
        "waiver_date": waived,
        "ordering_practitioner": "Dr. Robin Notreal",
        "order_date": ordered,
        "order_record": "order, record page 11",
        "evaluation_date": evaluated,
        "evaluation_record": "progress note, record pages 9 to 10",
        "procedure_determined": "yes",
        "qualifying_category": "estrogen_deficient",
        "category_finding": "postmenopausal, with a fracture of the wrist after a fall",
        "category_record": "problem list, record page 4",
        "confirmatory_test": "no",
        "prior_bmm": "none_on_record",
        "prior_bmm_record": "imaging history, record page 12",
    }


class Desk:
    """A running `toolkit desk`: the folder that it serves, its address, and its process."""

    def __init__(self, folder: Path, port: int, token: str, log: Path, server: subprocess.Popen):
        self.folder, self.port, self.token, self.log = folder, port, token, log
        self.server = server

    @property
    def app(self) -> str:
        """The address of the app."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def url(self, notebook: str) -> str:
        """Return the address of a notebook in a workspace of JupyterLab of its own, which starts empty."""
        name = f"w{secrets.token_hex(6)}"
        return (
            f"http://127.0.0.1:{self.port}/lab/workspaces/{name}/tree/{notebook}"
            f"?reset&token={self.token}"
        )


@contextlib.contextmanager
def desk(folder: Path, *words: str, settings: dict | None = None) -> Iterator[Desk]:
    """Serve the folder by `toolkit desk` with these words; its Jupyter has its own settings and data."""
    with tempfile.TemporaryDirectory(prefix="desk-") as private:
        own = Path(private)
        overrides = own / "config" / "labconfig" / "default_setting_overrides.json"
        overrides.parent.mkdir(parents=True)
        overrides.write_text(json.dumps(SETTINGS | (settings or {})), encoding="utf-8")
        token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "IPYTHON"))}
        env |= {
            "JUPYTER_CONFIG_DIR": str(own / "config"),
            "JUPYTER_DATA_DIR": str(own / "data"),
            "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
            "IPYTHONDIR": str(own / "ipython"),
            "JUPYTER_TOKEN": token,
            "TMPDIR": str(own),
        }
        command = [sys.executable, "-m", "toolkit", "desk", "--no-browser", "--port", str(port)]
        log = own / "log.txt"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [*command, *words], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output,
            )  # fmt: skip
        try:
            _wait_for(port, server, log)
            yield Desk(folder, port, token, log, server)
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def lab(folder: Path, *, settings: dict | None = None) -> contextlib.AbstractContextManager[Desk]:
    """Serve the folder by `toolkit desk --lab`."""
    return desk(folder, "--lab", settings=settings)


def _wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"toolkit desk did not start:\n{tail}")


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Give a Chromium; where there is none, say which command helps."""
    path = chromium.find()
    if not path:
        # Nothing is installed behind a test's back: scripts/setup.py does that, and says so.
        raise chromium.NoChromiumError(
            f"The browser tests need a Chromium, and none was found. This command helps:\n"
            f"    {sys.executable} scripts/chromium.py --install"
        )
    # A sandboxed Chromium does not start as root, and root is who runs it in a container.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=ARGUMENTS + root)
        try:
            yield started
        finally:
            started.close()


def project(folder: Path) -> Path:
    """Copy the notebooks into a folder made like the project; what they write stays in there."""
    shutil.copytree(
        ROOT / "notebooks",
        folder / "notebooks",
        ignore=shutil.ignore_patterns(".ipynb_checkpoints"),
    )
    (folder / "data" / "incoming").mkdir(parents=True)
    return folder


def run_all(page: Page, running: Desk, notebook: str) -> None:
    """Open the notebook, run every cell, and wait until the last one has run."""
    page.set_default_timeout(PATIENCE)
    page.goto(running.url(notebook))
    # The indicator beside the notebook says idle before there is a kernel; the status bar does not.
    expect(idle(page)).to_be_visible()
    press_run_all(page)
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    code = json.loads((running.folder / notebook).read_text(encoding="utf-8"))["cells"]
    count = sum(cell["cell_type"] == "code" for cell in code)
    expect(prompts).to_have_text([re.compile(r"\[\d+\]:")] * count)
    expect(page.locator(ERROR), "a cell has failed").to_have_count(0)


def idle(page: Page) -> Locator:
    """Return the words of the status bar that say that the kernel is there and has nothing to do."""
    bar = page.locator("#jp-bottom-panel, .jp-StatusBar-Widget")
    return bar.get_by_text(re.compile(r"\| Idle$")).first


def press_run_all(page: Page) -> None:
    """Press Run > Run All Cells."""
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()


def pick_dexa(page: Page) -> None:
    """Filter the list for the cases that have a letter, and open the DEXA case."""
    page.get_by_role("combobox", name="Letter", exact=True).select_option("a letter exists for it")
    page.get_by_role("textbox", name="Search", exact=True).fill(DEXA)
    row = page.locator(".dd-table tbody tr", has_text=re.compile(r"77080.*ready", re.DOTALL)).first
    expect(row).to_be_visible()
    row.get_by_role("button").press("Enter")  # the keyboard will do
    expect(page.locator(".dd-preview .letter")).to_be_visible()


def fill_in(page: Page, values: dict[str, str]) -> None:
    """Enter these facts where the form asks for them, as a person would: field by field."""
    for name, value in values.items():
        enter(page, name, value)


def enter(page: Page, name: str, value: str) -> None:
    """Enter one fact: go to its group, fill the field, leave it, wait until it is on file."""
    fact = page.locator(f".dd-fact-{name}")
    groups = page.locator(".dd-groups button")
    for at in range(groups.count()):
        if fact.is_visible():
            break
        groups.nth(at).click()
        expect(groups.nth(at)).to_have_class(re.compile("dd-chosen"))
    control = fact.locator("input, select, textarea").first
    if control.evaluate("node => node.tagName") == "SELECT":
        choices = control.locator("option")
        control.select_option(index=_index(choices, name, value))
    else:
        control.fill(value)
        control.blur()
    expect(fact.locator(".widget-html")).to_contain_text(SAVED)


def _index(choices, name: str, value: str) -> int:
    from toolkit.letters.facts import fact_types

    label = fact_types()[name].choices[value]
    shown = [text.replace("\xa0", " ") for text in choices.all_text_contents()]
    return shown.index(label)


def picture_of_desk(
    started: Browser, path: Path = PICTURE, *, width: int = 1280, theme: str = "light"
) -> Path:
    """Write docs/pictures/desk.png: the DEXA case in the app, its criteria, some facts, and the letter."""
    with tempfile.TemporaryDirectory() as folder, desk(project(Path(folder))) as running:
        page = started.new_page(viewport={"width": width, "height": 1000}, color_scheme=theme)
        page.set_default_timeout(PATIENCE)
        page.goto(running.app, wait_until="commit")
        pick_dexa(page)
        entered = facts(date.today())  # noqa: DTZ011  # as the desk does
        for name in ("evaluation_record", "procedure_determined"):  # shows what is missing
            del entered[name]
        fill_in(page, entered)
        page.get_by_role("button", name="Next missing fact").click()
        expect(page.locator(".dd-fact-evaluation_record")).to_be_visible()
        page.set_viewport_size({"width": width, "height": 1560})
        page.locator(".dd-criteria-part").evaluate(
            "part => { part.scrollIntoView(); document.activeElement.blur(); }"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)
        page.close()
    return path


def main() -> int:
    """Take the picture and say where it is."""
    with browser() as started:
        path = picture_of_desk(started)
    sys.stderr.write(f"-- {path.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

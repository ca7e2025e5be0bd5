"""The kernel is killed at random moments: no confirmed entry is lost, and the page says each time that it is gone.

`make test-long` kills it 200 times (`KERNEL_KILLS` changes that).
"""

import os
import random
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect
from test_browser import entries, kernel_of
from test_day import app, driver

from toolkit.cases import CaseStore

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.xdist_group("browser")]
KILLS = int(os.environ.get("KERNEL_KILLS", "200"))
LONGEST = 1.5  # seconds of work before the kernel is killed
NAMES = ("signer_name", "signer_title", "signer_phone")


def test_no_confirmed_entry_is_lost_by_kernels_killed_at_random_moments(tmp_path):
    place = driver.project(tmp_path)
    moments = random.Random(14)
    confirmed: list[str] = []
    unconfirmed = 0
    with driver.browser() as chromium, driver.desk(place) as running:
        page = app(running, chromium)
        for kill in range(KILLS):
            expect(page.locator(".dd-open-case").first).to_be_visible()
            page.locator(".dd-search input").fill(driver.DEXA)
            row = page.locator(".dd-case", has_text="77080")
            expect(row).to_have_count(1)
            row.locator(".dd-open-case").press("Enter")
            page.locator(".dd-groups button", has_text=re.compile("^Sender")).click()
            expect(page.locator(f".dd-fact-{NAMES[-1]}")).to_be_visible()
            kernel = kernel_of(page, running)
            timer = threading.Timer(
                moments.uniform(0.05, LONGEST), os.kill, (kernel, signal.SIGKILL)
            )
            timer.start()
            values = enter_until_gone(page, kill)
            timer.join()
            banner = page.locator(".dd-lost-banner")
            expect(banner).to_be_visible()
            expect(banner).to_contain_text("does not answer: nothing can be saved")
            able = page.locator(".dd-desk").locator(
                "button:visible:enabled, select:visible:enabled"
            )
            expect(able).to_have_count(0)
            # What was settled before is confirmed; what is still marked is not, and stays on the page.
            expect(page.locator(".dd-unsaved")).to_have_count(0)
            marked = page.locator(".dd-typed")
            if marked.count():
                expect(banner).to_contain_text("1 field holds text that is not saved")
                assert marked.locator("input").input_value() == values.pop()
                unconfirmed += 1
            else:
                expect(banner).to_contain_text("Everything that was entered before is saved")
            confirmed += values
            lost = set(confirmed) - stored(place)
            assert not lost, f"kill {kill}: {len(lost)} confirmed entries are lost"
            page.reload(wait_until="commit")
        page.close()
    assert len(confirmed) >= KILLS and (KILLS < 50 or unconfirmed > 0)


def stored(place: Path) -> set[str]:
    """Return the values in the store, which is opened as the desk opens it: what was half written goes."""
    file = place / "local" / "cases.sqlite"
    with CaseStore(file) as store:
        assert store.verify().wrong is None
    return {value for kind, _, value in entries(place) if kind == "fact"}


def enter_until_gone(page, kill: int) -> list[str]:
    """Enter one fact after the other until the page says that the kernel is gone; return what was typed.

    All but the last of them were settled: the field lost its mark because the kernel had answered.
    """
    typed: list[str] = []
    end = time.monotonic() + driver.PATIENCE / 1000
    while time.monotonic() < end:
        name = NAMES[len(typed) % len(NAMES)]
        value = f"entry {kill}-{len(typed)}"
        fact = page.locator(f".dd-fact-{name}")
        found = page.evaluate(ENTER, [name, value])
        if found == "gone":
            return typed
        typed.append(value)
        page.wait_for_function(SETTLED, arg=name)
        if fact.evaluate("node => node.classList.contains('dd-typed')"):
            return typed
    raise AssertionError("the page never said that the kernel is gone")


# As a person would: the field is focused, its text typed, the field left. Nothing, where the page is read-only.
ENTER = """([name, value]) => {
    const control = document.querySelector(`.dd-fact-${name} input`);
    if (document.querySelector(".dd-desk.dd-lost") || control.readOnly) return "gone";
    control.focus();
    control.value = value;
    control.dispatchEvent(new Event("input", { bubbles: true }));
    control.dispatchEvent(new Event("change", { bubbles: true }));
    control.blur();
    return "typed";
}"""
SETTLED = """name => !document.querySelector(`.dd-fact-${name}`).classList.contains("dd-typed")
    || document.querySelector(".dd-desk.dd-lost")"""

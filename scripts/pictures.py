"""Take the README's pictures anew: a report as it was written, and the desk as it opens.

    python3 scripts/setup.py pictures      (make pictures)

The report is the newest sample report under reports/. Sample data only: nothing here opens a report
that was made from anybody's own export.
"""

import os
import sys
from pathlib import Path

from desk_picture import picture_of_desk
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def newest_sample_report() -> Path:
    """Return the newest overdue report on the sample export; stop when there is none."""
    found = sorted((ROOT / "reports").glob("????-??-??/overdue_cases-sample.html"))
    if not found:
        sys.exit("No sample report is under reports/ yet. Make it first: make report")
    return found[-1]


def picture_of_report(browser) -> Path:
    """Write docs/pictures/report.png: the top of the report, as a reader first sees it."""
    page = browser.new_page(viewport={"width": 1120, "height": 1200}, color_scheme="light")
    page.goto(newest_sample_report().as_uri(), wait_until="load")
    path = PICTURES / "report.png"
    page.screenshot(path=path)
    page.close()
    return path


def main() -> int:
    """Take the pictures and say where they are."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    # A sandboxed Chromium does not start as root, and root is who runs it in a container.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=ARGUMENTS + root
        )
        for path in (picture_of_report(browser), picture_of_desk(browser)):
            sys.stderr.write(f"-- {path.relative_to(ROOT)}\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())

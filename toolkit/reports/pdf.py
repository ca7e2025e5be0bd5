"""Print a report's page to PDF with a Chromium that is already on the machine."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from toolkit.errors import ReportError

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
_SECONDS = 60


def browser() -> str:
    """Return the path of a Chromium; raise ReportError with the command that installs one."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise ReportError("PDF needs Chromium; on Debian or Ubuntu: sudo apt install chromium")
    return found


def print_page(page: Path, path: Path) -> None:
    """Print an HTML file to PDF, with no header, footer or request to the outside."""
    with TemporaryDirectory(prefix="denial-print-") as profile:
        command = [
            browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--no-first-run", f"--user-data-dir={profile}", "--no-pdf-header-footer",
            f"--print-to-pdf={path}", page.resolve().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ReportError(f"{path.name}: Chromium did not finish in {_SECONDS} s") from None
    if done.returncode or not path.exists():
        raise ReportError(f"{path.name}: Chromium stopped with exit code {done.returncode}")

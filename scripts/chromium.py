"""Find a Chromium for the browser tests and the pictures, and print its path.

    python3 scripts/chromium.py              print the path of the Chromium in use
    python3 scripts/chromium.py --install    install one first, where that is possible

$CHROMIUM comes first, then the browsers of this machine (Chromium, Chrome, Edge). On Debian, as
root, apt installs one. Anywhere else the one command that helps is named; nothing is skipped.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
MAC = (
    "Chromium.app/Contents/MacOS/Chromium",
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)


class NoChromiumError(Exception):
    """No Chromium is here, and none could be installed; the message names what would help."""


def find() -> str:
    """Return the path of a Chromium that starts, or '' where there is none."""
    named = os.environ.get("CHROMIUM", "")
    if named:
        path = shutil.which(named)
        if not path or not _starts(path):
            raise NoChromiumError(
                "CHROMIUM is set, but no browser starts from it. Correct it or unset it."
            )
        return path
    return next((path for path in _candidates() if _starts(path)), "")


def find_or_install() -> str:
    """Return the path of a Chromium; install one on Debian as root; else say what would help."""
    path = find()
    if not path and _apt_has_chromium() and os.geteuid() == 0:
        _say("No Chromium here. Installing Debian's with apt-get (once).")
        apt_install("chromium", "fonts-liberation")
        path = find()
    if not path:
        raise NoChromiumError(
            "The browser tests need a Chromium, and none was found. This command helps:\n"
            f"    {_help()}\n"
            "Then give the same command again. (A browser elsewhere: set CHROMIUM to its path.)"
        )
    return path


def apt_install(*packages: str) -> bool:
    """Install Debian packages without a question; return whether it went well."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (
        ("update", "-qq"),
        ("install", "-y", "-qq", "--no-install-recommends", *packages),
    ):
        done = subprocess.run(
            ["apt-get", *arguments],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            _say(done.stdout.decode(errors="replace")[-2000:])
            return False
    return True


def is_debian() -> bool:
    """Return whether this machine installs its packages with apt."""
    return Path("/etc/debian_version").exists() and bool(shutil.which("apt-get"))


def _candidates():
    yield from filter(None, map(shutil.which, NAMES))
    home = Path.home()
    places = []
    if sys.platform == "darwin":
        roots = (Path("/Applications"), home / "Applications")
        places = [root / name for root in roots for name in MAC]
    elif os.name == "nt":
        variables = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
        roots = [Path(os.environ[name]) for name in variables if name in os.environ]
        places = [root / name for root in roots for name in WINDOWS]
    for cache in (
        Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "") or home / ".cache/ms-playwright"),
        home / "Library/Caches/ms-playwright",
        home / "AppData/Local/ms-playwright",
    ):
        for pattern in ("chrome-linux*/chrome", "chrome-win*/chrome.exe", "chrome-mac*/*.app"):
            found = sorted(cache.glob("chromium-*/" + pattern), reverse=True)
            places += [p / "Contents/MacOS" / p.stem if p.suffix == ".app" else p for p in found]
    yield from (str(place) for place in places if place.is_file())


def _starts(path: str) -> bool:
    # Ubuntu's chromium-browser may be a stub that only says to install a snap, so ask it.
    # On Windows --version opens a window instead of answering: there, being a file is enough.
    if os.name == "nt":
        return True
    try:
        return (
            subprocess.run(
                [path, "--version"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=60,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _apt_has_chromium() -> bool:
    # Ubuntu's package of that name only fetches a snap, which no container can run.
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8") if release.exists() else ""
    return is_debian() and "ID=ubuntu" not in text.splitlines()


def _help() -> str:
    if _apt_has_chromium():
        return "sudo apt-get update && sudo apt-get install -y chromium"
    folder, deps = (".venv\\Scripts\\", "") if os.name == "nt" else (".venv/bin/", "")
    if is_debian():
        deps = "--with-deps "
    return f"{folder}playwright install {deps}chromium"


def _say(text: str) -> None:
    sys.stderr.write(text.rstrip() + "\n")
    sys.stderr.flush()


def main(arguments: list) -> int:
    """Print the path of a Chromium; return 1, with what would help, where there is none."""
    try:
        path = find_or_install() if "--install" in arguments else find()
    except NoChromiumError as error:
        _say(str(error))
        return 1
    if not path:
        _say(f"No Chromium was found. This command helps:\n    {_help()}")
        return 1
    sys.stdout.write(path + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

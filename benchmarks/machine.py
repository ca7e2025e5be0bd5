"""What the figures were measured on: processor, memory, system, versions; no name, no path."""

import os
import platform
import re
import subprocess
from datetime import date
from importlib import metadata
from pathlib import Path

import psutil

from benchmarks.measure import ROOT

PACKAGES = ("pandas", "numpy", "pyarrow", "duckdb", "polars", "pyspark", "oxedi",
            "edi-835-parser")  # fmt: skip


def machine() -> dict[str, object]:
    """Return the machine's facts: {cpu, cores, memory_gb, system, python, java, packages}."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": _system(),
        "python": platform.python_version(),
        "java": java(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "load_before": round(psutil.getloadavg()[0], 1),
    }


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def java() -> str:
    """Return the version of Java that is on the path, '' where there is none."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    found = re.search(r'version "([^"]+)"', said.stderr)
    return found[1] if found else ""


def commit_date() -> date:
    """Return the day of the last commit, or of today where there is no git."""
    words = ["git", "log", "-1", "--format=%cs"]
    try:
        said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        return date.fromisoformat(said.stdout.strip())
    except (OSError, subprocess.CalledProcessError, ValueError):
        return date.today()  # noqa: DTZ011

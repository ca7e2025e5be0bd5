"""The list of what a folder of reports holds and what it was made from; no claim's value."""

import hashlib
import json
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from toolkit import outputs
from toolkit.reports.kinds import Kind
from toolkit.reports.source import Parcel

NAME = "manifest.json"
_MADE_WITH = ("denial-toolkit", "pandas", "papermill", "nbconvert", "matplotlib", "xlsxwriter")


def write(
    folder: Path,
    made: Sequence[tuple[Kind, object, Parcel, str]],
    *,
    formats: Sequence[str],
    by: str,
) -> Path:
    """Write the manifest of the folder: this run's reports, and earlier ones that still stand."""
    entries = [
        {
            "report": kind.kind,
            "source": name.removeprefix(f"{kind.file}-"),
            "as_of": given.facts.as_of.isoformat(),
            "synthetic": given.synthetic,
            "by": by,
            "files": {f"{name}.{f}": _sha256(folder / f"{name}.{f}") for f in formats},
            "inputs": [
                {
                    "file": row.file, "file_id": row.file_id, "source": row.source,
                    "layout": None if pd.isna(row.layout) else row.layout,
                    "rows_read": None if pd.isna(row.rows_read) else int(row.rows_read),
                }
                for row in given.files.itertuples()
            ],
            "rows_read": given.rows_read,
            "denials": given.facts.count(),
            "from_letters": given.told.from_letters,
            "appeals": given.facts.filed,
            "findings": given.found,
            "findings_by_code": {
                code: int(n) for code, n in given.findings.groupby("code")["rows"].sum().items()
            },
        }
        for kind, _, given, name in made
    ]  # fmt: skip
    path = folder / NAME
    new = {file for entry in entries for file in entry["files"]}
    kept = [e for e in _earlier(path) if not new & set(e["files"]) and _stands(folder, e)]
    said = {
        "reports": sorted(kept + entries, key=lambda e: (e["report"], e["source"])),
        "versions": {"python": platform.python_version(), **{n: version(n) for n in _MADE_WITH}},
    }
    with outputs.whole(path) as temporary:
        temporary.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    return path


def _earlier(path: Path) -> list[dict]:
    if not path.exists():
        return []
    try:
        return json.loads(path.read_text(encoding="utf-8"))["reports"]
    except (ValueError, KeyError, TypeError):
        return []  # not ours or broken: this run's own entries are what is known


def _stands(folder: Path, entry: dict) -> bool:
    return all(
        (folder / file).exists() and _sha256(folder / file) == digest
        for file, digest in entry["files"].items()
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

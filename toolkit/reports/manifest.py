"""The list of what a folder of reports holds and what it was made from; no claim's value.

An entry says what its numbers were made from, so that the next run can skip what is done and unchanged,
and so that two manifests can be compared: which numbers were restated, and why.
"""

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pandas as pd

from toolkit import outputs
from toolkit.errors import InputError
from toolkit.metrics import named
from toolkit.metrics.facts import TABLES
from toolkit.reports.kinds import Kind
from toolkit.reports.source import LISTS, Parcel, Source
from toolkit.rules import RULES

NAME = "manifest.json"
_MADE_WITH = ("denial-toolkit", "pandas", "papermill", "nbconvert", "matplotlib", "xlsxwriter")
_PACKAGE = Path(__file__).parents[1]

# Why a number is another than before, by what differs; the first that differ are named.
_WHY = {
    "as_of": "another day",
    "inputs": "other files",
    "rules": "the rules changed",
    "metrics": "the definitions of the metrics changed",
    "toolkit": "the toolkit changed",
    "effort": "other minutes and costs of work",
    "facts": "what people recorded, the payers or the contracts changed",
}


def parameters(*, by: str, formats: Sequence[str], share: bool, group: str) -> dict[str, Any]:
    """Return what a run was asked for, as an entry says it."""
    return {"by": by, "formats": list(formats), "share": share, "one_each": group or None}


def made_from(kind: Kind, source: Source, given: Parcel, asked: Mapping[str, Any]) -> dict:
    """Return what a report is made from, as hashes that are equal where all its pages would be."""
    assert kind.path is not None
    return {
        "as_of": given.facts.as_of.isoformat(),
        "inputs": sorted(given.files["file_id"]),
        "rules": _hash_of(RULES, "metrics.yaml"),
        "metrics": outputs.digest(RULES / "metrics.yaml")[:16],
        "toolkit": " ".join((version("denial-toolkit"), _code(), outputs.digest(kind.path)[:16])),
        "effort": _short(msgspec.json.encode(given.facts.effort)),
        "facts": _counted(source, given),
        "asked": dict(asked),
    }


def entry(
    kind: Kind,
    given: Parcel,
    name: str,
    files: Mapping[str, str],
    *,
    asked: Mapping[str, Any],
    made: Mapping[str, Any],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what the manifest says of one report; `files` are their names with their SHA-256."""
    return {
        "report": kind.kind,
        "source": name,
        "as_of": given.facts.as_of.isoformat(),
        "synthetic": given.synthetic,
        "by": asked["by"],
        "parameters": dict(asked),
        "files": dict(files),
        "inputs": [
            {
                "file_id": row.file_id, "source": row.source,
                "layout": None if pd.isna(row.layout) else row.layout,
                "rows_read": None if pd.isna(row.rows_read) else int(row.rows_read),
            }
            for row in given.files.itertuples()
        ],
        "rows_read": given.rows_read,
        "denials": given.facts.count(),
        "from_letters": given.from_letters,
        "appeals": given.facts.filed,
        "findings": given.found,
        "findings_by_code": {
            code: int(n) for code, n in given.findings.groupby("code")["rows"].sum().items()
        },
        "numbers": {
            one.id: {"name": one.name, "unit": one.unit, "value": one.value, "n": one.n}
            for one in given.facts.measure(named(*kind.metrics))[None]
        },
        "made_from": dict(made),
        "seconds": {what: round(spent, 2) for what, spent in seconds.items()},
    }  # fmt: skip


def earlier(folder: Path) -> list[dict]:
    """Return the entries of a folder's manifest whose files are all there, as they were written."""
    try:
        entries = read(folder / NAME)["reports"]
    except InputError:
        return []  # none, not ours, or broken: this run's own entries are what is known
    return [one for one in entries if _stands(folder, one)]


def same(entries: Sequence[dict], made: Mapping[str, Any], kind: Kind) -> dict | None:
    """Return the entry of a report that was made from the very same, if there is one."""
    return next(
        (one for one in entries if one["report"] == kind.kind and one.get("made_from") == made),
        None,
    )


def write(
    path: Path, entries: Sequence[dict], *, failed: Mapping[str, str], restated: Sequence[dict]
) -> None:
    """Write a manifest: its reports, those that failed and why, and what was restated."""
    said = {
        "reports": sorted(entries, key=lambda e: (e["report"], e["source"])),
        "failed": dict(failed),
        "restated": list(restated),
        "versions": {
            "python": platform.python_version(),
            **{n: version(n) for n in _MADE_WITH},
        },
    }
    with outputs.whole(path) as temporary:
        temporary.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def disagreeing(entries: Sequence[dict]) -> list[str]:
    """Return the metrics that two reports of one source give as different numbers."""
    said: dict[str, set] = {}
    for one in entries:
        for id_, number in one["numbers"].items():
            said.setdefault(id_, set()).add((number["value"], number["n"]))
    return [id_ for id_, numbers in said.items() if len(numbers) > 1]


def read(path: Path) -> dict:
    """Return a manifest; raise InputError where the file is none."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("reports"), list):
        raise InputError(f"{path.name}: expected the manifest.json of an earlier run of reports")
    return said


def restated(before: Mapping[str, Any], entries: Sequence[dict]) -> list[dict[str, Any]]:
    """Return the numbers that are others than in an earlier manifest, with what differs in what made them.

    Reports are paired by kind and source; one that the earlier manifest does not have restates nothing.
    """
    old = {(one["report"], one["source"]): one for one in before["reports"]}
    rows = []
    for one in entries:
        was = old.get((one["report"], one["source"]))
        if was is None:
            continue
        numbers = was.get("numbers", {})
        for id_, now in one["numbers"].items():
            then = numbers.get(id_)
            if then is not None and then["value"] != now["value"]:
                rows.append(
                    {"report": one["report"], "source": one["source"], "metric": id_,
                     "name": now["name"], "unit": now["unit"], "before": then["value"],
                     "now": now["value"], "why": _why(was.get("made_from", {}), one["made_from"])}
                )  # fmt: skip
    return rows


def _why(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    differ = [what for what in _WHY if was.get(what) != now.get(what)]
    # Facts follow from all the others: they are a reason of their own only where nothing else is.
    reasons = [_WHY[what] for what in differ if what != "facts" or differ == ["facts"]]
    if "inputs" in differ:
        old, new = set(was.get("inputs", ())), set(now["inputs"])
        reasons += [f"added: {one}" for one in sorted(new - old)]
        reasons += [f"no longer there: {one}" for one in sorted(old - new)]
    return reasons


def _stands(folder: Path, one: dict) -> bool:
    return all(
        (folder / file).is_file() and outputs.digest(folder / file) == digest
        for file, digest in one["files"].items()
    )


def _counted(source: Source, given: Parcel) -> str:
    """Return a hash of all rows that a report counts or lists, in whatever order they are."""
    row = "SELECT count(*), bit_xor(hash(t)), sum(hash(t)::HUGEINT) FROM {} t"
    said = [given.facts.rows(row.format(name)) for name in TABLES]
    with duckdb.connect(config={"threads": 1}) as db:
        for name in LISTS:
            db.register(name, getattr(source, name))
            said.append(db.execute(row.format(name)).fetchall())
    told = (given.most, given.note, given.synthetic, given.findings.to_csv(index=False))
    return _short(repr((said, told)).encode())


@cache
def _code() -> str:
    """Return a hash of the modules that reports are made by."""
    parts = [_hash_of(_PACKAGE / name) for name in ("metrics", "reports")]
    return _short("".join(parts).encode())


@cache
def _hash_of(folder: Path, *but: str) -> str:
    """Return a hash of a folder's files, names and contents, without Python's own."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc" and path.name not in but:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _short(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]

"""The letters of many denials: all that lack nothing, and of the others why not.

A second run into the same folder writes only what has changed. A letter that somebody has edited is
never written over.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.cases.case import Case
from toolkit.errors import InputError, RefusedError
from toolkit.letters.drafting import draft
from toolkit.letters.forums import problems
from toolkit.letters.letter_kind import kind_of
from toolkit.letters.record import read_record, record_path
from toolkit.letters.writing import write
from toolkit.outputs import digest, private_folder, whole
from toolkit.rules import RULES

MANIFEST = "manifest.json"
_PART = 1_000  # cases in memory at a time
STATES = ("written", "kept", "edited", "incomplete", "refused")


def write_all(
    cases: Iterable[tuple[str, Case]],
    folder: Path,
    *,
    as_of: date,
    total: int,
    kind: str | None = None,
    ending: str = "docx",
    template: Path | None = None,
    facts_folder: Path | None = None,
    inputs: Mapping[str, str] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the letter of each case that lacks nothing, under its denial's key; return the manifest.

    `cases` are pairs of a denial's key and its case; `inputs` the SHA-256 of the files that they come
    from, by name. The manifest stands in the folder too, after an interruption as well.
    """
    private_folder(folder)
    by_place: dict[int, dict[str, Any]] = {}
    how = {"as_of": as_of, "ending": ending, "template": template, "folder": facts_folder}
    try:
        for place, key, case in _alike_together(cases, kind):
            found = _one(case, folder / f"{key}.{ending}", kind, **how)
            by_place[place] = {"denial": key, **found}
            if on_progress:
                on_progress(len(by_place), total)
    finally:
        entries = [by_place[place] for place in sorted(by_place)]
        manifest = {
            "as_of": as_of.isoformat(),
            "toolkit": __version__,
            "rules": rules_hash(),
            "left_out": [f"{one.file}: {one.says}" for one in problems()],
            "inputs": dict(inputs or {}),
            "counts": {state: 0 for state in STATES} | Counter(one["state"] for one in entries),
            "finished": len(entries) == total,
            "no_longer": _no_longer(folder, entries),
            "denials": entries,
        }
        with whole(folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return manifest


def _alike_together(
    cases: Iterable[tuple[str, Case]], act: str | None
) -> Iterator[tuple[int, str, Case]]:
    """Yield each case with its place and key, those of one kind after another.

    typst keeps what the last ten letters laid out, and letters of one kind share most of it.
    """
    numbered = ((place, key, case) for place, (key, case) in enumerate(cases))
    while part := list(islice(numbered, _PART)):
        yield from sorted(part, key=lambda one: _kind_first(one[2], act))


def _kind_first(case: Case, act: str | None) -> tuple[str, ...]:
    try:
        kind = kind_of(case, act)
    except RefusedError:
        return ()
    service = kind.service.id if kind.service else ""
    issue = kind.issue.id if kind.issue else ""
    return (kind.id, issue, service, str(case.value("stage")), str(case.value("filer")))


def _one(
    case: Case,
    path: Path,
    act: str | None,
    *,
    as_of: date,
    ending: str,
    template: Path | None,
    folder: Path | None,
) -> dict[str, Any]:
    """Write the letter of one case if it may be and has to be; return what became of it."""
    said: dict[str, Any] = {"kind": ""}
    try:
        kind = kind_of(case, act)
        said["kind"] = kind.id
        letter = draft(case, kind, as_of=as_of, folder=folder)
    except RefusedError as refused:
        return said | {"state": "refused", "why": str(refused), "needs": list(refused.needs)}
    if not letter.complete:
        needs = [need.asked for need in letter.missing]
        why = letter.late or "facts are missing"
        return said | {"state": "incomplete", "why": why, "needs": needs}
    said |= {"file": path.name, "record": record_path(path).name}
    made_from = _input(case, kind.id, as_of, template)
    before = _record_of(path)
    if path.exists() and (before is None or before["letter"]["sha256"] != digest(path)):
        why = "the file was changed after it was written; move it away to have it written anew"
        return said | {"state": "edited", "why": why, "needs": [], "sha256": digest(path)}
    if path.exists() and before and before.get("input") == made_from:
        return said | {"state": "kept", "input": made_from, "sha256": digest(path)}
    try:
        write(letter, path, template=template, more={"input": made_from})
    except RefusedError as refused:  # no font has a character of it
        return said | {"state": "refused", "why": str(refused), "needs": list(refused.needs)}
    return said | {"state": "written", "input": made_from, "sha256": digest(path)}


def _record_of(path: Path) -> dict[str, Any] | None:
    try:
        found = read_record(record_path(path))
    except InputError:
        return None
    letter = found.get("letter")
    named = isinstance(letter, dict) and letter.get("file") == path.name and "sha256" in letter
    return found if named else None


def _input(case: Case, kind: str, as_of: date, template: Path | None) -> str:
    """Return the SHA-256 of all that a letter follows from: facts, rules, program, day, template."""
    facts = {
        name: [str(fact.value), fact.source, str(fact.as_of)] for name, fact in case.facts.items()
    }
    parts = [facts, kind, as_of.isoformat(), __version__, rules_hash(), _template_hash(template)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _template_hash(template: Path | None) -> str:
    return digest(template) if template else ""


@cache
def rules_hash() -> str:
    """Return one SHA-256 of all rule files: which law a letter was written under."""
    whole_law = hashlib.sha256()
    for path in sorted(RULES.rglob("*")):
        if path.suffix in (".yaml", ".csv", ".md"):
            whole_law.update(f"{path.relative_to(RULES).as_posix()}\0".encode())
            whole_law.update(hashlib.sha256(path.read_bytes()).digest())
    return whole_law.hexdigest()


def _no_longer(folder: Path, entries: list[dict[str, Any]]) -> list[str]:
    """Return letters of an earlier run that this one does not stand for: not to be sent unseen."""
    current = {one.get("file") for one in entries}
    found = []
    for record in sorted(folder.glob("*.record.json")):
        stem = record.name.removesuffix(".record.json")
        files = {path.name for path in folder.glob(f"{stem}.*")} - {record.name}
        found += sorted(files - current)
    return found

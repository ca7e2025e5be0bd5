"""Read any claims file: what its bytes are decides, not what its name says."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolkit.claims import fhir
from toolkit.claims.adjudication import noted
from toolkit.claims.archives import is_archive, unpacked
from toolkit.claims.export import exports
from toolkit.claims.restated import latest
from toolkit.claims.tables import Claims, concat, conform
from toolkit.claims.x12.envelope import is_x12
from toolkit.errors import ExportError, InputError, not_opened

# Lie beside claims in a folder, and are none. A file that is named is read whatever its ending.
_NO_CLAIMS = frozenset({".md", ".json", ".yaml", ".yml", ".html", ".pdf", ".docx", ".ics", ".log"})
_MARKS = set("*?[")
_REMITTANCE_SUFFIXES = {".835", ".edi", ".x12", ".rmt", ".era"}


def read(
    paths: Path | str | Iterable[Path | str],
    *,
    layout: str | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Claims:
    """Return the canonical tables of files, folders and patterns; a file given twice is read once.

    A denial that appears in several exports is counted once, as the last of them (in the order
    given) states it, with a finding (see `toolkit.claims.restated`).

    A file that was named and cannot be read stops the reading; one met in a folder or by a pattern
    is left out with a finding, and the others count.
    `layout` names the export layout (default: the one whose headings match best);
    `on_progress(stage, done, total)` is called after each file with its name. A 277 or 999 gives
    `rejections` and nothing else. Raises InputError for a file that cannot be read as what it is.
    """
    return latest(read_each(paths, layout=layout, on_progress=on_progress))


def read_each(
    paths: Path | str | Iterable[Path | str],
    *,
    layout: str | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Claims:
    """Return the tables of `read` with every claim of every file, also what later files repeat."""
    parts: list[Claims] = []
    with sources(paths) as (given, broken):
        for done, one in enumerate(given, start=1):
            try:
                parts.append(_read_one(one.path, layout))
            except InputError as error:
                if one.named:
                    raise
                broken.append((one.path, error))
            if on_progress:
                on_progress(one.path.name, done, len(given))
    if broken and not parts:
        raise broken[0][1]
    return concat([*parts, *([_left_out(broken)] if broken else [])])


@dataclass(frozen=True)
class Source:
    """A file to be read. `named` says that a user named it, and not a folder, pattern or archive."""

    path: Path
    named: bool


@contextmanager
def sources(
    paths: Path | str | Iterable[Path | str],
) -> Iterator[tuple[list[Source], list[tuple[Path, InputError]]]]:
    """Give the files that paths mean, and archives that could not be unpacked, with the reason.

    What is in a zip or gz is unpacked into a private folder, which is removed at the end. An archive
    with one file is that file. Raises InputError for an archive that was named and cannot be unpacked.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: list[Source] = []
    broken: list[tuple[Path, InputError]] = []
    with tempfile.TemporaryDirectory(prefix="denial-unpacked-") as folder:  # 0700
        for asked in map(Path, given):
            for path in files_of(asked):
                try:
                    if not is_archive(path):
                        found.append(Source(path, path == asked))
                        continue
                    place = Path(folder) / str(len(found) + len(broken))
                    members = unpacked(path, place, skip=_NO_CLAIMS)
                    alone = path == asked and len(members) == 1
                    found += [Source(member, alone) for member in members]
                except InputError as error:
                    if path == asked:
                        raise
                    broken.append((path, error))
        yield found, broken


def files_of(path: Path) -> list[Path]:
    """Return the files that a path means: itself, a folder's files below it, or a pattern's matches.

    In name order, without hidden files. Raises InputError if a folder or pattern holds none.
    """
    if path.is_dir():
        found = [one for one in path.rglob("*") if one.is_file() and _may_hold_claims(one)]
    elif _MARKS & set(str(path)) and not path.exists():
        at = next(at for at, part in enumerate(path.parts) if _MARKS & set(part))
        below = Path(*path.parts[:at]).glob(str(Path(*path.parts[at:])))
        found = [one for one in below if one.is_file()]
    else:
        return [path]
    # Spark and Hadoop leave files such as _SUCCESS beside their parts.
    seen = [one for one in sorted(found) if not one.name.startswith((".", "_"))]
    if not seen:
        raise InputError(f"{path.name}: no file found; name a file, a folder or a pattern")
    return seen


def _may_hold_claims(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix not in _NO_CLAIMS or (suffix == ".json" and is_fhir(path))


def _left_out(broken: list[tuple[Path, InputError]]) -> Claims:
    """Return the files of a folder that could not be read, as findings: the others count."""
    findings = {
        "file": [path.name for path, _ in broken],
        "code": ["file_not_read"] * len(broken),
        "says": [f"left out: {error}" for _, error in broken],
    }
    return Claims(findings=conform(findings, "findings"))


def is_remittance(path: Path) -> bool:
    """Return whether the file's bytes (or, where they do not tell, its suffix) are X12's."""
    return is_x12(_head(path)) or path.suffix.lower() in _REMITTANCE_SUFFIXES


def is_fhir(path: Path) -> bool:
    """Return whether the file's bytes begin as a FHIR resource."""
    return fhir.is_fhir(_head(path))


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None


def _read_one(path: Path, layout: str | None) -> Claims:
    if is_remittance(path):
        from toolkit.claims.x12 import rejections, remittance  # where there is one to read

        if rejections.is_rejections(_bytes(path)):
            return rejections.read_acknowledgment(path)
        return remittance.read_remittance(path)
    if is_fhir(path):
        return fhir.read_fhir(path)
    return noted(exports.read_export(path, layout=layout))


def totals(claims: Claims) -> dict:
    """Return what one file holds, as `toolkit read --json` shows it; money as text with its cents."""
    if claims.files["source"].nunique() != 1:
        raise ExportError("totals are of one file at a time")
    from toolkit.claims.x12 import rejections, remittance

    source = claims.files["source"].iloc[0]
    of = {
        "remittance": remittance.totals, "rejections": rejections.totals, "fhir": fhir.totals,
        "export": exports.totals,
    }  # fmt: skip
    return of[source](claims)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None

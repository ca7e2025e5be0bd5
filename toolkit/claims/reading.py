"""Read any claims file: what its bytes are decides, not what its name says."""

from collections.abc import Callable, Iterable
from pathlib import Path

from toolkit.claims import exports, rejections, remittance
from toolkit.claims.envelope import is_x12
from toolkit.claims.tables import Claims, concat
from toolkit.errors import ExportError, InputError

_REMITTANCE_SUFFIXES = {".835", ".edi", ".x12", ".rmt", ".era"}


def read(
    paths: Path | str | Iterable[Path | str],
    *,
    layout: str | None = None,
    told: Callable[[Path], None] | None = None,
) -> Claims:
    """Return the canonical tables of one or more files; a file given twice is read once.

    `layout` names the export layout (default: the one whose headings match best); `told` is called
    with each path before it is read. A 277 or 999 gives `rejections` and nothing else. Raises
    InputError for a file that cannot be read as what it is.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    parts = []
    for path in map(Path, paths):
        if told:
            told(path)
        parts.append(_read_one(path, layout))
    return concat(parts)


def is_remittance(path: Path) -> bool:
    """Say whether the file's bytes (or, where they do not tell, its suffix) are X12's."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({type(error).__name__})") from None
    return is_x12(head) or path.suffix.lower() in _REMITTANCE_SUFFIXES


def _read_one(path: Path, layout: str | None) -> Claims:
    if path.is_dir():
        raise InputError(f"{path.name}: is a folder; name the files in it")
    if is_remittance(path):
        if rejections.is_rejections(_bytes(path)):
            return rejections.read_acknowledgment(path)
        return remittance.read_remittance(path)
    return exports.read_export(path, layout=layout)


def totals(claims: Claims) -> dict:
    """Return what one file holds, as `toolkit read --json` shows it; money as text with its cents."""
    if len(claims.files) != 1:
        raise ExportError("totals are of one file at a time")
    source = claims.files["source"].iloc[0]
    of = {"remittance": remittance, "rejections": rejections}
    return of.get(source, exports).totals(claims)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({type(error).__name__})") from None

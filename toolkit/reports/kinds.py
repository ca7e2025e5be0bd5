"""The kinds of report: one notebook each, described by its own metadata."""

import json
from pathlib import Path

import msgspec

from toolkit.errors import ReportError, UsageError
from toolkit.metrics import named

# Beside the package in a checkout, inside it in a built distribution.
_FOLDERS = (
    Path(__file__).parent / "notebooks",
    Path(__file__).parents[2] / "notebooks" / "reports",
)

# Sheets with account numbers, claim keys or rows of the files.
OF_CLAIMS = ("worklist", "appeals", "plan", "findings", "moves")


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a notebook's `metadata.toolkit` says: the report's id, title, metrics and sheets."""

    kind: str
    title: str
    metrics: tuple[str, ...]  # of the table of metrics, in the order in which they are shown
    sheets: tuple[str, ...]  # functions of toolkit.reports.workbook, in order
    prepares: tuple[str, ...] = ()  # tables of toolkit.reports.prepared that the parent works out
    file: str = ""  # name of the notebook without its suffix, and of its outputs
    path: Path | None = None

    @property
    def shared(self) -> "Kind":
        """The report without the sheets that list single claims or findings, row by row."""
        kept = tuple(name for name in self.sheets if name not in OF_CLAIMS)
        return msgspec.structs.replace(self, sheets=kept)


def kinds() -> dict[str, Kind]:
    """Return the kinds on file by id, sorted by file name.

    Raises ReportError for a notebook that names a metric or a field that there is not.
    """
    folder = next((f for f in _FOLDERS if f.is_dir()), None)
    if folder is None:
        raise ReportError("notebooks/reports is missing: run from a checkout of the project")
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        said = json.loads(path.read_text(encoding="utf-8"))["metadata"].get("toolkit")
        try:
            kind = msgspec.convert(said, Kind)
            named(*kind.metrics)
        except (msgspec.ValidationError, UsageError) as error:
            raise ReportError(f"{path.name}: metadata.toolkit: {error}") from None
        found[kind.kind] = msgspec.structs.replace(kind, file=path.stem, path=path)
    return found


def pick(names: tuple[str, ...] | list[str]) -> tuple[Kind, ...]:
    """Return the kinds of these ids; 'all' stands for every one."""
    known = kinds()
    unknown = [n for n in names if n != "all" and n not in known]
    if unknown or not names:
        raise UsageError(f"no report of that name; there are: {', '.join(known)}, all")
    return (
        tuple(known.values()) if "all" in names else tuple(known[n] for n in dict.fromkeys(names))
    )

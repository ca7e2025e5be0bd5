"""What an export is, by its bytes and not by its name."""

from pathlib import Path

from toolkit.claims.export import web_tables
from toolkit.errors import ExportError, not_opened

_HEAD_BYTES = 1 << 18
_ZIP, _PARQUET, _OLE, _PDF = b"PK\x03\x04", b"PAR1", b"\xd0\xcf\x11\xe0", b"%PDF"
_HELP = {
    "PDF": "is a PDF; export a table as CSV or XLSX; toolkit read shows what a denial letter says",
    "835": "is an X12 file, not an export; read it as a remittance",
}
_SAYS = {"csv": "a text file", "xlsx": "a workbook or a zip file", "parquet": "a Parquet file"}
_BY_SUFFIX = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv", ".xlsx": "xlsx", ".xlsm": "xlsx", ".parquet": "parquet",
}  # fmt: skip


def kind_of(path: Path) -> tuple[str, bytes]:
    """Return what an export is (csv, xlsx, parquet or page) and the first of its bytes.

    Raises ExportError for a file that is missing, empty, none of these, or whose name says it is
    another of them.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ExportError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    if not head.strip():
        raise ExportError(f"{path.name}: the file is empty; export it again")
    found = _kind(head)
    if found in _HELP:
        raise ExportError(f"{path.name}: {_HELP[found]}")
    expected = _BY_SUFFIX.get(path.suffix.lower(), found)
    if expected != found and found in _SAYS:
        raise ExportError(
            f"{path.name}: is named {path.suffix.lower()} but holds {_SAYS[found]}; "
            "export it again, or give it the matching file extension"
        )
    return found, head


def _kind(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if head.startswith(_PARQUET):
        return "parquet"
    if head.startswith(_ZIP):
        return "xlsx"
    if head.startswith(_OLE):
        return "xlsx"
    if head.startswith(_PDF):
        return "PDF"
    if web_tables.is_web_table(head):
        return "page"
    if start.startswith(b"isa") and not start[3:4].isalnum() and b"gs" in head[:200].lower():
        return "835"
    return "csv"

"""Where the desk finds exports, and where it leaves cases and letters."""

import getpass
import re
import unicodedata
from datetime import date
from pathlib import Path

from toolkit.cases.documents import FOLDER
from toolkit.hospital.places import home

__all__ = [
    "clean_name", "documents_folder", "found", "home", "incoming", "incoming_folder", "letters_folder",
    "shown", "store_path",
]  # fmt: skip

# What the readers take; the bytes decide, the ending only chooses what is offered.
ENDINGS = (".csv", ".txt", ".xlsx", ".parquet", ".835", ".edi", ".x12", ".era", ".rmt",
           ".xls", ".zip", ".gz")  # fmt: skip
_LONGEST = 60  # characters of an uploaded file's name, and of its ending
_NOT_IN_A_NAME = re.compile(r"[^\w .()+,=@&-]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # to Windows


def incoming_folder(root: Path) -> Path:
    """Return the folder of the files that wait to be opened; git does not see what is in it."""
    return root / "data" / "incoming"


def incoming(root: Path) -> tuple[Path, ...]:
    """Return the files in data/incoming that look like claims, by name."""
    folder = incoming_folder(root)
    if not folder.is_dir():
        return ()
    files = (path for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    return tuple(sorted(path for path in files if path.suffix.lower() in ENDINGS))


def clean_name(name: str) -> str:
    """Return the name of an uploaded file as it may stand in any folder."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    last = _NOT_IN_A_NAME.sub("_", last).strip(" .-")
    stem, dot, ending = last.rpartition(".") if "." in last else (last, "", "")
    stem = stem[:_LONGEST].rstrip(" .") or "upload"
    return f"{'_' if _DEVICES.match(stem) else ''}{stem}{dot}{ending[:_LONGEST]}"


def analyst() -> str:
    """Return the login name of whoever works at the desk."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown login"


def store_path(root: Path) -> Path:
    """Return the place of the case store; git does not see it."""
    return root / "local" / "cases.sqlite"


def documents_folder(root: Path) -> Path:
    """Return the folder of attached documents; git does not see it."""
    return root / "local" / FOLDER


def letters_folder(root: Path, as_of: date) -> Path:
    """Return the folder of the letters of one day; git does not see it."""
    return root / "reports" / "letters" / as_of.isoformat()


def hospital_folder(folder: Path | str, root: Path) -> Path:
    """Return the folder of what the hospital keeps: counted from the project's, there or not."""
    path = Path(folder).expanduser()
    return path if path.is_absolute() else root / path


def found(path: Path, root: Path) -> Path:
    """Return the path as given from the notebook, or else from the project's folder."""
    path = path.expanduser()
    if not path.is_absolute() and not path.exists() and (root / path).exists():
        return root / path
    return path


def shown(path: Path, root: Path) -> str:
    """Return the path as it is shown to the user: inside the project, from its folder."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

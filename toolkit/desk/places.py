"""Where the desk finds exports, and where it leaves cases and letters."""

import getpass
from datetime import date
from pathlib import Path

from toolkit.cases.documents import FOLDER
from toolkit.hospital.places import home

__all__ = ["documents_folder", "found", "home", "incoming", "letters_folder", "shown", "store_path"]

# What the readers take; the bytes decide, the ending only chooses what is offered.
ENDINGS = (".csv", ".txt", ".xlsx", ".parquet", ".835", ".edi", ".x12", ".era", ".rmt")


def incoming(root: Path) -> tuple[Path, ...]:
    """Return the files in data/incoming that look like claims, by name."""
    folder = root / "data" / "incoming"
    if not folder.is_dir():
        return ()
    return tuple(sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in ENDINGS))


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

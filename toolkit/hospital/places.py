"""The project folder, and the folder of the hospital's own files, which stay out of git."""

from pathlib import Path

LOCAL = Path("local")


def home() -> Path:
    """Return the project's folder: the nearest one from here up that has a notebooks folder, or here."""
    here = Path.cwd()
    return next(
        (folder for folder in (here, *here.parents) if (folder / "notebooks").is_dir()), here
    )


def local_folder() -> Path:
    """Return the folder of the hospital's own files: `local` here, otherwise the project's."""
    return LOCAL if LOCAL.is_dir() else home() / "local"


def letterhead() -> Path | None:
    """Return the hospital's own Word template of letters, if it has one."""
    path = local_folder() / "letterhead.docx"
    return path if path.is_file() else None

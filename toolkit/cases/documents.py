"""Documents of a case: a file is copied into the hospital's own folder, named by its hash, and entered."""

import hashlib
import io
from datetime import datetime
from pathlib import Path

from toolkit.cases.case import Case
from toolkit.cases.entry import DocumentEntry
from toolkit.cases.store import CaseStore
from toolkit.errors import InputError, not_opened
from toolkit.outputs import private_folder, whole

FOLDER = "documents"  # below the hospital's own folder, `local/`
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_SUFFIXES = (".pdf", ".docx", ".txt", *_PICTURES)


def attach_document(
    store: CaseStore,
    case: Case,
    path: Path,
    *,
    folder: Path,
    kind: str,
    pages: int | None = None,
    from_whom: str = "",
    name: str = "",
    made_case: bool = False,
    who: str,
    now: datetime,
    after: int | None = None,
) -> DocumentEntry:
    """Copy a file into `folder` under its SHA-256 and enter it on the case; return its entry.

    `kind` says what it is (a kind of notice, or of document in words), `name` what it is called where
    `path` is not its own; `made_case`: the case is of this document, and no claim is in a file. Pages that
    are not given are counted, in a PDF or a picture.
    The same file twice on a case is entered once. Raises InputError if it cannot be read or kept.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    sha256 = hashlib.sha256(content).hexdigest()
    already = next((one for one in store.documents(case.case_key) if one.sha256 == sha256), None)
    name = name or path.name
    suffix = Path(name).suffix.lower()
    file = f"{sha256}{suffix if suffix in _SUFFIXES else ''}"
    if already is not None:
        file = already.kept_as
    _keep(content, folder / file, sha256)
    if already is not None:
        return already
    if pages is None:
        pages = _pages(content, suffix)
    return store.record_document(
        case, name=name, kept_as=file, sha256=sha256, kind=kind, pages=pages, from_whom=from_whom,
        made_case=made_case, who=who, now=now, after=after,
    )  # fmt: skip


def _pages(content: bytes, suffix: str) -> int | None:
    """Return how many pages a PDF or a picture has; None where that is not to be seen."""
    try:
        if b"%PDF-" in content[:1024]:
            from pypdf import PdfReader

            return len(PdfReader(io.BytesIO(content)).pages)
        if suffix in _PICTURES:
            from PIL import Image

            with Image.open(io.BytesIO(content)) as picture:
                return getattr(picture, "n_frames", 1)
    except Exception:  # damaged or encrypted: whoever puts it into a packet says so
        return None
    return None


def problem_with(document: DocumentEntry, folder: Path) -> str:
    """Return what is wrong with the kept file of a document, '' if it is as it was attached."""
    path = folder / document.kept_as
    try:
        now = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "the file is no longer there; attach it again"
    return "" if now == document.sha256 else "the file was changed since it was attached; attach the right one again"  # fmt: skip


def _keep(content: bytes, path: Path, sha256: str) -> None:
    """Write the file, unless it is there as it is; a changed one is put right."""
    try:
        private_folder(path.parent)
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
            return
        with whole(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise InputError(
            f"the document cannot be saved ({type(error).__name__}); check the disk and the folder"
        ) from None

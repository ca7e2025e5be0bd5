"""Zip and gz files: what is in them is read as if it lay beside them.

Members are unpacked under new names into a private folder. What a header says of sizes is not
believed: bytes are counted as they come out, and an archive that grows out of all proportion is
refused. A member's own name may name a patient, so that a message says `july.zip, member 3`.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from toolkit.errors import InputError
from toolkit.outputs import private_folder

_ZIP, _EMPTY_ZIP, _GZ = b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b"
_OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive", b"Rar!": "a RAR archive", b"\xfd7zXZ": "an xz archive",
    b"BZh": "a bzip2 archive",
}  # fmt: skip
_OFFICE = {"xl/workbook.xml", "mimetype", "word/document.xml", "xl/workbook.bin"}
_MOST_MEMBERS = 10_000
_FREE_BYTES = 64 << 20  # as much may come out of any archive
_MOST_TIMES = 250  # beyond that, no more than so many times its own size
_CHUNK = 1 << 20


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip (and not a workbook) or a gz, by its bytes.

    Raises InputError for an archive of another kind.
    """
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError:
        return False
    for mark, name in _OTHERS.items():
        if head.startswith(mark):
            raise InputError(f"{path.name}: is {name}; unpack it, or pack it as zip")
    if head[257:262] == b"ustar":
        raise InputError(f"{path.name}: is a tar archive; unpack it, or pack it as zip")
    if head.startswith((_GZ, _EMPTY_ZIP)):
        return True
    return head.startswith(_ZIP) and not _is_office(path)


def _is_office(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as parts:
            return bool(_OFFICE & set(parts.namelist()))
    except (zipfile.BadZipFile, OSError, ValueError):
        # A workbook that was cut: its reader has the words for it.
        return path.suffix.lower() != ".zip"


def unpacked(path: Path, folder: Path, *, skip: frozenset[str], inner: bool = False) -> list[Path]:
    """Return the files in an archive, unpacked into a new folder below `folder`.

    Members whose ending is in `skip`, and hidden ones, are left in it. An archive in an archive is
    unpacked too, but no deeper. Raises InputError if it is damaged, protected, or too large.
    """
    private_folder(folder)
    try:
        made = list(_gz(path, folder) if _is_gz(path) else _zip(path, folder, skip))
    except NotImplementedError:  # how zipfile says that it does not know the compression method
        raise InputError(
            f"{path.name}: uses a compression method that cannot be read (Windows uses it for files over 2 GB); unpack it, or pack it as gz"
        ) from None
    except (zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, ValueError):
        raise InputError(f"{path.name}: is damaged or truncated; pack it again") from None
    found = []
    for at, one in enumerate(made):
        if not is_archive(one):
            found.append(one)
        elif inner:
            raise InputError(f"{path.name}: contains archives in archives; unpack it first")
        else:
            found += unpacked(one, folder / f"inner-{at}", skip=skip, inner=True)
    if not found:
        raise InputError(f"{path.name}: contains no readable file")
    return found


def _is_gz(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZ


def _gz(path: Path, folder: Path) -> Iterator[Path]:
    # the name without .gz says what is in it
    name = (
        path.name.removesuffix(".gz") if path.suffix.lower() == ".gz" else f"{path.name} unpacked"
    )
    with gzip.open(path) as source:
        yield _copied(source, folder / name, path, path.stat().st_size)


def _zip(path: Path, folder: Path, skip: frozenset[str]) -> Iterator[Path]:
    with zipfile.ZipFile(path) as parts:
        members = [one for one in parts.infolist() if not _is_hidden(one)]
        if len(members) > _MOST_MEMBERS:
            raise InputError(
                f"{path.name}: holds more than {_MOST_MEMBERS:,} files; unpack it first"
            )
        if any(one.flag_bits & 1 for one in members):
            raise InputError(f"{path.name}: is protected by a password; unpack it first")
        left, size = 0, path.stat().st_size
        for number, member in enumerate(members, start=1):
            suffix = PurePosixPath(member.filename).suffix.lower()
            if suffix in skip:
                continue
            name = f"{path.name}, member {number}{suffix if suffix.isascii() else ''}"
            with parts.open(member) as source:
                made = _copied(source, folder / name, path, size, before=left)
            left += made.stat().st_size
            yield made


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    link = member.external_attr >> 28 == 0xA
    return member.is_dir() or link or any(p.startswith((".", "__MACOSX")) for p in parts)


def _copied(source: IO[bytes], path: Path, archive: Path, size: int, *, before: int = 0) -> Path:
    """Write what comes out of an archive, as long as it is in proportion."""
    count = before
    with path.open("xb") as file:
        path.chmod(0o600)
        while block := source.read(_CHUNK):
            count += len(block)
            if count > max(_FREE_BYTES, _MOST_TIMES * size):
                raise InputError(
                    f"{archive.name}: unpacks to more than {_MOST_TIMES} times its size; unpack it yourself and check its content"
                )
            file.write(block)
    return path

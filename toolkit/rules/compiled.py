"""Rule files in a compiled form: parsed once, then loaded in a fraction of a millisecond.

The compiled form of a rule file stands in the user's own cache folder, beside nobody else's. It
begins with the very bytes that it was made from, those of the rule file and of the module that read
it: it is taken only if they are equal to today's, so an edited rule is never answered from before.
Whatever is damaged, cut short or another's is left aside and replaced; where no folder can be
written, the files are parsed each time. Only rule files of the toolkit come here: no claim, no
contract and no fact of a case is ever kept.
"""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

_MAGIC = b"denial-toolkit, a compiled rule file\n"
_CHECK = 4  # bytes


def plain(name: str, source: bytes, parse: Callable[[bytes, str], Any], shown: str) -> Any:
    """Return what `parse` makes of the file's bytes, from the compiled form where that is at hand.

    `name` is the file's path inside the rules folder; `shown`, how a message names it. Raises what
    `parse` raises; a cache that fails raises nothing.
    """
    head = _head(source)
    place = _place(name) if head else None
    if place is None:
        return parse(source, shown)
    found = _kept(place, head)
    if found is None:
        found = parse(source, shown)
        with suppress(OSError, TypeError):
            _keep(place, head, msgspec.msgpack.encode(found))
    return found


def folder() -> Path | None:
    """Return the folder of the compiled forms, whether it is there or not; None if it has no place.

    `XDG_CACHE_HOME` where it is set, else the cache folder of the system: `~/.cache`,
    `~/Library/Caches`, `%LOCALAPPDATA%`.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # the specification: such a one is void
        try:
            base = Path(os.environ.get("LOCALAPPDATA", "")) if os.name == "nt" else _cache_of_home()
        except RuntimeError:  # no home
            return None
    return base / "denial-toolkit" / "rules" if base.is_absolute() else None


def _cache_of_home() -> Path:
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _place(name: str) -> Path | None:
    """Return where the compiled form of a rule file stands; None if others could write there."""
    inside = folder()
    if inside is None:
        return None
    with suppress(OSError):
        about = inside.stat()
        if hasattr(os, "geteuid") and (about.st_uid != os.geteuid() or about.st_mode & 0o022):
            return None
    return inside / name.replace("/", "-")


def _head(source: bytes) -> bytes:
    reader = _reader()
    return b"".join((_MAGIC, reader, b"\0", source, b"\0")) if reader else b""


@cache
def _reader() -> bytes:
    """Return the text of the module that parses; b'' if it cannot be read, as in an archive."""
    with suppress(OSError):
        return Path(__file__).with_name("parsing.py").read_bytes()
    return b""


def _kept(place: Path, head: bytes) -> Any:
    """Return the compiled form; None if there is none, or not one of these very bytes."""
    try:
        kept = place.read_bytes()
    except OSError:
        return None
    body = len(head) + _CHECK
    if not kept.startswith(head) or kept[len(head) : body] != _check(kept[body:]):
        return None
    try:
        return msgspec.msgpack.decode(kept[body:])
    except msgspec.DecodeError:
        return None


def _keep(place: Path, head: bytes, form: bytes) -> None:
    from toolkit.outputs import whole

    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with whole(place) as path:  # another process reads the old one or the new one, never a part
        path.write_bytes(head + _check(form) + form)


def _check(form: bytes) -> bytes:
    return crc32(form).to_bytes(_CHECK, "big")

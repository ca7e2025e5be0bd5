"""Read rule files as text, strictly: what a rule says is what its author typed.

Plain YAML turns `0450` into 296, `NO` into False and keeps the last of two equal keys. Here every
scalar is text until a declared type asks for something else, a repeated key is an error, and so is
a field that the type does not declare.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from toolkit.errors import LocalFileError, RulesError
from toolkit.rules import compiled

RULES = Path(__file__).parent

_FRONT_MATTER = re.compile(r"\A---\n(.*?)^---\n(.*)\Z", re.DOTALL | re.MULTILINE)


class Sourced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields that every rule of law has: its citation, its source, and when it was last checked.

    `status` is V (read at the source), V2 (second-hand, named source) or M (from memory, to be
    verified); it is shown to the user beside the rule.
    """

    citation: str
    source: str
    verified_on: str
    status: str

    def __post_init__(self) -> None:
        for name in ("citation", "source", "verified_on"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is empty")
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", self.verified_on):
            raise ValueError("verified_on is not an ISO date")
        if self.status not in {"V", "V2", "M"}:
            raise ValueError("status is one of V, V2, M")


def load_yaml(path: Path) -> Any:
    """Return the file's mappings, lists and texts; every scalar is `str`."""
    return _plain(path, _yaml)


def read(path: Path, kind: type) -> Any:
    """Return the file as `kind` (a msgspec type); refuse what the type does not declare."""
    return _convert(load_yaml(path), kind, path)


def read_markdown(path: Path, kind: type) -> tuple[Any, str]:
    """Return a Markdown file's front matter as `kind`, and its body."""
    match = _FRONT_MATTER.match(path.read_text(encoding="utf-8"))
    if not match:
        raise RulesError(f"{_name(path)}: starts with no front matter between two lines of ---")
    return _convert(_yaml(match[1].encode(), _name(path)), kind, path), match[2].strip()


def read_csv(path: Path, kind: type) -> tuple[Any, ...]:
    """Return one `kind` per row of a CSV file with a header; blank cells are absent fields."""
    try:
        return msgspec.convert(_plain(path, _csv), tuple[kind, ...], strict=False)
    except msgspec.ValidationError:
        from toolkit.rules.parsing import numbered_rows

        # Row by row, for the line of the one that is wrong.
        rows = numbered_rows(path.read_bytes().decode("utf-8"))
        return tuple(_convert(row, kind, path, line) for line, row in rows)


@cache
def names(folder: str, suffix: str = ".yaml") -> tuple[str, ...]:
    """Return the names of the files in a rules folder, sorted: the folder is the registry."""
    return tuple(sorted(p.stem for p in (RULES / folder).glob(f"*{suffix}")))


def _plain(path: Path, parse: Callable[[bytes, str], Any]) -> Any:
    """Return what the file says; of our own rule files, what was kept when they were parsed.

    Other files are the hospital's: they are parsed each time, and nothing of them is kept.
    """
    if not path.is_relative_to(RULES):
        return _local(path, parse)
    source = path.read_bytes()
    return compiled.plain(path.relative_to(RULES).as_posix(), source, parse, _name(path))


def _local(path: Path, parse: Callable[[bytes, str], Any]) -> Any:
    from toolkit.rules.parsing import MOST_BYTES, refuse_unsafe

    try:
        if path.stat().st_size > MOST_BYTES:
            raise RulesError(
                f"{path.name}: is larger than a megabyte; a file of this kind never is"
            )
        source = path.read_bytes()
        if parse is _yaml:
            refuse_unsafe(_lines(source), path.name)
        return parse(source, path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise LocalFileError(f"{path.name}: cannot be read ({type(error).__name__})") from None
    except RulesError as error:
        raise LocalFileError(str(error)) from None


def _yaml(source: bytes, name: str) -> Any:
    from toolkit.rules.parsing import plain_yaml

    return plain_yaml(_lines(source), name)


def _csv(source: bytes, name: str) -> Any:
    from toolkit.rules.parsing import plain_csv

    return plain_csv(source.decode("utf-8"))


def _lines(source: bytes) -> str:
    return source.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _convert(data: Any, kind: type, path: Path, line: int | None = None) -> Any:
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        line = line or line_of(path, str(error))
        where = f", line {line}" if line else ""
        refusal = RulesError if path.is_relative_to(RULES) else LocalFileError
        raise refusal(f"{_name(path)}{where}: {error}") from None


def line_of(path: Path, problem: str) -> int | None:
    """Return the line of a YAML file that a message about its shape means; None of other files."""
    if path.suffix != ".yaml":
        return None
    from toolkit.rules import parsing

    return parsing.line_of(_lines(path.read_bytes()), problem)


def _name(path: Path) -> str:
    return str(path.relative_to(RULES.parent)) if path.is_relative_to(RULES) else path.name

"""Read rule files as text, strictly: what a rule says is what its author typed.

Plain YAML turns `0450` into 296, `NO` into False and keeps the last of two equal keys. Here every
scalar is text until a declared type asks for something else, a repeated key is an error, and so is
a field that the type does not declare.
"""

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from toolkit.errors import RulesError

RULES = Path(__file__).parent

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_FRONT_MATTER = re.compile(r"\A---\n(.*?)^---\n(.*)\Z", re.DOTALL | re.MULTILINE)


class Sourced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every rule of law on file must carry: where it stands and who looked when.

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
    return _parse(path.read_text(encoding="utf-8"), path)


def read(path: Path, kind: type) -> Any:
    """Return the file as `kind` (a msgspec type); refuse what the type does not declare."""
    return _convert(load_yaml(path), kind, path)


def read_markdown(path: Path, kind: type) -> tuple[Any, str]:
    """Return a Markdown file's front matter as `kind`, and its body."""
    match = _FRONT_MATTER.match(path.read_text(encoding="utf-8"))
    if not match:
        raise RulesError(f"{_name(path)}: starts with no front matter between two lines of ---")
    return _convert(_parse(match[1], path), kind, path), match[2].strip()


def read_csv(path: Path, kind: type) -> tuple[Any, ...]:
    """Return one `kind` per row of a CSV file with a header; blank cells are absent fields."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, strict=True)
        return tuple(
            _convert(
                {k: v for k, v in row.items() if v not in ("", None)}, kind, path, rows.line_num
            )
            for row in rows
        )


@cache
def names(folder: str, suffix: str = ".yaml") -> tuple[str, ...]:
    """Return the names on file in a rules folder, sorted: the folder is the registry."""
    return tuple(sorted(p.stem for p in (RULES / folder).glob(f"*{suffix}")))


def _parse(text: str, path: Path) -> Any:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _plain(node, path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise RulesError(f"{_name(path)}{where}: is not YAML ({type(error).__name__})") from None
    finally:
        loader.dispose()


def _plain(node: yaml.Node, path: Path) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, path) for item in node.value]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key, str) or key in mapping:
            line = key_node.start_mark.line + 1
            raise RulesError(f"{_name(path)}, line {line}: a key stands twice or is not text")
        mapping[key] = _plain(value_node, path)
    return mapping


def _convert(data: Any, kind: type, path: Path, line: int | None = None) -> Any:
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        where = f", line {line}" if line else ""
        raise RulesError(f"{_name(path)}{where}: {error}") from None


def _name(path: Path) -> str:
    return str(path.relative_to(RULES.parent)) if path.is_relative_to(RULES) else path.name

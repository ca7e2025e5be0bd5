"""What a rule file says, as plain mappings, lists and texts: every scalar is what its author typed.

Imported only if a file has to be parsed: `toolkit.rules.compiled` keeps what came out of it, and
takes this module's own text into account, so that a changed reading never gets an old answer.
"""

import csv
import io
import re
from typing import Any

import yaml

from toolkit.errors import RulesError

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
MOST_BYTES = 1 << 20
MOST_DEPTH = 20
_OPENS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSES = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def plain_yaml(text: str, name: str) -> Any:
    """Return a YAML text's mappings, lists and texts; RulesError names the file and the line."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _plain(node, name)
    except yaml.YAMLError as error:
        raise _not_yaml(error, name) from None
    finally:
        loader.dispose()


def _not_yaml(error: yaml.YAMLError, name: str) -> RulesError:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}" if mark else ""
    return RulesError(f"{name}{where}: is not YAML ({type(error).__name__})")


def refuse_unsafe(text: str, name: str) -> None:
    """Refuse a YAML text that is not ours and could not be built safely; nothing is built of it here.

    That is more than a megabyte, more than twenty levels, and anchors and aliases, by which a few
    lines can mean gigabytes. Raises RulesError with file and line.
    """
    if len(text) > MOST_BYTES:
        raise RulesError(f"{name}: is larger than a megabyte; a file of this kind never is")
    depth = 0
    loader = _Loader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise RulesError(
                    f"{name}, line {line}: has an anchor or alias (& or *); write it out"
                )
            depth += isinstance(event, _OPENS) - isinstance(event, _CLOSES)
            if depth > MOST_DEPTH:
                raise RulesError(f"{name}, line {line}: is nested deeper than {MOST_DEPTH} levels")
    except yaml.YAMLError as error:
        raise _not_yaml(error, name) from None
    finally:
        loader.dispose()


def plain_csv(text: str) -> list[dict[str, Any]]:
    """Return a CSV text's rows by the names of its header; blank cells are absent."""
    return [row for _, row in numbered_rows(text)]


def numbered_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of `plain_csv`, each with the line of the file on which it ends."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [(rows.line_num, {k: v for k, v in row.items() if v not in ("", None)}) for row in rows]


def line_of(text: str, problem: str) -> int | None:
    """Return the line of a YAML text that a msgspec message means by its path, or None.

    The line is that of the innermost value on the path ($.levels[0].window); of a field that does not
    belong there, its own.
    """
    node = yaml.compose(text, _Loader)
    found = re.search(r"`\$(.*?)`$", problem)
    for key, index in re.findall(r"\.(\w+)|\[(\d+)\]", found[1] if found else ""):
        inside = _inside(node, key or int(index))
        if inside is None:
            break
        node = inside
    unknown = re.search(r"unknown field `(\w+)`", problem)
    if unknown and isinstance(node, yaml.MappingNode):
        keys = (key for key, _ in node.value)
        node = next((key for key in keys if key.value == unknown[1]), node)
    return node.start_mark.line + 1 if node else None


def _inside(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(step, int):
        return node.value[step] if isinstance(node, yaml.SequenceNode) else None
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == step), None)


def _plain(node: yaml.Node, name: str) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, name) for item in node.value]
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if not isinstance(key, str) or key in mapping:
            line = key_node.start_mark.line + 1
            raise RulesError(f"{name}, line {line}: a key appears twice or is not text")
        mapping[key] = _plain(value_node, name)
    return mapping

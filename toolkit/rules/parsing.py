"""What a rule file says, as plain mappings, lists and texts: every scalar is what its author typed.

Imported only where a file has to be parsed: `toolkit.rules.compiled` keeps what came out of it, and
takes this module's own text into account, so that a changed reading never gets an old answer.
"""

import csv
import io
from typing import Any

import yaml

from toolkit.errors import RulesError

_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def plain_yaml(text: str, name: str) -> Any:
    """Return a YAML text's mappings, lists and texts; RulesError names the file and the line."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return None if node is None else _plain(node, name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise RulesError(f"{name}{where}: is not YAML ({type(error).__name__})") from None
    finally:
        loader.dispose()


def plain_csv(text: str) -> list[dict[str, Any]]:
    """Return a CSV text's rows by the names of its header; blank cells are absent."""
    return [row for _, row in numbered_rows(text)]


def numbered_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of `plain_csv`, each with the line of the file on which it ends."""
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    return [(rows.line_num, {k: v for k, v in row.items() if v not in ("", None)}) for row in rows]


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
            raise RulesError(f"{name}, line {line}: a key stands twice or is not text")
        mapping[key] = _plain(value_node, name)
    return mapping

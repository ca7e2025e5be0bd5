"""Change values in a YAML text and leave every other letter of it as a person wrote it."""

from collections.abc import Iterator, Mapping

import yaml

Values = Mapping[str, "str | Values"]
_Edit = tuple[int, int, str]  # from, to (not included), and what comes in place of it


def with_values(text: str, values: Values) -> str:
    """Return the text in which the mapping has these values; comments, order and quotes stay.

    A value that the text has already is left as it is written, one that it lacks is added at the end of
    its mapping, and an empty one is added nowhere. Raises yaml.YAMLError where the text is not YAML,
    ValueError where it is not a mapping.
    """
    top = yaml.compose(text, Loader=yaml.BaseLoader)
    if top is None:
        added = _lines(values, "")
        return text + ("\n" if text and not text.endswith("\n") and added else "") + added
    if not isinstance(top, yaml.MappingNode):
        raise ValueError("the text is not a mapping")
    # From the end on. Of two additions at one place the inner mapping's stands first: a space sorts first.
    for start, end, new in sorted(_edits(text, top, values), reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _edits(text: str, node: yaml.MappingNode, values: Values) -> Iterator[_Edit]:
    """Yield what to change so that a mapping has these values, each place once."""
    if node.flow_style:  # {a: b} on a line: the whole of it is written anew, and has no comments
        own = {str(key.value): value.value for key, value in node.value}
        if own | _stated(values) != own:
            yield node.start_mark.index, node.end_mark.index, _flow(own | dict(values))
        return
    there = {str(key.value): value for key, value in node.value}
    for name, value in values.items():
        old = there.get(name)
        if old is None:
            continue
        if isinstance(value, str):
            if not isinstance(old, yaml.ScalarNode) or old.value.rstrip("\n") != value:
                yield _replaced(text, old, " " + _in_place_of(old, value, node))
        elif isinstance(old, yaml.MappingNode):
            yield from _edits(text, old, value)
        elif added := _lines(value, "  "):
            yield _replaced(text, old, "\n" + added.removesuffix("\n"))
    indent = " " * node.value[0][0].start_mark.column
    if added := _lines({name: one for name, one in values.items() if name not in there}, indent):
        end = _end_of_line(text, node.value[-1][1])
        yield end, end, added if text[:end].endswith("\n") else "\n" + added.removesuffix("\n")


def _replaced(text: str, node: yaml.Node, new: str) -> _Edit:
    """Return the edit that puts a value in place of another, with the space before it."""
    start, end = node.start_mark.index, node.end_mark.index
    while start and text[start - 1] == " ":
        start -= 1
    # A block of lines (|, >) ends where the next line begins.
    return start, end, new + ("\n" if text[start:end].endswith("\n") else "")


def _in_place_of(old: yaml.Node, value: str, around: yaml.MappingNode) -> str:
    """Return a value as the one before was written: lines as lines, else in quotes."""
    lines = value.splitlines()
    if (
        len(lines) < 2
        or getattr(old, "style", None) != "|"
        or not all(one == one.strip() and one for one in lines)
    ):
        return _quoted(value)
    indent = " " * (around.value[0][0].start_mark.column + 2)
    return "|\n" + "\n".join(indent + one for one in lines)


def _end_of_line(text: str, node: yaml.Node) -> int:
    """Return where the line ends on which a value ends: behind its comment, if it has one."""
    while isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        node = node.value[-1][1]
    end = node.end_mark.index
    if text[:end].endswith("\n"):
        return end
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _lines(values: Values, indent: str) -> str:
    found = ""
    for name, value in values.items():
        if isinstance(value, str):
            found += f"{indent}{name}: {_quoted(value)}\n" if value else ""
        elif inner := _lines(value, indent + "  "):
            found += f"{indent}{name}:\n{inner}"
    return found


def _stated(values: Values) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}


def _flow(values: Mapping[str, object]) -> str:
    kept = [f"{name}: {_quoted(str(value))}" for name, value in values.items() if value]
    return f"{{{', '.join(kept)}}}"


def _quoted(value: str) -> str:
    return yaml.safe_dump(value, default_style='"', allow_unicode=True, width=10**6).strip()

"""The rules of law and codes, as data that people can read, and their strict loader."""

from toolkit.rules.loader import (
    RULES,
    Sourced,
    line_of,
    load_yaml,
    names,
    read,
    read_csv,
    read_markdown,
)

__all__ = ["RULES", "Sourced", "line_of", "load_yaml", "names", "read", "read_csv", "read_markdown"]

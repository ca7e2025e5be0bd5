"""What the law and the codes say: data read by people first, and the strict loader for it."""

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

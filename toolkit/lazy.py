"""Public names that are imported when they are first used: a light command loads nothing else."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def names(
    package: str, where: Mapping[str, str | None]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's `__getattr__` and `__dir__` (PEP 562) for names that live in its modules.

    `where` says which module of the package each name is in; None stands for the module itself.
    """

    def get(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f"{package}.{where[name] or name}")
        return getattr(module, name) if where[name] else module

    return get, lambda: sorted(where)

"""The rule files of letters, each read by itself: one that is broken is reported and left out."""

from collections.abc import Callable
from typing import Any

import msgspec

from toolkit.denials.services import broken_families
from toolkit.denials.services import families as on_file
from toolkit.errors import RulesError
from toolkit.rules import RULES, names, read


class Broken(msgspec.Struct, frozen=True):
    """A rule file that was left out, and why."""

    file: str
    says: str


class Files(msgspec.Struct, frozen=True):
    """What a folder of rule files holds, by name, and the files that were left out."""

    good: dict[str, Any]
    broken: tuple[Broken, ...]

    def one(self, name: str, file: str) -> Any:
        """Return what a file holds by its name; raises RulesError, with `file`, where it is left out or lacking."""
        if name in self.good:
            return self.good[name]
        says = next((one.says for one in self.broken if name in one.file), "is not on file")
        raise RulesError(f"{file}: {says}")

    def kept(self, compile_one: Callable[[Any], Any]) -> "Files":
        """Return the files as `compile_one` gives them; one that it refuses is left out too."""
        good: dict[str, Any] = {}
        broken = list(self.broken)
        for name, form in self.good.items():
            try:
                good[name] = compile_one(form)
            except (ValueError, RulesError) as error:
                broken.append(Broken(name, str(error)))
        return Files(good, tuple(broken))


def of_folder(folder: str, kind: type, name_of: Callable[[Any], str]) -> Files:
    """Return the YAML files of a folder of `rules/letters` as `kind`."""
    return _each(
        names(f"letters/{folder}"),
        f"letters/{folder}",
        lambda name: _named(read(RULES / "letters" / folder / f"{name}.yaml", kind), name, name_of),
    )


def families() -> Files:
    """Return the families of services by their ids, with those that cannot be read left out."""
    broken = tuple(
        Broken(f"rules/services/{name}.yaml", says) for name, says in broken_families().items()
    )
    return Files(dict(on_file()), broken)


def _each(known: tuple[str, ...], folder: str, load: Callable[[str], Any]) -> Files:
    good: dict[str, Any] = {}
    broken: list[Broken] = []
    for name in known:
        try:
            good[name] = load(name)
        except RulesError as error:
            broken.append(Broken(f"rules/{folder}/{name}.yaml", str(error)))
    return Files(good, tuple(broken))


def _named(form: Any, name: str, name_of: Callable[[Any], str]) -> Any:
    if name_of(form) != name:
        raise RulesError(f"{name}.yaml: the id inside is not the name of the file")
    return form

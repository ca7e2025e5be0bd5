"""Facts that a person wrote into a file, for a case."""

from datetime import date
from pathlib import Path

from toolkit.cases.case import Case
from toolkit.errors import InputError, RulesError
from toolkit.rules import load_yaml


def with_facts(case: Case, path: Path | str, *, as_of: date | None = None) -> Case:
    """Return the case with the facts of a YAML file (`fact: value`, or a list of rows) entered.

    Raises InputError when the file cannot be read as that, and UsageError naming each fact whose
    value does not fit its kind, never the value.
    """
    from toolkit.letters.facts import enter

    values, source = facts_in(path)
    return enter(case, values, source=source, as_of=as_of)


def facts_in(path: Path | str) -> tuple[dict[str, str | list], str]:
    """Return what a facts file states, not yet checked, and how it is named as a source."""
    path = Path(path)
    try:
        values = load_yaml(path)
    except (OSError, UnicodeDecodeError, RulesError) as error:
        says = str(error) if isinstance(error, RulesError) else f"{path.name}: cannot be read"
        raise InputError(says) from None
    if not isinstance(values, dict) or not all(isinstance(v, str | list) for v in values.values()):
        raise InputError(f"{path.name}: expected only lines of the form `fact: value`")
    return values, f"entered in the facts file {path.name}"

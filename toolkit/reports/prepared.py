"""Small tables that are worked out once in the parent, before the notebooks run: tests, plans, rules.

A notebook names those that it shows in its metadata (`prepares`); each is a function of the facts. They
bring scipy, which no kernel has to import.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from toolkit.errors import ReportError
from toolkit.metrics import Check, Facts


def _differences(facts: Facts) -> pd.DataFrame:
    from toolkit.metrics.studies import differences

    return differences(facts)


def _shrunk(facts: Facts) -> pd.DataFrame:
    from toolkit.metrics.studies import shrunk

    return shrunk(facts)


def _changes(facts: Facts) -> pd.DataFrame:
    from toolkit.metrics.studies import changes

    return changes(facts)


def _plan(facts: Facts) -> pd.DataFrame:
    from toolkit.metrics.planning import plan

    return plan(facts)


def _rules(facts: Facts) -> pd.DataFrame:
    from toolkit.metrics.prevention import rules

    return rules(facts)


PREPARED: dict[str, Callable[[Facts], pd.DataFrame]] = {
    "differences": _differences, "shrunk": _shrunk, "changes": _changes, "plan": _plan,
    "rules": _rules,
}  # fmt: skip
_STUDIES = "studies"
_CHECKS = "checks"


def prepare(folder: Path, facts: Facts, names: Iterable[str]) -> None:
    """Work out the studies of the facts and these tables, and write them beside the facts."""
    from toolkit.metrics.studies import as_frame, study

    facts.studies = study(facts)
    _write(folder, _STUDIES, as_frame(facts.studies))
    for name in dict.fromkeys(names):
        _write(folder, name, PREPARED[name](facts))


def keep_checks(folder: Path, checks: Iterable[Check]) -> None:
    """Write the checks of the facts, which hold, beside them: a page shows them and need not count again."""
    _write(folder, _CHECKS, pd.DataFrame(list(checks)))


def checks(folder: Path | None) -> tuple[Check, ...]:
    """Return the checks that the parent made of the facts in a folder; none if it made none."""
    path = _path(folder, _CHECKS) if folder else None
    if path is None or not path.is_file():
        return ()
    return tuple(Check(*row) for row in pd.read_parquet(path).itertuples(index=False, name=None))


def studied(folder: Path, facts: Facts) -> Facts:
    """Return the facts with the studies of the folder, where they have been worked out."""
    path = _path(folder, _STUDIES)
    if path.is_file():
        from toolkit.metrics.studies import from_frame

        facts.studies = from_frame(pd.read_parquet(path))
    return facts


def prepared(folder: Path | None, facts: Facts, name: str) -> pd.DataFrame:
    """Return a table that the parent worked out; without a folder it is worked out here."""
    if folder is None:
        return PREPARED[name](facts)
    path = _path(folder, name)
    if not path.is_file():
        raise ReportError(f"the notebook's metadata does not say that it prepares {name}")
    return pd.read_parquet(path)


def _path(folder: Path, name: str) -> Path:
    return folder / f"prepared-{name}.parquet"


def _write(folder: Path, name: str, table: pd.DataFrame) -> None:
    table.to_parquet(_path(folder, name), index=False)

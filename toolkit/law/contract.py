"""The terms of the hospital's own contracts: the only source of a contract dispute's dates.

They are the hospital's, so they live in a local folder that git does not see (local/contracts), in
the YAML form of a program's filing rules, each cited to the contract's section.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from toolkit.errors import InputError, RulesError
from toolkit.law.model import FilingRule, program, program_named, programs
from toolkit.rules import RULES, load_yaml, read

LOCAL = Path("local") / "contracts"
DISPUTE = "contract_dispute"
_MOST = 9_999


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One contract: whom it binds, which level's dates it states, and its dated rules."""

    contract: str
    payer_id: str = ""
    payer_name: str = ""
    plan_name: str = ""
    program: str
    level: str
    filing: tuple[FilingRule, ...]

    def __post_init__(self) -> None:
        if not (self.payer_id or self.payer_name) or not self.filing:
            raise ValueError(
                "a contract names its payer (payer_id or payer_name) and has filing rules"
            )
        if any(rule.starts == "service" or rule.state_window for rule in self.filing):
            raise ValueError(
                "a contract's window is a count of days from the notice, its receipt or the effective date"
            )
        if not all(0 < n <= _MOST for rule in self.filing for n in _counts(rule)):
            raise ValueError(f"a contract's counts are between 1 and {_MOST:,}")


def _counts(rule: FilingRule) -> Iterator[int]:
    """Give every count of time in a rule."""
    for span in (rule.window, rule.opens, *(reading.window for reading in rule.readings)):
        if span:
            yield span.count
    if rule.presumption:
        yield rule.presumption.days


class ContractFolder(NamedTuple):
    """The contracts of a folder, and for each file that was left out what is wrong in it."""

    contracts: tuple[Contract, ...]
    not_read: tuple[str, ...]


def read_contract(path: Path) -> Contract:
    """Return the terms in one file; InputError says what is wrong in it, without its values."""
    try:
        found = read(path, Contract)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({type(error).__name__})") from None
    except RulesError as error:
        raise InputError(f"{error}; see the example in CONTRIBUTING.md") from None
    found = replace(found, program=program_named(found.program) or found.program)
    if found.program not in programs():
        if found.program not in _other_coverage():
            raise InputError(f"{path.name}, program: is not a program or coverage that is known")
        levels = {}
    else:
        levels = {level.id: level for level in program(found.program).levels}
    level = levels.get(found.level)
    if level is None and found.level != DISPUTE:
        raise InputError(f"{path.name}, level: a contract gives dates to {DISPUTE}")
    if level and not level.by_terms:
        raise InputError(f"{path.name}, level: the law gives this level its dates, not a contract")
    return found


def _other_coverage() -> set[str]:
    """Return the ids of coverage without rules: a contract with such a payer is read, and dates nothing."""
    return {one["id"] for one in load_yaml(RULES / "payers" / "other_coverage.yaml")}


def read_contracts(folder: Path | None = None) -> ContractFolder:
    """Return the contracts in the folder (default: local/contracts), sorted by file name.

    A file that cannot be read as a contract is left out and reported: it takes nothing else down.
    """
    folder = folder or LOCAL
    found, not_read = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(read_contract(path))
        except InputError as error:
            not_read.append(str(error))
    return ContractFolder(tuple(found), tuple(not_read))

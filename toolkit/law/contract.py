"""The terms of the hospital's own contracts, the only source of dates for a contract dispute.

They are kept in local/contracts, which is not committed, in
the YAML form of a program's filing rules, each cited to the contract's section.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from toolkit.errors import InputError, RulesError, not_opened
from toolkit.law.model import FilingRule, program, program_named, programs
from toolkit.rules import RULES, load_yaml, read

LOCAL = Path("local") / "contracts"
DISPUTE = "contract_dispute"
_MOST = 9_999


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One contract: the payer it binds, the level whose dates it states, and its dated rules."""

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
    """Yield every count of time in a rule."""
    for span in (rule.window, rule.opens, *(reading.window for reading in rule.readings)):
        if span:
            yield span.count
    if rule.presumption:
        yield rule.presumption.days


class ContractFolder(NamedTuple):
    """The contracts of a folder, and what is wrong with each file that was skipped."""

    contracts: tuple[Contract, ...]
    not_read: tuple[str, ...]


def read_contract(path: Path) -> Contract:
    """Return the terms in one file; raises InputError, which says what is wrong without showing values."""
    try:
        found = read(path, Contract)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be opened ({not_opened(error)})") from None
    except RulesError as error:
        raise InputError(f"{error}; see the example in CONTRIBUTING.md") from None
    found = replace(found, program=program_named(found.program) or found.program)
    if found.program not in programs():
        if found.program not in _other_coverage():
            raise InputError(f"{path.name}, program: unknown program or coverage")
        levels = {}
    else:
        levels = {level.id: level for level in program(found.program).levels}
    level = levels.get(found.level)
    if level is None and found.level != DISPUTE:
        raise InputError(f"{path.name}, level: expected {DISPUTE}")
    if level and not level.by_terms:
        raise InputError(
            f"{path.name}, level: the law sets this level's dates, so a contract can't"
        )
    return found


def _other_coverage() -> set[str]:
    """Return the ids of coverage without rules; a contract for one is read but gives no dates."""
    return {one["id"] for one in load_yaml(RULES / "payers" / "other_coverage.yaml")}


def read_contracts(folder: Path | None = None) -> ContractFolder:
    """Return the contracts in the folder (default: local/contracts), sorted by file name.

    A file that can't be read as a contract is skipped and reported.
    """
    folder = folder or LOCAL
    found, not_read = [], []
    for path in sorted(folder.glob("*.yaml")):
        try:
            found.append(read_contract(path))
        except InputError as error:
            not_read.append(str(error))
    return ContractFolder(tuple(found), tuple(not_read))

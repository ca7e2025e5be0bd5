"""The terms of the hospital's own contracts: the only source of a contract dispute's dates.

They are the hospital's, so they live in a local folder that git does not see (local/contracts), in
the YAML form of a program's filing rules, each cited to the contract's section.
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from toolkit.errors import InputError, RulesError
from toolkit.law.model import FilingRule, program, program_named, programs
from toolkit.rules import RULES, load_yaml, read

LOCAL = Path("local") / "contracts"
DISPUTE = "contract_dispute"


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


def read_contracts(folder: Path | None = None) -> tuple[Contract, ...]:
    """Return the contracts on file in the folder (default: local/contracts), sorted by file name."""
    folder = folder or LOCAL
    return tuple(read_contract(path) for path in sorted(folder.glob("*.yaml")))

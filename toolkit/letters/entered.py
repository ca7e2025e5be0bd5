"""Facts that a person wrote into a file: for every case that it is given with, and for single claims."""

from collections.abc import Collection
from datetime import date
from pathlib import Path

import msgspec

from toolkit.cases.case import Case
from toolkit.errors import InputError, RulesError, UsageError
from toolkit.letters.facts import enter
from toolkit.rules import load_yaml

CLAIMS = "claims"  # the part of a facts file that holds the facts of single claims
_NUMBERS = ("patient_control_number", "payer_claim_control_number")


class FactsFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a facts file states, not yet checked: for every case, and by claim number for single ones.

    `source` is how it is named as the source of a fact.
    """

    name: str = ""
    every: dict[str, str | list] = {}
    of_claim: dict[str, dict[str, str | list]] = {}

    @property
    def source(self) -> str:
        """How the file is named as the source of a fact."""
        return f"entered in the facts file {self.name}"

    def of(self, case: Case) -> dict[str, str | list]:
        """Return what is stated for a case; what is stated for its claim counts before the rest."""
        found = dict(self.every)
        for name in _NUMBERS:
            found |= self.of_claim.get(str(case.value(name)), {})
        return found

    def check_claims(self, numbers: Collection[str]) -> None:
        """Refuse an entry for a claim that is not one of these; it is named by its place alone."""
        strange = [str(n) for n, number in enumerate(self.of_claim, 1) if number not in numbers]
        if strange:
            raise UsageError(
                f"{self.name}: {CLAIMS}, entry {', '.join(strange)}: no denial with that account or "
                "claim number is in the files"
            )


def with_facts(case: Case, path: Path | str, *, as_of: date | None = None) -> Case:
    """Return the case with the facts of a YAML file (`fact: value`, or a list of rows) entered.

    Raises InputError when the file cannot be read as that, and UsageError naming each fact whose
    value does not fit its kind, never the value.
    """
    found = facts_in(path)
    return enter(case, found.of(case), source=found.source, as_of=as_of)


def facts_in(path: Path | str) -> FactsFile:
    """Return what a facts file states; raises InputError where it cannot be read as one."""
    path = Path(path)
    try:
        values = load_yaml(path)
    except (OSError, UnicodeDecodeError, RulesError) as error:
        says = str(error) if isinstance(error, RulesError) else f"{path.name}: cannot be read"
        raise InputError(says) from None
    of_claim = values.pop(CLAIMS, {}) if isinstance(values, dict) else None
    if not _are_facts(values) or not isinstance(of_claim, dict):
        raise InputError(f"{path.name}: expected only lines of the form `fact: value`")
    if not all(_are_facts(own) for own in of_claim.values()):
        raise InputError(
            f"{path.name}: expected `fact: value` lines under each claim number of {CLAIMS}"
        )
    return FactsFile(name=path.name, every=values, of_claim=of_claim)


def _are_facts(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(v, str | list) for v in values.values())

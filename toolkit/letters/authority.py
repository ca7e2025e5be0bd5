"""The citations that a letter may use, each with what it governs and who read it when."""

from functools import lru_cache

import msgspec

from toolkit.errors import RulesError
from toolkit.rules import RULES, Sourced, names, read

MOST_WORDS = 25  # of one quoted fragment


class Quote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fragment that may stand between quotation marks, letter for letter."""

    text: str
    status: str


class Authority(Sourced, frozen=True, kw_only=True):
    """One statute, regulation, manual section or coverage determination.

    `programs` are those it governs; `through` names, for a program, the rule by which it does, to
    be cited beside it. `copy_date` is the day of the text that was read: it is printed with a
    quote.
    """

    id: str
    gist: str
    programs: tuple[str, ...]
    effective_from: str
    copy_date: str
    through: dict[str, str] = {}
    quotes: tuple[Quote, ...] = ()
    caution: str = ""
    never_quote: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.programs or not self.gist.strip():
            raise ValueError(f"{self.id}: gist or programs are empty")
        if self.quotes and (self.status == "M" or self.never_quote):
            raise ValueError(f"{self.id}: may not be quoted")
        for quote in self.quotes:
            if quote.status not in {"V", "V2"}:
                raise ValueError(f"{self.id}: a quote is V or V2")
            if len(quote.text.split()) > MOST_WORDS:
                raise ValueError(f"{self.id}: a quote has more than {MOST_WORDS} words")
        if set(self.through) - set(self.programs):
            raise ValueError(f"{self.id}: through names a program that it does not govern")

    def governs(self, program: str) -> bool:
        """Say whether the authority governs the program."""
        return program in self.programs


@lru_cache(maxsize=1)
def authorities() -> dict[str, Authority]:
    """Return every authority by its id."""
    found: dict[str, Authority] = {}
    for name in names("authorities"):
        for entry in read(RULES / "authorities" / f"{name}.yaml", tuple[Authority, ...]):
            if entry.id in found:
                raise RulesError(f"rules/authorities/{name}.yaml: {entry.id} is listed twice")
            found[entry.id] = entry
    for entry in found.values():
        for program, bridge in entry.through.items():
            if bridge not in found or not found[bridge].governs(program):
                raise RulesError(f"rules/authorities: {entry.id} reaches {program} through nothing")
    return found


def authority(name: str) -> Authority:
    """Return one authority; raises RulesError when it is not on file."""
    try:
        return authorities()[name]
    except KeyError:
        raise RulesError(f"rules/authorities: {name} is not on file") from None

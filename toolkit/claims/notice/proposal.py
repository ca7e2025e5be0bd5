"""What a letter says of a case, as proposals: each with its page and quotation, none of them entered."""

from datetime import date
from typing import Any

import msgspec

_LONGEST = 240


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a letter states for a fact, where it says so, and in which words.

    `certain` is false where it may be another: `also_found` are then the other values that the letter
    gives, and none is chosen. `enters` is the fact of a case that it becomes when a person confirms
    it, '' for none; `personal` says that it may identify a patient.
    """

    name: str
    value: str | date | int
    page: int
    quotation: str
    certain: bool = True
    also_found: tuple[str | date | int, ...] = ()
    says: str = ""
    enters: str = ""
    personal: bool = False

    def source(self, file: str) -> str:
        """Return where a confirmed fact comes from: page 2 of denial-letter.pdf: '...'."""
        return f"page {self.page} of {file}: '{self.quotation}'"

    def as_dict(self) -> dict[str, Any]:
        """Return it as `toolkit read --json` shows it; money as text with its cents."""
        return {
            "name": self.name.removesuffix("_cents") if self.is_money else self.name,
            "value": shown(self.name, self.value),
            "page": self.page,
            "quotation": self.quotation,
            "certain": self.certain,
            "also_found": [shown(self.name, one) for one in self.also_found],
        }

    @property
    def is_money(self) -> bool:
        """Whether its value is whole cents."""
        return self.name.endswith("_cents")

    def __repr__(self) -> str:
        return f"Proposal(name={self.name!r}, page={self.page}, certain={self.certain})"


def shown(name: str, value: str | date | int) -> str:
    """Return a value as text: dates in ISO form, cents as dollars."""
    if name.endswith("_cents") and isinstance(value, int):
        return f"{value // 100}.{value % 100:02d}"
    return str(value)


def quoted(text: str, start: int, end: int) -> str:
    """Return the lines that a value stands on as one line, cut around it where they are long."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    last = len(text) if last < 0 else last
    if last - first > _LONGEST:
        spare = max(0, _LONGEST - (end - start)) // 2
        first, last = max(first, start - spare), min(last, end + spare)
        first = (
            first if first == 0 or text[first - 1].isspace() else _next_space(text, first, start)
        )
    return " ".join(text[first:last].split())


def _next_space(text: str, at: int, limit: int) -> int:
    found = text.find(" ", at, limit)
    return at if found < 0 else found + 1

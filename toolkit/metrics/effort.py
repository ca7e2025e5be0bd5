"""What working a denial costs: minutes by route and dollars by hour, as `rules/effort.yaml` assumes."""

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from toolkit.rules import RULES, read


class Effort(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Minutes that a case takes by route, what an hour costs, and the minutes that an owner has."""

    dollars_per_hour: float
    fee: float
    weekly_minutes: int
    minutes: dict[str, int]
    source: str
    mark: Literal["V", "V2", "M", "own"]

    def minutes_of(self, route: str | None) -> int:
        """Return the minutes of one case; of a route that is not listed, those of a review."""
        return self.minutes.get(route or "", self.minutes["review"])

    def cents_of(self, route: str | None) -> int:
        """Return what working one case costs, in whole cents."""
        return round((self.minutes_of(route) * self.dollars_per_hour / 60 + self.fee) * 100)

    @property
    def says(self) -> str:
        """What the numbers assume, as one sentence."""
        return (
            f"Assumed: an appeal takes {self.minutes_of('appeal')} minutes, an hour costs "
            f"${self.dollars_per_hour:,.2f}, a filing ${self.fee:,.2f} beside; so an appeal costs "
            f"${self.cents_of('appeal') / 100:,.2f} ({self.source})."
        )


@cache
def assumed() -> Effort:
    """Return the toolkit's own assumptions."""
    return read(RULES / "effort.yaml", Effort)


def effort_in(folder: Path) -> Effort:
    """Return the hospital's own figures, `effort.yaml` in this folder; else the assumptions."""
    path = folder / "effort.yaml"
    return read(path, Effort) if path.is_file() else assumed()

"""Findings as people use them: one for each kind, with its count and first rows, the worst first.

The table of findings keeps every row as the trail for an auditor; what a kind does to the numbers is
data, in `toolkit/rules/findings.yaml`.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import msgspec
import pandas as pd

from toolkit.rules import RULES, read
from toolkit.rules.words import capital

_SHOWN_ROWS = 5
_COUNTED = re.compile(r"^[\d,]+ (rows?|claims?|resources?) ")
_FIRST = re.compile(r"(; this is the first|, here first|, in [\d,]+ of the transactions)")
_UNKNOWN = ("asks", "see the rows that it names")


class _Severity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    says: str
    kinds: dict[str, str]


class Effects(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What kinds of findings do to the numbers, by severity, the worst first."""

    lost_dollars: _Severity
    wrong_risk: _Severity
    lost_date: _Severity
    asks: _Severity
    informs: _Severity


SEVERITIES = Effects.__struct_fields__


@cache
def effects() -> dict[str, tuple[str, str]]:
    """Return code -> (severity, what it does to the numbers)."""
    found: Effects = read(RULES / "findings.yaml", Effects)
    return {
        code: (severity, effect)
        for severity in SEVERITIES
        for code, effect in getattr(found, severity).kinds.items()
    }


def severity_of(code: str) -> int:
    """Return how bad a kind is: 0 is the worst."""
    return SEVERITIES.index(effects().get(code, _UNKNOWN)[0])


def effect_of(code: str) -> str:
    """Return what a kind does to the numbers."""
    return effects().get(code, _UNKNOWN)[1]


@dataclass(frozen=True)
class FindingKind:
    """All findings of one kind in one column: how many, in how many files, and the first rows.

    `says` are the words of the first; `effect` says what the kind does to the numbers.
    """

    code: str
    column: str
    says: str
    effect: str
    severity: str
    count: int
    files: tuple[str, ...]
    rows: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON shows it."""
        return asdict(self) | {"files": len(self.files), "rows": list(self.rows)}


def summarized(findings: pd.DataFrame) -> list[FindingKind]:
    """Return the kinds of findings of a table of them (grain: one row each), the worst first."""
    kinds = []
    some = findings.assign(column=findings["column"].fillna(""))
    for (code, column), mine in some.groupby(["code", "column"], sort=False):
        rows = mine["row"].dropna().drop_duplicates().nsmallest(_SHOWN_ROWS)
        kinds.append(
            FindingKind(
                code, column, _of_kind(str(mine["says"].iloc[0])), effect_of(code),
                SEVERITIES[severity_of(code)],
                int(mine["count"].fillna(1).sum()), tuple(mine["file"].dropna().unique()),
                tuple(int(row) for row in rows),
            )
        )  # fmt: skip
    return _worst_first(kinds)


def together(parts: Iterable[list[FindingKind]]) -> list[FindingKind]:
    """Return the kinds of a whole from those of its parts."""
    total: dict[tuple[str, str], FindingKind] = {}
    for kind in (one for part in parts for one in part):
        before = total.get((kind.code, kind.column))
        if before:
            kind = replace(
                before,
                count=before.count + kind.count,
                files=tuple(dict.fromkeys((*before.files, *kind.files))),
                rows=tuple(sorted({*before.rows, *kind.rows})[:_SHOWN_ROWS]),
            )
        total[kind.code, kind.column] = kind
    return _worst_first(list(total.values()))


def lines(kinds: list[FindingKind], most: int = 10) -> list[str]:
    """Return the kinds as lines for a person: what, how often, what it does, where first."""
    out = []
    for one in kinds[:most]:
        where = f" (first in row {one.rows[0]})" if one.rows else ""
        times = f"{one.count:,} x " if one.count > 1 else ""
        column = f"{one.column}: " if one.column and not one.says.startswith(one.column) else ""
        out.append(f"{times}{column}{one.says}{where}. {capital(one.effect)}.")
    if len(kinds) > most:
        out.append(f"and {len(kinds) - most} more kinds: toolkit read FILE")
    return out


def _of_kind(says: str) -> str:
    """Return the words of a finding without the count of its own rows."""
    return _FIRST.sub("", _COUNTED.sub("", says))


def _worst_first(kinds: list[FindingKind]) -> list[FindingKind]:
    return sorted(kinds, key=lambda one: (SEVERITIES.index(one.severity), -one.count, one.code))

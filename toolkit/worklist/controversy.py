"""The amount in controversy: what the denials of a claim that go to a level together are about.

A level's rules look at the amount of the case, not of a line: the claim's open denials that the same
decision left and that go to the same level, once each, less what was paid back since. Claims are never
added up by themselves: that has to be asked for in the request.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from toolkit.law import amount_levels, disputed_at
from toolkit.worklist.keys import Coded, combined
from toolkit.worklist.tallies import dollars


class Denials(NamedTuple):
    """Open denials whose next level looks at an amount; each field has one entry per denial.

    `claim` is one number for all decisions on a claim, `line` -1 where the claim as a whole is denied.
    `cents` is what is denied still and `recorded` what people recorded as paid of it; `billed` and
    `paid` are the line's, else the claim's, missing where not stated.
    """

    claim: np.ndarray
    line: np.ndarray
    level: Coded
    decided_on: np.ndarray
    cents: pd.arrays.IntegerArray
    recorded: np.ndarray
    billed: pd.arrays.IntegerArray
    paid: pd.arrays.IntegerArray


class Recovered(NamedTuple):
    """What appeals brought back, an entry each: `claim` and `line` as in `Denials`."""

    claim: np.ndarray
    line: np.ndarray
    cents: np.ndarray


class Amounts(NamedTuple):
    """Per row the cents in controversy, missing where the level looks at none or it is not known, and
    that in words.
    """

    cents: pd.arrays.IntegerArray
    words: Coded

    def spread(self, at: np.ndarray, size: int) -> "Amounts":
        """Return the amounts at these places of `size` rows, and none at the others."""
        cents, missing = np.zeros(size, dtype="int64"), np.ones(size, dtype=bool)
        cents[at], missing[at] = self.cents.to_numpy("int64", na_value=0), self.cents.isna()
        code = np.full(size, -1, dtype="int64")
        code[at] = self.words.code
        return Amounts(pd.arrays.IntegerArray(cents, missing), Coded(code, self.words.values))


def levels(
    counts: np.ndarray,
    program: Coded,
    last_level: Coded,
    outcome: Coded,
    nature: Coded,
    denial_category: Coded,
) -> Coded:
    """Return the level that each row goes to next where that level's own rules look at an amount.

    `counts` says which rows are open, can be appealed, and do not wait for a decision.
    """
    code = np.full(len(counts), -1, dtype="int64")
    at = np.flatnonzero(
        counts & program.isin({one for one in program.values if amount_levels(one)})
    )
    if not len(at):
        return Coded(code, [])
    facts = [one.take(at) for one in (program, last_level, outcome, nature, denial_category)]
    number, first = combined(facts)
    found = [disputed_at(*(_value(column, row) for column in facts)) for row in first]
    names = [name for name in dict.fromkeys(found) if name]
    code[at] = np.array([names.index(name) if name else -1 for name in found])[number]
    return Coded(code, names)


def amounts(denials: Denials, recovered: Recovered) -> Amounts:
    """Return what each denial's case is about: the same for all denials of a case."""
    case, first = combined((_numbered(denials.claim), _numbered(denials.decided_on), denials.level))
    many = len(first)
    denied = _sums(case, denials.cents.to_numpy("int64", na_value=0), many)
    denied -= _paid_back(denials, case, denied, recovered)
    rows = np.bincount(case, minlength=many)
    unknown = np.bincount(case[np.asarray(denials.cents.isna())], minlength=many)
    number, distinct = combined(map(_numbered, (denied, rows, unknown)))
    words = [_words(int(denied[n]), int(rows[n]), int(unknown[n])) for n in distinct]
    cents = pd.arrays.IntegerArray(denied[case], (unknown > 0)[case])
    return Amounts(cents, Coded(number[case], words))


def _value(column: Coded, row: int) -> str | None:
    return column.values[column.code[row]] if column.code[row] >= 0 else None


def _numbered(values: np.ndarray) -> Coded:
    code, distinct = pd.factorize(values)
    return Coded(code, list(distinct))


def _sums(number: np.ndarray, cents: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros(size, dtype="int64")
    np.add.at(found, number, cents)
    return found


def _paid_back(
    denials: Denials, case: np.ndarray, denied: np.ndarray, recovered: Recovered
) -> np.ndarray:
    """Return what appeals brought back of each case that its denied cents still hold.

    What people recorded as paid is off them already. What a file states as paid is too, unless denied
    and paid together are more than the charge.
    """
    many = len(denied)
    on_line = recovered.line >= 0
    back = _once(case, denials.line, recovered.line[on_line], recovered.cents[on_line], many)
    back += _once(case, denials.claim, recovered.claim[~on_line], recovered.cents[~on_line], many)
    if not back.any():
        return back
    recorded = _sums(case, denials.recorded, many)
    paid, billed = (
        _sums(case, one.to_numpy("int64", na_value=0), many)
        for one in (denials.paid, denials.billed)
    )
    lacks = np.bincount(case[np.asarray(denials.billed.isna())], minlength=many) > 0
    over = np.where(lacks, 0, denied + paid - billed)
    held = np.maximum(np.maximum(over, back - paid - recorded), 0)
    return np.minimum(np.minimum(back, held), np.maximum(denied, 0))


def _once(
    case: np.ndarray, mine: np.ndarray, theirs: np.ndarray, cents: np.ndarray, many: int
) -> np.ndarray:
    """Return the cents of `theirs` for each case: once, however many of its denials are `mine`."""
    found = np.zeros(many, dtype="int64")
    if not len(theirs):
        return found
    place = _numbered(np.concatenate([theirs, mine]))
    sums = _sums(place.code[: len(theirs)], cents, len(place.values))
    its = Coded(place.code[len(theirs) :], place.values)
    _, first = combined((Coded(case, range(many)), its))
    first = first[mine[first] >= 0]
    np.add.at(found, case[first], sums[its.code[first]])
    return found


def _words(cents: int, rows: int, unknown: int) -> str:
    """Return what a case is about, in words."""
    of = "this denial alone" if rows == 1 else f"{rows} open denials of the claim together"
    if unknown:
        return f"amount in controversy not known: {unknown} of {rows} open denials of the claim state no amount"
    return f"in controversy: ${dollars(cents)}, {of}"

"""The amount in controversy: what the denials of a claim that go to a level together are about.

A level's rules look at the amount of the case, not of a line: the claim's open denials that the same
decision left and that go to the same level, once each, less what was paid back since. Claims are never
added up by themselves: that has to be asked for in the request.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.law import amount_levels, disputed_at
from toolkit.worklist.appeals import LastAppeals, Recorded, ended
from toolkit.worklist.claim_set import ClaimSet
from toolkit.worklist.denial_rows import NO_CLOCK, DenialRows
from toolkit.worklist.keys import Coded, combined, keys_of, positions
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


def in_controversy(rows: DenialRows, appeal: LastAppeals, recorded: Recorded) -> Amounts:
    """Return what each row's case is about, where its next level's own rules look at the amount."""
    set_ = rows.set_
    counts = (appeal.goes_on | ~appeal.filed) & ~ended(rows, recorded)
    counts &= ~rows.stands.state.isin(NO_CLOCK) & ~rows.answer("appealable").isin({False})
    level = levels(
        counts,
        rows.payer("program"),
        appeal.last_level.only(appeal.goes_on),
        appeal.outcome.only(appeal.goes_on),
        rows.answer("nature"),
        rows.answer("denial_category"),
    )
    at = np.flatnonzero(level.code >= 0)
    claim, line, cents = rows.claim[at], rows.line[at], rows.denied_cents[at]
    stated, now = (one.to_numpy("int64", na_value=0) for one in (recorded.stated_cents[at], cents))
    denials = Denials(
        set_.same_claim(claim),
        line,
        level.take(at),
        appeal.decided_on[at],
        cents,
        stated - now,
        rows.cents("billed_cents", at),
        rows.cents("paid_cents", at),
    )
    return amounts(denials, _recovered(set_, denials.claim, line)).spread(at, len(rows.claim))


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
    found = [disputed_at(*(column.value(row) for column in facts)) for row in first]
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


def _recovered(set_: ClaimSet, claim: np.ndarray, line: np.ndarray) -> Recovered:
    """Return what appeals brought back of these claims and lines, few of all."""
    events = set_.tables.appeal_events[["claim_key", "line_key", "recovered_cents"]]
    some = events["recovered_cents"].gt(0).fillna(False).to_numpy(bool)
    events = events[some if len(claim) else np.zeros(len(events), dtype=bool)]
    same = set_.same_claim(np.arange(len(set_.claim_keys)))
    claims = np.flatnonzero(np.isin(same, claim))
    of_claim = np.append(same, -1)[_among(events["claim_key"], set_.claim_keys, claims)]
    of_line = _among(events["line_key"], set_.line_keys, np.unique(line[line >= 0]))
    no_line = events["line_key"].isna().to_numpy()
    mine = np.where(no_line, of_claim, of_line) >= 0
    cents = events["recovered_cents"].to_numpy("int64")
    return Recovered(of_claim[mine], of_line[mine], cents[mine])


def _among(keys: pd.Series, known: pa.Array, places: np.ndarray) -> np.ndarray:
    """Return the place of each key among some places of the known ones; -1 for another."""
    at = positions(keys_of(keys), known.take(pa.array(places)))
    return np.append(places, -1)[at]


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

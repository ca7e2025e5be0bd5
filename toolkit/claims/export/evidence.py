"""What a whole column of a file says of its cells: which of its dates come day first, and its sign.

One cell cannot tell 05/08 from 08/05, nor a denial written as -100.00 from money taken back. The
column can: evidence is counted piece by piece, added up over the file, and decided once.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.grids import Note
from toolkit.claims.export.layouts import COLUMNS, NO_OUTCOME, Layout, Match, plain, word_table

_NUMERIC = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_MAY_BE_NUMERIC = r"^.{1,2}[/.\-]"
_NEGATIVE = r"(?i)^[(\-−]|^\$\s*[(\-−]|[\-−]$|\bCR$"
_REVERSALS = frozenset({"22", "reversal", "reversed", "reversalofpreviouspayment"})

APPEAL, OTHER = "appeal", "other"
MONTH_FIRST, DAY_FIRST, EITHER, DOTTED = "month_first", "day_first", "either", "dotted"
POSITIVE, NEGATIVE = "positive", "negative"


class Evidence(msgspec.Struct, frozen=True):
    """How many distinct cells speak for each reading: (our column, reading) -> count."""

    counts: dict[str, dict[str, int]] = {}


class Decisions(msgspec.Struct, frozen=True):
    """What whole columns mean: each date column's order, and the amounts whose sign is turned.

    A date column's order is month_first, day_first or mixed; a column that is not named holds no
    date in numbers.
    """

    date_order: dict[str, str] = {}
    negated: tuple[str, ...] = ()
    about_appeals: bool = False  # the column of outcomes, whose heading may be of claims
    assumed: tuple[str, ...] = ()  # date columns both orders fit


UNDECIDED = Decisions()


def evidence_of(match: Match, columns: dict) -> Evidence:
    """Return the evidence of some rows; `columns` are raw cells by position."""
    counts: dict[str, dict[str, int]] = {}
    reversal = _reversals(match, columns)
    for column, positions in match.positions.items():
        kind = COLUMNS[column][0]
        if column == "appeal_outcome":
            counts[column] = _outcomes([columns[p] for p in positions], match.layout)
        if kind not in ("date", "money"):
            continue
        where = [*positions, *(one[column] for one in match.adjustments if column in one)]
        found: dict[str, int] = {}
        for cells in (columns[p] for p in where):
            if kind == "date":
                _count_dates(cells.texts, found, years=4 if column == "birth_date" else 2)
            else:
                _count_signs(cells, reversal, found)
        if found:
            counts[column] = found
    return Evidence(counts)


def together(parts: Iterable[Evidence]) -> Evidence:
    """Return the evidence of all parts of a file."""
    total: dict[str, dict[str, int]] = {}
    for part in parts:
        for column, found in part.counts.items():
            mine = total.setdefault(column, {})
            for reading, count in found.items():
                mine[reading] = mine.get(reading, 0) + count
    return Evidence(total)


def decide(chosen: Layout, evidence: Evidence) -> Decisions:
    """Return what the evidence decides; a layout that states the order or the sign overrules it."""
    orders = {c: f for c, f in evidence.counts.items() if COLUMNS[c][0] == "date"}
    seen = {r for found in orders.values() for r in (MONTH_FIRST, DAY_FIRST) if found.get(r)}
    date_order, assumed = {}, []
    for column, found in orders.items():
        mine = {r for r in (MONTH_FIRST, DAY_FIRST) if found.get(r)} or seen
        if chosen.date_order:
            date_order[column] = chosen.date_order
        elif len(mine) == 1:
            date_order[column] = next(iter(mine))
        elif mine:
            date_order[column] = "mixed"
        else:  # with points nobody can say: Americans seldom write so
            date_order[column] = "mixed" if found.get(DOTTED) else MONTH_FIRST
            assumed.append(column)
    negated = []
    for column, found in evidence.counts.items():
        if COLUMNS[column][0] != "money" or chosen.money_sign != "as_835":
            continue
        if found.get(NEGATIVE) and not found.get(POSITIVE):
            negated.append(column)
    outcomes = evidence.counts.get("appeal_outcome", {})
    about = bool(outcomes.get(APPEAL)) and not outcomes.get(OTHER)
    return Decisions(date_order, tuple(negated), about, tuple(assumed))


def notes_of(decisions: Decisions) -> list[Note]:
    """Return what a person is told of the decisions, one finding for each column."""
    notes: list[Note] = []
    for column, order in decisions.date_order.items():
        if order == DAY_FIRST:
            says = f"the dates of {column} are day first, as the column shows (DD/MM/YYYY), and were read that way"
            notes.append((None, column, "day_first", says))
        elif order == "mixed" and column not in decisions.assumed:
            says = (
                f"some dates of {column} can only be month first and some only day first, so those "
                "that fit both were not read: write them as YYYY-MM-DD, or set date_order in a "
                "column map (toolkit map FILE)"
            )
            notes.append((None, column, "date_order_mixed", says))
    for column in decisions.assumed:
        read = (
            "were read month first"
            if decisions.date_order[column] == MONTH_FIRST
            else ("were not read, because they have points as separators")
        )
        says = (
            f"every date of {column} fits both month first and day first; they {read}: say which in "
            "a column map (toolkit map FILE, then date_order: day_first or month_first)"
        )
        notes.append((None, column, "date_order_assumed", says))
    for column in decisions.negated:
        says = f"every amount of {column} is negative, so the sign was reversed; if these are takebacks, set money_sign: as_written in a column map (toolkit map FILE)"
        notes.append((None, column, "sign_turned", says))
    return notes


def _outcomes(columns: list, chosen: Layout) -> dict[str, int]:
    """Return how many distinct outcomes only appeals have, and how many claims may have too.

    Words that say nothing yet (pending, in progress, not appealed) speak for neither.
    """
    appeal = {plain(word) for word in chosen.appeal_words}
    table = word_table(chosen, "appeal_outcome")
    found = {APPEAL: 0, OTHER: 0}
    for text in {plain(value) for cells in columns for value in cells.values}:
        if text in appeal:
            found[APPEAL] += 1
        elif table.get(text) not in NO_OUTCOME:
            found[OTHER] += 1
    return found


def _count_dates(texts: pa.Array, found: dict[str, int], *, years: int) -> None:
    some = texts.filter(
        pc.match_substring_regex(texts, _MAY_BE_NUMERIC)
    )  # no date as ISO writes it
    for text in some.to_pylist():
        reading = _reading(text, years)
        if reading:
            found[reading] = found.get(reading, 0) + 1


@lru_cache(maxsize=20_000)
def _reading(text: str, years: int) -> str:
    """Return how a text may be read as a date in numbers; '' if it is none, or the same either way."""
    match = _NUMERIC.match(text)
    if not match or len(match[4]) < years:
        return ""
    first, second = int(match[1]), int(match[3])
    if first > 12 >= second:
        return DAY_FIRST
    if second > 12 >= first:
        return MONTH_FIRST
    if first == second:
        return ""
    return DOTTED if match[2] == "." else EITHER


def _count_signs(cells, reversal: np.ndarray | None, found: dict[str, int]) -> None:
    texts = cells.texts
    counted = pc.match_substring_regex(texts, "[1-9]").to_numpy(zero_copy_only=False)
    if reversal is not None:
        used = cells.codes[~reversal & (cells.codes >= 0)]
        counted = counted & (np.bincount(used, minlength=len(counted)) > 0)
    negative = pc.match_substring_regex(texts, _NEGATIVE).to_numpy(zero_copy_only=False)
    for reading, hit in ((NEGATIVE, counted & negative), (POSITIVE, counted & ~negative)):
        if hit.any():
            found[reading] = found.get(reading, 0) + int(hit.sum())


def _reversals(match: Match, columns: dict) -> np.ndarray | None:
    """Return which rows a claim status or group code calls reversals: their sign proves nothing."""
    hit = None
    for column, words in (("claim_status", _REVERSALS), ("group_code", frozenset({"cr"}))):
        for position in match.positions.get(column, ()):
            cells = columns[position]
            which = np.array([plain(v) in words for v in cells.values] + [False])[cells.codes]
            hit = which if hit is None else hit | which
    return hit

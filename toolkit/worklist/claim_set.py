"""One set of claims by number: a claim and a line are their places in the two tables; and who pays.

Claims and lines are numbers from the first step of a triage to the last, and texts of few distinct
values are numbers too (`toolkit.worklist.keys.Coded`): a text is looked up once at the start and written once at
the end, since taking, joining, sorting and comparing texts is what a triage would else spend its time on.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.adjudication import statuses
from toolkit.claims.tables import Claims
from toolkit.history.table import Histories, histories
from toolkit.worklist.keys import NO_DAY, Coded, coded, combined, keys_at, keys_of, positions, taken
from toolkit.worklist.memory import Brain


class ClaimSet:
    """One set of claims, whose claims and lines are numbers: their places in the two tables.

    A key that adjustments name and the tables lack has a number past the tables' ends.
    """

    def __init__(self, claims: Claims, known: Histories | None = None) -> None:
        self.tables = claims
        self.status = statuses(claims.claims["claim_status"])
        self.history = known or histories(claims)
        # Claims that hold no denial of this payer: undecided, another payer's, a reversal.
        self.netted = (self.history.reversal & ~self.history.review) | ~self.status.decided
        adjustments = claims.adjustments
        self.claim_keys, self.claim = _numbers(
            keys_of(claims.claims["claim_key"]), keys_of(adjustments["claim_key"])
        )
        self.line_keys, self.line = _numbers(
            keys_of(claims.claim_lines["line_key"]), keys_of(adjustments["line_key"])
        )

    @property
    def payers_files(self) -> frozenset[str]:
        """The files that are a payer's own word."""
        files = self.tables.files
        return frozenset(files["file_id"][files["source"].isin(["remittance", "fhir"])])

    @property
    def undone(self) -> np.ndarray:
        """Which claims say nothing that stands: not decided, a reversal, or taken back."""
        return self.netted | self.history.undone

    @cached_property
    def claim_of_line(self) -> np.ndarray:
        """The claim of each line."""
        return positions(keys_of(self.tables.claim_lines["claim_key"]), self.claim_keys)

    def same_claim(self, claim: np.ndarray) -> np.ndarray:
        """Return one number for all decisions on a claim: that of the first of them."""
        if not self.history.accounts:
            return claim
        first = np.arange(len(self.claim_keys) + 1)
        first[-1] = -1
        for known in self.history.accounts:
            for decisions in known.claims:
                for one in decisions[1:]:
                    first[one.place] = decisions[0].place
        return first[claim]

    def claim_at(self, claim: np.ndarray) -> np.ndarray:
        """Return the claims' places in their table; -1 for one that it lacks."""
        return np.where(claim < len(self.tables.claims), claim, -1)

    def line_at(self, line: np.ndarray) -> np.ndarray:
        """Return the lines' places in their table; -1 for one that it lacks."""
        return np.where(line < len(self.tables.claim_lines), line, -1)

    def cents(self, name: str, line: np.ndarray, claim: np.ndarray) -> pd.arrays.IntegerArray:
        """Return the cents that each line states, and the claim's where the line states none."""
        lines, claims = self.tables.claim_lines, self.tables.claims
        found = lines[name].array.take(self.line_at(line), allow_fill=True)
        missing = found.isna()
        if missing.any():
            at = self.claim_at(claim[missing])
            found[missing] = claims[name].array.take(at, allow_fill=True)
        return found

    def of_claims(self, name: str, claim: np.ndarray) -> Coded:
        """Return a column of few distinct values of these claims."""
        return coded(self.tables.claims[name]).take(self.claim_at(claim))

    def day_of_claims(self, name: str, claim: np.ndarray) -> np.ndarray:
        """Return a column of days of these claims."""
        return taken(days_of(self.tables.claims[name]), self.claim_at(claim), NO_DAY)

    def place(self, line: np.ndarray, claim: np.ndarray) -> np.ndarray:
        """Return where a denial stands as one number: on its line, else on its claim."""
        return np.where(line < 0, len(self.line_keys) + claim, line)

    def place_keys(self, line: np.ndarray, claim: np.ndarray) -> pa.Array:
        """Return the key of each place: the line's, or the claim's + '-c'."""
        on_claim = np.flatnonzero(line < 0)
        if not len(on_claim):
            return keys_at(self.line_keys, line)
        keys = self.claim_keys.take(pa.array(claim[on_claim]))
        keys = pc.binary_join_element_wise(
            keys, *(pa.scalar(end, pa.large_string()) for end in ("-c", ""))
        )
        at = line.copy()
        at[on_claim] = len(self.line_keys) + np.arange(len(on_claim))
        return pa.concat_arrays([self.line_keys, keys]).take(pa.array(at))


def days_of(column: pd.Series) -> np.ndarray:
    """Return a column of days as an array."""
    return column.to_numpy("datetime64[us]")


def _numbers(known: pa.Array, keys: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Return the known keys and after them the unknown ones, and for each key its number."""
    number = positions(keys, known)
    unknown = (number < 0) & keys.is_valid().to_numpy(zero_copy_only=False)
    if unknown.any():
        known = pa.concat_arrays([known, keys.filter(pa.array(unknown)).unique()])
        number = positions(keys, known)
    return known, number


class ClaimPayers(NamedTuple):
    """What is known of the payer: `facts` by number, and each claim's number among them."""

    number: np.ndarray
    facts: dict[str, Coded]

    def of(self, name: str, claim: np.ndarray) -> Coded:
        """Return a fact of these claims' payers; nothing is known of a claim past the table."""
        inside = np.where(claim < len(self.number), claim, -1)
        return self.facts[name].take(taken(self.number, inside, -1))


def payers_of(set_: ClaimSet, asked: Brain) -> ClaimPayers:
    """Return program, contract status and the contract's number by payer, with where from."""
    claims = set_.tables.claims
    columns = {key: coded(claims[key]) for key in asked.payer.keys}
    number, first = combined(columns.values())
    few = {key: column.take(first) for key, column in columns.items()}
    answered = asked.ask("payer", few)
    facts = {name: answered.of(name) for name in answered.table}
    bound = asked.ask("contract", few | {"program": facts["program"]})
    return ClaimPayers(number, facts | {"contract": bound.of("contract")})

"""The rows of the worklist: the denied places that are shown, in order, with what stands of them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.export.layouts import CLOSED
from toolkit.claims.tables import text
from toolkit.denials.second_look import of_history, turns_on_service
from toolkit.history.states import open_states, sent_on
from toolkit.worklist import comparison
from toolkit.worklist.adjustments import classified
from toolkit.worklist.claim_set import ClaimPayers, ClaimSet, days_of, payers_of
from toolkit.worklist.denied_places import (
    INITIAL_PAYMENT,
    DeniedPlaces,
    both,
    negotiable_payments,
    places_denied,
)
from toolkit.worklist.keys import NO_DAY, Coded, coded, combined, keys_at, taken
from toolkit.worklist.memory import Answered, Brain

OPEN = open_states()
# Open, but no notice is known whose clock could be counted.
NO_CLOCK = frozenset({"review", "taken_back"})


@dataclass(frozen=True, eq=False)
class DenialRows:
    """The rows of the worklist, in their order; each field has one entry per row.

    `claim` and `line` are numbers of the set; a field that is named as a column of the worklist is that
    column.
    """

    set_: ClaimSet
    who: ClaimPayers
    claim: np.ndarray
    line: np.ndarray
    denial_key: pa.Array
    file_id: Coded
    row: pd.api.extensions.ExtensionArray
    service_from: np.ndarray
    procedure_code: Coded
    group_code: Coded
    carc: Coded
    rarcs: Coded
    denied_cents: pd.arrays.IntegerArray
    other_reasons: Coded
    codes: Answered
    second_look: Coded
    stands: "Stands"

    @property
    def claim_key(self) -> pa.Array:
        return keys_at(self.set_.claim_keys, self.claim)

    @property
    def line_key(self) -> pa.Array:
        return keys_at(self.set_.line_keys, self.line)

    @cached_property
    def case_status(self) -> Coded:
        """What the hospital's own system says of the case."""
        return self.set_.of_claims("case_status", self.claim)

    @cached_property
    def stage(self) -> Coded:
        return self.set_.of_claims("stage", self.claim).filled("payment")

    def answer(self, name: str) -> Coded:
        """Return what the codes say, of each row."""
        return self.codes.of(name)

    def payer(self, name: str) -> Coded:
        """Return what is known of each row's payer."""
        return self.who.of(name, self.claim)

    def cents(self, name: str, at: np.ndarray | None = None) -> pd.arrays.IntegerArray:
        """Return the cents of each row's line, else of its claim; of the rows at some places, or of all."""
        line, claim = (self.line, self.claim) if at is None else (self.line[at], self.claim[at])
        return self.set_.cents(name, line, claim)

    def is_payment(self) -> np.ndarray:
        """Say which rows are payments that may be negotiated, and no denials."""
        return self.answer("reason").isin({INITIAL_PAYMENT})

    def looked(self, at: np.ndarray, more: pd.Series) -> "DenialRows":
        """Return the rows with more second looks, of the rows at these places."""
        looks = coded(more)
        code = np.full(len(self.claim), -1)
        code[at] = looks.code
        added = Coded(code, looks.values)
        number, first = combined([self.second_look, added])
        words = [
            f"{self.second_look.value(one) or ''} {added.value(one) or ''}".strip() for one in first
        ]
        return replace(self, second_look=Coded(number, words))


@dataclass(frozen=True, eq=False)
class Stands:
    """What stands of each denied place: whether it is a row, its state, and the claim that decided."""

    shown: np.ndarray
    state: Coded
    decided_by: np.ndarray
    recorded: np.ndarray  # whether a person's entry decided

    def followed(self, more: "Stands") -> "Stands":
        return Stands(
            np.concatenate([self.shown, more.shown]),
            self.state.followed(more.state),
            np.concatenate([self.decided_by, more.decided_by]),
            np.concatenate([self.recorded, more.recorded]),
        )

    def take(self, at: np.ndarray) -> "Stands":
        return Stands(self.shown[at], self.state.take(at), self.decided_by[at], self.recorded[at])


def denial_rows(set_: ClaimSet, asked: Brain) -> DenialRows:
    """Return the rows of the worklist, with the second looks that their own claim gives."""
    who = payers_of(set_, asked)
    adjustments, counted = classified(set_, who, asked)
    every = places_denied(set_, adjustments, counted)
    stands, denied = _standing(set_, every)
    payments = negotiable_payments(set_, who, adjustments, every)
    if payments is not None:
        # Whether a denial stands does not turn on a payment; whether a payment does, turns on denials.
        size, every = len(every.claim), every.followed(payments)
        with_payments, cents = _standing(set_, every)
        new = np.arange(size, len(every.claim))
        stands, denied = stands.followed(with_payments.take(new)), both(denied, cents.take(new))
    order, keys = _ordered(set_, every.claim, every.line)
    order, keys = order[stands.shown[order]], keys.filter(pa.array(stands.shown[order]))
    claim, line = every.claim[order], every.line[order]
    lines, codes = set_.tables.claim_lines, every.codes.take(order)
    at = set_.line_at(line)
    day = taken(days_of(lines["service_from"]), at, NO_DAY)
    whole = set_.day_of_claims("service_from", claim)
    found = DenialRows(
        set_,
        who,
        claim=claim,
        line=line,
        denial_key=keys,
        file_id=every.file_id.take(order),
        row=every.row.take(order),
        service_from=np.where(np.isnat(day), whole, day),
        procedure_code=coded(lines["procedure_code"]).take(at),
        group_code=every.group_code.take(order),
        carc=every.carc.take(order),
        rarcs=every.rarcs.take(order),
        denied_cents=denied.take(order),
        other_reasons=every.other_reasons.take(order),
        codes=codes,
        second_look=codes.of("second_look").filled(""),
        stands=stands.take(order),
    )
    return _with_history(found)


def _standing(set_: ClaimSet, every: DeniedPlaces) -> tuple[Stands, pd.arrays.IntegerArray]:
    """Return what stands of each denied place after all that happened to its claim, and its dollars."""
    rows = every.for_history(set_)
    found = set_.history.outcomes(rows)
    state, distinct = pd.factorize(found.state)
    nobody = np.zeros(len(state), dtype=bool)
    stands = Stands(found.shown, Coded(state, distinct.tolist()), found.decided_by, nobody)
    return stands, pd.arrays.IntegerArray(found.cents, rows.unknown)


def _ordered(set_: ClaimSet, claim: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, pa.Array]:
    """Return the order of the rows, by claim as in the files and then by key, and their keys."""
    table = np.minimum(claim, len(set_.tables.claims))
    rank = table * (len(set_.line_keys) + len(set_.claim_keys) + 1) + set_.place(line, claim)
    order = np.arange(len(rank))
    if (rank[1:] < rank[:-1]).any():
        order = np.argsort(rank, kind="stable")
    keys = set_.place_keys(line[order], claim[order])
    # Lines stand in a claim in the order of their keys, but for one with ten lines and no zeros.
    near = table[order]
    near = near[1:] == near[:-1]
    wrong = pc.greater(keys[:-1], keys[1:]).to_numpy(zero_copy_only=False) if len(keys) else near
    if (wrong & near).any():
        some = np.isin(table[order], table[order][1:][wrong & near])
        at = np.flatnonzero(some)
        names = np.array(keys.take(pa.array(at)).to_pylist(), dtype=object)
        inner = np.lexsort((pd.factorize(names, sort=True)[0], table[order][at]))
        moved = np.arange(len(order))
        moved[at] = at[inner]
        order, keys = order[moved], keys.take(pa.array(moved))
    return order, keys


def compared_rows(rows: DenialRows) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows that a comparison can tell something of, and where they are."""
    turns = turns_on_service()
    category, reason = rows.answer("denial_category"), rows.answer("reason")
    at = np.flatnonzero(category.isin(turns["denial_category"]) | reason.isin(turns["reason"]))
    set_, claim, line = rows.set_, rows.claim[at], rows.line[at]
    part = pd.DataFrame(
        {
            "denial_key": text(rows.denial_key.take(pa.array(at))),
            "claim_key": text(keys_at(set_.claim_keys, claim)),
            "line_key": text(keys_at(set_.line_keys, line)),
            "procedure_code": rows.procedure_code.take(at).array("text"),
            "service_from": rows.service_from[at],
            "program": rows.payer("program").take(at).array("text"),
            "denial_category": category.take(at).array("text"),
            "reason": reason.take(at).array("text"),
        }
    )
    places = set_.claim_at(claim), set_.line_at(line)
    return comparison.asked(part, set_.tables, set_.undone, places=places), at


def _with_history(rows: DenialRows) -> DenialRows:
    """Return the rows with the second looks that turn on what else happened to the claim."""
    status, case = rows.set_.of_claims("claim_status", rows.claim), rows.case_status
    about = sent_on()
    words = [bool(set(remarks.split()) & set(about.remarks)) for remarks in rows.rarcs.values]
    sent = np.array([*words, False], dtype=bool)[rows.rarcs.code] | status.isin(about.statuses)
    paid = case.isin({"open"}) & rows.stands.state.isin({"paid_later"})
    # A remittance has no case status but what an export of the same claim states.
    of_payer = rows.file_id.isin(rows.set_.payers_files)
    denied = case.isin(CLOSED) & of_payer & rows.stands.state.isin(OPEN) & ~rows.is_payment()
    some = np.flatnonzero(sent | paid | denied)
    if not len(some):
        return rows
    tracker = np.where(paid, "open_but_paid", np.where(denied, "closed_but_denied", ""))
    looks = [
        " ".join(of_history(tracker=said or None, sent_on="yes" if on else None))
        for said, on in zip(tracker[some], sent[some], strict=True)
    ]
    return rows.looked(some, pd.Series(looks, dtype="str"))

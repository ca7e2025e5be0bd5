"""From canonical tables to the worklist: one row per denial, with dates and reasons.

What the law and the codes say is asked once per distinct combination of facts, in plain Python,
and joined back. Nothing of it is said again here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.claims.tables import Claims, text
from toolkit.history import seen_on
from toolkit.history.fold import Denied
from toolkit.history.table import Histories
from toolkit.hospital import Hospital
from toolkit.law import telling_amounts
from toolkit.worklist import comparison
from toolkit.worklist.adjustments import classified
from toolkit.worklist.appeals import (
    LastAppeals,
    Recorded,
    ended,
    flag,
    last_appeals,
    matters,
    states,
    with_recorded,
)
from toolkit.worklist.claim_set import ClaimSet, payers_of
from toolkit.worklist.controversy import in_controversy
from toolkit.worklist.denial_rows import NO_CLOCK, DenialRows, compared_rows, denial_rows
from toolkit.worklist.denied_places import INITIAL_PAYMENT, opening_remarks_in, places_denied
from toolkit.worklist.keys import NO_DAY, Coded, coded, combined, keys_at, keys_of, taken
from toolkit.worklist.listed import Listed
from toolkit.worklist.memory import Answered, Brain, brain
from toolkit.worklist.table import WORKLIST, Source
from toolkit.worklist.tallies import dollars

__all__ = [
    "INITIAL_PAYMENT",
    "Brain",
    "brain",
    "classified_adjustments",
    "denied_places",
    "triage",
    "triaged",
    "triaged_with_comparison",
]

_REVERSAL_GAP = (
    "a reversal with positive amounts and no earlier decision: ask the payer whether it is a denial"
)
_TAKEN_BACK_GAP = "a payment was taken back: find the notice that says why, and enter its date"


def triage(
    claims: Claims, *, as_of: date, hospital: Hospital, categories: bool = False
) -> pd.DataFrame:
    """Return the worklist: one row per denied service line, or per claim-level denial.

    A payment that a remark code opens to negotiation (No Surprises Act) is a row too, without denied
    cents. Columns are WORKLIST, in order; money in whole cents; rows in the order of the files. Reversed
    claims and their reversals are netted and do not appear, nor do claims without a decision of this
    payer. `denied_cents` splits the claim's denied dollars by row, never repeats them, and is, for a
    remittance, never more than charge less payment (`toolkit.claims.adjudication`). What is later than
    `as_of` is left out (`toolkit.history.seen_on`). With `categories` as `triaged` says. Sources: the
    rules of `toolkit.denials` and `toolkit.law`, each row naming the entry that decided.
    """
    asked = brain(as_of=as_of, hospital=hospital)
    return triaged(seen_on(claims, as_of), asked, categories=categories)


def triaged(
    claims: Claims, asked: Brain, *, looks: bool = True, categories: bool = False
) -> pd.DataFrame:
    """Return the worklist of `triage` by questions that may have been asked before.

    Without `looks`, `second_look` has only what the codes say, and nothing that turns on the
    service or on other lines. With `categories` the texts are categories, but for the keys and the
    claim's two numbers; each column's are the texts that it has.
    """
    set_ = ClaimSet(claims)
    rows = denial_rows(set_, asked)
    if looks:
        part, at = compared_rows(rows)
        if len(at):
            given = pa.table({})  # none of these rows looks at it
            if comparison.turns_on_others(part):
                patients = part["patient"].dropna().unique()
                given = comparison.given(claims, set_.undone, patients, claim_of=set_.claim_of_line)
            rows = rows.looked(at, comparison.compared(part, given))
    return _listed(rows, asked).frame(categories=categories)


def triaged_with_comparison(
    claims: Claims, asked: Brain, *, known: Histories | None = None
) -> tuple[Listed, pd.DataFrame, pa.Table]:
    """Return the worklist without `looks`, and what `comparison.compared` needs of these claims.

    `known` are the claims' histories, where they are known already.
    For a set that has all claims of an account number but not all of a patient: second, the rows
    to be compared, and third, the services given, of every patient. Over the parts of a whole,
    what `compared` returns for all of the second and third is to be added to `second_look`.
    """
    set_ = ClaimSet(claims, known)
    rows = denial_rows(set_, asked)
    part, _ = compared_rows(rows)
    given = comparison.given(claims, set_.undone, claim_of=set_.claim_of_line)
    return _listed(rows, asked), part, given


def classified_adjustments(claims: Claims, *, hospital: Hospital) -> pd.DataFrame:
    """Return one row per adjustment (claim, line, group code, CARC netted) with its classification.

    The dollars of every adjustment that is not netted away, denial or not; for reconciliation.
    """
    asked = brain(as_of=date.min, hospital=hospital)  # what an adjustment is turns on no day
    set_ = ClaimSet(claims)
    who = payers_of(set_, asked)
    found, _ = classified(set_, who, asked)
    found = found.take((found.amount != 0) | found.unknown)
    found = found.take(~taken(set_.undone, set_.claim_at(found.claim), False))
    kinds = asked.code.answers
    frame = pd.DataFrame(
        {
            "claim_key": text(keys_at(set_.claim_keys, found.claim)),
            "line_key": text(keys_at(set_.line_keys, found.line)),
            "place": text(set_.place_keys(found.line, found.claim)),
            "group_code": found.group_code.array("text"),
            "carc": found.carc.array("text"),
            "text": found.text.array("text"),
            "amount_cents": pd.array(found.amount, dtype="Int64"),
            "unknown": found.unknown,
            "row": found.row,
            "file_id": found.file_id.array("text"),
            "rarcs": found.rarcs.array("text"),
            "unpaid_alone": pd.array(found.unpaid_alone, dtype="boolean"),
            "program": who.of("program", found.claim).array("text"),
            **{name: found.answer(name).array(kinds[name]) for name in kinds},
        }
    )
    return frame.astype({"is_denial": bool})


def denied_places(claims: Claims, asked: Brain) -> dict[tuple[int, int], Denied]:
    """Return what every decision of the claims denied, also those that no longer stand.

    Keys are the places of the claim in the table of claims and of the line in that of lines (-1: the
    claim as a whole). For the history of single claims: bulk work asks `triage`.
    """
    set_ = ClaimSet(claims)
    every = places_denied(set_, *classified(set_, payers_of(set_, asked), asked))
    rows = every.for_history(set_)
    return {
        (claim, line): Denied(None if unknown else cents, copy)
        for claim, line, cents, unknown, copy in zip(
            rows.claim.tolist(), rows.line.tolist(), rows.cents.tolist(), rows.unknown.tolist(),
            rows.is_copy.tolist(), strict=True,
        )
    }  # fmt: skip


# --- one row per denial --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Filings:
    """What each row's next filing goes by: its notice, and the amount in controversy."""

    notice_date: np.ndarray
    notice_from: Coded
    notice_received: np.ndarray
    in_controversy_cents: pd.arrays.IntegerArray


# The claim's two numbers: nearly as many texts as rows.
_NUMBERS = frozenset({"patient_control_number", "payer_claim_control_number"})


def _listed(rows: DenialRows, asked: Brain) -> Listed:
    """Return the rows as columns of WORKLIST, with their dates."""
    rows, recorded = with_recorded(rows)
    appeal = last_appeals(rows)
    disputed = in_controversy(rows, appeal, recorded)
    step, filing = _next_steps(rows, appeal, recorded, disputed.cents, asked)
    state = states(rows, appeal, recorded, asked)
    route, by_contract = rows.answer("route"), step.of("by_contract").isin({True})
    composed = {  # what several parts say together
        "route": route.with_value(
            by_contract & route.isin({"appeal"}), "contract_dispute"
        ).with_value(rows.stands.state.isin(NO_CLOCK), "review"),
        "second_look": rows.second_look,
        "why": _joined_words(
            step.of("why"), disputed.words, _reduced(rows), state["waits"], recorded.sent
        ),
    }
    sources: dict[Source, Callable[[str], Any]] = {
        "claim": lambda name: _of_claim(rows, name),
        "denial": lambda name: getattr(rows, name),
        "appeal": lambda name: getattr(appeal, name),
        "case": lambda name: getattr(filing, name),
        "notice": lambda name: getattr(filing, name),
        "payer": rows.payer,
        "code": rows.answer,
        "step": step.of,
        "state": state.__getitem__,
    }
    cells = {
        one.name: composed[one.name] if one.name in composed else sources[one.source](one.name)
        for one in WORKLIST
    }
    return Listed(WORKLIST, cells, rows.set_.claim_at(rows.claim))


def _of_claim(rows: DenialRows, name: str) -> Any:
    """Return a column of each row's claim; cents of its line, where that states them."""
    if name.endswith("_cents"):
        return rows.cents(name)
    if name in _NUMBERS:
        keys = keys_of(rows.set_.tables.claims[name])
        return keys_at(keys, rows.set_.claim_at(rows.claim))
    return rows.set_.of_claims(name, rows.claim)


def _next_steps(
    rows: DenialRows,
    appeal: LastAppeals,
    recorded: Recorded,
    in_controversy_cents: pd.arrays.IntegerArray,
    asked: Brain,
) -> tuple[Answered, Filings]:
    """Return what is next of each row and by when, and what that goes by."""
    set_, claim = rows.set_, rows.claim
    stated, remittance, received, earliest = (
        set_.day_of_claims(name, claim)
        for name in (
            "notice_date", "remittance_date", "notice_received", "earliest_remittance_date",
        )
    )  # fmt: skip
    dated = ~np.isnat(stated)
    notice = np.where(dated, stated, remittance)
    step = asked.ask_step(
        _step_facts(rows, appeal, recorded, in_controversy_cents),
        {
            # Once an appeal is filed, its decision (or where a rule says so its filing) is the notice.
            "notice_date": np.where(appeal.filed, NO_DAY, notice),
            "notice_received": np.where(appeal.filed, NO_DAY, received),
            "earliest_notice": np.where(appeal.filed, NO_DAY, earliest),
            "filed_on": np.where(appeal.goes_on, appeal.filed_on, NO_DAY),
            "decided_on": np.where(appeal.goes_on, appeal.decided_on, NO_DAY),
        },
    )
    decided, negotiated = (step.of(f"from_{day}").isin({True}) for day in ("decision", "filing"))
    source = np.where(dated, 0, np.where(np.isnat(remittance), 2, 1)).astype("int8")
    source[decided], source[negotiated] = 3, 4
    received[decided | negotiated] = NO_DAY
    return step, Filings(
        np.where(decided, appeal.decided_on, np.where(negotiated, appeal.filed_on, notice)),
        Coded(source, ["notice_date", "remittance_date", "", "decided_on", "filed_on"]),
        received,
        in_controversy_cents,
    )


def _step_facts(
    rows: DenialRows,
    appeal: LastAppeals,
    recorded: Recorded,
    in_controversy_cents: pd.arrays.IntegerArray,
) -> dict[str, Coded]:
    """Return the facts of the next step but for days, without those that cannot change it.

    The nature chooses the level that follows a decision; it matters neither for what was won nor for
    what still waits.
    """
    standing = rows.stands.state
    program = rows.payer("program").only(~standing.isin(NO_CLOCK))
    appealable = ~rows.answer("appealable").isin({False})
    return {
        "program": program,
        "stage": rows.stage,
        "contracted": rows.payer("contracted"),
        "denial_category": rows.answer("denial_category").only(matters("denial_category", program)),
        "nature": rows.answer("nature").only(appeal.goes_on & matters("nature", program)),
        "last_level": appeal.last_level,
        "filed": flag(appeal.filed),
        "outcome": appeal.outcome,
        "amount": _amounts(in_controversy_cents),
        "state_window": rows.payer("state_window").only(matters("state_window", program)),
        "jurisdiction": rows.payer("jurisdiction").only(matters("jurisdiction", program)),
        "contract": rows.payer("contract"),
        "remarks": opening_remarks_in(rows.rarcs),
        "initial_payment": flag(rows.is_payment()),
        "why_not": rows.answer("why_not").only(~appealable),
        "closed": flag(ended(rows, recorded)),
        "program_gap": rows.payer("program_gap")
        .only(program.code < 0)
        .with_value(standing.isin({"review"}), _REVERSAL_GAP)
        .with_value(standing.isin({"taken_back"}), _TAKEN_BACK_GAP),
    }


def _reduced(rows: DenialRows) -> Coded:
    """Return in words what is known of the stake of payments that may be negotiated."""
    code = np.full(len(rows.claim), -1, dtype="int64")
    at = np.flatnonzero(rows.is_payment())
    billed, paid = rows.cents("billed_cents", at), rows.cents("paid_cents", at)
    amounts = combined((coded(pd.Series(billed)), coded(pd.Series(paid))))
    code[at] = amounts[0]
    words = [
        "a payment, not a denial, so no amount is denied: "
        f"${dollars(paid[n])} was paid of a charge of ${dollars(billed[n])}, and what is owed of the "
        "difference is for negotiation"
        for n in amounts[1]
    ]
    return Coded(code, words)


def _joined_words(first: Coded, *more: Coded) -> Coded:
    """Return texts joined by a semicolon, row by row; what is missing or empty is left out.

    Most rows have the first alone: only those that have more are joined, once per distinct pair.
    """
    first = first.filled("")
    code, words = first.code.astype("int64"), list(first.values)
    for part in more:
        says = np.array([*map(bool, part.values), False])[part.code]
        at = np.flatnonzero(says)
        had, its = Coded(code[at], words), part.take(at)
        number, distinct = combined([had, its])
        code[at] = len(words) + number
        words += ["; ".join(filter(None, (had.value(n), its.value(n)))) for n in distinct]
    return Coded(code, words)


def _amounts(cents: pd.arrays.IntegerArray) -> Coded:
    """Return for each amount the telling one at or below it, in whole dollars; none for a missing one."""
    telling = [0, *telling_amounts()]
    whole = np.maximum(cents.to_numpy("int64", na_value=0) // 100, 0)
    return Coded(np.searchsorted(telling, whole, side="right") - 1, telling).only(~cents.isna())

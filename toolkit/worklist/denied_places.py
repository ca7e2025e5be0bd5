"""What every decision denies: one row per denied line, or claim, with its dollars and its other reasons.

Also the payments that are open to negotiation, which deny nothing.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from toolkit.claims.adjudication import BARE_REASONS, Stated, limited, reasons_taken
from toolkit.denials import classify
from toolkit.history.table import Rows as RowsOfHistory
from toolkit.law import opening_remarks, program_of_remarks
from toolkit.worklist.adjustments import Classified, joined_words, money_stated
from toolkit.worklist.claim_set import ClaimPayers, ClaimSet
from toolkit.worklist.keys import Coded, coded, combined, firsts, keys_of, taken
from toolkit.worklist.memory import Answered

# The reason of a row that is no denial: a payment that may be negotiated.
INITIAL_PAYMENT = "initial_payment"


@dataclass(frozen=True, eq=False)
class DeniedPlaces:
    """The denied places of every decision, in no order; each field has one entry per place."""

    claim: np.ndarray
    line: np.ndarray
    denied: pd.arrays.IntegerArray
    other_reasons: Coded
    row: pd.api.extensions.ExtensionArray
    codes: Answered
    file_id: Coded
    group_code: Coded
    carc: Coded
    rarcs: Coded

    def followed(self, more: "DeniedPlaces") -> "DeniedPlaces":
        """Return the places and more of them, whose table of answers begins with that of the first."""
        return DeniedPlaces(
            np.concatenate([self.claim, more.claim]),
            np.concatenate([self.line, more.line]),
            both(self.denied, more.denied),
            self.other_reasons.followed(more.other_reasons),
            both(self.row, more.row),
            Answered(np.concatenate([self.codes.number, more.codes.number]), more.codes.table),
            self.file_id.followed(more.file_id),
            self.group_code.followed(more.group_code),
            self.carc.followed(more.carc),
            self.rarcs.followed(more.rarcs),
        )

    def for_history(self, set_: ClaimSet) -> RowsOfHistory:
        """Return the places as a claim's history asks for them."""
        return RowsOfHistory(
            set_.claim_at(self.claim),
            set_.line_at(self.line),
            self.denied.to_numpy("int64", na_value=0),
            self.denied.isna(),
            self.codes.of("denial_category").isin({"duplicate"}),
        )


def places_denied(set_: ClaimSet, classified: Classified, counted: Stated) -> DeniedPlaces:
    """Return what every decision denied, also those that no longer stand.

    `counted` is the money of the adjustments that count.
    """
    found = _denials(set_, classified)
    primary, denied, other_reasons = _primary(found)
    found, denied, other_reasons = _limited(
        set_, counted, found.take(primary), denied, other_reasons
    )
    every = _places(found, denied, other_reasons, found.codes)
    silent = _silent(set_, found.claim)
    if not len(silent):
        return every
    claims = set_.tables.claims
    nothing = Coded(np.full(len(silent), -1), [])
    more = DeniedPlaces(
        silent,
        np.full(len(silent), -1),
        (claims["billed_cents"] - claims["paid_cents"]).array.take(silent),
        nothing.filled(""),
        claims["row"].array.take(silent),
        _with_answer(every.codes.table, _unexplained(), len(silent)),
        file_id=coded(claims["file_id"].iloc[silent]),
        group_code=nothing,
        carc=nothing,
        rarcs=nothing.filled(""),
    )
    return every.followed(more)


def _places(
    found: Classified, denied: pd.arrays.IntegerArray, other_reasons: Coded, codes: Answered
) -> DeniedPlaces:
    given = {name: getattr(found, name) for name in ("file_id", "group_code", "carc", "rarcs")}
    return DeniedPlaces(found.claim, found.line, denied, other_reasons, found.row, codes, **given)


def _denials(set_: ClaimSet, found: Classified) -> Classified:
    """Return the adjustments that deny something, with what they deny.

    A reduction by a payer that came after another one is no underpayment where it is all there is.
    """
    denies = found.answer("is_denial").isin({True})
    bare = found.answer("reason").isin(BARE_REASONS)
    denies &= ~(
        bare & found.alone & taken(set_.status.secondary, set_.claim_at(found.claim), False)
    )
    took = reasons_taken(
        money_stated(set_, found),
        denies=denies,
        bare=bare,
        refused=set_.status.denied,
        rank=found.rank(),
    )
    line = np.where(took.on_claim, -1, found.line)
    place = set_.place(line, found.claim)
    found = replace(found, line=line, place=place, amount=took.amount, unknown=took.unknown)
    return found.take(took.stays)


def _limited(
    set_: ClaimSet,
    counted: Stated,
    mine: Classified,
    denied: pd.arrays.IntegerArray,
    other_reasons: Coded,
) -> tuple[Classified, pd.arrays.IntegerArray, Coded]:
    """Return the denials of remittances with no more than charge less payment, by line and claim.

    A denial of the claim for which its lines leave nothing is one of their other reasons.
    """
    files = set_.tables.files
    remittances = files["file_id"][files["source"].eq("remittance")]
    may = set_.tables.claims["file_id"].isin(remittances).to_numpy()
    if not may.any():
        return mine, denied, other_reasons
    claim, unknown = set_.claim_at(mine.claim), denied.isna()
    was = denied.to_numpy("int64", na_value=0)
    cents = limited(counted, claim, set_.line_at(mine.line), was, unknown, may)
    denied = pd.arrays.IntegerArray(cents, unknown)
    gone = (mine.line < 0) & (cents == 0) & (was > 0)
    first = np.full(len(set_.claim_keys), -1)
    stays = np.flatnonzero(~gone)[::-1]
    first[mine.claim[stays]] = stays  # of several rows of a claim the first one stays
    rest = first[mine.claim]
    gone &= rest >= 0
    if not gone.any():
        return mine, denied, other_reasons
    other_reasons = _joined_reasons(mine, other_reasons, np.flatnonzero(gone), rest[gone])
    at = np.flatnonzero(~gone)
    return mine.take(at), denied.take(at), other_reasons.take(at)


def _joined_reasons(mine: Classified, others: Coded, gone: np.ndarray, into: np.ndarray) -> Coded:
    """Return the other reasons with those of denials that are `gone`, each added to the row `into`."""
    spelled = mine.code_words()
    parts = [others.take(into), spelled.take(into), spelled.take(gone), others.take(gone)]
    number, distinct = combined(parts)
    told = []
    for place in distinct:
        had, own, more, its = (one.value(place) for one in parts)
        added = [word for word in (more, *its.split()) if word != own]
        told.append(" ".join(dict.fromkeys((*had.split(), *added))))
    code = np.full(len(others.code), -1)
    code[into] = number
    joined = Coded(code, told)
    row, few = combined([others, joined])
    return Coded(row, [joined.value(at) or others.value(at) for at in few])


def _primary(found: Classified) -> tuple[np.ndarray, pd.arrays.IntegerArray, Coded]:
    """Return the adjustment that stands for each denied place, its dollars, its other reasons.

    The largest amount decides, of equal ones the category that ranks first, and of these the first
    code or text by its letters: never the order of the rows.
    """
    number = pd.factorize(found.place)[0]
    first = firsts(number)
    denied, unknown = found.amount, found.unknown
    nothing = Coded(np.zeros(len(first), dtype="int64"), [""])
    if len(first) == len(number):
        return first, pd.arrays.IntegerArray(denied.copy(), unknown.copy()), nothing
    several = np.flatnonzero((np.bincount(number) > 1)[number])
    some = found.take(several)
    spelled = (some.text.by_letters(), some.code_words().by_letters())
    order = np.lexsort((*spelled, some.rank(), -some.amount, number[several]))
    several = several[order]
    owner = number[several]
    starts = np.ones(len(owner), dtype=bool)
    starts[1:] = owner[1:] != owner[:-1]
    primary = first.copy()
    primary[owner[starts]] = several[starts]
    denied = np.zeros(len(first), dtype="int64")
    np.add.at(denied, number, found.amount)
    known = np.bincount(number, weights=~found.unknown, minlength=len(first)) > 0
    rest = found.take(several[~starts])
    others = joined_words(owner[~starts], rest.code_words(), len(first)).filled("")
    return primary, pd.arrays.IntegerArray(denied, ~known), others


def _silent(set_: ClaimSet, explained: np.ndarray) -> np.ndarray:
    """Return the claims that their status calls denied and that no adjustment explains."""
    status = keys_of(set_.tables.claims["claim_status"])
    if not len(status):
        return np.empty(0, dtype="int64")
    denied = pc.equal(status, "4").fill_null(False).to_numpy(zero_copy_only=False)
    denied = denied & ~set_.netted
    denied[explained[explained < len(denied)]] = False
    return np.flatnonzero(denied)


def _unexplained() -> dict[str, Any]:
    """Return what is said of a claim that its status calls denied and no adjustment explains."""
    asked = classify(None, None, ())
    names = [name for name in asked.__struct_fields__ if name not in ("warnings", "decided_by")]
    return {
        **{name: getattr(asked, name) for name in names},
        "decided_by": "claim status 4",
        "second_look": "",
        "is_denial": True,
        "denial_category": "unclassified",
        "route": "review",
    }


def negotiable_payments(
    set_: ClaimSet, who: ClaimPayers, found: Classified, every: DeniedPlaces
) -> DeniedPlaces | None:
    """Return the payments that are open to negotiation under a program that a remark code opens.

    A remark says that the claim is under the No Surprises Act, the hospital has no contract, and a
    reduction that denies nothing left less than the charge: nothing was denied, and how much is owed
    is not known, so these rows have no denied cents. None where there are none.
    """
    opens = opening_remarks_in(found.rarcs)
    may = (opens.code >= 0) & ((found.amount > 0) | found.unknown)
    if not may.any():
        return None
    may &= found.answer("reason").isin(BARE_REASONS) & ~found.answer("is_denial").isin({True})
    may &= ~who.of("contracted", found.claim).isin({"contracted"})
    under = {
        (program, remarks)
        for program in (*who.facts["program"].values, None)
        for remarks in opens.values
        if program_of_remarks(program, remarks.split(), payment=True)
    }
    number, first = combined((program := who.of("program", found.claim), opens))
    told = [(program.value(at), opens.value(at)) in under for at in first]
    may &= np.array(told, dtype=bool)[number]
    denied = set_.place(every.line, every.claim)
    of_claim = set_.place(np.full(len(found.claim), -1), found.claim)
    may &= ~np.isin(found.place, denied) & ~np.isin(of_claim, denied)
    some = found.take(np.flatnonzero(may))
    if not len(some.claim):
        return None
    primary, _, _ = _primary(some)
    mine = some.take(primary)
    size = len(mine.claim)
    nothing = pd.arrays.IntegerArray(np.zeros(size, dtype="int64"), np.ones(size, dtype=bool))
    others = Coded(np.full(size, -1), []).filled("")
    return _places(mine, nothing, others, _with_answer(every.codes.table, _initial_payment(), size))


def _initial_payment() -> dict[str, Any]:
    """Return what is said of a payment that is open to negotiation."""
    return {
        "denial_category": "pricing",
        "reason": INITIAL_PAYMENT,
        "route": "appeal",
        "nature": "technical",
        "preventable": "no",
        "liability": "provider",
        "confidence": "high",
        "decided_by": "remark that opens negotiation",
        "appealable": True,
        "second_look": "",
        "is_denial": False,
    }


def opening_remarks_in(rarcs: Coded) -> Coded:
    """Return the remark codes that decide whether it is under another program, and no others."""
    known = opening_remarks()
    words = [" ".join(sorted(known.intersection(text.split()))) or None for text in rarcs.values]
    distinct = [word for word in dict.fromkeys(words) if word]
    place = [distinct.index(word) if word else -1 for word in words]
    return Coded(np.array([*place, -1])[rarcs.code], distinct)


def _with_answer(table: dict[str, Coded], answer: dict[str, Any], times: int) -> Answered:
    """Return one answer more than the table has, given so many times."""
    one = Coded(np.full(1, -1), [])
    size = len(next(iter(table.values())).code)
    more = {
        name: column.followed(one.filled(answer[name]) if name in answer else one)
        for name, column in table.items()
    }
    return Answered(np.full(times, size), more)


def both(before: Any, after: Any) -> Any:
    """Return one array after the other."""
    return pd.concat([pd.Series(before), pd.Series(after)], ignore_index=True).array

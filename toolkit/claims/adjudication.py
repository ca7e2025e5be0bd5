"""What a claim says of its adjustments: whether it was decided, by whom, and for how much at most.

Triage counts by these rules; the readers report what the rules change (`seen`), so that no number
moves without a finding. The statuses are data (`rules/denials/claim_status.csv`).

**No decision.** A claim whose status says that it is pending, estimated or another payer's is no
payment denial, whatever its adjustments are.

**Repeated adjustments.** Some payers write a claim's adjustments at the claim and again at its lines.
They count once, at the lines, where group code, CARC and sum agree at both levels and the claim
balances only without the repetition. Adjustments at both levels that balance are left alone.

**At most.** What is denied of a claim or a line is never more than its charge less its payment.
Negative adjustments that balance the claim (interest, incentives) were paid on top of it: they are
no payment of the charge.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.claims.tables import Claims, conform
from toolkit.denials import classify
from toolkit.denials.codes import ClaimStatus, claim_statuses, read_status

# Reasons of what is no denial by itself, and takes the reason of one that has no amount of its own.
BARE_REASONS = frozenset({"contractual", "statutory_reduction", "possible_underpayment"})


class Statuses(NamedTuple):
    """What the status of each claim says; one entry a claim."""

    undecided: np.ndarray  # pending or an estimate
    elsewhere: np.ndarray  # another payer's claim
    unknown: np.ndarray  # the list does not say whether it is a decision, or lacks the status
    denied: np.ndarray
    secondary: np.ndarray  # another payer decided before this one

    @property
    def decided(self) -> np.ndarray:
        """Which claims may hold a denial of this payer."""
        return ~(self.undecided | self.elsewhere)


def statuses(status: pd.Series) -> Statuses:
    """Return what the statuses of claims (CLP02) say."""
    place, distinct = pd.factorize(status)
    known = [claim_statuses().get(read_status(value)) for value in distinct]

    def those(say) -> np.ndarray:
        return np.array([*map(say, known), False], dtype=bool)[place]

    return Statuses(
        undecided=those(lambda s: s is not None and s.decision == "no" and not _elsewhere(s)),
        elsewhere=those(lambda s: s is not None and _elsewhere(s)),
        unknown=those(lambda s: s is None or s.decision == "unknown"),
        denied=those(lambda s: s is not None and s.standing == "denied"),
        secondary=those(lambda s: s is not None and s.turn in ("second", "third")),
    )


def _elsewhere(status: ClaimStatus) -> bool:
    return status.whose == "other_payer"


@dataclass(frozen=True, eq=False)
class Stated:
    """Adjustments, and the money of their claims and lines, by numbers; amounts in whole cents.

    `claim` and `line` are places in the arrays of claims and lines (-1: none); `code` numbers the
    pairs of group code and CARC. `billed` and `paid` count only if `known`.
    """

    claim: np.ndarray
    line: np.ndarray
    code: np.ndarray
    amount: np.ndarray
    unknown: np.ndarray
    billed: np.ndarray
    paid: np.ndarray
    known: np.ndarray
    line_billed: np.ndarray
    line_paid: np.ndarray
    line_known: np.ndarray

    def money(self, of: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return each adjustment's claim or line, and their charge, payment and whether known."""
        if of == "claim":
            return self.claim, self.billed, self.paid, self.known
        return self.line, self.line_billed, self.line_paid, self.line_known

    def off(self, of: str) -> tuple[np.ndarray, np.ndarray]:
        """Return charge less payment less adjustments of each claim or line, and where it is sure."""
        place, billed, paid, known = self.money(of)
        there = place >= 0
        off = billed - paid
        np.subtract.at(off, place[there], self.amount[there])
        sure = known.copy()
        sure[place[there & self.unknown]] = False
        return off, sure

    def without(self, gone: np.ndarray) -> "Stated":
        """Return the same claims and lines without some of the adjustments."""
        if not gone.any():
            return self
        own = ("claim", "line", "code", "amount", "unknown")
        return replace(self, **{name: getattr(self, name)[~gone] for name in own})


def repeated(stated: Stated, may: np.ndarray) -> np.ndarray:
    """Return which adjustments of claims repeat those of their lines; `may` says which claims to try."""
    again = np.zeros(len(stated.claim), dtype=bool)
    off, sure = stated.off("claim")
    at = np.flatnonzero(_at(may & sure & (off != 0), stated.claim))
    if not len(at):
        return again
    claim, amount, on_claim = stated.claim[at], stated.amount[at], stated.line[at] < 0
    codes = int(stated.code.max()) + 1
    pair, owner = np.unique(claim * codes + stated.code[at], return_inverse=True)
    here, below = (np.zeros(len(pair), dtype="i8") for _ in range(2))
    np.add.at(here, owner[on_claim], amount[on_claim])
    np.add.at(below, owner[~on_claim], amount[~on_claim])
    of = pair // codes
    alike = (here == below) & (here != 0)
    every = np.zeros(len(off), dtype="i8")
    np.add.at(every, of[alike], here[alike])
    # All that agree, if the claim then balances; else the one without which it does.
    fits = alike & (every[of] == -off[of])
    done = np.zeros(len(off), dtype=bool)
    done[of[fits]] = True
    one = np.flatnonzero(alike & ~done[of] & (here == -off[of]))
    fits[one[np.unique(of[one], return_index=True)[1]]] = True
    again[at] = on_claim & fits[owner]
    return again


def most(stated: Stated, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Return what may be denied at most of each claim or line, and where that is known.

    A line with no charge of its own has no limit but its claim's.
    """
    place, billed, paid, known = stated.money(of)
    off, sure = stated.off(of)
    extra = np.zeros(len(billed), dtype="i8")
    there = (place >= 0) & (stated.amount < 0) & ~stated.unknown
    np.add.at(extra, place[there], -stated.amount[there])
    limit = np.minimum(billed, billed - paid + np.where(sure & (off == 0), extra, 0))
    return np.maximum(limit, 0), known & ((of == "claim") | (billed > 0))


def limited(
    stated: Stated, claim: np.ndarray, line: np.ndarray, denied: np.ndarray, unknown: np.ndarray,
    may: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return what each denial is for when no line and no claim is denied more than `most` allows.

    Lines come before their claim's own denial, in their order. `may` says which claims to limit.
    """
    held = np.flatnonzero((claim >= 0) & ~unknown & _at(may, claim))
    amount, claim, line = denied[held], claim[held], line[held]
    limit, known = most(stated, "line")
    on_line = line >= 0
    there = np.flatnonzero(on_line)[known[line[on_line]]]
    amount[there] = np.minimum(amount[there], limit[line[there]])
    limit, known = most(stated, "claim")
    order = np.lexsort((np.where(on_line, line, len(stated.line_paid)), claim))
    owner = claim[order]
    before = np.cumsum(amount[order]) - amount[order]
    first = np.searchsorted(owner, owner, side="left")
    left = np.maximum(limit[owner] - (before - before[first]), 0)
    amount[order] = np.where(known[owner], np.minimum(amount[order], left), amount[order])
    out = denied.copy()
    out[held] = amount
    return out


class Taken(NamedTuple):
    """Which adjustments deny something, and how much; `on_claim` says which stand on the claim now."""

    stays: np.ndarray
    amount: np.ndarray
    unknown: np.ndarray
    on_claim: np.ndarray


def reasons_taken(
    stated: Stated, *, denies: np.ndarray, bare: np.ndarray, refused: np.ndarray, rank: np.ndarray
) -> Taken:
    """Return what each adjustment denies where a reason without an amount explains a bare reduction.

    `denies` and `bare` say what each adjustment is by its codes (`bare`: one of BARE_REASONS), `rank`
    which reason goes first, `refused` which claims their status calls denied. On a line that was paid
    nothing, or of a refused claim, a reason with the amount 0.00 takes the bare reductions of the
    line, unless another adjustment there denies. What is left of a refused claim, and of its lines
    that nothing explains, goes to the claim's reason, or else to one that a line gives.
    """
    amount, unknown = stated.amount.copy(), stated.unknown.copy()
    on_claim = np.zeros(len(amount), dtype=bool)
    stays = denies & ((amount > 0) | unknown)
    inside = stated.claim >= 0
    reason = denies & ~bare & (amount == 0) & ~unknown & inside
    if not reason.any():
        return Taken(stays, amount, unknown, on_claim)
    lines = len(stated.line_paid)
    own = lines + stated.claim  # the claim as a place
    place = np.where(stated.line < 0, own, stated.line)
    of_refused = _at(refused, stated.claim)
    hard, lonely, done = (np.zeros(lines + len(stated.paid), dtype=bool) for _ in range(3))
    hard[place[stays & ~bare & inside]] = True
    lonely[place[stays & bare & inside]] = True
    reduction = bare & (amount > 0) & inside

    def gives(at: np.ndarray, to: np.ndarray, *keys: np.ndarray) -> np.ndarray:
        """Return of each place the reason that goes first."""
        order = at[np.lexsort((at, rank[at], *(key[at] for key in keys), to[at]))]
        return order[np.unique(to[order], return_index=True)[1]]

    def summed(which: np.ndarray, to: np.ndarray) -> np.ndarray:
        total = np.zeros(len(hard), dtype="i8")
        np.add.at(total, to[which], stated.amount[which])
        return total

    on_line = stated.line >= 0
    soft = summed(reduction & on_line, place)
    may = reason & on_line & ~hard[place] & (soft[place] > 0) & (of_refused | lonely[place])
    first = gives(np.flatnonzero(may), place)
    amount[first], done[place[first]] = soft[place[first]], True
    took = np.zeros(len(amount), dtype=bool)
    took[first] = True

    loose = reduction & of_refused & ~hard[place] & ~done[place] & ~hard[own]
    soft = summed(loose, own)
    left = reason & of_refused & ~done[place] & ~hard[own]
    second = gives(np.flatnonzero(left & (soft[own] > 0)), own, on_line)
    amount[second] = soft[own[second]]
    done[place[loose & _marked(own[second], len(hard))[own]]] = True
    stays &= ~(bare & done[place] & inside)

    # A refused claim of which nothing is explained yet: the reason it has, for all that was not paid.
    explained = _marked(own[(stays | took) & inside], len(hard))
    explained[own[second]] = True
    third = gives(np.flatnonzero(left & ~explained[own]), own, on_line)
    whose = stated.claim[third]
    rest = stated.billed[whose] - stated.paid[whose]
    stands = stated.known[whose] & (rest > 0)
    third = third[stands]
    amount[third] = rest[stands]
    for chosen in (first, second, third):
        stays[chosen] = True
    for chosen in (second, third):
        on_claim[chosen] = True
    return Taken(stays, amount, unknown, on_claim)


def _marked(at: np.ndarray, size: int) -> np.ndarray:
    marked = np.zeros(size, dtype=bool)
    marked[at] = True
    return marked


def _at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Return the flags at these places; False where the place is -1."""
    if not len(values):
        return np.zeros(len(place), dtype=bool)
    return values[place] & (place >= 0)


# --- what is reported ------------------------------------------------------------------------------

# Code of the finding: the segment or element it concerns, and what it says of one or more claims.
_SAYS = {
    "status_no_decision": (
        "CLP02",
        "the status is not a decision (pending, received, suspended or an estimate), so it counts neither as denied nor as decided: wait for the decision",
    ),
    "status_other_payer": (
        "CLP02",
        "according to the status this is another payer's claim and was forwarded; it does not count as denied: look for the other payer's remittance",
    ),
    "status_not_known": (
        "CLP02",
        "the status does not say whether this payer decided, so it counts as decided: check the payer's portal before you appeal",
    ),
    "secondary_contractual": (
        "CLP02",
        "decided after another payer; nothing was paid and the whole charge of a line is a contractual reduction: not counted as a possible underpayment, because the previous payer decided",
    ),
    "adjustments_repeated": (
        "CAS",
        "the claim's adjustments are repeated on its lines; they count once, on the lines, because charge less payment allows no more",
    ),
    "more_adjusted_than_unpaid": (
        "CAS",
        "the adjustments are more than charge less payment; the denied amount is limited to charge less payment",
    ),
    "zero_amount_reason": (
        "CAS",
        "a denial reason has the amount 0.00 and the unpaid amount is a contractual reduction; the denial gets this reason and the amount of the reduction",
    ),
}


class Seen(NamedTuple):
    """Claims that a rule changes: the kind of finding, and their places in the table of claims."""

    code: str
    claims: np.ndarray


def column_of(code: str) -> str:
    """Return the segment or element that a finding of this kind concerns."""
    return _SAYS[code][0]


def says(code: str, count: int | None = None) -> str:
    """Return what a finding of this kind says of so many claims; None: of the claim of its row."""
    who = "this claim" if count is None else "1 claim"
    if count is not None and count != 1:
        who = f"{count:,} claims, this one first"
    return f"{who}: {_SAYS[code][1]}"


def seen(
    status: pd.Series, reversal: np.ndarray, stated: Stated, pairs: list[tuple], *, remittance: bool
) -> list[Seen]:
    """Return which claims the rules change; `pairs` are group code and CARC by `Stated.code`.

    A remittance is one decision, whose money has to add up; in an export, amounts may be of several
    days, so what is counted there is not limited.
    """
    about = statuses(status)
    counts = about.decided & ~reversal
    found = {
        "status_no_decision": about.undecided,
        "status_other_payer": about.elsewhere,
        "adjustments_repeated": np.zeros(len(counts), dtype=bool),
    }
    again = repeated(stated, counts)
    found["adjustments_repeated"][stated.claim[again]] = True
    kept = stated.without(again)
    found["secondary_contractual"] = counts & _secondary(kept, about.secondary, pairs)
    found["zero_amount_reason"] = counts & _zero_reasons(kept, about.denied & counts, pairs)
    if remittance:
        found["status_not_known"] = about.unknown
        found["more_adjusted_than_unpaid"] = counts & _over(kept, pairs)
    return [Seen(code, np.flatnonzero(which)) for code, which in found.items() if which.any()]


def noted(claims: Claims) -> Claims:
    """Return an export's tables with a finding for each claim that counts otherwise than it says.

    The tables are of one file and hold all rows of their claims.
    """
    if not len(claims.claims):
        return claims
    stated, pairs = stated_of(claims)
    table = claims.claims
    reversal = table["is_reversal"].to_numpy(bool, na_value=False)
    found = [
        pd.DataFrame(
            {
                "file": claims.files["file"].iloc[0],
                "file_id": claims.files["file_id"].iloc[0],
                "row": table["row"].iloc[kind.claims].to_numpy(),
                "column": "claim_status" if column_of(kind.code) == "CLP02" else "carc",
                "code": kind.code,
                "says": says(kind.code),
            }
        )
        for kind in seen(table["claim_status"], reversal, stated, pairs, remittance=False)
    ]
    if not found:
        return claims
    every = pd.concat([claims.findings, *(conform(one, "findings") for one in found)])
    every = every.sort_values(["row", "column"], kind="stable", na_position="first")
    return replace(claims, findings=every.reset_index(drop=True))


def _over(stated: Stated, pairs: list[tuple]) -> np.ndarray:
    """Return the claims whose positive adjustments are more than may be denied of them or a line."""
    over = np.zeros(len(stated.billed), dtype=bool)
    corrects = np.array([group == "CR" for group, _ in pairs], dtype=bool)
    for of, place in (("line", stated.line), ("claim", stated.claim)):
        limit, known = most(stated, of)
        total = np.zeros(len(limit), dtype="i8")
        there = (place >= 0) & (stated.amount > 0) & ~corrects[stated.code]
        np.add.at(total, place[there], stated.amount[there])
        beyond = known & (total > limit)
        over[stated.claim[there & _at(beyond, place)]] = True
    return over


def _underpaid(pairs: list[tuple]) -> np.ndarray:
    """Say of each pair whether it may hide an underpayment where it takes the whole charge."""
    return np.array([_underpays(*pair) for pair in pairs], dtype=bool)


def alone(stated: Stated) -> np.ndarray:
    """Return which adjustments are the only one of a line that was paid nothing."""
    there = (stated.line >= 0) & ((stated.amount != 0) | stated.unknown)
    number = np.bincount(stated.line[there], minlength=len(stated.line_paid))
    unpaid = stated.line_known & (stated.line_paid == 0) & (number == 1)
    return there & _at(unpaid, stated.line)


def _secondary(stated: Stated, secondary: np.ndarray, pairs: list[tuple]) -> np.ndarray:
    found = np.zeros(len(secondary), dtype=bool)
    if secondary.any():
        at = _underpaid(pairs)[stated.code] & _at(secondary, stated.claim)
        found[stated.claim[at & alone(stated)]] = True
    return found


def _zero_reasons(stated: Stated, denied: np.ndarray, pairs: list[tuple]) -> np.ndarray:
    """Return the claims of which a reason without an amount explains something, by the codes alone."""
    found = np.zeros(len(denied), dtype=bool)
    zero = (stated.amount == 0) & ~stated.unknown & (stated.claim >= 0)
    if not zero.any():
        return found
    there = np.zeros(len(denied), dtype=bool)
    there[stated.claim[zero]] = True
    some = stated.without(~_at(there, stated.claim))
    lonely = alone(some) & _underpaid(pairs)[some.code]
    about = [_about(*pair) for pair in pairs]
    bare = lonely | np.array([bare for _, bare in about], dtype=bool)[some.code]
    denies = lonely | np.array([denies for denies, _ in about], dtype=bool)[some.code]
    nothing = np.zeros(len(bare), dtype="i8")
    took = reasons_taken(some, denies=denies, bare=bare, refused=denied, rank=nothing)
    found[some.claim[took.stays & (some.amount == 0) & ~some.unknown]] = True
    return found


@lru_cache(maxsize=4096)
def _about(group: str | None, carc: str | None) -> tuple[bool, bool]:
    """Return whether a pair denies something, and whether it is a bare reduction."""
    about = classify(None if group == "CR" else group, carc)
    return about.is_denial, about.reason in BARE_REASONS


def denies(group: str | None, carc: str | None) -> bool:
    """Return whether a group code and CARC deny something, by themselves."""
    return _about(group or None, carc or None)[0]


@lru_cache(maxsize=4096)
def _underpays(group: str | None, carc: str | None) -> bool:
    """Return whether a pair may hide an underpayment where it is all there is of an unpaid line."""
    about = classify(group, carc, unpaid_alone=True)
    return about.is_denial and about.reason in BARE_REASONS


def stated_of(claims: Claims) -> tuple[Stated, list[tuple]]:
    """Return the tables' adjustments by numbers, and the pairs of group code and CARC by number."""
    table = claims.adjustments
    places = [
        pc.index_in(_keys(table[key]), value_set=_keys(of[key])).fill_null(-1).to_numpy()
        for key, of in (("claim_key", claims.claims), ("line_key", claims.claim_lines))
    ]
    line = np.where(table["line_key"].isna().to_numpy(), -1, places[1])
    code, pairs = numbered(pa.array(table["group_code"]), pa.array(table["carc"]))
    cents = table["amount_cents"]
    amount, unknown = cents.to_numpy("int64", na_value=0), cents.isna().to_numpy()
    return (
        Stated(
            places[0].astype("i8"), line.astype("i8"), code, amount, unknown,
            *money_of(claims.claims), *money_of(claims.claim_lines),
        ),
        pairs,
    )  # fmt: skip


def money_of(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return charge and payment of each row, and where both are stated."""
    billed, paid = table["billed_cents"], table["paid_cents"]
    known = ~(billed.isna() | paid.isna()).to_numpy()
    return billed.to_numpy("int64", na_value=0), paid.to_numpy("int64", na_value=0), known


def numbered(groups: pa.Array, carcs: pa.Array) -> tuple[np.ndarray, list[tuple]]:
    """Return a number for each pair of group code and CARC, and the pairs in that order."""
    parts = []
    for column in (groups, carcs):
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if not pa.types.is_dictionary(whole.type):
            whole = whole.dictionary_encode()
        words = [*whole.dictionary.to_pylist(), None]
        parts.append((whole.indices.cast(pa.int64()).fill_null(len(words) - 1).to_numpy(), words))
    (group, group_words), (carc, carc_words) = parts
    width = len(carc_words)
    code, distinct = pd.factorize(group * width + carc)
    return code, [(group_words[n // width], carc_words[n % width]) for n in distinct.tolist()]


def _keys(column: pd.Series) -> pa.Array:
    found = pa.array(column)
    found = found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
    return found.cast(pa.large_string())

"""How the charge of one billed claim is split, and in which bucket the claim is."""

from collections.abc import Mapping, Sequence

import msgspec

from toolkit.balance.answers import PRIOR_PAYER, Answers, is_open
from toolkit.balance.definitions import names
from toolkit.balance.matching import Family
from toolkit.history.decisions import Decision
from toolkit.history.fold import Place


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a charge, in whole cents (see the parts of `rules/history/buckets.yaml`)."""

    paid: int = 0
    patient: int = 0
    contractual: int = 0
    denied: int = 0
    closed_unpaid: int = 0
    unanswered: int = 0
    not_ours: int = 0
    resent: int = 0
    unexplained: int = 0

    def balanced(self, charge: int) -> "Split":
        """Return the split of this charge: what the parts leave of it is unexplained."""
        rest = charge - sum(getattr(self, name) for name in names("parts") if name != "unexplained")
        return msgspec.structs.replace(self, unexplained=rest)


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """The result for a billed claim: its bucket, the split of its charge, and what to check.

    `open_before` is what would be at stake if no tracker closed it; `paid_again` is what was paid
    once more without a reversal. Whole cents.
    """

    bucket: str
    split: Split
    open_before: int = 0
    paid_again: int = 0


class _Money(msgspec.Struct, frozen=True, kw_only=True):
    """What one payer says of a claim, by the last word on each line; whole cents.

    `prior` is what it says earlier payers paid and took off (OA-23); `closed` what was denied and
    written off or given up by a person, and the charge of lines whose decision was taken back for good.
    """

    charge: int = 0
    paid: int = 0
    patient: int = 0
    contractual: int = 0
    prior: int = 0
    at_stake: int = 0
    closed: int = 0
    paid_again: int = 0
    was_denied: bool = False
    is_open: bool = False
    was_paid_later: bool = False
    stands: bool = False


def settled(
    charge: int, families: Sequence[Family], answers: Answers, *, is_closed: bool
) -> Settled:
    """Return what became of a billed claim of this charge, by its payers' decisions.

    `is_closed` says that the tracker has closed it.
    """
    decided = [one for one in families if one.decides or _for_review(one, answers)]
    if not decided:
        return Settled(bucket="unanswered", split=Split(unanswered=charge).balanced(charge))
    money = [_of_family(one, answers) for one in decided]
    at_stake = sum(one.at_stake for one in money)
    still_open = any(one.is_open for one in money)
    closed = still_open and is_closed
    patient, contractual = _shares(decided, money, answers)
    split = Split(
        paid=sum(one.paid for one in money),
        patient=patient,
        contractual=contractual,
        denied=0 if closed else at_stake,
        closed_unpaid=sum(one.closed for one in money) + (at_stake if closed else 0),
    )
    return Settled(
        bucket=_bucket(money, still_open=still_open and not closed),
        split=split.balanced(charge),
        open_before=at_stake,
        paid_again=sum(one.paid_again for one in money),
    )


def _bucket(money: Sequence[_Money], *, still_open: bool) -> str:
    if still_open:
        return "denied"
    if any(one.was_denied for one in money):
        return "recovered" if any(one.was_paid_later for one in money) else "lost"
    return "paid" if any(one.stands for one in money) else "lost"


def _for_review(family: Family, answers: Answers) -> bool:
    return any(one.place in answers.review for one in family.order)


def _of_family(family: Family, answers: Answers) -> _Money:
    known, found, words = family.of.known, family.of.found, family.of.words
    mine = {one.place: one for one in family.order}
    gone = {target.place for target in known.reversals.values() if target is not None}
    standing = [one for one in family.decides if one.place not in gone]
    last = sorted(place for place in words.last if place[0] in mine)
    taken = {place: cents for place, cents in known.taken_back.items() if place in mine}
    taken = {place: min(cents, mine[place].paid or 0) for place, cents in taken.items()}
    shown = {
        place: outcome
        for place, outcome in found.items()
        if place[0] in mine and outcome.shown and outcome.state != "duplicate"
    }
    by_plb = sum(taken.values())
    rows = {place: outcome for place, outcome in shown.items() if place in answers.denied}
    # What a provider adjustment takes back is at stake, not what was denied before it was paid.
    stakes = {
        place: outcome.cents or 0
        for place, outcome in rows.items()
        if is_open(outcome.state) and not (by_plb and outcome.state == "taken_back")
    }
    open_, paid_by_record, given_up = _after_entries(stakes, answers)
    places = [(one.place, at) for one in family.order for at in (-1, *(x.place for x in one.lines))]
    denied = [place for place in places if place in answers.denied]
    review = [answers.denied[place].cents or 0 for place in denied if place[0] in answers.review]
    patient, contractual, prior = _adjusted(last, answers)
    copies = {place for place, one in found.items() if one.because == "refused_as_copy"}
    return _Money(
        charge=sum(one.billed or 0 for one in standing if any(p[0] == one.place for p in last)),
        paid=sum(_paid(one) for one in standing) - by_plb + paid_by_record,
        patient=patient,
        contractual=contractual,
        prior=prior,
        at_stake=sum(open_.values()) + sum(review) + by_plb,
        closed=given_up
        + sum(_charge_of(place, mine) for place, one in shown.items() if one.state == "reversed"),
        paid_again=_paid_again(family, words.replaced & words.paid_later),
        was_denied=any(place not in copies for place in denied),
        is_open=bool(review or by_plb or open_),
        was_paid_later=paid_by_record > 0
        or any(
            place[0] in mine and place in answers.denied and place not in copies
            for place in words.paid_later
        )
        or any(one.state == "paid_later" for one in rows.values()),
        stands=bool(last),
    )


def _after_entries(
    stakes: Mapping[Place, int], answers: Answers
) -> tuple[dict[Place, int], int, int]:
    """Return what is at stake after what people recorded, what they recorded as paid, and as given up."""
    left: dict[Place, int] = {}
    paid = given_up = 0
    for place, cents in stakes.items():
        state, now = answers.entered.get(place, ("open", cents))
        if is_open(state):
            left[place] = min(cents, now)
            paid += cents - left[place]
        elif state == "paid_later":
            paid += cents
        else:
            given_up += cents
    return left, paid, given_up


def _paid(one: Decision) -> int:
    """Return what a decision pays: the claim's payment, else that of its lines."""
    return one.paid if one.paid is not None else sum(line.paid or 0 for line in one.lines)


def _charge_of(place: Place, mine: Mapping[int, Decision]) -> int:
    """Return the charge of a line; of a claim only if it has no lines."""
    one = mine[place[0]]
    if place[1] < 0:
        return 0 if one.lines else abs(one.billed or 0)
    return next(line.identity.billed_cents or 0 for line in one.lines if line.place == place[1])


def _paid_again(family: Family, again: frozenset[Place]) -> int:
    """Return what was paid at places that a later decision pays again, without a reversal."""
    total = 0
    for one in family.decides:
        if one.lines:
            total += sum(line.paid or 0 for line in one.lines if (one.place, line.place) in again)
        elif (one.place, -1) in again:
            total += one.paid or 0
    return total


def _adjusted(last: Sequence[Place], answers: Answers) -> tuple[int, int, int]:
    """Return patient share, contractual and prior payers' reductions of these places, without denials."""
    patient = others = prior = denied = 0
    for place in last:
        for group, carc, cents in answers.adjusted.get(place, ()):
            if group == "OA" and carc == PRIOR_PAYER:
                prior += cents
            elif group == "PR":
                patient += cents
            else:
                others += cents
        share = answers.denied_share.get(place, 0)
        patient, others = patient - share, others + share
        if place in answers.denied:
            denied += answers.denied[place].cents or 0
    return patient, others - denied, prior


def _shares(
    families: Sequence[Family], money: Sequence[_Money], answers: Answers
) -> tuple[int, int]:
    """Return the patient's share and the contractual adjustments over all payers of a claim.

    What a payer leaves to the patient is the next payer's to decide, so the last payer's share counts.
    Where that payer states what the earlier ones paid and took off (OA-23), the reductions follow from
    its statement; else each payer's own reductions are added up.
    """
    turns = [_turn(one, answers) for one in families]
    first = [one for one, turn in zip(money, turns, strict=True) if not turn]
    later = [one for one, turn in zip(money, turns, strict=True) if turn]
    if not first or not later:
        return sum(one.patient for one in money), sum(one.contractual + one.prior for one in money)
    patient = sum(one.patient for one in later)
    added = sum(one.contractual for one in money)
    stated = sum(one.prior for one in later)
    before = stated - sum(one.paid + one.at_stake for one in first)
    whole = sum(one.charge for one in later) == sum(one.charge for one in first)
    if stated and whole and before >= 0:
        return patient, before + sum(one.contractual for one in later)
    return patient, added


def _turn(family: Family, answers: Answers) -> bool:
    """Return whether the payer came after another one."""
    return any(one.place in answers.secondary for one in family.decides)

"""Claims that are paid short: below the payer's usual share, or below a fee schedule."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from toolkit.balance.answers import Answers
from toolkit.balance.bills import Bill
from toolkit.balance.definitions import definitions, short_rule
from toolkit.balance.matching import Family
from toolkit.balance.money import Settled
from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Place
from toolkit.history.identity import spelled_alike
from toolkit.hospital.fees import Fee


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """A claim that was paid short: its place among the bills, by which rule, and the stake in cents."""

    bill: int
    rule: str
    stake: int
    because: str


def paid_short(
    bills: Sequence[Bill],
    settled: Mapping[int, Settled],
    families: Mapping[int, Sequence[Family]],
    answers: Answers,
    fees: Sequence[Fee],
) -> list[Short]:
    """Return the paid and recovered claims that were paid short, one entry per claim.

    A claim that both rules find is reported under the fee schedule, which is the hospital's own.
    """
    closed = [at for at, one in settled.items() if one.bucket in ("paid", "recovered")]
    found = {one.bill: one for one in _below_share(closed, bills, settled, families, answers)}
    found |= {one.bill: one for one in _below_fees(closed, families, answers, fees)}
    return [found[at] for at in sorted(found)]


# --- inpatient claims ------------------------------------------------------------------------------


def _below_share(
    closed: Sequence[int],
    bills: Sequence[Bill],
    settled: Mapping[int, Settled],
    families: Mapping[int, Sequence[Family]],
    answers: Answers,
) -> list[Short]:
    rule = short_rule("share_of_charge")
    of_payer: dict[str, dict[int, Fraction]] = defaultdict(dict)
    for at in closed:
        bill, mine = bills[at], families.get(at, ())
        if bill.charge and len(mine) == 1 and _is_inpatient(bill, mine[0], answers):
            split = settled[at].split
            share = Fraction(split.paid + split.patient, bill.charge)
            of_payer[_payer(mine[0])][at] = share
    found = []
    for shares in of_payer.values():
        ordered = sorted(shares.values())
        if len(ordered) <= rule.least_claims:
            continue
        for at, share in shares.items():
            usual = _median_without(ordered, share)
            if share >= usual * Fraction(str(rule.below)):
                continue
            stake = _owed(bills[at].charge or 0, usual, settled[at], families[at][0], answers)
            if stake > 0:
                found.append(
                    Short(
                        bill=at,
                        rule=rule.id,
                        stake=stake,
                        because=f"{float(share):.0%} of the charge is allowed; the median of "
                        f"{len(ordered) - 1} other inpatient claims of the payer is {float(usual):.0%}",
                    )
                )
    return found


def _median_without(ordered: Sequence[Fraction], one: Fraction) -> Fraction:
    """Return the median of sorted shares without one of them."""
    at = bisect_left(ordered, one)
    rest = len(ordered) - 1
    low, high = (ordered[n if n < at else n + 1] for n in ((rest - 1) // 2, rest // 2))
    return (low + high) / 2


def _owed(charge: int, usual: Fraction, settled: Settled, family: Family, answers: Answers) -> int:
    """Return what the usual share would have paid more; 0 if CO-45 does not take the rest."""
    rule = short_rule("share_of_charge")
    split = settled.split
    allowed = split.paid + split.patient
    mine = {one.place for one in family.order}
    reduced = sum(
        cents
        for place in family.of.words.last
        if place[0] in mine
        for group, carc, cents in answers.adjusted.get(place, ())
        if (group, carc) == ("CO", "45")
    )
    if reduced < (charge - allowed) * Fraction(str(rule.least_contractual)):
        return 0
    return min(round(usual * charge) - allowed, reduced, charge - split.paid)


def _payer(family: Family) -> str:
    first = family.order[0].identity
    return first.payer_id or spelled_alike(first.payer_name or "")


def _is_inpatient(bill: Bill, family: Family, answers: Answers) -> bool:
    """Return whether a claim is inpatient, by its type of bill, revenue codes or remarks (MIA)."""
    marks = definitions().inpatient
    if bill.bill_type:
        return bill.bill_type.removeprefix("0")[:2] in marks.bill_types
    first, last = marks.revenue_codes
    codes = [*bill.revenue_codes]
    codes += [line.identity.revenue_code or "" for one in family.order for line in one.lines]
    if any(first <= code <= last for code in codes):
        return True
    return any(one.place in answers.inpatient for one in family.order)


# --- fee schedules ---------------------------------------------------------------------------------


def _below_fees(
    closed: Sequence[int],
    families: Mapping[int, Sequence[Family]],
    answers: Answers,
    fees: Sequence[Fee],
) -> list[Short]:
    if not fees:
        return []
    of_service: dict[tuple[str, str], list[Fee]] = defaultdict(list)
    for fee in fees:
        of_service[fee.procedure_code, fee.modifiers].append(fee)
    found = []
    for at in closed:
        stake = lines = 0
        for family in families.get(at, ()):
            for one in family.decides:
                for line in one.lines:
                    short = _line_short(one, line, family, answers, of_service)
                    stake, lines = stake + short, lines + (short > 0)
        if stake:
            words = f"{lines} line{'' if lines == 1 else 's'} below the fee schedule"
            found.append(Short(bill=at, rule="fee_schedule", stake=stake, because=words))
    return found


def _line_short(
    one: Decision,
    line: Line,
    family: Family,
    answers: Answers,
    of_service: Mapping[tuple[str, str], Sequence[Fee]],
) -> int:
    """Return by how many cents a line is below the schedule; 0 if no row of it is for the line."""
    place: Place = (one.place, line.place)
    who = line.identity
    if place not in family.of.words.last or place in answers.denied:
        return 0
    if one.place in answers.secondary or who.procedure_code is None:
        return 0
    modifiers = " ".join(sorted((who.modifiers or "").split()))
    day = who.service_from or one.identity.service_from
    fee = next(
        (
            fee
            for fee in of_service.get((who.procedure_code, modifiers), ())
            if _is_payer(fee, one) and _in_days(fee, day)
        ),
        None,
    )
    if fee is None:
        return 0
    charge, paid = who.billed_cents, line.paid or 0
    share = sum(cents for group, _, cents in answers.adjusted.get(place, ()) if group == "PR")
    allowed = max(paid + share, answers.allowed.get(line.place, 0))
    owed = round(fee.cents * Fraction(str(answers.units.get(line.place, 1))))
    room = (charge - paid) if charge is not None else owed
    return max(min(owed - allowed, room), 0)


def _is_payer(fee: Fee, one: Decision) -> bool:
    who = one.identity
    names = [
        who.payer_id and who.payer_id.casefold(),
        who.payer_name and spelled_alike(who.payer_name),
    ]
    return fee.payer.casefold() == names[0] or spelled_alike(fee.payer) == names[1]


def _in_days(fee: Fee, day) -> bool:
    if day is None:
        return fee.since is None and fee.until is None
    return (fee.since is None or fee.since <= day) and (fee.until is None or day <= fee.until)

"""The current state of each denial of a claim, after every decision, reversal and payment in the files."""

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from toolkit.history.decisions import Decision, families, in_order, taken_back
from toolkit.history.identity import LineIdentity, paired, same_payer
from toolkit.history.states import EventKind, Happened, Standing, fold

# Where a denial is: the place of its claim in the table, and of its line, -1 for the claim itself.
Place = tuple[int, int]


class Denied(msgspec.Struct, frozen=True):
    """What triage says of one place: the denied cents (None: not stated), and whether the reason is
    that it is a copy of another one (duplicate).
    """

    cents: int | None
    is_copy: bool = False


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The current state of one denial.

    `shown` is False where another row says it: a later denial of the same line, or the first
    decision that a copy repeats. `decided_by` is the place of the claim whose event decided,
    `because` the step of the decision table. `cents` is what is at stake, never more than charge
    less all payments; None if no amount is stated.
    """

    state: str
    shown: bool
    decided_by: int
    because: str
    cents: int | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions under one account number, told apart: what the fold works on.

    `claims` are lists of decisions, the oldest first; `reversals` the decision that each reversal
    takes back (None: none of these files); `unsure` the places of decisions that could be of several
    claims, `unsure_lines` of those with lines that could be several lines of an earlier one.
    `taken_back` are the cents that provider adjustments (PLB) take back, by the decision's place.
    """

    claims: tuple[tuple[Decision, ...], ...]
    reversals: Mapping[int, Decision | None]
    unsure: tuple[int, ...] = ()
    unsure_lines: tuple[int, ...] = ()
    taken_back: Mapping[int, int] = {}


class _Claim(msgspec.Struct, frozen=True):
    """One claim of an account: its decisions in order, and where each is taken back in that order."""

    order: tuple[Decision, ...]
    gone: Mapping[int, int]
    others: tuple[tuple[Decision, ...], ...]
    undone: Collection[int]
    denied: Mapping[Place, Denied]
    taken_back: Mapping[int, int]

    def decided(self) -> list[tuple[int, Decision]]:
        """Return the decisions with their places in the order, without reversals."""
        return [(at, one) for at, one in enumerate(self.order) if one.decides and not one.reverses]


def account(decisions: Sequence[Decision], taken_back_by: Mapping[str, int] = {}) -> Account:
    """Return the decisions under one account number, claim by claim and in order.

    `taken_back_by` are the cents that provider adjustments take back, by the number that they name:
    the payer's or ours. They are the claim's where no reversal says so already.
    """
    found, unsure = families(decisions)
    found = [_tied_together(family) for family in found]
    reversals: dict[int, Decision | None] = {}
    for family in found:
        reversals |= taken_back(family)
    claims = tuple(tuple(in_order(family)) for family in found)
    return Account(
        claims=claims,
        reversals=reversals,
        unsure=tuple(sorted(one.place for one in unsure)),
        unsure_lines=tuple(sorted(_unsure_lines(claims))),
        taken_back=_taken_back_by_plb(claims, taken_back_by),
    )


def _tied_together(family: Sequence[Decision]) -> list[Decision]:
    """Return the decisions with all numbers that tie them, also through one another.

    A claim that was replaced twice refers to the second number only.
    """
    groups: list[set[str]] = []
    for one in family:
        mine = set(one.identity.payer_numbers)
        apart = [group for group in groups if not group & mine]
        groups = [*apart, mine.union(*(group for group in groups if group & mine))]
    found = []
    for one in family:
        numbers = one.identity.payer_numbers
        every = next((frozenset(group) for group in groups if group & numbers), numbers)
        identity = msgspec.structs.replace(one.identity, payer_numbers=every)
        found.append(msgspec.structs.replace(one, identity=identity))
    return found


def _taken_back_by_plb(
    claims: Sequence[Sequence[Decision]], by: Mapping[str, int]
) -> dict[int, int]:
    """Return what provider adjustments take back of claims without a reversal, by the last payment."""
    found = {}
    for order in claims if by else ():
        if any(one.reverses and one.paid for one in order):  # it says so already
            continue
        paid = [one for one in order if one.decides and (one.paid or 0) > 0]
        for one in reversed(paid):
            cents = by.get(one.number or "") or by.get(one.identity.account or "")
            if cents:
                found[one.place] = cents
                break
    return found


def _unsure_lines(claims: Sequence[Sequence[Decision]]) -> set[int]:
    found = set()
    for order in claims:
        decided = [one for one in order if one.decides and not one.reverses and one.lines]
        for at, other in enumerate(decided):
            theirs = [line.identity for line in other.lines]
            for one in decided[:at]:
                mine = [line.identity for line in one.lines]
                pairs = paired(mine, theirs)
                tied = _tied(one, other) or one.day == other.day
                if pairs.unsure or (
                    not tied and len(_recharged(mine, theirs, False)) > len(pairs.pairs)
                ):
                    found.add(other.place)
    return found


def outcomes(
    known: Account, denied: Mapping[Place, Denied], *, every: bool = False
) -> dict[Place, Outcome]:
    """Return what stands of each denied place of the account; with `every`, of the others too.

    Of places that were never denied the last word on each line is shown.
    """
    found: dict[Place, Outcome] = {}
    for claim in _claims(known, denied):
        for at, one in enumerate(claim.order):
            if one.reverses or not (one.decides or one.forwards):
                continue
            cancels = one.voids and any(_linked(claim, other, one) for other in claim.order[:at])
            for place, identity in _places(one):
                if cancels:  # its own words deny nothing
                    found[place] = _CANCELS
                    continue
                if place in denied or (every and (identity is not None or not one.lines)):
                    found[place] = _outcome(claim, at, place, identity)
    return found


_CANCELS = Outcome(state="reversed", shown=False, decided_by=-1, because="taken_back_decision")


def _claims(known: Account, denied: Mapping[Place, Denied]) -> Iterator[_Claim]:
    undone = {target.place for target in known.reversals.values() if target is not None}
    for order in known.claims:
        others = tuple(other for other in known.claims if other is not order)
        gone = {
            target.place: at
            for at, one in enumerate(order)
            if one.reverses and (target := known.reversals.get(one.place)) is not None
        }
        yield _Claim(order, gone, others, undone, denied, known.taken_back)


class Words(msgspec.Struct, frozen=True):
    """Which places of an account are the last word on their line, by decisions that stand.

    Of the others, `replaced` are those whose decision was not reversed, though a later one decides
    the line anew. `paid_later` are places of which a later decision that stands pays something, also
    where it is of the whole claim anew and has the line no more.
    """

    last: frozenset[Place]
    replaced: frozenset[Place]
    paid_later: frozenset[Place]


def words(known: Account, denied: Mapping[Place, Denied], found: Mapping[Place, Outcome]) -> Words:
    """Return what the account's decisions leave to be counted; `found` are its `outcomes` of every place.

    Refused copies and what was reversed count nothing. Where only a decision that was reversed itself
    came after a denial, the denial is the last word if it is open again.
    """
    last, replaced, paid_later = set(), set(), set()
    for claim in _claims(known, denied):
        for at, one in claim.decided():
            for place, identity in _places(one):
                later = [] if one.voids else _later(claim, at, place, identity)
                lasting = [(other, x) for other, x in later if other.place not in claim.gone]
                if any(x.pays or _pays_anew(one, place, identity, other) for other, x in lasting):
                    paid_later.add(place)
                if one.place in claim.gone or one.voids or _original(claim, at, place, identity):
                    continue
                again = place in found and found[place].state in _AGAIN
                if lasting or (later and not again):
                    replaced.add(place)
                else:
                    last.add(place)
    return Words(frozenset(last), frozenset(replaced), frozenset(paid_later))


# Where a place is after the decision that followed it was reversed, and its own words count again.
_AGAIN = frozenset({"taken_back", "paid", "paid_later"})


def _pays_anew(one: Decision, place: Place, identity: LineIdentity | None, other: Decision) -> bool:
    """Return whether a new decision of the whole claim pays something, and lacks this line."""
    return (other.paid or 0) > 0 and spoken_of(one, place, identity, other) is None


def _later(
    claim: _Claim, at: int, place: Place, identity: LineIdentity | None
) -> list[tuple[Decision, Happened]]:
    """Return the later decisions that decide a place anew, and what they say of it."""
    said = (
        (other, _said(claim, claim.order[at], place, identity, other))
        for n, other in claim.decided()
        if n > at
    )
    return [(other, x) for other, x in said if x is not None and x.event not in _KEEP]


# What a later claim may say of a line without being its last word.
_KEEP = frozenset({"duplicate_of", "forwarded"})


def _places(one: Decision) -> list[tuple[Place, LineIdentity | None]]:
    """Return the places of a decision: its lines, and the claim itself."""
    lines = [((one.place, line.place), line.identity) for line in one.lines]
    return [*lines, ((one.place, -1), None)]


def _outcome(claim: _Claim, at: int, place: Place, identity: LineIdentity | None) -> Outcome:
    one = claim.order[at]
    denied = claim.denied.get(place)
    cents, by = denied.cents if denied else 0, one.place
    original = _original(claim, at, place, identity)
    if original == "paid":
        return Outcome(
            state="duplicate", shown=True, decided_by=by, because="refused_as_copy", cents=0
        )
    if original == "denied":
        return Outcome(state="open", shown=False, decided_by=by, because="refused_as_copy", cents=0)
    first = Happened(
        event="adjudicated" if one.decides else "forwarded",
        denies=denied is not None,
        pays=_paid_at(one, [place]) > 0,
    )
    events = [(at, first, one.place)]
    shown = denied is not None or not _denied_before(claim, at, place, identity)
    for n, other in enumerate(claim.order):
        if n <= at or other.reverses or not (other.decides or other.forwards):
            continue
        happened = _said(claim, one, place, identity, other)
        if happened is None:
            continue
        lifted = _is_lifted(claim, one, other)
        if lifted and happened.denies and denied is not None:
            continue  # only what came later was taken back; this denial was not
        spared = denied is None and first.pays and other.place in claim.gone
        if one.place in claim.gone or not spared:
            shown &= not happened.denies and (denied is not None or happened.event in _KEEP)
        of = one.place if happened.event == "reversed" else other.place
        events.append((n, happened, of))
        if other.place in claim.gone:
            events.append((claim.gone[other.place], Happened(event="reversed"), other.place))
    if one.place in claim.gone:
        events.append((claim.gone[one.place], Happened(event="reversed"), one.place))
    for of in {of for _, _, of in events} & set(claim.taken_back):
        events.append((len(claim.order), Happened(event="taken_back"), of))
    if one.place in claim.gone and denied is not None:
        shown &= not _denied_still(claim, at, place, identity)
    if one.place in claim.gone and denied is None and _paid_before(claim, at, place, identity):
        shown = False  # the payment was made twice and taken back once: the first one stands
    standing, by = _folded(claim, events)
    state, stake = standing.state, cents
    left, payer = _left(claim, one, place, identity)
    if state == "taken_back" and cents is not None:
        stake = min(cents, _left_after_plb(claim, one, place, identity, cents))
    if state == "open" and left is not None:
        stake = left if cents is None else min(cents, left)
        if stake <= 0:
            state, by = "paid_later", payer
    return Outcome(state=state, shown=shown, decided_by=by, because=standing.because, cents=stake)


def _is_lifted(claim: _Claim, one: Decision, other: Decision) -> bool:
    """Return whether a later decision was taken back and leaves an earlier one as it was."""
    return (
        other.place in claim.gone
        and one.place not in claim.gone
        and not any(
            _decides_anew(claim, one, x)
            for x in claim.order[claim.order.index(one) + 1 :]
            if x.decides and not x.reverses
        )
    )


def _denied_still(claim: _Claim, at: int, place: Place, identity: LineIdentity | None) -> bool:
    """Return whether an earlier denial of a place was never taken back: its row says what stands."""
    one = claim.order[at]
    return any(
        spot in claim.denied and not claim.denied[spot].is_copy
        for n, other in claim.decided()
        if n < at and _is_lifted(claim, other, one) and not _side_by_side(other, one)
        for spot in spoken_of(one, place, identity, other) or ()
    )


def _decides_anew(claim: _Claim, one: Decision, other: Decision) -> bool:
    """Return whether a later decision is of the whole claim of an earlier one, in its place."""
    anew = other.replaces or other.refers_to is not None or one.place in claim.gone
    return anew and _linked(claim, one, other)


def _linked(claim: _Claim, one: Decision, other: Decision) -> bool:
    """Return whether a later decision is about the claim of an earlier one.

    By the payer's numbers; else a replacement or a cancellation that names no claim is about the
    only one before it.
    """
    if _tied(one, other):
        return True
    if other.refers_to is not None or not (other.replaces or other.voids):
        return False
    before = claim.order[: claim.order.index(other)]
    return len({x.number for x in before if x.decides and not x.reverses}) == 1


def _denied_before(claim: _Claim, at: int, place: Place, identity: LineIdentity | None) -> bool:
    """Return whether an earlier decision denied what this one does not deny: its row says what stands."""
    one = claim.order[at]
    return any(
        spot in claim.denied
        for other in claim.order[:at]
        if not other.reverses
        for spot in spoken_of(one, place, identity, other) or ()
    )


def _paid_before(claim: _Claim, at: int, place: Place, identity: LineIdentity | None) -> bool:
    """Return whether an earlier decision that stands paid a place already."""
    one = claim.order[at]
    earlier = (
        (other, spoken_of(one, place, identity, other))
        for n, other in claim.decided()
        if n < at and other.place not in claim.gone
    )
    return any(spots is not None and _paid_at(other, spots) > 0 for other, spots in earlier)


# What a payment leaves that was made twice and taken back once.
_PAID = frozenset({"paid", "paid_later"})


def _folded(claim: _Claim, events: list[tuple[int, Happened, int]]) -> tuple[Standing, int]:
    """Return what stands after the events of a place, and the claim whose event decided."""
    now, by, _ = _stands(claim, sorted(events, key=lambda event: event[0]))
    return now, by


def _stands(
    claim: _Claim, events: Sequence[tuple[int, Happened, int]]
) -> tuple[Standing, int, int]:
    """Return what stands after events in their order, the claim that decided, and the decision."""
    now, by, stands = Standing(), -1, -1
    for at, (n, happened, of) in enumerate(events):
        if happened.event == "reversed":
            happened = msgspec.structs.replace(happened, target=of == stands)
        if happened.target:
            kept = [event for event in events[:at] if not _is_replaced(claim, event[2], of)]
            before = _stands(claim, kept)
            if before[0].state in _PAID:
                now, by, stands = before
                continue
        now = fold([happened], start=msgspec.structs.replace(now, decided_by=-1))
        if now.decided_by == 0:  # this event decided
            by = claim.order[n].place if n < len(claim.order) else of
            stands = of if happened.event != "reversed" else stands
    return now, by, stands


def _is_replaced(claim: _Claim, of: int, by: int) -> bool:
    """Return whether a decision is another one, or was decided anew by it."""
    if of == by:
        return True
    at = {one.place: n for n, one in enumerate(claim.order)}
    one, other = claim.order[at[of]], claim.order[at[by]]
    return at[of] < at[by] and _decides_anew(claim, one, other)


def _original(claim: _Claim, at: int, place: Place, identity: LineIdentity | None) -> str | None:
    """Return what became of the line that a denial as a copy repeats: paid or denied; else None.

    A copy of a payment that was taken back since, with nothing in its place, repeats nothing.
    """
    if place not in claim.denied or not claim.denied[place].is_copy:
        return None
    one = claim.order[at]
    copied, unpaid = None, False
    for n, other in reversed(claim.decided()):
        if n >= at or (claim.gone.get(other.place, at) < at and not unpaid):
            continue
        where = spoken_of(one, place, identity, other)
        if where is None:
            continue
        denied = [claim.denied[spot] for spot in where if spot in claim.denied]
        if denied and all(its.is_copy for its in denied):
            copied = "denied"  # an earlier copy says it
            continue
        if denied:
            return "denied"
        if claim.gone.get(other.place, at) < at:
            continue
        if not _is_left_unpaid(claim, at, other):
            return "paid"
        unpaid = True  # an earlier denial of the line says what stands, if there is one
    return copied


def _is_left_unpaid(claim: _Claim, at: int, other: Decision) -> bool:
    """Return whether a decision was taken back and no decision came in its place."""
    back = claim.gone.get(other.place)
    if back is None:
        return False
    day = claim.order[back].day
    return not any(
        n > back or (n > at and later.day == day)
        for n, later in claim.decided()
        if not _only_copies(claim, later)
    )


def _only_copies(claim: _Claim, one: Decision) -> bool:
    """Return whether a decision only refuses copies."""
    denied = [claim.denied[spot] for spot, _ in _places(one) if spot in claim.denied]
    return bool(denied) and all(its.is_copy for its in denied)


def _said(
    claim: _Claim, one: Decision, place: Place, identity: LineIdentity | None, other: Decision
) -> Happened | None:
    """Return what a later decision says of a place; None if it does not speak of it."""
    if not other.decides:
        spoken = spoken_of(one, place, identity, other) is not None or _tied(one, other)
        return Happened(event="forwarded") if spoken else None
    if other.voids:
        refused = any(spot in claim.denied for spot, _ in _places(other))
        return Happened(event="reversed") if _linked(claim, one, other) and not refused else None
    if _is_of_a_twin(claim, one, other):
        return None
    # Decided anew as a whole: its charges may have changed.
    anew = _decides_anew(claim, one, other)
    where = spoken_of(one, place, identity, other, charged=not anew)
    if where is not None and _side_by_side(one, other):
        copies = [claim.denied[spot] for spot in where if spot in claim.denied]
        return Happened(event="duplicate_of") if any(its.is_copy for its in copies) else None
    if where is None:  # a line that the claim does not have any more
        return Happened(event="corrected") if anew else None
    denials = [claim.denied[spot] for spot in where if spot in claim.denied]
    if identity is None and _both_fit(claim, one, place, other, denials):
        return None
    pays = _paid_at(other, where) > 0
    if not denials and not pays and (other.place, -1) in claim.denied:
        denials = [claim.denied[other.place, -1]]  # the claim's denial is its lines'
    if denials and all(its.is_copy for its in denials):
        return Happened(event="duplicate_of")
    return Happened(event=_event(claim, one, other), denies=bool(denials), pays=pays)


def _both_fit(
    claim: _Claim, one: Decision, place: Place, other: Decision, denials: Sequence[Denied]
) -> bool:
    """Return whether two denials without lines, one of them of an export, fit into the charge together.

    An export may have a row for each part of a claim; then neither replaces the other.
    """
    if "export" not in (one.source, other.source) or not denials or one.billed is None:
        return False
    cents = [claim.denied[place].cents if place in claim.denied else None]
    cents += [its.cents for its in denials]
    known = [amount for amount in cents if amount is not None]
    return len(known) == len(cents) and sum(known) + (one.paid or 0) <= one.billed


def _is_of_a_twin(claim: _Claim, one: Decision, other: Decision) -> bool:
    """Return whether a later decision is about a claim that stands beside this one, by its number."""
    return not _tied(one, other) and any(
        _side_by_side(one, twin) and _tied(twin, other)
        for _, twin in claim.decided()
        if twin is not one and twin is not other
    )


def _side_by_side(one: Decision, other: Decision) -> bool:
    """Return whether two claims were decided on one day under two numbers, and neither names the other.

    They may be the parts of a split claim, or a service given twice: both stand.
    """
    return (
        one.day == other.day
        and None not in (one.number, other.number)
        and one.number != other.number
        and not (other.replaces or _tied(one, other))
    )


def _event(claim: _Claim, one: Decision, other: Decision) -> EventKind:
    """Return what kind of event a later decision is for an earlier one."""
    if other.replaces or one.place in claim.gone or other.refers_to is not None:
        return "corrected"
    if None not in (one.number, other.number) and one.number != other.number:
        return "resubmitted"
    return "adjudicated"


def spoken_of(
    one: Decision,
    place: Place,
    identity: LineIdentity | None,
    other: Decision,
    *,
    charged: bool = True,
) -> list[Place] | None:
    """Return the places of another decision that are this one; None if it does not speak of it.

    Without `charged`, lines that agree but for their charges are taken for the same, too.
    """
    if identity is None:  # the whole claim
        return [spot for spot, _ in _places(other)] if _covers(one, other) else None
    if not other.lines:
        return [(other.place, -1)] if _covers(one, other) else None
    mine = [line.identity for line in one.lines]
    theirs = [line.identity for line in other.lines]
    here = next(n for n, line in enumerate(one.lines) if line.place == place[1])
    for before, after in (*paired(mine, theirs).pairs, *_recharged(mine, theirs, charged)):
        if before == here:
            return [(other.place, other.lines[after].place)]
    return None


def _recharged(
    mine: Sequence[LineIdentity], theirs: Sequence[LineIdentity], charged: bool
) -> list[tuple[int, int]]:
    """Return the pairs of lines that agree but for their charges; none where charges count."""
    if charged:
        return []
    bare = [
        [msgspec.structs.replace(line, billed_cents=None) for line in lines]
        for lines in (mine, theirs)
    ]
    return list(paired(*bare).pairs)


def _covers(one: Decision, other: Decision) -> bool:
    """Return whether two decisions are of the whole of the same claim.

    They have one charge, and the same lines as far as both state them: parts of a split claim may
    have equal charges. Without a charge, the payer's numbers tie them.
    """
    if None in (one.billed, other.billed):
        return _tied(one, other)
    if one.billed != other.billed:
        return False
    if not one.lines or not other.lines or _tied(one, other):
        return True
    mine, theirs = ([line.identity for line in claim.lines] for claim in (one, other))
    return len(paired(mine, theirs).pairs) == len(mine) == len(theirs)


def _tied(one: Decision, other: Decision) -> bool:
    """Return whether the payer's numbers say that one decision is about the claim of the other."""
    return bool(one.identity.payer_numbers & other.identity.payer_numbers)


def _paid_at(one: Decision, where: Sequence[Place]) -> int:
    """Return what a decision paid at its places; the claim's payment where no line states one."""
    lines = {line.place: line.paid for line in one.lines}
    stated = [lines[line] for _, line in where if line >= 0]
    known = [paid for paid in stated if paid is not None]
    return sum(known) if known else (one.paid or 0)


def _left(
    claim: _Claim, one: Decision, place: Place, identity: LineIdentity | None
) -> tuple[int | None, int]:
    """Return charge less all payments of a place, and the other payer's claim that paid last.

    None if no other payer paid, or the charge is not stated.
    """
    charge = one.billed if identity is None else identity.billed_cents
    if charge is None:
        return None, -1
    paid, by = _paid_elsewhere(claim, one, place, identity), one.place
    for order in claim.others:
        if same_payer(one.identity, order[0].identity) is not False:
            continue
        for other in reversed(order):
            if other.reverses or not other.decides or other.place in claim.undone:
                continue
            spots = spoken_of(one, place, identity, other)
            if spots is None:
                continue
            its = _paid_at(other, spots) - claim.taken_back.get(other.place, 0)
            if its > 0:
                paid, by = paid + its, other.place
            break  # the last word of this payer
    own = _paid_at(one, [place])
    return max(charge - own - paid, 0), by


def _left_after_plb(
    claim: _Claim, one: Decision, place: Place, identity: LineIdentity | None, cents: int
) -> int:
    """Return charge less what a provider adjustment left of the payment; `cents` where none took it."""
    charge = one.billed if identity is None else identity.billed_cents
    for _, other in reversed(claim.decided()):
        taken = claim.taken_back.get(other.place)
        spots = spoken_of(one, place, identity, other) if taken else None
        if taken and spots is not None and charge is not None:
            return charge - max(_paid_at(other, spots) - taken, 0)
    return cents


def _paid_elsewhere(
    claim: _Claim, one: Decision, place: Place, identity: LineIdentity | None
) -> int:
    """Return what this payer paid on the same place before, under another number, and left paid."""
    return sum(
        _paid_at(other, spots)
        for n, other in claim.decided()
        if claim.order.index(one) > n
        and other.place not in claim.gone
        and None not in (one.number, other.number)
        and one.number != other.number
        and not _side_by_side(one, other)
        and not any(_decides_anew(claim, other, x) for m, x in claim.decided() if m > n)
        and (spots := spoken_of(one, place, identity, other)) is not None
    )

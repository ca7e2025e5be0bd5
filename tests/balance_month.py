"""A made-up month of a hospital: a thousand billed claims, their remittances and a messy tracker.

Each kind of claim is a function that writes what a payer would write and keeps the truth beside it:
the bucket, and the cents of every part of the charge. The truth knows nothing of the toolkit.
"""

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

OURS, FOREIGN = "1999999984", "1888888885"
PAYERS = {"first": ("EXAMPLE PLAN", "99001"), "second": ("OTHER PLAN", "99002"),
          "third": ("THIRD HEALTH", "99003")}  # fmt: skip
RESPELLED = {"first": ["Example Plan, Inc.", "EXAMPLE  PLAN", "Exmpl Plan"],
             "second": ["Other-Plan", "OTHER PLAN LLC"], "third": ["3rd Health", "THIRD HEALTH"]}  # fmt: skip
CODES = ("70551", "72148", "99213", "97110", "77080", "71046")
DENIALS = ("50", "97", "197", "16", "29")
MONTHS = 4
FIRST_REMITTANCE = date(2026, 3, 20)
FEE = 60_000  # cents for one 93306, in the hospital's fee schedule
PARTS = ("paid", "patient", "contractual", "denied", "closed_unpaid", "unanswered", "not_ours",
         "resent", "unexplained")  # fmt: skip


@dataclass
class Line:
    """One line of a decision: whole cents; `reasons` are group code, CARC, cents."""

    code: str
    charge: int
    paid: int = 0
    reasons: list[tuple[str, str, int]] = field(default_factory=list)
    revenue: str = ""

    def but(self, paid: int, *reasons: tuple[str, str, int]) -> "Line":
        return Line(self.code, self.charge, paid, list(reasons), self.revenue)


@dataclass
class Claim:
    """One billed claim with its rows, what payers wrote of it, and the truth."""

    kind: str
    account: str
    payer: str
    day: date
    lines: list[Line]
    npi: str = OURS
    bill_type: str = "131"
    billed_on: date = date(2026, 3, 10)
    in_billing: bool = True
    words: list[tuple[int, str, list[str]]] = field(default_factory=list)
    plb: list[tuple[int, str, int]] = field(default_factory=list)
    tracker: list[dict] = field(default_factory=list)
    again: list[dict] = field(default_factory=list)  # bill rows that bill it again
    bucket: str = ""
    parts: dict[str, int] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    short: int = 0
    row: int = 0

    @property
    def charge(self) -> int:
        return sum(line.charge for line in self.lines)

    @property
    def number(self) -> str:
        return f"ICN{self.account}{self.day:%m%d}{self.payer[0]}"

    def is_(self, bucket: str, **parts: int) -> None:
        self.bucket = bucket
        self.parts = {name: parts.get(name, 0) for name in PARTS}

    def decide(self, month: int, lines: list[Line], *, status: str = "1", number: str = "",
               payer: str = "", frequency: str = "1", refers_to: str = "", sign: int = 1,
               whole: bool = False) -> None:  # fmt: skip
        """Let a payer decide the claim, or take a decision back with sign -1."""
        charge, paid = sum(x.charge for x in lines), sum(x.paid for x in lines)
        words = [
            f"CLP*{self.account}*{status}*{money(sign * charge)}*{money(sign * paid)}**12"
            f"*{number or self.number}*13*{frequency}"
        ]
        if whole:
            words += [cas(x, sign) for line in lines for x in line.reasons]
        words.append("NM1*QC*1*TESTPATIENT*ALPHA****MI*MEM0001")
        if refers_to:
            words.append(f"REF*F8*{refers_to}")
        words.append(f"DTM*232*{self.day:%Y%m%d}")
        for line in () if whole else lines:
            service = f"HC:{line.code}"
            words += [
                f"SVC*{service}*{money(sign * line.charge)}*{money(sign * line.paid)}*{line.revenue}*1",
                f"DTM*472*{self.day:%Y%m%d}",
                *(cas(x, sign) for x in line.reasons),
            ]
        self.words.append((month, payer or self.payer, words))


def money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def cas(reason: tuple[str, str, int], sign: int) -> str:
    group, carc, cents = reason
    return f"CAS*{group}*{carc}*{money(sign * cents)}"


def total(lines: list[Line], group: str, *carcs: str) -> int:
    return sum(x for line in lines for g, c, x in line.reasons if g == group and c in carcs)


def paid_(lines: list[Line]) -> int:
    return sum(line.paid for line in lines)


# --- decisions of a line -----------------------------------------------------------------------------


def pays(rng: random.Random, line: Line) -> Line:
    paid = line.charge * rng.randint(30, 60) // 100
    patient = rng.choice((0, line.charge // 10))
    reasons = [("CO", "45", line.charge - paid - patient)]
    return line.but(paid, *reasons, *([("PR", "2", patient)] if patient else []))


def denies(rng: random.Random, line: Line) -> Line:
    return line.but(0, ("CO", rng.choice(DENIALS), line.charge))


def leaves(line: Line) -> Line:
    """Leave a line to the patient."""
    patient = line.charge // 2
    return line.but(0, ("CO", "45", line.charge - patient), ("PR", "1", patient))


def shares(lines: list[Line]) -> dict[str, int]:
    """Return the parts of lines that deny nothing."""
    return {
        "paid": paid_(lines),
        "patient": total(lines, "PR", "1", "2"),
        "contractual": total(lines, "CO", "45"),
    }


# --- the kinds ----------------------------------------------------------------------------------------


def paid(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(rng.randrange(MONTHS), lines)
    c.is_("paid", **shares(lines))


def to_the_patient(c: Claim, rng: random.Random) -> None:
    lines = [leaves(x) for x in c.lines]
    c.decide(0, lines)
    c.is_("paid", **shares(lines))


def denied(c: Claim, rng: random.Random) -> None:
    c.decide(rng.randrange(MONTHS), [denies(rng, x) for x in c.lines], status="4")
    c.is_("denied", denied=c.charge)


def part_denied(c: Claim, rng: random.Random) -> None:
    """One line is paid, the other denied; or one line is paid in part and denied for the rest."""
    first = c.lines[0]
    paid_cents, off = first.charge // 4, first.charge // 3
    gone = first.charge - paid_cents - off
    lines = [first.but(paid_cents, ("CO", "45", off), ("CO", "50", gone))]
    lines += [pays(rng, x) for x in c.lines[1:]]
    c.decide(1, lines)
    c.is_("denied", **shares(lines), denied=gone)


def corrected_and_paid(c: Claim, rng: random.Random) -> None:
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    lines = [pays(rng, x) for x in c.lines]
    c.decide(2, lines, number=f"{c.number}S", frequency="7", refers_to=c.number)
    c.is_("recovered", **shares(lines))


def reversed_and_paid(c: Claim, rng: random.Random) -> None:
    was = [denies(rng, x) for x in c.lines]
    c.decide(0, was, status="4")
    lines = [pays(rng, x) for x in c.lines]
    steps: list[Callable] = [
        lambda: c.decide(2, was, status="22", sign=-1), lambda: c.decide(2, lines)
    ]  # fmt: skip
    for step in steps if rng.random() < 0.7 else reversed(steps):
        step()
    c.is_("recovered", **shares(lines))


def denied_twice(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "16", x.charge)) for x in c.lines], status="4")
    again = [x.but(0, ("CO", "50", x.charge)) for x in c.lines]
    c.decide(2, again, status="4", number=f"{c.number}R")
    c.is_("denied", denied=c.charge)


def copy_of_paid(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(0, lines)
    copies = [x.but(0, ("CO", "18", x.charge)) for x in c.lines]
    c.decide(1, copies, status="4", number=f"{c.number}D")
    c.is_("paid", **shares(lines))


def copy_of_denied(c: Claim, rng: random.Random) -> None:
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    copies = [x.but(0, ("CO", "18", x.charge)) for x in c.lines]
    c.decide(1, copies, status="4", number=f"{c.number}D")
    c.is_("denied", denied=c.charge)


def taken_back(c: Claim, rng: random.Random) -> None:
    """Denied, paid by a resubmission, and that payment is reversed with nothing in its place."""
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    lines = [pays(rng, x) for x in c.lines]
    c.decide(1, lines, number=f"{c.number}R")
    c.decide(3, lines, status="22", number=f"{c.number}R", sign=-1)
    c.is_("denied", denied=c.charge)


def taken_back_by_plb(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(0, lines)
    back = paid_(lines) // 3
    c.plb.append((2, c.number, back))
    parts = shares(lines)
    c.is_("denied", **parts | {"paid": parts["paid"] - back, "denied": back})


def denied_paid_and_taken_back_by_plb(c: Claim, rng: random.Random) -> None:
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    lines = [pays(rng, x) for x in c.lines]
    c.decide(1, lines, number=f"{c.number}R")
    back = paid_(lines)
    c.plb.append((2, f"{c.number}R", back))
    parts = shares(lines)
    c.is_("denied", **parts | {"paid": 0, "denied": back})


def paid_and_reversed(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(0, lines)
    c.decide(1, lines, status="22", sign=-1)
    c.is_("lost", closed_unpaid=c.charge)


def denied_and_reversed(c: Claim, rng: random.Random) -> None:
    lines = [denies(rng, x) for x in c.lines]
    c.decide(0, lines, status="4")
    c.decide(1, lines, status="22", sign=-1)
    c.is_("lost", closed_unpaid=c.charge)


def left_to_the_patient_later(c: Claim, rng: random.Random) -> None:
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    lines = [leaves(x) for x in c.lines]
    c.decide(1, lines, frequency="7", number=f"{c.number}S", refers_to=c.number)
    c.is_("lost", **shares(lines))


def written_off(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "50", x.charge)) for x in c.lines], status="4")
    track(c, rng, "Closed - Written Off", "50")
    c.is_("lost", closed_unpaid=c.charge)
    c.reports["closed_but_denied"] = c.charge


def tracked_and_denied(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "197", x.charge)) for x in c.lines], status="4")
    track(c, rng, "Open", "197")
    c.is_("denied", denied=c.charge)


def closed_once_open_once(c: Claim, rng: random.Random) -> None:
    """Two rows of the tracker: one open row keeps the claim open."""
    c.decide(0, [x.but(0, ("CO", "197", x.charge)) for x in c.lines], status="4")
    track(c, rng, "Closed", "197")
    track(c, rng, "In Progress", "197", date_=date(2026, 5, 1))
    c.is_("denied", denied=c.charge)


def open_and_paid(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "16", x.charge)) for x in c.lines], status="4")
    lines = [pays(rng, x) for x in c.lines]
    c.decide(2, lines, number=f"{c.number}R")
    track(c, rng, "Open", "16")
    c.is_("recovered", **shares(lines))
    c.reports["open_but_paid"] = paid_(lines)


def part_paid_later_and_closed(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "50", x.charge)) for x in c.lines], status="4")
    lines = [
        x.but(x.charge // 4, ("CO", "45", x.charge // 4), ("CO", "50", x.charge - 2 * (x.charge // 4)))
        for x in c.lines
    ]  # fmt: skip
    c.decide(2, lines, number=f"{c.number}R")
    track(c, rng, "Closed", "50")
    left = total(lines, "CO", "50")
    c.is_("recovered", **shares(lines), closed_unpaid=left)
    c.reports["closed_but_denied"] = left


def part_paid_later(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0, ("CO", "50", x.charge)) for x in c.lines], status="4")
    lines = [
        x.but(x.charge // 4, ("CO", "45", x.charge // 4), ("CO", "50", x.charge - 2 * (x.charge // 4)))
        for x in c.lines
    ]  # fmt: skip
    c.decide(2, lines, number=f"{c.number}R")
    c.is_("denied", **shares(lines), denied=total(lines, "CO", "50"))


def forwarded(c: Claim, rng: random.Random) -> None:
    c.decide(0, [x.but(0) for x in c.lines], status="23")
    c.is_("unanswered", unanswered=c.charge)


def unanswered(c: Claim, rng: random.Random) -> None:
    c.is_("unanswered", unanswered=c.charge)


def split_up(c: Claim, rng: random.Random) -> None:
    """The payer decides each line as a claim of its own, on one day under two numbers."""
    first, *rest = c.lines
    one, others = pays(rng, first), [denies(rng, x) for x in rest]
    c.decide(1, [one], number=f"{c.number}A")
    if others:
        c.decide(1, others, status="4", number=f"{c.number}B")
    gone = sum(x.charge for x in others)
    c.is_("denied" if gone else "paid", **shares([one]), denied=gone)


def with_secondary(c: Claim, rng: random.Random) -> None:
    c.payer = "first"
    lines = [x.but(x.charge // 2, ("CO", "45", x.charge // 5),
                   ("PR", "2", x.charge - x.charge // 2 - x.charge // 5)) for x in c.lines]  # fmt: skip
    c.decide(0, lines, status="19")
    then = []
    for x in lines:
        share = x.reasons[1][2]
        pay = share // 2
        then.append(x.but(pay, ("OA", "23", x.charge - share), ("PR", "2", share - pay)))
    c.decide(1, then, status="2", payer="second", number=f"{c.number}2")
    c.is_(
        "paid", paid=paid_(lines) + paid_(then), patient=total(then, "PR", "2"),
        contractual=total(lines, "CO", "45"),
    )  # fmt: skip


def secondary_pays_the_denied(c: Claim, rng: random.Random) -> None:
    c.payer = "first"
    lines = [x.but(0, ("CO", "22", x.charge)) for x in c.lines]
    c.decide(0, lines, status="4")
    then = [x.but(x.charge) for x in c.lines]
    c.decide(1, then, payer="second", number=f"{c.number}2")
    c.is_("recovered", paid=c.charge)


def paid_twice(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(0, lines)
    c.decide(2, lines, number=f"{c.number}R")
    parts, again = shares(lines), paid_(lines)
    c.is_("paid", **parts | {"paid": 2 * again, "unexplained": -again})
    c.reports["paid_twice"] = again


def paid_twice_taken_back_once(c: Claim, rng: random.Random) -> None:
    lines = [pays(rng, x) for x in c.lines]
    c.decide(0, lines)
    c.decide(1, lines, number=f"{c.number}R")
    c.decide(3, lines, status="22", number=f"{c.number}R", sign=-1)
    c.is_("paid", **shares(lines))


def short_of_lines(c: Claim, rng: random.Random) -> None:
    """The payer decides one line only: the other one is explained by nothing."""
    one = pays(rng, c.lines[0])
    c.decide(1, [one])
    rest = c.charge - c.lines[0].charge
    c.is_("paid", **shares([one]), unexplained=rest)


def billed_at_another_charge(c: Claim, rng: random.Random) -> None:
    """The replacement has another charge, and the payer decides that one."""
    first = c.lines[0]
    anew = Line(first.code, first.charge - 1_000)
    c.decide(0, [denies(rng, x) for x in c.lines], status="4")
    lines = [pays(rng, anew)]
    c.decide(2, lines, frequency="7", number=f"{c.number}S", refers_to=c.number)
    c.again.append({"bill_type": "137", "charge": anew.charge})
    c.is_("recovered", **shares(lines), unexplained=c.charge - anew.charge)


def for_review(c: Claim, rng: random.Random) -> None:
    """A reversal with positive amounts of a claim that was never decided."""
    c.decide(1, [denies(rng, x) for x in c.lines], status="22")
    c.is_("denied", denied=c.charge)


def inpatient(c: Claim, rng: random.Random) -> None:
    c.payer, c.bill_type = "third", "111"
    c.lines = [Line("", 1_000_000 + rng.randrange(2_000_000))]
    paid_cents = c.charge * rng.randint(50, 62) // 100
    lines = [c.lines[0].but(paid_cents, ("CO", "45", c.charge - paid_cents))]
    c.decide(1, lines, whole=True)
    c.is_("paid", **shares(lines))


def inpatient_short(c: Claim, rng: random.Random) -> None:
    c.payer, c.bill_type = "third", "111"
    c.lines = [Line("", 1_000_000 + rng.randrange(2_000_000))]
    paid_cents = c.charge * rng.randint(8, 14) // 100
    lines = [c.lines[0].but(paid_cents, ("CO", "45", c.charge - paid_cents))]
    c.decide(1, lines, whole=True)
    c.is_("paid", **shares(lines))
    c.short = -1  # the stake follows from the median of the others


def below_fee(c: Claim, rng: random.Random) -> None:
    c.payer, c.lines = "first", [Line("93306", 150_000)]
    allowed = rng.randint(300, 550) * 100
    lines = [c.lines[0].but(allowed - 5_000, ("CO", "45", 150_000 - allowed), ("PR", "2", 5_000))]
    c.decide(1, lines)
    c.is_("paid", **shares(lines))
    c.short = FEE - allowed


def at_fee(c: Claim, rng: random.Random) -> None:
    c.payer, c.lines = "first", [Line("93306", 150_000)]
    lines = [c.lines[0].but(FEE, ("CO", "45", 150_000 - FEE))]
    c.decide(1, lines)
    c.is_("paid", **shares(lines))


def not_ours(c: Claim, rng: random.Random) -> None:
    c.npi = FOREIGN
    c.is_("not_ours", not_ours=c.charge)


def billed_again(c: Claim, rng: random.Random) -> None:
    paid(c, rng)
    c.again.append({"bill_type": rng.choice((c.bill_type, c.bill_type, "137", "138"))})


def without_bill(c: Claim, rng: random.Random) -> None:
    c.in_billing = False
    lines = [pays(rng, x) for x in c.lines]
    c.decide(1, lines)
    c.reports["payments_without_claim"] = paid_(lines)


def denied_without_bill(c: Claim, rng: random.Random) -> None:
    c.in_billing = False
    c.decide(1, [denies(rng, x) for x in c.lines], status="4")
    c.reports["decisions_without_claim"] = c.charge


def foreign_remittance(c: Claim, rng: random.Random) -> None:
    c.in_billing, c.npi = False, FOREIGN
    lines = [pays(rng, x) for x in c.lines]
    c.decide(1, lines)
    c.reports["foreign_remittances"] = paid_(lines)


KINDS: dict[Callable, int] = {
    paid: 301, to_the_patient: 20, denied: 95, part_denied: 50, corrected_and_paid: 60,
    reversed_and_paid: 50, denied_twice: 35, copy_of_paid: 25, copy_of_denied: 20, taken_back: 14,
    taken_back_by_plb: 12, denied_paid_and_taken_back_by_plb: 8, paid_and_reversed: 8,
    denied_and_reversed: 8, left_to_the_patient_later: 12, written_off: 25, tracked_and_denied: 12,
    closed_once_open_once: 5, open_and_paid: 15, part_paid_later_and_closed: 8, part_paid_later: 12,
    forwarded: 8, unanswered: 58, split_up: 20, with_secondary: 20, secondary_pays_the_denied: 6,
    paid_twice: 6, paid_twice_taken_back_once: 6, short_of_lines: 4, billed_at_another_charge: 4,
    for_review: 3, inpatient: 24, inpatient_short: 3, below_fee: 8, at_fee: 8, not_ours: 16,
    billed_again: 11,
}  # fmt: skip
BESIDE: dict[Callable, int] = {without_bill: 8, denied_without_bill: 4, foreign_remittance: 9}
BILLED = 1_000


def track(
    c: Claim, rng: random.Random, status: str, carc: str, *, date_: date | None = None
) -> None:
    """Add a row of the tracker as people keep it: other spellings, blanks, no date."""
    spell = rng.choice(
        (c.account, f" {c.account} ", f"{c.account[:4]} {c.account[4:]}", c.account.lower())
    )
    c.tracker.append(
        {
            "Claim Number": spell,
            "Payer": rng.choice([*RESPELLED[c.payer], ""]),
            "Denial Date": "" if rng.random() < 0.4 else str(date_ or FIRST_REMITTANCE),
            "Reason Code": rng.choice((carc, f"CO-{carc}", "97")),
            "Denied Amount": money(c.charge),
            "Case Status": status,
        }
    )


@dataclass
class Month:
    """The claims with their truth, and the files that tell of them."""

    claims: list[Claim]
    billing: str
    remittances: dict[str, str]
    tracker: str
    fees: str


def month(seed: int) -> Month:
    """Return a month; the same for the same seed."""
    rng = random.Random(seed)
    made: list[Claim] = []
    for kind, count in (KINDS | BESIDE).items():
        for _ in range(count):
            # Every twelfth claim has the account of the one before, two weeks later. A tracker without
            # days of service cannot tell two of its claims apart.
            again = made and len(made) % 12 == 0 and made[-1].in_billing and not made[-1].tracker
            account = made[-1].account if again else f"ACCT{seed}X{len(made):05d}"
            day = (
                made[-1].day + timedelta(14)
                if again
                else date(2026, 2, 1) + timedelta(rng.randrange(10))
            )
            codes = rng.sample(CODES, rng.randint(2 if kind in (short_of_lines,) else 1, 3))
            if kind is billed_at_another_charge:
                codes = codes[:1]
            lines = [Line(code, rng.randint(5_000, 90_000)) for code in codes]
            payer = made[-1].payer if again else rng.choice(("first", "first", "second", "third"))
            one = Claim(kind.__name__, account, payer, day, lines)
            kind(one, rng)
            made.append(one)
    rng.shuffle(made)
    return Month(made, _billing(made, rng), _remittances(made), _tracker(made, rng), _fees())


def _billing(made: list[Claim], rng: random.Random) -> str:
    rows: list[tuple[Claim, dict]] = []
    for one in made:
        if one.in_billing:
            rows.append((one, {}))
    for one in made:
        rows += [(one, again) for again in one.again]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["Account Number", "Payer", "NPI", "Type of Bill", "Bill Date", "Service Date",
                     "Through Date", "Total Charges"])  # fmt: skip
    for number, (one, again) in enumerate(rows, start=2):
        one.row = one.row or number
        charge = again.get("charge", one.charge)
        account = f" {one.account}" if number % 17 == 0 else one.account
        name = rng.choice([PAYERS[one.payer][0], *RESPELLED[one.payer]])
        name = PAYERS[one.payer][0] if one.again else name
        writer.writerow([
            account, name, one.npi, again.get("bill_type", one.bill_type), one.billed_on, one.day,
            one.day, money(charge),
        ])  # fmt: skip
        if again:
            again["row"], again["cents"] = number, charge
    return out.getvalue()


def _remittances(made: list[Claim]) -> dict[str, str]:
    """Return an 835 a payer, payee and month; two of them also sent again under new envelopes."""
    found = {}
    for number in range(MONTHS):
        for at, payer in enumerate(PAYERS):
            for npi in (OURS, FOREIGN):
                words = [
                    w for one in made if one.npi == npi
                    for month, by, w in one.words if (month, by) == (number, payer)
                ]  # fmt: skip
                plb = [
                    (icn, cents) for one in made if one.payer == payer and one.npi == npi
                    for month, icn, cents in one.plb if month == number
                ]  # fmt: skip
                if words or plb:
                    name = f"{payer}-{number}{'' if npi == OURS else '-foreign'}.835"
                    found[name] = remittance(words, plb, payer, npi, number, 100 * number + at)
    for name, envelope in (("first-2.835", 901), ("second-1.835", 902)):
        found[f"again-{name}"] = enveloped(found[name], envelope)
    return found


def enveloped(text: str, envelope: int) -> str:
    """Return the same remittance under other envelope numbers."""
    segments = text.split("~")
    for at, segment in enumerate(segments):
        parts = segment.split("*")
        if parts[0] == "ISA":
            parts[9], parts[13] = "260601", f"{envelope:09d}"
        elif parts[0] == "GS":
            parts[4], parts[6] = "20260601", str(envelope)
        elif parts[0] in ("GE", "IEA"):
            parts[2] = str(envelope) if parts[0] == "GE" else f"{envelope:09d}"
        segments[at] = "*".join(parts)
    return "~".join(segments)


def remittance(words: list[list[str]], plb: list[tuple[str, int]], payer: str, npi: str,
               number: int, envelope: int) -> str:  # fmt: skip
    """Return an 835 of one transaction."""
    name, ident = PAYERS[payer]
    day = FIRST_REMITTANCE + timedelta(28 * number)
    envelope += 1 + (npi == FOREIGN) * 50
    body = [
        "ST*835*0001",
        f"BPR*I*1.00*C*ACH*CCP*01*111000025*DA*1*1999999999**01*111000025*DA*2*{day:%Y%m%d}",
        f"TRN*1*T{envelope}*1999999999", f"DTM*405*{day:%Y%m%d}", f"N1*PR*{name}*XV*{ident}",
        "N3*1 TEST WAY", "N4*TESTTOWN*OH*45000", "PER*BL*EDI*TE*5550100000",
        f"N1*PE*EXAMPLE HOSPITAL*XX*{npi}", "REF*TJ*999999999", "LX*1",
        *(segment for word in words for segment in word),
        *(f"PLB*{npi}*20261231*WO:{icn}*{money(cents)}" for icn, cents in plb),
    ]  # fmt: skip
    whole = [
        "ISA*00*          *00*          *ZZ*PAYERTEST      *ZZ*PROVTEST       *260401*1200*^*00501*"
        f"{envelope:09d}*0*P*:",
        f"GS*HP*PAYERTEST*PROVTEST*20260401*1200*{envelope}*X*005010X221A1", *body,
        f"SE*{len(body) + 1}*0001", f"GE*1*{envelope}", f"IEA*1*{envelope:09d}",
    ]  # fmt: skip
    return "~".join(whole) + "~"


def _tracker(made: list[Claim], rng: random.Random) -> str:
    rows = [row for one in made for row in one.tracker]
    rows.append({"Claim Number": "NOWHERE1", "Payer": "EXAMPLE PLAN", "Denial Date": "2026-03-20",
                 "Reason Code": "50", "Denied Amount": "10.00", "Case Status": "Open"})  # fmt: skip
    rng.shuffle(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _fees() -> str:
    return f"payer,procedure_code,modifiers,amount,from,to\nExample Plan,93306,,{FEE / 100:.2f},2026-01-01,2026-12-31\n"

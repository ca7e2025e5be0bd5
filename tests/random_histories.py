"""Made-up histories of claims over some months of remittances, with what stands at the end of each.

Each step is written as the payer would write it; the truth is kept beside it, by rules of this module
alone: the last word on a line counts, a copy adds nothing, a reversal leaves nothing.
"""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

CODES = ("70551", "72148", "99213", "97110", "77080")
DENIALS = ("50", "97", "197", "16", "29")
START = date(2026, 1, 12)


@dataclass
class Line:
    code: str
    charge: int
    paid: int = 0
    denied: int = 0
    carc: str = ""
    was_denied: bool = False
    last_denied: int = 0
    last_carc: str = ""

    def reasons(self) -> list[tuple[str, str, int]]:
        """Return the adjustments: what is denied, and the rest as contractual."""
        rest = self.charge - self.paid - self.denied
        found = [("CO", self.carc, self.denied)] if self.denied else []
        unpaid = ("PR", "1", rest) if not (self.paid or self.denied) else ("CO", "45", rest)
        return found + ([unpaid] if rest else [])


@dataclass
class Claim:
    """One claim: its lines as last decided, the payer's number, and its words by month."""

    account: str
    lines: list[Line]
    number: str = ""
    reversed: bool = False
    notice: date | None = None
    words: list[tuple[int, list[str]]] = field(default_factory=list)
    # services refused as copies of what was not denied; and those of them since the last decision
    copies: list[str] = field(default_factory=list)
    since: list[str] = field(default_factory=list)

    def truth(self) -> list[tuple]:
        """Return what somebody should see: account, service, state, cents denied, code."""
        copies = list(self.copies)
        for code in self.since if self.reversed else ():
            copies.remove(code)  # what it repeats was taken back
        found = [(self.account, code, "duplicate", None, None) for code in copies]
        for line in self.lines:
            if self.reversed and line.code in self.since and not line.was_denied:
                found.append((self.account, line.code, "open", line.charge, "18"))
            if not line.was_denied:
                continue
            if self.reversed and line.paid and not line.denied:
                found.append(
                    (self.account, line.code, "taken_back", line.last_denied, line.last_carc)
                )
            elif self.reversed:
                found.append((self.account, line.code, "reversed", None, None))
            elif line.denied:
                found.append((self.account, line.code, "open", line.denied, line.carc))
            else:
                state = "paid_later" if line.paid else "superseded"
                found.append((self.account, line.code, state, None, None))
        return found


def money(cents: int) -> str:
    return f"{cents / 100:.2f}"


def written(claim: Claim, *, status: str, number: str, frequency: str = "1", sign: int = 1,
            refers_to: str = "", codes: bool = True) -> list[str]:  # fmt: skip
    """Return the segments of a claim as it is decided now, or taken back with sign -1."""
    charge, paid = (sum(getattr(x, name) for x in claim.lines) for name in ("charge", "paid"))
    found = [
        f"CLP*{claim.account}*{status}*{money(sign * charge)}*{money(sign * paid)}**12*{number}*11*{frequency}",
        f"NM1*QC*1*TESTPATIENT*ALPHA****MI*MEM{claim.account}",
        *([f"REF*F8*{refers_to}"] if refers_to else []),
    ]
    for line in claim.lines:
        found += [
            f"SVC*HC:{line.code}*{money(sign * line.charge)}*{money(sign * line.paid)}**1",
            "DTM*472*20260105",
        ]
        if codes:
            found += [f"CAS*{g}*{c}*{money(sign * x)}" for g, c, x in line.reasons()]
    return found


def decide(rng: random.Random, line: Line) -> None:
    """Decide a line anew: denied, denied in part, paid, or left to the patient."""
    kind = rng.choice(("denied", "denied", "part", "paid", "nothing"))
    line.denied = line.paid = 0
    line.carc = ""
    if kind == "denied":
        line.denied, line.carc = line.charge, rng.choice(DENIALS)
    elif kind == "part":
        line.paid = line.charge // 4
        line.denied, line.carc = line.charge // 2, rng.choice(DENIALS)
    elif kind == "paid":
        line.paid = line.charge // 2
    if line.denied:
        line.was_denied, line.last_denied, line.last_carc = True, line.denied, line.carc


def claim(rng: random.Random, account: str, months: int) -> Claim:
    """Return a claim with all that happened to it."""
    codes = rng.sample(CODES, rng.randint(1, 3))
    made = Claim(account, [Line(code, rng.randint(50, 400) * 100) for code in codes])
    made.number = f"ICN{account}"
    month = rng.randrange(max(months // 2, 1))
    for line in made.lines:
        decide(rng, line)
    made.words.append((month, written(made, status="1", number=made.number)))
    turn = 0
    while month + 1 < months and rng.random() < 0.6:
        month = rng.randint(month + 1, months - 1)
        turn += 1
        kind = rng.choice(
            ("corrected", "corrected_first", "replaced", "renumbered", "copy", "bare")
        )
        if kind == "copy":
            _copy(made, month, turn)
            continue
        before = [(x.paid, x.denied, x.carc) for x in made.lines]
        own = made.number
        number = f"{own}R{turn}" if kind in ("renumbered", "bare") else own
        taken = written(
            made, status="22", number=number, sign=-1, codes=kind != "bare",
            refers_to=own if number != own else "",
        )  # fmt: skip
        if kind != "replaced" and rng.random() < 0.15:
            made.words.append((month, taken))
            made.reversed = True
            break
        made.since = []
        for line in made.lines:
            decide(rng, line)
        if kind in ("corrected_first", "bare") and before == [
            (x.paid, x.denied, x.carc) for x in made.lines
        ]:
            made.lines[0].denied, made.lines[0].paid, made.lines[0].carc = 0, 100, ""
        if kind == "replaced":
            made.number = f"{own}S{turn}"
            anew = written(made, status="1", number=made.number, frequency="7", refers_to=own)
            made.words.append((month, anew))
            continue
        anew = written(made, status="1", number=own)
        order = [anew, taken] if kind == "corrected_first" else [taken, anew]
        made.words += [(month, one) for one in order]
    return made


def _copy(made: Claim, month: int, turn: int) -> None:
    """The whole claim is sent again, and refused as a copy."""
    before = [(x.paid, x.denied, x.carc) for x in made.lines]
    refused = [line.code for line in made.lines if not line.denied]
    made.copies += refused
    made.since += refused
    for line in made.lines:
        line.paid, line.denied, line.carc = 0, line.charge, "18"
    made.words.append((month, written(made, status="4", number=f"{made.number}D{turn}")))
    for line, (paid, denied, carc) in zip(made.lines, before, strict=True):
        line.paid, line.denied, line.carc = paid, denied, carc


def month_of(number: int) -> date:
    return START + timedelta(days=28 * number)


def remittances(claims: list[Claim], months: int) -> list[str]:
    """Return one 835 a month with what was decided in it."""
    found = []
    for month in range(months):
        day = month_of(month).strftime("%Y%m%d")
        words = [word for one in claims for when, word in one.words if when == month]
        body = [
            "ST*835*0001",
            f"BPR*H*0.00*C*NON*CCP*01*111000025*DA*1*1999999999**01*111000025*DA*2*{day}",
            f"TRN*1*T{month}*1999999999", f"DTM*405*{day}", "N1*PR*EXAMPLE PLAN*XV*99001",
            "N3*1 TEST WAY", "N4*TESTTOWN*OH*45000", "PER*BL*EDI*TE*5550100000",
            "N1*PE*EXAMPLE HOSPITAL*XX*1999999984", "REF*TJ*999999999", "LX*1",
            *(segment for word in words for segment in word),
        ]  # fmt: skip
        whole = [
            "ISA*00*          *00*          *ZZ*PAYERTEST      *ZZ*PROVTEST       *260401*1200*^*00501*"
            f"{month + 1:09d}*0*P*:",
            f"GS*HP*PAYERTEST*PROVTEST*20260401*1200*{month + 1}*X*005010X221A1", *body,
            f"SE*{len(body) + 1}*0001", f"GE*1*{month + 1}", f"IEA*1*{month + 1:09d}",
        ]  # fmt: skip
        found.append("~".join(whole) + "~")
    return found


def histories(seed: int, *, count: int, months: int) -> tuple[list[Claim], list[str]]:
    """Return random claims and their months of remittances."""
    rng = random.Random(seed)
    claims = [claim(rng, f"ACCT{seed}X{n:04d}", months) for n in range(count)]
    return claims, remittances(claims, months)

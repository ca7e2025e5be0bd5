"""Write remittances (835) of any size: invented payers, patients and numbers, every claim balanced.

One transaction set in one interchange, one adjustment in a CAS segment and no adjustment at the
claim: so much every reader can read, and the answers of two readers can be compared. `more` adds
what only some can: several adjustments in a segment, claim-level ones, remark codes, line breaks.
"""

from pathlib import Path
from random import Random

_HEAD = (
    "ISA*00*          *00*          *ZZ*EXAMPLEPAYER   *ZZ*EXAMPLEHOSP    *260115*1253*^*00501*"
    "{number:09d}*0*T*:",
    "GS*HP*EXAMPLEPAYER*EXAMPLEHOSP*20260115*1253*{number}*X*005010X221A1",
    "ST*835*{number:04d}",
    "BPR*I*{paid}*C*ACH*CCP*01*999999999*DA*123*1512345678**01*999988880*DA*98765*20260115",
    "TRN*1*{number:010d}*1512345678",
    "DTM*405*20260114",
    "N1*PR*HARBORLIGHT HEALTH*XV*99902",
    "N3*1 EXAMPLE ROAD",
    "N4*EXAMPLEVILLE*NY*12000",
    "PER*BL*PROVIDER SERVICES*TE*8005550100",
    "N1*PE*EXAMPLE GENERAL HOSPITAL*XX*1000000012",
    "REF*TJ*000000000",
    "LX*1",
)
_REASONS = (
    ("CO", "197"), ("CO", "50"), ("CO", "16"), ("CO", "29"), ("CO", "97"), ("OA", "18"), ("CO", "4"),
)  # fmt: skip
_REMARKS = ("N130", "M76", "N382", "MA130", "M127")
_CODES = ("99214", "80053", "71260", "97110", "93306", "45378", "J1745")


def write_remittance(path: Path, *, size: int, seed: int = 1, more: bool = False) -> int:
    """Write a remittance of about `size` bytes; return the number of its service lines."""
    random = Random(seed)
    claims: list[str] = []
    written, services, total, segments = 0, 0, 0, 0
    while written < size:
        parts, lines, paid = _claim(random, len(claims) + 1, seed, more)
        claims.append("~".join(parts) + "~")
        written += len(claims[-1])
        services, total, segments = services + lines, total + paid, segments + len(parts)
    head = "~".join(_HEAD).format(number=seed, paid=_money(total)) + "~"
    count = segments + len(_HEAD) - 2 + 1  # from ST to SE, both counted
    tail = f"SE*{count}*{seed:04d}~GE*1*{seed}~IEA*1*{seed:09d}~"
    text = head + "".join(claims) + tail
    path.write_text(text.replace("~", "~\n") if more else text, encoding="ascii")
    return services


def _claim(random: Random, number: int, seed: int, more: bool) -> tuple[list[str], int, int]:
    """Return the segments of one claim, the number of its lines, and its payment in cents."""
    lines, charged, paid, patient = [], 0, 0, 0
    count = random.choice((1, 1, 2, 3, 4))
    for _ in range(count):
        charge = random.randrange(4_000, 900_000)
        share = charge * random.randrange(3, 30) // 100
        cost = share // 3
        group, carc = random.choice(_REASONS)
        denied = random.random() < 0.4
        settled = 0 if denied else charge - share
        lines.append(f"SVC*HC:{random.choice(_CODES)}*{_money(charge)}*{_money(settled)}**1")
        lines.append(f"DTM*472*202512{random.randrange(1, 29):02d}")
        if denied:
            lines.append(f"CAS*{group}*{carc}*{_money(charge)}")
        elif more:
            lines.append(f"CAS*CO*45*{_money(share - cost)}**253*{_money(0)}")
            lines.append(f"CAS*PR*1*{_money(cost)}")
            patient += cost
        else:
            lines += [f"CAS*CO*45*{_money(share - cost)}", f"CAS*PR*1*{_money(cost)}"]
            patient += cost
        if more and denied:
            lines.append(f"LQ*HE*{random.choice(_REMARKS)}")
        charged, paid = charged + charge, paid + settled
    key = f"{seed:04d}{number:08d}"
    claim = [
        f"CLP*SYN{key}*{1 if paid else 4}*{_money(charged)}*{_money(paid)}*{_money(patient)}*16*"
        f"ICN{key}*11*1",
        "NM1*QC*1*TESTPATIENT*OAK****MI*TEST000000001",
        f"DTM*232*202512{random.randrange(1, 29):02d}",
        *lines,
    ]
    return claim, count, paid


def _money(cents: int) -> str:
    text = f"{cents // 100}.{cents % 100:02d}"
    return text.rstrip("0").rstrip(".")

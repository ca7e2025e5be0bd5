"""Synthetic remittances (X12 835): what payers decided of all claims, month by month, as a denominator.

Most claims are paid, some denied; of those denied most are sent again corrected, and paid a month
later. Payers, plans, services and reasons are those of the synthetic export (`mix.yaml`), with other claims.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.outputs import whole
from toolkit.sample.exports import Chance, mix

_DENIED = 11  # of 100 claims
# One payer denies one service for one reason far more often than others do: a habit to be found.
_HABIT = ("SYN02", "70553", "authorization_absent", 60)  # payer, service, reason, of 100 claims
_SENT_AGAIN = 70  # of 100 denied claims
# What CLP06 says of a program; where a plan's own answers are needed, payers.csv has them.
_INDICATORS = {
    "original_medicare": "MB", "medicare_advantage": "16", "tricare": "CH",
    "medicaid_managed_care": "MC",
}  # fmt: skip


@dataclass(frozen=True)
class _Claim:
    number: str
    payer: tuple[str, str]  # id and name
    indicator: str
    patient: tuple[str, str, str]  # last and first name, member number
    day: dt.date
    service: str
    cents: int
    contractual: int
    share: int  # the patient's
    denial: tuple[str, str, str] | None = None  # group code, CARC, remark code
    again: bool = False

    @property
    def paid(self) -> int:
        """What the payer pays, in cents."""
        return 0 if self.denial else self.cents - self.contractual - self.share


def write_remittances(
    folder: Path, *, claims: int, seed: int, as_of: dt.date, months: int = 5
) -> list[Path]:
    """Write one remittance file for each of the months before `as_of`, and return their paths.

    Each holds the decisions of about `claims` claims, payer by payer. The same arguments give the
    same bytes.
    """
    written, before = [], []
    for ago in range(months, 0, -1):
        month = as_of.replace(day=1)
        for _ in range(ago):
            month = (month - dt.timedelta(days=1)).replace(day=1)
        chance = Chance(seed, month.toordinal())
        new = list(_claims(chance, claims, month))
        again = [_corrected(one) for one, yes in zip(before, chance.percent(_SENT_AGAIN, len(before)), strict=True) if yes]  # fmt: skip
        path = Path(folder) / f"sample-{month:%Y-%m}.835"
        with whole(path) as temporary:
            temporary.write_bytes(_file([*new, *again], month.replace(day=20)).encode("ascii"))
        written.append(path)
        before = [one for one in new if one.denial]
    return written


def _claims(chance: Chance, count: int, month: dt.date) -> Iterator[_Claim]:
    m = mix()
    plans = chance.pick([plan.weight for plan in m.plans], count).tolist()
    denied = chance.percent(_DENIED, count).tolist()
    raw = chance.raw(9 * count).reshape(count, 9)

    def at(place: int, draw: int, low: int, high: int) -> int:
        return int(raw[place, draw]) % (high - low + 1) + low

    for place in range(count):
        plan = m.plans[plans[place]]
        pool = m.programs[plan.program].pool
        services = [one for one in m.services if one.pool == pool and one.code]
        service = services[at(place, 0, 0, len(services) - 1)]
        cents = 100 * at(place, 1, *service.charge)
        reasons = [
            one for one in m.reasons if {"all", service.family} & set(one.families)
        ]  # fmt: skip
        reason = reasons[at(place, 2, 0, len(reasons) - 1)]
        if (plan.payer_id, service.code) == _HABIT[:2]:
            reason = next(one for one in m.reasons if one.id == _HABIT[2])
            denied[place] = at(place, 2, 1, 100) <= _HABIT[3]
        last = m.last_names[at(place, 3, 0, len(m.last_names) - 1)]
        first = m.first_names[at(place, 4, 0, len(m.first_names) - 1)]
        yield _Claim(
            number=f"SYNR{month:%y%m}{place:05d}",
            payer=(plan.payer_id, plan.payer),
            indicator=_INDICATORS.get(plan.program, "12"),
            patient=(last.upper(), first.upper(), f"SYNM{at(place, 5, 0, 999_999):06d}"),
            day=month - dt.timedelta(days=at(place, 6, 5, 40)),
            service=service.code,
            cents=cents,
            contractual=cents * at(place, 7, *m.contractual.share) // 100,
            share=cents * at(place, 8, *m.cost_share.share) // 100,
            denial=(reason.group, reason.carc, reason.rarcs[0]) if denied[place] else None,
        )


def _corrected(claim: _Claim) -> _Claim:
    return replace(claim, denial=None, again=True)


def _file(claims: list[_Claim], day: dt.date) -> str:
    stamp = f"{day:%Y%m%d}"
    parts = [
        f"ISA*00*          *00*          *ZZ*SYNTHETIC      *ZZ*HOSPITAL       *{day:%y%m%d}*0800*^"
        "*00501*000000001*0*T*:",
        f"GS*HP*SYNTHETIC*HOSPITAL*{stamp}*0800*1*X*005010X221A1",
    ]
    payers = sorted({one.payer for one in claims})
    for number, payer in enumerate(payers, start=1):
        mine = [one for one in claims if one.payer == payer]
        segments = [*_head(mine, payer, day, number), *(s for one in mine for s in _decision(one))]
        control = f"{number:04d}"
        parts += [f"ST*835*{control}", *segments, f"SE*{len(segments) + 2}*{control}"]
    return "~\n".join([*parts, f"GE*{len(payers)}*1", "IEA*1*000000001", ""])


def _head(claims: list[_Claim], payer: tuple[str, str], day: dt.date, number: int) -> list[str]:
    hospital = mix().facilities[0]
    paid, stamp = sum(one.paid for one in claims), f"{day:%Y%m%d}"
    method = "ACH" if paid else "NON"
    return [
        f"BPR*{'I' if paid else 'H'}*{_money(paid)}*C*{method}************{stamp}",
        f"TRN*1*{stamp}{number:03d}*1999999999",
        f"DTM*405*{stamp}",
        f"N1*PR*{payer[1].upper()}*XV*{payer[0]}",
        "N3*PO BOX 5550",
        "N4*EXAMPLEVILLE*VA*23000",
        "PER*BL*SYNTHETIC*TE*8005550100",
        f"N1*PE*{hospital.name.upper()}*XX*{hospital.npi}",
        "LX*1",
    ]


def _decision(one: _Claim) -> list[str]:
    last, first, member = one.patient
    share = 0 if one.denial else one.share
    if one.denial:
        group, carc, remark = one.denial
        said = [f"CAS*{group}*{carc}*{_money(one.cents)}"]
    else:
        remark, said = "", []
        said += [f"CAS*CO*45*{_money(one.contractual)}"] if one.contractual else []
        said += [f"CAS*PR*2*{_money(share)}"] if share else []
    status = "4" if one.denial else "1"
    return [
        f"CLP*{one.number}*{status}*{_money(one.cents)}*{_money(one.paid)}*"
        f"{_money(share) if share else ''}*{one.indicator}*SYNC{one.number[4:]}{'R' if one.again else ''}*13*"
        f"{'7' if one.again else '1'}",
        f"NM1*QC*1*{last}*{first}****MI*{member}",
        f"SVC*HC:{one.service}*{_money(one.cents)}*{_money(one.paid)}",
        f"DTM*472*{one.day:%Y%m%d}",
        *said,
        *([f"LQ*HE*{remark}"] if remark else []),
    ]


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}" if cents % 100 else str(cents // 100)

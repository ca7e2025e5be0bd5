"""Denial rows for the tests of the engines, and the triage of one row by hand."""

import random
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pandas as pd

from toolkit.claims.export.cells import NOTHING, read_money
from toolkit.denials import classify
from toolkit.denials.second_look import second_look
from toolkit.hospital import Hospital, Payer
from toolkit.law import next_step
from toolkit.worklist import facts
from toolkit.worklist.questions import contract_question, payer_question, step_question

AS_OF = date(2026, 11, 1)
EPOCH = date(1970, 1, 1)
PAYERS = (
    Payer(payer_id="P1", payer_name="Amber Plan", program="medicare_advantage", contracted="contracted"),
    Payer(payer_name="Birch Trust", program="medicaid_managed_care", state_window=120),
    Payer(payer_name="Birch Trust", plan_name="Gold", program="tricare", contracted="not_contracted"),
    Payer(payer_name="Dune Mutual", program="commercial_plan", jurisdiction="NY"),
    Payer(payer_name="Dune Mutual", plan_name="Gold", program="commercial_plan", jurisdiction="CO"),
)  # fmt: skip
HOSPITAL = replace(Hospital.unknown(), payers=PAYERS)

_CELLS = {
    "claim_filing_indicator": [None, "MA", "mb", "16", "ZZ", ""],
    "program": [None, "original_medicare", "Medicare Advantage", "tricare", "TRICARE", "fehb",
                "commercial_plan", "part_d", "no_surprises", "HMO", "workers_compensation", "N/A"],
    "contracted": [None, "yes", "No", "contracted", "not_contracted", "perhaps"],
    "payer_id": [None, "P1", "p1 ", "P2", "1.5E+10"],
    "payer_name": [None, "Amber Plan", "BIRCH, TRUST", "Dune Mutual", "Unknown"],
    "plan_name": [None, "Gold", "Silver"],
    "group_code": [None, "CO", "co ", "PR", "OA", "XX", "Contractual Obligation"],
    "carc": [None, "16", " 16", "16.0", "co16", "CO-97", "197", "29", "50", "252", "999", "A1",
             "not a code", "45", "18", "N130"],
    "rarcs": [None, "N130", "MA130 M76", "ma 130", "N290;N517", "??", "N130, junk", "M62"],
    "denial_text": [None, "No authorization on file, ref 12345678", "Claim filed late on 01/02/2025",
                    "not medically necessary", "1st level denied 2nd time", "zzz 44", "NULL"],
    "procedure_code": [None, "77080", "J1745", "99213-25", "70551"],
    "stage": [None, "payment", "Pre-service", "prior auth", "concurrent", "sometime"],
    "case_status": [None, "open", "Closed", "whatever"],
    "last_level": [None, None, None, "redetermination", "reconsideration", "Level 1", "internal_appeal",
                   "open_negotiation", "Open Negotiation",
                   "no such level"],
    "outcome": [None, None, None, "upheld", "Overturned", "partial", "pending", "who knows"],
}  # fmt: skip
_BAD_DAYS = ["soon", "2025-02-30", "13/45/2025", "1850-01-01", "N/A", ""]


def denial_rows(count: int, *, seed: int = 1, bad: float = 0.05) -> pd.DataFrame:
    """Return rows of every kind of cell; days are texts, as some cannot be read."""
    rng = random.Random(seed)
    columns = {name: [rng.choice(cells) for _ in range(count)] for name, cells in _CELLS.items()}

    def day(missing: float) -> str | None:
        if rng.random() < missing:
            return None
        if rng.random() < bad:
            return rng.choice(_BAD_DAYS)
        found = date(2024, 1, 1) + timedelta(days=rng.randrange(1_000))
        return rng.choice([found.isoformat(), f"{found:%m/%d/%Y}", f"{found.isoformat()}T08:30:00"])

    for name, missing in (("notice_date", 0.2), ("notice_received", 0.7), ("remittance_date", 0.3),
                          ("filed_on", 0.8), ("decided_on", 0.6)):  # fmt: skip
        columns[name] = [day(missing) for _ in range(count)]
    amounts = [
        "49.99",
        "50",
        "50.00",
        "299.99",
        "300.00",
        "$1,234.50",
        "(12.00)",
        "12.345",
        "free",
        None,
    ]
    columns["denied"] = [rng.choice(amounts) for _ in range(count)]
    columns["row"] = list(range(count))
    return pd.DataFrame(columns).astype(dict.fromkeys([c for c in columns if c != "row"], "str"))


def by_hand(row: dict) -> dict:
    """Return the answers to one row, asked as for one case: nothing is shared, nothing is numbered."""
    read = {name: facts.read(name, row.get(name)) for name in facts.READERS}
    said = {name: value for name, (value, _) in read.items()}
    bad = {name: problem for name, (_, problem) in read.items()}
    for name in (*facts.DAYS, "filed_on"):
        if said[name] is not None:
            said[name] = EPOCH + timedelta(days=said[name])
    payer = payer_question(HOSPITAL).of(**{name: said[name] for name in facts.WHO})
    names = {name: said[name] for name in ("payer_id", "payer_name", "plan_name")}
    contract = contract_question(HOSPITAL).of(program=payer["program"], **names)["contract"]
    given = {name: said[name] for name in ("group_code", "carc")}
    given |= {
        "text": said["denial_text"],
        "program": payer["program"],
        "rarcs": said["rarcs"] or "",
    }
    denial = classify(**given)
    looks = second_look(denial, procedure_code=said["procedure_code"], **given)
    decided = said["outcome"] not in (None, "undecided") or bool(bad["outcome"])
    stated = any(said[n] is not None or bad[n] for n in ("last_level", "filed_on", "decided_on"))
    filed = stated or decided
    outcome = said["outcome"] if filed and said["outcome"] != "undecided" else None
    goes_on = outcome not in (None, "overturned", "withdrawn")
    notice, notice_from = said["notice_date"], "notice_date" if said["notice_date"] else ""
    if notice is None and not bad["notice_date"] and said["remittance_date"]:
        notice, notice_from = said["remittance_date"], "remittance_date"
    asked = {
        "program": payer["program"], "contracted": payer["contracted"], "contract": contract,
        "state_window": payer["state_window"], "jurisdiction": payer["jurisdiction"],
        "program_gap": payer["program_gap"],
        "stage": said["stage"] or "payment", "denial_category": denial.denial_category,
        "nature": denial.nature, "notice_date": None if filed else notice,
        "notice_received": None if filed else said["notice_received"],
        "last_level": facts.level_of(payer["program"], said["last_level"])[0] if filed else None,
        "filed": filed, "outcome": outcome, "decided_on": said["decided_on"] if goes_on else None,
        "filed_on": said["filed_on"] if goes_on else None,
        "amount": _dollars(row.get("denied")), "closed": said["case_status"] == "closed",
        "why_not": None if denial.appealable else denial.why_not,
    }  # fmt: skip
    if wrong := _wrong(said, bad, filed):
        asked |= {"program": None, "program_gap": f"{wrong}: {facts.SAYS[bad[wrong]]}"}
        asked |= {"last_level": None, "filed": False, "outcome": None, "notice_date": notice}
    step = step_question(HOSPITAL, as_of=AS_OF).of(**asked)
    if step["from_decision"]:
        notice, notice_from = said["decided_on"], "decided_on"
    if step["from_filing"]:
        notice, notice_from = said["filed_on"], "filed_on"
    of_step = (
        "appealable", "level", "last_filing_date", "file_by", "filed_when", "citation", "rule_status",
        "days_left", "due", "standing", "gap", "why",
    )  # fmt: skip
    of_code = (
        "denial_category", "reason", "route", "nature", "preventable", "liability", "confidence",
        "decided_by",
    )  # fmt: skip
    codes = {name: getattr(denial, name) for name in of_code}
    if step["by_contract"] and codes["route"] == "appeal":
        codes["route"] = "contract_dispute"
    return (
        {name: payer[name] for name in ("program", "program_from", "contracted", "contracted_from")}
        | codes
        | {name: step[name] for name in of_step}
        | {"second_look": {look.id for look in looks}}
        | {"notice_date": notice, "notice_from": notice_from}
    )


def by_law(row: dict):
    """Return `next_step` and `classify` of a row whose cells are canonical, called directly."""
    denial = classify(row["group_code"], row["carc"], program=row["program"])
    step = next_step(
        row["program"], contracted=row["contracted"], denial_category=denial.denial_category,
        notice_date=row["notice_date"],
    )  # fmt: skip
    return denial, step


def _wrong(said: dict, bad: dict, filed: bool) -> str | None:
    if bad["stage"]:
        return "stage"
    if filed:
        return "outcome" if bad["outcome"] else None
    if bad["notice_date"]:
        return "notice_date"
    if said["notice_date"] is None and bad["remittance_date"]:
        return "remittance_date"
    return "notice_received" if bad["notice_received"] else None


def _dollars(cell) -> int | None:
    text = facts.text_of(cell)
    cents = read_money(text)[0] if text else NOTHING
    return None if cents == NOTHING else cents // 100


def plain(values) -> list:
    """Return a column of any frame as plain Python: None for missing, days as `date`."""
    values = values.to_pylist() if hasattr(values, "to_pylist") else values
    values = values.to_list() if hasattr(values, "to_list") else values
    return [_plain(value) for value in values]


def _plain(value):
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return int(value) if isinstance(value, Decimal) else value

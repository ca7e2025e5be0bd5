"""Every billed claim of a month in one bucket, with its charge split to the cent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.balance.answers import Answers, answers_of
from toolkit.balance.bills import Bill, bills
from toolkit.balance.definitions import names
from toolkit.balance.matching import Matched, cases, families, tracked
from toolkit.balance.money import Settled, Split, settled
from toolkit.balance.reports import Entry, Reports, closed_in, reports
from toolkit.balance.short import Short, paid_short
from toolkit.cases.recorded import RecordedCase
from toolkit.claims.export.billed import Billed
from toolkit.claims.findings import summarized
from toolkit.claims.tables import Claims, dollars
from toolkit.errors import UsageError
from toolkit.hospital import Hospital
from toolkit.hospital.fees import Fee
from toolkit.outputs import whole

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
# Columns of `by_claim` that may identify a patient: only there, never in a message or a report.
PERSONAL = ("patient_control_number",)


@dataclass(frozen=True, eq=False)
class Balance:
    """A month of billed claims, each in one bucket.

    `by_claim` has one row per bill (file, row, bucket and parts, in whole cents), `by_bucket` one per
    bucket with `claims`, `billed` and the parts. `billed_cents` is what the rows of the billing files
    bill in all, added up apart; `other_months` and `without_number` are claims and cents that no
    bucket holds, `without_charge` counts claims whose charge is not stated. `findings` are those of
    the billing files, the remittances and their histories.
    """

    month: str | None
    by_claim: pd.DataFrame
    by_bucket: pd.DataFrame
    reports: Reports
    paid_short: tuple[Short, ...]
    billed_cents: int
    other_months: tuple[int, int]
    without_number: tuple[int, int]
    without_charge: int
    providers_known: bool
    findings: pd.DataFrame

    @property
    def difference(self) -> int:
        """The billed cents that are in no bucket, in no other month, and have a claim number: 0."""
        held = int(self.by_bucket["billed"].sum())
        return self.billed_cents - held - self.other_months[1] - self.without_number[1]

    def as_answer(self) -> dict[str, Any]:
        """Return it as `toolkit balance --json` shows it: counts, and dollars as text with cents."""
        parts = [name for name in self.by_bucket.columns if name != "claims"]
        lines = {
            bucket: {"count": int(row["claims"])} | {name: dollars(row[name]) for name in parts}
            for bucket, row in self.by_bucket.iterrows()
        }
        total = self.by_bucket.sum()
        return {
            "month": self.month,
            "billed": dollars(self.billed_cents),
            "counts": {bucket: one["count"] for bucket, one in lines.items()},
            "amounts": {bucket: one["billed"] for bucket, one in lines.items()},
            "difference": dollars(self.difference),
            "buckets": lines,
            "total": {"count": int(total["claims"])}
            | {name: dollars(total[name]) for name in parts},
            "other_months": _counted(self.other_months),
            "without_number": _counted(self.without_number),
            "without_charge": self.without_charge,
            "providers_known": self.providers_known,
            "paid_short": self._short(),
            "reports": {name: _report(some) for name, some in self.reports.items()},
            "findings_list": [one.as_dict() for one in summarized(self.findings)],
        }

    def _short(self) -> dict[str, Any]:
        rows = self.by_claim.set_index("bill")
        return {
            "count": len(self.paid_short),
            "stake": dollars(sum(one.stake for one in self.paid_short)),
            "claims": [
                {
                    "file": rows.loc[one.bill, "file"],
                    "row": int(rows.loc[one.bill, "row"]),
                    "rule": one.rule,
                    "stake": dollars(one.stake),
                    "because": one.because,
                }
                for one in self.paid_short
            ],
        }

    def write(self, path: Path) -> None:
        """Write one row per billed claim, in dollars, as CSV, XLSX or Parquet by the file's ending."""
        frame = self.by_claim.drop(columns="bill")
        for name in ("billed", "short", *names("parts")):
            frame[name] = [None if pd.isna(c) else Decimal(int(c)).scaleb(-2) for c in frame[name]]
        suffix = path.suffix.lower()
        if suffix not in ENDINGS:
            raise UsageError(f"--out must end in one of {', '.join(ENDINGS)}")
        with whole(path) as place:
            if suffix == ".parquet":
                frame.to_parquet(place, index=False)
            elif suffix == ".csv":
                _safe(frame).to_csv(place, index=False, lineterminator="\n")
            else:
                options = {"strings_to_formulas": False, "strings_to_urls": False}
                with pd.ExcelWriter(
                    place, engine="xlsxwriter", engine_kwargs={"options": options}
                ) as book:
                    frame.to_excel(book, sheet_name="Balance", index=False)


ENDINGS = (".csv", ".xlsx", ".parquet")


def _safe(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without texts that a spreadsheet would take for a formula."""
    found = frame.copy()
    for name in ("file", "patient_control_number", "payer_name"):
        text = found[name].astype("str")
        risky = text.str.match(r"[=+\-@\t\r]").fillna(False).astype(bool)
        found[name] = text.mask(risky, "'" + text)
    return found


def _counted(some: tuple[int, int]) -> dict[str, Any]:
    return {"count": some[0], "billed": dollars(some[1])}


def _report(some: Sequence[Entry]) -> dict[str, Any]:
    known = [one.cents for one in some if one.cents is not None]
    claims = []
    for one in some:
        entry: dict[str, Any] = {"file": one.file, "row": one.row}
        entry["amount"] = None if one.cents is None else dollars(one.cents)
        entry |= {name: value for name in ("days", "other", "because")
                  if (value := getattr(one, name)) not in (None, "")}  # fmt: skip
        claims.append(entry)
    return {"count": len(some), "amount": dollars(sum(known)), "claims": claims}


def balance(
    billed: Billed,
    remittances: Claims,
    tracker: Claims | None = None,
    *,
    as_of: date,
    hospital: Hospital,
    month: str | None = None,
    fees: Sequence[Fee] = (),
    recorded: Sequence[RecordedCase] = (),
) -> Balance:
    """Return every billed claim in its bucket, by all that the remittances decide.

    `remittances` are as `read_each` gives them, so that what was sent twice is reported. `month`
    (YYYY-MM) keeps the claims billed in it; where the day of billing is not known, those whose last
    day of service is in it. What a tracker closes is closed here, but it never decides what a payer
    paid or denied. The buckets are defined in `rules/history/buckets.yaml`.
    """
    if month is not None and not MONTH.fullmatch(month):
        raise UsageError("--month: expected YYYY-MM")
    every = bills(billed, hospital.providers)
    answers = answers_of(remittances, hospital, as_of=as_of, recorded=recorded)
    matched = families(answers, every)
    tracker_of = tracked(cases(tracker), every)
    mine = [at for at, one in enumerate(every) if _in_month(one, every, month)]
    found = {at: _settled(every[at], at, matched, tracker_of, answers) for at in mine}
    short = paid_short(every, found, matched.of_bill, answers, fees)
    mine_charge = sum(every[at].charge or 0 for at in mine)
    nameless = billed.without_number
    nameless_cents = int(
        nameless["claim_billed_cents"].fillna(nameless["billed_cents"]).fillna(0).sum()
    )
    return Balance(
        month=month,
        by_claim=_by_claim(every, found, short),
        by_bucket=_by_bucket(every, found),
        reports=reports(every, found, matched, tracker_of, answers, nameless, as_of=as_of),
        paid_short=tuple(short),
        billed_cents=_charges(billed) + nameless_cents,
        other_months=(
            len(every) - len(mine),
            sum(one.charge or 0 for one in every) - mine_charge,
        ),
        without_number=(len(nameless), nameless_cents),
        without_charge=sum(every[at].charge is None for at in mine),
        providers_known=bool(hospital.providers),
        findings=pd.concat([billed.findings, answers.claims.findings], ignore_index=True),
    )


def _in_month(bill: Bill, every: Sequence[Bill], month: str | None) -> bool:
    """Return whether a bill is of the month; a claim that was billed again is with its first bill."""
    if month is None:
        return True
    day = every[bill.first].day if bill.first >= 0 else bill.day
    return day is not None and f"{day:%Y-%m}" == month


def _settled(bill: Bill, at: int, matched: Matched, tracker: Matched, answers: Answers) -> Settled:
    charge = bill.charge or 0
    if bill.standing:
        return Settled(bucket=bill.standing, split=Split(**{bill.standing: charge}))
    is_closed = closed_in(tracker.of_bill.get(at, ())) is True
    return settled(charge, matched.of_bill.get(at, ()), answers, is_closed=is_closed)


def _charges(billed: Billed) -> int:
    """Return what the rows bill, added up row by row.

    A row of a service line counts its own charge. Where it states only the claim's, that is counted
    with the first row of the claim.
    """
    rows = billed.rows
    own = rows["billed_cents"].where(rows["of_a_line"], rows["claim_billed_cents"])
    own = own.fillna(rows["billed_cents"].where(~rows["of_a_line"]))
    stated = rows["of_a_line"] & rows["claim_billed_cents"].notna()
    if stated.any():
        own = own.mask(stated, 0)
        return int(own.fillna(0).sum()) + sum(
            one.charge or 0 for one in bills(_only(billed, rows[stated]), ())
        )
    return int(own.fillna(0).sum())


def _only(billed: Billed, rows: pd.DataFrame) -> Billed:
    return Billed(rows.reset_index(drop=True), billed.without_number.iloc[:0], billed.findings)


def _by_claim(
    every: Sequence[Bill], found: Mapping[int, Settled], short: Sequence[Short]
) -> pd.DataFrame:
    stakes = {one.bill: one.stake for one in short}
    rows = []
    for at, one in found.items():
        bill = every[at]
        rows.append(
            {
                "bill": at,
                "file": bill.file,
                "row": bill.row,
                "patient_control_number": bill.number or None,
                "payer_name": bill.identity.payer_name or bill.identity.payer_id,
                "service_from": bill.identity.service_from,
                "service_to": bill.identity.service_to,
                "billed_on": bill.billed_on,
                "bucket": one.bucket,
                "billed": bill.charge,
                **{name: getattr(one.split, name) for name in names("parts")},
                "short": stakes.get(at),
            }
        )
    columns = ("bill", "file", "row", "patient_control_number", "payer_name", "service_from",
               "service_to", "billed_on", "bucket", "billed", *names("parts"), "short")  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(columns))
    cents = {name: "Int64" for name in ("billed", "short", *names("parts"))}
    days = {name: "datetime64[us]" for name in ("service_from", "service_to", "billed_on")}
    return frame.astype(cents | days)


def _by_bucket(every: Sequence[Bill], found: Mapping[int, Settled]) -> pd.DataFrame:
    rows = {
        name: dict.fromkeys(("claims", "billed", *names("parts")), 0) for name in names("buckets")
    }
    for at, one in found.items():
        line = rows[one.bucket]
        line["claims"] += 1
        line["billed"] += every[at].charge or 0
        for name in names("parts"):
            line[name] += getattr(one.split, name)
    return pd.DataFrame.from_dict(rows, orient="index", dtype="int64")

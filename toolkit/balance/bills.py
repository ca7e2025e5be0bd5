"""The claims of a billing file: which rows are one claim, and which bill a claim again."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import pandas as pd

from toolkit.claims.export.billed import Billed
from toolkit.claims.providers import names_another
from toolkit.history.identity import ClaimIdentity, same_claim
from toolkit.hospital import Provider

_AGAIN = frozenset({"7", "8"})
_LINE = ("line_number", "line_control_number", "procedure_code", "modifiers", "revenue_code")


@dataclass(frozen=True, kw_only=True)
class Bill:
    """One billed claim: where it is, who pays it, and its charge in whole cents (None: not stated).

    `number` is our account number as it is compared. `standing` is '', 'not_ours' or 'resent'; of a
    row that bills a claim again, `first` is the place of the claim among all bills.
    """

    file: str
    row: int
    number: str
    identity: ClaimIdentity
    charge: int | None
    frequency: str
    bill_type: str
    revenue_codes: tuple[str, ...]
    billed_on: date | None
    standing: str = ""
    first: int = -1

    def __repr__(self) -> str:
        return "Bill(...)"  # its numbers may identify a patient

    @property
    def day(self) -> date | None:
        """The day by which it belongs to a month: when it was billed, else the last day of service."""
        return self.billed_on or self.identity.service_to or self.identity.service_from


def plain_number(number: object) -> str:
    """Return a claim number as it is compared: without blanks, in capitals; '' for none."""
    return "".join(number.split()).upper() if isinstance(number, str) else ""


def bills(billed: Billed, providers: Iterable[Provider]) -> list[Bill]:
    """Return one bill per claim and per time that it was billed, in the order of the rows."""
    rows = billed.rows.assign(
        number=[
            plain_number(ours) or plain_number(theirs)
            for ours, theirs in zip(
                billed.rows["patient_control_number"],
                billed.rows["payer_claim_control_number"],
                strict=True,
            )
        ]
    )
    npis = {provider.npi for provider in providers}
    found: list[Bill] = []
    for part in _claims(rows):
        standing = "not_ours" if names_another(part[0]["provider_npi"], npis) else ""
        found.append(replace(_bill(part), standing=standing))
    order = {name: at for at, name in enumerate(rows["file"].unique())}
    found.sort(key=lambda one: (order[one.file], one.row))
    return _with_resent(found)


def _claims(rows: pd.DataFrame) -> list[list[dict]]:
    """Return the rows of each bill: of one claim as it was sent once.

    Each row without a service line is a bill. Rows of service lines are one bill where they agree in
    number, payer, provider, frequency code and day of billing; a line that comes again starts another.
    """
    found: list[list[dict]] = []
    open_: dict[tuple, list[tuple[list[dict], set]]] = defaultdict(list)
    for row in _plain(rows):
        if not row["of_a_line"]:
            found.append([row])
            continue
        key = tuple(row[name] for name in (
            "file", "number", "payer_id", "payer_name", "provider_npi", "frequency_code", "billed_on"
        ))  # fmt: skip
        line = (*(row[name] for name in _LINE), row["service_from"], row["billed_cents"])
        for part, seen in open_[key]:
            if line not in seen:
                part.append(row)
                seen.add(line)
                break
        else:
            found.append([row])
            open_[key].append((found[-1], {line}))
    return found


def _plain(rows: pd.DataFrame) -> list[dict]:
    """Return the rows as plain Python: None if missing, days as dates."""
    columns = {}
    for name, column in rows.items():
        values = column.tolist()
        if str(column.dtype).startswith("datetime"):
            values = [None if day is pd.NaT else day.date() for day in values]
        missing = column.isna().tolist()
        columns[name] = [
            None if gone else value for value, gone in zip(values, missing, strict=True)
        ]
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _bill(part: Sequence[dict]) -> Bill:
    head = part[0]
    days = [row[name] for row in part for name in ("service_from", "service_to") if row[name]]
    frequency = head["frequency_code"] or ""
    return Bill(
        file=head["file"],
        row=int(head["row"]),
        number=head["number"],
        identity=ClaimIdentity(
            account=head["number"],
            payer_numbers=frozenset(filter(None, (head["payer_claim_control_number"],))),
            payer_id=head["payer_id"],
            payer_name=head["payer_name"],
            service_from=min(days, default=None),
            service_to=max(days, default=None),
        ),
        charge=_charge(part),
        frequency=frequency[-1:],
        bill_type=frequency if len(frequency) > 2 else "",
        revenue_codes=tuple(row["revenue_code"] for row in part if row["revenue_code"]),
        billed_on=head["billed_on"] or head["claim_received"],
    )


def _charge(part: Sequence[dict]) -> int | None:
    """Return the charge of a bill: of the claim where its rows state it, else of its lines."""
    whole = next(
        (row["claim_billed_cents"] for row in part if row["claim_billed_cents"] is not None), None
    )
    lines = [row["billed_cents"] for row in part if row["billed_cents"] is not None]
    return whole if whole is not None else (sum(lines) if lines else None)


def _with_resent(found: list[Bill]) -> list[Bill]:
    """Return the bills in which those that bill a claim again say so."""
    of_number: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(found):
        of_number[one.number].append(at)
    for places in of_number.values():
        if len(places) < 2:
            continue
        # The original is the first of its claim, wherever its row is in the file.
        ordered = sorted(places, key=lambda at: (found[at].frequency in _AGAIN, at))
        for n, at in enumerate(ordered):
            if found[at].standing:
                continue
            for before in ordered[:n]:
                if not found[before].standing and _bills_again(found[before], found[at]):
                    found[at] = replace(found[at], standing="resent", first=before)
                    break
    return found


def _bills_again(first: Bill, other: Bill) -> bool:
    """Return whether a bill is the claim of the first one again: a copy, a replacement or a void."""
    if same_claim(first.identity, other.identity) == "other":
        return False
    if other.frequency in _AGAIN:
        return True
    return first.charge == other.charge and first.frequency == other.frequency

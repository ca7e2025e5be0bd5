"""FHIR R4 ExplanationOfBenefit resources become the canonical tables: bundles, single ones, NDJSON.

Read are the base resource and the CARIN Blue Button profiles (C4BB), whose adjudication reasons are
CARC and RARC. What a resource does not say is missing, never derived: no group code, no program, no
amount of a reason that states none. Source: HL7 FHIR R4 ExplanationOfBenefit; HL7 CARIN Blue Button
implementation guide 2.2.0 and 1.1.0 (code systems and slices), read in stored copies 2026-11-27.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.claims.export import exports
from toolkit.claims.identity import hash_of, id_of
from toolkit.claims.tables import Claims, conform
from toolkit.denials import codes
from toolkit.errors import ExportError

_MOST_BYTES = 512 << 20  # of one JSON text
_PART = 5_000  # claims at once
_CARC, _RARC = "claim-adjustment-reason-codes", "remittance-advice-remark-codes"
_GROUP = "claim-adjustment-group-codes"
_REASONS = {"denialreason", "adjustmentreason"}
_AMOUNTS = {
    "submitted": "billed_cents", "eligible": "allowed_cents", "benefit": "paid_cents",
    "paidtoprovider": "paid_cents", "memberliability": "patient_responsibility_cents",
}  # fmt: skip
_NUMBERS = {"uc": "payer_claim_control_number", "patientaccountnumber": "patient_control_number"}
_BEFORE = {"preauthorization", "predetermination"}
_NO_STATUS = {"cancelled", "draft", "entered-in-error"}
_READ = frozenset(
    [
        "resourceType",
        "id",
        "meta",
        "identifier",
        "status",
        "type",
        "use",
        "patient",
        "created",
        "insurer",
        "provider",
        "outcome",
        "payment",
        "item",
        "adjudication",
        "total",
        "billablePeriod",
        "insurance",
        "facility",
        "contained",
        "supportingInfo",
        "diagnosis",
        "processNote",
    ]
)
_READ_ITEM = frozenset(
    [
        "sequence",
        "productOrService",
        "modifier",
        "revenue",
        "servicedDate",
        "servicedPeriod",
        "quantity",
        "net",
        "adjudication",
        "noteNumber",
    ]
)
_TYPE = re.compile(r"[A-Za-z]{1,40}")


def is_fhir(head: bytes) -> bool:
    """Return whether a file begins as a FHIR resource, or as lines of them."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") and b'"resourceType"' in head


def read_fhir(path: Path) -> Claims:
    """Return the claims of a FHIR file as canonical tables with findings.

    Grain: a claim for each ExplanationOfBenefit, a line for each item. Raises ExportError if the file
    is not JSON, or holds no ExplanationOfBenefit.
    """
    parts = list(stream_fhir(path))
    names = ("claims", "claim_lines", "adjustments", "remark_codes", "findings", "files")
    tables = {
        name: pd.concat([getattr(p, name) for p in parts], ignore_index=True) for name in names
    }
    return Claims(**tables)


def stream_fhir(path: Path) -> Iterator[Claims]:
    """Give the same in parts of some thousand claims; the file's own row comes with the last."""
    path = Path(path)
    sha256 = hash_of(path)
    reader = _Reader(path.name, id_of(sha256))
    found = _latest(path, reader)
    while some := list(islice(found, _PART)):
        yield reader.part(some)
    if not reader.claims:
        raise ExportError(
            f"{path.name}: contains no ExplanationOfBenefit that counts; export the claims' benefits"
        )
    yield reader.end(sha256)


def totals(claims: Claims) -> dict[str, Any]:
    """Return the totals of a FHIR file, as `toolkit read --json` shows them."""
    found = exports.totals(claims)
    for name in ("columns", "denied_in", "denied_left_out", "denied_repeated", "rows_blank"):
        found.pop(name)
    return found | {"elements_not_read": found.pop("columns_not_read")}


# ------------------------------------------------------------------------------- resources in a file


def _resources(path: Path, reader: "_Reader") -> Iterator[tuple[int, dict]]:
    """Give (line or ordinal, resource) of everything in the file."""
    if _is_lines(path):
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                found = _parsed(line)
                if found is None:
                    reader.note(number, "", "fhir_line_broken", "is not JSON, and was left out")
                else:
                    yield from _unbundled(found, number, number)
        return
    if path.stat().st_size > _MOST_BYTES:
        raise ExportError(f"{path.name}: is too large for one JSON text; export it as NDJSON")
    found = _parsed(path.read_text(encoding="utf-8-sig", errors="replace"))
    if found is None:
        raise ExportError(f"{path.name}: is damaged JSON, or nested too deep; export it again")
    yield from _unbundled(found, 1, None)


def _is_lines(path: Path) -> bool:
    """Return whether the first line is a whole resource and another follows."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(_MOST_BYTES)
        following = next((line for line in file if line.strip()), "")
    return bool(following) and isinstance(_parsed(first), dict)


def _parsed(text: str) -> Any:
    """Return what a JSON text says, amounts exact; None if it says nothing."""
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None


def _unbundled(found: Any, first: int, line: int | None) -> Iterator[tuple[int, dict]]:
    if not isinstance(found, dict):
        return
    if found.get("resourceType") != "Bundle":
        yield first, found
        return
    for number, entry in enumerate(_list(found, "entry"), start=first):
        inner = entry.get("resource")
        if isinstance(inner, dict):
            yield (line or number), inner


def _latest(path: Path, reader: "_Reader") -> Iterator[tuple[int, dict]]:
    """Give (line or ordinal, benefit) of those that count, each once, as it was last updated.

    The file is gone through twice, so that it need not be held: first for what counts, and for the
    organizations that benefits refer to.
    """
    last: dict[Any, tuple[str, int]] = {}
    for at, (row, one) in enumerate(_resources(path, reader)):
        kind = one.get("resourceType")
        reader.resources += 1
        if kind != "ExplanationOfBenefit":
            reader.others[kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else "?"] += 1
            reader.keep(one)
        elif one.get("status") in _NO_STATUS:
            reader.leave(row, "fhir_status", "is cancelled, a draft or entered in error: left out")
        elif one.get("use") in _BEFORE:
            reader.leave(row, "fhir_use", "is a request before the claim, not a claim: left out")
        else:
            key = one.get("id") or at
            if key in last:
                reader.leave(
                    row, "fhir_again", "appears again; only the version last updated counts"
                )
            last[key] = max(last.get(key, ("", -1)), (_updated(one), at))
    counts = {at for _, at in last.values()}
    quiet = _Reader(reader.name, reader.file_id)
    for at, found in enumerate(_resources(path, quiet)):
        if at in counts:
            yield found


def _updated(resource: dict) -> str:
    return str(_dict(resource, "meta").get("lastUpdated") or "")


# ---------------------------------------------------------------------------------- one benefit read


@dataclass
class _Reader:
    """What is gathered over a file: rows of the tables, findings, what was not read."""

    name: str
    file_id: str
    claims: int = 0
    resources: int = 0
    left_out: int = 0
    others: Counter = field(default_factory=Counter)
    not_read: Counter = field(default_factory=Counter)
    known: dict[str, dict] = field(default_factory=dict)  # organizations and coverages by reference
    notes: list[tuple] = field(default_factory=list)

    def note(self, row: int | None, column: str, code: str, says: str) -> None:
        self.notes.append((row, column, code, says))

    def leave(self, row: int, code: str, says: str) -> None:
        self.left_out += 1
        self.note(row, "", code, says)

    def keep(self, resource: dict) -> None:
        """Remember an organization, which benefits name by reference."""
        if resource.get("resourceType") in ("Organization", "Practitioner", "Location"):
            self.known[f"{resource['resourceType']}/{resource.get('id')}"] = resource

    def part(self, some: list[tuple[int, dict]]) -> Claims:
        rows: dict[str, list[dict]] = {
            n: [] for n in ("claims", "claim_lines", "adjustments", "remark_codes")
        }
        for row, one in some:
            _Benefit(self, row, one, rows).read()
        self.claims += len(some)
        return Claims(
            **{name: conform(pd.DataFrame(found), name) for name, found in rows.items() if found},
            findings=self._findings(),
        )

    def end(self, sha256: str) -> Claims:
        for kind, count in sorted(self.others.items()):
            says = f"{count:,} resources of the type {kind} contain no claim and were not counted"
            self.note(None, "", "fhir_other_resource", says)
        files = {
            "file": [self.name], "file_id": [self.file_id], "sha256": [sha256], "source": ["fhir"],
            "layout": ["fhir_r4"], "rows_read": [self.claims], "rows_in": [self.resources],
            "rows_left_out": [self.left_out + sum(self.others.values())], "rows_blank": [0],
            "columns_not_read": [json.dumps(sorted(self.not_read))],
        }  # fmt: skip
        return Claims(findings=self._findings(), files=conform(files, "files"))

    def _findings(self) -> pd.DataFrame:
        found = pd.DataFrame(self.notes, columns=["row", "column", "code", "says"])
        self.notes = []
        return conform(found.assign(file=self.name, file_id=self.file_id), "findings")


class _Benefit:
    """One ExplanationOfBenefit on its way into the tables."""

    def __init__(self, reader: _Reader, row: int, resource: dict, rows: dict[str, list[dict]]):
        self.reader, self.row, self.resource, self.rows = reader, row, resource, rows
        self.key = f"{reader.file_id}-{row}-{reader.claims + len(rows['claims'])}"
        self.base = {"claim_key": self.key, "file_id": reader.file_id, "row": row}
        self.count = 0
        self.contained = {
            f"#{one.get('id')}": one
            for one in _list(resource, "contained")
            if isinstance(one, dict)
        }

    def read(self) -> None:
        one = self.resource
        for name in set(one) - _READ:
            self.reader.not_read[name] += 1
        notes = {n.get("number"): n.get("text") for n in _list(one, "processNote")}
        lines = [
            self._line(item, number) for number, item in enumerate(_list(one, "item"), start=1)
        ]
        self._adjudications(_list(one, "adjudication"), None)
        self._remarks_in(notes.values(), None)
        self.rows["claim_lines"] += lines
        self.rows["claims"].append(self.base | self._claim(lines))

    def _claim(self, lines: list[dict]) -> dict[str, Any]:
        one, payment = self.resource, _dict(self.resource, "payment")
        paid_on, made_on = (
            self._day(payment.get("date"), "payment.date"),
            self._day(one.get("created"), "created"),
        )
        if paid_on is None and made_on is not None:
            self.reader.note(
                self.row, "remittance_date", "fhir_created_date",
                "has no payment date, so its creation date is used: compare it with the notice",
            )  # fmt: skip
        period = _dict(one, "billablePeriod")
        begun = [d for line in lines if (d := line["service_from"])]
        ended = [d for line in lines if (d := line["service_to"])]
        amounts = self._amounts([*_list(one, "total"), *_list(one, "adjudication")])
        if "paid_cents" not in amounts:
            amounts["paid_cents"] = self._cents(payment.get("amount"))
        for name in ("billed_cents", "paid_cents"):
            known = [line.get(name) for line in lines]
            if amounts.get(name) is None and known and None not in known:
                amounts[name] = sum(known)
        payer = self._party(one.get("insurer"))
        provider = self._party(one.get("provider"))
        return self._numbers() | amounts | {
            "payer_id": payer[0], "payer_name": payer[1],
            "provider_npi": provider[0], "provider_name": provider[1],
            "facility": self._party(one.get("facility"))[1],
            "service_from": self._day(period.get("start"), "billablePeriod") or min(begun, default=None),
            "service_to": self._day(period.get("end"), "billablePeriod") or max(ended, default=None),
            "remittance_date": paid_on or made_on,
            "claim_status": "4" if "denied" in _codes(payment.get("type")) else None,
            "is_reversal": False,
        }  # fmt: skip

    def _numbers(self) -> dict[str, str]:
        """Return both claim numbers: theirs is a unique claim id, ours the patient account number."""
        found: dict[str, str] = {}
        for one in _list(self.resource, "identifier"):
            for code in _codes(one.get("type")):
                if code in _NUMBERS and one.get("value"):
                    found.setdefault(_NUMBERS[code], str(one["value"]))
        for one in _list(self.resource, "supportingInfo"):
            if "patientaccountnumber" in _codes(one.get("category")) and one.get("valueString"):
                found.setdefault("patient_control_number", str(one["valueString"]))
        if not found and self.resource.get("id"):
            found["payer_claim_control_number"] = str(self.resource["id"])
        return found

    def _line(self, item: dict, number: int) -> dict[str, Any]:
        for name in set(item) - _READ_ITEM:
            self.reader.not_read[f"item.{name}"] += 1
        key = f"{self.key}-{number}"
        period = _dict(item, "servicedPeriod")
        day = self._day(item.get("servicedDate"), "item.servicedDate")
        amounts = self._amounts(_list(item, "adjudication"))
        if amounts.get("billed_cents") is None:
            amounts["billed_cents"] = self._cents(item.get("net"))
        amounts.pop("patient_responsibility_cents", None)
        self._adjudications(_list(item, "adjudication"), key)
        modifiers = [code for one in _list(item, "modifier") for code in _codes(one)[:1]]
        return self.base | amounts | {
            "line_key": key,
            "service_from": day or self._day(period.get("start"), "item.servicedPeriod"),
            "service_to": day or self._day(period.get("end"), "item.servicedPeriod"),
            "procedure_code": next(iter(_codes(item.get("productOrService"))), "").upper() or None,
            "modifiers": " ".join(modifiers).upper() or None,
            "revenue_code": next((c.zfill(4) for c in _codes(item.get("revenue")) if c.isdigit()), None),
            "units": _number(_dict(item, "quantity").get("value")),
        }  # fmt: skip

    def _amounts(self, adjudications: list[dict]) -> dict[str, int | None]:
        found: dict[str, int | None] = {}
        for one in adjudications:
            for code in _codes(one.get("category")):
                name = _AMOUNTS.get(code)
                if name and found.get(name) is None:
                    found[name] = self._cents(one.get("amount"))
        return found

    def _adjudications(self, adjudications: list[dict], line_key: str | None) -> None:
        """Add the adjustments and remarks that adjudications state."""
        for one in adjudications:
            reason = one.get("reason")
            coded = [c for c in _codings(reason) if c.get("code")]
            groups = [codes.read_group(str(c["code"])) for c in coded if _GROUP in _system(c)]
            stated = bool(_REASONS & set(_codes(one.get("category"))))
            for coding in coded:
                code, system = str(coding["code"]).strip().upper(), _system(coding)
                if _RARC in system or (stated and not system and codes.read_rarcs(code)[0]):
                    self._remark(code, line_key)
                elif _CARC in system or (stated and not system and _GROUP not in system):
                    self._adjust(codes.read_carc(code), groups, one, line_key)
            if stated and not coded and isinstance(reason, dict) and reason.get("text"):
                self._adjust(("", None), groups, one, line_key, text=str(reason["text"]))

    def _adjust(
        self, pair, groups, one: dict, line_key: str | None, text: str | None = None
    ) -> None:
        self.count += 1
        group = pair[0] or next(iter(groups), None)
        self.rows["adjustments"].append(self.base | {
            "adjustment_key": f"{self.key}-a{self.count}", "line_key": line_key,
            "adjustment_level": "line" if line_key else "claim", "group_code": group or None,
            "carc": pair[1] or None, "amount_cents": self._cents(one.get("amount")),
            "denial_text": text,
        })  # fmt: skip

    def _remarks_in(self, texts, line_key: str | None) -> None:
        for text in texts:
            found, whole = codes.read_rarcs(str(text or "").strip())
            if whole:
                for code in found:
                    self._remark(code, line_key)

    def _remark(self, code: str, line_key: str | None) -> None:
        self.rows["remark_codes"].append(
            self.base | {"line_key": line_key, "rarc": code, "found_in": "fhir"}
        )

    def _party(self, reference: Any) -> tuple[str | None, str | None]:
        """Return identifier and name of a payer or provider, as far as the file says them."""
        given = reference if isinstance(reference, dict) else {}
        place = str(given.get("reference") or "")
        found = self.contained.get(place) or self.reader.known.get(place) or {}
        own = [given["identifier"]] if isinstance(given.get("identifier"), dict) else []
        numbers = [one.get("value") for one in [*own, *_list(found, "identifier")]]
        name = found.get("name")
        name = name if isinstance(name, str) else None
        number = next((str(one) for one in numbers if one), None)
        return number, str(given["display"]) if given.get("display") else name

    def _cents(self, money: Any) -> int | None:
        given = money if isinstance(money, dict) else {}
        if given.get("currency") not in (None, "USD"):
            self.reader.note(
                self.row, "amount", "fhir_currency", "is not in US dollars and is not read"
            )
            return None
        try:
            cents = Decimal(str(given["value"])) * 100
        except (KeyError, ArithmeticError):
            return None
        if not cents.is_finite() or cents != cents.to_integral_value() or abs(cents) > 10**15:
            self.reader.note(
                self.row, "amount", "not_money", "is not an amount of dollars and cents"
            )
            return None
        return int(cents)

    def _day(self, said: Any, column: str) -> date | None:
        if not said:
            return None
        try:
            return date.fromisoformat(str(said)[:10])
        except ValueError:
            self.reader.note(self.row, column, "not_a_date", "is not a whole day (YYYY-MM-DD)")
            return None


# ------------------------------------------------------------------------------------------- elements


def _list(found: dict, name: str) -> list:
    value = found.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(found: dict, name: str) -> dict:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _codings(concept: Any) -> list[dict]:
    return _list(concept, "coding") if isinstance(concept, dict) else []


def _codes(concept: Any) -> list[str]:
    return [str(one["code"]) for one in _codings(concept) if one.get("code")]


def _system(coding: dict) -> str:
    return str(coding.get("system") or "").casefold()


def _number(said: Any) -> float | None:
    try:
        return float(said)
    except (TypeError, ValueError):
        return None

"""Read 277CA, 277, 999, 997 and TA1 files: what was taken in or rejected before adjudication.

A rejected claim was never decided, so it has no appeal: it is mended and sent again inside the
payer's filing limit. Nothing here enters adjustments, the worklist or a denial rate.

A whole batch can be rejected without its claims being listed. Then the file says how many they are,
and they count as it says: a 277CA by QTY (AA or QC rejected, 90 or QA accepted) and AMT (YY
rejected) of the receiver or provider, a 999 or 997 by AK9. What is listed below is not counted again.
Where no number is given, and for an interchange (TA1), the batch counts as one, with a finding.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.claims.findings import summarized
from toolkit.claims.identity import id_of
from toolkit.claims.tables import Claims, conform, dollars, empty
from toolkit.claims.x12.envelope import Batch, Envelope, open_envelope
from toolkit.denials.acknowledgments import acknowledgment_codes, status_categories, status_codes
from toolkit.errors import RemittanceError, not_opened

SETS = ("277", "999", "997")

# Implementation guides of the 277 (GS08 or ST03), by their last part.
_GUIDES = {"X214": "277CA", "X212": "277", "X213": "277 request", "X228": "277 pending"}
# HL03: whose status a STC of that level is.
_LEVELS = {"20": "source", "21": "receiver", "19": "provider"}

_FIRST_ST = re.compile(rb"(?:\A|[^A-Za-z0-9])ST([^A-Za-z0-9\s])(\d{3})(?=[^A-Za-z0-9])")
_TA1 = re.compile(rb"[^A-Za-z0-9]TA1([^A-Za-z0-9\s])\d{1,9}\1\d{6,8}\1\d{4}\1[A-Z]\1")


def is_rejections(data: bytes) -> bool:
    """Return whether an X12 file holds 277, 999 or 997 transactions, or a TA1, and no remittance."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "ignore").encode()
    head = data[:65536].translate(None, b"\r\n")
    first = _FIRST_ST.search(head)
    if not first:
        return bool(_TA1.search(head))
    if first[2].decode() not in SETS:
        return False
    remittance = rb"(?<![A-Za-z0-9])ST" + re.escape(first[1]) + b"835" + re.escape(first[1])
    return not re.search(remittance, data.translate(None, b"\r\n"))


def read_rejections(path: Path) -> pd.DataFrame:
    """Return one row per claim status (STC) of a 277, per error and per transaction of a 999.

    Columns are those of the table `rejections`; `standing` says where it leaves the claim or the
    transaction. Code numbers and places only: no name, number or content of a claim. Raises
    RemittanceError for a file that is none of these.
    """
    return read_acknowledgment(path).rejections


def read_acknowledgment(path: Path) -> Claims:
    """Return a 277, 999 or 997 as canonical tables: rejections, findings and files, all else empty."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RemittanceError(
            f"{path.name}: the file cannot be opened ({not_opened(error)})"
        ) from None
    envelope = open_envelope(data, path.name)
    sha256 = hashlib.sha256(data).hexdigest()
    file_id = id_of(sha256)
    rows, transactions = _rows(envelope)
    if not transactions and not rows:
        raise RemittanceError(f"{path.name}, row 1, ST01: the file contains no 277, 999 or 997.")
    uncounted = [row["row"] for row in rows if row.pop("uncounted", False)]
    for row in rows:
        row.pop("batch_cents", None)
    table = empty("rejections")
    if rows:
        table = conform(pd.DataFrame(rows).assign(file_id=file_id), "rejections")
    files = {
        "file": [path.name],
        "file_id": [file_id],
        "sha256": [sha256],
        "source": ["rejections"],
        "layout": [" ".join(dict.fromkeys(v for b in envelope.batches for v in b.layouts))],
        "rows_read": [0],  # no claim of it is counted with the claims that were decided
        "transactions": [transactions],
    }
    found = _findings(envelope, table, uncounted)
    findings = pd.DataFrame(found, columns=["row", "column", "code", "says"])
    return Claims(
        rejections=table,
        files=conform(files, "files"),
        findings=conform(findings.assign(file=path.name, file_id=file_id), "findings"),
    )


def totals(claims: Claims) -> dict[str, Any]:
    """Return what `toolkit read` shows of a 277, 999, 997 or TA1: its kind, accepted and rejected.

    Counts claims in a 277, transactions in a 999 and interchanges in a TA1, also those of a batch
    that are not listed; a claim with several statuses counts once, as rejected if one of them is.
    `rejected_amount` is the charge of the rejected claims, as far as it is stated. `by_status` counts
    statuses by their codes, `by_error` errors by segment, element and code.
    """
    table = claims.rejections
    kinds = list(dict.fromkeys(table["kind"]))
    standing = _standings(table)
    statuses = table[table["category_code"].notna()]
    errors = table[table["level"].isin(["segment", "element"])]
    answer: dict[str, Any] = {
        "kind": " + ".join(kinds) or "empty",
        "accepted": int(standing.get("accepted", 0)),
        "rejected": int(standing.get("rejected", 0)),
        "by_standing": dict(sorted(standing.items())),
        "transactions": int(claims.files["transactions"].sum()),
    }
    if len(statuses):
        batches = table[table["kind"].str.startswith("277")]
        unlisted = batches[["unlisted_rejected", "unlisted_accepted"]].sum().sum()
        answer["claims"] = int(statuses["claim"].nunique() + unlisted)
        answer["rejected_amount"] = dollars(_rejected_cents(table))
        answer["by_status"] = _counted(
            statuses, ["level", "category_code", "status_codes"], ["category_says", "status_says"]
        )
    if len(errors):
        answer["errors"] = len(errors)
        answer["by_error"] = _counted(errors, ["segment", "element", "error_code"], ["error_says"])
    return answer | {"findings": [one.as_dict() for one in summarized(claims.findings)]}


# The worst of a claim's statuses is the claim's.
_WORST = (
    "rejected", "error", "unknown", "not_found", "asked", "pending", "decided", "forwarded", "accepted",
)  # fmt: skip


def _standings(table: pd.DataFrame) -> Counter[str]:
    """Return how many claims, transactions and interchanges there are by standing, listed or not."""
    counts = Counter(_units(table))
    for standing in ("rejected", "accepted"):
        counts[standing] += int(table[f"unlisted_{standing}"].sum())
    return +counts


def _rejected_cents(table: pd.DataFrame) -> int:
    """Return the charge of the rejected claims, each once, as far as it is stated."""
    units = _units(table[table["claim"].notna()])
    listed = table[table["claim"].isin(units.index[units.eq("rejected")])]
    charges = listed.groupby("claim")["billed_cents"].max()
    return int(charges.sum() + table["unlisted_rejected_cents"].sum())


def _units(table: pd.DataFrame) -> pd.Series:
    """Return the standing of each listed claim of a 277 and transaction of a 999."""
    claims = table[table["claim"].notna()]
    rank = claims["standing"].map({name: at for at, name in enumerate(_WORST)})
    worst = rank.groupby(claims["claim"]).min().map(dict(enumerate(_WORST)))
    return pd.concat([worst, table.loc[table["level"].eq("transaction"), "standing"]])


def _counted(table: pd.DataFrame, keys: list[str], says: list[str]) -> list[dict[str, Any]]:
    table = table.assign(**{name: table[name].fillna("") for name in keys + says})
    sums = table.groupby([*keys, *says], sort=False).size().sort_values(ascending=False)
    return [
        dict(zip([*keys, *says], key, strict=True)) | {"count": int(n)}
        for key, n in sums.sort_index().sort_values(ascending=False, kind="stable").items()
    ]


# --- from segments to rows -----------------------------------------------------------------------


def fields_of(batch: Batch) -> Iterator[tuple[int, list[str]]]:
    """Give each segment's number in the file and its elements, the identifier first."""
    element = batch.delimiters.element.decode()
    parts = batch.data.split(batch.delimiters.segment)
    for row, part in zip(batch.rows, parts, strict=False):
        yield int(row), [field.strip() for field in part.decode().split(element)]


class _Place:
    """What the reader is in: the transaction, its kind, the level, the claim, the last error."""

    __slots__ = (
        "set",
        "kind",
        "transaction",
        "level",
        "claim",
        "in_claim",
        "line",
        "last",
        "parts",
        "batches",
        "listed",
    )

    def __init__(self) -> None:
        self.set = self.kind = self.level = ""
        self.transaction = self.claim = 0
        self.in_claim = self.line = False
        self.last: dict[str, Any] | None = None
        self.parts = ":"
        self.batches: list[_Batch] = []
        self.listed: list[dict[str, Any]] = []  # transactions of the open group of a 999


@dataclass
class _Batch:
    """What a 277CA says of a receiver or provider as a whole, and the claims listed below it."""

    level: str
    transaction: int
    row: dict[str, Any] | None = None  # its first status
    counts: dict[str, int] = field(default_factory=dict)
    cents: int | None = None  # of the rejected
    claims: set[int] = field(default_factory=set)
    inner: list["_Batch"] = field(default_factory=list)


def _rows(envelope: Envelope) -> tuple[list[dict[str, Any]], int]:
    rows: list[dict[str, Any]] = []
    at = _Place()
    for batch in envelope.batches:
        at.parts = batch.delimiters.component.decode()
        guide = batch.layouts[0] if batch.layouts else ""
        for row, fields in fields_of(batch):
            read = _READ.get(fields[0])
            if fields[0] == "GS":
                guide = _field(fields, 8) or guide
            elif fields[0] == "ST":
                _open(at, fields, guide)
            elif fields[0] == "TA1":
                rows.append(_ta1(fields) | {"row": row, "kind": "TA1"})
            elif read and at.set in read[0]:
                found = read[1](at, fields)
                if found is not None:
                    found |= {"row": row, "kind": at.kind, "transaction": at.transaction}
                    rows.append(found)
    _count_unlisted(at.batches, rows)
    if (
        not at.transaction
    ):  # nothing but TA1: then an interchange taken in is what there is to count
        for row in rows:
            row["unlisted_accepted"] = int(row["standing"] == "accepted")
    return rows, at.transaction


def _open(at: _Place, fields: list[str], guide: str) -> None:
    at.set = _field(fields, 1)
    at.level, at.in_claim, at.line, at.last, at.listed = "", False, False, None, []
    if at.set not in SETS:
        at.set = ""
        return
    at.transaction += 1
    version = _field(fields, 3) or guide
    at.kind = at.set
    if at.set == "277":
        at.kind = next((k for part, k in _GUIDES.items() if part in version), "277")


def _field(fields: list[str], number: int) -> str:
    return fields[number] if number < len(fields) else ""


def _hl(at: _Place, fields: list[str]) -> None:
    at.level = _LEVELS.get(_field(fields, 3), "claim")
    at.in_claim = at.line = False
    if at.level == "claim":
        return
    batch = _Batch(at.level, at.transaction)
    outer = [one for one in at.batches[-1:] if one.transaction == at.transaction]
    if at.level == "provider" and outer and outer[0].level == "receiver":
        outer[0].inner.append(batch)
    else:
        at.batches.append(batch)


def _batch(at: _Place) -> _Batch:
    """Return the receiver or provider that is open; one that is not opened by an HL is a receiver."""
    if not at.batches or at.batches[-1].transaction != at.transaction:
        at.batches.append(_Batch("receiver", at.transaction))
    outer = at.batches[-1]
    return outer.inner[-1] if outer.inner else outer


# QTY01 and AMT01 of a receiver (2200B) and a provider (2200C) of a 277CA.
_COUNTED = {"90": "accepted", "QA": "accepted", "AA": "rejected", "QC": "rejected"}


def _qty(at: _Place, fields: list[str]) -> dict[str, Any] | None:
    """Take a count of the batch; return a row where it rejects some and no status said so before."""
    standing, count = _COUNTED.get(_field(fields, 1)), _whole(_field(fields, 2))
    if not standing or count is None or at.level == "claim":
        return None
    batch = _batch(at)
    batch.counts[standing] = count
    if standing == "accepted" or not count or batch.row is not None:
        return None
    batch.row = {"level": batch.level, "standing": standing, "batch_cents": None}
    return batch.row


def _amt(at: _Place, fields: list[str]) -> None:
    if _field(fields, 1) == "YY" and at.level != "claim":
        _batch(at).cents = _cents(_field(fields, 2))


def _count_unlisted(batches: list[_Batch], rows: list[dict[str, Any]]) -> None:
    """Write to each batch's row how many claims it accepts and rejects that are not listed."""
    worst: dict[int, str] = {}
    charge: dict[int, int] = {}
    for row in rows:
        if (claim := row.get("claim")) is not None:
            worst[claim] = min(worst.get(claim, row["standing"]), row["standing"], key=_WORST.index)
            charge[claim] = max(charge.get(claim, 0), row["billed_cents"] or 0)
    for batch in batches:
        listed = Counter(worst.get(claim, "unknown") for claim in batch.claims)
        cents = sum(charge.get(c, 0) for c in batch.claims if worst.get(c) == "rejected")
        for one in batch.inner:
            own = Counter(worst.get(claim, "unknown") for claim in one.claims)
            rejected = sum(charge.get(c, 0) for c in one.claims if worst.get(c) == "rejected")
            added = _unlisted(one, own, rejected)
            listed += own + added
            cents += rejected + (one.row or {}).get("unlisted_rejected_cents", 0)
        _unlisted(batch, listed, cents)


def _unlisted(batch: _Batch, listed: Counter[str], cents: int) -> Counter[str]:
    """Write to a batch's row what it counts and does not list, and return it."""
    row, stated = batch.row, batch.counts
    if row is None:
        return Counter()
    room = max(0, sum(stated.values()) - listed.total())
    rejected = min(room, max(0, stated.get("rejected", 0) - listed["rejected"]))
    accepted = min(room - rejected, max(0, stated.get("accepted", 0) - listed["accepted"]))
    if row["standing"] == "rejected" and not stated and not listed:
        rejected, row["uncounted"] = 1, True
    if rejected:
        amount = batch.cents if batch.cents is not None else row["batch_cents"]
        row["unlisted_rejected_cents"] = max(0, (amount or 0) - cents)
    row |= {"unlisted_rejected": rejected, "unlisted_accepted": accepted}
    return Counter(rejected=rejected, accepted=accepted)


def _trn(at: _Place, fields: list[str]) -> None:
    if at.level == "claim":  # every trace number below a patient is a claim of its own
        at.claim += 1
        at.in_claim, at.line = True, False
        _batch(at).claims.add(at.claim)


def _svc(at: _Place, fields: list[str]) -> None:
    at.line = True


def _stc(at: _Place, fields: list[str]) -> dict[str, Any]:
    """Return one STC: up to three statuses, of which the first says where the claim stands."""
    if at.level == "claim" and not at.in_claim:
        _trn(at, fields)
    said = [_field(fields, n).split(at.parts) for n in (1, 10, 11) if _field(fields, n)]
    categories = [_code(parts, 0) for parts in said]
    codes = [_code(parts, 1) for parts in said]
    known = [status_categories().get(category) for category in categories]
    standings = [row.standing if row else "unknown" for row in known]
    on_claim = at.level == "claim"
    found = {
        "level": "line" if at.line else at.level or "receiver",
        "claim": at.claim if on_claim else None,
        "standing": min(standings, key=_WORST.index) if standings else "unknown",
        "category_code": categories[0] if categories else "",
        "category_says": known[0].says if known and known[0] else "",
        "status_codes": " ".join(dict.fromkeys(code for code in codes if code)),
        "status_says": "; ".join(dict.fromkeys(says for c in codes if (says := _status_says(c)))),
        "entity_codes": " ".join(dict.fromkeys(e for parts in said if (e := _code(parts, 2)))),
        "billed_cents": _cents(_field(fields, 4)) if on_claim and not at.line else None,
    }
    if not on_claim:
        batch = _batch(at)
        first = batch.row
        if first is None or _WORST.index(found["standing"]) < _WORST.index(first["standing"]):
            batch.row = found | {"batch_cents": _cents(_field(fields, 4))}
            return batch.row
    return found


_SHORT = re.compile(r"[A-Z0-9]{1,5}")


def _code(parts: list[str], number: int) -> str:
    """Return a component that has the form of a code; anything longer is never repeated."""
    text = parts[number].strip().upper() if number < len(parts) else ""
    return text if _SHORT.fullmatch(text) else ""


@lru_cache(maxsize=4096)
def _status_says(code: str) -> str:
    row = status_codes().get(code)
    return row.says if row else ""


def _cents(text: str) -> int | None:
    if not re.fullmatch(r"\d{1,12}(\.\d{1,2})?|\.\d{1,2}", text):
        return None
    whole, _, part = text.partition(".")
    return int(whole or 0) * 100 + int(part.ljust(2, "0") or 0)


def _ik3(at: _Place, fields: list[str]) -> dict[str, Any]:
    at.last = {
        "segment": _name(_field(fields, 1)),
        "place": _number(_field(fields, 2)),
        "loop": _code(fields, 3),
    }
    return _error("segment", _code(fields, 4)) | at.last


def _ik4(at: _Place, fields: list[str]) -> dict[str, Any]:
    # IK404 is a copy of the claim's own content: it is never read.
    place = _field(fields, 1).split(at.parts)
    numbers = [f"{int(p):02d}" for p in place[:1] if p.isdigit()]
    numbers += [p for p in place[1:2] if p.isdigit()]
    return (
        _error("element", _code(fields, 3))
        | (at.last or {})
        | {"element": "-".join(numbers) or None}
    )


def _ak1(at: _Place, fields: list[str]) -> None:
    at.listed = []


def _ik5(at: _Place, fields: list[str]) -> dict[str, Any]:
    at.last = None
    found = _error("transaction", _code(fields, 1))
    at.listed.append(found)
    return found


def _ak9(at: _Place, fields: list[str]) -> dict[str, Any]:
    """Return the group's standing, and how many of its transactions are not listed (AK902, AK904)."""
    found = _error("group", _code(fields, 1))
    held, taken = _whole(_field(fields, 2)), _whole(_field(fields, 4))
    if found["standing"] == "rejected":
        for one in at.listed:  # none of a rejected group was taken in, whatever is said of each
            one["standing"] = "rejected" if one["standing"] == "accepted" else one["standing"]
        taken = 0
        if held is None and not at.listed:
            held, found["uncounted"] = 1, True
    listed = Counter(one["standing"] for one in at.listed)
    if held is not None and taken is not None:
        room = max(0, held - listed.total())
        rejected = min(room, max(0, held - taken - listed["rejected"]))
        found["unlisted_rejected"] = rejected
        found["unlisted_accepted"] = min(room - rejected, max(0, taken - listed["accepted"]))
    return found


def _ta1(fields: list[str]) -> dict[str, Any]:
    """Return a TA1: whether an interchange that was sent was taken in, and why not."""
    found = _error("interchange", _code(fields, 4))
    note = acknowledgment_codes().get(("note", _code(fields, 5)))
    if note and found["standing"] != "accepted":
        found["error_says"] = f"{found['error_says']}; {note.says}"
    if found["standing"] == "rejected":
        found |= {"unlisted_rejected": 1, "uncounted": True}
    return found


def _error(level: str, code: str) -> dict[str, Any]:
    row = acknowledgment_codes().get((level, code))
    return {
        "level": level,
        "standing": row.standing if row else "unknown",
        "error_code": code,
        "error_says": row.says if row else "",
    }


def _whole(text: str) -> int | None:
    """Return a count as X12 writes it; None if it is none."""
    return int(text.partition(".")[0]) if re.fullmatch(r"\d{1,9}(\.0*)?", text) else None


def _name(text: str) -> str:
    return text if re.fullmatch(r"[A-Z][A-Z0-9]{1,2}", text) else ""


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"\d{1,9}", text) else None


_STATUS, _ACKNOWLEDGED = ("277",), ("999", "997")
_READ = {
    "HL": (_STATUS, _hl),
    "TRN": (_STATUS, _trn),
    "SVC": (_STATUS, _svc),
    "STC": (_STATUS, _stc),
    "QTY": (_STATUS, _qty),
    "AMT": (_STATUS, _amt),
    "AK1": (_ACKNOWLEDGED, _ak1),
    "IK3": (_ACKNOWLEDGED, _ik3),
    "AK3": (_ACKNOWLEDGED, _ik3),
    "IK4": (_ACKNOWLEDGED, _ik4),
    "AK4": (_ACKNOWLEDGED, _ik4),
    "IK5": (_ACKNOWLEDGED, _ik5),
    "AK5": (_ACKNOWLEDGED, _ik5),
    "AK9": (_ACKNOWLEDGED, _ak9),
}


def _findings(envelope: Envelope, table: pd.DataFrame, uncounted: list[int]) -> list[tuple]:
    found = [tuple(finding) for finding in envelope.findings]
    if envelope.cut:
        says = "the file stops in the middle of a segment; ask for the whole file"
        found.append((envelope.cut.row, envelope.cut.segment_id, "file_cut", says))
    counts = _standings(table)
    names = " and ".join(dict.fromkeys(table["kind"])) or "file without a status"
    unit = "transaction"
    if table["kind"].str.startswith("277").any():
        unit = "claim"
    elif table["kind"].eq("TA1").all():
        unit = "interchange"
    rejected = counts["rejected"]
    found.append(
        (
            None,
            "ST01",
            "rejections_kept_apart",
            f"this is a {names}: {rejected:,} {unit}{'' if rejected == 1 else 's'} rejected, "
            f"{counts['accepted']:,} accepted; a rejection is not a denial and is "
            "not counted as one: fix it and resend it within the filing limit",
        )
    )
    batches = table[table["unlisted_rejected"].fillna(0).gt(0) & table["level"].ne("interchange")]
    if len(batches):
        count, first = int(batches["unlisted_rejected"].sum()), int(batches["row"].min())
        says = (
            f"rejected with a whole batch, and not listed in the file: {count:,} {unit}"
            f"{'' if count == 1 else 's'}; correct the batch and send it again"
        )
        found.append((first, "STC01, AK901 or TA104", "batch_rejected", says))
    if uncounted:
        says = f"batches rejected without a number of claims: {len(uncounted):,}, this one first; each counts as 1: check what was sent"
        found.append((uncounted[0], "QTY, AK902 or TA1", "batch_not_counted", says))
    unknown = table[table["standing"].eq("unknown")]
    for column, part in (
        ("STC01", unknown[unknown["category_code"].notna()]),
        ("IK304, IK403, IK501 or AK901", unknown[unknown["category_code"].isna()]),
    ):
        if len(part):
            says = f"{len(part):,} rows, this one first, have an unknown code"
            found.append((int(part["row"].iloc[0]), column, "code_not_on_file", says))
    return found

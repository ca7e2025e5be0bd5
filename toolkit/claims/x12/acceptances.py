"""What a 277CA says of one claim: the proof that the payer took it in, and when."""

from datetime import date
from pathlib import Path

import msgspec

from toolkit.claims.x12.envelope import open_envelope
from toolkit.claims.x12.rejections import fields_of, read_acknowledgment
from toolkit.errors import InputError, RefusedError, not_opened


class Acceptance(msgspec.Struct, frozen=True):
    """One claim's status in a 277CA, with the numbers that tie it to the claim."""

    category_code: str  # A1, A2 ...
    says: str
    status_codes: str
    status_day: date | None
    payer: str
    payer_claim_control_number: str
    billed_cents: int | None

    def __repr__(self) -> str:
        return f"Acceptance({self.category_code!r})"


def acceptance_of(path: Path, account: str) -> Acceptance:
    """Return how the 277CA accepted the claim with this patient control number.

    Raises RefusedError if the file does not prove that the payer has the claim: it is a 999, it
    does not name the claim, or it rejects it.
    """
    name = path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be opened ({not_opened(error)})") from None
    table = read_acknowledgment(path).rejections
    proof = ("the payer's 277CA that accepts the claim, or another proof of its receipt",)
    if not table["kind"].eq("277CA").any():
        raise RefusedError(
            f"{name}: a {table['kind'].iloc[0]} shows that a file arrived, not that the payer accepted the claim.",
            needs=proof,
        )
    on_claim = table[table["level"].eq("claim")].set_index("row")
    found = [
        (on_claim.loc[row], fields, said)
        for row, fields, said in _statuses(data, name)
        if row in on_claim.index and account and said.get("account") == account
    ]
    if not found:
        raise RefusedError(f"{name}: does not name this claim.", needs=proof)
    if any(row["standing"] != "accepted" for row, _, _ in found):
        raise RefusedError(f"{name}: does not accept this claim.", needs=proof)
    row, fields, said = found[-1]
    return Acceptance(
        category_code=str(row["category_code"]),
        says=str(row["category_says"]),
        status_codes=str(row["status_codes"]),
        status_day=_day(fields[2] if len(fields) > 2 else ""),
        payer=said.get("payer", ""),
        payer_claim_control_number=said.get("number", ""),
        billed_cents=None if row["billed_cents"] is None else _whole(row["billed_cents"]),
    )


def _statuses(data: bytes, name: str):
    """Return each STC with its segment number and the names that stand around it."""
    found: list[tuple[int, list[str], dict[str, str]]] = []
    for batch in open_envelope(data, name).batches:
        payer = ""
        said: dict[str, str] = {}
        for row, fields in fields_of(batch):
            more = fields[1:] + [""] * 4
            if fields[0] == "HL":
                said = {"payer": payer}
            elif fields[0] == "NM1" and more[0] in ("PR", "AY"):
                payer = said["payer"] = more[2]
            elif fields[0] == "TRN" and more[0] == "2":
                said["account"] = more[1]
            elif fields[0] == "REF" and more[0] == "1K":
                said["number"] = more[1]
            elif fields[0] == "STC":
                found.append((row, fields, said))
    return found


def _day(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None


def _whole(cents) -> int | None:
    try:
        return int(cents)
    except (TypeError, ValueError):
        return None

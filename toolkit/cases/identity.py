"""Which claim and which line a case is of, as far as a file states it, and when two are the same.

The comparison is that of `toolkit.history.identity`. A case keeps every identity under which it was
ever seen, so that a payer who is respelled today and given an id tomorrow is recognized both times.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from toolkit.history.identity import (
    ClaimIdentity,
    LineIdentity,
    Match,
    paired,
    same_claim,
    same_line,
    spelled_alike,
)


class CaseIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated of a case's claim, and of its line.

    `lines` are the case's line and those of its claim that could be taken for it, in the order of the
    file; `turn` is the place of the case's own among them. No lines: the case is of the claim itself,
    or, with `line_unknown`, of a line that was not kept.
    """

    claim: ClaimIdentity
    lines: tuple[LineIdentity, ...] = ()
    turn: int = 0
    line_unknown: bool = False

    @property
    def line(self) -> LineIdentity | None:
        """The case's own line; None if it is of the claim itself."""
        return self.lines[self.turn] if self.lines else None

    def __repr__(self) -> str:
        return "CaseIdentity(...)"  # its numbers may identify a patient


def match(stored: CaseIdentity, today: CaseIdentity) -> Match:
    """Return whether a stored case is of today's claim and line: same, maybe or other."""
    if stored == today:
        return "same"
    claim = same_claim(stored.claim, today.claim)
    line = _match_line(stored, today)
    if "other" in (claim, line):
        return "other"
    return "same" if claim == line == "same" else "maybe"


def _match_line(stored: CaseIdentity, today: CaseIdentity) -> Match:
    if stored.line_unknown or bool(stored.lines) != bool(today.lines):
        return "maybe"  # what one file says of the claim, another may say of its line
    if not stored.lines:
        return "same"
    pairs = paired(stored.lines, today.lines)
    if (stored.turn, today.turn) in pairs.pairs:
        return "same"
    taken = {one for one, _ in pairs.pairs} | {-1 - other for _, other in pairs.pairs}
    if stored.turn in taken or -1 - today.turn in taken:
        return "other"
    if stored.line is None or today.line is None:
        return "maybe"
    return "maybe" if same_line(stored.line, today.line) != "other" else "other"


def numbers(identity: CaseIdentity) -> tuple[str, ...]:
    """Return the numbers under which a case is looked up: our account number and the payer's."""
    return claim_numbers(identity.claim)


def claim_numbers(claim: ClaimIdentity) -> tuple[str, ...]:
    """Return the numbers under which the cases of a claim are looked up (see `numbers`)."""
    ours = [f"account {claim.account}"] if claim.account else []
    return (*ours, *(f"payer {one}" for one in sorted(claim.payer_numbers)))


def key_of(identity: CaseIdentity) -> str:
    """Return the key of a new case: a hash of what is stated of its claim and its line."""
    claim, line = identity.claim, identity.line
    alike = identity.lines[: identity.turn].count(line) if line else 0
    name = spelled_alike(claim.payer_name) if claim.payer_name else None
    stated = (msgspec.structs.replace(claim, payer_name=name), line, alike)
    text = msgspec.json.encode(stated, order="deterministic")
    return "c-" + hashlib.sha256(text).hexdigest()[:20]


def claim_identity(row: Mapping[str, Any]) -> ClaimIdentity:
    """Return what a row of the table of claims (plain Python values) states of the claim."""
    of_payer = (row.get("payer_claim_control_number"), row.get("original_reference"))
    return ClaimIdentity(
        account=row.get("patient_control_number"),
        payer_numbers=frozenset(str(one) for one in of_payer if one),
        payer_id=row.get("payer_id"),
        payer_name=row.get("payer_name"),
        service_from=row.get("service_from"),
        service_to=row.get("service_to"),
    )


def line_identity(row: Mapping[str, Any]) -> LineIdentity:
    """Return what a row of the table of claim lines (plain Python values) states of the line."""
    billed = row.get("billed_cents")
    return LineIdentity(
        control_number=row.get("line_control_number"),
        procedure_code=row.get("procedure_code"),
        modifiers=row.get("modifiers"),
        revenue_code=row.get("revenue_code"),
        service_from=row.get("service_from"),
        billed_cents=None if billed is None else abs(billed),
    )


def identity_of(
    claim: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], at: int | None
) -> CaseIdentity:
    """Return the identity of the case of a claim's line; `at` is its place, None: the claim itself."""
    if at is None:
        return CaseIdentity(claim=claim_identity(claim))
    every = [line_identity(line) for line in lines]
    mine = every[at]
    alike = [n for n, one in enumerate(every) if n == at or same_line(mine, one) != "other"]
    return CaseIdentity(
        claim=claim_identity(claim),
        lines=tuple(every[n] for n in alike),
        turn=alike.index(at),
    )


def plain(value: Any) -> Any:
    """Return a cell of a frame as plain text, date or whole number; None if it is empty."""
    if value is None or str(value) in {"", "NaT", "<NA>", "nan"}:
        return None
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime().date()
    if hasattr(value, "hour"):
        return value.date()
    if isinstance(value, str | date):
        return value
    if isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"}:
        return "yes" if value else "no"
    return int(value)

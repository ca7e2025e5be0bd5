"""Find payers and payees that are named again between the claims of a transaction.

Files that were joined without their envelopes name the next payer (N1*PR, with its REF) and payee
(N1*PE) after claims of another. X12 has no such place: a parser reads them as the transaction's, and
every claim keeps the first payer. Here each claim gets the one that was named last before it.
"""

from dataclasses import dataclass, field

import numpy as np

from toolkit.claims.x12.regular import Block, Judged, Rules

PAYER = ("payer_name", "payer_id")
PAYEE = ("provider_name", "provider_npi")
_ENDS = ("N1", "LX", "CLP", "PLB", "SE", "ST", "GE", "IEA")

Names = dict[str, str | None]


@dataclass
class Parties:
    """Which payer and payee the claims of a part have, where it is not their transaction's first."""

    named: list[Names] = field(default_factory=list)
    of_claim: dict[int, int] = field(default_factory=dict)  # place of the CLP -> number in `named`
    rows: list[int] = field(default_factory=list)  # segments that name one again
    last: Names = field(default_factory=dict)  # for what goes on in the next part


def parties(block: Block, judged: Judged, about: Rules, before: Names, *, goes_on: bool) -> Parties:
    """Return the payers and payees named again; `before` are those named in the part before."""
    found = Parties()
    claims, starts = judged.starts("CLP"), judged.starts("ST")
    again = _again(judged, claims, starts)
    if not len(again) and not before:
        return found
    events = np.sort(np.concatenate((again, claims, starts)))
    names, number = before, -1
    named = set(again.tolist())
    opens = set(starts.tolist())
    for at in events.tolist():
        if at in opens:
            names, number = {}, -1
        elif at in named:
            more = _names(block, judged, about, at)
            if more:
                names, number = {**names, **more}, -1
                found.rows.append(int(block.rows[at]))
        elif names:
            if number < 0:
                number = len(found.named)
                found.named.append(names)
            found.of_claim[at] = number
    found.last = names if goes_on else {}
    return found


def _again(judged: Judged, claims: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the N1 segments behind a claim of their transaction, or in one begun a part before."""
    named = judged.starts("N1")
    if not len(named):
        return named
    named = named[judged.inside[named]]
    nothing = np.full(1, -1)
    claim = np.concatenate((nothing, claims))[np.searchsorted(claims, named)]
    begin = np.concatenate((nothing, starts))[np.searchsorted(starts, named)]
    return named[(claim > begin) | (begin < 0)]


def _names(block: Block, judged: Judged, about: Rules, at: int) -> Names:
    fields = _fields(block, at)
    kind = fields[1] if len(fields) > 1 else ""
    name, code, number = ((fields + [""] * 5)[n] or None for n in (2, 3, 4))
    if kind == "PE":
        return {"provider_name": name, "provider_npi": number if code == "XX" else None}
    if kind != "PR":
        return {}
    return {"payer_name": name, "payer_id": number or _reference(block, about, at)}


def _reference(block: Block, about: Rules, at: int) -> str | None:
    """Return the payer's number from the REF (2U, NF) behind its N1."""
    ends = {about.number(name) for name in _ENDS if name in about.names}
    reference, found = about.number("REF"), {}
    for place in range(at + 1, len(block)):
        if block.kind[place] in ends:
            break
        if block.kind[place] == reference:
            fields = _fields(block, place)
            if len(fields) > 2:
                found.setdefault(fields[1], fields[2])
    return found.get("2U") or found.get("NF") or None


def _fields(block: Block, at: int) -> list[str]:
    parts = block.bytes_of(at)[:-1].split(block.delimiters.element)
    return [part.decode("utf-8", "replace").strip() for part in parts]

"""An export and a remittance that tell of one decision are one claim, not two denials.

The remittance is the payer's word, so its codes and amounts stand; the export adds what only the
hospital knows: the notice and its receipt, the plan, the owner, whether the case is open, the appeals.
Every rule looks at one account number only.
"""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd

from toolkit.claims.tables import Claims, conform
from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Account, account
from toolkit.history.identity import paired, same_claim, spelled_alike
from toolkit.history.table import decisions_of, mentioned

# What the payer's own statement decides; an export fills none of these.
_OF_THE_PAYER = frozenset(
    {
        "claim_key", "file_id", "row", "claim_status", "is_reversal", "remittance_date",
        "earliest_remittance_date", "billed_cents", "paid_cents", "allowed_cents",
        "patient_responsibility_cents",
    }
)  # fmt: skip
_KEYS = frozenset({"claim_key", "line_key", "adjustment_key", "file_id", "row"})


class Joint(msgspec.Struct, frozen=True):
    """A claim of an export and the claim of a remittance that is the same decision, by place, with
    the lines that are the same.
    """

    export: int
    remittance: int
    lines: tuple[tuple[int, int], ...] = ()


# What is true of a claim whichever decision is on it.
_OF_THE_CLAIM = (
    "patient_name", "member_id", "birth_date", "payer_id", "payer_name", "plan_name", "program",
    "claim_filing_indicator", "contracted", "facility", "provider_name", "provider_npi", "owner",
)  # fmt: skip


class Joints(msgspec.Struct, frozen=True):
    """The claims that are one decision, and those of one claim: an export's, then a remittance's."""

    decisions: list[Joint]
    claims: list[tuple[int, int]]


def joined(claims: Claims) -> Claims:
    """Return the tables in which a decision that an export and a remittance both state is one claim.

    What an export says of a claim (plan, program, owner) holds for the remittances' later decisions
    too. A finding counts the decisions for each pair of files.
    """
    joints = _joints(claims)
    if joints.claims:
        never = frozenset(claims.claims) - frozenset(_OF_THE_CLAIM)
        source, target = map(list, zip(*joints.claims, strict=True))
        claims = replace(claims, claims=_filled(claims.claims, source, target, never))
    found = joints.decisions
    if not found:
        return claims
    exports = [one.export for one in found]
    payers = [one.remittance for one in found]
    lines = [pair for one in found for pair in one.lines]
    line_from, line_to = [one for one, _ in lines], [other for _, other in lines]
    table = _filled(claims.claims, exports, payers, _OF_THE_PAYER)
    table = _with_earliest(table, payers)
    keys = claims.claims["claim_key"]
    line_keys = claims.claim_lines["line_key"]
    claim_of = dict(zip(keys.iloc[exports], keys.iloc[payers], strict=True))
    line_of = dict(zip(line_keys.iloc[line_from], line_keys.iloc[line_to], strict=True))
    gone = set(claim_of)
    adjustments = _with_texts(claims.adjustments, claim_of, line_of)
    return replace(
        claims,
        claims=table[~table["claim_key"].isin(gone)].reset_index(drop=True),
        claim_lines=_without(
            _filled(claims.claim_lines, line_from, line_to, _KEYS | {"billed_cents", "paid_cents"}),
            gone,
        ),
        adjustments=_without(adjustments, gone),
        remark_codes=_without(claims.remark_codes, gone),
        appeal_events=_moved(claims.appeal_events, claim_of, line_of),
        findings=pd.concat(
            [claims.findings, _findings(claims, exports, payers)], ignore_index=True
        ),
    )


def _joints(claims: Claims) -> Joints:
    table = claims.claims
    source = claims.files.drop_duplicates("file_id").set_index("file_id")["source"]
    export = table["file_id"].map(source).eq("export").to_numpy(dtype=bool, na_value=False)
    found = Joints([], [])
    if export.all() or not export.any():
        return found
    at, number, _ = mentioned(table)
    if not len(at):
        return found
    of_export = pd.Series(export[at]).groupby(number).transform("mean").to_numpy()
    both = (of_export > 0) & (of_export < 1)
    groups: dict[int, list[Decision]] = {}
    for of, one in zip(number[both].tolist(), decisions_of(claims, at[both]), strict=True):
        groups.setdefault(of, []).append(one)
    for some in groups.values():
        _add(found, account(some))
    return found


def _add(found: Joints, known: Account) -> None:
    """Add the joints of one account."""
    theirs = [
        one
        for order in known.claims
        for one in order
        if one.source != "export" and one.decides and not one.reverses
    ]
    for order in known.claims:
        mine = [one for one in order if one.source != "export" and one in theirs]
        for one in order:
            if one.source != "export" or not one.decides or one.reverses:
                continue
            joint = _joint(one, mine)
            found.claims.extend((one.place, other.place) for other in mine)
            if joint is None:
                others = [other for other in theirs if other not in mine and _one_claim(one, other)]
                joint = _joint(one, others) if _of_one_payer(others) else None
                if joint:
                    found.claims.append((one.place, joint.remittance))
            found.decisions.extend([joint] if joint else [])


def _one_claim(one: Decision, other: Decision) -> bool:
    """Say whether two statements can be of one claim, although they spell the payer otherwise.

    Hospitals name payers in their own words. Two payer ids are two payers.
    """
    mine, theirs = (
        msgspec.structs.replace(decision.identity, payer_name=None) for decision in (one, other)
    )
    return same_claim(mine, theirs) != "other"


def _of_one_payer(decisions: Sequence[Decision]) -> bool:
    """Say whether decisions are of one payer, so that a row can be of none other."""
    who = {
        (one.identity.payer_id, spelled_alike(one.identity.payer_name or "")) for one in decisions
    }
    return len(who) == 1


def _joint(one: Decision, theirs: Sequence[Decision]) -> Joint | None:
    """Return the remittance's decision that an export's row repeats: the nearest in time that agrees."""
    fits = []
    for other in theirs:
        lines = _same_reasons(one, other)
        if lines is None:
            continue
        apart = 0 if None in (one.day, other.day) else abs((one.day - other.day).days)
        if apart and _decided_between(one, other, theirs):
            continue
        fits.append((apart, -(other.day.toordinal() if other.day else 0), other.tie, other, lines))
    if not fits:
        return None
    _, _, _, other, lines = min(fits, key=lambda fit: fit[:3])
    return Joint(one.place, other.place, tuple(lines))


def _decided_between(one: Decision, other: Decision, theirs: Sequence[Decision]) -> bool:
    """Say whether the payer decided otherwise between the two days."""
    if one.day is None or other.day is None:
        return False
    first, last = sorted((one.day, other.day))
    return any(
        between.day is not None and first < between.day <= last and between is not other
        for between in theirs
    )


def _same_reasons(one: Decision, other: Decision) -> list[tuple[int, int]] | None:
    """Return the pairs of lines by which two decisions are the same; None where they differ."""
    if not (one.reasons or any(line.reasons for line in one.lines)):
        return None
    if one.lines and other.lines:
        pairs = paired([x.identity for x in one.lines], [x.identity for x in other.lines]).pairs
        if len(pairs) < len(one.lines):
            return None
        both = [(one.lines[mine], other.lines[its]) for mine, its in pairs]
        agree = all(_agree(mine.reasons, its.reasons + other.reasons) for mine, its in both)
        same = agree and _agree(one.reasons, _all(other))
        return [(mine.place, its.place) for mine, its in both] if same else None
    same_charge = None in (one.billed, other.billed) or one.billed == other.billed
    return [] if same_charge and _agree(_all(one), _all(other)) else None


def _all(one: Decision) -> tuple:
    lines: tuple[Line, ...] = one.lines
    return (*one.reasons, *(reason for line in lines for reason in line.reasons))


def _agree(mine: tuple, theirs: tuple) -> bool:
    """Say whether each of my reasons is among theirs, as far as codes are stated."""
    codes = [pair.partition("-")[::2] for pair, _ in theirs]
    for pair, _ in mine:
        group, _, carc = pair.partition("-")
        fits = [
            (not carc or carc == its) and (not group or not of or group == of) for of, its in codes
        ]
        if not any(fits):
            return False
    return True


# --- the tables ------------------------------------------------------------------------------------


def _filled(
    table: pd.DataFrame, source: list[int], target: list[int], never: frozenset[str]
) -> pd.DataFrame:
    """Return the rows `target` with what the rows `source` state where they state nothing."""
    if not source:
        return table
    columns = {}
    for name in table:
        column = table[name]
        if name not in never:
            blank = column.iloc[target].isna().to_numpy()
            if blank.any():
                take = np.arange(len(table))
                take[np.array(target)[blank]] = np.array(source)[blank]
                column = pd.Series(column.array.take(take))
        columns[name] = column
    return pd.DataFrame(columns)


def _with_earliest(table: pd.DataFrame, payers: list[int]) -> pd.DataFrame:
    """Return the claims in which `file_by` also heeds the remittance's day, not only the notice's."""
    at = np.array(payers)
    noticed = table["notice_date"].iloc[at].notna().to_numpy()
    if not noticed.any():
        return table
    own = table["remittance_date"].iloc[at[noticed]].to_numpy()
    before = table["earliest_remittance_date"].iloc[at[noticed]].to_numpy()
    days = table["earliest_remittance_date"].to_numpy(copy=True)
    days[at[noticed]] = np.fmin(own, before)
    return table.assign(earliest_remittance_date=days.astype("datetime64[us]"))


def _without(table: pd.DataFrame, gone: set[str]) -> pd.DataFrame:
    return table[~table["claim_key"].isin(gone)].reset_index(drop=True)


def _moved(events: pd.DataFrame, claim_of: dict, line_of: dict) -> pd.DataFrame:
    """Return the appeals of the claims that were joined as those of the remittance's claims."""
    mine = events["claim_key"].isin(claim_of)
    if not mine.any():
        return events
    line = events["line_key"].map(line_of).where(events["line_key"].isin(line_of))
    return conform(
        events.assign(
            claim_key=events["claim_key"].where(~mine, events["claim_key"].map(claim_of)),
            line_key=events["line_key"].where(~mine, line),
        ),
        "appeal_events",
    )


def _with_texts(table: pd.DataFrame, claim_of: dict, line_of: dict) -> pd.DataFrame:
    """Return the adjustments with the export's words where the remittance has the same code."""
    said = table[table["claim_key"].isin(claim_of) & table["denial_text"].notna()]
    if said.empty:
        return table
    words = {
        (line_of.get(line, claim_of[claim]), carc): text
        for claim, line, carc, text in zip(
            said["claim_key"], said["line_key"], said["carc"], said["denial_text"], strict=True
        )
    }
    places = table["line_key"].where(table["line_key"].notna(), table["claim_key"])
    found = [words.get(key) for key in zip(places, table["carc"], strict=True)]
    known = pd.Series(found, index=table.index, dtype="str")
    return table.assign(denial_text=table["denial_text"].where(table["denial_text"].notna(), known))


def _findings(claims: Claims, exports: list[int], payers: list[int]) -> pd.DataFrame:
    """Return one finding for each claim of an export that is a remittance's decision."""
    name = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    mine, theirs = claims.claims.iloc[exports], claims.claims.iloc[payers]
    others = theirs["file_id"].map(name).to_numpy()
    return conform(
        pd.DataFrame(
            {
                "file": mine["file_id"].map(name).to_numpy(),
                "file_id": mine["file_id"].to_numpy(),
                "row": mine["row"].array,
                "code": "joined_with_remittance",
                "says": [
                    f"the same decision as in {other}; it counts once, with the remittance's codes and "
                    "amounts and what only this file knows"
                    for other in others
                ],
            }
        ),
        "findings",
    )

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

from toolkit.claims.export.layouts import CLOSED
from toolkit.claims.tables import Claims, among, conform
from toolkit.history.decisions import Decision, Line
from toolkit.history.fold import Account, account
from toolkit.history.identity import paired, same_claim, spelled_alike
from toolkit.history.recorded import TRACKER_CLOSED
from toolkit.history.states import same_decision
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

    `on` are the lines of the remittance of which the export's row speaks, and `whole` says whether
    they are all that the claim denies. `differs` says that the export gives another reason.
    """

    export: int
    remittance: int
    lines: tuple[tuple[int, int], ...] = ()
    on: tuple[int, ...] = ()
    whole: bool = True
    differs: bool = False


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
        never = frozenset(map(str, claims.claims)) - frozenset(_OF_THE_CLAIM)
        source, target = map(list, zip(*joints.claims, strict=True))
        claims = replace(claims, claims=_filled(claims.claims, source, target, never))
    found = joints.decisions
    if not found:
        return claims
    exports = [one.export for one in found]
    payers = [one.remittance for one in found]
    lines = [pair for one in found for pair in one.lines]
    line_from, line_to = [one for one, _ in lines], [other for _, other in lines]
    part = [one for one in found if not one.whole]
    table = _filled(
        claims.claims,
        [one.export for one in found if one.whole],
        [one.remittance for one in found if one.whole],
        _OF_THE_PAYER,
    )
    table = _filled(
        table,
        [one.export for one in part],
        [one.remittance for one in part],
        _OF_THE_PAYER | {"case_status"},
    )
    table = _with_earliest(table, payers)
    keys = claims.claims["claim_key"]
    line_keys = claims.claim_lines["line_key"]
    claim_of = dict(zip(keys.iloc[exports], keys.iloc[payers], strict=True))
    line_of = dict(zip(line_keys.iloc[line_from], line_keys.iloc[line_to], strict=True))
    gone = set(claim_of)
    on_of = {keys.iloc[one.export]: [line_keys.iloc[at] for at in one.on] for one in part if one.on}
    adjustments = _with_texts(claims.adjustments, claim_of, line_of)
    return replace(
        claims,
        claims=_without(table, gone),
        claim_lines=_without(
            _filled(claims.claim_lines, line_from, line_to, _KEYS | {"billed_cents", "paid_cents"}),
            gone,
        ),
        adjustments=_without(adjustments, gone),
        remark_codes=_without(claims.remark_codes, gone),
        appeal_events=_moved(claims.appeal_events, claim_of, line_of, on_of),
        recorded_events=_closed_lines(claims, part),
        findings=pd.concat([claims.findings, _findings(claims, found)], ignore_index=True),
    )


def _joints(claims: Claims) -> Joints:
    table = claims.claims
    source = claims.files.drop_duplicates("file_id").set_index("file_id")["source"]
    export = table["file_id"].map(source).ne("remittance").to_numpy(dtype=bool, na_value=False)
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
        if one.source == "remittance" and one.decides and not one.reverses
    ]
    for order in known.claims:
        mine = [one for one in order if one.source == "remittance" and one in theirs]
        for one in order:
            if one.source == "remittance" or not one.decides or one.reverses:
                continue
            joint = _joint(one, mine)
            found.claims.extend((one.place, other.place) for other in mine)
            if joint is None:
                others = [other for other in theirs if other not in mine and _one_claim(one, other)]
                joint = _joint(one, others, same_reasons=True) if _of_one_payer(others) else None
                if joint:
                    found.claims.append((one.place, joint.remittance))
            found.decisions.extend([joint] if joint else [])


def _one_claim(one: Decision, other: Decision) -> bool:
    """Return whether two statements can be of one claim, although they spell the payer otherwise.

    Hospitals name payers in their own words. Two payer ids are two payers.
    """
    mine, theirs = (
        msgspec.structs.replace(decision.identity, payer_name=None) for decision in (one, other)
    )
    return same_claim(mine, theirs) != "other"


def _of_one_payer(decisions: Sequence[Decision]) -> bool:
    """Return whether decisions are of one payer, so that a row can be of none other."""
    who = {
        (one.identity.payer_id, spelled_alike(one.identity.payer_name or "")) for one in decisions
    }
    return len(who) == 1


def _joint(
    one: Decision, theirs: Sequence[Decision], *, same_reasons: bool = False
) -> Joint | None:
    """Return the remittance's decision that an export's row repeats: the nearest in time that agrees.

    Where none gives the same reason (and it may differ), one that denies the same lines for the same amounts, a few days
    apart at most: people retype codes.
    """
    for alike in (_same_reasons,) if same_reasons else (_same_reasons, _same_money):
        fits = []
        for other in theirs:
            found = alike(one, other)
            if found is None:
                continue
            apart = abs((one.day - other.day).days) if one.day and other.day else 0
            if apart and _decided_between(one, other, theirs):
                continue
            if alike is _same_money and apart > same_decision().days:
                continue
            later = -(other.day.toordinal() if other.day else 0)
            fits.append((apart, later, other.tie, other, found))
        if fits:
            _, _, _, other, found = min(fits, key=lambda fit: fit[:3])
            return _between(one, other, found, differs=alike is _same_money)
    return None


def _between(
    one: Decision, other: Decision, lines: list[tuple[int, int]], *, differs: bool
) -> Joint | None:
    """Return the joint of two decisions; None if a row without lines could be of several."""
    denied = [line.place for line in other.lines if line.reasons and not line.paid]
    on = tuple(its for _, its in lines)
    if not one.lines and other.lines:
        chosen = _lines_meant(one, other)
        if chosen is None:
            return None
        on = chosen
    whole = not other.lines or set(denied) <= set(on)
    mine = tuple(pair for pair in lines if pair[0] >= 0)
    return Joint(one.place, other.place, mine, () if whole else on, whole, differs)


def _lines_meant(one: Decision, other: Decision) -> tuple[int, ...] | None:
    """Return the lines of a remittance of which a row without lines speaks; None if it may be several."""
    said = _all(one)
    agree = [line for line in other.lines if line.reasons and _agree(said, line.reasons)]
    if len(agree) <= 1:
        return tuple(line.place for line in agree) or tuple(line.place for line in other.lines)
    total = sum(cents or 0 for _, cents in said)
    same = [line for line in agree if any(cents == total for _, cents in line.reasons)]
    if len(same) == 1:
        return (same[0].place,)
    sums = sum(cents or 0 for line in agree for _, cents in line.reasons)
    if not total or total == sums:
        return tuple(line.place for line in agree)
    return None


def _same_money(one: Decision, other: Decision) -> list[tuple[int, int]] | None:
    """Return the pairs of lines of two decisions that deny the same amounts, whatever the codes."""
    if not one.lines or not other.lines:
        return None
    pairs = paired([x.identity for x in one.lines], [x.identity for x in other.lines]).pairs
    if len(pairs) < len(one.lines):
        return None
    both = [(one.lines[mine], other.lines[its]) for mine, its in pairs]
    for mine, its in both:
        said = sum(cents or 0 for _, cents in mine.reasons)
        if not mine.reasons or said not in {cents for _, cents in its.reasons}:
            return None
    return [(mine.place, its.place) for mine, its in both]


def _decided_between(one: Decision, other: Decision, theirs: Sequence[Decision]) -> bool:
    """Return whether the payer decided otherwise between the two days."""
    if one.day is None or other.day is None:
        return False
    first, last = sorted((one.day, other.day))
    return any(
        between.day is not None and first < between.day <= last and between is not other
        for between in theirs
    )


def _same_reasons(one: Decision, other: Decision) -> list[tuple[int, int]] | None:
    """Return the pairs of lines by which two decisions are the same; None if they differ."""
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
    """Return whether each of my reasons is among theirs, as far as codes are stated."""
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
    return table[~among(table["claim_key"], gone)].reset_index(drop=True)


def _moved(
    events: pd.DataFrame, claim_of: dict, line_of: dict, on_of: dict[str, list[str]]
) -> pd.DataFrame:
    """Return the appeals of the claims that were joined as those of the remittance's claims.

    What an export says without a line is of the lines of which its row speaks.
    """
    mine = among(events["claim_key"], claim_of)
    if not mine.any():
        return events
    moved = []
    for row in events[mine].astype(object).to_dict("records"):
        lines = [line_of.get(row["line_key"])] if isinstance(row["line_key"], str) else [None]
        if lines == [None]:
            lines = list(on_of.get(row["claim_key"], [None]))
        claim = claim_of[row["claim_key"]]
        moved += [row | {"claim_key": claim, "line_key": line} for line in lines]
    kept = [events[~mine], conform(pd.DataFrame(moved), "appeal_events")]
    return pd.concat(kept, ignore_index=True)


def _closed_lines(claims: Claims, part: list[Joint]) -> pd.DataFrame:
    """Return the recorded events with the lines that a tracker closed, where it did not close the claim."""
    keys, lines = claims.claims["claim_key"], claims.claim_lines["line_key"]
    status = claims.claims["case_status"]
    rows = [
        {
            "claim_key": keys.iloc[one.remittance],
            "line_key": lines.iloc[at],
            "event": TRACKER_CLOSED,
            "who": "tracker",
        }
        for one in part
        if status.iloc[one.export] in CLOSED
        for at in one.on
    ]
    if not rows:
        return claims.recorded_events
    found = conform(pd.DataFrame(rows), "recorded_events")
    return pd.concat([claims.recorded_events, found], ignore_index=True)


def _with_texts(table: pd.DataFrame, claim_of: dict, line_of: dict) -> pd.DataFrame:
    """Return the adjustments with the export's words where the remittance has the same code."""
    said = table[among(table["claim_key"], claim_of) & table["denial_text"].notna()]
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


def _findings(claims: Claims, found: list[Joint]) -> pd.DataFrame:
    """Return one finding for each claim of an export that is a remittance's decision."""
    name = dict(zip(claims.files["file_id"], claims.files["file"], strict=True))
    mine = claims.claims.iloc[[one.export for one in found]]
    theirs = claims.claims.iloc[[one.remittance for one in found]]
    others = theirs["file_id"].map(name).to_numpy()
    says = [
        f"the same decision as in {other}; it counts once, with the remittance's codes and amounts and this file's additional facts"
        for other in others
    ]
    differ = [
        f"the reason differs from that in {other} for the same lines and amounts; the payer's is used"
        for other in others
    ]
    rows = [
        {
            "file": name.get(file_id),
            "file_id": file_id,
            "row": row,
            "column": "carc" if code == "reasons_differ" else None,
            "code": code,
            "says": words[at],
        }
        for at, (one, file_id, row) in enumerate(
            zip(found, mine["file_id"], mine["row"], strict=True)
        )
        for code, words in (
            ("joined_with_remittance", says),
            *([("reasons_differ", differ)] if one.differs else []),
        )
    ]
    return conform(pd.DataFrame(rows), "findings")

"""The appeals on file with what each disputes: one row per appeal, before they are counted."""

import numpy as np
import pandas as pd

from toolkit.claims.tables import Claims

_OF_CLAIM = ("payer_name", "facility", "program")
_LAST = np.iinfo("int64").min  # sorts a denial of unknown amount behind all others


def appeals(claims: Claims, worklist: pd.DataFrame) -> pd.DataFrame:
    """Return one row per appeal on file, with the denial that it disputes.

    `dispute_cents` is the denied amount of the line, or of all the claim's denials where the
    appeal concerns the claim; missing where no denial is on file for it. `denied_on` is the
    notice (else the remittance) of the denial; `is_first` marks the first appeal of a dispute.
    """
    events, facts = claims.appeal_events.reset_index(drop=True), claims.claims
    # Keys become numbers once; texts are slow to look up.
    (of_fact, of_denial, of_event), known = _numbers(
        facts["claim_key"], worklist["claim_key"], events["claim_key"]
    )
    (line, event_line), lines = _numbers(worklist["line_key"], events["line_key"])
    on_line = event_line >= 0
    denial, amount, category = _disputed(worklist, of_denial, line, known, lines)
    asked = np.where(on_line, known + of_event * lines + event_line, of_event)
    place = _found(denial, asked)

    fact = _first(of_fact, known)[of_event]
    named = _first(of_denial, known)[of_event]
    denied_on = facts["notice_date"].fillna(facts["remittance_date"])
    found = pd.DataFrame(
        {
            "claim_key": events["claim_key"],
            "line_key": events["line_key"],
            "file_id": events["file_id"],
            "row": events["row"],
            **{
                # The worklist knows more than the file: the hospital's payer table has been asked.
                c: _taken(worklist[c], named).fillna(_taken(facts[c], fact))
                for c in _OF_CLAIM
            },
            "denial_category": _taken(category, place).astype("str"),
            "dispute_cents": _taken(amount, place).astype("Int64"),
            "level": events["level"],
            "denied_on": _taken(denied_on, fact),
            "filed_on": events["filed_on"],
            "received_on": events["received_on"],
            "decided_on": events["decided_on"],
            "outcome": events["outcome"],
            "recovered_cents": events["recovered_cents"],
        }
    )
    order = found[["filed_on", "decided_on"]].sort_values(["filed_on", "decided_on"], kind="stable")
    dispute = pd.Series(of_event * (lines + 1) + event_line + 1).iloc[order.index]
    found["is_first"] = ~dispute.duplicated().reindex(found.index)
    return found


def _numbers(*columns: pd.Series) -> tuple[list[np.ndarray], int]:
    """Return the columns as numbers, the same for the same text, -1 where missing; how many."""
    number, distinct = pd.factorize(pd.concat([c.astype("str") for c in columns]))
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return np.split(number, ends), len(distinct)


def _disputed(
    worklist: pd.DataFrame, claim: np.ndarray, line: np.ndarray, known: int, lines: int
) -> tuple[np.ndarray, pd.Series, pd.Series]:
    """Return what an appeal can dispute, a claim or a line of it: number, dollars, category.

    The category of a claim's appeal is that of its largest denial. Numbers are in order.
    """
    cents = worklist["denied_cents"].fillna(0).to_numpy("int64")
    size = worklist["denied_cents"].fillna(_LAST + 1).to_numpy("int64")
    on_line = np.flatnonzero(line >= 0)
    number = np.concatenate([claim, known + claim[on_line] * lines + line[on_line]])
    row = np.concatenate([np.arange(len(worklist)), on_line])
    code, distinct = pd.factorize(number, sort=True)
    amount = np.zeros(len(distinct), "int64")
    np.add.at(amount, code, cents[row])
    category = worklist["denial_category"]
    named = category.notna().to_numpy()[row]
    largest = np.argsort(-size[row[named]], kind="stable")
    first = _first(code[named][largest], len(distinct))
    place = np.where(first >= 0, row[named][largest][first] if named.any() else -1, -1)
    return distinct, pd.Series(amount), _taken(category, place)


def _first(number: np.ndarray, size: int) -> np.ndarray:
    """Return where each number below `size` stands first; -1 where it does not stand."""
    place = np.full(size, -1)
    place[number[::-1]] = np.arange(len(number))[::-1]  # the last one written is the first
    return place


def _found(ordered: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the places of the numbers asked for among the ordered ones; -1 where absent."""
    if not len(ordered):
        return np.full(len(asked), -1)
    place = np.searchsorted(ordered, asked).clip(max=len(ordered) - 1)
    return np.where(ordered[place] == asked, place, -1)


def _taken(column: pd.Series, places: np.ndarray) -> pd.Series:
    """Return the column at these places; missing where the place is -1."""
    return pd.Series(column.array.take(places, allow_fill=True))

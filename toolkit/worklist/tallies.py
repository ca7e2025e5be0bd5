"""What a worklist adds up to, part by part, and which of its rows a number names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from toolkit.claims import tables as canonical
from toolkit.denials.codes import shown
from toolkit.errors import RefusedError, UsageError
from toolkit.hospital.payers import SELF_PAY, is_self_pay
from toolkit.worklist.keys import Coded, coded, combined
from toolkit.worklist.table import DUE


def dollars(cents: int | None) -> str:
    """Return whole cents as a plain text of dollars with two decimals; nothing for None."""
    if cents is None or cents is pd.NA:
        return ""
    return canonical.dollars(cents)


@dataclass(frozen=True)
class Tally:
    """What a worklist, or a part of it, adds to the summary: counts and cents by group."""

    by_due: pd.DataFrame
    by_gap: pd.DataFrame
    by_code: pd.DataFrame


_COUNTS = ("size", "sum", "unknown")
# The texts of a worklist by which a tally counts.
TALLIED = ("due", "gap", "payer_name", "denial_category", "group_code", "carc")


def tally(worklist: pd.DataFrame) -> Tally:
    """Return counts by due state, by gap and payer, and by unknown code.

    `size` counts denials, `sum` adds up their cents, `unknown` counts those that state none.
    """
    texts = {name: coded(worklist[name]) for name in TALLIED}
    return tally_of(texts, worklist["denied_cents"].array)


def tally_of(texts: Mapping[str, Coded], denied_cents: pd.arrays.IntegerArray) -> Tally:
    """Return the tally of a worklist's columns: TALLIED, and its denied cents."""
    counted = _Counted(texts, denied_cents)
    new = np.flatnonzero(texts["denial_category"].isin({"unclassified"}))
    codes = counted.by(["group_code", "carc"], new)
    for name in ("group_code", "carc"):  # what has not the form of a code may be any text
        codes[name] = pd.array([shown(name, one) or None for one in codes[name]], dtype="str")
    gaps = np.flatnonzero(texts["due"].isin({"no_date"}))
    every = np.arange(len(denied_cents))
    return Tally(
        counted.by(["due"], every),
        counted.by(["gap", "payer_name"], gaps),
        _added([codes]) if len(codes) else codes,
    )


def add_up(tallies: Iterable[Tally]) -> Tally:
    """Return the tally of the whole from those of its parts."""
    parts = list(tallies)
    names = [one.name for one in fields(Tally)]
    return Tally(*(_added([getattr(part, name) for part in parts]) for name in names))


class _Counted:
    """Counts and cents of rows by their texts."""

    def __init__(self, texts: Mapping[str, Coded], cents: pd.arrays.IntegerArray) -> None:
        self._texts = texts
        self._cents, self._unknown = cents.to_numpy("int64", na_value=0), np.asarray(cents.isna())

    def by(self, keys: list[str], rows: np.ndarray) -> pd.DataFrame:
        """Return a row for each combination of keys that these rows have."""
        columns = [self._texts[key].take(rows) for key in keys]
        number, first = combined(columns)
        cents = np.zeros(len(first), dtype="int64")
        np.add.at(cents, number, self._cents[rows])
        found = {
            key: column.take(first).array("text") for key, column in zip(keys, columns, strict=True)
        }
        counts = {
            "size": np.bincount(number, minlength=len(first)),
            "sum": cents,
            "unknown": np.bincount(number[self._unknown[rows]], minlength=len(first)),
        }
        return pd.DataFrame(found | counts)


def _added(parts: list[pd.DataFrame]) -> pd.DataFrame:
    keys = [name for name in parts[0] if name not in _COUNTS]
    whole = pd.concat(parts, ignore_index=True)
    return whole.groupby(keys, dropna=False, as_index=False)[list(_COUNTS)].sum()


def _amounts(size: int, cents: int, unknown: int) -> dict[str, Any]:
    """Return how many denials, their dollars (None where none states any), and how many state none."""
    known = dollars(cents) if unknown < size or not size else None
    found = {"denials": int(size), "denied": known}
    return found | ({"without_amount": int(unknown)} if unknown else {})


def from_letters(claims: canonical.Claims, worklist: pd.DataFrame) -> int:
    """Return how many denials of a worklist are cases made of letters, whose claims are in no file."""
    files = claims.files
    return int(worklist["file_id"].isin(files.loc[files["source"].eq("notice"), "file_id"]).sum())


def summary(counted: Tally, *, findings: int, from_letters: int = 0) -> dict[str, Any]:
    """Return counts and dollars by due state, the gaps to fill in, and the codes nobody knows.

    Dollars are text, None where no denial states any; `without_amount` counts those that state none.
    `from_letters` are those of the denials that are in no file (the function of that name). Every row of the worklist is in exactly one due state.
    """
    by_due = counted.by_due.set_index("due")
    by_gap = counted.by_gap.sort_values(["gap", "payer_name"], kind="stable")
    by_gap = by_gap.sort_values("size", ascending=False, kind="stable")
    return {
        **_amounts(*(int(by_due[name].sum()) for name in _COUNTS)),
        "by_due": {
            due: _amounts(row["size"], row["sum"], row["unknown"])
            for due, row in by_due.reindex([due for due in DUE if due in by_due.index]).iterrows()
        },
        "gaps": [
            {
                "fill_in": gap,
                "payer": None if pd.isna(payer) else SELF_PAY if is_self_pay(payer) else payer,
                **_amounts(*counts),
            }
            for gap, payer, *counts in by_gap.itertuples(index=False)
        ],
        "unclassified": [
            {
                "code": "-".join(part for part in code if not pd.isna(part)),
                **_amounts(size, cents, unknown),
            }
            for *code, size, cents, unknown in counted.by_code.sort_values(
                ["group_code", "carc"], kind="stable"
            ).itertuples(index=False)
        ],
        "from_letters": from_letters,
        "findings": findings,
    }


def find_denial(worklist: pd.DataFrame, number: str) -> str:
    """Return the denial key that a claim key, denial key or claim number means.

    Several denials on the claim: refused, with their keys. The number itself is never repeated.
    """
    names = [
        "denial_key",
        "claim_key",
        "patient_control_number",
        "payer_claim_control_number",
    ]
    for name in names:
        found = worklist.loc[worklist[name].eq(number), "denial_key"]
        if len(found) == 1:
            return found.iloc[0]
        if len(found):
            keys = tuple(f"--claim {key}" for key in found)
            raise RefusedError("the claim has several denials; name one of them.", needs=keys)
    raise UsageError("no denial with that key or number is in the export (--claim)")

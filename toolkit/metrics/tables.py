"""The small tables that reports show; each adds up to the headline that it belongs to."""

from collections.abc import Callable
from typing import Literal

import pandas as pd

from toolkit.denials.codes import shown
from toolkit.metrics.groups import DECIDED, MISSING, NOT_STATED, stated
from toolkit.metrics.ledger import DUES, Ledger
from toolkit.metrics.metric import Metric

# Due states that call for a filing now or soon, most urgent first.
URGENT = ("overdue", "past_safe_date", "due_this_week")
OPEN = (*URGENT, "due_later", "no_date", "awaiting_decision", "no_appeal_right")

_SUMS = ["denials", "cents", "unknown"]


def by_due(ledger: Ledger) -> pd.DataFrame:
    """Return denials and dollars per due state, in order of urgency; states with no row left out."""
    sums = ledger.denials.groupby("due")[_SUMS].sum()
    return sums.reindex([state for state in DUES if state in sums.index]).reset_index()


def by_week(ledger: Ledger) -> pd.DataFrame:
    """Return open denials and dollars per week (its Monday) of the file-by date and due state."""
    return ledger.tables["weeks"][["week", "due", *_SUMS]]


def gaps(ledger: Ledger) -> pd.DataFrame:
    """Return what is missing for a date: one row per gap, with what it would unlock."""
    held = ledger.tables["gaps"]
    held = held.assign(gap=stated(held["gap"]), payer_name=stated(held["payer_name"]))
    sums = held.groupby("gap")[_SUMS].sum()
    payers = held.groupby(["gap", "payer_name"])["denials"].sum()
    sums["payers"] = [_most(payers[gap]) for gap in sums.index]
    return sums.sort_values(["cents", "denials"], ascending=False, kind="stable").reset_index()


def no_right(ledger: Ledger) -> pd.DataFrame:
    """Return denials that carry no right of appeal, by code and route."""
    return _by_codes(ledger.tables["no_right"], ["group_code", "carc", "reason", "route"])


def unclassified(ledger: Ledger) -> pd.DataFrame:
    """Return the codes that no entry on file classifies, with count and dollars.

    What has not the form of a code may be any text of the file, and is shown as `?`.
    """
    held = ledger.tables["unclassified"]
    masked = {
        "group_code": [shown("group_code", one) for one in held["group_code"]],
        "carc": [shown("carc", one) for one in held["carc"]],
        "rarcs": [
            " ".join(shown("rarc", code) for code in one.split()) if isinstance(one, str) else ""
            for one in held["rarcs"]
        ],
    }
    return _by_codes(held.assign(**masked), list(masked))


def citations(ledger: Ledger) -> pd.DataFrame:
    """Return the rules that gave the dates: program, level, citation, its mark and the denials."""
    found = _by_codes(ledger.tables["rules"], ["program", "level", "citation", "rule_status"])
    return found.sort_values(["program", "level", "citation"], kind="stable")


def outcome_gaps(ledger: Ledger) -> pd.DataFrame:
    """Return what is missing on appeals, and which metric it would complete."""
    counts = ledger.tables["missing"].set_index("missing")["appeals"]
    rows = [(name, says, int(counts[name])) for name, says in MISSING.items() if name in counts]
    return pd.DataFrame(rows, columns=["missing", "would_complete", "appeals"])


def by_group(
    ledger: Ledger,
    column: str,
    metrics: tuple[Callable[[Ledger], Metric], ...],
    *,
    of: Literal["denials", "appeals", "decided"],
    top: int = 20,
) -> list[tuple[str, tuple[Metric, ...]]]:
    """Return the metrics of each group, most dollars first; what is left over is one group.

    The dollars are those of the denials, or those in dispute of the appeals, or of the decided
    ones; groups with no such denial or appeal are left out. The groups together hold every one of
    them once, so their counts and dollars add up to those of the ledger.
    """
    sizes = _sizes(ledger, column, of)
    shown, rest = list(sizes.index[:top]), list(sizes.index[top:])
    groups = [(name, ledger.where(column, name)) for name in shown]
    if rest:
        groups.append((f"all others ({len(rest)})", ledger.where(column, *rest)))
    return [(name, tuple(f(part) for f in metrics)) for name, part in groups]


def _sizes(ledger: Ledger, column: str, of: str) -> pd.DataFrame:
    table = ledger.tables["denials_by" if of == "denials" else "appeals_by"]
    held = table[table["cut"] == column]
    if of == "decided":
        held = held[held["outcome"].isin(DECIDED)]
    sizes = ["cents", "denials"] if of == "denials" else ["dispute_cents", "appeals"]
    sums = held.groupby("name")[sizes].sum()
    return sums.sort_values(sizes, ascending=False, kind="stable")


def _by_codes(held: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    named = held.assign(**{key: held[key].fillna("") for key in keys})
    sums = named.groupby(keys)[_SUMS].sum()
    return sums.sort_values(["cents", "denials"], ascending=False, kind="stable").reset_index()


def _most(payers: pd.Series, show: int = 4) -> str:
    """Return the payers with most denials, equal ones by name."""
    counts = payers.drop(index=NOT_STATED, errors="ignore")
    counts = counts.sort_values(ascending=False, kind="stable")
    if counts.empty:
        return NOT_STATED
    more = f" and {len(counts) - show} more" if len(counts) > show else ""
    return ", ".join(counts.index[:show]) + more

"""The small tables that reports show; each adds up to the headline that it belongs to."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from toolkit.metrics.ledger import DUES, NOT_STATED, WON, Ledger, stated
from toolkit.metrics.metric import Metric

# Due states that call for a filing now or soon, most urgent first.
URGENT = ("overdue", "past_safe_date", "due_this_week")
OPEN = (*URGENT, "due_later", "no_date", "awaiting_decision", "no_appeal_right")

URGENT_COLUMNS = (
    "claim_key", "row", "payer_name", "program", "level", "file_by", "last_filing_date",
    "days_left", "denied_cents", "denial_category", "reason", "citation", "rule_status",
    "filed_when", "standing", "due",
)  # fmt: skip


def by_due(ledger: Ledger) -> pd.DataFrame:
    """Return denials and dollars per due state, in order of urgency; states with no row left out."""
    sums = ledger.worklist.groupby("due")["denied_cents"].agg(["size", "sum"])
    sums = sums.reindex([state for state in DUES if state in sums.index])
    return sums.rename(columns={"size": "denials", "sum": "cents"}).rename_axis("due").reset_index()


def by_week(ledger: Ledger) -> pd.DataFrame:
    """Return open denials and dollars per week (its Monday) of the file-by date and due state."""
    work = ledger.due(*URGENT, "due_later")
    work = work[work["file_by"].notna()]
    monday = work["file_by"] - pd.to_timedelta(work["file_by"].dt.day_of_week, unit="D")
    sums = work.groupby([monday.rename("week"), "due"])["denied_cents"].agg(["size", "sum"])
    return sums.rename(columns={"size": "denials", "sum": "cents"}).reset_index()


def urgent(ledger: Ledger, states: tuple[str, ...] = URGENT) -> pd.DataFrame:
    """Return one row per denial in these due states: by urgency, then dollars, then date."""
    work = ledger.due(*states)
    order = work.assign(_rank=work["due"].map({state: n for n, state in enumerate(states)}))
    order = order.sort_values(
        ["_rank", "denied_cents", "file_by", "denial_key"],
        ascending=[True, False, True, True],
        kind="stable",
    )
    return order.drop(columns="_rank").reset_index(drop=True)


def gaps(ledger: Ledger) -> pd.DataFrame:
    """Return what is missing for a date: one row per gap, with what it would unlock."""
    work = ledger.due("no_date")
    said = stated(work["gap"]).rename("gap")
    sums = work.groupby(said)["denied_cents"].agg(["size", "sum"])
    sums["payers"] = stated(work["payer_name"]).groupby(said).agg(_most)
    sums = sums.sort_values(["sum", "size"], ascending=False, kind="stable")
    return sums.rename(columns={"size": "denials", "sum": "cents"}).reset_index()


def no_right(ledger: Ledger) -> pd.DataFrame:
    """Return denials that carry no right of appeal, by code and route."""
    return _by_codes(ledger.due("no_appeal_right"), ["group_code", "carc", "reason", "route"])


def unclassified(ledger: Ledger) -> pd.DataFrame:
    """Return the codes that no entry on file classifies, with count and dollars."""
    work = ledger.worklist
    return _by_codes(
        work[work["denial_category"] == "unclassified"], ["group_code", "carc", "rarcs"]
    )


def citations(ledger: Ledger) -> pd.DataFrame:
    """Return the rules that gave the dates: program, level, citation, its mark and the denials."""
    work = ledger.worklist
    work = work[work["citation"].notna() & (work["citation"] != "")]
    return _by_codes(work, ["program", "level", "citation", "rule_status"]).sort_values(
        ["program", "level", "citation"], kind="stable"
    )


def outcome_gaps(ledger: Ledger) -> pd.DataFrame:
    """Return what is missing on appeals, and which metric it would complete."""
    appeals = ledger.appeals
    missing = {
        ("filing date", "days to appeal and to decision"): appeals["filed_on"].isna(),
        ("level of appeal", "outcomes by level"): appeals["level"].isna(),
        ("outcome of a decided appeal", "overturn rate"): (
            appeals["outcome"].isna() & appeals["decided_on"].notna()
        ),
        ("decision date of a finished appeal", "days to decision"): (
            appeals["outcome"].notna() & appeals["decided_on"].isna()
        ),
        ("recovered amount of an appeal that was won", "dollar-weighted overturn rate"): (
            appeals["outcome"].isin(WON) & appeals["recovered_cents"].isna()
        ),
        ("a denial on file for the appeal", "dollar-weighted overturn rate"): (
            appeals["dispute_cents"].isna()
        ),
    }
    rows = [(*words, int(mask.sum())) for words, mask in missing.items() if mask.any()]
    return pd.DataFrame(rows, columns=["missing", "would_complete", "appeals"])


def by_group(
    ledger: Ledger,
    column: str,
    metrics: tuple[Callable[[Ledger], Metric], ...],
    *,
    size: Callable[[Ledger], pd.Series],
    top: int = 20,
) -> list[tuple[str, tuple[Metric, ...]]]:
    """Return the metrics of each group, largest first by `size`; what is left over is one group.

    `size` gives the rows that count, indexed as their table, with their weight; groups with no
    such row are left out. The groups together hold every row once, so their counts and dollars
    add up to those of the ledger.
    """
    weights = size(ledger)
    table = ledger.worklist if weights.name in ledger.worklist else ledger.appeals
    names = stated(table.loc[weights.index, column])
    order = (
        pd.DataFrame({"name": names, "weight": weights.fillna(0), "rows": 1})
        .groupby("name")
        .sum()
        .sort_values(["weight", "rows"], ascending=False, kind="stable")
    )
    shown = list(order.index[:top])
    groups = [(name, ledger.where(column, name)) for name in shown]
    rest = list(order.index[top:])
    if rest:
        groups.append(
            (
                f"all others ({len(rest)})",
                replace(
                    ledger,
                    worklist=ledger.worklist[stated(ledger.worklist[column]).isin(rest)],
                    appeals=ledger.appeals[stated(ledger.appeals[column]).isin(rest)],
                ),
            )
        )
    return [(name, tuple(f(part) for f in metrics)) for name, part in groups]


def _by_codes(work: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    named = work.assign(**{key: work[key].astype("str").fillna("") for key in keys})
    sums = named.groupby(keys)["denied_cents"].agg(["size", "sum"])
    sums = sums.sort_values(["sum", "size"], ascending=False, kind="stable")
    return sums.rename(columns={"size": "denials", "sum": "cents"}).reset_index()


def _most(names: pd.Series, show: int = 4) -> str:
    counts = names[names != NOT_STATED].value_counts()
    if counts.empty:
        return NOT_STATED
    more = f" and {len(counts) - show} more" if len(counts) > show else ""
    return ", ".join(counts.index[:show]) + more

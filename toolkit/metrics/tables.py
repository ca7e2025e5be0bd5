"""The small tables that reports show; each adds up to the headline that it belongs to."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

import pandas as pd

from toolkit.denials.codes import shown
from toolkit.metrics.metric import Measure, Metric, condition
from toolkit.metrics.parcel import DUES, NOT_STATED, Facts
from toolkit.metrics.statements import NOT_READ, WON

# Due states that call for a filing now or soon, most urgent first.
URGENT = ("overdue", "past_safe_date", "due_this_week")
OPEN = (
    *URGENT, "due_later", "no_date", "awaiting_decision", NOT_READ, "no_appeal_right",
)  # fmt: skip

# Days since the notice, as ledgers of receivables cut them.
AGES = (("0 to 30", 0, 30), ("31 to 60", 31, 60), ("61 to 90", 61, 90), ("91 to 120", 91, 120))
OLDEST = "over 120"

# `cents` are at stake, of `unknown` denials not known; `denied` was denied, of `unstated` not stated.
_SUMS = """count(*) AS denials, coalesce(sum(stake_cents), 0)::BIGINT AS cents,
  count(*) FILTER (stake_cents IS NULL) AS unknown,
  coalesce(sum(denied_cents), 0)::BIGINT AS denied,
  count(*) FILTER (denied_cents IS NULL) AS unstated"""
_ADDED = ["denials", "cents", "unknown", "denied", "unstated"]
_MOST_FIRST = "ORDER BY cents DESC, denials DESC"

# What is missing on an appeal, and what it would complete.
_MISSING = (
    ("filing date", "days to appeal and to decision", "filed_on IS NULL"),
    ("level of appeal", "outcomes by level", "level IS NULL"),
    ("outcome of a decided appeal", "overturn rate", f"stage = '{NOT_READ}'"),
    ("decision date of a finished appeal", "days to decision",
     "outcome IS NOT NULL AND decided_on IS NULL"),
    ("recovered amount of an appeal that was won", "dollars recovered and dollar-weighted overturn rate",
     f"outcome IN {WON} AND recovered_cents IS NULL AND has_denial"),
    ("a denial on file for the appeal", "every rate", "NOT has_denial"),
)  # fmt: skip


# Fewer claims than these won with a stated amount say nothing of what the next appeal brings back.
FEWEST_WON = 2


def claims_won(facts: Facts) -> int:
    """Return how many claims have a won appeal that states what came back."""
    where = condition("submissions", ("won_with_amount",))
    return facts.one(f"SELECT count(DISTINCT claim_key) FROM submissions WHERE {where}")


def months_missing(facts: Facts) -> list[date]:
    """Return which of the report's month and the three before it have no denial on file.

    The files may not reach such a month, so it is not a month of no denials.
    """
    found = facts.rows(
        "SELECT m FROM (SELECT (report_month() - to_months(n::INTEGER))::DATE AS m FROM range(4) t(n)) "
        "ANTI JOIN (SELECT date_trunc('month', denied_on)::DATE AS m FROM denials) USING (m) ORDER BY m"
    )
    return [month for (month,) in found]


def by_due(facts: Facts) -> pd.DataFrame:
    """Return denials, denied dollars and dollars at stake per due state, most urgent first."""
    found = facts.frame(f"SELECT due, {_SUMS} FROM denials GROUP BY due")
    sums = found.set_index("due")
    return sums.reindex([state for state in DUES if state in sums.index]).reset_index()


def by_route(facts: Facts) -> pd.DataFrame:
    """Return denials and dollars at stake per route, urgent due state and what was done before."""
    return facts.frame(
        "SELECT due, coalesce(route, '') AS route, "
        "CASE WHEN lost THEN 'lost' WHEN appealed THEN 'appealed' WHEN acted THEN 'worked' "
        f"ELSE 'never' END AS before, {_SUMS} FROM denials WHERE due IN {URGENT} "
        f"GROUP BY ALL {_MOST_FIRST}, 1, 2, 3"
    )


def by_week(facts: Facts) -> pd.DataFrame:
    """Return open denials and dollars per week (its Monday) of the file-by date and due state."""
    found = facts.frame(
        f"SELECT date_trunc('week', file_by)::TIMESTAMP AS week, due, {_SUMS} FROM denials "
        f"WHERE due IN {(*URGENT, 'due_later')} AND file_by IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return found.astype({"week": "datetime64[us]"})


def by_age(facts: Facts) -> pd.DataFrame:
    """Return open denials and dollars by days since the notice; those without a day last."""
    cases = " ".join(
        f"WHEN as_of() - denied_on BETWEEN {low} AND {high} THEN '{name}'"
        for name, low, high in AGES
    )
    found = facts.frame(
        f"SELECT CASE WHEN denied_on IS NULL THEN '{NOT_STATED}' {cases} ELSE '{OLDEST}' END AS age, "
        f"{_SUMS} FROM denials WHERE due <> 'closed' GROUP BY 1"
    ).set_index("age")
    order = [*(name for name, _, _ in AGES), OLDEST, NOT_STATED]
    return found.reindex([age for age in order if age in found.index]).reset_index()


def gaps(facts: Facts) -> pd.DataFrame:
    """Return what is missing for a date: one row per gap, with what it would unlock."""
    found = facts.frame(
        f"SELECT coalesce(nullif(gap, ''), '{NOT_STATED}') AS gap, payer, {_SUMS} "
        "FROM denials WHERE due = 'no_date' GROUP BY ALL"
    )
    sums = found.groupby("gap")[_ADDED].sum()
    counts = found.assign(payer=facts.names("payer_name", found["payer"]))
    payers = counts.groupby(["gap", "payer"])["denials"].sum()
    sums["payers"] = [_most(payers[gap]) for gap in sums.index]
    return sums.sort_values(["cents", "denials"], ascending=False, kind="stable").reset_index()


def no_right(facts: Facts) -> pd.DataFrame:
    """Return denials that carry no right of appeal, by code and route."""
    return _by_codes(facts, "due = 'no_appeal_right'", "group_code", "carc", "reason", "route")


def unclassified(facts: Facts) -> pd.DataFrame:
    """Return the codes that no entry on file classifies, with count and dollars.

    What has not the form of a code may be any text of the file, and is shown as `?`.
    """
    found = _by_codes(facts, "denial_category = 'unclassified'", "group_code", "carc", "rarcs")
    masked = found.assign(
        group_code=[shown("group_code", one) for one in found["group_code"]],
        carc=[shown("carc", one) for one in found["carc"]],
        rarcs=[" ".join(shown("rarc", code) for code in one.split()) for one in found["rarcs"]],
    )
    sums = masked.groupby(["group_code", "carc", "rarcs"])[_ADDED].sum()
    return sums.sort_values(["cents", "denials"], ascending=False, kind="stable").reset_index()


def citations(facts: Facts) -> pd.DataFrame:
    """Return the rules that gave the dates: program, level, citation, its mark and the denials."""
    found = _by_codes(
        facts, "coalesce(citation, '') <> ''", "program", "level", "citation", "rule_status"
    )
    return found.sort_values(["program", "level", "citation"], kind="stable")


def outcome_gaps(facts: Facts) -> pd.DataFrame:
    """Return what is missing on appeals, and which metric it would complete."""
    counts = ", ".join(f"count(*) FILTER ({lacks})" for _, _, lacks in _MISSING)
    [found] = facts.rows(f"SELECT {counts} FROM submissions")
    rows = [(name, says, n) for (name, says, _), n in zip(_MISSING, found, strict=True) if n]
    return pd.DataFrame(rows, columns=["missing", "would_complete", "appeals"])


def closures(facts: Facts) -> pd.DataFrame:
    """Return how closed denials were closed: paid, won, withdrawn, written off, or without saying how.

    `recovered` is what appeals and later payments brought back, `cents` what they did not, neither known
    of `unknown` of the denials.
    """
    return facts.frame(
        "SELECT closed_as, count(*) AS denials, coalesce(sum(back), 0)::BIGINT AS recovered, "
        "coalesce(sum(denied_cents - back), 0)::BIGINT AS cents, "
        "count(*) FILTER (denied_cents - back IS NULL) AS unknown "
        "FROM (SELECT *, known_back_cents + paid_back_cents AS back FROM denials) "
        f"WHERE closed_as IS NOT NULL GROUP BY 1 {_MOST_FIRST}, 1"
    )


def stages(facts: Facts) -> pd.DataFrame:
    """Return appeals by what became of them, each outcome apart; those of no denial here last."""
    return facts.frame(
        "SELECT CASE WHEN NOT has_denial THEN 'of_no_denial' WHEN stage = 'decided' THEN outcome "
        "ELSE stage END AS stage, count(*) AS appeals, coalesce(sum(dispute_cents), 0)::BIGINT AS "
        "dispute, coalesce(sum(recovered_cents), 0)::BIGINT AS recovered, "
        "count(*) FILTER (recovered_cents IS NULL) AS unknown "
        "FROM submissions GROUP BY 1 ORDER BY min(has_denial) DESC, appeals DESC, 1"
    )


def bridge(facts: Facts) -> pd.DataFrame:
    """Return the adjustments of the files by what became of them: step, code, rows and cents.

    `denial` are those that the denials of the worklist add up; `other` are not denials by their code, or
    of a decision that was reversed, superseded or repeated.
    """
    found = facts.frame(
        "SELECT step, coalesce(group_code, '') AS group_code, coalesce(carc, '') AS carc, "
        "sum(adjustments)::BIGINT AS adjustments, sum(cents)::BIGINT AS cents FROM bridge GROUP BY ALL"
    )
    masked = found.assign(
        group_code=[shown("group_code", one) for one in found["group_code"]],
        carc=[shown("carc", one) for one in found["carc"]],
    )
    sums = masked.groupby(["step", "group_code", "carc"])[["adjustments", "cents"]].sum()
    return sums.sort_values(["adjustments"], ascending=False, kind="stable").reset_index()


def claims_by_month(facts: Facts) -> pd.DataFrame:
    """Return claims, first denials, rebills and charges by month of the decision and kind of file."""
    return facts.frame(
        "SELECT month, source, count(*) AS claims, count(*) FILTER (denied) AS denied, "
        "count(*) FILTER (first_denial) AS first_denials, count(*) FILTER (rebill) AS rebills, "
        "count(*) FILTER (zero_paid) AS zero_paid, sum(billed_cents)::BIGINT AS billed, "
        "coalesce(sum(billed_cents) FILTER (denied), 0)::BIGINT AS denied_billed, "
        f"bool_and({condition('claims', ('in_full_files',))}) AS counted "
        "FROM claims GROUP BY 1, 2 ORDER BY 1, 2"
    )


def inventory(facts: Facts, months: int = 6) -> pd.DataFrame:
    """Return open denials and dollars at the end of each month and on the report's day, by age.

    Columns: on (the day), age, denials, cents. Denials closed on a day that nothing states were open on
    none of these days; `undated` counts them.
    """
    cases = " ".join(
        f"WHEN e.on_day - denied_on BETWEEN {low} AND {high} THEN '{name}'"
        for name, low, high in AGES
    )
    found = facts.frame(
        "WITH ends AS (SELECT (date_trunc('month', as_of()) - to_months(n::INTEGER) - INTERVAL 1 DAY)"
        f"::DATE AS on_day FROM range({months}) t(n) UNION SELECT as_of()) "
        f"SELECT e.on_day::TIMESTAMP AS \"on\", CASE {cases} ELSE '{OLDEST}' END AS age, "
        "count(*) AS denials, coalesce(sum(denied_cents), 0)::BIGINT AS cents "
        "FROM ends e JOIN denials d ON d.denied_on <= e.on_day "
        "AND (due <> 'closed' OR resolved_on > e.on_day) GROUP BY ALL ORDER BY 1, 2"
    )
    undated = facts.one("SELECT count(*) FROM denials WHERE due = 'closed' AND resolved_on IS NULL")
    order = {name: n for n, name in enumerate([*(name for name, _, _ in AGES), OLDEST])}
    found = found.assign(place=found["age"].map(order), undated=int(undated))
    return found.sort_values(["on", "place"], kind="stable").drop(columns="place")


def by_month(facts: Facts, months: int = 13, only: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Return denials and denied dollars by month of the notice, up to the month of the report.

    `only`: of the denials with these values, see `ONLY`.
    """
    where, given = _only(only)
    found = facts.frame(
        "SELECT date_trunc('month', denied_on)::TIMESTAMP AS month, count(*) AS denials, "
        "coalesce(sum(denied_cents), 0)::BIGINT AS cents FROM denials "
        f"WHERE denied_on >= report_month() - INTERVAL {months - 1} MONTH "
        f"AND denied_on < report_month() + INTERVAL 1 MONTH AND {where} GROUP BY 1 ORDER BY 1",
        *given,
    )
    return found.astype({"month": "datetime64[us]"})


# What denials can be picked by, and what of the facts it is; a value that is not stated is ''.
ONLY = {
    "payer": "payer",
    "category": "coalesce(denial_category, '')",
    "month": "coalesce(strftime(denied_on, '%Y-%m'), '')",
    "due": "due",
    "route": "coalesce(route, '')",
    "code": "concat_ws('-', nullif(group_code, ''), nullif(carc, ''))",
    "owner": "coalesce(owner, '')",
    "facility": "coalesce(facility, '')",
}


def _only(only: Mapping[str, str] | None) -> tuple[str, list[str]]:
    chosen = only or {}
    return " AND ".join(f"{ONLY[name]} = ?" for name in chosen) or "true", list(chosen.values())


def values_of(facts: Facts, name: str) -> list[str]:
    """Return the values by which denials can be picked, most denied dollars first."""
    found = facts.rows(
        f"SELECT {ONLY[name]} AS v FROM denials GROUP BY 1 "
        "ORDER BY sum(coalesce(denied_cents, 0)) DESC, count(*) DESC, 1"
    )
    return [value for (value,) in found]


def sums_of(facts: Facts, only: Mapping[str, str] | None = None) -> pd.Series:
    """Return how many denials have these values, with what was denied and what is at stake."""
    where, given = _only(only)
    return facts.frame(f"SELECT {_SUMS} FROM denials WHERE {where}", *given).iloc[0]


def listed(facts: Facts, only: Mapping[str, str] | None = None, *, most: int = 40) -> pd.DataFrame:
    """Return the first denials with these values by our key, what is open and due first.

    What has not the form of a code may be any text of the file, and is shown as `?`.
    """
    where, given = _only(only)
    found = facts.frame(
        "SELECT denial_key, payer, coalesce(denial_category, '') AS category, "
        "coalesce(reason, '') AS reason, coalesce(group_code, '') AS group_code, "
        "coalesce(carc, '') AS carc, coalesce(route, '') AS route, due, denied_on, file_by, "
        f"last_filing_date, denied_cents, stake_cents FROM denials WHERE {where} "
        "ORDER BY due = 'closed', file_by NULLS LAST, stake_cents DESC NULLS LAST, denial_key "
        f"LIMIT {most}",
        *given,
    )
    return found.assign(
        group_code=[shown("group_code", one) for one in found["group_code"]],
        carc=[shown("carc", one) for one in found["carc"]],
    )


def by_code(facts: Facts) -> pd.DataFrame:
    """Return denials by category and primary code, most denied dollars first."""
    found = _by_codes(facts, "true", "denial_category", "group_code", "carc")
    masked = found.assign(
        group_code=[shown("group_code", one) for one in found["group_code"]],
        carc=[shown("carc", one) for one in found["carc"]],
    )
    sums = masked.groupby(["denial_category", "group_code", "carc"])[_ADDED].sum()
    return sums.sort_values(["denied", "denials"], ascending=False, kind="stable").reset_index()


def by_procedure(facts: Facts) -> pd.DataFrame:
    """Return denials by procedure code, '' where none is stated, most denied dollars first."""
    found = _by_codes(facts, "true", "procedure_code")
    return found.sort_values(["denied", "denials"], ascending=False, kind="stable")


# Denied on the line, in cents, from which on a denial is in a band.
SIZES = ((0, "Under $100"), (100_00, "$100 to $999"), (1_000_00, "$1,000 to $9,999"),
         (10_000_00, "$10,000 to $99,999"), (100_000_00, "$100,000 and more"))  # fmt: skip


def by_size(facts: Facts) -> pd.DataFrame:
    """Return denials by the dollars denied, the smallest first; what states none is last."""
    cases = " ".join(f"WHEN stated_cents >= {low} THEN '{name}'" for low, name in reversed(SIZES))
    found = facts.frame(
        f"SELECT CASE {cases} ELSE '{NOT_STATED}' END AS size, {_SUMS} FROM denials GROUP BY 1"
    )
    order = [*(name for _, name in SIZES), NOT_STATED]
    found = found.set_index("size")
    return found.reindex([name for name in order if name in found.index]).reset_index()


def causes(facts: Facts) -> pd.DataFrame:
    """Return what the month's denials came from: category, reason and code, most dollars first."""
    found = facts.frame(
        "SELECT coalesce(denial_category, '') AS category, coalesce(reason, '') AS reason, "
        "coalesce(group_code, '') AS group_code, coalesce(carc, '') AS carc, "
        "coalesce(preventable, '') AS preventable, count(*) AS denials, "
        "coalesce(sum(denied_cents), 0)::BIGINT AS cents FROM denials "
        "WHERE denied_on >= report_month() AND denied_on < report_month() + INTERVAL 1 MONTH "
        "GROUP BY ALL ORDER BY cents DESC, denials DESC, 1, 2, 3, 4, 5"
    )
    return found.assign(
        group_code=[shown("group_code", one) for one in found["group_code"]],
        carc=[shown("carc", one) for one in found["carc"]],
    )


def pairs(facts: Facts) -> pd.DataFrame:
    """Return denials, denied dollars and at stake by payer (key) and category, most dollars first."""
    return facts.frame(
        f"SELECT payer, coalesce(denial_category, '') AS category, {_SUMS} FROM denials "
        "GROUP BY 1, 2 ORDER BY denied DESC, denials DESC, 1, 2"
    )


# Claims that one way of counting a month's denials counts, and another does not.
_MOVES = (
    ("paid in part and denied in part", "denied AND NOT zero_paid",
     "counted by the month's rate and by HFMA 1, not by HFMA 2, which takes what was paid nothing"),
    ("paid nothing, not denied", "zero_paid AND NOT denied",
     "counted by HFMA 2 only: a deductible, a full contractual reduction"),
    ("a rebill that was denied", "denied AND rebill",
     "counted by the month's rate and by HFMA 2, not by HFMA 1, which takes first claims"),
    ("denied before, and denied again", "denied AND NOT rebill AND NOT first_denial",
     "counted by the month's rate, not by HFMA 1, which takes a claim's first denial"),
    ("denied as a duplicate", "denied AND duplicate",
     "counted by the month's rate and by HFMA 1, not by HFMA 2"),
    ("denied by a secondary payer", "denied AND secondary",
     "counted by the month's rate and by HFMA 1, not by HFMA 2, which takes primary payers"),
)  # fmt: skip


def moved_claims(facts: Facts) -> pd.DataFrame:
    """Return which claims of the month count under one definition and not under another, and why.

    Columns: why, effect, claims, cents (charges) and up to 12 claim keys. A claim can move for several
    reasons. Claims of files that hold denials only are not among them.
    """
    full = condition("claims", ("in_full_files", "in_month"))
    rows = []
    for why, where, effect in _MOVES:
        [(count, cents, keys)] = facts.rows(
            "SELECT count(*), coalesce(sum(billed_cents), 0), list(claim_key ORDER BY claim_key)[1:12] "
            f"FROM claims WHERE {full} AND ({where})"
        )
        rows.append((why, effect, int(count), int(cents), " ".join(keys or [])))
    return pd.DataFrame(rows, columns=["why", "effect", "claims", "cents", "keys"])


def by_group(
    facts: Facts,
    column: str,
    metrics: Sequence[Measure],
    *,
    of: Literal["denials", "appeals", "decided"],
    top: int = 20,
) -> list[tuple[str, tuple[Metric, ...]]]:
    """Return the metrics of each group, most dollars first; what is left over is one group.

    The dollars are those of the denials, or those in dispute of the appeals, or of the decided
    ones; groups with no such denial or appeal are left out. The groups together hold every one of
    them once, so their counts and dollars add up to those of the whole.
    """
    table, amount, sets = {
        "denials": ("denials", "denied_cents", ("every",)),
        "appeals": ("submissions", "dispute_cents", ("every",)),
        "decided": ("submissions", "dispute_cents", ("of_denials", "decided")),
    }[of]
    sizes = facts.sizes(column, table, amount, sets)
    shown, rest = sizes[:top], sizes[top:]
    found = facts.measure(metrics, by=column, among=shown)
    groups = list(zip(facts.names(column, shown), (found[key] for key in shown), strict=True))
    if rest:
        groups.append((f"all others ({len(rest)})", found[None]))
    return groups


def _by_codes(facts: Facts, where: str, *keys: str) -> pd.DataFrame:
    names = ", ".join(f"coalesce({key}, '') AS {key}" for key in keys)
    return facts.frame(
        f"SELECT {names}, {_SUMS} FROM denials WHERE {where} GROUP BY ALL {_MOST_FIRST}, "
        f"{', '.join(str(n + 1) for n in range(len(keys)))}"
    )


def _most(payers: pd.Series, show: int = 4) -> str:
    """Return the payers with most denials, equal ones by name."""
    counts = payers.drop(index=NOT_STATED, errors="ignore")
    counts = counts.sort_values(ascending=False, kind="stable")
    if counts.empty:
        return NOT_STATED
    more = f" and {len(counts) - show} more" if len(counts) > show else ""
    return ", ".join(counts.index[:show]) + more

"""The blocks of the weekly plan: which appeals to file this week, by whom, and what stays undone."""

import pandas as pd

from toolkit.metrics import outcomes, tables
from toolkit.reports import blocks, words
from toolkit.reports.page import Page

_SHOWN = 40
_METHODS = {
    "all": "all of them fit",
    "best": "the best of all choices",
    "greedy": "most dollars a minute first",
    "": "nothing worth its cost",
}


def summary(page: Page) -> blocks.Block:
    """Return what to file this week and what it is expected to bring."""
    facts, plan = page.facts, page.given.prepared("plan")
    when = words.long_day(facts.as_of)
    if plan.empty:
        return blocks.block(
            blocks.paragraph(f"As of {when}, there is no plan. {_why_none(page)}", "lead")
        )
    now, later, left = _split(plan)
    cheap = plan[plan["net_cents"] <= 0]
    said = (
        f"Week of {when}: file {words.count(len(now), 'appeal')}, "
        f"{_hours(now)} hours of work, with {_money(now['net_cents'])} of expected net recovery. "
    )
    if len(left):
        said += (
            f"{words.count(len(left), 'appeal')} worth {_money(left['net_cents'])} "
            f"{'does' if len(left) == 1 else 'do'} not fit into {facts.effort.weekly_minutes:,} minutes "
            "an owner a week before the last day: more minutes would bring them in. "
        )
    else:
        said += "Every appeal worth its cost fits in before its date. "
    return blocks.block(
        blocks.paragraph(said, "lead"),
        blocks.cards(
            [
                ("File this week", f"{len(now):,}", f"{_money(now['stake_cents'])} at stake", "soon"),
                ("Expected net recovery", _money(now["net_cents"]), f"{_hours(now)} hours", ""),
                ("In the three weeks after", f"{len(later):,}", _money(later["net_cents"]), ""),
                ("Do not fit", f"{len(left):,}", _money(left["net_cents"]), "bad" if len(left) else ""),
                ("Below their cost", f"{len(cheap):,}", _money(cheap["stake_cents"]) + " at stake", ""),
            ]
        ),
    )  # fmt: skip


def owners(page: Page) -> blocks.Block:
    """Return the week of each owner: appeals, hours, dollars, and what does not fit."""
    plan = page.given.prepared("plan")
    if plan.empty:
        return blocks.NOTHING
    rows, minutes = [], page.facts.effort.weekly_minutes
    for owner, mine in plan.groupby("owner"):
        now, later, left = _split(mine)
        method = next((one for one in mine["method"] if one), "")
        rows.append(
            (
                str(owner), f"{len(now):,}", _hours(now), words.percent(now["minutes"].sum() / minutes),
                _money(now["stake_cents"]), _money(now["net_cents"]), f"{len(later):,}",
                f"{len(left):,}", _money(left["net_cents"]), _METHODS[method],
            )
        )  # fmt: skip
    rows.sort(key=lambda row: row[0])
    now, later, left = _split(plan)
    total = (
        "All", f"{len(now):,}", _hours(now), "", _money(now["stake_cents"]), _money(now["net_cents"]),
        f"{len(later):,}", f"{len(left):,}", _money(left["net_cents"]), "",
    )  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Owner", "This week", "Hours", "Of the week", "At stake", "Expected net", "Weeks 2 to 4",
             "Do not fit", "Their net", "Chosen by"),
            rows, right=tuple(range(1, 9)), total=total,
            caption=f"By owner, {minutes:,} minutes each a week (--minutes, local/effort.yaml)",
        ),
        blocks.paragraph(page.facts.effort.says, "note"),
    )  # fmt: skip


def cases(page: Page) -> blocks.Block:
    """Return the appeals to file this week, each owner's most dollars first."""
    now, _, _ = _split(page.given.prepared("plan"))
    if now.empty:
        return blocks.block(blocks.paragraph("No appeal is planned for this week.", "empty"))
    if page.share:
        said = f"{words.count(len(now), 'appeal')} of this week, not listed here."
        return blocks.block(blocks.paragraph(said, "empty"))
    listed = now.head(_SHOWN)
    names = page.facts.names("payer_name", listed["payer"])
    more = f"; {_SHOWN} of {len(now):,}, the workbook has all" if len(now) > _SHOWN else ""
    return blocks.block(
        blocks.table(
            ("Owner", "Claim key", "Payer", "Level", "Category", "File by", "Last day", "At stake",
             "Won, expected", "Net, expected", "Minutes"),
            [
                (
                    r.owner, r.claim_key, name, words.plain(r.level), words.plain(r.category),
                    words.day(r.file_by), words.day(r.last_filing_date), words.dollars(r.stake_cents),
                    words.percent(r.rate) + (f" {words.FEW}" if r.few else ""),
                    words.dollars(r.net_cents), f"{r.minutes:,}",
                )
                for name, r in zip(names, listed.itertuples(), strict=True)
            ],
            caption=f"Appeals to file this week{more}; {words.SMALL} decided of this payer and category",
            right=(7, 8, 9, 10), keep=(1, 5, 6), kind="fine",
            total=("All", "", "", "", "", "", "", _money(now["stake_cents"]), "",
                   _money(now["net_cents"]), f"{int(now['minutes'].sum()):,}"),
        )
    )  # fmt: skip


def outside(page: Page) -> blocks.Block:
    """Return what the plan leaves out, and why: other routes, no date, past their day, below cost."""
    planned = "false" if page.given.prepared("plan").empty else "coalesce(stake_cents, 0) > 0"
    found = page.facts.frame(
        "SELECT CASE WHEN due = 'no_date' THEN 'no date to file by: complete it first' "
        "WHEN due = 'overdue' AND route = 'appeal' THEN 'past the last day to file' "
        "WHEN due IN ('past_safe_date', 'due_this_week', 'due_later') AND route = 'appeal' "
        "THEN CASE WHEN stake_cents > 0 THEN 'nothing says what an appeal would bring back' "
        "ELSE 'no amount at stake is stated' END "
        "ELSE 'another route: no file states what it brings back' END AS why, coalesce(route, '') AS route, "
        "count(*) AS denials, coalesce(sum(stake_cents), 0)::BIGINT AS cents FROM denials "
        "WHERE due IN ('no_date', 'overdue', 'past_safe_date', 'due_this_week', 'due_later') "
        "AND NOT (coalesce(route, '') = 'appeal' AND due NOT IN ('no_date', 'overdue') "
        f"AND {planned}) GROUP BY 1, 2 ORDER BY 1, cents DESC, 2"
    )
    if found.empty:
        return blocks.block(
            blocks.paragraph("Every open denial with a date is in the plan.", "empty")
        )
    effort = page.facts.effort
    return blocks.block(
        blocks.table(
            ("Why", "Route", "Denials", "At stake", "Minutes if worked"),
            [
                (
                    r.why, words.plain(r.route) or "Not stated", f"{r.denials:,}",
                    words.dollars(r.cents), f"{r.denials * effort.minutes_of(r.route):,}",
                )
                for r in found.itertuples()
            ],
            caption="Open denials that are not in the plan",
            right=(2, 3, 4), kind="narrow",
            total=("All", "", f"{found['denials'].sum():,}", words.dollars(int(found["cents"].sum())), ""),
        )
    )  # fmt: skip


def _split(plan: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return what is done this week, what later, and what does not fit though it is worth its cost."""
    taken = plan["taken"].astype(bool)
    this = taken & (plan["do_week"] == 0).fillna(False)
    return plan[this], plan[taken & ~this], plan[~taken & (plan["net_cents"] > 0)]


def _why_none(page: Page) -> str:
    decided = outcomes.appeals_decided(page.facts).value
    if not page.facts.count():
        return "There are no denials."
    if not decided:
        return "No appeal has been decided yet, so nothing says what an appeal would bring back."
    if outcomes.recovered_dollars(page.facts).value is None:
        return (
            "No appeal that was won states what came back, so nothing can be expected in dollars."
        )
    if tables.claims_won(page.facts) < tables.FEWEST_WON:
        return "Too few appeals were won with a stated amount, so nothing says what an appeal would bring back."
    return "No open denial with a date and an amount is to be appealed."


def _money(cents: pd.Series) -> str:
    return words.dollars(int(cents.sum()))


def _hours(cases: pd.DataFrame) -> str:
    return f"{cases['minutes'].sum() / 60:,.1f}"

"""What the director reads first, the same in every report: what to do this week, by whom; age and trend."""

import pandas as pd

from toolkit.metrics import outcomes, tables, work
from toolkit.reports import blocks, charts, words
from toolkit.reports.page import Page

_OWNERS = 10

_WEEK = (
    work.past_safe_date, work.due_this_week, work.due_this_week_dollars, work.decision_overdue,
    work.no_date, work.overdue_appeals, work.recoverable_dollars,
)  # fmt: skip
_WEEK_HEADINGS = (
    "Owner", "File today", "File this week", "At stake this week", "Decisions to chase",
    "Dates to complete", "Overdue appeals", "Recoverable",
)  # fmt: skip


def week(page: Page) -> blocks.Block:
    """Return what to do this week, by owner of the cases."""
    found = tables.by_group(page.facts, "owner", _WEEK, of="denials", top=_OWNERS)
    if not found:
        return blocks.block(
            blocks.paragraph("There are no denials, so there is nothing to do.", "empty")
        )
    busy = [(name, row) for name, row in found if any(one.count for one in row[:6])]
    if not busy:
        said = "No denial asks for anything this week: none is due, late or without a date."
        return blocks.block(blocks.paragraph(said, "empty"))
    total = page.facts.measure(_WEEK)[None]
    alone = len(found) == 1 and found[0][0] == words.NOT_STATED
    return blocks.block(
        blocks.table(
            _WEEK_HEADINGS,
            [(name, *(words.value(m) for m in row)) for name, row in busy],
            caption="To do this week, by owner; file today is past the safe date and still lawful",
            right=tuple(range(1, len(_WEEK_HEADINGS))),
            total=("All", *(words.value(m) for m in total)),
        ),
        blocks.paragraph("The files name no owner of a case; a column Owner would say by whom.", "note")
        if alone
        else "",
        blocks.paragraph(_recoverable(total[-1]), "note"),
    )  # fmt: skip


def standing(page: Page) -> blocks.Block:
    """Return how old the open denials are and how denials came in, month by month, side by side."""
    charts_, notes = zip(ages(page), _trend(page), strict=True)
    drawn = [f"<div>{one}</div>" for one in charts_ if one]
    return blocks.block(
        f'<div class="two">{"".join(drawn)}</div>' if drawn else "",
        *(blocks.paragraph(note, "note") for note in notes if note),
    )


def ages(page: Page) -> tuple[str, str]:
    """Return the open denials by age at the end of the past months, drawn, and what is not in it."""
    found = tables.inventory(page.facts)
    if found.empty:
        return "", "No open denial has a day of notice, so there is no age to show."
    sums = found.groupby("on")[["denials", "cents"]].sum()
    if len(sums) < 2:
        return "", "No denial on file was open at the end of an earlier month."
    first, last = sums.iloc[0], sums.iloc[-1]
    old = found[(found["on"] == sums.index[-1]) & (found["age"] == tables.OLDEST)]
    alt = (
        f"Columns of open denials by age at the end of each month. {words.day(sums.index[0])}: "
        f"{words.count(int(first.denials), 'denial')}; {words.day(sums.index[-1])}: "
        f"{int(last.denials):,}, of them {int(old['denials'].sum()):,} over 120 days old."
    )
    undated = int(found["undated"].iloc[0])
    note = (
        f"Open denials by age: {words.count(undated, 'closed denial')} without a day of closing "
        f"{'is' if undated == 1 else 'are'} in no column, since nobody can say until when "
        f"{'it was' if undated == 1 else 'they were'} open."
        if undated
        else ""
    )
    return charts.ages(found, alt), note


def _trend(page: Page) -> tuple[str, str]:
    """Return denied dollars by month of the notice, the report's month darker."""
    found = tables.by_month(page.facts)
    if len(found) < 2:
        return "", "There are denials of one month at most, so there is no trend to show."
    month = pd.Timestamp(page.facts.month)
    top = found.loc[found["cents"].idxmax()]
    alt = (
        f"Columns of denied dollars by month of the notice up to {month:%B %Y}. The largest is "
        f"{top.month:%B %Y} with {words.dollars(int(top.cents))} in "
        f"{words.count(int(top.denials), 'denial')}."
    )
    return charts.months(found, alt, compared=(month,), narrow=True), ""


def owners(page: Page) -> blocks.Block:
    """Return the load and the outcomes of each owner and facility."""
    columns = (
        work.denials, work.denied_dollars, work.never_worked, outcomes.appeals_filed,
        outcomes.overturn_rate_decided, work.gross_recovery, work.recoverable_dollars,
    )  # fmt: skip
    parts = []
    for title, column in (("Owner", "owner"), ("Facility", "facility")):
        found = tables.by_group(page.facts, column, columns, of="denials", top=_OWNERS)
        if not found:
            continue
        parts.append(
            blocks.table(
                (title, *(words.short_name(one) for one in columns)),
                [(name, *(words.marked(m) for m in row)) for name, row in found],
                caption=f"By {title.lower()}, most denied dollars first; {words.SMALL}",
                right=tuple(range(1, len(columns) + 1)),
                total=("All", *(words.marked(m) for m in page.facts.measure(columns)[None])),
            )
        )
    return blocks.block(*parts) if parts else blocks.NOTHING


def _recoverable(metric) -> str:
    if metric.value is None:
        return "What is recoverable is not known: too few appeals were won with a stated amount."
    return (
        f"Recoverable: {words.dollars(metric.value)} of what is open and still in time, 95% interval "
        f"{words.interval(metric)}, from {words.count(metric.n or 0, 'decided appeal')}."
    )

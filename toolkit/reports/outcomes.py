"""The blocks of the outcomes report: what became of the appeals."""

from toolkit.metrics import SMALL_N, outcomes, tables
from toolkit.reports import blocks, charts, words
from toolkit.reports.page import Page
from toolkit.rules.words import capital

METRICS = outcomes

_SMALL = "†"
_COLUMNS = (
    outcomes.appeals_filed,
    outcomes.appeals_pending,
    outcomes.appeals_decided,
    outcomes.overturn_rate_decided,
    outcomes.overturn_rate_dollars,
    outcomes.dismissed_share,
    outcomes.days_to_decision,
    outcomes.recovered_dollars,
)


def summary(page: Page) -> blocks.Block:
    """Return the message in one paragraph and the headline figures."""
    book = page.ledger
    message = blocks.paragraph(_message(page), "lead")
    if not book.filed:
        return blocks.block(
            message,
            blocks.paragraph(
                "A remittance records no appeals; an export does, where it has columns for the "
                "level, the filing date, the decision and its outcome.",
                "note",
            ),
        )
    filed, pending = outcomes.appeals_filed(book), outcomes.appeals_pending(book)
    shown = [
        ("Appeals filed", f"{filed.value:,}", f"{pending.value:,} pending", ""),
        *(
            (name, words.value(m), words.basis(m), "")
            for name, m in (
                ("Overturned, any part", outcomes.overturn_rate_decided(book)),
                ("Overturned, by dollars", outcomes.overturn_rate_dollars(book)),
                ("Dismissed unheard", outcomes.dismissed_share(book)),
                ("Dollars recovered", outcomes.recovered_dollars(book)),
                ("Appeal rate", outcomes.appeal_rate(book)),
            )
        ),
    ]
    return blocks.block(message, blocks.cards(shown))


def rates(page: Page) -> blocks.Block:
    """Return the overturn rate of each payer or facility with its interval, drawn."""
    found = tables.by_group(
        page.ledger, page.by_column, (outcomes.overturn_rate_decided,), of="decided", top=12
    )
    drawn = [(name, metrics[0]) for name, metrics in found if metrics[0].n]
    if not page.ledger.filed:
        return blocks.NOTHING
    if not drawn:
        return blocks.block(blocks.paragraph("No appeal has been decided yet.", "empty"))
    sure = [(name, rate) for name, rate in drawn if not rate.small]
    best = max(sure or drawn, key=lambda pair: pair[1].value)
    overall = outcomes.overturn_rate_decided(page.ledger)
    alt = (
        f"Overturn rate of decided appeals by {page.by}, with 95% intervals. "
        f"All together {words.percent(overall.value)} ({words.basis(overall)}). "
        f"The highest{'' if sure else ', all small n,'} is {best[0]} at {words.percent(best[1].value)}."
    )
    return blocks.block(
        charts.rates(drawn, alt),
        blocks.paragraph(
            "A dot is the share of decided appeals that were overturned at least in part, the line "
            "its 95% interval. Open gray diamonds are small n: too few cases to compare.",
            "note",
        ),
    )


def groups(page: Page) -> blocks.Block:
    """Return the outcome metrics by payer or facility, program, level and category."""
    if not page.ledger.filed:
        return blocks.NOTHING  # the summary has said so
    columns = {
        capital(page.by): page.by_column,
        "Program": "program",
        "Level": "level",
        "Category": "denial_category",
    }
    return blocks.block(*(_table(page, title, column) for title, column in columns.items()))


def days(page: Page) -> blocks.Block:
    """Return how long filing and deciding take."""
    book = page.ledger
    if not book.filed:
        return blocks.NOTHING  # the summary has said so
    found = (
        outcomes.days_to_appeal(book),
        outcomes.days_to_appeal_p90(book),
        outcomes.days_to_decision(book),
        outcomes.days_to_decision_p90(book),
    )
    return blocks.block(
        blocks.table(
            ("Metric", "Value", "Rests on", "Caveat"),
            [(m.name, words.value(m), words.basis(m), m.caveat) for m in found],
            caption="Days from denial to appeal, and from appeal to decision",
            right=(1,),
        )
    )


def gaps(page: Page) -> blocks.Block:
    """Return what is missing on the appeals, and which figure it would complete."""
    if not page.ledger.filed:
        return blocks.NOTHING  # the summary has said so
    missing = tables.outcome_gaps(page.ledger)
    if missing.empty:
        return blocks.block(blocks.paragraph("Every appeal is complete.", "empty"))
    return blocks.block(
        blocks.table(
            ("What to fill in", "What it would complete", "Appeals"),
            [(g.missing, g.would_complete, f"{g.appeals:,}") for g in missing.itertuples()],
            caption="What is missing on the appeals; one appeal can miss several",
            right=(2,),
            kind="narrow",
        )
    )


def _table(page: Page, title: str, column: str) -> str:
    # Grouping by level looks at the appeals alone: a denial has the level to file next.
    found = tables.by_group(page.ledger, column, _COLUMNS, of="appeals")
    rows = [
        (words.group(name) if column not in ("payer_name", "facility") else name, *_cells(metrics))
        for name, metrics in found
    ]
    headings = (
        title, "Filed", "Pending", "Decided", "Overturned, any", "95% interval",
        "Overturned, by dollars", "Dismissed", "Median days to decision", "Recovered",
    )  # fmt: skip
    return blocks.table(
        headings,
        rows,
        caption=f"Outcomes by {title.lower()}, most dollars in dispute first; "
        f"{_SMALL} small n: fewer than {SMALL_N} cases",
        right=tuple(range(1, len(headings))),
        total=("All", *_cells(tuple(f(page.ledger) for f in _COLUMNS))),
    )


def _cells(metrics: tuple) -> tuple[str, ...]:
    filed, pending, decided, rate, money, dismissed, days_taken, recovered = metrics
    interval = "" if rate.low is None else f"{rate.low:.0%} to {rate.high:.0%}"
    return (
        words.value(filed),
        words.value(pending),
        words.value(decided),
        _rate(rate),
        interval,
        _rate(money),
        _rate(dismissed),
        words.value(days_taken).removesuffix(" days"),
        words.value(recovered),
    )


def _rate(metric) -> str:
    if metric.value is None:
        return "none yet"
    return words.percent(metric.value) + (f" {_SMALL}" if metric.small else "")


def _message(page: Page) -> str:
    book = page.ledger
    when = words.long_day(book.as_of)
    if not book.filed:
        return f"As of {when}, no appeal events on file, so there is no outcome to report."
    filed, pending = outcomes.appeals_filed(book), outcomes.appeals_pending(book)
    rate, money = outcomes.overturn_rate_decided(book), outcomes.recovered_dollars(book)
    said = f"As of {when}, {words.count(filed.value, 'appeal')} on file, {pending.value:,} of them pending. "
    if not rate.n:
        return said + "Not one has been decided on its merits yet."
    return said + (
        f"Of {words.count(rate.n, 'decided appeal')}, {rate.count:,} "
        f"({words.percent(rate.value)}) were overturned at least in part"
        f"{', a small n' if rate.small else ''}; {words.dollars(money.value)} came back."
    )

"""The blocks of the outcomes report: what became of the appeals."""

from toolkit.metrics import SMALL_N, outcomes, tables
from toolkit.metrics.reviews import base_rates, public_reviews
from toolkit.reports import blocks, charts, words
from toolkit.reports.differences import difference
from toolkit.reports.page import Page
from toolkit.rules.words import capital

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
# At one level the dollars are those that were still denied when it was reached.
_AT_LEVEL = tuple(
    outcomes.overturn_rate_level if one is outcomes.overturn_rate_dollars else one
    for one in _COLUMNS
)
_DAYS = (
    outcomes.days_to_appeal,
    outcomes.days_to_appeal_p90,
    outcomes.days_to_decision,
    outcomes.days_to_decision_p90,
)
_CARDS = (
    ("Overturned, any part", outcomes.overturn_rate_decided),
    ("Overturned, by dollars", outcomes.overturn_rate_dollars),
    ("Dollars recovered", outcomes.recovered_dollars),
    ("Appeal rate", outcomes.appeal_rate),
    ("Worked rate", outcomes.worked_rate),
)


def summary(page: Page) -> blocks.Block:
    """Return the message in one paragraph and the headline figures."""
    facts = page.facts
    message = blocks.paragraph(_message(page), "lead")
    if not facts.filed:
        return blocks.block(
            message,
            blocks.paragraph(
                "A remittance records no appeals; an export does, where it has columns for the "
                "level, the filing date, the decision and its outcome.",
                "note",
            ),
        )
    filed, pending, *rest = facts.measure(
        (outcomes.appeals_filed, outcomes.appeals_pending, *(one for _, one in _CARDS))
    )[None]
    shown = [
        ("Appeals filed", f"{filed.value:,}", f"{pending.value:,} pending", ""),
        *(
            (name, words.value(m), words.basis(m), "")
            for (name, _), m in zip(_CARDS, rest, strict=True)
        ),
    ]
    return blocks.block(message, blocks.cards(shown))


def stages(page: Page) -> blocks.Block:
    """Return every appeal by what became of it, each outcome apart."""
    found = tables.stages(page.facts)
    if found.empty:
        return blocks.NOTHING  # the summary has said so
    rows = [
        (
            words.STAGES[s.stage],
            f"{s.appeals:,}",
            words.dollars(s.dispute),
            words.amount(s.recovered, s.appeals, s.unknown),
        )
        for s in found.itertuples()
    ]
    return blocks.block(
        blocks.table(
            ("Appeals", "Count", "Still denied when filed", "Came back"),
            rows,
            caption="Appeals by what became of them; an appeal is a claim, a level, a day of filing "
            "and a day of decision, however many lines it has",
            right=(1, 2, 3),
            total=(
                "All",
                f"{found['appeals'].sum():,}",
                "",
                words.amount(*(int(found[n].sum()) for n in ("recovered", "appeals", "unknown"))),
            ),
            kind="narrow",
        ),
        blocks.paragraph(
            "Dollars are counted at each level: what is denied again and appealed again is there twice. "
            "The rate by dollars above counts each dollar once.",
            "note",
        ),
    )


def rates(page: Page) -> blocks.Block:
    """Return the overturn rate of each payer or facility with its interval, drawn."""
    if not page.facts.filed:
        return blocks.NOTHING
    found = tables.by_group(
        page.facts, page.by_column, (outcomes.overturn_rate_decided,), of="decided", top=12
    )
    drawn = [(name, metrics[0]) for name, metrics in found if metrics[0].n]
    if not drawn:
        return blocks.block(blocks.paragraph("No appeal has been decided yet.", "empty"))
    overall = outcomes.overturn_rate_decided(page.facts)
    compared = difference(page, page.by_column)
    alt = (
        f"Overturn rate of decided appeals by {page.by}, with 95% intervals. "
        f"All together {words.percent(overall.value)} ({words.basis(overall)}). {compared}"
    )
    return blocks.block(
        charts.rates(drawn, alt, overall=overall.value),
        blocks.paragraph(
            "A dot is the share of decided appeals that were overturned at least in part, the line "
            "its 95% interval, the dashed line all of them together. Open gray diamonds are small n: "
            f"too few cases to compare. {compared}",
            "note",
        ),
    )


def groups(page: Page) -> blocks.Block:
    """Return the outcome metrics by payer or facility, program, level and category."""
    if not page.facts.filed:
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
    if not page.facts.filed:
        return blocks.NOTHING  # the summary has said so
    return blocks.block(
        blocks.table(
            ("Metric", "Value", "Rests on", "Caveat"),
            [
                (m.name, words.value(m), words.basis(m), m.caveat)
                for m in page.facts.measure(_DAYS)[None]
            ],
            caption="Days from denial to first appeal, and from appeal to a decision on the merits",
            right=(1,),
        )
    )


def public(page: Page) -> blocks.Block:
    """Return public overturn rates of external review beside those of like denials here, with the warning."""
    if not page.facts.filed:
        return blocks.NOTHING
    said, _ = public_reviews()
    found = base_rates(page.facts)
    names = {"public": "Public", "here": "Here, medical necessity"}
    rows = [
        (
            f"{names[r.whose]}: {r.what if r.whose == 'public' else r.what.lower()}",
            f"{r.decided:,}",
            words.percent(r.overturned / r.decided) + (f" {_SMALL}" if r.decided < SMALL_N else "")
            if r.decided
            else "none yet",
            f"{r.low:.1%} to {r.high:.1%}" if r.decided else "",
        )
        for r in found.itertuples()
    ]
    return blocks.block(
        blocks.table(
            ("Reviews", "Decided", "Overturned, any part", "95% interval"),
            rows,
            caption=f"Public reviews next to the appeals here; {_SMALL} small n: fewer than {SMALL_N} cases",
            right=(1, 2, 3),
            kind="narrow",
        ),
        blocks.paragraph(said.warning, "warning"),
        blocks.paragraph(f"Source: {said.says}.", "note"),
    )


def gaps(page: Page) -> blocks.Block:
    """Return what is missing on the appeals, and which figure it would complete."""
    if not page.facts.filed:
        return blocks.NOTHING  # the summary has said so
    missing = tables.outcome_gaps(page.facts)
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
    measures = _AT_LEVEL if column == "level" else _COLUMNS
    found = tables.by_group(page.facts, column, measures, of="appeals")
    rows = [
        (words.group(name) if column not in ("payer_name", "facility") else name, *_cells(metrics))
        for name, metrics in found
    ]
    money = "Overturned, by dollars at the level" if column == "level" else "Overturned, by dollars"
    headings = (
        title, "Filed", "Pending", "Decided", "Overturned, any", "95% interval",
        money, "95% interval by claim", "Dismissed", "Median days to decision", "Recovered",
    )  # fmt: skip
    return blocks.table(
        headings,
        rows,
        caption=f"Outcomes by {title.lower()}, most dollars in dispute first; "
        f"{_SMALL} small n: fewer than {SMALL_N} cases",
        right=tuple(range(1, len(headings))),
        total=("All", *_cells(page.facts.measure(measures)[None])),
    )


def _cells(metrics: tuple) -> tuple[str, ...]:
    filed, pending, decided, rate, money, dismissed, days_taken, recovered = metrics
    return (
        words.value(filed),
        words.value(pending),
        words.value(decided),
        _rate(rate),
        _interval(rate),
        _rate(money),
        _interval(money),
        _rate(dismissed),
        words.value(days_taken).removesuffix(" days") + (f" {_SMALL}" if days_taken.n and days_taken.small and days_taken.value is not None else ""),
        words.value(recovered),
    )  # fmt: skip


def _rate(metric) -> str:
    if metric.value is None:
        return words.value(metric)
    return words.percent(metric.value) + (f" {_SMALL}" if metric.small else "")


def _interval(metric) -> str:
    return "" if metric.low is None else f"{metric.low:.0%} to {metric.high:.0%}"


def _message(page: Page) -> str:
    facts = page.facts
    when = words.long_day(facts.as_of)
    if not facts.filed:
        return f"As of {when}, no appeal events on file, so there is no outcome to report."
    filed, pending, rate, money, other = facts.measure(
        (
            outcomes.appeals_filed, outcomes.appeals_pending, outcomes.overturn_rate_decided,
            outcomes.recovered_dollars, outcomes.appeals_of_no_denial,
        )
    )[None]  # fmt: skip
    said = f"As of {when}, {words.count(filed.value, 'appeal')} on file, {pending.value:,} of them pending. "
    if other.value:
        said += (
            f"{words.count(other.value, 'more appeal')} {'is' if other.value == 1 else 'are'} of what is "
            "no denial here, and in no rate. "
        )
    if not rate.n:
        return said + "Not one has been decided on its merits yet."
    back = (
        "what came back is not stated" if money.value is None else f"{words.value(money)} came back"
    )
    return said + (
        f"Of {words.count(rate.n, 'decided appeal')}, {rate.count:,} "
        f"({words.percent(rate.value)}) were overturned at least in part"
        f"{', a small n' if rate.small else ''}; {back}."
    )

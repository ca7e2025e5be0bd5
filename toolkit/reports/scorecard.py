"""The blocks of the payer scorecard: what each payer denies, decides and owes an answer on."""

from toolkit.metrics import SMALL_N, Metric, outcomes, rates, tables, work
from toolkit.reports import blocks, charts, words
from toolkit.reports.differences import difference
from toolkit.reports.page import Page

_PAYERS, _CATEGORIES, _SHOWN = 12, 7, 8
_CARD = (
    work.denials, work.denied_dollars, rates.remittance_denial_rate, outcomes.overturn_rate_decided,
    outcomes.overturn_rate_dollars, outcomes.days_to_decision, outcomes.appeals_pending,
    work.decision_overdue, work.recoverable_dollars,
)  # fmt: skip
_LATE = (outcomes.appeals_pending, work.decision_overdue, work.decision_overdue_dollars)


def summary(page: Page) -> blocks.Block:
    """Return the message, what it costs, and whether payers differ at all."""
    facts = page.facts
    when = words.long_day(facts.as_of)
    payers = facts.one("SELECT count(DISTINCT payer) FROM denials WHERE payer <> ''")
    if not facts.count():
        said = f"As of {when}, there are no denials, so there is no payer to score."
        return blocks.block(blocks.paragraph(said, "lead"))
    measures = (
        work.denied_dollars, outcomes.overturn_rate_decided, work.decision_overdue,
        work.decision_overdue_dollars, work.recoverable_dollars,
    )  # fmt: skip
    money, rate, late, waiting, back = facts.measure(measures)[None]
    said = (
        f"As of {when}, {words.count(payers, 'payer')} denied {words.value(money)} in "
        f"{words.count(facts.count(), 'denial')}. "
    )
    said += (
        f"{words.count(late.value, 'denial')} with {words.value(waiting)} at stake "
        f"{'waits' if late.value == 1 else 'wait'} for a decision that is late on the payer's own clock. "
        if late.value
        else "No decision is known to be late on a payer's own clock. "
    )
    return blocks.block(
        blocks.paragraph(said + difference(page), "lead"),
        blocks.cards(
            [
                ("Denied dollars", words.value(money), words.count(payers, "payer"), ""),
                ("Waiting for a late decision", f"{late.value:,}", words.value(waiting), "bad" if late.value else ""),
                ("Overturned, any part", words.value(rate), words.basis(rate), ""),
                ("Recoverable", words.value(back), words.interval(back), ""),
            ]
        ),
    )  # fmt: skip


def late(page: Page) -> blocks.Block:
    """Return the payers that are late on their own clocks, most dollars waiting first."""
    found = tables.by_group(page.facts, "payer_name", _LATE, of="denials", top=40)
    rows = sorted(
        ((name, row) for name, row in found if row[1].value), key=lambda one: -one[1][2].count
    )
    if not rows:
        said = "No appeal with a known decision clock is late."
        return blocks.block(blocks.paragraph(said, "empty"))
    owners = dict(
        page.facts.rows(
            "SELECT payer, string_agg(DISTINCT owner, ', ' ORDER BY owner) FROM denials "
            "WHERE due = 'awaiting_decision' AND decision_due < as_of() AND owner <> '' GROUP BY 1"
        )
    )
    by_name = {page.facts.names("payer_name", [key])[0]: said for key, said in owners.items()}
    total, more = page.facts.measure(_LATE)[None], len(rows) - _SHOWN
    return blocks.block(
        blocks.table(
            ("Payer", "Appeals pending", "Denials with a late decision", "Waiting for it", "Who chases"),
            [
                (name, *(words.value(m) for m in row), by_name.get(name, words.NOT_STATED))
                for name, row in rows[:_SHOWN]
            ],
            caption="Payers late on their own clocks: the day to decide of the rule on file is past"
            + (f"; {more} more in the workbook" if more > 0 else ""),
            right=(1, 2, 3),
            total=("All", *(words.value(m) for m in total), ""),
        ),
        blocks.paragraph(
            "What follows from a missed decision is in the rule of each program: toolkit decision-due "
            "names it. The worklist has the day for each case.",
            "note",
        ),
    )  # fmt: skip


def card(page: Page) -> blocks.Block:
    """Return one row per payer: denials, rates with intervals and cases, days, what is owed."""
    found = tables.by_group(page.facts, "payer_name", _CARD, of="denials", top=_PAYERS)
    if not found:
        return blocks.NOTHING
    headings = ("Payer", *(words.short_name(one) for one in _CARD))
    return blocks.block(
        blocks.table(
            headings,
            [(name, *(words.marked(m) for m in row)) for name, row in found],
            caption=f"Payers, most denied dollars first: no order of merit; {words.SMALL}; in brackets "
            "the 95% interval and the cases",
            right=tuple(range(1, len(headings))),
            total=("All", *(words.marked(m) for m in page.facts.measure(_CARD)[None])),
            kind="fine",
        ),
        _no_rate(page),
    )


def overturned(page: Page) -> blocks.Block:
    """Return each payer's overturn rate with its interval, drawn, and what the test says."""
    measure = outcomes.overturn_rate_decided
    found = tables.by_group(page.facts, "payer_name", (measure,), of="decided", top=_PAYERS)
    drawn = [(name, row[0]) for name, row in found if row[0].n]
    if not drawn:
        return blocks.block(blocks.paragraph("No appeal has been decided yet.", "empty"))
    overall: Metric = measure(page.facts)
    said = difference(page)
    alt = (
        f"Overturn rate of decided appeals by payer, with 95% intervals; all together "
        f"{words.percent(overall.value)}. {said}"
    )
    return blocks.block(
        charts.rates(drawn, alt, overall=overall.value or 0.0),
        blocks.paragraph(f"{said} Open gray diamonds are few cases.", "note"),
    )


def pairs(page: Page) -> blocks.Block:
    """Return denied dollars and denials by payer and category; and appeals won, shrunk toward all."""
    found = tables.pairs(page.facts)
    if found.empty:
        return blocks.NOTHING
    payers = list(dict.fromkeys(found["payer"]))[:_PAYERS]
    sums = found.groupby("category")["denied"].sum().sort_values(ascending=False, kind="stable")
    categories = list(sums.index[:_CATEGORIES])
    cells = {(r.payer, r.category): r for r in found.itertuples()}
    rows = []
    for key, name in zip(payers, page.facts.names("payer_name", payers), strict=True):
        mine = [cells.get((key, category)) for category in categories]
        whole = found[found["payer"] == key]
        shown = [f"{words.short_dollars(c.denied)} / {c.denials:,}" if c else "" for c in mine]
        whole_said = (
            f"{words.short_dollars(int(whole['denied'].sum()))} / {whole['denials'].sum():,}"
        )
        rows.append((name, *shown, whole_said))
    headings = (
        "Payer",
        *(words.plain(one) or words.NOT_STATED for one in categories),
        "All categories",
    )
    return blocks.block(
        blocks.table(
            headings, rows, right=tuple(range(1, len(headings))), kind="fine",
            caption="Denied dollars / denials by payer and category; the workbook has every pair",
        ),
        _shrunk(page),
    )  # fmt: skip


def _shrunk(page: Page) -> str:
    found = page.given.prepared("shrunk")
    if found.empty:
        return ""
    listed = found.sort_values(
        ["decided", "payer", "category"], ascending=[False, True, True], kind="stable"
    ).head(15)
    names = page.facts.names("payer_name", listed["payer"])
    rows = [
        (
            name,
            words.plain(r.category) or words.NOT_STATED,
            f"{r.won:,} of {r.decided:,}",
            words.percent(r.rate) + (f" {words.FEW}" if r.decided < SMALL_N else ""),
            f"{words.percent(r.shrunk)} ({words.percent(r.low)} to {words.percent(r.high)})",
        )
        for name, r in zip(names, listed.itertuples(), strict=True)
    ]
    return blocks.table(
        ("Payer", "Category", "Overturned", "Rate", "Shrunk toward all (95%)"),
        rows,
        caption=f"Appeals by payer and category, most decided first; {words.SMALL}. The shrunk rate is "
        "what to expect of the next appeal: a cell with few cases leans on all the others",
        right=(2, 3, 4),
        kind="narrow",
    )


def _no_rate(page: Page) -> str:
    if rates.remittance_denial_rate(page.facts).n:
        return ""
    return blocks.paragraph(
        "There is no denial rate: the files hold denials only, not the claims that were paid. "
        "Remittances (835), or an export of all claims, would give the denominator.",
        "note",
    )

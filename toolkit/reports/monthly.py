"""The blocks of the monthly report: how many denials, what they came from, what changed."""

import pandas as pd

from toolkit.metrics import outcomes, rates, tables, work
from toolkit.reports import blocks, charts, words
from toolkit.reports.page import Page

_SHOWN = 15
_CHANGES = 8
_RATES = (
    rates.initial_denial_rate_hfma, rates.initial_denial_dollars_hfma, rates.month_denial_rate,
    rates.line_denial_rate, rates.primary_denial_rate, rates.zero_pay_rate, rates.partial_denial_rate,
)  # fmt: skip
_COSTS = (
    work.gross_recovery, outcomes.cost_of_appeals, outcomes.net_recovery, outcomes.breakeven,
    outcomes.recovery_rate,
    work.avoidable_writeoffs, work.preventable_share, work.recoverable_dollars,
)  # fmt: skip
_DAYS = (
    outcomes.days_to_appeal_mean, outcomes.days_to_appeal, outcomes.days_to_appeal_p90,
    outcomes.days_to_decision, outcomes.days_to_decision_p90, outcomes.days_to_cash,
    outcomes.days_to_cash_p90, work.days_to_resolution_mean, work.days_to_resolution,
)  # fmt: skip


def summary(page: Page) -> blocks.Block:
    """Return what the month was, against the three before, and what it costs."""
    facts = page.facts
    name = f"{facts.month:%B %Y}"
    now, before = _month(page)
    if not facts.count():
        said = f"There are no denials, so there is nothing to report for {name}."
        return blocks.block(blocks.paragraph(said, "lead"))
    count, cents = now
    rate = rates.initial_denial_rate_hfma(facts)
    back, cost = facts.measure((work.gross_recovery, outcomes.cost_of_appeals))[None]
    share = work.preventable_share(facts)
    return blocks.block(
        blocks.paragraph(_message(page, name, now, before), "lead"),
        blocks.cards(
            [
                (
                    f"Denials of {name}",
                    f"{count:,}" if count else "none on file",
                    words.dollars(cents) if count else "",
                    "",
                ),
                ("Initial denial rate (HFMA 1)", words.value(rate), words.basis(rate), ""),
                ("Preventable, by code", words.value(share), "of all denied dollars on file", ""),
                ("Gross recovery", words.value(back), "all denials on file", ""),
                ("Cost of the appeals", words.value(cost), "assumed, see Definitions", ""),
            ]
        ),
    )


def causes(page: Page) -> blocks.Block:
    """Return what the month's denials came from, drawn and listed, most dollars first."""
    found = tables.causes(page.facts)
    if found.empty:
        said = f"No denial on file has its notice in {page.facts.month:%B %Y}."
        return blocks.block(blocks.paragraph(said, "empty"))
    sums = found.groupby("category")[["denials", "cents"]].sum()
    sums = sums.sort_values(["cents", "denials"], ascending=False, kind="stable").head(8)
    names = [words.plain(one) or words.NOT_STATED for one in sums.index]
    whole = int(found["cents"].sum())
    labels = [
        f"{words.short_dollars(int(r.cents))} in {words.count(int(r.denials), 'denial')}"
        for r in sums.itertuples()
    ]
    top = f"{names[0]} is the largest with {words.dollars(int(sums['cents'].iloc[0]))}"
    alt = f"Bars of denied dollars of {page.facts.month:%B %Y} by category. {top}."
    rows = [
        (
            words.code(r.group_code, r.carc), words.category(r.category, r.reason),
            words.plain(r.preventable), f"{r.denials:,}", words.dollars(r.cents),
            words.percent(r.cents / whole) if whole else "",
        )
        for r in found.head(_SHOWN).itertuples()
    ]  # fmt: skip
    more = f", the {_SHOWN} largest of {len(found):,}" if len(found) > _SHOWN else ""
    return blocks.block(
        charts.bars(names, [int(one) for one in sums["cents"]], labels, alt) if len(names) > 1 else "",
        blocks.table(
            ("Code", "Category", "Preventable, by code", "Denials", "Denied dollars", "Share"),
            rows, right=(3, 4, 5), caption=f"Root causes of {page.facts.month:%B %Y}{more}",
            total=("All", "", "", f"{found['denials'].sum():,}", words.dollars(whole), ""),
            kind="narrow",
        ),
    )  # fmt: skip


def changed(page: Page) -> blocks.Block:
    """Return what rose or fell against the three months before, and what is no more than chance."""
    found = page.given.prepared("changes")
    said = _missing(page)
    if found.empty:
        said = "There are no denials of the month or of the three before, so nothing can be called changed."
    if said:
        return blocks.block(blocks.paragraph(said, "empty"))
    apart = found[found["differs"]]
    listed = found.sort_values(["p", "payer", "category"], kind="stable").head(_CHANGES)
    names = page.facts.names("payer_name", listed["payer"])
    all_of = "" if page.by_hand else ", the workbook has all"
    said = (
        f"Of {words.count(len(found), 'pair')} of payer and category, {len(apart) or 'none'} changed by "
        "more than chance (false discoveries held at 5%)."
    )
    return blocks.block(
        blocks.paragraph(said),
        blocks.table(
            ("Payer", "Category", "This month", "A month, before", "Dollars this month",
             "Dollars a month, before", "q", "Changed"),
            [
                (
                    name, words.plain(r.category) or words.NOT_STATED, f"{r.now:,}",
                    f"{r.before / 3:.1f}", words.dollars(r.cents),
                    words.dollars(round(r.before_cents / 3)), f"{r.q:.3f}",
                    "yes" if r.differs else "may be chance",
                )
                for name, r in zip(names, listed.itertuples(), strict=True)
            ],
            caption="This month against the average month of the three before, the surest changes first; "
            "q under 0.05 is more than chance"
            + (f"; {_CHANGES} of {len(found):,}{all_of}" if len(found) > _CHANGES else ""),
            right=(2, 3, 4, 5, 6),
            tones=["soon" if r.differs else "" for r in listed.itertuples()],
        ),
    )  # fmt: skip


def claims(page: Page) -> blocks.Block:
    """Return claims by month, from remittances and exports, which give the rates their denominator."""
    found = tables.claims_by_month(page.facts).tail(18)
    if found.empty:
        return blocks.block(blocks.paragraph("There are no claims.", "empty"))
    rows = [
        (
            "no date" if pd.isna(r.month) else f"{r.month:%Y-%m}", r.source, f"{r.claims:,}",
            f"{r.denied:,}", f"{r.first_denials:,}", f"{r.rebills:,}", words.dollars(r.billed),
            words.dollars(r.denied_billed), "yes" if r.counted else "no: denials only",
        )
        for r in found.itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Month", "Source", "Claims", "Denied", "First denials", "Rebills", "Charges",
             "Charges denied", "A denominator"),
            rows, right=(2, 3, 4, 5, 6, 7),
            caption="Claims by month of the remittance, else of the notice; the last 18 months",
        ),
        measured(page, _RATES, "Rates of claims and lines; a rate without its denominator is withheld"),
    )  # fmt: skip


def money(page: Page) -> blocks.Block:
    """Return recovery, cost and days, with what each rests on."""
    return blocks.block(
        measured(page, _COSTS, "What came back and what it cost, of all denials on file"),
        measured(page, _DAYS, "Days from denial to appeal, decision, cash and resolution"),
        blocks.paragraph(page.facts.effort.says, "note"),
    )


def measured(page: Page, measures, caption: str) -> str:
    """Return a table of metrics with what each rests on and its caveat."""
    return blocks.table(
        ("Metric", "Value", "Rests on", "Caveat"),
        [
            (m.name, words.value(m), words.basis(m), m.caveat)
            for m in page.facts.measure(measures)[None]
        ],
        caption=caption,
        right=(1,),
    )


def _month(page: Page) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return denials and cents of the month, and their monthly average in the three before."""
    found = page.given.prepared("changes")
    now = int(found["now"].sum()), int(found["cents"].sum())
    return now, (found["before"].sum() / 3, found["before_cents"].sum() / 3)


def _missing(page: Page) -> str:
    """Return which of the four months have no denial on file, in words; '' where all have."""
    months = [f"{month:%B %Y}" for month in tables.months_missing(page.facts)]
    if not months:
        return ""
    listed = " and ".join(filter(None, (", ".join(months[:-1]), months[-1])))
    return (
        f"The files hold no denial of {listed} and may not reach so far, so the month is not compared "
        "with the three before it."
    )


def _message(page: Page, name: str, now: tuple, before: tuple) -> str:
    count, cents = now
    missing = _missing(page)
    if not count:
        return f"No denial on file has its notice in {name}. {missing}"
    said = f"{name}: {words.count(count, 'denial')} with {words.dollars(cents)} denied"
    if not missing:
        more = cents - round(before[1])
        said += (
            f", {words.dollars(abs(more))} {'more' if more >= 0 else 'less'} than the average of the three "
            f"months before ({before[0]:,.0f} denials, {words.dollars(round(before[1]))})"
        )
    said += ". "
    found = tables.causes(page.facts)
    if len(found):
        sums = found.groupby("category")["cents"].sum().sort_values(ascending=False, kind="stable")
        said += (
            f"The largest cause is {(words.plain(sums.index[0]) or words.NOT_STATED).lower()} with "
            f"{words.dollars(int(sums.iloc[0]))}. "
        )
    if missing:
        return said + missing
    table = page.given.prepared("changes")
    apart = table[table["differs"] & (table["now"] * 3 > table["before"])]
    if len(apart):
        top = apart.sort_values("p", kind="stable").iloc[0]
        [payer] = page.facts.names("payer_name", [top.payer])
        said += (
            f"More than chance: {payer}, {(words.plain(top.category) or words.NOT_STATED).lower()}, "
            f"{int(top.now):,} denials after {top.before / 3:.1f} a month."
        )
    else:
        said += "No rise of a payer and category is more than chance."
    return said

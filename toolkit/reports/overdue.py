"""The blocks of the overdue report: what must be filed, by when, and what stands in the way."""

from collections.abc import Iterator

import pandas as pd

from toolkit.metrics import Facts, Metric, tables, work
from toolkit.reports import blocks, charts, front, words
from toolkit.reports.page import Page
from toolkit.reports.source import URGENT_SHOWN
from toolkit.rules.words import capital

_SHOWN = 40  # rows of codes in the page; the workbook holds all


def summary(page: Page) -> blocks.Block:
    """Return the message in one paragraph and the headline figures."""
    facts = page.facts
    pairs = (
        (work.overdue_appeals, work.overdue_appeals_dollars, "bad"),
        (work.past_safe_date, work.past_safe_date_dollars, "soon"),
        (work.due_this_week, work.due_this_week_dollars, "soon"),
        (work.no_date, work.no_date_dollars, ""),
        (work.denials, work.denied_dollars, ""),
    )
    found = facts.measure([one for many, money, _ in pairs for one in (many, money)])[None]
    shown = [
        (many.name, f"{many.value:,}", _money(many, money), tone if many.value else "")
        for many, money, tone in zip(
            found[::2], found[1::2], (tone for *_, tone in pairs), strict=True
        )
    ]
    return blocks.block(blocks.paragraph(_message(page), "lead"), blocks.cards(shown))


def _money(many: Metric, money: Metric) -> str:
    return words.amount(money.count, int(many.value), money.left_out)


def _worth(money: Metric) -> str:
    return "" if money.value is None else f"worth {words.dollars(money.value)} "


def _sum(found: pd.DataFrame) -> str:
    return words.amount(*(int(found[name].sum()) for name in ("cents", "denials", "unknown")))


def states(page: Page) -> blocks.Block:
    """Return dollars by due state, as a chart and a table that adds up to all denials."""
    sums = tables.by_due(page.facts)
    if sums.empty:
        return blocks.block(blocks.paragraph("There are no denials.", "empty"))
    drawn = sums[sums["due"].isin(tables.OPEN)]
    # One bar alone compares nothing; the table says it.
    top = drawn.loc[drawn["cents"].idxmax()] if len(drawn) > 1 else None
    chart = (
        charts.due_states(
            drawn,
            "Bars of dollars at stake by due state. The largest is "
            f"{words.DUE[top.due].lower()} with {words.amount(top.cents, top.denials, top.unknown)} in "
            f"{words.count(int(top.denials), 'denial')}; overdue, all routes together, is at "
            f"{words.value(work.overdue_dollars(page.facts))}.",
        )
        if top is not None
        else ""
    )
    rows = [
        (
            words.DUE[s.due],
            f"{s.denials:,}",
            words.amount(s.denied, s.denials, s.unstated),
            "" if s.due == "closed" else words.amount(s.cents, s.denials, s.unknown),
        )
        for s in sums.itertuples()
    ]
    denied = words.amount(*(int(sums[n].sum()) for n in ("denied", "denials", "unstated")))
    open_ = sums[sums["due"] != "closed"]
    return blocks.block(
        chart,
        blocks.table(
            ("Due state", "Denials", "Denied dollars", "At stake"),
            rows,
            caption="All denials by due state; at stake is what no appeal has brought back of those not closed",
            right=(1, 2, 3),
            total=("All denials", f"{sums['denials'].sum():,}", denied, _sum(open_)),
            kind="narrow",
        ),
        *_closures(page),
    )


def _closures(page: Page) -> Iterator[str]:
    found = tables.closures(page.facts)
    if len(found):
        yield blocks.table(
            ("How it was closed", "Denials", "Recovered", "Not recovered"),
            [
                (
                    words.CLOSED[c.closed_as],
                    f"{c.denials:,}",
                    words.amount(c.recovered, c.denials, c.unknown),
                    words.amount(c.cents, c.denials, c.unknown),
                )
                for c in found.itertuples()
            ],
            caption="Closed denials, by how they were closed",
            right=(1, 2, 3),
            total=(
                "All closed", f"{found['denials'].sum():,}",
                words.amount(*(int(found[n].sum()) for n in ("recovered", "denials", "unknown"))),
                _sum(found),
            ),
            kind="narrow",
        )  # fmt: skip


def routes(page: Page) -> blocks.Block:
    """Return what is urgent by route, and of each what was done before: routes are never added up."""
    found = tables.by_route(page.facts)
    if found.empty:
        return blocks.NOTHING
    rows, tones = [], []
    for state in tables.URGENT:
        mine = found[found["due"] == state]
        order = mine.groupby("route")["cents"].sum().sort_values(ascending=False, kind="stable")
        for route in sorted(order.index, key=lambda one: one != "appeal"):
            one = mine[mine["route"] == route]
            done = one.groupby("before")["denials"].sum()
            said = "; ".join(
                f"{done[name]:,} {words.BEFORE[name]}" for name in words.BEFORE if name in done
            )
            rows.append(
                (
                    words.DUE[state], words.plain(route) or "Not stated",
                    f"{one['denials'].sum():,}", _sum(one), said,
                )
            )  # fmt: skip
            tones.append("" if route != "appeal" else "bad" if state == "overdue" else "soon")
    return blocks.block(
        blocks.table(
            ("Due state", "Route", "Denials", "At stake", "Of these"),
            rows,
            caption="Urgent denials by route; the days are those of the appeal",
            right=(2, 3),
            tones=tones,
        ),
        blocks.paragraph(
            "For a corrected claim, records or another payer the last day to appeal is not the last "
            "day to act: the payer's own limit for that route counts. A denial lost at the level before "
            "may have been left there on purpose.",
            "note",
        ),
    )


def calendar(page: Page) -> blocks.Block:
    """Return open dollars by the week in which they are to be filed, and by the age of the denial."""
    weeks = tables.by_week(page.facts)
    if weeks.empty:
        said = blocks.paragraph("No open denial has a date to file by.", "empty")
        return blocks.block(said, *_ages(page))
    chart, outside = charts.weeks(weeks, as_of=page.facts.as_of)
    return blocks.block(chart, blocks.paragraph(outside, "note") if outside else "", *_ages(page))


def _ages(page: Page) -> Iterator[str]:
    found = tables.by_age(page.facts)
    if len(found):
        yield blocks.table(
            ("Days since the notice", "Open denials", "At stake"),
            [
                (a.age, f"{a.denials:,}", words.amount(a.cents, a.denials, a.unknown))
                for a in found.itertuples()
            ],
            caption="Open denials by age, counted from the notice (else the remittance)",
            right=(1, 2),
            total=("All open", f"{found['denials'].sum():,}", _sum(found)),
            kind="narrow",
        )


def cases(page: Page) -> blocks.Block:
    """Return the denials to file: overdue, past the safe date, due this week."""
    if not page.facts.count(*tables.URGENT):
        said = "No denial with a known date is overdue, past the safe date or due this week."
        return blocks.block(blocks.paragraph(said, "empty"))
    parts = [part for state in tables.URGENT for part in _state(page, state)]
    return blocks.block(*parts)


def groups(page: Page) -> blocks.Block:
    """Return the headline figures of each payer or facility, and the load of each owner and facility."""
    columns = (
        work.overdue_appeals, work.overdue_appeals_dollars, work.overdue_other_routes,
        work.past_safe_date, work.due_this_week, work.due_this_week_dollars, work.no_date,
        work.denials, work.denied_dollars,
    )  # fmt: skip
    found = tables.by_group(page.facts, page.by_column, columns, of="denials")
    if not found:
        return blocks.block(blocks.paragraph("There are no denials.", "empty"))
    rows = [(name, *(words.value(m) for m in metrics)) for name, metrics in found]
    return blocks.block(
        blocks.table(
            (capital(page.by), *(f.definition.name for f in columns)),
            rows,
            caption=f"By {page.by}, most denied dollars first",
            right=tuple(range(1, len(columns) + 1)),
            total=("All", *(words.value(m) for m in page.facts.measure(columns)[None])),
        ),
        front.owners(page),
    )


def gaps(page: Page) -> blocks.Block:
    """Return what to fill in, and what each entry would unlock."""
    missing = tables.gaps(page.facts)
    if missing.empty:
        return blocks.block(
            blocks.paragraph("Nothing is missing: every open denial has its date.", "empty")
        )
    rows = [
        (g.gap, g.payers, f"{g.denials:,}", words.amount(g.cents, g.denials, g.unknown))
        for g in missing.itertuples()
    ]
    return blocks.block(
        blocks.paragraph(
            "These denials have no date, because a fact that the rule turns on, or the rule itself, "
            "is not on file. The toolkit does not guess."
        ),
        blocks.table(
            ("What to fill in", "Payers concerned", "Dates for", "At stake"),
            rows,
            caption="What to fill in and what it would unlock, most dollars first",
            right=(2, 3),
            total=("All", "", f"{missing['denials'].sum():,}", _sum(missing)),
        ),
    )  # fmt: skip


def no_right(page: Page) -> blocks.Block:
    """Return the denials that cannot be appealed, and the route that is left."""
    found = tables.no_right(page.facts)
    if found.empty:
        return blocks.block(
            blocks.paragraph("No open denial is known to lack a right of appeal.", "empty")
        )
    rows = [
        (words.code(r.group_code, r.carc), words.plain(r.reason), words.plain(r.route), f"{r.denials:,}",
         words.amount(r.cents, r.denials, r.unknown))
        for r in found.head(_SHOWN).itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Code", "Reason", "Route instead", "Denials", "At stake"),
            rows,
            caption=_caption("Denials with no appeal right, by code", len(found)),
            right=(3, 4),
            total=_total(found, 3),
        )
    )


def unclassified(page: Page) -> blocks.Block:
    """Return the codes that no entry on file classifies."""
    found = tables.unclassified(page.facts)
    if found.empty:
        return blocks.block(blocks.paragraph("Every denial has a category.", "empty"))
    rows = [
        (
            words.code(r.group_code, r.carc),
            r.rarcs,
            f"{r.denials:,}",
            words.amount(r.cents, r.denials, r.unknown),
        )
        for r in found.head(_SHOWN).itertuples()
    ]
    return blocks.block(
        blocks.table(
            ("Code", "Remark codes", "Denials", "At stake"),
            rows,
            caption=_caption("Codes without a category", len(found)),
            right=(2, 3),
            total=_total(found, 2),
            kind="narrow",
        )
    )


def _message(page: Page) -> str:
    facts, when = page.facts, words.long_day(page.facts.as_of)
    gap = facts.count("no_date")
    if not facts.count():
        return f"As of {when}, there are no denials."
    said = (
        _dated(facts, when)
        if facts.count(*tables.URGENT, "due_later")
        else [f"As of {when}, no denial has a known date to file by."]
    )
    if gap:
        said.append(
            f"{words.count(gap, 'denial')} {'has' if gap == 1 else 'have'} no date, "
            "because something is missing: see What to fill in."
        )
    return " ".join(said)


def _dated(facts: Facts, when: str) -> list[str]:
    late, money, never, lost, other, week, week_money, tight = facts.measure(
        (
            work.overdue_appeals, work.overdue_appeals_dollars, work.overdue_never_appealed,
            work.overdue_after_loss, work.overdue_other_routes, work.due_this_week,
            work.due_this_week_dollars, work.past_safe_date,
        )
    )[None]  # fmt: skip
    if late.value:
        rest = int(late.value) - int(never.value) - int(lost.value)
        said = [
            f"As of {when}, {words.count(late.value, 'appeal')} {_worth(money)}"
            f"{'is' if late.value == 1 else 'are'} past the last day to file: "
            f"{never.value:,} never appealed, {lost.value:,} lost at the level before"
            + (f", {rest:,} appealed before without a known decision." if rest else ".")
        ]
    else:
        said = [f"As of {when}, no appeal with a known date is past its last day to file."]
    if other.value:
        said.append(
            f"{words.count(other.value, 'denial')} past that day "
            f"{'goes' if other.value == 1 else 'go'} another route: see What is urgent, by route."
        )
    if tight.value:
        said.append(
            f"{words.count(tight.value, 'denial')} can still be filed in law, "
            "but the safe date is gone: file today."
        )
    said.append(
        f"{words.count(week.value, 'denial')} {_worth(week_money)}must be filed within the week."
        if week.value
        else "Nothing with a known date falls due within the week."
    )
    return said


# Which day the days of a state are counted to: the one that the state turns on.
_DAYS = {
    "overdue": ("Days late", "last_filing_date", -1),
    "past_safe_date": ("Days to the last day", "last_filing_date", 1),
    "due_this_week": ("Days to file", "file_by", 1),
}


def _state(page: Page, state: str) -> list[str]:
    many = page.facts.count(state)
    title = blocks.heading(words.DUE[state])
    if not many:
        return [title, blocks.paragraph(f"No denial is {words.DUE[state].lower()}.", "empty")]
    if page.share:
        sums = tables.by_due(page.facts).set_index("due").loc[[state]]
        said = f"{words.count(many, 'denial')}, {_sum(sums)} at stake, not listed here."
        return [title, blocks.paragraph(said, "empty")]
    top = page.given.urgent[page.given.urgent["due"] == state]
    standings = [s for s in dict.fromkeys(top["standing"].fillna("")) if s]
    number = {text: str(n) for n, text in enumerate(standings, start=1)}
    counted, column, sign = _DAYS[state]
    left = (top[column] - pd.Timestamp(page.facts.as_of)).dt.days * sign
    rows = [
        (
            r.claim_key,
            "" if pd.isna(r.row) else f"{r.row}",
            words.plain(r.route),
            _text(r.payer_name),
            f"{words.plain(r.program)}: {words.plain(r.level)}",
            words.day(r.file_by),
            words.day(r.last_filing_date),
            f"{days:,}",
            words.dollars(r.stake_cents) or "not stated",
            words.category(r.denial_category, r.reason),
            ", ".join(
                filter(
                    None,
                    (
                        _text(r.filed_when),
                        "" if pd.isna(r.citation) else f"{r.citation} [{r.rule_status}]",
                    ),
                )
            ),
            number.get(r.standing, ""),
        )
        for r, days in zip(top.itertuples(), left, strict=True)
    ]
    used = [f"Standing {n}: {s}" for s, n in number.items()]
    sums = tables.by_due(page.facts).set_index("due").loc[[state]]
    return [
        title,
        blocks.table(
            (
                "Claim key", "Row", "Route", "Payer", "Program and level", "File by", "Last day",
                counted, "At stake", "Category", "Rule", "Standing",
            ),
            rows,
            caption=_caption(
                "Appeals first, then other routes, most dollars first", many, URGENT_SHOWN, _listed(page)
            ),
            right=(1, 7, 8),
            keep=(0, 5, 6),
            total=(
                words.count(many, "denial"), "", "", "", "", "", "", "", _sum(sums), "", "", "",
            ),
            tones=["bad" if state == "overdue" else "soon"] * len(rows),
            kind="fine",
        ),
        blocks.items(used) if used else "",
    ]  # fmt: skip


def _caption(text: str, rows: int, shown: int = _SHOWN, listed: str = "all") -> str:
    if rows <= shown:
        return text
    return f"{text}; {shown} of {rows:,} rows, the workbook has {listed}; the last row adds up all"


def _listed(page: Page) -> str:
    most = page.given.most
    if page.facts.count(*tables.OPEN) <= most:
        return "all"
    return f"the first {most:,} open denials by urgency"


def _total(found: pd.DataFrame, place: int) -> tuple[str, ...]:
    blank = ("",) * (place - 1)
    return ("All", *blank, f"{found['denials'].sum():,}", _sum(found))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""The blocks of the overdue report: what must be filed, by when, and what stands in the way."""

import pandas as pd

from toolkit.metrics import Ledger, Metric, tables, work
from toolkit.reports import blocks, charts, words
from toolkit.reports.page import Page
from toolkit.reports.part import URGENT_SHOWN
from toolkit.rules.words import capital

METRICS = work

_SHOWN = 40  # rows of codes in the page; the workbook holds all


def summary(page: Page) -> blocks.Block:
    """Return the message in one paragraph and the headline figures."""
    book = page.ledger
    pairs = (
        (work.overdue(book), work.overdue_dollars(book), "bad"),
        (work.past_safe_date(book), work.past_safe_date_dollars(book), "soon"),
        (work.due_this_week(book), work.due_this_week_dollars(book), "soon"),
        (work.no_date(book), work.no_date_dollars(book), ""),
    )
    shown = [
        (many.name, f"{many.value:,}", _money(many, money), tone if many.value else "")
        for many, money, tone in pairs
    ]
    shown.append(
        (
            "All denials on file",
            f"{work.denials(book).value:,}",
            _money(work.denials(book), work.denied_dollars(book)),
            "",
        )
    )
    return blocks.block(blocks.paragraph(_message(page), "lead"), blocks.cards(shown))


def _money(many: Metric, money: Metric) -> str:
    return words.amount(money.value, int(many.value), money.left_out)


def _worth(money: Metric) -> str:
    return "" if money.value is None else f"worth {words.dollars(money.value)} "


def _sum(found: pd.DataFrame) -> str:
    return words.amount(*(int(found[name].sum()) for name in ("cents", "denials", "unknown")))


def states(page: Page) -> blocks.Block:
    """Return dollars by due state, as a chart and a table that adds up to all denials."""
    sums = tables.by_due(page.ledger)
    if sums.empty:
        return blocks.block(blocks.paragraph("There are no denials.", "empty"))
    drawn = sums[sums["due"].isin(tables.OPEN)]
    # One bar alone compares nothing; the table says it.
    top = drawn.loc[drawn["cents"].idxmax()] if len(drawn) > 1 else None
    chart = (
        charts.due_states(
            drawn,
            "Bars of open dollars by due state. The largest is "
            f"{words.DUE[top.due].lower()} with {words.amount(top.cents, top.denials, top.unknown)} in "
            f"{words.count(int(top.denials), 'denial')}; overdue stands at "
            f"{words.value(work.overdue_dollars(page.ledger))}.",
        )
        if top is not None
        else ""
    )
    rows = [
        (words.DUE[s.due], f"{s.denials:,}", words.amount(s.cents, s.denials, s.unknown))
        for s in sums.itertuples()
    ]
    return blocks.block(
        chart,
        blocks.table(
            ("Due state", "Denials", "Denied dollars"),
            rows,
            caption="All denials by due state",
            right=(1, 2),
            total=("All denials", f"{sums['denials'].sum():,}", _sum(sums)),
            kind="narrow",
        ),
    )


def calendar(page: Page) -> blocks.Block:
    """Return open dollars by the week in which they are to be filed."""
    weeks = tables.by_week(page.ledger)
    if weeks.empty:
        return blocks.block(blocks.paragraph("No open denial has a date to file by.", "empty"))
    chart, outside = charts.weeks(weeks, as_of=page.ledger.as_of)
    return blocks.block(chart, blocks.paragraph(outside, "note") if outside else "")


def cases(page: Page) -> blocks.Block:
    """Return the denials to file: overdue, past the safe date, due this week."""
    if not page.ledger.count(*tables.URGENT):
        said = "No denial with a known date is overdue, past the safe date or due this week."
        return blocks.block(blocks.paragraph(said, "empty"))
    parts = [part for state in tables.URGENT for part in _state(page, state)]
    return blocks.block(*parts)


def groups(page: Page) -> blocks.Block:
    """Return the headline figures of each payer or facility."""
    columns = (
        work.overdue, work.overdue_dollars, work.past_safe_date, work.due_this_week,
        work.due_this_week_dollars, work.no_date, work.denials, work.denied_dollars,
    )  # fmt: skip
    found = tables.by_group(page.ledger, page.by_column, columns, of="denials")
    if not found:
        return blocks.block(blocks.paragraph("There are no denials.", "empty"))
    rows = [(name, *(words.value(m) for m in metrics)) for name, metrics in found]
    return blocks.block(
        blocks.table(
            (capital(page.by), *(f.definition.name for f in columns)),
            rows,
            caption=f"By {page.by}, most denied dollars first",
            right=tuple(range(1, len(columns) + 1)),
            total=("All", *(words.value(f(page.ledger)) for f in columns)),
        )
    )


def gaps(page: Page) -> blocks.Block:
    """Return what to fill in, and what each entry would unlock."""
    missing = tables.gaps(page.ledger)
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
            ("What to fill in", "Payers concerned", "Dates for", "Dollars"),
            rows,
            caption="What to fill in and what it would unlock, most dollars first",
            right=(2, 3),
            total=("All", "", f"{missing['denials'].sum():,}", _sum(missing)),
        ),
    )  # fmt: skip


def no_right(page: Page) -> blocks.Block:
    """Return the denials that cannot be appealed, and the route that is left."""
    found = tables.no_right(page.ledger)
    if found.empty:
        return blocks.block(
            blocks.paragraph("No open denial is known to lack a right of appeal.", "empty")
        )
    rows = [
        (_code(r.group_code, r.carc), words.plain(r.reason), words.plain(r.route), f"{r.denials:,}",
         words.amount(r.cents, r.denials, r.unknown))
        for r in found.head(_SHOWN).itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Code", "Reason", "Route instead", "Denials", "Dollars"),
            rows,
            caption=_caption("Denials with no appeal right, by code", len(found)),
            right=(3, 4),
            total=_total(found, 3),
        )
    )


def unclassified(page: Page) -> blocks.Block:
    """Return the codes that no entry on file classifies."""
    found = tables.unclassified(page.ledger)
    if found.empty:
        return blocks.block(blocks.paragraph("Every denial has a category.", "empty"))
    rows = [
        (
            _code(r.group_code, r.carc),
            r.rarcs,
            f"{r.denials:,}",
            words.amount(r.cents, r.denials, r.unknown),
        )
        for r in found.head(_SHOWN).itertuples()
    ]
    return blocks.block(
        blocks.table(
            ("Code", "Remark codes", "Denials", "Dollars"),
            rows,
            caption=_caption("Codes without a category", len(found)),
            right=(2, 3),
            total=_total(found, 2),
            kind="narrow",
        )
    )


def _message(page: Page) -> str:
    book, when = page.ledger, words.long_day(page.ledger.as_of)
    gap = work.no_date(book).value
    if not book.count():
        return f"As of {when}, there are no denials."
    said = (
        _dated(book, when)
        if book.count(*tables.URGENT, "due_later")
        else [f"As of {when}, no denial has a known date to file by."]
    )
    if gap:
        said.append(
            f"{words.count(gap, 'denial')} {'has' if gap == 1 else 'have'} no date, "
            "because something is missing: see What to fill in."
        )
    return " ".join(said)


def _dated(book: Ledger, when: str) -> list[str]:
    late, money = work.overdue(book).value, work.overdue_dollars(book)
    week, week_money = work.due_this_week(book).value, work.due_this_week_dollars(book)
    tight = work.past_safe_date(book).value
    said = [
        f"As of {when}, {words.count(late, 'denial')} {_worth(money)}"
        f"{'is' if late == 1 else 'are'} past the last day to file."
        if late
        else f"As of {when}, no denial with a known date is past its last day to file."
    ]
    if tight:
        said.append(
            f"{words.count(tight, 'denial')} can still be filed in law, "
            "but the safe date is gone: file today."
        )
    said.append(
        f"{words.count(week, 'denial')} {_worth(week_money)}must be filed within the week."
        if week
        else "Nothing with a known date falls due within the week."
    )
    return said


def _state(page: Page, state: str) -> list[str]:
    many = page.ledger.count(state)
    title = blocks.heading(words.DUE[state])
    if not many:
        return [title, blocks.paragraph(f"No denial is {words.DUE[state].lower()}.", "empty")]
    top = page.given.urgent[page.given.urgent["due"] == state]
    standings = [s for s in dict.fromkeys(top["standing"].fillna("")) if s]
    number = {text: str(n) for n, text in enumerate(standings, start=1)}
    rows = [
        (
            r.claim_key,
            "" if pd.isna(r.row) else f"{r.row}",
            _text(r.payer_name),
            f"{words.plain(r.program)}: {words.plain(r.level)}",
            words.day(r.file_by),
            f"{words.day(r.last_filing_date)} {_text(r.filed_when)}".strip(),
            "" if pd.isna(r.days_left) else f"{r.days_left:,}",
            words.dollars(r.denied_cents) or "not stated",
            words.plain(r.reason) or words.plain(r.denial_category),
            "" if pd.isna(r.citation) else f"{r.citation} [{r.rule_status}]",
            number.get(r.standing, ""),
        )
        for r in top.itertuples()
    ]
    used = [f"Standing {n}: {s}" for s, n in number.items()]
    return [
        title,
        blocks.table(
            (
                "Claim key", "Row", "Payer", "Program and level", "File by", "Last day",
                "Days left", "Denied", "Reason", "Rule", "Standing",
            ),
            rows,
            caption=_caption("Most dollars first", many, URGENT_SHOWN, _listed(page)),
            right=(1, 6, 7),
            keep=(0, 4, 5),
            total=(
                words.count(many, "denial"), "", "", "", "", "", "",
                _sum(page.ledger.due(state)), "", "", "",
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
    if page.ledger.count(*tables.OPEN) <= most:
        return "all"
    return f"the first {most:,} open denials by urgency"


def _total(found: pd.DataFrame, place: int) -> tuple[str, ...]:
    blank = ("",) * (place - 1)
    return ("All", *blank, f"{found['denials'].sum():,}", _sum(found))


def _code(group_code: str, carc: str) -> str:
    return "-".join(part for part in (group_code, carc) if part) or "no code, text only"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

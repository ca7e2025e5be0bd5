"""The blocks of the report on definitions: one month under several definitions, and the claims that move."""

from toolkit.metrics import outcomes, rates, tables, work
from toolkit.reports import blocks, words
from toolkit.reports.page import Page

_SAME_MONTH = (
    rates.initial_denial_rate_hfma, rates.initial_denial_dollars_hfma, rates.month_denial_rate,
    rates.month_denial_rate_dollars, rates.line_denial_rate, rates.primary_denial_rate,
)  # fmt: skip
_KEYS = 4  # on the page; the workbook has more
_HFMA = (
    ("1a", rates.initial_denial_rate_hfma), ("1b", rates.initial_denial_dollars_hfma),
    ("1c", rates.line_denial_rate), ("2", rates.primary_denial_rate), ("3", None),
    ("4", outcomes.days_to_appeal_mean), ("5", work.days_to_resolution_mean),
    ("6, volume", outcomes.overturned_share_hfma), ("6, dollars", outcomes.overturned_dollars_hfma),
)  # fmt: skip


def summary(page: Page) -> blocks.Block:
    """Return the month's denial rate under each definition, and how far apart they are."""
    facts, name = page.facts, f"{page.facts.month:%B %Y}"
    found = facts.measure(_SAME_MONTH)[None]
    known = [m for m in found if m.value is not None]
    if len(known) > 1:
        low, high = (pick(known, key=lambda m: m.value) for pick in (min, max))
        said = (
            f"The denial rate of {name} is {words.percent(low.value)} by one definition ({low.name}) and "
            f"{words.percent(high.value)} by another ({high.name}), on the same claims."
        )
    elif known:
        said = f"Of {name} one definition has its denominator: {known[0].name}, {words.value(known[0])}."
    else:
        said = f"No denial rate of {name} can be given: {_why_not(page)}"
    return blocks.block(
        blocks.paragraph(said, "lead"),
        blocks.table(
            ("Definition", "Numerator", "Denominator", "Rate", "Counted", "Out of", "95%"),
            [
                (
                    m.name, m.numerator, m.denominator, words.value(m), _side(m, m.count),
                    _side(m, m.out_of), words.interval(m),
                )
                for m in found
            ],
            caption=f"{name} under several definitions; never put two of them into one series",
            right=(3, 4, 5, 6),
        ),
        *(
            blocks.paragraph(f"Withheld, since {why}: {', '.join(names)}.", "note")
            for why, names in _withheld(found).items()
        ),
    )  # fmt: skip


def moves(page: Page) -> blocks.Block:
    """Return the claims of the month that count under one definition and not under another."""
    found = tables.moved_claims(page.facts)
    if not found["claims"].sum():
        said = f"No claim of {page.facts.month:%B %Y} moves between the definitions"
        return blocks.block(
            blocks.paragraph(f"{said}, or no file holds all claims of it.", "empty")
        )
    return blocks.block(
        blocks.table(
            ("Claims", "What moves", "How many", "Charges", *([] if page.share else ["Claim keys"])),
            [
                (
                    m.why, m.effect, f"{m.claims:,}", words.dollars(m.cents),
                    *([] if page.share else [_keys(m.keys.split(), m.claims)]),
                )
                for m in found.itertuples()
            ],
            caption="Claims that one definition counts and another does not; a claim can move for several reasons",
            right=(2, 3),
        )
    )  # fmt: skip


def _keys(keys: list[str], claims: int) -> str:
    return " ".join(keys[:_KEYS]) + (" ..." if claims > _KEYS else "")


def hfma(page: Page) -> blocks.Block:
    """Return HFMA's six metrics, and what is missing for those that cannot be given."""
    rows = []
    for number, measure in _HFMA:
        if measure is None:
            lost = work.written_off_dollars(page.facts)
            rows.append(
                (number, "Denial write-offs, % of net patient service revenue", "not given",
                 f"numerator: {words.value(lost)} written off on file; net patient service revenue is in no "
                 "claim file, and the month of a write-off is known only where it was recorded")
            )  # fmt: skip
            continue
        metric = measure(page.facts)
        said = [words.basis(metric) or _NONE if metric.value is None else words.basis(metric)]
        said += [metric.caveat] if metric.value is not None else []
        rows.append((number, metric.name, words.value(metric), "; ".join(filter(None, said))))
    rows.append(
        ("6, level of care", "Inpatient denials converted to observation", "not given",
         "no file states that an inpatient stay was paid as observation")
    )  # fmt: skip
    return blocks.block(
        blocks.table(
            ("HFMA", "Metric", "Value", "Rests on, or what is missing"), rows, right=(2,),
            caption="The six metrics of HFMA's Claim Integrity Task Force (2021); marks are under Definitions",
        )
    )  # fmt: skip


def _why_not(page: Page) -> str:
    if not page.facts.one("SELECT count(*) FROM claims"):
        return "there are no claims."
    full = page.facts.one("SELECT count(*) FROM claims WHERE source = 'remittance'")
    if full:
        return "the remittances hold no claim of that month."
    return (
        "the files hold denials only, so there is no denominator; remittances (835), or an export of all "
        "claims, would give it."
    )


_NONE = "no file holds what it is counted over"


def _withheld(metrics) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in metrics:
        if one.withheld:
            found.setdefault(one.withheld, []).append(one.name)
    return found


def _side(metric, number) -> str:
    if number is None or metric.withheld:
        return ""
    return words.dollars(number) if metric.dollars else f"{number:,}"

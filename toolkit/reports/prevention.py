"""The blocks of the prevention report: clusters of denials as pre-bill rules, replayed on past claims."""

import pandas as pd

from toolkit.denials.codes import category_of
from toolkit.metrics import work
from toolkit.metrics.metric import SMALL_N
from toolkit.reports import blocks, words
from toolkit.reports.page import Page

_SHOWN = 20
_FIRST = 5
_STAGES = 7


def summary(page: Page) -> blocks.Block:
    """Return which rule would have caught most, and what the files cannot say."""
    rules = page.given.prepared("rules")
    share, money = page.facts.measure((work.preventable_share, work.denied_dollars))[None]
    if rules.empty:
        said = (
            "No cluster of preventable denials is large enough to be a rule: five lines of one procedure "
            "with one code, more than elsewhere by more than chance, and at least one more later."
        )
        return blocks.block(blocks.paragraph(said, "lead"))
    best, full = rules.iloc[0], bool(rules["full"].iloc[0])
    caught = int(best.caught_cents)
    which = "best rule" if full else "rule that would have caught the most dollars"
    said = (
        f"The {which} ({_rule(page, best)}) holds {words.count(int(best.caught), 'denied line')} with {words.dollars(caught)}"
        + (
            f", and {words.count(int(best.false_alarms), 'line')} for nothing. "
            if full
            else "; how many lines it holds for nothing is not known. "
        )
        + f"Rules {rules['months'].iloc[0]}."
    )
    return blocks.block(
        blocks.paragraph(said, "lead"),
        "" if full else blocks.paragraph(
            "The files hold denials only: without the lines that were paid no rule has false alarms to "
            "count. Remittances (835), or an export of all claims, would give them.", "warning",
        ),
        blocks.paragraph(
            "There is one month only, so each rule is replayed on the month that it was found in, which "
            "flatters it.", "warning",
        ) if bool(rules["same_months"].iloc[0]) else "",
        blocks.cards(
            [
                ("Rules worth a look", f"{len(_worth(rules)):,}", f"of {len(rules):,} clusters", ""),
                ("The first one catches", words.dollars(caught),
                 f"{int(best.caught):,} lines" + (f", precision {words.percent(float(best.precision))}" if full else ""), ""),
                ("Preventable, by code", words.value(share), f"of {words.value(money)} denied", ""),
            ]
        ),
    )  # fmt: skip


def first(page: Page) -> blocks.Block:
    """Return the first rules, with who would change what this week."""
    rules = _worth(page.given.prepared("rules")).head(_FIRST)
    if rules.empty:
        return blocks.NOTHING
    known = category_of()
    rows = [
        (
            _rule(page, r), known[r.category].owner, known[r.category].stage,
            f"{r.caught:,}", _number(r.false_alarms), words.dollars(r.caught_cents),
        )
        for r in rules.itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Hold before billing", "By whom", "Where it begins", "Caught", "False alarms", "Dollars caught"),
            rows, right=(3, 4, 5),
            caption="What to put into the scrubber this week; rules overlap, so they do not add up"
            if bool(page.given.prepared("rules")["full"].all())
            else "What to try first: replay each on all claims before it goes into the scrubber; "
            "rules overlap, so they do not add up",
        )
    )  # fmt: skip


def stages(page: Page) -> blocks.Block:
    """Return denied dollars by where the cause begins: front, middle, back; and by whom it is owned."""
    known = category_of()
    found = page.facts.frame(
        "SELECT coalesce(denial_category, '') AS category, coalesce(preventable, '') AS preventable, "
        "count(*) AS denials, coalesce(sum(denied_cents), 0)::BIGINT AS cents FROM denials GROUP BY 1, 2"
    )
    if found.empty:
        return blocks.NOTHING
    for name, field in (("stage", "stage"), ("who", "owner")):
        words_ = [getattr(known[c], field) if c in known else "" for c in found["category"]]
        found[name] = ["" if one == "none" else one for one in words_]
    found["yes"] = found["cents"].where(found["preventable"] == "yes", 0)
    found["partly"] = found["cents"].where(found["preventable"] == "partly", 0)
    sums = found.groupby(["stage", "who"])[["denials", "cents", "yes", "partly"]].sum()
    sums = sums.sort_values(["cents", "denials"], ascending=False, kind="stable").reset_index()
    shown, rest = sums.head(_STAGES), sums.iloc[_STAGES:]
    return blocks.block(
        blocks.table(
            ("Where it begins", "Who owns the cause", "Denials", "Denied dollars", "Preventable, by code",
             "Partly preventable"),
            [
                (
                    words.plain(r.stage) or words.NOT_STATED, words.plain(r.who) or words.NOT_STATED,
                    f"{r.denials:,}", words.dollars(r.cents), words.dollars(r.yes), words.dollars(r.partly),
                )
                for r in shown.itertuples()
            ]
            + (
                [
                    (
                        f"all others ({len(rest)})", "", f"{rest['denials'].sum():,}",
                        *(words.dollars(int(rest[name].sum())) for name in ("cents", "yes", "partly")),
                    )
                ]
                if len(rest)
                else []
            ),
            caption="Denials by where their cause begins, as assumed from the code",
            right=(2, 3, 4, 5), kind="narrow",
            total=("All", "", f"{sums['denials'].sum():,}", *(
                words.dollars(int(sums[name].sum())) for name in ("cents", "yes", "partly"))),
        ),
        _assumed(work.preventable_share(page.facts)),
    )  # fmt: skip


def replayed(page: Page) -> blocks.Block:
    """Return each rule as it was found and as it would have done on later claims."""
    rules = page.given.prepared("rules")
    if rules.empty:
        return blocks.block(blocks.paragraph("There is no rule to replay.", "empty"))
    more = f", the first {_SHOWN} of {len(rules):,}" if len(rules) > _SHOWN else ""
    rows = [
        (
            _rule(page, r), f"{r.learned:,} of {r.learned_lines:,}", f"{r.caught:,}",
            _number(r.false_alarms), _precision(r), words.dollars(r.caught_cents),
            "" if pd.isna(r.held_cents) else words.dollars(int(r.held_cents)),
            "" if pd.isna(r.net_cents) else words.dollars(int(r.net_cents)),
        )
        for r in rules.head(_SHOWN).itertuples()
    ]  # fmt: skip
    return blocks.block(
        blocks.table(
            ("Rule", "Found on", "Caught later", "False alarms", "Precision (95%)", "Dollars caught",
             "Cost of holding", "Dollars less cost"),
            rows, right=(1, 2, 3, 4, 5, 6, 7),
            caption=f"Rules {rules['months'].iloc[0]}{more}; {words.SMALL} held",
        ),
        blocks.paragraph(
            "A rule holds a line before it is billed. Caught: lines held that were denied with the rule's "
            "code. False alarms: lines held that were paid, or denied for something else. Dollars caught are "
            "charges, not what the payer would have paid. "
            f"A line held costs a review of {page.facts.effort.minutes_of('review')} minutes.",
            "note",
        ),
    )  # fmt: skip


def _worth(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the rules that catch more dollars than holding costs, as far as that is known."""
    return rules[rules["net_cents"].isna() | (rules["net_cents"] > 0).fillna(False)]


def _rule(page: Page, rule) -> str:
    payer = "any payer" if pd.isna(rule.payer) else page.facts.names("payer_name", [rule.payer])[0]
    modifiers = (
        ""
        if pd.isna(rule.modifiers)
        else f" with {rule.modifiers}"
        if rule.modifiers
        else " without modifier"
    )
    code = words.code(rule.group_code, rule.carc)
    return (
        f"{payer}, {rule.procedure_code}{modifiers}: {words.plain(rule.category).lower()} ({code})"
    )


def _number(value) -> str:
    return "not known" if pd.isna(value) else f"{int(value):,}"


def _precision(rule) -> str:
    if pd.isna(rule.precision):
        return "not known"
    mark = f" {words.FEW}" if rule.caught + rule.false_alarms < SMALL_N else ""
    return f"{rule.precision:.0%}{mark} ({rule.low:.0%} to {rule.high:.0%})"


def _assumed(share) -> str:
    if share.value is None:
        return ""
    return blocks.paragraph(
        f"Preventable by code: {words.value(share)} of denied dollars ({words.basis(share)}). It is assumed "
        "from the code, not reviewed case by case; a reviewed share needs a reviewer's word for each case.",
        "note",
    )

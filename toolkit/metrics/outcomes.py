"""What became of the appeals: the outcome metrics."""

import pandas as pd

from toolkit.metrics.groups import DECIDED, WON
from toolkit.metrics.ledger import Ledger
from toolkit.metrics.metric import day_reached, metric, wilson

_APPEAL = "one appeal at one level; a case appealed twice counts twice"
_OURS = "toolkit definition"
_HFMA4 = "HFMA Claim Integrity Task Force (2021), metric 4"


def _decided(ledger: Ledger) -> pd.DataFrame:
    return ledger.appeals[ledger.appeals["outcome"].isin(DECIDED)]


def _won(ledger: Ledger) -> pd.DataFrame:
    return ledger.appeals[ledger.appeals["outcome"].isin(WON)]


def _count(appeals: pd.DataFrame) -> dict:
    count = int(appeals["appeals"].sum())
    return {"value": count, "count": count}


def _share(count: int, out_of: int, **more: int) -> dict:
    low, high = wilson(count, out_of)
    value = count / out_of if out_of else None
    return {
        "value": value, "count": count, "out_of": out_of, "n": out_of, "low": low, "high": high
    } | more  # fmt: skip


def _can_appeal(ledger: Ledger) -> pd.DataFrame:
    return ledger.denials[ledger.denials["can_appeal"]]


def _days(ledger: Ledger, clock: str) -> tuple[pd.Series, int]:
    """Return the appeals by the days that they took (index), and how many have no such days."""
    held = ledger.days[ledger.days["clock"] == clock]
    known = held["days"].notna()
    took = held[known].set_index("days")["appeals"]
    return took, int(held.loc[~known, "appeals"].sum())


def _days_to_appeal(ledger: Ledger, share: float) -> dict:
    took, left_out = _days(ledger, "to_appeal")
    can = _can_appeal(ledger)
    still_open = can[~can["appealed"] & (can["due"] != "closed")]
    n = int(took.sum())
    return {
        "value": day_reached(share, took),
        "count": n,
        "n": n,
        "censored": int(still_open["denials"].sum()),
        "left_out": left_out,
    }


def _days_to_decision(ledger: Ledger, share: float) -> dict:
    took, left_out = _days(ledger, "to_decision")
    waiting, _ = _days(ledger, "waiting")
    n = int(took.sum())
    return {
        "value": day_reached(share, took, waiting),
        "count": n,
        "n": n,
        "censored": int(waiting.sum()),
        "left_out": left_out,
    }


@metric(
    name="Appeals filed",
    numerator="appeals on file",
    denominator="",
    unit="appeals",
    grain=_APPEAL,
    date_basis="none",
    exclusions="",
    source=_OURS,
    mark="own",
    caveat="as the export records them; a remittance records none",
)
def appeals_filed(ledger: Ledger) -> dict:
    """Return how many appeals are on file.

    >>> appeals_filed(example()).value
    7
    """
    return _count(ledger.appeals)


@metric(
    name="Appeals decided",
    numerator="appeals overturned, partly overturned or upheld",
    denominator="",
    unit="appeals",
    grain=_APPEAL,
    date_basis="none",
    exclusions="dismissed, withdrawn and pending appeals",
    source=_OURS,
    mark="own",
    caveat="",
)
def appeals_decided(ledger: Ledger) -> dict:
    """Return how many appeals were decided on their merits.

    >>> appeals_decided(example()).value
    4
    """
    return _count(_decided(ledger))


@metric(
    name="Appeals pending",
    numerator="appeals with neither an outcome nor a decision date",
    denominator="",
    unit="appeals",
    grain=_APPEAL,
    date_basis="none",
    exclusions="",
    source=_OURS,
    mark="own",
    caveat="an appeal decided and not recorded looks pending",
)
def appeals_pending(ledger: Ledger) -> dict:
    """Return how many appeals wait for a decision.

    >>> appeals_pending(example()).value
    1
    """
    appeals = ledger.appeals
    return _count(appeals[appeals["outcome"].isna() & ~appeals["decided"]])


@metric(
    name="Overturn rate of decided appeals (any)",
    numerator="appeals overturned in full or in part",
    denominator="appeals decided: overturned, partly overturned, upheld",
    unit="ratio",
    grain=_APPEAL,
    date_basis="all decisions on file, whatever their date",
    exclusions="pending, dismissed and withdrawn appeals",
    source="toolkit definition; partial counts in full as in NCQA's appeal overturn",
    mark="V",
    caveat="not HFMA metric 6, whose denominator is dollars paid plus written off",
)
def overturn_rate_decided(ledger: Ledger) -> dict:
    """Return the share of decided appeals that were overturned at least in part.

    >>> rate = overturn_rate_decided(example())
    >>> rate.count, rate.out_of, rate.value
    (2, 4, 0.5)
    """
    return _share(_count(_won(ledger))["count"], _count(_decided(ledger))["count"])


@metric(
    name="Overturn rate of decided appeals (dollar-weighted)",
    numerator="dollars recovered on decided appeals, at most the amount in dispute of each",
    denominator="dollars in dispute on decided appeals",
    unit="ratio",
    grain=_APPEAL,
    date_basis="all decisions on file, whatever their date",
    exclusions="appeals won with no recovered amount on file; appeals with no denial on file",
    source=_OURS,
    mark="own",
    caveat="in dispute is the denied charge, so a full win at the allowed amount shows below 100%",
)
def overturn_rate_dollars(ledger: Ledger) -> dict:
    """Return recovered dollars over dollars in dispute, for decided appeals.

    >>> rate = overturn_rate_dollars(example())
    >>> rate.count, rate.out_of, rate.value
    (110000, 220000, 0.5)
    """
    decided = _decided(ledger)
    cents, out_of, n, appeals = (
        int(decided[name].sum())
        for name in ("weighed_recovered_cents", "weighed_dispute_cents", "weighed", "appeals")
    )
    return {
        "value": cents / out_of if out_of else None,
        "count": cents,
        "out_of": out_of,
        "n": n,
        "left_out": appeals - n,
    }


@metric(
    name="Dismissed share",
    numerator="appeals dismissed",
    denominator="appeals decided or dismissed",
    unit="ratio",
    grain=_APPEAL,
    date_basis="all decisions on file, whatever their date",
    exclusions="pending and withdrawn appeals",
    source=_OURS,
    mark="own",
    caveat="a dismissal is a fault of filing (late, no standing, incomplete), not of the case",
)
def dismissed_share(ledger: Ledger) -> dict:
    """Return the share of finished appeals that were dismissed unheard.

    >>> dismissed_share(example()).count, dismissed_share(example()).out_of
    (1, 5)
    """
    dismissed = _count(ledger.appeals[ledger.appeals["outcome"] == "dismissed"])["count"]
    return _share(dismissed, _count(_decided(ledger))["count"] + dismissed)


@metric(
    name="Dollars recovered",
    numerator="dollars paid after a decision, as the file states them",
    denominator="",
    unit="cents",
    grain=_APPEAL,
    date_basis="none",
    exclusions="later take-backs, which the file does not state",
    source=_OURS,
    mark="own",
    caveat="not capped at the amount in dispute",
)
def recovered_dollars(ledger: Ledger) -> dict:
    """Return the dollars that appeals brought back.

    >>> recovered_dollars(example()).value
    110000
    """
    cents = int(ledger.appeals["recovered_cents"].sum())
    left_out = int(_won(ledger)["recovered_unknown"].sum())
    return {"value": cents, "count": cents, "left_out": left_out}


@metric(
    name="Appeal rate",
    numerator="denials appealed at least once",
    denominator="denials that can be appealed and whose route is appeal",
    unit="ratio",
    grain="one denied line, or one claim where the whole claim was denied",
    date_basis="all denials on file, whatever their date",
    exclusions="denials routed elsewhere: corrected claim, records, another payer",
    source=_OURS,
    mark="own",
    caveat="recent denials still have time; the rate of a young file is low",
)
def appeal_rate(ledger: Ledger) -> dict:
    """Return the share of appealable denials that were appealed.

    >>> appeal_rate(example()).count, appeal_rate(example()).out_of
    (5, 10)
    """
    can = _can_appeal(ledger)
    return _share(int(can.loc[can["appealed"], "denials"].sum()), int(can["denials"].sum()))


@metric(
    name="Days from denial to appeal, median",
    numerator="days from the denial's notice (else its remittance) to the first appeal",
    denominator="first appeals with both dates",
    unit="days",
    grain="one first appeal of a dispute",
    date_basis="notice or remittance date to filing date",
    exclusions="second and later levels; appeals that lack a date or precede the denial",
    source=_HFMA4,
    mark="V2",
    caveat="only denials that were appealed; the open ones are counted beside it (censored)",
)
def days_to_appeal(ledger: Ledger) -> dict:
    """Return the days by which half of the appeals filed had been filed.

    >>> days_to_appeal(example()).value, days_to_appeal(example()).censored
    (30, 5)
    """
    return _days_to_appeal(ledger, 0.5)


@metric(
    name="Days from denial to appeal, 90th percentile",
    numerator="as the median",
    denominator="as the median",
    unit="days",
    grain="one first appeal of a dispute",
    date_basis="notice or remittance date to filing date",
    exclusions="as the median",
    source=_HFMA4,
    mark="V2",
    caveat="as the median",
)
def days_to_appeal_p90(ledger: Ledger) -> dict:
    """Return the days by which nine in ten of the appeals filed had been filed.

    >>> days_to_appeal_p90(example()).value
    50
    """
    return _days_to_appeal(ledger, 0.9)


@metric(
    name="Days from appeal to decision, median",
    numerator="days from filing to decision",
    denominator="appeals with both dates; pending ones as censored",
    unit="days",
    grain=_APPEAL,
    date_basis="filing date to decision date, pending ones to the report's date",
    exclusions="decided appeals that lack a filing date or were filed after their decision",
    source="toolkit definition; product-limit estimate (Kaplan and Meier 1958)",
    mark="own",
    caveat="'not reached' where fewer than half of the appeals have a decision so far",
)
def days_to_decision(ledger: Ledger) -> dict:
    """Return the days by which half of the appeals are decided, pending ones included.

    >>> days_to_decision(example()).value, days_to_decision(example()).censored
    (40, 1)
    """
    return _days_to_decision(ledger, 0.5)


@metric(
    name="Days from appeal to decision, 90th percentile",
    numerator="as the median",
    denominator="as the median",
    unit="days",
    grain=_APPEAL,
    date_basis="filing date to decision date, pending ones to the report's date",
    exclusions="as the median",
    source="toolkit definition; product-limit estimate (Kaplan and Meier 1958)",
    mark="own",
    caveat="'not reached' where fewer than nine in ten appeals have a decision so far",
)
def days_to_decision_p90(ledger: Ledger) -> dict:
    """Return the days by which nine in ten appeals are decided, pending ones included.

    >>> days_to_decision_p90(example()).value
    90
    """
    return _days_to_decision(ledger, 0.9)

"""What became of the appeals: the outcome metrics."""

import pandas as pd

from toolkit.metrics.ledger import DECIDED, WON, Ledger
from toolkit.metrics.metric import days_by_which, metric, wilson

_APPEAL = "one appeal at one level; a case appealed twice counts twice"
_OURS = "toolkit definition"
_HFMA4 = "HFMA Claim Integrity Task Force (2021), metric 4"


def _decided(ledger: Ledger) -> pd.DataFrame:
    return ledger.appeals[ledger.appeals["outcome"].isin(DECIDED)]


def _pending(ledger: Ledger) -> pd.DataFrame:
    appeals = ledger.appeals
    return appeals[appeals["outcome"].isna() & appeals["decided_on"].isna()]


def _share(count: int, out_of: int, **more: int) -> dict:
    low, high = wilson(count, out_of)
    value = count / out_of if out_of else None
    return {
        "value": value, "count": count, "out_of": out_of, "n": out_of, "low": low, "high": high
    } | more  # fmt: skip


def _to_appeal(ledger: Ledger) -> pd.Series:
    first = ledger.appeals[ledger.appeals["is_first"]]
    days = (first["filed_on"] - first["denied_on"]).dt.days
    return days[days >= 0]


def _never_appealed(ledger: Ledger) -> pd.Series:
    worklist = ledger.worklist
    can = worklist["appealable"].fillna(False).astype("bool") & (worklist["route"] == "appeal")
    return can & worklist["last_level"].isna()


def _days_to_appeal(ledger: Ledger, share: float) -> dict:
    days = _to_appeal(ledger)
    still_open = _never_appealed(ledger) & (ledger.worklist["due"] != "closed")
    return {
        "value": days_by_which(share, days),
        "count": len(days),
        "n": len(days),
        "censored": int(still_open.sum()),
        "left_out": int(ledger.appeals["is_first"].sum()) - len(days),
    }


def _days_to_decision(ledger: Ledger, share: float) -> dict:
    decided = ledger.appeals[ledger.appeals["decided_on"].notna()]
    done = (decided["decided_on"] - decided["filed_on"]).dt.days
    done = done[done >= 0]
    waiting = (pd.Timestamp(ledger.as_of) - _pending(ledger)["filed_on"]).dt.days
    waiting = waiting[waiting >= 0]
    return {
        "value": days_by_which(share, done, waiting),
        "count": len(done),
        "n": len(done),
        "censored": len(waiting),
        "left_out": len(decided) - len(done),
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
    return {"value": len(ledger.appeals), "count": len(ledger.appeals)}


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
    count = len(_decided(ledger))
    return {"value": count, "count": count}


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
    count = len(_pending(ledger))
    return {"value": count, "count": count}


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
    decided = _decided(ledger)
    return _share(int(decided["outcome"].isin(WON).sum()), len(decided))


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
    lost = decided["outcome"] == "upheld"
    recovered = decided["recovered_cents"].where(~(lost & decided["recovered_cents"].isna()), 0)
    known = decided["dispute_cents"].notna() & recovered.notna()
    dispute = decided.loc[known, "dispute_cents"]
    capped = recovered[known].clip(upper=dispute)
    cents, out_of = int(capped.sum()), int(dispute.sum())
    return {
        "value": cents / out_of if out_of else None,
        "count": cents,
        "out_of": out_of,
        "n": int(known.sum()),
        "left_out": int((~known).sum()),
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
    dismissed = int((ledger.appeals["outcome"] == "dismissed").sum())
    return _share(dismissed, len(_decided(ledger)) + dismissed)


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
    won = ledger.appeals[ledger.appeals["outcome"].isin(WON)]
    return {"value": cents, "count": cents, "left_out": int(won["recovered_cents"].isna().sum())}


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
    worklist = ledger.worklist
    can = worklist["appealable"].fillna(False).astype("bool") & (worklist["route"] == "appeal")
    return _share(int((can & worklist["last_level"].notna()).sum()), int(can.sum()))


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

"""How reports say things: states, headings, amounts and days in plain words."""

from datetime import date

import pandas as pd

from toolkit.law.wording import MARKS as MARKS_OF_LAW
from toolkit.metrics import SMALL_N, Metric
from toolkit.metrics.parcel import NOT_STATED
from toolkit.metrics.statements import NOT_READ
from toolkit.worklist import wording
from toolkit.worklist.wording import count, dollars, plain

DUE = {**wording.DUE, NOT_READ: "Decided, outcome not read"}

# How an appeal ended, or where it is.
STAGES = {
    "overturned": "Overturned",
    "partly_overturned": "Partly overturned",
    "upheld": "Upheld",
    "dismissed": "Dismissed",
    "withdrawn": "Withdrawn",
    "pending": "Pending",
    NOT_READ: "Decided, outcome not read",
    "of_no_denial": "Of no denial here",
}

CLOSED = {
    "paid": "Paid",
    "overturned": "Won on appeal",
    "withdrawn": "Appeal withdrawn",
    "written_off": "Written off",
    "zero_balance": "Zero balance, how is not stated",
    "closed": "Closed, how is not stated",
}

BEFORE = {
    "never": "never worked",
    "worked": "worked, not appealed",
    "appealed": "appealed",
    "lost": "lost at the level before",
}

MARKS = {**MARKS_OF_LAW, "own": "own: the toolkit's definition"}


def category(name: object, reason: object = "") -> str:
    """Return a category with its finer reason: 'Medical necessity: coverage policy'."""
    said, finer = plain(name) or NOT_STATED, plain(reason)
    return f"{said}: {finer[:1].lower()}{finer[1:]}" if finer and finer != said else said


def amount(cents: int | None, denials: int, unknown: int) -> str:
    """Return the dollars of some denials: what none of them states is "not stated", never zero."""
    if denials and unknown >= denials:
        return "not stated"
    return dollars(cents) + (f" + {unknown:,} not stated" if unknown else "")


def short_dollars(cents: int) -> str:
    """Return whole cents for a chart's label: '$950', '$12.3k', '$1.2M'."""
    amount = abs(int(cents)) / 100
    sign = "-" if cents < 0 else ""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{sign}${amount / size:,.1f}{letter}"
    return f"{sign}${amount:,.0f}"


def day(value: object) -> str:
    """Return a day as 2026-03-02; '' where there is none."""
    return "" if value is None or pd.isna(value) else pd.Timestamp(value).strftime("%Y-%m-%d")


def long_day(value: date) -> str:
    """Return a day as March 2, 2026."""
    return f"{value:%B} {value.day}, {value.year}"


def of_letters(number: int) -> str:
    """Return how many of the denials before it are of letters, in words; '' where none is."""
    return f", of them {number:,} from letters attached at the desk" if number else ""


def percent(share: float | None) -> str:
    """Return a share as '41.2%'; '' where there is none."""
    return "" if share is None else f"{share:.1%}"


def value(metric: Metric) -> str:
    """Return a metric's value as it is read: '12', '$1,200.00', '41.2%', '30 days'."""
    if metric.withheld:
        return "not known" if metric.unit == "cents" else "withheld"
    if metric.unit == "cents":
        if metric.value is None:
            return "not stated"
        return ("at least " if metric.left_out else "") + dollars(metric.value)
    if metric.value is None:
        nothing_counted = not metric.n and not metric.censored
        return "none yet" if nothing_counted else "not reached"
    if metric.unit == "ratio":
        return percent(metric.value)
    if metric.unit == "days":
        return count(metric.value, "day")
    return f"{metric.value:,}"


# What marks few cases in a table, and what its caption says of the mark.
FEW = "†"
SMALL = f"{FEW} few cases: fewer than {SMALL_N}"


def marked(metric: Metric) -> str:
    """Return a metric's value, a rate with its interval and cases; few cases are marked."""
    said = value(metric)
    if metric.unit == "days":
        said = said.removesuffix(" days").removesuffix(" day")
    if metric.unit not in ("ratio", "days") or metric.value is None:
        return said
    beside = [interval(metric).removesuffix(" days")] if metric.low is not None else []
    if metric.n is not None:
        beside.append(f"n {metric.n:,}")
    mark = f" {FEW}" if metric.small else ""
    return f"{said}{mark} ({'; '.join(beside)})" if beside else said + mark


def interval(metric: Metric) -> str:
    """Return a metric's interval: '41.2% to 50.1%', '37 to 43 days', 'from 37 days', '' without one."""
    low, high = metric.low, metric.high
    if low is None:
        return ""
    if metric.unit == "ratio":
        return f"{percent(low)} to {percent(high)}"
    if metric.unit == "cents":
        return f"{dollars(round(low))} to {dollars(round(high))}" if high is not None else ""
    return f"from {low:,.0f} days" if high is None else f"{low:,.0f} to {high:,.0f} days"


# What heads a column where the metric's whole name does not fit.
_SHORT = {
    "never_worked": "Never worked",
    "overturn_rate_decided": "Overturned, any",
    "overturn_rate_dollars": "Overturned, by dollars",
    "decision_overdue": "Late decisions",
    "decision_overdue_dollars": "Waiting for them",
    "recoverable_dollars": "Recoverable",
    "days_to_decision": "Days to decision, median",
    "remittance_denial_rate": "Denial rate",
}


def short_name(measure) -> str:
    """Return what heads the column of a metric."""
    return _SHORT.get(measure.definition.id, measure.definition.name)


def basis(metric: Metric) -> str:
    """Return what a value rests on: its counts, interval, open cases, small-n label, why it is withheld."""
    parts = []
    if metric.withheld:
        parts.append(metric.withheld)
    elif metric.unit == "ratio" and metric.n:
        left, right = (
            dollars(side) if metric.dollars else f"{side:,}"
            for side in (metric.count, metric.out_of)
        )
        parts.append(f"{left} of {right}")
    if metric.low is not None:
        by = ", by claim" if metric.dollars else ""
        parts.append(f"95% interval {interval(metric)}{by}")
    if metric.unit == "days" and metric.n and metric.censored is not None:
        parts.append(f"{metric.n:,} done")
    if metric.censored:
        parts.append(f"{metric.censored:,} still open (censored)")
    if metric.otherwise:
        parts.append(f"{metric.otherwise:,} ended otherwise")
    if metric.left_out:
        says = "state no amount" if metric.unit == "cents" else "left out"
        parts.append(f"{metric.left_out:,} {says}")
    if metric.n and metric.small and not metric.withheld and metric.unit in ("ratio", "days"):
        parts.append(f"small n (under {SMALL_N})")
    return "; ".join(parts)


def restated(one: dict) -> str:
    """Return a number that is another than in an earlier manifest: what it was, is, and why."""
    shape = {"cents": dollars, "ratio": percent}.get(one["unit"], lambda n: f"{n:,}")
    was, now = ("none" if n is None else shape(n) for n in (one["before"], one["now"]))
    return f"{one['report']}, {one['source']}: {one['name']}: {was}, now {now} ({'; '.join(one['why'])})"


def code(group_code: str, carc: str) -> str:
    """Return an adjustment's code as it is written: 'CO-45'."""
    return "-".join(part for part in (group_code, carc) if part) or "no code, text only"


def group(name: str) -> str:
    """Return a group's name: ids as words, names as the file has them."""
    return name if name == NOT_STATED else plain(name)

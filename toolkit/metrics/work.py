"""What is owed a filing, by when, and for how much: the metrics of the worklist."""

from toolkit.metrics.ledger import Ledger
from toolkit.metrics.metric import metric

_DENIAL = "one denied line, or one claim where the whole claim was denied"
_DOLLARS = "the denied amount of each denial, counted once"
_CALENDAR = "the dates of the rule on file, seen on the report's date"
_OURS = "toolkit definition"


def _cases(ledger: Ledger, *states: str) -> dict:
    count = ledger.count(*states)
    return {"value": count, "count": count}


def _dollars(ledger: Ledger, *states: str) -> dict:
    held = ledger.due(*states) if states else ledger.denials
    cents, unknown = int(held["cents"].sum()), int(held["unknown"].sum())
    none = unknown > 0 and unknown == int(held["denials"].sum())
    return {"value": None if none else cents, "count": cents, "left_out": unknown}


@metric(
    name="Denials on file",
    numerator="denials in every due state, closed ones too",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis="none",
    exclusions="adjustments that are no denial",
    source=_OURS,
    mark="own",
    caveat="a claim with three denied lines counts three times",
)
def denials(ledger: Ledger) -> dict:
    """Return how many denials are on file.

    >>> denials(example()).value
    12
    """
    return _cases(ledger)


@metric(
    name="Denied dollars",
    numerator=_DOLLARS,
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis="none",
    exclusions="adjustments that are no denial; patient responsibility",
    source=_OURS,
    mark="own",
    caveat="denied charges as adjusted, not what the payer would have allowed",
)
def denied_dollars(ledger: Ledger) -> dict:
    """Return the denied amount of all denials on file.

    >>> denied_dollars(example()).value
    780000
    """
    return _dollars(ledger)


@metric(
    name="Overdue",
    numerator="open denials whose last filing date is before the report's date",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="due today is not overdue; denials without a date are under No date",
    source=_OURS,
    mark="own",
    caveat="late filing may still be open for good cause: see the rule that is cited",
)
def overdue(ledger: Ledger) -> dict:
    """Return how many denials are past the last lawful day to file.

    >>> overdue(example()).value
    2
    """
    return _cases(ledger, "overdue")


@metric(
    name="Overdue dollars",
    numerator="the denied amount of overdue denials",
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="as for Overdue",
    source=_OURS,
    mark="own",
    caveat="dollars at stake, not dollars lost",
)
def overdue_dollars(ledger: Ledger) -> dict:
    """Return the dollars that stand on overdue denials.

    >>> overdue_dollars(example()).value
    150000
    """
    return _dollars(ledger, "overdue")


@metric(
    name="Past the safe date",
    numerator="open denials whose file-by date is past and whose last filing date is not",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="overdue ones",
    source=_OURS,
    mark="own",
    caveat="still lawful on the last reading of the rule: file at once and keep proof of the day",
)
def past_safe_date(ledger: Ledger) -> dict:
    """Return how many denials can still be filed, but no longer on the safe side.

    >>> past_safe_date(example()).value
    1
    """
    return _cases(ledger, "past_safe_date")


@metric(
    name="Dollars past the safe date",
    numerator="the denied amount of denials past the safe date",
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="as for Past the safe date",
    source=_OURS,
    mark="own",
    caveat="",
)
def past_safe_date_dollars(ledger: Ledger) -> dict:
    """Return the dollars of denials past the safe date.

    >>> past_safe_date_dollars(example()).value
    40000
    """
    return _dollars(ledger, "past_safe_date")


@metric(
    name="Due this week",
    numerator="open denials whose file-by date is the report's date or one of the six days after",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="overdue ones and those past the safe date",
    source=_OURS,
    mark="own",
    caveat="",
)
def due_this_week(ledger: Ledger) -> dict:
    """Return how many denials are to be filed in the seven days that begin with the report's date.

    >>> due_this_week(example()).value
    1
    """
    return _cases(ledger, "due_this_week")


@metric(
    name="Dollars due this week",
    numerator="the denied amount of denials due this week",
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="as for Due this week",
    source=_OURS,
    mark="own",
    caveat="",
)
def due_this_week_dollars(ledger: Ledger) -> dict:
    """Return the dollars of denials due this week.

    >>> due_this_week_dollars(example()).value
    60000
    """
    return _dollars(ledger, "due_this_week")


@metric(
    name="Due later",
    numerator="open denials whose file-by date is seven days or more after the report's date",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis=_CALENDAR,
    exclusions="",
    source=_OURS,
    mark="own",
    caveat="",
)
def due_later(ledger: Ledger) -> dict:
    """Return how many denials have a date that is not near.

    >>> due_later(example()).value
    2
    """
    return _cases(ledger, "due_later")


@metric(
    name="No date",
    numerator="open denials for which a fact or a rule is missing, so that there is no date",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis="none: that is the gap",
    exclusions="denials with nothing to file",
    source=_OURS,
    mark="own",
    caveat="some of these may be overdue; nobody can tell until the gap is filled",
)
def no_date(ledger: Ledger) -> dict:
    """Return how many denials have no date because something is missing.

    >>> no_date(example()).value
    2
    """
    return _cases(ledger, "no_date")


@metric(
    name="Dollars with no date",
    numerator="the denied amount of denials with no date",
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis="none: that is the gap",
    exclusions="as for No date",
    source=_OURS,
    mark="own",
    caveat="",
)
def no_date_dollars(ledger: Ledger) -> dict:
    """Return the dollars of denials with no date.

    >>> no_date_dollars(example()).value
    200000
    """
    return _dollars(ledger, "no_date")


@metric(
    name="Awaiting a decision",
    numerator="denials with an appeal filed and not decided",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis="the day of filing on record",
    exclusions="closed cases",
    source=_OURS,
    mark="own",
    caveat="the decider's own clock is not shown here",
)
def awaiting_decision(ledger: Ledger) -> dict:
    """Return how many denials wait for somebody else's decision.

    >>> awaiting_decision(example()).value
    1
    """
    return _cases(ledger, "awaiting_decision")


@metric(
    name="No appeal right",
    numerator="denials that the provider cannot appeal",
    denominator="",
    unit="denials",
    grain=_DENIAL,
    date_basis="none",
    exclusions="",
    source=_OURS,
    mark="own",
    caveat="another route may be open: a corrected claim, records, another payer",
)
def no_appeal_right(ledger: Ledger) -> dict:
    """Return how many denials carry no right of appeal.

    >>> no_appeal_right(example()).value
    1
    """
    return _cases(ledger, "no_appeal_right")


@metric(
    name="Dollars with no appeal right",
    numerator="the denied amount of denials that the provider cannot appeal",
    denominator="",
    unit="cents",
    grain=_DENIAL,
    date_basis="none",
    exclusions="",
    source=_OURS,
    mark="own",
    caveat="",
)
def no_appeal_right_dollars(ledger: Ledger) -> dict:
    """Return the dollars of denials with no right of appeal.

    >>> no_appeal_right_dollars(example()).value
    30000
    """
    return _dollars(ledger, "no_appeal_right")

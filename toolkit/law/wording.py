"""How the law is worded for people: spans, starts, marks, who and when.

Shared by the command line, the notebook's ledger, the calendar file and docs/law.md.
"""

from datetime import date

from toolkit.errors import NoRuleError
from toolkit.law.model import DecisionRule, FilingRule, Reading, Roll, Span, When, program

MARKS = {
    "V": "V: read at the source",
    "V2": "V2: second-hand, from a named source",
    "M": "M: from memory, verify before relying on it",
}

STAGES = {
    "pre_service": "before the service",
    "prior_authorization": "prior authorization",
    "payment": "payment",
    "part_b_drug": "Part B drug",
    "concurrent": "concurrent (during the service)",
}

FILERS = {
    "enrollee": "the enrollee (patient)",
    "representative": "an appointed representative",
    "treating_physician": "the treating physician",
    "assignee": "an assignee (a provider that took assignment)",
    "contracted_provider": "a contracted provider",
    "non_contract_provider": "a provider without a contract",
    "network_provider": "a network provider",
}

SERVICES = {
    "outpatient_department": "hospital outpatient department services",
    "wiser": "services of the WISeR model",
}

UNITS = {
    "hours": "hour",
    "days": "calendar day",
    "business_days": "business day",
    "months": "calendar month",
    "years": "calendar year",
}

STARTS = {
    "notice": "the notice's date",
    "receipt": "receipt",
    "service": "the date of service",
    "effective": "the effective date",
}

ANCHORS = {
    "request": "the day the decider received the request",
    "plan_appeal": "the day the plan appeal was filed",
    "case_file": "the day the decider received the case file or the records it asked for",
    "selection": "the day the IDR entity was selected",
    "board_meeting": "the board's meeting that decides the appeal",
}

OUTCOMES = {
    "upheld": "upheld",
    "partly_overturned": "partly overturned",
    "dismissed": "dismissed",
    "missed": "not decided in time",
}

CARE = {
    "not_stated": "authorization not stated",
    "authorized": "care that VA authorized",
    "emergency_1725": "emergency care that VA did not authorize (38 U.S.C. 1725)",
    "emergency_1728": "emergency care that VA did not authorize (38 U.S.C. 1728)",
}

_FILED = {
    "received": "received by the decider",
    "postmarked": "postmarked",
}


def program_name(program_id: str) -> str:
    """Return the program's name, or its id if no rules are on file for it."""
    try:
        return program(program_id).name
    except NoRuleError:
        return program_id


def long_day(day: date) -> str:
    """Return a day as Wed, May 20, 2026."""
    return f"{day:%a}, {day:%b} {day.day}, {day.year}"


def text_day(day: date) -> str:
    """Return a day as Wed 2026-05-20, for text that lines up."""
    return f"{day:%a %Y-%m-%d}"


def span(one: Span) -> str:
    """Return a span as '120 calendar days', or '30 business days, the first day counted'."""
    if one.count < 1:
        days = -one.count
        return "on the day itself" if not days else f"{days} {_plural(days, one)} before"
    text = f"{one.count} {_plural(one.count, one)}"
    return text + (", the first day counted" if one.first_day_counts else "")


def _plural(number: int, one: Span) -> str:
    return UNITS[one.unit] + ("" if number == 1 else "s")


def window(rule: FilingRule) -> str:
    """Return how long there is to file, with everything that changes the count."""
    if rule.open_ended:
        text = "no last day"
        if rule.readings:
            text += f"; safely {' or '.join(span(one.window) for one in rule.readings)}"
    elif rule.window:
        text = span(rule.window)
    else:
        bounds = rule.state_window
        assert bounds is not None, "a filing rule has one of window, state_window"
        text = f"{bounds.least} to {bounds.most} calendar days: each state chooses"
    if rule.no_corresponding_day == "last_day_of_month":
        text += "; a month without that day ends on its last day"
    if rule.no_corresponding_day == "first_of_next_month":
        text += "; where the month has no such day, the first of the next month"
    if rule.opens:
        text += f"; not before {span(rule.opens)}"
    if rule.never_before_effective:
        text += "; never before the effective date"
    return text + (f"; by {rule.by_hour}" if rule.by_hour else "")


def starts(rule: FilingRule | Reading) -> str:
    """Return the day from which a window is counted."""
    if isinstance(rule, FilingRule) and rule.runs_from == "filing" and rule.notice:
        return f"the day of the {rule.notice}"
    return STARTS[rule.starts]


def filed(filed_when: str | None, *, with_decider: bool = True) -> str:
    """Return what counts as filed: 'received by the decider' (or where it is filed), 'postmarked'."""
    if filed_when == "received" and not with_decider:
        return "received where it is filed"
    return _FILED.get(filed_when, filed_when) if filed_when else ""


def roll(rule: Roll | None) -> str:
    """Return what happens to a last day that is not a working day."""
    if rule is None:
        return "stays where it falls"
    to = rule.to.replace("_", " ")
    if rule.force == "law":
        more = ", past days closed by executive order too" if rule.nonworkdays else ""
        return f"rolls to the {to}{more}"
    return f"believed to roll to the {to}; do not count on it"


def when(one: When) -> str:
    """Return the facts that select a rule, such as 'payment; standard'; '' if none do."""
    said = [
        ", ".join(STAGES[stage] for stage in one.stages),
        ", ".join(FILERS[filer] for filer in one.filers),
        f"not {' or '.join(FILERS[filer] for filer in one.not_filers)}" * bool(one.not_filers),
        {True: "expedited", False: "standard", None: ""}[one.expedited],
        ", ".join(CARE[care] for care in one.care),
    ]
    return "; ".join(part for part in said if part)


def filing_for(rule: FilingRule) -> str:
    """Return when a filing rule applies: the outcome of the level before, and the facts that select it."""
    after = ", ".join(OUTCOMES[one] for one in rule.after)
    return "; ".join(filter(None, (after and f"after: {after}", when(rule.when))))


def decision_for(rule: DecisionRule) -> str:
    """Return when a decision clock applies: its facts, the plan, the service, the states."""
    levels = {
        None: "",
        "one": "plans with one internal level",
        "two": "plans with two internal levels",
    }
    board = {None: "", True: "a multiemployer plan", False: "not a multiemployer plan"}
    said = [
        SERVICES[rule.service] if rule.service else "",
        f"in {', '.join(rule.states)}" if rule.states else "",
        when(rule.when),
        levels[rule.plan_levels],
        board[rule.multiemployer],
    ]
    return "; ".join(part for part in said if part)


def mark(status: str) -> str:
    """Return a mark in words, or the mark itself if it is unknown."""
    return MARKS.get(status, status)

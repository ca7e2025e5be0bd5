"""The time to appeal that a letter states beside the one that the law gives: the law's day counts."""

import re
from collections.abc import Sequence
from datetime import date, timedelta

from toolkit.claims.notice.proposal import Proposal
from toolkit.errors import ToolkitError
from toolkit.law import next_step

_STATED = re.compile(r"(\d+) (day|month)s?(?: (?:of|from|after|following|since) (.*))?\Z")


def compared(proposals: Sequence[Proposal]) -> str:
    """Return what is to be said of the letter's time to appeal beside the law's, '' if nothing is.

    Only where the letter itself says with certainty the program, the stage, its date and one time,
    counted from its date: nothing is assumed to compare it.
    """
    known = {one.name: one.value for one in proposals if one.certain}
    stated, notice = known.get("stated_deadline"), known.get("notice_date")
    program, stage = known.get("program"), known.get("stage")
    if not isinstance(notice, date) or not (stated and program and stage):
        return ""
    last = _last_day(str(stated).replace("calendar ", ""), notice)
    if last is None:
        return ""
    try:
        step = next_step(str(program), stage=str(stage), notice_date=notice)
    except ToolkitError:
        return ""
    deadline = step.deadline
    law = deadline.last_filing_date if deadline else None
    if deadline is None or law is None or law == last:
        return ""
    more = "more" if last > law else "less"
    return (
        f"the letter gives {abs((last - law).days)} days {more} to appeal than the law does for this program and stage "
        f"({deadline.citation}); the law's day counts, and the letter is worth keeping"
    )


def _last_day(stated: str, notice: date) -> date | None:
    """Return the last day that a statement means, where it counts from the letter's date or is a day."""
    try:
        return date.fromisoformat(stated)
    except ValueError:
        pass
    match = _STATED.match(stated)
    start = (match[3] or "") if match else ""
    if not match or match[2] != "day" or not re.search(r"\bdate\b", start) or "recei" in start:
        return None
    return notice + timedelta(days=int(match[1]))

"""A case's clocks as a calendar file (RFC 5545) that Outlook and Google Calendar open.

Every event is a whole day: no time zone is needed, and no hour is stated that the law does not
give. An event holds the program, the level, the steps with their citations and the rule's mark;
no claim's value except the key that the caller passes.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec

from toolkit.errors import RefusedError, UsageError
from toolkit.law.decision import DecisionDue
from toolkit.law.filing import Deadline
from toolkit.law.ledger import NO_LAST_DAY, at_hour, cited, rule_mark, weaker
from toolkit.law.wording import filed, mark, program_name, text_day
from toolkit.outputs import whole
from toolkit.rules.words import capital

# Days before, at 9 a.m.; Outlook keeps only the first.
REMIND_BEFORE_FILING = (7, 14, 2)
_NINE = timedelta(hours=9)
_PRODID = "-//denial-toolkit//appeal clocks//EN"
_SEQUENCE_BEGINS = datetime(2020, 1, 1, tzinfo=UTC)


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """One day of one clock: its title, its reasons, and how many days before to remind (negative: after)."""

    kind: str
    day: date
    summary: str
    lines: tuple[str, ...]
    remind: tuple[int, ...] = ()


def calendar_of(
    clocks: Iterable[Deadline | DecisionDue],
    *,
    title: str,
    made_at: datetime,
    case: str | None = None,
) -> bytes:
    """Return the clocks of one case as a calendar file, one all-day event for each day to keep.

    `case` is our own key of the case (a claim_key or denial_key), never a patient's or a payer's
    number. With it, an event keeps its identity when a date is corrected, so that a calendar that
    has it moves it; without it, two dates are two events, as nobody can tell whose they are.
    `made_at` is the moment of making, with its time zone. Raises RefusedError if there is
    nothing to put into a calendar.
    """
    from icalendar import Calendar, vText

    if made_at.tzinfo is None:
        raise UsageError("the moment a calendar is made needs its time zone")
    made_at = made_at.astimezone(UTC).replace(microsecond=0)
    title, case = _one_line(title), _one_line(case) if case else None
    clocks = tuple(clocks)
    calendar = Calendar()
    for name, value in (
        ("prodid", _PRODID),
        ("version", "2.0"),
        ("calscale", "GREGORIAN"),
        ("method", "PUBLISH"),
        ("name", vText(title)),  # passed as text: the library would write it unescaped
        ("x-wr-calname", vText(title)),
    ):
        calendar.add(name, value)
    seen: dict[str, date] = {}
    for clock in clocks:
        for event in _events(clock, case):
            uid = _uid(clock, event, case)
            if seen.setdefault(uid, event.day) != event.day:
                raise RefusedError(
                    "one clock of one case has two different dates: make a calendar for each case",
                    needs=("the clocks of one case",),
                )
            if uid not in {str(one["uid"]) for one in calendar.subcomponents}:
                calendar.add_component(_component(event, uid, made_at))
    if not calendar.subcomponents:
        raise RefusedError(
            _why_empty(clocks), needs=("a level that is filed, or a decision clock",)
        )
    return calendar.to_ical()


def write_ics(
    clocks: Iterable[Deadline | DecisionDue],
    path: Path,
    *,
    title: str,
    made_at: datetime,
    case: str | None = None,
) -> Path:
    """Write the calendar file, whole or not at all, readable by its owner only."""
    content = calendar_of(clocks, title=title, made_at=made_at, case=case)
    with whole(path) as temporary:
        temporary.write_bytes(content)
    return path


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _why_empty(clocks: tuple[Deadline | DecisionDue, ...]) -> str:
    if not clocks:
        return "No clock was given, so no calendar was written."
    said = " ".join(dict.fromkeys(clock.warnings[0] for clock in clocks if clock.warnings))
    nothing = all(getattr(clock, "nothing_to_file", False) for clock in clocks)
    why = "Nothing has to be filed" if nothing else "No filing date is known"
    return f"{why}: an empty calendar is not written. {said}".strip()


def _events(clock: Deadline | DecisionDue, case: str | None) -> tuple[_Event, ...]:
    """Return the calendar events of a clock; empty if nothing is filed."""
    program = program_name(clock.program)
    ours = f", case {case}" if case else ""
    if isinstance(clock, DecisionDue):
        level = _level_name(clock)
        due = _Event(
            kind="decision-due",
            day=clock.decision_due,
            summary=f"Decision due: {level} ({program}){ours}",
            lines=(
                f"{level}, {program}: {clock.decided_by} must decide by this day.",
                f"If missed: {clock.if_missed}",
                *(f"If favorable: {one}" for one in clock.if_favorable),
                *_reasons(clock, case),
            ),
            remind=(-1,),  # the morning after: has it arrived?
        )
        return (due,)
    last_day, file_by = clock.last_filing_date, clock.file_by
    if clock.nothing_to_file or not file_by:
        return ()
    level = clock.level_name
    direct = clock.filed_with == clock.decided_by
    whom = "" if direct else f"filed with {clock.filed_with}, "
    head = (f"{level}, {program}, {whom}decided by {clock.decided_by}.",)
    same = file_by == last_day
    how = capital(filed(clock.filed_when, with_decider=direct))
    hour = at_hour(clock)
    counts = (
        f"{how} by {text_day(last_day)}{hour} at the latest."
        if last_day
        else f"{capital(NO_LAST_DAY)}."
    )
    safe = "The last filing date is this day." if same else f"The safe day. {counts}"
    events = [
        _Event(
            kind="file-by",
            day=file_by,
            summary=f"File by{hour and f' {clock.by_hour}'}: {level} ({program}){ours}",
            lines=(*head, safe, *_reasons(clock, case)),
            remind=REMIND_BEFORE_FILING,
        )
    ]
    if clock.not_before:
        opens = (*head, "The window opens on this day: an earlier request is premature.")
        events.append(
            _Event(
                kind="not-before",
                day=clock.not_before,
                summary=f"Not before: {level} ({program}){ours}",
                lines=(*opens, *_reasons(clock, case)),
            )
        )
    if last_day and not same:
        says = "The last lawful day under the rule on file; the safe day is earlier."
        events.append(
            _Event(
                kind="last-filing-date",
                day=last_day,
                summary=f"Last filing date{hour}: {level} ({program}){ours}",
                lines=(*head, says, *_reasons(clock, case)),
            )
        )
    return tuple(events)


def _level_name(due: DecisionDue) -> str:
    from toolkit.law.model import program

    return program(due.program, due.jurisdiction).level(due.level).name


def _reasons(clock: Deadline | DecisionDue, case: str | None) -> tuple[str, ...]:
    lines = ["", "How the dates follow:"]
    lines += [f"{text_day(step.date)}: {step.what} [{cited(step)}]" for step in clock.steps]
    who = getattr(clock, "standing", None)
    if who and who.may_file is not None:
        lines += ["", f"Who may file: {who.says} [{who.citation}]"]
        lines += [f"Paper: {paper}" for paper in who.papers]
    if clock.warnings:
        lines += ["", *(f"Note: {warning}" for warning in clock.warnings)]
    lines += [
        "",
        f"Rule: {clock.citation}. Mark {mark(rule_mark(clock))}{weaker(clock)}; verified {clock.verified_on}.",
    ]
    if case:
        lines.append(f"Case: {case}")
    return tuple(lines)


def _uid(clock: Deadline | DecisionDue, event: _Event, case: str | None) -> str:
    """Return the event's identity: the case, level and rule; without a case, its days as well."""
    parts = [case or "", clock.program, clock.level, clock.citation, event.kind]
    if case is None:
        parts += [str(event.day), *(str(step.date) for step in clock.steps)]
    return f"{sha256('|'.join(parts).encode()).hexdigest()[:32]}@denial-toolkit.invalid"


def _component(event: _Event, uid: str, made_at: datetime):
    from icalendar import Alarm, Event

    component = Event()
    component.add("uid", uid)
    component.add("dtstamp", made_at)
    component.add("last-modified", made_at)
    # A calendar takes an event again only where it is newer than the one it has.
    component.add("sequence", int((made_at - _SEQUENCE_BEGINS) / timedelta(minutes=1)))
    component.add("dtstart", event.day)
    component.add("dtend", event.day + timedelta(days=1))  # the first day after it
    component.add("summary", event.summary)
    component.add("description", "\n".join(event.lines))
    component.add("categories", ["Appeal clocks"])
    component.add("transp", "TRANSPARENT")
    component.add("x-microsoft-cdo-alldayevent", "TRUE")
    component.add("x-microsoft-cdo-busystatus", "FREE")
    for days in event.remind:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", event.summary)
        alarm.add("trigger", _NINE - timedelta(days=days))
        component.add_component(alarm)
    return component

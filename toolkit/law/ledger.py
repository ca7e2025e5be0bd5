"""Show a clock with its reasons, as text for a terminal or as a small HTML ledger for a notebook."""

from datetime import date
from functools import cache
from pathlib import Path

from toolkit.law.decision import DecisionDue
from toolkit.law.filing import Deadline, Step
from toolkit.law.wording import filed, long_day, mark, program_name, text_day
from toolkit.rules.words import capital

_COUNTS = {
    "received": "the day it is received counts",
    "postmarked": "the postmark counts",
}


def escape(text: str) -> str:
    """Return a text for an HTML page; a terminal's text never imports what that takes."""
    from html import escape as escaped

    return escaped(text)


NO_LAST_DAY = "the rules give none: file without delay"


def at_hour(deadline: Deadline) -> str:
    """Return the hour by which to file, to follow a day; '' if the whole day counts."""
    return f" by {deadline.by_hour}" if deadline.by_hour else ""


def ledger_text(clock: Deadline | DecisionDue) -> str:
    """Return the clock as lines of text: its dates, every step with its citation, and the mark."""
    lines = _decision_lines(clock) if isinstance(clock, DecisionDue) else _filing_lines(clock)
    return "\n".join(lines)


def _filing_lines(deadline: Deadline) -> list[str]:
    lines = [f"{deadline.level_name} ({_under(deadline, deadline.program)}), {_whom(deadline)}"]
    if deadline.nothing_to_file:
        lines.append("Nothing to file.")
    else:
        hour = at_hour(deadline)
        if deadline.file_by:
            lines.append(
                f"File by           {text_day(deadline.file_by)}{hour}, {_filed(deadline)}"
            )
        last = deadline.last_filing_date
        lines.append(f"Last filing date  {f'{text_day(last)}{hour}' if last else NO_LAST_DAY}")
    lines += _step_lines(deadline.steps)
    who = deadline.standing
    if who and who.may_file is not None:  # what is not settled is a note
        lines.append(f"Who may file: {who.says} [{who.citation}]")
        lines += [f"  paper: {paper}" for paper in who.papers]
    lines += [f"Note: {warning}" for warning in deadline.warnings]
    lines.append(
        f"Rule: {deadline.citation}; {deadline.source}; verified {deadline.verified_on}, "
        f"mark {rule_mark(deadline)}{weaker(deadline)}"
    )
    return lines


def _decision_lines(due: DecisionDue) -> list[str]:
    return [
        f"Decision due {text_day(due.decision_due)} from {due.decided_by}",
        *_step_lines(due.steps),
        f"If missed: {due.if_missed}",
        *(f"If favorable: {one}" for one in due.if_favorable),
        *(f"Note: {warning}" for warning in due.warnings),
    ]


def _under(clock: Deadline | DecisionDue, program: str) -> str:
    """Return the program, with the state whose law the clock follows."""
    if not clock.jurisdiction:
        return program
    from toolkit.law.model import jurisdictions

    return f"{program}, {jurisdictions().get(clock.jurisdiction, clock.jurisdiction)}"


def _whom(clock: Deadline | DecisionDue) -> str:
    """Return who decides, and whom to file with if that is someone else."""
    decided = f"decided by {clock.decided_by}"
    return (
        decided
        if clock.filed_with == clock.decided_by
        else f"filed with {clock.filed_with}, {decided}"
    )


def _filed(deadline: Deadline) -> str:
    return filed(deadline.filed_when, with_decider=deadline.filed_with == deadline.decided_by)


def _step_lines(steps: tuple[Step, ...]) -> list[str]:
    return [f"  {text_day(step.date)}  {step.what}  [{cited(step)}]" for step in steps]


def rule_mark(clock: Deadline | DecisionDue) -> str:
    """Return the mark of the clock's own rule; the clock's mark is that of its weakest step."""
    own = (step.status for step in clock.steps if step.citation == clock.citation)
    return next((mark for mark in own if mark), clock.status)


def weaker(clock: Deadline | DecisionDue) -> str:
    """Return a note if a step has a weaker mark than the clock's own rule, '' otherwise."""
    same = rule_mark(clock) == clock.status
    return "" if same else f"; the weakest mark of a step is {clock.status}"


def cited(step: Step) -> str:
    """Return a step's rule with its mark."""
    return f"{step.citation}; {step.status}" if step.status else step.citation


def ledger_html(
    clock: Deadline | DecisionDue, *, as_of: date | None = None, notes: bool = True
) -> str:
    """Return the clock as one HTML section: its days, a table of its steps, its notes, its mark.

    With `as_of`, the days left are shown beside the deadline; without `notes`, who may file
    and the warnings are left out, for a page that shows them elsewhere. Every text is escaped, every
    color is defined for a light and a dark theme, and nothing is shown by color alone.
    """
    is_decision = isinstance(clock, DecisionDue)
    name = _level_name(clock)
    title = f"{name}: decision" if is_decision else name
    program = _under(clock, program_name(clock.program))
    parts = [
        f'<p class="law-title">{escape(title)}</p>',
        f'<p class="law-by">{escape(program)}; {escape(_whom(clock))}</p>',
        _days(clock, as_of),
        _table(clock),
    ]
    if is_decision:
        parts.append(f'<p class="law-who"><b>If missed:</b> {escape(clock.if_missed)}</p>')
        parts += [
            f'<p class="law-who"><b>If favorable:</b> {escape(one)}</p>'
            for one in clock.if_favorable
        ]
    elif clock.standing and clock.standing.may_file is not None and notes:
        parts.append(_who(clock.standing))
    if clock.warnings and notes:
        told = "".join(f"<li>{escape(warning)}</li>" for warning in clock.warnings)
        parts.append(f"<ul>{told}</ul>")
    parts.append(
        f'<p class="law-small">Rule: {escape(clock.citation)}. '
        f"Mark {escape(mark(rule_mark(clock)))}{escape(weaker(clock))}; "
        f"source: {escape(clock.source)}; verified on {escape(clock.verified_on)}.</p>"
    )
    label = escape(f"{title}, {program}")
    return (
        f"<style>{_style()}</style>"
        f'<section class="law-ledger" aria-label="{label}">{"".join(parts)}</section>'
    )


@cache
def _style() -> str:
    return Path(__file__).with_name("ledger.css").read_text(encoding="utf-8")


def _level_name(clock: Deadline | DecisionDue) -> str:
    """Return the level's name; a decision clock carries the level's id only."""
    if isinstance(clock, Deadline):
        return clock.level_name
    from toolkit.law.model import program

    return program(clock.program, clock.jurisdiction).level(clock.level).name


def _days(clock: Deadline | DecisionDue, as_of: date | None) -> str:
    if isinstance(clock, DecisionDue):
        return f'<dl class="law-days">{_day("Decision due", clock.decision_due, as_of, "", "law-last")}</dl>'
    if clock.nothing_to_file:
        return "<p><b>Nothing to file.</b></p>"
    days, hour = [], at_hour(clock).lstrip()
    if clock.file_by:
        safe = "; ".join(filter(None, (hour, "the safe day, on a working day")))
        days.append(_day("File by", clock.file_by, as_of, safe, "law-safe"))
    if last := clock.last_filing_date:
        counts = _COUNTS[clock.filed_when] if clock.filed_when else ""
        says = "; ".join(filter(None, (hour, counts)))
        days.append(_day("Last filing date", last, None, says, "law-last"))
    else:
        days.append(f"<div><dt>Last filing date</dt><dd>{NO_LAST_DAY}</dd></div>")
    if clock.not_before:
        days.insert(0, _day("Not before", clock.not_before, None, "earlier is premature", ""))
    return f'<dl class="law-days">{"".join(days)}</dl>'


def _day(name: str, day: date, as_of: date | None, says: str, kind: str) -> str:
    below = "; ".join(part for part in (_left(day, as_of), says) if part)
    kind = f' class="{kind}"' if kind else ""
    return (
        f"<div{kind}><dt>{escape(name)}</dt>"
        f"<dd><strong>{escape(long_day(day))}</strong>{escape(below)}</dd></div>"
    )


def _left(day: date, as_of: date | None) -> str:
    if as_of is None:
        return ""
    left = (day - as_of).days
    if left == 0:
        return "today"
    days = "day" if abs(left) == 1 else "days"
    return f"{left} {days} left" if left > 0 else f"{-left} {days} past"


def _table(clock: Deadline | DecisionDue) -> str:
    if not clock.steps:
        return ""
    tags = _tags(clock)
    rows = "".join(
        f"<tr{_named(tags[place])}>"
        f'<th scope="row">{escape(long_day(step.date))}</th>'
        f"<td>{escape(capital(step.what))}{''.join(tags[place])}</td>"
        f"<td>{escape(cited(step))}</td></tr>"
        for place, step in enumerate(clock.steps)
    )
    return (
        '<div class="law-scroll" tabindex="0" role="region" aria-label="How the dates follow">'
        '<table class="law-steps"><caption>How the dates follow</caption>'
        '<thead><tr><th scope="col">Day</th><th scope="col">What</th><th scope="col">Rule</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def _named(tags: list[str]) -> str:
    return ' class="law-named"' if tags else ""


def _tags(clock: Deadline | DecisionDue) -> list[list[str]]:
    """Return, per step, which of the clock's dates it sets; the last step that sets a date counts."""
    tags: list[list[str]] = [[] for _ in clock.steps]
    if isinstance(clock, DecisionDue):
        wanted = ((clock.decision_due, "decision due", "law-last"),)
    else:
        wanted = (
            (clock.last_filing_date, "last filing date", "law-last"),
            (clock.file_by, "file by", "law-safe"),
        )
    for day, says, kind in wanted:
        places = [place for place, step in enumerate(clock.steps) if step.date == day]
        if places:
            tags[places[-1]].append(f' <span class="law-tag {kind}">{says}</span>')
    return tags


def _who(who) -> str:
    papers = f" <b>Paper:</b> {escape('; '.join(who.papers))}." if who.papers else ""
    cited = f" ({escape(who.citation)})" if who.citation else ""
    return f'<p class="law-who"><b>Who may file:</b> {escape(who.says)}{cited}{papers}</p>'

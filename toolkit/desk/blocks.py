"""The desk's HTML: what a case is, its dates as a ledger, its warnings. Everything is escaped.

Colors stand in style.css, for a light and a dark theme, on every block.
"""

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from html import escape
from pathlib import Path

import pandas as pd

from toolkit.cases import Candidate, DocumentEntry, Entry, local_time
from toolkit.claims.findings import lines, summarized
from toolkit.claims.notice.kinds import UNKNOWN, notice_kinds
from toolkit.denials import code
from toolkit.denials.codes import category_of, routes
from toolkit.desk.case_view import CaseView
from toolkit.desk.caseload import Caseload
from toolkit.errors import RefusedError
from toolkit.history.states import table
from toolkit.law.ledger import ledger_html
from toolkit.letters import Letter, LetterKind, Need, Offer, as_html
from toolkit.letters.facts import fact_types
from toolkit.rules.words import capital
from toolkit.worklist.wording import DUE, count, dollars, plain

_TONES = {
    "overdue": "bad",
    "past_safe_date": "soon",
    "due_this_week": "soon",
    "no_date": "gap",
}
CONTRACT = {"contracted": "under contract", "not_contracted": "no contract"}


@lru_cache(maxsize=1)
def style() -> str:
    """Return the desk's style sheet as one HTML element."""
    text = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return f"<style>{text}</style>"


def day(value: object) -> str:
    """Return a day as Tue, Nov 24, 2026; a dash where there is none."""
    if value is None or pd.isna(value):
        return "—"
    found = pd.Timestamp(value)
    return f"{found:%a}, {found:%b} {found.day}, {found.year}"


def in_days(text: str) -> str:
    """Return a text with its ISO dates as days: Nov 24, 2026."""
    return _ISO.sub(_in_days, text)


_ISO = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def _in_days(found: re.Match[str]) -> str:
    try:
        return short_day(date.fromisoformat(found[0]))
    except ValueError:  # no day after all
        return found[0]


def words(value: object) -> str:
    """Return a cell as text; '' where it is empty."""
    return "" if value is None or pd.isna(value) else str(value)


def badge(due: str, days_left: object = None) -> str:
    """Return a due state in words, with its days where they help."""
    says = DUE[due].partition(":")[0]
    if not pd.isna(days_left) and due in (
        "overdue",
        "past_safe_date",
        "due_this_week",
        "due_later",
    ):
        left = int(days_left)
        says += (
            {0: ", today", 1: ", 1 day left"}.get(left, f", {left} days left") if left >= 0 else ""
        )
    return f'<span class="dd-badge dd-{_TONES.get(due, "calm")}">{escape(says)}</span>'


def note(text: str, *, tone: str = "calm", items: Iterable[str] = (), title: str = "") -> str:
    """Return a boxed note, with a list under it where there are items."""
    head = f"<b>{escape(title)}</b> " if title else ""
    under = "".join(f"<li>{escape(item)}</li>" for item in items)
    under = f"<ul>{under}</ul>" if under else ""
    return f'<div class="dd-note dd-{tone}">{head}{escape(text)}{under}</div>'


def heading(text: str, *, level: int = 3) -> str:
    """Return the heading of a part of the desk: of a case (level 3), or beside the list (2)."""
    return f'<h{level} class="dd-h">{escape(text)}</h{level}>'


# ---- the list


def tone(due: str) -> str:
    """Return the tone of a due state: bad, soon, gap or calm."""
    return _TONES.get(due, "calm")


def summary(caseload: Caseload) -> str:
    """Return what was opened, and the findings in the files."""
    denied = caseload.worklist.column("denied_cents")
    said = (
        f"{caseload.name}: {count(len(caseload.claims), 'claim')}, "
        f"{count(len(denied), 'denial')}, {dollars(int(denied.sum()))} denied. "
        f"Days are counted as of {day(caseload.as_of)}."
    )
    return f'<div class="dd-block"><p>{escape(said)}</p>{_left_out(caseload)}{_findings(caseload)}</div>'


def _left_out(caseload: Caseload) -> str:
    """Return the contracts that could not be read: until then their denials have no date of theirs."""
    said = caseload.hospital.contracts_not_read
    return "".join(f"<p>{escape(f'Contract left out: {one}')}</p>" for one in said)


def _findings(caseload: Caseload) -> str:
    kinds = summarized(caseload.claims.table("findings"))
    if not kinds:
        return ""
    rows = "".join(f"<li>{escape(words(line))}</li>" for line in lines(kinds, most=20))
    return (
        f"<details><summary>Findings in what was read ({len(kinds):,})</summary>"
        f"<ul>{rows}</ul></details>"
    )


def short_day(value: date | None) -> str:
    """Return a day as Nov 24, 2026; a dash where there is none."""
    return "—" if value is None else f"{value:%b} {value.day}, {value.year}"


def papers(standing: str) -> str:
    """Return the first paper that a filer needs, in short, as the worklist's standing names it."""
    return re.split(r"[,.;]", standing.partition(" Paper: ")[2])[0]


# ---- the case


def case_head(row: dict) -> str:
    """Return the case in two lines: what, by whom, how much; where it comes from."""
    service = words(row["procedure_code"])
    what = f"Code {service}" if service else "Claim"
    payer = escape(words(row["payer_name"])) or "a payer not named"
    title = f"{escape(what)}, denied by <bdi>{payer}</bdi>"
    facts = (
        ("Account", words(row["patient_control_number"])),
        ("Payer's claim number", words(row["payer_claim_control_number"])),
        ("Plan", words(row["plan_name"])),
        ("Date of service", day(row["service_from"])),
        ("Facility", words(row["facility"])),
        ("Row in the file", words(row["row"])),
    )
    items = "".join(
        f"<div><dt>{escape(name)}</dt><dd><bdi>{escape(value)}</bdi></dd></div>"
        for name, value in facts
        if value
    )
    return (
        f'<div class="dd-block dd-case-head"><h2>{title} '
        f"<span>{escape(dollars(row['denied_cents']))}</span> {badge(row['due'], row['days_left'])}"
        f'</h2><dl class="dd-facts">{items}</dl></div>'
    )


def denied(view: CaseView) -> str:
    """Return what was denied: codes in own words, category, route, who may file."""
    row = view.row
    category = category_of().get(row["denial_category"])
    reason = words(row["reason"])
    fine = category.reasons.get(reason, "") if category else ""
    route = routes().get(row["route"])
    parts = [
        ("Codes", _codes(row)),
        (
            "Category",
            f"<b>{escape(category.name if category else plain(row['denial_category']))}</b>"
            f"{': ' + escape(fine or plain(reason)) if reason else ''}"
            f"<small>chosen by {escape(_decided_by(row))}, confidence "
            f"{escape(words(row['confidence']))}</small>",
        ),
        (
            "Route",
            f"<b>{escape(plain(row['route']))}</b>{': ' + escape(route.says) if route else ''}",
        ),
        ("Program", _program(row)),
        ("Who may file", escape(_standing(view))),
    ]
    if words(row["other_reasons"]):
        parts.insert(1, ("Also on the line", escape(words(row["other_reasons"]))))
    items = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in parts if value)
    return (
        f'<div class="dd-block">{heading("What was denied")}<dl class="dd-list">{items}</dl></div>'
    )


def _decided_by(row: dict) -> str:
    """Return the entry that chose the category, with the kinds of codes in capitals: CARC B8."""
    return _CODE_KINDS.sub(lambda found: found[0].upper(), words(row["decided_by"]))


_CODE_KINDS = re.compile(r"\b(carc|rarc)\b")


def _codes(row: dict) -> str:
    named = [("Group", "group", row["group_code"]), ("CARC", "carc", row["carc"])]
    named += [("RARC", "rarc", rarc) for rarc in words(row["rarcs"]).split()]
    lines = []
    for name, kind, value in named:
        if not words(value):
            continue
        entry = code(kind, value)
        says = entry.says if entry and entry.says else "no description available"
        lines.append(f"<li><b>{name} {escape(words(value))}</b>: {escape(says)}</li>")
    return f"<ul>{''.join(lines)}</ul>" if lines else "none on file"


def _program(row: dict) -> str:
    program = words(row["program"])
    if not program:
        return "unknown"
    source = words(row["program_from"]).replace("_", " ")
    contract = CONTRACT.get(words(row["contracted"]), "contract status unknown")
    stage = plain(words(row["stage"])).lower().replace("Part b", "Part B")
    return (
        f"<b>{escape(plain(program))}</b>, {escape(contract)}; stage: {escape(stage)}"
        f"<small>program from: {escape(source)}</small>"
    )


def _standing(view: CaseView) -> str:
    if view.filer and view.deadline and view.deadline.standing:
        who = view.deadline.standing
        papers = f" Paper: {'; '.join(who.papers)}." if who.papers else ""
        filer = _filer(view.filer)
        return f"{capital(filer)}: {who.says}{papers}"
    return words(view.row["standing"])


def _filer(name: str) -> str:
    return fact_types()["filer"].choices.get(name, plain(name).lower())


def ledger(view: CaseView, as_of: date) -> str:
    """Return the deadline as its ledger, and for whom it is counted; or why there is none."""
    deadline = view.deadline
    if deadline is None or deadline.last_filing_date is None:
        return f'<div class="dd-block">{heading("The date")}{_no_date(view)}</div>'
    who = f'<p class="dd-small">Filed by {_filer(view.filer)}.</p>' if view.filer else ""
    shown = ledger_html(deadline, as_of=as_of, notes=False)
    return f'<div class="dd-block">{heading("The date")}{shown}{who}</div>'


def _no_date(view: CaseView) -> str:
    row = view.row
    why = in_days(words(row["why"]))
    if row["due"] == "no_date":
        title = "No date can be given yet."
        if row["level"] == "contract_dispute":
            title = "The contract sets the date."
        said = words(row["gap"])
        said = capital(said) + "." if said else ""
        return note(said, tone="gap", title=title, items=[why] if why else [])
    if row["due"] == "closed" and row["state"] in table().states:
        said = table().states[row["state"]].says
        where = (
            "" if row["state_from"] in ("decision", "appeal") else f" ({words(row['state_from'])})"
        )
        title = f"Nothing is left to do: {said}{where}."
        return note(why, title=title)
    titles = {
        "no_appeal_right": "This denial cannot be appealed by the provider.",
        "closed": "The case is closed.",
        "awaiting_decision": "An appeal is filed and waits for its decision.",
        "nothing_to_file": "Nothing to file: the case moves by itself.",
    }
    title = titles.get(row["due"], "No date.")
    if row["due"] == "awaiting_decision" and not pd.isna(row["decision_due"]):
        title += f" It is due {day(row['decision_due'])}."
    return note(why, title=title)


def cautions(view: CaseView) -> str:
    """Return what the sender should know: of the codes, the deadline and the letter."""
    found = [*view.warnings, *(view.letter.warnings if view.letter else ())]
    parts = []
    if view.row["due"] == "overdue":
        parts.append(_late(view))
    if found:
        items = "".join(f"<li>{escape(one)}</li>" for one in dict.fromkeys(found))
        parts.append(
            f"<details open><summary>{count(len(set(found)), 'thing')} to know before sending"
            f"</summary><ul>{items}</ul></details>"
        )
    return f'<div class="dd-block">{"".join(parts)}</div>' if parts else ""


def _late(view: CaseView) -> str:
    says = "A late request is heard only where the decider finds good cause for the delay."
    asked = "good_cause" in _fact_names(view.kind)
    says += (
        " This letter can ask for it: fill in the reason the request is late."
        if asked
        else " State the reason in the request, with what proves it."
    )
    return note(says, tone="bad", title="The last filing date has passed.")


def _fact_names(kind: LetterKind | None) -> set[str]:
    from toolkit.letters import needs

    return {need.name for need in needs(kind)} if kind else set()


# ---- what happened

_EVENT_HEADS = ("Date", "What happened", "Line", "Amount")


def history(events: Iterable[dict]) -> str:
    """Return what happened to the claim as a table, the oldest first (see `toolkit.timeline`)."""
    head = "".join(f'<th scope="col">{name}</th>' for name in _EVENT_HEADS)
    rows = "".join(_event(one) for one in events)
    return (
        f'<div class="dd-block">{heading("What happened to this claim")}'
        '<div class="dd-scroll" tabindex="0" role="region" aria-label="History of the claim">'
        f'<table class="dd-events"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div></div>"
    )


def _event(one: dict) -> str:
    what = plain(one.get("recorded") or one["what"])
    more = [plain(one[name]) for name in ("level", "outcome") if one.get(name)]
    more += [str(reason) for reason in one.get("reasons", ())]
    said = f"<b>{escape(what)}</b>" + (f"<small>{escape(', '.join(more))}</small>" if more else "")
    if one.get("proof"):
        said += f"<small><bdi>{escape(str(one['proof']))}</bdi></small>"
    said += f"<small>{escape(_source_of(str(one['source'])))}</small>"
    amount = "" if one["amount"] is None else f"${Decimal(one['amount']):,.2f}"
    cells = (
        escape(short_day(date.fromisoformat(one["date"])) if one["date"] else "no date"),
        said,
        escape(str(one["line"])),
        amount,
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _source_of(text: str) -> str:
    """Return a source with the time of an entry as the clock here shows it."""
    return _STAMP.sub(lambda found: f"on {local_time(found[1])}", text)


_STAMP = re.compile(r"at (\d{4}-\d\d-\d\dT[\d:]+\+00:00)")


def now_stands(view: CaseView) -> str:
    """Return in a sentence how a case stands, with the payer's own clock where it waits."""
    row = view.row
    says = DUE[row["due"]].partition(":")[0]
    if row["due"] == "awaiting_decision":
        due = row["decision_due"]
        clock = f"the decision is due {day(due)}" if not pd.isna(due) else "no day for it is known"
        return f"The case is now: {says.lower()}; {clock}."
    last = row["last_filing_date"]
    until = "" if pd.isna(last) else f"; the last filing date is {day(last)}"
    return f"The case is now: {says.lower()}{until}."


def changed(changes: Iterable[Entry]) -> str:
    """Return what somebody else entered on the open case meanwhile; '' for nothing."""
    items = [f"{one.what}, by {one.who}, {local_time(one.entered_at)}" for one in changes]
    if not items:
        return ""
    says = "What is shown below is from before. Nothing of yours is lost or written over."
    shown = note(says, tone="soon", items=items, title="Somebody else has changed this case.")
    return f'<div class="dd-block" role="status">{shown}</div>'


# ---- the letter


def preview(view: CaseView) -> str:
    """Return the letter as it stands, or why there is none and what to do."""
    if view.letter:
        return (
            '<div class="dd-page" tabindex="0" role="region" aria-label="Letter preview">'
            f"{as_html(view.letter)}</div>"
        )
    if view.refused:
        return f'<div class="dd-block">{refusal(view.refused)}</div>'
    if not words(view.row["program"]):
        says = (
            "State the program above; whether a kind of letter answers this denial follows from it."
        )
        return f'<div class="dd-block">{note(says, tone="gap", title="No letter yet.")}</div>'
    if view.row["due"] == "awaiting_decision":
        says = (
            "A letter that asks for the decision can be written once it is late. Other kinds can be "
            "chosen above."
        )
        return f'<div class="dd-block">{note(says, title="No letter is due now.")}</div>'
    says = (
        f"No kind of letter answers this denial first. What to do first: {_route(view)}. "
        "Which kinds are possible, and why the others are not, is shown above."
    )
    return f'<div class="dd-block">{note(says, title="No letter.")}</div>'


def not_offered(offered: Iterable[Offer]) -> str:
    """Return the kinds of letter that a case cannot have, with the reason and the way on of each."""
    kinds_by_why: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in offered:
        if one.refused:
            kinds_by_why.setdefault((one.refused, one.needs), []).append(one.title)
    if not kinds_by_why:
        return ""
    items = "".join(
        f"<li><b>{escape('; '.join(titles))}</b>: {escape(why)}"
        + (f"<small>Instead: {escape('; '.join(needs))}</small>" if needs else "")
        + "</li>"
        for (why, needs), titles in kinds_by_why.items()
    )
    said = count(sum(map(len, kinds_by_why.values())), "kind")
    return (
        f'<div class="dd-block"><details><summary>{said} of letter not possible for this case, and '
        f"why</summary><ul>{items}</ul></details></div>"
    )


def _route(view: CaseView) -> str:
    route = routes().get(view.row["route"])
    name = plain(view.row["route"]).lower()
    return f"{name} ({route.says})" if route else name


def kind_of_document(kind: str) -> str:
    """Return what a document is in words: a kind of notice, or what was said when it was attached."""
    if kind == UNKNOWN:
        return "a letter whose kind is not clear"
    return next((one.says_of_it for one in notice_kinds() if one.kind == kind), kind)


def document(one: DocumentEntry) -> str:
    """Return a document in a line: its name, what it is, and its pages where they are known."""
    pages = f", {count(one.pages, 'page')}" if one.pages else ""
    return f"{one.name} ({kind_of_document(one.kind)}{pages})"


def candidates(view: CaseView) -> str:
    """Return a notice that entries exist for a claim that may be this one."""
    if not view.candidates:
        return ""
    return note(
        "Compare the claim with them before you enter anything.",
        tone="soon",
        title="Entries exist for a claim that may be this one.",
    )


def candidate(one: Candidate) -> str:
    """Return a stored case in short, without a value of its claim."""
    return f"{'1 entry' if one.entries == 1 else f'{one.entries:,} entries'}, the last by {one.who}, {local_time(one.entered_at)}"


def refusal(refused: RefusedError) -> str:
    """Return a refusal with what to do instead."""
    return note(str(refused), tone="bad", title="No letter of this kind.", items=refused.needs)


def missing(letter: Letter | None) -> str:
    """Return which facts are still missing, under the headings of the form."""
    if letter is None:
        return ""
    if letter.complete:
        said = "Nothing is missing: the letter can be saved."
        return f'<div class="dd-block">{note(said, tone="good")}</div>'
    groups: dict[str, list[Need]] = {}
    for need in letter.missing:
        groups.setdefault(need.group, []).append(need)
    items = "".join(
        f"<li><b>{escape(group)}</b>: {escape('; '.join(need.label for need in needs))}</li>"
        for group, needs in groups.items()
    )
    return (
        f'<div class="dd-block"><details class="dd-note dd-soon"><summary>Still missing: '
        f"{count(len(letter.missing), 'fact')}</summary><ul>{items}</ul></details></div>"
    )


def written(view: CaseView) -> str:
    """Return which letters were saved on this case before."""
    if not view.written:
        return ""
    items = "".join(
        f"<li>{escape(one.file_type.upper())}{' (draft)' if one.is_draft else ''}, "
        f"saved {escape(local_time(one.entered_at))}</li>"
        for one in view.written[-5:]
    )
    return (
        f'<div class="dd-block"><details><summary>{count(len(view.written), "letter")} saved on '
        f"this case</summary><ul>{items}</ul></details></div>"
    )

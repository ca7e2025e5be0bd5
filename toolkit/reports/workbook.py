"""The workbook beside a report: what an analyst sorts, filters and fills in.

A sheet is a function that takes the book; a report's notebook names its sheets in order. The
worklist and appeals sheets carry the hospital's and the payer's claim numbers: they belong there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.metrics import SMALL_N, Measure, Metric, named, reviews
from toolkit.metrics import tables as small_tables
from toolkit.metrics.parcel import can_cut
from toolkit.reports import words
from toolkit.reports.kinds import Kind
from toolkit.reports.page import BY, agree, bridge_steps
from toolkit.reports.source import Parcel, Source, frame
from toolkit.rules.words import capital

PATIENT_NOTE = (
    "This sheet holds patient account and payer claim numbers: protected health information. "
    "Keep it inside the hospital; the HTML page of this report holds none."
)

# column, heading, kind, width, meaning
WORK = (
    ("due", "Due", "due", 18, "state of the deadline on the report's date"),
    ("days_left", "Days to file by", "count", 9, "file by minus the report's date; negative: past"),
    (
        "days_to_last",
        "Days to last day",
        "count",
        9,
        "last filing date minus the report's date; negative: overdue by so many",
    ),
    ("file_by", "File by", "date", 12, "earliest safe reading of the rule, on a working day"),
    ("last_filing_date", "Last filing date", "date", 12, "last lawful day to file"),
    ("filed_when", "Filed when", "text", 12, "whether receipt or postmark counts"),
    ("patient_control_number", "Patient control number", "text", 20, "ours (CLP01)"),
    ("payer_claim_control_number", "Payer claim control number", "text", 22, "theirs (CLP07)"),
    ("payer_name", "Payer", "text", 26, "as the file names it"),
    ("plan_name", "Plan", "text", 20, "plan or financial class as the file names it"),
    ("facility", "Facility", "text", 18, "as the file names it"),
    ("owner", "Owner", "text", 16, "work queue or team that holds the case"),
    ("program", "Program", "word", 20, "the body of law that governs; blank where not known"),
    ("contracted", "Contracted", "word", 14, "whether the hospital has a contract with the payer"),
    ("level", "Level", "word", 18, "level to file next, or the one waiting for a decision"),
    (
        "denied_cents",
        "Denied",
        "cents",
        13,
        "this denial's adjustments; never repeated across rows",
    ),
    (
        "denied_once_cents",
        "Denied, counted",
        "cents",
        13,
        "as the report adds it up: a charge that two payers deny counts once",
    ),
    ("stake_cents", "At stake", "cents", 13, "of that, what no appeal has brought back"),
    (
        "in_controversy_cents",
        "In controversy",
        "cents",
        13,
        "of all the claim's open denials at the level, where its rules look at an amount; do not add up",
    ),
    ("billed_cents", "Billed", "cents", 13, "charge of the line or claim"),
    ("paid_cents", "Paid", "cents", 13, "paid on the line or claim"),
    ("denial_category", "Category", "word", 20, "the toolkit's grouping of the denial"),
    ("reason", "Reason", "word", 24, "finer than the category"),
    ("route", "Route", "word", 18, "what to do: appeal, corrected claim, records ..."),
    ("group_code", "Group code", "text", 8, "of the primary adjustment"),
    ("carc", "CARC", "text", 8, "claim adjustment reason code of the primary adjustment"),
    ("rarcs", "RARCs", "text", 16, "remittance advice remark codes"),
    ("other_reasons", "Other reasons", "text", 16, "the other denial adjustments of the line"),
    ("procedure_code", "Procedure", "text", 11, "CPT or HCPCS"),
    ("service_from", "Service from", "date", 12, "first day of service"),
    ("stage", "Stage", "word", 16, "pre-service, prior authorization, payment ..."),
    ("nature", "Nature", "word", 11, "clinical or technical"),
    ("preventable", "Preventable", "word", 12, "assumed from the code, not reviewed"),
    ("confidence", "Confidence", "word", 12, "of the category"),
    ("decided_by", "Decided by", "text", 22, "the entry that decided the category"),
    ("second_look", "Second look", "text", 28, "ids of what does not fit together"),
    ("notice_date", "Notice date", "date", 12, "the date that the clock counts from"),
    ("notice_from", "Notice from", "word", 16, "where that date comes from"),
    ("notice_received", "Notice received", "date", 12, "where receipt is documented"),
    ("standing", "Standing", "text", 40, "who may file and with which paper"),
    ("state", "What stands", "word", 18, "after everything that happened to the claim"),
    (
        "state_from",
        "Decided by event",
        "text",
        24,
        "what decided that: decision, appeal, file and row",
    ),
    ("decision_due", "Decision due", "date", 12, "day on which the payer has to decide the appeal"),
    ("gap", "What to fill in", "text", 40, "what is missing for a date"),
    ("why", "Why this date", "text", 60, "the steps of the deadline"),
    ("citation", "Rule", "text", 26, "the rule that gives the date"),
    ("rule_status", "Mark", "text", 7, "V read at source, V2 second-hand, M from memory"),
    ("last_level", "Last appeal", "word", 18, "level of the last appeal on file"),
    ("filed_on", "Filed on", "date", 12, "day the last appeal was filed"),
    ("decided_on", "Decided on", "date", 12, "day of its decision"),
    ("outcome", "Outcome", "word", 16, "of the last appeal"),
    ("recovered_cents", "Recovered", "cents", 13, "paid after the decision, where stated"),
    ("claim_key", "Claim key", "text", 16, "our key: file and ordinal, no claim's value"),
    ("line_key", "Line key", "text", 18, "our key of the line"),
    ("file_id", "File id", "text", 10, "first sixteen hex digits of the file's SHA-256"),
    ("row", "Row", "count", 8, "row of the sheet, or segment of the 835"),
)


def _same(*names: str) -> tuple[tuple, ...]:
    """Return columns that another sheet has as the worklist's has them."""
    known = {column[0]: column for column in WORK}
    return tuple(known[name] for name in names)


_APPEALS = (
    *_same(
        "patient_control_number", "payer_claim_control_number", "payer_name", "facility", "program"
    ),
    ("level", "Level", "word", 18, "level of appeal"),
    ("denial_category", "Category", "word", 20, "of the denial in dispute, the largest one"),
    (
        "stage",
        "What became of it",
        "word",
        18,
        "decided, pending, dismissed, withdrawn, outcome not read",
    ),
    (
        "has_denial",
        "Of a denial here",
        "flag",
        12,
        "no: paid, a patient's share or a contractual reduction; in no rate",
    ),
    ("lines", "Lines", "count", 8, "rows of the file that say it"),
    ("dispute_cents", "In dispute", "cents", 13, "what was still denied when the appeal was filed"),
    ("denied_on", "Denied on", "date", 12, "notice of the denial, else its remittance"),
    ("filed_on", "Filed on", "date", 12, "day the appeal was filed"),
    ("decided_on", "Decided on", "date", 12, "day of the decision"),
    ("outcome", "Outcome", "word", 18, "blank while pending"),
    *_same("recovered_cents", "claim_key", "file_id", "row"),
)

_FINDINGS = (
    ("file", "File", "text", 28, ""),
    ("row", "Row", "count", 8, ""),
    ("column", "Column", "text", 24, ""),
    ("code", "Kind", "text", 22, ""),
    ("says", "What is wrong and what to do", "text", 90, ""),
)

_PLAN = (
    (
        "week",
        "Week",
        "count",
        8,
        "1 is this week; blank: does not fit, or costs more than it brings",
    ),
    ("owner", "Owner", "text", 18, "work queue or team that holds the case"),
    *_same("patient_control_number", "payer_claim_control_number", "payer_name"),
    ("program", "Program", "word", 20, "the body of law that governs"),
    ("level", "Level", "word", 18, "level to file next"),
    ("category", "Category", "word", 20, "the toolkit's grouping of the denial"),
    *_same("due", "file_by", "last_filing_date"),
    ("stake_cents", "At stake", "cents", 14, "what no appeal has brought back"),
    ("rate", "Won, expected", "share", 10, "in full or in part, shrunk toward all appeals"),
    (
        "expected_cents",
        "Expected back",
        "cents",
        14,
        "at stake x expected x what wins brought back",
    ),
    ("cost_cents", "Cost", "cents", 10, "minutes and fee of one case, assumed"),
    ("net_cents", "Expected net", "cents", 14, "expected back less the cost"),
    ("minutes", "Minutes", "count", 9, "assumed for the route"),
    ("label", "Label", "text", 22, "few decided appeals of this payer and category"),
    *_same("claim_key"),
)

_EPOCH = pd.Timestamp("1899-12-30")  # day 0 of Excel's calendar


# The sheet of rows that a report lists, whose columns its definitions explain.
_LISTS = {"appeals": _APPEALS, "worklist": WORK, "plan": _PLAN}


@dataclass(frozen=True, eq=False)
class Book:
    """One workbook while it is written, and what it is about."""

    file: Any
    forms: dict[str, Any]
    kind: Kind
    source: Source
    given: Parcel
    name: str
    by: str


def write(
    path: Path,
    *,
    kind: Kind,
    source: Source,
    given: Parcel,
    name: str,
    by: str,
) -> None:
    """Write the workbook of one report on one source; text is never a formula, link or number."""
    import xlsxwriter

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(path, options) as file:
        as_of = datetime.combine(given.facts.as_of, time(), tzinfo=UTC)
        file.set_properties({"title": f"{kind.title}: {given.whose or name}", "created": as_of})
        book = Book(file, _forms(file), kind, source, given, name, by)
        for sheet in kind.sheets:
            SHEETS[sheet](book)


def about(book: Book) -> None:
    """Write what the workbook is: source, date, size, sheets, and whether the data are real."""
    given = book.given
    rows = [
        ("Report", book.kind.title),
        ("As of", given.facts.as_of),
        ("Source", book.name),
        *([(capital(given.group), given.whose)] if given.group else []),
        ("Data", "synthetic: no patient, payer or claim is real" if given.synthetic else "as read"),
        ("Note", given.note),
        *(
            ("File", f.file_id if given.share else f"{f.file} ({f.file_id})")
            for f in book.source.files.itertuples()
        ),
        ("Rows read", given.rows_read),
        ("Denials", given.facts.count()),
        ("Of them from letters", given.from_letters),
        ("Findings", given.found),
        ("", ""),
        ("Numbers that agree", ""),
        *((c.name, "holds") for c in agree(given, BY[book.by])),
    ]
    sheet = book.file.add_worksheet("About")
    sheet.set_column(0, 0, 46)
    sheet.set_column(1, 1, 90)
    for place, (name, said) in enumerate(rows):
        sheet.write_string(place, 0, name, book.forms["bold"])
        _cell(sheet, place, 1, said, book.forms)
    sheet.hide_gridlines(2)


def headline(book: Book) -> None:
    """Write the report's metrics with the numbers that they rest on."""
    found = book.given.facts.measure(_metrics(book))[None]
    _table(
        book,
        "Headline",
        ("Metric", "Value", "Unit", "Count", "Out of", "Cases", "95% low", "95% high",
         "Open (censored)", "Ended otherwise", "Left out", "Label", "Caveat"),
        ("text", "metric", "text", "amount", "amount", "count", "amount", "amount", "count", "count",
         "count", "text", "text"),
        (44, 16, 10, 16, 16, 10, 10, 10, 12, 12, 10, 22, 70),
        [_measured(m) for m in found],
    )  # fmt: skip


def worklist(book: Book) -> None:
    """Write every open denial with its account numbers, most urgent first."""
    listed, many = frame(book.source.worklist), book.given.facts.count(*small_tables.OPEN)
    as_of = pd.Timestamp(book.given.facts.as_of)
    listed = listed.assign(
        days_to_last=(listed["last_filing_date"] - as_of).dt.days.astype("Int64")
    )
    notes = [PATIENT_NOTE]
    if many > len(listed):
        notes.append(
            f"The first {len(listed):,} of {many:,} open denials by urgency; "
            "toolkit worklist writes all of them."
        )
    _frame(book, "Worklist", listed, WORK, notes)


def appeals(book: Book) -> None:
    """Write every appeal on file with its account numbers."""
    listed, many = frame(book.source.appeals), book.given.facts.filed
    notes = [PATIENT_NOTE]
    if listed.empty:
        notes.append("There are no appeal events.")
    if many > len(listed):
        notes.append(f"The latest {len(listed):,} of {many:,} appeals.")
    _frame(book, "Appeals", listed, _APPEALS, notes)


def denial_groups(book: Book) -> None:
    """Write the report's metrics by payer or facility."""
    _groups(book, f"By {book.by}", BY[book.by], capital(book.by), "denials")


def payers(book: Book) -> None:
    """Write the report's metrics by payer."""
    _groups(book, "By payer", "payer_name", "Payer", "denials")


def facilities(book: Book) -> None:
    """Write the report's metrics by facility."""
    _groups(book, "By facility", "facility", "Facility", "denials")


def owners(book: Book) -> None:
    """Write the report's metrics by owner."""
    _groups(book, "By owner", "owner", "Owner", "denials")


def pairs(book: Book) -> None:
    """Write the report's metrics by payer and category."""
    _groups(
        book, "By payer and category", "payer_and_category", "Payer and category", "denials"
    )  # fmt: skip


def shrunk(book: Book) -> None:
    """Write the overturn rate of each payer and category, as counted and shrunk toward all."""
    found = book.given.prepared("shrunk")
    names = book.given.facts.names("payer_name", found["payer"])
    _table(
        book, "Overturn rates",
        ("Payer", "Category", "Won", "Decided", "Rate", "Shrunk", "95% low", "95% high", "Label"),
        ("text", "word", "count", "count", "share", "share", "share", "share", "text"),
        (30, 26, 10, 10, 10, 10, 10, 10, 20),
        [
            (name, r.category, int(r.won), int(r.decided), r.rate, r.shrunk, r.low, r.high,
             _FEW if r.decided < SMALL_N else "")
            for name, r in zip(names, found.itertuples(), strict=True)
        ],
        empty="No appeal has been decided.",
    )  # fmt: skip


def differences(book: Book) -> None:
    """Write the test of the overturn rate of each payer and each facility against all others."""
    found = book.given.prepared("differences")
    rows = [
        (
            "Payer" if r.cut == "payer_name" else "Facility",
            book.given.facts.names(r.cut, [r.group])[0], int(r.won), int(r.decided), r.p, r.q,
            "yes" if r.differs else "no", r.chi2, int(r.df), r.overall_p,
            _FEW if r.decided < SMALL_N else "",
        )
        for r in found.itertuples()
    ]  # fmt: skip
    _table(
        book, "Differences",
        ("", "Group", "Won", "Decided", "p", "q (false discoveries held)", "Differs",
         "All groups: chi-squared", "Degrees of freedom", "All groups: p", "Label"),
        ("text", "text", "count", "count", "number", "number", "text", "number", "count", "number",
         "text"),
        (12, 30, 10, 10, 10, 14, 10, 14, 12, 12, 20), rows,
        empty="No appeal has been decided.",
    )  # fmt: skip


def changes(book: Book) -> None:
    """Write what changed of each payer and category against the three months before."""
    found = book.given.prepared("changes").sort_values(["p", "payer", "category"], kind="stable")
    names = book.given.facts.names("payer_name", found["payer"])
    _table(
        book, "What changed",
        ("Payer", "Category", "This month", "Three months before", "Denied dollars",
         "Denied, three months before", "p", "q (false discoveries held)", "Changed"),
        ("text", "word", "count", "count", "cents", "cents", "number", "number", "text"),
        (30, 26, 12, 14, 16, 18, 10, 14, 16),
        [
            (name, r.category, int(r.now), int(r.before), int(r.cents), int(r.before_cents), r.p, r.q,
             "yes" if r.differs else "may be chance" if r.p == r.p else "a month is missing")
            for name, r in zip(names, found.itertuples(), strict=True)
        ],
        empty="There are no denials of the month or of the three before.",
    )  # fmt: skip


def causes(book: Book) -> None:
    """Write what the month's denials came from."""
    found = small_tables.causes(book.given.facts)
    _table(
        book, "Root causes",
        ("Category", "Reason", "Group code", "CARC", "Preventable, by code", "Denials", "Denied dollars"),
        ("word", "word", "text", "text", "word", "count", "cents"), (26, 30, 10, 10, 14, 12, 18),
        found.itertuples(index=False),
        empty=f"No denial has its notice in {book.given.facts.month:%B %Y}.",
    )  # fmt: skip


def months(book: Book) -> None:
    """Write claims by month and kind of file."""
    found = small_tables.claims_by_month(book.given.facts)
    _table(
        book, "Claims by month",
        ("Month", "Source", "Claims", "Denied", "First denials", "Rebills", "Paid nothing", "Charges",
         "Charges denied", "A denominator"),
        ("text", "text", "count", "count", "count", "count", "count", "cents", "cents", "text"),
        (12, 14, 12, 12, 14, 12, 14, 18, 18, 20),
        [
            ("no date" if pd.isna(r.month) else f"{r.month:%Y-%m}", r.source, int(r.claims), int(r.denied),
             int(r.first_denials), int(r.rebills), int(r.zero_paid), int(r.billed),
             int(r.denied_billed), "yes" if r.counted else "no: denials only")
            for r in found.itertuples()
        ],
        empty="There are no claims.",
    )  # fmt: skip


def inventory(book: Book) -> None:
    """Write the open denials by age at the end of each month."""
    found = small_tables.inventory(book.given.facts, months=12)
    _table(
        book, "Inventory by age", ("Day", "Days since the notice", "Open denials", "Denied dollars"),
        ("text", "text", "count", "cents"), (14, 20, 14, 18),
        [(f"{r.on:%Y-%m-%d}", r.age, int(r.denials), int(r.cents)) for r in found.itertuples(name="Row")],
        empty="No open denial has a day of notice.",
    )  # fmt: skip


def moves(book: Book) -> None:
    """Write the claims that one definition counts and another does not."""
    found = small_tables.moved_claims(book.given.facts)
    _table(
        book, "Claims that move", ("Claims", "What moves", "How many", "Charges", "First claim keys"),
        ("text", "text", "count", "cents", "text"), (34, 60, 12, 18, 80),
        found.itertuples(index=False),
    )  # fmt: skip


def rules(book: Book) -> None:
    """Write the pre-bill rules, each replayed on later claims."""
    found = book.given.prepared("rules")
    names = [
        "any payer" if pd.isna(key) else book.given.facts.names("payer_name", [key])[0]
        for key in found["payer"]
    ]
    _table(
        book, "Rules",
        ("Payer", "Procedure", "Modifiers", "Group code", "CARC", "Category", "Found on (lines denied)",
         "Of lines", "Caught later", "False alarms", "Precision", "95% low", "95% high", "Dollars caught",
         "Cost of holding", "Dollars less cost", "Label"),
        ("text", "text", "text", "text", "text", "word", "count", "count", "count", "count", "share",
         "share", "share", "cents", "cents", "cents", "text"),
        (30, 12, 12, 10, 8, 24, 14, 10, 12, 12, 10, 10, 10, 16, 16, 16, 24),
        [
            (name, r.procedure_code, "any" if pd.isna(r.modifiers) else r.modifiers or "none",
             r.group_code, r.carc, r.category, r.learned, r.learned_lines, r.caught, r.false_alarms,
             r.precision, r.low, r.high, r.caught_cents, r.held_cents, r.net_cents,
             "false alarms not known" if not r.full
             else _FEW if r.caught + r.false_alarms < SMALL_N else "")
            for name, r in zip(names, found.itertuples(), strict=True)
        ],
        empty="No cluster of preventable denials is large enough to be a rule.",
    )  # fmt: skip


def plan(book: Book) -> None:
    """Write the appeals of the plan with their account numbers, this week's first."""
    found, many = (
        book.given.prepared("plan").head(book.given.most),
        len(book.given.prepared("plan")),
    )
    numbers = frame(book.source.numbers).set_index("denial_key")
    known = numbers.reindex(found["denial_key"]).reset_index(drop=True)
    shown = pd.concat([found.drop(columns=["few", "method"]), known], axis=1).assign(
        payer_name=book.given.facts.names("payer_name", found["payer"]),
        week=found["do_week"].astype("Int64") + 1,
        label=[_FEW if few else "" for few in found["few"]],
    )
    notes = [PATIENT_NOTE, book.given.facts.effort.says]
    if shown.empty:
        notes.append(
            "There is no plan: too few won appeals say what to expect, or nothing is to be appealed."
        )
    if many > len(found):
        notes.append(f"The first {len(found):,} of {many:,} appeals.")
    _frame(book, "Plan", shown, _PLAN, notes)


def appeal_groups(book: Book) -> None:
    """Write the report's metrics by payer or facility, program, level and category."""
    _groups(book, f"By {book.by}", BY[book.by], capital(book.by), "appeals")
    _groups(book, "By program", "program", "Program", "appeals")
    _groups(book, "By level", "level", "Level", "appeals")
    _groups(book, "By category", "denial_category", "Category", "appeals")


def gaps(book: Book) -> None:
    """Write what to fill in and what it would unlock."""
    missing = small_tables.gaps(book.given.facts)
    _table(
        book,
        "What to fill in",
        ("What to fill in", "Payers concerned", "Dates for (denials)", "At stake"),
        ("text", "text", "count", "cents"),
        (70, 50, 18, 16),
        _known(missing)[["gap", "payers", "denials", "cents"]].itertuples(index=False),
        empty="Nothing is missing: every open denial has its date.",
    )


def public_reviews(book: Book) -> None:
    """Write public overturn rates beside those here, with the warning and the source."""
    said, _ = reviews.public_reviews()
    found = reviews.base_rates(book.given.facts)
    rows = [
        (r.whose, r.what, r.decided, r.overturned, r.overturned / r.decided if r.decided else None,
         r.low, r.high)
        for r in found.itertuples()
    ]  # fmt: skip
    _table(
        book, "Public reviews",
        ("Whose", "Reviews", "Decided", "Overturned, any part", "Rate", "95% low", "95% high"),
        ("text", "text", "count", "count", "share", "share", "share"),
        (12, 32, 10, 20, 10, 10, 10), rows, notes=(said.warning, f"Source: {said.says}; {said.source}."),
    )  # fmt: skip


def appeal_gaps(book: Book) -> None:
    """Write what is missing on the appeals."""
    missing = small_tables.outcome_gaps(book.given.facts)
    _table(
        book,
        "What to fill in",
        ("What to fill in", "What it would complete", "Appeals"),
        ("text", "text", "count"),
        (50, 40, 12),
        missing.itertuples(index=False),
        empty="No appeal lacks a fact."
        if book.given.facts.filed
        else "There are no appeal events.",
    )


def _known(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with no dollars where no denial of a row states any."""
    cents = table["cents"].astype("Int64").mask(table["unknown"] >= table["denials"])
    return table.assign(cents=cents.astype(object).where(cents.notna(), None)).drop(
        columns=["unknown", "denied", "unstated"]
    )


def no_right(book: Book) -> None:
    """Write the denials with no right of appeal, by code and route."""
    _table(
        book,
        "No appeal right",
        ("Group code", "CARC", "Reason", "Route instead", "Denials", "At stake"),
        ("text", "text", "word", "word", "count", "cents"),
        (12, 10, 34, 24, 12, 16),
        _known(small_tables.no_right(book.given.facts)).itertuples(index=False),
        empty="No open denial is known to lack a right of appeal.",
    )


def unclassified(book: Book) -> None:
    """Write the codes that no entry on file classifies."""
    _table(
        book,
        "Unclassified codes",
        ("Group code", "CARC", "RARCs", "Denials", "At stake"),
        ("text", "text", "text", "count", "cents"),
        (12, 10, 24, 12, 16),
        _known(small_tables.unclassified(book.given.facts)).itertuples(index=False),
        empty="Every denial has a category.",
    )


def bridge(book: Book) -> None:
    """Write the way from the rows read to the denials, and the adjustments that are in none, by code."""
    rest = small_tables.bridge(book.given.facts)
    rest = rest[rest["step"] == "other"]
    rows = [*bridge_steps(book.given)]
    rows += [
        (f"in no denial: {words.code(r.group_code, r.carc)}", int(r.adjustments), int(r.cents))
        for r in rest.itertuples()
    ]
    _table(
        book, "Bridge", ("Step", "Rows or adjustments", "Dollars"), ("text", "count", "cents"),
        (60, 20, 18), rows,
    )  # fmt: skip


def closures(book: Book) -> None:
    """Write how closed denials were closed."""
    found = small_tables.closures(book.given.facts)
    rows = [
        (
            words.CLOSED[c.closed_as], int(c.denials),
            *(None if c.unknown >= c.denials else int(one) for one in (c.recovered, c.cents)),
            int(c.unknown),
        )
        for c in found.itertuples()
    ]  # fmt: skip
    _table(
        book, "Closed",
        ("How it was closed", "Denials", "Recovered", "Not recovered", "Of these, amount not stated"),
        ("text", "count", "cents", "cents", "count"), (30, 12, 20, 20, 26), rows,
        empty="No denial is closed.",
    )  # fmt: skip


def routes(book: Book) -> None:
    """Write what is urgent by route and by what was done before."""
    found = small_tables.by_route(book.given.facts)
    rows = [
        (
            words.DUE[r.due], words.plain(r.route) or "Not stated", words.BEFORE[r.before],
            int(r.denials), None if r.unknown >= r.denials else int(r.cents),
        )
        for r in found.itertuples()
    ]  # fmt: skip
    _table(
        book, "By route", ("Due state", "Route", "Before", "Denials", "At stake"),
        ("text", "text", "text", "count", "cents"), (24, 24, 26, 12, 18), rows,
        empty="No denial with a known date is overdue, past the safe date or due this week.",
    )  # fmt: skip


def stages(book: Book) -> None:
    """Write the appeals by what became of them."""
    found = small_tables.stages(book.given.facts)
    rows = [
        (words.STAGES[s.stage], int(s.appeals), int(s.dispute), int(s.recovered), int(s.unknown))
        for s in found.itertuples()
    ]
    _table(
        book, "By outcome",
        ("Appeals", "Count", "Still denied when filed", "Came back", "State no amount"),
        ("text", "count", "cents", "cents", "count"), (28, 12, 22, 18, 16), rows,
        empty="There are no appeal events.",
    )  # fmt: skip


def findings(book: Book) -> None:
    """Write every finding of the readers."""
    listed, many = frame(book.source.found), book.given.found
    notes = [] if many else ["No row of the files gave cause for a finding."]
    if many > len(listed):
        notes.append(f"The first {len(listed):,} of {many:,} findings.")
    _frame(book, "Findings", listed, _FINDINGS, notes)


def definitions(book: Book) -> None:
    """Write what each metric counts, what each column means, and the rules behind the dates."""
    rows = [
        (d.name, d.numerator, d.denominator, d.grain, d.date_basis, d.exclusions, d.caveat,
         d.source, d.mark)
        for d in (f.definition for f in _metrics(book))
    ]  # fmt: skip
    columns = next((held for name, held in _LISTS.items() if name in book.kind.sheets), ())
    rows += [(f"column {heading}", says, *[""] * 7) for _, heading, _, _, says in columns]
    rows += [
        (f"rule {r.citation}", f"{words.plain(r.program)}, {words.plain(r.level)}",
         *[""] * 6, r.rule_status)
        for r in small_tables.citations(book.given.facts).itertuples()
    ]  # fmt: skip
    rows += [(f"mark {m}", said.partition(": ")[2], *[""] * 7) for m, said in words.MARKS.items()]
    rows.append(("small n", f"fewer than {SMALL_N} cases", *[""] * 7))
    _table(
        book,
        "Definitions",
        ("Term", "What it is, or numerator", "Denominator", "Grain", "Date basis", "Left out",
         "Caveat", "Source", "Mark"),
        ("text",) * 9,
        (40, 60, 36, 36, 36, 36, 50, 40, 7),
        rows,
        wrap=True,
    )  # fmt: skip


SHEETS: dict[str, Callable[[Book], None]] = {
    f.__name__: f
    for f in (
        about, headline, worklist, appeals, denial_groups, appeal_groups, routes, closures, stages,
        gaps, appeal_gaps, no_right, unclassified, bridge, findings, definitions, payers, facilities,
        owners, pairs, shrunk, differences, changes, causes, months, inventory, moves, rules, plan,
        public_reviews,
    )
}  # fmt: skip


def _metrics(book: Book) -> tuple[Measure, ...]:
    return named(*book.kind.metrics)


def _groups(book: Book, sheet: str, column: str, title: str, of: str) -> None:
    """Write the metrics of each group: a column each, and beside a rate what it rests on."""
    measures, facts = _metrics(book), book.given.facts
    measures = tuple(one for one in measures if can_cut(one, column))
    if column == "level":  # a denial's level is the one to file next, not that of its appeals
        measures = tuple(one for one in measures if one.row.from_table == "submissions")
    found = small_tables.by_group(facts, column, measures, of=of, top=200)
    plain = column in ("payer_name", "facility")
    groups = [(name if plain else words.group(name), metrics) for name, metrics in found]
    if groups:
        groups.append(("All", facts.measure(measures)[None]))
    headings, kinds, widths = [title], ["text"], [30]
    for one in measures:
        name, extra = one.definition.name, _beside(one)
        headings += [name, *(f"{name}: {says}" for says, _, _ in extra)]
        kinds += ["metric", *(kind for _, kind, _ in extra)]
        widths += [16, *(10 for _ in extra)]
    rows = [
        (
            name,
            *(
                cell
                for one, metric in zip(measures, metrics, strict=True)
                for cell in (metric, *(of_metric(metric) for _, _, of_metric in _beside(one)))
            ),
        )
        for name, metrics in groups
    ]
    _table(
        book,
        sheet,
        headings,
        kinds,
        widths,
        rows,
        empty="There are no appeal events." if of == "appeals" else "There are no denials.",
    )


_RATE = (
    ("cases", "count", lambda m: m.n),
    ("95% low", "share", lambda m: m.low),
    ("95% high", "share", lambda m: m.high),
    ("label", "text", lambda m: _label(m)),
)
_TIME = (
    ("95% low", "count", lambda m: m.low),
    ("95% high", "count", lambda m: m.high),
    ("done", "count", lambda m: m.n),
    ("open", "count", lambda m: m.censored),
    ("label", "text", lambda m: _label(m)),
)


def _beside(one: Measure) -> tuple:
    """Return the columns that stand beside a metric: what a rate or a number of days rests on."""
    return {"ratio": _RATE, "days": _TIME}.get(one.definition.unit, ())


_FEW = f"small n (under {SMALL_N})"


def _label(m: Metric) -> str:
    if m.withheld:
        return f"withheld: {m.withheld}"
    few = m.n and m.small and m.unit in ("ratio", "days")
    return _FEW if few else ""


def _measured(m: Metric) -> tuple:
    form = "cents" if m.unit == "cents" or m.dollars else "count"
    sides = [None if side is None else (form, side) for side in (m.count, m.out_of)]
    unit = "dollars" if m.unit == "cents" else "share" if m.unit == "ratio" else m.unit
    shape = {"cents": "cents", "ratio": "share"}.get(m.unit, "count")
    ends = [None if end is None else (shape, end) for end in (m.low, m.high)]
    return (
        m.name, m, unit, *sides, m.n, *ends, m.censored, m.otherwise, m.left_out, _label(m),
        m.caveat,
    )  # fmt: skip


_NUMBERS = ("date", "cents", "count", "share")


def _frame(
    book: Book, name: str, frame: pd.DataFrame, columns: Sequence[tuple], notes: Sequence[str]
) -> None:
    """Write a table row by row of the frame, a column at a time."""
    present = [c for c in columns if c[0] in frame]
    sheet, first = _open(book, name, [c[1] for c in present], [c[3] for c in present], notes)
    for place, (column, _, kind, _, _) in enumerate(present):
        form, values = book.forms[kind], frame[column]
        if kind == "date":
            values = (values - _EPOCH).dt.days
        elif kind == "cents":
            values = values.astype("Float64") / 100
        elif kind == "word":
            values = values.map(words.plain, na_action="ignore")
        elif kind == "due":
            values = values.map(words.DUE)
        elif kind == "flag":
            values = values.map({True: "yes", False: "no"})
        put = sheet.write_number if kind in _NUMBERS else sheet.write_string
        blank = values.isna().to_numpy()
        for row, value in enumerate(values.tolist()):
            if not blank[row] and value != "":
                put(first + row, place, value, form)
    _close(sheet, first, len(frame), len(present))


def _table(
    book: Book,
    name: str,
    headings: Sequence[str],
    kinds: Sequence[str],
    widths: Sequence[int],
    rows: Any,
    *,
    empty: str = "",
    notes: Sequence[str] = (),
    wrap: bool = False,
) -> None:
    """Write a small table below its notes; `empty` is what it says when it has no row."""
    rows = list(rows)
    said = [*notes, *([] if rows or not empty else [empty])]
    sheet, first = _open(book, name, headings, widths, said)
    for place, row in enumerate(rows, start=first):
        for column, (kind, value) in enumerate(zip(kinds, row, strict=True)):
            if kind == "amount" and value is not None:
                kind, value = value
            _put(sheet, place, column, value, kind, book.forms, wrap=wrap)
    _close(sheet, first, len(rows), len(headings))


def _open(
    book: Book, name: str, headings: Sequence[str], widths: Sequence[int], notes: Sequence[str]
) -> tuple[Any, int]:
    sheet = book.file.add_worksheet(name)
    for place, note in enumerate(notes):
        sheet.write_string(place, 0, note, book.forms["note"])
    for place, (heading, width) in enumerate(zip(headings, widths, strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(len(notes), place, heading, book.forms["heading"])
    sheet.set_row(len(notes), 32)
    sheet.freeze_panes(len(notes) + 1, 1)
    return sheet, len(notes) + 1


def _close(sheet: Any, first: int, rows: int, columns: int) -> None:
    if rows:
        sheet.autofilter(first - 1, 0, first + rows - 1, columns - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(first - 1)


def _put(
    sheet: Any, row: int, column: int, value: Any, kind: str, forms: dict, *, wrap: bool
) -> None:
    if kind == "metric":
        shape = {"cents": "cents", "ratio": "share"}.get(value.unit, "count")
        if value.value is None or value.left_out and value.unit == "cents":
            sheet.write_string(row, column, words.value(value), forms["quiet"])
            return
        kind, value = shape, value.value
    if value is None or (not isinstance(value, str) and pd.isna(value)) or value == "":
        return
    if kind == "cents":
        sheet.write_number(row, column, int(value) / 100, forms["cents"])
    elif kind in ("count", "share", "number"):
        sheet.write_number(row, column, value, forms[kind])
    else:
        text = words.plain(value) if kind == "word" else str(value)
        sheet.write_string(row, column, text, forms["wrap" if wrap else "text"])


def _cell(sheet: Any, row: int, column: int, value: Any, forms: dict) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, value, forms["wrap"])
    elif isinstance(value, int):
        sheet.write_number(row, column, value, forms["left"])
    else:
        sheet.write_number(row, column, (pd.Timestamp(value) - _EPOCH).days, forms["day"])


def _forms(file: Any) -> dict[str, Any]:
    base = {"font_name": "Calibri", "font_size": 10, "valign": "top"}
    # A quote prefix keeps text text when somebody edits the cell: '=1+1' stays what it is.
    text = base | {"quote_prefix": True}
    made = {
        "text": text,
        "word": text,
        "due": text | {"bold": True},
        "wrap": text | {"text_wrap": True},
        "quiet": text | {"font_color": "#666666", "align": "right"},
        "note": base | {"italic": True, "font_color": "#8a3b00"},
        "bold": base | {"bold": True},
        "heading": base
        | {
            "bold": True,
            "bg_color": "#e9eef3",
            "bottom": 1,
            "text_wrap": True,
            "valign": "vcenter",
        },
        "date": base | {"num_format": "yyyy-mm-dd", "align": "left"},
        "flag": text,
        "day": base | {"num_format": "yyyy-mm-dd", "align": "left"},
        "left": base | {"num_format": "#,##0", "align": "left"},
        "count": base | {"num_format": "#,##0"},
        "cents": base | {"num_format": "$#,##0.00;[Red]-$#,##0.00"},
        "share": base | {"num_format": "0.0%"},
        "number": base | {"num_format": "0.000"},
    }
    return {name: file.add_format(look) for name, look in made.items()}

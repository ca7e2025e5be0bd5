"""The table of answers: every column of a worklist, once, with its kind, meaning and source.

Whatever lists columns (the frame, its files, the kernel's answers, the questions' own, the data
dictionary) is made from this table.
"""

from dataclasses import dataclass
from typing import Literal

from toolkit.claims.tables import Column, Kind

Source = Literal[
    "claim", "denial", "appeal", "case", "payer", "code", "notice", "step", "state"
]  # fmt: skip


@dataclass(frozen=True)
class WorklistColumn(Column):
    """One column of a worklist. `source` says which part of a triage gives it, under the same name.

    A question answers it: payer, code, step or state (see `toolkit.worklist.questions`); notice is the
    day whose notice counts, which the rows state and the step chooses. Or the tables say it: claim (that
    column of the claim; cents of its line, if it states them), denial (`DenialRows` in
    `toolkit.worklist.denial_rows`), appeal (`LastAppeals` in `toolkit.worklist.appeals`) or case (`Filings`
    in `toolkit.worklist.triage`: what the next filing goes by).
    """

    source: Source = "claim"


def _from(source: Source, *rows: tuple) -> tuple[WorklistColumn, ...]:
    return tuple(WorklistColumn(*row, source=source) for row in rows)


WORKLIST: tuple[WorklistColumn, ...] = (
    *_from(
        "denial",
        (
            "denial_key",
            "text",
            "our key: the line's, or the claim's + '-c' for a claim-level denial",
        ),
        ("claim_key", "text", "our key for the claim"),
        ("line_key", "text", "our key for the line; missing for a claim-level denial"),
        ("file_id", "text", "first sixteen hex digits of the SHA-256 of the file"),
        ("row", "count", "where it is in the file"),
    ),
    *_from(
        "claim",
        ("patient_control_number", "text", "ours (CLP01)", True),
        ("payer_claim_control_number", "text", "theirs (CLP07)", True),
        ("payer_id", "text", "the payer's identifier"),
        ("payer_name", "text", "the payer as the file names it"),
        ("plan_name", "text", "the plan or financial class as the file names it"),
    ),
    *_from(
        "payer",
        ("program", "text", "program id; missing where nothing states it"),
        ("program_from", "text", "claim_filing_indicator, export or payers.csv"),
        ("contracted", "text", "contracted, not_contracted; missing where nothing states it"),
        ("contracted_from", "text", "export or payers.csv"),
    ),
    *_from(
        "claim",
        ("facility", "text", "where the service was given"),
        ("owner", "text", "work queue or team"),
    ),
    *_from(
        "denial",
        ("service_from", "date", "first day of service"),
        ("procedure_code", "text", "CPT or HCPCS"),
        (
            "stage",
            "text",
            "payment unless the file states another: a billed claim is a payment matter",
        ),
        ("group_code", "text", "of the primary adjustment"),
        ("carc", "text", "of the primary adjustment"),
        ("rarcs", "text", "remark codes on the line and the claim, sorted, one space between"),
    ),
    *_from(
        "code",
        ("denial_category", "text", "our grouping"),
        ("reason", "text", "finer than the category"),
        ("route", "text", "what to do first"),
        ("nature", "text", "clinical or technical"),
        ("preventable", "text", "yes, partly or no, as the code's rule has it"),
        ("liability", "text", "provider, patient or other"),
        ("confidence", "text", "high, medium, low or inferred"),
        ("decided_by", "text", "the entry that chose the category"),
        (
            "second_look",
            "text",
            "ids of what does not fit together, one space between; '' where all fits",
        ),
    ),
    *_from(
        "step",
        ("appealable", "flag", "whether this denial can be appealed by the provider"),
    ),
    *_from(
        "claim",
        ("billed_cents", "cents", "charge of the line, or of the claim for a claim-level denial"),
        ("paid_cents", "cents", "paid on the same"),
    ),
    *_from(
        "denial",
        (
            "denied_cents",
            "cents",
            "sum of this row's denial adjustments; never repeated on another row",
        ),
    ),
    *_from(
        "case",
        (
            "in_controversy_cents",
            "cents",
            "amount in controversy at `level`: the claim's open denials that go there together, less what was paid back; repeated on each of them, missing where the level's rules look at none",
        ),
    ),
    *_from(
        "denial",
        ("other_reasons", "text", "group and CARC of the row's other denial adjustments"),
    ),
    *_from(
        "step",
        ("level", "text", "level to file next, or that waits for a decision"),
    ),
    *_from(
        "notice",
        ("notice_date", "date", "the day whose notice starts the clock"),
        (
            "notice_from",
            "text",
            "notice_date, remittance_date, decided_on, or filed_on where the clock starts with that",
        ),
    ),
    *_from(
        "case",
        ("notice_received", "date", "documented receipt of that notice"),
    ),
    *_from(
        "step",
        ("last_filing_date", "date", "last lawful day"),
        ("file_by", "date", "earliest defensible reading, on a working day"),
        ("filed_when", "text", "received or postmarked"),
        ("citation", "text", "of the filing rule"),
        (
            "rule_status",
            "text",
            "weakest mark behind the dates: V read at the source, V2 second-hand, M from memory",
        ),
        ("days_left", "count", "file_by minus the as-of date"),
        ("due", "text", "see DUE"),
    ),
    *_from(
        "state",
        ("state", "text", "the current state: see rules/history/states.yaml"),
        (
            "state_from",
            "text",
            "what decided the state: decision (the row's own), appeal, case_status, or the file and row of a later decision",
        ),
        ("decision_due", "date", "day on which the payer's decision on the filed appeal is due"),
    ),
    *_from(
        "step",
        ("standing", "text", "who may file and with which paper"),
        ("gap", "text", "what is missing for a date, and what to fill in"),
        ("why", "text", "the steps of the date, or why there is none"),
    ),
    *_from(
        "appeal",
        ("last_level", "text", "level of the last appeal on file"),
        ("filed_on", "date", "day it was filed"),
        ("decided_on", "date", "day it was decided"),
        ("outcome", "text", "its outcome"),
        ("recovered_cents", "cents", "paid after it"),
    ),
)


# What people fill in beside a row of a workbook, to be read back with `toolkit record --from`.
ENTRIES = (
    Column("status", "text", "what was done: an event of `rules/history/events.yaml`"),
    Column("status_date", "date", "the day on which it happened"),
    Column("status_outcome", "text", "of a decision"),
    Column("status_amount", "cents", "dollars paid, awarded or written off"),
    Column("notes", "text", "what is worth knowing; it is recorded as a note", True),
)
# The owner as the workbook was written: what differs from it, somebody changed.
OWNER_LISTED = "owner_listed"


# The texts that many rows repeat: all but keys and what is a patient's or a claim's own.
REPEATED = frozenset(
    c.name
    for c in WORKLIST
    if c.kind == "text" and not c.personal and c.name not in ("denial_key", "claim_key", "line_key")
)


def answers_of(*sources: Source, **more: Kind) -> dict[str, Kind]:
    """Return the columns that these questions answer, with their kinds, in their order; then `more`."""
    found: dict[str, Kind] = {c.name: c.kind for c in WORKLIST if c.source in sources}
    return found | more


DUE = {
    "overdue": "the last filing date has passed",
    "past_safe_date": "file_by has passed, the last filing date has not",
    "due_this_week": "file_by is today or within the next six days",
    "due_later": "file_by is later",
    "awaiting_decision": "filed, no decision yet",
    "no_date": "a fact or a rule is missing: see the gap",
    "no_appeal_right": "this denial cannot be appealed by the provider",
    "nothing_to_file": "the case moves by itself",
    "closed": "won, withdrawn, or closed in the hospital's own system",
}

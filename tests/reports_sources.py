"""Sources for the tests of reports: a synthetic worklist with a sentinel in each personal column."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from toolkit.claims.tables import CLAIMS, Claims, conform
from toolkit.reports import Source, defined, front, monthly, prevention, scorecard, weekly
from toolkit.reports.source import Parcel, parcel

AS_OF = date(2026, 3, 2)
SENTINEL = "ZQXSENTINEL"

# The blocks of the reports beside the overdue cases and the outcomes.
BLOCKS = (
    front.week, front.standing, front.owners, scorecard.summary, scorecard.late, scorecard.card,
    scorecard.overturned, scorecard.pairs, monthly.summary, monthly.causes, monthly.changed,
    monthly.claims, monthly.money, weekly.summary, weekly.owners, weekly.cases, weekly.outside,
    prevention.summary, prevention.first, prevention.stages, prevention.replayed, defined.summary,
    defined.moves, defined.hfma,
)  # fmt: skip

_PAYERS = ("Northwind Health", "Aster Advantage", "Blue <Ridge> & Co", "State Medicaid Plan")
_PROGRAMS = ("original_medicare", "medicare_advantage", "commercial_plan", "")
_CODES = (
    ("CO", "50", "medical_necessity", "not_reasonable_and_necessary", "appeal"),
    ("CO", "197", "authorization", "no_authorization", "appeal"),
    ("CO", "16", "claim_data", "missing_information", "corrected_claim"),
    ("CO", "29", "timely_filing", "late_claim", "appeal"),
    ("CO", "ZZ9", "unclassified", "unknown_code", "review"),
)
_STANDING = "A contracted provider files under the contract, not as the enrollee."


@dataclass(frozen=True, eq=False)
class Rows:
    """A source's claims and worklist, before they are counted."""

    name: str
    claims: Claims
    worklist: pd.DataFrame
    as_of: date
    note: str = ""
    synthetic: bool = True

    @property
    def source(self) -> Source:
        """The source as the reports take it."""
        return Source.of(
            self.name,
            self.claims,
            self.worklist,
            self.as_of,
            self.note,
            synthetic=self.synthetic,
        )

    @property
    def parcel(self) -> Parcel:
        """What a report sees of it."""
        return parcel(self.source)


def source(
    name: str = "synthetic", *, rows: int = 400, appealed: bool = True, as_of: date = AS_OF
) -> Rows:
    """Return `rows` denials, seen on `as_of`; every personal cell holds the sentinel."""
    rng = np.random.default_rng(7)
    pick = rng.integers(0, [[len(_PAYERS)], [len(_CODES)], [100]], (3, rows))
    payer, code, roll = pick
    key = pd.Series([f"ab12cd34-{n}" for n in range(1, rows + 1)], dtype="str")
    today = pd.Timestamp(as_of)
    offset = pd.Series(rng.integers(-40, 120, rows))
    file_by = today + pd.to_timedelta(offset, unit="D")
    last = file_by + pd.Timedelta(days=4)
    due = pd.Series("due_later", index=range(rows))
    due[offset < 7] = "due_this_week"
    due[offset < 0] = "past_safe_date"
    due[last < today] = "overdue"
    program = pd.Series(np.array(_PROGRAMS)[payer], dtype="str").replace("", np.nan)
    decided = appealed & (roll < 30)
    pending = appealed & (roll >= 30) & (roll < 38)
    due[pending] = "awaiting_decision"
    due[decided] = "closed"
    due[(roll >= 38) & (roll < 44)] = "no_appeal_right"
    due[program.isna() & (due != "closed") & ~pending] = "no_date"
    dated = due.isin(["overdue", "past_safe_date", "due_this_week", "due_later"])
    cents = pd.Series(rng.integers(4_000, 900_000, rows), dtype="Int64")
    filed = today - pd.to_timedelta(rng.integers(40, 120, rows), unit="D")
    words = np.array(_CODES)[code]
    outcome = pd.Series(
        np.array(["overturned", "partly_overturned", "upheld", "upheld", "dismissed"])[roll % 5],
        dtype="str",
    ).where(decided)
    paid = cents.where(outcome == "overturned", cents // 2)
    recovered = paid.where(outcome.isin(["overturned", "partly_overturned"]))
    decided_on = pd.Series(filed + pd.Timedelta(days=35)).where(decided)
    filed = pd.Series(filed).where(decided | pending)
    worklist = pd.DataFrame(
        {
            "denial_key": key + "-1",
            "claim_key": key,
            "line_key": key + "-1",
            "file_id": "ab12cd34",
            "row": pd.array(range(2, rows + 2), dtype="Int64"),
            "patient_control_number": SENTINEL + key,
            "payer_claim_control_number": SENTINEL + key,
            "payer_id": "P",
            "payer_name": np.array(_PAYERS)[payer],
            "plan_name": "Plan",
            "facility": np.where(roll % 2, "Main campus", "East clinic"),
            "owner": "Queue 4",
            "program": program,
            "program_from": "export",
            "contracted": "contracted",
            "contracted_from": "export",
            "service_from": today - pd.Timedelta(days=150),
            "procedure_code": "77080",
            "stage": "payment",
            "group_code": words[:, 0],
            "carc": words[:, 1],
            "rarcs": np.where(roll % 3, "N115", ""),
            "denial_category": words[:, 2],
            "reason": words[:, 3],
            "route": words[:, 4],
            "nature": "technical",
            "preventable": "partly",
            "liability": "provider",
            "confidence": "high",
            "decided_by": "carc " + pd.Series(words[:, 1]),
            "second_look": "",
            "appealable": pd.array(due != "no_appeal_right", dtype="boolean"),
            "billed_cents": cents * 2,
            "paid_cents": cents * 0,
            "denied_cents": cents,
            "in_controversy_cents": pd.array([None] * rows, dtype="Int64"),
            "other_reasons": "",
            "level": pd.Series("redetermination", index=range(rows)).where(dated | pending),
            "notice_date": today - pd.Timedelta(days=90),
            "notice_from": "notice_date",
            "notice_received": pd.NaT,
            "last_filing_date": last.where(dated),
            "file_by": file_by.where(dated),
            "filed_when": pd.Series("received", index=range(rows)).where(dated),
            "citation": pd.Series("42 CFR 405.942(a)", index=range(rows)).where(dated),
            "rule_status": pd.Series("V", index=range(rows)).where(dated),
            "days_left": offset.astype("Int64").where(dated),
            "due": due,
            "state": due.map({"awaiting_decision": "awaiting_decision", "closed": "closed"}).fillna(
                "open"
            ),
            "state_from": "decision",
            "decision_due": pd.Series(filed + pd.Timedelta(days=60)).where(pending),
            "standing": np.where(payer == 1, _STANDING, ""),
            "gap": np.where(due == "no_date", "program: add the payer to payers.csv", ""),
            "why": "notice, presumed received five days later, 120 days",
            "last_level": pd.Series("redetermination", index=range(rows)).where(decided | pending),
            "filed_on": filed,
            "decided_on": decided_on,
            "outcome": outcome,
            "recovered_cents": recovered,
        }
    )
    personal = {c.name: SENTINEL for c in CLAIMS if c.personal and c.kind == "text"}
    claims = conform(
        pd.DataFrame(
            {
                **{c: worklist[c] for c in ("claim_key", "file_id", "row", "facility")},
                **personal,
                "patient_control_number": worklist["patient_control_number"],
                "payer_name": worklist["payer_name"],
                "notice_date": worklist["notice_date"],
                "birth_date": pd.Timestamp("1931-01-07"),
            },
            index=worklist.index,
        ),
        "claims",
    )
    with_event = worklist["last_level"].notna()
    events = conform(
        worklist.loc[
            with_event,
            ["claim_key", "file_id", "row", "line_key", "filed_on", "decided_on", "outcome",
             "recovered_cents"],
        ].assign(level="redetermination"),
        "appeal_events",
    )  # fmt: skip
    findings = conform(
        {
            "file": ["claims.csv"] * 3,
            "file_id": ["ab12cd34"] * 3,
            "row": [4, 9, None],
            "column": ["service_from", "service_from", None],
            "code": ["not_a_date", "not_a_date", "no_units"],
            "says": ["not a date: write 2026-03-02", "not a date: write 2026-03-02", "no units"],
        },
        "findings",
    )
    files = conform(
        {"file": ["claims.csv"], "file_id": ["ab12cd34"], "source": ["export"],
         "layout": ["generic"], "rows_read": [rows]},
        "files",
    )  # fmt: skip
    held = Claims(claims=claims, appeal_events=events, findings=findings, files=files)
    return Rows(name, held, worklist, as_of, note="Made by the tests.")


def quiet_source(name: str = "quiet") -> Rows:
    """Return a source with no overdue denial, no gap, no finding and no appeal."""
    one = source(name, rows=60, appealed=False)
    later = one.worklist["due"] == "due_later"
    worklist = one.worklist[later].reset_index(drop=True)
    claims = Claims(claims=one.claims.claims, files=one.claims.files)
    return Rows(name, claims, worklist, one.as_of, synthetic=False)

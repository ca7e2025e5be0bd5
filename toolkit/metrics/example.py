"""The worked example of every metric: twelve denials and seven appeals, small enough to count.

The docstring of each metric names the number that it gives on this example; a test walks them.
"""

from datetime import date
from io import StringIO

import pandas as pd

from toolkit.claims.tables import conform
from toolkit.metrics.ledger import Ledger, ledger_of

AS_OF = date(2026, 3, 2)

_BLANK = (
    "state",
    "state_from",
    "level",
    "group_code",
    "carc",
    "rarcs",
    "reason",
    "citation",
    "rule_status",
)

_WORKLIST = """\
key,due,dollars,payer_name,program,denial_category,route,appealable,last_level,file_by
1,overdue,1000,Payer A,original_medicare,medical_necessity,appeal,1,,2026-02-20
2,overdue,500,Payer B,medicare_advantage,authorization,appeal,1,,2026-02-24
3,past_safe_date,400,Payer B,medicare_advantage,authorization,appeal,1,,2026-02-27
4,due_this_week,600,Payer A,original_medicare,medical_necessity,appeal,1,,2026-03-06
5,due_later,700,Payer A,original_medicare,coding,corrected_claim,1,,2026-04-10
6,due_later,300,Payer B,medicare_advantage,medical_necessity,appeal,1,redetermination,2026-05-01
7,no_date,1500,Payer C,,authorization,appeal,1,,
8,no_date,500,Payer C,,unclassified,appeal,1,redetermination,
9,awaiting_decision,500,Payer A,original_medicare,medical_necessity,appeal,1,redetermination,
10,no_appeal_right,300,Payer A,original_medicare,claim_data,corrected_claim,0,,
11,closed,700,Payer A,original_medicare,medical_necessity,appeal,1,redetermination,
12,closed,800,Payer B,medicare_advantage,medical_necessity,appeal,1,reconsideration,
"""

_APPEALS = """\
key,level,denied_on,filed_on,decided_on,outcome,recovered,dispute,first
6,redetermination,2025-11-01,2025-12-01,2026-01-10,upheld,,300,1
8,redetermination,2025-10-01,2025-10-11,2025-11-10,dismissed,,500,1
9,redetermination,2025-12-20,2026-02-08,,,,500,1
11,redetermination,2025-06-01,2025-07-21,2025-10-19,overturned,700,700,1
12,reconsideration,2025-06-01,2025-06-21,2025-07-31,upheld,,800,1
12,ire_review,2025-06-01,2025-08-10,2025-09-29,partly_overturned,400,400,0
6,reconsideration,2025-11-01,,2026-02-01,withdrawn,,,0
"""


def example() -> Ledger:
    """Return the example ledger, seen on 2026-03-02."""
    return ledger_of(*example_rows(), as_of=AS_OF)


def example_rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the example's denials and appeals, one row each."""
    work = pd.read_csv(StringIO(_WORKLIST), dtype="str")
    appeals = pd.read_csv(StringIO(_APPEALS), dtype="str")
    of = work.set_index("key")
    worklist = work.assign(
        denial_key="example-" + work["key"],
        claim_key="example-" + work["key"],
        denied_cents=_cents(work["dollars"]),
        appealable=work["appealable"] == "1",
        file_by=work["file_by"].astype("datetime64[us]"),
        facility="Main campus",
        gap=work["due"].map({"no_date": "program is not known: add the payer to payers.csv"}),
        **dict.fromkeys(_BLANK, ""),
        **dict.fromkeys(
            ("filed_on", "decided_on", "outcome", "decision_due")
        ),  # told by the appeals below
    ).drop(columns=["key", "dollars"])
    keys = appeals["key"]
    events = conform(
        appeals[["level", "filed_on", "decided_on", "outcome"]].assign(
            claim_key="example-" + keys, recovered_cents=_cents(appeals["recovered"])
        ),
        "appeal_events",
    ).assign(
        denied_on=appeals["denied_on"].astype("datetime64[us]"),
        dispute_cents=_cents(appeals["dispute"]),
        is_first=appeals["first"] == "1",
        facility="Main campus",
        **{c: keys.map(of[c]) for c in ("payer_name", "program", "denial_category")},
    )
    return worklist, events


def _cents(dollars: pd.Series) -> pd.Series:
    return dollars.astype("Int64") * 100

"""The worked example of every metric: twelve denials, seven appeals and eleven claims paid in full.

Each metric's `example` in `rules/metrics.yaml` is what it gives here; a test walks them.
"""

from datetime import date
from io import StringIO

import pandas as pd

from toolkit.claims.tables import DTYPES, Claims, conform
from toolkit.metrics.parcel import Facts, open_facts
from toolkit.worklist import WORKLIST

AS_OF = date(2026, 3, 2)

_WORKLIST = """\
key,due,dollars,payer_name,program,denial_category,route,appealable,last_level,outcome,file_by,denied_on
1,overdue,1000,Payer A,original_medicare,medical_necessity,appeal,1,,,2026-02-20,2025-10-13
2,overdue,500,Payer B,medicare_advantage,authorization,appeal,1,,,2026-02-24,2025-12-22
3,past_safe_date,400,Payer B,medicare_advantage,authorization,appeal,1,,,2026-02-27,2025-12-22
4,due_this_week,600,Payer A,original_medicare,medical_necessity,appeal,1,,,2026-03-06,2025-11-02
5,due_later,700,Payer A,original_medicare,coding,corrected_claim,1,,,2026-04-10,2025-12-12
6,due_later,300,Payer B,medicare_advantage,medical_necessity,appeal,1,redetermination,upheld,2026-05-01,2025-11-01
7,no_date,1500,Payer C,,authorization,appeal,1,,,,2025-11-22
8,no_date,500,Payer C,,unclassified,appeal,1,redetermination,dismissed,,2025-10-01
9,awaiting_decision,500,Payer A,original_medicare,medical_necessity,appeal,1,redetermination,,,2025-12-20
10,no_appeal_right,300,Payer A,original_medicare,claim_data,corrected_claim,0,,,,2026-02-20
11,closed,700,Payer A,original_medicare,medical_necessity,appeal,1,redetermination,overturned,,2025-06-01
12,closed,800,Payer B,medicare_advantage,medical_necessity,appeal,1,ire_review,partly_overturned,,2025-06-01
"""

_APPEALS = """\
key,level,filed_on,decided_on,outcome,recovered
6,redetermination,2025-12-01,2026-01-10,upheld,
8,redetermination,2025-10-11,2025-11-10,dismissed,
9,redetermination,2026-02-08,,,
11,redetermination,2025-07-21,2025-10-19,overturned,700
12,reconsideration,2025-06-21,2025-07-31,upheld,
12,ire_review,2025-08-10,2025-09-29,partly_overturned,400
6,reconsideration,,2026-02-01,withdrawn,
"""

# Claims of the same remittance that were paid in full, all by Payer A.
_PAID = """\
key,day,dollars
p1,2025-11-20,500
p2,2025-12-15,1000
p3,2025-12-15,1000
p4,2026-01-10,1000
p5,2026-01-10,1000
p6,2026-01-10,1000
p7,2026-01-10,1000
p8,2026-01-10,4000
p9,2026-02-14,1500
p10,2026-02-14,1500
p11,2026-02-14,1300
"""


def example() -> Facts:
    """Return the facts of the example, seen on 2026-03-02, with what is studied in the parent."""
    from toolkit.metrics.studies import study

    facts = open_facts(*example_rows(), as_of=AS_OF)
    facts.studies = study(facts)
    return facts


def example_rows() -> tuple[Claims, pd.DataFrame]:
    """Return the example's claims and its worklist."""
    work = pd.read_csv(StringIO(_WORKLIST), dtype="str")
    appeals = pd.read_csv(StringIO(_APPEALS), dtype="str")
    keys = "example-" + work["key"]
    stated = work.drop(columns=["key", "dollars", "denied_on"]).assign(
        denial_key=keys,
        claim_key=keys,
        denied_cents=_cents(work["dollars"]),
        billed_cents=_cents(work["dollars"]),
        facility="Main campus",
        preventable=(work["denial_category"] == "authorization").map({True: "yes", False: "no"}),
        decision_due=work["due"].map({"awaiting_decision": pd.Timestamp("2026-02-28")}),
        state=work["due"].map({"closed": "closed"}).fillna("open"),
        gap=work["due"].map({"no_date": "program is not known: add the payer to payers.csv"}),
    )
    worklist = pd.DataFrame(
        {
            c.name: (
                (stated[c.name] == "1").astype("boolean")
                if c.kind == "flag"
                else stated[c.name].astype(DTYPES[c.kind])
                if c.name in stated
                else pd.Series(index=work.index, dtype=DTYPES[c.kind])
            )
            for c in WORKLIST
        }
    )
    paid = pd.read_csv(StringIO(_PAID), dtype="str")
    both = pd.concat([work.rename(columns={"denied_on": "day"}), paid], ignore_index=True)
    keys = "example-" + both["key"]
    claims = {
        "claim_key": keys,
        "file_id": "example",
        "notice_date": both["day"].astype("datetime64[us]"),
        "payer_name": both["payer_name"].fillna("Payer A"),
        "billed_cents": _cents(both["dollars"]),
        "paid_cents": _cents(both["dollars"]).mask(both["due"].notna(), 0),
    }
    # Claim 10 has two lines, one of them denied; those paid in February have one.
    lined = [9, 9, 20, 21, 22]
    lines = {
        "line_key": [f"{key}-{n}" for n, key in enumerate(keys[lined], start=1)],
        "claim_key": keys[lined].to_list(),
        "billed_cents": [20_000, 10_000, 150_000, 150_000, 130_000],
    }
    denied = {
        "adjustment_key": ["a1"], "claim_key": [keys[9]], "line_key": [lines["line_key"][0]],
        "group_code": ["CO"], "carc": ["16"], "amount_cents": [20_000],
    }  # fmt: skip
    paid_later = {
        "claim_key": ["example-11"], "event": ["paid"], "day": [pd.Timestamp("2025-11-10")],
        "amount_cents": [70_000],
    }  # fmt: skip
    events = appeals.drop(columns=["key", "recovered"]).assign(
        claim_key="example-" + appeals["key"], recovered_cents=_cents(appeals["recovered"])
    )
    held = Claims(
        claims=conform(claims, "claims"),
        claim_lines=conform(lines, "claim_lines"),
        adjustments=conform(denied, "adjustments"),
        appeal_events=conform(events, "appeal_events"),
        recorded_events=conform(paid_later, "recorded_events"),
        files=conform({"file_id": ["example"], "source": ["remittance"]}, "files"),
    )
    return held, worklist


def _cents(dollars: pd.Series) -> pd.Series:
    return dollars.astype("Int64") * 100

"""Write docs/tables.md, the data dictionary, from the tables' own definitions.

.venv/bin/python scripts/tables_page.py
"""

from collections.abc import Iterable
from pathlib import Path

from toolkit.claims.tables import DTYPES, TABLES, Column
from toolkit.reports.worked_list import BESIDE
from toolkit.worklist import DUE, ENTRIES, WORKLIST

PAGE = Path(__file__).parents[1] / "docs" / "tables.md"

HEAD = """\
# The tables

The tables into which every export and remittance is read, and the worklist that triage makes from them.
`scripts/tables_page.py` generates this page from `toolkit/claims/tables.py` and `toolkit/worklist/table.py`; a test
fails if it is out of date.

| kind | pandas type | meaning |
|---|---|---|
"""
KINDS = {
    "text": "missing is nan; codes keep their leading zeros",
    "date": "midnight, no time zone",
    "cents": "whole cents; in files, dollars with two decimals under the name without `_cents`",
    "count": "whole number",
    "number": "number with decimals, never money",
    "flag": "true, false or missing",
}
STAR = " \\*"
GRAIN = {
    "claims": "One row per claim in the file: a CLP of an 835, a claim number of an export.",
    "claim_lines": "One row per service line.",
    "adjustments": "One row per CAS triplet (all six), at claim or line level; one per export row.",
    "remark_codes": "One row per remark code on a line (LQ) or a claim (MOA, MIA).",
    "provider_adjustments": "One row per PLB adjustment.",
    "appeal_events": "One row per appeal that the export says was filed.",
    "recorded_events": "One row per event that somebody recorded and nobody corrected, from the case store; "
    "empty until `with_recorded` fills it.",
    "rejections": "One row per status (STC) of a 277, per error and per transaction of a 999 or 997; never "
    "among the denials.",
    "findings": "One row per problem in a file. A finding does not stop the run.",
    "files": "One row per file read.",
}


def table(columns: Iterable[Column]) -> str:
    """Return the columns as a Markdown table; a star marks what may identify a patient."""
    rows = [f"| `{c.name}`{STAR if c.personal else ''} | {c.kind} | {c.says} |" for c in columns]
    return "\n".join(["| column | kind | meaning |", "|---|---|---|", *rows])


def page() -> str:
    """Return the whole page."""
    parts = [HEAD + "\n".join(f"| {kind} | `{DTYPES[kind]}` | {KINDS[kind]} |" for kind in DTYPES)]
    parts.append(
        "A star marks a column that may identify a patient: never in a log, a notebook or a manifest."
    )
    for name, columns in TABLES.items():
        parts.append(f"## {name}\n\n{GRAIN[name]}\n\n{table(columns)}")
    parts.append(
        "## The worklist\n\nOne row per denied service line, or per claim-level denial: "
        f"`triage(claims, as_of=..., hospital=...)`.\n\n{table(WORKLIST)}"
    )
    parts.append(
        "### In the workbook\n\nBeside these, a worklist written as XLSX has what `toolkit record --from` "
        f"reads back, and what helps to work.\n\n{table((*ENTRIES, *BESIDE))}"
    )
    states = "\n".join(f"| `{due}` | {says} |" for due, says in DUE.items())
    parts.append(
        f"### The due states\n\nEvery row is in exactly one.\n\n| due | meaning |\n|---|---|\n{states}"
    )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

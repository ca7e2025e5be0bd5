"""What every report shows: what it is, what was found, that its numbers agree, what they mean."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import pandas as pd

from toolkit.claims.findings import effect_of, severity_of
from toolkit.claims.tables import Claims
from toolkit.errors import ReportError, UsageError
from toolkit.metrics import SMALL_N, measures, reconcile
from toolkit.metrics.tables import citations
from toolkit.reports import blocks, words
from toolkit.reports.parcel import Parcel, parcel, unpack
from toolkit.reports.part import part_of

BY = {"payer": "payer_name", "facility": "facility"}

_SAMPLE_ROWS, _SAMPLE_SEED = 600, 20
_FINDINGS_SHOWN = 40


@dataclass(frozen=True, eq=False)
class Page:
    """One source, opened for one report."""

    given: Parcel
    source: str
    by: str
    by_hand: bool

    @property
    def ledger(self):
        """The denials and appeals of the source."""
        return self.given.ledger

    @property
    def by_column(self) -> str:
        """The column that groups are made by."""
        return BY[self.by]

    def about(self, title: str) -> blocks.Block:
        """Return what the report is: its title, source, date, size, and whether it is real."""
        given, files = self.given, self.given.files
        names = ", ".join(files["file"]) if len(files) <= 3 else f"{len(files)} files"
        shown = [
            ("As of", words.long_day(self.ledger.as_of)),
            ("Source", f"{self.source}: {names}" if names else self.source),
            ("Rows read", f"{given.rows_read:,}"),
            ("Denials", f"{self.ledger.count():,}"),
            ("Findings", f"{given.found:,}"),
            ("Grouped by", self.by),
        ]
        return blocks.block(
            blocks.style() if self.by_hand else "",
            f"<h1>{blocks.escape(title)}</h1>",
            blocks.facts(shown),
            blocks.paragraph(
                "Synthetic data: no patient, payer or claim in this report is real.", "warning"
            )
            if given.synthetic
            else "",
            blocks.paragraph(given.note, "note") if given.note else "",
        )

    def findings(self) -> blocks.Block:
        """Return what the readers found wrong in the files, by kind, then row by row."""
        found = self.given.findings
        if found.empty:
            return blocks.block(
                blocks.paragraph("No row of the files gave cause for a finding.", "empty")
            )
        kinds = (
            found.assign(**{c: found[c].fillna("") for c in ("file", "code", "column", "says")})
            .sort_values(["first", "says"], kind="stable")
            .groupby(["file", "code", "column"])
            .agg(rows=("rows", "sum"), first=("first", "min"), says=("says", "first"))
            .reset_index()
        )
        kinds["severity"] = [severity_of(code) for code in kinds["code"]]
        kinds = kinds.sort_values(["severity", "rows"], ascending=[True, False], kind="stable")
        many, most = self.given.found, self.given.most
        rows = [
            (
                k.file,
                k.code,
                k.column,
                f"{k.rows:,}",
                _row(k.first),
                k.says,
                effect_of(k.code),
            )
            for k in kinds.head(_FINDINGS_SHOWN).itertuples()
        ]
        return blocks.block(
            blocks.paragraph(
                f"{words.count(many, 'finding')} in {words.count(found['file_id'].nunique(), 'file')}. "
                "Those that cost dollars come first. "
                f"The workbook lists {'each one' if many <= most else f'the first {most:,}'}."
            ),
            blocks.table(
                ("File", "Kind", "Column", "Rows", "First row", "What it is", "What it does to the numbers"),
                rows,
                caption="Findings by file and kind"
                + (f", the {_FINDINGS_SHOWN} worst" if len(kinds) > len(rows) else ""),
                right=(3, 4),
                total=("All", "", "", f"{many:,}", "", "", ""),
            ),
        )  # fmt: skip

    def reconciliation(self) -> blocks.Block:
        """Return the checks that hold; a check that does not hold stops the report."""
        checks = agree(self.given, self.by_column)
        held = self.ledger.denials
        none = len(held) > 0 and bool(held["unknown"].sum() == held["denials"].sum())
        rows = [
            (c.name, *(_side(n, c.unit, none=none) for n in (c.left, c.right)), "holds")
            for c in checks
        ]
        return blocks.block(
            blocks.table(
                ("Check", "One way", "The other", ""),
                rows,
                caption="Numbers in this report that must agree",
                right=(1, 2),
                kind="narrow",
            )
        )

    def definitions(self, module: ModuleType) -> blocks.Block:
        """Return the definitions of a module's metrics, and the rules that gave the dates."""
        said = [f.definition for f in measures() if f.__module__ == module.__name__]
        rules = citations(self.ledger)
        rows = [
            (
                d.name,
                d.numerator + (f" ÷ {d.denominator}" if d.denominator else ""),
                d.grain,
                d.date_basis,
                d.exclusions,
                d.caveat,
                f"{d.source} [{d.mark}]",
            )
            for d in said
        ]
        law = [
            (words.plain(r.program), words.plain(r.level), f"{r.citation} [{r.rule_status}]", f"{r.denials:,}")
            for r in rules.itertuples()
        ]  # fmt: skip
        headings = (
            "Metric",
            "What is counted",
            "Grain",
            "Date basis",
            "Left out",
            "Caveat",
            "Source",
        )
        return blocks.block(
            blocks.table(headings, rows, caption="Definitions", kind="fine"),
            blocks.paragraph(
                f"A rate or a number of days on fewer than {SMALL_N} cases is labeled small n. "
                "Intervals are 95% Wilson score intervals. Amounts are exact to the cent.",
                "note",
            ),
            blocks.heading("Law sources"),
            blocks.table(
                ("Program", "Level", "Rule", "Denials dated by it"),
                law,
                caption="Rules that gave a date in this report",
                right=(3,),
                kind="narrow",
            )
            if law
            else blocks.paragraph("No denial of this source has a date from a rule.", "empty"),
            blocks.paragraph("Marks. " + ". ".join(words.MARKS.values()) + ".", "note"),
        )


def open_page(folder: str, *, as_of: str, source: str, by: str) -> Page:
    """Return the page of the source in `folder`; with no folder, of a small synthetic sample.

    Parameters come as text, as papermill hands them over.
    """
    if by not in BY:
        raise UsageError(f"by is one of {', '.join(BY)}")
    day = date.fromisoformat(as_of)
    if folder:
        return Page(unpack(Path(folder), as_of=day), source, by, by_hand=False)
    return Page(_sample(day), "sample", by, by_hand=True)


def agree(given: Parcel, by_column: str):
    """Return the checks of a parcel; raise ReportError where one does not hold."""
    checks = reconcile(given.ledger, by=by_column)
    broken = [f"{c.name}: {c.left} and {c.right} {c.unit}" for c in checks if not c.holds]
    if broken:
        raise ReportError("the numbers do not agree, so no report is made: " + "; ".join(broken))
    return checks


def sample_claims(as_of: date) -> Claims:
    """Return the claims of the small synthetic sample that a notebook run by hand makes."""
    from toolkit.claims import read
    from toolkit.sample import write_sample

    with TemporaryDirectory(prefix="denial-sample-") as folder:
        path = Path(folder) / "sample.csv"
        write_sample(path, rows=_SAMPLE_ROWS, seed=_SAMPLE_SEED, as_of=as_of)
        return read([path])


def _sample(as_of: date) -> Parcel:
    from toolkit.hospital import sample_hospital
    from toolkit.worklist.triage import triage

    claims = sample_claims(as_of)
    worklist = triage(claims, as_of=as_of, hospital=sample_hospital())
    note = "A small sample made for this notebook; toolkit report runs it on your own files."
    return parcel(part_of(claims, worklist, as_of=as_of), note=note, synthetic=True)


def _row(value: object) -> str:
    return "" if pd.isna(value) else f"{int(value):,}"


def _side(number: int, unit: str, *, none: bool) -> str:
    if unit == "cents":
        return "not stated" if none else words.dollars(number)
    return f"{number:,}"

"""What every report shows: what it is, what was found, that its numbers agree, what they mean."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from toolkit.claims.findings import effect_of, severity_of
from toolkit.claims.tables import Claims
from toolkit.errors import ReportError, UsageError
from toolkit.metrics import SMALL_N, Facts, named, reconcile, tables
from toolkit.reports import blocks, prepared, words
from toolkit.reports.kinds import kinds
from toolkit.reports.source import Parcel, Source, parcel, unpack
from toolkit.rules.words import capital

BY = {"payer": "payer_name", "facility": "facility"}

_SHARED = (
    "Made to be shared: lists of single claims are in the report that stays in the department."
)

_SAMPLE_ROWS, _SAMPLE_SEED = 600, 20
_FINDINGS_SHOWN = 40
_CODES_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Page:
    """One source, opened for one report."""

    given: Parcel
    source: str
    by: str
    by_hand: bool

    @property
    def facts(self) -> Facts:
        """The denials and appeals of the source."""
        return self.given.facts

    @property
    def by_column(self) -> str:
        """The column that groups are made by."""
        return BY[self.by]

    @property
    def share(self) -> bool:
        """True where the page is to be sent outside the department: nothing on it is a single claim."""
        return self.given.share

    def about(self, title: str) -> blocks.Block:
        """Return what the report is: its title, source, date, size, and whether it is real."""
        given, files = self.given, self.given.files
        # A file's name may be a patient's: the workbook lists which file has which id.
        names = words.count(len(files), "file")
        whole = f", every {given.group}" if given.group else ""
        shown = [
            ("As of", words.long_day(self.facts.as_of)),
            *([(capital(given.group), given.whose)] if given.group else []),
            ("Source", f"{self.source}: {names}" if len(files) else self.source),
            (f"Rows read{whole}", f"{given.rows_read:,}"),
            ("Denials", f"{self.facts.count():,}{words.of_letters(given.from_letters)}"),
            (f"Findings{whole}", f"{given.found:,}"),
            *([] if given.group else [("Grouped by", self.by)]),
        ]
        return blocks.block(
            blocks.style() if self.by_hand else "",
            f"<h1>{blocks.escape(f'{title}: {given.whose}' if given.group else title)}</h1>",
            blocks.facts(shown),
            blocks.paragraph(
                "Synthetic data: no patient, payer or claim in this report is real.", "warning"
            )
            if given.synthetic
            else "",
            blocks.paragraph(given.note, "note") if given.note else "",
            blocks.paragraph(_SHARED, "note") if self.share else "",
        )

    def findings(self) -> blocks.Block:
        """Return what the readers found wrong in the files, by kind, then row by row."""
        found = self.given.findings
        if found.empty:
            return blocks.block(
                blocks.paragraph("No row of the files gave cause for a finding.", "empty")
            )
        kinds = (
            found.assign(**{c: found[c].fillna("") for c in ("code", "column", "says")})
            .sort_values(["first", "says"], kind="stable")
            .groupby(["file_id", "code", "column"])
            .agg(rows=("rows", "sum"), first=("first", "min"), says=("says", "first"))
            .reset_index()
        )
        kinds["severity"] = [severity_of(code) for code in kinds["code"]]
        kinds = kinds.sort_values(["severity", "rows"], ascending=[True, False], kind="stable")
        many, most = self.given.found, self.given.most
        listed = "each one" if many <= most else f"the first {most:,}"
        rows = [
            (
                k.file_id,
                k.code,
                k.column,
                f"{k.rows:,}",
                "" if self.share else _row(k.first),
                k.says,
                effect_of(k.code),
            )
            for k in kinds.head(_FINDINGS_SHOWN).itertuples()
        ]
        return blocks.block(
            blocks.paragraph(
                f"{words.count(many, 'finding')} in {words.count(found['file_id'].nunique(), 'file')}. "
                "Those that cost dollars come first. "
                f"{'They are of every ' + self.given.group + ' of the files. ' if self.given.group else ''}"
                + ("" if self.by_hand or self.share else f"The workbook lists {listed}.")
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

    def _bridge(self) -> list[str]:
        """Return the way from the rows read to the denials: what was left out, and why."""
        steps = bridge_steps(self.given)
        rest = tables.bridge(self.facts)
        rest = rest[rest["step"] == "other"]
        parts = [
            blocks.table(
                ("Step", "Rows or adjustments", "Dollars"),
                [(name, f"{count:,}", words.dollars(cents)) for name, count, cents in steps],
                caption=f"From the {'adjustments' if self.given.group else 'rows read'} to the denials",
                right=(1, 2),
                kind="narrow",
            )
        ]
        if len(rest):
            more = f", the {_CODES_SHOWN} most frequent" if len(rest) > _CODES_SHOWN else ""
            parts.append(
                blocks.table(
                    ("Code", "Adjustments", "Dollars"),
                    [
                        (
                            words.code(r.group_code, r.carc),
                            f"{r.adjustments:,}",
                            words.dollars(r.cents),
                        )
                        for r in rest.head(_CODES_SHOWN).itertuples()
                    ],
                    caption=f"Adjustments that are in no denial, by code{more}",
                    right=(1, 2),
                    total=(
                        "All",
                        f"{rest['adjustments'].sum():,}",
                        words.dollars(int(rest["cents"].sum())),
                    ),
                    kind="narrow",
                )
            )
            parts.append(
                blocks.paragraph(
                    "By their code they are not denials (a contractual reduction, a deductible), or of a "
                    "decision that was reversed, superseded, repeated or paid later.",
                    "note",
                )
            )
        return parts

    def reconciliation(self) -> blocks.Block:
        """Return the way from the rows read to the denials, and the checks that hold.

        A check that does not hold stops the report, before a page is made of it.
        """
        checks = prepared.checks(self.given.folder) or agree(self.given, self.by_column)
        rows = [(c.name, *(_side(n, c.unit) for n in (c.left, c.right)), "holds") for c in checks]
        return blocks.block(
            *self._bridge(),
            blocks.table(
                ("Check", "One way", "The other", "Agree"),
                rows,
                caption="Numbers in this report that must agree",
                right=(1, 2),
                kind="narrow",
            ),
        )

    def definitions(self, kind: str) -> blocks.Block:
        """Return the definitions of a report's metrics, and the rules that gave the dates."""
        said = [one.definition for one in named(*kinds()[kind].metrics)]
        rules = tables.citations(self.facts)
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
                f"A rate or a number of days on fewer than {SMALL_N} cases is labeled small n; of a rate "
                "of dollars the cases are how many equal claims its dollars are worth. Intervals are 95%: "
                "Wilson's for shares, by claim for rates of dollars. Amounts are exact to the cent.",
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
    if folder:
        return Page(unpack(Path(folder)), source, by, by_hand=False)
    return Page(_sample(date.fromisoformat(as_of)), "sample", by, by_hand=True)


def agree(given: Parcel, by_column: str):
    """Return the checks of a parcel; raise ReportError where one does not hold."""
    checks = reconcile(given.facts, by=by_column, told=given.told)
    broken = [f"{c.name}: {c.left} and {c.right} {c.unit}" for c in checks if not c.holds]
    if broken:
        raise ReportError("the numbers do not agree, so no report is made: " + "; ".join(broken))
    return checks


def bridge_steps(given: Parcel) -> list[tuple[str, int, int | None]]:
    """Return the steps from the rows of the files to the denials: name, count, cents where known.

    Rows as the readers counted them, with those that they left out, each kind of which is a finding;
    adjustments of all files.
    """
    files, facts = given.files, given.facts
    every = tables.bridge(facts).groupby("step")[["adjustments", "cents"]].sum()
    count = {step: int(row.adjustments) for step, row in every.iterrows()}
    cents = {step: int(row.cents) for step, row in every.iterrows()}
    exports = files["source"] == "export"
    rows: list[tuple[str, int, int | None]] = [
        (name, int(files.loc[kind, "rows_read"].sum()), None)
        for name, kind in (
            ("Rows read of the exports", exports),
            ("Claims read of remittances and other files", ~exports),
        )
        if kind.any()
    ]
    if letters := given.from_letters:
        rows.append(("Denials of letters attached at the desk, in no file", letters, None))
    lost = given.findings.groupby("code")["rows"].sum()
    rows += [
        (f"left out ({code.replace('_', ' ')}): {effect_of(code)}", int(rows), None)
        for code, rows in lost.items()
        if severity_of(code) == 0
    ]
    adjusted = sum(count.values())
    # Rows are counted by file: a source that is one payer's or facility's begins at its adjustments.
    steps = ([] if given.group else rows) + [
        ("Adjustments that they state, each once", adjusted, sum(cents.values())),
        ("in no denial: zero amounts", count.get("zero", 0), cents.get("zero", 0)),
        ("in no denial: negative amounts", count.get("negative", 0), cents.get("negative", 0)),
        ("in no denial: by their code, or reversed, superseded or repeated",
         count.get("other", 0), cents.get("other", 0)),
        ("Adjustments in denials", count.get("denial", 0), cents.get("denial", 0)),
    ]  # fmt: skip
    stated = int(facts.one("SELECT coalesce(sum(stated_cents), 0) FROM denials"))
    steps.append(("Denials on the worklist", facts.count(), stated))
    if stated != facts.cents():
        steps.append(
            ("of one charge that two payers deny, counted once", 0, facts.cents() - stated)
        )
        steps.append(("Denials, each charge once", facts.count(), facts.cents()))
    return steps


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
    from toolkit.metrics.studies import study
    from toolkit.worklist.triage import triage

    claims = sample_claims(as_of)
    worklist = triage(claims, as_of=as_of, hospital=sample_hospital())
    note = "A small sample made for this notebook; toolkit report runs it on your own files."
    given = parcel(Source.of("sample", claims, worklist, as_of, note, synthetic=True))
    given.facts.studies = study(given.facts)
    return given


def _row(value: object) -> str:
    return "" if pd.isna(value) else f"{int(value):,}"


def _side(number: int, unit: str) -> str:
    if unit == "days":
        return words.day(pd.Timestamp(number, unit="D")) if number else "none"
    return words.dollars(number) if unit == "cents" else f"{number:,}"

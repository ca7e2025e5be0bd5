"""The docket: what was opened, its worklist in order of urgency, and what is on file already."""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path

import pandas as pd

from toolkit.cases import Case, CaseStore, Fact, case_from
from toolkit.claims import Claims, Payer, conform, read, read_payers, write_sample
from toolkit.claims.payers import SAMPLE as SAMPLE_PAYERS
from toolkit.desk import places
from toolkit.errors import InputError
from toolkit.letters import suggest
from toolkit.triage import ask, triage
from toolkit.worklist import DUE

SAMPLE = "sample"
_SAMPLE_ROWS, _SAMPLE_SEED = 5000, 1
# What a date turns on, and what an analyst may therefore state or correct.
DATE_FACTS = ("program", "contracted", "stage", "notice_date", "notice_received")
_LETTER_KEYS = ("program", "level", "stage", "reason", "procedure_code")


@dataclass(frozen=True)
class Docket:
    """What was opened: the claims, their worklist (one row per denial), and work already begun.

    `letters` names the kind of letter that fits each row, '' where none does; `begun` says, by
    denial key, what is on file for it: 'facts' or 'letter'.
    """

    name: str
    claims: Claims
    worklist: pd.DataFrame
    payers: tuple[Payer, ...]
    as_of: date
    letters: pd.Series
    begun: dict[str, str]

    def row(self, denial_key: str) -> dict:
        """Return one row of the worklist."""
        found = self.worklist.loc[self.worklist["denial_key"].eq(denial_key)]
        return found.iloc[0].to_dict()

    def sorted(self) -> pd.DataFrame:
        """Return the worklist, the most urgent case first; within a state the earliest date."""
        order = self.worklist["due"].map({due: at for at, due in enumerate(DUE)})
        frame = self.worklist.assign(order=order, letter=self.letters)
        return frame.sort_values(
            ["order", "file_by", "denied_cents", "denial_key"],
            ascending=[True, True, False, True],
            kind="stable",
        )

    def with_row(self, row: pd.DataFrame) -> "Docket":
        """Return the docket with this one row in place of the one with its key."""
        at = self.worklist.index[self.worklist["denial_key"].eq(row["denial_key"].iloc[0])]
        row = row.set_axis(at)
        worklist = pd.concat([self.worklist.drop(index=at), row]).sort_index()
        letters = self.letters.copy()
        letters.loc[at] = letters_for(row)
        return replace(self, worklist=worklist, letters=letters)

    def marked(self, denial_key: str, begun: str) -> "Docket":
        """Return the docket that knows what is on file for this denial."""
        return replace(self, begun=self.begun | {denial_key: begun})


def open_docket(
    chosen: str | Path | Iterable[Path], *, root: Path, store: Path, payers, as_of: date
) -> Docket:
    """Read what was chosen (the sample, a file, several files) and triage it.

    `payers` is a path, rows of the payer table, or nothing: then the hospital's own table, and for
    the sample the sample's. Raises InputError naming file, row and column.
    """
    if isinstance(chosen, str) and chosen.strip().lower() == SAMPLE:
        name = "The synthetic sample"
        table = _payers(payers, SAMPLE_PAYERS if SAMPLE_PAYERS.exists() else None)
        with tempfile.TemporaryDirectory() as folder:  # mode 0700
            path = Path(folder) / "sample.parquet"
            write_sample(path, rows=_SAMPLE_ROWS, seed=_SAMPLE_SEED, as_of=as_of)
            claims = read(path)
    else:
        paths = [chosen] if isinstance(chosen, str | Path) else list(chosen)
        paths = [places.found(Path(path), root) for path in paths]
        name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        table = _payers(payers, places.payers_path(root))
        claims = read(paths)
    worklist = triage(claims, as_of=as_of, payers=table)
    docket = Docket(name, claims, worklist, table, as_of, letters_for(worklist), {})
    return _with_work_on_file(docket, store)


def _payers(given, otherwise: Path | None) -> tuple[Payer, ...]:
    if given is None:
        return read_payers(otherwise) if otherwise else ()
    return read_payers(Path(given)) if isinstance(given, str | Path) else tuple(given)


def letters_for(worklist: pd.DataFrame) -> pd.Series:
    """Return the kind of letter that fits each row, '' where none does."""

    def question(**facts) -> dict:
        known = {name: Fact(value, "triage") for name, value in facts.items() if value is not None}
        kind = suggest(Case("", known))
        return {"kind": kind.id if kind else ""}

    fits = ask(worklist, _LETTER_KEYS, question)["kind"].astype("str")
    return fits.mask(worklist["due"].isin(["closed", "no_appeal_right"]), "")


def only(claims: Claims, claim_keys: Iterable[str]) -> Claims:
    """Return the tables of some claims alone."""
    wanted = set(claim_keys)
    parts = {
        field.name: frame.loc[frame["claim_key"].isin(wanted)]
        if "claim_key" in (frame := getattr(claims, field.name))
        else frame
        for field in fields(claims)
    }
    return Claims(**parts)


def is_entered(fact: Fact | None) -> bool:
    """Say whether a person entered the fact."""
    return fact is not None and fact.source.startswith("entered")


def judged(docket: Docket, denial_key: str, case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the case's row of the worklist with what was entered in place, and from the file alone.

    Triage decides again, on this one claim, from the facts that a person has stated or corrected.
    Both are frames of one row.
    """
    row = docket.worklist.loc[docket.worklist["denial_key"].eq(denial_key)]
    entered = {
        name: case.facts[name].value for name in DATE_FACTS if is_entered(case.facts.get(name))
    }
    if not entered and denial_key not in docket.begun:
        return row, row
    part = only(docket.claims, row["claim_key"])
    # From the file alone first: an entry that was withdrawn must leave no trace.
    plain = _only_row(triage(part, as_of=docket.as_of, payers=docket.payers), denial_key)
    plain = row if plain.empty else plain.set_axis(row.index)
    if not entered:
        return plain, plain
    stated = {name: plain[name].iloc[0] for name in ("program", "contracted")} | entered
    claims = part.claims.drop(columns=[*stated, "claim_filing_indicator"])
    for name, value in stated.items():
        claims[name] = pd.Timestamp(value) if isinstance(value, date) else value
    part = replace(part, claims=conform(claims, "claims"))
    again = _only_row(triage(part, as_of=docket.as_of), denial_key)
    if again.empty:
        return plain, plain
    for name in ("program", "contracted"):
        source = "entered by the analyst" if name in entered else plain[f"{name}_from"].iloc[0]
        again[f"{name}_from"] = source
    return again.set_axis(row.index), plain


def _only_row(worklist: pd.DataFrame, denial_key: str) -> pd.DataFrame:
    return worklist.loc[worklist["denial_key"].eq(denial_key)].copy()


def _with_work_on_file(docket: Docket, store: Path) -> Docket:
    """Return the docket with the rows on which somebody has worked before."""
    numbers = docket.worklist["patient_control_number"]
    with CaseStore(store) as cases:
        on_file = {key: cases.case(key) for key in tuple(cases.keys())}
        known = {case.value("patient_control_number") for case in on_file.values() if case}
        hits = docket.worklist.loc[numbers.isin(known - {None})]
        part = only(docket.claims, hits["claim_key"])
        for denial_key in hits["denial_key"]:
            case = case_from(part, hits, denial_key, payers=docket.payers)
            if case.case_key not in on_file:
                continue
            case = cases.resume(case)
            begun = "letter" if cases.letters(case.case_key) else "facts"
            docket = docket.marked(denial_key, begun)
            docket = docket.with_row(judged(docket, denial_key, case)[0])
    return docket


def check_store(path: Path) -> None:
    """Open and close the store, so that a file that is none is told of before any work is done."""
    try:
        with CaseStore(path):
            pass
    except OSError as error:
        raise InputError(
            f"{path.name}: the case store cannot be opened ({type(error).__name__}); "
            "choose another place: open_desk(store=...)"
        ) from None

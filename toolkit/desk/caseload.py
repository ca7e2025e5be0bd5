"""The docket: what was opened, its worklist in order of urgency, and what is on file already."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path

import pandas as pd

from toolkit.cases import (
    Case,
    CaseStore,
    Fact,
    RecordedCase,
    case_from,
    recorded_cases,
    with_recorded,
)
from toolkit.claims import Claims, own_claims, read
from toolkit.desk import places
from toolkit.history import settled
from toolkit.hospital import Hospital, read_hospital, sample_hospital
from toolkit.letters import suggest
from toolkit.sample import write_sample
from toolkit.worklist import DUE
from toolkit.worklist.keys import ask
from toolkit.worklist.triage import triage

SAMPLE = "sample"
_SAMPLE_ROWS, _SAMPLE_SEED = 5000, 1
_LETTER_KEYS = ("program", "level", "stage", "reason", "procedure_code")


@dataclass(frozen=True)
class Docket:
    """What was opened: the claims, their worklist (one row per denial), and work already begun.

    `worklist` is what the files alone say, with the kind of letter that fits each row in `letters`
    ('' where none does). `stated` holds, by denial key, the rows that came out otherwise by what a
    person entered, and `begun` what is on file for a denial: 'facts', 'letter', or 'maybe' where
    entries exist for a claim that may be this one.
    """

    name: str
    claims: Claims
    worklist: pd.DataFrame
    hospital: Hospital
    as_of: date
    letters: pd.Series
    stated: dict[str, pd.DataFrame] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)

    def of_file(self, denial_key: str) -> pd.DataFrame:
        """Return one row of the worklist as the files alone have it (a frame of one row)."""
        return self.worklist.loc[self.worklist["denial_key"].eq(denial_key)]

    def sorted(self) -> pd.DataFrame:
        """Return the worklist as it stands, the most urgent case first, then the earliest date.

        Its column `letter` is the kind of letter that fits the row.
        """
        frame = self.worklist.assign(letter=self.letters)
        if self.stated:
            stated = pd.concat(self.stated.values())
            kept = frame.loc[~frame["denial_key"].isin(set(self.stated))]
            frame = pd.concat([kept, stated.assign(letter=letters_for(stated))])
        order = frame["due"].map({due: at for at, due in enumerate(DUE)})
        return frame.assign(order=order).sort_values(
            ["order", "file_by", "denied_cents", "denial_key"],
            ascending=[True, True, False, True],
            kind="stable",
        )

    def with_row(self, row: pd.DataFrame) -> "Docket":
        """Return the docket on which this row stands in place of the one from the file."""
        return replace(self, stated=self.stated | {row["denial_key"].iloc[0]: row})

    def marked(self, denial_key: str, begun: str) -> "Docket":
        """Return the docket that knows what is on file for this denial."""
        return replace(self, begun=self.begun | {denial_key: begun})


def open_docket(
    chosen: str | Path | Iterable[Path],
    *,
    root: Path,
    store: Path | str,
    hospital: Hospital | Path | str,
    as_of: date,
) -> Docket:
    """Read what was chosen (the sample, a file, several files) and triage it.

    `hospital` is the hospital, or the folder that describes it. The sample has its own hospital: no
    payer in it is real. Raises InputError naming file, row and column.
    """
    if isinstance(chosen, str) and chosen.strip().lower() == SAMPLE:
        name = "The synthetic sample"
        hospital = sample_hospital()
        with tempfile.TemporaryDirectory() as folder:  # mode 0700
            path = Path(folder) / "sample.parquet"
            write_sample(path, rows=_SAMPLE_ROWS, seed=_SAMPLE_SEED, as_of=as_of)
            claims = read(path)
    else:
        paths = [chosen] if isinstance(chosen, str | Path) else list(chosen)
        paths = [places.found(Path(path), root) for path in paths]
        name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        if not isinstance(hospital, Hospital):
            hospital = read_hospital(places.found(Path(hospital), root))
        claims = settled(own_claims(read(paths), hospital.providers))
    worklist = triage(claims, as_of=as_of, hospital=hospital)
    docket = Docket(name, claims, worklist, hospital, as_of, letters_for(worklist))
    return _with_work_on_file(docket, store)


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
        table.name: frame.loc[frame["claim_key"].isin(wanted)]
        if "claim_key" in (frame := getattr(claims, table.name))
        else frame
        for table in fields(claims)
    }
    return Claims(**parts)


def is_entered(fact: Fact | None) -> bool:
    """Say whether a person entered the fact."""
    return fact is not None and fact.source.startswith("entered")


def judged(
    docket: Docket, denial_keys: Iterable[str], recorded: Sequence[RecordedCase]
) -> pd.DataFrame:
    """Return rows of the worklist with what people entered and recorded, as `toolkit worklist` does.

    Triage decides again on the accounts of these rows alone: all that it asks turns on one account.
    """
    rows = docket.worklist.loc[docket.worklist["denial_key"].isin(set(denial_keys))]
    part = with_recorded(account_of(docket.claims, rows["claim_key"]), recorded)
    again = triage(part, as_of=docket.as_of, hospital=docket.hospital)
    again = again.loc[again["denial_key"].isin(rows["denial_key"])]
    return again.set_axis(rows.index[pd.Index(rows["denial_key"]).get_indexer(again["denial_key"])])


def account_of(claims: Claims, claim_keys: Iterable[str]) -> Claims:
    """Return the tables of all claims that share an account number with these claims."""
    table = claims.claims
    mine = table["claim_key"].isin(set(claim_keys))
    numbers = set(table.loc[mine, "patient_control_number"].dropna())
    return only(
        claims, table.loc[mine | table["patient_control_number"].isin(numbers), "claim_key"]
    )


def _with_work_on_file(docket: Docket, store: Path | str) -> Docket:
    """Return the docket with the rows on which somebody has worked before."""
    with CaseStore(store) as cases:
        recorded = recorded_cases(cases)
        hits = _with_number_of(docket.worklist, cases)
        part = only(docket.claims, hits["claim_key"])
        begun: dict[str, str] = {}
        for denial_key in hits["denial_key"]:
            case = case_from(part, hits, denial_key, hospital=docket.hospital)
            found = cases.find(case)
            if found.candidates:
                begun[denial_key] = "maybe"
            if found.case_key is not None:
                begun[denial_key] = "letter" if cases.letters(found.case_key) else "facts"
    if not begun:
        return docket
    now = judged(docket, begun, recorded)
    stated = {key: now.loc[now["denial_key"].eq(key)] for key in now["denial_key"]}
    return replace(docket, begun=begun, stated=stated)


def _with_number_of(worklist: pd.DataFrame, cases: CaseStore) -> pd.DataFrame:
    """Return the rows that have a number of a stored case, or its key."""
    every = cases.keys()
    claims = [one.claim for some in cases.identities().values() for one in some]
    theirs = {number for claim in claims for number in claim.payer_numbers}
    hit = worklist["patient_control_number"].isin({claim.account for claim in claims} - {None})
    hit |= worklist["payer_claim_control_number"].isin(theirs)
    hit |= worklist["denial_key"].isin({key.removeprefix("d-") for key in every})
    return worklist.loc[hit]


def check_store(place: Path | str) -> None:
    """Open and close the store, so that a file that is none is told of before any work is done."""
    with CaseStore(place):
        pass

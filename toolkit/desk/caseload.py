"""The caseload: what was opened, its worklist, and which cases somebody has worked on."""

import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.cases import (
    Case,
    CaseStore,
    Fact,
    RecordedCase,
    bare_cases,
    notices_beside,
    one_history,
    recorded_cases,
    with_recorded,
)
from toolkit.claims import Claims, concat, read
from toolkit.desk import places
from toolkit.desk.compact import CompactClaims, CompactTable
from toolkit.desk.shared import Rows, Tables, fingerprint, shared
from toolkit.history import seen_on
from toolkit.hospital import Hospital, read_hospital, sample_hospital
from toolkit.hospital.places import local_folder
from toolkit.letters import suggest
from toolkit.sample import write_sample
from toolkit.worklist.keys import ask
from toolkit.worklist.triage import triage

SAMPLE = "sample"
_SAMPLE_ROWS, _SAMPLE_SEED = 5000, 1
# What the act of a letter turns on; what it argues turns on the reason and the service, too.
_LETTER_KEYS = ("program", "level", "denial_category", "route", "state")


@dataclass(frozen=True)
class Caseload:
    """What was opened: the claims, their worklist (one row per denial), and work already begun.

    `worklist` is what the files alone say, with the kind of letter that fits each row in its column
    `letter` ('' where none does). `stated` are the rows on which something had been entered when the files were
    opened, as they then came out, and `changed` those that have changed since, by denial key. `begun`
    says what was entered on a denial: 'facts', 'letter', or 'maybe' where entries exist for a claim
    that may be this one. `seen` is the store's last entry among them.
    """

    name: str
    claims: CompactClaims
    worklist: CompactTable
    hospital: Hospital
    as_of: date
    stated: pd.DataFrame | None = None
    changed: dict[str, pd.DataFrame] = field(default_factory=dict)
    begun: dict[str, str] = field(default_factory=dict)
    seen: int = 0

    @property
    def is_sample(self) -> bool:
        """Whether this is the synthetic sample, whose payers are invented."""
        return self.name == SAMPLE_NAME

    def of_file(self, denial_key: str) -> pd.DataFrame:
        """Return one row of the worklist as the files alone have it (a frame of one row)."""
        return self.worklist.frame(self.worklist.places("denial_key", [denial_key]))

    def rows(self) -> pd.DataFrame:
        """Return the worklist as it is now; its column `letter` is the kind of letter that fits."""
        frame = self.worklist.frame()
        now = [*self.changed.values()]
        if self.stated is not None:
            now.append(self.stated.loc[~self.stated["denial_key"].isin(set(self.changed))])
        if now:
            rows = with_letters(pd.concat(now), as_of=self.as_of)
            kept = frame.loc[~frame["denial_key"].isin(set(rows["denial_key"]))]
            frame = pd.concat([kept, rows]).sort_index(kind="stable")
        return frame

    def with_row(self, row: pd.DataFrame) -> "Caseload":
        """Return the caseload in which this row takes the place of the one before."""
        return replace(self, changed=self.changed | {row["denial_key"].iloc[0]: row})

    def marked(self, denial_key: str, begun: str) -> "Caseload":
        """Return the caseload that knows what was entered on this denial."""
        return replace(self, begun=self.begun | {denial_key: begun})


SAMPLE_NAME = "The synthetic sample"
FRAME_NAME = "The rows of the frame"


def open_caseload(
    chosen: str | Path | Iterable[Path] | Rows,
    *,
    root: Path,
    store: Path | str,
    hospital: Hospital | Path | str,
    as_of: date,
) -> Caseload:
    """Read what was chosen (the sample, a file, several files, the rows of a frame) and triage it.

    `hospital` is the hospital, or the folder that describes it. The sample has its own hospital: no
    payer in it is real. Raises InputError naming file, row and column.
    """
    folders: tuple[Path, ...] | None = ()
    paths: list[Path] = []
    if isinstance(chosen, str) and chosen.strip().lower() == SAMPLE:
        name, hospital = SAMPLE_NAME, sample_hospital()
    else:
        if isinstance(chosen, Rows):
            name = FRAME_NAME
        else:
            paths = [chosen] if isinstance(chosen, str | Path) else list(chosen)
            paths = [places.found(Path(path), root) for path in paths]
            name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
        if isinstance(hospital, Hospital):
            folders = None  # what it knows is in no file
        else:
            folder = places.found(Path(hospital), root)
            folders = (folder, local_folder())  # column maps are in the second
            hospital = read_hospital(folder)
        if isinstance(chosen, Rows):
            folders = None  # no file holds them

    def made() -> Tables:
        rows = chosen if isinstance(chosen, Rows) else None
        claims = _read(paths, rows, hospital, as_of)
        worklist = triage(claims, as_of=as_of, hospital=hospital, categories=True)
        worklist = CompactTable.of(with_letters(worklist, as_of=as_of))
        return CompactClaims.of(claims).tables | {"worklist": worklist}

    tables = shared(lambda: fingerprint(paths, folders, as_of=as_of), made)
    pa.default_memory_pool().release_unused()  # what reading and triage took goes back to the system
    worklist = tables.pop("worklist")
    caseload = Caseload(name, CompactClaims(tables), worklist, hospital, as_of)
    return with_work(caseload if name == SAMPLE_NAME else with_letter_cases(caseload, store), store)


def with_letter_cases(caseload: Caseload, store: Path | str) -> Caseload:
    """Return the caseload with the cases that were made of letters and are in no file, after its own.

    They share no number with a claim of the files, so that each part is triaged by itself.
    """
    with CaseStore(store) as cases:
        beside = notices_beside(caseload.claims.numbers(), cases)
    if beside.claims.empty:
        return caseload
    beside = one_history(beside, hospital=caseload.hospital, recorded=(), as_of=caseload.as_of)
    rows = triage(beside, as_of=caseload.as_of, hospital=caseload.hospital)
    rows = with_letters(rows, as_of=caseload.as_of)
    both = pd.concat([caseload.worklist.frame(), rows], ignore_index=True)
    return replace(
        caseload,
        claims=CompactClaims.of(concat([caseload.claims.whole(), beside])),
        worklist=CompactTable.of(both),
    )


def _read(paths: Sequence[Path], rows: Rows | None, hospital: Hospital, as_of: date) -> Claims:
    """Return the claims of these files or rows, or of the sample where there are none."""
    if rows is not None:
        with tempfile.TemporaryDirectory() as folder:  # mode 0700
            path = Path(folder) / "frame.parquet"
            pq.write_table(rows.table, path)
            return _read([path], None, hospital, as_of)
    if paths:
        return one_history(read(paths), hospital=hospital, recorded=(), as_of=as_of)
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        path = Path(folder) / "sample.parquet"
        write_sample(path, rows=_SAMPLE_ROWS, seed=_SAMPLE_SEED, as_of=as_of)
        return read(path)


def triaged_caseload(
    name: str, claims: CompactClaims, *, hospital: Hospital, as_of: date, store: Path | str
) -> Caseload:
    """Return the caseload of these claims, with what was entered before."""
    worklist = triage(claims.whole(), as_of=as_of, hospital=hospital, categories=True)
    worklist = CompactTable.of(with_letters(worklist, as_of=as_of))
    return with_work(Caseload(name, claims, worklist, hospital, as_of), store)


def with_letters(worklist: pd.DataFrame, *, as_of: date) -> pd.DataFrame:
    """Return the rows with the kind of letter that fits each in `letter`, '' where none does.

    Where an appeal waits for its decision, none does until the decision is late.
    """

    def question(**facts) -> dict:
        known = {name: Fact(value, "triage") for name, value in facts.items() if value is not None}
        kind = suggest(Case("", known))
        return {"kind": kind.id if kind else ""}

    fits = ask(worklist, _LETTER_KEYS, question)["kind"].astype("str")
    late = worklist["decision_due"].lt(pd.Timestamp(as_of))
    none = worklist["due"].eq("closed") | (worklist["due"].eq("awaiting_decision") & ~late)
    return worklist.assign(letter=fits.mask(none, ""))


def is_entered(fact: Fact | None) -> bool:
    """Say whether a person entered the fact."""
    return fact is not None and fact.source.startswith("entered")


def judged(
    caseload: Caseload, rows: pd.DataFrame, recorded: Sequence[RecordedCase], part: Claims
) -> pd.DataFrame:
    """Return rows of the worklist with what people entered and recorded, as `toolkit worklist` does.

    `part` are the tables of the accounts of these rows: all that triage asks turns on one account.
    """
    part = known_of(part, recorded, as_of=caseload.as_of)
    again = triage(part, as_of=caseload.as_of, hospital=caseload.hospital)
    again = again.loc[again["denial_key"].isin(rows["denial_key"])]
    return again.set_axis(rows.index[pd.Index(rows["denial_key"]).get_indexer(again["denial_key"])])


def known_of(part: Claims, recorded: Sequence[RecordedCase], *, as_of: date) -> Claims:
    """Return the tables of some accounts with what people recorded, as known on the day."""
    return seen_on(with_recorded(part, recorded), as_of)


def with_work(
    caseload: Caseload, store: Path | str, *, changed: Collection[str] | None = None
) -> Caseload:
    """Return the caseload with what is in the store; `changed`: only that of these stored cases."""
    with CaseStore(store) as cases:
        seen = cases.newest()
        hits = _with_number_of(caseload.worklist, cases, changed)
        begun: dict[str, str] = {}
        written = cases.cases_with_letters()
        bare = list(bare_cases(caseload.claims.only(hits["claim_key"]), hits))
        for denial_key, found in zip(hits["denial_key"], cases.find_each(bare), strict=True):
            if found.candidates:
                begun[denial_key] = "maybe"
            if found.case_key is not None:
                begun[denial_key] = "letter" if found.case_key in written else "facts"
        recorded = recorded_cases(cases) if begun else ()
    if not begun:
        return replace(caseload, seen=seen)
    rows = hits.loc[hits["denial_key"].isin(set(begun))]
    now = judged(caseload, rows, recorded, caseload.claims.of_accounts(rows["claim_key"]))
    caseload = replace(caseload, begun=caseload.begun | begun, seen=seen)
    if changed is None:
        return replace(caseload, stated=now)
    for at in range(len(now)):
        caseload = caseload.with_row(now.iloc[[at]])
    return caseload


def _with_number_of(
    worklist: CompactTable, cases: CaseStore, changed: Collection[str] | None
) -> pd.DataFrame:
    """Return the rows that have a number of a stored case, or its key."""
    every = cases.keys() if changed is None else tuple(changed)
    identities = cases.identities(None if changed is None else every)
    claims = [one.claim for some in identities.values() for one in some]
    theirs = {number for claim in claims for number in claim.payer_numbers}
    sought = {
        "patient_control_number": {claim.account for claim in claims if claim.account},
        "payer_claim_control_number": theirs,
        "denial_key": {key.removeprefix("d-") for key in every},
    }
    found = [worklist.places(name, texts) for name, texts in sought.items() if texts]
    return worklist.frame(np.unique(np.concatenate([np.empty(0, dtype="int64"), *found])))


def check_store(place: Path | str, *, made: bool) -> None:
    """Open and close the store, so that a file that is none is named before any work is done.

    `made`: it was there before, and is not made anew in silence where it is gone.
    """
    with CaseStore(place, made=made):
        pass

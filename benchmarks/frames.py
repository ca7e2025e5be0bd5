"""A pandas frame in, the same frame with its answers out: speed, and memory beside the frame."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from benchmarks.measure import work
from benchmarks.plan import Job, Scale
from benchmarks.starts import AS_OF
from toolkit.hospital import Hospital

UNKNOWN = Hospital.unknown()

# What an analyst asks for first; `ours_all` is every answer there is, with reasons and citations.
FEW = ("program", "denial_category", "last_filing_date", "file_by", "due")
SMALL = 100_000  # up to here a process is warmed up by a frame of its own first


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return the frame jobs of each size; their data is that of the rows part."""
    found = []
    for rows in (size for size in scale.sizes if size <= scale.heavy):
        path = str(folder / f"rows-{rows}.parquet")
        for key, says, few in (
            ("ours", f"ours, {len(FEW)} answers added", True),
            ("ours_all", "ours, every answer added", False),
        ):
            found.append(
                Job(
                    "frames", key, says, rows,
                    lambda path=path, few=few: work("benchmarks.frames:ours", path=path, few=few),
                    rounds=scale.rounds if rows <= 1_000_000 else scale.rare, same="due",
                )
            )  # fmt: skip
    return found


def ours(path: str, few: bool) -> Iterator[None]:
    """Triage a frame that is in memory already; small ones in a process that is warm."""
    from benchmarks.answers import digest_of
    from benchmarks.rows_read import frame_of
    from toolkit.worklist import triage_rows

    frame = frame_of(path)
    as_of = date.fromisoformat(AS_OF)
    columns = FEW if few else None
    if len(frame) <= SMALL:
        # Warm, yet unknowing: another day's questions leave no answer that this day could use.
        triage_rows(frame.iloc[:1000], as_of=date(2026, 10, 1), columns=columns, hospital=UNKNOWN)
    yield
    out = triage_rows(frame, as_of=as_of, columns=columns, hospital=UNKNOWN)
    yield
    assert len(out) == len(frame) and list(out.columns[: frame.shape[1]]) == list(frame.columns)
    by = out.groupby(["denial_category", "due"], dropna=False, observed=True).size().reset_index()
    return {
        "rows": len(out),
        "digest": digest_of(by.astype(object).itertuples(index=False, name=None)),
        "frame_bytes": int(frame.memory_usage(deep=True, index=False).sum()),
    }

"""835 to typed tables: one large file streamed, against edi-835-parser, and many files in one call."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import NotHereError, Taken, command, work
from benchmarks.plan import Job, Scale, path_of
from benchmarks.remit_data import write_remittance
from benchmarks.starts import toolkit

LARGE, PEER, MANY = "large.835", "peer.835", "remits"
OF_MANY = 60_000  # bytes of each of the many


def prepare(folder: Path, scale: Scale) -> None:
    """Write the remittances: one large, one that the peer can read, a folder of many."""
    write_remittance(folder / LARGE, size=scale.remittance, more=True)
    write_remittance(folder / PEER, size=scale.peer)
    many = folder / MANY
    many.mkdir(exist_ok=True)
    for number in range(1, scale.files + 1):
        write_remittance(many / f"{number:05d}.835", size=OF_MANY, seed=number, more=True)


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return the readers, by bytes."""
    large, peer = path_of(folder, LARGE), path_of(folder, PEER)
    many = folder / MANY
    of_all = scale.files * OF_MANY

    def one(key: str, says: str, size: int, run, rounds: int, **more) -> Job:
        return Job("remittances", key, says, size, run, unit="bytes", rounds=rounds, **more)

    def reads(target: str, path: str):
        return lambda: work(f"benchmarks.remittances:{target}", path=path)

    files = f"{scale.files:,} files of {OF_MANY // 1000} kB"
    return [
        one("streamed", "ours, streamed", scale.remittance, reads("streamed", large), scale.rounds),
        one("ours_small", "ours on the peer's file", scale.peer, reads("streamed", peer),
            scale.rounds, same="services"),
        one("peer", "edi-835-parser, to a data frame", scale.peer, reads("peer", peer),
            scale.rounds, same="services", floor="ours_small"),
        one("many", f"`toolkit gather`, {files} in one call", of_all,
            lambda: gathered(many, again=False), scale.rare),
        one("again", f"`toolkit gather` once more, {files} that it knows", of_all,
            lambda: gathered(many, again=True), scale.rare),
    ]  # fmt: skip


def streamed(path: str) -> Iterator[None]:
    """Read a remittance in parts, each looked at and let go."""
    from benchmarks.answers import digest_of
    from toolkit.claims.x12.remittance import stream_remittance

    yield
    claims = lines = adjustments = billed = paid = 0
    for part in stream_remittance(Path(path)):
        claims += len(part.claims)
        lines += len(part.claim_lines)
        adjustments += len(part.adjustments)
        billed += int(part.claim_lines["billed_cents"].sum())
        paid += int(part.claim_lines["paid_cents"].sum())
    yield
    return {
        "rows": lines, "claims": claims, "adjustments": adjustments,
        "bytes": Path(path).stat().st_size, "digest": digest_of([(lines, billed, paid)]),
    }  # fmt: skip


def peer(path: str) -> Iterator[None]:
    """The same file with edi-835-parser, to its data frame of service lines."""
    from benchmarks.answers import digest_of

    try:
        import edi_835_parser
    except ImportError:
        raise NotHereError("edi-835-parser is not installed (extra `bench`)") from None
    yield
    frame = edi_835_parser.parse(path).to_dataframe()
    yield
    billed, paid = (
        int((frame[name].astype(float) * 100).round().sum())
        for name in ("charge_amount", "paid_amount")
    )
    return {
        "rows": len(frame), "bytes": Path(path).stat().st_size,
        "digest": digest_of([(len(frame), billed, paid)]),
    }  # fmt: skip


def gathered(many: Path, *, again: bool) -> Taken:
    """Bring a folder of remittances into a book; `again`: into one that has them all."""
    book = many.with_name("book-again" if again else "book")
    words = [*toolkit(), "gather", str(many), "--book", str(book)]
    if again and not book.exists():
        first = command(words)
        if first.why_not:
            return first
    taken = command(words)
    if not again:
        shutil.rmtree(book, ignore_errors=True)
    size = sum(path.stat().st_size for path in many.iterdir())
    return replace(taken, answer={"bytes": size})

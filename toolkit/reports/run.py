"""Run reports in batch: each kind on each source, as a set that is written whole or not at all."""

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from toolkit import outputs
from toolkit.errors import ReportError, UsageError
from toolkit.metrics import Effort
from toolkit.reports import execute, manifest, pdf
from toolkit.reports.kinds import Kind, pick
from toolkit.reports.page import BY, agree
from toolkit.reports.prepared import PREPARED, prepare
from toolkit.reports.source import Parcel, Source, unpack

FORMATS = ("html", "xlsx", "pdf", "ipynb")


@dataclass(frozen=True, eq=False)
class _Job:
    kind: Kind
    source: Source
    given: Parcel
    name: str  # of the output, without its suffix
    task: dict[str, Any]


def run_reports(
    kinds: Sequence[str],
    sources: Sequence[Source],
    *,
    as_of: date,
    out: Path,
    formats: Sequence[str] = ("html", "xlsx"),
    jobs: int = 2,
    by: str = "payer",
    effort: Effort | None = None,
    progress: bool = True,
) -> list[Path]:
    """Write each kind of report on each source to `out/<as_of>/`; return the files, manifest last.

    Raises UsageError for an unknown kind, format or grouping, ReportError where a report stops or
    its numbers do not agree; then no file is written. Files are readable by their owner only.
    """
    chosen, names = pick(list(kinds)), _names(sources)
    _check(formats, jobs, by)
    _check_metadata(chosen, formats)
    folder = Path(out) / as_of.isoformat()
    with tempfile.TemporaryDirectory(prefix="denial-report-") as temporary:
        private = Path(temporary)
        made = private / "made"
        made.mkdir()
        pages = len([f for f in formats if f in ("html", "ipynb", "pdf")])
        steps = len(sources) + len(chosen) * len(sources) * (
            bool(pages) + ("xlsx" in formats) + ("pdf" in formats)
        )
        with _bar(steps + 1, progress) as bar:
            planned = [
                job
                for source, name in zip(sources, names, strict=True)
                for job in _plan(
                    source,
                    name,
                    chosen,
                    private=private,
                    by=by,
                    effort=effort,
                    formats=formats,
                    bar=bar,
                )  # fmt: skip
            ]
            with _workers(jobs if pages else 1, planned if pages else []) as running:
                # The workbooks are written here while the kernels run there.
                if "xlsx" in formats:
                    _write_workbooks(planned, made, by=by, bar=bar)
                _finish(running, bar)
            if "pdf" in formats:
                for job in planned:
                    bar.set_description_str(f"{job.name}.pdf")
                    pdf.print_page(made / f"{job.name}.html", made / f"{job.name}.pdf")
                    bar.update()
            written = _place(planned, made, folder, formats)
            bar.update()
            bar.set_description_str(f"{len(written)} files written")
    said = [(job.kind, job.source, job.given, job.name) for job in planned]
    return [*written, manifest.write(folder, said, formats=formats, by=by)]


def _plan(
    source: Source,
    name: str,
    chosen: Sequence[Kind],
    *,
    private: Path,
    by: str,
    effort: Effort | None,
    formats: Sequence[str],
    bar: Any,
) -> Iterator[_Job]:
    bar.set_description_str(name)
    tables = private / name
    tables.mkdir()
    source.pack(tables, effort=effort)
    given = unpack(tables)
    try:
        agree(given, BY[by])
    except ReportError as error:
        raise ReportError(f"{name}: {error}") from None
    prepare(tables, given.facts, (table for kind in chosen for table in kind.prepares))
    bar.update()
    for kind in chosen:
        output = f"{kind.file}-{name}"
        parameters = {
            "folder": str(tables), "as_of": source.as_of.isoformat(), "source": name, "by": by
        }  # fmt: skip
        task = {
            "notebook": str(kind.path),
            "parameters": parameters,
            "title": f"{kind.title}: {name}, as of {source.as_of.isoformat()}",
            "about": {"kind": kind.kind, "source": name, "as_of": source.as_of.isoformat()},
            "private": str(private / f"kernel-{output}"),
            "html": str(private / "made" / f"{output}.html"),
            "ipynb": str(private / "made" / f"{output}.ipynb") if "ipynb" in formats else "",
        }
        yield _Job(kind, source, given, output, task)


@contextmanager
def _workers(jobs: int, planned: Sequence[_Job]) -> Iterator[dict[Future, _Job]]:
    """Give the running notebooks: `jobs` processes, each notebook in a fresh kernel."""
    if not planned:
        yield {}
        return
    # Spawned, not forked: the parent has threads (the progress bar's, a notebook's own).
    pool = ProcessPoolExecutor(min(jobs, len(planned)), mp_context=get_context("spawn"))
    try:
        yield {pool.submit(execute.make, job.task): job for job in planned}
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finish(running: dict[Future, _Job], bar: Any) -> None:
    stops = []
    for future in as_completed(running):
        name = running[future].name
        try:
            stop = future.result()
        except BrokenProcessPool:
            raise ReportError(f"{name}: the process that ran it ended; is memory short?") from None
        if stop:
            where = f"cell {stop['cell']}" if stop["cell"] is not None else "its notebook"
            stops.append(f"{name}: {where} stopped: {stop['error']}")
        bar.set_description_str(name)
        bar.update()
    if stops:
        raise ReportError("; ".join(sorted(stops)) + ". No report was written.")


def _write_workbooks(planned: Sequence[_Job], made: Path, *, by: str, bar: Any) -> None:
    from toolkit.reports import workbook
    from toolkit.reports.reread import check_workbook

    for job in planned:
        path = made / f"{job.name}.xlsx"
        bar.set_description_str(path.name)
        workbook.write(
            path,
            kind=job.kind,
            source=job.source,
            given=job.given,
            name=job.task["parameters"]["source"],
            by=by,
        )
        check_workbook(path, kind=job.kind, given=job.given)
        bar.update()


def _place(planned: Sequence[_Job], made: Path, folder: Path, formats: Sequence[str]) -> list[Path]:
    outputs.private_folder(folder)
    written = []
    for job in planned:
        for suffix in [f for f in FORMATS if f in formats]:
            path = folder / f"{job.name}.{suffix}"
            with outputs.whole(path) as temporary:
                shutil.copyfile(made / path.name, temporary)
            written.append(path)
    return written


def _names(sources: Sequence[Source]) -> list[str]:
    if not sources:
        raise UsageError("no source to report on")
    names = [re.sub(r"[^a-z0-9]+", "-", s.name.lower()).strip("-") for s in sources]
    if "" in names or len(set(names)) < len(names):
        raise UsageError("two sources have the same name, or one has none: files would collide")
    return names


def _check(formats: Sequence[str], jobs: int, by: str) -> None:
    if not formats or set(formats) - set(FORMATS):
        raise UsageError(f"the formats are {', '.join(FORMATS)}")
    if by not in BY:
        raise UsageError(f"by is one of {', '.join(BY)}")
    if jobs < 1:
        raise UsageError("jobs is 1 or more")
    if "pdf" in formats:
        pdf.browser()  # say it now, not after the work


def _check_metadata(chosen: Sequence[Kind], formats: Sequence[str]) -> None:
    sheets: Any = ()
    if "xlsx" in formats:
        from toolkit.reports.workbook import SHEETS as sheets

    for kind in chosen:
        for what, named, known in (
            ("sheet", kind.sheets if sheets else (), sheets),
            ("table to prepare", kind.prepares, PREPARED),
        ):
            unknown = [name for name in named if name not in known]
            if unknown:
                raise ReportError(
                    f"{kind.file}.ipynb: metadata.toolkit: no {what} named {', '.join(unknown)}; "
                    f"there are: {', '.join(known)}"
                )


def _bar(steps: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(
        total=steps, disable=not progress, desc="reports", unit="step", leave=True,
        bar_format="{percentage:3.0f}%|{bar:24}| {n_fmt}/{total_fmt} steps, {elapsed}  {desc}",
    )  # fmt: skip

"""Run reports in batch: each kind on each source, and each source's set written whole or not at all."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from toolkit import outputs
from toolkit.errors import ReportError, ToolkitError, UsageError
from toolkit.metrics import Effort, Facts
from toolkit.outputs import leftovers
from toolkit.processes import cores, end, stops
from toolkit.reports import execute, manifest, pdf
from toolkit.reports.groups import CUTS, Groups
from toolkit.reports.kinds import Kind, pick
from toolkit.reports.page import BY, agree
from toolkit.reports.prepared import PREPARED, keep_checks, prepare
from toolkit.reports.source import Parcel, Source, unpack

FORMATS = ("html", "xlsx", "pdf", "ipynb")
_PAGES = ("html", "ipynb", "pdf")
_MOST_JOBS = 8  # a kernel and its worker take some 0.4 GB


@dataclass(frozen=True)
class _Asked:
    """What a run is asked for, the same for all its reports."""

    kinds: tuple[Kind, ...]
    formats: tuple[str, ...]
    by: str
    one_each: str
    share: bool
    effort: Effort | None
    folder: Path
    private: Path
    made: Path

    @property
    def parameters(self) -> dict[str, Any]:
        """What of it an entry of the manifest says."""
        return manifest.parameters(
            by=self.by, formats=self.formats, share=self.share, group=self.one_each
        )

    @property
    def wants_pages(self) -> bool:
        """True where a notebook has to run."""
        return bool(set(self.formats) & set(_PAGES))


@dataclass
class _Job:
    """One kind of report on one source."""

    kind: Kind
    given: Parcel
    source: str
    shown: str  # as the page names the source that it is a group of
    name: str  # of the source in the names of its files: with a number where that one is taken
    made_from: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The name of its files, without their suffix."""
        return f"{self.kind.file}-{self.name}"


@dataclass
class _Set:
    """The reports of one source: written whole or not at all."""

    name: str
    jobs: list[_Job] = field(default_factory=list)
    kept: list[dict] = field(default_factory=list)  # entries of what is done and unchanged
    facts: Facts | None = None
    wrong: list[str] = field(default_factory=list)
    placed: list[dict] = field(default_factory=list)  # entries of what stands in its folder by now


def run_reports(
    kinds: Sequence[str],
    sources: Sequence[Source],
    *,
    as_of: date,
    out: Path,
    formats: Sequence[str] = ("html", "xlsx"),
    jobs: int | None = None,
    by: str = "payer",
    one_each: str = "",
    share: bool = False,
    effort: Effort | None = None,
    before: Path | None = None,
    progress: bool = True,
) -> list[Path]:
    """Write each kind of report on each source to `out/<as_of>/`; return the files, manifest last.

    With `one_each`, payer or facility, each payer's share of a source is a source of its own. `by` is
    what the groups within a page are made by. No file is written over: where a name is taken, the new
    files have a number. A report that stands there, made from the very same, is not made again.
    `before` is an earlier manifest: the manifest then says what was restated, and why. `jobs` are
    processes (default: one per core); `share` leaves out all that is about single claims.

    Raises UsageError for an unknown kind, format or grouping, ReportError where a report stops or its
    numbers do not agree: no file of that source is then written, those of all others are, and the
    error's `answer` says which. Files are readable by their owner only.
    """
    chosen = pick(list(kinds))
    by = {"payer": "facility", "facility": "payer"}.get(one_each, by)
    _check(formats, jobs, by, one_each)
    _check_metadata(chosen, formats)
    then = manifest.read(Path(before)) if before else None
    folder = Path(out) / as_of.isoformat()
    groups = [Groups(source, one_each) for source in sources] if one_each else []
    names = _names(sources, groups)
    new = _new_folders(folder)
    leftovers.sweep(folder.parent)
    try:
        with (
            # A kernel that is ending may still write; what then stays goes with the run's own folder.
            TemporaryDirectory(prefix="denial-report-", ignore_cleanup_errors=True) as temporary,
            TemporaryDirectory(
                prefix=leftovers.BESIDE, dir=folder.parent, ignore_cleanup_errors=True
            ) as beside,
            leftovers.held(Path(beside)),
        ):
            asked = _Asked(
                chosen, tuple(formats), by, one_each, share, effort, folder, Path(temporary),
                Path(beside),
            )  # fmt: skip
            each = _each(sources, groups, names)
            sets: list[_Set] = []
            try:
                _make(asked, sets, each, len(names), jobs or min(cores(), _MOST_JOBS), progress)
                for place, group in enumerate(groups):
                    of_group = zip(names, sets, strict=True)
                    parts = [one.facts for (whose, _), one in of_group if whose == place]
                    if None not in parts:  # else one could not even be counted, and says so
                        group.check([facts for facts in parts if facts is not None])
            except Exception:
                _withdraw(asked, sets)
                raise
            return _placed(asked, sets, then)
    finally:
        for one in new:
            with suppress(OSError):  # where something was written
                one.rmdir()


def _each(
    sources: Sequence[Source], groups: Sequence[Groups], names: Mapping[tuple[int, str], str]
) -> Iterator[tuple[str, Source, Facts | None]]:
    """Give each source with the name of its files, a group's when it is asked for, with all groups' facts."""
    for (place, key), name in names.items():
        if groups:
            yield name, groups[place].one(key), groups[place].facts
        else:
            yield name, sources[place], None


def _make(
    asked: _Asked,
    sets: list[_Set],
    each: Iterator[tuple[str, Source, Facts | None]],
    many: int,
    jobs: int,
    progress: bool,
) -> None:
    """Make all sets below `asked.made`; what goes wrong with one is said in it and stops no other."""
    there = manifest.earlier(asked.folder)
    running: dict[Future, tuple[_Set, _Job]] = {}
    steps = many * (1 + len(asked.kinds) * (asked.wants_pages + ("xlsx" in asked.formats)))
    # A worker that has no notebook to run would still start a kernel.
    notebooks = many * len(asked.kinds)
    with _bar(steps + 1, progress) as bar, _workers(min(jobs, notebooks), asked) as pool:
        if asked.wants_pages and not there:
            pool.submit(int)  # the workers start while the first source is counted
        for name, source, whole in each:
            bar.set_description_str(name)
            one = _Set(name)
            sets.append(one)
            with _told(one):
                _plan(asked, one, source, there, whole)
            bar.update(1 + len(one.kept) * (steps // many - 1) // len(asked.kinds))
            # The workbooks are written here while the kernels run there.
            if asked.wants_pages:
                tasks = [(_task(asked, job), job) for job in one.jobs]
                running |= {pool.submit(execute.make, task): (one, job) for task, job in tasks}
            if "xlsx" in asked.formats:
                for job in one.jobs:
                    bar.set_description_str(f"{job.output}.xlsx")
                    with _told(one):
                        _write_workbook(asked, job, source)
                    bar.update()
            if asked.one_each:
                _take([future for future in running if future.done()], running, bar)
                _place_finished(asked, sets, running, there)
        for future in as_completed(running):
            _take([future], running, bar)
            if asked.one_each:
                _place_finished(asked, sets, running, there)
        bar.update()
        bar.set_description_str(f"{sum(not one.wrong for one in sets)} of {many} done")


def _plan(asked: _Asked, one: _Set, source: Source, there: list[dict], whole: Facts | None) -> None:
    began = time.perf_counter()
    tables = asked.private / one.name
    tables.mkdir()
    source.pack(tables, effort=asked.effort, share=asked.share)
    given = unpack(tables)
    one.facts = given.facts
    one.facts.whole = whole or one.facts
    keep_checks(tables, agree(given, BY[asked.by]))
    wanted = []
    for kind in asked.kinds:
        made_from = manifest.made_from(kind, source, given, asked.parameters)
        kept = manifest.same(there, made_from, kind)
        if kept:
            one.kept.append(kept)
        else:
            wanted.append((kind, made_from))
    if wanted:
        prepare(tables, given.facts, (table for kind, _ in wanted for table in kind.prepares))
    name, shown = _free_name(asked, one.name, [kind for kind, _ in wanted]), _slug(source.name)
    one.jobs = [
        _Job(kind, given, one.name, shown, name, made_from) for kind, made_from in wanted
    ]  # fmt: skip
    for job in one.jobs:
        job.seconds["counted"] = time.perf_counter() - began


def _task(asked: _Asked, job: _Job) -> dict[str, Any]:
    as_of = job.given.facts.as_of.isoformat()
    parameters = {
        "folder": str(job.given.folder), "as_of": as_of, "source": job.shown, "by": asked.by
    }  # fmt: skip

    def path(suffix: str) -> str:
        return str(asked.made / f"{job.output}.{suffix}") if suffix in asked.formats else ""

    return {
        "notebook": str(job.kind.path),
        "parameters": parameters,
        "title": f"{job.kind.title}: {job.given.whose or job.source}, as of {as_of}",
        "about": {"kind": job.kind.kind, "source": job.source, "as_of": as_of},
        "private": str(asked.private),
        "html": path("html") or str(asked.private / f"{job.output}.html"),
        "ipynb": path("ipynb"),
        "pdf": path("pdf"),
    }


@contextmanager
def _workers(jobs: int, asked: _Asked) -> Iterator[ProcessPoolExecutor]:
    """Give processes that run notebooks, each in a kernel of its own; none starts without a task."""
    # Spawned, not forked: the parent has threads (the progress bar's, a notebook's own).
    pool = ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=execute.begin,
        initargs=(str(asked.private),),
    )  # fmt: skip
    ended: type[BaseException] | None = None
    try:
        yield pool
    except BaseException as error:
        ended = type(error)
        raise
    finally:
        end(pool, at_once=stops(ended) or leftovers.ended())


@contextmanager
def _told(one: _Set) -> Iterator[None]:
    """Keep what goes wrong with a set for the end, in words that hold no claim's value."""
    try:
        yield
    except ToolkitError as error:
        one.wrong.append(f"{one.name}: {error}")
    except OSError:
        raise  # a full disk is nobody's report
    except Exception as error:
        if leftovers.ended():
            raise
        one.wrong.append(f"{one.name}: internal error ({type(error).__name__})")


def _place_finished(
    asked: _Asked,
    sets: Sequence[_Set],
    running: Mapping[Future, tuple[_Set, _Job]],
    there: Sequence[dict],
) -> None:
    """Put the sets of a batch that are finished in their place: what ends the run then, leaves them.

    `there` are the entries of what stood there before the run.
    """
    waited_for = {id(one) for one, _ in running.values()}
    for one in sets:
        if one.jobs and not (one.placed or one.wrong or id(one) in waited_for):
            with _told(one):
                mine = _entries(asked, one)
                if one.wrong:
                    continue
                entries = [*there, *(entry for other in sets for entry in other.placed), *mine]
                manifest.write(asked.made / manifest.NAME, entries, failed={}, restated=[])
                new = [file for job in one.jobs for file in _files(asked, job)]
                _move(asked.made, asked.folder, new)
                one.placed = mine


def _withdraw(asked: _Asked, sets: Sequence[_Set]) -> None:
    """Take back what this run has put in its place."""
    files = {file for one in sets for entry in one.placed for file in entry["files"]}
    if not files:
        return
    stays = [one for one in manifest.earlier(asked.folder) if not files & set(one["files"])]
    if stays:
        manifest.write(asked.folder / manifest.NAME, stays, failed={}, restated=[])
    else:
        (asked.folder / manifest.NAME).unlink(missing_ok=True)
    for file in files:
        (asked.folder / file).unlink(missing_ok=True)


def _take(futures: Iterable[Future], running: dict[Future, tuple[_Set, _Job]], bar: Any) -> None:
    """Take what notebooks came to from those that run."""
    for future in futures:
        one, job = running.pop(future)
        try:
            said = future.result()
        except BrokenProcessPool:
            one.wrong.append(f"{job.output}: the process that ran it ended; is memory short?")
            continue
        if "error" in said:
            where = f"cell {said['cell']}" if said["cell"] is not None else "its notebook"
            one.wrong.append(f"{job.output}: {where} stopped: {said['error']}")
        else:
            job.seconds["page"] = said["seconds"]
        bar.set_description_str(job.output)
        bar.update()


def _write_workbook(asked: _Asked, job: _Job, source: Source) -> None:
    from toolkit.reports import workbook
    from toolkit.reports.reread import check_workbook

    began, path = time.perf_counter(), asked.made / f"{job.output}.xlsx"
    kind = job.kind.shared if asked.share else job.kind
    workbook.write(path, kind=kind, source=source, given=job.given, name=job.shown, by=asked.by)
    check_workbook(path, kind=kind, given=job.given)
    job.seconds["workbook"] = time.perf_counter() - began


def _placed(asked: _Asked, sets: Sequence[_Set], then: Mapping | None) -> list[Path]:
    """Put the sets that are whole in their place, all at once; raise ReportError where one is not."""
    entries: list[dict] = []
    new: list[str] = []
    for one in (one for one in sets if not one.wrong):
        mine = one.placed or _entries(asked, one)
        if one.wrong:
            continue
        entries += [*one.kept, *mine]
        new += [file for job in one.jobs for file in _files(asked, job) if not one.placed]
    failed = {one.name: "; ".join(sorted(one.wrong)) for one in sets if one.wrong}
    if not entries:
        raise ReportError(f"{'. '.join(failed.values())}. No report was written.")
    of_run = [file for entry in entries for file in entry["files"]]
    changed = manifest.restated(then, entries) if then else []
    stays = [one for one in manifest.earlier(asked.folder) if not set(one["files"]) & set(of_run)]
    manifest.write(
        asked.made / manifest.NAME, [*stays, *entries], failed=failed, restated=changed
    )  # fmt: skip
    _move(asked.made, asked.folder, new)
    written = [asked.folder / name for name in (*of_run, manifest.NAME)]
    if failed:
        raise ReportError(
            f"{len(failed)} of {len(sets)} reports failed: {'; '.join(failed.values())}. "
            f"The others are written.",
            answer={"written": [str(path) for path in written], "failed": failed},
        )
    return written


def _entries(asked: _Asked, one: _Set) -> list[dict]:
    """Return the entries of a set's new reports; say what two of the set's give as different numbers."""
    mine = [_entry(asked, job) for job in one.jobs]
    if differ := manifest.disagreeing([*one.kept, *mine]):
        one.wrong.append(f"{one.name}: two reports differ in {', '.join(differ)}")
    return mine


def _files(asked: _Asked, job: _Job) -> list[str]:
    return [f"{job.output}.{suffix}" for suffix in FORMATS if suffix in asked.formats]


def _entry(asked: _Asked, job: _Job) -> dict[str, Any]:
    digests = {file: outputs.digest(asked.made / file) for file in _files(asked, job)}
    return manifest.entry(
        job.kind, job.given, job.source, digests, asked=asked.parameters,
        made=job.made_from, seconds=job.seconds,
    )  # fmt: skip


def _move(made: Path, folder: Path, files: Sequence[str]) -> None:
    """Move the files into the folder, none over another, and the manifest last; all or none."""
    outputs.private_folder(folder)
    moved: list[Path] = []
    try:
        for name in files:
            (made / name).chmod(0o600)
            try:
                outputs.put_new(made / name, folder / name)
            except FileExistsError:
                raise ReportError(
                    f"{name}: another run has written it meanwhile. Nothing was written; run it again"
                ) from None
            moved.append(folder / name)
        (made / manifest.NAME).replace(folder / manifest.NAME)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        raise


def _free_name(asked: _Asked, name: str, kinds: Sequence[Kind]) -> str:
    """Return the name, with a number where files of that name are there already."""
    there = {path.name for path in asked.folder.iterdir()} if asked.folder.is_dir() else set()
    number = 1
    while True:
        free = name if number == 1 else f"{name}-{number}"
        if not {f"{kind.file}-{free}.{one}" for kind in kinds for one in FORMATS} & there:
            return free
        number += 1


def _names(sources: Sequence[Source], groups: Sequence[Groups]) -> dict[tuple[int, str], str]:
    """Return the names of the files, by source and group."""
    if not sources:
        raise UsageError("no source to report on")
    plain = [_slug(source.name) for source in sources]
    if "" in plain or len(set(plain)) < len(plain):
        raise UsageError("two sources have the same name, or one has none: files would collide")
    if not groups:
        return {(place, ""): name for place, name in enumerate(plain)}
    names: dict[tuple[int, str], str] = {}
    for place, (group, name) in enumerate(zip(groups, plain, strict=True)):
        taken: set[str] = set()
        for key in sorted(group.names):  # the same number for the same payer each time
            one = f"{name}-{_slug(group.names[key])[:_LONGEST] or 'unnamed'}"
            number = 1
            while (free := one if number == 1 else f"{one}-no{number}") in taken:
                number += 1
            taken.add(free)
            names[place, key] = free
    for group in groups:
        if not group.names:
            raise ReportError(
                f"{_slug(group.source.name)}: no denial and no appeal, so there is no {group.by} to "
                "report on. No report was written."
            )
    order = [(place, key) for place, group in enumerate(groups) for key in group.names]
    return {key: names[key] for key in order}


_LONGEST = 60  # letters of a payer's name in the name of a file


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _new_folders(folder: Path) -> list[Path]:
    """Make the folders above and return those that were not there, the innermost first."""
    new = [one for one in (folder.parent, *folder.parent.parents) if not one.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    return new


def _check(formats: Sequence[str], jobs: int | None, by: str, one_each: str) -> None:
    if not formats or set(formats) - set(FORMATS):
        raise UsageError(f"the formats are {', '.join(FORMATS)}")
    if by not in BY:
        raise UsageError(f"by is one of {', '.join(BY)}")
    if one_each and one_each not in CUTS:
        raise UsageError(f"one report each is made by {' or '.join(CUTS)}")
    if jobs is not None and jobs < 1:
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

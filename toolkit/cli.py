"""The command line: a contract for people, schedulers and tests.

Every command takes `--json` (one JSON object on standard output and nothing else there); messages
go to standard error. Exit codes: 0 done, 1 internal error, 2 wrong usage, 3 refused, 4 the input
cannot be read. Heavy imports stay inside the commands that need them.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from toolkit import __version__
from toolkit.errors import InputError, RefusedError, ToolkitError, UsageError

ROOT = Path(__file__).parents[1]
SAMPLES = ROOT / "data" / "samples"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv and argv[0] in _COMMANDS:
        _import_msgspec()
    options = _options(argv)
    try:
        answer = options.run(options)
        if options.json:
            print(_as_json(answer))
        else:
            options.show(answer)
    except ToolkitError as error:
        return _failed(error, options.json)
    except BrokenPipeError:  # the reader of our output went away: no fault of anybody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("toolkit: stopped", file=sys.stderr)
        return 1
    except Exception as error:
        return _fault(error, options.json)
    return 0


def _fault(error: Exception, as_json: bool) -> int:
    """Tell a fault: its text may hold a claim's value, so only its kind and place are told."""
    import errno
    import traceback

    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        message = (
            "the disk is full: make room, or set TMPDIR to a folder with more. Nothing was written"
        )
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        message = f"internal error ({type(error).__name__} at {place}); please report this"
    print(f"toolkit: {message}", file=sys.stderr)
    if as_json:
        print(_as_json({"error": message}))
    return 1


def _import_msgspec() -> None:
    """Import msgspec without typing_extensions, whose import takes longer than msgspec's own.

    msgspec asks for it where it happens to be installed, for names that Python's own typing has.
    """
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]  # as if not installed
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]


def _failed(error: ToolkitError, as_json: bool) -> int:
    print(f"toolkit: {error}", file=sys.stderr)
    refused = isinstance(error, RefusedError)
    needs = list(error.needs) if refused else []
    for need in needs:
        print(f"  needed: {need}", file=sys.stderr)
    if as_json:
        body = {"refused": str(error), "needs": needs} if refused else {"error": str(error)}
        print(_as_json(body))
    return error.exit_code


def _as_json(answer: dict[str, Any], indent: int | None = None) -> str:
    import json

    return json.dumps(answer, default=str, indent=indent, ensure_ascii=False)


# ---- what each command does


def _read(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.claims import read, sources, totals

    with sources(options.files) as (given, broken):
        found: dict[str, Any] = {
            one.path.name: totals(read(one.path, layout=options.layout)) for one in given
        }
        found |= {path.name: {"error": str(error)} for path, error in broken}
    return next(iter(found.values())) if len(found) == 1 else {"files": found}


def _map(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.claims.export.mapping import as_answer, as_yaml, propose, write_map

    proposal = propose(options.file)
    answer = as_answer(proposal)
    if options.out:
        return answer | {"out": str(write_map(proposal, options.out))}
    return answer | {"map": as_yaml(proposal, "NAME")}


def _classify(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.denials import classify
    from toolkit.denials.official import official_texts
    from toolkit.denials.second_look import second_look

    if not (options.carc or options.text or options.rarc):
        raise UsageError("name a CARC, a RARC or a text: --carc 16 --rarc MA130, or --text '...'")
    rarcs = tuple(options.rarc)
    given = {"group_code": options.group, "carc": options.carc, "rarcs": rarcs}
    given |= {"text": options.text, "program": options.program}
    denial = classify(**given)
    looks = second_look(denial, procedure_code=options.cpt, **given)
    official = official_texts(options.group, options.carc, rarcs)
    return (
        msgspec.to_builtins(denial)
        | {"second_look": [_look(one) for one in looks]}
        | ({"official": official} if official else {})
    )


def _look(look: Any) -> dict[str, Any]:
    """Return one second look as the command shows it: what it saw, what it says, the ways on."""
    ways = [{"route": way.route, "says": way.says, "burns": way.burns} for way in look.routes]
    return {"id": look.id, "columns": list(look.columns), "says": look.says, "routes": ways}


def _deadline(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import filing_deadline, read_contract
    from toolkit.law.age import stale
    from toolkit.law.unused import unused_for_filing

    contract = options.contract and read_contract(options.contract)
    found = filing_deadline(
        options.program,
        options.level,
        notice_date=options.notice_date,
        received=options.received,
        stage=options.stage,
        filer=options.filer,
        expedited=options.expedited,
        amount=options.amount,
        state_window=options.state_window,
        effective_date=options.effective_date,
        care=options.care,
        process=options.process,
        jurisdiction=options.jurisdiction,
        contract=contract,
    )
    old = stale(found.citation, found.verified_on, date.today())
    words = ("stage", "received", "amount", "care", "state_window", "effective_date", "process")
    given = _given(options, *words, "contract", "jurisdiction")
    left = unused_for_filing(
        options.program,
        options.level,
        given,
        contract=contract,
        jurisdiction=options.jurisdiction,
    )
    found = msgspec.structs.replace(found, warnings=(*found.warnings, *_not_used(left), *old))
    if options.ics:
        from toolkit.law.ics import write_ics

        title = f"Appeal clock: {found.level_name}"
        write_ics([found], options.ics, title=title, made_at=datetime.now(UTC))
    return msgspec.to_builtins(found)


def _decision_due(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import decision_due
    from toolkit.law.age import stale
    from toolkit.law.unused import unused_for_decision

    found = decision_due(
        options.program,
        options.level,
        request_received=options.request_received,
        stage=options.stage,
        expedited=options.expedited,
        extended=options.extended,
        levels=options.levels,
        service=options.service,
        state=options.state,
        multiemployer=options.multiemployer,
        plan_appeal_date=options.plan_appeal_date,
        case_file_date=options.case_file_date,
        selection_date=options.selection_date,
        board_meeting=options.board_meeting,
        notice_date=options.notice_date,
        jurisdiction=options.jurisdiction,
    )
    old = stale(found.citation, found.verified_on, date.today())
    words = ("stage", "levels", "multiemployer", "service", "state", "plan_appeal_date")
    words += ("case_file_date", "selection_date", "board_meeting", "notice_date", "jurisdiction")
    given = _given(options, *words)
    where = options.jurisdiction
    left = unused_for_decision(options.program, options.level, given, jurisdiction=where)
    warnings = (*found.warnings, *_not_used(left), *old)
    return msgspec.to_builtins(msgspec.structs.replace(found, warnings=warnings))


def _given(options: argparse.Namespace, *words: str) -> list[str]:
    """Return those of the options that were given."""
    return [word for word in words if getattr(options, word) not in (None, False)]


def _not_used(words: Sequence[str]) -> tuple[str, ...]:
    """Return in a sentence the options that the answer does not turn on."""
    said = ", ".join(f"--{word.replace('_', '-')}" for word in words)
    return (f"Not used: {said}. No rule of this level looks at that.",) if words else ()


def _ladder(options: argparse.Namespace) -> dict[str, Any]:
    import msgspec

    from toolkit.law import ladder, program

    levels = ladder(options.program, options.jurisdiction)
    rules = program(options.program, options.jurisdiction)
    return {
        "program": rules.program,
        "name": rules.name,
        "governing_law": rules.governing_law,
        "jurisdiction": options.jurisdiction,
        "levels": [_ladder_level(level) for level in levels],
        "standing": msgspec.to_builtins(rules.standing),
        "switches": msgspec.to_builtins(rules.switches),
        "not_modelled": list(rules.not_modelled),
    }


def _ladder_level(level: Any) -> dict[str, Any]:
    """Return a level as the ladder shows it: decided by whom, filed with whom, and its rules."""
    import msgspec

    found = msgspec.to_builtins(level)
    decided_by, filed_with = found.pop("decider"), found.pop("filed_with")
    head = {"id": found.pop("id"), "name": found.pop("name")}
    return head | {"filed_with": filed_with or decided_by, "decided_by": decided_by} | found


def _law(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.law import on_file
    from toolkit.law.age import clocks, marks, stale
    from toolkit.law.events import events

    today = date.today()
    rules = [
        {
            "program": one.program,
            "jurisdiction": one.jurisdiction,
            "level": level,
            "clock": clock,
            "applies_from": getattr(rule, "applies_from", None),
            "citation": rule.citation,
            "source": rule.source,
            "verified_on": rule.verified_on,
            "status": rule.status,
            "age_days": (today - date.fromisoformat(rule.verified_on)).days,
        }
        for one in on_file()
        for level, clock, rule in clocks(one.rules)
    ]
    if options.age:
        rules.sort(key=lambda rule: rule["age_days"], reverse=True)
    looks = [(rule["citation"], rule["verified_on"]) for rule in rules]
    looks += [
        (one.citation, one.verified_on) for event in events() for one in (event, *event.closed)
    ]
    return {
        "rules": rules,
        "marks": {one.id: marks(one.rules) for one in on_file()},
        "events": [
            {
                "event": event.event,
                "name": event.name,
                "citation": one.citation,
                "source": one.source,
                "verified_on": one.verified_on,
                "status": one.status,
            }
            for event in events()
            for one in (event, *event.closed)
        ],
        "warnings": [
            text for citation, day in dict.fromkeys(looks) for text in stale(citation, day, today)
        ],
        "not_modelled": {one.id: list(one.rules.not_modelled) for one in on_file()},
    }


def _triaged(files: list[Path], options: argparse.Namespace, *, recorded: bool = True) -> tuple:
    """Return the claims of the files, the hospital, and the worklist; `recorded`: with what was recorded."""
    from toolkit.triage import triage

    claims, hospital = _claims(files, options, recorded=recorded)
    return claims, hospital, triage(claims, as_of=options.as_of, hospital=hospital)


def _claims(files: list[Path], options: argparse.Namespace, *, recorded: bool = True) -> tuple:
    """Return the claims of the files, with what was `recorded` of them, and the hospital."""
    from toolkit.cases import one_history, recorded_at
    from toolkit.claims import read

    hospital = _hospital(options)
    claims = read(files, layout=options.layout)
    known = recorded_at(_store(options)) if recorded else ()
    return one_history(claims, hospital=hospital, recorded=known), hospital


def _hospital(options: argparse.Namespace, *, sample: bool = False) -> Any:
    """Return the hospital of the options, or the sample's; payer columns and contracts that are not read are named."""
    from toolkit.hospital import read_hospital, sample_hospital

    if sample:
        hospital = sample_hospital(payers=options.payers)
    else:
        hospital = read_hospital(payers=options.payers, contracts=options.contracts)
    for heading in hospital.payer_columns_not_read:
        print(f"toolkit: payer table: the column {heading} is not read", file=sys.stderr)
    for problem in hospital.contracts_not_read:
        print(f"toolkit: contract left out: {problem}", file=sys.stderr)
    return hospital


def _worklist(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.inputs import engine_for, in_parts
    from toolkit.claims.findings import summarized
    from toolkit.worklist import summary, tally, write_worklist

    said = {"out": str(options.out), "as_of": options.as_of}
    _writable_as(options.out, (".parquet", ".csv", ".xlsx"))
    engine = engine_for(options.engine, options.exports, options.book)
    if not in_parts(engine, options.exports, options.book):
        claims, _, worklist = _triaged(options.exports, options)
        write_worklist(worklist, options.out)
        kinds = summarized(claims.findings)
        return said | _with_kinds(summary(tally(worklist), findings=len(claims.findings)), kinds)
    with _run_on(options.exports, engine, options) as run:
        run.write(options.out)
        return said | _with_kinds(run.summary(), run.finding_kinds())


def _with_kinds(answer: dict[str, Any], kinds: list) -> dict[str, Any]:
    return answer | {"findings_list": [one.as_dict() for one in kinds]}


def _writable_as(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse another ending now, not after the work."""
    if path.suffix.lower() not in endings:
        raise UsageError(f"--out ends in none of {', '.join(endings)}")


def _run_on(exports: list[Path], engine: str, options: argparse.Namespace, also: Any = None) -> Any:
    """Return the run of files done in parts, to be used with `with`."""
    from toolkit.bulk.inputs import run_on
    from toolkit.cases import recorded_at

    return run_on(
        exports,
        recorded=recorded_at(_store(options)),
        as_of=options.as_of,
        book=options.book,
        layout=options.layout,
        hospital=_hospital(options),
        engine=engine,
        also=also,
        progress=not options.json and sys.stderr.isatty(),
    )


def _history(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.inputs import is_a_book
    from toolkit.timeline import timeline
    from toolkit.triage import brain

    books = [path for path in options.exports if is_a_book(path)]
    if books and len(options.exports) > 1:
        raise UsageError("name one book alone, or files")
    if books:
        claims, hospital = _account_in(books[0], options)
    else:
        claims, hospital = _claims(options.exports, options)
    return timeline(claims, brain(as_of=options.as_of, hospital=hospital), options.claim)


def _account_in(folder: Path, options: argparse.Namespace) -> tuple:
    """Return the claims of one account number in a book, with what was recorded, and the hospital."""
    from toolkit.bulk.account import account_in
    from toolkit.bulk.book import Book
    from toolkit.cases import one_history, recorded_at

    hospital = _hospital(options)
    claims = account_in(Book.at(folder), options.claim)
    if claims.claims.empty:
        raise UsageError("no claim in the book has that account number (--claim)")
    recorded = recorded_at(_store(options))
    return one_history(claims, hospital=hospital, recorded=recorded), hospital


def _balance(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.balance import balance
    from toolkit.balance.files import read_files
    from toolkit.balance.month import ENDINGS
    from toolkit.cases import recorded_at

    if options.out:
        _writable_as(options.out, ENDINGS)
    files = read_files(options.files, options.tracker, fees=options.fees, layout=options.layout)
    found = balance(
        files.billed, files.remittances, files.tracker, as_of=options.as_of,
        hospital=_hospital(options), month=options.month, fees=files.fees,
        recorded=recorded_at(_store(options)),
    )  # fmt: skip
    if options.out:
        found.write(options.out)
    return found.as_answer() | ({"out": str(options.out)} if options.out else {})


def _gather(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.bulk.inputs import gathered

    with gathered(
        options.exports,
        book=options.book,
        layout=options.layout,
        progress=not options.json and sys.stderr.isatty(),
    ) as (book, found):
        files = book.files()
        told = found.findings[["file", "code", "says"]].to_dict("records")
        of_files: dict[str, int] = {file.name: len(file.notes) for file in files if file.notes}
        return {
            "book": str(options.book),
            "read": found.read,
            "files": len(files),
            "rows": sum(piece.rows for file in files for piece in file.pieces),
            "left_out": [one for one in told if one["code"] == "file_not_read"],
            "given_twice": sum(one["code"] == "file_given_twice" for one in told),
            "findings": of_files,
        }


def _report(options: argparse.Namespace) -> dict[str, Any]:
    import tempfile

    from toolkit.reports import run_reports

    kinds, exports = _kinds(options.words)
    with tempfile.TemporaryDirectory() as folder:  # mode 0700
        sources = (
            _given_source(exports, options) if exports else _sample_sources(Path(folder), options)
        )
        written = run_reports(
            kinds,
            sources,
            as_of=options.as_of,
            out=options.out,
            formats=options.format,
            jobs=options.jobs,
            by=options.by,
            progress=not options.json,
        )
    return {"written": [str(path) for path in written]}


def _kinds(words: list[str]) -> tuple[tuple[str, ...], list[Path]]:
    """Return the kinds of report asked for, and the exports that follow them."""
    from toolkit.reports.kinds import kinds

    built = tuple(kinds())
    if words and words[0] in {"scorecard", "denials"} - set(built):
        raise UsageError(f"the report {words[0]} is not built yet; there are {', '.join(built)}")
    named = bool(words) and words[0] in ("all", *built)
    asked = (words[0],) if named and words[0] != "all" else built
    return asked, [Path(word) for word in words[named:]]


def _given_source(exports: list[Path], options: argparse.Namespace) -> list:
    from toolkit.bulk.inputs import engine_for, in_parts
    from toolkit.reports import Source, part_of_run

    engine = engine_for(options.engine, exports, options.book)
    if in_parts(engine, exports, options.book):
        with _run_on(exports, engine, options, also=part_of_run) as run:
            return [Source.of_run("export", run)]
    claims, _, worklist = _triaged(exports, options)
    return [Source.of("export", claims, worklist, options.as_of)]


def _sample_sources(folder: Path, options: argparse.Namespace) -> list:
    from toolkit.claims import read
    from toolkit.reports import Source
    from toolkit.sample import write_sample
    from toolkit.triage import triage

    if not SAMPLES.is_dir():
        raise InputError("the sample data is not here: name an export, or run from a checkout")
    hospital = _hospital(options, sample=True)
    export = write_sample(folder / "sample.parquet", rows=5000, seed=1, as_of=options.as_of)
    sample = read(export)
    remits, then, note = _sample_remittances()
    return [
        Source.of(
            "sample",
            sample,
            triage(sample, as_of=options.as_of, hospital=hospital),
            options.as_of,
            "A synthetic export: no patient, payer or hospital in it is real.",
            synthetic=True,
        ),
        Source.of(
            "remittances",
            remits,
            triage(remits, as_of=then, hospital=hospital),
            then,
            note,
            synthetic=False,
        ),
    ]


def _sample_remittances() -> tuple:
    """Return the public remittances, the day they are reported as of, and a note that says why.

    The professional-fee file is the large one: the day is 30 days after its production. Files
    produced after that day could not have been on the desk then and are left out.
    """
    from toolkit.claims import read
    from toolkit.claims.tables import concat
    from toolkit.history import settled

    files = sorted(p for p in (SAMPLES / "remits" / "public").iterdir() if p.suffix != ".json")
    found = {path: read(path) for path in files}
    produced = {path: one.claims["remittance_date"].max() for path, one in found.items()}
    large = max(files, key=lambda path: path.stat().st_size)
    then = produced[large].date() + timedelta(days=30)
    kept = [path for path in files if produced[path].date() <= then]
    note = (
        f"Public sample remittances; the large one ({large.name}) was produced on "
        f"{produced[large]:%Y-%m-%d}. Their dates are old, so they are reported as of {then}, 30 "
        f"days after its production. Of {len(files)} files, {len(files) - len(kept)} were produced "
        f"later and are left out."
    )
    return settled(concat([found[path] for path in kept])), then, note


def _draft(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.cases import case_from, with_facts
    from toolkit.letters import draft, kind_of, write
    from toolkit.worklist import find_denial

    claims, hospital, worklist = _triaged([options.export], options)
    case = case_from(claims, worklist, find_denial(worklist, options.claim), hospital=hospital)
    if options.facts:
        case = with_facts(case, options.facts, as_of=options.as_of)
    letter = draft(case, kind_of(case, options.kind), as_of=options.as_of)
    path = write(letter, options.out, draft=options.draft)
    return {
        "out": str(path),
        "kind": letter.kind,
        "complete": letter.complete,
        "missing": [need.name for need in letter.missing],
        "warnings": list(letter.warnings),
    }


def _record(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.cases import CaseStore

    if options.verify:
        return _verified(options)
    lacking = [f"--{name}" for name in ("claim", "event", "date") if not getattr(options, name)]
    if options.export is None or lacking:
        raise UsageError(f"to record an event, give {', '.join(['EXPORT', *lacking])}")
    from toolkit.cases import case_from, pick_case, record_event
    from toolkit.worklist import find_denial

    # What is recorded already is in the store; the case is what the files alone say.
    claims, hospital, worklist = _triaged([options.export], options, recorded=False)
    key = find_denial(worklist, options.claim)
    case = case_from(claims, worklist, key, hospital=hospital)
    if options.event == "filed":
        _still_open(worklist.loc[worklist["denial_key"].eq(key)].iloc[0])
    with CaseStore(_store(options)) as store:
        case = pick_case(store, case, options.case, who=_who(options), now=datetime.now(UTC))
        made = record_event(
            store,
            case,
            options.event,
            day=options.date,
            as_of=options.as_of,
            level=options.level or "",
            outcome=options.outcome or "",
            amount_cents=options.amount,
            proof=options.proof or "",
            corrects=options.correct,
            who=_who(options),
            now=datetime.now(UTC),
        )
    answer = {"entry": made.entry, "event": made.event, "date": made.day, "case": made.case_key}
    answer |= {"at": made.entered_at, "who": made.who}
    more = {"level": made.level, "outcome": made.outcome, "corrects": made.corrects}
    return answer | {name: value for name, value in more.items() if value}


def _still_open(row: Any) -> None:
    """Refuse a filing on a denial that the payer's own decisions have settled."""
    from toolkit.history.states import open_states, table

    if row["state"] not in open_states() and row["state"] != "closed":
        says = table().states[row["state"]].says
        raise RefusedError(
            f"nothing of this denial is open: {says} ({row['state_from']}). Nothing was recorded.",
            needs=("a note (--event note), if it has to be remembered",),
        )


def _verified(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.cases import CaseStore

    place = _store(options)
    if "://" not in str(place) and not Path(place).exists():
        raise InputError(f"{Path(place).name}: there is no case store; name it with --store")
    with CaseStore(place) as store:
        found = store.verify()
    if found.wrong is not None:
        raise RefusedError(
            f"entry {found.wrong} of the case store was changed, or one before it is missing.",
            needs=("a backup of the store from before the change",),
        )
    return {"entries": found.entries, "last_hash": found.last_hash}


def _store(options: argparse.Namespace) -> Path | str:
    from toolkit.hospital.places import local_folder

    return options.store or local_folder() / "cases.sqlite"


def _who(options: argparse.Namespace) -> str:
    """Return who writes: the name given, else the one that this person logged in with."""
    import getpass

    try:
        return options.who or getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise UsageError("your login name is not known: give --who") from None


def _sample(options: argparse.Namespace) -> dict[str, Any]:
    from toolkit.sample import write_sample

    path = write_sample(options.out, rows=options.rows, seed=options.seed, as_of=options.as_of)
    return {"out": str(path), "rows": options.rows, "seed": options.seed, "as_of": options.as_of}


def _desk(options: argparse.Namespace) -> dict[str, Any]:
    import subprocess

    notebook = ROOT / "notebooks" / "draft_letters.ipynb"
    if not notebook.exists():
        raise InputError("the drafting notebook is not here: run from a checkout")
    environment = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1"}
    command = [sys.executable, "-m", "jupyterlab", str(notebook)]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container
        command.append("--allow-root")
    return {"exit": subprocess.call(command, env=environment, cwd=ROOT)}


# ---- how each answer is shown to a person


def _show_json(answer: dict[str, Any]) -> None:
    print(_as_json(answer, indent=2))


def _show_map(answer: dict[str, Any]) -> None:
    if "map" in answer:
        print(answer["map"], end="")
        return
    read = [one for one in answer["columns"] if one["state"] in ("read", "beside")]
    print(f"{answer['out']}: {len(read)} of {len(answer['columns'])} columns of {answer['table']}")
    for needed in answer["lacking"]:
        print(f"  lacking: {' or '.join(needed)}")
    for heading in answer["decide"]:
        print(f"  to decide: {heading}")
    print(f"Read it, correct it, then: toolkit read FILE --layout {answer['out']}")


def _show_deadline(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law import Deadline
    from toolkit.law.ledger import ledger_text

    print(ledger_text(msgspec.convert(answer, Deadline)))


def _show_decision(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law import DecisionDue
    from toolkit.law.ledger import ledger_text

    print(ledger_text(msgspec.convert(answer, DecisionDue)))


def _show_ladder(answer: dict[str, Any]) -> None:
    import msgspec

    from toolkit.law.model import When
    from toolkit.law.wording import ANCHORS, when

    where = f" ({answer['jurisdiction']})" if answer["jurisdiction"] else ""
    print(f"{answer['name']}{where}: {answer['governing_law']}")
    for level in answer["levels"]:
        print(f"\n{level['id']}  {level['name']}; decided by {level['decided_by']}")
        if level["filed_with"] != level["decided_by"]:
            print(f"  filed with {level['filed_with']}")
        for rule in level["filing"]:
            window = rule["window"] or {
                "count": f"{rule['state_window']['least']} to {rule['state_window']['most']}",
                "unit": "days (the state chooses)",
            }
            until = f" until {rule['applies_until']}" if rule["applies_until"] else ""
            only = when(msgspec.convert(rule["when"], When))
            print(
                f"  from {rule['applies_from']}{until}: {window['count']} {window['unit']} from "
                f"{rule['starts']}, {rule['filed_when']}{f' ({only})' if only else ''}  "
                f"[{rule['citation']}; {rule['status']}]"
            )
        for one in (level["automatic"], level["by_terms"], level["forwarded"]):
            if one:
                print(f"  {one['says']}  [{one['citation']}; {one['status']}]")
        for rule in level["decision"]:
            start = ANCHORS[rule["starts"]]
            stages = rule["service"] or ", ".join(rule["when"]["stages"]) or "all stages"
            stages += f" in {', '.join(rule['states'])}" if rule["states"] else ""
            fast = ", expedited" if rule["when"]["expedited"] else ""
            print(
                f"  decision in {rule['due']['count']} {rule['due']['unit']} from {start} ({stages}{fast})"
                f"  [{rule['citation']}; {rule['status']}]"
            )
    for one in answer["switches"]:
        print(f"\nFrom {one['applies_from']}, by {one['keyed_to']}: {one['says']}")
        print(f"  [{one['citation']}; {one['status']}]")
    print("\nNot modelled:")
    for one in answer["not_modelled"]:
        print(f"  {one}")


def _in(rule: dict[str, Any]) -> str:
    return f" ({rule['jurisdiction']})" if rule["jurisdiction"] else ""


def _show_law(answer: dict[str, Any]) -> None:
    for rule in answer["rules"]:
        print(
            f"{rule['program']}{_in(rule)} {rule['level']} {rule['clock']}: from {rule['applies_from'] or '-'}; "
            f"{rule['citation']}; {rule['source']}; verified {rule['verified_on']} "
            f"({rule['age_days']} days ago), mark {rule['status']}"
        )
    for event in answer["events"]:
        print(
            f"interruption, {event['name']}: {event['citation']}; {event['source']}; "
            f"verified {event['verified_on']}, mark {event['status']}"
        )
    for name, marks in answer["marks"].items():
        print(f"{name}: " + ", ".join(f"{number} {mark}" for mark, number in marks.items()))
    for warning in answer["warnings"]:
        print(f"Warning: {warning}")
    for name, gaps in answer["not_modelled"].items():
        for gap in gaps:
            print(f"{name}, not modelled: {gap}")


def _show_written(answer: dict[str, Any]) -> None:
    for path in answer["written"]:
        print(path)


def _show_out(answer: dict[str, Any]) -> None:
    print(answer["out"])
    for name, value in answer.items():
        if name in ("out", "findings_list"):
            continue
        if isinstance(value, dict):
            value = [{"what": key} | one for key, one in value.items()]
        if isinstance(value, list | tuple):
            print(f"  {name}:{'' if value else ' none'}")
            for one in value:
                print(f"    {one if isinstance(one, str) else _row(one)}")
        else:
            print(f"  {name}: {value}")


def _show_worklist(answer: dict[str, Any]) -> None:
    from toolkit.claims.findings import FindingKind, lines

    _show_out(answer)
    for line in lines([FindingKind(**one) for one in answer["findings_list"]]):
        print(f"    {line}")


def _row(one: dict[str, Any]) -> str:
    """Return a group of denials as a line: what it is, how many, how much."""
    counts = ("denials", "denied", "without_amount")
    what = "; ".join(str(v) for k, v in one.items() if v and k not in counts) or "no code"
    denials = one["denials"]
    return f"{what}: {denials:,} denial{'' if denials == 1 else 's'}, {_money(one)}"


def _money(one: dict[str, Any]) -> str:
    """Return the dollars of a group of denials as words; what is not stated is never zero."""
    if one["denied"] is None:
        return "amount not stated"
    lacking = one.get("without_amount", 0)
    return f"${one['denied']}" + (f" and {lacking:,} without an amount" if lacking else "")


def _show_history(answer: dict[str, Any]) -> None:
    for event in answer["events"]:
        amount = f" {event['amount']}" if event["amount"] is not None else ""
        more = " ".join(
            [*event.get("reasons", ()), *(event[k] for k in ("level", "outcome") if event.get(k))]
        )
        day = event["date"] or "no date   "
        print(f"{day}  {event['what']:<14} {event['line']:<16}{amount:>12}  {more}")
        print(f"            {event['source']}")
    print("What stands now:")
    for line in answer["lines"]:
        stake = "not stated" if line["stake"] is None else line["stake"]
        print(f"  {line['line']:<16} {line['state']}, at stake {stake}")
        print(f"    {line['because']} ({line['decided_by']})")


def _show_balance(answer: dict[str, Any]) -> None:
    from toolkit.balance.shown import lines

    for line in lines(answer):
        print(line)


def _show_gathered(answer: dict[str, Any]) -> None:
    print(
        f"{answer['book']}: {answer['files']:,} files, {answer['rows']:,} rows and claims; "
        f"{answer['read']:,} files read now"
    )
    for one in answer["left_out"]:
        print(f"  {one['file']}: {one['says']}")
    for name, count in answer["findings"].items():
        print(f"  {name}: findings about the file: {count:,}")


def _show_recorded(answer: dict[str, Any]) -> None:
    if "entries" in answer:
        print(f"All {answer['entries']:,} entries are as they were written.")
        print(f"Last hash: {answer['last_hash'] or '-'}")
        return
    print(f"Entry {answer['entry']}: {answer['event']} on {answer['date']}, by {answer['who']}")


def _show_nothing(answer: dict[str, Any]) -> None:
    return None


# ---- the words of the command line


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("is no ISO date (YYYY-MM-DD)") from None


def _formats(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("is no whole number above zero")
    return int(text)


def _dollars(text: str) -> float:
    from math import isfinite

    from toolkit.law.filing import MOST_DOLLARS

    try:
        dollars = float(text)
    except ValueError:
        dollars = -1.0
    if not isfinite(dollars) or not 0 <= dollars <= MOST_DOLLARS:
        raise argparse.ArgumentTypeError("expected dollars such as 1234.50, zero or more")
    return dollars


def _cents(text: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        cents = Decimal(text.replace(",", "").removeprefix("$")) * 100
    except InvalidOperation:
        raise argparse.ArgumentTypeError("expected dollars such as 1234.50") from None
    if not cents.is_finite() or cents != int(cents) or not 0 < cents < 10**13:
        raise argparse.ArgumentTypeError("expected dollars above zero, with at most two decimals")
    return int(cents)


class _Command(NamedTuple):
    """One command: what it does, how its answer is shown, its words, what its help says."""

    run: Callable[[argparse.Namespace], dict[str, Any]]
    show: Callable[[dict[str, Any]], None]
    words: Callable[[argparse.ArgumentParser], None]
    says: str
    example: str


class _Help(argparse.RawDescriptionHelpFormatter):
    """argparse's help, as wide as the terminal; argparse alone would import archivers to ask it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width() - 2)


def _width() -> int:
    """Return the columns of the terminal: what COLUMNS says, else what it says itself, else 80."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):  # no terminal
        return 80


def _options(argv: Sequence[str]) -> argparse.Namespace:
    """Return what the words ask for; behind a command its files and options come in any order."""
    if not argv or argv[0] not in _COMMANDS:
        return _parser(argv).parse_args(argv)
    command = _COMMANDS[argv[0]]
    parser = argparse.ArgumentParser(prog=f"toolkit {argv[0]}", **_about(command))
    _fill(parser, command)
    return parser.parse_intermixed_args(argv[1:])


def _about(command: _Command) -> dict[str, Any]:
    return {
        "description": command.says,
        "epilog": f"example: toolkit {command.example}",
        "formatter_class": _Help,
    }


def _fill(parser: argparse.ArgumentParser, command: _Command) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=command.run, show=command.show)
    command.words(parser)


def _parser(argv: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """Return the parser of every command; with `argv`, only the words of those it names are added."""
    parser = argparse.ArgumentParser(
        prog="toolkit",
        description="Denial appeals: categories, pathways, deadlines, letters and reports.",
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in _COMMANDS.items():
        one = commands.add_parser(name, help=command.says, **_about(command))
        if argv is None or name in argv:
            _fill(one, command)
    return parser


def _dated(one: argparse.ArgumentParser) -> None:
    one.add_argument("--as-of", type=_date, default=date.today(), help="default: today")


def _files(one: argparse.ArgumentParser) -> None:
    _layout_word(one)
    one.add_argument("--payers", type=Path, help="payer table; default: local/payers.csv")
    one.add_argument(
        "--contracts",
        type=Path,
        metavar="DIR",
        help="folder of contracts; default: local/contracts",
    )
    one.add_argument(
        "--store",
        metavar="FILE",
        help="case store, or a postgresql:// URL; default: local/cases.sqlite",
    )


def _layout_word(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--layout",
        metavar="NAME|FILE.yaml",
        help="layout of the exports, or a YAML file of your own; default: the one that matches",
    )


def _program(text: str) -> str:
    """Return the id of the program that the text names; the text itself where it names none."""
    from toolkit.law import program_named

    return program_named(text) or text


def _jurisdiction(text: str) -> str:
    """Return a jurisdiction's two letters in capitals."""
    from toolkit.law import known_jurisdiction

    try:
        return known_jurisdiction(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _of_level(one: argparse.ArgumentParser) -> None:
    from toolkit.law import STAGES

    one.add_argument("--program", type=_program, required=True)
    one.add_argument("--level", required=True)
    one.add_argument("--stage", choices=STAGES)
    one.add_argument("--expedited", action="store_true")


def _report_words(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "words",
        nargs="*",
        metavar="[overdue|outcomes|all] [EXPORT...]",
        help="default: all, on the samples",
    )
    _dated(one)
    _files(one)
    one.add_argument("--out", type=Path, default=Path("reports"))
    one.add_argument("--by", choices=("payer", "facility"), default="payer")
    one.add_argument("--jobs", type=_positive, default=2)
    one.add_argument("--format", type=_formats, default=("html", "xlsx"), help="html,xlsx,ipynb")
    _engine_words(one)


def _worklist_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="EXPORT")
    _dated(one)
    _files(one)
    one.add_argument("--out", type=Path, required=True)
    _engine_words(one)


def _history_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="EXPORT", help="files, or a book")
    one.add_argument(
        "--claim",
        required=True,
        help="a claim key, or the account or claim number; of a book, the account number",
    )
    _dated(one)
    _files(one)


def _balance_words(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="the billing export, then remittances; an export among those is a tracker",
    )
    one.add_argument("--tracker", type=Path, help="export of the denial tracker")
    one.add_argument("--month", metavar="YYYY-MM", help="billed in this month; default: all")
    one.add_argument("--fees", type=Path, help="fee schedule; default: local/fee_schedule.csv")
    one.add_argument(
        "--out", type=Path, metavar="FILE.(csv|xlsx|parquet)", help="write one row per billed claim"
    )
    _dated(one)
    _files(one)


def _engine_words(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--engine",
        choices=("auto", "local", "pandas", "duckdb", "spark"),
        default="auto",
        help="pandas reads all at once; duckdb and spark do it in parts, of any size; "
        "default: by size; the answers are the same",
    )
    one.add_argument(
        "--book", type=Path, help="folder that keeps what was read: a new month adds its file"
    )


def _gather_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("exports", nargs="+", type=Path, metavar="FILE")
    one.add_argument("--book", type=Path, required=True, help="folder to bring them into")
    _layout_word(one)


def _read_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("files", nargs="+", type=Path, metavar="FILE")
    _layout_word(one)


def _map_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("file", type=Path, metavar="FILE")
    one.add_argument(
        "--out", type=Path, metavar="FILE.yaml", help="write the map; best: local/layouts/NAME.yaml"
    )


def _classify_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("--group")
    one.add_argument("--carc")
    one.add_argument("--rarc", action="append", default=[])
    one.add_argument("--text")
    one.add_argument("--cpt")
    one.add_argument("--program", type=_program)


def _deadline_words(one: argparse.ArgumentParser) -> None:
    from toolkit.law import CARE, FILERS, PROCESSES

    _of_level(one)
    one.add_argument("--notice-date", type=_date)
    one.add_argument("--received", type=_date)
    one.add_argument("--filer", choices=FILERS)
    one.add_argument(
        "--amount",
        type=_dollars,
        help="dollars in controversy: of the claim's denials that go to the level together, less what was "
        "paid since; other claims count only where the request aggregates them",
    )
    one.add_argument(
        "--care", choices=CARE, help="va_community_care: on whose authority it was given"
    )
    one.add_argument("--state-window", type=_positive, help="days, where the state sets them")
    one.add_argument("--effective-date", type=_date)
    one.add_argument("--process", choices=PROCESSES, help="of external review: whose process it is")
    _jurisdiction_word(one)
    one.add_argument("--ics", type=Path, help="write a calendar file (Outlook, Google Calendar)")
    one.add_argument("--contract", type=Path, help="YAML of a contract's terms (contract_dispute)")


def _decision_due_words(one: argparse.ArgumentParser) -> None:
    from toolkit.law import SERVICES

    _of_level(one)
    one.add_argument("--request-received", type=_date, required=True)
    one.add_argument(
        "--extended", action="store_true", help="the decider extended its time, and said so"
    )
    one.add_argument(
        "--levels", choices=("one", "two"), help="levels of internal appeal of the plan"
    )
    one.add_argument("--service", choices=SERVICES, help="kind of service (prior_authorization)")
    _jurisdiction_word(one)
    one.add_argument(
        "--state", type=str.upper, metavar="XX", help="where the service is given, as two letters"
    )
    one.add_argument(
        "--multiemployer",
        action="store_true",
        help="the plan's board decides at quarterly meetings",
    )
    for word, what in (
        ("--plan-appeal-date", "day the plan appeal was filed (Medicaid fair hearing)"),
        ("--case-file-date", "day the decider had the case file or the records it asked for"),
        ("--selection-date", "day the IDR entity was selected"),
        ("--board-meeting", "meeting of a multiemployer plan's board that decides the appeal"),
        ("--notice-date", "date of the notice before the request (Medicaid fair hearing)"),
    ):
        one.add_argument(word, type=_date, help=what)


def _ladder_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("--program", type=_program, required=True)
    _jurisdiction_word(one)


def _jurisdiction_word(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--jurisdiction",
        type=_jurisdiction,
        metavar="XX",
        help="state whose law governs the plan (insured there), as two letters; none if self-funded",
    )


def _law_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("--age", action="store_true", help="longest unverified first")


def _draft_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("export", type=Path, metavar="EXPORT")
    one.add_argument("--claim", required=True, help="our claim key, or the account or claim number")
    one.add_argument("--kind")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--facts", type=Path, help="YAML: fact: value")
    one.add_argument("--draft", action="store_true", help="write it incomplete, with a watermark")
    _dated(one)
    _files(one)


def _record_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("export", nargs="?", type=Path, metavar="EXPORT")
    one.add_argument("--claim", help="our claim key, or the account or claim number")
    one.add_argument(
        "--event",
        metavar="EVENT",
        help="filed, received, decided, paid, records_sent, corrected_claim_sent, withdrawn, "
        "written_off or note",
    )
    one.add_argument("--date", type=_date, help="the day on which it happened")
    one.add_argument("--level", metavar="ID")
    one.add_argument("--outcome", metavar="ID", help="of a decision")
    one.add_argument("--amount", type=_cents, metavar="N", help="dollars")
    one.add_argument("--proof", metavar="TEXT", help="what proves it; of a note, its words")
    one.add_argument("--who", metavar="NAME", help="default: your login name")
    one.add_argument("--correct", type=_positive, metavar="N", help="the entry that this replaces")
    one.add_argument(
        "--case", metavar="KEY", help="the case it belongs to, if asked; new: none of them"
    )
    one.add_argument("--verify", action="store_true", help="check that no entry was changed")
    _dated(one)
    _files(one)


def _sample_words(one: argparse.ArgumentParser) -> None:
    one.add_argument("--rows", type=_positive, required=True)
    one.add_argument("--seed", type=int, required=True)
    one.add_argument("--out", type=Path, required=True)
    _dated(one)


_COMMANDS = {
    "report": _Command(
        _report,
        _show_written,
        _report_words,
        "batch reports as HTML and XLSX",
        "report overdue export.csv",
    ),
    "worklist": _Command(
        _worklist,
        _show_worklist,
        _worklist_words,
        "one row per denial with category, route, program, level, dates, reasons",
        "worklist export.csv --out worklist.xlsx",
    ),
    "history": _Command(
        _history,
        _show_history,
        _history_words,
        "everything that happened to a claim, event by event, and what stands now and why",
        "history remits/ export.csv --claim 1a2b3c4d-000012",
    ),
    "balance": _Command(
        _balance,
        _show_balance,
        _balance_words,
        "every billed claim in one bucket (paid, denied, recovered, lost, unanswered, not ours, "
        "resent), to the cent, and where bill, remittances and tracker differ",
        "balance billing.csv remits/ --tracker tracker.xlsx --month 2026-03 --out balance.xlsx",
    ),
    "gather": _Command(
        _gather,
        _show_gathered,
        _gather_words,
        "bring files into a book, each read once: for worklists and reports of any size",
        "gather remits/ 'exports/2026-*.csv' --book local/book",
    ),
    "read": _Command(
        _read,
        _show_json,
        _read_words,
        "what a file holds: totals and findings",
        "read remit.835 --json",
    ),
    "map": _Command(
        _map,
        _show_map,
        _map_words,
        "propose a column map for an export of an unknown system, to be read and corrected",
        "map export.csv --out local/layouts/ours.yaml",
    ),
    "classify": _Command(
        _classify,
        _show_json,
        _classify_words,
        "category, route and reason of codes, text or both",
        "classify --group CO --carc 16 --rarc MA130",
    ),
    "deadline": _Command(
        _deadline,
        _show_deadline,
        _deadline_words,
        "the last day to file, with the reason for every day",
        "deadline --program original_medicare --level redetermination --notice-date 2026-01-15",
    ),
    "decision-due": _Command(
        _decision_due,
        _show_decision,
        _decision_due_words,
        "the decider's clock",
        "decision-due --program medicare_advantage --level reconsideration "
        "--request-received 2026-01-15 --stage payment",
    ),
    "ladder": _Command(
        _ladder,
        _show_ladder,
        _ladder_words,
        "every level of a program, in order",
        "ladder --program part_d",
    ),
    "law": _Command(
        _law, _show_law, _law_words, "the rules on file, with source and mark", "law --age"
    ),
    "draft": _Command(
        _draft,
        _show_out,
        _draft_words,
        "one appeal letter; refused with the list of what is missing",
        "draft export.csv --claim 1a2b3c4d-000012 --facts facts.yaml --out letter.docx",
    ),
    "record": _Command(
        _record,
        _show_recorded,
        _record_words,
        "write what happened to a claim into the case store",
        "record export.csv --claim 1a2b3c4d-000012 --event filed --level redetermination "
        "--date 2026-03-02",
    ),
    "desk": _Command(
        _desk, _show_nothing, lambda _: None, "opens the drafting notebook in the browser", "desk"
    ),
    "sample": _Command(
        _sample,
        _show_out,
        _sample_words,
        "a synthetic export, the same for the same seed and date",
        "sample --rows 5000 --seed 1 --out export.csv",
    ),
}


if __name__ == "__main__":
    raise SystemExit(main())

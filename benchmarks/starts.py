"""Start-up of the commands, one case in a warm process, and deadlines a second."""

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from benchmarks.measure import ROOT, command, work
from benchmarks.plan import Job, Scale

AS_OF = "2026-11-01"
PAYERS = ROOT / "data" / "samples" / "payers.csv"


def toolkit() -> list[str]:
    """Return the command as it is installed, or the module where it is not."""
    installed = Path(sys.executable).parent / "toolkit"
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "toolkit"]


def prepare(folder: Path, scale: Scale) -> None:
    """Write the export that the smallest worklist is made of."""
    from toolkit.sample import write_sample

    rows = min(10_000, scale.sampled[0])
    write_sample(folder / "start.csv", rows=rows, seed=1, as_of=date.fromisoformat(AS_OF))


def jobs(folder: Path, scale: Scale) -> list[Job]:
    """Return whole processes, from a bare interpreter to the worklist of a small export."""
    deadline = "deadline --program part_d --level redetermination --notice-date 2026-03-02"
    rows = min(10_000, scale.sampled[0])
    worklist = ["worklist", str(folder / "start.csv"), "--as-of", AS_OF, "--payers", str(PAYERS)]
    worklist += ["--out", str(folder / "start.parquet")]
    commands = {
        "python": ("`python -c pass`, the floor", [sys.executable, "-c", "pass"]),
        "help": ("`toolkit --help`", [*toolkit(), "--help"]),
        "deadline": ("`toolkit deadline`, one date", [*toolkit(), *deadline.split()]),
        "classify": (
            "`toolkit classify`, one code",
            [*toolkit(), *["classify", "--group", "CO", "--carc", "197", "--rarc", "N54"]],
        ),
        "worklist": (f"`toolkit worklist`, an export of {rows:,} rows", [*toolkit(), *worklist]),
    }
    found = [
        Job(
            "starts", key, says, 1, lambda words=words: command(words),
            unit="processes", rounds=scale.starts, floor="" if key == "python" else "python",
        )
        for key, (says, words) in commands.items()
    ]  # fmt: skip
    for key, says, number in (
        ("classified", "one adjustment classified, warm", scale.naive),
        ("dated", "one deadline with its steps, warm", scale.naive),
        ("case", "one case, warm: classified, next step, due state", scale.naive),
        ("case_again", "one case whose facts were asked before, warm", scale.naive),
    ):
        found.append(
            Job(
                "starts", key, says, number,
                lambda key=key, number=number: work(f"benchmarks.starts:{key}", number=number),
                unit="cases", rounds=min(scale.rounds, 3),
            )
        )  # fmt: skip
    return found


def _codes(random: Random, number: int) -> list[tuple[str, str, tuple[str, ...]]]:
    from toolkit.denials import codes

    carcs = [code for code, entry in codes.carcs().items() if entry.status != "retired"]
    remarks = [(), (), ("N54",), ("M127",), ("N130", "MA04")]
    return [
        (random.choice(("CO", "PR", "OA", "PI")), random.choice(carcs), random.choice(remarks))
        for _ in range(number)
    ]


def classified(number: int) -> Iterator[None]:
    """Classify adjustments one by one, codes and remarks at random."""
    from toolkit.denials import classify

    asked = _codes(Random(1), number)
    for one in asked[:500]:
        classify(*one)
    yield
    found = Counter(classify(*one).denial_category for one in asked)
    yield
    return {"rows": number, "kinds": len(found)}


def dated(number: int) -> Iterator[None]:
    """Ask for deadlines over random facts of every program; refusals are answers too."""
    asked = facts_of(Random(1), number)
    for one in asked[:500]:  # rules and holidays are read once, before the clock runs
        _outcome(*one)
    yield
    begins = perf_counter()
    outcomes = Counter(_outcome(*one) for one in asked)
    spent = perf_counter() - begins
    yield
    return {"rows": number, "seconds": spent, "outcomes": dict(outcomes.most_common())}


def facts_of(random: Random, count: int) -> list[tuple[str, str, dict[str, Any]]]:
    """Return random facts: every program, level, stage and filer, notices of 2022 to 2027."""
    from toolkit.law import FILERS, STAGES, program, programs

    levels = [(one, level.id) for one in programs() for level in program(one).levels]
    asked = []
    for _ in range(count):
        name, level = random.choice(levels)
        notice = date(2022, 1, 1) + timedelta(days=random.randrange(6 * 365))
        came = notice + timedelta(days=random.randrange(12))
        facts = {
            "notice_date": notice,
            "received": came if random.random() < 0.5 else None,
            "effective_date": notice + timedelta(days=random.randrange(10)),
            "stage": random.choice(STAGES),
            "filer": random.choice(FILERS) if random.random() < 0.7 else None,
            "expedited": random.random() < 0.2,
            "amount": random.choice((25.0, 150.0, 5000.0)),
            "state_window": random.choice((90, 120)),
        }
        asked.append((name, level, facts))
    return asked


def _outcome(name: str, level: str, facts: dict[str, Any]) -> str:
    from toolkit.errors import RefusedError
    from toolkit.law import filing_deadline

    try:
        found = filing_deadline(name, level, **facts)
    except RefusedError as refused:
        return type(refused).__name__
    return "nothing to file" if found.nothing_to_file else "dated"


def _cases(number: int) -> tuple[Any, Any, list[tuple[dict, dict]]]:
    """Return the two questions of a case and the facts of many, no two of them alike by design."""
    from toolkit.hospital import Hospital
    from toolkit.law import programs
    from toolkit.worklist.questions import code_question, step_question

    random = Random(1)
    code, step = code_question(), step_question(Hospital.unknown(), as_of=date.fromisoformat(AS_OF))
    asked = []
    for group, carc, remarks in _codes(random, number):
        name = random.choice(tuple(programs()))
        notice = date(2025, 6, 1) + timedelta(days=random.randrange(510))
        of_code = {
            "group_code": group, "carc": carc, "rarcs": " ".join(remarks), "text": None,
            "program": name, "unpaid_alone": False,
        }  # fmt: skip
        of_step = dict.fromkeys(step.keys) | {
            "program": name, "stage": "payment", "notice_date": notice, "filed": False,
            "contracted": random.choice(("contracted", "not_contracted")), "closed": False,
            "notice_received": notice + timedelta(days=random.randrange(9)),
        }  # fmt: skip
        asked.append((of_code, of_step))
    return code, step, asked


def case(number: int) -> Iterator[None]:
    """Do one case after another by the scalar rules, nothing remembered from one to the next."""
    code, step, asked = _cases(number)
    return _walked(code.of, step.of, asked)


def case_again(number: int) -> Iterator[None]:
    """Do the same cases a second time: their facts were asked before."""
    code, step, asked = _cases(number)
    for of_code, of_step in asked:
        found = code(**of_code)
        step(**of_step | {"denial_category": found["denial_category"], "nature": found["nature"]})
    return _walked(code, step, asked)


def _walked(code: Any, step: Any, asked: list[tuple[dict, dict]]) -> Iterator[None]:
    def one(of_code: dict, of_step: dict) -> str:
        found = code(**of_code)
        of_step["denial_category"], of_step["nature"] = found["denial_category"], found["nature"]
        return step(**of_step)["due"]

    for facts in asked[:500]:
        one(*facts)
    yield
    due = Counter(one(*facts) for facts in asked)
    yield
    return {"rows": len(asked), "due": dict(due.most_common())}

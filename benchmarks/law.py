"""How many deadlines a second one process gives, over random facts of every program.

    python benchmarks/law.py [--deadlines 200000] [--seed 1]

Target: 50,000 a second. Refusals count as answers and are told apart.
"""

import argparse
from collections import Counter
from datetime import date, timedelta
from random import Random
from time import perf_counter

from toolkit.errors import RefusedError
from toolkit.law import FILERS, STAGES, filing_deadline, program, programs


def facts_of(random: Random, count: int) -> list[tuple[str, str, dict]]:
    """Return random facts: every program, level, stage and filer, notices of 2022 to 2027."""
    levels = [(one, level.id) for one in programs() for level in program(one).levels]
    asked = []
    for _ in range(count):
        name, level = random.choice(levels)
        notice = date(2022, 1, 1) + timedelta(days=random.randrange(6 * 365))
        facts = {
            "notice_date": notice,
            "received": notice + timedelta(days=random.randrange(12)) if random.random() < 0.5 else None,
            "effective_date": notice + timedelta(days=random.randrange(10)),
            "stage": random.choice(STAGES),
            "filer": random.choice(FILERS) if random.random() < 0.7 else None,
            "expedited": random.random() < 0.2,
            "amount": random.choice((25.0, 150.0, 5000.0)),
            "state_window": random.choice((90, 120)),
        }  # fmt: skip
        asked.append((name, level, facts))
    return asked


def main() -> None:
    """Ask, and print what came out and how fast."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--deadlines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asked = facts_of(Random(options.seed), options.deadlines)
    outcomes: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for name, level, facts in asked[
        :500
    ]:  # rules and holidays are read once, before the clock runs
        _ask(name, level, facts)
    for name, level, facts in asked:
        begins = perf_counter()
        outcome = _ask(name, level, facts)
        spent[outcome] += perf_counter() - begins
        outcomes[outcome] += 1
    seconds = sum(spent.values())
    print(f"{len(asked):,} questions in {seconds:.2f} s: {len(asked) / seconds:,.0f} a second")
    for outcome, number in outcomes.most_common():
        print(f"  {outcome:<16} {number:>9,}  {number / spent[outcome]:>9,.0f} a second")


def _ask(name: str, level: str, facts: dict) -> str:
    try:
        found = filing_deadline(name, level, **facts)
    except RefusedError as refused:
        return type(refused).__name__
    return "nothing to file" if found.nothing_to_file else "dated"


if __name__ == "__main__":
    main()

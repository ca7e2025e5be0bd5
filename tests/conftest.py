"""The PostgreSQL server of the tests, and what the test run says at its end."""

from collections import Counter
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the URL of a PostgreSQL server of the run's own."""
    from postgres_server import postgres_server

    with postgres_server() as url:
        yield url


def pytest_terminal_summary(terminalreporter):
    """Print how many misreadings of the law were tried and noticed, by kind."""
    made = Counter()
    for report in terminalreporter.stats.get("passed", ()):
        for name, counts in getattr(report, "user_properties", ()):
            if name == "misreadings":
                made.update(counts)
    if made:
        said = ", ".join(f"{kind} {count}" for kind, count in sorted(made.items()))
        terminalreporter.write_line(f"{made.total():,} misreadings of the law noticed: {said}")

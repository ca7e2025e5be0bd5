"""The tests of Spark need PySpark and Java: without them they are left out, and it is said."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # the rows that all engines are tested on


def _lacking() -> str:
    """Return what is missing for Spark, '' where nothing is."""
    if importlib.util.find_spec("pyspark") is None:
        return "PySpark is not installed (pip install denial-toolkit[spark])"
    from toolkit.errors import UsageError
    from toolkit.worklist.spark import _java

    try:
        _java()
    except UsageError as error:
        return str(error)
    return ""


def pytest_configure(config):
    config.addinivalue_line("markers", "spark: runs Spark on this machine; needs PySpark and Java")


def pytest_collection_modifyitems(config, items):
    mine = [item for item in items if HERE in item.path.parents]
    for item in mine:
        item.add_marker(pytest.mark.spark)
    lacking = _lacking() if mine else ""
    if lacking:
        items[:] = [item for item in items if item not in mine]
        config.hook.pytest_deselected(items=mine)
        said = pytest.PytestWarning(f"{len(mine)} tests of Spark were left out: {lacking}")
        config.issue_config_time_warning(said, stacklevel=2)


@pytest.fixture(scope="session")
def spark():
    """A Spark session on two cores, for all tests."""
    from toolkit.worklist.spark import session

    found = session(cores="local[2]", memory="1g")
    found.conf.set("spark.sql.shuffle.partitions", "2")
    yield found
    found.stop()

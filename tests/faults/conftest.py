"""The node, its vhosts, and the table of what was found, which is printed at the end."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults import report
from tests.faults.trial import Found, Trial
from tests.faults.ways import RABBIT, WAYS, Way, is_asked
from tests.long_runs import ALL_FAULTS

HERE = Path(__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "measured"

_FOUND = pytest.StashKey[Found]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FOUND] = Found()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests by a way that is not asked for."""
    left_out = [each for each in items if HERE in each.path.parents and not is_asked(_way_of(each))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [each for each in items if each not in left_out]


def _way_of(item: pytest.Item) -> Way:
    """Those that do not say by which they are, are by RABBIT."""
    callspec = getattr(item, "callspec", None)
    way: Way = callspec.params.get("way", RABBIT) if callspec is not None else RABBIT
    return way


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the tables; with FAULTS=1, when every fault was there, write the page."""
    found = config.stash[_FOUND]
    for way in WAYS:
        if rows := found.rows[way.name]:
            terminalreporter.section(f"faults, by {way.name}")
            terminalreporter.write(report.table(rows))
            if ALL_FAULTS and {row.number for row in rows} >= way.faults:
                minutes = (time.monotonic() - found.began) / 60
                page = report.page(way, rows, found.tables, found.broker, minutes)
                (DOCS / way.page).write_text(page)
    for sentence, text in found.tables:
        terminalreporter.write(f"\n{sentence}:\n\n{text}")


@pytest.fixture
def found(request: pytest.FixtureRequest, rabbit: Rabbit) -> Found:
    """Where a test puts what it has found."""
    found = request.config.stash[_FOUND]
    if not found.broker:
        found.broker = rabbit.api("GET", "overview")["rabbitmq_version"]
    return found


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    """By which a test goes to the broker."""
    way: Way = getattr(request, "param", RABBIT)
    return way


@pytest.fixture
def trial(
    request: pytest.FixtureRequest, rabbit: Rabbit, way: Way, tmp_path: Path, found: Found
) -> Iterator[Trial]:
    """A fault, its stages and its tally."""
    vhost = way.vhost or request.getfixturevalue("vhost")
    with Trial(rabbit, way, vhost, tmp_path, found) as trial:
        yield trial

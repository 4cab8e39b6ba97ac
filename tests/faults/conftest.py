"""The node, its vhosts, and the table of what was found, which is printed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults import report
from tests.faults.trial import ALL, FAULTS, Found, Trial

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

_FOUND = pytest.StashKey[Found]()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.broker")
    config.stash[_FOUND] = Found()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the tables; with FAULTS=1, when every fault was there, write the page."""
    found = config.stash[_FOUND]
    if not (found.rows or found.tables):
        return
    terminalreporter.section("faults")
    terminalreporter.write(report.table(found.rows))
    for sentence, text in found.tables:
        terminalreporter.write(f"\n{sentence}:\n\n{text}")
    if ALL and {row.number for row in found.rows} >= FAULTS.keys():
        PAGE.write_text(report.page(found.rows, found.tables, found.broker))


@pytest.fixture
def found(request: pytest.FixtureRequest, rabbit: Rabbit) -> Found:
    """Where a test puts what it has found."""
    found = request.config.stash[_FOUND]
    if not found.broker:
        found.broker = rabbit.api("GET", "overview")["rabbitmq_version"]
    return found


@pytest.fixture
def trial(rabbit: Rabbit, vhost: str, tmp_path: Path, found: Found) -> Iterator[Trial]:
    """A fault, its stages and its tally."""
    with Trial(rabbit, vhost, tmp_path, found) as trial:
        yield trial

"""The runs of faults, and the table of their results, which is printed at the end."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults import report
from tests.faults.fault_run import FaultRun, Results
from tests.faults.tested_strategies import RABBIT, STRATEGIES, WEBHOOK, TestedStrategy, is_asked_for
from tests.long_runs import ALL_FAULTS
from tests.strategies.webhook_place import WebhookPlace

HERE = Path(__file__).parent
DOCS = Path(__file__).parents[2] / "docs" / "measured"

_RESULTS = pytest.StashKey[Results]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = Results()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of a strategy that is not asked for."""
    left_out = [
        item for item in items if HERE in item.path.parents and not is_asked_for(_strategy_of(item))
    ]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _strategy_of(item: pytest.Item) -> TestedStrategy:
    """The strategy of a test; RABBIT where the test names none."""
    callspec = getattr(item, "callspec", None)
    strategy: TestedStrategy = (
        RABBIT if callspec is None else callspec.params.get("strategy", RABBIT)
    )
    return strategy


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the tables; with FAULTS=1, when every fault was there, write the page."""
    results = config.stash[_RESULTS]
    for strategy in STRATEGIES:
        if rows := results.rows[strategy.name]:
            terminalreporter.section(f"faults of {strategy.name}")
            terminalreporter.write(report.table(rows))
            if ALL_FAULTS and {row.number for row in rows} >= strategy.faults:
                minutes = (time.monotonic() - results.began) / 60
                page = report.page(strategy, rows, results.tables, results.broker, minutes)
                (DOCS / strategy.page).write_text(page)
    for sentence, text in results.tables:
        terminalreporter.write(f"\n{sentence}:\n\n{text}")


@pytest.fixture
def results(request: pytest.FixtureRequest, rabbit: Rabbit) -> Results:
    """The results of all tests, to which a test adds its own."""
    results = request.config.stash[_RESULTS]
    if not results.broker:
        results.broker = rabbit.api("GET", "overview")["rabbitmq_version"]
    return results


@pytest.fixture
def strategy(request: pytest.FixtureRequest) -> TestedStrategy:
    """The strategy that a test sends by."""
    strategy: TestedStrategy = getattr(request, "param", RABBIT)
    return strategy


@pytest.fixture
def fault_run(
    request: pytest.FixtureRequest,
    rabbit: Rabbit,
    strategy: TestedStrategy,
    tmp_path: Path,
    results: Results,
) -> Iterator[FaultRun]:
    """A run of a fault."""
    with contextlib.ExitStack() as at_the_end:
        vhost, receiver = strategy.vhost, None
        if strategy is WEBHOOK:
            receiver = at_the_end.enter_context(WebhookPlace(tmp_path / "receiver"))
        elif not vhost:
            vhost = request.getfixturevalue("vhost")
        run = FaultRun(rabbit, strategy, vhost, tmp_path, results, receiver)
        yield at_the_end.enter_context(run)

"""Fixtures: the place where a strategy sends to, one strategy for it."""

from collections.abc import Callable, Iterator

import pytest

from glance_notify_middleware.strategies import Strategy
from tests.strategies.places import Place, RabbitPlace


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.broker")


@pytest.fixture(params=["rabbit"])
def place(request: pytest.FixtureRequest) -> Place:
    """For each strategy that there is."""
    vhost: str = request.getfixturevalue("vhost")
    return RabbitPlace(request.getfixturevalue("rabbit"), vhost)


@pytest.fixture
def strategy(place: Place) -> Iterator[Strategy]:
    strategy = place.strategy()
    yield strategy
    strategy.close()


@pytest.fixture
def frozen(place: Place) -> Iterator[Callable[[], None]]:
    """Call it to freeze the broker; after the test it goes on."""
    yield place.freeze
    place.thaw()

"""Fixtures: the place where a strategy sends to, one strategy for it."""

from collections.abc import Callable, Iterator

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from tests.strategies.places import PATIENCE, Place, RabbitPlace
from tests.strategies.qpid_place import QpidPlace


@pytest.fixture(params=["rabbit", "qpid"])
def place(request: pytest.FixtureRequest, rabbit: Node) -> Iterator[Place]:
    """For each strategy that there is."""
    if request.param == "rabbit":
        vhost: str = request.getfixturevalue("vhost")
        yield RabbitPlace(rabbit, vhost)
    else:
        with QpidPlace(rabbit) as place:
            yield place


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


Made = Callable[..., Qpid]


@pytest.fixture
def made() -> Iterator[Made]:
    """Makes strategies for a port, which are closed after the test."""
    strategies: list[Qpid] = []

    def make(port: int, patience: float = PATIENCE, **options: str) -> Qpid:
        strategy = Qpid(config.read({"qpid_hosts": f"127.0.0.1:{port}"} | options, "this-host"))
        strategy.connect_timeout = patience
        strategy._deadline.patience = patience
        strategies.append(strategy)
        return strategy

    yield make
    for strategy in strategies:
        strategy.close()

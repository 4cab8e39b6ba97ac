"""Fixtures: the broker of a strategy, and strategies for it."""

from collections.abc import Callable, Iterator

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from tests.strategies.places import Place
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import PATIENCE


@pytest.fixture(params=["rabbit", "qpid"])
def place(request: pytest.FixtureRequest, rabbit: Node) -> Iterator[Place]:
    """The broker of each built-in strategy."""
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
    """A function that freezes the broker. After the test the broker goes on."""
    yield place.freeze
    place.thaw()


MakeQpid = Callable[..., Qpid]


@pytest.fixture
def make_qpid() -> Iterator[MakeQpid]:
    """Makes qpid strategies for a port of loopback. They are closed after the test."""
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

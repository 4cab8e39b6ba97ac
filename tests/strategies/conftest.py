"""Fixtures: the broker of a strategy, and strategies for it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from tests.strategies.places import BrokerPlace, Place
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import PATIENCE
from tests.strategies.webhook_place import WebhookPlace


@pytest.fixture(params=["rabbit", "qpid", "webhook"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """The broker of each built-in strategy."""
    if request.param == "webhook":
        with WebhookPlace(tmp_path) as place:
            yield place
    else:
        with _at_node(request) as place:
            yield place


@pytest.fixture(params=["rabbit", "qpid"])
def broker_place(request: pytest.FixtureRequest) -> Iterator[BrokerPlace]:
    """The broker of each built-in strategy that has queues, and several hosts."""
    with _at_node(request) as place:
        yield place


@contextlib.contextmanager
def _at_node(request: pytest.FixtureRequest) -> Iterator[BrokerPlace]:
    node: Node = request.getfixturevalue("rabbit")
    if request.param == "rabbit":
        yield RabbitPlace(node, request.getfixturevalue("vhost"))
    else:
        with QpidPlace(node) as place:
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

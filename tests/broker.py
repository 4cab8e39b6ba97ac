"""Fixtures for tests that need a message broker: a RabbitMQ node, and a vhost on it.

They are a plugin of pytest, which tests/conftest.py loads for the folders that need a broker.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from demo.rabbit import Rabbit, missing


def need_rabbit() -> None:
    """Skip the test where RabbitMQ is not installed; with CI=true fail it."""
    reason = missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """The node that all tests share. A test that ends or freezes the node starts it again."""
    need_rabbit()
    plugins = ["rabbitmq_amqp1_0"]  # AMQP 1.0, at the same port, with another greeting
    with Rabbit(tmp_path_factory.mktemp("rabbit"), tls=True, plugins=plugins) as node:
        yield node


@pytest.fixture
def vhost(rabbit: Rabbit) -> Iterator[str]:
    """A vhost for one test, where guest may do everything."""
    name = f"test-{uuid.uuid4().hex}"
    rabbit.add_vhost(name)
    yield name
    rabbit.delete_vhost(name)

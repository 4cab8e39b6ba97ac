"""Fixtures for tests that need a message broker: a RabbitMQ node, and a vhost on it.

They are a plugin of pytest, which each package that needs them names in its conftest.py: imported
there instead, they would be other fixtures in each package, and each would start a node.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from demo.rabbit import Rabbit, missing


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """The one node of the test run. A test that ends or freezes it leaves it up."""
    reason = missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    plugins = ["rabbitmq_amqp1_0"]  # at the same port, after another greeting
    with Rabbit(tmp_path_factory.mktemp("rabbit"), tls=True, plugins=plugins) as node:
        yield node


@pytest.fixture
def vhost(rabbit: Rabbit) -> Iterator[str]:
    """A vhost for one test, where guest may do everything."""
    name = f"test-{uuid.uuid4().hex}"
    rabbit.add_vhost(name)
    yield name
    rabbit.delete_vhost(name)

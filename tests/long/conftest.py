"""Deployments that send to RabbitMQ."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults.deployment import Deployment
from tests.faults.tested_strategies import RABBIT

_SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit
rabbit_port = {port}
rabbit_virtual_host = {vhost}
create_queues = auto
rabbit_durable_queues = true
journal_dir = {journal}
"""


def rabbit_section(rabbit: Rabbit, vhost: str, journal: Path) -> str:
    """The section of a paste file for a filter that sends to a vhost."""
    return _SECTION.format(port=rabbit.port, vhost=vhost, journal=journal)


def rabbit_deployment(folder: Path, hosts: str, vhost: str, **options: str) -> Deployment:
    """A deployment that sends to RabbitMQ as guest; `options` are further lines of the section."""
    options |= RABBIT.lines(hosts=hosts, vhost=vhost, user="guest", password="guest")
    return Deployment(folder, **options)  # type: ignore[arg-type]


@pytest.fixture
def deployment(rabbit: Rabbit, vhost: str, tmp_path: Path) -> Iterator[Deployment]:
    """A journal, and the relay as a service of its own, which is not started yet."""
    deployment = rabbit_deployment(
        tmp_path / "deployment",
        f"127.0.0.1:{rabbit.port}",
        vhost,
        relay="external",
        journal_max_size="8GiB",
    )
    deployment.journal.mkdir(mode=0o700)
    yield deployment
    deployment.end()

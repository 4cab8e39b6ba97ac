"""The node, and what is left to `make long`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults.stage import Stage
from tests.faults.ways import RABBIT

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


def section_to(rabbit: Rabbit, vhost: str, journal: Path) -> str:
    """The lines of a paste file for a filter that sends to a vhost."""
    return _SECTION.format(port=rabbit.port, vhost=vhost, journal=journal)


def stage_to(folder: Path, hosts: str, vhost: str, **options: str) -> Stage:
    """One that sends to RabbitMQ as guest; `options` are more lines of the section."""
    options |= RABBIT.lines(hosts=hosts, vhost=vhost, user="guest", password="guest")
    return Stage(folder, **options)  # type: ignore[arg-type]


@pytest.fixture
def stage(rabbit: Rabbit, vhost: str, tmp_path: Path) -> Iterator[Stage]:
    """A journal, and the relay as a service of its own; not started yet."""
    stage = stage_to(
        tmp_path / "stage",
        f"127.0.0.1:{rabbit.port}",
        vhost,
        relay="external",
        journal_max_size="8GiB",
    )
    stage.journal.mkdir(mode=0o700)
    yield stage
    stage.end()

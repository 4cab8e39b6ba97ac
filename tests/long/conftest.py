"""The node, and what is left to `make long`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit
from tests.faults.stage import Stage
from tests.faults.ways import RABBIT

LONG = os.environ.get("LONG") == "1"
with_long = pytest.mark.skipif(not LONG, reason="takes long: make long")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.broker")


@pytest.fixture
def stage(rabbit: Rabbit, vhost: str, tmp_path: Path) -> Iterator[Stage]:
    """A journal, and the relay as a service of its own; not started yet."""
    lines = RABBIT.lines(
        hosts=f"127.0.0.1:{rabbit.port}", vhost=vhost, user="guest", password="guest"
    )
    stage = Stage(tmp_path / "stage", relay="external", journal_max_size="8GiB", **lines)
    stage.journal.mkdir(mode=0o700)
    yield stage
    stage.end()

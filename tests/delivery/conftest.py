"""A delivery that a test has in its hands; and, for relays, a journal and a broker."""

from pathlib import Path

import pytest

from glance_notify_middleware.delivery.hosting import Host
from tests.delivery.relays import Broker
from tests.delivery.support import Bench
from tests.journal.conftest import make_journal as make_journal


@pytest.fixture
def host() -> Host:
    """What hosts journals and relays in this process, for this test alone."""
    return Host()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def broker(tmp_path: Path) -> Broker:
    return Broker(tmp_path / "broker")


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path

"""Fixtures: a dispatcher in its harness, a host, a journal directory, a broker that is a file."""

from pathlib import Path

import pytest

from glance_notify_middleware.delivery.hosting import Host
from tests.delivery.dispatcher_harness import DispatcherHarness
from tests.delivery.file_broker import FileBroker
from tests.delivery.scripted_strategy import ScriptedConnectingStrategy
from tests.journal.conftest import make_journal as make_journal


@pytest.fixture
def host() -> Host:
    """What hosts journals and relays in this process, for this test alone."""
    return Host()


@pytest.fixture
def harness(tmp_path: Path) -> DispatcherHarness:
    return DispatcherHarness(tmp_path)


@pytest.fixture
def connecting(harness: DispatcherHarness) -> ScriptedConnectingStrategy:
    """The strategy of the harness, which can connect without a message."""
    strategy = ScriptedConnectingStrategy()
    harness.strategy = strategy
    harness.begin_again()
    return strategy


@pytest.fixture
def broker(tmp_path: Path) -> FileBroker:
    return FileBroker(tmp_path / "broker")


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir()
    return path

"""A relay gives signs of life to its service manager as long as its loop turns, and no longer."""

import errno
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.lane import Lane
from glance_notify_middleware.delivery.relay import Doing
from glance_notify_middleware.delivery.settling import Settling
from glance_notify_middleware.runtime.service_notify import ServiceNotify
from tests.delivery.file_broker import AppendingStrategy, FileBroker, make_relay
from tests.runtime.service_socket import ServiceSocket, folder_of_sockets

SILENCE = 0.3  # seconds; a relay that turns gives a sign each 0.02

StartRelay = Callable[[], threading.Thread]


@pytest.fixture
def manager() -> Iterator[ServiceSocket]:
    with folder_of_sockets() as folder, closing(ServiceSocket(folder / "notify")) as found:
        yield found


@pytest.fixture
def start_relay(
    journal_dir: Path,
    broker: FileBroker,
    manager: ServiceSocket,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[StartRelay]:
    """Starts a relay that reports to the service manager, in a thread; it is stopped at the end."""
    for name in ("_SURVEY_INTERVAL", "_STANDBY_POLL"):
        monkeypatch.setattr(f"glance_notify_middleware.delivery.relay.{name}", 0.02)
    relay = make_relay(journal_dir, lambda: AppendingStrategy(broker.path))
    service = ServiceNotify(manager.environment(watchdog=0.02))
    report = functools.partial(service.alive, is_ready=True)
    thread = threading.Thread(target=relay.run, args=(report,), daemon=True)

    def start() -> threading.Thread:
        thread.start()
        return thread

    yield start
    relay.stop()
    thread.join(5)


def test_relay_that_leads_gives_signs_of_life(
    start_relay: StartRelay, manager: ServiceSocket
) -> None:
    start_relay()
    manager.wait_for(f"STATUS={Doing.LEADING}")
    for _ in range(3):
        manager.read()
        manager.wait_for("WATCHDOG=1")


def test_relay_whose_survey_hangs_gives_no_sign_of_life(
    start_relay: StartRelay, manager: ServiceSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, may_go_on = threading.Event(), threading.Event()

    def survey(*_: object) -> None:
        if hangs.is_set():
            may_go_on.wait(5)

    monkeypatch.setattr(Settling, "survey", survey)
    start_relay()
    manager.wait_for("WATCHDOG=1")
    hangs.set()
    assert manager.falls_silent(SILENCE)
    may_go_on.set()
    manager.wait_for("WATCHDOG=1")


def test_relay_with_a_lane_that_hangs_with_the_journals_gives_no_sign_of_life(
    start_relay: StartRelay, manager: ServiceSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()

    def deliver_batch(lane: Lane, *_: object) -> bool:
        with lane._access.lock:
            may_go_on.wait(5)
        return False

    monkeypatch.setattr(Lane, "_deliver_batch", deliver_batch)
    start_relay()
    assert manager.falls_silent(SILENCE)
    may_go_on.set()
    manager.wait_for("WATCHDOG=1")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_relay_whose_thread_has_ended_gives_no_sign_of_life(
    start_relay: StartRelay, manager: ServiceSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def survey(*_: object) -> None:
        raise BaseException  # what nothing handles

    monkeypatch.setattr(Settling, "survey", survey)
    thread = start_relay()
    thread.join(30)
    assert not thread.is_alive()
    assert manager.is_silent(SILENCE)


def test_relay_that_stands_by_gives_signs_of_life(
    start_relay: StartRelay,
    manager: ServiceSocket,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glance_notify_middleware.journal.locks.try_lock", lambda fd: False)
    start_relay()
    manager.wait_for(f"STATUS={Doing.STANDING_BY}")
    manager.read()
    manager.wait_for("WATCHDOG=1")


def test_relay_that_begins_again_after_an_error_says_so(
    start_relay: StartRelay, manager: ServiceSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def try_lock(fd: int) -> bool:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("glance_notify_middleware.journal.locks.try_lock", try_lock)
    start_relay()
    manager.wait_for(f"STATUS={Doing.BEGINNING_AGAIN}")

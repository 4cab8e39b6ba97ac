"""A process reports to the service manager that started it (systemd)."""

import functools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.runtime.service_notify import ServiceNotify
from tests.runtime.service_socket import ServiceSocket, folder_of_sockets


@pytest.fixture
def path() -> Iterator[Path]:
    with folder_of_sockets() as folder:
        yield folder / "notify"


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, path: Path) -> Iterator[ServiceSocket]:
    abstract = f"@glance-notify-{uuid.uuid4().hex}"
    found = ServiceSocket(path if request.param == "path" else abstract)
    yield found
    found.close()


def test_process_reports_once_that_it_is_ready_and_each_change_of_its_status(
    manager: ServiceSocket,
) -> None:
    service = ServiceNotify(manager.environment())
    service.alive("begins", is_ready=False)
    service.alive("begins", is_ready=False)
    service.alive("leads", is_ready=True)
    service.alive("leads", is_ready=True)
    service.stopping()
    assert manager.read() == ["STATUS=begins", "READY=1", "STATUS=leads", "STOPPING=1"]


def test_process_reports_a_sign_of_life_each_half_of_the_interval(
    manager: ServiceSocket, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ServiceNotify(manager.environment(watchdog=60.0, pid=os.getpid()))
    signs = []
    for now in (1000.0, 1001.0, 1029.9, 1030.0, 1031.0, 1060.0):
        with monkeypatch.context() as patched:
            patched.setattr("time.monotonic", functools.partial(float, now))
            service.alive("leads", is_ready=True)
        signs.append("WATCHDOG=1" in manager.read())
    assert signs == [True, False, False, True, False, True]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "?"},
    ],
)
def test_process_that_no_watchdog_waits_for_reports_no_sign_of_life(
    more: dict[str, str], manager: ServiceSocket
) -> None:
    ServiceNotify(manager.environment() | more).alive("leads", is_ready=True)
    assert manager.read() == ["READY=1", "STATUS=leads"]


def test_process_that_no_service_manager_started_reports_nothing() -> None:
    service = ServiceNotify({"WATCHDOG_USEC": "1000000"})
    service.alive("leads", is_ready=True)
    service.stopping()


def test_what_could_not_be_reported_is_reported_at_the_next_turn(path: Path) -> None:
    service = ServiceNotify({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "60000000"})
    service.alive("leads", is_ready=True)
    manager = ServiceSocket(path)
    service.alive("leads", is_ready=True)
    assert manager.read() == ["READY=1", "STATUS=leads", "WATCHDOG=1"]
    manager.close()


def test_process_does_not_wait_for_a_service_manager_that_does_not_read(
    manager: ServiceSocket,
) -> None:
    service = ServiceNotify(manager.environment())
    for number in range(2000):  # more than a socket holds
        service.alive(f"leads {number}", is_ready=True)
    assert 0 < len(manager.read()) < 2000

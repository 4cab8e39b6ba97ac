"""etc/glance-notify-relay.service: systemd reads it, and the relay reports as it expects."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from demo.ports import free_port
from glance_notify_middleware.cli.app import COMMANDS
from glance_notify_middleware.config import OPTIONS
from glance_notify_middleware.delivery.relay import STOP_TIMEOUT, Doing
from tests.runtime.service_socket import ServiceSocket, folder_of_sockets
from tests.tools import tool

PATH = Path(__file__).parents[2] / "etc" / "glance-notify-relay.service"
MOST_EXPOSED = 2.0  # of 10; that of a service without any hardening is 9.6
PROGRAM = "import sys; from glance_notify_middleware.cli import main; sys.exit(main())"


def settings() -> Mapping[str, Sequence[str]]:
    """The values of each setting of the unit, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", PATH.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a command that exists on this machine."""
    path = tmp_path / PATH.name
    path.write_text(PATH.read_text().replace("/usr/bin/glance-notify", sys.executable))
    return path


def analyze(*arguments: str | Path) -> tuple[int, str]:
    """The exit status of systemd-analyze, and what it says of this unit."""
    command = [tool("systemd-analyze", "systemd"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    printed = (ended.stdout + ended.stderr).splitlines()
    return ended.returncode, "\n".join(line for line in printed if PATH.stem in line)


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    assert analyze("verify", unit) == (0, "")


def test_wrong_setting_is_found(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    _, said = analyze("verify", unit)
    assert "WatchDogSec" in said


def test_relay_is_exposed_little(unit: Path) -> None:
    _, said = analyze("security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= MOST_EXPOSED


def test_unit_has_what_the_relay_needs() -> None:
    found = settings()
    default = next(option.default for option in OPTIONS if option.name == "journal_dir")
    assert found["ReadWritePaths"] == [default]
    assert found["Type"] == ["notify"]
    assert found["NotifyAccess"] == ["main"]
    assert found["Restart"] == ["always"]
    _, command, *rest = found["ExecStart"][0].split()
    assert command in COMMANDS
    assert not rest  # the paste file is the one that Glance uses
    assert float(found["TimeoutStopSec"][0]) > STOP_TIMEOUT
    families = found["RestrictAddressFamilies"][0].split()
    assert families == ["AF_UNIX", "AF_INET", "AF_INET6"]  # the first one for systemd
    # It would hide the id of the boot (journal.origin) from the relay, and file systems.
    assert "ProcSubset" not in found


@pytest.fixture
def paste_file(tmp_path: Path) -> Path:
    """A paste file with a broker that is not there."""
    journal_dir = tmp_path / "journal"
    journal_dir.mkdir(mode=0o700)
    path = tmp_path / "paste.ini"
    path.write_text(
        "[filter:notify]\npaste.filter_factory = glance_notify_middleware:filter_factory\n"
        f"notifier_strategy = rabbit\nrabbit_host = 127.0.0.1\nrabbit_port = {free_port()}\n"
        f"journal_dir = {journal_dir}\nrelay = external\n"
    )
    return path


@contextmanager
def relay(paste_file: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "relay", str(paste_file)],
        env={**os.environ, **environment},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_relay_reports_that_it_leads_and_another_one_that_it_stands_by(
    paste_file: Path,
) -> None:
    with (
        folder_of_sockets() as folder,
        closing(ServiceSocket(folder / "first")) as first,
        closing(ServiceSocket(folder / "second")) as second,
        relay(paste_file, first.environment(watchdog=60)) as process,
    ):
        first.wait_for(f"STATUS={Doing.LEADING}")
        assert first.read() == ["READY=1", f"STATUS={Doing.LEADING}", "WATCHDOG=1"]
        with relay(paste_file, second.environment()):
            second.wait_for(f"STATUS={Doing.STANDING_BY}")
            assert second.read() == ["READY=1", f"STATUS={Doing.STANDING_BY}"]
        process.terminate()
        first.wait_for("STOPPING=1")
        assert process.wait(30) == 0

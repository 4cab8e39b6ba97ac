"""journal_when_full = refuse: operations are refused while their events could not be recorded.

The journal is maintained as it is in a server, by a thread that does so once a second.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.delivery.leader_watch import LeaderWatch
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.recorder import Recorder
from tests.delivery.file_broker import AppendingStrategy
from tests.journal.processes import eventually
from tests.wsgi.doubles import (
    FILE,
    FakeGlance,
    ListRecorder,
    Server,
    answering,
    environ,
    with_filter,
)

CREATED = FakeGlance(answering("201 Created", [b"{}"], [("Content-Length", "2")]))
CREATE = ("POST", "/v2/images")
MIB = 1024 * 1024

Serve = Callable[..., str]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def host() -> Host:
    """What hosts the journal of this process, for this test alone."""
    return Host()


@pytest.fixture
def serve(directory: Path, host: Host, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """A function that serves a request and returns the trace of its response.

    `refuse`: the operator chose journal_when_full = refuse. The maintenance thread outlives the
    test: it must not log in a later test that no relay runs.
    """
    monkeypatch.setattr(LeaderWatch, "check", lambda watch: None)
    recorders = {policy: _recorder(directory, policy, host) for policy in ("drop", "refuse")}
    eventually(lambda: bool(list(directory.glob("*.live"))))

    def one(method: str, path: str, *, refuse: bool) -> str:
        policy = "refuse" if refuse else "drop"
        app = with_filter(CREATED, recorders[policy], journal_when_full=policy)
        return repr(Server().serve(app, environ(method, path)).trace)

    return one


def _recorder(directory: Path, policy: str, host: Host) -> Recorder:
    section = {"notifier_strategy": "rabbit", "relay": "external", "journal_dir": str(directory)}
    chosen = config.read(
        section | {"journal_max_size": "1MiB", "journal_when_full": policy}, "this-host"
    )
    makers = {"rabbit": lambda: AppendingStrategy(directory / "broker")}
    assembly.prepare(chosen, makers, host)
    return assembly.recorder(chosen, makers, host)


@pytest.fixture
def journal(host: Host, serve: Serve) -> Journal:
    """The journal to which `serve` records."""
    (found,) = host.journals.all()
    return found


def fill(journal: Journal) -> None:
    (journal.directory / "backlog").write_bytes(bytes(MIB))
    eventually(lambda: journal.is_full)


def test_full_journal_refuses_operations_where_the_operator_chose_so(
    journal: Journal, serve: Serve
) -> None:
    fill(journal)
    before = len(CREATED.requests)
    assert "503 Service Unavailable" in serve(*CREATE, refuse=True)
    assert "503 Service Unavailable" in serve("GET", FILE, refuse=True)
    assert len(CREATED.requests) == before, "Glance must not see what is refused"


def test_request_without_an_event_is_not_refused(journal: Journal, serve: Serve) -> None:
    fill(journal)
    assert "201 Created" in serve("GET", "/v2/images", refuse=True)


def test_full_journal_drops_the_newest_by_default_and_logs_them_whole(
    journal: Journal, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    fill(journal)
    caplog.clear()
    assert "201 Created" in serve(*CREATE, refuse=False)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "the journal is full: notifications are lost" in line
    assert '"event_type":"image.create"' in line
    assert journal.counters()["dropped"] == {"full": 1}


def test_operations_go_on_when_there_is_room_again(journal: Journal, serve: Serve) -> None:
    fill(journal)
    (journal.directory / "backlog").unlink()
    eventually(lambda: "201 Created" in serve(*CREATE, refuse=True))


def test_journal_that_cannot_be_written_refuses_operations_until_it_can(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The operation that finds it out goes on; its notification is logged."""

    def no_write(fd: int, data: bytes) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    assert "201 Created" in serve(*CREATE, refuse=True)
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", no_write)
        caplog.clear()
        assert "201 Created" in serve(*CREATE, refuse=True)
        for _ in range(100):
            assert "503 Service Unavailable" in serve(*CREATE, refuse=True)
        lost = [record for record in caplog.records if "are lost" in record.getMessage()]
        assert len(lost) == 1
        assert "cannot be written: Read-only file system" in lost[0].getMessage()
    eventually(lambda: "201 Created" in serve(*CREATE, refuse=True))


def test_recorder_whose_refuses_raises_refuses_nothing() -> None:
    class UnsureRecorder(ListRecorder):
        """A recorder whose refuses() raises."""

        def refuses(self) -> bool:
            raise OSError("the disk is gone")

    recorder = UnsureRecorder()
    assert "201 Created" in repr(
        Server().serve(with_filter(CREATED, recorder), environ(*CREATE)).trace
    )
    assert recorder.events == ["image.create INFO"]

"""journal_when_full = refuse: what would be an event is refused while it could not be recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest

from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from tests.wsgi.support import FILE, PlaysGlance, Server, Told, answer, environ, watched

CREATED = PlaysGlance(answer("201 Created", [b"{}"], [("Content-Length", "2")]))
CREATE = ("POST", "/v2/images")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, max_size=64 * 1024)


def fill(journal: Journal) -> None:
    (journal.directory / "backlog").write_bytes(bytes(64 * 1024))
    journal.tend()


@pytest.fixture
def served(journal: Journal) -> Callable[..., list[object]]:
    def serve(method: str, path: str, *, refuse: bool) -> list[object]:
        recorder = JournalRecorder(lambda: journal, refuse_when_full=refuse)
        return Server().serve(watched(CREATED, recorder), environ(method, path)).trace

    return serve


def test_a_full_journal_refuses_where_the_operator_chose_so(
    journal: Journal, served: Callable[..., list[object]]
) -> None:
    fill(journal)
    before = len(CREATED.requests)
    assert "503 Service Unavailable" in repr(served(*CREATE, refuse=True))
    assert "503 Service Unavailable" in repr(served("GET", FILE, refuse=True))
    assert len(CREATED.requests) == before, "Glance must not see what is refused"


def test_what_is_no_event_is_not_refused(
    journal: Journal, served: Callable[..., list[object]]
) -> None:
    fill(journal)
    assert "201 Created" in repr(served("GET", "/v2/images", refuse=True))


def test_a_full_journal_drops_the_newest_by_default_and_logs_them_whole(
    journal: Journal,
    served: Callable[..., list[object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    fill(journal)
    assert "201 Created" in repr(served(*CREATE, refuse=False))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "the journal is full: notifications are lost" in line
    assert '"event_type":"image.create"' in line
    assert journal.counters()["dropped"] == {"full": 1}


def test_when_there_is_room_again_operations_go_on(
    journal: Journal, served: Callable[..., list[object]]
) -> None:
    fill(journal)
    (journal.directory / "backlog").unlink()
    journal.tend()
    assert "201 Created" in repr(served(*CREATE, refuse=True))


def test_a_recorder_that_cannot_say_whether_it_refuses_refuses_nothing() -> None:
    class Unsure(Told):
        """Fails when it is asked."""

        def refuses(self) -> bool:
            raise OSError("the disk is gone")

    told = Unsure()
    assert "201 Created" in repr(Server().serve(watched(CREATED, told), environ(*CREATE)).trace)
    assert told.events == ["image.create INFO"]

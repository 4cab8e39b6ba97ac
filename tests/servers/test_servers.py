"""The same requests to a real Glance under each server: their events, and what a server hides.

docs/guarantees.md has the rows of EVENTS in which the servers differ, word for word.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo import glance
from demo.glance import Server
from demo.keystone import Keystone
from tests.message_log import NotificationLog
from tests.servers.client import CHUNK, LAST_CHUNK, Client, chunked
from tests.servers.server_kinds import SERVERS

PAGE = Path(__file__).parents[2] / "docs" / "guarantees.md"

PIECES = [b"x" * CHUNK] * 16
HALF = PIECES[:8]
SIZE = 512 * CHUNK  # much more than waitress takes ahead of the client; also the limit of an image
READ = 16 * CHUNK  # bytes that the client reads before it hangs up

LENGTH = {"Content-Length": str(len(PIECES) * CHUNK)}
IN_CHUNKS = {"Transfer-Encoding": "chunked"}
UPLOADS = {
    "upload": (LENGTH, PIECES),
    "upload in chunks": (IN_CHUNKS, [*chunked(PIECES), LAST_CHUNK]),
    "upload of nothing": ({"Content-Length": "0"}, []),
    "upload with `Expect: 100-continue`": ({**LENGTH, "Expect": "100-continue"}, PIECES),
}
TOO_LARGE = [b"x" * CHUNK] * (SIZE // CHUNK + 1)
REFUSALS = {
    "upload of too much": ({"Content-Length": str(SIZE + CHUNK)}, TOO_LARGE),
    "upload of too much in chunks": (IN_CHUNKS, [*chunked(TOO_LARGE), LAST_CHUNK]),
}
HALVES = {"upload": (LENGTH, HALF), "upload in chunks": (IN_CHUNKS, chunked(HALF))}

NOTHING = "nothing"
PREPARED = "prepare INFO"
DONE = "prepare INFO, upload INFO, activate INFO"
REFUSED = "upload WARN"
BROKEN = "prepare INFO, upload ERROR"
WHOLE = "send INFO, all bytes"
PART = "send ERROR, a part"
EVENTS = {
    # case: the events under uWSGI, gunicorn and waitress
    "upload": (DONE, DONE, DONE),
    "upload in chunks": (DONE, DONE, DONE),
    "upload of nothing": (DONE, DONE, DONE),
    "upload with `Expect: 100-continue`": (DONE, DONE, DONE),
    "upload to an active image": (REFUSED, REFUSED, REFUSED),
    "upload in chunks to an active image": (REFUSED, REFUSED, REFUSED),
    "upload of too much": (BROKEN, BROKEN, BROKEN),
    "upload of too much in chunks": (BROKEN, BROKEN, BROKEN),
    "half of an upload has come": (PREPARED, PREPARED, NOTHING),
    "half of an upload in chunks has come": (NOTHING, PREPARED, NOTHING),
    "upload, reset half-way": (BROKEN, BROKEN, NOTHING),
    "upload in chunks, reset half-way": (BROKEN, BROKEN, NOTHING),
    "download": (WHOLE, WHOLE, WHOLE),
    "download, hung up half-way": (PART, PART, PART),
}


class LogWatch:
    """The notifications in a log file, as they come."""

    def __init__(self, log: Path) -> None:
        self._log = NotificationLog(log)

    def new(self, expected: str = NOTHING) -> str:
        """The events since the last call, in words; waits until there are as many as expected."""
        count = sum(expected.count(priority) for priority in ("INFO", "WARN", "ERROR"))
        if not count:
            time.sleep(0.3)  # a later event is found with the next case, or at the end
        new = self._log.wait_for(count, 30)
        return ", ".join(_in_words(notification) for notification in new) or NOTHING


def _in_words(notification: dict[str, Any]) -> str:
    event_type, priority = notification["event_type"], notification["priority"]
    words = f"{event_type.removeprefix('image.')} {priority}"
    if event_type != "image.send":
        return words
    sent = notification["payload"]["bytes_sent"]
    if sent == SIZE:
        return f"{words}, all bytes"
    return f"{words}, a part" if READ - CHUNK <= sent < SIZE else f"{words}, {sent} bytes"


class Cases:
    """Plays all cases to a server; `events` has the events of each case."""

    def __init__(self, client: Client, watch: LogWatch, column: int) -> None:
        self.events: dict[str, str] = {}
        self._client = client
        self._watch = watch
        self._column = column

    def play(self) -> None:
        client = self._client
        for case, (headers, body) in UPLOADS.items():
            assert client.put(self._image(), headers, body) == 204
            self._look(case)
        active = self._image(b"x" * SIZE)
        for case in ("upload", "upload in chunks"):
            assert client.put(active, *UPLOADS[case]) in (409, None)
            self._look(f"{case} to an active image")
        for case, (headers, body) in REFUSALS.items():
            assert client.put(self._image(), headers, body) in (413, None)
            self._look(case)
        for case, (headers, body) in HALVES.items():
            with client.half_put(self._image(), headers, body):
                name = case.replace("upload", "half of an upload") + " has come"
                on_the_way = self._look(name)
            self._look(f"{case}, reset half-way", on_the_way)
        assert client.download(active) == SIZE
        self._look("download")
        assert READ <= client.download(active, READ) < SIZE
        self._look("download, hung up half-way")

    def _image(self, data: bytes | None = None) -> str:
        image = self._client.image(data)
        expected = "create INFO" if data is None else f"create INFO, {DONE}"
        assert self._watch.new(expected) == expected
        return image

    def _look(self, case: str, before: str = NOTHING) -> str:
        """The events of a case, behind those `before`."""
        expected = EVENTS[case][self._column]
        if before == NOTHING:
            self.events[case] = self._watch.new(expected)
        else:
            new = self._watch.new(expected.removeprefix(f"{before}, "))
            self.events[case] = f"{before}, {new}"
        return self.events[case]


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, Keystone]]:
    """A folder, the configuration of a Glance in it, and its Keystone."""
    folder = tmp_path_factory.mktemp("servers")
    with Keystone() as keystone:
        limit = f"image_size_cap = {SIZE}"
        yield folder, glance.lay_out(folder, keystone.url, default=limit), keystone


@pytest.mark.parametrize("name", SERVERS)
def test_each_server_has_the_expected_events(
    name: str, laid_out: tuple[Path, Path, Keystone], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, configuration, keystone = laid_out
    log = folder / f"{name}.notifications"
    section = f"{glance.NOTIFY_SECTION}log_file = {log}\n"
    (configuration / "glance-api-paste.ini").write_text(glance.paste_file(section=section))
    watch = LogWatch(log)
    column = list(SERVERS).index(name)
    with Server(configuration, folder / f"{name}.log", processes=1, kind=SERVERS[name]) as server:
        cases = Cases(Client(server, keystone), watch, column)
        cases.play()
    assert cases.events == {case: events[column] for case, events in EVENTS.items()}
    assert watch.new() == NOTHING  # no event came too late
    with capsys.disabled():
        print(f"\nUnder {name}:")
        for case, events in cases.events.items():
            print(f"  {case:<38} {events}")


def test_guarantees_page_has_the_rows_that_differ() -> None:
    page = PAGE.read_text()
    for case, events in EVENTS.items():
        differs = len(set(events)) > 1
        assert (f"| {' | '.join((case, *events))} |" in page) == differs, case

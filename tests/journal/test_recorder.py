"""What requests leave in the journal: an answer as it is, unless it holds a location."""

import json
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.recorder import NotRecordedError
from tests.journal.sample_journals import GIB, MakeJournal, read, segments
from tests.wsgi.doubles import RECORD, Server, answering, environ, with_filter

SECRET = "swift://user:canary@store/container"
LOCATIONS = {"locations": [{"url": SECRET, "metadata": {}}]}


def create(recorder: JournalRecorder, record: dict[str, Any]) -> None:
    app = answering("201 Created", [json.dumps(record).encode()])
    Server().serve(with_filter(app, recorder), environ("POST", "/v2/images"))


def recorder_to(journal: Journal) -> JournalRecorder:
    return JournalRecorder(lambda: journal, refuse_when_full=False)


@pytest.mark.parametrize(
    ("more", "is_stored_as_it_is"),
    [({}, True), (LOCATIONS, False), ({"direct_url": SECRET}, False)],
    ids=["no location", "locations", "direct_url"],
)
def test_answer_is_stored_as_it_is_unless_it_holds_a_location(
    more: dict[str, Any], is_stored_as_it_is: bool, make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    create(recorder_to(journal), {**RECORD, "schema": "/v2/schemas/image", **more})
    stored = b"".join(path.read_bytes() for path in segments(tmp_path))
    assert (b"/v2/schemas/image" in stored) is is_stored_as_it_is
    assert b"canary" not in stored
    (message,) = (each for step in read(tmp_path) for each in step.messages)
    assert message.event_type == "image.create"
    payload = json.loads(message.body)["payload"]
    assert (payload["id"], payload["owner"]) == (RECORD["id"], RECORD["owner"])
    assert b"canary" not in message.body
    assert b"schema" not in message.body
    assert journal.counters()["recorded"] == {"image.create INFO": 1}


def test_deferred_notification_that_cannot_be_written_is_dropped_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path / "missing" / "directory", max_size=GIB)
    create(recorder_to(journal), {**RECORD, "name": "the-lost-one"})
    (line,) = (each for each in caplog.messages if "notifications are lost" in each)
    lost = json.loads(line.partition("notifications are lost: ")[2].splitlines()[0])
    assert (lost["event_type"], lost["payload"]["name"]) == ("image.create", "the-lost-one")
    assert NotRecordedError.__name__ in line
    assert journal.counters()["dropped"] == {"disk": 1}

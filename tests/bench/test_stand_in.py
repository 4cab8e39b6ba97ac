"""The application in the place of Glance is a WSGI application that a filter sees events of."""

import json
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIEnvironment

import pytest

from bench.stand_in import RECORD, REQUESTS, SMALL, play, request, stand_in
from glance_notify_middleware import filter_factory

EVENTS = {
    **{"list": [], "show": [], "create": ["image.create"], "patch": ["image.update"]},
    **{"tag": ["image.update"], "download": ["image.send"]},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_filter_makes_the_events_of_each_request(name: str, tmp_path: Path) -> None:
    events = _events(REQUESTS[name](), tmp_path)
    assert [event["event_type"] for event in events] == EVENTS[name]
    for event in events:
        assert event["priority"] == "INFO"
        assert event["_context_project_id"] == RECORD["owner"]
    if name == "download":
        assert events[0]["payload"]["bytes_sent"] == SMALL
        assert events[0]["payload"]["owner_id"] == RECORD["owner"]


def test_upload_is_read_whole(tmp_path: Path) -> None:
    path = f"/v2/images/{RECORD['id']}/file"
    environ = request("PUT", path, bytes(100_000), "application/octet-stream")()
    play(stand_in(), environ)
    assert environ["wsgi.input"].read() == b""


def _events(environ: WSGIEnvironment, folder: Path) -> list[dict[str, Any]]:
    log = folder / "log"
    log.touch()
    play(filter_factory({}, notifier_strategy="logging", log_file=str(log))(stand_in()), environ)
    return [json.loads(line[line.index("{") :]) for line in log.read_text().splitlines()]

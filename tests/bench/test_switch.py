"""The filter by which each request of the benchmark chooses its way."""

from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from bench.stand_in import IMAGE, REQUESTS, MakeEnviron, play, request, stand_in
from bench.switch import HEADER, WITH_FILTER, WITH_LOOK_UP, filter_factory

LOOK_UP = [f"GET /v2/images/{IMAGE}"]
UPLOAD = request("PUT", f"/v2/images/{IMAGE}/file", b"data")


@pytest.mark.parametrize(
    ("way", "make", "look_ups", "events"),
    [
        (WITH_LOOK_UP, REQUESTS["tag"], LOOK_UP, 0),
        (WITH_LOOK_UP, UPLOAD, LOOK_UP, 0),
        (WITH_LOOK_UP, REQUESTS["create"], [], 0),
        (WITH_LOOK_UP, REQUESTS["download"], [], 0),
        (WITH_FILTER, REQUESTS["create"], [], 1),
        (WITH_FILTER, REQUESTS["tag"], LOOK_UP, 1),
        ("neither", REQUESTS["create"], [], 0),
        ("neither", REQUESTS["tag"], [], 0),
    ],
)
def test_request_takes_the_way_that_its_header_names(
    way: str, make: MakeEnviron, look_ups: list[str], events: int, tmp_path: Path
) -> None:
    seen = []
    glance = stand_in()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return glance(environ, start_response)

    log = tmp_path / "log"
    log.touch()
    environ = make() | {f"HTTP_{HEADER.upper().replace('-', '_')}": way}
    lines = {"notifier_strategy": "logging", "log_file": str(log)}
    play(filter_factory({}, **lines)(app), environ)
    assert seen == [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", *look_ups]
    assert len(log.read_text().splitlines()) == events

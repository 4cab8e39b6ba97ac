"""The filter that the benchmark takes for the cost of one look-up."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from bench.look_up import filter_factory
from bench.stand_in import IMAGE, REQUESTS, MakeEnviron, play, request, stand_in


@pytest.mark.parametrize(
    ("make", "look_ups"),
    [
        (REQUESTS["tag"], [f"GET /v2/images/{IMAGE}"]),
        (request("PUT", f"/v2/images/{IMAGE}/file", b"data"), [f"GET /v2/images/{IMAGE}"]),
        (REQUESTS["create"], []),
        (REQUESTS["download"], []),
    ],
)
def test_tag_and_upload_have_one_look_up(make: MakeEnviron, look_ups: list[str]) -> None:
    seen = []
    glance = stand_in()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return glance(environ, start_response)

    environ = make()
    play(filter_factory({})(app), environ)
    assert seen == [f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", *look_ups]

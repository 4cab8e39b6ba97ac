"""The server sees the same with the filter as without it: every call, in the same order."""

import copy
import gc
import io
import itertools
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.validate import validator

import pytest
from paste.lint import middleware as lint
from webob import Request

from glance_notify_middleware.wsgi import request_input
from tests.wsgi.doubles import (
    FILE,
    IMAGE,
    FakeGlance,
    ListRecorder,
    Server,
    answering,
    environ,
    with_filter,
)

PLAIN = [("Content-Type", "text/plain"), ("X-Order", "1"), ("X-Order", "2")]
LENGTH = [*PLAIN, ("Content-Length", "10")]

REQUESTS = [
    ("GET", FILE),
    ("PUT", FILE),
    ("POST", "/v2/images"),
    ("PATCH", f"/v2/images/{IMAGE}"),
    ("DELETE", f"/v2/images/{IMAGE}"),
    ("POST", f"/v2/images/{IMAGE}/actions/deactivate"),
    ("DELETE", f"/v2/images/{IMAGE}/members/bob"),
    ("HEAD", FILE),
    ("GET", "/v2/schemas/image"),
]


class Body:
    """An iterable whose close is in the trace; it may raise half-way, or in close."""

    def __init__(self, trace: list[Any], chunks: Iterable[bytes], fails: str = "") -> None:
        self._trace = trace
        self._chunks = chunks
        self._fails = fails

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._trace.append("made")
            yield chunk
        if self._fails == "end":
            raise OSError("the store broke")

    def close(self) -> None:
        self._trace.append("closed")
        if self._fails == "close":
            raise OSError("close broke")


Make = Callable[[list[Any]], WSGIApplication]


def raises(_: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise ValueError("before the answer")

    return app


def raises_after_start(_: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        raise ValueError("after the start")

    return app


def starts_lazily(trace: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        trace.append("called")
        start_response("200 OK", list(PLAIN))
        yield b"01234"
        trace.append("asked again")
        yield b"56789"

    return app


def writes(_: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", list(LENGTH))
        write(b"0123")
        write(b"45")
        return [b"6789"]

    return app


def replaces_its_start(_: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", list(PLAIN))
        try:
            raise ValueError("half-way")
        except ValueError:
            start_response("500 Oops", list(PLAIN), exc_info=sys.exc_info())  # type: ignore[call-arg]
        return [b"oops"]

    return app


def reads_its_input(trace: list[Any]) -> WSGIApplication:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        trace.append((body.read(1), body.read(2), body.readline(), list(body), body.readlines()))
        trace.append(body.tell())
        start_response("200 OK", list(PLAIN))
        return [b"ok"]

    return app


def answering_in_chunks(
    status: str, headers: list[tuple[str, str]], *chunks: bytes, fails: str = ""
) -> Make:
    def make(trace: list[Any]) -> WSGIApplication:
        return answering(status, Body(trace, chunks, fails), headers)

    return make


def answering_with_list(status: str, headers: list[tuple[str, str]], *chunks: bytes) -> Make:
    return lambda _: answering(status, list(chunks), headers)


APPS: dict[str, Make] = {
    "raises": raises,
    "raises after its start": raises_after_start,
    "starts lazily": starts_lazily,
    "writes": writes,
    "replaces its start": replaces_its_start,
    "reads its input": reads_its_input,
    "200": answering_in_chunks("200 OK", LENGTH, b"01234", b"56789"),
    "200 without length": answering_in_chunks("200 OK", PLAIN, b"01234", b"56789"),
    "206": answering_in_chunks("206 Partial Content", LENGTH, b"01234", b"56789"),
    "an empty 200": answering_in_chunks("200 OK", [("Content-Length", "0")]),
    "empty chunks": answering_in_chunks("200 OK", LENGTH, b"", b"0123456789", b""),
    "204": answering_in_chunks("204 No Content", []),
    "304": answering_in_chunks("304 Not Modified", [("ETag", "x")]),
    "404": answering_in_chunks("404 Not Found", PLAIN, b"not found"),
    "500": answering_in_chunks("500 Oops", PLAIN, b"oops"),
    "too few": answering_in_chunks("200 OK", LENGTH, b"0123"),
    "too many": answering_in_chunks("200 OK", LENGTH, b"0123456789", b"more"),
    "the body raises": answering_in_chunks("200 OK", LENGTH, b"0123", fails="end"),
    "close raises": answering_in_chunks("200 OK", LENGTH, b"0123456789", fails="close"),
    "a list": answering_with_list("200 OK", LENGTH, b"01234", b"56789"),
    "an empty list": answering_with_list("204 No Content", []),
    "a list that is a refusal": answering_with_list("403 Forbidden", PLAIN, b"no"),
    "a bad status line": answering_with_list("what?", PLAIN, b"?"),
}


@pytest.mark.parametrize("chunks", [None, 0, 1])
@pytest.mark.parametrize("request_line", REQUESTS, ids=" ".join)
@pytest.mark.parametrize("name", APPS)
def test_server_sees_the_same_with_and_without_the_filter(
    name: str, request_line: tuple[str, str], chunks: int | None
) -> None:
    traces = []
    for is_filtered in (False, True):
        server = Server(chunks)
        app = APPS[name](server.trace)
        if is_filtered:
            app = with_filter(FakeGlance(app), ListRecorder(), image_delete_payload="metadata")
        server.serve(app, environ(*request_line, body=b"ab\ncd\nef\ngh\n"))
        traces.append(server.trace)
    assert traces[0] == traces[1]


def test_lazy_body_is_asked_for_no_more_than_the_server_asks_for() -> None:
    endless = itertools.repeat(b"x" * 65536)
    server = Server(3).serve(
        with_filter(answering("200 OK", endless), ListRecorder()), environ("GET", FILE)
    )
    assert [step[0] for step in server.trace if step[0] == "chunk"] == ["chunk"] * 3


def test_start_response_is_passed_on_before_the_first_chunk_is_asked_for() -> None:
    server = Server(0)
    with_filter(answering("200 OK", iter([b"x"])), ListRecorder())(
        environ("GET", FILE), server._start_response
    )
    assert server.trace == [("start", "200 OK", [], None)]


@pytest.mark.parametrize(
    "request_line",
    [("GET", "/v2/images"), ("GET", "/v2/schemas/image"), ("HEAD", FILE)],
    ids=" ".join,
)
def test_request_in_no_table_gets_the_applications_own_iterable(
    request_line: tuple[str, str],
) -> None:
    body = [b"mine"]
    seen: list[Any] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.extend((environ, dict(environ), start_response))
        return body

    given = environ(*request_line)
    before = dict(given)
    start_response = Server()._start_response
    assert with_filter(app, ListRecorder())(given, start_response) is body
    assert seen[0] is given
    assert seen[1] == before
    assert seen[2] is start_response


def test_operation_whose_events_are_all_disabled_is_not_touched() -> None:
    body = [b"mine"]
    app = with_filter(
        answering("200 OK", body), ListRecorder(), disabled_notifications="image.send"
    )
    assert app(environ("GET", FILE), Server()._start_response) is body


@pytest.mark.parametrize("request_line", REQUESTS, ids=" ".join)
@pytest.mark.parametrize("checker", [lint, validator], ids=["paste.lint", "wsgiref.validate"])
def test_wsgi_lints_find_nothing_above_and_below_the_filter(
    checker: Callable[[WSGIApplication], WSGIApplication], request_line: tuple[str, str]
) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(4)
        head = environ["REQUEST_METHOD"] == "HEAD"
        headers = [("Content-Type", "text/plain"), ("Content-Length", "0" if head else "2")]
        start_response("200 OK", headers)
        return iter([] if head else [b"ok"])

    linted = checker(with_filter(checker(app), ListRecorder()))
    server = Server().serve(linted, environ(*request_line, body=b"abcd"))
    assert "exhausted" in server.trace, server.trace


def test_input_that_is_an_iterator_stays_one() -> None:
    seen: list[Any] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"]
        seen.extend((hasattr(body, "read"), next(body), list(body)))
        start_response("204 No Content", [])
        return []

    recorder = ListRecorder()
    given = {**environ("PUT", FILE), "wsgi.input": iter([b"ab", b"cd"])}
    Server().serve(with_filter(FakeGlance(app), recorder), given)
    assert seen == [False, b"ab", [b"cd"]]
    assert recorder.events == ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]


def look_at_input(
    look: Callable[[Any], Any], given: Any, recorder: ListRecorder, status: str = "204 No Content"
) -> Any:
    """What `look` returns of the input that the application of an upload is given."""
    seen: list[Any] = []

    def upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(look(environ["wsgi.input"]))
        start_response(status, [])
        return []

    Server().serve(
        with_filter(FakeGlance(upload), recorder), {**environ("PUT", FILE), "wsgi.input": given}
    )
    return seen[0]


class ReadOnlyInput:
    """An input that has read() and a colour, and nothing else."""

    color = "red"

    def read(self, size: int = -1) -> bytes:
        return b""


class BufferInput(io.RawIOBase):
    """An input that is read into buffers."""

    def __init__(self, data: bytes = b"data") -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._data.readinto(buffer)


def test_input_keeps_its_methods_and_gets_no_others() -> None:
    names = ("read", "readline", "seek", "__iter__", "__next__", "color")
    able = look_at_input(
        lambda body: [hasattr(body, name) for name in names], ReadOnlyInput(), ListRecorder()
    )
    assert able == [True, False, False, False, False, True]
    lines = io.BytesIO(b"a\nb\n")
    assert look_at_input(lambda body: (body.readline(), list(body)), lines, ListRecorder()) == (
        b"a\n",
        [b"b\n"],
    )


@pytest.mark.parametrize("size", [4, -1], ids=["readinto", "readall"])
def test_input_read_through_a_buffer_is_counted(size: int) -> None:
    recorder = ListRecorder()
    read = look_at_input(
        lambda body: io.BufferedReader(body).read(size), BufferInput(), recorder, "413 Too Large"
    )
    assert read == b"data"
    assert recorder.events == ["image.prepare INFO", "image.upload ERROR"]


def test_input_read_in_lines_is_counted() -> None:
    recorder = ListRecorder()
    lines = io.BytesIO(b"a\nb\n")
    assert look_at_input(lambda body: body.readlines(), lines, recorder, "413 Too Large") == [
        b"a\n",
        b"b\n",
    ]
    assert recorder.events == ["image.prepare INFO", "image.upload ERROR"]


def test_empty_input_read_into_a_buffer_counts_as_unread() -> None:
    recorder = ListRecorder()
    empty = BufferInput(b"")
    assert (
        look_at_input(lambda body: body.readinto(bytearray(8)), empty, recorder, "409 Conflict")
        == 0
    )
    assert recorder.events == ["image.upload WARN"]


def test_tally_keeps_no_more_of_a_body_than_asked_for() -> None:
    given = {"wsgi.input": io.BytesIO(b"x" * 1000)}
    tally = request_input.watch_input(given, lambda: None, 10)
    given["wsgi.input"].read()
    assert (tally.bytes_read, tally.head) == (1000, b"x" * 10)


@pytest.mark.parametrize("seen", [True, False], ids=["at the first read", "never"])
def test_reads_are_looked_at_until_enough_is_seen(seen: bool) -> None:
    reported: list[int] = []

    def on_read() -> bool:
        reported.append(tally.bytes_read)
        return seen

    given = {"wsgi.input": io.BytesIO(b"x" * 40)}
    tally = request_input.watch_input(given, on_read, 25)
    while given["wsgi.input"].read(10):
        pass
    assert reported == ([10] if seen else [10, 20, 30, 40, 40])
    assert (tally.bytes_read, tally.is_watched) == ((30, False) if seen else (40, True))
    assert tally.head == b"x" * 25


def test_body_is_cut_once_more_was_read_than_is_kept() -> None:
    given = {"wsgi.input": io.BytesIO(b"x" * 20)}
    tally = request_input.watch_input(given, lambda: True, 10)
    given["wsgi.input"].read(10)
    assert not tally.is_cut
    given["wsgi.input"].read(10)
    assert tally.is_cut


def frames(call: Callable[[], object]) -> int:
    """How many Python frames are entered below `call`."""
    entered: list[str] = []
    sys.setprofile(lambda frame, event, _: entered.append(event))
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered.count("call") - 1  # that of `call`


def test_read_of_an_upload_costs_one_frame_once_image_prepare_is_emitted() -> None:
    seen: list[int] = []

    def look(body: Any) -> None:
        body.read(65)  # more than is kept
        seen.append(frames(lambda: body.read(10)))

    look_at_input(look, io.BytesIO(b"x" * 100), ListRecorder())
    assert seen == [1]


def test_chunk_of_a_download_costs_one_frame_after_the_first() -> None:
    app = with_filter(FakeGlance(answering("200 OK", iter([b"x"] * 4))), ListRecorder())
    body = iter(app(environ("GET", FILE), Server()._start_response))
    next(body)
    next(body)
    assert frames(lambda: next(body)) == 1


def test_input_is_read_with_the_size_that_the_application_gives() -> None:
    class Input:
        """An input that keeps with what it was read."""

        def __init__(self) -> None:
            self.sizes: list[Any] = []

        def read(self, *size: int) -> bytes | None:
            self.sizes.append(size)
            return None  # nothing is there yet

    def look(body: Any) -> list[Any]:
        return [body.read(), body.read(5), body.read(-1), body.read(size=0)]

    given = Input()
    assert look_at_input(look, given, ListRecorder()) == [None] * 4
    assert given.sizes == [(), (5,), (-1,), (0,)]


def test_input_can_be_copied() -> None:
    assert (
        look_at_input(lambda body: copy.copy(body).read(), io.BytesIO(b"data"), ListRecorder())
        == b"data"
    )


def test_buffer_of_a_webob_filter_above_is_not_lost() -> None:
    data = bytes(range(256)) * 80
    read: list[bytes] = []

    def upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        read.append(Request(environ).body_file.read())
        start_response("204 No Content", [])
        return []

    recorder = ListRecorder()
    inner = with_filter(FakeGlance(upload), recorder)

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert Request(environ).body_file.read(0) == b""  # WebOb has made its buffer
        environ["webob._body_file"][0].peek(4)
        return inner(environ, start_response)

    Server().serve(outer, environ("PUT", FILE, data))
    assert read == [data]
    assert recorder.events == ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]


@pytest.mark.parametrize("before", [0, 4], ids=["buffered below", "buffered above"])
@pytest.mark.parametrize("below", [0, 10], ids=["unread", "read"])
def test_webob_filter_above_can_read_the_rest_after_the_application(
    before: int, below: int
) -> None:
    data = bytes(range(256)) * 80
    read: list[bytes] = []

    def refuses(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if below:
            read.append(Request(environ).body_file.read(below))
        start_response("409 Conflict", [])
        return []

    recorder = ListRecorder()
    inner = with_filter(FakeGlance(refuses), recorder)

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if before:
            read.append(Request(environ).body_file.read(before))
        list(inner(environ, start_response))
        buffer, _ = environ.get("webob._body_file", (None, None))
        assert not isinstance(buffer, request_input.WatchedInput)
        read.append(Request(environ).body_file.read())
        return []

    server = Server().serve(outer, environ("PUT", FILE, data))
    assert b"".join(read) == data, server.trace
    refused = ["image.prepare INFO", "image.upload ERROR"] if below else ["image.upload WARN"]
    assert recorder.events == refused


def test_application_can_read_on_while_its_response_is_sent() -> None:
    data = b"x" * 20_000
    read: list[bytes] = []

    def lazy(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        read.append(Request(environ).body_file.read(10))
        start_response("204 No Content", [])

        def body() -> Iterator[bytes]:
            read.append(Request(environ).body_file.read())
            yield b""

        return body()

    Server().serve(with_filter(FakeGlance(lazy), ListRecorder()), environ("PUT", FILE, data))
    assert b"".join(read) == data


def test_headers_that_are_no_list_reach_the_server_unchanged() -> None:
    def app(environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", iter([("Content-Length", "1")]))
        return [b"x"]

    server = Server().serve(with_filter(app, ListRecorder()), environ("GET", FILE))
    assert server.trace[0] == ("start", "200 OK", [("Content-Length", "1")], None)


def test_filter_leaves_nothing_in_the_environ_and_keeps_nothing_alive() -> None:
    given = environ("PUT", FILE, b"data")
    body_file = given["wsgi.input"]
    Server().serve(with_filter(FakeGlance(reads_its_input([])), ListRecorder()), given)
    assert given["wsgi.input"] is body_file

    class Chunks(list[bytes]):
        pass

    gc.collect()
    gc.disable()
    try:
        body_file = io.BytesIO(b"data")
        alive: weakref.ref[Any] = weakref.ref(body_file)
        given = environ("PUT", FILE) | {"wsgi.input": body_file}
        Server().serve(with_filter(FakeGlance(reads_its_input([])), ListRecorder()), given)
        del body_file, given
        assert alive() is None
        chunks = Chunks([b"0123456789"])
        alive = weakref.ref(chunks)
        Server().serve(
            with_filter(FakeGlance(answering("200 OK", chunks)), ListRecorder()),
            environ("GET", FILE),
        )
        del chunks
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("request_line", [("GET", FILE), ("POST", "/v2/images")], ids=" ".join)
def test_body_with_a_length_keeps_it(request_line: tuple[str, str]) -> None:
    class Sized(Body):
        def __len__(self) -> int:
            return 1

    app = with_filter(FakeGlance(answering("200 OK", Sized([], [b"{}"]))), ListRecorder())
    body = app(environ(*request_line), Server()._start_response)
    assert len(body) == 1  # type: ignore[arg-type]

"""The filter that writes down the processor time of each request."""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from bench.stand_in import REQUESTS, play
from bench.thread_time import ThreadTimes, filter_factory

SPENT, WAITED = 0.02, 0.2
"""Seconds of processor time, and of sleep."""


def spend(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """An application that takes SPENT in the call and in its body, which waits, too."""
    start_response("200 OK", [])
    _spend()
    return _body()


def _body() -> Iterator[bytes]:
    _spend()
    time.sleep(WAITED)
    yield b"data"


def _spend() -> None:
    until = time.thread_time() + SPENT
    while time.thread_time() < until:
        pass


def test_processor_time_of_call_and_body_is_written_without_its_waits(tmp_path: Path) -> None:
    log = tmp_path / "thread_times"
    app = filter_factory({}, str(log))(spend)
    times = ThreadTimes(log)
    for _ in range(2):
        play(app, REQUESTS["list"]())
        assert 2 * SPENT * 1e6 <= times.next() < WAITED * 1e6


def test_request_that_is_never_written_is_waited_for_to_an_end(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(TimeoutError):
        ThreadTimes(tmp_path / "log", patience=0.01).next()

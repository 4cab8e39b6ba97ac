"""caplog has what a test has had logged, and nothing of the tests before it."""

import logging
import threading
from collections.abc import Iterator

import pytest

from tests.runtime.logged import logged_lines

Ended = threading.Event
"""Set when a thread is to log its line and end."""


@pytest.fixture(scope="module")
def earlier_thread() -> Iterator[tuple[threading.Thread, Ended]]:
    """A thread that runs before the test."""
    is_to_end = Ended()
    thread = threading.Thread(target=_log_at_end, args=(is_to_end,))
    thread.start()
    yield thread, is_to_end
    is_to_end.set()
    thread.join()


def _log_at_end(is_to_end: Ended) -> None:
    is_to_end.wait()
    logging.getLogger("paste.httpserver").error("a line of a thread")


def test_line_of_a_thread_that_ends_in_a_later_test_is_left_out(
    earlier_thread: tuple[threading.Thread, Ended], caplog: pytest.LogCaptureFixture
) -> None:
    thread, is_to_end = earlier_thread
    is_to_end.set()
    thread.join()
    assert logged_lines(caplog) == []


def test_line_of_a_thread_of_the_test_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    is_to_end = Ended()
    is_to_end.set()
    thread = threading.Thread(target=_log_at_end, args=(is_to_end,))
    thread.start()
    thread.join()
    assert logged_lines(caplog) == ["a line of a thread"]

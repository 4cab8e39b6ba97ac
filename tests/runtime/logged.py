"""What a test has had logged."""

import logging
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def without_earlier_threads(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Keep from caplog what is logged by threads that run before a test: those of earlier tests
    maintain their journals as long as the process lives."""
    earlier = set(threading.enumerate()) - {threading.main_thread()}

    def is_of_the_test(record: logging.LogRecord) -> bool:
        # Asked here, in the thread that logs: later the thread may have ended.
        return threading.current_thread() not in earlier

    caplog.handler.addFilter(is_of_the_test)
    yield
    caplog.handler.removeFilter(is_of_the_test)


def logged_lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """The lines that were logged at `level` or above."""
    return [record.getMessage() for record in caplog.records if record.levelno >= level]

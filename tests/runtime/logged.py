"""What a test has had logged."""

import logging
import threading

import pytest

_earlier: list[threading.Thread] = []


def note_earlier_threads() -> None:
    """Note the threads that run before a test: those of earlier tests maintain their journals as
    long as the process lives, and log that."""
    _earlier[:] = [each for each in threading.enumerate() if each is not threading.main_thread()]


def logged_lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """The lines that were logged at `level` or above, but for those of threads that ran before the
    test."""
    left_out = {each.ident for each in _earlier if each.is_alive()}
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= level and record.thread not in left_out
    ]

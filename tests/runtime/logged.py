"""What was logged."""

import logging

import pytest


def logged_lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """The lines that were logged at `level` or above."""
    return [record.getMessage() for record in caplog.records if record.levelno >= level]

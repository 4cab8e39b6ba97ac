"""The runs that take up to an hour: whether this is one of them, and the mark of their tests."""

import os

import pytest

ALL_FAULTS = os.environ.get("FAULTS") == "1"
"""Whether this is `make faults`."""

LONG = os.environ.get("LONG") == "1"
"""Whether this is `make long`."""

HOUR = os.environ.get("HOUR") == "1"
"""Whether this is `make hour`."""

takes_long = pytest.mark.takes_long
"""Marks a test that takes minutes. In tests/faults it is run by `make faults`, in tests/long by
`make long` and `make hour`."""

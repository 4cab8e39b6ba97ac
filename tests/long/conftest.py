"""The node, and what is left to `make long`."""

import os

import pytest

LONG = os.environ.get("LONG") == "1"
with_long = pytest.mark.skipif(not LONG, reason="takes long: make long")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.broker")

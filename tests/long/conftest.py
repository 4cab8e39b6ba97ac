"""The node, and where the pages go."""

import os
from pathlib import Path

import pytest

LONG = os.environ.get("LONG") == "1"
DOCS = Path(__file__).parents[2] / "docs"

pytest_plugins: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.broker")

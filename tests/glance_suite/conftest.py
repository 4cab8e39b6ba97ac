"""Both notifiers are compared here."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.agreement.plugin")

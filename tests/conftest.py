"""What the tests of each folder need, and how hypothesis searches.

The table is NEEDS: a folder of tests that is missing in it is an error.
"""

import enum
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from tests.long_runs import ALL_FAULTS, LONG

HERE = Path(__file__).parent


class Need(enum.Flag):
    """What a folder of tests needs besides the package, pytest and hypothesis."""

    NOTHING = 0
    PROTON = enum.auto()
    """The package python-qpid-proton, which a C compiler builds."""
    BROKER = enum.auto()
    """A RabbitMQ node, which the plugin tests.broker runs. Where RabbitMQ is not installed the
    tests are skipped; with the environment variable CI=true they fail."""
    GLANCE = enum.auto()
    """The package glance, and the servers that it is run under."""
    HOUR = enum.auto()
    """Up to an hour. The tests marked takes_long are left out of all runs but that of ASKED_BY."""


NEEDS: Mapping[str, Need] = {
    "agreement": Need.NOTHING,
    "bench": Need.NOTHING,
    "cli": Need.NOTHING,
    "commands": Need.BROKER | Need.GLANCE | Need.PROTON,
    "config": Need.NOTHING,
    "consumers": Need.BROKER | Need.GLANCE,
    "delivery": Need.NOTHING,
    "demo": Need.BROKER | Need.GLANCE,
    "doors": Need.PROTON,
    "etc": Need.NOTHING,
    "events": Need.NOTHING,
    "faults": Need.BROKER | Need.PROTON | Need.HOUR,
    "glance": Need.GLANCE,
    "glance_suite": Need.GLANCE,
    "journal": Need.NOTHING,
    "long": Need.BROKER | Need.GLANCE | Need.HOUR,
    "mutations": Need.NOTHING,
    "rabbit": Need.BROKER,
    "recorder": Need.NOTHING,
    "runtime": Need.NOTHING,
    "servers": Need.GLANCE,
    "strategies": Need.BROKER | Need.PROTON,
    "wsgi": Need.NOTHING,
}

PLUGINS = {Need.BROKER: "tests.broker", Need.GLANCE: "tests.agreement.plugin"}
"""The plugins of pytest that have the fixtures for a need. A plugin is loaded once: were its
fixtures imported by the conftest.py of each folder, each folder would start a node of its own."""

ASKED_BY = {"faults": ALL_FAULTS, "long": LONG}
"""Whether this run is to have the tests of a folder that take long."""

settings.register_profile("tests", deadline=None, database=None)
settings.load_profile("tests")


def pytest_configure() -> None:
    """Compare NEEDS with the folders. Raises UsageError."""
    folders = {path.parent.name for path in HERE.glob("*/__init__.py")}
    if wrong := folders ^ NEEDS.keys():
        raise pytest.UsageError(f"NEEDS in {__file__} and the folders differ in {sorted(wrong)}")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Load the plugins that the folder of a module needs, before its tests are collected."""
    for need, plugin in PLUGINS.items():
        if need in NEEDS.get(_folder(module_path), Need.NOTHING):
            parent.config.pluginmanager.import_plugin(plugin)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that take long and are not asked for."""
    left_out = [item for item in items if not _is_asked(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_asked(item: pytest.Item) -> bool:
    return item.get_closest_marker("takes_long") is None or ASKED_BY[_folder(item.path)]


def _folder(path: Path) -> str:
    """The folder below tests/ that a module is in; of a module of tests/ itself its own name."""
    return path.relative_to(HERE).parts[0]

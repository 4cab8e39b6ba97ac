"""What the tests of each folder need, and how hypothesis searches.

The table is NEEDS: a folder of tests that is missing in it is an error.
"""

import enum
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import settings

from tests.long_runs import ALL_FAULTS, HOUR, LONG

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
    """The package glance, and the servers that it is run under. Coverage is not measured: that
    would slow Glance down, too, and these tests run nothing in this process that others do not."""
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

ASKED_BY = {"faults": ALL_FAULTS, "long": LONG or HOUR}
"""Whether this run is to have the tests of a folder that take long."""

SLOW = {
    HERE / "commands" / "test_monitoring.py",
    HERE / "demo" / "test_many.py",
    HERE / "glance" / "test_uwsgi.py",
    HERE / "glance_suite" / "test_glance_suite.py",
    HERE / "long" / "test_imports.py",
    HERE / "rabbit" / "test_other_services.py",
    HERE / "strategies" / "test_contract_faults.py",
    HERE / "strategies" / "test_filter_process.py",
}
"""The modules that take longest. They come first: one that comes last keeps one worker of xdist
busy while the others have nothing more to do."""

settings.register_profile("tests", deadline=None, database=None)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    """Compare NEEDS with the folders, and load the plugin that all tests need. Raises
    UsageError."""
    folders = {path.parent.name for path in HERE.glob("*/__init__.py")}
    if wrong := folders ^ NEEDS.keys():
        raise pytest.UsageError(f"NEEDS in {__file__} and the folders differ in {sorted(wrong)}")
    config.pluginmanager.import_plugin("tests.runtime.logged")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> None:
    """Load the plugins that the folder of a module needs, before its tests are collected."""
    for need, plugin in PLUGINS.items():
        if need in _need(module_path):
            parent.config.pluginmanager.import_plugin(plugin)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that take long and are not asked for, and begin with the slow modules."""
    asked: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        (asked if _is_asked(item) else left_out).append(item)
        if Need.GLANCE in _need(item.path):
            item.add_marker("no_cover")
    config.hook.pytest_deselected(items=left_out)
    items[:] = sorted(asked, key=lambda item: item.path not in SLOW)


def _is_asked(item: pytest.Item) -> bool:
    return item.get_closest_marker("takes_long") is None or ASKED_BY[_folder(item.path)]


def _need(path: Path) -> Need:
    return NEEDS.get(_folder(path), Need.NOTHING)


def _folder(path: Path) -> str:
    """The folder below tests/ that a module is in; of a module of tests/ itself its own name."""
    return path.relative_to(HERE).parts[0]

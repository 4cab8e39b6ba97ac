"""glance-notify check beside a real Glance: what is right for the one is right for the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import glance
from tests.cli.conftest import Run, run  # noqa: F401

LOADS = """
import json
from glance.common import wsgi_app
each = wsgi_app.init_app()
each = dict((path, app) for (_, path), app in each.applications)[""]
found = []
while each is not None:
    found.append(type(each).__name__)
    each = getattr(each, "application", None) or getattr(each, "_app", None)
print(json.dumps(found))
"""
"""Loads Glance as a WSGI server does, and shows the classes of its pipeline."""


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a Glance with a database, and the filter in its pipelines."""
    return glance.lay_out(tmp_path_factory.mktemp("glance"))


def load(configuration: Path) -> tuple[int, str]:
    """Load Glance in a process of its own; returns its exit status, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        env={**os.environ, "OS_GLANCE_CONFIG_DIR": str(configuration)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_set_up_without_a_finding_is_loaded_by_glance(
    configuration: Path,
    run: Run,  # noqa: F811
) -> None:
    ended = run("check", "--conf", str(configuration / "glance-api.conf"))
    assert (ended.status, ended.out) == (0, "")
    status, printed = load(configuration)
    assert status == 0, printed
    (line,) = [line for line in printed.splitlines() if line.startswith('["')]
    classes = json.loads(line)
    assert classes[classes.index("ContextMiddleware") + 1] == "NotifyMiddleware"


def test_set_up_of_which_check_says_that_glance_does_not_start_is_not_loaded(
    configuration: Path,
    run: Run,  # noqa: F811
) -> None:
    paste = configuration / "glance-api-paste.ini"
    right = paste.read_text()
    paste.write_text(f"[DEFAULT]\nrelay = external\n{right}")
    try:
        ended = run("check", str(paste), "-f", "value", "-c", "what")
        assert ended.status == 3
        assert "Glance does not start" in ended.out
        status, printed = load(configuration)
        assert status != 0
        assert "option relay of the notify filter stands in [DEFAULT]" in printed
    finally:
        paste.write_text(right)

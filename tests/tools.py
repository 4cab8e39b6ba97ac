"""Programs of other packages, by which the tests check files that are written for them."""

import os
import shutil
from pathlib import Path

import pytest

_BUILD = Path(__file__).parent.parent / "build"


def tool(name: str, package: str) -> str:
    """The path of a program, which `make test` installs, or puts into build/.

    Where it is missing the test is skipped; with the environment variable CI=true it fails.
    `package` is Debian's package that has the program.
    """
    places = os.pathsep.join([str(_BUILD), os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say(f"{name} is missing: apt-get install {package}")
    return found


def promtool() -> str:
    """The path of promtool, which checks metrics and alert rules of Prometheus."""
    return tool("promtool", "prometheus")

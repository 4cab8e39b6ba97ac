"""This process runs as another user for a while: only root can do that."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def as_another_user(*owned: Path) -> Iterator[int]:
    """Run as the user NOBODY; `owned` get that owner. Gives the number of the user."""
    if os.geteuid() != 0:
        pytest.fail("only root can be another user for a while")
    for path in owned:
        os.chown(path, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    try:
        yield NOBODY
    finally:
        os.seteuid(0)


def open_to_all(path: Path) -> Path:
    """The same path, with modes that let every user reach it."""
    for parent in (path, *path.parents):
        if not os.stat(parent).st_mode & stat.S_IXOTH:
            parent.chmod(0o755)
    return path

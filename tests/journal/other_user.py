"""This process as another user, for a while: only root can be that."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


@contextmanager
def as_another_user(*owned: Path) -> Iterator[int]:
    """The user that this process is for a while; `owned` becomes that user's."""
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
    """The same path, where every user can get at it."""
    for parent in (path, *path.parents):
        if not os.stat(parent).st_mode & stat.S_IXOTH:
            parent.chmod(0o755)
    return path

"""What this process's user may enter and read, and what lets Glance's user do so."""

import os
import shlex
from pathlib import Path

from glance_notify_middleware.cli.user import User


def closed_parent(path: Path) -> Path | None:
    """The first directory on the way to a path that may not be entered; None: all may."""
    for parent in reversed(path.parents):
        try:
            parent.stat()
        except FileNotFoundError:
            return None
        if not os.access(parent, os.X_OK):
            return parent
    return None


def enter(directory: Path, user: User) -> str:
    """The command that lets a user enter a directory."""
    return _of_group(directory, user, "g+x")


def read(path: Path, user: User) -> str:
    """The command that lets a user read a file, and does not let all users read it."""
    return _of_group(path, user, "g+r")


def _of_group(path: Path, user: User, mode: str) -> str:
    name = shlex.quote(str(path))
    return f"chgrp {user.group} {name} && chmod {mode} {name}"

"""Foreign files: what others could put into a journal's directory under a name of the journal."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.journal.sample_journals import message, write_segment

NOBODY = 65534


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the name of a socket has 107 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _link(path: Path) -> None:
    """A link to a segment that the journal itself could have written."""
    elsewhere = path.parent.parent / f"{path.parent.name}-elsewhere"
    elsewhere.mkdir(exist_ok=True)
    path.symlink_to(write_segment(elsewhere, "f" * 16, [(5, message())]))


def _dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def _another_users(path: Path) -> None:
    """A file of another user, with the content of a segment. Only root can make that."""
    made = write_segment(path.parent, "f" * 16, [(5, message())])
    made.rename(path)
    os.chown(path, NOBODY, NOBODY)


FOREIGN: dict[str, Callable[[Path], None]] = {
    "a FIFO": _fifo,
    "a directory": _directory,
    "a socket": _socket,
    "a link": _link,
    "a link to nothing": _dangling,
    "another user's": _another_users,
}

"""Whether a directory is fit for a journal: whose it is, who may write there, what lies there."""

import enum
import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.layout import is_journal_name

# File systems, by their names in mountinfo(5), where appending is not atomic or locks are not safe.
_REMOTE = re.compile(r"nfs4?|cifs|smb\d?|smbfs|9p|afs|ceph|fuse\.(glusterfs|sshfs|ceph.*)")


class DirectoryError(Exception):
    """The directory is not fit for a journal; the text has the reason and the way out."""


class Unfit(enum.Enum):
    """Why a directory is not fit for a journal."""

    OWNER = enum.auto()
    ACCESS = enum.auto()
    NETWORK = enum.auto()
    MODE = enum.auto()
    FOREIGN_FILE = enum.auto()


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a directory is not fit; `text` has the way out."""

    reason: Unfit
    text: str
    path: Path


def prepare(directory: Path) -> None:
    """Make the directory (mode 0700) where it is missing, and check that it is fit for a journal.

    Raises DirectoryError.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise DirectoryError(
            f"{str(directory)!r} cannot be made ({error.strerror}); expected a directory, or one "
            f"that user {os.geteuid()} may make"
        ) from error
    for problem in problems(directory):
        raise DirectoryError(problem.text)


def problems(directory: Path) -> Iterator[Problem]:
    """Why a directory is not fit for a journal of this process's user. Raises OSError."""
    user = os.geteuid()
    found = directory.stat()
    if found.st_uid != user:
        text = f"{str(directory)!r} belongs to user {found.st_uid}, this process to user {user}"
        text += f"; expected a directory of user {user}'s own"
        yield Problem(Unfit.OWNER, text, directory)
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        text = f"{str(directory)!r} cannot be written by user {user}; expected one that can"
        yield Problem(Unfit.ACCESS, text, directory)
    kind = file_system(directory)
    if is_remote(kind):
        text = f"{str(directory)!r} lies on a network file system ({kind}), where appending and "
        text += "locking are not safe; expected a directory on a local one"
        yield Problem(Unfit.NETWORK, text, directory)
    if text := mode_problem(directory):
        yield Problem(Unfit.MODE, text, directory)
    if not os.access(directory, os.R_OK | os.X_OK, effective_ids=True):
        return
    for path in foreign_files(directory, os.listdir(directory)):
        text = f"{str(path)!r} is no regular file of user {user}, so it is none of the journal's; "
        text += f"find out who has put it there, and remove it: rm {shlex.quote(str(path))} (or, "
        text += f"where it is the journal's own and was restored, say: chown {user})"
        yield Problem(Unfit.FOREIGN_FILE, text, path)


def mode_problem(directory: Path) -> str:
    """What is wrong with the mode of the directory, and the way out; empty: nothing.

    Other users than the owner must not write there: they could have notifications sent that were
    never recorded, and could remove what is to be sent. Raises OSError.
    """
    mode = stat.S_IMODE(directory.stat().st_mode)
    if not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return ""
    return (
        f"{str(directory)!r} may be written by others than user {os.geteuid()} (its mode is "
        f"{mode:04o}); expected a directory for its owner alone: "
        f"chmod 0700 {shlex.quote(str(directory))}"
    )


def foreign_files(directory: Path, names: Iterable[str]) -> Iterator[Path]:
    """The foreign files (see files.py) under those of the `names` that the journal uses.

    Raises OSError.
    """
    for name in names:
        if is_journal_name(name) and is_foreign(directory / name):
            yield directory / name


def is_remote(kind: str) -> bool:
    """Whether appending and locking are not safe on a file system of this type."""
    return _REMOTE.fullmatch(kind) is not None


def file_system(path: Path) -> str:
    """The type of the file system on which a path lies; empty where Linux does not show it.

    Raises OSError.
    """
    device = path.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in lines:
        mount, _, rest = line.partition(" - ")
        if mount.split()[2] == wanted:
            return rest.split()[0]
    return ""

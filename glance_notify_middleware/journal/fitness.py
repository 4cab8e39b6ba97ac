"""Whether a directory is fit for a journal: whose it is, who may write there, what lies there."""

import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.layout import is_journal_name

# File systems, by their names in mountinfo(5), where appending is not atomic or locks are not safe.
_REMOTE = re.compile(r"nfs4?|cifs|smb\d?|smbfs|9p|afs|ceph|fuse\.(glusterfs|sshfs|ceph.*)")


class DirectoryError(Exception):
    """The directory is not fit for a journal; the text has the reason and the way out."""


def prepare(directory: Path) -> None:
    """Make the directory (mode 0700) where it is missing, and check that it is fit for a journal.

    Raises DirectoryError.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise DirectoryError(
            f"{str(directory)!r} cannot be made ({error.strerror}); expected a directory, or one "
            f"that user {os.geteuid()} may make"
        ) from error
    if found.st_uid != os.geteuid():
        raise DirectoryError(
            f"{str(directory)!r} belongs to user {found.st_uid}, this process to user "
            f"{os.geteuid()}; expected a directory of user {os.geteuid()}'s own"
        )
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise DirectoryError(
            f"{str(directory)!r} cannot be written by user {os.geteuid()}; expected one that can"
        )
    kind = _file_system(found.st_dev)
    if _REMOTE.fullmatch(kind):
        raise DirectoryError(
            f"{str(directory)!r} lies on a network file system ({kind}), where appending and "
            "locking are not safe; expected a directory on a local one"
        )
    if problem := mode_problem(directory):
        raise DirectoryError(problem)
    for path in foreign_files(directory, os.listdir(directory)):
        raise DirectoryError(
            f"{str(path)!r} is no regular file of user {os.geteuid()}, so it is none of the "
            f"journal's; find out who has put it there, and remove it: rm {shlex.quote(str(path))} "
            f"(or, where it is the journal's own and was restored, say: chown {os.geteuid()})"
        )


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


def _file_system(device: int) -> str:
    """The type of the file system on a device; empty where Linux does not show it."""
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

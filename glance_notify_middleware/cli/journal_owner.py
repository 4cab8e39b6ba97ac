"""Becomes the user that owns the journal: Glance could not read what root would write."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.cli.user import numbered
from glance_notify_middleware.config import OptionError
from glance_notify_middleware.runtime.own_log import LOG, log_line


def become_owner(directory: Path) -> None:
    """As root, become the owner of the directory, with the owner's groups and its own group.

    Another user than root stays who it is. Raises OptionError where the directory is missing.
    """
    if os.geteuid() != 0:
        return
    owner = _found(directory)
    # Password and key files may be readable for one of the owner's groups alone.
    os.setgroups(numbered(owner.st_uid).groups)
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    for code in (logging.__file__, __file__):
        if not os.access(code, os.R_OK):
            what = f"user {owner.st_uid}, the owner of {directory}, cannot read {code}: what is "
            what += "imported from there later fails; install it where that user can read it"
            log_line(LOG, logging.WARNING, what)


@contextlib.contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """As root, be the owner of the directory within the `with` statement alone.

    Raises OptionError where the directory is missing, and as `require_owner` does.
    """
    if os.geteuid() != 0:
        require_owner(directory)
        yield
        return
    owner = _found(directory)
    group, groups = os.getegid(), os.getgroups()
    os.setgroups(numbered(owner.st_uid).groups)
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def require_owner(directory: Path) -> None:
    """Raises OptionError, with the way out, where the directory is missing or another user's: the
    files of a journal can be read by its owner alone."""
    owner, user = _found(directory).st_uid, os.geteuid()
    if owner != user:
        raise OptionError(
            f"option journal_dir of the notify filter: {str(directory)!r} belongs to user "
            f"{_name_of(owner)}, and this command runs as user {_name_of(user)}; expected that "
            f"user, or root: sudo -u {_name_of(owner)} glance-notify ..."
        )


def _found(directory: Path) -> os.stat_result:
    try:
        return directory.stat()
    except PermissionError as error:
        raise OptionError(
            f"option journal_dir of the notify filter: {str(directory)!r} cannot be seen by user "
            f"{_name_of(os.geteuid())}; expected the user that Glance runs as, or root"
        ) from error
    except OSError as error:
        raise OptionError(
            f"option journal_dir of the notify filter: {str(directory)!r}: {error.strerror}; "
            "expected the directory that Glance, with this filter, has made: start it first"
        ) from error


def _name_of(number: int) -> str:
    """As sudo takes it."""
    name = numbered(number).name
    return f"#{name}" if name.isdecimal() else name

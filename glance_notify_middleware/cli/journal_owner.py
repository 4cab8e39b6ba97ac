"""Becomes the user that owns the journal: Glance could not read what root would write."""

import logging
import os
import pwd
from pathlib import Path

from glance_notify_middleware.config import OptionError
from glance_notify_middleware.runtime.own_log import LOG, log_line


def become_owner(directory: Path) -> None:
    """As root, become the owner of the directory, with the owner's groups and its own group.

    Another user than root stays who it is. Raises OptionError where the directory is missing.
    """
    if os.geteuid() != 0:
        return
    try:
        owner = directory.stat()
    except OSError as error:
        raise OptionError(
            f"option journal_dir of the notify filter: {str(directory)!r}: {error.strerror}; "
            "expected the directory that Glance, with this filter, has made: start it first"
        ) from error
    os.setgroups(_groups_of(owner.st_uid))
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    for code in (logging.__file__, __file__):
        if not os.access(code, os.R_OK):
            what = f"user {owner.st_uid}, the owner of {directory}, cannot read {code}: what is "
            what += "imported from there later fails; install it where that user can read it"
            log_line(LOG, logging.WARNING, what)


def _groups_of(user: int) -> list[int]:
    """The groups of a user (initgroups(3)), as a service with User= has them.

    Password and key files may be readable for one of these groups alone. A user without a name, as
    in containers, has no groups.
    """
    try:
        found = pwd.getpwuid(user)
    except KeyError:
        return []
    return os.getgrouplist(found.pw_name, found.pw_gid)

"""Users of the machine, with their groups."""

import grp
import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A user of the machine. `name` and `group` are numbers where they have no names.

    `groups` are all groups of the user (initgroups(3)), as a service with User= has them.
    """

    name: str
    group: str
    uid: int
    gid: int
    groups: tuple[int, ...]


def named(name: str) -> User:
    """The user of a name, or of a number in digits. Raises KeyError for a name of nobody."""
    return numbered(int(name)) if name.isdecimal() else _of(pwd.getpwnam(name))


def numbered(number: int) -> User:
    """The user of a number; one without a name, as in containers, has no groups."""
    try:
        return _of(pwd.getpwuid(number))
    except KeyError:
        return User(str(number), str(number), number, number, ())


def _of(entry: pwd.struct_passwd) -> User:
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return User(entry.pw_name, _group_name(entry.pw_gid), entry.pw_uid, entry.pw_gid, groups)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)

"""Glance's user, and what is seen with that user's eyes."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from glance_notify_middleware.cli.errors import UsageError
from glance_notify_middleware.cli.user import User, named, numbered
from glance_notify_middleware.config.finding import Finding, Level

_USUAL = "glance"


def find(given: str | None, of_server: str, directory: Path) -> User:
    """Glance's user: the `given` one; else the one that the server's file names; else `glance`,
    where there is such a user; else the owner of journal_dir; else the one who asks.

    Raises UsageError for a `given` one that does not exist.
    """
    if given:
        try:
            return named(given)
        except KeyError as error:
            raise UsageError(f"--user: there is no user {given}") from error
    for name in (of_server, _USUAL):
        try:
            return named(name)
        except KeyError:
            continue
    try:
        return numbered(directory.stat().st_uid)
    except OSError:
        return numbered(os.geteuid())


def can_be(user: User) -> bool:
    """Whether this process is that user, or can become it."""
    return os.geteuid() in (0, user.uid)


def seen_by(user: User, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What `look` finds as that user, with all groups of that user. Raises PermissionError.

    A process of another user looks in a child: so this process stays who it is. An error of `look`
    is raised as a RuntimeError with the name of its class.
    """
    if os.geteuid() == user.uid:
        return list(look())
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _look_and_end(user, look, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    found = json.loads(answer or b'"nothing"')
    if isinstance(found, str):
        raise RuntimeError(found)
    return [Finding(Level(level), *texts) for level, *texts in found]


def _look_and_end(user: User, look: Callable[[], Iterable[Finding]], writing: int) -> None:
    """In the child. Nothing of the parent is run at the end."""
    answer: object = "nothing"
    try:
        os.setgroups(user.groups)
        os.setgid(user.gid)
        os.setuid(user.uid)
        answer = [[each.level, each.name, each.what, each.mend] for each in look()]
    except BaseException as error:
        answer = type(error).__name__  # its text can hold a secret
    finally:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(json.dumps(answer).encode())
        os._exit(0)

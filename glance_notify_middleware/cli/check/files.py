"""The files that Glance's user reads or writes: paste file, passwords, certificates, log_file."""

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from glance_notify_middleware.cli import target_mends
from glance_notify_middleware.cli.check import access
from glance_notify_middleware.cli.user import User
from glance_notify_middleware.config import Target
from glance_notify_middleware.config.brokers import PeerSettings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies import credentials
from glance_notify_middleware.strategies.credentials import MisconfiguredError


def paste_file(path: Path, user: User) -> Iterator[Finding]:
    """Whether this process's user, Glance's, may read the paste file."""
    for what, mend in _unreadable(path, user):
        yield Finding(Level.ERROR, "paste-file-unreadable", f"{what}: Glance does not start", mend)


def credential_files(
    target: Target, read_secrets: Callable[[], object], user: User
) -> Iterator[Finding]:
    """What is wrong with the files that a target's options name. To be called as Glance's user.

    `read_secrets` reads those with secrets, and raises MisconfiguredError.
    """
    here: PeerSettings = getattr(target.settings, target.strategy)
    is_right = True
    for field in here.files:
        path = Path(getattr(here, field))
        option = f"option {target.option(f'{here.option_prefix}_{field}')}"
        if path.name and not access.closed_parent(path) and not path.exists():
            is_right = False
            yield _to_be_made(f"{option}: {path} is missing", path, user)
        for what, mend in _unreadable(path, user) if path.name else ():
            is_right = False
            what = f"{option}: {what}"
            yield Finding(Level.ERROR, "credentials-unreadable", what, mend)
    if not is_right:
        return
    for read in (read_secrets, lambda: _tls(here)):
        try:
            read()
        except MisconfiguredError as error:
            named = [getattr(here, field) for field in here.files]
            named_there = [each for each in named if each and each in str(error)]
            yield _to_be_made(target_mends.named(str(error), target), Path(named_there[0]), user)


def _tls(here: PeerSettings) -> None:
    if here.ssl_ca_file or here.ssl_cert_file:
        credentials.tls_context(here)


def _to_be_made(what: str, path: Path, user: User) -> Finding:
    name = shlex.quote(str(path))
    mend = f"install -m 0640 -g {user.group} /dev/stdin {name} (its content on standard input)"
    return Finding(Level.ERROR, "credentials-missing", what, mend)


def _unreadable(path: Path, user: User) -> Iterator[tuple[str, str]]:
    """What keeps the user from reading a file that exists, and the command that mends it."""
    if parent := access.closed_parent(path):
        yield f"{path}: user {user.name} may not enter {parent}", access.enter(parent, user)
    elif path.exists() and not os.access(path, os.R_OK):
        yield f"{path} cannot be read by user {user.name}", access.read(path, user)


def log_file(target: Target, user: User) -> Iterator[Finding]:
    """Whether this process's user, Glance's, may append to the log_file of a target."""
    path = Path(target.settings.log_file)
    if not path.name or target.strategy != "logging":
        return
    if (problem := _not_appendable(path, user)) is not None:
        what, mend = problem
        what = f"option {target.option('log_file')}: {what}; Glance does not start"
        yield Finding(Level.ERROR, "log-file-not-writable", what, mend)


def _not_appendable(path: Path, user: User) -> tuple[str, str] | None:
    name, folder = shlex.quote(str(path)), shlex.quote(str(path.parent))
    if parent := access.closed_parent(path):
        return f"user {user.name} may not enter {parent}", access.enter(parent, user)
    if not path.parent.is_dir():
        mend = f"install -d -o {user.name} -m 0750 {folder}"
        return f"{path.parent} is missing, where {path.name} is to be made", mend
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if os.access(path.parent, os.W_OK):
            return None
        mend = f"install -o {user.name} -m 0640 /dev/null {name}"
        return f"{path} is missing, and user {user.name} cannot make it", mend
    if not stat.S_ISREG(mode):
        return f"{path} is no regular file", f"mv {name} {shlex.quote(str(path) + '.kept')}"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"{path} cannot be written by user {user.name}", f"chown {user.name} {name}"
    return None

"""The command `glance-notify`."""

import argparse
import configparser
import logging
import os
import pwd
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from paste.deploy import loadwsgi

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies.loading import makers

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 0, or 1 after an OptionError, which it prints."""
    parser = argparse.ArgumentParser(prog="glance-notify", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    relay = commands.add_parser(
        "relay",
        help="send what Glance's processes have recorded (relay = external)",
        description="Send what the processes of Glance on this machine have recorded, until "
        "SIGTERM or Ctrl-C. Run as root, it becomes the owner of journal_dir.",
    )
    relay.add_argument("paste_file", help="the paste file that has the filter's section")
    relay.add_argument(
        "--filter", default="notify", metavar="NAME", help="of [filter:NAME]; default: notify"
    )
    relay.set_defaults(run=_relay)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        return int(chosen.run(settings_of(chosen.paste_file, chosen.filter)))
    except OptionError as error:
        print(f"glance-notify: {error}", file=sys.stderr)
        return 1


def _relay(settings: Settings) -> int:
    strategies = makers(settings)
    if not strategies:
        chosen = ", ".join(settings.notifier_strategy)
        raise OptionError(
            f"option notifier_strategy of the notify filter: {chosen!r} has nothing to relay; "
            "expected rabbit, qpid, or another that sends to a broker"
        )
    _become_owner(assembly.directory_of(settings))
    host = hosting.host()
    assembly.prepare(settings, strategies, host)
    relay = assembly.relay(settings, strategies, host)
    # A blocked signal stays pending until sigwait. A handler could be missed: Python runs it in
    # this thread, which does not wake for it when it is about to wait for a lock.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    threading.Thread(target=relay.run, name="glance-notify-relay", daemon=True).start()
    signal.sigwait(_STOP_SIGNALS)
    relay.stop()
    return 0


def settings_of(paste_file: str, name: str) -> Settings:
    """The settings of the section [filter:`name`] of a paste file, as the filter has them.

    Raises OptionError, also where the file or the section is missing or cannot be read.
    """
    path = Path(paste_file).absolute()
    if not path.is_file():
        raise OptionError(f"{path} is no file; expected the paste file of Glance")
    try:
        context = loadwsgi.loadcontext(loadwsgi.FILTER, f"config:{path}", name=name)
    except LookupError as error:
        raise OptionError(
            f"{path} has no section [filter:{name}]; say --filter NAME for another name"
        ) from error
    except configparser.Error as error:
        # The error's own text has the line, in which a password can stand.
        raise OptionError(f"{path} is no paste file: {_place_of(error)}") from error
    return config.read_section(context.global_conf, context.local_conf, socket.gethostname())


def _place_of(error: configparser.Error) -> str:
    """Where in the file the error is, without what stands there."""
    if isinstance(error, configparser.InterpolationError):
        option, section = error.option, error.section
        return f"option {option} of [{section}] has a % that means nothing; expected %% for each %"
    found = getattr(error, "errors", None) or [(getattr(error, "lineno", "?"), "")]
    lines = ", ".join(str(number) for number, _ in found)
    return f"line {lines}; expected [section], or option = value, each option once"


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


def _become_owner(directory: Path) -> None:
    """As root, become the owner of the directory, with the owner's groups and its own group.

    Glance, which is the owner, could not read what root would write. Raises OptionError where the
    directory is missing.
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

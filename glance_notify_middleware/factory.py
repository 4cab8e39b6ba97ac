"""The Paste entry: makes the filter from the lines of its section in api-paste.ini."""

import functools
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from wsgiref.types import WSGIApplication

from glance_notify_middleware import assembly, config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.harmless import LOG
from glance_notify_middleware.middleware import NotifyMiddleware
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.log import NOTIFICATIONS, FileRecorder, LoggerRecorder
from glance_notify_middleware.telling import Recorder


def filter_factory(
    global_conf: dict[str, str] | None, **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Paste's filter factory. Raises OptionError when a line of the section is wrong.

    `global_conf`, the file's [DEFAULT] section, is not ours and may hold anything.
    """
    settings = config.read(local_conf, socket.gethostname())
    for name in settings.historic:
        LOG.warning("option %s of the notify filter has no meaning any more: remove it", name)
    if settings.notifier_strategy == "noop":
        LOG.info("notifier_strategy is noop: no notification is sent")
        return lambda app: app
    recorder, where = _recorder(settings)
    LOG.info(
        "notifications go to %s; priorities: %s; disabled: %s",
        where,
        ", ".join(settings.priorities),
        ", ".join(settings.disabled_notifications) or "none",
    )
    return lambda app: NotifyMiddleware(app, settings, recorder)


def _rabbit(settings: Settings) -> Callable[[], Strategy]:
    from glance_notify_middleware.strategies.rabbit import Rabbit

    return functools.partial(Rabbit, settings)


def _qpid(settings: Settings) -> Callable[[], Strategy]:
    from glance_notify_middleware.strategies.qpid import Qpid

    return functools.partial(Qpid, settings)


@dataclass(frozen=True, slots=True)
class _Library:
    """What a strategy is made with; and, where its library is missing, what brings it."""

    make: Callable[[Settings], Callable[[], Strategy]]
    brought_by: str


_LIBRARIES = {
    "rabbit": _Library(_rabbit, "pip install glance-notify-middleware brings"),
    "qpid": _Library(
        _qpid,
        "pip install 'glance-notify-middleware[qpid]' brings (with a C compiler and Python's "
        "headers), or Debian's package python3-qpid-proton",
    ),
}


def strategy(settings: Settings) -> Callable[[], Strategy]:
    """What makes the chosen strategy, of those that need delivery; connects nothing.

    Raises OptionError where its library is missing.
    """
    name = settings.notifier_strategy
    library = _LIBRARIES[name]
    try:
        return library.make(settings)
    except ImportError as error:
        raise OptionError(
            f"option notifier_strategy of the notify filter: {name} needs {error.name or error}, "
            f"which is not installed; expected what {library.brought_by}"
        ) from error


def _recorder(settings: Settings) -> tuple[Recorder, str]:
    """What takes the notifications, and in words where they go."""
    if settings.notifier_strategy == "logging":
        if not settings.log_file:
            return LoggerRecorder(), f"the logger {NOTIFICATIONS.name}"
        return _file_recorder(settings.log_file), settings.log_file
    make_strategy = strategy(settings)
    assembly.prepare(settings)
    hosts = ", ".join(str(broker) for broker in assembly.hosts(settings))
    where = (
        f"{settings.notifier_strategy} at {hosts}, by way of the journal in {settings.journal_dir}"
    )
    return assembly.recorder(settings, make_strategy), where


def _file_recorder(path: str) -> FileRecorder:
    try:
        return FileRecorder(path)
    except OSError as error:
        raise OptionError(
            f"option log_file of the notify filter: {path!r} cannot be opened for "
            f"appending ({error.strerror}); expected a file that user "
            f"{os.geteuid()} may write, in a directory that exists"
        ) from error

"""The Paste entry: makes the filter from the lines of its section in api-paste.ini."""

import functools
import os
import socket
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from glance_notify_middleware import assembly, config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.harmless import LOG
from glance_notify_middleware.middleware import NotifyMiddleware, Recorder
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.log import NOTIFICATIONS, FileRecorder, LoggerRecorder


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


def strategy(settings: Settings) -> Callable[[], Strategy]:
    """What makes the chosen strategy, of those that need delivery; connects nothing.

    Raises OptionError where its library is missing.
    """
    try:
        from glance_notify_middleware.strategies.rabbit import Rabbit
    except ImportError as error:
        raise OptionError(
            f"option notifier_strategy of the notify filter: rabbit needs {error.name}, which is "
            "not installed; expected what pip install glance-notify-middleware brings"
        ) from error
    return functools.partial(Rabbit, settings)


def _recorder(settings: Settings) -> tuple[Recorder, str]:
    """What takes the notifications, and in words where they go."""
    if settings.notifier_strategy == "logging":
        if not settings.log_file:
            return LoggerRecorder(), f"the logger {NOTIFICATIONS.name}"
        return _file_recorder(settings.log_file), settings.log_file
    make_strategy = strategy(settings)
    assembly.prepare(settings)
    hosts = ", ".join(str(broker) for broker in settings.rabbit_hosts)
    where = f"rabbit at {hosts}, by way of the journal in {settings.journal_dir}"
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

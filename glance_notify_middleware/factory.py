"""The Paste entry: makes the filter from the lines of its section in api-paste.ini."""

import os
import socket
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.recorder import Recorder, SeveralRecorders
from glance_notify_middleware.recorder.logging_strategy import (
    NOTIFICATIONS,
    FileRecorder,
    LoggerRecorder,
)
from glance_notify_middleware.runtime.own_log import LOG
from glance_notify_middleware.strategies.loading import makers
from glance_notify_middleware.strategies.registry import describe
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware


def filter_factory(
    global_conf: dict[str, str] | None, **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Paste's filter factory: takes the lines of the filter's section, and returns the filter.

    `global_conf`, the file's [DEFAULT] section, may hold anything but the filter's options: see
    `config.read_section`. Raises OptionError when a line of the section is wrong.
    """
    settings = config.read_section(global_conf or {}, local_conf, socket.gethostname())
    for name in settings.historic:
        LOG.warning("option %s of the notify filter has no meaning any more: remove it", name)
    if settings.notifier_strategy == ("noop",):
        LOG.info("notifier_strategy is noop: no notification is sent")
        return lambda app: app
    recorder, where = _recorder(settings, (global_conf or {}).get("__file__", ""))
    LOG.info(
        "notifications go to %s; priorities: %s; disabled: %s",
        where,
        ", ".join(settings.priorities),
        ", ".join(settings.disabled_notifications) or "none",
    )
    return lambda app: NotifyMiddleware(app, settings, recorder)


def _recorder(settings: Settings, paste_file: str) -> tuple[Recorder, str]:
    """The recorder that the settings choose, and where notifications go, in words for the log.

    Raises OptionError.
    """
    recorders: list[Recorder] = []
    places: list[str] = []
    if "logging" in settings.notifier_strategy:
        recorders.append(_log_recorder(settings.log_file))
        places.append(settings.log_file or f"the logger {NOTIFICATIONS.name}")
    strategies = makers(settings)
    if strategies:
        host = hosting.host()
        assembly.prepare(settings, strategies, host)
        recorders.append(assembly.recorder(settings, strategies, host, paste_file))
        brokers = " and ".join(_place(name, settings) for name in strategies)
        places.append(f"{brokers}, by way of the journal in {settings.journal_dir}")
    elif settings.journal_dir_is_set:
        recorders = [assembly.counting(settings, recorders[0], hosting.host())]
        places[0] += f", counted in {settings.journal_dir}"
    recorder = recorders[0] if len(recorders) == 1 else SeveralRecorders(recorders)
    return recorder, "; and to ".join(places)


def _place(strategy: str, settings: Settings) -> str:
    hosts = ", ".join(str(broker) for broker in describe(strategy, settings).brokers)
    return f"{strategy} at {hosts}" if hosts else strategy


def _log_recorder(path: str) -> Recorder:
    if not path:
        return LoggerRecorder()
    try:
        return FileRecorder(path)
    except OSError as error:
        raise OptionError(
            f"option log_file of the notify filter: {path!r} cannot be opened for "
            f"appending ({error.strerror}); expected a file that user "
            f"{os.geteuid()} may write, in a directory that exists"
        ) from error

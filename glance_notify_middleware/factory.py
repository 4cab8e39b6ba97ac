"""The Paste entry: makes the filter from the lines of its section in api-paste.ini."""

import os
import socket
from collections.abc import Callable
from wsgiref.types import WSGIApplication

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.harmless import LOG
from glance_notify_middleware.middleware import NotifyMiddleware, Recorder
from glance_notify_middleware.strategies.log import NOTIFICATIONS, FileRecorder, LoggerRecorder


def filter_factory(
    global_conf: dict[str, str] | None, **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Paste's filter factory. Raises OptionError when a line of the section is wrong.

    `global_conf`, the file's [DEFAULT] section, is not ours and may hold anything.
    """
    settings = config.read(local_conf, socket.gethostname())
    if settings.notifier_strategy == "noop":
        LOG.info("notifier_strategy is noop: no notification is sent")
        return lambda app: app
    recorder = _recorder(settings)
    LOG.info(
        "notifications go to %s; priorities: %s; disabled: %s",
        settings.log_file or f"the logger {NOTIFICATIONS.name}",
        ", ".join(settings.priorities),
        ", ".join(settings.disabled_notifications) or "none",
    )
    return lambda app: NotifyMiddleware(app, settings, recorder)


def _recorder(settings: Settings) -> Recorder:
    if not settings.log_file:
        return LoggerRecorder()
    try:
        return FileRecorder(settings.log_file)
    except OSError as error:
        raise OptionError(
            f"option log_file of the notify filter: {settings.log_file!r} cannot be opened for "
            f"appending ({error.strerror}); expected a file that user "
            f"{os.geteuid()} may write, in a directory that exists"
        ) from error

"""The Paste entry: makes the filter from the lines of its section in api-paste.ini."""

import os
import socket
from collections.abc import Callable, Sequence
from wsgiref.types import WSGIApplication

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError, Settings, Target
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.recorder import Recorder, SeveralRecorders
from glance_notify_middleware.recorder.logging_strategy import (
    NOTIFICATIONS,
    FileRecorder,
    LoggerRecorder,
)
from glance_notify_middleware.recorder.selecting import SelectingRecorder
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
        _listed(settings.disabled_notifications, "none"),
    )
    for target in settings.targets.values():
        if target.has_own_lines:
            _log_target(target)
    # Python calls a bound method faster than an object: most requests pay for little else.
    return lambda app: NotifyMiddleware(app, settings, recorder).__call__


def _log_target(target: Target) -> None:
    """Log what a target with lines of its own gets."""
    gets = target.settings
    LOG.info(
        "target %s (%s) gets: event types: %s; disabled: %s; priorities: %s; projects: %s",
        target.name,
        target.strategy,
        _listed(gets.event_types, "all"),
        _listed(gets.disabled_notifications, "none"),
        ", ".join(gets.priorities),
        _listed(sorted(gets.projects), "all"),
    )


def _listed(words: Sequence[str], nothing: str) -> str:
    return ", ".join(words) or nothing


def _recorder(settings: Settings, paste_file: str) -> tuple[Recorder, str]:
    """The recorder that the settings choose, and where notifications go, in words for the log.

    Raises OptionError.
    """
    writing = [each for each in settings.targets.values() if each.strategy == "logging"]
    recorders = [_log_recorder(target, settings) for target in writing]
    places = [each.settings.log_file or f"the logger {NOTIFICATIONS.name}" for each in writing]
    strategies = makers(settings)
    if strategies:
        host = hosting.host()
        assembly.prepare(settings, strategies, host)
        recorders.append(assembly.recorder(settings, strategies, host, paste_file))
        brokers = " and ".join(_place(settings.targets[name]) for name in strategies)
        places.append(f"{brokers}, by way of the journal in {settings.journal_dir}")
    elif settings.journal_dir_is_set:
        recorders = [assembly.counting(settings, _together(recorders), hosting.host())]
        places[-1] += f", counted in {settings.journal_dir}"
    return _together(recorders), "; and to ".join(places)


def _together(recorders: Sequence[Recorder]) -> Recorder:
    return recorders[0] if len(recorders) == 1 else SeveralRecorders(recorders)


def _place(target: Target) -> str:
    hosts = ", ".join(str(broker) for broker in describe(target).brokers)
    return f"{target.name} at {hosts}" if hosts else target.name


def _log_recorder(target: Target, settings: Settings) -> Recorder:
    selection = target.selection(settings)
    found = _written(target)
    return found if selection.is_all_of(settings.kinds) else SelectingRecorder(found, selection)


def _written(target: Target) -> Recorder:
    path = target.settings.log_file
    if not path:
        return LoggerRecorder()
    try:
        return FileRecorder(path)
    except OSError as error:
        raise OptionError(
            f"option {target.option('log_file')} of the notify filter: {path!r} cannot be opened "
            f"for appending ({error.strerror}); expected a file that user {os.geteuid()} may "
            "write, in a directory that exists"
        ) from error

"""Starts what runs beside the requests, in each process that serves requests.

It does not wait for a request.

A server loads the application once and forks its processes, or loads the application in each of
them. Threads do not survive a fork; and a process that loads and forks serves no requests itself.
"""

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from glance_notify_middleware.runtime.own_log import LOG, log_line, never_raises

_START_DELAY = 1.0
"""Seconds between the load of the application, or a fork, and the start. Nothing is started in a
process that forks within that time after the load, or calls exec within that time after a fork."""


def in_each_process(start: Callable[[], object]) -> None:
    """Call `start` in each process that serves requests, soon after the process has begun.

    Under uWSGI the module `uwsgi` shows when that is, as uWSGI does not run Python's fork hooks by
    default. Under other servers, a process that forks soon after it has loaded the application
    (gunicorn --preload) only manages the processes that serve requests.
    """
    uwsgi = _uwsgi()
    if uwsgi is None:
        _DelayedStart(start)
    elif uwsgi.worker_id() > 0:  # lazy-apps: loaded in the worker
        _start_under_uwsgi(uwsgi, start)
    else:
        _after_fork(uwsgi, lambda: _start_under_uwsgi(uwsgi, start))


class _DelayedStart:
    """Calls `start` after a delay: in this process, and in each process that is forked from it."""

    def __init__(self, start: Callable[[], object]) -> None:
        self._start = start
        self._forks = False  # whether this process forks, and leaves the requests to its children
        os.register_at_fork(after_in_parent=self._forked, after_in_child=self._in_child)
        self._wait()

    def _forked(self) -> None:
        self._forks = True

    def _in_child(self) -> None:
        self._forks = False
        self._wait()

    @never_raises
    def _wait(self) -> None:
        timer = threading.Timer(_START_DELAY, self._begin)
        timer.daemon = True
        timer.start()

    @never_raises
    def _begin(self) -> None:
        if not self._forks:
            self._start()


def _uwsgi() -> Any:
    """The module that uWSGI offers to applications; None under another server."""
    try:
        import uwsgi
    except ImportError:
        return None
    return uwsgi


@never_raises
def _start_under_uwsgi(uwsgi: Any, start: Callable[[], object]) -> None:
    if not {"enable-threads", "threads"} & {_text(name) for name in uwsgi.opt}:
        log_line(
            LOG,
            logging.WARNING,
            "uWSGI runs this process without threads: notifications are recorded, but not sent "
            "from here; start it with --enable-threads, or set relay = external",
        )
    start()


def _after_fork(uwsgi: Any, then: Callable[[], None]) -> None:
    before = getattr(uwsgi, "post_fork_hook", None)

    def hook() -> None:
        if before is not None:
            before()
        then()

    uwsgi.post_fork_hook = hook


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name

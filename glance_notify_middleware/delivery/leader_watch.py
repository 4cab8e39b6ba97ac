"""Reports, with `relay = external`, when no relay runs to send what is recorded."""

import logging
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.journal.locks import is_led
from glance_notify_middleware.runtime.own_log import LOG, log_line

_REPORT_AFTER = 10.0
"""Seconds without a leader after which that is reported: a relay may be restarted meanwhile."""

_REPORT_EVERY = 3600.0  # seconds between two reports


def relay_command(paste_file: str) -> str:
    """The command that starts the relay of a filter in `paste_file`, which is empty where its path
    is not known."""
    installed = Path(sys.prefix) / "bin" / "glance-notify"
    program = shlex.quote(str(installed)) if installed.exists() else installed.name
    return f"{program} relay {shlex.quote(paste_file) if paste_file else 'PASTE_FILE'}"


class LeaderWatch:
    """Watches whether a directory has a leader, in another process than this one."""

    def __init__(
        self, directory: Path, command: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`command` is the one that starts a relay. `clock` counts seconds."""
        self._directory = directory
        self._command = command
        self._clock = clock
        self._since: float | None = None  # when no leader was seen for the first time
        self._reported_at: float | None = None  # when that was reported last

    def check(self) -> None:
        """Look for a leader, and report where there is none. To be called about once a second.
        Does not raise."""
        try:
            led = is_led(self._directory)
        except OSError:
            return  # the maintenance of the journal reports what is wrong with the directory
        now = self._clock()
        if led:
            if self._reported_at is not None:
                what = f"a relay runs again, and sends what waits in {self._directory}"
                log_line(LOG, logging.INFO, what)
            self._since = self._reported_at = None
            return
        if self._since is None:
            self._since = now
        waited = now - (self._since if self._reported_at is None else self._reported_at)
        if waited >= (_REPORT_AFTER if self._reported_at is None else _REPORT_EVERY):
            self._reported_at = now
            what = f"no relay runs (relay = external): notifications wait in {self._directory}"
            log_line(LOG, logging.ERROR, f"{what}; start it: {self._command}")

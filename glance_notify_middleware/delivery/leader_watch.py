"""Says when nobody sends what is recorded: `relay = external`, and no relay runs."""

import logging
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.journal.locks import is_led
from glance_notify_middleware.runtime.own_log import LOG, log_line

_REPORT_AFTER = 10.0
"""Seconds without a leader after which it is said: a relay may be started again meanwhile."""

_REPORT_EVERY = 3600.0  # seconds between two lines that say so


def relay_command(paste_file: str) -> str:
    """What starts the relay of a filter that stands in `paste_file`, empty where it is unknown."""
    installed = Path(sys.prefix) / "bin" / "glance-notify"
    program = shlex.quote(str(installed)) if installed.exists() else installed.name
    return f"{program} relay {shlex.quote(paste_file) if paste_file else 'PASTE_FILE'}"


class LeaderWatch:
    """Looks whether a directory has a leader, in another process than this one."""

    def __init__(
        self, directory: Path, start: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`start` is the command that starts one."""
        self._directory = directory
        self._start = start
        self._clock = clock
        self._since: float | None = None  # when nobody was seen to lead for the first time
        self._logged_at: float | None = None  # when that was said last

    def check(self) -> None:
        """To be called about once a second. Does not raise."""
        try:
            led = is_led(self._directory)
        except OSError:
            return  # what ails the directory is said by who tends it
        now = self._clock()
        if led:
            if self._logged_at is not None:
                self._log(logging.INFO, "a relay runs again, and sends what waits in")
            self._since = self._logged_at = None
            return
        if self._since is None:
            self._since = now
        waited = now - (self._since if self._logged_at is None else self._logged_at)
        if waited >= (_REPORT_AFTER if self._logged_at is None else _REPORT_EVERY):
            self._logged_at = now
            self._log(logging.ERROR, "no relay runs (relay = external): notifications wait in")

    def _log(self, level: int, what: str) -> None:
        way_out = f"; start it: {self._start}" if level == logging.ERROR else ""
        log_line(LOG, level, f"{what} {self._directory}{way_out}")

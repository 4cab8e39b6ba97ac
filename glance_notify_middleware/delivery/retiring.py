"""Retires strategies that are not configured any more, so that they hold back no segment."""

import contextlib
import logging
from pathlib import Path

from glance_notify_middleware.delivery.aside.files import remove_files
from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import read_owned
from glance_notify_middleware.journal.layout import listing, segment_path
from glance_notify_middleware.runtime.own_log import LOG, log_line


def retire(directory: Path, file: CursorFile) -> None:
    """Drop each strategy that is in `file` but not configured, and log how many notifications are
    not sent to it. Raises OSError.

    To be called before a segment is removed that the other strategies have been sent: it may have
    notifications that are to be counted.
    """
    for name, cursors in file.retired.items():
        unsent = _unsent(directory, cursors) + remove_files(directory, name, cursors)
        what = f"{name} is not in notifier_strategy any more: {unsent} notifications are not sent"
        log_line(LOG, logging.WARNING if unsent else logging.INFO, f"{what} to it")
    if file.retired:
        file.changed()
        file.save(at_once=True)


def _unsent(directory: Path, cursors: Cursors) -> int:
    """How many notifications the journals have behind these cursors."""
    count = 0
    for identity, numbers in listing(directory).segments.items():
        place = cursors.positions.get(identity)
        for number in numbers:
            if place is not None and number < place.segment:
                continue
            offset = place.offset if place is not None and number == place.segment else 0
            # Another leader may have removed the segment. And a segment that cannot be read must
            # not keep this process from leading.
            with contextlib.suppress(OSError):
                data = read_owned(segment_path(directory, identity, number), offset)
                count += sum(
                    entry.count for entry in entries.scan(data) if entry.kind == Kind.EVENTS
                )
    return count

"""What a strategy leaves that is not configured any more: counted, told, and in nobody's way."""

import contextlib
import logging
from pathlib import Path

from glance_notify_middleware.delivery import aside
from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import read_owned
from glance_notify_middleware.journal.layout import listing, segment_path
from glance_notify_middleware.runtime.own_log import LOG, log_line


def retire(directory: Path, file: CursorFile) -> None:
    """Retire each strategy that `file` has and that is none any more. Raises OSError.

    To be called before anything of the journal is removed that others have been sent.
    """
    for name, cursors in file.retired.items():
        unsent = _unsent(directory, cursors) + aside.remove_files(directory, name, cursors)
        told = f"{name} is not in notifier_strategy any more: {unsent} notifications are not sent"
        log_line(LOG, logging.WARNING if unsent else logging.INFO, f"{told} to it")
    if file.retired:
        file.changed()
        file.save(at_once=True)


def _unsent(directory: Path, cursors: Cursors) -> int:
    """How many notifications stand in the journal behind its cursors."""
    count = 0
    for identity, numbers in listing(directory).segments.items():
        place = cursors.positions.get(identity)
        for number in numbers:
            if place is not None and number < place.segment:
                continue
            offset = place.offset if place is not None and number == place.segment else 0
            # Another leader may have been here; and what cannot be read keeps nobody from leading.
            with contextlib.suppress(OSError):
                data = read_owned(segment_path(directory, identity, number), offset)
                count += sum(each.count for each in entries.scan(data) if each.kind == Kind.EVENTS)
    return count

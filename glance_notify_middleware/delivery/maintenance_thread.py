"""The maintenance thread of a journal: it does once a second what no request is to wait for."""

import logging
import time
from collections.abc import Callable

from glance_notify_middleware.journal import fitness
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line


def maintain(journal: Journal, each_second: Callable[[], None] = lambda: None) -> None:
    """Call `each_second` and maintain the journal, at once and then once a second, without end.

    It also opens the journal, so that no request waits for that. An error is logged once, however
    often it comes, and so is its end.
    """
    logged: set[tuple[type[Exception], int | None]] = set()  # what is in the way at present
    while True:
        try:
            each_second()
            _maintain_once(journal)
        except Exception as error:
            # By type and errno: the text can hold the random name of a file.
            trouble = type(error), getattr(error, "errno", None)
            if trouble not in logged:
                logged.add(trouble)
                log_error(f"the journal in {journal.directory} cannot be maintained", error)
        else:
            if logged:
                log_line(
                    LOG, logging.INFO, f"the journal in {journal.directory} is maintained again"
                )
            logged.clear()
        time.sleep(1.0)


def _maintain_once(journal: Journal) -> None:
    """Raises OSError; and DirectoryError where the directory is not fit for the user of this
    process, who may be another than the one that loaded the filter."""
    try:
        journal.open()
        journal.maintain()
    except PermissionError:
        fitness.prepare(journal.directory)
        raise

"""An error of ours is logged and ends there: the request it happened in goes on."""

import contextlib
import functools
import logging
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from glance_notify_middleware.events.escaping import escaped_text

LOG = logging.getLogger("glance_notify_middleware")
"""What the filter has to say of itself."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def never_raises(method: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """Makes `method` return None, and log the error, where it would raise."""

    @functools.wraps(method)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            log_error(f"notifications of a request may be missing ({method.__name__})", error)
            return None

    return guarded


def log_error(what: str, error: BaseException) -> None:
    """Log the error and `what` it cost on one line, and below it where it came from.

    `what` may have several lines. Not the exceptions that it came on top of: those can be the
    application's, and tell secrets.
    """
    with contextlib.suppress(Exception):  # logging fails too: of a filter, of a __str__
        said = f"{type(error).__name__}: {escaped_text(str(error))}: {what}"
        came_from = "".join(traceback.format_tb(error.__traceback__)).rstrip()
        _log(LOG, logging.ERROR, *said.split("\n"), *came_from.split("\n"))


def log_line(logger: logging.Logger, level: int, message: str) -> None:
    """Log `message`, as one line, and nothing of the exception that is being handled, if there is
    one.

    oslo.log's formatter appends that one to a line above INFO, and what the application
    raised can hold secrets. A KeyError it leaves out (oslo.log 8, `_get_error_summary`).
    """
    _log(logger, level, message)


def _log(logger: logging.Logger, level: int, *lines: str) -> None:
    """Brokers, file systems and clients have chosen parts of them."""
    try:
        raise KeyError from None
    except KeyError:
        logger.log(level, "%s", "\n".join(map(escaped_text, lines)))

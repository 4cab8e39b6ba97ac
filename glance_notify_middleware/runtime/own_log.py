"""The filter's own log. An error of the filter is logged, and the request in which it happened goes
on."""

import contextlib
import functools
import logging
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from glance_notify_middleware.events.escaping import escaped_text

LOG = logging.getLogger("glance_notify_middleware")
"""The logger of the filter itself; notifications have another one."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def never_raises(method: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """Makes `method` log an error, and return None, where it would raise the error."""

    @functools.wraps(method)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            log_error(f"notifications of a request may be missing ({method.__name__})", error)
            return None

    return guarded


def log_error(what: str, error: BaseException) -> None:
    """Log the error and `what` it cost in one line, and the traceback below it.

    `what` may have several lines. The exceptions that were handled when the error was raised are
    not logged: they can be the application's, and hold secrets.
    """
    with contextlib.suppress(Exception):  # a logging filter can raise, or a __str__
        summary = f"{type(error).__name__}: {escaped_text(str(error))}: {what}"
        origin = "".join(traceback.format_tb(error.__traceback__)).rstrip()
        _log(LOG, logging.ERROR, *summary.split("\n"), *origin.split("\n"))


class ErrorsOnce:
    """Logs the first error at each of several things, such as the files of a process: what fails
    there is tried again and again."""

    def __init__(self) -> None:
        self._logged: set[str] = set()

    def log(self, of: str, what: str, error: BaseException) -> None:
        """Log as `log_error` does, unless an error was logged `of` this name before."""
        if of not in self._logged:
            self._logged.add(of)
            log_error(what, error)


def log_line(logger: logging.Logger, level: int, message: str) -> None:
    """Log `message` as one line, and nothing of an exception that is being handled.

    oslo.log's formatter appends the exception that is being handled to a line above INFO, and an
    exception of the application can hold secrets. So the line is logged while a KeyError is
    handled, which the formatter leaves out (oslo.log 8, `_get_error_summary`).
    """
    _log(logger, level, message)


def _log(logger: logging.Logger, level: int, *lines: str) -> None:
    """Log the lines with control characters escaped: brokers, file systems and clients have chosen
    parts of them."""
    try:
        raise KeyError from None
    except KeyError:
        logger.log(level, "%s", "\n".join(map(escaped_text, lines)))

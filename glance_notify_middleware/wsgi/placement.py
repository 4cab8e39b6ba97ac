"""What requests show of the filter's place: in the pipeline, and among several nodes of Glance.

In some places the filter cannot see all that it needs. Then a warning is logged; each filter logs
each of these warnings once.
"""

import logging
from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import identity
from glance_notify_middleware.events.operations import Operation
from glance_notify_middleware.runtime.own_log import LOG, log_line

CACHE_KEY = "api.cache.image_id"
"""What Glance's cache filter leaves in the environ (glance 33.0.0, `_stash_request_info`)."""

_CACHE_ABOVE = (
    "the filter stands below Glance's cache filter: downloads that the cache answers have no "
    "events; put it directly before `cache` in the pipeline of the paste file"
)
_NOBODY = (
    "nobody is known who made a request that Glance granted: neither a context of Glance's nor an "
    "X-Identity-Status header was seen, so project and user are null; put the filter directly "
    "after `context` in the pipeline of the paste file"
)


class Placement:
    """The place of one filter. `passed_on` counts the requests that another node has done."""

    def __init__(self) -> None:
        self.passed_on = 0
        self._not_logged = {_CACHE_ABOVE, _NOBODY}

    def note_cache_keys(self) -> None:
        """A download came with the keys of Glance's cache filter: the cache did not answer it."""
        self._warn_once(_CACHE_ABOVE)

    def note_no_context(self, environ: Mapping[str, Any], status: int | None) -> None:
        """A request came without a context of Glance's. `environ` is as it is after the call.

        `status` is that of the response; None where the application raised before it gave one.
        """
        granted = status is not None and 200 <= status < 300
        if granted and not identity.authentication_has_run(environ):
            self._warn_once(_NOBODY)

    def note_passed_on(self, operation: Operation) -> None:
        """Another node did the operation: its filter emits the events."""
        self.passed_on += 1
        what = f"{operation.route.method} {operation.route.path}"
        LOG.debug("%s: another node did it, and emits its events (%d so far)", what, self.passed_on)

    def _warn_once(self, what: str) -> None:
        try:
            self._not_logged.remove(what)  # succeeds on one thread only
        except KeyError:
            return
        log_line(LOG, logging.WARNING, what)

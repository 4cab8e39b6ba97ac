"""What requests show of what stands around the filter: said once, or counted."""

import logging
from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import identity
from glance_notify_middleware.events.operations import Action, Operation
from glance_notify_middleware.runtime.own_log import LOG, log_line

CACHE_KEY = "api.cache.image_id"
"""What Glance's cache filter leaves in the environ (glance 33.0.0, `_stash_request_info`)."""

_CACHE_ABOVE = (
    "the filter stands below Glance's cache filter: downloads that the cache answers are not "
    "told; put it directly before `cache` in the pipeline of the paste file"
)
_NOBODY = (
    "nobody is known who made a request that Glance granted: neither a context of Glance's nor an "
    "X-Identity-Status header was seen, so project and user are null; put the filter directly "
    "after `context` in the pipeline of the paste file"
)


class Placement:
    """One for each filter of a process. `passed_on` counts requests that another node tells."""

    def __init__(self) -> None:
        self.passed_on = 0
        self._unsaid = {_CACHE_ABOVE, _NOBODY}

    def saw_cache_above(self, operation: Operation) -> None:
        """A request came with the keys of Glance's cache filter: it was no hit."""
        if operation.action is Action.SEND:
            self._say(_CACHE_ABOVE)

    def saw_no_context(self, environ: Mapping[str, Any], status: int | None) -> None:
        """A request came without a context and is answered; its environ as it is now."""
        granted = status is not None and 200 <= status < 300
        if granted and not identity.authentication_has_run(environ):
            self._say(_NOBODY)

    def saw_passed_on(self, operation: Operation) -> None:
        """Another node did what was asked."""
        self.passed_on += 1
        what = f"{operation.route.method} {operation.route.path}"
        LOG.debug("%s: another node did it, and tells it (%d so far)", what, self.passed_on)

    def _say(self, what: str) -> None:
        try:
            self._unsaid.remove(what)  # by one thread alone
        except KeyError:
            return
        log_line(LOG, logging.WARNING, what)

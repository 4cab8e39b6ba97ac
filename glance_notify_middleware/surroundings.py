"""What requests show of what stands around the filter: said once, or counted."""

import logging
from collections.abc import Mapping
from typing import Any

from glance_notify_middleware import identity
from glance_notify_middleware.harmless import LOG, harmless, log_alone
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.operations import Action, Operation

_CACHE_ABOVE = (
    "the filter stands below Glance's cache filter: downloads that the cache answers are not "
    "told; put it directly before `cache` in the pipeline of the paste file"
)
_NOBODY = (
    "nobody is known who made a request that Glance granted: neither a context of Glance's nor an "
    "X-Identity-Status header was seen, so project and user are null; put the filter directly "
    "after `context` in the pipeline of the paste file"
)


class Surroundings:
    """One for each filter of a process. `passed_on` counts requests that another node tells."""

    def __init__(self) -> None:
        self.passed_on = 0
        self._unsaid = {_CACHE_ABOVE, _NOBODY}

    @harmless
    def look_before(self, operation: Operation, environ: Mapping[str, Any]) -> None:
        """Before the application is called: a miss shows that the cache filter stands above.

        It leaves its keys in the environ (glance 33.0.0, CacheFilter._stash_request_info).
        """
        if operation.action is Action.SEND and "api.cache.image_id" in environ:
            self._say(_CACHE_ABOVE)

    def look_after(
        self, operation: Operation, before: Receiver | None, environ: Mapping[str, Any], ok: bool
    ) -> bool:
        """After it was called: whether another node told the operation. `ok`: it was granted.

        `before` is who the context said it was before the call, None where there was none.
        """
        if before is None:
            if ok and not identity.is_there(environ):
                self._say(_NOBODY)
            return False
        if not identity.was_passed_on(before, environ):
            return False
        self.passed_on += 1
        what = f"{operation.route.method} {operation.route.path}"
        LOG.debug("%s: another node did it, and tells it (%d so far)", what, self.passed_on)
        return True

    def _say(self, what: str) -> None:
        try:
            self._unsaid.remove(what)  # by one thread alone
        except KeyError:
            return
        log_alone(LOG, logging.WARNING, what)

"""Whose request a thread is at, as the service's log says it: oslo.context keeps that, by thread.

A look-up that passes Glance's context filter leaves its own there (oslo.context 6.5: every context
that is made takes the place of the one before it). oslo.context is not imported: where nobody else
has done so, there is nothing to put back.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

_NONE = object()


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """At its end the thread has the context again that it had at the beginning, or none."""
    before = getattr(_store(), "context", _NONE)
    try:
        yield
    finally:
        after = _store()
        if after is not None and getattr(after, "context", _NONE) is not before:
            with contextlib.suppress(Exception):
                _set(after, before)


def _store() -> Any:
    """A thread's own attributes; None where oslo.context is not loaded."""
    return getattr(sys.modules.get("oslo_context.context"), "_request_store", None)


def _set(store: Any, context: Any) -> None:
    if context is _NONE:
        del store.context
    else:
        store.context = context

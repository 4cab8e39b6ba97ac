"""Whose request a thread is at, as the service's log says it: oslo.context keeps that, by thread.

A look-up that passes Glance's context filter leaves its own there (oslo.context 6.5: every context
that is made takes the place of the one before it). oslo.context is not imported: where nobody else
has done so, there is nothing to put back.
"""

import sys
from typing import Any

_MODULE = "oslo_context.context"
_STORE = "_request_store"  # a thread's own attributes
_NONE = object()


def current() -> object:
    """What `put_back` wants to be given."""
    return getattr(getattr(sys.modules.get(_MODULE), _STORE, None), "context", _NONE)


def put_back(before: object) -> None:
    """The thread has the context again that `current` found, or none. Does not raise."""
    store: Any = getattr(sys.modules.get(_MODULE), _STORE, None)
    if getattr(store, "context", _NONE) is before:
        return
    try:
        if before is _NONE:
            del store.context
        else:
            store.context = before
    except AttributeError:  # not as oslo.context 6.5 has it
        return

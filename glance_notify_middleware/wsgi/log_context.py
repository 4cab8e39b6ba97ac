"""The context by which the service's log names the request that a thread works on.

oslo.context keeps it by thread. A look-up that passes Glance's context filter leaves a context of
its own there (oslo.context 6.5: every context that is made replaces the one before it). This module
does not import oslo.context: where nobody else has imported it, there is nothing to restore.
"""

import sys
from typing import Any

_MODULE = "oslo_context.context"
_STORE = "_request_store"  # its attributes are a thread's own
_NONE = object()


def current() -> object:
    """The thread's context, or a mark that there is none, for `restore`."""
    return getattr(getattr(sys.modules.get(_MODULE), _STORE, None), "context", _NONE)


def restore(before: object) -> None:
    """Give the thread the context again that `current` has returned. Does not raise."""
    store: Any = getattr(sys.modules.get(_MODULE), _STORE, None)
    if getattr(store, "context", _NONE) is before:
        return
    try:
        if before is _NONE:
            del store.context
        else:
            store.context = before
    except AttributeError:  # the store is not as oslo.context 6.5 has it
        return

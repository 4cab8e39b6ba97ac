"""Calls functions when the process ends in good order, after Glance has ended its background work.

Glance waits for its imports in a callback of atexit (33.0, `init_app` in
glance/common/wsgi_app.py). It registers the callback before it loads its pipeline, so before a
filter can register one; and atexit calls the callback first that was registered last. So a callback
of the filter would be called too early. All finalizers of weakref share one callback of atexit,
which is registered with the first finalizer. A library that Glance imports (SQLAlchemy 2) makes the
first one, before Glance registers its callback. So finalizers are called after Glance's callback.
"""

import weakref
from collections.abc import Callable


class _Process:
    """Stands for this process: its one instance lives until the interpreter ends."""


_PROCESS = _Process()


def at_process_end(do: Callable[[], object]) -> None:
    """Have `do` called when the process ends, before functions that were registered earlier. A
    forked child calls it, too, when it ends."""
    weakref.finalize(_PROCESS, do)

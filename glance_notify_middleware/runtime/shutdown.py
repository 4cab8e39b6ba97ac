"""What is done when the process ends in good order, after Glance has ended what it works on.

Where Glance waits for its imports in a callback of atexit (33.0, `init_app` in glance/common/
wsgi_app.py), that is registered before its pipeline is loaded, so before any of ours; and atexit
calls the latest first. All finalizers share one callback, registered with the first of them, which
a library that Glance imports makes (SQLAlchemy 2): so they come after Glance's.
"""

import weakref
from collections.abc import Callable


class _Process:
    """This one: it lives until the interpreter ends."""


_PROCESS = _Process()


def at_process_end(do: Callable[[], object]) -> None:
    """Have it done then, before what was asked for earlier. A forked child does it, too."""
    weakref.finalize(_PROCESS, do)

"""A function that is replaced for the thread of a test alone.

Maintenance threads of earlier tests go on in the same process, and call the same functions.
"""

import threading
from collections.abc import Callable
from typing import Any


def here(replacement: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Calls `replacement` in the thread that calls this, and `function` in any other."""
    this_thread = threading.get_ident()

    def chosen(*args: Any, **named: Any) -> Any:
        found = replacement if threading.get_ident() == this_thread else function
        return found(*args, **named)

    return chosen

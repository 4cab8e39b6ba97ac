"""The threads of this process that serve one journal, each of which runs once."""

import threading
from collections.abc import Callable


class NamedThreads:
    """Threads by name. They are daemons: none keeps the process from ending."""

    def __init__(self) -> None:
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        """Whether the thread of this name was started."""
        return name in self._threads

    def start(self, name: str, target: Callable[[], None]) -> bool:
        """Run `target` on a thread of this name; False where that was started before.

        Raises RuntimeError where the system can start no thread at present.
        """
        with self._lock:
            if name in self._threads:
                return False
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads[name] = thread
        return True

"""Logs how the states of things change."""

from glance_notify_middleware.runtime.own_log import LOG, log_line


class StateLog:
    """Logs one line for each change of state of a thing: not one for each event, or each try."""

    def __init__(self, strategy: str) -> None:
        """Each line begins with the name of the `strategy`."""
        self._strategy = strategy
        self._states: dict[str, str] = {}  # as last logged, by thing

    def state(self, thing: str) -> str | None:
        """The state of a thing that was last logged."""
        return self._states.get(thing)

    def change(self, thing: str, state: str, level: int, detail: str = "") -> None:
        """Log `state` and `detail`, if `state` is another one than that thing had before."""
        if self._states.get(thing) != state:
            self._states[thing] = state
            line = f"{self._strategy} {state}: {detail}" if detail else f"{self._strategy} {state}"
            log_line(LOG, level, line)

    def forget(self, thing: str) -> None:
        """The thing is well again: whatever comes next is logged."""
        self._states.pop(thing, None)

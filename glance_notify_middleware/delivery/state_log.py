"""Logs each change of a state once."""

from glance_notify_middleware.runtime.own_log import LOG, log_line


class StateLog:
    """Logs one line when the state of a thing changes, not one for each message or each try.

    A thing is a priority or the connection, for instance; its state is the text of the line.
    """

    def __init__(self, strategy: str) -> None:
        """Each line begins with the name of the strategy."""
        self._strategy = strategy
        self._states: dict[str, str] = {}  # as last logged, by thing

    def state(self, thing: str) -> str | None:
        """The state of `thing` that was last logged, if there is one."""
        return self._states.get(thing)

    def change(self, thing: str, state: str, level: int, detail: str = "") -> None:
        """Log `state` and `detail`, if `thing` had another state before."""
        if self._states.get(thing) != state:
            self._states[thing] = state
            line = f"{self._strategy} {state}: {detail}" if detail else f"{self._strategy} {state}"
            log_line(LOG, level, line)

    def forget(self, thing: str) -> None:
        """Forget the state of `thing`, so that the next one is logged whatever it is."""
        self._states.pop(thing, None)

"""What the strategies find at their brokers, all at the same time, within a bound."""

import queue
import threading
import time
from collections.abc import Iterator, Mapping

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies.description import Inspect

_Found = tuple[str, Finding | None]
"""A target and what was found at it; None: the inspection has ended."""


def findings(
    inspections: Mapping[str, tuple[Inspect, Settings]], seconds: float
) -> Iterator[Finding]:
    """What the inspections find, by the names of their targets, in `seconds` at most.

    An inspection that takes longer is left alone: its thread ends with the process.
    """
    found: queue.SimpleQueue[_Found] = queue.SimpleQueue()
    for target, (inspect, settings) in inspections.items():
        threading.Thread(
            target=_inspect,
            args=(target, inspect, settings, found),
            name=f"glance-notify-check-{target}",
            daemon=True,
        ).start()
    waiting = set(inspections)
    deadline = time.monotonic() + seconds
    while waiting:
        try:
            target, finding = found.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        if finding is None:
            waiting.remove(target)
        else:
            yield finding
    for target in sorted(waiting):
        what = f"{target}: the look at its brokers has not ended within {seconds:.0f} s"
        mend = f"glance-notify send-test --target {target}"
        yield Finding(Level.ERROR, "target-silent", what, mend)


def _inspect(
    target: str, inspect: Inspect, settings: Settings, found: queue.SimpleQueue[_Found]
) -> None:
    try:
        for finding in inspect(settings):
            found.put((target, finding))
    except Exception as error:  # its text can hold a secret
        what = f"{target}: a defect of its inspection: {type(error).__name__}; please report it"
        found.put((target, Finding(Level.ERROR, "target-defect", what, "report it")))
    found.put((target, None))

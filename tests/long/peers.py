"""The peers of targets, and how each is taken away for a while and brought back."""

import contextlib
import statistics
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from demo.rabbit import Rabbit
from tests.long.target_readers import FileReader, Reader
from tests.strategies.webhook_place import WebhookPlace

_PATIENCE = 120.0  # seconds until a peer that is back must have what it missed
_CALM = 1.0  # seconds without a fault after a phase: the last events of the phase arrive


@dataclass(frozen=True)
class Fault:
    """How a peer is taken away, and brought back."""

    target: str
    name: str
    begin: Callable[[], object]
    end: Callable[[], object]
    takes_away: bool = True
    """Whether the target can get nothing meanwhile."""


def faults_of_rabbit(target: str, rabbit: Rabbit) -> list[Fault]:
    """A node is killed, frozen, and refuses connections."""

    def refuse() -> None:
        rabbit.ctl("suspend_listeners")
        rabbit.ctl("close_all_connections", "as a test")

    return [
        Fault(target, "killed", rabbit.kill, rabbit.start),
        Fault(target, "frozen", rabbit.freeze, rabbit.thaw),
        Fault(target, "refuses", refuse, lambda: rabbit.ctl("resume_listeners")),
    ]


def faults_of_webhook(target: str, place: WebhookPlace) -> list[Fault]:
    """A receiver is killed, frozen, and refuses connections."""
    return [
        Fault(target, "killed", place.crash, place.start),
        Fault(target, "frozen", place.freeze, place.thaw),
        Fault(target, "refuses", place.refuse, place.accept),
    ]


def faults_of_file(target: str, reader: FileReader) -> list[Fault]:
    """A file is moved away under its writers: it has no process that could be away."""
    return [Fault(target, "rotated", reader.rotate, lambda: None, takes_away=False)]


@dataclass(frozen=True)
class Phase:
    """A time in which a peer was away, and then behind; in seconds of the wall clock."""

    fault: Fault
    begun: float
    ended: float
    caught_up: float


def run_phase(fault: Fault, seconds: float, readers: Mapping[str, Reader]) -> Phase:
    """Take a peer away for `seconds`, bring it back, and wait until its target has caught up; then
    until all events of that time have arrived everywhere, before a next fault holds them up."""
    begun = time.time()
    with _away(fault):
        time.sleep(seconds)
    ended = time.time()
    _wait_for(fault, readers[fault.target], ended)
    caught_up = time.time()
    for reader in readers.values():
        _wait_for(fault, reader, caught_up + _CALM)
    return Phase(fault, begun, ended, caught_up)


def _wait_for(fault: Fault, reader: Reader, since: float) -> None:
    """Wait until an event of `since` (seconds of the wall clock) or later has arrived."""
    give_up = time.monotonic() + _PATIENCE
    while not reader.has_from(since):
        assert time.monotonic() < give_up, f"a target is behind: {fault.target} {fault.name}"
        time.sleep(0.05)


@contextlib.contextmanager
def _away(fault: Fault) -> Iterator[None]:
    try:
        fault.begin()
        yield
    finally:
        fault.end()


@dataclass(frozen=True)
class Lags:
    """Seconds from the events of some phases to their arrival at a target."""

    median: float
    longest: float


class LagsOfTarget:
    """The lags of a target; of what came again, those of the first time."""

    def __init__(self, reader: Reader) -> None:
        first: dict[str, tuple[float, float]] = {}
        for arrival in reader.arrivals:
            first.setdefault(arrival.message_id, (arrival.generated, arrival.lag))
        self._lags = sorted(first.values())

    def during(self, phases: Sequence[Phase]) -> Lags:
        """The lags of the events that were generated in the phases. There must be some."""
        found = [
            lag
            for phase in phases
            for _, lag in self._lags[
                bisect_left(self._lags, (phase.begun, 0.0)) : bisect_left(
                    self._lags, (phase.caught_up, 0.0)
                )
            ]
        ]
        return Lags(statistics.median(found), max(found))


def by_fault(phases: Sequence[Phase]) -> Mapping[tuple[str, str], list[Phase]]:
    """The phases of each fault, by target and name, in the order of the first ones."""
    found: dict[tuple[str, str], list[Phase]] = {}
    for phase in phases:
        found.setdefault((phase.fault.target, phase.fault.name), []).append(phase)
    return found

"""Messages through journal and relay to a strategy, in this process: how many a second."""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.lane import Route
from glance_notify_middleware.delivery.relay import Relay
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome, Strategy
from tests.strategies.sending import message

BODY = b'{"a": "' + b"x" * 1300 + b'"}'


class _Counting:
    """A strategy that sets an event when so many messages are taken."""

    def __init__(self, strategy: Strategy, count: int, done: threading.Event) -> None:
        self._strategy = strategy
        self._left = count
        self._done = done
        self.keep_alive = strategy.keep_alive
        self.close = strategy.close

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        outcomes = self._strategy.send(batch)
        self._left -= sum(outcome is Outcome.TAKEN for outcome in outcomes)
        if self._left <= 0:
            self._done.set()
        return outcomes


def speed(make: Callable[[], Strategy], count: int) -> float:
    """Messages a second, with a journal that has all of them at the start."""
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), max_size=2**30)
        for _ in range(count):
            journal.record([message(BODY)])
        done = threading.Event()
        route = Route(
            "measured", lambda: _Counting(make(), count, done), "plain", BackOff(0.2, 30.0), 2**20
        )
        relay = Relay(Path(folder), [route], lambda: journal.identity, lambda unknown: True)
        thread = threading.Thread(target=relay.run)
        began = time.perf_counter()
        thread.start()
        assert done.wait(120), "the messages were not taken in two minutes"
        took = time.perf_counter() - began
        relay.stop()
        thread.join()
        return count / took

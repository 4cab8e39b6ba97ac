"""A broker that is a file, so that it outlives killed relays; and relays that send to it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.lane import Route
from glance_notify_middleware.delivery.relay import Relay
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, Strategy

ASIDE_MAX_SIZE = 1024 * 1024  # bytes


class AppendingStrategy:
    """A strategy that takes every message: it appends the id, and the id of its process, to a
    file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            lines = "".join(f"{message.message_id} {os.getpid()}\n" for message in batch)
            # A line that a killed process has torn stands alone.
            os.write(fd, b"\n" + lines.encode())
        finally:
            os.close(fd)
        return [Outcome.TAKEN] * len(batch)

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass


class FileBroker:
    """The file of an AppendingStrategy, and the messages that have arrived in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[tuple[str, int]]:
        """The message id and the id of the sending process, of each message."""
        if not self.path.exists():
            return []
        whole = self.path.read_text().rpartition("\n")[0]
        found = (line.split() for line in whole.splitlines())
        return [(parts[0], int(parts[1])) for parts in found if len(parts) == 2]

    @property
    def ids(self) -> list[str]:
        return [message_id for message_id, _ in self.lines]

    @property
    def senders(self) -> set[int]:
        return {pid for _, pid in self.lines}

    def has(self, ids: Sequence[str]) -> Callable[[], bool]:
        """A function that returns whether all of these messages have arrived."""
        return lambda: set(ids) <= set(self.ids)


def make_relay(
    directory: Path,
    make: Callable[[], Strategy],
    own_identity: Callable[[], str | None] = lambda: None,
    **others: Callable[[], Strategy],
) -> Relay:
    """A relay to a strategy called rabbit, which `make` makes, and to `others` by their names."""
    routes = [
        Route(
            name=name,
            make=make_strategy,
            message_format="plain",
            back_off=BackOff(0.05, 0.2),
            aside_max_size=ASIDE_MAX_SIZE,
        )
        for name, make_strategy in {"rabbit": make, **others}.items()
    ]
    return Relay(directory, routes, own_identity, lambda unknown: True)


def run_relay(directory: Path, path: Path) -> None:
    """Relay to the file `path`, without end: what a process runs."""
    make_relay(directory, lambda: AppendingStrategy(path)).run()


@contextlib.contextmanager
def running_relay(
    directory: Path,
    make: Callable[[], Strategy],
    own_identity: Callable[[], str | None] = lambda: None,
    **others: Callable[[], Strategy],
) -> Iterator[Relay]:
    """A relay, as make_relay makes it, that runs in a thread of this process."""
    relay = make_relay(directory, make, own_identity, **others)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield relay
    finally:
        relay.stop()
        thread.join(30)
        assert not thread.is_alive()

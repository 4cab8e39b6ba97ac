"""Relays with a strategy that appends what it is given to a file: a broker that outlives them."""

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

ASIDE = 1024 * 1024


class Appending:
    """Takes everything: a line for each message, and which process has sent it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            lines = "".join(f"{each.message_id} {os.getpid()}\n" for each in batch)
            os.write(fd, b"\n" + lines.encode())  # what a killed one has torn is a line alone
        finally:
            os.close(fd)
        return [Outcome.TAKEN] * len(batch)

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass


class Broker:
    """What has arrived in the file of an Appending."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def lines(self) -> list[tuple[str, int]]:
        """The id and the sender of each that has arrived."""
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
        """Whether all of them have arrived."""
        return lambda: set(ids) <= set(self.ids)


def relay(
    directory: Path,
    make: Callable[[], Strategy],
    ours: Callable[[], str | None] = lambda: None,
    **others: Callable[[], Strategy],
) -> Relay:
    """To what `make` makes, by the name of rabbit, and to `others` by theirs."""
    routes = [
        Route(
            name=name,
            make=each,
            message_format="plain",
            back_off=BackOff(0.05, 0.2),
            aside_max_size=ASIDE,
        )
        for name, each in {"rabbit": make, **others}.items()
    ]
    return Relay(directory, routes, ours, lambda unknown: True)


def run_relay(directory: Path, path: Path) -> None:
    """The target of a process."""
    relay(directory, lambda: Appending(path)).run()


@contextlib.contextmanager
def relaying(
    directory: Path,
    make: Callable[[], Strategy],
    ours: Callable[[], str | None] = lambda: None,
    **others: Callable[[], Strategy],
) -> Iterator[Relay]:
    """A relay in a thread of this process."""
    one = relay(directory, make, ours, **others)
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stop()
        thread.join(20)
        assert not thread.is_alive()

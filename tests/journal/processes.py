"""Real processes for tests, which are made in a few milliseconds, and can be killed.

They are forked from a server that has one thread, so that no thread of the tests is in the way.
"""

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.locks import open_locked
from glance_notify_middleware.journal.writer import SEGMENT_SIZE, Journal
from tests.journal.sample_journals import GIB, message

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest",
        "tests.journal.killed_writer",
        "tests.delivery.relays",
        "glance_notify_middleware.cli.relay",
        "tests.cli.killed_command",
    ]
)


@contextlib.contextmanager
def running(target: Callable[..., None], *args: Any) -> Iterator[ForkServerProcess]:
    """A process that runs `target(*args)`; it is killed at the end, if it has not ended by then."""
    process = _CONTEXT.Process(target=target, args=args)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def run_in_process(target: Callable[..., None], *args: Any, seconds: float = 60.0) -> None:
    """Run `target(*args)` in a process of its own, which must end with status 0."""
    with running(target, *args) as process:
        process.join(seconds)
        assert process.exitcode == 0


def pipe() -> tuple[Connection, Connection]:
    """A pipe between processes: the end to read from, and the end to write to."""
    return _CONTEXT.Pipe(duplex=False)


def call_in_process(function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in another process."""
    receiver, sender = pipe()
    with receiver, sender, running(_answer, sender, function, args) as process:
        sender.close()  # so that its end is seen here
        answer = receiver.recv()
        process.join()
        return answer


def _answer(sender: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    sender.send(function(*args))


def looks_dead(directory: Path, identity: str) -> bool:
    """Whether another process takes the process with this identity for dead."""
    return call_in_process(_lock, live_path(directory, identity)) is not None


def _lock(path: Path) -> int | None:
    return open_locked(path)


@contextlib.contextmanager
def taken_for_dead(directory: Path, identity: str) -> Iterator[None]:
    """Another process holds the lock of the live file of this identity.

    The live file is read and closed first: if it is this process's, that drops its lock.
    """
    live = live_path(directory, identity)
    live.read_bytes()
    receiver, sender = pipe()
    with receiver, sender, running(_hold, live, sender):
        assert receiver.recv() is True
        yield


def _hold(live: Path, sender: Connection) -> None:
    sender.send(open_locked(live) is not None)
    signal.pause()


def eventually(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until `is_so` returns True."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "this has not come to be"
        time.sleep(0.01)


@contextlib.contextmanager
def living_writer(
    directory: Path, count: int = 0, *, segment_size: int = SEGMENT_SIZE
) -> Iterator["WriterProcess"]:
    """A process that lives and has a journal in `directory`, with `count` messages."""
    orders, order_sender = pipe()
    receiver, sender = pipe()
    with running(_write, directory, segment_size, orders, sender) as process:
        writer = WriterProcess(process, order_sender, receiver)
        if count:
            writer.record(count)
        yield writer
    for end in (orders, order_sender, receiver, sender):
        end.close()


class WriterProcess:
    """A process that records, and maintains its journal, on request."""

    def __init__(
        self, process: ForkServerProcess, order_sender: Connection, receiver: Connection
    ) -> None:
        self.process = process
        self._order_sender = order_sender
        self._receiver = receiver
        self.identity: str = self._answer()

    def record(self, count: int) -> list[str]:
        """Have it record `count` messages; returns their ids."""
        self._order_sender.send(count)
        ids: list[str] = self._answer()
        return ids

    def maintain(self) -> None:
        """Have it maintain its journal once."""
        self._order_sender.send(0)
        self.identity = self._answer()

    def lose_lock(self) -> None:
        """Have something in it open its live file and close it, which drops its lock."""
        self._order_sender.send(-1)
        self._answer()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.join()

    def _answer(self) -> Any:
        assert self._receiver.poll(30)
        return self._receiver.recv()


def _write(directory: Path, segment_size: int, orders: Connection, sender: Connection) -> None:
    journal = Journal(directory, max_size=GIB, segment_size=segment_size)
    journal.open()
    sender.send(journal.identity)
    while True:
        count = orders.recv()
        if count == 0:
            journal.maintain()
            sender.send(journal.identity)
        elif count < 0:
            sender.send(len(live_path(directory, str(journal.identity)).read_bytes()))
        else:
            messages = [message() for _ in range(count)]
            for each in messages:
                journal.record([each])
            sender.send([each.message_id for each in messages])


def refuse_thread(_: threading.Thread) -> None:
    """Stands in for Thread.start where the system can start no thread."""
    raise RuntimeError("can't start new thread")

"""Real processes for tests: made in a few milliseconds, and killed as hard as a test wants.

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
        "glance_notify_middleware.cli",
    ]
)


@contextlib.contextmanager
def running(target: Callable[..., None], *args: Any) -> Iterator[ForkServerProcess]:
    """A process that runs `target(*args)`; killed at the end, if it has not ended by then."""
    process = _CONTEXT.Process(target=target, args=args)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()
        process.close()


def run_in_process(target: Callable[..., None], *args: Any, seconds: float = 20.0) -> None:
    """Run `target(*args)` in a process of its own, to its end, which is to be a good one."""
    with running(target, *args) as process:
        process.join(seconds)
        assert process.exitcode == 0


def pipe() -> tuple[Connection, Connection]:
    """Where processes read what others write."""
    return _CONTEXT.Pipe(duplex=False)


def call_in_process(function: Callable[..., Any], *args: Any) -> Any:
    """What `function(*args)` returns in another process."""
    from_it, told = pipe()
    with from_it, told, running(_answer, told, function, args) as process:
        told.close()  # so that its end is seen here
        answer = from_it.recv()
        process.join()
        return answer


def _answer(told: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    told.send(function(*args))


def looks_dead(directory: Path, identity: str) -> bool:
    """Whether another process takes that one for dead."""
    return call_in_process(_seize, live_path(directory, identity)) is not None


def _seize(path: Path) -> int | None:
    return open_locked(path)


@contextlib.contextmanager
def taken_for_dead(directory: Path, identity: str) -> Iterator[None]:
    """Its live file is read, which drops the lock if that is ours; another process takes it."""
    live = live_path(directory, identity)
    live.read_bytes()
    from_it, told = pipe()
    with from_it, told, running(_hold, live, told):
        assert from_it.recv() is True
        yield


def _hold(live: Path, told: Connection) -> None:
    told.send(open_locked(live) is not None)
    signal.pause()


def eventually(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "this has not come to be"
        time.sleep(0.01)


@contextlib.contextmanager
def living_writer(
    directory: Path, count: int = 0, *, segment_size: int = SEGMENT_SIZE
) -> Iterator["WriterProcess"]:
    """A process with a journal in `directory`, with `count` records."""
    orders, to_it = pipe()
    from_it, told = pipe()
    with running(_write, directory, segment_size, orders, told) as process:
        writer = WriterProcess(process, to_it, from_it)
        if count:
            writer.record(count)
        yield writer
    for end in (orders, to_it, from_it, told):
        end.close()


class WriterProcess:
    """A process that records, and tends its journal, when it is told to."""

    def __init__(self, process: ForkServerProcess, to_it: Connection, from_it: Connection) -> None:
        self.process = process
        self._to_it = to_it
        self._from_it = from_it
        self.identity: str = self._answer()

    def record(self, count: int) -> list[str]:
        """The ids of what it has recorded."""
        self._to_it.send(count)
        ids: list[str] = self._answer()
        return ids

    def maintain(self) -> None:
        """Have it tend its journal once."""
        self._to_it.send(0)
        self.identity = self._answer()

    def lose_lock(self) -> None:
        """Have something in it open its live file, and close it."""
        self._to_it.send(-1)
        self._answer()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.join()

    def _answer(self) -> Any:
        assert self._from_it.poll(20)
        return self._from_it.recv()


def _write(directory: Path, segment_size: int, orders: Connection, told: Connection) -> None:
    journal = Journal(directory, max_size=GIB, segment_size=segment_size)
    journal.open()
    told.send(journal.identity)
    while True:
        count = orders.recv()
        if count == 0:
            journal.maintain()
            told.send(journal.identity)
        elif count < 0:
            told.send(len(live_path(directory, str(journal.identity)).read_bytes()))
        else:
            messages = [message() for _ in range(count)]
            for each in messages:
                journal.record([each])
            told.send([each.message_id for each in messages])


def refuse_thread(_: threading.Thread) -> None:
    """In the place of Thread.start, where the system has no more threads."""
    raise RuntimeError("can't start new thread")
